/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packing core against a twin that is drawn by hand, on small random clusters of every kind,
 * under streams of pods that come and go, with every policy.
 */
#include "tests/property/packing/twin.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES_MAX = 6, PODS = 70 };

struct bed {
  struct lab lab;
  struct twin twin;
  struct lab_node specs[TWIN_NODES]; /* in the order in which they were added */
  size_t spec_count;
  const struct pack_policy *policy;
  struct pack_scorer *scorer;
  struct pack_tables_ref *tables;
};

static void add_node(struct bed *bed) {
  struct lab *lab = &bed->lab;
  struct lab_node *node = &bed->specs[bed->spec_count];
  do {
    lab_make_node(lab, LAB_ANY, node);
    (void)snprintf(node->name, sizeof(node->name), "%zu", random_below(&lab->random, 1000));
  } while (pack_cluster_find(lab->cluster, str_of(node->name)) != SIZE_MAX);
  bed->spec_count++;
  lab_set_node(lab->cluster, node);
  struct pack_node_spec spec = node->spec;
  spec.devices = node->devices;
  spec.counters = node->counters;
  (void)twin_add(&bed->twin, node->name, &spec);
}

static void bed_init(struct bed *bed, uint64_t seed, const struct pack_policy *policy) {
  lab_init(&bed->lab, seed);
  bed->twin.catalog = bed->lab.catalog;
  bed->twin.count = bed->spec_count = 0;
  for (size_t left = 1 + random_below(&bed->lab.random, NODES_MAX); left; left--)
    add_node(bed);
  bed->policy = policy;
  bed->scorer = pack_scorer_new(policy, bed->lab.catalog, seed);
  bed->tables = NULL;
  if (!random_one_in(&bed->lab.random, 3)) {
    bed->tables = lab_tables(&bed->lab);
    pack_scorer_set_tables(bed->scorer, bed->tables);
  }
}

static void bed_done(struct bed *bed) {
  pack_scorer_free(bed->scorer);
  pack_tables_unref(bed->tables);
  lab_done(&bed->lab);
}

static bool draws_lots(const struct pack_policy *policy) {
  struct str name = str_of(pack_policy_name(policy));
  return str_is(name, "random") || str_is(name, "roundrobin");
}

/* ---- the core and its twin are alike --------------------------------------------------------- */

static void check_pods(const struct twin_node *twin, const struct pack_node *node) {
  ck_assert_uint_eq(node->pod_count, twin->pod_count);
  for (size_t p = 0; p < twin->pod_count; p++) {
    const struct pack_pod *pod = &node->pods[p];
    const struct twin_pod *other = &twin->pods[p];
    ck_assert_uint_eq(pod->uid, other->uid);
    ck_assert_mem_eq(&pod->form, &other->form, sizeof(pod->form));
    ck_assert_uint_eq(pod->unit_count, other->unit_count);
    ck_assert_mem_eq(node->units + pod->unit_first, other->units,
                     other->unit_count * sizeof(struct pack_unit));
    /* Replicas of one pod are of one GPU. */
    if (pod->form.kind == PACK_REPLICAS)
      ck_assert_uint_le(pod->unit_count, 1);
  }
}

static void check_node(const struct bed *bed, size_t index) {
  const struct twin *twin = &bed->twin;
  const struct twin_node *drawn = &twin->nodes[index];
  const struct pack_node *node = pack_cluster_node(bed->lab.cluster, index);
  ck_assert(str_is(node->name, drawn->name));
  ck_assert_int_eq(node->cpu_left, twin_cpu_left(drawn));
  ck_assert_int_eq(node->mem_left, twin_mem_left(drawn));
  ck_assert_int_ge(node->cpu_left, 0);
  ck_assert_int_ge(node->mem_left, 0);
  if (drawn->pods_max)
    ck_assert_uint_le(node->pod_count, drawn->pods_max);
  ck_assert_uint_eq(node->device_count, drawn->device_count);
  for (size_t d = 0; d < drawn->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    ck_assert_uint_eq(device->mode, drawn->devices[d].mode);
    ck_assert_uint_eq(device->product, drawn->devices[d].product);
    ck_assert_uint_eq(device->size, drawn->devices[d].size);
    ck_assert_uint_eq(device->left, twin_left(twin, drawn, d));
    if (device->mode == PACK_MODE_MIG)
      ck_assert_uint_eq(
          pack_catalog_mig(bed->lab.catalog, device->product)->occupied[device->layout],
          twin_occupied(twin, drawn, d));
  }
  for (size_t c = 0; c < drawn->counter_count; c++) {
    ck_assert_int_eq(node->counters[c].left, twin_counter_left(drawn, c));
    ck_assert_int_ge(node->counters[c].left, 0);
  }
  check_pods(drawn, node);
}

static bool check_fits(const struct bed *bed, const struct pack_request *request) {
  bool is_placeable = false;
  for (size_t i = 0; i < bed->twin.count; i++) {
    enum pack_reason reason =
        pack_fit(bed->lab.catalog, pack_cluster_node(bed->lab.cluster, i), request);
    bool fits = twin_fits(&bed->twin, &bed->twin.nodes[i], request);
    ck_assert_msg((reason == PACK_FITS) == fits, "node %zu: \"%s\" and fits: %d", i,
                  pack_reason_text(reason), fits);
    is_placeable |= fits;
  }
  return is_placeable;
}

/* ---- byte for byte --------------------------------------------------------------------------- */

struct bytes {
  const struct pack_node *node;
  struct pack_node head;
  size_t size;
  char parts[sizeof(struct pack_pod) * TWIN_PODS + sizeof(struct pack_unit) * TWIN_PODS * 8];
};

static void append(struct bytes *bytes, const void *from, size_t size) {
  ck_assert_uint_le(bytes->size + size, sizeof(bytes->parts));
  if (size)
    memcpy(bytes->parts + bytes->size, from, size);
  bytes->size += size;
}

static void look(const struct pack_node *node, struct bytes *ret) {
  ret->node = node;
  memcpy(&ret->head, node, sizeof(*node));
  ret->size = 0;
  append(ret, node->pods, node->pod_count * sizeof(*node->pods));
  append(ret, node->units, node->unit_count * sizeof(*node->units));
  append(ret, node->devices, node->device_count * sizeof(*node->devices));
  append(ret, node->counters, node->counter_count * sizeof(*node->counters));
}

static void check_trial(struct bed *bed, const struct pack_request *request,
                        const struct pack_placement *placement) {
  static struct bytes before, after;
  struct pack_cluster *cluster = bed->lab.cluster;
  look(pack_cluster_node(cluster, placement->node), &before);
  struct pack_totals totals = *pack_cluster_totals(cluster);
  struct pack_undo put, released;
  ck_assert(pack_try(cluster, UINT64_MAX - 1, request, placement, &put));
  ck_assert(!pack_try(cluster, UINT64_MAX - 1, request, placement, &released));
  ck_assert(pack_try_release(cluster, placement->node, UINT64_MAX - 1, &released));
  pack_undo(cluster, &released);
  pack_undo(cluster, &put);
  look(pack_cluster_node(cluster, placement->node), &after);
  ck_assert_ptr_eq(after.node, before.node);
  ck_assert_mem_eq(&after.head, &before.head, sizeof(before.head));
  ck_assert_uint_eq(after.size, before.size);
  ck_assert_mem_eq(after.parts, before.parts, before.size);
  ck_assert_mem_eq(&totals, pack_cluster_totals(cluster), sizeof(totals));
}

/* ---- order does not matter ------------------------------------------------------------------- */

static void shuffle(struct random *random, size_t *order, size_t count) {
  for (size_t i = 0; i < count; i++)
    order[i] = i;
  for (size_t i = count; i > 1; i--) {
    size_t other = random_below(random, i), kept = order[i - 1];
    order[i - 1] = order[other];
    order[other] = kept;
  }
}

/* The same state, come about in another order. */
static struct pack_cluster *rebuild(struct bed *bed) {
  struct pack_cluster *cluster = pack_cluster_new(bed->lab.catalog);
  size_t order[TWIN_NODES * TWIN_PODS], count = 0;
  shuffle(&bed->lab.random, order, bed->spec_count);
  for (size_t i = 0; i < bed->spec_count; i++)
    lab_set_node(cluster, &bed->specs[order[i]]);
  for (size_t n = 0; n < bed->twin.count; n++)
    count += bed->twin.nodes[n].pod_count;
  shuffle(&bed->lab.random, order, count);
  for (size_t i = 0; i < count; i++) {
    size_t n = 0, p = order[i];
    while (p >= bed->twin.nodes[n].pod_count)
      p -= bed->twin.nodes[n++].pod_count;
    const struct twin_pod *pod = &bed->twin.nodes[n].pods[p];
    struct pack_request request = pod->request;
    request.form_count = 1;
    request.forms[0] = pod->form;
    struct pack_placement placement = {.node = (uint32_t)n, .unit_count = (uint8_t)pod->unit_count};
    memcpy(placement.units, pod->units, pod->unit_count * sizeof(*pod->units));
    ck_assert(pack_commit(cluster, pod->uid, &request, &placement));
  }
  return cluster;
}

static void check_order(struct bed *bed, const struct pack_request *request) {
  if (draws_lots(bed->policy))
    return;
  struct pack_cluster *other = rebuild(bed);
  struct pack_choice choices[2];
  bool is_found[2];
  for (size_t i = 0; i < 2; i++) {
    const struct pack_cluster *cluster = i ? other : bed->lab.cluster;
    struct pack_scorer *scorer = pack_scorer_new(bed->policy, bed->lab.catalog, 1);
    if (bed->tables)
      pack_scorer_set_tables(scorer, bed->tables);
    pack_scorer_set_conditions(scorer, cluster, &(struct pack_traffic){200000, 1000000, false});
    is_found[i] = pack_choose(scorer, cluster, request, &choices[i], 1) == 1;
    pack_scorer_free(scorer);
  }
  ck_assert_int_eq(is_found[0], is_found[1]);
  if (is_found[0]) {
    ck_assert_int_eq(choices[0].score, choices[1].score);
    ck_assert_uint_eq(choices[0].placement.node, choices[1].placement.node);
    ck_assert_uint_eq(choices[0].placement.form, choices[1].placement.form);
    ck_assert_uint_eq(choices[0].placement.unit_count, choices[1].placement.unit_count);
    ck_assert_mem_eq(choices[0].placement.units, choices[1].placement.units,
                     choices[0].placement.unit_count * sizeof(struct pack_unit));
  }
  pack_cluster_free(other);
}

/* One more node, on a copy. */
static void check_more_room(struct bed *bed, const struct pack_request *request) {
  struct pack_cluster *copy = pack_cluster_copy(bed->lab.cluster);
  struct lab_node node;
  lab_make_node(&bed->lab, LAB_ANY, &node);
  (void)snprintf(node.name, sizeof(node.name), "%s", random_one_in(&bed->lab.random, 2) ? "a" : "");
  lab_set_node(copy, &node);
  struct pack_choice choice;
  ck_assert_uint_eq(pack_choose(bed->scorer, copy, request, &choice, 1), 1);
  pack_cluster_free(copy);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void arrive(struct bed *bed) {
  struct pack_request request = lab_request(&bed->lab);
  bool is_placeable = check_fits(bed, &request);
  struct pack_choice choices[TWIN_NODES];
  if (random_one_in(&bed->lab.random, 8))
    check_order(bed, &request);
  if (is_placeable)
    check_more_room(bed, &request);
  size_t count = pack_choose(bed->scorer, bed->lab.cluster, &request, choices, TWIN_NODES);
  ck_assert_int_eq(count > 0, is_placeable);
  for (size_t i = 0; i < count; i++) {
    const struct pack_placement *placement = &choices[i].placement;
    ck_assert(twin_is_legal(&bed->twin, &bed->twin.nodes[placement->node], &request, placement));
    check_trial(bed, &request, placement);
  }
  if (!count)
    return;
  ck_assert(pack_commit(bed->lab.cluster, ++bed->lab.uid, &request, &choices[0].placement));
  twin_commit(&bed->twin, bed->lab.uid, &request, &choices[0].placement);
  check_node(bed, choices[0].placement.node);
}

static void depart(struct bed *bed, size_t node) {
  const struct twin_node *drawn = &bed->twin.nodes[node];
  if (drawn->pod_count == 0)
    return;
  uint64_t uid = drawn->pods[random_below(&bed->lab.random, drawn->pod_count)].uid;
  ck_assert(pack_release(bed->lab.cluster, node, uid));
  twin_release(&bed->twin, node, uid);
  check_node(bed, node);
}

static void switch_mode(struct bed *bed, size_t index) {
  struct twin_node *node = &bed->twin.nodes[index];
  if (node->device_count == 0 || node->counter_count)
    return;
  size_t device = random_below(&bed->lab.random, node->device_count);
  enum pack_mode mode = (enum pack_mode)random_below(&bed->lab.random, PACK_MODES);
  const struct gpu_product *product = lab_product(node->devices[device].product);
  unsigned size = mode == PACK_MODE_WHOLE ? 1000 : mode == PACK_MODE_SHARED ? 4 : 0;
  if (mode == PACK_MODE_MIG && product)
    size = product->memory_slices;
  bool is_empty = twin_left(&bed->twin, node, device) == node->devices[device].size;
  struct err err;
  bool is_switched = pack_cluster_set_mode(bed->lab.cluster, index, (uint8_t)device, mode, 4, &err);
  ck_assert_int_eq(is_switched, is_empty && size);
  if (!is_switched)
    return;
  node->devices[device].mode = (uint8_t)mode;
  node->devices[device].size = size;
  for (size_t i = 0; i < bed->spec_count; i++)
    if (strcmp(bed->specs[i].name, node->name) == 0) {
      bed->specs[i].devices[device].mode = (uint8_t)mode;
      bed->specs[i].devices[device].size = (uint16_t)size;
    }
  check_node(bed, index);
}

/* Without pods every node is as it was specified. */
static void empty_all(struct bed *bed) {
  for (size_t n = 0; n < bed->twin.count; n++)
    while (bed->twin.nodes[n].pod_count)
      depart(bed, n);
  struct pack_cluster *empty = rebuild(bed);
  ck_assert_mem_eq(pack_cluster_totals(empty), pack_cluster_totals(bed->lab.cluster),
                   sizeof(struct pack_totals));
  for (size_t n = 0; n < bed->twin.count; n++) {
    const struct pack_node *a = pack_cluster_node(bed->lab.cluster, n);
    const struct pack_node *b = pack_cluster_node(empty, n);
    ck_assert_uint_eq(a->likeness, b->likeness);
    ck_assert_uint_eq(a->unit_count, 0);
    ck_assert_mem_eq(a->devices, b->devices, a->device_count * sizeof(*a->devices));
    ck_assert_mem_eq(a->counters, b->counters, a->counter_count * sizeof(*a->counters));
  }
  pack_cluster_free(empty);
}

START_TEST(the_core_is_its_twin) {
  enum { ROUNDS = 12 };
  size_t count;
  const struct pack_policy *policy = pack_policies(&count)[_i];
  uint64_t seed = random_seed();
  static struct bed bed;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    bed_init(&bed, seed + round, policy);
    for (int event = 0; event < PODS; event++) {
      size_t node = random_below(&bed.lab.random, bed.twin.count);
      size_t what = random_below(&bed.lab.random, 16);
      if (what == 0 && bed.spec_count < TWIN_NODES)
        add_node(&bed);
      else if (what == 1)
        switch_mode(&bed, node);
      else if (what == 2)
        pack_scorer_set_conditions(bed.scorer, bed.lab.cluster,
                                   &(struct pack_traffic){150000, 950000, event % 2 == 0});
      else if (what <= 5)
        depart(&bed, node);
      else
        arrive(&bed);
    }
    for (size_t n = 0; n < bed.twin.count; n++)
      check_node(&bed, n);
    empty_all(&bed);
    bed_done(&bed);
  }
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("packing properties");
  TCase *tc = tcase_create("twin");
  size_t count;
  (void)pack_policies(&count);
  tcase_set_timeout(tc, 300);
  tcase_add_loop_test(tc, the_core_is_its_twin, 0, (int)count);
  suite_add_tcase(suite, tc);
  return suite;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/packing.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <stdio.h>
#include <stdlib.h>

TCase *tcase_cluster(void);

#define GIB ((int64_t)1 << 30)

static bool set_node(struct lab *lab, const char *name, const struct pack_device *devices,
                     size_t count, struct err *reterr) {
  struct pack_node_spec spec = {.name = str_of(name),
                                .cpu_milli = 16000,
                                .mem_bytes = 64 * GIB,
                                .devices = devices,
                                .device_count = count};
  return pack_cluster_set_node(lab->cluster, &spec, reterr);
}

static const struct pack_device t4 = {
    .mode = PACK_MODE_WHOLE, .product = LAB_T4, .size = PACK_MILLI};
static const struct pack_device h100 = {
    .mode = PACK_MODE_MIG, .product = LAB_H100, .size = 8}; /* slices of its axis */

/* ---- the table ------------------------------------------------------------------------------ */

static void check_sorted(const struct pack_cluster *cluster) {
  for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
    const struct pack_node *node = pack_cluster_node(cluster, i);
    ck_assert_uint_eq(pack_cluster_find(cluster, node->name), i);
    if (i)
      ck_assert_int_lt(str_cmp(pack_cluster_node(cluster, i - 1)->name, node->name), 0);
  }
}

START_TEST(nodes_are_sorted_by_name) {
  enum { CHANGES = 600 };
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  bool is_there[100] = {false};
  size_t expected = 0;
  for (int i = 0; i < CHANGES; i++) {
    size_t number = random_below(&lab.random, 100);
    char name[16];
    (void)snprintf(name, sizeof(name), "%zu", number); /* "1" comes before "10", that before "2" */
    if (random_one_in(&lab.random, 3)) {
      ck_assert_int_eq(pack_cluster_remove_node(lab.cluster, str_of(name)), is_there[number]);
      expected -= is_there[number];
      is_there[number] = false;
    } else {
      struct err err;
      ck_assert(set_node(&lab, name, &t4, 1, &err));
      expected += !is_there[number];
      is_there[number] = true;
    }
    ck_assert_uint_eq(pack_cluster_count(lab.cluster), expected);
    ck_assert_int_eq(pack_cluster_find(lab.cluster, str_of(name)) != SIZE_MAX, is_there[number]);
    check_sorted(lab.cluster);
  }
  ck_assert_uint_eq(pack_cluster_find(lab.cluster, STR_LIT("nobody")), SIZE_MAX);
}
END_TEST

START_TEST(a_node_is_empty_at_first) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct pack_device devices[] = {t4, h100};
  devices[0].left = 7; /* what a caller left there does not count */
  devices[1].layout = 3;
  char name[] = "node";
  struct err err;
  ck_assert(set_node(&lab, name, devices, 2, &err));
  name[0] = 'X';
  const struct pack_node *node = pack_cluster_node(lab.cluster, 0);
  ck_assert(str_is(node->name, "node"));
  ck_assert_int_eq(node->cpu_left, 16000);
  ck_assert_int_eq(node->mem_left, 64 * GIB);
  ck_assert_uint_eq(node->device_count, 2);
  ck_assert_uint_eq(node->devices[0].left, PACK_MILLI);
  ck_assert_uint_eq(node->devices[1].left, 8);
  ck_assert_uint_eq(node->devices[1].layout, 0);
  ck_assert_uint_eq(node->products, 1 << LAB_T4 | 1 << LAB_H100);
  ck_assert_uint_eq(node->idle, 1);
  ck_assert_uint_eq(node->most_left, PACK_MILLI);
  ck_assert_uint_ne(node->id, 0);
}
END_TEST

START_TEST(a_new_specification_keeps_pods) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct pack_device devices[] = {t4, h100, t4};
  struct err err;
  ck_assert(set_node(&lab, "n", devices, 2, &err));
  struct pack_request part = pack_request_of(1000, GIB, PACK_FRACTION, 1, 300);
  struct pack_request slices = pack_request_of(
      2000, 2 * GIB, PACK_SLICES, 2, pack_catalog_find_profile(lab.catalog, STR_LIT("2g.20gb")));
  struct pack_placement first = {.unit_count = 1, .units = {{0, 0, 300}}};
  struct pack_placement second = {
      .unit_count = 2, .units = {{1, 4, slices.forms[0].amount}, {1, 0, slices.forms[0].amount}}};
  ck_assert(pack_commit(lab.cluster, 1, &part, &first));
  ck_assert(pack_commit(lab.cluster, 2, &slices, &second));
  struct pack_node_spec spec = {.name = STR_LIT("n"),
                                .cpu_milli = 2000,
                                .mem_bytes = 8 * GIB,
                                .devices = devices,
                                .device_count = 3};
  ck_assert(pack_cluster_set_node(lab.cluster, &spec, &err));
  const struct pack_node *node = pack_cluster_node(lab.cluster, 0);
  ck_assert_uint_eq(pack_cluster_count(lab.cluster), 1);
  ck_assert_int_eq(node->cpu_left, -1000);
  ck_assert_int_eq(node->mem_left, 5 * GIB);
  ck_assert_uint_eq(node->pod_count, 2);
  ck_assert_uint_eq(node->pods[0].uid, 1);
  ck_assert_uint_eq(node->devices[0].left, 700);
  ck_assert_uint_eq(node->devices[1].left, 4);
  ck_assert_uint_eq(node->devices[2].left, PACK_MILLI);
  ck_assert_mem_eq(node->units + node->pods[1].unit_first, second.units,
                   2 * sizeof(struct pack_unit));
  /* Without what they hold they cannot be kept, and nothing changes. */
  spec.device_count = 1;
  ck_assert(!pack_cluster_set_node(lab.cluster, &spec, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_ptr_eq(pack_cluster_node(lab.cluster, 0), node);
  spec.devices = &devices[1];
  ck_assert(!pack_cluster_set_node(lab.cluster, &spec, &err));
  ck_assert_ptr_eq(pack_cluster_node(lab.cluster, 0), node);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------ */

static void check_refused(struct lab *lab, struct pack_device device) {
  struct err err;
  ck_assert(!set_node(lab, "n", &device, 1, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_uint_eq(pack_cluster_count(lab->cluster), 0);
}

START_TEST(devices_that_cannot_be_are_refused) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  check_refused(&lab, (struct pack_device){.mode = PACK_MODE_WHOLE, .product = LAB_T4});
  check_refused(&lab, (struct pack_device){.mode = PACK_MODE_WHOLE, .product = LAB_T4, .size = 10});
  check_refused(&lab, (struct pack_device){.mode = PACK_MODE_SHARED, .product = LAB_T4});
  check_refused(&lab, (struct pack_device){.mode = PACK_MODE_MIG, .product = LAB_T4, .size = 8});
  check_refused(&lab, (struct pack_device){.mode = PACK_MODE_MIG, .product = LAB_H100, .size = 7});
  check_refused(
      &lab, (struct pack_device){.mode = PACK_MODE_WHOLE, .product = LAB_PRODUCTS, .size = 1000});
  check_refused(&lab, (struct pack_device){.mode = 3, .product = LAB_T4, .size = 1000});
}
END_TEST

START_TEST(sixty_four_devices_are_the_most) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct pack_device devices[PACK_DEVICES_MAX + 1];
  for (size_t i = 0; i <= PACK_DEVICES_MAX; i++)
    devices[i] = t4;
  struct err err;
  ck_assert(!set_node(&lab, "n", devices, PACK_DEVICES_MAX + 1, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert(set_node(&lab, "n", devices, PACK_DEVICES_MAX, &err));
  struct pack_request all = pack_request_of(0, 0, PACK_WHOLE, PACK_DEVICES_MAX, 0);
  ck_assert_int_eq(pack_fit(lab.catalog, pack_cluster_node(lab.cluster, 0), &all), PACK_FITS);
  struct pack_scorer *scorer = pack_scorer_new(*pack_policies(&(size_t){0}), lab.catalog, 1);
  ck_assert(lab_place(&lab, scorer, &all));
  pack_scorer_free(scorer);
  ck_assert_int_eq(pack_cluster_totals(lab.cluster)->milli_left, 0);
}
END_TEST

/* ---- sums ------------------------------------------------------------------------------------ */

static struct pack_totals recount(const struct pack_cluster *cluster) {
  struct pack_totals sum = {0};
  for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
    const struct pack_node *node = pack_cluster_node(cluster, i);
    sum.pods += node->pod_count;
    for (size_t d = 0; d < node->device_count; d++) {
      const struct pack_device *device = &node->devices[d];
      struct pack_mode_totals *mode = &sum.modes[device->mode];
      int64_t left = (int64_t)device->left * 1000 / device->size;
      sum.milli += 1000;
      sum.milli_left += left;
      mode->milli += 1000;
      mode->milli_left += left;
      mode->devices++;
    }
  }
  return sum;
}

static void check_totals(const struct pack_cluster *cluster) {
  const struct pack_totals *kept = pack_cluster_totals(cluster);
  struct pack_totals expected = recount(cluster);
  ck_assert_int_eq(kept->milli, expected.milli);
  ck_assert_int_eq(kept->milli_left, expected.milli_left);
  for (size_t mode = 0; mode < PACK_MODES; mode++) {
    ck_assert_int_eq(kept->modes[mode].milli, expected.modes[mode].milli);
    ck_assert_int_eq(kept->modes[mode].milli_left, expected.modes[mode].milli_left);
    ck_assert_uint_eq(kept->modes[mode].devices, expected.modes[mode].devices);
  }
  ck_assert_uint_eq(kept->pods, expected.pods);
}

static void check_summaries(const struct pack_cluster *cluster) {
  for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
    const struct pack_node *node = pack_cluster_node(cluster, i);
    unsigned idle = 0, most = 0;
    for (size_t d = 0; d < node->device_count; d++) {
      const struct pack_device *device = &node->devices[d];
      idle += device->mode == PACK_MODE_WHOLE && device->left == 1000;
      if (device->mode == PACK_MODE_WHOLE && device->left > most)
        most = device->left;
    }
    ck_assert_uint_eq(node->idle, idle);
    ck_assert_uint_eq(node->most_left, most);
  }
}

static void change(struct lab *lab, struct pack_scorer *scorer) {
  struct err err;
  size_t count = pack_cluster_count(lab->cluster), index = random_below(&lab->random, count);
  struct pack_request request = lab_request(lab);
  switch (random_below(&lab->random, 8)) {
  case 0:
    lab_add_nodes(lab, LAB_ANY, 1);
    break;
  case 1:
    if (count > 1)
      ck_assert(
          pack_cluster_remove_node(lab->cluster, pack_cluster_node(lab->cluster, index)->name));
    break;
  case 2:
    (void)!pack_cluster_set_mode(lab->cluster, index, (uint8_t)random_below(&lab->random, 4),
                                 (enum pack_mode)random_below(&lab->random, 3), 4, &err);
    break;
  case 3:
    (void)pack_observe(lab->cluster, index, ++lab->uid, &request, NULL);
    break;
  case 4:
    lab_release(lab);
    break;
  default:
    (void)lab_place(lab, scorer, &request);
  }
}

START_TEST(totals_are_a_recount) {
  enum { ROUNDS = 10, CHANGES = 150 };
  uint64_t seed = random_seed();
  for (uint64_t round = 0; round < ROUNDS; round++) {
    CLEANUP_LAB struct lab lab;
    lab_init(&lab, seed + round);
    lab_add_nodes(&lab, LAB_ANY, 3);
    struct pack_scorer *scorer =
        pack_scorer_new(pack_policy_find(STR_LIT("random")), lab.catalog, seed);
    for (int i = 0; i < CHANGES; i++) {
      change(&lab, scorer);
      check_totals(lab.cluster);
      check_summaries(lab.cluster);
      check_sorted(lab.cluster);
    }
    pack_scorer_free(scorer);
  }
}
END_TEST

/* ---- copies ---------------------------------------------------------------------------------- */

START_TEST(copies_share_values_and_go_their_own_way) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  lab_add_nodes(&lab, LAB_UNCOUNTED, 20);
  struct pack_cluster *copy = pack_cluster_copy(lab.cluster);
  ck_assert_ptr_eq(pack_cluster_catalog(copy), lab.catalog);
  ck_assert_uint_eq(pack_cluster_count(copy), 20);
  const struct pack_node *before[20];
  for (size_t i = 0; i < 20; i++) {
    before[i] = pack_cluster_node(lab.cluster, i);
    ck_assert_ptr_eq(pack_cluster_node(copy, i), before[i]);
  }
  struct pack_request request = pack_request_of(1, 1, PACK_CPU, 0, 0);
  struct pack_placement placement = {.node = 7};
  ck_assert(pack_observe(lab.cluster, 7, 1, &request, &placement));
  ck_assert(pack_cluster_remove_node(lab.cluster, before[3]->name));
  ck_assert_uint_eq(pack_cluster_count(copy), 20);
  for (size_t i = 0; i < 20; i++) {
    ck_assert_ptr_eq(pack_cluster_node(copy, i), before[i]);
    if (i != 7 && i != 3)
      ck_assert_ptr_eq(pack_cluster_node(lab.cluster, i - (i > 3)), before[i]);
  }
  ck_assert_uint_eq(before[7]->pod_count, 0);
  check_totals(copy);
  check_totals(lab.cluster);
  /* The copy outlives what it was made of. */
  pack_cluster_free(lab.cluster);
  lab.cluster = copy;
  ck_assert(pack_observe(copy, 7, 1, &request, &placement));
  check_totals(copy);
}
END_TEST

START_TEST(a_copy_of_nothing) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct pack_cluster *copy = pack_cluster_copy(lab.cluster);
  struct err err;
  ck_assert(set_node(&lab, "n", &t4, 1, &err));
  ck_assert_uint_eq(pack_cluster_count(copy), 0);
  pack_cluster_free(copy);
}
END_TEST

enum { IMAGES = 3, IMAGE_MAX = 400 };

/* A copy, and what it held when it was made. */
struct image {
  struct pack_cluster *copy;
  const struct pack_node *nodes[IMAGE_MAX];
  size_t count;
};

static void take_image(struct image *image, const struct pack_cluster *cluster) {
  pack_cluster_free(image->copy);
  image->copy = pack_cluster_copy(cluster);
  image->count = pack_cluster_count(cluster);
  for (size_t i = 0; i < image->count; i++)
    image->nodes[i] = pack_cluster_node(cluster, i);
}

static void check_image(const struct image *image) {
  if (!image->copy)
    return;
  ck_assert_uint_eq(pack_cluster_count(image->copy), image->count);
  for (size_t i = 0; i < image->count; i++)
    ck_assert_ptr_eq(pack_cluster_node(image->copy, i), image->nodes[i]);
}

static void change_something(struct lab *lab) {
  char name[16];
  size_t count = pack_cluster_count(lab->cluster);
  (void)snprintf(name, sizeof(name), "%zu", (size_t)random_below(&lab->random, IMAGE_MAX));
  struct err err;
  if (count && random_one_in(&lab->random, 2))
    pack_cluster_set_traits(lab->cluster, random_below(&lab->random, count), 1);
  else if (random_one_in(&lab->random, 3))
    (void)pack_cluster_remove_node(lab->cluster, str_of(name));
  else
    ck_assert(set_node(lab, name, &t4, 1, &err));
}

/* From here on the copy is what changes. */
static void go_on_with(struct lab *lab, struct image *image) {
  if (!image->copy)
    return;
  pack_cluster_free(lab->cluster);
  lab->cluster = image->copy;
  image->copy = NULL;
}

/* Copies share pages of nodes: no change to one is ever seen in another, wherever it is. */
START_TEST(a_copy_stays_as_it_was) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  struct image images[IMAGES] = {0};
  for (int i = 0; i < 4000; i++) {
    change_something(&lab);
    if (random_one_in(&lab.random, 20))
      take_image(&images[random_below(&lab.random, IMAGES)], lab.cluster);
    if (random_one_in(&lab.random, 100))
      go_on_with(&lab, &images[random_below(&lab.random, IMAGES)]);
    for (size_t k = 0; k < IMAGES; k++)
      check_image(&images[k]);
  }
  check_sorted(lab.cluster);
  check_totals(lab.cluster);
  for (size_t k = 0; k < IMAGES; k++)
    pack_cluster_free(images[k].copy);
}
END_TEST

static int compare_ids(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* An id is one value's, among a cluster and all its copies. */
START_TEST(ids_are_never_given_twice) {
  enum { COPIES = 4, NODES = 8, CHANGES = 300 };
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  lab_add_nodes(&lab, LAB_ANY, NODES);
  struct pack_cluster *copies[COPIES];
  uint32_t ids[NODES + CHANGES];
  size_t count = 0;
  for (size_t i = 0; i < NODES; i++)
    ids[count++] = pack_cluster_node(lab.cluster, i)->id;
  for (size_t i = 0; i < COPIES; i++)
    copies[i] = pack_cluster_copy(lab.cluster);
  for (int i = 0; i < CHANGES; i++) {
    struct pack_cluster *cluster = copies[random_below(&lab.random, COPIES)];
    size_t node = random_below(&lab.random, NODES);
    pack_cluster_set_traits(cluster, node, random_next(&lab.random));
    ids[count++] = pack_cluster_node(cluster, node)->id;
  }
  qsort(ids, count, sizeof(*ids), compare_ids);
  for (size_t i = 0; i < count; i++)
    ck_assert_uint_ne(ids[i], i ? ids[i - 1] : 0);
  for (size_t i = 0; i < COPIES; i++)
    pack_cluster_free(copies[i]);
}
END_TEST

START_TEST(a_reference_keeps_a_value) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct err err;
  ck_assert(set_node(&lab, "n", &t4, 1, &err));
  const struct pack_node *kept = pack_node_ref(pack_cluster_node(lab.cluster, 0));
  ck_assert(pack_cluster_remove_node(lab.cluster, STR_LIT("n")));
  ck_assert(str_is(kept->name, "n"));
  ck_assert_uint_eq(kept->devices[0].left, PACK_MILLI);
  pack_node_unref(kept);
  pack_node_unref(NULL);
}
END_TEST

/* ---- traits and modes ------------------------------------------------------------------------ */

START_TEST(traits_change_and_nothing_else) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct err err;
  ck_assert(set_node(&lab, "n", (struct pack_device[]){t4, h100}, 2, &err));
  struct pack_request part = pack_request_of(1000, GIB, PACK_FRACTION, 1, 300);
  struct pack_placement placement = {.unit_count = 1, .units = {{0, 0, 300}}};
  ck_assert(pack_commit(lab.cluster, 1, &part, &placement));
  const struct pack_node *before = pack_node_ref(pack_cluster_node(lab.cluster, 0));
  pack_cluster_set_traits(lab.cluster, 0, 5);
  const struct pack_node *after = pack_cluster_node(lab.cluster, 0);
  ck_assert_uint_eq(after->traits, 5);
  ck_assert_uint_eq(before->traits, 0);
  ck_assert_uint_ne(after->id, before->id);
  ck_assert_uint_eq(after->likeness, before->likeness);
  ck_assert_int_eq(after->cpu_left, before->cpu_left);
  ck_assert_mem_eq(after->devices, before->devices, 2 * sizeof(struct pack_device));
  ck_assert_mem_eq(after->pods, before->pods, sizeof(struct pack_pod));
  ck_assert_mem_eq(after->units, before->units, sizeof(struct pack_unit));
  check_totals(lab.cluster);
  pack_node_unref(before);
}
END_TEST

static void check_mode(struct lab *lab, enum pack_mode mode, uint16_t replicas, uint16_t size) {
  struct err err;
  ck_assert_msg(pack_cluster_set_mode(lab->cluster, 0, 0, mode, replicas, &err), "%s", err.text);
  const struct pack_device *device = &pack_cluster_node(lab->cluster, 0)->devices[0];
  ck_assert_uint_eq(device->mode, mode);
  ck_assert_uint_eq(device->size, size);
  ck_assert_uint_eq(device->left, size);
  ck_assert_uint_eq(device->layout, 0);
  check_totals(lab->cluster);
  check_summaries(lab->cluster);
}

START_TEST(an_empty_device_changes_its_mode) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct err err;
  ck_assert(set_node(&lab, "n", (struct pack_device[]){h100, t4}, 2, &err));
  check_mode(&lab, PACK_MODE_WHOLE, 0, PACK_MILLI);
  check_mode(&lab, PACK_MODE_SHARED, 6, 6);
  check_mode(&lab, PACK_MODE_MIG, 0, 8);
  check_mode(&lab, PACK_MODE_MIG, 0, 8);
}
END_TEST

static void check_no_mode(struct lab *lab, size_t node, uint8_t device, enum pack_mode mode,
                          uint16_t replicas, enum err_code code) {
  struct err err;
  const struct pack_node *before = pack_cluster_node(lab->cluster, 0);
  ck_assert(!pack_cluster_set_mode(lab->cluster, node, device, mode, replicas, &err));
  ck_assert_int_eq(err.code, code);
  ck_assert_ptr_eq(pack_cluster_node(lab->cluster, 0), before);
}

START_TEST(a_device_in_use_keeps_its_mode) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct err err;
  ck_assert(set_node(&lab, "n", (struct pack_device[]){h100, t4}, 2, &err));
  check_no_mode(&lab, 1, 0, PACK_MODE_WHOLE, 0, ERR_NOT_FOUND);
  check_no_mode(&lab, 0, 2, PACK_MODE_WHOLE, 0, ERR_NOT_FOUND);
  check_no_mode(&lab, 0, 1, PACK_MODE_MIG, 0, ERR_INVALID);    /* a T4 */
  check_no_mode(&lab, 0, 1, PACK_MODE_SHARED, 0, ERR_INVALID); /* in no replicas */
  struct pack_request one = pack_request_of(
      0, 0, PACK_SLICES, 1, pack_catalog_find_profile(lab.catalog, STR_LIT("1g.10gb")));
  struct pack_placement placement = {.unit_count = 1, .units = {{0, 3, one.forms[0].amount}}};
  ck_assert(pack_commit(lab.cluster, 1, &one, &placement));
  check_no_mode(&lab, 0, 0, PACK_MODE_WHOLE, 0, ERR_INVALID);
  ck_assert(pack_release(lab.cluster, 0, 1));
  check_mode(&lab, PACK_MODE_WHOLE, 0, PACK_MILLI);
}
END_TEST

TCase *tcase_cluster(void) {
  TCase *tc = tcase_create("cluster");
  tcase_add_test(tc, nodes_are_sorted_by_name);
  tcase_add_test(tc, a_node_is_empty_at_first);
  tcase_add_test(tc, a_new_specification_keeps_pods);
  tcase_add_test(tc, devices_that_cannot_be_are_refused);
  tcase_add_test(tc, sixty_four_devices_are_the_most);
  tcase_add_test(tc, totals_are_a_recount);
  tcase_add_test(tc, copies_share_values_and_go_their_own_way);
  tcase_add_test(tc, a_copy_of_nothing);
  tcase_add_test(tc, a_copy_stays_as_it_was);
  tcase_add_test(tc, ids_are_never_given_twice);
  tcase_add_test(tc, a_reference_keeps_a_value);
  tcase_add_test(tc, traits_change_and_nothing_else);
  tcase_add_test(tc, an_empty_device_changes_its_mode);
  tcase_add_test(tc, a_device_in_use_keeps_its_mode);
  return tc;
}

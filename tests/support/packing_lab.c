/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/packing_lab.h"

#include <stdio.h>
#include <stdlib.h>

#define GIB ((int64_t)1 << 30)

static void demand(bool holds, const char *what) {
  if (holds)
    return;
  (void)fprintf(stderr, "lab: %s\n", what);
  abort();
}

/* ---- products ------------------------------------------------------------------------------- */

static const uint8_t any_starts[] = {0, 1, 2, 3, 4, 5}, pair_starts[] = {0, 1, 3, 4},
                     half_starts[] = {0, 2, 3};
static const struct mig_profile odd_profiles[] = {
    {.name = {"1g.4gb", 6},
     .compute_slices = 1,
     .memory_slices = 1,
     .memory_gib = 4,
     .max_instances = 6,
     .starts = any_starts,
     .start_count = SG_ARRAY_LEN(any_starts)},
    {.name = {"2g.8gb", 6},
     .compute_slices = 2,
     .memory_slices = 2,
     .memory_gib = 8,
     .max_instances = 3,
     .starts = pair_starts,
     .start_count = SG_ARRAY_LEN(pair_starts)},
    {.name = {"3g.12gb", 7},
     .compute_slices = 3,
     .memory_slices = 3,
     .memory_gib = 12,
     .max_instances = 2,
     .starts = half_starts,
     .start_count = SG_ARRAY_LEN(half_starts)},
    {.name = {"2g.8gb+me", 9},
     .compute_slices = 2,
     .memory_slices = 2,
     .memory_gib = 8,
     .max_instances = 1,
     .starts = pair_starts,
     .start_count = SG_ARRAY_LEN(pair_starts)},
};
static const struct gpu_product odd_product = {.id = {"odd", 3},
                                               .memory_gib = 24,
                                               .profiles = odd_profiles,
                                               .profile_count = SG_ARRAY_LEN(odd_profiles),
                                               .memory_slices = 6,
                                               .compute_slices = 6};

const struct gpu_product *lab_product(uint8_t product) {
  static const char *const ids[LAB_PRODUCTS] = {[LAB_H100] = "h100-80gb",
                                                [LAB_A100_40] = "a100-40gb",
                                                [LAB_A30] = "a30-24gb",
                                                [LAB_RTX6000] = "rtx-pro-6000-blackwell-96gb"};
  if (product == LAB_ODD)
    return &odd_product;
  if (!ids[product])
    return NULL;
  size_t count;
  const struct gpu_product *all = products_all(&count);
  const struct gpu_product *found = products_find_id(all, count, str_of(ids[product]));
  demand(found != NULL, ids[product]);
  return found;
}

void lab_init(struct lab *lab, uint64_t seed) {
  random_init(&lab->random, seed);
  struct pack_catalog *catalog = pack_catalog_new();
  demand(pack_catalog_add_plain(catalog, STR_LIT("T4")) == LAB_T4, "T4");
  demand(pack_catalog_add_plain(catalog, STR_LIT("L4")) == LAB_L4, "L4");
  for (uint8_t product = LAB_H100; product < LAB_PRODUCTS; product++) {
    demand(pack_catalog_add(catalog, lab_product(product)) == product, "a product");
    demand(pack_catalog_mig(catalog, product) != NULL, "placements of a product");
  }
  lab->catalog = catalog;
  lab->cluster = pack_cluster_new(catalog);
  lab->uid = 0;
}

void lab_done(struct lab *lab) {
  pack_cluster_free(lab->cluster);
  pack_catalog_free(lab->catalog);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static const uint16_t replica_counts[] = {2, 4, 10};

static struct pack_device make_device(struct lab *lab, enum pack_mode mode, uint8_t product) {
  const struct pack_mig *mig = pack_catalog_mig(lab->catalog, product);
  struct pack_device device = {.mode = PACK_MODE_WHOLE, .product = product, .size = PACK_MILLI};
  if (mode == PACK_MODE_MIG && mig) {
    device.mode = PACK_MODE_MIG;
    device.size = mig->axis;
  } else if (mode == PACK_MODE_SHARED) {
    device.mode = PACK_MODE_SHARED;
    device.size = replica_counts[random_below(&lab->random, SG_ARRAY_LEN(replica_counts))];
  }
  device.left = device.size;
  return device;
}

static void count_one(struct lab_node *node, enum pack_kind kind, uint8_t name, uint16_t profile,
                      uint32_t more) {
  struct pack_counter *counters = node->counters;
  size_t at = 0;
  while (at < node->spec.counter_count && (counters[at].kind != kind || counters[at].name != name ||
                                           counters[at].profile != profile))
    at++;
  if (at == SG_ARRAY_LEN(node->counters))
    return;
  if (at == node->spec.counter_count) {
    counters[at] = (struct pack_counter){.kind = (uint8_t)kind, .name = name, .profile = profile};
    node->spec.counter_count++;
  }
  counters[at].total += more;
}

/* What a plugin would advertise of these devices, under one of two names. */
static void make_counters(struct lab *lab, struct lab_node *node) {
  uint8_t name = (uint8_t)random_below(&lab->random, 2);
  for (size_t d = 0; d < node->spec.device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    const struct pack_mig *mig = pack_catalog_mig(lab->catalog, device->product);
    if (device->mode == PACK_MODE_WHOLE)
      count_one(node, PACK_WHOLE, name, 0, 1);
    else if (device->mode == PACK_MODE_SHARED)
      count_one(node, PACK_REPLICAS, name, 0, device->size);
    else
      count_one(node, PACK_SLICES, name,
                mig->profiles[random_below(&lab->random, mig->profile_count)].profile, 1);
  }
  /* What no label tells about: the count is all there is. */
  if (random_one_in(&lab->random, 3))
    node->spec.device_count = 0;
}

void lab_make_node(struct lab *lab, enum lab_nodes which, struct lab_node *ret) {
  static const int64_t cores[] = {4, 8, 16, 64}, gibs[] = {16, 64, 256};
  struct random *random = &lab->random;
  *ret = (struct lab_node){.spec = {.devices = ret->devices, .counters = ret->counters}};
  ret->spec.cpu_milli = cores[random_below(random, SG_ARRAY_LEN(cores))] * 1000;
  ret->spec.mem_bytes = gibs[random_below(random, SG_ARRAY_LEN(gibs))] * GIB;
  ret->spec.pods_max = random_one_in(random, 4) ? (uint32_t)(1 + random_below(random, 6)) : 0;
  ret->spec.traits = random_next(random) & random_next(random) & 7;
  ret->spec.device_count = random_below(random, 5);
  enum pack_mode mode = (enum pack_mode)random_below(random, 3);
  uint8_t product = (uint8_t)random_below(random, LAB_PRODUCTS);
  bool is_mixed = random_one_in(random, 3);
  for (size_t d = 0; d < ret->spec.device_count; d++) {
    ret->devices[d] = make_device(lab, mode, product);
    if (is_mixed && random_one_in(random, 2)) {
      mode = (enum pack_mode)random_below(random, 3);
      product = (uint8_t)random_below(random, LAB_PRODUCTS);
    }
  }
  if (which == LAB_ANY && ret->spec.device_count && random_one_in(random, 5))
    make_counters(lab, ret);
}

void lab_set_node(struct pack_cluster *cluster, const struct lab_node *node) {
  struct pack_node_spec spec = node->spec;
  spec.name = str_of(node->name);
  spec.devices = node->devices;
  spec.counters = node->counters;
  struct err err;
  demand(pack_cluster_set_node(cluster, &spec, &err), "a node is refused");
}

void lab_add_nodes(struct lab *lab, enum lab_nodes which, size_t count) {
  for (size_t added = 0; added < count;) {
    struct lab_node node;
    lab_make_node(lab, which, &node);
    (void)snprintf(node.name, sizeof(node.name), "n%zu", random_below(&lab->random, 1000));
    if (pack_cluster_find(lab->cluster, str_of(node.name)) != SIZE_MAX)
      continue;
    lab_set_node(lab->cluster, &node);
    added++;
  }
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Twice as often of a product that many nodes may have than of any other. */
static uint16_t random_profile(struct lab *lab) {
  uint16_t product = (uint16_t)(LAB_H100 + random_below(&lab->random, LAB_PRODUCTS - LAB_H100));
  const struct pack_mig *mig = pack_catalog_mig(lab->catalog, product);
  return mig->profiles[random_below(&lab->random, mig->profile_count)].profile;
}

static struct pack_form random_form(struct lab *lab) {
  static const uint16_t milli[] = {50, 190, 250, 470, 500, 810, 1000};
  struct random *random = &lab->random;
  struct pack_form form = {.kind = (uint8_t)random_below(random, 5), .count = 1};
  switch ((enum pack_kind)form.kind) {
  case PACK_CPU:
    form.count = 0;
    return form;
  case PACK_WHOLE:
    form.count = (uint16_t)(random_one_in(random, 3) ? 2 + random_below(random, 3) : 1);
    break;
  case PACK_FRACTION:
    form.amount = milli[random_below(random, SG_ARRAY_LEN(milli))];
    break;
  case PACK_SLICES:
    form.count = (uint16_t)(random_one_in(random, 3) ? 2 + random_below(random, 4) : 1);
    form.amount = random_profile(lab);
    break;
  case PACK_REPLICAS:
    form.amount = (uint16_t)(1 + random_below(random, 5));
    break;
  }
  form.name = (uint8_t)random_one_in(random, 4);
  return form;
}

struct pack_request lab_request(struct lab *lab) {
  static const int64_t milli[] = {0, 500, 1000, 4000, 6000}, gibs[] = {0, 1, 8, 30};
  struct random *random = &lab->random;
  struct pack_request request = {.form_count = 1};
  request.cpu_milli = milli[random_below(random, SG_ARRAY_LEN(milli))];
  request.mem_bytes = gibs[random_below(random, SG_ARRAY_LEN(gibs))] * GIB;
  if (random_one_in(random, 4))
    request.products = random_next(random) & random_next(random) & ((1 << LAB_PRODUCTS) - 1);
  if (random_one_in(random, 8))
    request.needs = (uint64_t)1 << random_below(random, 3);
  if (random_one_in(random, 8))
    request.shuns = (uint64_t)1 << random_below(random, 3);
  if (random_one_in(random, 3))
    request.form_count = (uint32_t)(2 + random_below(random, 2));
  for (uint32_t f = 0; f < request.form_count; f++)
    request.forms[f] = random_form(lab);
  return request;
}

/* ---- tables --------------------------------------------------------------------------------- */

/* Ascending from 0 to one GPU. */
static void random_prices(struct lab *lab, int32_t *prices, size_t last) {
  for (size_t i = 1; i <= last; i++)
    prices[i] = prices[i - 1] +
                (random_one_in(&lab->random, 4) ? (int32_t)random_below(&lab->random, 1000) : 0);
  int32_t most = prices[last] > 0 ? prices[last] : 1;
  for (size_t i = 1; i <= last; i++)
    prices[i] = (int32_t)((int64_t)prices[i] * PACK_MICRO / most);
  prices[last] = PACK_MICRO;
}

static void make_migs(struct lab *lab, struct arena *arena, struct pack_tables *tables) {
  struct pack_mig_values *all = arena_array(arena, LAB_PRODUCTS, sizeof(*all));
  for (uint16_t product = LAB_H100; product < LAB_PRODUCTS; product++) {
    const struct pack_mig *mig = pack_catalog_mig(lab->catalog, product);
    if (random_one_in(&lab->random, 4))
      continue; /* not learnt yet */
    struct pack_mig_values *values = &all[tables->mig_count++];
    values->product = product;
    for (size_t load = 0; load < PACK_LOADS; load++) {
      int32_t *worth = arena_array(arena, mig->layout_count, sizeof(*worth));
      for (uint16_t layout = 1; layout < mig->layout_count; layout++) {
        int32_t plain = mig->free[layout] * (PACK_MICRO / mig->axis);
        worth[layout] = plain - (int32_t)random_below(&lab->random, (size_t)plain / 4 + 1);
        if (random_one_in(&lab->random, 10))
          worth[layout] -= PACK_MICRO; /* stands in the way */
      }
      worth[0] = PACK_MICRO;
      values->values[load] = worth;
    }
  }
  tables->migs = all;
}

static void make_levels(struct lab *lab, struct arena *arena, struct pack_tables *tables) {
  size_t count = random_below(&lab->random, 5);
  struct pack_level *levels = arena_array(arena, count, sizeof(*levels));
  for (size_t i = 0; i < count; i++)
    levels[i] = (struct pack_level){
        .gpus = (uint16_t)(2 + random_below(&lab->random, 3)),
        .cpu_milli = (int64_t)random_below(&lab->random, 8) * 1000,
        .mem_bytes = (int64_t)random_below(&lab->random, 32) * GIB,
        .products = random_one_in(&lab->random, 3) ? random_next(&lab->random) & 127 : 0,
        .demand =
            (uint32_t)(random_below(&lab->random, 1 << 18) >> random_below(&lab->random, 16))};
  tables->levels = levels;
  tables->level_count = count;
  size_t bound_count = random_below(&lab->random, 3);
  struct pack_bound *bounds = arena_array(arena, bound_count, sizeof(*bounds));
  for (size_t i = 0; i < bound_count; i++)
    bounds[i] = (struct pack_bound){
        .products = (uint64_t)1 << random_below(&lab->random, LAB_PRODUCTS),
        .milli_per_pod = (uint32_t)random_below(&lab->random, tables->milli_per_pod)};
  tables->bounds = bounds;
  tables->bound_count = bound_count;
}

struct pack_tables_ref *lab_tables(struct lab *lab) {
  struct arena *arena = arena_new(64 * 1024);
  struct random *random = &lab->random;
  struct pack_tables tables = {.version = (uint32_t)random_below(random, 1000)};
  tables.class_count = 1 + random_below(random, 12);
  struct pack_class *classes = arena_array(arena, tables.class_count, sizeof(*classes));
  for (size_t i = 0; i < tables.class_count; i++)
    classes[i] = (struct pack_class){
        lab_request(lab), (uint32_t)((1 << 20) / (i + 1) / (1 + random_below(random, 3)))};
  tables.classes = classes;
  random_prices(lab, tables.prices, PACK_MILLI);
  tables.cpu_per_gpu = (int64_t)random_below(random, 16000);
  tables.mem_per_gpu = random_one_in(random, 3) ? 0 : (int64_t)random_below(random, 64) * GIB;
  tables.milli_per_pod = (uint32_t)(1024 * (1 + random_below(random, 1000)));
  for (size_t mode = 0; mode < PACK_MODES; mode++)
    tables.pools[mode] = (uint32_t)(1 + random_below(random, tables.milli_per_pod));
  tables.waste_ppm = (uint32_t)random_below(random, 100000);
  make_levels(lab, arena, &tables);
  make_migs(lab, arena, &tables);
  struct pack_replica_prices *shared =
      arena_array(arena, SG_ARRAY_LEN(replica_counts), sizeof(*shared));
  for (size_t i = 0; i < SG_ARRAY_LEN(replica_counts); i++) {
    int32_t *prices = arena_array(arena, replica_counts[i] + (size_t)1, sizeof(*prices));
    random_prices(lab, prices, replica_counts[i]);
    shared[i] = (struct pack_replica_prices){replica_counts[i], prices};
  }
  tables.shared = shared;
  tables.shared_count = random_below(random, SG_ARRAY_LEN(replica_counts) + 1);
  return pack_tables_new(arena, &tables);
}

/* ---- pods ----------------------------------------------------------------------------------- */

bool lab_place(struct lab *lab, struct pack_scorer *scorer, const struct pack_request *request) {
  struct pack_choice choice;
  if (pack_choose(scorer, lab->cluster, request, &choice, 1) == 0)
    return false;
  demand(pack_commit(lab->cluster, ++lab->uid, request, &choice.placement),
         "what was chosen cannot be committed");
  return true;
}

void lab_release(struct lab *lab) {
  size_t index = random_below(&lab->random, pack_cluster_count(lab->cluster));
  const struct pack_node *node = pack_cluster_node(lab->cluster, index);
  if (node->pod_count == 0)
    return;
  uint64_t uid = node->pods[random_below(&lab->random, node->pod_count)].uid;
  demand(pack_release(lab->cluster, index, uid), "a pod cannot be released");
}

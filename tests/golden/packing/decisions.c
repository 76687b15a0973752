/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed stream of requests on a fixed cluster with fixed tables, and a hash of everything that
 * every policy decides: the same with every compiler at every level of optimisation, and as long
 * as nobody means to change a decision. Prints a line a policy: name, placed, moved, hash.
 */
#include "slicegate/packing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARRIVALS = 3000, LIVING_MAX = 900, TABLES_EVERY = 1000, KINDS = 48 };
#define GIB ((int64_t)1 << 30)

enum { T4, L4, H100, A30, RTX6000 };

struct stage {
  uint64_t random, hash, uid;
  struct pack_catalog *catalog;
  struct pack_cluster *cluster;
  struct pack_scorer *scorer;
  struct pack_request kinds[KINDS];
  struct {
    uint64_t uid;
    uint32_t node;
  } living[LIVING_MAX + 1];
  size_t living_count, placed, moved;
};

/* splitmix64 */
static uint32_t draw(struct stage *stage, uint32_t below) {
  uint64_t z = stage->random += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (uint32_t)((z ^ z >> 31) % below);
}

/* FNV-1a, a word at a time. */
static void note(struct stage *stage, uint64_t word) {
  for (int i = 0; i < 64; i += 8)
    stage->hash = (stage->hash ^ (word >> i & 255)) * 0x100000001b3;
}

static void note_placement(struct stage *stage, const struct pack_placement *placement) {
  note(stage,
       (uint64_t)placement->node << 32 | (uint64_t)placement->form << 8 | placement->unit_count);
  for (size_t u = 0; u < placement->unit_count; u++)
    note(stage, (uint64_t)placement->units[u].device << 32 |
                    (uint64_t)placement->units[u].start << 16 | placement->units[u].amount);
}

static void require(bool holds, const char *what) {
  if (holds)
    return;
  (void)fprintf(stderr, "decisions: %s\n", what);
  exit(EXIT_FAILURE);
}

/* ---- cluster --------------------------------------------------------------------------------- */

static void add_product(struct pack_catalog *catalog, const char *id, uint16_t number) {
  size_t count;
  const struct gpu_product *all = products_all(&count);
  const struct gpu_product *product = products_find_id(all, count, str_of(id));
  require(product && pack_catalog_add(catalog, product) == number, id);
}

struct pool {
  char letter;
  uint8_t product, mode, gpus;
  uint16_t size, cores, nodes;
  bool is_counted;
};

static const struct pool pools[] = {
    {'a', T4, PACK_MODE_WHOLE, 2, 1000, 104, 10, false},
    {'b', L4, PACK_MODE_WHOLE, 8, 1000, 96, 12, false},
    {'c', H100, PACK_MODE_WHOLE, 8, 1000, 128, 6, false},
    {'d', H100, PACK_MODE_MIG, 4, 8, 64, 8, false},
    {'e', A30, PACK_MODE_MIG, 4, 4, 48, 4, false},
    {'f', RTX6000, PACK_MODE_MIG, 2, 12, 32, 4, false},
    {'g', L4, PACK_MODE_SHARED, 4, 10, 64, 8, false},
    {'h', T4, PACK_MODE_WHOLE, 4, 1000, 64, 4, true},
};

static void add_node(struct stage *stage, const struct pool *pool, unsigned number) {
  struct pack_device devices[8];
  for (size_t d = 0; d < pool->gpus; d++)
    devices[d] = (struct pack_device){pool->mode, pool->product, pool->size, pool->size, 0};
  const struct pack_counter counter = {.kind = PACK_WHOLE, .total = pool->gpus};
  char name[16];
  (void)snprintf(name, sizeof(name), "%c%02u", pool->letter, number);
  struct pack_node_spec spec = {.name = str_of(name),
                                .cpu_milli = pool->cores * 1000,
                                .mem_bytes = pool->cores * 8 * GIB,
                                .pods_max = 110,
                                .traits = number % 3 == 0,
                                .devices = devices,
                                .device_count = pool->gpus,
                                .counters = &counter,
                                .counter_count = pool->is_counted};
  struct err err;
  require(pack_cluster_set_node(stage->cluster, &spec, &err), "a node is refused");
}

static void build(struct stage *stage) {
  stage->catalog = pack_catalog_new();
  require(pack_catalog_add_plain(stage->catalog, STR_LIT("T4")) == T4, "T4");
  require(pack_catalog_add_plain(stage->catalog, STR_LIT("L4")) == L4, "L4");
  add_product(stage->catalog, "h100-80gb", H100);
  add_product(stage->catalog, "a30-24gb", A30);
  add_product(stage->catalog, "rtx-pro-6000-blackwell-96gb", RTX6000);
  stage->cluster = pack_cluster_new(stage->catalog);
  for (size_t i = 0; i < SG_ARRAY_LEN(pools); i++)
    for (unsigned n = 0; n < pools[i].nodes; n++)
      add_node(stage, &pools[i], n);
}

/* ---- requests -------------------------------------------------------------------------------- */

static struct pack_form random_form(struct stage *stage) {
  static const uint16_t parts[] = {110, 160, 230, 320, 460, 470, 550, 650, 810};
  static const char *const profiles[] = {"1g.10gb", "1g.10gb+me", "1g.20gb", "2g.20gb", "3g.40gb",
                                         "7g.80gb", "1g.6gb",     "2g.12gb", "1g.24gb", "2g.48gb"};
  uint32_t what = draw(stage, 20);
  if (what < 2)
    return (struct pack_form){.kind = PACK_CPU};
  if (what < 6)
    return (struct pack_form){
        .kind = PACK_FRACTION, .count = 1, .amount = parts[draw(stage, SG_ARRAY_LEN(parts))]};
  if (what < 9)
    return (struct pack_form){.kind = PACK_WHOLE, .count = (uint16_t)(1 << draw(stage, 4))};
  if (what < 12)
    return (struct pack_form){
        .kind = PACK_REPLICAS, .count = 1, .amount = (uint16_t)(1 + draw(stage, 6))};
  const char *profile = profiles[draw(stage, SG_ARRAY_LEN(profiles))];
  return (struct pack_form){.kind = PACK_SLICES,
                            .count = (uint16_t)(draw(stage, 4) ? 1 : 2),
                            .amount = pack_catalog_find_profile(stage->catalog, str_of(profile))};
}

static void make_kinds(struct stage *stage) {
  for (size_t i = 0; i < KINDS; i++) {
    struct pack_request *request = &stage->kinds[i];
    *request = (struct pack_request){.form_count = draw(stage, 4) ? 1 : 2};
    for (uint32_t f = 0; f < request->form_count; f++)
      request->forms[f] = random_form(stage);
    request->cpu_milli = 500 * (1 + draw(stage, 16));
    request->mem_bytes = GIB * (1 + draw(stage, 32));
    if (draw(stage, 5) == 0)
      request->products = 1 << draw(stage, RTX6000 + 1) | 1 << draw(stage, RTX6000 + 1);
    if (draw(stage, 8) == 0)
      request->needs = 1;
    if (draw(stage, 8) == 0)
      request->shuns = request->needs ^ 1;
  }
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Bid prices of the public trace, and others for the second version. */
static const struct {
  uint16_t from;
  int32_t price;
} steps[2][8] = {{{0, 0},
                  {220, 83333},
                  {230, 250000},
                  {320, 333333},
                  {460, 500000},
                  {550, 666667},
                  {690, 750000},
                  {810, 1000000}},
                 {{0, 0},
                  {110, 100000},
                  {250, 240000},
                  {333, 320000},
                  {470, 450000},
                  {500, 500000},
                  {700, 690000},
                  {1000, 1000000}}};

static int32_t replica_prices[11];
static int32_t layout_values[RTX6000 + 1][PACK_LOADS][PACK_LAYOUTS_MAX];

/* Free slices, less something for each profile that has no place left. */
static void fill_values(const struct stage *stage, uint16_t product, int32_t version) {
  const struct pack_mig *mig = pack_catalog_mig(stage->catalog, product);
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    for (int32_t load = 0; load < PACK_LOADS; load++) {
      int32_t value = mig->free[layout] * (PACK_MICRO / mig->axis);
      for (uint16_t p = 0; p < mig->profile_count && layout; p++) {
        bool has_place = false;
        for (uint8_t i = 0; i < mig->profiles[p].start_count; i++)
          has_place |= pack_mig_next(mig, layout, p, i) != PACK_NONE;
        if (!has_place && mig->profiles[p].size <= mig->free[layout])
          value -= mig->profiles[p].size * (7000 + 1000 * load + 500 * version);
      }
      layout_values[product][load][layout] = layout ? value : PACK_MICRO;
    }
}

static struct pack_tables_ref *make_tables(const struct stage *stage, uint32_t version) {
  struct arena *arena = arena_new(4096);
  struct pack_class *classes = arena_array(arena, KINDS, sizeof(*classes));
  struct pack_level *levels = arena_array(arena, 3, sizeof(*levels));
  struct pack_bound *bounds = arena_array(arena, 1, sizeof(*bounds));
  struct pack_mig_values *migs = arena_array(arena, 3, sizeof(*migs));
  struct pack_replica_prices *shared = arena_array(arena, 1, sizeof(*shared));
  for (uint32_t i = 0; i < KINDS; i++)
    classes[i] = (struct pack_class){stage->kinds[i], (1 << 20) / (KINDS + (i + version) % 7)};
  for (uint16_t i = 0; i < 3; i++)
    levels[i] = (struct pack_level){.gpus = (uint16_t)(2 << i),
                                    .cpu_milli = 4000 << i,
                                    .mem_bytes = 16 * GIB << i,
                                    .demand = 20000u >> i};
  bounds[0] = (struct pack_bound){1 << H100, 40 * 1024};
  for (uint16_t i = 0; i < 3; i++) {
    uint16_t product = (uint16_t)(H100 + i);
    fill_values(stage, product, (int32_t)version);
    migs[i].product = product;
    for (size_t load = 0; load < PACK_LOADS; load++)
      migs[i].values[load] = layout_values[product][load];
  }
  for (int32_t r = 0; r <= 10; r++)
    replica_prices[r] = r < 3 ? r * 60000 : r < 10 ? r * 95000 : PACK_MICRO;
  shared[0] = (struct pack_replica_prices){10, replica_prices};
  struct pack_tables tables = {.version = version,
                               .classes = classes,
                               .class_count = KINDS,
                               .cpu_per_gpu = 10882,
                               .mem_per_gpu = 40 * GIB,
                               .milli_per_pod = 700 * 1024,
                               .waste_ppm = 36800,
                               .levels = levels,
                               .level_count = 3,
                               .bounds = bounds,
                               .bound_count = 1,
                               .pools = {450 * 1024, 180 * 1024, 90 * 1024},
                               .migs = migs,
                               .mig_count = 3,
                               .shared = shared,
                               .shared_count = 1};
  for (size_t i = 0; i < SG_ARRAY_LEN(steps[0]); i++)
    for (int r = steps[version % 2][i].from; r <= PACK_MILLI; r++)
      tables.prices[r] = steps[version % 2][i].price;
  return pack_tables_new(arena, &tables);
}

/* ---- the stream ------------------------------------------------------------------------------ */

static void move(struct stage *stage, const struct pack_move *move) {
  note(stage, move->uid);
  note(stage, move->from);
  note_placement(stage, &move->to);
  const struct pack_node *node = pack_cluster_node(stage->cluster, move->from);
  size_t p = 0;
  while (node->pods[p].uid != move->uid)
    p++;
  struct pack_request moved = {.cpu_milli = node->pods[p].cpu_milli,
                               .mem_bytes = node->pods[p].mem_bytes,
                               .products = node->pods[p].products,
                               .needs = node->pods[p].needs,
                               .shuns = node->pods[p].shuns,
                               .form_count = 1,
                               .forms = {node->pods[p].form}};
  require(pack_release(stage->cluster, move->from, move->uid) &&
              pack_commit(stage->cluster, move->uid, &moved, &move->to),
          "a move does not work");
  for (size_t i = 0; i < stage->living_count; i++)
    if (stage->living[i].uid == move->uid)
      stage->living[i].node = move->to.node;
  stage->moved++;
}

static bool decide(struct stage *stage, const struct pack_request *request,
                   struct pack_placement *ret) {
  struct pack_choice choices[3];
  size_t count = pack_choose(stage->scorer, stage->cluster, request, choices, 3);
  note(stage, count);
  for (size_t i = 0; i < count; i++) {
    note(stage, (uint64_t)choices[i].score);
    note_placement(stage, &choices[i].placement);
  }
  if (count) {
    *ret = choices[0].placement;
    return true;
  }
  struct pack_suggestion suggestion;
  if (draw(stage, 8) ||
      !pack_suggest(stage->scorer, stage->cluster, request, PACK_MOVES_MAX, &suggestion))
    return false;
  note(stage, (uint64_t)suggestion.score);
  for (size_t i = 0; i < suggestion.move_count; i++)
    move(stage, &suggestion.moves[i]);
  *ret = suggestion.placement;
  note_placement(stage, ret);
  return true;
}

static void depart(struct stage *stage) {
  size_t at = draw(stage, (uint32_t)stage->living_count);
  require(pack_release(stage->cluster, stage->living[at].node, stage->living[at].uid),
          "a pod is not there");
  stage->living[at] = stage->living[--stage->living_count];
}

static void arrive(struct stage *stage, uint32_t number) {
  if (number % TABLES_EVERY == 0) {
    struct pack_tables_ref *tables = make_tables(stage, number / TABLES_EVERY);
    pack_scorer_set_tables(stage->scorer, tables);
    pack_tables_unref(tables);
  }
  if (number % PACK_CONDITIONS_EVERY == 0)
    pack_scorer_set_conditions(stage->scorer, stage->cluster,
                               &(struct pack_traffic){number * 200, 800000 + number * 100,
                                                      number / TABLES_EVERY % 2 == 1});
  const struct pack_request *request = &stage->kinds[draw(stage, KINDS)];
  struct pack_placement placement;
  if (decide(stage, request, &placement)) {
    require(pack_commit(stage->cluster, ++stage->uid, request, &placement),
            "what was chosen does not fit");
    stage->living[stage->living_count].uid = stage->uid;
    stage->living[stage->living_count++].node = placement.node;
    stage->placed++;
  }
  while (stage->living_count == LIVING_MAX || (stage->living_count > 200 && draw(stage, 3) == 0))
    depart(stage);
}

static void run(const struct pack_policy *policy) {
  static struct stage stage;
  stage = (struct stage){.random = 20240229, .hash = 0xcbf29ce484222325};
  build(&stage);
  make_kinds(&stage);
  stage.scorer = pack_scorer_new(policy, stage.catalog, 7);
  for (uint32_t number = 0; number < ARRIVALS; number++)
    arrive(&stage, number);
  printf("%s %zu %zu %016" PRIx64 "\n", pack_policy_name(policy), stage.placed, stage.moved,
         stage.hash);
  pack_scorer_free(stage.scorer);
  pack_cluster_free(stage.cluster);
  pack_catalog_free(stage.catalog);
}

int main(void) {
  size_t count;
  const struct pack_policy *const *policies = pack_policies(&count);
  for (size_t i = 0; i < count; i++)
    run(policies[i]);
  return EXIT_SUCCESS;
}

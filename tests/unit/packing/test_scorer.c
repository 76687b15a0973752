/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scorers remember; nobody may see it. What one says that has lived through everything is held
 * against a twin that was told the same and has never looked at a node, and asks for every node.
 */
#include "src/packing/packing_internal.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <stdio.h>
#include <stdlib.h>

TCase *tcase_scorer(void);

enum { CHOICES = 16, REQUESTS = 24, EVENTS_MAX = 400, CROWD = 128 };

static const struct pack_policy *const *policies(size_t *ret_count) {
  return pack_policies(ret_count);
}

static bool draws_lots(const struct pack_policy *policy) {
  struct str name = str_of(pack_policy_name(policy));
  return str_is(name, "random") || str_is(name, "roundrobin");
}

static void scorer_free(struct pack_scorer **scorer) {
  pack_scorer_free(*scorer);
}
#define CLEANUP_SCORER SG_CLEANUP(scorer_free)

/* ---- what a scorer was told ----------------------------------------------------------------- */

struct told {
  struct pack_tables_ref *tables; /* of one event; or */
  struct pack_cluster *cluster;   /* conditions were looked at on this */
  struct pack_traffic traffic;
};

struct history {
  struct told items[EVENTS_MAX];
  size_t count;
};

static void tell_tables(struct history *history, struct pack_scorer *scorer,
                        struct pack_tables_ref *owned) {
  pack_scorer_set_tables(scorer, owned);
  history->items[history->count++] = (struct told){.tables = owned};
}

static void tell_conditions(struct history *history, struct pack_scorer *scorer,
                            const struct pack_cluster *cluster, struct pack_traffic traffic) {
  pack_scorer_set_conditions(scorer, cluster, &traffic);
  history->items[history->count++] =
      (struct told){.cluster = pack_cluster_copy(cluster), .traffic = traffic};
}

static struct pack_scorer *fresh_scorer(const struct history *history,
                                        const struct pack_policy *policy,
                                        const struct pack_catalog *catalog) {
  struct pack_scorer *scorer = pack_scorer_new(policy, catalog, 1);
  for (size_t i = 0; i < history->count; i++) {
    const struct told *told = &history->items[i];
    if (told->tables)
      pack_scorer_set_tables(scorer, told->tables);
    else
      pack_scorer_set_conditions(scorer, told->cluster, &told->traffic);
  }
  return scorer;
}

static void history_done(struct history *history) {
  for (size_t i = 0; i < history->count; i++) {
    pack_tables_unref(history->items[i].tables);
    pack_cluster_free(history->items[i].cluster);
  }
}
#define CLEANUP_HISTORY SG_CLEANUP(history_done)

/* ---- choosing without memory ---------------------------------------------------------------- */

static size_t choose_naively(struct pack_scorer *fresh, const struct pack_cluster *cluster,
                             const struct pack_request *request, struct pack_choice *ret) {
  size_t found = 0;
  for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
    if (!pack_score(fresh, cluster, i, request, &ret[found]))
      continue;
    struct pack_choice choice = ret[found];
    size_t at = found++;
    for (; at > 0 && ret[at - 1].score < choice.score; at--)
      ret[at] = ret[at - 1];
    ret[at] = choice;
  }
  return found < CHOICES ? found : CHOICES;
}

static void check_same(const struct pack_policy *policy, const struct pack_choice *a,
                       const struct pack_choice *b) {
  ck_assert_msg(a->placement.node == b->placement.node && a->score == b->score,
                "%s: node %u of score %jd against node %u of score %jd", pack_policy_name(policy),
                a->placement.node, (intmax_t)a->score, b->placement.node, (intmax_t)b->score);
  ck_assert_uint_eq(a->placement.form, b->placement.form);
  ck_assert_uint_eq(a->placement.unit_count, b->placement.unit_count);
  ck_assert_mem_eq(a->placement.units, b->placement.units,
                   a->placement.unit_count * sizeof(struct pack_unit));
}

static void check_answer(const struct history *history, const struct pack_policy *policy,
                         struct pack_scorer *scorer, const struct pack_cluster *cluster,
                         const struct pack_request *request) {
  CLEANUP_SCORER struct pack_scorer *fresh =
      fresh_scorer(history, policy, pack_cluster_catalog(cluster));
  struct pack_choice got[CHOICES] = {0}, wanted[CROWD] = {0}, best = {0};
  ck_assert_uint_le(pack_cluster_count(cluster), CROWD);
  size_t count = choose_naively(fresh, cluster, request, wanted);
  ck_assert_uint_eq(pack_choose(scorer, cluster, request, got, CHOICES), count);
  for (size_t i = 0; i < count; i++)
    check_same(policy, &got[i], &wanted[i]);
  ck_assert_uint_eq(pack_choose(scorer, cluster, request, &best, 1), count > 0);
  if (count)
    check_same(policy, &best, &wanted[0]);
  for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
    bool fits = pack_fit(pack_cluster_catalog(cluster), pack_cluster_node(cluster, i), request) ==
                PACK_FITS;
    ck_assert_int_eq(pack_score(scorer, cluster, i, request, &best), fits);
  }
}

/* ---- hundreds of changes -------------------------------------------------------------------- */

struct life {
  struct lab lab;
  struct history history;
  const struct pack_policy *policy;
  struct pack_scorer *scorer;
  struct pack_cluster *branch; /* a copy that goes its own way, or NULL */
  struct pack_request requests[REQUESTS];
};

static void life_init(struct life *life, const struct pack_policy *policy, uint64_t seed) {
  *life = (struct life){.policy = policy};
  lab_init(&life->lab, seed);
  lab_add_nodes(&life->lab, LAB_ANY, 1 + random_below(&life->lab.random, 40));
  life->scorer = pack_scorer_new(policy, life->lab.catalog, 1);
  for (size_t i = 0; i < REQUESTS; i++)
    life->requests[i] = lab_request(&life->lab);
}

static void life_done(struct life *life) {
  pack_scorer_free(life->scorer);
  pack_cluster_free(life->branch);
  history_done(&life->history);
  lab_done(&life->lab);
}

static void change_node(struct life *life) {
  struct lab *lab = &life->lab;
  size_t count = pack_cluster_count(lab->cluster), index = random_below(&lab->random, count);
  struct err err;
  switch (random_below(&lab->random, 4)) {
  case 0:
    if (count < CROWD / 2)
      lab_add_nodes(lab, LAB_ANY, 1);
    break;
  case 1:
    if (count > 1)
      ck_assert(
          pack_cluster_remove_node(lab->cluster, pack_cluster_node(lab->cluster, index)->name));
    break;
  case 2:
    pack_cluster_set_traits(lab->cluster, index, random_below(&lab->random, 8));
    break;
  default:
    (void)!pack_cluster_set_mode(lab->cluster, index, (uint8_t)random_below(&lab->random, 4),
                                 (enum pack_mode)random_below(&lab->random, 3), 4, &err);
  }
}

static void go_apart(struct life *life) {
  pack_cluster_free(life->branch);
  life->branch = pack_cluster_copy(life->lab.cluster);
}

static void one_event(struct life *life) {
  struct lab *lab = &life->lab;
  size_t what = random_below(&lab->random, 32);
  if (what == 0) {
    tell_tables(&life->history, life->scorer, lab_tables(lab));
  } else if (what <= 2) {
    struct pack_traffic traffic = {(uint32_t)random_below(&lab->random, 400000),
                                   (uint32_t)random_below(&lab->random, 1500000),
                                   random_one_in(&lab->random, 3)};
    tell_conditions(&life->history, life->scorer, lab->cluster, traffic);
  } else if (what <= 5) {
    change_node(life);
  } else if (what == 6) {
    go_apart(life);
  } else if (what <= 10 && life->branch) { /* what was a copy is now gone on with */
    struct pack_cluster *other = life->branch;
    life->branch = lab->cluster;
    lab->cluster = other;
  } else if (what <= 16) {
    lab_release(lab);
  } else if (what == 17) {
    pack_scorer_upkeep(life->scorer, lab->cluster);
  } else if (what == 18) {
    pack_scorer_warm(life->scorer, lab->cluster,
                     &life->requests[random_below(&lab->random, REQUESTS)]);
  } else {
    (void)lab_place(lab, life->scorer, &life->requests[random_below(&lab->random, REQUESTS)]);
  }
}

START_TEST(memory_is_never_seen) {
  enum { ROUNDS = 6 };
  size_t count;
  const struct pack_policy *policy = policies(&count)[_i];
  if (draws_lots(policy))
    return;
  uint64_t seed = random_seed();
  for (uint64_t round = 0; round < ROUNDS; round++) {
    struct life life;
    life_init(&life, policy, seed + round);
    for (int event = 0; event < EVENTS_MAX; event++) {
      one_event(&life);
      if (event % 4)
        continue;
      const struct pack_request *request = &life.requests[random_below(&life.lab.random, REQUESTS)];
      check_answer(&life.history, policy, life.scorer, life.lab.cluster, request);
      if (life.branch)
        check_answer(&life.history, policy, life.scorer, life.branch, request);
    }
    life_done(&life);
  }
}
END_TEST

/* ---- what is alike, and what only looks so ----------------------------------------------------
 */

static void set_node(struct lab *lab, const char *name, int64_t cores,
                     const struct pack_device *devices, size_t device_count,
                     const struct pack_counter *counter) {
  struct pack_node_spec spec = {.name = str_of(name),
                                .cpu_milli = cores * 1000,
                                .mem_bytes = (int64_t)64 << 30,
                                .devices = devices,
                                .device_count = device_count,
                                .counters = counter,
                                .counter_count = counter != NULL};
  struct err err;
  ck_assert_msg(pack_cluster_set_node(lab->cluster, &spec, &err), "%s", err.text);
}

static const struct pack_device whole_t4 = {
    .mode = PACK_MODE_WHOLE, .product = LAB_T4, .size = PACK_MILLI, .left = PACK_MILLI};

START_TEST(empty_nodes_of_different_size_are_not_alike) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  set_node(&lab, "large", 128, &whole_t4, 1, NULL);
  set_node(&lab, "small", 64, &whole_t4, 1, NULL);
  const struct history nothing = {0};
  struct pack_request request = pack_request_of(32000, 0, PACK_WHOLE, 1, 0);
  size_t count;
  (void)policies(&count);
  for (size_t i = 0; i < count; i++) {
    const struct pack_policy *policy = policies(&count)[i];
    if (draws_lots(policy))
      continue;
    CLEANUP_SCORER struct pack_scorer *scorer = pack_scorer_new(policy, lab.catalog, 1);
    check_answer(&nothing, policy, scorer, lab.cluster, &request);
  }
}
END_TEST

START_TEST(counters_of_different_names_are_not_alike) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  const struct pack_counter one = {.kind = PACK_WHOLE, .name = 1, .total = 2, .left = 2};
  const struct pack_counter two = {.kind = PACK_WHOLE, .name = 2, .total = 2, .left = 2};
  set_node(&lab, "a", 64, &whole_t4, 1, &one);
  set_node(&lab, "b", 64, &whole_t4, 1, &two);
  const struct history nothing = {0};
  struct pack_request request = pack_request_of(1000, 0, PACK_WHOLE, 1, 0);
  request.forms[0].name = 1;
  size_t count;
  (void)policies(&count);
  for (size_t i = 0; i < count; i++) {
    const struct pack_policy *policy = policies(&count)[i];
    CLEANUP_SCORER struct pack_scorer *scorer = pack_scorer_new(policy, lab.catalog, 1);
    struct pack_choice choices[CHOICES];
    ck_assert_uint_eq(pack_choose(scorer, lab.cluster, &request, choices, CHOICES), 1);
    ck_assert_uint_eq(choices[0].placement.node, 0);
    if (!draws_lots(policy))
      check_answer(&nothing, policy, scorer, lab.cluster, &request);
  }
}
END_TEST

/* More than a placement can name: the count decides all the same. */
START_TEST(a_count_may_be_larger_than_any_guess) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  const struct pack_counter many = {.kind = PACK_WHOLE, .total = 2 * PACK_UNITS_MAX};
  set_node(&lab, "a", 64, &whole_t4, 1, &many);
  struct pack_request request = pack_request_of(0, 0, PACK_WHOLE, PACK_UNITS_MAX + 1, 0);
  size_t count;
  (void)policies(&count);
  for (size_t i = 0; i < count; i++) {
    CLEANUP_SCORER struct pack_scorer *scorer =
        pack_scorer_new(policies(&count)[i], lab.catalog, 1);
    ck_assert_msg(lab_place(&lab, scorer, &request), "%s", pack_policy_name(policies(&count)[i]));
    ck_assert(!lab_place(&lab, scorer, &request));
    ck_assert(pack_release(lab.cluster, 0, lab.uid));
  }
}
END_TEST

/* ---- windows that overlap ---------------------------------------------------------------------
 */

/* The middle of the GPU is worth least: the first of two instances that goes there is the last. */
static struct pack_tables_ref *tables_that_love_the_middle(const struct lab *lab,
                                                           uint16_t profile) {
  const struct pack_mig *mig = pack_catalog_mig(lab->catalog, LAB_ODD);
  struct arena *arena = arena_new(4096);
  int32_t *values = arena_array(arena, mig->layout_count, sizeof(*values));
  uint16_t p = pack_mig_find(mig, profile);
  values[0] = PACK_MICRO;
  values[pack_mig_next(mig, 0, p, 1)] = PACK_MICRO - 1;
  struct pack_mig_values *all = arena_array(arena, 1, sizeof(*all));
  *all = (struct pack_mig_values){.product = LAB_ODD, .values = {values, values, values, values}};
  struct pack_tables tables = {.migs = all, .mig_count = 1};
  return pack_tables_new(arena, &tables);
}

START_TEST(what_fits_has_a_score_though_windows_overlap) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  const struct pack_device odd = {.mode = PACK_MODE_MIG, .product = LAB_ODD, .size = 6, .left = 6};
  set_node(&lab, "a", 64, &odd, 1, NULL);
  uint16_t profile = pack_catalog_find_profile(lab.catalog, STR_LIT("3g.12gb"));
  struct pack_tables_ref *tables = tables_that_love_the_middle(&lab, profile);
  struct pack_request two = pack_request_of(0, 0, PACK_SLICES, 2, profile);
  ck_assert_int_eq(pack_fit(lab.catalog, pack_cluster_node(lab.cluster, 0), &two), PACK_FITS);
  size_t count;
  (void)policies(&count);
  for (size_t i = 0; i < count; i++) {
    CLEANUP_SCORER struct pack_scorer *scorer =
        pack_scorer_new(policies(&count)[i], lab.catalog, 1);
    pack_scorer_set_tables(scorer, tables);
    ck_assert_msg(lab_place(&lab, scorer, &two), "%s", pack_policy_name(policies(&count)[i]));
    ck_assert(pack_release(lab.cluster, 0, lab.uid));
  }
  pack_tables_unref(tables);
}
END_TEST

/* ---- limits of the memory ------------------------------------------------------------------- */

START_TEST(more_requests_than_columns) {
  enum { DISTINCT = 1500 };
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  lab_add_nodes(&lab, LAB_ANY, 20);
  const struct pack_policy *policy = pack_policy_find(STR_LIT("slicegate"));
  CLEANUP_HISTORY struct history history = {0};
  CLEANUP_SCORER struct pack_scorer *scorer = pack_scorer_new(policy, lab.catalog, 1);
  tell_tables(&history, scorer, lab_tables(&lab));
  for (uint16_t turn = 0; turn < 2; turn++)
    for (uint16_t i = 0; i < DISTINCT; i++) {
      struct pack_request request = pack_request_of(i, 0, PACK_FRACTION, 1, 300);
      struct pack_choice choice;
      (void)pack_choose(scorer, lab.cluster, &request, &choice, 1);
      if (i % 100 == 0)
        check_answer(&history, policy, scorer, lab.cluster, &request);
    }
}
END_TEST

/* Every size of fraction on every kind of node is a charge of its own: more than there is room
 * for. */
static struct pack_tables_ref *tables_with_charges(void) {
  struct arena *arena = arena_new(4096);
  enum { LEVELS = 16 };
  struct pack_level *levels = arena_array(arena, LEVELS, sizeof(*levels));
  for (uint16_t i = 0; i < LEVELS; i++)
    levels[i] =
        (struct pack_level){.gpus = (uint16_t)(2 + i % 7), .cpu_milli = 300 * i, .demand = 1 << 16};
  struct pack_bound *bounds = arena_array(arena, LAB_PRODUCTS, sizeof(*bounds));
  for (uint16_t i = 0; i < LAB_PRODUCTS; i++)
    bounds[i] = (struct pack_bound){(uint64_t)1 << i, 100 * 1024};
  struct pack_tables tables = {.milli_per_pod = 500 * 1024,
                               .pools = {[PACK_MODE_WHOLE] = 500 * 1024},
                               .levels = levels,
                               .level_count = LEVELS,
                               .bounds = bounds,
                               .bound_count = LAB_PRODUCTS};
  for (int r = 0; r <= PACK_MILLI; r++)
    tables.prices[r] = r * (PACK_MICRO / PACK_MILLI);
  return pack_tables_new(arena, &tables);
}

static void add_kinds_of_node(struct lab *lab) {
  for (uint8_t product = 0; product < LAB_PRODUCTS; product++)
    for (size_t count = 1; count <= 8; count++) {
      struct pack_device devices[8];
      for (size_t d = 0; d < count; d++) {
        devices[d] = whole_t4;
        devices[d].product = product;
      }
      for (int64_t cores = 1; cores <= 2; cores++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "n%u-%zu-%jd", product, count, (intmax_t)cores);
        set_node(lab, name, cores * (int64_t)count, devices, count, NULL);
      }
    }
}

struct full {
  struct lab lab;
  struct history history;
  const struct pack_policy *policy;
  struct pack_scorer *scorer;
};

static void full_init(struct full *full) {
  *full = (struct full){.policy = pack_policy_find(STR_LIT("slicegate"))};
  lab_init(&full->lab, 1);
  add_kinds_of_node(&full->lab);
  full->scorer = pack_scorer_new(full->policy, full->lab.catalog, 1);
  tell_tables(&full->history, full->scorer, tables_with_charges());
  tell_conditions(&full->history, full->scorer, full->lab.cluster, (struct pack_traffic){0});
}

static void full_done(struct full *full) {
  pack_scorer_free(full->scorer);
  history_done(&full->history);
  lab_done(&full->lab);
}

static struct pack_request nth_request(uint16_t i) {
  return pack_request_of(i / PACK_MILLI * 1000, 0, PACK_FRACTION, 1, i % PACK_MILLI + 1);
}

enum { FULL_REQUESTS = 3 * PACK_MILLI };

START_TEST(charges_run_full_while_choosing) {
  struct full full;
  full_init(&full);
  for (uint16_t i = 0; i < FULL_REQUESTS; i++) {
    struct pack_request request = nth_request(i);
    struct pack_choice choice;
    (void)pack_choose(full.scorer, full.lab.cluster, &request, &choice, 1);
    if (i % 250 == 249)
      check_answer(&full.history, full.policy, full.scorer, full.lab.cluster, &request);
  }
  full_done(&full);
}
END_TEST

/* All columns at once, after a change that voids them: more charges than there is room for. */
START_TEST(charges_run_full_in_upkeep) {
  struct full full;
  full_init(&full);
  for (uint16_t i = 0; i < FULL_REQUESTS; i += 3) { /* as many as there are columns */
    struct pack_request request = nth_request(i);
    pack_scorer_warm(full.scorer, full.lab.cluster, &request);
  }
  tell_tables(&full.history, full.scorer, tables_with_charges());
  tell_conditions(&full.history, full.scorer, full.lab.cluster, (struct pack_traffic){0});
  pack_scorer_upkeep(full.scorer, full.lab.cluster);
  for (uint16_t i = 0; i < FULL_REQUESTS; i += 99) {
    struct pack_request request = nth_request(i);
    check_answer(&full.history, full.policy, full.scorer, full.lab.cluster, &request);
  }
  full_done(&full);
}
END_TEST

/* Whoever only asks for single nodes must not be told less in the end. */
START_TEST(charges_run_full_while_scoring) {
  struct full full;
  full_init(&full);
  size_t nodes = pack_cluster_count(full.lab.cluster);
  for (uint16_t i = 0; i < FULL_REQUESTS; i++) {
    struct pack_request request = nth_request(i);
    struct pack_choice choice, wanted;
    for (size_t node = 0; node < nodes; node++)
      (void)!pack_score(full.scorer, full.lab.cluster, node, &request, &choice);
    if (i % 250 != 249)
      continue;
    CLEANUP_SCORER struct pack_scorer *fresh =
        fresh_scorer(&full.history, full.policy, full.lab.catalog);
    for (size_t node = 0; node < nodes; node++) {
      bool fits = pack_score(full.scorer, full.lab.cluster, node, &request, &choice);
      ck_assert_int_eq(pack_score(fresh, full.lab.cluster, node, &request, &wanted), fits);
      if (fits)
        check_same(full.policy, &choice, &wanted);
    }
  }
  full_done(&full);
}
END_TEST

/* A policy with five numbers for charges, which takes the largest node. Whoever gets none is dear.
 */
enum { FEW_NUMBERS = 5, FEW_UNKNOWN };
struct few {
  int32_t prices[FEW_UNKNOWN + 1];
  uint16_t count;
};

static void *few_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)catalog;
  (void)seed;
  struct few *few = mem_zalloc(sizeof(*few));
  few->prices[FEW_UNKNOWN] = 1 << 29;
  return few;
}

static bool few_score(const struct pack_view *view, const struct pack_node *node,
                      const struct pack_request *request, struct pack_cell *ret,
                      struct pack_placement *placement) {
  struct few *few = view->state;
  if (placement)
    return pack_place_plain(view->catalog, node, request, 0, placement);
  few->count++;
  ret->score = (int32_t)node->cpu_left;
  ret->charge = few->count < FEW_UNKNOWN ? few->count : FEW_UNKNOWN;
  return true;
}

static const int32_t *few_prices(void *state, enum pack_room *ret_room) {
  struct few *few = state;
  *ret_room = few->count > FEW_NUMBERS ? PACK_ROOM_EXCEEDED : PACK_ROOM_ENOUGH;
  return few->prices;
}

static void few_drop(void *state) {
  ((struct few *)state)->count = 0;
}

/* The first request takes three of five numbers, the second would need three more: it is scored
 * again with all five, instead of taking its last node for the dearest. */
START_TEST(charges_run_full_within_one_request) {
  static const struct pack_policy few_policy = {.name = "few",
                                                .score = few_score,
                                                .state_new = few_new,
                                                .state_free = free,
                                                .charge_prices = few_prices,
                                                .drop_charges = few_drop};
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  for (int64_t cores = 1; cores <= 3; cores++) {
    char name[32];
    (void)snprintf(name, sizeof(name), "n%jd", (intmax_t)cores);
    set_node(&lab, name, cores * 10, &whole_t4, 1, NULL);
  }
  CLEANUP_SCORER struct pack_scorer *scorer = pack_scorer_new(&few_policy, lab.catalog, 1);
  for (uint16_t milli = 100; milli <= 400; milli += 100) {
    struct pack_request request = pack_request_of(1000, 0, PACK_FRACTION, 1, milli);
    struct pack_choice choice;
    ck_assert_uint_eq(pack_choose(scorer, lab.cluster, &request, &choice, 1), 1);
    ck_assert_uint_eq(choice.placement.node, 2);
    ck_assert_int_eq(choice.score, 30000);
  }
}
END_TEST

/* CPU and memory in so many steps that F_n's rows are dropped now and then. */
START_TEST(rows_of_fragmentation_are_dropped) {
  enum { STEPS = 200 };
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  struct arena *arena = arena_new(4096);
  struct pack_class *classes = arena_array(arena, STEPS, sizeof(*classes));
  for (uint16_t i = 0; i < STEPS; i++) {
    classes[i].request = pack_request_of(i * 100, (int64_t)i << 28, PACK_FRACTION, 1, 500);
    classes[i].weight = (1 << 20) / STEPS;
  }
  struct pack_tables tables = {.classes = classes, .class_count = STEPS};
  const struct pack_policy *policy = pack_policy_find(STR_LIT("slicegate"));
  CLEANUP_HISTORY struct history history = {0};
  CLEANUP_SCORER struct pack_scorer *scorer = pack_scorer_new(policy, lab.catalog, 1);
  tell_tables(&history, scorer, pack_tables_new(arena, &tables));
  set_node(&lab, "a", 64, &whole_t4, 1, NULL);
  set_node(&lab, "b", 32, &whole_t4, 1, NULL);
  for (uint16_t cpu = 0; cpu < STEPS; cpu++)
    for (uint16_t memory = 0; memory < STEPS; memory++) {
      struct pack_request request = pack_request_of(
          64000 - cpu * 100, ((int64_t)64 << 30) - ((int64_t)memory << 28), PACK_FRACTION, 1, 100);
      struct pack_choice choice;
      (void)!pack_score(scorer, lab.cluster, 0, &request, &choice);
      if (memory % 50 == 0)
        check_answer(&history, policy, scorer, lab.cluster, &request);
    }
  struct pack_request small = pack_request_of(0, 0, PACK_FRACTION, 1, 100);
  check_answer(&history, policy, scorer, lab.cluster, &small);
}
END_TEST

TCase *tcase_scorer(void) {
  TCase *tc = tcase_create("scorer");
  size_t count;
  (void)policies(&count);
  tcase_set_timeout(tc, 120);
  tcase_add_loop_test(tc, memory_is_never_seen, 0, (int)count);
  tcase_add_test(tc, empty_nodes_of_different_size_are_not_alike);
  tcase_add_test(tc, counters_of_different_names_are_not_alike);
  tcase_add_test(tc, a_count_may_be_larger_than_any_guess);
  tcase_add_test(tc, what_fits_has_a_score_though_windows_overlap);
  tcase_add_test(tc, more_requests_than_columns);
  tcase_add_test(tc, charges_run_full_while_choosing);
  tcase_add_test(tc, charges_run_full_while_scoring);
  tcase_add_test(tc, charges_run_full_in_upkeep);
  tcase_add_test(tc, charges_run_full_within_one_request);
  tcase_add_test(tc, rows_of_fragmentation_are_dropped);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our policy computes a score from sums and what one placement changes in them. Told about no
 * prices, it must be what the node was worth before, less what it is worth with the pod on it,
 * and no other place on the node may be better.
 */
#include "src/packing/slicegate.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

TCase *tcase_potential(void);

static int64_t fall(struct pack_scorer *scorer, struct pack_cluster *cluster,
                    const struct pack_request *request, const struct pack_placement *placement,
                    bool *ret_is_legal) {
  struct pack_undo undo;
  int64_t before = pack_scorer_potential(scorer, pack_cluster_node(cluster, placement->node));
  *ret_is_legal = pack_try(cluster, UINT64_MAX - 1, request, placement, &undo);
  if (!*ret_is_legal)
    return 0;
  int64_t after = pack_scorer_potential(scorer, pack_cluster_node(cluster, placement->node));
  pack_undo(cluster, &undo);
  return before - after;
}

/* Every form with one unit, on every device, at every start. */
static void check_no_better(struct lab *lab, struct pack_scorer *scorer,
                            const struct pack_request *request, const struct pack_choice *choice) {
  for (uint8_t f = 0; f < request->form_count; f++) {
    const struct pack_form *form = &request->forms[f];
    if (form->kind != PACK_CPU && form->count != 1)
      continue;
    for (uint8_t device = 0; device < PACK_DEVICES_MAX / 8; device++)
      for (uint8_t start = 0; start < PACK_STARTS_MAX; start++) {
        struct pack_placement other = {
            .node = choice->placement.node, .form = f, .unit_count = form->kind != PACK_CPU};
        other.units[0] = (struct pack_unit){
            device, start, form->kind == PACK_WHOLE ? (uint16_t)PACK_MILLI : form->amount};
        bool is_legal;
        int64_t score = fall(scorer, lab->cluster, request, &other, &is_legal);
        if (is_legal)
          ck_assert_int_le(score, choice->score);
        if (form->kind != PACK_SLICES)
          break;
      }
  }
}

/* Which of a node's idle GPUs a pod gets is not weighed: the lowest. */
static bool is_one_product(const struct pack_node *node) {
  return (node->products & (node->products - 1)) == 0;
}

/* Nothing here that a condition could set a price by. */
static struct pack_tables_ref *without_prices(struct pack_tables_ref *ref) {
  struct pack_tables tables = *pack_tables_get(ref);
  tables.milli_per_pod = 0;
  tables.level_count = tables.bound_count = 0;
  return pack_tables_new(arena_new(4096), &tables);
}

static void check_scores(struct lab *lab, struct pack_scorer *scorer,
                         const struct pack_request *request) {
  for (size_t node = 0; node < pack_cluster_count(lab->cluster); node++) {
    struct pack_choice choice;
    bool is_legal;
    if (!pack_score(scorer, lab->cluster, node, request, &choice))
      continue;
    int64_t expected = fall(scorer, lab->cluster, request, &choice.placement, &is_legal);
    ck_assert(is_legal);
    ck_assert_int_eq(choice.score, expected);
    if (is_one_product(pack_cluster_node(lab->cluster, node)))
      check_no_better(lab, scorer, request, &choice);
  }
}

/* A cluster that fills up; where GPUs are switched there are no prices. */
static void check_life(uint64_t seed, bool is_switching) {
  enum { PODS = 150 };
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, seed);
  lab_add_nodes(&lab, LAB_UNCOUNTED, 8);
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), lab.catalog, 1);
  struct pack_tables_ref *tables = lab_tables(&lab);
  pack_scorer_set_tables(scorer, tables);
  if (is_switching) {
    struct pack_tables_ref *priceless = without_prices(tables);
    pack_scorer_set_tables(scorer, priceless);
    pack_scorer_set_conditions(scorer, lab.cluster, &(struct pack_traffic){.is_switching = true});
    pack_tables_unref(priceless);
  }
  for (int i = 0; i < PODS; i++) {
    struct pack_request request = lab_request(&lab);
    check_scores(&lab, scorer, &request);
    if (!lab_place(&lab, scorer, &request))
      lab_release(&lab);
  }
  pack_tables_unref(tables);
  pack_scorer_free(scorer);
}

START_TEST(a_score_is_the_fall_of_the_potential) {
  enum { ROUNDS = 12 };
  uint64_t seed = random_seed();
  for (uint64_t round = 0; round < ROUNDS; round++)
    check_life(seed + round, round % 2);
}
END_TEST

/* One of the few seeds where an empty GPU is the cheaper place by its layout's value alone, and
 * the dearer one by what it is to pods with several. */
START_TEST(no_place_is_better_where_few_seeds_tell) {
  check_life(1795951345, true);
}
END_TEST

/* A second slice on a GPU costs `dearer` more than the first on an empty one, layouts alone; and
 * all pods that come want two GPUs. */
static struct pack_tables_ref *tables_for_pairs(const struct pack_mig *mig, uint16_t p,
                                                int32_t dearer) {
  struct arena *arena = arena_new(4096);
  int32_t *values = arena_array(arena, mig->layout_count, sizeof(*values));
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    values[layout] = PACK_MICRO - WORTH_OF_SWITCHING - dearer;
  values[0] = PACK_MICRO;
  for (uint8_t i = 0; i < mig->profiles[p].start_count; i++)
    values[pack_mig_next(mig, 0, p, i)] = PACK_MICRO;
  struct pack_mig_values *all = arena_array(arena, 1, sizeof(*all));
  *all = (struct pack_mig_values){.product = LAB_H100, .values = {values, values, values, values}};
  struct pack_class *pair = arena_array(arena, 1, sizeof(*pair));
  *pair = (struct pack_class){pack_request_of(0, 0, PACK_WHOLE, 2, 0), 1};
  struct pack_tables tables = {.migs = all, .mig_count = 1, .classes = pair, .class_count = 1};
  return pack_tables_new(arena, &tables);
}

/* Where the second slice goes on a node with three GPUs that may be switched. */
static struct pack_choice choose_second(int32_t dearer) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  const struct pack_mig *mig = pack_catalog_mig(lab.catalog, LAB_H100);
  uint16_t name = pack_catalog_find_profile(lab.catalog, STR_LIT("1g.10gb"));
  struct pack_device device = {
      .mode = PACK_MODE_MIG, .product = LAB_H100, .size = mig->axis, .left = mig->axis};
  struct lab_node node = {
      .name = "a",
      .spec = {.cpu_milli = 1000, .mem_bytes = 1000, .pods_max = 10, .device_count = 3},
      .devices = {device, device, device}};
  lab_set_node(lab.cluster, &node);
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), lab.catalog, 1);
  struct pack_tables_ref *tables = tables_for_pairs(mig, pack_mig_find(mig, name), dearer);
  pack_scorer_set_tables(scorer, tables);
  pack_tables_unref(tables);
  pack_scorer_set_conditions(scorer, lab.cluster, &(struct pack_traffic){.is_switching = true});
  struct pack_request request = pack_request_of(0, 0, PACK_SLICES, 1, name);
  struct pack_choice choice;
  ck_assert(lab_place(&lab, scorer, &request));
  ck_assert_uint_eq(pack_choose(scorer, lab.cluster, &request, &choice, 1), 1);
  pack_scorer_free(scorer);
  return choice;
}

/* With one empty GPU left of two no pair fits, which can use both: b * 2 GPUs. */
START_TEST(an_empty_gpu_is_taken_for_a_slice_only_if_that_pays) {
  enum { PAIR = 2 * PACK_MICRO * WEIGHT_USUAL / WEIGHT_ONE };
  static const int32_t dearer[] = {-1000, 0, 1000, PAIR - 1000, PAIR, PAIR + 1000, 2 * PAIR};
  for (size_t i = 0; i < SG_ARRAY_LEN(dearer); i++) {
    struct pack_choice choice = choose_second(dearer[i]);
    int32_t more = dearer[i] < PAIR ? dearer[i] : PAIR;
    ck_assert_uint_eq(choice.placement.units[0].device, dearer[i] < PAIR ? 0 : 1);
    ck_assert_int_eq(choice.score, -(WORTH_OF_SWITCHING + more));
  }
}
END_TEST

/* Values may lie below 0, and below that of a full GPU: they still have an order. */
START_TEST(layouts_of_negative_value_are_told_apart) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  const struct pack_mig *mig = pack_catalog_mig(lab.catalog, LAB_H100);
  uint16_t name = pack_catalog_find_profile(lab.catalog, STR_LIT("1g.10gb"));
  uint16_t p = pack_mig_find(mig, name);
  const struct pack_mig_profile *profile = &mig->profiles[p];
  struct pack_device device = {
      .mode = PACK_MODE_MIG, .product = LAB_H100, .size = mig->axis, .left = mig->axis};
  struct pack_node_spec spec = {.name = STR_LIT("a"),
                                .cpu_milli = 1000,
                                .mem_bytes = 1000,
                                .pods_max = 10,
                                .devices = &device,
                                .device_count = 1};
  struct err err;
  ck_assert(pack_cluster_set_node(lab.cluster, &spec, &err));
  for (uint8_t best = 0; best < profile->start_count; best++) {
    struct arena *arena = arena_new(4096);
    int32_t *values = arena_array(arena, mig->layout_count, sizeof(*values));
    values[0] = PACK_MICRO;
    for (uint8_t i = 0; i < profile->start_count; i++)
      values[pack_mig_next(mig, 0, p, i)] = -2 * PACK_MICRO - (i != best);
    struct pack_mig_values all = {.product = LAB_H100, .values = {values, values, values, values}};
    struct pack_tables_ref *tables =
        pack_tables_new(arena, &(struct pack_tables){.migs = &all, .mig_count = 1});
    struct pack_scorer *scorer =
        pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), lab.catalog, 1);
    pack_scorer_set_tables(scorer, tables);
    pack_tables_unref(tables);
    struct pack_request request = pack_request_of(0, 0, PACK_SLICES, 1, name);
    struct pack_choice choice;
    ck_assert_uint_eq(pack_choose(scorer, lab.cluster, &request, &choice, 1), 1);
    ck_assert_uint_eq(choice.placement.units[0].start, profile->starts[best]);
    ck_assert_int_eq(choice.score, -3 * PACK_MICRO);
    pack_scorer_free(scorer);
  }
}
END_TEST

/* Every remainder is worth what is left of it: all nodes cost the same, roundings apart. */
START_TEST(without_tables_it_is_first_fit) {
  enum { ROUNDS = 12, PODS = 150, ROUNDING = 1 };
  uint64_t seed = random_seed();
  size_t compared = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    CLEANUP_LAB struct lab lab;
    lab_init(&lab, seed + round);
    lab_add_nodes(&lab, LAB_UNCOUNTED, 8);
    struct pack_scorer *ours =
        pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), lab.catalog, 1);
    struct pack_scorer *first =
        pack_scorer_new(pack_policy_find(STR_LIT("firstfit")), lab.catalog, 1);
    for (int i = 0; i < PODS; i++) {
      struct pack_request request = lab_request(&lab);
      struct pack_choice best, plain, there;
      size_t count = pack_choose(ours, lab.cluster, &request, &best, 1);
      ck_assert_uint_eq(pack_choose(first, lab.cluster, &request, &plain, 1), count);
      /* A slice or a replica is another share of another product. */
      uint8_t kind = request.forms[0].kind;
      bool is_alike = request.form_count == 1 && kind != PACK_SLICES && kind != PACK_REPLICAS;
      if (count && is_alike) {
        ck_assert(pack_score(ours, lab.cluster, plain.placement.node, &request, &there));
        ck_assert_int_le(best.score - there.score, ROUNDING);
        compared++;
      }
      (void)lab_place(&lab, ours, &request);
      if (random_one_in(&lab.random, 3))
        lab_release(&lab);
    }
    pack_scorer_free(ours);
    pack_scorer_free(first);
  }
  ck_assert_uint_gt(compared, 0);
}
END_TEST

TCase *tcase_potential(void) {
  TCase *tc = tcase_create("potential");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, a_score_is_the_fall_of_the_potential);
  tcase_add_test(tc, no_place_is_better_where_few_seeds_tell);
  tcase_add_test(tc, an_empty_gpu_is_taken_for_a_slice_only_if_that_pays);
  tcase_add_test(tc, layouts_of_negative_value_are_told_apart);
  tcase_add_test(tc, without_tables_it_is_first_fit);
  return tc;
}

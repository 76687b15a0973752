/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_masks(void);

/* MFI and FGD on masks: scores of layouts by hand, in slices of eight. */
#define SLICES(n) ((n) * (PACK_MICRO / 8))

static void check_window(const struct pack_placement *placement, unsigned device, unsigned start) {
  ck_assert_uint_eq(placement->unit_count, 1);
  ck_assert_uint_eq(placement->units[0].device, device);
  ck_assert_uint_eq(placement->units[0].start, start);
}

START_TEST(mfi_takes_the_least_growth) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_placement placement;
  /* At 6 of an empty GPU it touches one window each of 1g.10gb, 1g.20gb and 3g.40gb: 1 + 2 + 4.
   * Elsewhere 2g.20gb too, or 4g.40gb. 7g.80gb is larger than what is free. */
  ck_assert_int_eq(world_score(&world, "mfi", 0, &one, &placement), -SLICES(7));
  check_window(&placement, 0, 6);
  world_put(&world, 0, &one, 1, 6);
  /* Beside it, at 4 or 5: 1g.10gb 2, 1g.20gb 4, 2g.20gb 2, 3g.40gb 4: 12, 5 more. */
  ck_assert_int_eq(world_score(&world, "mfi", 0, &one, &placement), -SLICES(5));
  check_window(&placement, 1, 4);
}
END_TEST

START_TEST(mfi_full_gpus_are_not_fragmented) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2});
  struct pack_request full = world_slices(&world, 1, "7g.80gb");
  struct pack_request left = world_slices(&world, 1, "4g.40gb");
  struct pack_request half = world_slices(&world, 1, "3g.40gb");
  ck_assert_int_eq(world_score(&world, "mfi", 0, &full, NULL), 0);
  /* At 0: 1g.10gb 4, 1g.20gb 4, 2g.20gb 4, 3g.40gb 4, 4g.40gb 4. */
  ck_assert_int_eq(world_score(&world, "mfi", 0, &left, NULL), -SLICES(20));
  world_put(&world, 0, &left, 1, 0);
  struct pack_placement placement;
  ck_assert_int_eq(world_score(&world, "mfi", 0, &half, &placement), SLICES(20));
  check_window(&placement, 1, 4);
}
END_TEST

START_TEST(others_are_placed_by_best_fit) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 2});
  world_add(&world, "n1", 64, (struct world_gpus){.whole = 2});
  world_add(&world, "n2", 64, (struct world_gpus){.shared = 1});
  world_add(&world, "n3", 64, (struct world_gpus){.mig = 1});
  struct pack_request half = world_request(&world, 8, PACK_FRACTION, 1, 500);
  struct pack_request either = world_request(&world, 1, PACK_REPLICAS, 1, 1);
  struct pack_request slices = world_slices(&world, 1, "1g.10gb");
  world_add_form(&either, &slices);
  world_put(&world, 1, &half, 1, 0);
  static const char *const policies[] = {"mfi", "fgd-masks"};
  for (size_t i = 0; i < SG_ARRAY_LEN(policies); i++) {
    struct pack_placement placement;
    ck_assert_uint_eq(world_choose(&world, policies[i], &half, &placement), 1);
    ck_assert_uint_eq(placement.units[0].device, 1);
    /* Slices come first, whatever their growth. */
    ck_assert_uint_eq(world_choose(&world, policies[i], &either, &placement), 3);
    ck_assert_uint_eq(placement.form, 1);
  }
  struct pack_request full = world_slices(&world, 1, "7g.80gb");
  world_put(&world, 3, &full, 0, 0);
  ck_assert_uint_eq(world_choose(&world, "mfi", &either, NULL), 2);
}
END_TEST

/* A mix of half 1g.10gb and half 3g.40gb. */
static struct pack_tables_ref *mix(const struct world *world) {
  struct arena *arena = arena_new(1024);
  struct pack_class *classes = arena_array(arena, 3, sizeof(*classes));
  classes[0] = (struct pack_class){world_slices(world, 1, "1g.10gb"), 1u << 18};
  classes[1] = (struct pack_class){world_slices(world, 1, "3g.40gb"), 1u << 18};
  /* Asks for no slices: says nothing of MIG. */
  classes[2] = (struct pack_class){world_request(world, 1, PACK_WHOLE, 1, 0), 1u << 19};
  struct pack_tables tables = {.version = 1, .classes = classes, .class_count = 3};
  return pack_tables_new(arena, &tables);
}

static void free_tables(struct pack_tables_ref **tables) {
  pack_tables_unref(*tables);
}
#define CLEANUP_TABLES SG_CLEANUP(free_tables)

static int64_t score_mixed(const struct world *world, struct pack_tables_ref *tables,
                           const struct pack_request *request, struct pack_placement *ret) {
  CLEANUP_SCORER struct pack_scorer *scorer = world_scorer(world, "fgd-masks", 1);
  pack_scorer_set_tables(scorer, tables);
  struct pack_choice choice;
  ck_assert(pack_score(scorer, world->cluster, 0, request, &choice));
  *ret = choice.placement;
  return choice.score;
}

START_TEST(fgd_masks_follow_the_mix) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 1});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_request half = world_slices(&world, 1, "3g.40gb");
  CLEANUP_TABLES struct pack_tables_ref *tables = mix(&world);
  struct pack_placement placement;
  /* Empty: 1g leaves 8 - 7, 3g 8 - 8: F = 1/2. With a 3g at 0: 4 - 3 and 4 - 4: 1/2. At 4:
   * 4 - 4 and 4 - 4: 0, half a slice better. */
  ck_assert_int_eq(score_mixed(&world, tables, &half, &placement), SLICES(1) / 2);
  check_window(&placement, 0, 4);
  /* With a 1g anywhere: 7 - 6 and 7 - 4: F = 2. */
  ck_assert_int_eq(score_mixed(&world, tables, &one, &placement), -SLICES(3) / 2);
  check_window(&placement, 0, 0);
  world_put(&world, 0, &one, 0, 0);
  /* A second one beside it: 6 - 5 and 6 - 4: F = 3/2. */
  ck_assert_int_eq(score_mixed(&world, tables, &one, &placement), SLICES(1) / 2);
  check_window(&placement, 0, 1);
}
END_TEST

START_TEST(fgd_masks_without_a_mix_take_all_profiles_alike) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 1});
  struct pack_request half = world_slices(&world, 1, "3g.40gb");
  struct pack_placement placement;
  /* Sums over six profiles, media extensions being no profile of their own. Empty: 1g.10gb 1,
   * 2g.20gb 2, 4g.40gb 4: 7. With a 3g at 4: 7g.80gb 4. (At 0: 1 + 2 + 4 + 4 = 11.) */
  ck_assert_int_eq(world_score(&world, "fgd-masks", 0, &half, &placement), SLICES(3) / 6);
  check_window(&placement, 0, 4);
}
END_TEST

TCase *tcase_policy_masks(void) {
  TCase *tc = tcase_create("policy_masks");
  tcase_add_test(tc, mfi_takes_the_least_growth);
  tcase_add_test(tc, mfi_full_gpus_are_not_fragmented);
  tcase_add_test(tc, others_are_placed_by_best_fit);
  tcase_add_test(tc, fgd_masks_follow_the_mix);
  tcase_add_test(tc, fgd_masks_without_a_mix_take_all_profiles_alike);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_packing(void);

START_TEST(prefers_what_is_in_use) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 4});
  struct pack_request half = world_request(&world, 1, PACK_FRACTION, 1, 500);
  struct pack_request small = world_request(&world, 1, PACK_FRACTION, 1, 300);
  struct pack_request large = world_request(&world, 1, PACK_FRACTION, 1, 600);
  struct pack_request three = world_request(&world, 1, PACK_WHOLE, 3, 0);
  struct pack_request cpu = world_request(&world, 1, PACK_CPU, 0, 0);
  ck_assert_int_eq(world_score(&world, "packing", 0, &small, NULL), 33 - 4);
  ck_assert_int_eq(world_score(&world, "packing", 0, &three, NULL), 33 - 4);
  world_put(&world, 0, &cpu, 0, 0); /* holds no GPU: the node is still untouched */
  ck_assert_int_eq(world_score(&world, "packing", 0, &small, NULL), 33 - 4);
  world_put(&world, 0, &half, 0, 0);
  ck_assert_int_eq(world_score(&world, "packing", 0, &small, NULL), 100 - 50 / 10);
  ck_assert_int_eq(world_score(&world, "packing", 0, &large, NULL), 50 - 1);
  ck_assert_int_eq(world_score(&world, "packing", 0, &three, NULL), 50 - 3);
  ck_assert_int_eq(world_score(&world, "packing", 0, &cpu, NULL), 0);
}
END_TEST

START_TEST(percents_are_floored) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 2});
  struct pack_request most = world_request(&world, 1, PACK_FRACTION, 1, 801);
  struct pack_request small = world_request(&world, 1, PACK_FRACTION, 1, 10);
  world_put(&world, 0, &most, 1, 0);
  ck_assert_int_eq(world_score(&world, "packing", 0, &small, NULL), 100 - 19 / 10);
}
END_TEST

START_TEST(keeps_its_ranges) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 20});
  world_add(&world, "n1", 64, (struct world_gpus){.whole = 40});
  struct pack_request half = world_request(&world, 1, PACK_FRACTION, 1, 500);
  struct pack_request many = world_request(&world, 1, PACK_WHOLE, 18, 0);
  world_put(&world, 0, &half, 0, 0);
  ck_assert_int_eq(world_score(&world, "packing", 0, &many, NULL), 33);
  ck_assert_int_eq(world_score(&world, "packing", 1, &many, NULL), 0);
}
END_TEST

START_TEST(slices_share_gpus) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_request two = world_slices(&world, 2, "1g.10gb");
  struct pack_request full = world_slices(&world, 1, "7g.80gb");
  ck_assert_int_eq(world_score(&world, "packing", 0, &two, NULL), 33 - 2);
  world_put(&world, 0, &one, 1, 0);
  /* 7 of 8 slices free, once though two instances go there. */
  ck_assert_int_eq(world_score(&world, "packing", 0, &two, NULL), 100 - 87 / 10);
  ck_assert_int_eq(world_score(&world, "packing", 0, &full, NULL), 50 - 1);
}
END_TEST

TCase *tcase_policy_packing(void) {
  TCase *tc = tcase_create("policy_packing");
  tcase_add_test(tc, prefers_what_is_in_use);
  tcase_add_test(tc, percents_are_floored);
  tcase_add_test(tc, keeps_its_ranges);
  tcase_add_test(tc, slices_share_gpus);
  return tc;
}

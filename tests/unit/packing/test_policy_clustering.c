/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_clustering(void);

START_TEST(keeps_kinds_together) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 4});
  struct pack_request fraction = world_request(&world, 8, PACK_FRACTION, 1, 500);
  struct pack_request one = world_request(&world, 8, PACK_WHOLE, 1, 0);
  struct pack_request two = world_request(&world, 8, PACK_WHOLE, 2, 0);
  struct pack_request cpu = world_request(&world, 4, PACK_CPU, 0, 0);
  /* No pod with a GPU: 25 * 4 / 8 = 12.5, and 25. A CPU-only pod changes nothing. */
  ck_assert_int_eq(world_score(&world, "clustering", 0, &fraction, NULL), 12 + 25);
  world_put(&world, 0, &cpu, 0, 0);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &one, NULL), 12 + 25);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &cpu, NULL), 0);
  /* Only shares: 25 * 4.5 / 8 = 14.06. */
  world_put(&world, 0, &fraction, 0, 0);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &fraction, NULL), 14 + 75);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &one, NULL), 14);
  /* Shares and a pod of one GPU: 25 * 5.5 / 8 = 17.19. */
  world_put(&world, 0, &one, 1, 0);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &fraction, NULL), 17 + 50);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &one, NULL), 17 + 50);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &two, NULL), 17);
}
END_TEST

START_TEST(every_profile_is_a_kind) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2, .shared = 1});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_request half = world_slices(&world, 1, "3g.40gb");
  struct pack_request replicas = world_request(&world, 1, PACK_REPLICAS, 1, 5);
  world_put(&world, 0, &one, 0, 0);
  /* 25 * (8 - 2.875) / 8 = 16.02 */
  ck_assert_int_eq(world_score(&world, "clustering", 0, &one, NULL), 16 + 75);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &half, NULL), 16);
  ck_assert_int_eq(world_score(&world, "clustering", 0, &replicas, NULL), 16);
}
END_TEST

START_TEST(more_gpus_than_the_scale_floor) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 9});
  struct pack_request one = world_request(&world, 8, PACK_WHOLE, 1, 0);
  /* 25 * -1 / 8 = -3.125 */
  ck_assert_int_eq(world_score(&world, "clustering", 0, &one, NULL), -4 + 25);
}
END_TEST

TCase *tcase_policy_clustering(void) {
  TCase *tc = tcase_create("policy_clustering");
  tcase_add_test(tc, keeps_kinds_together);
  tcase_add_test(tc, every_profile_is_a_kind);
  tcase_add_test(tc, more_gpus_than_the_scale_floor);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_dotprod(void);

START_TEST(scores_the_dot_product) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 4});
  struct pack_request fraction = world_request(&world, 8, PACK_FRACTION, 1, 500);
  struct pack_request whole = world_request(&world, 16, PACK_WHOLE, 2, 0);
  struct pack_request cpu = world_request(&world, 4, PACK_CPU, 0, 0);
  /* 64 * 8 / 128^2 = 4 * 0.5 / 8^2 = 1 / 32: 96.875 */
  ck_assert_int_eq(world_score(&world, "dotprod", 0, &fraction, NULL), 96);
  /* 64 * 16 / 128^2 = 1 / 16, 4 * 2 / 8^2 = 1 / 8: 90.625 */
  ck_assert_int_eq(world_score(&world, "dotprod", 0, &whole, NULL), 90);
  /* 64 * 4 / 128^2 = 1 / 64: 99.21875 */
  ck_assert_int_eq(world_score(&world, "dotprod", 0, &cpu, NULL), 99);
  world_put(&world, 0, &fraction, 0, 0);
  /* 56 * 8 / 128^2 + 3.5 * 0.5 / 8^2 = 0.0546875: 97.27 */
  ck_assert_int_eq(world_score(&world, "dotprod", 0, &fraction, NULL), 97);
}
END_TEST

START_TEST(nothing_asked_is_a_hundred) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 4});
  struct pack_request nothing = pack_request_of(0, 0, PACK_CPU, 0, 0);
  ck_assert_int_eq(world_score(&world, "dotprod", 0, &nothing, NULL), 100);
}
END_TEST

START_TEST(slices_and_replicas_are_parts_of_a_gpu) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2});
  world_add(&world, "n1", 64, (struct world_gpus){.shared = 2});
  struct pack_request slices = world_slices(&world, 2, "4g.40gb");
  struct pack_request replicas = world_request(&world, 1, PACK_REPLICAS, 1, 5);
  /* (64 / 128^2 + 2 * 1 / 8^2) / 2 = 0.01757: 98.2 */
  ck_assert_int_eq(world_score(&world, "dotprod", 0, &slices, NULL), 98);
  /* (64 / 128^2 + 2 * 0.5 / 8^2) / 2 = 0.00976: 99.02 */
  ck_assert_int_eq(world_score(&world, "dotprod", 1, &replicas, NULL), 99);
}
END_TEST

START_TEST(huge_nodes_do_not_overflow) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", (int64_t)1 << 40, (struct world_gpus){.whole = 64});
  struct pack_request all = world_request(&world, (int64_t)1 << 40, PACK_WHOLE, 64, 0);
  ck_assert_int_lt(world_score(&world, "dotprod", 0, &all, NULL), 0);
}
END_TEST

TCase *tcase_policy_dotprod(void) {
  TCase *tc = tcase_create("policy_dotprod");
  tcase_add_test(tc, scores_the_dot_product);
  tcase_add_test(tc, nothing_asked_is_a_hundred);
  tcase_add_test(tc, slices_and_replicas_are_parts_of_a_gpu);
  tcase_add_test(tc, huge_nodes_do_not_overflow);
  return tc;
}

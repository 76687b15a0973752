/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_worstfit(void);

START_TEST(slices_go_to_the_gpu_with_the_most_free) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2});
  world_add(&world, "n1", 64, (struct world_gpus){.mig = 2});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  world_put(&world, 0, &one, 0, 0);
  world_put(&world, 0, &one, 1, 0);
  world_put(&world, 1, &one, 0, 0);
  struct pack_placement placement;
  ck_assert_uint_eq(world_choose(&world, "worstfit", &one, &placement), 1);
  ck_assert_uint_eq(placement.units[0].device, 1);
  ck_assert_uint_eq(placement.units[0].start, 0);
  ck_assert_int_eq(world_score(&world, "worstfit", 1, &one, NULL), 1000);
  ck_assert_int_eq(world_score(&world, "worstfit", 0, &one, NULL), 875);
}
END_TEST

START_TEST(fractions_take_the_largest_remainder) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 3});
  struct pack_request small = world_request(&world, 1, PACK_FRACTION, 1, 200);
  world_put(&world, 0, &small, 0, 0);
  struct pack_placement placement;
  (void)world_score(&world, "worstfit", 0, &small, &placement);
  ck_assert_uint_eq(placement.units[0].device, 1);
}
END_TEST

START_TEST(the_emptiest_node_wins) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 4});
  world_add(&world, "n1", 64, (struct world_gpus){.whole = 4});
  struct pack_request whole = world_request(&world, 8, PACK_WHOLE, 1, 0);
  struct pack_request small = world_request(&world, 1, PACK_FRACTION, 1, 200);
  struct pack_request cpu = world_request(&world, 4, PACK_CPU, 0, 0);
  world_put(&world, 0, &whole, 0, 0);
  ck_assert_uint_eq(world_choose(&world, "worstfit", &whole, NULL), 1);
  ck_assert_uint_eq(world_choose(&world, "worstfit", &small, NULL), 1);
  ck_assert_uint_eq(world_choose(&world, "worstfit", &cpu, NULL), 1);
  ck_assert_int_eq(world_score(&world, "worstfit", 0, &whole, NULL),
                   -world_score(&world, "bestfit", 0, &whole, NULL));
}
END_TEST

TCase *tcase_policy_worstfit(void) {
  TCase *tc = tcase_create("policy_worstfit");
  tcase_add_test(tc, slices_go_to_the_gpu_with_the_most_free);
  tcase_add_test(tc, fractions_take_the_largest_remainder);
  tcase_add_test(tc, the_emptiest_node_wins);
  return tc;
}

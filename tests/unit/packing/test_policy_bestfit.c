/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_bestfit(void);

START_TEST(scores_what_is_left) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 4});
  struct pack_request fraction = world_request(&world, 8, PACK_FRACTION, 1, 500);
  struct pack_request whole = world_request(&world, 16, PACK_WHOLE, 2, 0);
  struct pack_request cpu = world_request(&world, 4, PACK_CPU, 0, 0);
  /* 100 * (1 - 56 / 256 - 3.5 / 16) = 56.25 */
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &fraction, NULL), 56);
  /* 100 * (1 - 48 / 256 - 2 / 16) = 68.75 */
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &whole, NULL), 68);
  /* 100 * (1 - 60 / 256 - 4 / 16) = 51.56 */
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &cpu, NULL), 51);
}
END_TEST

START_TEST(floors_below_zero_too) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 256, (struct world_gpus){.whole = 16});
  struct pack_request whole = world_request(&world, 1, PACK_WHOLE, 1, 0);
  /* 100 * (1 - 255 / 256 - 15 / 16) = -93.36 */
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &whole, NULL), -94);
}
END_TEST

START_TEST(takes_the_fullest_node_and_the_tightest_gpu) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 2});
  world_add(&world, "n1", 64, (struct world_gpus){.whole = 2});
  struct pack_request half = world_request(&world, 8, PACK_FRACTION, 1, 500);
  struct pack_request small = world_request(&world, 1, PACK_FRACTION, 1, 200);
  world_put(&world, 1, &small, 0, 0);
  world_put(&world, 1, &half, 1, 0);
  struct pack_placement placement;
  ck_assert_uint_eq(world_choose(&world, "bestfit", &small, &placement), 1);
  ck_assert_uint_eq(placement.units[0].device, 1);
  ck_assert_uint_eq(placement.units[0].amount, 200);
}
END_TEST

START_TEST(slices_go_to_the_gpu_with_the_least_free) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2});
  world_add(&world, "n1", 64, (struct world_gpus){.mig = 2});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_request half = world_slices(&world, 1, "4g.40gb");
  world_put(&world, 0, &one, 0, 0);
  world_put(&world, 1, &half, 1, 0);
  struct pack_placement placement;
  ck_assert_uint_eq(world_choose(&world, "bestfit", &one, &placement), 1);
  ck_assert_uint_eq(placement.units[0].device, 1);
  ck_assert_uint_eq(placement.units[0].start, 4);
  ck_assert_int_eq(world_score(&world, "bestfit", 1, &one, NULL), -500);
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &one, NULL), -875);
}
END_TEST

START_TEST(several_instances_one_after_another) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2});
  struct pack_request three = world_slices(&world, 3, "3g.40gb");
  struct pack_placement placement;
  /* An empty GPU, then the same one with half of it free, then the other. */
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &three, &placement), -1000 - 500 - 1000);
  ck_assert_uint_eq(placement.unit_count, 3);
  static const uint8_t expected[][2] = {{0, 0}, {0, 4}, {1, 0}};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_uint_eq(placement.units[i].device, expected[i][0]);
    ck_assert_uint_eq(placement.units[i].start, expected[i][1]);
  }
  ck_assert(pack_commit(world.cluster, 1, &three, &placement));
}
END_TEST

START_TEST(a_limit_of_its_own_is_kept) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 3});
  struct pack_request one = world_slices(&world, 1, "1g.10gb+me");
  struct pack_request two = world_slices(&world, 2, "1g.10gb+me");
  struct pack_request three = world_slices(&world, 3, "1g.10gb+me");
  world_put(&world, 0, &one, 0, 0);
  struct pack_placement placement;
  (void)world_score(&world, "bestfit", 0, &two, &placement);
  ck_assert_uint_eq(placement.units[0].device, 1);
  ck_assert_uint_eq(placement.units[1].device, 2);
  CLEANUP_SCORER struct pack_scorer *scorer = world_scorer(&world, "bestfit", 1);
  struct pack_choice choice;
  ck_assert(!pack_score(scorer, world.cluster, 0, &three, &choice));
}
END_TEST

START_TEST(replicas_go_to_the_gpu_with_the_least_free) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.shared = 3});
  struct pack_request two = world_request(&world, 1, PACK_REPLICAS, 1, 2);
  struct pack_request seven = world_request(&world, 1, PACK_REPLICAS, 1, 7);
  struct pack_request nine = world_request(&world, 1, PACK_REPLICAS, 1, 9);
  world_put(&world, 0, &seven, 1, 0);
  world_put(&world, 0, &nine, 2, 0);
  struct pack_placement placement;
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &two, &placement), -300);
  ck_assert_uint_eq(placement.units[0].device, 1);
}
END_TEST

START_TEST(alternatives_compare_by_what_is_free) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 1, .shared = 1});
  struct pack_request either = world_slices(&world, 1, "1g.10gb");
  struct pack_request replicas = world_request(&world, 1, PACK_REPLICAS, 1, 4);
  world_add_form(&either, &replicas);
  struct pack_placement placement;
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &either, &placement), -1000);
  ck_assert_uint_eq(placement.form, 0);
  world_put(&world, 0, &replicas, 1, 0);
  ck_assert_int_eq(world_score(&world, "bestfit", 0, &either, &placement), -600);
  ck_assert_uint_eq(placement.form, 1);
  ck_assert_uint_eq(placement.units[0].device, 1);
  ck_assert_uint_eq(placement.units[0].amount, 4);
}
END_TEST

START_TEST(counters_decide) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_request two = world_slices(&world, 2, "1g.10gb");
  struct pack_counter counter = {
      .kind = PACK_SLICES, .profile = one.forms[0].amount, .total = 1, .left = 1};
  struct pack_device device = {.mode = PACK_MODE_MIG, .product = WORLD_H100, .size = 8, .left = 8};
  struct pack_node_spec spec = {.name = STR_LIT("n0"),
                                .cpu_milli = 64000,
                                .mem_bytes = 64 * WORLD_GIB,
                                .devices = &device,
                                .device_count = 1,
                                .counters = &counter,
                                .counter_count = 1};
  struct err err;
  ck_assert(pack_cluster_set_node(world.cluster, &spec, &err));
  CLEANUP_SCORER struct pack_scorer *scorer = world_scorer(&world, "bestfit", 1);
  struct pack_choice choice;
  ck_assert(!pack_score(scorer, world.cluster, 0, &two, &choice));
  ck_assert(pack_score(scorer, world.cluster, 0, &one, &choice));
  ck_assert_uint_eq(choice.placement.unit_count, 1);
  /* The devices look full: the count has it that one instance is free all the same. */
  device.left = 0;
  counter.total = 2;
  counter.left = 2;
  spec.device_count = 0;
  spec.name = STR_LIT("n1");
  ck_assert(pack_cluster_set_node(world.cluster, &spec, &err));
  ck_assert(pack_score(scorer, world.cluster, 1, &two, &choice));
  ck_assert_uint_eq(choice.placement.unit_count, 0);
}
END_TEST

TCase *tcase_policy_bestfit(void) {
  TCase *tc = tcase_create("policy_bestfit");
  tcase_add_test(tc, scores_what_is_left);
  tcase_add_test(tc, floors_below_zero_too);
  tcase_add_test(tc, takes_the_fullest_node_and_the_tightest_gpu);
  tcase_add_test(tc, slices_go_to_the_gpu_with_the_least_free);
  tcase_add_test(tc, several_instances_one_after_another);
  tcase_add_test(tc, a_limit_of_its_own_is_kept);
  tcase_add_test(tc, replicas_go_to_the_gpu_with_the_least_free);
  tcase_add_test(tc, alternatives_compare_by_what_is_free);
  tcase_add_test(tc, counters_decide);
  return tc;
}

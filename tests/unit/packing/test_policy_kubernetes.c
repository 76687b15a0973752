/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_kubernetes(void);

/* LeastAllocated, MostAllocated and RequestedToCapacityRatio on one node. */
static void check(const struct world *world, const struct pack_request *request, int64_t least,
                  int64_t most, int64_t ratio) {
  ck_assert_int_eq(world_score(world, "leastallocated", 0, request, NULL), least);
  ck_assert_int_eq(world_score(world, "mostallocated", 0, request, NULL), most);
  ck_assert_int_eq(world_score(world, "requestedtocapacityratio", 0, request, NULL), ratio);
}

START_TEST(means_of_floored_percents) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 4});
  struct pack_request cpu = world_request(&world, 16, PACK_CPU, 0, 0);
  struct pack_request two = world_request(&world, 16, PACK_WHOLE, 2, 0);
  struct pack_request half = world_request(&world, 16, PACK_FRACTION, 1, 500);
  /* CPU 25 used, 75 free; memory 12.5 used, 87.5 free; floored: 12 and 87. */
  check(&world, &cpu, (75 + 87) / 2, (25 + 12) / 2, (25 + 12) / 2);
  check(&world, &two, (75 + 87) / 2, (25 + 12) / 2, (25 + 12 + 5 * 50) / 7);
  check(&world, &half, (75 + 87) / 2, (25 + 12) / 2, (25 + 12 + 5 * 12) / 7);
  world_put(&world, 0, &two, 2, 0);
  /* CPU 50, memory 25, GPUs 3 of 4 and 2.5 of 4. */
  struct pack_request one = world_request(&world, 16, PACK_WHOLE, 1, 0);
  check(&world, &one, (50 + 75) / 2, (50 + 25) / 2, (50 + 25 + 5 * 75) / 7);
  check(&world, &half, (50 + 75) / 2, (50 + 25) / 2, (50 + 25 + 5 * 62) / 7);
}
END_TEST

START_TEST(slices_and_replicas_are_counts) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 2, .shared = 1});
  struct pack_request slices = world_slices(&world, 1, "2g.20gb");
  struct pack_request replicas = world_request(&world, 1, PACK_REPLICAS, 1, 3);
  /* CPU 1.56 used, 98.4 free; 2 of 16 slices; 3 of 10 replicas. */
  check(&world, &slices, (98 + 87 + 87) / 3, (1 + 12 + 12) / 3, (1 + 12 + 5 * 12) / 7);
  check(&world, &replicas, (98 + 87 + 70) / 3, (1 + 12 + 30) / 3, (1 + 12 + 5 * 30) / 7);
}
END_TEST

START_TEST(counters_are_counts) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_counter counter = {
      .kind = PACK_SLICES, .profile = one.forms[0].amount, .total = 4, .left = 4};
  struct pack_node_spec spec = {.name = STR_LIT("n0"),
                                .cpu_milli = 64000,
                                .mem_bytes = 64 * WORLD_GIB,
                                .counters = &counter,
                                .counter_count = 1};
  struct err err;
  ck_assert(pack_cluster_set_node(world.cluster, &spec, &err));
  check(&world, &one, (98 + 87 + 75) / 3, (1 + 12 + 25) / 3, (1 + 12 + 5 * 25) / 7);
}
END_TEST

START_TEST(a_resource_that_is_not_there_does_not_count) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  struct pack_node_spec spec = {.name = STR_LIT("n0"), .cpu_milli = 4000};
  struct err err;
  ck_assert(pack_cluster_set_node(world.cluster, &spec, &err));
  struct pack_request cpu = pack_request_of(1000, 0, PACK_CPU, 0, 0);
  check(&world, &cpu, 75, 25, 25);
}
END_TEST

START_TEST(large_numbers_keep_their_ratio) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  struct pack_node_spec spec = {
      .name = STR_LIT("n0"), .cpu_milli = INT64_MAX / 2, .mem_bytes = INT64_MAX / 2};
  struct err err;
  ck_assert(pack_cluster_set_node(world.cluster, &spec, &err));
  struct pack_request cpu = pack_request_of(INT64_MAX / 4, INT64_MAX / 4, PACK_CPU, 0, 0);
  ck_assert_int_ge(world_score(&world, "mostallocated", 0, &cpu, NULL), 49);
  ck_assert_int_le(world_score(&world, "mostallocated", 0, &cpu, NULL), 50);
}
END_TEST

TCase *tcase_policy_kubernetes(void) {
  TCase *tc = tcase_create("policy_kubernetes");
  tcase_add_test(tc, means_of_floored_percents);
  tcase_add_test(tc, slices_and_replicas_are_counts);
  tcase_add_test(tc, counters_are_counts);
  tcase_add_test(tc, a_resource_that_is_not_there_does_not_count);
  tcase_add_test(tc, large_numbers_keep_their_ratio);
  return tc;
}

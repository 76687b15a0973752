/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packing/world.h"

#include <check.h>

TCase *tcase_policy_turns(void);

/* Policies that look at no score: firstfit, roundrobin, random. */

START_TEST(first_fit_is_first_everywhere) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 2, .mig = 2});
  world_add(&world, "n1", 64, (struct world_gpus){.whole = 2, .mig = 2});
  struct pack_request whole = world_request(&world, 1, PACK_WHOLE, 1, 0);
  struct pack_request half = world_slices(&world, 1, "4g.40gb");
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_placement placement;
  world_put(&world, 0, &whole, 0, 0);
  world_put(&world, 0, &half, 1 + 1, 0);
  ck_assert_uint_eq(world_choose(&world, "firstfit", &whole, &placement), 0);
  ck_assert_uint_eq(placement.units[0].device, 1);
  ck_assert_uint_eq(world_choose(&world, "firstfit", &one, &placement), 0);
  ck_assert_uint_eq(placement.units[0].device, 2);
  ck_assert_uint_eq(placement.units[0].start, 4);
  ck_assert_uint_eq(world_choose(&world, "firstfit", &half, &placement), 0);
  ck_assert_uint_eq(placement.units[0].device, 3);
  world_put(&world, 0, &whole, 1, 0);
  ck_assert_uint_eq(world_choose(&world, "firstfit", &whole, &placement), 1);
}
END_TEST

START_TEST(first_fit_takes_the_first_form) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.shared = 1, .mig = 1});
  struct pack_request either = world_slices(&world, 1, "1g.10gb");
  struct pack_request replicas = world_request(&world, 1, PACK_REPLICAS, 1, 1);
  world_add_form(&either, &replicas);
  struct pack_placement placement;
  (void)world_choose(&world, "firstfit", &either, &placement);
  ck_assert_uint_eq(placement.form, 0);
  struct pack_request full = world_slices(&world, 1, "7g.80gb");
  world_put(&world, 0, &full, 0, 0);
  (void)world_choose(&world, "firstfit", &either, &placement);
  ck_assert_uint_eq(placement.form, 1);
}
END_TEST

static size_t choose(struct pack_scorer *scorer, struct world *world,
                     const struct pack_request *request, struct pack_placement *ret) {
  struct pack_choice choice;
  ck_assert_uint_eq(pack_choose(scorer, world->cluster, request, &choice, 1), 1);
  *ret = choice.placement;
  return choice.placement.node;
}

START_TEST(round_robin_goes_round) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 1});
  world_add(&world, "n1", 64, (struct world_gpus){.mig = 1});
  world_add(&world, "n2", 64, (struct world_gpus){.mig = 1});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  struct pack_request full = world_slices(&world, 1, "7g.80gb");
  world_put(&world, 1, &full, 0, 0);
  CLEANUP_SCORER struct pack_scorer *scorer = world_scorer(&world, "roundrobin", 1);
  static const size_t expected[] = {0, 2, 0, 2, 0};
  struct pack_placement placement;
  for (size_t i = 0; i < SG_ARRAY_LEN(expected); i++) {
    ck_assert_uint_eq(choose(scorer, &world, &one, &placement), expected[i]);
    ck_assert(pack_commit(world.cluster, 100 + i, &one, &placement));
  }
  ck_assert(pack_release(world.cluster, 1, 1));
  ck_assert_uint_eq(choose(scorer, &world, &one, &placement), 1);
  ck_assert_uint_eq(choose(scorer, &world, &one, &placement), 2);
}
END_TEST

START_TEST(random_draws_each_node_and_window_alike) {
  enum { DRAWS = 4200, NODES = 3, WINDOWS = 7 };
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.mig = 1});
  world_add(&world, "n1", 64, (struct world_gpus){.mig = 1});
  world_add(&world, "n2", 64, (struct world_gpus){.mig = 1});
  world_add(&world, "n3", 64, (struct world_gpus){.whole = 1});
  struct pack_request one = world_slices(&world, 1, "1g.10gb");
  CLEANUP_SCORER struct pack_scorer *scorer = world_scorer(&world, "random", 42);
  unsigned counts[NODES][WINDOWS] = {0};
  for (int i = 0; i < DRAWS; i++) {
    struct pack_placement placement;
    size_t node = choose(scorer, &world, &one, &placement);
    ck_assert_uint_lt(node, NODES);
    ck_assert_uint_lt(placement.units[0].start, WINDOWS);
    counts[node][placement.units[0].start]++;
  }
  /* 200 each in the mean, with a deviation of 14. */
  for (size_t node = 0; node < NODES; node++)
    for (size_t window = 0; window < WINDOWS; window++) {
      ck_assert_uint_gt(counts[node][window], 140);
      ck_assert_uint_lt(counts[node][window], 260);
    }
}
END_TEST

START_TEST(random_follows_its_seed) {
  CLEANUP_WORLD struct world world;
  world_init(&world);
  world_add(&world, "n0", 64, (struct world_gpus){.whole = 8});
  world_add(&world, "n1", 64, (struct world_gpus){.whole = 8});
  struct pack_request small = world_request(&world, 1, PACK_FRACTION, 1, 10);
  CLEANUP_SCORER struct pack_scorer *first = world_scorer(&world, "random", 7);
  CLEANUP_SCORER struct pack_scorer *again = world_scorer(&world, "random", 7);
  CLEANUP_SCORER struct pack_scorer *other = world_scorer(&world, "random", 8);
  unsigned differing = 0;
  for (int i = 0; i < 100; i++) {
    struct pack_placement a, b, c;
    size_t node = choose(first, &world, &small, &a);
    ck_assert_uint_eq(choose(again, &world, &small, &b), node);
    ck_assert_uint_eq(a.units[0].device, b.units[0].device);
    differing +=
        choose(other, &world, &small, &c) != node || a.units[0].device != c.units[0].device;
  }
  ck_assert_uint_gt(differing, 50);
}
END_TEST

TCase *tcase_policy_turns(void) {
  TCase *tc = tcase_create("policy_turns");
  tcase_add_test(tc, first_fit_is_first_everywhere);
  tcase_add_test(tc, first_fit_takes_the_first_form);
  tcase_add_test(tc, round_robin_goes_round);
  tcase_add_test(tc, random_draws_each_node_and_window_alike);
  tcase_add_test(tc, random_follows_its_seed);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

struct fixture {
  struct sim_trace *trace;
  struct sim_env env;
  struct sim_run run;
  struct sim_world world;
};

static void start(struct fixture *f, size_t nodes, const char *policy) {
  struct err err = {0};
  struct sim_random order = {1};
  *f = (struct fixture){.trace = must_read_pods(nodes, "p0,4000,8192,1,600,\np1,4000,8192,1,400,\n"
                                                       "p2,4000,8192,1,1000,\n")};
  f->run = (struct sim_run){
      .env = &f->env, .contender = {policy, pack_policy_find(str_of(policy))}, .seed = 1};
  struct pack_cluster *cluster = sim_trace_cluster(f->trace, &order, &err);
  ck_assert_ptr_nonnull(cluster);
  sim_world_start_with_history(&f->world, &f->run, cluster, f->trace->classes,
                               f->trace->class_counts, f->trace->facts.classes);
}

static void done(struct fixture *f) {
  struct err err = {0};
  ck_assert_msg(sim_world_finish(&f->world, &f->run, &err), "%s", err.text);
  sim_world_done(&f->world);
  sim_trace_free(f->trace);
}

static bool arrive(struct fixture *f, uint16_t milli) {
  size_t class = milli == 600 ? 0 : milli == 400 ? 1 : 2;
  return sim_world_arrive(&f->world, &f->trace->classes[class]);
}

static int64_t milli_left(const struct fixture *f) {
  return pack_cluster_totals(f->world.cluster)->milli_left;
}

START_TEST(pods_come_and_go) {
  struct fixture f;
  start(&f, 2, "bestfit");
  ck_assert(arrive(&f, 600));
  ck_assert(arrive(&f, 1000));
  ck_assert(!arrive(&f, 600));
  ck_assert(arrive(&f, 400));
  ck_assert_int_eq(milli_left(&f), 0);
  ck_assert_uint_eq(f.world.arrived, 4);
  ck_assert_uint_eq(f.world.placed, 3);
  ck_assert_uint_eq(f.world.pods[2].node, SIM_NOWHERE);
  sim_world_depart(&f.world, 2); /* it is nowhere */
  ck_assert_int_eq(milli_left(&f), 0);
  sim_world_depart(&f.world, 0);
  ck_assert_int_eq(milli_left(&f), 600);
  sim_world_depart(&f.world, 0);
  sim_world_depart(&f.world, 1);
  sim_world_depart(&f.world, 3);
  ck_assert_int_eq(milli_left(&f), 2000);
  ck_assert_uint_eq(pack_cluster_totals(f.world.cluster)->pods, 0);
  done(&f);
}
END_TEST

static void count_change(void *ctx, uint32_t node) {
  unsigned *counts = ctx;
  counts[node]++;
}

START_TEST(changes_are_told) {
  struct fixture f;
  unsigned counts[2] = {0};
  start(&f, 2, "bestfit");
  f.world.changed = count_change;
  f.world.changed_ctx = counts;
  ck_assert(arrive(&f, 1000));
  uint32_t node = f.world.pods[0].node;
  ck_assert_uint_eq(counts[node], 1);
  ck_assert_uint_eq(counts[1 - node], 0);
  sim_world_depart(&f.world, 0);
  ck_assert_uint_eq(counts[node], 2);
  done(&f);
}
END_TEST

/* Baselines are as they were published: they know the history and learn nothing. */
START_TEST(only_ours_learns) {
  struct fixture ours, other;
  start(&ours, 1, "slicegate");
  start(&other, 1, "fgd");
  ck_assert_ptr_nonnull(ours.world.learner);
  ck_assert_ptr_null(other.world.learner);
  done(&ours);
  done(&other);
}
END_TEST

/* Two GPUs with a pod of 400 each, from which the others have gone. */
static void strand(struct fixture *f) {
  start(f, 2, "slicegate");
  ck_assert(arrive(f, 600) && arrive(f, 600) && arrive(f, 400) && arrive(f, 400));
  sim_world_depart(&f->world, 0);
  sim_world_depart(&f->world, 1);
  ck_assert_int_eq(milli_left(f), 1200);
}

START_TEST(nothing_moves_unless_allowed) {
  struct fixture f;
  strand(&f);
  ck_assert(!arrive(&f, 1000));
  ck_assert_uint_eq(f.world.moves, 0);
  done(&f);
}
END_TEST

START_TEST(a_move_makes_room) {
  struct fixture f;
  strand(&f);
  unsigned counts[2] = {0};
  f.world.changed = count_change;
  f.world.changed_ctx = counts;
  f.world.moves_per_refusal = 1;
  ck_assert(arrive(&f, 1000));
  /* Both nodes of the move were told of, the one that took the pod once more. */
  ck_assert_uint_eq(counts[f.world.pods[4].node], 2);
  ck_assert_uint_eq(counts[1 - f.world.pods[4].node], 1);
  ck_assert_uint_eq(f.world.moves, 1);
  ck_assert_int_eq(milli_left(&f), 200);
  ck_assert_uint_eq(f.world.pods[2].node, f.world.pods[3].node);
  ck_assert_uint_ne(f.world.pods[2].node, f.world.pods[4].node);
  /* Who was moved can leave from where it is now. */
  sim_world_depart(&f.world, 2);
  sim_world_depart(&f.world, 3);
  sim_world_depart(&f.world, 4);
  ck_assert_int_eq(milli_left(&f), 2000);
  done(&f);
}
END_TEST

START_TEST(moves_keep_to_their_budget) {
  struct fixture f;
  strand(&f);
  f.world.moves_per_refusal = PACK_MOVES_MAX;
  f.world.moves_per_100 = 24; /* of 4 placed pods: 0.96 */
  ck_assert(!arrive(&f, 1000));
  f.world.moves_per_100 = 25;
  ck_assert(arrive(&f, 1000));
  ck_assert_uint_eq(f.world.moves, 1);
  done(&f);
}
END_TEST

static int64_t tick(void *ctx) {
  int64_t *now = ctx;
  return *now += 1000;
}

START_TEST(time_is_counted_of_decisions) {
  struct fixture f;
  int64_t now = 0;
  start(&f, 2, "bestfit");
  f.env = (struct sim_env){.ctx = &now, .now_ns = tick};
  ck_assert(arrive(&f, 600));
  ck_assert(f.world.decision_ns > 0);
  ck_assert_int_le(f.world.decision_ns, now);
  done(&f);
  ck_assert(f.run.seconds > 0);
}
END_TEST

TCase *tcase_world(void) {
  TCase *tcase = tcase_create("world");
  tcase_add_test(tcase, pods_come_and_go);
  tcase_add_test(tcase, changes_are_told);
  tcase_add_test(tcase, only_ours_learns);
  tcase_add_test(tcase, nothing_moves_unless_allowed);
  tcase_add_test(tcase, a_move_makes_room);
  tcase_add_test(tcase, moves_keep_to_their_budget);
  tcase_add_test(tcase, time_is_counted_of_decisions);
  return tcase;
}

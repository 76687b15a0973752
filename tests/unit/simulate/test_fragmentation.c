/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

/* Memory is left aside, the rarest classes are left out. */
START_TEST(the_target_covers_95_percent) {
  CLEANUP_BUF struct buf pods;
  buf_init(&pods, 1 << 16);
  for (unsigned i = 0; i < 60; i++)
    buf_printf(&pods, "a%u,1000,%u,1,500,\n", i, 1000 + i % 3); /* one class but for memory */
  for (unsigned i = 0; i < 36; i++)
    buf_printf(&pods, "b%u,1000,1000,1,1000,\n", i);
  for (unsigned i = 0; i < 4; i++)
    buf_printf(&pods, "c%u,1000,1000,0,0,\n", i);
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(1, pods.ptr);
  struct sim_target target;
  sim_target_init(&target, trace);
  ck_assert_uint_eq(target.count, 2);
  ck_assert_int_eq(target.classes[0].forms[0].amount, 500);
  ck_assert_int_eq(target.classes[0].mem_bytes, 0);
  ck_assert_double_eq_tol(target.shares[0], 60.0 / 96, 1e-12);
  ck_assert_double_eq_tol(target.shares[1], 36.0 / 96, 1e-12);
  sim_target_done(&target);
}
END_TEST

START_TEST(ties_of_popularity_go_to_the_first) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read_pods(1, "a,2000,1,1,300,\nb,1000,1,1,200,\nc,1000,1,1,100,\n");
  struct sim_target target;
  sim_target_init(&target, trace);
  ck_assert_uint_eq(target.count, 3);
  ck_assert_int_eq(target.classes[0].forms[0].amount, 300);
  ck_assert_int_eq(target.classes[1].forms[0].amount, 200);
  sim_target_done(&target);
}
END_TEST

/* Lists without common classes would cost nodes x pods. */
START_TEST(the_target_has_a_limit) {
  CLEANUP_BUF struct buf pods;
  buf_init(&pods, 1 << 18);
  for (unsigned i = 0; i < SIM_TARGET_MAX + 100; i++)
    buf_printf(&pods, "p%u,%u,1000,1,500,\n", i, 1000 + i);
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(1, pods.ptr);
  struct sim_target target;
  double sum = 0;
  sim_target_init(&target, trace);
  ck_assert_uint_eq(target.count, SIM_TARGET_MAX);
  for (size_t i = 0; i < target.count; i++)
    sum += target.shares[i];
  ck_assert_double_eq_tol(sum, 1, 1e-9);
  sim_target_done(&target);
}
END_TEST

static void put(struct pack_cluster *cluster, size_t node, uint64_t uid,
                const struct pack_request *request, uint8_t device, uint16_t milli) {
  struct pack_placement placement = {.node = (uint32_t)node, .unit_count = 1};
  placement.units[0] = (struct pack_unit){device, 0, milli};
  ck_assert(pack_commit(cluster, uid, request, &placement));
}

/*
 * One node with 8 cores left and remainders of 300 and 1000. Three tasks of ten want a whole GPU
 * and 4 cores: it fits, and 300 are too small for them. Seven want 200 milli and 20 cores: they
 * do not fit at all.
 */
START_TEST(both_measures_by_hand) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(NODES_HEADER "a,10000,102400,2,T4\n",
                PODS_HEADER "p0,4000,1,1,1000,\np1,4000,1,1,1000,\np2,4000,1,1,1000,\n"
                            "p3,20000,1,1,200,\np4,20000,1,1,200,\np5,20000,1,1,200,\n"
                            "p6,20000,1,1,200,\np7,20000,1,1,200,\np8,20000,1,1,200,\n"
                            "p9,20000,1,1,200,\n");
  struct sim_random order = {1};
  struct err err = {0};
  struct pack_cluster *cluster = sim_trace_cluster(trace, &order, &err);
  struct pack_request filler = pack_request_of(2000, 0, PACK_FRACTION, 1, 700);
  put(cluster, 0, 1, &filler, 0, 700);
  struct sim_target target;
  sim_target_init(&target, trace);
  struct sim_fragments fragments = sim_fragments_of(&target, cluster);
  ck_assert_double_eq_tol(fragments.gradient_milli, 0.3 * 300 + 0.7 * 1300, 1e-9);
  ck_assert_double_eq_tol(fragments.node_milli, 0.7 * 1300, 1e-9);
  sim_target_done(&target);
  pack_cluster_free(cluster);
}
END_TEST

/* A task without GPUs can use none. */
START_TEST(cpu_tasks_leave_everything_unused) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(2, "p0,1000,1,0,0,\n");
  struct sim_random order = {1};
  struct err err = {0};
  struct pack_cluster *cluster = sim_trace_cluster(trace, &order, &err);
  struct sim_target target;
  sim_target_init(&target, trace);
  ck_assert_double_eq_tol(sim_fragments_of(&target, cluster).gradient_milli, 2000, 1e-9);
  ck_assert_double_eq_tol(sim_fragments_of(&target, cluster).node_milli, 2000, 1e-9);
  sim_target_done(&target);
  pack_cluster_free(cluster);
}
END_TEST

TCase *tcase_fragmentation(void) {
  TCase *tcase = tcase_create("fragmentation");
  tcase_add_test(tcase, the_target_covers_95_percent);
  tcase_add_test(tcase, ties_of_popularity_go_to_the_first);
  tcase_add_test(tcase, the_target_has_a_limit);
  tcase_add_test(tcase, both_measures_by_hand);
  tcase_add_test(tcase, cpu_tasks_leave_everything_unused);
  return tcase;
}

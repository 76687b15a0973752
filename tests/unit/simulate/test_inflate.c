/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <math.h>

/* A hundred GPUs and pods of one whole GPU: what is requested is given out until nothing is left.
 */
START_TEST(whole_gpus_fill_up_exactly) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(100, "p,1000,1024,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "bestfit");
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@85"), 85, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@98"), 98, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@100"), 100, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@130"), 100, 1e-9);
  ck_assert_double_eq(value_of(results, "failed_pods"), 30);
  ck_assert_double_eq(value_of(results, "failed_pods_1"), 30);
  ck_assert_double_eq(value_of(results, "failed_pods_share"), 0);
  ck_assert_double_eq(value_of(results, "failed_gpus"), 30);
  ck_assert_double_eq_tol(value_of(results, "gpus_idle@100"), 0, 1e-9);
  ck_assert_double_eq(value_of(results, "gpus_wholly_idle@100"), 0);
  /* Half the GPUs are free then, and every one of them can serve a pod. */
  ck_assert_double_eq(value_of(results, "frag_pct@50"), 0);
  ck_assert_double_eq(value_of(results, "frag_gradient_pct@50"), 0);
}
END_TEST

/* Three pods a percent: 90 is the mean of 89 2/3, 90 and 90 1/3. */
START_TEST(a_percent_is_the_mean_of_what_rounds_to_it) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(300, "p,1000,1024,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "bestfit");
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@90"), 90, 1e-9);
  /* At the end there are two of three: 99 2/3 and 100. */
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@100"), 100 - 1.0 / 9, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@130"), 100, 1e-9);
}
END_TEST

/* 600 milli each: one a GPU, and 400 of each GPU are stranded. */
START_TEST(stranded_parts_are_fragments) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(100, "p,1000,1024,1,600,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "bestfit");
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@100"), 60, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@130"), 60, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "frag_pct@100"), 40, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "frag_ratio_pct@100"), 100, 1e-9);
  /* At 50 %: 83 GPUs hold a pod, 17 are idle. */
  ck_assert_double_eq_tol(value_of(results, "frag_pct@50"), 83 * 0.4, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "frag_ratio_pct@50"), 100 * 33.2 / 50.2, 1e-9);
  ck_assert_double_eq(value_of(results, "failed_pods_share"), 216 - 100);
}
END_TEST

/* The node has no core left beside its idle GPU. */
START_TEST(what_is_left_beside_idle_gpus) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(NODES_HEADER "a,10000,102400,2,T4\n", PODS_HEADER "p,7000,1024,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "firstfit");
  ck_assert_double_eq(value_of(results, "allocated_pct@100"), 50);
  ck_assert_double_eq(value_of(results, "gpus_wholly_idle@100"), 1);
  ck_assert_double_eq(value_of(results, "gpus_idle@100"), 1);
  ck_assert_double_eq_tol(value_of(results, "cores_left_beside_idle@100"), 3, 1e-9);
}
END_TEST

/* Twelve GPUs and pods of one: 91.7 and 100 % are hit, the others are those shortly before. */
START_TEST(percentages_that_are_skipped_are_those_before) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(12, "p,1000,1024,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "firstfit");
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@85"), 1000.0 / 12, 1e-9);
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@98"), 1100.0 / 12, 1e-9);
  ck_assert_double_eq(value_of(results, "allocated_pct@100"), 100);
  ck_assert_double_eq(value_of(results, "allocated_pct@130"), 100);
}
END_TEST

/* A pod of 8 GPUs takes a cluster of 16 from 50 to 100 %: at 85 % nothing was seen, nor at 130. */
START_TEST(percentages_that_are_leapt_over_have_no_figures) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(NODES_HEADER "a,96000,102400,8,T4\nb,96000,102400,8,T4\n",
                PODS_HEADER "p,7000,1024,8,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "firstfit");
  ck_assert(isnan(value_of(results, "allocated_pct@85")));
  ck_assert(isnan(value_of(results, "allocated_pct@98")));
  ck_assert(isnan(value_of(results, "frag_pct@80")));
  ck_assert_double_eq(value_of(results, "frag_pct@50"), 0);
  ck_assert_double_eq(value_of(results, "allocated_pct@100"), 100);
  ck_assert_double_eq(value_of(results, "gpus_idle@100"), 0);
  ck_assert_double_eq(value_of(results, "allocated_pct@110"), 100);
  ck_assert(isnan(value_of(results, "allocated_pct@120")));
  ck_assert(isnan(value_of(results, "allocated_pct@130")));
}
END_TEST

/* Twelve GPUs, and among ten pods one of 16, which is more than 130 %: the others go on. */
START_TEST(one_large_pod_does_not_end_the_run) {
  enum { SEEDS = 5 };
  CLEANUP_BUF struct buf pods;
  buf_init(&pods, 4096);
  buf_append_cstr(&pods, PODS_HEADER "large,1000,1024,16,1000,\n");
  for (unsigned i = 0; i < 9; i++)
    buf_printf(&pods, "p%u,1000,1024,1,1000,\n", i);
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(NODES_HEADER "a,64000,102400,8,A\nb,64000,102400,4,A\n", pods.ptr);
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, SEEDS, "firstfit");
  size_t at_100 = sim_results_find_metric(results, "allocated_pct@100");
  size_t failed = sim_results_find_metric(results, "failed_pods");
  for (size_t s = 0; s < SEEDS; s++) {
    ck_assert_double_eq(sim_results_values(results, 0, at_100)[s], 100);
    ck_assert_double_eq(sim_results_values(results, 0, failed)[s], 3); /* 15 of 12 came */
  }
  ck_assert_uint_eq(results->input_count, 1);
  ck_assert_str_eq(results->inputs[0].key, "pods_never_offered");
  ck_assert_double_eq(results->inputs[0].number, 1);
}
END_TEST

/* Nothing in the list is small enough for what is left: the run ends, and says nothing of it. */
START_TEST(a_list_of_large_pods_ends_early) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(NODES_HEADER "a,64000,102400,12,A\n", PODS_HEADER "p,1000,1024,16,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "firstfit");
  ck_assert(isnan(value_of(results, "allocated_pct@100")));
  ck_assert(isnan(value_of(results, "gpus_idle@100")));
  ck_assert_double_eq(value_of(results, "failed_pods"), 0);
}
END_TEST

START_TEST(a_ratio_below_one_ends_early) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(100, "p,1000,1024,1,1000,\n");
  struct err err = {0};
  static const uint64_t seed = 1;
  const struct sim_options options = {
      .trace = trace, .seeds = &seed, .seed_count = 1, .ratio = 0.9};
  const struct str name = STR_LIT("bestfit");
  CLEANUP_RESULTS struct sim_results *results =
      sim_run(&sim_suite_inflate, &options, &name, 1, NULL, &err);
  ck_assert_ptr_nonnull(results);
  ck_assert_double_eq_tol(value_of(results, "allocated_pct@90"), 90, 1e-9);
  ck_assert_uint_eq(sim_results_find_metric(results, "allocated_pct@95"), SIZE_MAX);
  ck_assert_uint_eq(sim_results_find_metric(results, "gpus_idle@100"), SIZE_MAX);
  ck_assert_double_eq(value_of(results, "failed_pods"), 0);
  ck_assert(!isnan(sim_results_points(results, 0, 10)[0]));
  ck_assert(isnan(sim_results_points(results, 0, 11)[0]));
}
END_TEST

/* The list is more than the ratio asks for: it is cut by the same rule. */
START_TEST(a_long_list_is_cut) {
  CLEANUP_BUF struct buf pods;
  buf_init(&pods, 1 << 16);
  for (unsigned i = 0; i < 50; i++)
    buf_printf(&pods, "p%u,1000,1024,1,1000,\n", i);
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(10, pods.ptr);
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "firstfit");
  ck_assert_double_eq(value_of(results, "failed_pods"), 3); /* 13 came */
}
END_TEST

START_TEST(the_same_seed_gives_the_same_figures) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read_pods(30, "a,4000,8192,1,1000,\nb,2000,4096,1,470,\nc,8000,4096,1,810,\n"
                         "d,1000,1024,0,0,\ne,1000,1024,1,190,\nf,30000,1024,1,320,\n");
  CLEANUP_RESULTS struct sim_results *a = must_run("inflate", trace, 4, "slicegate");
  CLEANUP_RESULTS struct sim_results *b = must_run("inflate", trace, 4, "slicegate");
  size_t m = sim_results_find_metric(a, "allocated_pct@100");
  bool do_seeds_differ = false;
  for (size_t s = 0; s < 4; s++) {
    ck_assert_double_eq(sim_results_values(a, 0, m)[s], sim_results_values(b, 0, m)[s]);
    do_seeds_differ |= fabs(sim_results_values(a, 0, m)[s] - sim_results_values(a, 0, m)[0]) > 0;
  }
  ck_assert(do_seeds_differ);
}
END_TEST

static const struct {
  const char *nodes, *pods, *part;
} useless[] = {
    {"a,1000,1024,0,\n", "p,1,1,0,0,\n", "no node has a GPU"},
    {"a,1000,1024,1,T4\n", "p,1,1,0,0,\n", "no pod asks for a GPU"},
};

START_TEST(lists_that_fill_nothing_are_refused) {
  CLEANUP_BUF struct buf nodes;
  CLEANUP_BUF struct buf pods;
  buf_init(&nodes, 4096);
  buf_init(&pods, 4096);
  buf_printf(&nodes, "%s%s", NODES_HEADER, useless[_i].nodes);
  buf_printf(&pods, "%s%s", PODS_HEADER, useless[_i].pods);
  CLEANUP_TRACE struct sim_trace *trace = must_read(nodes.ptr, pods.ptr);
  struct err err = {0};
  static const uint64_t seed = 1;
  const struct sim_options options = {
      .trace = trace, .seeds = &seed, .seed_count = 1, .ratio = 1.3};
  const struct str name = STR_LIT("all");
  ck_assert_ptr_null(sim_run(&sim_suite_inflate, &options, &name, 1, NULL, &err));
  ck_assert_msg(strstr(err.text, useless[_i].part) != NULL, "%s", err.text);
  ck_assert_ptr_null(sim_run(&sim_suite_churn, &options, &name, 1, NULL, &err));
}
END_TEST

/* One milli of one GPU in each pod, on 64,000 of them. */
START_TEST(runs_that_would_not_end_are_refused) {
  CLEANUP_BUF struct buf nodes;
  buf_init(&nodes, 1 << 20);
  buf_append_cstr(&nodes, NODES_HEADER);
  for (unsigned i = 0; i < 1000; i++)
    buf_printf(&nodes, "n%u,1000,1024,64,T4\n", i);
  CLEANUP_TRACE struct sim_trace *trace = must_read(nodes.ptr, PODS_HEADER "p,1,1,1,1,\n");
  struct err err = {0};
  static const uint64_t seed = 1;
  const struct sim_options options = {
      .trace = trace, .seeds = &seed, .seed_count = 1, .ratio = 1.3};
  const struct str name = STR_LIT("firstfit");
  ck_assert_ptr_null(sim_run(&sim_suite_inflate, &options, &name, 1, NULL, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

TCase *tcase_inflate(void) {
  TCase *tcase = tcase_create("inflate");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, whole_gpus_fill_up_exactly);
  tcase_add_test(tcase, a_percent_is_the_mean_of_what_rounds_to_it);
  tcase_add_test(tcase, stranded_parts_are_fragments);
  tcase_add_test(tcase, what_is_left_beside_idle_gpus);
  tcase_add_test(tcase, percentages_that_are_skipped_are_those_before);
  tcase_add_test(tcase, percentages_that_are_leapt_over_have_no_figures);
  tcase_add_test(tcase, one_large_pod_does_not_end_the_run);
  tcase_add_test(tcase, a_list_of_large_pods_ends_early);
  tcase_add_test(tcase, a_ratio_below_one_ends_early);
  tcase_add_test(tcase, a_long_list_is_cut);
  tcase_add_test(tcase, the_same_seed_gives_the_same_figures);
  tcase_add_loop_test(tcase, lists_that_fill_nothing_are_refused, 0, SG_ARRAY_LEN(useless));
  tcase_add_test(tcase, runs_that_would_not_end_are_refused);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <math.h>
#include <stdio.h>

/* Erlang's loss formula: the share of pods that find all of `servers` in use. */
static double erlang_b(unsigned servers, double load) {
  double blocked = 1;
  for (unsigned n = 1; n <= servers; n++)
    blocked = load * blocked / (n + load * blocked);
  return blocked;
}

/*
 * Whole GPUs, Poisson arrivals, lost when refused: what is accepted is known exactly, whatever
 * the policy. From time 3 on the start from an empty cluster still shows a little (e^-3).
 */
START_TEST(whole_gpus_follow_erlang) {
  enum { GPUS = 50, SEEDS = 60 };
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(GPUS, "p,1000,1024,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("churn", trace, SEEDS, "firstfit");
  static const double loads[] = {0.9, 1.0, 1.1};
  for (size_t l = 0; l < 3; l++) {
    double accepted = 1 - erlang_b(GPUS, loads[l] * GPUS);
    char name[64];
    (void)snprintf(name, sizeof(name), "acceptance_gpu_weighted@%.1f", loads[l]);
    size_t m = sim_results_find_metric(results, name);
    ck_assert_uint_ne(m, SIZE_MAX);
    struct sim_stat stat = sim_stat_of(sim_results_values(results, 0, m), SEEDS);
    ck_assert_double_eq_tol(stat.mean, 100 * accepted, 0.8);
    (void)snprintf(name, sizeof(name), "allocated_pct@%.1f", loads[l]);
    m = sim_results_find_metric(results, name);
    stat = sim_stat_of(sim_results_values(results, 0, m), SEEDS);
    ck_assert_double_eq_tol(stat.mean, 100 * accepted * loads[l], 1.2);
  }
  /* All pods are alike: counted or weighted, it is the same. */
  ck_assert_double_eq_tol(value_of(results, "acceptance@1.0"),
                          value_of(results, "acceptance_gpu_weighted@1.0"), 1e-9);
  ck_assert(isnan(value_of(results, "acceptance_multi_gpu@1.0")));
}
END_TEST

START_TEST(the_same_seed_gives_the_same_figures) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read_pods(20, "a,4000,8192,1,1000,\nb,2000,4096,1,470,\nc,8000,4096,1,810,\n");
  CLEANUP_RESULTS struct sim_results *a = must_run("churn", trace, 2, "slicegate");
  CLEANUP_RESULTS struct sim_results *b = must_run("churn", trace, 2, "slicegate");
  for (size_t m = 0; m < a->metric_count; m++) {
    if (strcmp(a->metrics[m].name, "learning_seconds") == 0)
      continue;
    for (size_t s = 0; s < 2; s++) {
      double x = sim_results_values(a, 0, m)[s], y = sim_results_values(b, 0, m)[s];
      ck_assert(x == y || (isnan(x) && isnan(y)));
    }
  }
}
END_TEST

TCase *tcase_churn(void) {
  TCase *tcase = tcase_create("churn");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, whole_gpus_follow_erlang);
  tcase_add_test(tcase, the_same_seed_gives_the_same_figures);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <math.h>

/* Mostly pods that differ, so that the order of arrivals shows. */
static struct sim_trace *mixed_trace(void) {
  return must_read_pods(20, "a,4000,8192,1,1000,\nb,2000,4096,1,470,\nc,8000,4096,1,810,\n"
                            "d,1000,1024,0,0,\ne,1000,1024,1,190,\nf,30000,1024,1,320,\n");
}

static struct sim_results *run_with(const struct sim_trace *trace, const struct sim_env *env,
                                    const struct str *policies, size_t count, struct err *reterr) {
  static const uint64_t seeds[] = {4, 7, 9};
  const struct sim_options options = {
      .trace = trace, .seeds = seeds, .seed_count = 3, .ratio = 1.3};
  return sim_run(&sim_suite_inflate, &options, policies, count, env, reterr);
}

START_TEST(policies_stand_in_the_suite_s_order) {
  CLEANUP_TRACE struct sim_trace *trace = mixed_trace();
  struct err err = {0};
  const struct str names[] = {STR_LIT("fgd"), STR_LIT("random"), STR_LIT("slicegate"),
                              STR_LIT("fgd")};
  CLEANUP_RESULTS struct sim_results *results = run_with(trace, NULL, names, 4, &err);
  ck_assert_ptr_nonnull(results);
  ck_assert_uint_eq(results->contender_count, 3);
  ck_assert_str_eq(results->contenders[0].name, "slicegate");
  ck_assert_str_eq(results->contenders[1].name, "random");
  ck_assert_str_eq(results->contenders[2].name, "fgd");
  ck_assert_uint_eq(sim_results_find_contender(results, "fgd"), 2);
  ck_assert_uint_eq(sim_results_find_contender(results, "mfi"), SIZE_MAX);
}
END_TEST

START_TEST(unknown_policies_are_named_with_the_known) {
  CLEANUP_TRACE struct sim_trace *trace = mixed_trace();
  struct err err = {0};
  const struct str names[] = {STR_LIT("fgd"), STR_LIT("mfi")};
  ck_assert_ptr_null(run_with(trace, NULL, names, 2, &err));
  ck_assert_ptr_nonnull(strstr(err.text, "no policy \"mfi\""));
  ck_assert_ptr_nonnull(strstr(err.text, "requestedtocapacityratio"));
}
END_TEST

START_TEST(a_suite_without_its_trace_is_refused) {
  struct err err = {0};
  const struct str all = STR_LIT("all");
  ck_assert_ptr_null(run_with(NULL, NULL, &all, 1, &err));
  ck_assert_ptr_nonnull(strstr(err.text, "needs a list of nodes and a list of pods"));
}
END_TEST

/* Jobs in another order, and progress as they end. */
struct backwards {
  size_t jobs, done;
};

static void run_backwards(void *ctx, size_t count, void (*job)(void *arg, size_t index),
                          void *arg) {
  struct backwards *backwards = ctx;
  backwards->jobs = count;
  for (size_t i = count; i-- > 0;)
    job(arg, i);
}

static void count_done(void *ctx, size_t done, size_t total, const char *policy, uint64_t seed) {
  struct backwards *backwards = ctx;
  ck_assert_uint_eq(done, ++backwards->done);
  ck_assert_uint_eq(total, backwards->jobs);
  ck_assert_ptr_nonnull(policy);
  ck_assert(seed == 4 || seed == 7 || seed == 9);
}

START_TEST(the_order_of_jobs_changes_nothing) {
  CLEANUP_TRACE struct sim_trace *trace = mixed_trace();
  struct err err = {0};
  struct backwards backwards = {0, 0};
  const struct sim_env env = {.ctx = &backwards, .run_jobs = run_backwards, .progress = count_done};
  const struct str all = STR_LIT("all");
  CLEANUP_RESULTS struct sim_results *plain = run_with(trace, NULL, &all, 1, &err);
  CLEANUP_RESULTS struct sim_results *other = run_with(trace, &env, &all, 1, &err);
  ck_assert_uint_eq(backwards.done, backwards.jobs);
  size_t values = plain->contender_count * plain->metric_count * 3;
  for (size_t i = 0; i < values; i++)
    ck_assert(plain->values[i] == other->values[i] ||
              (isnan(plain->values[i]) && isnan(other->values[i])));
}
END_TEST

static bool fail_for_seed_7(struct sim_run *run, struct err *reterr) {
  if (run->seed == 7)
    return err_set(reterr, ERR_INTERNAL, "seven");
  sim_run_set(run, (double)run->seed, "seed@%d", 1);
  sim_run_set(run, 1, "never declared");
  return true;
}

static const struct sim_metric *one_metric(struct arena *arena, const struct sim_options *options,
                                           size_t *ret_count) {
  static const struct sim_metric metrics[] = {{"seed@1", "Seeds", "seed", 0, false},
                                              {"left out", "Seeds", "nothing", 0, false}};
  (void)arena;
  (void)options;
  *ret_count = 2;
  return metrics;
}

static const char *const bounds[] = {"a-bound", NULL};
static const struct sim_suite failing = {
    .name = "failing", .contenders = bounds, .metrics = one_metric, .run = fail_for_seed_7};

START_TEST(one_failure_fails_all) {
  struct err err = {0};
  static const uint64_t seeds[] = {5, 7, 9};
  struct sim_options options = {.seeds = seeds, .seed_count = 3};
  const struct str all = STR_LIT("all");
  ck_assert_ptr_null(sim_run(&failing, &options, &all, 1, NULL, &err));
  ck_assert_str_eq(err.text, "seven");
  options.seed_count = 1;
  CLEANUP_RESULTS struct sim_results *results = sim_run(&failing, &options, &all, 1, NULL, &err);
  ck_assert_ptr_nonnull(results);
  ck_assert_ptr_null(results->contenders[0].policy);
  ck_assert_double_eq(value_of(results, "seed@1"), 5);
  ck_assert(isnan(value_of(results, "left out")));
}
END_TEST

START_TEST(seeds_have_limits) {
  struct err err = {0};
  static uint64_t seeds[SIM_SEEDS_MAX + 1];
  struct sim_options options = {.seeds = seeds, .seed_count = 0};
  const struct str all = STR_LIT("all");
  ck_assert_ptr_null(sim_run(&failing, &options, &all, 1, NULL, &err));
  options.seed_count = SIM_SEEDS_MAX + 1;
  ck_assert_ptr_null(sim_run(&failing, &options, &all, 1, NULL, &err));
  ck_assert_ptr_nonnull(strstr(err.text, "1001 seeds"));
}
END_TEST

TCase *tcase_results(void) {
  TCase *tcase = tcase_create("results");
  tcase_add_test(tcase, policies_stand_in_the_suite_s_order);
  tcase_add_test(tcase, unknown_policies_are_named_with_the_known);
  tcase_add_test(tcase, a_suite_without_its_trace_is_refused);
  tcase_add_test(tcase, the_order_of_jobs_changes_nothing);
  tcase_add_test(tcase, one_failure_fails_all);
  tcase_add_test(tcase, seeds_have_limits);
  return tcase;
}

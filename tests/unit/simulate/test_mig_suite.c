/* SPDX-License-Identifier: Apache-2.0 */
/* Suite B as a whole, on few GPUs. Ours is left to other tests: its tables take a second. */
#include "tests/unit/simulate/mig_fixture.h"

#include "tests/support/check_main.h"
#include "tests/unit/simulate/simulate_suite.h"

#include <stdio.h>

static const uint64_t seeds[] = {1, 2};

static struct sim_results *run(const struct sim_options *options, const char *policies) {
  struct str names[SIM_POLICIES_MAX];
  size_t count = 0;
  for (struct str rest = str_of(policies); rest.len;) {
    size_t comma = str_find_char(rest, ',');
    names[count++] = (struct str){rest.ptr, comma};
    rest = comma < rest.len ? str_skip(rest, comma + 1) : (struct str){0};
  }
  struct err err;
  struct sim_results *results = sim_run(&sim_suite_mig, options, names, count, NULL, &err);
  ck_assert_msg(results != NULL, "%s", err.text);
  return results;
}

static double value(const struct sim_results *results, const char *contender, const char *metric,
                    size_t seed) {
  size_t c = sim_results_find_contender(results, contender);
  size_t m = sim_results_find_metric(results, metric);
  ck_assert_msg(c != SIZE_MAX && m != SIZE_MAX, "%s %s", contender, metric);
  return sim_results_values(results, c, m)[seed];
}

static struct sim_options options_of(const uint32_t *gpus, size_t gpu_count, unsigned parts) {
  return (struct sim_options){.seeds = seeds,
                              .seed_count = SG_ARRAY_LEN(seeds),
                              .mig = {.gpus = gpus, .gpu_count = gpu_count, .parts = parts}};
}

START_TEST(nobody_is_above_oracle_and_bound) {
  static const uint32_t gpus[] = {8};
  struct sim_options options = options_of(gpus, 1, SIM_MIG_SATURATION | SIM_MIG_CHURN);
  struct sim_results *results = run(&options, "firstfit,bestfit,fgd-masks,oracle,lp");
  static const char *const demands[] = {"uniform/slices_pct@100", "skew-small/slices_pct@100",
                                        "skew-big/slices_pct@120", "bimodal/slices_pct@80"};
  for (size_t seed = 0; seed < SG_ARRAY_LEN(seeds); seed++) {
    for (size_t i = 0; i < SG_ARRAY_LEN(demands); i++) {
      double bound = value(results, "lp", demands[i], seed);
      double oracle = value(results, "oracle", demands[i], seed);
      ck_assert_double_le(bound, 100 + 1e-6);
      ck_assert_double_le(oracle, bound + 1e-6);
      ck_assert_double_le(value(results, "bestfit", demands[i], seed), bound + 1e-6);
    }
    const char *metric = "acceptance_slice_weighted@1.0";
    double first_fit = value(results, "firstfit", metric, seed);
    ck_assert_double_lt(first_fit, value(results, "oracle", metric, seed));
    ck_assert_double_gt(first_fit, 50);
    ck_assert_double_eq(value(results, "firstfit", "moves_per_accepted@1.0", seed), 0);
  }
  sim_results_free(results);
}
END_TEST

START_TEST(the_mean_is_over_all_mixes) {
  static const uint32_t gpus[] = {4};
  struct sim_options options = options_of(gpus, 1, SIM_MIG_SATURATION);
  struct sim_results *results = run(&options, "mfi");
  double sum = 0;
  for (size_t m = 0; m < MIG_FAMILIES; m++) {
    char name[64];
    (void)snprintf(name, sizeof(name), "%s/slices_pct@100", mig_family_name(m));
    sum += value(results, "mfi", name, 1);
  }
  ck_assert_double_eq_tol(value(results, "mfi", "slices_pct@100", 1), sum / MIG_FAMILIES, 1e-9);
  ck_assert_uint_eq(sim_results_find_metric(results, "acceptance@1.0"), SIZE_MAX);
  sim_results_free(results);
}
END_TEST

START_TEST(several_numbers_of_gpus_are_told_apart) {
  static const uint32_t gpus[] = {2, 6};
  struct sim_options options = options_of(gpus, 2, SIM_MIG_SATURATION);
  struct sim_mix mix = {STR_LIT("mine"), STR_LIT("7g.80gb=1")};
  options.mig.mixes = &mix;
  options.mig.mix_count = 1;
  struct sim_results *results = run(&options, "firstfit");
  /* Whole GPUs only: what was asked for was placed, and as many GPUs are in use. */
  ck_assert_double_eq_tol(value(results, "firstfit", "n2/mine/slices_pct@100", 0), 100, 1e-9);
  ck_assert_double_eq_tol(value(results, "firstfit", "n6/mine/gpus_in_use@80", 0), 5, 1e-9);
  sim_results_free(results);
}
END_TEST

START_TEST(the_oracle_wins_the_fixed_lists) {
  static const uint32_t gpus[] = {14};
  struct sim_options options = options_of(gpus, 1, SIM_MIG_LISTS);
  struct sim_results *results = run(&options, "worstfit,firstfit,oracle");
  ck_assert_double_eq(value(results, "oracle", "list_pct@every-second-leaves", 0), 100);
  ck_assert_double_eq(value(results, "oracle", "list_pct@three-before-four", 0), 100);
  ck_assert_double_eq(value(results, "oracle", "list_pct@tail-pair", 0), 100);
  /* 14 pods of one slice on two GPUs, twelve left whole. */
  ck_assert_double_eq_tol(value(results, "oracle", "list_pct@one-then-whole", 0), 100 * 12 / 14.,
                          1e-9);
  ck_assert_double_eq_tol(value(results, "firstfit", "list_pct@one-then-whole", 0), 100 * 12 / 14.,
                          1e-9);
  ck_assert_double_eq(value(results, "worstfit", "list_pct@one-then-whole", 0), 0);
  sim_results_free(results);
}
END_TEST

START_TEST(no_policy_beats_the_exact_optimum) {
  static const uint32_t gpus[] = {1};
  struct sim_options options = options_of(gpus, 1, SIM_MIG_EXACT);
  struct sim_results *results = run(&options, "bestfit,random");
  static const char *const kinds[] = {"arrivals", "departures"};
  for (size_t i = 0; i < SG_ARRAY_LEN(kinds); i++) {
    char name[64];
    (void)snprintf(name, sizeof(name), "exact_slices_pct@%s", kinds[i]);
    double slices = value(results, "bestfit", name, 0);
    ck_assert_double_le(slices, 100);
    ck_assert_double_gt(slices, 70);
    ck_assert_double_ge(slices, value(results, "random", name, 0));
    (void)snprintf(name, sizeof(name), "exact_equal_pct@%s", kinds[i]);
    double equal = value(results, "bestfit", name, 0);
    (void)snprintf(name, sizeof(name), "exact_equal_accepting_pct@%s", kinds[i]);
    ck_assert_double_le(equal, value(results, "bestfit", name, 0));
  }
  sim_results_free(results);
}
END_TEST

static const struct {
  const char *product, *mix, *message;
} wrong[] = {
    {"h999", NULL, "no MIG product is called \"h999\""},
    {"rtx-pro-5000-blackwell-48gb", NULL, "placements"},
    {"h100-80gb", "1g.10gb=x", "mix \"m\": line 1, column 9"},
};

START_TEST(what_cannot_be_played_is_an_error) {
  struct sim_mix mix = {STR_LIT("m"), str_of(wrong[_i].mix)};
  struct sim_options options = {.seeds = seeds,
                                .seed_count = 1,
                                .mig = {.product = str_of(wrong[_i].product),
                                        .mixes = &mix,
                                        .mix_count = wrong[_i].mix ? 1 : 0}};
  struct str name = STR_LIT("firstfit");
  struct err err = {0};
  ck_assert_ptr_null(sim_run(&sim_suite_mig, &options, &name, 1, NULL, &err));
  ck_assert_msg(strstr(err.text, wrong[_i].message), "%s", err.text);
}
END_TEST

TCase *tcase_mig_suite(void) {
  TCase *tc = tcase_create("mig_suite");
  tcase_set_timeout(tc, 300);
  tcase_add_test(tc, nobody_is_above_oracle_and_bound);
  tcase_add_test(tc, the_mean_is_over_all_mixes);
  tcase_add_test(tc, several_numbers_of_gpus_are_told_apart);
  tcase_add_test(tc, the_oracle_wins_the_fixed_lists);
  tcase_add_test(tc, no_policy_beats_the_exact_optimum);
  tcase_add_loop_test(tc, what_cannot_be_played_is_an_error, 0, SG_ARRAY_LEN(wrong));
  return tc;
}

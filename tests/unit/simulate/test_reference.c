/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

/* Results that nobody ran: every seed of the policy gave these. */
struct made {
  struct sim_trace trace;
  struct sim_results results;
  struct sim_contender contender;
  double values[2 * 10];
};

static void make(struct made *made, const char *policy, size_t seeds, double at_100,
                 double at_130) {
  static const struct sim_metric metrics[] = {{"allocated_pct@100", "", "100", 2, false},
                                              {"allocated_pct@130", "", "130", 2, false}};
  *made = (struct made){.trace = {.facts = {.is_reference = true}}, .contender = {policy, NULL}};
  made->results = (struct sim_results){.suite = &sim_suite_inflate,
                                       .options = {.trace = &made->trace, .seed_count = seeds},
                                       .metrics = metrics,
                                       .metric_count = 2,
                                       .contenders = &made->contender,
                                       .contender_count = 1,
                                       .values = made->values};
  for (size_t s = 0; s < seeds; s++) {
    made->values[s] = at_100;
    made->values[seeds + s] = at_130;
  }
}

static bool check(const struct made *made, const char *part) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 16);
  bool is_good = sim_results_check(&made->results, &out);
  if (part)
    ck_assert_msg(strstr(out.ptr, part) != NULL, "\"%s\" is not in:\n%s", part, out.ptr);
  else
    ck_assert_uint_eq(out.len, 0);
  return is_good;
}

START_TEST(figures_near_the_published_are_good) {
  struct made made;
  make(&made, "fgd", 10, 95.42, 95.20);
  ck_assert(check(&made, "fgd allocated_pct@130 95.20, published 95.39, off by -0.19"));
  make(&made, "clustering", 10, 92.04, 91.49);
  ck_assert(check(&made, "tolerance 0.40: good"));
}
END_TEST

START_TEST(figures_that_are_off_fail) {
  struct made made;
  make(&made, "fgd", 10, 95.23, 95.18);
  ck_assert(!check(&made, "fgd allocated_pct@130 95.18, published 95.39, off by -0.21, tolerance "
                          "0.20: OFF"));
  make(&made, "bestfit", 10, 93.07, 93.08); /* better than published is off too */
  ck_assert(!check(&made, "bestfit allocated_pct@100 93.07"));
  make(&made, "packing", 10, 91.37, 92.00);
  ck_assert(!check(&made, "OFF"));
}
END_TEST

/* The noise of one seed is that of ten times the square root of ten. */
START_TEST(fewer_seeds_have_more_tolerance) {
  struct made made;
  make(&made, "random", 1, 86.30, 87.47 + 0.63);
  ck_assert(check(&made, "good"));
  make(&made, "random", 1, 86.30, 87.47 + 0.64);
  ck_assert(!check(&made, "OFF"));
}
END_TEST

START_TEST(other_inputs_are_not_judged) {
  struct made made;
  make(&made, "fgd", 10, 50, 50);
  made.trace.facts.is_reference = false;
  ck_assert(check(&made, NULL));
  make(&made, "slicegate", 10, 50, 50);
  ck_assert(check(&made, NULL));
  make(&made, "fgd", 10, 50, 50);
  made.results.options.moves_per_100 = 1;
  ck_assert(check(&made, NULL));
}
END_TEST

TCase *tcase_reference(void) {
  TCase *tcase = tcase_create("reference");
  tcase_add_test(tcase, figures_near_the_published_are_good);
  tcase_add_test(tcase, figures_that_are_off_fail);
  tcase_add_test(tcase, fewer_seeds_have_more_tolerance);
  tcase_add_test(tcase, other_inputs_are_not_judged);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <math.h>

START_TEST(student_is_that_of_the_tables) {
  static const struct {
    size_t degrees;
    double quantile;
  } known[] = {{1, 12.7062}, {9, 2.2622},  {19, 2.0930}, {30, 2.0423},  {31, 2.0395},
               {40, 2.0211}, {60, 2.0003}, {99, 1.9842}, {120, 1.9799}, {1000, 1.9623}};
  for (size_t i = 0; i < SG_ARRAY_LEN(known); i++)
    ck_assert_double_eq_tol(sim_student_95(known[i].degrees), known[i].quantile, 1e-4);
  ck_assert(isnan(sim_student_95(0)));
}
END_TEST

START_TEST(mean_and_interval) {
  const double values[] = {1, 2, NAN, 3, 4};
  struct sim_stat stat = sim_stat_of(values, 5);
  ck_assert_uint_eq(stat.count, 4);
  ck_assert_double_eq_tol(stat.mean, 2.5, 1e-12);
  ck_assert_double_eq_tol(stat.ci95, 3.1824 * sqrt(5.0 / 3 / 4), 1e-4);
}
END_TEST

START_TEST(few_values_say_so) {
  const double values[] = {NAN, 7};
  struct sim_stat one = sim_stat_of(values, 2), none = sim_stat_of(values, 1);
  ck_assert_uint_eq(one.count, 1);
  ck_assert_double_eq(one.mean, 7);
  ck_assert(isnan(one.ci95));
  ck_assert_uint_eq(none.count, 0);
  ck_assert(isnan(none.mean));
}
END_TEST

/* What both share cancels out. */
START_TEST(pairs_are_compared_one_by_one) {
  const double a[] = {11, 22, 33}, b[] = {10, 21, 32};
  struct sim_stat stat = sim_stat_paired(a, b, 3);
  ck_assert_double_eq_tol(stat.mean, 1, 1e-12);
  ck_assert_double_eq_tol(stat.ci95, 0, 1e-12);
}
END_TEST

TCase *tcase_statistics(void) {
  TCase *tcase = tcase_create("statistics");
  tcase_add_test(tcase, student_is_that_of_the_tables);
  tcase_add_test(tcase, mean_and_interval);
  tcase_add_test(tcase, few_values_say_so);
  tcase_add_test(tcase, pairs_are_compared_one_by_one);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <math.h>

/* Any reader must be able to make the same numbers: these are splitmix64's. */
START_TEST(numbers_are_those_of_splitmix64) {
  struct sim_random random = {0};
  ck_assert_uint_eq(sim_random_next(&random), UINT64_C(0xe220a8397b1dcdaf));
  ck_assert_uint_eq(sim_random_next(&random), UINT64_C(0x6e789e6aa1b965f4));
  ck_assert_uint_eq(sim_random_next(&random), UINT64_C(0x06c45d188009454f));
  random = (struct sim_random){1234567};
  ck_assert_uint_eq(sim_random_next(&random), UINT64_C(6457827717110365317));
  ck_assert_uint_eq(sim_random_next(&random), UINT64_C(3203168211198807973));
}
END_TEST

START_TEST(streams_differ_and_repeat) {
  struct sim_random a = sim_random_of(42, SIM_STREAM_NODES);
  struct sim_random again = sim_random_of(42, SIM_STREAM_NODES);
  struct sim_random other = sim_random_of(42, SIM_STREAM_PODS);
  struct sim_random next = sim_random_of(43, SIM_STREAM_NODES);
  uint64_t first = sim_random_next(&a);
  ck_assert_uint_eq(first, sim_random_next(&again));
  ck_assert_uint_ne(first, sim_random_next(&other));
  ck_assert_uint_ne(first, sim_random_next(&next));
}
END_TEST

START_TEST(below_is_even) {
  struct sim_random random = {7};
  unsigned counts[6] = {0};
  for (unsigned i = 0; i < 60000; i++)
    counts[sim_random_below(&random, 6)]++;
  for (unsigned i = 0; i < 6; i++) {
    ck_assert_uint_gt(counts[i], 9600); /* four standard deviations are 365 */
    ck_assert_uint_lt(counts[i], 10400);
  }
  ck_assert_uint_eq(sim_random_below(&random, 1), 0);
  /* Just above half of all numbers: taking the remainder would make the lower half likelier. */
  uint64_t half = UINT64_C(1) << 63;
  unsigned low = 0;
  for (unsigned i = 0; i < 10000; i++) {
    uint64_t value = sim_random_below(&random, half + half / 2);
    ck_assert_uint_lt(value, half + half / 2);
    low += value < half / 2;
  }
  ck_assert_uint_gt(low, 3100);
  ck_assert_uint_lt(low, 3600);
}
END_TEST

START_TEST(exponential_has_its_mean_and_is_positive) {
  struct sim_random random = {8};
  double sum = 0, above = 0;
  for (unsigned i = 0; i < 100000; i++) {
    double value = sim_random_exponential(&random, 2);
    ck_assert(value > 0);
    sum += value;
    above += value > 2;
  }
  ck_assert_double_eq_tol(sum / 100000, 2, 0.03);
  ck_assert_double_eq_tol(above / 100000, exp(-1), 0.01);
}
END_TEST

START_TEST(pick_follows_the_weights) {
  struct sim_random random = {9};
  const double weights[] = {0, 1, 3, 0};
  unsigned counts[4] = {0};
  for (unsigned i = 0; i < 40000; i++)
    counts[sim_random_pick(&random, weights, 4)]++;
  ck_assert_uint_eq(counts[0] + counts[3], 0);
  ck_assert_uint_gt(counts[1], 9600);
  ck_assert_uint_lt(counts[1], 10400);
}
END_TEST

START_TEST(shuffles_are_even) {
  struct sim_random random = {10};
  unsigned counts[27] = {0};
  for (unsigned i = 0; i < 60000; i++) {
    uint32_t items[3] = {0, 1, 2};
    sim_random_shuffle(&random, items, 3);
    ck_assert_uint_eq(items[0] + items[1] + items[2], 3);
    counts[items[0] * 9 + items[1] * 3 + items[2]]++;
  }
  unsigned orders = 0;
  for (unsigned i = 0; i < 27; i++) {
    orders += counts[i] > 0;
    if (counts[i])
      ck_assert_uint_gt(counts[i], 9600);
  }
  ck_assert_uint_eq(orders, 6);
}
END_TEST

TCase *tcase_random(void) {
  TCase *tcase = tcase_create("random");
  tcase_add_test(tcase, numbers_are_those_of_splitmix64);
  tcase_add_test(tcase, streams_differ_and_repeat);
  tcase_add_test(tcase, below_is_even);
  tcase_add_test(tcase, exponential_has_its_mean_and_is_positive);
  tcase_add_test(tcase, pick_follows_the_weights);
  tcase_add_test(tcase, shuffles_are_even);
  return tcase;
}

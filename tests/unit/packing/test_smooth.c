/* SPDX-License-Identifier: Apache-2.0 */
/* The smooth minimum against its formula. */
#include "src/packing/smooth.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include "slicegate/base.h"

#include <math.h>
#include <stdlib.h>

TCase *tcase_smooth(void);

static long double exactly(int64_t w, int64_t c, int64_t m) {
  const long double p = 16;
  int64_t low = w < c ? w : c;
  low = m < low ? m : low;
  if (low <= 0)
    return (long double)low;
  long double sum = 0;
  const int64_t all[] = {w, c, m};
  for (size_t i = 0; i < SG_ARRAY_LEN(all); i++)
    sum += all[i] == INT64_MAX ? 0 : powl((long double)low / (long double)all[i], p);
  return (long double)low * powl(sum, -1 / p);
}

/* Of all sizes alike, near each other or far apart, or without limit. */
static int64_t random_value(struct random *random, int64_t near) {
  switch (random_below(random, 4)) {
  case 0:
    return INT64_MAX;
  case 1:
    return (int64_t)(random_next(random) >> 34 >> random_below(random, 30)) + 1;
  case 2:
    return near;
  default:
    return near - near / 16 + (int64_t)random_below(random, (size_t)(near / 8 + 1));
  }
}

START_TEST(it_is_the_formula) {
  enum { ROUNDS = 50000 };
  struct smooth smooth;
  smooth_init(&smooth);
  struct random random;
  random_init(&random, random_seed());
  const long double relative = 2e-7L, absolute = 2;
  for (int i = 0; i < ROUNDS; i++) {
    int64_t w = (int64_t)(random_next(&random) >> 34 >> random_below(&random, 30));
    int64_t c = random_value(&random, w), m = random_value(&random, w);
    long double exact = exactly(w, c, m);
    int64_t got = smooth_min(&smooth, w, c, m);
    long double bound = absolute + relative * exact;
    ck_assert_msg(fabsl((long double)got - exact) <= bound, "%jd, %jd, %jd: %jd is not %.3Lf",
                  (intmax_t)w, (intmax_t)c, (intmax_t)m, (intmax_t)got, exact);
    ck_assert_int_le(got, w);
    ck_assert_int_ge(got, 0);
  }
}
END_TEST

START_TEST(order_does_not_matter) {
  struct smooth smooth;
  smooth_init(&smooth);
  struct random random;
  random_init(&random, random_seed());
  for (int i = 0; i < 10000; i++) {
    int64_t w = (int64_t)(random_next(&random) >> 40) + 1;
    int64_t c = random_value(&random, w), m = random_value(&random, w);
    int64_t got = smooth_min(&smooth, w, c, m);
    ck_assert_int_eq(smooth_min(&smooth, w, m, c), got);
    if (c != INT64_MAX)
      ck_assert_int_eq(smooth_min(&smooth, c, w, m), got);
  }
}
END_TEST

START_TEST(the_ends) {
  struct smooth smooth;
  smooth_init(&smooth);
  ck_assert_int_eq(smooth_min(&smooth, 1000000, INT64_MAX, INT64_MAX), 1000000);
  ck_assert_int_eq(smooth_min(&smooth, 0, INT64_MAX, INT64_MAX), 0);
  ck_assert_int_eq(smooth_min(&smooth, 1000000, 0, INT64_MAX), 0);
  ck_assert_int_eq(smooth_min(&smooth, 1000000, INT64_MAX, -5), -5);
  ck_assert_int_eq(smooth_min(&smooth, -2000000, INT64_MAX, 0), -2000000);
  ck_assert_int_eq(smooth_min(&smooth, 1000000, 4000000, INT64_MAX), 1000000);
  ck_assert_int_eq(smooth_min(&smooth, 4000000, 1000000, INT64_MAX), 1000000);
  /* 2^(-1/16) and 3^(-1/16). */
  ck_assert_int_le(llabs(smooth_min(&smooth, 1000000, 1000000, INT64_MAX) - 957603), 1);
  ck_assert_int_le(llabs(smooth_min(&smooth, 1000000, 1000000, 1000000) - 933640), 2);
  ck_assert_int_eq(smooth_min(&smooth, INT32_MAX, INT64_MAX, INT64_MAX), INT32_MAX);
}
END_TEST

/* More of anything is never worth less, but for a rounding. */
START_TEST(it_is_monotone) {
  enum { ROUNDS = 300, STEPS = 400, ROUNDING = 1 };
  struct smooth smooth;
  smooth_init(&smooth);
  struct random random;
  random_init(&random, random_seed());
  for (int round = 0; round < ROUNDS; round++) {
    int64_t c = (int64_t)random_below(&random, 64000000) + 1;
    int64_t m = random_value(&random, c);
    int64_t w = c - c / 4, step = round % 2 ? 1 : c / 2 / STEPS + 1;
    int64_t highest = 0, highest_c = 0;
    for (int i = 0; i < STEPS; i++, w += step) {
      int64_t got = smooth_min(&smooth, w, c, m), other = smooth_min(&smooth, c, w, m);
      ck_assert_int_ge(got, highest - ROUNDING);
      ck_assert_int_ge(other, highest_c - ROUNDING);
      highest = got > highest ? got : highest;
      highest_c = other > highest_c ? other : highest_c;
    }
  }
}
END_TEST

TCase *tcase_smooth(void) {
  TCase *tc = tcase_create("smooth");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, it_is_the_formula);
  tcase_add_test(tc, order_does_not_matter);
  tcase_add_test(tc, the_ends);
  tcase_add_test(tc, it_is_monotone);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bid prices are the dual of an LP. What must hold of any optimum: no pattern of sizes is worth
 * more than a bin, and what the pods are worth is the number of bins that they need.
 */
#include "slicegate/pricing.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include <math.h>

TCase *tcase_bid_prices(void);

enum { SIZES_MAX = 256 };

struct lp {
  uint16_t capacity;
  size_t count;
  uint16_t sizes[SIZES_MAX];
  double weights[SIZES_MAX];
  int32_t prices[PACK_MILLI + 1];
  uint32_t waste_ppm;
};

static void solve(struct lp *lp) {
  pricing_bid_prices(lp->sizes, lp->weights, lp->count, lp->capacity, lp->prices, &lp->waste_ppm);
}

static double filled(const struct lp *lp) {
  double sum = 0;
  for (size_t s = 0; s < lp->count; s++)
    sum += lp->weights[s] * lp->sizes[s] / lp->capacity;
  return sum;
}

static double bins_by_waste(const struct lp *lp) {
  return filled(lp) / (1 - (double)lp->waste_ppm / 1e6);
}

static double worth_of_pods(const struct lp *lp) {
  double sum = 0;
  for (size_t s = 0; s < lp->count; s++)
    sum += lp->weights[s] * lp->prices[lp->sizes[s]] / 1e6;
  return sum;
}

/* Two remainders are never worth more apart than in one piece: so no pattern is worth more than
 * a bin. Each price is rounded. */
static void check_feasible(const struct lp *lp) {
  enum { ROUNDING = 2 };
  ck_assert_int_eq(lp->prices[0], 0);
  ck_assert_int_eq(lp->prices[lp->capacity], PACK_MICRO);
  int32_t most = 0;
  for (size_t a = 1; a <= lp->capacity; a++) {
    ck_assert_int_ge(lp->prices[a], lp->prices[a - 1]);
    for (size_t b = a; a + b <= lp->capacity; b++) {
      int32_t more = lp->prices[a] + lp->prices[b] - lp->prices[a + b];
      most = more > most ? more : most;
    }
  }
  ck_assert_int_le(most, ROUNDING);
}

static void check_optimal(const struct lp *lp) {
  double bins = bins_by_waste(lp), worth = worth_of_pods(lp);
  ck_assert_msg(fabs(bins - worth) <= 5e-5 * bins, "%zu sizes: %f bins, worth %f", lp->count, bins,
                worth);
}

/* ---- the public trace ------------------------------------------------------------------------ */

static const uint16_t trace_sizes[] = {50,  110, 140, 160, 220, 230, 270, 290, 320, 330, 350,
                                       370, 440, 460, 470, 480, 550, 590, 650, 810, 1000};
static const double trace_counts[] = {7,  24, 1,   74,  62, 140, 4,  1,   328,  7,   6,
                                      47, 2,  128, 750, 19, 72,  75, 253, 1078, 4355};

static struct lp trace(void) {
  struct lp lp = {.capacity = PACK_MILLI, .count = SG_ARRAY_LEN(trace_sizes)};
  for (size_t s = 0; s < lp.count; s++) {
    lp.sizes[s] = trace_sizes[s];
    lp.weights[s] = trace_counts[s];
  }
  solve(&lp);
  return lp;
}

START_TEST(prices_of_the_public_trace) {
  static const struct {
    uint16_t from, to;
    double price;
  } stated[] = {{0, 160, 0},         {220, 220, 1.0 / 12}, {230, 290, 1.0 / 4}, {320, 440, 1.0 / 3},
                {460, 480, 1.0 / 2}, {550, 650, 2.0 / 3},  {810, 810, 1}};
  struct lp lp = trace();
  check_feasible(&lp);
  check_optimal(&lp);
  for (size_t i = 0; i < SG_ARRAY_LEN(stated); i++)
    for (size_t s = 0; s < lp.count; s++)
      if (lp.sizes[s] >= stated[i].from && lp.sizes[s] <= stated[i].to)
        ck_assert_msg(fabs(lp.prices[lp.sizes[s]] / 1e6 - stated[i].price) < 1e-5,
                      "%u is worth %d, not %f", lp.sizes[s], lp.prices[lp.sizes[s]],
                      stated[i].price);
  ck_assert_int_eq(lp.prices[190], 0);
}
END_TEST

START_TEST(waste_of_the_public_trace) {
  struct lp lp = trace();
  ck_assert_uint_ge(lp.waste_ppm, 36750);
  ck_assert_uint_le(lp.waste_ppm, 36850);
}
END_TEST

/* ---- small ones, by hand --------------------------------------------------------------------- */

START_TEST(nothing_is_asked_for) {
  struct lp lp = {.capacity = PACK_MILLI, .waste_ppm = 7};
  solve(&lp);
  for (int r = 0; r <= PACK_MILLI; r++)
    ck_assert_int_eq(lp.prices[r], r * 1000);
  ck_assert_uint_eq(lp.waste_ppm, 0);
  lp.capacity = 3;
  solve(&lp);
  ck_assert_int_eq(lp.prices[1], 333333);
  ck_assert_int_eq(lp.prices[3], PACK_MICRO);
}
END_TEST

START_TEST(one_size) {
  for (uint16_t size = 1; size <= PACK_MILLI; size++) {
    struct lp lp = {.capacity = PACK_MILLI, .count = 1, .sizes = {size}, .weights = {3}};
    solve(&lp);
    int most = PACK_MILLI / size;
    for (int r = 0; r <= PACK_MILLI; r++)
      ck_assert_double_le(fabs(lp.prices[r] - 1e6 * (r / size) / most), 1);
    ck_assert_double_le(fabs(lp.waste_ppm - 1e6 * (1 - (double)most * size / PACK_MILLI)), 1.5);
  }
}
END_TEST

/* The least number of bins by trying all bases of an LP with three sizes. */
struct patterns {
  size_t count;
  double of[512][3];
};

static void list_patterns(const struct lp *lp, struct patterns *ret) {
  ret->count = 0;
  size_t n[3] = {0};
  for (n[0] = 0; n[0] * lp->sizes[0] <= lp->capacity; n[0]++)
    for (n[1] = 0; n[0] * lp->sizes[0] + n[1] * lp->sizes[1] <= lp->capacity; n[1]++) {
      size_t left = lp->capacity - n[0] * lp->sizes[0] - n[1] * lp->sizes[1];
      n[2] = left / lp->sizes[2];
      ck_assert_uint_lt(ret->count, SG_ARRAY_LEN(ret->of));
      for (size_t s = 0; s < 3; s++)
        ret->of[ret->count][s] = (double)n[s];
      ret->count++;
    }
  /* Less than a pattern has is possible too: what is left over is thrown away. */
  for (size_t s = 0; s < 3; s++) {
    for (size_t k = 0; k < 3; k++)
      ret->of[ret->count][k] = k == s ? -1 : 0;
    ret->count++;
  }
}

static double determinant(const double *a, const double *b, const double *c) {
  return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) +
         a[2] * (b[0] * c[1] - b[1] * c[0]);
}

static double least_bins(const struct lp *lp) {
  static struct patterns patterns;
  list_patterns(lp, &patterns);
  double least = INFINITY;
  for (size_t i = 0; i < patterns.count; i++)
    for (size_t j = i + 1; j < patterns.count; j++)
      for (size_t k = j + 1; k < patterns.count; k++) {
        const double *a = patterns.of[i], *b = patterns.of[j], *c = patterns.of[k];
        double whole = determinant(a, b, c);
        if (fabs(whole) < 1e-9)
          continue;
        double x[] = {determinant(lp->weights, b, c) / whole,
                      determinant(a, lp->weights, c) / whole,
                      determinant(a, b, lp->weights) / whole};
        if (x[0] < -1e-12 || x[1] < -1e-12 || x[2] < -1e-12)
          continue;
        size_t slack = patterns.count - 3; /* costs nothing */
        double bins = (i < slack ? x[0] : 0) + (j < slack ? x[1] : 0) + (k < slack ? x[2] : 0);
        least = bins < least ? bins : least;
      }
  return least;
}

START_TEST(three_sizes_against_all_bases) {
  enum { ROUNDS = 200 };
  struct random random;
  random_init(&random, random_seed());
  for (int round = 0; round < ROUNDS; round++) {
    struct lp lp = {.capacity = (uint16_t)(6 + random_below(&random, 12)), .count = 3};
    for (size_t s = 0; s < 3;) {
      lp.sizes[s] = (uint16_t)(2 + random_below(&random, lp.capacity - (size_t)1));
      lp.weights[s] = 1 + (double)random_below(&random, 1000) / 100;
      s += (s < 1 || lp.sizes[s] != lp.sizes[0]) && (s < 2 || lp.sizes[s] != lp.sizes[1]);
    }
    solve(&lp);
    check_feasible(&lp);
    double least = least_bins(&lp);
    ck_assert_double_le(fabs(worth_of_pods(&lp) - least), 5e-5 * least);
    ck_assert_double_le(fabs(bins_by_waste(&lp) - least), 5e-5 * least);
  }
}
END_TEST

/* ---- at random ------------------------------------------------------------------------------- */

static void check_random(struct random *random, size_t count, uint16_t capacity, bool is_skewed) {
  bool is_taken[PACK_MILLI + 1] = {false};
  struct lp lp = {.capacity = capacity};
  while (lp.count < count) {
    uint16_t size = (uint16_t)(1 + random_below(random, capacity));
    if (is_taken[size])
      continue;
    is_taken[size] = true;
    lp.sizes[lp.count] = size;
    double weight = (double)(1 + random_below(random, 1000));
    lp.weights[lp.count++] = is_skewed ? pow(weight / 1000, 6) + 1e-9 : weight;
  }
  solve(&lp);
  check_feasible(&lp);
  check_optimal(&lp);
}

START_TEST(random_sizes) {
  struct random random;
  random_init(&random, random_seed());
  for (size_t count = 1; count <= 40; count += 3) {
    check_random(&random, count, PACK_MILLI, false);
    check_random(&random, count, PACK_MILLI, true);
  }
  for (uint16_t capacity = 1; capacity <= 32; capacity++)
    check_random(&random, 1 + random_below(&random, capacity), capacity, false);
}
END_TEST

/* Every percent of a GPU. */
START_TEST(a_hundred_sizes) {
  struct lp lp = {.capacity = PACK_MILLI, .count = 100};
  struct random random;
  random_init(&random, random_seed());
  for (size_t s = 0; s < lp.count; s++) {
    lp.sizes[s] = (uint16_t)(10 * (s + 1));
    lp.weights[s] = (double)(1 + random_below(&random, 1000));
  }
  solve(&lp);
  check_feasible(&lp);
  check_optimal(&lp);
}
END_TEST

TCase *tcase_bid_prices(void) {
  TCase *tc = tcase_create("bid_prices");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, prices_of_the_public_trace);
  tcase_add_test(tc, waste_of_the_public_trace);
  tcase_add_test(tc, nothing_is_asked_for);
  tcase_add_test(tc, one_size);
  tcase_add_test(tc, three_sizes_against_all_bases);
  tcase_add_test(tc, random_sizes);
  tcase_add_test(tc, a_hundred_sizes);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/pricing/market.h"
#include "tests/support/check_main.h"
#include "tests/unit/pricing/products.h"

#include <math.h>

TCase *tcase_market_value(void);

/* Rivals that take nothing: one GPU alone, for which every instance counts in full. */
static struct market_rivals *no_rivals(struct market *market, double load) {
  struct market_rivals *rivals = market_rivals_new(market);
  for (uint16_t kind = 0; kind < market->kind_count; kind++) {
    rivals->kinds[kind].refused = 1;
    rivals->kinds[kind].rate = market_arrivals(market, load, 1) * market->kinds[kind].share;
  }
  return rivals;
}

static double *first_guess(const struct market *market) {
  double *visits = arena_array(market->arena, market->mig->layout_count, sizeof *visits);
  for (uint16_t layout = 0; layout < market->mig->layout_count; layout++)
    visits[layout] = 1;
  return visits;
}

/* A kind of the size of the GPU: empty or full. Full is left once in a lifetime, empty `rate`
 * times, each for `size` slices: h(full) = h(empty) - size + g / rate with
 * g = size * rate / (1 + rate). */
START_TEST(two_layouts_have_the_known_values) {
  struct pack_mig *mig = mig_of("a30-24gb");
  struct market *market = market_new(mig, (double[]){0, 0, 0, 0, 1});
  struct market_rivals *rivals = no_rivals(market, 1.5);
  double *values = arena_array(market->arena, mig->layout_count, sizeof *values);
  market_solve(market, rivals, values, first_guess(market));
  double rate = 1.5, g = 4 * rate / (1 + rate);
  ck_assert_double_eq(values[0], 0);
  ck_assert_double_eq_tol(values[placed(mig, 0, 4, 0)], g / rate - 4, 0.01);
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

/* The same problem by the textbook: small equal steps of time, many of them. */
static void solve_slowly(const struct market *market, const struct market_rivals *rivals,
                         double *values) {
  const struct pack_mig *mig = market->mig;
  double *next = arena_array(market->arena, mig->layout_count, sizeof *next);
  double steps = mig->axis; /* in a lifetime: more than anything happens */
  for (uint16_t kind = 0; kind < market->kind_count; kind++)
    steps += rivals->kinds[kind].rate;
  for (unsigned i = 0; i < 20000; i++) {
    for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
      double gain = 0;
      for (uint8_t start = 0; start < mig->axis; start++) {
        uint16_t rest = mig->without[layout * mig->axis + start];
        gain += rest != PACK_NONE ? values[rest] - values[layout] : 0;
      }
      for (uint16_t kind = 0; kind < market->kind_count; kind++) {
        double best = -INFINITY;
        uint16_t p = market->kinds[kind].profile;
        for (uint8_t k = 0; k < mig->profiles[p].start_count; k++) {
          uint16_t to = pack_mig_next(mig, layout, p, k);
          if (to != PACK_NONE)
            best = fmax(best, values[to] - values[layout]);
        }
        if (best > -INFINITY)
          gain += rivals->kinds[kind].rate * (market->kinds[kind].size + best);
      }
      next[layout] = values[layout] + gain / steps;
    }
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      values[layout] = next[layout] - next[0];
  }
}

START_TEST(a_gpu_alone_is_solved_as_by_the_textbook) {
  static const double mixes[][5] = {{1, 0, 1, 0, 1}, {5, 0, 1, 0, 0}, {1, 0, 0, 0, 3}};
  struct pack_mig *mig = mig_of("a30-24gb");
  for (size_t i = 0; i < SG_ARRAY_LEN(mixes); i++) {
    struct market *market = market_new(mig, mixes[i]);
    struct market_rivals *rivals = no_rivals(market, 0.5 + (double)i);
    double *values = arena_array(market->arena, mig->layout_count, sizeof *values);
    double *slow = arena_array(market->arena, mig->layout_count, sizeof *slow);
    double *visits = first_guess(market);
    market_solve(market, rivals, values, visits);
    market_solve(market, rivals, values, visits); /* from where the first one ended */
    solve_slowly(market, rivals, slow);
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      ck_assert_double_eq_tol(values[layout], slow[layout], 0.01);
    market_free(market);
  }
  pack_mig_free(mig);
}
END_TEST

/* One kind, rivals that always bid -1: the GPU wins where it bids more, and what it wins brings
 * what is above. */
START_TEST(what_others_would_take_brings_the_difference) {
  struct pack_mig *mig = mig_of("a30-24gb");
  struct market *market = market_new(mig, (double[]){0, 0, 0, 0, 1});
  struct market_rivals *rivals = market_rivals_new(market);
  double rate = 3;
  rivals->kinds[0].rate = rate;
  rivals->kinds[0].count = 1;
  rivals->kinds[0].bids[0] = -1;
  rivals->kinds[0].below[0] = 1;
  rivals->kinds[0].paid[0] = -1;
  double *values = arena_array(market->arena, mig->layout_count, sizeof *values);
  market_solve(market, rivals, values, first_guess(market));
  /* g = -h(full) where full, rate * (h(full) + 1) where empty. */
  ck_assert_double_eq_tol(values[placed(mig, 0, 4, 0)], -rate / (1 + rate), 0.01);
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

START_TEST(rivals_are_read_from_records) {
  struct pack_mig *mig = mig_of("a30-24gb");
  struct market *market = market_new(mig, (double[]){1, 0, 0, 0, 0});
  double *values = arena_array(market->arena, mig->layout_count, sizeof *values);
  uint16_t one = placed(mig, 0, 0, 0), two = placed(mig, one, 0, 1);
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    values[layout] = -10; /* bids of 0 */
  values[0] = 0;          /* bids -10 */
  values[two] = -12;      /* bids 2 */
  struct market_policy *policy = market_policy_new(market);
  market_policy_set(policy, market, values);
  struct market_record record = {
      .won = arena_array(market->arena, mig->layout_count, sizeof *record.won),
      .refused = (double[]){2},
      .arrived = (double[]){10}};
  record.won[0] = 3;
  record.won[two] = 5;
  struct market_rivals *rivals = market_rivals_new(market);
  market_rivals_set(rivals, market, policy, &record, 0.5, 6);
  ck_assert_double_eq(rivals->kinds[0].rate, 0.5 * 4 * 6);
  ck_assert_double_eq(rivals->kinds[0].refused, 0.2);
  ck_assert_uint_eq(rivals->kinds[0].count, 2);
  ck_assert_double_eq(rivals->kinds[0].bids[0], -10);
  ck_assert_double_eq(rivals->kinds[0].bids[1], 2);
  ck_assert_double_eq_tol(rivals->kinds[0].below[1], 0.8, 1e-9);
  ck_assert_double_eq_tol(rivals->kinds[0].paid[1], 0.3 * -10 + 0.5 * 2, 1e-9);
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

TCase *tcase_market_value(void) {
  TCase *tcase = tcase_create("market_value");
  tcase_add_test(tcase, two_layouts_have_the_known_values);
  tcase_add_test(tcase, a_gpu_alone_is_solved_as_by_the_textbook);
  tcase_add_test(tcase, what_others_would_take_brings_the_difference);
  tcase_add_test(tcase, rivals_are_read_from_records);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/pricing/market.h"
#include "tests/support/check_main.h"
#include "tests/unit/pricing/products.h"

#include <math.h>

TCase *tcase_market_scores(void);

static bool is_near(double a, double b) {
  return fabs(a - b) < 1e-9;
}

START_TEST(profiles_with_the_same_windows_are_one_kind) {
  struct pack_mig *mig = mig_of("h100-80gb");
  struct market *market = market_new(mig, (double[]){3, 1, 0, 0, 0, 0, 4});
  ck_assert_uint_eq(market->kind_count, 2);
  ck_assert_uint_eq(market->kinds[0].profile, 0);
  ck_assert(is_near(market->kinds[0].share, 0.5));
  ck_assert_uint_eq(market->kinds[1].profile, 6);
  ck_assert(is_near(market->kinds[1].share, 0.5));
  ck_assert(is_near(market->mean_size, 4.5));
  ck_assert(is_near(market_arrivals(market, 1.5, 9), 1.5 * 8 * 9 / 4.5));
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

/* No weight, or none that is a number above 0: every profile without a limit of its own. */
START_TEST(nothing_asked_for_is_everything_alike) {
  struct pack_mig *mig = mig_of("h100-80gb");
  struct market *market = market_new(mig, (double[]){0, -1, NAN, 0, 0, 0, 0});
  ck_assert_uint_eq(market->kind_count, 6);
  for (uint16_t kind = 0; kind < market->kind_count; kind++)
    ck_assert(is_near(market->kinds[kind].share, 1.0 / 6));
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

START_TEST(waste_is_what_never_gets_used) {
  struct pack_mig *mig = mig_of("h100-80gb");
  double *waste = mem_zalloc(mig->layout_count * sizeof *waste);
  uint16_t one = placed(mig, 0, 0, 0), all = placed(mig, 0, 6, 0);
  /* 1g.10gb alone: the last slice has no compute. */
  pricing_mig_waste(mig, (double[]){1, 0, 0, 0, 0, 0, 0}, waste);
  ck_assert(is_near(waste[0], 1));
  ck_assert(is_near(waste[one], 1));
  ck_assert(is_near(waste[all], 0));
  /* 7g.80gb alone: nothing goes beside what is there. */
  pricing_mig_waste(mig, (double[]){0, 0, 0, 0, 0, 0, 1}, waste);
  ck_assert(is_near(waste[0], 0));
  ck_assert(is_near(waste[one], 7));
  /* Half 3g.40gb, half 4g.40gb: 3g goes right first. If the second is a 3g as well it goes left;
   * after a 4g only a 3g fits. */
  pricing_mig_waste(mig, (double[]){0, 0, 0, 0, 1, 1, 0}, waste);
  ck_assert(is_near(waste[0], 0));
  ck_assert(is_near(waste[one], 4 - 1));
  ck_assert(is_near(waste[placed(mig, 0, 0, 6)], 4 - 1));
  mem_free_ptr(&waste);
  pack_mig_free(mig);
}
END_TEST

START_TEST(fragmentation_counts_unusable_slices) {
  struct pack_mig *mig = mig_of("h100-80gb");
  double *score = mem_zalloc(mig->layout_count * sizeof *score);
  struct market *market = market_new(mig, (double[]){0, 0, 0, 1, 0, 1, 2});
  market_fragmentation(market, score);
  /* Empty: 2g leaves two slices, 4g four, 7g none. */
  ck_assert(is_near(score[0], 0.25 * 2 + 0.25 * 4));
  /* 1g at 0: seven slices are free; two 2g fit, no 4g, no 7g. */
  ck_assert(is_near(score[placed(mig, 0, 0, 0)], 0.25 * (7 - 4) + 0.25 * 7 + 0.5 * 7));
  ck_assert(is_near(score[placed(mig, 0, 6, 0)], 0));
  market_free(market);
  mem_free_ptr(&score);
  pack_mig_free(mig);
}
END_TEST

START_TEST(blocking_counts_touched_windows) {
  struct pack_mig *mig = mig_of("h100-80gb");
  double *score = mem_zalloc(mig->layout_count * sizeof *score);
  struct market *market = market_new(mig, (double[]){1, 0, 0, 0, 0, 0, 0});
  market_blocking(market, score);
  ck_assert(is_near(score[0], 0));
  /* 1g at 6 touches 1g at 6, 1g.20gb at 6 and 3g at 4; 7g is larger than what is free. */
  ck_assert(is_near(score[placed(mig, 0, 0, 6)], 1 + 2 + 4));
  /* Full: nothing is as small as what is free. */
  ck_assert(is_near(score[placed(mig, 0, 6, 0)], 0));
  market_free(market);
  mem_free_ptr(&score);
  pack_mig_free(mig);
}
END_TEST

TCase *tcase_market_scores(void) {
  TCase *tcase = tcase_create("market_scores");
  tcase_add_test(tcase, profiles_with_the_same_windows_are_one_kind);
  tcase_add_test(tcase, nothing_asked_for_is_everything_alike);
  tcase_add_test(tcase, waste_is_what_never_gets_used);
  tcase_add_test(tcase, fragmentation_counts_unusable_slices);
  tcase_add_test(tcase, blocking_counts_touched_windows);
  return tcase;
}

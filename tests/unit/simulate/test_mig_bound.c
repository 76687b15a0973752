/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/mig_fixture.h"

#include "tests/support/check_main.h"
#include "tests/unit/simulate/simulate_suite.h"

static struct mig_mix uniform(const struct mig_fixture *f) {
  struct mig_mix mix;
  struct err err;
  ck_assert(mig_mix_family(f->product, f->mig, 0, &mix, &err));
  return mix;
}

/* The numbers of packing.md 3. */
START_TEST(an_h100_has_78_multisets_of_which_28_are_maximal) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_mix mix = uniform(&f);
  struct mig_multisets sets = mig_multisets_of(f.mig, mix.wanted, mix.wanted_count);
  ck_assert_uint_eq(sets.count, 78);
  for (size_t w = 0; w < mix.wanted_count; w++)
    ck_assert_uint_eq(sets.counts[0][w], 0);
  mig_multisets_keep_maximal(&sets, mix.wanted_count);
  ck_assert_uint_eq(sets.count, 28);
  mig_multisets_done(&sets);
  mig_fixture_done(&f);
}
END_TEST

/* Two ways to tell what one GPU holds. */
START_TEST(multisets_are_what_can_be_held) {
  static const char *const ids[] = {"a30-24gb", "h100-80gb", "rtx-pro-6000-blackwell-96gb"};
  for (size_t i = 0; i < SG_ARRAY_LEN(ids); i++) {
    struct mig_fixture f = mig_fixture_of(ids[i]);
    struct mig_mix mix = uniform(&f);
    struct mig_multisets sets = mig_multisets_of(f.mig, mix.wanted, mix.wanted_count);
    ck_assert_uint_gt(sets.count, 1);
    CLEANUP_FREE uint32_t *counts = mem_zalloc(f.mig->profile_count * sizeof(*counts));
    for (size_t s = 0; s < sets.count; s++) {
      for (size_t w = 0; w < mix.wanted_count; w++)
        counts[mix.wanted[w]] = sets.counts[s][w];
      ck_assert(pack_mig_can_hold(f.mig, counts, 1));
    }
    mig_multisets_done(&sets);
    mig_fixture_done(&f);
  }
}
END_TEST

/* One more of any profile than in a maximal one cannot be held. */
START_TEST(nothing_goes_beside_a_maximal_multiset) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_mix mix = uniform(&f);
  struct mig_multisets sets = mig_multisets_of(f.mig, mix.wanted, mix.wanted_count);
  mig_multisets_keep_maximal(&sets, mix.wanted_count);
  CLEANUP_FREE uint32_t *counts = mem_zalloc(f.mig->profile_count * sizeof(*counts));
  for (size_t s = 0; s < sets.count; s++)
    for (size_t more = 0; more < mix.wanted_count; more++) {
      for (size_t w = 0; w < mix.wanted_count; w++)
        counts[mix.wanted[w]] = sets.counts[s][w] + (uint32_t)(w == more);
      ck_assert(!pack_mig_can_hold(f.mig, counts, 1));
    }
  mig_multisets_done(&sets);
  mig_fixture_done(&f);
}
END_TEST

static double bound_of(const struct mig_fixture *f, const uint32_t arrived[MIG_WANTED_MAX],
                       uint32_t gpus) {
  struct mig_mix mix = uniform(f);
  struct mig_multisets sets = mig_multisets_of(f->mig, mix.wanted, mix.wanted_count);
  mig_multisets_keep_maximal(&sets, mix.wanted_count);
  double bound = mig_bound(&sets, mix.sizes, arrived, mix.wanted_count, gpus);
  mig_multisets_done(&sets);
  return bound;
}

START_TEST(the_bound_of_plain_cases) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  /* 1g 1g.20 2g 3g 4g 7g */
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){0}, 10), 0, 1e-6);
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){5}, 10), 5, 1e-6);
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){100}, 10), 70, 1e-6);
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){0, 100}, 10), 80, 1e-6);
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){0, 0, 100}, 10), 60, 1e-6);
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){0, 0, 0, 0, 20}, 10), 40, 1e-6);
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){7, 0, 0, 0, 0, 10}, 10), 80,
                          1e-6);
  ck_assert_double_eq_tol(bound_of(&f, (uint32_t[MIG_WANTED_MAX]){7, 0, 0, 0, 0, 9}, 10), 79, 1e-6);
  mig_fixture_done(&f);
}
END_TEST

/* What can be held whole is bounded by no less. */
START_TEST(the_bound_is_above_every_subset) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_mix mix = uniform(&f);
  struct sim_random random = sim_random_of(7, SIM_STREAM_PODS);
  for (int round = 0; round < 300; round++) {
    struct mig_story story = {.gpus = 1 + (uint32_t)sim_random_below(&random, 3), .count = 10};
    uint32_t arrived[MIG_WANTED_MAX] = {0};
    for (size_t i = 0; i < story.count; i++) {
      size_t w = sim_random_below(&random, mix.wanted_count);
      story.events[i].arrival = (uint8_t)i;
      story.events[i].profile = mix.wanted[w];
      arrived[w]++;
    }
    double bound = bound_of(&f, arrived, story.gpus);
    double best = mig_exact_subsets(f.mig, &story);
    ck_assert_double_ge(bound, best - 1e-6);
    ck_assert_double_le(bound, 8.0 * story.gpus + 1e-6);
  }
  mig_fixture_done(&f);
}
END_TEST

TCase *tcase_mig_bound(void) {
  TCase *tc = tcase_create("mig_bound");
  tcase_add_test(tc, an_h100_has_78_multisets_of_which_28_are_maximal);
  tcase_add_test(tc, multisets_are_what_can_be_held);
  tcase_add_test(tc, nothing_goes_beside_a_maximal_multiset);
  tcase_add_test(tc, the_bound_of_plain_cases);
  tcase_add_test(tc, the_bound_is_above_every_subset);
  return tc;
}

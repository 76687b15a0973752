/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/mig_fixture.h"

#include "tests/support/check_main.h"
#include "tests/unit/simulate/simulate_suite.h"

/* "+1g.10gb" arrives, "-0" takes arrival 0 away. */
static struct mig_story tell(const struct mig_fixture *f, uint32_t gpus, const char *const *words) {
  struct mig_story story = {.gpus = gpus};
  uint16_t profiles[MIG_STORY_MAX];
  uint8_t arrivals = 0;
  for (; *words; words++) {
    struct mig_story_event *event = &story.events[story.count++];
    if (**words == '-') {
      event->is_departure = true;
      event->arrival = (uint8_t)((*words)[1] - '0');
      event->profile = profiles[event->arrival];
    } else {
      event->arrival = arrivals;
      event->profile = profiles[arrivals++] = mig_fixture_profile(f, *words + 1);
    }
  }
  return story;
}

#define TELL(f, gpus, ...) tell(f, gpus, (const char *const[]){__VA_ARGS__, NULL})

static const struct {
  uint32_t gpus, best, best_accepting;
  const char *words[MIG_STORY_MAX + 1];
} cases[] = {
    {1, 8, 8, {"+7g.80gb"}},
    {1, 8, 1, {"+1g.10gb", "+7g.80gb"}},
    {2, 9, 9, {"+1g.10gb", "+7g.80gb"}},
    {1, 8, 8, {"+3g.40gb", "+4g.40gb"}}, /* the 3g at 4 leaves room for the 4g */
    {1, 4, 4, {"+4g.40gb", "+4g.40gb"}},
    {1, 9, 9, {"+1g.10gb", "-0", "+7g.80gb"}},
    {1, 8, 8, {"+4g.40gb", "+1g.10gb", "+1g.20gb", "+1g.10gb"}},
    /* Two that stay on either side of one that goes: they must have been put together. */
    {1, 12, 12, {"+2g.20gb", "+4g.40gb", "+1g.20gb", "-1", "+3g.40gb"}},
    /* The 3g takes the half that the 4g cannot have, whoever leaves. */
    {1, 12, 12, {"+3g.40gb", "+4g.40gb", "-0", "+3g.40gb"}},
    {1, 16, 1, {"+1g.10gb", "+7g.80gb", "-1", "+7g.80gb"}},
};

START_TEST(known_stories) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_story story = tell(&f, cases[_i].gpus, cases[_i].words);
  ck_assert_uint_eq(mig_exact(f.mig, &story, true), cases[_i].best);
  ck_assert_uint_eq(mig_exact(f.mig, &story, false), cases[_i].best_accepting);
  mig_fixture_done(&f);
}
END_TEST

/* Without departures the search and the test of subsets are two ways to one number. */
START_TEST(both_ways_agree_without_departures) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_mix mix;
  struct err err;
  ck_assert(mig_mix_family(f.product, f.mig, (size_t)_i, &mix, &err));
  struct sim_random random = sim_random_of((uint64_t)_i, SIM_STREAM_STORIES);
  for (int round = 0; round < 60; round++) {
    struct mig_story story = {.gpus = 1 + (uint32_t)sim_random_below(&random, 3),
                              .count = 1 + sim_random_below(&random, MIG_STORY_MAX)};
    for (size_t i = 0; i < story.count; i++) {
      story.events[i].arrival = (uint8_t)i;
      story.events[i].profile = mix.wanted[sim_random_pick(&random, mix.weights, mix.wanted_count)];
    }
    uint32_t best = mig_exact(f.mig, &story, true);
    ck_assert_uint_eq(best, mig_exact_subsets(f.mig, &story));
    ck_assert_uint_le(mig_exact(f.mig, &story, false), best);
  }
  mig_fixture_done(&f);
}
END_TEST

TCase *tcase_mig_exact(void) {
  TCase *tc = tcase_create("mig_exact");
  tcase_set_timeout(tc, 60);
  tcase_add_loop_test(tc, known_stories, 0, SG_ARRAY_LEN(cases));
  tcase_add_loop_test(tc, both_ways_agree_without_departures, 0, MIG_FAMILIES);
  return tc;
}

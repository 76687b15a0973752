/* SPDX-License-Identifier: Apache-2.0 */
/* Needs that are met, looked up and counted. */
#include "src/packing/steps.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include "slicegate/base.h"

TCase *tcase_steps(void);

enum { NEEDS_MAX = 300 };

static uint32_t count_met(const int64_t *needs, size_t count, int64_t amount) {
  uint32_t met = 0;
  for (size_t i = 0; i < count; i++) {
    bool is_first = true;
    for (size_t k = 0; k < i; k++)
      is_first &= needs[k] != needs[i];
    met += is_first && needs[i] <= amount;
  }
  return met;
}

/* Of every magnitude; now and then 0, now and then one that was there. */
static int64_t random_need(struct random *random, const int64_t *before, size_t count) {
  switch (random_below(random, 8)) {
  case 0:
    return 0;
  case 1:
    return count ? before[random_below(random, count)] : 1;
  default:
    return (int64_t)(random_next(random) >> (1 + random_below(random, 63)));
  }
}

static void check_amounts(const struct steps *steps, const int64_t *needs, size_t count) {
  const int64_t edges[] = {INT64_MIN, -1, 0, 1, 31, 32, 33, 63, 64, 65, INT64_MAX};
  for (size_t i = 0; i < SG_ARRAY_LEN(edges); i++)
    ck_assert_uint_eq(steps_met(steps, edges[i]), count_met(needs, count, edges[i]));
  for (size_t i = 0; i < count; i++) {
    ck_assert_uint_eq(steps_met(steps, needs[i] - 1), count_met(needs, count, needs[i] - 1));
    ck_assert_uint_eq(steps_met(steps, needs[i]), count_met(needs, count, needs[i]));
    int64_t more = needs[i] < INT64_MAX ? needs[i] + 1 : needs[i];
    ck_assert_uint_eq(steps_met(steps, more), count_met(needs, count, more));
  }
}

START_TEST(needs_are_counted) {
  enum { ROUNDS = 40 };
  struct random random;
  struct steps steps = {0};
  random_init(&random, random_seed());
  for (int round = 0; round < ROUNDS; round++) {
    size_t count = random_below(&random, NEEDS_MAX + 1);
    int64_t needs[NEEDS_MAX];
    int64_t *owned = mem_zalloc((count + 1) * sizeof(*owned));
    for (size_t i = 0; i < count; i++)
      owned[i] = needs[i] = random_need(&random, needs, i);
    steps_set(&steps, owned, count);
    check_amounts(&steps, needs, count);
  }
  steps_done(&steps);
}
END_TEST

START_TEST(slots_follow_one_another) {
  unsigned slot = 0;
  for (uint64_t amount = 0; amount < 100000; amount++) {
    unsigned next = steps_slot(amount);
    ck_assert_uint_ge(next, slot);
    ck_assert_uint_le(next, slot + 1);
    slot = next;
  }
  ck_assert_uint_lt(steps_slot(INT64_MAX), STEPS_SLOTS);
}
END_TEST

TCase *tcase_steps(void) {
  TCase *tc = tcase_create("steps");
  tcase_add_test(tc, needs_are_counted);
  tcase_add_test(tc, slots_follow_one_another);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What may be said of waiting pods: once for each reason, and never a flood. */
#include "src/cli/reason_book.h"

#include "tests/support/random.h"
#include "tests/unit/cli/cases.h"

#include <stdio.h>
#include <stdlib.h>

static struct reason_book *book;

static void setup(void) {
  book = reason_book_new();
}

static void teardown(void) {
  reason_book_free(book);
}

static struct str uid(int i) {
  static char text[32];
  (void)snprintf(text, sizeof(text), "uid-%d", i);
  return str_of(text);
}

/* A look at one pod alone, and what came of it: -1, the wish was another one. */
static int tell(int pod, uint64_t key, uint64_t generation, int64_t now_ms) {
  if (reason_book_wish(book, uid(pod), generation, now_ms) != REASON_ASK)
    return -1;
  return (int)reason_book_judge(book, uid(pod), key, generation, now_ms);
}

START_TEST(the_same_is_said_once) {
  ck_assert_int_eq(tell(1, 7, 1, 0), REASON_DUE);
  ck_assert_int_eq(tell(1, 7, 2, 60000), REASON_SAME);
  ck_assert_int_eq(tell(1, 7, 3, 86400000), REASON_SAME);
  ck_assert_int_eq(tell(1, 8, 4, 86400001), REASON_DUE);
  ck_assert_int_eq(tell(1, 7, 5, 86460001), REASON_DUE); /* back to the first: news again */
}
END_TEST

START_TEST(a_pod_is_told_something_once_a_minute) {
  ck_assert_int_eq(tell(1, 7, 1, 0), REASON_DUE);
  ck_assert_int_eq(reason_book_wish(book, uid(1), 2, 1), REASON_LATER);
  ck_assert_int_eq(reason_book_wish(book, uid(1), 2, REASON_POD_MS - 1), REASON_LATER);
  ck_assert_int_eq(reason_book_judge(book, uid(1), 8, 2, REASON_POD_MS - 1), REASON_LIMITED);
  ck_assert_int_eq(tell(1, 8, 2, REASON_POD_MS), REASON_DUE);
  ck_assert_int_eq(tell(2, 8, 2, 1), REASON_DUE); /* another pod has a minute of its own */
}
END_TEST

START_TEST(nothing_is_looked_at_twice_while_nothing_changes) {
  ck_assert_int_eq(tell(1, 7, 5, 0), REASON_DUE);
  ck_assert_int_eq(reason_book_wish(book, uid(1), 5, 1), REASON_KNOWN);
  ck_assert_int_eq(reason_book_wish(book, uid(1), 5, 86400000), REASON_KNOWN);
  ck_assert_int_eq(tell(1, 7, 6, 86400000), REASON_SAME);
  ck_assert_int_eq(reason_book_wish(book, uid(1), 6, 86400001), REASON_KNOWN);
  ck_assert_int_eq(reason_book_wish(book, uid(2), 6, 0), REASON_ASK);
  reason_book_fits(book, uid(2), 6);
  ck_assert_int_eq(reason_book_wish(book, uid(2), 6, 1), REASON_KNOWN);
  ck_assert_int_eq(reason_book_wish(book, uid(2), 7, 1), REASON_ASK);
}
END_TEST

START_TEST(what_failed_is_said_again_after_its_minute) {
  ck_assert_int_eq(tell(1, 7, 1, 0), REASON_DUE);
  reason_book_failed(book, uid(1));
  ck_assert_int_eq(reason_book_wish(book, uid(1), 1, 59999), REASON_LATER);
  ck_assert_int_eq(tell(1, 7, 1, 60000), REASON_DUE);
}
END_TEST

START_TEST(ten_a_second_two_hundred_a_minute) {
  int pod = 0;
  for (int i = 0; i < REASON_SECOND_MAX; i++)
    ck_assert_int_eq(tell(pod++, 1, 1, 100), REASON_DUE);
  ck_assert_int_eq(tell(pod, 1, 1, 100), REASON_LIMITED);
  ck_assert_int_eq(reason_book_pause_ms(book, 100), 1000);
  ck_assert_int_eq(reason_book_pause_ms(book, 1099), 1);
  ck_assert_int_eq(tell(pod, 1, 1, 1099), REASON_LIMITED);
  /* What had to wait is not forgotten. */
  ck_assert_int_eq(reason_book_wish(book, uid(pod), 1, 1100), REASON_ASK);
  int64_t now = 1100;
  for (; pod < REASON_MINUTE_MAX; now += 100)
    ck_assert_int_eq(tell(pod++, 1, 1, now), REASON_DUE);
  ck_assert_int_eq(tell(pod, 1, 1, now + 2000), REASON_LIMITED);
  ck_assert_int_eq(reason_book_pause_ms(book, now + 2000), 60000 + 100 - (now + 2000));
  ck_assert_int_eq(tell(pod, 1, 1, 60100), REASON_DUE);
}
END_TEST

START_TEST(pods_that_are_gone_are_forgotten) {
  for (int i = 0; i < 10; i++)
    ck_assert_int_eq(tell(i, 7, 1, 0), REASON_DUE);
  ck_assert_uint_eq(reason_book_count(book), 10);
  reason_book_begin(book);
  ck_assert_int_eq(reason_book_wish(book, uid(4), 1, 0), REASON_KNOWN);
  reason_book_end(book);
  ck_assert_uint_eq(reason_book_count(book), 1);
  ck_assert_int_eq(reason_book_wish(book, uid(4), 1, 0), REASON_KNOWN);
  ck_assert_int_eq(reason_book_wish(book, uid(5), 1, 0), REASON_ASK); /* as a new one */
  reason_book_begin(book);
  reason_book_end(book);
  ck_assert_uint_eq(reason_book_count(book), 0);
}
END_TEST

START_TEST(memory_is_bounded) {
  for (int i = 0; i < REASON_PODS_MAX; i++)
    ck_assert_int_eq(reason_book_wish(book, uid(i), 1, 0), REASON_ASK);
  ck_assert_int_eq(reason_book_wish(book, uid(REASON_PODS_MAX), 1, 0), REASON_FULL);
  ck_assert_int_eq(reason_book_wish(book, uid(5), 1, 0), REASON_ASK);
  ck_assert_int_eq(reason_book_judge(book, uid(REASON_PODS_MAX), 1, 1, 0), REASON_LIMITED);
  ck_assert_uint_eq(reason_book_count(book), REASON_PODS_MAX);
}
END_TEST

/* ---- whatever happens ------------------------------------------------------------------------ */

enum { PODS = 60, SAID_MAX = 20000 };

struct saying {
  int pod;
  uint64_t key;
  int64_t when_ms;
};

static void assert_within_limits(const struct saying *said, size_t count) {
  struct saying last[PODS];
  bool has_last[PODS] = {false};
  for (size_t i = 0; i < count; i++) {
    int64_t now = said[i].when_ms;
    ck_assert(i < REASON_SECOND_MAX || now - said[i - REASON_SECOND_MAX].when_ms >= 1000);
    ck_assert(i < REASON_MINUTE_MAX || now - said[i - REASON_MINUTE_MAX].when_ms >= 60000);
    int pod = said[i].pod;
    ck_assert(!has_last[pod] || (now - last[pod].when_ms >= REASON_POD_MS && //
                                 said[i].key != last[pod].key));
    last[pod] = said[i];
    has_last[pod] = true;
  }
}

/* Reasons change as they like, pods are looked at when they like. All pods stay. */
START_TEST(limits_hold_in_any_history) {
  struct random random;
  random_init(&random, random_seed());
  struct saying *said = calloc(SAID_MAX, sizeof(*said));
  size_t count = 0;
  int64_t now = 0;
  for (int step = 0; step < 200000 && count < SAID_MAX; step++) {
    int pod = (int)random_below(&random, PODS);
    uint64_t key = random_below(&random, 3);
    now += (int64_t)random_below(&random, random_below(&random, 50) == 0 ? 20000 : 40);
    if (tell(pod, key, (uint64_t)step, now) == REASON_DUE)
      said[count++] = (struct saying){pod, key, now};
  }
  ck_assert_uint_gt(count, 1000); /* it is not kept from speaking either */
  assert_within_limits(said, count);
  free(said);
}
END_TEST

TCase *tcase_reason_book(void) {
  TCase *tcase = tcase_create("reason_book");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, the_same_is_said_once);
  tcase_add_test(tcase, a_pod_is_told_something_once_a_minute);
  tcase_add_test(tcase, nothing_is_looked_at_twice_while_nothing_changes);
  tcase_add_test(tcase, what_failed_is_said_again_after_its_minute);
  tcase_add_test(tcase, ten_a_second_two_hundred_a_minute);
  tcase_add_test(tcase, pods_that_are_gone_are_forgotten);
  tcase_add_test(tcase, memory_is_bounded);
  tcase_add_test(tcase, limits_hold_in_any_history);
  return tcase;
}

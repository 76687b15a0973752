/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses that can be ended. */
#include "slicegate/sys.h"
#include "tests/support/check_main.h"

TCase *tcase_rest(void);

START_TEST(lasts_as_long_as_it_was_told) {
  struct sys_rest rest;
  sys_rest_init(&rest);
  struct sys_mono before = sys_mono_now();
  ck_assert(sys_rest(&rest, 30));
  ck_assert_int_ge(sys_mono_us_between(before, sys_mono_now()), 30000);
  ck_assert(sys_rest(&rest, 0));
  sys_rest_done(&rest);
}
END_TEST

static void *end_it(void *ctx) {
  sys_rest_end(ctx);
  return NULL;
}

START_TEST(ends_at_once_and_for_good) {
  enum { LONG_MS = 3600000 };
  struct sys_rest rest;
  pthread_t thread;
  sys_rest_init(&rest);
  ck_assert_int_eq(pthread_create(&thread, NULL, end_it, &rest), 0);
  ck_assert(!sys_rest(&rest, LONG_MS));
  ck_assert(!sys_rest(&rest, LONG_MS));
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  sys_rest_done(&rest);
}
END_TEST

START_TEST(is_due_now_and_then) {
  struct sys_due due = {0};
  ck_assert(sys_is_due(&due, 3600000));
  ck_assert(!sys_is_due(&due, 3600000));
  ck_assert(sys_is_due(&due, 0));
  due = (struct sys_due){0};
  ck_assert(sys_is_due(&due, 3600000));
}
END_TEST

TCase *tcase_rest(void) {
  TCase *tcase = tcase_create("rest");
  tcase_add_test(tcase, lasts_as_long_as_it_was_told);
  tcase_add_test(tcase, ends_at_once_and_for_good);
  tcase_add_test(tcase, is_due_now_and_then);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/sys.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

TCase *tcase_signals(void);

/* The mask of the thread that runs the tests is put back, for tests that follow. */
static sigset_t mask_before;

static void setup(void) {
  struct err err;
  (void)pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
  ck_assert(sys_signals_setup(&err));
}

static void teardown(void) {
  (void)pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

START_TEST(signals_arrive_as_numbers) {
  ck_assert_int_eq(sys_signals_wait(0), 0);
  ck_assert_int_eq(kill(getpid(), numbers[_i]), 0);
  ck_assert_int_eq(sys_signals_wait(-1), numbers[_i]);
  ck_assert_int_eq(sys_signals_wait(0), 0);
}
END_TEST

static void *send_term(void *arg) {
  (void)kill(getpid(), SIGTERM);
  return arg;
}

START_TEST(a_signal_wakes_the_waiter) {
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, send_term, NULL), 0);
  ck_assert_int_eq(sys_signals_wait(20000), SIGTERM);
  (void)pthread_join(thread, NULL);
}
END_TEST

START_TEST(waiting_ends_after_its_time) {
  struct sys_mono before = sys_mono_now();
  ck_assert_int_eq(sys_signals_wait(20), 0);
  ck_assert_int_ge(sys_mono_us_between(before, sys_mono_now()), 20000);
}
END_TEST

START_TEST(a_broken_pipe_is_an_error_not_the_end) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  (void)close(ends[0]);
  ck_assert_int_eq(write(ends[1], "x", 1), -1);
  ck_assert_int_eq(errno, EPIPE);
  (void)close(ends[1]);
}
END_TEST

TCase *tcase_signals(void) {
  TCase *tc = tcase_create("signals");
  tcase_set_timeout(tc, 60);
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_loop_test(tc, signals_arrive_as_numbers, 0, (int)SG_ARRAY_LEN(numbers));
  tcase_add_test(tc, a_signal_wakes_the_waiter);
  tcase_add_test(tc, waiting_ends_after_its_time);
  tcase_add_test(tc, a_broken_pipe_is_an_error_not_the_end);
  return tc;
}

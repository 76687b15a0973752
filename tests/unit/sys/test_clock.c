/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/sys.h"

#include <check.h>

TCase *tcase_clock(void);

static const struct {
  const char *name;
  int64_t ns;
  const char *text;
} times[] = {
    {"the epoch", 0, "1970-01-01T00:00:00.000Z"},
    {"a leap day", 1709164800123456789, "2024-02-29T00:00:00.123Z"},
    {"a millisecond before the epoch", -1000000, "1969-12-31T23:59:59.999Z"},
    {"the last millisecond of a second", 999999999, "1970-01-01T00:00:00.999Z"},
};

START_TEST(civil_time_is_rfc3339) {
  char text[SYS_RFC3339_SIZE];
  sys_wall_format((struct sys_wall){times[_i].ns}, text);
  ck_assert_msg(strcmp(text, times[_i].text) == 0, "%s: got %s, wanted %s", times[_i].name, text,
                times[_i].text);
}
END_TEST

START_TEST(monotonic_time_does_not_go_back) {
  struct sys_mono a = sys_mono_now();
  struct sys_mono b = sys_mono_now();
  ck_assert_int_le(a.ns, b.ns);
  ck_assert_int_ge(sys_mono_us_between(a, b), 0);
  /* The coarse clock is the same clock, a tick behind at most (CONFIG_HZ 100: 10 ms). */
  struct sys_mono coarse = sys_mono_coarse();
  struct sys_mono after = sys_mono_now();
  ck_assert_int_le(coarse.ns, after.ns);
}
END_TEST

START_TEST(deadlines_saturate) {
  ck_assert_int_eq(sys_mono_add_ms((struct sys_mono){1}, 2).ns, 2000001);
  ck_assert_int_eq(sys_mono_add_ms((struct sys_mono){1}, INT64_MAX).ns, INT64_MAX);
}
END_TEST

TCase *tcase_clock(void) {
  TCase *tc = tcase_create("clock");
  tcase_add_loop_test(tc, civil_time_is_rfc3339, 0, (int)SG_ARRAY_LEN(times));
  tcase_add_test(tc, monotonic_time_does_not_go_back);
  tcase_add_test(tc, deadlines_saturate);
  return tc;
}

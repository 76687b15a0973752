/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_suite.h"

static const struct {
  const char *text;
  int64_t seconds; /* -1: none */
} rows[] = {
    {"72h", 259200},
    {"90m", 5400},
    {"45s", 45},
    {"7d", 604800},
    {"1h30m", 5400},
    {"1d2h3m4s", 93784},
    {"0", 0},
    {"0s", 0},
    {"36h0m", 129600},
    {"", -1},
    {"72", -1},
    {"h", -1},
    {"30m1h", -1},
    {"1h1h", -1},
    {"1.5h", -1},
    {"-1h", -1},
    {"+1h", -1},
    {"1 h", -1},
    {"1h ", -1},
    {"1w", -1},
    {"1H", -1},
    {"106751991167301d", -1},
    {"9223372036854775807s", INT64_MAX},
    {"9223372036854775808s", -1},
    {"1m9223372036854775807s", -1},
};

START_TEST(parses) {
  int64_t seconds = -1;
  bool is_duration = duration_parse(str_of(rows[_i].text), &seconds);
  ck_assert_msg(is_duration == (rows[_i].seconds >= 0), "\"%s\"", rows[_i].text);
  ck_assert_msg(seconds == rows[_i].seconds, "\"%s\" is %lld, expected %lld", rows[_i].text,
                (long long)seconds, (long long)rows[_i].seconds);
}
END_TEST

START_TEST(text_reads_back) {
  CLEANUP_ARENA struct arena *arena = arena_new(512);
  static const int64_t values[] = {0,     1,      59,     60,        61,      3599,     3600,
                                   86399, 259200, 604800, 315360000, 2678461, INT64_MAX};
  for (size_t i = 0; i < SG_ARRAY_LEN(values); i++) {
    int64_t back = -1;
    struct str text = duration_text(arena, values[i]);
    ck_assert_msg(duration_parse(text, &back) && back == values[i], "%lld is written \"%.*s\"",
                  (long long)values[i], STR_FMT(text));
  }
  ck_str_is(duration_text(arena, 259200), "72h");
  ck_str_is(duration_text(arena, 5400), "1h30m");
  ck_str_is(duration_text(arena, 604800), "7d");
}
END_TEST

TCase *case_duration(void) {
  TCase *tcase = tcase_create("duration");
  tcase_add_loop_test(tcase, parses, 0, SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, text_reads_back);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

#include <check.h>

TCase *tcase_err_mem(void);

START_TEST(wrap_keeps_code_and_position) {
  struct err err;
  ck_assert(!err_set_at(&err, ERR_LIMIT, 3, 7, "too %s", "deep"));
  ck_assert(!err_wrap(&err, "reading %s", "policy.yaml"));
  ck_assert_str_eq(err.text, "reading policy.yaml: too deep");
  ck_assert_int_eq(err.code, ERR_LIMIT);
  ck_assert_uint_eq(err.line, 3);
  ck_assert_uint_eq(err.column, 7);
}
END_TEST

START_TEST(texts_stay_one_bounded_line) {
  struct err err;
  char longer[2000];
  memset(longer, 'z', sizeof(longer) - 1);
  longer[5] = '\n';
  longer[sizeof(longer) - 1] = '\0';
  err_set(&err, ERR_INVALID, "%s", longer);
  ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
  ck_assert(str_ends_with(str_of(err.text), STR_LIT("...")));
  ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(arena_grows_resets_and_zeroes) {
  CLEANUP_ARENA struct arena *arena = arena_new(1);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 1; i < 3000; i += 37) {
      unsigned char *bytes = arena_alloc(arena, i);
      ck_assert_uint_eq((uintptr_t)bytes % 16, 0);
      for (size_t b = 0; b < i; b++)
        ck_assert_msg(bytes[b] == 0, "round %d: %zu bytes are not zeroed", round, i);
      memset(bytes, 0xff, i);
    }
    ck_assert_uint_gt(arena_used(arena), 100000);
    arena_reset(arena);
    ck_assert_uint_eq(arena_used(arena), 0);
  }
}
END_TEST

static const struct {
  const char *text;
  bool ok;
  int64_t value;
} numbers[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"42", true, 42},
    {"-42", true, -42},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"9223372036854775808", false, 0},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"+1", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"0x1", false, 0},
};

START_TEST(integers_parse_exactly) {
  int64_t value = 77;
  ck_assert_msg(i64_parse(str_of(numbers[_i].text), &value) == numbers[_i].ok, "\"%s\"",
                numbers[_i].text);
  ck_assert_int_eq(value, numbers[_i].ok ? numbers[_i].value : 77);
}
END_TEST

START_TEST(sums_and_products_saturate) {
  ck_assert_int_eq(i64_add_sat(INT64_MAX, 1), INT64_MAX);
  ck_assert_int_eq(i64_add_sat(INT64_MIN, -1), INT64_MIN);
  ck_assert_int_eq(i64_add_sat(-3, 5), 2);
  ck_assert_int_eq(i64_mul_sat(INT64_MAX, 2), INT64_MAX);
  ck_assert_int_eq(i64_mul_sat(INT64_MAX, -2), INT64_MIN);
  ck_assert_int_eq(i64_mul_sat(INT64_MIN, -1), INT64_MAX);
  ck_assert_int_eq(i64_mul_sat(-3, 5), -15);
}
END_TEST

TCase *tcase_err_mem(void) {
  TCase *tc = tcase_create("err, mem, integer");
  tcase_add_test(tc, wrap_keeps_code_and_position);
  tcase_add_test(tc, texts_stay_one_bounded_line);
  tcase_add_test(tc, arena_grows_resets_and_zeroes);
  tcase_add_loop_test(tc, integers_parse_exactly, 0, SG_ARRAY_LEN(numbers));
  tcase_add_test(tc, sums_and_products_saturate);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

#include <check.h>
#include <stdlib.h>

TCase *tcase_buf(void);

START_TEST(keeps_what_was_there_when_full) {
  CLEANUP_BUF struct buf buf;
  buf_init(&buf, 5);
  buf_append_cstr(&buf, "abc");
  ck_assert(!buf.truncated);
  buf_append_cstr(&buf, "def");
  ck_assert(buf.truncated);
  ck_assert_str_eq(buf.ptr, "abc");
  buf_append_char(&buf, 'x');
  ck_assert_msg(buf.len == 3, "an append after truncation must do nothing");
  buf_clear(&buf);
  buf_append_cstr(&buf, "12345");
  ck_assert(!buf.truncated);
  ck_assert_str_eq(buf.ptr, "12345");
}
END_TEST

START_TEST(formats_and_moves_out) {
  struct buf buf;
  buf_init(&buf, 100);
  buf_printf(&buf, "%s=%d", "a", 1);
  buf_printf(&buf, "%s", "");
  buf_append_str(&buf, STR_LIT(" b"));
  char *taken = buf_take(&buf);
  ck_assert_str_eq(taken, "a=1 b");
  ck_assert_ptr_null(buf.ptr);
  free(taken);
  taken = buf_take(&buf);
  ck_assert_str_eq(taken, "");
  free(taken);
  buf_done(&buf);
  buf_done(NULL);
}
END_TEST

START_TEST(base64_pads) {
  static const struct {
    const char *text, *coded;
  } rows[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"\xff\xfe\xfd\xfc", "//79/A=="}};
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    CLEANUP_BUF struct buf buf;
    buf_init(&buf, 100);
    buf_append_base64(&buf, str_of(rows[i].text));
    ck_assert_str_eq(buf.ptr ? buf.ptr : "", rows[i].coded);
  }
}
END_TEST

TCase *tcase_buf(void) {
  TCase *tc = tcase_create("buf");
  tcase_add_test(tc, keeps_what_was_there_when_full);
  tcase_add_test(tc, formats_and_moves_out);
  tcase_add_test(tc, base64_pads);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* JSON without trees, and lines. */
#include "src/kube/kube_internal.h"
#include "tests/unit/kube/fixture.h"

TCase *tcase_scan(void);

static const struct {
  const char *object, *key, *value; /* NULL: not there */
} members[] = {
    {"{\"a\":1,\"b\":\"x\"}", "b", "\"x\""},
    {" { \"a\" : { \"b\" : [1, {\"b\":2}] } , \"b\" : null } ", "b", "null"},
    {"{\"x\":\"\\\"b\\\":1,}\",\"b\":true}", "b", "true"},
    {"{\"x\":\"{[\",\"b\":[]}", "b", "[]"},
    {"{\"a\":\"b\"}", "b", NULL},
    {"{\"a\":{\"b\":1}}", "b", NULL},
    {"{\"a\" 1,\"b\":2}", "b", NULL},
    {"{\"a\":1;\"b\":2}", "b", NULL},
    {"[\"b\",1]", "b", NULL},
    {"", "b", NULL},
    {"{", "b", NULL},
    {"{\"b", "b", NULL},
    {"{\"b\"", "b", NULL},
    {"{\"b\":", "b", NULL},
    {"{\"b\":{\"c\":\"long", "b", "{\"c\":\"long"}, /* cut off: what there is */
};

START_TEST(finds_members) {
  struct str value;
  bool found = scan_member(str_of(members[_i].object), members[_i].key, &value);
  ck_assert_int_eq(found, members[_i].value != NULL);
  if (found)
    ck_assert_msg(str_is(value, members[_i].value), "%.*s", STR_FMT(value));
}
END_TEST

START_TEST(finds_texts) {
  static const char *const keys[] = {"metadata", "name", NULL};
  static const char *const wrong[] = {
      "{\"metadata\":{\"name\":7}}", "{\"metadata\":{\"name\":\"a\\u0062\"}}", "{\"metadata\":[]}",
      "{\"metadata\":{\"name\":\"a", "{\"metadata\":{\"nam\":\"a\"}}"};
  struct str value;
  ck_assert(scan_text_at(STR_LIT("{\"metadata\":{\"name\":\"a\"}}"), keys, &value));
  ck_assert(str_is(value, "a"));
  for (size_t i = 0; i < SG_ARRAY_LEN(wrong); i++)
    ck_assert_msg(!scan_text_at(str_of(wrong[i]), keys, &value), "%s", wrong[i]);
}
END_TEST

START_TEST(knows_closed_values) {
  static const char *const closed[] = {"{}", " {\"a\":\"}\"} ", "[[],{}]", "\"a\\\"\"", "12"};
  static const char *const open[] = {"", "{", "{\"a\":\"}", "[[]", "\"a", "{}{}", "{} x"};
  for (size_t i = 0; i < SG_ARRAY_LEN(closed); i++)
    ck_assert_msg(scan_is_closed(str_of(closed[i])), "%s", closed[i]);
  for (size_t i = 0; i < SG_ARRAY_LEN(open); i++)
    ck_assert_msg(!scan_is_closed(str_of(open[i])), "%s", open[i]);
}
END_TEST

/* ---- lines ------------------------------------------------------------------------------- */

static bool join(void *ctx, struct str line, bool is_cut, struct err *reterr) {
  buf_printf(ctx, "<%.*s%s>", STR_FMT(line), is_cut ? "~" : "");
  return !str_is(line, "stop") || err_set(reterr, ERR_INVALID, "stop");
}

/* The same lines wherever the text is cut in two. */
START_TEST(cuts_lines) {
  static const char text[] = "one\n\n  \r\nlonger than ten\nten bytes!\neleven byte\nrest";
  for (size_t at = 0; at < sizeof(text); at++) {
    struct lines lines;
    struct err err;
    CLEANUP_BUF struct buf out;
    buf_init(&out, 4096);
    lines_init(&lines, 10);
    ck_assert(lines_feed(&lines, (struct str){text, at}, join, &out, &err));
    ck_assert(lines_feed(&lines, (struct str){text + at, sizeof(text) - 1 - at}, join, &out, &err));
    ck_assert_str_eq(out.ptr, "<one><longer tha~><ten bytes!><eleven byt~>");
    ck_assert_uint_le(lines.line.cap, 4096);
    lines_done(&lines);
  }
}
END_TEST

START_TEST(lines_stop_when_told) {
  struct lines lines;
  struct err err = {0};
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  lines_init(&lines, 10);
  ck_assert(!lines_feed(&lines, STR_LIT("a\nstop\nb\n"), join, &out, &err));
  ck_assert_str_eq(out.ptr, "<a><stop>");
  lines_done(&lines);
}
END_TEST

TCase *tcase_scan(void) {
  TCase *tc = tcase_create("scan");
  tcase_add_loop_test(tc, finds_members, 0, (int)SG_ARRAY_LEN(members));
  tcase_add_test(tc, finds_texts);
  tcase_add_test(tc, knows_closed_values);
  tcase_add_test(tc, cuts_lines);
  tcase_add_test(tc, lines_stop_when_told);
  return tc;
}

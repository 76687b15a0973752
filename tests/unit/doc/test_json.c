/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/doc.h"

#include <check.h>

TCase *tcase_json(void);

static const struct {
  const char *name, *text;
  unsigned line, column; /* 0: it is valid */
  const char *says;
} texts[] = {
    {"an object", "{\"a\": [1, -2.5e+3, true, false, null, \"x\"]}", 0, 0, ""},
    {"white space around", " \t\r\n{}\n ", 0, 0, ""},
    {"an escape each", "\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00e9\"", 0, 0, ""},
    {"a surrogate pair", "\"\\ud83d\\ude00\"", 0, 0, ""},
    {"empty text", "", 1, 1, "the text ends where a value was expected"},
    {"a comma too many", "{\"a\": 1,\n \"b\": [1,]}", 2, 10, "']' where a value was expected"},
    {"no value", "{\"a\":}", 1, 6, "'}' where a value was expected"},
    {"no colon", "{\"a\" 1}", 1, 6, "'1' where ':' was expected"},
    {"single quotes", "{'a': 1}", 1, 2, "''' where a key in double quotes was expected"},
    {"two values", "1 2", 1, 3, "'2' where the end of the text was expected"},
    {"an open string", "\n\"abc", 2, 5, "the text ends where the closing '\"'"},
    {"a string ends in a backslash", "\"abc\\", 1, 6, "the text ends where the closing '\"'"},
    {"a control character", "\"a\tb\"", 1, 3, "a control character in a string"},
    {"an unknown escape", "\"ab\\x\"", 1, 4, "an escape that JSON does not have"},
    {"a short unicode escape", "\"\\u12\"", 1, 6, "where four hexadecimal digits was expected"},
    {"a lone low surrogate", "\"\\udc00\"", 1, 2, "a low surrogate without"},
    {"a lone high surrogate", "\"\\ud800x\"", 1, 2, "a high surrogate without"},
    {"a high surrogate twice", "\"\\ud800\\ud800\"", 1, 2, "a high surrogate without"},
    {"an overlong form", "\"\xc0\xaf\"", 1, 2, "bytes that are not UTF-8"},
    {"a coded surrogate", "\"\xed\xa0\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"a cut sequence", "\"\xe2\x82\"", 1, 2, "bytes that are not UTF-8"},
    {"beyond unicode", "\"\xf4\x90\x80\x80\"", 1, 2, "bytes that are not UTF-8"},
    {"a leading zero", "01", 1, 2, "'1' where the end of the text was expected"},
    {"a bare minus", "-", 1, 2, "the text ends where a digit was expected"},
    {"a point without digits", "1.", 1, 3, "the text ends where a digit was expected"},
    {"an exponent without digits", "1e+", 1, 4, "the text ends where a digit was expected"},
    {"a plus", "+1", 1, 1, "'+' where a value was expected"},
    {"a half word", "tru", 1, 1, "'t' where a value was expected"},
    {"NaN", "NaN", 1, 1, "'N' where a value was expected"},
    {"a byte order mark", "\xef\xbb\xbf{}", 1, 1, "byte 0xef where a value was expected"},
    {"an open list", "[1", 1, 3, "the text ends where ',' or ']' was expected"},
};

START_TEST(reads_and_refuses_as_rfc_8259) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct doc_node *root;
  struct err err = {0};
  bool ok = doc_parse_json(arena, str_of(texts[_i].text), &doc_limits_review, &root, &err);
  ck_assert_msg(ok == (texts[_i].line == 0), "%s: %s", texts[_i].name, ok ? "accepted" : err.text);
  if (ok)
    return;
  ck_assert_msg(err.line == texts[_i].line && err.column == texts[_i].column,
                "%s: at %u:%u, expected %u:%u (%s)", texts[_i].name, err.line, err.column,
                texts[_i].line, texts[_i].column, err.text);
  ck_assert_msg(strstr(err.text, texts[_i].says), "%s: \"%s\"", texts[_i].name, err.text);
  ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(strings_are_unescaped) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct doc_node *root;
  struct err err;
  ck_assert(doc_parse_json(arena, STR_LIT("[\"a\\u0041\\n\\ud83d\\ude00\xc3\xa9z\", \"\\u0000\"]"),
                           &doc_limits_review, &root, &err));
  ck_assert(str_is(doc_text(&root->items[0]), "aA\n\xf0\x9f\x98\x80\xc3\xa9z"));
  ck_assert_uint_eq(doc_text(&root->items[1]).len, 1);
}
END_TEST

START_TEST(the_last_of_equal_keys_counts) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct doc_node *root;
  struct err err;
  ck_assert(
      doc_parse_json(arena, STR_LIT("{\"a\":\"1\",\"a\":\"2\"}"), &doc_limits_review, &root, &err));
  ck_assert(str_is(doc_text_at(root, "a"), "2"));
}
END_TEST

START_TEST(limits_are_errors_with_a_position) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct doc_node *root;
  struct err err;
  struct doc_limits limits = {100, 3, 5};
  ck_assert(doc_parse_json(arena, STR_LIT("[[[1]]]"), &limits, &root, &err));
  ck_assert(!doc_parse_json(arena, STR_LIT("[[[[1]]]]"), &limits, &root, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  ck_assert_uint_eq(err.column, 4);
  ck_assert(!doc_parse_json(arena, STR_LIT("[1,2,3,4,5]"), &limits, &root, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  char large[101];
  memset(large, ' ', sizeof(large));
  ck_assert(!doc_parse_json(arena, (struct str){large, sizeof(large)}, &limits, &root, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(a_null_view_is_an_empty_text) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct doc_node *root;
  struct doc_stream stream;
  struct err err;
  struct str nothing = {NULL, 0};
  ck_assert(!doc_parse_json(arena, nothing, &doc_limits_review, &root, &err));
  ck_assert(doc_parse_manifest(arena, nothing, &doc_limits_review, &stream, &err));
  ck_assert_uint_eq(stream.count, 0);
}
END_TEST

START_TEST(manifests_take_json_values_in_a_row) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct doc_stream stream;
  struct err err;
  ck_assert(doc_parse_manifest(arena, STR_LIT("{\"a\":1}\n{\"b\":2}"), &doc_limits_review, &stream,
                               &err));
  ck_assert_uint_eq(stream.count, 2);
  ck_assert_uint_eq(doc_get_pair(stream.documents[1], STR_LIT("b"))->line, 2);
  ck_assert(doc_parse_manifest(arena, STR_LIT("{\"a\":1,\n\"b\":{\"x\":1,\"x\":2},\"a\":2}"),
                               &doc_limits_review, &stream, &err));
  ck_assert_uint_eq(stream.problem_count, 2);
  ck_assert_msg(str_is(stream.problems[0].message, "key \"x\" is there twice (first on line 2)"),
                "%.*s", STR_FMT(stream.problems[0].message));
  ck_assert_uint_eq(stream.problems[1].line, 2);
  /* Flow YAML begins with a brace too. */
  ck_assert(doc_parse_manifest(arena, STR_LIT("{a: 1}"), &doc_limits_review, &stream, &err));
  ck_assert_uint_eq(stream.count, 1);
  /* What began as JSON is explained as JSON. */
  ck_assert(!doc_parse_manifest(arena, STR_LIT("{\"a\": 1,\n\"b\": \"\\q\"}"), &doc_limits_review,
                                &stream, &err));
  ck_assert_uint_eq(err.line, 2);
  ck_assert_uint_eq(stream.count, 0);
  /* What stands before an error is handed out. */
  ck_assert(!doc_parse_manifest(arena, STR_LIT("{\"a\":1}\n{\"b\":2}\n{\"c\""), &doc_limits_review,
                                &stream, &err));
  ck_assert_uint_eq(stream.count, 2);
  ck_assert_uint_eq(err.line, 3);
  ck_assert(!doc_parse_manifest(arena, STR_LIT("{\"a\":1}\n---\nb: 1\n---\nc: [\n"),
                                &doc_limits_review, &stream, &err));
  ck_assert_uint_eq(stream.count, 2);
}
END_TEST

TCase *tcase_json(void) {
  TCase *tc = tcase_create("json");
  tcase_add_loop_test(tc, reads_and_refuses_as_rfc_8259, 0, SG_ARRAY_LEN(texts));
  tcase_add_test(tc, strings_are_unescaped);
  tcase_add_test(tc, the_last_of_equal_keys_counts);
  tcase_add_test(tc, limits_are_errors_with_a_position);
  tcase_add_test(tc, a_null_view_is_an_empty_text);
  tcase_add_test(tc, manifests_take_json_values_in_a_row);
  return tc;
}

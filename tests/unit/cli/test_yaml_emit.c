/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/doc.h"
#include "src/cli/webhook_config.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <stdlib.h>

/* What a tree becomes in YAML must be read as the same tree that its JSON is. */
static void assert_round_trip(json_t *root, const char *name) {
  CLEANUP_ARENA struct arena *arena = arena_new(65536);
  CLEANUP_BUF struct buf yaml;
  struct err err = {0};
  struct doc_stream stream;
  const struct doc_node *json;
  buf_init(&yaml, 1 << 20);
  ck_assert_msg(yaml_emit(root, &yaml, &err), "%s: %s", name, err.text);
  char *text = json_dumps(root, 0);
  ck_assert_msg(doc_parse_yaml(arena, buf_str(&yaml), &doc_limits_review, &stream, &err),
                "%s: %s\n%s", name, err.text, yaml.ptr);
  ck_assert_uint_eq(stream.count, 1);
  ck_assert_uint_eq(stream.problem_count, 0);
  ck_assert_msg(doc_parse_json(arena, str_of(text), &doc_limits_review, &json, &err), "%s",
                err.text);
  ck_assert_msg(doc_equal(stream.documents[0], json), "%s:\n%s\n%s", name, yaml.ptr, text);
  free(text);
}

static const char *const strings[] = {
    "",
    "a",
    "yes",
    "No",
    "ON",
    "off",
    "true",
    "FALSE",
    "null",
    "~",
    "Null",
    "y",
    "n",
    "1",
    "1.0",
    "0x1f",
    "0o17",
    "1e3",
    ".5",
    ".inf",
    "-",
    "- a",
    "a: b",
    "a:b",
    ": a",
    "#a",
    "a #b",
    "a#b",
    "*",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "'a'",
    "\"a\"",
    "[a",
    "{a",
    "a]",
    "a, b",
    " a",
    "a ",
    "a\nb",
    "a\nb\n",
    "a\n\nb",
    " a\nb",
    "a \nb",
    "\na",
    "a\tb",
    "? a",
    "|",
    ">",
    "---",
    "...",
    "=",
    "<<",
    "12:30",
    "2026-01-01",
    "\303\251",
    "caf\303\251: x",
    "/validate",
    "https://a:1/b",
    "a\\b",
    "a\rb",
    "_1",
    "1_000",
};

START_TEST(strings_stay_strings) {
  json_t *root = json_object();
  json_t *list = json_array();
  json_object_set_new(root, "value", json_string(strings[_i]));
  json_array_append_new(list, json_string(strings[_i]));
  json_object_set_new(root, "list", list);
  json_object_set_new(root, strings[_i], json_string("as a key"));
  assert_round_trip(root, strings[_i]);
  json_decref(root);
}
END_TEST

START_TEST(shapes_stay_shapes) {
  static const char *const texts[] = {
      "{}",
      "{\"a\": [], \"b\": {}, \"c\": null, \"d\": true, \"e\": false, \"f\": -3}",
      "{\"a\": [[1, 2], [], [{}]], \"b\": [{\"c\": [{\"d\": \"e\"}]}]}",
      "{\"a\": [\"short\", \"words\"], \"b\": [\"a list that is too long\", \"for one line\"]}",
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(texts); i++) {
    json_t *root = json_loads(texts[i], 0, NULL);
    ck_assert_ptr_nonnull(root);
    assert_round_trip(root, texts[i]);
    json_decref(root);
  }
}
END_TEST

START_TEST(long_lines_are_not_folded) {
  char text[1000];
  memset(text, 'x', sizeof(text) - 1);
  for (size_t i = 7; i < sizeof(text) - 1; i += 8)
    text[i] = ' ';
  text[sizeof(text) - 1] = '\0';
  json_t *root = json_object();
  json_object_set_new(root, "a", json_string(text));
  assert_round_trip(root, "long");
  json_decref(root);
}
END_TEST

START_TEST(numbers_with_fractions_are_refused) {
  json_t *root = json_object();
  CLEANUP_BUF struct buf out;
  struct err err = {0};
  buf_init(&out, 4096);
  json_object_set_new(root, "a", json_real(0.5));
  ck_assert(!yaml_emit(root, &out, &err));
  ck_assert_int_eq(err.code, ERR_INTERNAL);
  json_decref(root);
}
END_TEST

TCase *tcase_yaml_emit(void) {
  TCase *tcase = tcase_create("yaml emit");
  tcase_add_loop_test(tcase, strings_stay_strings, 0, SG_ARRAY_LEN(strings));
  tcase_add_test(tcase, shapes_stay_shapes);
  tcase_add_test(tcase, long_lines_are_not_folded);
  tcase_add_test(tcase, numbers_with_fractions_are_refused);
  return tcase;
}

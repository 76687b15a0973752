/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/doc.h"

#include <check.h>

TCase *tcase_tree(void);

static const char manifest[] = "metadata:\n"
                               "  labels:\n"
                               "    a.b/c: d\n"
                               "spec:\n"
                               "  containers:\n"
                               "  - name: one\n"
                               "  - name: two\n"
                               "    resources:\n"
                               "      limits:\n"
                               "        nvidia.com/gpu: 1\n";

static const struct {
  const char *path;
  unsigned line, column;
  bool found;
} places[] = {
    {"metadata.labels[a.b/c]", 3, 5, true},
    {"metadata.labels[x]", 2, 3, false},
    {"metadata.annotations[x]", 1, 1, false},
    {"spec.containers", 5, 3, true},
    {"spec.containers[0]", 6, 5, true},
    {"spec.containers[1].resources.limits[nvidia.com/gpu]", 10, 9, true},
    {"spec.containers[1].resources.requests[nvidia.com/gpu]", 8, 5, false},
    {"spec.containers[7].name", 5, 3, false},
    {"spec.containers[-1]", 5, 3, false},
    {"status", 1, 1, false},
    {"", 1, 1, true},
    {"spec[", 4, 1, false},
};

START_TEST(locate_finds_the_field_or_its_nearest_parent) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct doc_stream stream;
  struct err err;
  ck_assert(doc_parse_yaml(arena, str_of(manifest), &doc_limits_review, &stream, &err));
  uint32_t line, column;
  bool found;
  doc_locate(stream.documents[0], str_of(places[_i].path), &line, &column, &found);
  ck_assert_msg(line == places[_i].line && column == places[_i].column && found == places[_i].found,
                "%s: %u:%u %s", places[_i].path, line, column, found ? "found" : "not found");
}
END_TEST

START_TEST(readers_accept_null_and_wrong_kinds) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct doc_node *root;
  struct err err;
  int64_t number = 5;
  ck_assert(doc_parse_json(arena, STR_LIT("{\"a\": 1.5, \"b\": [1], \"c\": true, \"d\": 7}"),
                           &doc_limits_review, &root, &err));
  ck_assert_ptr_null(doc_get_lit(NULL, "a"));
  ck_assert_ptr_null(doc_get_lit(doc_get_lit(root, "b"), "a"));
  ck_assert(!doc_int(doc_get_lit(root, "a"), &number));
  ck_assert(!doc_int(NULL, &number));
  ck_assert_int_eq(number, 5);
  ck_assert(doc_int(doc_get_lit(root, "d"), &number));
  ck_assert_int_eq(number, 7);
  ck_assert_uint_eq(doc_text(doc_get_lit(root, "a")).len, 0);
  ck_assert(doc_is_true(doc_get_lit(root, "c")));
  ck_assert(!doc_is_true(NULL));
  ck_assert_str_eq(doc_kind_name(NULL), "nothing");
}
END_TEST

static const struct {
  const char *a, *b;
  bool equal;
} pairs[] = {
    {"{\"a\":1,\"b\":[1,\"x\"]}", "{\"b\":[1,\"x\"],\"a\":1}", true},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
    {"{\"a\":1}", "{\"b\":1}", false},
    {"[1,2]", "[2,1]", false},
    {"\"1\"", "1", false},
    {"null", "null", true},
    {"true", "false", false},
};

START_TEST(equality_is_by_value) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct doc_node *a, *b;
  struct err err;
  ck_assert(doc_parse_json(arena, str_of(pairs[_i].a), &doc_limits_review, &a, &err));
  ck_assert(doc_parse_json(arena, str_of(pairs[_i].b), &doc_limits_review, &b, &err));
  ck_assert_msg(doc_equal(a, b) == pairs[_i].equal, "%s and %s", pairs[_i].a, pairs[_i].b);
  ck_assert(doc_equal(b, a) == pairs[_i].equal);
}
END_TEST

TCase *tcase_tree(void) {
  TCase *tc = tcase_create("tree");
  tcase_add_loop_test(tc, locate_finds_the_field_or_its_nearest_parent, 0, SG_ARRAY_LEN(places));
  tcase_add_test(tc, readers_accept_null_and_wrong_kinds);
  tcase_add_loop_test(tc, equality_is_by_value, 0, SG_ARRAY_LEN(pairs));
  return tc;
}

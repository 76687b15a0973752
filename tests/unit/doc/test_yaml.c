/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/doc.h"

#include <check.h>

TCase *tcase_yaml(void);

static struct arena *arena;

static void set_up(void) {
  arena = arena_new(0);
}

static void tear_down(void) {
  arena_free(arena);
}

static struct doc_stream parse(const char *text) {
  struct doc_stream stream;
  struct err err;
  ck_assert_msg(doc_parse_yaml(arena, str_of(text), &doc_limits_policy, &stream, &err), "%u:%u: %s",
                err.line, err.column, err.text);
  return stream;
}

static const struct {
  const char *text;
  enum doc_kind kind;
} scalars[] = {
    {"1", DOC_NUMBER},     {"-1.5", DOC_NUMBER},  {"1e3", DOC_NUMBER},
    {"0x1F", DOC_NUMBER},  {"1_000", DOC_NUMBER}, {".5", DOC_NUMBER},
    {".inf", DOC_NUMBER},  {"1000m", DOC_STRING}, {"64Gi", DOC_STRING},
    {"yes", DOC_BOOL},     {"Off", DOC_BOOL},     {"true", DOC_BOOL},
    {"~", DOC_NULL},       {"null", DOC_NULL},    {"", DOC_NULL},
    {"\"1\"", DOC_STRING}, {"'yes'", DOC_STRING}, {"!!str 1", DOC_STRING},
    {"1.2.3", DOC_STRING}, {"1e", DOC_STRING},    {"-x", DOC_STRING},
    {"12:30", DOC_STRING}, {"0x", DOC_STRING},    {"nvidia.com/gpu", DOC_STRING},
};

START_TEST(scalars_resolve_as_in_kubernetes) {
  struct str text = str_printf(arena, "a: %s", scalars[_i].text);
  const struct doc_node *node = doc_get_lit(parse(text.ptr).documents[0], "a");
  ck_assert_msg(node->kind == scalars[_i].kind, "\"%s\" is %s", scalars[_i].text,
                doc_kind_name(node));
}
END_TEST

/* What kubectl sends for it: sigs.k8s.io/yaml. */
static const struct {
  const char *text, *number; /* NULL: a string */
} numbers[] = {
    {"1", "1"},
    {"+1", "1"},
    {"-1", "-1"},
    {"-0", "0"},
    {"0", "0"},
    {"0x1", "1"},
    {"0X1f", "31"},
    {"-0x10", "-16"},
    {"0b11", "3"},
    {"0B11", "3"},
    {"-0b11", "-3"},
    {"0o7", "7"},
    {"0O17", "15"},
    {"010", "8"},
    {"-010", "-8"},
    {"00", "0"},
    {"1_000", "1000"},
    {"0x_f", "15"},
    {"1_", "1"},
    {"08", "08"},
    {"1_0.5", "10.5"},
    {".5", ".5"},
    {"1e3", "1e3"},
    {"+1.5", "+1.5"},
    {"0b12", NULL},
    {"0o8", NULL},
    {"0xg", NULL},
    {"_1", NULL},
    {"_", NULL},
    {"+", NULL},
    {"1__x", NULL},
    {"0b", NULL},
    {"+-1", NULL},
    {".", NULL},
    {"\"010\"", NULL},
    {"!!str 010", NULL},
    {"2026-11-21", NULL},
    {"9223372036854775807", "9223372036854775807"},
    {"18446744073709551615", "18446744073709551615"},
    {"18446744073709551616", "18446744073709551616"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"0xffffffffffffffff", "18446744073709551615"},
    {"0x10000000000000000", NULL},
};

START_TEST(integers_get_their_decimal_text) {
  struct str text = str_printf(arena, "a: %s", numbers[_i].text);
  const struct doc_node *node = doc_get_lit(parse(text.ptr).documents[0], "a");
  ck_assert_msg(node->kind == (numbers[_i].number ? DOC_NUMBER : DOC_STRING), "\"%s\" is %s",
                numbers[_i].text, doc_kind_name(node));
  if (numbers[_i].number)
    ck_assert_msg(str_is(node->text, numbers[_i].number), "\"%s\" reads %.*s", numbers[_i].text,
                  STR_FMT(node->text));
}
END_TEST

START_TEST(every_node_knows_its_place) {
  struct doc_stream stream = parse("# a comment\na:\n  b: [1, {c: x}]\n");
  const struct doc_pair *b = doc_get_pair(doc_get_lit(stream.documents[0], "a"), STR_LIT("b"));
  ck_assert_uint_eq(b->line, 3);
  ck_assert_uint_eq(b->column, 3);
  ck_assert_uint_eq(b->value.column, 6);
  const struct doc_pair *c = doc_get_pair(&b->value.items[1], STR_LIT("c"));
  ck_assert_uint_eq(c->column, 11);
  ck_assert_uint_eq(c->value.column, 14);
}
END_TEST

START_TEST(documents_are_split_and_empty_ones_dropped) {
  struct doc_stream stream = parse("---\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n");
  ck_assert_uint_eq(stream.count, 2);
  ck_assert(doc_get_lit(stream.documents[1], "b"));
}
END_TEST

START_TEST(duplicate_keys_are_noted_with_both_lines) {
  struct doc_stream stream = parse("a: 1\nb: {x: 1, y: 2, x: 3}\na: 4\n");
  ck_assert_uint_eq(stream.problem_count, 2);
  ck_assert_uint_eq(stream.problems[0].line, 2);
  ck_assert_uint_eq(stream.problems[0].column, 17);
  ck_assert(str_is(stream.problems[1].message, "key \"a\" is there twice (first on line 1)"));
  ck_assert(str_is(doc_get_lit(stream.documents[0], "a")->text, "4"));
}
END_TEST

START_TEST(aliases_and_merges_resolve) {
  struct doc_stream stream =
      parse("base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nown: {<<: [*b, *m], x: 9}\nsame: *b\n");
  const struct doc_node *own = doc_get_lit(stream.documents[0], "own");
  ck_assert(str_is(doc_get_lit(own, "x")->text, "9"));
  ck_assert_msg(str_is(doc_get_lit(own, "y")->text, "2"), "the earlier mapping wins");
  ck_assert(str_is(doc_get_lit(own, "z")->text, "4"));
  ck_assert(doc_equal(doc_get_lit(stream.documents[0], "same"),
                      doc_get_lit(stream.documents[0], "base")));
  ck_assert_uint_eq(stream.problem_count, 0);
}
END_TEST

static const struct {
  const char *name, *text;
  unsigned line;
  enum err_code code;
} wrong[] = {
    {"a tab as indentation", "a:\n\tb: 1\n", 2, ERR_INVALID},
    {"an open bracket", "a: [1, 2\n", 2, ERR_INVALID},
    {"an alias to nothing", "a: *b\n", 1, ERR_INVALID},
    {"an alias inside itself", "a: &a [*a]\n", 1, ERR_INVALID},
    {"a mapping as key", "{a: 1}: 2\n", 1, ERR_INVALID},
    {"a merge of a scalar", "a: {<<: 1}\n", 1, ERR_INVALID},
    {"bytes that are not UTF-8", "a: \xff\n", 1, ERR_INVALID},
    {"a billion laughs",
     "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
     "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
     "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
     5, ERR_LIMIT},
    {"nested too deeply",
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, ERR_LIMIT},
};

START_TEST(what_is_wrong_is_said_with_its_line) {
  struct doc_stream stream;
  struct err err;
  ck_assert_msg(!doc_parse_yaml(arena, str_of(wrong[_i].text), &doc_limits_policy, &stream, &err),
                "%s: accepted", wrong[_i].name);
  ck_assert_msg(err.code == wrong[_i].code && err.line == wrong[_i].line, "%s: %u:%u: %s",
                wrong[_i].name, err.line, err.column, err.text);
}
END_TEST

static const struct {
  const char *name, *text;
  size_t count; /* documents that are handed out */
} halves[] = {
    {"an error in the first document", "a: [\n---\nb: 1\n", 0},
    {"an error in the second", "a: 1\n---\nb: [\n", 1},
    {"a tab in the second", "a: 1\n---\n\tb: 1\n", 1},
    {"an error in the third", "a: 1\n---\nb: 1\n---\n}\n---\nc: 1\n", 2},
    {"something behind the value", "a: 1\n---\n[b] c\n", 1},
    {"a value that ends before its document", "[b] c\n", 0},
    {"an alias to nothing", "a: &x 1\n---\nb: *x\n", 1},
    {"a template", "a: 1\n---\n{{ .Values.b }}\n", 1},
};

START_TEST(what_stands_before_an_error_is_handed_out) {
  struct doc_stream stream;
  struct err err;
  ck_assert_msg(!doc_parse_yaml(arena, str_of(halves[_i].text), &doc_limits_policy, &stream, &err),
                "%s: accepted", halves[_i].name);
  ck_assert_msg(stream.count == halves[_i].count, "%s: %zu documents", halves[_i].name,
                stream.count);
  if (stream.count && stream.documents[0]->kind == DOC_MAPPING)
    ck_assert(doc_get_lit(stream.documents[0], "a"));
}
END_TEST

TCase *tcase_yaml(void) {
  TCase *tc = tcase_create("yaml");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, scalars_resolve_as_in_kubernetes, 0, SG_ARRAY_LEN(scalars));
  tcase_add_loop_test(tc, integers_get_their_decimal_text, 0, SG_ARRAY_LEN(numbers));
  tcase_add_test(tc, every_node_knows_its_place);
  tcase_add_test(tc, documents_are_split_and_empty_ones_dropped);
  tcase_add_test(tc, duplicate_keys_are_noted_with_both_lines);
  tcase_add_test(tc, aliases_and_merges_resolve);
  tcase_add_loop_test(tc, what_is_wrong_is_said_with_its_line, 0, SG_ARRAY_LEN(wrong));
  tcase_add_loop_test(tc, what_stands_before_an_error_is_handed_out, 0, SG_ARRAY_LEN(halves));
  return tc;
}

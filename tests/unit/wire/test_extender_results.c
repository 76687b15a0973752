/* SPDX-License-Identifier: Apache-2.0 */
/* What an extender answers: exactly these bytes. */
#include "slicegate/wire.h"
#include "src/wire/json_text.h"

#include <check.h>
#include <jansson.h>

TCase *tcase_extender_results(void);

static struct buf out;

static void set_up(void) {
  buf_init(&out, 1 << 20);
}

static void tear_down(void) {
  buf_done(&out);
}

START_TEST(a_filter_result_of_names) {
  static const struct str names[] = {{"a", 1}, {"b\"\\", 3}};
  static const struct wire_node_reason failed[] = {{{"c", 1}, {"no GPU free", 11}},
                                                   {{"d", 1}, {"a\nb\x01", 4}}};
  static const struct wire_node_reason unresolvable[] = {{{"e", 1}, {"no such GPU", 11}}};
  const struct wire_filter_result result = {.node_names = names,
                                            .node_count = 2,
                                            .failed = failed,
                                            .failed_count = 2,
                                            .unresolvable = unresolvable,
                                            .unresolvable_count = 1};
  wire_filter_result_write(&result, &out);
  ck_assert_str_eq(out.ptr,
                   "{\"Nodes\":null,\"NodeNames\":[\"a\",\"b\\\"\\\\\"],\"FailedNodes\":{\"c\":"
                   "\"no GPU free\",\"d\":\"a\\nb\\u0001\"},\"FailedAndUnresolvableNodes\":"
                   "{\"e\":\"no such GPU\"},\"Error\":\"\"}");
}
END_TEST

START_TEST(a_filter_result_of_whole_nodes) {
  static const struct str names[] = {{"a", 1}};
  static const struct str nodes[] = {{"{\"metadata\":{\"name\":\"a\"}}", 25},
                                     {"{\"metadata\":{\"name\":\"b\"}}", 25}};
  const struct wire_filter_result result = {.node_names = names, .nodes = nodes, .node_count = 2};
  wire_filter_result_write(&result, &out);
  ck_assert_str_eq(out.ptr,
                   "{\"Nodes\":{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"a\"}},"
                   "{\"metadata\":{\"name\":\"b\"}}]},\"NodeNames\":null,\"FailedNodes\":"
                   "{},\"FailedAndUnresolvableNodes\":{},\"Error\":\"\"}");
}
END_TEST

START_TEST(a_filter_result_that_is_empty_or_an_error) {
  const struct wire_filter_result result = {.error = STR_LIT("Pod: is missing")};
  wire_filter_result_write(&result, &out);
  ck_assert_str_eq(out.ptr, "{\"Nodes\":null,\"NodeNames\":[],\"FailedNodes\":{},"
                            "\"FailedAndUnresolvableNodes\":{},\"Error\":\"Pod: is missing\"}");
}
END_TEST

START_TEST(scores) {
  static const struct wire_host_score list[] = {
      {{"a", 1}, 10}, {{"b", 1}, 0}, {{"c", 1}, -9223372036854775807 - 1}};
  wire_host_scores_write(list, 3, &out);
  ck_assert_str_eq(out.ptr, "[{\"Host\":\"a\",\"Score\":10},{\"Host\":\"b\",\"Score\":0},"
                            "{\"Host\":\"c\",\"Score\":-9223372036854775808}]");
  buf_clear(&out);
  wire_host_scores_write(NULL, 0, &out);
  ck_assert_str_eq(out.ptr, "[]");
}
END_TEST

START_TEST(a_binding_result) {
  wire_binding_result_write((struct str){NULL, 0}, &out);
  ck_assert_str_eq(out.ptr, "{\"Error\":\"\"}");
  buf_clear(&out);
  wire_binding_result_write(STR_LIT("the \"node\" is full"), &out);
  ck_assert_str_eq(out.ptr, "{\"Error\":\"the \\\"node\\\" is full\"}");
}
END_TEST

START_TEST(a_preemption_result) {
  static const struct str uids[] = {{"u1", 2}, {"u2", 2}};
  const struct wire_victims nodes[] = {
      {.node = STR_LIT("a"), .uids = uids, .uid_count = 2, .pdb_violations = 1},
      {.node = STR_LIT("b")}};
  wire_preemption_result_write(nodes, 2, &out);
  ck_assert_str_eq(out.ptr,
                   "{\"NodeNameToMetaVictims\":{\"a\":{\"Pods\":[{\"UID\":\"u1\"},{\"UID\":"
                   "\"u2\"}],\"NumPDBViolations\":1},\"b\":{\"Pods\":[],"
                   "\"NumPDBViolations\":0}}}");
  buf_clear(&out);
  wire_preemption_result_write(NULL, 0, &out);
  ck_assert_str_eq(out.ptr, "{\"NodeNameToMetaVictims\":{}}");
}
END_TEST

/* A buffer that is full keeps what it has, whole. */
START_TEST(a_full_buffer_is_said) {
  struct buf small;
  const struct wire_filter_result result = {.error = STR_LIT("long")};
  buf_init(&small, 20);
  wire_filter_result_write(&result, &small);
  ck_assert(small.truncated && small.len <= 20);
  buf_done(&small);
}
END_TEST

/* ---- strings ------------------------------------------------------------------------------ */

static const struct {
  struct str text;
  const char *written;
} texts[] = {
    {{NULL, 0}, "\"\""},
    {{"plain", 5}, "\"plain\""},
    {{"\b\f\n\r\t\"\\/", 8}, "\"\\b\\f\\n\\r\\t\\\"\\\\/\""},
    {{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\x7f\""},
    {{"12345678\xc3\xa9 90", 13}, "\"12345678\xc3\xa9 90\""},
    {{"\xff\xc3x\xed\xa0\x80", 6}, "\"??x???\""},
    {{"1234567\xf0\x9f\x98\x80\xf0\x9f", 13}, "\"1234567\xf0\x9f\x98\x80??\""},
};

START_TEST(strings_are_escaped) {
  wire_json_append_text(&out, texts[_i].text);
  ck_assert_str_eq(out.ptr, texts[_i].written);
  /* And back again, by another's reader, where nothing was replaced. */
  json_t *back = json_loads(out.ptr, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  ck_assert_ptr_nonnull(back);
  if (!strchr(out.ptr, '?')) {
    ck_assert_uint_eq(json_string_length(back), texts[_i].text.len);
    ck_assert(texts[_i].text.len == 0 ||
              memcmp(json_string_value(back), texts[_i].text.ptr, texts[_i].text.len) == 0);
  }
  json_decref(back);
}
END_TEST

/* Every byte, at every place of a word, with every neighbour that could borrow from it. */
START_TEST(the_plain_part_of_a_text_is_found) {
  unsigned char bytes[24];
  for (size_t at = 0; at < sizeof(bytes); at++)
    for (unsigned c = 0; c < 256; c++)
      for (unsigned next = 0; next < 256; next += next < 0x22 ? 1 : 13) {
        memset(bytes, 'a', sizeof(bytes));
        bytes[at] = (unsigned char)c;
        if (at + 1 < sizeof(bytes))
          bytes[at + 1] = (unsigned char)next;
        size_t plain = 0;
        while (plain < sizeof(bytes) && bytes[plain] >= 0x20 && bytes[plain] < 0x80 &&
               bytes[plain] != '"' && bytes[plain] != '\\')
          plain++;
        ck_assert_uint_eq(wire_json_plain_len((struct str){(char *)bytes, sizeof(bytes)}), plain);
      }
}
END_TEST

TCase *tcase_extender_results(void) {
  TCase *tc = tcase_create("extender_results");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, a_filter_result_of_names);
  tcase_add_test(tc, a_filter_result_of_whole_nodes);
  tcase_add_test(tc, a_filter_result_that_is_empty_or_an_error);
  tcase_add_test(tc, scores);
  tcase_add_test(tc, a_binding_result);
  tcase_add_test(tc, a_preemption_result);
  tcase_add_test(tc, a_full_buffer_is_said);
  tcase_add_loop_test(tc, strings_are_escaped, 0, SG_ARRAY_LEN(texts));
  tcase_add_test(tc, the_plain_part_of_a_text_is_found);
  return tc;
}

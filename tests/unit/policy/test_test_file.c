/* SPDX-License-Identifier: Apache-2.0 */
/* Rules-plus-cases files. */
#include "policy_suite.h"

static const char right[] = "apiVersion: slicegate.dev/v1alpha1\n"
                            "kind: GPUPolicyTest\n"
                            "policy: policy.yaml\n"
                            "cluster: cluster.json\n"
                            "now: 2026-01-01T00:00:00Z\n"
                            "cases:\n"
                            "- name: a fractional GPU is refused\n"
                            "  object: {kind: Pod}\n"
                            "  oldObject: {kind: Pod}\n"
                            "  user: alice\n"
                            "  groups: [a, b]\n"
                            "  namespaceLabels: {tier: free, empty: \"\"}\n"
                            "  expect: {verdict: deny, rules: [spot, gpu-limits, spot], message: "
                            "whole}\n"
                            "- name: b\n"
                            "  file: pod.yaml\n"
                            "  expect: {verdict: allow}\n";

START_TEST(a_right_file) {
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct policy_test test;
  struct policy_errors errors;
  ck_assert(policy_test_read(str_of(right), arena, &test, &errors));
  ck_str_is(test.policy_file, "policy.yaml");
  ck_str_is(test.cluster_file, "cluster.json");
  ck_str_is(test.now, "2026-01-01T00:00:00Z");
  ck_assert_uint_eq(test.now_line, 5);
  ck_assert_uint_eq(test.now_column, 6);
  ck_assert_uint_eq(test.case_count, 2);
  const struct policy_case *first = &test.cases[0], *second = &test.cases[1];
  ck_assert_uint_eq(first->line, 7);
  ck_assert_ptr_nonnull(first->object);
  ck_assert_ptr_nonnull(first->old_object);
  ck_assert(first->is_user_known);
  ck_str_is(first->groups.items[1], "b");
  ck_assert_uint_eq(first->namespace_label_count, 2);
  ck_assert(first->verdict == SEVERITY_DENY);
  ck_assert(first->has_rules);
  ck_assert_uint_eq(first->rule_count, 2);
  ck_assert(first->rules[0] == RULE_GPU_LIMITS && first->rules[1] == RULE_SPOT);
  ck_str_is(first->message, "whole");
  ck_str_is(second->object_file, "pod.yaml");
  ck_assert(!second->is_user_known && !second->has_rules && !second->has_namespace_labels);
  ck_assert(second->verdict == SEVERITY_OFF);
}
END_TEST

START_TEST(mistakes_have_places) {
  static const struct {
    const char *text, *error;
  } rows[] = {
      {"", "t:1:1: the file is empty, expected a GPUPolicyTest\n"},
      {"kind: GPUPolicy\napiVersion: slicegate.dev/v1alpha1\ncases: []\n",
       "t:1:7: kind: expected GPUPolicyTest\n"
       "t:3:8: cases: is empty, expected a list of cases\n"},
      {"apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicyTest\ncases:\n"
       "- {name: a, object: {a: b}, file: b, expect: {verdict: denyy, rules: [gpu-limit]}}\n"
       "- {expect: {}}\n",
       "t:4:3: cases[0]: has both object and file, expected exactly one of object and file\n"
       "t:4:56: cases[0].expect.verdict: is \"denyy\", did you mean \"deny\"? Expected deny, "
       "warn or allow\n"
       "t:4:71: cases[0].expect.rules[0]: is \"gpu-limit\", did you mean \"gpu-limits\"?\n"
       "t:5:3: cases[1]: key \"name\" is missing, expected what the case shows, such as \"a "
       "fractional GPU is refused\"\n"
       "t:5:3: cases[1]: has neither object nor file, expected exactly one of object and file\n"
       "t:5:12: cases[1].expect: is empty, expected a mapping such as {verdict: deny, rules: "
       "[gpu-limits]}\n"},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    CLEANUP_ARENA struct arena *arena = arena_new(1024);
    CLEANUP_BUF struct buf out;
    buf_init(&out, 1 << 16);
    struct policy_test test;
    struct policy_errors errors;
    ck_assert(!policy_test_read(str_of(rows[i].text), arena, &test, &errors));
    for (size_t k = 0; k < errors.count; k++)
      policy_error_print(&out, STR_LIT("t"), (struct str){NULL, 0}, &errors.items[k]);
    ck_assert_msg(str_is(buf_str(&out), rows[i].error), "row %zu:\n%s", i, out.ptr);
  }
}
END_TEST

TCase *case_test_file(void) {
  TCase *tcase = tcase_create("test files");
  tcase_add_test(tcase, a_right_file);
  tcase_add_test(tcase, mistakes_have_places);
  return tcase;
}

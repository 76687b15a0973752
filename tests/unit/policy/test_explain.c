/* SPDX-License-Identifier: Apache-2.0 */
/* What `policy explain` prints; docs/policy.md holds it. */
#include "policy_suite.h"

#include <stdio.h>
#include <stdlib.h>

#define BEGIN "<!-- begin: slicegate policy explain -->\n```text\n"
#define END "```\n<!-- end: slicegate policy explain -->\n"

static void explain(const char *topic, const struct policy_view *view, struct buf *out) {
  struct err err;
  buf_init(out, 1 << 20);
  ck_assert_msg(policy_explain(str_of(topic), view, out, &err), "%s", err.text);
}

START_TEST(the_reference_is_what_explain_prints) {
  CLEANUP_BUF struct buf out;
  explain("", NULL, &out);
  char *page = read_text("docs/policy.md");
  char *begin = strstr(page, BEGIN), *end = strstr(page, END);
  ck_assert_msg(begin && end && begin < end, "docs/policy.md has no generated part");
  CLEANUP_BUF struct buf made;
  buf_init(&made, 1 << 20);
  buf_append(&made, page, (size_t)(begin - page) + strlen(BEGIN));
  buf_append_str(&made, buf_str(&out));
  buf_append_cstr(&made, end);
  bool is_equal = golden_equal("docs/policy.md", made.ptr);
  free(page);
  ck_assert_msg(is_equal, "docs/policy.md is out of date: make golden");
}
END_TEST

START_TEST(lines_are_80_columns_wide) {
  CLEANUP_POLICY struct policy *policy = policy_builtin();
  CLEANUP_BUF struct buf out;
  explain("", policy_get(policy), &out);
  struct str rest = buf_str(&out);
  while (rest.len) {
    size_t length = str_find_char(rest, '\n');
    ck_assert_msg(length <= 80, "%.*s", (int)length, rest.ptr);
    ck_assert_msg(length == 0 || rest.ptr[length - 1] != ' ', "ends in a space: %.*s", (int)length,
                  rest.ptr);
    rest = str_skip(rest, length + (length < rest.len));
  }
}
END_TEST

START_TEST(every_name_is_mentioned) {
  CLEANUP_BUF struct buf out;
  explain("", NULL, &out);
  for (int rule = 0; rule < RULE_COUNT; rule++)
    ck_assert_msg(strstr(out.ptr, rule_name((enum rule_id)rule)) != NULL, "%s",
                  rule_name((enum rule_id)rule));
  for (int id = 0; id < PARAM_COUNT; id++) {
    char line[64];
    snprintf(line, sizeof(line), "\n    %s ", policy_param_info((enum param_id)id)->key);
    ck_assert_msg(strstr(out.ptr, line) != NULL, "%s", line);
  }
  ck_assert_ptr_nonnull(strstr(out.ptr, "podServiceAccounts"));
  ck_assert_ptr_nonnull(strstr(out.ptr, "failureStance"));
}
END_TEST

START_TEST(one_rule_with_what_holds_here) {
  CLEANUP_POLICY struct policy *policy =
      must_read_spec("  rules: {lifetime: {severity: warn, maximum: {dev: 72h, \"*\": 30d}}}\n"
                     "  overrides:\n"
                     "  - name: research\n"
                     "    match: {namespaces: [research]}\n"
                     "    rules: {lifetime: {severity: deny, default: 4h}}\n");
  CLEANUP_BUF struct buf out;
  explain("lifetime", policy_get(policy), &out);
  static const char *const parts[] = {
      "here: warn, default: off\n",
      "      here: {dev: 72h, \"*\": 30d}\n",
      "      default: {}\n",
      "  override research: severity deny, default 4h\n",
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(parts); i++)
    ck_assert_msg(strstr(out.ptr, parts[i]) != NULL, "\"%s\" is not in\n%s", parts[i], out.ptr);
  ck_assert_ptr_null(strstr(out.ptr, "gpu-limits"));
}
END_TEST

START_TEST(unknown_rules_name_the_nearest) {
  static const struct {
    const char *topic, *text;
  } rows[] = {
      {"lifetme", "there is no rule \"lifetme\", did you mean \"lifetime\"?"},
      {"gpu-limit", "there is no rule \"gpu-limit\", did you mean \"gpu-limits\"?"},
      {"mach", "there is no rule \"mach\", did you mean \"match\"?"},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    CLEANUP_BUF struct buf out;
    buf_init(&out, 1 << 20);
    struct err err = {0};
    ck_assert(!policy_explain(str_of(rows[i].topic), NULL, &out, &err));
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
    ck_assert_str_eq(err.text, rows[i].text);
    ck_assert_uint_eq(out.len, 0);
  }
}
END_TEST

/* Every default is printed as it could be written in a policy. */
START_TEST(printed_values_can_be_read_back) {
  for (int id = 0; id < PARAM_COUNT; id++) {
    const struct param_info *info = policy_param_info((enum param_id)id);
    CLEANUP_BUF struct buf spec;
    buf_init(&spec, 1 << 16);
    if (info->type == PARAM_LABELS)
      continue; /* {}: the rule could not be on */
    buf_printf(&spec, "  rules: {%s: {severity: %s, %s: %s}}\n", rule_name(info->rule), "warn",
               info->key, info->default_text);
    CLEANUP_POLICY struct policy *policy = must_read_spec(spec.ptr);
    ck_assert(policy_get(policy)->params[id].is_set);
  }
}
END_TEST

TCase *case_explain(void) {
  TCase *tcase = tcase_create("explain");
  tcase_add_test(tcase, the_reference_is_what_explain_prints);
  tcase_add_test(tcase, lines_are_80_columns_wide);
  tcase_add_test(tcase, every_name_is_mentioned);
  tcase_add_test(tcase, one_rule_with_what_holds_here);
  tcase_add_test(tcase, unknown_rules_name_the_nearest);
  tcase_add_test(tcase, printed_values_can_be_read_back);
  return tcase;
}

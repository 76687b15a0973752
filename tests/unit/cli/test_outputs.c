/* SPDX-License-Identifier: Apache-2.0 */
/* What outputs do with texts that their formats do not like; the rest is golden. */
#include "src/cli/check.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <jansson.h>
#include <stdlib.h>

static struct check_report report;
static const struct output_options plain = {0};

static struct check_object *add_object(const char *file, enum severity severity,
                                       const char *message) {
  struct check_finding *found = arena_alloc(report.arena, sizeof(*found));
  struct check_object *object = check_report_add(&report, check_report_text(&report, str_of(file)));
  *found =
      (struct check_finding){.finding = {.rule = RULE_GPU_LIMITS,
                                         .severity = severity,
                                         .field = STR_LIT("spec.a[b/c]"),
                                         .message = check_report_text(&report, str_of(message)),
                                         .remedy = STR_LIT("write 1")},
                             .line = 3,
                             .column = 5};
  object->api_version = STR_LIT("v1");
  object->kind = STR_LIT("Pod");
  object->ns = STR_LIT("team");
  object->name = STR_LIT("x");
  object->line = 1;
  object->column = 1;
  object->worst = severity;
  object->findings = found;
  object->finding_count = 1;
  report.denied += severity == SEVERITY_DENY;
  report.warned += severity == SEVERITY_WARN;
  return object;
}

static char *written(output_fn *output, const struct output_options *options) {
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  output(&report, options, file);
  ck_assert_int_eq(fclose(file), 0);
  return text;
}

static json_t *parsed(output_fn *output) {
  char *text = written(output, &plain);
  json_error_t error;
  json_t *root = json_loads(text, 0, &error);
  ck_assert_msg(root != NULL, "%s\n%s", error.text, text);
  free(text);
  return root;
}

static void setup(void) {
  check_report_init(&report);
}

static void teardown(void) {
  check_report_done(&report);
}

/* ---- texts -------------------------------------------------------------------------------- */

static const struct {
  const char *text, *expected;
} texts[] = {
    {"plain", "plain"},
    {"a\tb\nc\rd\177", "a?b?c?d?"},
    {"\303\251\342\202\254\360\237\230\200", "\303\251\342\202\254\360\237\230\200"},
    {"\302\233", "?"},            /* a C1 control */
    {"\377\376", "??"},           /* no UTF-8 */
    {"\300\200", "??"},           /* overlong */
    {"\355\240\200", "???"},      /* a surrogate */
    {"\364\220\200\200", "????"}, /* beyond Unicode */
    {"\342\202", "??"},           /* cut short */
    {"x\342\202", "x??"},
};

START_TEST(texts_are_made_fit_to_print) {
  struct str made = check_report_text(&report, str_of(texts[_i].text));
  ck_assert_str_eq(made.ptr, texts[_i].expected);
}
END_TEST

/* ---- json ---------------------------------------------------------------------------------- */

START_TEST(json_keeps_its_contract) {
  static const char *const keys[] = {"file", "line",      "column",  "apiVersion",
                                     "kind", "namespace", "name",    "field",
                                     "rule", "severity",  "message", "remedy"};
  static const char *const counts[] = {"objects", "denied", "warned", "skipped"};
  add_object("a.yaml", SEVERITY_DENY, "wrong");
  json_t *root = parsed(output_json);
  ck_assert_uint_eq(json_object_size(root), 2);
  json_t *results = json_object_get(root, "results"), *summary = json_object_get(root, "summary");
  ck_assert_uint_eq(json_array_size(results), 1);
  json_t *row = json_array_get(results, 0);
  ck_assert_uint_eq(json_object_size(row), SG_ARRAY_LEN(keys));
  for (size_t i = 0; i < SG_ARRAY_LEN(keys); i++)
    ck_assert_msg(json_object_get(row, keys[i]) != NULL, "%s", keys[i]);
  ck_assert_uint_eq(json_object_size(summary), SG_ARRAY_LEN(counts));
  for (size_t i = 0; i < SG_ARRAY_LEN(counts); i++)
    ck_assert(json_is_integer(json_object_get(summary, counts[i])));
  ck_assert_int_eq(json_integer_value(json_object_get(row, "line")), 3);
  ck_assert_str_eq(json_string_value(json_object_get(row, "rule")), "gpu-limits");
  ck_assert_str_eq(json_string_value(json_object_get(row, "severity")), "deny");
  json_decref(root);
}
END_TEST

START_TEST(json_of_nothing_has_empty_lists) {
  json_t *root = parsed(output_json);
  ck_assert(json_is_array(json_object_get(root, "results")));
  ck_assert_ptr_null(json_object_get(root, "errors"));
  json_decref(root);
}
END_TEST

START_TEST(json_names_unusable_inputs) {
  check_report_problem(&report, STR_LIT("b.yaml"), 2, 7, STR_LIT("broken"));
  json_t *root = parsed(output_json);
  json_t *row = json_array_get(json_object_get(root, "errors"), 0);
  ck_assert_str_eq(json_string_value(json_object_get(row, "file")), "b.yaml");
  ck_assert_int_eq(json_integer_value(json_object_get(row, "line")), 2);
  ck_assert_str_eq(json_string_value(json_object_get(row, "message")), "broken");
  json_decref(root);
}
END_TEST

/* ---- github --------------------------------------------------------------------------------- */

START_TEST(github_escapes_what_ends_a_property) {
  add_object("a,b:c%.yaml", SEVERITY_WARN, "50% of it, or: less");
  char *text = written(output_github, &plain);
  assert_contains(text, "::warning file=a%2Cb%3Ac%25.yaml,line=3,col=5,"
                        "title=gpu-limits%3A Pod team/x::spec.a[b/c]: 50%25 of it, or: "
                        "less%0Awrite 1\n");
  free(text);
}
END_TEST

START_TEST(github_has_a_level_for_each_severity) {
  add_object("a", SEVERITY_DENY, "m");
  add_object("a", SEVERITY_WARN, "m");
  add_object("a", SEVERITY_AUDIT, "m");
  check_report_problem(&report, STR_LIT("b"), 0, 0, STR_LIT("gone"));
  char *text = written(output_github, &plain);
  assert_contains(text, "::error file=a,");
  assert_contains(text, "::warning file=a,");
  assert_contains(text, "::notice file=a,");
  assert_contains(text, "::error file=b,title=unusable input::gone\n");
  free(text);
}
END_TEST

/* ---- junit ------------------------------------------------------------------------------------
 */

START_TEST(junit_escapes_markup) {
  add_object("a<b>&\"c\".yaml", SEVERITY_DENY, "x < y && \"z\" \357\277\277");
  char *text = written(output_junit, &plain);
  assert_contains(text, "name=\"a&lt;b&gt;&amp;&quot;c&quot;.yaml\"");
  assert_contains(text, "message=\"x &lt; y &amp;&amp; &quot;z&quot; ?\"");
  free(text);
}
END_TEST

START_TEST(junit_counts_what_fails) {
  const struct output_options strict = {.is_strict = true};
  add_object("a", SEVERITY_DENY, "m");
  add_object("a", SEVERITY_WARN, "m");
  check_report_add(&report, STR_LIT("b"))->state = CHECK_SKIPPED;
  check_report_problem(&report, STR_LIT("c"), 1, 1, STR_LIT("broken"));
  char *text = written(output_junit, &plain);
  assert_contains(text, "<testsuites name=\"slicegate\" tests=\"4\" failures=\"1\" errors=\"1\" "
                        "skipped=\"1\"");
  assert_contains(text, "<testsuite name=\"a\" tests=\"2\" failures=\"1\"");
  assert_contains(text, "<testsuite name=\"c\" tests=\"1\" failures=\"0\" errors=\"1\"");
  assert_contains(text, "<system-out>");
  free(text);
  text = written(output_junit, &strict);
  assert_contains(text, "failures=\"2\"");
  assert_lacks(text, "<system-out>");
  free(text);
}
END_TEST

/* ---- sarif ------------------------------------------------------------------------------------
 */

START_TEST(sarif_has_what_its_schema_requires) {
  add_object("dir/a b%.yaml", SEVERITY_DENY, "m");
  check_report_problem(&report, STR_LIT("c"), 2, 1, STR_LIT("broken"));
  json_t *root = parsed(output_sarif);
  ck_assert_str_eq(json_string_value(json_object_get(root, "version")), "2.1.0");
  json_t *run = json_array_get(json_object_get(root, "runs"), 0);
  json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
  ck_assert_str_eq(json_string_value(json_object_get(driver, "name")), "slicegate");
  json_t *rules = json_object_get(driver, "rules");
  ck_assert_uint_eq(json_array_size(rules), RULE_COUNT);
  json_t *result = json_array_get(json_object_get(run, "results"), 0);
  ck_assert_str_eq(json_string_value(json_object_get(result, "level")), "error");
  size_t index = (size_t)json_integer_value(json_object_get(result, "ruleIndex"));
  const char *rule = json_string_value(json_object_get(json_array_get(rules, index), "id"));
  ck_assert_str_eq(rule, json_string_value(json_object_get(result, "ruleId")));
  json_t *location = json_array_get(json_object_get(result, "locations"), 0);
  json_t *physical = json_object_get(location, "physicalLocation");
  json_t *artifact = json_object_get(physical, "artifactLocation");
  ck_assert_str_eq(json_string_value(json_object_get(artifact, "uri")), "dir/a%20b%25.yaml");
  json_t *region = json_object_get(physical, "region");
  ck_assert_int_eq(json_integer_value(json_object_get(region, "startLine")), 3);
  json_t *invocation = json_array_get(json_object_get(run, "invocations"), 0);
  ck_assert(json_is_false(json_object_get(invocation, "executionSuccessful")));
  ck_assert_uint_eq(json_array_size(json_object_get(invocation, "toolExecutionNotifications")), 1);
  json_decref(root);
}
END_TEST

/* ---- text ---------------------------------------------------------------------------------------
 */

START_TEST(colour_only_when_asked_for) {
  const struct output_options coloured = {.has_colour = true};
  add_object("a", SEVERITY_DENY, "m");
  char *text = written(output_text, &plain);
  assert_lacks(text, "\033");
  free(text);
  text = written(output_text, &coloured);
  assert_contains(text, "\033[1;31mdeny\033[0m");
  free(text);
}
END_TEST

START_TEST(each_finding_begins_with_its_place) {
  add_object("dir/a.yaml", SEVERITY_DENY, "is wrong");
  char *text = written(output_text, &plain);
  assert_contains(text, "\ndir/a.yaml:3:5: deny [gpu-limits] spec.a[b/c]: is wrong\n"
                        "    fix: write 1\n");
  free(text);
}
END_TEST

START_TEST(notes_are_kept_once) {
  check_report_note(&report, STR_LIT("a"));
  check_report_note(&report, STR_LIT("b"));
  check_report_note(&report, STR_LIT("a"));
  ck_assert_uint_eq(report.note_count, 2);
}
END_TEST

TCase *tcase_outputs(void) {
  TCase *tcase = tcase_create("outputs");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, texts_are_made_fit_to_print, 0, SG_ARRAY_LEN(texts));
  tcase_add_test(tcase, json_keeps_its_contract);
  tcase_add_test(tcase, json_of_nothing_has_empty_lists);
  tcase_add_test(tcase, json_names_unusable_inputs);
  tcase_add_test(tcase, github_escapes_what_ends_a_property);
  tcase_add_test(tcase, github_has_a_level_for_each_severity);
  tcase_add_test(tcase, junit_escapes_markup);
  tcase_add_test(tcase, junit_counts_what_fails);
  tcase_add_test(tcase, sarif_has_what_its_schema_requires);
  tcase_add_test(tcase, colour_only_when_asked_for);
  tcase_add_test(tcase, each_finding_begins_with_its_place);
  tcase_add_test(tcase, notes_are_kept_once);
  return tcase;
}

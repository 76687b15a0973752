/* SPDX-License-Identifier: Apache-2.0 */
/* For programs: one row a finding. The keys are a contract; they may grow, never change. */
#include "src/cli/output_json.h"

#include "src/cli/check.h"

json_t *output_json_text(struct str text) {
  return json_stringn(text.len ? text.ptr : "", text.len);
}

void output_json_set_count(json_t *object, const char *key, uint64_t count) {
  json_object_set_new(object, key, json_integer((json_int_t)count));
}

json_t *output_json_groups(const struct explain_group *groups, size_t count) {
  json_t *list = json_array();
  for (size_t g = 0; g < count; g++) {
    const struct explain_group *group = &groups[g];
    json_t *row = json_object(), *examples = json_array();
    json_object_set_new(row, "reason", output_json_text(group->reason));
    output_json_set_count(row, "nodes", group->node_count);
    output_json_set_count(row, "free_devices", (uint64_t)group->devices_left);
    for (size_t e = 0; e < group->node_count && e < EXPLAIN_EXAMPLES; e++)
      json_array_append_new(examples, output_json_text(group->examples[e]));
    json_object_set_new(row, "examples", examples);
    json_array_append_new(list, row);
  }
  return list;
}

enum { LAYOUT = JSON_INDENT(2) };

void output_json_write(const json_t *value, FILE *out) {
  (void)json_dumpf(value, out, LAYOUT);
  (void)fputc('\n', out);
}

static int append(const char *bytes, size_t len, void *ctx) {
  buf_append(ctx, bytes, len);
  return 0;
}

void output_json_append(const json_t *value, struct buf *out) {
  (void)json_dump_callback(value, append, out, LAYOUT);
  buf_append_char(out, '\n');
}

static json_t *result_json(const struct check_object *object, const struct check_finding *found) {
  json_t *row = json_object();
  json_object_set_new(row, "file", output_json_text(object->file));
  json_object_set_new(row, "line", json_integer(found->line));
  json_object_set_new(row, "column", json_integer(found->column));
  json_object_set_new(row, "apiVersion", output_json_text(object->api_version));
  json_object_set_new(row, "kind", output_json_text(object->kind));
  json_object_set_new(row, "namespace", output_json_text(object->ns));
  json_object_set_new(row, "name", output_json_text(object->name));
  json_object_set_new(row, "field", output_json_text(found->finding.field));
  json_object_set_new(row, "rule", json_string(rule_name(found->finding.rule)));
  json_object_set_new(row, "severity", json_string(severity_name(found->finding.severity)));
  json_object_set_new(row, "message", output_json_text(found->finding.message));
  json_object_set_new(row, "remedy", output_json_text(found->finding.remedy));
  return row;
}

/* There only when an input could not be used, with exit code 2. */
static json_t *errors_json(const struct check_report *report) {
  json_t *errors = json_array();
  for (size_t i = 0; i < report->problem_count; i++) {
    const struct check_problem *problem = &report->problems[i];
    json_t *row = json_object();
    json_object_set_new(row, "file", output_json_text(problem->file));
    json_object_set_new(row, "line", json_integer(problem->line));
    json_object_set_new(row, "column", json_integer(problem->column));
    json_object_set_new(row, "message", output_json_text(problem->message));
    json_array_append_new(errors, row);
  }
  return errors;
}

void output_json(const struct check_report *report, const struct output_options *options,
                 FILE *out) {
  (void)options;
  json_t *results = json_array();
  for (size_t i = 0; i < report->object_count; i++) {
    const struct check_object *object = &report->objects[i];
    for (size_t f = 0; f < object->finding_count; f++)
      json_array_append_new(results, result_json(object, &object->findings[f]));
  }
  json_t *summary = json_object();
  json_object_set_new(summary, "objects", json_integer((json_int_t)report->object_count));
  json_object_set_new(summary, "denied", json_integer((json_int_t)report->denied));
  json_object_set_new(summary, "warned", json_integer((json_int_t)report->warned));
  json_object_set_new(summary, "skipped", json_integer((json_int_t)report->skipped));
  json_t *root = json_object();
  json_object_set_new(root, "results", results);
  if (report->problem_count)
    json_object_set_new(root, "errors", errors_json(report));
  json_object_set_new(root, "summary", summary);
  output_json_write(root, out);
  json_decref(root);
}

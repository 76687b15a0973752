/* SPDX-License-Identifier: Apache-2.0 */
/* SARIF 2.1.0 (OASIS), as code scanning services take it. */
#include "src/cli/check.h"
#include "src/cli/output_json.h"

#include "slicegate/policy.h"

static json_t *text_json(struct str text) {
  json_t *message = json_object();
  json_object_set_new(message, "text", output_json_text(text));
  return message;
}

static const char *level_of(enum severity severity) {
  if (severity == SEVERITY_DENY)
    return "error";
  return severity == SEVERITY_WARN ? "warning" : "note";
}

/* Every rule, whether it found something or not: ruleIndex is then the rule's own number. */
static json_t *rules_json(void) {
  json_t *rules = json_array();
  for (int id = 0; id < RULE_COUNT; id++) {
    const struct rule_info *info = policy_rule_info((enum rule_id)id);
    json_t *rule = json_object();
    json_object_set_new(rule, "id", json_string(rule_name(info->id)));
    json_object_set_new(rule, "shortDescription", text_json(str_of(info->holds)));
    json_object_set_new(rule, "fullDescription", text_json(str_of(info->reason)));
    CLEANUP_BUF struct buf help;
    buf_init(&help, 4096);
    buf_printf(&help, "%s %s", info->holds, info->reason);
    if (info->offline)
      buf_printf(&help, " %s", info->offline);
    json_object_set_new(rule, "help", text_json(buf_str(&help)));
    json_t *configuration = json_object();
    json_object_set_new(configuration, "level",
                        json_string(info->built_in ? level_of(info->built_in) : "none"));
    json_object_set_new(rule, "defaultConfiguration", configuration);
    json_array_append_new(rules, rule);
  }
  return rules;
}

/* A path as a relative URI reference (RFC 3986): everything but unreserved characters and
 * the slash is percent-encoded. */
static json_t *uri_json(struct str path) {
  CLEANUP_BUF struct buf uri;
  buf_init(&uri, 16384);
  for (size_t i = 0; i < path.len; i++) {
    unsigned char c = (unsigned char)path.ptr[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        strchr("-._~/", c))
      buf_append_char(&uri, (char)c);
    else
      buf_printf(&uri, "%%%02X", (unsigned)c);
  }
  return output_json_text(buf_str(&uri));
}

static json_t *location_json(struct str file, uint32_t line, uint32_t column) {
  json_t *artifact = json_object();
  json_object_set_new(artifact, "uri", uri_json(file));
  json_t *physical = json_object();
  json_object_set_new(physical, "artifactLocation", artifact);
  if (line) {
    json_t *region = json_object();
    json_object_set_new(region, "startLine", json_integer(line));
    json_object_set_new(region, "startColumn", json_integer(column));
    json_object_set_new(physical, "region", region);
  }
  json_t *location = json_object();
  json_object_set_new(location, "physicalLocation", physical);
  return location;
}

static json_t *logical_json(const struct check_object *object, const struct finding *finding,
                            struct arena *arena) {
  struct str name = output_object_name(arena, object);
  json_t *logical = json_object();
  json_object_set_new(
      logical, "fullyQualifiedName",
      output_json_text(str_printf(arena, "%.*s%s%.*s", STR_FMT(name), finding->field.len ? " " : "",
                                  STR_FMT(finding->field))));
  json_object_set_new(logical, "kind", json_string("object"));
  json_t *list = json_array();
  json_array_append_new(list, logical);
  return list;
}

static json_t *result_json(const struct check_object *object, const struct check_finding *found,
                           struct arena *arena) {
  const struct finding *finding = &found->finding;
  json_t *result = json_object();
  json_object_set_new(result, "ruleId", json_string(rule_name(finding->rule)));
  json_object_set_new(result, "ruleIndex", json_integer(finding->rule));
  json_object_set_new(result, "level", json_string(level_of(finding->severity)));
  struct str text = str_printf(arena, "%.*s%s%.*s%s%.*s", STR_FMT(finding->field),
                               finding->field.len ? ": " : "", STR_FMT(finding->message),
                               finding->remedy.len ? "; " : "", STR_FMT(finding->remedy));
  json_object_set_new(result, "message", text_json(text));
  json_t *location = location_json(object->file, found->line, found->column);
  json_object_set_new(location, "logicalLocations", logical_json(object, finding, arena));
  json_t *locations = json_array();
  json_array_append_new(locations, location);
  json_object_set_new(result, "locations", locations);
  return result;
}

/* Unusable inputs are no results of a rule but news of the run itself. */
static json_t *invocations_json(const struct check_report *report) {
  json_t *invocation = json_object();
  json_object_set_new(invocation, "executionSuccessful", json_boolean(report->problem_count == 0));
  if (report->problem_count) {
    json_t *notifications = json_array();
    for (size_t i = 0; i < report->problem_count; i++) {
      const struct check_problem *problem = &report->problems[i];
      json_t *notification = json_object();
      json_t *locations = json_array();
      json_object_set_new(notification, "level", json_string("error"));
      json_object_set_new(notification, "message", text_json(problem->message));
      json_array_append_new(locations,
                            location_json(problem->file, problem->line, problem->column));
      json_object_set_new(notification, "locations", locations);
      json_array_append_new(notifications, notification);
    }
    json_object_set_new(invocation, "toolExecutionNotifications", notifications);
  }
  json_t *list = json_array();
  json_array_append_new(list, invocation);
  return list;
}

static json_t *tool_json(void) {
  json_t *driver = json_object();
  json_object_set_new(driver, "name", json_string("slicegate"));
  json_object_set_new(driver, "version", json_string(SLICEGATE_VERSION));
  json_object_set_new(driver, "semanticVersion", json_string(SLICEGATE_VERSION));
  json_object_set_new(driver, "rules", rules_json());
  json_t *tool = json_object();
  json_object_set_new(tool, "driver", driver);
  return tool;
}

void output_sarif(const struct check_report *report, const struct output_options *options,
                  FILE *out) {
  (void)options;
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  json_t *results = json_array();
  for (size_t i = 0; i < report->object_count; i++) {
    const struct check_object *object = &report->objects[i];
    for (size_t f = 0; f < object->finding_count; f++)
      json_array_append_new(results, result_json(object, &object->findings[f], arena));
    arena_reset(arena);
  }
  json_t *run = json_object();
  json_object_set_new(run, "tool", tool_json());
  json_object_set_new(run, "columnKind", json_string("unicodeCodePoints"));
  json_object_set_new(run, "invocations", invocations_json(report));
  json_object_set_new(run, "results", results);
  json_t *runs = json_array();
  json_array_append_new(runs, run);
  json_t *root = json_object();
  json_object_set_new(root, "$schema",
                      json_string("https://json.schemastore.org/sarif-2.1.0.json"));
  json_object_set_new(root, "version", json_string("2.1.0"));
  json_object_set_new(root, "runs", runs);
  output_json_write(root, out);
  json_decref(root);
}

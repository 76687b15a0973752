/* SPDX-License-Identifier: Apache-2.0 */
/* The answer for programs. The keys are a contract; they may grow, never change. */
#include "src/cli/explain_cmd.h"
#include "src/cli/output_json.h"
#include "src/cli/what_if.h"

static void set_text(json_t *object, const char *key, struct str text) {
  json_object_set_new(object, key, text.len ? output_json_text(text) : json_null());
}

static json_t *tolerations_json(const struct explain_change *change) {
  json_t *list = json_array();
  for (size_t i = 0; i < change->toleration_count; i++) {
    const struct toleration *toleration = &change->tolerations[i];
    json_t *row = json_object();
    json_object_set_new(row, "key", output_json_text(toleration->key));
    json_object_set_new(row, "operator", json_string(toleration->is_exists ? "Exists" : "Equal"));
    if (!toleration->is_exists)
      json_object_set_new(row, "value", output_json_text(toleration->value));
    bool is_execute = toleration->effect == EFFECT_NO_EXECUTE;
    json_object_set_new(row, "effect", json_string(is_execute ? "NoExecute" : "NoSchedule"));
    json_array_append_new(list, row);
  }
  return list;
}

static json_t *pods_json(const struct cluster *cluster, const struct explain_change *change) {
  json_t *list = json_array();
  for (size_t i = 0; i < change->pod_count; i++) {
    const struct pod *pod = &cluster->pods[change->pods[i]];
    json_t *row = json_object();
    json_object_set_new(row, "namespace", output_json_text(pod->ns));
    json_object_set_new(row, "name", output_json_text(pod->name));
    json_object_set_new(row, "node", output_json_text(pod->constraints.node_name));
    if (change->kind == EXPLAIN_MOVE)
      json_object_set_new(row, "to", output_json_text(cluster->nodes[change->to[i]].name));
    json_array_append_new(list, row);
  }
  return list;
}

/* What the pod would ask for then. */
static void set_amounts(struct arena *arena, const struct explain_change *change, json_t *row) {
  json_t *resources = json_object();
  if (change->resource.len)
    output_json_set_count(resources, str_copy(arena, change->resource).ptr,
                          (uint64_t)change->count);
  if (change->cpu_milli > 0)
    json_object_set_new(resources, "cpu",
                        output_json_text(str_printf(arena, "%lldm", (long long)change->cpu_milli)));
  if (change->mem_bytes > 0)
    json_object_set_new(resources, "memory",
                        output_json_text(str_printf(arena, "%lld", (long long)change->mem_bytes)));
  json_object_set_new(row, "resources", resources);
}

static json_t *change_json(struct arena *arena, const struct cluster *cluster,
                           const struct explain_change *change) {
  json_t *row = json_object();
  json_object_set_new(row, "kind", json_string(explain_change_name(change->kind)));
  json_object_set_new(row, "text", output_json_text(change->text));
  json_object_set_new(row, "node", output_json_text(cluster->nodes[change->node].name));
  output_json_set_count(row, "nodes", change->node_count);
  if (change->kind == EXPLAIN_TOLERATE)
    json_object_set_new(row, "tolerations", tolerations_json(change));
  if (change->resource.len || change->kind == EXPLAIN_LESS_HOST)
    set_amounts(arena, change, row);
  if (change->dropped.len)
    json_object_set_new(row, "field", output_json_text(change->dropped));
  if (change->pod_count)
    json_object_set_new(row, "pods", pods_json(cluster, change));
  return row;
}

static json_t *findings_json(const struct explain_answer *answer) {
  json_t *list = json_array();
  for (size_t i = 0; i < answer->finding_count; i++) {
    const struct finding *finding = &answer->findings[i];
    json_t *row = json_object();
    json_object_set_new(row, "rule", json_string(rule_name(finding->rule)));
    json_object_set_new(row, "severity", json_string(severity_name(finding->severity)));
    json_object_set_new(row, "field", output_json_text(finding->field));
    json_object_set_new(row, "message", output_json_text(finding->message));
    json_object_set_new(row, "remedy", output_json_text(finding->remedy));
    json_array_append_new(list, row);
  }
  return list;
}

static json_t *devices_json(struct arena *arena, const struct explain_answer *answer) {
  json_t *list = json_array();
  for (size_t i = 0; i < answer->device_count; i++) {
    const struct explain_device *device = &answer->devices[i];
    json_t *row = json_object();
    set_text(row, "id", str_printable(arena, device->id, SIZE_MAX));
    json_object_set_new(row, "index",
                        device->index < 0 ? json_null() : json_integer(device->index));
    json_object_set_new(row, "is_predicted", json_boolean(answer->are_devices_predicted));
    json_array_append_new(list, row);
  }
  return list;
}

static json_t *item_json(struct arena *arena, const struct explain_report *report,
                         const struct explain_item *item) {
  enum { LINE_MAX_BYTES = 1024 };
  const struct explain_answer *answer = &item->answer;
  json_t *row = json_object(), *nodes = json_object(), *changes = json_array();
  json_t *also = json_array();
  json_object_set_new(row, "kind", output_json_text(item->kind));
  json_object_set_new(row, "namespace", output_json_text(answer->pod->ns));
  json_object_set_new(row, "name", output_json_text(answer->pod->name));
  json_object_set_new(row, "template", output_json_text(item->template_path));
  output_json_set_count(row, "replicas", (uint64_t)item->replicas);
  json_object_set_new(row, "requests", what_if_requests_json(arena, answer->pod));
  json_object_set_new(row, "state", json_string(explain_state_name(answer->state)));
  set_text(row, "why", str_printable(arena, answer->why, SIZE_MAX));
  set_text(row, "node", answer->node);
  json_object_set_new(row, "devices", devices_json(arena, answer));
  set_text(row, "summary", explain_reason_line(answer, arena, LINE_MAX_BYTES));
  json_object_set_new(row, "findings", findings_json(answer));
  json_object_set_new(row, "is_judged", json_boolean(answer->is_judged));
  output_json_set_count(nodes, "all", answer->node_count);
  output_json_set_count(nodes, "fit", answer->fit_count);
  output_json_set_count(nodes, "unreadable", answer->unreadable_count);
  json_object_set_new(row, "nodes", nodes);
  json_object_set_new(row, "reasons", output_json_groups(answer->groups, answer->group_count));
  for (size_t i = 0; i < answer->change_count; i++)
    json_array_append_new(changes, change_json(arena, report->cluster, &answer->changes[i]));
  json_object_set_new(row, "changes", changes);
  json_object_set_new(row, "never_fits", json_boolean(answer->is_never));
  set_text(row, "missing", answer->missing);
  for (size_t i = 0; i < answer->also.count; i++)
    json_array_append_new(also, output_json_text(answer->also.items[i]));
  json_object_set_new(row, "also_subject_to", also);
  return row;
}

static json_t *report_json(const struct explain_report *report) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  json_t *root = json_object(), *cluster = json_object(), *pods = json_array();
  output_json_set_count(cluster, "nodes", report->cluster->node_count);
  output_json_set_count(cluster, "pods", report->cluster->pod_count);
  json_object_set_new(root, "cluster", cluster);
  for (size_t i = 0; i < report->count; i++)
    json_array_append_new(pods, item_json(arena, report, &report->items[i]));
  json_object_set_new(root, "pods", pods);
  return root;
}

void explain_print_json(const struct explain_report *report, FILE *out) {
  json_t *root = report_json(report);
  output_json_write(root, out);
  json_decref(root);
}

void explain_write_json(const struct explain_report *report, struct buf *out) {
  json_t *root = report_json(report);
  output_json_append(root, out);
  json_decref(root);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One object, judged as the two webhooks would one after the other. */
#include "slicegate/wire.h"
#include "src/cli/check.h"

#include <stdlib.h>

static bool is_same(const struct finding *a, const struct finding *b) {
  return a->rule == b->rule && str_eq(a->field, b->field) && str_eq(a->message, b->message);
}

static bool has_finding(const struct finding *list, size_t count, const struct finding *finding) {
  for (size_t i = 0; i < count; i++) {
    if (is_same(&list[i], finding))
      return true;
  }
  return false;
}

static int compare(const void *left, const void *right) {
  const struct finding *a = left, *b = right;
  if (a->severity != b->severity)
    return a->severity > b->severity ? -1 : 1;
  if (a->rule != b->rule)
    return a->rule < b->rule ? -1 : 1;
  int by_field = str_cmp(a->field, b->field);
  return by_field ? by_field : str_cmp(a->message, b->message);
}

/* What /mutate refuses and what /validate found, each once, in the order of a verdict. */
static struct finding *merge(struct arena *arena, const struct adm_mutation *mutation,
                             const struct adm_verdict *verdict, size_t *ret_count) {
  size_t count = 0;
  struct finding *merged =
      arena_array(arena, mutation->refusal_count + verdict->finding_count + 1, sizeof(*merged));
  for (size_t i = 0; i < mutation->refusal_count; i++) {
    if (!has_finding(merged, count, &mutation->refusals[i]))
      merged[count++] = mutation->refusals[i];
  }
  for (size_t i = 0; i < verdict->finding_count; i++) {
    if (!has_finding(merged, count, &verdict->findings[i]))
      merged[count++] = verdict->findings[i];
  }
  qsort(merged, count, sizeof(*merged), compare);
  *ret_count = count;
  return merged;
}

/* Copies the findings into the report, each with the position of its field. */
static void record(const struct check_judge *judge, const struct doc_node *node,
                   const struct finding *findings, size_t count, struct check_report *report,
                   struct check_object *object) {
  struct check_finding *kept = arena_array(report->arena, count, sizeof(*kept));
  size_t kept_count = 0;
  for (size_t i = 0; i < count; i++) {
    if (findings[i].severity == SEVERITY_OFF ||
        (findings[i].severity == SEVERITY_AUDIT && !judge->is_verbose))
      continue;
    struct check_finding *into = &kept[kept_count++];
    bool is_found;
    doc_locate(node, findings[i].field, &into->line, &into->column, &is_found);
    into->finding = findings[i];
    into->finding.field = check_report_text(report, findings[i].field);
    into->finding.message = check_report_text(report, findings[i].message);
    into->finding.remedy = check_report_text(report, findings[i].remedy);
    if (findings[i].severity > object->worst)
      object->worst = findings[i].severity;
  }
  object->findings = kept;
  object->finding_count = kept_count;
  report->denied += object->worst == SEVERITY_DENY;
  report->warned += object->worst == SEVERITY_WARN;
}

/* The one kind of the table that lives in no namespace. Those of a policy's extraKinds may,
 * too, but nothing tells. */
static bool is_cluster_scoped(const struct workload *workload) {
  return str_is(workload->group, "trainer.kubeflow.org") &&
         str_is(workload->kind, "ClusterTrainingRuntime");
}

void check_judge_workload(const struct check_judge *judge, const struct workload *workload,
                          struct arena *arena, struct adm_verdict *ret,
                          struct workload *ret_patched) {
  struct adm_request request = {.operation = ADM_CREATE,
                                .object = workload,
                                .is_changed = true,
                                .now_seconds = judge->now_seconds};
  if (judge->cluster && judge->cluster->has_namespaces)
    request.ns_object = cluster_find_namespace(judge->cluster, workload->ns);
  struct adm_mutation mutation = {0};
  adm_mutate(judge->view, judge->known, &request, arena, &mutation);
  adm_apply_patches(arena, workload, mutation.patches, mutation.patch_count, ret_patched);
  request.object = ret_patched;
  *ret = (struct adm_verdict){0};
  adm_validate(judge->view, judge->known, &request, arena, ret);
  ret->findings = merge(arena, &mutation, ret, &ret->finding_count);
}

static void judge_workload(const struct check_judge *judge, const struct doc_node *node,
                           const struct workload *workload, struct arena *arena,
                           struct check_report *report, struct check_object *object) {
  struct adm_verdict verdict;
  struct workload patched;
  check_judge_workload(judge, workload, arena, &verdict, &patched);
  if (verdict.is_exempt)
    object->state = CHECK_EXEMPT;
  record(judge, node, verdict.findings, verdict.finding_count, report, object);
  for (size_t i = 0; i < verdict.unknown.count; i++)
    check_report_note(report, verdict.unknown.items[i]);
}

void check_judge_object(const struct check_judge *judge, const struct doc_node *node,
                        struct str file, struct arena *arena, struct check_report *report) {
  struct wire_identity identity;
  struct workload workload = {0};
  const struct workload_kind *row;
  struct err err = {0};
  wire_identify(node, &identity);
  if (!wire_workload_decode(arena, node, judge->view, &workload, &row, &err)) {
    check_report_problem(report, file, err.line ? err.line : node->line,
                         err.line ? err.column : node->column, str_of(err.text));
    return;
  }
  struct check_object *object = check_report_add(report, file);
  object->line = node->line;
  object->column = node->column;
  object->api_version = check_report_text(report, doc_text_at(node, "apiVersion"));
  object->kind = check_report_text(report, identity.kind);
  object->name = check_report_text(report, identity.name);
  if (identity.name.len == 0 && identity.generate_name.len) /* as refusals of the webhook say it */
    object->name =
        check_report_text(report, str_printf(arena, "%.*s*", STR_FMT(identity.generate_name)));
  if (!row) {
    object->ns = check_report_text(report, identity.ns);
    object->state = CHECK_SKIPPED;
    report->skipped++;
    return;
  }
  if (is_cluster_scoped(&workload))
    workload.ns = (struct str){NULL, 0};
  else if (workload.ns.len == 0)
    workload.ns = judge->default_ns;
  object->ns = check_report_text(report, workload.ns);
  judge_workload(judge, node, &workload, arena, report, object);
}

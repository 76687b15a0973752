/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: a request in, a verdict out. What was found is settled here: findings of a
 * controller's child and those that an UPDATE did not bring warn, the rest stand as they are.
 */
#include "src/admission/admission_internal.h"

#include <stdlib.h>

static int compare_findings(const void *a_ptr, const void *b_ptr) {
  const struct finding *a = a_ptr, *b = b_ptr;
  if (a->severity != b->severity)
    return a->severity > b->severity ? -1 : 1;
  if (a->rule != b->rule)
    return a->rule < b->rule ? -1 : 1;
  int order = str_cmp(a->field, b->field);
  if (order == 0)
    order = str_cmp(a->message, b->message);
  return order ? order : str_cmp(a->remedy, b->remedy);
}

static void lower(struct found *found) {
  for (size_t i = 0; i < found->count; i++)
    if (found->findings[i].severity == SEVERITY_DENY)
      found->findings[i].severity = SEVERITY_WARN;
}

void judge_settled(const struct policy_view *view, const struct adm_cluster *cluster,
                   const struct adm_request *request, struct arena *arena, unsigned rules,
                   struct judgement *ret) {
  struct rule_context ctx;
  context_init(&ctx, view, cluster, request, request->object, arena);
  judge_workload(&ctx, rules, ret);
  struct found *found = &ret->found;
  if (found->count == 0)
    return;
  if (ctx.is_child) {
    lower(found);
  } else if (request->operation == ADM_UPDATE && request->old) {
    struct judgement before;
    context_init(&ctx, view, cluster, request, request->old, arena);
    judge_workload(&ctx, rules, &before);
    update_lower_known(arena, found, &before.found);
  }
  if (found->count > 1)
    qsort(found->findings, found->count, sizeof(*found->findings), compare_findings);
}

static struct strings unknown_names(const struct judgement *judged, struct arena *arena) {
  size_t count = 0, kept = 0;
  for (const struct settings *at = judged->settings; at; at = at->next)
    count += at->effective.unknown_count;
  if (count == 0)
    return (struct strings){NULL, 0};
  struct str *items = arena_array(arena, count, sizeof(*items));
  for (const struct settings *at = judged->settings; at; at = at->next)
    for (size_t i = 0; i < at->effective.unknown_count; i++)
      if (!strings_have(&(struct strings){items, kept}, at->effective.unknown[i]))
        items[kept++] = at->effective.unknown[i];
  return (struct strings){items, kept};
}

void adm_validate(const struct policy_view *view, const struct adm_cluster *cluster,
                  const struct adm_request *request, struct arena *arena, struct adm_verdict *ret) {
  *ret = (struct adm_verdict){.is_allowed = true};
  if (request->operation == ADM_OTHER ||
      (request->operation == ADM_UPDATE && !request->is_changed)) {
    ret->is_skipped = true;
    return;
  }
  struct judgement judged;
  judge_settled(view, cluster, request, arena, ALL_RULES, &judged);
  ret->is_exempt = judged.is_exempt;
  ret->unknown = unknown_names(&judged, arena);
  ret->findings = judged.found.findings;
  ret->finding_count = judged.found.count;
  ret->is_allowed = judged.found.count == 0 || judged.found.findings[0].severity != SEVERITY_DENY;
}

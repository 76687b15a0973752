/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: which rules see which template under which settings, and what becomes of
 * their findings. Rules know nothing of updates, children or exemptions; all of that is here.
 */
#include "src/admission/admission_internal.h"

#include <stdlib.h>

/* ---- the rules, in the order of enum rule_id -------------------------------------- */

static const struct rule {
  enum rule_id id;
  void (*judge)(struct rule_context *ctx);
  bool needs_gpu;      /* says something only of a template that asks for a GPU */
  bool needs_pod_spec; /* reads what a template without a PodSpec does not hold */
} template_rules[] = {
    {RULE_GPU_LIMITS, rule_gpu_limits, false, false},
    {RULE_MIG_PROFILE, rule_mig_profile, false, false},
    {RULE_GPU_BYPASS, rule_gpu_bypass, false, false},
    {RULE_GPU_NODE_USE, rule_gpu_node_use, false, true},
    {RULE_GPU_TOLERATION, rule_gpu_toleration, true, true},
    {RULE_GPU_NODE_AFFINITY, rule_gpu_node_affinity, true, true},
    {RULE_RIGHT_SIZE, rule_right_size, true, false},
    {RULE_SHARING, rule_sharing, true, false},
    {RULE_SPOT, rule_spot, true, true},
    {RULE_HOST_BALANCE, rule_host_balance, true, false},
};

/* Once for the whole workload. RULE_BUDGET gets its row here when money is counted. */
static const struct rule workload_rules[] = {
    {RULE_BUDGET_LABELS, rule_budget_labels, true, false},
    {RULE_LIFETIME, rule_lifetime, true, false},
};

static void judge_template(struct rule_context *ctx) {
  for (size_t i = 0; i < SG_ARRAY_LEN(template_rules); i++) {
    const struct rule *rule = &template_rules[i];
    if (ctx->effective->severities[rule->id] == SEVERITY_OFF)
      continue;
    if ((rule->needs_gpu && ctx->gpu_count == 0) ||
        (rule->needs_pod_spec && !has_pod_spec(ctx->tmpl)))
      continue;
    rule->judge(ctx);
  }
}

static void judge_whole(struct rule_context *ctx) {
  for (size_t i = 0; i < SG_ARRAY_LEN(workload_rules); i++)
    if (ctx->effective->severities[workload_rules[i].id] != SEVERITY_OFF)
      workload_rules[i].judge(ctx);
}

/* ---- what holds for whom ------------------------------------------------------------ */

/* The settings of one service account; a workload rarely has a second. */
struct settings {
  struct str service_account;
  struct effective effective;
  struct settings *next;
};

static const struct effective *settings_for(struct rule_context *ctx, struct settings **list,
                                            struct str service_account) {
  if (service_account.len == 0)
    service_account = STR_LIT("default");
  for (struct settings *at = *list; at; at = at->next)
    if (str_eq(at->service_account, service_account))
      return &at->effective;
  const struct adm_request *request = ctx->request;
  const struct match_subject subject = {
      .ns = ctx->workload->ns,
      .service_account = service_account,
      .is_user_known = request->is_user_known,
      .user = request->user,
      .groups = request->groups,
      .ns_object = request->ns_object,
      .object_labels = ctx->workload->labels,
      .object_label_count = ctx->workload->label_count,
  };
  struct settings *made = arena_alloc(ctx->arena, sizeof(*made));
  made->service_account = service_account;
  policy_effective(ctx->view, &subject, &made->effective);
  made->next = *list;
  *list = made;
  return &made->effective;
}

/* What judging one object gave. */
struct judgement {
  struct found found;
  bool is_exempt; /* every one of its templates */
  struct settings *settings;
};

static void judge(const struct policy_view *view, const struct adm_cluster *cluster,
                  const struct adm_request *request, const struct workload *workload,
                  struct arena *arena, struct judgement *ret) {
  struct rule_context ctx = {.view = view,
                             /* A recording without nodes tells nothing about nodes. */
                             .cluster = cluster && cluster->cluster->has_nodes ? cluster : NULL,
                             .request = request,
                             .workload = workload,
                             .arena = arena};
  struct settings *settings = NULL;
  /* Rules about the whole follow the first template that asks for a GPU and is judged at
   * all: an exempt template in front of it must not shield it. */
  const struct effective *whole = NULL;
  size_t exempt = 0;
  for (size_t i = 0; i < workload->template_count; i++) {
    const struct pod_template *tmpl = &workload->templates[i];
    const struct effective *effective = settings_for(&ctx, &settings, tmpl->spec.service_account);
    if (effective->is_exempt) {
      exempt++;
      continue;
    }
    context_enter(&ctx, effective, tmpl);
    judge_template(&ctx);
    if (ctx.gpu_count && !whole)
      whole = effective;
  }
  if (whole) {
    context_enter(&ctx, whole, NULL);
    judge_whole(&ctx);
  }
  *ret = (struct judgement){.found = ctx.found,
                            .is_exempt = exempt > 0 && exempt == workload->template_count,
                            .settings = settings};
}

/* ---- children of controllers --------------------------------------------------------- */

/*
 * A pod that its ReplicaSet makes is judged where the user applied the Deployment; refusing
 * it here shows only as an event, and would stop running workloads from being rescheduled
 * when a policy comes later. An owner reference alone proves nothing, anyone can write one:
 * the requester must be a controller too.
 */
static bool is_child(const struct policy_view *view, const struct adm_request *request) {
  if (!request->is_user_known || !strings_match(&view->controllers, request->user))
    return false;
  const struct workload *object = request->object;
  for (size_t i = 0; i < object->owner_count; i++) {
    const struct owner *owner = &object->owners[i];
    size_t slash = str_find_char(owner->api_version, '/');
    struct str group = {owner->api_version.ptr,
                        slash < owner->api_version.len ? slash : 0}; /* "v1": the core group */
    if (owner->is_controller && policy_find_kind(view, group, owner->kind))
      return true;
  }
  return false;
}

/* ---- the verdict ---------------------------------------------------------------------- */

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

static bool has_str(const struct str *items, size_t count, struct str item) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(items[i], item))
      return true;
  return false;
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
      if (!has_str(items, kept, at->effective.unknown[i]))
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
  judge(view, cluster, request, request->object, arena, &judged);
  ret->is_exempt = judged.is_exempt;
  ret->unknown = unknown_names(&judged, arena);
  struct found *found = &judged.found;
  if (found->count == 0)
    return;

  if (is_child(view, request)) {
    lower(found);
  } else if (request->operation == ADM_UPDATE && request->old) {
    struct judgement before;
    judge(view, cluster, request, request->old, arena, &before);
    update_lower_known(arena, found, &before.found);
  }
  if (found->count > 1)
    qsort(found->findings, found->count, sizeof(*found->findings), compare_findings);
  ret->findings = found->findings;
  ret->finding_count = found->count;
  ret->is_allowed = found->findings[0].severity != SEVERITY_DENY;
}

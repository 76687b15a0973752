/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging one object: which rules see which template, under which settings. Rules know
 * nothing of service accounts, exemptions or owners; all of that is here.
 */
#include "src/admission/admission_internal.h"

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
    {RULE_BUDGET_LABELS, rule_budget_labels, true, false},
    {RULE_SPOT, rule_spot, true, true},
    {RULE_HOST_BALANCE, rule_host_balance, true, false},
};

/* Once for the whole workload. RULE_BUDGET gets its row here when money is counted. */
static const struct rule workload_rules[] = {
    {RULE_LIFETIME, rule_lifetime, true, false},
};

static bool is_on(const struct rule_context *ctx, unsigned rules, enum rule_id rule) {
  return (rules & 1u << rule) && ctx->effective->severities[rule] != SEVERITY_OFF;
}

static void judge_template(struct rule_context *ctx, unsigned rules) {
  for (size_t i = 0; i < SG_ARRAY_LEN(template_rules); i++) {
    const struct rule *rule = &template_rules[i];
    if (!is_on(ctx, rules, rule->id))
      continue;
    if ((rule->needs_gpu && ctx->gpu_count == 0) ||
        (rule->needs_pod_spec && !has_pod_spec(ctx->tmpl)))
      continue;
    rule->judge(ctx);
  }
}

static void judge_whole(struct rule_context *ctx, unsigned rules) {
  for (size_t i = 0; i < SG_ARRAY_LEN(workload_rules); i++)
    if (is_on(ctx, rules, workload_rules[i].id))
      workload_rules[i].judge(ctx);
}

/* ---- what holds for whom ------------------------------------------------------------ */

const struct effective *settings_for(const struct rule_context *ctx, struct settings **list,
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

/* ---- children of controllers --------------------------------------------------------- */

/*
 * A pod that its ReplicaSet makes is judged where the user applied the Deployment; refusing
 * it here shows only as an event, and would stop running workloads from being rescheduled
 * when a policy comes later. An owner reference alone proves nothing, anyone can write one:
 * the requester must be a controller too.
 */
bool request_is_of_child(const struct policy_view *view, const struct adm_request *request) {
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

/* ---- judging one object --------------------------------------------------------------- */

void context_init(struct rule_context *ctx, const struct policy_view *view,
                  const struct adm_cluster *cluster, const struct adm_request *request,
                  const struct workload *workload, struct arena *arena) {
  *ctx = (struct rule_context){
      .view = view,
      /* A recording without nodes tells nothing about nodes. */
      .cluster = cluster && cluster->cluster->has_nodes ? cluster : NULL,
      .request = request,
      .workload = workload,
      .arena = arena,
      .is_child = request_is_of_child(view, request),
  };
}

void judge_workload(struct rule_context *ctx, unsigned rules, struct judgement *ret) {
  struct settings *settings = NULL;
  /* Rules about the whole follow the first template that asks for a GPU and is judged at
   * all: an exempt template in front of it must not shield it. */
  const struct pod_template *first = NULL;
  size_t exempt = 0;
  for (size_t i = 0; i < ctx->workload->template_count; i++) {
    const struct pod_template *tmpl = &ctx->workload->templates[i];
    const struct effective *effective = settings_for(ctx, &settings, tmpl->spec.service_account);
    if (effective->is_exempt) {
      exempt++;
      continue;
    }
    context_enter(ctx, effective, tmpl);
    judge_template(ctx, rules);
    if (ctx->gpu_count && !first)
      first = tmpl;
  }
  if (first) {
    context_enter(ctx, settings_for(ctx, &settings, first->spec.service_account), first);
    ctx->tmpl = NULL;
    judge_whole(ctx, rules);
  }
  *ret = (struct judgement){.found = ctx->found,
                            .is_exempt = exempt > 0 && exempt == ctx->workload->template_count,
                            .settings = settings};
}

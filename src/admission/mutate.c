/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /mutate does before built-in validation runs: it refuses, in better words, what that
 * would refuse, and gives Pods what the policy asks for. Templates are never changed, so
 * that whoever keeps manifests in git sees no drift.
 */
#include "src/admission/admission_internal.h"

/* Tolerations are missed one at a time, and a rewritten request may miss another. */
enum { ROUNDS_MAX = 8 };

struct patches {
  struct patch *items;
  size_t count, capacity;
};

static void add(struct rule_context *ctx, struct patches *patches, struct patch patch) {
  if (patches->count == patches->capacity) {
    patches->capacity = patches->capacity ? patches->capacity * 2 : 4;
    struct patch *items = arena_array(ctx->arena, patches->capacity, sizeof(*items));
    if (patches->count)
      memcpy(items, patches->items, patches->count * sizeof(*items));
    patches->items = items;
  }
  patches->items[patches->count++] = patch;
}

/* ---- one function for each thing that a policy may ask for ------------------------------- */

static bool names(const struct container *container, struct str resource) {
  return amount_find(container->limits, container->limit_count, resource) ||
         amount_find(container->requests, container->request_count, resource);
}

static void add_slices(struct rule_context *ctx, struct patches *patches) {
  for (size_t i = 0; i < ctx->gpu_count; i++) {
    const struct gpu_request *gpu = &ctx->gpus[i];
    struct str resource;
    if (!right_size_replacement(ctx, gpu, &resource) || !right_size_will_mutate(ctx, resource) ||
        names(gpu->container, resource))
      continue;
    add(ctx, patches,
        (struct patch){.kind = PATCH_RESOURCE,
                       .container = gpu->container,
                       .from = gpu->amount->name,
                       .to = resource,
                       .count = 1});
  }
}

static void add_toleration(struct rule_context *ctx, struct patches *patches) {
  struct toleration missing;
  if (ctx->effective->params[P_TOLERATION_MUTATE]->truth &&
      ctx->effective->severities[RULE_GPU_TOLERATION] != SEVERITY_OFF &&
      missing_gpu_toleration(ctx, &missing))
    add(ctx, patches, (struct patch){.kind = PATCH_ADD_TOLERATION, .toleration = missing});
}

static bool has_controller(const struct workload *workload) {
  for (size_t i = 0; i < workload->owner_count; i++)
    if (workload->owners[i].is_controller)
      return true;
  return false;
}

/* Who says when the pod is no longer needed has decided; who says nothing gets the default. */
static void add_deadline(struct rule_context *ctx, struct patches *patches) {
  int64_t seconds = ctx->effective->params[P_LIFETIME_DEFAULT]->number;
  if (seconds <= 0 || ctx->effective->severities[RULE_LIFETIME] == SEVERITY_OFF ||
      has_controller(ctx->workload) || ctx->workload->deadline_count > 0 ||
      ctx->tmpl->spec.active_deadline_seconds >= 0 || find_expiry(ctx, NULL))
    return;
  int64_t maximum = lifetime_maximum(ctx);
  if (maximum > 0 && maximum < seconds)
    seconds = maximum;
  add(ctx, patches, (struct patch){.kind = PATCH_SET_DEADLINE, .deadline_seconds = seconds});
}

static void add_labels(struct rule_context *ctx, struct patches *patches) {
  const struct k8s_namespace *ns = ctx->request->ns_object;
  const struct param_value *labels = ctx->effective->params[P_LABELS];
  if (!ns || ctx->effective->severities[RULE_BUDGET_LABELS] == SEVERITY_OFF)
    return;
  for (size_t i = 0; i < labels->labels.count; i++) {
    const struct label_requirement *wanted = &labels->labels.items[i];
    if (!wanted->is_from_namespace || find_label(ctx, wanted->key))
      continue;
    const struct str *value = kv_find(ns->labels, ns->label_count, wanted->key);
    /* A value that the rule would not accept is not spread further. */
    if (value && budget_label_allows(wanted, *value))
      add(ctx, patches, (struct patch){.kind = PATCH_ADD_LABEL, .label = {wanted->key, *value}});
  }
}

/* ---- together ------------------------------------------------------------------------------ */

static void one_round(struct rule_context *ctx, struct patches *patches) {
  add_slices(ctx, patches);
  if (patches->count) /* what else is missing depends on what is asked for then */
    return;
  add_toleration(ctx, patches);
  add_deadline(ctx, patches);
  add_labels(ctx, patches);
}

/*
 * Patches until nothing is missing any more, judged each time on what the patches so far
 * make of the pod: that is what makes /mutate idempotent when it is called again.
 */
static void add_what_is_missing(const struct policy_view *view, const struct adm_cluster *cluster,
                                const struct adm_request *request, struct arena *arena,
                                struct adm_mutation *ret) {
  struct adm_request at = *request;
  struct patches all = {NULL, 0, 0};
  for (int round = 0; round < ROUNDS_MAX; round++) {
    struct rule_context ctx;
    struct settings *settings = NULL;
    context_init(&ctx, view, cluster, &at, at.object, arena);
    const struct pod_template *tmpl = &at.object->templates[0];
    const struct effective *effective = settings_for(&ctx, &settings, tmpl->spec.service_account);
    if (effective->is_exempt)
      break;
    context_enter(&ctx, effective, tmpl);
    struct patches fresh = {NULL, 0, 0};
    if (ctx.gpu_count)
      one_round(&ctx, &fresh);
    if (fresh.count == 0)
      break;
    for (size_t i = 0; i < fresh.count; i++)
      add(&ctx, &all, fresh.items[i]);
    struct workload *patched = arena_alloc(arena, sizeof(*patched));
    adm_apply_patches(arena, at.object, fresh.items, fresh.count, patched);
    at.object = patched;
  }
  ret->patches = all.items;
  ret->patch_count = all.count;
}

static bool is_plain_pod(const struct workload *workload) {
  return workload->group.len == 0 && str_is(workload->kind, "Pod") &&
         workload->template_count == 1 && workload->templates[0].form == FORM_TEMPLATE;
}

void adm_mutate(const struct policy_view *view, const struct adm_cluster *cluster,
                const struct adm_request *request, struct arena *arena, struct adm_mutation *ret) {
  *ret = (struct adm_mutation){0};
  if (request->operation == ADM_OTHER || (request->operation == ADM_UPDATE && !request->is_changed))
    return;
  /* In custom resources nobody else checks: /validate speaks there, with all its findings. */
  if (request->object->row->is_builtin_validated) {
    struct judgement judged;
    judge_settled(view, cluster, request, arena, 1u << RULE_GPU_LIMITS, &judged);
    size_t denied = 0; /* they come first */
    while (denied < judged.found.count && judged.found.findings[denied].severity == SEVERITY_DENY)
      denied++;
    ret->refusals = judged.found.findings;
    ret->refusal_count = denied;
    if (denied)
      return;
  }
  if (request->operation == ADM_CREATE && is_plain_pod(request->object))
    add_what_is_missing(view, cluster, request, arena, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu-node-use: a pod that goes to GPU nodes and asks for no GPU takes the CPU and memory
 * that the GPUs there need. Choosing such nodes or tolerating their taint by name is meant;
 * a toleration of every taint gets there by accident.
 */
#include "src/admission/admission_internal.h"

/* ---- is the pod all here -------------------------------------------------------------- */

/* "spec.executor" of "spec.executor.gpu": the part of the object that is one pod. */
static struct str parent_path(struct str path) {
  size_t len = path.len;
  while (len > 0 && path.ptr[len - 1] != '.')
    len--;
  return (struct str){path.ptr, len ? len - 1 : 0};
}

static bool is_within(struct str path, struct str outer) {
  return str_starts_with(path, outer) &&
         (path.len == outer.len || outer.len == 0 || path.ptr[outer.len] == '.');
}

static bool names_gpu(const struct rule_context *ctx, const struct pod_template *tmpl) {
  enum gpu_resource_form form;
  for (size_t i = 0; i < tmpl->spec.container_count; i++) {
    const struct container *container = &tmpl->spec.containers[i];
    for (size_t k = 0; k < container->limit_count; k++)
      if (policy_gpu_resource(ctx->view, container->limits[k].name, &form))
        return true;
    for (size_t k = 0; k < container->request_count; k++)
      if (policy_gpu_resource(ctx->view, container->requests[k].name, &form))
        return true;
  }
  return false;
}

bool gpus_are_described_elsewhere(const struct rule_context *ctx) {
  if (!has_pod_spec(ctx->tmpl))
    return true;
  /* An InferenceService without containers has its model server's. */
  bool has_app = false;
  for (size_t i = 0; i < ctx->tmpl->spec.container_count; i++)
    has_app = has_app || ctx->tmpl->spec.containers[i].role == CONTAINER_APP;
  for (size_t i = 0; i < ctx->workload->template_count; i++) {
    const struct pod_template *other = &ctx->workload->templates[i];
    bool is_bare = other->form == FORM_RESOURCES || other->form == FORM_GPU_COUNT;
    if (is_bare &&
        (is_within(other->path, ctx->tmpl->path) ||
         is_within(ctx->tmpl->path, parent_path(other->path))) &&
        names_gpu(ctx, other))
      return true;
  }
  return !has_app;
}

/* ---- away from GPU nodes --------------------------------------------------------------- */

static bool means_none(struct str value) {
  return value.len == 0 || str_is(value, "false") || str_is(value, "0");
}

/* "nvidia.com/gpu.present NotIn [true]", "DoesNotExist", "In [false]". */
static bool requirement_avoids(const struct rule_context *ctx,
                               const struct node_requirement *requirement) {
  if (!policy_is_gpu_label(ctx->view, requirement->key))
    return false;
  if (requirement->op == SELECT_IN) {
    for (size_t i = 0; i < requirement->value_count; i++)
      if (!means_none(requirement->values[i]))
        return false;
    return requirement->value_count > 0;
  }
  return requirement->op == SELECT_NOT_IN || requirement->op == SELECT_NOT_EXISTS;
}

static bool term_avoids(const struct rule_context *ctx, const struct node_selector_term *term) {
  for (size_t i = 0; i < term->requirement_count; i++)
    if (requirement_avoids(ctx, &term->requirements[i]))
      return true;
  return false;
}

static bool avoids_gpu_nodes(const struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->node_selector_count; i++)
    if (means_none(spec->node_selector[i].value) &&
        policy_is_gpu_label(ctx->view, spec->node_selector[i].key))
      return true;
  for (size_t i = 0; i < spec->affinity_term_count; i++)
    if (!term_avoids(ctx, &spec->affinity_terms[i]))
      return false;
  return spec->affinity_term_count > 0;
}

/* ---- the three ways there ---------------------------------------------------------------- */

static void report(struct rule_context *ctx, struct str field, struct str message,
                   struct str remedy) {
  rule_report(ctx, RULE_GPU_NODE_USE, SEVERITY_DENY, field, message, remedy);
}

static struct str toleration_field(const struct rule_context *ctx,
                                   const struct toleration *toleration) {
  return spec_field(ctx, "tolerations[%zu]", (size_t)(toleration - ctx->tmpl->spec.tolerations));
}

/* A toleration of every taint that keeps pods from being scheduled. */
static const struct toleration *wildcard(const struct pod_spec *spec) {
  for (size_t i = 0; i < spec->toleration_count; i++) {
    const struct toleration *toleration = &spec->tolerations[i];
    if (toleration->key.len == 0 && toleration->is_exists &&
        (toleration->effect == EFFECT_ANY || toleration->effect == EFFECT_NO_SCHEDULE))
      return toleration;
  }
  return NULL;
}

/* What runs on every node must tolerate every taint. */
bool is_daemon(const struct rule_context *ctx) {
  const struct workload *workload = ctx->workload;
  if (str_is(workload->kind, "DaemonSet"))
    return true;
  for (size_t i = 0; i < workload->owner_count; i++)
    if (workload->owners[i].is_controller && str_is(workload->owners[i].kind, "DaemonSet"))
      return true;
  return false;
}

void rule_gpu_node_use(struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  const struct toleration *toleration;
  struct str field;
  if (ctx->gpu_count || claims_devices(ctx) || gpus_are_described_elsewhere(ctx) ||
      asks_by_mistaken_name(ctx))
    return;
  if (selects_gpu_nodes(ctx, &field)) {
    report(ctx, field, STR_LIT("chooses GPU nodes, and no container asks for a GPU"),
           STR_LIT("ask for a GPU in resources.limits, or remove the selector"));
    return;
  }
  if (avoids_gpu_nodes(ctx))
    return;
  if (tolerates_gpu_taint_by_name(ctx, &toleration)) {
    report(ctx, toleration_field(ctx, toleration),
           str_printf(ctx->arena,
                      "tolerates %.*s, the taint of GPU nodes, and no container asks for a GPU",
                      STR_FMT(shown(ctx, toleration->key))),
           STR_LIT("ask for a GPU in resources.limits, or remove the toleration"));
    return;
  }
  toleration = wildcard(spec);
  if (toleration && ctx->effective->params[P_NODE_USE_WILDCARD]->truth && !is_daemon(ctx))
    report(ctx, toleration_field(ctx, toleration),
           STR_LIT("a toleration of every taint (operator Exists without a key) lets this pod onto "
                   "GPU nodes, and no container asks for a GPU"),
           STR_LIT("name the taints that it has to tolerate, each by its key"));
}

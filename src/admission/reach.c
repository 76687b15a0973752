/* SPDX-License-Identifier: Apache-2.0 */
/* Does a pod go to GPU nodes by what it tolerates and selects? */
#include "src/admission/admission_internal.h"

bool tolerates_gpu_taint_by_name(const struct rule_context *ctx, const struct toleration **ret) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->toleration_count; i++) {
    const struct toleration *toleration = &spec->tolerations[i];
    if (toleration->key.len && policy_is_gpu_taint(ctx->view, toleration->key)) {
      if (ret)
        *ret = toleration;
      return true;
    }
  }
  return false;
}

/* Labels are texts: `nvidia.com/gpu.present: "false"` chooses the nodes without. */
static bool means_none(struct str value) {
  return value.len == 0 || str_is(value, "false") || str_is(value, "0");
}

static bool requirement_selects_gpu(const struct rule_context *ctx,
                                    const struct node_requirement *requirement) {
  switch (requirement->op) {
  case SELECT_IN:
    for (size_t i = 0; i < requirement->value_count; i++)
      if (means_none(requirement->values[i]))
        return false;
    break;
  case SELECT_EXISTS:
  case SELECT_GT:
  case SELECT_LT:
    break;
  case SELECT_NOT_IN:
  case SELECT_NOT_EXISTS:
    return false;
  }
  return policy_is_gpu_label(ctx->view, requirement->key);
}

/* All requirements of a term must hold, so one about GPUs is enough. */
static bool term_selects_gpu(const struct rule_context *ctx,
                             const struct node_selector_term *term) {
  for (size_t i = 0; i < term->requirement_count; i++)
    if (requirement_selects_gpu(ctx, &term->requirements[i]))
      return true;
  return false;
}

bool selects_gpu_nodes(const struct rule_context *ctx, struct str *ret_field) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->node_selector_count; i++) {
    const struct key_value *pair = &spec->node_selector[i];
    if (means_none(pair->value) || !policy_is_gpu_label(ctx->view, pair->key))
      continue;
    if (ret_field)
      *ret_field = spec_field(ctx, "nodeSelector[%.*s]", STR_FMT(pair->key));
    return true;
  }
  /* One term suffices to place the pod: it is bound for GPU nodes only if every one is. */
  for (size_t i = 0; i < spec->affinity_term_count; i++)
    if (!term_selects_gpu(ctx, &spec->affinity_terms[i]))
      return false;
  if (spec->affinity_term_count == 0)
    return false;
  if (ret_field)
    *ret_field = spec_field(ctx, "%s", REQUIRED_AFFINITY_PATH);
  return true;
}

/* The In requirement of a term on one of the labels, or NULL. */
static const struct node_requirement *requirement_on(const struct node_selector_term *term,
                                                     const struct strings *keys) {
  for (size_t i = 0; i < term->requirement_count; i++)
    if (term->requirements[i].op == SELECT_IN && strings_match(keys, term->requirements[i].key))
      return &term->requirements[i];
  return NULL;
}

size_t affinity_alternatives(const struct rule_context *ctx, const struct strings *keys,
                             const struct alternative **ret) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  size_t count = 0;
  for (size_t i = 0; i < spec->affinity_term_count; i++) {
    const struct node_requirement *requirement = requirement_on(&spec->affinity_terms[i], keys);
    if (!requirement)
      return 0;
    count += requirement->value_count;
  }
  if (count == 0)
    return 0;
  struct alternative *made = arena_array(ctx->arena, count, sizeof(*made));
  size_t at = 0;
  for (size_t i = 0; i < spec->affinity_term_count; i++) {
    const struct node_selector_term *term = &spec->affinity_terms[i];
    const struct node_requirement *requirement = requirement_on(term, keys);
    struct str field = spec_field(ctx, "%s[%zu].matchExpressions[%zu]", REQUIRED_AFFINITY_PATH, i,
                                  (size_t)(requirement - term->requirements));
    for (size_t v = 0; v < requirement->value_count; v++)
      made[at++] = (struct alternative){requirement->key, requirement->values[v], field};
  }
  *ret = made;
  return count;
}

struct strings wanted_products(const struct rule_context *ctx) {
  static const struct str product_key = {"nvidia.com/gpu.product", 22};
  const struct pod_spec *spec = &ctx->tmpl->spec;
  const struct str *selected = kv_find(spec->node_selector, spec->node_selector_count, product_key);
  if (selected)
    return (struct strings){selected, 1};
  const struct strings keys = {&product_key, 1};
  const struct alternative *alternatives;
  size_t count = affinity_alternatives(ctx, &keys, &alternatives);
  if (count == 0)
    return (struct strings){NULL, 0};
  struct str *items = arena_array(ctx->arena, count, sizeof(*items));
  for (size_t i = 0; i < count; i++)
    items[i] = alternatives[i].value;
  return (struct strings){items, count};
}

bool is_virtual_gpu(const struct rule_context *ctx, const struct gpu_request *gpu) {
  /* The requests of a container stand together. */
  const struct gpu_request *end = ctx->gpus + ctx->gpu_count;
  for (const struct gpu_request *at = gpu; at < end && at->container == gpu->container; at++)
    if (at->form == GPU_AUX)
      return true;
  for (const struct gpu_request *at = gpu; at > ctx->gpus && at[-1].container == gpu->container;
       at--)
    if (at[-1].form == GPU_AUX)
      return true;
  return false;
}

/* How nodes say that they share: GPU Feature Discovery's labels, and GKE's (whose values are
 * time-sharing and mps). */
static bool means_shared(struct str key, struct str value) {
  if (str_is(key, "nvidia.com/gpu.product"))
    return str_ends_with(value, STR_LIT("-SHARED"));
  if (str_is(key, "nvidia.com/gpu.sharing-strategy"))
    return str_is(value, "time-slicing") || str_is(value, "mps");
  return str_is(key, "cloud.google.com/gke-gpu-sharing-strategy") &&
         (str_is(value, "time-sharing") || str_is(value, "time-slicing") || str_is(value, "mps"));
}

static bool requires_shared(const struct node_requirement *requirement) {
  if (requirement->op != SELECT_IN || requirement->value_count == 0)
    return false;
  for (size_t i = 0; i < requirement->value_count; i++)
    if (!means_shared(requirement->key, requirement->values[i]))
      return false;
  return true;
}

static const struct node_requirement *shared_requirement(const struct node_selector_term *term) {
  for (size_t i = 0; i < term->requirement_count; i++)
    if (requires_shared(&term->requirements[i]))
      return &term->requirements[i];
  return NULL;
}

bool selects_shared_gpus(const struct rule_context *ctx, struct alternative *ret) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->node_selector_count; i++) {
    const struct key_value *pair = &spec->node_selector[i];
    if (!means_shared(pair->key, pair->value))
      continue;
    *ret = (struct alternative){.key = pair->key, .value = pair->value};
    return true;
  }
  /* Any term may be the one that the pod is placed by. */
  for (size_t i = 0; i < spec->affinity_term_count; i++) {
    const struct node_requirement *found = shared_requirement(&spec->affinity_terms[i]);
    if (!found)
      return false;
    *ret = (struct alternative){.key = found->key, .value = found->values[0]};
  }
  return spec->affinity_term_count > 0;
}

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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu-toleration: a pod that asks for a GPU tolerates the taint of the nodes that have it.
 * Kubernetes' own plugin (ExtendedResourceToleration, off by default) tolerates the name of
 * the resource, which for a MIG slice is not the name of the taint.
 */
#include "src/admission/admission_internal.h"

/* ---- where the nodes are known ---------------------------------------------------------- */

static bool is_tolerated(const struct pod_spec *spec, const struct taint *taint) {
  for (size_t i = 0; i < spec->toleration_count; i++)
    if (toleration_tolerates(&spec->tolerations[i], taint))
      return true;
  return false;
}

static const struct taint *first_untolerated(const struct pod_spec *spec,
                                             const struct taint_list *list) {
  for (size_t i = 0; i < list->count; i++)
    if (!is_tolerated(spec, &list->items[i]))
      return &list->items[i];
  return NULL;
}

/* NULL: some node is open to the pod. */
static const struct taint *missing_everywhere(const struct pod_spec *spec,
                                              const struct cluster_resource *offered) {
  const struct taint *missing = NULL;
  for (size_t i = 0; i < offered->taint_list_count; i++) {
    const struct taint *taint = first_untolerated(spec, &offered->taint_lists[i]);
    if (!taint)
      return NULL;
    missing = missing ? missing : taint;
  }
  return missing;
}

static bool is_bound(const struct pod_spec *spec) {
  return spec->node_name.len || spec->node_selector_count || spec->affinity_term_count;
}

/*
 * A pod that one of the nodes lets in lacks nothing; otherwise what the first of them asks.
 * Only nodes that it may go to count; when none of these offers the resource now, one that
 * comes will be tainted as the others are.
 */
static bool missing_on_nodes(const struct rule_context *ctx, const struct cluster_resource *offered,
                             struct toleration *ret) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  const struct taint *missing = NULL;
  if (is_bound(spec)) {
    const struct offer *offer = find_offer(ctx, offered);
    if (offer->is_open)
      return false;
    missing = offer->missing;
  }
  if (!missing)
    missing = missing_everywhere(spec, offered);
  if (missing)
    *ret = (struct toleration){.key = missing->key, .is_exists = true, .effect = missing->effect};
  return missing != NULL;
}

/* ---- where they are not ------------------------------------------------------------------ */

static struct str vendor_of(struct str name) {
  return (struct str){name.ptr, str_find_char(name, '/')};
}

static bool is_pattern(struct str s) {
  return str_find_char(s, '*') < s.len || str_find_char(s, '?') < s.len;
}

static bool is_some_vendors(const struct rule_context *ctx, struct str key) {
  for (size_t i = 0; i < ctx->view->vendor_prefixes.count; i++)
    if (str_starts_with(key, ctx->view->vendor_prefixes.items[i]))
      return true;
  return false;
}

/*
 * The key that taints nodes with this resource by custom: the first that the policy spells
 * out in the vendor's domain, else the first in nobody's. Empty: there is no such custom.
 */
static struct str usual_key(const struct rule_context *ctx, struct str resource) {
  const struct strings *keys = &ctx->view->gpu_nodes.taint_keys;
  struct str fallback = {NULL, 0};
  for (size_t i = 0; i < keys->count; i++) {
    struct str key = keys->items[i];
    if (is_pattern(key))
      continue;
    if (str_find_char(key, '/') < key.len && str_eq(vendor_of(key), vendor_of(resource)))
      return key;
    if (fallback.len == 0 && !is_some_vendors(ctx, key))
      fallback = key;
  }
  return fallback;
}

/* The taint's value is not known: whoever tolerates some value of the key has thought of it. */
static bool tolerates_key(const struct pod_spec *spec, struct str key) {
  for (size_t i = 0; i < spec->toleration_count; i++) {
    const struct toleration *toleration = &spec->tolerations[i];
    bool is_for_key = toleration->key.len ? str_eq(toleration->key, key) : toleration->is_exists;
    if (is_for_key &&
        (toleration->effect == EFFECT_ANY || toleration->effect == EFFECT_NO_SCHEDULE))
      return true;
  }
  return false;
}

/* ---- one request -------------------------------------------------------------------------- */

static bool missing_by_custom(const struct rule_context *ctx, const struct gpu_request *gpu,
                              struct toleration *ret) {
  struct str key = usual_key(ctx, gpu->amount->name);
  if (key.len == 0 || tolerates_key(&ctx->tmpl->spec, key))
    return false;
  *ret = (struct toleration){.key = key, .is_exists = true, .effect = EFFECT_NO_SCHEDULE};
  return true;
}

static bool missing_for(const struct rule_context *ctx, const struct gpu_request *gpu,
                        struct toleration *ret) {
  if (gpu->form == GPU_AUX) /* its device has a name of its own */
    return false;
  const struct cluster_resource *offered = cluster_find_resource(ctx->cluster, gpu->amount->name);
  return offered ? missing_on_nodes(ctx, offered, ret) : missing_by_custom(ctx, gpu, ret);
}

bool missing_gpu_toleration(const struct rule_context *ctx, struct toleration *ret) {
  for (size_t i = 0; i < ctx->gpu_count; i++)
    if (missing_for(ctx, &ctx->gpus[i], ret))
      return true;
  return false;
}

/* ---- the rule ------------------------------------------------------------------------------- */

static const char *effect_name(enum taint_effect effect) {
  return effect == EFFECT_NO_EXECUTE ? "NoExecute" : "NoSchedule";
}

static void report(struct rule_context *ctx, const struct gpu_request *gpu,
                   const struct toleration *missing) {
  struct str resource = shown(ctx, gpu->amount->name), key = shown(ctx, missing->key);
  const char *effect = effect_name(missing->effect);
  bool is_known = cluster_find_resource(ctx->cluster, gpu->amount->name) != NULL;
  /* Slices are where Kubernetes' own plugin helps least expected. */
  struct str plugin =
      gpu->is_mig && !str_eq(missing->key, gpu->amount->name)
          ? str_printf(ctx->arena, " (the ExtendedResourceToleration plugin tolerates only %.*s)",
                       STR_FMT(resource))
          : (struct str){"", 0};
  struct str message =
      is_known
          ? str_printf(ctx->arena,
                       "the nodes that offer %.*s have the taint %.*s:%s, which the pod does not "
                       "tolerate%.*s",
                       STR_FMT(resource), STR_FMT(key), effect, STR_FMT(plugin))
          : str_printf(ctx->arena,
                       "the pod does not tolerate %.*s, the usual taint of nodes with %.*s, and is "
                       "Pending where they have it%.*s",
                       STR_FMT(key), STR_FMT(resource), STR_FMT(plugin));
  /* Without a cluster it would be refused as well where it is the usual taint. */
  struct toleration usual;
  bool is_usual = missing_by_custom(ctx, gpu, &usual) && str_eq(usual.key, missing->key);
  rule_report_if_seen(ctx, is_known && !is_usual, RULE_GPU_TOLERATION, SEVERITY_DENY,
                      spec_field(ctx, "tolerations"), message,
                      str_printf(ctx->arena, "add {key: %.*s, operator: Exists, effect: %s}",
                                 STR_FMT(key), effect));
}

static bool is_same(const struct toleration *a, const struct toleration *b) {
  return str_eq(a->key, b->key) && a->effect == b->effect;
}

void rule_gpu_toleration(struct rule_context *ctx) {
  enum { TOLD_MAX = 8 };
  struct toleration told[TOLD_MAX];
  const struct gpu_request *named[TOLD_MAX];
  size_t count = 0;
  /* /mutate adds it to the Pod itself, and to the pods of a template when they are made. */
  if (ctx->effective->params[P_TOLERATION_MUTATE]->truth)
    return;
  for (size_t i = 0; i < ctx->gpu_count && count < TOLD_MAX; i++) {
    const struct gpu_request *gpu = &ctx->gpus[i];
    if (!missing_for(ctx, gpu, &told[count]))
      continue;
    size_t k = 0;
    while (k < count && !is_same(&told[k], &told[count]))
      k++;
    /* Of several requests the one with the least name: containers that change places make no
     * finding that was not there before. */
    if (k == count || str_cmp(gpu->amount->name, named[k]->amount->name) < 0)
      named[k] = gpu;
    count += k == count;
  }
  for (size_t i = 0; i < count; i++)
    report(ctx, named[i], &told[i]);
}

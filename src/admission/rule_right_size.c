/* SPDX-License-Identifier: Apache-2.0 */
/*
 * right-size: who declares how much GPU memory a program needs (slicegate.dev/gpu-memory,
 * for each GPU it asks for) gets no whole GPU where a slice is enough, and learns when no
 * GPU here is large enough. What is offered is known from the cluster or from the policy's
 * node pools; without either nothing is said.
 */
#include "src/admission/admission_internal.h"

static const struct str need_key = {"slicegate.dev/gpu-memory", 24};
static const struct str mig_prefix = {"nvidia.com/mig-", 15};

enum { GIB_SHIFT = 30 };

/* "8.75Gi" for 10: exact, 7/8 has at most three decimals. */
static struct str usable_text(const struct rule_context *ctx, unsigned memory_gib) {
  unsigned thousandths = memory_gib * 875;
  unsigned whole = thousandths / 1000, rest = thousandths % 1000;
  if (rest == 0)
    return str_printf(ctx->arena, "%uGi", whole);
  unsigned digits = 3;
  while (rest % 10 == 0) {
    rest /= 10;
    digits--;
  }
  return str_printf(ctx->arena, "%u.%0*uGi", whole, (int)digits, rest);
}

/* ---- what may take the place of a request -------------------------------------------- */

struct candidate {
  struct str resource;
  unsigned memory_gib, compute;
  bool is_offered; /* by a node now; otherwise a node pool may bring it */
};

/* Offered now before what may come; then the smallest; then by name, for one answer. */
static bool is_better(const struct candidate *a, const struct candidate *b) {
  if (b->resource.len == 0)
    return true;
  if (a->is_offered != b->is_offered)
    return a->is_offered;
  if (a->memory_gib != b->memory_gib)
    return a->memory_gib < b->memory_gib;
  if (a->compute != b->compute)
    return a->compute < b->compute;
  return str_cmp(a->resource, b->resource) < 0;
}

struct search {
  const struct rule_context *ctx;
  int64_t need_bytes;
  unsigned below_gib;    /* only profiles smaller than this; 0: any slice */
  struct strings wanted; /* products that the pod is bound to; empty: any */
  struct candidate best;
};

/* The pod may be bound to products: another one's slices are no help then. */
static bool suits(const struct strings *wanted, struct str product) {
  for (size_t i = 0; i < wanted->count; i++)
    if (str_eq(product_base_label(wanted->items[i]), product_base_label(product)))
      return true;
  return wanted->count == 0;
}

static void consider(struct search *search, struct str profile, struct str resource,
                     const struct gpu_product *product, bool is_offered) {
  struct mig_name name;
  /* Extra media engines or graphics are asked for by name, never given unasked. */
  if (!mig_name_parse(profile, &name) || name.attributes.len)
    return;
  /* The profile that is the whole GPU frees nothing for others. */
  bool is_whole = product ? name.memory_gib * 8 > product->memory_gib * 7u : name.compute >= 7;
  if (is_whole || !mig_memory_holds(name.memory_gib, search->need_bytes) ||
      (search->below_gib && name.memory_gib >= search->below_gib))
    return;
  const struct candidate found = {.resource = resource,
                                  .memory_gib = name.memory_gib,
                                  .compute = name.compute,
                                  .is_offered = is_offered};
  if (is_better(&found, &search->best))
    search->best = found;
}

/* By the nodes that the pod may go to. */
static void consider_offered(struct search *search, const struct adm_cluster *cluster) {
  for (size_t i = 0; i < cluster->resource_count; i++) {
    const struct cluster_resource *resource = &cluster->resources[i];
    if (!str_starts_with(resource->name, mig_prefix) || resource->is_shared_somewhere)
      continue;
    struct str profile = str_skip(resource->name, mig_prefix.len);
    const struct offer_product *at = find_offer(search->ctx, resource)->products;
    for (; at; at = at->next)
      consider(search, profile, resource->name, product_by_label(at->label), true);
  }
}

/* `profile` as a pool or the table writes it, "1g.10gb" or "1g.10gb+me". */
static void consider_declared(struct search *search, struct str profile,
                              const struct gpu_product *product) {
  struct str resource = str_printf(search->ctx->arena, "nvidia.com/mig-%.*s", STR_FMT(profile));
  consider(search, profile, resource, product, false);
}

static void consider_pools(struct search *search) {
  const struct policy_view *view = search->ctx->view;
  for (size_t i = 0; i < view->node_pool_count; i++) {
    const struct node_pool *pool = &view->node_pools[i];
    for (size_t p = 0; p < pool->products.count; p++) {
      const struct gpu_product *product = product_by_label(pool->products.items[p]);
      if (!suits(&search->wanted, pool->products.items[p]))
        continue;
      for (size_t k = 0; k < pool->profiles.count; k++)
        consider_declared(search, pool->profiles.items[k], product);
      bool has_all = product && pool->profiles.count == 0 && !pool->has_profiles;
      for (size_t k = 0; has_all && k < product->profile_count; k++)
        consider_declared(search, product->profiles[k].name, product);
    }
  }
}

static struct candidate smallest_sufficient(const struct rule_context *ctx, int64_t need_bytes,
                                            unsigned below_gib) {
  struct search search = {
      .ctx = ctx, .need_bytes = need_bytes, .below_gib = below_gib, .wanted = wanted_products(ctx)};
  if (!destinations_are_described(ctx))
    return search.best;
  if (ctx->cluster)
    consider_offered(&search, ctx->cluster);
  if (!search.best.resource.len && !selects_beyond_product(ctx))
    consider_pools(&search);
  return search.best;
}

/* ---- is it whole -------------------------------------------------------------------------- */

static bool names_part(struct str product) {
  return product_base_label(product).len < product.len;
}

/*
 * What is asked for as a GPU may be a share of one or, under the single MIG strategy, a slice:
 * where nodes share or slice without renaming, and where HAMi divides. How much of a GPU that
 * is nobody can tell from here.
 */
static bool may_be_part(const struct rule_context *ctx, const struct gpu_request *gpu) {
  struct alternative shared;
  struct strings wanted = wanted_products(ctx);
  if (is_virtual_gpu(ctx, gpu) || selects_shared_gpus(ctx, &shared))
    return true;
  for (size_t i = 0; i < wanted.count; i++)
    if (names_part(wanted.items[i]))
      return true;
  const struct cluster_resource *offered = cluster_find_resource(ctx->cluster, gpu->amount->name);
  if (!offered)
    return false;
  if (offered->is_shared_everywhere)
    return true;
  const struct offer_product *first = find_offer(ctx, offered)->products, *at = first;
  while (at && names_part(at->label))
    at = at->next;
  return first && !at;
}

/* ---- the need ------------------------------------------------------------------------- */

/* False: nothing is declared, or not in a way that can be used (rule_right_size says so). */
static bool declared_need(const struct rule_context *ctx, const struct str **ret_text,
                          int64_t *ret_bytes) {
  const struct str *text = find_declared(ctx, need_key);
  *ret_text = text;
  *ret_bytes = text ? gpu_memory_need(*text) : 0;
  return *ret_bytes > 0;
}

bool right_size_replacement(const struct rule_context *ctx, const struct gpu_request *gpu,
                            struct str *ret_resource) {
  const struct str *text;
  int64_t need_bytes;
  if (gpu->form != GPU_WHOLE || !str_is(gpu->amount->name, "nvidia.com/gpu") ||
      gpu_count_asked(gpu) != 1 || !declared_need(ctx, &text, &need_bytes) || may_be_part(ctx, gpu))
    return false;
  struct candidate found = smallest_sufficient(ctx, need_bytes, 0);
  if (!found.resource.len)
    return false;
  *ret_resource = found.resource;
  return true;
}

bool right_size_will_mutate(const struct rule_context *ctx, struct str resource) {
  if (!ctx->effective->params[P_RIGHT_SIZE_MUTATE]->truth ||
      ctx->effective->severities[RULE_RIGHT_SIZE] == SEVERITY_OFF)
    return false;
  const struct cluster_resource *offered = cluster_find_resource(ctx->cluster, resource);
  /* A slice that may be gone by now is no better than the GPU that was asked for. */
  if (!offered || ctx->request->cluster_stale_seconds > 0)
    return false;
  /* Who may go to the whole GPU must not be kept from the slice by a taint that nothing here
   * adds a toleration for. */
  bool adds_toleration = ctx->effective->params[P_TOLERATION_MUTATE]->truth &&
                         ctx->effective->severities[RULE_GPU_TOLERATION] != SEVERITY_OFF;
  const struct offer *offer = find_offer(ctx, offered);
  const struct cluster_resource *whole =
      cluster_find_resource(ctx->cluster, STR_LIT("nvidia.com/gpu"));
  bool is_whole_open = whole && find_offer(ctx, whole)->is_open;
  return offer->products && (adds_toleration || offer->is_open || !is_whole_open);
}

/* ---- findings ---------------------------------------------------------------------------- */

static void report(struct rule_context *ctx, const struct gpu_request *gpu, bool is_seen,
                   enum severity cap, struct str message, struct str remedy) {
  rule_report_if_seen(ctx, is_seen, RULE_RIGHT_SIZE, cap,
                      amount_field(ctx, gpu->container, gpu->list, gpu->amount->name), message,
                      remedy);
}

/* The largest GPU that the pod can get, 0 when one of them is not known. */
static int64_t largest_gpu_mib(const struct rule_context *ctx, struct str *ret_label) {
  struct strings wanted = wanted_products(ctx);
  int64_t largest = 0;
  if (ctx->cluster && ctx->cluster->has_unnamed_products)
    return 0;
  for (size_t i = 0; ctx->cluster && i < ctx->cluster->product_count; i++) {
    const struct cluster_product *product = &ctx->cluster->products[i];
    if (!suits(&wanted, product->label))
      continue;
    if (product->memory_mib == 0)
      return 0;
    if (product->memory_mib > largest) {
      largest = product->memory_mib;
      *ret_label = product->label;
    }
  }
  return largest;
}

static bool report_too_large(struct rule_context *ctx, const struct gpu_request *gpu,
                             struct str need, int64_t need_bytes) {
  struct str label = {NULL, 0};
  int64_t largest_mib = largest_gpu_mib(ctx, &label);
  if (largest_mib == 0 || need_bytes <= i64_mul_sat(largest_mib, 1 << 20))
    return false;
  report(ctx, gpu, true, SEVERITY_DENY,
         str_printf(ctx->arena,
                    "declares a need of %.*s of memory per GPU, more than any GPU it can get "
                    "has (%.*s: %lldGi)",
                    STR_FMT(need), STR_FMT(shown(ctx, label)), (long long)(largest_mib / 1024)),
         STR_LIT("split the work over several GPUs and declare the need of one, or correct "
                 "slicegate.dev/gpu-memory"));
  return true;
}

static void judge_whole(struct rule_context *ctx, const struct gpu_request *gpu, struct str need,
                        int64_t need_bytes) {
  int64_t count = gpu_count_asked(gpu);
  if (count < 1 || may_be_part(ctx, gpu) || report_too_large(ctx, gpu, need, need_bytes) ||
      !str_is(gpu->amount->name, "nvidia.com/gpu"))
    return;
  struct candidate found = smallest_sufficient(ctx, need_bytes, 0);
  if (!found.resource.len || (count == 1 && right_size_will_mutate(ctx, found.resource)))
    return;
  struct str usable = usable_text(ctx, found.memory_gib);
  if (count == 1) {
    report(ctx, gpu, found.is_offered, SEVERITY_DENY,
           str_printf(ctx->arena,
                      "takes a whole GPU for a declared need of %.*s, which a %.*s holds (at "
                      "least %.*s usable)",
                      STR_FMT(need), STR_FMT(found.resource), STR_FMT(usable)),
           str_printf(ctx->arena,
                      "ask for %.*s: 1 instead, or raise slicegate.dev/gpu-memory to the real need",
                      STR_FMT(found.resource)));
    return;
  }
  /* Slices have no NVLink between them: only the author knows whether that matters. */
  report(ctx, gpu, found.is_offered, SEVERITY_WARN,
         str_printf(ctx->arena,
                    "takes %lld whole GPUs for a declared need of %.*s each, which a %.*s holds "
                    "(at least %.*s usable)",
                    (long long)count, STR_FMT(need), STR_FMT(found.resource), STR_FMT(usable)),
         str_printf(ctx->arena,
                    "use fewer GPUs, or %.*s slices if its processes need no NVLink between them",
                    STR_FMT(found.resource)));
}

static void judge_slice(struct rule_context *ctx, const struct gpu_request *gpu, struct str need,
                        int64_t need_bytes) {
  struct mig_name name;
  if (gpu_count_asked(gpu) < 1 || !str_starts_with(gpu->base_name, mig_prefix) ||
      !mig_name_parse(str_skip(gpu->base_name, mig_prefix.len), &name))
    return;
  if (need_bytes > (int64_t)name.memory_gib << GIB_SHIFT) {
    struct candidate found = smallest_sufficient(ctx, need_bytes, 0);
    report(ctx, gpu, false, SEVERITY_DENY,
           str_printf(ctx->arena, "a %.*s has less memory than the declared need of %.*s",
                      STR_FMT(shown(ctx, name.text)), STR_FMT(need)),
           found.resource.len
               ? str_printf(ctx->arena, "ask for %.*s instead, or correct slicegate.dev/gpu-memory",
                            STR_FMT(found.resource))
               : STR_LIT("ask for a larger slice or a whole GPU, or correct "
                         "slicegate.dev/gpu-memory"));
    return;
  }
  /* Far too large is twice: a step up may be wanted for its compute, so it only warns. */
  struct candidate found = smallest_sufficient(ctx, need_bytes, name.memory_gib);
  if (!found.resource.len || found.memory_gib * 2 > name.memory_gib)
    return;
  report(ctx, gpu, found.is_offered, SEVERITY_WARN,
         str_printf(ctx->arena,
                    "takes a %.*s for a declared need of %.*s, which a %.*s holds (at least %.*s "
                    "usable)",
                    STR_FMT(shown(ctx, name.text)), STR_FMT(need), STR_FMT(found.resource),
                    STR_FMT(usable_text(ctx, found.memory_gib))),
         str_printf(ctx->arena, "ask for %.*s instead unless it needs the compute",
                    STR_FMT(found.resource)));
}

void rule_right_size(struct rule_context *ctx) {
  const struct str *text;
  int64_t need_bytes = 0;
  if (!declared_need(ctx, &text, &need_bytes)) {
    if (text)
      rule_report(ctx, RULE_RIGHT_SIZE, SEVERITY_WARN, declared_field(ctx, need_key),
                  str_printf(ctx->arena, "\"%.*s\" is no amount of memory that a program needs",
                             STR_FMT(shown(ctx, *text))),
                  STR_LIT("write the memory needed on each GPU with its unit, for example 8Gi"));
    return;
  }
  struct str need = shown(ctx, *text);
  for (size_t i = 0; i < ctx->gpu_count; i++) {
    const struct gpu_request *gpu = &ctx->gpus[i];
    if (gpu->form == GPU_WHOLE)
      judge_whole(ctx, gpu, need, need_bytes);
    else if (gpu->form == GPU_MIG)
      judge_slice(ctx, gpu, need, need_bytes);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host-balance: CPU and memory are requested, and in proportion to the GPUs: too little
 * starves the GPU, too much strands the GPUs that are left on the node. A MIG slice counts
 * as its share of the GPU's compute slices. Everything is compared by cross-multiplication:
 *
 *   requested / (gpu_units / units_per_gpu) >= minimum
 *   requested * units_per_gpu >= minimum * gpu_units
 *
 * Example: 2 slices of 3 of 7 units, 2 CPUs, minimum 4 CPUs a GPU:
 * 2000m * 7 = 14000 < 4000m * 6 = 24000, so 3429m (24000 / 7, rounded up) are needed.
 */
#include "src/admission/admission_internal.h"

static const struct str mig_prefix = {"nvidia.com/mig-", 15};

/* ---- how much GPU ------------------------------------------------------------------ */

struct share {
  int64_t units;   /* of GPU that the pod asks for */
  int64_t per_gpu; /* units that make a whole one */
  int64_t whole;   /* whole GPUs among them */
  bool is_whole;   /* nothing but whole GPUs */
  const struct gpu_request *first;
};

/* Compute slices of the whole GPU, of the products that offer the slice; 0 when they differ
 * or are not known. */
static int64_t slices_per_gpu(const struct rule_context *ctx, struct str resource) {
  const struct cluster_resource *offered = cluster_find_resource(ctx->cluster, resource);
  int64_t slices = 0;
  for (size_t i = 0; offered && i < offered->node_products.count; i++) {
    const struct gpu_product *product = product_by_label(offered->node_products.items[i]);
    int64_t most = 0;
    for (size_t k = 0; product && k < product->profile_count; k++)
      if (product->profiles[k].compute_slices > most)
        most = product->profiles[k].compute_slices;
    if (most == 0 || (slices && slices != most))
      return 0;
    slices = most;
  }
  return slices;
}

/* False: the pod asks for something whose size nobody knows (shares, other vendors' parts). */
static bool measure(const struct rule_context *ctx, struct share *ret) {
  *ret = (struct share){.per_gpu = 1, .is_whole = true, .first = &ctx->gpus[0]};
  /* Slices of one denominator; whole GPUs are brought to it at the end. */
  int64_t slice_units = 0, per_gpu = 0;
  for (size_t i = 0; i < ctx->gpu_count; i++) {
    const struct gpu_request *gpu = &ctx->gpus[i];
    struct mig_name name;
    if (gpu->container->role == CONTAINER_INIT || gpu->form == GPU_AUX)
      continue; /* init containers come and go before; amounts are no devices */
    if (gpu->form == GPU_WHOLE) {
      ret->whole = i64_add_sat(ret->whole, gpu_count_asked(gpu));
      continue;
    }
    int64_t slices = gpu->form == GPU_MIG ? slices_per_gpu(ctx, gpu->amount->name) : 0;
    if (slices == 0 || (per_gpu && per_gpu != slices) ||
        !mig_name_parse(str_skip(gpu->base_name, mig_prefix.len), &name))
      return false;
    per_gpu = slices;
    ret->is_whole = false;
    slice_units =
        i64_add_sat(slice_units, i64_mul_sat(gpu_count_asked(gpu), (int64_t)name.compute));
  }
  ret->per_gpu = per_gpu ? per_gpu : 1;
  ret->units = i64_add_sat(slice_units, i64_mul_sat(ret->whole, ret->per_gpu));
  return ret->units > 0;
}

/* "2 GPUs", "6/7 of a GPU" */
static struct str share_text(const struct rule_context *ctx, const struct share *share) {
  if (share->is_whole)
    return str_printf(ctx->arena, "%lld GPU%s", (long long)share->units,
                      share->units == 1 ? "" : "s");
  return str_printf(ctx->arena, "%lld/%lld of a GPU", (long long)share->units,
                    (long long)share->per_gpu);
}

/* ---- CPU and memory: one rule in two units ------------------------------------------- */

struct kind_of_amount {
  struct str resource;
  const char *word;
  enum param_id minimum, maximum;
};

static const struct kind_of_amount cpu = {
    {"cpu", 3}, "CPU", P_BALANCE_CPU_MIN_MILLI, P_BALANCE_CPU_MAX_MILLI};
static const struct kind_of_amount memory = {
    {"memory", 6}, "memory", P_BALANCE_MEMORY_MIN_MIB, P_BALANCE_MEMORY_MAX_MIB};

static int64_t in_units(const struct kind_of_amount *kind, struct quantity amount) {
  if (kind == &cpu)
    return qty_milli_ceil(amount);
  return qty_units_ceil(amount) / (1 << 20);
}

/* "16", "1500m"; "64Gi", "1500Mi" */
static struct str amount_text(const struct rule_context *ctx, const struct kind_of_amount *kind,
                              int64_t amount) {
  if (kind == &cpu)
    return amount % 1000 ? str_printf(ctx->arena, "%lldm", (long long)amount)
                         : str_printf(ctx->arena, "%lld", (long long)(amount / 1000));
  return amount % 1024 ? str_printf(ctx->arena, "%lldMi", (long long)amount)
                       : str_printf(ctx->arena, "%lldGi", (long long)(amount / 1024));
}

static void judge_amount(struct rule_context *ctx, const struct kind_of_amount *kind,
                         const struct share *share, struct quantity requested) {
  int64_t minimum = ctx->effective->params[kind->minimum]->number;
  int64_t maximum = ctx->effective->params[kind->maximum]->number;
  int64_t have = in_units(kind, requested);
  int64_t scaled = i64_mul_sat(have, share->per_gpu);
  int64_t least = i64_mul_sat(minimum, share->units), most = i64_mul_sat(maximum, share->units);
  bool is_low = scaled<least, is_high = maximum> 0 && scaled > most;
  if (!is_low && !is_high)
    return;
  /* Up for the least, down for the most. */
  int64_t bound =
      is_low ? least / share->per_gpu + (least % share->per_gpu != 0) : most / share->per_gpu;
  struct str field = amount_field(ctx, share->first->container, "requests", kind->resource);
  /* How much of a GPU a slice is depends on the nodes that offer it. */
  rule_report_if_seen(
      ctx, !share->is_whole, RULE_HOST_BALANCE, SEVERITY_DENY, field,
      str_printf(
          ctx->arena, "the pod requests %.*s of %s for %.*s; the policy wants at %s %.*s a GPU",
          STR_FMT(amount_text(ctx, kind, have)), kind->word, STR_FMT(share_text(ctx, share)),
          is_low ? "least" : "most", STR_FMT(amount_text(ctx, kind, is_low ? minimum : maximum))),
      str_printf(ctx->arena, "request at %s %.*s of %s in all", is_low ? "least" : "most",
                 STR_FMT(amount_text(ctx, kind, bound)), kind->word));
}

/* ---- presence -------------------------------------------------------------------------- */

static bool is_requested(const struct rule_context *ctx, const struct container *container,
                         struct str resource) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  return container_request(container, resource) ||
         amount_find(spec->pod_requests, spec->pod_request_count, resource) ||
         amount_find(spec->pod_limits, spec->pod_limit_count, resource);
}

static bool judge_presence(struct rule_context *ctx) {
  bool is_complete = true;
  const struct container *last = NULL;
  for (size_t i = 0; i < ctx->gpu_count; i++) {
    const struct container *container = ctx->gpus[i].container;
    if (container == last || container->role == CONTAINER_INIT)
      continue;
    last = container;
    bool has_cpu = is_requested(ctx, container, cpu.resource);
    bool has_memory = is_requested(ctx, container, memory.resource);
    if (has_cpu && has_memory)
      continue;
    is_complete = false;
    const char *lacks = has_memory ? "no CPU" : has_cpu ? "no memory" : "neither CPU nor memory";
    const char *what = has_memory ? "CPU" : has_cpu ? "memory" : "CPU and memory";
    struct str field =
        amount_field(ctx, container, "requests", has_cpu ? memory.resource : cpu.resource);
    rule_report(ctx, RULE_HOST_BALANCE, SEVERITY_DENY, field,
                str_printf(ctx->arena,
                           "asks for a GPU but requests %s, so any neighbour may starve it", lacks),
                str_printf(ctx->arena, "add requests of %s in proportion to its GPUs", what));
  }
  return is_complete;
}

/* Pod-level requests, where they are given, are the pod's; otherwise its containers' sum. */
static struct quantity pod_amount(const struct rule_context *ctx, struct str resource) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  const struct resource_amount *given =
      amount_find(spec->pod_requests, spec->pod_request_count, resource);
  if (!given)
    given = amount_find(spec->pod_limits, spec->pod_limit_count, resource);
  return given && given->is_valid ? given->amount : pod_effective_request(spec, resource);
}

void rule_host_balance(struct rule_context *ctx) {
  /* Spark's GPU count, or what is laid over another pod: CPU and memory stand elsewhere. */
  if (ctx->tmpl->form == FORM_GPU_COUNT || ctx->tmpl->is_partial || !judge_presence(ctx))
    return;
  struct share share;
  if (!measure(ctx, &share))
    return;
  judge_amount(ctx, &cpu, &share, pod_amount(ctx, cpu.resource));
  judge_amount(ctx, &memory, &share, pod_amount(ctx, memory.resource));
}

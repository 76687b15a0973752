/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sharing: replicas of a time-sliced or MPS device isolate neither memory nor faults. They
 * are for the environments that the policy names, not for workload types that need a GPU
 * to themselves, and one at a time: two replicas may be the same GPU, and with
 * failRequestsGreaterThanOne the kubelet fails the pod after it was scheduled.
 */
#include "src/admission/admission_internal.h"

/* Why a request is for a share, in words; empty when it is not, or nobody can tell. *ret_is_seen:
 * only because of how nodes share it now. */
static struct str why_shared(const struct rule_context *ctx, const struct gpu_request *gpu,
                             bool *ret_is_seen) {
  *ret_is_seen = false;
  struct str name = shown(ctx, gpu->amount->name);
  if (gpu->form == GPU_SHARED)
    return str_printf(ctx->arena, "%.*s is a share of a GPU", STR_FMT(name));
  /* GPU Feature Discovery and GKE mark the nodes that share without renaming. */
  struct alternative by;
  if (gpu->form == GPU_WHOLE && selects_shared_gpus(ctx, &by))
    return str_printf(
        ctx->arena, "%.*s is a share of a GPU on the nodes with %.*s %.*s", STR_FMT(name),
        STR_FMT(str_is(by.key, "nvidia.com/gpu.product") ? STR_LIT("product") : shown(ctx, by.key)),
        STR_FMT(shown(ctx, by.value)));
  const struct cluster_resource *offered = cluster_find_resource(ctx->cluster, gpu->amount->name);
  *ret_is_seen = offered && offered->is_shared_everywhere;
  if (*ret_is_seen)
    return str_printf(ctx->arena,
                      "%.*s is a share of a GPU on every node of this cluster that offers it",
                      STR_FMT(name));
  return (struct str){NULL, 0};
}

static void judge_share(struct rule_context *ctx, const struct gpu_request *gpu, struct str why,
                        bool is_seen) {
  const struct strings *allowed = &ctx->effective->params[P_SHARING_ENVIRONMENTS]->strings;
  const struct strings *exclusive = &ctx->effective->params[P_SHARING_TRAINING]->strings;
  int64_t most = ctx->effective->params[P_SHARING_MAX_REQUEST]->number;
  struct str field = amount_field(ctx, gpu->container, gpu->list, gpu->amount->name);

  /* A workload that names no environment is budget-labels' business, not judged here. */
  if (ctx->environment.len && !strings_match(allowed, ctx->environment)) {
    struct str where = shown_list(ctx, allowed->items, allowed->count, "and");
    rule_report_if_seen(ctx, is_seen, RULE_SHARING, SEVERITY_DENY, field,
                        str_printf(ctx->arena, "%.*s, which environment %.*s may not use",
                                   STR_FMT(why), STR_FMT(shown(ctx, ctx->environment))),
                        where.len
                            ? str_printf(ctx->arena,
                                         "ask for a MIG slice or a whole GPU; shares are for %.*s",
                                         STR_FMT(where))
                            : STR_LIT("ask for a MIG slice or a whole GPU"));
  }
  if (ctx->workload_type.len && strings_match(exclusive, ctx->workload_type))
    rule_report_if_seen(ctx, is_seen, RULE_SHARING, SEVERITY_DENY, field,
                        str_printf(ctx->arena, "%.*s, and %.*s needs one to itself", STR_FMT(why),
                                   STR_FMT(shown(ctx, ctx->workload_type))),
                        STR_LIT("ask for a MIG slice or a whole GPU"));
  if (gpu_count_asked(gpu) > most)
    rule_report_if_seen(
        ctx, is_seen, RULE_SHARING, SEVERITY_DENY, field,
        str_printf(ctx->arena,
                   "%.*s; %lld of them are no larger share and the kubelet may fail the "
                   "pod for it",
                   STR_FMT(why), (long long)gpu_count_asked(gpu)),
        str_printf(ctx->arena,
                   "ask for %s%lld, or for a whole GPU or a larger MIG slice if it needs "
                   "more",
                   most == 1 ? "" : "at most ", (long long)most));
}

void rule_sharing(struct rule_context *ctx) {
  for (size_t i = 0; i < ctx->gpu_count; i++) {
    bool is_seen;
    struct str why = why_shared(ctx, &ctx->gpus[i], &is_seen);
    if (why.len)
      judge_share(ctx, &ctx->gpus[i], why, is_seen);
  }
}

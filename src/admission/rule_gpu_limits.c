/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu-limits: how GPUs are asked for. For Pods and Kubernetes' own workloads kube-apiserver
 * holds most of this too, in words that help nobody; in custom resources nobody does, and
 * the pods fail one by one when their controller makes them. A limit without a request is
 * right: the request is filled in from it.
 */
#include "src/admission/admission_internal.h"

/* Distinct GPU names of one container that are looked at, as in gpu_requests.c. */
enum { GPU_NAMES_MAX = 64 };

static void report(struct rule_context *ctx, enum severity cap, struct str field,
                   struct str message, struct str remedy) {
  rule_report(ctx, RULE_GPU_LIMITS, cap, field, message, remedy);
}

static bool is_gpu(const struct rule_context *ctx, struct str name, enum gpu_resource_form *ret) {
  return str_find_char(name, '/') < name.len && policy_gpu_resource(ctx->view, name, ret);
}

/* ---- one amount ----------------------------------------------------------------------- */

/* "nvidia.com/mig-1g.10gb, nvidia.com/gpu.shared": parts of this vendor's GPUs that nodes offer. */
static struct str offered_parts(const struct rule_context *ctx, struct str name) {
  struct str vendor = {name.ptr, str_find_char(name, '/') + 1};
  struct str items[64];
  size_t count = 0;
  for (size_t i = 0; i < ctx->cluster->resource_count && count < SG_ARRAY_LEN(items); i++) {
    struct str offered = ctx->cluster->resources[i].name;
    enum gpu_resource_form form;
    if (str_starts_with(offered, vendor) && is_gpu(ctx, offered, &form) &&
        (form == GPU_MIG || form == GPU_SHARED))
      items[count++] = offered;
  }
  return shown_list(ctx, items, count, "or");
}

/* Who writes 0.5 wants a part of a GPU; parts have names of their own. */
static struct str fraction_remedy(const struct rule_context *ctx,
                                  const struct resource_amount *amount,
                                  enum gpu_resource_form form) {
  long long whole = (long long)qty_units_ceil(amount->amount);
  bool may_be_part = form == GPU_WHOLE && whole == 1;
  struct str parts =
      may_be_part && ctx->cluster ? offered_parts(ctx, amount->name) : (struct str){NULL, 0};
  if (parts.len)
    return str_printf(ctx->arena, "write 1, or ask for a part of a GPU by its own name: %.*s",
                      STR_FMT(parts));
  if (may_be_part && !ctx->cluster && str_is(amount->name, "nvidia.com/gpu"))
    return STR_LIT("write 1, or ask for a part of a GPU by its own name where nodes offer one: a "
                   "MIG slice such as nvidia.com/mig-1g.10gb, or a share, nvidia.com/gpu.shared");
  return str_printf(ctx->arena, "write %lld", whole);
}

/* The number itself where there is one: the API server rewrites 0.5 to 500m before we see it, and
 * `check` must say the same words as the webhook. */
static struct str amount_text(const struct rule_context *ctx,
                              const struct resource_amount *amount) {
  return amount->is_valid ? qty_text(ctx->arena, amount->amount) : shown(ctx, amount->text);
}

/* Where the policy says how many are too many, that is what is said (judge_maximum). */
static bool is_beyond_all(const struct rule_context *ctx, const struct resource_amount *amount,
                          enum gpu_resource_form form) {
  bool has_maximum = ctx->effective->params[P_LIMITS_MAX_PER_CONTAINER]->number > 0;
  return form != GPU_AUX && (form == GPU_MIG || !has_maximum) &&
         qty_units_ceil(amount->amount) > UINT16_MAX;
}

/* False: it is wrong in itself, and comparing it with another is of no use. */
static bool judge_amount(struct rule_context *ctx, const struct resource_amount *amount,
                         enum gpu_resource_form form, struct str field) {
  struct str text = amount_text(ctx, amount);
  if (!amount->is_valid && amount->text.len == 0) {
    report(ctx, SEVERITY_DENY, field, STR_LIT("says no number"),
           STR_LIT("write how many are needed, a whole number such as 1"));
  } else if (!amount->is_valid) {
    report(ctx, SEVERITY_DENY, field,
           str_printf(ctx->arena, "\"%.*s\" is no number", STR_FMT(text)),
           STR_LIT("write a whole number such as 1"));
  } else if (qty_is_negative(amount->amount)) {
    report(ctx, SEVERITY_DENY, field, str_printf(ctx->arena, "%.*s is negative", STR_FMT(text)),
           STR_LIT("write how many are needed, or leave the line out"));
  } else if (!qty_is_whole(amount->amount)) {
    report(ctx, SEVERITY_DENY, field,
           str_printf(ctx->arena, "%.*s is not a whole number, and devices are handed out whole",
                      STR_FMT(text)),
           fraction_remedy(ctx, amount, form));
  } else if (is_beyond_all(ctx, amount, form)) {
    report(ctx, SEVERITY_DENY, field,
           str_printf(ctx->arena, "%.*s is more than any node has", STR_FMT(text)),
           STR_LIT("write how many one pod needs: all of them come from one node"));
  } else {
    return true;
  }
  return false;
}

/* Thousandths of a GPU, of which slicegate chooses the card (docs/scheduling.md): a part of one, or
 * whole ones. The scheduler's half refuses anything else for ever. */
static void judge_milli(struct rule_context *ctx, const struct container *container,
                        const struct resource_amount *amount) {
  struct str field = amount_field(ctx, container, "limits", amount->name);
  if (!judge_amount(ctx, amount, GPU_AUX, field))
    return;
  long long milli = qty_units_ceil(amount->amount);
  if (milli > GPU_MILLI_MAX)
    report(
        ctx, SEVERITY_DENY, field, str_printf(ctx->arena, "%lld is more than any node has", milli),
        str_printf(ctx->arena, "write at most %d: it is in thousandths of a GPU", GPU_MILLI_MAX));
  else if (milli > GPU_MILLI && milli % GPU_MILLI)
    report(ctx, SEVERITY_DENY, field,
           str_printf(ctx->arena,
                      "%lld is neither a part of one GPU (1 to 999) nor whole GPUs (a multiple of "
                      "1,000)",
                      milli),
           str_printf(ctx->arena, "write %lld", (milli / GPU_MILLI + 1) * GPU_MILLI));
}

/* ---- one name in one container ----------------------------------------------------------- */

static void judge_limit(struct rule_context *ctx, const struct container *container,
                        const struct resource_amount *limit, enum gpu_resource_form form) {
  const struct resource_amount *request =
      amount_find(container->requests, container->request_count, limit->name);
  if (!judge_amount(ctx, limit, form, amount_field(ctx, container, "limits", limit->name)) ||
      !request)
    return;
  struct str field = amount_field(ctx, container, "requests", limit->name);
  if (!request->is_valid)
    judge_amount(ctx, request, form, field);
  else if (qty_cmp(request->amount, limit->amount) != 0)
    report(ctx, SEVERITY_DENY, field,
           str_printf(ctx->arena, "a request of %.*s beside a limit of %.*s: the two must be equal",
                      STR_FMT(amount_text(ctx, request)), STR_FMT(amount_text(ctx, limit))),
           STR_LIT("write the same number in both, or leave the request out: it is taken from the "
                   "limit"));
}

static void judge_request_alone(struct rule_context *ctx, const struct container *container,
                                const struct resource_amount *request,
                                enum gpu_resource_form form) {
  struct str field = amount_field(ctx, container, "requests", request->name);
  struct str name = shown(ctx, request->name);
  if (judge_amount(ctx, request, form, field))
    report(ctx, SEVERITY_DENY, field,
           str_printf(ctx->arena, "%.*s is requested without a limit", STR_FMT(name)),
           str_printf(ctx->arena, "write %.*s: %.*s in limits; the request may be left out",
                      STR_FMT(name), STR_FMT(amount_text(ctx, request))));
}

/* Where the name itself stands. */
static struct str name_field(const struct rule_context *ctx, const struct container *container,
                             const char *list, struct str name) {
  if (ctx->tmpl->form == FORM_GPU_COUNT)
    return str_printf(ctx->arena, "%.*s.name", STR_FMT(ctx->tmpl->path));
  return amount_field(ctx, container, list, name);
}

static bool judge_name(struct rule_context *ctx, const struct container *container,
                       const char *list, struct str name) {
  bool may_look = may_look_for_nearest(ctx);
  struct str nearest = {NULL, 0};
  if (!is_mistaken_gpu_name(ctx, name, may_look ? &nearest : NULL))
    return false;
  struct str text = shown(ctx, name);
  struct str message =
      str_find_char(name, '/') == name.len
          ? str_printf(
                ctx->arena,
                "%.*s is no resource of Kubernetes; GPUs are named with their vendor's domain",
                STR_FMT(text))
          : str_printf(ctx->arena, "%.*s is not a known GPU resource", STR_FMT(text));
  /* With nothing near it is hardly a typing error: there may be such a device. */
  struct str remedy = STR_LIT("write the name that the device plugin offers, or have it added to "
                              "knownNames of this rule");
  if (nearest.len && str_find_char(name, '/') < name.len)
    remedy = str_printf(ctx->arena,
                        "write %.*s; where a device plugin does offer %.*s, have that added to "
                        "knownNames of this rule",
                        STR_FMT(shown(ctx, nearest)), STR_FMT(text));
  else if (nearest.len)
    remedy = str_printf(ctx->arena, "write %.*s", STR_FMT(shown(ctx, nearest)));
  report(ctx, nearest.len ? SEVERITY_DENY : SEVERITY_WARN, name_field(ctx, container, list, name),
         message, remedy);
  return true;
}

static void judge_container(struct rule_context *ctx, const struct container *container) {
  enum gpu_resource_form form = GPU_WHOLE;
  size_t named = 0;
  for (size_t i = 0; i < container->limit_count && named < GPU_NAMES_MAX; i++) {
    const struct resource_amount *limit = &container->limits[i];
    if (str_is(limit->name, GPU_MILLI_NAME)) {
      judge_milli(ctx, container, limit);
    } else if (judge_name(ctx, container, "limits", limit->name)) {
      named++;
    } else if (is_gpu(ctx, limit->name, &form)) {
      named++;
      judge_limit(ctx, container, limit, form);
    }
  }
  for (size_t i = 0; i < container->request_count && named < GPU_NAMES_MAX; i++) {
    const struct resource_amount *request = &container->requests[i];
    bool is_known = is_gpu(ctx, request->name, &form);
    if (!is_known && !is_mistaken_gpu_name(ctx, request->name, NULL))
      continue;
    named++;
    if (amount_find(container->limits, container->limit_count, request->name))
      continue; /* judged there */
    if (!judge_name(ctx, container, "requests", request->name))
      judge_request_alone(ctx, container, request, form);
  }
  if (named == GPU_NAMES_MAX)
    report(ctx, SEVERITY_DENY, container_path(ctx->arena, ctx->tmpl, container),
           str_printf(ctx->arena, "container %.*s names %d GPU resources or more",
                      STR_FMT(shown(ctx, container->name)), GPU_NAMES_MAX),
           STR_LIT("ask for one kind of GPU in one container"));
}

/* ---- several names in one container ------------------------------------------------------ */

static struct str vendor_of(struct str name) {
  return (struct str){name.ptr, str_find_char(name, '/')};
}

/*
 * Two names of one vendor hold two devices of which a process sees one. Two that are
 * neither whole, slice nor share (passed through to a virtual machine by product) may be
 * meant; so may two vendors or two profiles, hardly: those are only warned about.
 */
static void judge_pair(struct rule_context *ctx, const struct gpu_request *a,
                       const struct gpu_request *b) {
  if (a->form == GPU_AUX || b->form == GPU_AUX || (a->form == GPU_OTHER && b->form == GPU_OTHER))
    return;
  bool is_one_vendor = str_eq(vendor_of(a->amount->name), vendor_of(b->amount->name));
  bool is_doubt = !is_one_vendor || (a->is_mig && b->is_mig);
  struct str a_name = shown(ctx, a->amount->name), b_name = shown(ctx, b->amount->name);
  report(ctx, is_doubt ? SEVERITY_WARN : SEVERITY_DENY,
         amount_field(ctx, b->container, b->list, b->amount->name),
         str_printf(ctx->arena,
                    "asks for a GPU twice: it would hold %.*s and %.*s, and a process uses one of "
                    "them",
                    STR_FMT(a_name), STR_FMT(b_name)),
         STR_LIT("keep one of the two, or use them in two containers"));
}

static void judge_pairs(struct rule_context *ctx) {
  const struct gpu_request *first = NULL;
  for (size_t i = 0; i < ctx->gpu_count; i++) {
    const struct gpu_request *gpu = &ctx->gpus[i];
    if (first && first->container == gpu->container)
      judge_pair(ctx, first, gpu);
    else if (gpu->form != GPU_AUX)
      first = gpu;
  }
}

/* Slices have a maximum of their own, in mig-profile. */
static void judge_maximum(struct rule_context *ctx) {
  int64_t most = ctx->effective->params[P_LIMITS_MAX_PER_CONTAINER]->number;
  for (size_t i = 0; most > 0 && i < ctx->gpu_count; i++) {
    const struct gpu_request *gpu = &ctx->gpus[i];
    if (gpu->form == GPU_AUX || gpu->is_mig || gpu_count_asked(gpu) <= most)
      continue;
    report(ctx, SEVERITY_DENY, amount_field(ctx, gpu->container, gpu->list, gpu->amount->name),
           str_printf(ctx->arena, "%.*s GPUs in one container, and at most %lld are allowed",
                      STR_FMT(shown(ctx, gpu->amount->text)), (long long)most),
           str_printf(ctx->arena, "ask for at most %lld, or spread the work over several pods",
                      (long long)most));
  }
}

/* ---- where no GPU can be asked for ---------------------------------------------------------- */

/* The first GPU in the list, by a right name or a mistaken one; NULL: none. */
static const struct resource_amount *first_gpu(const struct rule_context *ctx,
                                               const struct resource_amount *list, size_t count) {
  enum gpu_resource_form form;
  for (size_t i = 0; i < count; i++)
    if (is_gpu(ctx, list[i].name, &form) || is_mistaken_gpu_name(ctx, list[i].name, NULL))
      return &list[i];
  return NULL;
}

static void judge_ephemeral(struct rule_context *ctx, const struct container *container) {
  const char *list = "limits";
  const struct resource_amount *gpu = first_gpu(ctx, container->limits, container->limit_count);
  if (!gpu) {
    list = "requests";
    gpu = first_gpu(ctx, container->requests, container->request_count);
  }
  if (gpu)
    report(ctx, SEVERITY_DENY, amount_field(ctx, container, list, gpu->name),
           STR_LIT("an ephemeral container may have no resources, and so no GPU"),
           STR_LIT("leave its resources out, or debug in a copy of the pod (kubectl debug "
                   "--copy-to)"));
}

static void judge_pod_list(struct rule_context *ctx, const char *list,
                           const struct resource_amount *amounts, size_t count,
                           const char *message) {
  const struct resource_amount *gpu = first_gpu(ctx, amounts, count);
  if (gpu)
    report(ctx, SEVERITY_DENY, spec_field(ctx, "%s[%.*s]", list, STR_FMT(gpu->name)),
           str_of(message),
           str_printf(ctx->arena, "move %.*s to resources.limits of the container that uses it",
                      STR_FMT(shown(ctx, gpu->name))));
}

void rule_gpu_limits(struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->container_count; i++) {
    if (spec->containers[i].role == CONTAINER_EPHEMERAL)
      judge_ephemeral(ctx, &spec->containers[i]);
    else
      judge_container(ctx, &spec->containers[i]);
  }
  judge_pairs(ctx);
  judge_maximum(ctx);
  static const char only_host[] =
      "the resources of a whole pod are cpu, memory and hugepages; GPUs belong to a container";
  judge_pod_list(ctx, "resources.limits", spec->pod_limits, spec->pod_limit_count, only_host);
  judge_pod_list(ctx, "resources.requests", spec->pod_requests, spec->pod_request_count, only_host);
  judge_pod_list(
      ctx, "overhead", spec->overhead, spec->overhead_count,
      "overhead is what the container runtime itself takes; it gives no container a GPU");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which GPUs the containers of a template ask for. */
#include "src/admission/admission_internal.h"

/*
 * Distinct GPU resources that one container may name before the rest is ignored. Real ones
 * name one, two with HAMi's shares; the bound keeps a hostile object from costing the
 * square of its size.
 */
enum { GPU_NAMES_MAX = 64 };

static const struct str shared_suffix = {".shared", 7};
static const struct str mig_prefix = {"nvidia.com/mig-", 15};

struct str gpu_base_name(struct str resource) {
  if (str_ends_with(resource, shared_suffix))
    resource.len -= shared_suffix.len;
  return resource;
}

struct gpu_list {
  struct gpu_request *items;
  size_t count, capacity;
};

static void add_request(struct rule_context *ctx, struct gpu_list *list,
                        const struct container *container, const struct resource_amount *amount,
                        bool in_requests, enum gpu_resource_form form) {
  if (list->count == list->capacity) {
    list->capacity = list->capacity ? list->capacity * 2 : 4;
    struct gpu_request *items = arena_array(ctx->arena, list->capacity, sizeof(*items));
    if (list->count)
      memcpy(items, list->items, list->count * sizeof(*items));
    list->items = items;
  }
  struct str base = gpu_base_name(amount->name);
  list->items[list->count++] = (struct gpu_request){
      .container = container,
      .amount = amount,
      .list = in_requests ? "requests" : "limits",
      .form = form,
      .is_mig = str_starts_with(base, mig_prefix),
      .base_name = base,
  };
}

/* An amount that is not zero, or that is no quantity at all: who writes `"one"` asks too. */
static bool asks(const struct resource_amount *amount) {
  return !amount->is_valid || !qty_is_zero(amount->amount);
}

/* Extended resources have a domain; "cpu" and "memory" need not be looked up. */
static bool is_gpu(const struct rule_context *ctx, struct str name, enum gpu_resource_form *ret) {
  return str_find_char(name, '/') < name.len && policy_gpu_resource(ctx->view, name, ret);
}

static void collect_container(struct rule_context *ctx, struct gpu_list *list,
                              const struct container *container) {
  size_t named = 0;
  enum gpu_resource_form form;
  /*
   * The limit counts where there is one: it must equal the request (gpu-limits), and it is what
   * the user wrote. The API server fills requests in from limits on Pods before we see them; a
   * finding that named them would point at a line that is in no manifest.
   */
  for (size_t i = 0; i < container->limit_count && named < GPU_NAMES_MAX; i++) {
    const struct resource_amount *limit = &container->limits[i];
    if (!is_gpu(ctx, limit->name, &form))
      continue;
    named++;
    const struct resource_amount *request =
        amount_find(container->requests, container->request_count, limit->name);
    const struct resource_amount *counts = asks(limit) || !request ? limit : request;
    if (asks(counts))
      add_request(ctx, list, container, counts, counts == request, form);
  }
  for (size_t i = 0; i < container->request_count && named < GPU_NAMES_MAX; i++) {
    const struct resource_amount *request = &container->requests[i];
    if (!is_gpu(ctx, request->name, &form))
      continue;
    named++;
    if (asks(request) && !amount_find(container->limits, container->limit_count, request->name))
      add_request(ctx, list, container, request, true, form);
  }
}

void collect_gpu_requests(struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  struct gpu_list list = {NULL, 0, 0};
  for (size_t i = 0; i < spec->container_count; i++)
    /* Kubernetes lets ephemeral containers have no resources; gpu-limits says so. */
    if (spec->containers[i].role != CONTAINER_EPHEMERAL)
      collect_container(ctx, &list, &spec->containers[i]);
  ctx->gpus = list.items;
  ctx->gpu_count = list.count;
}

int64_t gpu_count_asked(const struct gpu_request *gpu) {
  const struct quantity *amount = &gpu->amount->amount;
  if (!gpu->amount->is_valid || !qty_is_whole(*amount) || qty_is_negative(*amount))
    return 0;
  return amount->units;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about pods that Kubernetes itself answers, answered the same way. */
#include "slicegate/model.h"

const struct str *kv_find(const struct key_value *pairs, size_t count, struct str key) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(pairs[i].key, key))
      return &pairs[i].value;
  return NULL;
}

const struct resource_amount *amount_find(const struct resource_amount *list, size_t count,
                                          struct str name) {
  for (size_t i = 0; i < count; i++)
    if (str_eq(list[i].name, name))
      return &list[i];
  return NULL;
}

/* An empty key stands for every key, an empty effect for every effect. (With Equal the API
 * server takes no empty key; kube-scheduler would compare just the values.) */
bool toleration_tolerates(const struct toleration *toleration, const struct taint *taint) {
  if (toleration->effect != EFFECT_ANY && toleration->effect != taint->effect)
    return false;
  if (toleration->key.len && !str_eq(toleration->key, taint->key))
    return false;
  if (toleration->is_exists)
    return true;
  return str_eq(toleration->value, taint->value);
}

/* ---- effective requests ------------------------------------------------------------ */

const struct resource_amount *container_request(const struct container *container,
                                                struct str resource) {
  const struct resource_amount *request =
      amount_find(container->requests, container->request_count, resource);
  return request ? request : amount_find(container->limits, container->limit_count, resource);
}

/* What is no quantity counts as nothing: gpu-limits says so, and no sum can. */
static struct quantity request_of(const struct container *container, struct str resource) {
  const struct resource_amount *amount = container_request(container, resource);
  return amount && amount->is_valid ? amount->amount : (struct quantity){0, 0};
}

struct quantity pod_effective_request(const struct pod_spec *spec, struct str resource) {
  /* Ordinary init containers run one after another, each beside the sidecars started before
   * it; then all sidecars run beside the app containers. */
  struct quantity sum = {0, 0}, sidecars = {0, 0}, peak = {0, 0};
  for (size_t i = 0; i < spec->container_count; i++) {
    const struct container *container = &spec->containers[i];
    struct quantity amount = request_of(container, resource);
    switch (container->role) {
    case CONTAINER_APP:
      sum = qty_add(sum, amount);
      break;
    case CONTAINER_SIDECAR:
      sum = qty_add(sum, amount);
      sidecars = qty_add(sidecars, amount);
      peak = qty_max(peak, sidecars);
      break;
    case CONTAINER_INIT:
      peak = qty_max(peak, qty_add(amount, sidecars));
      break;
    case CONTAINER_EPHEMERAL: /* may have no resources */
      break;
    }
  }
  struct quantity request = qty_max(sum, peak);
  const struct resource_amount *overhead =
      amount_find(spec->overhead, spec->overhead_count, resource);
  return overhead && overhead->is_valid ? qty_add(request, overhead->amount) : request;
}

/* ---- paths ------------------------------------------------------------------------- */

struct str container_path(struct arena *arena, const struct pod_template *tmpl,
                          const struct container *container) {
  static const char *const lists[] = {[CONTAINER_APP] = "containers",
                                      [CONTAINER_INIT] = "initContainers",
                                      [CONTAINER_SIDECAR] = "initContainers",
                                      [CONTAINER_EPHEMERAL] = "ephemeralContainers"};
  /* Where a template is only resources or a device count, that is the whole container. */
  if (tmpl->form == FORM_RESOURCES || tmpl->form == FORM_GPU_COUNT)
    return tmpl->path;
  return str_printf(arena, "%.*s%s%s[%u]", STR_FMT(tmpl->spec_path), tmpl->spec_path.len ? "." : "",
                    lists[container->role], container->index);
}

/* ---- a recorded cluster --------------------------------------------------------------- */

const struct k8s_namespace *cluster_find_namespace(const struct cluster *cluster, struct str name) {
  size_t low = 0, high = cluster->namespace_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = str_cmp(cluster->namespaces[middle].name, name);
    if (order == 0)
      return &cluster->namespaces[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

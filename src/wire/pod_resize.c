/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-place resize: until a kubelet has done what the spec asks for, the node still owes the pod
 * what it has. kube-scheduler counts the largest of what is asked for, allocated and in use, and
 * leaves out what is asked for where the node can never give it (KEP-1287); so do we.
 */
#include "wire_internal.h"

static const char *const resized[] = {"cpu", "memory"};

/* Asks for what its node can never give. Older API servers say it in status.resize. */
static bool is_infeasible(const struct doc_node *status) {
  const struct doc_node *conditions = doc_get_lit(status, "conditions");
  if (str_is(doc_text_at(status, "resize"), "Infeasible"))
    return true;
  for (uint32_t i = 0; doc_is(conditions, DOC_SEQUENCE) && i < conditions->count; i++)
    if (str_is(doc_text_at(&conditions->items[i], "type"), "PodResizePending") &&
        str_is(doc_text_at(&conditions->items[i], "reason"), "Infeasible"))
      return true;
  return false;
}

static const struct doc_node *find_status(const struct doc_node *statuses, struct str name) {
  for (uint32_t i = 0; doc_is(statuses, DOC_SEQUENCE) && i < statuses->count; i++)
    if (str_eq(doc_text_at(&statuses->items[i], "name"), name))
      return &statuses->items[i];
  return NULL;
}

static struct quantity amount_at(const struct doc_node *amounts, const char *resource) {
  const struct doc_node *amount = doc_get_lit(amounts, resource);
  struct quantity ret = {0, 0};
  if (!amount || (amount->kind != DOC_STRING && amount->kind != DOC_NUMBER) ||
      !qty_parse(amount->text, &ret))
    return (struct quantity){0, 0};
  return ret;
}

static void set_request(struct resource_amount *list, size_t *count, const char *resource,
                        struct quantity amount) {
  for (size_t i = 0; i < *count; i++)
    if (str_is(list[i].name, resource)) {
      list[i].amount = amount;
      list[i].is_valid = true;
      return;
    }
  list[(*count)++] =
      (struct resource_amount){.name = str_of(resource), .amount = amount, .is_valid = true};
}

/* Amounts that were asked for, and what the node owes of them. */
struct owed {
  const struct doc_node *in_use, *allocated;
  bool is_infeasible;
};

static struct quantity amount_owed(const struct owed *owed, const char *resource,
                                   const struct resource_amount *asked) {
  struct quantity has =
      qty_max(amount_at(owed->in_use, resource), amount_at(owed->allocated, resource));
  return !owed->is_infeasible && asked && asked->is_valid ? qty_max(has, asked->amount) : has;
}

static struct owed owed_by(const struct doc_node *status, bool is_infeasible) {
  return (struct owed){doc_get_lit(doc_get_lit(status, "resources"), "requests"),
                       doc_get_lit(status, "allocatedResources"), is_infeasible};
}

static void apply(struct arena *scratch, const struct owed *owed, struct container *container) {
  size_t count = container->request_count;
  struct resource_amount *list = arena_array(scratch, count + SG_ARRAY_LEN(resized), sizeof(*list));
  if (count)
    memcpy(list, container->requests, count * sizeof(*list));
  for (size_t i = 0; i < SG_ARRAY_LEN(resized); i++)
    set_request(list, &count, resized[i],
                amount_owed(owed, resized[i], container_request(container, str_of(resized[i]))));
  container->requests = list;
  container->request_count = count;
}

/* Of the pod as a whole: what it asks for itself. */
static void apply_to_pod(struct arena *scratch, const struct owed *owed, struct pod_spec *spec) {
  size_t count = spec->pod_request_count;
  struct resource_amount *list = arena_array(scratch, count + 1, sizeof(*list));
  if (count)
    memcpy(list, spec->pod_requests, count * sizeof(*list));
  for (size_t i = 0; i < SG_ARRAY_LEN(resized); i++) {
    const struct resource_amount *asked = amount_find(list, count, str_of(resized[i]));
    if (asked)
      set_request(list, &count, resized[i], amount_owed(owed, resized[i], asked));
  }
  spec->pod_requests = list;
}

void wire_pod_resize_apply(struct arena *scratch, const struct doc_node *status,
                           struct pod_spec *spec) {
  const struct doc_node *apps = doc_get_lit(status, "containerStatuses");
  const struct doc_node *inits = doc_get_lit(status, "initContainerStatuses");
  bool cannot_grow = is_infeasible(status);
  struct container *containers = (struct container *)(uintptr_t)spec->containers;
  if (doc_get_lit(status, "resources")) {
    const struct owed owed = owed_by(status, cannot_grow);
    apply_to_pod(scratch, &owed, spec);
  }
  for (size_t i = 0; i < spec->container_count; i++) {
    bool is_app = containers[i].role == CONTAINER_APP;
    const struct doc_node *found = find_status(is_app ? apps : inits, containers[i].name);
    if ((!is_app && containers[i].role != CONTAINER_SIDECAR) || !doc_get_lit(found, "resources"))
      continue;
    const struct owed owed = owed_by(found, cannot_grow);
    apply(scratch, &owed, &containers[i]);
  }
}

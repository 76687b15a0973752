/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nodes a pod may go to and what it takes of one, by kube-scheduler's own rules:
 * NodeUnschedulable, NodeName, TaintToleration, NodeAffinity (k8s.io/component-helpers
 * scheduling/corev1/nodeaffinity) and the sums of NodeResourcesFit (resource/helpers.go).
 */
#include "slicegate/model.h"

static const struct str name_field = {"metadata.name", 13};

/* ---- node affinity ----------------------------------------------------------------------- */

static bool is_among(const struct node_requirement *requirement, struct str value) {
  for (size_t i = 0; i < requirement->value_count; i++)
    if (str_eq(requirement->values[i], value))
      return true;
  return false;
}

bool node_meets(const struct node *node, const struct node_requirement *requirement) {
  const struct str *value = kv_find(node->labels, node->label_count, requirement->key);
  int64_t has, bound;
  switch (requirement->op) {
  case SELECT_IN:
    return value && is_among(requirement, *value);
  case SELECT_NOT_IN: /* a node without the label has no value that is refused */
    return !value || !is_among(requirement, *value);
  case SELECT_EXISTS:
    return value != NULL;
  case SELECT_NOT_EXISTS:
    return value == NULL;
  case SELECT_GT:
  case SELECT_LT:
    if (!value || requirement->value_count != 1 || !i64_parse(*value, &has) ||
        !i64_parse(requirement->values[0], &bound))
      return false;
    return requirement->op == SELECT_GT ? has > bound : has < bound;
  }
  return false;
}

static bool meets_field(const struct node *node, const struct node_requirement *requirement) {
  if (!str_eq(requirement->key, name_field))
    return false;
  bool is_there = is_among(requirement, node->name);
  return requirement->op == SELECT_IN ? is_there : requirement->op == SELECT_NOT_IN && !is_there;
}

static bool meets_term(const struct node *node, const struct node_selector_term *term) {
  for (size_t i = 0; i < term->requirement_count; i++)
    if (!node_meets(node, &term->requirements[i]))
      return false;
  for (size_t i = 0; i < term->field_count; i++)
    if (!meets_field(node, &term->fields[i]))
      return false;
  return term->requirement_count + term->field_count > 0; /* an empty term selects nothing */
}

bool pod_selects_node(const struct pod_constraints *constraints, const struct node *node) {
  if (constraints->node_name.len && !str_eq(constraints->node_name, node->name))
    return false;
  for (size_t i = 0; i < constraints->node_selector_count; i++) {
    const struct key_value *wanted = &constraints->node_selector[i];
    const struct str *value = kv_find(node->labels, node->label_count, wanted->key);
    if (!value || !str_eq(*value, wanted->value))
      return false;
  }
  for (size_t i = 0; i < constraints->affinity_term_count; i++)
    if (meets_term(node, &constraints->affinity_terms[i]))
      return true;
  return constraints->affinity_term_count == 0;
}

/* ---- counts ------------------------------------------------------------------------------ */

int64_t pod_units(const struct pod *pod, const char *resource) {
  for (size_t i = 0; i < pod->request_count; i++)
    if (str_is(pod->requests[i].name, resource))
      return qty_units_ceil(pod->requests[i].amount);
  return 0;
}

bool node_counts(const struct node *node, struct str resource) {
  return !node->has_hami || !str_is(resource, "nvidia.com/gpu");
}

/* ---- taints ------------------------------------------------------------------------------ */

static bool is_tolerated(const struct pod_constraints *constraints, const struct taint *taint) {
  for (size_t i = 0; i < constraints->toleration_count; i++)
    if (toleration_tolerates(&constraints->tolerations[i], taint))
      return true;
  return false;
}

const struct taint *pod_find_barrier(const struct pod_constraints *constraints,
                                     const struct node *node) {
  static const struct taint cordon = {.key = {"node.kubernetes.io/unschedulable", 32},
                                      .effect = EFFECT_NO_SCHEDULE};
  if (node->is_unschedulable && !is_tolerated(constraints, &cordon))
    return &cordon;
  for (size_t i = 0; i < node->taint_count; i++) {
    const struct taint *taint = &node->taints[i];
    bool is_hard = taint->effect == EFFECT_NO_SCHEDULE || taint->effect == EFFECT_NO_EXECUTE;
    if (is_hard && !is_tolerated(constraints, taint))
      return taint;
  }
  return NULL;
}

struct pod_constraints pod_constraints_of(const struct pod_spec *spec) {
  return (struct pod_constraints){.node_name = spec->node_name,
                                  .node_selector = spec->node_selector,
                                  .node_selector_count = spec->node_selector_count,
                                  .affinity_terms = spec->affinity_terms,
                                  .affinity_term_count = spec->affinity_term_count,
                                  .tolerations = spec->tolerations,
                                  .toleration_count = spec->toleration_count};
}

/* ---- resources --------------------------------------------------------------------------- */

/* What spec.resources may name (KEP-2837). */
static bool is_pod_level(struct str name) {
  return str_is(name, "cpu") || str_is(name, "memory") || resource_is_huge_pages(name);
}

static bool is_requested_by_container(const struct pod_spec *spec, struct str name) {
  for (size_t i = 0; i < spec->container_count; i++)
    if (amount_find(spec->containers[i].requests, spec->containers[i].request_count, name))
      return true;
  return false;
}

/*
 * A pod's own request counts in place of its containers'. The API server makes it of the pod's
 * limit where no container requests the resource; manifests have not been there yet.
 */
static const struct resource_amount *pod_level_request(const struct pod_spec *spec,
                                                       struct str name) {
  if (!is_pod_level(name))
    return NULL;
  const struct resource_amount *given =
      amount_find(spec->pod_requests, spec->pod_request_count, name);
  if (!given && !is_requested_by_container(spec, name))
    given = amount_find(spec->pod_limits, spec->pod_limit_count, name);
  return given && given->is_valid ? given : NULL;
}

static struct quantity scheduled_request(const struct pod_spec *spec, struct str name) {
  const struct resource_amount *given = pod_level_request(spec, name);
  if (!given)
    return pod_effective_request(spec, name);
  const struct resource_amount *overhead = amount_find(spec->overhead, spec->overhead_count, name);
  return overhead && overhead->is_valid ? qty_add(given->amount, overhead->amount) : given->amount;
}

struct pod_overhead pod_overhead_of(const struct pod_spec *spec) {
  const struct resource_amount *cpu =
      amount_find(spec->overhead, spec->overhead_count, STR_LIT("cpu"));
  const struct resource_amount *memory =
      amount_find(spec->overhead, spec->overhead_count, STR_LIT("memory"));
  return (struct pod_overhead){cpu && cpu->is_valid ? qty_milli_ceil(cpu->amount) : 0,
                               memory && memory->is_valid ? qty_units_ceil(memory->amount) : 0};
}

struct request_list {
  const struct pod_spec *spec;
  struct resource_request *items;
  size_t count;
};

static void add_names(struct request_list *list, const struct resource_amount *amounts,
                      size_t count) {
  for (size_t i = 0; i < count; i++) {
    bool is_there = false;
    for (size_t k = 0; k < list->count && !is_there; k++)
      is_there = str_eq(list->items[k].name, amounts[i].name);
    struct quantity amount =
        is_there ? (struct quantity){0, 0} : scheduled_request(list->spec, amounts[i].name);
    if (!is_there && !qty_is_zero(amount) && !qty_is_negative(amount))
      list->items[list->count++] = (struct resource_request){amounts[i].name, amount};
  }
}

const struct resource_request *pod_resources(struct arena *arena, const struct pod_spec *spec,
                                             size_t *ret_count) {
  size_t most = spec->overhead_count + spec->pod_request_count + spec->pod_limit_count;
  for (size_t i = 0; i < spec->container_count; i++)
    most += spec->containers[i].request_count + spec->containers[i].limit_count;
  struct request_list list = {spec, arena_array(arena, most, sizeof(*list.items)), 0};
  for (size_t i = 0; i < spec->container_count; i++) {
    const struct container *container = &spec->containers[i];
    add_names(&list, container->requests, container->request_count);
    add_names(&list, container->limits, container->limit_count);
  }
  add_names(&list, spec->pod_requests, spec->pod_request_count);
  add_names(&list, spec->pod_limits, spec->pod_limit_count);
  add_names(&list, spec->overhead, spec->overhead_count);
  *ret_count = list.count;
  return list.items;
}

struct str request_text(struct arena *arena, const struct resource_request *request) {
  static const char *const units[] = {"Ki", "Mi", "Gi", "Ti"};
  bool is_bytes = str_is(request->name, "memory") || str_is(request->name, "ephemeral-storage") ||
                  resource_is_huge_pages(request->name);
  int64_t value = request->amount.units;
  const char *unit = "";
  if (!is_bytes || !qty_is_whole(request->amount))
    return qty_text(arena, request->amount);
  for (size_t i = 0; i < SG_ARRAY_LEN(units) && value && value % 1024 == 0; i++) {
    value /= 1024;
    unit = units[i];
  }
  return str_printf(arena, "%lld%s", (long long)value, unit);
}

bool pod_is_over(const struct pod *pod) {
  return pod->phase == PHASE_SUCCEEDED || pod->phase == PHASE_FAILED;
}

struct str pod_scheduler_of(const struct pod *pod) {
  return pod->scheduler_name.len ? pod->scheduler_name : STR_LIT(K8S_DEFAULT_SCHEDULER);
}

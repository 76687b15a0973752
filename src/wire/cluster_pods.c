/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod of a cluster: what it holds and where it may go. Its spec is decoded as any other and
 * most of it forgotten: of 100,000 pods what is kept must stay small.
 */
#include "wire_internal.h"

struct str wire_keep(const struct keeper *keeper, struct str s) {
  uintptr_t at = (uintptr_t)s.ptr, text = (uintptr_t)keeper->text.ptr;
  if (s.len == 0 || (at >= text && at - text < keeper->text.len))
    return s;
  return str_copy(keeper->arena, s);
}

void wire_keep_pairs(const struct keeper *keeper, const struct key_value *pairs, size_t count) {
  struct key_value *mine = (struct key_value *)(uintptr_t)pairs;
  for (size_t i = 0; i < count; i++) {
    mine[i].key = wire_keep(keeper, mine[i].key);
    mine[i].value = wire_keep(keeper, mine[i].value);
  }
}

/* A list of the scratch arena, in the one that stays. */
static void *copy(const struct keeper *keeper, const void *list, size_t count, size_t size) {
  if (count == 0)
    return NULL;
  void *made = arena_array(keeper->arena, count, size);
  memcpy(made, list, count * size);
  return made;
}

static void keep_requirements(const struct keeper *keeper, const struct node_requirement **list,
                              size_t count) {
  struct node_requirement *made = copy(keeper, *list, count, sizeof(*made));
  for (size_t i = 0; i < count; i++) {
    struct str *values = copy(keeper, made[i].values, made[i].value_count, sizeof(*values));
    for (size_t v = 0; v < made[i].value_count; v++)
      values[v] = wire_keep(keeper, values[v]);
    made[i].key = wire_keep(keeper, made[i].key);
    made[i].values = values;
  }
  *list = made;
}

static void keep_constraints(const struct keeper *keeper, struct pod_constraints *c) {
  c->node_name = wire_keep(keeper, c->node_name);
  c->node_selector =
      copy(keeper, c->node_selector, c->node_selector_count, sizeof(struct key_value));
  wire_keep_pairs(keeper, c->node_selector, c->node_selector_count);
  struct toleration *tolerations =
      copy(keeper, c->tolerations, c->toleration_count, sizeof(*tolerations));
  for (size_t i = 0; i < c->toleration_count; i++) {
    tolerations[i].key = wire_keep(keeper, tolerations[i].key);
    tolerations[i].value = wire_keep(keeper, tolerations[i].value);
  }
  c->tolerations = tolerations;
  struct node_selector_term *terms =
      copy(keeper, c->affinity_terms, c->affinity_term_count, sizeof(*terms));
  for (size_t i = 0; i < c->affinity_term_count; i++) {
    keep_requirements(keeper, &terms[i].requirements, terms[i].requirement_count);
    keep_requirements(keeper, &terms[i].fields, terms[i].field_count);
  }
  c->affinity_terms = terms;
}

static const struct resource_request *
keep_requests(const struct keeper *keeper, const struct resource_request *list, size_t count) {
  struct resource_request *made = copy(keeper, list, count, sizeof(*made));
  for (size_t i = 0; i < count; i++)
    made[i].name = wire_keep(keeper, made[i].name);
  return made;
}

/* ---- the object -------------------------------------------------------------------------- */

static enum pod_phase read_phase(struct str text) {
  static const char *const names[] = {"Pending", "Running", "Succeeded", "Failed"};
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++)
    if (str_is(text, names[i]))
      return (enum pod_phase)i;
  return text.len ? PHASE_UNKNOWN : PHASE_PENDING;
}

static struct str controller_kind(const struct doc_node *metadata) {
  const struct doc_node *owners = doc_get_lit(metadata, "ownerReferences");
  for (uint32_t i = 0; doc_is(owners, DOC_SEQUENCE) && i < owners->count; i++)
    if (doc_is_true(doc_get_lit(&owners->items[i], "controller")))
      return doc_text_at(&owners->items[i], "kind");
  return (struct str){NULL, 0};
}

static bool is_given(const struct doc_node *mapping, const char *name) {
  const struct doc_node *child = doc_get_lit(mapping, name);
  return child && child->kind != DOC_NULL;
}

static int32_t priority_of(const struct doc_node *spec) {
  int64_t priority = 0;
  if (!doc_int(doc_get_lit(spec, "priority"), &priority))
    return 0;
  return priority > INT32_MAX ? INT32_MAX : priority < INT32_MIN ? INT32_MIN : (int32_t)priority;
}

/* kube-scheduler has found no node, or has failed otherwise. */
static bool was_rejected(const struct doc_node *status) {
  const struct doc_node *conditions = doc_get_lit(status, "conditions");
  for (uint32_t i = 0; doc_is(conditions, DOC_SEQUENCE) && i < conditions->count; i++) {
    const struct doc_node *condition = &conditions->items[i];
    if (str_is(doc_text_at(condition, "type"), "PodScheduled"))
      return str_is(doc_text_at(condition, "status"), "False") &&
             !str_is(doc_text_at(condition, "reason"), "SchedulingGated");
  }
  return false;
}

/* As rules look for it: an annotation, else a label. */
static int64_t declared_gpu_memory(const struct doc_node *metadata) {
  static const char *const key = "slicegate.dev/gpu-memory", *const in[] = {"annotations",
                                                                            "labels"};
  for (size_t i = 0; i < SG_ARRAY_LEN(in); i++) {
    struct str text = doc_text_at(doc_get_lit(metadata, in[i]), key);
    if (text.len)
      return gpu_memory_need(text);
  }
  return 0;
}

static bool read_metadata(const struct keeper *keeper, const struct doc_node *metadata,
                          struct pod *ret, struct err *reterr) {
  struct trail here = {NULL, STR_LIT("metadata"), 0};
  struct str created;
  if (!wire_child_text(metadata, "name", &here, &ret->name, reterr) ||
      !wire_child_text(metadata, "namespace", &here, &ret->ns, reterr) ||
      !wire_child_text(metadata, "uid", &here, &ret->uid, reterr) ||
      !wire_child_text(metadata, "creationTimestamp", &here, &created, reterr))
    return false;
  ret->ns = wire_keep(keeper, ret->ns);
  ret->name = wire_keep(keeper, ret->name);
  ret->uid = wire_keep(keeper, ret->uid);
  ret->controller = wire_keep(keeper, controller_kind(metadata));
  ret->gpu_memory = declared_gpu_memory(metadata);
  if (!rfc3339_parse(created, &ret->created))
    ret->created = 0;
  if (is_given(metadata, "deletionTimestamp"))
    ret->traits |= POD_IS_DELETING;
  return true;
}

static bool read_spec(const struct keeper *keeper, struct arena *scratch,
                      const struct doc_node *spec, const struct doc_node *status,
                      struct pod_spec *decoded, struct pod *ret, struct err *reterr) {
  struct trail here = {NULL, STR_LIT("spec"), 0};
  uint32_t traits = 0;
  if (spec && (!wire_pod_spec_decode(scratch, spec, &here, decoded, reterr) ||
               !wire_pod_traits_decode(spec, &here, &traits, reterr)))
    return false;
  ret->traits |= traits;
  ret->priority = priority_of(spec);
  ret->scheduler_name = wire_keep(keeper, decoded->scheduler_name);
  ret->has_claims = decoded->has_claims;
  ret->absurd = wire_keep(keeper, wire_absurd_amount(scratch, decoded));
  wire_pod_resize_apply(scratch, status, decoded);
  ret->requests = pod_resources(scratch, decoded, &ret->request_count);
  ret->requests = keep_requests(keeper, ret->requests, ret->request_count);
  ret->overhead = pod_overhead_of(decoded);
  ret->constraints = pod_constraints_of(decoded);
  keep_constraints(keeper, &ret->constraints);
  return true;
}

bool wire_pod_decode(const struct keeper *keeper, struct arena *scratch,
                     const struct doc_node *object, struct pod *ret, struct err *reterr) {
  const struct doc_node *metadata, *spec, *status;
  struct trail at_status = {NULL, STR_LIT("status"), 0};
  struct pod_spec decoded = {0};
  struct pod made = {0};
  struct str phase;
  if (!wire_child(object, "metadata", DOC_MAPPING, NULL, &metadata, reterr) ||
      !wire_child(object, "spec", DOC_MAPPING, NULL, &spec, reterr) ||
      !wire_child(object, "status", DOC_MAPPING, NULL, &status, reterr) ||
      !wire_child_text(status, "phase", &at_status, &phase, reterr) ||
      !wire_child_text(status, "nominatedNodeName", &at_status, &made.nominated_node, reterr) ||
      !read_metadata(keeper, metadata, &made, reterr) ||
      !read_spec(keeper, scratch, spec, status, &decoded, &made, reterr) ||
      !wire_pod_devices_decode(keeper, scratch, metadata, status, &decoded, &made, reterr))
    return false;
  made.phase = read_phase(phase);
  if (was_rejected(status))
    made.traits |= POD_WAS_REJECTED;
  made.nominated_node = wire_keep(keeper, made.nominated_node);
  *ret = made;
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A PodSpec, as far as some rule reads it. */
#include "wire_internal.h"

struct decode {
  struct arena *arena;
  struct err *err;
};

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str wire_trim(struct str text) {
  while (text.len && is_space(text.ptr[0]))
    text = str_skip(text, 1);
  while (text.len && is_space(text.ptr[text.len - 1]))
    text.len--;
  return text;
}

bool wire_amounts_decode(struct arena *arena, const struct doc_node *parent, const char *name,
                         const struct trail *trail, const struct resource_amount **ret,
                         size_t *ret_count, struct err *reterr) {
  const struct doc_node *mapping;
  *ret = NULL;
  *ret_count = 0;
  if (!wire_child(parent, name, DOC_MAPPING, trail, &mapping, reterr))
    return false;
  if (!mapping || mapping->count == 0)
    return true;
  struct resource_amount *list = arena_array(arena, mapping->count, sizeof(*list));
  for (uint32_t i = 0; i < mapping->count; i++) {
    const struct doc_pair *pair = &mapping->pairs[i];
    list[i].name = pair->key;
    if (pair->value.kind == DOC_STRING || pair->value.kind == DOC_NUMBER) {
      /* kube-apiserver trims a quantity before it parses it (Quantity.UnmarshalJSON). */
      list[i].text = wire_trim(pair->value.text);
      list[i].is_valid = qty_parse(list[i].text, &list[i].amount);
    } else if (pair->value.kind == DOC_NULL) {
      list[i].text = STR_LIT("0"); /* as Kubernetes decodes null */
      list[i].is_valid = true;
    } else {
      list[i].text = str_of(doc_kind_name(&pair->value));
    }
  }
  *ret = list;
  *ret_count = mapping->count;
  return true;
}

bool wire_taint_effect(struct str text, enum taint_effect *ret) {
  static const char *const names[] = {"", "NoSchedule", "PreferNoSchedule", "NoExecute"};
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++) {
    if (str_is(text, names[i])) {
      *ret = (enum taint_effect)i;
      return true;
    }
  }
  return false;
}

static bool decode_env(struct decode *d, const struct doc_node *container,
                       const struct trail *trail, struct container *ret) {
  const struct doc_node *list;
  if (!wire_child(container, "env", DOC_SEQUENCE, trail, &list, d->err))
    return false;
  if (!list || list->count == 0)
    return true;
  struct trail here = {trail, STR_LIT("env"), 0};
  struct env_var *env = arena_array(d->arena, list->count, sizeof(*env));
  for (uint32_t i = 0; i < list->count; i++) {
    struct trail item = {&here, {NULL, 0}, i};
    if (list->items[i].kind != DOC_MAPPING)
      return wire_wrong_type(&item, &list->items[i], "a mapping", d->err);
    if (!wire_child_text(&list->items[i], "name", &item, &env[i].name, d->err) ||
        !wire_child_text(&list->items[i], "value", &item, &env[i].value, d->err))
      return false;
    const struct doc_node *from = doc_get_lit(&list->items[i], "valueFrom");
    env[i].is_from_source = from && from->kind != DOC_NULL;
  }
  ret->env = env;
  ret->env_count = list->count;
  return true;
}

static bool decode_container(struct decode *d, const struct doc_node *node,
                             const struct trail *trail, struct container *ret) {
  const struct doc_node *resources, *security;
  struct str restart;
  if (node->kind != DOC_MAPPING)
    return wire_wrong_type(trail, node, "a mapping", d->err);
  if (!wire_child_text(node, "name", trail, &ret->name, d->err) ||
      !wire_child_text(node, "image", trail, &ret->image, d->err) ||
      !wire_child_text(node, "restartPolicy", trail, &restart, d->err) ||
      !wire_child(node, "resources", DOC_MAPPING, trail, &resources, d->err) ||
      !wire_child(node, "securityContext", DOC_MAPPING, trail, &security, d->err) ||
      !decode_env(d, node, trail, ret))
    return false;
  if (ret->role == CONTAINER_INIT && str_is(restart, "Always"))
    ret->role = CONTAINER_SIDECAR;
  ret->is_privileged = doc_is_true(doc_get_lit(security, "privileged"));
  ret->has_resources_key = resources && resources->count > 0;
  struct trail here = {trail, STR_LIT("resources"), 0};
  return wire_amounts_decode(d->arena, resources, "limits", &here, &ret->limits, &ret->limit_count,
                             d->err) &&
         wire_amounts_decode(d->arena, resources, "requests", &here, &ret->requests,
                             &ret->request_count, d->err);
}

static bool decode_containers(struct decode *d, const struct doc_node *spec,
                              const struct trail *trail, struct pod_spec *ret) {
  static const struct {
    const char *name;
    enum container_role role;
  } lists[] = {{"initContainers", CONTAINER_INIT},
               {"containers", CONTAINER_APP},
               {"ephemeralContainers", CONTAINER_EPHEMERAL}};
  const struct doc_node *nodes[SG_ARRAY_LEN(lists)];
  size_t total = 0;
  for (size_t l = 0; l < SG_ARRAY_LEN(lists); l++) {
    if (!wire_child(spec, lists[l].name, DOC_SEQUENCE, trail, &nodes[l], d->err))
      return false;
    total += nodes[l] ? nodes[l]->count : 0;
  }
  struct container *containers = arena_array(d->arena, total, sizeof(*containers));
  size_t count = 0;
  for (size_t l = 0; l < SG_ARRAY_LEN(lists); l++) {
    struct trail here = {trail, str_of(lists[l].name), 0};
    for (uint32_t i = 0; nodes[l] && i < nodes[l]->count; i++) {
      struct trail item = {&here, {NULL, 0}, i};
      containers[count].role = lists[l].role;
      containers[count].index = i;
      if (!decode_container(d, &nodes[l]->items[i], &item, &containers[count++]))
        return false;
    }
  }
  ret->containers = containers;
  ret->container_count = count;
  return true;
}

static bool decode_tolerations(struct decode *d, const struct doc_node *spec,
                               const struct trail *trail, struct pod_spec *ret) {
  const struct doc_node *list;
  if (!wire_child(spec, "tolerations", DOC_SEQUENCE, trail, &list, d->err))
    return false;
  if (!list || list->count == 0)
    return true;
  struct trail here = {trail, STR_LIT("tolerations"), 0};
  struct toleration *tolerations = arena_array(d->arena, list->count, sizeof(*tolerations));
  for (uint32_t i = 0; i < list->count; i++) {
    struct trail item = {&here, {NULL, 0}, i};
    struct str operator, effect;
    if (list->items[i].kind != DOC_MAPPING)
      return wire_wrong_type(&item, &list->items[i], "a mapping", d->err);
    if (!wire_child_text(&list->items[i], "key", &item, &tolerations[i].key, d->err) ||
        !wire_child_text(&list->items[i], "value", &item, &tolerations[i].value, d->err) ||
        !wire_child_text(&list->items[i], "operator", &item, &operator, d->err) ||
        !wire_child_text(&list->items[i], "effect", &item, &effect, d->err))
      return false;
    tolerations[i].is_exists = str_is(operator, "Exists");
    if (!wire_taint_effect(effect, &tolerations[i].effect))
      tolerations[i].effect = EFFECT_ANY; /* the API server refuses it, not we */
  }
  ret->tolerations = tolerations;
  ret->toleration_count = list->count;
  return true;
}

static enum selector_operator selector_operator(struct str text) {
  static const char *const names[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++) {
    if (str_is(text, names[i]))
      return (enum selector_operator)i;
  }
  return SELECT_IN;
}

static bool decode_requirement(struct decode *d, const struct doc_node *node,
                               const struct trail *trail, struct node_requirement *ret) {
  const struct doc_node *values;
  struct str operator;
  if (node->kind != DOC_MAPPING)
    return wire_wrong_type(trail, node, "a mapping", d->err);
  if (!wire_child_text(node, "key", trail, &ret->key, d->err) ||
      !wire_child_text(node, "operator", trail, &operator, d->err) ||
      !wire_child(node, "values", DOC_SEQUENCE, trail, &values, d->err))
    return false;
  ret->op = selector_operator(operator);
  if (!values || values->count == 0)
    return true;
  struct str *texts = arena_array(d->arena, values->count, sizeof(*texts));
  for (uint32_t i = 0; i < values->count; i++)
    texts[i] = doc_text(&values->items[i]);
  ret->values = texts;
  ret->value_count = values->count;
  return true;
}

static bool decode_requirements(struct decode *d, const struct doc_node *term, const char *name,
                                const struct trail *trail, const struct node_requirement **ret,
                                size_t *ret_count) {
  const struct doc_node *list;
  if (!wire_child(term, name, DOC_SEQUENCE, trail, &list, d->err))
    return false;
  if (!list || list->count == 0)
    return true;
  struct trail here = {trail, str_of(name), 0};
  struct node_requirement *requirements = arena_array(d->arena, list->count, sizeof(*requirements));
  for (uint32_t i = 0; i < list->count; i++) {
    struct trail item = {&here, {NULL, 0}, i};
    if (!decode_requirement(d, &list->items[i], &item, &requirements[i]))
      return false;
  }
  *ret = requirements;
  *ret_count = list->count;
  return true;
}

static bool decode_term(struct decode *d, const struct doc_node *node, const struct trail *trail,
                        struct node_selector_term *ret) {
  if (node->kind != DOC_MAPPING)
    return wire_wrong_type(trail, node, "a mapping", d->err);
  return decode_requirements(d, node, "matchExpressions", trail, &ret->requirements,
                             &ret->requirement_count) &&
         decode_requirements(d, node, "matchFields", trail, &ret->fields, &ret->field_count);
}

static bool decode_affinity(struct decode *d, const struct doc_node *spec,
                            const struct trail *trail, struct pod_spec *ret) {
  static const char required_name[] = "requiredDuringSchedulingIgnoredDuringExecution";
  const struct doc_node *affinity, *node_affinity, *required, *terms;
  struct trail a = {trail, STR_LIT("affinity"), 0};
  struct trail n = {&a, STR_LIT("nodeAffinity"), 0};
  struct trail q = {&n, str_of(required_name), 0};
  struct trail t = {&q, STR_LIT("nodeSelectorTerms"), 0};
  if (!wire_child(spec, "affinity", DOC_MAPPING, trail, &affinity, d->err) ||
      !wire_child(affinity, "nodeAffinity", DOC_MAPPING, &a, &node_affinity, d->err) ||
      !wire_child(node_affinity, required_name, DOC_MAPPING, &n, &required, d->err) ||
      !wire_child(required, "nodeSelectorTerms", DOC_SEQUENCE, &q, &terms, d->err))
    return false;
  if (!terms || terms->count == 0)
    return true;
  struct node_selector_term *list = arena_array(d->arena, terms->count, sizeof(*list));
  for (uint32_t i = 0; i < terms->count; i++) {
    struct trail item = {&t, {NULL, 0}, i};
    if (!decode_term(d, &terms->items[i], &item, &list[i]))
      return false;
  }
  ret->affinity_terms = list;
  ret->affinity_term_count = terms->count;
  return true;
}

static bool decode_host_paths(struct decode *d, const struct doc_node *spec,
                              const struct trail *trail, struct pod_spec *ret) {
  const struct doc_node *list;
  if (!wire_child(spec, "volumes", DOC_SEQUENCE, trail, &list, d->err))
    return false;
  if (!list || list->count == 0)
    return true;
  struct trail here = {trail, STR_LIT("volumes"), 0};
  struct host_path *paths = arena_array(d->arena, list->count, sizeof(*paths));
  size_t count = 0;
  for (uint32_t i = 0; i < list->count; i++) {
    const struct doc_node *host;
    struct trail item = {&here, {NULL, 0}, i};
    if (list->items[i].kind != DOC_MAPPING)
      return wire_wrong_type(&item, &list->items[i], "a mapping", d->err);
    if (!wire_child(&list->items[i], "hostPath", DOC_MAPPING, &item, &host, d->err))
      return false;
    if (!host)
      continue;
    struct trail inside = {&item, STR_LIT("hostPath"), 0};
    paths[count].index = i;
    if (!wire_child_text(&list->items[i], "name", &item, &paths[count].volume, d->err) ||
        !wire_child_text(host, "path", &inside, &paths[count].path, d->err))
      return false;
    count++;
  }
  ret->host_paths = paths;
  ret->host_path_count = count;
  return true;
}

static bool decode_pod_resources(struct decode *d, const struct doc_node *spec,
                                 const struct trail *trail, struct pod_spec *ret) {
  const struct doc_node *resources;
  struct trail here = {trail, STR_LIT("resources"), 0};
  return wire_child(spec, "resources", DOC_MAPPING, trail, &resources, d->err) &&
         wire_amounts_decode(d->arena, spec, "overhead", trail, &ret->overhead,
                             &ret->overhead_count, d->err) &&
         wire_amounts_decode(d->arena, resources, "limits", &here, &ret->pod_limits,
                             &ret->pod_limit_count, d->err) &&
         wire_amounts_decode(d->arena, resources, "requests", &here, &ret->pod_requests,
                             &ret->pod_request_count, d->err);
}

bool wire_pod_spec_decode(struct arena *arena, const struct doc_node *node,
                          const struct trail *trail, struct pod_spec *ret, struct err *reterr) {
  struct decode d = {arena, reterr};
  const struct doc_node *deadline, *claims;
  if (node->kind != DOC_MAPPING)
    return wire_wrong_type(trail, node, "a mapping", reterr);
  ret->active_deadline_seconds = -1;
  if (!wire_child(node, "activeDeadlineSeconds", DOC_NUMBER, trail, &deadline, reterr) ||
      !wire_child(node, "resourceClaims", DOC_SEQUENCE, trail, &claims, reterr))
    return false;
  doc_int(deadline, &ret->active_deadline_seconds);
  ret->has_claims = claims && claims->count > 0;
  return wire_child_text(node, "runtimeClassName", trail, &ret->runtime_class, reterr) &&
         wire_child_text(node, "serviceAccountName", trail, &ret->service_account, reterr) &&
         wire_child_text(node, "nodeName", trail, &ret->node_name, reterr) &&
         wire_child_text(node, "schedulerName", trail, &ret->scheduler_name, reterr) &&
         wire_child_text(node, "priorityClassName", trail, &ret->priority_class, reterr) &&
         wire_child_pairs(arena, node, "nodeSelector", trail, &ret->node_selector,
                          &ret->node_selector_count, reterr) &&
         decode_containers(&d, node, trail, ret) && decode_tolerations(&d, node, trail, ret) &&
         decode_affinity(&d, node, trail, ret) && decode_host_paths(&d, node, trail, ret) &&
         decode_pod_resources(&d, node, trail, ret);
}

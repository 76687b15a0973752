/* SPDX-License-Identifier: Apache-2.0 */
/* What of a pod's spec keeps kube-scheduler busy with more than counting (enum pod_trait). */
#include "wire_internal.h"

static bool is_given(const struct doc_node *mapping, const char *name) {
  const struct doc_node *child = doc_get_lit(mapping, name);
  return child && child->kind != DOC_NULL;
}

static bool has_terms(const struct doc_node *kind, const struct trail *trail, const char *name,
                      bool *ret, struct err *reterr) {
  const struct doc_node *terms;
  if (!wire_child(kind, name, DOC_SEQUENCE, trail, &terms, reterr))
    return false;
  *ret = terms && terms->count > 0;
  return true;
}

/* Preferred terms only rank; required ones refuse nodes (those of nodes are read elsewhere). */
static bool read_affinity(const struct doc_node *spec, const struct trail *trail, uint32_t *ret,
                          struct err *reterr) {
  static const char *const kinds[] = {"nodeAffinity", "podAffinity", "podAntiAffinity"};
  struct trail at_affinity = {trail, STR_LIT("affinity"), 0};
  const struct doc_node *affinity, *kind;
  if (!wire_child(spec, "affinity", DOC_MAPPING, trail, &affinity, reterr))
    return false;
  for (size_t i = 0; i < SG_ARRAY_LEN(kinds); i++) {
    struct trail at_kind = {&at_affinity, str_of(kinds[i]), 0};
    bool is_required = false, is_preferred;
    if (!wire_child(affinity, kinds[i], DOC_MAPPING, &at_affinity, &kind, reterr) ||
        !has_terms(kind, &at_kind, "preferredDuringSchedulingIgnoredDuringExecution", &is_preferred,
                   reterr) ||
        (i > 0 && !has_terms(kind, &at_kind, "requiredDuringSchedulingIgnoredDuringExecution",
                             &is_required, reterr)))
      return false;
    *ret |= (is_required ? (uint32_t)POD_HAS_POD_AFFINITY : 0) |
            (is_preferred ? (uint32_t)POD_HAS_PREFERENCES : 0);
  }
  return true;
}

static bool read_spread(const struct doc_node *spec, const struct trail *trail, uint32_t *ret,
                        struct err *reterr) {
  const struct doc_node *list;
  if (!wire_child(spec, "topologySpreadConstraints", DOC_SEQUENCE, trail, &list, reterr))
    return false;
  for (uint32_t i = 0; list && i < list->count; i++)
    *ret |= str_is(doc_text_at(&list->items[i], "whenUnsatisfiable"), "DoNotSchedule")
                ? (uint32_t)POD_HAS_HARD_SPREAD
                : (uint32_t)POD_HAS_PREFERENCES;
  return true;
}

static bool read_volumes(const struct doc_node *spec, const struct trail *trail, uint32_t *ret,
                         struct err *reterr) {
  const struct doc_node *list;
  if (!wire_child(spec, "volumes", DOC_SEQUENCE, trail, &list, reterr))
    return false;
  for (uint32_t i = 0; list && i < list->count; i++)
    if (is_given(&list->items[i], "persistentVolumeClaim") ||
        is_given(&list->items[i], "ephemeral"))
      *ret |= POD_HAS_VOLUME_CLAIMS;
  return true;
}

static bool read_container_ports(const struct doc_node *container, const struct trail *trail,
                                 uint32_t *ret, struct err *reterr) {
  const struct doc_node *ports;
  if (!wire_child(container, "ports", DOC_SEQUENCE, trail, &ports, reterr))
    return false;
  for (uint32_t i = 0; ports && i < ports->count; i++) {
    int64_t port = 0;
    if (doc_int(doc_get_lit(&ports->items[i], "hostPort"), &port) && port != 0)
      *ret |= POD_HAS_HOST_PORTS;
  }
  return true;
}

static bool read_ports(const struct doc_node *spec, const struct trail *trail, uint32_t *ret,
                       struct err *reterr) {
  static const char *const names[] = {"initContainers", "containers"};
  if (doc_is_true(doc_get_lit(spec, "hostNetwork")))
    *ret |= POD_HAS_HOST_PORTS;
  for (size_t l = 0; l < SG_ARRAY_LEN(names); l++) {
    const struct doc_node *list;
    struct trail here = {trail, str_of(names[l]), 0};
    if (!wire_child(spec, names[l], DOC_SEQUENCE, trail, &list, reterr))
      return false;
    for (uint32_t i = 0; list && i < list->count; i++) {
      struct trail item = {&here, {NULL, 0}, i};
      if (!read_container_ports(&list->items[i], &item, ret, reterr))
        return false;
    }
  }
  return true;
}

bool wire_pod_traits_decode(const struct doc_node *spec, const struct trail *trail, uint32_t *ret,
                            struct err *reterr) {
  const struct doc_node *gates;
  uint32_t traits = 0;
  if (!wire_child(spec, "schedulingGates", DOC_SEQUENCE, trail, &gates, reterr) ||
      !read_affinity(spec, trail, &traits, reterr) || !read_spread(spec, trail, &traits, reterr) ||
      !read_volumes(spec, trail, &traits, reterr) || !read_ports(spec, trail, &traits, reterr))
    return false;
  if (gates && gates->count > 0)
    traits |= POD_IS_GATED;
  *ret = traits;
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and namespaces of a cluster: recorded, or as a watch brings them. */
#include "wire_internal.h"

static bool read_taints(const struct keeper *keeper, const struct doc_node *spec,
                        const struct trail *trail, struct node *ret, struct err *reterr) {
  const struct doc_node *list;
  if (!wire_child(spec, "taints", DOC_SEQUENCE, trail, &list, reterr))
    return false;
  if (!list || list->count == 0)
    return true;
  struct taint *taints = arena_array(keeper->arena, list->count, sizeof(*taints));
  for (uint32_t i = 0; i < list->count; i++) {
    taints[i].key = wire_keep(keeper, doc_text_at(&list->items[i], "key"));
    taints[i].value = wire_keep(keeper, doc_text_at(&list->items[i], "value"));
    if (!wire_taint_effect(doc_text_at(&list->items[i], "effect"), &taints[i].effect))
      taints[i].effect = EFFECT_ANY;
  }
  ret->taints = taints;
  ret->taint_count = list->count;
  return true;
}

static bool read_allocatable(const struct keeper *keeper, const struct doc_node *status,
                             const struct trail *trail, struct node *ret, struct err *reterr) {
  const struct resource_amount *amounts;
  if (!wire_amounts_decode(keeper->arena, status, "allocatable", trail, &amounts,
                           &ret->allocatable_count, reterr))
    return false;
  struct resource_amount *mine = (struct resource_amount *)(uintptr_t)amounts;
  for (size_t i = 0; i < ret->allocatable_count; i++) {
    mine[i].name = wire_keep(keeper, mine[i].name);
    mine[i].text = wire_keep(keeper, mine[i].text);
  }
  ret->allocatable = mine;
  return true;
}

static bool read_metadata(const struct keeper *keeper, const struct doc_node *object,
                          struct str *ret_name, const struct key_value **ret_labels,
                          size_t *ret_label_count, struct err *reterr) {
  const struct doc_node *metadata;
  struct trail here = {NULL, STR_LIT("metadata"), 0};
  if (!wire_child(object, "metadata", DOC_MAPPING, NULL, &metadata, reterr) ||
      !wire_child_text(metadata, "name", &here, ret_name, reterr) ||
      !wire_child_pairs(keeper->arena, metadata, "labels", &here, ret_labels, ret_label_count,
                        reterr))
    return false;
  *ret_name = wire_keep(keeper, *ret_name);
  wire_keep_pairs(keeper, *ret_labels, *ret_label_count);
  return true;
}

/* A plugin that was seen to leave has been marked so by HAMi's scheduler, its devices stay. */
static void read_hami(const struct keeper *keeper, const struct doc_node *object,
                      struct node *ret) {
  const struct doc_node *annotations = doc_get_lit(doc_get_lit(object, "metadata"), "annotations");
  if (!doc_is(annotations, DOC_MAPPING))
    return;
  struct str devices = doc_text_at(annotations, "hami.io/node-nvidia-register");
  struct str state = doc_text_at(annotations, "hami.io/node-handshake");
  ret->has_hami =
      devices.len && !str_is(devices, "[]") && !str_starts_with(state, STR_LIT("Deleted"));
  if (ret->has_hami)
    wire_hami_cards_decode(keeper, annotations, ret);
}

bool wire_node_decode(const struct keeper *keeper, const struct doc_node *object, struct node *ret,
                      struct err *reterr) {
  const struct doc_node *spec, *status;
  struct trail at_spec = {NULL, STR_LIT("spec"), 0};
  struct trail at_status = {NULL, STR_LIT("status"), 0};
  struct node made = {0};
  if (!wire_child(object, "spec", DOC_MAPPING, NULL, &spec, reterr) ||
      !wire_child(object, "status", DOC_MAPPING, NULL, &status, reterr) ||
      !read_metadata(keeper, object, &made.name, &made.labels, &made.label_count, reterr) ||
      !read_taints(keeper, spec, &at_spec, &made, reterr) ||
      !read_allocatable(keeper, status, &at_status, &made, reterr))
    return false;
  made.is_unschedulable = doc_is_true(doc_get_lit(spec, "unschedulable"));
  read_hami(keeper, object, &made);
  *ret = made;
  return true;
}

bool wire_namespace_decode(const struct keeper *keeper, const struct doc_node *object,
                           struct k8s_namespace *ret, struct err *reterr) {
  struct k8s_namespace made = {0};
  if (!read_metadata(keeper, object, &made.name, &made.labels, &made.label_count, reterr))
    return false;
  *ret = made;
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Putting pods on nodes and taking them away, for good or on trial. */
#include "src/packing/cluster.h"

/* Devices or instances that a pod of this form holds: a part is of one GPU, never split. */
static unsigned units_of(const struct pack_form *form) {
  bool is_part = form->kind == PACK_FRACTION || form->kind == PACK_REPLICAS;
  return form->kind == PACK_CPU ? 0 : is_part ? 1 : form->count;
}

/* As many of the placement's units as the form, the placement and the node have room for. */
static uint8_t usable_units(const struct pack_node *node, const struct pack_form *form,
                            const struct pack_placement *placement) {
  unsigned count = units_of(form), room = UINT16_MAX - (unsigned)node->unit_count;
  count = count < placement->unit_count ? count : placement->unit_count;
  count = count < PACK_UNITS_MAX ? count : PACK_UNITS_MAX;
  return (uint8_t)(count < room ? count : room);
}

/* The node with the pod on it, or NULL when the pod does not fit there. */
static struct pack_node *with_pod(const struct pack_catalog *catalog, const struct pack_node *node,
                                  uint64_t uid, const struct pack_request *request,
                                  const struct pack_placement *placement) {
  if (placement->form >= request->form_count || pack_fit_host(node, request) != PACK_FITS ||
      node_find_pod(node, uid) != SIZE_MAX)
    return NULL;
  const struct pack_form *form = &request->forms[placement->form];
  bool is_counted = node->counter_count && form->kind != PACK_CPU;
  /* On counted nodes this is the count; elsewhere every unit is checked as it is taken. */
  if (is_counted && !pack_place_plain(catalog, node, request, placement->form, NULL))
    return NULL;
  uint8_t units = usable_units(node, form, placement);
  if (!is_counted && (units != placement->unit_count || units != units_of(form)))
    return NULL;
  struct pack_node *made = node_copy(node, 1, units);
  for (uint8_t u = 0; u < units; u++) {
    if (!node_take_unit(catalog, made, request, form, &placement->units[u]) && !is_counted) {
      pack_node_unref(made);
      return NULL;
    }
  }
  node_add_pod(made, uid, request, form, node->unit_count);
  return made;
}

bool pack_try(struct pack_cluster *cluster, uint64_t uid, const struct pack_request *request,
              const struct pack_placement *placement, struct pack_undo *ret) {
  if (placement->node >= pack_cluster_count(cluster))
    return false;
  struct pack_node *made =
      with_pod(pack_cluster_catalog(cluster), pack_cluster_node(cluster, placement->node), uid,
               request, placement);
  if (!made)
    return false;
  ret->node = placement->node;
  ret->before = cluster_publish(cluster, placement->node, made);
  return true;
}

bool pack_commit(struct pack_cluster *cluster, uint64_t uid, const struct pack_request *request,
                 const struct pack_placement *placement) {
  struct pack_undo undo;
  if (!pack_try(cluster, uid, request, placement, &undo))
    return false;
  pack_keep(&undo);
  return true;
}

bool pack_try_release(struct pack_cluster *cluster, size_t index, uint64_t uid,
                      struct pack_undo *ret) {
  if (index >= pack_cluster_count(cluster))
    return false;
  const struct pack_node *node = pack_cluster_node(cluster, index);
  size_t pod = node_find_pod(node, uid);
  if (pod == SIZE_MAX)
    return false;
  struct pack_node *made = node_copy(node, 0, 0);
  node_remove_pod(pack_cluster_catalog(cluster), made, pod);
  ret->node = index;
  ret->before = cluster_publish(cluster, index, made);
  return true;
}

bool pack_release(struct pack_cluster *cluster, size_t node, uint64_t uid) {
  struct pack_undo undo;
  if (!pack_try_release(cluster, node, uid, &undo))
    return false;
  pack_keep(&undo);
  return true;
}

const struct pack_node *pack_node_without(const struct pack_cluster *cluster, size_t index,
                                          const uint64_t *uids, size_t uid_count) {
  struct pack_node *made = node_copy(pack_cluster_node(cluster, index), 0, 0);
  for (size_t i = 0; i < uid_count; i++) {
    size_t pod = node_find_pod(made, uids[i]);
    if (pod != SIZE_MAX)
      node_remove_pod(pack_cluster_catalog(cluster), made, pod);
  }
  cluster_prepare(cluster, made);
  return made;
}

void pack_undo(struct pack_cluster *cluster, struct pack_undo *undo) {
  cluster_restore(cluster, undo->node, undo->before);
  undo->before = NULL;
}

void pack_keep(struct pack_undo *undo) {
  pack_node_unref(undo->before);
  undo->before = NULL;
}

bool pack_observe(struct pack_cluster *cluster, size_t index, uint64_t uid,
                  const struct pack_request *request, const struct pack_placement *placement) {
  if (index >= pack_cluster_count(cluster))
    return false;
  const struct pack_catalog *catalog = pack_cluster_catalog(cluster);
  const struct pack_node *node = pack_cluster_node(cluster, index);
  if (node_find_pod(node, uid) != SIZE_MAX)
    return false;
  struct pack_placement guess = {0};
  if (!placement) {
    for (uint8_t f = 0; f < request->form_count; f++)
      if (pack_place_plain(catalog, node, request, f, &guess))
        break;
      else
        guess = (struct pack_placement){0};
    placement = &guess;
  }
  const struct pack_form *form =
      &request->forms[placement->form < request->form_count ? placement->form : 0];
  uint8_t units = usable_units(node, form, placement);
  struct pack_node *made = node_copy(node, 1, units);
  for (uint8_t u = 0; u < units; u++)
    (void)!node_take_unit(catalog, made, request, form, &placement->units[u]);
  node_add_pod(made, uid, request, form, node->unit_count);
  pack_node_unref(cluster_publish(cluster, index, made));
  return true;
}

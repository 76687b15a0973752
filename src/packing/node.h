/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making node values. Between node_new or node_copy and its publication by cluster.c a value
 * belongs to one caller, who may write it through these functions.
 */
#ifndef SLICEGATE_PACKING_NODE_H
#define SLICEGATE_PACKING_NODE_H

#include "src/packing/packing_internal.h"

struct node_parts {
  struct str name;
  uint32_t pod_count;
  uint16_t counter_count, device_count, unit_count;
};
/* All parts zeroed but for the name. id is the caller's to set. */
struct pack_node *node_new(const struct node_parts *parts) SG_MUST_CHECK;
/* With room for further pods and units behind those that are there. */
struct pack_node *node_copy(const struct pack_node *from, uint32_t pods_more,
                            uint16_t units_more) SG_MUST_CHECK;

/* The parts of an unpublished value, for writing. */
static inline struct pack_pod *node_pods(struct pack_node *node) {
  return (struct pack_pod *)(uintptr_t)node->pods;
}
static inline struct pack_unit *node_units(struct pack_node *node) {
  return (struct pack_unit *)(uintptr_t)node->units;
}
static inline struct pack_device *node_devices(struct pack_node *node) {
  return (struct pack_device *)(uintptr_t)node->devices;
}
static inline struct pack_counter *node_counters(struct pack_node *node) {
  return (struct pack_counter *)(uintptr_t)node->counters;
}

struct pack_counter *node_counter(struct pack_node *node, const struct pack_form *form);

/* Takes a unit from its device and appends it to the units; false: it is not free or not what
 * the form asks for. */
bool node_take_unit(const struct pack_catalog *catalog, struct pack_node *node,
                    const struct pack_request *request, const struct pack_form *form,
                    const struct pack_unit *unit) SG_MUST_CHECK;
/* Appends the pod, whose units are those from unit_first on, and takes CPU, memory and count. */
void node_add_pod(struct pack_node *node, uint64_t uid, const struct pack_request *request,
                  const struct pack_form *form, uint16_t unit_first);
/* What the pod asked for, by the one form that was met. */
struct pack_request node_pod_request(const struct pack_pod *pod);
/* SIZE_MAX: it is not there. */
size_t node_find_pod(const struct pack_node *node, uint64_t uid);
void node_remove_pod(const struct pack_catalog *catalog, struct pack_node *node, size_t index);

#endif

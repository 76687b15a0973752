/* SPDX-License-Identifier: Apache-2.0 */
/* Node values: made once, in one allocation, and never changed after they are published. */
#include "src/packing/node.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Devices, which scores look at, stand beside what they look at first. They are 8 bytes each;
 * then the order keeps each part aligned: from 8-byte members down to bytes. */
_Static_assert(sizeof(struct pack_device) == 8, "what follows devices is aligned");
struct pack_node *node_new(const struct node_parts *parts) {
  size_t pods = parts->pod_count * sizeof(struct pack_pod);
  size_t counters = parts->counter_count * sizeof(struct pack_counter);
  size_t devices = parts->device_count * sizeof(struct pack_device);
  size_t units = parts->unit_count * sizeof(struct pack_unit);
  struct pack_node *node =
      mem_zalloc(sizeof(*node) + pods + counters + devices + units + parts->name.len);
  char *at = (char *)(node + 1);
  node->devices = (struct pack_device *)(void *)at;
  node->pods = (struct pack_pod *)(void *)(at += devices);
  node->counters = (struct pack_counter *)(void *)(at += pods);
  node->units = (struct pack_unit *)(void *)(at += counters);
  at += units;
  if (parts->name.len)
    memcpy(at, parts->name.ptr, parts->name.len);
  node->name = (struct str){at, parts->name.len};
  node->pod_count = parts->pod_count;
  node->counter_count = parts->counter_count;
  node->device_count = parts->device_count;
  node->unit_count = parts->unit_count;
  atomic_init(&node->refs, 1);
  return node;
}

struct pack_node *node_copy(const struct pack_node *from, uint32_t pods_more, uint16_t units_more) {
  struct node_parts parts = {.name = from->name,
                             .pod_count = from->pod_count + pods_more,
                             .counter_count = from->counter_count,
                             .device_count = from->device_count,
                             .unit_count = (uint16_t)(from->unit_count + units_more)};
  struct pack_node *node = node_new(&parts);
  node->cpu_milli = from->cpu_milli;
  node->cpu_left = from->cpu_left;
  node->mem_bytes = from->mem_bytes;
  node->mem_left = from->mem_left;
  node->pods_max = from->pods_max;
  node->traits = from->traits;
  node->products = from->products;
  memcpy(node_pods(node), from->pods, from->pod_count * sizeof(*from->pods));
  memcpy(node_counters(node), from->counters, from->counter_count * sizeof(*from->counters));
  memcpy(node_devices(node), from->devices, from->device_count * sizeof(*from->devices));
  memcpy(node_units(node), from->units, from->unit_count * sizeof(*from->units));
  /* The room for more is the caller's to fill; until then it does not count. */
  node->pod_count = from->pod_count;
  node->unit_count = from->unit_count;
  return node;
}

const struct pack_node *pack_node_ref(const struct pack_node *node) {
  atomic_fetch_add_explicit(&((struct pack_node *)(uintptr_t)node)->refs, 1, memory_order_relaxed);
  return node;
}

void pack_node_unref(const struct pack_node *node) {
  struct pack_node *mine = (struct pack_node *)(uintptr_t)node;
  if (mine && atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) == 1)
    free(mine);
}

/* ---- what pods hold ----------------------------------------------------------------------- */

static bool take_instance(const struct pack_catalog *catalog, const struct pack_node *node,
                          struct pack_device *device, const struct pack_unit *unit) {
  const struct pack_mig *mig = pack_catalog_mig(catalog, device->product);
  uint16_t p = mig ? pack_mig_find(mig, unit->amount) : PACK_NONE;
  if (p == PACK_NONE)
    return false;
  const struct pack_mig_profile *profile = &mig->profiles[p];
  if (profile->limit && pack_count_instances(node, unit->device, unit->amount) >= profile->limit)
    return false;
  for (uint8_t i = 0; i < profile->start_count; i++) {
    if (profile->starts[i] != unit->start)
      continue;
    uint16_t next = pack_mig_next(mig, device->layout, p, i);
    if (next == PACK_NONE)
      return false;
    device->layout = next;
    device->left = mig->free[next];
    return true;
  }
  return false;
}

bool node_take_unit(const struct pack_catalog *catalog, struct pack_node *node,
                    const struct pack_request *request, const struct pack_form *form,
                    const struct pack_unit *unit) {
  if (unit->device >= node->device_count)
    return false;
  struct pack_device *device = &node_devices(node)[unit->device];
  if (!pack_device_suits(catalog, device, request, form))
    return false;
  switch ((enum pack_kind)form->kind) {
  case PACK_WHOLE:
    if (device->left != device->size || unit->amount != PACK_MILLI)
      return false;
    device->left = 0;
    break;
  case PACK_FRACTION:
  case PACK_REPLICAS:
    if (device->left < unit->amount || unit->amount != form->amount)
      return false;
    device->left = (uint16_t)(device->left - unit->amount);
    break;
  case PACK_SLICES:
    if (unit->amount != form->amount || !take_instance(catalog, node, device, unit))
      return false;
    break;
  case PACK_CPU:
    return false;
  }
  node_units(node)[node->unit_count++] = *unit;
  return true;
}

static void give_unit(const struct pack_catalog *catalog, struct pack_node *node,
                      const struct pack_form *form, const struct pack_unit *unit) {
  struct pack_device *device = &node_devices(node)[unit->device];
  switch ((enum pack_kind)form->kind) {
  case PACK_WHOLE:
    device->left = device->size;
    break;
  case PACK_FRACTION:
  case PACK_REPLICAS:
    device->left = (uint16_t)(device->left + unit->amount);
    break;
  case PACK_SLICES: {
    const struct pack_mig *mig = pack_catalog_mig(catalog, device->product);
    device->layout = mig->without[(size_t)device->layout * mig->axis + unit->start];
    device->left = mig->free[device->layout];
    break;
  }
  case PACK_CPU:
    break;
  }
}

struct pack_counter *node_counter(struct pack_node *node, const struct pack_form *form) {
  return (struct pack_counter *)(uintptr_t)pack_find_counter(node, form);
}

void node_add_pod(struct pack_node *node, uint64_t uid, const struct pack_request *request,
                  const struct pack_form *form, uint16_t unit_first) {
  node_pods(node)[node->pod_count++] =
      (struct pack_pod){.uid = uid,
                        .cpu_milli = request->cpu_milli,
                        .mem_bytes = request->mem_bytes,
                        .products = request->products,
                        .needs = request->needs,
                        .shuns = request->shuns,
                        .form = *form,
                        .unit_first = unit_first,
                        .unit_count = (uint16_t)(node->unit_count - unit_first)};
  node->cpu_left -= request->cpu_milli;
  node->mem_left -= request->mem_bytes;
  struct pack_counter *counter = node_counter(node, form);
  if (counter)
    counter->left -= pack_form_asks(form);
}

struct pack_request node_pod_request(const struct pack_pod *pod) {
  return (struct pack_request){.cpu_milli = pod->cpu_milli,
                               .mem_bytes = pod->mem_bytes,
                               .products = pod->products,
                               .needs = pod->needs,
                               .shuns = pod->shuns,
                               .form_count = 1,
                               .forms = {pod->form}};
}

size_t node_find_pod(const struct pack_node *node, uint64_t uid) {
  for (size_t i = 0; i < node->pod_count; i++)
    if (node->pods[i].uid == uid)
      return i;
  return SIZE_MAX;
}

void node_remove_pod(const struct pack_catalog *catalog, struct pack_node *node, size_t index) {
  struct pack_pod *pods = node_pods(node);
  struct pack_unit *units = node_units(node);
  struct pack_pod gone = pods[index];
  for (uint16_t i = 0; i < gone.unit_count; i++)
    give_unit(catalog, node, &gone.form, &units[gone.unit_first + i]);
  node->cpu_left += gone.cpu_milli;
  node->mem_left += gone.mem_bytes;
  struct pack_counter *counter = node_counter(node, &gone.form);
  if (counter)
    counter->left += pack_form_asks(&gone.form);
  size_t behind = (size_t)gone.unit_first + gone.unit_count;
  memmove(units + gone.unit_first, units + behind, (node->unit_count - behind) * sizeof(*units));
  node->unit_count = (uint16_t)(node->unit_count - gone.unit_count);
  memmove(pods + index, pods + index + 1, (node->pod_count - index - 1) * sizeof(*pods));
  node->pod_count--;
  for (size_t i = 0; i < node->pod_count; i++)
    if (pods[i].unit_first >= behind)
      pods[i].unit_first = (uint16_t)(pods[i].unit_first - gone.unit_count);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/property/packing/twin.h"

#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <stdio.h>

size_t twin_add(struct twin *twin, const char *name, const struct pack_node_spec *spec) {
  ck_assert_uint_lt(twin->count, TWIN_NODES);
  ck_assert_uint_le(spec->device_count, TWIN_DEVICES);
  size_t at = twin->count++;
  for (; at > 0 && strcmp(twin->nodes[at - 1].name, name) > 0; at--)
    twin->nodes[at] = twin->nodes[at - 1];
  struct twin_node *node = &twin->nodes[at];
  *node = (struct twin_node){.cpu_milli = spec->cpu_milli,
                             .mem_bytes = spec->mem_bytes,
                             .pods_max = spec->pods_max,
                             .traits = spec->traits,
                             .device_count = spec->device_count,
                             .counter_count = spec->counter_count};
  (void)snprintf(node->name, sizeof(node->name), "%s", name);
  for (size_t d = 0; d < spec->device_count; d++) {
    node->devices[d].mode = spec->devices[d].mode;
    node->devices[d].product = spec->devices[d].product;
    node->devices[d].size = spec->devices[d].size;
  }
  for (size_t c = 0; c < spec->counter_count; c++)
    node->counters[c] = spec->counters[c];
  return at;
}

/* ---- counting ------------------------------------------------------------------------------- */

int64_t twin_cpu_left(const struct twin_node *node) {
  int64_t left = node->cpu_milli;
  for (size_t i = 0; i < node->pod_count; i++)
    left -= node->pods[i].request.cpu_milli;
  return left;
}

int64_t twin_mem_left(const struct twin_node *node) {
  int64_t left = node->mem_bytes;
  for (size_t i = 0; i < node->pod_count; i++)
    left -= node->pods[i].request.mem_bytes;
  return left;
}

/* NULL: the product has no such profile. */
static const struct mig_profile *profile_of(const struct twin *twin, uint8_t product,
                                            uint16_t profile) {
  const struct gpu_product *of = lab_product(product);
  struct str name = pack_catalog_profile_name(twin->catalog, profile);
  for (size_t i = 0; of && i < of->profile_count; i++)
    if (str_eq(of->profiles[i].name, name))
      return &of->profiles[i];
  return NULL;
}

static uint32_t slices(unsigned start, unsigned size) {
  uint32_t mask = 0;
  for (unsigned slice = start; slice < start + size; slice++)
    mask |= UINT32_C(1) << slice;
  return mask;
}

uint32_t twin_occupied(const struct twin *twin, const struct twin_node *node, size_t device) {
  uint32_t occupied = 0;
  for (size_t i = 0; i < node->pod_count; i++)
    for (size_t u = 0; u < node->pods[i].unit_count; u++) {
      const struct pack_unit *unit = &node->pods[i].units[u];
      if (unit->device != device)
        continue;
      unsigned size = profile_of(twin, node->devices[device].product, unit->amount)->memory_slices;
      ck_assert_uint_eq(occupied & slices(unit->start, size), 0); /* one owner each */
      occupied |= slices(unit->start, size);
    }
  return occupied;
}

unsigned twin_left(const struct twin *twin, const struct twin_node *node, size_t device) {
  unsigned used = 0;
  if (node->devices[device].mode == PACK_MODE_MIG) {
    for (uint32_t bits = twin_occupied(twin, node, device); bits; bits &= bits - 1)
      used++;
  } else {
    for (size_t i = 0; i < node->pod_count; i++)
      for (size_t u = 0; u < node->pods[i].unit_count; u++)
        used += node->pods[i].units[u].device == device ? node->pods[i].units[u].amount : 0;
  }
  ck_assert_uint_le(used, node->devices[device].size); /* nothing above capacity */
  return node->devices[device].size - used;
}

static int64_t asked_of_counter(const struct pack_form *form) {
  return form->kind == PACK_WHOLE || form->kind == PACK_SLICES ? form->count : form->amount;
}

static bool is_counted_by(const struct pack_counter *counter, const struct pack_form *form) {
  return counter->kind == form->kind && counter->name == form->name &&
         (form->kind != PACK_SLICES || counter->profile == form->amount);
}

int64_t twin_counter_left(const struct twin_node *node, size_t counter) {
  int64_t left = node->counters[counter].total;
  for (size_t i = 0; i < node->pod_count; i++)
    if (is_counted_by(&node->counters[counter], &node->pods[i].form))
      left -= asked_of_counter(&node->pods[i].form);
  return left;
}

/* ---- one unit ------------------------------------------------------------------------------- */

static size_t units_of(const struct pack_form *form) {
  switch ((enum pack_kind)form->kind) {
  case PACK_CPU:
    return 0;
  case PACK_WHOLE:
  case PACK_SLICES:
    return form->count;
  default:
    return 1;
  }
}

static size_t count_instances(const struct twin_node *node, const struct pack_unit *like) {
  size_t count = 0;
  for (size_t i = 0; i < node->pod_count; i++)
    for (size_t u = 0; u < node->pods[i].unit_count; u++)
      count += node->pods[i].units[u].device == like->device &&
               node->pods[i].units[u].amount == like->amount;
  return count;
}

static bool is_free_window(const struct twin *twin, const struct twin_node *node,
                           const struct pack_unit *unit) {
  const struct mig_profile *profile =
      profile_of(twin, node->devices[unit->device].product, unit->amount);
  bool is_start = false;
  for (size_t i = 0; profile && i < profile->start_count; i++)
    is_start |= profile->starts[i] == unit->start;
  return is_start &&
         (twin_occupied(twin, node, unit->device) & slices(unit->start, profile->memory_slices)) ==
             0 &&
         count_instances(node, unit) < profile->max_instances;
}

/* Whether the unit can be added to what is on the node. */
static bool can_take(const struct twin *twin, const struct twin_node *node,
                     const struct pack_request *request, const struct pack_form *form,
                     const struct pack_unit *unit) {
  if (unit->device >= node->device_count)
    return false;
  uint8_t mode = node->devices[unit->device].mode;
  if (request->products && !(request->products >> node->devices[unit->device].product & 1))
    return false;
  unsigned left = twin_left(twin, node, unit->device);
  switch ((enum pack_kind)form->kind) {
  case PACK_CPU:
    return false;
  case PACK_WHOLE:
    return mode == PACK_MODE_WHOLE && left == 1000 && unit->amount == 1000;
  case PACK_FRACTION:
    return mode == PACK_MODE_WHOLE && left >= form->amount && unit->amount == form->amount;
  case PACK_REPLICAS:
    return mode == PACK_MODE_SHARED && left >= form->amount && unit->amount == form->amount;
  case PACK_SLICES:
    return mode == PACK_MODE_MIG && unit->amount == form->amount &&
           is_free_window(twin, node, unit);
  }
  return false;
}

/* ---- placements ------------------------------------------------------------------------------ */

static bool fits_host(const struct twin_node *node, const struct pack_request *request) {
  return (node->traits & request->needs) == request->needs && !(node->traits & request->shuns) &&
         (node->pods_max == 0 || node->pod_count < node->pods_max) &&
         (request->cpu_milli == 0 || request->cpu_milli <= twin_cpu_left(node)) &&
         (request->mem_bytes == 0 || request->mem_bytes <= twin_mem_left(node));
}

static bool fits_counters(const struct twin_node *node, const struct pack_request *request,
                          const struct pack_form *form) {
  bool has_product = request->products == 0;
  for (size_t d = 0; d < node->device_count; d++)
    has_product |= (request->products >> node->devices[d].product & 1) != 0;
  for (size_t c = 0; c < node->counter_count; c++)
    if (is_counted_by(&node->counters[c], form))
      return has_product && twin_counter_left(node, c) >= asked_of_counter(form);
  return false;
}

static void start_pod(struct twin_node *node, uint64_t uid, const struct pack_request *request,
                      const struct pack_form *form) {
  ck_assert_uint_lt(node->pod_count, TWIN_PODS);
  struct twin_pod *pod = &node->pods[node->pod_count++];
  pod->uid = uid;
  pod->request = *request;
  pod->form = *form;
  pod->unit_count = 0;
}

/* All ways to place what is left to place of the node's last pod, in ascending order of places
 * from this one on. */
static bool can_place_rest(const struct twin *twin, struct twin_node *node,
                           const struct pack_request *request, const struct pack_form *form,
                           size_t from) {
  struct twin_pod *pod = &node->pods[node->pod_count - 1];
  if (pod->unit_count == units_of(form))
    return true;
  for (size_t place = from; place < node->device_count * PACK_AXIS_MAX; place++) {
    struct pack_unit unit = {(uint8_t)(place / PACK_AXIS_MAX), (uint8_t)(place % PACK_AXIS_MAX),
                             form->kind == PACK_WHOLE ? (uint16_t)1000 : form->amount};
    if ((form->kind != PACK_SLICES && unit.start) || !can_take(twin, node, request, form, &unit))
      continue;
    pod->units[pod->unit_count++] = unit;
    bool is_done = can_place_rest(twin, node, request, form, place + 1);
    pod->unit_count--;
    if (is_done)
      return true;
  }
  return false;
}

static bool fits_form(const struct twin *twin, const struct twin_node *node,
                      const struct pack_request *request, const struct pack_form *form) {
  if (form->kind == PACK_CPU)
    return true;
  if (node->counter_count)
    return fits_counters(node, request, form);
  static struct twin_node trial;
  trial = *node;
  start_pod(&trial, 0, request, form);
  return can_place_rest(twin, &trial, request, form, 0);
}

bool twin_fits(const struct twin *twin, const struct twin_node *node,
               const struct pack_request *request) {
  if (!fits_host(node, request))
    return false;
  for (size_t f = 0; f < request->form_count; f++)
    if (fits_form(twin, node, request, &request->forms[f]))
      return true;
  return false;
}

/* The units that can be taken are. */
static size_t take_units(const struct twin *twin, struct twin_node *node,
                         const struct pack_request *request,
                         const struct pack_placement *placement) {
  const struct pack_form *form = &request->forms[placement->form];
  struct twin_pod *pod = &node->pods[node->pod_count - 1];
  for (size_t u = 0; u < placement->unit_count; u++)
    if (can_take(twin, node, request, form, &placement->units[u]))
      pod->units[pod->unit_count++] = placement->units[u];
  return pod->unit_count;
}

bool twin_is_legal(const struct twin *twin, const struct twin_node *node,
                   const struct pack_request *request, const struct pack_placement *placement) {
  if (!fits_host(node, request) || placement->form >= request->form_count)
    return false;
  const struct pack_form *form = &request->forms[placement->form];
  if (placement->unit_count > units_of(form))
    return false;
  if (node->counter_count && form->kind != PACK_CPU)
    return fits_counters(node, request, form);
  static struct twin_node trial;
  trial = *node;
  start_pod(&trial, 0, request, form);
  return placement->unit_count == units_of(form) &&
         take_units(twin, &trial, request, placement) == units_of(form);
}

void twin_commit(struct twin *twin, uint64_t uid, const struct pack_request *request,
                 const struct pack_placement *placement) {
  struct twin_node *node = &twin->nodes[placement->node];
  start_pod(node, uid, request, &request->forms[placement->form]);
  (void)take_units(twin, node, request, placement);
}

void twin_release(struct twin *twin, size_t index, uint64_t uid) {
  struct twin_node *node = &twin->nodes[index];
  size_t at = 0;
  while (at < node->pod_count && node->pods[at].uid != uid)
    at++;
  ck_assert_uint_lt(at, node->pod_count);
  node->pod_count--;
  for (; at < node->pod_count; at++)
    node->pods[at] = node->pods[at + 1];
}

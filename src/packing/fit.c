/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request fits a node, why not, and the plainest way to place it. */
#include "src/packing/packing_internal.h"

const char *pack_reason_text(enum pack_reason reason) {
  static const char *const texts[PACK_REASON_COUNT] = {
      [PACK_FITS] = "fits",
      [PACK_NO_TRAIT] = "node selector, affinity or taints do not match",
      [PACK_NO_PODS] = "too many pods",
      [PACK_NO_CPU] = "insufficient cpu",
      [PACK_NO_MEMORY] = "insufficient memory",
      [PACK_NO_GPU] = "no GPU",
      [PACK_WRONG_PRODUCT] = "no GPU of an allowed product",
      [PACK_WRONG_MODE] = "no GPU in the mode that is asked for",
      [PACK_NO_PROFILE] = "no GPU has the MIG profile",
      [PACK_TOO_MANY] = "asks for more than the node has in all",
      [PACK_DEVICES_BUSY] = "GPUs in use",
      [PACK_FRAGMENTED] = "free GPU only in pieces that will not do",
  };
  return reason < PACK_REASON_COUNT ? texts[reason] : "unknown";
}

bool pack_reason_is_final(enum pack_reason reason) {
  return reason == PACK_NO_TRAIT || (reason >= PACK_NO_GPU && reason <= PACK_TOO_MANY);
}

/* ---- devices ------------------------------------------------------------------------------ */

static uint16_t find_profile(const struct pack_catalog *catalog, const struct pack_device *device,
                             uint16_t profile, const struct pack_mig **ret_mig) {
  *ret_mig = pack_catalog_mig(catalog, device->product);
  return *ret_mig ? pack_mig_find(*ret_mig, profile) : PACK_NONE;
}

bool pack_device_has_profile(const struct pack_catalog *catalog, const struct pack_device *device,
                             uint16_t profile) {
  const struct pack_mig *mig;
  return find_profile(catalog, device, profile, &mig) != PACK_NONE;
}

unsigned pack_count_instances(const struct pack_node *node, uint8_t device, uint16_t profile) {
  unsigned count = 0;
  for (size_t i = 0; i < node->unit_count; i++)
    count += node->units[i].device == device && node->units[i].amount == profile;
  return count;
}

const struct pack_counter *pack_find_counter(const struct pack_node *node,
                                             const struct pack_form *form) {
  for (size_t i = 0; i < node->counter_count; i++) {
    const struct pack_counter *counter = &node->counters[i];
    if (counter->kind == form->kind && counter->name == form->name &&
        (form->kind != PACK_SLICES || counter->profile == form->amount))
      return counter;
  }
  return NULL;
}

/*
 * Windows of one profile have one size, so taking the lowest start that is free, again and
 * again, places as many as can be placed (interval scheduling by earliest end).
 */
static unsigned place_instances(const struct pack_mig *mig, uint16_t p, uint16_t layout,
                                unsigned wanted, uint8_t device, struct pack_unit *units) {
  const struct pack_mig_profile *profile = &mig->profiles[p];
  unsigned placed = 0;
  for (uint8_t i = 0; i < profile->start_count && placed < wanted; i++) {
    uint16_t next = pack_mig_next(mig, layout, p, i);
    if (next == PACK_NONE)
      continue;
    layout = next;
    if (units)
      units[placed] = (struct pack_unit){device, profile->starts[i], profile->profile};
    placed++;
  }
  return placed;
}

static bool place_slices(const struct pack_catalog *catalog, const struct pack_node *node,
                         const struct pack_request *request, const struct pack_form *form,
                         struct pack_placement *placement) {
  unsigned placed = 0;
  for (uint8_t d = 0; d < node->device_count && placed < form->count; d++) {
    const struct pack_device *device = &node->devices[d];
    const struct pack_mig *mig;
    if (!pack_device_suits(catalog, device, request, form))
      continue;
    uint16_t p = find_profile(catalog, device, form->amount, &mig);
    unsigned wanted = form->count - placed;
    if (mig->profiles[p].limit) {
      unsigned there = pack_count_instances(node, d, form->amount);
      unsigned room = there < mig->profiles[p].limit ? mig->profiles[p].limit - there : 0;
      wanted = wanted < room ? wanted : room;
    }
    placed += place_instances(mig, p, device->layout, wanted, d,
                              placement ? placement->units + placed : NULL);
  }
  if (placement)
    placement->unit_count = (uint8_t)placed;
  return placed == form->count;
}

static bool place_whole(const struct pack_catalog *catalog, const struct pack_node *node,
                        const struct pack_request *request, const struct pack_form *form,
                        struct pack_placement *placement) {
  unsigned placed = 0;
  for (uint8_t d = 0; d < node->device_count && placed < form->count; d++) {
    if (!pack_device_is_idle(&node->devices[d]) ||
        !pack_device_suits(catalog, &node->devices[d], request, form))
      continue;
    if (placement)
      placement->units[placed] = (struct pack_unit){d, 0, PACK_MILLI};
    placed++;
  }
  if (placement)
    placement->unit_count = (uint8_t)placed;
  return placed == form->count;
}

/* Where a plugin counts it also chooses: NVIDIA's spreads replicas over the GPUs of the node,
 * unless it is told to pack them, which no label says. */
static bool is_taken_before(const struct pack_node *node, const struct pack_device *a,
                            const struct pack_device *b) {
  return node->counter_count > 0 ? a->left > b->left : a->left < b->left;
}

static bool place_part(const struct pack_catalog *catalog, const struct pack_node *node,
                       const struct pack_request *request, const struct pack_form *form,
                       struct pack_placement *placement) {
  const struct pack_device *best = NULL;
  for (uint8_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (device->left >= form->amount && (!best || is_taken_before(node, device, best)) &&
        pack_device_suits(catalog, device, request, form))
      best = device;
  }
  if (placement) {
    placement->unit_count = best != NULL;
    if (best)
      placement->units[0] = (struct pack_unit){(uint8_t)(best - node->devices), 0, form->amount};
  }
  return best != NULL;
}

static bool place_devices(const struct pack_catalog *catalog, const struct pack_node *node,
                          const struct pack_request *request, const struct pack_form *form,
                          struct pack_placement *placement) {
  if (form->count > PACK_UNITS_MAX)
    return false;
  switch ((enum pack_kind)form->kind) {
  case PACK_CPU:
    if (placement)
      placement->unit_count = 0;
    return true;
  case PACK_WHOLE:
    return place_whole(catalog, node, request, form, placement);
  case PACK_FRACTION:
  case PACK_REPLICAS:
    return place_part(catalog, node, request, form, placement);
  case PACK_SLICES:
    return place_slices(catalog, node, request, form, placement);
  }
  return false;
}

static bool is_product_there(const struct pack_node *node, const struct pack_request *request) {
  return request->products == 0 || (request->products & node->products) != 0;
}

bool pack_place_plain(const struct pack_catalog *catalog, const struct pack_node *node,
                      const struct pack_request *request, uint8_t form_index,
                      struct pack_placement *placement) {
  const struct pack_form *form = &request->forms[form_index];
  if (placement)
    placement->form = form_index;
  if (form->kind == PACK_CPU || node->counter_count == 0)
    return place_devices(catalog, node, request, form, placement);
  const struct pack_counter *counter = pack_find_counter(node, form);
  if (!counter || counter->left < pack_form_asks(form) || !is_product_there(node, request))
    return false;
  /* The count has decided; where the plugin puts it is a guess, and no guess is no refusal. */
  if (placement && !place_devices(catalog, node, request, form, placement))
    placement->unit_count = 0;
  return true;
}

/* ---- reasons ----------------------------------------------------------------------------------
 */

static enum pack_reason fit_counter(const struct pack_node *node,
                                    const struct pack_request *request,
                                    const struct pack_form *form) {
  if (!is_product_there(node, request))
    return PACK_WRONG_PRODUCT;
  const struct pack_counter *counter = pack_find_counter(node, form);
  if (!counter)
    return form->kind == PACK_SLICES ? PACK_NO_PROFILE : PACK_WRONG_MODE;
  int64_t asked = pack_form_asks(form);
  return asked > counter->total  ? PACK_TOO_MANY
         : asked > counter->left ? PACK_DEVICES_BUSY
                                 : PACK_FITS;
}

/* What the suitable devices hold: for one part the largest counts, for several the sum. */
struct supply {
  bool is_allowed, is_mode, is_suitable;
  int64_t most_empty; /* asked units that the node could ever give */
  int64_t left_sum;   /* free, in the device's unit */
};

static struct supply count_supply(const struct pack_catalog *catalog, const struct pack_node *node,
                                  const struct pack_request *request,
                                  const struct pack_form *form) {
  struct supply supply = {0};
  for (uint8_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (!pack_device_is_allowed(device, request))
      continue;
    supply.is_allowed = true;
    if (device->mode != pack_mode_of(form))
      continue;
    supply.is_mode = true;
    if (!pack_device_suits(catalog, device, request, form))
      continue;
    supply.is_suitable = true;
    supply.left_sum += device->left;
    if (form->kind == PACK_WHOLE) {
      supply.most_empty++;
    } else if (form->kind == PACK_SLICES) {
      const struct pack_mig *mig;
      uint16_t p = find_profile(catalog, device, form->amount, &mig);
      unsigned limit = mig->profiles[p].limit ? mig->profiles[p].limit : PACK_UNITS_MAX;
      supply.most_empty += place_instances(mig, p, 0, limit, d, NULL);
    } else if (device->size > supply.most_empty) {
      supply.most_empty = device->size;
    }
  }
  return supply;
}

/* What the request takes of left_sum, at least: a profile's name may stand for other sizes on
 * other products. */
static int64_t asked_of_devices(const struct pack_catalog *catalog, const struct pack_node *node,
                                const struct pack_request *request, const struct pack_form *form) {
  if (form->kind == PACK_WHOLE)
    return (int64_t)form->count * PACK_MILLI;
  if (form->kind != PACK_SLICES)
    return form->amount;
  uint8_t least = UINT8_MAX;
  for (uint8_t d = 0; d < node->device_count; d++) {
    const struct pack_mig *mig;
    if (!pack_device_suits(catalog, &node->devices[d], request, form))
      continue;
    uint16_t p = find_profile(catalog, &node->devices[d], form->amount, &mig);
    least = mig->profiles[p].size < least ? mig->profiles[p].size : least;
  }
  return (int64_t)form->count * least;
}

static enum pack_reason fit_form(const struct pack_catalog *catalog, const struct pack_node *node,
                                 const struct pack_request *request, const struct pack_form *form) {
  if (form->kind == PACK_CPU)
    return PACK_FITS;
  if (node->device_count == 0 && node->counter_count == 0)
    return PACK_NO_GPU;
  if (node->counter_count)
    return fit_counter(node, request, form);
  if (place_devices(catalog, node, request, form, NULL))
    return PACK_FITS;
  struct supply supply = count_supply(catalog, node, request, form);
  if (!supply.is_allowed)
    return PACK_WRONG_PRODUCT;
  if (!supply.is_mode)
    return PACK_WRONG_MODE;
  if (!supply.is_suitable)
    return PACK_NO_PROFILE;
  if (pack_form_asks(form) > supply.most_empty)
    return PACK_TOO_MANY;
  return supply.left_sum >= asked_of_devices(catalog, node, request, form) ? PACK_FRAGMENTED
                                                                           : PACK_DEVICES_BUSY;
}

enum pack_reason pack_fit_host(const struct pack_node *node, const struct pack_request *request) {
  if ((node->traits & request->needs) != request->needs || (node->traits & request->shuns) != 0)
    return PACK_NO_TRAIT;
  if (node->pods_max && node->pod_count >= node->pods_max)
    return PACK_NO_PODS;
  /* As kube-scheduler: a node that is over its capacity still takes pods that ask for none. */
  if (request->cpu_milli > 0 && request->cpu_milli > node->cpu_left)
    return PACK_NO_CPU;
  if (request->mem_bytes > 0 && request->mem_bytes > node->mem_left)
    return PACK_NO_MEMORY;
  return PACK_FITS;
}

enum pack_reason pack_fit(const struct pack_catalog *catalog, const struct pack_node *node,
                          const struct pack_request *request) {
  enum pack_reason reason = pack_fit_host(node, request);
  if (reason != PACK_FITS)
    return reason;
  for (uint8_t f = 0; f < request->form_count; f++) {
    enum pack_reason here = fit_form(catalog, node, request, &request->forms[f]);
    if (here == PACK_FITS)
      return PACK_FITS;
    reason = here > reason ? here : reason;
  }
  return reason;
}

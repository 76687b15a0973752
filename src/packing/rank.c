/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing the device, and the place inside it, by a policy's rank. */
#include "src/packing/baseline.h"

/* A place for one unit of the form. */
struct place {
  int64_t rank;
  uint16_t next; /* MIG: the layout afterwards */
  uint8_t device, start, size;
};

struct search {
  const struct pack_catalog *catalog;
  const struct pack_node *node;
  const struct pack_device *devices; /* the node's, or with earlier units of this pod on them */
  const struct pack_request *request;
  const struct pack_form *form;
  pack_rank_fn *rank;
  void *context;
};

/* Instances of a profile that this pod got on the device already. */
static unsigned count_placed(const struct pack_placement *placement, uint8_t device) {
  unsigned count = 0;
  for (uint8_t i = 0; i < placement->unit_count; i++)
    count += placement->units[i].device == device;
  return count;
}

/* Takes the place if it is better than the best so far. */
static void offer(const struct search *search, struct place place, bool *found,
                  struct place *best) {
  place.rank = search->rank(search->context, &search->devices[place.device], place.next);
  if (*found && place.rank >= best->rank)
    return;
  *found = true;
  *best = place;
}

static void offer_windows(const struct search *search, uint8_t device,
                          const struct pack_placement *placement, bool *found, struct place *best) {
  uint16_t product = search->devices[device].product;
  const struct pack_mig *mig = pack_catalog_mig(search->catalog, product);
  uint16_t p = pack_mig_find(mig, search->form->amount);
  const struct pack_mig_profile *profile = &mig->profiles[p];
  if (profile->limit != 0 && pack_count_instances(search->node, device, search->form->amount) +
                                     count_placed(placement, device) >=
                                 profile->limit)
    return;
  for (uint8_t i = 0; i < profile->start_count; i++) {
    uint16_t next = pack_mig_next(mig, search->devices[device].layout, p, i);
    if (next == PACK_NONE)
      continue;
    struct place place = {
        .next = next, .device = device, .start = profile->starts[i], .size = profile->size};
    offer(search, place, found, best);
  }
}

static bool find_place(const struct search *search, const struct pack_placement *placement,
                       struct place *best) {
  bool found = false;
  for (uint8_t i = 0; i < search->node->device_count; i++) {
    const struct pack_device *device = &search->devices[i];
    if (!pack_device_suits(search->catalog, device, search->request, search->form))
      continue;
    if (search->form->kind == PACK_SLICES)
      offer_windows(search, i, placement, &found, best);
    else if (device->left >= search->form->amount)
      offer(search, (struct place){.next = PACK_NONE, .device = i}, &found, best);
  }
  return found;
}

/* Greedily, one unit after another. */
static bool place_units(const struct search *given, int64_t *ret_rank,
                        struct pack_placement *placement) {
  struct pack_device scratch[PACK_DEVICES_MAX];
  struct search search = *given;
  if (search.form->count > PACK_UNITS_MAX)
    return false;
  if (search.form->count > 1) {
    memcpy(scratch, search.node->devices, search.node->device_count * sizeof(*scratch));
    search.devices = scratch;
  }
  placement->unit_count = 0;
  *ret_rank = 0;
  while (placement->unit_count < search.form->count) {
    struct place best = {.rank = 0};
    if (!find_place(&search, placement, &best))
      return false;
    *ret_rank += best.rank;
    placement->units[placement->unit_count++] = (struct pack_unit){
        .device = best.device, .start = best.start, .amount = search.form->amount};
    if (search.devices == scratch) {
      scratch[best.device].layout = best.next;
      scratch[best.device].left = (uint16_t)(scratch[best.device].left - best.size);
    }
  }
  return true;
}

bool pack_place_ranked(const struct pack_catalog *catalog, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, pack_rank_fn *rank,
                       void *context, int64_t *ret_rank, struct pack_placement *placement) {
  const struct search search = {.catalog = catalog,
                                .node = node,
                                .devices = node->devices,
                                .request = request,
                                .form = &request->forms[form],
                                .rank = rank,
                                .context = context};
  if (search.form->kind == PACK_CPU || search.form->kind == PACK_WHOLE ||
      pack_plugin_chooses(node, search.form)) {
    *ret_rank = 0;
    return pack_place_plain(catalog, node, request, form, placement);
  }
  /* Where there are counters they decide, and devices are a guess. */
  if (node->counter_count > 0 && !pack_place_plain(catalog, node, request, form, NULL))
    return false;
  placement->form = form;
  if (place_units(&search, ret_rank, placement))
    return true;
  *ret_rank = PACK_SCORE_MAX;
  return pack_place_plain(catalog, node, request, form, placement);
}

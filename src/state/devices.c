/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that a pod names, kept for it and turned into units of its node. */
#include "src/state/state_internal.h"

struct named *named_new(struct state *state, const struct pod *pod) {
  if (pod->device_count == 0)
    return NULL;
  size_t size = sizeof(struct named) + pod->device_count * sizeof(struct pod_device);
  for (size_t i = 0; i < pod->device_count; i++)
    size += pod->devices[i].resource.len + pod->devices[i].id.len;
  struct named *made = state_take(state, size);
  made->bytes = size;
  made->count = pod->device_count;
  char *at = (char *)(made->items + made->count);
  for (size_t i = 0; i < made->count; i++) {
    made->items[i] = pod->devices[i];
    made->items[i].resource = str_put(&at, pod->devices[i].resource);
    made->items[i].id = str_put(&at, pod->devices[i].id);
  }
  return made;
}

void named_free(struct state *state, struct named *named) {
  if (named)
    state_give(state, named, named->bytes);
}

bool named_is_same(const struct named *named, const struct pod *pod) {
  if ((named ? named->count : 0) != pod->device_count)
    return false;
  for (size_t i = 0; i < pod->device_count; i++) {
    const struct pod_device *a = &named->items[i], *b = &pod->devices[i];
    if (a->index != b->index || a->amount != b->amount || a->cores != b->cores ||
        !str_eq(a->resource, b->resource) || !str_eq(a->id, b->id))
      return false;
  }
  return true;
}

/* ---- units ------------------------------------------------------------------------------- */

struct placing {
  const struct pack_catalog *catalog;
  const struct pack_node *node;
  const struct pack_form *form;
  struct pack_placement *ret;
};

/* Which card is said, which slices of it is not: the lowest start that is free. */
static void place_slices(const struct placing *placing, uint8_t device, int64_t instances) {
  const struct pack_device *there = &placing->node->devices[device];
  struct pack_placement *ret = placing->ret;
  const struct pack_mig *mig =
      there->mode == PACK_MODE_MIG ? pack_catalog_mig(placing->catalog, there->product) : NULL;
  uint16_t p = mig ? pack_mig_find(mig, placing->form->amount) : PACK_NONE;
  if (p == PACK_NONE)
    return;
  const struct pack_mig_profile *profile = &mig->profiles[p];
  uint16_t layout = there->layout;
  for (uint8_t i = 0; i < profile->start_count && instances > 0; i++) {
    uint16_t next = pack_mig_next(mig, layout, p, i);
    if (next == PACK_NONE || ret->unit_count == PACK_UNITS_MAX)
      continue;
    ret->units[ret->unit_count++] =
        (struct pack_unit){device, profile->starts[i], placing->form->amount};
    layout = next;
    instances--;
  }
}

static void place_device(const struct placing *placing, const struct pod_device *named) {
  struct pack_placement *ret = placing->ret;
  uint8_t device = (uint8_t)named->index;
  switch ((enum pack_kind)placing->form->kind) {
  case PACK_WHOLE:
    if (ret->unit_count < PACK_UNITS_MAX)
      ret->units[ret->unit_count++] = (struct pack_unit){device, 0, PACK_MILLI};
    break;
  case PACK_FRACTION:
  case PACK_REPLICAS: /* of one card, never split */
    if (ret->unit_count == 0)
      ret->units[ret->unit_count++] = (struct pack_unit){device, 0, placing->form->amount};
    break;
  case PACK_SLICES:
    place_slices(placing, device, named->amount > 0 ? named->amount : 1);
    break;
  case PACK_CPU:
    break;
  }
}

bool named_place(const struct state *state, const struct pack_node *node,
                 const struct record *record, const struct pack_request *request,
                 struct pack_placement *ret) {
  struct placing placing = {state->catalog, node, &request->forms[0], ret};
  *ret = (struct pack_placement){0};
  for (size_t i = 0; record->named && i < record->named->count; i++) {
    const struct pod_device *named = &record->named->items[i];
    bool is_asked = named->resource.len == 0 ||
                    pack_intake_name(state->intake, named->resource) == placing.form->name;
    if (is_asked && named->index >= 0 && named->index < node->device_count)
      place_device(&placing, named);
  }
  return ret->unit_count > 0;
}

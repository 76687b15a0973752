/* SPDX-License-Identifier: Apache-2.0 */
/* Pods that run on a node, with the devices that they name, and cards that somebody has given more
 * of than there is. */
#include "src/packing/intake.h"

/* ---- units ------------------------------------------------------------------------------- */

struct placing {
  const struct pack_catalog *catalog;
  const struct pack_node *node;
  const struct pack_form *form;
  struct pack_ids *ids; /* NULL: only numbers say where */
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

static void place_device(const struct placing *placing, uint8_t device, int64_t amount) {
  struct pack_placement *ret = placing->ret;
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
    place_slices(placing, device, amount > 0 ? amount : 1);
    break;
  case PACK_CPU:
    break;
  }
}

/* "GPU-..." of "GPU-...::2"; empty: no replica. */
static struct str gpu_of_replica(struct str id) {
  for (size_t i = 1; i + 2 < id.len; i++)
    if (id.ptr[i] == ':' && id.ptr[i + 1] == ':')
      return (struct str){id.ptr, i};
  return (struct str){NULL, 0};
}

bool pack_names_replica(const struct pod_device *device) {
  return device->index < 0 && gpu_of_replica(device->id).len > 0;
}

/* The number that the GPU got when it was met, or that of the GPU on which the plugin would have
 * put the pod among those not met. -1: there are more GPUs than we think. */
static int number_of(const struct placing *placing, struct str gpu) {
  const struct pack_node *node = placing->node;
  int best = -1;
  for (uint8_t d = 0; d < node->device_count; d++) {
    struct str met = placing->ids->gpus[d];
    if (met.len && str_eq(met, gpu))
      return d;
    if (met.len == 0 && node->devices[d].mode == PACK_MODE_SHARED &&
        (best < 0 || node->devices[d].left > node->devices[best].left))
      best = d;
  }
  if (best >= 0)
    placing->ids->gpus[best] = gpu;
  return best;
}

static int device_of(const struct placing *placing, const struct pod_device *named) {
  if (named->index < 0 && placing->ids && placing->form->kind == PACK_REPLICAS)
    return pack_names_replica(named) ? number_of(placing, gpu_of_replica(named->id)) : -1;
  return named->index < placing->node->device_count ? named->index : -1;
}

static bool place_named(const struct pack_intake *intake, const struct pack_node *node,
                        const struct pod *pod, const struct pack_request *request,
                        struct pack_ids *ids, struct pack_placement *ret) {
  struct placing placing = {intake->catalog, node, &request->forms[0], ids, ret};
  *ret = (struct pack_placement){0};
  for (size_t i = 0; i < pod->device_count; i++) {
    const struct pod_device *named = &pod->devices[i];
    bool is_asked =
        named->resource.len == 0 || intake_find_name(intake, named->resource) == placing.form->name;
    int device = is_asked ? device_of(&placing, named) : -1;
    if (device >= 0)
      place_device(&placing, (uint8_t)device, named->amount);
  }
  return ret->unit_count > 0;
}

static void observe(const struct pack_intake *intake, struct pack_cluster *cluster, size_t index,
                    uint64_t number, const struct pod *pod, const struct pack_placement *kept,
                    struct pack_ids *ids) {
  const struct pack_node *node = pack_cluster_node(cluster, index);
  struct pack_request request = pack_intake_request_on(intake, node, pod);
  struct pack_placement placement;
  if (place_named(intake, node, pod, &request, ids, &placement))
    kept = &placement;
  (void)pack_observe(cluster, index, number, &request, kept);
}

void pack_intake_observe(const struct pack_intake *intake, struct pack_cluster *cluster,
                         size_t index, uint64_t number, const struct pod *pod,
                         const struct pack_placement *kept) {
  observe(intake, cluster, index, number, pod, kept, NULL);
}

/* ---- what is held of cards --------------------------------------------------------------- */

static size_t units_of(const struct pack_form *form) {
  bool is_part = form->kind == PACK_FRACTION || form->kind == PACK_REPLICAS;
  return form->kind == PACK_CPU ? 0 : is_part ? 1 : form->count;
}

bool pack_lacks_units(const struct pack_node *node) {
  const struct pack_pod *pod = &node->pods[node->pod_count - 1];
  return pod->unit_count < units_of(&pod->form);
}

/* The card that it names, or the one with the most left; UINT8_MAX: there is none. */
static uint8_t pick_card(const struct pack_node *node, const struct pod *pod) {
  uint8_t best = UINT8_MAX;
  for (size_t i = 0; i < pod->device_count; i++)
    if (pod->devices[i].index >= 0 && pod->devices[i].index < node->device_count)
      return (uint8_t)pod->devices[i].index;
  for (uint8_t d = 0; d < node->device_count; d++)
    if (best == UINT8_MAX || node->devices[d].left > node->devices[best].left)
      best = d;
  return best;
}

/*
 * Somebody has bound more to a card than it has. The core refuses what is not there, and would go
 * on to give away what seems to be left: so the pod is given all of that instead.
 */
void pack_squeeze(struct pack_cluster *cluster, size_t index, uint64_t number,
                  const struct pack_request *asked, uint8_t card) {
  const struct pack_node *node = pack_cluster_node(cluster, index);
  struct pack_request request = *asked;
  if (card >= node->device_count || units_of(&request.forms[0]) != 1 ||
      node->devices[card].left == 0)
    return;
  const struct pack_device *device = &node->devices[card];
  struct pack_placement rest = {.unit_count = 1, .units = {{.device = card}}};
  rest.units[0].amount = device->left;
  request.forms[0].kind = device->mode == PACK_MODE_SHARED ? PACK_REPLICAS : PACK_FRACTION;
  request.forms[0].count = 1;
  request.forms[0].amount = device->left;
  (void)pack_release(cluster, index, number);
  (void)pack_observe(cluster, index, number, &request, &rest);
}

bool pack_lacks_cards(const struct pack_node *node) {
  return node->counter_count == 0 && node->device_count > 0 && pack_lacks_units(node);
}

bool pack_intake_observe_wholly(const struct pack_intake *intake, struct pack_cluster *cluster,
                                size_t index, uint64_t number, const struct pod *pod,
                                struct pack_ids *ids) {
  observe(intake, cluster, index, number, pod, NULL, ids);
  const struct pack_node *node = pack_cluster_node(cluster, index);
  if (!pack_lacks_cards(node))
    return true;
  struct pack_request request = pack_intake_request_on(intake, node, pod);
  pack_squeeze(cluster, index, number, &request, pick_card(node, pod));
  return false;
}

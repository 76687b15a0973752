/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over the pools, and an independent look at every placement. */
#include "src/simulate/mixed.h"

#include <stdlib.h>

static uint8_t *modes_of(const struct mixed_ledger *ledger, uint32_t node) {
  return &ledger->modes[(size_t)node * PACK_DEVICES_MAX];
}

/* ---- is it right? --------------------------------------------------------------------------- */

/* What all pods of a node hold of its devices. */
struct held {
  uint32_t amounts[PACK_DEVICES_MAX]; /* milli, replicas, slices */
  uint32_t slices[PACK_DEVICES_MAX];  /* MIG: occupied, a bit each */
};

static const struct pack_mig_profile *find_profile(const struct pack_mig *mig, uint16_t profile) {
  for (uint16_t p = 0; p < mig->profile_count; p++)
    if (mig->profiles[p].profile == profile)
      return &mig->profiles[p];
  return NULL;
}

static bool is_legal_start(const struct pack_mig_profile *profile, uint8_t start) {
  for (uint8_t i = 0; i < profile->start_count; i++)
    if (profile->starts[i] == start)
      return true;
  return false;
}

/* False: the windows of two instances overlap, or one is where it may not be. */
static bool hold_slices(const struct mixed_ledger *ledger, const struct pack_unit *unit,
                        struct held *held) {
  const struct pack_mig_profile *profile = find_profile(ledger->mig, unit->amount);
  if (!profile || !is_legal_start(profile, unit->start))
    return false;
  uint32_t window = (uint32_t)(((UINT64_C(1) << profile->size) - 1) << unit->start);
  bool is_free = (held->slices[unit->device] & window) == 0;
  held->slices[unit->device] |= window;
  held->amounts[unit->device] += profile->size;
  return is_free;
}

static uint8_t mode_for(uint16_t kind) {
  return kind == PACK_SLICES     ? PACK_MODE_MIG
         : kind == PACK_REPLICAS ? PACK_MODE_SHARED
                                 : PACK_MODE_WHOLE;
}

static void look_at_pod(struct mixed_ledger *ledger, const struct pack_node *node,
                        const uint8_t *modes, const struct pack_pod *pod, struct held *held) {
  bool is_split = pod->unit_count != pod->form.count;
  bool is_wrong = false;
  bool overlaps = false;
  for (uint16_t u = 0; u < pod->unit_count; u++) {
    const struct pack_unit *unit = &node->units[pod->unit_first + u];
    is_wrong |=
        unit->device >= node->device_count || modes[unit->device] != mode_for(pod->form.kind);
    if (pod->form.kind == PACK_SLICES) {
      is_wrong |= unit->amount != pod->form.amount;
      overlaps |= !hold_slices(ledger, unit, held);
      continue;
    }
    is_split |= pod->form.kind == PACK_REPLICAS && unit->amount != pod->form.amount;
    is_wrong |= pod->form.kind == PACK_WHOLE && unit->amount != PACK_MILLI;
    held->amounts[unit->device] += unit->amount;
  }
  ledger->wrong_kind += is_wrong;
  ledger->split += is_split;
  ledger->overlap += overlaps;
}

/* ---- sums ----------------------------------------------------------------------------------- */

static uint32_t size_of(const struct mixed_ledger *ledger, uint8_t mode) {
  return mode == PACK_MODE_MIG      ? ledger->mig->axis
         : mode == PACK_MODE_SHARED ? MIXED_REPLICAS
                                    : PACK_MILLI;
}

void mixed_ledger_look(void *arg, uint32_t index) {
  struct mixed_ledger *ledger = arg;
  const struct pack_node *node = pack_cluster_node(ledger->cluster, index);
  const uint8_t *modes = modes_of(ledger, index);
  struct mixed_node now = {0};
  struct held held = {0};
  for (uint32_t p = 0; p < node->pod_count; p++)
    look_at_pod(ledger, node, modes, &node->pods[p], &held);
  for (uint16_t d = 0; d < node->device_count; d++) {
    uint32_t size = size_of(ledger, modes[d]);
    ledger->overlap += held.amounts[d] > size;
    now.used_milli += (int64_t)held.amounts[d] * PACK_MILLI / size;
    if (held.amounts[d] == 0 && node->cpu_left < ledger->median_cpu_milli)
      now.stranded++;
  }
  struct mixed_node *before = &ledger->nodes[index];
  ledger->used_milli[ledger->pools[index]] += now.used_milli - before->used_milli;
  ledger->stranded += now.stranded - before->stranded;
  *before = now;
}

void mixed_ledger_init(struct mixed_ledger *ledger, const struct pack_mig *mig,
                       const struct pack_cluster *cluster, const uint8_t *pools,
                       int64_t median_cpu_milli) {
  size_t count = pack_cluster_count(cluster);
  *ledger = (struct mixed_ledger){
      .mig = mig, .cluster = cluster, .pools = pools, .median_cpu_milli = median_cpu_milli};
  ledger->nodes = mem_zalloc(count * sizeof(*ledger->nodes));
  ledger->modes = mem_zalloc(count * PACK_DEVICES_MAX);
  for (size_t n = 0; n < count; n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    for (uint16_t d = 0; d < node->device_count; d++)
      modes_of(ledger, (uint32_t)n)[d] = node->devices[d].mode;
    ledger->all_milli[pools[n]] += (int64_t)node->device_count * PACK_MILLI;
  }
}

void mixed_ledger_done(struct mixed_ledger *ledger) {
  free(ledger->nodes);
  free(ledger->modes);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Figures. */
#include "src/state/state_internal.h"

static void count_slots(const struct state *state, struct state_stats *ret) {
  for (size_t i = 0; i < state->slots.cap; i++) {
    for (struct map_link *link = state->slots.buckets[i]; link; link = link->next) {
      const struct slot *slot = MAP_OF(link, struct slot, link);
      ret->homeless_pods += slot->value ? 0 : slot->pod_count;
      ret->excess_nodes += slot->is_excess;
      ret->contradictions += slot->is_contradiction;
      ret->unreadable_nodes += slot->value && slot->value->public.is_unreadable;
    }
  }
}

void state_get_stats(struct state *state, struct state_stats *ret) {
  state_lock(state);
  *ret = (struct state_stats){.generation = state->generation,
                              .waiting_pods = state->waiting_count,
                              .expired_holds = state->expired_holds,
                              .drift = state->drift,
                              .totals = *pack_cluster_totals(state->cluster),
                              .bytes = state->bytes};
  ret->objects[STATE_NODES] = pack_cluster_count(state->cluster);
  ret->objects[STATE_PODS] = state->by_name.count;
  ret->objects[STATE_NAMESPACES] = state->namespaces.count;
  ret->objects[STATE_SLICES] = state->dra_counts[STATE_SLICES];
  ret->objects[STATE_CLAIMS] = state->dra_counts[STATE_CLAIMS];
  memcpy(ret->holds, state->hold_counts, sizeof(ret->holds));
  count_slots(state, ret);
  state_unlock(state);
}

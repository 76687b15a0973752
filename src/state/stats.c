/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: all of them are kept as things change. */
#include "src/state/state_internal.h"

void state_get_stats(struct state *state, struct state_stats *ret) {
  state_lock(state);
  *ret = (struct state_stats){.generation = state->generation,
                              .surroundings = state->surroundings,
                              .waiting_pods = state->waiting_count,
                              .arrivals = state->arrivals,
                              .homeless_pods = state->homeless_pods,
                              .excess_nodes = state->excess_nodes,
                              .unreadable_nodes = state->unreadable_nodes,
                              .contradictions = state->contradictions,
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
  state_unlock(state);
}

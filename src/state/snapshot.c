/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: made when somebody asks and something has changed since the last one. */
#include "src/state/state_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

struct state_snapshot {
  _Atomic uint32_t refs;
  uint64_t generation;
  struct pack_cluster *cluster;
  struct node_table *table;
  struct node_index *index;
  /* Tentative and nominated holds: those of node n are held[first[n]] to held[first[n + 1]]. NULL:
   * there are none. */
  uint32_t *first;
  uint64_t *held;
};

struct soft {
  uint64_t number;
  size_t node;
};

/* The heap is all over the memory: it is gone through once. */
static size_t list_soft(const struct state *state, struct soft *ret) {
  size_t count = 0;
  for (size_t i = 0; i < state->heap.count; i++) {
    const struct hold *hold = state->heap.items[i];
    if (hold->kind != STATE_FIRM)
      ret[count++] = (struct soft){hold->number, hold->slot->index};
  }
  return count;
}

static void collect_holds(const struct state *state, struct state_snapshot *ret) {
  size_t nodes = pack_cluster_count(state->cluster);
  size_t count = state->hold_counts[STATE_TENTATIVE] + state->hold_counts[STATE_NOMINATED];
  if (count == 0)
    return;
  struct soft *soft = mem_zalloc(count * sizeof(*soft));
  count = list_soft(state, soft);
  ret->first = mem_zalloc((nodes + 2) * sizeof(*ret->first));
  ret->held = mem_zalloc(count * sizeof(*ret->held));
  /* Counted two places on, so that filling in leaves each node's beginning where it belongs. */
  uint32_t *next = ret->first + 1;
  for (size_t i = 0; i < count; i++)
    next[soft[i].node + 1]++;
  for (size_t n = 1; n <= nodes; n++)
    next[n] += next[n - 1];
  for (size_t i = 0; i < count; i++)
    ret->held[next[soft[i].node]++] = soft[i].number;
  free(soft);
}

static struct node_table *share_table(struct state *state) {
  if (!state->table)
    state->table = node_table_new(state);
  atomic_fetch_add_explicit(&state->table->refs, 1, memory_order_relaxed);
  return state->table;
}

static struct node_index *share_index(struct state *state) {
  if (!state->index)
    state->index = node_index_new(state);
  atomic_fetch_add_explicit(&state->index->refs, 1, memory_order_relaxed);
  return state->index;
}

static struct state_snapshot *make(struct state *state) {
  struct state_snapshot *made = mem_zalloc(sizeof(*made));
  atomic_init(&made->refs, 1);
  made->generation = state->generation;
  made->cluster = pack_cluster_copy(state->cluster);
  made->table = share_table(state);
  made->index = share_index(state);
  collect_holds(state, made);
  return made;
}

const struct state_snapshot *state_snapshot(struct state *state) {
  struct state_snapshot *gone = NULL;
  state_lock(state);
  if (!state->snapshot || state->snapshot->generation != state->generation) {
    gone = state->snapshot;
    state->snapshot = make(state);
  }
  struct state_snapshot *now = state->snapshot;
  atomic_fetch_add_explicit(&now->refs, 1, memory_order_relaxed);
  state_unlock(state);
  state_snapshot_unref(gone); /* thousands of nodes, perhaps: nobody waits for that */
  return now;
}

void state_snapshot_unref(const struct state_snapshot *snapshot) {
  struct state_snapshot *mine = (struct state_snapshot *)(uintptr_t)snapshot;
  if (!mine || atomic_fetch_sub_explicit(&mine->refs, 1, memory_order_acq_rel) != 1)
    return;
  pack_cluster_free(mine->cluster);
  node_table_unref(mine->table);
  node_index_unref(mine->index);
  free(mine->first);
  free(mine->held);
  free(mine);
}

void state_snapshot_unref_ptr(const struct state_snapshot **snapshot) {
  state_snapshot_unref(*snapshot);
  *snapshot = NULL;
}

uint64_t state_snapshot_generation(const struct state_snapshot *snapshot) {
  return snapshot->generation;
}

const struct pack_cluster *state_snapshot_cluster(const struct state_snapshot *snapshot) {
  return snapshot->cluster;
}

size_t state_snapshot_find(const struct state_snapshot *snapshot, struct str name, size_t guess) {
  return node_index_find(snapshot->index, name, guess);
}

const struct state_node *state_snapshot_node(const struct state_snapshot *snapshot, size_t node) {
  return &snapshot->table->nodes[node]->public;
}

struct str state_snapshot_card(const struct state_snapshot *snapshot,
                               const struct pack_placement *placement) {
  return node_card_of(&state_snapshot_node(snapshot, placement->node)->node, placement);
}

const uint64_t *state_snapshot_listing(const struct state_snapshot *snapshot, struct str resource) {
  for (size_t i = 0; i < snapshot->index->listing_count; i++)
    if (str_eq(snapshot->index->listings[i].resource, resource))
      return snapshot->index->listings[i].bits;
  return NULL;
}

size_t state_snapshot_holds(const struct state_snapshot *snapshot, size_t node,
                            const uint64_t **ret_pods) {
  if (!snapshot->first) {
    *ret_pods = NULL;
    return 0;
  }
  *ret_pods = snapshot->held + snapshot->first[node];
  return snapshot->first[node + 1] - snapshot->first[node];
}

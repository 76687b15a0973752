/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state against itself: a node that is made anew from what is known must be the node that
 * single changes have led to. Where devices are is a guess that depends on the order of events,
 * and is not compared.
 */
#include "src/state/state_internal.h"

static bool is_same_counters(const struct pack_node *a, const struct pack_node *b) {
  if (a->counter_count != b->counter_count)
    return false;
  for (uint16_t c = 0; c < a->counter_count; c++) {
    const struct pack_counter *x = &a->counters[c], *y = &b->counters[c];
    if (x->kind != y->kind || x->name != y->name || x->profile != y->profile ||
        x->total != y->total || x->left != y->left)
      return false;
  }
  return true;
}

static bool has_pod(const struct pack_node *node, uint64_t number) {
  for (uint32_t i = 0; i < node->pod_count; i++)
    if (node->pods[i].uid == number)
      return true;
  return false;
}

static bool is_same_pods(const struct pack_node *a, const struct pack_node *b) {
  if (a->pod_count != b->pod_count)
    return false;
  for (uint32_t i = 0; i < a->pod_count; i++)
    if (!has_pod(b, a->pods[i].uid))
      return false;
  return true;
}

static bool is_same_node(const struct pack_node *a, const struct pack_node *b) {
  return a->cpu_milli == b->cpu_milli && a->mem_bytes == b->mem_bytes &&
         a->pods_max == b->pods_max && a->cpu_left == b->cpu_left && a->mem_left == b->mem_left &&
         is_same_counters(a, b) && is_same_pods(a, b);
}

/* Nothing is decided above capacity, and a pod that is bound or over holds nothing in advance. */
static bool are_holds_right(const struct slot *slot, const struct pack_node *node) {
  for (size_t i = 0; i < slot->hold_count; i++) {
    const struct hold *hold = slot->holds[i];
    if ((hold->kind != STATE_FIRM && !hold_has_room(hold, node)) ||
        (hold->record && !hold->record->waiting))
      return false;
  }
  return true;
}

static bool is_right(struct state *state, const struct slot *slot) {
  struct pack_cluster *anew = pack_cluster_new(state->catalog);
  const struct pack_node *node = pack_cluster_node(state->cluster, slot->index);
  size_t index = slot_build_copy(state, slot, anew);
  bool is_right = index != SIZE_MAX && are_holds_right(slot, node) &&
                  slot->is_excess == slot_is_excess(slot, node) &&
                  is_same_node(node, pack_cluster_node(anew, index));
  pack_cluster_free(anew);
  return is_right;
}

static void mend(struct state *state, struct slot *slot) {
  for (size_t i = slot->hold_count; i-- > 0;)
    if (slot->holds[i]->record && !slot->holds[i]->record->waiting)
      hold_drop(state, slot->holds[i]);
  slot_rebuild(state, slot);
  slot_settle(state, slot);
  state->drift++;
  state_changed(state);
}

static bool verify_next(struct state *state) {
  size_t nodes = pack_cluster_count(state->cluster);
  if (nodes == 0)
    return true;
  state->verify_next = state->verify_next < nodes ? state->verify_next : 0;
  struct slot *slot = state->order[state->verify_next++];
  /* Which of too many pods are counted depends on who came first. */
  if (slot->pod_count > NODE_PODS_MAX || is_right(state, slot))
    return true;
  mend(state, slot);
  return false;
}

size_t state_verify(struct state *state, size_t count) {
  size_t differed = 0;
  for (size_t i = 0, nodes = 1; i < count && i < nodes; i++) {
    state_lock(state);
    nodes = pack_cluster_count(state->cluster);
    differed += !verify_next(state);
    state_unlock(state);
  }
  return differed;
}

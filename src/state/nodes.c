/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes by name: what stands for them in the cluster, and which pods and holds are theirs. */
#include "src/state/state_internal.h"

#include <stdlib.h>

/* ---- slots ------------------------------------------------------------------------------- */

struct slot *slot_find(const struct state *state, struct str name) {
  uint32_t hash = map_hash(state->seed, name, (struct str){NULL, 0});
  for (struct map_link *link = map_first(&state->slots, hash); link; link = map_next(link)) {
    struct slot *slot = MAP_OF(link, struct slot, link);
    if (str_eq(atom_text(slot->name), name))
      return slot;
  }
  return NULL;
}

struct slot *slot_get(struct state *state, struct str name) {
  struct slot *slot = slot_find(state, name);
  if (slot)
    return slot;
  slot = state_take(state, sizeof(*slot));
  slot->name = atom_ref(state, name);
  map_add(&state->slots, &slot->link, map_hash(state->seed, name, (struct str){NULL, 0}));
  return slot;
}

void slot_sweep(struct state *state, struct slot *slot) {
  if (slot->value || slot->mentions || slot->hold_count)
    return;
  map_remove(&state->slots, &slot->link);
  atom_unref(state, slot->name);
  free(slot->pods);
  free(slot->holds);
  state_give(state, slot, sizeof(*slot));
}

void slot_mention(struct slot *slot) {
  slot->mentions++;
}

void slot_forget(struct state *state, struct slot *slot) {
  if (!slot)
    return;
  slot->mentions--;
  slot_sweep(state, slot);
}

/* ---- the node's own value ---------------------------------------------------------------- */

static void drop_index(struct state *state) {
  node_index_unref(state->index);
  state->index = NULL;
}

static void drop_table(struct state *state) {
  state->surroundings++;
  node_table_unref(state->table);
  state->table = NULL;
}

static void set_value(struct state *state, struct slot *slot, struct node_value *value) {
  drop_table(state);
  if (!value || !slot->value || !node_lists_same(&slot->value->public.node, &value->public.node) ||
      slot->value->public.is_counted_elsewhere != value->public.is_counted_elsewhere)
    drop_index(state);
  state->homeless_pods -= slot->value ? 0 : slot->pod_count;
  state->homeless_pods += value ? 0 : slot->pod_count;
  state->bytes -= slot->value ? slot->value->bytes : 0;
  state->bytes += value ? value->bytes : 0;
  node_value_unref(slot->value);
  slot->value = value;
  flag_set(&slot->is_unreadable, &state->unreadable_nodes, value && value->public.is_unreadable);
  flag_set(&slot->is_contradiction, &state->contradictions,
           value && node_contradiction(&state->products, &value->public.node));
}

/* What the core makes of the node is the same: labels changed that mean nothing to it. */
static bool is_same_reading(const struct pack_node_reading *a, const struct pack_node_reading *b) {
  const struct pack_node_spec *x = &a->spec, *y = &b->spec;
  return x->cpu_milli == y->cpu_milli && x->mem_bytes == y->mem_bytes &&
         x->pods_max == y->pods_max && x->device_count == y->device_count &&
         x->counter_count == y->counter_count &&
         memcmp(a->devices, b->devices, x->device_count * sizeof(*a->devices)) == 0 &&
         memcmp(a->counters, b->counters, x->counter_count * sizeof(*a->counters)) == 0;
}

static void put_node(struct state *state, const struct node *told) {
  struct node as_taken = *told;
  const struct node *node = &as_taken;
  struct slot *slot = slot_get(state, node->name);
  /* By two names at once its GPUs would be half of each. */
  if (!state->gives_hami || node_mixes_hami(told))
    as_taken.card_count = 0;
  as_taken.has_dra = slot->dra_devices > 0;
  slot->epoch = state->kinds[STATE_NODES].epoch;
  if (slot->value && node_is_same(&slot->value->public.node, node))
    return;
  struct node_value *value = node_value_new(node);
  struct pack_node_reading before = {0}, now;
  if (slot->value)
    pack_intake_read_node(state->intake, &slot->value->public.node, &before);
  pack_intake_read_node(state->intake, &value->public.node, &now);
  value->public.takes_no_pods = now.takes_no_pods;
  value->public.is_unreadable = now.is_unreadable;
  value->public.is_counted_elsewhere = pack_is_counted_elsewhere(node);
  bool is_rebuilt = !slot->value || !is_same_reading(&before, &now) ||
                    !node_has_same_cards(&slot->value->public.node, node);
  set_value(state, slot, value);
  if (is_rebuilt)
    slot_rebuild(state, slot);
  slot_settle(state, slot);
  state_changed(state);
}

void state_put_node(struct state *state, const struct node *node) {
  if (node->name.len == 0)
    return;
  state_lock(state);
  put_node(state, node);
  state_unlock(state);
}

void slot_drop_node(struct state *state, struct slot *slot) {
  /* Firm ones stay: a Binding is written whether the node is there or not, which may return. */
  for (size_t i = slot->hold_count; i-- > 0;)
    if (slot->holds[i]->kind != STATE_FIRM)
      hold_drop(state, slot->holds[i]);
  size_t count = pack_cluster_count(state->cluster), behind = count - slot->index - 1;
  (void)pack_cluster_remove_node(state->cluster, atom_text(slot->name));
  struct slot **at = state->order + slot->index;
  memmove(at, at + 1, behind * sizeof(struct slot *));
  for (size_t i = 0; i < behind; i++)
    at[i]->index--;
  set_value(state, slot, NULL);
  flag_set(&slot->is_excess, &state->excess_nodes, false);
  slot_sweep(state, slot);
  state_changed(state);
}

void state_drop_node(struct state *state, struct str name) {
  state_lock(state);
  struct slot *slot = slot_find(state, name);
  if (slot && slot->value)
    slot_drop_node(state, slot);
  state_unlock(state);
}

void slot_count_dra(struct state *state, struct slot *slot, int64_t devices) {
  slot->dra_devices = (size_t)((int64_t)slot->dra_devices + devices);
  if (!slot->value || slot->value->public.node.has_dra == (slot->dra_devices > 0))
    return;
  struct pack_node_reading reading;
  struct node node = slot->value->public.node;
  node.has_dra = slot->dra_devices > 0;
  pack_intake_read_node(state->intake, &node, &reading);
  struct node_value *value = node_value_new(&node);
  value->public.takes_no_pods = reading.takes_no_pods;
  value->public.is_unreadable = reading.is_unreadable;
  value->public.is_counted_elsewhere = pack_is_counted_elsewhere(&node);
  set_value(state, slot, value);
  state_changed(state);
}

/* ---- its pods ---------------------------------------------------------------------------- */

/* Devices that one pod holds by several names: the node is made anew without them. */
static bool withholds(const struct record *record) {
  return record->requests->device_names > 1;
}

/* What is left of one of HAMi's cards depends on all that is on it. */
static bool is_made_anew(const struct slot *slot, const struct record *record) {
  return withholds(record) || slot_card_count(slot) > 0;
}

/* Which number its GPU has is known from the others that say which one they are on. */
static bool names_a_replica(const struct record *record) {
  for (size_t i = 0; record->named && i < record->named->count; i++)
    if (pack_names_replica(&record->named->items[i]))
      return true;
  return false;
}

static bool names_a_device(const struct record *record) {
  for (size_t i = 0; record->named && i < record->named->count; i++)
    if (record->named->items[i].index >= 0)
      return true;
  return false;
}

/* What the pod holds is guessed to be another's, or held for one: with all of them the guess is
 * better. Where the node is counted a guess that finds no place is none. */
static bool is_displaced(const struct state *state, const struct slot *slot,
                         const struct record *record) {
  const struct pack_node *node = pack_cluster_node(state->cluster, slot->index);
  return node->device_count && pack_lacks_units(node) &&
         (node->counter_count == 0 || names_a_device(record));
}

void slot_add_pod(struct state *state, struct slot *slot, struct record *record,
                  const struct pack_placement *kept) {
  slot->pods = list_grow(slot->pods, slot->pod_count, &slot->pod_cap, sizeof(struct record *));
  slot->pods[slot->pod_count++] = record;
  record->is_placed = true;
  if (!slot->value) {
    state->homeless_pods++;
    return;
  }
  if (is_made_anew(slot, record) || names_a_replica(record)) {
    slot_rebuild(state, slot);
  } else if (slot->pod_count <= NODE_PODS_MAX) {
    slot_observe(state, state->cluster, slot->index, record, kept);
    if (is_displaced(state, slot, record))
      slot_rebuild(state, slot);
  }
  slot_settle(state, slot);
  state_changed(state);
}

void slot_remove_pod(struct state *state, struct slot *slot, struct record *record) {
  size_t at = 0;
  while (slot->pods[at] != record)
    at++;
  slot->pod_count--;
  memmove(slot->pods + at, slot->pods + at + 1, (slot->pod_count - at) * sizeof(struct record *));
  record->is_placed = false;
  if (!slot->value) {
    state->homeless_pods--;
    return;
  }
  if (is_made_anew(slot, record) || slot->is_short) {
    slot_rebuild(state, slot);
  } else if (at < NODE_PODS_MAX) {
    (void)pack_release(state->cluster, slot->index, record->number);
    if (slot->pod_count >= NODE_PODS_MAX) /* one that was not counted is now */
      slot_observe(state, state->cluster, slot->index, slot->pods[NODE_PODS_MAX - 1], NULL);
  }
  slot_settle(state, slot);
  state_changed(state);
}

/* ---- what is too much -------------------------------------------------------------------- */

bool slot_is_excess(const struct slot *slot, const struct pack_node *node) {
  bool is_over = slot->is_short || node->cpu_left < 0 || node->mem_left < 0 ||
                 slot->pod_count > NODE_PODS_MAX ||
                 (node->pods_max && node->pod_count > node->pods_max) ||
                 (slot->value->public.takes_no_pods && node->pod_count);
  for (uint16_t c = 0; c < node->counter_count && !is_over; c++)
    is_over = node->counters[c].left < 0;
  return is_over;
}

static bool have_holds_room(const struct slot *slot, const struct pack_node *node) {
  for (size_t i = 0; i < slot->hold_count; i++)
    if (!hold_has_room(slot->holds[i], node))
      return false;
  return true;
}

void slot_settle(struct state *state, struct slot *slot) {
  if (!have_holds_room(slot, pack_cluster_node(state->cluster, slot->index)))
    slot_place_holds(state, slot);
  slot_close_cards(slot, state->cluster, slot->index);
  /* What is too much now was observed. */
  flag_set(&slot->is_excess, &state->excess_nodes,
           slot_is_excess(slot, pack_cluster_node(state->cluster, slot->index)));
}

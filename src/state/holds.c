/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: what is held for pods whose binding the watch has not told yet. */
#include "src/state/state_internal.h"

#include <stdlib.h>

/* Dropped under one lock: readers get in between. */
enum { DROPPED_AT_ONCE = 64 };

struct hold *hold_find(const struct state *state, struct str uid) {
  if (uid.len == 0)
    return NULL;
  uint32_t hash = map_hash(state->seed, uid, (struct str){NULL, 0});
  for (struct map_link *link = map_first(&state->holds, hash); link; link = map_next(link)) {
    struct hold *hold = MAP_OF(link, struct hold, link);
    if (str_eq((struct str){hold->uid, hold->uid_len}, uid))
      return hold;
  }
  return NULL;
}

bool hold_is_weaker(const struct hold *a, const struct hold *b) {
  return a->kind != b->kind ? a->kind < b->kind : a->order > b->order;
}

void hold_drop(struct state *state, struct hold *hold) {
  struct slot *slot = hold->slot;
  bool was_firm = hold->kind == STATE_FIRM;
  size_t i = 0;
  if (slot->value)
    (void)pack_release(state->cluster, slot->index, hold->number);
  while (slot->holds[i] != hold)
    i++;
  slot->holds[i] = slot->holds[--slot->hold_count];
  if (slot->value)
    slot_close_cards(slot, state->cluster, slot->index);
  heap_remove(&state->heap, hold);
  map_remove(&state->holds, &hold->link);
  if (hold->record)
    hold->record->hold = NULL;
  state->hold_counts[hold->kind]--;
  state_give(state, hold, sizeof(*hold) + hold->uid_len + hold->card_len);
  if (was_firm && slot->value && slot->is_excess) { /* perhaps by this one */
    if (slot->is_short)
      slot_rebuild(state, slot);
    slot_settle(state, slot);
  }
  slot_sweep(state, slot);
  state_changed(state);
}

/* ---- holding ----------------------------------------------------------------------------- */

/* Where others count the GPUs, what can be counted from here is held. */
static bool is_uncountable(const struct slot *slot, const struct pack_asked *asked) {
  return slot->value->public.is_counted_elsewhere &&
         str_starts_with(asked->device, STR_LIT("nvidia.com/"));
}

static struct pack_request request_here(const struct slot *slot, const struct pack_asked *asked) {
  const struct pack_request *request = &asked->request;
  return is_uncountable(slot, asked)
             ? pack_request_of(request->cpu_milli, request->mem_bytes, PACK_CPU, 0, 0)
             : *request;
}

/* False: on a card that the node does not have. */
static bool place_here(const struct slot *slot, const struct state_hold *asked,
                       struct pack_placement *ret) {
  *ret = (struct pack_placement){0};
  if (!is_uncountable(slot, asked->asked) || asked->card.len)
    *ret = *asked->placement;
  ret->node = (uint32_t)slot->index;
  return asked->card.len == 0 || slot_find_card(slot, asked->card, &ret->units[0].device);
}

static void add_hold(struct state *state, const struct state_hold *asked, struct slot *slot,
                     struct record *record, uint64_t number, const struct pack_request *request,
                     const struct pack_placement *placement) {
  struct str card = node_card_of(&slot->value->public.node, placement);
  struct hold *made = state_take(state, sizeof(*made) + asked->uid.len + card.len);
  char *at = made->uid;
  made->number = number;
  made->order = ++state->last_order;
  made->slot = slot;
  made->record = record;
  made->kind = asked->kind;
  made->takes_cards = pack_is_card_name(asked->asked->device);
  made->until_ms = asked->until_ms;
  made->request = *request;
  made->placement = *placement;
  made->uid_len = str_put(&at, asked->uid).len;
  made->card_len = str_put(&at, card).len;
  map_add(&state->holds, &made->link, map_hash(state->seed, asked->uid, (struct str){NULL, 0}));
  heap_add(&state->heap, made);
  slot->holds = list_grow(slot->holds, slot->hold_count, &slot->hold_cap, sizeof(struct hold *));
  slot->holds[slot->hold_count++] = made;
  state->hold_counts[made->kind]++;
  if (record)
    record->hold = made;
  state_changed(state);
}

static enum state_held take_hold(struct state *state, const struct state_hold *asked) {
  struct record *record = record_find_uid(state, asked->uid);
  struct slot *slot = slot_find(state, asked->node);
  if (record && !record->waiting)
    return STATE_IS_BOUND;
  if (!slot || !slot->value)
    return STATE_NO_NODE;
  if (slot->value->public.takes_no_pods)
    return STATE_NO_ROOM;
  struct pack_request request = request_here(slot, asked->asked);
  struct pack_placement placement;
  uint64_t number = record ? record->number : state->last_number + 1;
  if (!place_here(slot, asked, &placement) ||
      !pack_commit(state->cluster, number, &request, &placement))
    return STATE_NO_ROOM;
  state->last_number = number > state->last_number ? number : state->last_number;
  add_hold(state, asked, slot, record, number, &request, &placement);
  slot_close_cards(slot, state->cluster, slot->index);
  return STATE_HELD;
}

enum state_held state_hold(struct state *state, const struct state_hold *hold) {
  if (hold->uid.len == 0) /* nothing would ever confirm or end it by name */
    return STATE_NO_ROOM;
  state_lock(state);
  enum state_held held = STATE_IS_BINDING;
  struct hold *before = hold_find(state, hold->uid);
  bool is_plan = hold->kind == STATE_NOMINATED;
  /* A plan gives way to what kube-scheduler has been answered. */
  bool stays = before && (before->kind == STATE_FIRM || (is_plan && before->kind != hold->kind));
  if (before && !stays)
    hold_drop(state, before);
  /* A plan for a pod that has gone would have nobody to end it. */
  if (!stays && is_plan && !record_find_uid(state, hold->uid))
    held = STATE_IS_BOUND;
  else if (!stays)
    held = take_hold(state, hold);
  state_unlock(state);
  return held;
}

/* ---- ending ------------------------------------------------------------------------------ */

/* One of these kinds, a bit for each. */
static bool unhold(struct state *state, struct str uid, unsigned kinds) {
  state_lock(state);
  struct hold *hold = hold_find(state, uid);
  bool is_dropped = hold && (kinds >> hold->kind & 1);
  if (is_dropped)
    hold_drop(state, hold);
  state_unlock(state);
  return is_dropped;
}

bool state_unhold(struct state *state, struct str uid, bool is_firm_too) {
  return unhold(state, uid,
                1u << STATE_TENTATIVE | 1u << STATE_NOMINATED |
                    (unsigned)is_firm_too << STATE_FIRM);
}

bool state_unplan(struct state *state, struct str uid) {
  return unhold(state, uid, 1u << STATE_NOMINATED);
}

bool state_is_under_way(struct state *state, struct str uid) {
  state_lock(state);
  bool is_under_way = hold_is_under_way(hold_find(state, uid));
  state_unlock(state);
  return is_under_way;
}

bool state_prolong(struct state *state, struct str uid, int64_t until_ms) {
  state_lock(state);
  struct hold *hold = hold_find(state, uid);
  bool is_firm = hold && hold->kind == STATE_FIRM;
  if (is_firm && hold->until_ms < until_ms) {
    heap_remove(&state->heap, hold);
    hold->until_ms = until_ms;
    heap_add(&state->heap, hold);
  }
  state_unlock(state);
  return is_firm;
}

static bool gives_way(const struct hold *hold, struct str uid) {
  return hold->kind != STATE_FIRM && !hold->takes_cards &&
         !str_eq((struct str){hold->uid, hold->uid_len}, uid);
}

static bool fits(const struct state *state, const struct slot *slot,
                 const struct pack_request *request) {
  return pack_fit(state->catalog, pack_cluster_node(state->cluster, slot->index), request) ==
         PACK_FITS;
}

static bool would_fit(const struct state *state, const struct slot *slot,
                      const struct pack_request *request, struct str uid) {
  uint64_t *numbers = mem_zalloc((slot->hold_count + 1) * sizeof(*numbers));
  size_t count = 0;
  for (size_t i = 0; i < slot->hold_count; i++)
    if (gives_way(slot->holds[i], uid))
      numbers[count++] = slot->holds[i]->number;
  const struct pack_node *bare = pack_node_without(state->cluster, slot->index, numbers, count);
  bool ret = count && pack_fit(state->catalog, bare, request) == PACK_FITS;
  pack_node_unref(bare);
  free(numbers);
  return ret;
}

static struct hold *weakest(const struct slot *slot, struct str uid) {
  struct hold *found = NULL;
  for (size_t i = 0; i < slot->hold_count; i++)
    if (gives_way(slot->holds[i], uid) && (!found || hold_is_weaker(slot->holds[i], found)))
      found = slot->holds[i];
  return found;
}

/* Nothing but room stands in its way to a firm hold. */
static bool may_hold(const struct state *state, const struct slot *slot, struct str uid) {
  const struct record *record = record_find_uid(state, uid);
  const struct hold *before = hold_find(state, uid);
  return slot && slot->value && !slot->value->public.takes_no_pods &&
         (!record || record->waiting) && (!before || before->kind != STATE_FIRM);
}

size_t state_make_way(struct state *state, struct str node, const struct pack_asked *asked,
                      struct str uid) {
  size_t dropped = 0;
  state_lock(state);
  struct slot *slot = slot_find(state, node);
  if (may_hold(state, slot, uid)) {
    struct pack_request request = request_here(slot, asked);
    if (!fits(state, slot, &request) && would_fit(state, slot, &request, uid))
      for (; !fits(state, slot, &request); dropped++)
        hold_drop(state, weakest(slot, uid));
  }
  state_unlock(state);
  return dropped;
}

void state_unhold_all(struct state *state) {
  size_t dropped;
  /* Others change places in the heap as one leaves: until nothing is found. */
  do {
    dropped = 0;
    state_lock(state);
    for (size_t i = 0; i < state->heap.count && dropped < DROPPED_AT_ONCE; i++) {
      if (state->heap.items[i]->kind == STATE_FIRM)
        continue;
      hold_drop(state, state->heap.items[i]);
      dropped++;
    }
    state_unlock(state);
  } while (dropped);
}

size_t state_expire(struct state *state, int64_t now_ms) {
  size_t all = 0, dropped = DROPPED_AT_ONCE;
  for (; dropped == DROPPED_AT_ONCE; all += dropped) {
    dropped = 0;
    state_lock(state);
    while (state->heap.count && dropped < DROPPED_AT_ONCE &&
           state->heap.items[0]->until_ms <= now_ms) {
      hold_drop(state, state->heap.items[0]);
      dropped++;
    }
    state->expired_holds += dropped;
    state_unlock(state);
  }
  return all;
}

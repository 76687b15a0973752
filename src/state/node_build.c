/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node of the core from what is known: what the node lists, the pods on it in their order, the
 * holds. Used when the node changes, and to check that single changes add up to the same.
 */
#include "src/state/state_internal.h"

#include <stdlib.h>

/* A pod has one form; devices that it holds by a second name are not there for others either. */
static void withhold(const struct state *state, const struct record *record,
                     struct pack_node_reading *node) {
  bool is_first = true;
  for (size_t i = 0; i < record->requests->count; i++) {
    const struct resource_request *item = &record->requests->items[i];
    uint8_t name = pack_intake_name(state->intake, item->name);
    for (size_t c = 0; name && c < node->spec.counter_count; c++) {
      struct pack_counter *counter = &node->counters[c];
      if (counter->name != name)
        continue;
      int64_t held = qty_units_ceil(item->amount);
      if (!is_first)
        counter->total -= (uint32_t)(held > counter->total ? counter->total : held);
      is_first = false;
    }
  }
}

void slot_observe(struct state *state, struct pack_cluster *cluster, size_t index,
                  const struct record *record, const struct pack_placement *kept) {
  struct pod pod = record_asks(record);
  pack_intake_observe(state->intake, cluster, index, record->number, &pod, kept);
}

/* The node, empty. A node that the core refuses keeps what it has beside devices. */
static void set_node(struct state *state, const struct slot *slot, struct pack_cluster *cluster) {
  struct pack_node_reading reading;
  struct err err;
  pack_intake_read_node(state->intake, &slot->value->public.node, &reading);
  for (size_t i = 0; i < slot_counted(slot); i++)
    if (slot->pods[i]->requests->device_names > 1)
      withhold(state, slot->pods[i], &reading);
  /* What stands for the rest of a card is no pod: kube-scheduler counts those. */
  if (reading.spec.pods_max)
    reading.spec.pods_max += (uint32_t)slot_card_count(slot) * PACK_UNITS_MAX;
  if (pack_cluster_set_node(cluster, &reading.spec, &err))
    return;
  reading.spec.device_count = 0;
  (void)!pack_cluster_set_node(cluster, &reading.spec, &err);
}

static bool says_where(const struct record *record) {
  return slot_card_count(record->slot) ? named_says_card(record->slot, record->named)
                                       : record->named != NULL;
}

/* ---- what is held of cards --------------------------------------------------------------- */

bool slot_take_card(struct pack_cluster *cluster, size_t index, uint64_t number,
                    const struct pack_request *host, size_t card, int64_t amount) {
  const struct pack_node *node = pack_cluster_node(cluster, index);
  struct pack_request request = *host;
  struct pack_placement placement = {.unit_count = 0};
  int64_t left = card < node->device_count ? node->devices[card].left : 0;
  int64_t taken = amount < left ? amount : left;
  if (taken > 0) {
    bool is_shared = node->devices[card].mode == PACK_MODE_SHARED;
    request.forms[0] = (struct pack_form){
        .kind = is_shared ? PACK_REPLICAS : PACK_FRACTION, .count = 1, .amount = (uint16_t)taken};
    placement.unit_count = 1;
    placement.units[0] = (struct pack_unit){(uint8_t)card, 0, (uint16_t)taken};
  }
  (void)pack_observe(cluster, index, number, &request, &placement);
  return taken == amount;
}

/* What the pod that came last lacks of what it asks for. */
static int64_t lacking(const struct pack_node *node, const struct pack_form *asked) {
  const struct pack_pod *pod = &node->pods[node->pod_count - 1];
  int64_t lacks = asked->kind == PACK_WHOLE ? (int64_t)asked->count * PACK_MILLI
                  : asked->kind == PACK_CPU ? 0
                                            : asked->amount;
  for (uint16_t u = 0; u < pod->unit_count; u++)
    lacks -= node->units[pod->unit_first + u].amount;
  return lacks;
}

/* It does not say on which cards it is, and there is no card with as much left: so much is gone of
 * some cards all the same. */
static void take_anywhere(struct state *state, struct pack_cluster *cluster, size_t index,
                          const struct record *record) {
  const struct pack_request nothing = pack_request_of(0, 0, PACK_CPU, 0, 0);
  struct pod pod = record_asks(record);
  const struct pack_node *node = pack_cluster_node(cluster, index);
  struct pack_request request = pack_intake_request_on(state->intake, node, &pod);
  int64_t lacks = lacking(node, &request.forms[0]);
  size_t cards = node->device_count;
  for (size_t c = 0; c < cards && lacks > 0; c++) {
    int64_t left = pack_cluster_node(cluster, index)->devices[c].left;
    if (left == 0)
      continue;
    (void)slot_take_card(cluster, index, STAND_INS + (record->number << 16) + c, &nothing, c,
                         lacks);
    lacks -= left < lacks ? left : lacks;
  }
}

/* True: all that it holds was there. */
static bool observe_wholly(struct state *state, struct pack_cluster *cluster, size_t index,
                           const struct record *record, struct pack_ids *ids) {
  if (named_says_card(record->slot, record->named))
    return slot_observe_shares(state, cluster, index, record);
  struct pod pod = record_asks(record);
  if (pack_intake_observe_wholly(state->intake, cluster, index, record->number, &pod, ids))
    return true;
  if (!says_where(record))
    take_anywhere(state, cluster, index, record);
  return false;
}

/* Those that say where they are come first: for the others it is guessed. False: they hold more
 * of cards than there is. */
static bool observe_all(struct state *state, const struct slot *slot, struct pack_cluster *cluster,
                        size_t index) {
  struct pack_ids ids = {0};
  bool is_enough = true;
  for (size_t i = 0; i < slot_counted(slot); i++)
    if (says_where(slot->pods[i]))
      is_enough = observe_wholly(state, cluster, index, slot->pods[i], &ids) && is_enough;
  for (size_t i = 0; i < slot_counted(slot); i++)
    if (!says_where(slot->pods[i]))
      is_enough = observe_wholly(state, cluster, index, slot->pods[i], &ids) && is_enough;
  return is_enough;
}

/* ---- holds ------------------------------------------------------------------------------- */

static int compare_strength(const void *a, const void *b) {
  const struct hold *x = *(struct hold *const *)a, *y = *(struct hold *const *)b;
  return hold_is_weaker(x, y) ? 1 : -1;
}

/* The holds of the slot, strongest first. */
static struct hold **sorted_holds(const struct slot *slot) {
  struct hold **holds = mem_zalloc((slot->hold_count + 1) * sizeof(struct hold *));
  for (size_t i = 0; i < slot->hold_count; i++)
    holds[i] = slot->holds[i];
  qsort(holds, slot->hold_count, sizeof(struct hold *), compare_strength);
  return holds;
}

static bool commit_hold(const struct slot *slot, struct pack_cluster *cluster, size_t index,
                        const struct hold *hold) {
  struct pack_placement placement;
  bool is_there = hold_place(hold, &placement);
  placement.node = (uint32_t)index;
  return is_there && !slot->value->public.takes_no_pods &&
         pack_commit(cluster, hold->number, &hold->request, &placement);
}

/*
 * What it takes is not there now: the node lists less than before. The Binding may be written all
 * the same, and what the node lists may return: so it is counted as if it were. False: cards have
 * less than it takes.
 */
static bool insist(struct pack_cluster *cluster, size_t index, const struct hold *hold) {
  struct pack_request request = hold->request;
  struct pack_placement placement;
  bool is_there = hold_place(hold, &placement);
  bool has_cards = pack_cluster_node(cluster, index)->counter_count == 0;
  request = pack_request_of(request.cpu_milli, request.mem_bytes, PACK_CPU, 0, 0);
  if (!is_there) /* the card that it is on: of another it takes nothing */
    placement.unit_count = 0;
  else if (hold->takes_cards == has_cards) /* else the node lists something else altogether */
    request.forms[0] = hold->request.forms[placement.form];
  placement.form = 0;
  placement.node = (uint32_t)index;
  (void)pack_observe(cluster, index, hold->number, &request, &placement);
  if (!pack_lacks_cards(pack_cluster_node(cluster, index)))
    return true;
  pack_squeeze(cluster, index, hold->number, &request, placement.units[0].device);
  return false;
}

bool hold_has_room(const struct hold *hold, const struct pack_node *node) {
  const struct pack_request *request = &hold->request;
  const struct pack_form *form = &request->forms[hold->placement.form];
  if (hold->slot->value->public.takes_no_pods || (request->cpu_milli > 0 && node->cpu_left < 0) ||
      (request->mem_bytes > 0 && node->mem_left < 0) ||
      (node->pods_max && node->pod_count > node->pods_max))
    return false;
  if (form->kind == PACK_CPU)
    return true;
  for (uint16_t c = 0; c < node->counter_count; c++) {
    const struct pack_counter *counter = &node->counters[c];
    if (counter->kind == form->kind && counter->name == form->name && counter->left < 0 &&
        (form->kind != PACK_SLICES || counter->profile == form->amount))
      return false;
  }
  return true;
}

void slot_place_holds(struct state *state, struct slot *slot) {
  size_t count = slot->hold_count;
  CLEANUP_FREE struct hold **holds = sorted_holds(slot);
  for (size_t i = 0; i < count; i++)
    (void)pack_release(state->cluster, slot->index, holds[i]->number);
  for (size_t i = 0; i < count; i++) {
    if (commit_hold(slot, state->cluster, slot->index, holds[i]))
      continue;
    if (holds[i]->kind == STATE_FIRM)
      slot->is_short = !insist(state->cluster, slot->index, holds[i]) || slot->is_short;
    else
      hold_drop(state, holds[i]);
  }
}

/* ---- the whole --------------------------------------------------------------------------- */

/* A place in the order of names for a node that is new in the cluster. */
static void add_to_order(struct state *state, struct slot *slot) {
  size_t count = pack_cluster_count(state->cluster);
  state->order = list_grow(state->order, count - 1, &state->order_cap, sizeof(struct slot *));
  struct slot **at = state->order + slot->index;
  size_t behind = count - 1 - slot->index;
  memmove(at + 1, at, behind * sizeof(struct slot *));
  *at = slot;
  for (size_t i = 1; i <= behind; i++)
    at[i]->index++;
}

void slot_rebuild(struct state *state, struct slot *slot) {
  struct str name = atom_text(slot->name);
  /* Taken out and put back: with its pods on it the core would refuse what they hold in excess. */
  bool was_there = pack_cluster_remove_node(state->cluster, name);
  set_node(state, slot, state->cluster);
  slot->index = pack_cluster_find(state->cluster, name);
  if (!was_there)
    add_to_order(state, slot);
  slot->is_short = !observe_all(state, slot, state->cluster, slot->index);
  slot_place_holds(state, slot);
  slot_close_cards(slot, state->cluster, slot->index);
}

size_t slot_build_copy(struct state *state, const struct slot *slot, struct pack_cluster *ret) {
  set_node(state, slot, ret);
  size_t index = pack_cluster_find(ret, atom_text(slot->name));
  (void)observe_all(state, slot, ret, index);
  CLEANUP_FREE struct hold **holds = sorted_holds(slot);
  for (size_t i = 0; i < slot->hold_count; i++)
    if (!commit_hold(slot, ret, index, holds[i])) {
      if (holds[i]->kind != STATE_FIRM)
        return SIZE_MAX;
      (void)insist(ret, index, holds[i]);
    }
  slot_close_cards(slot, ret, index);
  return index;
}

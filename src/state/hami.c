/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of HAMi's cards. The core counts the memory of a card and nothing else of it. A card that
 * is full for another reason (as many pods as it takes, no cores left, not healthy) and what is
 * lost by counting in steps is made to look taken, by something that is no pod.
 */
#include "src/state/state_internal.h"

static bool is_of_card(const struct pod_device *device) {
  return pack_is_hami_memory(device->resource) && device->id.len;
}

/* SIZE_MAX: none that the node has. */
static size_t find_id(const struct node *node, struct str id) {
  for (size_t i = 0; i < node->card_count && i < PACK_DEVICES_MAX; i++)
    if (str_eq(node->cards[i].id, id))
      return i;
  return SIZE_MAX;
}

static size_t find_card(const struct node *node, const struct pod_device *device) {
  return is_of_card(device) ? find_id(node, device->id) : SIZE_MAX;
}

bool node_mixes_hami(const struct node *node) {
  for (size_t i = 0; i < node->allocatable_count; i++) {
    struct str name = node->allocatable[i].name;
    bool is_card = pack_is_card_name(name) && !pack_is_hami_memory(name);
    if ((is_card || pack_is_device_name(name)) && node_counts(node, name))
      return true;
  }
  return false;
}

struct str node_card_of(const struct node *node, const struct pack_placement *placement) {
  return placement->unit_count == 1 && placement->units[0].device < node->card_count
             ? node->cards[placement->units[0].device].id
             : (struct str){NULL, 0};
}

bool slot_find_card(const struct slot *slot, struct str id, uint8_t *ret) {
  size_t card = find_id(&slot->value->public.node, id);
  *ret = (uint8_t)card;
  return card != SIZE_MAX;
}

bool hold_place(const struct hold *hold, struct pack_placement *ret) {
  *ret = hold->placement;
  if (hold->card_len == 0)
    return true;
  return slot_find_card(hold->slot, (struct str){hold->uid + hold->uid_len, hold->card_len},
                        &ret->units[0].device);
}

bool named_says_card(const struct slot *slot, const struct named *named) {
  for (size_t i = 0; slot_card_count(slot) && named && i < named->count; i++)
    if (find_card(&slot->value->public.node, &named->items[i]) != SIZE_MAX)
      return true;
  return false;
}

struct load { /* of one card */
  int64_t sharers, cores, mib;
};

/*
 * What the pod says that it has of the node's cards. Whoever may change the pod may write anything
 * there: of what we give it has one part, as large as it asks for; and as many containers as it
 * asks for cards, at most, share a card.
 */
static void sum_named(const struct record *record, struct load *ret) {
  const struct node *node = &record->slot->value->public.node;
  const struct pod pod = record_asks(record);
  int64_t asked = pack_is_hami_part(&pod) ? pod_units(&pod, "nvidia.com/gpumem") : 0;
  asked = asked < INT32_MAX ? asked : INT32_MAX;
  int64_t cards = pod_units(&pod, "nvidia.com/gpu");
  size_t largest = SIZE_MAX;
  memset(ret, 0, PACK_DEVICES_MAX * sizeof(*ret));
  for (size_t i = 0; i < record->named->count; i++) {
    const struct pod_device *device = &record->named->items[i];
    size_t card = find_card(node, device);
    if (card == SIZE_MAX)
      continue;
    ret[card].sharers += ret[card].sharers == 0 || ret[card].sharers < cards;
    ret[card].cores += device->cores;
    ret[card].mib += device->amount;
    if (largest == SIZE_MAX || ret[card].mib > ret[largest].mib)
      largest = card;
  }
  if (largest != SIZE_MAX && ret[largest].mib < asked)
    ret[largest].mib = asked;
}

/* ---- pods ---------------------------------------------------------------------------------- */

/* For the core a part is of one card: what a pod has of others stands by itself. */
bool slot_observe_shares(struct state *state, struct pack_cluster *cluster, size_t index,
                         const struct record *record) {
  struct pod pod = record_asks(record);
  struct pack_request request =
      pack_intake_request_on(state->intake, pack_cluster_node(cluster, index), &pod);
  request = pack_request_of(request.cpu_milli, request.mem_bytes, PACK_CPU, 0, 0);
  uint64_t number = record->number;
  struct load loads[PACK_DEVICES_MAX];
  bool is_enough = true;
  sum_named(record, loads);
  for (size_t c = 0; c < PACK_DEVICES_MAX; c++) {
    if (loads[c].sharers == 0)
      continue;
    int64_t steps = pack_hami_steps(loads[c].mib);
    is_enough = slot_take_card(cluster, index, number, &request, c, steps) && is_enough;
    request = pack_request_of(0, 0, PACK_CPU, 0, 0);
    number = STAND_INS + pack_cluster_node(cluster, index)->pod_count;
  }
  return is_enough;
}

/* ---- what is left -------------------------------------------------------------------------- */

static void load_named(const struct record *record, struct load *loads) {
  struct load named[PACK_DEVICES_MAX];
  sum_named(record, named);
  for (size_t c = 0; c < PACK_DEVICES_MAX; c++) {
    loads[c].sharers += named[c].sharers;
    loads[c].cores += named[c].cores;
    loads[c].mib += named[c].mib;
  }
}

/* Holds, and pods that do not say where they are. */
static void load_number(const struct pack_node *node, uint64_t number, struct load *loads) {
  for (uint32_t p = 0; p < node->pod_count; p++) {
    const struct pack_pod *pod = &node->pods[p];
    for (uint16_t u = 0; pod->uid == number && u < pod->unit_count; u++) {
      const struct pack_unit *unit = &node->units[pod->unit_first + u];
      loads[unit->device].sharers++;
      loads[unit->device].mib += (int64_t)unit->amount * PACK_HAMI_STEP_MIB;
    }
  }
}

static void sum_loads(const struct slot *slot, const struct pack_node *node, struct load *loads) {
  for (size_t i = 0; i < slot_counted(slot); i++)
    if (named_says_card(slot, slot->pods[i]->named))
      load_named(slot->pods[i], loads);
    else
      load_number(node, slot->pods[i]->number, loads);
  for (size_t i = 0; i < slot->hold_count; i++)
    load_number(node, slot->holds[i]->number, loads);
}

/* Steps that may be given of it yet. */
static int64_t give(const struct hami_card *card, const struct load *load) {
  int64_t left = card->memory_mib - load->mib;
  if (!card->is_given || load->sharers >= card->sharers || left <= 0 ||
      (card->cores && load->cores >= card->cores))
    return 0;
  return load->sharers ? left / PACK_HAMI_STEP_MIB : pack_hami_steps(left);
}

void slot_close_cards(const struct slot *slot, struct pack_cluster *cluster, size_t index) {
  const struct pack_node *node = pack_cluster_node(cluster, index);
  const struct pack_request nothing = pack_request_of(0, 0, PACK_CPU, 0, 0);
  struct load loads[PACK_DEVICES_MAX] = {0};
  size_t count = slot_card_count(slot);
  count = count < node->device_count ? count : node->device_count;
  if (count == 0)
    return;
  for (size_t c = 0; c < count; c++)
    (void)pack_release(cluster, index, STAND_INS - 1 - c);
  sum_loads(slot, pack_cluster_node(cluster, index), loads);
  for (size_t c = 0; c < count; c++) {
    int64_t left = pack_cluster_node(cluster, index)->devices[c].left;
    int64_t given = give(&slot->value->public.node.cards[c], &loads[c]);
    if (given < left)
      (void)slot_take_card(cluster, index, STAND_INS - 1 - c, &nothing, c, left - given);
  }
}

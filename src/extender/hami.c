/* SPDX-License-Identifier: Apache-2.0 */
/* Cards of HAMi's plugin: whose they are to give, and how the plugin learns which one it is. */
#include "extender_internal.h"

static bool is_hami_share(struct str resource) {
  return pack_is_hami_memory(resource) || str_is(resource, "nvidia.com/gpumem-percentage") ||
         str_is(resource, "nvidia.com/gpucores");
}

static const struct node *find_node(const struct state_snapshot *snapshot, struct str name) {
  size_t at = state_snapshot_find(snapshot, name, SIZE_MAX);
  return at == SIZE_MAX ? NULL : &state_snapshot_node(snapshot, at)->node;
}

/* Cards that are ours to give, and something else of them than we give. */
static const char *not_given(const struct pod *pod) {
  int64_t cards = pod_units(pod, "nvidia.com/gpu");
  if (pod_units(pod, "nvidia.com/gpumem-percentage"))
    return "of HAMi's cards slicegate gives memory in MiB (nvidia.com/gpumem), not "
           "nvidia.com/gpumem-percentage";
  if (pod_units(pod, "nvidia.com/gpucores"))
    return "of HAMi's cards slicegate gives memory, not nvidia.com/gpucores above 0";
  if (pod_units(pod, "nvidia.com/priority"))
    return "of HAMi's cards slicegate gives memory, without nvidia.com/priority";
  if (cards && !pod_units(pod, "nvidia.com/gpumem"))
    return "of HAMi's cards slicegate gives memory: ask for so many MiB (nvidia.com/gpumem) beside "
           "nvidia.com/gpu: 1";
  return cards == 1 ? NULL
                    : "of HAMi's cards slicegate gives a part of one: ask for nvidia.com/gpu: 1 "
                      "beside nvidia.com/gpumem";
}

const char *ext_not_bound(const struct state_snapshot *snapshot, const struct pod *pod,
                          struct str name) {
  const struct node *node = find_node(snapshot, name);
  for (size_t i = 0; i < pod->request_count; i++) {
    struct str resource = pod->requests[i].name;
    bool is_share = is_hami_share(resource) && !qty_is_zero(pod->requests[i].amount);
    if (node && node->card_count && (is_share || !node_counts(node, resource)))
      return not_given(pod);
    if (is_share)
      return "it asks for a share of a card that only HAMi's scheduler hands out; set "
             "schedulerName: hami-scheduler";
  }
  for (size_t i = 0; node && i < pod->request_count; i++)
    if (!node_counts(node, pod->requests[i].name))
      return "the node's GPUs are handed out by HAMi's scheduler alone; set schedulerName: "
             "hami-scheduler, or keep the pod off nodes with HAMi's plugin";
  return NULL;
}

bool ext_is_hami_part(const struct state_snapshot *snapshot, const struct pod *pod,
                      struct str name) {
  const struct node *node = find_node(snapshot, name);
  return node && node->card_count && pack_is_hami_part(pod);
}

/* ---- by the MiB -------------------------------------------------------------------------- */

/* The card with the least left that will do; SIZE_MAX: none. */
static size_t find_card(const struct node *node, const struct pack_node *value,
                        const struct pack_asked *asked, int64_t at_least_mib) {
  size_t best = SIZE_MAX;
  for (size_t c = 0; c < node->card_count && c < value->device_count; c++)
    if (value->devices[c].left >= pack_hami_steps(asked->device_count) &&
        node->cards[c].memory_mib >= at_least_mib &&
        (best == SIZE_MAX || value->devices[c].left < value->devices[best].left))
      best = c;
  return best;
}

static bool is_ever_enough(const struct node *node, const struct pack_asked *asked) {
  for (size_t c = 0; c < node->card_count; c++)
    if (node->cards[c].is_given && node->cards[c].memory_mib >= asked->device_count)
      return true;
  return false;
}

bool ext_hami_is_enough(const struct ext_view *view, const struct pack_asked *asked, size_t index,
                        size_t card) {
  const struct node *node = &state_snapshot_node(view->snapshot, index)->node;
  return !pack_is_hami_memory(asked->device) ||
         (card < node->card_count && node->cards[card].memory_mib >= asked->device_count);
}

bool ext_hami_has(const struct ext_view *view, const struct pack_asked *asked, size_t node,
                  const struct pack_node *value) {
  return !pack_is_hami_memory(asked->device) ||
         find_card(&state_snapshot_node(view->snapshot, node)->node, value, asked,
                   asked->device_count) != SIZE_MAX;
}

enum pack_reason ext_hami_shortage(const struct ext_view *view, const struct pack_asked *asked,
                                   size_t index) {
  if (!pack_is_hami_memory(asked->device)) /* asked of every node: nothing of it is looked at */
    return PACK_FITS;
  const struct node *node = &state_snapshot_node(view->snapshot, index)->node;
  const struct pack_node *value = pack_cluster_node(state_snapshot_cluster(view->snapshot), index);
  if (!node->card_count)
    return PACK_FITS;
  if (!is_ever_enough(node, asked))
    return PACK_TOO_MANY;
  return find_card(node, value, asked, 0) != SIZE_MAX && !ext_hami_has(view, asked, index, value)
             ? PACK_DEVICES_BUSY
             : PACK_FITS;
}

bool ext_hami_take(const struct ext_view *view, const struct pack_asked *asked, size_t index,
                   struct arena *arena, struct ext_binding *ret) {
  const struct node *node = &state_snapshot_node(view->snapshot, index)->node;
  const struct pack_node *value = pack_cluster_node(state_snapshot_cluster(view->snapshot), index);
  size_t card = ret->placement.units[0].device;
  if (ret->placement.unit_count != 1 || card >= node->card_count)
    return false;
  if (node->cards[card].memory_mib < asked->device_count)
    card = find_card(node, value, asked, asked->device_count);
  if (card == SIZE_MAX)
    return false;
  ret->placement.units[0].device = (uint8_t)card;
  ret->hami_card = str_copy(arena, node->cards[card].id);
  ret->hami_mib = asked->device_count;
  return true;
}

void ext_hami_annotate(struct ext_binding *binding, struct str node, uint32_t part, uint32_t parts,
                       int64_t unix_s, struct arena *arena) {
  enum { ANNOTATIONS = 6 };
  CLEANUP_BUF struct buf text;
  buf_init(&text, 64 << 10);
  for (uint32_t i = 0; i < parts; i++) {
    if (i == part)
      buf_printf(&text, "%.*s,NVIDIA,%lld,0:", STR_FMT(binding->hami_card),
                 (long long)binding->hami_mib);
    buf_append_char(&text, ';');
  }
  struct str devices = str_copy(arena, buf_str(&text));
  struct str now = str_printf(arena, "%lld", (long long)unix_s);
  struct key_value *list = arena_array(arena, ANNOTATIONS, sizeof(*list));
  list[0] = (struct key_value){STR_LIT("hami.io/vgpu-node"), node};
  list[1] = (struct key_value){STR_LIT("hami.io/vgpu-time"), now};
  list[2] = (struct key_value){STR_LIT("hami.io/vgpu-devices-to-allocate"), devices};
  list[3] = (struct key_value){STR_LIT("hami.io/vgpu-devices-allocated"), devices};
  list[4] = (struct key_value){STR_LIT("hami.io/bind-phase"), STR_LIT("allocating")};
  list[5] = (struct key_value){STR_LIT("hami.io/bind-time"), now};
  binding->annotations = list;
  binding->annotation_count = ANNOTATIONS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Offered names as nodes: those to choose from, those we know too little of, those without. */
#include "extender_internal.h"

static void sort_out(const struct ext_view *view, const struct ext_question *question,
                     const uint64_t *listing, uint32_t name, size_t *guess, struct offer *ret) {
  bool is_asked = question->asked != NULL;
  size_t node =
      is_asked ? state_snapshot_find(view->snapshot, question->names[name], *guess) : SIZE_MAX;
  *guess = node + 1;
  if (node == SIZE_MAX) { /* the feed may be a moment behind the scheduler's */
    ret->neutral[ret->neutral_count++] = name;
    return;
  }
  if (ret->name_of[node])
    return;
  ret->name_of[node] = name + 1;
  bool is_listed = question->asked->device.len == 0 || (listing && bit_get(listing, node));
  if (is_listed && ext_hami_shortage(view, question->asked, node) == PACK_FITS)
    bit_set(ret->among, node);
  else if (is_listed)
    ret->without[ret->without_count++] = (uint32_t)node;
  else if (state_snapshot_node(view->snapshot, node)->is_counted_elsewhere)
    ret->neutral[ret->neutral_count++] = name;
  else
    ret->without[ret->without_count++] = (uint32_t)node;
}

void offer_read(const struct ext_view *view, const struct ext_question *question,
                struct arena *arena, struct offer *ret) {
  size_t nodes = pack_cluster_count(state_snapshot_cluster(view->snapshot));
  *ret = (struct offer){
      .among = arena_array(arena, nodes / WORD_BITS + 1, sizeof(*ret->among)),
      .name_of = arena_array(arena, nodes + 1, sizeof(*ret->name_of)),
      .neutral = arena_array(arena, question->count + 1, sizeof(*ret->neutral)),
      .without = arena_array(arena, question->count + 1, sizeof(*ret->without)),
  };
  memset(ret->among, 0, (nodes / WORD_BITS + 1) * sizeof(*ret->among));
  memset(ret->name_of, 0, (nodes + 1) * sizeof(*ret->name_of));
  const uint64_t *listing =
      question->asked ? state_snapshot_listing(view->snapshot, question->asked->device) : NULL;
  size_t guess = 0;
  for (uint32_t i = 0; i < question->count; i++)
    sort_out(view, question, listing, i, &guess, ret);
}

bool offer_is_counted(const struct pack_asked *asked, enum pack_reason reason) {
  return reason == PACK_NO_PODS || reason == PACK_NO_CPU || reason == PACK_NO_MEMORY ||
         (reason == PACK_DEVICES_BUSY && !pack_is_card_name(asked->device));
}

enum pack_reason offer_fit(const struct ext_view *view, const struct pack_asked *asked,
                           size_t node) {
  const struct pack_cluster *cluster = state_snapshot_cluster(view->snapshot);
  const struct pack_catalog *catalog = pack_cluster_catalog(cluster);
  const uint64_t *pods;
  enum pack_reason reason = pack_fit(catalog, pack_cluster_node(cluster, node), &asked->request);
  size_t count = state_snapshot_holds(view->snapshot, node, &pods);
  if (count == 0 || !offer_is_counted(asked, reason))
    return reason;
  const struct pack_node *bare = pack_node_without(cluster, node, pods, count);
  reason = pack_fit(catalog, bare, &asked->request);
  pack_node_unref(bare);
  return reason;
}

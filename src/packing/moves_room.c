/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a node has room for a request once some of its pods are gone, and what that costs. */
#include "src/packing/moves.h"

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0xff51afd7ed558ccd;
  return hash ^ hash >> 32;
}

/* ---- places for the pods that move --------------------------------------------------------- */

struct places *moves_find_places(struct search *search, const struct pack_request *request) {
  uint64_t hash = mix((uint64_t)request->cpu_milli, (uint64_t)request->mem_bytes);
  hash = mix(hash, (uint64_t)request->forms[0].kind << 32 |
                       (uint64_t)request->forms[0].count << 16 | request->forms[0].amount);
  struct places *places = &search->places[hash % PLACES];
  if (places->is_set && memcmp(&places->request, request, sizeof(*request)) == 0)
    return places;
  struct pack_choice choices[2];
  *places = (struct places){.is_set = true, .request = *request};
  places->count = pack_choose(search->scorer, search->cluster, request, choices, 2);
  for (size_t i = 0; i < places->count; i++) {
    places->nodes[i] = choices[i].placement.node;
    places->scores[i] = choices[i].score;
  }
  return places;
}

/* The score of the best place on another node, or on what is left of this one. */
static bool best_elsewhere(struct search *search, const struct pack_request *request, uint32_t node,
                           const struct pack_node *left, int64_t *ret_score) {
  const struct places *places = moves_find_places(search, request);
  bool is_found = pack_scorer_score_node(search->scorer, left, request, ret_score, NULL);
  for (size_t i = 0; i < places->count; i++) {
    if (places->nodes[i] == node)
      continue;
    if (!is_found || places->scores[i] > *ret_score)
      *ret_score = places->scores[i];
    return true;
  }
  return is_found;
}

/* ---- estimates ------------------------------------------------------------------------------ */

/* The node without these pods, ready to be scored; the caller's. */
static struct pack_node *without(struct search *search, const struct pack_node *node,
                                 const uint64_t *uids, size_t count) {
  struct pack_node *left = node_copy(node, 1, PACK_UNITS_MAX);
  for (size_t i = 0; i < count; i++)
    node_remove_pod(search->catalog, left, node_find_pod(left, uids[i]));
  cluster_prepare(search->cluster, left);
  return left;
}

/* Puts the request on the value, by the policy's own placement. */
static struct pack_node *with_request(struct search *search, const struct pack_request *request,
                                      const struct pack_node *left,
                                      const struct pack_placement *placement) {
  const struct pack_form *form = &request->forms[placement->form];
  struct pack_node *node = node_copy(left, 1, placement->unit_count);
  for (uint8_t u = 0; u < placement->unit_count; u++)
    if (!node_take_unit(search->catalog, node, request, form, &placement->units[u])) {
      pack_node_unref(node);
      return NULL;
    }
  node_add_pod(node, MOVES_REQUEST_UID, request, form, left->unit_count);
  cluster_prepare(search->cluster, node);
  return node;
}

/* What the node loses when it takes the request once the pods have left. */
static bool take_request(struct search *search, const struct pack_node *node,
                         const struct pack_node *left, const struct pack_request *request,
                         struct pack_placement *placement, int64_t *ret_worth) {
  if (!pack_scorer_score_node(search->scorer, left, request, ret_worth, placement))
    return false;
  *ret_worth +=
      pack_scorer_potential(search->scorer, node) - pack_scorer_potential(search->scorer, left);
  return true;
}

bool moves_estimate(struct search *search, uint32_t index, const uint64_t *uids, size_t count,
                    const struct pack_request *request, int64_t *ret_worth) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  struct pack_node *left = without(search, node, uids, count), *full = NULL;
  struct pack_placement placement = {0};
  bool is_found = take_request(search, node, left, request, &placement, ret_worth) &&
                  (full = with_request(search, request, left, &placement)) != NULL;
  for (size_t i = 0; i < count && is_found; i++) {
    struct pack_request moved = node_pod_request(&node->pods[node_find_pod(node, uids[i])]);
    int64_t score = 0;
    is_found = best_elsewhere(search, &moved, index, full, &score);
    *ret_worth += score;
  }
  pack_node_unref(left);
  pack_node_unref(full);
  return is_found;
}

bool moves_estimate_room(struct search *search, uint32_t index, uint64_t uid,
                         const struct pack_request *request, int64_t *ret_worth) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  struct pack_node *left = without(search, node, &uid, 1);
  struct pack_placement placement = {0};
  bool is_found = take_request(search, node, left, request, &placement, ret_worth);
  pack_node_unref(left);
  return is_found;
}

/* ---- what is worth a look ------------------------------------------------------------------- */

bool moves_may_ever(const struct search *search, const struct pack_node *node,
                    const struct pack_request *request) {
  if (node->counter_count)
    return false;
  enum pack_reason reason = pack_fit(search->catalog, node, request);
  return reason != PACK_FITS && !pack_reason_is_final(reason);
}

bool moves_may_free(const struct search *search, uint32_t index, const struct pack_pod *pod,
                    const struct pack_request *request) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  return (request->cpu_milli > node->cpu_left && pod->cpu_milli > 0) ||
         (request->mem_bytes > node->mem_left && pod->mem_bytes > 0) ||
         (node->pods_max && node->pod_count >= node->pods_max) || pod->unit_count > 0;
}

/* Layouts, replicas and alternatives are left to the copy. */
static bool may_free_devices(const struct pack_node *node, const struct pack_pod *pod,
                             const struct pack_request *request) {
  const struct pack_form *form = &request->forms[0];
  if (request->form_count > 1)
    return true;
  if (form->kind == PACK_WHOLE)
    return node->idle + pod->unit_count >= form->count;
  if (form->kind != PACK_FRACTION || node->most_left >= form->amount)
    return true;
  for (uint16_t u = 0; u < pod->unit_count; u++) {
    const struct pack_unit *unit = &node->units[pod->unit_first + u];
    if (node->devices[unit->device].left + unit->amount >= form->amount)
      return true;
  }
  return false;
}

bool moves_may_be_enough(const struct search *search, uint32_t index, const struct pack_pod *pod,
                         const struct pack_request *request) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  return i64_add_sat(node->cpu_left, pod->cpu_milli) >= request->cpu_milli &&
         i64_add_sat(node->mem_left, pod->mem_bytes) >= request->mem_bytes &&
         may_free_devices(node, pod, request);
}

/* That may be another device of its own node, whose CPU and memory it holds already, and for
 * instances another place of their own device, once they are gone. */
bool moves_has_way(struct search *search, uint32_t index, const struct pack_pod *pod) {
  if (pod->form.kind == PACK_SLICES)
    return true;
  struct pack_request moved = node_pod_request(pod);
  return moves_find_places(search, &moved)->count > 0 ||
         pack_place_plain(search->catalog, pack_cluster_node(search->cluster, index), &moved, 0,
                          NULL);
}

bool moves_is_new_shape(uint64_t shapes[SHAPES], const struct pack_node *node) {
  uint64_t hash = mix(node->likeness, node->traits);
  for (size_t i = 0; i < node->pod_count; i++) {
    const struct pack_pod *pod = &node->pods[i];
    hash = mix(hash, (uint64_t)pod->cpu_milli);
    hash = mix(hash, (uint64_t)pod->mem_bytes);
    hash = mix(hash, pod->products ^ pod->needs << 1 ^ pod->shuns << 2);
    hash = mix(hash,
               (uint64_t)pod->form.kind << 32 | (uint64_t)pod->form.count << 16 | pod->form.amount);
    for (uint16_t u = 0; u < pod->unit_count; u++) {
      const struct pack_unit *unit = &node->units[pod->unit_first + u];
      hash = mix(hash, (uint64_t)unit->device << 8 | unit->start);
    }
  }
  hash += hash == 0;
  uint64_t *slot = &shapes[hash % SHAPES];
  bool is_new = *slot != hash;
  *slot = hash;
  return is_new;
}

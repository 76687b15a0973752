/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two moves one after the other: a pod is in the request's way and fits nowhere, but would where
 * another pod makes way for it. What can be opened up for a pod depends only on what it asks
 * for, and is remembered.
 */
#include "src/packing/moves.h"

static void enter_opening(struct openings *openings, const struct opening *opening) {
  if (openings->count == OPENINGS && openings->best[OPENINGS - 1].worth >= opening->worth)
    return;
  size_t at = openings->count < OPENINGS ? openings->count++ : OPENINGS - 1;
  for (; at > 0 && openings->best[at - 1].worth < opening->worth; at--)
    openings->best[at] = openings->best[at - 1];
  openings->best[at] = *opening;
}

/* Nodes with pods that could go elsewhere (all of those with MIG instances): the same for whatever
 * they make way for. */
static void list_movables(struct search *search) {
  size_t count = pack_cluster_count(search->cluster);
  search->movables = mem_zalloc(count * sizeof(*search->movables));
  for (uint32_t i = 0; i < count; i++) {
    const struct pack_node *node = pack_cluster_node(search->cluster, i);
    struct movable movable = {.node = i};
    if (node->counter_count)
      continue;
    for (size_t p = 0; p < node->pod_count && p < NODE_PODS_MAX; p++)
      if (moves_has_way(search, i, &node->pods[p]))
        movable.pods |= UINT64_C(1) << p;
    if (movable.pods)
      search->movables[search->movable_count++] = movable;
  }
}

/* Two, for one of them may be the node that the pod is to leave. */
static bool is_among_first_two(uint64_t shapes[2][SHAPES], const struct pack_node *node) {
  return moves_is_new_shape(shapes[0], node) || moves_is_new_shape(shapes[1], node);
}

static void open_node(struct search *search, struct openings *openings, uint64_t shapes[2][SHAPES],
                      const struct movable *movable) {
  const struct pack_node *node = pack_cluster_node(search->cluster, movable->node);
  const struct pack_request *request = &openings->request;
  bool is_looked_at = false;
  for (uint64_t pods = movable->pods; pods; pods &= pods - 1) {
    const struct pack_pod *pod = &node->pods[__builtin_ctzll(pods)];
    struct opening opening = {.pod = {pod->uid, movable->node}};
    if (!moves_may_free(search, movable->node, pod, request) ||
        !moves_may_be_enough(search, movable->node, pod, request))
      continue;
    if (!is_looked_at &&
        (!moves_may_ever(search, node, request) || !is_among_first_two(shapes, node)))
      return;
    is_looked_at = true;
    if (moves_estimate(search, movable->node, &pod->uid, 1, request, &opening.worth))
      enter_opening(openings, &opening);
  }
}

/* None for kinds of pods beyond OPENING_KINDS: a search must end. */
static const struct openings *make_openings(struct search *search,
                                            const struct pack_request *request) {
  static const struct openings none;
  for (size_t i = 0; i < search->opening_count; i++)
    if (memcmp(&search->openings[i].request, request, sizeof(*request)) == 0)
      return &search->openings[i];
  if (search->opening_count == OPENING_KINDS)
    return &none;
  struct openings *openings = &search->openings[search->opening_count++];
  openings->request = *request;
  if (!search->movables)
    list_movables(search);
  uint64_t shapes[2][SHAPES] = {{0}};
  for (size_t i = 0; i < search->movable_count; i++)
    open_node(search, openings, shapes, &search->movables[i]);
  return openings;
}

/* NULL: the pod has a place elsewhere, and would have been one move. */
static const struct openings *find_openings(struct search *search, uint32_t index,
                                            const struct pack_request *request) {
  struct places *places = moves_find_places(search, request);
  if (places->count > 1 || (places->count == 1 && places->nodes[0] != index))
    return NULL;
  if (places->openings)
    return places->openings;
  const struct openings *openings = make_openings(search, request);
  moves_find_places(search, request)->openings = openings; /* another may have been there since */
  return openings;
}

void moves_look_for_chains(struct search *search, uint32_t index, const struct pack_pod *pod) {
  struct pack_request moved = node_pod_request(pod);
  int64_t worth;
  if (!moves_may_free(search, index, pod, search->request) ||
      !moves_may_be_enough(search, index, pod, search->request))
    return;
  const struct openings *openings = find_openings(search, index, &moved);
  if (!openings || openings->count == 0 ||
      !moves_estimate_room(search, index, pod->uid, search->request, &worth))
    return;
  for (size_t i = 0; i < openings->count; i++) {
    const struct opening *opening = &openings->best[i];
    struct candidate candidate = {.worth = worth + opening->worth,
                                  .node = index,
                                  .pod_count = 2,
                                  .pods = {{pod->uid, index}, opening->pod}};
    if (opening->pod.node != index)
      moves_enter(search, &candidate);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fewest pods to move so that a request fits. A node that would take it without one of its
 * pods (without two) is a candidate, and so is one that would without a pod for which another
 * node makes room in the same way; its worth is what all nodes concerned are worth afterwards.
 *
 * Candidates are ranked by this estimate, in which each pod has the best place of all, and the
 * best few are then carried out on trial.
 */
#include "src/packing/moves.h"

#include <stdlib.h>

enum { TRIALS = 12 }; /* of candidates that work and are compared */

void moves_enter(struct search *search, const struct candidate *candidate) {
  if (search->best_count == CANDIDATES && search->best[CANDIDATES - 1].worth >= candidate->worth)
    return;
  size_t at = search->best_count < CANDIDATES ? search->best_count++ : CANDIDATES - 1;
  for (; at > 0 && search->best[at - 1].worth < candidate->worth; at--)
    search->best[at] = search->best[at - 1];
  search->best[at] = *candidate;
}

static void consider(struct search *search, uint32_t index, const uint64_t *uids, size_t count) {
  struct candidate candidate = {.node = index, .pod_count = (uint32_t)count};
  for (size_t i = 0; i < count; i++)
    candidate.pods[i] = (struct leaver){uids[i], index};
  if (moves_estimate(search, index, uids, count, search->request, &candidate.worth))
    moves_enter(search, &candidate);
}

static void look_for_ones(struct search *search, uint32_t index) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  for (size_t i = 0; i < node->pod_count && i < NODE_PODS_MAX; i++) {
    const struct pack_pod *pod = &node->pods[i];
    if (moves_may_free(search, index, pod, search->request) &&
        moves_may_be_enough(search, index, pod, search->request) &&
        moves_has_way(search, index, pod))
      consider(search, index, &pod->uid, 1);
  }
}

static void look_for_pairs(struct search *search, uint32_t index) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  uint64_t uids[NODE_PODS_MAX];
  size_t count = 0;
  for (size_t i = 0; i < node->pod_count && count < NODE_PODS_MAX; i++)
    if (moves_may_free(search, index, &node->pods[i], search->request) &&
        moves_has_way(search, index, &node->pods[i]))
      uids[count++] = node->pods[i].uid;
  for (size_t a = 0; a < count; a++)
    for (size_t b = a + 1; b < count; b++)
      consider(search, index, (uint64_t[]){uids[a], uids[b]}, 2);
}

static void look_at(struct search *search, uint32_t index, size_t moves) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  if (moves == 1) {
    look_for_ones(search, index);
    return;
  }
  look_for_pairs(search, index);
  for (size_t i = 0; i < node->pod_count && i < NODE_PODS_MAX; i++)
    moves_look_for_chains(search, index, &node->pods[i]);
}

static void look_for(struct search *search, size_t moves) {
  uint64_t shapes[SHAPES] = {0};
  search->best_count = 0;
  for (uint32_t i = 0; i < pack_cluster_count(search->cluster); i++) {
    const struct pack_node *node = pack_cluster_node(search->cluster, i);
    if (node->pod_count > 0 && moves_may_ever(search, node, search->request) &&
        moves_is_new_shape(shapes, node))
      look_at(search, i, moves);
  }
}

bool pack_suggest(struct pack_scorer *scorer, struct pack_cluster *cluster,
                  const struct pack_request *request, size_t max_moves,
                  struct pack_suggestion *ret) {
  struct search *search = mem_zalloc(sizeof(*search));
  bool is_found = false;
  search->scorer = scorer;
  search->cluster = cluster;
  search->catalog = pack_cluster_catalog(cluster);
  search->request = request;
  for (size_t moves = 1; moves <= max_moves && moves <= PACK_MOVES_MAX && !is_found; moves++) {
    look_for(search, moves);
    size_t working = 0;
    for (size_t i = 0; i < search->best_count && working < TRIALS; i++) {
      struct pack_suggestion made;
      if (!moves_try(search, &search->best[i], &made))
        continue;
      working++;
      if (!is_found || made.score > ret->score)
        *ret = made;
      is_found = true;
    }
  }
  free(search->movables);
  free(search);
  return is_found;
}

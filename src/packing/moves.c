/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fewest pods to move so that a request fits. A node that would take it without one of its
 * pods (without two) is a candidate; its worth is what all nodes concerned are worth afterwards:
 *
 *   Phi(n) - Phi(n without the pods and with the request) + the scores of the pods elsewhere
 *
 * Candidates are ranked by this estimate, in which each pod has the best place of all, and the
 * best few are then carried out on trial, so that pods that want the same place are seen.
 */
#include "src/packing/cluster.h"

#include <stdlib.h>

enum {
  CANDIDATES = 128,   /* that are kept, the best by estimate */
  TRIALS = 12,        /* of them that work and are compared */
  PLACES = 1024,      /* distinct requests of pods whose best places are kept; direct-mapped */
  SHAPES = 256,       /* nodes with equal pods on equal devices, looked at once; direct-mapped */
  NODE_PODS_MAX = 64, /* pods of a node that are tried */
};
static const uint64_t request_uid = UINT64_MAX;

struct candidate {
  int64_t worth;
  uint32_t node;
  uint32_t pod_count;
  uint64_t uids[PACK_MOVES_MAX];
};

/* Where a pod would go: the two best nodes, for one of them may be the one it leaves. */
struct places {
  bool is_set;
  struct pack_request request;
  size_t count;
  uint32_t nodes[2];
  int64_t scores[2];
};

struct search {
  struct pack_scorer *scorer;
  struct pack_cluster *cluster;
  const struct pack_catalog *catalog;
  const struct pack_request *request;
  struct candidate best[CANDIDATES]; /* by worth, descending */
  size_t best_count;
  struct places places[PLACES];
  uint64_t shapes[SHAPES];
};

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0xff51afd7ed558ccd;
  return hash ^ hash >> 32;
}

/* ---- places for the pods that move --------------------------------------------------------- */

static const struct places *find_places(struct search *search, const struct pack_request *request) {
  uint64_t hash = mix((uint64_t)request->cpu_milli, (uint64_t)request->mem_bytes);
  hash = mix(hash, (uint64_t)request->forms[0].kind << 32 |
                       (uint64_t)request->forms[0].count << 16 | request->forms[0].amount);
  struct places *places = &search->places[hash % PLACES];
  if (places->is_set && memcmp(&places->request, request, sizeof(*request)) == 0)
    return places;
  struct pack_choice choices[2];
  places->is_set = true;
  places->request = *request;
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
  const struct places *places = find_places(search, request);
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

/* ---- candidates --------------------------------------------------------------------------------
 */

static void enter(struct search *search, const struct candidate *candidate) {
  if (search->best_count == CANDIDATES && search->best[CANDIDATES - 1].worth >= candidate->worth)
    return;
  size_t at = search->best_count < CANDIDATES ? search->best_count++ : CANDIDATES - 1;
  for (; at > 0 && search->best[at - 1].worth < candidate->worth; at--)
    search->best[at] = search->best[at - 1];
  search->best[at] = *candidate;
}

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
static struct pack_node *with_request(struct search *search, const struct pack_node *left,
                                      const struct pack_placement *placement) {
  const struct pack_form *form = &search->request->forms[placement->form];
  struct pack_node *node = node_copy(left, 1, placement->unit_count);
  for (uint8_t u = 0; u < placement->unit_count; u++)
    if (!node_take_unit(search->catalog, node, search->request, form, &placement->units[u])) {
      pack_node_unref(node);
      return NULL;
    }
  node_add_pod(node, request_uid, search->request, form, left->unit_count);
  cluster_prepare(search->cluster, node);
  return node;
}

static void consider(struct search *search, uint32_t index, const uint64_t *uids, size_t count) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  struct pack_node *left = without(search, node, uids, count), *full = NULL;
  struct candidate candidate = {.node = index, .pod_count = (uint32_t)count};
  struct pack_placement placement = {0};
  int64_t score;
  if (!pack_scorer_score_node(search->scorer, left, search->request, &score, &placement) ||
      !(full = with_request(search, left, &placement)))
    goto out;
  candidate.worth = score + pack_scorer_potential(search->scorer, node) -
                    pack_scorer_potential(search->scorer, left);
  for (size_t i = 0; i < count; i++) {
    struct pack_request moved = node_pod_request(&node->pods[node_find_pod(node, uids[i])]);
    if (!best_elsewhere(search, &moved, index, full, &score))
      goto out;
    candidate.worth += score;
    candidate.uids[i] = uids[i];
  }
  enter(search, &candidate);
out:
  pack_node_unref(left);
  pack_node_unref(full);
}

/* Devices and pods in order: nodes of one shape give one candidate, on the first of them. */
static bool is_new_shape(struct search *search, const struct pack_node *node) {
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
  uint64_t *slot = &search->shapes[hash % SHAPES];
  bool is_new = *slot != hash;
  *slot = hash;
  return is_new;
}

/* Could the node take the request if nobody were on it? */
static bool may_ever(const struct search *search, const struct pack_node *node) {
  if (node->counter_count)
    return false;
  enum pack_reason reason = pack_fit(search->catalog, node, search->request);
  return reason != PACK_FITS && !pack_reason_is_final(reason);
}

/*
 * Whether it is worth while to take the pod away: it frees what is short, and there is somewhere
 * for it to go. That may be another device of its own node, whose CPU and memory it holds
 * already, and for instances another place of their own device, once they are gone.
 */
static bool may_move(struct search *search, uint32_t index, const struct pack_pod *pod) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  const struct pack_request *request = search->request;
  bool frees_host = (request->cpu_milli > node->cpu_left && pod->cpu_milli > 0) ||
                    (request->mem_bytes > node->mem_left && pod->mem_bytes > 0) ||
                    (node->pods_max && node->pod_count >= node->pods_max);
  if (!frees_host && pod->unit_count == 0)
    return false;
  if (pod->form.kind == PACK_SLICES)
    return true;
  struct pack_request moved = node_pod_request(pod);
  return find_places(search, &moved)->count > 0 ||
         pack_place_plain(search->catalog, node, &moved, 0, NULL);
}

static void look_at(struct search *search, uint32_t index, size_t moves) {
  const struct pack_node *node = pack_cluster_node(search->cluster, index);
  uint64_t uids[NODE_PODS_MAX];
  size_t count = 0;
  for (size_t i = 0; i < node->pod_count && count < NODE_PODS_MAX; i++)
    if (may_move(search, index, &node->pods[i]))
      uids[count++] = node->pods[i].uid;
  for (size_t a = 0; a < count; a++) {
    if (moves == 1)
      consider(search, index, &uids[a], 1);
    for (size_t b = a + 1; moves == 2 && b < count; b++)
      consider(search, index, (uint64_t[]){uids[a], uids[b]}, 2);
  }
}

static void look_for(struct search *search, size_t moves) {
  for (uint32_t i = 0; i < pack_cluster_count(search->cluster); i++) {
    const struct pack_node *node = pack_cluster_node(search->cluster, i);
    if (node->pod_count < moves || !may_ever(search, node) || !is_new_shape(search, node))
      continue;
    look_at(search, i, moves);
  }
}

/* ---- trials
 * --------------------------------------------------------------------------------------- */

/* What was changed on trial, to be taken back in reverse. */
struct trial {
  struct pack_undo undos[2 * PACK_MOVES_MAX + 1];
  size_t count;
};

static void take_back(struct search *search, struct trial *trial) {
  while (trial->count)
    pack_undo(search->cluster, &trial->undos[--trial->count]);
}

static bool release(struct search *search, struct trial *trial, uint32_t node, uint64_t uid) {
  bool is_done = pack_try_release(search->cluster, node, uid, &trial->undos[trial->count]);
  trial->count += is_done;
  return is_done;
}

static bool put(struct search *search, struct trial *trial, uint64_t uid,
                const struct pack_request *request, const struct pack_placement *placement) {
  bool is_done = pack_try(search->cluster, uid, request, placement, &trial->undos[trial->count]);
  trial->count += is_done;
  return is_done;
}

/* Moves first, one after the other, then the request: what the caller will do. */
static bool works_in_order(struct search *search, const struct pack_suggestion *suggestion,
                           const struct pack_request *moved) {
  struct trial trial = {.count = 0};
  bool works = true;
  for (size_t i = 0; i < suggestion->move_count && works; i++) {
    const struct pack_move *move = &suggestion->moves[i];
    works = release(search, &trial, move->from, move->uid) &&
            put(search, &trial, move->uid, &moved[i], &move->to);
  }
  works = works && put(search, &trial, request_uid, search->request, &suggestion->placement);
  take_back(search, &trial);
  return works;
}

static bool carry_out(struct search *search, const struct candidate *candidate,
                      struct pack_suggestion *ret) {
  struct trial trial = {.count = 0};
  struct pack_request moved[PACK_MOVES_MAX];
  const struct pack_node *node = pack_cluster_node(search->cluster, candidate->node);
  struct pack_choice choice = {.score = 0};
  bool works = true;
  ret->move_count = candidate->pod_count;
  int64_t score = pack_scorer_potential(search->scorer, node);
  for (size_t i = 0; i < candidate->pod_count; i++) {
    const struct pack_pod *pod = &node->pods[node_find_pod(node, candidate->uids[i])];
    moved[i] = node_pod_request(pod);
    ret->moves[i] = (struct pack_move){.uid = pod->uid, .from = candidate->node};
    ret->moves[i].cost_milli = pack_request_milli(search->catalog, &moved[i], 1);
  }
  for (size_t i = 0; i < candidate->pod_count && works; i++)
    works = release(search, &trial, candidate->node, candidate->uids[i]);
  if (works) {
    score -=
        pack_scorer_potential(search->scorer, pack_cluster_node(search->cluster, candidate->node));
    works =
        pack_score(search->scorer, search->cluster, candidate->node, search->request, &choice) &&
        put(search, &trial, request_uid, search->request, &choice.placement);
    ret->placement = choice.placement;
    score += works ? choice.score : 0;
  }
  for (size_t i = 0; i < candidate->pod_count && works; i++) {
    works = pack_choose(search->scorer, search->cluster, &moved[i], &choice, 1) == 1 &&
            put(search, &trial, candidate->uids[i], &moved[i], &choice.placement);
    ret->moves[i].to = choice.placement;
    score += works ? choice.score : 0;
  }
  ret->score = score;
  take_back(search, &trial);
  return works && works_in_order(search, ret, moved);
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
    search->best_count = 0;
    memset(search->shapes, 0, sizeof(search->shapes));
    look_for(search, moves);
    size_t working = 0;
    for (size_t i = 0; i < search->best_count && working < TRIALS; i++) {
      struct pack_suggestion made = {0};
      if (!carry_out(search, &search->best[i], &made))
        continue;
      working++;
      if (!is_found || made.score > ret->score)
        *ret = made;
      is_found = true;
    }
  }
  free(search);
  return is_found;
}

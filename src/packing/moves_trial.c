/* SPDX-License-Identifier: Apache-2.0 */
/* Carries moves out on trial and takes them back, so that pods that want one place are seen. */
#include "src/packing/moves.h"

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
  works = works && put(search, &trial, MOVES_REQUEST_UID, search->request, &suggestion->placement);
  take_back(search, &trial);
  return works;
}

/* The pod that makes way in a chain goes first. */
static size_t turn_of(const struct candidate *candidate, size_t pod) {
  return is_chain(candidate) ? candidate->pod_count - 1 - pod : pod;
}

/* All pods leave before anything is placed: the request has the first choice. */
static bool release_all(struct search *search, struct trial *trial,
                        const struct candidate *candidate, struct pack_request *moved,
                        struct pack_suggestion *ret) {
  for (size_t i = 0; i < candidate->pod_count; i++) {
    const struct leaver *leaver = &candidate->pods[i];
    const struct pack_node *node = pack_cluster_node(search->cluster, leaver->node);
    size_t turn = turn_of(candidate, i);
    moved[turn] = node_pod_request(&node->pods[node_find_pod(node, leaver->uid)]);
    ret->moves[turn] = (struct pack_move){.uid = leaver->uid, .from = leaver->node};
    ret->moves[turn].cost_milli = pack_request_milli(search->catalog, &moved[turn], 1);
    ret->score += pack_scorer_potential(search->scorer, node);
    if (!release(search, trial, leaver->node, leaver->uid))
      return false;
    ret->score -=
        pack_scorer_potential(search->scorer, pack_cluster_node(search->cluster, leaver->node));
  }
  return true;
}

static bool place_all(struct search *search, struct trial *trial, const struct candidate *candidate,
                      const struct pack_request *moved, struct pack_suggestion *ret) {
  struct pack_choice choice = {.score = 0};
  if (!pack_score(search->scorer, search->cluster, candidate->node, search->request, &choice) ||
      !put(search, trial, MOVES_REQUEST_UID, search->request, &choice.placement))
    return false;
  ret->placement = choice.placement;
  ret->score += choice.score;
  for (size_t i = 0; i < candidate->pod_count; i++) {
    size_t turn = turn_of(candidate, i);
    if (pack_choose(search->scorer, search->cluster, &moved[turn], &choice, 1) != 1 ||
        !put(search, trial, candidate->pods[i].uid, &moved[turn], &choice.placement))
      return false;
    ret->moves[turn].to = choice.placement;
    ret->score += choice.score;
  }
  return true;
}

bool moves_try(struct search *search, const struct candidate *candidate,
               struct pack_suggestion *ret) {
  struct trial trial = {.count = 0};
  struct pack_request moved[PACK_MOVES_MAX];
  *ret = (struct pack_suggestion){.move_count = candidate->pod_count};
  bool works = release_all(search, &trial, candidate, moved, ret) &&
               place_all(search, &trial, candidate, moved, ret);
  take_back(search, &trial);
  return works && works_in_order(search, ret, moved);
}

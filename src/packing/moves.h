/* SPDX-License-Identifier: Apache-2.0 */
/* A search for moves, shared by moves*.c only. */
#ifndef SLICEGATE_PACKING_MOVES_H
#define SLICEGATE_PACKING_MOVES_H

#include "src/packing/cluster.h"

enum {
  CANDIDATES = 128,   /* that are kept, the best by estimate */
  PLACES = 1024,      /* distinct requests of pods whose best places are kept; direct-mapped */
  SHAPES = 256,       /* nodes with equal pods on equal devices, looked at once; direct-mapped */
  NODE_PODS_MAX = 64, /* pods of a node that are tried */
  OPENINGS = 16,      /* of a pod that fits nowhere, the best by estimate */
  OPENING_KINDS = 16, /* distinct requests of such pods */
};

#define MOVES_REQUEST_UID UINT64_MAX /* of the request, while it is on a value or on trial */

struct leaver {
  uint64_t uid;
  uint32_t node;
};

/*
 * The pods leave, the request goes to the node, and the pods go to their best places, one after
 * the other. All are of that node; or only the first one is, and takes the room that the second
 * one makes elsewhere: a chain.
 */
struct candidate {
  int64_t worth;
  uint32_t node;
  uint32_t pod_count;
  struct leaver pods[PACK_MOVES_MAX];
};
static inline bool is_chain(const struct candidate *candidate) {
  return candidate->pods[candidate->pod_count - 1].node != candidate->node;
}

/* Where a pod would go: the two best nodes, for one of them may be the one it leaves. */
struct places {
  bool is_set;
  struct pack_request request;
  size_t count;
  uint32_t nodes[2];
  int64_t scores[2];
  const struct openings *openings; /* NULL: they were not looked for */
};

/* Room for a pod that fits nowhere, where another one makes way for it. */
struct openings {
  struct pack_request request;
  size_t count;
  struct opening {
    int64_t worth;
    struct leaver pod;
  } best[OPENINGS]; /* by worth, descending */
};

struct search {
  struct pack_scorer *scorer;
  struct pack_cluster *cluster;
  const struct pack_catalog *catalog;
  const struct pack_request *request;
  struct candidate best[CANDIDATES]; /* by worth, descending */
  size_t best_count;
  struct places places[PLACES];
  struct openings openings[OPENING_KINDS];
  size_t opening_count;
  struct movable {
    uint32_t node;
    uint64_t pods; /* bit i: the node's pod i */
  } * movables;    /* NULL: not yet listed */
  size_t movable_count;
};

/* ---- one pod leaves one node (moves_room.c) -------------------------------------------------- */

struct places *moves_find_places(struct search *search, const struct pack_request *request);

/*
 * What all nodes concerned are worth afterwards: Phi(n) - Phi(n without the pods and with the
 * request) + the scores of the pods elsewhere. False: the request or one of the pods has no place.
 */
bool moves_estimate(struct search *search, uint32_t index, const uint64_t *uids, size_t count,
                    const struct pack_request *request, int64_t *ret_worth);
/* The same without the pods' scores: it is not known where they will go. */
bool moves_estimate_room(struct search *search, uint32_t index, uint64_t uid,
                         const struct pack_request *request, int64_t *ret_worth);

/* Could the node take the request if nobody were on it? */
bool moves_may_ever(const struct search *search, const struct pack_node *node,
                    const struct pack_request *request);
/* Whether to take the pod away frees what is short on the node. */
bool moves_may_free(const struct search *search, uint32_t index, const struct pack_pod *pod,
                    const struct pack_request *request);
/* Whether it may be enough when this pod goes: a cheap look, before the node is copied. */
bool moves_may_be_enough(const struct search *search, uint32_t index, const struct pack_pod *pod,
                         const struct pack_request *request);
/* Whether there is somewhere for the pod to go. */
bool moves_has_way(struct search *search, uint32_t index, const struct pack_pod *pod);
/* Nodes of one shape (devices and pods in order) give one candidate, on the first of them. */
bool moves_is_new_shape(uint64_t shapes[SHAPES], const struct pack_node *node);

/* ---- chains (moves_chain.c) -------------------------------------------------------------------
 */

/* Enters chains that begin with this pod. */
void moves_look_for_chains(struct search *search, uint32_t index, const struct pack_pod *pod);
void moves_enter(struct search *search, const struct candidate *candidate);

/* ---- trials (moves_trial.c) ------------------------------------------------------------------ */

/* Carries the candidate out and takes it back: what would have to be done. False: it does not
 * work. */
bool moves_try(struct search *search, const struct candidate *candidate,
               struct pack_suggestion *ret);

#endif

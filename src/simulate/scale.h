/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of suite D (`simulate scale`). */
#ifndef SLICEGATE_SIMULATE_SCALE_H
#define SLICEGATE_SIMULATE_SCALE_H

#include "src/simulate/mixed.h"

enum {
  SCALE_FILLED_PERCENT = 70, /* of the GPUs, before and while it is measured */
  SCALE_PODS_PER_NODE = 10,  /* in the mean, in the end */
};

/* Bytes that are allocated now, by all of the process. */
size_t scale_memory_in_use(void);

/* A large cluster in the middle of its life, and who is on it (scale_state.c). */
struct scale_pod {
  uint64_t uid;
  uint32_t node;
  int64_t milli;
};
struct scale_state {
  const struct mixed_pods *pods;
  struct pack_cluster *cluster;
  uint8_t *pools;
  struct sim_random list, forms, lots;
  struct scale_pod *live; /* pods with a GPU */
  size_t live_count, live_cap;
  uint64_t next_uid;
  int64_t used_milli, target_milli;
  size_t node_bytes, pod_bytes; /* of memory, all nodes and all pods */
};
bool scale_state_init(struct scale_state *state, const struct mixed_catalog *catalog,
                      const struct mixed_pods *pods, uint32_t nodes, uint64_t seed,
                      struct err *reterr) SG_MUST_CHECK;
void scale_state_done(struct scale_state *state);
const struct pack_request *scale_draw(struct scale_state *state);
/* The pod is there; it joins those that may be released. False: it does not fit there. */
bool scale_place(struct scale_state *state, const struct pack_request *request,
                 const struct pack_placement *placement) SG_MUST_CHECK;
/* Releases pods at random until no more than the target is in use. */
void scale_hold_load(struct scale_state *state);
/* The same cluster built anew: nodes, then every pod where it is. Own it. */
struct pack_cluster *scale_rebuild(const struct scale_state *state,
                                   struct err *reterr) SG_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A twin of the state: plain arrays of what was told, and sums made from scratch whenever they
 * are wanted. It knows nothing of forms, counters, devices or values.
 */
#ifndef SLICEGATE_TESTS_STATE_TWIN_H
#define SLICEGATE_TESTS_STATE_TWIN_H

#include "slicegate/state.h"

enum { TWIN_NODES = 5, TWIN_PODS = 12, TWIN_HOLDS = 64 };

enum twin_resource {
  TWIN_CPU,
  TWIN_MEMORY,
  TWIN_GPU,
  TWIN_MIG,
  TWIN_SHARED,
  TWIN_CARD,
  TWIN_RESOURCES
};
/* Those in between are counted. Of the last, in tenths of a card, a node has one card or none, and
 * it matters only where nothing is counted. */
enum { TWIN_DEVICES = TWIN_GPU, TWIN_DEVICES_END = TWIN_CARD, TWIN_ONE_CARD = 10 };
extern const char *const twin_names[TWIN_RESOURCES];

/* What "nvidia.com/gpu" stands for there. */
enum twin_meaning { TWIN_PLAIN, TWIN_REPLICAS, TWIN_SINGLE, TWIN_MEANINGS };

struct twin_node {
  bool is_there;
  int64_t amounts[TWIN_RESOURCES]; /* cpu in halves; a device of -1 is not listed */
  int64_t pods;                    /* 0: takes none */
  enum twin_meaning meaning;
  int zone; /* a label that means nothing */
};

struct twin_pod {
  bool is_there;
  uint64_t uid;
  int node; /* -1: waits */
  bool is_running, is_over;
  int64_t amounts[TWIN_RESOURCES];
  bool is_mig_first; /* the order in which devices of two names are asked for */
  int nominated;
  int device; /* that it names; -1: none */
};

struct twin_hold {
  uint64_t uid, order;
  int pod, node;
  enum state_hold_kind kind;
  enum twin_meaning meaning;
  int64_t amounts[TWIN_RESOURCES];
  int64_t until;
};

struct twin {
  struct twin_node nodes[TWIN_NODES];
  bool has_slices[TWIN_NODES]; /* a DRA driver lists devices of the node, be it there or not */
  struct twin_pod pods[TWIN_PODS];
  struct twin_hold holds[TWIN_HOLDS];
  size_t hold_count;
  uint64_t order;
};

/* What is left of everything on a node, and the pods that are there. */
struct twin_sums {
  int64_t left[TWIN_RESOURCES];
  int64_t pods;
  bool is_excess;
};
struct twin_sums twin_sum(const struct twin *twin, int node, bool with_holds);
/* Its GPUs are kube-scheduler's to count. */
bool twin_is_counted_elsewhere(const struct twin *twin, int node);
bool twin_is_unreadable(const struct twin *twin, int node);
bool twin_has_card(const struct twin_node *node);
bool twin_waits(const struct twin_pod *pod);
bool twin_is_placed(const struct twin_pod *pod);
/* By how many names. */
int twin_asks_gpu(const struct twin_pod *pod);

void twin_put_node(struct twin *twin, int index, const struct twin_node *node);
void twin_drop_node(struct twin *twin, int index);
void twin_put_pod(struct twin *twin, int index, const struct twin_pod *pod);
void twin_drop_pod(struct twin *twin, int index, uint64_t uid);
enum state_held twin_hold(struct twin *twin, const struct twin_hold *hold);
bool twin_unplan(struct twin *twin, uint64_t uid);
bool twin_unhold(struct twin *twin, uint64_t uid, bool is_firm_too);
void twin_unhold_all(struct twin *twin);
size_t twin_expire(struct twin *twin, int64_t now);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by suites C (`simulate mixed`) and D (`simulate scale`): a cluster of three pools (whole
 * GPUs, GPUs in MIG mode, time-sliced GPUs) and what pods of a list become on it.
 */
#ifndef SLICEGATE_SIMULATE_MIXED_H
#define SLICEGATE_SIMULATE_MIXED_H

#include "src/simulate/simulate_internal.h"

/* ---- the cluster (mixed_cluster.c) ---------------------------------------------------------- */

enum mixed_pool { MIXED_WHOLE, MIXED_MIG, MIXED_SHARED, MIXED_POOLS };
extern const char *const mixed_pool_names[MIXED_POOLS];

enum { MIXED_REPLICAS = 10 }; /* of a time-sliced GPU */

struct mixed_shape {
  uint32_t nodes[MIXED_POOLS];
  uint8_t gpus[MIXED_POOLS]; /* of a node */
  int64_t cpu_milli[MIXED_POOLS];
};
extern const struct mixed_shape mixed_shape_c;

/* The product of all GPUs, in a catalog of its own. */
struct mixed_catalog {
  struct pack_catalog *catalog;
  uint16_t product;
  const struct pack_mig *mig;
};
void mixed_catalog_init(struct mixed_catalog *catalog);
void mixed_catalog_done(struct mixed_catalog *catalog);

/* Nodes in a drawn order: ties of policies go to the first. ret_pools[node index], own it. */
struct pack_cluster *mixed_cluster(const struct mixed_catalog *catalog,
                                   const struct mixed_shape *shape, struct sim_random *order,
                                   uint8_t **ret_pools, struct err *reterr) SG_MUST_CHECK;

/* ---- pods (mixed_pods.c) -------------------------------------------------------------------- */

/* What a pod asks for. */
enum mixed_kind { MIXED_CPU, MIXED_GPUS, MIXED_SLICES, MIXED_REPLICA, MIXED_FLEXIBLE, MIXED_KINDS };
extern const char *const mixed_kind_names[MIXED_KINDS];
enum mixed_kind mixed_kind_of(const struct pack_request *request);

/* All requests that the list can become: three for each class of it. */
struct mixed_pods {
  const struct sim_trace *trace;
  const struct pack_catalog *catalog;
  struct pack_request *requests; /* [class * 3 + variant] */
  uint32_t *counts;              /* [same]: as history, in proportion */
  size_t count;
  double mean_milli;        /* of a pod */
  int64_t median_cpu_milli; /* of pods with a GPU */
};
/* ERR_INVALID: nobody asks for a GPU. */
bool mixed_pods_init(struct mixed_pods *pods, const struct mixed_catalog *catalog,
                     const struct sim_trace *trace, struct err *reterr) SG_MUST_CHECK;
void mixed_pods_done(struct mixed_pods *pods);
/* A pod of the list, drawn with replacement, and what it becomes. */
const struct pack_request *mixed_pods_draw(const struct mixed_pods *pods, struct sim_random *list,
                                           struct sim_random *forms);
int64_t mixed_milli(const struct mixed_pods *pods, const struct pack_request *request);

/* ---- watching (mixed_ledger.c) -------------------------------------------------------------- */

/*
 * What is where, from the placements themselves: sums that the suite reports, and whether every
 * pod got what it asked for from devices that may give it. Shares no code with the core.
 */
struct mixed_ledger {
  const struct pack_mig *mig;
  const struct pack_cluster *cluster;
  const uint8_t *pools;     /* [node] */
  int64_t median_cpu_milli; /* a node with less CPU left strands its idle GPUs */
  struct mixed_node {
    int64_t used_milli;
    int64_t stranded;
  } * nodes;
  uint8_t *modes; /* [node * PACK_DEVICES_MAX + device] */
  int64_t used_milli[MIXED_POOLS], all_milli[MIXED_POOLS];
  int64_t stranded;                    /* GPUs */
  uint64_t wrong_kind, split, overlap; /* pods placed wrongly: must stay 0 */
};
void mixed_ledger_init(struct mixed_ledger *ledger, const struct pack_mig *mig,
                       const struct pack_cluster *cluster, const uint8_t *pools,
                       int64_t median_cpu_milli);
void mixed_ledger_done(struct mixed_ledger *ledger);
/* The node has changed; for sim_world.changed. */
void mixed_ledger_look(void *ledger, uint32_t node);

/* ---- switching modes (mixed_flex.c) --------------------------------------------------------- */

/*
 * Variant C-flex, the same rule for every policy: when a pod fits nowhere, empty GPUs of the
 * pools whole and MIG are switched so that it does: one to MIG mode for slices, as many as are
 * missing on one node to whole GPUs for those. Returns how many were switched.
 */
size_t mixed_flex(struct pack_cluster *cluster, const uint8_t *pools, struct mixed_ledger *ledger,
                  const struct pack_request *request);

#endif

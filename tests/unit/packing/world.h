/* SPDX-License-Identifier: Apache-2.0 */
/* A small cluster to try policies on: product 0 is a plain T4, product 1 an H100 with MIG. */
#ifndef SLICEGATE_TESTS_PACKING_WORLD_H
#define SLICEGATE_TESTS_PACKING_WORLD_H

#include "slicegate/packing.h"

enum { WORLD_T4, WORLD_H100 };
#define WORLD_GIB ((int64_t)1 << 30)

struct world {
  struct pack_catalog *catalog;
  struct pack_cluster *cluster;
  uint64_t uid; /* of the last pod */
};

void world_init(struct world *world);
void world_done(struct world *world);
#define CLEANUP_WORLD SG_CLEANUP(world_done)

/* Adds a node with 64 GiB; GPUs in this order: whole T4s, H100s in MIG mode, T4s in 10 replicas.
 * Nodes keep the order of their names. */
struct world_gpus {
  unsigned whole, mig, shared;
};
void world_add(struct world *world, const char *name, int64_t cores, struct world_gpus gpus);
/* Requests with 8 GiB. */
struct pack_request world_request(const struct world *world, int64_t cores, enum pack_kind kind,
                                  uint16_t count, uint16_t amount);
struct pack_request world_slices(const struct world *world, uint16_t count, const char *profile);
/* Another form of the same request. */
void world_add_form(struct pack_request *request, const struct pack_request *other);

/* Puts a pod on the node's device (and start), whatever a policy would say. */
void world_put(struct world *world, size_t node, const struct pack_request *request,
               unsigned device, unsigned start);
/* The score of a fresh scorer of this policy; fails the test when it does not fit. */
int64_t world_score(const struct world *world, const char *policy, size_t node,
                    const struct pack_request *request, struct pack_placement *ret);
/* The node that the policy chooses. */
size_t world_choose(const struct world *world, const char *policy,
                    const struct pack_request *request, struct pack_placement *ret);
struct pack_scorer *world_scorer(const struct world *world, const char *policy, uint64_t seed);
void world_unscore(struct pack_scorer **scorer);
#define CLEANUP_SCORER SG_CLEANUP(world_unscore)

#endif

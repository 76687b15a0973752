/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded cluster written down in YAML, with an intake and a scene of it. */
#ifndef SLICEGATE_TESTS_PACKING_RECORDED_H
#define SLICEGATE_TESTS_PACKING_RECORDED_H

#include "slicegate/packing.h"

struct recorded {
  struct arena *arena;
  struct cluster cluster;
  struct pack_catalog *catalog;
  struct pack_intake *intake;
  struct pack_scene *scene; /* made by recorded_scene */
  uint64_t uid;             /* of the last pod placed */
};

/* Documents of Nodes and Pods. */
void recorded_init(struct recorded *recorded, const char *yaml);
void recorded_done(struct recorded *recorded);
#define CLEANUP_RECORDED SG_CLEANUP(recorded_done)
/* The pod of this name in the recording, asked for again (without its node). */
const struct pack_asked *recorded_ask(struct recorded *recorded, const char *name);
/* The error of such a question. */
struct err recorded_refusal(struct recorded *recorded, const char *name);
struct pack_scene *recorded_scene(struct recorded *recorded);
const struct pack_node *recorded_node(struct recorded *recorded, const char *name);
struct pack_verdict recorded_judge(struct recorded *recorded, const char *node,
                                   const struct pack_asked *asked);
/* Places as many as fit by the policy of this name; how many. */
uint64_t recorded_fill(struct recorded *recorded, const struct pack_asked *asked,
                       const char *policy);

#endif

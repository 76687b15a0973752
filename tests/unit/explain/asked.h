/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster written down in YAML, and a pod of it asked about. */
#ifndef SLICEGATE_TESTS_EXPLAIN_ASKED_H
#define SLICEGATE_TESTS_EXPLAIN_ASKED_H

#include "slicegate/explain.h"

struct asked {
  struct arena *arena;
  struct cluster cluster;
  struct explain_scene *scene;
  struct explain_answer answer; /* of the last question */
};
/* Documents of Nodes and Pods. */
void asked_init(struct asked *asked, const char *yaml);
void asked_done(struct asked *asked);
#define CLEANUP_ASKED SG_CLEANUP(asked_done)
const struct explain_answer *asked_about(struct asked *asked, const char *pod);
const struct explain_answer *asked_question(struct asked *asked,
                                            const struct explain_question *question);
const struct pod *asked_pod(struct asked *asked, const char *name);

/* `has`: "cpu: 4, nvidia.com/gpu: 1" */
#define TAINTED(name, taint, has)                                                                  \
  "kind: Node\nmetadata: {name: " name "}\nspec: {taints: [" taint                                 \
  "]}\nstatus: {allocatable: {" has "}}\n---\n"
#define NODE(name, has) TAINTED(name, "", has)
#define POD(name, node, asks)                                                                      \
  "kind: Pod\nmetadata: {name: " name ", namespace: ml}\nspec: {" node                             \
  "containers: [{name: m, resources: {limits: {" asks "}}}]}\n---\n"
#define ON(name) "nodeName: " name ", "

#endif

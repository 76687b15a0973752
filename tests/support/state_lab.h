/* SPDX-License-Identifier: Apache-2.0 */
/* A state with nodes and pods that are written in one line. Quantities as in a manifest. */
#ifndef SLICEGATE_TESTS_STATE_LAB_H
#define SLICEGATE_TESTS_STATE_LAB_H

#include "slicegate/state.h"

struct state_lab {
  struct arena *arena;
  struct state *state;
};
void state_lab_init(struct state_lab *lab);
void state_lab_done(struct state_lab *lab);
#define CLEANUP_STATE_LAB SG_CLEANUP(state_lab_done)

/* Pairs of resource and quantity, then NULL. 64 CPUs, 256 GiB and 110 pods unless they say else. */
struct node lab_node(struct state_lab *lab, const char *name, ...);
/* Pairs of key and value, then NULL. */
void lab_label(struct state_lab *lab, struct node *node, ...);
/* With HAMi's plugin, whose cards (in order of ids) are ours to give: "GPU-a:15360:10:100:well
 * GPU-b:15360:10:100:ill": MiB, sharers, cores, health. */
struct node lab_hami_node(struct state_lab *lab, const char *name, const char *cards);
/* Asks for so many MiB of one; "GPU-a:3000:0 ...": what its annotation says that it has. */
struct pod lab_hami_pod(struct state_lab *lab, const char *name, const char *node, const char *mib,
                        const char *cards);
/* In namespace "default", with the uid "<name>-1"; `node` NULL: waits. */
struct pod lab_pod(struct state_lab *lab, const char *name, const char *node, ...);
struct str lab_uid(struct state_lab *lab, const char *name);

/* The node's value in a fresh snapshot; kept by `lab_peek_done`. */
struct state_peek {
  const struct state_snapshot *snapshot;
  size_t index;
  const struct pack_node *node;
  const struct state_node *labelled;
};
struct state_peek lab_peek(struct state_lab *lab, const char *node);
void lab_peek_done(struct state_peek *peek);
#define CLEANUP_PEEK SG_CLEANUP(lab_peek_done)
/* What is left of the resource on the node; INT64_MIN: the node has no counter for it. "cpu" in
 * thousandths, "memory", "pods" (those there), or a resource name of devices. */
int64_t lab_left(struct state_lab *lab, const char *node, const char *resource);

/* Asks for the pod and holds what fits on the node by the plain rule. */
enum state_held lab_hold(struct state_lab *lab, enum state_hold_kind kind, const struct pod *pod,
                         const char *node, int64_t until_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the module. */
#ifndef SLICEGATE_EXPLAIN_INTERNAL_H
#define SLICEGATE_EXPLAIN_INTERNAL_H

#include "slicegate/explain.h"

#define EXPLAIN_CORDON_KEY "node.kubernetes.io/unschedulable"

/* How soon a pod goes by itself. */
enum explain_class {
  EXPLAIN_IS_DELETING,
  EXPLAIN_ENDS,     /* of a Job and the like */
  EXPLAIN_STAYS,    /* as far as is known */
  EXPLAIN_RETURNS,  /* of a DaemonSet, static: it is back at once */
  EXPLAIN_HOLDS_NO, /* over */
};
enum explain_class explain_class_of(const struct pod *pod);

struct explain_scene {
  const struct cluster *cluster;
  struct gpu_products products;
  struct pack_catalog *catalog;
  struct pack_intake *intake;
  struct pack_scene *scene;
  struct pack_scorer *scorer;
  size_t *pod_first, *pod_last; /* [node]: its pods are [first, last) of the cluster's */
  uint8_t *pod_classes;         /* [pod]: enum explain_class */
  struct str *slices;           /* names of MIG slices that some node has, sorted */
  size_t slice_count;
};

/* A question under way. */
struct inquiry {
  struct explain_scene *scene;
  const struct explain_question *question;
  struct pod pod; /* as it is to be placed: a recorded one without its node */
  struct pack_asked asked;
  struct pack_verdict *verdicts; /* [node] */
  struct arena *arena;           /* of the answer */
  struct arena *scratch;
  struct explain_answer *answer;
};

/* "1g.10gb" of nvidia.com/mig-1g.10gb; empty: it is no slice. */
struct str explain_profile_of(struct str resource);

/* ---- trying changes (try.c) -------------------------------------------------------------- */

/*
 * Judges the pod as changed on the nodes that are closed by some of `blocks` and nothing else.
 * False: it fits none of them. *ret_node is the first.
 */
bool explain_try(struct inquiry *q, const struct pod *changed, uint32_t blocks, size_t *ret_node,
                 size_t *ret_count) SG_MUST_CHECK;
/* A pod of the cluster that goes elsewhere, or (to: SIZE_MAX) ends. */
struct explain_step {
  size_t pod, to;
};
/* Makes the steps in order, each checked, in a recording of the nodes concerned, and judges the
 * pod on `node`. */
bool explain_try_steps(struct inquiry *q, size_t node, const struct explain_step *steps,
                       size_t count) SG_MUST_CHECK;
/* Whether a change of this kind would still be listed. */
bool explain_is_wanted(const struct inquiry *q, enum explain_change_kind kind);
/* Keeps the cheapest. `change` has been tried. */
void explain_add_change(struct inquiry *q, const struct explain_change *change);

/* ---- changes ----------------------------------------------------------------------------- */

/* Of tolerations, selectors, cordons (change_constraints.c). */
void explain_find_tolerations(struct inquiry *q);
void explain_find_selectors(struct inquiry *q);
/* Of what it asks for (change_requests.c). */
void explain_find_profiles(struct inquiry *q);
void explain_find_fewer(struct inquiry *q);
void explain_find_less(struct inquiry *q);
/* Of other pods (change_pods.c). */
void explain_find_moves(struct inquiry *q);
void explain_find_waits(struct inquiry *q);

/* Whether no node takes it even when empty, and what is missing then (never.c). */
void explain_find_never(struct inquiry *q);

/* Of a pod that is placed (devices.c). */
void explain_find_devices(const struct explain_scene *scene, const struct pod *pod,
                          struct arena *arena, struct explain_answer *ret);

/* The pod's request of this resource, to be changed: *ret has a list of its own. */
struct resource_request *explain_own_request(struct inquiry *q, struct pod *ret,
                                             struct str resource);

/* An amount of one card: somebody has to leave the card that has the most left, at least. */
bool explain_is_part_of_card(const struct inquiry *q);
/* CPU in thousandths, or bytes of memory, as a request has them and as they are written. */
struct quantity explain_host_amount(const char *name, int64_t amount);
struct str explain_host_text(struct arena *arena, const char *name, int64_t amount);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the baseline policies share: scoring every form of a request, GPU sums of a node, and
 * choosing device and place inside it by a rank. Shared by policy_*.c only.
 */
#ifndef SLICEGATE_PACKING_BASELINE_H
#define SLICEGATE_PACKING_BASELINE_H

#include "src/packing/packing_internal.h"

/* ---- forms ------------------------------------------------------------------------------------
 */

/* Score and placement of one form on one node. False: it does not fit. `placement` is never NULL.
 */
typedef bool pack_form_score_fn(const struct pack_view *view, const struct pack_node *node,
                                const struct pack_request *request, uint8_t form,
                                int32_t *ret_score, struct pack_placement *placement);

/* A pack_score_fn made of a form's: the best form, the first one on ties. */
bool pack_best_form(pack_form_score_fn *score_form, const struct pack_view *view,
                    const struct pack_node *node, const struct pack_request *request,
                    struct pack_cell *ret, struct pack_placement *placement);

/* First fit's: the plain placement, every node as good. */
bool pack_plain_form(const struct pack_view *view, const struct pack_node *node,
                     const struct pack_request *request, uint8_t form, int32_t *ret_score,
                     struct pack_placement *placement);
/* BestFit's, which others use for what they say nothing about. */
bool pack_bestfit_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement);

/*
 * For policies whose state is costs of layouts: negated growth for slices, best fit for the rest.
 * As these do not compare, slices are better than any other form, on whichever node.
 */
bool pack_slices_first_form(const struct pack_view *view, const struct pack_node *node,
                            const struct pack_request *request, uint8_t form, int32_t *ret_score,
                            struct pack_placement *placement);

/* ---- the published artifact ---------------------------------------------------------------------
 */

/* Capacity of the largest node of its trace: the scale of its scores, on any cluster. */
enum {
  ARTIFACT_CPU_MILLI = 128000,
  ARTIFACT_GPU_MILLI = 8000,
  ARTIFACT_SCORE_MAX = 100,
};

/* Milli-GPU free on the node; slices and replicas as their part of the GPU, rounded down. */
int64_t pack_free_milli(const struct pack_node *node);
/* Milli-GPU that the form takes of this node. */
int64_t pack_form_milli(const struct pack_catalog *catalog, const struct pack_node *node,
                        const struct pack_request *request, uint8_t form);
/* Free milli of one device. */
static inline int64_t pack_device_free_milli(const struct pack_device *device) {
  return (int64_t)device->left * PACK_MILLI / device->size;
}

/* CPU as the artifact's formulas take it: below a bound that no real node reaches, so that
 * products stay in 64 bits. */
static inline int64_t pack_artifact_cpu(int64_t cpu_milli) {
  const int64_t bound = (int64_t)1 << 27;
  return cpu_milli < -bound ? -bound : cpu_milli > bound ? bound : cpu_milli;
}
/* Scores stay below this (struct pack_cell). */
enum { PACK_SCORE_MAX = (1 << 30) - 1 };
static inline int32_t pack_clamp_score(int64_t score) {
  return score < -PACK_SCORE_MAX  ? -PACK_SCORE_MAX
         : score > PACK_SCORE_MAX ? PACK_SCORE_MAX
                                  : (int32_t)score;
}

/* ---- kube-scheduler's view ----------------------------------------------------------------------
 */

/* Weights of what a score of NodeResourcesFit looks at. */
struct pack_resource_weights {
  uint8_t cpu, mem, devices;
};
/* kube-scheduler's default resources, CPU and memory: that is what reference figures for whole
 * GPUs and fractions are of. Slices and replicas count as well, as whoever packs a pool of them
 * sets it up. */
struct pack_resource_weights pack_default_weights(const struct pack_form *form);
/*
 * The weighted mean of what is used of each resource with the pod on the node (or, for
 * `wants_free`, of what is left), in floored percents, floored. Devices are the one extended
 * resource that the form asks for, a count: kube-scheduler knows neither which GPU nor where.
 */
int32_t pack_score_resources(const struct pack_catalog *catalog, const struct pack_node *node,
                             const struct pack_request *request, uint8_t form,
                             const struct pack_resource_weights *weights, bool wants_free);

/* ---- places by rank -----------------------------------------------------------------------------
 */

/*
 * How much a policy dislikes a place: the lowest rank wins, then the lowest device, then the
 * lowest start. `next` is the device's layout afterwards, PACK_NONE when it is not in MIG mode.
 */
typedef int64_t pack_rank_fn(void *context, const struct pack_device *device, uint16_t next);

/*
 * Places one form where the rank is lowest; several instances one after another. CPU-only and
 * whole-GPU forms, where there is nothing to rank, are placed plainly, and so is what cannot be
 * placed one after another. *ret_rank is the sum over units: 0 when nothing was ranked,
 * PACK_SCORE_MAX when the ranks were of no use. False: the form does not fit.
 */
bool pack_place_ranked(const struct pack_catalog *catalog, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, pack_rank_fn *rank,
                       void *context, int64_t *ret_rank, struct pack_placement *placement);

#endif

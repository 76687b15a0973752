/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RequestedToCapacityRatio of kube-scheduler with the shape 0 -> 0, 100 -> 100, as its users set
 * it up to pack GPUs: the mean of the percents in use, floored, of CPU (weight 1), memory (1) and
 * the devices asked for (5).
 */
#include "src/packing/baseline.h"

static bool score_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  static const struct pack_resource_weights weights = {.cpu = 1, .mem = 1, .devices = 5};
  if (!pack_place_plain(view->catalog, node, request, form, placement))
    return false;
  *ret_score = pack_score_resources(view->catalog, node, request, form, &weights, false);
  return true;
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(score_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_requestedtocapacityratio = {
    .name = "requestedtocapacityratio",
    .summary = "kube-scheduler's RequestedToCapacityRatio: CPU and memory weigh 1 each, GPUs 5",
    .score = score,
};

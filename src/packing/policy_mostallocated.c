/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MostAllocated of kube-scheduler with its default resources: the mean of the percents of CPU
 * and memory (and of slices or replicas, when they are asked for) in use, floored.
 */
#include "src/packing/baseline.h"

static bool score_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  struct pack_resource_weights weights = pack_default_weights(&request->forms[form]);
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

const struct pack_policy pack_policy_mostallocated = {
    .name = "mostallocated",
    .summary = "kube-scheduler's MostAllocated: most CPU and memory in use",
    .score = score,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worst fit: best fit turned round. Slices and replicas go to the GPU with the most free, at the
 * lowest start; fractions to the largest remainder of the node that best fit likes least.
 */
#include "src/packing/baseline.h"

static int64_t rank_used(void *context, const struct pack_device *device, uint16_t next) {
  (void)context;
  (void)next;
  return -pack_device_free_milli(device);
}

static bool score_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  uint16_t kind = request->forms[form].kind;
  if (kind == PACK_CPU || kind == PACK_WHOLE || kind == PACK_FRACTION) {
    if (!pack_bestfit_form(view, node, request, form, ret_score, placement))
      return false;
    *ret_score = pack_clamp_score(-(int64_t)*ret_score);
    if (kind != PACK_FRACTION)
      return true;
  }
  int64_t rank;
  if (!pack_place_ranked(view->catalog, node, request, form, rank_used, NULL, &rank, placement))
    return false;
  if (kind != PACK_FRACTION)
    *ret_score = pack_clamp_score(-rank);
  return true;
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(score_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_worstfit = {
    .name = "worstfit",
    .summary = "best fit turned round: the node, or the GPU, with the most left",
    .score = score,
};

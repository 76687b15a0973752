/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DotProd of the FGD artifact: 100 * (1 - mean(cpuLeft * cpuReq / A^2, gpuLeft * gpuReq / B^2)),
 * floored, with A = 128000 and B = 8000 milli. As A^2 = 256 * B^2 that is
 *
 *   100 + floor(-50 * (cpuLeft * cpuReq + 256 * gpuLeft * gpuReq) / A^2).
 *
 * GPU milli are summed over the node; inside it the placement is plain.
 */
#include "src/packing/baseline.h"

enum { CPU_PER_GPU = ARTIFACT_CPU_MILLI / ARTIFACT_GPU_MILLI };
_Static_assert(ARTIFACT_CPU_MILLI % ARTIFACT_GPU_MILLI == 0, "the formula above is exact");

static bool score_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  if (!pack_place_plain(view->catalog, node, request, form, placement))
    return false;
  int64_t cpu = pack_artifact_cpu(node->cpu_left) * pack_artifact_cpu(request->cpu_milli);
  int64_t gpu = pack_free_milli(node) * pack_form_milli(view->catalog, node, request, form);
  int64_t product = cpu + (int64_t)CPU_PER_GPU * CPU_PER_GPU * gpu;
  int64_t scale = (int64_t)ARTIFACT_CPU_MILLI * ARTIFACT_CPU_MILLI;
  *ret_score = pack_clamp_score(ARTIFACT_SCORE_MAX +
                                pack_floor_div(-(ARTIFACT_SCORE_MAX / 2) * product, scale));
  return true;
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(score_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_dotprod = {
    .name = "dotprod",
    .summary = "smallest dot product of what is free and what is asked",
    .score = score,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Best fit.
 *
 * CPU-only, whole GPUs and fractions as in the FGD artifact: 100 * (1 - cpuAfter / (2 * A) -
 * gpuAfter / (2 * B)), floored, with A = 128000 and B = 8000 milli. As A = 16 * B that is
 *
 *   floor((2 * A - cpuAfter - 16 * gpuAfter) / (2 * A / 100)), 2 * A / 100 = 2560.
 *
 * (There, scores are stretched to 0..100 afterwards, which orders nodes no differently.)
 *
 * Slices and replicas as in the MIG suite: the GPU with the least free, lowest start. The score
 * is the negated free milli of the chosen GPUs, so that products of different axes compare.
 */
#include "src/packing/baseline.h"

enum {
  CPU_PER_GPU = ARTIFACT_CPU_MILLI / ARTIFACT_GPU_MILLI,
  STEP = 2 * ARTIFACT_CPU_MILLI / ARTIFACT_SCORE_MAX,
};
_Static_assert(ARTIFACT_CPU_MILLI % ARTIFACT_GPU_MILLI == 0, "the formula above is exact");
_Static_assert(2 * ARTIFACT_CPU_MILLI % ARTIFACT_SCORE_MAX == 0, "the formula above is exact");

static int64_t rank_free(void *context, const struct pack_device *device, uint16_t next) {
  (void)context;
  (void)next;
  return pack_device_free_milli(device);
}

bool pack_bestfit_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  uint16_t kind = request->forms[form].kind;
  if (kind == PACK_SLICES || kind == PACK_REPLICAS) {
    int64_t rank;
    if (!pack_place_ranked(view->catalog, node, request, form, rank_free, NULL, &rank, placement))
      return false;
    *ret_score = pack_clamp_score(-rank);
    return true;
  }
  if (!pack_place_plain(view->catalog, node, request, form, placement))
    return false;
  int64_t cpu_after = pack_artifact_cpu(node->cpu_left - request->cpu_milli);
  int64_t gpu_after = pack_free_milli(node) - pack_form_milli(view->catalog, node, request, form);
  *ret_score = pack_clamp_score(
      pack_floor_div(2 * ARTIFACT_CPU_MILLI - cpu_after - CPU_PER_GPU * gpu_after, STEP));
  return true;
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(pack_bestfit_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_bestfit = {
    .name = "bestfit",
    .summary =
        "least CPU and GPU left on the node; for slices and replicas the GPU with the least free",
    .score = score,
};

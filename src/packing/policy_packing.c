/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing of the FGD artifact, in order of preference:
 *
 *   1. GPUs in use suffice: 100 - floor(sum over them of free percent / 10), at least 50
 *   2. k idle GPUs of a node in use: 50 - k, at least 33
 *   3. a node with nothing on its GPUs: 33 - its GPUs, at least 0
 *
 * CPU-only pods score 0 everywhere. Slices and replicas go to the GPU with the least free, the
 * rest is placed plainly.
 */
#include "src/packing/baseline.h"

enum {
  USED_GPUS_MIN = ARTIFACT_SCORE_MAX / 2,
  USED_NODE_MIN = ARTIFACT_SCORE_MAX / 3,
  PERCENT = 100,
};

static bool is_untouched(const struct pack_device *device) {
  return device->left == device->size;
}

static bool is_node_untouched(const struct pack_node *node) {
  for (uint16_t i = 0; i < node->device_count; i++) {
    if (!is_untouched(&node->devices[i]))
      return false;
  }
  return true;
}

static int32_t score_devices(const struct pack_node *node, const struct pack_placement *placement) {
  uint64_t seen = 0;
  int32_t idle = 0, free_percent = 0;
  for (uint8_t i = 0; i < placement->unit_count; i++) {
    uint8_t number = placement->units[i].device;
    const struct pack_device *device = &node->devices[number];
    if ((seen >> number & 1) != 0) /* another instance on the same GPU */
      continue;
    seen |= (uint64_t)1 << number;
    idle += is_untouched(device);
    free_percent += device->left * PERCENT / device->size;
  }
  int32_t score, least;
  if (is_node_untouched(node)) {
    score = USED_NODE_MIN - node->device_count;
    least = 0;
  } else if (idle > 0) {
    score = USED_GPUS_MIN - idle;
    least = USED_NODE_MIN;
  } else {
    score = ARTIFACT_SCORE_MAX - free_percent / 10;
    least = USED_GPUS_MIN;
  }
  return score > least ? score : least;
}

static bool score_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  int32_t unused;
  if (!pack_bestfit_form(view, node, request, form, &unused, placement))
    return false;
  *ret_score = request->forms[form].kind == PACK_CPU ? 0 : score_devices(node, placement);
  return true;
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(score_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_packing = {
    .name = "packing",
    .summary = "GPUs in use first, then idle GPUs of nodes in use, then untouched nodes",
    .score = score,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clustering of the FGD artifact: pods of one kind together. Base 25 * (B - gpuLeft) / B with
 * B = 8000 milli, floored; 75 more on a node that has only pods of this kind, 50 when it has
 * them among others, 25 when no pod holds a GPU there, else none. CPU-only pods score 0
 * everywhere. Inside the node the placement is plain.
 *
 * The kinds there are: a share of a GPU, one GPU, two GPUs, ... Here slices of each profile are
 * a kind too, and replicas are shares.
 */
#include "src/packing/baseline.h"

enum {
  QUARTER = ARTIFACT_SCORE_MAX / 4,
  TAG_SHARE = 1, /* whole GPUs and profiles follow, each with a number of its own */
};

/* 0: no GPU. */
static uint32_t tag_of(const struct pack_form *form) {
  switch ((enum pack_kind)form->kind) {
  case PACK_CPU:
    break;
  case PACK_FRACTION:
  case PACK_REPLICAS:
    return TAG_SHARE;
  case PACK_WHOLE:
    return TAG_SHARE + 2 * (uint32_t)form->count;
  case PACK_SLICES:
    return TAG_SHARE + 2 * (uint32_t)form->amount + 1;
  }
  return 0;
}

static int32_t quarters(const struct pack_node *node, uint32_t tag) {
  bool mine = false, others = false;
  for (uint32_t i = 0; i < node->pod_count; i++) {
    uint32_t of_pod = tag_of(&node->pods[i].form);
    mine |= of_pod == tag;
    others |= of_pod != tag && of_pod != 0;
  }
  if (mine)
    return others ? 2 : 3;
  return others ? 0 : 1;
}

static bool score_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  if (!pack_place_plain(view->catalog, node, request, form, placement))
    return false;
  *ret_score = 0;
  uint32_t tag = tag_of(&request->forms[form]);
  if (tag == 0)
    return true;
  int64_t base =
      pack_floor_div(QUARTER * (ARTIFACT_GPU_MILLI - pack_free_milli(node)), ARTIFACT_GPU_MILLI);
  *ret_score = pack_clamp_score(base + QUARTER * quarters(node, tag));
  return true;
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(score_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_clustering = {
    .name = "clustering",
    .summary = "nodes with pods of the same kind (share, one GPU, two GPUs, profile) first",
    .looks_at_pods = true,
    .score = score,
};

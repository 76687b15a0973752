/* SPDX-License-Identifier: Apache-2.0 */
/* What the baseline policies share beside ranks: forms and sums. */
#include "src/packing/baseline.h"

bool pack_best_form(pack_form_score_fn *score_form, const struct pack_view *view,
                    const struct pack_node *node, const struct pack_request *request,
                    struct pack_cell *ret, struct pack_placement *placement) {
  struct pack_placement trial;
  bool found = false;
  int32_t best = 0;
  for (uint8_t form = 0; form < request->form_count; form++) {
    int32_t score;
    if (!score_form(view, node, request, form, &score, &trial) || (found && score <= best))
      continue;
    found = true;
    best = score;
    if (placement != NULL) {
      trial.node = placement->node; /* the caller's */
      *placement = trial;
    }
  }
  if (found)
    *ret = (struct pack_cell){.score = best};
  return found;
}

bool pack_plain_form(const struct pack_view *view, const struct pack_node *node,
                     const struct pack_request *request, uint8_t form, int32_t *ret_score,
                     struct pack_placement *placement) {
  *ret_score = 0;
  return pack_place_plain(view->catalog, node, request, form, placement);
}

bool pack_slices_first_form(const struct pack_view *view, const struct pack_node *node,
                            const struct pack_request *request, uint8_t form, int32_t *ret_score,
                            struct pack_placement *placement) {
  enum { OTHERS = -PACK_SCORE_MAX / 2 }; /* below any growth */
  if (request->forms[form].kind == PACK_SLICES) {
    int64_t growth;
    if (!pack_place_least_growth(view->state, node, request, form, &growth, placement))
      return false;
    *ret_score = pack_clamp_score(-growth);
    return true;
  }
  if (!pack_bestfit_form(view, node, request, form, ret_score, placement))
    return false;
  *ret_score = pack_clamp_score((int64_t)OTHERS + *ret_score);
  return true;
}

int64_t pack_free_milli(const struct pack_node *node) {
  int64_t sum = 0;
  for (uint16_t i = 0; i < node->device_count; i++)
    sum += pack_device_free_milli(&node->devices[i]);
  return sum;
}

/* The first device that may serve the form, or NULL. */
static const struct pack_device *find_suitable(const struct pack_catalog *catalog,
                                               const struct pack_node *node,
                                               const struct pack_request *request,
                                               const struct pack_form *form) {
  for (uint16_t i = 0; i < node->device_count; i++) {
    if (pack_device_suits(catalog, &node->devices[i], request, form))
      return &node->devices[i];
  }
  return NULL;
}

int64_t pack_form_milli(const struct pack_catalog *catalog, const struct pack_node *node,
                        const struct pack_request *request, uint8_t form) {
  const struct pack_form *wanted = &request->forms[form];
  switch ((enum pack_kind)wanted->kind) {
  case PACK_CPU:
    break;
  case PACK_WHOLE:
    return (int64_t)wanted->count * PACK_MILLI;
  case PACK_FRACTION:
    return wanted->amount;
  case PACK_SLICES:
  case PACK_REPLICAS: {
    const struct pack_device *device = find_suitable(catalog, node, request, wanted);
    if (device == NULL)
      break;
    int64_t amount = wanted->amount;
    if (wanted->kind == PACK_SLICES) {
      const struct pack_mig *mig = pack_catalog_mig(catalog, device->product);
      amount = (int64_t)wanted->count * mig->profiles[pack_mig_find(mig, wanted->amount)].size;
    }
    return amount * PACK_MILLI / device->size;
  }
  }
  return 0;
}

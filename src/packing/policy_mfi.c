/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MFI (arXiv 2511.18906): for a MIG request the GPU and start with the least growth of a
 * fragmentation score that knows no mix: the sum, over profiles no larger than the free slices
 * and over their legal starts, of the profile's size when an occupied slice touches the window.
 *
 * It says nothing of other requests: those are placed by best fit. Of alternatives slices come
 * first, since the two kinds of score do not compare.
 */
#include "src/packing/baseline.h"

static void *state_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)seed;
  struct pack_layout_costs *costs = pack_layout_costs_new(catalog);
  pack_layout_costs_set_mfi(costs);
  return costs;
}

static void state_free(void *state) {
  pack_layout_costs_free(state);
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(pack_slices_first_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_mfi = {
    .name = "mfi",
    .summary =
        "slices where a fragmentation score that knows no mix grows least (MFI); else best fit",
    .score = score,
    .state_new = state_new,
    .state_free = state_free,
};

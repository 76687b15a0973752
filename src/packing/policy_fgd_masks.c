/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FGD on masks: for a MIG request the GPU and start with the least growth of
 *
 *   F(layout) = sum over profiles m of p_m * (free slices - size_m * how many m still fit),
 *
 * p_m being the popularity of m in the learnt mix. Other requests are placed by best fit. Of
 * alternatives slices come first, since the two kinds of score do not compare.
 */
#include "src/packing/baseline.h"

static void *state_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)seed;
  static const struct pack_tables none;
  struct pack_layout_costs *costs = pack_layout_costs_new(catalog);
  pack_layout_costs_set_fgd(costs, &none);
  return costs;
}

static void state_free(void *state) {
  pack_layout_costs_free(state);
}

static void set_tables(void *state, const struct pack_view *view) {
  pack_layout_costs_set_fgd(state, view->tables);
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(pack_slices_first_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_fgd_masks = {
    .name = "fgd-masks",
    .summary = "slices where FGD's measure of MIG layouts grows least; else best fit",
    .score = score,
    .state_new = state_new,
    .state_free = state_free,
    .set_tables = set_tables,
};

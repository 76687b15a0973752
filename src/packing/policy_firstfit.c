/* SPDX-License-Identifier: Apache-2.0 */
/* First fit: every node is as good, so the first one wins; inside it the plain placement. */
#include "src/packing/baseline.h"

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(pack_plain_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_firstfit = {
    .name = "firstfit",
    .summary = "the first node that fits, its lowest device and start",
    .score = score,
};

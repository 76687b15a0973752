/* SPDX-License-Identifier: Apache-2.0 */
/* Round robin: the next node that fits after the one used last; inside it the plain placement. */
#include "src/packing/baseline.h"

#include <stdlib.h>

struct state {
  uint32_t next; /* the node after the last one used, by index */
};

static void *state_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)catalog;
  (void)seed;
  return mem_zalloc(sizeof(struct state));
}

static size_t pick(void *state, const uint32_t *nodes, size_t count, size_t cluster_count) {
  (void)cluster_count;
  struct state *cursor = state;
  size_t low = 0, high = count;
  while (low < high) { /* the first one that is not before the cursor */
    size_t middle = low + (high - low) / 2;
    if (nodes[middle] < cursor->next)
      low = middle + 1;
    else
      high = middle;
  }
  uint32_t picked = nodes[low < count ? low : 0];
  cursor->next = picked + 1;
  return picked;
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(pack_plain_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_roundrobin = {
    .name = "roundrobin",
    .summary = "the next node that fits after the one used last",
    .score = score,
    .state_new = state_new,
    .state_free = free,
    .pick = pick,
};

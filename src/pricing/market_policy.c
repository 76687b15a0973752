/* SPDX-License-Identifier: Apache-2.0 */
/* From values to bids, and layouts in the order of their bids. */
#include "src/pricing/market.h"

#include <stdlib.h>

struct ranked {
  double bid;
  uint16_t layout;
};

/* Best bid first, equal ones by number: a total order, so that any sort gives the same. */
static int compare_ranked(const void *a, const void *b) {
  const struct ranked *x = a, *y = b;
  if (x->bid != y->bid)
    return x->bid > y->bid ? -1 : 1;
  return (int)x->layout - (int)y->layout;
}

struct market_policy *market_policy_new(struct market *market) {
  size_t cells = (size_t)market->mig->layout_count * market->kind_count;
  struct market_policy *policy = arena_alloc(market->arena, sizeof *policy);
  policy->bids = arena_array(market->arena, cells, sizeof *policy->bids);
  policy->moves = arena_array(market->arena, cells, sizeof *policy->moves);
  policy->order = arena_array(market->arena, cells, sizeof *policy->order);
  policy->ranks = arena_array(market->arena, cells, sizeof *policy->ranks);
  policy->fit_counts = arena_array(market->arena, market->kind_count, sizeof *policy->fit_counts);
  return policy;
}

/* The best place among those of a cell, which are not none; the first of equal ones. */
static struct market_place best_place(const struct market *market, size_t cell,
                                      const double *values) {
  uint32_t best = market->place_first[cell];
  for (uint32_t i = best + 1; i < market->place_first[cell + 1]; i++)
    if (values[market->places[i].layout] > values[market->places[best].layout])
      best = i;
  return market->places[best];
}

void market_policy_set(struct market_policy *policy, const struct market *market,
                       const double *values) {
  uint16_t layout_count = market->mig->layout_count;
  CLEANUP_FREE struct ranked *ranked = mem_zalloc(layout_count * sizeof *ranked);
  for (uint16_t kind = 0; kind < market->kind_count; kind++) {
    size_t row = (size_t)kind * layout_count;
    uint16_t count = 0;
    for (uint16_t layout = 0; layout < layout_count; layout++) {
      size_t cell = market_cell(market, layout, kind);
      policy->ranks[cell] = PACK_NONE;
      if (market->place_first[cell] == market->place_first[cell + 1])
        continue;
      policy->moves[row + layout] = best_place(market, cell, values);
      policy->bids[row + layout] = values[policy->moves[row + layout].layout] - values[layout];
      ranked[count++] = (struct ranked){policy->bids[row + layout], layout};
    }
    qsort(ranked, count, sizeof *ranked, compare_ranked);
    policy->fit_counts[kind] = count;
    for (uint16_t rank = 0; rank < count; rank++) {
      policy->order[row + rank] = ranked[rank].layout;
      policy->ranks[market_cell(market, ranked[rank].layout, kind)] = rank;
    }
  }
}

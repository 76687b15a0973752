/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One GPU's own problem: what is each of its layouts worth, when it must outbid the others for
 * every instance? In a mean lifetime an instance departs once from each window, and kind p
 * arrives rate_p times; with b_p the GPU's own best bid and D_p the best bid of the others,
 *
 *   g = sum over windows w of h(l - w) - h(l)
 *     + sum over kinds p of rate_p * E[max(0, b_p - D_p)],   b_p + size_p where nobody else can,
 *
 * the same g for every layout l: slices that a GPU earns in a mean lifetime. Instances that
 * another GPU would take anyway earn nothing but the difference of bids.
 */
#include "src/pricing/market.h"

#include <math.h>

struct market_rivals *market_rivals_new(struct market *market) {
  struct arena *arena = market->arena;
  size_t layout_count = market->mig->layout_count;
  struct market_rivals *rivals = arena_alloc(arena, sizeof *rivals);
  rivals->kinds = arena_array(arena, market->kind_count, sizeof *rivals->kinds);
  for (uint16_t kind = 0; kind < market->kind_count; kind++) {
    rivals->kinds[kind].bids = arena_array(arena, layout_count, sizeof(double));
    rivals->kinds[kind].below = arena_array(arena, layout_count, sizeof(double));
    rivals->kinds[kind].paid = arena_array(arena, layout_count, sizeof(double));
  }
  return rivals;
}

void market_rivals_set(struct market_rivals *rivals, const struct market *market,
                       const struct market_policy *policy, const struct market_record *record,
                       double load, uint32_t gpus) {
  double rate = market_arrivals(market, load, gpus);
  for (uint16_t kind = 0; kind < market->kind_count; kind++) {
    size_t row = (size_t)kind * market->mig->layout_count;
    double arrived = record->arrived[kind] > 0 ? record->arrived[kind] : 1;
    double below = 0, paid = 0;
    uint16_t count = 0;
    for (uint16_t rank = policy->fit_counts[kind]; rank-- > 0;) {
      uint16_t layout = policy->order[row + rank];
      double share = record->won[market_cell(market, layout, kind)] / arrived;
      if (share <= 0)
        continue;
      double bid = policy->bids[row + layout];
      below += share;
      paid += share * bid;
      rivals->kinds[kind].bids[count] = bid;
      rivals->kinds[kind].below[count] = below;
      rivals->kinds[kind].paid[count++] = paid;
    }
    rivals->kinds[kind].count = count;
    rivals->kinds[kind].refused = record->refused[kind] / arrived;
    rivals->kinds[kind].rate = rate * market->kinds[kind].share;
  }
}

/* ---- one layout's equation ----------------------------------------------------------------- */

/* All ways out of a layout. */
struct ways {
  double gain; /* the right side of the equation */
  double rate; /* how often the layout is left, in a mean lifetime */
  struct way {
    double rate;
    uint16_t layout;
  } kinds[PACK_PROFILES_MAX]; /* instances that the GPU wins */
};

/* What an instance of this kind brings in the mean, at this bid; *ret_share of them are won. */
static double surplus(const struct market_rivals *rivals, uint16_t kind, double bid, double size,
                      double *ret_share) {
  const double *bids = rivals->kinds[kind].bids;
  size_t low = 0, high = rivals->kinds[kind].count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (bids[middle] < bid)
      low = middle + 1;
    else
      high = middle;
  }
  double below = low ? rivals->kinds[kind].below[low - 1] : 0;
  double paid = low ? rivals->kinds[kind].paid[low - 1] : 0;
  double refused = rivals->kinds[kind].refused;
  *ret_share = refused + below;
  return refused * (bid + size) + below * bid - paid;
}

static void find_ways(const struct market *market, const struct market_rivals *rivals,
                      const double *values, uint16_t layout, struct ways *ret) {
  double value = values[layout];
  ret->gain = 0;
  ret->rate = market->window_first[layout + 1] - market->window_first[layout];
  for (uint32_t i = market->window_first[layout]; i < market->window_first[layout + 1]; i++)
    ret->gain += values[market->windows[i]] - value;
  for (uint16_t kind = 0; kind < market->kind_count; kind++) {
    size_t cell = market_cell(market, layout, kind);
    uint32_t i = market->place_first[cell], end = market->place_first[cell + 1];
    ret->kinds[kind] = (struct way){0};
    if (i == end)
      continue;
    uint16_t best = market->places[i].layout;
    for (i++; i < end; i++)
      if (values[market->places[i].layout] > values[best])
        best = market->places[i].layout;
    double share, rate = rivals->kinds[kind].rate;
    ret->gain +=
        rate * surplus(rivals, kind, values[best] - value, market->kinds[kind].size, &share);
    ret->kinds[kind] = (struct way){rate * share, best};
    ret->rate += rate * share;
  }
}

/* ---- all of them --------------------------------------------------------------------------- */

struct sweep {
  double *changes;    /* [layout] */
  double *stay_rates; /* [layout] */
  double *visits;     /* [layout]: after the sweep */
};

/*
 * One step towards the solution, of every layout at once; the largest change is returned. A
 * step is as long as the GPU stays in the layout. For g the mean over the layouts is taken
 * where this GPU would really be: with any other mean the steps need not settle.
 */
static double step(const struct market *market, const struct market_rivals *rivals,
                   struct sweep *sweep, double *values, double *visits) {
  const double damping = 0.6;    /* of every step */
  const double least_rate = 0.1; /* layouts that are hardly left */
  uint16_t layout_count = market->mig->layout_count;
  double gain = 0, time = 0, largest = 0;
  memset(sweep->visits, 0, layout_count * sizeof *sweep->visits);
  for (uint16_t layout = 0; layout < layout_count; layout++) {
    struct ways ways;
    find_ways(market, rivals, values, layout, &ways);
    double rate = ways.rate > least_rate ? ways.rate : least_rate;
    double stay = visits[layout] / rate, moved = damping * stay;
    sweep->changes[layout] = ways.gain;
    sweep->stay_rates[layout] = rate;
    gain += stay * ways.gain;
    time += stay;
    sweep->visits[layout] += visits[layout] - moved * ways.rate;
    for (uint32_t i = market->window_first[layout]; i < market->window_first[layout + 1]; i++)
      sweep->visits[market->windows[i]] += moved;
    for (uint16_t kind = 0; kind < market->kind_count; kind++)
      sweep->visits[ways.kinds[kind].layout] += moved * ways.kinds[kind].rate;
  }
  for (uint16_t layout = 0; layout < layout_count; layout++) {
    double change = (sweep->changes[layout] - gain / time) / sweep->stay_rates[layout];
    values[layout] += damping * change;
    largest = fmax(largest, fabs(change));
  }
  memcpy(visits, sweep->visits, layout_count * sizeof *visits);
  return largest;
}

void market_solve(const struct market *market, const struct market_rivals *rivals, double *values,
                  double *visits) {
  const double close = 1e-4; /* slices */
  const unsigned steps_max = 40;
  uint16_t layout_count = market->mig->layout_count;
  CLEANUP_FREE double *room = mem_zalloc(3 * (size_t)layout_count * sizeof *room);
  struct sweep sweep = {room, room + layout_count, room + 2 * (size_t)layout_count};
  for (unsigned i = 0; i < steps_max; i++)
    if (step(market, rivals, &sweep, values, visits) < close)
      break;
  double empty = values[0];
  for (uint16_t layout = 0; layout < layout_count; layout++)
    values[layout] -= empty;
}

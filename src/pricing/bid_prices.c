/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bid prices of a divisible device: the dual of the bin-packing LP
 *
 *   minimise sum x_a  over patterns a (multisets of sizes that fit one bin)
 *   subject to        sum a_s x_a >= b_s for every size s
 *
 * by column generation (Gilmore and Gomory, 1961): the duals pi_s of the present patterns price
 * the sizes, a knapsack finds the pattern that is worth most at these prices, and while it is
 * worth more than a bin it enters. What a remainder r is worth is the best knapsack in r.
 */
#include "slicegate/pricing.h"

#include <stdlib.h>

struct master {
  size_t count; /* sizes */
  const uint16_t *sizes;
  const double *demand;
  uint16_t capacity;
  double *inverse;   /* of the basis, count * count, row by row */
  double *bins;      /* [row]: bins of the pattern in that row */
  double *prices;    /* [size] */
  double *column;    /* scratch */
  uint16_t *pattern; /* [size]: the entering one */
  double *worth;     /* [0..capacity]: knapsack */
  uint16_t *last;    /* [0..capacity]: size that was put in last, count: none */
};

static void knapsack(struct master *m) {
  const double tiny = 1e-12;
  m->worth[0] = 0;
  m->last[0] = (uint16_t)m->count;
  for (size_t r = 1; r <= m->capacity; r++) {
    m->worth[r] = m->worth[r - 1];
    m->last[r] = (uint16_t)m->count; /* one unit stays empty */
    for (size_t s = 0; s < m->count; s++) {
      if (m->sizes[s] > r || m->prices[s] <= 0)
        continue;
      double with = m->worth[r - m->sizes[s]] + m->prices[s];
      if (with > m->worth[r] + tiny) {
        m->worth[r] = with;
        m->last[r] = (uint16_t)s;
      }
    }
  }
}

static void read_pattern(struct master *m) {
  memset(m->pattern, 0, m->count * sizeof(*m->pattern));
  size_t r = m->capacity;
  while (r > 0) {
    if (m->last[r] == m->count) {
      r--;
      continue;
    }
    m->pattern[m->last[r]]++;
    r -= m->sizes[m->last[r]];
  }
}

/* Prices are the basis' duals: every pattern costs one bin. */
static void set_prices(struct master *m) {
  for (size_t s = 0; s < m->count; s++) {
    double sum = 0;
    for (size_t row = 0; row < m->count; row++)
      sum += m->inverse[row * m->count + s];
    m->prices[s] = sum > 0 ? sum : 0;
  }
}

/* Brings the pattern into the basis; false: it changes nothing. */
static bool pivot(struct master *m) {
  const double tiny = 1e-9;
  size_t n = m->count, leaving = n;
  double least = 0;
  for (size_t row = 0; row < n; row++) {
    double sum = 0;
    for (size_t s = 0; s < n; s++)
      sum += m->inverse[row * n + s] * m->pattern[s];
    m->column[row] = sum;
    if (sum > tiny && (leaving == n || m->bins[row] / sum < least)) {
      leaving = row;
      least = m->bins[row] / sum;
    }
  }
  if (leaving == n)
    return false;
  double *out = m->inverse + leaving * n, by = m->column[leaving];
  for (size_t s = 0; s < n; s++)
    out[s] /= by;
  m->bins[leaving] /= by;
  for (size_t row = 0; row < n; row++) {
    if (row == leaving)
      continue;
    double factor = m->column[row];
    for (size_t s = 0; s < n; s++)
      m->inverse[row * n + s] -= factor * out[s];
    m->bins[row] -= factor * m->bins[leaving];
  }
  return true;
}

static void solve(struct master *m) {
  const double enough = 1e-5;
  size_t rounds_max = 50 + 20 * m->count;
  for (size_t s = 0; s < m->count; s++) {
    unsigned fit = m->capacity / m->sizes[s];
    double of_one = fit;
    m->inverse[s * m->count + s] = 1 / of_one;
    m->bins[s] = m->demand[s] / of_one;
  }
  for (size_t round = 0; round < rounds_max; round++) {
    set_prices(m);
    knapsack(m);
    if (m->worth[m->capacity] <= 1 + enough)
      return;
    read_pattern(m);
    if (!pivot(m))
      return;
  }
}

void pricing_bid_prices(const uint16_t *sizes, const double *weights, size_t count,
                        uint16_t capacity, int32_t *ret, uint32_t *ret_waste_ppm) {
  *ret_waste_ppm = 0;
  if (count == 0) {
    for (size_t r = 0; r <= capacity; r++)
      ret[r] = (int32_t)((int64_t)PACK_MICRO * (int64_t)r / capacity);
    return;
  }
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  struct master m = {.count = count,
                     .sizes = sizes,
                     .demand = weights,
                     .capacity = capacity,
                     .inverse = arena_array(arena, count * count, sizeof(double)),
                     .bins = arena_array(arena, count, sizeof(double)),
                     .prices = arena_array(arena, count, sizeof(double)),
                     .column = arena_array(arena, count, sizeof(double)),
                     .pattern = arena_array(arena, count, sizeof(uint16_t)),
                     .worth = arena_array(arena, (size_t)capacity + 1, sizeof(double)),
                     .last = arena_array(arena, (size_t)capacity + 1, sizeof(uint16_t))};
  solve(&m);
  double whole = m.worth[capacity] > 0 ? m.worth[capacity] : 1;
  for (size_t r = 0; r <= capacity; r++)
    ret[r] = (int32_t)(m.worth[r] / whole * PACK_MICRO + 0.5);
  double bins = 0, filled = 0;
  for (size_t s = 0; s < count; s++) {
    bins += m.bins[s];
    filled += weights[s] * sizes[s] / capacity;
  }
  if (bins > filled)
    *ret_waste_ppm = (uint32_t)((1 - filled / bins) * 1e6);
}

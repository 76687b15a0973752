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

/* A size that the knapsack makes use of, at its present price. */
struct item {
  double price;
  uint16_t s, size;
};

struct master {
  size_t count; /* sizes */
  const uint16_t *sizes;
  const double *demand;
  uint16_t capacity;
  uint16_t *ascending; /* sizes in order, the smallest first */
  double *inverse;     /* of the basis, count * count, row by row */
  double *bins;        /* [row]: bins of the pattern in that row */
  double *prices;      /* [size]: the basis' duals, every pattern costing one bin */
  double *column;      /* scratch */
  uint16_t *pattern;   /* [size]: the entering one */
  struct item *items;  /* scratch of the knapsack */
  double *worth;       /* [0..capacity]: knapsack */
  uint16_t *last;      /* [0..capacity]: size that was put in last, count: none */
};

static void sort_sizes(struct master *m) {
  for (size_t n = 0; n < m->count; n++) {
    size_t at = n;
    for (; at > 0 && m->sizes[m->ascending[at - 1]] > m->sizes[n]; at--)
      m->ascending[at] = m->ascending[at - 1];
    m->ascending[at] = (uint16_t)n;
  }
}

/* Items stand in the order of sizes: of equally good ones the first is taken. */
static void add_item(const struct master *m, uint16_t s, size_t count) {
  size_t at = count;
  for (; at > 0 && m->items[at - 1].s > s; at--)
    m->items[at] = m->items[at - 1];
  m->items[at] = (struct item){m->prices[s], s, m->sizes[s]};
}

/*
 * A size that is not dearer than what fits into one unit less is of no use anywhere: the smaller
 * ones in its place are worth as much. Of hundreds of sizes only a few are left.
 */
static void knapsack(struct master *m) {
  const double tiny = 1e-12;
  size_t next = 0, count = 0;
  m->worth[0] = 0;
  m->last[0] = (uint16_t)m->count;
  for (size_t r = 1; r <= m->capacity; r++) {
    double most = m->worth[r - 1];
    uint16_t last = (uint16_t)m->count; /* one unit stays empty */
    for (; next < m->count && m->sizes[m->ascending[next]] == r; next++)
      if (m->prices[m->ascending[next]] > most + tiny)
        add_item(m, m->ascending[next], count++);
    for (size_t i = 0; i < count; i++) {
      double with = m->worth[r - m->items[i].size] + m->items[i].price;
      if (with > most + tiny) {
        most = with;
        last = m->items[i].s;
      }
    }
    m->worth[r] = most;
    m->last[r] = last;
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

/* The pattern in terms of the basis. Most patterns are of two or three sizes. */
static void set_column(struct master *m) {
  memset(m->column, 0, m->count * sizeof(*m->column));
  for (size_t s = 0; s < m->count; s++)
    for (size_t row = 0; m->pattern[s] && row < m->count; row++)
      m->column[row] += m->inverse[row * m->count + s] * m->pattern[s];
}

/* Brings the pattern into the basis; false: it changes nothing. */
static bool pivot(struct master *m) {
  const double tiny = 1e-9;
  size_t n = m->count, leaving = n;
  double least = 0, worth = 0; /* of the pattern, at the present prices */
  set_column(m);
  for (size_t row = 0; row < n; row++)
    worth += m->column[row];
  for (size_t row = 0; row < n; row++)
    if (m->column[row] > tiny && (leaving == n || m->bins[row] / m->column[row] < least)) {
      leaving = row;
      least = m->bins[row] / m->column[row];
    }
  if (leaving == n)
    return false;
  double *out = m->inverse + leaving * n, by = m->column[leaving];
  for (size_t s = 0; s < n; s++) {
    out[s] /= by;
    m->prices[s] += (1 - worth) * out[s];
  }
  m->bins[leaving] /= by;
  for (size_t row = 0; row < n; row++) {
    double factor = m->column[row];
    if (row == leaving || factor == 0) /* most rows have nothing to do with it */
      continue;
    for (size_t s = 0; s < n; s++)
      m->inverse[row * n + s] -= factor * out[s];
    m->bins[row] -= factor * m->bins[leaving];
  }
  return true;
}

static void solve(struct master *m) {
  const double enough = 1e-5;
  size_t rounds_max = 50 + 20 * m->count;
  sort_sizes(m);
  for (size_t s = 0; s < m->count; s++) {
    unsigned fit = m->capacity / m->sizes[s];
    double of_one = fit;
    m->inverse[s * m->count + s] = 1 / of_one;
    m->bins[s] = m->demand[s] / of_one;
    m->prices[s] = 1 / of_one;
  }
  for (size_t round = 0; round < rounds_max; round++) {
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
                     .ascending = arena_array(arena, count, sizeof(uint16_t)),
                     .inverse = arena_array(arena, count * count, sizeof(double)),
                     .bins = arena_array(arena, count, sizeof(double)),
                     .prices = arena_array(arena, count, sizeof(double)),
                     .column = arena_array(arena, count, sizeof(double)),
                     .pattern = arena_array(arena, count, sizeof(uint16_t)),
                     .items = arena_array(arena, count, sizeof(struct item)),
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

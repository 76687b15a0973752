/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upper bound on what any policy can have placed when nothing departs, moves and refusals
 * included: the linear programme over the maximal multisets of one GPU.
 *
 *   maximise   sum size[p] * a[p]                accepted instances of p, in slices
 *   such that  a[p] <= arrived[p]
 *              a[p] <= sum over c of y[c] * count[c][p]      y[c] GPUs are cut as c
 *              sum y[c] <= gpus
 *
 * Solved by the simplex method on a dense table: a few dozen columns. It starts at zero, which
 * is feasible, and takes the first improving column and the first tight row (Bland's rule),
 * so that ties cannot make it turn in circles.
 */
#include "src/simulate/mig.h"

#include <math.h>
#include <stdlib.h>

#define TINY 1e-9

/* rows + 1 by columns + rows + 1: constraints with a slack each; the last row is the objective,
 * the last column the right-hand side. */
struct table {
  size_t rows, columns, width;
  double *cells;
  size_t *basis; /* [row]: the variable that it determines */
};

static double *cell(struct table *t, size_t row, size_t column) {
  return &t->cells[row * t->width + column];
}

static void table_init(struct table *t, size_t rows, size_t columns) {
  *t = (struct table){.rows = rows, .columns = columns, .width = columns + rows + 1};
  t->cells = mem_zalloc((rows + 1) * t->width * sizeof(*t->cells));
  t->basis = mem_zalloc(rows * sizeof(*t->basis));
  for (size_t i = 0; i < rows; i++) {
    *cell(t, i, columns + i) = 1;
    t->basis[i] = columns + i;
  }
}

static void table_done(struct table *t) {
  free(t->cells);
  free(t->basis);
}

static void pivot(struct table *t, size_t row, size_t column) {
  double by = *cell(t, row, column);
  for (size_t j = 0; j < t->width; j++)
    *cell(t, row, j) /= by;
  for (size_t i = 0; i <= t->rows; i++) {
    double times = *cell(t, i, column);
    if (i == row || fabs(times) < TINY)
      continue;
    for (size_t j = 0; j < t->width; j++)
      *cell(t, i, j) -= times * *cell(t, row, j);
  }
  t->basis[row] = column;
}

/* The row that limits the column most, of equal ones that with the lowest variable; `rows` when
 * none does. */
static size_t find_tight_row(struct table *t, size_t column) {
  size_t best = t->rows;
  double least = INFINITY;
  for (size_t i = 0; i < t->rows; i++) {
    double slope = *cell(t, i, column);
    if (slope < TINY)
      continue;
    double ratio = *cell(t, i, t->width - 1) / slope;
    if (ratio < least - TINY ||
        (ratio < least + TINY && best < t->rows && t->basis[i] < t->basis[best])) {
      least = ratio;
      best = i;
    }
  }
  return best;
}

static double maximise(struct table *t) {
  for (;;) {
    size_t column = 0;
    while (column + 1 < t->width && *cell(t, t->rows, column) < TINY)
      column++;
    if (column + 1 == t->width)
      break;
    size_t row = find_tight_row(t, column);
    if (row == t->rows)
      break; /* cannot be: every variable is bounded */
    pivot(t, row, column);
  }
  return -*cell(t, t->rows, t->width - 1);
}

double mig_bound(const struct mig_multisets *maximal, const uint8_t *sizes, const uint32_t *arrived,
                 size_t wanted_count, uint32_t gpus) {
  struct table t;
  table_init(&t, 2 * wanted_count + 1, wanted_count + maximal->count);
  for (size_t p = 0; p < wanted_count; p++) {
    *cell(&t, p, p) = 1;
    *cell(&t, p, t.width - 1) = arrived[p];
    *cell(&t, wanted_count + p, p) = 1;
    for (size_t c = 0; c < maximal->count; c++)
      *cell(&t, wanted_count + p, wanted_count + c) = -(double)maximal->counts[c][p];
    *cell(&t, t.rows, p) = sizes[p];
  }
  for (size_t c = 0; c < maximal->count; c++)
    *cell(&t, t.rows - 1, wanted_count + c) = 1;
  *cell(&t, t.rows - 1, t.width - 1) = gpus;
  double slices = maximise(&t);
  table_done(&t);
  return slices;
}

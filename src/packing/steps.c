/* SPDX-License-Identifier: Apache-2.0 */
#include "src/packing/steps.h"

#include <stdlib.h>

static int compare_i64(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static size_t sort_distinct(int64_t *values, size_t count) {
  if (count == 0)
    return 0;
  qsort(values, count, sizeof(*values), compare_i64);
  size_t kept = 1;
  for (size_t i = 1; i < count; i++)
    if (values[i] != values[kept - 1])
      values[kept++] = values[i];
  return kept;
}

void steps_set(struct steps *steps, int64_t *owned, size_t count) {
  steps_done(steps);
  steps->needs = owned;
  steps->count = sort_distinct(owned, count);
  uint16_t at = 0;
  for (unsigned slot = 0; slot <= STEPS_SLOTS; slot++) {
    while (at < steps->count && steps_slot((uint64_t)owned[at]) < slot)
      at++;
    steps->first[slot] = at;
  }
}

void steps_done(struct steps *steps) {
  free(steps->needs);
  *steps = (struct steps){0};
}

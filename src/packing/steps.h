/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many of hundreds of needs an amount meets, asked millions of times: a table tells where to
 * begin, and mostly that is the answer.
 */
#ifndef SLICEGATE_PACKING_STEPS_H
#define SLICEGATE_PACKING_STEPS_H

#include <stddef.h>
#include <stdint.h>

/* Amounts belong to slots that are as wide as 2^-STEPS_BITS of what they begin at. */
enum { STEPS_BITS = 5, STEPS_SLOTS = (64 - STEPS_BITS) << STEPS_BITS };
struct steps {
  int64_t *needs; /* distinct, ascending */
  size_t count;
  uint16_t first[STEPS_SLOTS + 1]; /* [slot]: the first need of that slot or a later one */
};

static inline unsigned steps_slot(uint64_t amount) {
  unsigned top = 63 - (unsigned)__builtin_clzll(amount | 1);
  if (top < STEPS_BITS)
    return (unsigned)amount;
  unsigned shift = top - STEPS_BITS;
  return (shift << STEPS_BITS) + (unsigned)(amount >> shift);
}

/* Takes other needs, each 0 or more: `owned` is sorted and taken over. */
void steps_set(struct steps *steps, int64_t *owned, size_t count);
void steps_done(struct steps *steps);

/* How many needs are at most `amount`. */
static inline uint32_t steps_met(const struct steps *steps, int64_t amount) {
  if (steps->count == 0 || amount < steps->needs[0])
    return 0;
  if (amount >= steps->needs[steps->count - 1])
    return (uint32_t)steps->count;
  unsigned slot = steps_slot((uint64_t)amount);
  uint32_t low = steps->first[slot], left = steps->first[slot + 1] - low;
  while (left) { /* without a branch that depends on the amount */
    uint32_t half = left / 2, more = steps->needs[low + half] <= amount ? half + 1 : 0;
    low += more;
    left = more ? left - more : half;
  }
  return low;
}

#endif

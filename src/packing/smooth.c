/* SPDX-License-Identifier: Apache-2.0 */
#include "src/packing/smooth.h"

enum { ONE_BITS = 30, POWER_SQUARINGS = 4 }; /* x^16 is x squared four times */
static const int64_t one = INT64_C(1) << ONE_BITS;

static uint64_t square_root(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
    if ((root + bit) * (root + bit) <= x)
      root += bit;
  return root;
}

void smooth_init(struct smooth *smooth) {
  for (int i = 0; i <= SMOOTH_STEPS + 1; i++) {
    /* T and its roots in 2^-60: a square root of that is in 2^-30. */
    uint64_t root = (uint64_t)(one + 2 * one * i / SMOOTH_STEPS);
    for (int k = 0; k < POWER_SQUARINGS; k++)
      root = square_root(root << ONE_BITS);
    smooth->roots[i] = (int64_t)((UINT64_C(1) << (2 * ONE_BITS)) / root);
  }
}

/* (low / value)^16, in 2^-30. */
static int64_t power_of_ratio(int64_t low, int64_t value) {
  if (value == low)
    return one;
  if (low <= value / 4) /* below 2^-32 */
    return 0;
  int64_t ratio = (low << ONE_BITS) / value;
  for (int k = 0; k < POWER_SQUARINGS; k++)
    ratio = (ratio * ratio) >> ONE_BITS;
  return ratio;
}

int64_t smooth_min(const struct smooth *smooth, int64_t w, int64_t c, int64_t m) {
  int64_t low = w < c ? w : c;
  low = m < low ? m : low;
  if (low <= 0)
    return low;
  /* The largest of the three powers is 1 after dividing by it: T is in [1, 3]. */
  int64_t sum = power_of_ratio(low, w) + power_of_ratio(low, c) + power_of_ratio(low, m);
  int64_t scaled = (sum - one) * SMOOTH_STEPS / 2;
  int64_t step = scaled >> ONE_BITS, rest = scaled & (one - 1);
  int64_t here = smooth->roots[step], next = smooth->roots[step + 1];
  int64_t root = here + (((next - here) * rest) >> ONE_BITS);
  return (low * root) >> ONE_BITS;
}

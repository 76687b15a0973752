/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A smooth minimum in integers: what a node is worth when its GPUs, its CPU and its memory are
 * worth so much each, taken for themselves.
 *
 *   V = (w^-p + c^-p + m^-p)^(-1/p), p = 16
 *
 * With CPU to spare it is w, with GPUs to spare it is c, and near the edge where both run out
 * it is a little less than either (at w = c: 0.9576 w), so that a placement is drawn back before
 * it strands one of them.
 */
#ifndef SLICEGATE_PACKING_SMOOTH_H
#define SLICEGATE_PACKING_SMOOTH_H

#include <stdint.h>

enum { SMOOTH_STEPS = 512 };
struct smooth {
  int64_t roots[SMOOTH_STEPS + 2]; /* [i]: T^(-1/16) in 2^-30, T = 1 + 2 * i / SMOOTH_STEPS */
};
void smooth_init(struct smooth *smooth);

/* INT64_MAX for what does not limit. The least of them when that is 0 or below: there are layouts
 * that stand in the way of more than they hold. Values below 2^31. */
int64_t smooth_min(const struct smooth *smooth, int64_t w, int64_t c, int64_t m);

#endif

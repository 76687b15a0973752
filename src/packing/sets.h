/* SPDX-License-Identifier: Apache-2.0 */
/* How often a set of pods fits on nodes, when all that counts are sums: a search on vectors. */
#ifndef SLICEGATE_PACKING_SETS_H
#define SLICEGATE_PACKING_SETS_H

#include "slicegate/packing.h"

enum { SETS_KINDS_MAX = PACK_SET_PARTS_MAX }; /* of pods in a set: bits of a mask */

/* Axes: the devices first, then everything else, what is scarcest first. */
struct sets_problem {
  size_t node_count, kind_count, axis_count, device_axis_count;
  const int64_t *left;    /* [node * axis_count + axis]; below 0: observed excess */
  const int64_t *asks;    /* [kind * axis_count + axis], of one pod */
  const uint64_t *counts; /* [kind]: pods of it in one set, at least 1 */
  const uint64_t *takers; /* [node]: bit k: selectors and taints let kind k in */
};
struct sets_found {
  uint64_t sets;
  bool is_most;   /* for certain no more fit; never when `most` ended the search */
  size_t lacking; /* the kind of the next set that had no room; SIZE_MAX: `most` was reached */
};
void sets_find(const struct sets_problem *problem, uint64_t most, struct sets_found *ret);

#endif

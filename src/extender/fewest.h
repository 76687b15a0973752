/* SPDX-License-Identifier: Apache-2.0 */
/* The fewest of some items that together give what is needed of several things. Numbers only. */
#ifndef SLICEGATE_EXTENDER_FEWEST_H
#define SLICEGATE_EXTENDER_FEWEST_H

#include "slicegate/base.h"

enum { FEWEST_KINDS = 4, FEWEST_MOST = 32 };

struct fewest_item {
  int64_t gives[FEWEST_KINDS]; /* none below 0 or above 2^50 */
};
struct fewest {
  const struct fewest_item *items; /* the one that is missed least in front */
  size_t count;
  int64_t needs[FEWEST_KINDS]; /* 0 or less: nothing */
};

/*
 * Of the smallest sets that do the one whose most missed item is missed least, then the second
 * most missed one, and so on; no more than `most` items. Marks them, and returns how many;
 * SIZE_MAX: there is no such set, or *steps, which goes down as it searches, has come to 0, or it
 * would have more than FEWEST_MOST items, which sets *steps to 0 as well.
 */
size_t fewest_find(const struct fewest *ask, size_t most, size_t *steps, struct arena *arena,
                   bool *is_in);
/* Some set that does, made by taking what gives most of all that is still needed, and without
 * anything that it can do without. SIZE_MAX: not even all of them do. */
size_t fewest_grab(const struct fewest *ask, bool *is_in);

#endif

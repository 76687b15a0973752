/* SPDX-License-Identifier: Apache-2.0 */
/* What mig.c, mig_bags.c and mig_hold.c share: which bags of instances one GPU holds. */
#ifndef SLICEGATE_PACKING_MIG_INTERNAL_H
#define SLICEGATE_PACKING_MIG_INTERNAL_H

#include "slicegate/packing.h"

/*
 * Profiles that can stand for each other are of one kind: the same windows and no limit of their
 * own ("1g.24gb", "1g.24gb-me"). A limited one is a kind by itself. The kinds that are hardest
 * to place come first: large ones, then those with few starts.
 */
struct mig_hold {
  uint16_t kind_count;
  const uint16_t *kind_of; /* [profile]; PACK_NONE: it has no placement */
  const uint8_t *sizes;    /* [kind] */
  /* The bags of instances that fill a GPU (none can be added), without those that are part of
   * another. [bag * kind_count + kind] */
  const uint8_t *bags;
  size_t bag_count;
  /* No GPU holds more than `most` of what a bound weighs. [bound * kind_count + kind] */
  const uint8_t *bound_weights;
  const uint32_t *bound_most;
  size_t bound_count;
  const uint8_t *roles; /* [profile], of the closed test; NULL: another geometry */
};

/* A pack_mig with what only pack_mig_can_hold reads, in one arena. */
struct mig_tables {
  struct pack_mig mig; /* first: handed out */
  struct mig_hold hold;
  struct arena *arena;
};

/* False: one GPU can be filled in too many ways to list them. */
bool mig_hold_init(struct mig_hold *hold, const struct pack_mig *mig,
                   struct arena *arena) SG_MUST_CHECK;

/* Of every profile in the closed test; NULL: another geometry. */
const uint8_t *mig_find_roles(const struct pack_mig *mig, struct arena *arena);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which instances to create on empty GPUs for a demand mix. First how many of each profile: one
 * more of whichever is furthest behind its share, as long as the exact packing test says that
 * the GPUs can hold them. Then which GPU gets what: groups of GPUs that are cut alike, as large
 * as can be, because that is what people like to read and to configure.
 */
#include "slicegate/pricing.h"

#include <stdlib.h>

enum { BAGS_MAX = 1 << 14 }; /* different sets of instances of one GPU that are considered */

struct proposal {
  const struct pack_mig *mig;
  const double *weights;
  uint32_t gpus;                      /* not cut yet */
  uint32_t counts[PACK_PROFILES_MAX]; /* instances for them */
  bool is_closed[PACK_PROFILES_MAX];  /* not asked for, or not one more can be held */
};

/* ---- how many ------------------------------------------------------------------------------ */

/* The open profile that is furthest behind; PACK_NONE: all are closed. Equal ones: the first. */
static uint16_t next_profile(const struct proposal *proposal, const uint32_t *counts) {
  uint16_t next = PACK_NONE;
  double least = 0;
  for (uint16_t p = 0; p < proposal->mig->profile_count; p++) {
    if (proposal->is_closed[p])
      continue;
    double filled = (counts[p] + 1.0) / proposal->weights[p];
    if (next != PACK_NONE && filled >= least)
      continue;
    next = p;
    least = filled;
  }
  return next;
}

/* Adds `steps` instances, one after the other; the profile of the last one. */
static uint16_t add_steps(const struct proposal *proposal, uint32_t steps, uint32_t *counts) {
  uint16_t p = PACK_NONE;
  memcpy(counts, proposal->counts, sizeof proposal->counts);
  for (uint32_t i = 0; i < steps; i++) {
    p = next_profile(proposal, counts);
    counts[p]++;
  }
  return p;
}

/* Adds instances until one does not fit, and closes its profile. */
static void add_until_full(struct proposal *proposal) {
  uint32_t counts[PACK_PROFILES_MAX];
  /* `fits` steps can be held, `fails` steps cannot: each instance takes a slice. */
  uint32_t fits = 0, fails = proposal->gpus * proposal->mig->axis + 1;
  while (fits + 1 < fails) {
    uint32_t middle = fits + (fails - fits) / 2;
    add_steps(proposal, middle, counts);
    if (pack_mig_can_hold(proposal->mig, counts, proposal->gpus))
      fits = middle;
    else
      fails = middle;
  }
  uint16_t failed = add_steps(proposal, fails, counts);
  counts[failed]--;
  memcpy(proposal->counts, counts, sizeof counts);
  proposal->is_closed[failed] = true;
}

/* ---- bags of one GPU ----------------------------------------------------------------------- */

struct bags {
  size_t width, count;
  uint8_t *items; /* [bag * width + profile] */
};

/* All bags that begin with those of the profiles before p. */
static void list_bags(const struct proposal *proposal, struct bags *bags, uint16_t p,
                      uint32_t *bag) {
  if (bags->count == BAGS_MAX)
    return;
  if (p == bags->width) {
    for (size_t i = 0; i < bags->width; i++)
      bags->items[bags->count * bags->width + i] = (uint8_t)bag[i];
    bags->count++;
    return;
  }
  while (bag[p] < proposal->counts[p]) {
    bag[p]++;
    if (!pack_mig_can_hold(proposal->mig, bag, 1)) {
      bag[p]--;
      break;
    }
  }
  for (;; bag[p]--) { /* most first: full bags come early */
    list_bags(proposal, bags, (uint16_t)(p + 1), bag);
    if (bag[p] == 0)
      return;
  }
}

/* ---- which GPU gets what ------------------------------------------------------------------- */

static bool can_cut(const struct proposal *proposal, const uint8_t *bag, uint32_t times) {
  uint32_t rest[PACK_PROFILES_MAX];
  for (uint16_t p = 0; p < proposal->mig->profile_count; p++)
    rest[p] = proposal->counts[p] - bag[p] * times;
  return pack_mig_can_hold(proposal->mig, rest, proposal->gpus - times);
}

/* How many GPUs can be cut like this, when the others must hold what is left; at most `most`. */
static uint32_t count_cuts(const struct proposal *proposal, const uint8_t *bag, uint32_t most) {
  uint32_t fits = 0, fails = most + 1;
  while (fits + 1 < fails) {
    uint32_t middle = fits + (fails - fits) / 2;
    if (can_cut(proposal, bag, middle))
      fits = middle;
    else
      fails = middle;
  }
  return fits;
}

static uint32_t slices_of(const struct pack_mig *mig, const uint8_t *bag) {
  uint32_t slices = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++)
    slices += (uint32_t)bag[p] * mig->profiles[p].size;
  return slices;
}

/* Times that the bag is in what is left to do. */
static uint32_t count_contained(const struct proposal *proposal, const uint8_t *bag) {
  uint32_t times = proposal->gpus;
  for (uint16_t p = 0; p < proposal->mig->profile_count; p++)
    if (bag[p] && proposal->counts[p] / bag[p] < times)
      times = proposal->counts[p] / bag[p];
  return times;
}

/* The bag that settles most slices at once; SIZE_MAX: nothing is left to do. */
static size_t best_cut(const struct proposal *proposal, const struct bags *bags,
                       uint32_t *ret_times) {
  size_t best = SIZE_MAX;
  uint64_t most = 0;
  for (size_t i = 0; i < bags->count; i++) {
    const uint8_t *bag = bags->items + i * bags->width;
    uint64_t slices = slices_of(proposal->mig, bag);
    uint32_t times = count_contained(proposal, bag);
    if (slices * times <= most)
      continue;
    times = count_cuts(proposal, bag, times);
    if (slices * times <= most)
      continue;
    most = slices * times;
    best = i;
    *ret_times = times;
  }
  return best;
}

void pricing_mig_layout(const struct pack_mig *mig, const double *weights, uint32_t gpus,
                        uint8_t *ret) {
  size_t width = mig->profile_count;
  memset(ret, 0, gpus * width);
  CLEANUP_FREE struct proposal *proposal = mem_zalloc(sizeof *proposal);
  *proposal = (struct proposal){.mig = mig, .weights = weights, .gpus = gpus};
  for (size_t p = 0; p < width; p++)
    proposal->is_closed[p] = !(weights[p] > 0) || mig->profiles[p].start_count == 0;
  while (next_profile(proposal, proposal->counts) != PACK_NONE)
    add_until_full(proposal);
  struct bags bags = {.width = width, .items = mem_zalloc(BAGS_MAX * width)};
  uint32_t bag[PACK_PROFILES_MAX] = {0}, times = 0;
  list_bags(proposal, &bags, 0, bag);
  for (;;) {
    size_t best = best_cut(proposal, &bags, &times);
    if (best == SIZE_MAX)
      break;
    const uint8_t *items = bags.items + best * width;
    for (uint32_t i = 0; i < times; i++, ret += width)
      memcpy(ret, items, width);
    for (size_t p = 0; p < width; p++)
      proposal->counts[p] -= items[p] * times;
    proposal->gpus -= times;
  }
  free(bags.items);
}

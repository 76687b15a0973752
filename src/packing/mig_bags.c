/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one GPU of a product holds, for pack_mig_can_hold: kinds of profiles, the largest bags of
 * instances, and bounds that follow from them.
 */
#include "src/packing/mig_internal.h"

#include <stdlib.h>

enum {
  ARRANGEMENTS_MAX = 1 << 21, /* tried for the bags of one GPU */
  BOUND_KINDS_MAX = 8,        /* all sums over these kinds are bounded */
};

/* ---- bags of one GPU ----------------------------------------------------------------------- */

struct bag_search {
  const struct pack_mig *mig;
  const uint16_t *kind_profiles; /* [kind]: one of its profiles */
  uint16_t kind_count;
  uint8_t counts[PACK_PROFILES_MAX]; /* [kind] */
  uint32_t steps;
  uint8_t *bags;
  size_t bag_count, bag_cap;
};

static bool is_part_of(const uint8_t *a, const uint8_t *b, size_t kind_count) {
  for (size_t kind = 0; kind < kind_count; kind++)
    if (a[kind] > b[kind])
      return false;
  return true;
}

/* Keeps the bags free of those that are part of another. */
static void add_bag(struct bag_search *search) {
  size_t width = search->kind_count, kept = 0;
  for (size_t i = 0; i < search->bag_count; i++) {
    const uint8_t *bag = search->bags + i * width;
    if (is_part_of(search->counts, bag, width))
      return; /* nothing was dropped before: bags are no parts of each other */
    if (is_part_of(bag, search->counts, width))
      continue;
    memmove(search->bags + kept++ * width, bag, width);
  }
  if (kept == search->bag_cap) {
    search->bag_cap = search->bag_cap ? 2 * search->bag_cap : 64;
    search->bags = mem_realloc(search->bags, search->bag_cap * width);
  }
  memcpy(search->bags + kept * width, search->counts, width);
  search->bag_count = kept + 1;
}

/* All ways to add instances of this kind, at starts[i] and later, and of the kinds behind it. */
static bool arrange(struct bag_search *search, uint16_t kind, uint8_t i, uint16_t layout) {
  if (++search->steps > ARRANGEMENTS_MAX)
    return false;
  if (kind == search->kind_count) {
    add_bag(search);
    return true;
  }
  uint16_t p = search->kind_profiles[kind];
  const struct pack_mig_profile *profile = &search->mig->profiles[p];
  if (profile->limit == 0 || search->counts[kind] < profile->limit) {
    for (; i < profile->start_count; i++) {
      uint16_t next = pack_mig_next(search->mig, layout, p, i);
      if (next == PACK_NONE)
        continue;
      search->counts[kind]++;
      bool is_done = arrange(search, kind, (uint8_t)(i + 1), next);
      search->counts[kind]--;
      if (!is_done)
        return false;
    }
  }
  return arrange(search, (uint16_t)(kind + 1), 0, layout);
}

/* ---- kinds --------------------------------------------------------------------------------- */

static bool is_interchangeable(const struct pack_mig_profile *a, const struct pack_mig_profile *b) {
  return a->limit == 0 && b->limit == 0 && a->size == b->size && a->start_count == b->start_count &&
         memcmp(a->starts, b->starts, a->start_count) == 0;
}

/* Whether a is harder to place. */
static bool is_before(const struct pack_mig_profile *a, const struct pack_mig_profile *b) {
  if (a->size != b->size)
    return a->size > b->size;
  if (a->start_count != b->start_count)
    return a->start_count < b->start_count;
  return a->limit && !b->limit;
}

/* One profile of each kind, in the order of kinds. */
static uint16_t list_kinds(const struct pack_mig *mig, uint16_t *ret) {
  uint16_t count = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    const struct pack_mig_profile *profile = &mig->profiles[p];
    bool is_known = profile->start_count == 0;
    for (uint16_t kind = 0; kind < count && !is_known; kind++)
      is_known = is_interchangeable(profile, &mig->profiles[ret[kind]]);
    if (is_known)
      continue;
    uint16_t at = count++;
    for (; at > 0 && is_before(profile, &mig->profiles[ret[at - 1]]); at--)
      ret[at] = ret[at - 1];
    ret[at] = p;
  }
  return count;
}

static uint16_t kind_of_profile(const struct pack_mig *mig, const uint16_t *kind_profiles,
                                uint16_t kind_count, uint16_t p) {
  for (uint16_t kind = 0; kind < kind_count; kind++)
    if (kind_profiles[kind] == p ||
        is_interchangeable(&mig->profiles[p], &mig->profiles[kind_profiles[kind]]))
      return kind;
  return PACK_NONE;
}

/* ---- bounds -------------------------------------------------------------------------------- */

/* Instances and slices that a GPU can have of every set of kinds. */
static void fill_bounds(struct mig_hold *hold, struct arena *arena) {
  size_t width = hold->kind_count;
  size_t set_count = (size_t)1 << (width < BOUND_KINDS_MAX ? width : BOUND_KINDS_MAX);
  uint8_t *weights = arena_array(arena, 2 * set_count * width, sizeof *weights);
  uint32_t *most = arena_array(arena, 2 * set_count, sizeof *most);
  for (size_t bound = 0; bound < 2 * set_count; bound++) {
    size_t set = bound / 2;
    uint8_t *weight = weights + bound * width;
    for (size_t kind = 0; kind < width; kind++) /* kinds beyond the sets: in the full set only */
      if (kind < BOUND_KINDS_MAX ? set >> kind & 1 : set == set_count - 1)
        weight[kind] = bound % 2 ? hold->sizes[kind] : 1;
    for (size_t i = 0; i < hold->bag_count; i++) {
      uint32_t sum = 0;
      for (size_t kind = 0; kind < width; kind++)
        sum += (uint32_t)weight[kind] * hold->bags[i * width + kind];
      if (sum > most[bound])
        most[bound] = sum;
    }
  }
  hold->bound_weights = weights;
  hold->bound_most = most;
  hold->bound_count = 2 * set_count;
}

bool mig_hold_init(struct mig_hold *hold, const struct pack_mig *mig, struct arena *arena) {
  uint16_t kind_profiles[PACK_PROFILES_MAX];
  hold->kind_count = list_kinds(mig, kind_profiles);
  uint16_t *kind_of = arena_array(arena, mig->profile_count, sizeof *kind_of);
  for (uint16_t p = 0; p < mig->profile_count; p++)
    kind_of[p] = kind_of_profile(mig, kind_profiles, hold->kind_count, p);
  hold->kind_of = kind_of;
  uint8_t *sizes = arena_array(arena, hold->kind_count, sizeof *sizes);
  for (uint16_t kind = 0; kind < hold->kind_count; kind++)
    sizes[kind] = mig->profiles[kind_profiles[kind]].size;
  hold->sizes = sizes;
  struct bag_search search = {
      .mig = mig, .kind_profiles = kind_profiles, .kind_count = hold->kind_count};
  bool is_done = arrange(&search, 0, 0, 0);
  uint8_t *bags = arena_array(arena, search.bag_count * hold->kind_count, sizeof *bags);
  memcpy(bags, search.bags, search.bag_count * hold->kind_count);
  hold->bags = bags;
  hold->bag_count = search.bag_count;
  free(search.bags);
  fill_bounds(hold, arena);
  hold->roles = mig_find_roles(mig, arena);
  return is_done;
}

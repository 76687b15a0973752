/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one GPU can hold at once: the multisets of instances that some placement realises, and
 * of those the maximal ones. An H100 has 78, of which 28 are maximal.
 *
 * Instances may be placed in any order, since windows only exclude each other; so it is enough
 * to place them profile by profile, and a multiset is told by the set of layouts that it can
 * take.
 */
#include "src/simulate/mig.h"

#include <stdlib.h>

struct search {
  const struct pack_mig *mig;
  const uint16_t *wanted; /* indices of profiles */
  size_t wanted_count;
  struct mig_multisets *found;
  uint8_t counts[MIG_WANTED_MAX];
};

static void add(struct mig_multisets *found, const uint8_t *counts) {
  if (found->count == found->room) {
    found->room = found->room ? found->room * 2 : 64;
    found->counts = mem_realloc(found->counts, found->room * sizeof(*found->counts));
  }
  memcpy(found->counts[found->count++], counts, sizeof(found->counts[0]));
}

/* The layouts that `from` becomes by one more instance of p; how many. */
static size_t place_one(const struct pack_mig *mig, const uint8_t *from, uint16_t p, uint8_t *to) {
  size_t count = 0;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    if (!from[layout])
      continue;
    for (uint8_t i = 0; i < mig->profiles[p].start_count; i++) {
      uint16_t next = pack_mig_next(mig, layout, p, i);
      if (next == PACK_NONE || to[next])
        continue;
      to[next] = 1;
      count++;
    }
  }
  return count;
}

static bool is_at_limit(const struct search *s, size_t w) {
  uint8_t limit = s->mig->profiles[s->wanted[w]].limit;
  return limit && s->counts[w] >= limit;
}

/* Adds instances of wanted[w] and later ones to what `layouts` holds; depth is at most the
 * number of slices, since every instance takes one. */
static void extend(struct search *s, const uint8_t *layouts, size_t w) {
  add(s->found, s->counts);
  for (; w < s->wanted_count; w++) {
    if (is_at_limit(s, w))
      continue;
    CLEANUP_FREE uint8_t *next = mem_zalloc(s->mig->layout_count);
    if (!place_one(s->mig, layouts, s->wanted[w], next))
      continue;
    s->counts[w]++;
    extend(s, next, w);
    s->counts[w]--;
  }
}

static bool is_within(const uint8_t *a, const uint8_t *b, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (a[i] > b[i])
      return false;
  return true;
}

void mig_multisets_done(struct mig_multisets *sets) {
  if (!sets)
    return;
  free(sets->counts);
  *sets = (struct mig_multisets){0};
}

struct mig_multisets mig_multisets_of(const struct pack_mig *mig, const uint16_t *wanted,
                                      size_t wanted_count) {
  struct mig_multisets found = {0};
  struct search search = {
      .mig = mig, .wanted = wanted, .wanted_count = wanted_count, .found = &found};
  CLEANUP_FREE uint8_t *layouts = mem_zalloc(mig->layout_count);
  layouts[0] = 1;
  extend(&search, layouts, 0);
  return found;
}

void mig_multisets_keep_maximal(struct mig_multisets *sets, size_t wanted_count) {
  size_t kept = 0;
  for (size_t i = 0; i < sets->count; i++) {
    bool is_maximal = true;
    /* All are different, so one that contains this one is larger. The kept ones were moved to
     * the front and may be overwritten only by themselves. */
    for (size_t j = 0; j < sets->count && is_maximal; j++)
      if (j < kept || j > i)
        is_maximal = !is_within(sets->counts[i], sets->counts[j], wanted_count);
    if (!is_maximal)
      continue;
    memmove(sets->counts[kept], sets->counts[i], sizeof(sets->counts[0]));
    kept++;
  }
  sets->count = kept;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact optimum of a short story of arrivals and departures on a few GPUs: a search over
 * every placement, and refusal, of every arrival, that remembers what it has found.
 *
 * A state is what stands on each slice of each GPU. Two kinds of states are one: GPUs are
 * sorted, since they are alike; and a pod that never departs in the story is nothing but
 * occupied slices, so that most pods have no identity.
 */
#include "src/simulate/mig.h"

#include <stdlib.h>

enum {
  FREE = 0,
  TAKEN = 255, /* by somebody who stays */
  /* 1 + number of the arrival: a pod that will depart begins here; its other slices are TAKEN */
  CELLS = MIG_STORY_GPUS_MAX * PACK_AXIS_MAX,
};

struct state {
  uint8_t cells[CELLS]; /* [gpu * axis + slice] */
};

struct memo_entry {
  struct state state;
  uint8_t event;
  bool is_used;
  uint32_t best;
};

struct exact {
  const struct pack_mig *mig;
  const struct mig_story *story;
  bool may_refuse;
  size_t cells;
  bool departs[MIG_STORY_MAX];         /* [arrival] */
  uint32_t to_come[MIG_STORY_MAX + 1]; /* [event]: slices that this and later events ask for */
  struct memo_entry *memo;
  size_t memo_size, memo_count; /* a power of 2 */
};

/* ---- what was found before ------------------------------------------------------------------ */

static uint64_t hash(const struct exact *e, const struct state *state, size_t event) {
  uint64_t h = 0xcbf29ce484222325u ^ event; /* FNV-1a */
  for (size_t i = 0; i < e->cells; i++)
    h = (h ^ state->cells[i]) * 0x100000001b3u;
  return h ^ (h >> 29);
}

static struct memo_entry *memo_slot(const struct exact *e, struct memo_entry *memo, size_t size,
                                    const struct state *state, size_t event) {
  for (size_t i = hash(e, state, event) & (size - 1);; i = (i + 1) & (size - 1))
    if (!memo[i].is_used ||
        (memo[i].event == event && memcmp(&memo[i].state, state, sizeof(*state)) == 0))
      return &memo[i];
}

static void memo_grow(struct exact *e) {
  size_t size = e->memo_size ? e->memo_size * 2 : 256;
  struct memo_entry *memo = mem_zalloc(size * sizeof(*memo));
  for (size_t i = 0; i < e->memo_size; i++)
    if (e->memo[i].is_used)
      *memo_slot(e, memo, size, &e->memo[i].state, e->memo[i].event) = e->memo[i];
  free(e->memo);
  e->memo = memo;
  e->memo_size = size;
}

static void memo_put(struct exact *e, const struct state *state, size_t event, uint32_t best) {
  if (e->memo_count * 2 >= e->memo_size)
    memo_grow(e);
  struct memo_entry *entry = memo_slot(e, e->memo, e->memo_size, state, event);
  e->memo_count += !entry->is_used;
  *entry =
      (struct memo_entry){.state = *state, .event = (uint8_t)event, .is_used = true, .best = best};
}

/* ---- states --------------------------------------------------------------------------------- */

static void sort_gpus(const struct exact *e, struct state *state) {
  size_t axis = e->mig->axis;
  for (size_t i = axis; i < e->cells; i += axis) /* insertion sort of at most three */
    for (size_t j = i; j && memcmp(&state->cells[j - axis], &state->cells[j], axis) > 0;
         j -= axis) {
      uint8_t swap[PACK_AXIS_MAX];
      memcpy(swap, &state->cells[j], axis);
      memcpy(&state->cells[j], &state->cells[j - axis], axis);
      memcpy(&state->cells[j - axis], swap, axis);
    }
}

static bool is_free(const uint8_t *cells, uint8_t size) {
  for (uint8_t i = 0; i < size; i++)
    if (cells[i] != FREE)
      return false;
  return true;
}

static void free_pod(const struct exact *e, struct state *state,
                     const struct mig_story_event *event) {
  uint8_t size = e->mig->profiles[event->profile].size;
  for (size_t i = 0; i < e->cells; i++)
    if (state->cells[i] == event->arrival + 1) {
      memset(&state->cells[i], FREE, size);
      return; /* a pod that was refused is nowhere */
    }
}

/* ---- the search ----------------------------------------------------------------------------- */

static uint32_t best_from(struct exact *e, const struct state *state, size_t event);

/* The best continuation in which the pod of this event is placed; false: nowhere to place it. */
static bool best_placed(struct exact *e, const struct state *state, size_t event, uint32_t *ret) {
  const struct mig_story_event *arrival = &e->story->events[event];
  const struct pack_mig_profile *profile = &e->mig->profiles[arrival->profile];
  size_t axis = e->mig->axis;
  bool fits = false;
  for (size_t gpu = 0; gpu < e->cells; gpu += axis) {
    if (gpu && memcmp(&state->cells[gpu - axis], &state->cells[gpu], axis) == 0)
      continue; /* as the one before */
    for (uint8_t i = 0; i < profile->start_count; i++) {
      size_t at = gpu + profile->starts[i];
      if (!is_free(&state->cells[at], profile->size))
        continue;
      struct state next = *state;
      memset(&next.cells[at], TAKEN, profile->size);
      if (e->departs[arrival->arrival])
        next.cells[at] = (uint8_t)(arrival->arrival + 1);
      sort_gpus(e, &next);
      uint32_t got = profile->size + best_from(e, &next, event + 1);
      *ret = !fits || got > *ret ? got : *ret;
      fits = true;
      if (*ret == e->to_come[event])
        return true; /* everything was accepted */
    }
  }
  return fits;
}

/* Depth is at most MIG_STORY_MAX. */
static uint32_t best_from(struct exact *e, const struct state *state, size_t event) {
  if (event == e->story->count)
    return 0;
  if (e->memo_size) {
    const struct memo_entry *entry = memo_slot(e, e->memo, e->memo_size, state, event);
    if (entry->is_used)
      return entry->best;
  }
  uint32_t best = 0;
  const struct mig_story_event *now = &e->story->events[event];
  if (now->is_departure) {
    struct state next = *state;
    free_pod(e, &next, now);
    sort_gpus(e, &next);
    best = best_from(e, &next, event + 1);
  } else {
    bool fits = best_placed(e, state, event, &best);
    /* Refusing it leaves at most what is still to come. */
    if (!fits || (e->may_refuse && best < e->to_come[event + 1])) {
      uint32_t without = best_from(e, state, event + 1);
      best = without > best ? without : best;
    }
  }
  memo_put(e, state, event, best);
  return best;
}

uint32_t mig_exact(const struct pack_mig *mig, const struct mig_story *story, bool may_refuse) {
  struct exact e = {.mig = mig,
                    .story = story,
                    .may_refuse = may_refuse,
                    .cells = (size_t)story->gpus * mig->axis};
  for (size_t i = story->count; i-- > 0;) {
    const struct mig_story_event *event = &story->events[i];
    e.to_come[i] = e.to_come[i + 1];
    if (event->is_departure)
      e.departs[event->arrival] = true;
    else
      e.to_come[i] += mig->profiles[event->profile].size;
  }
  struct state empty = {0};
  uint32_t best = best_from(&e, &empty, 0);
  free(e.memo);
  return best;
}

uint32_t mig_exact_subsets(const struct pack_mig *mig, const struct mig_story *story) {
  CLEANUP_FREE uint32_t *counts = mem_zalloc(mig->profile_count * sizeof(*counts));
  uint32_t best = 0;
  for (uint32_t subset = 0; subset < (uint32_t)1 << story->count; subset++) {
    uint32_t slices = 0;
    memset(counts, 0, mig->profile_count * sizeof(*counts));
    for (size_t i = 0; i < story->count; i++)
      if (subset & (uint32_t)1 << i && !story->events[i].is_departure) {
        counts[story->events[i].profile]++;
        slices += mig->profiles[story->events[i].profile].size;
      }
    if (slices > best && pack_mig_can_hold(mig, counts, story->gpus))
      best = slices;
  }
  return best;
}

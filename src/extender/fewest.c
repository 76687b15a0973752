/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes from one on. What the m largest of the first h items give of each kind bounds what any m of
 * them give; where one kind alone is needed the bound is met, so that the search never turns back.
 */
#include "fewest.h"

struct search {
  size_t count;
  const struct fewest_item *items; /* those that give anything, nothing beyond what is needed */
  const struct fewest_item *tops[FEWEST_MOST + 1]; /* [size][h]: of the first h items */
  size_t *steps;
  bool *is_in;
};

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static bool is_met(const int64_t *needs) {
  for (size_t k = 0; k < FEWEST_KINDS; k++)
    if (needs[k] > 0)
      return false;
  return true;
}

/* One item and the most that others give. Neither is more than what was needed at first. */
static bool is_enough(const struct fewest_item *item, const struct fewest_item *others,
                      const int64_t *needs) {
  for (size_t k = 0; k < FEWEST_KINDS; k++)
    if (needs[k] > 0 && item->gives[k] < needs[k] - others->gives[k])
      return false;
  return true;
}

static void add_size(struct search *search, size_t size, const int64_t *needs,
                     struct arena *arena) {
  struct fewest_item *tops = arena_array(arena, search->count + 1, sizeof(*tops));
  tops[0] = (struct fewest_item){0};
  for (size_t h = 0; h < search->count; h++)
    for (size_t k = 0; k < FEWEST_KINDS; k++) {
      int64_t fewer = size ? search->tops[size - 1][h].gives[k] : 0;
      int64_t give = size ? search->items[h].gives[k] : 0;
      int64_t sum = give < needs[k] - fewer ? fewer + give : needs[k] > 0 ? needs[k] : 0;
      tops[h + 1].gives[k] = sum > tops[h].gives[k] ? sum : tops[h].gives[k];
    }
  search->tops[size] = tops;
}

/* The item that is missed most, from the least missed on; then the others, in front of it. */
static bool choose(struct search *search, size_t size, size_t below, const int64_t *needs) {
  static const struct fewest_item nothing = {0};
  if (!is_enough(&nothing, &search->tops[size][below], needs))
    return false;
  for (size_t h = size - 1; h < below && *search->steps; h++) {
    --*search->steps;
    if (!is_enough(&search->items[h], &search->tops[size - 1][h], needs))
      continue;
    int64_t rest[FEWEST_KINDS];
    for (size_t k = 0; k < FEWEST_KINDS; k++)
      rest[k] = needs[k] - search->items[h].gives[k];
    search->is_in[h] = true;
    if (is_met(rest) || (size > 1 && choose(search, size - 1, h, rest)))
      return true;
    search->is_in[h] = false;
  }
  return false;
}

static size_t find_size(struct search *search, size_t most, const int64_t *needs,
                        struct arena *arena) {
  add_size(search, 0, needs, arena);
  for (size_t size = 1; size <= most && size <= search->count; size++) {
    if (size > FEWEST_MOST || *search->steps <= search->count) {
      *search->steps = 0;
      return SIZE_MAX;
    }
    *search->steps -= search->count;
    add_size(search, size, needs, arena);
    if (choose(search, size, search->count, needs))
      return size;
    if (*search->steps == 0)
      return SIZE_MAX;
  }
  return SIZE_MAX;
}

size_t fewest_find(const struct fewest *ask, size_t most, size_t *steps, struct arena *arena,
                   bool *is_in) {
  memset(is_in, 0, ask->count * sizeof(*is_in));
  if (is_met(ask->needs))
    return 0;
  struct fewest_item *items = arena_array(arena, ask->count + 1, sizeof(*items));
  size_t *from = arena_array(arena, ask->count + 1, sizeof(*from));
  bool *is_chosen = arena_array(arena, ask->count + 1, sizeof(*is_chosen));
  struct search search = {.items = items, .steps = steps, .is_in = is_chosen};
  for (size_t i = 0; i < ask->count; i++) {
    struct fewest_item item = {0};
    bool does_give = false;
    for (size_t k = 0; k < FEWEST_KINDS; k++)
      if (ask->needs[k] > 0) {
        item.gives[k] = least(ask->items[i].gives[k], ask->needs[k]);
        does_give |= item.gives[k] > 0;
      }
    if (!does_give)
      continue;
    is_chosen[search.count] = false;
    from[search.count] = i;
    items[search.count++] = item;
  }
  size_t size = find_size(&search, most, ask->needs, arena);
  for (size_t i = 0; size != SIZE_MAX && i < search.count; i++)
    is_in[from[i]] = is_chosen[i];
  return size;
}

/* ---- without a search ---------------------------------------------------------------------- */

/* Of all that is still needed, in 1024ths of each kind. */
static int64_t weigh(const struct fewest_item *item, const int64_t *needs) {
  int64_t sum = 0;
  for (size_t k = 0; k < FEWEST_KINDS; k++) {
    int64_t give = needs[k] > 0 ? least(item->gives[k], needs[k]) : 0;
    if (give)
      sum += 1 + give * 1024 / needs[k];
  }
  return sum;
}

static bool can_spare(const struct fewest_item *item, const int64_t *needs) {
  for (size_t k = 0; k < FEWEST_KINDS; k++)
    if (item->gives[k] > 0 && item->gives[k] > -needs[k])
      return false;
  return true;
}

size_t fewest_grab(const struct fewest *ask, bool *is_in) {
  int64_t needs[FEWEST_KINDS];
  size_t size = 0;
  memcpy(needs, ask->needs, sizeof(needs));
  memset(is_in, 0, ask->count * sizeof(*is_in));
  for (; !is_met(needs); size++) {
    int64_t most = 0;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < ask->count; i++) {
      int64_t weight = is_in[i] ? 0 : weigh(&ask->items[i], needs);
      if (weight > most) {
        most = weight;
        best = i;
      }
    }
    if (best == SIZE_MAX)
      return SIZE_MAX;
    is_in[best] = true;
    for (size_t k = 0; k < FEWEST_KINDS; k++)
      needs[k] -= ask->items[best].gives[k];
  }
  for (size_t i = ask->count; i-- > 0;) {
    if (!is_in[i] || !can_spare(&ask->items[i], needs))
      continue;
    is_in[i] = false;
    size--;
    for (size_t k = 0; k < FEWEST_KINDS; k++)
      needs[k] += ask->items[i].gives[k];
  }
  return size;
}

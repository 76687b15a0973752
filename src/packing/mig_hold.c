/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether so many empty GPUs hold so many instances of each profile, if everything may move. A
 * closed test for the geometry that nearly all products share, a search for the others: for the
 * instance that is hardest to place choose the bag of its GPU, most useful first; bounds that
 * every GPU keeps end hopeless branches, and what failed once is not tried again.
 */
#include "src/packing/mig_internal.h"

#include <stdlib.h>

/* ---- the closed test ----------------------------------------------------------------------- */

/*
 * The left half of the axis has two pairs of slices, the right half one; behind it is a tail, a
 * pair with one compute slice that only doubles and one single use.
 */
enum role {
  ROLE_SINGLE,
  ROLE_LIMITED,
  ROLE_DOUBLE,
  ROLE_PAIR,
  ROLE_HALF,
  ROLE_LEFT,
  ROLE_ALL,
  ROLES
};

static const struct {
  uint8_t size, limit, start_count, starts[7];
} role_windows[ROLES] = {
    [ROLE_SINGLE] = {1, 0, 7, {0, 1, 2, 3, 4, 5, 6}},  /* 1g.10gb */
    [ROLE_LIMITED] = {1, 1, 7, {0, 1, 2, 3, 4, 5, 6}}, /* 1g.10gb+me */
    [ROLE_DOUBLE] = {2, 0, 4, {0, 2, 4, 6}},           /* 1g.20gb */
    [ROLE_PAIR] = {2, 0, 3, {0, 2, 4}},                /* 2g.20gb */
    [ROLE_HALF] = {4, 0, 2, {0, 4}},                   /* 3g.40gb */
    [ROLE_LEFT] = {4, 0, 1, {0}},                      /* 4g.40gb */
    [ROLE_ALL] = {8, 0, 1, {0}},                       /* 7g.80gb */
};

static enum role find_role(const struct pack_mig_profile *profile) {
  for (enum role role = 0; role < ROLES; role++)
    if (role_windows[role].size == profile->size && role_windows[role].limit == profile->limit &&
        role_windows[role].start_count == profile->start_count &&
        memcmp(role_windows[role].starts, profile->starts, profile->start_count) == 0)
      return role;
  return ROLES;
}

/* Two limited profiles would be two limits: not this test. */
const uint8_t *mig_find_roles(const struct pack_mig *mig, struct arena *arena) {
  uint8_t *roles = arena_array(arena, mig->profile_count, sizeof *roles);
  unsigned limited_count = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    enum role role = find_role(&mig->profiles[p]);
    limited_count += role == ROLE_LIMITED;
    if (role == ROLES || limited_count > 1)
      return NULL;
    roles[p] = (uint8_t)role;
  }
  return roles;
}

static int64_t min_of(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static bool holds_closed(const int64_t need[ROLES], int64_t gpus) {
  gpus -= need[ROLE_ALL]; /* of those that are not taken as a whole */
  if (gpus < 0)
    return false;
  int64_t singles = need[ROLE_SINGLE] + need[ROLE_LIMITED];
  for (int64_t right_taken = 0; right_taken <= min_of(need[ROLE_HALF], gpus); right_taken++) {
    int64_t left = gpus - need[ROLE_LEFT] - (need[ROLE_HALF] - right_taken);
    int64_t right = gpus - right_taken;
    /* Doubles go to tails first, where nothing but one single would be. */
    int64_t on_tails = min_of(need[ROLE_DOUBLE], right);
    int64_t tails = right - on_tails;
    int64_t pairs = 2 * left + right - need[ROLE_PAIR] - (need[ROLE_DOUBLE] - on_tails);
    if (left < 0 || pairs < 0 || 2 * pairs + tails < singles)
      continue;
    /* Which pair of a GPU stays free is a free choice, and so is which left half goes with which
     * right half: what is left can be spread over as many GPUs as there are pairs or halves. */
    if (need[ROLE_LIMITED] <= min_of(min_of(gpus, left + right), pairs + tails))
      return true;
  }
  return false;
}

/* ---- the search ---------------------------------------------------------------------------- */

/* Needs that so many GPUs cannot meet: rows of `width` words, the last one the GPUs; open
 * addressing, a row of zeros is free (nothing is needed: never a failure). */
struct failures {
  size_t width, count, cap;
  uint32_t *rows;
};

static uint32_t *find_row(const struct failures *failures, const uint32_t *row) {
  uint64_t hash = 0;
  for (size_t i = 0; i < failures->width; i++)
    hash = (hash ^ row[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ hash >> 29;
  for (size_t i = (size_t)(hash >> 20) % failures->cap;; i = (i + 1) % failures->cap) {
    uint32_t *at = failures->rows + i * failures->width;
    bool is_free = true;
    for (size_t word = 0; word < failures->width && is_free; word++)
      is_free = at[word] == 0;
    if (is_free || memcmp(at, row, failures->width * sizeof *row) == 0)
      return at;
  }
}

static void grow(struct failures *failures) {
  struct failures old = *failures;
  failures->cap = old.cap ? 2 * old.cap : 256;
  failures->rows = mem_zalloc(failures->cap * failures->width * sizeof *failures->rows);
  for (size_t i = 0; i < old.cap; i++) {
    const uint32_t *row = old.rows + i * old.width;
    if (row[old.width - 1])
      memcpy(find_row(failures, row), row, old.width * sizeof *row);
  }
  free(old.rows);
}

static bool is_failure(const struct failures *failures, const uint32_t *row) {
  return failures->cap > 0 && find_row(failures, row)[failures->width - 1] != 0;
}

static void add_failure(struct failures *failures, const uint32_t *row) {
  if (2 * failures->count >= failures->cap)
    grow(failures);
  memcpy(find_row(failures, row), row, failures->width * sizeof *row);
  failures->count++;
}

static bool keeps_bounds(const struct mig_hold *hold, const uint32_t *need, uint32_t gpus) {
  size_t width = hold->kind_count;
  for (size_t bound = 0; bound < hold->bound_count; bound++) {
    uint64_t sum = 0;
    for (size_t kind = 0; kind < width; kind++)
      sum += (uint64_t)hold->bound_weights[bound * width + kind] * need[kind];
    if (sum > (uint64_t)hold->bound_most[bound] * gpus)
      return false;
  }
  return true;
}

/* The rank of a bag for these needs, larger is better: how many slices of it are asked for. All
 * ranks differ. 0: it is of no use for the hardest instance. */
static uint64_t rank_bag(const struct mig_hold *hold, size_t bag, const uint32_t *need,
                         size_t hardest) {
  const uint8_t *counts = hold->bags + bag * hold->kind_count;
  if (counts[hardest] == 0)
    return 0;
  uint64_t used = 0;
  for (size_t kind = hardest; kind < hold->kind_count; kind++)
    used += (uint64_t)hold->sizes[kind] * (counts[kind] < need[kind] ? counts[kind] : need[kind]);
  return used << 32 | (uint32_t)(hold->bag_count - bag);
}

/* The best bag below the rank that was tried last (0: none was); SIZE_MAX: no more. */
static size_t next_bag(const struct mig_hold *hold, const uint32_t *need, uint64_t *tried) {
  size_t hardest = 0, best = SIZE_MAX;
  while (need[hardest] == 0)
    hardest++;
  uint64_t best_rank = 0, below = *tried ? *tried : UINT64_MAX;
  for (size_t bag = 0; bag < hold->bag_count; bag++) {
    uint64_t rank = rank_bag(hold, bag, need, hardest);
    if (rank > best_rank && rank < below) {
      best_rank = rank;
      best = bag;
    }
  }
  *tried = best_rank;
  return best;
}

/* What is left to be held once a GPU has this bag; false: nothing. */
static bool subtract(const struct mig_hold *hold, size_t bag, const uint32_t *need,
                     uint32_t *rest) {
  bool is_any = false;
  for (size_t kind = 0; kind < hold->kind_count; kind++) {
    uint32_t count = hold->bags[bag * hold->kind_count + kind];
    rest[kind] = need[kind] > count ? need[kind] - count : 0;
    is_any = is_any || rest[kind] > 0;
  }
  rest[hold->kind_count] = need[hold->kind_count] - 1;
  return is_any;
}

/* first_need[kind_count] is the number of GPUs, above 0. Depth first, a level a GPU: its row of
 * `needs` is what it and those behind it must hold. */
static bool holds_by_search(const struct mig_hold *hold, const uint32_t *first_need) {
  size_t width = (size_t)hold->kind_count + 1;
  size_t gpus = first_need[hold->kind_count];
  CLEANUP_FREE uint64_t *tried = mem_zalloc((gpus + 1) * sizeof *tried);
  CLEANUP_FREE uint32_t *needs = mem_zalloc((gpus + 1) * width * sizeof *needs);
  struct failures failures = {.width = width};
  memcpy(needs, first_need, width * sizeof *needs);
  bool is_held = false;
  for (size_t depth = 0;;) {
    uint32_t *need = needs + depth * width;
    bool is_hopeless = tried[depth] == 0 &&
                       (!keeps_bounds(hold, need, need[width - 1]) || is_failure(&failures, need));
    size_t bag = is_hopeless ? SIZE_MAX : next_bag(hold, need, &tried[depth]);
    if (bag != SIZE_MAX) {
      is_held = !subtract(hold, bag, need, need + width);
      if (is_held)
        break;
      if (need[width - 1] > 1) /* else there is no GPU behind it: the next bag */
        tried[++depth] = 0;
      continue;
    }
    if (!is_hopeless)
      add_failure(&failures, need);
    if (depth == 0)
      break;
    depth--;
  }
  free(failures.rows);
  return is_held;
}

bool pack_mig_can_hold(const struct pack_mig *mig, const uint32_t *counts, uint32_t gpus) {
  const struct mig_hold *hold = &((const struct mig_tables *)mig)->hold;
  if (hold->roles) {
    int64_t need[ROLES] = {0};
    for (uint16_t p = 0; p < mig->profile_count; p++)
      need[hold->roles[p]] += counts[p];
    return holds_closed(need, gpus);
  }
  uint32_t need[PACK_PROFILES_MAX + 1] = {0};
  uint64_t sum = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    sum += counts[p];
    if (counts[p] && hold->kind_of[p] == PACK_NONE)
      return false;
    if (counts[p])
      need[hold->kind_of[p]] += counts[p];
  }
  if (sum == 0)
    return true;
  if (gpus == 0 || sum > (uint64_t)gpus * mig->axis)
    return false; /* also keeps the sums of a kind small */
  need[hold->kind_count] = gpus < sum ? gpus : (uint32_t)sum; /* more than one each is no use */
  return holds_by_search(hold, need);
}

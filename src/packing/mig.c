/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The placement space of a GPU product as tables: every set of windows that can be occupied at
 * once, what placing and removing leads to. Numbered breadth first from the empty GPU, profiles
 * and starts in their order, so that the numbers depend on the product alone.
 */
#include "src/packing/mig_internal.h"

enum { SLOTS = 4 * PACK_LAYOUTS_MAX }; /* of the hash table; a power of two */

/* Windows do not overlap, so that where they begin and what they cover tells them apart. */
struct layouts {
  uint32_t occupied[PACK_LAYOUTS_MAX], begins[PACK_LAYOUTS_MAX];
  uint16_t count;
  uint16_t slots[SLOTS]; /* number + 1; 0: free */
};

static uint32_t window(uint8_t start, uint8_t size) {
  return (uint32_t)(((UINT64_C(1) << size) - 1) << start);
}

/* The slot where the layout is, or would be. */
static uint16_t *find_slot(struct layouts *layouts, uint32_t occupied, uint32_t begins) {
  uint64_t hash = ((uint64_t)occupied << 32 | begins) * UINT64_C(0x9e3779b97f4a7c15);
  for (size_t i = (size_t)(hash >> 32) % SLOTS;; i = (i + 1) % SLOTS) {
    uint16_t *slot = &layouts->slots[i];
    if (*slot == 0 ||
        (layouts->occupied[*slot - 1] == occupied && layouts->begins[*slot - 1] == begins))
      return slot;
  }
}

/* PACK_NONE: there is no room for one more. */
static uint16_t find_or_add(struct layouts *layouts, uint32_t occupied, uint32_t begins) {
  uint16_t *slot = find_slot(layouts, occupied, begins);
  if (*slot == 0) {
    if (layouts->count == PACK_LAYOUTS_MAX)
      return PACK_NONE;
    layouts->occupied[layouts->count] = occupied;
    layouts->begins[layouts->count] = begins;
    *slot = ++layouts->count;
  }
  return (uint16_t)(*slot - 1);
}

/* False: more than PACK_LAYOUTS_MAX. */
static bool enumerate(struct layouts *layouts, const struct pack_mig *mig) {
  find_or_add(layouts, 0, 0);
  for (uint16_t layout = 0; layout < layouts->count; layout++) {
    for (uint16_t p = 0; p < mig->profile_count; p++) {
      const struct pack_mig_profile *profile = &mig->profiles[p];
      for (uint8_t i = 0; i < profile->start_count; i++) {
        uint32_t taken = window(profile->starts[i], profile->size);
        if (layouts->occupied[layout] & taken)
          continue;
        if (find_or_add(layouts, layouts->occupied[layout] | taken,
                        layouts->begins[layout] | UINT32_C(1) << profile->starts[i]) == PACK_NONE)
          return false;
      }
    }
  }
  return true;
}

/* ---- transitions ------------------------------------------------------------------------- */

static void fill_next(struct pack_mig *mig, struct layouts *layouts, struct arena *arena) {
  size_t per_layout = (size_t)mig->profile_count * PACK_STARTS_MAX;
  uint16_t *next = arena_array(arena, mig->layout_count * per_layout, sizeof *next);
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    for (uint16_t p = 0; p < mig->profile_count; p++) {
      const struct pack_mig_profile *profile = &mig->profiles[p];
      for (size_t i = 0; i < PACK_STARTS_MAX; i++) {
        uint16_t *to = &next[layout * per_layout + (size_t)p * PACK_STARTS_MAX + i];
        *to = PACK_NONE;
        if (i >= profile->start_count)
          continue;
        uint32_t taken = window(profile->starts[i], profile->size);
        if (layouts->occupied[layout] & taken)
          continue;
        *to = find_or_add(layouts, layouts->occupied[layout] | taken,
                          layouts->begins[layout] | UINT32_C(1) << profile->starts[i]);
      }
    }
  }
  mig->next = next;
}

/* The slices that the window beginning at `start` covers: up to the next window or free slice. */
static uint32_t window_at(uint32_t occupied, uint32_t begins, uint8_t start) {
  uint32_t covered = UINT32_C(1) << start;
  for (uint32_t bit = covered << 1; (occupied & bit) && !(begins & bit); bit <<= 1)
    covered |= bit;
  return covered;
}

static void fill_without(struct pack_mig *mig, struct layouts *layouts, struct arena *arena) {
  uint16_t *without = arena_array(arena, (size_t)mig->layout_count * mig->axis, sizeof *without);
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    uint32_t occupied = layouts->occupied[layout], begins = layouts->begins[layout];
    for (uint8_t start = 0; start < mig->axis; start++) {
      uint32_t bit = UINT32_C(1) << start;
      without[(size_t)layout * mig->axis + start] =
          (begins & bit)
              ? find_or_add(layouts, occupied & ~window_at(occupied, begins, start), begins & ~bit)
              : PACK_NONE;
    }
  }
  mig->without = without;
}

static void fill_masks(struct pack_mig *mig, const struct layouts *layouts, struct arena *arena) {
  uint32_t *occupied = arena_array(arena, mig->layout_count, sizeof *occupied);
  uint32_t *begins = arena_array(arena, mig->layout_count, sizeof *begins);
  uint8_t *free_slices = arena_array(arena, mig->layout_count, sizeof *free_slices);
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    occupied[layout] = layouts->occupied[layout];
    begins[layout] = layouts->begins[layout];
    free_slices[layout] =
        (uint8_t)(mig->axis - (uint8_t)__builtin_popcount(layouts->occupied[layout]));
  }
  mig->occupied = occupied;
  mig->begins = begins;
  mig->free = free_slices;
}

/* ---- profiles ---------------------------------------------------------------------------- */

/* How many windows of the profile one GPU has room for; starts ascend. */
static uint8_t count_disjoint(const struct pack_mig_profile *profile) {
  uint8_t count = 0;
  unsigned end = 0;
  for (uint8_t i = 0; i < profile->start_count; i++) {
    if (profile->starts[i] < end)
      continue;
    end = profile->starts[i] + (unsigned)profile->size;
    count++;
  }
  return count;
}

/* False: not a placement list that tables can be made of. */
static bool read_profile(struct pack_mig_profile *ret, const struct mig_profile *source,
                         uint8_t axis) {
  if (source->start_count > PACK_STARTS_MAX || (source->start_count > 0 && !source->memory_slices))
    return false;
  ret->size = source->memory_slices;
  ret->start_count = source->start_count;
  for (uint8_t i = 0; i < source->start_count; i++) {
    ret->starts[i] = source->starts[i];
    if (source->starts[i] + source->memory_slices > axis ||
        (i > 0 && source->starts[i] <= source->starts[i - 1]))
      return false;
  }
  if (source->max_instances > 0 && source->max_instances < count_disjoint(ret))
    ret->limit = source->max_instances;
  return true;
}

static bool read_profiles(struct pack_mig *mig, const struct gpu_product *product,
                          const uint16_t *profile_ids, struct arena *arena) {
  struct pack_mig_profile *profiles = arena_array(arena, mig->profile_count, sizeof *profiles);
  bool is_any_known = false;
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    profiles[p].profile = profile_ids[p];
    if (!read_profile(&profiles[p], &product->profiles[p], mig->axis))
      return false;
    is_any_known = is_any_known || profiles[p].start_count > 0;
  }
  mig->profiles = profiles;
  return is_any_known;
}

/* ---- public ------------------------------------------------------------------------------ */

struct pack_mig *pack_mig_new(const struct gpu_product *product, const uint16_t *profile_ids) {
  if (product->memory_slices == 0 || product->memory_slices > PACK_AXIS_MAX ||
      product->profile_count > PACK_PROFILES_MAX)
    return NULL;
  struct arena *arena = arena_new(1 << 16);
  struct mig_tables *tables = arena_alloc(arena, sizeof *tables);
  tables->arena = arena;
  struct pack_mig *mig = &tables->mig;
  mig->axis = product->memory_slices;
  mig->profile_count = (uint16_t)product->profile_count;
  CLEANUP_FREE struct layouts *layouts = mem_zalloc(sizeof *layouts);
  if (!read_profiles(mig, product, profile_ids, arena) || !enumerate(layouts, mig)) {
    arena_free(arena);
    return NULL;
  }
  mig->layout_count = layouts->count;
  fill_masks(mig, layouts, arena);
  fill_next(mig, layouts, arena);
  fill_without(mig, layouts, arena);
  if (!mig_hold_init(&tables->hold, mig, arena)) {
    arena_free(arena);
    return NULL;
  }
  return mig;
}

void pack_mig_free(struct pack_mig *mig) {
  if (mig)
    arena_free(((struct mig_tables *)mig)->arena);
}

uint16_t pack_mig_find(const struct pack_mig *mig, uint16_t profile) {
  for (uint16_t p = 0; p < mig->profile_count; p++)
    if (mig->profiles[p].profile == profile)
      return p;
  return PACK_NONE;
}

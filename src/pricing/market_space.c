/* SPDX-License-Identifier: Apache-2.0 */
/* A product's placement space, cut down to the kinds of instances that a mix asks for. */
#include "src/pricing/market.h"

static bool has_same_windows(const struct pack_mig_profile *a, const struct pack_mig_profile *b) {
  return a->size == b->size && a->start_count == b->start_count &&
         memcmp(a->starts, b->starts, a->start_count) == 0;
}

static double weight_of(const struct pack_mig *mig, const double *weights, bool is_any,
                        uint16_t p) {
  const struct pack_mig_profile *profile = &mig->profiles[p];
  if (profile->start_count == 0)
    return 0;
  if (!is_any)
    return profile->limit == 0;
  return weights[p] > 0 ? weights[p] : 0;
}

static void list_kinds(struct market *market, const double *weights) {
  const struct pack_mig *mig = market->mig;
  struct market_kind *kinds = arena_array(market->arena, mig->profile_count, sizeof *kinds);
  bool is_any = false;
  for (uint16_t p = 0; p < mig->profile_count; p++)
    is_any = is_any || (weights[p] > 0 && mig->profiles[p].start_count > 0);
  double sum = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    double weight = weight_of(mig, weights, is_any, p);
    if (weight <= 0)
      continue;
    uint16_t kind = 0;
    while (kind < market->kind_count &&
           !has_same_windows(&mig->profiles[p], &mig->profiles[kinds[kind].profile]))
      kind++;
    if (kind == market->kind_count)
      kinds[market->kind_count++] =
          (struct market_kind){.profile = p, .size = mig->profiles[p].size};
    kinds[kind].share += weight;
    sum += weight;
  }
  for (uint16_t kind = 0; kind < market->kind_count; kind++) {
    kinds[kind].share /= sum;
    market->mean_size += kinds[kind].share * kinds[kind].size;
  }
  market->kinds = kinds;
}

static void list_places(struct market *market) {
  const struct pack_mig *mig = market->mig;
  size_t cells = (size_t)mig->layout_count * market->kind_count;
  uint32_t *first = arena_array(market->arena, cells + 1, sizeof *first);
  struct market_place *places = arena_array(market->arena, cells * PACK_STARTS_MAX, sizeof *places);
  uint32_t count = 0;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    for (uint16_t kind = 0; kind < market->kind_count; kind++) {
      const struct pack_mig_profile *profile = &mig->profiles[market->kinds[kind].profile];
      first[market_cell(market, layout, kind)] = count;
      for (uint8_t i = 0; i < profile->start_count; i++) {
        uint16_t next = pack_mig_next(mig, layout, market->kinds[kind].profile, i);
        if (next != PACK_NONE)
          places[count++] = (struct market_place){next, profile->starts[i]};
      }
    }
  }
  first[cells] = count;
  market->place_first = first;
  market->places = places;
}

static void list_windows(struct market *market) {
  const struct pack_mig *mig = market->mig;
  uint32_t *first = arena_array(market->arena, (size_t)mig->layout_count + 1, sizeof *first);
  uint16_t *windows =
      arena_array(market->arena, (size_t)mig->layout_count * mig->axis, sizeof *windows);
  uint32_t count = 0;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    first[layout] = count;
    for (uint8_t start = 0; start < mig->axis; start++) {
      uint16_t next = mig->without[(size_t)layout * mig->axis + start];
      if (next != PACK_NONE)
        windows[count++] = next;
    }
  }
  first[mig->layout_count] = count;
  market->window_first = first;
  market->windows = windows;
}

struct market *market_new(const struct pack_mig *mig, const double *weights) {
  struct arena *arena = arena_new(1 << 20);
  struct market *market = arena_alloc(arena, sizeof *market);
  market->arena = arena;
  market->mig = mig;
  list_kinds(market, weights);
  list_places(market);
  list_windows(market);
  return market;
}

void market_free(struct market *market) {
  if (market)
    arena_free(market->arena);
}

double market_arrivals(const struct market *market, double load, uint32_t gpus) {
  return load * market->mig->axis * gpus / market->mean_size;
}

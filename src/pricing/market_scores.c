/* SPDX-License-Identifier: Apache-2.0 */
/* What layouts are worth by plain rules: first guesses, and what self-play has to beat. */
#include "src/pricing/market.h"

static uint32_t window(uint8_t start, uint8_t size) {
  return (uint32_t)(((UINT64_C(1) << size) - 1) << start);
}

/* Instances of the profile that still fit; starts ascend. */
static unsigned count_fitting(const struct pack_mig_profile *profile, uint32_t occupied) {
  unsigned count = 0, end = 0;
  for (uint8_t i = 0; i < profile->start_count; i++) {
    if (profile->starts[i] < end || (occupied & window(profile->starts[i], profile->size)))
      continue;
    end = profile->starts[i] + (unsigned)profile->size;
    count++;
  }
  return count;
}

void market_fragmentation(const struct market *market, double *ret) {
  const struct pack_mig *mig = market->mig;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    ret[layout] = 0;
    for (uint16_t kind = 0; kind < market->kind_count; kind++) {
      const struct pack_mig_profile *profile = &mig->profiles[market->kinds[kind].profile];
      unsigned usable = count_fitting(profile, mig->occupied[layout]) * profile->size;
      ret[layout] += market->kinds[kind].share * (mig->free[layout] - (int)usable);
    }
  }
}

/* Whether a profile before this one has the same windows. */
static bool is_repeated(const struct pack_mig *mig, uint16_t p) {
  const struct pack_mig_profile *profile = &mig->profiles[p];
  for (uint16_t other = 0; other < p; other++)
    if (mig->profiles[other].size == profile->size &&
        mig->profiles[other].start_count == profile->start_count &&
        memcmp(mig->profiles[other].starts, profile->starts, profile->start_count) == 0)
      return true;
  return false;
}

void market_blocking(const struct market *market, double *ret) {
  const struct pack_mig *mig = market->mig;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    ret[layout] = 0;
    for (uint16_t p = 0; p < mig->profile_count; p++) {
      const struct pack_mig_profile *profile = &mig->profiles[p];
      if (profile->size > mig->free[layout] || is_repeated(mig, p))
        continue;
      for (uint8_t i = 0; i < profile->start_count; i++)
        if (mig->occupied[layout] & window(profile->starts[i], profile->size))
          ret[layout] += profile->size;
    }
  }
}

/* The waste of a layout whose followers, all with fewer free slices, are known. */
static double waste_of(const struct market *market, uint16_t layout, const double *waste) {
  double weight = 0, sum = 0;
  for (uint16_t kind = 0; kind < market->kind_count; kind++) {
    size_t cell = market_cell(market, layout, kind);
    uint32_t i = market->place_first[cell], end = market->place_first[cell + 1];
    if (i == end)
      continue;
    double least = waste[market->places[i].layout];
    for (i++; i < end; i++)
      if (waste[market->places[i].layout] < least)
        least = waste[market->places[i].layout];
    weight += market->kinds[kind].share;
    sum += market->kinds[kind].share * least;
  }
  return weight > 0 ? sum / weight : market->mig->free[layout];
}

void market_waste(const struct market *market, double *ret) {
  const struct pack_mig *mig = market->mig;
  for (unsigned left = 0; left <= mig->axis; left++)
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      if (mig->free[layout] == left)
        ret[layout] = waste_of(market, layout, ret);
}

void pricing_mig_waste(const struct pack_mig *mig, const double *weights, double *ret) {
  struct market *market = market_new(mig, weights);
  market_waste(market, ret);
  market_free(market);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The market for MIG slices, shared by the market_*.c and mig_*.c of this module only.
 *
 * GPUs of one product bid for every instance that arrives. A GPU bids what the instance changes
 * its own worth by: value(layout with it) - value(layout). The best bid wins. So a policy is one
 * number for each layout, and the question is which numbers.
 */
#ifndef SLICEGATE_PRICING_MARKET_H
#define SLICEGATE_PRICING_MARKET_H

#include "slicegate/pricing.h"

/* ---- the product as a mix sees it (market_space.c) ----------------------------------------- */

/* Profiles that are asked for; those with the same windows are one kind. Limits of their own
 * (media extensions) are not seen: layouts do not know who sits in a window. */
struct market_kind {
  uint16_t profile; /* index in mig->profiles, of the first such profile */
  uint8_t size;
  double share; /* of arriving instances; the shares add up to 1 */
};

struct market_place {
  uint16_t layout; /* after placing */
  uint8_t start;
};

struct market {
  struct arena *arena; /* of everything here and of what the users of a market allocate */
  const struct pack_mig *mig;
  uint16_t kind_count;
  const struct market_kind *kinds;
  double mean_size; /* slices of an arriving instance */
  /* places[place_first[layout * kind_count + kind]], ... up to the next one's: where the kind
   * fits; windows[window_first[layout]], ...: the layouts that departures lead to */
  const uint32_t *place_first, *window_first;
  const struct market_place *places;
  const uint16_t *windows;
};

/* weights[p] of each profile; when none is above 0, all profiles without limit alike. */
struct market *market_new(const struct pack_mig *mig, const double *weights) SG_MUST_CHECK;
void market_free(struct market *market);
static inline size_t market_cell(const struct market *market, uint16_t layout, uint16_t kind) {
  return (size_t)layout * market->kind_count + kind;
}
/* Instances that arrive during a mean lifetime. */
double market_arrivals(const struct market *market, double load, uint32_t gpus);

/* ---- scores without a market (market_scores.c); ret[layout] --------------------------------- */

/* FGD's fragmentation on slices: those that an instance of the mix could not use, in the mean. */
void market_fragmentation(const struct market *market, double *ret);
/* MFI's: slices of every window that is touched, for all profiles that are no larger than what
 * is free. Knows nothing of the mix. */
void market_blocking(const struct market *market, double *ret);
/* Slices never used if instances of the mix keep arriving at this GPU alone and none departs. */
void market_waste(const struct market *market, double *ret);

/* ---- playing (market_policy.c, market_replay.c) ---------------------------------------------- */

/* Bids by value, and the order that they put layouts in. */
struct market_policy {
  double *bids;               /* [kind * layout_count + layout], where the kind fits */
  struct market_place *moves; /* likewise: the best place */
  uint16_t *order;            /* [kind * layout_count + rank]: layouts, best bid first */
  uint16_t *ranks;            /* [cell]: rank, or PACK_NONE where the kind does not fit */
  uint16_t *fit_counts;       /* [kind] */
};
struct market_policy *market_policy_new(struct market *market) SG_MUST_CHECK;
void market_policy_set(struct market_policy *policy, const struct market *market,
                       const double *values);

/*
 * Arrivals and departures in the order they happen. Lifetimes are exponential: whichever
 * instance is there departs next with equal chance, so no clock is needed. Instances that were
 * refused depart too, unseen: every policy meets the same stream.
 */
struct market_stream {
  int32_t *events; /* the kind that arrives; ~number of the instance that departs */
  size_t event_count;
  uint32_t instance_count;
  uint32_t measured_from; /* the first instance that counts: the ones before warm up */
};
/* `measured`: instances that count. */
struct market_stream market_stream_new(const struct market *market, double load, uint32_t gpus,
                                       uint32_t measured, uint64_t seed);
/* Arrivals alone, of up to `overload` times the slices that there are; all count. */
struct market_stream market_filling_new(const struct market *market, uint32_t gpus, double overload,
                                        uint64_t seed);
void market_stream_done(struct market_stream *stream);

/* What a GPU learns of the others by watching a stream being played. */
struct market_record {
  double *won;     /* [cell]: instances of a kind whose best bid among the others had this layout */
  double *refused; /* [kind]: no other GPU could take it */
  double *arrived; /* [kind] */
};

struct market_score {
  double offered, accepted; /* slices that count */
  double accepted_early;    /* of them, those within the slices that there are: filling */
};

/* GPUs by layout. */
struct market_pool {
  uint32_t gpu_count;
  uint16_t *layouts;       /* [gpu] */
  uint32_t *first;         /* [layout]: a list of GPUs; UINT32_MAX: none */
  uint32_t *next, *before; /* [gpu] */
  uint64_t *open;          /* [kind * words]: ranks of layouts that some GPU has */
  size_t words;
  struct market_seat {
    uint32_t gpu; /* UINT32_MAX: refused */
    uint8_t start;
  } * seats; /* [instance] */
  size_t seat_cap;
};
struct market_pool *market_pool_new(struct market *market, uint32_t gpus) SG_MUST_CHECK;
/* Plays the stream on empty GPUs. `record` may be NULL. */
struct market_score market_replay(struct market *market, struct market_pool *pool,
                                  const struct market_policy *policy,
                                  const struct market_stream *stream, struct market_record *record);

/* ---- values (market_value.c, market_play.c) ---------------------------------------------------
 */

/* How one GPU meets the others: how often each kind arrives and what the best of them bids. */
struct market_rivals {
  struct {
    double rate;    /* arrivals in a mean lifetime */
    double refused; /* share that nobody else can take */
    uint16_t count; /* different bids */
    double *bids;   /* ascending */
    double *below;  /* share of arrivals whose best bid is bids[i] or less */
    double *paid;   /* sum of those bids, each times its share */
  } * kinds;
};
struct market_rivals *market_rivals_new(struct market *market) SG_MUST_CHECK;
void market_rivals_set(struct market_rivals *rivals, const struct market *market,
                       const struct market_policy *policy, const struct market_record *record,
                       double load, uint32_t gpus);
/*
 * Solves one GPU's own problem against its rivals: values[layout], the empty one 0, in slices;
 * they come in as a first guess. `visits` is how often the GPU enters each layout, solved
 * along; a guess (all above 0 in sum) comes in too.
 */
void market_solve(const struct market *market, const struct market_rivals *rivals, double *values,
                  double *visits);
/* Values for this load, from self-play. */
void market_play(struct market *market, double load, uint32_t gpus, uint64_t seed, double *ret);

/* ---- random numbers (splitmix64) ---------------------------------------------------------------
 */

static inline uint64_t market_random(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}
/* 0 <= result < 1 */
static inline double market_random_unit(uint64_t *state) {
  return (double)(market_random(state) >> 11) * 0x1p-53;
}
/* 0 <= result < below <= UINT32_MAX */
static inline uint32_t market_random_below(uint64_t *state, uint32_t below) {
  return (uint32_t)((market_random(state) >> 32) * below >> 32);
}

#endif

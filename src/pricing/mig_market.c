/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of MIG layouts for a mix of pods. Self-play gives candidates; since a GPU there takes
 * the others' bids as given, it does not see what holding a whole GPU open is worth to all of
 * them, so each comes with several premiums for free slices that are together. Plain rules
 * stand beside them. For every load the candidate that does best in simulation is taken.
 */
#include "src/pricing/market.h"

#include <math.h>

enum {
  GPUS_MAX = 100, /* played with: prices of larger clusters are the same */
  STREAMS = 5,    /* for each load */
  FILLINGS = 20,  /* times as many in small clusters */
  FILLINGS_MAX = 160,
};

static const double play_loads[] = {0.9, 1.1};
/* For a whole free GPU, in GPUs; parts of one get the square of their share. */
static const double premiums[] = {0, 0.08, 0.16, 0.32, 0.64};
enum {
  PLAYED = SG_ARRAY_LEN(play_loads) * SG_ARRAY_LEN(premiums),
  PLAIN = 3,
  CANDIDATES = PLAYED + PLAIN,
};

struct contest {
  struct market *market;
  struct market_pool *pool;
  uint32_t gpus;
  double *values[CANDIDATES];
  struct market_policy *policies[CANDIDATES];
};

/* Percent of the slices; what a plain rule must be better by. */
static double handicap(size_t candidate) {
  const double plain = 0.04;
  return candidate < PLAYED ? 0 : plain;
}

/* ---- candidates ---------------------------------------------------------------------------- */

static void add_premium(const struct market *market, double *values, double premium) {
  for (uint16_t layout = 0; layout < market->mig->layout_count; layout++) {
    double share = (double)market->mig->free[layout] / market->mig->axis;
    values[layout] += premium * share * share * market->mig->axis;
  }
}

static void fill_played(struct contest *contest) {
  struct market *market = contest->market;
  double *played = arena_array(market->arena, market->mig->layout_count, sizeof *played);
  for (size_t i = 0; i < SG_ARRAY_LEN(play_loads); i++) {
    market_play(market, play_loads[i], contest->gpus, i << 32, played);
    for (size_t k = 0; k < SG_ARRAY_LEN(premiums); k++) {
      double *values = contest->values[i * SG_ARRAY_LEN(premiums) + k];
      memcpy(values, played, market->mig->layout_count * sizeof *values);
      add_premium(market, values, premiums[k]);
    }
  }
}

/* FGD and MFI, ties to the fuller GPU; best fit, ties to FGD. */
static void fill_plain(struct contest *contest) {
  const double tie = 0.024, much = 0.8, little = 0.01;
  struct market *market = contest->market;
  double *fgd = contest->values[PLAYED], *mfi = contest->values[PLAYED + 1],
         *best_fit = contest->values[PLAYED + 2];
  market_fragmentation(market, fgd);
  market_blocking(market, mfi);
  for (uint16_t layout = 0; layout < market->mig->layout_count; layout++) {
    best_fit[layout] = -little * fgd[layout];
    fgd[layout] = -fgd[layout];
    mfi[layout] = -mfi[layout];
  }
  add_premium(market, fgd, tie);
  add_premium(market, mfi, tie);
  add_premium(market, best_fit, much);
}

/* ---- coming and going ---------------------------------------------------------------------- */

/*
 * The candidate that accepts most slices at this load. All play the same streams, so one that
 * is clearly behind after some of them need not play the rest.
 */
static size_t best_at_load(struct contest *contest, double load, uint64_t seed) {
  const double lifetimes = 52, clear = 0.6; /* percent, after one stream */
  double scores[CANDIDATES] = {0};
  bool is_out[CANDIDATES] = {0};
  size_t best = 0;
  for (unsigned i = 0; i < STREAMS; i++) {
    struct market_stream stream = market_stream_new(
        contest->market, load, contest->gpus, market_lifetimes(contest->gpus, lifetimes), seed + i);
    for (size_t k = 0; k < CANDIDATES; k++) {
      if (is_out[k])
        continue;
      struct market_score score =
          market_replay(contest->market, contest->pool, contest->policies[k], &stream, NULL);
      scores[k] += 100 * score.accepted / score.offered - handicap(k);
      if (is_out[best] || scores[k] > scores[best])
        best = k;
    }
    market_stream_done(&stream);
    for (size_t k = 0; k < CANDIDATES; k++)
      is_out[k] = is_out[k] || scores[k] < scores[best] - clear * sqrt(i + 1);
  }
  return best;
}

/* ---- filling up ---------------------------------------------------------------------------- */

static double fill_score(struct contest *contest, const struct market_policy *policy,
                         const struct market_stream *fillings, size_t count) {
  const double late = 0.3; /* what counts of slices accepted when more are asked for than are */
  double score = 0;
  for (size_t i = 0; i < count; i++) {
    struct market_score filled =
        market_replay(contest->market, contest->pool, policy, &fillings[i], NULL);
    score += filled.accepted_early + late * filled.accepted;
  }
  double slices = (double)contest->market->mig->axis * contest->gpus;
  return 100 * score / (slices * (double)count);
}

/* Values for GPUs that fill up and nothing departs: the candidate that is returned, less what
 * would be wasted. */
static size_t best_at_filling(struct contest *contest, double *ret) {
  static const double weights[] = {0, 0.5, 1, 2};
  const double overload = 1.2;
  struct market *market = contest->market;
  uint16_t layout_count = market->mig->layout_count;
  double *waste = arena_array(market->arena, layout_count, sizeof *waste);
  double *values = arena_array(market->arena, layout_count, sizeof *values);
  struct market_policy *policy = market_policy_new(market);
  struct market_stream fillings[FILLINGS_MAX];
  size_t count = (size_t)market_lifetimes(contest->gpus, FILLINGS);
  for (size_t i = 0; i < count; i++)
    fillings[i] = market_filling_new(market, contest->gpus, overload, ~(uint64_t)i);
  market_waste(market, waste);
  size_t best = 0;
  double best_score = -1;
  for (size_t k = 0; k < CANDIDATES; k++) {
    for (size_t i = 0; i < SG_ARRAY_LEN(weights); i++) {
      for (uint16_t layout = 0; layout < layout_count; layout++)
        values[layout] = contest->values[k][layout] - weights[i] * waste[layout];
      market_policy_set(policy, market, values);
      double score = fill_score(contest, policy, fillings, count) - handicap(k);
      if (score <= best_score)
        continue;
      best_score = score;
      best = k;
      memcpy(ret, values, layout_count * sizeof *ret);
    }
  }
  for (size_t i = 0; i < count; i++)
    market_stream_done(&fillings[i]);
  return best;
}

/* ---- public -------------------------------------------------------------------------------- */

static uint8_t fewest_free(const struct pack_mig *mig) {
  uint8_t fewest = mig->axis;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    if (mig->free[layout] < fewest)
      fewest = mig->free[layout];
  return fewest;
}

/* From the empty layout down to the mean of those that are as full as can be. */
static double range_of(const struct pack_mig *mig, const double *values) {
  uint8_t fewest = fewest_free(mig);
  double sum = 0, count = 0;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    if (mig->free[layout] > fewest)
      continue;
    sum += values[layout];
    count++;
  }
  double range = values[0] - sum / count;
  return range > 0 ? range : mig->axis;
}

/* In micro-GPU, the empty layout PACK_MICRO. Scaling by the range changes no choice between the
 * GPUs of a product, and makes products comparable. */
static void round_values(const struct pack_mig *mig, const double *values, double range,
                         int32_t *ret) {
  const double limit = 1000; /* GPUs */
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    double share = 1 + (values[layout] - values[0]) / range;
    ret[layout] = (int32_t)lround(PACK_MICRO * fmax(-limit, fmin(share, limit)));
  }
}

void pricing_mig_values(const struct pack_mig *mig, const double *weights, uint32_t gpus,
                        int32_t *ret[PACK_LOADS]) {
  static const double loads[PACK_LOADS] = {
      [PACK_LOAD_LOW] = 0.8, [PACK_LOAD_EVEN] = 1.0, [PACK_LOAD_HIGH] = 1.2};
  struct market *market = market_new(mig, weights);
  struct contest contest = {.market = market, .gpus = gpus < GPUS_MAX ? gpus : GPUS_MAX};
  if (contest.gpus == 0)
    contest.gpus = 1;
  contest.pool = market_pool_new(market, contest.gpus);
  for (size_t k = 0; k < CANDIDATES; k++)
    contest.values[k] = arena_array(market->arena, mig->layout_count, sizeof(double));
  fill_played(&contest);
  fill_plain(&contest);
  for (size_t k = 0; k < CANDIDATES; k++) {
    contest.policies[k] = market_policy_new(market);
    market_policy_set(contest.policies[k], market, contest.values[k]);
  }
  double *filling = arena_array(market->arena, mig->layout_count, sizeof *filling);
  size_t best = best_at_filling(&contest, filling);
  round_values(mig, filling, range_of(mig, contest.values[best]), ret[PACK_LOAD_FILL]);
  for (size_t load = PACK_LOAD_LOW; load < PACK_LOADS; load++) {
    best = best_at_load(&contest, loads[load], load << 48);
    const double *values = contest.values[best];
    round_values(mig, values, range_of(mig, values), ret[load]);
  }
  market_free(market);
}

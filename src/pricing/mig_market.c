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
  GPUS_MAX = 100,          /* played with: prices of larger clusters are the same */
  STREAMS = 5,             /* for each load */
  WATCHED = 12000,         /* instances of a stream */
  WATCHED_FILLING = 16000, /* of all fillings together */
  FILLINGS_MAX = 800,
};

static const double play_loads[] = {0.9, 1.1};
/* For a whole free GPU, in GPUs; parts of one get the square of their share. */
static const double premiums[] = {0, 0.08, 0.16, 0.32, 0.64};
/* Of slices that would be wasted if this were the last GPU: only in a cluster that fills up. */
static const double waste_weights[] = {0, 0.5, 1, 2, 4, 8};
enum {
  PLAYED = SG_ARRAY_LEN(play_loads) * SG_ARRAY_LEN(premiums),
  PLAIN = 3,
  CANDIDATES = PLAYED + PLAIN,
  WASTES = SG_ARRAY_LEN(waste_weights),
};

struct contest {
  struct market *market;
  struct market_pool *pool;
  uint32_t gpus;
  double *values[CANDIDATES];
};

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

/* ---- the contest --------------------------------------------------------------------------- */

struct entry {
  const double *values;
  struct market_policy *policy;
  size_t candidate;
  double score; /* percent of slices, summed over streams */
  bool is_out;
};

static void enter(const struct contest *contest, struct entry *entry, size_t candidate,
                  const double *values) {
  *entry = (struct entry){.values = values, .candidate = candidate};
  entry->policy = market_policy_new(contest->market);
  market_policy_set(entry->policy, contest->market, values);
}

/*
 * All play the same streams, so one that is clearly behind need not play the rest. `clear` is
 * what that means after one stream.
 */
struct race {
  struct entry *entries;
  size_t entry_count, stream_count;
  double clear;
  struct market_stream (*stream)(const struct contest *contest, double load, uint64_t seed);
  double (*score)(const struct contest *contest, const struct market_score *score);
};

static const struct entry *run(const struct contest *contest, const struct race *race, double load,
                               uint64_t seed) {
  const double handicap = 0.04; /* of plain rules: those that win by luck do worse elsewhere */
  struct entry *best = race->entries;
  for (size_t i = 0; i < race->stream_count; i++) {
    struct market_stream stream = race->stream(contest, load, seed + i);
    for (size_t k = 0; k < race->entry_count; k++) {
      struct entry *entry = &race->entries[k];
      if (entry->is_out)
        continue;
      struct market_score score =
          market_replay(contest->market, contest->pool, entry->policy, &stream, NULL);
      entry->score += race->score(contest, &score) - (entry->candidate < PLAYED ? 0 : handicap);
    }
    market_stream_done(&stream);
    for (size_t k = 0; k < race->entry_count; k++)
      if (best->is_out || (!race->entries[k].is_out && race->entries[k].score > best->score))
        best = &race->entries[k];
    double least = best->score - race->clear * sqrt((double)(i + 1));
    for (size_t k = 0; k < race->entry_count; k++)
      race->entries[k].is_out = race->entries[k].is_out || race->entries[k].score < least;
  }
  return best;
}

/* ---- coming and going ---------------------------------------------------------------------- */

static struct market_stream churn(const struct contest *contest, double load, uint64_t seed) {
  return market_stream_new(contest->market, load, contest->gpus, WATCHED, seed);
}

static double churn_score(const struct contest *contest, const struct market_score *score) {
  (void)contest;
  return score->offered > 0 ? 100 * score->accepted / score->offered : 0;
}

static const struct entry *best_at_load(const struct contest *contest, struct entry *entries,
                                        double load, uint64_t seed) {
  const double clear = 0.6;
  for (size_t k = 0; k < CANDIDATES; k++) {
    entries[k].score = 0;
    entries[k].is_out = false;
  }
  struct race race = {entries, CANDIDATES, STREAMS, clear, churn, churn_score};
  return run(contest, &race, load, seed);
}

/* ---- filling up ---------------------------------------------------------------------------- */

static struct market_stream filling(const struct contest *contest, double load, uint64_t seed) {
  return market_filling_new(contest->market, contest->gpus, load, seed);
}

/* Slices accepted until as many were asked for as there are, and a little of those later. */
static double filling_score(const struct contest *contest, const struct market_score *score) {
  const double late = 0.15;
  double slices = (double)contest->market->mig->axis * contest->gpus;
  return 100 * (score->accepted_early + late * score->accepted) / slices;
}

/* For GPUs that fill up and nothing departs: candidates less what would be wasted. */
static const struct entry *best_at_filling(const struct contest *contest, uint64_t seed) {
  const double overload = 1.2, clear = 20 / sqrt(contest->gpus);
  double fillings = WATCHED_FILLING / market_arrivals(contest->market, overload, contest->gpus);
  struct market *market = contest->market;
  uint16_t layout_count = market->mig->layout_count;
  double *waste = arena_array(market->arena, layout_count, sizeof *waste);
  struct entry *entries = arena_array(market->arena, CANDIDATES * WASTES, sizeof *entries);
  market_waste(market, waste);
  for (size_t i = 0; i < CANDIDATES * WASTES; i++) {
    double *values = arena_array(market->arena, layout_count, sizeof *values);
    for (uint16_t layout = 0; layout < layout_count; layout++)
      values[layout] =
          contest->values[i / WASTES][layout] - waste_weights[i % WASTES] * waste[layout];
    enter(contest, &entries[i], i / WASTES, values);
  }
  struct race race = {entries, CANDIDATES * WASTES, (size_t)fmin(1 + fillings, FILLINGS_MAX), clear,
                      filling, filling_score};
  return run(contest, &race, overload, seed);
}

/* ---- public -------------------------------------------------------------------------------- */

static uint8_t fewest_free(const struct pack_mig *mig) {
  uint8_t fewest = mig->axis;
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    if (mig->free[layout] < fewest)
      fewest = mig->free[layout];
  return fewest;
}

/* From the empty layout down to the mean of those that are as full as can be; at least a half of
 * what there is between any two, since to plain rules empty and full ones may be alike. */
static double range_of(const struct pack_mig *mig, const double *values) {
  uint8_t fewest = fewest_free(mig);
  double sum = 0, count = 0, least = values[0], most = values[0];
  for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
    least = fmin(least, values[layout]);
    most = fmax(most, values[layout]);
    if (mig->free[layout] > fewest)
      continue;
    sum += values[layout];
    count++;
  }
  double range = fmax(values[0] - sum / count, (most - least) / 2);
  return range > 0 ? range : mig->axis;
}

/* In micro-GPU, the empty layout PACK_MICRO. Scaling by the range changes no choice between the
 * GPUs of a product, and makes products comparable. */
static void round_values(const struct pack_mig *mig, const double *values, double range,
                         int32_t *ret) {
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    ret[layout] = (int32_t)lround(PACK_MICRO * (1 + (values[layout] - values[0]) / range));
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
  struct entry entries[CANDIDATES];
  for (size_t k = 0; k < CANDIDATES; k++)
    enter(&contest, &entries[k], k, contest.values[k]);
  for (size_t load = 0; load < PACK_LOADS; load++) {
    uint64_t seed = load << 48;
    const struct entry *best = load == PACK_LOAD_FILL
                                   ? best_at_filling(&contest, seed)
                                   : best_at_load(&contest, entries, loads[load], seed);
    double range = range_of(mig, contest.values[best->candidate]);
    round_values(mig, best->values, range, ret[load]);
  }
  market_free(market);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * B1: pods arrive until they have asked for 120 % of all slices; nobody leaves. How much of it
 * was placed when 80, 100 and 120 % had been asked for.
 */
#include "src/simulate/mig.h"

static const unsigned demands_pct[MIG_DEMANDS] = {80, 100, 120};

static int64_t capacity_of(const struct mig_bed *bed, const struct mig_ground *ground) {
  return (int64_t)ground->gpus * bed->mig->axis;
}

/* The arrival that reaches a demand is the last that counts for it. */
static bool is_reached(int64_t demanded, int64_t capacity, size_t demand) {
  return demanded * 100 >= capacity * demands_pct[demand];
}

bool mig_play_saturation(const struct mig_bed *bed, const struct mig_ground *ground,
                         const struct mig_player *player, struct sim_run *run,
                         struct mig_saturation *ret, struct err *reterr) {
  const struct mig_mix *mix = ground->mix;
  struct sim_random pods = sim_random_of(run->seed, SIM_STREAM_PODS);
  int64_t capacity = capacity_of(bed, ground);
  int64_t demanded = 0;
  uint64_t arrived = 0;
  uint64_t accepted = 0;
  struct mig_game game;
  mig_game_init(&game, bed, ground, player, run);
  for (size_t demand = 0; demand < MIG_DEMANDS;) {
    size_t w = sim_random_pick(&pods, mix->weights, mix->wanted_count);
    accepted += mig_game_arrive(&game, w);
    arrived++;
    demanded += mix->sizes[w];
    for (; demand < MIG_DEMANDS && is_reached(demanded, capacity, demand); demand++) {
      ret->accepted_pct[demand] = 100.0 * (double)accepted / (double)arrived;
      ret->slices_pct[demand] = 100.0 * (double)game.used / (double)capacity;
      if (demand == 0 && !game.is_oracle)
        ret->gpus_in_use = game.in_use;
    }
  }
  return mig_game_done(&game, run, reterr);
}

void mig_play_bound(const struct mig_bed *bed, const struct mig_ground *ground,
                    const struct sim_run *run, struct mig_saturation *ret) {
  const struct mig_mix *mix = ground->mix;
  struct sim_random pods = sim_random_of(run->seed, SIM_STREAM_PODS);
  int64_t capacity = capacity_of(bed, ground);
  int64_t demanded = 0;
  uint32_t counts[MIG_WANTED_MAX] = {0};
  for (size_t demand = 0; demand < MIG_DEMANDS;) {
    size_t w = sim_random_pick(&pods, mix->weights, mix->wanted_count);
    counts[w]++;
    demanded += mix->sizes[w];
    for (; demand < MIG_DEMANDS && is_reached(demanded, capacity, demand); demand++) {
      double slices = mig_bound(&bed->maximal[mix - bed->mixes], mix->sizes, counts,
                                mix->wanted_count, ground->gpus);
      ret->slices_pct[demand] = 100.0 * slices / (double)capacity;
    }
  }
}

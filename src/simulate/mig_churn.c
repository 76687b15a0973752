/* SPDX-License-Identifier: Apache-2.0 */
/*
 * B2: pods arrive as a Poisson process and stay for an exponential time of mean 1; a pod that is
 * refused is lost. The load is what would be in use if all were accepted, in slices, of
 * capacity. What is accepted is counted in slices: plain acceptance rewards who turns large pods
 * away.
 */
#include "src/simulate/mig.h"

static const double end = 60;
static const double measured_from = 10;

struct tally {
  double offered, accepted; /* slices */
  double pods_offered, pods_accepted;
  double moves;
  double last_time, time;    /* what has been measured */
  double in_use, fragmented; /* integrals over time */
};

/* What held since the last event held until now. */
static void pass_time(struct tally *tally, const struct mig_game *game, double now) {
  double from = tally->last_time > measured_from ? tally->last_time : measured_from;
  double to = now < end ? now : end;
  tally->last_time = now;
  if (to <= from)
    return;
  tally->time += to - from;
  tally->in_use += (to - from) * game->in_use;
  tally->fragmented += (to - from) * game->fragmented;
}

static void arrive(struct tally *tally, struct mig_game *game, struct sim_queue *departures,
                   double now, double lifetime, size_t w) {
  uint64_t pod = game->arrived;
  uint64_t moves_before = game->world.moves;
  bool is_accepted = mig_game_arrive(game, w);
  if (is_accepted)
    sim_queue_push(departures, now + lifetime, pod * MIG_WANTED_MAX + w);
  if (now < measured_from)
    return;
  uint8_t size = game->ground->mix->sizes[w];
  tally->offered += size;
  tally->accepted += is_accepted ? size : 0;
  tally->pods_offered++;
  tally->pods_accepted += is_accepted;
  tally->moves += (double)(game->world.moves - moves_before);
}

static void depart_until(struct tally *tally, struct mig_game *game, struct sim_queue *departures,
                         double now) {
  for (const struct sim_event *first;
       (first = sim_queue_first(departures)) != NULL && first->time <= now;) {
    struct sim_event event = sim_queue_pop(departures);
    pass_time(tally, game, event.time);
    mig_game_depart(game, event.id / MIG_WANTED_MAX, event.id % MIG_WANTED_MAX);
  }
}

bool mig_play_churn(const struct mig_bed *bed, const struct mig_ground *ground,
                    const struct mig_player *player, struct sim_run *run, double load,
                    struct mig_churn *ret, struct err *reterr) {
  const struct mig_mix *mix = ground->mix;
  double capacity = (double)ground->gpus * bed->mig->axis;
  double distance = mix->mean_size / (load * capacity);
  struct sim_random pods = sim_random_of(run->seed, SIM_STREAM_PODS);
  struct sim_random times = sim_random_of(run->seed, SIM_STREAM_TIMES);
  struct sim_queue departures = {0};
  struct tally tally = {0};
  struct mig_game game;
  mig_game_init(&game, bed, ground, player, run);
  double now = 0;
  while ((now += sim_random_exponential(&times, distance)) < end) {
    double lifetime = sim_random_exponential(&times, 1);
    size_t w = sim_random_pick(&pods, mix->weights, mix->wanted_count);
    depart_until(&tally, &game, &departures, now);
    pass_time(&tally, &game, now);
    arrive(&tally, &game, &departures, now, lifetime, w);
  }
  depart_until(&tally, &game, &departures, end);
  pass_time(&tally, &game, end);
  ret->slices_pct = 100 * tally.accepted / tally.offered;
  ret->accepted_pct = 100 * tally.pods_accepted / tally.pods_offered;
  if (!game.is_oracle) {
    ret->gpus_in_use = tally.in_use / tally.time;
    ret->fragmented_pct = 100 * tally.fragmented / tally.time / capacity;
    ret->moves = tally.moves / (tally.pods_accepted > 0 ? tally.pods_accepted : 1);
  }
  sim_queue_done(&departures);
  return mig_game_done(&game, run, reterr);
}

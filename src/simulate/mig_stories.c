/* SPDX-License-Identifier: Apache-2.0 */
/*
 * B3: short stories on few GPUs, where the optimum is known exactly. A story has 1 to 12 events
 * on 1 to 3 GPUs; every second story has departures, and there one event in three takes away
 * one of the pods that came before.
 */
#include "src/simulate/mig.h"

static void draw_events(struct sim_random *random, const struct mig_mix *mix, bool has_departures,
                        struct mig_story *story) {
  uint8_t present[MIG_STORY_MAX]; /* arrivals that have not departed, accepted or not */
  size_t present_count = 0;
  uint16_t profiles[MIG_STORY_MAX];
  uint8_t arrivals = 0;
  story->count = 1 + sim_random_below(random, MIG_STORY_MAX);
  for (size_t i = 0; i < story->count; i++) {
    struct mig_story_event *event = &story->events[i];
    *event = (struct mig_story_event){0};
    if (has_departures && present_count && sim_random_below(random, 3) == 0) {
      size_t which = sim_random_below(random, present_count);
      event->is_departure = true;
      event->arrival = present[which];
      event->profile = profiles[event->arrival];
      present[which] = present[--present_count];
      continue;
    }
    event->arrival = arrivals;
    event->profile = mix->wanted[sim_random_pick(random, mix->weights, mix->wanted_count)];
    profiles[arrivals] = event->profile;
    present[present_count++] = arrivals++;
  }
}

void mig_stories_draw(const struct mig_bed *bed, uint64_t seed,
                      struct mig_told_story ret[MIG_STORIES]) {
  struct sim_random random = sim_random_of(seed, SIM_STREAM_STORIES);
  for (size_t i = 0; i < MIG_STORIES; i++) {
    struct mig_told_story *told = &ret[i];
    *told = (struct mig_told_story){0};
    told->has_departures = i % 2 == 1;
    told->mix = sim_random_below(&random, bed->exact_mixes);
    told->story.gpus = 1 + (uint32_t)sim_random_below(&random, MIG_STORY_GPUS_MAX);
    draw_events(&random, &bed->mixes[told->mix], told->has_departures, &told->story);
    for (size_t e = 0; e < told->story.count; e++)
      if (!told->story.events[e].is_departure)
        told->offered += bed->mig->profiles[told->story.events[e].profile].size;
    told->best = mig_exact(bed->mig, &told->story, true);
    told->best_accepting = mig_exact(bed->mig, &told->story, false);
  }
}

static size_t find_wanted(const struct mig_mix *mix, uint16_t profile) {
  size_t w = 0;
  while (mix->wanted[w] != profile)
    w++;
  return w;
}

/* How many slices the player accepts. */
static bool play(const struct mig_bed *bed, const struct mig_told_story *told,
                 const struct mig_player *player, struct sim_run *run, uint32_t *ret,
                 struct err *reterr) {
  const struct mig_ground *ground =
      &bed->exact_grounds[told->mix * MIG_STORY_GPUS_MAX + told->story.gpus - 1];
  bool is_accepted[MIG_STORY_MAX];
  *ret = 0;
  struct mig_game game;
  mig_game_init(&game, bed, ground, player, run);
  for (size_t e = 0; e < told->story.count; e++) {
    const struct mig_story_event *event = &told->story.events[e];
    size_t w = find_wanted(ground->mix, event->profile);
    if (!event->is_departure) {
      is_accepted[event->arrival] = mig_game_arrive(&game, w);
      *ret += is_accepted[event->arrival] ? ground->mix->sizes[w] : 0;
    } else if (is_accepted[event->arrival]) {
      mig_game_depart(&game, event->arrival, w);
    }
  }
  return mig_game_done(&game, run, reterr);
}

bool mig_play_stories(const struct mig_bed *bed, const struct mig_told_story *stories,
                      const struct mig_player *player, struct sim_run *run,
                      struct mig_exactness ret[2], struct err *reterr) {
  for (size_t kind = 0; kind < 2; kind++) {
    double best = 0;
    double got = 0;
    size_t count = 0;
    size_t equal = 0;
    size_t equal_accepting = 0;
    size_t possible = 0;
    size_t all = 0;
    for (size_t i = 0; i < MIG_STORIES; i++) {
      const struct mig_told_story *told = &stories[i];
      if (told->has_departures != (kind == 1))
        continue;
      uint32_t slices;
      if (!play(bed, told, player, run, &slices, reterr))
        return false;
      count++;
      best += told->best;
      got += slices;
      equal += slices >= told->best;
      equal_accepting += slices >= told->best_accepting;
      possible += told->best == told->offered;
      all += slices == told->offered;
    }
    ret[kind].slices_pct = 100 * got / best;
    ret[kind].equal_pct = 100.0 * (double)equal / (double)count;
    ret[kind].all_pct = 100.0 * (double)all / (double)possible;
    ret[kind].equal_accepting_pct = 100.0 * (double)equal_accepting / (double)count;
  }
  return true;
}

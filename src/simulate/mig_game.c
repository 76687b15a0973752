/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods come to MIG GPUs and leave; what is measured is kept as GPUs change. A policy plays
 * through the real core; the oracle moves everything for nothing and takes whatever can be held.
 */
#include "src/simulate/mig.h"

#include <stdlib.h>

/* The node's GPU is another than it was. */
static void look_at(void *ctx, uint32_t node) {
  struct mig_game *game = ctx;
  const struct pack_mig *mig = game->bed->mig;
  uint16_t now = pack_cluster_node(game->world.cluster, node)->devices[0].layout;
  uint16_t before = game->layouts[node];
  game->used += mig->free[before] - mig->free[now];
  game->fragmented += game->fragments[now] - game->fragments[before];
  game->in_use += (now != 0);
  game->in_use -= (before != 0);
  game->layouts[node] = now;
}

void mig_game_init(struct mig_game *game, const struct mig_bed *bed,
                   const struct mig_ground *ground, const struct mig_player *player,
                   const struct sim_run *run) {
  *game = (struct mig_game){.bed = bed, .ground = ground, .is_oracle = !player->policy};
  if (game->is_oracle) {
    game->counts = mem_zalloc(bed->mig->profile_count * sizeof(*game->counts));
    return;
  }
  game->fragments = bed->fragments[ground->mix - bed->mixes];
  game->layouts = mem_zalloc(ground->gpus * sizeof(*game->layouts));
  game->fragmented = ground->gpus * game->fragments[0];
  if (player->is_ours)
    game->learner = pricing_learner_copy(ground->learner);
  /* Not a copy of the ground's: runs on several threads would draw node ids from one counter. */
  struct err err;
  struct pack_cluster *cluster = mig_cluster(bed, ground->gpus, &err);
  sim_world_start(&game->world, run, player->policy, cluster, game->learner,
                  player->is_ours ? ground->tables : ground->mix_tables);
  game->world.moves_per_refusal = player->moves_per_refusal;
  if (run->options->moves_per_100)
    game->world.moves_per_100 = run->options->moves_per_100;
  game->world.changed = look_at;
  game->world.changed_ctx = game;
}

bool mig_game_done(struct mig_game *game, struct sim_run *run, struct err *reterr) {
  bool is_good = game->is_oracle || sim_world_finish(&game->world, run, reterr);
  if (!game->is_oracle)
    sim_world_done(&game->world);
  pricing_learner_free(game->learner);
  free(game->layouts);
  free(game->counts);
  return is_good;
}

static bool oracle_arrive(struct mig_game *game, uint16_t profile) {
  uint8_t size = game->bed->mig->profiles[profile].size;
  int64_t capacity = (int64_t)game->ground->gpus * game->bed->mig->axis;
  if (game->used + size > capacity)
    return false;
  game->counts[profile]++;
  if (!pack_mig_can_hold(game->bed->mig, game->counts, game->ground->gpus)) {
    game->counts[profile]--;
    return false;
  }
  game->used += size;
  return true;
}

bool mig_game_arrive(struct mig_game *game, size_t w) {
  uint16_t profile = game->ground->mix->wanted[w];
  game->arrived++;
  if (game->is_oracle)
    return oracle_arrive(game, profile);
  return sim_world_arrive(&game->world, &game->bed->requests[profile]);
}

void mig_game_depart(struct mig_game *game, uint64_t pod, size_t w) {
  if (game->is_oracle) {
    game->counts[game->ground->mix->wanted[w]]--;
    game->used -= game->ground->mix->sizes[w];
  } else {
    sim_world_depart(&game->world, pod);
  }
}

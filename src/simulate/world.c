/* SPDX-License-Identifier: Apache-2.0 */
/* Pods arrive and leave: the loop that every suite and every policy goes through. */
#include "src/simulate/simulate_internal.h"

#include <stdlib.h>

static int64_t now_ns(const struct sim_world *world) {
  return world->env->now_ns ? world->env->now_ns(world->env->ctx) : 0;
}

static bool is_ours(const struct pack_policy *policy) {
  size_t count;
  return policy == pack_policies(&count)[0];
}

void sim_world_start(struct sim_world *world, const struct sim_run *run,
                     const struct pack_policy *policy, struct pack_cluster *cluster,
                     struct pricing_learner *learner, struct pack_tables_ref *tables) {
  struct sim_random lots = sim_random_of(run->seed, SIM_STREAM_POLICY);
  *world = (struct sim_world){.env = run->env,
                              .policy = policy,
                              .cluster = cluster,
                              .learner = is_ours(policy) ? learner : NULL,
                              .moves_per_100 = SIM_ANY_MOVES};
  world->scorer = pack_scorer_new(policy, pack_cluster_catalog(cluster), sim_random_next(&lots));
  if (tables)
    pack_scorer_set_tables(world->scorer, tables);
}

void sim_world_start_with_history(struct sim_world *world, const struct sim_run *run,
                                  struct pack_cluster *cluster, const struct pack_request *requests,
                                  const uint32_t *counts, size_t count) {
  int64_t start = run->env->now_ns ? run->env->now_ns(run->env->ctx) : 0;
  struct pricing_learner *learner = pricing_learner_new(pack_cluster_catalog(cluster));
  pricing_learner_history(learner, requests, counts, count);
  struct pack_tables_ref *tables = pricing_learner_tables(learner, cluster);
  sim_world_start(world, run, run->contender.policy, cluster, learner, tables);
  world->owned_learner = learner;
  world->learning_ns = now_ns(world) - start;
  pack_tables_unref(tables);
}

void sim_world_done(struct sim_world *world) {
  pack_scorer_free(world->scorer);
  pricing_learner_free(world->owned_learner);
  pack_cluster_free(world->cluster);
  free(world->pods);
  *world = (struct sim_world){0};
}

bool sim_world_finish(const struct sim_world *world, struct sim_run *run, struct err *reterr) {
  run->seconds += (double)world->decision_ns / 1e9;
  if (!world->is_broken)
    return true;
  return err_set(reterr, ERR_INTERNAL, "%s chose a place that is not free (seed %llu)",
                 pack_policy_name(world->policy), (unsigned long long)run->seed);
}

static void tell(const struct sim_world *world, uint32_t node) {
  if (world->changed)
    world->changed(world->changed_ctx, node);
}

/* ---- learning ------------------------------------------------------------------------------- */

/* The pod that has come is part of the mix that it is judged by. Tables are made off the
 * decision path; their time is counted apart. */
static void learn(struct sim_world *world, const struct pack_request *request) {
  if (!world->learner)
    return;
  pricing_learner_arrived(world->learner, request);
  if (!pricing_learner_is_due(world->learner))
    return;
  int64_t start = now_ns(world);
  struct pack_tables_ref *tables = pricing_learner_tables(world->learner, world->cluster);
  pack_scorer_set_tables(world->scorer, tables);
  pack_tables_unref(tables);
  world->learning_ns += now_ns(world) - start;
}

/* How full the cluster is counts for ours alone; the others are told and take no notice. */
static void look_around(struct sim_world *world) {
  struct pack_traffic traffic = {0};
  if (world->learner)
    traffic = pricing_learner_traffic(world->learner, world->cluster);
  traffic.is_switching = world->is_switching;
  pack_scorer_set_conditions(world->scorer, world->cluster, &traffic);
}

/* ---- moves ------------------------------------------------------------------------------------
 */

static uint64_t moves_allowed(const struct sim_world *world) {
  uint64_t allowed = world->moves_per_refusal;
  if (world->moves_per_100 != SIM_ANY_MOVES) {
    uint64_t budget = world->placed * world->moves_per_100 / 100;
    uint64_t left = budget > world->moves ? budget - world->moves : 0;
    allowed = left < allowed ? left : allowed;
  }
  return allowed < PACK_MOVES_MAX ? allowed : PACK_MOVES_MAX;
}

static void carry_out(struct sim_world *world, const struct pack_move *move) {
  struct sim_pod *pod = &world->pods[move->uid];
  if (!pack_release(world->cluster, move->from, move->uid) ||
      !pack_commit(world->cluster, move->uid, pod->request, &move->to))
    world->is_broken = true;
  pod->node = move->to.node;
  tell(world, move->from);
  tell(world, move->to.node);
  world->moves++;
}

static bool place_by_moves(struct sim_world *world, const struct pack_request *request,
                           struct pack_placement *ret) {
  struct pack_suggestion suggestion;
  uint64_t allowed = moves_allowed(world);
  if (allowed == 0 ||
      !pack_suggest(world->scorer, world->cluster, request, (size_t)allowed, &suggestion))
    return false;
  for (size_t i = 0; i < suggestion.move_count; i++)
    carry_out(world, &suggestion.moves[i]);
  *ret = suggestion.placement;
  return true;
}

/* ---- pods -------------------------------------------------------------------------------------
 */

static struct sim_pod *new_pod(struct sim_world *world, const struct pack_request *request) {
  if (world->arrived == world->pod_cap) {
    world->pod_cap = world->pod_cap ? world->pod_cap * 2 : 4096;
    world->pods = mem_realloc(world->pods, world->pod_cap * sizeof(*world->pods));
  }
  struct sim_pod *pod = &world->pods[world->arrived++];
  *pod = (struct sim_pod){request, SIM_NOWHERE};
  return pod;
}

bool sim_world_arrive(struct sim_world *world, const struct pack_request *request) {
  uint64_t uid = world->arrived;
  struct sim_pod *pod = new_pod(world, request);
  int64_t start = now_ns(world), learnt = world->learning_ns;
  learn(world, request);
  if (uid % PACK_CONDITIONS_EVERY == 0)
    look_around(world);
  struct pack_choice choice;
  bool is_placed = pack_choose(world->scorer, world->cluster, request, &choice, 1) > 0 ||
                   place_by_moves(world, request, &choice.placement);
  if (is_placed && !pack_commit(world->cluster, uid, request, &choice.placement))
    world->is_broken = true;
  world->decision_ns += now_ns(world) - start - (world->learning_ns - learnt);
  if (is_placed) {
    pod->node = choice.placement.node;
    world->placed++;
    tell(world, pod->node);
  }
  if (world->learner)
    pricing_learner_judged(world->learner, request, is_placed);
  return is_placed;
}

void sim_world_depart(struct sim_world *world, uint64_t uid) {
  struct sim_pod *pod = &world->pods[uid];
  if (pod->node == SIM_NOWHERE)
    return;
  uint32_t node = pod->node;
  int64_t start = now_ns(world);
  if (!pack_release(world->cluster, node, uid))
    world->is_broken = true;
  world->decision_ns += now_ns(world) - start;
  pod->node = SIM_NOWHERE;
  if (world->learner)
    pricing_learner_departed(world->learner, pod->request);
  tell(world, node);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/simulate/history.h"

#include <stdlib.h>

static int64_t now_ns(const struct sim_env *env) {
  return env->now_ns ? env->now_ns(env->ctx) : 0;
}

struct sim_history *sim_history_new(const struct sim_trace *trace, const struct sim_env *env,
                                    struct err *reterr) {
  /* Tables depend on how much there is of which product, not on the order of nodes. */
  struct sim_random order = sim_random_of(0, SIM_STREAM_NODES);
  struct pack_cluster *cluster = sim_trace_cluster(trace, &order, reterr);
  if (!cluster)
    return NULL;
  int64_t start = now_ns(env);
  struct sim_history *history = mem_zalloc(sizeof(*history));
  history->learner = pricing_learner_new(trace->catalog);
  pricing_learner_history(history->learner, trace->classes, trace->class_counts,
                          trace->facts.classes);
  history->tables = pricing_learner_tables(history->learner, cluster);
  history->ns = now_ns(env) - start;
  sim_target_init(&history->target, trace);
  pack_cluster_free(cluster);
  return history;
}

void sim_history_free(void *ptr) {
  struct sim_history *history = ptr;
  if (!history)
    return;
  pricing_learner_free(history->learner);
  pack_tables_unref(history->tables);
  sim_target_done(&history->target);
  free(history);
}

bool sim_history_start(const struct sim_history *history, struct sim_run *run,
                       struct sim_world *ret, struct err *reterr) {
  struct sim_random order = sim_random_of(run->seed, SIM_STREAM_NODES);
  struct pack_cluster *cluster = sim_trace_cluster(run->options->trace, &order, reterr);
  if (!cluster)
    return false;
  sim_world_start(ret, run, run->contender.policy, cluster, history->learner, history->tables);
  /* Who learns does so alone. */
  if (ret->learner)
    ret->learner = ret->owned_learner = pricing_learner_copy(history->learner);
  ret->learning_ns = history->ns;
  if (run->options->moves_per_100) {
    ret->moves_per_refusal = PACK_MOVES_MAX;
    ret->moves_per_100 = run->options->moves_per_100;
  }
  return true;
}

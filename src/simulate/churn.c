/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suite A2: pods of the list, drawn with replacement, come as a Poisson process and stay for an
 * exponential time of mean 1. The load is what would be in use if all were accepted, in GPUs, of
 * capacity. The cluster is empty at first; a pod that is refused is lost.
 */
#include "src/simulate/history.h"
#include "src/simulate/pods.h"

#include <math.h>

static const double loads[] = {0.9, 1.0, 1.1};
static const double measured_from = 3, end = 8;

static const char *const contenders[] = {"slicegate",
                                         "random",
                                         "firstfit",
                                         "dotprod",
                                         "clustering",
                                         "packing",
                                         "bestfit",
                                         "fgd",
                                         "leastallocated",
                                         "mostallocated",
                                         "requestedtocapacityratio",
                                         NULL};

static const struct sim_metric *
churn_metrics(struct arena *arena, const struct sim_options *options, size_t *ret_count) {
  static const struct {
    const char *name, *block;
  } kinds[] = {
      {"acceptance_gpu_weighted", "GPUs accepted, % of those asked for, by load"},
      {"acceptance", "Pods accepted, % of those that came, by load"},
      {"acceptance_multi_gpu", "Pods with several GPUs accepted, %, by load"},
      {"allocated_pct", "GPUs allocated in the mean over time, % of capacity, by load"},
      {"moves_per_100", "Moves for each 100 pods accepted, both from time 3 on, by load"},
  };
  size_t kind_count = SG_ARRAY_LEN(kinds) - (options->moves_per_100 ? 0 : 1), count = 0;
  struct sim_metric *metrics =
      arena_array(arena, kind_count * SG_ARRAY_LEN(loads) + 1, sizeof(*metrics));
  for (size_t k = 0; k < kind_count; k++) {
    for (size_t l = 0; l < SG_ARRAY_LEN(loads); l++)
      metrics[count++] =
          (struct sim_metric){.name = str_printf(arena, "%s@%.1f", kinds[k].name, loads[l]).ptr,
                              .block = kinds[k].block,
                              .column = str_printf(arena, "%.1f", loads[l]).ptr,
                              .decimals = 2};
  }
  metrics[count++] = (struct sim_metric){"learning_seconds", "In a run", "s learning", 4, false};
  *ret_count = count;
  return metrics;
}

/* ---- one load ------------------------------------------------------------------------------- */

struct tally {
  double offered_milli, accepted_milli;
  double offered, accepted;
  double offered_multi, accepted_multi;
  double moves;
  double last_time, allocated; /* the integral of allocated milli over what is measured */
};

/* What was allocated since the last event was allocated until now. */
static void pass_time(struct tally *tally, const struct sim_world *world, double now) {
  double from = tally->last_time > measured_from ? tally->last_time : measured_from;
  const struct pack_totals *totals = pack_cluster_totals(world->cluster);
  if (now > from)
    tally->allocated += (now - from) * (double)(totals->milli - totals->milli_left);
  tally->last_time = now;
}

static void depart_until(struct tally *tally, struct sim_world *world, struct sim_queue *departures,
                         double now) {
  for (const struct sim_event *first;
       (first = sim_queue_first(departures)) != NULL && first->time <= now;) {
    struct sim_event event = sim_queue_pop(departures);
    pass_time(tally, world, event.time);
    sim_world_depart(world, event.id);
  }
  pass_time(tally, world, now);
}

static void arrive(struct tally *tally, struct sim_world *world, struct sim_queue *departures,
                   const struct pack_request *request, double now, double lifetime) {
  uint64_t pod = world->arrived, moves = world->moves;
  bool is_accepted = sim_world_arrive(world, request);
  if (is_accepted)
    sim_queue_push(departures, now + lifetime, pod);
  if (now < measured_from)
    return;
  double milli = (double)pack_request_milli(pack_cluster_catalog(world->cluster), request, 0);
  bool is_multi = pod_kind_of(request) >= POD_TWO;
  tally->offered++;
  tally->offered_milli += milli;
  tally->offered_multi += is_multi;
  tally->accepted += is_accepted;
  tally->accepted_milli += is_accepted ? milli : 0;
  tally->accepted_multi += is_accepted && is_multi;
  tally->moves += (double)(world->moves - moves);
}

static double percent(double part, double all) {
  return all > 0 ? 100 * part / all : NAN;
}

static void play(struct sim_run *run, struct sim_world *world, double load) {
  const struct sim_trace *trace = run->options->trace;
  double capacity = (double)trace->facts.capacity_milli;
  double distance = pod_mean_milli(trace) / (load * capacity);
  struct sim_random pods = sim_random_of(run->seed, SIM_STREAM_PODS);
  struct sim_random times = sim_random_of(run->seed, SIM_STREAM_TIMES);
  struct sim_queue departures = {0};
  struct tally tally = {0};
  double now = 0;
  while ((now += sim_random_exponential(&times, distance)) < end) {
    double lifetime = sim_random_exponential(&times, 1);
    uint32_t class = trace->pods[sim_random_below(&pods, trace->facts.pods)];
    depart_until(&tally, world, &departures, now);
    arrive(&tally, world, &departures, &trace->classes[class], now, lifetime);
  }
  depart_until(&tally, world, &departures, end);
  sim_queue_done(&departures);
  sim_run_set(run, percent(tally.accepted_milli, tally.offered_milli),
              "acceptance_gpu_weighted@%.1f", load);
  sim_run_set(run, percent(tally.accepted, tally.offered), "acceptance@%.1f", load);
  sim_run_set(run, percent(tally.accepted_multi, tally.offered_multi), "acceptance_multi_gpu@%.1f",
              load);
  sim_run_set(run, percent(tally.allocated, capacity * (end - measured_from)), "allocated_pct@%.1f",
              load);
  sim_run_set(run, percent(tally.moves, tally.accepted), "moves_per_100@%.1f", load);
}

static bool run_churn(struct sim_run *run, struct err *reterr) {
  double learning = 0;
  for (size_t l = 0; l < SG_ARRAY_LEN(loads); l++) {
    struct sim_world world;
    if (!sim_history_start(run->shared, run, &world, reterr))
      return false;
    play(run, &world, loads[l]);
    learning += (double)world.learning_ns / 1e9;
    bool is_good = sim_world_finish(&world, run, reterr);
    sim_world_done(&world);
    if (!is_good)
      return false;
  }
  sim_run_set(run, learning, "learning_seconds");
  return true;
}

static bool prepare_churn(const struct sim_results *results, const struct sim_env *env, void **ret,
                          struct err *reterr) {
  const struct sim_trace *trace = results->options.trace;
  return pod_list_check(trace, loads[SG_ARRAY_LEN(loads) - 1] * end, reterr) &&
         (*ret = sim_history_new(trace, env, reterr)) != NULL;
}

const struct sim_suite sim_suite_churn = {
    .name = "churn",
    .summary = "Pods of a list come and go; how much of what they ask for can be accepted.",
    .needs_trace = true,
    .uses_moves = true,
    .contenders = contenders,
    .metrics = churn_metrics,
    .prepare = prepare_churn,
    .release = sim_history_free,
    .run = run_churn,
};

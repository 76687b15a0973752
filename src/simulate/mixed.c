/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `simulate mixed`, suite C: whole GPUs, MIG slices and time-sliced replicas in one cluster. C1
 * fills it until 130 % of its GPUs have been asked for; C2 churns at three loads.
 */
#include "src/simulate/mixed.h"

#include <math.h>
#include <stdlib.h>

static const char *const contenders[] = {
    "slicegate", "fgd",    "bestfit", "mostallocated", "leastallocated", "requestedtocapacityratio",
    "firstfit",  "random", NULL};

static const unsigned demands[] = {80, 90, 100, 110, 130}; /* % of capacity */
static const double loads[] = {0.9, 1.0, 1.1};
static const double measured_from = 3;
static const double end = 8;

enum { DEMANDS = SG_ARRAY_LEN(demands), LOADS = SG_ARRAY_LEN(loads), LAST = DEMANDS - 1 };

static const struct sim_curve curve = {
    .title = "Whole GPUs, MIG slices and time-sliced replicas while the cluster fills up",
    .x_label = "GPUs requested so far, % of capacity",
    .y_label = "GPUs allocated, % of capacity",
    .x_first = 60,
    .x_step = 1,
    .count = 71,
    .has_diagonal = true};

/* ---- metrics -------------------------------------------------------------------------------- */

struct metric_list {
  struct arena *arena;
  struct sim_metric *items;
  size_t count;
};
enum { METRICS_MAX = 128 };

static void declare(struct metric_list *list, const char *block, unsigned decimals,
                    struct str column, struct str name) {
  list->items[list->count++] = (struct sim_metric){
      .name = name.ptr, .block = block, .column = column.ptr, .decimals = (uint8_t)decimals};
}

static void declare_demands(struct metric_list *list, const char *name, const char *block) {
  for (size_t i = 0; i < DEMANDS; i++)
    declare(list, block, 2, str_printf(list->arena, "%u", demands[i]),
            str_printf(list->arena, "%s@%u", name, demands[i]));
}

static void declare_loads(struct metric_list *list, const char *name, const char *block) {
  for (size_t i = 0; i < LOADS; i++)
    declare(list, block, 2, str_printf(list->arena, "%.1f", loads[i]),
            str_printf(list->arena, "%s@%.1f", name, loads[i]));
}

static void declare_pools(struct metric_list *list,
                          void (*declare_all)(struct metric_list *, const char *, const char *),
                          const char *when) {
  struct arena *arena = list->arena;
  declare_all(list, "allocated_pct",
              str_printf(arena, "GPUs allocated, %% of capacity, %s", when).ptr);
  for (size_t pool = 0; pool < MIXED_POOLS; pool++) {
    const char *name = mixed_pool_names[pool];
    declare_all(list, str_printf(arena, "allocated_%s_pct", name).ptr,
                str_printf(arena, "Pool %s: GPUs allocated, %% of the pool, %s", name, when).ptr);
  }
}

static const struct sim_metric *
mixed_metrics(struct arena *arena, const struct sim_options *options, size_t *ret_count) {
  struct metric_list list = {arena, arena_array(arena, METRICS_MAX, sizeof(struct sim_metric)), 0};
  const char *filling = "when so many % of capacity were requested";
  declare_pools(&list, declare_demands, filling);
  declare_demands(&list, "stranded_gpus", "Idle GPUs that are stranded for want of CPU, likewise");
  for (size_t kind = 0; kind < MIXED_KINDS; kind++)
    declare(&list, "Filling up: pods refused in all", 1, str_of(mixed_kind_names[kind]),
            str_printf(arena, "refused_%s@%u", mixed_kind_names[kind], demands[LAST]));
  declare_loads(&list, "acceptance_gpu_weighted", "GPUs accepted, % of those asked for, by load");
  declare_loads(&list, "acceptance", "Pods accepted, % of those that came, by load");
  declare_pools(&list, declare_loads, "in the mean over time, by load");
  declare_loads(&list, "stranded_gpus", "Stranded GPUs in the mean over time, by load");
  for (size_t kind = 0; kind < MIXED_KINDS; kind++)
    declare(&list, "Pods refused at load 1.0, % of their kind", 2, str_of(mixed_kind_names[kind]),
            str_printf(arena, "refused_%s_pct@1.0", mixed_kind_names[kind]));
  const char *wrong = "In a run: pods placed wrongly (must be 0)";
  declare(&list, wrong, 0, STR_LIT("wrong kind"), STR_LIT("wrong_kind"));
  declare(&list, wrong, 0, STR_LIT("split"), STR_LIT("split_replicas"));
  declare(&list, wrong, 0, STR_LIT("overlapping"), STR_LIT("overlaps"));
  if (options->is_flexible) {
    const char *switches = "GPUs switched between modes: filling up, and by load";
    declare(&list, switches, 1, STR_LIT("filling"), STR_LIT("switches"));
    declare_loads(&list, "switches", switches);
  }
  *ret_count = list.count;
  return list.items;
}

/* ---- a cluster under a policy -----------------------------------------------------------------
 */

struct stage {
  struct sim_run *run;
  const struct mixed_pods *pods;
  struct sim_world world;
  struct mixed_ledger ledger;
  uint8_t *pools;
  int64_t capacity;
  size_t switches;
};

static bool stage_init(struct stage *stage, struct sim_run *run,
                       const struct mixed_catalog *catalog, const struct mixed_pods *pods,
                       struct err *reterr) {
  *stage = (struct stage){.run = run, .pods = pods};
  struct sim_random order = sim_random_of(run->seed, SIM_STREAM_NODES);
  struct pack_cluster *cluster =
      mixed_cluster(catalog, &mixed_shape_c, &order, &stage->pools, reterr);
  if (!cluster)
    return false;
  sim_world_start_with_history(&stage->world, run, cluster, pods->requests, pods->counts,
                               pods->count);
  stage->capacity = pack_cluster_totals(cluster)->milli;
  mixed_ledger_init(&stage->ledger, catalog->mig, cluster, stage->pools, pods->median_cpu_milli);
  stage->world.changed = mixed_ledger_look;
  stage->world.changed_ctx = &stage->ledger;
  stage->world.is_switching = run->options->is_flexible;
  return true;
}

struct errors {
  double wrong_kind, split, overlap;
};

static bool stage_done(struct stage *stage, struct errors *errors, struct err *reterr) {
  errors->wrong_kind += (double)stage->ledger.wrong_kind;
  errors->split += (double)stage->ledger.split;
  errors->overlap += (double)stage->ledger.overlap;
  bool is_good = sim_world_finish(&stage->world, stage->run, reterr);
  sim_world_done(&stage->world);
  mixed_ledger_done(&stage->ledger);
  free(stage->pools);
  return is_good;
}

static bool arrive(struct stage *stage, const struct pack_request *request) {
  if (stage->run->options->is_flexible)
    stage->switches += mixed_flex(stage->world.cluster, stage->pools, &stage->ledger, request);
  return sim_world_arrive(&stage->world, request);
}

static double percent(double part, double all) {
  return all > 0 ? 100 * part / all : NAN;
}

static double used_milli(const struct stage *stage) {
  double sum = 0;
  for (size_t pool = 0; pool < MIXED_POOLS; pool++)
    sum += (double)stage->ledger.used_milli[pool];
  return sum;
}

/* ---- C1 ---------------------------------------------------------------------------------------
 */

static void note_demand(struct stage *stage, unsigned demand) {
  struct sim_run *run = stage->run;
  sim_run_set(run, percent(used_milli(stage), (double)stage->capacity), "allocated_pct@%u", demand);
  for (size_t pool = 0; pool < MIXED_POOLS; pool++)
    sim_run_set(
        run, percent((double)stage->ledger.used_milli[pool], (double)stage->ledger.all_milli[pool]),
        "allocated_%s_pct@%u", mixed_pool_names[pool], demand);
  sim_run_set(run, (double)stage->ledger.stranded, "stranded_gpus@%u", demand);
}

/* Points of the curve that the next pod takes what was requested beyond. */
static void note_points(const struct stage *stage, int64_t requested, size_t *next) {
  double percents = 100 * (double)requested / (double)stage->capacity;
  for (; *next < curve.count && percents > curve.x_first + (double)*next * curve.x_step; ++*next)
    stage->run->points[*next] = percent(used_milli(stage), (double)stage->capacity);
}

/* A demand is reached by the last pod that does not take what was requested beyond it. */
static void fill(struct stage *stage) {
  struct sim_random list = sim_random_of(stage->run->seed, SIM_STREAM_PODS);
  struct sim_random forms = sim_random_of(stage->run->seed, SIM_STREAM_FORMS);
  int64_t requested = 0;
  size_t next = 0;
  size_t next_point = 0;
  double refused[MIXED_KINDS] = {0};
  for (;;) {
    const struct pack_request *request = mixed_pods_draw(stage->pods, &list, &forms);
    requested += mixed_milli(stage->pods, request);
    note_points(stage, requested, &next_point);
    while (next < DEMANDS && requested * 100 > stage->capacity * demands[next])
      note_demand(stage, demands[next++]);
    if (next == DEMANDS)
      break;
    if (!arrive(stage, request))
      refused[mixed_kind_of(request)]++;
  }
  for (size_t kind = 0; kind < MIXED_KINDS; kind++)
    sim_run_set(stage->run, refused[kind], "refused_%s@%u", mixed_kind_names[kind], demands[LAST]);
  sim_run_set(stage->run, (double)stage->switches, "switches");
}

/* ---- C2 ---------------------------------------------------------------------------------------
 */

struct tally {
  double offered[MIXED_KINDS], accepted[MIXED_KINDS];
  double offered_milli, accepted_milli;
  double last_time, time;
  double used[MIXED_POOLS], stranded; /* integrals over what is measured */
};

static void pass_time(struct tally *tally, const struct stage *stage, double now) {
  double from = tally->last_time > measured_from ? tally->last_time : measured_from;
  tally->last_time = now;
  if (now <= from)
    return;
  tally->time += now - from;
  for (size_t pool = 0; pool < MIXED_POOLS; pool++)
    tally->used[pool] += (now - from) * (double)stage->ledger.used_milli[pool];
  tally->stranded += (now - from) * (double)stage->ledger.stranded;
}

static void depart_until(struct tally *tally, struct stage *stage, struct sim_queue *departures,
                         double now) {
  for (const struct sim_event *first;
       (first = sim_queue_first(departures)) != NULL && first->time <= now;) {
    struct sim_event event = sim_queue_pop(departures);
    pass_time(tally, stage, event.time);
    sim_world_depart(&stage->world, event.id);
  }
  pass_time(tally, stage, now);
}

static void report_churn(const struct stage *stage, const struct tally *tally, double load) {
  struct sim_run *run = stage->run;
  double offered = 0;
  double accepted = 0;
  double used = 0;
  for (size_t kind = 0; kind < MIXED_KINDS; kind++) {
    offered += tally->offered[kind];
    accepted += tally->accepted[kind];
    sim_run_set(run, percent(tally->offered[kind] - tally->accepted[kind], tally->offered[kind]),
                "refused_%s_pct@%.1f", mixed_kind_names[kind], load);
  }
  for (size_t pool = 0; pool < MIXED_POOLS; pool++) {
    used += tally->used[pool];
    sim_run_set(run,
                percent(tally->used[pool], tally->time * (double)stage->ledger.all_milli[pool]),
                "allocated_%s_pct@%.1f", mixed_pool_names[pool], load);
  }
  sim_run_set(run, percent(used, tally->time * (double)stage->capacity), "allocated_pct@%.1f",
              load);
  sim_run_set(run, percent(tally->accepted_milli, tally->offered_milli),
              "acceptance_gpu_weighted@%.1f", load);
  sim_run_set(run, percent(accepted, offered), "acceptance@%.1f", load);
  sim_run_set(run, tally->stranded / tally->time, "stranded_gpus@%.1f", load);
  sim_run_set(run, (double)stage->switches, "switches@%.1f", load);
}

static void churn(struct stage *stage, double load) {
  double distance = stage->pods->mean_milli / (load * (double)stage->capacity);
  struct sim_random list = sim_random_of(stage->run->seed, SIM_STREAM_PODS);
  struct sim_random forms = sim_random_of(stage->run->seed, SIM_STREAM_FORMS);
  struct sim_random times = sim_random_of(stage->run->seed, SIM_STREAM_TIMES);
  struct sim_queue departures = {0};
  struct tally tally = {0};
  double now = 0;
  while ((now += sim_random_exponential(&times, distance)) < end) {
    double lifetime = sim_random_exponential(&times, 1);
    const struct pack_request *request = mixed_pods_draw(stage->pods, &list, &forms);
    depart_until(&tally, stage, &departures, now);
    uint64_t pod = stage->world.arrived;
    bool is_accepted = arrive(stage, request);
    if (is_accepted)
      sim_queue_push(&departures, now + lifetime, pod);
    if (now < measured_from)
      continue;
    double milli = (double)mixed_milli(stage->pods, request);
    tally.offered[mixed_kind_of(request)]++;
    tally.accepted[mixed_kind_of(request)] += is_accepted;
    tally.offered_milli += milli;
    tally.accepted_milli += is_accepted ? milli : 0;
  }
  depart_until(&tally, stage, &departures, end);
  sim_queue_done(&departures);
  report_churn(stage, &tally, load);
}

/* ---- the suite --------------------------------------------------------------------------------
 */

static bool run_stages(struct sim_run *run, const struct mixed_catalog *catalog,
                       const struct mixed_pods *pods, struct err *reterr) {
  struct errors errors = {0};
  for (size_t i = 0; i <= LOADS; i++) {
    struct stage stage;
    if (!stage_init(&stage, run, catalog, pods, reterr))
      return false;
    if (i == 0)
      fill(&stage);
    else
      churn(&stage, loads[i - 1]);
    if (!stage_done(&stage, &errors, reterr))
      return false;
  }
  sim_run_set(run, errors.wrong_kind, "wrong_kind");
  sim_run_set(run, errors.split, "split_replicas");
  sim_run_set(run, errors.overlap, "overlaps");
  return true;
}

static bool run_mixed(struct sim_run *run, struct err *reterr) {
  struct mixed_catalog catalog;
  struct mixed_pods pods;
  mixed_catalog_init(&catalog);
  bool is_good = mixed_pods_init(&pods, &catalog, run->options->trace, reterr) &&
                 run_stages(run, &catalog, &pods, reterr);
  mixed_pods_done(&pods);
  mixed_catalog_done(&catalog);
  return is_good;
}

const struct sim_suite sim_suite_mixed = {
    .name = "mixed",
    .summary = "Whole GPUs, MIG slices and time-sliced replicas in one cluster: filling, churn.",
    .needs_trace = true,
    .has_own_cluster = true,
    .contenders = contenders,
    .metrics = mixed_metrics,
    .curve = &curve,
    .run = run_mixed,
};

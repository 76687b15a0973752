/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `simulate scale`, suite D: how long one decision takes on large clusters. Fit and choose over
 * all nodes, as an extender is asked: the best 16 nodes for one pod, again and again while pods
 * come and go. Every 100th answer is held against one that a fresh scorer gives.
 */
#include "src/simulate/scale.h"

#include <math.h>
#include <stdlib.h>

static const char *const contenders[] = {"slicegate", "fgd", "bestfit", "mostallocated", NULL};

static const uint32_t usual_nodes[] = {100, 1000, 1213, 5000, 15000};

enum {
  CALLS = 10000,
  WARM_UP = 2000, /* calls before those that are measured: a scheduler has run for a while */
  CHECK_EVERY = 100,
  COLD_CALLS = 20, /* first decisions of a scorer that has seen nothing */
  ANSWERS = 16,    /* nodes that are asked for */
};

/* ---- metrics -------------------------------------------------------------------------------- */

static const struct {
  const char *name, *block, *column;
  uint8_t decimals;
} per_size[] = {
    {"call_p50_us", "one decision, microseconds", "p50", 1},
    {"call_p99_us", "one decision, microseconds", "p99", 1},
    {"call_p999_us", "one decision, microseconds", "p99.9", 1},
    {"call_max_us", "one decision, microseconds", "max", 1},
    {"cold_call_us", "one decision, microseconds", "cold", 1},
    {"commit_p99_us", "other steps", "commit p99, us", 1},
    {"conditions_p99_us", "other steps", "conditions p99, us", 1},
    {"upkeep_p50_us", "other steps", "upkeep p50, us", 1},
    {"upkeep_p99_us", "other steps", "upkeep p99, us", 1},
    {"load_ms", "other steps", "load, ms", 1},
    {"tables_ms", "other steps", "tables, ms", 1},
    {"pods", "state", "pods", 0},
    {"bytes_per_node", "state", "bytes a node", 0},
    {"bytes_per_pod", "state", "bytes a pod", 0},
    {"state_mib", "state", "cluster, MiB", 1},
    {"scorer_mib", "state", "scorer, MiB", 1},
    {"wrong_answers", "state", "wrong answers", 0},
};

static size_t count_sizes(const struct sim_options *options) {
  return options->scale_node_count ? options->scale_node_count : SG_ARRAY_LEN(usual_nodes);
}

static uint32_t size_at(const struct sim_options *options, size_t i) {
  return options->scale_node_count ? options->scale_nodes[i] : usual_nodes[i];
}

static const struct sim_metric *
scale_metrics(struct arena *arena, const struct sim_options *options, size_t *ret_count) {
  size_t sizes = count_sizes(options);
  struct sim_metric *metrics = arena_array(arena, sizes * SG_ARRAY_LEN(per_size), sizeof(*metrics));
  size_t count = 0;
  for (size_t s = 0; s < sizes; s++)
    for (size_t i = 0; i < SG_ARRAY_LEN(per_size); i++) {
      uint32_t nodes = size_at(options, s);
      metrics[count++] =
          (struct sim_metric){.name = str_printf(arena, "%s@%u", per_size[i].name, nodes).ptr,
                              .block = str_printf(arena, "%u node%s: %s", nodes,
                                                  nodes == 1 ? "" : "s", per_size[i].block)
                                           .ptr,
                              .column = per_size[i].column,
                              .decimals = per_size[i].decimals};
    }
  *ret_count = count;
  return metrics;
}

/* ---- times ------------------------------------------------------------------------------------
 */

static int64_t now_ns(const struct sim_env *env) {
  return env->now_ns ? env->now_ns(env->ctx) : 0;
}

struct times {
  int64_t *ns;
  size_t count, cap;
};

static void note(struct times *times, int64_t ns) {
  if (times->count == times->cap) {
    times->cap = times->cap ? times->cap * 2 : CALLS;
    times->ns = mem_realloc(times->ns, times->cap * sizeof(*times->ns));
  }
  times->ns[times->count++] = ns;
}

static int compare_ns(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a;
  int64_t y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The nearest rank, in microseconds; sorted before. */
static double percentile(const struct times *times, double p) {
  if (times->count == 0)
    return NAN;
  size_t rank = (size_t)ceil(p * (double)times->count);
  return (double)times->ns[rank ? rank - 1 : 0] / 1000;
}

/* ---- one size -----------------------------------------------------------------------------------
 */

struct bench {
  struct sim_run *run;
  const struct sim_env *env;
  struct scale_state state;
  struct pack_tables_ref *tables;
  struct pack_scorer *scorer;
  struct pack_cluster *seen; /* as it was when conditions were set last */
  uint64_t calls;
  struct times choosing, committing, looking, keeping;
  uint64_t wrong;
};

static void look_around(struct bench *bench) {
  static const struct pack_traffic steady = {.departures_ppm = 1000 * 1000,
                                             .mig_load_ppm = 1000 * 1000};
  int64_t start = now_ns(bench->env);
  pack_scorer_set_conditions(bench->scorer, bench->state.cluster, &steady);
  note(&bench->looking, now_ns(bench->env) - start);
  pack_cluster_free(bench->seen);
  bench->seen = pack_cluster_copy(bench->state.cluster);
}

static struct pack_scorer *fresh_scorer(const struct bench *bench) {
  static const struct pack_traffic steady = {.departures_ppm = 1000 * 1000,
                                             .mig_load_ppm = 1000 * 1000};
  struct pack_scorer *scorer =
      pack_scorer_new(bench->run->contender.policy, bench->state.pods->catalog, 0);
  pack_scorer_set_tables(scorer, bench->tables);
  if (bench->seen)
    pack_scorer_set_conditions(scorer, bench->seen, &steady);
  return scorer;
}

static bool is_same(const struct pack_choice *a, const struct pack_choice *b) {
  const struct pack_placement *x = &a->placement;
  const struct pack_placement *y = &b->placement;
  if (a->score != b->score || x->node != y->node || x->form != y->form ||
      x->unit_count != y->unit_count)
    return false;
  for (size_t u = 0; u < x->unit_count; u++)
    if (x->units[u].device != y->units[u].device || x->units[u].start != y->units[u].start ||
        x->units[u].amount != y->units[u].amount)
      return false;
  return true;
}

/* What a server does between requests. */
static void keep_up(struct bench *bench) {
  int64_t start = now_ns(bench->env);
  pack_scorer_upkeep(bench->scorer, bench->state.cluster);
  note(&bench->keeping, now_ns(bench->env) - start);
}

static void check(struct bench *bench, const struct pack_request *request,
                  const struct pack_choice *choices, size_t count) {
  struct pack_choice again[ANSWERS];
  struct pack_scorer *scorer = fresh_scorer(bench);
  bool is_good = pack_choose(scorer, bench->state.cluster, request, again, ANSWERS) == count;
  for (size_t i = 0; i < count && is_good; i++)
    is_good = is_same(&choices[i], &again[i]);
  bench->wrong += !is_good;
  pack_scorer_free(scorer);
}

static void call(struct bench *bench) {
  struct pack_choice choices[ANSWERS];
  const struct pack_request *request = scale_draw(&bench->state);
  if (bench->calls % PACK_CONDITIONS_EVERY == 0) {
    look_around(bench);
    keep_up(bench);
  }
  int64_t start = now_ns(bench->env);
  size_t count = pack_choose(bench->scorer, bench->state.cluster, request, choices, ANSWERS);
  int64_t chosen = now_ns(bench->env);
  note(&bench->choosing, chosen - start);
  if (bench->calls % CHECK_EVERY == 0)
    check(bench, request, choices, count);
  if (bench->calls++ % 2 == 0 || count == 0)
    return;
  start = now_ns(bench->env);
  bench->wrong += !scale_place(&bench->state, request, &choices[0].placement);
  note(&bench->committing, now_ns(bench->env) - start);
  scale_hold_load(&bench->state);
  keep_up(bench);
}

static void report_times(struct bench *bench, uint32_t nodes) {
  struct sim_run *run = bench->run;
  qsort(bench->choosing.ns, bench->choosing.count, sizeof(int64_t), compare_ns);
  qsort(bench->committing.ns, bench->committing.count, sizeof(int64_t), compare_ns);
  qsort(bench->keeping.ns, bench->keeping.count, sizeof(int64_t), compare_ns);
  qsort(bench->looking.ns, bench->looking.count, sizeof(int64_t), compare_ns);
  sim_run_set(run, percentile(&bench->choosing, 0.5), "call_p50_us@%u", nodes);
  sim_run_set(run, percentile(&bench->choosing, 0.99), "call_p99_us@%u", nodes);
  sim_run_set(run, percentile(&bench->choosing, 0.999), "call_p999_us@%u", nodes);
  sim_run_set(run, percentile(&bench->choosing, 1), "call_max_us@%u", nodes);
  sim_run_set(run, percentile(&bench->committing, 0.99), "commit_p99_us@%u", nodes);
  sim_run_set(run, percentile(&bench->looking, 0.99), "conditions_p99_us@%u", nodes);
  sim_run_set(run, percentile(&bench->keeping, 0.5), "upkeep_p50_us@%u", nodes);
  sim_run_set(run, percentile(&bench->keeping, 0.99), "upkeep_p99_us@%u", nodes);
  sim_run_set(run, (double)bench->wrong, "wrong_answers@%u", nodes);
  for (size_t i = 0; i < bench->choosing.count; i++)
    run->seconds += (double)bench->choosing.ns[i] / 1e9;
}

static void report_state(struct bench *bench, uint32_t nodes) {
  const struct scale_state *state = &bench->state;
  double pods = (double)pack_cluster_totals(state->cluster)->pods;
  double bytes = (double)(state->node_bytes + state->pod_bytes);
  sim_run_set(bench->run, pods, "pods@%u", nodes);
  sim_run_set(bench->run, (double)state->node_bytes / nodes, "bytes_per_node@%u", nodes);
  sim_run_set(bench->run, (double)state->pod_bytes / pods, "bytes_per_pod@%u", nodes);
  sim_run_set(bench->run, bytes / (1 << 20), "state_mib@%u", nodes);
}

/* The whole state anew, and first decisions on it. */
static bool start_cold(struct bench *bench, uint32_t nodes, struct err *reterr) {
  int64_t start = now_ns(bench->env);
  struct pack_cluster *cluster = scale_rebuild(&bench->state, reterr);
  int64_t loaded = now_ns(bench->env);
  if (!cluster)
    return false;
  sim_run_set(bench->run, (double)(loaded - start) / 1e6, "load_ms@%u", nodes);
  int64_t sum = 0;
  for (size_t i = 0; i < COLD_CALLS; i++) {
    struct pack_choice choices[ANSWERS];
    struct pack_scorer *scorer = fresh_scorer(bench);
    const struct pack_request *request = scale_draw(&bench->state);
    start = now_ns(bench->env);
    (void)pack_choose(scorer, cluster, request, choices, ANSWERS);
    sum += now_ns(bench->env) - start;
    pack_scorer_free(scorer);
  }
  sim_run_set(bench->run, (double)sum / COLD_CALLS / 1000, "cold_call_us@%u", nodes);
  pack_cluster_free(cluster);
  return true;
}

static void learn(struct bench *bench, uint32_t nodes) {
  const struct mixed_pods *pods = bench->state.pods;
  int64_t start = now_ns(bench->env);
  struct pricing_learner *learner = pricing_learner_new(pods->catalog);
  pricing_learner_history(learner, pods->requests, pods->counts, pods->count);
  bench->tables = pricing_learner_tables(learner, bench->state.cluster);
  pricing_learner_free(learner);
  sim_run_set(bench->run, (double)(now_ns(bench->env) - start) / 1e6, "tables_ms@%u", nodes);
}

static bool run_size(struct sim_run *run, const struct mixed_catalog *catalog,
                     const struct mixed_pods *pods, uint32_t nodes, struct err *reterr) {
  struct bench bench = {.run = run, .env = run->env};
  if (!scale_state_init(&bench.state, catalog, pods, nodes, run->seed, reterr))
    return false;
  report_state(&bench, nodes);
  learn(&bench, nodes);
  bool is_good = start_cold(&bench, nodes, reterr);
  bench.scorer = fresh_scorer(&bench);
  size_t before = scale_memory_in_use();
  for (size_t i = 0; i < pods->count; i++)
    pack_scorer_warm(bench.scorer, bench.state.cluster, &pods->requests[i]);
  for (size_t i = 0; i < WARM_UP + CALLS && is_good; i++) {
    if (i == WARM_UP)
      bench.choosing.count = bench.committing.count = bench.looking.count = bench.keeping.count = 0;
    call(&bench);
  }
  size_t after = scale_memory_in_use();
  sim_run_set(run, after > before ? (double)(after - before) / (1 << 20) : 0, "scorer_mib@%u",
              nodes);
  report_times(&bench, nodes);
  pack_scorer_free(bench.scorer);
  pack_tables_unref(bench.tables);
  pack_cluster_free(bench.seen);
  scale_state_done(&bench.state);
  free(bench.choosing.ns);
  free(bench.committing.ns);
  free(bench.looking.ns);
  free(bench.keeping.ns);
  return is_good;
}

static bool run_scale(struct sim_run *run, struct err *reterr) {
  struct mixed_catalog catalog;
  struct mixed_pods pods;
  mixed_catalog_init(&catalog);
  bool is_good = mixed_pods_init(&pods, &catalog, run->options->trace, reterr);
  for (size_t i = 0; i < count_sizes(run->options) && is_good; i++)
    is_good = run_size(run, &catalog, &pods, size_at(run->options, i), reterr);
  mixed_pods_done(&pods);
  mixed_catalog_done(&catalog);
  return is_good;
}

const struct sim_suite sim_suite_scale = {
    .name = "scale",
    .summary = "How long one decision takes, and how much memory, on up to 15,000 nodes.",
    .needs_trace = true,
    .has_own_cluster = true,
    .is_serial = true,
    .contenders = contenders,
    .metrics = scale_metrics,
    .run = run_scale,
};

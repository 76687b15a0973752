/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suite A1: the cluster fills up. The list of pods in a drawn order, then pods drawn from it
 * with replacement until the next one would take what was requested beyond `ratio` times the
 * GPUs there are. No pod is offered twice, none leaves. The experiment of the FGD paper.
 *
 * On a cluster that is small beside its pods one pod could end a run long before the ratio, or
 * leap over half the percentages at once. The former is left out, and the run goes on; of the
 * latter there are no figures. Both only where it is about more than APART_MAX_PCT.
 */
#include "src/simulate/history.h"
#include "src/simulate/pods.h"

#include <math.h>
#include <stdlib.h>

/* Percent of capacity between what was requested and what a figure is called after, at most. */
enum { APART_MAX_PCT = 10 };

/* Percent of capacity that have been requested: where figures are taken. */
static const unsigned allocated_at[] = {85, 90, 95, 96, 98, 100, 105, 110, 120, 130};
static const unsigned fragments_at[] = {50, 80, 90, 95, 100};

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

static const struct sim_curve curve = {.title = "GPUs allocated while the cluster fills up",
                                       .x_label = "GPUs requested so far, % of capacity",
                                       .y_label = "GPUs allocated, % of capacity",
                                       .x_first = 80,
                                       .x_step = 1,
                                       .count = 51,
                                       .has_diagonal = true};

/* ---- metrics -------------------------------------------------------------------------------- */

struct metric_list {
  struct arena *arena;
  struct sim_metric *items;
  size_t count;
};
enum { METRICS_MAX = 64 };

static void declare(struct metric_list *list, const char *block, unsigned decimals,
                    struct str column, struct str name) {
  list->items[list->count++] = (struct sim_metric){
      .name = name.ptr, .block = block, .column = column.ptr, .decimals = (uint8_t)decimals};
}

static void declare_at(struct metric_list *list, const char *block, const char *name,
                       const unsigned *at, size_t count, double ratio) {
  for (size_t i = 0; i < count; i++) {
    if (at[i] <= 100 * ratio + 0.5)
      declare(list, block, 2, str_printf(list->arena, "%u", at[i]),
              str_printf(list->arena, "%s@%u", name, at[i]));
  }
}

static const struct sim_metric *
inflate_metrics(struct arena *arena, const struct sim_options *options, size_t *ret_count) {
  struct metric_list list = {arena, arena_array(arena, METRICS_MAX, sizeof(struct sim_metric)), 0};
  double ratio = options->ratio;
  declare_at(&list, "GPUs allocated, % of capacity, when so many % of capacity were requested",
             "allocated_pct", allocated_at, SG_ARRAY_LEN(allocated_at), ratio);
  declare_at(&list, "Fragmented GPU, % of capacity, likewise (0 on nodes that a task fits)",
             "frag_pct", fragments_at, SG_ARRAY_LEN(fragments_at), ratio);
  declare_at(&list, "The same, % of free GPU", "frag_ratio_pct", fragments_at,
             SG_ARRAY_LEN(fragments_at), ratio);
  declare_at(&list, "Fragmented GPU, % of capacity (FGD's F_n: too small GPUs of those nodes too)",
             "frag_gradient_pct", fragments_at, SG_ARRAY_LEN(fragments_at), ratio);
  const char *pods = "Pods refused in all";
  declare(&list, pods, 1, STR_LIT("all"), STR_LIT("failed_pods"));
  for (size_t i = 0; i < POD_KINDS; i++)
    declare(&list, pods, 1, str_of(pod_kind_names[i]),
            str_printf(arena, "failed_pods_%s", pod_kind_names[i]));
  const char *gpus = "GPUs that refused pods asked for";
  declare(&list, gpus, 1, STR_LIT("all"), STR_LIT("failed_gpus"));
  for (size_t i = POD_SHARE; i < POD_KINDS; i++)
    declare(&list, gpus, 1, str_of(pod_kind_names[i]),
            str_printf(arena, "failed_gpus_%s", pod_kind_names[i]));
  if (ratio >= 0.995) {
    const char *idle = "When 100 % were requested";
    declare(&list, idle, 1, STR_LIT("GPUs unallocated"), STR_LIT("gpus_idle@100"));
    declare(&list, idle, 1, STR_LIT("wholly idle"), STR_LIT("gpus_wholly_idle@100"));
    declare(&list, idle, 2, STR_LIT("cores left beside"), STR_LIT("cores_left_beside_idle@100"));
  }
  const char *other = "In a run";
  if (options->moves_per_100)
    declare(&list, other, 1, STR_LIT("moves"), STR_LIT("moves"));
  declare(&list, other, 4, STR_LIT("s learning"), STR_LIT("learning_seconds"));
  *ret_count = list.count;
  return list.items;
}

/* ---- arrivals ------------------------------------------------------------------------------- */

static uint32_t *draw_arrivals(const struct sim_trace *trace, double ratio, uint64_t seed,
                               size_t *ret_count) {
  struct sim_random random = sim_random_of(seed, SIM_STREAM_PODS);
  size_t pods = trace->facts.pods, cap = pods, count = pods, taken = 0, left_out = 0;
  int64_t most = (int64_t)(ratio * (double)trace->facts.capacity_milli), requested = 0;
  int64_t apart = APART_MAX_PCT * trace->facts.capacity_milli;
  uint32_t *classes = mem_zalloc(cap * sizeof(*classes));
  memcpy(classes, trace->pods, pods * sizeof(*classes));
  sim_random_shuffle(&random, classes, count);
  /* A list that is more than enough is cut by the same rule. Who is left out as often as there are
   * pods in the list ends the run all the same: nothing small enough may be left to come. */
  for (size_t i = 0;; i++) {
    if (i == count) {
      if (count == cap) {
        cap *= 2;
        classes = mem_realloc(classes, cap * sizeof(*classes));
      }
      classes[count++] = trace->pods[sim_random_below(&random, pods)];
    }
    int64_t milli = pack_request_milli(trace->catalog, &trace->classes[classes[i]], 0);
    if (requested + milli <= most) {
      requested += milli;
      classes[taken++] = classes[i];
    } else if (left_out++ == pods || (most - requested) * 100 <= apart) {
      *ret_count = taken;
      return classes;
    }
  }
}

/* ---- a run ---------------------------------------------------------------------------------- */

struct tally {
  const struct sim_trace *trace;
  struct sim_run *run;
  struct sim_world world;
  const struct sim_target *target;
  int64_t requested;
  /* Of every percent: allocated shares of the arrivals whose requested share rounds to it. */
  double *sums;
  uint32_t *counts;
  size_t percents;
  size_t next_fragment; /* of fragments_at */
  double failed_pods[POD_KINDS], failed_gpus[POD_KINDS];
};

static int64_t capacity(const struct tally *tally) {
  return tally->trace->facts.capacity_milli;
}

/* Idle GPUs and the CPU that is left on their nodes. */
static void look_at_idle(struct tally *tally) {
  const struct pack_cluster *cluster = tally->world.cluster;
  double nodes = 0, cores = 0, idle = 0;
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    size_t here = 0;
    for (size_t d = 0; d < node->device_count; d++)
      here += node->devices[d].left == node->devices[d].size;
    idle += (double)here;
    nodes += here > 0;
    cores += here > 0 ? (double)node->cpu_left / 1000 : 0;
  }
  sim_run_set(tally->run, idle, "gpus_wholly_idle@100");
  sim_run_set(tally->run, nodes > 0 ? cores / nodes : 0, "cores_left_beside_idle@100");
}

/* Before the first pod that takes what was requested beyond a percentage of the list. */
static void look_at_fragments(struct tally *tally, int64_t next_milli) {
  while (tally->next_fragment < SG_ARRAY_LEN(fragments_at)) {
    unsigned at = fragments_at[tally->next_fragment];
    if ((tally->requested + next_milli) * 100 <= (int64_t)at * capacity(tally))
      return;
    tally->next_fragment++;
    if ((int64_t)at * capacity(tally) - tally->requested * 100 > APART_MAX_PCT * capacity(tally))
      continue;
    struct sim_fragments fragments = sim_fragments_of(tally->target, tally->world.cluster);
    double all = (double)capacity(tally);
    double left = (double)pack_cluster_totals(tally->world.cluster)->milli_left;
    struct sim_run *run = tally->run;
    sim_run_set(run, 100 * fragments.node_milli / all, "frag_pct@%u", at);
    sim_run_set(run, 100 * fragments.gradient_milli / all, "frag_gradient_pct@%u", at);
    if (left > 0)
      sim_run_set(run, 100 * fragments.node_milli / left, "frag_ratio_pct@%u", at);
    if (at == 100)
      look_at_idle(tally);
  }
}

static void offer(struct tally *tally, const struct pack_request *request) {
  int64_t milli = pack_request_milli(tally->trace->catalog, request, 0);
  look_at_fragments(tally, milli);
  if (!sim_world_arrive(&tally->world, request)) {
    enum pod_kind kind = pod_kind_of(request);
    tally->failed_pods[kind]++;
    tally->failed_gpus[kind] += (double)milli / PACK_MILLI;
  }
  tally->requested += milli;
  int64_t all = capacity(tally);
  double left = (double)pack_cluster_totals(tally->world.cluster)->milli_left;
  int64_t percent = (tally->requested * 200 + all) / (2 * all);
  tally->sums[percent] += 100 * (1 - left / (double)all);
  tally->counts[percent]++;
}

/* The mean over the arrivals of one percent; where a small cluster skips it, what was shortly
 * before; NAN: nothing was. */
static double allocated(const struct tally *tally, size_t percent) {
  for (size_t apart = 0; apart <= APART_MAX_PCT && apart <= percent; apart++) {
    size_t at = percent - apart;
    if (at < tally->percents && tally->counts[at] > 0)
      return tally->sums[at] / tally->counts[at];
  }
  return NAN;
}

static void sum_up(struct tally *tally) {
  struct sim_run *run = tally->run;
  double all_pods = 0, all_gpus = 0, last = 100 * run->options->ratio + 0.5;
  for (size_t i = 0; i < SG_ARRAY_LEN(allocated_at); i++)
    sim_run_set(run, allocated(tally, allocated_at[i]), "allocated_pct@%u", allocated_at[i]);
  for (size_t i = 0; i < curve.count && curve.x_first + (double)i <= last; i++)
    run->points[i] = allocated(tally, (size_t)curve.x_first + i);
  for (size_t i = 0; i < POD_KINDS; i++) {
    sim_run_set(run, tally->failed_pods[i], "failed_pods_%s", pod_kind_names[i]);
    sim_run_set(run, tally->failed_gpus[i], "failed_gpus_%s", pod_kind_names[i]);
    all_pods += tally->failed_pods[i];
    all_gpus += tally->failed_gpus[i];
  }
  sim_run_set(run, all_pods, "failed_pods");
  sim_run_set(run, all_gpus, "failed_gpus");
  double idle = (1 - allocated(tally, 100) / 100) * (double)capacity(tally) / PACK_MILLI;
  sim_run_set(run, idle, "gpus_idle@100");
  sim_run_set(run, (double)tally->world.moves, "moves");
  sim_run_set(run, (double)tally->world.learning_ns / 1e9, "learning_seconds");
}

static bool run_inflate(struct sim_run *run, struct err *reterr) {
  const struct sim_trace *trace = run->options->trace;
  const struct sim_history *history = run->shared;
  struct tally tally = {.trace = trace, .run = run, .target = &history->target};
  if (!sim_history_start(history, run, &tally.world, reterr))
    return false;
  size_t count;
  CLEANUP_FREE uint32_t *classes = draw_arrivals(trace, run->options->ratio, run->seed, &count);
  tally.percents = (size_t)(100 * run->options->ratio) + 2;
  CLEANUP_FREE double *sums = mem_zalloc(tally.percents * sizeof(*sums));
  CLEANUP_FREE uint32_t *counts = mem_zalloc(tally.percents * sizeof(*counts));
  tally.sums = sums;
  tally.counts = counts;
  for (size_t i = 0; i < count; i++)
    offer(&tally, &trace->classes[classes[i]]);
  look_at_fragments(&tally, 2 * capacity(&tally));
  sum_up(&tally);
  bool is_good = sim_world_finish(&tally.world, run, reterr);
  sim_world_done(&tally.world);
  return is_good;
}

/* What the header cannot say of every list: pods that are more than all that may be requested. */
static const struct sim_input *
inflate_inputs(struct arena *arena, const struct sim_options *options, size_t *ret_count) {
  const struct sim_trace *trace = options->trace;
  double most = options->ratio * (double)trace->facts.capacity_milli, never = 0;
  for (size_t i = 0; i < trace->facts.classes; i++)
    if ((double)pack_request_milli(trace->catalog, &trace->classes[i], 0) > most)
      never += trace->class_counts[i];
  struct sim_input *input = arena_alloc(arena, sizeof(*input));
  *input = (struct sim_input){.key = "pods_never_offered", .number = never};
  *ret_count = never > 0;
  return input;
}

static bool prepare_inflate(const struct sim_results *results, const struct sim_env *env,
                            void **ret, struct err *reterr) {
  const struct sim_options *options = &results->options;
  return pod_list_check(options->trace, options->ratio, reterr) &&
         (*ret = sim_history_new(options->trace, env, reterr)) != NULL;
}

const struct sim_suite sim_suite_inflate = {
    .name = "inflate",
    .summary = "A cluster fills up with the pods of a list; how much of its GPUs can be given out.",
    .needs_trace = true,
    .uses_ratio = true,
    .uses_moves = true,
    .contenders = contenders,
    .metrics = inflate_metrics,
    .inputs = inflate_inputs,
    .curve = &curve,
    .prepare = prepare_inflate,
    .release = sim_history_free,
    .run = run_inflate,
    .check = sim_check_inflate,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of this module only: what a suite is, where its results go, and the tools
 * that suites are made of (random numbers, statistics, a queue of departures, a world in which
 * pods arrive and leave).
 */
#ifndef SLICEGATE_SIMULATE_INTERNAL_H
#define SLICEGATE_SIMULATE_INTERNAL_H

#include "slicegate/pricing.h"
#include "slicegate/simulate.h"

/* ---- random numbers (random.c) -------------------------------------------------------------- */

/* splitmix64: any reader of docs/packing.md gets the same numbers. */
struct sim_random {
  uint64_t state;
};

/*
 * Streams of one seed are independent of each other: what is drawn from one (arrivals, say)
 * does not depend on how much was drawn from another (node order).
 */
enum sim_stream {
  SIM_STREAM_NODES,   /* the order of nodes */
  SIM_STREAM_PODS,    /* which pods arrive */
  SIM_STREAM_TIMES,   /* when they arrive and how long they stay */
  SIM_STREAM_FORMS,   /* what a pod of the trace becomes in suites C and D */
  SIM_STREAM_POLICY,  /* the seed of policies that draw lots */
  SIM_STREAM_STORIES, /* short stories of suite mig */
};
struct sim_random sim_random_of(uint64_t seed, enum sim_stream stream);
uint64_t sim_random_next(struct sim_random *random);
/* 0 <= result < below, every value as likely as the others; below > 0. */
uint64_t sim_random_below(struct sim_random *random, uint64_t below);
/* 0 <= result < 1, in steps of 2^-53. */
double sim_random_unit(struct sim_random *random);
/* The time to the next event of a Poisson process with this mean distance; > 0. */
double sim_random_exponential(struct sim_random *random, double mean);
/* An index with probability in proportion to its weight; weights >= 0, one of them > 0. */
size_t sim_random_pick(struct sim_random *random, const double *weights, size_t count);
void sim_random_shuffle(struct sim_random *random, uint32_t *items, size_t count);

/* ---- statistics (statistics.c) -------------------------------------------------------------- */

struct sim_stat {
  size_t count;      /* values that are there: NAN is "not there" */
  double mean, ci95; /* half the width of Student's 95 % interval; NAN for fewer than 2 values */
};
struct sim_stat sim_stat_of(const double *values, size_t count);
/* Of a[i] - b[i]: what to look at when both saw the same arrivals. */
struct sim_stat sim_stat_paired(const double *a, const double *b, size_t count);
/* The two-sided 95 % quantile of Student's t. */
double sim_student_95(size_t degrees_of_freedom);

/* ---- a queue by time (queue.c) -------------------------------------------------------------- */

struct sim_event {
  double time;
  uint64_t id;
};
struct sim_queue {
  struct sim_event *events; /* a binary heap; ties go to the smaller id */
  size_t count, cap;
};
void sim_queue_push(struct sim_queue *queue, double time, uint64_t id);
/* The earliest event, still in the queue; NULL when it is empty. */
const struct sim_event *sim_queue_first(const struct sim_queue *queue);
struct sim_event sim_queue_pop(struct sim_queue *queue);
void sim_queue_done(struct sim_queue *queue);

/* ---- the trace's inside (trace.c) ----------------------------------------------------------- */

/* A hash table of numbers; what they stand for is the caller's. */
struct sim_index {
  struct sim_index_slot *slots;
  size_t cap, count;
};
/* The number that `is_equal` says yes to, or UINT32_MAX. */
uint32_t sim_index_find(const struct sim_index *index, uint64_t hash,
                        bool (*is_equal)(const void *ctx, uint32_t number), const void *ctx);
void sim_index_add(struct sim_index *index, uint64_t hash, uint32_t number);
void sim_index_done(struct sim_index *index);

struct sim_node {
  struct str name, model;
  int64_t cpu_milli, mem_bytes;
  uint16_t gpus, product; /* PACK_NONE without GPUs */
};

struct sim_trace {
  struct arena *arena;
  struct pack_catalog *catalog; /* a plain product for each model */
  struct sim_node *nodes;
  size_t node_cap;
  struct sim_index node_index, class_index;
  struct pack_request *classes; /* in order of first appearance */
  uint32_t *class_counts;
  bool *class_fits; /* on some node while it is empty; true where that was not looked at */
  size_t class_cap;
  uint64_t looks; /* at nodes, to find that out */
  uint32_t *pods; /* class of each pod, in the order of the list */
  size_t pod_cap;
  uint16_t absent; /* the product that stands for models no node has; PACK_NONE: not needed */
  struct sim_trace_facts facts;
};

/* The trace's nodes as a cluster, all devices whole; their order is drawn: node number
 * shuffled[i] of the list is called n<i>, so that ties of policies go to the i-th one. */
struct pack_cluster *sim_trace_cluster(const struct sim_trace *trace, struct sim_random *order,
                                       struct err *reterr) SG_MUST_CHECK;

/* ---- fragmentation (fragmentation.c) -------------------------------------------------------- */

/*
 * The measure of packing.md 1.1, written apart from the policies that use it. The target: the
 * most common classes of the trace (memory left aside) that cover 95 % of its pods, and of lists
 * where nearly every pod is a class of its own the SIM_TARGET_MAX most common.
 */
enum { SIM_TARGET_MAX = 1000 };
struct sim_target {
  struct pack_request *classes;
  double *shares; /* sum 1 */
  size_t count;
};
void sim_target_init(struct sim_target *target, const struct sim_trace *trace);
void sim_target_done(struct sim_target *target);

struct sim_fragments {
  double gradient_milli; /* F_n over all nodes: GPUs too small for a task that fits count too */
  double node_milli;     /* the older variant: 0 where the task fits the node */
};
struct sim_fragments sim_fragments_of(const struct sim_target *target,
                                      const struct pack_cluster *cluster);

/* ---- suites --------------------------------------------------------------------------------- */

/* One line of the results. Names are the contract of -o json ("allocated_pct@100"). */
struct sim_metric {
  const char *name;
  const char *block;  /* heading of the table that it stands in: "Allocated GPU, %" */
  const char *column; /* heading of its column there: "100" */
  uint8_t decimals;
  bool is_detail; /* in CSV and JSON, not in the table */
};

/* A line of the chart: a value at each of x_first, x_first + x_step, ... */
struct sim_curve {
  const char *title, *x_label, *y_label;
  double x_first, x_step;
  size_t count;
  double y_low, y_high; /* of the axis; both 0: as the values need */
  bool has_diagonal;    /* y = x for comparison: all that arrived is placed */
};

/* Who takes part: a policy of packing, or something that is none (bounds, oracles: NULL). */
struct sim_contender {
  const char *name;
  const struct pack_policy *policy;
};

/* One contender with one seed. `values` and `points` are NAN at first; seconds 0. */
struct sim_run {
  const struct sim_options *options;
  const struct sim_env *env;
  struct sim_contender contender;
  uint64_t seed;
  void *shared; /* what `prepare` made; NULL without */
  const struct sim_metric *metrics;
  size_t metric_count;
  double *values; /* [metric], in their order */
  double *points; /* [point of the curve] */
  double seconds; /* of decisions and commits; not of reading, drawing, learning */
};

/* What a suite was run on, beside the trace, seeds and ratio: for the reader of its results. */
struct sim_input {
  const char *key;
  const char *text; /* NULL: a number */
  double number;
};

struct sim_suite {
  const char *name;
  const char *summary;
  bool needs_trace, uses_ratio, uses_moves;
  bool has_own_cluster; /* of the trace only the pods count */
  /* Names of the contenders, ours first, NULL at the end. */
  const char *const *contenders;
  /* May be made for the options (loads, mixes, limits): from the results' arena. */
  const struct sim_metric *(*metrics)(struct arena *arena, const struct sim_options *options,
                                      size_t *ret_count);
  /* Optional; from the same arena. */
  const struct sim_input *(*inputs)(struct arena *arena, const struct sim_options *options,
                                    size_t *ret_count);
  const struct sim_curve *curve; /* or NULL */
  /* Optional: what all runs of the suite share, made before the first and freed after the last. */
  bool (*prepare)(const struct sim_results *results, const struct sim_env *env, void **ret,
                  struct err *reterr);
  void (*release)(void *shared);
  bool is_serial; /* one run at a time, whatever threads there are: it measures time */
  /* False stops everything. Called from several threads at once, each with its own run. */
  bool (*run)(struct sim_run *run, struct err *reterr);
  /* Optional: as sim_results_check and sim_write_chart; without `chart` the curve is drawn. */
  bool (*check)(const struct sim_results *results, struct buf *out);
  void (*chart)(const struct sim_results *results, struct buf *out);
  /* Optional, with `chart`: whether these options leave something to draw. */
  bool (*check_chart)(const struct sim_options *options, struct err *reterr);
};

extern const struct sim_suite sim_suite_inflate, sim_suite_churn, sim_suite_mig, sim_suite_mixed,
    sim_suite_scale;
/* Whether the lists are those that published figures are for (reference.c). */
bool sim_is_reference(const struct sim_trace_facts *facts);
/* A1 against the figures of the FGD paper. */
bool sim_check_inflate(const struct sim_results *results, struct buf *out);

/* The value of the metric of this name. One that was not declared is left out: what is declared
 * depends on the options, what is measured need not. */
void sim_run_set(struct sim_run *run, double value, const char *fmt, ...) SG_PRINTF(3, 4);

/* ---- results (results.c) -------------------------------------------------------------------- */

struct sim_results {
  const struct sim_suite *suite;
  struct sim_options options; /* seeds are copied; the trace is borrowed */
  struct arena *arena;
  const struct sim_input *inputs;
  const struct sim_metric *metrics;
  size_t input_count, metric_count, point_count;
  struct sim_contender *contenders;
  size_t contender_count;
  double *values;  /* [contender][metric][seed] */
  double *points;  /* [contender][point][seed] */
  double *seconds; /* [contender][seed] */
};

/* seed_count values. */
const double *sim_results_values(const struct sim_results *results, size_t contender,
                                 size_t metric);
const double *sim_results_points(const struct sim_results *results, size_t contender, size_t point);
const double *sim_results_seconds(const struct sim_results *results, size_t contender);
/* SIZE_MAX: none of this name. */
size_t sim_results_find_metric(const struct sim_results *results, const char *name);
size_t sim_results_find_contender(const struct sim_results *results, const char *name);

/* ---- a world (world.c) ---------------------------------------------------------------------- */

/*
 * One cluster under one policy: pods arrive and leave, what they teach goes to the learner, and
 * tables and conditions are taken when they are due. Every suite and every policy goes through
 * this one loop. Pods are known by the order of their arrival, from 0.
 */
struct sim_world {
  const struct sim_env *env;
  const struct pack_policy *policy;
  struct pack_cluster *cluster;
  struct pack_scorer *scorer;
  /* Who learns as pods arrive: ours. Baselines keep the tables that the history gave, as they
   * were published: NULL. */
  struct pricing_learner *learner;
  struct pricing_learner *owned_learner;
  /* A pod that fits nowhere may have others moved: at most so many for it, and in all at most so
   * many for each 100 pods placed (SIM_ANY_MOVES: no such limit). 0 and SIM_ANY_MOVES at first. */
  uint32_t moves_per_refusal, moves_per_100;
  uint64_t arrived, placed, moves;
  struct sim_pod {
    const struct pack_request *request; /* borrowed */
    uint32_t node;                      /* SIM_NOWHERE: refused or gone */
  } * pods;
  size_t pod_cap;
  /* Optional: told of every node that has changed. */
  void (*changed)(void *ctx, uint32_t node);
  void *changed_ctx;
  int64_t decision_ns, learning_ns;
  bool is_switching; /* empty GPUs change their mode: for pack_scorer_set_conditions */
  bool is_broken;    /* a policy's choice could not be carried out: a mistake of ours */
};
#define SIM_NOWHERE UINT32_MAX
#define SIM_ANY_MOVES UINT32_MAX

/*
 * Takes the cluster over. `tables` (may be NULL) are what the policy starts with. `learner` is
 * fed if the policy is ours, has seen the history already, and stays the caller's; NULL: nothing
 * is learnt.
 */
void sim_world_start(struct sim_world *world, const struct sim_run *run,
                     const struct pack_policy *policy, struct pack_cluster *cluster,
                     struct pricing_learner *learner, struct pack_tables_ref *tables);
/* The same with a learner and tables of its own, from what is known of the mix before the first
 * pod. */
void sim_world_start_with_history(struct sim_world *world, const struct sim_run *run,
                                  struct pack_cluster *cluster, const struct pack_request *requests,
                                  const uint32_t *counts, size_t count);
void sim_world_done(struct sim_world *world);
/* The next pod: true when it was placed. The request must live as long as the pod. */
bool sim_world_arrive(struct sim_world *world, const struct pack_request *request);
/* Takes a placed pod away; nothing when it is nowhere. */
void sim_world_depart(struct sim_world *world, uint64_t pod);
/* Adds to run->seconds; false when the world is broken: what came out is worth nothing. */
bool sim_world_finish(const struct sim_world *world, struct sim_run *run,
                      struct err *reterr) SG_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulate: packing policies on traces. Reads lists of nodes and pods, plays suites of events
 * against every policy with the same arrivals, and writes what came out: a table, CSV, JSON, a
 * chart. No I/O, no clock, no threads of its own: the caller feeds bytes in, and lends a clock
 * and, if it likes, threads. The same inputs and seeds give the same figures, times apart.
 */
#ifndef SLICEGATE_SIMULATE_H
#define SLICEGATE_SIMULATE_H

#include "slicegate/base.h"
#include "slicegate/packing.h"

enum {
  SIM_LINE_MAX = 64 * 1024,   /* bytes of a line of a list */
  SIM_ROWS_MAX = 1000 * 1000, /* of a list */
  SIM_SEEDS_MAX = 1000,
  SIM_POLICIES_MAX = 64,
  SIM_MIG_MIXES_MAX = 1000,
  SIM_MIG_GPUS_MAX = 100 * 1000, /* of one cluster */
  SIM_SCALE_NODES_MAX = 50 * 1000,
};

/* ---- traces (trace.c) ----------------------------------------------------------------------- */

/*
 * A list of nodes and a list of pods in the format of the Alibaba GPU trace of 2023. Pods are
 * kept as classes (distinct requests) and the class of each pod in the order of the list.
 */
struct sim_trace;
struct sim_trace *sim_trace_new(void) SG_MUST_CHECK;
void sim_trace_free(struct sim_trace *trace);

enum sim_list { SIM_NODES, SIM_PODS };

/*
 * Reads one list from chunks of any size; needs memory for one line and the rows. Nodes first:
 * pods name GPU models. Errors carry line and column and name the field.
 */
struct sim_reader;
struct sim_reader *sim_reader_new(struct sim_trace *trace, enum sim_list list) SG_MUST_CHECK;
void sim_reader_free(struct sim_reader *reader);
bool sim_reader_feed(struct sim_reader *reader, struct str bytes, struct err *reterr) SG_MUST_CHECK;
/* The list is at its end. */
bool sim_reader_end(struct sim_reader *reader, struct err *reterr) SG_MUST_CHECK;

/* What was read, for those who run suites and for messages. */
struct sim_trace_facts {
  size_t nodes, gpus, pods, classes;
  int64_t capacity_milli, requested_milli;
  /* Pods of models that no node has: they are kept, and can never be placed. */
  size_t pods_without_model;
  struct str models_without_node; /* "A100, H20": at most 200 bytes */
  /* Pods that fit on none of the nodes of their models, even empty: kept, and never placed. */
  size_t pods_too_large;
  unsigned first_too_large;       /* the line of the first */
  uint64_t nodes_hash, pods_hash; /* of the rows in their order, whatever columns surround them */
  bool is_reference;              /* the public lists that published figures are for */
};
const struct sim_trace_facts *sim_trace_facts(const struct sim_trace *trace);

/* ---- suites (suites.c) ---------------------------------------------------------------------- */

/* What the caller lends. Every member may be NULL. */
struct sim_env {
  void *ctx;
  int64_t (*now_ns)(void *ctx); /* monotonic; without it all times are 0 */
  /* `done` of `total` runs are done. From any thread that runs jobs. */
  void (*progress)(void *ctx, size_t done, size_t total, const char *policy, uint64_t seed);
  /* Calls job(arg, i) once for each i < count, on threads if it likes, and waits for all.
   * Without it they run one after another. */
  void (*run_jobs)(void *ctx, size_t count, void (*job)(void *arg, size_t index), void *arg);
};

/* A mix of MIG profiles: one of the suite's own by its name alone, or a name and a text such as
 * "1g.10gb=0.3,7g.80gb=0.7". */
struct sim_mix {
  struct str name, text;
};

enum sim_mig_part {
  SIM_MIG_SATURATION = 1, /* B1 */
  SIM_MIG_CHURN = 2,      /* B2 */
  SIM_MIG_EXACT = 4,      /* B3 */
  SIM_MIG_LISTS = 8,      /* B4 */
};

/* Of suite mig. Zeroed: as docs/packing.md states it. */
struct sim_mig_options {
  struct str product;   /* "h100-80gb" */
  const uint32_t *gpus; /* numbers of GPUs; none: 100 */
  size_t gpu_count;
  const struct sim_mix *mixes; /* none, and no random ones: the suite's four */
  size_t mix_count;
  size_t random_mixes;
  uint64_t random_seed;
  unsigned parts; /* of enum sim_mig_part; 0: all */
};

struct sim_options {
  const struct sim_trace *trace;      /* NULL for suites that need none */
  const char *nodes_name, *pods_name; /* of its lists, for readers of the results; may be NULL */
  const uint64_t *seeds;
  size_t seed_count;
  double ratio;                 /* GPU requested in the end, of capacity */
  uint32_t moves_per_100;       /* pods that may be moved for each 100 placed; 0: none */
  struct gpu_products products; /* among which suite mig finds its own; none: those compiled in */
  struct sim_mig_options mig;
  bool is_flexible; /* suite mixed: empty GPUs may be switched between whole and MIG mode */
  const uint32_t *scale_nodes; /* suite scale: numbers of nodes; none: as docs/packing.md states */
  size_t scale_node_count;
};

struct sim_suite;
const struct sim_suite *sim_suite_find(struct str name); /* NULL: no such suite */
const struct sim_suite *const *sim_suites(size_t *ret_count);
const char *sim_suite_name(const struct sim_suite *suite);
const char *sim_suite_summary(const struct sim_suite *suite); /* one sentence */
bool sim_suite_needs_trace(const struct sim_suite *suite);
/* False: the suite has a cluster of its own, and a trace needs no list of nodes. */
bool sim_suite_needs_nodes(const struct sim_suite *suite);
bool sim_suite_uses_ratio(const struct sim_suite *suite);
bool sim_suite_uses_moves(const struct sim_suite *suite); /* moves_per_100 */
bool sim_suite_has_chart(const struct sim_suite *suite);
/* Of a suite with a chart: false when runs with these options would leave nothing to draw. */
bool sim_suite_check_chart(const struct sim_suite *suite, const struct sim_options *options,
                           struct err *reterr) SG_MUST_CHECK;

struct sim_results;
/*
 * Runs the policies named ("fgd", "slicegate"; one name "all": every policy that the suite
 * knows) with every seed. NULL: a policy that the suite does not know, or inputs that it cannot
 * work with (no GPU at all, ...).
 */
struct sim_results *sim_run(const struct sim_suite *suite, const struct sim_options *options,
                            const struct str *policies, size_t policy_count,
                            const struct sim_env *env, struct err *reterr) SG_MUST_CHECK;
void sim_results_free(struct sim_results *results);

/*
 * Baselines against their published figures, where the inputs are those that the figures are
 * for. What was compared is written to `out`, one line each; false: one of them is off.
 */
bool sim_results_check(const struct sim_results *results, struct buf *out);

/* ---- what came out (write_*.c, chart.c) ---------------------------------------------------- */

void sim_write_table(const struct sim_results *results, struct buf *out);
void sim_write_csv(const struct sim_results *results, struct buf *out);
void sim_write_json(const struct sim_results *results, struct buf *out);
/* An SVG picture; nothing when the suite has no chart. */
void sim_write_chart(const struct sim_results *results, struct buf *out);

#endif

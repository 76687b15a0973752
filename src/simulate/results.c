/* SPDX-License-Identifier: Apache-2.0 */
/* Where figures of runs are kept, and how the runs of a suite are carried out. */
#include "src/simulate/simulate_internal.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- access --------------------------------------------------------------------------------- */

const double *sim_results_values(const struct sim_results *results, size_t contender,
                                 size_t metric) {
  size_t row = contender * results->metric_count + metric;
  return results->values + row * results->options.seed_count;
}

const double *sim_results_points(const struct sim_results *results, size_t contender,
                                 size_t point) {
  size_t row = contender * results->point_count + point;
  return results->points + row * results->options.seed_count;
}

const double *sim_results_seconds(const struct sim_results *results, size_t contender) {
  return results->seconds + contender * results->options.seed_count;
}

size_t sim_results_find_metric(const struct sim_results *results, const char *name) {
  for (size_t i = 0; i < results->metric_count; i++) {
    if (strcmp(results->metrics[i].name, name) == 0)
      return i;
  }
  return SIZE_MAX;
}

size_t sim_results_find_contender(const struct sim_results *results, const char *name) {
  for (size_t i = 0; i < results->contender_count; i++) {
    if (strcmp(results->contenders[i].name, name) == 0)
      return i;
  }
  return SIZE_MAX;
}

void sim_run_set(struct sim_run *run, double value, const char *fmt, ...) {
  char name[128];
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(name, sizeof(name), fmt, args);
  va_end(args);
  for (size_t i = 0; i < run->metric_count; i++) {
    if (strcmp(run->metrics[i].name, name) == 0)
      run->values[i] = value;
  }
}

void sim_results_free(struct sim_results *results) {
  if (!results)
    return;
  free(results->values);
  free(results->points);
  free(results->seconds);
  arena_free(results->arena);
  free(results);
}

bool sim_results_check(const struct sim_results *results, struct buf *out) {
  return !results->suite->check || results->suite->check(results, out);
}

/* ---- who takes part ------------------------------------------------------------------------- */

static size_t count_contenders(const struct sim_suite *suite) {
  size_t count = 0;
  while (suite->contenders[count])
    count++;
  return count;
}

static bool unknown_policy(const struct sim_suite *suite, struct str name, struct err *reterr) {
  CLEANUP_BUF struct buf known;
  buf_init(&known, 400);
  for (size_t i = 0; suite->contenders[i]; i++)
    buf_printf(&known, "%s%s", i ? " " : "", suite->contenders[i]);
  return err_set(reterr, ERR_INVALID, "suite %s has no policy \"%.*s\"; it knows: all %s",
                 suite->name, (int)(name.len < 60 ? name.len : 60), name.ptr, known.ptr);
}

/* In the suite's order, however they were named. */
static bool choose_contenders(struct sim_results *results, const struct str *names, size_t count,
                              struct err *reterr) {
  const struct sim_suite *suite = results->suite;
  size_t known = count_contenders(suite);
  CLEANUP_FREE bool *is_in = mem_zalloc(known * sizeof(*is_in));
  for (size_t i = 0; i < count; i++) {
    bool is_all = str_is(names[i], "all"), is_found = is_all;
    for (size_t k = 0; k < known; k++) {
      if (is_all || str_is(names[i], suite->contenders[k]))
        is_in[k] = is_found = true;
    }
    if (!is_found)
      return unknown_policy(suite, names[i], reterr);
  }
  results->contenders = arena_array(results->arena, known, sizeof(*results->contenders));
  for (size_t k = 0; k < known; k++) {
    const char *name = suite->contenders[k];
    if (is_in[k])
      results->contenders[results->contender_count++] =
          (struct sim_contender){name, pack_policy_find(str_of(name))};
  }
  if (results->contender_count == 0)
    return err_set(reterr, ERR_INVALID, "no policy is named");
  return true;
}

/* ---- running -------------------------------------------------------------------------------- */

struct jobs {
  struct sim_results *results;
  const struct sim_env *env;
  void *shared; /* of all runs */
  atomic_size_t done;
  atomic_bool has_failed;
  struct err *reterr; /* of who was first to fail */
};

/* A run has its figures in one row; the store has those of one metric side by side. */
static void store(struct sim_results *results, size_t contender, size_t seed,
                  const struct sim_run *run) {
  size_t seeds = results->options.seed_count;
  for (size_t m = 0; m < results->metric_count; m++)
    results->values[(contender * results->metric_count + m) * seeds + seed] = run->values[m];
  for (size_t p = 0; p < results->point_count; p++)
    results->points[(contender * results->point_count + p) * seeds + seed] = run->points[p];
  /* What is no policy (a bound, an oracle) decides nothing: it has no time, not one of 0. */
  bool has_time = run->contender.policy || run->seconds > 0;
  results->seconds[contender * seeds + seed] = has_time ? run->seconds : NAN;
}

static void run_one(void *arg, size_t index) {
  struct jobs *jobs = arg;
  struct sim_results *results = jobs->results;
  size_t seeds = results->options.seed_count;
  size_t contender = index / seeds, seed = index % seeds;
  if (atomic_load(&jobs->has_failed))
    return;
  struct sim_run run = {.options = &results->options,
                        .env = jobs->env,
                        .contender = results->contenders[contender],
                        .seed = results->options.seeds[seed],
                        .shared = jobs->shared,
                        .metrics = results->metrics,
                        .metric_count = results->metric_count};
  size_t figures = results->metric_count + results->point_count;
  CLEANUP_FREE double *values = mem_zalloc(figures * sizeof(*values));
  for (size_t i = 0; i < figures; i++)
    values[i] = NAN;
  run.values = values;
  run.points = values + results->metric_count;
  struct err why;
  if (!results->suite->run(&run, &why)) {
    if (!atomic_exchange(&jobs->has_failed, true))
      *jobs->reterr = why;
    return;
  }
  store(results, contender, seed, &run);
  size_t done = atomic_fetch_add(&jobs->done, 1) + 1;
  if (jobs->env->progress)
    jobs->env->progress(jobs->env->ctx, done, results->contender_count * seeds, run.contender.name,
                        run.seed);
}

static struct sim_results *new_results(const struct sim_suite *suite,
                                       const struct sim_options *options) {
  struct sim_results *results = mem_zalloc(sizeof(*results));
  results->suite = suite;
  results->arena = arena_new(16 * 1024);
  results->options = *options;
  uint64_t *seeds = arena_array(results->arena, options->seed_count, sizeof(*seeds));
  memcpy(seeds, options->seeds, options->seed_count * sizeof(*seeds));
  results->options.seeds = seeds;
  results->metrics = suite->metrics(results->arena, &results->options, &results->metric_count);
  if (suite->inputs)
    results->inputs = suite->inputs(results->arena, &results->options, &results->input_count);
  results->point_count = suite->curve ? suite->curve->count : 0;
  return results;
}

struct sim_results *sim_run(const struct sim_suite *suite, const struct sim_options *options,
                            const struct str *policies, size_t policy_count,
                            const struct sim_env *env, struct err *reterr) {
  if (options->seed_count == 0 || options->seed_count > SIM_SEEDS_MAX) {
    (void)err_set(reterr, ERR_INVALID, "%zu seeds, where 1 to %d may be given", options->seed_count,
                  (int)SIM_SEEDS_MAX);
    return NULL;
  }
  if (suite->needs_trace && !options->trace) {
    (void)err_set(reterr, ERR_INVALID, "suite %s needs a list of nodes and a list of pods",
                  suite->name);
    return NULL;
  }
  struct sim_results *results = new_results(suite, options);
  if (!choose_contenders(results, policies, policy_count, reterr)) {
    sim_results_free(results);
    return NULL;
  }
  size_t runs = results->contender_count * results->options.seed_count;
  results->values = mem_zalloc(runs * results->metric_count * sizeof(*results->values));
  results->points = mem_zalloc(runs * results->point_count * sizeof(*results->points));
  results->seconds = mem_zalloc(runs * sizeof(*results->seconds));
  static const struct sim_env no_env;
  struct jobs jobs = {.results = results, .env = env ? env : &no_env, .reterr = reterr};
  if (suite->prepare && !suite->prepare(results, jobs.env, &jobs.shared, reterr)) {
    sim_results_free(results);
    return NULL;
  }
  if (jobs.env->run_jobs && !suite->is_serial) {
    jobs.env->run_jobs(jobs.env->ctx, runs, run_one, &jobs);
  } else {
    for (size_t i = 0; i < runs; i++)
      run_one(&jobs, i);
  }
  if (suite->release)
    suite->release(jobs.shared);
  if (!atomic_load(&jobs.has_failed))
    return results;
  sim_results_free(results);
  return NULL;
}

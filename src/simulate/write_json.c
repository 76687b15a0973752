/* SPDX-License-Identifier: Apache-2.0 */
/* Results for programs. The keys are a contract; they may grow, never change. */
#include "src/simulate/simulate_internal.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Six decimals are more than any figure is worth; null is "there is none". */
static json_t *number(double value) {
  return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

static json_t *integer(size_t value) {
  return json_integer((json_int_t)value);
}

static json_t *hash_text(uint64_t hash) {
  char text[24];
  (void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
  return json_string(text);
}

static void set_file(json_t *object, const char *name) {
  /* Names of files need not be UTF-8. */
  json_t *text = name ? json_string(name) : NULL;
  if (text)
    json_object_set_new(object, "file", text);
}

static void set_nodes(json_t *inputs, const struct sim_options *options) {
  const struct sim_trace_facts *facts = &options->trace->facts;
  json_t *nodes = json_object();
  set_file(nodes, options->nodes_name);
  json_object_set_new(nodes, "count", integer(facts->nodes));
  json_object_set_new(nodes, "gpus", integer(facts->gpus));
  json_object_set_new(nodes, "hash", hash_text(facts->nodes_hash));
  json_object_set_new(inputs, "nodes", nodes);
  json_object_set_new(inputs, "is_reference", json_boolean(facts->is_reference));
}

static void set_pods(json_t *inputs, const struct sim_options *options) {
  const struct sim_trace_facts *facts = &options->trace->facts;
  json_t *pods = json_object();
  set_file(pods, options->pods_name);
  json_object_set_new(pods, "count", integer(facts->pods));
  json_object_set_new(pods, "classes", integer(facts->classes));
  json_object_set_new(pods, "gpus_requested", number((double)facts->requested_milli / PACK_MILLI));
  json_object_set_new(pods, "without_model", integer(facts->pods_without_model));
  json_object_set_new(pods, "too_large", integer(facts->pods_too_large));
  json_object_set_new(pods, "hash", hash_text(facts->pods_hash));
  json_object_set_new(inputs, "pods", pods);
}

static json_t *inputs_json(const struct sim_results *results) {
  const struct sim_options *options = &results->options;
  json_t *inputs = json_object();
  if (results->suite->needs_trace && !results->suite->has_own_cluster)
    set_nodes(inputs, options);
  if (results->suite->needs_trace)
    set_pods(inputs, options);
  if (results->suite->uses_ratio)
    json_object_set_new(inputs, "ratio", number(options->ratio));
  json_object_set_new(inputs, "moves_per_100", integer(options->moves_per_100));
  for (size_t i = 0; i < results->input_count; i++) {
    const struct sim_input *input = &results->inputs[i];
    json_object_set_new(inputs, input->key,
                        input->text ? json_string(input->text) : number(input->number));
  }
  return inputs;
}

static json_t *metric_json(const struct sim_results *results, const double *values) {
  size_t seeds = results->options.seed_count;
  struct sim_stat stat = sim_stat_of(values, seeds);
  json_t *metric = json_object(), *per_seed = json_array();
  for (size_t s = 0; s < seeds; s++)
    json_array_append_new(per_seed, number(values[s]));
  json_object_set_new(metric, "mean", number(stat.mean));
  json_object_set_new(metric, "ci95", number(stat.ci95));
  json_object_set_new(metric, "per_seed", per_seed);
  return metric;
}

static json_t *policy_json(const struct sim_results *results, size_t contender) {
  json_t *policy = json_object(), *metrics = json_object();
  for (size_t m = 0; m < results->metric_count; m++)
    json_object_set_new(metrics, results->metrics[m].name,
                        metric_json(results, sim_results_values(results, contender, m)));
  json_object_set_new(policy, "name", json_string(results->contenders[contender].name));
  json_object_set_new(policy, "metrics", metrics);
  /* Of a run, in the mean. */
  struct sim_stat seconds =
      sim_stat_of(sim_results_seconds(results, contender), results->options.seed_count);
  json_object_set_new(policy, "seconds", number(seconds.mean));
  return policy;
}

void sim_write_json(const struct sim_results *results, struct buf *out) {
  json_t *root = json_object(), *seeds = json_array(), *policies = json_array();
  for (size_t s = 0; s < results->options.seed_count; s++)
    json_array_append_new(seeds, json_integer((json_int_t)results->options.seeds[s]));
  for (size_t c = 0; c < results->contender_count; c++)
    json_array_append_new(policies, policy_json(results, c));
  json_object_set_new(root, "suite", json_string(results->suite->name));
  json_object_set_new(root, "inputs", inputs_json(results));
  json_object_set_new(root, "seeds", seeds);
  json_object_set_new(root, "policies", policies);
  char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
  json_decref(root);
  if (!text)
    return;
  buf_append_cstr(out, text);
  buf_append_char(out, '\n');
  free(text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate simulate SUITE`: packing policies on traces. */
#include "src/cli/cli_internal.h"
#include "src/cli/load.h"
#include "src/cli/simulate_inputs.h"
#include "src/cli/simulate_jobs.h"
#include "src/cli/simulate_outputs.h"
#include "src/cli/simulate_wishes.h"

#include "slicegate/sys.h"

#include <stdlib.h>

enum { JOBS_MAX = 64 };

struct simulate_flags {
  struct flag_list rest;
  const char *nodes, *pods, *policies, *seeds, *ratio, *output, *json, *csv, *svg;
  int64_t moves, jobs;
  struct simulate_wishes wishes;
};

static void simulate_flags_done(struct simulate_flags *flags) {
  flag_list_done(&flags->wishes.mixes);
  flag_list_done(&flags->rest);
}

static const struct command_help help = {
    .usage = "slicegate simulate SUITE [--nodes FILE --pods FILE] [flags]",
    .summary =
        "Plays pods against packing policies, all with the same arrivals, and tells how much of "
        "the GPUs each of them could give out. Suites:\n"
        "\n"
        "inflate: a cluster fills up with the pods of a list.\n"
        "churn: pods of a list come and go, at loads of 0.9, 1.0 and 1.1.\n"
        "mig: MIG instances fill GPUs, come and go, and are held against exact optima.\n"
        "mixed: whole GPUs, MIG slices and time-sliced replicas in one cluster.\n"
        "scale: how long one decision takes on up to 15,000 nodes.\n"
        "what-if: no suite, but a question: how many more of these pods fit on a recorded "
        "cluster? `slicegate simulate what-if --help`\n"
        "\n"
        "Lists are CSV files in the format of the Alibaba GPU trace of 2023, columns in any order. "
        "Of nodes: sn, cpu_milli, memory_mib, gpu, model. Of pods: name, cpu_milli, memory_mib, "
        "num_gpu, gpu_milli (thousandths of each GPU, below 1000 only where num_gpu is 1), "
        "gpu_spec (models that will do, separated by |; empty: any; the column may be missing); "
        "qos, pod_phase, "
        "creation_time, deletion_time and scheduled_time may be there and are not read. Pods of "
        "models that no node has, and pods larger than any node, are kept and refused by every "
        "policy; a warning says so.\n"
        "\n"
        "On the public lists the baselines are held against their published figures. Exit code: 0; "
        "1 a baseline is off; 2 an input could not be used or the command line is wrong.",
    .examples = "slicegate simulate inflate --nodes nodes.csv --pods pods.csv --svg chart.svg\n"
                "slicegate simulate churn --nodes nodes.csv --pods pods.csv --policies "
                "slicegate,fgd --seeds 1-6 -o json"};

static enum flags_result read_flags(int argc, char **argv, struct simulate_flags *ret, FILE *out,
                                    FILE *err) {
  const struct flag flags[] = {
      {"nodes", 0, FLAG_STRING, "FILE", "The list of nodes.", &ret->nodes, 0, 0},
      {"pods", 0, FLAG_STRING, "FILE", "The list of pods.", &ret->pods, 0, 0},
      {"policies", 0, FLAG_STRING, "LIST",
       "Names of policies separated by commas, or all (the default). An unknown one is answered "
       "with those that there are.",
       &ret->policies, 0, 0},
      {"seeds", 0, FLAG_STRING, "LIST",
       "Numbers and ranges of seeds, one run each. Default: 42-51.", &ret->seeds, 0, 0},
      {"ratio", 0, FLAG_STRING, "NUMBER",
       "inflate: GPUs requested in the end, as a share of all there are. Default: 1.3.",
       &ret->ratio, 0, 0},
      {"moves-per-100", 0, FLAG_INT, "N",
       "For a pod that fits nowhere up to two others may be moved, in all at most N for each 100 "
       "pods placed. Default: 0; mig, whose policies name their moves: no limit.",
       &ret->moves, 0, 100000},
      {"product", 0, FLAG_STRING, "ID", "mig: the GPU. Default: h100-80gb.", &ret->wishes.product,
       0, 0},
      {"products", 0, FLAG_STRING, "FILE",
       "mig: further GPU products, or other profiles and placements for known ones, in the form of "
       "src/model/mig-profiles.json.",
       &ret->wishes.products, 0, 0},
      {"gpus", 0, FLAG_STRING, "LIST", "mig: numbers of GPUs. Default: 100.", &ret->wishes.gpus, 0,
       0},
      {"mix", 0, FLAG_LIST, "MIX",
       "mig: which profiles are asked for: uniform, skew-small, skew-big, bimodal, weights such as "
       "1g.10gb=0.3,7g.80gb=0.7, or a file with weights. May be given several times. Default: the "
       "four.",
       &ret->wishes.mixes, 0, 0},
      {"random-mixes", 0, FLAG_INT, "N", "mig: N mixes drawn at random.", &ret->wishes.random_mixes,
       0, SIM_MIG_MIXES_MAX},
      {"mix-seed", 0, FLAG_INT, "N", "mig: the seed of random mixes. Default: 1.",
       &ret->wishes.mix_seed, 0, INT64_MAX},
      {"parts", 0, FLAG_STRING, "LIST",
       "mig: some of saturation, churn, exact, lists. Default: all.", &ret->wishes.parts, 0, 0},
      {"flex", 0, FLAG_BOOL, NULL, "mixed: empty GPUs may be switched between whole and MIG mode.",
       &ret->wishes.is_flexible, 0, 0},
      {"node-counts", 0, FLAG_STRING, "LIST",
       "scale: numbers of nodes. Default: 100,1000,1213,5000,15000.", &ret->wishes.node_counts, 0,
       0},
      {"output", 'o', FLAG_STRING, "FORMAT",
       "table, json, or csv (one row a figure and seed). Default: table.", &ret->output, 0, 0},
      {"json", 0, FLAG_STRING, "FILE", "Writes JSON into this file too.", &ret->json, 0, 0},
      {"csv", 0, FLAG_STRING, "FILE", "Writes CSV into this file too.", &ret->csv, 0, 0},
      {"svg", 0, FLAG_STRING, "FILE", "Draws a chart into this file.", &ret->svg, 0, 0},
      {"jobs", 0, FLAG_INT, "N",
       "Runs at the same time. More than one and the seconds of runs disturb each other. "
       "Default: 1.",
       &ret->jobs, 1, JOBS_MAX},
  };
  return flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &help, &ret->rest, out, err);
}

/* ---- what is wrong with the command line ---------------------------------------------------- */

static const struct sim_suite *find_suite(const struct flag_list *rest, FILE *err) {
  enum { NAMES_MAX = 16 };
  size_t count;
  const struct sim_suite *const *suites = sim_suites(&count);
  struct str names[NAMES_MAX];
  count = count < NAMES_MAX ? count : NAMES_MAX;
  const struct sim_suite *suite = rest->count == 1 ? sim_suite_find(str_of(rest->items[0])) : NULL;
  if (suite)
    return suite;
  if (rest->count == 0) {
    (void)fputs("slicegate: simulate needs the name of a suite", err);
  } else if (rest->count > 1) {
    (void)fprintf(err, "slicegate: simulate runs one suite: \"%s\" is one too many",
                  rest->items[1]);
  } else {
    (void)fprintf(err, "slicegate: simulate has no suite \"%s\"", rest->items[0]);
  }
  for (size_t i = 0; i < count; i++) {
    names[i] = str_of(sim_suite_name(suites[i]));
    (void)fprintf(err, "%s%.*s", i ? ", " : " (", STR_FMT(names[i]));
  }
  (void)fprintf(err, ", what-if)\nusage: %s\n", help.usage);
  return NULL;
}

static simulate_write_fn *find_output(const char *name, FILE *err) {
  static const struct {
    const char *name;
    simulate_write_fn *write;
  } outputs[] = {{"table", sim_write_table}, {"json", sim_write_json}, {"csv", sim_write_csv}};
  for (size_t i = 0; i < SG_ARRAY_LEN(outputs); i++) {
    if (strcmp(outputs[i].name, name) == 0)
      return outputs[i].write;
  }
  (void)fprintf(err, "slicegate: unknown output \"%s\" (table, json, csv)\n", name);
  return NULL;
}

/* A flag that a suite does not look at is a mistake of who gave it, not one to be passed over. */
static bool check_flags(const struct sim_suite *suite, const struct simulate_flags *flags,
                        FILE *err) {
  const char *name = sim_suite_name(suite);
  bool needs_nodes = sim_suite_needs_nodes(suite), needs_pods = sim_suite_needs_trace(suite);
  const struct {
    bool is_given, is_for_it;
    const char *flag;
  } of_some[] = {{flags->nodes != NULL, needs_nodes, "--nodes: its cluster is its own"},
                 {flags->pods != NULL, needs_pods, "--pods: its pods are its own"},
                 {flags->ratio != NULL, sim_suite_uses_ratio(suite), "--ratio"},
                 {flags->moves > 0, sim_suite_uses_moves(suite), "--moves-per-100"},
                 {flags->svg != NULL, sim_suite_has_chart(suite), "chart for --svg"}};
  for (size_t i = 0; i < SG_ARRAY_LEN(of_some); i++)
    if (of_some[i].is_given && !of_some[i].is_for_it) {
      (void)fprintf(err, "slicegate: suite %s has no %s\n", name, of_some[i].flag);
      return false;
    }
  if ((!needs_nodes || flags->nodes) && (!needs_pods || flags->pods))
    return true;
  (void)fprintf(err,
                "slicegate: suite %s needs %s--pods FILE, in the format of the Alibaba GPU trace "
                "of 2023 (github.com/alibaba/clusterdata, cluster-trace-gpu-v2023)\n",
                name, needs_nodes ? "--nodes FILE and " : "");
  return false;
}

/* ---- what came out -----------------------------------------------------------------------------
 */

static int report(const struct sim_results *results, struct simulate_outputs *outputs,
                  simulate_write_fn *write, FILE *out, FILE *err) {
  CLEANUP_BUF struct buf text;
  CLEANUP_BUF struct buf checks;
  buf_init(&text, SIMULATE_OUTPUT_MAX);
  buf_init(&checks, SIMULATE_OUTPUT_MAX);
  bool is_good = sim_results_check(results, &checks);
  write(results, &text);
  if (is_good && checks.len && write == sim_write_table) {
    buf_append_char(&text, '\n');
    buf_append_str(&text, buf_str(&checks));
  }
  /* Files first: who reads standard output may leave early. What a file lacks stands there. */
  bool is_written = simulate_outputs_write(outputs, results, err);
  if (text.truncated || fwrite(text.ptr, 1, text.len, out) != text.len || fflush(out) != 0) {
    (void)fputs("slicegate: the results could not be written\n", err);
    return EXIT_UNUSABLE;
  }
  if (!is_written)
    return EXIT_UNUSABLE;
  if (is_good)
    return EXIT_OK;
  (void)fwrite(checks.ptr, 1, checks.len, err);
  (void)fputs("slicegate: a baseline is off its published figure: nothing of this run counts\n",
              err);
  return EXIT_FINDINGS;
}

int cli_simulate(int argc, char **argv, FILE *out, FILE *err) {
  if (argc > 1 && strcmp(argv[1], "what-if") == 0)
    return cli_what_if(argc - 1, argv + 1, out, err);
  SG_CLEANUP(simulate_flags_done)
  struct simulate_flags flags = {.policies = "all",
                                 .seeds = "42-51",
                                 .output = "table",
                                 .jobs = 1,
                                 .wishes = {.mix_seed = -1}};
  enum flags_result result = read_flags(argc, argv, &flags, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  const struct sim_suite *suite = find_suite(&flags.rest, err);
  simulate_write_fn *write = suite ? find_output(flags.output, err) : NULL;
  struct sim_options options = {.ratio = 1.3,
                                .moves_per_100 = (uint32_t)flags.moves,
                                .nodes_name = flags.nodes,
                                .pods_name = flags.pods};
  uint64_t seeds[SIM_SEEDS_MAX];
  struct str policies[SIM_POLICIES_MAX];
  size_t policy_count = 0;
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  if (!write || !check_flags(suite, &flags, err) ||
      !cli_load_products(flags.wishes.products, arena, &options.products, err) ||
      !simulate_read_wishes(&flags.wishes, suite, arena, &options, err) ||
      (options.seed_count = simulate_parse_seeds(flags.seeds, seeds, err)) == 0 ||
      (policy_count = simulate_parse_policies(flags.policies, policies, err)) == 0 ||
      (flags.ratio && !simulate_parse_ratio(flags.ratio, &options.ratio, err)))
    return EXIT_UNUSABLE;
  options.seeds = seeds;
  struct err why;
  if (flags.svg && !sim_suite_check_chart(suite, &options, &why)) {
    (void)fprintf(err, "slicegate: --svg: %s\n", why.text);
    return EXIT_UNUSABLE;
  }
  struct sim_trace *trace = NULL;
  if (sim_suite_needs_trace(suite) &&
      !(trace = simulate_load_trace(sim_suite_needs_nodes(suite) ? flags.nodes : NULL, flags.pods,
                                    err)))
    return EXIT_UNUSABLE;
  options.trace = trace;
  const char *const inputs[] = {flags.nodes, flags.pods, flags.wishes.products};
  SG_CLEANUP(simulate_outputs_done) struct simulate_outputs outputs = {.count = 0};
  if (!simulate_outputs_add(&outputs, flags.json, sim_write_json, inputs, SG_ARRAY_LEN(inputs),
                            err) ||
      !simulate_outputs_add(&outputs, flags.csv, sim_write_csv, inputs, SG_ARRAY_LEN(inputs),
                            err) ||
      !simulate_outputs_add(&outputs, flags.svg, sim_write_chart, inputs, SG_ARRAY_LEN(inputs),
                            err)) {
    sim_trace_free(trace);
    return EXIT_UNUSABLE;
  }
  struct simulate_jobs *jobs = simulate_jobs_new((size_t)flags.jobs, err);
  struct sim_env env = simulate_jobs_env(jobs);
  struct sim_results *results = sim_run(suite, &options, policies, policy_count, &env, &why);
  simulate_jobs_free(jobs);
  int code = EXIT_UNUSABLE;
  if (results)
    code = report(results, &outputs, write, out, err);
  else
    (void)fprintf(err, "slicegate: %s\n", why.text);
  sim_results_free(results);
  sim_trace_free(trace);
  return code;
}

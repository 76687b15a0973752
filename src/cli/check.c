/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate check`: the webhook's verdict on manifests, without a cluster. */
#include "src/cli/check.h"

#include "src/cli/cli_internal.h"
#include "src/cli/load.h"

#include <stdlib.h>
#include <unistd.h>

struct check_flags {
  struct flag_list files, rest;
  const char *policy, *cluster, *ns, *output, *now;
  bool is_strict, is_verbose;
};

static void check_flags_done(struct check_flags *flags) {
  flag_list_done(&flags->files);
  flag_list_done(&flags->rest);
}

static const struct command_help check_help = {
    .usage = "slicegate check [-f FILE|DIR|-]... [FILE|DIR|-]... [flags]",
    .summary =
        "Judges manifests by the rules of a policy, with the engine and the words of the "
        "webhook: what would be refused at `kubectl apply`, why, and what to write instead. "
        "Every finding names the line and column of its field.\n\n"
        "Folders are searched for .yaml, .yml and .json files, hidden ones left out. Files may "
        "hold several documents and lists. Kinds that make no pods are skipped, and in folders "
        "also what is no Kubernetes object (values and templates of charts, patches, workflows): "
        "the error stream names templates that are no YAML. Named themselves, such files are "
        "errors.\n\n"
        "What only a cluster knows is not guessed: who applies the object, and, without "
        "--cluster, the labels of namespaces and what the nodes offer. Overrides of the policy "
        "that depend on it are named and not applied.\n\n"
        "Exit code: 0 nothing is denied; 1 something is (with --strict: or warned about); 2 an "
        "input could not be used (everything else is judged all the same) or the command line "
        "is wrong.",
    .examples = "slicegate check deploy/                        # a folder, all levels\n"
                "helm template chart | slicegate check -        # standard input\n"
                "slicegate check --policy gpu.yaml -o sarif . > slicegate.sarif\n"
                "slicegate check --cluster cluster.json -n research train.yaml\n"
                "kubectl get nodes,namespaces -o json > cluster.json   # what --cluster takes"};

struct output {
  const char *name;
  output_fn *write;
};

static const struct output outputs[] = {{"text", output_text},
                                        {"json", output_json},
                                        {"junit", output_junit},
                                        {"sarif", output_sarif},
                                        {"github", output_github}};

static const struct output *find_output(const char *name, FILE *err) {
  struct str names[SG_ARRAY_LEN(outputs)];
  for (size_t i = 0; i < SG_ARRAY_LEN(outputs); i++) {
    if (strcmp(outputs[i].name, name) == 0)
      return &outputs[i];
    names[i] = str_of(outputs[i].name);
  }
  struct str nearest = str_nearest(str_of(name), names, SG_ARRAY_LEN(names));
  (void)fprintf(err, "slicegate: unknown output \"%s\"", name);
  if (nearest.len)
    (void)fprintf(err, ", did you mean \"%.*s\"?", STR_FMT(nearest));
  (void)fputs(" (text, json, junit, sarif, github)\n", err);
  return NULL;
}

static enum flags_result read_flags(int argc, char **argv, struct check_flags *ret, FILE *out,
                                    FILE *err) {
  const struct flag flags[] = {
      {.name = "file",
       .letter = 'f',
       .type = FLAG_LIST,
       .argument = "FILE",
       .help = "A file, a folder, or - for standard input; may be given several times. Names "
               "without a flag mean the same.",
       .value = &ret->files},
      {.name = "policy",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "The GPUPolicy to judge by. Without it the built-in one: `slicegate policy "
               "explain` shows it.",
       .value = &ret->policy},
      {.name = "cluster",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "A recorded cluster: the output of `kubectl get nodes,namespaces -o json`. "
               "Switches on the rules that need one, such as whether any node can ever "
               "provide a MIG profile.",
       .value = &ret->cluster},
      {.name = "namespace",
       .letter = 'n',
       .type = FLAG_STRING,
       .argument = "NS",
       .help = "The namespace of objects that name none. Default: default.",
       .value = &ret->ns},
      {.name = "output",
       .letter = 'o',
       .type = FLAG_STRING,
       .argument = "FORMAT",
       .help = "text, json, junit, sarif (code scanning) or github (annotations of a "
               "workflow). Default: text.",
       .value = &ret->output},
      {.name = "strict",
       .type = FLAG_BOOL,
       .help = "Exit with 1 for warnings, too.",
       .value = &ret->is_strict},
      {.name = "verbose",
       .letter = 'v',
       .type = FLAG_BOOL,
       .help = "Show findings of severity audit and the objects that pass, too.",
       .value = &ret->is_verbose},
      {.name = "now",
       .type = FLAG_STRING,
       .argument = "TIME",
       .help = "Judge lifetimes (slicegate.dev/expires-at) as of this time, RFC 3339 such as "
               "2026-11-21T08:00:00Z, instead of the clock. Default: now.",
       .value = &ret->now},
  };
  return flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &check_help, &ret->rest, out, err);
}

static bool wants_colour(FILE *out) {
  const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */
  const char *term = getenv("TERM");
  return isatty(fileno(out)) == 1 && !(no_colour && *no_colour) && term &&
         strcmp(term, "dumb") != 0;
}

/* On the error stream, whatever the output: that of a program shows them too where its
 * format has a place for them. */
static void print_problems(const struct check_report *report, FILE *err) {
  for (size_t i = 0; i < report->problem_count; i++) {
    const struct check_problem *problem = &report->problems[i];
    (void)fprintf(err, "%.*s:", STR_FMT(problem->file));
    if (problem->line)
      (void)fprintf(err, "%u:%u:", problem->line, problem->column);
    (void)fprintf(err, " error: %.*s\n", STR_FMT(problem->message));
  }
  for (size_t i = 0; i < report->template_count; i++) {
    const struct check_problem *skip = &report->templates[i];
    (void)fprintf(err, "skipped: %.*s:%u:%u: a template, not YAML: %.*s\n", STR_FMT(skip->file),
                  skip->line, skip->column, STR_FMT(skip->message));
  }
}

/* Names of overrides, or "exempt": see struct effective. */
static void print_notes(const struct check_report *report, FILE *err) {
  for (size_t i = 0; i < report->note_count; i++) {
    struct str name = report->notes[i];
    bool is_exempt = str_is(name, "exempt");
    (void)fprintf(err,
                  "note: %s%.*s%s depends on who applies the object or on labels of its namespace, "
                  "which are not known here: not applied\n",
                  is_exempt ? "spec." : "override \"", STR_FMT(name), is_exempt ? "" : "\"");
  }
}

static int exit_code(const struct check_report *report, bool is_strict) {
  if (report->problem_count)
    return EXIT_UNUSABLE;
  return report->denied || (is_strict && report->warned) ? EXIT_FINDINGS : EXIT_OK;
}

static void judge_inputs(const struct check_judge *judge, const struct check_flags *flags,
                         struct check_report *report) {
  size_t count = flags->files.count + flags->rest.count;
  CLEANUP_FREE const char **names = mem_zalloc((count + 1) * sizeof(*names));
  for (size_t i = 0; i < flags->files.count; i++)
    names[i] = flags->files.items[i];
  for (size_t i = 0; i < flags->rest.count; i++)
    names[flags->files.count + i] = flags->rest.items[i];
  CLEANUP_CHECK_INPUTS struct check_inputs inputs;
  check_inputs_find(names, count, report, &inputs);
  CLEANUP_ARENA struct arena *arena = arena_new(256 * 1024);
  for (size_t i = 0; i < inputs.count; i++) {
    check_judge_input(judge, &inputs.items[i], arena, report);
    arena_reset(arena);
  }
}

int cli_check(int argc, char **argv, FILE *out, FILE *err) {
  SG_CLEANUP(check_flags_done) struct check_flags flags = {.output = "text", .ns = "default"};
  enum flags_result result = read_flags(argc, argv, &flags, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  const struct output *output = find_output(flags.output, err);
  if (!output)
    return EXIT_UNUSABLE;
  if (flags.files.count + flags.rest.count == 0) {
    (void)fprintf(err,
                  "slicegate: nothing to check: name files, folders, or - for standard input\n"
                  "usage: %s\n",
                  check_help.usage);
    return EXIT_UNUSABLE;
  }
  int64_t now_seconds = cli_now_seconds();
  if (flags.now && !cli_parse_time(str_of(flags.now), &now_seconds)) {
    (void)fprintf(err, "slicegate: --now is a time like 2026-11-21T08:00:00Z, not \"%s\"\n",
                  flags.now);
    return EXIT_UNUSABLE;
  }
  CLEANUP_POLICY struct policy *policy = cli_load_policy(flags.policy, err);
  if (!policy)
    return EXIT_UNUSABLE;
  CLEANUP_LOADED_CLUSTER struct loaded_cluster *loaded = NULL;
  if (flags.cluster && !(loaded = cli_load_cluster(flags.cluster, err)))
    return EXIT_UNUSABLE;

  const struct policy_view *view = policy_get(policy);
  const struct cluster *cluster = loaded_cluster_get(loaded);
  struct adm_cluster *known = cluster ? adm_cluster_new(cluster, view) : NULL;
  const struct check_judge judge = {.view = view,
                                    .cluster = cluster,
                                    .known = known,
                                    .default_ns = str_of(flags.ns),
                                    .now_seconds = now_seconds,
                                    .is_verbose = flags.is_verbose};
  CLEANUP_CHECK_REPORT struct check_report report;
  check_report_init(&report);
  judge_inputs(&judge, &flags, &report);
  adm_cluster_free(known);

  const struct output_options options = {.is_strict = flags.is_strict,
                                         .is_verbose = flags.is_verbose,
                                         .has_colour = wants_colour(out)};
  print_problems(&report, err);
  if (output->write == output_text || flags.is_verbose)
    print_notes(&report, err);
  output->write(&report, &options, out);
  return exit_code(&report, flags.is_strict);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate policy`: what rules mean, and whether a policy does what it is meant to. */
#include "src/cli/cli_internal.h"
#include "src/cli/policy_test.h"

/* ---- explain ------------------------------------------------------------------------------ */

static const struct command_help explain_help = {
    .usage = "slicegate policy explain [RULE|match|spec] [flags]",
    .summary =
        "Prints what a rule holds, why, and what parameters it has, each with its default and "
        "what `slicegate check` cannot know of it. Without a name every rule is printed, then "
        "\"match\" (the keys of exempt and of overrides[].match) and \"spec\" (the other keys of "
        "a policy).",
    .examples =
        "slicegate policy explain lifetime\n"
        "slicegate policy explain gpu-bypass --policy policy.yaml   # and what holds there\n"
        "slicegate policy explain --builtin > policy.yaml           # a file to start from"};

static int run_explain(int argc, char **argv, FILE *out, FILE *err) {
  const char *path = NULL;
  bool is_builtin = false;
  const struct flag flags[] = {
      {.name = "policy",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "A GPUPolicy: what it sets is printed beside the defaults.",
       .value = &path},
      {.name = "builtin",
       .type = FLAG_BOOL,
       .help = "Print the built-in policy as the YAML that a user would write, instead.",
       .value = &is_builtin},
  };
  SG_CLEANUP(flag_list_done) struct flag_list rest = {0};
  enum flags_result result =
      flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &explain_help, &rest, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  if (rest.count > 1) {
    (void)fprintf(err, "slicegate: one rule at a time, or none for all of them\nusage: %s\n",
                  explain_help.usage);
    return EXIT_UNUSABLE;
  }
  if (is_builtin) {
    (void)fprintf(out, "%.*s", STR_FMT(policy_builtin_text()));
    return EXIT_OK;
  }
  CLEANUP_POLICY struct policy *policy = NULL;
  if (path && !(policy = cli_load_policy(path, err)))
    return EXIT_UNUSABLE;
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  struct err why;
  struct str topic = rest.count ? str_of(rest.items[0]) : (struct str){NULL, 0};
  if (!policy_explain(topic, policy ? policy_get(policy) : NULL, &text, &why)) {
    (void)fprintf(err, "slicegate: %s\n", why.text);
    return EXIT_UNUSABLE;
  }
  (void)fwrite(text.ptr, 1, text.len, out);
  return EXIT_OK;
}

/* ---- test ----------------------------------------------------------------------------------- */

static const struct command_help test_help = {
    .usage = "slicegate policy test FILE...",
    .summary =
        "Runs rules-plus-cases files (kind: GPUPolicyTest): objects, who applies them, and the "
        "verdict that a policy is meant to give. Prints one line a case, and below a failed one "
        "what the user would have read.\n\n"
        "Exit code: 0 every case holds; 1 one does not; 2 a file could not be used.",
    .examples = "slicegate policy test policy-cases.yaml\n"
                "slicegate policy test deploy/examples/*-cases.yaml"};

static int run_test(int argc, char **argv, FILE *out, FILE *err) {
  SG_CLEANUP(flag_list_done) struct flag_list files = {0};
  enum flags_result parsed = flags_parse(argc, argv, NULL, 0, &test_help, &files, out, err);
  if (parsed != FLAGS_OK)
    return parsed == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  if (files.count == 0) {
    (void)fprintf(err, "slicegate: no file to test\nusage: %s\n", test_help.usage);
    return EXIT_UNUSABLE;
  }
  struct policy_test_result result = {0};
  bool is_usable = true;
  for (size_t i = 0; i < files.count; i++)
    is_usable = policy_test_run(files.items[i], &result, out, err) && is_usable;
  size_t count = result.passed + result.failed;
  (void)fprintf(out, "%zu case%s: %zu ok, %zu failed\n", count, count == 1 ? "" : "s",
                result.passed, result.failed);
  if (!is_usable)
    return EXIT_UNUSABLE;
  return result.failed ? EXIT_FINDINGS : EXIT_OK;
}

/* ---- the command ------------------------------------------------------------------------------
 */

static const struct {
  const char *name;
  int (*run)(int argc, char **argv, FILE *out, FILE *err);
} subcommands[] = {
    {"explain", run_explain},
    {"test", run_test},
};

static const char usage[] =
    "Usage: slicegate policy explain [RULE|match|spec] [--policy FILE] [--builtin]\n"
    "       slicegate policy test FILE...\n"
    "\n"
    "  explain  what every rule holds, why, its parameters and their defaults\n"
    "  test     run rules-plus-cases files against a policy\n"
    "\n"
    "Each says more with --help.\n";

static bool is_help(const char *word) {
  return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int cli_policy(int argc, char **argv, FILE *out, FILE *err) {
  if (argc < 2 || is_help(argv[1])) {
    (void)fputs(usage, argc < 2 ? err : out);
    return argc < 2 ? EXIT_UNUSABLE : EXIT_OK;
  }
  struct str names[SG_ARRAY_LEN(subcommands)];
  for (size_t i = 0; i < SG_ARRAY_LEN(subcommands); i++) {
    if (strcmp(argv[1], subcommands[i].name) == 0)
      return subcommands[i].run(argc - 1, argv + 1, out, err);
    names[i] = str_of(subcommands[i].name);
  }
  struct str nearest = str_nearest(str_of(argv[1]), names, SG_ARRAY_LEN(names));
  (void)fprintf(err, "slicegate: policy has no \"%s\"", argv[1]);
  if (nearest.len)
    (void)fprintf(err, ", did you mean \"%.*s\"?", STR_FMT(nearest));
  (void)fprintf(err, "\n%s", usage);
  return EXIT_UNUSABLE;
}

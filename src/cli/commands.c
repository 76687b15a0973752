/* SPDX-License-Identifier: Apache-2.0 */
/* One table of commands, and what is said when a name is not in it. */
#include "src/cli/cli_internal.h"
#include "src/cli/help.h"

struct command {
  const char *name;
  const char *does; /* one line of the list of commands */
  int (*run)(int argc, char **argv, FILE *out, FILE *err);
};

static int run_help(int argc, char **argv, FILE *out, FILE *err);
static int run_version(int argc, char **argv, FILE *out, FILE *err);

static const struct command commands[] = {
    {"serve", "the server that kube-apiserver calls: /validate, /mutate, metrics", cli_serve},
    {"check", "the webhook's verdict on manifests, without a cluster", cli_check},
    {"explain", "why a pod is refused or waits, and the smallest change with which it fits",
     cli_explain},
    {"webhook-config", "print the webhook configurations that fit a policy", cli_webhook_config},
    {"scheduler-config", "print the kube-scheduler configuration that fits a policy",
     cli_scheduler_config},
    {"certs", "issue certificates of the server and its clients, and their CA", cli_certs},
    {"simulate", "how many pods fit: packing policies on traces, what-if on your cluster",
     cli_simulate},
    {"policy", "test a policy, explain its rules", cli_policy},
    {"version", "print the version", run_version},
    {"help", "print this text, or the help of a command: slicegate help COMMAND", run_help},
};

static void print_overview(FILE *out) {
  size_t width = 0;
  for (size_t i = 0; i < SG_ARRAY_LEN(commands); i++) {
    size_t len = strlen(commands[i].name);
    width = len > width ? len : width;
  }
  (void)fputs("Usage: slicegate COMMAND [flags]\n\n", out);
  help_wrap(STR_LIT("Stops GPU waste before it starts, where Kubernetes decides: at admission. "
                    "`slicegate check` gives the webhook's verdict without a cluster."),
            0, 0, out);
  (void)fputs("\nCommands:\n", out);
  for (size_t i = 0; i < SG_ARRAY_LEN(commands); i++) {
    (void)fprintf(out, "  %-*s  ", (int)width, commands[i].name);
    help_wrap(str_of(commands[i].does), width + 4, width + 4, out);
  }
  (void)fputs("\nExamples:\n"
              "  slicegate check deploy/examples\n"
              "  helm template my-chart | slicegate check --policy policy.yaml -\n"
              "  slicegate help check\n\n"
              "On the PATH as kubectl-slicegate it is a kubectl plugin: kubectl slicegate check "
              "...\n",
              out);
}

static const struct command *find_command(const char *name) {
  for (size_t i = 0; i < SG_ARRAY_LEN(commands); i++) {
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  }
  return NULL;
}

static int unknown_command(const char *name, FILE *err) {
  struct str names[SG_ARRAY_LEN(commands)];
  for (size_t i = 0; i < SG_ARRAY_LEN(commands); i++)
    names[i] = str_of(commands[i].name);
  struct str nearest = str_nearest(str_of(name), names, SG_ARRAY_LEN(names));
  (void)fprintf(err, "slicegate: unknown command \"%s\"", name);
  if (nearest.len)
    (void)fprintf(err, ", did you mean \"%.*s\"?", STR_FMT(nearest));
  (void)fputs("\nThe commands are listed by `slicegate help`.\n", err);
  return EXIT_UNUSABLE;
}

static int run_help(int argc, char **argv, FILE *out, FILE *err) {
  if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
      strcmp(argv[1], "-h") == 0) {
    print_overview(out);
    return EXIT_OK;
  }
  const struct command *command = find_command(argv[1]);
  if (!command)
    return unknown_command(argv[1], err);
  /* `help policy test` is `policy test --help`. */
  char flag[] = "--help";
  char *inner[4] = {argv[1]};
  int count = 1;
  if (argc > 2)
    inner[count++] = argv[2];
  inner[count++] = flag;
  return command->run(count, inner, out, err);
}

static int run_version(int argc, char **argv, FILE *out, FILE *err) {
  static const struct command_help help = {.usage = "slicegate version",
                                           .summary = "Prints the version of this program."};
  enum flags_result result = flags_parse(argc, argv, NULL, 0, &help, NULL, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  (void)fprintf(out, "slicegate %s\n", SLICEGATE_VERSION);
  return EXIT_OK;
}

int cli_run(int argc, char **argv, FILE *out, FILE *err) {
  /* argv[0] is not looked at: as kubectl-slicegate the program does the same. */
  if (argc < 2) {
    print_overview(err);
    return EXIT_UNUSABLE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_overview(out);
    return EXIT_OK;
  }
  if (strcmp(argv[1], "--version") == 0)
    return run_version(1, argv + 1, out, err);
  const struct command *command = find_command(argv[1]);
  return command ? command->run(argc - 1, argv + 1, out, err) : unknown_command(argv[1], err);
}

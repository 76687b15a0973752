/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate simulate what-if`: how many more of these pods fit now, and what keeps out the rest.
 */
#include "src/cli/what_if.h"

#include "src/cli/load.h"

struct what_if_flags {
  struct flag_list files, rest;
  const char *cluster, *policy, *products, *ns, *output;
  int64_t count;
};

static void what_if_flags_done(struct what_if_flags *flags) {
  flag_list_done(&flags->files);
  flag_list_done(&flags->rest);
}

static const struct command_help what_if_help = {
    .usage = "slicegate simulate what-if --cluster FILE [-f FILE|-]... [FILE|-]... [flags]",
    .summary =
        "Tells how many more of the pods in a manifest would fit on a recorded cluster as it is, "
        "what keeps the next one out of each node, and which fewest moves of running pods would "
        "make room for it. Manifests may be pods, or anything that makes pods (Deployment, Job, "
        "PyTorchJob, ...). Of a Job count the pods that run at once: parallelism, or completions "
        "if that is less. A DaemonSet has no number of pods and is left out.\n\n"
        "Counted is what kube-scheduler counts: requests against allocatable (CPU, memory, pods, "
        "GPUs by their resource name, everything else by its name), node selector, required node "
        "affinity, taints and cordons. A pod holds what it requested until its phase is terminal. "
        "Pods that wait hold nothing. What depends on other pods, on volumes or on classes is not "
        "looked at, and named when the manifest has it. A move means that a pod is deleted and "
        "started again elsewhere: what speaks against that (PodDisruptionBudgets, data on its "
        "node, affinity) is not looked at.\n\n"
        "Several pods together are placed by a search. Where it does not look at all ways, the "
        "answer says \"at least\".\n\n"
        "Exit code: 0; 1 fewer fit than --count asks for (of several pods together: no way was "
        "found for so many); 2 an input could not be used or the command line is wrong.",
    .examples = "kubectl get nodes,pods -A -o json > cluster.json\n"
                "slicegate simulate what-if --cluster cluster.json -f train.yaml\n"
                "slicegate simulate what-if --cluster cluster.json -f job.yaml --count 4 -o json"};

static enum flags_result read_flags(int argc, char **argv, struct what_if_flags *ret, FILE *out,
                                    FILE *err) {
  const struct flag flags[] = {
      {.name = "cluster",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "A recorded cluster: the output of `kubectl get nodes,pods -A -o json`.",
       .value = &ret->cluster},
      {.name = "file",
       .letter = 'f',
       .type = FLAG_LIST,
       .argument = "FILE",
       .help = "A manifest, or - for standard input; may be given several times. Names without a "
               "flag mean the same.",
       .value = &ret->files},
      {.name = "count",
       .type = FLAG_INT,
       .argument = "N",
       .help = "Stop at N of them (of a workload: N times its replicas), and exit with 1 when "
               "fewer fit. Default: as many as fit.",
       .value = &ret->count,
       .minimum = 1,
       .maximum = WHAT_IF_FITS_MAX},
      {.name = "namespace",
       .letter = 'n',
       .type = FLAG_STRING,
       .argument = "NS",
       .help = "The namespace of objects that name none. Default: default.",
       .value = &ret->ns},
      {.name = "policy",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "A GPUPolicy, for the kinds of workloads that it adds.",
       .value = &ret->policy},
      {.name = "products",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "Further GPU products, or other profiles and placements for known ones, in the form "
               "of src/model/mig-profiles.json.",
       .value = &ret->products},
      {.name = "output",
       .letter = 'o',
       .type = FLAG_STRING,
       .argument = "FORMAT",
       .help = "table or json. Default: table.",
       .value = &ret->output},
  };
  return flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &what_if_help, &ret->rest, out, err);
}

static bool check_flags(const struct what_if_flags *flags, FILE *err) {
  bool is_known = strcmp(flags->output, "table") == 0 || strcmp(flags->output, "json") == 0;
  if (!is_known)
    (void)fprintf(err, "slicegate: unknown output \"%s\" (table, json)\n", flags->output);
  else if (!flags->cluster)
    (void)fprintf(err, "slicegate: --cluster FILE is missing: a recorded cluster\nusage: %s\n",
                  what_if_help.usage);
  else if (flags->files.count == 0)
    (void)fprintf(err, "slicegate: what-if needs the manifest of a pod: -f FILE\nusage: %s\n",
                  what_if_help.usage);
  return is_known && flags->cluster && flags->files.count > 0;
}

static bool has_all(const struct what_if_result *result, int64_t count) {
  if (count == 0)
    return true;
  if (result->set_pods)
    return result->sets >= (uint64_t)count;
  return result->answer_count == 1 && result->answers[0].fits >= (uint64_t)count;
}

int cli_what_if(int argc, char **argv, FILE *out, FILE *err) {
  SG_CLEANUP(what_if_flags_done) struct what_if_flags flags = {.output = "table", .ns = "default"};
  enum flags_result read = read_flags(argc, argv, &flags, out, err);
  if (read != FLAGS_OK)
    return read == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  for (size_t i = 0; i < flags.rest.count; i++) {
    flags.files.items =
        mem_realloc(flags.files.items, (flags.files.count + 1) * sizeof(*flags.files.items));
    flags.files.items[flags.files.count++] = flags.rest.items[i];
  }
  if (!check_flags(&flags, err))
    return EXIT_UNUSABLE;
  CLEANUP_ARENA struct arena *arena = arena_new(256 * 1024);
  CLEANUP_POLICY struct policy *policy = cli_load_policy(flags.policy, err);
  struct what_if_pods pods;
  struct gpu_products products;
  if (!policy || !cli_load_products(flags.products, arena, &products, err) ||
      !what_if_read(&flags.files, str_of(flags.ns), policy_get(policy), arena, &pods, err))
    return EXIT_UNUSABLE;
  CLEANUP_LOADED_CLUSTER struct loaded_cluster *loaded = cli_load_cluster_pods(flags.cluster, err);
  struct what_if_result result;
  if (!loaded || !what_if_judge(loaded_cluster_get(loaded), products, &pods, (uint64_t)flags.count,
                                arena, &result, err))
    return EXIT_UNUSABLE;
  if (strcmp(flags.output, "json") == 0)
    what_if_print_json(&result, out);
  else
    what_if_print_text(&result, out);
  return has_all(&result, flags.count) ? EXIT_OK : EXIT_FINDINGS;
}

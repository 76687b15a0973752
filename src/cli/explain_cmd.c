/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate explain`: why a pod is refused, waits or is where it is, and what would change it. */
#include "src/cli/explain_cmd.h"

#include "src/cli/check.h"
#include "src/cli/load.h"
#include "src/cli/what_if.h"

struct explain_flags {
  struct flag_list files, rest;
  const char *cluster, *policy, *products, *ns, *output, *kubeconfig, *context;
};

static void explain_flags_done(struct explain_flags *flags) {
  flag_list_done(&flags->files);
  flag_list_done(&flags->rest);
}

static const struct command_help explain_help = {
    .usage = "slicegate explain [-n NS] POD|NS/POD [flags]\n"
             "       slicegate explain -f FILE|- [flags]",
    .summary =
        "Tells why a pod waits: the nodes grouped by the reason that closes them, in "
        "kube-scheduler's words where it has some, and the smallest changes with which the pod "
        "would fit. Each change was tried on the cluster as it is before it is named.\n\n"
        "POD is a pod of the cluster. With -f the pods are those that manifests make, as if they "
        "were created now: each template is asked about alone, whatever its replicas. With "
        "--policy they are judged by its rules first.\n\n"
        "The cluster is the one that the kubeconfig names, or a recorded one. Only nodes, pods and "
        "namespaces are read, and nothing is changed.\n\n"
        "Counted is what kube-scheduler counts: requests against allocatable, node selector, "
        "required node affinity, taints and cordons. What else a pod is subject to is named.\n\n"
        "Exit code: 0 placed, over, or it fits; 1 refused, or it fits nowhere now; 2 an input "
        "could not be used, a pod cannot be judged, or the command line is wrong.",
    .examples = "slicegate explain -n research train-0\n"
                "slicegate explain -f train.yaml --policy gpu.yaml\n"
                "kubectl get nodes,pods -A -o json > cluster.json\n"
                "slicegate explain --cluster cluster.json research/train-0 -o json"};

static enum flags_result read_flags(int argc, char **argv, struct explain_flags *ret, FILE *out,
                                    FILE *err) {
  const struct flag flags[] = {
      {.name = "file",
       .letter = 'f',
       .type = FLAG_LIST,
       .argument = "FILE",
       .help = "A manifest instead of a pod of the cluster, or - for standard input; may be given "
               "several times.",
       .value = &ret->files},
      {.name = "namespace",
       .letter = 'n',
       .type = FLAG_STRING,
       .argument = "NS",
       .help = "The namespace of the pod, and of objects that name none. Default: the context's, "
               "of a recording \"default\".",
       .value = &ret->ns},
      {.name = "cluster",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "A recorded cluster instead of the live one: the output of `kubectl get nodes,pods "
               "-A -o json`.",
       .value = &ret->cluster},
      {.name = "policy",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "A GPUPolicy that manifests are judged by. Without it they are not.",
       .value = &ret->policy},
      {.name = "products",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "Further GPU products, in the form of src/model/mig-profiles.json.",
       .value = &ret->products},
      {.name = "kubeconfig",
       .type = FLAG_STRING,
       .argument = "FILE",
       .help = "Default: $KUBECONFIG, ~/.kube/config, the pod's service account.",
       .value = &ret->kubeconfig},
      {.name = "context",
       .type = FLAG_STRING,
       .argument = "NAME",
       .help = "A context of the kubeconfig. Default: the current one.",
       .value = &ret->context},
      {.name = "output",
       .letter = 'o',
       .type = FLAG_STRING,
       .argument = "FORMAT",
       .help = "text or json. Default: text.",
       .value = &ret->output},
  };
  return flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &explain_help, &ret->rest, out, err);
}

static bool check_flags(const struct explain_flags *flags, FILE *err) {
  bool is_known = strcmp(flags->output, "text") == 0 || strcmp(flags->output, "json") == 0;
  bool is_one = flags->files.count ? flags->rest.count == 0 : flags->rest.count == 1;
  if (!is_known)
    (void)fprintf(err, "slicegate: unknown output \"%s\" (text, json)\n", flags->output);
  else if (!is_one)
    (void)fprintf(err, "slicegate: explain needs %s\nusage: %s\n",
                  flags->files.count ? "either a pod or -f FILE, not both"
                                     : "one pod, or a manifest: -f FILE",
                  explain_help.usage);
  else if (flags->cluster && (flags->kubeconfig || flags->context))
    (void)fprintf(err, "slicegate: --cluster is a recording: --%s has no meaning beside it\n",
                  flags->kubeconfig ? "kubeconfig" : "context");
  else
    return true;
  return false;
}

/* ---- asking ------------------------------------------------------------------------------ */

struct asking {
  const struct explain_flags *flags;
  const struct policy_view *view;
  struct gpu_products products;
  struct explain_cluster *cluster;
  struct arena *arena;
  FILE *err;
};

/* What /mutate would make of a bare Pod is what kube-scheduler sees. */
static const struct adm_verdict *judge(struct asking *a, const struct check_judge *by,
                                       struct what_if_pod *pod) {
  struct adm_verdict *verdict = arena_alloc(a->arena, sizeof(*verdict));
  struct workload with_ns = *pod->workload, patched;
  if (!a->flags->policy)
    return NULL;
  with_ns.ns = pod->pod.ns;
  check_judge_workload(by, &with_ns, a->arena, verdict, &patched);
  if (str_is(pod->kind, "Pod") && patched.template_count == 1)
    what_if_set_spec(a->arena, &patched.templates[0].spec, &pod->pod);
  return verdict;
}

static bool explain_manifests(struct asking *a, struct explain_scene *scene,
                              struct explain_report *ret) {
  struct what_if_pods pods;
  const struct cluster *cluster = explain_cluster_get(a->cluster);
  struct str ns = a->flags->ns ? str_of(a->flags->ns) : explain_cluster_namespace(a->cluster);
  if (!what_if_read(&a->flags->files, ns, a->view, a->arena, &pods, a->err))
    return false;
  struct adm_cluster *known = adm_cluster_new(cluster, a->view);
  const struct check_judge by = {.view = a->view,
                                 .cluster = cluster,
                                 .known = known,
                                 .default_ns = ns,
                                 .now_seconds = cli_now_seconds()};
  struct explain_item *items = arena_array(a->arena, pods.count, sizeof(*items));
  for (size_t i = 0; i < pods.count; i++) {
    struct what_if_pod *pod = &pods.items[i];
    struct explain_question question = {.pod = &pod->pod, .is_new = true, .also = pod->unread};
    question.verdict = judge(a, &by, pod);
    items[i] = (struct explain_item){
        .kind = pod->kind, .template_path = pod->template_path, .replicas = pod->replicas};
    explain_pod(scene, &question, a->arena, &items[i].answer);
  }
  adm_cluster_free(known);
  ret->items = items;
  ret->count = pods.count;
  return true;
}

static bool explain_one(struct asking *a, struct explain_scene *scene, struct explain_report *ret) {
  struct str name = str_of(a->flags->rest.items[0]);
  struct str ns = a->flags->ns ? str_of(a->flags->ns) : explain_cluster_namespace(a->cluster);
  size_t slash = str_find_char(name, '/');
  if (slash < name.len) {
    ns = (struct str){name.ptr, slash};
    name = str_skip(name, slash + 1);
  }
  struct explain_question question = {.pod = explain_cluster_find(a->cluster, ns, name, a->err)};
  if (!question.pod)
    return false;
  struct explain_item *item = arena_alloc(a->arena, sizeof(*item));
  *item = (struct explain_item){.kind = STR_LIT("Pod"), .replicas = 1};
  explain_pod(scene, &question, a->arena, &item->answer);
  ret->items = item;
  ret->count = 1;
  return true;
}

static int exit_code(const struct explain_report *report) {
  int code = EXIT_OK;
  for (size_t i = 0; i < report->count; i++) {
    const struct explain_answer *answer = &report->items[i].answer;
    int here = answer->state == EXPLAIN_UNKNOWN ? EXIT_UNUSABLE
               : answer->state == EXPLAIN_REFUSED || (answer->is_judged && !answer->fit_count)
                   ? EXIT_FINDINGS
                   : EXIT_OK;
    code = here > code ? here : code;
  }
  return code;
}

static int answer(struct asking *a, FILE *out) {
  struct err why = {0};
  struct explain_report report = {.cluster = explain_cluster_get(a->cluster)};
  CLEANUP_EXPLAIN_SCENE struct explain_scene *scene =
      explain_scene_new(report.cluster, a->products, &why);
  if (!scene) {
    (void)fprintf(a->err, "slicegate: the cluster: %s\n", why.text);
    return EXIT_UNUSABLE;
  }
  bool is_done =
      a->flags->files.count ? explain_manifests(a, scene, &report) : explain_one(a, scene, &report);
  if (!is_done)
    return EXIT_UNUSABLE;
  if (strcmp(a->flags->output, "json") == 0)
    explain_print_json(&report, out);
  else
    explain_print_text(&report, out);
  return exit_code(&report);
}

int cli_explain(int argc, char **argv, FILE *out, FILE *err) {
  SG_CLEANUP(explain_flags_done) struct explain_flags flags = {.output = "text"};
  enum flags_result read = read_flags(argc, argv, &flags, out, err);
  if (read != FLAGS_OK)
    return read == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  if (!check_flags(&flags, err))
    return EXIT_UNUSABLE;
  CLEANUP_ARENA struct arena *arena = arena_new(256 * 1024);
  CLEANUP_POLICY struct policy *policy = cli_load_policy(flags.policy, err);
  struct asking a = {.flags = &flags, .arena = arena, .err = err};
  if (!policy || !cli_load_products(flags.products, arena, &a.products, err))
    return EXIT_UNUSABLE;
  a.view = policy_get(policy);
  const struct explain_source source = {.recorded = flags.cluster,
                                        .kubeconfig = flags.kubeconfig,
                                        .context = flags.context,
                                        .wants_namespaces = flags.policy && flags.files.count};
  CLEANUP_EXPLAIN_CLUSTER struct explain_cluster *cluster = explain_cluster_read(&source, err);
  if (!cluster)
    return EXIT_UNUSABLE;
  a.cluster = cluster;
  return answer(&a, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate scheduler-config`: what kube-scheduler is started with so that it asks us. */
#include "src/cli/scheduler_config.h"

#include "slicegate/packing.h"
#include "src/cli/cli_internal.h"
#include "src/cli/load.h"
#include "src/cli/output_json.h"
#include "src/cli/webhook_config.h"

enum { WEIGHT_PACK = 120, WEIGHT_ADVISE = 12, WEIGHT_MAX = 1000000, BACKOFF_MAX = 300 };

struct config_flags {
  const char *policy, *cluster, *weight, *leads, *extend, *output;
  struct flag_list ignored;
  struct scheduler_options options;
};

static void config_flags_done(struct config_flags *flags) {
  flag_list_done(&flags->ignored);
}

static const struct command_help config_help = {
    .usage = "slicegate scheduler-config [--policy FILE] [--cluster FILE] [flags]",
    .summary =
        "Prints the KubeSchedulerConfiguration that makes kube-scheduler ask slicegate where pods "
        "with GPUs go: a file for its --config. Its comments say why each line is as it is.\n\n"
        "Everything that may ever be asked for is spelled out, because kube-scheduler knows no "
        "wildcards here: names of the policy, names on the nodes of a recorded cluster, and every "
        "MIG profile, also as .shared, of the products there and in the policy's nodePools "
        "(without --cluster: of every product that is known). Print it again when products or the "
        "policy's gpuResources change.\n\n"
        "--weight says how much slicegate's ranks count beside kube-scheduler's own plugins, which "
        "give up to about 1,200 points: ranks are 10, 9, 8 ..., each worth 10 x weight. `pack` "
        "(120): one rank is worth more than all plugins, the packing decides. `advise` (12): one "
        "rank is worth a tenth of that, so that spreading, image locality or your own plugins have "
        "a say among good nodes.",
    .examples = "slicegate scheduler-config --policy policy.yaml --cluster cluster.json "
                ">kube-scheduler.yaml\n"
                "slicegate scheduler-config --url https://10.96.0.40 --server-name "
                "slicegate-scheduler.slicegate-system.svc\n"
                "slicegate scheduler-config --scheduler-name gpu-scheduler --weight advise\n"
                "slicegate scheduler-config --extend /etc/kubernetes/kube-scheduler.yaml --bind"};

static enum flags_result read_flags(int argc, char **argv, struct config_flags *f, FILE *out,
                                    FILE *err) {
  struct scheduler_options *o = &f->options;
  const struct flag flags[] = {
      {"url", 0, FLAG_STRING, "URL",
       "Where kube-scheduler reaches slicegate; /scheduler is added. Default: "
       "https://slicegate-scheduler.slicegate-system.svc:443. http:// for loopback only.",
       &o->url, 0, 0},
      {"server-name", 0, FLAG_STRING, "NAME",
       "The name in slicegate's certificate when the URL has an address: a kube-scheduler in the "
       "host's network often cannot look up names of Services.",
       &o->server_name, 0, 0},
      {"ca-file", 0, FLAG_STRING, "FILE",
       "CA of slicegate's certificate, as kube-scheduler sees the file. Default, with the two "
       "below: ca.crt, client.crt and client.key in /etc/kubernetes/slicegate.",
       &o->ca_file, 0, 0},
      {"cert-file", 0, FLAG_STRING, "FILE", "Certificate that kube-scheduler shows.", &o->cert_file,
       0, 0},
      {"key-file", 0, FLAG_STRING, "FILE", "Its key.", &o->key_file, 0, 0},
      {"policy", 0, FLAG_STRING, "FILE",
       "The GPUPolicy: names of GPU resources and node pools. Without it the built-in one.",
       &f->policy, 0, 0},
      {"cluster", 0, FLAG_STRING, "FILE",
       "A recorded cluster, `kubectl get nodes -o json`: which products and names there are.",
       &f->cluster, 0, 0},
      {"weight", 0, FLAG_STRING, "pack|advise|N", "How much slicegate's ranks count (pack).",
       &f->weight, 0, 0},
      {"bind", 0, FLAG_BOOL, NULL,
       "Bind through slicegate, which names the card to plugins that obey an annotation.",
       &o->binds, 0, 0},
      {"hami", 0, FLAG_BOOL, NULL,
       "slicegate is started with --hami and gives parts of HAMi's cards: nvidia.com/gpumem is one "
       "of its resources. Needs --bind.",
       &o->gives_hami, 0, 0},
      {"preempt", 0, FLAG_BOOL, NULL,
       "Let slicegate add the victims that kube-scheduler's preemption lacks, or drop the node. "
       "None that is named already is taken out.",
       &o->preempts, 0, 0},
      {"ignorable", 0, FLAG_BOOL, NULL,
       "Place pods without slicegate while it does not answer, by kube-scheduler's count alone, "
       "instead of letting them wait. Pods for whose cards slicegate is needed (--bind) wait all "
       "the same; not with --ignored-by-scheduler or --hami, which leave the count to slicegate.",
       &o->is_ignorable, 0, 0},
      {"all-pods", 0, FLAG_BOOL, NULL,
       "Ask about pods without a GPU as well; needs --ignorable. Taints keep them off GPU nodes "
       "at less cost.",
       &o->is_for_all_pods, 0, 0},
      {"ignored-by-scheduler", 0, FLAG_LIST, "NAME",
       "kube-scheduler shall not count this resource: slicegate.dev/gpu-milli or "
       "aliyun.com/gpu-mem, where slicegate chooses the card. Repeatable. Not with --ignorable; "
       "with kube-scheduler 1.36 pods preempt nobody for want of it.",
       &f->ignored, 0, 0},
      {"scheduler-name", 0, FLAG_STRING, "NAME",
       "Name of the profile (default-scheduler). Another one for a second kube-scheduler, where "
       "the first cannot be configured; pods name it in spec.schedulerName.",
       &o->scheduler_name, 0, 0},
      {"max-backoff", 0, FLAG_INT, "SECONDS",
       "Longest wait of a pod that did not fit before it is tried again (2).",
       &o->max_backoff_seconds, 1, BACKOFF_MAX},
      {"kubeconfig", 0, FLAG_STRING, "FILE",
       "kube-scheduler's kubeconfig, as it sees the file: /etc/kubernetes/scheduler.conf with "
       "kubeadm. Without it the ServiceAccount of its pod.",
       &o->kubeconfig, 0, 0},
      {"leader-elect", 0, FLAG_STRING, "true|false",
       "Whether several kube-schedulers elect one (true).", &f->leads, 0, 0},
      {"extend", 0, FLAG_STRING, "FILE",
       "Print this KubeSchedulerConfiguration with slicegate as its last extender; comments in it "
       "are lost, and profiles, kubeconfig and election stay as they are.",
       &f->extend, 0, 0},
      {"output", 'o', FLAG_STRING, "FORMAT", "yaml or json, which has no comments.", &f->output, 0,
       0},
  };
  return flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &config_help, NULL, out, err);
}

/* ---- what kube-scheduler would refuse later, or never mention ------------------------------ */

/* A path as kube-scheduler sees it: nothing to open here, but it has to be one. */
static bool check_path(const char *flag, const char *path, FILE *err) {
  bool is_path = !path || *path;
  for (const char *c = path; c && *c && is_path; c++)
    is_path = (unsigned char)*c >= 0x20 && *c != 0x7f;
  return is_path || cli_complain(err, "%s is the path of a file, not %s", flag,
                                 *path ? "one with a control character in it" : "\"\"");
}

static bool check_paths(const struct scheduler_options *o, FILE *err) {
  return check_path("--ca-file", o->ca_file, err) && check_path("--cert-file", o->cert_file, err) &&
         check_path("--key-file", o->key_file, err) &&
         check_path("--kubeconfig", o->kubeconfig, err);
}

/* Fills in the usual files when none is given. */
static bool check_files(struct scheduler_options *o, FILE *err) {
  bool is_https = scheduler_url_uses_tls(o->url);
  if (!is_https && (o->ca_file || o->cert_file || o->key_file || o->server_name))
    return cli_complain(err, "--ca-file, --cert-file, --key-file and --server-name are for https, "
                             "and --url is http");
  if (!o->cert_file != !o->key_file)
    return cli_complain(err, "%s without %s: a certificate is shown together with its key",
                        o->cert_file ? "--cert-file" : "--key-file",
                        o->cert_file ? "--key-file" : "--cert-file");
  if (o->cert_file && !o->ca_file)
    return cli_complain(err, "--cert-file without --ca-file: kube-scheduler would not verify whom "
                             "it shows its certificate to");
  if (o->ca_file && !o->cert_file && !scheduler_url_is_loopback(o->url))
    return cli_complain(err, "off loopback slicegate asks for a certificate: --cert-file and "
                             "--key-file; `slicegate certs issue --client` makes one");
  if (o->server_name && !cli_is_dns_name(str_of(o->server_name)))
    return cli_complain(err, "--server-name is a DNS name, not \"%s\"", o->server_name);
  if (is_https && !o->ca_file) {
    o->ca_file = "/etc/kubernetes/slicegate/ca.crt";
    o->cert_file = "/etc/kubernetes/slicegate/client.crt";
    o->key_file = "/etc/kubernetes/slicegate/client.key";
  }
  return true;
}

static bool read_weight(const char *text, int64_t *ret, FILE *err) {
  if (strcmp(text, "pack") == 0)
    *ret = WEIGHT_PACK;
  else if (strcmp(text, "advise") == 0)
    *ret = WEIGHT_ADVISE;
  else if (!i64_parse(str_of(text), ret) || *ret < 1 || *ret > WEIGHT_MAX)
    return cli_complain(err,
                        "--weight is pack (%d: slicegate decides), advise (%d: the other plugins "
                        "have a say) or a number from 1 to %d, not \"%s\"",
                        WEIGHT_PACK, WEIGHT_ADVISE, WEIGHT_MAX, text);
  return true;
}

static bool check_flags(struct config_flags *f, FILE *err) {
  struct scheduler_options *o = &f->options;
  if (!scheduler_url_check(o->url, err) || !check_paths(o, err) || !check_files(o, err) ||
      !read_weight(f->weight, &o->weight, err))
    return false;
  if (o->is_ignorable && (f->ignored.count || o->gives_hami))
    return cli_complain(err,
                        "%s with --ignorable: kube-scheduler does not count these cards, so pods "
                        "that are placed without slicegate would get what others have already; "
                        "leave out --ignorable, and GPU pods wait while slicegate does not "
                        "answer, or leave out %s",
                        f->ignored.count ? "--ignored-by-scheduler" : "--hami",
                        f->ignored.count ? "--ignored-by-scheduler" : "--hami");
  if (f->ignored.count && !o->binds)
    return cli_complain(err, "--ignored-by-scheduler needs --bind: slicegate counts cards that it "
                             "chooses, at bind");
  if (o->gives_hami && !o->binds)
    return cli_complain(err,
                        "--hami needs --bind: with the Binding HAMi's plugin is told the card");
  if (o->is_for_all_pods && !o->is_ignorable)
    return cli_complain(err, "--all-pods needs --ignorable: else no pod at all would be placed "
                             "while slicegate does not answer, slicegate's own included");
  if (f->extend && (o->scheduler_name || o->kubeconfig || f->leads))
    return cli_complain(err,
                        "--extend keeps profiles, kubeconfig and election as they are in the "
                        "file: change %s there",
                        o->scheduler_name ? "--scheduler-name"
                        : o->kubeconfig   ? "--kubeconfig"
                                          : "--leader-elect");
  if (!o->scheduler_name)
    o->scheduler_name = K8S_DEFAULT_SCHEDULER;
  if (!cli_is_dns_name(str_of(o->scheduler_name)))
    return cli_complain(err,
                        "--scheduler-name is lower case letters, digits, '-' and '.', not \"%s\"",
                        o->scheduler_name);
  o->leads = !f->leads || strcmp(f->leads, "true") == 0;
  if (!o->leads && strcmp(f->leads, "false") != 0)
    return cli_complain(err, "--leader-elect is true or false, not \"%s\"", f->leads);
  if (strcmp(f->output, "yaml") != 0 && strcmp(f->output, "json") != 0)
    return cli_complain(err, "--output is yaml or json, not \"%s\"", f->output);
  return true;
}

/* What nodes' plugins count themselves is refused by slicegate only on kube-scheduler's count. */
static bool ignore(const struct flag_list *ignored, struct managed_names *names, FILE *err) {
  for (size_t i = 0; i < ignored->count; i++) {
    struct str name = str_of(ignored->items[i]);
    bool is_found = false;
    for (size_t n = 0; n < names->count && pack_is_card_name(name); n++) {
      if (!str_eq(names->items[n].name, name))
        continue;
      names->items[n].is_ignored = true;
      is_found = true;
    }
    if (!is_found)
      return cli_complain(err,
                          "--ignored-by-scheduler is for resources whose cards slicegate chooses "
                          "and the policy calls GPUs; of \"%s\" kube-scheduler's count is the "
                          "safety net",
                          ignored->items[i]);
  }
  return true;
}

/* Not wrong, since other releases may do it, but nothing that anybody would notice by himself. */
static void warn_of_preemption(const struct managed_names *names, FILE *err) {
  for (size_t i = 0; i < names->count; i++) {
    struct str name = names->items[i].name;
    if (names->items[i].is_ignored)
      (void)cli_complain(err,
                         "--preempt: kube-scheduler 1.36 finds no victims for what it does not "
                         "count, so pods preempt nobody for want of %.*s%s",
                         STR_FMT(name),
                         pack_is_hami_memory(name)
                             ? ""
                             : "; leave out its --ignored-by-scheduler where they shall");
  }
}

/* ---- printing ------------------------------------------------------------------------------ */

static bool print_yaml(const json_t *root, const struct notes *notes, const char *from, FILE *out,
                       FILE *err) {
  struct err why;
  CLEANUP_BUF struct buf plain;
  CLEANUP_BUF struct buf text;
  buf_init(&plain, SIZE_MAX / 2);
  buf_init(&text, SIZE_MAX / 2);
  if (!yaml_emit(root, &plain, &why))
    return cli_complain(err, "%s", why.text);
  yaml_annotate(buf_str(&plain), notes, from, &text);
  (void)fwrite(text.ptr, 1, text.len, out);
  return true;
}

/* A comment: what would end its line is not shown. */
static void append_argument(struct buf *out, const char *argument) {
  bool is_plain = *argument != '\0', is_shown = true;
  for (const char *c = argument; *c; c++) {
    bool is_word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
    is_plain = is_plain && (is_word || strchr("-_./:=,@%+[]", *c));
    is_shown = is_shown && *c >= 0x20 && *c < 0x7f && *c != '\'';
  }
  buf_printf(out, is_plain ? " %s" : " '%s'", is_shown ? argument : "...");
}

static struct str command_of(int argc, char **argv, struct arena *arena) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  buf_append_cstr(&text, "slicegate scheduler-config");
  for (int i = 1; i < argc; i++)
    append_argument(&text, argv[i]);
  return str_copy(arena, buf_str(&text));
}

static bool print(const struct config_flags *f, const struct managed_names *names,
                  struct arena *arena, FILE *out, FILE *err) {
  struct notes notes = {.arena = arena};
  json_t *root;
  const char *from = NULL;
  if (f->extend) {
    json_t *extenders = scheduler_extenders(&f->options, names, &notes);
    root = scheduler_extend(f->extend, extenders, &f->options, err);
    json_decref(extenders);
    from = str_printf(arena, "- urlPrefix: %s/scheduler", f->options.url).ptr;
  } else {
    root = scheduler_tree(&f->options, names, &notes);
  }
  bool is_printed = root != NULL;
  if (root && strcmp(f->output, "json") == 0)
    output_json_write(root, out);
  else if (root)
    is_printed = print_yaml(root, &notes, from, out, err);
  json_decref(root);
  return is_printed;
}

int cli_scheduler_config(int argc, char **argv, FILE *out, FILE *err) {
  SG_CLEANUP(config_flags_done)
  struct config_flags f = {
      .weight = "pack",
      .output = "yaml",
      .options = {.url = "https://slicegate-scheduler.slicegate-system.svc:443",
                  .max_backoff_seconds = 2}};
  enum flags_result result = read_flags(argc, argv, &f, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  if (!check_flags(&f, err))
    return EXIT_UNUSABLE;
  CLEANUP_POLICY struct policy *policy = cli_load_policy(f.policy, err);
  CLEANUP_LOADED_CLUSTER struct loaded_cluster *cluster =
      policy && f.cluster ? cli_load_cluster(f.cluster, err) : NULL;
  if (!policy || (f.cluster && !cluster))
    return EXIT_UNUSABLE;
  CLEANUP_ARENA struct arena *arena = arena_new(1 << 16);
  struct managed_names names;
  scheduler_names(policy_get(policy), loaded_cluster_get(cluster), f.options.binds, arena, &names);
  if (!ignore(&f.ignored, &names, err))
    return EXIT_UNUSABLE;
  if (f.options.gives_hami)
    scheduler_names_add_hami(arena, &names);
  if (names.count == 0 && !f.options.is_for_all_pods) {
    (void)cli_complain(
        err, "the policy calls no resource a GPU that kube-scheduler could ask about; with empty "
             "managedResources it would ask about every pod");
    return EXIT_UNUSABLE;
  }
  if (f.options.preempts)
    warn_of_preemption(&names, err);
  f.options.command = command_of(argc, argv, arena);
  return print(&f, &names, arena, out, err) ? EXIT_OK : EXIT_UNUSABLE;
}

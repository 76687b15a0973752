/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/serve_check.h"

#include "slicegate/sys.h"
#include "src/cli/serve_internal.h"

enum flags_result serve_flags_read(int argc, char **argv, struct serve_flags *f, FILE *out,
                                   FILE *err) {
  *f = (struct serve_flags){.listen = ":8443",
                            .log_format = "text",
                            .log_level = "info",
                            .max_connections = 1024,
                            .drain_seconds = 20,
                            .stale_seconds = JUDGES_STALE_SECONDS,
                            .live = {.nominate = true,
                                     .events = true,
                                     .nominate_nodes = -1,
                                     .feed_silence_seconds = 180,
                                     .scheduler_name = K8S_DEFAULT_SCHEDULER,
                                     .lease_name = ""}};
  const struct flag flags[] = {
      {"listen", 0, FLAG_STRING, "ADDRESS:PORT",
       "Where to listen: 127.0.0.1:8443, [::1]:8443, :8443 for every address. Port 0 takes a free "
       "one and logs it. Default: :8443.",
       &f->listen, 0, 0},
      {"tls-cert", 0, FLAG_STRING, "FILE",
       "Serving certificate, PEM, leaf first. Read again when it changes.", &f->cert, 0, 0},
      {"tls-key", 0, FLAG_STRING, "FILE", "Its private key, PEM.", &f->key, 0, 0},
      {"policy", 0, FLAG_STRING, "FILE",
       "GPUPolicy to judge by; the built-in policy without it. Read again when it changes; a file "
       "with errors leaves the old policy serving.",
       &f->policy, 0, 0},
      {"cluster", 0, FLAG_STRING, "FILE",
       "A recorded cluster (`kubectl get nodes,namespaces -o json`; with pods -A for the "
       "extender). "
       "Without one, checks that need it are silent.",
       &f->cluster, 0, 0},
      {"live", 0, FLAG_BOOL, NULL,
       "Follow the cluster through the kube API: as the pod's service account, or as the "
       "kubeconfig "
       "says. Ready once everything has been listed.",
       &f->live.is_live, 0, 0},
      {"kubeconfig", 0, FLAG_STRING, "FILE",
       "With --live. Default: $KUBECONFIG, ~/.kube/config, the pod's service account.",
       &f->live.kubeconfig, 0, 0},
      {"context", 0, FLAG_STRING, "NAME", "Of the kubeconfig. Default: its current one.",
       &f->live.context, 0, 0},
      {"feed-silence-seconds", 0, FLAG_INT, "N",
       "How long the API server may say nothing on a watch before its connection counts as dead "
       "and is made anew. A quiet cluster says something about every minute. Default: 180.",
       &f->live.feed_silence_seconds, 1, 3600},
      {"stale-seconds", 0, FLAG_INT, "N",
       "With --live, for how long admission may not have heard of the cluster and still refuses "
       "for what it showed; after that it warns. A connection that is only silent is noticed after "
       "half of --feed-silence-seconds. Default: 120.",
       &f->stale_seconds, 1, 86400},
      {"extender-listen", 0, FLAG_STRING, "ADDRESS:PORT",
       "Answer kube-scheduler here (POST /scheduler/filter, /prioritize, /bind, /preempt), with "
       "the "
       "same certificate. Needs --live; with --cluster FILE the recording is decided on and "
       "nothing "
       "can be bound.",
       &f->live.extender_listen, 0, 0},
      {"extender-client-ca", 0, FLAG_STRING, "FILE",
       "CA of the client certificates that the extender's listener asks for. Required off "
       "loopback. Read again when it changes.",
       &f->live.extender_client_ca, 0, 0},
      {"extender-plain-http", 0, FLAG_BOOL, NULL,
       "The extender's listener speaks HTTP without TLS: on loopback only.",
       &f->live.extender_plain_http, 0, 0},
      {"extender-best", 0, FLAG_INT, "N",
       "Nodes that filter answers with, the best ones; kube-scheduler's other plugins choose among "
       "them. Default: 16.",
       &f->live.best, 1, EXT_BEST_MAX},
      {"hami", 0, FLAG_BOOL, NULL,
       "On nodes with HAMi's device plugin, choose the card for pods that ask for nvidia.com/gpu: "
       "1 "
       "with nvidia.com/gpumem, and bind them in its plugin's protocol. Only where HAMi's own "
       "scheduler hands out no card of those nodes: two that decide give the same memory twice.",
       &f->live.hami, 0, 0},
      {"nominate", 0, FLAG_BOOL, NULL,
       "Advise kube-scheduler ahead by status.nominatedNodeName. Default: true; --nominate=false "
       "turns it off.",
       &f->live.nominate, 0, 0},
      {"nominate-nodes", 0, FLAG_INT, "N",
       "In a cluster of fewer nodes, while kube-scheduler asks the extender anyway, advise only "
       "when the queue does not fit as a whole, and on pods that were rejected before: looking at "
       "so few nodes costs less than writing advice. From so many on, filter waits up to 500 ms "
       "for advice that is being written. Default: 1000.",
       &f->live.nominate_nodes, 0, INT32_MAX},
      {"events", 0, FLAG_BOOL, NULL,
       "With --live, say in an Event on each GPU pod that waits why it fits nowhere. Default: "
       "true; "
       "--events=false turns it off.",
       &f->live.events, 0, 0},
      {"scheduler-name", 0, FLAG_STRING, "NAME",
       "Whose pods are advised on. Default: default-scheduler.", &f->live.scheduler_name, 0, 0},
      {"lease-name", 0, FLAG_STRING, "NAME",
       "Of the Lease by which one of several replicas answers kube-scheduler and nominates. "
       "Without "
       "it this one does: run a single replica then.",
       &f->live.lease_name, 0, 0},
      {"lease-namespace", 0, FLAG_STRING, "NAMESPACE",
       "Of the Lease and of the pods. Default: that of the service account or the context.",
       &f->live.lease_namespace, 0, 0},
      {"pod-name", 0, FLAG_STRING, "NAME",
       "This pod: while it holds the Lease it is labelled slicegate.dev/lease-holder=true, which a "
       "Service selects.",
       &f->live.pod_name, 0, 0},
      {"pod-selector", 0, FLAG_STRING, "SELECTOR",
       "Label selector of all replicas, among which the label is looked after. Default: every pod "
       "of the namespace.",
       &f->live.pod_selector, 0, 0},
      {"max-connections", 0, FLAG_INT, "N", "Connections open at once. Default: 1024.",
       &f->max_connections, 1, 100000},
      {"drain-seconds", 0, FLAG_INT, "N",
       "After SIGTERM, how long open requests and connections may take to end. Default: 20.",
       &f->drain_seconds, 1, 3600},
      {"grace-seconds", 0, FLAG_INT, "N",
       "After SIGTERM, how long new connections are still accepted while clients learn that this "
       "server is going: a few seconds behind a Service. Default: 0, until none is waiting.",
       &f->grace_seconds, 0, 3600},
      {"log-format", 0, FLAG_STRING, "text|json",
       "Log lines as key=value or as JSON. Default: text.", &f->log_format, 0, 0},
      {"log-level", 0, FLAG_STRING, "LEVEL", "debug, info, warn or error. Default: info.",
       &f->log_level, 0, 0},
  };
  static const struct command_help help = {
      .usage = "slicegate serve --tls-cert FILE --tls-key FILE [--policy FILE] [flags]",
      .summary = "The TLS server that kube-apiserver calls: POST /validate and /mutate "
                 "(admission.k8s.io/v1), GET /healthz, /readyz (?verbose) and /metrics. With "
                 "--live and --extender-listen also the extender that kube-scheduler calls, and "
                 "GET /api/v1/explain?namespace=NAMESPACE&pod=NAME. Ends "
                 "cleanly on SIGTERM: not ready, every open call answered, then exit 0. SIGHUP "
                 "reads all files again.",
      .examples = "slicegate certs issue --dir certs --ip 127.0.0.1\n"
                  "slicegate serve --listen 127.0.0.1:8443 --tls-cert certs/tls.crt --tls-key "
                  "certs/tls.key"};
  enum flags_result result =
      flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &help, NULL, out, err);
  f->live.recording = f->live.is_live ? NULL : f->cluster;
  if (result == FLAGS_OK && !serve_flags_check(f, err))
    return FLAGS_WRONG;
  f->live.best = f->live.best ? f->live.best : EXT_BEST_DEFAULT;
  if (f->live.nominate_nodes < 0)
    f->live.nominate_nodes = NOMINATOR_NODES_DEFAULT;
  return result;
}

bool serve_flags_set_up_log(const struct serve_flags *f, FILE *err) {
  enum sys_level level;
  if (!sys_level_parse(str_of(f->log_level), &level)) {
    (void)fprintf(err, "slicegate: --log-level is debug, info, warn or error, not \"%s\"\n",
                  f->log_level);
    return false;
  }
  bool is_json = strcmp(f->log_format, "json") == 0;
  if (!is_json && strcmp(f->log_format, "text") != 0) {
    (void)fprintf(err, "slicegate: --log-format is text or json, not \"%s\"\n", f->log_format);
    return false;
  }
  sys_log_setup(level, is_json ? SYS_LOG_JSON : SYS_LOG_LOGFMT, fileno(err));
  return true;
}

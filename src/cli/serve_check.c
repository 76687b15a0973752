/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/serve_check.h"

#include "src/cli/listen.h"

/* ---- flags that need others ------------------------------------------------------------------ */

static const char *wrong_of_cluster(const struct serve_flags *f) {
  const struct serve_live_flags *live = &f->live;
  if (!live->is_live && (live->kubeconfig || live->context || live->lease_name[0]))
    return "--kubeconfig, --context and --lease-name are for a live cluster: add --live";
  if (live->extender_listen && !live->is_live && !f->cluster)
    return "the extender needs a cluster: --live, or --cluster FILE for a recorded one";
  if (live->is_live && f->cluster)
    return "--cluster FILE is a recording, --live follows the cluster itself: give one of them";
  if (!live->lease_name[0] && (live->lease_namespace || live->pod_name || live->pod_selector))
    return "--lease-namespace, --pod-name and --pod-selector go with a Lease: add --lease-name";
  return NULL;
}

static const char *wrong_of_extender(const struct serve_live_flags *live) {
  if (!live->extender_listen && live->hami)
    return "--hami is about what the extender binds: it needs --extender-listen";
  if (!live->extender_listen && (live->extender_client_ca || live->extender_plain_http))
    return "--extender-client-ca and --extender-plain-http need --extender-listen";
  if (!live->extender_listen && live->best)
    return "--extender-best is about what filter answers: it needs --extender-listen";
  if (live->nominate_nodes >= 0 && !(live->is_live && live->extender_listen))
    return "--nominate-nodes is about advice to a live cluster's kube-scheduler: it needs --live "
           "and --extender-listen";
  if (live->extender_client_ca && live->extender_plain_http)
    return "client certificates need TLS: drop --extender-plain-http or --extender-client-ca";
  return NULL;
}

static bool check_together(const struct serve_flags *f, FILE *err) {
  const char *wrong = wrong_of_cluster(f);
  if (!wrong)
    wrong = wrong_of_extender(&f->live);
  if (!wrong && f->live.scheduler_name[0] == '\0')
    wrong = "--scheduler-name is empty; kube-scheduler's own is default-scheduler";
  if (!wrong && (!f->cert || !f->key))
    wrong = "serve needs --tls-cert FILE and --tls-key FILE; `slicegate certs issue` makes them";
  return !wrong || cli_complain(err, "%s", wrong);
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool check_name(const char *flag, const char *name, FILE *err) {
  return !name || name[0] == '\0' || cli_is_dns_name(str_of(name)) ||
         cli_complain(err, "--%s is lower case letters, digits, '-' and '.', not \"%s\"", flag,
                      name);
}

/* Not its whole grammar, which is the API server's: what no selector has. */
static bool is_selector(const char *text) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./=!,()<> ";
  if (text[strspn(text, allowed)])
    return false;
  /* "!key" begins a requirement, "!=" compares. */
  for (const char *at = text; (at = strchr(at, '!')); at++)
    if (at[1] != '=' && at != text && !strchr(", ", at[-1]))
      return false;
  return true;
}

/* The API server would refuse each call with it, one after the other. */
static bool check_names(const struct serve_live_flags *live, FILE *err) {
  const char *ns = live->lease_namespace;
  if (!check_name("scheduler-name", live->scheduler_name, err) ||
      !check_name("lease-name", live->lease_name, err) ||
      !check_name("pod-name", live->pod_name, err))
    return false;
  if (live->pod_selector && !is_selector(live->pod_selector))
    return cli_complain(err, "--pod-selector is a label selector such as app=slicegate, not \"%s\"",
                        live->pod_selector);
  if (ns && !cli_is_dns_label(str_of(ns)))
    return cli_complain(err,
                        "--lease-namespace is up to 63 lower case letters, digits and '-', not "
                        "\"%s\"",
                        ns);
  return true;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool check_extender_address(const struct serve_live_flags *live,
                                   const struct listen_address *at, struct err *reterr) {
  if (at->is_loopback)
    return true;
  if (live->extender_plain_http)
    return err_set(
        reterr, ERR_INVALID,
        "--extender-listen %s is not loopback, and --extender-plain-http is for loopback "
        "alone (127.0.0.1, [::1]): drop it, and give --extender-client-ca FILE",
        live->extender_listen);
  if (!live->extender_client_ca)
    return err_set(reterr, ERR_INVALID,
                   "--extender-listen %s is not loopback: give --extender-client-ca FILE, by "
                   "which kube-scheduler's client certificate is verified, since whoever reaches "
                   "the extender borrows its right to bind pods",
                   live->extender_listen);
  return true;
}

/* A port may be shared, so that a successor can begin before its predecessor has ended: the kernel
 * would give each connection to either listener, as it falls. */
static bool check_addresses(const struct serve_flags *f, struct err *reterr) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct listen_address at, extender;
  const char *wanted = f->live.extender_listen;
  if (!listen_address_parse(arena, "listen", f->listen, &at, reterr))
    return false;
  if (!wanted)
    return true;
  if (!listen_address_parse(arena, "extender-listen", wanted, &extender, reterr) ||
      !check_extender_address(&f->live, &extender, reterr))
    return false;
  if (listen_address_meets(&at, &extender))
    return err_set(reterr, ERR_INVALID,
                   "--listen %s and --extender-listen %s meet: what is for one would reach the "
                   "other; give them ports of their own",
                   f->listen, wanted);
  return true;
}

/* It is read once more when the listener starts; here it is known before anything serves. */
static bool check_client_ca(const char *path, struct err *reterr) {
  CLEANUP_BUF struct buf pem = {0};
  return !path || serve_client_ca_read(path, &pem, reterr);
}

bool serve_flags_check(const struct serve_flags *f, FILE *err) {
  struct err error;
  if (!check_names(&f->live, err) || !check_together(f, err))
    return false;
  return (check_addresses(f, &error) && check_client_ca(f->live.extender_client_ca, &error)) ||
         cli_complain(err, "%s", error.text);
}

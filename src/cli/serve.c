/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate serve`: flags, wiring, and the wait for a signal. */
#include "serve_internal.h"
#include "src/cli/cli_internal.h"

#include "slicegate/certs.h"

#include <signal.h>
#include <stdlib.h>

struct serve_flags {
  const char *listen, *cert, *key, *policy, *cluster, *log_format, *log_level;
  int64_t drain_seconds, grace_seconds, max_connections;
};

struct certificate_files {
  const char *cert, *key;
  struct http_server *server;
  struct serve_metrics *metrics;
};

/* ---- flags --------------------------------------------------------------------------------- */

static enum flags_result read_flags(int argc, char **argv, struct serve_flags *f, FILE *out,
                                    FILE *err) {
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
       "A recorded cluster (`kubectl get nodes,namespaces -o json`). Without one, checks that need "
       "it are silent.",
       &f->cluster, 0, 0},
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
                 "(admission.k8s.io/v1), GET /healthz, /readyz (?verbose) and /metrics. Ends "
                 "cleanly on SIGTERM: not ready, every open call answered, then exit 0. SIGHUP "
                 "reads all files again.",
      .examples = "slicegate certs issue --dir certs --ip 127.0.0.1\n"
                  "slicegate serve --listen 127.0.0.1:8443 --tls-cert certs/tls.crt --tls-key "
                  "certs/tls.key"};
  enum flags_result result =
      flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &help, NULL, out, err);
  if (result == FLAGS_OK && (!f->cert || !f->key)) {
    (void)fprintf(err, "slicegate: serve needs --tls-cert FILE and --tls-key FILE; `slicegate "
                       "certs issue` makes them\n");
    return FLAGS_WRONG;
  }
  return result;
}

/* "127.0.0.1:8443", "[::1]:8443", ":8443" */
static bool split_listen(struct arena *arena, const char *listen, const char **ret_address,
                         uint16_t *ret_port, struct err *reterr) {
  struct str text = str_of(listen);
  size_t colon = text.len;
  while (colon > 0 && text.ptr[colon - 1] != ':')
    colon--;
  int64_t port;
  if (colon == 0 || !i64_parse(str_skip(text, colon), &port) || port < 0 || port > 65535)
    return err_set(reterr, ERR_INVALID,
                   "--listen is ADDRESS:PORT, such as 127.0.0.1:8443 or :8443, not \"%s\"", listen);
  struct str address = {text.ptr, colon - 1};
  if (address.len >= 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
    address = (struct str){address.ptr + 1, address.len - 2};
  *ret_address = address.len ? str_copy(arena, address).ptr : NULL;
  *ret_port = (uint16_t)port;
  return true;
}

static bool set_up_log(const struct serve_flags *f, FILE *err) {
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

/* ---- files that change ------------------------------------------------------------------- */

static bool read_pair(const char *cert, const char *key, struct buf *ret_cert, struct buf *ret_key,
                      struct certs_info *ret_info, struct err *reterr) {
  if (!sys_file_read(cert, CERTS_PEM_MAX_BYTES, ret_cert, reterr))
    return false;
  if (!sys_file_read(key, CERTS_PEM_MAX_BYTES, ret_key, reterr)) {
    buf_done(ret_cert);
    return false;
  }
  if (certs_read(buf_str(ret_cert), ret_info, reterr))
    return true;
  buf_done(ret_cert);
  buf_done(ret_key);
  return err_wrap(reterr, "%s", cert);
}

static void reload_certificate(void *ctx) {
  struct certificate_files *files = ctx;
  CLEANUP_BUF struct buf cert = {0};
  CLEANUP_BUF struct buf key = {0};
  struct certs_info info;
  struct err err;
  if (!read_pair(files->cert, files->key, &cert, &key, &info, &err) ||
      !http_server_reload(files->server, buf_str(&cert), buf_str(&key), STR_LIT(""), &err)) {
    serve_metrics_certificate_failed(files->metrics, err.text);
    sys_log(SYS_ERROR, "certificate not reloaded, the old one keeps serving",
            sys_cstr("file", files->cert), sys_err(&err));
    return;
  }
  serve_metrics_set_certificate(files->metrics, info.not_after, true);
  sys_log(SYS_INFO, "certificate reloaded", sys_cstr("file", files->cert),
          sys_int("not_after", info.not_after));
}

static void reload_judges(void *ctx) {
  judges_reload(((struct serve *)ctx)->judges);
}

/* Before the first read of any of them: a change in between must not be missed. */
static void watch_files(struct sys_watch *watch, const struct serve_flags *f, struct serve *serve,
                        struct certificate_files *files) {
  const char *pair[] = {f->cert, f->key};
  sys_watch_add(watch, pair, 2, reload_certificate, files);
  const char *inputs[2];
  size_t count = 0;
  if (f->policy)
    inputs[count++] = f->policy;
  if (f->cluster)
    inputs[count++] = f->cluster;
  if (count)
    sys_watch_add(watch, inputs, count, reload_judges, serve);
}

/* ---- life --------------------------------------------------------------------------------- */

static struct http_server *start(const struct serve_flags *f, struct serve *serve,
                                 struct err *reterr) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  CLEANUP_BUF struct buf cert = {0};
  CLEANUP_BUF struct buf key = {0};
  const char *address = NULL;
  uint16_t port = 0;
  struct certs_info info;
  if (!split_listen(arena, f->listen, &address, &port, reterr) ||
      !read_pair(f->cert, f->key, &cert, &key, &info, reterr))
    return NULL;
  const struct http_route routes[] = {
      {HTTP_POST, "/validate", serve_validate, serve, 0, "application/json"},
      {HTTP_POST, "/mutate", serve_mutate, serve, 0, "application/json"},
      {HTTP_GET, "/healthz", serve_healthz, serve, 0, NULL},
      {HTTP_GET, "/readyz", serve_readyz, serve, 0, NULL},
      {HTTP_GET, "/metrics", serve_metrics_page, serve, 0, NULL},
  };
  const struct http_config config = {
      .address = address,
      .port = port,
      .cert_pem = buf_str(&cert),
      .key_pem = buf_str(&key),
      .routes = routes,
      .route_count = SG_ARRAY_LEN(routes),
      .limits = {.connections = f->max_connections, .connections_per_peer = -1},
      .access = serve_metrics_access,
      .access_ctx = serve->metrics};
  struct http_server *server = http_server_start(&config, reterr);
  if (!server) {
    if (reterr->code == ERR_INVALID)
      err_wrap(reterr, "%s with %s", f->cert, f->key);
    return NULL;
  }
  serve_metrics_set_certificate(serve->metrics, info.not_after, false);
  serve_metrics_watch_server(serve->metrics, server);
  struct str shown = str_printf(arena, address && strchr(address, ':') ? "[%s]:%u" : "%s:%u",
                                address ? address : "", http_server_port(server));
  sys_log(SYS_INFO, "serving", sys_str("address", shown), sys_cstr("version", SLICEGATE_VERSION));
  return server;
}

/* Until SIGTERM or SIGINT; SIGHUP reads everything again. */
static void wait_for_end(struct judges *judges, struct certificate_files *files) {
  for (;;) {
    int signal = sys_signals_wait(-1);
    if (signal == SIGTERM || signal == SIGINT) {
      sys_log(SYS_INFO, "draining", sys_int("signal", signal));
      return;
    }
    if (signal == SIGHUP) {
      judges_reload(judges);
      reload_certificate(files);
    }
  }
}

static int run(const struct serve_flags *f, struct serve *serve, struct certificate_files *files,
               struct sys_watch **watch) {
  struct err err;
  struct http_server *server = start(f, serve, &err);
  if (!server) {
    sys_log(SYS_ERROR, "cannot begin", sys_err(&err));
    return EXIT_UNUSABLE;
  }
  files->server = server;
  files->metrics = serve->metrics;
  int code = EXIT_OK;
  if (sys_watch_start(*watch, &err)) {
    wait_for_end(serve->judges, files);
  } else {
    sys_log(SYS_ERROR, "cannot watch files", sys_err(&err));
    code = EXIT_UNUSABLE;
  }
  atomic_store(&serve->is_draining, true);
  sys_watch_free(*watch); /* its callbacks use the server */
  *watch = NULL;
  bool is_clean =
      http_server_drain(server, &(struct http_drain){.accept_ms = f->grace_seconds * 1000,
                                                     .deadline_ms = f->drain_seconds * 1000});
  http_server_stop(server);
  sys_log(is_clean ? SYS_INFO : SYS_WARN, "stopped", sys_bool("clean", is_clean));
  return code;
}

static int serve_all(const struct serve_flags *f) {
  struct serve serve = {0};
  struct certificate_files files = {f->cert, f->key, NULL, NULL};
  struct sys_watch *watch = sys_watch_new(0);
  watch_files(watch, f, &serve, &files);
  int code = EXIT_UNUSABLE;
  serve.judges = judges_new(f->policy, f->cluster);
  if (serve.judges) {
    serve.metrics = serve_metrics_new(serve.judges);
    code = run(f, &serve, &files, &watch);
  }
  sys_watch_free(watch);
  serve_metrics_free(serve.metrics);
  judges_free(serve.judges);
  return code;
}

int cli_serve(int argc, char **argv, FILE *out, FILE *err) {
  struct serve_flags f = {.listen = ":8443",
                          .log_format = "text",
                          .log_level = "info",
                          .max_connections = 1024,
                          .drain_seconds = 20};
  enum flags_result result = read_flags(argc, argv, &f, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  struct err error;
  if (!set_up_log(&f, err))
    return EXIT_UNUSABLE;
  if (!sys_signals_setup(&error)) {
    (void)fprintf(err, "slicegate: %s\n", error.text);
    return EXIT_UNUSABLE;
  }
  (void)sys_fd_limit_raise();
  return serve_all(&f);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate serve`: wiring, and the wait for a signal. */
#include "serve_internal.h"
#include "src/cli/cli_internal.h"
#include "src/cli/listen.h"
#include "src/cli/serve_flags.h"

#include "slicegate/certs.h"

#include <signal.h>
#include <stdlib.h>

struct certificate_files {
  const char *cert, *key, *client_ca; /* client_ca: of the extender's clients; NULL: none */
  struct http_server *server;
  struct http_server *extender; /* NULL: there is none, or it has no certificate */
  struct serve_metrics *metrics;
};

/* ---- files that change ------------------------------------------------------------------- */

static bool read_pair(const char *cert, const char *key, struct buf *ret_cert, struct buf *ret_key,
                      struct certs_info *ret_info, struct err *reterr) {
  if (!sys_file_read(cert, CERTS_PEM_MAX_BYTES, ret_cert, reterr))
    return err_wrap(reterr, "--tls-cert"), false;
  if (!sys_file_read(key, CERTS_PEM_MAX_BYTES, ret_key, reterr)) {
    buf_done(ret_cert);
    return err_wrap(reterr, "--tls-key"), false;
  }
  if (certs_read(buf_str(ret_cert), ret_info, reterr))
    return true;
  buf_done(ret_cert);
  buf_done(ret_key);
  return err_wrap(reterr, "--tls-cert: %s", cert);
}

static bool reload_extender(const struct certificate_files *files, struct str cert, struct str key,
                            struct err *reterr) {
  CLEANUP_BUF struct buf ca = {0};
  if (!files->extender)
    return true;
  if (files->client_ca && !serve_client_ca_read(files->client_ca, &ca, reterr))
    return false;
  return http_server_reload(files->extender, cert, key, buf_str(&ca), reterr);
}

static void reload_certificate(void *ctx) {
  struct certificate_files *files = ctx;
  CLEANUP_BUF struct buf cert = {0};
  CLEANUP_BUF struct buf key = {0};
  struct certs_info info;
  struct err err;
  if (!read_pair(files->cert, files->key, &cert, &key, &info, &err) ||
      !http_server_reload(files->server, buf_str(&cert), buf_str(&key), STR_LIT(""), &err) ||
      !reload_extender(files, buf_str(&cert), buf_str(&key), &err)) {
    serve_metrics_certificate_failed(files->metrics, err.text);
    sys_log(SYS_ERROR, "certificate not reloaded, the old one keeps serving",
            sys_cstr("file", files->cert), sys_err(&err));
    return;
  }
  serve_metrics_set_certificate(files->metrics, info.not_after, true);
  sys_log(SYS_INFO, "certificate reloaded", sys_cstr("file", files->cert),
          sys_int("not_after", info.not_after));
}

static void reload_inputs(void *ctx) {
  struct serve *serve = ctx;
  judges_reload(serve->judges);
  if (serve->live)
    serve_live_reread(serve->live);
}

/* Before the first read of any of them: a change in between must not be missed. */
static void watch_files(struct sys_watch *watch, const struct serve_flags *f, struct serve *serve,
                        struct certificate_files *files) {
  const char *pair[] = {f->cert, f->key, f->live.extender_client_ca};
  sys_watch_add(watch, pair, f->live.extender_client_ca ? 3 : 2, reload_certificate, files);
  const char *inputs[2];
  size_t count = 0;
  if (f->policy)
    inputs[count++] = f->policy;
  if (f->cluster)
    inputs[count++] = f->cluster;
  if (count)
    sys_watch_add(watch, inputs, count, reload_inputs, serve);
}

/* ---- life --------------------------------------------------------------------------------- */

static struct http_server *start(const struct serve_flags *f, struct serve *serve,
                                 struct err *reterr) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  CLEANUP_BUF struct buf cert = {0};
  CLEANUP_BUF struct buf key = {0};
  struct listen_address at;
  struct certs_info info;
  if (!listen_address_parse(arena, "listen", f->listen, &at, reterr) ||
      !read_pair(f->cert, f->key, &cert, &key, &info, reterr))
    return NULL;
  struct api_door *api = serve->live ? serve_live_api(serve->live) : NULL;
  if (api)
    api->is_loopback = at.is_loopback;
  const struct http_route routes[] = {
      {HTTP_POST, "/validate", serve_validate, serve, 0, "application/json", HTTP_NEVER_WAITS},
      {HTTP_POST, "/mutate", serve_mutate, serve, 0, "application/json", HTTP_NEVER_WAITS},
      {HTTP_GET, "/healthz", serve_healthz, serve, 0, NULL, HTTP_NEVER_WAITS},
      {HTTP_GET, "/readyz", serve_readyz, serve, 0, NULL, HTTP_NEVER_WAITS},
      {HTTP_GET, "/metrics", serve_metrics_page, serve, 0, NULL, HTTP_NEVER_WAITS},
      {HTTP_GET, API_EXPLAIN, serve_explain, api, 0, NULL, HTTP_WAITS}, /* the last one */
  };
  const struct http_config config = {
      .address = at.address,
      .port = at.port,
      .cert_pem = buf_str(&cert),
      .key_pem = buf_str(&key),
      .routes = routes,
      .route_count = api ? SG_ARRAY_LEN(routes) : SG_ARRAY_LEN(routes) - 1,
      .limits = {.connections = f->max_connections, .connections_per_peer = -1},
      .access = serve_metrics_access,
      .access_ctx = serve->metrics};
  struct http_server *server = http_server_start(&config, reterr);
  if (!server) {
    if (reterr->code == ERR_INVALID)
      err_wrap(reterr, "--tls-cert %s with --tls-key %s", f->cert, f->key);
    return NULL;
  }
  serve_metrics_set_certificate(serve->metrics, info.not_after, false);
  serve_metrics_watch_server(serve->metrics, server);
  sys_log(SYS_INFO, "serving",
          sys_str("address", listen_address_text(arena, at.address, http_server_port(server))),
          sys_cstr("version", SLICEGATE_VERSION));
  return server;
}

/* Until SIGTERM or SIGINT; SIGHUP reads everything again. */
static void wait_for_end(struct serve *serve, struct certificate_files *files) {
  for (;;) {
    int signal = sys_signals_wait(-1);
    if (signal == SIGTERM || signal == SIGINT) {
      sys_log(SYS_INFO, "draining", sys_int("signal", signal));
      return;
    }
    if (signal == SIGHUP) {
      reload_inputs(serve);
      reload_certificate(files);
    }
  }
}

static bool start_live(struct serve *serve, bool is_plain, struct certificate_files *files,
                       struct err *reterr) {
  CLEANUP_BUF struct buf cert = {0};
  CLEANUP_BUF struct buf key = {0};
  struct certs_info info;
  if (!serve->live)
    return true;
  if (!read_pair(files->cert, files->key, &cert, &key, &info, reterr) ||
      !serve_live_start(serve->live, buf_str(&cert), buf_str(&key), reterr))
    return false;
  if (!is_plain)
    files->extender = serve_live_extender(serve->live);
  return true;
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
  if (start_live(serve, f->live.extender_plain_http, files, &err) &&
      sys_watch_start(*watch, &err)) {
    wait_for_end(serve, files);
  } else {
    sys_log(SYS_ERROR, "cannot begin", sys_err(&err));
    code = EXIT_UNUSABLE;
  }
  const struct http_drain drain = {.accept_ms = f->grace_seconds * 1000,
                                   .deadline_ms = f->drain_seconds * 1000};
  atomic_store(&serve->is_draining, true);
  sys_watch_free(*watch); /* its callbacks use the servers */
  *watch = NULL;
  if (serve->live)
    serve_live_stop(serve->live);
  bool is_clean = http_server_drain(server, &drain);
  http_server_stop(server);
  sys_log(is_clean ? SYS_INFO : SYS_WARN, "stopped", sys_bool("clean", is_clean));
  return code;
}

/* Admission judges by the nodes and namespaces of a moment ago, and knows how old that is. */
static void refresh_judges(void *ctx, struct live *live) {
  struct serve *serve = ctx;
  struct state_stats stats;
  int64_t age = live_age_seconds(live);
  if (age >= 0)
    judges_cluster_heard(serve->judges, age * 1000);
  state_get_stats(live_state(live), &stats);
  if (stats.surroundings == serve->surroundings)
    return;
  struct arena *arena = arena_new(1 << 20);
  struct cluster *cluster = arena_alloc(arena, sizeof(*cluster));
  state_record_surroundings(live_state(live), arena, cluster);
  judges_set_cluster(serve->judges, arena, cluster);
  serve->surroundings = stats.surroundings;
}

static bool make_live(const struct serve_flags *f, struct serve *serve) {
  struct err err;
  if (!f->live.is_live && !f->live.extender_listen)
    return true;
  serve->live = serve_live_new(&f->live, serve_metrics_registry(serve->metrics),
                               (struct serve_live_tick){refresh_judges, serve}, &err);
  if (!serve->live)
    sys_log(SYS_ERROR, "cannot begin", sys_err(&err));
  return serve->live != NULL;
}

static int serve_all(const struct serve_flags *f) {
  struct serve serve = {0};
  struct certificate_files files = {
      .cert = f->cert, .key = f->key, .client_ca = f->live.extender_client_ca};
  struct sys_watch *watch = sys_watch_new(0);
  watch_files(watch, f, &serve, &files);
  int code = EXIT_UNUSABLE;
  serve.judges = judges_new(f->policy, f->cluster);
  if (serve.judges) {
    judges_stale_after(serve.judges, f->stale_seconds);
    serve.metrics = serve_metrics_new(serve.judges);
    if (make_live(f, &serve))
      code = run(f, &serve, &files, &watch);
  }
  sys_watch_free(watch);
  serve_live_free(serve.live);
  serve_metrics_free(serve.metrics);
  judges_free(serve.judges);
  return code;
}

int cli_serve(int argc, char **argv, FILE *out, FILE *err) {
  struct serve_flags f;
  enum flags_result result = serve_flags_read(argc, argv, &f, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? EXIT_OK : EXIT_UNUSABLE;
  struct err error;
  if (!serve_flags_set_up_log(&f, err))
    return EXIT_UNUSABLE;
  if (!sys_signals_setup(&error)) {
    (void)fprintf(err, "slicegate: %s\n", error.text);
    return EXIT_UNUSABLE;
  }
  (void)sys_fd_limit_raise();
  return serve_all(&f);
}

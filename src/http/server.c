/* SPDX-License-Identifier: Apache-2.0 */
/* Start, reload, drain, stop. */
#include "http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const struct http_limits default_limits = {
    .handshake_ms = 10000,
    .header_ms = 10000,
    .body_ms = 30000,
    .reply_ms = 30000,
    .idle_ms = 120000,
    .connections = 2048,
    .connections_per_peer = 1024,
    .buffered_bytes = 64 << 20,
    .requests_per_connection = -1,
};

static void set_default(int64_t *limit, int64_t value) {
  if (*limit == 0)
    *limit = value;
}

static struct http_limits with_defaults(struct http_limits limits) {
  set_default(&limits.handshake_ms, default_limits.handshake_ms);
  set_default(&limits.header_ms, default_limits.header_ms);
  set_default(&limits.body_ms, default_limits.body_ms);
  set_default(&limits.reply_ms, default_limits.reply_ms);
  set_default(&limits.idle_ms, default_limits.idle_ms);
  set_default(&limits.connections, default_limits.connections);
  set_default(&limits.connections_per_peer, default_limits.connections_per_peer);
  set_default(&limits.buffered_bytes, default_limits.buffered_bytes);
  set_default(&limits.requests_per_connection, default_limits.requests_per_connection);
  return limits;
}

void event_signal(int event_fd) {
  uint64_t one = 1;
  while (write(event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
    ;
}

void event_clear(int event_fd) {
  uint64_t count;
  while (read(event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
    ;
}

enum { TICK_MS = 100, TICK_MIN_MS = 10 };

void server_choose_tick(struct http_server *server) {
  const struct http_limits *limits = &server->limits;
  const int64_t all[] = {limits->handshake_ms, limits->header_ms, limits->body_ms, limits->reply_ms,
                         limits->idle_ms};
  server->tick_ms = TICK_MS;
  for (size_t i = 0; i < SG_ARRAY_LEN(all); i++) {
    if (all[i] >= 0 && all[i] / 4 < server->tick_ms)
      server->tick_ms = all[i] / 4;
  }
  if (server->tick_ms < TICK_MIN_MS)
    server->tick_ms = TICK_MIN_MS;
}

static unsigned choose_threads(unsigned wanted) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (wanted > 0)
    return wanted;
  return processors < 1 ? 1 : processors > 8 ? 8 : (unsigned)processors;
}

static bool start_workers(struct http_server *server, unsigned wanted, struct err *reterr) {
  size_t count = choose_threads(wanted);
  server->workers = mem_zalloc(count * sizeof(*server->workers));
  for (size_t i = 0; i < count; i++) {
    server->worker_count++;
    if (!worker_start(&server->workers[i], server, reterr))
      return false;
  }
  return true;
}

/* What goes over plain HTTP can be read and changed by whoever is on the way: nobody on loopback.
 */
static bool check_plain(const struct http_config *config, struct err *reterr) {
  if (config->cert_pem.len || config->key_pem.len || config->client_ca_pem.len)
    return err_set(reterr, ERR_INVALID, "plain HTTP has no certificates");
  if (listen_is_loopback(config->address))
    return true;
  return err_set(reterr, ERR_INVALID,
                 "plain HTTP is served on loopback only (127.0.0.1, ::1), not on %s: use TLS",
                 config->address ? config->address : "every address");
}

static bool has_route(const struct http_config *config, enum http_waiting waiting) {
  for (size_t i = 0; i < config->route_count; i++)
    if (config->routes[i].waiting == waiting)
      return true;
  return false;
}

static bool start_asides(struct http_server *server, const struct http_config *config,
                         struct err *reterr) {
  bool waits_long = has_route(config, HTTP_WAITS) || has_route(config, HTTP_MAY_WAIT_LONG);
  if (waits_long && !aside_start(&server->aside, config->waiting_threads, reterr))
    return false;
  return !has_route(config, HTTP_MAY_WAIT) || aside_start(&server->aside_briefly, 0, reterr);
}

static bool start(struct http_server *server, const struct http_config *config,
                  struct err *reterr) {
  if (!server->uses_tls && !check_plain(config, reterr))
    return false;
  if (server->uses_tls) {
    server->creds = creds_new(config->cert_pem, config->key_pem, config->client_ca_pem, reterr);
    if (!server->creds)
      return false;
  }
  server->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (server->event_fd < 0)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot make an event descriptor: %s", strerror(errno));
  server->listen_fd = listen_open(config->address, config->port, &server->port, reterr);
  if (server->listen_fd < 0 || !start_workers(server, config->threads, reterr))
    return false;
  if (!start_asides(server, config, reterr))
    return false;
  int failed = pthread_create(&server->keeper, NULL, keeper_main, server);
  if (failed)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot start the HTTP server's keeper thread: %s",
                   strerror(failed));
  (void)pthread_setname_np(server->keeper, "http-keeper");
  server->keeper_is_running = true;
  return true;
}

struct http_server *http_server_start(const struct http_config *config, struct err *reterr) {
  struct http_server *server = mem_zalloc(sizeof(*server));
  server->limits = with_defaults(config->limits);
  server_choose_tick(server);
  server->access = config->access;
  server->access_ctx = config->access_ctx;
  server->refused = config->refused;
  server->refused_ctx = config->refused_ctx;
  server->uses_tls = !config->plain_http;
  server->listen_fd = -1;
  server->event_fd = -1;
  table_init(&server->table);
  aside_init(&server->aside);
  aside_init(&server->aside_briefly);
  (void)pthread_mutex_init(&server->creds_mutex, NULL);
  (void)pthread_mutex_init(&server->drain_mutex, NULL);
  sys_cond_init(&server->drain_done);
  routes_init(server, config);
  if (start(server, config, reterr))
    return server;
  http_server_stop(server);
  return NULL;
}

uint16_t http_server_port(const struct http_server *server) {
  return server->port;
}

/* Whether clients are asked never changes, so any of the credentials says it. */
static bool check_same_demand(struct http_server *server, const struct creds *fresh,
                              struct err *reterr) {
  (void)pthread_mutex_lock(&server->creds_mutex);
  bool is_wanted = server->creds->wants_client;
  (void)pthread_mutex_unlock(&server->creds_mutex);
  if (is_wanted == fresh->wants_client)
    return true;
  return err_set(reterr, ERR_INVALID, "%s",
                 is_wanted ? "client CA: empty, and clients must go on showing certificates"
                           : "client CA: this server was started without one");
}

bool http_server_reload(struct http_server *server, struct str cert_pem, struct str key_pem,
                        struct str client_ca_pem, struct err *reterr) {
  if (!server->uses_tls)
    return err_set(reterr, ERR_INVALID, "plain HTTP has no certificates");
  struct creds *fresh = creds_new(cert_pem, key_pem, client_ca_pem, reterr);
  if (!fresh)
    return false;
  if (!check_same_demand(server, fresh, reterr)) {
    creds_unref(fresh);
    return false;
  }
  (void)pthread_mutex_lock(&server->creds_mutex);
  struct creds *old = server->creds;
  server->creds = fresh;
  (void)pthread_mutex_unlock(&server->creds_mutex);
  creds_unref(old);
  return true;
}

bool http_server_drain(struct http_server *server, const struct http_drain *drain) {
  struct http_drain settings = *drain;
  set_default(&settings.idle_ms, 1000);
  set_default(&settings.deadline_ms, 20000);
  struct sys_mono deadline = sys_mono_add_ms(sys_mono_now(), settings.deadline_ms);
  (void)pthread_mutex_lock(&server->drain_mutex);
  server->drain = settings;
  server->drain_began = sys_mono_now();
  atomic_store(&server->drain_idle_ms, settings.idle_ms);
  atomic_store(&server->is_draining, true);
  event_signal(server->event_fd);
  while (!server->is_drained && sys_cond_wait(&server->drain_done, &server->drain_mutex, deadline))
    continue;
  bool is_drained = server->is_drained;
  (void)pthread_mutex_unlock(&server->drain_mutex);
  return is_drained;
}

void http_server_stop(struct http_server *server) {
  if (!server)
    return;
  atomic_store(&server->is_stopping, true);
  if (server->keeper_is_running) {
    event_signal(server->event_fd);
    (void)pthread_join(server->keeper, NULL);
  } else if (server->listen_fd >= 0) {
    (void)close(server->listen_fd);
  }
  for (size_t i = 0; i < server->worker_count; i++)
    worker_join(&server->workers[i]);
  aside_done(&server->aside); /* nobody asks any more */
  aside_done(&server->aside_briefly);
  for (size_t i = 0; i < server->worker_count; i++)
    worker_stop(&server->workers[i]);
  if (server->event_fd >= 0)
    (void)close(server->event_fd);
  table_done(&server->table);
  creds_unref(server->creds);
  free(server->workers);
  free(server->routes);
  (void)pthread_mutex_destroy(&server->creds_mutex);
  (void)pthread_mutex_destroy(&server->drain_mutex);
  (void)pthread_cond_destroy(&server->drain_done);
  free(server);
}

void http_server_stats(const struct http_server *server, struct http_stats *ret) {
  const struct counters *counters = &server->counters;
  *ret = (struct http_stats){
      .connections = table_count((struct http_server *)(uintptr_t)server),
      .in_flight = atomic_load(&counters->in_flight),
      .buffered_bytes = atomic_load(&counters->buffered_bytes),
      .accepted = atomic_load(&counters->accepted),
      .refused = atomic_load(&counters->refused),
      .handshake_fails = atomic_load(&counters->handshake_fails),
      .clients_refused = atomic_load(&counters->clients_refused),
      .expired_handshake = atomic_load(&counters->expired[PHASE_HANDSHAKE]),
      .expired_header = atomic_load(&counters->expired[PHASE_HEADER]),
      .expired_body = atomic_load(&counters->expired[PHASE_BODY]),
      .expired_reply = atomic_load(&counters->expired[PHASE_REPLY]),
      .expired_idle = atomic_load(&counters->expired[PHASE_IDLE]),
      .overloaded = atomic_load(&counters->overloaded),
  };
}

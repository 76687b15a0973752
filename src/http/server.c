/* SPDX-License-Identifier: Apache-2.0 */
/* Start, reload, drain, stop. */
#include "http_internal.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One connection's memory for its header and the parsing of it, and half of it for reading. */
enum { POOL_BYTES = HTTP_HEADER_MAX_BYTES };

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

/* A connection begins and ends on its worker, except that the keeper made the entry. */
static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
  struct http_server *server = cls;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    /* GnuTLS's session is gone by now, the descriptor still open. */
    struct conn *conn = *socket_context;
    assert(conn->magic == CONN_MAGIC);
    if (!conn->is_established)
      (void)atomic_fetch_add(&server->counters.handshake_fails, 1);
    tls_detach(conn);
    table_remove(conn);
    return;
  }
  const union MHD_ConnectionInfo *fd =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
  const union MHD_ConnectionInfo *tls =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  struct conn *conn = table_take_over(&server->table, fd->connect_fd);
  assert(conn && conn->magic == CONN_MAGIC);
  *socket_context = conn;
  tls_attach(conn, tls->tls_session);
  conn_enter(conn, PHASE_HANDSHAKE);
}

/* libmicrohttpd wants a certificate or a way to get one; every session has its own. */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *req_ca_dn, int nreqs,
                          const gnutls_pk_algorithm_t *algos, int algo_count,
                          gnutls_pcert_st **ret_pcert, unsigned int *ret_count,
                          gnutls_privkey_t *ret_key) {
  (void)session;
  (void)req_ca_dn;
  (void)nreqs;
  (void)algos;
  (void)algo_count;
  (void)ret_pcert;
  (void)ret_count;
  (void)ret_key;
  return -1;
}

static unsigned choose_threads(unsigned wanted) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (wanted > 0)
    return wanted;
  return processors < 1 ? 1 : processors > 8 ? 8 : (unsigned)processors;
}

static struct MHD_Daemon *start_daemon(struct http_server *server) {
  /* Only our own limit is meant to be reached; all connections may be one worker's. */
  int64_t most = server->limits.connections < 0 ? 1 << 20 : server->limits.connections;
  unsigned limit = (unsigned)most + 64;
  // clang-format off
  return MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET,
      0, NULL, NULL, exchange_on_request, server,
      MHD_OPTION_CONNECTION_LIMIT, limit,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
      MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* deadlines are the keeper's */
      MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
      MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, server,
      MHD_OPTION_HTTPS_CERT_CALLBACK, no_certificate,
      MHD_OPTION_HTTPS_PRIORITIES, tls_priorities,
      MHD_OPTION_END);
  // clang-format on
}

static bool start_workers(struct http_server *server, unsigned wanted, struct err *reterr) {
  size_t count = choose_threads(wanted);
  server->workers = mem_zalloc(count * sizeof(*server->workers));
  for (size_t i = 0; i < count; i++) {
    server->workers[i].daemon = start_daemon(server);
    if (!server->workers[i].daemon)
      return err_set(reterr, ERR_UNAVAILABLE, "cannot start the HTTP server's threads");
    server->worker_count++;
  }
  return true;
}

static bool start(struct http_server *server, const struct http_config *config,
                  struct err *reterr) {
  server->creds = creds_new(config->cert_pem, config->key_pem, reterr);
  if (!server->creds)
    return false;
  server->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (server->event_fd < 0)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot make an event descriptor: %s", strerror(errno));
  server->listen_fd = listen_open(config->address, config->port, &server->port, reterr);
  if (server->listen_fd < 0 || !start_workers(server, config->threads, reterr))
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
  server->access = config->access;
  server->access_ctx = config->access_ctx;
  server->listen_fd = -1;
  server->event_fd = -1;
  table_init(&server->table);
  (void)pthread_mutex_init(&server->creds_mutex, NULL);
  (void)pthread_mutex_init(&server->drain_mutex, NULL);
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&server->drain_done, &attr);
  (void)pthread_condattr_destroy(&attr);
  routes_init(server, config);
  if (start(server, config, reterr))
    return server;
  http_server_stop(server);
  return NULL;
}

uint16_t http_server_port(const struct http_server *server) {
  return server->port;
}

bool http_server_reload(struct http_server *server, struct str cert_pem, struct str key_pem,
                        struct err *reterr) {
  struct creds *fresh = creds_new(cert_pem, key_pem, reterr);
  if (!fresh)
    return false;
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
  struct timespec until = {.tv_sec = (time_t)(deadline.ns / 1000000000),
                           .tv_nsec = (long)(deadline.ns % 1000000000)};
  (void)pthread_mutex_lock(&server->drain_mutex);
  server->drain = settings;
  server->drain_began = sys_mono_now();
  atomic_store(&server->is_draining, true);
  keeper_wake(server);
  int waited = 0;
  while (!server->is_drained && waited == 0)
    waited = pthread_cond_timedwait(&server->drain_done, &server->drain_mutex, &until);
  bool is_drained = server->is_drained;
  (void)pthread_mutex_unlock(&server->drain_mutex);
  return is_drained;
}

void http_server_stop(struct http_server *server) {
  if (!server)
    return;
  if (server->keeper_is_running) {
    atomic_store(&server->is_stopping, true);
    keeper_wake(server);
    (void)pthread_join(server->keeper, NULL);
  } else if (server->listen_fd >= 0) {
    (void)close(server->listen_fd);
  }
  table_wait_taken_over(&server->table);
  for (size_t i = 0; i < server->worker_count; i++)
    MHD_stop_daemon(server->workers[i].daemon);
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
      .connections = table_count((struct table *)(uintptr_t)&server->table),
      .in_flight = atomic_load(&counters->in_flight),
      .buffered_bytes = atomic_load(&counters->buffered_bytes),
      .accepted = atomic_load(&counters->accepted),
      .refused = atomic_load(&counters->refused),
      .handshake_fails = atomic_load(&counters->handshake_fails),
      .expired_handshake = atomic_load(&counters->expired[PHASE_HANDSHAKE]),
      .expired_header = atomic_load(&counters->expired[PHASE_HEADER]),
      .expired_body = atomic_load(&counters->expired[PHASE_BODY]),
      .expired_reply = atomic_load(&counters->expired[PHASE_REPLY]),
      .expired_idle = atomic_load(&counters->expired[PHASE_IDLE]),
      .overloaded = atomic_load(&counters->overloaded),
  };
}

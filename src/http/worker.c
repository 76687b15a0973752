/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a daemon of libmicrohttpd's and the loop that runs it.
 *
 * libmicrohttpd can run its own thread, but with TLS and epoll that thread spins: a
 * connection whose handshake waits for the peer stays on the daemon's list of ready
 * ones (0.9.75: a stalled handshake took 40 % of a processor). So the daemon is run from
 * here, and when rounds move no byte, make no callback and leave nothing unread, the loop
 * waits for an event instead of believing that there is work.
 */
#include "http_internal.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* One connection's memory for its header and the parsing of it, and half of it for reading. */
enum { POOL_BYTES = HTTP_HEADER_MAX_BYTES, ARENA_FIRST_BYTES = 64 << 10 };

/* ---- connections come and go ---------------------------------------------------------- */

static void list_insert(struct worker *worker, struct conn *conn) {
  conn->prev = NULL;
  conn->next = worker->conns;
  if (conn->next)
    conn->next->prev = conn;
  worker->conns = conn;
}

static void list_remove(struct worker *worker, struct conn *conn) {
  if (conn->prev)
    conn->prev->next = conn->next;
  else
    worker->conns = conn->next;
  if (conn->next)
    conn->next->prev = conn->prev;
}

static void conn_gone(struct worker *worker, struct conn *conn) {
  (void)atomic_fetch_sub(&worker->connections, 1);
  table_remove(worker->server, conn);
}

static void on_started(struct worker *worker, struct MHD_Connection *mhd, struct conn *conn) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  worker->adding = NULL;
  list_insert(worker, conn);
  if (worker->server->uses_tls) {
    tls_attach(conn, info->tls_session);
    conn_enter(conn, PHASE_HANDSHAKE);
  } else {
    conn->is_established = true;
    conn_enter(conn, PHASE_IDLE);
  }
}

/* GnuTLS's session is gone by now, the descriptor is still open. */
static void on_closed(struct worker *worker, struct conn *conn) {
  assert(conn->magic == CONN_MAGIC);
  if (!conn->is_established)
    (void)atomic_fetch_add(&worker->server->counters.handshake_fails, 1);
  tls_detach(conn);
  list_remove(worker, conn);
  conn_gone(worker, conn);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
  struct worker *worker = cls;
  worker->did_something = true;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    on_closed(worker, *socket_context);
    return;
  }
  *socket_context = worker->adding;
  on_started(worker, mhd, worker->adding);
}

void worker_give(struct worker *worker, struct conn *conn) {
  conn->worker = worker;
  (void)atomic_fetch_add(&worker->connections, 1);
  (void)pthread_mutex_lock(&worker->mutex);
  conn->next = worker->inbox;
  worker->inbox = conn;
  (void)pthread_mutex_unlock(&worker->mutex);
  event_signal(worker->event_fd);
}

static void take_one(struct worker *worker, struct conn *conn) {
  struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = conn->addr};
  worker->adding = conn;
  /* Closes the socket when it fails, before or after it has called on_connection. */
  (void)MHD_add_connection(worker->daemon, conn->fd, (struct sockaddr *)&addr, sizeof(addr));
  if (worker->adding)
    conn_gone(worker, conn);
  worker->adding = NULL;
}

static void take_inbox(struct worker *worker) {
  (void)pthread_mutex_lock(&worker->mutex);
  struct conn *conn = worker->inbox;
  worker->inbox = NULL;
  (void)pthread_mutex_unlock(&worker->mutex);
  while (conn) {
    struct conn *next = conn->next;
    take_one(worker, conn);
    conn = next;
  }
}

/* ---- deadlines -------------------------------------------------------------------------- */

static int64_t phase_limit_ms(const struct http_limits *limits, enum phase phase) {
  switch (phase) {
  case PHASE_HANDSHAKE:
    return limits->handshake_ms;
  case PHASE_IDLE:
    return limits->idle_ms;
  case PHASE_HEADER:
    return limits->header_ms;
  case PHASE_BODY:
    return limits->body_ms;
  case PHASE_REPLY:
    return limits->reply_ms;
  case PHASE_WORKING: /* ours, not the peer's */
  case PHASE_CUT:
  case PHASE_COUNT:
    break;
  }
  return -1;
}

/*
 * A connection is ended by shutting its socket down; libmicrohttpd sees the end and
 * closes. An idle one only stops reading: a request that is already in the socket is
 * still read and answered, and TLS's farewell still goes out.
 */
static void sweep_one(struct http_server *server, struct conn *conn, struct sys_mono now) {
  if (conn->phase == PHASE_IDLE && received_more(server, conn))
    conn_enter(conn, PHASE_HEADER); /* with TLS it is entered as bytes come */
  int64_t age_ms = sys_mono_us_between(conn->phase_began, now) / 1000;
  int64_t limit_ms = phase_limit_ms(&server->limits, conn->phase);
  if (limit_ms >= 0 && age_ms >= limit_ms) {
    (void)atomic_fetch_add(&server->counters.expired[conn->phase], 1);
    (void)shutdown(conn->fd, conn->phase == PHASE_IDLE ? SHUT_RD : SHUT_RDWR);
    conn_enter(conn, PHASE_CUT);
  } else if (conn->phase == PHASE_IDLE && atomic_load(&server->is_draining) &&
             age_ms >= atomic_load(&server->drain_idle_ms)) {
    (void)shutdown(conn->fd, SHUT_RD);
    conn_enter(conn, PHASE_CUT);
  }
}

void worker_sweep(struct worker *worker) {
  struct sys_mono now = sys_mono_coarse();
  for (struct conn *conn = worker->conns; conn; conn = conn->next)
    sweep_one(worker->server, conn, now);
}

/* ---- the loop ------------------------------------------------------------------------------ */

/*
 * Whether bytes that have come are still to be read by libmicrohttpd, in GnuTLS or in our
 * buffer. While it sends an answer it reads nothing.
 */
static bool has_unread(const struct worker *worker) {
  if (!worker->server->uses_tls)
    return false;
  for (const struct conn *conn = worker->conns; conn; conn = conn->next) {
    bool is_read =
        conn->phase == PHASE_IDLE || conn->phase == PHASE_HEADER || conn->phase == PHASE_BODY;
    if (is_read && (conn->rx || gnutls_record_check_pending(conn->session) > 0))
      return true;
  }
  return false;
}

/*
 * One round of the daemon. Whether another should follow at once: if it says that work is
 * left, and has not twice in a row done none. (Once is possible between two reads: the rest
 * of a record, which GnuTLS had already, then the next record from the socket.)
 */
static bool run_daemon(struct worker *worker) {
  MHD_UNSIGNED_LONG_LONG ignored;
  worker->did_something = false;
  (void)MHD_run(worker->daemon);
  /* Without TLS we do not see what moves, and libmicrohttpd's word can be taken. */
  if (!worker->server->uses_tls || worker->did_something || has_unread(worker))
    worker->idle_rounds = 0;
  else
    worker->idle_rounds++;
  return MHD_get_timeout(worker->daemon, &ignored) == MHD_YES && worker->idle_rounds < 2;
}

/* How long to wait for an event: for ever without connections, else until the next sweep. */
static int wait_ms(const struct worker *worker) {
  if (!worker->conns)
    return -1;
  int64_t left_ns = worker->next_sweep.ns - sys_mono_now().ns;
  return left_ns <= 0 ? 0 : (int)(left_ns / 1000000) + 1;
}

static void look_for_events(struct worker *worker, int timeout_ms) {
  struct pollfd fds[] = {{.fd = worker->epoll_fd, .events = POLLIN},
                         {.fd = worker->event_fd, .events = POLLIN}};
  if (poll(fds, SG_ARRAY_LEN(fds), timeout_ms) > 0 && fds[1].revents) {
    event_clear(worker->event_fd);
    take_inbox(worker);
    aside_take_done(worker);
  }
}

static void sweep_if_due(struct worker *worker) {
  struct sys_mono now = sys_mono_coarse();
  if (now.ns < worker->next_sweep.ns)
    return;
  worker_sweep(worker);
  worker->next_sweep = sys_mono_add_ms(now, worker->server->tick_ms);
}

enum { BUSY_ROUNDS = 16 }; /* of the daemon, between looks at the inbox and the clock */

static void *worker_main(void *arg) {
  struct worker *worker = arg;
  bool is_busy = false;
  while (!atomic_load(&worker->server->is_stopping)) {
    look_for_events(worker, is_busy ? 0 : wait_ms(worker));
    is_busy = true;
    worker->idle_rounds = 0;
    for (int i = 0; i < BUSY_ROUNDS && is_busy; i++)
      is_busy = run_daemon(worker);
    sweep_if_due(worker);
  }
  return NULL;
}

/* ---- start and stop -------------------------------------------------------------------------- */

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

static struct MHD_Daemon *start_daemon(struct worker *worker) {
  const unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;
  const struct MHD_OptionItem for_tls[] = {
      {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)no_certificate},
      {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
      {MHD_OPTION_END, 0, NULL}};
  const struct MHD_OptionItem nothing[] = {{MHD_OPTION_END, 0, NULL}};
  bool uses_tls = worker->server->uses_tls;
  // clang-format off
  return MHD_start_daemon(
      uses_tls ? flags | MHD_USE_TLS : flags,
      0, NULL, NULL, exchange_on_request, worker,
      MHD_OPTION_CONNECTION_LIMIT, 1u << 30, /* the caps are the keeper's */
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
      MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* the deadlines are ours */
      MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_NOTIFY_CONNECTION, on_connection, worker,
      MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, worker,
      MHD_OPTION_ARRAY, uses_tls ? for_tls : nothing,
      MHD_OPTION_END);
  // clang-format on
}

bool worker_start(struct worker *worker, struct http_server *server, struct err *reterr) {
  worker->server = server;
  (void)pthread_mutex_init(&worker->mutex, NULL);
  worker->arena = arena_new(ARENA_FIRST_BYTES);
  worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (worker->event_fd < 0)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot make an event descriptor: %s", strerror(errno));
  worker->daemon = start_daemon(worker);
  if (!worker->daemon)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot make an HTTP daemon");
  worker->epoll_fd = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
  if (failed)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot start an HTTP thread: %s", strerror(failed));
  (void)pthread_setname_np(worker->thread, "http-worker");
  worker->is_running = true;
  return true;
}

void worker_join(struct worker *worker) {
  if (!worker->is_running)
    return;
  event_signal(worker->event_fd);
  (void)pthread_join(worker->thread, NULL);
}

void worker_stop(struct worker *worker) {
  if (worker->daemon) {
    take_inbox(worker); /* so that all connections end in the same way */
    aside_take_done(worker);
    MHD_stop_daemon(worker->daemon);
  }
  if (worker->event_fd >= 0)
    (void)close(worker->event_fd);
  free(worker->spare_rx);
  arena_free(worker->arena);
  (void)pthread_mutex_destroy(&worker->mutex);
}

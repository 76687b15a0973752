/* SPDX-License-Identifier: Apache-2.0 */
/* The open connections: caps at the door, deadlines inside. */
#include "http_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

void table_init(struct table *table) {
  pthread_condattr_t attr;
  (void)pthread_mutex_init(&table->mutex, NULL);
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&table->none_queued, &attr);
  (void)pthread_condattr_destroy(&attr);
}

void table_done(struct table *table) {
  for (size_t i = 0; i < table->cap; i++)
    free(table->by_fd[i]);
  free(table->by_fd);
  (void)pthread_cond_destroy(&table->none_queued);
  (void)pthread_mutex_destroy(&table->mutex);
}

/* IPv4 is kept in its IPv6 form, so that one address is one key. */
static void conn_set_peer(struct conn *conn, const struct sockaddr_storage *addr) {
  const struct sockaddr_in *in4 = (const struct sockaddr_in *)addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
  if (addr->ss_family == AF_INET) {
    conn->addr.s6_addr[10] = conn->addr.s6_addr[11] = 0xff;
    memcpy(&conn->addr.s6_addr[12], &in4->sin_addr, 4);
  } else {
    conn->addr = in6->sin6_addr;
  }
  if (IN6_IS_ADDR_V4MAPPED(&conn->addr))
    (void)inet_ntop(AF_INET, &conn->addr.s6_addr[12], conn->peer, sizeof(conn->peer));
  else
    (void)inet_ntop(AF_INET6, &conn->addr, conn->peer, sizeof(conn->peer));
}

/* Under the mutex. A look at every entry costs a microsecond a thousand. */
static bool is_within_caps(const struct http_server *server, const struct conn *conn) {
  const struct table *table = &server->table;
  const struct http_limits *limits = &server->limits;
  if (limits->connections >= 0 && table->count >= limits->connections)
    return false;
  if (limits->connections_per_peer < 0)
    return true;
  int64_t same = 0;
  for (size_t i = 0; i < table->cap; i++) {
    if (table->by_fd[i] && IN6_ARE_ADDR_EQUAL(&table->by_fd[i]->addr, &conn->addr))
      same++;
  }
  return same < limits->connections_per_peer;
}

/* Under the mutex. */
static size_t choose_worker(const struct http_server *server) {
  size_t best = 0;
  for (size_t i = 1; i < server->worker_count; i++) {
    if (server->workers[i].connections < server->workers[best].connections)
      best = i;
  }
  return best;
}

/* Under the mutex. */
static void enter(struct http_server *server, struct conn *conn) {
  conn->worker = choose_worker(server);
  server->workers[conn->worker].connections++;
  server->table.by_fd[conn->fd] = conn;
  server->table.count++;
  server->table.queued++;
  conn->is_queued = true;
}

/* Under the mutex. */
static void leave_queue(struct table *table, struct conn *conn) {
  if (!conn->is_queued)
    return;
  conn->is_queued = false;
  if (--table->queued == 0)
    (void)pthread_cond_broadcast(&table->none_queued);
}

/* Under the mutex. */
static void leave(struct http_server *server, struct conn *conn) {
  leave_queue(&server->table, conn);
  server->workers[conn->worker].connections--;
  server->table.by_fd[conn->fd] = NULL;
  server->table.count--;
  conn->magic = 0;
  free(conn);
}

struct conn *table_add(struct http_server *server, int fd, const struct sockaddr_storage *addr) {
  struct table *table = &server->table;
  size_t slot = (size_t)fd;
  struct conn *conn = mem_zalloc(sizeof(*conn));
  conn->magic = CONN_MAGIC;
  conn->fd = fd;
  conn->server = server;
  conn_set_peer(conn, addr);
  conn_enter(conn, PHASE_QUEUED);
  (void)pthread_mutex_lock(&table->mutex);
  if (slot >= table->cap) {
    size_t cap = slot * 2 > 64 ? slot * 2 : 64;
    table->by_fd = mem_realloc(table->by_fd, cap * sizeof(struct conn *));
    memset(&table->by_fd[table->cap], 0, (cap - table->cap) * sizeof(struct conn *));
    table->cap = cap;
  }
  if (table->by_fd[slot]) {
    /*
     * The number is in use again, so its socket was closed without a word:
     * libmicrohttpd does that when it cannot begin with a connection.
     */
    leave(server, table->by_fd[slot]);
  }
  bool is_welcome = is_within_caps(server, conn);
  if (is_welcome)
    enter(server, conn);
  (void)pthread_mutex_unlock(&table->mutex);
  if (!is_welcome) {
    free(conn);
    conn = NULL;
  }
  return conn;
}

/* Under the mutex. */
static struct conn *find(const struct table *table, int fd) {
  return fd >= 0 && (size_t)fd < table->cap ? table->by_fd[fd] : NULL;
}

struct conn *table_find(struct table *table, int fd) {
  (void)pthread_mutex_lock(&table->mutex);
  struct conn *conn = find(table, fd);
  (void)pthread_mutex_unlock(&table->mutex);
  return conn;
}

struct conn *table_take_over(struct table *table, int fd) {
  (void)pthread_mutex_lock(&table->mutex);
  struct conn *conn = find(table, fd);
  if (conn)
    leave_queue(table, conn);
  (void)pthread_mutex_unlock(&table->mutex);
  return conn;
}

enum { TAKE_OVER_MS = 1000 }; /* longer only if a handler holds its thread up */

void table_wait_taken_over(struct table *table) {
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), TAKE_OVER_MS);
  struct timespec ts = {.tv_sec = (time_t)(until.ns / 1000000000),
                        .tv_nsec = (long)(until.ns % 1000000000)};
  int waited = 0;
  (void)pthread_mutex_lock(&table->mutex);
  while (table->queued > 0 && waited == 0)
    waited = pthread_cond_timedwait(&table->none_queued, &table->mutex, &ts);
  (void)pthread_mutex_unlock(&table->mutex);
}

void table_remove(struct conn *conn) {
  struct http_server *server = conn->server;
  assert(conn->magic == CONN_MAGIC);
  (void)pthread_mutex_lock(&server->table.mutex);
  assert(server->table.by_fd[conn->fd] == conn);
  leave(server, conn);
  (void)pthread_mutex_unlock(&server->table.mutex);
}

int64_t table_count(struct table *table) {
  (void)pthread_mutex_lock(&table->mutex);
  int64_t count = table->count;
  (void)pthread_mutex_unlock(&table->mutex);
  return count;
}

void conn_enter(struct conn *conn, enum phase phase) {
  int64_t state = (sys_mono_coarse().ns & ~(int64_t)7) | (int64_t)phase;
  atomic_store_explicit(&conn->state, state, memory_order_relaxed);
}

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
  case PHASE_QUEUED:  /* not yet a worker's, so nobody would see the end */
  case PHASE_WORKING: /* ours, not the peer's */
  case PHASE_COUNT:
    break;
  }
  return -1;
}

/*
 * Ends a connection from outside its worker, which sees the end of the stream and
 * closes. An idle one only stops reading: a request that is already here is still
 * read and answered.
 */
static void sweep_one(struct http_server *server, struct conn *conn, struct sys_mono now,
                      int64_t drain_idle_ms) {
  int64_t state = atomic_load_explicit(&conn->state, memory_order_relaxed);
  enum phase phase = (enum phase)(state & 7);
  int64_t age_ms = (now.ns - (state & ~(int64_t)7)) / 1000000;
  int64_t limit_ms = phase_limit_ms(&server->limits, phase);
  if (limit_ms >= 0 && age_ms >= limit_ms) {
    (void)atomic_fetch_add(&server->counters.expired[phase], 1);
    (void)shutdown(conn->fd, phase == PHASE_IDLE ? SHUT_RD : SHUT_RDWR);
    conn_enter(conn, PHASE_QUEUED); /* counted once */
  } else if (phase == PHASE_IDLE && drain_idle_ms >= 0 && age_ms >= drain_idle_ms) {
    (void)shutdown(conn->fd, SHUT_RD);
  }
}

void table_sweep(struct http_server *server) {
  struct table *table = &server->table;
  int64_t drain_idle_ms = -1;
  if (atomic_load(&server->is_draining)) {
    (void)pthread_mutex_lock(&server->drain_mutex);
    drain_idle_ms = server->drain.idle_ms;
    (void)pthread_mutex_unlock(&server->drain_mutex);
  }
  struct sys_mono now = sys_mono_coarse();
  (void)pthread_mutex_lock(&table->mutex);
  for (size_t i = 0; i < table->cap; i++) {
    if (table->by_fd[i])
      sweep_one(server, table->by_fd[i], now, drain_idle_ms);
  }
  (void)pthread_mutex_unlock(&table->mutex);
}

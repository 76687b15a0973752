/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's loop: accept, hand out, drain.
 *
 * Closing a listening socket resets the connections in its accept queue, and
 * SO_REUSEPORT moves none of them to the successor. So a drain first steers the
 * kernel's choice to the successor, then goes on accepting until no connection has
 * come for QUIET_MS (handshakes that the kernel had begun for us have ended by
 * then), and only then closes.
 */
#include "http_internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  BACKOFF_MS = 100,        /* out of descriptors: before trying again */
  DRAIN_TICK_MS = 10,      /* between looks at a drain */
  ACCEPT_BURST = 64,       /* before looking at the clock again */
  QUIET_MS = 100,          /* without a connection: the accept queue stays empty */
  QUIET_GIVE_UP_MS = 1000, /* close anyway: there is no successor, or steering failed */
};

struct keeper {
  struct http_server *server;
  struct sys_mono accept_again; /* out of descriptors: not before */
  struct sys_mono last_accept;
  unsigned steer_index;
  bool is_steering;
  struct sys_mono last_steer;
};

static int64_t ms_between(struct sys_mono from, struct sys_mono to) {
  return sys_mono_us_between(from, to) / 1000;
}

static struct worker *least_busy(struct http_server *server) {
  struct worker *best = &server->workers[0];
  for (size_t i = 1; i < server->worker_count; i++) {
    struct worker *worker = &server->workers[i];
    if (atomic_load(&worker->connections) < atomic_load(&best->connections))
      best = worker;
  }
  return best;
}

/* One connection off the queue; false when there is none, or no room for one. */
static bool accept_one(struct keeper *keeper) {
  static const int on = 1;
  struct http_server *server = keeper->server;
  struct sockaddr_storage addr;
  socklen_t addr_len = sizeof(addr);
  int fd =
      accept4(server->listen_fd, (struct sockaddr *)&addr, &addr_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
      keeper->accept_again = sys_mono_add_ms(sys_mono_now(), BACKOFF_MS);
    /* The peer may be gone already: that says nothing about the next one. */
    return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
  }
  keeper->last_accept = sys_mono_now();
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  struct conn *conn = table_add(server, fd, &addr);
  if (!conn) {
    (void)atomic_fetch_add(&server->counters.refused, 1);
    (void)close(fd);
    return true;
  }
  (void)atomic_fetch_add(&server->counters.accepted, 1);
  worker_give(least_busy(server), conn);
  return true;
}

static void accept_burst(struct keeper *keeper) {
  for (int i = 0; i < ACCEPT_BURST && accept_one(keeper); i++)
    ;
}

static void close_listener(struct http_server *server) {
  (void)close(server->listen_fd);
  server->listen_fd = -1;
}

/* The door, in a drain. */
static void drain_listener(struct keeper *keeper, const struct http_drain *drain,
                           struct sys_mono began, struct sys_mono now) {
  struct http_server *server = keeper->server;
  if (!keeper->is_steering) {
    keeper->is_steering = true;
    keeper->steer_index = 1; /* sockets stand in the order of listen(2): we are first */
    keeper->last_steer = keeper->last_accept = now;
    listen_steer(server->listen_fd, keeper->steer_index);
  } else if (ms_between(keeper->last_steer, now) >= 2 * QUIET_MS &&
             ms_between(keeper->last_accept, now) < QUIET_MS) {
    /* Connections still come, so the other one of two may be at index 0. */
    keeper->steer_index ^= 1;
    keeper->last_steer = now;
    listen_steer(server->listen_fd, keeper->steer_index);
  }
  int64_t past_ms = ms_between(began, now) - drain->accept_ms;
  bool is_quiet = ms_between(keeper->last_accept, now) >= QUIET_MS;
  if (past_ms < 0 || (!is_quiet && past_ms < QUIET_GIVE_UP_MS))
    return;
  while (accept_one(keeper))
    ;
  close_listener(server);
}

static void drain_step(struct keeper *keeper) {
  struct http_server *server = keeper->server;
  (void)pthread_mutex_lock(&server->drain_mutex);
  struct http_drain drain = server->drain;
  struct sys_mono began = server->drain_began;
  (void)pthread_mutex_unlock(&server->drain_mutex);
  if (server->listen_fd >= 0)
    drain_listener(keeper, &drain, began, sys_mono_now());
  if (server->listen_fd >= 0 || table_count(server) > 0)
    return;
  (void)pthread_mutex_lock(&server->drain_mutex);
  server->is_drained = true;
  (void)pthread_cond_broadcast(&server->drain_done);
  (void)pthread_mutex_unlock(&server->drain_mutex);
}

/* For ever, unless something is to be tried again or looked at. */
static int wait_ms(const struct keeper *keeper, struct sys_mono now) {
  if (atomic_load(&keeper->server->is_draining))
    return DRAIN_TICK_MS;
  return keeper->accept_again.ns > now.ns ? BACKOFF_MS : -1;
}

static void wait_for_events(struct keeper *keeper) {
  struct http_server *server = keeper->server;
  struct sys_mono now = sys_mono_now();
  bool can_accept = server->listen_fd >= 0 && keeper->accept_again.ns <= now.ns;
  struct pollfd fds[] = {{.fd = server->event_fd, .events = POLLIN},
                         {.fd = can_accept ? server->listen_fd : -1, .events = POLLIN}};
  if (poll(fds, SG_ARRAY_LEN(fds), wait_ms(keeper, now)) <= 0)
    return;
  if (fds[0].revents)
    event_clear(server->event_fd);
  if (fds[1].revents)
    accept_burst(keeper);
}

void *keeper_main(void *arg) {
  struct keeper keeper = {.server = arg};
  struct http_server *server = keeper.server;
  while (!atomic_load(&server->is_stopping)) {
    wait_for_events(&keeper);
    if (atomic_load(&server->is_draining))
      drain_step(&keeper);
  }
  if (server->listen_fd >= 0)
    close_listener(server);
  return NULL;
}

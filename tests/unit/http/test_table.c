/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections and their deadlines, with socket pairs in place of clients. */
#include "src/http/http_internal.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TCase *tcase_table(void);

static struct http_server server;
static struct worker worker;

static void setup(void) {
  memset(&server, 0, sizeof(server));
  memset(&worker, 0, sizeof(worker));
  worker.server = &server;
  server.limits = (struct http_limits){.handshake_ms = -1,
                                       .header_ms = -1,
                                       .body_ms = -1,
                                       .reply_ms = -1,
                                       .idle_ms = -1,
                                       .connections = -1,
                                       .connections_per_peer = -1};
  table_init(&server.table);
}

static void teardown(void) {
  while (server.table.count > 0)
    table_remove(&server, server.table.conns[0]);
  table_done(&server.table);
}

static struct sockaddr_storage address(const char *text) {
  struct sockaddr_storage addr = {0};
  struct sockaddr_in *in4 = (struct sockaddr_in *)&addr;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;
  if (inet_pton(AF_INET, text, &in4->sin_addr) == 1)
    in4->sin_family = AF_INET;
  else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
    in6->sin6_family = AF_INET6;
  return addr;
}

static struct conn *add(int fd, const char *peer) {
  struct sockaddr_storage addr = address(peer);
  return table_add(&server, fd, &addr);
}

static const struct {
  const char *name;
  const char *address;
  const char *peer;
} peers[] = {
    {"IPv4", "192.0.2.7", "192.0.2.7"},
    {"IPv4 on an IPv6 socket", "::ffff:192.0.2.7", "192.0.2.7"},
    {"IPv6", "2001:db8::1", "2001:db8::1"},
};

START_TEST(peers_are_named_as_people_write_them) {
  struct conn *conn = add(5, peers[_i].address);
  ck_assert_msg(strcmp(conn->peer, peers[_i].peer) == 0, "%s: %s", peers[_i].name, conn->peer);
  table_remove(&server, conn);
}
END_TEST

START_TEST(entries_come_and_go_in_any_order) {
  enum { COUNT = 200 };
  struct conn *conns[COUNT];
  for (int i = 0; i < COUNT; i++)
    conns[i] = add(i, "192.0.2.7");
  for (int i = 0; i < COUNT; i++)
    table_remove(&server, conns[i * 77 % COUNT]); /* 77 and 200 have no common divisor */
  ck_assert_int_eq(table_count(&server), 0);
}
END_TEST

START_TEST(the_cap_over_all) {
  server.limits.connections = 2;
  struct conn *first = add(3, "192.0.2.1");
  ck_assert_ptr_nonnull(add(4, "192.0.2.2"));
  ck_assert_ptr_null(add(5, "192.0.2.3"));
  table_remove(&server, first);
  ck_assert_ptr_nonnull(add(5, "192.0.2.3"));
}
END_TEST

START_TEST(the_cap_for_one_address) {
  server.limits.connections_per_peer = 1;
  ck_assert_ptr_nonnull(add(3, "192.0.2.1"));
  ck_assert_ptr_null(add(4, "192.0.2.1"));
  ck_assert_msg(add(4, "::ffff:192.0.2.1") == NULL, "the same address in another form");
  ck_assert_ptr_nonnull(add(4, "192.0.2.2"));
}
END_TEST

/* Whether a socket has been cut after a sweep: o open, e the end. */
static char state_after_sweep(int ours, bool *ret_can_write) {
  char byte = 'x';
  worker_sweep(&worker);
  struct pollfd poller = {.fd = ours, .events = POLLRDHUP};
  bool is_shut = poll(&poller, 1, 0) == 1;
  *ret_can_write = send(ours, &byte, 1, MSG_NOSIGNAL) == 1;

  return is_shut ? 'e' : 'o';
}

static const struct {
  const char *name;
  enum phase phase;
  int64_t struct_offset; /* of its limit; -1: it has none */
  bool can_still_write;  /* after being cut */
} phases[] = {
    {"handshake", PHASE_HANDSHAKE, offsetof(struct http_limits, handshake_ms), false},
    {"idle", PHASE_IDLE, offsetof(struct http_limits, idle_ms), true},
    {"header", PHASE_HEADER, offsetof(struct http_limits, header_ms), false},
    {"body", PHASE_BODY, offsetof(struct http_limits, body_ms), false},
    {"working", PHASE_WORKING, -1, true},
    {"reply", PHASE_REPLY, offsetof(struct http_limits, reply_ms), false},
};

START_TEST(each_phase_has_its_own_deadline) {
  int pair[2];
  bool can_write;
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  struct conn *conn = add(pair[0], "192.0.2.1");
  worker.conns = conn;
  conn->phase = phases[_i].phase;
  conn->phase_began.ns = sys_mono_now().ns - (int64_t)2000000000;
  /* Two seconds old: other phases' limits do not matter, nor does its own of an hour. */
  int64_t *limits[] = {&server.limits.handshake_ms, &server.limits.header_ms,
                       &server.limits.body_ms, &server.limits.reply_ms, &server.limits.idle_ms};
  int64_t *own = phases[_i].struct_offset >= 0
                     ? (int64_t *)((char *)&server.limits + phases[_i].struct_offset)
                     : NULL;
  for (size_t i = 0; i < SG_ARRAY_LEN(limits); i++)
    *limits[i] = limits[i] == own ? 3600000 : 1000;
  ck_assert_msg(state_after_sweep(pair[0], &can_write) == 'o', "%s: cut too early",
                phases[_i].name);
  if (own) {
    *own = 1000;
    ck_assert_msg(state_after_sweep(pair[0], &can_write) == 'e', "%s: not cut", phases[_i].name);
    ck_assert_int_eq(can_write, phases[_i].can_still_write);
    ck_assert_int_eq(atomic_load(&server.counters.expired[phases[_i].phase]), 1);
    worker_sweep(&worker);
    ck_assert_msg(atomic_load(&server.counters.expired[phases[_i].phase]) == 1, "%s: counted twice",
                  phases[_i].name);
  }
  (void)close(pair[0]);
  (void)close(pair[1]);
}
END_TEST

static const struct {
  const char *name;
  enum phase phase;
  int64_t age_ms;
  bool is_cut;
} draining[] = {
    {"idle for long enough", PHASE_IDLE, 2000, true},
    {"idle for a moment", PHASE_IDLE, 100, false},
    {"in the middle of a request", PHASE_BODY, 2000, false},
    {"waiting for a handler", PHASE_WORKING, 2000, false},
    {"in its handshake", PHASE_HANDSHAKE, 2000, false},
};

START_TEST(a_drain_ends_idle_ones_only) {
  int pair[2];
  bool can_write;
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  struct conn *conn = add(pair[0], "192.0.2.1");
  worker.conns = conn;
  conn->phase = draining[_i].phase;
  conn->phase_began.ns = sys_mono_now().ns - draining[_i].age_ms * 1000000;
  ck_assert_int_eq(state_after_sweep(pair[0], &can_write), 'o');
  atomic_store(&server.drain_idle_ms, 1000);
  atomic_store(&server.is_draining, true);
  ck_assert_msg((state_after_sweep(pair[0], &can_write) == 'e') == draining[_i].is_cut, "%s",
                draining[_i].name);
  ck_assert_msg(can_write, "%s: an answer must still go out", draining[_i].name);
  (void)close(pair[0]);
  (void)close(pair[1]);
}
END_TEST

static const struct {
  const char *name;
  struct http_limits limits;
  int64_t tick_ms;
} ticks[] = {
    {"usual limits", {.handshake_ms = 10000, .idle_ms = 120000}, 100},
    {"a small one", {.header_ms = 200}, 50},
    {"a tiny one", {.body_ms = 3}, 10},
    {"none", {-1, -1, -1, -1, -1, -1, -1, -1, -1}, 100},
};

START_TEST(deadlines_are_noticed_in_proportion) {
  server.limits = ticks[_i].limits;
  int64_t *all[] = {&server.limits.handshake_ms, &server.limits.header_ms, &server.limits.body_ms,
                    &server.limits.reply_ms, &server.limits.idle_ms};
  for (size_t i = 0; i < SG_ARRAY_LEN(all); i++) {
    if (*all[i] == 0)
      *all[i] = -1;
  }
  server_choose_tick(&server);
  ck_assert_msg(server.tick_ms == ticks[_i].tick_ms, "%s: %d", ticks[_i].name, (int)server.tick_ms);
}
END_TEST

TCase *tcase_table(void) {
  TCase *tc = tcase_create("table");
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_loop_test(tc, peers_are_named_as_people_write_them, 0, (int)SG_ARRAY_LEN(peers));
  tcase_add_test(tc, entries_come_and_go_in_any_order);
  tcase_add_test(tc, the_cap_over_all);
  tcase_add_test(tc, the_cap_for_one_address);
  tcase_add_loop_test(tc, each_phase_has_its_own_deadline, 0, (int)SG_ARRAY_LEN(phases));
  tcase_add_loop_test(tc, a_drain_ends_idle_ones_only, 0, (int)SG_ARRAY_LEN(draining));
  tcase_add_loop_test(tc, deadlines_are_noticed_in_proportion, 0, (int)SG_ARRAY_LEN(ticks));
  return tc;
}

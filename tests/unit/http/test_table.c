/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections, with socket pairs in place of clients. */
#include "src/http/http_internal.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TCase *tcase_table(void);

static struct http_server server;
static struct worker workers[3];

static void setup(void) {
  memset(&server, 0, sizeof(server));
  memset(workers, 0, sizeof(workers));
  server.workers = workers;
  server.worker_count = SG_ARRAY_LEN(workers);
  server.limits = (struct http_limits){.handshake_ms = -1,
                                       .header_ms = -1,
                                       .body_ms = -1,
                                       .reply_ms = -1,
                                       .idle_ms = -1,
                                       .connections = -1,
                                       .connections_per_peer = -1};
  (void)pthread_mutex_init(&server.drain_mutex, NULL);
  table_init(&server.table);
}

static void teardown(void) {
  table_done(&server.table);
  (void)pthread_mutex_destroy(&server.drain_mutex);
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
  table_remove(conn);
}
END_TEST

START_TEST(found_by_descriptor_until_removed) {
  struct conn *conn = add(300, "192.0.2.7");
  ck_assert_ptr_eq(table_find(&server.table, 300), conn);
  ck_assert_ptr_null(table_find(&server.table, 299));
  ck_assert_ptr_null(table_find(&server.table, 1 << 20));
  ck_assert_ptr_null(table_find(&server.table, -1));
  ck_assert_int_eq(table_count(&server.table), 1);
  table_remove(conn);
  ck_assert_ptr_null(table_find(&server.table, 300));
  ck_assert_int_eq(table_count(&server.table), 0);
}
END_TEST

START_TEST(spread_over_the_workers) {
  struct conn *conns[6];
  for (int i = 0; i < 6; i++)
    conns[i] = add(i, "192.0.2.7");
  for (size_t i = 0; i < 3; i++)
    ck_assert_int_eq(workers[i].connections, 2);
  size_t freed = conns[4]->worker;
  table_remove(conns[4]);
  ck_assert_uint_eq(add(9, "192.0.2.7")->worker, freed);
}
END_TEST

START_TEST(the_cap_over_all) {
  server.limits.connections = 2;
  struct conn *first = add(3, "192.0.2.1");
  ck_assert_ptr_nonnull(add(4, "192.0.2.2"));
  ck_assert_ptr_null(add(5, "192.0.2.3"));
  table_remove(first);
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

START_TEST(a_descriptor_that_comes_again_replaces_its_entry) {
  ck_assert_ptr_nonnull(add(3, "192.0.2.1"));
  struct conn *again = add(3, "192.0.2.2");
  ck_assert_ptr_eq(table_find(&server.table, 3), again);
  ck_assert_int_eq(table_count(&server.table), 1);
  ck_assert_int_eq(workers[0].connections + workers[1].connections + workers[2].connections, 1);
}
END_TEST

/* Whether a socket has been cut after a sweep: o open, e the end. */
static char state_after_sweep(int ours, bool *ret_can_write) {
  char byte = 'x';
  table_sweep(&server);
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
    {"queued", PHASE_QUEUED, -1, true},
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
  int64_t began = sys_mono_now().ns - (int64_t)2000000000;
  atomic_store(&conn->state, (began & ~(int64_t)7) | (int64_t)phases[_i].phase);
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
    table_sweep(&server);
    ck_assert_msg(atomic_load(&server.counters.expired[phases[_i].phase]) == 1, "%s: counted twice",
                  phases[_i].name);
  }
  table_remove(conn);
  (void)close(pair[0]);
  (void)close(pair[1]);
}
END_TEST

TCase *tcase_table(void) {
  TCase *tc = tcase_create("table");
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_loop_test(tc, peers_are_named_as_people_write_them, 0, (int)SG_ARRAY_LEN(peers));
  tcase_add_test(tc, found_by_descriptor_until_removed);
  tcase_add_test(tc, spread_over_the_workers);
  tcase_add_test(tc, the_cap_over_all);
  tcase_add_test(tc, the_cap_for_one_address);
  tcase_add_test(tc, a_descriptor_that_comes_again_replaces_its_entry);
  tcase_add_loop_test(tc, each_phase_has_its_own_deadline, 0, (int)SG_ARRAY_LEN(phases));
  return tc;
}

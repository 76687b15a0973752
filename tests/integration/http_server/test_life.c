/* SPDX-License-Identifier: Apache-2.0 */
/* Start, certificate reload, drain and restart, under load and without a failed call. */
#include "tests/integration/http_server/client.h"
#include "tests/integration/http_server/fixture.h"
#include "tests/integration/http_server/hammer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TCase *tcase_life(void);

/* ---- start ------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  const char *address;
  const char *cert;
  enum err_code code;
} bad_configs[] = {
    {"an address that is none", "localhost", NULL, ERR_INVALID},
    {"an address of another machine", "192.0.2.1", NULL, ERR_UNAVAILABLE},
    {"no certificate", "127.0.0.1", "", ERR_INVALID},
    {"a certificate that is none", "127.0.0.1",
     "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ERR_INVALID},
};

START_TEST(start_says_what_is_wrong) {
  struct err err = {0};
  struct pair pair;
  pair_make(&pair);
  struct http_config config = {.address = bad_configs[_i].address,
                               .cert_pem = bad_configs[_i].cert ? str_of(bad_configs[_i].cert)
                                                                : buf_str(&pair.cert),
                               .key_pem = buf_str(&pair.key)};
  ck_assert_msg(http_server_start(&config, &err) == NULL, "%s", bad_configs[_i].name);
  ck_assert_msg(err.code == bad_configs[_i].code, "%s: %d %s", bad_configs[_i].name, err.code,
                err.text);
  ck_assert_uint_gt(strlen(err.text), 10);
  pair_done(&pair);
}
END_TEST

START_TEST(listens_on_everything_by_default) {
  struct err err = {0};
  struct pair pair;
  pair_make(&pair);
  struct http_config config = {.cert_pem = buf_str(&pair.cert), .key_pem = buf_str(&pair.key)};
  struct http_server *any = http_server_start(&config, &err);
  ck_assert_msg(any != NULL, "%s", err.text);
  ck_assert_int_eq(call_once(http_server_port(any), "GET", "/", NULL), 404); /* over IPv4 */
  http_server_stop(any);
  pair_done(&pair);
}
END_TEST

START_TEST(stop_in_the_middle_of_everything) {
  struct client clients[20];
  for (size_t i = 0; i < SG_ARRAY_LEN(clients); i++) {
    ck_assert(client_open(&clients[i], port));
    (void)client_send_text(&clients[i], i % 3 ? "GET /big HTTP/1.1\r\nHost: x\r\n\r\n" : "POST /e");
  }
  int fd_only = tcp_open(port, NULL);
  http_server_stop(server);
  server = fixture_start(NULL, 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(clients); i++) {
    ck_assert(client_sees_end(&clients[i]));
    client_close(&clients[i]);
  }
  struct client tcp = {.fd = fd_only};
  ck_assert(client_sees_end(&tcp));
  client_close(&tcp);
}
END_TEST

/* ---- reload ------------------------------------------------------------------------------ */

START_TEST(new_connections_get_the_new_certificate) {
  CLEANUP_CLIENT struct client old;
  CLEANUP_CLIENT struct client fresh;
  CLEANUP_REPLY struct reply reply = {0};
  struct err err;
  struct pair pair;
  char before[64];
  char after[64];
  pair_make(&pair);
  ck_assert(client_open(&old, port));
  client_peer_serial(&old, before);
  ck_assert(http_server_reload(server, buf_str(&pair.cert), buf_str(&pair.key), STR_LIT(""), &err));
  ck_assert(client_open(&fresh, port));
  client_peer_serial(&fresh, after);
  ck_assert_str_ne(before, after);
  ck_assert(client_call(&old, "GET", "/hello", NULL, &reply));
  ck_assert_int_eq(reply.status, 200);
  pair_done(&pair);
}
END_TEST

START_TEST(a_bad_pair_leaves_the_old_one) {
  struct err err = {0};
  struct pair one;
  struct pair two;
  CLEANUP_CLIENT struct client first;
  CLEANUP_CLIENT struct client second;
  char before[64];
  char after[64];
  pair_make(&one);
  pair_make(&two);
  ck_assert(client_open(&first, port));
  client_peer_serial(&first, before);
  ck_assert(!http_server_reload(server, buf_str(&one.cert), buf_str(&two.key), STR_LIT(""), &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert(!http_server_reload(server, STR_LIT("rubbish"), buf_str(&two.key), STR_LIT(""), &err));
  ck_assert(!http_server_reload(server, (struct str){0}, (struct str){0}, STR_LIT(""), &err));
  struct str half = {one.cert.ptr, one.cert.len / 2};
  ck_assert(!http_server_reload(server, half, buf_str(&one.key), STR_LIT(""), &err));
  ck_assert(client_open(&second, port));
  client_peer_serial(&second, after);
  ck_assert_str_eq(before, after);
  pair_done(&one);
  pair_done(&two);
}
END_TEST

/* Waits until both kinds of clients have made this many more calls. */
static void expect_progress(struct hammer *a, struct hammer *b, int64_t calls) {
  int64_t a_goal = atomic_load(&a->calls) + calls;
  int64_t b_goal = atomic_load(&b->calls) + calls;
  WAIT_UNTIL(atomic_load(&a->calls) >= a_goal && atomic_load(&b->calls) >= b_goal);
}

static void expect_no_failure(struct hammer *hammer) {
  hammer_stop(hammer);
  const char *what = atomic_load(&hammer->first_failure);
  ck_assert_msg(atomic_load(&hammer->failures) == 0, "%d of %d calls failed, first at: %s",
                (int)atomic_load(&hammer->failures), (int)atomic_load(&hammer->calls),
                what ? what : "");
}

START_TEST(reload_under_load_fails_no_call) {
  struct hammer keeping;
  struct hammer opening;
  struct pair pairs[2];
  struct err err;
  pair_make(&pairs[0]);
  pair_make(&pairs[1]);
  hammer_start(&keeping, port, 2, true);
  hammer_start(&opening, port, 2, false);
  for (int i = 0; i < 20; i++) {
    ck_assert(http_server_reload(server, buf_str(&pairs[i % 2].cert), buf_str(&pairs[i % 2].key),
                                 STR_LIT(""), &err));
    expect_progress(&keeping, &opening, 10);
  }
  ck_assert_int_eq(atomic_load(&keeping.connections), 2); /* never reconnected */
  expect_no_failure(&keeping);
  expect_no_failure(&opening);
  pair_done(&pairs[0]);
  pair_done(&pairs[1]);
}
END_TEST

/* ---- drain ------------------------------------------------------------------------------- */

struct draining {
  pthread_t thread;
  struct http_drain settings;
  bool is_drained;
};

static void *drain_main(void *arg) {
  struct draining *draining = arg;
  draining->is_drained = http_server_drain(server, &draining->settings);
  return NULL;
}

static void drain_begin(struct draining *draining, struct http_drain settings) {
  *draining = (struct draining){.settings = settings};
  ck_assert_int_eq(pthread_create(&draining->thread, NULL, drain_main, draining), 0);
}

static bool drain_end(struct draining *draining) {
  (void)pthread_join(draining->thread, NULL);
  return draining->is_drained;
}

START_TEST(drain_of_an_unused_server_is_quick) {
  struct sys_mono began = sys_mono_now();
  ck_assert(http_server_drain(server, &(struct http_drain){0}));
  ck_assert_int_lt(sys_mono_us_between(began, sys_mono_now()), 10000000);
  ck_assert_int_eq(tcp_open(port, NULL), -1);
}
END_TEST

/* Without a request, which might have to wait for the thread of a handler that waits. */
static bool is_port_closed(void) {
  int fd = tcp_open(port, NULL);
  if (fd >= 0)
    (void)close(fd);
  return fd < 0;
}

START_TEST(drain_answers_what_is_in_flight) {
  CLEANUP_CLIENT struct client busy;
  CLEANUP_CLIENT struct client idle;
  CLEANUP_CLIENT struct client midway;
  CLEANUP_REPLY struct reply reply = {0};
  struct draining draining;
  ck_assert(client_open(&busy, port) && client_open(&idle, port) && client_open(&midway, port));
  ck_assert(client_send_text(&busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
  while (sem_wait(&fixture_entered) != 0)
    ;
  ck_assert(
      client_send_text(&midway, "POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"));
  WAIT_UNTIL(fixture_stats().in_flight == 2);
  drain_begin(&draining, (struct http_drain){.idle_ms = 10000000, .deadline_ms = 60000});
  WAIT_UNTIL(is_port_closed());
  /* What was begun is finished; what still comes on open connections is answered; each is told. */
  (void)sem_post(&fixture_release);
  ck_assert(client_reply(&busy, &reply));
  ck_assert_str_eq(reply.body, "waited");
  ck_assert(client_sees_end(&busy));
  reply_done(&reply);
  ck_assert(client_send_text(&midway, "}"));
  ck_assert(client_reply(&midway, &reply));
  ck_assert_str_eq(reply.body, "{}");
  ck_assert(reply_has(&reply, "Connection: close"));
  ck_assert(client_sees_end(&midway));
  reply_done(&reply);
  ck_assert(client_call(&idle, "GET", "/hello", NULL, &reply));
  ck_assert_str_eq(reply.body, "hello");
  ck_assert(reply_has(&reply, "Connection: close"));
  ck_assert(client_sees_end(&idle));
  ck_assert(drain_end(&draining));
  fixture_expect_idle();
}
END_TEST

START_TEST(drain_closes_idle_connections) {
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  ck_assert(http_server_drain(server, &(struct http_drain){.idle_ms = 50}));
  ck_assert(client_sees_end(&client));
  ck_assert_int_eq(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}
END_TEST

START_TEST(drain_has_a_deadline) {
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  ck_assert(client_send_text(&client, "GET /hel")); /* and no more */
  struct draining draining;
  drain_begin(&draining, (struct http_drain){.deadline_ms = 400});
  ck_assert(!drain_end(&draining));
  http_server_stop(server);
  server = fixture_start(NULL, 0);
  ck_assert(client_sees_end(&client));
}
END_TEST

START_TEST(drain_keeps_the_door_open_for_a_while) {
  struct draining draining;
  drain_begin(&draining, (struct http_drain){.accept_ms = 300});
  struct sys_mono began = sys_mono_now();
  int calls = 0;
  while (call_once(port, "GET", "/hello", NULL) == 200)
    calls++;
  ck_assert_int_ge(sys_mono_us_between(began, sys_mono_now()), 250000);
  ck_assert_int_gt(calls, 0);
  ck_assert(drain_end(&draining));
}
END_TEST

/* The restart: a successor on the same port, then the drain; over and over. */
START_TEST(restarts_under_load_fail_no_call) {
  enum { RESTARTS = 8 };
  struct hammer keeping;
  struct hammer opening;
  hammer_start(&keeping, port, 2, true);
  hammer_start(&opening, port, 3, false);
  for (int i = 0; i < RESTARTS; i++) {
    expect_progress(&keeping, &opening, 20);
    struct http_server *successor = fixture_start(NULL, port);
    ck_assert_uint_eq(http_server_port(successor), port);
    ck_assert_msg(http_server_drain(server, &(struct http_drain){0}), "restart %d: not drained", i);
    http_server_stop(server);
    server = successor;
  }
  expect_progress(&keeping, &opening, 20);
  ck_assert_int_gt(atomic_load(&keeping.connections), 2); /* told to go, they came back */
  expect_no_failure(&keeping);
  expect_no_failure(&opening);
}
END_TEST

TCase *tcase_life(void) {
  TCase *tc = tcase_create("life");
  tcase_set_timeout(tc, 300);
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_add_loop_test(tc, start_says_what_is_wrong, 0, (int)SG_ARRAY_LEN(bad_configs));
  tcase_add_test(tc, listens_on_everything_by_default);
  tcase_add_test(tc, stop_in_the_middle_of_everything);
  tcase_add_test(tc, new_connections_get_the_new_certificate);
  tcase_add_test(tc, a_bad_pair_leaves_the_old_one);
  tcase_add_test(tc, reload_under_load_fails_no_call);
  tcase_add_test(tc, drain_of_an_unused_server_is_quick);
  tcase_add_test(tc, drain_answers_what_is_in_flight);
  tcase_add_test(tc, drain_closes_idle_connections);
  tcase_add_test(tc, drain_has_a_deadline);
  tcase_add_test(tc, drain_keeps_the_door_open_for_a_while);
  tcase_add_test(tc, restarts_under_load_fail_no_call);
  return tc;
}

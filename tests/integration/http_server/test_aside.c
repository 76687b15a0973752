/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that wait keep nobody else waiting. */
#include "tests/integration/http_server/client.h"
#include "tests/integration/http_server/fixture.h"

#include <pthread.h>
#include <stdatomic.h>

TCase *tcase_aside(void);

static const char wait_aside[] =
    "POST /aside?q=x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";

static void entered(void) {
  while (sem_wait(&fixture_entered) != 0)
    ;
}

/* One thread for all connections, one for those that wait. */
static void start_small(bool is_plain) {
  http_server_stop(server);
  server = fixture_start_with(
      (struct http_config){.threads = 1, .waiting_threads = 1, .plain_http = is_plain});
  port = http_server_port(server);
}

static void open_client(struct client *client, bool is_plain) {
  ck_assert(client_open_with(client, port, &(struct client_options){.plain_http = is_plain}));
}

/* Handlers that always wait, and one that finds that it has to. */
START_TEST(others_are_answered_meanwhile) {
  static const struct {
    const char *waits, *quick, *echo;
  } rows[] = {{"/aside", "/echo", "/aside/echo"},
              {"/maybe", "/maybe", "/maybe"},
              {"/long", "/long", "/long"},
              {"/long", "/maybe", "/maybe"}};
  const bool is_plain = _i % 2;
  CLEANUP_CLIENT struct client waits;
  CLEANUP_CLIENT struct client other;
  CLEANUP_REPLY struct reply reply = {0};
  CLEANUP_REPLY struct reply again = {0};
  CLEANUP_REPLY struct reply hello = {0};
  CLEANUP_REPLY struct reply quick = {0};
  char request[128];
  (void)snprintf(request, sizeof(request),
                 "POST %s?q=x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
                 rows[_i / 2].waits);
  start_small(is_plain);
  open_client(&waits, is_plain);
  open_client(&other, is_plain);
  ck_assert(client_send_text(&waits, request));
  entered();
  ck_assert(client_call(&other, "GET", "/hello", NULL, &hello));
  ck_assert_int_eq(hello.status, 200);
  ck_assert(client_call(&other, "POST", rows[_i / 2].quick, "quick", &quick));
  ck_assert_str_eq(quick.body, "quick");
  WAIT_UNTIL(fixture_stats().in_flight == 1);
  (void)sem_post(&fixture_release);
  ck_assert(client_reply(&waits, &reply));
  ck_assert_int_eq(reply.status, 200);
  ck_assert_str_eq(reply.body, "waited x body");
  ck_assert(!reply_has(&reply, "Connection: close"));
  /* The connection goes on. */
  ck_assert(client_call(&waits, "POST", rows[_i / 2].echo, "more", &again));
  ck_assert_str_eq(again.body, "more");
}
END_TEST

START_TEST(each_has_its_turn) {
  struct client clients[6];
  start_small(false);
  for (size_t i = 0; i < SG_ARRAY_LEN(clients); i++) {
    open_client(&clients[i], false);
    ck_assert(client_send_text(&clients[i], wait_aside));
  }
  for (size_t i = 0; i < SG_ARRAY_LEN(clients); i++)
    (void)sem_post(&fixture_release);
  for (size_t i = 0; i < SG_ARRAY_LEN(clients); i++) {
    CLEANUP_REPLY struct reply reply = {0};
    ck_assert(client_reply(&clients[i], &reply));
    ck_assert_str_eq(reply.body, "waited x body");
    client_close(&clients[i]);
  }
}
END_TEST

static void *stop(void *ctx) {
  http_server_stop(ctx);
  return NULL;
}

/* The one that waits is let end, the one behind it is not begun; nobody hangs. */
START_TEST(stop_while_handlers_wait) {
  struct client clients[3];
  pthread_t thread;
  start_small(_i);
  for (size_t i = 0; i < SG_ARRAY_LEN(clients); i++) {
    open_client(&clients[i], _i);
    ck_assert(client_send_text(&clients[i], wait_aside));
  }
  entered();
  ck_assert_int_eq(pthread_create(&thread, NULL, stop, server), 0);
  fixture_pause();
  (void)sem_post(&fixture_release);
  (void)sem_post(&fixture_release);
  (void)sem_post(&fixture_release);
  (void)pthread_join(thread, NULL);
  server = NULL;
  for (size_t i = 0; i < SG_ARRAY_LEN(clients); i++) {
    ck_assert(client_sees_end(&clients[i]));
    client_close(&clients[i]);
  }
}
END_TEST

START_TEST(a_drain_lets_them_end) {
  CLEANUP_CLIENT struct client waits;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&waits, port));
  ck_assert(client_send_text(&waits, wait_aside));
  entered();
  ck_assert(!http_server_drain(server, &(struct http_drain){.deadline_ms = 200}));
  (void)sem_post(&fixture_release);
  ck_assert(client_reply(&waits, &reply));
  ck_assert_str_eq(reply.body, "waited x body");
  ck_assert(reply_has(&reply, "Connection: close"));
}
END_TEST

START_TEST(the_client_goes_while_its_handler_waits) {
  struct client waits;
  start_small(_i);
  open_client(&waits, _i);
  ck_assert(client_send_text(&waits, wait_aside));
  entered();
  client_close(&waits);
  (void)sem_post(&fixture_release);
  fixture_expect_idle();
  ck_assert_int_eq(
      call_once_with(port, &(struct client_options){.plain_http = _i}, "GET", "/hello", NULL), 200);
}
END_TEST

static atomic_int answered;

static void *echo_many(void *ctx) {
  (void)ctx;
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  for (int i = 0; i < 200; i++) {
    CLEANUP_REPLY struct reply reply = {0};
    if (client_call(&client, "POST", i % 3 ? "/aside/echo" : "/echo", "{\"a\":1}", &reply) &&
        reply.status == 200)
      atomic_fetch_add(&answered, 1);
  }
  return NULL;
}

START_TEST(many_at_once) {
  pthread_t threads[8];
  atomic_store(&answered, 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(threads); i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, echo_many, NULL), 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(threads); i++)
    (void)pthread_join(threads[i], NULL);
  ck_assert_int_eq(atomic_load(&answered), 200 * (int)SG_ARRAY_LEN(threads));
}
END_TEST

TCase *tcase_aside(void) {
  TCase *tc = tcase_create("aside");
  tcase_set_timeout(tc, 120);
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_add_loop_test(tc, others_are_answered_meanwhile, 0, 8);
  tcase_add_test(tc, each_has_its_turn);
  tcase_add_loop_test(tc, stop_while_handlers_wait, 0, 2);
  tcase_add_test(tc, a_drain_lets_them_end);
  tcase_add_loop_test(tc, the_client_goes_while_its_handler_waits, 0, 2);
  tcase_add_test(tc, many_at_once);
  return tc;
}

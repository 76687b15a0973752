/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP without TLS, which is for loopback alone, and answers that end a connection. */
#include "tests/integration/http_server/client.h"
#include "tests/integration/http_server/fixture.h"
#include "tests/integration/http_server/hammer.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

TCase *tcase_plain(void);

static const struct client_options in_plain = {.plain_http = true};

static void restart(struct http_config config) {
  http_server_stop(server);
  server = fixture_start_with(config);
  port = http_server_port(server);
}

static void setup(void) {
  fixture_setup();
  restart((struct http_config){.plain_http = true});
}

START_TEST(requests_without_tls) {
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open_with(&client, port, &in_plain));
  for (int i = 0; i < 3; i++) {
    CLEANUP_REPLY struct reply reply = {0};
    ck_assert(client_call(&client, "POST", "/echo", "{\"a\":1}", &reply));
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(reply.body, "{\"a\":1}");
  }
  CLEANUP_REPLY struct reply big = {0};
  ck_assert(client_call(&client, "GET", "/big", NULL, &big));
  ck_assert_uint_eq(big.body_len, BIG_BYTES);
  CLEANUP_REPLY struct reply missing = {0};
  ck_assert(client_call(&client, "GET", "/nothing", NULL, &missing));
  ck_assert_int_eq(missing.status, 404);
  int64_t count;
  WAIT_UNTIL(fixture_last_access(&count).status == 404);
  ck_assert_int_eq(fixture_stats().handshake_fails, 0);
}
END_TEST

/* A body of many reads, as kube-scheduler's names of 15,000 nodes are. */
START_TEST(a_large_body) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  CLEANUP_BUF struct buf body;
  buf_init(&body, 4 << 20);
  for (int i = 0; i < 50000; i++)
    buf_printf(&body, "\"node-%05d.example.com\",", i);
  ck_assert(client_open_with(&client, port, &in_plain));
  ck_assert(client_call(&client, "POST", "/echo", body.ptr, &reply));
  ck_assert_uint_eq(reply.body_len, body.len);
  ck_assert_str_eq(reply.body, body.ptr);
}
END_TEST

START_TEST(tls_to_a_plain_port_is_refused_quickly) {
  CLEANUP_CLIENT struct client client;
  ck_assert(!client_open(&client, port));
  ck_assert_int_eq(call_once_with(port, &in_plain, "GET", "/hello", NULL), 200);
}
END_TEST

START_TEST(sixteen_keep_alive_connections) {
  struct hammer hammer;
  restart((struct http_config){.plain_http = true, .threads = (unsigned)_i});
  hammer_start_with(&hammer, port, HAMMER_THREADS_MAX, true, &in_plain);
  WAIT_UNTIL(atomic_load(&hammer.calls) >= 2000);
  ck_assert_int_eq(fixture_stats().connections, HAMMER_THREADS_MAX);
  hammer_stop(&hammer);
  ck_assert_int_eq(atomic_load(&hammer.failures), 0);
  ck_assert_int_eq(atomic_load(&hammer.connections), HAMMER_THREADS_MAX);
  fixture_expect_idle();
}
END_TEST

START_TEST(restart_under_load_fails_no_call) {
  struct hammer keeping;
  struct hammer opening;
  hammer_start_with(&keeping, port, 2, true, &in_plain);
  hammer_start_with(&opening, port, 2, false, &in_plain);
  for (int i = 0; i < 4; i++) {
    int64_t goal = atomic_load(&keeping.calls) + 20;
    WAIT_UNTIL(atomic_load(&keeping.calls) >= goal);
    struct http_server *successor =
        fixture_start_with((struct http_config){.plain_http = true, .port = port});
    ck_assert(http_server_drain(server, &(struct http_drain){0}));
    http_server_stop(server);
    server = successor;
  }
  hammer_stop(&keeping);
  hammer_stop(&opening);
  ck_assert_int_eq(atomic_load(&keeping.failures), 0);
  ck_assert_int_eq(atomic_load(&opening.failures), 0);
}
END_TEST

static int64_t cpu_us(void) {
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Half a header, half a body, nothing at all: no thread spins, and all are ended. */
START_TEST(stalled_connections_take_no_processor_time) {
  enum { STALL_MS = 500 };
  static const char *const starts[] = {
      "", "GET /hel", "POST /any HTTP/1.1\r\nHost: x\r\n",
      "POST /any HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12"};
  struct client clients[SG_ARRAY_LEN(starts)];
  restart((struct http_config){.plain_http = true,
                               .limits = {.idle_ms = STALL_MS + 200,
                                          .header_ms = STALL_MS + 200,
                                          .body_ms = STALL_MS + 200}});
  for (size_t i = 0; i < SG_ARRAY_LEN(starts); i++) {
    ck_assert(client_open_with(&clients[i], port, &in_plain));
    ck_assert(client_send_text(&clients[i], starts[i]));
  }
  struct timespec stall = {.tv_nsec = STALL_MS * 1000000L};
  int64_t before = cpu_us();
  (void)nanosleep(&stall, NULL);
  ck_assert_int_lt(cpu_us() - before, STALL_MS * 1000 / 4);
  for (size_t i = 0; i < SG_ARRAY_LEN(starts); i++) {
    ck_assert(client_sees_end(&clients[i]));
    client_close(&clients[i]);
  }
  fixture_expect_idle();
  ck_assert_int_eq(fixture_stats().expired_idle, 1);
  ck_assert_int_eq(fixture_stats().expired_header, 2);
  ck_assert_int_eq(fixture_stats().expired_body, 1);
}
END_TEST

/* A header has its own limit, however it comes: at first and behind another request. */
START_TEST(a_header_that_drips_is_ended) {
  CLEANUP_CLIENT struct client client;
  const struct timespec drip = {.tv_nsec = 20000000};
  restart((struct http_config){.plain_http = true, .limits = {.header_ms = 300, .idle_ms = 5000}});
  ck_assert(client_open_with(&client, port, &in_plain));
  for (int i = 0; i < _i; i++) {
    CLEANUP_REPLY struct reply reply = {0};
    ck_assert(client_call(&client, "POST", "/echo", "{}", &reply));
  }
  ck_assert(client_send_text(&client, "GET /hello HTTP/1.1\r\nX: "));
  while (fixture_stats().expired_header == 0 && client_send_text(&client, "x"))
    (void)nanosleep(&drip, NULL);
  fixture_expect_idle();
  ck_assert_int_eq(fixture_stats().expired_header, 1);
}
END_TEST

/* ---- where ------------------------------------------------------------------------------- */

static const struct {
  const char *address;
  const char *cert;
  const char *client_ca;
  const char *error; /* NULL: served */
} plain_configs[] = {
    {"127.0.0.1", NULL, NULL, NULL},
    {"127.1.2.3", NULL, NULL, NULL},
    {"::1", NULL, NULL, NULL},
    {NULL, NULL, NULL, "loopback only (127.0.0.1, ::1), not on every address: use TLS"},
    {"0.0.0.0", NULL, NULL, "loopback only (127.0.0.1, ::1), not on 0.0.0.0: use TLS"},
    {"::", NULL, NULL, "not on ::"},
    {"128.0.0.1", NULL, NULL, "not on 128.0.0.1"},
    {"192.0.2.1", NULL, NULL, "not on 192.0.2.1"},
    {"::ffff:10.0.0.1", NULL, NULL, "not on ::ffff:10.0.0.1"},
    {"localhost", NULL, NULL, "not on localhost"},
    {"127.0.0.1", "a certificate", NULL, "plain HTTP has no certificates"},
    {"127.0.0.1", NULL, "a CA", "plain HTTP has no certificates"},
};

START_TEST(plain_http_stays_on_this_machine) {
  struct err err = {0};
  const char *cert = plain_configs[_i].cert;
  const char *client_ca = plain_configs[_i].client_ca;
  struct http_config config = {.address = plain_configs[_i].address,
                               .plain_http = true,
                               .cert_pem = str_of(cert ? cert : ""),
                               .client_ca_pem = str_of(client_ca ? client_ca : "")};
  struct http_server *started = http_server_start(&config, &err);
  if (plain_configs[_i].error) {
    ck_assert_ptr_null(started);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_msg(strstr(err.text, plain_configs[_i].error) != NULL, "%s", err.text);
  } else {
    ck_assert_msg(started != NULL, "%s", err.text);
  }
  http_server_stop(started);
}
END_TEST

/* An empty file in the place of a certificate does not turn TLS off. */
START_TEST(plain_http_must_be_asked_for) {
  struct err err = {0};
  struct http_config config = {.address = "127.0.0.1"};
  ck_assert_ptr_null(http_server_start(&config, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert(!http_server_reload(server, buf_str(&fixture_pair()->cert),
                                buf_str(&fixture_pair()->key), STR_LIT(""), &err));
  ck_assert_str_eq(err.text, "plain HTTP has no certificates");
}
END_TEST

/* ---- answers that end a connection --------------------------------------------------------- */

static int count_of(const char *text, const char *part) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
    count++;
  return count;
}

/* By the handler alone, and while the server does it anyway; with TLS and without. */
START_TEST(an_answer_can_end_the_connection) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  bool uses_tls = _i & 1;
  bool is_told_twice = _i & 2;
  restart((struct http_config){.plain_http = !uses_tls,
                               .limits = {.requests_per_connection = is_told_twice ? 1 : 0}});
  ck_assert(client_open_with(&client, port, uses_tls ? NULL : &in_plain));
  ck_assert(client_call(&client, "POST", "/busy", "{}", &reply));
  ck_assert_int_eq(reply.status, 503);
  ck_assert_str_eq(reply.body, "{\"error\":\"another replica answers\"}\n");
  ck_assert(reply_has(&reply, "Connection: close"));
  ck_assert_int_eq(count_of(reply.head, "\r\nConnection:"), 1);
  ck_assert(client_sees_end(&client));
  fixture_expect_idle();
}
END_TEST

TCase *tcase_plain(void) {
  TCase *tc = tcase_create("plain HTTP");
  tcase_set_timeout(tc, 300);
  tcase_add_checked_fixture(tc, setup, fixture_teardown);
  tcase_add_test(tc, requests_without_tls);
  tcase_add_test(tc, a_large_body);
  tcase_add_test(tc, tls_to_a_plain_port_is_refused_quickly);
  tcase_add_loop_test(tc, sixteen_keep_alive_connections, 1, 3);
  tcase_add_test(tc, restart_under_load_fails_no_call);
  tcase_add_test(tc, stalled_connections_take_no_processor_time);
  tcase_add_loop_test(tc, a_header_that_drips_is_ended, 0, 3);
  tcase_add_loop_test(tc, plain_http_stays_on_this_machine, 0, (int)SG_ARRAY_LEN(plain_configs));
  tcase_add_test(tc, plain_http_must_be_asked_for);
  tcase_add_loop_test(tc, an_answer_can_end_the_connection, 0, 4);
  return tc;
}

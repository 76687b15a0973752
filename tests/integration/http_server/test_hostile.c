/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that are broken, slow or malicious. Whatever one does, the next one is
 * served, nothing stays behind, and a deadline ends what would not end by itself.
 */
#include "tests/integration/http_server/client.h"
#include "tests/integration/http_server/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

TCase *tcase_hostile(void);

#define JSON "Content-Type: application/json\r\n"
/* STR_LIT is no constant for an initializer. */
#define STR_INIT(s)                                                                                \
  { (s), sizeof(s) - 1 }
#define POST "POST /echo HTTP/1.1\r\nHost: x\r\n" JSON

static void expect_served(void) {
  ck_assert_int_eq(call_once(port, "POST", "/echo", "{}"), 200);
}

/* ---- requests that are wrong ------------------------------------------------------------ */

static const struct {
  const char *name;
  const char *request;
  int status; /* 0: closed without an answer will do */
} malformed[] = {
    {"two lengths that differ", POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400},
    {"two lengths that agree", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
    {"a length and chunks", POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"an unknown coding", POST "Transfer-Encoding: gzip\r\n\r\n", 400},
    {"chunks inside another coding", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
    {"a coding twice",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"a negative length", POST "Content-Length: -1\r\n\r\n", 400},
    {"a length with a sign", POST "Content-Length: +2\r\n\r\n{}", 400},
    {"a length in hex", POST "Content-Length: 0x2\r\n\r\n{}", 400},
    {"a list of lengths", POST "Content-Length: 2, 2\r\n\r\n{}", 400},
    {"a length above 64 bits", POST "Content-Length: 99999999999999999999\r\n\r\n", 413},
    {"a length above 63 bits", POST "Content-Length: 18446744073709551615\r\n\r\n", 400},
    {"a giant length, asking first",
     POST "Expect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n", 413},
    {"a chunk size that is none", POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
    {"a negative chunk size", POST "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
    {"a chunk size above 64 bits", POST "Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n",
     413},
    {"a chunk without its end", POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n", 400},
    {"HTTP/1.1 without Host", "GET /hello HTTP/1.1\r\n\r\n", 400},
    {"a header line without a colon", "GET /hello HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400},
    {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0},
    {"a version of the future", "GET /hello HTTP/3.0\r\nHost: x\r\n\r\n", 505},
    {"a blank in the path", "GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n", 0},
    {"a NUL in the path", "GET /hello%00x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0},
    {"an empty line for ever", "\r\n\r\n\r\n\r\n\r\nGET /nothing HTTP/1.0\r\n\r\n", 404},
};

START_TEST(malformed_requests_end_the_connection) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&client, port));
  ck_assert(client_send_text(&client, malformed[_i].request));
  bool is_answered = client_reply(&client, &reply);
  ck_assert_msg(is_answered || malformed[_i].status == 0, "%s: no answer", malformed[_i].name);
  ck_assert_msg(!is_answered || malformed[_i].status == 0 || reply.status == malformed[_i].status,
                "%s: got %d, wanted %d", malformed[_i].name, reply.status, malformed[_i].status);
  /* What follows is not taken for another request. */
  (void)client_send_text(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  ck_assert_msg(client_sees_end(&client), "%s: stays open", malformed[_i].name);
  client_close(&client);
  expect_served();
  fixture_expect_idle();
}
END_TEST

/* A request that is cut off after every one of its bytes. */
START_TEST(truncated_requests_leave_nothing) {
  static const char request[] = POST "Content-Length: 7\r\n\r\n{\"a\":1}";
  for (size_t len = 0; len + 1 < sizeof(request); len++) {
    CLEANUP_CLIENT struct client client;
    ck_assert(client_open(&client, port));
    ck_assert(client_send(&client, (struct str){request, len}));
    if (len % 3 == 0)
      client_half_close(&client);
    /* else the connection just vanishes */
  }
  fixture_expect_idle();
  int64_t count;
  ck_assert_uint_eq(fixture_last_access(&count).status, 0);
  expect_served();
}
END_TEST

START_TEST(a_client_that_does_not_wait_for_its_answer) {
  for (int i = 0; i < 20; i++) {
    CLEANUP_CLIENT struct client client;
    ck_assert(client_open(&client, port));
    ck_assert(client_send_text(&client, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  expect_served();
  fixture_expect_idle();
}
END_TEST

static const struct {
  const char *name;
  const char *begin;
  const char *filler;
  size_t fillers;
} giants[] = {
    {"a giant request line", "GET /", "x", 100000},
    {"a giant header", "GET /hello HTTP/1.1\r\nHost: x\r\nX-A: ", "y", 100000},
    {"countless headers", "GET /hello HTTP/1.1\r\nHost: x\r\n", "X-A: 1\r\n", 20000},
    {"countless arguments", "GET /hello?a=1", "&a=1", 20000},
    {"a header folded without end", "GET /hello HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n", " z\r\n",
     50000},
    {"endless trailers", POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "X-T: 1\r\n",
     20000},
    {"an endless chunk extension", POST "Transfer-Encoding: chunked\r\n\r\n2;", "x", 100000},
};

START_TEST(giant_headers_are_refused) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  CLEANUP_BUF struct buf all;
  buf_init(&all, 1 << 20);
  buf_append_cstr(&all, giants[_i].begin);
  for (size_t i = 0; i < giants[_i].fillers; i++)
    buf_append_cstr(&all, giants[_i].filler);
  ck_assert(client_open(&client, port));
  /* The server may close before it has all of it. */
  bool is_answered = client_send(&client, buf_str(&all)) && client_reply(&client, &reply);
  ck_assert_msg(!is_answered || reply.status >= 400, "%s: got %d", giants[_i].name, reply.status);
  ck_assert_msg(client_sees_end(&client), "%s: stays open", giants[_i].name);
  client_close(&client);
  expect_served();
  fixture_expect_idle();
}
END_TEST

/* ---- not TLS, or not ours ----------------------------------------------------------------- */

static const struct {
  const char *name;
  struct str bytes;
} garbage[] = {
    {"plain HTTP", STR_INIT("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")},
    {"zeros", STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    {"a TLS record that claims too much", STR_INIT("\x16\x03\x01\xff\xff\x01\x00\x00\x00")},
    {"a TLS alert", STR_INIT("\x15\x03\x03\x00\x02\x02\x28")},
    {"application data before the handshake", STR_INIT("\x17\x03\x03\x00\x05hello")},
    {"SSLv2", STR_INIT("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10")},
    {"empty handshake records", STR_INIT("\x16\x03\x01\x00\x00\x16\x03\x01\x00\x00")},
};

START_TEST(garbage_instead_of_tls) {
  fixture_restart(&(struct http_limits){.handshake_ms = 300});
  CLEANUP_CLIENT struct client client = {.fd = tcp_open(port, NULL)};
  ck_assert_int_ge(client.fd, 0);
  ck_assert_int_eq(send(client.fd, garbage[_i].bytes.ptr, garbage[_i].bytes.len, MSG_NOSIGNAL),
                   (ssize_t)garbage[_i].bytes.len);
  ck_assert_msg(client_sees_end(&client), "%s", garbage[_i].name);
  client_close(&client);
  expect_served();
  fixture_expect_idle();
  ck_assert_int_eq(fixture_stats().handshake_fails, 1);
}
END_TEST

static const struct {
  const char *name;
  int version;
  bool is_accepted;
} versions[] = {
    {"TLS 1.0", TLS1_VERSION, false},
    {"TLS 1.1", TLS1_1_VERSION, false},
    {"TLS 1.2", TLS1_2_VERSION, true},
    {"TLS 1.3", TLS1_3_VERSION, true},
};

START_TEST(tls_versions) {
  CLEANUP_CLIENT struct client client;
  bool is_open = client_open_version(&client, port, versions[_i].version, versions[_i].version);
  ck_assert_msg(is_open == versions[_i].is_accepted, "%s", versions[_i].name);
  if (!is_open)
    return;
  CLEANUP_REPLY struct reply reply = {0};
  const unsigned char *alpn = NULL;
  unsigned alpn_len = 0;
  SSL_get0_alpn_selected(client.ssl, &alpn, &alpn_len);
  ck_assert(str_is((struct str){(const char *)alpn, alpn_len}, "http/1.1"));
  ck_assert(client_call(&client, "POST", "/echo", "{}", &reply));
  ck_assert_int_eq(reply.status, 200);
}
END_TEST

START_TEST(renegotiation_is_refused) {
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open_version(&client, port, TLS1_2_VERSION, TLS1_2_VERSION));
  (void)SSL_renegotiate(client.ssl);
  (void)SSL_do_handshake(client.ssl);
  ck_assert(client_sees_end(&client));
  client_close(&client);
  expect_served();
}
END_TEST

/* ---- slow ones ------------------------------------------------------------------------------ */

enum { LIMIT_MS = 300, DRIP_MS = 20, LATE_MS = 5000 };

static void drip_pause(void) {
  struct timespec ts = {.tv_nsec = DRIP_MS * 1000000};
  (void)nanosleep(&ts, NULL);
}

/* Whether the server has closed, without waiting. */
static bool is_closed(const struct client *client) {
  char bytes[4096];
  ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);
  if (n > 0) { /* an alert perhaps; what follows it decides */
    (void)!recv(client->fd, bytes, (size_t)n, MSG_DONTWAIT);
    n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);
  }
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

/*
 * Sends `text` a byte at a time, over and over, until the server closes; returns how
 * long that took. Fails the test when the server does not.
 */
static int64_t drip(struct client *client, const char *text) {
  struct sys_mono began = sys_mono_now();
  size_t len = strlen(text);
  for (size_t i = 0;; i++) {
    int64_t ms = sys_mono_us_between(began, sys_mono_now()) / 1000;
    ck_assert_msg(ms < 10 * LATE_MS, "not closed after %d ms", (int)ms);
    bool is_sent = client->ssl ? client_send(client, (struct str){text + i % len, 1})
                               : send(client->fd, text + i % len, 1, MSG_NOSIGNAL) == 1;
    if (!is_sent || is_closed(client))
      return ms;
    drip_pause();
  }
}

static void expect_between(int64_t ms, int64_t least, const char *what) {
  /* The upper bound is generous: machines that test are busy. A drip that extended
     the deadline would go on for ever. */
  ck_assert_msg(ms >= least && ms <= LATE_MS, "%s: closed after %d ms", what, (int)ms);
}

START_TEST(a_slow_handshake_is_cut) {
  /* A ClientHello that is well-formed as far as it goes: 16384 bytes are announced. */
  char hello[400] = "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03";
  for (size_t i = 11; i + 1 < sizeof(hello); i++)
    hello[i] = 'r';
  fixture_restart(&(struct http_limits){.handshake_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client = {.fd = tcp_open(port, NULL)};
  struct sys_mono began = sys_mono_now();
  size_t sent = 0;
  while (!is_closed(&client)) {
    ck_assert(sent < sizeof(hello));
    (void)send(client.fd, hello + sent++, 1, MSG_NOSIGNAL);
    drip_pause();
  }
  expect_between(sys_mono_us_between(began, sys_mono_now()) / 1000, LIMIT_MS - DRIP_MS,
                 "handshake");
  WAIT_UNTIL(fixture_stats().expired_handshake == 1);
  fixture_expect_idle();
  ck_assert_int_eq(fixture_stats().handshake_fails, 1);
}
END_TEST

START_TEST(a_silent_connection_is_cut) {
  fixture_restart(&(struct http_limits){.handshake_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client = {.fd = tcp_open(port, NULL)};
  ck_assert(client_sees_end(&client));
  ck_assert_int_eq(fixture_stats().expired_handshake, 1);
}
END_TEST

static int64_t cpu_us(void) {
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
         usage.ru_stime.tv_usec;
}

/* libmicrohttpd's own loop spins while a handshake waits; ours must not. */
START_TEST(a_stalled_handshake_takes_no_processor_time) {
  enum { STALL_MS = 1000 };
  fixture_restart(&(struct http_limits){.handshake_ms = STALL_MS});
  CLEANUP_CLIENT struct client client = {.fd = tcp_open(port, NULL)};
  ck_assert_int_eq(send(client.fd, "\x16\x03\x01\x02\x00", 5, MSG_NOSIGNAL), 5);
  WAIT_UNTIL(fixture_stats().connections == 1);
  int64_t before = cpu_us();
  ck_assert(client_sees_end(&client));
  ck_assert_int_lt(cpu_us() - before, STALL_MS * 1000 / 4);
}
END_TEST

START_TEST(a_slow_header_is_cut) {
  fixture_restart(&(struct http_limits){.header_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  int64_t ms =
      drip(&client, "GET /hello HTTP/1.1\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nX-D: 4\r\nX-E: ");
  expect_between(ms, LIMIT_MS - DRIP_MS, "header");
  ck_assert_int_eq(fixture_stats().expired_header, 1);
  client_close(&client);
  expect_served();
}
END_TEST

START_TEST(a_slow_request_line_of_a_second_request_is_cut) {
  fixture_restart(&(struct http_limits){.header_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&client, port));
  ck_assert(client_call(&client, "GET", "/hello", NULL, &reply));
  expect_between(drip(&client, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaa"), LIMIT_MS - DRIP_MS, "second");
  ck_assert_int_eq(fixture_stats().expired_header, 1);
}
END_TEST

START_TEST(a_slow_body_is_cut) {
  fixture_restart(&(struct http_limits){.body_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  ck_assert(client_send_text(&client, POST "Content-Length: 100000\r\n\r\n"));
  expect_between(drip(&client, "x"), LIMIT_MS - DRIP_MS, "body");
  ck_assert_int_eq(fixture_stats().expired_body, 1);
  client_close(&client);
  fixture_expect_idle();
  int64_t count;
  ck_assert_uint_eq(fixture_last_access(&count).status, 0);
}
END_TEST

START_TEST(a_slow_body_that_is_thrown_away_is_cut_too) {
  fixture_restart(&(struct http_limits){.body_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  ck_assert(client_send_text(&client, "POST /nothing HTTP/1.1\r\nHost: x\r\n" JSON
                                      "Content-Length: 100000\r\n\r\n"));
  expect_between(drip(&client, "x"), LIMIT_MS - DRIP_MS, "body");
}
END_TEST

START_TEST(a_reader_that_does_not_read_is_cut) {
  fixture_restart(&(struct http_limits){.reply_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  /* More than the sockets' buffers hold. */
  for (int i = 0; i < 8; i++)
    ck_assert(client_send_text(&client, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"));
  WAIT_UNTIL(fixture_stats().expired_reply == 1);
  fixture_expect_idle();
}
END_TEST

START_TEST(an_idle_connection_is_closed_in_the_end) {
  fixture_restart(&(struct http_limits){.idle_ms = LIMIT_MS});
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&client, port));
  ck_assert(client_call(&client, "GET", "/hello", NULL, &reply));
  ck_assert(client_sees_end(&client));
  /* With a farewell: a client that finds one knows that its next request was not taken. */
  ck_assert_int_eq(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
  ck_assert_int_eq(fixture_stats().expired_idle, 1);
}
END_TEST

START_TEST(slow_ones_do_not_hold_up_others) {
  enum { SLOW = 40 };
  struct client slow[SLOW];
  for (int i = 0; i < SLOW; i++) {
    ck_assert(client_open(&slow[i], port));
    ck_assert(client_send_text(&slow[i], i % 2 ? "GET /hel" : POST "Content-Length: 9\r\n\r\n{"));
  }
  for (int i = 0; i < 20; i++)
    expect_served();
  ck_assert_int_ge(fixture_stats().connections, SLOW);
  for (int i = 0; i < SLOW; i++)
    client_close(&slow[i]);
  fixture_expect_idle();
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------ */

START_TEST(a_flood_of_connections_is_capped) {
  enum { CAP = 8, FLOOD = 40 };
  int fds[FLOOD];
  fixture_restart(&(struct http_limits){.connections = CAP});
  for (int i = 0; i < FLOOD; i++) {
    fds[i] = tcp_open(port, NULL);
    ck_assert_int_ge(fds[i], 0);
  }
  WAIT_UNTIL(fixture_stats().accepted + fixture_stats().refused == FLOOD);
  ck_assert_int_eq(fixture_stats().connections, CAP);
  ck_assert_int_eq(fixture_stats().refused, FLOOD - CAP);
  ck_assert_int_eq(call_once(port, "GET", "/hello", NULL), 0);
  for (int i = 0; i < FLOOD; i++)
    (void)close(fds[i]);
  WAIT_UNTIL(fixture_stats().connections == 0);
  expect_served();
}
END_TEST

/* Without descriptors nothing can be accepted; afterwards everything is. */
START_TEST(running_out_of_descriptors_passes) {
  enum { WAITING = 5 };
  int fds[WAITING];
  struct rlimit before;
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
  (void)inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
  for (int i = 0; i < WAITING; i++)
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int next = dup(fds[0]); /* the lowest number that is free */
  (void)close(next);
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < WAITING; i++)
    ck_assert_int_eq(connect(fds[i], (struct sockaddr *)&addr, sizeof(addr)), 0);
  ck_assert_int_eq(fixture_stats().accepted, 0);
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
  WAIT_UNTIL(fixture_stats().accepted == WAITING);
  for (int i = 0; i < WAITING; i++)
    (void)close(fds[i]);
  expect_served();
}
END_TEST

START_TEST(one_address_cannot_take_all) {
  enum { CAP = 3 };
  int fds[CAP];
  fixture_restart(&(struct http_limits){.connections_per_peer = CAP});
  for (int i = 0; i < CAP; i++)
    fds[i] = tcp_open(port, "127.0.0.2");
  WAIT_UNTIL(fixture_stats().connections == CAP);
  CLEANUP_CLIENT struct client fourth = {.fd = tcp_open(port, "127.0.0.2")};
  ck_assert(client_sees_end(&fourth));
  ck_assert_int_eq(fixture_stats().refused, 1);
  expect_served(); /* from 127.0.0.1 */
  for (int i = 0; i < CAP; i++)
    (void)close(fds[i]);
}
END_TEST

START_TEST(what_is_buffered_is_capped) {
  enum { HALF = 60000 };
  fixture_restart(&(struct http_limits){.buffered_bytes = HALF * 3 / 2});
  CLEANUP_CLIENT struct client holder;
  CLEANUP_CLIENT struct client other;
  CLEANUP_REPLY struct reply reply = {0};
  CLEANUP_BUF struct buf most;
  buf_init(&most, HALF);
  for (int i = 0; i < HALF - 1; i++)
    buf_append_char(&most, 'x');
  char head[256];
  (void)snprintf(head, sizeof(head), POST "Content-Length: %d\r\n\r\n", HALF);
  ck_assert(client_open(&holder, port));
  ck_assert(client_send_text(&holder, head) && client_send(&holder, buf_str(&most)));
  WAIT_UNTIL(fixture_stats().buffered_bytes == HALF);
  /* Announcing a body takes nothing; sending it does. */
  ck_assert(client_open(&other, port));
  ck_assert(client_send_text(&other, head) && client_send(&other, buf_str(&most)));
  ck_assert(client_send_text(&other, "y"));
  ck_assert(client_reply(&other, &reply));
  ck_assert_int_eq(reply.status, 503);
  ck_assert(reply_has(&reply, "Retry-After: 1"));
  reply_done(&reply);
  ck_assert_int_eq(fixture_stats().overloaded, 1);
  expect_served();
  ck_assert(client_send_text(&holder, "x"));
  ck_assert(client_reply(&holder, &reply));
  ck_assert_int_eq(reply.status, 200);
  reply_done(&reply);
  /* And the same connection, now that there is room. */
  ck_assert(client_send_text(&other, head) && client_send(&other, buf_str(&most)));
  ck_assert(client_send_text(&other, "y"));
  ck_assert(client_reply(&other, &reply));
  ck_assert_int_eq(reply.status, 200);
  ck_assert_uint_eq(reply.body_len, HALF);
}
END_TEST

/* ---- noise --------------------------------------------------------------------------------------
 */

static uint32_t random_state;

static uint32_t next_random(void) { /* xorshift32 */
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

/* Valid requests with some bytes changed, left out or doubled. SEED=n replays. */
START_TEST(mutated_requests) {
  static const char *const valid[] = {
      POST "Content-Length: 7\r\n\r\n{\"a\":1}",
      POST "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\nX: y\r\n\r\n",
      "GET /ask?q=1&r=%20 HTTP/1.1\r\nHost: x\r\nCookie: a=b; c\r\nExpect: 100-continue\r\n\r\n",
      "HEAD /tree/x HTTP/1.0\r\nConnection: keep-alive\r\n folded\r\n\r\n",
  };
  fixture_restart(&(struct http_limits){.header_ms = 200, .body_ms = 200, .idle_ms = 200});
  const char *seed = getenv("SEED");
  random_state = seed ? (uint32_t)strtoul(seed, NULL, 10) : (uint32_t)sys_mono_now().ns | 1;
  uint32_t printed = random_state;
  for (int i = 0; i < 300; i++) {
    CLEANUP_CLIENT struct client client;
    CLEANUP_BUF struct buf bytes;
    buf_init(&bytes, 4096);
    buf_append_cstr(&bytes, valid[next_random() % SG_ARRAY_LEN(valid)]);
    for (uint32_t n = next_random() % 4 + 1; n > 0; n--) {
      size_t at = next_random() % bytes.len;
      if (next_random() % 2)
        bytes.ptr[at] = (char)next_random();
      else
        memmove(bytes.ptr + at, bytes.ptr + at + 1, --bytes.len - at);
    }
    ck_assert_msg(client_open(&client, port), "SEED=%u: request %d", printed, i);
    (void)client_send(&client, buf_str(&bytes));
    client_half_close(&client);
    ck_assert_msg(client_sees_end(&client), "SEED=%u: request %d stays open", printed, i);
  }
  expect_served();
  fixture_expect_idle();
}
END_TEST

TCase *tcase_hostile(void) {
  TCase *tc = tcase_create("hostile");
  tcase_set_timeout(tc, 180);
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_add_loop_test(tc, malformed_requests_end_the_connection, 0, (int)SG_ARRAY_LEN(malformed));
  tcase_add_test(tc, truncated_requests_leave_nothing);
  tcase_add_test(tc, a_client_that_does_not_wait_for_its_answer);
  tcase_add_loop_test(tc, giant_headers_are_refused, 0, (int)SG_ARRAY_LEN(giants));
  tcase_add_loop_test(tc, garbage_instead_of_tls, 0, (int)SG_ARRAY_LEN(garbage));
  tcase_add_loop_test(tc, tls_versions, 0, (int)SG_ARRAY_LEN(versions));
  tcase_add_test(tc, renegotiation_is_refused);
  tcase_add_test(tc, a_slow_handshake_is_cut);
  tcase_add_test(tc, a_silent_connection_is_cut);
  tcase_add_test(tc, a_stalled_handshake_takes_no_processor_time);
  tcase_add_test(tc, a_slow_header_is_cut);
  tcase_add_test(tc, a_slow_request_line_of_a_second_request_is_cut);
  tcase_add_test(tc, a_slow_body_is_cut);
  tcase_add_test(tc, a_slow_body_that_is_thrown_away_is_cut_too);
  tcase_add_test(tc, a_reader_that_does_not_read_is_cut);
  tcase_add_test(tc, an_idle_connection_is_closed_in_the_end);
  tcase_add_test(tc, slow_ones_do_not_hold_up_others);
  tcase_add_test(tc, a_flood_of_connections_is_capped);
  tcase_add_test(tc, running_out_of_descriptors_passes);
  tcase_add_test(tc, one_address_cannot_take_all);
  tcase_add_test(tc, what_is_buffered_is_capped);
  tcase_add_test(tc, mutated_requests);
  return tc;
}

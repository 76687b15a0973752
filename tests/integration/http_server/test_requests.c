/* SPDX-License-Identifier: Apache-2.0 */
/* What well-behaved clients may expect. */
#include "tests/integration/http_server/client.h"
#include "tests/integration/http_server/fixture.h"

#include <stdio.h>
#include <stdlib.h>

TCase *tcase_requests(void);

#define JSON "Content-Type: application/json\r\n"

static const struct {
  const char *name;
  const char *request; /* after the request line's version and Host */
  const char *line;
  int status;
  const char *header; /* a header line of the answer, or NULL */
  const char *body;   /* NULL: not looked at */
} cases[] = {
    {"a body comes back", JSON "Content-Length: 2\r\n\r\n{}", "POST /echo", 200,
     "Content-Type: application/json", "{}"},
    {"an empty body is a body", JSON "Content-Length: 0\r\n\r\n", "POST /echo", 200, NULL, ""},
    {"the media type may have parameters",
     "Content-Type: Application/JSON ; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}", "POST /echo",
     200, NULL, "{}"},
    {"another media type", "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", "POST /echo",
     415, NULL, "{\"error\":\"Content-Type not accepted here: it must be application/json\"}\n"},
    {"a longer media type", "Content-Type: application/json5\r\nContent-Length: 2\r\n\r\n{}",
     "POST /echo", 415, NULL, NULL},
    {"no media type", "Content-Length: 2\r\n\r\n{}", "POST /echo", 415, NULL, NULL},
    {"no media type where any will do", "Content-Length: 2\r\n\r\n{}", "POST /any", 200, NULL,
     "{}"},
    {"no length", JSON "\r\n", "POST /echo", 411, NULL, NULL},
    {"chunks", JSON "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n",
     "POST /echo", 200, NULL, "{\"a\":1}"},
    {"an unknown path", "\r\n", "GET /nothing", 404, "Content-Type: application/json",
     "{\"error\":\"no such path\"}\n"},
    {"a path that only begins right", "\r\n", "GET /hello/", 404, NULL, NULL},
    {"an unknown path, with a body", JSON "Content-Length: 2\r\n\r\n{}", "POST /nothing", 404, NULL,
     NULL},
    {"another method", "\r\n", "GET /echo", 405, "Allow: POST", NULL},
    {"another method, with a body", JSON "Content-Length: 2\r\n\r\n{}", "POST /hello", 405,
     "Allow: GET, HEAD", NULL},
    {"several methods", "\r\n", "DELETE /any", 405, "Allow: POST, PUT",
     "{\"error\":\"method not allowed here: POST, PUT, not DELETE\"}\n"},
    {"a method nobody knows", "\r\n", "BREW /hello", 405, "Allow: GET, HEAD", NULL},
    {"GET", "\r\n", "GET /hello", 200, "Cache-Control: no-store", "hello"},
    {"query and header", "X-Ask: ja\r\n\r\n", "GET /ask?x=1&q=a%20b", 200, NULL, "q=a b header=ja"},
    {"no query, no header", "\r\n", "GET /ask", 200, NULL, "q=- header=-"},
    {"the peer", "\r\n", "GET /peer", 200, NULL, "127.0.0.1"},
    {"below a prefix", "\r\n", "GET /tree/a/b", 200, NULL, "tree:/tree/a/b"},
    {"the longer prefix wins", "\r\n", "GET /tree/deep/b", 200, NULL, "deep:/tree/deep/b"},
    {"the exact path wins", "\r\n", "GET /tree/exact", 200, NULL, "exact:/tree/exact"},
    {"the prefix itself", "\r\n", "GET /tree/", 200, NULL, "tree:/tree/"},
    {"percent-encoding is undone", "\r\n", "GET /h%65llo", 200, NULL, "hello"},
    {"a body with GET is read and not used", JSON "Content-Length: 2\r\n\r\n{}", "GET /hello", 200,
     NULL, "hello"},
};

START_TEST(statuses) {
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  /* Twice on one connection: what is refused does not end it. */
  for (int round = 0; round < 2; round++) {
    CLEANUP_REPLY struct reply reply = {0};
    CLEANUP_BUF struct buf request;
    buf_init(&request, 4096);
    buf_printf(&request, "%s HTTP/1.1\r\nHost: localhost\r\n%s", cases[_i].line, cases[_i].request);
    ck_assert(client_send(&client, buf_str(&request)));
    ck_assert_msg(client_reply(&client, &reply), "%s: no answer in round %d", cases[_i].name,
                  round);
    ck_assert_msg(reply.status == cases[_i].status, "%s: got %d, wanted %d", cases[_i].name,
                  reply.status, cases[_i].status);
    ck_assert_msg(!cases[_i].header || reply_has(&reply, cases[_i].header), "%s: no %s in\n%s",
                  cases[_i].name, cases[_i].header, reply.head);
    ck_assert_msg(!cases[_i].body || strcmp(reply.body, cases[_i].body) == 0,
                  "%s: got body %s, wanted %s", cases[_i].name, reply.body, cases[_i].body);
    ck_assert_msg(!reply_has(&reply, "Connection: close"), "%s: closes", cases[_i].name);
  }
}
END_TEST

START_TEST(head_has_no_body) {
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  /* The next answer must begin where the body would have been. */
  ck_assert(client_send_text(&client, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"
                                      "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n"));
  while (client.in.len == 0 || !strstr(client.in.ptr, "127.0.0.1")) {
    char chunk[1024];
    int n = SSL_read(client.ssl, chunk, sizeof(chunk));
    ck_assert_int_gt(n, 0);
    buf_append(&client.in, chunk, (size_t)n);
  }
  ck_assert_ptr_nonnull(strstr(client.in.ptr, "Content-Length: 5\r\n"));
  ck_assert_ptr_null(strstr(client.in.ptr, "hello"));
}
END_TEST

static const struct {
  const char *name;
  size_t len;
  bool is_chunked;
  bool expects_continue;
  int status;
} bodies[] = {
    {"at the limit", SMALL_MAX, false, false, 200},
    {"one above", SMALL_MAX + 1, false, false, 413},
    {"at the limit, in chunks", SMALL_MAX, true, false, 200},
    {"one above, in chunks", SMALL_MAX + 1, true, false, 413},
    {"far above", 3000000, false, false, 413},
    {"far above, in chunks", 3000000, true, false, 413},
    {"at the limit, asking first", SMALL_MAX, false, true, 200},
    {"above, asking first", SMALL_MAX + 1, false, true, 413},
};

START_TEST(body_limits) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  CLEANUP_BUF struct buf request;
  CLEANUP_BUF struct buf body;
  buf_init(&request, 4096);
  buf_init(&body, 8 << 20);
  if (bodies[_i].is_chunked)
    buf_printf(&body, "%zx\r\n", bodies[_i].len);
  for (size_t i = 0; i < bodies[_i].len; i++)
    buf_append_char(&body, 'x');
  if (bodies[_i].is_chunked)
    buf_append_cstr(&body, "\r\n0\r\n\r\n");
  buf_printf(&request, "POST /small HTTP/1.1\r\nHost: localhost\r\n" JSON);
  if (bodies[_i].is_chunked)
    buf_printf(&request, "Transfer-Encoding: chunked\r\n");
  else
    buf_printf(&request, "Content-Length: %zu\r\n", bodies[_i].len);
  buf_printf(&request, "%s\r\n", bodies[_i].expects_continue ? "Expect: 100-continue\r\n" : "");
  ck_assert(client_open(&client, port));
  ck_assert(client_send(&client, buf_str(&request)));
  if (bodies[_i].expects_continue) {
    ck_assert(client_reply(&client, &reply));
    if (bodies[_i].status == 200)
      ck_assert_int_eq(reply.status, 100);
    else
      ck_assert_int_eq(reply.status, bodies[_i].status);
    reply_done(&reply);
  }
  if (!bodies[_i].expects_continue || bodies[_i].status == 200) {
    ck_assert_msg(client_send(&client, buf_str(&body)), "%s", bodies[_i].name);
    ck_assert_msg(client_reply(&client, &reply), "%s: no answer", bodies[_i].name);
    ck_assert_msg(reply.status == bodies[_i].status, "%s: got %d", bodies[_i].name, reply.status);
    ck_assert(reply.status != 413 || strstr(reply.body, "larger than the limit of 1000 bytes"));
  }
  client_close(&client);
  fixture_expect_idle();
}
END_TEST

START_TEST(large_bodies_both_ways) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  CLEANUP_BUF struct buf request;
  enum { LEN = 2000000 };
  buf_init(&request, 4 << 20);
  buf_printf(&request, "POST /echo HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: %d\r\n\r\n", LEN);
  size_t head = request.len;
  for (int i = 0; i < LEN; i++)
    buf_append_char(&request, (char)('a' + i % 23));
  ck_assert(client_open(&client, port));
  ck_assert(client_send(&client, buf_str(&request)));
  ck_assert(client_reply(&client, &reply));
  ck_assert_int_eq(reply.status, 200);
  ck_assert_uint_eq(reply.body_len, LEN);
  ck_assert(memcmp(reply.body, request.ptr + head, LEN) == 0);
  reply_done(&reply);
  ck_assert(client_call(&client, "GET", "/big", NULL, &reply));
  ck_assert_uint_eq(reply.body_len, BIG_BYTES);
}
END_TEST

START_TEST(many_requests_on_one_connection) {
  CLEANUP_CLIENT struct client client;
  ck_assert(client_open(&client, port));
  for (int i = 0; i < 300; i++) {
    CLEANUP_REPLY struct reply reply = {0};
    char body[32];
    (void)snprintf(body, sizeof(body), "{\"i\":%d}", i);
    ck_assert(client_call(&client, "POST", "/echo", body, &reply));
    ck_assert_str_eq(reply.body, body);
  }
  ck_assert_int_eq(fixture_stats().accepted, 1);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_BUF struct buf all;
  enum { COUNT = 500 };
  buf_init(&all, 1 << 20);
  for (int i = 0; i < COUNT; i++) {
    char body[32];
    int len = snprintf(body, sizeof(body), "{\"i\":%d}", i);
    buf_printf(&all, "POST /echo HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: %d\r\n\r\n%s", len,
               body);
  }
  ck_assert(client_open(&client, port));
  ck_assert(client_send(&client, buf_str(&all)));
  for (int i = 0; i < COUNT; i++) {
    CLEANUP_REPLY struct reply reply = {0};
    char wanted[32];
    (void)snprintf(wanted, sizeof(wanted), "{\"i\":%d}", i);
    ck_assert_msg(client_reply(&client, &reply), "answer %d is missing", i);
    ck_assert_str_eq(reply.body, wanted);
  }
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte) {
  static const char request[] =
      "POST /echo HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 7\r\n\r\n{\"a\":1}";
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&client, port));
  for (size_t i = 0; i + 1 < sizeof(request); i++)
    ck_assert(client_send(&client, (struct str){request + i, 1}));
  ck_assert(client_reply(&client, &reply));
  ck_assert_str_eq(reply.body, "{\"a\":1}");
}
END_TEST

static const struct {
  const char *name;
  const char *request;
} closing[] = {
    {"asked to", "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
    {"HTTP/1.0", "GET /hello HTTP/1.0\r\n\r\n"},
};

START_TEST(closes_when_asked) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&client, port));
  ck_assert(client_send_text(&client, closing[_i].request));
  ck_assert_msg(client_reply(&client, &reply), "%s", closing[_i].name);
  ck_assert_str_eq(reply.body, "hello");
  ck_assert_msg(client_sees_end(&client), "%s", closing[_i].name);
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answer) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&client, port));
  ck_assert(client_send_text(&client, "POST /echo HTTP/1.1\r\nHost: x\r\n" JSON
                                      "Content-Length: 2\r\n\r\n{}"));
  client_half_close(&client);
  ck_assert(client_reply(&client, &reply));
  ck_assert_str_eq(reply.body, "{}");
  ck_assert(client_sees_end(&client));
  client_close(&client);
  fixture_expect_idle();
}
END_TEST

START_TEST(requests_for_each_connection_can_be_limited) {
  CLEANUP_CLIENT struct client client;
  fixture_restart(&(struct http_limits){.requests_per_connection = 2});
  ck_assert(client_open(&client, port));
  for (int i = 1; i <= 2; i++) {
    CLEANUP_REPLY struct reply reply = {0};
    ck_assert(client_call(&client, "GET", "/hello", NULL, &reply));
    ck_assert_int_eq(reply_has(&reply, "Connection: close"), i == 2);
  }
  ck_assert(client_sees_end(&client));
}
END_TEST

START_TEST(the_access_hook_sees_what_happened) {
  CLEANUP_CLIENT struct client client;
  int64_t before;
  int64_t count;
  (void)fixture_last_access(&before);
  ck_assert(client_open(&client, port));
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_call(&client, "POST", "/echo", "{\"a\":1}", &reply));
  WAIT_UNTIL((fixture_last_access(&count), count == before + 1));
  struct seen_access seen = fixture_last_access(&count);
  ck_assert_str_eq(seen.method, "POST");
  ck_assert_str_eq(seen.path, "/echo");
  ck_assert_str_eq(seen.route, "/echo");
  ck_assert_uint_eq(seen.status, 200);
  ck_assert_uint_eq(seen.request_bytes, 7);
  ck_assert_uint_eq(seen.response_bytes, 7);
  ck_assert_int_ge(seen.duration_us, 0);
  reply_done(&reply);
  ck_assert(client_call(&client, "GET", "/tree/x", NULL, &reply));
  WAIT_UNTIL((fixture_last_access(&count), count == before + 2));
  seen = fixture_last_access(&count);
  ck_assert_str_eq(seen.path, "/tree/x");
  ck_assert_str_eq(seen.route, "/tree/*");
  reply_done(&reply);
  ck_assert(client_call(&client, "GET", "/nothing", NULL, &reply));
  WAIT_UNTIL((fixture_last_access(&count), count == before + 3));
  seen = fixture_last_access(&count);
  ck_assert_str_eq(seen.route, "none");
  ck_assert_uint_eq(seen.status, 404);
}
END_TEST

START_TEST(in_flight_is_counted) {
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open(&client, port));
  ck_assert(client_send_text(&client, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"));
  while (sem_wait(&fixture_entered) != 0)
    ;
  ck_assert_int_eq(fixture_stats().in_flight, 1);
  ck_assert_int_eq(fixture_stats().connections, 1);
  (void)sem_post(&fixture_release);
  ck_assert(client_reply(&client, &reply));
  ck_assert_str_eq(reply.body, "waited");
  WAIT_UNTIL(fixture_stats().in_flight == 0);
}
END_TEST

TCase *tcase_requests(void) {
  TCase *tc = tcase_create("requests");
  tcase_set_timeout(tc, 120);
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_add_loop_test(tc, statuses, 0, (int)SG_ARRAY_LEN(cases));
  tcase_add_test(tc, head_has_no_body);
  tcase_add_loop_test(tc, body_limits, 0, (int)SG_ARRAY_LEN(bodies));
  tcase_add_test(tc, large_bodies_both_ways);
  tcase_add_test(tc, many_requests_on_one_connection);
  tcase_add_test(tc, pipelined_requests_are_answered_in_order);
  tcase_add_test(tc, a_request_may_come_byte_by_byte);
  tcase_add_loop_test(tc, closes_when_asked, 0, (int)SG_ARRAY_LEN(closing));
  tcase_add_test(tc, a_half_closed_client_gets_its_answer);
  tcase_add_test(tc, requests_for_each_connection_can_be_limited);
  tcase_add_test(tc, the_access_hook_sees_what_happened);
  tcase_add_test(tc, in_flight_is_counted);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/http_server/fixture.h"

#include "slicegate/certs.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

sem_t fixture_entered;
sem_t fixture_release;
struct http_server *server;
uint16_t port;
static struct pair shared_pair;

/* ---- certificates ---------------------------------------------------------------------- */

static void read_and_remove(const char *dir, const char *name, struct buf *ret) {
  char path[512];
  struct err err;
  (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
  struct buf text;
  ck_assert_msg(sys_file_read(path, CERTS_PEM_MAX_BYTES, &text, &err), "%s", err.text);
  (void)unlink(path);
  if (ret)
    *ret = text;
  else
    buf_done(&text);
}

void pair_make(struct pair *pair) {
  const char *base = getenv("TMPDIR");
  char dir[256];
  struct err err;
  const char *const dns[] = {"localhost"};
  const char *const ips[] = {"127.0.0.1"};
  (void)snprintf(dir, sizeof(dir), "%s/slicegate-test-XXXXXX", base ? base : "/tmp");
  ck_assert_ptr_nonnull(mkdtemp(dir));
  struct certs_request request = {
      .dir = dir, .dns_names = dns, .dns_count = 1, .ips = ips, .ip_count = 1};
  ck_assert_msg(certs_issue(&request, &err), "%s", err.text);
  read_and_remove(dir, CERTS_CERT, &pair->cert);
  read_and_remove(dir, CERTS_KEY, &pair->key);
  read_and_remove(dir, CERTS_CA_CERT, NULL);
  read_and_remove(dir, CERTS_CA_KEY, NULL);
  (void)rmdir(dir);
}

void pair_done(struct pair *pair) {
  buf_done(&pair->cert);
  buf_done(&pair->key);
}

/* ---- routes ---------------------------------------------------------------------------- */

static void echo(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  /* By way of the arena, so that the sanitizers see it used. */
  struct str copy = str_copy(request->arena, request->body);
  buf_append_str(&response->body, copy);
}

static void length(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  buf_printf(&response->body, "%zu", request->body.len);
}

static void hello(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  (void)request;
  http_response_static(response, 200, "text/plain", STR_LIT("hello"));
  http_response_header(response, "Cache-Control", "no-store");
}

static void ask(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  struct str q = STR_LIT("-");
  struct str header = STR_LIT("-");
  (void)http_request_query(request, "q", &q);
  (void)http_request_header(request, "x-ask", &header);
  buf_printf(&response->body, "q=%.*s header=%.*s", STR_FMT(q), STR_FMT(header));
}

static void peer(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  buf_append_cstr(&response->body, request->peer);
}

static void tree(void *ctx, const struct http_request *request, struct http_response *response) {
  buf_printf(&response->body, "%s%s", (const char *)ctx, request->path);
}

static void big(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  (void)request;
  for (int i = 0; i < BIG_BYTES / 10; i++)
    buf_append_cstr(&response->body, "abcdefghij");
}

static void busy(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  (void)request;
  http_response_error(response, 503, "another replica answers");
  http_response_header(response, "Connection", "close");
}

static void wait(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  (void)request;
  (void)sem_post(&fixture_entered);
  while (sem_wait(&fixture_release) != 0)
    ;
  buf_append_cstr(&response->body, "waited");
}

static void aside(void *ctx, const struct http_request *request, struct http_response *response) {
  struct str q = STR_LIT("-");
  wait(ctx, request, response);
  (void)http_request_query(request, "q", &q);
  buf_printf(&response->body, " %.*s ", STR_FMT(q));
  echo(ctx, request, response);
}

/* Waits only if it is asked to, and says other things before it does. */
static void maybe(void *ctx, const struct http_request *request, struct http_response *response) {
  struct str q;
  if (!http_request_query(request, "q", &q)) {
    echo(ctx, request, response);
  } else if (request->is_aside) {
    aside(ctx, request, response);
  } else {
    http_response_error(response, 500, "not yet");
    http_response_header(response, "Connection", "close");
    http_response_aside(response);
  }
}

static const struct http_route routes[] = {
    {.methods = HTTP_POST, .path = "/echo", .handler = echo, .content_type = "application/json"},
    {.methods = HTTP_POST,
     .path = "/small",
     .handler = echo,
     .content_type = "application/json",
     .max_body_bytes = SMALL_MAX},
    {.methods = HTTP_POST | HTTP_PUT, .path = "/any", .handler = echo},
    {.methods = HTTP_POST,
     .path = "/length",
     .handler = length,
     .content_type = "application/json"},
    {.methods = HTTP_GET, .path = "/hello", .handler = hello},
    {.methods = HTTP_GET, .path = "/ask", .handler = ask},
    {.methods = HTTP_GET, .path = "/peer", .handler = peer},
    {.methods = HTTP_GET, .path = "/big", .handler = big},
    {.methods = HTTP_GET | HTTP_POST, .path = "/busy", .handler = busy},
    {.methods = HTTP_GET, .path = "/wait", .handler = wait},
    {.methods = HTTP_GET | HTTP_POST, .path = "/aside", .handler = aside, .waiting = HTTP_WAITS},
    {.methods = HTTP_POST, .path = "/aside/echo", .handler = echo, .waiting = HTTP_WAITS},
    {.methods = HTTP_POST, .path = "/maybe", .handler = maybe, .waiting = HTTP_MAY_WAIT},
    {.methods = HTTP_POST, .path = "/long", .handler = maybe, .waiting = HTTP_MAY_WAIT_LONG},
    {.methods = HTTP_GET, .path = "/tree/*", .handler = tree, .ctx = "tree:"},
    {.methods = HTTP_GET, .path = "/tree/deep/*", .handler = tree, .ctx = "deep:"},
    {.methods = HTTP_GET, .path = "/tree/exact", .handler = tree, .ctx = "exact:"},
};

/* ---- the access hook --------------------------------------------------------------------- */

static pthread_mutex_t access_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct seen_access access_last;
static int64_t access_count;

static void on_access(void *ctx, const struct http_access *access) {
  (void)ctx;
  (void)pthread_mutex_lock(&access_mutex);
  access_last = (struct seen_access){.status = access->status,
                                     .request_bytes = access->request_bytes,
                                     .response_bytes = access->response_bytes,
                                     .duration_us = access->duration_us};
  (void)snprintf(access_last.method, sizeof(access_last.method), "%s", access->method);
  (void)snprintf(access_last.path, sizeof(access_last.path), "%s", access->path);
  (void)snprintf(access_last.route, sizeof(access_last.route), "%s",
                 access->route ? access->route : "none");
  access_count++;
  (void)pthread_mutex_unlock(&access_mutex);
}

struct seen_access fixture_last_access(int64_t *ret_count) {
  (void)pthread_mutex_lock(&access_mutex);
  struct seen_access last = access_last;
  *ret_count = access_count;
  (void)pthread_mutex_unlock(&access_mutex);
  return last;
}

/* ---- the server ---------------------------------------------------------------------------- */

struct http_server *fixture_start_with(struct http_config config) {
  struct err err = {0};
  if (!config.address)
    config.address = "127.0.0.1";
  if (!config.plain_http && !config.cert_pem.ptr) {
    config.cert_pem = buf_str(&shared_pair.cert);
    config.key_pem = buf_str(&shared_pair.key);
  }
  /* A new connection goes to the thread with the fewest: beside one whose handler
     waits (/wait) three more can be open without sharing its thread. */
  if (config.threads == 0)
    config.threads = 4;
  config.routes = routes;
  config.route_count = SG_ARRAY_LEN(routes);
  config.access = on_access;
  struct http_server *started = http_server_start(&config, &err);
  ck_assert_msg(started != NULL, "%s", err.text);
  return started;
}

struct http_server *fixture_start(const struct http_limits *limits, uint16_t wanted_port) {
  struct http_config config = {.port = wanted_port};
  if (limits)
    config.limits = *limits;
  return fixture_start_with(config);
}

const struct pair *fixture_pair(void) {
  return &shared_pair;
}

void fixture_setup(void) {
  (void)signal(SIGPIPE, SIG_IGN); /* clients write to connections that are gone */
  (void)sem_init(&fixture_entered, 0, 0);
  (void)sem_init(&fixture_release, 0, 0);
  pair_make(&shared_pair);
  server = fixture_start(NULL, 0);
  port = http_server_port(server);
}

void fixture_teardown(void) {
  for (int i = 0; i < 10; i++) /* a test that failed may have left handlers waiting */
    (void)sem_post(&fixture_release);
  http_server_stop(server);
  server = NULL;
  pair_done(&shared_pair);
}

void fixture_restart(const struct http_limits *limits) {
  http_server_stop(server);
  server = fixture_start(limits, 0);
  port = http_server_port(server);
}

void fixture_pause(void) {
  struct timespec ts = {.tv_nsec = 1000000};
  (void)nanosleep(&ts, NULL);
}

void fixture_expect_idle(void) {
  WAIT_UNTIL(fixture_stats().connections == 0);
  struct http_stats stats = fixture_stats();
  ck_assert_int_eq(stats.in_flight, 0);
  ck_assert_int_eq(stats.buffered_bytes, 0);
}

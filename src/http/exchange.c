/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's life. libmicrohttpd calls once when the header is complete, then for
 * each piece of the body, then once more, when the answer is due; and at last when the
 * answer is out or the connection lost.
 */
#include "http_internal.h"

#include <assert.h>
#include <stdlib.h>

/* ---- what a handler may ask --------------------------------------------------------- */

static bool lookup(const struct http_request *request, enum MHD_ValueKind kind, const char *name,
                   struct str *ret) {
  const char *value = NULL;
  size_t len = 0;
  if (MHD_lookup_connection_value_n(request->transport, kind, name, strlen(name), &value, &len) !=
      MHD_YES)
    return false;
  *ret = (struct str){value, value ? len : 0};
  return true;
}

bool http_request_query(const struct http_request *request, const char *name, struct str *ret) {
  return lookup(request, MHD_GET_ARGUMENT_KIND, name, ret);
}

bool http_request_header(const struct http_request *request, const char *name, struct str *ret) {
  return lookup(request, MHD_HEADER_KIND, name, ret);
}

/* ---- the body ------------------------------------------------------------------------ */

enum { BODY_FIRST_BYTES = 16 << 10 };

static void body_release(struct conn *conn) {
  struct exchange *exchange = &conn->exchange;
  (void)atomic_fetch_sub_explicit(&conn->worker->server->counters.buffered_bytes,
                                  (int64_t)exchange->body_cap, memory_order_relaxed);
  free(exchange->body);
  exchange->body = NULL;
  exchange->body_cap = 0;
  exchange->body_len = 0;
}

static void body_refuse(struct conn *conn, unsigned status, const char *text) {
  body_release(conn);
  conn->exchange.refusal = status;
  conn->exchange.refusal_text = text;
}

/*
 * Makes room for `need` bytes. Room is booked as it is needed: a large
 * Content-Length alone takes nothing from others.
 */
static bool body_grow(struct conn *conn, size_t need) {
  struct exchange *exchange = &conn->exchange;
  struct counters *counters = &conn->worker->server->counters;
  if (need <= exchange->body_cap)
    return true;
  size_t cap = exchange->body_cap ? exchange->body_cap * 2 : BODY_FIRST_BYTES;
  if (exchange->body_expected != SIZE_MAX && cap > exchange->body_expected)
    cap = exchange->body_expected;
  if (cap < need)
    cap = need;
  int64_t more = (int64_t)(cap - exchange->body_cap);
  int64_t booked = atomic_fetch_add_explicit(&counters->buffered_bytes, more, memory_order_relaxed);
  int64_t limit = conn->worker->server->limits.buffered_bytes;
  if (limit >= 0 && booked + more > limit) {
    (void)atomic_fetch_sub_explicit(&counters->buffered_bytes, more, memory_order_relaxed);
    (void)atomic_fetch_add(&counters->overloaded, 1);
    return false;
  }
  exchange->body = mem_realloc(exchange->body, cap);
  exchange->body_cap = cap;
  return true;
}

static void body_append(struct conn *conn, const char *bytes, size_t len) {
  struct exchange *exchange = &conn->exchange;
  exchange->body_seen += len;
  if (exchange->refusal)
    return;
  if (len > exchange->route->def.max_body_bytes - exchange->body_len) {
    body_refuse(conn, 413, "body larger than the limit");
  } else if (!body_grow(conn, exchange->body_len + len)) {
    body_refuse(conn, 503, "too much is being received already; try again");
  } else {
    memcpy(exchange->body + exchange->body_len, bytes, len);
    exchange->body_len += len;
  }
}

/* ---- the answer ---------------------------------------------------------------------- */

static enum MHD_Result answer(struct conn *conn, struct MHD_Connection *mhd,
                              struct http_response *response) {
  struct exchange *exchange = &conn->exchange;
  const struct http_server *server = conn->worker->server;
  int64_t most = server->limits.requests_per_connection;
  bool must_close = exchange->must_close || atomic_load(&server->is_draining) ||
                    (most >= 0 && conn->requests >= most);
  if (response->body.truncated)
    http_response_error(response, 500, "the answer is too large");
  exchange->response_bytes =
      response->static_body.ptr ? response->static_body.len : response->body.len;
  exchange->status = response->status;
  received_mark(server, conn); /* before the peer can have the answer, and go on */
  conn_enter(conn, PHASE_REPLY);
  return response_queue(mhd, response, exchange->allow, must_close);
}

static struct http_response new_response(void) {
  struct http_response response = {.status = 200, .content_type = "application/json"};
  buf_init(&response.body, HTTP_RESPONSE_MAX_BYTES);
  return response;
}

/* What is wanted instead, where that depends on the route. */
static void say_refusal(struct conn *conn, struct http_response *response) {
  const struct exchange *exchange = &conn->exchange;
  const struct http_route *route = exchange->route ? &exchange->route->def : NULL;
  CLEANUP_BUF struct buf allow;
  buf_init(&allow, 64);
  if (exchange->refusal == 405) {
    struct arena *arena = conn->worker->arena;
    struct str method = str_printable(arena, str_of(exchange->method), 32);
    response_allow(exchange->allow, &allow);
    http_response_error(response, 405, "%s: %.*s, not %.*s", exchange->refusal_text,
                        STR_FMT(buf_str(&allow)), STR_FMT(method));
    arena_reset(arena);
  } else if (route && exchange->refusal == 413) {
    http_response_error(response, 413, "%s of %zu bytes", exchange->refusal_text,
                        route->max_body_bytes);
  } else if (route && exchange->refusal == 415) {
    http_response_error(response, 415, "%s: it must be %s", exchange->refusal_text,
                        route->content_type);
  } else {
    http_response_error(response, exchange->refusal, "%s", exchange->refusal_text);
  }
}

static enum MHD_Result answer_refusal(struct conn *conn, struct MHD_Connection *mhd) {
  struct http_response response = new_response();
  say_refusal(conn, &response);
  if (conn->exchange.refusal == 503)
    http_response_header(&response, "Retry-After", "1");
  return answer(conn, mhd, &response);
}

static enum MHD_Result answer_by_handler(struct conn *conn, struct MHD_Connection *mhd) {
  struct exchange *exchange = &conn->exchange;
  const struct http_route *route = &exchange->route->def;
  struct http_response response = new_response();
  struct http_request request = {
      .method = exchange->method,
      .path = exchange->path,
      .body = {exchange->body, exchange->body_len},
      .peer = conn->peer,
      .arena = conn->worker->arena,
      .transport = mhd,
  };
  conn_enter(conn, PHASE_WORKING);
  if (route->waiting != HTTP_WAITS) {
    struct sys_mono began = sys_mono_now();
    route->handler(route->ctx, &request, &response);
    exchange->handler_us = sys_mono_us_between(began, sys_mono_now());
    arena_reset(request.arena);
    if (!response.is_for_aside) {
      body_release(conn); /* a peer that is slow to read holds only the answer */
      return answer(conn, mhd, &response);
    }
    assert(route->waiting != HTTP_NEVER_WAITS);
    buf_done(&response.body);
    response = new_response();
  }
  aside_ask(conn, &request, &response);
  return MHD_YES;
}

static enum MHD_Result answer_from_aside(struct conn *conn, struct MHD_Connection *mhd) {
  struct http_response response = aside_finish(&conn->exchange);
  body_release(conn);
  return answer(conn, mhd, &response);
}

/* ---- libmicrohttpd's calls ------------------------------------------------------------- */

static struct conn *conn_of(struct MHD_Connection *mhd) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  struct conn *conn = info->socket_context;
  assert(conn && conn->magic == CONN_MAGIC);
  return conn;
}

static enum MHD_Result on_header(struct conn *conn, struct MHD_Connection *mhd,
                                 struct exchange begun) {
  struct http_server *server = conn->worker->server;
  assert(conn->is_established); /* a client that had to show a certificate has shown it */
  conn->exchange = begun;
  conn->requests++;
  (void)atomic_fetch_add_explicit(&server->counters.in_flight, 1, memory_order_relaxed);
  bool answer_now = route_judge(server, mhd, &conn->exchange);
  if (answer_now) {
    conn->exchange.must_close = true; /* libmicrohttpd does, after an answer this early */
    return answer_refusal(conn, mhd);
  }
  conn_enter(conn, PHASE_BODY);
  return MHD_YES;
}

enum MHD_Result exchange_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **context) {
  (void)version;
  struct worker *worker = cls;
  struct conn *conn = *context;
  worker->did_something = true;
  if (!conn) {
    *context = conn = conn_of(mhd);
    return on_header(conn, mhd,
                     (struct exchange){.method = method, .path = url, .began = sys_mono_now()});
  }
  assert(conn->magic == CONN_MAGIC);
  if (*upload_len > 0) {
    body_append(conn, upload, *upload_len);
    *upload_len = 0;
    return MHD_YES;
  }
  if (conn->exchange.answered)
    return answer_from_aside(conn, mhd);
  return conn->exchange.refusal ? answer_refusal(conn, mhd) : answer_by_handler(conn, mhd);
}

void exchange_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                           enum MHD_RequestTerminationCode code) {
  (void)mhd;
  struct worker *worker = cls;
  struct http_server *server = worker->server;
  struct conn *conn = *context;
  worker->did_something = true;
  if (!conn) /* ended by libmicrohttpd before the header was complete */
    return;
  assert(conn->magic == CONN_MAGIC);
  struct exchange *exchange = &conn->exchange;
  bool is_answered = exchange->status != 0 && code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
  if (server->access) {
    const struct http_access access = {
        .method = exchange->method,
        .path = exchange->path,
        .route = exchange->route ? exchange->route->def.path : NULL,
        .peer = conn->peer,
        .status = is_answered ? exchange->status : 0,
        .duration_us = sys_mono_us_between(exchange->began, sys_mono_now()),
        .handler_us = exchange->handler_us,
        .request_bytes = exchange->body_seen,
        .response_bytes = is_answered ? exchange->response_bytes : 0,
    };
    server->access(server->access_ctx, &access);
  }
  body_release(conn);
  aside_drop(exchange);
  (void)atomic_fetch_sub_explicit(&server->counters.in_flight, 1, memory_order_relaxed);
  *context = NULL;
  conn_enter(conn, PHASE_IDLE);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: a TLS 1.2+ HTTP/1.1 server for routes that take a bounded body and answer at
 * once. It knows nothing of what is served. It owns the limits (sizes, connections,
 * absolute deadlines), the certificate, whose client certificates it takes, and the way a
 * server ends without failing a call. Plain HTTP is for loopback alone. Not for streaming,
 * uploads without a bound or WebSockets.
 *
 * Threads: handlers run on the server's own threads, several at a time, one request
 * of a connection at a time. A handler must not block there: it holds up the other connections of
 * its thread. Those that wait run on threads aside, see enum http_waiting. Functions on struct
 * http_server may be called from any thread, but drain and stop only once, and stop last.
 */
#ifndef SLICEGATE_HTTP_H
#define SLICEGATE_HTTP_H

#include "slicegate/base.h"

struct http_server;

/* ---- requests and responses -------------------------------------------------- */

enum http_method {
  HTTP_GET = 1 << 0, /* HEAD is answered by the GET route, without the body */
  HTTP_POST = 1 << 1,
  HTTP_PUT = 1 << 2,
  HTTP_PATCH = 1 << 3,
  HTTP_DELETE = 1 << 4,
};

/* What a handler is given. Everything is borrowed and ends with the call. */
struct http_request {
  const char *method;  /* "POST" */
  const char *path;    /* percent-decoded, without the query */
  struct str body;     /* complete; empty when there is none */
  const char *peer;    /* "192.0.2.1" or "2001:db8::1" */
  struct arena *arena; /* this thread's: empty on entry, reset after the call */
  bool is_aside;       /* this thread has no connections: it may wait */
  void *transport;     /* the server's own */
};

/* The first value of a query argument or a header (names of headers in any case). */
bool http_request_query(const struct http_request *request, const char *name, struct str *ret);
bool http_request_header(const struct http_request *request, const char *name, struct str *ret);

enum { HTTP_RESPONSE_MAX_BYTES = 64 << 20, HTTP_RESPONSE_HEADERS_MAX = 4 };

/*
 * What a handler fills. On entry: status 200, "application/json", no body. Use `body`
 * (heap memory that the server takes over), or http_response_static for bytes that
 * live as long as the process.
 */
struct http_response {
  unsigned status;
  const char *content_type; /* a literal */
  struct buf body;          /* up to HTTP_RESPONSE_MAX_BYTES; truncated answers 500 */
  struct str static_body;
  struct {
    const char *name;  /* literals */
    const char *value; /* literals */
  } headers[HTTP_RESPONSE_HEADERS_MAX];
  bool is_for_aside; /* see http_response_aside */
};
void http_response_static(struct http_response *response, unsigned status, const char *content_type,
                          struct str body);
/*
 * name and value are literals; more than HTTP_RESPONSE_HEADERS_MAX are an assertion.
 * "Connection", "close" also ends the connection after this answer.
 */
void http_response_header(struct http_response *response, const char *name, const char *value);
/* {"error":"text"} with a status; replaces what was there. */
void http_response_error(struct http_response *response, unsigned status, const char *fmt, ...)
    SG_PRINTF(3, 4);

/*
 * Of a handler that finds that it has to wait: it is called once more with the same request, aside,
 * and this answer is forgotten. Its route says that it may wait, and it is not aside yet.
 */
void http_response_aside(struct http_response *response);

typedef void http_handler(void *ctx, const struct http_request *request,
                          struct http_response *response);

/* Whether a handler waits for others; then it is called aside, on a thread that has no
 * connections, and those of the thread that read the request go on. */
enum http_waiting {
  HTTP_NEVER_WAITS,
  HTTP_MAY_WAIT,      /* it may ask to be called aside, to wait briefly: four at once do */
  HTTP_MAY_WAIT_LONG, /* it may ask to be called where those with HTTP_WAITS are */
  HTTP_WAITS,         /* it is always called aside: http_config.waiting_threads at once */
};

/*
 * Paths match exactly; one that ends in a slash and a star also everything below it
 * (the longest such match wins, exact ones first). Answered without the handler: an
 * unknown path 404; a known one with another method 405 with Allow; a body without
 * length 411, larger than the limit 413, of another type 415. A body that is refused is
 * read and thrown away first, so that the peer gets the answer and keeps its connection.
 */
struct http_route {
  unsigned methods; /* of enum http_method, or'ed */
  const char *path;
  http_handler *handler;
  void *ctx;
  size_t max_body_bytes;    /* 0 = HTTP_BODY_MAX_BYTES */
  const char *content_type; /* that bodies must have, parameters aside; NULL = any */
  enum http_waiting waiting;
};

/* ---- configuration ----------------------------------------------------------- */

enum {
  HTTP_BODY_MAX_BYTES = 10 << 20,
  HTTP_HEADER_MAX_BYTES = 16 << 10, /* request line and headers together; beyond: 431 */
};

/*
 * Deadlines are absolute: counted from the start of the phase, whatever the peer
 * sends meanwhile. A connection that misses one is closed without an answer. 0 means
 * the value in brackets; -1 is no limit.
 */
struct http_limits {
  int64_t handshake_ms;         /* from accept to the end of the TLS handshake [10,000] */
  int64_t header_ms;            /* from a request's first byte to the end of its header [10,000] */
  int64_t body_ms;              /* from there to the end of its body [30,000] */
  int64_t reply_ms;             /* from the handler's answer to its last byte sent [30,000] */
  int64_t idle_ms;              /* between requests; longer than the client's own [120,000] */
  int64_t connections;          /* open at once; further ones are closed at accept [2,048] */
  int64_t connections_per_peer; /* of one address [1,024] */
  int64_t buffered_bytes;       /* bodies in memory, all together; beyond: 503 [64 MiB] */
  int64_t requests_per_connection; /* then "Connection: close" [no limit] */
};

/* One request that has ended, for logs and metrics. Borrowed for the call. */
struct http_access {
  const char *method;
  const char *path;
  const char *route; /* the route's path as registered; NULL: none matched */
  const char *peer;
  unsigned status;      /* 0: the peer went away, or missed a deadline, before the answer */
  int64_t duration_us;  /* from the end of the header to the last byte given to the socket */
  int64_t handler_us;   /* of that in the handler */
  size_t request_bytes; /* bodies */
  size_t response_bytes;
};
typedef void http_access_fn(void *ctx, const struct http_access *access);

/*
 * A client that was turned away in the handshake: "127.0.0.1", "the client certificate has
 * expired". On the connection's thread; a peer can call it as often as it can connect.
 */
typedef void http_refused_fn(void *ctx, const char *peer, const char *reason);

struct http_config {
  const char *address; /* "0.0.0.0", "::", "127.0.0.1"; NULL = "::", IPv4 included */
  uint16_t port;       /* 0: any free one, see http_server_port */
  struct str cert_pem; /* leaf first, then what is needed of its chain */
  struct str key_pem;
  /*
   * CAs. When there are any, the handshake fails for clients without a certificate that
   * chains to one of them, is within its dates and is for clients (extended key usage
   * clientAuth, or none at all, which is no restriction). Empty: clients are not asked.
   */
  struct str client_ca_pem;
  /*
   * No TLS; all PEMs empty. Only with an address in 127.0.0.0/8, or ::1. A word of its own,
   * so that an empty file never turns TLS off.
   */
  bool plain_http;
  unsigned threads;                /* 0: one for each processor, at most 8 */
  unsigned waiting_threads;        /* for HTTP_WAITS and HTTP_MAY_WAIT_LONG; 0: 4 */
  const struct http_route *routes; /* copied, except for the strings */
  size_t route_count;
  struct http_limits limits;
  http_access_fn *access; /* may be NULL; on the thread of the request */
  void *access_ctx;
  http_refused_fn *refused; /* may be NULL */
  void *refused_ctx;
};

/* ---- life -------------------------------------------------------------------- */

/*
 * Binds, listens and serves; NULL with an error. The port is bound with SO_REUSEPORT:
 * a successor of the same user can start before this server has ended.
 * ERR_UNAVAILABLE: the address is in use or may not be bound; ERR_INVALID: the
 * address, the certificate pair or the client CA is no good, or plain HTTP off loopback.
 */
struct http_server *http_server_start(const struct http_config *config,
                                      struct err *reterr) SG_MUST_CHECK;
/* Whether a server would take it for http_config.client_ca_pem, asked before there is one. */
bool http_check_client_ca(struct str pem, struct err *reterr) SG_MUST_CHECK;
uint16_t http_server_port(const struct http_server *server);

/*
 * New handshakes get this pair and are asked for certificates of these client CAs;
 * connections keep what they began with. What cannot be read or does not match leaves all
 * of the old serving (ERR_INVALID). So does a server that would begin or cease to ask: an
 * empty file must not open the door. ERR_INVALID with plain HTTP.
 */
bool http_server_reload(struct http_server *server, struct str cert_pem, struct str key_pem,
                        struct str client_ca_pem, struct err *reterr) SG_MUST_CHECK;

/*
 * Ends without failing a call. At once every answer carries "Connection: close", and
 * new connections are steered to a successor on this port if there is one. Connections
 * are still accepted for accept_ms (while others learn that this server is
 * going), then until none has come for a short while; then the port is closed. Idle
 * connections are closed after idle_ms without a request. Returns true when nothing is
 * left, false when deadline_ms passed first; http_server_stop then cuts what remains.
 */
struct http_drain {
  int64_t accept_ms;   /* 0: only until the accept queue is empty */
  int64_t idle_ms;     /* 0: 1,000 */
  int64_t deadline_ms; /* 0: 20,000 */
};
bool http_server_drain(struct http_server *server, const struct http_drain *drain);
/* Closes everything at once, waits for the threads, frees. NULL is accepted. */
void http_server_stop(struct http_server *server);

/* Counters since the start, and gauges. */
struct http_stats {
  int64_t connections;     /* open now */
  int64_t in_flight;       /* requests between header and last byte, now */
  int64_t buffered_bytes;  /* now */
  int64_t accepted;        /* connections */
  int64_t refused;         /* connections above a cap */
  int64_t handshake_fails; /* connections that ended before the handshake did */
  int64_t clients_refused; /* of these: no client certificate, or not a good one */
  int64_t expired_handshake;
  int64_t expired_header;
  int64_t expired_body;
  int64_t expired_reply;
  int64_t expired_idle;
  int64_t overloaded; /* requests answered 503 over buffered_bytes */
};
void http_server_stats(const struct http_server *server, struct http_stats *ret);

#endif

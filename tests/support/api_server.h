/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An API server that follows a script, to see how a client takes what servers and networks do.
 * Each request, on whatever connection it comes, takes the next step. When there is none left,
 * requests wait without an answer until the server is stopped.
 */
#ifndef SLICEGATE_TESTS_API_SERVER_H
#define SLICEGATE_TESTS_API_SERVER_H

#include "slicegate/base.h"

/* How a body is sent, and what happens behind it. */
enum api_how {
  API_SIZED = 0,          /* Content-Length */
  API_CHUNKED = 1 << 0,   /* in one chunk */
  API_BYTEWISE = 1 << 1,  /* each byte a chunk and a packet of its own */
  API_SPLIT = 1 << 2,     /* two chunks, parted at `split` */
  API_GZIP = 1 << 3,      /* packed, if the client takes that */
  API_HANG = 1 << 4,      /* nothing more, not even the end, until the client goes */
  API_RESET = 1 << 5,     /* the connection is reset instead of the end */
  API_CUT = 1 << 6,       /* the connection is closed instead of the end */
  API_REPEAT = 1 << 7,    /* the body again and again until the client goes */
  API_NO_ANSWER = 1 << 8, /* not even a status; then API_HANG, API_RESET or API_CUT */
  API_ENDLESS_HEADERS = 1 << 9,
};

struct api_step {
  const char *want;   /* the request's head must have it; NULL: anything goes */
  unsigned status;    /* 0: 200 */
  const char *header; /* "Retry-After: 1\r\n", or NULL; without a Content-Type it is JSON */
  const char *body;   /* NULL: empty */
  size_t body_len;    /* 0: up to its NUL */
  unsigned how;       /* of enum api_how */
  size_t split;
  int pause_ms; /* between bytes or chunks */
};

struct api_request {
  char head[4096]; /* request line and headers, cut */
  char body[4096]; /* cut */
};

enum { API_REQUESTS_MAX = 256 };

struct api_server;
/* TLS with this certificate if `cert_pem` is not empty; a client's is asked for, and accepted if
 * `ca_pem` (not empty) signed it. Steps are borrowed. Aborts when it cannot start. */
struct api_server *api_server_start(const struct api_step *steps, size_t count, struct str cert_pem,
                                    struct str key_pem, struct str ca_pem);
/* The same without TLS, with an answer thought of for each request, one at a time; false: none. */
typedef bool api_decide_fn(void *ctx, const struct api_request *request, struct api_step *ret);
struct api_server *api_server_start_deciding(api_decide_fn *decide, void *ctx);
void api_server_stop(struct api_server *server);
uint16_t api_server_port(const struct api_server *server);
/* Requests so far; what did not match its step, "" when all did. */
size_t api_server_count(struct api_server *server);
const char *api_server_complaint(struct api_server *server);
const struct api_request *api_server_request(struct api_server *server, size_t index);
/* Waits for that many requests, 10 s at most. */
bool api_server_wait(struct api_server *server, size_t count);
/* Connections accepted. */
size_t api_server_connections(struct api_server *server);

#endif

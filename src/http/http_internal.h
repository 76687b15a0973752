/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs where. The *keeper* thread owns the listening socket: it accepts, hands the
 * sockets to libmicrohttpd's *workers* (an epoll loop each), looks ten times a second
 * for deadlines that have passed, and runs the drain. Workers do TLS, HTTP and handlers.
 *
 * A connection is an entry of the table (table.c) from accept to close. The table's
 * mutex is held around every use of a descriptor by the keeper and taken by the worker
 * before the descriptor is closed: a number is never used after its socket is gone.
 */
#ifndef SLICEGATE_HTTP_INTERNAL_H
#define SLICEGATE_HTTP_INTERNAL_H

#include "slicegate/http.h"
#include "slicegate/sys.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

/* ---- certificates (tls.c) ----------------------------------------------------- */

/* A certificate with its key. A connection holds a reference until it is closed. */
struct creds {
  _Atomic int refs;
  gnutls_certificate_credentials_t x509;
};
struct creds *creds_new(struct str cert_pem, struct str key_pem, struct err *reterr) SG_MUST_CHECK;
struct creds *creds_ref(struct creds *creds);
void creds_unref(struct creds *creds);

/* ---- connections ---------------------------------------------------------------- */

/*
 * What a connection is doing, each with a limit of its own. QUEUED is between accept
 * and the worker taking over; WORKING is the handler's time and has no limit.
 */
enum phase {
  PHASE_QUEUED,
  PHASE_HANDSHAKE,
  PHASE_IDLE,
  PHASE_HEADER,
  PHASE_BODY,
  PHASE_WORKING,
  PHASE_REPLY,
  PHASE_COUNT
};

/* One request, from the end of its header to the last byte of the answer. */
struct exchange {
  const char *method; /* libmicrohttpd's, as long as the exchange */
  const char *path;
  const struct route *route;
  unsigned refusal; /* the status to answer without asking the handler; 0 = none */
  const char *refusal_text;
  unsigned allow;  /* for 405: the methods */
  bool must_close; /* the next request's start is not known, or not wanted */
  char *body;
  size_t body_len;
  size_t body_cap;      /* what is booked in server->buffered_bytes */
  size_t body_seen;     /* kept or not */
  size_t body_expected; /* Content-Length; SIZE_MAX when chunked */
  struct sys_mono began;
  int64_t handler_us;
  unsigned status; /* of the answer that was queued; 0 = none */
  size_t response_bytes;
};

struct conn {
  uint32_t magic;
  int fd;
  size_t worker;  /* which of the server's */
  bool is_queued; /* under the table's mutex */
  struct http_server *server;
  struct in6_addr addr; /* IPv4 as ::ffff:a.b.c.d */
  char peer[INET6_ADDRSTRLEN];
  /*
   * The phase in the low three bits, the rest the monotonic time in ns when it began:
   * one word, so that the keeper never sees the one without the other.
   */
  _Atomic int64_t state;
  /* From here on the worker's alone. */
  struct creds *creds;
  gnutls_session_t session;
  bool is_established; /* the TLS handshake has ended well */
  char *rx;            /* received, not yet taken by GnuTLS; NULL when there is nothing */
  size_t rx_pos;
  size_t rx_len;
  int64_t requests;
  struct exchange exchange;
};
enum { CONN_MAGIC = 0x73676331 };

/* ---- the server ----------------------------------------------------------------- */

struct route {
  struct http_route def;
  size_t prefix_len; /* 0: exact; else the bytes before the star */
};

struct table {
  pthread_mutex_t mutex;
  struct conn **by_fd;
  size_t cap;
  int64_t count;
  int64_t queued; /* of these, not taken over by their worker yet */
  pthread_cond_t none_queued;
};

/*
 * An epoll loop of libmicrohttpd's on a thread of its own. Not its thread pool, which
 * deals connections out by descriptor numbers: an API server keeps a few connections for
 * long, and they are to be spread evenly.
 */
struct worker {
  struct MHD_Daemon *daemon;
  int64_t connections; /* under the table's mutex */
};

struct counters {
  _Atomic int64_t in_flight;
  _Atomic int64_t buffered_bytes;
  _Atomic int64_t accepted;
  _Atomic int64_t refused;
  _Atomic int64_t handshake_fails;
  _Atomic int64_t overloaded;
  _Atomic int64_t expired[PHASE_COUNT];
};

struct http_server {
  struct http_limits limits;
  struct route *routes;
  size_t route_count;
  http_access_fn *access;
  void *access_ctx;

  struct worker *workers;
  size_t worker_count;
  uint16_t port;
  int listen_fd; /* the keeper's; -1 once closed */
  int event_fd;  /* wakes the keeper */

  struct table table;
  struct counters counters;

  pthread_mutex_t creds_mutex;
  struct creds *creds; /* for new connections */

  pthread_t keeper;
  bool keeper_is_running;
  pthread_mutex_t drain_mutex; /* guards `drain`, `drain_began` and `is_drained` */
  pthread_cond_t drain_done;
  struct http_drain drain;
  struct sys_mono drain_began;
  bool is_drained;
  _Atomic bool is_draining;
  _Atomic bool is_stopping;
};

/* ---- table.c ---- */

void table_init(struct table *table);
void table_done(struct table *table); /* also frees what libmicrohttpd never reported closed */
/*
 * A new entry for an accepted socket, or NULL when a cap forbids it. It is given to the
 * worker with the fewest connections, and found by its descriptor until table_remove.
 */
struct conn *table_add(struct http_server *server, int fd, const struct sockaddr_storage *addr);
struct conn *table_find(struct table *table, int fd);
/* table_find for the worker that takes the connection over. */
struct conn *table_take_over(struct table *table, int fd);
/*
 * Waits, a while at most, until workers have taken over what they were given: a daemon
 * that is stopped before closes such a connection without a word to anybody.
 */
void table_wait_taken_over(struct table *table);
void table_remove(struct conn *conn); /* and frees it */
int64_t table_count(struct table *table);
/* Cuts connections that are over time; in a drain also those idle long enough. */
void table_sweep(struct http_server *server);

void conn_enter(struct conn *conn, enum phase phase);
static inline enum phase conn_phase(const struct conn *conn) {
  return (enum phase)(atomic_load_explicit(&conn->state, memory_order_relaxed) & 7);
}

/* ---- listen.c ---- */

int listen_open(const char *address, uint16_t port, uint16_t *ret_port, struct err *reterr);
/*
 * Asks the kernel to give new connections of the port to the socket at this index of
 * its SO_REUSEPORT group. With no such socket nothing changes.
 */
void listen_steer(int fd, unsigned index);

/* ---- keeper.c ---- */

void *keeper_main(void *server);
void keeper_wake(struct http_server *server);

/* ---- tls.c ---- */

/* The worker takes a connection over: certificate, read-ahead, end of handshake. */
void tls_attach(struct conn *conn, gnutls_session_t session);
void tls_detach(struct conn *conn);
extern const char tls_priorities[];

/* ---- route.c ---- */

void routes_init(struct http_server *server, const struct http_config *config);
/*
 * Judges a header: sets exchange->route, or refusal and what goes with it. Returns true
 * when a refusal must be answered at once, which ends the connection; false when the
 * body comes first (thrown away if refused: a client that is still sending would miss
 * the answer).
 */
bool route_judge(const struct http_server *server, struct MHD_Connection *mhd,
                 struct exchange *exchange);

/* ---- response.c ---- */

/* "GET, HEAD, POST", for a set of enum http_method. */
void response_allow(unsigned methods, struct buf *out);
/* Hands the answer to libmicrohttpd; empties *response. */
enum MHD_Result response_queue(struct MHD_Connection *mhd, struct http_response *response,
                               unsigned allow, bool must_close);

/* ---- exchange.c ---- */

enum MHD_Result exchange_on_request(void *server, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **context);
void exchange_on_completed(void *server, struct MHD_Connection *mhd, void **context,
                           enum MHD_RequestTerminationCode code);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs where. The *keeper* thread owns the listening socket: it accepts, gives each
 * connection to a *worker* and runs the drain. A worker is a thread with a daemon of
 * libmicrohttpd's, run by our own loop: it does the TLS, HTTP, handlers and deadlines of its
 * connections, and nothing of a connection is touched by another thread once the worker
 * has it. Between threads there are only a worker's inbox, the table of connections
 * (for the caps at the door) and counters.
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
  bool wants_client; /* a certificate of the client's, see client_ca.c */
};
struct creds *creds_new(struct str cert_pem, struct str key_pem, struct str client_ca_pem,
                        struct err *reterr) SG_MUST_CHECK;
struct creds *creds_ref(struct creds *creds);
void creds_unref(struct creds *creds);

/* ---- connections ---------------------------------------------------------------- */

/*
 * What a connection is doing, each with a limit of its own; WORKING is the handler's
 * time and has none. CUT: its time was over, the socket has been shut down.
 */
enum phase {
  PHASE_HANDSHAKE,
  PHASE_IDLE,
  PHASE_HEADER,
  PHASE_BODY,
  PHASE_WORKING,
  PHASE_REPLY,
  PHASE_CUT,
  PHASE_COUNT
};

/* One request, from the end of its header to the last byte of the answer. */
struct aside_job;
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
  size_t body_cap;      /* what is booked in counters.buffered_bytes */
  size_t body_seen;     /* kept or not */
  size_t body_expected; /* Content-Length; SIZE_MAX when chunked */
  struct sys_mono began;
  int64_t handler_us;
  struct aside_job *answered; /* by a handler that waited, and not sent yet */
  unsigned status;            /* of the answer that was queued; 0 = none */
  size_t response_bytes;
};

struct conn {
  uint32_t magic;
  int fd;
  struct worker *worker;
  struct in6_addr addr; /* IPv4 as ::ffff:a.b.c.d */
  char peer[INET6_ADDRSTRLEN];
  size_t table_index; /* under the table's mutex */
  struct conn *next;  /* in the worker's inbox, then in its list */
  struct conn *prev;
  /* From here on the worker's alone. */
  enum phase phase;
  struct sys_mono phase_began; /* on the coarse clock */
  bool is_established;         /* the TLS handshake has ended well; always, without TLS */
  bool is_verified;            /* the client's certificate has been found good */
  struct creds *creds;         /* NULL without TLS, as the next one */
  gnutls_session_t session;
  char *rx; /* received, not yet taken by GnuTLS; NULL when there is nothing */
  size_t rx_pos;
  size_t rx_len;
  int64_t requests;
  uint64_t received; /* bytes, at received_mark; 0 at first */
  struct exchange exchange;
};
enum { CONN_MAGIC = 0x73676331 };

static inline void conn_enter(struct conn *conn, enum phase phase) {
  conn->phase = phase;
  conn->phase_began = sys_mono_coarse();
}

/* ---- the server ----------------------------------------------------------------- */

struct route {
  struct http_route def;
  size_t prefix_len; /* 0: exact; else the bytes before the star */
};

struct worker {
  struct http_server *server;
  struct MHD_Daemon *daemon;
  int epoll_fd; /* the daemon's */
  int event_fd; /* something is in the inbox, or the server changes its state */
  pthread_t thread;
  bool is_running;
  _Atomic int64_t connections; /* given to it and not closed */
  pthread_mutex_t mutex;       /* guards the inbox and what is done */
  struct conn *inbox;
  struct aside_job *done; /* answers of handlers that waited */
  /* From here on the thread's alone. */
  struct conn *conns;
  struct conn *adding; /* what libmicrohttpd is just being given */
  bool did_something;  /* in this round of the daemon: bytes went or came, a callback ran */
  int idle_rounds;     /* in a row */
  struct sys_mono next_sweep;
  char *spare_rx;
  struct arena *arena;
};

struct table {
  pthread_mutex_t mutex;
  struct conn **conns;
  size_t count;
  size_t cap;
};

/* Threads for handlers that wait. */
struct aside {
  pthread_mutex_t mutex;
  pthread_cond_t come;
  struct aside_job *first; /* oldest first */
  _Atomic bool is_ending;
  pthread_t *threads;
  size_t count;
};

struct counters {
  _Atomic int64_t in_flight;
  _Atomic int64_t buffered_bytes;
  _Atomic int64_t accepted;
  _Atomic int64_t refused;
  _Atomic int64_t handshake_fails;
  _Atomic int64_t clients_refused;
  _Atomic int64_t overloaded;
  _Atomic int64_t expired[PHASE_COUNT];
};

struct http_server {
  struct http_limits limits;
  int64_t tick_ms; /* how late a deadline may be noticed */
  struct route *routes;
  size_t route_count;
  http_access_fn *access;
  void *access_ctx;
  http_refused_fn *refused;
  void *refused_ctx;

  struct worker *workers;
  size_t worker_count;
  uint16_t port;
  int listen_fd; /* the keeper's; -1 once closed */
  int event_fd;  /* wakes the keeper */

  struct aside aside;         /* of routes that wait long */
  struct aside aside_briefly; /* of those that may for a moment: never behind the others */
  struct table table;
  struct counters counters;

  bool uses_tls;
  pthread_mutex_t creds_mutex;
  struct creds *creds; /* for new connections; NULL without TLS */

  pthread_t keeper;
  bool keeper_is_running;
  pthread_mutex_t drain_mutex; /* guards `drain`, `drain_began` and `is_drained` */
  pthread_cond_t drain_done;
  struct http_drain drain;
  struct sys_mono drain_began;
  bool is_drained;
  _Atomic bool is_draining;
  _Atomic int64_t drain_idle_ms; /* once is_draining */
  _Atomic bool is_stopping;
};

/* Wakes who polls the descriptor. */
void event_signal(int event_fd);
void event_clear(int event_fd);
/* Fills server->tick_ms from the limits. */
void server_choose_tick(struct http_server *server);

/* ---- table.c ---- */

void table_init(struct table *table);
void table_done(struct table *table);
/* A new entry for an accepted socket, or NULL when a cap forbids it. */
struct conn *table_add(struct http_server *server, int fd, const struct sockaddr_storage *addr);
void table_remove(struct http_server *server, struct conn *conn); /* and frees it */
int64_t table_count(struct http_server *server);

/* ---- received.c ---- */

/* Without TLS: what has been received so far belongs to requests that have been read. */
void received_mark(const struct http_server *server, struct conn *conn);
/* Whether something has come since: the next request has begun. False with TLS. */
bool received_more(const struct http_server *server, const struct conn *conn);

/* ---- listen.c ---- */

int listen_open(const char *address, uint16_t port, uint16_t *ret_port, struct err *reterr);
/* Whether only this machine reaches the address; NULL is every address. */
bool listen_is_loopback(const char *address);
/*
 * Asks the kernel to give new connections of the port to the socket at this index of
 * its SO_REUSEPORT group. With no such socket nothing changes.
 */
void listen_steer(int fd, unsigned index);

/* ---- keeper.c ---- */

void *keeper_main(void *server);

/* ---- worker.c ---- */

/* Makes the daemon and starts the thread. join ends the thread once the server stops, and stop,
 * when nothing of it is aside any more, undoes as much as was done. */
bool worker_start(struct worker *worker, struct http_server *server, struct err *reterr);
void worker_join(struct worker *worker);
void worker_stop(struct worker *worker);
/* Hands a connection over. */
void worker_give(struct worker *worker, struct conn *conn);
/* Cuts connections that are over time; in a drain also those idle long enough. */
void worker_sweep(struct worker *worker);

/* ---- tls.c ---- */

/* Certificate, transport and the end of the handshake of a new connection's session. */
void tls_attach(struct conn *conn, gnutls_session_t session);
void tls_detach(struct conn *conn);
extern const char tls_priorities[];
/* A view of a PEM text as GnuTLS takes it. */
gnutls_datum_t tls_datum(struct str pem);

/* ---- client_ca.c ---- */

/* Makes sessions with these credentials want a certificate that chains to one of the CAs. */
bool client_ca_load(struct creds *creds, struct str pem, struct err *reterr);
/* Asks the client of a new session, if its credentials want that. */
void client_ca_ask(struct conn *conn);
/* At the end of a handshake: whether the client has shown what is wanted. If not, it must fail. */
bool client_ca_is_satisfied(const struct conn *conn);

/* ---- aside.c ---- */

/* init, start (where there are such routes; 0 threads: 4), done; what waits when it is done is
 * answered with 503. */
void aside_init(struct aside *aside);
bool aside_start(struct aside *aside, unsigned threads, struct err *reterr);
void aside_done(struct aside *aside);
/* Suspends the connection and has its handler run aside. */
void aside_ask(struct conn *conn, const struct http_request *request,
               const struct http_response *response);
/* On the worker's thread: its connections that have their answers go on. */
void aside_take_done(struct worker *worker);
/* The answer, which is the caller's now. */
struct http_response aside_finish(struct exchange *exchange);
/* Of a connection that ends before it is sent. */
void aside_drop(struct exchange *exchange);

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

enum MHD_Result exchange_on_request(void *worker, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **context);
void exchange_on_completed(void *worker, struct MHD_Connection *mhd, void **context,
                           enum MHD_RequestTerminationCode code);

#endif

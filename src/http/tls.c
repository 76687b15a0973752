/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS beside libmicrohttpd: it makes the GnuTLS sessions and calls them; what they
 * hold and how they touch the socket is set here, before the first byte.
 */
#include "http_internal.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <sys/socket.h>

/* AES-128-GCM first: processors do it in hardware, and it is the cheapest of the good ones. */
const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
                              ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
                              ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"
                              ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
                              ":%SERVER_PRECEDENCE";

enum { PEM_MAX_BYTES = 1 << 20 };

/* ---- certificates ------------------------------------------------------------- */

/* GnuTLS takes pointers to unsigned char that are not const, and writes nothing. */
gnutls_datum_t tls_datum(struct str pem) {
  return (gnutls_datum_t){(unsigned char *)(uintptr_t)pem.ptr, (unsigned)pem.len};
}

struct chain {
  gnutls_x509_crt_t *certs;
  unsigned count;
};

static void chain_done(struct chain *chain) {
  for (unsigned i = 0; i < chain->count; i++)
    gnutls_x509_crt_deinit(chain->certs[i]);
  gnutls_free(chain->certs);
}

static void key_done(gnutls_x509_privkey_t *key) {
  if (*key)
    gnutls_x509_privkey_deinit(*key);
}

static bool fail_gnutls(struct err *reterr, const char *what, int result) {
  return err_set(reterr, ERR_INVALID, "%s: %s", what, gnutls_strerror(result));
}

/*
 * Certificate and key are read here and handed over read: what GnuTLS 3.7 does in one
 * call, gnutls_certificate_set_x509_key_mem2, loses memory when it cannot read them.
 */
static bool load_pair(gnutls_certificate_credentials_t x509, struct str cert_pem,
                      struct str key_pem, struct err *reterr) {
  SG_CLEANUP(key_done) gnutls_x509_privkey_t key = NULL;
  gnutls_x509_crt_t *certs = NULL;
  unsigned count = 0;
  gnutls_datum_t cert_datum = tls_datum(cert_pem);
  gnutls_datum_t key_datum = tls_datum(key_pem);
  if (cert_pem.len == 0 || cert_pem.len > PEM_MAX_BYTES)
    return err_set(reterr, ERR_INVALID, "certificate: empty or too large");
  if (key_pem.len == 0 || key_pem.len > PEM_MAX_BYTES)
    return err_set(reterr, ERR_INVALID, "private key: empty or too large");
  int result = gnutls_x509_crt_list_import2(&certs, &count, &cert_datum, GNUTLS_X509_FMT_PEM,
                                            GNUTLS_X509_CRT_LIST_SORT);
  if (result < 0)
    return fail_gnutls(reterr, "certificate", result);
  SG_CLEANUP(chain_done) struct chain chain = {certs, count};
  result = gnutls_x509_privkey_init(&key);
  if (result == 0)
    result = gnutls_x509_privkey_import2(key, &key_datum, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (result < 0)
    return fail_gnutls(reterr, "private key", result);
  /* Copies both, and checks that they match. */
  result = gnutls_certificate_set_x509_key(x509, chain.certs, (int)chain.count, key);
  return result >= 0 || fail_gnutls(reterr, "certificate and private key", result);
}

struct creds *creds_new(struct str cert_pem, struct str key_pem, struct str client_ca_pem,
                        struct err *reterr) {
  struct creds *creds = mem_zalloc(sizeof(*creds));
  atomic_store(&creds->refs, 1);
  if (gnutls_certificate_allocate_credentials(&creds->x509) != 0) {
    free(creds);
    (void)err_set(reterr, ERR_INTERNAL, "out of memory for a certificate");
    return NULL;
  }
  if (load_pair(creds->x509, cert_pem, key_pem, reterr) &&
      (client_ca_pem.len == 0 || client_ca_load(creds, client_ca_pem, reterr)))
    return creds;
  creds_unref(creds);
  return NULL;
}

struct creds *creds_ref(struct creds *creds) {
  (void)atomic_fetch_add(&creds->refs, 1);
  return creds;
}

void creds_unref(struct creds *creds) {
  if (!creds || atomic_fetch_sub(&creds->refs, 1) != 1)
    return;
  gnutls_certificate_free_credentials(creds->x509);
  free(creds);
}

/* ---- transport ----------------------------------------------------------------- */

/*
 * GnuTLS reads a record in two calls, five bytes and the rest. Reading ahead makes it
 * one recv(2) for as many records as have come. A buffer is needed only while something
 * is in it, so a worker's connections take turns with one, which stays in cache.
 */
enum { RX_BYTES = 17 << 10 }; /* a whole record */

static char *rx_take(struct worker *worker) {
  char *rx = worker->spare_rx ? worker->spare_rx : mem_zalloc(RX_BYTES);
  worker->spare_rx = NULL;
  return rx;
}

static void rx_give_back(struct conn *conn) {
  if (conn->worker->spare_rx)
    free(conn->rx);
  else
    conn->worker->spare_rx = conn->rx;
  conn->rx = NULL;
}

/* Tells GnuTLS why, and the worker whether anything moved. */
static ssize_t note_result(struct conn *conn, ssize_t n) {
  if (n < 0)
    gnutls_transport_set_errno(conn->session, errno);
  if (n >= 0 || (errno != EAGAIN && errno != EINTR))
    conn->worker->did_something = true;
  return n;
}

static ssize_t receive(struct conn *conn, void *bytes, size_t size) {
  ssize_t n = note_result(conn, recv(conn->fd, bytes, size, 0));
  if (n > 0 && conn->phase == PHASE_IDLE)
    conn_enter(conn, PHASE_HEADER); /* a request has begun, as far as one can tell from outside */
  return n;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *bytes, size_t size) {
  struct conn *conn = ptr;
  if (!conn->rx) {
    conn->rx = rx_take(conn->worker);
    conn->rx_pos = conn->rx_len = 0;
    ssize_t n = receive(conn, conn->rx, RX_BYTES);
    if (n <= 0) {
      rx_give_back(conn);
      return n;
    }
    conn->rx_len = (size_t)n;
  }
  size_t n = conn->rx_len - conn->rx_pos;
  if (n > size)
    n = size;
  memcpy(bytes, conn->rx + conn->rx_pos, n);
  conn->rx_pos += n;
  conn->worker->did_something = true;
  if (conn->rx_pos == conn->rx_len)
    rx_give_back(conn);
  return (ssize_t)n;
}

/* Sockets do not block: whether something has come, pull() itself says. */
static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms) {
  (void)ptr;
  (void)ms;
  return 1;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *pieces, int count) {
  struct conn *conn = ptr;
  const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                                 .msg_iovlen = (size_t)count};
  return note_result(conn, sendmsg(conn->fd, &message, MSG_NOSIGNAL));
}

/* ---- sessions ------------------------------------------------------------------- */

/*
 * The client's Finished is the last message that it owes, in TLS 1.3 and in 1.2, so
 * from there on the handshake's deadline has no point.
 */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message) {
  (void)type;
  (void)when;
  (void)message;
  struct conn *conn = gnutls_transport_get_ptr(session);
  if (incoming && conn->phase == PHASE_HANDSHAKE) {
    if (!client_ca_is_satisfied(conn))
      return GNUTLS_E_CERTIFICATE_ERROR;
    conn->is_established = true;
    conn_enter(conn, PHASE_IDLE);
  }
  return 0;
}

/* A ClientHello is 2 KiB when it is long; GnuTLS would buffer 128 for each connection. */
enum { HANDSHAKE_MAX_BYTES = 16 << 10 };

void tls_attach(struct conn *conn, gnutls_session_t session) {
  struct http_server *server = conn->worker->server;
  conn->session = session;
  (void)pthread_mutex_lock(&server->creds_mutex);
  conn->creds = creds_ref(server->creds);
  (void)pthread_mutex_unlock(&server->creds_mutex);
  /* Takes the place of the daemon's credentials, which are empty. */
  (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, conn->creds->x509);
  client_ca_ask(conn);
  gnutls_transport_set_ptr(session, conn);
  gnutls_transport_set_vec_push_function(session, push);
  gnutls_transport_set_pull_function(session, pull);
  gnutls_transport_set_pull_timeout_function(session, pull_timeout);
  gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MAX_BYTES);
  gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                     on_finished);
}

void tls_detach(struct conn *conn) {
  if (conn->rx)
    rx_give_back(conn);
  creds_unref(conn->creds);
  conn->creds = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS beside libmicrohttpd: it makes the GnuTLS sessions and calls them; what they
 * hold and how they touch the socket is set here, before the first byte.
 */
#include "http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* AES-128-GCM first: processors do it in hardware, and it is the cheapest of the good ones. */
const char tls_priorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
                              ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
                              ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"
                              ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
                              ":%SERVER_PRECEDENCE";

/* ---- certificates ------------------------------------------------------------- */

struct creds *creds_new(struct str cert_pem, struct str key_pem, struct err *reterr) {
  struct creds *creds = mem_zalloc(sizeof(*creds));
  atomic_store(&creds->refs, 1);
  if (gnutls_certificate_allocate_credentials(&creds->x509) != 0) {
    free(creds);
    (void)err_set(reterr, ERR_INTERNAL, "out of memory for a certificate");
    return NULL;
  }
  if (cert_pem.len == 0 || key_pem.len == 0 || cert_pem.len > UINT32_MAX ||
      key_pem.len > UINT32_MAX) {
    (void)err_set(reterr, ERR_INVALID, "certificate or key is empty");
    creds_unref(creds);
    return NULL;
  }
  /* GnuTLS takes pointers to unsigned char that are not const, and writes nothing. */
  gnutls_datum_t cert = {(unsigned char *)(uintptr_t)cert_pem.ptr, (unsigned)cert_pem.len};
  gnutls_datum_t key = {(unsigned char *)(uintptr_t)key_pem.ptr, (unsigned)key_pem.len};
  int result =
      gnutls_certificate_set_x509_key_mem2(creds->x509, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (result < 0) {
    (void)err_set(reterr, ERR_INVALID, "certificate and key are no usable pair: %s",
                  gnutls_strerror(result));
    creds_unref(creds);
    return NULL;
  }
  return creds;
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

/* ---- reading ahead -------------------------------------------------------------- */

/*
 * GnuTLS reads a record in two calls, five bytes and the rest. Reading ahead makes it
 * one recv(2) for as many records as have come. A buffer is needed only while something
 * is in it, so a thread's connections take turns with one, which stays in cache.
 */
enum { RX_BYTES = 17 << 10 }; /* a whole record */

static _Thread_local char *spare_rx;
static pthread_key_t spare_rx_key; /* frees the spare with its thread */
static pthread_once_t spare_rx_once = PTHREAD_ONCE_INIT;

static void make_spare_rx_key(void) {
  (void)pthread_key_create(&spare_rx_key, free);
}

static char *rx_take(void) {
  char *rx = spare_rx;
  if (!rx)
    return mem_zalloc(RX_BYTES);
  spare_rx = NULL;
  (void)pthread_setspecific(spare_rx_key, NULL);
  return rx;
}

static void rx_give_back(char *rx) {
  if (spare_rx) {
    free(rx);
    return;
  }
  spare_rx = rx;
  (void)pthread_once(&spare_rx_once, make_spare_rx_key);
  (void)pthread_setspecific(spare_rx_key, rx);
}

static ssize_t receive(struct conn *conn, void *bytes, size_t size) {
  ssize_t n;
  do {
    n = recv(conn->fd, bytes, size, 0);
  } while (n < 0 && errno == EINTR);
  if (n > 0 && conn_phase(conn) == PHASE_IDLE)
    conn_enter(conn, PHASE_HEADER); /* a request has begun, as far as one can tell from outside */
  return n;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *bytes, size_t size) {
  struct conn *conn = ptr;
  if (!conn->rx) {
    conn->rx = rx_take();
    conn->rx_pos = conn->rx_len = 0;
    ssize_t n = receive(conn, conn->rx, RX_BYTES);
    if (n <= 0) {
      int number = errno;
      rx_give_back(conn->rx);
      conn->rx = NULL;
      if (n < 0)
        gnutls_transport_set_errno(conn->session, number);
      return n;
    }
    conn->rx_len = (size_t)n;
  }
  size_t n = conn->rx_len - conn->rx_pos;
  if (n > size)
    n = size;
  memcpy(bytes, conn->rx + conn->rx_pos, n);
  conn->rx_pos += n;
  if (conn->rx_pos == conn->rx_len) {
    rx_give_back(conn->rx);
    conn->rx = NULL;
  }
  return (ssize_t)n;
}

/* Sockets do not block: whether something has come, pull() itself says. */
static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms) {
  (void)ptr;
  (void)ms;
  return 1;
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
  if (incoming && conn_phase(conn) == PHASE_HANDSHAKE) {
    conn->is_established = true;
    conn_enter(conn, PHASE_IDLE);
  }
  return 0;
}

void tls_attach(struct conn *conn, gnutls_session_t session) {
  struct http_server *server = conn->server;
  conn->session = session;
  (void)pthread_mutex_lock(&server->creds_mutex);
  conn->creds = creds_ref(server->creds);
  (void)pthread_mutex_unlock(&server->creds_mutex);
  /* Takes the place of the daemon's credentials, which are empty. */
  (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, conn->creds->x509);
  gnutls_transport_set_ptr2(session, conn, (gnutls_transport_ptr_t)(intptr_t)conn->fd);
  gnutls_transport_set_pull_function(session, pull);
  gnutls_transport_set_pull_timeout_function(session, pull_timeout);
  gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                     on_finished);
}

void tls_detach(struct conn *conn) {
  if (conn->rx)
    rx_give_back(conn->rx);
  conn->rx = NULL;
  creds_unref(conn->creds);
  conn->creds = NULL;
}

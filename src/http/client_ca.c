/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that clients must show. GnuTLS is told to ask for one, not to insist: so
 * verify() hears of a client without any as well, and can tell it why it fails. Whatever
 * GnuTLS does, a connection is established only once client_ca_is_satisfied.
 */
#include "http_internal.h"

#include <gnutls/x509.h>

enum { CLIENT_CA_MAX_BYTES = 1 << 20 };

/* ---- the CAs -------------------------------------------------------------------- */

struct list {
  gnutls_x509_crt_t *certs;
  unsigned count;
};

static void list_done(struct list *list) {
  for (unsigned i = 0; i < list->count; i++)
    gnutls_x509_crt_deinit(list->certs[i]);
  gnutls_free(list->certs);
}

/*
 * GnuTLS trusts whatever is in its list, also a leaf that is there by mistake (tls.crt for
 * ca.crt), for itself. Certificates of version 1 cannot say what they are.
 */
static bool check_cas(const struct list *list, struct err *reterr) {
  for (unsigned i = 0; i < list->count; i++) {
    unsigned critical;
    if (gnutls_x509_crt_get_version(list->certs[i]) >= 3 &&
        gnutls_x509_crt_get_ca_status(list->certs[i], &critical) <= 0)
      return err_set(reterr, ERR_INVALID,
                     "client CA: certificate %u of %u is not a CA; certificates of clients belong "
                     "with the clients",
                     i + 1, list->count);
  }
  return true;
}

static bool read_cas(struct str pem, struct list *ret, struct err *reterr) {
  gnutls_datum_t datum = tls_datum(pem);
  if (pem.len > CLIENT_CA_MAX_BYTES)
    return err_set(reterr, ERR_INVALID, "client CA: too large");
  int result =
      gnutls_x509_crt_list_import2(&ret->certs, &ret->count, &datum, GNUTLS_X509_FMT_PEM, 0);
  if (result < 0)
    return err_set(reterr, ERR_INVALID, "client CA: %s", gnutls_strerror(result));
  return check_cas(ret, reterr);
}

bool http_check_client_ca(struct str pem, struct err *reterr) {
  SG_CLEANUP(list_done) struct list list = {0};
  return read_cas(pem, &list, reterr);
}

static int verify(gnutls_session_t session);

bool client_ca_load(struct creds *creds, struct str pem, struct err *reterr) {
  SG_CLEANUP(list_done) struct list list = {0};
  if (!read_cas(pem, &list, reterr))
    return false;
  /* Copies them. */
  int result = gnutls_certificate_set_x509_trust(creds->x509, list.certs, (int)list.count);
  if (result < 0)
    return err_set(reterr, ERR_INVALID, "client CA: %s", gnutls_strerror(result));
  gnutls_certificate_set_verify_function(creds->x509, verify);
  creds->wants_client = true;
  return true;
}

/* ---- handshakes ----------------------------------------------------------------- */

/* Tells whoever operates the server, then the client; the caller ends the handshake. */
static void refuse(struct conn *conn, gnutls_alert_description_t alert, const char *reason) {
  struct http_server *server = conn->worker->server;
  (void)atomic_fetch_add(&server->counters.clients_refused, 1);
  if (server->refused)
    server->refused(server->refused_ctx, conn->peer, reason);
  (void)gnutls_alert_send(conn->session, GNUTLS_AL_FATAL, alert);
}

static void refuse_empty(struct conn *conn) {
  /* TLS 1.2 has no alert that says it. */
  bool is_13 = gnutls_protocol_get_version(conn->session) == GNUTLS_TLS1_3;
  refuse(conn, is_13 ? GNUTLS_A_CERTIFICATE_REQUIRED : GNUTLS_A_HANDSHAKE_FAILURE,
         "a client certificate is required, and none was shown");
}

static void refuse_status(struct conn *conn, unsigned status) {
  if (status & GNUTLS_CERT_EXPIRED)
    refuse(conn, GNUTLS_A_CERTIFICATE_EXPIRED, "the client certificate has expired");
  else if (status & GNUTLS_CERT_NOT_ACTIVATED)
    refuse(conn, GNUTLS_A_CERTIFICATE_EXPIRED, "the client certificate is not valid yet");
  else if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
    refuse(conn, GNUTLS_A_UNKNOWN_CA, "the client certificate is not from the client CA");
  else if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
    refuse(conn, GNUTLS_A_UNSUPPORTED_CERTIFICATE,
           "the certificate is not for clients (extended key usage clientAuth)");
  else
    refuse(conn, GNUTLS_A_BAD_CERTIFICATE, "the client certificate cannot be verified");
}

/* GnuTLS calls it when the client has answered; that it has the key is proven apart. */
static int verify(gnutls_session_t session) {
  struct conn *conn = gnutls_transport_get_ptr(session);
  gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                   .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
  unsigned status = GNUTLS_CERT_INVALID;
  int result = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
  if (result == 0 && status == 0) {
    conn->is_verified = true;
    return 0;
  }
  if (result == GNUTLS_E_NO_CERTIFICATE_FOUND)
    refuse_empty(conn);
  else
    refuse_status(conn, result == 0 ? status : GNUTLS_CERT_INVALID);
  return GNUTLS_E_CERTIFICATE_ERROR;
}

void client_ca_ask(struct conn *conn) {
  if (conn->creds->wants_client)
    gnutls_certificate_server_set_request(conn->session, GNUTLS_CERT_REQUEST);
}

bool client_ca_is_satisfied(const struct conn *conn) {
  return !conn->creds->wants_client || conn->is_verified;
}

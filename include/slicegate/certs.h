/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs: makes the certificate authority, the serving certificate and the certificates of
 * clients of an installation that has no cert-manager, and reads dates and bundles for
 * those that have. Keys are ECDSA P-256. It serves nothing and verifies no peer.
 *
 * Functions share no state; any thread may call them. Files are written as one set,
 * all or nothing.
 */
#ifndef SLICEGATE_CERTS_H
#define SLICEGATE_CERTS_H

#include "slicegate/base.h"

/* The files of a directory, by these names. Keys have mode 0600, certificates 0644. */
#define CERTS_CA_CERT "ca.crt"
#define CERTS_CA_KEY "ca.key"
#define CERTS_CERT "tls.crt" /* the leaf alone: its issuer is the trust anchor */
#define CERTS_KEY "tls.key"
#define CERTS_CLIENT_CERT "client.crt"
#define CERTS_CLIENT_KEY "client.key"

enum {
  CERTS_NAMES_MAX = 64,
  CERTS_CLIENT_NAME_MAX = 64,
  CERTS_DAYS_MAX = 36500,
  CERTS_PEM_MAX_BYTES = 1 << 20
};

struct certs_request {
  const char *dir; /* must exist */
  /*
   * What clients will call the server: DNS names ("slicegate.gpu.svc", "*.example.com")
   * and IP addresses. At least one, together at most CERTS_NAMES_MAX.
   */
  const char *const *dns_names;
  size_t dns_count;
  const char *const *ips;
  size_t ip_count;
  /*
   * Instead of these: a certificate for a client of this name ("kube-scheduler"), up to
   * CERTS_CLIENT_NAME_MAX printable ASCII characters. No client takes it for a server's, and
   * no server a server's for it.
   */
  const char *client_name;
  int ca_days;   /* 0 = 3650 */
  int leaf_days; /* 0 = 365, or up to the CA's end; a number beyond it is ERR_INVALID */
  /*
   * Sign with the CA that is in `dir` instead of making one: its key must match, it
   * must be a CA and within its dates. Only tls.crt and tls.key are written, or client.crt
   * and client.key.
   */
  bool reuse_ca;
  bool force; /* replace files that exist; without it they are ERR_EXISTS */
};

/*
 * Makes keys and certificates and writes them. ERR_INVALID: a name, address or number is wrong, or
 * the CA to be used is no good; ERR_EXISTS: names the file; ERR_NOT_FOUND: the
 * directory, or the CA's files with reuse_ca. After a failure the directory is as it was.
 */
bool certs_issue(const struct certs_request *request, struct err *reterr) SG_MUST_CHECK;

/* What a certificate says of itself. Times are seconds since 1970 UTC. */
struct certs_info {
  int64_t not_before;
  int64_t not_after;
  bool is_ca;
  char subject[256]; /* "CN=slicegate" */
  char issuer[256];
};
/* The first certificate of a PEM text. ERR_INVALID when there is none. */
bool certs_read(struct str pem, struct certs_info *ret, struct err *reterr) SG_MUST_CHECK;

/*
 * Checks that a PEM text is a bundle that a webhook configuration may carry: certificates only
 * (text around them is allowed), each parses, none is a private key, at least one. Returns their
 * number and the earliest end among them.
 */
bool certs_check_bundle(struct str pem, size_t *ret_count, int64_t *ret_first_not_after,
                        struct err *reterr) SG_MUST_CHECK;

/* Whether a certificate (the first of the PEM text) can be verified with a bundle, now. */
bool certs_is_signed_by(struct str cert_pem, struct str bundle_pem,
                        struct err *reterr) SG_MUST_CHECK;

/* To recognise secrets by, without keeping them. */
enum { CERTS_SHA256_BYTES = 32 };
void certs_sha256(struct str bytes, unsigned char ret[CERTS_SHA256_BYTES]);

#endif

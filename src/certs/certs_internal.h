/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_CERTS_INTERNAL_H
#define SLICEGATE_CERTS_INTERNAL_H

#include "slicegate/certs.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

void certs_x509_free(X509 **cert);
void certs_pkey_free(EVP_PKEY **key);
void certs_bio_free(BIO **bio);
#define CLEANUP_X509 SG_CLEANUP(certs_x509_free)
#define CLEANUP_PKEY SG_CLEANUP(certs_pkey_free)
#define CLEANUP_BIO SG_CLEANUP(certs_bio_free)

/* "what: OpenSSL's last reason"; empties OpenSSL's queue of errors. Returns false. */
bool certs_fail(struct err *reterr, enum err_code code, const char *what);
/* A view of PEM text as a BIO that reads it in place; NULL never. */
BIO *certs_bio_of(struct str pem);
/* The first certificate of a PEM text, or NULL with an error. */
X509 *certs_parse(struct str pem, struct err *reterr);
int64_t certs_seconds(const ASN1_TIME *time);

/* A file of the set that is written all or nothing. */
struct certs_file {
  const char *name;
  unsigned mode;
  struct str bytes;
};
/* Errors as certs_issue. */
bool certs_store(const char *dir, const struct certs_file *files, size_t count, bool force,
                 struct err *reterr);
/* "dir/name" in heap memory. */
char *certs_path(const char *dir, const char *name);

#endif

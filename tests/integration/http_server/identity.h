/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that nobody should issue: of any dates, for any use, signed by anybody. */
#ifndef SLICEGATE_TESTS_HTTP_IDENTITY_H
#define SLICEGATE_TESTS_HTTP_IDENTITY_H

#include "slicegate/base.h"

#include <openssl/x509.h>

struct identity {
  X509 *cert;
  EVP_PKEY *key;
  struct buf cert_pem;
  struct buf key_pem;
};

struct identity_wish {
  const struct identity *issuer; /* NULL: signs itself */
  const char *basic;             /* basicConstraints, "CA:TRUE"; NULL: the extension is absent */
  const char *usage;             /* extendedKeyUsage, "clientAuth"; NULL: absent */
  int from_days;                 /* relative to now */
  int to_days;
};

void identity_make(struct identity *identity, const struct identity_wish *wish);
/* A CA that is valid now. */
void identity_make_ca(struct identity *identity);
void identity_done(struct identity *identity);
#define CLEANUP_IDENTITY SG_CLEANUP(identity_done)

#endif

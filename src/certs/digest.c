/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/certs.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void certs_sha256(struct str bytes, unsigned char ret[CERTS_SHA256_BYTES]) {
  unsigned length = 0;
  if (EVP_Digest(bytes.ptr, bytes.len, ret, &length, EVP_sha256(), NULL) == 1 &&
      length == CERTS_SHA256_BYTES)
    return;
  /* As with malloc: no caller could go on without it. */
  (void)fputs("slicegate: SHA-256 is not available\n", stderr);
  abort();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reading certificates: dates, names, bundles, chains. */
#include "certs_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void certs_x509_free(X509 **cert) {
  X509_free(*cert);
}

void certs_pkey_free(EVP_PKEY **key) {
  EVP_PKEY_free(*key);
}

void certs_bio_free(BIO **bio) {
  BIO_free_all(*bio);
}

bool certs_fail(struct err *reterr, enum err_code code, const char *what) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  if (!reason)
    return err_set(reterr, code, "%s", what);
  return err_set(reterr, code, "%s: %s", what, reason);
}

BIO *certs_bio_of(struct str pem) {
  int len = pem.len > CERTS_PEM_MAX_BYTES ? CERTS_PEM_MAX_BYTES : (int)pem.len;
  BIO *bio = BIO_new_mem_buf(pem.ptr ? pem.ptr : "", len);
  if (!bio)
    abort(); /* out of memory */
  return bio;
}

int64_t certs_seconds(const ASN1_TIME *time) {
  struct tm tm = {0};
  if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
    return 0;
  return (int64_t)timegm(&tm);
}

X509 *certs_parse(struct str pem, struct err *reterr) {
  CLEANUP_BIO BIO *bio = certs_bio_of(pem);
  X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  if (!cert)
    (void)certs_fail(reterr, ERR_INVALID, "no certificate that can be read");
  return cert;
}

static void name_text(const X509_NAME *name, char *ret, size_t size) {
  CLEANUP_BIO BIO *bio = BIO_new(BIO_s_mem());
  char *text = NULL;
  long len = 0;
  if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
    len = BIO_get_mem_data(bio, &text);
  (void)snprintf(ret, size, "%.*s", (int)len, len > 0 ? text : "");
}

bool certs_read(struct str pem, struct certs_info *ret, struct err *reterr) {
  CLEANUP_X509 X509 *cert = certs_parse(pem, reterr);
  if (!cert)
    return false;
  ret->not_before = certs_seconds(X509_get0_notBefore(cert));
  ret->not_after = certs_seconds(X509_get0_notAfter(cert));
  ret->is_ca = X509_check_ca(cert) == 1;
  name_text(X509_get_subject_name(cert), ret->subject, sizeof(ret->subject));
  name_text(X509_get_issuer_name(cert), ret->issuer, sizeof(ret->issuer));
  return true;
}

/* ---- bundles ------------------------------------------------------------------- */

typedef bool block_fn(void *ctx, X509 *cert, struct err *reterr);

struct block {
  char *name;
  char *header;
  unsigned char *data;
  long len;
};

static void block_done(struct block *block) {
  OPENSSL_free(block->name);
  OPENSSL_free(block->header);
  OPENSSL_clear_free(block->data, (size_t)(block->len > 0 ? block->len : 0));
}

/* The end of the text, as opposed to a block that is cut off or garbled. */
static bool is_end(void) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* One block; sets *ret_done at the end of the text. */
static bool next_block(BIO *bio, size_t number, block_fn *each, void *ctx, bool *ret_done,
                       struct err *reterr) {
  SG_CLEANUP(block_done) struct block block = {0};
  if (PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.len) != 1) {
    if (!is_end()) {
      (void)certs_fail(reterr, ERR_INVALID, "malformed PEM");
      return err_wrap(reterr, "block %zu", number);
    }
    ERR_clear_error();
    *ret_done = true;
    return true;
  }
  if (strcmp(block.name, PEM_STRING_X509) != 0)
    return err_set(reterr, ERR_INVALID, "block %zu is a %s, not a certificate", number, block.name);
  const unsigned char *at = block.data;
  CLEANUP_X509 X509 *cert = d2i_X509(NULL, &at, block.len);
  if (!cert || at != block.data + block.len) {
    (void)certs_fail(reterr, ERR_INVALID, "no certificate that can be read");
    return err_wrap(reterr, "block %zu", number);
  }
  return each(ctx, cert, reterr);
}

static bool for_each_cert(struct str pem, block_fn *each, void *ctx, struct err *reterr) {
  if (pem.len > CERTS_PEM_MAX_BYTES)
    return err_set(reterr, ERR_LIMIT, "larger than %d bytes", CERTS_PEM_MAX_BYTES);
  CLEANUP_BIO BIO *bio = certs_bio_of(pem);
  bool is_done = false;
  for (size_t number = 1; !is_done; number++) {
    if (!next_block(bio, number, each, ctx, &is_done, reterr))
      return false;
  }
  return true;
}

struct bundle_facts {
  size_t count;
  int64_t first_not_after;
};

static bool note_cert(void *ctx, X509 *cert, struct err *reterr) {
  (void)reterr;
  struct bundle_facts *facts = ctx;
  int64_t not_after = certs_seconds(X509_get0_notAfter(cert));
  if (facts->count == 0 || not_after < facts->first_not_after)
    facts->first_not_after = not_after;
  facts->count++;
  return true;
}

bool certs_check_bundle(struct str pem, size_t *ret_count, int64_t *ret_first_not_after,
                        struct err *reterr) {
  struct bundle_facts facts = {0};
  if (!for_each_cert(pem, note_cert, &facts, reterr))
    return false;
  if (facts.count == 0)
    return err_set(reterr, ERR_INVALID, "no PEM certificate in it");
  *ret_count = facts.count;
  *ret_first_not_after = facts.first_not_after;
  return true;
}

/* ---- chains -------------------------------------------------------------------- */

static bool trust_cert(void *store, X509 *cert, struct err *reterr) {
  if (X509_STORE_add_cert(store, cert) != 1)
    return certs_fail(reterr, ERR_INTERNAL, "cannot use a certificate of the bundle");
  return true;
}

static bool push_cert(void *ctx, X509 *cert, struct err *reterr) {
  STACK_OF(X509) *stack = ctx;
  if (X509_up_ref(cert) != 1 || sk_X509_push(stack, cert) <= 0)
    return certs_fail(reterr, ERR_INTERNAL, "out of memory");
  return true;
}

static void store_free(X509_STORE **store) {
  X509_STORE_free(*store);
}

static void store_ctx_free(X509_STORE_CTX **ctx) {
  X509_STORE_CTX_free(*ctx);
}

static void stack_free(STACK_OF(X509) * *stack) {
  sk_X509_pop_free(*stack, X509_free);
}

bool certs_is_signed_by(struct str cert_pem, struct str bundle_pem, struct err *reterr) {
  SG_CLEANUP(store_free) X509_STORE *store = X509_STORE_new();
  SG_CLEANUP(store_ctx_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
  SG_CLEANUP(stack_free) STACK_OF(X509) *chain = sk_X509_new_null();
  if (!store || !ctx || !chain)
    return certs_fail(reterr, ERR_INTERNAL, "out of memory");
  if (!for_each_cert(bundle_pem, trust_cert, store, reterr))
    return err_wrap(reterr, "bundle");
  if (!for_each_cert(cert_pem, push_cert, chain, reterr))
    return err_wrap(reterr, "certificate");
  if (sk_X509_num(chain) == 0)
    return err_set(reterr, ERR_INVALID, "certificate: no PEM certificate in it");
  /* Any certificate of a bundle is an anchor for the API server, not only roots. */
  (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) != 1)
    return certs_fail(reterr, ERR_INTERNAL, "cannot verify");
  (void)X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
  if (X509_verify_cert(ctx) == 1)
    return true;
  ERR_clear_error();
  return err_set(reterr, ERR_INVALID, "not verified by the bundle: %s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
}

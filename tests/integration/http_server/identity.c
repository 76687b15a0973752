/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/http_server/identity.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { DAY = 86400 };

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

/* Names differ, so that an issuer is looked for by name and found or not. */
static void set_name(X509 *cert) {
  static int count;
  char text[32];
  (void)snprintf(text, sizeof(text), "number %d", ++count);
  (void)X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                   (const unsigned char *)text, -1, -1, 0);
  (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), count);
}

static void take_pem(BIO *bio, struct buf *ret) {
  char *text = NULL;
  long len = BIO_get_mem_data(bio, &text);
  buf_init(ret, 1 << 16);
  buf_append(ret, text, (size_t)len);
  (void)BIO_free(bio);
}

static void write_pem(struct identity *identity) {
  BIO *cert = BIO_new(BIO_s_mem());
  BIO *key = BIO_new(BIO_s_mem());
  ck_assert_int_eq(PEM_write_bio_X509(cert, identity->cert), 1);
  ck_assert_int_eq(PEM_write_bio_PrivateKey(key, identity->key, NULL, NULL, 0, NULL, NULL), 1);
  take_pem(cert, &identity->cert_pem);
  take_pem(key, &identity->key_pem);
}

void identity_make(struct identity *identity, const struct identity_wish *wish) {
  *identity = (struct identity){.cert = X509_new(), .key = EVP_EC_gen("P-256")};
  const struct identity *issuer = wish->issuer ? wish->issuer : identity;
  X509 *cert = identity->cert;
  (void)X509_set_version(cert, X509_VERSION_3);
  set_name(cert);
  (void)X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert));
  (void)X509_gmtime_adj(X509_getm_notBefore(cert), (long)wish->from_days * DAY);
  (void)X509_gmtime_adj(X509_getm_notAfter(cert), (long)wish->to_days * DAY);
  (void)X509_set_pubkey(cert, identity->key);
  if (wish->basic)
    add_extension(cert, issuer->cert, NID_basic_constraints, wish->basic);
  if (wish->usage)
    add_extension(cert, issuer->cert, NID_ext_key_usage, wish->usage);
  ck_assert_int_gt(X509_sign(cert, issuer->key, EVP_sha256()), 0);
  write_pem(identity);
}

void identity_make_ca(struct identity *identity) {
  identity_make(identity, &(struct identity_wish){
                              .basic = "critical,CA:TRUE", .from_days = -1, .to_days = 1});
}

void identity_done(struct identity *identity) {
  X509_free(identity->cert);
  EVP_PKEY_free(identity->key);
  buf_done(&identity->cert_pem);
  buf_done(&identity->key_pem);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Making the CA, and certificates of a server or a client. */
#include "certs_internal.h"

#include "slicegate/sys.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum {
  CA_DAYS = 3650,
  LEAF_DAYS = 365,
  DAY_SECONDS = 86400,
  BACKDATE_SECONDS = 300, /* for clients whose clocks are a little behind */
  DNS_MAX = 253,
  LABEL_MAX = 63,
  CN_MAX = 64,
};

/* ---- what was asked for ------------------------------------------------------------ */

static bool is_label(struct str label) {
  if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' ||
      label.ptr[label.len - 1] == '-')
    return false;
  for (size_t i = 0; i < label.len; i++) {
    char c = label.ptr[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
      return false;
  }
  return true;
}

/* Labels with dots between; the first may be a star. */
static bool is_dns_name(struct str name) {
  if (name.len == 0 || name.len > DNS_MAX)
    return false;
  if (str_starts_with(name, STR_LIT("*.")))
    name = str_skip(name, 2);
  for (;;) {
    size_t dot = str_find_char(name, '.');
    if (!is_label((struct str){name.ptr, dot}))
      return false;
    if (dot == name.len)
      return true;
    name = str_skip(name, dot + 1);
  }
}

static bool is_client_name(struct str name) {
  for (size_t i = 0; i < name.len; i++) {
    if (name.ptr[i] < 0x20 || name.ptr[i] > 0x7e)
      return false;
  }
  return name.len > 0 && name.len <= CERTS_CLIENT_NAME_MAX;
}

/* The address as certificates carry it; its length, or 0. */
static size_t ip_bytes(const char *text, unsigned char ret[16]) {
  if (inet_pton(AF_INET, text, ret) == 1)
    return 4;
  return inet_pton(AF_INET6, text, ret) == 1 ? 16 : 0;
}

static bool check_days(const char *what, int days, struct err *reterr) {
  if (days < 0 || days > CERTS_DAYS_MAX)
    return err_set(reterr, ERR_INVALID, "%s must be from 1 to %d days", what, CERTS_DAYS_MAX);
  return true;
}

static bool check_server(const struct certs_request *request, struct err *reterr) {
  unsigned char bytes[16];
  size_t names = request->dns_count + request->ip_count;
  for (size_t i = 0; i < request->dns_count; i++) {
    if (!is_dns_name(str_of(request->dns_names[i])))
      return err_set(reterr, ERR_INVALID, "'%s' is no DNS name", request->dns_names[i]);
  }
  for (size_t i = 0; i < request->ip_count; i++) {
    if (ip_bytes(request->ips[i], bytes) == 0)
      return err_set(reterr, ERR_INVALID, "'%s' is no IP address", request->ips[i]);
  }
  if (names > 0 && names <= CERTS_NAMES_MAX)
    return true;
  return err_set(reterr, ERR_INVALID, "a certificate needs from 1 to %d names and addresses",
                 CERTS_NAMES_MAX);
}

static bool check_client(const struct certs_request *request, struct err *reterr) {
  if (request->dns_count + request->ip_count > 0)
    return err_set(reterr, ERR_INVALID,
                   "a certificate is for a client, or for a server with names and addresses");
  if (is_client_name(str_of(request->client_name)))
    return true;
  return err_set(reterr, ERR_INVALID,
                 "the name of a client is from 1 to %d printable ASCII characters",
                 CERTS_CLIENT_NAME_MAX);
}

static bool check_request(const struct certs_request *request, struct err *reterr) {
  bool is_good =
      request->client_name ? check_client(request, reterr) : check_server(request, reterr);
  return is_good && check_days("validity of the CA", request->ca_days, reterr) &&
         check_days("validity of the certificate", request->leaf_days, reterr);
}

/* ---- pieces of a certificate ---------------------------------------------------------- */

struct pair {
  X509 *cert;
  EVP_PKEY *key;
};

static void pair_done(struct pair *pair) {
  X509_free(pair->cert);
  EVP_PKEY_free(pair->key);
}
#define CLEANUP_PAIR SG_CLEANUP(pair_done)

/* 159 random bits: positive in 20 bytes, and nobody can guess the next (CA/B Forum 7.1). */
static bool set_serial(X509 *cert) {
  unsigned char bytes[20];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1)
    return false;
  bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* never zero, always 20 bytes */
  BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
  bool is_set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
  BN_free(number);
  return is_set;
}

static bool set_dates(X509 *cert, int64_t now, int days, int64_t latest) {
  int64_t end = now + (int64_t)days * DAY_SECONDS;
  if (end > latest)
    end = latest;
  return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(now - BACKDATE_SECONDS)) &&
         ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)end);
}

static bool add_cn(X509_NAME *name, const char *text) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1,
                                    0) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx = {0};
  X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  bool is_added = extension && X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return is_added;
}

/* An authority made by other tools may have no identifier to point at. */
static bool add_authority_id(X509 *cert, X509 *issuer) {
  return !X509_get0_subject_key_id(issuer) ||
         add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
}

static bool add_name(GENERAL_NAMES *names, int type, const void *bytes, size_t len) {
  GENERAL_NAME *name = GENERAL_NAME_new();
  ASN1_STRING *text = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  if (!name || !text || ASN1_STRING_set(text, bytes, (int)len) != 1) {
    GENERAL_NAME_free(name);
    ASN1_STRING_free(text);
    return false;
  }
  GENERAL_NAME_set0_value(name, type, text);
  if (sk_GENERAL_NAME_push(names, name) > 0)
    return true;
  GENERAL_NAME_free(name);
  return false;
}

/* Put together as values: as text, a name with a comma would be two. */
static bool add_names(X509 *cert, const struct certs_request *request) {
  GENERAL_NAMES *names = GENERAL_NAMES_new();
  bool is_good = names != NULL;
  for (size_t i = 0; is_good && i < request->dns_count; i++)
    is_good = add_name(names, GEN_DNS, request->dns_names[i], strlen(request->dns_names[i]));
  for (size_t i = 0; is_good && i < request->ip_count; i++) {
    unsigned char bytes[16];
    size_t len = ip_bytes(request->ips[i], bytes);
    is_good = add_name(names, GEN_IPADD, bytes, len);
  }
  is_good = is_good && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
  GENERAL_NAMES_free(names);
  return is_good;
}

/* ---- certificates ------------------------------------------------------------------- */

static bool make_ca(const struct certs_request *request, int64_t now, struct pair *ret,
                    struct err *reterr) {
  ret->key = EVP_EC_gen("P-256");
  ret->cert = X509_new();
  X509 *cert = ret->cert;
  int days = request->ca_days ? request->ca_days : CA_DAYS;
  bool is_made = cert && ret->key && X509_set_version(cert, X509_VERSION_3) == 1 &&
                 set_serial(cert) && set_dates(cert, now, days, INT64_MAX) &&
                 add_cn(X509_get_subject_name(cert), "slicegate CA") &&
                 X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
                 X509_set_pubkey(cert, ret->key) == 1 &&
                 add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                 add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                 add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
                 add_extension(cert, cert, NID_authority_key_identifier, "keyid:always") &&
                 X509_sign(cert, ret->key, EVP_sha256()) > 0;
  return is_made || certs_fail(reterr, ERR_INTERNAL, "cannot make the CA");
}

/* For people, and the name of a client; clients look at a server's other names. */
static const char *leaf_cn(const struct certs_request *request) {
  if (request->client_name)
    return request->client_name;
  const char *cn = request->dns_count > 0 ? request->dns_names[0] : request->ips[0];
  return strlen(cn) > CN_MAX ? "slicegate" : cn;
}

static bool make_leaf(const struct certs_request *request, int64_t now, const struct pair *ca,
                      struct pair *ret, struct err *reterr) {
  ret->key = EVP_EC_gen("P-256");
  ret->cert = X509_new();
  X509 *cert = ret->cert;
  int days = request->leaf_days ? request->leaf_days : LEAF_DAYS;
  const char *client = request->client_name;
  bool is_made =
      cert && ret->key && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
      set_dates(cert, now, days, certs_seconds(X509_get0_notAfter(ca->cert))) &&
      add_cn(X509_get_subject_name(cert), leaf_cn(request)) &&
      X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) == 1 &&
      X509_set_pubkey(cert, ret->key) == 1 &&
      add_extension(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(cert, ca->cert, NID_key_usage, "critical,digitalSignature") &&
      add_extension(cert, ca->cert, NID_ext_key_usage, client ? "clientAuth" : "serverAuth") &&
      add_extension(cert, ca->cert, NID_subject_key_identifier, "hash") &&
      add_authority_id(cert, ca->cert) && (client || add_names(cert, request)) &&
      X509_sign(cert, ca->key, EVP_sha256()) > 0;
  return is_made || certs_fail(reterr, ERR_INTERNAL, "cannot make the certificate");
}

/* ---- a CA that is there already -------------------------------------------------------- */

/* A key with a passphrase is refused, not asked about on a terminal. */
static int no_passphrase(char *ret, int size, int is_writing, void *ctx) {
  (void)ret;
  (void)size;
  (void)is_writing;
  (void)ctx;
  return -1;
}

static void clear_buf(struct buf *buf) {
  OPENSSL_cleanse(buf->ptr, buf->len);
  buf_done(buf);
}

static bool load_ca_key(const char *path, EVP_PKEY **ret, struct err *reterr) {
  SG_CLEANUP(clear_buf) struct buf text;
  buf_init(&text, 0);
  if (!sys_file_read(path, CERTS_PEM_MAX_BYTES, &text, reterr))
    return false;
  CLEANUP_BIO BIO *bio = certs_bio_of(buf_str(&text));
  *ret = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
  if (*ret)
    return true;
  (void)certs_fail(reterr, ERR_INVALID, "no private key that can be read");
  return err_wrap(reterr, "%s", path);
}

static bool load_ca(const char *dir, int64_t now, struct pair *ret, struct err *reterr) {
  CLEANUP_FREE char *cert_path = certs_path(dir, CERTS_CA_CERT);
  CLEANUP_FREE char *key_path = certs_path(dir, CERTS_CA_KEY);
  CLEANUP_BUF struct buf text;
  buf_init(&text, 0);
  if (!sys_file_read(cert_path, CERTS_PEM_MAX_BYTES, &text, reterr))
    return false;
  ret->cert = certs_parse(buf_str(&text), reterr);
  if (!ret->cert)
    return err_wrap(reterr, "%s", cert_path);
  if (!load_ca_key(key_path, &ret->key, reterr))
    return false;
  if (X509_check_ca(ret->cert) != 1 || !(X509_get_key_usage(ret->cert) & KU_KEY_CERT_SIGN))
    return err_set(reterr, ERR_INVALID, "%s: not a certificate that may sign others", cert_path);
  if (X509_check_private_key(ret->cert, ret->key) != 1) {
    ERR_clear_error();
    return err_set(reterr, ERR_INVALID, "%s: not the key of %s", key_path, cert_path);
  }
  if (certs_seconds(X509_get0_notBefore(ret->cert)) > now)
    return err_set(reterr, ERR_INVALID, "%s: not valid yet", cert_path);
  if (certs_seconds(X509_get0_notAfter(ret->cert)) <= now)
    return err_set(reterr, ERR_INVALID, "%s: expired", cert_path);
  return true;
}

/* Without a number the certificate ends with its CA at the latest; a number is kept or refused. */
static bool check_end(int days, int64_t now, const X509 *ca, struct err *reterr) {
  int64_t left = certs_seconds(X509_get0_notAfter(ca)) - now;
  if ((int64_t)days * DAY_SECONDS <= left)
    return true;
  return err_set(reterr, ERR_INVALID,
                 "a certificate of %d days would outlive its CA, which is valid for %lld more days",
                 days, (long long)(left / DAY_SECONDS));
}

/* ---- writing -------------------------------------------------------------------------- */

static struct str bio_text(BIO *bio) {
  char *text = NULL;
  long len = BIO_get_mem_data(bio, &text);
  return (struct str){text, len > 0 ? (size_t)len : 0};
}

/* A memory BIO of OpenSSL clears what it held when it is freed. */
static BIO *cert_pem(X509 *cert) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio && PEM_write_bio_X509(bio, cert) == 1)
    return bio;
  BIO_free(bio);
  return NULL;
}

static BIO *key_pem(EVP_PKEY *key) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
    return bio;
  BIO_free(bio);
  return NULL;
}

static bool store_pairs(const struct certs_request *request, const struct pair *ca,
                        const struct pair *leaf, struct err *reterr) {
  CLEANUP_BIO BIO *leaf_key = key_pem(leaf->key);
  CLEANUP_BIO BIO *leaf_cert = cert_pem(leaf->cert);
  CLEANUP_BIO BIO *ca_key = key_pem(ca->key);
  CLEANUP_BIO BIO *ca_cert = cert_pem(ca->cert);
  if (!leaf_key || !leaf_cert || !ca_key || !ca_cert)
    return certs_fail(reterr, ERR_INTERNAL, "cannot write PEM");
  bool is_client = request->client_name != NULL;
  const struct certs_file files[] = {
      {is_client ? CERTS_CLIENT_KEY : CERTS_KEY, 0600, bio_text(leaf_key)},
      {is_client ? CERTS_CLIENT_CERT : CERTS_CERT, 0644, bio_text(leaf_cert)},
      {CERTS_CA_KEY, 0600, bio_text(ca_key)},
      {CERTS_CA_CERT, 0644, bio_text(ca_cert)},
  };
  return certs_store(request->dir, files, request->reuse_ca ? 2 : SG_ARRAY_LEN(files),
                     request->force, reterr);
}

bool certs_issue(const struct certs_request *request, struct err *reterr) {
  CLEANUP_PAIR struct pair ca = {0};
  CLEANUP_PAIR struct pair leaf = {0};
  int64_t now = sys_wall_now().ns / 1000000000;
  if (!check_request(request, reterr))
    return false;
  bool has_ca = request->reuse_ca ? load_ca(request->dir, now, &ca, reterr)
                                  : make_ca(request, now, &ca, reterr);
  return has_ca && check_end(request->leaf_days, now, ca.cert, reterr) &&
         make_leaf(request, now, &ca, &leaf, reterr) && store_pairs(request, &ca, &leaf, reterr);
}

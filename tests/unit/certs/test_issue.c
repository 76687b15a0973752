/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/certs.h"
#include "slicegate/sys.h"
#include "tests/support/temp_dir.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

TCase *tcase_issue(void);

static struct temp_dir dir;

static void setup(void) {
  dir = temp_dir_make();
}

static void teardown(void) {
  temp_dir_remove(&dir);
}

static const char *const names[] = {"slicegate.gpu.svc", "slicegate.gpu.svc.cluster.local",
                                    "*.example.com"};
static const char *const addresses[] = {"127.0.0.1", "2001:db8::1"};

static struct certs_request request_for_dir(void) {
  return (struct certs_request){.dir = dir.path,
                                .dns_names = names,
                                .dns_count = SG_ARRAY_LEN(names),
                                .ips = addresses,
                                .ip_count = SG_ARRAY_LEN(addresses)};
}

static void issue(const struct certs_request *request) {
  struct err err;
  ck_assert_msg(certs_issue(request, &err), "%s", err.text);
}

static struct buf read_file(const char *name) {
  struct buf text;
  struct err err;
  struct temp_path path = temp_path(&dir, name);
  ck_assert_msg(sys_file_read(path.text, CERTS_PEM_MAX_BYTES, &text, &err), "%s", err.text);
  return text;
}

static X509 *read_cert(const char *name) {
  struct temp_path path = temp_path(&dir, name);
  FILE *file = fopen(path.text, "r");
  ck_assert_ptr_nonnull(file);
  X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
  (void)fclose(file);
  ck_assert_ptr_nonnull(cert);
  return cert;
}

static EVP_PKEY *read_key(const char *name) {
  struct temp_path path = temp_path(&dir, name);
  FILE *file = fopen(path.text, "r");
  ck_assert_ptr_nonnull(file);
  EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
  (void)fclose(file);
  ck_assert_ptr_nonnull(key);
  return key;
}

static unsigned mode_of(const char *name) {
  struct stat st;
  struct temp_path path = temp_path(&dir, name);
  ck_assert_int_eq(stat(path.text, &st), 0);
  return st.st_mode & 0777;
}

static int files_in_dir(void) {
  int count = 0;
  DIR *stream = opendir(dir.path);
  struct dirent *entry;
  while ((entry = readdir(stream))) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      count++;
  }
  (void)closedir(stream);
  return count;
}

START_TEST(files_and_modes) {
  struct certs_request request = request_for_dir();
  mode_t mask = umask(0);
  issue(&request);
  (void)umask(mask);
  ck_assert_uint_eq(mode_of(CERTS_CA_KEY), 0600);
  ck_assert_uint_eq(mode_of(CERTS_KEY), 0600);
  ck_assert_uint_eq(mode_of(CERTS_CA_CERT), 0644);
  ck_assert_uint_eq(mode_of(CERTS_CERT), 0644);
  ck_assert_msg(files_in_dir() == 4, "nothing else is left in the directory");
}
END_TEST

START_TEST(the_leaf_is_what_clients_need) {
  struct certs_request request = request_for_dir();
  struct err err;
  issue(&request);
  X509 *leaf = read_cert(CERTS_CERT);
  X509 *ca = read_cert(CERTS_CA_CERT);
  EVP_PKEY *key = read_key(CERTS_KEY);
  ck_assert_int_eq(X509_get_version(leaf), X509_VERSION_3);
  ck_assert_int_eq(X509_check_private_key(leaf, key), 1);
  char group[32] = "";
  ck_assert_int_eq(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
  ck_assert_str_eq(group, "prime256v1");
  ck_assert_int_eq(X509_check_host(leaf, "slicegate.gpu.svc", 0, 0, NULL), 1);
  ck_assert_int_eq(X509_check_host(leaf, "a.example.com", 0, 0, NULL), 1);
  ck_assert_int_eq(X509_check_host(leaf, "other.gpu.svc", 0, 0, NULL), 0);
  ck_assert_int_eq(X509_check_ip_asc(leaf, "127.0.0.1", 0), 1);
  ck_assert_int_eq(X509_check_ip_asc(leaf, "2001:db8::1", 0), 1);
  ck_assert_int_eq(X509_check_ip_asc(leaf, "127.0.0.2", 0), 0);
  ck_assert_int_eq(X509_check_ca(leaf), 0);
  ck_assert_uint_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
  ck_assert_uint_eq(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
  ck_assert_int_eq(X509_check_ca(ca), 1);
  ck_assert_uint_eq(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
  ck_assert_int_eq(X509_get_pathlen(ca), 0);
  ck_assert_int_eq(X509_check_issued(ca, leaf), X509_V_OK);
  const ASN1_OCTET_STRING *issuer_id = X509_get0_authority_key_id(leaf);
  ck_assert_ptr_nonnull(issuer_id);
  ck_assert_int_eq(ASN1_OCTET_STRING_cmp(issuer_id, X509_get0_subject_key_id(ca)), 0);
  ck_assert_ptr_nonnull(X509_get0_subject_key_id(leaf));
  X509_free(leaf);
  X509_free(ca);
  EVP_PKEY_free(key);
  CLEANUP_BUF struct buf leaf_pem = read_file(CERTS_CERT);
  CLEANUP_BUF struct buf ca_pem = read_file(CERTS_CA_CERT);
  ck_assert_msg(certs_is_signed_by(buf_str(&leaf_pem), buf_str(&ca_pem), &err), "%s", err.text);
}
END_TEST

enum { DAY = 86400 };

START_TEST(dates) {
  struct certs_request request = request_for_dir();
  struct certs_info info;
  struct err err;
  int64_t now = sys_wall_now().ns / 1000000000;
  request.ca_days = 10;
  request.leaf_days = 3;
  issue(&request);
  CLEANUP_BUF struct buf leaf = read_file(CERTS_CERT);
  ck_assert(certs_read(buf_str(&leaf), &info, &err));
  ck_assert_int_le(info.not_before, now - 60);
  ck_assert_int_ge(info.not_before, now - 3600);
  ck_assert_int_ge(info.not_after, now + 3 * DAY);
  ck_assert_int_le(info.not_after, now + 3 * DAY + 60);
  ck_assert(!info.is_ca);
  ck_assert_str_eq(info.subject, "CN=slicegate.gpu.svc");
  ck_assert_str_eq(info.issuer, "CN=slicegate CA");
}
END_TEST

START_TEST(a_leaf_does_not_outlive_its_ca) {
  struct certs_request request = request_for_dir();
  struct certs_info leaf_info;
  struct certs_info ca_info;
  struct err err;
  request.ca_days = 5;
  request.leaf_days = 6;
  ck_assert(!certs_issue(&request, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_str_eq(err.text, "a certificate of 6 days would outlive its CA, which is valid for 5 "
                             "more days");
  request.leaf_days = 0; /* no number: as long as it can be */
  issue(&request);
  CLEANUP_BUF struct buf leaf = read_file(CERTS_CERT);
  CLEANUP_BUF struct buf ca = read_file(CERTS_CA_CERT);
  ck_assert(certs_read(buf_str(&leaf), &leaf_info, &err));
  ck_assert(certs_read(buf_str(&ca), &ca_info, &err));
  ck_assert(ca_info.is_ca);
  ck_assert_int_eq(leaf_info.not_after, ca_info.not_after);
}
END_TEST

START_TEST(serials_differ) {
  struct certs_request request = request_for_dir();
  issue(&request);
  X509 *first = read_cert(CERTS_CERT);
  X509 *ca = read_cert(CERTS_CA_CERT);
  request.force = true;
  issue(&request);
  X509 *second = read_cert(CERTS_CERT);
  ck_assert_int_ne(ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)),
                   0);
  ck_assert_int_ne(ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(ca)), 0);
  ck_assert_int_eq(ASN1_STRING_length(X509_get0_serialNumber(first)), 20);
  X509_free(first);
  X509_free(second);
  X509_free(ca);
}
END_TEST

static const char *const file_names[] = {CERTS_CA_CERT, CERTS_CA_KEY, CERTS_CERT, CERTS_KEY};

START_TEST(nothing_is_overwritten_without_force) {
  struct certs_request request = request_for_dir();
  struct err err = {0};
  struct temp_path path = temp_path(&dir, file_names[_i]);
  temp_write(path.text, "precious");
  ck_assert(!certs_issue(&request, &err));
  ck_assert_int_eq(err.code, ERR_EXISTS);
  ck_assert_msg(strstr(err.text, path.text) != NULL, "%s", err.text);
  CLEANUP_BUF struct buf text = read_file(file_names[_i]);
  ck_assert_str_eq(text.ptr, "precious");
  ck_assert_int_eq(files_in_dir(), 1);
  request.force = true;
  issue(&request);
  CLEANUP_BUF struct buf now = read_file(file_names[_i]);
  ck_assert_str_ne(now.ptr, "precious");
  ck_assert_int_eq(files_in_dir(), 4);
}
END_TEST

START_TEST(even_a_dangling_link_is_something) {
  struct certs_request request = request_for_dir();
  struct err err = {0};
  struct temp_path path = temp_path(&dir, CERTS_KEY);
  ck_assert_int_eq(symlink("/nonexistent/elsewhere", path.text), 0);
  ck_assert(!certs_issue(&request, &err));
  ck_assert_int_eq(err.code, ERR_EXISTS);
}
END_TEST

/* The last file of the set cannot be replaced: the ones before it come back. */
START_TEST(all_or_nothing) {
  struct certs_request request = request_for_dir();
  struct err err = {0};
  static const char *const kept[] = {CERTS_KEY, CERTS_CERT, CERTS_CA_KEY};
  for (size_t i = 0; i < SG_ARRAY_LEN(kept); i++) {
    struct temp_path path = temp_path(&dir, kept[i]);
    temp_write(path.text, kept[i]);
  }
  struct temp_path obstacle = temp_path(&dir, CERTS_CA_CERT);
  ck_assert_int_eq(mkdir(obstacle.text, 0700), 0); /* no rename replaces a directory by a file */
  request.force = true;
  ck_assert(!certs_issue(&request, &err));
  ck_assert_msg(strstr(err.text, obstacle.text) != NULL, "%s", err.text);
  for (size_t i = 0; i < SG_ARRAY_LEN(kept); i++) {
    CLEANUP_BUF struct buf text = read_file(kept[i]);
    ck_assert_msg(strcmp(text.ptr, kept[i]) == 0, "%s was not put back", kept[i]);
  }
  ck_assert_int_eq(files_in_dir(), 4);
  ck_assert_int_eq(unlink(temp_path(&dir, CERTS_KEY).text), 0);
  ck_assert(!certs_issue(&request, &err));
  ck_assert_msg(files_in_dir() == 3, "a file that was not there before is not there after");
}
END_TEST

static struct certs_request bad_request(int which) {
  static const char *const empty[] = {""};
  static const char *const blank[] = {"a b"};
  static const char *const injected[] = {"a.example,IP:1.2.3.4"};
  static const char *const dashes[] = {"-a.example"};
  static const char *const star[] = {"a.*.example"};
  static const char *const dots[] = {"a..example"};
  static const char *const no_ip[] = {"300.0.0.1"};
  static const char *const label[] = {
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"};
  const char *const *const dns[] = {empty, blank, injected, dashes, star, dots, label};
  struct certs_request request = request_for_dir();
  if (which < (int)SG_ARRAY_LEN(dns)) {
    request.dns_names = dns[which];
    request.dns_count = 1;
  } else if (which == (int)SG_ARRAY_LEN(dns)) {
    request.ips = no_ip;
    request.ip_count = 1;
  } else if (which == (int)SG_ARRAY_LEN(dns) + 1) {
    request.dns_count = request.ip_count = 0;
  } else if (which == (int)SG_ARRAY_LEN(dns) + 2) {
    request.leaf_days = -1;
  } else {
    request.ca_days = CERTS_DAYS_MAX + 1;
  }
  return request;
}
enum { BAD_REQUESTS = 11 };

START_TEST(bad_requests) {
  struct certs_request request = bad_request(_i);
  struct err err = {0};
  ck_assert_msg(!certs_issue(&request, &err), "number %d", _i);
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_uint_gt(strlen(err.text), 10);
  ck_assert_int_eq(files_in_dir(), 0);
}
END_TEST

START_TEST(bad_directories) {
  struct certs_request request = request_for_dir();
  struct err err = {0};
  struct temp_path path = temp_path(&dir, "file");
  temp_write(path.text, "");
  request.dir = path.text;
  ck_assert(!certs_issue(&request, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  request.dir = "/nonexistent/dir";
  ck_assert(!certs_issue(&request, &err));
  ck_assert_int_eq(err.code, ERR_NOT_FOUND);
  ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/dir"));
}
END_TEST

START_TEST(reuse_of_the_ca) {
  struct certs_request request = request_for_dir();
  struct err err = {0};
  issue(&request);
  CLEANUP_BUF struct buf ca = read_file(CERTS_CA_CERT);
  CLEANUP_BUF struct buf ca_key = read_file(CERTS_CA_KEY);
  CLEANUP_BUF struct buf old = read_file(CERTS_CERT);
  request.reuse_ca = true;
  ck_assert(!certs_issue(&request, &err));
  ck_assert_int_eq(err.code, ERR_EXISTS);
  request.force = true;
  issue(&request);
  CLEANUP_BUF struct buf ca_after = read_file(CERTS_CA_CERT);
  CLEANUP_BUF struct buf ca_key_after = read_file(CERTS_CA_KEY);
  CLEANUP_BUF struct buf fresh = read_file(CERTS_CERT);
  ck_assert_str_eq(ca.ptr, ca_after.ptr);
  ck_assert_str_eq(ca_key.ptr, ca_key_after.ptr);
  ck_assert_str_ne(old.ptr, fresh.ptr);
  ck_assert_msg(certs_is_signed_by(buf_str(&fresh), buf_str(&ca), &err), "%s", err.text);
}
END_TEST

/* ---- clients ------------------------------------------------------------------------ */

START_TEST(a_certificate_for_a_client) {
  struct certs_request server = request_for_dir();
  struct certs_request client = {
      .dir = dir.path, .client_name = "system:kube-scheduler", .reuse_ca = true};
  struct certs_info info;
  struct err err;
  issue(&server);
  CLEANUP_BUF struct buf server_before = read_file(CERTS_CERT);
  issue(&client);
  ck_assert_uint_eq(mode_of(CERTS_CLIENT_KEY), 0600);
  ck_assert_uint_eq(mode_of(CERTS_CLIENT_CERT), 0644);
  ck_assert_int_eq(files_in_dir(), 6);
  X509 *leaf = read_cert(CERTS_CLIENT_CERT);
  EVP_PKEY *key = read_key(CERTS_CLIENT_KEY);
  ck_assert_int_eq(X509_check_private_key(leaf, key), 1);
  ck_assert_uint_eq(X509_get_extended_key_usage(leaf), XKU_SSL_CLIENT);
  ck_assert_uint_eq(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
  ck_assert_int_eq(X509_check_ca(leaf), 0);
  ck_assert_msg(X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0,
                "a client answers to no name of a server");
  X509 *ca = read_cert(CERTS_CA_CERT);
  ck_assert_int_eq(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
  X509_free(ca);
  X509_free(leaf);
  EVP_PKEY_free(key);
  CLEANUP_BUF struct buf client_pem = read_file(CERTS_CLIENT_CERT);
  CLEANUP_BUF struct buf ca_pem = read_file(CERTS_CA_CERT);
  CLEANUP_BUF struct buf server_after = read_file(CERTS_CERT);
  ck_assert_str_eq(server_before.ptr, server_after.ptr);
  ck_assert_msg(!certs_is_signed_by(buf_str(&client_pem), buf_str(&ca_pem), &err),
                "no server can use it");
  ck_assert(certs_read(buf_str(&client_pem), &info, &err));
  ck_assert_str_eq(info.subject, "CN=system:kube-scheduler");
}
END_TEST

START_TEST(a_client_may_have_a_ca_of_its_own) {
  struct certs_request client = {.dir = dir.path, .client_name = "kube-scheduler", .leaf_days = 2};
  struct certs_info info;
  struct err err = {0};
  issue(&client);
  ck_assert_int_eq(files_in_dir(), 4);
  CLEANUP_BUF struct buf pem = read_file(CERTS_CLIENT_CERT);
  ck_assert(certs_read(buf_str(&pem), &info, &err));
  ck_assert_int_le(info.not_after, sys_wall_now().ns / 1000000000 + 2 * DAY + 60);
  client.reuse_ca = true;
  ck_assert(!certs_issue(&client, &err));
  ck_assert_int_eq(err.code, ERR_EXISTS);
  ck_assert_ptr_nonnull(strstr(err.text, CERTS_CLIENT_KEY));
}
END_TEST

static const struct {
  const char *name;
  bool is_server_too;
} bad_clients[] = {
    {"", false},
    {"two\nlines", false},
    {"K\xc3\xb6ln", false},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {"kube-scheduler", true},
};

START_TEST(bad_names_of_clients) {
  struct certs_request request = {.dir = dir.path};
  struct err err = {0};
  if (bad_clients[_i].is_server_too)
    request = request_for_dir();
  request.client_name = bad_clients[_i].name;
  ck_assert(!certs_issue(&request, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_msg(strstr(err.text, "client") != NULL, "%s", err.text);
  ck_assert_int_eq(files_in_dir(), 0);
}
END_TEST

/* ---- a CA that is there --------------------------------------------------------------- */

/* Puts something wrong in the CA's place; says what the error must mention. */
static const char *spoil_ca(int which, enum err_code *ret_code) {
  struct temp_path ca = temp_path(&dir, CERTS_CA_CERT);
  struct temp_path ca_key = temp_path(&dir, CERTS_CA_KEY);
  CLEANUP_BUF struct buf leaf = read_file(CERTS_CERT);
  CLEANUP_BUF struct buf leaf_key = read_file(CERTS_KEY);
  *ret_code = ERR_INVALID;
  switch (which) {
  case 0:
    temp_write(ca_key.text, leaf_key.ptr);
    return "not the key of";
  case 1:
    temp_write(ca.text, leaf.ptr);
    temp_write(ca_key.text, leaf_key.ptr);
    return "may sign";
  case 2:
    temp_write(ca.text, "rubbish");
    return CERTS_CA_CERT;
  case 3:
    temp_write(ca_key.text, "rubbish");
    return CERTS_CA_KEY;
  case 4:
    (void)unlink(ca.text);
    *ret_code = ERR_NOT_FOUND;
    return CERTS_CA_CERT;
  default:
    (void)unlink(ca_key.text);
    *ret_code = ERR_NOT_FOUND;
    return CERTS_CA_KEY;
  }
}
enum { SPOILED = 6 };

START_TEST(a_ca_that_is_no_good) {
  struct certs_request request = request_for_dir();
  struct err err = {0};
  enum err_code code;
  issue(&request);
  CLEANUP_BUF struct buf before = read_file(CERTS_CERT);
  const char *mentions = spoil_ca(_i, &code);
  request.reuse_ca = true;
  request.force = true;
  ck_assert_msg(!certs_issue(&request, &err), "%s", mentions);
  ck_assert_msg(strstr(err.text, mentions) != NULL, "wanted %s: %s", mentions, err.text);
  ck_assert_int_eq(err.code, code);
  CLEANUP_BUF struct buf after = read_file(CERTS_CERT);
  ck_assert_str_eq(before.ptr, after.ptr);
}
END_TEST

/* Dates cannot be asked for in the past, so the certificate is made here. */
static void write_ca(int from_days, int to_days) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  X509V3_CTX ctx;
  (void)X509_set_version(cert, X509_VERSION_3);
  (void)X509_gmtime_adj(X509_getm_notBefore(cert), (long)from_days * DAY);
  (void)X509_gmtime_adj(X509_getm_notAfter(cert), (long)to_days * DAY);
  (void)X509_set_pubkey(cert, key);
  X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, "CA:TRUE");
  (void)X509_add_ext(cert, extension, -1);
  ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
  FILE *file = fopen(temp_path(&dir, CERTS_CA_CERT).text, "w");
  ck_assert_int_eq(PEM_write_X509(file, cert), 1);
  (void)fclose(file);
  file = fopen(temp_path(&dir, CERTS_CA_KEY).text, "w");
  ck_assert_int_eq(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
  (void)fclose(file);
  X509_EXTENSION_free(extension);
  X509_free(cert);
  EVP_PKEY_free(key);
}

static const struct {
  const char *name;
  int from_days;
  int to_days;
  const char *mentions; /* NULL: it is good */
} ca_dates[] = {
    {"valid now", -1, 1, NULL},
    {"expired", -10, -1, "expired"},
    {"of the future", 1, 10, "not valid yet"},
};

START_TEST(the_ca_must_be_within_its_dates) {
  struct certs_request request = request_for_dir();
  struct err err = {0};
  write_ca(ca_dates[_i].from_days, ca_dates[_i].to_days);
  request.reuse_ca = true;
  bool is_issued = certs_issue(&request, &err);
  ck_assert_msg(is_issued == !ca_dates[_i].mentions, "%s: %s", ca_dates[_i].name, err.text);
  if (!is_issued)
    ck_assert_msg(strstr(err.text, ca_dates[_i].mentions) != NULL, "%s", err.text);
}
END_TEST

TCase *tcase_issue(void) {
  TCase *tc = tcase_create("issue");
  tcase_set_timeout(tc, 60);
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_test(tc, files_and_modes);
  tcase_add_test(tc, the_leaf_is_what_clients_need);
  tcase_add_test(tc, dates);
  tcase_add_test(tc, a_leaf_does_not_outlive_its_ca);
  tcase_add_test(tc, serials_differ);
  tcase_add_loop_test(tc, nothing_is_overwritten_without_force, 0, (int)SG_ARRAY_LEN(file_names));
  tcase_add_test(tc, even_a_dangling_link_is_something);
  tcase_add_test(tc, all_or_nothing);
  tcase_add_loop_test(tc, bad_requests, 0, BAD_REQUESTS);
  tcase_add_test(tc, bad_directories);
  tcase_add_test(tc, reuse_of_the_ca);
  tcase_add_test(tc, a_certificate_for_a_client);
  tcase_add_test(tc, a_client_may_have_a_ca_of_its_own);
  tcase_add_loop_test(tc, bad_names_of_clients, 0, (int)SG_ARRAY_LEN(bad_clients));
  tcase_add_loop_test(tc, a_ca_that_is_no_good, 0, SPOILED);
  tcase_add_loop_test(tc, the_ca_must_be_within_its_dates, 0, (int)SG_ARRAY_LEN(ca_dates));
  return tc;
}

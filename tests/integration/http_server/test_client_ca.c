/* SPDX-License-Identifier: Apache-2.0 */
/* A server that wants to know who calls: certificates of clients. */
#include "tests/integration/http_server/client.h"
#include "tests/integration/http_server/fixture.h"
#include "tests/integration/http_server/hammer.h"
#include "tests/integration/http_server/identity.h"

#include "slicegate/certs.h"
#include "tests/support/temp_dir.h"

#include <pthread.h>
#include <stdio.h>

TCase *tcase_client_ca(void);

static struct identity ca;
static struct identity other_ca;
static pthread_mutex_t refused_mutex = PTHREAD_MUTEX_INITIALIZER;
static char refused_reason[128];

static void on_refused(void *ctx, const char *peer, const char *reason) {
  (void)pthread_mutex_lock(&refused_mutex);
  (void)snprintf(refused_reason, sizeof(refused_reason), "%s %s: %s", (const char *)ctx, peer,
                 reason);
  (void)pthread_mutex_unlock(&refused_mutex);
}

static void expect_refused(const char *reason) {
  (void)pthread_mutex_lock(&refused_mutex);
  char seen[sizeof(refused_reason)];
  (void)snprintf(seen, sizeof(seen), "%s", refused_reason);
  (void)pthread_mutex_unlock(&refused_mutex);
  ck_assert_msg(strstr(seen, "ctx 127.0.0.1: ") && strstr(seen, reason), "wanted %s, saw %s",
                reason, seen);
}

static void setup(void) {
  fixture_setup();
  identity_make_ca(&ca);
  identity_make_ca(&other_ca);
  http_server_stop(server);
  server = fixture_start_with((struct http_config){
      .client_ca_pem = buf_str(&ca.cert_pem), .refused = on_refused, .refused_ctx = "ctx"});
  port = http_server_port(server);
}

static void teardown(void) {
  fixture_teardown();
  identity_done(&ca);
  identity_done(&other_ca);
}

static struct client_options shown_by(const struct identity *identity, int version) {
  return (struct client_options){.least = version,
                                 .most = version,
                                 .cert_pem = buf_str(&identity->cert_pem),
                                 .key_pem = buf_str(&identity->key_pem)};
}

static void make_client(struct identity *identity, const struct identity *issuer) {
  identity_make(identity, &(struct identity_wish){.issuer = issuer,
                                                  .basic = "CA:FALSE",
                                                  .usage = "clientAuth",
                                                  .from_days = -1,
                                                  .to_days = 1});
}

/* ---- who may ---------------------------------------------------------------------------- */

static const struct {
  const char *name;
  struct identity_wish wish; /* signed by the CA, */
  bool is_self_signed;       /* by itself */
  bool is_from_other;        /* or by another CA */
  const char *reason;        /* NULL: it is good */
} clients[] = {
    {"for clients", {NULL, "CA:FALSE", "clientAuth", -1, 1}, false, false, NULL},
    {"for both", {NULL, NULL, "serverAuth,clientAuth", -1, 1}, false, false, NULL},
    {"for any use that there is", {NULL, NULL, NULL, -1, 1}, false, false, NULL},
    {"for servers", {NULL, NULL, "serverAuth", -1, 1}, false, false, "not for clients"},
    {"for mail", {NULL, NULL, "emailProtection", -1, 1}, false, false, "not for clients"},
    {"of last week", {NULL, NULL, "clientAuth", -9, -2}, false, false, "has expired"},
    {"of next week", {NULL, NULL, "clientAuth", 2, 9}, false, false, "not valid yet"},
    {"from another CA", {NULL, NULL, "clientAuth", -1, 1}, false, true, "not from the client CA"},
    {"from itself", {NULL, NULL, "clientAuth", -1, 1}, true, false, "not from the client CA"},
    {"from itself, saying that it is a CA",
     {NULL, "CA:TRUE", "clientAuth", -1, 1},
     true,
     false,
     "not from the client CA"},
};
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
enum { CLIENT_CASES = (int)(SG_ARRAY_LEN(clients) * SG_ARRAY_LEN(versions)) };

START_TEST(only_good_certificates_are_served) {
  const size_t i = (size_t)_i / SG_ARRAY_LEN(versions);
  CLEANUP_IDENTITY struct identity identity;
  struct identity_wish wish = clients[i].wish;
  wish.issuer = clients[i].is_self_signed ? NULL : clients[i].is_from_other ? &other_ca : &ca;
  identity_make(&identity, &wish);
  struct client_options options = shown_by(&identity, versions[_i % 2]);
  int status = call_once_with(port, &options, "GET", "/hello", NULL);
  ck_assert_msg(status == (clients[i].reason ? 0 : 200), "%s: %d", clients[i].name, status);
  struct http_stats stats = fixture_stats();
  ck_assert_int_eq(stats.clients_refused, clients[i].reason ? 1 : 0);
  if (clients[i].reason)
    expect_refused(clients[i].reason);
  fixture_expect_idle();
}
END_TEST

/* "tls: certificate required" in the log of kube-scheduler says more than "EOF". */
static int alert_of(const struct client_options *options) {
  CLEANUP_CLIENT struct client client;
  if (client_open_with(&client, port, options))
    (void)client_sees_end(&client);
  return client.last_alert;
}

START_TEST(a_client_without_any_is_told) {
  struct client_options options = {.least = versions[_i], .most = versions[_i]};
  ck_assert_int_eq(call_once_with(port, &options, "GET", "/hello", NULL), 0);
  expect_refused("none was shown");
  WAIT_UNTIL(fixture_stats().handshake_fails == 1);
  ck_assert_int_eq(fixture_stats().clients_refused, 1);
  ck_assert_int_eq(alert_of(&options), versions[_i] == TLS1_3_VERSION
                                           ? TLS13_AD_CERTIFICATE_REQUIRED
                                           : SSL_AD_HANDSHAKE_FAILURE);
  fixture_expect_idle();
}
END_TEST

START_TEST(a_client_of_another_ca_is_told) {
  CLEANUP_IDENTITY struct identity stranger;
  make_client(&stranger, &other_ca);
  struct client_options options = shown_by(&stranger, versions[_i]);
  ck_assert_int_eq(alert_of(&options), SSL_AD_UNKNOWN_CA);
}
END_TEST

/* What is sent before the handshake has failed reaches no handler. */
START_TEST(an_early_request_of_a_stranger_is_not_heard) {
  int64_t before;
  int64_t after;
  (void)fixture_last_access(&before);
  for (int i = 0; i < 20; i++) {
    CLEANUP_CLIENT struct client client;
    CLEANUP_REPLY struct reply reply = {0};
    /* With TLS 1.3 the client's side is through before the server has judged. */
    (void)client_open_version(&client, port, TLS1_3_VERSION, 0);
    (void)client_send_text(&client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert(!client_reply(&client, &reply));
  }
  (void)fixture_last_access(&after);
  ck_assert_int_eq(before, after);
  ck_assert_int_eq(fixture_stats().clients_refused, 20);
}
END_TEST

/* A ticket would let a client in after its CA has gone. */
START_TEST(sessions_are_not_resumed) {
  CLEANUP_IDENTITY struct identity identity;
  make_client(&identity, &ca);
  struct client_options options = shown_by(&identity, versions[_i]);
  CLEANUP_CLIENT struct client client;
  CLEANUP_REPLY struct reply reply = {0};
  ck_assert(client_open_with(&client, port, &options));
  ck_assert(client_call(&client, "GET", "/hello", NULL, &reply));
  SSL_SESSION *session = SSL_get1_session(client.ssl);
  ck_assert_int_eq(SSL_SESSION_has_ticket(session), 0);
  SSL *again = SSL_new(client.ctx);
  int fd = tcp_open(port, NULL);
  (void)SSL_set_fd(again, fd);
  (void)SSL_set_session(again, session);
  ck_assert_int_eq(SSL_connect(again), 1);
  ck_assert_int_eq(SSL_session_reused(again), 0);
  SSL_SESSION_free(session);
  SSL_free(again);
  (void)close(fd);
}
END_TEST

/* What `slicegate certs issue` makes: the client's is taken, the server's is not. */
START_TEST(certificates_that_we_issue) {
  struct temp_dir dir = temp_dir_make();
  const char *const ips[] = {"127.0.0.1"};
  struct err err;
  const struct certs_request pairs[] = {
      {.dir = dir.path, .ips = ips, .ip_count = 1},
      {.dir = dir.path, .client_name = "kube-scheduler", .reuse_ca = true},
  };
  static const char *const names[] = {CERTS_CA_CERT, CERTS_CERT, CERTS_KEY, CERTS_CLIENT_CERT,
                                      CERTS_CLIENT_KEY};
  struct buf files[SG_ARRAY_LEN(names)];
  for (size_t i = 0; i < SG_ARRAY_LEN(pairs); i++)
    ck_assert_msg(certs_issue(&pairs[i], &err), "%s", err.text);
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++)
    ck_assert(sys_file_read(temp_path(&dir, names[i]).text, 1 << 20, &files[i], &err));
  http_server_stop(server);
  server = fixture_start_with((struct http_config){.cert_pem = buf_str(&files[1]),
                                                   .key_pem = buf_str(&files[2]),
                                                   .client_ca_pem = buf_str(&files[0])});
  port = http_server_port(server);
  struct client_options as_client = {.cert_pem = buf_str(&files[3]), .key_pem = buf_str(&files[4])};
  struct client_options as_server = {.cert_pem = buf_str(&files[1]), .key_pem = buf_str(&files[2])};
  ck_assert_int_eq(call_once_with(port, &as_client, "GET", "/hello", NULL), 200);
  ck_assert_int_eq(call_once_with(port, &as_server, "GET", "/hello", NULL), 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++)
    buf_done(&files[i]);
  temp_dir_remove(&dir);
}
END_TEST

/* ---- CAs --------------------------------------------------------------------------------- */

START_TEST(several_cas_are_a_bundle) {
  CLEANUP_IDENTITY struct identity one;
  CLEANUP_IDENTITY struct identity two;
  CLEANUP_BUF struct buf bundle;
  make_client(&one, &ca);
  make_client(&two, &other_ca);
  buf_init(&bundle, 1 << 16);
  buf_append_str(&bundle, buf_str(&ca.cert_pem));
  buf_append_str(&bundle, buf_str(&other_ca.cert_pem));
  http_server_stop(server);
  server = fixture_start_with((struct http_config){.client_ca_pem = buf_str(&bundle)});
  port = http_server_port(server);
  struct client_options first = shown_by(&one, 0);
  struct client_options second = shown_by(&two, 0);
  ck_assert_int_eq(call_once_with(port, &first, "GET", "/hello", NULL), 200);
  ck_assert_int_eq(call_once_with(port, &second, "GET", "/hello", NULL), 200);
}
END_TEST

START_TEST(a_ca_that_is_over_signs_for_nobody) {
  CLEANUP_IDENTITY struct identity old_ca;
  CLEANUP_IDENTITY struct identity client;
  identity_make(&old_ca,
                &(struct identity_wish){.basic = "CA:TRUE", .from_days = -9, .to_days = -1});
  make_client(&client, &old_ca);
  http_server_stop(server);
  server = fixture_start_with((struct http_config){.client_ca_pem = buf_str(&old_ca.cert_pem)});
  port = http_server_port(server);
  struct client_options options = shown_by(&client, 0);
  ck_assert_int_eq(call_once_with(port, &options, "GET", "/hello", NULL), 0);
}
END_TEST

static const struct {
  const char *text; /* NULL: a certificate of a client */
  const char *error;
} bad_cas[] = {
    {"rubbish", "client CA: "},
    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "client CA: "},
    {NULL, "client CA: certificate 1 of 1 is not a CA"},
};

START_TEST(what_is_no_ca_is_said) {
  CLEANUP_IDENTITY struct identity client;
  struct err err = {0};
  make_client(&client, &ca);
  struct http_config config = {.address = "127.0.0.1",
                               .cert_pem = buf_str(&fixture_pair()->cert),
                               .key_pem = buf_str(&fixture_pair()->key),
                               .client_ca_pem = bad_cas[_i].text ? str_of(bad_cas[_i].text)
                                                                 : buf_str(&client.cert_pem)};
  ck_assert_ptr_null(http_server_start(&config, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_msg(strstr(err.text, bad_cas[_i].error) != NULL, "%s", err.text);
  ck_assert(
      !http_server_reload(server, config.cert_pem, config.key_pem, config.client_ca_pem, &err));
  ck_assert_msg(strstr(err.text, bad_cas[_i].error) != NULL, "%s", err.text);
}
END_TEST

/* ---- reload ------------------------------------------------------------------------------ */

static bool reload(struct str client_ca, struct err *reterr) {
  return http_server_reload(server, buf_str(&fixture_pair()->cert), buf_str(&fixture_pair()->key),
                            client_ca, reterr);
}

START_TEST(another_ca_by_reload) {
  CLEANUP_IDENTITY struct identity old;
  CLEANUP_IDENTITY struct identity fresh;
  CLEANUP_CLIENT struct client kept;
  CLEANUP_REPLY struct reply reply = {0};
  struct err err;
  make_client(&old, &ca);
  make_client(&fresh, &other_ca);
  struct client_options as_old = shown_by(&old, 0);
  struct client_options as_fresh = shown_by(&fresh, 0);
  ck_assert(client_open_with(&kept, port, &as_old));
  ck_assert(client_call(&kept, "GET", "/hello", NULL, &reply));
  reply_done(&reply);
  ck_assert_int_eq(call_once_with(port, &as_fresh, "GET", "/hello", NULL), 0);
  ck_assert_msg(reload(buf_str(&other_ca.cert_pem), &err), "%s", err.text);
  ck_assert_int_eq(call_once_with(port, &as_fresh, "GET", "/hello", NULL), 200);
  ck_assert_int_eq(call_once_with(port, &as_old, "GET", "/hello", NULL), 0);
  ck_assert_msg(client_call(&kept, "GET", "/hello", NULL, &reply),
                "a connection keeps what it began with");
}
END_TEST

/* A Secret that is being emptied must not open the door. */
START_TEST(a_reload_does_not_cease_to_ask) {
  struct err err = {0};
  ck_assert(!reload(STR_LIT(""), &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_msg(strstr(err.text, "client CA: empty") != NULL, "%s", err.text);
  ck_assert_int_eq(call_once(port, "GET", "/hello", NULL), 0);
  http_server_stop(server);
  server = fixture_start(NULL, 0);
  port = http_server_port(server);
  ck_assert(!reload(buf_str(&ca.cert_pem), &err));
  ck_assert_msg(strstr(err.text, "started without one") != NULL, "%s", err.text);
  ck_assert_int_eq(call_once(port, "GET", "/hello", NULL), 200);
}
END_TEST

/* As kube-scheduler does it: 16 connections that stay, with few threads to serve them. */
START_TEST(sixteen_keep_alive_connections) {
  CLEANUP_IDENTITY struct identity identity;
  struct hammer hammer;
  struct err err;
  make_client(&identity, &ca);
  struct client_options options = shown_by(&identity, 0);
  http_server_stop(server);
  server = fixture_start_with(
      (struct http_config){.client_ca_pem = buf_str(&ca.cert_pem), .threads = (unsigned)_i});
  port = http_server_port(server);
  hammer_start_with(&hammer, port, HAMMER_THREADS_MAX, true, &options);
  WAIT_UNTIL(atomic_load(&hammer.calls) >= 400);
  for (int i = 0; i < 5; i++)
    ck_assert(reload(buf_str(&ca.cert_pem), &err));
  WAIT_UNTIL(atomic_load(&hammer.calls) >= 800);
  ck_assert_int_eq(fixture_stats().connections, HAMMER_THREADS_MAX);
  hammer_stop(&hammer);
  ck_assert_int_eq(atomic_load(&hammer.failures), 0);
  ck_assert_int_eq(atomic_load(&hammer.connections), HAMMER_THREADS_MAX);
  fixture_expect_idle();
}
END_TEST

TCase *tcase_client_ca(void) {
  TCase *tc = tcase_create("client CA");
  tcase_set_timeout(tc, 300);
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_loop_test(tc, only_good_certificates_are_served, 0, CLIENT_CASES);
  tcase_add_loop_test(tc, a_client_without_any_is_told, 0, (int)SG_ARRAY_LEN(versions));
  tcase_add_loop_test(tc, a_client_of_another_ca_is_told, 0, (int)SG_ARRAY_LEN(versions));
  tcase_add_test(tc, an_early_request_of_a_stranger_is_not_heard);
  tcase_add_loop_test(tc, sessions_are_not_resumed, 0, (int)SG_ARRAY_LEN(versions));
  tcase_add_test(tc, certificates_that_we_issue);
  tcase_add_test(tc, several_cas_are_a_bundle);
  tcase_add_test(tc, a_ca_that_is_over_signs_for_nobody);
  tcase_add_loop_test(tc, what_is_no_ca_is_said, 0, (int)SG_ARRAY_LEN(bad_cas));
  tcase_add_test(tc, another_ca_by_reload);
  tcase_add_test(tc, a_reload_does_not_cease_to_ask);
  tcase_add_loop_test(tc, sixteen_keep_alive_connections, 1, 3);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that change, programs that give them, certificates. */
#include "slicegate/certs.h"
#include "src/kube/kube_internal.h"
#include "tests/unit/kube/fixture.h"

#include <signal.h>
#include <sys/stat.h>

TCase *tcase_credentials(void);

/* ---- requests as somebody ---------------------------------------------------------------- */

static bool get(struct rig *rig, struct kube_response *response, struct err *reterr) {
  struct kube_request request = {.path = STR_LIT("/version"), .timeout_ms = 8000};
  return kube_call(rig->client, &request, response, reterr);
}

static void must_get(struct rig *rig) {
  struct err err;
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  ck_assert_msg(get(rig, &response, &err), "%s", err.text);
}

/* A rig whose user is these lines. */
static void start_as(struct rig *rig, const struct api_step *steps, size_t count,
                     const char *user_lines) {
  struct str none = {0};
  char cluster[256];
  rig->server = api_server_start(steps, count, none, none, none);
  (void)snprintf(cluster, sizeof(cluster), "    server: http://127.0.0.1:%u\n",
                 api_server_port(rig->server));
  rig_connect(rig, cluster, user_lines);
}

/* ---- files ------------------------------------------------------------------------------- */

START_TEST(reads_a_token_anew_after_401) {
  static const struct api_step steps[] = {{.want = "Bearer first", .body = "{}"},
                                          {.want = "Bearer first", .status = 401, .body = "{}"},
                                          {.want = "Bearer second", .body = "{}"},
                                          {.want = "Bearer second", .body = "{}"}};
  struct rig rig;
  fixture_file("t", "first\n");
  start_as(&rig, steps, SG_ARRAY_LEN(steps), "    tokenFile: t\n");
  must_get(&rig);
  fixture_file("t", "second\n");
  must_get(&rig);
  must_get(&rig);
  ck_assert_uint_eq(api_server_count(rig.server), 4);
  rig_stop(&rig);
}
END_TEST

/* What has not changed is not worth a second request. */
START_TEST(gives_up_after_401_with_nothing_new) {
  static const struct api_step steps[] = {
      {.status = 401,
       .body = "{\"kind\":\"Status\",\"message\":\"who?\",\"reason\":\"Unauthorized\"}"}};
  struct rig rig;
  struct err err;
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  RIG(rig, steps);
  ck_assert(!get(&rig, &response, &err));
  ck_assert_uint_eq(response.status, 401);
  ck_assert_str_eq(response.reason, "Unauthorized");
  ck_assert_str_eq(err.text, "401 Unauthorized: who?");
  ck_assert_uint_eq(api_server_count(rig.server), 1);
  rig_stop(&rig);
}
END_TEST

START_TEST(rereads_files_in_time_and_keeps_what_it_had) {
  struct err err;
  struct kube_config_request request = {
      .kubeconfig = fixture_file("config", "current-context: c\n"
                                           "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
                                           "clusters: [{name: c, cluster: {server: https://h}}]\n"
                                           "users: [{name: u, user: {tokenFile: t}}]\n")};
  const char *token = fixture_file("t", "first");
  CLEANUP_KUBE_CONFIG struct kube_config *config = kube_config_load(&request, &err);
  struct credentials credentials;
  credentials_init(&credentials, config, 20);
  struct identity *first = credentials_get(&credentials, NULL, NULL, &err);
  ck_assert_str_eq(first->authorization.ptr, "Authorization: Bearer first");
  ck_assert_int_eq(unlink(token), 0);
  (void)usleep(40000);
  struct identity *kept = credentials_get(&credentials, NULL, NULL, &err);
  ck_assert_ptr_eq(first, kept);
  fixture_file("t", "second");
  (void)usleep(40000);
  struct identity *second = credentials_get(&credentials, NULL, NULL, &err);
  ck_assert_str_eq(second->authorization.ptr, "Authorization: Bearer second");
  identity_unref(first);
  identity_unref(kept);
  identity_unref(second);
  credentials_done(&credentials);
}
END_TEST

static const struct {
  const char *token, *error;
} bad_tokens[] = {
    {"a\r\nX-Other: b", "users[].user.tokenFile: a token has no byte 0x0d"},
    {" \n", "users[].user.tokenFile: the token is empty"},
    {"a b", "a token has no byte 0x20"},
    {NULL, "/t: "},
};

START_TEST(asks_a_proxy_without_telling_it_who_we_are) {
  static const struct api_step steps[] = {
      {.want = "CONNECT 192.0.2.1:443 HTTP", .status = 403, .body = ""}};
  struct rig rig;
  struct err err;
  struct str none = {0};
  char cluster[256];
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  rig.server = api_server_start(steps, 1, none, none, none);
  (void)snprintf(cluster, sizeof(cluster),
                 "    server: https://192.0.2.1\n    proxy-url: http://127.0.0.1:%u\n",
                 api_server_port(rig.server));
  (void)setenv("NO_PROXY", "*", 1); /* what the kubeconfig says comes first */
  rig_connect(&rig, cluster, "    token: secret\n");
  ck_assert(!get(&rig, &response, &err));
  (void)unsetenv("NO_PROXY");
  ck_assert_uint_eq(api_server_count(rig.server), 1);
  ck_assert_ptr_null(strstr(api_server_request(rig.server, 0)->head, "secret"));
  rig_stop(&rig);
}
END_TEST

START_TEST(says_which_token_is_none) {
  struct rig rig;
  struct err err;
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  if (bad_tokens[_i].token)
    fixture_file("t", bad_tokens[_i].token);
  start_as(&rig, NULL, 0, "    tokenFile: t\n");
  ck_assert(!get(&rig, &response, &err));
  ck_assert_uint_eq(response.status, 0);
  ck_assert_msg(strstr(err.text, bad_tokens[_i].error) != NULL, "%s", err.text);
  ck_assert_uint_eq(api_server_count(rig.server), 0);
  rig_stop(&rig);
}
END_TEST

/* ---- programs ---------------------------------------------------------------------------- */

#define CREDENTIAL(status)                                                                         \
  "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/"                    \
  "v1\",\"status\":{" status "}}"

/* A user whose plugin is a shell script of these lines. */
static const char *plugin(const char *script, const char *more) {
  static char lines[2048];
  char text[4096];
  (void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
  const char *path = fixture_file("login", text);
  ck_assert_int_eq(chmod(path, 0755), 0);
  (void)snprintf(lines, sizeof(lines),
                 "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n"
                 "      command: ./login\n%s",
                 more);
  return lines;
}

START_TEST(asks_a_program_once_until_it_expires) {
  static const struct api_step steps[] = {{.want = "Bearer t1", .body = "{}"},
                                          {.want = "Bearer t1", .body = "{}"},
                                          {.want = "Bearer t1", .status = 401, .body = "{}"},
                                          {.want = "Bearer t2", .body = "{}"},
                                          {.want = "Bearer t3", .body = "{}"}};
  struct rig rig;
  /* The first answer is good for long, the second has expired already. */
  start_as(
      &rig, steps, SG_ARRAY_LEN(steps),
      plugin("cd \"$(dirname \"$0\")\"; ls -l /proc/$$/fd | grep socket >>sockets\n"
             "echo x >>runs && n=$(wc -l <runs) && end=2999\n"
             "[ \"$n\" = 2 ] && end=2001\n"
             "echo '" CREDENTIAL("\"token\":\"t'$n'\",\"expirationTimestamp\":\"'$end'-01-01T00:"
                                 "00:00Z\"") "'",
             ""));
  for (int i = 0; i < 4; i++)
    must_get(&rig);
  struct err err;
  CLEANUP_BUF struct buf sockets; /* that plugins got to see */
  ck_assert(sys_file_read(temp_path(&fixture_dir, "sockets").text, 4096, &sockets, &err));
  ck_assert_uint_eq(sockets.len, 0);
  rig_stop(&rig);
}
END_TEST

START_TEST(tells_a_program_what_it_needs) {
  static const struct api_step steps[] = {{.want = "Bearer token", .body = "{}"}};
  struct rig rig;
  (void)setenv("REPLACED", "old", 1);
  start_as(&rig, steps, SG_ARRAY_LEN(steps),
           plugin("cd \"$(dirname \"$0\")\"\n"
                  "printf '%s|' \"$@\" \"$REPLACED\" \"$KUBERNETES_EXEC_INFO\" \"$(cat)\" >seen\n"
                  "echo complaint >&2\n"
                  "echo '" CREDENTIAL("\"token\":\"token\"") "'",
                  "      args: ['a b', '$HOME;*']\n"
                  "      env: [{name: REPLACED, value: new}]\n"
                  "      provideClusterInfo: true\n"));
  must_get(&rig);
  struct err err;
  CLEANUP_BUF struct buf seen;
  char wanted[1024];
  ck_assert(sys_file_read(temp_path(&fixture_dir, "seen").text, 4096, &seen, &err));
  (void)snprintf(wanted, sizeof(wanted),
                 "a b|$HOME;*|new|{\"kind\":\"ExecCredential\",\"apiVersion\":"
                 "\"client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":false,\"cluster\":"
                 "{\"server\":\"http://127.0.0.1:%u\",\"config\":null}}}||",
                 api_server_port(rig.server));
  ck_assert_str_eq(seen.ptr, wanted);
  rig_stop(&rig);
}
END_TEST

static const struct {
  const char *script, *error;
} failing[] = {
    {"echo 'no account' >&2; exit 3", "it ended with status 3: no account"},
    {"kill -9 $$", "it ended with signal 9"},
    {"echo nothing", "its answer is no JSON"},
    {"echo '{\"kind\":\"Pod\"}'",
     "its answer is no ExecCredential of client.authentication.k8s.io/v1"},
    {"echo '" CREDENTIAL("") "'", "status: has neither a token nor a certificate"},
    {"echo '" CREDENTIAL("\"clientKeyData\":\"x\"") "'", "belong together"},
    {"echo '" CREDENTIAL("\"token\":\"a\\u000ab\"") "'", "a token has no byte 0x0a"},
    {"echo '" CREDENTIAL("\"token\":\"a\",\"expirationTimestamp\":\"soon\"") "'",
     "status.expirationTimestamp: \"soon\" is no time"},
    {"head -c 2000000 /dev/zero", "it wrote more than 1048576 bytes"},
};

START_TEST(says_how_a_program_failed) {
  struct rig rig;
  struct err err;
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  start_as(&rig, NULL, 0, plugin(failing[_i].script, ""));
  ck_assert(!get(&rig, &response, &err));
  ck_assert_msg(strstr(err.text, failing[_i].error) != NULL, "%s", err.text);
  ck_assert_msg(strstr(err.text, "users[].user.exec.command") != NULL, "%s", err.text);
  rig_stop(&rig);
}
END_TEST

START_TEST(says_when_a_program_is_not_there) {
  struct rig rig;
  struct err err;
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  start_as(&rig, NULL, 0,
           "    exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-login,\n"
           "           installHint: see example.com}\n");
  ck_assert(!get(&rig, &response, &err));
  ck_assert_ptr_nonnull(strstr(err.text, "cannot run \"no-such-login\": No such file"));
  ck_assert_ptr_nonnull(strstr(err.text, "see example.com"));
  rig_stop(&rig);
}
END_TEST

static struct exec_plugin sleeper(const char *script) {
  static const char *args[2] = {"-c"};
  args[1] = script;
  return (struct exec_plugin){
      .command = "sh", .args = args, .arg_count = 2, .origin = STR_LIT("here")};
}

START_TEST(ends_programs_that_do_not) {
  struct err err;
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1000);
  struct exec_plugin plugin = sleeper("sleep 100 & echo $!; wait");
  ck_assert(!exec_run(&plugin, "{}", 200, NULL, &out, &err));
  ck_assert_str_eq(err.text, "here: \"sh\": it did not end within 200 ms");
  int64_t pid = 0;
  ck_assert(i64_parse((struct str){out.ptr, out.len - 1}, &pid));
  for (int i = 0; i < 200 && kill((pid_t)pid, 0) == 0; i++) {
    char state[64];
    struct err ignored;
    CLEANUP_BUF struct buf stat;
    (void)snprintf(state, sizeof(state), "/proc/%d/stat", (int)pid);
    if (sys_file_read(state, 4096, &stat, &ignored) && strstr(stat.ptr, ") Z "))
      break; /* dead, and nobody has asked how */
    (void)usleep(10000);
    ck_assert_int_lt(i, 199);
  }
}
END_TEST

START_TEST(does_not_wait_for_what_a_program_leaves_behind) {
  struct err err;
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1000);
  struct exec_plugin plugin = sleeper("sleep 100 & echo done");
  ck_assert_msg(exec_run(&plugin, "{}", 8000, NULL, &out, &err), "%s", err.text);
  ck_assert_str_eq(out.ptr, "done\n");
}
END_TEST

/* ---- certificates ------------------------------------------------------------------------ */

struct pki {
  struct buf ca, cert, key;
};

static void read_pem(const char *name, struct buf *ret) {
  struct err err;
  ck_assert(sys_file_read(temp_path(&fixture_dir, name).text, 1 << 20, ret, &err));
}

static void pki_make(struct pki *pki, const char *name) {
  struct err err;
  const char *const dns[] = {name};
  struct certs_request request = {
      .dir = fixture_dir.path, .dns_names = dns, .dns_count = 1, .force = true};
  ck_assert_msg(certs_issue(&request, &err), "%s", err.text);
  read_pem(CERTS_CA_CERT, &pki->ca);
  read_pem(CERTS_CERT, &pki->cert);
  read_pem(CERTS_KEY, &pki->key);
}

static void pki_done(struct pki *pki) {
  buf_done(&pki->ca);
  buf_done(&pki->cert);
  buf_done(&pki->key);
}

static void start_tls(struct rig *rig, const struct pki *pki, bool wants_client,
                      const struct api_step *steps, size_t count, const char *more,
                      const char *user) {
  char cluster[1024];
  struct str none = {0};
  rig->server = api_server_start(steps, count, buf_str(&pki->cert), buf_str(&pki->key),
                                 wants_client ? buf_str(&pki->ca) : none);
  (void)snprintf(cluster, sizeof(cluster), "    server: https://127.0.0.1:%u/\n%s",
                 api_server_port(rig->server), more);
  rig_connect(rig, cluster, user);
}

START_TEST(checks_the_name_that_is_asked_for) {
  static const struct api_step steps[] = {{.want = "Host: 127.0.0.1:", .body = "{}"}};
  struct rig rig;
  struct pki pki;
  pki_make(&pki, "kubernetes");
  start_tls(&rig, &pki, false, steps, 1,
            "    certificate-authority: ca.crt\n    tls-server-name: kubernetes\n",
            "    token: secret\n");
  must_get(&rig);
  rig_stop(&rig);
  pki_done(&pki);
}
END_TEST

static const struct {
  const char *cluster;
  bool ok;
} trust[] = {
    {"    certificate-authority: ca.crt\n", false}, /* another name */
    {"    tls-server-name: kubernetes\n", false},   /* the system's authorities */
    {"    certificate-authority: other.crt\n    tls-server-name: kubernetes\n", false},
    {"    insecure-skip-tls-verify: true\n", true},
};

START_TEST(trusts_whom_it_should) {
  static const struct api_step steps[] = {{.body = "{}"}};
  struct rig rig;
  struct pki pki, other;
  struct err err;
  pki_make(&other, "kubernetes");
  fixture_file("other.crt", other.ca.ptr);
  pki_make(&pki, "kubernetes");
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  start_tls(&rig, &pki, false, steps, 1, trust[_i].cluster, "    token: secret\n");
  bool ok = get(&rig, &response, &err);
  ck_assert_int_eq(ok, trust[_i].ok);
  if (!ok) {
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_uint_eq(api_server_count(rig.server), 0); /* the token has stayed here */
  }
  rig_stop(&rig);
  pki_done(&pki);
  pki_done(&other);
}
END_TEST

static void append_json(struct buf *out, const char *key, const struct buf *text) {
  buf_append_cstr(out, key);
  kube_json_string(out, buf_str(text));
}

START_TEST(shows_the_certificate_that_a_program_gives) {
  static const struct api_step steps[] = {{.body = "{}"}};
  struct rig rig;
  struct pki pki;
  CLEANUP_BUF struct buf reply;
  buf_init(&reply, 64 << 10);
  pki_make(&pki, "kubernetes");
  buf_append_cstr(&reply, "{\"kind\":\"ExecCredential\",\"apiVersion\":"
                          "\"client.authentication.k8s.io/v1\",\"status\":{");
  append_json(&reply, "\"clientCertificateData\":", &pki.cert);
  append_json(&reply, ",\"clientKeyData\":", &pki.key);
  buf_append_cstr(&reply, "}}");
  fixture_file("reply", reply.ptr);
  start_tls(&rig, &pki, true, steps, 1,
            "    certificate-authority: ca.crt\n    tls-server-name: kubernetes\n",
            plugin("cat \"$(dirname \"$0\")/reply\"", ""));
  must_get(&rig);
  rig_stop(&rig);
  pki_done(&pki);
}
END_TEST

START_TEST(shows_a_certificate) {
  static const struct api_step steps[] = {{.body = "{}"}};
  static const char *const users[] = {"    client-certificate: tls.crt\n    client-key: tls.key\n",
                                      "    token: secret\n"};
  struct rig rig;
  struct pki pki;
  struct err err;
  pki_make(&pki, "kubernetes");
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  start_tls(&rig, &pki, true, steps, 1,
            "    certificate-authority: ca.crt\n    tls-server-name: kubernetes\n", users[_i]);
  bool ok = get(&rig, &response, &err);
  ck_assert_msg(ok == (_i == 0), "%s", ok ? "" : err.text);
  rig_stop(&rig);
  pki_done(&pki);
}
END_TEST

TCase *tcase_credentials(void) {
  TCase *tc = tcase_create("credentials");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, reads_a_token_anew_after_401);
  tcase_add_test(tc, gives_up_after_401_with_nothing_new);
  tcase_add_test(tc, rereads_files_in_time_and_keeps_what_it_had);
  tcase_add_test(tc, asks_a_proxy_without_telling_it_who_we_are);
  tcase_add_loop_test(tc, says_which_token_is_none, 0, (int)SG_ARRAY_LEN(bad_tokens));
  tcase_add_test(tc, asks_a_program_once_until_it_expires);
  tcase_add_test(tc, tells_a_program_what_it_needs);
  tcase_add_loop_test(tc, says_how_a_program_failed, 0, (int)SG_ARRAY_LEN(failing));
  tcase_add_test(tc, says_when_a_program_is_not_there);
  tcase_add_test(tc, ends_programs_that_do_not);
  tcase_add_test(tc, does_not_wait_for_what_a_program_leaves_behind);
  tcase_add_test(tc, checks_the_name_that_is_asked_for);
  tcase_add_loop_test(tc, trusts_whom_it_should, 0, (int)SG_ARRAY_LEN(trust));
  tcase_add_test(tc, shows_the_certificate_that_a_program_gives);
  tcase_add_loop_test(tc, shows_a_certificate, 0, 2);
  return tc;
}

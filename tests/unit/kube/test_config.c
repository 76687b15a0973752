/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig files and service accounts. */
#include "src/kube/kube_internal.h"
#include "tests/unit/kube/fixture.h"

#include <sys/stat.h>

TCase *tcase_config(void);

#define PEM_BASE64 "LS0tLS1CRUdJTiBYLS0tLS0K" /* "-----BEGIN X-----\n" */

static struct kube_config *load_text(const char *text, const char *context, struct err *reterr) {
  struct kube_config_request request = {.kubeconfig = fixture_file("config", text),
                                        .context = context};
  return kube_config_load(&request, reterr);
}

static struct kube_config *must_load(const char *text, const char *context) {
  struct err err;
  struct kube_config *config = load_text(text, context, &err);
  ck_assert_msg(config != NULL, "%s", err.text);
  return config;
}

/* ---- what is read ------------------------------------------------------------------------ */

static const char full[] = "apiVersion: v1\n"
                           "kind: Config\n"
                           "preferences: {}\n"
                           "current-context: work\n"
                           "contexts:\n"
                           "- name: work\n"
                           "  context: {cluster: one, user: cert, namespace: team}\n"
                           "- name: play\n"
                           "  context: {cluster: two, user: file}\n"
                           "- name: program\n"
                           "  context: {cluster: two, user: exec}\n"
                           "- name: nobody\n"
                           "  context: {cluster: two}\n"
                           "clusters:\n"
                           "- name: one\n"
                           "  cluster:\n"
                           "    server: https://10.0.0.1:6443/\n"
                           "    certificate-authority-data: " PEM_BASE64 "\n"
                           "    certificate-authority: unused.pem\n"
                           "    tls-server-name: kubernetes\n"
                           "    proxy-url: http://proxy:3128\n"
                           "- name: two\n"
                           "  cluster:\n"
                           "    server: http://localhost:8001/prefix\n"
                           "    insecure-skip-tls-verify: true\n"
                           "users:\n"
                           "- name: cert\n"
                           "  user:\n"
                           "    client-certificate: certs/c.pem\n"
                           "    client-key: /k.pem\n"
                           "- name: file\n"
                           "  user: {token: old, tokenFile: t}\n"
                           "- name: exec\n"
                           "  user:\n"
                           "    exec:\n"
                           "      apiVersion: client.authentication.k8s.io/v1\n"
                           "      command: ./bin/login\n"
                           "      args: [a, '1 2']\n"
                           "      env:\n"
                           "      - {name: A, value: b=c}\n"
                           "      interactiveMode: IfAvailable\n"
                           "      provideClusterInfo: true\n"
                           "      installHint: install it\n"
                           "- name: broken\n"
                           "  user: 17\n";

START_TEST(reads_what_the_current_context_uses) {
  CLEANUP_KUBE_CONFIG struct kube_config *config = must_load(full, NULL);
  ck_assert(str_is(kube_config_server(config), "https://10.0.0.1:6443"));
  ck_assert(str_is(kube_config_namespace(config), "team"));
  ck_assert_str_eq(config->tls_server_name, "kubernetes");
  ck_assert_str_eq(config->proxy_url, "http://proxy:3128");
  ck_assert_ptr_null(config->ca.path); /* -data comes first */
  ck_assert(str_is(config->ca.data, "-----BEGIN X-----\n"));
  ck_assert_str_eq(config->cert.path, temp_path(&fixture_dir, "certs/c.pem").text);
  ck_assert_str_eq(config->key.path, "/k.pem");
  ck_assert(!config->skip_tls_verify && !config->token.is_set && !config->exec);
}
END_TEST

START_TEST(reads_a_named_context) {
  CLEANUP_KUBE_CONFIG struct kube_config *config = must_load(full, "play");
  ck_assert(str_is(kube_config_server(config), "http://localhost:8001/prefix"));
  ck_assert(str_is(kube_config_namespace(config), "default"));
  ck_assert(config->skip_tls_verify);
  ck_assert_str_eq(config->token.path, temp_path(&fixture_dir, "t").text);
  CLEANUP_KUBE_CONFIG struct kube_config *anonymous = must_load(full, "nobody");
  ck_assert(!anonymous->token.is_set && !anonymous->cert.is_set && !anonymous->exec);
}
END_TEST

START_TEST(reads_exec) {
  CLEANUP_KUBE_CONFIG struct kube_config *config = must_load(full, "program");
  const struct exec_plugin *plugin = config->exec;
  ck_assert_str_eq(plugin->command, temp_path(&fixture_dir, "./bin/login").text);
  ck_assert_uint_eq(plugin->arg_count, 2);
  ck_assert_str_eq(plugin->args[1], "1 2");
  ck_assert_uint_eq(plugin->env_count, 1);
  ck_assert_str_eq(plugin->env[0], "A=b=c");
  ck_assert(plugin->wants_cluster);
  ck_assert(str_is(plugin->install_hint, "install it"));
}
END_TEST

/* ---- what is wrong ----------------------------------------------------------------------- */

#define HEAD "current-context: c\ncontexts:\n- name: c\n  context: {cluster: c, user: u}\n"
#define CLUSTER "clusters:\n- {name: c, cluster: {server: https://h}}\n"
#define USER(text) HEAD CLUSTER "users:\n- name: u\n  user:\n    " text "\n"
#define SERVER(text) HEAD "users: [{name: u}]\nclusters:\n- name: c\n  cluster:\n    " text "\n"
#define EXEC(text)                                                                                 \
  USER("exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: x\n      " text)

static const struct {
  const char *text, *error;
} wrong[] = {
    {"", "the file is empty"},
    {"a: [", ":2: "},
    {"- a", ":1: kubeconfig: must be a mapping, not a list"},
    {"a: 1\n---\nb: 1", ":3: kubeconfig: a second document begins here"},
    {"kind: Pod", ":1: kind: must be Config"},
    {"kind: Config", ":1: current-context: is not set, and no context was named"},
    {"current-context: 7", ":1: kubeconfig.current-context: must be a string, not a number"},
    {"current-context: x", "contexts: there is no context \"x\""},
    {"current-context: worj\ncontexts: [{name: work}]", "did you mean \"work\"?"},
    {"current-context: x\ncontexts: {}", ":2: contexts: must be a list, not a mapping"},
    {"current-context: c\ncontexts:\n- name: c\n  context: {user: u}",
     ":4: contexts[].context.cluster: is missing"},
    {"current-context: c\ncontexts:\n- name: c\n  context: {cluster: 1}",
     ":4: contexts[].context.cluster: must be a string, not a number"},
    {HEAD, "clusters: there is no cluster \"c\""},
    {HEAD CLUSTER, "users: there is no user \"u\""},
    {SERVER("x: y"), ":9: clusters[].cluster.server: is missing"},
    {SERVER("server: 10.0.0.1"), ":9: clusters[].cluster.server: \"10.0.0.1\" does not begin with"},
    {SERVER("server: 'https://'"), ":9: clusters[].cluster.server: \"https://\" is no address"},
    {SERVER("server: https://a@b"), "is no address of a server"},
    {SERVER("server: http://10.0.0.1"), "is not encrypted"},
    {SERVER("server: https://h\n    proxy-url: ftp://x"),
     ":10: clusters[].cluster.proxy-url: must"},
    {SERVER("server: https://h\n    insecure-skip-tls-verify: 'yes'"),
     ":10: clusters[].cluster.insecure-skip-tls-verify: must be true or false, not a string"},
    {SERVER("server: https://h\n    insecure-skip-tls-verify: true\n    certificate-authority: x"),
     ":10: clusters[].cluster.insecure-skip-tls-verify: and certificate-authority exclude"},
    {SERVER("server: https://h\n    certificate-authority-data: '*'"),
     ":10: clusters[].cluster.certificate-authority-data: is no base64"},
    {SERVER("server: https://h\n    certificate-authority-data: aGVsbG8="),
     ":10: clusters[].cluster.certificate-authority-data: is no PEM text"},
    {SERVER("server: https://h\n    tls-server-name: []"),
     ":10: clusters[].cluster.tls-server-name: must be a string, not a list"},
    {USER("token: 1"), ":10: users[].user.token: must be a string, not a number"},
    {USER("tokenFile: {}"), ":10: users[].user.tokenFile: must be a string"},
    {USER("client-key: k"), "users[].user.client-certificate: is missing"},
    {USER("client-certificate: k"), "users[].user.client-key: is missing"},
    {USER("client-key-data: aGVsbG8="), ":10: users[].user.client-key-data: is no PEM text"},
    {USER("username: u"), ":10: users[].user.username: API servers have no basic authentication"},
    {USER("password: u"), ":10: users[].user.password: "},
    {USER("auth-provider: {name: gcp}"), ":10: users[].user.auth-provider: is gone"},
    {USER("as: admin"), ":10: users[].user.as: acting as another user"},
    {USER("as-groups: [g]"), ":10: users[].user.as-groups: "},
    {USER("exec: 1"), ":10: users[].user.exec: must be a mapping, not a number"},
    {USER("exec: {command: x}"), ":10: users[].user.exec.apiVersion: must be"},
    {USER("exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}"),
     ":10: users[].user.exec.apiVersion: must be"},
    {USER("exec: {apiVersion: client.authentication.k8s.io/v1}"),
     ":10: users[].user.exec.command: is missing"},
    {EXEC("args: x"), ":13: users[].user.exec.args: must be a list, not a string"},
    {EXEC("args: [1]"), ":13: users[].user.exec.args: must be strings, not a number"},
    {EXEC("env: [1]"), ":13: users[].user.exec.env: needs a name"},
    {EXEC("env: [{name: 'A=B', value: c}]"), ":13: users[].user.exec.env: needs a name"},
    {EXEC("env: [{name: A, value: 1}]"), ":13: users[].user.exec.env[].value: must be a string"},
    {EXEC("interactiveMode: Always"), ":13: users[].user.exec.interactiveMode: is Always"},
    {EXEC("interactiveMode: Perhaps"), ":13: users[].user.exec.interactiveMode: must be"},
    {EXEC("provideClusterInfo: 1"), ":13: users[].user.exec.provideClusterInfo: must be true"},
};

START_TEST(says_what_is_wrong_and_where) {
  struct err err = {0};
  struct kube_config *config = load_text(wrong[_i].text, NULL, &err);
  ck_assert_msg(config == NULL, "%s was read", wrong[_i].text);
  ck_assert_msg(strstr(err.text, wrong[_i].error) != NULL, "\"%s\" is not in \"%s\"",
                wrong[_i].error, err.text);
  ck_assert_msg(strstr(err.text, fixture_dir.path) == err.text, "%s", err.text);
}
END_TEST

/* ---- several files ----------------------------------------------------------------------- */

START_TEST(merges_files) {
  char list[2048];
  struct err err;
  const char *first =
      fixture_file("first", "contexts:\n- name: c\n  context: {cluster: c, user: u}\n"
                            "users:\n- {name: u, user: {token: first}}\n");
  const char *second =
      fixture_file("second", "current-context: c\n"
                             "clusters:\n- {name: c, cluster: {server: https://second}}\n"
                             "users:\n- {name: u, user: {token: second}}\n");
  const char *third =
      fixture_file("third", "current-context: other\n"
                            "clusters:\n- {name: c, cluster: {server: https://x}}\n");
  (void)snprintf(list, sizeof(list), "/nowhere/config::%s:%s:%s", first, second, third);
  (void)setenv("KUBECONFIG", list, 1);
  struct kube_config_request request = {.context = NULL};
  CLEANUP_KUBE_CONFIG struct kube_config *config = kube_config_load(&request, &err);
  ck_assert_msg(config != NULL, "%s", err.text);
  ck_assert(str_is(kube_config_server(config), "https://second"));
  ck_assert(str_is(config->token.data, "first"));
  (void)unsetenv("KUBECONFIG");
}
END_TEST

START_TEST(a_named_file_must_exist) {
  struct err err = {0};
  struct kube_config_request request = {
      .kubeconfig = "/nowhere/config", .service_host = "h", .service_port = "1"};
  ck_assert_ptr_null(kube_config_load(&request, &err));
  ck_assert_int_eq(err.code, ERR_NOT_FOUND);
}
END_TEST

START_TEST(files_have_a_largest_size_and_number) {
  struct err err = {0};
  char list[1024] = "";
  const char *one = fixture_file("one", "kind: Config\n");
  for (int i = 0; i < KUBE_CONFIG_FILES_MAX + 1; i++) {
    size_t used = strlen(list);
    (void)snprintf(list + used, sizeof(list) - used, "%s:", i < 12 ? one : "x");
  }
  (void)setenv("KUBECONFIG", list, 1);
  struct kube_config_request request = {.context = NULL};
  ck_assert_ptr_null(kube_config_load(&request, &err));
  ck_assert_ptr_nonnull(strstr(err.text, "current-context")); /* absent ones do not count */
  (void)unsetenv("KUBECONFIG");
}
END_TEST

/* ---- in a pod
 * ------------------------------------------------------------------------------------------------
 */

START_TEST(takes_the_service_account_of_a_pod) {
  static const char *const hosts[][2] = {{"10.0.0.1", "https://10.0.0.1:443"},
                                         {"fd00::1", "https://[fd00::1]:443"}};
  struct err err;
  fixture_file("namespace", "gpu-system\n");
  struct kube_config_request request = {.home = fixture_dir.path,
                                        .service_host = hosts[_i][0],
                                        .service_port = "443",
                                        .service_account = fixture_dir.path};
  CLEANUP_KUBE_CONFIG struct kube_config *config = kube_config_load(&request, &err);
  ck_assert_msg(config != NULL, "%s", err.text);
  ck_assert(str_is(kube_config_server(config), hosts[_i][1]));
  ck_assert(str_is(kube_config_namespace(config), "gpu-system"));
  ck_assert_str_eq(config->token.path, temp_path(&fixture_dir, "token").text);
  ck_assert_str_eq(config->ca.path, temp_path(&fixture_dir, "ca.crt").text);
}
END_TEST

START_TEST(prefers_the_file_of_the_home_folder) {
  struct err err;
  struct temp_path folder = temp_path(&fixture_dir, ".kube");
  ck_assert_int_eq(mkdir(folder.text, 0700), 0);
  const char *file = fixture_file(".kube/config", HEAD CLUSTER "users: [{name: u}]\n");
  struct kube_config_request request = {.home = fixture_dir.path,
                                        .service_host = "10.0.0.1",
                                        .service_port = "443",
                                        .service_account = fixture_dir.path};
  CLEANUP_KUBE_CONFIG struct kube_config *config = kube_config_load(&request, &err);
  ck_assert_msg(config != NULL, "%s", err.text);
  ck_assert(str_is(kube_config_server(config), "https://h"));
  ck_assert_int_eq(unlink(file), 0);
}
END_TEST

START_TEST(says_when_nothing_tells_where_a_server_is) {
  struct err err = {0};
  (void)unsetenv("KUBERNETES_SERVICE_HOST");
  struct kube_config_request request = {.home = fixture_dir.path};
  ck_assert_ptr_null(kube_config_load(&request, &err));
  ck_assert_int_eq(err.code, ERR_NOT_FOUND);
  ck_assert_ptr_nonnull(strstr(err.text, "/.kube/config: no kubeconfig, and "));
}
END_TEST

/* ---- base64
 * -----------------------------------------------------------------------------------------------------
 */

static const struct {
  const char *text;
  struct str bytes;
  bool ok;
} encoded[] = {
    {"", STR_LIT(""), true},
    {"YQ==", STR_LIT("a"), true},
    {"YWI=", STR_LIT("ab"), true},
    {"YW\nJj\n", STR_LIT("abc"), true},
    {"AAEC/v8=", STR_LIT("\0\1\2\xfe\xff"), true},
    {"YQ", STR_LIT(""), false},
    {"YQ=", STR_LIT(""), false},
    {"YQ==YQ==", STR_LIT(""), false},
    {"Y===", STR_LIT(""), false},
    {"Y-==", STR_LIT(""), false},
};

START_TEST(decodes_base64) {
  CLEANUP_ARENA struct arena *arena = arena_new(256);
  struct str bytes;
  bool ok = base64_decode(arena, str_of(encoded[_i].text), &bytes);
  ck_assert_int_eq(ok, encoded[_i].ok);
  if (ok)
    ck_assert(str_eq(bytes, encoded[_i].bytes));
}
END_TEST

TCase *tcase_config(void) {
  TCase *tc = tcase_create("config");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_add_test(tc, reads_what_the_current_context_uses);
  tcase_add_test(tc, reads_a_named_context);
  tcase_add_test(tc, reads_exec);
  tcase_add_loop_test(tc, says_what_is_wrong_and_where, 0, (int)SG_ARRAY_LEN(wrong));
  tcase_add_test(tc, merges_files);
  tcase_add_test(tc, a_named_file_must_exist);
  tcase_add_test(tc, files_have_a_largest_size_and_number);
  tcase_add_loop_test(tc, takes_the_service_account_of_a_pod, 0, 2);
  tcase_add_test(tc, prefers_the_file_of_the_home_folder);
  tcase_add_test(tc, says_when_nothing_tells_where_a_server_is);
  tcase_add_loop_test(tc, decodes_base64, 0, (int)SG_ARRAY_LEN(encoded));
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is printed. That kube-apiserver takes it, and that the conditions mean what they
 * should, is for the end-to-end suite: only the real thing evaluates CEL.
 */
#include "slicegate/certs.h"
#include "slicegate/doc.h"
#include "src/cli/cli_internal.h"
#include "src/cli/webhook_config.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <stdlib.h>

static struct scratch folder;
static char bundle[128];

static void setup(void) {
  static const char *const ips[] = {"127.0.0.1"};
  struct err err = {0};
  folder = scratch_new();
  const struct certs_request request = {.dir = folder.path, .ips = ips, .ip_count = 1};
  ck_assert_msg(certs_issue(&request, &err), "%s", err.text);
  (void)snprintf(bundle, sizeof(bundle), "%s/ca.crt", folder.path);
}

static void teardown(void) {
  scratch_done(&folder);
}

/* ---- looking into the output ------------------------------------------------------------------
 */

static json_t *printed(const char *const *more) {
  const char *arguments[24] = {"--ca-bundle", bundle, "-o", "json"};
  size_t count = 4;
  while (*more)
    arguments[count++] = *more++;
  arguments[count] = NULL;
  struct run run = run_command(cli_webhook_config, arguments);
  assert_code(&run, 0);
  ck_assert_str_eq(run.err, "");
  json_error_t error;
  json_t *root = json_loads(run.out, 0, &error);
  ck_assert_msg(root != NULL, "%s", error.text);
  run_done(&run);
  return root;
}
#define PRINTED(...) printed((const char *const[]){__VA_ARGS__, NULL})

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

/* NULL when the configuration has no such entry. */
static json_t *entry_of(const json_t *list, const char *kind, const char *name) {
  json_t *items = json_object_get(list, "items");
  for (size_t i = 0; i < json_array_size(items); i++) {
    json_t *item = json_array_get(items, i), *webhooks = json_object_get(item, "webhooks");
    if (strcmp(text_of(item, "kind"), kind) != 0)
      continue;
    for (size_t w = 0; w < json_array_size(webhooks); w++) {
      if (strcmp(text_of(json_array_get(webhooks, w), "name"), name) == 0)
        return json_array_get(webhooks, w);
    }
  }
  return NULL;
}
#define VALIDATING "ValidatingWebhookConfiguration"
#define MUTATING "MutatingWebhookConfiguration"
#define GPU "gpu.slicegate.dev"
#define SUSPECT "suspect.slicegate.dev"

static const char *condition_of(const json_t *entry, const char *name) {
  json_t *conditions = json_object_get(entry, "matchConditions");
  for (size_t i = 0; i < json_array_size(conditions); i++) {
    if (strcmp(text_of(json_array_get(conditions, i), "name"), name) == 0)
      return text_of(json_array_get(conditions, i), "expression");
  }
  return "";
}

static bool has_item(const json_t *list, const char *text) {
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
      return true;
  }
  return false;
}

/* Whether a rule of the entry covers a resource under an operation. */
static bool covers(const json_t *entry, const char *group, const char *resource,
                   const char *operation) {
  json_t *rules = json_object_get(entry, "rules");
  for (size_t i = 0; i < json_array_size(rules); i++) {
    json_t *rule = json_array_get(rules, i);
    if (has_item(json_object_get(rule, "apiGroups"), group) &&
        has_item(json_object_get(rule, "resources"), resource) &&
        has_item(json_object_get(rule, "operations"), operation))
      return true;
  }
  return false;
}

static json_t *excluded_namespaces(const json_t *entry) {
  json_t *selector = json_object_get(entry, "namespaceSelector");
  json_t *expression = json_array_get(json_object_get(selector, "matchExpressions"), 0);
  ck_assert_str_eq(text_of(expression, "key"), "kubernetes.io/metadata.name");
  ck_assert_str_eq(text_of(expression, "operator"), "NotIn");
  return json_object_get(expression, "values");
}

static char *write_policy(const char *spec) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 65536);
  buf_printf(&text,
             "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\nmetadata: {name: p}\nspec:\n%s",
             spec);
  return scratch_write(&folder, "policy.yaml", text.ptr);
}

/* ---- the parts ---------------------------------------------------------------------------------
 */

START_TEST(entries_have_their_settings) {
  json_t *list = PRINTED("--url", "https://10.0.0.5:8443", "--failure-policy", "Fail");
  json_t *gpu = entry_of(list, VALIDATING, GPU), *suspect = entry_of(list, VALIDATING, SUSPECT);
  json_t *mutate = entry_of(list, MUTATING, GPU);
  ck_assert_ptr_nonnull(gpu);
  ck_assert_ptr_nonnull(suspect);
  ck_assert_ptr_nonnull(mutate);
  ck_assert_ptr_null(entry_of(list, MUTATING, SUSPECT));
  ck_assert_str_eq(text_of(gpu, "failurePolicy"), "Fail");
  ck_assert_str_eq(text_of(mutate, "failurePolicy"), "Fail");
  ck_assert_str_eq(text_of(suspect, "failurePolicy"), "Ignore");
  ck_assert_str_eq(text_of(gpu, "sideEffects"), "None");
  ck_assert_str_eq(text_of(gpu, "matchPolicy"), "Equivalent");
  ck_assert_int_eq(json_integer_value(json_object_get(gpu, "timeoutSeconds")), 3);
  ck_assert(has_item(json_object_get(gpu, "admissionReviewVersions"), "v1"));
  ck_assert_str_eq(text_of(mutate, "reinvocationPolicy"), "IfNeeded");
  ck_assert_ptr_null(json_object_get(gpu, "reinvocationPolicy"));
  ck_assert_str_eq(text_of(json_object_get(gpu, "clientConfig"), "url"),
                   "https://10.0.0.5:8443/validate");
  ck_assert_str_eq(text_of(json_object_get(mutate, "clientConfig"), "url"),
                   "https://10.0.0.5:8443/mutate");
  json_decref(list);
}
END_TEST

START_TEST(a_service_is_named_and_its_namespace_left_alone) {
  json_t *list = PRINTED("--service", "gpu-system/slicegate:8443", "--namespace-exclude", "ci",
                         "--name", "gate", "--timeout", "5");
  json_t *gpu = entry_of(list, VALIDATING, GPU);
  json_t *service = json_object_get(json_object_get(gpu, "clientConfig"), "service");
  ck_assert_str_eq(text_of(service, "namespace"), "gpu-system");
  ck_assert_str_eq(text_of(service, "name"), "slicegate");
  ck_assert_str_eq(text_of(service, "path"), "/validate");
  ck_assert_int_eq(json_integer_value(json_object_get(service, "port")), 8443);
  ck_assert_ptr_null(json_object_get(json_object_get(gpu, "clientConfig"), "url"));
  json_t *namespaces = excluded_namespaces(gpu);
  ck_assert(has_item(namespaces, "kube-system"));
  ck_assert(has_item(namespaces, "gpu-system"));
  ck_assert(has_item(namespaces, "ci"));
  ck_assert(has_item(namespaces, "gpu-operator")); /* the built-in policy exempts it */
  ck_assert_int_eq(json_integer_value(json_object_get(gpu, "timeoutSeconds")), 5);
  json_t *metadata = json_object_get(json_array_get(json_object_get(list, "items"), 0), "metadata");
  ck_assert_str_eq(text_of(metadata, "name"), "gate");
  ck_assert_str_eq(text_of(gpu, "failurePolicy"), "Ignore"); /* unless said otherwise */
  json_decref(list);
}
END_TEST

START_TEST(rules_cover_the_kinds) {
  json_t *list = PRINTED("--url", "https://a");
  json_t *gpu = entry_of(list, VALIDATING, GPU), *suspect = entry_of(list, VALIDATING, SUSPECT);
  json_t *mutate = entry_of(list, MUTATING, GPU);
  size_t count;
  const struct workload_kind *kinds = kinds_builtin(&count);
  for (size_t i = 0; i < count; i++) {
    const char *group = kinds[i].group.len ? kinds[i].group.ptr : "";
    const char *resource = kinds[i].resource.ptr;
    ck_assert_msg(covers(gpu, group, resource, "CREATE"), "%s", resource);
    ck_assert_msg(covers(suspect, group, resource, "CREATE"), "%s", resource);
    ck_assert_msg(covers(gpu, group, resource, "UPDATE"), "%s", resource);
    ck_assert_msg(covers(mutate, group, resource, "CREATE") == kinds[i].is_builtin_validated, "%s",
                  resource);
  }
  ck_assert(covers(suspect, "", "pods/ephemeralcontainers", "UPDATE"));
  ck_assert(covers(gpu, "", "pods/ephemeralcontainers", "UPDATE"));
  ck_assert_msg(!covers(mutate, "", "pods", "UPDATE"), "patches are for new pods only");
  json_decref(list);
}
END_TEST

START_TEST(cluster_scoped_kinds_are_not_left_out_by_scope) {
  json_t *list = PRINTED("--url", "https://a");
  json_t *rules = json_object_get(entry_of(list, VALIDATING, GPU), "rules");
  for (size_t i = 0; i < json_array_size(rules); i++) {
    json_t *rule = json_array_get(rules, i);
    bool is_trainer = has_item(json_object_get(rule, "apiGroups"), "trainer.kubeflow.org");
    bool is_apps = has_item(json_object_get(rule, "apiGroups"), "apps");
    if (is_trainer)
      ck_assert_str_eq(text_of(rule, "scope"), "*");
    if (is_apps)
      ck_assert_str_eq(text_of(rule, "scope"), "Namespaced");
  }
  json_decref(list);
}
END_TEST

/* ---- the conditions -----------------------------------------------------------------------------
 */

static void assert_well_formed(const char *expression) {
  int depth = 0;
  bool is_quoted = false;
  for (const char *c = expression; *c; c++) {
    if (is_quoted && *c == '\\')
      c++;
    else if (*c == '\'')
      is_quoted = !is_quoted;
    else if (!is_quoted)
      depth += (strchr("([{", *c) != NULL) - (strchr(")]}", *c) != NULL);
    ck_assert_msg(depth >= 0, "%s", expression);
  }
  ck_assert_msg(depth == 0 && !is_quoted, "%s", expression);
  ck_assert_uint_lt(strlen(expression), CEL_EXPRESSION_MAX);
}

START_TEST(conditions_are_within_the_limits_of_the_API) {
  json_t *list = PRINTED("--url", "https://a", "--policy", "deploy/examples/policy.yaml");
  json_t *items = json_object_get(list, "items");
  size_t total = 0;
  for (size_t i = 0; i < json_array_size(items); i++) {
    json_t *webhooks = json_object_get(json_array_get(items, i), "webhooks");
    for (size_t w = 0; w < json_array_size(webhooks); w++) {
      json_t *conditions = json_object_get(json_array_get(webhooks, w), "matchConditions");
      ck_assert_uint_le(json_array_size(conditions), 64);
      for (size_t c = 0; c < json_array_size(conditions); c++) {
        const char *expression = text_of(json_array_get(conditions, c), "expression");
        assert_well_formed(expression);
        total += strlen(expression);
      }
    }
  }
  /* kubectl apply keeps a copy in an annotation, of which 256 KiB are allowed. */
  ck_assert_uint_lt(total, 200000);
  json_decref(list);
}
END_TEST

START_TEST(names_of_the_policy_are_asked_for) {
  char *policy =
      write_policy("  gpuResources: [{name: example.com/npu, form: whole}, "
                   "{name: nvidia.com/none*, form: none}]\n"
                   "  vendorPrefixes: [acme.com/]\n"
                   "  gpuNodes: {taints: [acme.com/accelerated], labels: [acme.com/kind]}\n"
                   "  rules: {gpu-bypass: {env: [ACME_DEVICES], hostPaths: [/dev/acme0], "
                   "runtimeClasses: [acme]}}\n");
  json_t *list = PRINTED("--url", "https://a", "--policy", policy);
  json_t *gpu = entry_of(list, VALIDATING, GPU), *suspect = entry_of(list, VALIDATING, SUSPECT);
  const char *asks = condition_of(gpu, "asks-for-gpu");
  assert_contains(asks, "n.startsWith('acme.com/')");
  assert_contains(asks, "example.com/npu");
  assert_contains(asks, "n.startsWith('nvidia.com/none')");
  const char *looks = condition_of(suspect, "has-to-do-with-gpus");
  assert_contains(looks, "e.name == 'ACME_DEVICES'");
  assert_contains(looks, "v.hostPath.path == '/dev/acme0'");
  assert_contains(looks, "p.runtimeClassName == 'acme'");
  assert_contains(looks, "t.key == 'acme.com/accelerated'");
  assert_contains(looks, "k == 'acme.com/kind'");
  assert_lacks(looks, "NVIDIA_VISIBLE_DEVICES");
  json_decref(list);
  free(policy);
}
END_TEST

START_TEST(overrides_count_too) {
  char *policy = write_policy("  rules: {gpu-bypass: off, gpu-node-use: off}\n"
                              "  overrides:\n"
                              "  - {name: a, match: {namespaces: [x]}, rules: {gpu-bypass: "
                              "{severity: deny, env: [OTHER]}}}\n");
  json_t *list = PRINTED("--url", "https://a", "--policy", policy);
  json_t *suspect = entry_of(list, VALIDATING, SUSPECT);
  ck_assert_ptr_nonnull(suspect);
  assert_contains(condition_of(suspect, "has-to-do-with-gpus"),
                  "e.name in ['NVIDIA_VISIBLE_DEVICES', 'AMD_VISIBLE_DEVICES', 'OTHER']");
  json_decref(list);
  free(policy);
}
END_TEST

#define ALL_OFF                                                                                    \
  "gpu-limits: off, mig-profile: off, gpu-bypass: off, gpu-node-use: off, gpu-toleration: off, "   \
  "right-size: off, sharing: off, spot: off"

START_TEST(entries_without_use_are_left_out) {
  char *policy = write_policy("  rules: {gpu-bypass: off, gpu-node-use: off}\n");
  json_t *list = PRINTED("--url", "https://a", "--policy", policy);
  ck_assert_ptr_nonnull(entry_of(list, VALIDATING, GPU));
  ck_assert_ptr_null(entry_of(list, VALIDATING, SUSPECT));
  ck_assert_ptr_nonnull(entry_of(list, MUTATING, GPU));
  json_decref(list);
  free(policy);
  policy = write_policy("  rules: {" ALL_OFF "}\n");
  list = PRINTED("--url", "https://a", "--policy", policy);
  ck_assert_ptr_null(entry_of(list, VALIDATING, GPU));
  ck_assert_ptr_null(entry_of(list, VALIDATING, SUSPECT));
  ck_assert_ptr_null(entry_of(list, MUTATING, GPU));
  /* The configurations themselves are there, without entries: applying them takes effect. */
  ck_assert_uint_eq(json_array_size(json_object_get(list, "items")), 2);
  json_decref(list);
  free(policy);
}
END_TEST

/* Without gpu-limits /mutate refuses nothing: templates are none of its business. */
START_TEST(mutate_sees_what_it_acts_on) {
  char *policy = write_policy("  rules: {gpu-limits: off}\n");
  json_t *list = PRINTED("--url", "https://a", "--policy", policy);
  json_t *mutate = entry_of(list, MUTATING, GPU);
  ck_assert(covers(mutate, "", "pods", "CREATE"));
  ck_assert(!covers(mutate, "apps", "deployments", "CREATE"));
  json_decref(list);
  free(policy);
}
END_TEST

START_TEST(exemptions_hold_without_us) {
  char *policy = write_policy("  exempt:\n"
                              "    namespaces: [plain, \"gpu-*\"]\n"
                              "    podServiceAccounts: [\"operator/*\", \"x/one\"]\n"
                              "    namespaceLabels: {trusted: \"true\"}\n"
                              "    users: [\"system:node:*\"]\n"
                              "    groups: [admins]\n");
  json_t *list = PRINTED("--url", "https://a", "--policy", policy);
  json_t *gpu = entry_of(list, VALIDATING, GPU), *namespaces = excluded_namespaces(gpu);
  ck_assert(has_item(namespaces, "plain"));
  ck_assert(has_item(namespaces, "operator"));
  ck_assert(!has_item(namespaces, "gpu-*"));
  ck_assert(!has_item(namespaces, "x"));
  json_t *label = json_array_get(
      json_object_get(json_object_get(gpu, "namespaceSelector"), "matchExpressions"), 1);
  ck_assert_str_eq(text_of(label, "key"), "trusted");
  ck_assert_str_eq(text_of(label, "operator"), "NotIn");
  const char *condition = condition_of(gpu, "not-exempt");
  assert_contains(condition, "request.namespace.startsWith('gpu-')");
  assert_contains(condition, "request.userInfo.username.startsWith('system:node:')");
  assert_contains(condition, "g == 'admins'");
  json_decref(list);
  free(policy);
}
END_TEST

START_TEST(extra_kinds_are_covered) {
  char *policy = write_policy("  extraKinds:\n"
                              "  - group: acme.com\n"
                              "    kind: Fleet\n"
                              "    resource: fleets\n"
                              "    templates:\n"
                              "    - {path: \"spec.groups[].members.*.template\", form: template}\n"
                              "    - {path: \"spec.odd-name.pod\", form: podSpec}\n"
                              "    - {path: \"pods[]\", form: podSpec}\n");
  json_t *list = PRINTED("--url", "https://a", "--policy", policy);
  json_t *gpu = entry_of(list, VALIDATING, GPU);
  ck_assert(covers(gpu, "acme.com", "fleets", "UPDATE"));
  const char *asks = condition_of(gpu, "asks-for-gpu");
  assert_well_formed(asks);
  assert_contains(asks, "o.spec.groups.exists(");
  assert_contains(asks, "'odd-name' in o.spec");
  assert_contains(asks, "has(o.pods) && type(o.pods) == list");
  assert_contains(condition_of(gpu, "changed"), "o.pods");
  json_decref(list);
  free(policy);
}
END_TEST

/* ---- the forms of output
 * --------------------------------------------------------------------------- */

START_TEST(yaml_says_what_json_says) {
  CLEANUP_ARENA struct arena *arena = arena_new(1 << 20);
  struct run yaml = RUN(cli_webhook_config, "--ca-bundle", bundle, "--url", "https://a");
  struct run json = RUN(cli_webhook_config, "--ca-bundle", bundle, "--url", "https://a", "-ojson");
  struct doc_stream stream;
  const struct doc_node *root;
  struct err err = {0};
  ck_assert_msg(doc_parse_yaml(arena, str_of(yaml.out), &doc_limits_review, &stream, &err), "%s",
                err.text);
  ck_assert_msg(doc_parse_json(arena, str_of(json.out), &doc_limits_review, &root, &err), "%s",
                err.text);
  const struct doc_node *items = doc_get_lit(root, "items");
  ck_assert_uint_eq(stream.count, 2);
  ck_assert_uint_eq(items->count, 2);
  for (uint32_t i = 0; i < items->count; i++)
    ck_assert(doc_equal(stream.documents[i], &items->items[i]));
  run_done(&yaml);
  run_done(&json);
}
END_TEST

START_TEST(output_is_the_same_each_time) {
  struct run one = RUN(cli_webhook_config, "--ca-bundle", bundle, "--url", "https://a");
  struct run two = RUN(cli_webhook_config, "--ca-bundle", bundle, "--url", "https://a");
  ck_assert_str_eq(one.out, two.out);
  run_done(&one);
  run_done(&two);
}
END_TEST

static const struct {
  const char *bytes, *text;
} base64s[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"},
               {"\377\376\375", "//79"}};

/* RFC 4648, section 10. */
START_TEST(base64_is_that_of_the_RFC) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 64);
  buf_append_base64(&out, str_of(base64s[_i].bytes));
  ck_assert_str_eq(out.ptr ? out.ptr : "", base64s[_i].text);
}
END_TEST

/* ---- misuse
 * ------------------------------------------------------------------------------------------ */

static const struct {
  const char *arguments[8];
  const char *message;
} misused[] = {
    {{"--ca-bundle", "BUNDLE"}, "needs either --url URL or --service NAMESPACE/NAME"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a", "--service", "a/b"}, "needs either"},
    {{"--url", "https://a"}, "needs --ca-bundle FILE"},
    {{"--ca-bundle", "BUNDLE", "--url", "http://a"}, "--url is https://HOST"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://"}, "--url is https://HOST"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a/"}, "--url is https://HOST"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a?b"}, "--url is https://HOST"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://u@a"}, "--url is https://HOST"},
    {{"--ca-bundle", "BUNDLE", "--service", "a"}, "--service is NAMESPACE/NAME"},
    {{"--ca-bundle", "BUNDLE", "--service", "a/b/c"}, "--service is NAMESPACE/NAME"},
    {{"--ca-bundle", "BUNDLE", "--service", "a/b:0"}, "--service is NAMESPACE/NAME"},
    {{"--ca-bundle", "BUNDLE", "--service", "A/b"}, "--service is NAMESPACE/NAME"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a", "--failure-policy", "fail"},
     "--failure-policy is Fail or Ignore"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a", "--timeout", "31"}, "from 1 to 30"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a", "-o", "xml"}, "--output is yaml or json"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a", "--name", "A_b"}, "--name is lower case"},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a", "--namespace-exclude", "a*"},
     "--namespace-exclude is the name of a namespace"},
    {{"--ca-bundle", "/nonexistent", "--url", "https://a"}, "/nonexistent: cannot open"},
    {{"--ca-bundle", "KEY", "--url", "https://a"}, "ca.key: "},
    {{"--ca-bundle", "BUNDLE", "--url", "https://a", "--policy", "/nonexistent"},
     "/nonexistent: cannot open"},
};

START_TEST(misuse_is_explained) {
  char key[128];
  const char *arguments[9] = {NULL};
  (void)snprintf(key, sizeof(key), "%s/ca.key", folder.path);
  for (size_t i = 0; i < 8 && misused[_i].arguments[i]; i++) {
    const char *argument = misused[_i].arguments[i];
    arguments[i] = strcmp(argument, "BUNDLE") == 0 ? bundle
                   : strcmp(argument, "KEY") == 0  ? key
                                                   : argument;
  }
  struct run run = run_command(cli_webhook_config, arguments);
  assert_code(&run, 2);
  assert_contains(run.err, misused[_i].message);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

TCase *tcase_webhook_config(void) {
  TCase *tcase = tcase_create("webhook-config");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 30);
  tcase_add_test(tcase, entries_have_their_settings);
  tcase_add_test(tcase, a_service_is_named_and_its_namespace_left_alone);
  tcase_add_test(tcase, rules_cover_the_kinds);
  tcase_add_test(tcase, cluster_scoped_kinds_are_not_left_out_by_scope);
  tcase_add_test(tcase, conditions_are_within_the_limits_of_the_API);
  tcase_add_test(tcase, names_of_the_policy_are_asked_for);
  tcase_add_test(tcase, overrides_count_too);
  tcase_add_test(tcase, entries_without_use_are_left_out);
  tcase_add_test(tcase, mutate_sees_what_it_acts_on);
  tcase_add_test(tcase, exemptions_hold_without_us);
  tcase_add_test(tcase, extra_kinds_are_covered);
  tcase_add_test(tcase, yaml_says_what_json_says);
  tcase_add_test(tcase, output_is_the_same_each_time);
  tcase_add_loop_test(tcase, base64_is_that_of_the_RFC, 0, SG_ARRAY_LEN(base64s));
  tcase_add_loop_test(tcase, misuse_is_explained, 0, SG_ARRAY_LEN(misused));
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One engine, two doors: the same objects through the webhook's own handlers, as
 * kube-apiserver would call them (/mutate, the patch applied, /validate), and through
 * `slicegate check`. Both must refuse the same objects and say the same of them.
 */
#include "slicegate/doc.h"
#include "slicegate/sys.h"
#include "src/cli/check.h"
#include "src/cli/cli_internal.h"
#include "src/cli/serve_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- from a tree to JSON ------------------------------------------------------------------ */

static json_t *json_of(const struct doc_node *node) {
  json_t *made = NULL;
  switch (node->kind) {
  case DOC_NULL:
    return json_null();
  case DOC_BOOL:
    return json_boolean(node->truth);
  case DOC_STRING:
    return json_stringn(node->text.len ? node->text.ptr : "", node->text.len);
  case DOC_NUMBER: {
    char *text = mem_strndup(node->text.ptr, node->text.len);
    made = json_loads(text, JSON_DECODE_ANY, NULL);
    free(text);
    return made;
  }
  case DOC_SEQUENCE:
    made = json_array();
    for (uint32_t i = 0; i < node->count; i++)
      json_array_append_new(made, json_of(&node->items[i]));
    return made;
  case DOC_MAPPING:
    made = json_object();
    for (uint32_t i = 0; i < node->count; i++)
      json_object_setn_new(made, node->pairs[i].key.ptr, node->pairs[i].key.len,
                           json_of(&node->pairs[i].value));
    return made;
  }
  return made;
}

/* ---- JSONPatch, as far as /mutate uses it -------------------------------------------------- */

static size_t decode_base64(const char *text, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t bits = 0;
  size_t have = 0, len = 0;
  for (; *text && *text != '='; text++) {
    bits = bits << 6 | (uint32_t)(strchr(digits, *text) - digits);
    if ((have += 6) >= 8)
      out[len++] = (char)(bits >> (have -= 8) & 0xff);
  }
  return len;
}

/* The parent of what the pointer names; the last step, unescaped, in `last`. */
static json_t *follow(json_t *root, const char *pointer, char last[256]) {
  json_t *at = root;
  for (;;) {
    size_t len = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
      char c = *pointer;
      if (c == '~')
        c = *++pointer == '1' ? '/' : '~';
      last[len++] = c;
    }
    last[len] = '\0';
    if (!*pointer)
      return at;
    at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(last, NULL, 10))
                           : json_object_get(at, last);
    ck_assert_ptr_nonnull(at);
  }
}

static void apply_patch(json_t *object, const json_t *patch) {
  for (size_t i = 0; i < json_array_size(patch); i++) {
    json_t *operation = json_array_get(patch, i), *value = json_object_get(operation, "value");
    char last[256];
    json_t *parent = follow(object, json_string_value(json_object_get(operation, "path")), last);
    const char *op = json_string_value(json_object_get(operation, "op"));
    if (strcmp(op, "remove") == 0)
      ck_assert_int_eq(json_object_del(parent, last), 0);
    else if (json_is_array(parent))
      ck_assert_int_eq(json_array_append(parent, value), 0); /* "-" */
    else
      ck_assert_int_eq(json_object_set(parent, last, value), 0);
  }
}

/* ---- the webhook -------------------------------------------------------------------------------
 */

static json_t *call(http_handler *handler, struct serve *serve, const json_t *object,
                    const char *ns) {
  json_t *kind = json_object();
  const char *version = json_string_value(json_object_get(object, "apiVersion"));
  const char *slash = strchr(version, '/');
  char group[128] = "";
  if (slash)
    (void)snprintf(group, sizeof(group), "%.*s", (int)(slash - version), version);
  json_object_set_new(kind, "group", json_string(group));
  json_object_set_new(kind, "version", json_string(slash ? slash + 1 : version));
  json_object_set(kind, "kind", json_object_get(object, "kind"));
  json_t *request = json_object();
  json_object_set_new(request, "uid", json_string("a-uid"));
  json_object_set_new(request, "kind", kind);
  json_object_set_new(request, "operation", json_string("CREATE"));
  json_object_set_new(request, "namespace", json_string(ns));
  json_t *user = json_object();
  json_object_set_new(user, "username", json_string("somebody"));
  json_object_set_new(request, "userInfo", user);
  json_t *copy = json_deep_copy(object);
  json_object_set_new(request, "object", copy);
  json_t *review = json_object();
  json_object_set_new(review, "apiVersion", json_string("admission.k8s.io/v1"));
  json_object_set_new(review, "kind", json_string("AdmissionReview"));
  json_object_set_new(review, "request", request);
  char *body = json_dumps(review, JSON_COMPACT);
  json_decref(review);

  CLEANUP_ARENA struct arena *arena = arena_new(65536);
  const struct http_request http = {
      .method = "POST", .path = "/", .body = str_of(body), .peer = "192.0.2.1", .arena = arena};
  struct http_response response = {.status = 200};
  buf_init(&response.body, 1 << 22);
  handler(serve, &http, &response);
  ck_assert_uint_eq(response.status, 200);
  json_t *answer = json_loads(response.body.ptr, 0, NULL);
  ck_assert_ptr_nonnull(answer);
  json_t *inner = json_incref(json_object_get(answer, "response"));
  json_decref(answer);
  buf_done(&response.body);
  free(body);
  return inner;
}

static bool is_allowed(const json_t *response) {
  return json_is_true(json_object_get(response, "allowed"));
}

/* Everything that the answer says to the user, one text. */
static void append_words(struct buf *out, const json_t *response) {
  json_t *warnings = json_object_get(response, "warnings");
  const char *message =
      json_string_value(json_object_get(json_object_get(response, "status"), "message"));
  for (size_t i = 0; i < json_array_size(warnings); i++)
    buf_printf(out, "%s\n", json_string_value(json_array_get(warnings, i)));
  if (message)
    buf_printf(out, "%s\n", message);
}

struct verdict {
  bool is_allowed;
  bool by_mutate; /* refused before /validate could speak */
  struct buf words;
};

static void ask_webhook(struct serve *serve, json_t *object, const char *ns, struct verdict *ret) {
  *ret = (struct verdict){0};
  buf_init(&ret->words, 1 << 22);
  json_t *mutated = call(serve_mutate, serve, object, ns);
  if (!is_allowed(mutated)) {
    ret->by_mutate = true;
    append_words(&ret->words, mutated);
    json_decref(mutated);
    return;
  }
  const char *encoded = json_string_value(json_object_get(mutated, "patch"));
  if (encoded) {
    char *text = mem_zalloc(strlen(encoded) + 1);
    json_t *patch = json_loadb(text, decode_base64(encoded, text), 0, NULL);
    ck_assert_ptr_nonnull(patch);
    apply_patch(object, patch);
    json_decref(patch);
    free(text);
  }
  json_decref(mutated);
  json_t *validated = call(serve_validate, serve, object, ns);
  ret->is_allowed = is_allowed(validated);
  append_words(&ret->words, validated);
  json_decref(validated);
}

/* ---- check
 * ---------------------------------------------------------------------------------------- */

/* The rows of `check -o json` for one object alone. */
static json_t *ask_check(const struct scratch *scratch, const json_t *object, const char *policy,
                         const char *cluster) {
  char *text = json_dumps(object, 0);
  char *path = scratch_write(scratch, "object.json", text);
  const char *arguments[16] = {path, "-o", "json"};
  size_t count = 3;
  if (policy) {
    arguments[count++] = "--policy";
    arguments[count++] = policy;
  }
  if (cluster) {
    arguments[count++] = "--cluster";
    arguments[count++] = cluster;
  }
  arguments[count] = NULL;
  struct run run = run_command(cli_check, arguments);
  json_t *root = json_loads(run.out, 0, NULL);
  ck_assert_ptr_nonnull(root);
  run_done(&run);
  free(path);
  free(text);
  return root;
}

/* Lines of the webhook that speak of findings. */
static size_t count_lines(const char *words) {
  size_t count = 0;
  for (const char *at = words; (at = strchr(at, '[')); at++)
    count += at == words || at[-1] == '\n';
  return count;
}

/* What check says. Both may name a time, to the second: they are asked within one. */
static json_t *ask_both(struct serve *serve, const struct scratch *scratch, const json_t *object,
                        const char *ns, const char *policy, const char *cluster,
                        struct verdict *ret) {
  for (;;) {
    time_t second = time(NULL);
    json_t *copy = json_deep_copy(object);
    json_t *root = ask_check(scratch, copy, policy, cluster);
    ask_webhook(serve, copy, ns, ret);
    json_decref(copy);
    if (time(NULL) == second)
      return root;
    buf_done(&ret->words);
    json_decref(root);
  }
}

static void compare(struct serve *serve, const struct scratch *scratch, const char *file,
                    json_t *object, const char *policy, const char *cluster) {
  const char *ns =
      json_string_value(json_object_get(json_object_get(object, "metadata"), "namespace"));
  struct verdict verdict;
  json_t *root = ask_both(serve, scratch, object, ns ? ns : "default", policy, cluster, &verdict);
  json_t *rows = json_object_get(root, "results"), *summary = json_object_get(root, "summary");
  bool is_denied = json_integer_value(json_object_get(summary, "denied")) > 0;
  const char *words = verdict.words.ptr ? verdict.words.ptr : "";
  if (json_object_get(root, "errors")) {
    /* What check cannot use, the webhook cannot judge; failureStance decides there. */
    assert_contains(words, "judge this object: ");
    buf_done(&verdict.words);
    json_decref(root);
    return;
  }
  ck_assert_msg(verdict.is_allowed == !is_denied, "%s: check %s, the webhook:\n%s", file,
                is_denied ? "denies" : "admits", words);
  for (size_t i = 0; i < json_array_size(rows); i++) {
    json_t *row = json_array_get(rows, i);
    CLEANUP_BUF struct buf line;
    buf_init(&line, 1 << 16);
    buf_printf(&line, "[%s] %s: %s; %s", json_string_value(json_object_get(row, "rule")),
               json_string_value(json_object_get(row, "field")),
               json_string_value(json_object_get(row, "message")),
               json_string_value(json_object_get(row, "remedy")));
    /* Where /mutate refuses, /validate is not asked: check says what both would. */
    if (!verdict.by_mutate)
      ck_assert_msg(strstr(words, line.ptr) != NULL, "%s: the webhook does not say\n%s\nbut\n%s",
                    file, line.ptr, words);
  }
  if (!verdict.by_mutate)
    ck_assert_msg(count_lines(words) == json_array_size(rows), "%s: %zu findings of check, but\n%s",
                  file, json_array_size(rows), words);
  else
    ck_assert_msg(count_lines(words) <= json_array_size(rows), "%s\n%s", file, words);
  buf_done(&verdict.words);
  json_decref(root);
}

static size_t compare_file(struct serve *serve, const struct scratch *scratch, const char *file,
                           const char *policy, const char *cluster) {
  CLEANUP_ARENA struct arena *arena = arena_new(65536);
  CLEANUP_BUF struct buf text = {0};
  struct err err = {0};
  struct doc_stream stream;
  size_t count = 0;
  ck_assert_msg(sys_file_read(file, 1 << 22, &text, &err), "%s", err.text);
  if (!doc_parse_manifest(arena, buf_str(&text), &doc_limits_review, &stream, &err))
    return 0; /* a case of its own: inputs that cannot be used */
  for (size_t i = 0; i < stream.count; i++) {
    const struct doc_node *document = stream.documents[i];
    if (doc_text_at(document, "apiVersion").len == 0 || doc_text_at(document, "kind").len == 0 ||
        doc_get_lit(document, "items") || !doc_is(doc_get_lit(document, "spec"), DOC_MAPPING))
      continue;
    json_t *object = json_of(document);
    compare(serve, scratch, file, object, policy, cluster);
    json_decref(object);
    count++;
  }
  return count;
}

static const struct {
  const char *policy, *cluster;
} settings[] = {
    {NULL, NULL},
    {NULL, "deploy/examples/cluster.json"},
    {"deploy/examples/policy.yaml", "deploy/examples/cluster.json"},
    {"tests/e2e/testdata/policy.yaml", NULL},
};

START_TEST(both_doors_agree) {
  static const char *const folders[] = {"deploy/examples", "tests/golden/check",
                                        "tests/e2e/testdata/manifests"};
  struct scratch scratch = scratch_new();
  struct serve serve = {.judges = judges_new(settings[_i].policy, settings[_i].cluster)};
  ck_assert_ptr_nonnull(serve.judges);
  serve.metrics = serve_metrics_new(serve.judges);
  CLEANUP_CHECK_REPORT struct check_report report;
  CLEANUP_CHECK_INPUTS struct check_inputs inputs;
  check_report_init(&report);
  check_inputs_find(folders, SG_ARRAY_LEN(folders), &report, &inputs);
  size_t count = 0;
  for (size_t i = 0; i < inputs.count; i++)
    count += compare_file(&serve, &scratch, inputs.items[i].path, settings[_i].policy,
                          settings[_i].cluster);
  ck_assert_uint_gt(count, 40);
  serve_metrics_free(serve.metrics);
  judges_free(serve.judges);
  scratch_done(&scratch);
}
END_TEST

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, STDERR_FILENO); /* refusals are expected here */
}

TCase *tcase_same_verdict(void) {
  TCase *tcase = tcase_create("same verdict");
  tcase_add_checked_fixture(tcase, setup, NULL);
  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, both_doors_agree, 0, SG_ARRAY_LEN(settings));
  return tcase;
}

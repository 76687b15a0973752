/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the cases of one GPUPolicyTest. A case is judged as the webhooks would: what
 * /mutate refuses, then what /validate says of the object with the patches of /mutate in
 * it. Files that a test names are relative to it.
 */
#include "src/cli/policy_test.h"

#include "slicegate/admission.h"
#include "slicegate/sys.h"
#include "slicegate/wire.h"
#include "src/cli/load.h"

#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20, FIRST_CHUNK = 64 * 1024 };

struct test_run {
  const char *path;
  struct arena *arena; /* of everything that the file names */
  struct buf text;     /* of the test file: cases are views into it */
  struct policy_test test;
  struct policy *policy;
  const struct policy_view *view;
  struct loaded_cluster *loaded;
  struct adm_cluster *known;
  int64_t now_seconds;
};

static void test_run_done(struct test_run *run) {
  adm_cluster_free(run->known);
  loaded_cluster_free(run->loaded);
  policy_unref(run->policy);
  arena_free(run->arena);
  buf_done(&run->text);
}

/* ---- what the file names ------------------------------------------------------------------ */

/* "name" beside the test file; NUL-terminated, in the arena. */
static const char *beside(struct test_run *run, struct str name) {
  const char *slash = strrchr(run->path, '/');
  size_t folder = slash && name.len && name.ptr[0] != '/' ? (size_t)(slash - run->path) + 1 : 0;
  return str_printf(run->arena, "%.*s%.*s", (int)folder, run->path, STR_FMT(name)).ptr;
}

static void print_errors(const struct test_run *run, const struct policy_errors *errors,
                         FILE *err) {
  struct str shown = isatty(fileno(err)) == 1 ? buf_str(&run->text) : (struct str){NULL, 0};
  CLEANUP_BUF struct buf out;
  buf_init(&out, TEXT_MAX);
  for (size_t i = 0; i < errors->count; i++)
    policy_error_print(&out, str_of(run->path), shown, &errors->items[i]);
  (void)fprintf(err, "%.*s", STR_FMT(buf_str(&out)));
}

static bool read_file(const char *path, size_t max_bytes, struct buf *retbuf, FILE *err) {
  struct err why;
  if (sys_file_read(path, max_bytes, retbuf, &why))
    return true;
  *retbuf = (struct buf){0};
  (void)fprintf(err, "slicegate: %s\n", why.text);
  return false;
}

static bool load_policy(struct test_run *run, FILE *err) {
  struct policy_errors errors = {NULL, 0};
  if (run->test.policy_inline)
    run->policy = policy_read_tree(str_of(run->path), run->test.policy_inline, run->arena, &errors);
  else
    run->policy =
        cli_load_policy(run->test.policy_file.len ? beside(run, run->test.policy_file) : NULL, err);
  print_errors(run, &errors, err);
  if (run->policy)
    run->view = policy_get(run->policy);
  return run->policy != NULL;
}

static bool load_cluster(struct test_run *run, FILE *err) {
  if (run->test.cluster_file.len == 0)
    return true;
  run->loaded = cli_load_cluster(beside(run, run->test.cluster_file), err);
  if (run->loaded)
    run->known = adm_cluster_new(loaded_cluster_get(run->loaded), run->view);
  return run->loaded != NULL;
}

static bool load_now(struct test_run *run, FILE *err) {
  run->now_seconds = cli_now_seconds();
  if (run->test.now.len == 0 || cli_parse_time(run->test.now, &run->now_seconds))
    return true;
  (void)fprintf(err, "%s:%u:%u: now: is \"%.*s\", expected a time such as 2026-01-01T00:00:00Z\n",
                run->path, run->test.now_line, run->test.now_column, STR_FMT(run->test.now));
  return false;
}

static bool load(struct test_run *run, FILE *err) {
  struct policy_errors errors;
  if (!read_file(run->path, doc_limits_review.max_bytes, &run->text, err))
    return false;
  if (!policy_test_read(buf_str(&run->text), run->arena, &run->test, &errors)) {
    print_errors(run, &errors, err);
    return false;
  }
  return load_now(run, err) && load_policy(run, err) && load_cluster(run, err);
}

/* The one object of a manifest file; NULL after printing why not. */
static const struct doc_node *load_object(struct test_run *run, const struct policy_case *test,
                                          struct buf *retbuf, struct arena *arena, FILE *err) {
  const char *path = beside(run, test->object_file);
  struct doc_stream stream;
  struct err why = {0};
  if (!read_file(path, doc_limits_review.max_bytes, retbuf, err))
    return NULL;
  if (!doc_parse_manifest(arena, buf_str(retbuf), &doc_limits_review, &stream, &why))
    (void)fprintf(err, "%s:%u:%u: %s\n", path, why.line, why.column, why.text);
  else if (stream.count != 1)
    (void)fprintf(err, "%s: holds %zu objects, expected one\n", path, stream.count);
  else
    return stream.documents[0];
  return NULL;
}

/* ---- judging --------------------------------------------------------------------------------- */

struct outcome {
  const struct finding *findings;
  size_t count;
  struct strings unknown; /* overrides that could not be evaluated */
};

/* What /mutate refuses and /validate did not say again. */
static void merge(struct arena *arena, const struct adm_mutation *mutation,
                  const struct adm_verdict *verdict, struct outcome *ret) {
  size_t room = mutation->refusal_count + verdict->finding_count;
  struct finding *merged = arena_array(arena, room, sizeof(*merged));
  size_t count = 0;
  for (size_t i = 0; i < mutation->refusal_count; i++)
    merged[count++] = mutation->refusals[i];
  for (size_t i = 0; i < verdict->finding_count; i++) {
    const struct finding *finding = &verdict->findings[i];
    bool is_said = false;
    for (size_t k = 0; k < mutation->refusal_count; k++)
      is_said =
          is_said || (merged[k].rule == finding->rule && str_eq(merged[k].field, finding->field) &&
                      str_eq(merged[k].message, finding->message));
    if (!is_said)
      merged[count++] = *finding;
  }
  *ret = (struct outcome){.findings = merged, .count = count, .unknown = verdict->unknown};
}

static bool decode(struct test_run *run, struct arena *arena, const struct doc_node *object,
                   const char *file, struct workload *ret, const struct workload_kind **ret_row,
                   FILE *err) {
  struct err why = {0};
  if (!wire_workload_decode(arena, object, run->view, ret, ret_row, &why)) {
    (void)fprintf(err, "%s:%u:%u: %s\n", file, why.line, why.column, why.text);
    return false;
  }
  if (*ret_row && ret->ns.len == 0)
    ret->ns = STR_LIT("default");
  return true;
}

static void judge(struct test_run *run, const struct adm_request *request, struct arena *arena,
                  struct outcome *ret) {
  struct adm_mutation mutation = {0};
  struct adm_verdict verdict = {0};
  struct adm_request after = *request;
  struct workload patched;
  adm_mutate(run->view, run->known, request, arena, &mutation);
  if (mutation.patch_count) {
    adm_apply_patches(arena, request->object, mutation.patches, mutation.patch_count, &patched);
    after.object = &patched;
  }
  adm_validate(run->view, run->known, &after, arena, &verdict);
  merge(arena, &mutation, &verdict, ret);
}

/* A kind that is not in the table passes untouched: an outcome without findings. */
static bool judge_case(struct test_run *run, const struct policy_case *test,
                       const struct doc_node *object, const char *file, struct arena *arena,
                       struct outcome *ret, FILE *err) {
  struct workload workload = {0}, old = {0};
  const struct workload_kind *row = NULL, *old_row = NULL;
  *ret = (struct outcome){0};
  if (!decode(run, arena, object, file, &workload, &row, err))
    return false;
  if (!row)
    return true;
  struct adm_request request = {.operation = ADM_CREATE,
                                .object = &workload,
                                .is_changed = true,
                                .is_user_known = test->is_user_known,
                                .user = test->user,
                                .groups = test->groups,
                                .now_seconds = run->now_seconds};
  if (test->old_object) {
    if (!decode(run, arena, test->old_object, run->path, &old, &old_row, err))
      return false;
    if (old_row != row) {
      (void)fprintf(err, "%s:%u:%u: oldObject is of another kind than the object\n", run->path,
                    test->old_object->line, test->old_object->column);
      return false;
    }
    request.operation = ADM_UPDATE;
    request.old = &old;
    request.is_changed = wire_is_changed(arena, object, test->old_object, row, run->view);
  }
  struct k8s_namespace ns = {.name = workload.ns,
                             .labels = test->namespace_labels,
                             .label_count = test->namespace_label_count};
  const struct cluster *cluster = loaded_cluster_get(run->loaded);
  if (test->has_namespace_labels)
    request.ns_object = &ns;
  else if (cluster && cluster->has_namespaces)
    request.ns_object = cluster_find_namespace(cluster, workload.ns);
  judge(run, &request, arena, ret);
  return true;
}

/* ---- comparing ---------------------------------------------------------------------------------
 */

static const char *verdict_word(enum severity worst) {
  return worst == SEVERITY_DENY ? "deny" : worst == SEVERITY_WARN ? "warn" : "allow";
}

static void append_rules(struct buf *out, const bool *is_listed) {
  bool is_first = true;
  buf_append_char(out, '[');
  for (int rule = 0; rule < RULE_COUNT; rule++) {
    if (!is_listed[rule])
      continue;
    buf_printf(out, "%s%s", is_first ? "" : ", ", rule_name((enum rule_id)rule));
    is_first = false;
  }
  buf_append_char(out, ']');
}

/* What differs, in words: "expected deny, came warn; expected rules [...], came [...]". */
static void compare(const struct policy_case *test, const struct outcome *outcome,
                    struct buf *ret_difference, struct buf *ret_said) {
  bool expected[RULE_COUNT] = {false}, came[RULE_COUNT] = {false};
  enum severity worst = SEVERITY_OFF;
  for (size_t i = 0; i < test->rule_count; i++)
    expected[test->rules[i]] = true;
  for (size_t i = 0; i < outcome->count; i++) {
    const struct finding *finding = &outcome->findings[i];
    worst = finding->severity > worst ? finding->severity : worst;
    came[finding->rule] = came[finding->rule] || finding->severity >= SEVERITY_WARN;
  }
  adm_message(outcome->findings, outcome->count, SEVERITY_WARN, TEXT_MAX, ret_said);
  if (strcmp(verdict_word(worst), verdict_word(test->verdict)) != 0)
    buf_printf(ret_difference, "expected %s, came %s", verdict_word(test->verdict),
               verdict_word(worst));
  if (test->has_rules && memcmp(expected, came, sizeof(came)) != 0) {
    buf_printf(ret_difference, "%sexpected rules ", ret_difference->len ? "; " : "");
    append_rules(ret_difference, expected);
    buf_append_cstr(ret_difference, ", came ");
    append_rules(ret_difference, came);
  }
  if (test->message.len && (!ret_said->ptr || !memmem(ret_said->ptr, ret_said->len,
                                                      test->message.ptr, test->message.len)))
    buf_printf(ret_difference, "%sthe message does not hold \"%.*s\"",
               ret_difference->len ? "; " : "", STR_FMT(test->message));
}

static void print_indented(struct str text, FILE *out) {
  while (text.len) {
    size_t length = str_find_char(text, '\n');
    (void)fprintf(out, "          %.*s\n", (int)length, text.ptr);
    text = str_skip(text, length + (length < text.len));
  }
}

static bool run_case(struct test_run *run, const struct policy_case *test, bool *ret_passed,
                     FILE *out, FILE *err) {
  CLEANUP_ARENA struct arena *arena = arena_new(FIRST_CHUNK);
  CLEANUP_BUF struct buf object_text = {0};
  const struct doc_node *object = test->object;
  const char *file = run->path;
  if (!object) {
    file = beside(run, test->object_file);
    object = load_object(run, test, &object_text, arena, err);
  }
  struct outcome outcome;
  if (!object || !judge_case(run, test, object, file, arena, &outcome, err))
    return false;
  CLEANUP_BUF struct buf difference, said;
  buf_init(&difference, TEXT_MAX);
  buf_init(&said, TEXT_MAX);
  compare(test, &outcome, &difference, &said);
  *ret_passed = difference.len == 0;
  if (*ret_passed) {
    (void)fprintf(out, "ok      %s:%u: %.*s\n", run->path, test->line, STR_FMT(test->name));
    return true;
  }
  (void)fprintf(out, "FAILED  %s:%u: %.*s: %s\n", run->path, test->line, STR_FMT(test->name),
                difference.ptr);
  print_indented(buf_str(&said), out);
  for (size_t i = 0; i < outcome.unknown.count; i++)
    (void)fprintf(out,
                  "          not applied, as the case gives no user or no namespaceLabels: %.*s\n",
                  STR_FMT(outcome.unknown.items[i]));
  return true;
}

bool policy_test_run(const char *path, struct policy_test_result *result, FILE *out, FILE *err) {
  SG_CLEANUP(test_run_done)
  struct test_run run = {.path = path, .arena = arena_new(FIRST_CHUNK)};
  if (!load(&run, err))
    return false;
  bool is_usable = true;
  for (size_t i = 0; i < run.test.case_count; i++) {
    bool is_passed = false;
    if (!run_case(&run, &run.test.cases[i], &is_passed, out, err))
      is_usable = false;
    else if (is_passed)
      result->passed++;
    else
      result->failed++;
  }
  return is_usable;
}

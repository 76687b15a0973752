/* SPDX-License-Identifier: Apache-2.0 */
/* The command as a whole: what is usable, what is said of what is not, exit codes. */
#include "src/cli/cli_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include "slicegate/base.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define POD(name, resources)                                                                       \
  "apiVersion: v1\nkind: Pod\nmetadata: {name: " name "}\n"                                        \
  "spec: {containers: [{name: c, image: i, resources: {limits: {" resources "}}}]}\n"
#define GOOD POD("good", "cpu: 1")
#define BAD POD("bad", "nvidia.com/gpu: 0.5")
/* Warned about: it goes to GPU nodes by accident. */
#define WARNED                                                                                     \
  "apiVersion: v1\nkind: Pod\nmetadata: {name: warned}\n"                                          \
  "spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: i}]}\n"

static struct scratch folder;

static void setup(void) {
  folder = scratch_new();
}

static void teardown(void) {
  scratch_done(&folder);
}

/* The text as a file `name`, checked. */
static struct run check_text(const char *name, const char *text) {
  char *path = scratch_write(&folder, name, text);
  struct run run = RUN(cli_check, path);
  free(path);
  return run;
}

/* ---- exit codes ------------------------------------------------------------------------ */

static const struct {
  const char *name, *text;
  int code, strict_code;
} codes[] = {
    {"clean", GOOD, 0, 0},
    {"warned", WARNED, 0, 1},
    {"denied", BAD, 1, 1},
    {"denied and warned", BAD "---\n" WARNED, 1, 1},
    {"other kinds only", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n", 0, 0},
    {"an unusable document beside a denied one", BAD "---\nnot: an object\n", 2, 2},
};

START_TEST(exit_codes_tell) {
  char *path = scratch_write(&folder, "m.yaml", codes[_i].text);
  struct run run = RUN(cli_check, path);
  assert_code(&run, codes[_i].code);
  run_done(&run);
  run = RUN(cli_check, path, "--strict");
  assert_code(&run, codes[_i].strict_code);
  run_done(&run);
  free(path);
}
END_TEST

/* ---- inputs that cannot be used ----------------------------------------------------------- */

static const struct {
  const char *name, *text;
  const char *error; /* behind the file's name */
} unusable[] = {
    {"empty", "", ": error: no object in it"},
    {"comments only", "# nothing\n---\n", ": error: no object in it"},
    {"values of a chart", "replicas: 3\nimage: x\n",
     ":1:1: error: not a Kubernetes object: it has no apiVersion and no kind"},
    {"no kind", GOOD "---\napiVersion: v1\nmetadata: {name: x}\n",
     ":6:1: error: not a Kubernetes object: it has no kind"},
    {"no apiVersion", "kind: Pod\n", ":1:1: error: not a Kubernetes object: it has no apiVersion"},
    {"empty kind", "apiVersion: v1\nkind: ''\n", ":1:1: error: not a Kubernetes object"},
    {"kind is a number", "apiVersion: v1\nkind: 3\n",
     ":2:7: error: kind: expected a string, not a number"},
    {"a list", "- a\n- b\n", ":1:1: error: not a Kubernetes object but a list"},
    {"a text", "just words\n", ":1:1: error: not a Kubernetes object but a string"},
    {"broken YAML", "apiVersion: v1\nkind: [Pod\nmetadata: {}\n", ":3:"},
    {"a tab", "apiVersion: v1\nspec:\n\tcontainers: []\n", ":3:1: error: "},
    {"broken JSON", "{\"apiVersion\": \"v1\",\n \"kind\" \"Pod\"}\n", ":2:"},
    {"a key that is there twice", GOOD "metadata: {name: again}\n",
     ":5:1: error: key \"metadata\" is there twice"},
    {"an item of a list without kind",
     "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: x}\n",
     ":4:3: error: not a Kubernetes object"},
    {"an item of a list that is null", "apiVersion: v1\nkind: List\nitems:\n- \n",
     ":4:2: error: not a Kubernetes object but nothing"},
    {"containers that are no list",
     "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers: main\n",
     ":5:15: error: "},
    {"an alias inside what it names", "a: &a [*a]\n", ":1:8: error: "},
};

START_TEST(what_cannot_be_used_is_named) {
  struct run run = check_text("m.yaml", unusable[_i].text);
  assert_code(&run, 2);
  char expected[512];
  (void)snprintf(expected, sizeof(expected), "%s/m.yaml%s", folder.path, unusable[_i].error);
  assert_contains(run.err, expected);
  run_done(&run);
}
END_TEST

START_TEST(the_rest_is_judged_all_the_same) {
  free(scratch_write(&folder, "a.yaml", "values: [1\n"));
  free(scratch_write(&folder, "b.yaml", BAD));
  free(scratch_write(&folder, "c.json", "{"));
  struct run run = RUN(cli_check, folder.path, "/nonexistent.yaml");
  assert_code(&run, 2);
  assert_contains(run.out, "deny [gpu-limits]");
  assert_contains(run.out, "1 object: 1 denied, 0 with warnings, 0 skipped; 3 errors in the input");
  assert_contains(run.err, "a.yaml:2:1: error: ");
  assert_contains(run.err, "c.json:");
  assert_contains(run.err, "/nonexistent.yaml: error: No such file or directory");
  run_done(&run);
}
END_TEST

/* A program that reads results only sees it by the exit code. */
START_TEST(programs_see_what_cannot_be_used) {
  char *path = scratch_write(&folder, "m.yaml", GOOD "---\nkind: [\n");
  struct run run = RUN(cli_check, path, "-o", "json");
  assert_code(&run, 2);
  assert_contains(run.out, "\"results\": []");
  assert_contains(run.out, "\"errors\": [");
  assert_contains(run.out, "\"objects\": 1,");
  run_done(&run);
  free(path);
}
END_TEST

START_TEST(documents_before_an_error_are_judged) {
  struct run run = check_text("m.yaml", BAD "---\nkind: [Pod\nmetadata: {}\n---\n" GOOD);
  assert_code(&run, 2);
  assert_contains(run.out, "Pod default/bad: denied");
  assert_contains(run.out, "1 object: 1 denied, 0 with warnings, 0 skipped; 1 error in the input");
  assert_contains(run.err, "m.yaml:7:9: error: ");
  run_done(&run);
  run = check_text("m.json", "{\"apiVersion\": \"v1\", \"kind\": \"Secret\"}\n{\"kind\"\n");
  assert_code(&run, 2);
  assert_contains(run.out, "1 object: 0 denied, 0 with warnings, 1 skipped; 1 error");
  run_done(&run);
}
END_TEST

/* ---- what folders hold beside manifests --------------------------------------------------- */

static const struct {
  const char *name, *file, *text;
} foreign[] = {
    {"values of a chart", "values.yaml", "replicas: 3\nimage: x\n"},
    {"values with a kind", "values.yaml", "kind: DaemonSet\nimage: x\n"},
    {"a chart", "Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\n"},
    {"a JSON patch", "patch.yaml", "- op: remove\n  path: /spec\n"},
    {"a workflow", "ci.yml", "on: push\njobs: {}\n"},
    {"a text", "text.yaml", "just words\n"},
    {"package.json", "package.json", "{\"name\": \"x\"}\n"},
    {"a key that is there twice", "values.yaml", "a: 1\na: 2\n"},
};

START_TEST(folders_hold_more_than_manifests) {
  char *path = scratch_write(&folder, foreign[_i].file, foreign[_i].text);
  free(scratch_write(&folder, "z.yaml", GOOD));
  struct run run = RUN(cli_check, folder.path);
  ck_assert_msg(run.code == 0, "%s: exit %d: %s", foreign[_i].name, run.code, run.err);
  ck_assert_str_eq(run.out, "2 objects: 0 denied, 0 with warnings, 1 skipped\n");
  ck_assert_str_eq(run.err, "");
  run_done(&run);
  run = RUN(cli_check, path);
  assert_code(&run, 2);
  run_done(&run);
  free(path);
}
END_TEST

START_TEST(what_is_meant_as_an_object_is_no_stranger) {
  free(scratch_write(&folder, "a.yaml", "apiVersion: v1\nkind: 3\n"));
  struct run run = RUN(cli_check, folder.path);
  assert_code(&run, 2);
  assert_contains(run.err, "a.yaml:2:7: error: kind: expected a string, not a number");
  run_done(&run);
}
END_TEST

START_TEST(templates_in_folders_are_noted) {
  char *path =
      scratch_write(&folder, "templates/a.yaml",
                    "apiVersion: v1\nkind: Pod\n{{- if .Values.x }}\nspec: {}\n{{- end }}\n");
  struct run run = RUN(cli_check, folder.path);
  assert_code(&run, 0);
  assert_contains(run.out, "1 object: 0 denied, 0 with warnings, 1 skipped\n");
  char expected[256];
  (void)snprintf(expected, sizeof(expected), "skipped: %s:4:", path);
  assert_contains(run.err, expected);
  run_done(&run);
  run = RUN(cli_check, path);
  assert_code(&run, 2);
  assert_contains(run.err, "templates/a.yaml:4:1: error: ");
  run_done(&run);
  free(path);
}
END_TEST

START_TEST(files_have_a_largest_size) {
  char *path = scratch_write(&folder, "big.yaml", "");
  ck_assert_int_eq(truncate(path, (off_t)257 << 20), 0); /* takes no room on the disk */
  free(path);
  free(scratch_write(&folder, "good.yaml", GOOD));
  struct run run = RUN(cli_check, folder.path);
  assert_code(&run, 2);
  assert_contains(run.err, "big.yaml: error: larger than the limit of 268435456 bytes");
  assert_contains(run.out, "1 object: 0 denied");
  run_done(&run);
}
END_TEST

/* The pods of a big cluster, as kubectl prints them: more than a review may be. */
START_TEST(inputs_may_be_larger_than_a_review) {
  size_t size = 11U << 20;
  char *text = mem_zalloc(size);
  memset(text, '#', size);
  memcpy(text + size - strlen("\n" BAD), "\n" BAD, strlen("\n" BAD));
  char *path = scratch_write_bytes(&folder, "big.yaml", text, size);
  free(text);
  struct run run = RUN(cli_check, path);
  assert_code(&run, 1);
  assert_contains(run.out, "Pod default/bad: denied");
  run_done(&run);
  free(path);
}
END_TEST

/* Each error a line: a folder of something else entirely must not fill the terminal. */
START_TEST(errors_have_a_largest_number) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  for (int i = 0; i < 5000; i++)
    buf_append_cstr(&text, "a: b\n---\n");
  struct run run = check_text("m.yaml", text.ptr);
  assert_code(&run, 2);
  assert_contains(run.err, "too many errors");
  assert_contains(run.out, "1000 errors in the input");
  run_done(&run);
}
END_TEST

START_TEST(objects_have_a_largest_number) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 10 << 20);
  for (int i = 0; i < 100002; i++)
    buf_append_cstr(&text, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}\n");
  struct run run = check_text("m.json", text.ptr);
  assert_code(&run, 2);
  assert_contains(run.err, "m.json:100001:1: error: more than 100000 objects");
  assert_contains(run.out, "100000 objects: ");
  assert_contains(run.out, "; 1 error in the input");
  run_done(&run);
}
END_TEST

START_TEST(junk_is_no_manifest) {
  static const unsigned char junk[] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0xff, 0xfe, 0, '\n', 0x80};
  free(scratch_write_bytes(&folder, "junk.yaml", junk, sizeof(junk)));
  struct run run = RUN(cli_check, folder.path);
  assert_code(&run, 2);
  assert_contains(run.err, "junk.yaml:1:");
  run_done(&run);
}
END_TEST

START_TEST(a_manifest_cannot_steer_the_terminal) {
  struct run run = check_text("m.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": "
                                        "{\"name\": \"a\\u001b[2Jb\\nc\\u009b\"}, \"spec\": "
                                        "{\"tolerations\": [{\"operator\": \"Exists\"}], "
                                        "\"containers\": [{\"name\": \"c\"}]}}");
  assert_code(&run, 0);
  assert_contains(run.out, "Pod default/a?[2Jb?c?: ");
  run_done(&run);
}
END_TEST

/* ---- what is skipped, and what is found ---------------------------------------------------- */

START_TEST(other_kinds_are_skipped) {
  free(scratch_write(&folder, "kustomization.yaml", "resources: [a.yaml]\n"));
  free(scratch_write(&folder, "a.yaml",
                     "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n---\n"
                     "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n---\n" GOOD));
  struct run run = RUN(cli_check, folder.path);
  assert_code(&run, 0);
  ck_assert_str_eq(run.out, "4 objects: 0 denied, 0 with warnings, 3 skipped\n");
  run_done(&run);
}
END_TEST

START_TEST(lists_are_flattened_and_places_stay_right) {
  struct run run = check_text("m.yaml", "apiVersion: v1\n"
                                        "kind: List\n"
                                        "items:\n"
                                        "- apiVersion: v1\n"
                                        "  kind: Pod\n"
                                        "  metadata: {name: one}\n"
                                        "  spec:\n"
                                        "    containers:\n"
                                        "    - name: c\n"
                                        "      resources:\n"
                                        "        limits:\n"
                                        "          nvidia.com/gpu: 0.5\n");
  assert_code(&run, 1);
  assert_contains(run.out, "m.yaml:12:11: deny [gpu-limits] "
                           "spec.containers[0].resources.limits[nvidia.com/gpu]: ");
  run_done(&run);
}
END_TEST

START_TEST(items_of_a_typed_list_take_its_kind) {
  struct run run = check_text(
      "m.json",
      "{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": [{\"metadata\": "
      "{\"name\": \"one\", \"namespace\": \"team\"}, \"spec\": {\"containers\": "
      "[{\"name\": \"c\", \"resources\": {\"limits\": {\"nvidia.com/gpu\": \"0.5\"}}}]}}]}");
  assert_code(&run, 1);
  assert_contains(run.out, "Pod team/one: denied");
  run_done(&run);
}
END_TEST

START_TEST(lists_in_lists) {
  struct run run = check_text(
      "m.yaml", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n"
                "  items:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n");
  assert_code(&run, 0);
  assert_contains(run.out, "1 object: 0 denied, 0 with warnings, 1 skipped");
  run_done(&run);
}
END_TEST

START_TEST(several_json_values_are_several_documents) {
  struct run run = check_text("m.json", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}\n"
                                        "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}\n");
  assert_code(&run, 0);
  assert_contains(run.out, "2 objects: 0 denied, 0 with warnings, 2 skipped");
  run_done(&run);
}
END_TEST

START_TEST(the_namespace_of_objects_that_name_none) {
  char *path = scratch_write(&folder, "m.yaml", BAD);
  struct run run = RUN(cli_check, path);
  assert_contains(run.out, "Pod default/bad: denied");
  run_done(&run);
  run = RUN(cli_check, path, "-n", "research");
  assert_contains(run.out, "Pod research/bad: denied");
  run_done(&run);
  /* The built-in policy exempts it. */
  run = RUN(cli_check, path, "-v", "--namespace=gpu-operator");
  assert_code(&run, 0);
  assert_contains(run.out, "Pod gpu-operator/bad: exempt by the policy");
  run_done(&run);
  free(path);
}
END_TEST

START_TEST(a_missing_field_is_placed_at_its_parent) {
  char *policy = scratch_write(&folder, "p/policy.yaml",
                               "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\n"
                               "metadata: {name: p}\nspec: {rules: {budget-labels: {severity: "
                               "deny, labels: {team: {required: true}}}}}\n");
  char *path = scratch_write(&folder, "m.yaml", POD("x", "nvidia.com/gpu: 1"));
  struct run run = RUN(cli_check, "--policy", policy, path);
  assert_code(&run, 1);
  assert_contains(run.out, "m.yaml:3:1: deny [budget-labels] metadata.labels[team]: ");
  run_done(&run);
  free(path);
  free(policy);
}
END_TEST

/* What depends on the user or on unknown namespaces is said once, however many objects. */
START_TEST(what_is_not_known_offline_is_said_once) {
  char *policy = scratch_write(
      &folder, "p/policy.yaml",
      "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\nmetadata: {name: p}\n"
      "spec: {overrides: [{name: robots, match: {users: [robot]}, rules: {gpu-limits: warn}}]}\n");
  char *path = scratch_write(&folder, "m.yaml", BAD "---\n" BAD "---\n" GOOD);
  struct run run = RUN(cli_check, "--policy", policy, path);
  assert_code(&run, 1);
  const char *note = strstr(run.err, "note: ");
  ck_assert_ptr_nonnull(note);
  assert_contains(note, "robots");
  ck_assert_ptr_null(strstr(note + 1, "note: "));
  run_done(&run);
  run = RUN(cli_check, "--policy", policy, path, "-o", "json");
  ck_assert_str_eq(run.err, "");
  run_done(&run);
  free(path);
  free(policy);
}
END_TEST

START_TEST(audit_findings_show_when_asked_for) {
  char *policy = scratch_write(&folder, "p/policy.yaml",
                               "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\n"
                               "metadata: {name: p}\nspec: {rules: {gpu-limits: audit}}\n");
  char *path = scratch_write(&folder, "m.yaml", BAD);
  struct run run = RUN(cli_check, "--policy", policy, path, "--strict");
  assert_code(&run, 0);
  assert_lacks(run.out, "gpu-limits");
  run_done(&run);
  run = RUN(cli_check, "--policy", policy, path, "--strict", "-v");
  assert_code(&run, 0);
  assert_contains(run.out, "audit [gpu-limits]");
  run_done(&run);
  free(path);
  free(policy);
}
END_TEST

START_TEST(lifetimes_are_judged_as_of_a_given_time) {
  char *policy = scratch_write(&folder, "p/policy.yaml",
                               "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\nmetadata: "
                               "{name: p}\nspec: {rules: {lifetime: {severity: deny}}}\n");
  char *path = scratch_write(&folder, "m.yaml",
                             "apiVersion: v1\nkind: Pod\nmetadata: {name: x, annotations: "
                             "{slicegate.dev/expires-at: '2026-11-22T00:00:00Z'}}\n"
                             "spec: {containers: [{name: c, resources: {limits: "
                             "{nvidia.com/gpu: 1}}}]}\n");
  struct run run = RUN(cli_check, "--policy", policy, path, "--now", "2026-11-21T00:00:00Z");
  assert_code(&run, 0);
  run_done(&run);
  run = RUN(cli_check, "--policy", policy, path, "--now", "2026-11-23T00:00:00Z");
  assert_code(&run, 1);
  run_done(&run);
  free(path);
  free(policy);
}
END_TEST

START_TEST(standard_input_is_an_input) {
  char *path = scratch_write(&folder, "m.yaml", BAD);
  int file = open(path, O_RDONLY), before = dup(STDIN_FILENO);
  ck_assert_int_ge(dup2(file, STDIN_FILENO), 0);
  struct run run = RUN(cli_check, "-f", "-");
  assert_code(&run, 1);
  assert_contains(run.out, "<stdin>:4:");
  run_done(&run);
  ck_assert_int_ge(dup2(before, STDIN_FILENO), 0);
  (void)close(file);
  (void)close(before);
  free(path);
}
END_TEST

/* ---- the command line --------------------------------------------------------------------- */

static const struct {
  const char *arguments[5];
  const char *message;
} misused[] = {
    {{NULL}, "nothing to check"},
    {{"-o", "jsn", "x"}, "unknown output \"jsn\", did you mean \"json\"?"},
    {{"--now", "today", "x"}, "--now is a time like 2026-11-21T08:00:00Z, not \"today\""},
    {{"--policy", "/nonexistent", "x"}, "/nonexistent: cannot open"},
    {{"--cluster", "/nonexistent", "x"}, "/nonexistent: cannot open"},
    {{"--clutser", "x"}, "did you mean --cluster?"},
};

START_TEST(misuse_is_explained) {
  struct run run = run_command(cli_check, misused[_i].arguments);
  assert_code(&run, 2);
  assert_contains(run.err, misused[_i].message);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

TCase *tcase_check(void) {
  TCase *tcase = tcase_create("check");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, exit_codes_tell, 0, SG_ARRAY_LEN(codes));
  tcase_add_test(tcase, programs_see_what_cannot_be_used);
  tcase_add_test(tcase, documents_before_an_error_are_judged);
  tcase_add_loop_test(tcase, folders_hold_more_than_manifests, 0, SG_ARRAY_LEN(foreign));
  tcase_add_test(tcase, what_is_meant_as_an_object_is_no_stranger);
  tcase_add_test(tcase, templates_in_folders_are_noted);
  tcase_add_loop_test(tcase, what_cannot_be_used_is_named, 0, SG_ARRAY_LEN(unusable));
  tcase_add_test(tcase, the_rest_is_judged_all_the_same);
  tcase_add_test(tcase, files_have_a_largest_size);
  tcase_add_test(tcase, inputs_may_be_larger_than_a_review);
  tcase_add_test(tcase, errors_have_a_largest_number);
  tcase_add_test(tcase, objects_have_a_largest_number);
  tcase_add_test(tcase, junk_is_no_manifest);
  tcase_add_test(tcase, a_manifest_cannot_steer_the_terminal);
  tcase_add_test(tcase, other_kinds_are_skipped);
  tcase_add_test(tcase, lists_are_flattened_and_places_stay_right);
  tcase_add_test(tcase, items_of_a_typed_list_take_its_kind);
  tcase_add_test(tcase, lists_in_lists);
  tcase_add_test(tcase, several_json_values_are_several_documents);
  tcase_add_test(tcase, the_namespace_of_objects_that_name_none);
  tcase_add_test(tcase, a_missing_field_is_placed_at_its_parent);
  tcase_add_test(tcase, what_is_not_known_offline_is_said_once);
  tcase_add_test(tcase, audit_findings_show_when_asked_for);
  tcase_add_test(tcase, lifetimes_are_judged_as_of_a_given_time);
  tcase_add_test(tcase, standard_input_is_an_input);
  tcase_add_loop_test(tcase, misuse_is_explained, 0, SG_ARRAY_LEN(misused));
  return tcase;
}

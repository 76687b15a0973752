/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/golden/what-if/<case>/: cluster.json, pod.yaml, further arguments in `args` (one a line),
 * and what `slicegate simulate what-if` must print: expected.text, expected.json, and the error
 * stream with the exit code in expected.stderr. UPDATE=1 (make golden) rewrites them.
 */
#include "slicegate/sys.h"
#include "src/cli/cli_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { CASES_MAX = 128, ARGUMENTS_MAX = 16, TEXT_MAX = 4 << 20 };

static const char golden_folder[] = "tests/golden/what-if";
static char case_names[CASES_MAX][64];
static int case_count;

static int by_name(const void *a, const void *b) {
  return strcmp(a, b);
}

static void list_cases(void) {
  DIR *folder = opendir(golden_folder);
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    if (strchr(entry->d_name, '.') || case_count == CASES_MAX)
      continue;
    (void)snprintf(case_names[case_count++], sizeof(case_names[0]), "%.63s", entry->d_name);
  }
  if (folder)
    (void)closedir(folder);
  qsort(case_names, (size_t)case_count, sizeof(case_names[0]), by_name);
}

static void compare(const char *name, const char *kind, const char *text) {
  char path[64];
  struct err err = {0};
  const char *update = getenv("UPDATE");
  (void)snprintf(path, sizeof(path), "expected.%s", kind);
  if (update && strcmp(update, "1") == 0) {
    ck_assert_msg(sys_file_write(path, str_of(text), 0644, &err), "%s", err.text);
    return;
  }
  CLEANUP_BUF struct buf expected = {0};
  ck_assert_msg(sys_file_read(path, TEXT_MAX, &expected, &err), "%s: %s; UPDATE=1 makes it", name,
                err.text);
  ck_assert_msg(str_eq(buf_str(&expected), str_of(text)),
                "%s/%s differs; UPDATE=1 rewrites it\n--- expected\n%s\n--- found\n%s", name, path,
                expected.ptr ? expected.ptr : "", text);
}

/* Lines of `args`, where there is such a file. */
static size_t read_arguments(struct buf *text, const char **ret) {
  struct err err = {0};
  size_t count = 0;
  if (access("args", R_OK) != 0)
    return 0;
  ck_assert_msg(sys_file_read("args", TEXT_MAX, text, &err), "%s", err.text);
  for (char *line = text->ptr; line && *line;) {
    char *end = strchr(line, '\n');
    if (end)
      *end = '\0';
    ck_assert_uint_lt(count, ARGUMENTS_MAX);
    if (*line)
      ret[count++] = line;
    line = end ? end + 1 : NULL;
  }
  return count;
}

START_TEST(golden_case) {
  static const char *const outputs[] = {"text", "json"};
  const char *name = case_names[_i];
  char folder[128];
  int home = open(".", O_RDONLY | O_DIRECTORY);
  (void)snprintf(folder, sizeof(folder), "%s/%s", golden_folder, name);
  ck_assert_int_ge(home, 0);
  ck_assert_msg(chdir(folder) == 0, "%s", folder);
  CLEANUP_BUF struct buf text = {0};
  const char *arguments[ARGUMENTS_MAX + 7] = {"--cluster", "cluster.json", "-f", "pod.yaml"};
  size_t count = 4 + read_arguments(&text, arguments + 4);
  for (size_t i = 0; i < SG_ARRAY_LEN(outputs); i++) {
    arguments[count] = "-o";
    arguments[count + 1] = i ? "json" : "table";
    struct run run = run_command(cli_what_if, arguments);
    compare(name, outputs[i], run.out);
    CLEANUP_BUF struct buf err;
    buf_init(&err, TEXT_MAX);
    buf_printf(&err, "%sexit code %d\n", run.err, run.code);
    compare(name, "stderr", err.ptr);
    run_done(&run);
  }
  ck_assert_int_eq(fchdir(home), 0);
  (void)close(home);
}
END_TEST

START_TEST(there_are_cases) {
  ck_assert_int_gt(case_count, 0);
}
END_TEST

static const struct {
  const char *arguments[6];
  const char *says;
} wrong[] = {
    {{"-f", "x.yaml"}, "--cluster FILE is missing"},
    {{"--cluster", "x.json"}, "needs the manifest of a pod"},
    {{"--cluster", "x.json", "y.yaml", "-o", "csv"}, "unknown output \"csv\""},
    {{"--cluster", "x.json", "y.yaml", "--count", "0"}, "--count is a whole number from 1"},
    {{"--cluster", "x.json", "/nonexistent.yaml"}, "/nonexistent.yaml: cannot open"},
};

START_TEST(wrong_command_lines_are_said) {
  struct run run = run_command(cli_what_if, wrong[_i].arguments);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, wrong[_i].says);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

/* ---- what no cluster would take ------------------------------------------------------------ */

#define RECORDED "tests/golden/what-if/moves/cluster.json"
#define POD_WITH(resources)                                                                        \
  "apiVersion: v1\n"                                                                               \
  "kind: Pod\n"                                                                                    \
  "metadata: {name: p}\n"                                                                          \
  "spec:\n"                                                                                        \
  "  containers:\n"                                                                                \
  "  - name: main\n"                                                                               \
  "    resources: " resources "\n"
#define WORKLOAD(version, kind, spec)                                                              \
  "apiVersion: " version "\n"                                                                      \
  "kind: " kind "\n"                                                                               \
  "metadata: {name: w}\n"                                                                          \
  "spec: {" spec "template: {spec: {containers: [{name: main}]}}}\n"

static const struct {
  const char *manifest, *says; /* behind the file's name */
} refused[] = {
    {POD_WITH("{limits: {nvidia.com/gpu: \"abc\"}}"),
     ":7:42: spec.containers[0].resources.limits[nvidia.com/gpu]: \"abc\" is no quantity; write a "
     "whole number such as 1\n"},
    {POD_WITH("{limits: {nvidia.com/gpu: 1.5}}"),
     ":7:42: spec.containers[0].resources.limits[nvidia.com/gpu]: 1.5 is no whole number, and "
     "there are no parts of nvidia.com/gpu\n"},
    {POD_WITH("{limits: {nvidia.com/gpu: -1}}"),
     ":7:42: spec.containers[0].resources.limits[nvidia.com/gpu]: -1 is negative; write a whole "
     "number such as 1\n"},
    {POD_WITH("{requests: {cpu: 4cores}}"),
     ":7:33: spec.containers[0].resources.requests[cpu]: \"4cores\" is no quantity; write a "
     "quantity such as 500m, 4 or 64Gi\n"},
    {POD_WITH("{limits: {example.com/nic: [1]}}"),
     ":7:43: spec.containers[0].resources.limits[example.com/nic]: \"a list\" is no quantity"},
    {POD_WITH("{requests: {nvidia.com/gpu: 2}}"),
     ":7:44: spec.containers[0].resources.requests[nvidia.com/gpu]: requested without a limit, "
     "which Kubernetes refuses; write nvidia.com/gpu: 2 in limits (the request may be left out)\n"},
    {POD_WITH("{requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}"),
     ":7:44: spec.containers[0].resources.requests[nvidia.com/gpu]: a request of 1 and a limit of "
     "2, which Kubernetes refuses; write the same number in both, or only the limit\n"},
    {POD_WITH("{requests: {example.com/nic: 1}}"), "requested without a limit"},
    {POD_WITH("{requests: {hugepages-2Mi: 4Mi}}"), "requested without a limit"},
    {POD_WITH("{requests: {cpu: 2}, limits: {cpu: 1}}"),
     "resources.requests[cpu]: a request of 2 above the limit of 1"},
    {POD_WITH("{}\n  initContainers:\n  - {name: i, resources: {limits: {memory: 1gb}}}"),
     ":9:44: spec.initContainers[0].resources.limits[memory]: \"1gb\" is no quantity"},
    {POD_WITH("{}\n  overhead: {cpu: -1}"), ":8:19: spec.overhead[cpu]: -1 is negative"},
    {POD_WITH("{}\n  resources: {requests: {cpu: some}}"),
     ":8:31: spec.resources.requests[cpu]: \"some\" is no quantity"},
    {POD_WITH("{limits: {cpu: \"1\\e[2J\\n\"}}"), "[cpu]: \"1?[2J\" is no quantity"},
    {"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}\n",
     "spec.containers: no containers, which Kubernetes refuses\n"},
    {"apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: i}\n"
     "spec: {predictor: {model: {resources: {limits: {nvidia.com/gpu: some}}}}}\n",
     "spec.predictor.model.resources.limits[nvidia.com/gpu]: \"some\" is no"},
    {WORKLOAD("example.com/v1", "Thing", ""),
     ":1:1: warning: not counted: how many pods Thing makes, or what they request, is not known "
     "here; ask about a Pod (kinds may be added: extraKinds in --policy)\n"},
    {"apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: s}\n"
     "spec: {executor: {instances: 2, gpu: {name: nvidia.com/gpu, quantity: 1}}}\n",
     ":1:1: warning: not counted: how many pods SparkApplication makes"},
    {WORKLOAD("apps/v1", "DaemonSet", ""), ":1:1: warning: not counted: a DaemonSet has no number "
                                           "of pods: it runs one on each node that matches."},
    {WORKLOAD("apps/v1", "Deployment", "replicas: \"3\", "),
     ":4:18: spec.replicas: \"3\" is no count of pods; write a whole number from 0, without "
     "quotes\n"},
    {WORKLOAD("apps/v1", "Deployment", "replicas: -3, "), ":4:18: spec.replicas: -3 is no count"},
    {WORKLOAD("batch/v1", "Job", "parallelism: 1.5, "),
     ":4:21: spec.parallelism: 1.5 is no count of pods"},
    {WORKLOAD("batch/v1", "Job", "completions: all, "),
     ":4:21: spec.completions: \"all\" is no count of pods"},
    {WORKLOAD("apps/v1", "Deployment", "replicas: 0, "),
     "0 pods are asked about: set replicas (or parallelism, completions) to 1 or more\n"},
    {WORKLOAD("apps/v1", "Deployment", "replicas: 0, "),
     ":1:1: warning: Deployment default/w asks for 0 pods (a count in it is 0) and is left out\n"},
};

START_TEST(what_no_cluster_takes_is_an_error) {
  struct scratch scratch = scratch_new();
  char *path = scratch_write(&scratch, "pod.yaml", refused[_i].manifest);
  struct run run = RUN(cli_what_if, "--cluster", RECORDED, "-f", path);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, refused[_i].says);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
  free(path);
  scratch_done(&scratch);
}
END_TEST

/* Beside limits a request may be left out, or be less of what can be shared. */
START_TEST(what_kubernetes_takes_is_taken) {
  static const char *const good[] = {
      POD_WITH("{limits: {nvidia.com/gpu: 1, cpu: 2, memory: \" 1Gi\"}, requests: {cpu: 500m}}"),
      POD_WITH("{requests: {cpu: 0.5, memory: 1e9}}"),
      POD_WITH("{limits: {nvidia.com/gpu: \"1\"}, requests: {nvidia.com/gpu: 1000m}}"),
      POD_WITH("{limits: {cpu: null}}"),
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(good); i++) {
    struct scratch scratch = scratch_new();
    char *path = scratch_write(&scratch, "pod.yaml", good[i]);
    struct run run = RUN(cli_what_if, "--cluster", RECORDED, "-f", path);
    assert_code(&run, EXIT_OK);
    ck_assert_str_eq(run.err, "");
    run_done(&run);
    free(path);
    scratch_done(&scratch);
  }
}
END_TEST

START_TEST(a_name_that_nobody_lists_is_a_hint) {
  struct scratch scratch = scratch_new();
  char *path = scratch_write(&scratch, "pod.yaml", POD_WITH("{limits: {nvidia.com/gpus: 1}}"));
  struct run run = RUN(cli_what_if, "--cluster", RECORDED, "-f", path);
  assert_code(&run, EXIT_OK);
  assert_contains(run.err, "slicegate: Pod default/p: warning: no node of the recording lists "
                           "nvidia.com/gpus, did you mean nvidia.com/gpu?\n");
  run_done(&run);
  free(path);
  scratch_done(&scratch);
}
END_TEST

START_TEST(names_do_not_move_the_cursor) {
  struct scratch scratch = scratch_new();
  char *path = scratch_write(&scratch, "pod.yaml",
                             "apiVersion: v1\nkind: Pod\nmetadata: {name: \"a\\e[2J\\x9bz\"}\n"
                             "spec: {containers: [{name: main}]}\n");
  struct run run = RUN(cli_what_if, "--cluster", RECORDED, "-f", path);
  assert_code(&run, EXIT_OK);
  assert_contains(run.out, "Pod default/a?[2J?z: no requests\n");
  run_done(&run);
  free(path);
  scratch_done(&scratch);
}
END_TEST

/* ---- what is no recording of a cluster ----------------------------------------------------- */

static const char *const not_recorded[] = {
    "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}",
    "{\"kind\": \"List\", \"items\": [{\"kind\": \"Service\", \"metadata\": {\"name\": \"s\"}}]}",
    "{\"kind\": \"List\", \"items\": [{\"kind\": \"Namespace\", \"metadata\": {\"name\": \"a\"}}]}",
    "{\"kind\": \"List\", \"items\": [{\"kind\": \"Node\", \"metadata\": {\"name\": \"n\"}}]}",
    "{\"kind\": \"List\", \"items\": [{\"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}}]}",
    "{\"kind\": \"NodeList\", \"items\": [{\"metadata\": {\"name\": \"n\"}}]}",
    "{\"kind\": \"Pod\", \"metadata\": {\"name\": \"p\"}}",
};

START_TEST(other_files_are_told_how_to_record) {
  struct scratch scratch = scratch_new();
  char *cluster = scratch_write(&scratch, "cluster.json", not_recorded[_i]);
  struct run run =
      RUN(cli_what_if, "--cluster", cluster, "-f", "tests/golden/what-if/moves/pod.yaml");
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, "cluster.json:1:1: no ");
  assert_contains(run.err, "`kubectl get nodes,pods -A -o json`");
  run_done(&run);
  free(cluster);
  scratch_done(&scratch);
}
END_TEST

START_TEST(simulate_has_it) {
  struct run run = RUN(cli_simulate, "what-if", "--help");
  assert_code(&run, EXIT_OK);
  assert_contains(run.out, "Usage: slicegate simulate what-if --cluster FILE");
  run_done(&run);
}
END_TEST

TCase *tcase_what_if(void) {
  TCase *tcase = tcase_create("what_if");
  list_cases();
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, there_are_cases);
  tcase_add_loop_test(tcase, golden_case, 0, case_count);
  tcase_add_loop_test(tcase, wrong_command_lines_are_said, 0, SG_ARRAY_LEN(wrong));
  tcase_add_loop_test(tcase, what_no_cluster_takes_is_an_error, 0, SG_ARRAY_LEN(refused));
  tcase_add_test(tcase, what_kubernetes_takes_is_taken);
  tcase_add_test(tcase, a_name_that_nobody_lists_is_a_hint);
  tcase_add_test(tcase, names_do_not_move_the_cursor);
  tcase_add_loop_test(tcase, other_files_are_told_how_to_record, 0, SG_ARRAY_LEN(not_recorded));
  tcase_add_test(tcase, simulate_has_it);
  return tcase;
}

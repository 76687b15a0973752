/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/golden/explain/<case>/: arguments in `args` (one a line), a pod.yaml where a manifest is
 * asked about, and what `slicegate explain` must print: expected.text, expected.json, and the error
 * stream with the exit code in expected.stderr. UPDATE=1 (make golden) rewrites them.
 */
#include "src/cli/cli_internal.h"
#include "tests/support/api_server.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/golden.h"
#include "tests/unit/cli/run.h"

#include <check.h>
#include <stdlib.h>

static struct golden golden;

START_TEST(golden_case) {
  static const char *const outputs[] = {"text", "json"};
  struct golden_arguments arguments;
  int home = golden_enter(&golden, _i, &arguments);
  for (size_t i = 0; i < SG_ARRAY_LEN(outputs); i++) {
    arguments.items[arguments.count] = "-o";
    arguments.items[arguments.count + 1] = outputs[i];
    struct run run = run_command(cli_explain, arguments.items);
    golden_compare(golden.names[_i], outputs[i], run.out);
    CLEANUP_BUF struct buf err;
    buf_init(&err, GOLDEN_TEXT_MAX);
    buf_printf(&err, "%sexit code %d\n", run.err, run.code);
    golden_compare(golden.names[_i], "stderr", err.ptr);
    run_done(&run);
  }
  golden_leave(home, &arguments);
}
END_TEST

START_TEST(there_are_cases) {
  ck_assert_int_gt(golden.count, 0);
}
END_TEST

static const struct {
  const char *arguments[6];
  const char *says;
} wrong[] = {
    {{"--cluster", "x.json"}, "explain needs one pod, or a manifest: -f FILE"},
    {{"a", "b"}, "explain needs one pod"},
    {{"a", "-f", "b.yaml"}, "either a pod or -f FILE, not both"},
    {{"a", "-o", "yaml"}, "unknown output \"yaml\" (text, json)"},
    {{"a", "--cluster", "x.json", "--context", "c"}, "--context has no meaning beside it"},
    {{"a", "--cluster", "/nonexistent.json"}, "/nonexistent.json: cannot open"},
    {{"a", "--kubeconfig", "/nonexistent"}, "/nonexistent"},
};

START_TEST(wrong_command_lines_are_said) {
  struct run run = run_command(cli_explain, wrong[_i].arguments);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, wrong[_i].says);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

/* ---- a live cluster ---------------------------------------------------------------------- */

#define LIST(kind, token, items)                                                                   \
  "{\"kind\":\"" kind "List\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"" token       \
  "\"},\"items\":[" items "]}"
#define NODE(name)                                                                                 \
  "{\"metadata\":{\"name\":\"" name "\"},\"status\":{\"allocatable\":{\"cpu\":\"8\",\"memory\":"   \
  "\"8Gi\",\"pods\":\"9\",\"nvidia.com/gpu\":\"1\"}}}"
#define POD(name, node, phase)                                                                     \
  "{\"metadata\":{\"namespace\":\"ml\",\"name\":\"" name "\"},\"spec\":{\"nodeName\":\"" node      \
  "\",\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}}]},"   \
  "\"status\":{\"phase\":\"" phase "\"}}"

static struct run ask_live(const struct api_step *steps, size_t count, const char *pod) {
  struct api_server *server =
      api_server_start(steps, count, (struct str){0}, (struct str){0}, (struct str){0});
  struct scratch scratch = scratch_new();
  char text[512];
  (void)snprintf(text, sizeof(text),
                 "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                 "clusters: [{name: k, cluster: {server: \"http://127.0.0.1:%u\"}}]\n"
                 "users: [{name: u, user: {token: secret}}]\n"
                 "contexts: [{name: c, context: {cluster: k, user: u, namespace: ml}}]\n",
                 api_server_port(server));
  char *kubeconfig = scratch_write(&scratch, "kubeconfig", text);
  struct run run = RUN(cli_explain, "--kubeconfig", kubeconfig, pod);
  ck_assert_str_eq(api_server_complaint(server), "");
  ck_assert_uint_eq(api_server_count(server), count);
  api_server_stop(server);
  free(kubeconfig);
  scratch_done(&scratch);
  return run;
}
#define SLICES_PATH "GET /apis/resource.k8s.io/v1/resourceslices?limit=500 HTTP"
#define LIVE_LISTS                                                                                 \
  {.want = "GET /api/v1/nodes?limit=500 HTTP", .body = LIST("Node", "", NODE("b") "," NODE("a"))}, \
      {.want = SLICES_PATH,                                                                        \
       .status = 404,                                                                              \
       .body = "{\"kind\":\"Status\",\"message\":\"no such resource\"}"},                          \
      {.want = "GET /api/v1/pods?fieldSelector=",                                                  \
       .body = LIST("Pod", "t", POD("w", "", "Pending"))},                                         \
  {                                                                                                \
    .want = "continue=t",                                                                          \
    .body = LIST("Pod", "", POD("y", "b", "Running") "," POD("x", "a", "Running"))                 \
  }

START_TEST(a_live_cluster_is_listed_to_the_end) {
  static const struct api_step steps[] = {LIVE_LISTS};
  struct run run = ask_live(steps, SG_ARRAY_LEN(steps), "w");
  assert_code(&run, EXIT_FINDINGS);
  assert_contains(run.out, "Pod ml/w: waits: no node can take it now\n");
  assert_contains(run.out, "        2  Insufficient nvidia.com/gpu: a, b\n");
  assert_contains(run.out, "1. stop ml/x on a, or wait for it to end\n");
  run_done(&run);
}
END_TEST

#define BARE_NODE(name)                                                                            \
  "{\"metadata\":{\"name\":\"" name                                                                \
  "\"},\"status\":{\"allocatable\":{\"cpu\":\"8\",\"pods\":\"9\"}}}"
#define DRIVEN_SLICE                                                                               \
  "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"driver\":\"gpu.nvidia.com\",\"nodeName\":\"b\","     \
  "\"devices\":[{\"name\":\"gpu-0\"}]}}"

START_TEST(devices_of_a_driver_are_not_refused) {
  static const struct api_step steps[] = {
      {.want = "GET /api/v1/nodes?", .body = LIST("Node", "", BARE_NODE("a") "," BARE_NODE("b"))},
      {.want = SLICES_PATH, .body = LIST("ResourceSlice", "", DRIVEN_SLICE)},
      {.want = "GET /api/v1/pods?", .body = LIST("Pod", "", POD("w", "", "Pending"))}};
  struct run run = ask_live(steps, SG_ARRAY_LEN(steps), "w");
  assert_contains(run.out, "        1  no nvidia.com/gpu: a\n");
  assert_contains(run.out, "        1  not known: ");
  run_done(&run);
}
END_TEST

START_TEST(who_may_not_list_slices_is_told) {
  static const struct api_step steps[] = {
      {.want = "GET /api/v1/nodes?", .body = LIST("Node", "", BARE_NODE("a"))},
      {.want = SLICES_PATH,
       .status = 403,
       .body = "{\"kind\":\"Status\",\"message\":\"slices are forbidden\"}"},
      {.want = "GET /api/v1/pods?", .body = LIST("Pod", "", POD("w", "", "Pending"))}};
  struct run run = ask_live(steps, SG_ARRAY_LEN(steps), "w");
  assert_code(&run, EXIT_FINDINGS);
  assert_contains(run.err, "devices of DRA drivers are not known: list of resourceslices: ");
  assert_contains(run.out, "        1  no nvidia.com/gpu: a\n");
  run_done(&run);
}
END_TEST

START_TEST(a_pod_that_is_over_is_asked_for_by_name) {
  static const struct api_step steps[] = {
      LIVE_LISTS,
      {.want = "GET /api/v1/namespaces/ml/pods/z HTTP", .body = POD("z", "a", "Failed")}};
  struct run run = ask_live(steps, SG_ARRAY_LEN(steps), "z");
  assert_code(&run, EXIT_OK);
  assert_contains(run.out, "Pod ml/z: over: it is over (Failed) and holds nothing\n");
  run_done(&run);
}
END_TEST

START_TEST(what_is_not_allowed_is_said) {
  static const struct api_step steps[] = {
      {.status = 403, .body = "{\"kind\":\"Status\",\"message\":\"nodes is forbidden\"}"}};
  struct run run = ask_live(steps, SG_ARRAY_LEN(steps), "w");
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, "list of nodes: ");
  assert_contains(run.err, "nodes is forbidden");
  run_done(&run);
}
END_TEST

TCase *tcase_explain(void) {
  TCase *tcase = tcase_create("explain");
  golden_list(&golden, "tests/golden/explain");
  tcase_set_timeout(tcase, 60);
  tcase_add_loop_test(tcase, golden_case, 0, golden.count);
  tcase_add_test(tcase, there_are_cases);
  tcase_add_loop_test(tcase, wrong_command_lines_are_said, 0, SG_ARRAY_LEN(wrong));
  tcase_add_test(tcase, devices_of_a_driver_are_not_refused);
  tcase_add_test(tcase, who_may_not_list_slices_is_told);
  tcase_add_test(tcase, a_live_cluster_is_listed_to_the_end);
  tcase_add_test(tcase, a_pod_that_is_over_is_asked_for_by_name);
  tcase_add_test(tcase, what_is_not_allowed_is_said);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/load.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <stdlib.h>

static const struct {
  const char *text;
  int64_t seconds;
} times[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-11-21T08:00:00Z", 1795248000},
    {"2026-11-21t08:00:00z", 1795248000},
    {"2026-11-21 08:00:00Z", 1795248000},
    {"2026-11-21T10:00:00+02:00", 1795248000},
    {"2026-11-21T03:30:00-04:30", 1795248000},
    {"2026-11-21T08:00:00.999999Z", 1795248000},
    {"2024-02-29T00:00:00Z", 1709164800},
    {"2016-12-31T23:59:60Z", 1483228800},
    {"1969-12-31T23:59:59Z", -1},
};

START_TEST(reads_times) {
  int64_t seconds = 42;
  ck_assert_msg(cli_parse_time(str_of(times[_i].text), &seconds), "%s", times[_i].text);
  ck_assert_int_eq(seconds, times[_i].seconds);
}
END_TEST

static const char *const no_times[] = {
    "",
    "2026-11-21",
    "2026-11-21T08:00:00",
    "2026-11-21T08:00Z",
    "2026-11-31T08:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T08:60:00Z",
    "2026-11-21T08:00:61Z",
    "2026-11-21T08:00:00.Z",
    "2026-11-21T08:00:00+2:00",
    "2026-11-21T08:00:00+24:00",
    "2026-11-21T08:00:00Zx",
    "26-11-21T08:00:00Z",
    "-026-11-21T08:00:00Z",
};

START_TEST(refuses_what_is_no_time) {
  int64_t seconds = 42;
  ck_assert_msg(!cli_parse_time(str_of(no_times[_i]), &seconds), "%s", no_times[_i]);
  ck_assert_int_eq(seconds, 42);
}
END_TEST

/* A command that only loads. */
static int load_policy(int argc, char **argv, FILE *out, FILE *err) {
  (void)out;
  struct policy *policy = cli_load_policy(argc > 1 ? argv[1] : NULL, err);
  int code = policy ? 0 : 2;
  policy_unref(policy);
  return code;
}

static int load_cluster(int argc, char **argv, FILE *out, FILE *err) {
  (void)argc;
  struct loaded_cluster *loaded = cli_load_cluster(argv[1], err);
  if (loaded)
    (void)fprintf(out, "%zu nodes", loaded_cluster_get(loaded)->node_count);
  loaded_cluster_free(loaded);
  return loaded ? 0 : 2;
}

START_TEST(without_a_file_the_built_in_policy) {
  const char *const nothing[] = {NULL};
  struct run run = run_command(load_policy, nothing);
  assert_code(&run, 0);
  ck_assert_str_eq(run.err, "");
  run_done(&run);
}
END_TEST

START_TEST(all_errors_of_a_policy_are_said_with_their_places) {
  struct scratch scratch = scratch_new();
  char *path = scratch_write(&scratch, "policy.yaml",
                             "apiVersion: slicegate.dev/v1alpha1\n"
                             "kind: GPUPolicy\n"
                             "metadata: {name: x}\n"
                             "spec:\n"
                             "  failureStanse: allow\n"
                             "  rules:\n"
                             "    gpu-limit: {severity: deny}\n");
  struct run run = RUN(load_policy, path);
  assert_code(&run, 2);
  assert_contains(run.err, "policy.yaml:5:3: ");
  assert_contains(run.err, "policy.yaml:7:5: ");
  assert_contains(run.err, "gpu-limits");
  run_done(&run);
  free(path);
  scratch_done(&scratch);
}
END_TEST

START_TEST(a_missing_file_is_named_once) {
  struct run run = RUN(load_policy, "/nonexistent/policy.yaml");
  assert_code(&run, 2);
  ck_assert_str_eq(run.err, "slicegate: /nonexistent/policy.yaml: cannot open: No such file or "
                            "directory\n");
  run_done(&run);
  run = RUN(load_cluster, "/nonexistent/cluster.json");
  assert_code(&run, 2);
  assert_contains(run.err, "slicegate: /nonexistent/cluster.json: cannot open");
  run_done(&run);
}
END_TEST

START_TEST(a_cluster_that_is_none_is_refused_with_position) {
  struct scratch scratch = scratch_new();
  char *path =
      scratch_write(&scratch, "cluster.json", "{\n  \"kind\": \"List\",\n  \"items\" []\n}\n");
  struct run run = RUN(load_cluster, path);
  assert_code(&run, 2);
  assert_contains(run.err, "cluster.json:3:");
  run_done(&run);
  free(path);
  path = scratch_write(&scratch, "empty.json", "{\"kind\": \"List\", \"items\": []}\n");
  run = RUN(load_cluster, path);
  assert_code(&run, 2);
  assert_contains(run.err, "neither nodes nor namespaces");
  run_done(&run);
  free(path);
  scratch_done(&scratch);
}
END_TEST

START_TEST(the_example_cluster_loads) {
  struct run run = RUN(load_cluster, "deploy/examples/cluster.json");
  assert_code(&run, 0);
  ck_assert_str_eq(run.out, "5 nodes");
  run_done(&run);
}
END_TEST

TCase *tcase_load(void) {
  TCase *tcase = tcase_create("load");
  tcase_add_loop_test(tcase, reads_times, 0, SG_ARRAY_LEN(times));
  tcase_add_loop_test(tcase, refuses_what_is_no_time, 0, SG_ARRAY_LEN(no_times));
  tcase_add_test(tcase, without_a_file_the_built_in_policy);
  tcase_add_test(tcase, all_errors_of_a_policy_are_said_with_their_places);
  tcase_add_test(tcase, a_missing_file_is_named_once);
  tcase_add_test(tcase, a_cluster_that_is_none_is_refused_with_position);
  tcase_add_test(tcase, the_example_cluster_loads);
  return tcase;
}

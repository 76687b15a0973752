/* SPDX-License-Identifier: Apache-2.0 */
/* What requests are judged by while policy and cluster change, and when nobody hears of it. */
#include "src/cli/serve_internal.h"

#include "tests/support/temp_dir.h"
#include "tests/unit/cli/cases.h"

#include <pthread.h>

static struct temp_dir dir;
static struct temp_path policy_path, cluster_path;
static struct serve serve;

/* `deny` for what the reviews below do. */
#define POLICY(name)                                                                               \
  "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\nmetadata: {name: " name "}\n"              \
  "spec:\n  rules:\n    mig-profile: {severity: deny}\n    gpu-toleration: {severity: \"off\"}\n"  \
  "    budget-labels: {severity: \"off\"}\n    host-balance: {severity: \"off\"}\n"                \
  "    right-size: {severity: \"off\"}\n    lifetime: {severity: \"off\"}\n"                       \
  "  overrides:\n  - name: quiet\n    match: {namespaceLabels: {gpu: quiet}}\n"                    \
  "    rules: {mig-profile: {severity: \"off\"}}\n"

/* H100s, and namespace "ns" with a label. */
#define CLUSTER(label)                                                                             \
  "{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\",\"labels\":{"     \
  "\"nvidia.com/gpu.product\":\"NVIDIA-H100-80GB-HBM3\"}},\"status\":{\"allocatable\":{"           \
  "\"nvidia.com/mig-1g.10gb\":\"7\"}}},{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"ns\","     \
  "\"labels\":{\"gpu\":\"" label "\"}}}]}"

/* A slice of an A30. */
static const char review[] =
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":"
    "\"u\",\"operation\":\"CREATE\",\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},"
    "\"namespace\":\"ns\",\"name\":\"p\",\"userInfo\":{\"username\":\"jane\"},\"object\":{"
    "\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\"},"
    "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"limits\":{"
    "\"nvidia.com/mig-1g.6gb\":\"1\"}}}]}}}}";

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  dir = temp_dir_make();
  policy_path = temp_path(&dir, "policy.yaml");
  cluster_path = temp_path(&dir, "cluster.json");
  temp_write(policy_path.text, POLICY("first"));
  temp_write(cluster_path.text, CLUSTER("loud"));
}

static void begin(const char *cluster) {
  serve = (struct serve){0};
  serve.judges = judges_new(policy_path.text, cluster);
  ck_assert_ptr_nonnull(serve.judges);
  serve.metrics = serve_metrics_new(serve.judges);
}

static void teardown(void) {
  serve_metrics_free(serve.metrics);
  judges_free(serve.judges);
  temp_dir_remove(&dir);
}

static void set_live(const char *text) {
  struct arena *arena = arena_new(4096);
  struct cluster cluster;
  struct err err;
  ck_assert(wire_cluster_decode(arena, str_copy(arena, str_of(text)), &cluster, &err));
  judges_set_cluster(serve.judges, arena, &cluster);
}

static void expect_verdict(bool is_allowed, const char *fragment) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct http_request request = {.arena = arena, .body = str_of(review)};
  struct http_response response = {0};
  buf_init(&response.body, 1 << 20);
  serve_validate(&serve, &request, &response);
  const char *wanted = is_allowed ? "\"allowed\":true" : "\"allowed\":false";
  ck_assert_msg(strstr(response.body.ptr, wanted) && strstr(response.body.ptr, fragment),
                "\"%s\" and \"%s\" wanted: %s", wanted, fragment, response.body.ptr);
  buf_done(&response.body);
}

static struct judges_status status(void) {
  struct judges_status result;
  judges_get_status(serve.judges, &result);
  return result;
}

static const char refusal[] = "no node in this cluster can ever provide `mig-1g.6gb`";

/* ---- one after another --------------------------------------------------------------------- */

START_TEST(a_live_cluster_takes_the_place_of_none) {
  begin(NULL);
  expect_verdict(true, "");
  ck_assert_int_eq(status().unheard_ms, -1);
  set_live(CLUSTER("loud"));
  expect_verdict(false, refusal);
  ck_assert(status().is_live);
  ck_assert_int_eq(status().generation, 1); /* of the policy */
  ck_assert_int_eq(status().clusters, 1);
  ck_assert_int_ge(status().unheard_ms, 0);
  /* Its namespaces are known to the policy's match. */
  set_live(CLUSTER("quiet"));
  expect_verdict(true, "");
  ck_assert_int_eq(status().clusters, 2);
}
END_TEST

START_TEST(and_of_a_recording) {
  begin(cluster_path.text);
  expect_verdict(false, refusal);
  ck_assert(!status().is_live);
  set_live(CLUSTER("quiet"));
  expect_verdict(true, "");
  /* Whatever the file has become. */
  temp_write(cluster_path.text, "no JSON");
  judges_reload(serve.judges);
  ck_assert_str_eq(status().error, "");
  expect_verdict(true, "");
}
END_TEST

START_TEST(a_new_policy_keeps_it) {
  begin(NULL);
  set_live(CLUSTER("loud"));
  temp_write(policy_path.text, POLICY("second"));
  judges_reload(serve.judges);
  ck_assert_int_eq(status().generation, 2);
  ck_assert(status().is_live);
  expect_verdict(false, refusal);
  /* A policy with errors leaves both. */
  temp_write(policy_path.text, "kind: GPUPolicy\n");
  judges_reload(serve.judges);
  ck_assert_int_eq(status().generation, 2);
  ck_assert_int_eq(status().failures, 1);
  set_live(CLUSTER("quiet"));
  expect_verdict(true, "");
  ck_assert_str_ne(status().error, ""); /* the file is as wrong as before */
  struct judge *judge = judges_acquire(serve.judges);
  ck_assert(str_is(judge->view->name, "second"));
  judge_release(judge);
}
END_TEST

/* ---- not heard of --------------------------------------------------------------------------- */

START_TEST(what_is_not_heard_of_refuses_nothing) {
  begin(NULL);
  judges_cluster_heard(serve.judges, 0);
  set_live(CLUSTER("loud"));
  judges_cluster_heard(serve.judges, JUDGES_STALE_SECONDS * 1000 - 5000);
  ck_assert_int_eq(judges_stale_seconds(serve.judges), 0);
  expect_verdict(false, refusal);
  judges_cluster_heard(serve.judges, 320000);
  ck_assert_int_ge(judges_stale_seconds(serve.judges), 320);
  expect_verdict(true, "(the cluster was last heard of 5 minutes ago: not refused for that)");
  judges_stale_after(serve.judges, 600);
  expect_verdict(false, refusal);
  judges_stale_after(serve.judges, 60);
  expect_verdict(true, "not refused for that");
  judges_cluster_heard(serve.judges, 0);
  expect_verdict(false, refusal);
}
END_TEST

START_TEST(a_recording_does_not_age) {
  begin(cluster_path.text);
  judges_stale_after(serve.judges, 0);
  ck_assert_int_eq(judges_stale_seconds(serve.judges), 0);
  expect_verdict(false, refusal);
}
END_TEST

static void expect_ready(const char *fragment) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 16);
  serve_list_checks(&serve, &text);
  ck_assert_msg(strstr(text.ptr, fragment) != NULL, "%s", text.ptr);
}

START_TEST(readyz_tells_nodes_and_age) {
  begin(NULL);
  expect_ready("[ ] cluster: not known;");
  set_live(CLUSTER("loud"));
  expect_ready("[+] cluster: live, 1 nodes, 1 namespaces, followed\n");
  judges_cluster_heard(serve.judges, 400500);
  expect_ready("[!] cluster: live, 1 nodes, 1 namespaces, last heard of 400 s ago; what it showed "
               "refuses nothing, only warns\n");
}
END_TEST

/* ---- at one time ----------------------------------------------------------------------------- */

static atomic_bool is_ended;

static void *judge_on(void *ctx) {
  (void)ctx;
  while (!atomic_load(&is_ended)) {
    struct judge *judge = judges_acquire(serve.judges);
    /* Of one piece, and alive. */
    ck_assert(!judge->cluster || (judge->cluster->node_count == 1 && judge->facts &&
                                  str_is(judge->cluster->nodes[0].name, "a")));
    judge_release(judge);
  }
  return NULL;
}

static void *reload_on(void *ctx) {
  (void)ctx;
  while (!atomic_load(&is_ended))
    judges_reload(serve.judges);
  return NULL;
}

START_TEST(clusters_policies_and_requests_come_at_one_time) {
  pthread_t threads[3];
  begin(NULL);
  atomic_store(&is_ended, false);
  for (size_t i = 0; i < SG_ARRAY_LEN(threads); i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, i ? judge_on : reload_on, NULL), 0);
  for (int i = 0; i < 300; i++)
    set_live(i % 2 ? CLUSTER("loud") : CLUSTER("quiet"));
  atomic_store(&is_ended, true);
  for (size_t i = 0; i < SG_ARRAY_LEN(threads); i++)
    (void)pthread_join(threads[i], NULL);
  ck_assert_int_eq(status().clusters, 300);
  ck_assert_int_eq(status().failures, 0);
  expect_verdict(false, refusal); /* the last one counts */
}
END_TEST

TCase *tcase_judges(void) {
  TCase *tcase = tcase_create("judges");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, a_live_cluster_takes_the_place_of_none);
  tcase_add_test(tcase, and_of_a_recording);
  tcase_add_test(tcase, a_new_policy_keeps_it);
  tcase_add_test(tcase, what_is_not_heard_of_refuses_nothing);
  tcase_add_test(tcase, a_recording_does_not_age);
  tcase_add_test(tcase, readyz_tells_nodes_and_age);
  tcase_add_test(tcase, clusters_policies_and_requests_come_at_one_time);
  return tcase;
}

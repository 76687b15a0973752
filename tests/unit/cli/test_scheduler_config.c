/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is printed, and what is refused. That kube-scheduler takes it is for the end-to-end
 * suite: only the real thing knows its own rules.
 */
#include "slicegate/doc.h"
#include "slicegate/packing.h"
#include "slicegate/sys.h"
#include "src/cli/cli_internal.h"
#include "src/cli/scheduler_config.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <dirent.h>
#include <stdlib.h>

static struct scratch folder;

static void setup(void) {
  folder = scratch_new();
}

static void teardown(void) {
  scratch_done(&folder);
}

/* ---- looking into the output --------------------------------------------------------------- */

static json_t *printed(const char *const *more) {
  const char *arguments[24] = {"-o", "json"};
  size_t count = 2;
  while (*more)
    arguments[count++] = *more++;
  arguments[count] = NULL;
  struct run run = run_command(cli_scheduler_config, arguments);
  assert_code(&run, 0);
  json_error_t error;
  json_t *root = json_loads(run.out, 0, &error);
  ck_assert_msg(root != NULL, "%s", error.text);
  run_done(&run);
  return root;
}
#define PRINTED(...) printed((const char *const[]){__VA_ARGS__, NULL})
static const char *const no_arguments[] = {NULL};

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

static json_t *extender_of(const json_t *root) {
  json_t *list = json_object_get(root, "extenders");
  return json_array_get(list, json_array_size(list) - 1);
}

static const json_t *managed(const json_t *root, const char *name) {
  const json_t *list = json_object_get(extender_of(root), "managedResources");
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (strcmp(text_of(json_array_get(list, i), "name"), name) == 0)
      return json_array_get(list, i);
  }
  return NULL;
}

static char *write_policy(const char *spec) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 65536);
  buf_printf(&text,
             "apiVersion: slicegate.dev/v1alpha1\nkind: GPUPolicy\nmetadata: {name: p}\nspec:\n%s",
             spec);
  return scratch_write(&folder, "policy.yaml", text.ptr);
}

/* One node with a product (NULL: no label) and one resource besides. */
static char *write_cluster(const char *product, const char *resource) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 65536);
  buf_printf(&text, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\","
                    "\"kind\":\"Node\",\"metadata\":{\"name\":\"a\",\"labels\":{");
  if (product)
    buf_printf(&text, "\"nvidia.com/gpu.product\":\"%s\"", product);
  buf_printf(&text, "}},\"spec\":{},\"status\":{\"allocatable\":{\"cpu\":\"8\",\"%s\":\"4\"}}}]}",
             resource);
  return scratch_write(&folder, "cluster.json", text.ptr);
}

/* ---- the parts --------------------------------------------------------------------------------
 */

START_TEST(what_is_there_unless_said_otherwise) {
  json_t *root = printed(no_arguments), *extender = extender_of(root);
  ck_assert_str_eq(text_of(root, "apiVersion"), "kubescheduler.config.k8s.io/v1");
  ck_assert_str_eq(text_of(root, "kind"), "KubeSchedulerConfiguration");
  ck_assert_int_eq(number_of(root, "percentageOfNodesToScore"), 100);
  ck_assert_int_eq(number_of(root, "podInitialBackoffSeconds"), 1);
  ck_assert_int_eq(number_of(root, "podMaxBackoffSeconds"), 2);
  ck_assert_ptr_null(json_object_get(root, "clientConnection"));
  const json_t *election = json_object_get(root, "leaderElection");
  ck_assert(json_is_true(json_object_get(election, "leaderElect")));
  ck_assert_ptr_null(json_object_get(election, "resourceName"));
  ck_assert_str_eq(text_of(json_array_get(json_object_get(root, "profiles"), 0), "schedulerName"),
                   "default-scheduler");
  ck_assert_str_eq(text_of(extender, "urlPrefix"),
                   "https://slicegate-scheduler.slicegate-system.svc:443/scheduler");
  ck_assert_str_eq(text_of(extender, "filterVerb"), "filter");
  ck_assert_str_eq(text_of(extender, "prioritizeVerb"), "prioritize");
  ck_assert_ptr_null(json_object_get(extender, "bindVerb"));
  ck_assert_ptr_null(json_object_get(extender, "preemptVerb"));
  ck_assert_int_eq(number_of(extender, "weight"), 120);
  ck_assert(json_is_true(json_object_get(extender, "enableHTTPS")));
  ck_assert(json_is_true(json_object_get(extender, "nodeCacheCapable")));
  ck_assert(json_is_false(json_object_get(extender, "ignorable")));
  ck_assert_str_eq(text_of(extender, "httpTimeout"), "2s");
  const json_t *tls = json_object_get(extender, "tlsConfig");
  ck_assert_str_eq(text_of(tls, "caFile"), "/etc/kubernetes/slicegate/ca.crt");
  ck_assert_str_eq(text_of(tls, "certFile"), "/etc/kubernetes/slicegate/client.crt");
  ck_assert_str_eq(text_of(tls, "keyFile"), "/etc/kubernetes/slicegate/client.key");
  ck_assert_ptr_null(json_object_get(tls, "serverName"));
  json_decref(root);
}
END_TEST

/* Only where it is said that slicegate gives it; kube-scheduler cannot count it. */
START_TEST(hamis_memory_on_request) {
  json_t *root = PRINTED("--bind", "--hami");
  const json_t *managed = json_object_get(extender_of(root), "managedResources");
  const json_t *last = json_array_get(managed, json_array_size(managed) - 1);
  ck_assert_str_eq(text_of(last, "name"), "nvidia.com/gpumem");
  ck_assert(json_is_true(json_object_get(last, "ignoredByScheduler")));
  json_decref(root);
  root = PRINTED("--bind");
  managed = json_object_get(extender_of(root), "managedResources");
  for (size_t i = 0; i < json_array_size(managed); i++)
    ck_assert_str_ne(text_of(json_array_get(managed, i), "name"), "nvidia.com/gpumem");
  json_decref(root);
  struct run run = RUN(cli_scheduler_config, "--hami");
  assert_code(&run, 2);
  assert_contains(run.err, "--hami needs --bind");
  run_done(&run);
}
END_TEST

START_TEST(flags_have_their_places) {
  json_t *root = PRINTED("--bind", "--preempt", "--weight", "advise", "--scheduler-name",
                         "gpu-scheduler", "--kubeconfig", "/k", "--max-backoff", "5", "--url",
                         "https://[fd00::1]:8443", "--server-name", "a.b.svc", "--ca-file", "/ca",
                         "--cert-file", "/cert", "--key-file", "/key");
  json_t *extender = extender_of(root);
  const json_t *tls = json_object_get(extender, "tlsConfig");
  ck_assert_str_eq(text_of(extender, "urlPrefix"), "https://[fd00::1]:8443/scheduler");
  ck_assert_str_eq(text_of(extender, "bindVerb"), "bind");
  ck_assert_str_eq(text_of(extender, "preemptVerb"), "preempt");
  ck_assert_int_eq(number_of(extender, "weight"), 12);
  ck_assert_int_eq(number_of(root, "podMaxBackoffSeconds"), 5);
  ck_assert_str_eq(text_of(tls, "serverName"), "a.b.svc");
  ck_assert_str_eq(text_of(tls, "caFile"), "/ca");
  ck_assert_str_eq(text_of(tls, "certFile"), "/cert");
  ck_assert_str_eq(text_of(tls, "keyFile"), "/key");
  ck_assert_str_eq(text_of(json_object_get(root, "clientConnection"), "kubeconfig"), "/k");
  /* Or the two schedulers would wait for each other's Lease. */
  ck_assert_str_eq(text_of(json_object_get(root, "leaderElection"), "resourceName"),
                   "gpu-scheduler");
  ck_assert_str_eq(text_of(json_array_get(json_object_get(root, "profiles"), 0), "schedulerName"),
                   "gpu-scheduler");
  json_decref(root);
}
END_TEST

START_TEST(loopback_may_be_plain) {
  static const char *const urls[] = {"http://127.0.0.1:8081", "http://[::1]:8081",
                                     "http://localhost:8081"};
  for (size_t i = 0; i < SG_ARRAY_LEN(urls); i++) {
    json_t *root = PRINTED("--url", urls[i], "--leader-elect", "false", "--weight", "7");
    ck_assert(json_is_false(json_object_get(extender_of(root), "enableHTTPS")));
    ck_assert_ptr_null(json_object_get(extender_of(root), "tlsConfig"));
    ck_assert(
        json_is_false(json_object_get(json_object_get(root, "leaderElection"), "leaderElect")));
    ck_assert_int_eq(number_of(extender_of(root), "weight"), 7);
    json_decref(root);
  }
  json_t *root = PRINTED("--url", "https://127.0.0.1:8081", "--ca-file", "/ca");
  ck_assert_ptr_null(json_object_get(json_object_get(extender_of(root), "tlsConfig"), "certFile"));
  json_decref(root);
}
END_TEST

/* Odd, but somebody's. */
START_TEST(addresses_of_every_form) {
  static const char *const urls[] = {"https://a:1",
                                     "https://a.b.svc:65535",
                                     "https://A_b-c.Example.COM.:443",
                                     "https://10.96.0.40",
                                     "https://3com.example",
                                     "https://[fe80::1%25eth0]:8443",
                                     "https://[::ffff:10.0.0.1]",
                                     "https://proxy.example:443/slicegate"};
  for (size_t i = 0; i < SG_ARRAY_LEN(urls); i++) {
    char prefix[100];
    json_t *root = PRINTED("--url", urls[i]);
    (void)snprintf(prefix, sizeof(prefix), "%s/scheduler", urls[i]);
    ck_assert_str_eq(text_of(extender_of(root), "urlPrefix"), prefix);
    json_decref(root);
  }
}
END_TEST

START_TEST(all_pods) {
  json_t *root = PRINTED("--all-pods", "--ignorable");
  ck_assert_uint_eq(json_array_size(json_object_get(root, "extenders")), 1);
  ck_assert_ptr_null(json_object_get(extender_of(root), "managedResources"));
  ck_assert(json_is_true(json_object_get(extender_of(root), "ignorable")));
  json_decref(root);
}
END_TEST

/* ---- who waits for slicegate ------------------------------------------------------------------
 */

static const struct {
  const char *arguments[4];
  bool has_list; /* of what goes on without slicegate */
} two_extenders[] = {{{"--bind", "--ignorable"}, true},
                     {{"--bind", "--ignorable", "--all-pods"}, false}};

/* Nobody else chooses cards: what asks for them does not go on without slicegate. */
START_TEST(cards_wait_where_others_go_on) {
  json_t *root = printed(two_extenders[_i].arguments), *list = json_object_get(root, "extenders");
  ck_assert_uint_eq(json_array_size(list), 2);
  const json_t *rest = json_array_get(list, 0), *cards = json_array_get(list, 1);
  ck_assert_str_eq(text_of(rest, "urlPrefix"), text_of(cards, "urlPrefix"));
  ck_assert(json_is_true(json_object_get(rest, "ignorable")));
  ck_assert_ptr_null(json_object_get(rest, "bindVerb"));
  ck_assert(json_is_false(json_object_get(cards, "ignorable")));
  ck_assert_str_eq(text_of(cards, "bindVerb"), "bind");
  ck_assert_ptr_nonnull(json_object_get(cards, "tlsConfig"));
  const json_t *names = json_object_get(cards, "managedResources");
  ck_assert_uint_eq(json_array_size(names), 2);
  ck_assert_ptr_nonnull(managed(root, "slicegate.dev/gpu-milli"));
  ck_assert_ptr_nonnull(managed(root, "aliyun.com/gpu-mem"));
  /* A name belongs to one extender. */
  names = json_object_get(rest, "managedResources");
  ck_assert_int_eq(names != NULL, two_extenders[_i].has_list);
  ck_assert(!names || json_array_size(names) > 100);
  for (size_t i = 0; i < json_array_size(names); i++)
    ck_assert_ptr_null(managed(root, text_of(json_array_get(names, i), "name")));
  json_decref(root);
}
END_TEST

static void assert_one_extender(const char *policy, bool is_ignorable) {
  json_t *root = PRINTED("--bind", "--ignorable", "--policy", policy);
  ck_assert_uint_eq(json_array_size(json_object_get(root, "extenders")), 1);
  const json_t *extender = extender_of(root);
  ck_assert_str_eq(text_of(extender, "bindVerb"), "bind");
  ck_assert(json_array_size(json_object_get(extender, "managedResources")) > 0);
  ck_assert_int_eq(json_is_true(json_object_get(extender, "ignorable")), is_ignorable);
  json_decref(root);
}

/* An empty list of managedResources would be every pod. */
START_TEST(one_extender_where_there_is_one_kind) {
  char *policy = write_policy("  gpuResources:\n"
                              "  - {name: aliyun.com/gpu-mem, form: none}\n"
                              "  - {name: slicegate.dev/gpu-milli, form: none}\n");
  assert_one_extender(policy, true);
  free(policy);
  policy = write_policy("  gpuResources:\n"
                        "  - {name: slicegate.dev/gpu-milli, form: other}\n"
                        "  - {name: \"*/*\", form: none}\n");
  assert_one_extender(policy, false);
  free(policy);
  policy = write_policy("  gpuResources: [{name: \"*/*\", form: none}]\n");
  struct run run = RUN(cli_scheduler_config, "--bind", "--policy", policy);
  assert_code(&run, 2);
  assert_contains(run.err, "it would ask about every pod");
  ck_assert_str_eq(run.out, "");
  run_done(&run);
  free(policy);
}
END_TEST

/* The file is good, and does not do what one might expect of it. */
START_TEST(preemption_that_does_not_come_is_said) {
  struct run run = RUN(cli_scheduler_config, "--bind", "--preempt", "--ignored-by-scheduler",
                       "slicegate.dev/gpu-milli");
  assert_code(&run, 0);
  assert_contains(run.err, "slicegate: --preempt: kube-scheduler 1.36 finds no victims");
  assert_contains(run.err, "for want of slicegate.dev/gpu-milli; leave out");
  assert_contains(run.out, "pods preempt nobody for want of it.\n    ignoredByScheduler: true\n");
  run_done(&run);
  run = RUN(cli_scheduler_config, "--bind", "--preempt", "--hami");
  assert_code(&run, 0);
  assert_contains(run.err, "for want of nvidia.com/gpumem\n");
  run_done(&run);
  run = RUN(cli_scheduler_config, "--bind", "--preempt");
  assert_code(&run, 0);
  ck_assert_str_eq(run.err, "");
  run_done(&run);
  run = RUN(cli_scheduler_config, "--bind", "--ignored-by-scheduler", "slicegate.dev/gpu-milli");
  assert_code(&run, 0);
  ck_assert_str_eq(run.err, "");
  ck_assert_ptr_null(strstr(run.out, "preempt nobody"));
  run_done(&run);
}
END_TEST

static const struct {
  const char *arguments[8];
  const char *says, *says_not;
} counts[] = {
    {{"--bind"}, "cards. kube-scheduler counts that sum as well: a safety", "ignoredByScheduler"},
    {{"--bind", "--ignored-by-scheduler", "aliyun.com/gpu-mem"},
     "Where ignoredByScheduler is not set kube-scheduler counts that sum as well:",
     "cards. kube-scheduler counts"},
    {{"--bind", "--ignored-by-scheduler", "aliyun.com/gpu-mem", "--ignored-by-scheduler",
      "slicegate.dev/gpu-milli"},
     "slicegate alone counts it.",
     "counts that sum as well"},
};

/* Text without the ends of lines of its comments. */
static void unwrap(char *text) {
  char *to = text;
  for (const char *from = text; *from;) {
    size_t indent = from[0] == '\n' ? strspn(from + 1, " ") : 0;
    if (from[0] == '\n' && from[1 + indent] == '#')
      from += 2 + indent;
    else
      *to++ = *from++;
  }
  *to = '\0';
}

START_TEST(comments_say_who_counts) {
  struct run run = run_command(cli_scheduler_config, counts[_i].arguments);
  assert_code(&run, 0);
  char *body = strstr(run.out, "\napiVersion:"); /* behind the command */
  ck_assert_ptr_nonnull(body);
  unwrap(body);
  assert_contains(body, counts[_i].says);
  ck_assert_msg(!strstr(body, counts[_i].says_not), "%s", strstr(body, counts[_i].says_not));
  run_done(&run);
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------
 */

/* Every resource that the model knows a slice by, and what people ask for besides. */
START_TEST(without_a_cluster_every_product_is_there) {
  static const char *const others[] = {
      "nvidia.com/gpu",   "nvidia.com/gpu.shared", "amd.com/gpu",
      "amd.com/cpx_nps4", "amd.com/spx_nps1",      "gpu.intel.com/i915",
      "gpu.intel.com/xe", "aliyun.com/gpu-mem",    "slicegate.dev/gpu-milli"};
  json_t *root = PRINTED("--bind");
  struct gpu_products all = products_builtin();
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  size_t slices = 0;
  for (size_t i = 0; i < all.count; i++) {
    for (size_t k = 0; k < all.items[i].profile_count; k++, slices++) {
      struct str name = all.items[i].profiles[k].resource;
      ck_assert_msg(managed(root, str_printf(arena, "%.*s", STR_FMT(name)).ptr), "%.*s",
                    STR_FMT(name));
      ck_assert_msg(managed(root, str_printf(arena, "%.*s.shared", STR_FMT(name)).ptr),
                    "%.*s.shared", STR_FMT(name));
    }
  }
  ck_assert_uint_gt(slices, 100);
  for (size_t i = 0; i < SG_ARRAY_LEN(others); i++)
    ck_assert_msg(managed(root, others[i]) != NULL, "%s", others[i]);
  /* A driver of another version calls GB200's 1g.23gb so. */
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-1g.24gb.me"));
  /* How much of a device: it never comes alone. */
  ck_assert_ptr_null(managed(root, "nvidia.com/gpumem"));
  ck_assert_ptr_null(managed(root, "gpu.intel.com/millicores"));
  /* Known names that are no GPUs. */
  ck_assert_ptr_null(managed(root, "nvidia.com/hostdev"));
  json_decref(root);
}
END_TEST

START_TEST(names_are_as_kube_scheduler_wants_them) {
  json_t *root = printed(no_arguments);
  const json_t *list = json_object_get(extender_of(root), "managedResources");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *name = text_of(json_array_get(list, i), "name");
    ck_assert_msg(!strpbrk(name, "*?+, ") && strchr(name, '/') == strrchr(name, '/'), "%s", name);
    for (size_t k = 0; k < i; k++)
      ck_assert_str_ne(name, text_of(json_array_get(list, k), "name"));
    ck_assert_msg(json_object_size(json_array_get(list, i)) == 1,
                  "%s: kube-scheduler's count is the safety net", name);
  }
  json_decref(root);
}
END_TEST

START_TEST(a_cluster_says_which_products) {
  char *cluster = write_cluster("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "nvidia.com/gpu");
  json_t *root = PRINTED("--cluster", cluster);
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-1g.5gb.me.shared"));
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-7g.40gb"));
  ck_assert_ptr_null(managed(root, "nvidia.com/mig-7g.80gb"));
  ck_assert_ptr_null(managed(root, "amd.com/cpx_nps4"));
  json_decref(root);
  free(cluster);
}
END_TEST

START_TEST(node_pools_say_what_may_come) {
  char *cluster = write_cluster("Tesla-T4", "nvidia.com/gpu");
  char *policy =
      write_policy("  nodePools:\n"
                   "  - {name: a, products: [NVIDIA-H100-80GB-HBM3], profiles: [1g.10gb]}\n"
                   "  - {name: b, products: [NVIDIA-X1], profiles: [1g.99gb+me]}\n");
  json_t *root = PRINTED("--cluster", cluster, "--policy", policy);
  /* Whoever asks for another profile shall hear why it never comes. */
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-7g.80gb"));
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-1g.99gb.me"));
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-1g.99gb.me.shared"));
  ck_assert_ptr_null(managed(root, "nvidia.com/mig-7g.40gb"));
  json_decref(root);
  /* What is on the nodes now is not known without a recording. */
  root = PRINTED("--policy", policy);
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-7g.40gb"));
  json_decref(root);
  free(cluster);
  free(policy);
}
END_TEST

START_TEST(nodes_that_do_not_say_their_product_may_have_any) {
  char *cluster = write_cluster(NULL, "nvidia.com/gpu");
  json_t *root = PRINTED("--cluster", cluster);
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-7g.80gb"));
  json_decref(root);
  free(cluster);
  cluster = write_cluster(NULL, "amd.com/cpx_nps4");
  root = PRINTED("--cluster", cluster);
  ck_assert_ptr_null(managed(root, "nvidia.com/mig-7g.80gb"));
  ck_assert_ptr_nonnull(managed(root, "amd.com/dpx_nps2"));
  json_decref(root);
  free(cluster);
}
END_TEST

START_TEST(names_on_nodes_are_taken) {
  char *cluster = write_cluster("NVIDIA-X1", "nvidia.com/mig-9g.999gb");
  json_t *root = PRINTED("--cluster", cluster);
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-9g.999gb"));
  json_decref(root);
  free(cluster);
  cluster = write_cluster(NULL, "nvidia.com/GRID_A100-40C");
  root = PRINTED("--cluster", cluster);
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/GRID_A100-40C"));
  json_decref(root);
  free(cluster);
}
END_TEST

START_TEST(the_policy_has_the_last_word_on_names) {
  char *policy = write_policy("  gpuResources:\n"
                              "  - {name: example.com/npu, form: whole}\n"
                              "  - {name: \"example.com/part-*\", form: other}\n"
                              "  - {name: example.com/part-mem, form: aux}\n"
                              "  - {name: \"nvidia.com/mig-7g*\", form: none}\n"
                              "  - {name: \"aliyun.com/*\", form: none}\n");
  json_t *root = PRINTED("--policy", policy);
  ck_assert_ptr_nonnull(managed(root, "example.com/npu"));
  ck_assert_ptr_null(managed(root, "nvidia.com/mig-7g.80gb"));
  ck_assert_ptr_null(managed(root, "nvidia.com/mig-7g.80gb.shared"));
  ck_assert_ptr_nonnull(managed(root, "nvidia.com/mig-4g.40gb"));
  ck_assert_ptr_null(managed(root, "aliyun.com/gpu-mem"));
  ck_assert_ptr_null(managed(root, "aliyun.com/gpu-count"));
  json_decref(root);
  free(policy);
}
END_TEST

/* Without a Binding of ours nobody tells the plugin the card. */
START_TEST(cards_come_with_bind) {
  json_t *root = printed(no_arguments);
  ck_assert_ptr_null(managed(root, "slicegate.dev/gpu-milli"));
  ck_assert_ptr_null(managed(root, "aliyun.com/gpu-mem"));
  json_decref(root);
  root = PRINTED("--bind");
  ck_assert_ptr_nonnull(managed(root, "slicegate.dev/gpu-milli"));
  ck_assert_ptr_nonnull(managed(root, "aliyun.com/gpu-mem"));
  json_decref(root);
}
END_TEST

START_TEST(a_count_can_be_left_to_us) {
  json_t *root = PRINTED("--bind", "--ignored-by-scheduler", "slicegate.dev/gpu-milli");
  ck_assert(json_is_true(
      json_object_get(managed(root, "slicegate.dev/gpu-milli"), "ignoredByScheduler")));
  ck_assert_ptr_null(json_object_get(managed(root, "aliyun.com/gpu-mem"), "ignoredByScheduler"));
  json_decref(root);
}
END_TEST

/* ---- what is refused
 * ----------------------------------------------------------------------------- */

static const struct {
  const char *arguments[8];
  const char *error;
} mistakes[] = {
    {{"--weight", "much"}, "--weight is pack (120: slicegate decides), advise (12"},
    {{"--weight", "0"}, "or a number from 1 to 1000000, not \"0\""},
    {{"--weight", "-1"}, "not \"-1\""},
    {{"--all-pods"}, "--all-pods needs --ignorable"},
    {{"--ignored-by-scheduler", "slicegate.dev/gpu-milli"}, "--ignored-by-scheduler needs --bind"},
    {{"--bind", "--all-pods", "--ignorable", "--ignored-by-scheduler", "slicegate.dev/gpu-milli"},
     "--ignored-by-scheduler with --ignorable: kube-scheduler does not count these cards"},
    {{"--bind", "--ignorable", "--ignored-by-scheduler", "slicegate.dev/gpu-milli"},
     "would get what others have already; leave out --ignorable"},
    {{"--ignorable", "--ignored-by-scheduler", "aliyun.com/gpu-mem"},
     "or leave out --ignored-by-scheduler"},
    {{"--bind", "--ignorable", "--hami"}, "or leave out --hami"},
    {{"--cert-file", "/c"}, "--cert-file without --key-file"},
    {{"--key-file", "/k", "--ca-file", "/a"}, "--key-file without --cert-file"},
    {{"--key-file", "/k", "--cert-file", "/c"}, "without --ca-file: kube-scheduler would not"},
    {{"--ca-file", "/c"}, "off loopback slicegate asks for a certificate"},
    {{"--url", "http://10.0.0.1"}, "plain HTTP on loopback only"},
    {{"--url", "http://127.0.0.1.example.com"}, "plain HTTP on loopback only"},
    {{"--url", "http://127.0.0.1", "--ca-file", "/c"}, "are for https, and --url is http"},
    {{"--url", "https://a/"}, "without a slash at its end, not \"https://a/\""},
    {{"--url", "https://"}, "--url is https://HOST"},
    {{"--url", "https://:443"}, "--url is https://HOST"},
    {{"--url", "ftp://a"}, "--url is https://HOST"},
    {{"--url", "a"}, "--url is https://HOST"},
    {{"--url", ""}, "--url is https://HOST"},
    {{"--url", "https://a/scheduler"}, "/scheduler, which is added"},
    {{"--url", "https://a:0"}, "a number from 1 to 65535, not \":0\""},
    {{"--url", "https://a:65536"}, "a number from 1 to 65535, not \":65536\""},
    {{"--url", "https://a:-1"}, "a number from 1 to 65535, not \":-1\""},
    {{"--url", "https://a:"}, "a number from 1 to 65535, not \":\""},
    {{"--url", "https://a:/b"}, "a number from 1 to 65535, not \":\""},
    {{"--url", "https://a:http"}, "a number from 1 to 65535, not \":http\""},
    {{"--url", "https://fd00::1"}, "a number from 1 to 65535, not \"::1\""},
    {{"--url", "https://[fd00::1]443"}, "a number from 1 to 65535, not \"443\""},
    {{"--url", "https://[fd00::1"}, "a host is a name, an IPv4 address or an IPv6 address in []"},
    {{"--url", "https://[a.b]"}, "a host is a name"},
    {{"--url", "https://[127.0.0.1]"}, "a host is a name"},
    {{"--url", "https://[]:1"}, "--url is https://HOST"},
    {{"--url", "https://-"}, "a host is a name"},
    {{"--url", "https://a.-b"}, "a host is a name"},
    {{"--url", "https://a..b"}, "a host is a name"},
    {{"--url", "https://."}, "a host is a name"},
    {{"--url", "https://999.1.1.1"}, "a host is a name"},
    {{"--url", "https://10.96.0"}, "a host is a name"},
    {{"--kubeconfig", ""}, "--kubeconfig is the path of a file, not \"\""},
    {{"--ca-file", "", "--cert-file", "/c", "--key-file", "/k"}, "--ca-file is the path of a file"},
    {{"--ca-file", "/a\nb: c", "--cert-file", "/c", "--key-file", "/k"},
     "--ca-file is the path of a file, not one with a control character"},
    {{"--ca-file", "/a", "--cert-file", "/c\x7f", "--key-file", "/k"}, "--cert-file is the path"},
    {{"--ca-file", "/a", "--cert-file", "/c", "--key-file", "\t"}, "--key-file is the path"},
    {{"--server-name", "10.0.0.1:1"}, "--server-name is a DNS name"},
    {{"--scheduler-name", "GPU"}, "--scheduler-name is lower case"},
    {{"--leader-elect", "yes"}, "--leader-elect is true or false, not \"yes\""},
    {{"--max-backoff", "0"}, "--max-backoff is a whole number from 1"},
    {{"--bind", "--ignored-by-scheduler", "nvidia.com/gpu"},
     "of \"nvidia.com/gpu\" kube-scheduler's count"},
    {{"-o", "xml"}, "--output is yaml or json"},
    {{"--policy", "/nonexistent"}, "/nonexistent"},
    {{"--cluster", "/nonexistent"}, "/nonexistent"},
    {{"--extend", "/nonexistent"}, "/nonexistent"},
    {{"--extend", "x", "--kubeconfig", "k"}, "change --kubeconfig there"},
    {{"--extend", "x", "--scheduler-name", "k"}, "change --scheduler-name there"},
    {{"--extend", "x", "--leader-elect", "true"}, "change --leader-elect there"},
};

START_TEST(mistakes_are_named) {
  struct run run = run_command(cli_scheduler_config, mistakes[_i].arguments);
  assert_code(&run, 2);
  assert_contains(run.err, mistakes[_i].error);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

/* ---- YAML and its comments
 * ------------------------------------------------------------------------ */

static void assert_same(const char *yaml, const char *json) {
  CLEANUP_ARENA struct arena *arena = arena_new(1 << 16);
  struct doc_stream stream;
  const struct doc_node *tree;
  struct err err = {0};
  ck_assert_msg(doc_parse_yaml(arena, str_of(yaml), &doc_limits_policy, &stream, &err),
                "%s\n%.4000s", err.text, yaml);
  ck_assert_uint_eq(stream.count, 1);
  ck_assert_uint_eq(stream.problem_count, 0);
  ck_assert_msg(doc_parse_json(arena, str_of(json), &doc_limits_policy, &tree, &err), "%s",
                err.text);
  ck_assert_msg(doc_equal(stream.documents[0], tree), "%.2000s\n%.2000s", yaml, json);
}

static const char *const many[][12] = {
    {NULL},
    {"--weight", "advise", "--bind", "--preempt"},
    {"--bind", "--preempt", "--ignorable"},
    {"--all-pods", "--ignorable", "--kubeconfig", "/a # b: [c"},
    {"--bind", "--url", "http://[::1]:1", "--ignored-by-scheduler", "aliyun.com/gpu-mem",
     "--ignored-by-scheduler", "slicegate.dev/gpu-milli"},
    {"--scheduler-name", "on", "--kubeconfig", "a: 'b' # c", "--server-name", "x.y"},
    {"--policy", "deploy/examples/policy.yaml", "--cluster", "deploy/examples/cluster.json"},
};

START_TEST(comments_change_nothing) {
  const char *arguments[16];
  size_t count = 0;
  for (; many[_i][count]; count++)
    arguments[count] = many[_i][count];
  arguments[count] = NULL;
  struct run yaml = run_command(cli_scheduler_config, arguments);
  arguments[count++] = "-ojson";
  arguments[count] = NULL;
  struct run json = run_command(cli_scheduler_config, arguments);
  assert_code(&yaml, 0);
  assert_code(&json, 0);
  assert_same(yaml.out, json.out);
  for (const char *line = yaml.out; *line;) {
    size_t len = strcspn(line, "\n");
    ck_assert_msg(len <= 100, "%.*s", (int)len, line);
    line += len + (line[len] == '\n');
  }
  run_done(&yaml);
  run_done(&json);
}
END_TEST

/* Each explanation is above the line that it is about, once. */
START_TEST(comments_are_where_they_belong) {
  struct run run = RUN(cli_scheduler_config, "--bind", "--preempt", "--server-name", "a.b",
                       "--ignored-by-scheduler", "aliyun.com/gpu-mem", "--scheduler-name", "x");
  static const char *const pairs[] = {
      "a.b --ignored-by-scheduler\n# aliyun.com/gpu-mem --scheduler-name x\napiVersion:",
      "Its role must allow it.\n  resourceName: x\n",
      "among a sample.\npercentageOfNodesToScore: 100\n",
      "packing\n  # decides.\n  weight: 120\n",
      "cards.\n  preemptVerb: preempt\n",
      "may have it.\n  bindVerb: bind\n",
      "right to bind.\n  tlsConfig:\n",
      "has an address.\n    serverName: a.b\n",
      "tried again.\n  httpTimeout: \"2s\"\n",
      "itself.\n  nodeCacheCapable: true\n",
      "do not notice.\n  ignorable: false\n",
      "theirs.\n  managedResources:\n  # NVIDIA: whole GPUs",
      "MPS).\n  - name: nvidia.com/gpu\n  - name: nvidia.com/gpu.shared\n  # MIG slices",
      "of them.\n  - name: nvidia.com/mig-1g.0gb\n",
      "partitions.\n  - name: amd.com/cpx_nps1\n",
      "# Intel.\n  - name: gpu.intel.com/dxg\n",
      "gives back.\n  - name: aliyun.com/gpu-mem\n    # slicegate alone counts it.",
      "preempt nobody for want of it.\n    ignoredByScheduler: true\n",
  };
  assert_code(&run, 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(pairs); i++) {
    const char *at = strstr(run.out, pairs[i]);
    ck_assert_msg(at && !strstr(at + 1, pairs[i]), "%s in\n%.4000s", pairs[i], run.out);
  }
  run_done(&run);
}
END_TEST

/* What both extenders have is explained once, why there are two at the second. */
START_TEST(comments_tell_two_extenders_apart) {
  static const char *const pairs[] = {
      "decides.\n  weight: 120\n",
      "alone.\n  ignorable: true\n",
      "of them.\n  - name: nvidia.com/mig-1g.0gb\n",
      "# plugin.\n- urlPrefix: https:",
      "may have it.\n  bindVerb: bind\n",
      "these pods wait.\n  ignorable: false\n  managedResources:\n  # Parts of a card",
      "gives back.\n  - name: aliyun.com/gpu-mem\n  - name: slicegate.dev/gpu-milli\n",
  };
  struct run run = RUN(cli_scheduler_config, "--bind", "--ignorable");
  const char *last = run.out;
  assert_code(&run, 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(pairs); i++) {
    const char *at = strstr(last, pairs[i]);
    ck_assert_msg(at && !strstr(at + 1, pairs[i]), "%s in\n%.4000s", pairs[i], last);
    last = at;
  }
  run_done(&run);
}
END_TEST

/* ---- deploy/kube-scheduler ----------------------------------------------------------------------
 */

/* The command in a file's first comment, as words. */
static size_t command_of(char *text, const char **ret, size_t most) {
  size_t count = 0;
  char *body = strstr(text, "apiVersion:");
  ck_assert_ptr_nonnull(body);
  *body = '\0';
  char *rest = NULL;
  for (char *word = strtok_r(text, " #\n", &rest); word && count < most - 1;
       word = strtok_r(NULL, " #\n", &rest)) {
    if (strcmp(word, "---") != 0)
      ret[count++] = word;
  }
  ret[count] = NULL;
  ck_assert_msg(count >= 2 && strcmp(ret[0], "slicegate") == 0 &&
                    strcmp(ret[1], "scheduler-config") == 0,
                "the file does not begin with its command");
  return count;
}

/* UPDATE=1 prints them again. */
static void check_example(const char *name) {
  char path[300];
  struct err err = {0};
  CLEANUP_BUF struct buf text = {0};
  CLEANUP_BUF struct buf head = {0};
  const char *words[32];
  (void)snprintf(path, sizeof(path), "deploy/kube-scheduler/%s", name);
  ck_assert_msg(sys_file_read(path, 1 << 20, &text, &err), "%s", err.text);
  ck_assert_msg(sys_file_read(path, 1 << 20, &head, &err), "%s", err.text);
  (void)command_of(head.ptr, words, SG_ARRAY_LEN(words));
  struct run run = run_command(cli_scheduler_config, words + 2);
  assert_code(&run, 0);
  const char *update = getenv("UPDATE");
  if (update && *update) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fputs(run.out, file);
    ck_assert_int_eq(fclose(file), 0);
  } else {
    ck_assert_msg(strcmp(run.out, text.ptr) == 0,
                  "%s is not what its command prints; UPDATE=1 prints it again", path);
  }
  run_done(&run);
}

START_TEST(examples_are_what_their_commands_print) {
  DIR *dir = opendir("deploy/kube-scheduler");
  ck_assert_ptr_nonnull(dir);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    size_t len = strlen(entry->d_name);
    if (len < 5 || strcmp(entry->d_name + len - 5, ".yaml") != 0)
      continue;
    check_example(entry->d_name);
    count++;
  }
  (void)closedir(dir);
  ck_assert_int_ge(count, 4);
}
END_TEST

/* ---- --extend
 * ------------------------------------------------------------------------------------ */

static const char theirs[] =
    "# lost\n"
    "apiVersion: kubescheduler.config.k8s.io/v1\n"
    "kind: KubeSchedulerConfiguration\n"
    "clientConnection: {kubeconfig: /etc/kubernetes/scheduler.conf, qps: 200}\n"
    "leaderElection: {leaderElect: false}\n"
    "podMaxBackoffSeconds: 30\n"
    "profiles:\n"
    "- schedulerName: default-scheduler\n"
    "  percentageOfNodesToScore: 5\n"
    "  plugins: {score: {disabled: [{name: ImageLocality}]}}\n"
    "extenders:\n"
    "- urlPrefix: https://slicegate-scheduler.slicegate-system.svc:443/scheduler\n"
    "  weight: 1\n"
    "- urlPrefix: http://other\n"
    "  filterVerb: filter\n"
    "  weight: 3\n"
    "  httpTimeout: 7s\n"
    "  managedResources: [{name: example.com/fpga, ignoredByScheduler: true}]\n";

START_TEST(ours_is_put_last) {
  char *path = scratch_write(&folder, "theirs.yaml", theirs);
  json_t *root = PRINTED("--extend", path, "--bind");
  json_t *extenders = json_object_get(root, "extenders");
  ck_assert_uint_eq(json_array_size(extenders), 2);
  const json_t *other = json_array_get(extenders, 0);
  ck_assert_str_eq(text_of(other, "urlPrefix"), "http://other");
  ck_assert_str_eq(text_of(other, "httpTimeout"), "7s");
  ck_assert_int_eq(number_of(other, "weight"), 3);
  ck_assert_str_eq(text_of(extender_of(root), "bindVerb"), "bind");
  ck_assert_int_eq(number_of(extender_of(root), "weight"), 120);
  ck_assert_int_eq(number_of(root, "percentageOfNodesToScore"), 100);
  ck_assert_int_eq(number_of(root, "podMaxBackoffSeconds"), 2);
  const json_t *profile = json_array_get(json_object_get(root, "profiles"), 0);
  ck_assert_int_eq(number_of(profile, "percentageOfNodesToScore"), 100);
  ck_assert_ptr_nonnull(json_object_get(profile, "plugins"));
  ck_assert_int_eq(number_of(json_object_get(root, "clientConnection"), "qps"), 200);
  ck_assert(json_is_false(json_object_get(json_object_get(root, "leaderElection"), "leaderElect")));
  json_decref(root);
  free(path);
}
END_TEST

/* Two over one of ours, two over two, and one over two. */
START_TEST(ours_are_replaced_together) {
  char *path = scratch_write(&folder, "theirs.yaml", theirs);
  struct run once = RUN(cli_scheduler_config, "--extend", path, "--bind", "--ignorable");
  assert_code(&once, 0);
  assert_contains(once.out, "# plugin.\n- urlPrefix: https:");
  char *again_path = scratch_write(&folder, "again.yaml", once.out);
  struct run twice = RUN(cli_scheduler_config, "--extend", again_path, "--bind", "--ignorable");
  assert_code(&twice, 0);
  ck_assert_str_eq(twice.out, once.out);
  json_t *root = PRINTED("--extend", again_path, "--bind");
  ck_assert_uint_eq(json_array_size(json_object_get(root, "extenders")), 2);
  json_decref(root);
  run_done(&once);
  run_done(&twice);
  free(path);
  free(again_path);
}
END_TEST

/* Nothing, and what we do not know, is kube-scheduler's to judge. */
START_TEST(what_is_not_known_stays) {
  char *path = scratch_write(&folder, "theirs.yaml",
                             "apiVersion: kubescheduler.config.k8s.io/v1\n"
                             "kind: KubeSchedulerConfiguration\n"
                             "extenders:\nprofiles: null\nfuture: [1, a, null]\n"
                             "delayCacheUntilActive: true\npodMaxBackoffSeconds:\n");
  json_t *root = PRINTED("--extend", path);
  ck_assert_uint_eq(json_array_size(json_object_get(root, "extenders")), 1);
  ck_assert_uint_eq(json_array_size(json_object_get(root, "future")), 3);
  ck_assert(json_is_true(json_object_get(root, "delayCacheUntilActive")));
  ck_assert_int_eq(number_of(root, "podMaxBackoffSeconds"), 2);
  json_decref(root);
  free(path);
}
END_TEST

START_TEST(what_is_changed_is_said) {
  char *path = scratch_write(&folder, "theirs.yaml", theirs);
  struct run run = RUN(cli_scheduler_config, "--extend", path);
  assert_code(&run, 0);
  assert_contains(run.err, "podMaxBackoffSeconds was 30 and is 2 now");
  assert_contains(run.err, "percentageOfNodesToScore was 5 and is 100 now");
  /* Comments are those of our extender, not of one that has the same fields. */
  assert_contains(run.out, "  weight: 3\n  httpTimeout: \"7s\"\n");
  assert_contains(run.out, "decides.\n  weight: 120\n");
  char *again_path = scratch_write(&folder, "again.yaml", run.out);
  struct run again = RUN(cli_scheduler_config, "--extend", again_path);
  assert_code(&again, 0);
  ck_assert_str_eq(again.err, "");
  run_done(&run);
  run_done(&again);
  free(path);
  free(again_path);
}
END_TEST

#define HEAD "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
static const struct {
  const char *text, *error;
} bad_files[] = {
    {"", "one KubeSchedulerConfiguration is expected, not 0 documents"},
    {HEAD "---\n" HEAD, "not 2 documents"},
    {"[a", "theirs.yaml:"},
    {HEAD "kind: a\n", "theirs.yaml:3:1: "},
    {"kind: Pod\n", "no KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1"},
    {"[]\n", "no KubeSchedulerConfiguration"},
    {"apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\n",
     "no KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1"},
    {HEAD "parallelism: 1.5\n", "theirs.yaml:3:14: \"1.5\" is no whole number"},
    {HEAD "extenders: [{urlPrefix: http://o, bindVerb: b}]\n", "http://o binds already"},
    {HEAD "extenders: [{urlPrefix: http://o, managedResources: [{name: nvidia.com/gpu}]}]\n",
     "http://o manages nvidia.com/gpu already"},
    {HEAD "extenders: [{managedResources: [{name: nvidia.com/gpu}]}]\n",
     "(no urlPrefix) manages nvidia.com/gpu already"},
    {HEAD "extenders: 5\n", "theirs.yaml:3:12: extenders is a list, not a number"},
    {HEAD "extenders: {}\n", "theirs.yaml:3:12: extenders is a list, not a mapping"},
    {HEAD "extenders:\n- {}\n- x\n", "theirs.yaml:5:3: extenders[1] is a mapping, not a string"},
    {HEAD "extenders: [null]\n", "theirs.yaml:3:13: extenders[0] is a mapping, not nothing"},
    {HEAD "extenders: [{urlPrefix: [a]}]\n",
     "theirs.yaml:3:25: extenders[0].urlPrefix is a string, not a list"},
    {HEAD "extenders: [{weight: \"5\"}]\n", "extenders[0].weight is a number, not a string"},
    {HEAD "extenders: [{ignorable: 1}]\n", "extenders[0].ignorable is a boolean, not a number"},
    {HEAD "extenders: [{managedResources: {}}]\n", "managedResources is a list, not a mapping"},
    {HEAD "extenders:\n- managedResources: [a.b/c]\n",
     "theirs.yaml:4:22: extenders[0].managedResources[0] is a mapping, not a string"},
    {HEAD "extenders:\n- {}\n- managedResources: [{}, {name: 7}]\n",
     "theirs.yaml:5:33: extenders[1].managedResources[1].name is a string, not a number"},
    {HEAD "profiles: 7\n", "theirs.yaml:3:11: profiles is a list, not a number"},
    {HEAD "profiles: [a]\n", "theirs.yaml:3:12: profiles[0] is a mapping, not a string"},
    {HEAD "profiles: [{percentageOfNodesToScore: all}]\n",
     "profiles[0].percentageOfNodesToScore is a number, not a string"},
    {HEAD "profiles: [{pluginConfig: [a]}]\n", "profiles[0].pluginConfig[0] is a mapping"},
    {HEAD "percentageOfNodesToScore: \"50\"\n", "3:27: percentageOfNodesToScore is a number"},
    {HEAD "podMaxBackoffSeconds: 2s\n", "podMaxBackoffSeconds is a number, not a string"},
    {HEAD "leaderElection: true\n", "leaderElection is a mapping, not a boolean"},
    {HEAD "clientConnection: []\n", "clientConnection is a mapping, not a list"},
};

START_TEST(files_that_cannot_be_extended) {
  char *path = scratch_write(&folder, "theirs.yaml", bad_files[_i].text);
  struct run run = RUN(cli_scheduler_config, "--bind", "--extend", path);
  assert_code(&run, 2);
  assert_contains(run.err, bad_files[_i].error);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
  free(path);
}
END_TEST

TCase *tcase_scheduler_config(void) {
  TCase *tcase = tcase_create("scheduler-config");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, what_is_there_unless_said_otherwise);
  tcase_add_test(tcase, hamis_memory_on_request);
  tcase_add_test(tcase, flags_have_their_places);
  tcase_add_test(tcase, loopback_may_be_plain);
  tcase_add_test(tcase, addresses_of_every_form);
  tcase_add_test(tcase, all_pods);
  tcase_add_loop_test(tcase, cards_wait_where_others_go_on, 0, SG_ARRAY_LEN(two_extenders));
  tcase_add_test(tcase, one_extender_where_there_is_one_kind);
  tcase_add_test(tcase, preemption_that_does_not_come_is_said);
  tcase_add_loop_test(tcase, comments_say_who_counts, 0, SG_ARRAY_LEN(counts));
  tcase_add_test(tcase, without_a_cluster_every_product_is_there);
  tcase_add_test(tcase, names_are_as_kube_scheduler_wants_them);
  tcase_add_test(tcase, a_cluster_says_which_products);
  tcase_add_test(tcase, node_pools_say_what_may_come);
  tcase_add_test(tcase, nodes_that_do_not_say_their_product_may_have_any);
  tcase_add_test(tcase, names_on_nodes_are_taken);
  tcase_add_test(tcase, the_policy_has_the_last_word_on_names);
  tcase_add_test(tcase, cards_come_with_bind);
  tcase_add_test(tcase, a_count_can_be_left_to_us);
  tcase_add_loop_test(tcase, mistakes_are_named, 0, SG_ARRAY_LEN(mistakes));
  tcase_add_loop_test(tcase, comments_change_nothing, 0, SG_ARRAY_LEN(many));
  tcase_add_test(tcase, comments_are_where_they_belong);
  tcase_add_test(tcase, comments_tell_two_extenders_apart);
  tcase_add_test(tcase, examples_are_what_their_commands_print);
  tcase_add_test(tcase, ours_is_put_last);
  tcase_add_test(tcase, ours_are_replaced_together);
  tcase_add_test(tcase, what_is_not_known_stays);
  tcase_add_test(tcase, what_is_changed_is_said);
  tcase_add_loop_test(tcase, files_that_cannot_be_extended, 0, SG_ARRAY_LEN(bad_files));
  return tcase;
}

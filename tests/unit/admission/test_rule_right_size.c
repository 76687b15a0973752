/* SPDX-License-Identifier: Apache-2.0 */
#include "src/admission/admission_internal.h"
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static const char h100[] = "NVIDIA-H100-80GB-HBM3";

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_RIGHT_SIZE, "severity: deny");
  given_pod(&b);
}

static void teardown(void) {
  builder_done(&b);
}

static void node(const char *name, const char *product, const char *resource) {
  given_node(&b, name);
  with_node_label(&b, "nvidia.com/gpu.product", product);
  with_node_resource(&b, resource, "4");
}

/* Whole GPUs and slices of 10, 20 and 40 GB. */
static void h100_cluster(void) {
  node("whole", h100, "nvidia.com/gpu");
  node("small", h100, "nvidia.com/mig-1g.10gb");
  node("middle", h100, "nvidia.com/mig-2g.20gb");
  node("large", h100, "nvidia.com/mig-3g.40gb");
}

static void container(const char *resource, const char *amount) {
  with_container(&b, "main");
  with_limit(&b, resource, amount);
}

static const struct {
  const char *name;
  const char *resource, *amount, *need;
  enum severity severity; /* OFF: no finding */
  const char *fragment;
} rows[] = {
    {"nothing declared", "nvidia.com/gpu", "1", NULL, SEVERITY_OFF, NULL},
    {"8Gi fit the smallest slice", "nvidia.com/gpu", "1", "8Gi", SEVERITY_DENY,
     "takes a whole GPU for a declared need of 8Gi, which a nvidia.com/mig-1g.10gb holds (at least "
     "8.75Gi usable)"},
    {"exactly what we count on", "nvidia.com/gpu", "1", "8960Mi", SEVERITY_DENY, "mig-1g.10gb: 1"},
    {"a little more takes the next", "nvidia.com/gpu", "1", "8961Mi", SEVERITY_DENY,
     "(at least 17.5Gi usable)"},
    {"what the number in the name says is not there", "nvidia.com/gpu", "1", "10Gi", SEVERITY_DENY,
     "ask for nvidia.com/mig-2g.20gb: 1 instead"},
    {"half a GPU", "nvidia.com/gpu", "1", "35Gi", SEVERITY_DENY, "mig-3g.40gb"},
    {"no slice is enough", "nvidia.com/gpu", "1", "60Gi", SEVERITY_OFF, NULL},
    {"a whole GPU to the last byte", "nvidia.com/gpu", "1", "80Gi", SEVERITY_OFF, NULL},
    {"no GPU is enough", "nvidia.com/gpu", "1", "100Gi", SEVERITY_DENY,
     "more than any GPU it can get has (NVIDIA-H100-80GB-HBM3: 80Gi)"},
    {"several GPUs only warn", "nvidia.com/gpu", "4", "8Gi", SEVERITY_WARN,
     "takes 4 whole GPUs for a declared need of 8Gi each"},
    {"a slice that fits", "nvidia.com/mig-1g.10gb", "1", "8Gi", SEVERITY_OFF, NULL},
    {"a slice that is just tight", "nvidia.com/mig-1g.10gb", "1", "9.5Gi", SEVERITY_OFF, NULL},
    {"a slice that is too small", "nvidia.com/mig-1g.10gb", "1", "16Gi", SEVERITY_DENY,
     "a 1g.10gb has less memory than the declared need of 16Gi"},
    {"one step larger may be wanted for its compute", "nvidia.com/mig-2g.20gb", "1", "12Gi",
     SEVERITY_OFF, NULL},
    {"twice as large warns", "nvidia.com/mig-2g.20gb", "1", "8Gi", SEVERITY_WARN,
     "takes a 2g.20gb for a declared need of 8Gi, which a nvidia.com/mig-1g.10gb holds"},
    {"far too large warns", "nvidia.com/mig-3g.40gb", "1", "4Gi", SEVERITY_WARN,
     "ask for nvidia.com/mig-1g.10gb instead unless it needs the compute"},
    {"a share is not ours to judge", "nvidia.com/gpu.shared", "1", "8Gi", SEVERITY_OFF, NULL},
    {"other vendors have no such slices", "amd.com/gpu", "1", "8Gi", SEVERITY_OFF, NULL},
    {"a number without unit", "nvidia.com/gpu", "1", "8", SEVERITY_WARN,
     "\"8\" is no amount of memory that a program needs"},
    {"no quantity", "nvidia.com/gpu", "1", "8GB", SEVERITY_WARN, "for example 8Gi"},
    {"nothing", "nvidia.com/gpu", "1", "0", SEVERITY_WARN, NULL},
    {"less than nothing", "nvidia.com/gpu", "1", "-8Gi", SEVERITY_WARN, NULL},
    {"beyond all numbers", "nvidia.com/gpu", "1", "100E", SEVERITY_DENY, "more than any GPU"},
};

START_TEST(need_and_request) {
  h100_cluster();
  container(rows[_i].resource, rows[_i].amount);
  if (rows[_i].need)
    with_annotation(&b, "slicegate.dev/gpu-memory", rows[_i].need);
  const struct adm_verdict *verdict = judge(&b);
  if (rows[_i].severity == SEVERITY_OFF)
    expect_none_row(rows[_i].name, verdict, RULE_RIGHT_SIZE);
  else
    expect_finding_row(rows[_i].name, verdict, RULE_RIGHT_SIZE, rows[_i].severity, NULL,
                       rows[_i].fragment);
}
END_TEST

START_TEST(the_finding_stands_at_the_request_or_at_the_declaration) {
  h100_cluster();
  container("nvidia.com/gpu", "1");
  with_label(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY,
                 "spec.containers[0].resources.limits[nvidia.com/gpu]", NULL);
  given_pod(&b);
  container("nvidia.com/gpu", "1");
  with_label(&b, "slicegate.dev/gpu-memory", "much");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_WARN,
                 "metadata.labels[slicegate.dev/gpu-memory]", NULL);
}
END_TEST

START_TEST(without_a_cluster_nothing_is_guessed) {
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
}
END_TEST

START_TEST(node_pools_tell_what_may_come) {
  given_rule_and(
      &b, RULE_RIGHT_SIZE, "severity: deny",
      "nodePools: [{name: h100, products: [NVIDIA-H100-80GB-HBM3], profiles: [3g.40gb]}]");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, "nvidia.com/mig-3g.40gb: 1");
  given_rule_and(&b, RULE_RIGHT_SIZE, "severity: deny",
                 "nodePools: [{name: h100, products: [NVIDIA-H100-80GB-HBM3]}]");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, "nvidia.com/mig-1g.10gb: 1");
  given_rule_and(&b, RULE_RIGHT_SIZE, "severity: deny",
                 "nodePools: [{name: h100, products: [NVIDIA-H100-80GB-HBM3], profiles: []}]");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
}
END_TEST

START_TEST(what_is_offered_now_comes_before_what_may_come) {
  given_rule_and(
      &b, RULE_RIGHT_SIZE, "severity: deny",
      "nodePools: [{name: h100, products: [NVIDIA-H100-80GB-HBM3], profiles: [1g.10gb]}]");
  node("large", h100, "nvidia.com/mig-3g.40gb");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, "nvidia.com/mig-3g.40gb: 1");
}
END_TEST

START_TEST(the_slice_is_of_a_product_that_the_pod_may_use) {
  h100_cluster();
  node("old", "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-3g.20gb");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  with_node_selector(&b, "nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, "nvidia.com/mig-3g.20gb: 1");
  given_pod(&b);
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "60Gi");
  with_affinity_term(&b);
  with_requirement(&b, "nvidia.com/gpu.product", SELECT_IN, "NVIDIA-A100-SXM4-40GB");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, "(NVIDIA-A100-SXM4-40GB: 40Gi)");
}
END_TEST

/* The slices are on one H100 node of the cluster, whole GPUs on another. */
static void two_halls(void) {
  node("whole", h100, "nvidia.com/gpu");
  with_node_label(&b, "kubernetes.io/hostname", "whole");
  with_node_label(&b, "hall", "1");
  given_node(&b, "slices");
  with_node_label(&b, "nvidia.com/gpu.product", h100);
  with_node_resource(&b, "nvidia.com/mig-1g.10gb", "7");
  with_node_label(&b, "kubernetes.io/hostname", "slices");
  with_node_label(&b, "nvidia.com/mig.capable", "true");
  with_node_label(&b, "hall", "2");
}

static const struct {
  const char *name;
  const char *selected_key, *selected_value; /* nodeSelector */
  const char *key;                           /* required affinity */
  enum selector_operator op;
  const char *values;
  bool is_advised;
} places[] = {
    {"anywhere", NULL, NULL, NULL, SELECT_IN, NULL, true},
    {"nodeSelector, there", "kubernetes.io/hostname", "slices", NULL, SELECT_IN, NULL, true},
    {"nodeSelector, elsewhere", "kubernetes.io/hostname", "whole", NULL, SELECT_IN, NULL, false},
    {"a label that no node has", "cloud.google.com/gke-accelerator", "nvidia-h100-80gb", NULL,
     SELECT_IN, NULL, false},
    {"In, there", NULL, NULL, "hall", SELECT_IN, "2,3", true},
    {"In, elsewhere", NULL, NULL, "hall", SELECT_IN, "1,3", false},
    {"NotIn, there", NULL, NULL, "hall", SELECT_NOT_IN, "1", true},
    {"NotIn, elsewhere", NULL, NULL, "hall", SELECT_NOT_IN, "2", false},
    {"NotIn, a label that it has not", NULL, NULL, "row", SELECT_NOT_IN, "2", true},
    {"Exists, there", NULL, NULL, "nvidia.com/mig.capable", SELECT_EXISTS, "", true},
    {"Exists, nowhere", NULL, NULL, "nvidia.com/gpu.family", SELECT_EXISTS, "", false},
    {"DoesNotExist, elsewhere", NULL, NULL, "nvidia.com/mig.capable", SELECT_NOT_EXISTS, "", false},
    {"DoesNotExist, everywhere", NULL, NULL, "row", SELECT_NOT_EXISTS, "", true},
    {"Gt, there", NULL, NULL, "hall", SELECT_GT, "1", true},
    {"Gt, nowhere", NULL, NULL, "hall", SELECT_GT, "2", false},
    {"Lt, elsewhere", NULL, NULL, "hall", SELECT_LT, "2", false},
    {"Lt, there", NULL, NULL, "hall", SELECT_LT, "3", true},
    {"both must hold", "hall", "2", "kubernetes.io/hostname", SELECT_IN, "whole", false},
};

START_TEST(the_slice_is_on_a_node_that_the_pod_may_go_to) {
  two_halls();
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  if (places[_i].selected_key)
    with_node_selector(&b, places[_i].selected_key, places[_i].selected_value);
  if (places[_i].key) {
    with_affinity_term(&b);
    with_requirement(&b, places[_i].key, places[_i].op, places[_i].values);
  }
  if (places[_i].is_advised)
    expect_finding_row(places[_i].name, judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL,
                       "nvidia.com/mig-1g.10gb: 1");
  else
    expect_none_row(places[_i].name, judge(&b), RULE_RIGHT_SIZE);
  given_rule(&b, RULE_RIGHT_SIZE, "severity: deny, mutate: true");
  ck_assert_msg((mutate(&b)->patch_count == 1) == places[_i].is_advised, "%s", places[_i].name);
}
END_TEST

START_TEST(one_term_that_leads_there_is_enough) {
  two_halls();
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  with_affinity_term(&b);
  with_requirement(&b, "hall", SELECT_IN, "1");
  with_affinity_term(&b);
  with_requirement(&b, "hall", SELECT_IN, "2");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, NULL);
}
END_TEST

START_TEST(a_node_that_keeps_the_pod_away_is_no_help) {
  two_halls();
  with_node_taint(&b, "dedicated", "speech", EFFECT_NO_SCHEDULE);
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
  with_toleration(&b, "dedicated", "speech", EFFECT_NO_SCHEDULE);
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, NULL);
}
END_TEST

START_TEST(no_pod_is_rewritten_to_what_keeps_it_away) {
  given_policy(&b, "rules: {right-size: {severity: deny, mutate: true}, gpu-toleration: {severity: "
                   "deny, mutate: false}}");
  two_halls();
  with_node_taint(&b, "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
  with_toleration(&b, "nvidia.com/gpu", NULL, EFFECT_NO_SCHEDULE);
  ck_assert_uint_eq(mutate(&b)->patch_count, 1);
}
END_TEST

START_TEST(pools_tell_nothing_of_other_labels) {
  given_rule_and(&b, RULE_RIGHT_SIZE, "severity: deny",
                 "nodePools: [{name: h100, products: [NVIDIA-H100-80GB-HBM3]}]");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  with_node_selector(&b, "nvidia.com/gpu.product", h100);
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, NULL);
  with_node_selector(&b, "nvidia.com/gpu.family", "hopper");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
  given_pod(&b);
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  with_affinity_term(&b);
  with_requirement(&b, "nvidia.com/gpu.product", SELECT_NOT_IN, h100);
  expect_none(judge(&b), RULE_RIGHT_SIZE);
}
END_TEST

static const struct {
  const char *name;
  const char *node_product, *node_key, *node_value; /* of the node that offers nvidia.com/gpu */
  const char *key, *value;                          /* nodeSelector, or required affinity */
  bool is_affinity;
  const char *aux;
  bool is_whole;
} parts[] = {
    {"a whole GPU", h100, "a", "b", NULL, NULL, false, NULL, true},
    {"a share on every node", h100, "nvidia.com/gpu.replicas", "4", NULL, NULL, false, NULL, false},
    {"a share by its product", "NVIDIA-L4-SHARED", "a", "b", NULL, NULL, false, NULL, false},
    {"a slice under the single strategy", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "a", "b", NULL, NULL,
     false, NULL, false},
    {"a shared product selected", h100, "a", "b", "nvidia.com/gpu.product",
     "NVIDIA-H100-80GB-HBM3-SHARED", false, NULL, false},
    {"a sliced product selected", h100, "a", "b", "nvidia.com/gpu.product",
     "NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", true, NULL, false},
    {"a strategy selected", h100, "a", "b", "nvidia.com/gpu.sharing-strategy", "mps", true, NULL,
     false},
    {"HAMi's memory beside it", h100, "a", "b", NULL, NULL, false, "nvidia.com/gpumem", false},
    {"HAMi's cores beside it", h100, "a", "b", NULL, NULL, false, "nvidia.com/gpucores", false},
};

START_TEST(what_may_be_part_of_a_gpu_is_not_judged_as_a_whole_one) {
  node("whole", parts[_i].node_product, "nvidia.com/gpu");
  with_node_label(&b, parts[_i].node_key, parts[_i].node_value);
  node("slices", h100, "nvidia.com/mig-1g.10gb");
  /* The second: more than any GPU has. */
  static const char *const needs[] = {"8Gi", "500Gi"};
  for (size_t i = 0; i < SG_ARRAY_LEN(needs); i++) {
    given_pod(&b);
    if (parts[_i].aux) {
      with_container(&b, "main");
      with_limit(&b, i ? "nvidia.com/gpu" : parts[_i].aux, i ? "1" : "3000");
      with_limit(&b, i ? parts[_i].aux : "nvidia.com/gpu", i ? "3000" : "1");
    } else
      container("nvidia.com/gpu", "1");
    with_annotation(&b, "slicegate.dev/gpu-memory", needs[i]);
    if (parts[_i].key && parts[_i].is_affinity) {
      with_affinity_term(&b);
      with_requirement(&b, parts[_i].key, SELECT_IN, parts[_i].value);
    } else if (parts[_i].key)
      with_node_selector(&b, parts[_i].key, parts[_i].value);
    if (parts[_i].is_whole)
      expect_finding_row(parts[_i].name, judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, NULL);
    else
      expect_none_row(parts[_i].name, judge(&b), RULE_RIGHT_SIZE);
  }
}
END_TEST

START_TEST(slices_that_are_shared_or_special_are_no_replacement) {
  node("shared", h100, "nvidia.com/mig-1g.10gb");
  with_node_label(&b, "nvidia.com/mig-1g.10gb.replicas", "4");
  node("media", h100, "nvidia.com/mig-1g.10gb.me");
  node("full", h100, "nvidia.com/mig-7g.80gb");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
}
END_TEST

START_TEST(of_equal_memory_the_one_with_less_compute) {
  node("a", h100, "nvidia.com/mig-2g.20gb");
  node("b", h100, "nvidia.com/mig-1g.20gb");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "16Gi");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, "nvidia.com/mig-1g.20gb: 1");
}
END_TEST

START_TEST(nodes_that_do_not_name_their_product_serve_who_wants_none) {
  given_node(&b, "a");
  with_node_resource(&b, "nvidia.com/mig-1g.10gb", "7");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, "nvidia.com/mig-1g.10gb: 1");
  with_node_selector(&b, "nvidia.com/gpu.product", h100);
  expect_none(judge(&b), RULE_RIGHT_SIZE);
}
END_TEST

START_TEST(a_gpu_of_unknown_memory_may_be_large_enough) {
  node("whole", h100, "nvidia.com/gpu");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "100Gi");
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, NULL);
  node("new", "NVIDIA-Z900", "nvidia.com/gpu");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
  b.cluster.node_count--;
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_DENY, NULL, NULL);
  given_node(&b, "unnamed");
  with_node_resource(&b, "nvidia.com/gpu", "8");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
}
END_TEST

START_TEST(nothing_is_held_against_what_mutate_rewrites) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: deny, mutate: true");
  h100_cluster();
  given_object(&b, "apps", "Deployment");
  container("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  expect_none(judge(&b), RULE_RIGHT_SIZE);
}
END_TEST

TCase *tcase_right_size(void) {
  TCase *tcase = tcase_create("right-size");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, need_and_request, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, the_finding_stands_at_the_request_or_at_the_declaration);
  tcase_add_test(tcase, without_a_cluster_nothing_is_guessed);
  tcase_add_test(tcase, node_pools_tell_what_may_come);
  tcase_add_test(tcase, what_is_offered_now_comes_before_what_may_come);
  tcase_add_test(tcase, the_slice_is_of_a_product_that_the_pod_may_use);
  tcase_add_loop_test(tcase, the_slice_is_on_a_node_that_the_pod_may_go_to, 0,
                      (int)SG_ARRAY_LEN(places));
  tcase_add_test(tcase, one_term_that_leads_there_is_enough);
  tcase_add_test(tcase, a_node_that_keeps_the_pod_away_is_no_help);
  tcase_add_test(tcase, no_pod_is_rewritten_to_what_keeps_it_away);
  tcase_add_test(tcase, pools_tell_nothing_of_other_labels);
  tcase_add_loop_test(tcase, what_may_be_part_of_a_gpu_is_not_judged_as_a_whole_one, 0,
                      (int)SG_ARRAY_LEN(parts));
  tcase_add_test(tcase, slices_that_are_shared_or_special_are_no_replacement);
  tcase_add_test(tcase, of_equal_memory_the_one_with_less_compute);
  tcase_add_test(tcase, nodes_that_do_not_name_their_product_serve_who_wants_none);
  tcase_add_test(tcase, a_gpu_of_unknown_memory_may_be_large_enough);
  tcase_add_test(tcase, nothing_is_held_against_what_mutate_rewrites);
  return tcase;
}

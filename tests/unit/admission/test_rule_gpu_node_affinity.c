/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

#define TERMS                                                                                      \
  "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"

static const char product[] = "nvidia.com/gpu.product";
static const char vision_only[] =
    "severity: deny, required: false, products: {vision: [\"NVIDIA-A100-*\", NVIDIA-L4]}";

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_GPU_NODE_AFFINITY, "severity: deny");
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
}

static void teardown(void) {
  builder_done(&b);
}

static void node(const char *name, const char *its_product) {
  given_node(&b, name);
  with_node_label(&b, product, its_product);
  with_node_resource(&b, "nvidia.com/gpu", "8");
}

START_TEST(a_whole_gpu_names_its_product) {
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, "spec.nodeSelector",
                 "set nodeSelector nvidia.com/gpu.product to the product it needs");
  node("a", "NVIDIA-A100-SXM4-40GB");
  node("b", "NVIDIA-H100-80GB-HBM3");
  expect_finding(
      judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, "spec.nodeSelector",
      "set nodeSelector nvidia.com/gpu.product to NVIDIA-A100-SXM4-40GB or NVIDIA-H100-80GB-HBM3");
  with_node_selector(&b, product, "NVIDIA-H100-80GB-HBM3");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
}
END_TEST

static const char *const classes[] = {
    "cloud.google.com/gke-accelerator",    "k8s.amazonaws.com/accelerator",
    "karpenter.k8s.aws/instance-gpu-name", "eks.amazonaws.com/instance-gpu-name",
    "karpenter.azure.com/sku-gpu-name",    "nvidia.com/gpu.family",
};

START_TEST(a_class_is_a_name_too) {
  with_node_selector(&b, classes[_i], "l4");
  expect_none_row(classes[_i], judge(&b), RULE_GPU_NODE_AFFINITY);
}
END_TEST

/* The remedy of each finding, taken at its word, leaves none. */
static const struct {
  const char *name, *on_node, *selected; /* selected NULL: none is named */
  const char *remedy;
} remedies[] = {
    {"single strategy", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", NULL,
     "set nodeSelector nvidia.com/gpu.product to NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"},
    {"single strategy, the plain product", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
     "NVIDIA-A100-SXM4-40GB", "name NVIDIA-A100-SXM4-40GB-MIG-1g.5gb, or declare"},
    {"shared", "NVIDIA-L4-SHARED", NULL,
     "set nodeSelector nvidia.com/gpu.product to NVIDIA-L4-SHARED"},
    {"whole", "NVIDIA-L4", NULL, "set nodeSelector nvidia.com/gpu.product to NVIDIA-L4"},
};

START_TEST(products_are_named_as_nodes_label_them) {
  node("a", remedies[_i].on_node);
  /* All in slices: nobody gets a GPU of it. */
  given_node(&b, "slices");
  with_node_label(&b, product, "NVIDIA-H100-80GB-HBM3");
  with_node_resource(&b, "nvidia.com/mig-1g.10gb", "7");
  if (remedies[_i].selected)
    with_node_selector(&b, product, remedies[_i].selected);
  const struct adm_verdict *verdict = judge(&b);
  expect_finding_row(remedies[_i].name, verdict, RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, NULL,
                     remedies[_i].remedy);
  const struct finding *found = first_finding(verdict, RULE_GPU_NODE_AFFINITY);
  ck_assert_msg(!strstr(found->remedy.ptr, "H100"), "%s: %s", remedies[_i].name, found->remedy.ptr);
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_node_selector(&b, product, remedies[_i].on_node);
  expect_none_row(remedies[_i].name, judge(&b), RULE_GPU_NODE_AFFINITY);
}
END_TEST

START_TEST(what_pools_may_bring_can_be_named) {
  given_rule_and(&b, RULE_GPU_NODE_AFFINITY, "severity: deny",
                 "nodePools: [{name: big, products: [NVIDIA-H100-80GB-HBM3]}]");
  node("a", "NVIDIA-L4");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, NULL,
                 "to NVIDIA-L4 or NVIDIA-H100-80GB-HBM3");
}
END_TEST

START_TEST(the_nearest_is_one_that_the_team_may_use) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, vision_only);
  with_label(&b, "slicegate.dev/team", "vision");
  node("a", "NVIDIA-A100-SXM4-40GB");
  node("b", "NVIDIA-L40");
  with_node_selector(&b, product, "NVIDIA-L4");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, NULL,
                 "name NVIDIA-A100-SXM4-40GB, or");
}
END_TEST

START_TEST(required_affinity_names_it_if_every_term_does) {
  with_affinity_term(&b);
  with_requirement(&b, product, SELECT_IN, "NVIDIA-A30,NVIDIA-L4");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
  with_affinity_term(&b);
  with_requirement(&b, product, SELECT_EXISTS, "");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, "spec.nodeSelector", NULL);
}
END_TEST

START_TEST(slices_and_shares_need_no_name) {
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/mig-1g.5gb", "1");
  with_container(&b, "other");
  with_limit(&b, "nvidia.com/gpu.shared", "1");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
}
END_TEST

START_TEST(a_virtual_gpu_is_not_whole) {
  with_limit(&b, "nvidia.com/gpumem", "3000");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
  with_container(&b, "other");
  with_limit(&b, "nvidia.com/gpu", "1");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, "spec.nodeSelector", NULL);
}
END_TEST

/* ---- what a team may use -------------------------------------------------------------- */

static const struct {
  const char *name, *team, *key, *value;
  enum severity severity; /* OFF: no finding */
  const char *fragment;
} team_rows[] = {
    {"a product of the team", "vision", "nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB",
     SEVERITY_OFF, NULL},
    {"the same, shared", "vision", "nvidia.com/gpu.product", "NVIDIA-L4-SHARED", SEVERITY_OFF,
     NULL},
    {"a product of others", "vision", "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3",
     SEVERITY_DENY, "NVIDIA-H100-80GB-HBM3 is not among the GPU products that team vision may use"},
    {"a class that may stand for anything", "vision", "cloud.google.com/gke-accelerator",
     "nvidia-h100-80gb", SEVERITY_WARN, "name NVIDIA-A100-* or NVIDIA-L4"},
    {"a team that no row speaks of", "speech", "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3",
     SEVERITY_OFF, NULL},
    {"no name at all", "vision", NULL, NULL, SEVERITY_DENY,
     "may land on one that team vision may not use"},
    {"no name and no row", "speech", NULL, NULL, SEVERITY_OFF, NULL},
    {"no team and no row", NULL, NULL, NULL, SEVERITY_OFF, NULL},
};

START_TEST(teams_use_their_products) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, vision_only);
  if (team_rows[_i].team)
    with_label(&b, "slicegate.dev/team", team_rows[_i].team);
  if (team_rows[_i].key)
    with_node_selector(&b, team_rows[_i].key, team_rows[_i].value);
  const struct adm_verdict *verdict = judge(&b);
  if (team_rows[_i].severity == SEVERITY_OFF)
    expect_none_row(team_rows[_i].name, verdict, RULE_GPU_NODE_AFFINITY);
  else
    expect_finding_row(team_rows[_i].name, verdict, RULE_GPU_NODE_AFFINITY, team_rows[_i].severity,
                       NULL, team_rows[_i].fragment);
}
END_TEST

START_TEST(one_alternative_of_others_is_one_too_many) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, vision_only);
  with_label(&b, "slicegate.dev/team", "vision");
  with_affinity_term(&b);
  with_requirement(&b, product, SELECT_IN, "NVIDIA-L4,NVIDIA-H100-80GB-HBM3");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, TERMS "[0].matchExpressions[0]",
                 "NVIDIA-H100-80GB-HBM3 is not among");
}
END_TEST

START_TEST(a_class_beside_a_product_is_not_asked_about) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, vision_only);
  with_label(&b, "slicegate.dev/team", "vision");
  with_node_selector(&b, "nvidia.com/gpu.family", "ampere");
  with_node_selector(&b, product, "NVIDIA-A100-SXM4-40GB");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
}
END_TEST

START_TEST(where_a_team_may_use_everything_there_is_it_need_not_choose) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, vision_only);
  with_label(&b, "slicegate.dev/team", "vision");
  node("a", "NVIDIA-L4");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
  node("b", "NVIDIA-H100-80GB-HBM3");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, "spec.nodeSelector",
                 "to NVIDIA-L4");
}
END_TEST

/* ---- what there is ---------------------------------------------------------------------- */

START_TEST(a_product_that_is_not_there_is_said) {
  with_node_selector(&b, product, "NVIDIA-A100-SXM4-80GB");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
  node("a", "NVIDIA-A100-SXM4-40GB");
  node("b", "NVIDIA-H100-80GB-HBM3");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY,
                 "spec.nodeSelector[nvidia.com/gpu.product]", "name NVIDIA-A100-SXM4-40GB, or");
}
END_TEST

START_TEST(a_node_that_does_not_name_its_gpus_may_have_it) {
  with_node_selector(&b, product, "NVIDIA-A30");
  node("a", "NVIDIA-L4");
  given_node(&b, "new");
  with_node_resource(&b, "nvidia.com/gpu", "8");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_WARN, NULL, NULL);
}
END_TEST

START_TEST(a_label_counts_with_its_suffix) {
  with_node_selector(&b, product, "NVIDIA-L4");
  node("a", "NVIDIA-L4-SHARED");
  expect_finding(judge(&b), RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, NULL, "NVIDIA-L4-SHARED");
}
END_TEST

START_TEST(a_pool_may_bring_it) {
  given_rule_and(&b, RULE_GPU_NODE_AFFINITY, "severity: deny",
                 "nodePools: [{name: big, products: [NVIDIA-H100-80GB-HBM3]}]");
  node("a", "NVIDIA-L4");
  with_node_selector(&b, product, "NVIDIA-H100-80GB-HBM3");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
}
END_TEST

START_TEST(one_alternative_that_is_there_is_enough) {
  node("a", "NVIDIA-L4");
  with_affinity_term(&b);
  with_requirement(&b, product, SELECT_IN, "NVIDIA-B200,NVIDIA-L4");
  expect_none(judge(&b), RULE_GPU_NODE_AFFINITY);
}
END_TEST

TCase *tcase_gpu_node_affinity(void) {
  TCase *tcase = tcase_create("gpu-node-affinity");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, a_whole_gpu_names_its_product);
  tcase_add_loop_test(tcase, a_class_is_a_name_too, 0, (int)SG_ARRAY_LEN(classes));
  tcase_add_loop_test(tcase, products_are_named_as_nodes_label_them, 0,
                      (int)SG_ARRAY_LEN(remedies));
  tcase_add_test(tcase, what_pools_may_bring_can_be_named);
  tcase_add_test(tcase, the_nearest_is_one_that_the_team_may_use);
  tcase_add_test(tcase, required_affinity_names_it_if_every_term_does);
  tcase_add_test(tcase, slices_and_shares_need_no_name);
  tcase_add_test(tcase, a_virtual_gpu_is_not_whole);
  tcase_add_loop_test(tcase, teams_use_their_products, 0, (int)SG_ARRAY_LEN(team_rows));
  tcase_add_test(tcase, one_alternative_of_others_is_one_too_many);
  tcase_add_test(tcase, a_class_beside_a_product_is_not_asked_about);
  tcase_add_test(tcase, where_a_team_may_use_everything_there_is_it_need_not_choose);
  tcase_add_test(tcase, a_product_that_is_not_there_is_said);
  tcase_add_test(tcase, a_node_that_does_not_name_its_gpus_may_have_it);
  tcase_add_test(tcase, a_label_counts_with_its_suffix);
  tcase_add_test(tcase, a_pool_may_bring_it);
  tcase_add_test(tcase, one_alternative_that_is_there_is_enough);
  return tcase;
}

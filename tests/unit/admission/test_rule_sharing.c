/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_SHARING, "severity: deny, environments: [dev, \"test-*\"]");
  given_pod(&b);
}

static void teardown(void) {
  builder_done(&b);
}

static const struct {
  const char *name;
  const char *resource, *amount, *environment, *type;
  const char *fragment; /* NULL: no finding */
} rows[] = {
    {"a share in an environment for it", "nvidia.com/gpu.shared", "1", "dev", NULL, NULL},
    {"a pattern of environments", "nvidia.com/gpu.shared", "1", "test-7", NULL, NULL},
    {"a share in production", "nvidia.com/gpu.shared", "1", "production", NULL,
     "nvidia.com/gpu.shared is a share of a GPU, which environment production may not use"},
    {"a share of a slice in production", "nvidia.com/mig-1g.5gb.shared", "1", "production", NULL,
     "shares are for dev and test-*"},
    {"an environment that is not named is not judged", "nvidia.com/gpu.shared", "1", NULL, NULL,
     NULL},
    {"a whole GPU in production", "nvidia.com/gpu", "1", "production", NULL, NULL},
    {"a slice in production", "nvidia.com/mig-1g.5gb", "1", "production", NULL, NULL},
    {"training on a share", "nvidia.com/gpu.shared", "1", "dev", "training",
     "training needs one to itself"},
    {"inference on a share", "nvidia.com/gpu.shared", "1", "dev", "inference", NULL},
    {"two shares", "nvidia.com/gpu.shared", "2", "dev", NULL,
     "2 of them are no larger share and the kubelet may fail the pod for it"},
    {"two whole GPUs", "nvidia.com/gpu", "2", "dev", NULL, NULL},
};

START_TEST(shares) {
  with_container(&b, "main");
  with_limit(&b, rows[_i].resource, rows[_i].amount);
  if (rows[_i].environment)
    with_label(&b, "slicegate.dev/environment", rows[_i].environment);
  if (rows[_i].type)
    with_label(&b, "slicegate.dev/workload-type", rows[_i].type);
  const struct adm_verdict *verdict = judge(&b);
  if (!rows[_i].fragment) {
    expect_none_row(rows[_i].name, verdict, RULE_SHARING);
    return;
  }
  struct str field =
      str_printf(b.arena, "spec.containers[0].resources.limits[%s]", rows[_i].resource);
  expect_finding_row(rows[_i].name, verdict, RULE_SHARING, SEVERITY_DENY, field.ptr,
                     rows[_i].fragment);
}
END_TEST

START_TEST(nodes_of_the_cluster_tell_what_is_shared) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_label(&b, "slicegate.dev/environment", "production");
  given_node(&b, "a");
  with_node_resource(&b, "nvidia.com/gpu", "16");
  with_node_label(&b, "nvidia.com/gpu.replicas", "4");
  expect_finding(judge(&b), RULE_SHARING, SEVERITY_DENY, NULL,
                 "nvidia.com/gpu is a share of a GPU on every node of this cluster");
  given_node(&b, "b");
  with_node_resource(&b, "nvidia.com/gpu", "8");
  expect_none(judge(&b), RULE_SHARING);
  /* It may land on the one that shares none, unless it chooses. */
  with_node_selector(&b, "nvidia.com/gpu.product", "NVIDIA-A30-SHARED");
  expect_finding(judge(&b), RULE_SHARING, SEVERITY_DENY, NULL, "with product NVIDIA-A30-SHARED");
}
END_TEST

static const struct {
  const char *name;
  bool is_affinity;
  const char *key, *values;
  const char *other;    /* values of a second term; NULL: there is none */
  const char *fragment; /* NULL: no finding */
} chosen[] = {
    {"a product", false, "nvidia.com/gpu.product", "NVIDIA-L4-SHARED", NULL,
     "with product NVIDIA-L4-SHARED"},
    {"a product that is not shared", false, "nvidia.com/gpu.product", "NVIDIA-L4", NULL, NULL},
    {"a product by affinity", true, "nvidia.com/gpu.product", "NVIDIA-L4-SHARED", NULL,
     "with product NVIDIA-L4-SHARED"},
    {"one of two is shared", true, "nvidia.com/gpu.product", "NVIDIA-L4-SHARED,NVIDIA-L4", NULL,
     NULL},
    {"both terms share", true, "nvidia.com/gpu.product", "NVIDIA-L4-SHARED", "NVIDIA-A30-SHARED",
     "with product"},
    {"one term does not", true, "nvidia.com/gpu.product", "NVIDIA-L4-SHARED", "NVIDIA-A30", NULL},
    {"time slices", false, "nvidia.com/gpu.sharing-strategy", "time-slicing", NULL,
     "with nvidia.com/gpu.sharing-strategy time-slicing"},
    {"MPS", true, "nvidia.com/gpu.sharing-strategy", "mps", NULL,
     "with nvidia.com/gpu.sharing-strategy mps"},
    {"either", true, "nvidia.com/gpu.sharing-strategy", "mps,time-slicing", NULL,
     "with nvidia.com/gpu.sharing-strategy mps"},
    {"no strategy", false, "nvidia.com/gpu.sharing-strategy", "none", NULL, NULL},
    {"either or none", true, "nvidia.com/gpu.sharing-strategy", "mps,none", NULL, NULL},
    {"GKE's", false, "cloud.google.com/gke-gpu-sharing-strategy", "time-sharing", NULL,
     "with cloud.google.com/gke-gpu-sharing-strategy time-sharing"},
    {"GKE's by affinity", true, "cloud.google.com/gke-gpu-sharing-strategy", "mps", NULL,
     "with cloud.google.com/gke-gpu-sharing-strategy mps"},
};

START_TEST(selectors_tell_what_is_shared) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_label(&b, "slicegate.dev/environment", "production");
  if (!chosen[_i].is_affinity)
    with_node_selector(&b, chosen[_i].key, chosen[_i].values);
  for (int i = 0; chosen[_i].is_affinity && i < (chosen[_i].other ? 2 : 1); i++) {
    with_affinity_term(&b);
    with_requirement(&b, chosen[_i].key, SELECT_IN, i ? chosen[_i].other : chosen[_i].values);
  }
  if (chosen[_i].fragment)
    expect_finding_row(chosen[_i].name, judge(&b), RULE_SHARING, SEVERITY_DENY,
                       "spec.containers[0].resources.limits[nvidia.com/gpu]", chosen[_i].fragment);
  else
    expect_none_row(chosen[_i].name, judge(&b), RULE_SHARING);
}
END_TEST

START_TEST(a_recording_without_nodes_tells_nothing) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_label(&b, "slicegate.dev/environment", "production");
  given_node(&b, "a");
  with_node_resource(&b, "nvidia.com/gpu", "16");
  with_node_label(&b, "nvidia.com/gpu.replicas", "4");
  b.cluster.has_nodes = false;
  expect_none(judge(&b), RULE_SHARING);
}
END_TEST

START_TEST(more_shares_where_the_policy_allows_them) {
  given_rule(&b, RULE_SHARING, "severity: deny, environments: [dev], maxRequest: 2");
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu.shared", "2");
  expect_none(judge(&b), RULE_SHARING);
  with_container(&b, "other");
  with_limit(&b, "nvidia.com/gpu.shared", "3");
  expect_finding(judge(&b), RULE_SHARING, SEVERITY_DENY, NULL, "ask for at most 2");
}
END_TEST

TCase *tcase_sharing(void) {
  TCase *tcase = tcase_create("sharing");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, shares, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, nodes_of_the_cluster_tell_what_is_shared);
  tcase_add_loop_test(tcase, selectors_tell_what_is_shared, 0, (int)SG_ARRAY_LEN(chosen));
  tcase_add_test(tcase, a_recording_without_nodes_tells_nothing);
  tcase_add_test(tcase, more_shares_where_the_policy_allows_them);
  return tcase;
}

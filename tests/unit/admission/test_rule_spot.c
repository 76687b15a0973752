/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_SPOT, "severity: deny");
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
}

static void teardown(void) {
  builder_done(&b);
}

static const struct {
  const char *name;
  const char *selector_key, *selector_value;
  const char *toleration_key, *toleration_value; /* value NULL: Exists */
  enum severity severity;                        /* OFF: no finding */
  const char *field;
} rows[] = {
    {"no spot", "zone", "a", NULL, NULL, SEVERITY_OFF, NULL},
    {"GKE spot", "cloud.google.com/gke-spot", "true", NULL, NULL, SEVERITY_DENY,
     "spec.nodeSelector[cloud.google.com/gke-spot]"},
    {"GKE not spot", "cloud.google.com/gke-spot", "false", NULL, NULL, SEVERITY_OFF, NULL},
    {"GKE preemptible", "cloud.google.com/gke-preemptible", "true", NULL, NULL, SEVERITY_DENY,
     NULL},
    {"GKE provisioning", "cloud.google.com/gke-provisioning", "spot", NULL, NULL, SEVERITY_DENY,
     NULL},
    {"GKE standard provisioning", "cloud.google.com/gke-provisioning", "standard", NULL, NULL,
     SEVERITY_OFF, NULL},
    {"EKS", "eks.amazonaws.com/capacityType", "SPOT", NULL, NULL, SEVERITY_DENY, NULL},
    {"EKS on demand", "eks.amazonaws.com/capacityType", "ON_DEMAND", NULL, NULL, SEVERITY_OFF,
     NULL},
    {"AKS", "kubernetes.azure.com/scalesetpriority", "spot", NULL, NULL, SEVERITY_DENY, NULL},
    {"Karpenter", "karpenter.sh/capacity-type", "spot", NULL, NULL, SEVERITY_DENY, NULL},
    {"Karpenter reserved", "karpenter.sh/capacity-type", "reserved", NULL, NULL, SEVERITY_OFF,
     NULL},
    {"a toleration allows and does not choose", NULL, NULL, "cloud.google.com/gke-spot", "true",
     SEVERITY_WARN, "spec.tolerations[0]"},
    {"of any value", NULL, NULL, "kubernetes.azure.com/scalesetpriority", NULL, SEVERITY_WARN,
     NULL},
    {"of a value that is not spot", NULL, NULL, "kubernetes.azure.com/scalesetpriority", "regular",
     SEVERITY_OFF, NULL},
    {"the selector counts when both are there", "cloud.google.com/gke-spot", "true",
     "cloud.google.com/gke-spot", "true", SEVERITY_DENY,
     "spec.nodeSelector[cloud.google.com/gke-spot]"},
    {"a wildcard is gpu-node-use's business", NULL, NULL, "", NULL, SEVERITY_OFF, NULL},
};

static void arrange(int i) {
  if (rows[i].selector_key)
    with_node_selector(&b, rows[i].selector_key, rows[i].selector_value);
  if (rows[i].toleration_key)
    with_toleration(&b, rows[i].toleration_key, rows[i].toleration_value, EFFECT_NO_SCHEDULE);
}

START_TEST(spot_is_for_work_that_checkpoints) {
  arrange(_i);
  const struct adm_verdict *verdict = judge(&b);
  if (rows[_i].severity == SEVERITY_OFF)
    expect_none_row(rows[_i].name, verdict, RULE_SPOT);
  else
    expect_finding_row(rows[_i].name, verdict, RULE_SPOT, rows[_i].severity, rows[_i].field,
                       "does not say that it checkpoints");
}
END_TEST

START_TEST(who_says_that_it_checkpoints_may_use_it) {
  arrange(_i);
  with_label(&b, "slicegate.dev/checkpoint", "true");
  expect_none_row(rows[_i].name, judge(&b), RULE_SPOT);
}
END_TEST

START_TEST(only_true_says_it) {
  arrange(1);
  with_annotation(&b, "slicegate.dev/checkpoint", "yes");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_DENY, NULL, "slicegate.dev/checkpoint: \"true\"");
}
END_TEST

START_TEST(production_inference_stays_off_spot) {
  arrange(1);
  with_label(&b, "slicegate.dev/checkpoint", "true");
  with_label(&b, "slicegate.dev/environment", "production");
  expect_none(judge(&b), RULE_SPOT);
  with_label(&b, "slicegate.dev/workload-type", "inference");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_DENY, NULL,
                 "inference of environment production chooses spot capacity "
                 "(cloud.google.com/gke-spot: true)");
}
END_TEST

START_TEST(an_inference_service_is_inference) {
  given_object(&b, "serving.kserve.io", "InferenceService");
  with_container(&b, "model");
  with_limit(&b, "nvidia.com/gpu", "1");
  arrange(1);
  with_object_label(&b, "slicegate.dev/environment", "production");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_DENY, NULL, "inference of environment production");
}
END_TEST

START_TEST(required_affinity_chooses_or_allows) {
  with_affinity_term(&b);
  with_requirement(&b, "karpenter.sh/capacity-type", SELECT_IN, "spot");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_DENY,
                 "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
                 "nodeSelectorTerms[0].matchExpressions[0]",
                 "chooses spot capacity");
  with_affinity_term(&b);
  with_requirement(&b, "karpenter.sh/capacity-type", SELECT_IN, "on-demand");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_WARN, NULL, "may land on spot capacity");
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_affinity_term(&b);
  with_requirement(&b, "karpenter.sh/capacity-type", SELECT_IN, "on-demand,spot");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_WARN, NULL, "may land on spot capacity");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_WARN, NULL,
                 "or take it out of the required node affinity");
}
END_TEST

START_TEST(the_policy_adds_marks) {
  given_rule(&b, RULE_SPOT,
             "severity: deny, capacity: [{label: example.com/capacity, values: [\"spot-*\"]}, "
             "{taint: example.com/spot}]");
  with_node_selector(&b, "example.com/capacity", "owned");
  expect_none(judge(&b), RULE_SPOT);
  with_toleration(&b, "example.com/spot", NULL, EFFECT_NO_SCHEDULE);
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_WARN, "spec.tolerations[0]",
                 "or drop the toleration");
  with_affinity_term(&b);
  with_requirement(&b, "example.com/capacity", SELECT_IN, "spot-b");
  expect_finding(judge(&b), RULE_SPOT, SEVERITY_DENY, NULL, NULL);
}
END_TEST

TCase *tcase_spot(void) {
  TCase *tcase = tcase_create("spot");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, spot_is_for_work_that_checkpoints, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_loop_test(tcase, who_says_that_it_checkpoints_may_use_it, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, only_true_says_it);
  tcase_add_test(tcase, production_inference_stays_off_spot);
  tcase_add_test(tcase, an_inference_service_is_inference);
  tcase_add_test(tcase, required_affinity_chooses_or_allows);
  tcase_add_test(tcase, the_policy_adds_marks);
  return tcase;
}

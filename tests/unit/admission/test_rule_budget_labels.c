/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static const char labels[] =
    "severity: deny, labels: {slicegate.dev/team: {required: true}, slicegate.dev/environment: "
    "{required: true, values: [dev, staging, production, \"test-*\"]}, cost-center: {values: "
    "[\"cc-*\"]}}";

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_BUDGET_LABELS, labels);
}

static void teardown(void) {
  builder_done(&b);
}

static void gpu_object(const char *group, const char *kind) {
  given_object(&b, group, kind);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
}

static const struct {
  const char *name;
  const char *team, *environment, *cost_center;
  const char *field; /* NULL: no finding */
  const char *fragment;
} rows[] = {
    {"everything is there", "vision", "dev", "cc-17", NULL, NULL},
    {"what is not required may be missing", "vision", "dev", NULL, NULL, NULL},
    {"a value by pattern", "vision", "test-7", NULL, NULL, NULL},
    {"a required one is missing", NULL, "dev", NULL, "metadata.labels[slicegate.dev/team]",
     "label slicegate.dev/team, which cost is counted by, is missing"},
    {"and its values are named", "vision", NULL, NULL, "metadata.labels[slicegate.dev/environment]",
     "set it to one of dev, staging, production or test-*"},
    {"empty is missing", "", "dev", NULL, "metadata.labels[slicegate.dev/team]",
     "label slicegate.dev/team is empty"},
    {"a typing error", "vision", "prodution", NULL, "metadata.labels[slicegate.dev/environment]",
     "write production (allowed: dev, staging, production and test-*)"},
    {"something else", "vision", "moon", NULL, "metadata.labels[slicegate.dev/environment]",
     "set it to one of dev"},
    {"one that is not required must be right when it is there", "vision", "dev", "17",
     "metadata.labels[cost-center]", "set it to cc-*"},
};

START_TEST(labels_of_a_pod) {
  gpu_object("", "Pod");
  if (rows[_i].team)
    with_label(&b, "slicegate.dev/team", rows[_i].team);
  if (rows[_i].environment)
    with_label(&b, "slicegate.dev/environment", rows[_i].environment);
  if (rows[_i].cost_center)
    with_label(&b, "cost-center", rows[_i].cost_center);
  const struct adm_verdict *verdict = judge(&b);
  if (rows[_i].field)
    expect_finding_row(rows[_i].name, verdict, RULE_BUDGET_LABELS, SEVERITY_DENY, rows[_i].field,
                       rows[_i].fragment);
  else
    expect_none_row(rows[_i].name, verdict, RULE_BUDGET_LABELS);
}
END_TEST

START_TEST(all_findings_come_at_once) {
  gpu_object("", "Pod");
  with_label(&b, "cost-center", "17");
  ck_assert_uint_eq(count_findings(judge(&b), RULE_BUDGET_LABELS), 3);
}
END_TEST

/* The object has a label that its template lacks: what the template is told to have. */
static const struct {
  const char *name, *key, *value, *fragment;
} repeated[] = {
    {"allowed", "slicegate.dev/environment", "dev", "repeat slicegate.dev/environment: dev in"},
    {"allowed by pattern", "slicegate.dev/environment", "test-7",
     "repeat slicegate.dev/environment: test-7 in"},
    {"a typing error", "slicegate.dev/environment", "prodution",
     "write slicegate.dev/environment: production in the labels of the pod template"},
    {"something else", "slicegate.dev/environment", "xx",
     "set it to one of dev, staging, production or test-* in the labels of the pod template"},
    {"empty", "slicegate.dev/environment", "",
     "set it to one of dev, staging, production or test-* in"},
};

START_TEST(only_what_is_allowed_is_to_be_repeated) {
  gpu_object("apps", "Deployment");
  with_label(&b, "slicegate.dev/team", "vision");
  with_object_label(&b, repeated[_i].key, repeated[_i].value);
  expect_finding_row(repeated[_i].name, judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY, NULL,
                     repeated[_i].fragment);
}
END_TEST

START_TEST(a_label_of_the_object_does_not_reach_its_pods) {
  gpu_object("apps", "Deployment");
  with_object_label(&b, "slicegate.dev/team", "vision");
  with_label(&b, "slicegate.dev/environment", "dev");
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY,
                 "spec.template.metadata.labels[slicegate.dev/team]",
                 "stands on the Deployment but not on its pods");
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY, NULL,
                 "repeat slicegate.dev/team: vision in the labels of the pod template");
  with_label(&b, "slicegate.dev/team", "vision");
  expect_none(judge(&b), RULE_BUDGET_LABELS);
}
END_TEST

START_TEST(where_a_template_has_no_metadata_the_object_counts) {
  gpu_object("kubeflow.org", "Notebook");
  with_object_label(&b, "slicegate.dev/environment", "dev");
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY,
                 "metadata.labels[slicegate.dev/team]", NULL);
  /* Once, however many such templates there are. */
  with_template(&b, FORM_RESOURCES, "spec.more.resources", "");
  with_container(&b, "more");
  with_limit(&b, "nvidia.com/gpu", "1");
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY,
                 "metadata.labels[slicegate.dev/team]", NULL);
  with_object_label(&b, "slicegate.dev/team", "vision");
  expect_none(judge(&b), RULE_BUDGET_LABELS);
}
END_TEST

/* Spark adds labels of its own beside the template. */
START_TEST(a_template_laid_over_another_need_not_say_everything) {
  given_object(&b, "sparkoperator.k8s.io", "SparkApplication");
  b.tmpl->is_partial = true;
  with_container(&b, "driver");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_label(&b, "slicegate.dev/environment", "moon");
  with_object_label(&b, "slicegate.dev/environment", "dev");
  with_object_label(&b, "slicegate.dev/team", "vision");
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY,
                 "spec.driver.template.metadata.labels[slicegate.dev/environment]", "\"moon\"");
  b.object.label_count = 1;
  ck_assert_uint_eq(count_findings(judge(&b), RULE_BUDGET_LABELS), 2);
}
END_TEST

START_TEST(every_template_with_a_gpu_needs_them) {
  gpu_object("kubeflow.org", "PyTorchJob");
  with_label(&b, "slicegate.dev/team", "vision");
  with_label(&b, "slicegate.dev/environment", "dev");
  with_template(&b, FORM_TEMPLATE, "spec.pytorchReplicaSpecs.Master.template",
                "spec.pytorchReplicaSpecs.Master.template.spec");
  with_container(&b, "master");
  expect_none(judge(&b), RULE_BUDGET_LABELS);
  with_limit(&b, "nvidia.com/gpu", "1");
  ck_assert_uint_eq(count_findings(judge(&b), RULE_BUDGET_LABELS), 2);
}
END_TEST

START_TEST(a_namespace_may_give_the_label) {
  given_rule(&b, RULE_BUDGET_LABELS,
             "severity: deny, labels: {slicegate.dev/environment: {required: true, values: [dev, "
             "production], fromNamespace: true}}");
  gpu_object("apps", "Deployment");
  expect_none(judge(&b), RULE_BUDGET_LABELS); /* not known: not missed */
  given_namespace(&b);
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY, NULL, "or set it on the namespace");
  with_namespace_label(&b, "slicegate.dev/environment", "dvelopment");
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY, NULL,
                 "the namespace's label slicegate.dev/environment is \"dvelopment\"");
  b.ns.label_count = 0;
  with_namespace_label(&b, "slicegate.dev/environment", "dev");
  expect_none(judge(&b), RULE_BUDGET_LABELS);
  with_label(&b, "slicegate.dev/environment", "moon"); /* its own counts */
  expect_finding(judge(&b), RULE_BUDGET_LABELS, SEVERITY_DENY, NULL, "label slicegate.dev/env");
}
END_TEST

START_TEST(a_hostile_value_stays_one_short_line) {
  char value[2000];
  memset(value, 'x', sizeof(value) - 1);
  memcpy(value, "a\nb\x1b", 4);
  value[sizeof(value) - 1] = '\0';
  gpu_object("", "Pod");
  with_label(&b, "slicegate.dev/team", "vision");
  with_label(&b, "slicegate.dev/environment", value);
  const struct finding *finding = first_finding(judge(&b), RULE_BUDGET_LABELS);
  ck_assert(finding->message.len < 300);
}
END_TEST

TCase *tcase_budget_labels(void) {
  TCase *tcase = tcase_create("budget-labels");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, labels_of_a_pod, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, all_findings_come_at_once);
  tcase_add_loop_test(tcase, only_what_is_allowed_is_to_be_repeated, 0,
                      (int)SG_ARRAY_LEN(repeated));
  tcase_add_test(tcase, a_label_of_the_object_does_not_reach_its_pods);
  tcase_add_test(tcase, where_a_template_has_no_metadata_the_object_counts);
  tcase_add_test(tcase, a_template_laid_over_another_need_not_say_everything);
  tcase_add_test(tcase, every_template_with_a_gpu_needs_them);
  tcase_add_test(tcase, a_namespace_may_give_the_label);
  tcase_add_test(tcase, a_hostile_value_stays_one_short_line);
  return tcase;
}

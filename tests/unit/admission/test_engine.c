/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of findings: updates, children, exemptions, severities, order. */
#include "src/admission/admission_internal.h"
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

/* Shares in production are refused: a rule with one clear finding a container. */
static const char strict[] = "severity: deny, environments: [dev]";
static const char share[] = "nvidia.com/gpu.shared";

static struct builder b, old;

static void setup(void) {
  builder_init(&b);
  builder_init(&old);
  given_rule(&b, RULE_SHARING, strict);
  given_rule(&old, RULE_SHARING, strict);
}

static void teardown(void) {
  builder_done(&b);
  builder_done(&old);
}

static void sinful_container(struct builder *to, const char *name) {
  with_container(to, name);
  with_limit(to, share, "1");
}

static void sinful_deployment(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "production");
  sinful_container(to, "serve");
}

static size_t count_severity(const struct adm_verdict *verdict, enum severity severity) {
  size_t count = 0;
  for (size_t i = 0; i < verdict->finding_count; i++)
    count += verdict->findings[i].severity == severity;
  return count;
}

/* ---- severities ------------------------------------------------------------------------ */

static const struct {
  const char *settings;
  enum severity severity;
  bool is_allowed;
} severity_rows[] = {
    {"severity: deny, environments: [dev]", SEVERITY_DENY, false},
    {"severity: warn, environments: [dev]", SEVERITY_WARN, true},
    {"severity: audit, environments: [dev]", SEVERITY_AUDIT, true},
    {"severity: \"off\", environments: [dev]", SEVERITY_OFF, true},
};

START_TEST(a_finding_has_the_severity_of_its_rule) {
  given_rule(&b, RULE_SHARING, severity_rows[_i].settings);
  sinful_deployment(&b);
  const struct adm_verdict *verdict = judge(&b);
  ck_assert(verdict->is_allowed == severity_rows[_i].is_allowed);
  if (severity_rows[_i].severity == SEVERITY_OFF)
    expect_none(verdict, RULE_SHARING);
  else
    expect_finding(verdict, RULE_SHARING, severity_rows[_i].severity,
                   "spec.template.spec.containers[0].resources.limits[nvidia.com/gpu.shared]",
                   "production");
}
END_TEST

START_TEST(findings_are_sorted_by_severity_rule_and_field) {
  given_policy(&b, "rules:\n"
                   "  sharing: {severity: warn, environments: [dev]}\n"
                   "  budget-labels: {severity: deny, labels: {team: {required: true}}}\n"
                   "  lifetime: {severity: deny}\n"
                   "  gpu-toleration: {severity: \"off\"}\n");
  given_object(&b, "batch", "Job");
  with_label(&b, "slicegate.dev/environment", "production");
  sinful_container(&b, "b");
  sinful_container(&b, "a");
  const struct adm_verdict *verdict = judge(&b);
  ck_assert_uint_eq(verdict->finding_count, 4);
  ck_assert(verdict->findings[0].rule == RULE_BUDGET_LABELS);
  ck_assert(verdict->findings[1].rule == RULE_LIFETIME);
  ck_assert(verdict->findings[2].rule == RULE_SHARING);
  ck_assert(str_cmp(verdict->findings[2].field, verdict->findings[3].field) < 0);
}
END_TEST

START_TEST(an_object_without_templates_passes) {
  sinful_deployment(&b);
  b.object.template_count = 0;
  const struct adm_verdict *verdict = judge(&b);
  ck_assert(verdict->is_allowed && !verdict->is_exempt && verdict->finding_count == 0);
}
END_TEST

START_TEST(a_pod_without_a_gpu_is_not_held_to_rules_about_gpus) {
  given_policy(&b, "rules:\n"
                   "  budget-labels: {severity: deny, labels: {team: {required: true}}}\n"
                   "  lifetime: {severity: deny}\n"
                   "  host-balance: {severity: deny}\n");
  given_pod(&b);
  with_container(&b, "web");
  ck_assert_uint_eq(judge(&b)->finding_count, 0);
}
END_TEST

/* ---- exemptions -------------------------------------------------------------------------- */

START_TEST(an_exempt_namespace_is_not_judged) {
  given_rule_and(&b, RULE_SHARING, strict, "exempt: {namespaces: [default]}");
  sinful_deployment(&b);
  const struct adm_verdict *verdict = judge(&b);
  ck_assert(verdict->is_exempt && verdict->is_allowed && verdict->finding_count == 0);
}
END_TEST

START_TEST(an_exempt_service_account_exempts_its_template_only) {
  given_policy(&b, "exempt: {podServiceAccounts: [\"default/operator\"]}\n"
                   "rules:\n"
                   "  sharing: {severity: deny, environments: [dev]}\n"
                   "  lifetime: {severity: deny, services: true}\n");
  sinful_deployment(&b);
  with_service_account(&b, "operator");
  ck_assert(judge(&b)->is_exempt);

  with_template(&b, FORM_TEMPLATE, "spec.worker", "spec.worker.spec");
  with_label(&b, "slicegate.dev/environment", "production");
  sinful_container(&b, "work");
  const struct adm_verdict *verdict = judge(&b);
  ck_assert(!verdict->is_exempt && !verdict->is_allowed);
  expect_finding(verdict, RULE_SHARING, SEVERITY_DENY,
                 "spec.worker.spec.containers[0].resources.limits[nvidia.com/gpu.shared]", NULL);
  expect_finding(verdict, RULE_LIFETIME, SEVERITY_DENY, NULL, NULL);
}
END_TEST

START_TEST(what_could_not_be_evaluated_is_named_once) {
  given_rule_and(&b, RULE_SHARING, strict,
                 "overrides:\n"
                 "- {name: free, match: {namespaceLabels: {tier: free}}, rules: {sharing: "
                 "{severity: warn}}}\n");
  sinful_deployment(&b);
  with_template(&b, FORM_TEMPLATE, "spec.worker", "spec.worker.spec");
  with_service_account(&b, "other");
  sinful_container(&b, "work");
  const struct adm_verdict *verdict = judge(&b);
  ck_assert(!verdict->is_allowed);
  ck_assert_uint_eq(verdict->unknown.count, 1);
  ck_assert(str_is(verdict->unknown.items[0], "free"));
  with_namespace_label(&b, "tier", "free");
  verdict = judge(&b);
  ck_assert(verdict->is_allowed && verdict->unknown.count == 0);
}
END_TEST

/* ---- children of controllers ------------------------------------------------------------- */

static const char controller[] = "system:serviceaccount:kube-system:replicaset-controller";

static const struct {
  const char *name, *user, *api_version, *kind;
  bool is_controller, is_allowed;
} child_rows[] = {
    {"made by the ReplicaSet controller", controller, "apps/v1", "ReplicaSet", true, true},
    {"the owner reference is forged", "mallory", "apps/v1", "ReplicaSet", true, false},
    {"the owner is no controller", controller, "apps/v1", "ReplicaSet", false, false},
    {"the owner's kind is not judged", controller, "example.com/v1", "Widget", true, false},
    {"a kind of that name in another group", controller, "v1", "ReplicaSet", true, false},
    {"who asks is not known", NULL, "apps/v1", "ReplicaSet", true, false},
};

START_TEST(a_child_of_a_controller_only_warns) {
  given_rule_and(&b, RULE_SHARING, strict,
                 "controllers: [\"system:serviceaccount:kube-system:*\"]");
  given_pod(&b);
  with_label(&b, "slicegate.dev/environment", "production");
  sinful_container(&b, "serve");
  with_owner(&b, child_rows[_i].api_version, child_rows[_i].kind, child_rows[_i].is_controller);
  if (child_rows[_i].user)
    given_user(&b, child_rows[_i].user);
  const struct adm_verdict *verdict = judge(&b);
  ck_assert_msg(verdict->is_allowed == child_rows[_i].is_allowed, "%s", child_rows[_i].name);
  expect_finding_row(child_rows[_i].name, verdict, RULE_SHARING,
                     child_rows[_i].is_allowed ? SEVERITY_WARN : SEVERITY_DENY, NULL, NULL);
}
END_TEST

/* ---- updates ------------------------------------------------------------------------------- */

START_TEST(an_update_that_changes_nothing_we_read_is_skipped) {
  sinful_deployment(&b);
  sinful_deployment(&old);
  given_update_of(&b, &old);
  b.request.is_changed = false;
  const struct adm_verdict *verdict = judge(&b);
  ck_assert(verdict->is_skipped && verdict->is_allowed && verdict->finding_count == 0);
}
END_TEST

START_TEST(other_operations_are_skipped) {
  sinful_deployment(&b);
  b.request.operation = ADM_OTHER;
  ck_assert(judge(&b)->is_skipped);
}
END_TEST

/* What was sinful before, and what the update makes of it. */
static void two_sinful_containers(struct builder *to) {
  sinful_deployment(to);
  sinful_container(to, "second");
}

static void a_clean_container_in_front(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "production");
  with_container(to, "proxy");
  sinful_container(to, "serve");
}

static void an_init_container_in_front(struct builder *to) {
  sinful_deployment(to);
  with_init_container(to, "setup");
}

static void another_sinner_by_the_same_index(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "production");
  sinful_container(to, "batch");
}

static void a_sinful_init_container_of_that_name(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "production");
  with_init_container(to, "serve");
  with_limit(to, share, "1");
}

static void another_environment(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "staging");
  sinful_container(to, "serve");
}

static void two_shares(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "production");
  with_container(to, "serve");
  with_limit(to, share, "2");
}

static void three_shares(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "production");
  with_container(to, "serve");
  with_limit(to, share, "3");
}

static void no_gpu(struct builder *to) {
  given_object(to, "apps", "Deployment");
  with_label(to, "slicegate.dev/environment", "production");
  with_container(to, "serve");
}

static const struct {
  const char *name;
  void (*before)(struct builder *), (*after)(struct builder *);
  size_t denied, warned;
} update_rows[] = {
    {"what was wrong already warns", sinful_deployment, sinful_deployment, 0, 1},
    {"what is new denies", no_gpu, sinful_deployment, 1, 0},
    {"a container in front shifts the index only", sinful_deployment, a_clean_container_in_front, 0,
     1},
    {"an init container in front does not matter", sinful_deployment, an_init_container_in_front, 0,
     1},
    {"a second container with the same sin is new", sinful_deployment, two_sinful_containers, 1, 1},
    {"one of two sins is mended", two_sinful_containers, sinful_deployment, 0, 1},
    {"another container at the same index is new", sinful_deployment,
     another_sinner_by_the_same_index, 1, 0},
    {"an init container of the same name is new", sinful_deployment,
     a_sinful_init_container_of_that_name, 1, 0},
    {"another message is new", sinful_deployment, another_environment, 1, 0},
    {"asking for more than before is new as far as it is", sinful_deployment, two_shares, 1, 1},
    {"still more is new", two_shares, three_shares, 1, 1},
};

START_TEST(what_an_update_did_not_bring_only_warns) {
  update_rows[_i].before(&old);
  update_rows[_i].after(&b);
  given_update_of(&b, &old);
  const struct adm_verdict *verdict = judge(&b);
  ck_assert_msg(count_severity(verdict, SEVERITY_DENY) == update_rows[_i].denied &&
                    count_severity(verdict, SEVERITY_WARN) == update_rows[_i].warned,
                "%s: %zu denied, %zu warned", update_rows[_i].name,
                count_severity(verdict, SEVERITY_DENY), count_severity(verdict, SEVERITY_WARN));
  ck_assert_msg(verdict->is_allowed == (update_rows[_i].denied == 0), "%s", update_rows[_i].name);
}
END_TEST

START_TEST(groups_of_workers_may_change_their_order) {
  for (int i = 0; i < 2; i++) {
    struct builder *to = i ? &b : &old;
    given_object(to, "ray.io", "RayCluster");
    to->object.template_count = 0;
    if (i) {
      with_template(to, FORM_TEMPLATE, "spec.workerGroupSpecs[0].template",
                    "spec.workerGroupSpecs[0].template.spec");
      with_container(to, "cpu");
    }
    with_template(to, FORM_TEMPLATE,
                  str_printf(to->arena, "spec.workerGroupSpecs[%d].template", i).ptr,
                  str_printf(to->arena, "spec.workerGroupSpecs[%d].template.spec", i).ptr);
    with_label(to, "slicegate.dev/environment", "production");
    sinful_container(to, "ray-worker");
  }
  given_update_of(&b, &old);
  expect_finding(judge(&b), RULE_SHARING, SEVERITY_WARN, NULL, NULL);
}
END_TEST

START_TEST(a_sin_that_only_warned_before_may_deny_now) {
  const char overrides[] = "overrides:\n"
                           "- {name: lab, match: {podServiceAccounts: [default/lab]}, rules: "
                           "{sharing: {severity: warn}}}\n";
  given_rule_and(&b, RULE_SHARING, strict, overrides);
  sinful_deployment(&old);
  with_service_account(&old, "lab");
  sinful_deployment(&b);
  given_update_of(&b, &old);
  expect_finding(judge(&b), RULE_SHARING, SEVERITY_DENY, NULL, NULL);
}
END_TEST

START_TEST(leaving_an_exemption_is_new) {
  given_rule_and(&b, RULE_SHARING, strict, "exempt: {podServiceAccounts: [default/operator]}");
  sinful_deployment(&old);
  with_service_account(&old, "operator");
  sinful_deployment(&b);
  given_update_of(&b, &old);
  ck_assert(!judge(&b)->is_allowed);
}
END_TEST

/* A hostile object: the cost must stay near its size, not its square. */
START_TEST(thousands_of_findings_are_settled_quickly) {
  for (int i = 0; i < 2; i++) {
    struct builder *to = i ? &b : &old;
    sinful_deployment(to);
    enum { MANY = 5000 };
    struct container *containers = arena_array(to->arena, MANY, sizeof(*containers));
    for (uint32_t k = 0; k < MANY; k++) {
      containers[k] = to->tmpl->spec.containers[0];
      containers[k].index = k;
      containers[k].name = str_printf(to->arena, "c%u", k);
    }
    to->tmpl->spec.containers = containers;
    to->tmpl->spec.container_count = MANY;
  }
  given_update_of(&b, &old);
  const struct adm_verdict *verdict = judge(&b);
  ck_assert_uint_eq(count_severity(verdict, SEVERITY_WARN), 5000);
}
END_TEST

TCase *tcase_engine(void) {
  TCase *tcase = tcase_create("engine");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, a_finding_has_the_severity_of_its_rule, 0,
                      (int)SG_ARRAY_LEN(severity_rows));
  tcase_add_test(tcase, findings_are_sorted_by_severity_rule_and_field);
  tcase_add_test(tcase, an_object_without_templates_passes);
  tcase_add_test(tcase, a_pod_without_a_gpu_is_not_held_to_rules_about_gpus);
  tcase_add_test(tcase, an_exempt_namespace_is_not_judged);
  tcase_add_test(tcase, an_exempt_service_account_exempts_its_template_only);
  tcase_add_test(tcase, what_could_not_be_evaluated_is_named_once);
  tcase_add_loop_test(tcase, a_child_of_a_controller_only_warns, 0, (int)SG_ARRAY_LEN(child_rows));
  tcase_add_test(tcase, an_update_that_changes_nothing_we_read_is_skipped);
  tcase_add_test(tcase, other_operations_are_skipped);
  tcase_add_loop_test(tcase, what_an_update_did_not_bring_only_warns, 0,
                      (int)SG_ARRAY_LEN(update_rows));
  tcase_add_test(tcase, groups_of_workers_may_change_their_order);
  tcase_add_test(tcase, a_sin_that_only_warned_before_may_deny_now);
  tcase_add_test(tcase, leaving_an_exemption_is_new);
  tcase_add_test(tcase, thousands_of_findings_are_settled_quickly);
  return tcase;
}

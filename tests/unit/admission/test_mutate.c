/* SPDX-License-Identifier: Apache-2.0 */
/* What /mutate refuses and what it adds. */
#include "src/admission/admission_internal.h"
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static struct builder b, old;

static const char everything_off[] = "  mig-profile: {severity: \"off\"}\n"
                                     "  gpu-bypass: {severity: \"off\"}\n"
                                     "  gpu-node-use: {severity: \"off\"}\n";

static void setup(void) {
  builder_init(&b);
  builder_init(&old);
  given_rule(&b, RULE_GPU_LIMITS, "severity: deny");
}

static void teardown(void) {
  builder_done(&b);
  builder_done(&old);
}

static void given_rules(const char *rules) {
  CLEANUP_BUF struct buf spec;
  buf_init(&spec, 4096);
  buf_printf(&spec, "rules:\n%s%s", everything_off, rules);
  given_policy(&b, spec.ptr);
}

static void half_a_gpu(struct builder *to) {
  with_container(to, "main");
  with_limit(to, "nvidia.com/gpu", "500m");
}

static void one_gpu(void) {
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
}

/* ---- refusals ---------------------------------------------------------------------------- */

START_TEST(what_built_in_validation_would_refuse_is_refused_in_our_words) {
  given_pod(&b);
  half_a_gpu(&b);
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert_uint_eq(mutation->refusal_count, 1);
  ck_assert(mutation->refusals[0].rule == RULE_GPU_LIMITS);
  ck_assert_uint_eq(mutation->patch_count, 0);
  given_object(&b, "apps", "Deployment");
  half_a_gpu(&b);
  ck_assert_uint_eq(mutate(&b)->refusal_count, 1);
}
END_TEST

START_TEST(custom_resources_are_left_to_validate) {
  given_object(&b, "kubeflow.org", "PyTorchJob");
  half_a_gpu(&b);
  ck_assert_uint_eq(mutate(&b)->refusal_count, 0);
  ck_assert(!judge(&b)->is_allowed);
}
END_TEST

START_TEST(a_rule_that_does_not_deny_refuses_nothing) {
  given_rule(&b, RULE_GPU_LIMITS, "severity: warn");
  given_pod(&b);
  half_a_gpu(&b);
  ck_assert_uint_eq(mutate(&b)->refusal_count, 0);
}
END_TEST

START_TEST(other_rules_refuse_nothing_here) {
  given_rules("  lifetime: {severity: deny}\n"
              "  host-balance: {severity: deny}\n");
  one_gpu();
  ck_assert_uint_eq(mutate(&b)->refusal_count, 0);
  ck_assert(!judge(&b)->is_allowed);
}
END_TEST

START_TEST(the_exempt_are_neither_refused_nor_patched) {
  given_rule_and(&b, RULE_GPU_TOLERATION, "severity: warn, mutate: true",
                 "exempt: {namespaces: [default]}");
  one_gpu();
  half_a_gpu(&b);
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert(mutation->refusal_count == 0 && mutation->patch_count == 0);
}
END_TEST

START_TEST(an_update_is_refused_only_for_what_it_brings) {
  given_object(&b, "apps", "Deployment");
  half_a_gpu(&b);
  given_rule(&old, RULE_GPU_LIMITS, "severity: deny");
  given_object(&old, "apps", "Deployment");
  half_a_gpu(&old);
  given_update_of(&b, &old);
  ck_assert_uint_eq(mutate(&b)->refusal_count, 0);
  old.object.template_count = 0;
  ck_assert_uint_eq(mutate(&b)->refusal_count, 1);
  b.request.is_changed = false;
  ck_assert_uint_eq(mutate(&b)->refusal_count, 0);
  b.request.operation = ADM_OTHER;
  ck_assert_uint_eq(mutate(&b)->refusal_count, 0);
}
END_TEST

/* ---- patches ------------------------------------------------------------------------------- */

START_TEST(the_missing_toleration_is_added) {
  given_rule(&b, RULE_GPU_TOLERATION, "severity: warn, mutate: true");
  one_gpu();
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert_uint_eq(mutation->patch_count, 1);
  ck_assert(mutation->patches[0].kind == PATCH_ADD_TOLERATION);
  ck_assert(str_is(mutation->patches[0].toleration.key, "nvidia.com/gpu"));
  with_toleration(&b, "nvidia.com/gpu", NULL, EFFECT_NO_SCHEDULE);
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

START_TEST(no_toleration_where_the_policy_wants_none) {
  given_rule(&b, RULE_GPU_TOLERATION, "severity: warn, mutate: false");
  one_gpu();
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
  given_rule(&b, RULE_GPU_TOLERATION, "severity: \"off\", mutate: true");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

START_TEST(only_pods_on_create_are_patched) {
  given_rule(&b, RULE_GPU_TOLERATION, "severity: warn, mutate: true");
  given_object(&b, "apps", "Deployment");
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
  one_gpu();
  ck_assert_uint_eq(mutate(&b)->patch_count, 1);
  b.request.operation = ADM_UPDATE;
  b.request.is_changed = true;
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

START_TEST(a_pod_without_a_gpu_is_left_alone) {
  given_rules("  gpu-toleration: {severity: warn, mutate: true}\n"
              "  lifetime: {severity: warn, default: 8h}\n");
  given_pod(&b);
  with_container(&b, "web");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

static const struct {
  const char *name, *settings;
  const char *environment, *expires, *owner;
  int64_t deadline; /* that it has; 0: none */
  int64_t expected; /* that it gets; 0: none */
} deadline_rows[] = {
    {"the default", "severity: warn, default: 8h", NULL, NULL, NULL, 0, 8 * 3600},
    {"no default", "severity: warn", NULL, NULL, NULL, 0, 0},
    {"the rule is off", "severity: \"off\", default: 8h", NULL, NULL, NULL, 0, 0},
    {"at most the maximum", "severity: warn, default: 8h, maximum: {dev: 1h}", "dev", NULL, NULL, 0,
     3600},
    {"of its environment", "severity: warn, default: 8h, maximum: {dev: 1h}", "qa", NULL, NULL, 0,
     8 * 3600},
    {"it has one", "severity: warn, default: 8h", NULL, NULL, NULL, 60, 0},
    {"it says when it expires", "severity: warn, default: 8h", NULL, "2026-11-22T00:00:00Z", NULL,
     0, 0},
    {"a controller decides", "severity: warn, default: 8h", NULL, NULL, "Job", 0, 0},
};

START_TEST(a_default_deadline) {
  given_rule(&b, RULE_LIFETIME, deadline_rows[_i].settings);
  one_gpu();
  if (deadline_rows[_i].environment)
    with_label(&b, "slicegate.dev/environment", deadline_rows[_i].environment);
  if (deadline_rows[_i].expires)
    with_annotation(&b, "slicegate.dev/expires-at", deadline_rows[_i].expires);
  if (deadline_rows[_i].owner)
    with_owner(&b, "batch/v1", deadline_rows[_i].owner, true);
  if (deadline_rows[_i].deadline)
    with_deadline(&b, "spec.activeDeadlineSeconds", deadline_rows[_i].deadline);
  const struct adm_mutation *mutation = mutate(&b);
  size_t expected = deadline_rows[_i].expected != 0;
  ck_assert_msg(mutation->patch_count == expected, "%s: %zu patches", deadline_rows[_i].name,
                mutation->patch_count);
  if (expected)
    ck_assert_msg(mutation->patches[0].kind == PATCH_SET_DEADLINE &&
                      mutation->patches[0].deadline_seconds == deadline_rows[_i].expected,
                  "%s: %lld", deadline_rows[_i].name,
                  (long long)mutation->patches[0].deadline_seconds);
}
END_TEST

START_TEST(labels_of_the_namespace_are_copied) {
  given_rule(&b, RULE_BUDGET_LABELS,
             "severity: deny, labels: {slicegate.dev/team: {required: true, fromNamespace: true}, "
             "slicegate.dev/environment: {values: [dev], fromNamespace: true}, other: {required: "
             "true}}");
  one_gpu();
  with_namespace_label(&b, "slicegate.dev/team", "vision");
  with_namespace_label(&b, "slicegate.dev/environment", "moon"); /* not an allowed value */
  with_namespace_label(&b, "other", "x");                        /* not from the namespace */
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert_uint_eq(mutation->patch_count, 1);
  ck_assert(mutation->patches[0].kind == PATCH_ADD_LABEL);
  ck_assert(str_is(mutation->patches[0].label.key, "slicegate.dev/team"));
  ck_assert(str_is(mutation->patches[0].label.value, "vision"));
  with_label(&b, "slicegate.dev/team", "speech");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

static void slices_on_offer(void) {
  given_node(&b, "a");
  with_node_label(&b, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3");
  with_node_taint(&b, "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  with_node_resource(&b, "nvidia.com/mig-1g.10gb", "7");
}

START_TEST(a_whole_gpu_is_rewritten_to_the_slice_that_is_enough) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: warn, mutate: true");
  slices_on_offer();
  one_gpu();
  with_request(&b, "nvidia.com/gpu", "1");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert_uint_eq(mutation->patch_count, 1);
  const struct patch *patch = &mutation->patches[0];
  ck_assert(patch->kind == PATCH_RESOURCE && patch->container == b.container);
  ck_assert(str_is(patch->from, "nvidia.com/gpu") && str_is(patch->to, "nvidia.com/mig-1g.10gb"));
  ck_assert_int_eq(patch->count, 1);

  struct workload patched;
  adm_apply_patches(b.arena, &b.object, mutation->patches, 1, &patched);
  const struct container *container = &patched.templates[0].spec.containers[0];
  ck_assert(str_is(container->limits[0].name, "nvidia.com/mig-1g.10gb"));
  ck_assert(str_is(container->requests[0].name, "nvidia.com/mig-1g.10gb"));
  ck_assert(str_is(b.container->limits[0].name, "nvidia.com/gpu"));
}
END_TEST

START_TEST(only_the_container_that_is_meant_is_rewritten) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: warn, mutate: true");
  slices_on_offer();
  given_pod(&b);
  with_init_container(&b, "warm");
  with_limit(&b, "nvidia.com/gpu", "2");
  with_container(&b, "a");
  with_limit(&b, "nvidia.com/gpu", "2");
  with_container(&b, "b");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert_uint_eq(mutation->patch_count, 1);
  struct workload patched;
  adm_apply_patches(b.arena, &b.object, mutation->patches, 1, &patched);
  const struct container *containers = patched.templates[0].spec.containers;
  ck_assert(str_is(containers[0].limits[0].name, "nvidia.com/gpu"));
  ck_assert(str_is(containers[1].limits[0].name, "nvidia.com/gpu"));
  ck_assert(str_is(containers[2].limits[0].name, "nvidia.com/mig-1g.10gb"));
}
END_TEST

START_TEST(the_gpu_of_another_vendor_is_not_rewritten) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: warn, mutate: true");
  slices_on_offer();
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "amd.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

START_TEST(several_gpus_are_not_rewritten) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: warn, mutate: true");
  slices_on_offer();
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "2");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

START_TEST(it_is_not_rewritten_to_what_only_may_come) {
  given_rule_and(&b, RULE_RIGHT_SIZE, "severity: warn, mutate: true",
                 "nodePools: [{name: h100, products: [NVIDIA-H100-80GB-HBM3]}]");
  one_gpu();
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
  given_cluster(&b);
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
}
END_TEST

/* Everything at once; and once more on the result. */
START_TEST(a_second_call_finds_nothing_to_do) {
  given_rules("  gpu-toleration: {severity: warn, mutate: true}\n"
              "  right-size: {severity: warn, mutate: true}\n"
              "  lifetime: {severity: warn, default: 8h}\n"
              "  budget-labels: {severity: deny, labels: {team: {required: true, fromNamespace: "
              "true}}}\n");
  slices_on_offer();
  with_namespace_label(&b, "team", "vision");
  one_gpu();
  with_init_container(&b, "warm");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert_uint_eq(mutation->patch_count, 5);
  struct workload patched;
  adm_apply_patches(b.arena, &b.object, mutation->patches, mutation->patch_count, &patched);
  b.object = patched;
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
  const struct adm_verdict *verdict = judge(&b);
  ck_assert(verdict->is_allowed);
  ck_assert_uint_eq(verdict->finding_count, 0);
}
END_TEST

TCase *tcase_mutate(void) {
  TCase *tcase = tcase_create("mutate");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, what_built_in_validation_would_refuse_is_refused_in_our_words);
  tcase_add_test(tcase, custom_resources_are_left_to_validate);
  tcase_add_test(tcase, a_rule_that_does_not_deny_refuses_nothing);
  tcase_add_test(tcase, other_rules_refuse_nothing_here);
  tcase_add_test(tcase, the_exempt_are_neither_refused_nor_patched);
  tcase_add_test(tcase, an_update_is_refused_only_for_what_it_brings);
  tcase_add_test(tcase, the_missing_toleration_is_added);
  tcase_add_test(tcase, no_toleration_where_the_policy_wants_none);
  tcase_add_test(tcase, only_pods_on_create_are_patched);
  tcase_add_test(tcase, a_pod_without_a_gpu_is_left_alone);
  tcase_add_loop_test(tcase, a_default_deadline, 0, (int)SG_ARRAY_LEN(deadline_rows));
  tcase_add_test(tcase, labels_of_the_namespace_are_copied);
  tcase_add_test(tcase, a_whole_gpu_is_rewritten_to_the_slice_that_is_enough);
  tcase_add_test(tcase, only_the_container_that_is_meant_is_rewritten);
  tcase_add_test(tcase, the_gpu_of_another_vendor_is_not_rewritten);
  tcase_add_test(tcase, several_gpus_are_not_rewritten);
  tcase_add_test(tcase, it_is_not_rewritten_to_what_only_may_come);
  tcase_add_test(tcase, a_second_call_finds_nothing_to_do);
  return tcase;
}

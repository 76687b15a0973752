/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster that has not been heard of for too long: what it showed refuses nothing, and says so;
 * what is wrong anyhow is refused as ever.
 */
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

#define REMARK " (the cluster was last heard of 5 minutes ago: not refused for that)"

static const char h100[] = "NVIDIA-H100-80GB-HBM3";

static struct builder b;

static void setup(void) {
  builder_init(&b);
}

static void teardown(void) {
  builder_done(&b);
}

static void node(const char *name, const char *product, const char *resource) {
  given_node(&b, name);
  with_node_label(&b, "nvidia.com/gpu.product", product);
  with_node_resource(&b, resource, "4");
}

static void pod(const char *resource, const char *amount) {
  given_pod(&b);
  with_container(&b, "main");
  with_limit(&b, resource, amount);
}

/* ---- what each rule says of a cluster ------------------------------------------------------ */

static void profile_of_another_product(void) {
  given_rule(&b, RULE_MIG_PROFILE, "severity: deny");
  pod("nvidia.com/mig-1g.6gb", "1"); /* of the A30 */
  node("a", h100, "nvidia.com/mig-1g.10gb");
}

static void profile_of_no_product(void) {
  given_rule(&b, RULE_MIG_PROFILE, "severity: deny");
  pod("nvidia.com/mig-3g.10gb", "1");
  node("a", h100, "nvidia.com/mig-1g.10gb");
}

static void no_profile_at_all(void) {
  given_rule(&b, RULE_MIG_PROFILE, "severity: deny");
  pod("nvidia.com/mig-medium", "1");
  node("a", h100, "nvidia.com/mig-1g.10gb");
}

static void more_slices_than_allowed(void) {
  given_rule(&b, RULE_MIG_PROFILE, "severity: deny, maxPerContainer: 1");
  pod("nvidia.com/mig-1g.10gb", "2");
  node("a", h100, "nvidia.com/mig-1g.10gb");
}

static void shared_on_every_node(void) {
  given_rule(&b, RULE_SHARING, "severity: deny");
  pod("nvidia.com/gpu", "1");
  with_label(&b, "slicegate.dev/environment", "production");
  node("a", "NVIDIA-A30", "nvidia.com/gpu");
  with_node_label(&b, "nvidia.com/gpu.replicas", "4");
}

static void shared_by_name(void) {
  given_rule(&b, RULE_SHARING, "severity: deny");
  pod("nvidia.com/gpu.shared", "1");
  with_label(&b, "slicegate.dev/environment", "production");
  node("a", "NVIDIA-A30", "nvidia.com/gpu.shared");
}

static void shared_and_chosen(void) {
  shared_on_every_node();
  with_node_selector(&b, "nvidia.com/gpu.product", "NVIDIA-A30-SHARED");
}

static void product_that_is_not_there(void) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, "severity: deny");
  pod("nvidia.com/gpu", "1");
  with_node_selector(&b, "nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB");
  node("a", h100, "nvidia.com/gpu");
}

static void no_product_named(void) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, "severity: deny, required: true");
  pod("nvidia.com/gpu", "1");
  node("a", h100, "nvidia.com/gpu");
}

static void taint_of_its_own(void) {
  given_rule(&b, RULE_GPU_TOLERATION, "severity: deny, mutate: false");
  pod("nvidia.com/gpu", "1");
  with_toleration(&b, "nvidia.com/gpu", NULL, EFFECT_ANY);
  node("a", h100, "nvidia.com/gpu");
  with_node_taint(&b, "nvidia.com/mig-1g.10gb", "x", EFFECT_NO_SCHEDULE);
}

static void usual_taint(void) {
  given_rule(&b, RULE_GPU_TOLERATION, "severity: deny, mutate: false");
  pod("nvidia.com/gpu", "1");
  node("a", h100, "nvidia.com/gpu");
  with_node_taint(&b, "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
}

static void slice_is_enough(void) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: deny");
  pod("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  node("a", h100, "nvidia.com/gpu");
  node("b", h100, "nvidia.com/mig-1g.10gb");
}

static void slice_of_a_pool_is_enough(void) {
  given_rule_and(&b, RULE_RIGHT_SIZE, "severity: deny",
                 "nodePools: [{name: a, products: [NVIDIA-H100-80GB-HBM3]}]");
  pod("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  node("a", h100, "nvidia.com/gpu");
}

static void no_gpu_is_enough(void) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: deny");
  node("a", h100, "nvidia.com/gpu");
  pod("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "100Gi");
}

static void slice_is_too_small(void) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: deny");
  pod("nvidia.com/mig-1g.10gb", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "16Gi");
  node("b", h100, "nvidia.com/mig-1g.10gb");
}

static void too_little_cpu_for_slices(void) {
  given_rule(&b, RULE_HOST_BALANCE, "severity: deny, minimumCPU: \"4\"");
  pod("nvidia.com/mig-3g.40gb", "2");
  with_request(&b, "cpu", "2");
  with_request(&b, "memory", "640Gi");
  node("a", h100, "nvidia.com/mig-3g.40gb");
}

static void too_little_cpu_for_a_gpu(void) {
  given_rule(&b, RULE_HOST_BALANCE, "severity: deny, minimumCPU: \"4\"");
  pod("nvidia.com/gpu", "1");
  with_request(&b, "cpu", "1");
  with_request(&b, "memory", "640Gi");
  node("a", h100, "nvidia.com/gpu");
}

static void label_that_the_namespace_lacks(void) {
  given_rule(&b, RULE_BUDGET_LABELS,
             "severity: deny, labels: {a.b/team: {required: true, fromNamespace: true}}");
  pod("nvidia.com/gpu", "1");
  given_namespace(&b);
}

static void label_of_the_pod(void) {
  given_rule(&b, RULE_BUDGET_LABELS,
             "severity: deny, labels: {a.b/team: {required: true, values: [x]}}");
  pod("nvidia.com/gpu", "1");
  with_label(&b, "a.b/team", "y");
  given_namespace(&b);
}

static const struct {
  const char *name;
  enum rule_id rule;
  void (*given)(void);
  bool stays; /* is refused without a cluster, too, or for what no cluster changes */
} cases[] = {
    {"a profile of another product", RULE_MIG_PROFILE, profile_of_another_product, false},
    {"a profile of no product on earth", RULE_MIG_PROFILE, profile_of_no_product, true},
    {"no profile at all", RULE_MIG_PROFILE, no_profile_at_all, true},
    {"more slices than allowed", RULE_MIG_PROFILE, more_slices_than_allowed, true},
    {"shared on every node", RULE_SHARING, shared_on_every_node, false},
    {"shared by its name", RULE_SHARING, shared_by_name, true},
    {"shared on the nodes it chose", RULE_SHARING, shared_and_chosen, true},
    {"a product that is not there", RULE_GPU_NODE_AFFINITY, product_that_is_not_there, false},
    {"no product named", RULE_GPU_NODE_AFFINITY, no_product_named, true},
    {"a taint of its own", RULE_GPU_TOLERATION, taint_of_its_own, false},
    {"the usual taint", RULE_GPU_TOLERATION, usual_taint, true},
    {"a slice on nodes is enough", RULE_RIGHT_SIZE, slice_is_enough, false},
    {"a slice of a pool is enough", RULE_RIGHT_SIZE, slice_of_a_pool_is_enough, true},
    {"no GPU there is enough", RULE_RIGHT_SIZE, no_gpu_is_enough, false},
    {"a slice that is too small", RULE_RIGHT_SIZE, slice_is_too_small, true},
    {"CPU for slices of known GPUs", RULE_HOST_BALANCE, too_little_cpu_for_slices, false},
    {"CPU for a GPU", RULE_HOST_BALANCE, too_little_cpu_for_a_gpu, true},
    {"a label that the namespace lacks", RULE_BUDGET_LABELS, label_that_the_namespace_lacks, false},
    {"a label of the pod", RULE_BUDGET_LABELS, label_of_the_pod, true},
};

START_TEST(refuses_only_what_does_not_rest_on_it) {
  cases[_i].given();
  const struct adm_verdict *fresh = judge(&b);
  expect_finding_row(cases[_i].name, fresh, cases[_i].rule, SEVERITY_DENY, NULL, NULL);
  const struct finding *before = first_finding(fresh, cases[_i].rule);
  b.request.cluster_stale_seconds = 359;
  const struct adm_verdict *stale = judge(&b);
  expect_finding_row(cases[_i].name, stale, cases[_i].rule,
                     cases[_i].stays ? SEVERITY_DENY : SEVERITY_WARN, before->field.ptr, NULL);
  const struct finding *after = first_finding(stale, cases[_i].rule);
  struct str wanted = cases[_i].stays
                          ? before->message
                          : str_printf(b.arena, "%.*s" REMARK, STR_FMT(before->message));
  ck_assert_msg(str_eq(after->message, wanted), "%s: %.*s", cases[_i].name,
                STR_FMT(after->message));
  ck_assert(str_eq(after->remedy, before->remedy));
  ck_assert(stale->is_allowed == !cases[_i].stays);
}
END_TEST

/* ---- what warned warns, and says how old it is ---------------------------------------------- */

static const struct {
  int64_t seconds;
  const char *fragment;
} ages[] = {
    {1, "(the cluster was last heard of 1 second ago)"},
    {59, "(the cluster was last heard of 59 seconds ago)"},
    {60, "(the cluster was last heard of 1 minute ago)"},
    {7199, "(the cluster was last heard of 1 hour ago)"},
    {86400 * 3, "(the cluster was last heard of 3 days ago)"},
};

START_TEST(warnings_tell_the_age) {
  given_rule(&b, RULE_MIG_PROFILE, "severity: deny");
  pod("nvidia.com/mig-2g.20gb", "1");
  node("a", h100, "nvidia.com/mig-1g.10gb");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_WARN, NULL,
                 "no node offers `mig-2g.20gb` now; H100 80GB GPUs can be cut into it");
  b.request.cluster_stale_seconds = ages[_i].seconds;
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_WARN, NULL, ages[_i].fragment);
}
END_TEST

/* A rule that only warns would not have refused. */
START_TEST(a_rule_that_warns_speaks_of_no_refusal) {
  given_rule(&b, RULE_GPU_NODE_AFFINITY, "severity: warn");
  pod("nvidia.com/gpu", "1");
  with_node_selector(&b, "nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB");
  node("a", h100, "nvidia.com/gpu");
  b.request.cluster_stale_seconds = 300;
  const struct adm_verdict *verdict = judge(&b);
  expect_finding(verdict, RULE_GPU_NODE_AFFINITY, SEVERITY_WARN, NULL, "5 minutes ago)");
}
END_TEST

/* No pod is rewritten to a slice that may be gone. */
START_TEST(nothing_is_rewritten_by_it) {
  given_rule(&b, RULE_RIGHT_SIZE, "severity: deny, mutate: true");
  pod("nvidia.com/gpu", "1");
  with_annotation(&b, "slicegate.dev/gpu-memory", "8Gi");
  node("b", h100, "nvidia.com/mig-1g.10gb");
  ck_assert_uint_eq(mutate(&b)->patch_count, 1);
  b.request.cluster_stale_seconds = 300;
  ck_assert_uint_eq(mutate(&b)->patch_count, 0);
  expect_finding(judge(&b), RULE_RIGHT_SIZE, SEVERITY_WARN, NULL, REMARK);
}
END_TEST

TCase *tcase_stale(void) {
  TCase *tcase = tcase_create("stale");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, refuses_only_what_does_not_rest_on_it, 0, (int)SG_ARRAY_LEN(cases));
  tcase_add_loop_test(tcase, warnings_tell_the_age, 0, (int)SG_ARRAY_LEN(ages));
  tcase_add_test(tcase, a_rule_that_warns_speaks_of_no_refusal);
  tcase_add_test(tcase, nothing_is_rewritten_by_it);
  return tcase;
}

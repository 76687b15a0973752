/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/cases.h"
#include "tests/unit/admission/yaml_object.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_GPU_TOLERATION, "severity: deny, mutate: false");
}

static void teardown(void) {
  builder_done(&b);
}

#define ASKS(resource) "containers: [{name: a, resources: {limits: {" resource ": 1}}}]"
#define TOLERATES(text) "\ntolerations: [{" text "}]"

/* ---- without a cluster ---------------------------------------------------------------------- */

static const struct {
  const char *name, *spec;
  const char *message; /* NULL: no finding */
  const char *remedy;
} rows[] = {
    {"no toleration", ASKS("nvidia.com/gpu"),
     "the pod does not tolerate nvidia.com/gpu, the usual taint of nodes with nvidia.com/gpu, and "
     "is Pending where they have it",
     "add {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}"},
    {"a slice gets none from Kubernetes' plugin", ASKS("nvidia.com/mig-1g.5gb"),
     "(the ExtendedResourceToleration plugin tolerates only nvidia.com/mig-1g.5gb)",
     "add {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}"},
    {"a slice with what that plugin adds",
     ASKS("nvidia.com/mig-1g.5gb")
         TOLERATES("key: nvidia.com/mig-1g.5gb, operator: Exists, effect: NoSchedule"),
     "does not tolerate nvidia.com/gpu", NULL},
    {"a share", ASKS("nvidia.com/gpu.shared"), "does not tolerate nvidia.com/gpu", NULL},
    {"tolerated", ASKS("nvidia.com/gpu") TOLERATES("key: nvidia.com/gpu, operator: Exists"), NULL,
     NULL},
    {"tolerated for scheduling",
     ASKS("nvidia.com/gpu") TOLERATES("key: nvidia.com/gpu, operator: Exists, effect: NoSchedule"),
     NULL, NULL},
    {"tolerated with some value, which may be right",
     ASKS("nvidia.com/gpu") TOLERATES("key: nvidia.com/gpu, value: present, effect: NoSchedule"),
     NULL, NULL},
    {"tolerated for another effect",
     ASKS("nvidia.com/gpu") TOLERATES("key: nvidia.com/gpu, operator: Exists, effect: NoExecute"),
     "does not tolerate nvidia.com/gpu", NULL},
    {"everything tolerated", ASKS("nvidia.com/gpu") TOLERATES("operator: Exists"), NULL, NULL},
    {"another taint tolerated", ASKS("nvidia.com/gpu") TOLERATES("key: dedicated, value: ml"),
     "does not tolerate nvidia.com/gpu", NULL},
    {"another vendor's taint", ASKS("amd.com/gpu"), "does not tolerate amd.com/gpu",
     "add {key: amd.com/gpu, operator: Exists, effect: NoSchedule}"},
    {"a vendor without a usual taint", ASKS("gpu.intel.com/i915"), NULL, NULL},
    {"HAMi's share of memory follows its device", ASKS("nvidia.com/gpumem"), NULL, NULL},
    {"no GPU", ASKS("nvidia.com/rdma"), NULL, NULL},
    {"none of a GPU", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0}}}]", NULL,
     NULL},
    {"two containers, one taint, one finding",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1}}}, {name: b, resources: "
     "{limits: {nvidia.com/mig-1g.5gb: 1}}}]",
     "does not tolerate nvidia.com/gpu", NULL},
};

START_TEST(toleration_without_a_cluster) {
  given_pod_spec(&b, rows[_i].spec);
  const struct adm_verdict *verdict = judge(&b);
  if (!rows[_i].message) {
    expect_none_row(rows[_i].name, verdict, RULE_GPU_TOLERATION);
    return;
  }
  expect_finding_row(rows[_i].name, verdict, RULE_GPU_TOLERATION, SEVERITY_DENY, "spec.tolerations",
                     rows[_i].message);
  if (rows[_i].remedy)
    expect_finding_row(rows[_i].name, verdict, RULE_GPU_TOLERATION, SEVERITY_DENY, NULL,
                       rows[_i].remedy);
}
END_TEST

START_TEST(two_vendors_have_two_taints) {
  given_pod_spec(&b, "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1}}}, {name: b, "
                     "resources: {limits: {amd.com/gpu: 1}}}]");
  ck_assert_uint_eq(count_findings(judge(&b), RULE_GPU_TOLERATION), 2);
}
END_TEST

static const struct {
  const char *name, *taints, *resource;
  const char *key; /* NULL: no finding */
} customs[] = {
    {"nobody's key is for every vendor", "[accelerated]", "gpu.intel.com/i915", "accelerated"},
    {"the vendor's comes first", "[accelerated, nvidia.com/gpu]", "nvidia.com/gpu",
     "nvidia.com/gpu"},
    {"another vendor's is not for it", "[amd.com/gpu]", "nvidia.com/gpu", NULL},
    {"a pattern is no key", "[\"nvidia.com/*\"]", "nvidia.com/gpu", NULL},
    {"the first of the vendor's", "[nvidia.com/first, nvidia.com/gpu]", "nvidia.com/gpu",
     "nvidia.com/first"},
};

START_TEST(the_policy_says_which_key_is_usual) {
  given_rule_and(&b, RULE_GPU_TOLERATION, "severity: deny, mutate: false",
                 str_printf(b.arena, "gpuNodes: {taints: %s}", customs[_i].taints).ptr);
  given_pod(&b);
  with_container(&b, "a");
  with_limit(&b, customs[_i].resource, "1");
  const struct adm_verdict *verdict = judge(&b);
  if (!customs[_i].key)
    expect_none_row(customs[_i].name, verdict, RULE_GPU_TOLERATION);
  else
    expect_finding_row(customs[_i].name, verdict, RULE_GPU_TOLERATION, SEVERITY_DENY, NULL,
                       str_printf(b.arena, "add {key: %s, operator", customs[_i].key).ptr);
}
END_TEST

/* ---- with one ----------------------------------------------------------------------------------
 */

static void tainted_node(const char *name, const char *resource, const char *key, const char *value,
                         enum taint_effect effect) {
  given_node(&b, name);
  with_node_resource(&b, resource, "8");
  if (key)
    with_node_taint(&b, key, value, effect);
}

START_TEST(nodes_say_what_they_want) {
  tainted_node("a", "nvidia.com/mig-1g.5gb", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  given_pod_spec(&b, ASKS("nvidia.com/mig-1g.5gb"));
  expect_finding(judge(&b), RULE_GPU_TOLERATION, SEVERITY_DENY, "spec.tolerations",
                 "the nodes that offer nvidia.com/mig-1g.5gb have the taint "
                 "nvidia.com/gpu:NoSchedule, which the pod does not tolerate (the "
                 "ExtendedResourceToleration plugin tolerates only nvidia.com/mig-1g.5gb)");
}
END_TEST

static const struct {
  const char *name;
  const char *key, *value; /* the node's taint; key NULL: none */
  enum taint_effect effect;
  const char *spec;
  const char *remedy; /* NULL: no finding */
} nodes[] = {
    {"no taint", NULL, NULL, EFFECT_ANY, ASKS("nvidia.com/gpu"), NULL},
    {"the usual taint", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE, ASKS("nvidia.com/gpu"),
     "add {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}"},
    {"tolerated", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE,
     ASKS("nvidia.com/gpu") TOLERATES("key: nvidia.com/gpu, value: present"), NULL},
    {"another value is another taint", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE,
     ASKS("nvidia.com/gpu") TOLERATES("key: nvidia.com/gpu, value: \"true\""),
     "add {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}"},
    {"a taint that drives pods away", "nvidia.com/gpu", "x", EFFECT_NO_EXECUTE,
     ASKS("nvidia.com/gpu"), "add {key: nvidia.com/gpu, operator: Exists, effect: NoExecute}"},
    {"a taint that only asks", "nvidia.com/gpu", "x", EFFECT_PREFER_NO_SCHEDULE,
     ASKS("nvidia.com/gpu"), NULL},
    {"a taint that has nothing to do with GPUs", "maintenance", "x", EFFECT_NO_SCHEDULE,
     ASKS("nvidia.com/gpu"), NULL},
    {"the resource's own name as a taint", "nvidia.com/mig-1g.5gb", "x", EFFECT_NO_SCHEDULE,
     ASKS("nvidia.com/mig-1g.5gb"),
     "add {key: nvidia.com/mig-1g.5gb, operator: Exists, effect: NoSchedule}"},
    {"what no node offers now is judged by custom", NULL, NULL, EFFECT_ANY, ASKS("amd.com/gpu"),
     "add {key: amd.com/gpu, operator: Exists, effect: NoSchedule}"},
};

START_TEST(toleration_in_a_cluster) {
  tainted_node("a", "nvidia.com/gpu", nodes[_i].key, nodes[_i].value, nodes[_i].effect);
  with_node_resource(&b, "nvidia.com/mig-1g.5gb", "2");
  given_pod_spec(&b, nodes[_i].spec);
  const struct adm_verdict *verdict = judge(&b);
  if (nodes[_i].remedy)
    expect_finding_row(nodes[_i].name, verdict, RULE_GPU_TOLERATION, SEVERITY_DENY,
                       "spec.tolerations", nodes[_i].remedy);
  else
    expect_none_row(nodes[_i].name, verdict, RULE_GPU_TOLERATION);
}
END_TEST

START_TEST(one_open_node_is_enough) {
  tainted_node("a", "nvidia.com/gpu", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  tainted_node("b", "nvidia.com/gpu", NULL, NULL, EFFECT_ANY);
  given_pod_spec(&b, ASKS("nvidia.com/gpu"));
  expect_none(judge(&b), RULE_GPU_TOLERATION);
}
END_TEST

/* H100 behind a taint, L4 open to all. */
static const struct {
  const char *name, *spec;
  bool is_missing;
} bound[] = {
    {"anywhere", "", false},
    {"to the tainted one", "\nnodeSelector: {nvidia.com/gpu.product: H100}", true},
    {"to the open one", "\nnodeSelector: {nvidia.com/gpu.product: L4}", false},
    {"to the tainted one, tolerating",
     "\nnodeSelector: {nvidia.com/gpu.product: H100}\ntolerations: [{key: nvidia.com/gpu, "
     "operator: "
     "Exists}]",
     false},
    {"to the tainted one by affinity",
     "\naffinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
     "{nodeSelectorTerms: [{matchExpressions: [{key: nvidia.com/gpu.product, operator: NotIn, "
     "values: [L4]}]}]}}}",
     true},
    {"to either by affinity",
     "\naffinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
     "{nodeSelectorTerms: [{matchExpressions: [{key: nvidia.com/gpu.product, operator: In, values: "
     "[L4, H100]}]}]}}}",
     false},
    {"to what is not there yet", "\nnodeSelector: {nvidia.com/gpu.product: A100}", false},
};

START_TEST(where_the_pod_may_go_counts) {
  tainted_node("a", "nvidia.com/gpu", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  with_node_label(&b, "nvidia.com/gpu.product", "H100");
  tainted_node("b", "nvidia.com/gpu", NULL, NULL, EFFECT_ANY);
  with_node_label(&b, "nvidia.com/gpu.product", "L4");
  given_pod_spec(&b, str_printf(b.arena, ASKS("nvidia.com/gpu") "%s", bound[_i].spec).ptr);
  if (bound[_i].is_missing)
    expect_finding_row(bound[_i].name, judge(&b), RULE_GPU_TOLERATION, SEVERITY_DENY, NULL,
                       "nvidia.com/gpu:NoSchedule");
  else
    expect_none_row(bound[_i].name, judge(&b), RULE_GPU_TOLERATION);
  given_rule(&b, RULE_GPU_TOLERATION, "severity: deny, mutate: true");
  ck_assert_msg((mutate(&b)->patch_count == 1) == bound[_i].is_missing, "%s", bound[_i].name);
}
END_TEST

START_TEST(the_order_of_containers_makes_no_other_finding) {
  static const char *const orders[][2] = {{"nvidia.com/gpu", "nvidia.com/mig-1g.5gb"},
                                          {"nvidia.com/mig-1g.5gb", "nvidia.com/gpu"}};
  for (size_t i = 0; i < SG_ARRAY_LEN(orders); i++) {
    given_pod(&b);
    for (size_t k = 0; k < 2; k++) {
      with_container(&b, k ? "b" : "a");
      with_limit(&b, orders[i][k], "1");
    }
    expect_finding(judge(&b), RULE_GPU_TOLERATION, SEVERITY_DENY, NULL,
                   "the usual taint of nodes with nvidia.com/gpu, and");
  }
}
END_TEST

START_TEST(a_node_with_another_resource_is_none) {
  tainted_node("a", "nvidia.com/gpu", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  tainted_node("b", "nvidia.com/mig-1g.5gb", NULL, NULL, EFFECT_ANY);
  given_pod_spec(&b, ASKS("nvidia.com/gpu"));
  expect_finding(judge(&b), RULE_GPU_TOLERATION, SEVERITY_DENY, NULL, "nvidia.com/gpu:NoSchedule");
}
END_TEST

START_TEST(a_node_with_two_taints_wants_both_tolerated) {
  tainted_node("a", "nvidia.com/gpu", "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  with_node_taint(&b, "nvidia.com/mig-only", "x", EFFECT_NO_SCHEDULE);
  given_pod_spec(&b, ASKS("nvidia.com/gpu") TOLERATES("key: nvidia.com/gpu, operator: Exists"));
  expect_finding(judge(&b), RULE_GPU_TOLERATION, SEVERITY_DENY, NULL,
                 "add {key: nvidia.com/mig-only, operator: Exists, effect: NoSchedule}");
}
END_TEST

/* ---- with /mutate
 * ---------------------------------------------------------------------------------- */

static const char *const mutated[] = {
    "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {" ASKS(
        "nvidia.com/gpu") "}}}}",
    "{apiVersion: v1, kind: Pod, spec: {" ASKS("nvidia.com/gpu") "}}",
};

START_TEST(what_mutate_adds_is_not_missed) {
  given_rule(&b, RULE_GPU_TOLERATION, "severity: deny, mutate: true");
  given_yaml(&b, mutated[_i]);
  expect_none(judge(&b), RULE_GPU_TOLERATION);
  given_rule(&b, RULE_GPU_TOLERATION, "severity: deny, mutate: false");
  given_yaml(&b, mutated[_i]);
  expect_finding(judge(&b), RULE_GPU_TOLERATION, SEVERITY_DENY, NULL, NULL);
}
END_TEST

START_TEST(mutate_adds_what_the_rule_misses) {
  given_rule(&b, RULE_GPU_TOLERATION, "severity: warn, mutate: true");
  given_pod_spec(&b, "containers: [{name: a, resources: {limits: {nvidia.com/mig-1g.5gb: 1}}}, "
                     "{name: b, resources: {limits: {amd.com/gpu: 1}}}]");
  const struct adm_mutation *mutation = mutate(&b);
  ck_assert_uint_eq(mutation->patch_count, 2);
  static const char *const keys[] = {"nvidia.com/gpu", "amd.com/gpu"};
  for (size_t i = 0; i < 2; i++) {
    const struct toleration *added = &mutation->patches[i].toleration;
    ck_assert_int_eq(mutation->patches[i].kind, PATCH_ADD_TOLERATION);
    ck_assert_msg(str_is(added->key, keys[i]), "%.*s", STR_FMT(added->key));
    ck_assert(added->is_exists && added->value.len == 0 && added->effect == EFFECT_NO_SCHEDULE);
  }
}
END_TEST

START_TEST(a_template_without_a_pod_misses_nothing) {
  given_yaml(&b, "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: "
                 "{predictor: {model: {resources: {limits: {nvidia.com/gpu: 1}}}}}}");
  expect_none(judge(&b), RULE_GPU_TOLERATION);
}
END_TEST

START_TEST(a_templates_field_is_its_own) {
  given_yaml(&b, "{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: "
                 "{spec: {" ASKS("nvidia.com/gpu") "}}}}}}");
  expect_finding(judge(&b), RULE_GPU_TOLERATION, SEVERITY_DENY,
                 "spec.jobTemplate.spec.template.spec.tolerations", NULL);
}
END_TEST

TCase *tcase_gpu_toleration(void) {
  TCase *tcase = tcase_create("gpu-toleration");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, toleration_without_a_cluster, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, two_vendors_have_two_taints);
  tcase_add_loop_test(tcase, the_policy_says_which_key_is_usual, 0, (int)SG_ARRAY_LEN(customs));
  tcase_add_test(tcase, nodes_say_what_they_want);
  tcase_add_loop_test(tcase, toleration_in_a_cluster, 0, (int)SG_ARRAY_LEN(nodes));
  tcase_add_test(tcase, one_open_node_is_enough);
  tcase_add_loop_test(tcase, where_the_pod_may_go_counts, 0, (int)SG_ARRAY_LEN(bound));
  tcase_add_test(tcase, the_order_of_containers_makes_no_other_finding);
  tcase_add_test(tcase, a_node_with_another_resource_is_none);
  tcase_add_test(tcase, a_node_with_two_taints_wants_both_tolerated);
  tcase_add_loop_test(tcase, what_mutate_adds_is_not_missed, 0, (int)SG_ARRAY_LEN(mutated));
  tcase_add_test(tcase, mutate_adds_what_the_rule_misses);
  tcase_add_test(tcase, a_template_without_a_pod_misses_nothing);
  tcase_add_test(tcase, a_templates_field_is_its_own);
  return tcase;
}

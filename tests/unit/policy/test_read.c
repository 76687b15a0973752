/* SPDX-License-Identifier: Apache-2.0 */
/* Right files: what they say is what the policy holds. */
#include "policy_suite.h"

#include <stdlib.h>

START_TEST(example_of_the_documentation) {
  char *text = read_text("deploy/examples/policy.yaml");
  CLEANUP_POLICY struct policy *policy = must_read(text);
  free(text); /* nothing may point into it any more */
  const struct policy_view *view = policy_get(policy);
  ck_str_is(view->name, "example");
  ck_str_is(view->source, "test.yaml");
  ck_assert(!view->denies_on_failure);
  ck_assert_uint_eq(view->exempt.namespaces.count, 2);
  ck_str_is(view->exempt.namespaces.items[1], "gpu-*");
  ck_str_is(view->exempt.pod_service_accounts.items[0], "gpu-operator/*");
  ck_assert_uint_eq(view->node_pool_count, 1);
  ck_str_is(view->node_pools[0].products.items[0], "NVIDIA-H100-80GB-HBM3");
  ck_str_is(view->node_pools[0].profiles.items[1], "3g.40gb");
  ck_assert(view->node_pools[0].has_profiles);
  ck_assert(view->severities[RULE_BUDGET_LABELS] == SEVERITY_DENY);
  ck_assert_uint_eq(view->params[P_LABELS].labels.count, 2);
  ck_assert(view->params[P_LABELS].is_set);
  ck_assert(view->params[P_LABELS].labels.items[0].is_from_namespace);
  ck_str_is(view->params[P_LABELS].labels.items[1].values.items[2], "production");
  ck_assert_uint_eq(view->params[P_LIFETIME_MAXIMUM].environments.count, 2);
  ck_assert_int_eq(view->params[P_LIFETIME_MAXIMUM].environments.items[0].seconds, 259200);
  ck_assert_int_eq(view->params[P_BALANCE_CPU_MIN_MILLI].number, 4000);
  ck_assert_int_eq(view->params[P_BALANCE_MEMORY_MIN_MIB].number, 32768);
  ck_assert_uint_eq(view->override_count, 2);
  ck_str_is(view->overrides[0].match.namespace_labels[0].key, "tier");
  ck_assert(view->overrides[0].rules[RULE_RIGHT_SIZE].severity == SEVERITY_DENY);
  ck_assert_ptr_null(view->overrides[0].params);
}
END_TEST

START_TEST(builtin_is_its_text) {
  CLEANUP_POLICY struct policy *builtin = policy_builtin();
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  buf_append_str(&text, policy_builtin_text());
  CLEANUP_POLICY struct policy *read = must_read(text.ptr);
  const struct policy_view *a = policy_get(builtin), *b = policy_get(read);
  ck_assert_mem_eq(a->severities, b->severities, sizeof(a->severities));
  for (int rule = 0; rule < RULE_COUNT; rule++)
    ck_assert_msg(a->severities[rule] == policy_rule_info((enum rule_id)rule)->built_in, "%s",
                  rule_name((enum rule_id)rule));
  for (int id = 0; id < PARAM_COUNT; id++)
    ck_assert(!a->params[id].is_set);
  ck_assert_uint_eq(a->exempt.namespaces.count, b->exempt.namespaces.count);
  ck_str_is(a->source, "(built-in)");
  ck_assert_ptr_nonnull(a->index);
}
END_TEST

/* `deny` only for what can never run or goes around the scheduler. */
START_TEST(builtin_denies_three_rules) {
  CLEANUP_POLICY struct policy *policy = policy_builtin();
  for (int rule = 0; rule < RULE_COUNT; rule++) {
    bool denies = policy_get(policy)->severities[rule] == SEVERITY_DENY;
    bool may_deny = rule == RULE_GPU_LIMITS || rule == RULE_MIG_PROFILE || rule == RULE_GPU_BYPASS;
    ck_assert_msg(denies == may_deny, "%s", rule_name((enum rule_id)rule));
  }
  ck_assert(policy_get(policy)->params[P_TOLERATION_MUTATE].truth);
  ck_assert(!policy_get(policy)->denies_on_failure);
}
END_TEST

START_TEST(what_is_left_out_is_built_in) {
  CLEANUP_POLICY struct policy *builtin = policy_builtin();
  CLEANUP_POLICY struct policy *policy = must_read_spec("  rules: {spot: deny}\n");
  const struct policy_view *a = policy_get(builtin), *b = policy_get(policy);
  ck_assert_uint_eq(a->exempt.namespaces.count, b->exempt.namespaces.count);
  ck_assert_uint_eq(a->gpu_resource_count, b->gpu_resource_count);
  ck_assert_uint_eq(a->controllers.count, b->controllers.count);
  ck_assert_uint_eq(a->kind_count, b->kind_count);
  for (int rule = 0; rule < RULE_COUNT; rule++)
    ck_assert(rule == RULE_SPOT || a->severities[rule] == b->severities[rule]);
  ck_assert(b->severities[RULE_SPOT] == SEVERITY_DENY);
}
END_TEST

START_TEST(an_empty_spec_is_the_built_in_policy) {
  CLEANUP_POLICY struct policy *policy = must_read_spec("  {}\n");
  ck_assert(policy_get(policy)->severities[RULE_GPU_LIMITS] == SEVERITY_DENY);
}
END_TEST

START_TEST(lists_replace_and_rows_come_first) {
  CLEANUP_POLICY struct policy *policy =
      must_read_spec("  exempt: {}\n"
                     "  controllers: []\n"
                     "  vendorPrefixes: [example.com/]\n"
                     "  gpuNodes: {taints: [example.com/gpu]}\n"
                     "  gpuResources: [{name: nvidia.com/gpu, form: none}]\n");
  const struct policy_view *view = policy_get(policy);
  ck_assert_uint_eq(view->exempt.namespaces.count, 0);
  ck_assert_uint_eq(view->controllers.count, 0);
  ck_assert_uint_eq(view->vendor_prefixes.count, 1);
  ck_assert(policy_is_gpu_taint(view, STR_LIT("example.com/gpu")));
  ck_assert(!policy_is_gpu_taint(view, STR_LIT("nvidia.com/gpu")));
  ck_assert(policy_is_gpu_label(view, STR_LIT("nvidia.com/gpu.product"))); /* not given: kept */
  enum gpu_resource_form form;
  ck_assert(!policy_gpu_resource(view, STR_LIT("nvidia.com/gpu"), &form));
  ck_assert(policy_knows_resource(view, STR_LIT("nvidia.com/gpu")));
  ck_assert(policy_gpu_resource(view, STR_LIT("nvidia.com/mig-1g.10gb"), &form));
}
END_TEST

/* YAML 1.1 reads a bare `off` as false; nobody who writes it means that. */
START_TEST(off_is_a_severity) {
  CLEANUP_POLICY struct policy *policy = must_read_spec("  rules:\n"
                                                        "    gpu-limits: off\n"
                                                        "    mig-profile: {severity: off}\n"
                                                        "    gpu-bypass: \"off\"\n"
                                                        "    right-size: audit\n");
  const enum severity *severities = policy_get(policy)->severities;
  ck_assert(severities[RULE_GPU_LIMITS] == SEVERITY_OFF);
  ck_assert(severities[RULE_MIG_PROFILE] == SEVERITY_OFF);
  ck_assert(severities[RULE_GPU_BYPASS] == SEVERITY_OFF);
  ck_assert(severities[RULE_RIGHT_SIZE] == SEVERITY_AUDIT);
}
END_TEST

START_TEST(every_parameter_can_be_set) {
  CLEANUP_POLICY struct policy *policy = must_read_spec(
      "  rules:\n"
      "    gpu-limits: {knownNames: [\"nvidia.com/own-*\"], maxPerContainer: 8}\n"
      "    mig-profile: {maxPerContainer: 1}\n"
      "    gpu-bypass: {env: [X_DEVICES], hostPaths: [/dev/dri/*], runtimeClasses: [kata-gpu], "
      "privileged: false}\n"
      "    gpu-node-use: {wildcardToleration: false}\n"
      "    gpu-toleration: {mutate: false}\n"
      "    gpu-node-affinity: {severity: warn, labels: [example.com/class], required: false,\n"
      "      products: {\"research-*\": [\"NVIDIA-A100-*\"]}}\n"
      "    right-size: {mutate: true}\n"
      "    sharing: {environments: [], maxRequest: 4, exclusiveTypes: [training, tuning]}\n"
      "    budget-labels: {severity: warn, labels: {team: {values: [a, \"b-*\"]}}}\n"
      "    lifetime: {severity: warn, maximum: {dev: 1h}, default: 12h, services: true}\n"
      "    spot: {environments: [live], capacity: [{label: a/b, values: [spot], provider: own}, "
      "{taint: c/d}]}\n"
      "    host-balance: {severity: warn, minimumCPU: 500m, maximumCPU: 16, minimumMemory: 1G, "
      "maximumMemory: 128Gi}\n");
  const struct policy_view *view = policy_get(policy);
  for (int id = 0; id < PARAM_COUNT; id++)
    ck_assert_msg(view->params[id].is_set, "%s", policy_param_info((enum param_id)id)->key);
  ck_assert_int_eq(view->params[P_LIMITS_MAX_PER_CONTAINER].number, 8);
  ck_assert_int_eq(view->params[P_MIG_MAX_PER_CONTAINER].number, 1);
  ck_str_is(view->params[P_BYPASS_HOST_PATHS].strings.items[0], "/dev/dri/*");
  ck_assert(!view->params[P_BYPASS_PRIVILEGED].truth);
  ck_str_is(view->params[P_AFFINITY_PRODUCTS].products.items[0].team, "research-*");
  ck_str_is(view->params[P_AFFINITY_PRODUCTS].products.items[0].products.items[0], "NVIDIA-A100-*");
  ck_assert_uint_eq(view->params[P_SHARING_ENVIRONMENTS].strings.count, 0);
  ck_assert_int_eq(view->params[P_SHARING_MAX_REQUEST].number, 4);
  ck_assert_int_eq(view->params[P_LIFETIME_DEFAULT].number, 43200);
  ck_assert_uint_eq(view->params[P_SPOT_CAPACITY].capacity.count, 2);
  ck_str_is(view->params[P_SPOT_CAPACITY].capacity.items[0].provider, "own");
  ck_assert(view->params[P_SPOT_CAPACITY].capacity.items[1].is_taint);
  ck_str_is(view->params[P_SPOT_CAPACITY].capacity.items[1].key, "c/d");
  ck_assert_int_eq(view->params[P_BALANCE_CPU_MIN_MILLI].number, 500);
  ck_assert_int_eq(view->params[P_BALANCE_CPU_MAX_MILLI].number, 16000);
  ck_assert_int_eq(view->params[P_BALANCE_MEMORY_MIN_MIB].number, 954); /* rounded up */
  ck_assert_int_eq(view->params[P_BALANCE_MEMORY_MAX_MIB].number, 131072);
}
END_TEST

START_TEST(pools_of_products_we_do_not_know) {
  CLEANUP_POLICY struct policy *policy =
      must_read_spec("  nodePools:\n"
                     "  - {name: old, products: [Tesla-T4], profiles: []}\n"
                     "  - {name: new, products: [NVIDIA-Z900], profiles: [2g.99gb]}\n"
                     "  - {name: both, products: [NVIDIA-Z900, NVIDIA-A100-SXM4-80GB], "
                     "profiles: [1g.10gb, 2g.99gb]}\n"
                     "  - {name: all, products: [NVIDIA-A100-SXM4-80GB]}\n"
                     "  - {name: me, products: [NVIDIA-H100-80GB-HBM3], profiles: [1g.10gb+me]}\n");
  const struct policy_view *view = policy_get(policy);
  ck_assert_uint_eq(view->node_pool_count, 5);
  ck_assert(view->node_pools[0].has_profiles);
  ck_assert(!view->node_pools[3].has_profiles);
}
END_TEST

START_TEST(anchors_and_merges_work) {
  CLEANUP_POLICY struct policy *policy =
      must_read_spec("  rules:\n"
                     "    lifetime: &strict {severity: warn, maximum: {dev: 1h}}\n"
                     "  overrides:\n"
                     "  - name: a\n"
                     "    match: {namespaces: [a]}\n"
                     "    rules:\n"
                     "      lifetime: {<<: *strict, severity: deny}\n");
  const struct policy_view *view = policy_get(policy);
  ck_assert(view->overrides[0].rules[RULE_LIFETIME].severity == SEVERITY_DENY);
  ck_assert(view->overrides[0].params[P_LIFETIME_MAXIMUM].is_set);
}
END_TEST

/* An inline policy of a test file is read from a tree that does not live on. */
START_TEST(a_tree_can_be_forgotten) {
  struct arena *tree = arena_new(1024);
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  struct doc_stream stream;
  struct err err;
  static const char text[] = "{apiVersion: slicegate.dev/v1alpha1, kind: GPUPolicy, metadata: "
                             "{name: inline}, spec: {exempt: {namespaces: [\"a*\"]}}}";
  ck_assert(doc_parse_yaml(tree, str_of(text), &doc_limits_policy, &stream, &err));
  struct policy_errors errors;
  CLEANUP_POLICY struct policy *policy =
      policy_read_tree(STR_LIT("cases.yaml"), stream.documents[0], arena, &errors);
  arena_free(tree);
  ck_assert_ptr_nonnull(policy);
  ck_str_is(policy_get(policy)->name, "inline");
  ck_str_is(policy_get(policy)->exempt.namespaces.items[0], "a*");
}
END_TEST

START_TEST(tables_are_complete) {
  for (int rule = 0; rule < RULE_COUNT; rule++) {
    const struct rule_info *info = policy_rule_info((enum rule_id)rule);
    ck_assert_int_eq(info->id, rule);
    ck_assert_uint_gt(strlen(info->holds), 0);
    ck_assert_uint_gt(strlen(info->reason), 0);
  }
  for (int id = 0; id < PARAM_COUNT; id++) {
    const struct param_info *info = policy_param_info((enum param_id)id);
    ck_assert_int_eq(info->id, id);
    ck_assert_uint_gt(strlen(info->help), 0);
    for (int other = 0; other < id; other++) {
      const struct param_info *before = policy_param_info((enum param_id)other);
      ck_assert_msg(before->rule != info->rule || strcmp(before->key, info->key) != 0, "%s",
                    info->key);
    }
  }
}
END_TEST

TCase *case_read(void) {
  TCase *tcase = tcase_create("read");
  tcase_add_test(tcase, example_of_the_documentation);
  tcase_add_test(tcase, builtin_is_its_text);
  tcase_add_test(tcase, builtin_denies_three_rules);
  tcase_add_test(tcase, what_is_left_out_is_built_in);
  tcase_add_test(tcase, an_empty_spec_is_the_built_in_policy);
  tcase_add_test(tcase, lists_replace_and_rows_come_first);
  tcase_add_test(tcase, off_is_a_severity);
  tcase_add_test(tcase, every_parameter_can_be_set);
  tcase_add_test(tcase, pools_of_products_we_do_not_know);
  tcase_add_test(tcase, anchors_and_merges_work);
  tcase_add_test(tcase, a_tree_can_be_forgotten);
  tcase_add_test(tcase, tables_are_complete);
  return tcase;
}

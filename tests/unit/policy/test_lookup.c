/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds, GPU resources, marks of GPU nodes, keys that rules read. */
#include "policy_suite.h"

static const struct {
  const char *name;
  int form; /* -1: no GPU, -2: not known at all */
} resources[] = {
    {"nvidia.com/gpu", GPU_WHOLE},
    {"nvidia.com/gpu.shared", GPU_SHARED},
    {"nvidia.com/mig-1g.10gb", GPU_MIG},
    {"nvidia.com/mig-1g.10gb.me", GPU_MIG},
    {"nvidia.com/mig-1g.10gb.shared", GPU_SHARED},
    {"nvidia.com/gpumem", GPU_AUX},
    {"nvidia.com/gpumem-percentage", GPU_AUX},
    {"nvidia.com/gpucores", GPU_AUX},
    {"nvidia.com/priority", GPU_AUX},
    {"nvidia.com/GRID_A100-40C", GPU_OTHER},
    {"nvidia.com/TU104GL_Tesla_T4", GPU_OTHER},
    {"nvidia.com/pgpu", GPU_OTHER},
    {"nvidia.com/hostdev", -1},
    {"nvidia.com/gpus", -2},
    {"nvidia.com/GPU", -2},
    {"nvidia.com/mig_1g.10gb", -2},
    {"nvidia.com/", -2},
    {"amd.com/gpu", GPU_WHOLE},
    {"amd.com/cpx_nps4", GPU_OTHER},
    {"amd.com/gpus", -2},
    {"gpu.intel.com/i915", GPU_OTHER},
    {"gpu.intel.com/xe", GPU_OTHER},
    {"gpu.intel.com/monitoring", -1},
    {"gpu.intel.com/i915_monitoring", -1},
    {"aliyun.com/gpu-mem", GPU_AUX},
    {"aliyun.com/gpu-count", GPU_OTHER},
    {"volcano.sh/vgpu-number", GPU_OTHER},
    {"cpu", -2},
    {"memory", -2},
    {"hugepages-2Mi", -2},
    {"ephemeral-storage", -2},
    {"gpu", -2},
    {"rdma/hca", -2},
    {"", -2},
};

START_TEST(gpu_resources) {
  CLEANUP_POLICY struct policy *policy = policy_builtin();
  enum gpu_resource_form form = GPU_WHOLE;
  struct str name = str_of(resources[_i].name);
  bool is_gpu = policy_gpu_resource(policy_get(policy), name, &form);
  ck_assert_msg(is_gpu == (resources[_i].form >= 0), "%s", resources[_i].name);
  ck_assert_msg(!is_gpu || (int)form == resources[_i].form, "%s is %d, expected %d",
                resources[_i].name, (int)form, resources[_i].form);
  ck_assert_msg(policy_knows_resource(policy_get(policy), name) == (resources[_i].form >= -1), "%s",
                resources[_i].name);
}
END_TEST

static const struct {
  const char *key;
  bool is_label, is_taint;
} marks[] = {
    {"nvidia.com/gpu", false, true},
    {"nvidia.com/gpu.product", true, false},
    {"nvidia.com/gpu.present", true, false},
    {"nvidia.com/mig.strategy", true, false},
    {"nvidia.com/mig-1g.10gb", true, true},
    {"nvidia.com/mig-1g.10gb.count", true, true},
    {"nvidia.com/cuda.driver.major", true, false},
    {"amd.com/gpu", false, true},
    {"amd.com/cpx_nps4", false, true},
    {"amd.com/gpu.vram", true, false},
    {"beta.amd.com/gpu.vram.64G", true, false},
    {"gpu.intel.com/i915", true, true},
    {"cloud.google.com/gke-accelerator", true, false},
    {"cloud.google.com/gke-accelerator-count", true, false},
    {"k8s.amazonaws.com/accelerator", true, false},
    {"karpenter.k8s.aws/instance-gpu-name", true, false},
    {"accelerator", true, false},
    {"feature.node.kubernetes.io/pci-10de.present", true, false},
    {"feature.node.kubernetes.io/pci-0302_10de.present", true, false},
    {"feature.node.kubernetes.io/pci-8086.present", false, false},
    {"kubernetes.io/os", false, false},
    {"node.kubernetes.io/not-ready", false, false},
    {"karpenter.k8s.aws/instance-family", false, false},
};

START_TEST(marks_of_gpu_nodes) {
  CLEANUP_POLICY struct policy *policy = policy_builtin();
  struct str key = str_of(marks[_i].key);
  ck_assert_msg(policy_is_gpu_label(policy_get(policy), key) == marks[_i].is_label, "label %s",
                marks[_i].key);
  /* A taint of every MIG resource name may exist; its labels only look like one. */
  ck_assert_msg(policy_is_gpu_taint(policy_get(policy), key) == marks[_i].is_taint, "taint %s",
                marks[_i].key);
}
END_TEST

START_TEST(every_built_in_kind_is_found) {
  CLEANUP_POLICY struct policy *policy = policy_builtin();
  const struct policy_view *view = policy_get(policy);
  struct policy_view by_hand = *view;
  by_hand.index = NULL;
  ck_assert_uint_gt(view->kind_count, 20);
  for (size_t i = 0; i < view->kind_count; i++) {
    const struct workload_kind *row = &view->kinds[i];
    ck_assert_ptr_eq(policy_find_kind(view, row->group, row->kind), row);
    ck_assert_ptr_eq(policy_find_kind(&by_hand, row->group, row->kind), row);
    ck_assert_ptr_null(policy_find_kind(view, STR_LIT("example.com"), row->kind));
  }
  ck_assert_ptr_null(policy_find_kind(view, STR_LIT(""), STR_LIT("ConfigMap")));
  ck_assert_ptr_null(policy_find_kind(view, STR_LIT("apps"), STR_LIT("")));
  ck_assert_ptr_null(policy_find_kind(view, STR_LIT("app"), STR_LIT("sDeployment")));
}
END_TEST

START_TEST(extra_kinds_are_added_and_replace) {
  CLEANUP_POLICY struct policy *builtin = policy_builtin();
  CLEANUP_POLICY struct policy *policy =
      must_read_spec("  extraKinds:\n"
                     "  - group: example.com\n"
                     "    kind: Run\n"
                     "    resource: runs\n"
                     "    templates:\n"
                     "    - {path: \"spec.w[].t\", form: podSpec, count: [\"spec.w[].n\", "
                     "spec.m], countMax: [spec.x]}\n"
                     "    deadlines: [spec.seconds]\n"
                     "    service: true\n"
                     "  - group: apps\n"
                     "    kind: Deployment\n"
                     "    resource: deployments\n"
                     "    versions: [v1]\n"
                     "    templates: [{path: spec.other, form: resources}]\n");
  const struct policy_view *view = policy_get(policy);
  ck_assert_uint_eq(view->kind_count, policy_get(builtin)->kind_count + 1);
  const struct workload_kind *run = policy_find_kind(view, STR_LIT("example.com"), STR_LIT("Run"));
  ck_assert_ptr_nonnull(run);
  ck_str_is(run->resource, "runs");
  ck_str_is(run->versions[0], "*");
  ck_str_is(run->templates[0].path, "spec.w[].t");
  ck_assert(run->templates[0].form == FORM_POD_SPEC);
  ck_str_is(run->templates[0].counts[1], "spec.m");
  ck_assert_uint_eq(run->templates[0].counts[2].len, 0);
  ck_str_is(run->templates[0].counts_max[0], "spec.x");
  ck_str_is(run->deadline_paths[0], "spec.seconds");
  ck_assert(run->is_service && !run->is_builtin_validated);
  const struct workload_kind *deployment =
      policy_find_kind(view, STR_LIT("apps"), STR_LIT("Deployment"));
  ck_str_is(deployment->templates[0].path, "spec.other");
  ck_assert(deployment->is_builtin_validated);
}
END_TEST

START_TEST(keys_that_rules_read) {
  CLEANUP_POLICY struct policy *policy =
      must_read_spec("  rules:\n"
                     "    budget-labels: {severity: warn, labels: {team: {required: true}}}\n"
                     "  overrides:\n"
                     "  - name: a\n"
                     "    match: {objectLabels: {example.com/tier: gold}}\n"
                     "    rules: {spot: deny}\n"
                     "  - name: b\n"
                     "    match: {namespaces: [b]}\n"
                     "    rules: {budget-labels: {labels: {cost-center: {required: true}}}}\n");
  const struct policy_view *view = policy_get(policy);
  static const char *const read[] = {"slicegate.dev/team", "slicegate.dev/anything", "team",
                                     "example.com/tier", "cost-center"};
  static const char *const not_read[] = {"app", "slicegate.device/x", "teams", "", "a"};
  for (size_t i = 0; i < SG_ARRAY_LEN(read); i++)
    ck_assert_msg(policy_reads_key(view, str_of(read[i])), "%s", read[i]);
  for (size_t i = 0; i < SG_ARRAY_LEN(not_read); i++)
    ck_assert_msg(!policy_reads_key(view, str_of(not_read[i])), "%s", not_read[i]);
}
END_TEST

TCase *case_lookup(void) {
  TCase *tcase = tcase_create("look-ups");
  tcase_add_loop_test(tcase, gpu_resources, 0, SG_ARRAY_LEN(resources));
  tcase_add_loop_test(tcase, marks_of_gpu_nodes, 0, SG_ARRAY_LEN(marks));
  tcase_add_test(tcase, every_built_in_kind_is_found);
  tcase_add_test(tcase, extra_kinds_are_added_and_replace);
  tcase_add_test(tcase, keys_that_rules_read);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_HOST_BALANCE,
             "severity: deny, minimumCPU: \"4\", maximumCPU: \"16\", minimumMemory: 16Gi, "
             "maximumMemory: 128Gi");
  given_pod(&b);
}

static void teardown(void) {
  builder_done(&b);
}

static const struct {
  const char *name;
  const char *resource, *gpus, *cpu, *memory;
  const char *field; /* NULL: no finding */
  const char *fragment;
} rows[] = {
    {"in proportion", "nvidia.com/gpu", "2", "8", "64Gi", NULL, NULL},
    {"exactly the least", "nvidia.com/gpu", "2", "8", "32Gi", NULL, NULL},
    {"exactly the most", "nvidia.com/gpu", "2", "32", "256Gi", NULL, NULL},
    {"too little CPU", "nvidia.com/gpu", "2", "7500m", "64Gi",
     "spec.containers[0].resources.requests[cpu]",
     "requests 7500m of CPU for 2 GPUs; the policy wants at least 4 a GPU"},
    {"too much CPU", "nvidia.com/gpu", "1", "17", "64Gi",
     "spec.containers[0].resources.requests[cpu]", "request at most 16 of CPU in all"},
    {"too little memory", "nvidia.com/gpu", "4", "16", "48Gi",
     "spec.containers[0].resources.requests[memory]",
     "requests 48Gi of memory for 4 GPUs; the policy wants at least 16Gi a GPU"},
    {"too much memory", "nvidia.com/gpu", "1", "8", "129Gi",
     "spec.containers[0].resources.requests[memory]", "request at most 128Gi of memory in all"},
    {"no CPU", "nvidia.com/gpu", "1", NULL, "64Gi", "spec.containers[0].resources.requests[cpu]",
     "requests no CPU, so"},
    {"no memory", "nvidia.com/gpu", "1", "8", NULL, "spec.containers[0].resources.requests[memory]",
     "requests no memory, so"},
    {"neither", "nvidia.com/gpu", "1", NULL, NULL, "spec.containers[0].resources.requests[cpu]",
     "requests neither CPU nor memory, so"},
    {"a slice whose GPU is not known is only asked whether it says anything",
     "nvidia.com/mig-1g.10gb", "1", "100m", "1Gi", NULL, NULL},
    {"a slice that says nothing", "nvidia.com/mig-1g.10gb", "1", NULL, "1Gi",
     "spec.containers[0].resources.requests[cpu]", NULL},
    {"a share is only asked whether it says anything", "nvidia.com/gpu.shared", "1", "100m", "1Gi",
     NULL, NULL},
};

START_TEST(host_and_gpu) {
  with_container(&b, "main");
  with_limit(&b, rows[_i].resource, rows[_i].gpus);
  if (rows[_i].cpu)
    with_request(&b, "cpu", rows[_i].cpu);
  if (rows[_i].memory)
    with_request(&b, "memory", rows[_i].memory);
  const struct adm_verdict *verdict = judge(&b);
  if (rows[_i].field)
    expect_finding_row(rows[_i].name, verdict, RULE_HOST_BALANCE, SEVERITY_DENY, rows[_i].field,
                       rows[_i].fragment);
  else
    expect_none_row(rows[_i].name, verdict, RULE_HOST_BALANCE);
}
END_TEST

START_TEST(gpus_beyond_all_numbers_do_not_overflow) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "9223372036854775807");
  with_request(&b, "cpu", "9223372036854775807");
  with_request(&b, "memory", "8Ei");
  judge(&b);
}
END_TEST

START_TEST(a_container_is_asked_once_and_init_containers_are_not) {
  with_init_container(&b, "warm");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_limit(&b, "nvidia.com/mig-1g.10gb", "1");
  expect_finding(judge(&b), RULE_HOST_BALANCE, SEVERITY_DENY,
                 "spec.containers[0].resources.requests[cpu]", NULL);
}
END_TEST

START_TEST(where_the_host_is_described_elsewhere_nothing_is_missed) {
  given_object(&b, "sparkoperator.k8s.io", "SparkApplication");
  b.tmpl->is_partial = true;
  with_container(&b, "driver");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_template(&b, FORM_GPU_COUNT, "spec.driver.gpu", "");
  with_container(&b, "");
  with_limit(&b, "nvidia.com/gpu", "1");
  expect_none(judge(&b), RULE_HOST_BALANCE);
}
END_TEST

START_TEST(limits_count_where_requests_are_missing) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_limit(&b, "cpu", "8");
  with_limit(&b, "memory", "64Gi");
  expect_none(judge(&b), RULE_HOST_BALANCE);
}
END_TEST

START_TEST(the_pod_is_measured_as_a_whole) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "2");
  with_request(&b, "cpu", "4");
  with_request(&b, "memory", "30Gi");
  with_container(&b, "loader");
  with_request(&b, "cpu", "4");
  with_request(&b, "memory", "2Gi");
  expect_none(judge(&b), RULE_HOST_BALANCE);
}
END_TEST

START_TEST(pod_level_requests_are_the_pods) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  struct resource_amount amounts[] = {
      {.name = STR_LIT("cpu"), .text = STR_LIT("8"), .amount = {8, 0}, .is_valid = true},
      {.name = STR_LIT("memory"), .text = STR_LIT("1Gi"), .amount = {1 << 30, 0}, .is_valid = true},
  };
  b.tmpl->spec.pod_requests = amounts;
  b.tmpl->spec.pod_request_count = 2;
  expect_finding(judge(&b), RULE_HOST_BALANCE, SEVERITY_DENY, NULL,
                 "requests 1Gi of memory for 1 GPU;");
}
END_TEST

START_TEST(a_slice_counts_as_its_share_of_the_gpu) {
  given_node(&b, "a");
  with_node_label(&b, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3");
  with_node_resource(&b, "nvidia.com/mig-3g.40gb", "2");
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/mig-3g.40gb", "2");
  with_request(&b, "cpu", "2");
  with_request(&b, "memory", "64Gi");
  /* 6/7 of 4 CPUs are 3428.57m. */
  expect_finding(judge(&b), RULE_HOST_BALANCE, SEVERITY_DENY, NULL,
                 "requests 2 of CPU for 6/7 of a GPU; the policy wants at least 4 a GPU");
  expect_finding(judge(&b), RULE_HOST_BALANCE, SEVERITY_DENY, NULL,
                 "request at least 3429m of CPU in all");
  with_container(&b, "loader");
  with_request(&b, "cpu", "1429m");
  expect_none(judge(&b), RULE_HOST_BALANCE);
}
END_TEST

START_TEST(whole_gpus_and_slices_add_up) {
  given_node(&b, "a");
  with_node_label(&b, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3");
  with_node_resource(&b, "nvidia.com/mig-1g.10gb", "7");
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_request(&b, "cpu", "4");
  with_request(&b, "memory", "64Gi");
  with_container(&b, "side");
  with_limit(&b, "nvidia.com/mig-1g.10gb", "1");
  with_request(&b, "cpu", "0");
  with_request(&b, "memory", "64Gi");
  expect_finding(judge(&b), RULE_HOST_BALANCE, SEVERITY_DENY, NULL, "for 8/7 of a GPU");
}
END_TEST

START_TEST(zero_means_no_bound) {
  given_rule(&b, RULE_HOST_BALANCE,
             "severity: deny, minimumCPU: \"0\", maximumCPU: \"0\", minimumMemory: \"0\", "
             "maximumMemory: \"0\"");
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "8");
  with_request(&b, "cpu", "1m");
  with_request(&b, "memory", "1Ti");
  expect_none(judge(&b), RULE_HOST_BALANCE);
}
END_TEST

TCase *tcase_host_balance(void) {
  TCase *tcase = tcase_create("host-balance");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, host_and_gpu, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, gpus_beyond_all_numbers_do_not_overflow);
  tcase_add_test(tcase, a_container_is_asked_once_and_init_containers_are_not);
  tcase_add_test(tcase, where_the_host_is_described_elsewhere_nothing_is_missed);
  tcase_add_test(tcase, limits_count_where_requests_are_missing);
  tcase_add_test(tcase, the_pod_is_measured_as_a_whole);
  tcase_add_test(tcase, pod_level_requests_are_the_pods);
  tcase_add_test(tcase, a_slice_counts_as_its_share_of_the_gpu);
  tcase_add_test(tcase, whole_gpus_and_slices_add_up);
  tcase_add_test(tcase, zero_means_no_bound);
  return tcase;
}

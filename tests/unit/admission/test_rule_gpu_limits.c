/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/cases.h"
#include "tests/unit/admission/yaml_object.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_GPU_LIMITS, "severity: deny");
}

static void teardown(void) {
  builder_done(&b);
}

#define LIMITS "spec.containers[0].resources.limits"
#define REQUESTS "spec.containers[0].resources.requests"

struct row {
  const char *name, *spec;
  const char *field; /* NULL: no finding */
  const char *message;
  const char *remedy;
};

static void check(const struct row *row, enum severity severity) {
  const struct adm_verdict *verdict = judge(&b);
  if (!row->field) {
    expect_none_row(row->name, verdict, RULE_GPU_LIMITS);
    return;
  }
  expect_finding_row(row->name, verdict, RULE_GPU_LIMITS, severity, row->field, row->message);
  if (row->remedy)
    expect_finding_row(row->name, verdict, RULE_GPU_LIMITS, severity, row->field, row->remedy);
}

/* ---- amounts -------------------------------------------------------------------------- */

static const struct row amounts[] = {
    {"a limit alone is right: the request is filled in from it",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1}}}]", NULL, NULL, NULL},
    {"a request equal to its limit",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1}, requests: {nvidia.com/gpu: "
     "1}}}]",
     NULL, NULL, NULL},
    {"equal in value is equal",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 2}, requests: {nvidia.com/gpu: "
     "2000m}}}]",
     NULL, NULL, NULL},
    {"1000m is 1", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1000m}}}]", NULL,
     NULL, NULL},
    {"1e0 is 1", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: \"1e0\"}}}]", NULL,
     NULL, NULL},
    {"0 means no device", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0}}}]", NULL,
     NULL, NULL},
    {"0.5 is not whole", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0.5}}}]",
     LIMITS "[nvidia.com/gpu]", "0.5 is not a whole number, and devices are handed out whole",
     "write 1, or ask for a part of a GPU by its own name where nodes offer one: a MIG slice such "
     "as nvidia.com/mig-1g.10gb, or a share, nvidia.com/gpu.shared"},
    {"500m is not whole", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 500m}}}]",
     LIMITS "[nvidia.com/gpu]", "0.5 is not a whole number", NULL},
    {"who writes 1.5 wants no part of one",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1.5}}}]",
     LIMITS "[nvidia.com/gpu]", "1.5 is not a whole number", "write 2"},
    {"half a slice", "containers: [{name: a, resources: {limits: {nvidia.com/mig-1g.10gb: 0.5}}}]",
     LIMITS "[nvidia.com/mig-1g.10gb]", "0.5 is not a whole number", "write 1"},
    {"half a share of memory is not whole either",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpumem: 0.5}}}]",
     LIMITS "[nvidia.com/gpumem]", "0.5 is not a whole number", "write 1"},
    {"both wrong in one way is told once",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0.5}, requests: "
     "{nvidia.com/gpu: 0.5}}}]",
     LIMITS "[nvidia.com/gpu]", "0.5 is not a whole number", NULL},
    {"as many as may be", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 65535}}}]",
     NULL, NULL, NULL},
    {"more than any node has",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 999999999}}}]",
     LIMITS "[nvidia.com/gpu]", "999999999 is more than any node has",
     "write how many one pod needs"},
    {"beyond all counting", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1e30}}}]",
     LIMITS "[nvidia.com/gpu]", "is more than any node has", NULL},
    {"memory of a card",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpumem: 81920, "
     "nvidia.com/gpu: 1}}}]",
     NULL, NULL, NULL},
    {"a part of a GPU",
     "containers: [{name: a, resources: {limits: {slicegate.dev/gpu-milli: 999}}}]", NULL, NULL,
     NULL},
    {"GPUs in thousandths",
     "containers: [{name: a, resources: {limits: {slicegate.dev/gpu-milli: 65000}}}]", NULL, NULL,
     NULL},
    {"between one GPU and two",
     "containers: [{name: a, resources: {limits: {slicegate.dev/gpu-milli: 1500}}}]",
     LIMITS "[slicegate.dev/gpu-milli]", "1500 is neither a part of one GPU (1 to 999) nor whole",
     "write 2000"},
    {"more thousandths than any node has",
     "containers: [{name: a, resources: {limits: {slicegate.dev/gpu-milli: 99000}}}]",
     LIMITS "[slicegate.dev/gpu-milli]", "99000 is more than any node has", "write at most 65000"},
    {"thousandths of thousandths",
     "containers: [{name: a, resources: {limits: {slicegate.dev/gpu-milli: 1.5}}}]",
     LIMITS "[slicegate.dev/gpu-milli]", "1.5 is not a whole number", "write 2"},
    {"negative", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: -1}}}]",
     LIMITS "[nvidia.com/gpu]", "-1 is negative", "leave the line out"},
    {"no number", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: one}}}]",
     LIMITS "[nvidia.com/gpu]", "\"one\" is no number", "write a whole number such as 1"},
    {"a list", "containers: [{name: a, resources: {limits: {nvidia.com/gpu: [1]}}}]",
     LIMITS "[nvidia.com/gpu]", "is no number", NULL},
    {"null is 0, as Kubernetes reads it",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: null}}}]", NULL, NULL, NULL},
    {"a request without a limit",
     "containers: [{name: a, resources: {requests: {nvidia.com/gpu: 2}}}]",
     REQUESTS "[nvidia.com/gpu]", "nvidia.com/gpu is requested without a limit",
     "write nvidia.com/gpu: 2 in limits"},
    {"a request of 0 without a limit is refused by Kubernetes too",
     "containers: [{name: a, resources: {requests: {nvidia.com/gpu: 0}}}]",
     REQUESTS "[nvidia.com/gpu]", "without a limit", NULL},
    {"a request below its limit",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 2}, requests: {nvidia.com/gpu: "
     "1}}}]",
     REQUESTS "[nvidia.com/gpu]", "a request of 1 beside a limit of 2: the two must be equal",
     "write the same number in both, or leave the request out"},
    {"a request that is no number beside a good limit",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 2}, requests: {nvidia.com/gpu: "
     "two}}}]",
     REQUESTS "[nvidia.com/gpu]", "\"two\" is no number", NULL},
    {"cpu may be divided and requested without a limit",
     "containers: [{name: a, resources: {requests: {cpu: 500m, memory: 1Gi, ephemeral-storage: "
     "1Gi}, limits: {memory: 2Gi, hugepages-2Mi: 2Mi}}}]",
     NULL, NULL, NULL},
    {"other vendors' devices are held to the same",
     "containers: [{name: a, resources: {limits: {amd.com/gpu: 0.5}}}]", LIMITS "[amd.com/gpu]",
     "0.5 is not a whole number", "write 1"},
    {"devices that are no GPUs are not ours",
     "containers: [{name: a, resources: {limits: {example.com/fpga: 0.5}}}]", NULL, NULL, NULL},
    {"init containers",
     "containers: [{name: a}]\ninitContainers: [{name: i, resources: {limits: {nvidia.com/gpu: "
     "0.5}}}]",
     "spec.initContainers[0].resources.limits[nvidia.com/gpu]", "0.5 is not a whole number", NULL},
    {"sidecars",
     "containers: [{name: a}]\ninitContainers: [{name: i}, {name: s, restartPolicy: Always, "
     "resources: {requests: {nvidia.com/gpu: 1}}}]",
     "spec.initContainers[1].resources.requests[nvidia.com/gpu]", "without a limit", NULL},
};

START_TEST(amount) {
  given_pod_spec(&b, amounts[_i].spec);
  check(&amounts[_i], SEVERITY_DENY);
}
END_TEST

/* ---- names ------------------------------------------------------------------------------ */

static const struct {
  const char *name, *resource;
  const char *meant; /* NULL: no finding */
} names[] = {
    {"the plural", "nvidia.com/gpus", "nvidia.com/gpu"},
    {"capitals", "nvidia.com/GPU", "nvidia.com/gpu"},
    {"an underscore", "nvidia.com/mig_1g.5gb", "nvidia.com/mig-1g.5gb"},
    {"no hyphen", "nvidia.com/mig1g.5gb", "nvidia.com/mig-1g.5gb"},
    {"no mig-", "nvidia.com/3g.40gb", "nvidia.com/mig-3g.40gb"},
    {"a share of a typing error", "nvidia.com/gpus.shared", "nvidia.com/gpu.shared"},
    {"HAMi's memory", "nvidia.com/gpu-mem", "nvidia.com/gpumem"},
    {"another vendor's plural", "amd.com/gpus", "amd.com/gpu"},
    {"Intel's other driver", "gpu.intel.com/i951", "gpu.intel.com/i915"},
    {"no domain", "gpu", "nvidia.com/gpu"},
    {"no domain, in capitals", "GPU", "nvidia.com/gpu"},
    {"no domain, with the vendor", "nvidia-gpu", "nvidia.com/gpu"},
    {"no slash", "nvidia.com.gpu", "nvidia.com/gpu"},
    {"a slice without a domain", "mig-1g.10gb", "nvidia.com/mig-1g.10gb"},
    {"half a domain", "nvidia/gpu", "nvidia.com/gpu"},
    {"a letter of the domain", "nvidea.com/gpu", "nvidia.com/gpu"},
    {"a letter less", "nvida.com/mig-1g.5gb", "nvidia.com/mig-1g.5gb"},
    {"two letters swapped", "nvidai.com/gpu", "nvidia.com/gpu"},
    {"a domain in capitals", "NVIDIA.com/gpu", "nvidia.com/gpu"},
    {"a quota's name", "requests.nvidia.com/gpu", "nvidia.com/gpu"},
    {"the name of old times", "alpha.kubernetes.io/nvidia-gpu", "nvidia.com/gpu"},
    {"a network card of the same vendor", "nvidia.com/hostdev", NULL},
    {"RDMA of the same vendor", "nvidia.com/rdma_shared_device_a", NULL},
    {"SR-IOV of the same vendor", "nvidia.com/sriov_resource", NULL},
    {"a vGPU, as KubeVirt names it", "nvidia.com/GRID_A100-40C", NULL},
    {"a slice", "nvidia.com/mig-1g.10gb", NULL},
    {"a slice with media engines", "nvidia.com/mig-1g.10gb.me", NULL},
    {"a share", "nvidia.com/gpu.shared", NULL},
    {"a share of a slice", "nvidia.com/mig-1g.5gb.shared", NULL},
    {"AMD's partition", "amd.com/cpx_nps4", NULL},
    {"another vendor's device", "google.com/tpu", NULL},
    {"another vendor's GPU", "ibm.com/gpu", NULL},
    {"Volcano's vGPU", "volcano.sh/vgpu-number", NULL},
    {"a device class, of which DRA gives devices", "deviceclass.resource.kubernetes.io/gpu", NULL},
    {"a device class with the vendor's name", "deviceclass.resource.kubernetes.io/gpu.nvidia.com",
     NULL},
    {"another product of the same vendor", "npu.intel.com/accel", NULL},
    {"a third one", "vpu.intel.com/vpu", NULL},
    {"an Intel GPU under WSL", "gpu.intel.com/dxg", NULL},
    {"AMD's network cards", "amd.com/nic", NULL},
    {"parts of them", "amd.com/vnic", NULL},
    {"AMD's FPGAs", "amd.com/xilinx_u55c_gen3x16_xdma_base_3-0", NULL},
    {"a BlueField's functions", "nvidia.com/bf_sf", NULL},
    {"virtual ones", "nvidia.com/bf_vf", NULL},
    {"trusted ones", "nvidia.com/bf_sf_trusted", NULL},
    {"a switch passed through", "nvidia.com/nvswitch", NULL},
    {"a part by its memory, as nos names it", "nvidia.com/gpu-10gb", NULL},
    {"a port of InfiniBand", "nvidia.com/ibs0", NULL},
    {"characters that no name has", "nvidia.com/gpus<>", "nvidia.com/gpu"},
    {"two letters of a longer name", "nvidia.com/gpumem-precentag", "nvidia.com/gpumem-percentage"},
    {"what the policy knows besides", "nvidia.com/special", NULL},
    {"a pattern of what it knows", "nvidia.com/lab-7", NULL},
    {"memory", "memory", NULL},
    {"huge pages", "hugepages-1Gi", NULL},
};

START_TEST(mistaken_name) {
  given_rule(&b, RULE_GPU_LIMITS,
             "severity: deny, knownNames: [nvidia.com/special, \"nvidia.com/lab-*\"]");
  given_pod(&b);
  with_container(&b, "a");
  with_limit(&b, names[_i].resource, "1");
  const struct adm_verdict *verdict = judge(&b);
  if (!names[_i].meant) {
    expect_none_row(names[_i].name, verdict, RULE_GPU_LIMITS);
    return;
  }
  CLEANUP_BUF struct buf text;
  buf_init(&text, 256);
  buf_printf(&text, LIMITS "[%s]", names[_i].resource);
  expect_finding_row(names[_i].name, verdict, RULE_GPU_LIMITS, SEVERITY_DENY, text.ptr,
                     names[_i].resource);
  buf_clear(&text);
  buf_printf(&text, "write %s", names[_i].meant);
  const struct finding *finding = first_finding(verdict, RULE_GPU_LIMITS);
  struct str rest = str_skip(finding->remedy, text.len);
  bool has_way_out = str_starts_with(rest, STR_LIT("; where a device plugin does offer ")) &&
                     str_ends_with(rest, STR_LIT("added to knownNames of this rule"));
  ck_assert_msg(str_starts_with(finding->remedy, buf_str(&text)) &&
                    (strchr(names[_i].resource, '/') ? has_way_out : rest.len == 0),
                "%s: %.*s", names[_i].name, STR_FMT(finding->remedy));
}
END_TEST

static const char *const unlike[] = {
    "nvidia.com/telepathy-unit", "nvidia.com/gpu-a100", "nvidia.com/gpu2",   "nvidia.com/dpu-port",
    "nvidia.com/gpu_pool_b",     "amd.com/dsp",         "gpu.intel.com/d3d",
};

START_TEST(a_name_like_no_other_only_warns) {
  given_pod(&b);
  with_container(&b, "a");
  with_limit(&b, unlike[_i], "1");
  expect_finding_row(unlike[_i], judge(&b), RULE_GPU_LIMITS, SEVERITY_WARN, NULL,
                     "have it added to knownNames");
}
END_TEST

START_TEST(what_a_node_offers_is_no_typing_error) {
  given_pod_spec(&b, "containers: [{name: a, resources: {limits: {nvidia.com/gpus: 1}}}]");
  given_node(&b, "odd");
  with_node_resource(&b, "nvidia.com/gpus", "8");
  expect_none(judge(&b), RULE_GPU_LIMITS);
}
END_TEST

START_TEST(nor_is_what_it_has_none_of_now) {
  given_pod_spec(&b, "containers: [{name: a, resources: {limits: {nvidia.com/gpus: 1}}}]");
  given_node(&b, "odd");
  with_node_resource(&b, "nvidia.com/gpus", "0");
  expect_none(judge(&b), RULE_GPU_LIMITS);
}
END_TEST

START_TEST(a_name_is_told_once_for_both_lists) {
  given_pod_spec(&b, "containers: [{name: a, resources: {limits: {nvidia.com/gpus: 1}, requests: "
                     "{nvidia.com/gpus: 1}}}]");
  expect_finding(judge(&b), RULE_GPU_LIMITS, SEVERITY_DENY, LIMITS "[nvidia.com/gpus]",
                 "write nvidia.com/gpu");
}
END_TEST

/* ---- the cluster's own parts ------------------------------------------------------------- */

START_TEST(parts_that_nodes_offer_are_named) {
  given_pod_spec(&b, "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0.25}}}]");
  given_node(&b, "sliced");
  with_node_resource(&b, "nvidia.com/mig-1g.10gb", "7");
  with_node_resource(&b, "nvidia.com/mig-3g.40gb", "2");
  with_node_resource(&b, "nvidia.com/gpu", "4");
  expect_finding(judge(&b), RULE_GPU_LIMITS, SEVERITY_DENY, NULL,
                 "write 1, or ask for a part of a GPU by its own name: nvidia.com/mig-1g.10gb or "
                 "nvidia.com/mig-3g.40gb");
}
END_TEST

START_TEST(no_parts_are_promised_where_no_node_offers_any) {
  given_pod_spec(&b, "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0.25}}}]");
  given_node(&b, "whole");
  with_node_resource(&b, "nvidia.com/gpu", "4");
  const struct finding *finding = first_finding(judge(&b), RULE_GPU_LIMITS);
  ck_assert(finding && str_is(finding->remedy, "write 1"));
}
END_TEST

/* ---- several names in one container --------------------------------------------------------- */

static const struct {
  const char *name, *spec;
  enum severity severity; /* OFF: no finding */
} pairs[] = {
    {"a GPU and a slice in one container",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1, nvidia.com/mig-1g.5gb: 1}}}]",
     SEVERITY_DENY},
    {"a GPU and a share",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1, nvidia.com/gpu.shared: 1}}}]",
     SEVERITY_DENY},
    {"a slice and a share of one",
     "containers: [{name: a, resources: {limits: {nvidia.com/mig-1g.5gb: 1, "
     "nvidia.com/gpu.shared: 1}}}]",
     SEVERITY_DENY},
    {"a GPU and a partition",
     "containers: [{name: a, resources: {limits: {amd.com/gpu: 1, amd.com/cpx_nps4: 1}}}]",
     SEVERITY_DENY},
    {"two profiles",
     "containers: [{name: a, resources: {limits: {nvidia.com/mig-1g.5gb: 1, "
     "nvidia.com/mig-2g.10gb: 1}}}]",
     SEVERITY_WARN},
    {"two vendors",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1, amd.com/gpu: 1}}}]",
     SEVERITY_WARN},
    {"none of the second",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1, nvidia.com/mig-1g.5gb: 0}}}]",
     SEVERITY_OFF},
    {"HAMi's share of a GPU says how much, not which",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1, nvidia.com/gpumem: 3000, "
     "nvidia.com/gpucores: 30}}}]",
     SEVERITY_OFF},
    {"in either order",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpumem: 3000, nvidia.com/gpu: 1}}}]",
     SEVERITY_OFF},
    {"two GPUs passed through to a virtual machine",
     "containers: [{name: a, resources: {limits: {nvidia.com/GRID_A100-40C: 1, "
     "nvidia.com/TU104GL_Tesla_T4: 1}}}]",
     SEVERITY_OFF},
    {"one each in two containers may be meant",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 1}}}, {name: b, resources: "
     "{limits: {nvidia.com/mig-1g.5gb: 1}}}]",
     SEVERITY_OFF},
};

START_TEST(a_gpu_by_two_names) {
  given_pod_spec(&b, pairs[_i].spec);
  const struct adm_verdict *verdict = judge(&b);
  if (pairs[_i].severity == SEVERITY_OFF)
    expect_none_row(pairs[_i].name, verdict, RULE_GPU_LIMITS);
  else
    expect_finding_row(pairs[_i].name, verdict, RULE_GPU_LIMITS, pairs[_i].severity, NULL,
                       "asks for a GPU twice");
}
END_TEST

START_TEST(the_second_name_is_where_it_is_told) {
  given_pod_spec(&b, pairs[0].spec);
  expect_finding(judge(&b), RULE_GPU_LIMITS, SEVERITY_DENY, LIMITS "[nvidia.com/mig-1g.5gb]",
                 "it would hold nvidia.com/gpu and nvidia.com/mig-1g.5gb");
}
END_TEST

/* ---- the maximum ------------------------------------------------------------------------------
 */

static const struct {
  const char *name, *resource, *amount;
  bool is_denied;
} maxima[] = {
    {"as many as allowed", "nvidia.com/gpu", "8", false},
    {"one more", "nvidia.com/gpu", "9", true},
    {"shares count too", "nvidia.com/gpu.shared", "9", true},
    {"slices have their own maximum", "nvidia.com/mig-1g.10gb", "9", false},
    {"amounts of memory are no count", "nvidia.com/gpumem", "3000", false},
    {"more than can be counted", "nvidia.com/gpu", "1e30", true},
};

START_TEST(most_in_one_container) {
  given_rule(&b, RULE_GPU_LIMITS, "severity: deny, maxPerContainer: 8");
  given_pod(&b);
  with_container(&b, "a");
  with_limit(&b, maxima[_i].resource, maxima[_i].amount);
  if (maxima[_i].is_denied)
    expect_finding_row(maxima[_i].name, judge(&b), RULE_GPU_LIMITS, SEVERITY_DENY, NULL,
                       "GPUs in one container, and at most 8 are allowed");
  else
    expect_none_row(maxima[_i].name, judge(&b), RULE_GPU_LIMITS);
}
END_TEST

/* ---- where no GPU can be asked for
 * --------------------------------------------------------------- */

static const struct row places[] = {
    {"an ephemeral container",
     "containers: [{name: a}]\nephemeralContainers: [{name: e, resources: {limits: "
     "{nvidia.com/gpu: 1}}}]",
     "spec.ephemeralContainers[0].resources.limits[nvidia.com/gpu]",
     "an ephemeral container may have no resources, and so no GPU", "kubectl debug --copy-to"},
    {"an ephemeral container, in requests",
     "containers: [{name: a}]\nephemeralContainers: [{name: e, resources: {requests: "
     "{nvidia.com/gpu: 1}}}]",
     "spec.ephemeralContainers[0].resources.requests[nvidia.com/gpu]", "ephemeral", NULL},
    {"an ephemeral container without a GPU is Kubernetes' own business",
     "containers: [{name: a}]\nephemeralContainers: [{name: e, resources: {limits: {cpu: 1}}}]",
     NULL, NULL, NULL},
    {"the limits of a whole pod",
     "containers: [{name: a}]\nresources: {limits: {nvidia.com/gpu: 1}}",
     "spec.resources.limits[nvidia.com/gpu]",
     "the resources of a whole pod are cpu, memory and hugepages",
     "move nvidia.com/gpu to resources.limits of the container that uses it"},
    {"the requests of a whole pod",
     "containers: [{name: a}]\nresources: {requests: {nvidia.com/mig-1g.5gb: 1}}",
     "spec.resources.requests[nvidia.com/mig-1g.5gb]", "GPUs belong to a container", NULL},
    {"a whole pod's cpu", "containers: [{name: a}]\nresources: {limits: {cpu: 4}}", NULL, NULL,
     NULL},
    {"overhead", "containers: [{name: a}]\noverhead: {nvidia.com/gpu: 1}",
     "spec.overhead[nvidia.com/gpu]", "overhead is what the container runtime itself takes",
     "move nvidia.com/gpu to resources.limits"},
    {"overhead of cpu and memory", "containers: [{name: a}]\noverhead: {cpu: 250m, memory: 120Mi}",
     NULL, NULL, NULL},
};

START_TEST(place_without_gpus) {
  given_pod_spec(&b, places[_i].spec);
  check(&places[_i], SEVERITY_DENY);
}
END_TEST

/* ---- templates of all forms
 * ------------------------------------------------------------------------ */

static const struct row objects[] = {
    {"a Deployment's template with a limit alone is right",
     "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: a, "
     "resources: {limits: {nvidia.com/gpu: 1}}}]}}}}",
     NULL, NULL, NULL},
    {"a Deployment's template",
     "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: a, "
     "resources: {limits: {nvidia.com/gpu: 0.5}}}]}}}}",
     "spec.template.spec.containers[0].resources.limits[nvidia.com/gpu]", "0.5", NULL},
    {"a PyTorchJob, which nobody else checks",
     "{apiVersion: kubeflow.org/v1, kind: PyTorchJob, spec: {pytorchReplicaSpecs: {Worker: "
     "{template: {spec: {containers: [{name: a, resources: {requests: {nvidia.com/gpu: 1}}}]}}}}}}",
     "spec.pytorchReplicaSpecs.Worker.template.spec.containers[0].resources.requests"
     "[nvidia.com/gpu]",
     "without a limit", NULL},
    {"a TrainJob's resources",
     "{apiVersion: trainer.kubeflow.org/v1alpha1, kind: TrainJob, spec: {trainer: "
     "{resourcesPerNode: {limits: {nvidia.com/gpus: 1}}}}}",
     "spec.trainer.resourcesPerNode.limits[nvidia.com/gpus]", "write nvidia.com/gpu", NULL},
    {"Spark's quantity",
     "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, spec: {executor: {gpu: "
     "{name: nvidia.com/gpu, quantity: 0.5}}}}",
     "spec.executor.gpu.quantity", "0.5 is not a whole number", NULL},
    {"Spark's quantity, forgotten",
     "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, spec: {executor: {gpu: "
     "{name: nvidia.com/gpu}}}}",
     "spec.executor.gpu.quantity", "says no number", NULL},
    {"Spark's name",
     "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, spec: {executor: {gpu: "
     "{name: gpu, quantity: 1}}}}",
     "spec.executor.gpu.name", "gpu is no resource of Kubernetes", "write nvidia.com/gpu"},
};

START_TEST(object) {
  given_yaml(&b, objects[_i].spec);
  check(&objects[_i], SEVERITY_DENY);
}
END_TEST

START_TEST(every_mistake_is_told_in_one_answer) {
  given_pod_spec(&b, "containers:\n"
                     "- {name: a, resources: {limits: {nvidia.com/gpu: 0.5}}}\n"
                     "- {name: b, resources: {limits: {nvidia.com/gpus: 1}}}\n"
                     "- {name: c, resources: {requests: {nvidia.com/gpu: 1}}}\n");
  ck_assert_uint_eq(count_findings(judge(&b), RULE_GPU_LIMITS), 3);
}
END_TEST

START_TEST(a_hostile_number_of_names_is_bounded) {
  enum { NAMES = 5000 };
  given_pod(&b);
  with_container(&b, "a");
  for (int i = 0; i < NAMES; i++)
    with_limit(&b, str_printf(b.arena, "nvidia.com/mig-1g.%dgb", i).ptr, i ? "0" : "one");
  const struct adm_verdict *verdict = judge(&b);
  ck_assert_uint_eq(count_findings(verdict, RULE_GPU_LIMITS), 2);
}
END_TEST

START_TEST(users_text_cannot_leave_its_place) {
  given_pod(&b);
  with_container(&b, "a");
  with_limit(&b, "nvidia.com/gpu", "1\r\nWarning: trust me\x1b[2J");
  const struct finding *finding = first_finding(judge(&b), RULE_GPU_LIMITS);
  ck_assert(finding && str_is(finding->message, "\"1??Warning: trust me?[2J\" is no number"));
}
END_TEST

TCase *tcase_gpu_limits(void) {
  TCase *tcase = tcase_create("gpu-limits");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, amount, 0, (int)SG_ARRAY_LEN(amounts));
  tcase_add_loop_test(tcase, mistaken_name, 0, (int)SG_ARRAY_LEN(names));
  tcase_add_loop_test(tcase, a_name_like_no_other_only_warns, 0, (int)SG_ARRAY_LEN(unlike));
  tcase_add_test(tcase, what_a_node_offers_is_no_typing_error);
  tcase_add_test(tcase, nor_is_what_it_has_none_of_now);
  tcase_add_test(tcase, a_name_is_told_once_for_both_lists);
  tcase_add_test(tcase, parts_that_nodes_offer_are_named);
  tcase_add_test(tcase, no_parts_are_promised_where_no_node_offers_any);
  tcase_add_loop_test(tcase, a_gpu_by_two_names, 0, (int)SG_ARRAY_LEN(pairs));
  tcase_add_test(tcase, the_second_name_is_where_it_is_told);
  tcase_add_loop_test(tcase, most_in_one_container, 0, (int)SG_ARRAY_LEN(maxima));
  tcase_add_loop_test(tcase, place_without_gpus, 0, (int)SG_ARRAY_LEN(places));
  tcase_add_loop_test(tcase, object, 0, (int)SG_ARRAY_LEN(objects));
  tcase_add_test(tcase, every_mistake_is_told_in_one_answer);
  tcase_add_test(tcase, a_hostile_number_of_names_is_bounded);
  tcase_add_test(tcase, users_text_cannot_leave_its_place);
  return tcase;
}

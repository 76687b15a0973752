/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/cases.h"
#include "tests/unit/admission/yaml_object.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_GPU_BYPASS, "severity: deny");
}

static void teardown(void) {
  builder_done(&b);
}

#define GPU "resources: {limits: {nvidia.com/gpu: 1}}"

static const struct {
  const char *name, *spec;
  enum severity severity; /* OFF: no finding */
  const char *field, *message, *remedy;
} rows[] = {
    /* environment */
    {"all devices without a request",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]}]", SEVERITY_DENY,
     "spec.containers[0].env[0].value",
     "NVIDIA_VISIBLE_DEVICES=all gives the container GPUs that may be another pod's",
     "remove it and ask for a GPU in resources.limits; if none is needed, set it to void"},
    {"all devices beside a request",
     "containers: [{name: a, env: [{name: X}, {name: NVIDIA_VISIBLE_DEVICES, value: all}], " GPU
     "}]",
     SEVERITY_DENY, "spec.containers[0].env[1].value", "NVIDIA_VISIBLE_DEVICES=all",
     "remove it: the device plugin sets it to the GPUs that are asked for"},
    {"one device by its number",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: \"0\"}]}]", SEVERITY_DENY,
     NULL, "NVIDIA_VISIBLE_DEVICES=0", NULL},
    {"one device by its name",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: GPU-8f2b}]}]",
     SEVERITY_DENY, NULL, "NVIDIA_VISIBLE_DEVICES=GPU-8f2b", NULL},
    {"void is none", "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: void}]}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"none is none", "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: none}]}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"empty is none", "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: \"\"}]}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"no value is empty", "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES}]}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"NONE is no word of the runtime",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: NONE}]}]", SEVERITY_DENY,
     NULL, NULL, NULL},
    {"a value from elsewhere is not known",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, valueFrom: {configMapKeyRef: "
     "{name: c, key: k}}}]}]",
     SEVERITY_WARN, "spec.containers[0].env[0].valueFrom", "which is not known here",
     "set it to void"},
    {"nor is another variable's",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: $(DEVICES)}]}]",
     SEVERITY_WARN, "spec.containers[0].env[0].value", "which is not known here", NULL},
    {"AMD's variable", "containers: [{name: a, env: [{name: AMD_VISIBLE_DEVICES, value: all}]}]",
     SEVERITY_DENY, NULL, "AMD_VISIBLE_DEVICES=all", NULL},
    {"what a program chooses among its own devices",
     "containers: [{name: a, env: [{name: CUDA_VISIBLE_DEVICES, value: \"0\"}, {name: "
     "NVIDIA_DRIVER_CAPABILITIES, value: all}], " GPU "}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"an init container",
     "containers: [{name: a}]\n"
     "initContainers: [{name: i, env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]}]",
     SEVERITY_DENY, "spec.initContainers[0].env[0].value", NULL, NULL},
    {"a sidecar",
     "containers: [{name: a}]\ninitContainers: [{name: i}, {name: s, restartPolicy: Always, env: "
     "[{name: NVIDIA_VISIBLE_DEVICES, value: all}]}]",
     SEVERITY_DENY, "spec.initContainers[1].env[0].value", NULL, NULL},
    {"an ephemeral container",
     "containers: [{name: a}]\n"
     "ephemeralContainers: [{name: e, env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]}]",
     SEVERITY_DENY, "spec.ephemeralContainers[0].env[0].value", NULL, NULL},
    /* host paths */
    {"a device of the host",
     "containers: [{name: a}]\n"
     "volumes: [{name: s, emptyDir: {}}, {name: v, hostPath: {path: /dev/nvidia0}}]",
     SEVERITY_DENY, "spec.volumes[1].hostPath.path",
     "/dev/nvidia0 of the host is a GPU device that may be another pod's",
     "remove the volume and ask for a GPU in resources.limits"},
    {"the control device",
     "containers: [{name: a, " GPU "}]\nvolumes: [{name: v, hostPath: {path: /dev/nvidiactl}}]",
     SEVERITY_DENY, NULL, "/dev/nvidiactl", NULL},
    {"the capabilities of slices",
     "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: /dev/nvidia-caps/}}]",
     SEVERITY_DENY, NULL, "/dev/nvidia-caps/", NULL},
    {"a detour",
     "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: //dev/./x/..//nvidia0/}}]",
     SEVERITY_DENY, NULL, "//dev/./x/..//nvidia0/ of the host", NULL},
    {"a detour above the root",
     "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: /../../dev/nvidia0}}]",
     SEVERITY_DENY, NULL, NULL, NULL},
    {"AMD's device", "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: /dev/kfd}}]",
     SEVERITY_DENY, NULL, "/dev/kfd", NULL},
    {"Intel's and AMD's render nodes are not in the built-in list",
     "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: /dev/dri}}]", SEVERITY_OFF,
     NULL, NULL, NULL},
    {"the folder above, on a GPU node",
     "containers: [{name: a, " GPU "}]\nvolumes: [{name: v, hostPath: {path: /dev}}]",
     SEVERITY_WARN, "spec.volumes[0].hostPath.path",
     "/dev of the host holds the GPU devices of all pods on the node",
     "mount only the files or folders that are needed"},
    {"the root, on a GPU node",
     "containers: [{name: a}]\ntolerations: [{key: nvidia.com/gpu, operator: Exists}]\n"
     "volumes: [{name: v, hostPath: {path: /}}]",
     SEVERITY_WARN, NULL, "/ of the host holds", NULL},
    {"the root elsewhere is for agents of all sorts",
     "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: /}}]", SEVERITY_OFF, NULL, NULL,
     NULL},
    {"shared memory of the host",
     "containers: [{name: a, " GPU "}]\nvolumes: [{name: v, hostPath: {path: /dev/shm}}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"a folder that only begins alike",
     "containers: [{name: a, " GPU "}]\nvolumes: [{name: v, hostPath: {path: /de}}]", SEVERITY_OFF,
     NULL, NULL, NULL},
    {"a folder of data",
     "containers: [{name: a, " GPU "}]\nvolumes: [{name: v, hostPath: {path: /data}}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    /* runtime class */
    {"NVIDIA's runtime without a request", "containers: [{name: a}]\nruntimeClassName: nvidia",
     SEVERITY_DENY, "spec.runtimeClassName",
     "runtime class nvidia gives a container the GPUs that its image names",
     "ask for a GPU in resources.limits, or remove runtimeClassName"},
    {"with one", "containers: [{name: a, " GPU "}]\nruntimeClassName: nvidia", SEVERITY_OFF, NULL,
     NULL, NULL},
    {"with none of them",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0}}}]\n"
     "runtimeClassName: nvidia-cdi",
     SEVERITY_DENY, NULL, "runtime class nvidia-cdi", NULL},
    {"with a claim, which may be for a GPU",
     "containers: [{name: a}]\nruntimeClassName: nvidia\nresourceClaims: [{name: g}]", SEVERITY_OFF,
     NULL, NULL, NULL},
    {"with an init container's request",
     "containers: [{name: a}]\nruntimeClassName: nvidia\ninitContainers: [{name: i, " GPU "}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"every container says void",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: void}]}]\n"
     "runtimeClassName: nvidia",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"all but one",
     "containers: [{name: a, env: [{name: NVIDIA_VISIBLE_DEVICES, value: void}]}, {name: b}]\n"
     "runtimeClassName: nvidia",
     SEVERITY_DENY, "spec.runtimeClassName", NULL, NULL},
    {"a request by a mistaken name is told by another rule",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpus: 1}}}]\n"
     "runtimeClassName: nvidia",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"with a device class among its resources",
     "containers: [{name: a, resources: {limits: "
     "{deviceclass.resource.kubernetes.io/gpu.nvidia.com: "
     "1}}}]\nruntimeClassName: nvidia",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"another runtime", "containers: [{name: a}]\nruntimeClassName: gvisor", SEVERITY_OFF, NULL,
     NULL, NULL},
    /* privileged */
    {"privileged with a GPU",
     "containers: [{name: a, securityContext: {privileged: true}, " GPU "}]", SEVERITY_DENY,
     "spec.containers[0].securityContext.privileged",
     "a privileged container on a GPU node sees every GPU there", "IPC_LOCK"},
    {"privileged beside the container with the GPU",
     "containers: [{name: a, " GPU "}, {name: b, securityContext: {privileged: true}}]",
     SEVERITY_DENY, "spec.containers[1].securityContext.privileged", NULL, NULL},
    {"privileged on nodes chosen for their GPUs",
     "containers: [{name: a, securityContext: {privileged: true}}]\n"
     "nodeSelector: {nvidia.com/gpu.present: \"true\"}",
     SEVERITY_DENY, NULL, "sees every GPU there", NULL},
    {"privileged and tolerating the taint of GPU nodes",
     "initContainers: [{name: i, securityContext: {privileged: true}}]\ncontainers: [{name: a}]\n"
     "tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]",
     SEVERITY_DENY, "spec.initContainers[0].securityContext.privileged", NULL, NULL},
    {"privileged elsewhere", "containers: [{name: a, securityContext: {privileged: true}}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"privileged and tolerating everything, by accident on a GPU node",
     "containers: [{name: a, securityContext: {privileged: true}}]\n"
     "tolerations: [{operator: Exists}]",
     SEVERITY_OFF, NULL, NULL, NULL},
    {"not privileged", "containers: [{name: a, securityContext: {privileged: false}, " GPU "}]",
     SEVERITY_OFF, NULL, NULL, NULL},
};

START_TEST(way_around_the_scheduler) {
  given_pod_spec(&b, rows[_i].spec);
  const struct adm_verdict *verdict = judge(&b);
  if (rows[_i].severity == SEVERITY_OFF) {
    expect_none_row(rows[_i].name, verdict, RULE_GPU_BYPASS);
    return;
  }
  expect_finding_row(rows[_i].name, verdict, RULE_GPU_BYPASS, rows[_i].severity, rows[_i].field,
                     rows[_i].message);
  if (rows[_i].remedy)
    expect_finding_row(rows[_i].name, verdict, RULE_GPU_BYPASS, rows[_i].severity, NULL,
                       rows[_i].remedy);
}
END_TEST

/* ---- the policy's own words ------------------------------------------------------------------ */

static const struct {
  const char *name, *settings, *spec;
  bool is_found;
} settings[] = {
    {"render nodes too", "severity: deny, hostPaths: [\"/dev/dri*\"]",
     "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: /dev/dri/renderD128}}]", true},
    {"and then no others", "severity: deny, hostPaths: [\"/dev/dri*\"]",
     "containers: [{name: a}]\nvolumes: [{name: v, hostPath: {path: /dev/nvidia0}}]", false},
    {"other variables", "severity: deny, env: [\"*_VISIBLE_DEVICES\"]",
     "containers: [{name: a, env: [{name: HABANA_VISIBLE_DEVICES, value: all}]}]", true},
    {"other runtime classes", "severity: deny, runtimeClasses: [amd-gpu]",
     "containers: [{name: a}]\nruntimeClassName: amd-gpu", true},
    {"privileged containers are let be", "severity: deny, privileged: false",
     "containers: [{name: a, securityContext: {privileged: true}, " GPU "}]", false},
};

START_TEST(what_the_policy_adds_and_leaves_out) {
  given_rule(&b, RULE_GPU_BYPASS, settings[_i].settings);
  given_pod_spec(&b, settings[_i].spec);
  if (settings[_i].is_found)
    expect_finding_row(settings[_i].name, judge(&b), RULE_GPU_BYPASS, SEVERITY_DENY, NULL, NULL);
  else
    expect_none_row(settings[_i].name, judge(&b), RULE_GPU_BYPASS);
}
END_TEST

/* ---- parts of pods ----------------------------------------------------------------------------
 */

START_TEST(a_server_described_beside_its_pod_asks_for_it) {
  static const char service[] =
      "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: {predictor: "
      "{runtimeClassName: nvidia, model: {resources: {limits: {%s: 1}}}}}}";
  given_yaml(&b, str_printf(b.arena, service, "nvidia.com/gpu").ptr);
  expect_none(judge(&b), RULE_GPU_BYPASS);
}
END_TEST

START_TEST(a_daemon_may_be_of_the_clusters_own) {
  given_yaml(&b, "{apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: {containers: "
                 "[{name: a}], runtimeClassName: nvidia}}}}");
  expect_finding(judge(&b), RULE_GPU_BYPASS, SEVERITY_DENY, NULL,
                 "or have its namespace exempted in the policy");
}
END_TEST

START_TEST(an_override_may_not_go_around_either) {
  given_yaml(&b, "{apiVersion: trainer.kubeflow.org/v1alpha1, kind: TrainJob, spec: "
                 "{podTemplateOverrides: [{spec: {runtimeClassName: nvidia, containers: [{name: "
                 "node, env: [{name: NVIDIA_VISIBLE_DEVICES, value: all}]}]}}]}}");
  expect_finding(judge(&b), RULE_GPU_BYPASS, SEVERITY_DENY,
                 "spec.podTemplateOverrides[0].spec.containers[0].env[0].value", "=all");
}
END_TEST

TCase *tcase_gpu_bypass(void) {
  TCase *tcase = tcase_create("gpu-bypass");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, way_around_the_scheduler, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_loop_test(tcase, what_the_policy_adds_and_leaves_out, 0, (int)SG_ARRAY_LEN(settings));
  tcase_add_test(tcase, a_server_described_beside_its_pod_asks_for_it);
  tcase_add_test(tcase, a_daemon_may_be_of_the_clusters_own);
  tcase_add_test(tcase, an_override_may_not_go_around_either);
  return tcase;
}

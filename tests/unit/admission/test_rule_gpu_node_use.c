/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/cases.h"
#include "tests/unit/admission/yaml_object.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_GPU_NODE_USE, "severity: deny");
}

static void teardown(void) {
  builder_done(&b);
}

#define GPU "resources: {limits: {nvidia.com/gpu: 1}}"
#define TOLERATES "\ntolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]"
#define TERMS                                                                                      \
  "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
#define AFFINITY(terms)                                                                            \
  "\naffinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "                   \
  "{nodeSelectorTerms: [" terms "]}}}"
#define TERM(expression) "{matchExpressions: [{" expression "}]}"

static const struct {
  const char *name, *spec;
  const char *field; /* NULL: no finding */
  const char *message, *remedy;
} rows[] = {
    {"nothing about GPUs", "containers: [{name: a}]", NULL, NULL, NULL},
    /* tolerations */
    {"tolerates the taint of GPU nodes", "containers: [{name: a}]" TOLERATES, "spec.tolerations[0]",
     "tolerates nvidia.com/gpu, the taint of GPU nodes, and no container asks for a GPU",
     "ask for a GPU in resources.limits, or remove the toleration"},
    {"whatever its value",
     "containers: [{name: a}]\ntolerations: [{key: x}, {key: nvidia.com/gpu, value: present}]",
     "spec.tolerations[1]", "tolerates nvidia.com/gpu", NULL},
    {"and asks for a GPU", "containers: [{name: a, " GPU "}]" TOLERATES, NULL, NULL, NULL},
    {"and asks for a slice",
     "containers: [{name: a, resources: {limits: {nvidia.com/mig-1g.5gb: 1}}}]" TOLERATES, NULL,
     NULL, NULL},
    {"and asks in an init container",
     "containers: [{name: a}]\ninitContainers: [{name: i, " GPU "}]" TOLERATES, NULL, NULL, NULL},
    {"and asks for 0",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpu: 0}}}]" TOLERATES,
     "spec.tolerations[0]", "no container asks for a GPU", NULL},
    {"and asks in requests alone",
     "containers: [{name: a, resources: {requests: {nvidia.com/gpu: 1}}}]" TOLERATES, NULL, NULL,
     NULL},
    {"and asks by a mistaken name, which another rule tells",
     "containers: [{name: a, resources: {limits: {nvidia.com/gpus: 1}}}]" TOLERATES, NULL, NULL,
     NULL},
    {"and names a device class",
     "containers: [{name: a, resources: {limits: "
     "{deviceclass.resource.kubernetes.io/gpu.nvidia.com: "
     "1}}}]" TOLERATES,
     NULL, NULL, NULL},
    {"and claims devices", "containers: [{name: a}]\nresourceClaims: [{name: g}]" TOLERATES, NULL,
     NULL, NULL},
    {"another taint", "containers: [{name: a}]\ntolerations: [{key: dedicated, value: ml}]", NULL,
     NULL, NULL},
    /* choosing */
    {"chooses a product",
     "containers: [{name: a}]\nnodeSelector: {nvidia.com/gpu.product: NVIDIA-A30}",
     "spec.nodeSelector[nvidia.com/gpu.product]",
     "chooses GPU nodes, and no container asks for a GPU",
     "ask for a GPU in resources.limits, or remove the selector"},
    {"chooses a provider's accelerator",
     "containers: [{name: a}]\nnodeSelector: {cloud.google.com/gke-accelerator: nvidia-l4}",
     "spec.nodeSelector[cloud.google.com/gke-accelerator]", "chooses GPU nodes", NULL},
    {"chooses and tolerates: told once",
     "containers: [{name: a}]\nnodeSelector: {nvidia.com/gpu.present: \"true\"}" TOLERATES,
     "spec.nodeSelector[nvidia.com/gpu.present]", "chooses GPU nodes", NULL},
    {"chooses nodes without GPUs",
     "containers: [{name: a}]\nnodeSelector: {nvidia.com/gpu.present: \"false\"}", NULL, NULL,
     NULL},
    {"chooses other nodes", "containers: [{name: a}]\nnodeSelector: {disk: fast}", NULL, NULL,
     NULL},
    {"chooses by affinity",
     "containers: [{name: a}]" AFFINITY(
         TERM("key: nvidia.com/gpu.product, operator: In, values: [NVIDIA-A30]")),
     "spec." TERMS, "chooses GPU nodes", NULL},
    {"chooses by what exists",
     "containers: [{name: a}]" AFFINITY(TERM("key: nvidia.com/gpu.count, operator: Exists")),
     "spec." TERMS, NULL, NULL},
    {"one of two ways leads elsewhere",
     "containers: [{name: a}]" AFFINITY(TERM(
         "key: nvidia.com/gpu.count, operator: Exists") ", " TERM("key: disk, operator: Exists")),
     NULL, NULL, NULL},
    {"only prefers them",
     "containers: [{name: a}]\naffinity: {nodeAffinity: "
     "{preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: "
     "{matchExpressions: [{key: nvidia.com/gpu.count, operator: Exists}]}}]}}",
     NULL, NULL, NULL},
    /* away */
    {"away from GPU nodes by NotIn",
     "containers: [{name: a}]" AFFINITY(
         TERM("key: nvidia.com/gpu.present, operator: NotIn, values: [\"true\"]")),
     NULL, NULL, NULL},
    {"away from them by DoesNotExist, though it tolerates",
     "containers: [{name: a}]" AFFINITY(TERM("key: nvidia.com/gpu.present, operator: DoesNotExist"))
         TOLERATES,
     NULL, NULL, NULL},
    {"away by nodeSelector, though it tolerates everything",
     "containers: [{name: a}]\nnodeSelector: {nvidia.com/gpu.present: \"false\"}\n"
     "tolerations: [{operator: Exists}]",
     NULL, NULL, NULL},
    {"away in one of two ways only",
     "containers: [{name: a}]" AFFINITY(
         TERM("key: nvidia.com/gpu.present, operator: DoesNotExist") ", " TERM(
             "key: disk, operator: Exists")) TOLERATES,
     "spec.tolerations[0]", "tolerates nvidia.com/gpu", NULL},
    /* everything */
    {"tolerates everything", "containers: [{name: a}]\ntolerations: [{operator: Exists}]",
     "spec.tolerations[0]",
     "a toleration of every taint (operator Exists without a key) lets this pod onto GPU nodes",
     "name the taints that it has to tolerate, each by its key"},
    {"every taint that keeps pods from being scheduled",
     "containers: [{name: a}]\ntolerations: [{operator: Exists, effect: NoSchedule}]",
     "spec.tolerations[0]", "a toleration of every taint", NULL},
    {"every taint that drives pods away opens no node",
     "containers: [{name: a}]\ntolerations: [{operator: Exists, effect: NoExecute}]", NULL, NULL,
     NULL},
    {"everything, and asks for a GPU",
     "containers: [{name: a, " GPU "}]\ntolerations: [{operator: Exists}]", NULL, NULL, NULL},
    {"by name is told before everything",
     "containers: [{name: a}]\ntolerations: [{operator: Exists}, {key: nvidia.com/gpu, operator: "
     "Exists}]",
     "spec.tolerations[1]", "tolerates nvidia.com/gpu", NULL},
};

START_TEST(way_to_gpu_nodes) {
  given_pod_spec(&b, rows[_i].spec);
  const struct adm_verdict *verdict = judge(&b);
  if (!rows[_i].field) {
    expect_none_row(rows[_i].name, verdict, RULE_GPU_NODE_USE);
    return;
  }
  expect_finding_row(rows[_i].name, verdict, RULE_GPU_NODE_USE, SEVERITY_DENY, rows[_i].field,
                     rows[_i].message);
  if (rows[_i].remedy)
    expect_finding_row(rows[_i].name, verdict, RULE_GPU_NODE_USE, SEVERITY_DENY, NULL,
                       rows[_i].remedy);
}
END_TEST

START_TEST(the_policy_may_let_tolerations_of_everything_be) {
  given_rule(&b, RULE_GPU_NODE_USE, "severity: deny, wildcardToleration: false");
  given_pod_spec(&b, "containers: [{name: a}]\ntolerations: [{operator: Exists}]");
  expect_none(judge(&b), RULE_GPU_NODE_USE);
  given_pod_spec(&b, "containers: [{name: a}]" TOLERATES);
  expect_finding(judge(&b), RULE_GPU_NODE_USE, SEVERITY_DENY, NULL, "tolerates nvidia.com/gpu");
}
END_TEST

START_TEST(the_policy_says_what_gpu_nodes_are) {
  given_rule_and(&b, RULE_GPU_NODE_USE, "severity: deny",
                 "gpuNodes: {taints: [accelerated], labels: [\"lab/gpu*\"]}");
  given_pod_spec(&b, "containers: [{name: a}]\ntolerations: [{key: accelerated}]");
  expect_finding(judge(&b), RULE_GPU_NODE_USE, SEVERITY_DENY, NULL, "tolerates accelerated");
  given_pod_spec(&b, "containers: [{name: a}]\nnodeSelector: {lab/gpu-kind: big}");
  expect_finding(judge(&b), RULE_GPU_NODE_USE, SEVERITY_DENY, NULL, "chooses GPU nodes");
  given_pod_spec(&b, "containers: [{name: a}]" TOLERATES);
  expect_none(judge(&b), RULE_GPU_NODE_USE);
}
END_TEST

/* ---- other kinds -------------------------------------------------------------------------- */

static const struct {
  const char *name, *object;
  const char *field; /* NULL: no finding */
} objects[] = {
    {"a Deployment",
     "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: {containers: [{name: a}], "
     "nodeSelector: {nvidia.com/gpu.count: \"8\"}}}}}",
     "spec.template.spec.nodeSelector[nvidia.com/gpu.count]"},
    {"what runs on every node tolerates everything",
     "{apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: {containers: [{name: a}], "
     "tolerations: [{operator: Exists}]}}}}",
     NULL},
    {"and so do its pods",
     "{apiVersion: v1, kind: Pod, metadata: {ownerReferences: [{apiVersion: apps/v1, kind: "
     "DaemonSet, name: d, controller: true}]}, spec: {containers: [{name: a}], tolerations: "
     "[{operator: Exists}]}}",
     NULL},
    {"what is there for GPU nodes is named",
     "{apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: {containers: [{name: a}], "
     "tolerations: [{key: nvidia.com/gpu}]}}}}",
     "spec.template.spec.tolerations[0]"},
    {"the head of a Ray cluster has no need of a GPU node",
     "{apiVersion: ray.io/v1, kind: RayCluster, spec: {headGroupSpec: {template: {spec: "
     "{containers: [{name: head}], tolerations: [{key: nvidia.com/gpu}]}}}, workerGroupSpecs: "
     "[{template: {spec: {containers: [{name: w, " GPU
     "}], tolerations: [{key: nvidia.com/gpu}]}}}]}}",
     "spec.headGroupSpec.template.spec.tolerations[0]"},
    {"an inference service whose model server asks",
     "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: {predictor: "
     "{nodeSelector: {nvidia.com/gpu.product: NVIDIA-A30}, model: {" GPU "}}}}",
     NULL},
    {"its transformer is a pod of its own",
     "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: {predictor: {model: "
     "{" GPU "}}, transformer: {containers: [{name: t}], nodeSelector: {nvidia.com/gpu.product: "
     "NVIDIA-A30}}}}",
     "spec.transformer.nodeSelector[nvidia.com/gpu.product]"},
    {"a predictor without containers has its server's elsewhere",
     "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: {predictor: "
     "{tolerations: [{key: nvidia.com/gpu}], model: {modelFormat: {name: onnx}}}}}",
     NULL},
    {"a TrainJob's override adds to pods described elsewhere",
     "{apiVersion: trainer.kubeflow.org/v1alpha1, kind: TrainJob, spec: {podTemplateOverrides: "
     "[{spec: {tolerations: [{key: nvidia.com/gpu}]}}]}}",
     NULL},
    {"a Spark executor asks beside its template",
     "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, spec: {executor: "
     "{template: {spec: {containers: [{name: e}], tolerations: [{key: nvidia.com/gpu}]}}, gpu: "
     "{name: nvidia.com/gpu, quantity: 1}}}}",
     NULL},
};

START_TEST(object) {
  given_yaml(&b, objects[_i].object);
  const struct adm_verdict *verdict = judge(&b);
  if (objects[_i].field)
    expect_finding_row(objects[_i].name, verdict, RULE_GPU_NODE_USE, SEVERITY_DENY,
                       objects[_i].field, NULL);
  else
    expect_none_row(objects[_i].name, verdict, RULE_GPU_NODE_USE);
}
END_TEST

TCase *tcase_gpu_node_use(void) {
  TCase *tcase = tcase_create("gpu-node-use");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, way_to_gpu_nodes, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, the_policy_may_let_tolerations_of_everything_be);
  tcase_add_test(tcase, the_policy_says_what_gpu_nodes_are);
  tcase_add_loop_test(tcase, object, 0, (int)SG_ARRAY_LEN(objects));
  return tcase;
}

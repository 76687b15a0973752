/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds that make pods, as data: where each describes them, how many it makes, and
 * which of its own fields end it. Everything else about a kind is read from here; a
 * policy may add rows or replace them.
 *
 * Deadlines are only what ends a workload that runs: ttlSecondsAfterFinished and its like
 * clean up behind one that has ended. A pod that is restarted for ever (a Deployment's) may
 * have no deadline at all, and kube-apiserver refuses one in its template.
 */
#include "slicegate/model.h"

#define TEXT(literal)                                                                              \
  { literal, sizeof(literal) - 1 }

/* A list of a row with its length; file-scope compound literals have static storage. */
#define ITEMS(type, list, count, ...)                                                              \
  .list = (const type[]){__VA_ARGS__}, .count = sizeof((const type[]){__VA_ARGS__}) / sizeof(type)
#define VERSIONS(...) ITEMS(struct str, versions, version_count, __VA_ARGS__)
#define TEMPLATES(...) ITEMS(struct kind_template, templates, template_count, __VA_ARGS__)
#define DEADLINES(...) ITEMS(struct str, deadline_paths, deadline_path_count, __VA_ARGS__)

/* One template whose number of pods is a product of the fields behind it. */
#define POD_TEMPLATE(where, ...)                                                                   \
  {                                                                                                \
    .path = TEXT(where), .form = FORM_TEMPLATE, .counts = { __VA_ARGS__ }                          \
  }

/* The pods of a Job that run at once. */
#define JOB_TEMPLATE(job)                                                                          \
  {                                                                                                \
    .path = TEXT(job ".template"), .form = FORM_TEMPLATE, .counts = {TEXT(job ".parallelism")},    \
    .counts_most = TEXT(job ".completions")                                                        \
  }
/* Jobs of which each is made several times. */
#define REPLICATED_JOBS(jobs)                                                                      \
  {                                                                                                \
    .path = TEXT(jobs ".template.spec.template"), .form = FORM_TEMPLATE,                           \
    .counts = {TEXT(jobs ".replicas"), TEXT(jobs ".template.spec.parallelism")},                   \
    .counts_most = TEXT(jobs ".template.spec.completions")                                         \
  }

/* The training operator's kinds differ in one word. */
#define KUBEFLOW(specs) POD_TEMPLATE(specs ".*.template", TEXT(specs ".*.replicas"))
#define KUBEFLOW_DEADLINE DEADLINES(TEXT("spec.runPolicy.activeDeadlineSeconds"))

/* A RayClusterSpec: one head, and groups of workers that the autoscaler may grow. KubeRay brings
 * their replicas (none: 0) between minReplicas and maxReplicas. */
#define RAY_HEAD(spec) POD_TEMPLATE(spec ".headGroupSpec.template", TEXT(""))
#define RAY_WORKERS(spec)                                                                          \
  {                                                                                                \
    .path = TEXT(spec ".workerGroupSpecs[].template"), .form = FORM_TEMPLATE,                      \
    .counts = {TEXT(spec ".workerGroupSpecs[].numOfHosts"),                                        \
               TEXT(spec ".workerGroupSpecs[].replicas")},                                         \
    .counts_least = TEXT(spec ".workerGroupSpecs[].minReplicas"),                                  \
    .counts_most = TEXT(spec ".workerGroupSpecs[].maxReplicas"),                                   \
    .counts_max = {TEXT(spec ".workerGroupSpecs[].maxReplicas"),                                   \
                   TEXT(spec ".workerGroupSpecs[].numOfHosts")},                                   \
  }

/* A part of an InferenceService: a PodSpec inline, or the resources of its model server. */
#define KSERVE_PART(part, below, its_form)                                                         \
  {                                                                                                \
    .path = TEXT("spec." part below), .form = (its_form),                                          \
    .counts = {TEXT("spec." part ".minReplicas")},                                                 \
    .counts_max = {TEXT("spec." part ".maxReplicas")},                                             \
  }
/* Before `model` each framework had a field of its own. */
#define KSERVE_SERVER(framework)                                                                   \
  KSERVE_PART("predictor", "." framework ".resources", FORM_RESOURCES)

/* Laid over the configurations that it names, and over KServe's own. */
#define LLM_PART(where, group)                                                                     \
  {                                                                                                \
    .path = TEXT("spec." group where), .form = FORM_POD_SPEC, .is_partial = true,                  \
    .counts = {TEXT("spec." group "replicas")},                                                    \
    .counts_max = {TEXT("spec." group "scaling.maxReplicas")},                                     \
  }

/* Spark's tolerations, selectors and GPUs stand beside its templates, not in them. */
#define SPARK_TEMPLATE(part)                                                                       \
  .path = TEXT(part ".template"), .form = FORM_TEMPLATE, .is_partial = true
#define SPARK_GPU(part) .path = TEXT(part ".gpu"), .form = FORM_GPU_COUNT
#define SPARK_EXECUTORS                                                                            \
  .counts = {TEXT("spec.executor.instances")},                                                     \
  .counts_max = {TEXT("spec.dynamicAllocation.maxExecutors")}

#define JOB_DEADLINES(job)                                                                         \
  DEADLINES(TEXT(job ".activeDeadlineSeconds"), TEXT(job ".template.spec.activeDeadlineSeconds"))

static const struct workload_kind kinds[] = {
    /* ---- Kubernetes itself ---- */
    {.group = TEXT(""),
     .kind = TEXT("Pod"),
     .resource = TEXT("pods"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("", TEXT(""))),
     DEADLINES(TEXT("spec.activeDeadlineSeconds")),
     .is_builtin_validated = true},
    {.group = TEXT(""),
     .kind = TEXT("PodTemplate"),
     .resource = TEXT("podtemplates"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("template", TEXT(""))),
     DEADLINES(TEXT("template.spec.activeDeadlineSeconds")),
     .is_builtin_validated = true},
    {.group = TEXT(""),
     .kind = TEXT("ReplicationController"),
     .resource = TEXT("replicationcontrollers"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("spec.template", TEXT("spec.replicas"))),
     .is_builtin_validated = true,
     .is_service = true},
    {.group = TEXT("apps"),
     .kind = TEXT("Deployment"),
     .resource = TEXT("deployments"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("spec.template", TEXT("spec.replicas"))),
     .is_builtin_validated = true,
     .is_service = true},
    {.group = TEXT("apps"),
     .kind = TEXT("ReplicaSet"),
     .resource = TEXT("replicasets"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("spec.template", TEXT("spec.replicas"))),
     .is_builtin_validated = true,
     .is_service = true},
    {.group = TEXT("apps"),
     .kind = TEXT("StatefulSet"),
     .resource = TEXT("statefulsets"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("spec.template", TEXT("spec.replicas"))),
     .is_builtin_validated = true,
     .is_service = true},
    /* As many as nodes match, which no field tells: counted as one. */
    {.group = TEXT("apps"),
     .kind = TEXT("DaemonSet"),
     .resource = TEXT("daemonsets"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("spec.template", TEXT(""))),
     .is_builtin_validated = true,
     .is_service = true},
    {.group = TEXT("batch"),
     .kind = TEXT("Job"),
     .resource = TEXT("jobs"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(JOB_TEMPLATE("spec")),
     JOB_DEADLINES("spec"),
     .is_builtin_validated = true},
    {.group = TEXT("batch"),
     .kind = TEXT("CronJob"),
     .resource = TEXT("cronjobs"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(JOB_TEMPLATE("spec.jobTemplate.spec")),
     JOB_DEADLINES("spec.jobTemplate.spec"),
     .is_builtin_validated = true},

    /* ---- Kubeflow ---- */
    {.group = TEXT("kubeflow.org"),
     .kind = TEXT("PyTorchJob"),
     .resource = TEXT("pytorchjobs"),
     VERSIONS(TEXT("v1")),
     TEMPLATES({.path = TEXT("spec.pytorchReplicaSpecs.*.template"),
                .form = FORM_TEMPLATE,
                .counts = {TEXT("spec.pytorchReplicaSpecs.*.replicas")},
                .counts_max = {TEXT("spec.elasticPolicy.maxReplicas")}}),
     KUBEFLOW_DEADLINE},
    {.group = TEXT("kubeflow.org"),
     .kind = TEXT("TFJob"),
     .resource = TEXT("tfjobs"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(KUBEFLOW("spec.tfReplicaSpecs")),
     KUBEFLOW_DEADLINE},
    {.group = TEXT("kubeflow.org"),
     .kind = TEXT("MPIJob"),
     .resource = TEXT("mpijobs"),
     VERSIONS(TEXT("v1"), TEXT("v2beta1")),
     TEMPLATES(KUBEFLOW("spec.mpiReplicaSpecs")),
     KUBEFLOW_DEADLINE},
    {.group = TEXT("kubeflow.org"),
     .kind = TEXT("XGBoostJob"),
     .resource = TEXT("xgboostjobs"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(KUBEFLOW("spec.xgbReplicaSpecs")),
     KUBEFLOW_DEADLINE},
    {.group = TEXT("kubeflow.org"),
     .kind = TEXT("PaddleJob"),
     .resource = TEXT("paddlejobs"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(KUBEFLOW("spec.paddleReplicaSpecs")),
     KUBEFLOW_DEADLINE},
    {.group = TEXT("kubeflow.org"),
     .kind = TEXT("JAXJob"),
     .resource = TEXT("jaxjobs"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(KUBEFLOW("spec.jaxReplicaSpecs")),
     KUBEFLOW_DEADLINE},
    {.group = TEXT("kubeflow.org"),
     .kind = TEXT("Notebook"),
     .resource = TEXT("notebooks"),
     VERSIONS(TEXT("v1"), TEXT("v1beta1"), TEXT("v1alpha1")),
     TEMPLATES({.path = TEXT("spec.template.spec"), .form = FORM_POD_SPEC}),
     .is_service = true},
    {.group = TEXT("trainer.kubeflow.org"),
     .kind = TEXT("TrainJob"),
     .resource = TEXT("trainjobs"),
     VERSIONS(TEXT("v1alpha1"), TEXT("v2alpha1")),
     /* The pods themselves are described by the runtime that it names; a TrainJob lays its
      * own over them: podTemplateOverrides at first, runtimePatches since. */
     TEMPLATES({.path = TEXT("spec.trainer.resourcesPerNode"),
                .form = FORM_RESOURCES,
                .counts = {TEXT("spec.trainer.numNodes")}},
               {.path = TEXT("spec.podTemplateOverrides[].spec"),
                .form = FORM_POD_SPEC,
                .is_partial = true},
               {.path = TEXT("spec.runtimePatches[].trainingRuntimeSpec.template.spec"
                             ".replicatedJobs[].template.spec.template"),
                .form = FORM_TEMPLATE,
                .is_partial = true}),
     DEADLINES(TEXT("spec.activeDeadlineSeconds"))},
    {.group = TEXT("trainer.kubeflow.org"),
     .kind = TEXT("TrainingRuntime"),
     .resource = TEXT("trainingruntimes"),
     VERSIONS(TEXT("v1alpha1"), TEXT("v2alpha1")),
     TEMPLATES(REPLICATED_JOBS("spec.template.spec.replicatedJobs[]")),
     JOB_DEADLINES("spec.template.spec.replicatedJobs[].template.spec")},
    {.group = TEXT("trainer.kubeflow.org"),
     .kind = TEXT("ClusterTrainingRuntime"),
     .resource = TEXT("clustertrainingruntimes"),
     VERSIONS(TEXT("v1alpha1"), TEXT("v2alpha1")),
     TEMPLATES(REPLICATED_JOBS("spec.template.spec.replicatedJobs[]")),
     JOB_DEADLINES("spec.template.spec.replicatedJobs[].template.spec")},

    /* ---- groups of pods ---- */
    {.group = TEXT("jobset.x-k8s.io"),
     .kind = TEXT("JobSet"),
     .resource = TEXT("jobsets"),
     VERSIONS(TEXT("v1alpha2")),
     TEMPLATES(REPLICATED_JOBS("spec.replicatedJobs[]")),
     JOB_DEADLINES("spec.replicatedJobs[].template.spec")},
    /* Without a leader template the leader is made from the worker template. */
    {.group = TEXT("leaderworkerset.x-k8s.io"),
     .kind = TEXT("LeaderWorkerSet"),
     .resource = TEXT("leaderworkersets"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("spec.leaderWorkerTemplate.leaderTemplate", TEXT("spec.replicas")),
               {.path = TEXT("spec.leaderWorkerTemplate.workerTemplate"),
                .form = FORM_TEMPLATE,
                .counts = {TEXT("spec.replicas"), TEXT("spec.leaderWorkerTemplate.size")},
                .counts_leader = TEXT("spec.leaderWorkerTemplate.leaderTemplate")}),
     .is_service = true},

    /* ---- Ray ---- */
    {.group = TEXT("ray.io"),
     .kind = TEXT("RayCluster"),
     .resource = TEXT("rayclusters"),
     VERSIONS(TEXT("v1"), TEXT("v1alpha1")),
     TEMPLATES(RAY_HEAD("spec"), RAY_WORKERS("spec")),
     .is_service = true},
    {.group = TEXT("ray.io"),
     .kind = TEXT("RayJob"),
     .resource = TEXT("rayjobs"),
     VERSIONS(TEXT("v1"), TEXT("v1alpha1")),
     TEMPLATES(RAY_HEAD("spec.rayClusterSpec"), RAY_WORKERS("spec.rayClusterSpec"),
               POD_TEMPLATE("spec.submitterPodTemplate", TEXT(""))),
     DEADLINES(TEXT("spec.activeDeadlineSeconds"))},
    {.group = TEXT("ray.io"),
     .kind = TEXT("RayService"),
     .resource = TEXT("rayservices"),
     VERSIONS(TEXT("v1"), TEXT("v1alpha1")),
     TEMPLATES(RAY_HEAD("spec.rayClusterConfig"), RAY_WORKERS("spec.rayClusterConfig")),
     .is_service = true},

    /* ---- serving ---- */
    {.group = TEXT("serving.kserve.io"),
     .kind = TEXT("InferenceService"),
     .resource = TEXT("inferenceservices"),
     VERSIONS(TEXT("v1beta1")),
     TEMPLATES(KSERVE_PART("predictor", "", FORM_POD_SPEC), KSERVE_SERVER("model"),
               KSERVE_SERVER("sklearn"), KSERVE_SERVER("xgboost"), KSERVE_SERVER("tensorflow"),
               KSERVE_SERVER("pytorch"), KSERVE_SERVER("triton"), KSERVE_SERVER("onnx"),
               KSERVE_SERVER("huggingface"), KSERVE_SERVER("pmml"), KSERVE_SERVER("lightgbm"),
               KSERVE_SERVER("paddle"),
               /* Laid over the workers of the serving runtime. */
               {.path = TEXT("spec.predictor.workerSpec"),
                .form = FORM_POD_SPEC,
                .is_partial = true,
                .counts = {TEXT("spec.predictor.minReplicas"),
                           TEXT("spec.predictor.workerSpec.pipelineParallelSize")},
                .counts_max = {TEXT("spec.predictor.maxReplicas"),
                               TEXT("spec.predictor.workerSpec.pipelineParallelSize")}},
               KSERVE_PART("transformer", "", FORM_POD_SPEC),
               KSERVE_PART("explainer", "", FORM_POD_SPEC),
               KSERVE_PART("explainer", ".art.resources", FORM_RESOURCES)),
     .is_service = true},
    {.group = TEXT("serving.kserve.io"),
     .kind = TEXT("LLMInferenceService"),
     .resource = TEXT("llminferenceservices"),
     VERSIONS(TEXT("v1alpha1"), TEXT("v1alpha2")),
     TEMPLATES(LLM_PART("template", ""), LLM_PART("worker", ""), LLM_PART("template", "prefill."),
               LLM_PART("worker", "prefill.")),
     .is_service = true},
    {.group = TEXT("serving.knative.dev"),
     .kind = TEXT("Service"),
     .resource = TEXT("services"),
     VERSIONS(TEXT("v1")),
     TEMPLATES(POD_TEMPLATE("spec.template", TEXT(""))),
     .is_service = true},

    /* ---- batch ---- */
    {.group = TEXT("sparkoperator.k8s.io"),
     .kind = TEXT("SparkApplication"),
     .resource = TEXT("sparkapplications"),
     VERSIONS(TEXT("v1beta2")),
     TEMPLATES({SPARK_TEMPLATE("spec.driver")}, {SPARK_GPU("spec.driver")},
               {SPARK_TEMPLATE("spec.executor"), SPARK_EXECUTORS},
               {SPARK_GPU("spec.executor"), SPARK_EXECUTORS})},
    {.group = TEXT("batch.volcano.sh"),
     .kind = TEXT("Job"),
     .resource = TEXT("jobs"),
     VERSIONS(TEXT("v1alpha1")),
     TEMPLATES(POD_TEMPLATE("spec.tasks[].template", TEXT("spec.tasks[].replicas")))},
    {.group = TEXT("workload.codeflare.dev"),
     .kind = TEXT("AppWrapper"),
     .resource = TEXT("appwrappers"),
     VERSIONS(TEXT("v1beta2")),
     TEMPLATES({.path = TEXT("spec.components[].template"), .form = FORM_OBJECT})},
};

const struct workload_kind *kinds_builtin(size_t *ret_count) {
  *ret_count = SG_ARRAY_LEN(kinds);
  return kinds;
}

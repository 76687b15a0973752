/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/model.h"
#include "tests/unit/model/cases.h"

static const struct workload_kind *find(const char *group, const char *kind) {
  size_t count;
  const struct workload_kind *kinds = kinds_builtin(&count);
  for (size_t i = 0; i < count; i++)
    if (str_is(kinds[i].group, group) && str_is(kinds[i].kind, kind))
      return &kinds[i];
  return NULL;
}

/* ---- what is in the table ---------------------------------------------------------- */

enum { PATHS_MAX = 4 };

static const struct {
  const char *group, *kind, *resource;
  const char *paths[PATHS_MAX]; /* some of its templates */
  const char *deadline;         /* one of its deadlines; NULL: it has none */
  bool is_service;
} rows[] = {
    {"", "Pod", "pods", {""}, "spec.activeDeadlineSeconds", false},
    {"", "PodTemplate", "podtemplates", {"template"}, "template.spec.activeDeadlineSeconds", false},
    {"", "ReplicationController", "replicationcontrollers", {"spec.template"}, NULL, true},
    {"apps", "Deployment", "deployments", {"spec.template"}, NULL, true},
    {"apps", "ReplicaSet", "replicasets", {"spec.template"}, NULL, true},
    {"apps", "StatefulSet", "statefulsets", {"spec.template"}, NULL, true},
    {"apps", "DaemonSet", "daemonsets", {"spec.template"}, NULL, true},
    {"batch", "Job", "jobs", {"spec.template"}, "spec.activeDeadlineSeconds", false},
    {"batch", "Job", "jobs", {"spec.template"}, "spec.template.spec.activeDeadlineSeconds", false},
    {"batch",
     "CronJob",
     "cronjobs",
     {"spec.jobTemplate.spec.template"},
     "spec.jobTemplate.spec.activeDeadlineSeconds",
     false},
    {"kubeflow.org",
     "PyTorchJob",
     "pytorchjobs",
     {"spec.pytorchReplicaSpecs.*.template"},
     "spec.runPolicy.activeDeadlineSeconds",
     false},
    {"kubeflow.org",
     "TFJob",
     "tfjobs",
     {"spec.tfReplicaSpecs.*.template"},
     "spec.runPolicy.activeDeadlineSeconds",
     false},
    {"kubeflow.org",
     "MPIJob",
     "mpijobs",
     {"spec.mpiReplicaSpecs.*.template"},
     "spec.runPolicy.activeDeadlineSeconds",
     false},
    {"kubeflow.org",
     "XGBoostJob",
     "xgboostjobs",
     {"spec.xgbReplicaSpecs.*.template"},
     "spec.runPolicy.activeDeadlineSeconds",
     false},
    {"kubeflow.org",
     "PaddleJob",
     "paddlejobs",
     {"spec.paddleReplicaSpecs.*.template"},
     "spec.runPolicy.activeDeadlineSeconds",
     false},
    {"kubeflow.org",
     "JAXJob",
     "jaxjobs",
     {"spec.jaxReplicaSpecs.*.template"},
     "spec.runPolicy.activeDeadlineSeconds",
     false},
    {"kubeflow.org", "Notebook", "notebooks", {"spec.template.spec"}, NULL, true},
    {"trainer.kubeflow.org",
     "TrainJob",
     "trainjobs",
     {"spec.trainer.resourcesPerNode"},
     "spec.activeDeadlineSeconds",
     false},
    {"trainer.kubeflow.org",
     "TrainingRuntime",
     "trainingruntimes",
     {"spec.template.spec.replicatedJobs[].template.spec.template"},
     "spec.template.spec.replicatedJobs[].template.spec.activeDeadlineSeconds",
     false},
    {"trainer.kubeflow.org",
     "ClusterTrainingRuntime",
     "clustertrainingruntimes",
     {"spec.template.spec.replicatedJobs[].template.spec.template"},
     "spec.template.spec.replicatedJobs[].template.spec.activeDeadlineSeconds",
     false},
    {"jobset.x-k8s.io",
     "JobSet",
     "jobsets",
     {"spec.replicatedJobs[].template.spec.template"},
     "spec.replicatedJobs[].template.spec.activeDeadlineSeconds",
     false},
    {"leaderworkerset.x-k8s.io",
     "LeaderWorkerSet",
     "leaderworkersets",
     {"spec.leaderWorkerTemplate.leaderTemplate", "spec.leaderWorkerTemplate.workerTemplate"},
     NULL,
     true},
    {"ray.io",
     "RayCluster",
     "rayclusters",
     {"spec.headGroupSpec.template", "spec.workerGroupSpecs[].template"},
     NULL,
     true},
    {"ray.io",
     "RayJob",
     "rayjobs",
     {"spec.rayClusterSpec.headGroupSpec.template",
      "spec.rayClusterSpec.workerGroupSpecs[].template", "spec.submitterPodTemplate"},
     "spec.activeDeadlineSeconds",
     false},
    {"ray.io",
     "RayService",
     "rayservices",
     {"spec.rayClusterConfig.headGroupSpec.template",
      "spec.rayClusterConfig.workerGroupSpecs[].template"},
     NULL,
     true},
    {"serving.kserve.io",
     "InferenceService",
     "inferenceservices",
     {"spec.predictor", "spec.predictor.model.resources", "spec.predictor.triton.resources",
      "spec.predictor.workerSpec"},
     NULL,
     true},
    {"serving.kserve.io",
     "InferenceService",
     "inferenceservices",
     {"spec.transformer", "spec.explainer"},
     NULL,
     true},
    {"serving.kserve.io",
     "LLMInferenceService",
     "llminferenceservices",
     {"spec.template", "spec.worker", "spec.prefill.template"},
     NULL,
     true},
    {"serving.knative.dev", "Service", "services", {"spec.template"}, NULL, true},
    {"sparkoperator.k8s.io",
     "SparkApplication",
     "sparkapplications",
     {"spec.driver.template", "spec.driver.gpu", "spec.executor.template", "spec.executor.gpu"},
     NULL,
     false},
    {"batch.volcano.sh", "Job", "jobs", {"spec.tasks[].template"}, NULL, false},
    {"workload.codeflare.dev",
     "AppWrapper",
     "appwrappers",
     {"spec.components[].template"},
     NULL,
     false},
};

static bool has_template(const struct workload_kind *kind, const char *path) {
  for (size_t i = 0; i < kind->template_count; i++)
    if (str_is(kind->templates[i].path, path))
      return true;
  return false;
}

static bool has_deadline(const struct workload_kind *kind, const char *path) {
  for (size_t i = 0; i < kind->deadline_path_count; i++)
    if (str_is(kind->deadline_paths[i], path))
      return true;
  return false;
}

START_TEST(kind_is_in_the_table) {
  const struct workload_kind *kind = find(rows[_i].group, rows[_i].kind);
  ck_assert_msg(kind != NULL, "%s of %s is missing", rows[_i].kind, rows[_i].group);
  ck_assert_msg(str_is(kind->resource, rows[_i].resource), "%s", rows[_i].kind);
  for (size_t k = 0; k < PATHS_MAX && rows[_i].paths[k]; k++)
    ck_assert_msg(has_template(kind, rows[_i].paths[k]), "%s: no template at \"%s\"", rows[_i].kind,
                  rows[_i].paths[k]);
  if (rows[_i].deadline)
    ck_assert_msg(has_deadline(kind, rows[_i].deadline), "%s: no deadline at %s", rows[_i].kind,
                  rows[_i].deadline);
  else
    ck_assert_msg(kind->deadline_path_count == 0, "%s has a deadline", rows[_i].kind);
  ck_assert_msg(kind->is_service == rows[_i].is_service, "%s", rows[_i].kind);
}
END_TEST

/* ---- what holds for every row -------------------------------------------------------- */

START_TEST(no_kind_is_there_twice) {
  size_t count;
  const struct workload_kind *kinds = kinds_builtin(&count);
  for (size_t i = 0; i < count; i++)
    ck_assert_msg(find(kinds[i].group.ptr, kinds[i].kind.ptr) == &kinds[i], "%s",
                  kinds[i].kind.ptr);
}
END_TEST

/* Fields with dots between, "[]" behind a field, "*" alone. */
static bool is_path(struct str path) {
  bool in_segment = false;
  for (size_t i = 0; i < path.len; i++) {
    char c = path.ptr[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == '.' ? !in_segment : !(is_letter || c == '[' || c == ']' || c == '*'))
      return false;
    in_segment = c != '.';
  }
  return path.len == 0 || in_segment;
}

static size_t wildcards(struct str path) {
  size_t count = 0;
  for (size_t i = 0; i < path.len; i++)
    count += path.ptr[i] == '*' || path.ptr[i] == '[';
  return count;
}

/* "workers[].replicas" beside "workers[].template": up to its last wildcard the same path. */
static bool shares_wildcards(struct str count, struct str tmpl) {
  size_t last = 0;
  for (size_t i = 0; i < count.len; i++)
    if (count.ptr[i] == '*' || count.ptr[i] == ']')
      last = i + 1;
  return str_starts_with(tmpl, (struct str){count.ptr, last});
}

START_TEST(every_path_can_be_followed) {
  enum { WILDCARDS_MAX = 4 };
  size_t count;
  const struct workload_kind *kinds = kinds_builtin(&count);
  for (size_t i = 0; i < count; i++) {
    ck_assert_msg(kinds[i].template_count > 0 && kinds[i].version_count > 0, "%s",
                  kinds[i].kind.ptr);
    for (size_t k = 0; k < kinds[i].template_count; k++) {
      const struct kind_template *tmpl = &kinds[i].templates[k];
      ck_assert_msg(is_path(tmpl->path) && wildcards(tmpl->path) <= WILDCARDS_MAX, "%s",
                    tmpl->path.ptr);
      struct str paths[2 * SG_ARRAY_LEN(tmpl->counts) + 1];
      memcpy(paths, tmpl->counts, sizeof(tmpl->counts));
      memcpy(paths + SG_ARRAY_LEN(tmpl->counts), tmpl->counts_max, sizeof(tmpl->counts_max));
      paths[SG_ARRAY_LEN(paths) - 1] = tmpl->counts_most;
      for (size_t n = 0; n < SG_ARRAY_LEN(paths); n++) {
        struct str path = paths[n];
        ck_assert_msg(path.len == 0 || (is_path(path) && shares_wildcards(path, tmpl->path)),
                      "%s of %s", path.ptr, tmpl->path.ptr);
      }
    }
  }
}
END_TEST

/* A list of counts ends at its first empty path. */
START_TEST(counts_have_no_gaps) {
  size_t count;
  const struct workload_kind *kinds = kinds_builtin(&count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < kinds[i].template_count; k++) {
      const struct kind_template *tmpl = &kinds[i].templates[k];
      for (size_t n = 1; n < SG_ARRAY_LEN(tmpl->counts); n++) {
        ck_assert(tmpl->counts[n].len == 0 || tmpl->counts[n - 1].len > 0);
        ck_assert(tmpl->counts_max[n].len == 0 || tmpl->counts_max[n - 1].len > 0);
      }
    }
}
END_TEST

START_TEST(deadlines_end_what_runs) {
  size_t count;
  const struct workload_kind *kinds = kinds_builtin(&count);
  for (size_t i = 0; i < count; i++) {
    ck_assert_msg(!kinds[i].is_service || kinds[i].deadline_path_count == 0, "%s",
                  kinds[i].kind.ptr);
    for (size_t k = 0; k < kinds[i].deadline_path_count; k++) {
      struct str path = kinds[i].deadline_paths[k];
      ck_assert_msg(is_path(path) && str_ends_with(path, STR_LIT("activeDeadlineSeconds")), "%s",
                    path.ptr);
    }
  }
}
END_TEST

START_TEST(only_kubernetes_own_kinds_are_validated_by_it) {
  size_t count;
  const struct workload_kind *kinds = kinds_builtin(&count);
  for (size_t i = 0; i < count; i++) {
    bool is_own = str_is(kinds[i].group, "") || str_is(kinds[i].group, "apps") ||
                  str_is(kinds[i].group, "batch");
    ck_assert_msg(kinds[i].is_builtin_validated == is_own, "%s", kinds[i].kind.ptr);
  }
}
END_TEST

static const struct {
  const char *group, *kind, *path;
  bool is_partial;
} parts[] = {
    {"", "Pod", "", false},
    {"serving.kserve.io", "InferenceService", "spec.predictor", false},
    {"serving.kserve.io", "InferenceService", "spec.predictor.workerSpec", true},
    {"serving.kserve.io", "LLMInferenceService", "spec.template", true},
    {"trainer.kubeflow.org", "TrainJob", "spec.podTemplateOverrides[].spec", true},
    {"trainer.kubeflow.org", "TrainJob",
     "spec.runtimePatches[].trainingRuntimeSpec.template.spec.replicatedJobs[].template.spec"
     ".template",
     true},
    {"sparkoperator.k8s.io", "SparkApplication", "spec.executor.template", true},
};

START_TEST(what_lies_over_another_pod_is_partial) {
  const struct workload_kind *kind = find(parts[_i].group, parts[_i].kind);
  for (size_t i = 0; i < kind->template_count; i++)
    if (str_is(kind->templates[i].path, parts[_i].path)) {
      ck_assert_msg(kind->templates[i].is_partial == parts[_i].is_partial, "%s", parts[_i].path);
      return;
    }
  ck_abort_msg("%s has no template at %s", parts[_i].kind, parts[_i].path);
}
END_TEST

TCase *tcase_kinds(void) {
  TCase *tc = tcase_create("kinds");
  tcase_add_loop_test(tc, kind_is_in_the_table, 0, SG_ARRAY_LEN(rows));
  tcase_add_test(tc, no_kind_is_there_twice);
  tcase_add_test(tc, every_path_can_be_followed);
  tcase_add_test(tc, counts_have_no_gaps);
  tcase_add_test(tc, deadlines_end_what_runs);
  tcase_add_loop_test(tc, what_lies_over_another_pod_is_partial, 0, SG_ARRAY_LEN(parts));
  tcase_add_test(tc, only_kubernetes_own_kinds_are_validated_by_it);
  return tc;
}

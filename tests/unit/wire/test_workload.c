/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/wire.h"

#include <check.h>

TCase *tcase_workload(void);

static struct arena *arena;
static struct policy *policy;
static struct workload workload;
static const struct workload_kind *row;

static void set_up(void) {
  arena = arena_new(0);
  policy = policy_builtin();
}

static void tear_down(void) {
  policy_unref(policy);
  arena_free(arena);
}

static const struct doc_node *parse(const char *yaml) {
  struct doc_stream stream;
  struct err err;
  ck_assert_msg(doc_parse_yaml(arena, str_of(yaml), &doc_limits_review, &stream, &err), "%u:%u: %s",
                err.line, err.column, err.text);
  return stream.documents[0];
}

static void decode(const char *yaml) {
  struct err err;
  ck_assert_msg(wire_workload_decode(arena, parse(yaml), policy_get(policy), &workload, &row, &err),
                "%s", err.text);
}

static void assert_str(struct str have, const char *want) {
  ck_assert_msg(str_is(have, want), "\"%.*s\", not \"%s\"", STR_FMT(have), want);
}

START_TEST(a_pod_is_its_own_template) {
  decode("apiVersion: v1\n"
         "kind: Pod\n"
         "metadata: {name: a, namespace: b, labels: {x: y}, annotations: {n: 7},\n"
         "  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: j, controller: true}]}\n"
         "spec:\n"
         "  serviceAccountName: sa\n"
         "  runtimeClassName: nvidia\n"
         "  activeDeadlineSeconds: 60\n"
         "  nodeSelector: {nvidia.com/gpu.present: \"true\"}\n"
         "  overhead: {cpu: 10m}\n"
         "  resources: {limits: {cpu: 2}}\n"
         "  resourceClaims: [{name: c}]\n"
         "  initContainers:\n"
         "  - {name: i}\n"
         "  - {name: s, restartPolicy: Always}\n"
         "  containers:\n"
         "  - name: m\n"
         "    image: im\n"
         "    env: [{name: A, value: v}, {name: B, valueFrom: {fieldRef: {fieldPath: p}}}]\n"
         "    securityContext: {privileged: true}\n"
         "    resources: {limits: {nvidia.com/gpu: 1, memory: \" 1Gi\\n\", bad: x}, requests: "
         "{cpu: 1}}\n"
         "  ephemeralContainers: [{name: e}]\n"
         "  tolerations: [{operator: Exists}, {key: k, value: v, effect: NoExecute}]\n"
         "  volumes: [{name: a, emptyDir: {}}, {name: d, hostPath: {path: /dev/nvidia0}}]\n"
         "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution:\n"
         "    {nodeSelectorTerms: [{matchExpressions: [{key: q, operator: NotIn, values: "
         "[w]}]}]}}}\n");
  ck_assert_ptr_nonnull(row);
  assert_str(workload.kind, "Pod");
  assert_str(workload.ns, "b");
  assert_str(workload.annotations[0].value, "7");
  ck_assert(workload.owners[0].is_controller);
  ck_assert_uint_eq(workload.template_count, 1);
  const struct pod_template *tmpl = &workload.templates[0];
  assert_str(tmpl->spec_path, "spec");
  assert_str(*kv_find(tmpl->labels, tmpl->label_count, STR_LIT("x")), "y");
  const struct pod_spec *spec = &tmpl->spec;
  ck_assert_uint_eq(spec->container_count, 4);
  ck_assert_int_eq(spec->containers[0].role, CONTAINER_INIT);
  ck_assert_int_eq(spec->containers[1].role, CONTAINER_SIDECAR);
  ck_assert_uint_eq(spec->containers[1].index, 1);
  ck_assert_int_eq(spec->containers[3].role, CONTAINER_EPHEMERAL);
  const struct container *main = &spec->containers[2];
  ck_assert_uint_eq(main->index, 0);
  ck_assert(main->is_privileged);
  ck_assert(main->env[1].is_from_source);
  ck_assert_uint_eq(main->limit_count, 3);
  ck_assert_int_eq(main->limits[0].amount.units, 1);
  ck_assert_msg(main->limits[1].is_valid, "white space around a quantity is trimmed");
  ck_assert(!main->limits[2].is_valid);
  ck_assert(spec->tolerations[0].is_exists);
  ck_assert_int_eq(spec->tolerations[1].effect, EFFECT_NO_EXECUTE);
  ck_assert_uint_eq(spec->host_path_count, 1);
  ck_assert_uint_eq(spec->host_paths[0].index, 1);
  ck_assert_int_eq(spec->affinity_terms[0].requirements[0].op, SELECT_NOT_IN);
  ck_assert_int_eq(spec->active_deadline_seconds, 60);
  ck_assert(spec->has_claims);
  ck_assert_uint_eq(spec->overhead_count, 1);
  ck_assert_uint_eq(spec->pod_limit_count, 1);
  assert_str(spec->runtime_class, "nvidia");
}
END_TEST

static const struct {
  const char *name, *yaml;
  struct {
    const char *spec_path;
    int64_t replicas, replicas_max;
  } templates[3];
  const char *deadline_path; /* NULL: none */
  int64_t deadline;
} kinds[] = {
    {"a Deployment",
     "{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 3, template: {spec: {}}}}",
     {{"spec.template.spec", 3, 3}},
     NULL,
     0},
    {"a Job",
     "{apiVersion: batch/v1, kind: Job, spec: {parallelism: 4, activeDeadlineSeconds: 9,\n"
     "  template: {spec: {}}}}",
     {{"spec.template.spec", 4, 4}},
     "spec.activeDeadlineSeconds",
     9},
    {"a CronJob",
     "{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {\n"
     "  activeDeadlineSeconds: 5, template: {spec: {}}}}}}",
     {{"spec.jobTemplate.spec.template.spec", 1, 1}},
     "spec.jobTemplate.spec.activeDeadlineSeconds",
     5},
    {"a PyTorchJob: every replica type by its key",
     "{apiVersion: kubeflow.org/v1, kind: PyTorchJob, spec: {runPolicy: {activeDeadlineSeconds: "
     "8},\n"
     "  pytorchReplicaSpecs: {Master: {template: {spec: {}}},\n"
     "    Worker: {replicas: 3, template: {spec: {}}}}}}",
     {{"spec.pytorchReplicaSpecs.Master.template.spec", 1, 1},
      {"spec.pytorchReplicaSpecs.Worker.template.spec", 3, 3}},
     "spec.runPolicy.activeDeadlineSeconds",
     8},
    {"a RayCluster: head and every worker group, with its own counts",
     "{apiVersion: ray.io/v1, kind: RayCluster, spec: {headGroupSpec: {template: {spec: {}}},\n"
     "  workerGroupSpecs: [{replicas: 2, maxReplicas: 5, numOfHosts: 2, template: {spec: {}}},\n"
     "    {replicas: 1, template: {spec: {}}}]}}",
     {{"spec.headGroupSpec.template.spec", 1, 1},
      {"spec.workerGroupSpecs[0].template.spec", 4, 10},
      {"spec.workerGroupSpecs[1].template.spec", 1, 1}},
     NULL,
     0},
    {"a JobSet multiplies replicas by parallelism",
     "{apiVersion: jobset.x-k8s.io/v1alpha2, kind: JobSet, spec: {replicatedJobs: [\n"
     "  {replicas: 3, template: {spec: {parallelism: 2, template: {spec: {}}}}}]}}",
     {{"spec.replicatedJobs[0].template.spec.template.spec", 6, 6}},
     NULL,
     0},
    {"no more pods of a Job run than are to be completed",
     "{apiVersion: batch/v1, kind: Job, spec: {parallelism: 8, completions: 3,\n"
     "  template: {spec: {}}}}",
     {{"spec.template.spec", 3, 3}},
     NULL,
     0},
    {"completions alone make no more pods run",
     "{apiVersion: batch/v1, kind: Job, spec: {completions: 3, template: {spec: {}}}}",
     {{"spec.template.spec", 1, 1}},
     NULL,
     0},
    {"the same of each Job in a JobSet",
     "{apiVersion: jobset.x-k8s.io/v1alpha2, kind: JobSet, spec: {replicatedJobs: [\n"
     "  {replicas: 3, template: {spec: {parallelism: 5, completions: 2, template: {spec: {}}}}}]}}",
     {{"spec.replicatedJobs[0].template.spec.template.spec", 6, 6}},
     NULL,
     0},
    {"KubeRay raises replicas to minReplicas, and lowers them to maxReplicas",
     "{apiVersion: ray.io/v1, kind: RayCluster, spec: {workerGroupSpecs: [\n"
     "  {minReplicas: 2, maxReplicas: 5, numOfHosts: 2, template: {spec: {}}},\n"
     "  {replicas: 1, minReplicas: 3, template: {spec: {}}},\n"
     "  {replicas: 9, maxReplicas: 4, template: {spec: {}}}]}}",
     {{"spec.workerGroupSpecs[0].template.spec", 4, 10},
      {"spec.workerGroupSpecs[1].template.spec", 3, 3},
      {"spec.workerGroupSpecs[2].template.spec", 4, 4}},
     NULL,
     0},
    {"a LeaderWorkerSet: all of a group by one template",
     "{apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, spec: {replicas: 2,\n"
     "  leaderWorkerTemplate: {size: 4, workerTemplate: {spec: {}}}}}",
     {{"spec.leaderWorkerTemplate.workerTemplate.spec", 8, 8}},
     NULL,
     0},
    {"a LeaderWorkerSet with a leader of its own",
     "{apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, spec: {replicas: 2,\n"
     "  leaderWorkerTemplate: {size: 4, leaderTemplate: {spec: {}}, workerTemplate: {spec: {}}}}}",
     {{"spec.leaderWorkerTemplate.leaderTemplate.spec", 2, 2},
      {"spec.leaderWorkerTemplate.workerTemplate.spec", 6, 6}},
     NULL,
     0},
    {"an AppWrapper's components are judged by their own rows",
     "{apiVersion: workload.codeflare.dev/v1beta2, kind: AppWrapper, spec: {components: [\n"
     "  {template: {apiVersion: v1, kind: ConfigMap}},\n"
     "  {template: {apiVersion: batch/v1, kind: Job, spec: {template: {spec: {}}}}}]}}",
     {{"spec.components[1].template.spec.template.spec", 1, 1}},
     NULL,
     0},
};

START_TEST(kinds_are_read_by_their_rows) {
  decode(kinds[_i].yaml);
  ck_assert_msg(row != NULL, "%s", kinds[_i].name);
  size_t count = 0;
  while (count < 3 && kinds[_i].templates[count].spec_path)
    count++;
  ck_assert_msg(workload.template_count == count, "%s: %zu templates", kinds[_i].name,
                workload.template_count);
  for (size_t t = 0; t < count; t++) {
    assert_str(workload.templates[t].spec_path, kinds[_i].templates[t].spec_path);
    ck_assert_msg(workload.templates[t].replicas == kinds[_i].templates[t].replicas &&
                      workload.templates[t].replicas_max == kinds[_i].templates[t].replicas_max,
                  "%s: template %zu makes %lld to %lld pods", kinds[_i].name, t,
                  (long long)workload.templates[t].replicas,
                  (long long)workload.templates[t].replicas_max);
  }
  if (!kinds[_i].deadline_path)
    return;
  ck_assert_uint_ge(workload.deadline_count, 1);
  assert_str(workload.deadlines[0].path, kinds[_i].deadline_path);
  ck_assert_int_eq(workload.deadlines[0].seconds, kinds[_i].deadline);
}
END_TEST

START_TEST(a_time_to_live_is_found) {
  decode("{apiVersion: batch/v1, kind: Job, spec: {ttlSecondsAfterFinished: 60}}");
  assert_str(workload.ttl_path, "spec.ttlSecondsAfterFinished");
  decode("{apiVersion: kubeflow.org/v1, kind: TFJob, spec: {runPolicy: {ttlSecondsAfterFinished: "
         "1}}}");
  assert_str(workload.ttl_path, "spec.runPolicy.ttlSecondsAfterFinished");
  decode("{apiVersion: batch/v1, kind: Job, spec: {}}");
  ck_assert_uint_eq(workload.ttl_path.len, 0);
}
END_TEST

START_TEST(unknown_kinds_pass_untouched) {
  decode("{apiVersion: v1, kind: ConfigMap, spec: nonsense}");
  ck_assert_ptr_null(row);
  decode("{apiVersion: example.com/v1, kind: Deployment}");
  ck_assert_msg(row == NULL, "the group belongs to the kind");
}
END_TEST

static const struct {
  const char *name, *yaml, *says;
  unsigned line;
} wrong[] = {
    {"containers is no list", "kind: Pod\napiVersion: v1\nspec:\n  containers: {a: b}\n",
     "spec.containers: a list was expected, found a mapping", 4},
    {"a container is no mapping", "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - x\n",
     "spec.containers[0]: a mapping was expected, found a string", 5},
    {"limits is no mapping",
     "kind: Pod\napiVersion: v1\nspec:\n  containers:\n  - resources:\n      limits: [1]\n",
     "spec.containers[0].resources.limits: a mapping was expected, found a list", 6},
    {"a label is a list", "kind: Pod\napiVersion: v1\nmetadata:\n  labels: {a.b/c: []}\n",
     "metadata.labels[a.b/c]: a string was expected, found a list", 4},
    {"the spec is text", "kind: Pod\napiVersion: v1\nspec: x\n",
     "spec: a mapping was expected, found a string", 3},
    {"worker groups are no list",
     "kind: RayCluster\napiVersion: ray.io/v1\nspec: {workerGroupSpecs: {}}\n",
     "spec.workerGroupSpecs: a list was expected, found a mapping", 3},
};

START_TEST(wrong_types_are_said_with_their_field) {
  struct err err;
  ck_assert_msg(!wire_workload_decode(arena, parse(wrong[_i].yaml), policy_get(policy), &workload,
                                      &row, &err),
                "%s: accepted", wrong[_i].name);
  ck_assert_msg(strcmp(err.text, wrong[_i].says) == 0, "%s: \"%s\"", wrong[_i].name, err.text);
  ck_assert_uint_eq(err.line, wrong[_i].line);
}
END_TEST

static const struct {
  const char *name, *before, *after;
  bool changed;
} updates[] = {
    {"nothing", "{template: {spec: {a: 1}}}", "{template: {spec: {a: 1}}}", false},
    {"the number of replicas", "{replicas: 1, template: {}}", "{replicas: 2, template: {}}", false},
    {"the template", "{template: {spec: {a: 1}}}", "{template: {spec: {a: 2}}}", true},
    {"the template appears", "{}", "{template: {}}", true},
};

START_TEST(updates_are_judged_where_a_template_changed) {
  static const char frame[] = "{apiVersion: apps/v1, kind: Deployment, spec: %s}";
  const struct doc_node *old = parse(str_printf(arena, frame, updates[_i].before).ptr);
  const struct doc_node *now = parse(str_printf(arena, frame, updates[_i].after).ptr);
  const struct workload_kind *kind =
      policy_find_kind(policy_get(policy), STR_LIT("apps"), STR_LIT("Deployment"));
  ck_assert_msg(wire_is_changed(arena, now, old, kind, policy_get(policy)) == updates[_i].changed,
                "%s", updates[_i].name);
}
END_TEST

START_TEST(labels_count_only_when_a_rule_reads_them) {
  static const char frame[] = "{apiVersion: v1, kind: Pod, metadata: {labels: {%s}},\n"
                              "  spec: {}, status: {%s}}";
  const struct doc_node *old = parse(str_printf(arena, frame, "a: b", "p: q").ptr);
  const struct doc_node *other = parse(str_printf(arena, frame, "a: c", "p: r").ptr);
  const struct doc_node *ours =
      parse(str_printf(arena, frame, "a: b, slicegate.dev/environment: dev", "p: q").ptr);
  const struct workload_kind *pod =
      policy_find_kind(policy_get(policy), STR_LIT(""), STR_LIT("Pod"));
  ck_assert(!wire_is_changed(arena, other, old, pod, policy_get(policy)));
  ck_assert(wire_is_changed(arena, ours, old, pod, policy_get(policy)));
  ck_assert_msg(wire_is_changed(arena, old, ours, pod, policy_get(policy)),
                "a label taken away is a change too");
}
END_TEST

static const struct {
  const char *yaml, *field; /* of the last template; empty: its counts are good */
} counts[] = {
    {"{apiVersion: apps/v1, kind: Deployment, spec: {replicas: \"3\", template: {spec: {}}}}",
     "spec.replicas"},
    {"{apiVersion: apps/v1, kind: Deployment, spec: {replicas: -1, template: {spec: {}}}}",
     "spec.replicas"},
    {"{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 1.5, template: {spec: {}}}}",
     "spec.replicas"},
    {"{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 0, template: {spec: {}}}}", ""},
    {"{apiVersion: apps/v1, kind: Deployment, spec: {replicas: null, template: {spec: {}}}}", ""},
    {"{apiVersion: batch/v1, kind: Job, spec: {completions: all, template: {spec: {}}}}",
     "spec.completions"},
    {"{apiVersion: kubeflow.org/v1, kind: PyTorchJob, spec: {pytorchReplicaSpecs: {\n"
     "  Worker: {replicas: many, template: {spec: {}}}}}}",
     "spec.pytorchReplicaSpecs.Worker.replicas"},
    {"{apiVersion: ray.io/v1, kind: RayCluster, spec: {workerGroupSpecs: [\n"
     "  {template: {spec: {}}}, {replicas: 1, numOfHosts: two, template: {spec: {}}}]}}",
     "spec.workerGroupSpecs[1].numOfHosts"},
    {"{apiVersion: workload.codeflare.dev/v1beta2, kind: AppWrapper, spec: {components: [\n"
     "  {template: {apiVersion: batch/v1, kind: Job, spec: {parallelism: -2, template: {spec: "
     "{}}}}}]}}",
     "spec.components[0].template.spec.parallelism"},
};

START_TEST(wrong_counts_are_named) {
  decode(counts[_i].yaml);
  ck_assert_uint_gt(workload.template_count, 0);
  assert_str(workload.templates[workload.template_count - 1].wrong_count, counts[_i].field);
}
END_TEST

TCase *tcase_workload(void) {
  TCase *tc = tcase_create("workload");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, a_pod_is_its_own_template);
  tcase_add_loop_test(tc, kinds_are_read_by_their_rows, 0, SG_ARRAY_LEN(kinds));
  tcase_add_loop_test(tc, wrong_counts_are_named, 0, SG_ARRAY_LEN(counts));
  tcase_add_test(tc, a_time_to_live_is_found);
  tcase_add_test(tc, unknown_kinds_pass_untouched);
  tcase_add_loop_test(tc, wrong_types_are_said_with_their_field, 0, SG_ARRAY_LEN(wrong));
  tcase_add_loop_test(tc, updates_are_judged_where_a_template_changed, 0, SG_ARRAY_LEN(updates));
  tcase_add_test(tc, labels_count_only_when_a_rule_reads_them);
  return tc;
}

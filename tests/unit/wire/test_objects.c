/* SPDX-License-Identifier: Apache-2.0 */
/* Single objects, as a watch brings them. */
#include "slicegate/wire.h"

#include <check.h>

TCase *tcase_objects(void);

static struct arena *arena;

static void set_up(void) {
  arena = arena_new(0);
}

static void tear_down(void) {
  arena_free(arena);
}

/* ---- pods -------------------------------------------------------------------------------- */

/* As kube-apiserver sends one: what nobody here reads is in it too. */
static const char running[] =
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"train-0\","
    "\"generateName\":\"train-\",\"namespace\":\"ml\",\"uid\":\"7b0f4b4e\","
    "\"resourceVersion\":\"123456\",\"generation\":1,\"creationTimestamp\":\"2026-11-20T10:00:"
    "00Z\","
    "\"deletionTimestamp\":\"2026-11-20T11:00:00Z\",\"deletionGracePeriodSeconds\":30,"
    "\"annotations\":{\"note\":\"a \\\"quoted\\\" one\"},"
    "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"name\":\"train\","
    "\"uid\":\"x\",\"controller\":true,\"blockOwnerDeletion\":true}],"
    "\"managedFields\":[{\"manager\":\"kubelet\",\"operation\":\"Update\",\"fieldsType\":"
    "\"FieldsV1\",\"fieldsV1\":{\"f:status\":{\"f:phase\":{}}},\"subresource\":\"status\"}]},"
    "\"spec\":{\"nodeName\":\"n1\",\"schedulerName\":\"gpu-\\u0073cheduler\",\"priority\":100,"
    "\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"},"
    "\"requests\":{\"nvidia.com/gpu\":\"1\",\"cpu\":\"500m\"}}}]},"
    "\"status\":{\"phase\":\"Running\",\"nominatedNodeName\":\"n1\",\"conditions\":[],"
    "\"containerStatuses\":[{\"name\":\"c\",\"allocatedResourcesStatus\":[{\"name\":"
    "\"nvidia.com/gpu\",\"resources\":[{\"resourceID\":\"GPU-1::3\",\"health\":\"Healthy\"}]},"
    "{\"name\":\"claim:x/y\",\"resources\":[{\"resourceID\":\"d\"}]}]}]}}";

START_TEST(a_pod_is_read) {
  struct pod pod;
  struct err err = {0};
  ck_assert_msg(wire_pod_read(arena, STR_LIT(running), &pod, &err), "%s", err.text);
  ck_assert(str_is(pod.name, "train-0") && str_is(pod.ns, "ml") && str_is(pod.uid, "7b0f4b4e"));
  ck_assert(str_is(pod.resource_version, "123456"));
  ck_assert(str_is(pod.scheduler_name, "gpu-scheduler") && str_is(pod.nominated_node, "n1"));
  ck_assert_int_eq(pod.created, 1795168800);
  ck_assert_uint_eq(pod.traits, POD_IS_DELETING);
  ck_assert_int_eq(pod.phase, PHASE_RUNNING);
  ck_assert_int_eq(pod.priority, 100);
  ck_assert(str_is(pod.controller, "StatefulSet"));
  ck_assert(str_is(pod.constraints.node_name, "n1"));
  ck_assert_uint_eq(pod.request_count, 2);
  ck_assert_uint_eq(pod.device_count, 1);
  ck_assert(str_is(pod.devices[0].resource, "nvidia.com/gpu"));
  ck_assert(str_is(pod.devices[0].id, "GPU-1::3"));
  ck_assert_int_eq(pod.devices[0].index, -1);
  ck_assert_int_eq(pod.devices[0].amount, 1);
}
END_TEST

static const struct {
  const char *spec;
  uint32_t traits;
} traits[] = {
    {"\"schedulingGates\":[{\"name\":\"g\"}]", POD_IS_GATED},
    {"\"schedulingGates\":[]", 0},
    {"\"affinity\":{\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{}]}}",
     POD_HAS_POD_AFFINITY},
    {"\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{}]}}",
     POD_HAS_POD_AFFINITY},
    {"\"affinity\":{\"podAntiAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{}]},"
     "\"podAffinity\":null}",
     POD_HAS_PREFERENCES},
    {"\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{}]}}",
     POD_HAS_PREFERENCES},
    {"\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[]}}", 0},
    {"\"topologySpreadConstraints\":[{\"whenUnsatisfiable\":\"ScheduleAnyway\"}]",
     POD_HAS_PREFERENCES},
    {"\"topologySpreadConstraints\":[{\"whenUnsatisfiable\":\"ScheduleAnyway\"},"
     "{\"whenUnsatisfiable\":\"DoNotSchedule\"}]",
     POD_HAS_HARD_SPREAD | POD_HAS_PREFERENCES},
    {"\"volumes\":[{\"name\":\"a\",\"emptyDir\":{}},{\"name\":\"b\",\"configMap\":{}}]", 0},
    {"\"volumes\":[{\"name\":\"a\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]",
     POD_HAS_VOLUME_CLAIMS},
    {"\"volumes\":[{\"name\":\"a\",\"ephemeral\":{\"volumeClaimTemplate\":{}}}]",
     POD_HAS_VOLUME_CLAIMS},
    {"\"containers\":[{\"name\":\"c\",\"ports\":[{\"containerPort\":80}]}]", 0},
    {"\"containers\":[{\"name\":\"c\",\"ports\":[{\"containerPort\":80},{\"containerPort\":1,"
     "\"hostPort\":1}]}]",
     POD_HAS_HOST_PORTS},
    {"\"initContainers\":[{\"name\":\"c\",\"restartPolicy\":\"Always\",\"ports\":[{\"hostPort\":9}]"
     "}]",
     POD_HAS_HOST_PORTS},
    {"\"hostNetwork\":true", POD_HAS_HOST_PORTS},
    {"\"hostNetwork\":true,\"schedulingGates\":[{\"name\":\"g\"}],\"volumes\":[{\"name\":\"a\","
     "\"ephemeral\":{}}]",
     POD_HAS_HOST_PORTS | POD_IS_GATED | POD_HAS_VOLUME_CLAIMS},
};

START_TEST(traits_are_known) {
  struct pod pod;
  struct err err = {0};
  struct str json =
      str_printf(arena, "{\"metadata\":{\"name\":\"p\"},\"spec\":{%s}}", traits[_i].spec);
  ck_assert_msg(wire_pod_read(arena, json, &pod, &err), "%s", err.text);
  ck_assert_msg(pod.traits == traits[_i].traits, "%s: 0x%x", traits[_i].spec, pod.traits);
}
END_TEST

/* ---- devices ----------------------------------------------------------------------------- */

/* What is asked for, the annotations, and "resource id index amount" of each device. */
static const struct {
  const char *resources, *annotations, *devices;
} devices[] = {
    {"", "", ""},
    {"\"slicegate.dev/gpu-milli\":\"500\"", "\"slicegate.dev/devices\":\"2\"",
     "slicegate.dev/gpu-milli  2 500;"},
    {"\"slicegate.dev/gpu-milli\":\"2000\",\"a.b/c\":1", "\"slicegate.dev/devices\":\"0, 2\"",
     "slicegate.dev/gpu-milli  0 1000;slicegate.dev/gpu-milli  2 1000;"},
    {"\"nvidia.com/gpu\":\"3\",\"cpu\":1", "\"slicegate.dev/devices\":\"0,2\"",
     "nvidia.com/gpu  0 0;nvidia.com/gpu  2 0;"},
    {"\"a.b/c\":\"3\",\"a.b/d\":1", "\"slicegate.dev/devices\":\"7\"", "  7 0;"},
    {"", "\"slicegate.dev/devices\":\"7\"", "  7 0;"},
    {"", "\"slicegate.dev/devices\":\"\"", ""},
    {"", "\"slicegate.dev/devices\":\"0,x\"", ""},
    {"", "\"slicegate.dev/devices\":\"0,-1\"", ""},
    {"", "\"slicegate.dev/devices\":\"0,,1\"", ""},
    {"", "\"slicegate.dev/devices\":\"2147483648\"", ""},
    {"\"aliyun.com/gpu-mem\":\"3\"",
     "\"ALIYUN_COM_GPU_MEM_IDX\":\"1\",\"ALIYUN_COM_GPU_MEM_POD\":\"3\","
     "\"ALIYUN_COM_GPU_MEM_DEV\":\"15\",\"ALIYUN_COM_GPU_MEM_ASSIGNED\":\"true\"",
     "aliyun.com/gpu-mem  1 3;"},
    {"", "\"ALIYUN_COM_GPU_MEM_IDX\":\"0\"", "aliyun.com/gpu-mem  0 0;"},
    {"", "\"ALIYUN_COM_GPU_MEM_IDX\":\"-1\",\"ALIYUN_COM_GPU_MEM_POD\":\"3\"", ""},
    {"", "\"ALIYUN_COM_GPU_MEM_POD\":\"3\"", ""},
    {"",
     "\"hami.io/vgpu-devices-allocated\":"
     "\"GPU-a,NVIDIA,3000,30:GPU-b,NVIDIA,2000,0:;GPU-a,NVIDIA,1000,0:;\"",
     "nvidia.com/gpumem GPU-a -1 3000;nvidia.com/gpumem GPU-b -1 2000;"
     "nvidia.com/gpumem GPU-a -1 1000;"},
    {"", "\"hami.io/vgpu-devices-allocated\":\";;\"", ""},
    {"", "\"hami.io/vgpu-devices-allocated\":\"GPU-a,NVIDIA,3000,30:GPU-b,NVIDIA\"", ""},
    {"", "\"hami.io/vgpu-devices-allocated\":\",NVIDIA,3000,30:;\"", ""},
    {"", "\"hami.io/vgpu-devices-allocated\":\"GPU-a,NVIDIA,many,30:;\"", ""},
    /* Escaped: what is kept does not live in the tree. */
    {"", "\"hami.io/vgpu-devices-allocated\":\"GPU-\\u0061,NVIDIA,1,1:;\"",
     "nvidia.com/gpumem GPU-a -1 1;"},
};

static struct str shown_devices(const struct pod *pod) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  for (size_t i = 0; i < pod->device_count; i++) {
    const struct pod_device *device = &pod->devices[i];
    buf_printf(&text, "%.*s %.*s %d %lld;", STR_FMT(device->resource), STR_FMT(device->id),
               device->index, (long long)device->amount);
  }
  return str_copy(arena, buf_str(&text));
}

START_TEST(devices_are_named_by_annotations) {
  struct pod pod;
  struct err err = {0};
  struct str json =
      str_printf(arena,
                 "{\"metadata\":{\"name\":\"p\",\"annotations\":{%s}},\"spec\":{\"containers\":[{"
                 "\"name\":\"c\",\"resources\":{\"limits\":{%s}}}]}}",
                 devices[_i].annotations, devices[_i].resources);
  ck_assert_msg(wire_pod_read(arena, json, &pod, &err), "%s", err.text);
  struct str found = shown_devices(&pod);
  ck_assert_msg(str_is(found, devices[_i].devices), "%s: %.*s", devices[_i].annotations,
                STR_FMT(found));
}
END_TEST

START_TEST(an_annotation_without_end_names_nothing) {
  CLEANUP_BUF struct buf json;
  struct pod pod;
  struct err err = {0};
  buf_init(&json, 1 << 20);
  buf_append_cstr(&json, "{\"metadata\":{\"name\":\"p\",\"annotations\":{"
                         "\"slicegate.dev/devices\":\"0");
  for (int i = 0; i < 1024; i++)
    buf_append_cstr(&json, ",1");
  buf_append_cstr(&json, "\"}}}");
  ck_assert(wire_pod_read(arena, buf_str(&json), &pod, &err));
  ck_assert_uint_eq(pod.device_count, 0);
}
END_TEST

/* An init container has passed its devices on by the time it says so; a sidecar has not. */
START_TEST(devices_of_sidecars_count) {
  struct pod pod;
  struct err err = {0};
  static const char json[] =
      "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"initContainers\":[{\"name\":\"i\"},{\"name\":"
      "\"s\",\"restartPolicy\":\"Always\"}]},\"status\":{\"initContainerStatuses\":["
      "{\"name\":\"i\",\"allocatedResourcesStatus\":[{\"name\":\"nvidia.com/gpu\",\"resources\":"
      "[{\"resourceID\":\"GPU-1\"}]}]},"
      "{\"name\":\"s\",\"allocatedResourcesStatus\":[{\"name\":\"nvidia.com/mig-1g.10gb\","
      "\"resources\":[{\"resourceID\":\"MIG-1\"},{\"resourceID\":\"MIG-2\"}]}]}]}}";
  ck_assert_msg(wire_pod_read(arena, STR_LIT(json), &pod, &err), "%s", err.text);
  ck_assert_str_eq(shown_devices(&pod).ptr,
                   "nvidia.com/mig-1g.10gb MIG-1 -1 1;nvidia.com/mig-1g.10gb MIG-2 -1 1;");
}
END_TEST

/* What kube-scheduler counts of a pod that is resized in place. */
static const struct {
  const char *spec, *status; /* of its container: requests; and what is said of it */
  const char *conditions;
  int64_t cpu, gib;
} resizes[] = {
    {"\"cpu\":\"2\",\"memory\":\"4Gi\"", "", "", 2, 4},
    /* Under way: the node still owes it what it has. */
    {"\"cpu\":\"1\",\"memory\":\"4Gi\"",
     "\"allocatedResources\":{\"cpu\":\"1\",\"memory\":\"4Gi\"},"
     "\"resources\":{\"requests\":{\"cpu\":\"60\",\"memory\":\"8Gi\"}}",
     "", 60, 8},
    {"\"cpu\":\"1\"",
     "\"allocatedResources\":{\"cpu\":\"60\"},\"resources\":{\"requests\":{\"cpu\":\"1\"}}", "", 60,
     0},
    /* Deferred: what it asks for is kept for it. */
    {"\"cpu\":\"60\"",
     "\"allocatedResources\":{\"cpu\":\"1\"},\"resources\":{\"requests\":{\"cpu\":\"1\"}}",
     "{\"type\":\"PodResizePending\",\"status\":\"True\",\"reason\":\"Deferred\"}", 60, 0},
    /* Never: it is not. */
    {"\"cpu\":\"60\"",
     "\"allocatedResources\":{\"cpu\":\"1\"},\"resources\":{\"requests\":{\"cpu\":\"1\"}}",
     "{\"type\":\"PodResizePending\",\"status\":\"True\",\"reason\":\"Infeasible\"}", 1, 0},
    /* Without `resources` nothing is known but the spec. */
    {"\"cpu\":\"2\"", "\"allocatedResources\":{\"cpu\":\"60\"}", "", 2, 0},
    {"\"cpu\":\"2\"", "\"resources\":{\"requests\":{\"cpu\":[]}}", "", 2, 0},
};

static int64_t requested(const struct pod *pod, const char *name) {
  for (size_t i = 0; i < pod->request_count; i++)
    if (str_is(pod->requests[i].name, name))
      return pod->requests[i].amount.units;
  return 0;
}

START_TEST(resized_pods_hold_what_the_node_owes_them) {
  struct pod pod;
  struct err err = {0};
  static const char *const roles[][2] = {{"containers", ""},
                                         {"initContainers", "\"restartPolicy\":\"Always\","}};
  static const char *const statuses[] = {"containerStatuses", "initContainerStatuses"};
  for (size_t role = 0; role < SG_ARRAY_LEN(roles); role++) {
    struct str json = str_printf(
        arena,
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\",\"%s\":[{%s\"name\":\"c\","
        "\"resources\":{\"requests\":{%s}}}]},\"status\":{\"conditions\":[%s],\"%s\":[{\"name\":"
        "\"other\"},{\"name\":\"c\"%s%s}]}}",
        roles[role][0], roles[role][1], resizes[_i].spec, resizes[_i].conditions, statuses[role],
        resizes[_i].status[0] ? "," : "", resizes[_i].status);
    ck_assert_msg(wire_pod_read(arena, json, &pod, &err), "%s", err.text);
    ck_assert_int_eq(requested(&pod, "cpu"), resizes[_i].cpu);
    ck_assert_int_eq(requested(&pod, "memory"), resizes[_i].gib << 30);
  }
}
END_TEST

/* A pod may ask for CPU and memory as a whole, and be resized so. */
START_TEST(resized_as_a_whole) {
  struct pod pod;
  struct err err = {0};
  static const char form[] =
      "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n\",\"resources\":{\"requests\":{"
      "\"cpu\":"
      "\"64\"}},\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"memory\":\"1Gi\"}}}]"
      "},"
      "\"status\":{\"conditions\":[{\"type\":\"PodResizePending\",\"reason\":\"%s\"}]%s}}";
  static const char known[] = ",\"allocatedResources\":{\"cpu\":\"8\",\"memory\":\"9Gi\"},"
                              "\"resources\":{\"requests\":{\"cpu\":\"8\"}}";
  static const struct {
    const char *reason, *status;
    int64_t cpu;
  } rows[] = {{"Infeasible", known, 8}, {"Deferred", known, 64}, {"Infeasible", "", 64}};
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    struct str json = str_printf(arena, form, rows[i].reason, rows[i].status);
    ck_assert_msg(wire_pod_read(arena, json, &pod, &err), "%s", err.text);
    ck_assert_int_eq(requested(&pod, "cpu"), rows[i].cpu);
    ck_assert_int_eq(requested(&pod, "memory"), INT64_C(1) << 30);
  }
}
END_TEST

/* ---- what is wrong ----------------------------------------------------------------------- */

static const struct {
  const char *json, *says;
  unsigned line, column;
} wrong_pods[] = {
    {"{\"metadata\":{\"name\":\"p\"}", "the text ends where ',' or '}' was expected", 1, 25},
    {"{\"metadata\":{\"name\":\"p\"}}{", "'{' where the end of the text was expected", 1, 26},
    {"[]", "the object: a mapping was expected, found a list", 1, 1},
    {"{\"kind\":\"Status\",\"metadata\":{}}", "metadata.name: is missing", 1, 29},
    {"{}", "metadata.name: is missing", 1, 1},
    {"{\"metadata\":{\"name\":\"\"}}", "metadata.name: is missing", 1, 13},
    {"{\"metadata\":[]}", "metadata: a mapping was expected, found a list", 1, 13},
    {"{\"metadata\":{\"name\":\"p\",\n\"annotations\":[]}}",
     "metadata.annotations: a mapping was expected, found a list", 2, 15},
    {"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":{}}}",
     "spec.containers: a list was expected, found a mapping", 1, 47},
    {"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"schedulingGates\":{}}}",
     "spec.schedulingGates: a list was expected, found a mapping", 1, 52},
    {"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"topologySpreadConstraints\":1}}",
     "spec.topologySpreadConstraints: a list was expected, found a number", 1, 62},
    {"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"affinity\":{\"podAffinity\":[]}}}",
     "spec.affinity.podAffinity: a mapping was expected, found a list", 1, 60},
    {"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"ports\":\"80\"}]}}",
     "spec.containers[0].ports: a list was expected, found a string", 1, 57},
    {"{\"metadata\":{\"name\":\"p\"},\"status\":{\"containerStatuses\":[{},{"
     "\"allocatedResourcesStatus\":[{\"name\":\"a.b/c\",\"resources\":[{\"resourceID\":{}}]}]}]}}",
     "status.containerStatuses[1].allocatedResourcesStatus[0].resources[0].resourceID: a string "
     "was expected, found a mapping",
     1, 132},
};

START_TEST(a_wrong_pod_is_refused) {
  struct pod pod = {.priority = 77};
  struct err err = {0};
  ck_assert(!wire_pod_read(arena, str_of(wrong_pods[_i].json), &pod, &err));
  ck_assert_str_eq(err.text, wrong_pods[_i].says);
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_uint_eq(err.line, wrong_pods[_i].line);
  ck_assert_uint_eq(err.column, wrong_pods[_i].column);
  ck_assert_msg(pod.priority == 77, "left as it was");
}
END_TEST

/* The API server stores up to 1.5 MiB and sends more: escapes, fields of managers. */
START_TEST(a_large_object_is_read) {
  CLEANUP_BUF struct buf json;
  struct pod pod;
  struct err err = {0};
  buf_init(&json, 4 << 20);
  buf_append_cstr(&json, "{\"metadata\":{\"name\":\"p\",\"managedFields\":[");
  while (json.len < 3 << 20)
    buf_append_cstr(&json,
                    "{\"manager\":\"m\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{\".\":{},"
                    "\"f:a\\u002fb\":{}}}}},");
  buf_append_cstr(&json, "{}]},\"spec\":{\"nodeName\":\"n\"}}");
  ck_assert_msg(wire_pod_read(arena, buf_str(&json), &pod, &err), "%s", err.text);
  ck_assert(str_is(pod.constraints.node_name, "n"));
  ck_assert_msg(arena_used(arena) < 4096, "%zu bytes are kept", arena_used(arena));
}
END_TEST

/* ---- nodes, namespaces, DRA -------------------------------------------------------------- */

START_TEST(a_node_is_read) {
  struct node node;
  struct err err = {0};
  static const char json[] =
      "{\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\",\"labels\":{\"nvidia.com\\/gpu.count\":"
      "\"8\"}},\"spec\":{\"unschedulable\":true,\"taints\":[{\"key\":\"nvidia.com/gpu\",\"effect\":"
      "\"NoSchedule\"}]},\"status\":{\"capacity\":{\"nvidia.com/gpu\":\"8\"},\"allocatable\":{"
      "\"nvidia.com/gpu\":\"7\"},\"images\":[{\"names\":[\"a\"],\"sizeBytes\":1}]}}";
  ck_assert_msg(wire_node_read(arena, STR_LIT(json), &node, &err), "%s", err.text);
  ck_assert(str_is(node.name, "n1") && node.is_unschedulable);
  ck_assert(node.label_count == 1 && str_is(node.labels[0].key, "nvidia.com/gpu.count"));
  ck_assert(node.taint_count == 1 && str_is(node.taints[0].key, "nvidia.com/gpu"));
  ck_assert_uint_eq(node.allocatable_count, 1);
  ck_assert_int_eq(node.allocatable[0].amount.units, 7);
  ck_assert(!wire_node_read(arena,
                            STR_LIT("{\"metadata\":{\"name\":\"n\"},\"spec\":{\"taints\":"
                                    "{}}}"),
                            &node, &err));
  ck_assert_str_eq(err.text, "spec.taints: a list was expected, found a mapping");
  ck_assert(!wire_node_read(arena, STR_LIT("{\"kind\":\"Node\"}"), &node, &err));
  ck_assert_str_eq(err.text, "metadata.name: is missing");
}
END_TEST

/* As HAMi's plugins have written it: a list of their own, later JSON. */
static const struct {
  const char *annotations;
  bool has_hami;
} plugins[] = {
    {"\"hami.io/node-handshake\":\"Requesting_2024.01.10 04:06:57\","
     "\"hami.io/node-nvidia-register\":\"GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec,10,32768,100,"
     "NVIDIA-Tesla V100-PCIE-32GB,0,true:GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448,10,32768,100,"
     "NVIDIA-Tesla V100-PCIE-32GB,0,true:\"",
     true},
    {"\"hami.io/"
     "node-nvidia-register\":\"[{\\\"id\\\":\\\"GPU-8dcd427f-483b-b48f-d7e5-75fb19a52b76\\\","
     "\\\"count\\\":10,\\\"devmem\\\":24576,\\\"devcore\\\":100,\\\"type\\\":\\\"NVIDIA A10\\\","
     "\\\"mode\\\":\\\"hami-core\\\",\\\"health\\\":true}]\"",
     true},
    {"\"hami.io/node-handshake\":\"Deleted_2024.01.10 04:06:57\","
     "\"hami.io/node-nvidia-register\":\"GPU-1,10,32768,100,NVIDIA-T4,0,true:\"",
     false},
    {"\"hami.io/node-nvidia-register\":\"[]\"", false},
    {"\"hami.io/node-nvidia-register\":\"\"", false},
    {"\"hami.io/node-nvidia-register\":null", false},
    {"\"hami.io/node-mlu-register\":\"MLU-1,10,23308,0,MLU-MLU370-X4,0,false:\"", false},
    {"", false},
};

START_TEST(hami_is_known_by_what_it_registers) {
  struct node node;
  struct err err = {0};
  struct str json = str_printf(arena, "{\"metadata\":{\"name\":\"n\",\"annotations\":{%s}}}",
                               plugins[_i].annotations);
  ck_assert_msg(wire_node_read(arena, json, &node, &err), "%s", err.text);
  ck_assert_msg(node.has_hami == plugins[_i].has_hami, "%s", plugins[_i].annotations);
  ck_assert(wire_node_read(arena, STR_LIT("{\"metadata\":{\"name\":\"n\"}}"), &node, &err));
  ck_assert(!node.has_hami);
}
END_TEST

START_TEST(a_namespace_is_read) {
  struct k8s_namespace ns;
  struct err err = {0};
  ck_assert(wire_namespace_read(
      arena, STR_LIT("{\"metadata\":{\"name\":\"ml\",\"labels\":{\"a\":\"b\"}}}"), &ns, &err));
  ck_assert(str_is(ns.name, "ml") && ns.label_count == 1 && str_is(ns.labels[0].value, "b"));
  ck_assert(!wire_namespace_read(
      arena, STR_LIT("{\"metadata\":{\"name\":\"ml\",\"labels\":{\"a\":[]}}}"), &ns, &err));
  ck_assert_str_eq(err.text, "metadata.labels.a: a string was expected, found a list");
}
END_TEST

static const struct {
  const char *json, *says; /* "namespace name driver node devices", or the error */
} dra[] = {
    {"{\"kind\":\"ResourceSlice\",\"metadata\":{\"name\":\"n1-gpu.nvidia.com-x\"},\"spec\":{"
     "\"driver\":\"gpu.nvidia.com\",\"nodeName\":\"n1\",\"pool\":{\"name\":\"n1\"},\"devices\":["
     "{\"name\":\"gpu-0\"},{\"name\":\"gpu-1\"}]}}",
     " n1-gpu.nvidia.com-x gpu.nvidia.com n1 2"},
    {"{\"metadata\":{\"name\":\"s\"},\"spec\":{\"driver\":\"d\",\"allNodes\":true,"
     "\"sharedCounters\":[{}]}}",
     " s d  0"},
    {"{\"kind\":\"ResourceClaim\",\"metadata\":{\"name\":\"c\",\"namespace\":\"ml\"},\"spec\":{"
     "\"devices\":{\"requests\":[{\"name\":\"gpu\"}]}},\"status\":{\"allocation\":{\"devices\":{"
     "\"results\":[{\"driver\":\"d\",\"pool\":\"n1\",\"device\":\"gpu-0\"}]}}}}",
     "ml c   1"},
    {"{\"metadata\":{\"name\":\"c\",\"namespace\":\"ml\"},\"spec\":{\"devices\":{}}}", "ml c   0"},
    {"{\"metadata\":{\"name\":\"c\"},\"spec\":{\"devices\":3}}",
     "spec.devices: a list was expected, found a number"},
    {"{\"kind\":\"ResourceClaim\",\"metadata\":{\"name\":\"c\"},\"status\":{\"allocation\":{"
     "\"devices\":{\"results\":{}}}}}",
     "status.allocation.devices.results: a list was expected, found a mapping"},
    {"{\"kind\":\"ResourceSlice\",\"metadata\":{\"name\":\"c\"},\"spec\":{\"driver\":{}}}",
     "spec.driver: a string was expected, found a mapping"},
    {"{\"spec\":{}}", "metadata.name: is missing"},
};

START_TEST(slices_and_claims_are_counted) {
  struct wire_dra found;
  struct err err = {0};
  struct str text;
  if (wire_dra_read(arena, str_of(dra[_i].json), &found, &err))
    text = str_printf(arena, "%.*s %.*s %.*s %.*s %zu", STR_FMT(found.ns), STR_FMT(found.name),
                      STR_FMT(found.driver), STR_FMT(found.node), found.devices);
  else
    text = str_of(err.text);
  ck_assert_msg(str_is(text, dra[_i].says), "%s: %.*s", dra[_i].json, STR_FMT(text));
}
END_TEST

TCase *tcase_objects(void) {
  TCase *tc = tcase_create("objects");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, a_pod_is_read);
  tcase_add_loop_test(tc, traits_are_known, 0, SG_ARRAY_LEN(traits));
  tcase_add_loop_test(tc, devices_are_named_by_annotations, 0, SG_ARRAY_LEN(devices));
  tcase_add_test(tc, an_annotation_without_end_names_nothing);
  tcase_add_test(tc, devices_of_sidecars_count);
  tcase_add_test(tc, resized_as_a_whole);
  tcase_add_loop_test(tc, resized_pods_hold_what_the_node_owes_them, 0, (int)SG_ARRAY_LEN(resizes));
  tcase_add_loop_test(tc, a_wrong_pod_is_refused, 0, SG_ARRAY_LEN(wrong_pods));
  tcase_add_test(tc, a_large_object_is_read);
  tcase_add_test(tc, a_node_is_read);
  tcase_add_loop_test(tc, hami_is_known_by_what_it_registers, 0, SG_ARRAY_LEN(plugins));
  tcase_add_test(tc, a_namespace_is_read);
  tcase_add_loop_test(tc, slices_and_claims_are_counted, 0, SG_ARRAY_LEN(dra));
  return tc;
}

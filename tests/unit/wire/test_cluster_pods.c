/* SPDX-License-Identifier: Apache-2.0 */
/* Pods of a recorded cluster: what is kept of them, and that it outlives their trees. */
#include "slicegate/wire.h"

#include <check.h>

TCase *tcase_cluster_pods(void);

static const char recording[] =
    "{\"kind\":\"List\",\"items\":[\n"
    "{\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\",\"labels\":{\"nvidia.com\\/"
    "gpu.count\":\"8\"}},"
    "\"spec\":{\"taints\":[{\"key\":\"a\\/b\",\"effect\":\"NoSchedule\"}]},"
    "\"status\":{\"allocatable\":{\"nvidia.com\\/gpu\":\"8\",\"pods\":\"110\"}}},\n"
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p2\",\"namespace\":\"ml\",\"uid\":\"u2\","
    "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
    "\"ownerReferences\":[{\"kind\":\"Other\"},{\"kind\":\"DaemonSet\",\"controller\":true}]},"
    "\"spec\":{\"nodeName\":\"n1\",\"priority\":-5,\"overhead\":{\"cpu\":\"100m\"},"
    "\"nodeSelector\":{\"nvidia.com\\/gpu.count\":\"8\"},"
    "\"tolerations\":[{\"key\":\"a\\/b\",\"operator\":\"Exists\"}],"
    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
    "{\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\","
    "\"values\":[\"n\\u0031\"]}]}]}}},"
    "\"initContainers\":[{\"name\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"3\"}}},"
    "{\"name\":\"s\",\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}}],"
    "\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":\"1500m\"},"
    "\"limits\":{\"nvidia.com\\/gpu\":2}}}]},\"status\":{\"phase\":\"Running\"}},\n"
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p1\",\"namespace\":\"ml\"},"
    "\"spec\":{\"containers\":[]},\"status\":{\"phase\":\"Odd\",\"conditions\":[{\"type\":"
    "\"Ready\",\"status\":"
    "\"True\"},{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\"}]}},\n"
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p0\",\"namespace\":\"zz\",\"resourceVersion\":"
    "\"7\","
    "\"creationTimestamp\":\"1970-01-01T00:01:00Z\",\"annotations\":{"
    "\"hami.io\\/vgpu-devices-allocated\":\"GPU-\\u0061,NVIDIA,2000,0:;\"}},"
    "\"spec\":{\"schedulerName\":\"m\\u0069ne\",\"hostNetwork\":true,"
    "\"resourceClaims\":[{\"name\":\"x\"}]},\"status\":{\"nominatedNodeName\":\"n\\u0031\","
    "\"conditions\":[{"
    "\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"SchedulingGated\"}]}}\n"
    "]}";

START_TEST(what_places_a_pod_is_kept) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct cluster cluster;
  struct err err = {0};
  ck_assert_msg(wire_cluster_decode_pods(arena, STR_LIT(recording), &cluster, &err), "%s",
                err.text);
  ck_assert(cluster.has_pods);
  ck_assert_uint_eq(cluster.pod_count, 3);
  const struct pod *waiting = &cluster.pods[0], *claims = &cluster.pods[1], *pod = &cluster.pods[2];
  ck_assert_msg(str_is(waiting->name, "p1") && str_is(claims->name, "p0"),
                "those without a node come first, by namespace");
  ck_assert_int_eq(waiting->phase, PHASE_UNKNOWN);
  ck_assert_int_eq(claims->phase, PHASE_PENDING);
  ck_assert(claims->has_claims && !pod->has_claims);
  ck_assert(str_is(pod->uid, "u2") && str_is(pod->controller, "DaemonSet"));
  ck_assert_int_eq(pod->priority, -5);
  ck_assert_int_eq(pod->phase, PHASE_RUNNING);
  ck_assert(!pod_is_over(pod));
  ck_assert(str_is(pod->constraints.node_name, "n1"));
  ck_assert_uint_eq(pod->request_count, 2);
  ck_assert(str_is(pod->requests[0].name, "cpu"));
  /* max(1.5 + 1, 3) + 0.1 */
  ck_assert(str_is(qty_text(arena, pod->requests[0].amount), "3.1"));
  ck_assert(str_is(pod->requests[1].name, "nvidia.com/gpu"));
  ck_assert_int_eq(pod->requests[1].amount.units, 2);
}
END_TEST

/* Every string above that was escaped was unescaped into a tree that is gone by now. */
START_TEST(unescaped_strings_are_kept) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct cluster cluster;
  struct err err = {0};
  ck_assert(wire_cluster_decode_pods(arena, STR_LIT(recording), &cluster, &err));
  const struct node *node = &cluster.nodes[0];
  const struct pod_constraints *c = &cluster.pods[2].constraints;
  ck_assert(str_is(node->labels[0].key, "nvidia.com/gpu.count"));
  ck_assert(str_is(node->taints[0].key, "a/b"));
  ck_assert(str_is(node->allocatable[0].name, "nvidia.com/gpu"));
  ck_assert(pod_selects_node(c, node));
  ck_assert_ptr_null(pod_find_barrier(c, node));
  ck_assert(str_is(c->affinity_terms[0].fields[0].values[0], "n1"));
}
END_TEST

START_TEST(what_decides_when_is_kept) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct cluster cluster;
  struct err err = {0};
  ck_assert(wire_cluster_decode_pods(arena, STR_LIT(recording), &cluster, &err));
  const struct pod *waiting = &cluster.pods[0], *claims = &cluster.pods[1];
  const struct pod *deleting = &cluster.pods[2];
  ck_assert_uint_eq(waiting->traits, POD_WAS_REJECTED);
  ck_assert_uint_eq(claims->traits, POD_HAS_HOST_PORTS);
  ck_assert_uint_eq(deleting->traits, POD_IS_DELETING);
  ck_assert_int_eq(claims->created, 60);
  ck_assert_int_eq(deleting->created, 0);
  ck_assert(str_is(claims->scheduler_name, "mine") && str_is(claims->nominated_node, "n1"));
  ck_assert_msg(claims->resource_version.len == 0, "says nothing in a recording");
  ck_assert_uint_eq(claims->device_count, 1);
  ck_assert(str_is(claims->devices[0].id, "GPU-a") && claims->devices[0].amount == 2000);
  ck_assert_uint_eq(deleting->device_count, 0);
}
END_TEST

START_TEST(who_does_not_ask_gets_no_pods) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct cluster cluster;
  struct err err = {0};
  ck_assert(wire_cluster_decode(arena, STR_LIT(recording), &cluster, &err));
  ck_assert_uint_eq(cluster.pod_count, 0);
  ck_assert(!cluster.has_pods);
  /* Nor is a pod that is damaged their business. */
  static const char damaged[] = "{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\"},\n"
                                "{\"kind\":\"Pod\",\"spec\":{\"containers\":{}}}]}";
  ck_assert(wire_cluster_decode(arena, STR_LIT(damaged), &cluster, &err));
  ck_assert(!wire_cluster_decode_pods(arena, STR_LIT(damaged), &cluster, &err));
  ck_assert_str_eq(err.text, "items[1]: spec.containers: a list was expected, found a mapping");
  ck_assert_uint_eq(err.line, 2);
}
END_TEST

START_TEST(a_pod_is_over_when_its_phase_is) {
  static const bool over[] = {[PHASE_PENDING] = false,
                              [PHASE_RUNNING] = false,
                              [PHASE_SUCCEEDED] = true,
                              [PHASE_FAILED] = true,
                              [PHASE_UNKNOWN] = false};
  struct pod pod = {.phase = (enum pod_phase)_i};
  ck_assert(pod_is_over(&pod) == over[_i]);
}
END_TEST

TCase *tcase_cluster_pods(void) {
  TCase *tc = tcase_create("cluster_pods");
  tcase_add_test(tc, what_places_a_pod_is_kept);
  tcase_add_test(tc, unescaped_strings_are_kept);
  tcase_add_test(tc, what_decides_when_is_kept);
  tcase_add_test(tc, who_does_not_ask_gets_no_pods);
  tcase_add_loop_test(tc, a_pod_is_over_when_its_phase_is, 0, PHASE_UNKNOWN + 1);
  return tc;
}

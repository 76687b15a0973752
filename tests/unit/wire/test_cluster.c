/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/wire.h"

#include <check.h>

TCase *tcase_cluster(void);

static const struct {
  const char *name, *text;
  size_t nodes, namespaces;
  bool has_nodes, has_namespaces;
} recordings[] = {
    {"a List of both",
     "{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\"}},"
     "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"b\"}},{\"kind\":\"Pod\"}]}",
     1, 1, true, true},
    {"a NodeList whose items name no kind",
     "{\"kind\":\"NodeList\",\"items\":[{\"metadata\":{\"name\":\"a\"}},{}]}", 2, 0, true, false},
    {"an empty NodeList is known to be empty", "{\"kind\":\"NodeList\",\"items\":[]}", 0, 0, true,
     false},
    {"several documents",
     "kind: NodeList\nitems: []\n---\nkind: NamespaceList\nitems:\n- metadata: {name: x}\n", 0, 1,
     true, true},
    {"one object", "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"x\"}}", 0, 1, false, true},
};

START_TEST(recordings_are_read) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct cluster cluster;
  struct err err;
  ck_assert_msg(wire_cluster_decode(arena, str_of(recordings[_i].text), &cluster, &err), "%s: %s",
                recordings[_i].name, err.text);
  ck_assert_uint_eq(cluster.node_count, recordings[_i].nodes);
  ck_assert_uint_eq(cluster.namespace_count, recordings[_i].namespaces);
  ck_assert(cluster.has_nodes == recordings[_i].has_nodes);
  ck_assert(cluster.has_namespaces == recordings[_i].has_namespaces);
}
END_TEST

START_TEST(nodes_carry_what_rules_read) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct cluster cluster;
  struct err err;
  ck_assert(wire_cluster_decode(
      arena,
      STR_LIT("kind: NodeList\nitems:\n"
              "- metadata: {name: b}\n"
              "- metadata: {name: a, labels: {nvidia.com/gpu.product: NVIDIA-A30}}\n"
              "  spec: {unschedulable: true, taints: [{key: k, value: v, effect: NoSchedule}]}\n"
              "  status: {allocatable: {nvidia.com/gpu: \"4\"}}\n"),
      &cluster, &err));
  ck_assert_msg(str_is(cluster.nodes[0].name, "a"), "nodes are sorted by name");
  ck_assert(cluster.nodes[0].is_unschedulable);
  ck_assert_int_eq(cluster.nodes[0].taints[0].effect, EFFECT_NO_SCHEDULE);
  ck_assert_int_eq(cluster.nodes[0].allocatable[0].amount.units, 4);
}
END_TEST

static const struct {
  const char *name, *text, *says;
} wrong[] = {
    {"pods only", "{\"kind\":\"PodList\",\"items\":[]}", "neither nodes nor namespaces"},
    {"a damaged node", "{\"kind\":\"NodeList\",\"items\":[{\"metadata\":[]}]}",
     "items[0]: metadata: a mapping was expected, found a list"},
    {"not JSON", "{\"kind\":", "the text ends"},
};

START_TEST(what_is_no_recording_is_said) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct cluster cluster;
  struct err err;
  ck_assert_msg(!wire_cluster_decode(arena, str_of(wrong[_i].text), &cluster, &err), "%s",
                wrong[_i].name);
  ck_assert_msg(strstr(err.text, wrong[_i].says), "%s: %s", wrong[_i].name, err.text);
  ck_assert_uint_gt(err.line, 0);
}
END_TEST

TCase *tcase_cluster(void) {
  TCase *tc = tcase_create("cluster");
  tcase_add_loop_test(tc, recordings_are_read, 0, SG_ARRAY_LEN(recordings));
  tcase_add_test(tc, nodes_carry_what_rules_read);
  tcase_add_loop_test(tc, what_is_no_recording_is_said, 0, SG_ARRAY_LEN(wrong));
  return tc;
}

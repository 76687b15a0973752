/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted of pods, nodes, namespaces and Status objects: what src/wire reads of one that is
 * followed (cluster_pods.c, cluster_nodes.c and what they call), not what rules of admission read
 * besides. Numbers are those of generated.proto; a message without entries tells only that it is
 * there. tests/e2e/kube/encodings.c says when something is missing.
 */
#include "src/kube/protobuf.h"

#define MESSAGE(name, ...)                                                                         \
  static const struct proto_entry name##_entries[] = {__VA_ARGS__};                                \
  static const struct proto_message name = {name##_entries, SG_ARRAY_LEN(name##_entries)};         \
  _Static_assert(SG_ARRAY_LEN(name##_entries) <= PROTO_ENTRIES_MAX, "too many fields")

#define TEXT(number, name)                                                                         \
  { number, PROTO_TEXT, false, name, NULL }
#define TEXT_LIST(number, name)                                                                    \
  { number, PROTO_TEXT, true, name, NULL }
#define INT(number, name)                                                                          \
  { number, PROTO_INT, false, name, NULL }
#define BOOL(number, name)                                                                         \
  { number, PROTO_BOOL, false, name, NULL }
#define TIME(number, name)                                                                         \
  { number, PROTO_TIME, false, name, NULL }
#define TEXTS(number, name)                                                                        \
  { number, PROTO_TEXTS, false, name, NULL }
#define QUANTITIES(number, name)                                                                   \
  { number, PROTO_QUANTITIES, false, name, NULL }
#define ONE(number, name, message)                                                                 \
  { number, PROTO_MESSAGE, false, name, &(message) }
#define LIST(number, name, message)                                                                \
  { number, PROTO_MESSAGE, true, name, &(message) }
#define INLINE(number, message)                                                                    \
  { number, PROTO_INLINE, false, NULL, &(message) }

static const struct proto_message presence = {NULL, 0};

/* ---- metadata ---------------------------------------------------------------------------- */

MESSAGE(owner, TEXT(1, "kind"), TEXT(3, "name"), BOOL(6, "controller"));

MESSAGE(metadata, TEXT(1, "name"), TEXT(3, "namespace"), TEXT(5, "uid"), TEXT(6, "resourceVersion"),
        TIME(8, "creationTimestamp"), TIME(9, "deletionTimestamp"), TEXTS(11, "labels"),
        TEXTS(12, "annotations"), LIST(13, "ownerReferences", owner));

/* ---- pods: spec -------------------------------------------------------------------------- */

MESSAGE(requirements, QUANTITIES(1, "limits"), QUANTITIES(2, "requests"));
MESSAGE(port, INT(2, "hostPort"));
MESSAGE(container, TEXT(1, "name"), LIST(6, "ports", port), ONE(8, "resources", requirements),
        TEXT(24, "restartPolicy"));

MESSAGE(selector_requirement, TEXT(1, "key"), TEXT(2, "operator"), TEXT_LIST(3, "values"));
MESSAGE(selector_term, LIST(1, "matchExpressions", selector_requirement),
        LIST(2, "matchFields", selector_requirement));
MESSAGE(selector, LIST(1, "nodeSelectorTerms", selector_term));
MESSAGE(node_affinity, ONE(1, "requiredDuringSchedulingIgnoredDuringExecution", selector),
        LIST(2, "preferredDuringSchedulingIgnoredDuringExecution", presence));
MESSAGE(pod_affinity, LIST(1, "requiredDuringSchedulingIgnoredDuringExecution", presence),
        LIST(2, "preferredDuringSchedulingIgnoredDuringExecution", presence));
MESSAGE(affinity, ONE(1, "nodeAffinity", node_affinity), ONE(2, "podAffinity", pod_affinity),
        ONE(3, "podAntiAffinity", pod_affinity));

MESSAGE(toleration, TEXT(1, "key"), TEXT(2, "operator"), TEXT(3, "value"), TEXT(4, "effect"));
MESSAGE(spread, TEXT(3, "whenUnsatisfiable"));
MESSAGE(volume_source, ONE(10, "persistentVolumeClaim", presence), ONE(29, "ephemeral", presence));
MESSAGE(volume, INLINE(2, volume_source));
MESSAGE(named, TEXT(1, "name"));

MESSAGE(spec, LIST(1, "volumes", volume), LIST(2, "containers", container),
        TEXTS(7, "nodeSelector"), TEXT(10, "nodeName"), BOOL(11, "hostNetwork"),
        ONE(18, "affinity", affinity), TEXT(19, "schedulerName"),
        LIST(20, "initContainers", container), LIST(22, "tolerations", toleration),
        INT(25, "priority"), QUANTITIES(32, "overhead"),
        LIST(33, "topologySpreadConstraints", spread), LIST(38, "schedulingGates", named),
        LIST(39, "resourceClaims", named), ONE(40, "resources", requirements));

/* ---- pods: status ------------------------------------------------------------------------ */

MESSAGE(device_health, TEXT(1, "resourceID"));
MESSAGE(devices, TEXT(1, "name"), LIST(2, "resources", device_health));
MESSAGE(container_status, TEXT(1, "name"), QUANTITIES(10, "allocatedResources"),
        ONE(11, "resources", requirements), LIST(14, "allocatedResourcesStatus", devices));
MESSAGE(condition, TEXT(1, "type"), TEXT(2, "status"), TEXT(5, "reason"));

MESSAGE(status, TEXT(1, "phase"), LIST(2, "conditions", condition),
        LIST(8, "containerStatuses", container_status),
        LIST(10, "initContainerStatuses", container_status), TEXT(11, "nominatedNodeName"),
        TEXT(14, "resize"), QUANTITIES(19, "allocatedResources"),
        ONE(20, "resources", requirements));

MESSAGE(pod, ONE(1, "metadata", metadata), ONE(2, "spec", spec), ONE(3, "status", status));

/* ---- nodes and namespaces ---------------------------------------------------------------- */

/* Without what a node says of itself besides, the list of its images above all. */
MESSAGE(taint, TEXT(1, "key"), TEXT(2, "value"), TEXT(3, "effect"));
MESSAGE(node_spec, BOOL(4, "unschedulable"), LIST(5, "taints", taint));
MESSAGE(node_status, QUANTITIES(2, "allocatable"));
MESSAGE(node, ONE(1, "metadata", metadata), ONE(2, "spec", node_spec),
        ONE(3, "status", node_status));

MESSAGE(namespace, ONE(1, "metadata", metadata));

/* ---- failures ---------------------------------------------------------------------------- */

MESSAGE(failure, TEXT(2, "status"), TEXT(3, "message"), TEXT(4, "reason"), INT(6, "code"));

const struct proto_message *proto_message_of(struct str kind) {
  static const struct {
    const char *kind;
    const struct proto_message *message;
  } known[] = {{"Pod", &pod}, {"Node", &node}, {"Namespace", &namespace}, {"Status", &failure}};
  for (size_t i = 0; i < SG_ARRAY_LEN(known); i++)
    if (str_is(kind, known[i].kind))
      return known[i].message;
  return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices of its node a pod has: as somebody says, else as the core takes it to be. */
#include "src/explain/explain_internal.h"

static void add(struct explain_answer *answer, struct explain_device *devices,
                struct explain_device device) {
  for (size_t i = 0; i < answer->device_count; i++)
    if (devices[i].index == device.index && str_eq(devices[i].id, device.id))
      return;
  devices[answer->device_count++] = device;
}

static void take_said(const struct pod *pod, struct explain_device *devices,
                      struct explain_answer *answer) {
  for (size_t i = 0; i < pod->device_count; i++)
    if (pod->devices[i].index >= 0 || pod->devices[i].id.len)
      add(answer, devices,
          (struct explain_device){.id = pod->devices[i].id, .index = pod->devices[i].index});
}

/* The pod as it is in the scene; NULL: it is not of the scene's cluster. */
static const struct pack_pod *find(const struct explain_scene *scene, const struct pod *pod,
                                   const struct pack_node **ret_node) {
  const struct pack_cluster *cluster = pack_scene_cluster(scene->scene);
  size_t n = pack_cluster_find(cluster, pod->constraints.node_name);
  if (n == SIZE_MAX)
    return NULL;
  *ret_node = pack_cluster_node(cluster, n);
  for (size_t p = scene->pod_first[n]; p < scene->pod_last[n]; p++) {
    const struct pod *there = &scene->cluster->pods[p];
    if (!str_eq(there->name, pod->name) || !str_eq(there->ns, pod->ns))
      continue;
    for (size_t i = 0; i < (*ret_node)->pod_count; i++)
      if ((*ret_node)->pods[i].uid == p + 1) /* as pack_scene_new numbers them */
        return &(*ret_node)->pods[i];
  }
  return NULL;
}

void explain_find_devices(const struct explain_scene *scene, const struct pod *pod,
                          struct arena *arena, struct explain_answer *ret) {
  struct explain_device *devices =
      arena_array(arena, pod->device_count + PACK_UNITS_MAX, sizeof(*devices));
  const struct pack_node *node = NULL;
  ret->devices = devices;
  take_said(pod, devices, ret);
  const struct pack_pod *there = ret->device_count ? NULL : find(scene, pod, &node);
  for (uint16_t u = 0; there && u < there->unit_count; u++) {
    ret->are_devices_predicted = true;
    add(ret, devices, (struct explain_device){.index = node->units[there->unit_first + u].device});
  }
}

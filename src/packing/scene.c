/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scene: the recorded nodes with the pods that hold something on them, as a cluster of the
 * core, and beside it what the core does not count. When the other resources of a node change,
 * so do the traits that stand for them.
 */
#include "src/packing/intake.h"

#include <stdlib.h>

/* ---- nodes with their pods --------------------------------------------------------------- */

/* A pod has one form; devices that it holds by a second name are not there for others either. */
static void withhold(const struct pack_intake *intake, const struct pod *pod,
                     struct pack_node_reading *node) {
  bool is_first = true;
  for (size_t i = 0; i < pod->request_count; i++) {
    uint8_t name = intake_find_name(intake, pod->requests[i].name);
    for (size_t c = 0; name && c < node->spec.counter_count; c++) {
      struct pack_counter *counter = &node->counters[c];
      if (counter->name != name)
        continue;
      int64_t held = qty_units_ceil(pod->requests[i].amount);
      if (!is_first)
        counter->total -= (uint32_t)(held > counter->total ? counter->total : held);
      is_first = false;
    }
  }
}

static void count_others(const struct pack_scene *scene, size_t n, const struct node *node) {
  const struct pack_intake *intake = scene->intake;
  int64_t *left = scene_others(scene, n);
  for (size_t o = 0; o < scene->intake->other_count; o++)
    left[o] = intake_allocatable(node, intake->others[o]);
  for (size_t p = intake->pod_first[n]; p < intake->pod_last[n]; p++) {
    const struct pod *pod = &intake->recorded->pods[p];
    for (size_t i = 0; !pod_is_over(pod) && i < pod->request_count; i++) {
      size_t other = intake_find_other(intake, pod->requests[i].name);
      if (other != SIZE_MAX)
        left[other] = i64_add_sat(left[other], -qty_units_ceil(pod->requests[i].amount));
    }
  }
}

static void observe_pods(struct pack_scene *scene, size_t n) {
  const struct pack_intake *intake = scene->intake;
  struct pack_ids ids = {0};
  for (int is_naming = 1; is_naming >= 0; is_naming--) {
    for (size_t p = intake->pod_first[n]; p < intake->pod_last[n]; p++) {
      const struct pod *pod = &intake->recorded->pods[p];
      if (!pod_is_over(pod) && (pod->device_count > 0) == is_naming)
        (void)pack_intake_observe_wholly(intake, scene->cluster, n, p + 1, pod, &ids);
    }
  }
}

static bool add_node(struct pack_scene *scene, size_t n, struct err *reterr) {
  struct pack_intake *intake = scene->intake;
  const struct cluster *recorded = intake->recorded;
  const struct node *node = &recorded->nodes[n];
  struct pack_node_reading read;
  pack_intake_read_node(intake, node, &read);
  scene->is_unreadable[n] = read.is_unreadable;
  scene->takes_no_pods[n] = read.takes_no_pods;
  count_others(scene, n, node);
  for (size_t p = intake->pod_first[n]; p < intake->pod_last[n]; p++)
    if (!pod_is_over(&recorded->pods[p]))
      withhold(intake, &recorded->pods[p], &read);
  read.spec.traits = intake_traits(intake, node, scene_others(scene, n));
  if (!pack_cluster_set_node(scene->cluster, &read.spec, reterr))
    return false;
  observe_pods(scene, n);
  return true;
}

struct pack_scene *pack_scene_new(struct pack_intake *intake, struct err *reterr) {
  size_t count = intake->recorded->node_count;
  struct pack_scene *scene = mem_zalloc(sizeof(*scene));
  scene->intake = intake;
  scene->cluster = pack_cluster_new(intake->catalog);
  intake->is_sealed = true;
  scene->left = mem_zalloc(count * scene->intake->other_count * sizeof(*scene->left));
  scene->is_unreadable = mem_zalloc(count * sizeof(*scene->is_unreadable));
  scene->takes_no_pods = mem_zalloc(count * sizeof(*scene->takes_no_pods));
  /* Nodes come in order of names, which is the cluster's: indices are the same in both. */
  for (size_t n = 0; n < count; n++) {
    if (!add_node(scene, n, reterr)) {
      pack_scene_free(scene);
      return NULL;
    }
  }
  return scene;
}

static void *duplicate(const void *list, size_t bytes) {
  void *made = mem_zalloc(bytes);
  if (bytes)
    memcpy(made, list, bytes);
  return made;
}

struct pack_scene *pack_scene_copy(const struct pack_scene *scene) {
  size_t count = scene->intake->recorded->node_count;
  struct pack_scene *copy = mem_zalloc(sizeof(*copy));
  copy->intake = scene->intake;
  copy->cluster = pack_cluster_copy(scene->cluster);
  copy->left = duplicate(scene->left, count * scene->intake->other_count * sizeof(*scene->left));
  copy->is_unreadable = duplicate(scene->is_unreadable, count * sizeof(*scene->is_unreadable));
  copy->takes_no_pods = duplicate(scene->takes_no_pods, count * sizeof(*scene->takes_no_pods));
  return copy;
}

void pack_scene_free(struct pack_scene *scene) {
  if (!scene)
    return;
  pack_cluster_free(scene->cluster);
  free(scene->left);
  free(scene->is_unreadable);
  free(scene->takes_no_pods);
  free(scene);
}

const struct pack_cluster *pack_scene_cluster(const struct pack_scene *scene) {
  return scene->cluster;
}

/* ---- placing ----------------------------------------------------------------------------- */

bool pack_scene_place(struct pack_scene *scene, uint64_t uid, const struct pack_asked *asked,
                      const struct pack_placement *placement) {
  if (!pack_commit(scene->cluster, uid, &asked->request, placement))
    return false;
  if (asked->other_count == 0)
    return true;
  size_t n = placement->node;
  int64_t *left = scene_others(scene, n);
  for (size_t i = 0; i < asked->other_count; i++)
    left[asked->others[i].index] =
        i64_add_sat(left[asked->others[i].index], -asked->others[i].amount);
  uint64_t traits = intake_traits(scene->intake, &scene->intake->recorded->nodes[n], left);
  if (traits != pack_cluster_node(scene->cluster, n)->traits)
    pack_cluster_set_traits(scene->cluster, n, traits);
  return true;
}

/* ---- asking later ------------------------------------------------------------------------ */

bool pack_scene_ask(const struct pack_scene *scene, struct arena *arena, const struct pod *pod,
                    struct pack_asked *ret, struct err *reterr) {
  /* Sealed: it is read and nothing is added to it. */
  return pack_intake_read_pod(scene->intake, arena, pod, ret, reterr);
}

/* ---- judging ----------------------------------------------------------------------------- */

/* The counter that the pod's device name has on this node, whatever stands behind it. */
static void count_devices(const struct pack_node *node, const struct pack_request *request,
                          struct pack_verdict *ret) {
  for (uint16_t c = 0; c < node->counter_count; c++) {
    const struct pack_counter *counter = &node->counters[c];
    if (counter->name != request->forms[0].name)
      continue;
    ret->devices_total = counter->total;
    ret->devices_left = counter->left > 0 ? counter->left : 0;
  }
}

/* Its devices are ours to choose, and pods name those that they have. */
static bool has_cards(const struct pack_node *node) {
  return node->counter_count == 0 && node->device_count > 0;
}

/* The same where whoever binds chooses the card. */
static void count_cards(const struct pack_node *node, const struct pack_request *request,
                        struct pack_verdict *ret) {
  for (uint16_t d = 0; has_cards(node) && d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (device->mode != pack_mode_of(&request->forms[0]))
      continue;
    ret->devices_total += device->size;
    ret->devices_left += device->left;
    ret->card_total = device->size > ret->card_total ? device->size : ret->card_total;
    ret->card_left = device->left > ret->card_left ? device->left : ret->card_left;
  }
}

static bool is_nvidia(struct str name) {
  enum name_class class = resource_name_parse(name).class;
  return class == NAME_WHOLE || class == NAME_SLICE;
}

/* Whether the node may have the device without listing it. A DRA driver's goes by any name. */
static bool may_have(const struct node *node, struct str device) {
  return is_nvidia(device) ||
         (node->has_dra && !amount_find(node->allocatable, node->allocatable_count, device));
}

static void judge_devices(const struct pack_scene *scene, size_t n, const struct pack_asked *asked,
                          struct pack_verdict *ret) {
  const struct pack_node *node = pack_cluster_node(scene->cluster, n);
  const struct node *recorded = &scene->intake->recorded->nodes[n];
  struct pack_request devices = asked->request;
  if (asked->device.len == 0)
    return;
  bool is_card = pack_is_card_name(asked->device);
  if (is_card)
    count_cards(node, &asked->request, ret);
  else
    count_devices(node, &asked->request, ret);
  if (scene->is_unreadable[n] && may_have(recorded, asked->device)) {
    ret->blocks |= PACK_BLOCK_UNREADABLE;
    ret->unknown = recorded->has_hami  ? PACK_OF_HAMI
                   : recorded->has_dra ? PACK_OF_DRIVER
                                       : PACK_UNLISTED;
    return;
  }
  /* Everything but the devices is looked at elsewhere, and all of it is to be said. */
  struct pack_node alone = *node;
  alone.pods_max = 0;
  devices.cpu_milli = devices.mem_bytes = 0;
  devices.needs = devices.shuns = 0;
  ret->devices = has_cards(node) && !is_card
                     ? PACK_NO_GPU
                     : pack_fit(pack_cluster_catalog(scene->cluster), &alone, &devices);
  /* The counter lacks what pods hold by a second name; that they hold it may change. */
  int64_t listed = is_card ? 0 : intake_allocatable(recorded, asked->device);
  ret->devices_total = listed > ret->devices_total ? listed : ret->devices_total;
  if (ret->devices == PACK_TOO_MANY && !is_card && asked->device_count <= listed)
    ret->devices = PACK_DEVICES_BUSY;
  if (ret->devices != PACK_FITS)
    ret->blocks |= PACK_BLOCK_DEVICES;
}

static int64_t other_left(const struct pack_scene *scene, size_t n, uint16_t index) {
  return index == UINT16_MAX ? 0 : scene_others(scene, n)[index];
}

struct pack_verdict pack_scene_judge(const struct pack_scene *scene, size_t n,
                                     const struct pack_asked *asked) {
  const struct pack_node *node = pack_cluster_node(scene->cluster, n);
  const struct node *recorded = &scene->intake->recorded->nodes[n];
  const struct pack_request *request = &asked->request;
  struct pack_verdict made = {0};
  made.taint = pod_find_barrier(&asked->pod->constraints, recorded);
  made.blocks |= made.taint ? PACK_BLOCK_TAINT : 0;
  if (!pod_selects_node(&asked->pod->constraints, recorded))
    made.blocks |= PACK_BLOCK_SELECTOR;
  if (scene->takes_no_pods[n] || (node->pods_max && node->pod_count >= node->pods_max))
    made.blocks |= PACK_BLOCK_PODS;
  if (request->cpu_milli > 0 && request->cpu_milli > node->cpu_left)
    made.blocks |= PACK_BLOCK_CPU;
  if (request->mem_bytes > 0 && request->mem_bytes > node->mem_left)
    made.blocks |= PACK_BLOCK_MEMORY;
  for (size_t i = 0; i < asked->other_count; i++)
    if (asked->others[i].amount > other_left(scene, n, asked->others[i].index))
      made.others |= UINT64_C(1) << i;
  made.blocks |= made.others ? PACK_BLOCK_OTHER : 0;
  judge_devices(scene, n, asked, &made);
  return made;
}

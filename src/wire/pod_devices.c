/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices a pod holds, where somebody wrote it down: the annotations that device plugins
 * obey, and what the kubelet reports. Annotations are free text that anybody with a pod may
 * write: one that is not as its protocol has it says nothing, and half of one says nothing too.
 */
#include "wire_internal.h"

enum { DEVICES_MAX = 1024 }; /* of one pod and one source */

struct device_list {
  const struct keeper *keeper;
  struct arena *scratch;
  struct pod_device *items;
  size_t count, cap;
};

static struct pod_device *add(struct device_list *list) {
  if (list->count == list->cap) {
    size_t cap = list->cap ? list->cap * 2 : 8;
    struct pod_device *moved = arena_array(list->scratch, cap, sizeof(*moved));
    if (list->count)
      memcpy(moved, list->items, list->count * sizeof(*moved));
    list->items = moved;
    list->cap = cap;
  }
  struct pod_device *device = &list->items[list->count++];
  *device = (struct pod_device){.index = -1};
  return device;
}

/* The text in front of the next `separator`; *rest is what follows. */
static struct str take_part(struct str *rest, char separator) {
  size_t end = str_find_char(*rest, separator);
  struct str part = {rest->ptr, end};
  *rest = str_skip(*rest, end < rest->len ? end + 1 : end);
  return part;
}

static bool parse_bounded(struct str text, int64_t max, int64_t *ret) {
  return i64_parse(wire_trim(text), ret) && *ret >= 0 && *ret <= max;
}

/* ---- slicegate.dev/devices: "0,2" -------------------------------------------------------- */

/* The resource that cards were chosen for: gpu-milli, or the one extended resource there is. */
static const struct resource_request *chosen_for(const struct pod *pod) {
  const struct resource_request *only = NULL;
  size_t count = 0;
  for (size_t i = 0; i < pod->request_count; i++) {
    if (str_is(pod->requests[i].name, GPU_MILLI_NAME))
      return &pod->requests[i];
    if (wire_is_extended(pod->requests[i].name)) {
      only = &pod->requests[i];
      count++;
    }
  }
  return count == 1 ? only : NULL;
}

static void read_own(struct device_list *list, const struct doc_node *annotations,
                     const struct pod *pod) {
  struct str rest = wire_trim(doc_text_at(annotations, "slicegate.dev/devices"));
  const struct resource_request *request = chosen_for(pod);
  size_t before = list->count;
  while (rest.len) {
    int64_t index;
    if (!parse_bounded(take_part(&rest, ','), INT32_MAX, &index) ||
        list->count - before == DEVICES_MAX) {
      list->count = before;
      return;
    }
    struct pod_device *device = add(list);
    device->index = (int32_t)index;
    if (request)
      device->resource = request->name;
  }
  /* Cards of one pod hold equal parts. */
  int64_t cards = (int64_t)(list->count - before);
  int64_t amount = request && cards ? qty_units_ceil(request->amount) : 0;
  for (size_t i = before; cards && amount % cards == 0 && i < list->count; i++)
    list->items[i].amount = amount / cards;
}

/* ---- Aliyun gpushare --------------------------------------------------------------------- */

static void read_gpushare(struct device_list *list, const struct doc_node *annotations) {
  int64_t index, amount;
  if (!parse_bounded(doc_text_at(annotations, "ALIYUN_COM_GPU_MEM_IDX"), INT32_MAX, &index))
    return;
  struct pod_device *device = add(list);
  device->resource = STR_LIT("aliyun.com/gpu-mem");
  device->index = (int32_t)index;
  if (parse_bounded(doc_text_at(annotations, "ALIYUN_COM_GPU_MEM_POD"), INT64_MAX, &amount))
    device->amount = amount;
}

/* ---- HAMi: "uuid,type,MiB,cores:...:;" --------------------------------------------------- */

static bool read_hami_device(struct device_list *list, struct str text) {
  int64_t amount, cores;
  struct str id = wire_trim(take_part(&text, ','));
  take_part(&text, ','); /* the type: the vendor's word */
  if (id.len == 0 || !parse_bounded(take_part(&text, ','), INT32_MAX, &amount))
    return false;
  if (!parse_bounded(take_part(&text, ','), INT32_MAX, &cores))
    cores = 0;
  struct pod_device *device = add(list);
  device->resource = STR_LIT("nvidia.com/gpumem");
  device->id = wire_keep(list->keeper, id);
  device->amount = amount;
  device->cores = cores;
  return true;
}

static void read_hami(struct device_list *list, const struct doc_node *annotations) {
  struct str containers = doc_text_at(annotations, "hami.io/vgpu-devices-allocated");
  size_t before = list->count;
  while (containers.len) {
    struct str devices = take_part(&containers, ';');
    while (devices.len) {
      struct str device = wire_trim(take_part(&devices, ':'));
      if (device.len == 0)
        continue;
      if (list->count - before == DEVICES_MAX || !read_hami_device(list, device)) {
        list->count = before;
        return;
      }
    }
  }
}

/* ---- status ------------------------------------------------------------------------------ */

/* One item of allocatedResourcesStatus; "claim:..." is a device by DRA. */
static bool read_allocated(struct device_list *list, const struct doc_node *node,
                           const struct trail *trail, struct err *reterr) {
  const struct doc_node *resources;
  struct str name, id;
  if (!wire_child_text(node, "name", trail, &name, reterr) ||
      !wire_child(node, "resources", DOC_SEQUENCE, trail, &resources, reterr))
    return false;
  if (!resources || !wire_is_extended(name) || str_starts_with(name, STR_LIT("claim:")))
    return true;
  name = wire_keep(list->keeper, name);
  struct trail here = {trail, STR_LIT("resources"), 0};
  for (uint32_t i = 0; i < resources->count; i++) {
    struct trail item = {&here, {NULL, 0}, i};
    if (!wire_child_text(&resources->items[i], "resourceID", &item, &id, reterr))
      return false;
    if (id.len == 0 || list->count >= 4 * (size_t)DEVICES_MAX)
      continue;
    struct pod_device *device = add(list);
    device->resource = name;
    device->id = wire_keep(list->keeper, id);
    device->amount = 1;
  }
  return true;
}

/* Init containers hand their devices on to the others; sidecars keep theirs. */
static bool keeps_devices(const struct pod_spec *spec, const char *statuses, struct str name) {
  if (strcmp(statuses, "containerStatuses") == 0)
    return true;
  for (size_t i = 0; i < spec->container_count; i++)
    if (spec->containers[i].role == CONTAINER_SIDECAR && str_eq(spec->containers[i].name, name))
      return true;
  return false;
}

static bool read_statuses(struct device_list *list, const struct doc_node *status, const char *name,
                          const struct pod_spec *spec, struct err *reterr) {
  const struct doc_node *statuses, *allocated;
  struct trail at_status = {NULL, STR_LIT("status"), 0};
  struct trail at_list = {&at_status, str_of(name), 0};
  if (!wire_child(status, name, DOC_SEQUENCE, &at_status, &statuses, reterr))
    return false;
  for (uint32_t i = 0; statuses && i < statuses->count; i++) {
    const struct doc_node *container = &statuses->items[i];
    struct trail item = {&at_list, {NULL, 0}, i};
    struct trail here = {&item, STR_LIT("allocatedResourcesStatus"), 0};
    if (!wire_child(container, "allocatedResourcesStatus", DOC_SEQUENCE, &item, &allocated, reterr))
      return false;
    if (!allocated || !keeps_devices(spec, name, doc_text_at(container, "name")))
      continue;
    for (uint32_t a = 0; a < allocated->count; a++) {
      struct trail at = {&here, {NULL, 0}, a};
      if (!read_allocated(list, &allocated->items[a], &at, reterr))
        return false;
    }
  }
  return true;
}

bool wire_pod_devices_decode(const struct keeper *keeper, struct arena *scratch,
                             const struct doc_node *metadata, const struct doc_node *status,
                             const struct pod_spec *spec, struct pod *ret, struct err *reterr) {
  struct device_list list = {.keeper = keeper, .scratch = scratch};
  struct trail at_metadata = {NULL, STR_LIT("metadata"), 0};
  const struct doc_node *annotations;
  if (!wire_child(metadata, "annotations", DOC_MAPPING, &at_metadata, &annotations, reterr))
    return false;
  if (annotations) {
    read_own(&list, annotations, ret);
    read_gpushare(&list, annotations);
    read_hami(&list, annotations);
  }
  if (!read_statuses(&list, status, "containerStatuses", spec, reterr) ||
      !read_statuses(&list, status, "initContainerStatuses", spec, reterr))
    return false;
  if (list.count == 0)
    return true;
  struct pod_device *kept = arena_array(keeper->arena, list.count, sizeof(*kept));
  memcpy(kept, list.items, list.count * sizeof(*kept));
  ret->devices = kept;
  ret->device_count = list.count;
  return true;
}

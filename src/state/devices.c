/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that a pod names, kept for it. */
#include "src/state/state_internal.h"

struct named *named_new(struct state *state, const struct pod *pod) {
  if (pod->device_count == 0)
    return NULL;
  size_t size = sizeof(struct named) + pod->device_count * sizeof(struct pod_device);
  for (size_t i = 0; i < pod->device_count; i++)
    size += pod->devices[i].resource.len + pod->devices[i].id.len;
  struct named *made = state_take(state, size);
  made->bytes = size;
  made->count = pod->device_count;
  char *at = (char *)(made->items + made->count);
  for (size_t i = 0; i < made->count; i++) {
    made->items[i] = pod->devices[i];
    made->items[i].resource = str_put(&at, pod->devices[i].resource);
    made->items[i].id = str_put(&at, pod->devices[i].id);
  }
  return made;
}

void named_free(struct state *state, struct named *named) {
  if (named)
    state_give(state, named, named->bytes);
}

bool named_is_same(const struct named *named, const struct pod *pod) {
  if ((named ? named->count : 0) != pod->device_count)
    return false;
  for (size_t i = 0; i < pod->device_count; i++) {
    const struct pod_device *a = &named->items[i], *b = &pod->devices[i];
    if (a->index != b->index || a->amount != b->amount || a->cores != b->cores ||
        !str_eq(a->resource, b->resource) || !str_eq(a->id, b->id))
      return false;
  }
  return true;
}

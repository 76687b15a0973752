/* SPDX-License-Identifier: Apache-2.0 */
/* What kube-scheduler's NodeResourcesFit sees of a node: counts. */
#include "src/packing/baseline.h"

struct usage {
  int64_t used, total; /* with the pod there */
};

static int64_t percent(struct usage usage, bool wants_free) {
  int64_t part = wants_free ? usage.total - usage.used : usage.used;
  if (part <= 0)
    return 0;
  if (part >= usage.total)
    return 100;
  while (part > INT64_MAX / 100) { /* petabytes: precision is not the matter any more */
    part /= 2;
    usage.total /= 2;
  }
  return part * 100 / usage.total;
}

/* What the form adds, in units of the devices' sizes. */
static int64_t asked_of_device(const struct pack_catalog *catalog, const struct pack_device *device,
                               const struct pack_form *form) {
  if (form->kind == PACK_WHOLE)
    return (int64_t)form->count * device->size;
  if (form->kind != PACK_SLICES)
    return form->amount;
  const struct pack_mig *mig = pack_catalog_mig(catalog, device->product);
  return (int64_t)form->count * mig->profiles[pack_mig_find(mig, form->amount)].size;
}

static struct usage use_devices(const struct pack_catalog *catalog, const struct pack_node *node,
                                const struct pack_request *request, const struct pack_form *form) {
  struct usage usage = {.total = 0};
  if (node->counter_count > 0) {
    const struct pack_counter *counter = pack_find_counter(node, form);
    if (counter == NULL)
      return usage;
    usage.total = counter->total;
    usage.used = (int64_t)counter->total - counter->left + pack_form_asks(form);
    return usage;
  }
  int64_t asked = 0;
  for (uint16_t i = 0; i < node->device_count; i++) {
    const struct pack_device *device = &node->devices[i];
    if (!pack_device_suits(catalog, device, request, form))
      continue;
    if (usage.total == 0)
      asked = asked_of_device(catalog, device, form);
    usage.total += device->size;
    usage.used += device->size - device->left;
  }
  usage.used += asked;
  return usage;
}

struct pack_resource_weights pack_default_weights(const struct pack_form *form) {
  bool is_counted = form->kind == PACK_SLICES || form->kind == PACK_REPLICAS;
  return (struct pack_resource_weights){.cpu = 1, .mem = 1, .devices = is_counted};
}

int32_t pack_score_resources(const struct pack_catalog *catalog, const struct pack_node *node,
                             const struct pack_request *request, uint8_t form,
                             const struct pack_resource_weights *weights, bool wants_free) {
  struct usage cpu = {node->cpu_milli - node->cpu_left + request->cpu_milli, node->cpu_milli};
  struct usage mem = {node->mem_bytes - node->mem_left + request->mem_bytes, node->mem_bytes};
  struct usage devices = {.total = 0};
  if (weights->devices > 0 && request->forms[form].kind != PACK_CPU)
    devices = use_devices(catalog, node, request, &request->forms[form]);
  const struct usage usages[] = {cpu, mem, devices};
  const uint8_t weight[] = {weights->cpu, weights->mem, weights->devices};
  int64_t sum = 0, weight_sum = 0;
  for (size_t i = 0; i < SG_ARRAY_LEN(usages); i++) {
    if (usages[i].total == 0) /* not asked for, or the node has none of it */
      continue;
    sum += weight[i] * percent(usages[i], wants_free);
    weight_sum += weight[i];
  }
  return weight_sum == 0 ? 0 : (int32_t)(sum / weight_sum);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a node is worth: the potential that a placement lowers as little as it can. */
#include "src/packing/slicegate.h"

/* ---- devices --------------------------------------------------------------------------------- */

static int32_t shared_worth(const struct pack_tables *tables, uint16_t size, uint16_t left) {
  for (size_t i = 0; i < tables->shared_count; i++)
    if (tables->shared[i].replicas == size)
      return tables->shared[i].prices[left];
  return (int32_t)((int64_t)left * PACK_MICRO / size);
}

int32_t layout_worth(const struct slicegate *ours, const struct pack_mig *mig, uint8_t product,
                     uint16_t layout) {
  const int32_t *values = ours->mig_values[product];
  int32_t worth = values ? values[layout] : mig->free[layout] * (PACK_MICRO / mig->axis);
  return layout == 0 && ours->is_switching ? worth + WORTH_OF_SWITCHING : worth;
}

int32_t device_worth_of_parts(const struct slicegate *ours, const struct pack_device *device) {
  if (device->mode == PACK_MODE_SHARED)
    return shared_worth(ours->tables, device->size, device->left);
  return layout_worth(ours, pack_catalog_mig(ours->catalog, device->product), device->product,
                      device->layout);
}

int64_t device_fragments_apart(const struct slicegate *ours, const struct sums *sums,
                               const struct pack_device *device) {
  if (device->mode == PACK_MODE_MIG)
    return 0; /* a layout's value counts what can still use it */
  const struct fragment_row *row = device->product == sums->product
                                       ? sums->row
                                       : fragment_row(ours->fragment, sums->rank, device->product);
  if (device->mode == PACK_MODE_WHOLE)
    return weigh(fragment_whole(row, device->left), weight_of(ours));
  return weigh(fragment_shared(ours->fragment, row, device->left, device->size), WEIGHT_USUAL);
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static void accompany(const struct slicegate *ours, int64_t cpu_left, int64_t mem_left,
                      struct sums *sums) {
  sums->cpu = sums->memory = INT64_MAX;
  if (ours->cpu_per_gpu)
    sums->cpu = cpu_left > 0 ? i64_mul_sat(cpu_left, PACK_MICRO) / ours->cpu_per_gpu : 0;
  if (ours->mem_per_gpu)
    sums->memory = mem_left > 0 ? i64_mul_sat(mem_left >> 20, PACK_MICRO) / ours->mem_per_gpu : 0;
}

/* The fragments at the sums' rank: another rank, another row. */
static void sum_fragments(const struct slicegate *ours, const struct pack_node *node,
                          struct sums *sums) {
  sums->fragments = 0;
  sums->row = NULL;
  if (node->device_count == 0)
    return;
  sums->product = node->devices[0].product;
  sums->row = fragment_row(ours->fragment, sums->rank, sums->product);
  for (uint16_t d = 0; d < node->device_count; d++)
    sums->fragments += device_fragments(ours, sums, &node->devices[d]);
}

int32_t potential_of(const struct slicegate *ours, const struct sums *sums, int64_t worth,
                     int64_t fragments, unsigned idle) {
  int64_t value = smooth_min(&ours->smooth, worth, sums->cpu, sums->memory);
  if (sums->row)
    fragments -= weigh(fragment_several(sums->row, idle), weight_of(ours));
  return (int32_t)(fragments * (PACK_MICRO / PACK_MILLI) / FRAGMENT_ONE - value);
}

const struct known *potential_know(struct slicegate *ours, const struct pack_node *node) {
  struct known *known = &ours->known[node->id % KNOWN_NODES];
  if (known->id == node->id)
    return known;
  struct sums *sums = &known->sums;
  *known = (struct known){.id = node->id};
  sums->rank = fragment_rank(ours->fragment, node->cpu_left, node->mem_left);
  sums->idle = reserve_idle(node, ours->is_switching);
  for (uint16_t d = 0; d < node->device_count; d++)
    sums->worth += device_worth(ours, &node->devices[d]);
  sum_fragments(ours, node, sums);
  accompany(ours, node->cpu_left, node->mem_left, sums);
  known->potential = potential_of(ours, sums, sums->worth, sums->fragments, sums->idle);
  known->hosts =
      hosts_number(ours->hosts, sums->idle, node->cpu_left, node->mem_left, node->products);
  return known;
}

void potential_forget(struct slicegate *ours) {
  memset(ours->known, 0, KNOWN_NODES * sizeof(*ours->known));
}

void potential_after(struct slicegate *ours, const struct known *known,
                     const struct pack_node *node, const struct pack_request *request,
                     struct sums *ret) {
  int64_t cpu_left = node->cpu_left - request->cpu_milli;
  int64_t mem_left = node->mem_left - request->mem_bytes;
  *ret = known->sums;
  accompany(ours, cpu_left, mem_left, ret);
  ret->rank = fragment_rank(ours->fragment, cpu_left, mem_left);
  if (ret->rank.cpu != known->sums.rank.cpu || ret->rank.memory != known->sums.rank.memory)
    sum_fragments(ours, node, ret);
}

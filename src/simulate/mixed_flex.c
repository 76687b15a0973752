/* SPDX-License-Identifier: Apache-2.0 */
/* Empty GPUs change between whole and MIG mode for a pod that fits nowhere. */
#include "src/simulate/mixed.h"

static bool fits_somewhere(const struct pack_cluster *cluster, const struct pack_request *request) {
  const struct pack_catalog *catalog = pack_cluster_catalog(cluster);
  for (size_t n = 0; n < pack_cluster_count(cluster); n++)
    if (pack_fit(catalog, pack_cluster_node(cluster, n), request) == PACK_FITS)
      return true;
  return false;
}

static size_t count_empty(const struct pack_node *node, enum pack_mode mode) {
  size_t count = 0;
  for (uint16_t d = 0; d < node->device_count; d++)
    count += node->devices[d].mode == mode && node->devices[d].left == node->devices[d].size;
  return count;
}

static bool has_room(const struct pack_node *node, const struct pack_request *request) {
  return node->cpu_left >= request->cpu_milli && node->mem_left >= request->mem_bytes &&
         (node->pods_max == 0 || node->pod_count < node->pods_max);
}

/* Switches up to `count` empty devices of the node, the last ones first. */
static size_t switch_devices(struct pack_cluster *cluster, struct mixed_ledger *ledger, size_t n,
                             enum pack_mode from, enum pack_mode to, size_t count) {
  size_t switched = 0;
  const struct pack_node *node = pack_cluster_node(cluster, n);
  for (uint16_t d = node->device_count; d-- > 0 && switched < count;) {
    struct err err;
    const struct pack_device *device = &pack_cluster_node(cluster, n)->devices[d];
    if (device->mode != from || device->left != device->size ||
        !pack_cluster_set_mode(cluster, n, (uint8_t)d, to, 0, &err))
      continue;
    ledger->modes[n * PACK_DEVICES_MAX + d] = (uint8_t)to;
    switched++;
  }
  return switched;
}

/* Where the fewest idle GPUs are: whole nodes are left for pods with many. */
static size_t switch_for_slices(struct pack_cluster *cluster, const uint8_t *pools,
                                struct mixed_ledger *ledger, const struct pack_request *request) {
  size_t best = SIZE_MAX;
  size_t fewest = SIZE_MAX;
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    size_t idle = count_empty(node, PACK_MODE_WHOLE);
    if (pools[n] == MIXED_SHARED || idle == 0 || idle >= fewest || !has_room(node, request))
      continue;
    fewest = idle;
    best = n;
  }
  if (best == SIZE_MAX)
    return 0;
  return switch_devices(cluster, ledger, best, PACK_MODE_WHOLE, PACK_MODE_MIG, 1);
}

/* Where the fewest have to be switched. */
static size_t switch_for_gpus(struct pack_cluster *cluster, const uint8_t *pools,
                              struct mixed_ledger *ledger, const struct pack_request *request) {
  size_t wanted = request->forms[0].count;
  size_t best = SIZE_MAX;
  size_t fewest = SIZE_MAX;
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    if (pools[n] == MIXED_SHARED || !has_room(node, request))
      continue;
    size_t idle = count_empty(node, PACK_MODE_WHOLE);
    if (idle + count_empty(node, PACK_MODE_MIG) < wanted || wanted - idle >= fewest)
      continue;
    fewest = wanted - idle;
    best = n;
  }
  if (best == SIZE_MAX)
    return 0;
  return switch_devices(cluster, ledger, best, PACK_MODE_MIG, PACK_MODE_WHOLE, fewest);
}

size_t mixed_flex(struct pack_cluster *cluster, const uint8_t *pools, struct mixed_ledger *ledger,
                  const struct pack_request *request) {
  uint16_t kind = request->forms[0].kind;
  if ((kind != PACK_SLICES && kind != PACK_WHOLE) || fits_somewhere(cluster, request))
    return 0;
  return kind == PACK_SLICES ? switch_for_slices(cluster, pools, ledger, request)
                             : switch_for_gpus(cluster, pools, ledger, request);
}

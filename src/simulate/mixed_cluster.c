/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster of suites C and D: three pools of one product. */
#include "src/simulate/mixed.h"

#include <stdio.h>
#include <stdlib.h>

const char *const mixed_pool_names[MIXED_POOLS] = {"whole", "mig", "shared"};

enum { CORE = 1000 };
static const int64_t mem_bytes_per_core = INT64_C(8) << 30;

const struct mixed_shape mixed_shape_c = {
    .nodes = {100, 60, 40},
    .gpus = {8, 8, 4},
    .cpu_milli = {96 * CORE, 128 * CORE, 64 * CORE},
};

void mixed_catalog_init(struct mixed_catalog *catalog) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  size_t i = 0;
  while (!str_is(products[i].id, "h100-80gb")) /* compiled in */
    i++;
  catalog->catalog = pack_catalog_new();
  catalog->product = pack_catalog_add(catalog->catalog, &products[i]);
  catalog->mig = pack_catalog_mig(catalog->catalog, catalog->product);
}

void mixed_catalog_done(struct mixed_catalog *catalog) {
  pack_catalog_free(catalog->catalog);
}

static struct pack_device device_of(const struct mixed_catalog *catalog, enum mixed_pool pool) {
  static const uint8_t modes[MIXED_POOLS] = {PACK_MODE_WHOLE, PACK_MODE_MIG, PACK_MODE_SHARED};
  const uint16_t sizes[MIXED_POOLS] = {PACK_MILLI, catalog->mig->axis, MIXED_REPLICAS};
  return (struct pack_device){.mode = modes[pool],
                              .product = (uint8_t)catalog->product,
                              .size = sizes[pool],
                              .left = sizes[pool]};
}

static bool add_node(struct pack_cluster *cluster, const struct mixed_catalog *catalog,
                     const struct mixed_shape *shape, enum mixed_pool pool, uint32_t number,
                     struct err *reterr) {
  struct pack_device devices[PACK_DEVICES_MAX];
  for (size_t d = 0; d < shape->gpus[pool]; d++)
    devices[d] = device_of(catalog, pool);
  char name[16];
  int len = snprintf(name, sizeof(name), "n%06u", number);
  struct pack_node_spec spec = {.name = {name, (size_t)len},
                                .cpu_milli = shape->cpu_milli[pool],
                                .mem_bytes = shape->cpu_milli[pool] / CORE * mem_bytes_per_core,
                                .devices = devices,
                                .device_count = shape->gpus[pool]};
  return pack_cluster_set_node(cluster, &spec, reterr);
}

struct pack_cluster *mixed_cluster(const struct mixed_catalog *catalog,
                                   const struct mixed_shape *shape, struct sim_random *order,
                                   uint8_t **ret_pools, struct err *reterr) {
  uint32_t count = 0;
  for (size_t pool = 0; pool < MIXED_POOLS; pool++)
    count += shape->nodes[pool];
  CLEANUP_FREE uint32_t *pool_of = mem_zalloc(count * sizeof(*pool_of));
  uint32_t next = 0;
  for (uint32_t pool = 0; pool < MIXED_POOLS; pool++)
    for (uint32_t i = 0; i < shape->nodes[pool]; i++)
      pool_of[next++] = pool;
  sim_random_shuffle(order, pool_of, count);
  struct pack_cluster *cluster = pack_cluster_new(catalog->catalog);
  uint8_t *pools = mem_zalloc(count);
  for (uint32_t i = 0; i < count; i++) {
    pools[i] = (uint8_t)pool_of[i];
    if (!add_node(cluster, catalog, shape, pool_of[i], i, reterr)) {
      pack_cluster_free(cluster);
      free(pools);
      return NULL;
    }
  }
  *ret_pools = pools;
  return cluster;
}

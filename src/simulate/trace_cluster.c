/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a trace as a cluster, in an order that a seed draws. */
#include "src/simulate/simulate_internal.h"

#include <stdio.h>

struct pack_cluster *sim_trace_cluster(const struct sim_trace *trace, struct sim_random *order,
                                       struct err *reterr) {
  size_t count = trace->facts.nodes;
  CLEANUP_FREE uint32_t *shuffled = mem_zalloc(count * sizeof(*shuffled));
  for (size_t i = 0; i < count; i++)
    shuffled[i] = (uint32_t)i;
  sim_random_shuffle(order, shuffled, count);
  struct pack_cluster *cluster = pack_cluster_new(trace->catalog);
  for (size_t i = 0; i < count; i++) {
    const struct sim_node *node = &trace->nodes[shuffled[i]];
    struct pack_device devices[PACK_DEVICES_MAX];
    for (size_t d = 0; d < node->gpus; d++)
      devices[d] = (struct pack_device){.mode = PACK_MODE_WHOLE,
                                        .product = (uint8_t)node->product,
                                        .size = PACK_MILLI,
                                        .left = PACK_MILLI};
    char name[32];
    (void)snprintf(name, sizeof(name), "n%06zu", i);
    const struct pack_node_spec spec = {.name = str_of(name),
                                        .cpu_milli = node->cpu_milli,
                                        .mem_bytes = node->mem_bytes,
                                        .devices = devices,
                                        .device_count = node->gpus};
    if (!pack_cluster_set_node(cluster, &spec, reterr)) {
      pack_cluster_free(cluster);
      return NULL;
    }
  }
  return cluster;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster as one would draw it: every slice with its owner, every pod with what it holds, no
 * tables, no sums. Fits by trying every placement there is. Written from the definitions; shares
 * nothing with the core but its structs of input and output.
 */
#ifndef SLICEGATE_TESTS_PACKING_TWIN_H
#define SLICEGATE_TESTS_PACKING_TWIN_H

#include "slicegate/packing.h"

enum { TWIN_NODES = 16, TWIN_PODS = 256, TWIN_DEVICES = 8, TWIN_COUNTERS = 16 };

struct twin_pod {
  uint64_t uid;
  struct pack_request request;
  struct pack_form form;
  size_t unit_count;
  struct pack_unit units[PACK_UNITS_MAX];
};

struct twin_node {
  char name[16];
  int64_t cpu_milli, mem_bytes;
  uint32_t pods_max;
  uint64_t traits;
  size_t device_count, counter_count, pod_count;
  struct {
    uint8_t mode, product;
    unsigned size;
  } devices[TWIN_DEVICES];
  struct pack_counter counters[TWIN_COUNTERS]; /* total only; left is counted */
  struct twin_pod pods[TWIN_PODS];
};

struct twin {
  const struct pack_catalog *catalog; /* for the names of profiles */
  size_t count;
  struct twin_node nodes[TWIN_NODES]; /* by name */
};

/* Where it has come to stand. */
size_t twin_add(struct twin *twin, const char *name, const struct pack_node_spec *spec);

/* What is there, counted. */
int64_t twin_cpu_left(const struct twin_node *node);
int64_t twin_mem_left(const struct twin_node *node);
/* In the device's unit; of a MIG device the free slices. */
unsigned twin_left(const struct twin *twin, const struct twin_node *node, size_t device);
uint32_t twin_occupied(const struct twin *twin, const struct twin_node *node, size_t device);
int64_t twin_counter_left(const struct twin_node *node, size_t counter);

/* Any placement at all. */
bool twin_fits(const struct twin *twin, const struct twin_node *node,
               const struct pack_request *request);
/* This placement. On counting nodes whatever the units say. */
bool twin_is_legal(const struct twin *twin, const struct twin_node *node,
                   const struct pack_request *request, const struct pack_placement *placement);

void twin_commit(struct twin *twin, uint64_t uid, const struct pack_request *request,
                 const struct pack_placement *placement);
void twin_release(struct twin *twin, size_t node, uint64_t uid);

#endif

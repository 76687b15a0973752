/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster: a table of node values, in order of names, and sums over them. */
#include "src/packing/cluster.h"
#include "src/packing/pages.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Copies of a cluster draw their node ids from one counter: an id names one value among all. */
struct id_source {
  _Atomic uint32_t refs;
  _Atomic uint32_t next;
};

struct pack_cluster {
  const struct pack_catalog *catalog;
  struct id_source *source;
  struct pages nodes;
  struct cluster_head *heads; /* [i]: of node i */
  uint32_t *runs; /* [i / CLUSTER_RUN]: another number after each change to one of these nodes */
  size_t count, cap;
  struct pack_totals totals;
};

struct pack_cluster *pack_cluster_new(const struct pack_catalog *catalog) {
  struct pack_cluster *cluster = mem_zalloc(sizeof(*cluster));
  cluster->catalog = catalog;
  cluster->source = mem_zalloc(sizeof(*cluster->source));
  atomic_init(&cluster->source->refs, 1);
  atomic_init(&cluster->source->next, 1);
  return cluster;
}

static void reserve(struct pack_cluster *cluster, size_t count) {
  if (count <= cluster->cap)
    return;
  size_t cap = cluster->cap ? cluster->cap * 2 : 64;
  cap = cap < count ? count : cap;
  cluster->heads = mem_realloc(cluster->heads, cap * sizeof(*cluster->heads));
  cluster->runs = mem_realloc(cluster->runs, (cap / CLUSTER_RUN + 1) * sizeof(*cluster->runs));
  cluster->cap = cap;
}

struct pack_cluster *pack_cluster_copy(const struct pack_cluster *cluster) {
  struct pack_cluster *copy = mem_zalloc(sizeof(*copy));
  copy->catalog = cluster->catalog;
  copy->source = cluster->source;
  atomic_fetch_add_explicit(&copy->source->refs, 1, memory_order_relaxed);
  copy->nodes = pages_share(&cluster->nodes);
  copy->count = cluster->count;
  if (copy->count) {
    reserve(copy, copy->count);
    memcpy(copy->heads, cluster->heads, copy->count * sizeof(*copy->heads));
    memcpy(copy->runs, cluster->runs, (copy->count / CLUSTER_RUN + 1) * sizeof(*copy->runs));
  }
  copy->totals = cluster->totals;
  return copy;
}

void pack_cluster_free(struct pack_cluster *cluster) {
  if (!cluster)
    return;
  pages_done(&cluster->nodes);
  if (atomic_fetch_sub_explicit(&cluster->source->refs, 1, memory_order_acq_rel) == 1)
    free(cluster->source);
  free(cluster->heads);
  free(cluster->runs);
  free(cluster);
}

const struct pack_catalog *pack_cluster_catalog(const struct pack_cluster *cluster) {
  return cluster->catalog;
}

size_t pack_cluster_count(const struct pack_cluster *cluster) {
  return cluster->count;
}

const struct pack_node *pack_cluster_node(const struct pack_cluster *cluster, size_t index) {
  return pages_get(&cluster->nodes, index);
}

struct cluster_head cluster_head_of(const struct pack_node *node) {
  if (node->counter_count)
    return (struct cluster_head){node->id, UINT16_MAX, UINT16_MAX};
  return (struct cluster_head){node->id, node->idle, node->most_left};
}

const struct cluster_head *cluster_heads(const struct pack_cluster *cluster) {
  return cluster->heads;
}

const uint32_t *cluster_runs(const struct pack_cluster *cluster) {
  return cluster->runs;
}

const struct pack_totals *pack_cluster_totals(const struct pack_cluster *cluster) {
  return &cluster->totals;
}

/* ---- sums ------------------------------------------------------------------------------------ */

static int64_t device_milli(const struct pack_device *device, uint16_t amount) {
  return device->size == PACK_MILLI ? amount : (int64_t)amount * PACK_MILLI / device->size;
}

static void count_node(struct pack_totals *totals, const struct pack_node *node, int sign) {
  for (uint16_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    struct pack_mode_totals *mode = &totals->modes[device->mode];
    int64_t left = device_milli(device, device->left);
    totals->milli += sign * PACK_MILLI;
    totals->milli_left += sign * left;
    mode->milli += sign * PACK_MILLI;
    mode->milli_left += sign * left;
    mode->devices += (uint32_t)sign;
  }
  totals->pods += (uint64_t)((int64_t)sign * node->pod_count);
}

/* ---- changing one node ----------------------------------------------------------------------- */

static uint32_t next_id(const struct pack_cluster *cluster) {
  uint32_t id;
  do
    id = atomic_fetch_add_explicit(&cluster->source->next, 1, memory_order_relaxed);
  while (id == 0); /* 0 is what an empty cache cell says */
  return id;
}

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0xff51afd7ed558ccd;
  return hash ^ hash >> 32;
}

static uint64_t hash_node(const struct pack_catalog *catalog, const struct pack_node *node) {
  /* One word at a time: of two in one word only their difference would count. */
  uint64_t hash = mix(0x9e3779b97f4a7c15, (uint64_t)node->cpu_milli);
  hash = mix(hash, (uint64_t)node->cpu_left);
  hash = mix(mix(hash, (uint64_t)node->mem_bytes), (uint64_t)node->mem_left);
  hash = mix(hash, (uint64_t)node->device_count << 32 | node->counter_count);
  for (uint16_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    hash =
        mix(hash, (uint64_t)device->mode << 56 | (uint64_t)device->product << 48 |
                      (uint64_t)device->size << 32 | (uint32_t)device->left << 16 | device->layout);
  }
  for (uint16_t c = 0; c < node->counter_count; c++) {
    const struct pack_counter *counter = &node->counters[c];
    hash =
        mix(hash, (uint64_t)counter->kind << 32 | (uint64_t)counter->name << 16 | counter->profile);
    hash = mix(hash, (uint64_t)counter->total << 32 | (uint32_t)counter->left);
  }
  /* Profiles with a limit of their own are the one thing that a layout does not tell. */
  for (uint16_t u = 0; u < node->unit_count; u++) {
    const struct pack_unit *unit = &node->units[u];
    const struct pack_device *device = &node->devices[unit->device];
    const struct pack_mig *mig =
        device->mode == PACK_MODE_MIG ? pack_catalog_mig(catalog, device->product) : NULL;
    uint16_t p = mig ? pack_mig_find(mig, unit->amount) : PACK_NONE;
    if (p != PACK_NONE && mig->profiles[p].limit)
      hash = mix(hash, (uint64_t)unit->device << 16 | unit->amount);
  }
  return hash;
}

/* What scores look at first, so that a node without room costs one look. */
static void summarise(const struct pack_catalog *catalog, struct pack_node *node) {
  node->idle = 0;
  node->most_left = 0;
  for (uint16_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    node->idle = (uint16_t)(node->idle + pack_device_is_idle(device));
    if (device->mode == PACK_MODE_WHOLE && device->left > node->most_left)
      node->most_left = device->left;
  }
  node->likeness = hash_node(catalog, node);
}

/* Returns the value of before, now the caller's. */
static const struct pack_node *swap(struct pack_cluster *cluster, size_t index,
                                    const struct pack_node *node) {
  const struct pack_node *before = pages_swap(&cluster->nodes, index, node);
  count_node(&cluster->totals, before, -1);
  count_node(&cluster->totals, node, 1);
  cluster->heads[index] = cluster_head_of(node);
  cluster->runs[index / CLUSTER_RUN] = next_id(cluster);
  return before;
}

void cluster_prepare(const struct pack_cluster *cluster, struct pack_node *node) {
  node->id = next_id(cluster);
  summarise(cluster->catalog, node);
}

const struct pack_node *cluster_publish(struct pack_cluster *cluster, size_t index,
                                        struct pack_node *owned) {
  cluster_prepare(cluster, owned);
  return swap(cluster, index, owned);
}

void cluster_restore(struct pack_cluster *cluster, size_t index, const struct pack_node *owned) {
  pack_node_unref(swap(cluster, index, owned));
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Where the name is, or would be. */
static size_t find_place(const struct pack_cluster *cluster, struct str name, bool *ret_found) {
  size_t low = 0, high = cluster->count;
  *ret_found = false;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = str_cmp(pack_cluster_node(cluster, middle)->name, name);
    if (order == 0) {
      *ret_found = true;
      return middle;
    }
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

size_t pack_cluster_find(const struct pack_cluster *cluster, struct str name) {
  bool is_there;
  size_t at = find_place(cluster, name, &is_there);
  return is_there ? at : SIZE_MAX;
}

/* The nodes from `at` on have moved. */
static void renumber_runs(struct pack_cluster *cluster, size_t at) {
  for (size_t run = at / CLUSTER_RUN; run * CLUSTER_RUN < cluster->count; run++)
    cluster->runs[run] = next_id(cluster);
}

static void insert(struct pack_cluster *cluster, size_t at, struct pack_node *owned) {
  reserve(cluster, cluster->count + 1);
  size_t behind = cluster->count - at;
  memmove(cluster->heads + at + 1, cluster->heads + at, behind * sizeof(*cluster->heads));
  cluster_prepare(cluster, owned);
  pages_insert(&cluster->nodes, at, owned);
  cluster->heads[at] = cluster_head_of(owned);
  cluster->count++;
  renumber_runs(cluster, at);
  count_node(&cluster->totals, owned, 1);
}

bool pack_cluster_remove_node(struct pack_cluster *cluster, struct str name) {
  bool is_there;
  size_t at = find_place(cluster, name, &is_there);
  if (!is_there)
    return false;
  const struct pack_node *gone = pages_remove(&cluster->nodes, at);
  count_node(&cluster->totals, gone, -1);
  cluster->count--;
  size_t behind = cluster->count - at;
  memmove(cluster->heads + at, cluster->heads + at + 1, behind * sizeof(*cluster->heads));
  renumber_runs(cluster, at);
  pack_node_unref(gone);
  return true;
}

/* ---- nodes of a specification ---------------------------------------------------------------- */

static bool check_device(const struct pack_catalog *catalog, struct str node, size_t index,
                         const struct pack_device *device, struct err *reterr) {
  if (device->product >= pack_catalog_count(catalog))
    return err_set(reterr, ERR_INVALID, "node %.*s: device %zu: product %u is not in the catalog",
                   STR_FMT(node), index, device->product);
  if (device->mode > PACK_MODE_SHARED)
    return err_set(reterr, ERR_INVALID, "node %.*s: device %zu: no mode %u", STR_FMT(node), index,
                   device->mode);
  if (device->size == 0 || (device->mode == PACK_MODE_WHOLE && device->size != PACK_MILLI))
    return err_set(reterr, ERR_INVALID, "node %.*s: device %zu: size %u", STR_FMT(node), index,
                   device->size);
  if (device->mode != PACK_MODE_MIG)
    return true;
  const struct pack_mig *mig = pack_catalog_mig(catalog, device->product);
  if (!mig || mig->axis != device->size)
    return err_set(reterr, ERR_INVALID,
                   "node %.*s: device %zu: MIG placements of %.*s with %u slices are not known",
                   STR_FMT(node), index, STR_FMT(pack_catalog_name(catalog, device->product)),
                   device->size);
  return true;
}

static struct pack_node *make_empty(struct pack_cluster *cluster, const struct pack_node_spec *spec,
                                    uint32_t pods, uint16_t units, struct err *reterr) {
  if (spec->device_count > PACK_DEVICES_MAX || spec->counter_count > UINT16_MAX) {
    (void)err_set(reterr, ERR_INVALID, "node %.*s has %zu devices, %d are the most",
                  STR_FMT(spec->name), spec->device_count, PACK_DEVICES_MAX);
    return NULL;
  }
  for (size_t d = 0; d < spec->device_count; d++)
    if (!check_device(cluster->catalog, spec->name, d, &spec->devices[d], reterr))
      return NULL;
  struct node_parts parts = {.name = spec->name,
                             .pod_count = pods,
                             .unit_count = units,
                             .device_count = (uint16_t)spec->device_count,
                             .counter_count = (uint16_t)spec->counter_count};
  struct pack_node *node = node_new(&parts);
  node->pod_count = 0;
  node->unit_count = 0;
  node->cpu_milli = node->cpu_left = spec->cpu_milli;
  node->mem_bytes = node->mem_left = spec->mem_bytes;
  node->pods_max = spec->pods_max;
  node->traits = spec->traits;
  for (size_t d = 0; d < spec->device_count; d++) {
    struct pack_device device = spec->devices[d];
    device.left = device.size;
    device.layout = 0;
    node_devices(node)[d] = device;
    node->products |= UINT64_C(1) << device.product;
  }
  for (size_t c = 0; c < spec->counter_count; c++) {
    struct pack_counter counter = spec->counters[c];
    counter.left = (int32_t)(counter.total > INT32_MAX ? INT32_MAX : counter.total);
    node_counters(node)[c] = counter;
  }
  return node;
}

/* The pods of an older value of the node on its new devices. */
static bool move_pods(const struct pack_catalog *catalog, const struct pack_node *from,
                      struct pack_node *node, struct err *reterr) {
  for (size_t i = 0; i < from->pod_count; i++) {
    const struct pack_pod *pod = &from->pods[i];
    struct pack_request request = node_pod_request(pod);
    uint16_t first = node->unit_count;
    for (uint16_t u = 0; u < pod->unit_count; u++) {
      const struct pack_unit *unit = &from->units[pod->unit_first + u];
      if (!node_take_unit(catalog, node, &request, &pod->form, unit) && !node->counter_count)
        return err_set(reterr, ERR_INVALID,
                       "node %.*s: a pod holds device %u, which is no longer as it was",
                       STR_FMT(node->name), unit->device);
    }
    node_add_pod(node, pod->uid, &request, &pod->form, first);
  }
  return true;
}

bool pack_cluster_set_node(struct pack_cluster *cluster, const struct pack_node_spec *spec,
                           struct err *reterr) {
  bool is_there;
  size_t at = find_place(cluster, spec->name, &is_there);
  const struct pack_node *old = is_there ? pack_cluster_node(cluster, at) : NULL;
  struct pack_node *node =
      make_empty(cluster, spec, old ? old->pod_count : 0, old ? old->unit_count : 0, reterr);
  if (!node)
    return false;
  if (!old) {
    insert(cluster, at, node);
    return true;
  }
  if (!move_pods(cluster->catalog, old, node, reterr)) {
    pack_node_unref(node);
    return false;
  }
  pack_node_unref(cluster_publish(cluster, at, node));
  return true;
}

void pack_cluster_set_traits(struct pack_cluster *cluster, size_t index, uint64_t traits) {
  struct pack_node *node = node_copy(pack_cluster_node(cluster, index), 0, 0);
  node->traits = traits;
  pack_node_unref(cluster_publish(cluster, index, node));
}

bool pack_cluster_set_mode(struct pack_cluster *cluster, size_t index, uint8_t device,
                           enum pack_mode mode, uint16_t replicas, struct err *reterr) {
  if (index >= cluster->count || device >= pack_cluster_node(cluster, index)->device_count)
    return err_set(reterr, ERR_NOT_FOUND, "no such node or device");
  const struct pack_node *before = pack_cluster_node(cluster, index);
  struct pack_device made = before->devices[device];
  if (made.left != made.size)
    return err_set(reterr, ERR_INVALID, "node %.*s: device %u is in use", STR_FMT(before->name),
                   device);
  const struct pack_mig *mig = pack_catalog_mig(cluster->catalog, made.product);
  made.mode = (uint8_t)mode;
  made.size = mode == PACK_MODE_WHOLE    ? PACK_MILLI
              : mode == PACK_MODE_SHARED ? replicas
              : mig                      ? mig->axis
                                         : 0;
  made.left = made.size;
  made.layout = 0;
  if (!check_device(cluster->catalog, before->name, device, &made, reterr))
    return false;
  struct pack_node *node = node_copy(before, 0, 0);
  node_devices(node)[device] = made;
  pack_node_unref(cluster_publish(cluster, index, node));
  return true;
}

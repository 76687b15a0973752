/* SPDX-License-Identifier: Apache-2.0 */
#include "src/packing/fragment.h"
#include "src/packing/steps.h"

#include <stdlib.h>

enum {
  ROW_BUCKETS = 16384, /* a power of two */
  ROWS_MAX = 16384,    /* then all are dropped and made anew as they are needed */
  ROW_BYTES_MAX = 32 << 20,
  REPLICAS_MAX = 1000, /* classes that ask for more of one GPU are taken to fit none */
};

/* One class as it is needed here. */
struct demand {
  int64_t cpu_milli, mem_bytes;
  uint64_t products;
  uint32_t weight;
  uint16_t milli;    /* of a GPU in whole mode; 0: not asked for */
  uint16_t gpus;     /* > 1: whole ones */
  uint16_t replicas; /* of a shared GPU; 0: not asked for */
};

struct row {
  uint64_t key; /* rank and product */
  struct row *next;
  struct fragment_row view; /* into weights */
  uint32_t weights[];
};

struct fragment {
  struct demand *demands;
  size_t demand_count;
  struct steps cpus, memories; /* needs: ranks count those that are met */
  /* [rank of CPU]: the highest rank of memory that a class with no more CPU needs; and back */
  uint16_t *memory_caps, *cpu_caps;
  uint16_t size_count;                /* distinct milli of one-GPU classes */
  uint16_t size_rank[PACK_MILLI + 1]; /* [milli left]: how many of those sizes it holds */
  uint16_t gpus_max, replicas_max;    /* that a class asks for, at least 1 */
  struct row *buckets[ROW_BUCKETS];
  size_t row_count, rows_max;
};

/* ---- the mix ------------------------------------------------------------------------------- */

/* The lesser need; 0 is none. */
static void need(uint16_t *least, uint16_t amount) {
  if (*least == 0 || amount < *least)
    *least = amount;
}

/* Of alternatives a GPU can be used by whichever form it suffices for. */
static void read_forms(const struct pack_request *request, struct demand *demand) {
  for (uint32_t f = 0; f < request->form_count; f++) {
    const struct pack_form *form = &request->forms[f];
    if (form->kind == PACK_WHOLE && form->count == 1)
      need(&demand->milli, PACK_MILLI);
    else if (form->kind == PACK_WHOLE)
      need(&demand->gpus, form->count);
    else if (form->kind == PACK_FRACTION)
      need(&demand->milli, form->amount > PACK_MILLI ? PACK_MILLI : form->amount);
    else if (form->kind == PACK_REPLICAS && form->amount <= REPLICAS_MAX)
      need(&demand->replicas, form->amount);
  }
  if (demand->milli)
    demand->gpus = 0; /* an idle GPU can be used already, and once */
}

static void read_sizes(struct fragment *fragment) {
  bool is_size[PACK_MILLI + 1] = {false};
  fragment->size_count = 0;
  for (size_t i = 0; i < fragment->demand_count; i++)
    is_size[fragment->demands[i].milli] = true;
  for (unsigned milli = 1; milli <= PACK_MILLI; milli++) {
    fragment->size_count = (uint16_t)(fragment->size_count + is_size[milli]);
    fragment->size_rank[milli] = fragment->size_count;
  }
}

static void drop_rows(struct fragment *fragment) {
  for (size_t b = 0; b < ROW_BUCKETS; b++) {
    for (struct row *row = fragment->buckets[b], *next; row; row = next) {
      next = row->next;
      free(row);
    }
    fragment->buckets[b] = NULL;
  }
  fragment->row_count = 0;
}

static size_t weights_of_row(const struct fragment *fragment) {
  return (size_t)fragment->size_count + 1 + fragment->gpus_max + 1 + fragment->replicas_max + 1;
}

static void raise_cap(uint16_t *cap, uint32_t rank) {
  *cap = rank > *cap ? (uint16_t)rank : *cap;
}

static void set_caps(struct fragment *fragment) {
  size_t cpus = fragment->cpus.count + 1, memories = fragment->memories.count + 1;
  free(fragment->memory_caps);
  free(fragment->cpu_caps);
  fragment->memory_caps = mem_zalloc(cpus * sizeof(uint16_t));
  fragment->cpu_caps = mem_zalloc(memories * sizeof(uint16_t));
  for (size_t i = 0; i < fragment->demand_count; i++) {
    const struct demand *demand = &fragment->demands[i];
    uint32_t cpu = steps_met(&fragment->cpus, demand->cpu_milli);
    uint32_t memory = steps_met(&fragment->memories, demand->mem_bytes);
    raise_cap(&fragment->memory_caps[cpu], memory);
    raise_cap(&fragment->cpu_caps[memory], cpu);
  }
  for (size_t i = 1; i < cpus; i++)
    raise_cap(&fragment->memory_caps[i], fragment->memory_caps[i - 1]);
  for (size_t i = 1; i < memories; i++)
    raise_cap(&fragment->cpu_caps[i], fragment->cpu_caps[i - 1]);
}

void fragment_set_mix(struct fragment *fragment, const struct pack_class *classes, size_t count) {
  drop_rows(fragment);
  fragment->demands = mem_realloc(fragment->demands, (count + 1) * sizeof(*fragment->demands));
  int64_t *cpus = mem_zalloc((count + 1) * sizeof(*cpus));
  int64_t *memories = mem_zalloc((count + 1) * sizeof(*memories));
  fragment->demand_count = 0;
  fragment->gpus_max = fragment->replicas_max = 1;
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += classes[i].weight;
  for (size_t i = 0; i < count; i++) {
    const struct pack_request *request = &classes[i].request;
    struct demand demand = {
        .cpu_milli = request->cpu_milli,
        .mem_bytes = request->mem_bytes,
        .products = request->products,
        .weight = (uint32_t)((uint64_t)classes[i].weight * FRAGMENT_ONE / (sum ? sum : 1))};
    read_forms(request, &demand);
    if (!demand.milli && !demand.gpus && !demand.replicas)
      continue; /* no free GPU is of use to it */
    if (demand.gpus > fragment->gpus_max && demand.gpus <= PACK_DEVICES_MAX)
      fragment->gpus_max = demand.gpus;
    if (demand.replicas > fragment->replicas_max)
      fragment->replicas_max = demand.replicas;
    cpus[fragment->demand_count] = demand.cpu_milli;
    memories[fragment->demand_count] = demand.mem_bytes;
    fragment->demands[fragment->demand_count++] = demand;
  }
  steps_set(&fragment->cpus, cpus, fragment->demand_count);
  steps_set(&fragment->memories, memories, fragment->demand_count);
  set_caps(fragment);
  read_sizes(fragment);
  fragment->rows_max = ROW_BYTES_MAX / (weights_of_row(fragment) * sizeof(uint32_t));
  if (fragment->rows_max > ROWS_MAX)
    fragment->rows_max = ROWS_MAX;
}

struct fragment *fragment_new(void) {
  struct fragment *fragment = mem_zalloc(sizeof(*fragment));
  fragment_set_mix(fragment, NULL, 0);
  return fragment;
}

void fragment_free(struct fragment *fragment) {
  if (!fragment)
    return;
  drop_rows(fragment);
  free(fragment->demands);
  steps_done(&fragment->cpus);
  steps_done(&fragment->memories);
  free(fragment->memory_caps);
  free(fragment->cpu_caps);
  free(fragment);
}

/* ---- rows --------------------------------------------------------------------------------------
 */

struct fragment_rank fragment_rank(const struct fragment *fragment, int64_t cpu_left,
                                   int64_t mem_left) {
  struct fragment_rank rank = {steps_met(&fragment->cpus, cpu_left),
                               steps_met(&fragment->memories, mem_left)};
  /* What is needed only by classes that do not fit for another reason makes no difference. */
  if (rank.memory > fragment->memory_caps[rank.cpu])
    rank.memory = fragment->memory_caps[rank.cpu];
  if (rank.cpu > fragment->cpu_caps[rank.memory])
    rank.cpu = fragment->cpu_caps[rank.memory];
  return rank;
}

static void accumulate(uint32_t *weights, size_t count) {
  for (size_t i = 1; i < count; i++)
    weights[i] += weights[i - 1];
}

/* Ranks are below 2^16: a mix has no more classes than tables have. */
static uint64_t key_of(struct fragment_rank rank, uint8_t product) {
  return (uint64_t)rank.cpu << 40 ^ (uint64_t)rank.memory << 8 ^ product;
}

static struct row *make_row(const struct fragment *fragment, struct fragment_rank rank,
                            uint8_t product) {
  size_t sizes = (size_t)fragment->size_count + 1, several = (size_t)fragment->gpus_max + 1;
  size_t replicas = (size_t)fragment->replicas_max + 1;
  struct row *row = mem_zalloc(sizeof(*row) + weights_of_row(fragment) * sizeof(uint32_t));
  uint32_t *milli = row->weights, *gpus = milli + sizes, *shares = gpus + several;
  row->key = key_of(rank, product);
  row->view = (struct fragment_row){fragment->size_rank, milli, gpus, shares, fragment->gpus_max};
  /* Rank 0: not even the smallest need is met. */
  int64_t cpu = rank.cpu ? fragment->cpus.needs[rank.cpu - 1] : INT64_MIN;
  int64_t memory = rank.memory ? fragment->memories.needs[rank.memory - 1] : INT64_MIN;
  for (size_t i = 0; i < fragment->demand_count; i++) {
    const struct demand *demand = &fragment->demands[i];
    if (demand->cpu_milli > cpu || demand->mem_bytes > memory ||
        (demand->products && !(demand->products >> product & 1)))
      continue;
    if (demand->milli)
      milli[fragment->size_rank[demand->milli]] += demand->weight;
    if (demand->gpus > 1 && demand->gpus <= fragment->gpus_max)
      gpus[demand->gpus] += demand->weight;
    if (demand->replicas)
      shares[demand->replicas] += demand->weight;
  }
  accumulate(milli, sizes);
  accumulate(gpus, several);
  accumulate(shares, replicas);
  return row;
}

const struct fragment_row *fragment_row(struct fragment *fragment, struct fragment_rank rank,
                                        uint8_t product) {
  uint64_t key = key_of(rank, product);
  size_t bucket = (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) % ROW_BUCKETS;
  for (const struct row *row = fragment->buckets[bucket]; row; row = row->next)
    if (row->key == key)
      return &row->view;
  struct row *row = make_row(fragment, rank, product);
  row->next = fragment->buckets[bucket];
  fragment->buckets[bucket] = row;
  fragment->row_count++;
  return &row->view;
}

bool fragment_trim(struct fragment *fragment) {
  if (fragment->row_count <= fragment->rows_max)
    return false;
  drop_rows(fragment);
  return true;
}

/* ---- the measure
 * ------------------------------------------------------------------------------------ */

int64_t fragment_shared(const struct fragment *fragment, const struct fragment_row *row,
                        uint16_t left, uint16_t size) {
  uint16_t most = left < fragment->replicas_max ? left : fragment->replicas_max;
  return (int64_t)left * PACK_MILLI / size * (FRAGMENT_ONE - row->replicas[most]);
}

int64_t fragment_several(const struct fragment_row *row, unsigned idle) {
  unsigned most = idle < row->several_max ? idle : row->several_max;
  return (int64_t)idle * PACK_MILLI * row->several[most];
}

int64_t fragment_node(struct fragment *fragment, const struct pack_node *node) {
  if (node->device_count == 0)
    return 0;
  struct fragment_rank rank = fragment_rank(fragment, node->cpu_left, node->mem_left);
  const struct fragment_row *row = NULL;
  int64_t sum = 0;
  unsigned idle = 0;
  for (uint16_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (!row || device->product != node->devices[d - 1].product)
      row = fragment_row(fragment, rank, device->product);
    if (device->mode == PACK_MODE_WHOLE)
      sum += fragment_whole(row, device->left);
    else if (device->mode == PACK_MODE_SHARED)
      sum += fragment_shared(fragment, row, device->left, device->size);
    idle += pack_device_is_idle(device);
  }
  return sum - fragment_several(row, idle);
}

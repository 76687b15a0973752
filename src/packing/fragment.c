/* SPDX-License-Identifier: Apache-2.0 */
#include "src/packing/fragment.h"

#include <stdlib.h>

enum {
  SEVERAL_MAX = PACK_DEVICES_MAX,
  ROW_BUCKETS = 4096, /* a power of two */
  /* Then all rows are dropped and made anew as they are needed. */
  ROWS_MAX = 16384,
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
  uint32_t cpu, memory;
  uint8_t product;
  struct row *next;
  struct fragment_row view; /* into weights */
  uint32_t weights[];
};

struct fragment {
  struct demand *demands;
  size_t demand_count;
  int64_t *cpus, *memories; /* distinct needs, ascending: ranks count those that are met */
  size_t cpu_count, memory_count;
  uint16_t size_count;                /* distinct milli of one-GPU classes */
  uint16_t size_rank[PACK_MILLI + 1]; /* [milli left]: how many of those sizes it holds */
  uint16_t replicas_max;
  struct row *buckets[ROW_BUCKETS];
  size_t row_count, rows_max;
};

/* ---- the mix ------------------------------------------------------------------------------- */

static int compare_i64(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static size_t sort_distinct(int64_t *values, size_t count) {
  if (count == 0)
    return 0;
  qsort(values, count, sizeof(*values), compare_i64);
  size_t kept = 1;
  for (size_t i = 1; i < count; i++)
    if (values[i] != values[kept - 1])
      values[kept++] = values[i];
  return kept;
}

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
  return (size_t)fragment->size_count + 1 + SEVERAL_MAX + 1 + fragment->replicas_max + 1;
}

void fragment_set_mix(struct fragment *fragment, const struct pack_class *classes, size_t count) {
  drop_rows(fragment);
  fragment->demands = mem_realloc(fragment->demands, (count + 1) * sizeof(*fragment->demands));
  fragment->cpus = mem_realloc(fragment->cpus, (count + 1) * sizeof(int64_t));
  fragment->memories = mem_realloc(fragment->memories, (count + 1) * sizeof(int64_t));
  fragment->demand_count = count;
  fragment->replicas_max = 0;
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
    if (demand.replicas > fragment->replicas_max)
      fragment->replicas_max = demand.replicas;
    fragment->demands[i] = demand;
    fragment->cpus[i] = demand.cpu_milli;
    fragment->memories[i] = demand.mem_bytes;
  }
  fragment->cpu_count = sort_distinct(fragment->cpus, count);
  fragment->memory_count = sort_distinct(fragment->memories, count);
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
  free(fragment->cpus);
  free(fragment->memories);
  free(fragment);
}

/* ---- rows --------------------------------------------------------------------------------------
 */

/* How many of the ascending values are <= left. */
static uint32_t count_met(const int64_t *values, size_t count, int64_t left) {
  size_t low = 0;
  while (count) {
    size_t half = count / 2;
    if (values[low + half] <= left) {
      low += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return (uint32_t)low;
}

struct fragment_rank fragment_rank(const struct fragment *fragment, int64_t cpu_left,
                                   int64_t mem_left) {
  return (struct fragment_rank){count_met(fragment->cpus, fragment->cpu_count, cpu_left),
                                count_met(fragment->memories, fragment->memory_count, mem_left)};
}

static void accumulate(uint32_t *weights, size_t count) {
  for (size_t i = 1; i < count; i++)
    weights[i] += weights[i - 1];
}

static struct row *make_row(const struct fragment *fragment, struct fragment_rank rank,
                            uint8_t product) {
  size_t sizes = (size_t)fragment->size_count + 1, several = SEVERAL_MAX + 1;
  size_t replicas = (size_t)fragment->replicas_max + 1;
  struct row *row = mem_zalloc(sizeof(*row) + weights_of_row(fragment) * sizeof(uint32_t));
  uint32_t *milli = row->weights, *gpus = milli + sizes, *shares = gpus + several;
  row->cpu = rank.cpu;
  row->memory = rank.memory;
  row->product = product;
  row->view = (struct fragment_row){milli, gpus, shares};
  /* Rank 0: not even the smallest need is met. */
  int64_t cpu = rank.cpu ? fragment->cpus[rank.cpu - 1] : INT64_MIN;
  int64_t memory = rank.memory ? fragment->memories[rank.memory - 1] : INT64_MIN;
  for (size_t i = 0; i < fragment->demand_count; i++) {
    const struct demand *demand = &fragment->demands[i];
    if (demand->cpu_milli > cpu || demand->mem_bytes > memory ||
        (demand->products && !(demand->products >> product & 1)))
      continue;
    if (demand->milli)
      milli[fragment->size_rank[demand->milli]] += demand->weight;
    if (demand->gpus > 1 && demand->gpus <= SEVERAL_MAX)
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
  size_t bucket = (rank.cpu * 40503u + rank.memory * 977u + product * 31u) % ROW_BUCKETS;
  for (const struct row *row = fragment->buckets[bucket]; row; row = row->next)
    if (row->cpu == rank.cpu && row->memory == rank.memory && row->product == product)
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

int64_t fragment_whole(const struct fragment *fragment, const struct fragment_row *row,
                       uint16_t left) {
  return (int64_t)left * (FRAGMENT_ONE - row->milli[fragment->size_rank[left]]);
}

int64_t fragment_shared(const struct fragment *fragment, const struct fragment_row *row,
                        uint16_t left, uint16_t size) {
  uint16_t most = left < fragment->replicas_max ? left : fragment->replicas_max;
  return (int64_t)left * PACK_MILLI / size * (FRAGMENT_ONE - row->replicas[most]);
}

int64_t fragment_several(const struct fragment_row *row, unsigned idle) {
  idle = idle < SEVERAL_MAX ? idle : SEVERAL_MAX;
  return (int64_t)idle * PACK_MILLI * row->several[idle];
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
      sum += fragment_whole(fragment, row, device->left);
    else if (device->mode == PACK_MODE_SHARED)
      sum += fragment_shared(fragment, row, device->left, device->size);
    idle += pack_device_is_idle(device);
  }
  return sum - fragment_several(row, idle);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many pods of each level a node can host, as one number. What a node can host depends on its
 * CPU and memory only through how many multiples of the levels' needs they meet: it is counted
 * once for each such case. And few counts are different: equal ones share a row.
 */
#include "src/packing/slicegate.h"

#include <stdlib.h>

enum {
  SLOTS = 2 * NUMBERS_MAX, /* open addressing, at most half full */
  CASES = 8192,            /* that are kept; a power of two */
};

struct row {
  uint8_t hosts[LEVELS_MAX];
};

/* A node with so much left, and the row that is its. */
struct host_case {
  uint64_t products;
  uint16_t cpu, memory; /* needs that are met */
  uint16_t idle, row;   /* 0 idle: not set */
};

struct hosts {
  const struct pack_tables *tables;
  unsigned idle_max;           /* the most that a node has had */
  struct steps cpus, memories; /* multiples of the levels' needs, as far as those GPUs go */
  struct row *rows;            /* [number] */
  int64_t *prices;             /* [number], micro-GPU */
  size_t count;                /* numbers given out, 0 among them: no hosts */
  bool is_exceeded;            /* some row has no number */
  int32_t level_prices[LEVELS_MAX];
  struct host_case cases[CASES];
  uint16_t slots[SLOTS];
};

struct hosts *hosts_new(void) {
  struct hosts *hosts = mem_zalloc(sizeof(*hosts));
  hosts->rows = mem_zalloc(NUMBERS_MAX * sizeof(*hosts->rows));
  hosts->prices = mem_zalloc(NUMBERS_MAX * sizeof(*hosts->prices));
  hosts->count = 1;
  return hosts;
}

void hosts_free(struct hosts *hosts) {
  if (!hosts)
    return;
  steps_done(&hosts->cpus);
  steps_done(&hosts->memories);
  free(hosts->rows);
  free(hosts->prices);
  free(hosts);
}

void hosts_clear(struct hosts *hosts) {
  memset(hosts->cases, 0, sizeof(hosts->cases));
  memset(hosts->slots, 0, sizeof(hosts->slots));
  hosts->count = 1;
  hosts->is_exceeded = false;
}

enum pack_room hosts_room(const struct hosts *hosts) {
  return numbers_room(hosts->count, hosts->is_exceeded);
}

void hosts_set_levels(struct hosts *hosts, const struct pack_tables *tables) {
  hosts_clear(hosts);
  hosts->tables = tables;
  hosts->idle_max = 0;
  memset(hosts->level_prices, 0, sizeof(hosts->level_prices));
}

/* Needs that only a node with more GPUs meets would tell cases apart that are alike. */
static void look_as_far_as(struct hosts *hosts, unsigned idle) {
  const struct pack_tables *tables = hosts->tables;
  size_t most = tables->level_count * idle, n = 0;
  int64_t *cpus = mem_zalloc((most + 1) * sizeof(*cpus));
  int64_t *memories = mem_zalloc((most + 1) * sizeof(*memories));
  for (size_t l = 0; l < tables->level_count; l++) {
    const struct pack_level *level = &tables->levels[l];
    for (unsigned times = 1; times * level->gpus <= idle; times++, n++) {
      cpus[n] = i64_mul_sat(level->cpu_milli, times);
      memories[n] = i64_mul_sat(level->mem_bytes, times);
    }
  }
  steps_set(&hosts->cpus, cpus, n);
  steps_set(&hosts->memories, memories, n);
  memset(hosts->cases, 0, sizeof(hosts->cases));
  hosts->idle_max = idle;
}

static int64_t price_of(const struct hosts *hosts, const struct row *row) {
  int64_t price = 0;
  for (size_t l = 0; l < LEVELS_MAX; l++)
    price += (int64_t)row->hosts[l] * hosts->level_prices[l];
  return price;
}

static uint32_t hash_row(const struct row *row) {
  uint64_t sum = UINT64_C(0x9e3779b97f4a7c15), word;
  _Static_assert(LEVELS_MAX % sizeof(word) == 0, "hashed by words");
  for (size_t l = 0; l < LEVELS_MAX; l += sizeof(word)) {
    memcpy(&word, row->hosts + l, sizeof(word));
    sum = (sum ^ word) * UINT64_C(0xff51afd7ed558ccd);
    sum ^= sum >> 32;
  }
  return (uint32_t)(sum >> 24) % SLOTS;
}

static uint16_t number_row(struct hosts *hosts, const struct row *row) {
  uint32_t at = hash_row(row);
  for (; hosts->slots[at]; at = (at + 1) % SLOTS)
    if (memcmp(&hosts->rows[hosts->slots[at]], row, sizeof(*row)) == 0)
      return hosts->slots[at];
  if (hosts->count >= NUMBERS_MAX) {
    hosts->is_exceeded = true;
    return NUMBER_UNKNOWN;
  }
  uint16_t number = (uint16_t)hosts->count++;
  hosts->slots[at] = number;
  hosts->rows[number] = *row;
  hosts->prices[number] = price_of(hosts, row);
  return number;
}

static size_t hash_case(const struct host_case *found) {
  uint64_t sum = (found->products ^ found->idle) * UINT64_C(0x9e3779b97f4a7c15);
  sum = (sum ^ ((uint64_t)found->cpu << 16 | found->memory)) * UINT64_C(0xff51afd7ed558ccd);
  return (sum >> 32) % CASES;
}

uint16_t hosts_number(struct hosts *hosts, unsigned idle, int64_t cpu_left, int64_t mem_left,
                      uint64_t products) {
  if (idle < 2) /* the least that a level asks for */
    return 0;
  if (idle > hosts->idle_max)
    look_as_far_as(hosts, idle);
  struct host_case found = {.products = products,
                            .idle = (uint16_t)idle,
                            .cpu = (uint16_t)steps_met(&hosts->cpus, cpu_left),
                            .memory = (uint16_t)steps_met(&hosts->memories, mem_left)};
  struct host_case *kept = &hosts->cases[hash_case(&found)];
  if (kept->products == products && kept->idle == idle && kept->cpu == found.cpu &&
      kept->memory == found.memory)
    return kept->row;
  struct row row = {{0}};
  if (reserve_hosts(hosts->tables, idle, cpu_left, mem_left, products, row.hosts))
    found.row = number_row(hosts, &row);
  *kept = found;
  return found.row;
}

void hosts_set_prices(struct hosts *hosts, const int32_t prices[LEVELS_MAX]) {
  memcpy(hosts->level_prices, prices, sizeof(hosts->level_prices));
  for (size_t i = 1; i < hosts->count; i++)
    hosts->prices[i] = price_of(hosts, &hosts->rows[i]);
}

int64_t hosts_price(const struct hosts *hosts, uint16_t number) {
  return hosts->prices[number];
}

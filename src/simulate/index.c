/* SPDX-License-Identifier: Apache-2.0 */
/* Finding equal things among a million. */
#include "src/simulate/simulate_internal.h"

#include <stdlib.h>

struct sim_index_slot {
  uint64_t hash;
  uint32_t number;
  bool is_taken;
};

/* Where this hash is looked for first; its high bits are as good as its low ones after this. */
static size_t slot_of(const struct sim_index *index, uint64_t hash) {
  return (size_t)((hash ^ (hash >> 32)) & (index->cap - 1));
}

uint32_t sim_index_find(const struct sim_index *index, uint64_t hash,
                        bool (*is_equal)(const void *ctx, uint32_t number), const void *ctx) {
  if (index->cap == 0)
    return UINT32_MAX;
  for (size_t at = slot_of(index, hash);; at = (at + 1) & (index->cap - 1)) {
    const struct sim_index_slot *slot = &index->slots[at];
    if (!slot->is_taken)
      return UINT32_MAX;
    if (slot->hash == hash && is_equal(ctx, slot->number))
      return slot->number;
  }
}

static void put(struct sim_index *index, uint64_t hash, uint32_t number) {
  size_t at = slot_of(index, hash);
  while (index->slots[at].is_taken)
    at = (at + 1) & (index->cap - 1);
  index->slots[at] = (struct sim_index_slot){hash, number, true};
}

void sim_index_add(struct sim_index *index, uint64_t hash, uint32_t number) {
  if (index->count * 2 >= index->cap) {
    struct sim_index grown = {.cap = index->cap ? index->cap * 2 : 256, .count = index->count};
    grown.slots = mem_zalloc(grown.cap * sizeof(*grown.slots));
    for (size_t i = 0; i < index->cap; i++) {
      if (index->slots[i].is_taken)
        put(&grown, index->slots[i].hash, index->slots[i].number);
    }
    free(index->slots);
    *index = grown;
  }
  put(index, hash, number);
  index->count++;
}

void sim_index_done(struct sim_index *index) {
  free(index->slots);
  *index = (struct sim_index){0};
}

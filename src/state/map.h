/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table whose links stand in the objects themselves: an object that is found by two keys
 * has two links, and takes no further memory.
 */
#ifndef SLICEGATE_STATE_MAP_H
#define SLICEGATE_STATE_MAP_H

#include "slicegate/base.h"

struct map_link {
  struct map_link *next;
  uint32_t hash;
};
struct map {
  struct map_link **buckets; /* a power of two */
  size_t cap, count;
};
/* The object of which `link` is this member. */
#define MAP_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Keys are chosen by users: with a seed of its own nobody can make them meet on purpose. */
uint32_t map_hash(uint64_t seed, struct str a, struct str b);
void map_add(struct map *map, struct map_link *link, uint32_t hash);
void map_remove(struct map *map, struct map_link *link);
/* Those of this hash, one after the other; the caller compares keys. */
struct map_link *map_first(const struct map *map, uint32_t hash);
struct map_link *map_next(const struct map_link *link);
/* Frees the table, not the objects. */
void map_done(struct map *map);

#endif

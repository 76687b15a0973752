/* SPDX-License-Identifier: Apache-2.0 */
/* Hash tables: chains, doubled when there are as many objects as buckets. */
#include "src/state/map.h"

#include <stdlib.h>

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9fb21c651e98df25;
  return hash ^ hash >> 29;
}

static uint64_t hash_text(uint64_t hash, struct str text) {
  while (text.len >= sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, text.ptr, sizeof(word));
    hash = mix(hash, word);
    text = str_skip(text, sizeof(word));
  }
  uint64_t rest = (uint64_t)text.len << 56;
  for (size_t i = 0; i < text.len; i++)
    rest |= (uint64_t)(unsigned char)text.ptr[i] << 8 * i;
  return mix(hash, rest);
}

uint32_t map_hash(uint64_t seed, struct str a, struct str b) {
  uint64_t hash = hash_text(seed, a);
  if (b.len)
    hash = hash_text(hash, b);
  return (uint32_t)(mix(hash, seed) >> 32);
}

static void grow(struct map *map) {
  size_t cap = map->cap ? map->cap * 2 : 16;
  struct map_link **buckets = mem_zalloc(cap * sizeof(struct map_link *));
  for (size_t i = 0; i < map->cap; i++) {
    for (struct map_link *link = map->buckets[i], *next; link; link = next) {
      next = link->next;
      link->next = buckets[link->hash & (cap - 1)];
      buckets[link->hash & (cap - 1)] = link;
    }
  }
  free(map->buckets);
  map->buckets = buckets;
  map->cap = cap;
}

void map_add(struct map *map, struct map_link *link, uint32_t hash) {
  if (map->count >= map->cap)
    grow(map);
  struct map_link **bucket = &map->buckets[hash & (map->cap - 1)];
  link->hash = hash;
  link->next = *bucket;
  *bucket = link;
  map->count++;
}

void map_remove(struct map *map, struct map_link *link) {
  struct map_link **at = &map->buckets[link->hash & (map->cap - 1)];
  while (*at != link)
    at = &(*at)->next;
  *at = link->next;
  link->next = NULL;
  map->count--;
}

static struct map_link *with_hash(struct map_link *link, uint32_t hash) {
  while (link && link->hash != hash)
    link = link->next;
  return link;
}

struct map_link *map_first(const struct map *map, uint32_t hash) {
  return map->cap ? with_hash(map->buckets[hash & (map->cap - 1)], hash) : NULL;
}

struct map_link *map_next(const struct map_link *link) {
  return with_hash(link->next, link->hash);
}

void map_done(struct map *map) {
  free(map->buckets);
  *map = (struct map){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void out_of_memory(size_t size) {
  (void)fprintf(stderr, "slicegate: out of memory (%zu bytes)\n", size);
  abort();
}

void *mem_zalloc(size_t size) {
  void *ptr = calloc(1, size ? size : 1);
  if (!ptr)
    out_of_memory(size);
  return ptr;
}

void *mem_realloc(void *ptr, size_t size) {
  void *moved = realloc(ptr, size ? size : 1);
  if (!moved)
    out_of_memory(size);
  return moved;
}

char *mem_strndup(const char *ptr, size_t len) {
  char *copy = mem_zalloc(len + 1);
  if (len)
    memcpy(copy, ptr, len);
  return copy;
}

void mem_free_ptr(void *ptr_to_ptr) {
  free(*(void **)ptr_to_ptr);
}

/*
 * Chunks double in size, so an arena costs few allocations whatever it holds.
 * The first chunk survives a reset: a request that fits in it allocates nothing.
 */
struct chunk {
  struct chunk *next;
  size_t size;
  size_t used;
  alignas(max_align_t) unsigned char bytes[];
};

struct arena {
  struct chunk *current; /* newest first; the last in the list is the first chunk */
  struct chunk *first;
  size_t used;
};

enum { ARENA_ALIGN = alignof(max_align_t), ARENA_CHUNK_MIN = 512, ARENA_CHUNK_MAX = 1 << 20 };

static struct chunk *chunk_new(size_t size) {
  struct chunk *chunk = malloc(sizeof(*chunk) + size);
  if (!chunk)
    out_of_memory(size);
  chunk->next = NULL;
  chunk->size = size;
  chunk->used = 0;
  return chunk;
}

struct arena *arena_new(size_t first_chunk_bytes) {
  struct arena *arena = mem_zalloc(sizeof(*arena));
  size_t size = first_chunk_bytes < ARENA_CHUNK_MIN ? ARENA_CHUNK_MIN : first_chunk_bytes;
  arena->first = chunk_new(size);
  arena->current = arena->first;
  return arena;
}

void arena_reset(struct arena *arena) {
  while (arena->current != arena->first) {
    struct chunk *next = arena->current->next;
    free(arena->current);
    arena->current = next;
  }
  arena->first->used = 0;
  arena->used = 0;
}

void arena_free(struct arena *arena) {
  if (!arena)
    return;
  arena_reset(arena);
  free(arena->first);
  free(arena);
}

void arena_free_ptr(struct arena **arena) {
  arena_free(*arena);
  *arena = NULL;
}

void *arena_alloc(struct arena *arena, size_t size) {
  size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
  if (need < size)
    out_of_memory(size);
  struct chunk *chunk = arena->current;
  if (chunk->size - chunk->used < need) {
    size_t grown = chunk->size < ARENA_CHUNK_MAX / 2 ? chunk->size * 2 : ARENA_CHUNK_MAX;
    chunk = chunk_new(need > grown ? need : grown);
    chunk->next = arena->current;
    arena->current = chunk;
  }
  void *ptr = chunk->bytes + chunk->used;
  chunk->used += need;
  arena->used += need;
  memset(ptr, 0, need);
  return ptr;
}

void *arena_array(struct arena *arena, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes))
    out_of_memory(SIZE_MAX);
  return arena_alloc(arena, bytes);
}

size_t arena_used(const struct arena *arena) {
  return arena->used;
}

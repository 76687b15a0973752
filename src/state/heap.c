/* SPDX-License-Identifier: Apache-2.0 */
/* Holds by deadline: a binary heap in which each knows its place. */
#include "src/state/state_internal.h"

static void put(struct hold_heap *heap, size_t at, struct hold *hold) {
  heap->items[at] = hold;
  hold->at = at;
}

static void rise(struct hold_heap *heap, size_t at) {
  struct hold *hold = heap->items[at];
  while (at > 0 && heap->items[(at - 1) / 2]->until_ms > hold->until_ms) {
    put(heap, at, heap->items[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(heap, at, hold);
}

static void sink(struct hold_heap *heap, size_t at) {
  struct hold *hold = heap->items[at];
  for (size_t child; (child = at * 2 + 1) < heap->count; at = child) {
    if (child + 1 < heap->count && heap->items[child + 1]->until_ms < heap->items[child]->until_ms)
      child++;
    if (heap->items[child]->until_ms >= hold->until_ms)
      break;
    put(heap, at, heap->items[child]);
  }
  put(heap, at, hold);
}

void heap_add(struct hold_heap *heap, struct hold *hold) {
  heap->items = list_grow(heap->items, heap->count, &heap->cap, sizeof(struct hold *));
  put(heap, heap->count++, hold);
  rise(heap, hold->at);
}

void heap_remove(struct hold_heap *heap, struct hold *hold) {
  size_t at = hold->at;
  struct hold *last = heap->items[--heap->count];
  if (last == hold)
    return;
  put(heap, at, last);
  rise(heap, at);
  sink(heap, last->at);
}

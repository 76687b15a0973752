/* SPDX-License-Identifier: Apache-2.0 */
/* The whole: made, freed, waited for; listings framed. */
#include "src/state/state_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* ---- memory ------------------------------------------------------------------------------ */

void *state_take(struct state *state, size_t size) {
  state->bytes += size;
  return mem_zalloc(size);
}

void state_give(struct state *state, void *ptr, size_t size) {
  if (!ptr)
    return;
  state->bytes -= size;
  free(ptr);
}

void *list_grow(void *list, size_t count, size_t *cap, size_t size) {
  if (count < *cap)
    return list;
  *cap = *cap ? *cap * 2 : 4;
  return mem_realloc(list, *cap * size);
}

/* ---- new and free ------------------------------------------------------------------------ */

struct state *state_new(const struct state_options *options) {
  struct state *state = mem_zalloc(sizeof(*state));
  (void)pthread_mutex_init(&state->mutex, NULL);
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&state->changed, &attr);
  (void)pthread_condattr_destroy(&attr);
  state->seed = (uintptr_t)state * 0x9e3779b97f4a7c15;
  state->generation = 1;
  state->products = options->products;
  state->gives_hami = options->gives_hami;
  state->catalog = pack_catalog_new();
  /* All of them now: numbers that are given out while others read are few then. */
  for (size_t i = 0; i < state->products.count; i++)
    (void)pack_catalog_add(state->catalog, &state->products.items[i]);
  state->intake = pack_intake_new_live(state->catalog, state->products);
  state->cluster = pack_cluster_new(state->catalog);
  state->scratch = arena_new(4096);
  return state;
}

static void free_objects(struct state *state) {
  while (state->heap.count)
    hold_drop(state, state->heap.items[0]);
  for (size_t i = 0; i < state->by_name.cap; i++)
    while (state->by_name.buckets[i])
      record_drop(state, MAP_OF(state->by_name.buckets[i], struct record, by_name));
  for (size_t i = 0; i < state->dras.cap; i++)
    while (state->dras.buckets[i])
      dra_drop(state, MAP_OF(state->dras.buckets[i], struct dra, link));
  for (size_t i = 0; i < state->namespaces.cap; i++)
    while (state->namespaces.buckets[i])
      space_drop(state, MAP_OF(state->namespaces.buckets[i], struct space, link));
  while (pack_cluster_count(state->cluster))
    slot_drop_node(state, state->order[pack_cluster_count(state->cluster) - 1]);
}

void state_free(struct state *state) {
  if (!state)
    return;
  state_snapshot_unref(state->snapshot);
  node_table_unref(state->table);
  node_index_unref(state->index);
  state->snapshot = NULL;
  state->table = NULL;
  state->index = NULL;
  free_objects(state);
  struct map *maps[] = {&state->atoms,  &state->request_lists, &state->slots,      &state->by_name,
                        &state->by_uid, &state->holds,         &state->namespaces, &state->dras};
  for (size_t i = 0; i < SG_ARRAY_LEN(maps); i++)
    map_done(maps[i]);
  free(state->order);
  free(state->heap.items);
  free(state->news.items);
  arena_free(state->scratch);
  pack_cluster_free(state->cluster);
  pack_intake_free(state->intake);
  pack_catalog_free(state->catalog);
  (void)pthread_cond_destroy(&state->changed);
  (void)pthread_mutex_destroy(&state->mutex);
  free(state);
}

const struct pack_catalog *state_catalog(const struct state *state) {
  return state->catalog;
}

/* ---- generations ------------------------------------------------------------------------- */

void state_changed(struct state *state) {
  state->generation++;
  (void)pthread_cond_broadcast(&state->changed);
}

/* The one look at a clock: how long to sleep. Nothing is decided by it. */
static struct timespec after(int64_t timeout_ms) {
  enum { MS = 1000, NS_OF_MS = 1000000, NS = 1000000000 };
  struct timespec at;
  int64_t wait = timeout_ms < 0 ? 0 : timeout_ms;
  (void)clock_gettime(CLOCK_MONOTONIC, &at);
  int64_t seconds = wait / MS < INT32_MAX ? wait / MS : INT32_MAX;
  at.tv_sec += (time_t)seconds;
  at.tv_nsec += (long)(wait % MS * NS_OF_MS);
  if (at.tv_nsec >= NS) {
    at.tv_nsec -= NS;
    at.tv_sec++;
  }
  return at;
}

uint64_t state_wait(struct state *state, uint64_t generation, int64_t timeout_ms) {
  struct timespec until = after(timeout_ms);
  state_lock(state);
  while (state->generation == generation)
    if (pthread_cond_timedwait(&state->changed, &state->mutex, &until) != 0)
      break;
  uint64_t now = state->generation;
  state_unlock(state);
  return now;
}

/* ---- listings ---------------------------------------------------------------------------- */

void state_begin(struct state *state, enum state_kind kind) {
  state_lock(state);
  state->kinds[kind].epoch++;
  state->kinds[kind].is_listing = true;
  state_unlock(state);
}

static struct map *map_of(struct state *state, enum state_kind kind) {
  switch (kind) {
  case STATE_NODES:
    return &state->slots;
  case STATE_PODS:
    return &state->by_name;
  case STATE_NAMESPACES:
    return &state->namespaces;
  default:
    return &state->dras;
  }
}

/* Drops the object when this listing has not told it. */
static void sweep_object(struct state *state, enum state_kind kind, struct map_link *link) {
  uint32_t epoch = state->kinds[kind].epoch;
  if (kind == STATE_NODES) {
    struct slot *slot = MAP_OF(link, struct slot, link);
    if (slot->value && slot->epoch != epoch)
      slot_drop_node(state, slot);
  } else if (kind == STATE_PODS) {
    struct record *record = MAP_OF(link, struct record, by_name);
    if (record->epoch != epoch)
      record_drop(state, record);
  } else if (kind == STATE_NAMESPACES) {
    struct space *space = MAP_OF(link, struct space, link);
    if (space->epoch != epoch)
      space_drop(state, space);
  } else {
    struct dra *dra = MAP_OF(link, struct dra, link);
    if (dra->kind == kind && dra->epoch != epoch)
      dra_drop(state, dra);
  }
}

/* Some buckets at a time, so that readers get in between. A table that has grown meanwhile is
 * looked at from its beginning. */
static void sweep(struct state *state, enum state_kind kind) {
  enum { AT_ONCE = 256 };
  struct map *map = map_of(state, kind);
  size_t cap = 0, next = 0;
  uint32_t epoch = 0;
  bool is_first = true, is_done = false;
  while (!is_done) {
    state_lock(state);
    epoch = is_first ? state->kinds[kind].epoch : epoch;
    is_first = false;
    if (state->kinds[kind].epoch != epoch) { /* another listing has begun: its end will tell */
      state_unlock(state);
      return;
    }
    if (map->cap != cap) {
      cap = map->cap;
      next = 0;
    }
    for (size_t i = 0; i < AT_ONCE && next < cap; i++, next++)
      for (struct map_link *link = map->buckets[next], *behind; link; link = behind) {
        behind = link->next;
        sweep_object(state, kind, link);
      }
    is_done = next == cap;
    if (is_done) {
      state->kinds[kind].is_listing = false;
      atomic_store(&state->kinds[kind].is_synced, true);
    }
    state_unlock(state);
  }
}

void state_synced(struct state *state, enum state_kind kind) {
  sweep(state, kind);
}

bool state_is_synced(const struct state *state) {
  for (size_t kind = 0; kind < STATE_KINDS; kind++)
    if (!atomic_load(&state->kinds[kind].is_synced))
      return false;
  return true;
}

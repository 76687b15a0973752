/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and lists of requests that many pods share: kept once, counted. */
#include "src/state/state_internal.h"

struct atom *atom_ref(struct state *state, struct str text) {
  if (text.len == 0)
    return NULL;
  uint32_t hash = map_hash(state->seed, text, (struct str){NULL, 0});
  for (struct map_link *link = map_first(&state->atoms, hash); link; link = map_next(link)) {
    struct atom *atom = MAP_OF(link, struct atom, link);
    if (str_eq(atom_text(atom), text)) {
      atom->refs++;
      return atom;
    }
  }
  struct atom *made = state_take(state, sizeof(*made) + text.len);
  made->refs = 1;
  made->len = text.len;
  memcpy(made->bytes, text.ptr, text.len);
  map_add(&state->atoms, &made->link, hash);
  return made;
}

void atom_unref(struct state *state, struct atom *atom) {
  if (!atom || --atom->refs)
    return;
  map_remove(&state->atoms, &atom->link);
  state_give(state, atom, sizeof(*atom) + atom->len);
}

static struct atom *atom_of(struct str name) {
  return MAP_OF((uintptr_t)name.ptr, struct atom, bytes);
}

/* ---- lists of requests ------------------------------------------------------------------- */

static bool counts(const struct resource_request *item) {
  return item->name.len && !qty_is_negative(item->amount) && !qty_is_zero(item->amount);
}

static bool is_same(const struct requests *requests, const struct resource_request *list,
                    size_t count) {
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    if (!counts(&list[i]))
      continue;
    if (at == requests->count || !str_eq(requests->items[at].name, list[i].name) ||
        qty_cmp(requests->items[at].amount, list[i].amount) != 0)
      return false;
    at++;
  }
  return at == requests->count;
}

static uint32_t hash_list(uint64_t seed, const struct resource_request *list, size_t count) {
  uint64_t hash = seed;
  for (size_t i = 0; i < count; i++) {
    struct str amount = {(const char *)&list[i].amount.units, sizeof(list[i].amount.units)};
    if (counts(&list[i]))
      hash = hash << 32 | map_hash(hash, list[i].name, amount);
  }
  return (uint32_t)hash;
}

struct requests *requests_ref(struct state *state, const struct resource_request *list,
                              size_t count) {
  uint32_t hash = hash_list(state->seed, list, count);
  struct map *map = &state->request_lists;
  for (struct map_link *link = map_first(map, hash); link; link = map_next(link)) {
    struct requests *requests = MAP_OF(link, struct requests, link);
    if (is_same(requests, list, count)) {
      requests->refs++;
      return requests;
    }
  }
  size_t counted = 0;
  for (size_t i = 0; i < count; i++)
    counted += counts(&list[i]);
  struct requests *made = state_take(state, sizeof(*made) + counted * sizeof(*list));
  made->refs = 1;
  for (size_t i = 0; i < count; i++) {
    if (!counts(&list[i]))
      continue;
    made->items[made->count].name = atom_text(atom_ref(state, list[i].name));
    made->items[made->count++].amount = list[i].amount;
    made->device_names += pack_is_device_name(list[i].name);
    made->asks_gpu |= pack_is_device_name(list[i].name) || pack_is_card_name(list[i].name);
  }
  map_add(map, &made->link, hash);
  return made;
}

void requests_unref(struct state *state, struct requests *requests) {
  if (!requests || --requests->refs)
    return;
  for (size_t i = 0; i < requests->count; i++)
    atom_unref(state, atom_of(requests->items[i].name));
  map_remove(&state->request_lists, &requests->link);
  state_give(state, requests, sizeof(*requests) + requests->count * sizeof(*requests->items));
}

/* ---- copies ------------------------------------------------------------------------------ */

struct copying copying_begin(struct state *state, struct arena *arena) {
  return (struct copying){arena, ++state->last_copying};
}

struct str atom_copy(const struct copying *copying, struct atom *atom) {
  if (!atom)
    return (struct str){NULL, 0};
  if (atom->copied != copying->call) {
    atom->copied = copying->call;
    atom->copy = str_copy(copying->arena, atom_text(atom));
  }
  return atom->copy;
}

const struct resource_request *requests_copy(const struct copying *copying,
                                             struct requests *requests) {
  if (requests->copied == copying->call)
    return requests->copy;
  struct resource_request *made = arena_array(copying->arena, requests->count, sizeof(*made));
  for (size_t i = 0; i < requests->count; i++)
    made[i] = (struct resource_request){atom_copy(copying, atom_of(requests->items[i].name)),
                                        requests->items[i].amount};
  requests->copied = copying->call;
  requests->copy = made;
  return made;
}

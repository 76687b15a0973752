/* SPDX-License-Identifier: Apache-2.0 */
/* Pods by name and by uid: what is kept of one, and copies of it. */
#include "src/state/state_internal.h"

#include <stdlib.h>

struct record *record_find(const struct state *state, struct str ns, struct str name) {
  uint32_t hash = map_hash(state->seed, ns, name);
  for (struct map_link *link = map_first(&state->by_name, hash); link; link = map_next(link)) {
    struct record *record = MAP_OF(link, struct record, by_name);
    if (str_eq(record_name(record), name) && str_eq(atom_text(record->ns), ns))
      return record;
  }
  return NULL;
}

struct record *record_find_uid(const struct state *state, struct str uid) {
  if (uid.len == 0)
    return NULL;
  uint32_t hash = map_hash(state->seed, uid, (struct str){NULL, 0});
  for (struct map_link *link = map_first(&state->by_uid, hash); link; link = map_next(link)) {
    struct record *record = MAP_OF(link, struct record, by_uid);
    if (str_eq(record_uid(record), uid))
      return record;
  }
  return NULL;
}

bool record_asks_gpu(const struct record *record) {
  return record->requests->asks_gpu;
}

struct pod record_asks(const struct record *record) {
  return (struct pod){.ns = atom_text(record->ns),
                      .name = record_name(record),
                      .uid = record_uid(record),
                      .phase = (enum pod_phase)record->phase,
                      .has_claims = record->has_claims,
                      .devices = record->named ? record->named->items : NULL,
                      .device_count = record->named ? record->named->count : 0,
                      .requests = record->requests->items,
                      .request_count = record->requests->count};
}

static struct str copy_text(struct arena *arena, struct str text) {
  return text.len ? str_copy(arena, text) : (struct str){NULL, 0};
}

static void copy_devices(const struct named *named, struct arena *arena, struct pod *ret) {
  if (!named)
    return;
  struct pod_device *made = arena_array(arena, named->count, sizeof(*made));
  for (size_t i = 0; i < named->count; i++) {
    made[i] = named->items[i];
    made[i].resource = copy_text(arena, made[i].resource);
    made[i].id = copy_text(arena, made[i].id);
  }
  ret->devices = made;
  ret->device_count = named->count;
}

/* Name and uid in one piece, each with a NUL behind it. */
static void copy_names(const struct record *record, struct arena *arena, struct pod *ret) {
  size_t name = record->name_len, uid = record->uid_len;
  char *at = arena_alloc(arena, name + uid + 2);
  memcpy(at, record->text, name);
  memcpy(at + name + 1, record->text + name, uid);
  ret->name = (struct str){at, name};
  ret->uid = (struct str){at + name + 1, uid};
}

void record_copy(const struct copying *copying, const struct record *record, struct pod *ret) {
  *ret = (struct pod){.ns = atom_copy(copying, record->ns),
                      .created = record->created,
                      .traits = record->traits,
                      .phase = (enum pod_phase)record->phase,
                      .controller = atom_copy(copying, record->controller),
                      .priority = record->priority,
                      .has_claims = record->has_claims,
                      .requests = requests_copy(copying, record->requests),
                      .request_count = record->requests->count};
  copy_names(record, copying->arena, ret);
  copy_devices(record->named, copying->arena, ret);
  if (record->waiting)
    waiting_copy(record->waiting, copying->arena, ret);
  if (record->slot)
    ret->constraints.node_name = atom_copy(copying, record->slot->name);
}

void record_free(struct state *state, struct record *record) {
  atom_unref(state, record->ns);
  atom_unref(state, record->controller);
  requests_unref(state, record->requests);
  named_free(state, record->named);
  waiting_free(state, record->waiting);
  state_give(state, record, sizeof(*record) + record->name_len + record->uid_len);
}

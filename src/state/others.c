/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces with their labels; ResourceSlices and ResourceClaims, which are only counted. */
#include "src/state/state_internal.h"

/* ---- namespaces -------------------------------------------------------------------------- */

static struct space *find_space(const struct state *state, struct str name) {
  uint32_t hash = map_hash(state->seed, name, (struct str){NULL, 0});
  for (struct map_link *link = map_first(&state->namespaces, hash); link; link = map_next(link)) {
    struct space *space = MAP_OF(link, struct space, link);
    if (str_eq(space->public.name, name))
      return space;
  }
  return NULL;
}

void space_drop(struct state *state, struct space *space) {
  state->surroundings++;
  map_remove(&state->namespaces, &space->link);
  state_give(state, space, space->bytes);
}

static void add_space(struct state *state, const struct k8s_namespace *ns) {
  size_t size = sizeof(struct space) + ns->name.len + block_pairs_size(ns->labels, ns->label_count);
  state->surroundings++;
  struct space *made = state_take(state, size);
  struct key_value *labels = (struct key_value *)(void *)(made + 1);
  char *at = (char *)(labels + ns->label_count);
  made->bytes = size;
  made->epoch = state->kinds[STATE_NAMESPACES].epoch;
  made->public.name = str_put(&at, ns->name);
  made->public.labels = block_pairs(&at, labels, ns->labels, ns->label_count);
  made->public.label_count = ns->label_count;
  map_add(&state->namespaces, &made->link, map_hash(state->seed, ns->name, (struct str){NULL, 0}));
}

void state_put_namespace(struct state *state, const struct k8s_namespace *ns) {
  state_lock(state);
  struct space *before = find_space(state, ns->name);
  if (before)
    space_drop(state, before);
  add_space(state, ns);
  state_unlock(state);
}

void state_drop_namespace(struct state *state, struct str name) {
  state_lock(state);
  struct space *space = find_space(state, name);
  if (space)
    space_drop(state, space);
  state_unlock(state);
}

/* ---- slices and claims ------------------------------------------------------------------- */

static bool is_dra(enum state_kind kind) {
  return kind == STATE_SLICES || kind == STATE_CLAIMS;
}

static uint32_t hash_dra(const struct state *state, enum state_kind kind, struct str ns,
                         struct str name) {
  return map_hash(state->seed + (uint64_t)kind, ns, name);
}

static struct dra *find_dra(const struct state *state, enum state_kind kind, struct str ns,
                            struct str name) {
  uint32_t hash = hash_dra(state, kind, ns, name);
  for (struct map_link *link = map_first(&state->dras, hash); link; link = map_next(link)) {
    struct dra *dra = MAP_OF(link, struct dra, link);
    if (dra->kind == kind && str_eq((struct str){dra->text, dra->ns_len}, ns) &&
        str_eq((struct str){dra->text + dra->ns_len, dra->name_len}, name))
      return dra;
  }
  return NULL;
}

static void set_devices(struct state *state, struct dra *dra, struct str node, size_t devices) {
  struct slot *slot = dra->kind == STATE_SLICES && node.len ? slot_get(state, node) : NULL;
  /* What nobody has, so that sums stay in range. */
  devices = devices < UINT32_MAX ? devices : UINT32_MAX;
  if (slot)
    slot_mention(slot);
  if (dra->slot && slot == dra->slot) {
    slot_count_dra(state, slot, (int64_t)devices - (int64_t)dra->devices);
  } else {
    if (dra->slot)
      slot_count_dra(state, dra->slot, -(int64_t)dra->devices);
    if (slot)
      slot_count_dra(state, slot, (int64_t)devices);
  }
  slot_forget(state, dra->slot);
  dra->slot = slot;
  dra->devices = devices;
}

void dra_drop(struct state *state, struct dra *dra) {
  set_devices(state, dra, (struct str){NULL, 0}, 0);
  state->dra_counts[dra->kind]--;
  map_remove(&state->dras, &dra->link);
  state_give(state, dra, sizeof(*dra) + dra->ns_len + dra->name_len);
}

static struct dra *add_dra(struct state *state, enum state_kind kind, struct str ns,
                           struct str name) {
  struct dra *made = state_take(state, sizeof(*made) + ns.len + name.len);
  char *at = made->text;
  made->kind = (uint8_t)kind;
  made->ns_len = str_put(&at, ns).len;
  made->name_len = str_put(&at, name).len;
  map_add(&state->dras, &made->link, hash_dra(state, kind, ns, name));
  state->dra_counts[kind]++;
  return made;
}

void state_put_dra(struct state *state, enum state_kind kind, struct str ns, struct str name,
                   struct str node, size_t devices) {
  if (!is_dra(kind))
    return;
  state_lock(state);
  struct dra *dra = find_dra(state, kind, ns, name);
  if (!dra)
    dra = add_dra(state, kind, ns, name);
  dra->epoch = state->kinds[kind].epoch;
  set_devices(state, dra, node, devices);
  state_unlock(state);
}

void state_drop_dra(struct state *state, enum state_kind kind, struct str ns, struct str name) {
  state_lock(state);
  struct dra *dra = find_dra(state, kind, ns, name);
  if (dra)
    dra_drop(state, dra);
  state_unlock(state);
}

/* ---- copies ------------------------------------------------------------------------------ */

bool state_find_namespace(struct state *state, struct arena *arena, struct str name,
                          struct k8s_namespace *ret) {
  state_lock(state);
  struct space *space = find_space(state, name);
  if (space)
    space_copy(space, arena, ret);
  state_unlock(state);
  return space != NULL;
}

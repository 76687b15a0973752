/* SPDX-License-Identifier: Apache-2.0 */
/* Pods as the API server tells of them: what they hold, since when, until when. */
#include "src/state/state_internal.h"

/* ---- pods that wait and ask for a GPU ---------------------------------------------------- */

static void list_waiting(struct state *state, struct record *record) {
  record->before = state->last_waiting;
  record->behind = NULL;
  if (record->before)
    record->before->behind = record;
  else
    state->first_waiting = record;
  state->last_waiting = record;
  state->waiting_count++;
  record->is_listed = true;
  state_changed(state);
}

static void unlist_waiting(struct state *state, struct record *record) {
  if (!record->is_listed)
    return;
  if (record->before)
    record->before->behind = record->behind;
  else
    state->first_waiting = record->behind;
  if (record->behind)
    record->behind->before = record->before;
  else
    state->last_waiting = record->before;
  state->waiting_count--;
  record->is_listed = false;
  state_changed(state);
}

/* ---- a record ---------------------------------------------------------------------------- */

static struct record *add_record(struct state *state, const struct pod *pod) {
  struct record *made = state_take(state, sizeof(*made) + pod->name.len + pod->uid.len);
  struct hold *hold = hold_find(state, pod->uid);
  char *at = made->text;
  made->name_len = (uint32_t)str_put(&at, pod->name).len;
  made->uid_len = (uint32_t)str_put(&at, pod->uid).len;
  made->ns = atom_ref(state, pod->ns);
  made->number = hold ? hold->number : ++state->last_number;
  made->hold = hold;
  if (hold)
    hold->record = made;
  map_add(&state->by_name, &made->by_name, map_hash(state->seed, pod->ns, pod->name));
  if (made->uid_len)
    map_add(&state->by_uid, &made->by_uid, map_hash(state->seed, pod->uid, (struct str){NULL, 0}));
  return made;
}

static void displace(struct state *state, struct record *record) {
  if (!record->is_placed)
    return;
  slot_remove_pod(state, record->slot, record);
}

void record_drop(struct state *state, struct record *record) {
  if (record->is_placed)
    news_add(state, STATE_DEPARTED, record);
  if (record->hold)
    hold_drop(state, record->hold);
  displace(state, record);
  unlist_waiting(state, record);
  slot_forget(state, record->slot);
  map_remove(&state->by_name, &record->by_name);
  if (record->uid_len)
    map_remove(&state->by_uid, &record->by_uid);
  record_free(state, record);
}

/* ---- one change -------------------------------------------------------------------------- */

static void set_requests(struct state *state, struct record *record, const struct pod *pod) {
  struct requests *now = requests_ref(state, pod->requests, pod->request_count);
  requests_unref(state, record->requests);
  record->requests = now;
}

static void set_fields(struct state *state, struct record *record, const struct pod *pod) {
  struct atom *controller = atom_ref(state, pod->controller);
  atom_unref(state, record->controller);
  record->controller = controller;
  set_requests(state, record, pod);
  if (!named_is_same(record->named, pod)) {
    named_free(state, record->named);
    record->named = named_new(state, pod);
  }
  record->created = pod->created;
  record->traits = pod->traits;
  record->priority = pod->priority;
  record->phase = (uint8_t)pod->phase;
  record->has_claims = pod->has_claims;
}

static bool is_same_requests(struct state *state, struct record *record, const struct pod *pod) {
  struct requests *now = requests_ref(state, pod->requests, pod->request_count);
  bool is_same = now == record->requests;
  requests_unref(state, now);
  return is_same;
}

/* Where it is: once bound, it stays bound, whatever an older list says. */
static struct slot *where(struct state *state, const struct record *record, const struct pod *pod) {
  struct str node = pod->constraints.node_name;
  return node.len ? slot_get(state, node) : record->slot;
}

static void update_waiting(struct state *state, struct record *record, const struct pod *pod,
                           bool is_changed) {
  struct waiting *now = waiting_new(state, pod);
  is_changed = is_changed || !record->waiting || !waiting_is_same(record->waiting, now);
  waiting_free(state, record->waiting);
  record->waiting = now;
  if (record->is_listed != record_asks_gpu(record)) {
    if (record->is_listed)
      unlist_waiting(state, record);
    else
      list_waiting(state, record);
  } else if (record->is_listed && is_changed) {
    state_changed(state);
  }
}

static void end_waiting(struct state *state, struct record *record) {
  waiting_free(state, record->waiting);
  record->waiting = NULL;
  unlist_waiting(state, record);
}

/* The hold has come to its end: the pod is bound or over. */
static void end_hold(struct state *state, struct record *record, struct pack_placement *ret_kept,
                     bool *ret_is_kept) {
  *ret_is_kept = false;
  if (!record->hold)
    return;
  if (record->hold->slot == record->slot && record->hold->card_len == 0) {
    *ret_kept = record->hold->placement;
    ret_kept->form = 0;
    *ret_is_kept = ret_kept->unit_count > 0;
  }
  hold_drop(state, record->hold);
}

static void bind(struct state *state, struct record *record, struct slot *slot, bool is_over) {
  struct pack_placement kept;
  bool is_kept;
  if (slot && slot != record->slot) {
    slot_mention(slot);
    slot_forget(state, record->slot);
    record->slot = slot;
  }
  end_hold(state, record, &kept, &is_kept);
  if (slot && !is_over && !record->is_placed)
    slot_add_pod(state, slot, record, is_kept ? &kept : NULL);
}

static bool is_waiting_same(const struct record *record, const struct pod *pod) {
  return record->traits == pod->traits && record->priority == pod->priority &&
         record->has_claims == pod->has_claims && record->created == pod->created;
}

struct past { /* of a pod, before a change to it */
  bool is_new, was_waiting, was_placed, could_be_taken;
};

static void arrive(struct state *state, struct record *record) {
  if (record->behind) { /* listed before, with gates */
    unlist_waiting(state, record);
    list_waiting(state, record);
  }
  record->arrival = ++state->arrivals;
}

static void tell(struct state *state, const struct past *past, const struct record *record) {
  bool is_bound = record->slot != NULL;
  if (past->is_new && record->waiting)
    news_add(state, STATE_ARRIVED, record);
  else if (past->was_waiting && is_bound)
    news_add(state, STATE_PLACED, record);
  else if (record->is_placed && !past->was_placed)
    news_add(state, STATE_FOUND, record);
  bool has_held = past->was_placed || (past->was_waiting && is_bound);
  if (has_held && !record->is_placed)
    news_add(state, STATE_DEPARTED, record);
}

static void apply(struct state *state, struct record *record, const struct pod *pod, bool is_new) {
  struct past past = {is_new, record->waiting != NULL, record->is_placed,
                      record_can_be_taken(record)};
  struct slot *slot = where(state, record, pod);
  bool is_over = pod_is_over(pod);
  bool is_same = !is_new && is_same_requests(state, record, pod);
  if (record->is_placed &&
      (is_over || slot != record->slot || !is_same || !named_is_same(record->named, pod)))
    displace(state, record);
  is_same = is_same && is_waiting_same(record, pod);
  set_fields(state, record, pod);
  if (slot || is_over) {
    bind(state, record, slot, is_over);
    end_waiting(state, record);
  } else {
    update_waiting(state, record, pod, !is_same);
    if (record_can_be_taken(record) && !past.could_be_taken)
      arrive(state, record);
  }
  tell(state, &past, record);
}

/* What bears the name or the uid and is another pod is gone. */
static struct record *settle_identity(struct state *state, const struct pod *pod) {
  struct record *by_uid = record_find_uid(state, pod->uid);
  struct record *by_name = record_find(state, pod->ns, pod->name);
  bool is_same = by_name && str_eq(record_uid(by_name), pod->uid);
  if (by_uid && by_uid != by_name)
    record_drop(state, by_uid);
  if (by_name && !is_same)
    record_drop(state, by_name);
  return is_same ? by_name : NULL;
}

/* Lengths are kept in 32 bits; the API server has names of 253 bytes at most. */
static bool is_sane(const struct pod *pod) {
  enum { NAME_MAX_BYTES = 1 << 16 };
  return pod->name.len && pod->name.len <= NAME_MAX_BYTES && pod->uid.len <= NAME_MAX_BYTES;
}

void state_put_pod(struct state *state, const struct pod *pod) {
  if (!is_sane(pod))
    return;
  state_lock(state);
  struct record *record = settle_identity(state, pod);
  bool is_new = !record;
  if (!record)
    record = add_record(state, pod);
  record->epoch = state->kinds[STATE_PODS].epoch;
  apply(state, record, pod, is_new);
  state_unlock(state);
}

void state_drop_pod(struct state *state, struct str ns, struct str name, struct str uid) {
  state_lock(state);
  struct record *record = record_find(state, ns, name);
  struct hold *hold = hold_find(state, uid);
  if (record && (uid.len == 0 || str_eq(record_uid(record), uid)))
    record_drop(state, record);
  else if (hold && !hold->record) /* asked about before the watch told of it, and gone */
    hold_drop(state, hold);
  state_unlock(state);
}

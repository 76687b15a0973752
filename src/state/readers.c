/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of what is known: of one pod, of those that wait, of everything. */
#include "src/state/state_internal.h"

#include <stdlib.h>

bool state_ask(struct state *state, struct arena *arena, const struct pod *pod,
               struct pack_asked *ret, struct err *reterr) {
  state_lock(state); /* the intake belongs to one thread at a time */
  bool is_read = pack_intake_read_pod(state->intake, arena, pod, ret, reterr);
  state_unlock(state);
  return is_read;
}

bool state_find_pod(struct state *state, struct arena *arena, struct str ns, struct str name,
                    struct str uid, struct pod *ret) {
  state_lock(state);
  const struct record *record =
      uid.len ? record_find_uid(state, uid) : record_find(state, ns, name);
  struct copying copying = copying_begin(state, arena);
  if (record)
    record_copy(&copying, record, ret);
  state_unlock(state);
  return record != NULL;
}

struct aged {
  struct pod pod;
  uint64_t number;
};

static int compare_age(const void *a, const void *b) {
  const struct aged *x = a, *y = b;
  if (x->pod.created != y->pod.created)
    return x->pod.created < y->pod.created ? -1 : 1;
  return x->number < y->number ? -1 : 1;
}

/* Within one priority in the order in which kube-scheduler has heard of them, as we have. */
static int compare_turn(const void *a, const void *b) {
  const struct aged *x = a, *y = b;
  if (x->pod.priority != y->pod.priority)
    return x->pod.priority > y->pod.priority ? -1 : 1;
  return compare_age(a, b);
}

static bool is_provided_for(const struct record *record) {
  return hold_is_under_way(record->hold) || (record->hold && !(record->traits & POD_WAS_REJECTED));
}

static const struct pod *copy_waiting(struct state *state, struct arena *arena,
                                      bool leaves_out_planned, size_t *ret_count) {
  size_t count = 0;
  state_lock(state);
  struct copying copying = copying_begin(state, arena);
  struct aged *aged = arena_array(arena, state->waiting_count, sizeof(*aged));
  for (const struct record *record = state->first_waiting; record; record = record->behind) {
    if (leaves_out_planned && is_provided_for(record))
      continue;
    aged[count].number = record->number;
    record_copy(&copying, record, &aged[count++].pod);
  }
  state_unlock(state);
  qsort(aged, count, sizeof(*aged), leaves_out_planned ? compare_turn : compare_age);
  struct pod *pods = arena_array(arena, count, sizeof(*pods));
  for (size_t i = 0; i < count; i++)
    pods[i] = aged[i].pod;
  *ret_count = count;
  return pods;
}

const struct pod *state_waiting(struct state *state, struct arena *arena, size_t *ret_count) {
  return copy_waiting(state, arena, false, ret_count);
}

const struct pod *state_waiting_unplanned(struct state *state, struct arena *arena,
                                          size_t *ret_count) {
  return copy_waiting(state, arena, true, ret_count);
}

bool state_is_in_company(struct state *state, struct str uid, uint64_t arrivals) {
  bool has_company = false, goes_on = true;
  state_lock(state);
  const struct record *record = record_find_uid(state, uid);
  const struct record *at = state->last_waiting;
  if (!record || !record_can_be_taken(record))
    at = NULL;
  for (; at && goes_on && !has_company; at = at->before) {
    if (!record_can_be_taken(at))
      continue;
    goes_on = at->arrival > arrivals;
    has_company = goes_on && at != record && !hold_is_under_way(at->hold);
  }
  state_unlock(state);
  return has_company;
}

const struct state_resident *state_residents(struct state *state, struct arena *arena,
                                             struct str node, size_t *ret_count) {
  state_lock(state);
  const struct slot *slot = slot_find(state, node);
  size_t count = slot ? slot->pod_count : 0;
  struct copying copying = copying_begin(state, arena);
  struct state_resident *made = arena_array(arena, count + 1, sizeof(*made));
  for (size_t i = 0; i < count; i++) {
    record_copy(&copying, slot->pods[i], &made[i].pod);
    made[i].number = slot->pods[i]->number;
  }
  state_unlock(state);
  *ret_count = count;
  return made;
}

/* ---- everything -------------------------------------------------------------------------- */

static struct str copy_text(struct arena *arena, struct str text) {
  return text.len ? str_copy(arena, text) : (struct str){NULL, 0};
}

static const struct key_value *copy_pairs(struct arena *arena, const struct key_value *pairs,
                                          size_t count) {
  struct key_value *made = arena_array(arena, count, sizeof(*made));
  for (size_t i = 0; i < count; i++)
    made[i] = (struct key_value){copy_text(arena, pairs[i].key), copy_text(arena, pairs[i].value)};
  return made;
}

void space_copy(const struct space *space, struct arena *arena, struct k8s_namespace *ret) {
  const struct k8s_namespace *from = &space->public;
  *ret = (struct k8s_namespace){.name = copy_text(arena, from->name),
                                .labels = copy_pairs(arena, from->labels, from->label_count),
                                .label_count = from->label_count};
}

static void copy_node(const struct node *from, struct arena *arena, struct node *ret) {
  struct taint *taints = arena_array(arena, from->taint_count, sizeof(*taints));
  struct resource_amount *amounts = arena_array(arena, from->allocatable_count, sizeof(*amounts));
  for (size_t i = 0; i < from->taint_count; i++)
    taints[i] = (struct taint){.key = copy_text(arena, from->taints[i].key),
                               .value = copy_text(arena, from->taints[i].value),
                               .effect = from->taints[i].effect};
  for (size_t i = 0; i < from->allocatable_count; i++) {
    amounts[i] = from->allocatable[i];
    amounts[i].name = copy_text(arena, amounts[i].name);
    amounts[i].text = copy_text(arena, amounts[i].text);
  }
  *ret = *from;
  ret->name = copy_text(arena, from->name);
  ret->labels = copy_pairs(arena, from->labels, from->label_count);
  ret->taints = taints;
  ret->allocatable = amounts;
  ret->cards = NULL; /* of the state's own intake */
  ret->card_count = 0;
}

static int compare_pods(const void *a, const void *b) {
  const struct pod *x = a, *y = b;
  int order = str_cmp(x->constraints.node_name, y->constraints.node_name);
  order = order ? order : str_cmp(x->ns, y->ns);
  return order ? order : str_cmp(x->name, y->name);
}

static int compare_namespaces(const void *a, const void *b) {
  return str_cmp(((const struct k8s_namespace *)a)->name, ((const struct k8s_namespace *)b)->name);
}

static void record_nodes(const struct node_table *table, struct arena *arena, struct cluster *ret) {
  struct node *nodes = arena_array(arena, table->count, sizeof(*nodes));
  for (size_t i = 0; i < table->count; i++)
    copy_node(&table->nodes[i]->public.node, arena, &nodes[i]);
  ret->nodes = nodes;
  ret->node_count = table->count;
}

static struct pod *record_pods(struct state *state, struct arena *arena, struct cluster *ret) {
  struct copying copying = copying_begin(state, arena);
  struct pod *pods = arena_array(arena, state->by_name.count, sizeof(*pods));
  for (size_t i = 0; i < state->by_name.cap; i++)
    for (struct map_link *link = state->by_name.buckets[i]; link; link = link->next)
      record_copy(&copying, MAP_OF(link, struct record, by_name), &pods[ret->pod_count++]);
  ret->pods = pods;
  return pods;
}

static struct k8s_namespace *record_namespaces(struct state *state, struct arena *arena,
                                               struct cluster *ret) {
  struct k8s_namespace *all = arena_array(arena, state->namespaces.count, sizeof(*all));
  for (size_t i = 0; i < state->namespaces.cap; i++)
    for (struct map_link *link = state->namespaces.buckets[i]; link; link = link->next)
      space_copy(MAP_OF(link, struct space, link), arena, &all[ret->namespace_count++]);
  ret->namespaces = all;
  return all;
}

static void record(struct state *state, bool wants_pods, struct arena *arena, struct cluster *ret) {
  *ret = (struct cluster){.has_nodes = true, .has_namespaces = true, .has_pods = wants_pods};
  state_lock(state);
  struct node_table *table = node_table_new(state);
  struct pod *pods = wants_pods ? record_pods(state, arena, ret) : NULL;
  struct k8s_namespace *namespaces = record_namespaces(state, arena, ret);
  state_unlock(state);
  record_nodes(table, arena, ret); /* immutable: nobody waits for their copies */
  node_table_unref(table);
  if (pods)
    qsort(pods, ret->pod_count, sizeof(*pods), compare_pods);
  if (ret->namespace_count)
    qsort(namespaces, ret->namespace_count, sizeof(*namespaces), compare_namespaces);
}

void state_record(struct state *state, struct arena *arena, struct cluster *ret) {
  record(state, true, arena, ret);
}

void state_record_surroundings(struct state *state, struct arena *arena, struct cluster *ret) {
  record(state, false, arena, ret);
}

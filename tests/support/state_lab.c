/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/state_lab.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>

void state_lab_init(struct state_lab *lab) {
  struct state_options options = {.products = products_builtin(), .gives_hami = true};
  *lab = (struct state_lab){.arena = arena_new(16 * 1024), .state = state_new(&options)};
}

void state_lab_done(struct state_lab *lab) {
  state_free(lab->state);
  arena_free(lab->arena);
}

/* ---- objects ----------------------------------------------------------------------------- */

enum { PAIRS_MAX = 32 };

static struct resource_amount amount(struct state_lab *lab, const char *name, const char *text) {
  struct resource_amount made = {.name = str_copy(lab->arena, str_of(name)),
                                 .text = str_copy(lab->arena, str_of(text))};
  made.is_valid = qty_parse(made.text, &made.amount);
  ck_assert_msg(made.is_valid, "%s", text);
  return made;
}

struct node lab_node(struct state_lab *lab, const char *name, ...) {
  struct resource_amount *list = arena_array(lab->arena, PAIRS_MAX, sizeof(*list));
  static const char *const usual[] = {"cpu", "64", "memory", "256Gi", "pods", "110"};
  size_t count = 0;
  va_list args;
  va_start(args, name);
  for (const char *key; (key = va_arg(args, const char *)) != NULL;)
    list[count++] = amount(lab, key, va_arg(args, const char *));
  va_end(args);
  for (size_t i = 0; i < SG_ARRAY_LEN(usual); i += 2)
    if (!amount_find(list, count, str_of(usual[i])))
      list[count++] = amount(lab, usual[i], usual[i + 1]);
  return (struct node){
      .name = str_copy(lab->arena, str_of(name)), .allocatable = list, .allocatable_count = count};
}

struct node lab_hami_node(struct state_lab *lab, const char *name, const char *cards) {
  struct node made = lab_node(lab, name, "nvidia.com/gpu", "80", NULL);
  struct hami_card *list = arena_array(lab->arena, PAIRS_MAX, sizeof(*list));
  char id[64], health[8];
  int used;
  made.has_hami = true;
  for (; *cards; cards += strspn(cards, " ")) {
    long long mib, sharers, cores;
    int fields = sscanf(cards, "%63[^:]:%lld:%lld:%lld:%7[a-z]%n", id, &mib, &sharers, &cores,
                        health, &used);
    ck_assert_msg(fields == 5, "%s", cards);
    cards += used;
    list[made.card_count++] = (struct hami_card){.id = str_copy(lab->arena, str_of(id)),
                                                 .memory_mib = mib,
                                                 .sharers = sharers,
                                                 .cores = cores,
                                                 .is_given = strcmp(health, "well") == 0};
  }
  made.cards = list;
  return made;
}

struct pod lab_hami_pod(struct state_lab *lab, const char *name, const char *node, const char *mib,
                        const char *cards) {
  struct pod made = lab_pod(lab, name, node, "nvidia.com/gpu", "1", "nvidia.com/gpumem", mib, NULL);
  struct pod_device *list = arena_array(lab->arena, PAIRS_MAX, sizeof(*list));
  char id[64];
  int used;
  for (; *cards; cards += strspn(cards, " ")) {
    long long amount, cores;
    ck_assert_int_eq(sscanf(cards, "%63[^:]:%lld:%lld%n", id, &amount, &cores, &used), 3);
    cards += used;
    list[made.device_count++] = (struct pod_device){.resource = STR_LIT("nvidia.com/gpumem"),
                                                    .id = str_copy(lab->arena, str_of(id)),
                                                    .index = -1,
                                                    .amount = amount,
                                                    .cores = cores};
  }
  made.devices = list;
  return made;
}

void lab_label(struct state_lab *lab, struct node *node, ...) {
  struct key_value *list = arena_array(lab->arena, PAIRS_MAX, sizeof(*list));
  va_list args;
  if (node->label_count)
    memcpy(list, node->labels, node->label_count * sizeof(*list));
  va_start(args, node);
  for (const char *key; (key = va_arg(args, const char *)) != NULL;)
    list[node->label_count++] =
        (struct key_value){str_copy(lab->arena, str_of(key)),
                           str_copy(lab->arena, str_of(va_arg(args, const char *)))};
  va_end(args);
  node->labels = list;
}

struct str lab_uid(struct state_lab *lab, const char *name) {
  return str_printf(lab->arena, "%s-1", name);
}

struct pod lab_pod(struct state_lab *lab, const char *name, const char *node, ...) {
  struct resource_request *list = arena_array(lab->arena, PAIRS_MAX, sizeof(*list));
  struct pod made = {.ns = STR_LIT("default"),
                     .name = str_copy(lab->arena, str_of(name)),
                     .uid = lab_uid(lab, name),
                     .phase = node ? PHASE_RUNNING : PHASE_PENDING,
                     .requests = list};
  va_list args;
  va_start(args, node);
  for (const char *key; (key = va_arg(args, const char *)) != NULL;) {
    struct resource_amount asked = amount(lab, key, va_arg(args, const char *));
    list[made.request_count++] = (struct resource_request){asked.name, asked.amount};
  }
  va_end(args);
  if (node)
    made.constraints.node_name = str_copy(lab->arena, str_of(node));
  return made;
}

/* ---- looking ----------------------------------------------------------------------------- */

struct state_peek lab_peek(struct state_lab *lab, const char *node) {
  struct state_peek peek = {.snapshot = state_snapshot(lab->state)};
  peek.index = state_snapshot_find(peek.snapshot, str_of(node), SIZE_MAX);
  ck_assert_msg(peek.index != SIZE_MAX, "no node %s", node);
  peek.node = pack_cluster_node(state_snapshot_cluster(peek.snapshot), peek.index);
  peek.labelled = state_snapshot_node(peek.snapshot, peek.index);
  ck_assert(str_is(peek.labelled->node.name, node));
  return peek;
}

void lab_peek_done(struct state_peek *peek) {
  state_snapshot_unref(peek->snapshot);
}

/* The number that counters know the name by is found by asking for one of it. */
static int64_t counter_left(struct state_lab *lab, const struct pack_node *node,
                            const char *resource) {
  struct pod pod = lab_pod(lab, "probe", NULL, resource, "1", NULL);
  struct pack_asked asked;
  struct err err;
  ck_assert(state_ask(lab->state, lab->arena, &pod, &asked, &err));
  for (uint16_t c = 0; c < node->counter_count; c++)
    if (node->counters[c].name == asked.request.forms[0].name)
      return node->counters[c].left;
  return INT64_MIN;
}

int64_t lab_left(struct state_lab *lab, const char *node, const char *resource) {
  CLEANUP_PEEK struct state_peek peek = lab_peek(lab, node);
  if (str_is(str_of(resource), "cpu"))
    return peek.node->cpu_left;
  if (str_is(str_of(resource), "memory"))
    return peek.node->mem_left;
  if (str_is(str_of(resource), "pods"))
    return peek.node->pod_count;
  return counter_left(lab, peek.node, resource);
}

enum state_held lab_hold(struct state_lab *lab, enum state_hold_kind kind, const struct pod *pod,
                         const char *node, int64_t until_ms) {
  struct pack_asked asked;
  struct err err;
  struct pack_placement placement = {0};
  ck_assert_msg(state_ask(lab->state, lab->arena, pod, &asked, &err), "%s", err.text);
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(lab->state);
  size_t index = state_snapshot_find(snapshot, str_of(node), SIZE_MAX);
  /* The form that the node can meet, if any. */
  for (uint8_t f = 0; index != SIZE_MAX && f < asked.request.form_count; f++) {
    struct pack_request one = asked.request;
    one.form_count = 1;
    one.forms[0] = asked.request.forms[f];
    if (pack_fit(state_catalog(lab->state),
                 pack_cluster_node(state_snapshot_cluster(snapshot), index), &one) == PACK_FITS)
      placement.form = f;
  }
  return state_hold(lab->state, &(struct state_hold){.kind = kind,
                                                     .ns = pod->ns,
                                                     .name = pod->name,
                                                     .uid = pod->uid,
                                                     .asked = &asked,
                                                     .node = str_of(node),
                                                     .placement = &placement,
                                                     .until_ms = until_ms});
}

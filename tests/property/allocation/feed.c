/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/property/allocation/feed.h"

#include <inttypes.h>
#include <stdlib.h>

struct str feed_node_name(struct arena *arena, int index) {
  return str_printf(arena, "node-%d", index);
}

struct str feed_uid(struct arena *arena, uint64_t uid) {
  return str_printf(arena, "uid-%" PRIu64, uid);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void add_amount(struct arena *arena, struct resource_amount *list, size_t *count,
                       const char *name, int64_t amount) {
  list[(*count)++] = (struct resource_amount){.name = str_of(name),
                                              .text = str_printf(arena, "%" PRId64, amount),
                                              .amount = {amount, 0},
                                              .is_valid = true};
}

static void put_node(struct state *state, struct arena *arena, int index,
                     const struct server_node *from) {
  struct resource_amount *list = arena_array(arena, SERVER_RESOURCES + 4, sizeof(*list));
  static const struct key_value labels[] = {
      {{"nvidia.com/gpu.product", 22}, {"NVIDIA-H100-80GB-HBM3", 21}}};
  size_t count = 0;
  add_amount(arena, list, &count, "cpu", 64);
  add_amount(arena, list, &count, "memory", INT64_C(1) << 38);
  add_amount(arena, list, &count, "pods", 110);
  for (int r = 0; r < SERVER_RESOURCES; r++)
    if (from->amounts[r])
      add_amount(arena, list, &count, server_names[r], from->lists_nothing ? 0 : from->amounts[r]);
  if (from->amounts[SERVER_MEM])
    add_amount(arena, list, &count, "aliyun.com/gpu-count", from->lists_nothing ? 0 : from->cards);
  const struct node node = {.name = feed_node_name(arena, index),
                            .labels = labels,
                            .label_count = SG_ARRAY_LEN(labels),
                            .allocatable = list,
                            .allocatable_count = count};
  state_put_node(state, &node);
}

/* ---- pods ------------------------------------------------------------------------------------ */

/* What wire reads out of the annotations. */
static void add_devices(struct arena *arena, const struct server_pod *from, struct pod *ret) {
  struct pod_device *list = arena_array(arena, SERVER_TEXT_MAX, sizeof(*list));
  for (const char *at = from->cards; *at; at += *at == ',') {
    char *end;
    list[ret->device_count++] = (struct pod_device){
        .resource = str_of(server_names[from->resource]), .index = (int32_t)strtol(at, &end, 10)};
    at = end;
  }
  for (size_t i = 0; i < ret->device_count; i++)
    list[i].amount = from->amount / (int64_t)ret->device_count;
  ret->devices = list;
}

struct pod feed_pod(struct arena *arena, int index, const struct server_pod *from) {
  struct resource_request *request = arena_alloc(arena, sizeof(*request));
  *request = (struct resource_request){str_of(server_names[from->resource]), {from->amount, 0}};
  struct pod made = {.ns = STR_LIT("team"),
                     .name = str_printf(arena, "pod-%d", index),
                     .uid = feed_uid(arena, from->uid),
                     .phase = from->is_over     ? PHASE_SUCCEEDED
                              : from->node >= 0 ? PHASE_RUNNING
                                                : PHASE_PENDING,
                     .requests = request,
                     .request_count = 1};
  add_devices(arena, from, &made);
  if (from->node >= 0)
    made.constraints.node_name = feed_node_name(arena, from->node);
  return made;
}

/* ---- telling --------------------------------------------------------------------------------- */

void feed_tell(struct state *state, struct arena *arena, const struct server_event *event) {
  if (!event->is_pod) {
    if (event->is_gone)
      state_drop_node(state, feed_node_name(arena, event->index));
    else
      put_node(state, arena, event->index, &event->node);
    return;
  }
  struct pod pod = feed_pod(arena, event->index, &event->pod);
  if (event->is_gone)
    state_drop_pod(state, pod.ns, pod.name, pod.uid);
  else
    state_put_pod(state, &pod);
}

void feed_list(struct state *state, struct arena *arena, struct server *server) {
  server->event_count = 0;
  for (int kind = 0; kind < STATE_KINDS; kind++)
    state_begin(state, (enum state_kind)kind);
  for (int i = 0; i < SERVER_PODS; i++) {
    struct pod pod = feed_pod(arena, i, &server->pods[i]);
    if (server->pods[i].is_there)
      state_put_pod(state, &pod);
  }
  for (int i = 0; i < SERVER_NODES; i++)
    if (server->nodes[i].is_there)
      put_node(state, arena, i, &server->nodes[i]);
  for (int kind = 0; kind < STATE_KINDS; kind++)
    state_synced(state, (enum state_kind)kind);
}

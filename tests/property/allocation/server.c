/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/property/allocation/server.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

const char *const server_names[SERVER_RESOURCES] = {"slicegate.dev/gpu-milli", "aliyun.com/gpu-mem",
                                                    "nvidia.com/gpu", "nvidia.com/mig-1g.10gb",
                                                    "nvidia.com/mig-3g.40gb"};

/* ---- objects --------------------------------------------------------------------------------- */

static void emit(struct server *server, bool is_pod, bool is_gone, int index) {
  ck_assert_uint_lt(server->event_count, SERVER_EVENTS_MAX);
  struct server_event *event = &server->events[server->event_count++];
  *event = (struct server_event){.is_pod = is_pod, .is_gone = is_gone, .index = index};
  if (is_pod)
    event->pod = server->pods[index];
  else
    event->node = server->nodes[index];
}

void server_put_node(struct server *server, int index, const struct server_node *node) {
  server->nodes[index] = *node;
  emit(server, false, false, index);
}

void server_drop_node(struct server *server, int index) {
  server->nodes[index].is_there = false;
  emit(server, false, true, index);
}

void server_create_pod(struct server *server, int index, enum server_resource resource,
                       int64_t amount) {
  server->pods[index] = (struct server_pod){.is_there = true,
                                            .uid = ++server->last_uid,
                                            .resource = resource,
                                            .amount = amount,
                                            .node = -1};
  emit(server, true, false, index);
}

void server_end_pod(struct server *server, int index) {
  server->pods[index].is_over = true;
  emit(server, true, false, index);
}

void server_drop_pod(struct server *server, int index) {
  server->pods[index].is_there = false;
  emit(server, true, true, index);
}

struct server_event server_take_event(struct server *server, size_t at) {
  size_t first = 0;
  while (server->events[first].is_pod != server->events[at].is_pod ||
         server->events[first].index != server->events[at].index)
    first++;
  struct server_event event = server->events[first];
  server->event_count--;
  memmove(&server->events[first], &server->events[first + 1],
          (server->event_count - first) * sizeof(event));
  return event;
}

bool server_bind(struct server *server, const struct server_binding *binding) {
  struct server_pod *pod = &server->pods[binding->pod];
  if (!pod->is_there || pod->uid != binding->uid || pod->node >= 0 || pod->is_over) {
    server->conflicts++;
    return false;
  }
  pod->node = binding->node;
  memcpy(pod->cards, binding->cards, sizeof(pod->cards));
  memcpy(pod->part, binding->part, sizeof(pod->part));
  emit(server, true, false, binding->pod);
  server->bindings++;
  server->doubles += server_doubles(server) > 0;
  return true;
}

/* ---- the checker ----------------------------------------------------------------------------- */

struct use {
  int64_t cards[SERVER_CARDS];
  int64_t amounts[SERVER_RESOURCES];
  bool is_wrong;
};

/* Cards of one pod have equal parts of what it asks for, or the part that is written down. */
static void add_cards(struct use *use, const struct server_node *node,
                      const struct server_pod *pod) {
  int64_t named[SERVER_CARDS] = {0}, count = 0;
  for (const char *at = pod->cards; *at; at += *at == ',') {
    char *end;
    long card = strtol(at, &end, 10);
    if (end == at || card < 0 || card >= node->cards || named[card]) {
      use->is_wrong = true;
      return;
    }
    named[card] = 1;
    count++;
    at = end;
  }
  if (count == 0 || pod->amount % count ||
      (pod->part[0] && strtoll(pod->part, NULL, 10) != pod->amount)) {
    use->is_wrong = true;
    return;
  }
  for (int card = 0; card < SERVER_CARDS; card++)
    use->cards[card] += named[card] * (pod->amount / count);
}

static bool is_doubled(const struct server *server, int index) {
  const struct server_node *node = &server->nodes[index];
  struct use use = {0};
  for (int i = 0; i < SERVER_PODS; i++) {
    const struct server_pod *pod = &server->pods[i];
    if (!pod->is_there || pod->is_over || pod->node != index)
      continue;
    use.amounts[pod->resource] += pod->amount;
    if (pod->resource == SERVER_MILLI || pod->resource == SERVER_MEM)
      add_cards(&use, node, pod);
  }
  for (int r = 0; r < SERVER_RESOURCES; r++)
    use.is_wrong = use.is_wrong || use.amounts[r] > node->amounts[r];
  for (int r = SERVER_MILLI; r <= SERVER_MEM; r++)
    for (int card = 0; node->amounts[r] && card < SERVER_CARDS; card++)
      use.is_wrong = use.is_wrong || use.cards[card] > node->amounts[r] / node->cards;
  return use.is_wrong;
}

size_t server_doubles(const struct server *server) {
  size_t found = 0;
  for (int i = 0; i < SERVER_NODES; i++)
    found += is_doubled(server, i);
  return found;
}

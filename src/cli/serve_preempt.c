/* SPDX-License-Identifier: Apache-2.0 */
/* POST /scheduler/preempt: who has to go on each node that kube-scheduler considers. */
#include "src/cli/serve_door.h"

struct preempt_call {
  struct door_call call;
  struct wire_preemption_args args;
  struct pack_asked asked;
  struct wire_victims *made;
  size_t made_count;
};

static bool is_named(const struct wire_victims *victims, struct str uid) {
  for (size_t i = 0; i < victims->uid_count; i++)
    if (str_eq(victims->uids[i], uid))
      return true;
  return false;
}

/* The pods of the node as victims. */
static struct ext_victim *list_victims(const struct preempt_call *p, const struct ext_view *view,
                                       const struct wire_victims *named, size_t *ret_count) {
  struct arena *arena = p->call.request->arena;
  const struct pack_catalog *catalog = pack_cluster_catalog(state_snapshot_cluster(view->snapshot));
  struct state *state = live_state(p->call.door->live);
  const struct state_resident *there = state_residents(state, arena, named->node, ret_count);
  struct ext_victim *victims = arena_array(arena, *ret_count + 1, sizeof(*victims));
  for (size_t i = 0; i < *ret_count; i++) {
    struct pack_asked asked;
    struct err err;
    victims[i] = (struct ext_victim){.uid = there[i].pod.uid,
                                     .number = there[i].number,
                                     .priority = there[i].pod.priority,
                                     .is_named = is_named(named, there[i].pod.uid)};
    if (state_ask(state, arena, &there[i].pod, &asked, &err))
      victims[i].cost_milli = pack_request_milli(catalog, &asked.request, 1);
  }
  return victims;
}

static void add_node(struct preempt_call *p, const struct wire_victims *named,
                     const struct ext_victim *victims, size_t count, const bool *is_out) {
  struct str *uids =
      arena_array(p->call.request->arena, named->uid_count + count + 1, sizeof(*uids));
  struct wire_victims *made = &p->made[p->made_count++];
  *made = (struct wire_victims){
      .node = named->node, .uids = uids, .pdb_violations = named->pdb_violations};
  /* Those that kube-scheduler names stay named, whether we know them yet or not. */
  for (size_t i = 0; i < named->uid_count; i++)
    uids[made->uid_count++] = named->uids[i];
  for (size_t i = 0; i < count; i++)
    if (is_out[i] && !victims[i].is_named)
      uids[made->uid_count++] = victims[i].uid;
}

static void judge_node(struct preempt_call *p, const struct ext_view *view,
                       const struct wire_victims *named) {
  size_t count = 0, node = state_snapshot_find(view->snapshot, named->node, SIZE_MAX);
  if (node == SIZE_MAX || state_snapshot_node(view->snapshot, node)->is_counted_elsewhere) {
    add_node(p, named, NULL, 0, NULL); /* what we cannot know we do not change */
    return;
  }
  const struct ext_victim *victims = list_victims(p, view, named, &count);
  bool *is_out = arena_array(p->call.request->arena, count + 1, sizeof(*is_out));
  if (ext_preempt_node(view, &p->asked, p->args.pod.priority, node, victims, count, is_out))
    add_node(p, named, victims, count, is_out);
}

void serve_preempt(void *ctx, const struct http_request *request, struct http_response *response) {
  struct preempt_call p = {.call = {ctx, request, response, "preempt", {0}}};
  struct err err;
  struct ext_view view;
  if (!door_enter(&p.call))
    return;
  if (!wire_preemption_args_read(request->arena, request->body, &p.args, &err)) {
    door_fail(&p.call, 400, "malformed", &err);
    return;
  }
  if (!door_check_pod(&p.call, &p.args.pod))
    return;
  const struct pack_asked *asked;
  if (!door_ask(&p.call, &p.args.pod, &p.asked, &asked, &err)) {
    door_fail(&p.call, 400, "absurd", &err); /* the answer has no place for an error */
    return;
  }
  p.made = arena_array(request->arena, p.args.node_count + 1, sizeof(*p.made));
  if (!asked) {
    wire_preemption_result_write(p.args.nodes, p.args.node_count, &response->body);
    door_count(&p.call, "passed");
    return;
  }
  placer_enter(p.call.door->placer);
  (void)state_unhold(live_state(p.call.door->live), p.args.pod.uid, false);
  placer_look(p.call.door->placer, &view);
  for (size_t i = 0; i < p.args.node_count; i++)
    judge_node(&p, &view, &p.args.nodes[i]);
  placer_leave(p.call.door->placer, &view);
  wire_preemption_result_write(p.made, p.made_count, &response->body);
  door_count(&p.call, p.made_count ? "passed" : "refused");
}

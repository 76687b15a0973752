/* SPDX-License-Identifier: Apache-2.0 */
/* POST /scheduler/bind: reserves firmly, writes the Binding with the cards it names, reports. */
#include "src/cli/serve_door.h"

enum {
  KNOWN_MS = 1000, /* how long a pod that kube-scheduler binds may be unknown to our feed */
  TRIES = 4,       /* of reserving, when others were faster */
};

struct bind_call {
  struct door_call call;
  struct wire_binding args;
  struct pod pod;
  struct pack_asked asked;
  struct ext_binding made;
  bool is_held;
};

static void answer(const struct bind_call *b, const char *result, const char *error) {
  wire_binding_result_write(str_of(error), &b->call.response->body);
  door_count(&b->call, result);
}

/* The feed may be a moment behind the scheduler's. */
static bool find_pod(struct bind_call *b) {
  struct state *state = live_state(b->call.door->live);
  struct arena *arena = b->call.request->arena;
  int64_t until = live_now_ms() + KNOWN_MS, left = 0;
  uint64_t generation = 0;
  do {
    if (state_find_pod(state, arena, b->args.pod_ns, b->args.pod_name, b->args.pod_uid, &b->pod))
      return true;
    left = until - live_now_ms();
    generation = state_wait(state, generation, left > 0 ? left : 0);
  } while (left > 0);
  return false;
}

/* One decision for this node, put into the ledger. */
static enum state_held reserve(struct bind_call *b, struct str *ret_reason) {
  struct ext_view view;
  struct extender_door *door = b->call.door;
  enum state_held held = STATE_NO_ROOM;
  (void)state_unhold(live_state(door->live), b->args.pod_uid, false);
  placer_enter(door->placer, &view);
  if (ext_bind(&view, &b->asked, b->args.node, sys_wall_now().ns, b->call.request->arena, &b->made,
               ret_reason)) {
    held = live_hold(door->live, STATE_FIRM, &b->pod, &b->asked, b->args.node, &b->made.placement);
    *ret_reason = STR_LIT("the node was taken by others in the meantime");
  } else {
    held = STATE_NO_NODE;
  }
  placer_leave(door->placer, &view);
  return held;
}

static bool refuse_foreign(const struct bind_call *b) {
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot =
      state_snapshot(live_state(b->call.door->live));
  const char *why = ext_not_bound(snapshot, &b->pod, b->args.node);
  struct err err;
  if (!why)
    return false;
  (void)err_set(&err, ERR_INVALID, "cannot bind %.*s/%.*s to %.*s: %s", STR_FMT(b->args.pod_ns),
                STR_FMT(b->args.pod_name), STR_FMT(b->args.node), why);
  answer(b, "not_ours", err.text);
  return true;
}

static bool reserve_firmly(struct bind_call *b) {
  struct err err;
  struct str reason = {NULL, 0};
  const struct pack_asked *asked;
  if (!door_ask(&b->call, &b->pod, &b->asked, &asked, &err))
    return answer(b, "absurd", err.text), false;
  if (!asked)
    return true; /* nothing of it is ours to reserve */
  enum state_held held = STATE_NO_ROOM;
  for (int i = 0; i < TRIES && held == STATE_NO_ROOM; i++)
    held = reserve(b, &reason);
  b->is_held = held == STATE_HELD;
  if (b->is_held)
    return true;
  if (held == STATE_IS_BOUND)
    reason = STR_LIT("the pod is bound or over already");
  if (held == STATE_IS_BINDING)
    reason = STR_LIT("nobody knows yet what became of an earlier Binding of the pod");
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1024);
  buf_printf(&text, "cannot bind %.*s/%.*s to %.*s: %.*s", STR_FMT(b->args.pod_ns),
             STR_FMT(b->args.pod_name), STR_FMT(b->args.node), STR_FMT(reason));
  (void)err_set(&err, ERR_UNAVAILABLE, "%.*s", STR_FMT(buf_str(&text)));
  answer(b, "no_room", err.text);
  return false;
}

static void write_binding(struct bind_call *b) {
  struct live *live = b->call.door->live;
  if (!live_client(live)) {
    (void)state_unhold(live_state(live), b->args.pod_uid, true);
    answer(b, "failed", "this is a recorded cluster: nothing can be bound");
    return;
  }
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct err err;
  struct kube_pair annotations[8];
  size_t count = b->made.annotation_count;
  for (size_t i = 0; i < count && i < SG_ARRAY_LEN(annotations); i++)
    annotations[i] = (struct kube_pair){b->made.annotations[i].key, b->made.annotations[i].value};
  const struct kube_binding binding = {.namespace = b->args.pod_ns,
                                       .name = b->args.pod_name,
                                       .uid = b->args.pod_uid,
                                       .node = b->args.node,
                                       .annotations = annotations,
                                       .annotation_count = count};
  if (kube_bind(live_client(live), &binding, live_stop_signal(live), &response, &err)) {
    answer(b, "bound", "");
    return;
  }
  /* Without an answer the Binding may have been written: only the watch, or the deadline, may
   * free what it takes. Refused for certain, it is free again. */
  if (response.status >= 400 && response.status < 500 && response.status != 409)
    (void)state_unhold(live_state(live), b->args.pod_uid, true);
  answer(b, response.status == 409 ? "conflict" : "failed", err.text);
}

static void bind(struct extender_door *door, const struct http_request *request,
                 struct http_response *response) {
  struct bind_call b = {.call = {door, request, response, "bind", {0}}};
  struct err err;
  if (!door_enter(&b.call))
    return;
  if (!wire_binding_read(request->arena, request->body, &b.args, &err)) {
    door_fail(&b.call, 400, "malformed", &err);
    return;
  }
  if (!find_pod(&b)) {
    answer(&b, "unknown_pod", "the pod is not known: it was deleted, or made anew by this name");
    return;
  }
  if (!refuse_foreign(&b) && reserve_firmly(&b))
    write_binding(&b);
}

void serve_bind(void *ctx, const struct http_request *request, struct http_response *response) {
  struct extender_door *door = ctx;
  atomic_fetch_add(&door->bindings, 1); /* before it is asked whether this replica may */
  bind(door, request, response);
  atomic_fetch_sub(&door->bindings, 1);
}

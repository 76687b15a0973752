/* SPDX-License-Identifier: Apache-2.0 */
/* POST /scheduler/bind: reserves firmly, writes the Binding with the cards it names, reports. */
#include "src/cli/serve_door.h"
#include "src/cli/serve_hami.h"

enum {
  KNOWN_MS = 1000, /* how long a pod that kube-scheduler binds may be unknown to our feed */
  /* So many wait for that at a time: strangers' pods must not hold up those that are known. */
  UNKNOWN_MAX = SERVE_BINDERS / 2,
  TRIES = 4,      /* of reserving, when others were faster */
  BIND_TRIES = 4, /* of writing, when others changed the pod */
  /* For all of these together: shorter than a firm hold stands, so that what is not known by then
   * is still held. */
  BIND_MS = 10000,
};

struct bind_call {
  struct door_call call;
  struct wire_binding args;
  struct pod pod;
  struct pack_asked asked;
  struct ext_binding made;
  bool is_held;
  bool is_hami; /* a part of one of HAMi's cards */
  struct hami_turn hami;
  struct str bound_to; /* the node that the pod was found to be on */
};

static void answer(const struct bind_call *b, const char *result, const char *error) {
  wire_binding_result_write(str_of(error), &b->call.response->body);
  door_count(&b->call, result);
}

static bool look_for_pod(struct bind_call *b) {
  return state_find_pod(live_state(b->call.door->live), b->call.request->arena, b->args.pod_ns,
                        b->args.pod_name, b->args.pod_uid, &b->pod);
}

static bool wait_for_pod(struct bind_call *b) {
  struct state *state = live_state(b->call.door->live);
  int64_t until = live_now_ms() + KNOWN_MS, left = 0;
  uint64_t generation = 0;
  do {
    if (look_for_pod(b))
      return true;
    left = until - live_now_ms();
    generation = state_wait(state, generation, left > 0 ? left : 0);
  } while (left > 0);
  return false;
}

/* The feed may be a moment behind the scheduler's. */
static bool find_pod(struct bind_call *b) {
  atomic_int *waiting = &b->call.door->unknown;
  if (look_for_pod(b))
    return true;
  bool has_place = atomic_fetch_add(waiting, 1) < UNKNOWN_MAX;
  bool is_found = has_place && wait_for_pod(b);
  atomic_fetch_sub(waiting, 1);
  if (!is_found)
    answer(b, "unknown_pod",
           has_place ? "the pod is not known: it was deleted, or made anew by this name"
                     : "the pod is not known, and too many wait for theirs already; try again");
  return is_found;
}

/* One decision for this node, put into the ledger. */
static enum state_held reserve(struct bind_call *b, struct str *ret_reason) {
  struct ext_view view;
  struct extender_door *door = b->call.door;
  enum state_held held = STATE_NO_ROOM;
  placer_enter(door->placer);
  (void)state_unhold(live_state(door->live), b->args.pod_uid, false);
  (void)state_make_way(live_state(door->live), b->args.node, &b->asked, b->args.pod_uid);
  placer_look(door->placer, &view);
  if (ext_bind(&view, &b->asked, b->args.node, sys_wall_now().ns, b->call.request->arena, &b->made,
               ret_reason)) {
    held = live_hold(door->live, STATE_FIRM, &b->pod, &b->asked, view.snapshot, &b->made.placement);
    *ret_reason = STR_LIT("the node was taken by others in the meantime");
  } else {
    held = STATE_NO_NODE;
  }
  placer_leave(door->placer, &view);
  return held;
}

static void refuse(const struct bind_call *b, const char *result, const char *why) {
  struct err err;
  (void)err_set(&err, ERR_INVALID, "cannot bind %.*s/%.*s to %.*s: %s", STR_FMT(b->args.pod_ns),
                STR_FMT(b->args.pod_name), STR_FMT(b->args.node), why);
  answer(b, result, err.text);
}

static bool refuse_foreign(struct bind_call *b) {
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot =
      state_snapshot(live_state(b->call.door->live));
  const char *why = ext_not_bound(snapshot, &b->pod, b->args.node);
  struct err err;
  b->is_hami = !why && ext_is_hami_part(snapshot, &b->pod, b->args.node);
  b->hami = (struct hami_turn){.call = &b->call,
                               .node = b->args.node,
                               .ns = b->args.pod_ns,
                               .name = b->args.pod_name,
                               .uid = b->args.pod_uid};
  if (why)
    refuse(b, "not_ours", why);
  else if (b->is_hami && !hami_look(&b->hami, &err))
    refuse(b, err.code == ERR_INVALID ? "not_ours" : "failed", err.text);
  else
    return false;
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
  bool is_settled = b->pod.constraints.node_name.len || pod_is_over(&b->pod);
  enum state_held held = is_settled ? STATE_IS_BOUND : STATE_NO_ROOM;
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

/* The node's turn, where it has one: else HAMi's plugin gives the card to the pod that has. */
static bool take_turn(struct bind_call *b) {
  struct err err;
  if (!b->is_hami)
    return true;
  /* The node may have ceased to be such a one since it was looked at. */
  bool has_card = b->made.hami_card.len > 0 ||
                  err_set(&err, ERR_UNAVAILABLE, "the node's cards are not known any more");
  if (!has_card || !hami_lock(&b->hami, &err)) {
    (void)state_unhold(live_state(b->call.door->live), b->args.pod_uid, true);
    refuse(b, err.code == ERR_EXISTS ? "locked" : "failed", err.text);
    return false;
  }
  ext_hami_annotate(&b->made, b->args.node, b->hami.pod.part, b->hami.pod.part_count,
                    sys_wall_now().ns / 1000000000, b->call.request->arena);
  return true;
}

/* Bound there the plugin gives it back, and without an answer that is to be expected. */
static void give_turn_back(struct bind_call *b, bool is_unknown) {
  if (b->is_hami && !is_unknown && !str_eq(b->bound_to, b->args.node))
    hami_unlock(&b->hami);
}

/* ---- the Binding ------------------------------------------------------------------------- */

/* How an attempt to write it has ended. */
enum ending {
  WRITTEN,
  NOT_WRITTEN, /* and will not be */
  CONFLICT,    /* not by this request: the pod is not as it was, or is bound */
  UNKNOWN,     /* it may have been, or may yet be */
};

/* Sent only while this replica decides, asked after the version has been read: whoever decides
 * next touches the pod later, so that this Binding is not taken any more. */
static enum ending send_binding(struct bind_call *b, struct str version, int64_t until_ms,
                                struct err *reterr) {
  struct extender_door *door = b->call.door;
  struct live *live = door->live;
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct kube_pair annotations[8];
  size_t count = 0;
  for (; count < b->made.annotation_count && count < SG_ARRAY_LEN(annotations); count++)
    annotations[count] =
        (struct kube_pair){b->made.annotations[count].key, b->made.annotations[count].value};
  int64_t left_ms = until_ms - live_now_ms();
  const struct kube_binding binding = {.namespace = b->args.pod_ns,
                                       .name = b->args.pod_name,
                                       .uid = b->args.pod_uid,
                                       .resource_version = version,
                                       .node = b->args.node,
                                       .annotations = annotations,
                                       .annotation_count = count,
                                       .timeout_ms = left_ms > 1 ? left_ms : 1};
  if (!door->may_write(door->may_ctx)) {
    (void)err_set(reterr, ERR_UNAVAILABLE, "this replica no longer decides");
    return NOT_WRITTEN;
  }
  if (kube_bind(live_client(live), &binding, live_stop_signal(live), &response, reterr))
    return WRITTEN;
  if (response.status == 409)
    return CONFLICT;
  return response.status >= 400 && response.status < 500 ? NOT_WRITTEN : UNKNOWN;
}

/*
 * The pod has changed under the decision, mostly by what kube-scheduler or the nominator wrote. As
 * long as it is the same pod, unbound, and ours to decide about, the decision stands: true, with
 * the version to try by. False: *ret says how it has ended.
 */
static bool look_again(struct bind_call *b, int64_t until_ms, struct str *ret_version,
                       enum ending *ret, struct err *reterr) {
  struct extender_door *door = b->call.door;
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct fence_pod pod;
  struct err err;
  bool is_read = live_get(door->live, &kube_pods, b->args.pod_ns, b->args.pod_name, until_ms,
                          &response, &err) &&
                 fence_pod_read(b->call.request->arena, buf_str(&response.body), &pod, &err);
  b->bound_to = is_read ? pod.node : (struct str){NULL, 0};
  bool is_gone = is_read ? !str_eq(pod.uid, b->args.pod_uid) : response.status == 404;
  if (!is_gone && !is_read)
    (void)err_set(reterr, ERR_UNAVAILABLE, "the pod has changed, and cannot be read anew: %s",
                  err.text);
  if (is_gone || (is_read && pod.node.len == 0))
    *ret = NOT_WRITTEN; /* a version that has passed does not come back */
  if (is_gone || !is_read || pod.node.len)
    return false;
  if (door->fence && !fence_is_ours(door->fence, &pod)) {
    (void)err_set(reterr, ERR_EXISTS, "another replica decides about the pod");
    return false;
  }
  *ret_version = pod.resource_version;
  return true;
}

static enum ending try_to_write(struct bind_call *b, bool *ret_is_conflict, struct err *reterr) {
  int64_t until_ms = live_now_ms() + BIND_MS;
  struct str version = b->pod.resource_version;
  for (int i = 1;; i++) {
    enum ending end = send_binding(b, version, until_ms, reterr);
    *ret_is_conflict = end == CONFLICT;
    if (end != CONFLICT || !look_again(b, until_ms, &version, &end, reterr) || i == BIND_TRIES)
      return end;
  }
}

/* The pod is there now, whatever the watch has told: what it takes is not free before the watch
 * says that it has gone, however long that is behind. */
static bool is_taken(const struct bind_call *b, enum ending end) {
  return end == WRITTEN || (end == CONFLICT && str_eq(b->bound_to, b->args.node));
}

static void write_binding(struct bind_call *b) {
  struct extender_door *door = b->call.door;
  struct err err = {0};
  bool is_conflict = false;
  if (!live_client(door->live)) {
    (void)state_unhold(live_state(door->live), b->args.pod_uid, true);
    answer(b, "failed", "this is a recorded cluster: nothing can be bound");
    return;
  }
  enum ending end = try_to_write(b, &is_conflict, &err);
  if (b->is_held && is_taken(b, end))
    (void)state_prolong(live_state(door->live), b->args.pod_uid, INT64_MAX);
  if (end == WRITTEN) {
    answer(b, "bound", "");
    return;
  }
  /* What it takes is free again only when it is certain that it is not taken. A conflict with a
   * pod that is bound: the watch tells where. */
  if (b->is_held && end == NOT_WRITTEN)
    (void)state_unhold(live_state(door->live), b->args.pod_uid, true);
  if (b->is_held && end == UNKNOWN && door->fence)
    fence_doubt(door->fence, b->args.pod_ns, b->args.pod_name, b->args.pod_uid);
  give_turn_back(b, end == UNKNOWN);
  answer(b, is_conflict ? "conflict" : "failed", err.text);
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
  if (!request->is_aside) {
    http_response_aside(response); /* the API server is asked: nobody else must wait for it */
    return;
  }
  if (find_pod(&b) && !refuse_foreign(&b) && reserve_firmly(&b) && take_turn(&b))
    write_binding(&b);
}

void serve_bind(void *ctx, const struct http_request *request, struct http_response *response) {
  struct extender_door *door = ctx;
  atomic_fetch_add(&door->bindings, 1); /* before it is asked whether this replica may */
  bind(door, request, response);
  atomic_fetch_sub(&door->bindings, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/serve_hami.h"

enum {
  LOCK_MS = 3000,       /* for each way to the lock and back, beside what the Binding takes */
  LOCK_TRIES = 5,       /* when others changed the node: kubelets do, every few seconds */
  LOCK_SECONDS = 5 * 60 /* HAMi's own limit (HAMI_NODELOCK_EXPIRE), which nodes do not tell */
};

/* ---- reading --------------------------------------------------------------------------------- */

bool hami_look(struct hami_turn *turn, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  if (!live_client(turn->call->door->live))
    return err_set(reterr, ERR_UNAVAILABLE, "this is a recorded cluster: nothing can be bound");
  if (!live_get(turn->call->door->live, &kube_pods, turn->ns, turn->name, live_now_ms() + LOCK_MS,
                &response, reterr) ||
      !wire_hami_pod_read(turn->call->request->arena, buf_str(&response.body), &turn->pod, reterr))
    return false;
  if (!str_eq(turn->pod.uid, turn->uid))
    return err_set(reterr, ERR_UNAVAILABLE, "the pod was made anew by this name");
  if (turn->pod.wish)
    return err_set(reterr, ERR_INVALID,
                   "of HAMi's cards slicegate gives a part of any one: it does not serve the "
                   "annotation %s",
                   turn->pod.wish);
  return turn->pod.asking == 1 ||
         err_set(reterr, ERR_INVALID,
                 "of HAMi's cards slicegate gives a part of one to one container, and %u of this "
                 "pod's ask for some",
                 turn->pod.asking);
}

/* ---- whose it is ----------------------------------------------------------------------------- */

static bool is_gone(const struct hami_turn *turn, const struct wire_hami_lock *lock,
                    int64_t until_ms) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct err err;
  return lock->name.len &&
         !live_get(turn->call->door->live, &kube_pods, lock->ns, lock->name, until_ms, &response,
                   &err) &&
         response.status == 404;
}

static bool is_free(const struct hami_turn *turn, const struct wire_hami_node *node,
                    int64_t until_ms, struct err *reterr) {
  struct wire_hami_lock lock;
  if (!node->is_locked)
    return true;
  if (!wire_hami_lock_read(node->lock, &lock))
    return err_set(reterr, ERR_EXISTS,
                   "the node is locked (" WIRE_HAMI_LOCK ") by \"%.*s\", which HAMi does not write",
                   STR_FMT(node->lock));
  if ((str_eq(lock.ns, turn->ns) && str_eq(lock.name, turn->name)) ||
      sys_wall_now().ns / 1000000000 - lock.seconds > LOCK_SECONDS ||
      is_gone(turn, &lock, until_ms))
    return true;
  return err_set(reterr, ERR_EXISTS,
                 "the node is locked (" WIRE_HAMI_LOCK ") for %.*s%s%.*s, which HAMi's plugin has "
                 "not started yet",
                 STR_FMT(lock.name.len ? lock.ns : STR_LIT("another pod")),
                 lock.name.len ? "/" : "", STR_FMT(lock.name));
}

/* ---- writing --------------------------------------------------------------------------------- */

/* By compare and swap. An empty value takes the annotation away. */
static bool write_lock(const struct hami_turn *turn, struct str version, struct str value,
                       int64_t until_ms, struct kube_response *ret, struct err *reterr) {
  struct live *live = turn->call->door->live;
  int64_t left_ms = until_ms - live_now_ms();
  CLEANUP_BUF struct buf body;
  buf_init(&body, 4 << 10);
  buf_append_cstr(&body, "{\"metadata\":{\"resourceVersion\":");
  kube_json_string(&body, version);
  buf_append_cstr(&body, ",\"annotations\":{\"" WIRE_HAMI_LOCK "\":");
  if (value.len)
    kube_json_string(&body, value);
  else
    buf_append_cstr(&body, "null");
  buf_append_cstr(&body, "}}}");
  const struct kube_patch patch = {.kind = &kube_nodes,
                                   .name = turn->node,
                                   .type = KUBE_MERGE_PATCH,
                                   .body = buf_str(&body),
                                   .timeout_ms = left_ms > 1 ? left_ms : 1};
  return kube_patch(live_client(live), &patch, live_stop_signal(live), ret, reterr);
}

static bool read_node(const struct hami_turn *turn, int64_t until_ms, struct wire_hami_node *ret,
                      struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  return live_get(turn->call->door->live, &kube_nodes, (struct str){NULL, 0}, turn->node, until_ms,
                  &response, reterr) &&
         wire_hami_node_read(turn->call->request->arena, buf_str(&response.body), ret, reterr);
}

bool hami_lock(struct hami_turn *turn, struct err *reterr) {
  const struct extender_door *door = turn->call->door;
  struct arena *arena = turn->call->request->arena;
  int64_t until_ms = live_now_ms() + LOCK_MS;
  for (int i = 1;; i++) {
    CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
    struct wire_hami_node node;
    if (!read_node(turn, until_ms, &node, reterr) || !is_free(turn, &node, until_ms, reterr))
      return false;
    if (!door->may_write(door->may_ctx))
      return err_set(reterr, ERR_UNAVAILABLE, "this replica no longer decides");
    turn->lock = str_printf(arena, "%.*s,%.*s,%.*s",
                            STR_FMT(rfc3339_text(arena, sys_wall_now().ns / 1000000000)),
                            STR_FMT(turn->ns), STR_FMT(turn->name));
    if (write_lock(turn, node.resource_version, turn->lock, until_ms, &response, reterr))
      return true;
    bool is_refused = response.status >= 400 && response.status < 500;
    if (!is_refused) /* it may have been written */
      hami_unlock(turn);
    turn->lock = (struct str){NULL, 0};
    if (response.status != 409 || i == LOCK_TRIES)
      return false;
  }
}

void hami_unlock(struct hami_turn *turn) {
  int64_t until_ms = live_now_ms() + LOCK_MS;
  struct err err = {0};
  for (int i = 0; i < LOCK_TRIES && turn->lock.len; i++) {
    CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
    struct wire_hami_node node;
    if (!read_node(turn, until_ms, &node, &err))
      break;
    bool is_ours = node.is_locked && str_eq(node.lock, turn->lock);
    if (!is_ours ||
        write_lock(turn, node.resource_version, (struct str){NULL, 0}, until_ms, &response, &err))
      turn->lock = (struct str){NULL, 0};
    else if (response.status != 409)
      break;
  }
  if (turn->lock.len)
    sys_log(SYS_WARN, "a node stays locked until HAMi's limit is over", sys_str("node", turn->node),
            sys_str("lock", turn->lock), sys_err(&err));
  turn->lock = (struct str){NULL, 0};
}

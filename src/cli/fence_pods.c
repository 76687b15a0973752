/* SPDX-License-Identifier: Apache-2.0 */
/* One pod: the patch after which no older Binding of it is taken, and what the answer says. */
#include "src/cli/fence_internal.h"

#include "slicegate/doc.h"

#include <stdio.h>

enum { WRITE_MS = 10000 };

/* ---- pods as the API server has them --------------------------------------------------------- */

bool fence_pod_read(struct arena *arena, struct str json, struct fence_pod *ret,
                    struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(32 << 10);
  const struct doc_node *root;
  if (!doc_parse_json(scratch, json, &doc_limits_review, &root, reterr))
    return false;
  const struct doc_node *metadata = doc_get_lit(root, "metadata");
  const struct doc_node *annotations = doc_get_lit(metadata, "annotations");
  *ret = (struct fence_pod){
      .uid = str_copy(arena, doc_text_at(metadata, "uid")),
      .resource_version = str_copy(arena, doc_text_at(metadata, "resourceVersion")),
      .node = str_copy(arena, doc_text_at(doc_get_lit(root, "spec"), "nodeName")),
      .decides = str_copy(arena, doc_text_at(annotations, FENCE_ANNOTATION))};
  return ret->uid.len > 0 || err_set(reterr, ERR_INVALID, "the answer is no pod");
}

bool fence_is_ours(const struct fence *fence, const struct fence_pod *pod) {
  struct str identity = fence->config.identity, decides = pod->decides;
  return decides.len == 0 || (str_starts_with(decides, identity) && decides.len > identity.len &&
                              decides.ptr[identity.len] == '/');
}

/* ---- one pod --------------------------------------------------------------------------------- */

static void tell_failure(struct fence *fence, const struct err *err) {
  (void)pthread_mutex_lock(&fence->lock);
  (void)snprintf(fence->error, sizeof(fence->error), "%s", err->text);
  (void)pthread_mutex_unlock(&fence->lock);
}

static bool patch(struct fence *fence, const struct task *task, struct kube_response *ret,
                  struct err *reterr) {
  CLEANUP_BUF struct buf body, value;
  buf_init(&body, 2048);
  buf_init(&value, 512);
  buf_printf(&value, "%.*s/%lld", STR_FMT(fence->config.identity),
             (long long)atomic_fetch_add(&fence->number, 1) + 1);
  buf_append_cstr(&body, "{\"metadata\":{\"annotations\":{\"" FENCE_ANNOTATION "\":");
  kube_json_string(&body, buf_str(&value));
  buf_append_cstr(&body, "}}}");
  const struct kube_patch patch = {.kind = &kube_pods,
                                   .namespace = task->ns,
                                   .name = task->name,
                                   .subresource = "status",
                                   .type = KUBE_MERGE_PATCH,
                                   .body = buf_str(&body),
                                   .timeout_ms = WRITE_MS};
  return kube_patch(live_client(fence->config.live), &patch, live_stop_signal(fence->config.live),
                    ret, reterr);
}

bool fence_touch(struct fence *fence, const struct pod *pod, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  const struct task task = {.ns = pod->ns, .name = pod->name, .uid = pod->uid};
  return patch(fence, &task, &response, reterr) || response.status == 404;
}

/* By name: where another pod has it by now that one is patched, which does no harm, and ours is
 * gone. */
static enum progress fence_one(struct fence *fence, const struct task *task) {
  CLEANUP_ARENA struct arena *arena = arena_new(1024);
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct fence_pod pod;
  struct err err;
  bool is_read = patch(fence, task, &response, &err) &&
                 fence_pod_read(arena, buf_str(&response.body), &pod, &err);
  if (is_read && str_eq(pod.uid, task->uid))
    return pod.node.len ? TO_SEE : FENCED;
  if (is_read || response.status == 404)
    return OVER;
  tell_failure(fence, &err);
  return TO_PATCH;
}

static bool has_seen_end(const struct fence *fence, const struct task *task) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct pod pod;
  return !state_find_pod(live_state(fence->config.live), arena, task->ns, task->name, task->uid,
                         &pod) ||
         pod.constraints.node_name.len > 0;
}

void fence_do_task(void *ctx, size_t index) {
  struct fence *fence = ctx;
  struct task *task = fence->tasks[index];
  if (has_seen_end(fence, task))
    task->progress = OVER;
  else if (task->progress == TO_PATCH)
    task->progress = fence_one(fence, task);
}

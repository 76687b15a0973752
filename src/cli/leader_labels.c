/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A holder labels its own pod first and clears the others then: for a moment two are selected, of
 * which one refuses, instead of none. It looks again now and then, because a predecessor's late
 * patch may arrive after it has looked.
 */
#include "leader_labels.h"

#include "slicegate/doc.h"

#define HOLDER_LABEL "slicegate.dev/lease-holder"

enum { LIST_MAX_BYTES = 8 << 20, BACKOFF_MAX_MS = 60000, AGAIN_MS = 60000 };

void leader_labels_want(struct leader_labels *labels, bool is_wanted) {
  labels->is_wanted = is_wanted;
  labels->is_own_done = false;
  labels->are_others_done = !is_wanted;
  labels->backoff_ms = 0;
  labels->not_before = (struct sys_mono){0};
}

static int64_t ms_until(struct sys_mono when) {
  return (when.ns - sys_mono_now().ns) / 1000000;
}

/* A pod that is gone has no label. */
static bool put_label(struct leader_labels *labels, struct str pod, bool is_on,
                      const struct kube_stop *stop, int64_t timeout_ms, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  const struct kube_patch patch = {
      .kind = &kube_pods,
      .namespace = labels->ns,
      .name = pod,
      .type = KUBE_MERGE_PATCH,
      .body = is_on ? STR_LIT("{\"metadata\":{\"labels\":{\"" HOLDER_LABEL "\":\"true\"}}}")
                    : STR_LIT("{\"metadata\":{\"labels\":{\"" HOLDER_LABEL "\":null}}}"),
      .timeout_ms = timeout_ms};
  return kube_patch(labels->client, &patch, stop, &response, reterr) ||
         (response.status == 404 && !is_on) || err_wrap(reterr, "pod \"%.*s\"", STR_FMT(pod));
}

/* Pods that have the label, ours among them. */
static bool list_labelled(const struct leader_labels *labels, const struct kube_stop *stop,
                          int64_t timeout_ms, struct kube_response *ret, struct err *reterr) {
  CLEANUP_BUF struct buf path, selector;
  buf_init(&path, 8 << 10);
  buf_init(&selector, 4 << 10);
  buf_append_cstr(&selector, HOLDER_LABEL "=true");
  if (labels->pod_selector.len > 0)
    buf_printf(&selector, ",%.*s", STR_FMT(labels->pod_selector));
  if (!kube_path(&kube_pods, labels->ns, (struct str){0}, NULL, &path, reterr))
    return false;
  kube_path_query(&path, "labelSelector", buf_str(&selector));
  kube_path_query(&path, "limit", STR_LIT("100"));
  const struct kube_request request = {.method = KUBE_GET,
                                       .path = buf_str(&path),
                                       .max_bytes = LIST_MAX_BYTES,
                                       .timeout_ms = timeout_ms,
                                       .stop = stop};
  return kube_call(labels->client, &request, ret, reterr) ||
         err_wrap(reterr, "pods labelled " HOLDER_LABEL);
}

static bool clear_others(struct leader_labels *labels, const struct kube_stop *stop,
                         struct sys_mono until, struct err *reterr) {
  CLEANUP_KUBE_RESPONSE struct kube_response list = {0};
  CLEANUP_ARENA struct arena *arena = arena_new(16 << 10);
  const struct doc_node *root;
  if (!list_labelled(labels, stop, ms_until(until) + 1, &list, reterr))
    return false;
  if (!doc_parse_json(arena, buf_str(&list.body), &doc_limits_review, &root, reterr))
    return err_wrap(reterr, "the list of pods is no JSON");
  const struct doc_node *items = doc_get_lit(root, "items");
  for (uint32_t i = 0; doc_is(items, DOC_SEQUENCE) && i < items->count; i++) {
    struct str pod = doc_text_at(doc_get_lit(&items->items[i], "metadata"), "name");
    int64_t left_ms = ms_until(until);
    if (str_eq(pod, labels->pod_name))
      continue;
    if (left_ms <= 0)
      return err_set(reterr, ERR_UNAVAILABLE, "not all pods could be cleared in time");
    if (!put_label(labels, pod, false, stop, left_ms, reterr))
      return false;
  }
  return true;
}

static bool work(struct leader_labels *labels, const struct kube_stop *stop, int64_t budget_ms,
                 struct err *reterr) {
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), budget_ms);
  if (!labels->is_own_done) {
    if (!put_label(labels, labels->pod_name, labels->is_wanted, stop, budget_ms, reterr))
      return false;
    labels->is_own_done = true;
  }
  int64_t left_ms = ms_until(until);
  if (!labels->are_others_done && left_ms > 0) {
    if (!clear_others(labels, stop, until, reterr))
      return false;
    labels->are_others_done = true;
  }
  return true;
}

void leader_labels_step(struct leader_labels *labels, const struct kube_stop *stop,
                        int64_t budget_ms) {
  struct err err;
  if (labels->pod_name.len == 0 || budget_ms <= 0 || ms_until(labels->not_before) > 0)
    return;
  if (labels->is_own_done && labels->are_others_done) {
    if (!labels->is_wanted)
      return;
    labels->is_own_done = labels->are_others_done = false; /* AGAIN_MS have passed */
  }
  if (work(labels, stop, budget_ms, &err)) {
    labels->backoff_ms = 0;
    labels->not_before = sys_mono_add_ms(sys_mono_now(), labels->are_others_done ? AGAIN_MS : 0);
    return;
  }
  int64_t doubled = labels->backoff_ms > 0 ? labels->backoff_ms * 2 : labels->retry_ms;
  labels->backoff_ms = doubled < BACKOFF_MAX_MS ? doubled : BACKOFF_MAX_MS;
  labels->not_before = sys_mono_add_ms(sys_mono_now(), labels->backoff_ms);
  if (!kube_stop_is_raised(stop))
    sys_log(SYS_WARN, "the label of the lease's holder is not as it should be",
            sys_bool("wanted", labels->is_wanted), sys_err(&err),
            sys_int("retry_in_ms", labels->backoff_ms));
}

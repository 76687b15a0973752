/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/kube/encodings.h"

#include "slicegate/wire.h"
#include "tests/e2e/kube/differences.h"
#include "tests/e2e/kube/rich_objects.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* ---- what is made ------------------------------------------------------------------------ */

static const struct kube_kind priority_classes = {"PriorityClass", "scheduling.k8s.io", "v1",
                                                  "priorityclasses", false};
static const struct kube_kind runtime_classes = {"RuntimeClass", "node.k8s.io", "v1",
                                                 "runtimeclasses", false};
static const struct kube_kind config_maps = {"ConfigMap", "", "v1", "configmaps", true};

static const struct pod_row {
  const char *name, *text, *status; /* NULL: as the server makes it */
  bool is_deleted;
  /* What must be there, or else it is not compared. */
  uint32_t traits;
  size_t requests, terms, tolerations, devices;
} pod_rows[] = {
    {"waiting", waiting, waiting_status, false,
     POD_IS_GATED | POD_HAS_POD_AFFINITY | POD_HAS_HARD_SPREAD | POD_HAS_VOLUME_CLAIMS |
         POD_HAS_HOST_PORTS | POD_HAS_PREFERENCES,
     4, 2, 4, 3},
    {"running", running, running_status, true, POD_IS_DELETING | POD_HAS_HOST_PORTS, 4, 0, 0, 5},
    {"whole", whole, whole_status, false, 0, 3, 0, 0, 1},
    {"rejected", rejected, rejected_status, false, POD_WAS_REJECTED, 2, 0, 0, 0},
    {"claiming", claiming, NULL, false, POD_HAS_VOLUME_CLAIMS, 2, 0, 0, 0},
    {"scratch", scratch, NULL, false, POD_HAS_VOLUME_CLAIMS, 2, 0, 0, 0},
    {"on-host", on_host, NULL, false, POD_HAS_HOST_PORTS, 2, 0, 0, 0},
    {"early", early, NULL, false, POD_HAS_HOST_PORTS, 2, 0, 0, 0},
    {"near", near, NULL, false, POD_HAS_PREFERENCES, 2, 0, 0, 0},
    {"with", with, NULL, false, POD_HAS_POD_AFFINITY, 2, 0, 0, 0},
    {"apart", apart, NULL, false, POD_HAS_PREFERENCES, 2, 0, 0, 0},
    {"spread", spread, NULL, false, POD_HAS_PREFERENCES, 2, 0, 0, 0},
};

/* ---- calls ------------------------------------------------------------------------------- */

struct story {
  struct kube_client *client;
  struct arena *arena;
  struct str namespace;
  struct err *err;
};

static struct str where(const struct story *story, const struct kube_kind *kind) {
  return kind->is_namespaced ? story->namespace : (struct str){0};
}

static struct str json_of(const struct story *story, const char *text, struct str uid) {
  CLEANUP_BUF struct buf json;
  buf_init(&json, 64 << 10);
  for (; *text; text++) {
    if (*text == '@')
      buf_append_str(&json, uid);
    else
      buf_append_char(&json, *text == '\'' ? '"' : *text);
  }
  return str_copy(story->arena, buf_str(&json));
}

/* *ret: the answer. */
static bool call(const struct story *story, enum kube_method method, const struct kube_kind *kind,
                 const char *name, struct str body, struct str *ret) {
  CLEANUP_BUF struct buf path;
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  buf_init(&path, 4096);
  if (!kube_path(kind, where(story, kind), str_of(name), NULL, &path, story->err))
    return false;
  struct kube_request request = {.method = method, .path = buf_str(&path), .body = body};
  bool ok = kube_call(story->client, &request, &response, story->err);
  if (ok)
    *ret = str_copy(story->arena, buf_str(&response.body));
  return ok;
}

static bool make(const struct story *story, const struct kube_kind *kind, const char *text,
                 struct str uid) {
  struct str made;
  return call(story, KUBE_POST, kind, "", json_of(story, text, uid), &made);
}

static bool set_status(const struct story *story, const struct kube_kind *kind, const char *name,
                       const char *text) {
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct str none = {0};
  return kube_patch_status(story->client, kind, where(story, kind), str_of(name), none,
                           json_of(story, text, none), NULL, &response, story->err);
}

static bool uid_of(const struct story *story, const struct kube_kind *kind, const char *name,
                   struct str *ret) {
  static const char mark[] = "\"uid\":\"";
  struct str object, none = {0};
  if (!call(story, KUBE_GET, kind, name, none, &object))
    return false;
  const char *at = memmem(object.ptr, object.len, mark, sizeof(mark) - 1);
  if (!at)
    return err_set(story->err, ERR_INVALID, "%s has no uid", name);
  struct str rest = str_skip(object, (size_t)(at - object.ptr) + sizeof(mark) - 1);
  *ret = (struct str){rest.ptr, str_find_char(rest, '"')};
  return true;
}

/* ---- one object of a watch --------------------------------------------------------------- */

struct seen {
  pthread_mutex_t mutex;
  struct arena *arena;
  struct str json;
  bool is_synced;
  struct err last;
};

static void on_begin(void *ctx) {
  (void)ctx;
}

static void on_object(void *ctx, const struct kube_object *object) {
  struct seen *seen = ctx;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->json = str_copy(seen->arena, object->json);
  (void)pthread_mutex_unlock(&seen->mutex);
}

static void on_synced(void *ctx) {
  struct seen *seen = ctx;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->is_synced = true;
  (void)pthread_mutex_unlock(&seen->mutex);
}

static void on_error(void *ctx, const struct kube_watch_error *error) {
  struct seen *seen = ctx;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->last = error->err;
  (void)pthread_mutex_unlock(&seen->mutex);
}

static bool is_over(struct seen *seen) {
  (void)pthread_mutex_lock(&seen->mutex);
  bool is_over = seen->is_synced || seen->last.text[0];
  (void)pthread_mutex_unlock(&seen->mutex);
  return is_over;
}

static bool watch_one(const struct story *story, const struct kube_kind *kind, const char *name,
                      struct str *ret) {
  struct seen seen = {.mutex = PTHREAD_MUTEX_INITIALIZER, .arena = story->arena};
  struct kube_sink sink = {&seen, on_begin, on_object, on_object, on_synced, on_error};
  struct kube_watch_options options = {.kind = kind,
                                       .namespace = where(story, kind),
                                       .field_selector =
                                           str_printf(story->arena, "metadata.name=%s", name),
                                       .seed = 1};
  struct kube_watch *watch = kube_watch_start(story->client, &options, &sink, story->err);
  for (int i = 0; watch && !is_over(&seen) && i < 1000; i++)
    (void)usleep(10000);
  kube_watch_stop(watch);
  *ret = seen.json;
  if (!watch)
    return false;
  return seen.json.len > 0 ||
         err_set(story->err, ERR_INVALID, "the watch of %s told nothing: %s", name, seen.last.text);
}

/* ---- comparing --------------------------------------------------------------------------- */

/* As JSON, and as the watch has it: without `unread`, which is in JSON. */
static bool read_both(const struct story *story, const struct kube_kind *kind, const char *name,
                      const char *unread, struct str *ret_json, struct str *ret_watched) {
  struct str none = {0};
  if (!watch_one(story, kind, name, ret_watched) ||
      !call(story, KUBE_GET, kind, name, none, ret_json))
    return false;
  size_t length = strlen(unread);
  return (memmem(ret_json->ptr, ret_json->len, unread, length) &&
          !memmem(ret_watched->ptr, ret_watched->len, unread, length)) ||
         err_set(story->err, ERR_INVALID, "%s was not watched in protobuf", name);
}

/* What was asked for came back: otherwise nothing is compared. */
static bool is_whole(const struct pod_row *row, const struct pod *pod) {
  return pod->traits == row->traits && pod->request_count >= row->requests &&
         pod->constraints.affinity_term_count >= row->terms &&
         pod->constraints.toleration_count >= row->tolerations && pod->device_count >= row->devices;
}

static bool agree_on_pod(const struct story *story, const struct pod_row *row) {
  struct str json, watched;
  struct pod a, b;
  if (!read_both(story, &kube_pods, row->name, "\"image\"", &json, &watched) ||
      !wire_pod_read(story->arena, json, &a, story->err) ||
      !wire_pod_read(story->arena, watched, &b, story->err))
    return false;
  bool is_same = is_same_pod(&a, &b);
  if (is_same && is_whole(row, &a))
    return true;
  (void)fprintf(stderr, "%.*s\n%.*s\n", STR_FMT(json), STR_FMT(watched));
  return err_set(story->err, ERR_INVALID, "pod %s %s", row->name,
                 is_same ? "has not in it what was asked for" : "is told in two ways");
}

static bool make_pod(const struct story *story, const struct pod_row *row, struct str uid) {
  struct str gone, none = {0};
  return make(story, &kube_pods, row->text, uid) &&
         (!row->status || set_status(story, &kube_pods, row->name, row->status)) &&
         (!row->is_deleted || call(story, KUBE_DELETE, &kube_pods, row->name, none, &gone));
}

static bool make_classes(const struct story *story) {
  struct str none = {0};
  return make(story, &priority_classes, priority_class, none) &&
         make(story, &runtime_classes, runtime_class, none) &&
         make(story, &config_maps, owner, none);
}

static bool agree_on_node(const struct story *story, const char *name) {
  struct str json, watched;
  struct node a, b;
  if (!read_both(story, &kube_nodes, name, "\"images\"", &json, &watched) ||
      !wire_node_read(story->arena, json, &a, story->err) ||
      !wire_node_read(story->arena, watched, &b, story->err))
    return false;
  bool is_same = is_same_node(&a, &b);
  bool is_whole = a.label_count >= 2 && a.taint_count >= 3 && a.allocatable_count == 4 &&
                  a.is_unschedulable && a.has_hami && a.card_count == 1;
  if (is_same && is_whole)
    return true;
  (void)fprintf(stderr, "%.*s\n%.*s\n", STR_FMT(json), STR_FMT(watched));
  return err_set(story->err, ERR_INVALID, "node %s %s", name,
                 is_same ? "has not in it what was asked for" : "is told in two ways");
}

static bool agree_on_namespace(const struct story *story, const char *name) {
  struct str json, watched;
  struct k8s_namespace a, b;
  if (!read_both(story, &kube_namespaces, name, "\"finalizers\"", &json, &watched) ||
      !wire_namespace_read(story->arena, json, &a, story->err) ||
      !wire_namespace_read(story->arena, watched, &b, story->err))
    return false;
  return (a.label_count >= 2 && is_same_namespace(&a, &b)) ||
         err_set(story->err, ERR_INVALID, "namespace %s is told in two ways", name);
}

static bool agree_on_cluster(const struct story *story) {
  struct str gone, none = {0};
  return make(story, &kube_nodes, node, none) &&
         set_status(story, &kube_nodes, "kube-live-rich", node_status) &&
         agree_on_node(story, "kube-live-rich") &&
         call(story, KUBE_DELETE, &kube_nodes, "kube-live-rich", none, &gone) &&
         make(story, &kube_namespaces, tenant, none) &&
         agree_on_namespace(story, "kube-live-tenant") &&
         call(story, KUBE_DELETE, &kube_namespaces, "kube-live-tenant", none, &gone);
}

bool encodings_agree(struct kube_client *client, struct str namespace, struct err *reterr) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 << 10);
  const struct story story = {client, arena, namespace, reterr};
  struct str uid;
  if (!make_classes(&story) || !uid_of(&story, &config_maps, "owner", &uid))
    return false;
  for (size_t i = 0; i < SG_ARRAY_LEN(pod_rows); i++)
    if (!make_pod(&story, &pod_rows[i], uid) || !agree_on_pod(&story, &pod_rows[i]))
      return false;
  return agree_on_cluster(&story);
}

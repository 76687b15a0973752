/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module kube against a real kube-apiserver, which $KUBECONFIG names: kube_live NAMESPACE.
 * Says what it saw, a line for each thing; ends with status 1 at the first that is not so.
 */
#include "slicegate/kube.h"
#include "slicegate/sys.h"
#include "tests/e2e/kube/encodings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct kube_client *client;
static struct str namespace;
static const char *step = "start";
static struct err err;

static void demand(bool holds, const char *what) {
  if (holds)
    return;
  (void)fprintf(stderr, "kube_live: %s: %s: %s\n", step, what, err.text);
  exit(1);
}

static void begin(const char *name) {
  step = name;
  (void)printf("%s\n", name);
  (void)fflush(stdout);
}

/* ---- plain calls -------------------------------------------------------------------------- */

static unsigned call(enum kube_method method, const struct kube_kind *kind, const char *name,
                     const char *body) {
  CLEANUP_BUF struct buf path;
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  buf_init(&path, 4096);
  struct str where = kind->is_namespaced ? namespace : (struct str){0};
  demand(kube_path(kind, where, str_of(name), NULL, &path, &err), "path");
  struct kube_request request = {.method = method, .path = buf_str(&path), .body = str_of(body)};
  if (kube_call(client, &request, &response, &err))
    err.text[0] = '\0';
  return response.status;
}

static void make(const struct kube_kind *kind, const char *fmt, const char *name) {
  char body[1024];
  CLEANUP_BUF struct buf text;
  buf_init(&text, sizeof(body));
  for (; *fmt; fmt++) {
    if (*fmt == '@')
      buf_append_cstr(&text, name);
    else
      buf_append_char(&text, *fmt == '\'' ? '"' : *fmt);
  }
  unsigned status = call(KUBE_POST, kind, "", text.ptr);
  demand(status == 201, name);
}

static const char pod_text[] = "{'metadata':{'name':'@'},'spec':{'containers':[{'name':'c','image':"
                               "'none'}],'automountServiceAccountToken':false}}";

/* One text of an object that the server has now. */
static struct str field(struct arena *arena, const struct kube_kind *kind, const char *name,
                        const char *key) {
  CLEANUP_BUF struct buf path;
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  char mark[64];
  buf_init(&path, 4096);
  struct str where = kind->is_namespaced ? namespace : (struct str){0};
  demand(kube_path(kind, where, str_of(name), NULL, &path, &err), "path");
  struct kube_request request = {.path = buf_str(&path)};
  demand(kube_call(client, &request, &response, &err), "get");
  (void)snprintf(mark, sizeof(mark), "\"%s\":\"", key);
  const char *at = strstr(response.body.ptr, mark);
  demand(at != NULL, key);
  struct str rest = str_of(at + strlen(mark));
  return str_copy(arena, (struct str){rest.ptr, str_find_char(rest, '"')});
}

/* ---- a sink that counts ------------------------------------------------------------------- */

struct seen {
  pthread_mutex_t mutex;
  int listing, present; /* objects between begin and synced; since */
  int synced, objects, deleted, errors;
  struct err last;
};

static void on_begin(void *ctx) {
  struct seen *seen = ctx;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->listing = 0;
  (void)pthread_mutex_unlock(&seen->mutex);
}

static void on_object(void *ctx, const struct kube_object *object) {
  struct seen *seen = ctx;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->listing += object->json.len > 2;
  seen->objects += seen->synced > 0;
  (void)pthread_mutex_unlock(&seen->mutex);
}

static void on_deleted(void *ctx, const struct kube_object *object) {
  struct seen *seen = ctx;
  (void)object;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->deleted++;
  (void)pthread_mutex_unlock(&seen->mutex);
}

static void on_synced(void *ctx) {
  struct seen *seen = ctx;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->present = seen->listing;
  seen->synced++;
  (void)pthread_mutex_unlock(&seen->mutex);
}

static void on_error(void *ctx, const struct kube_watch_error *error) {
  struct seen *seen = ctx;
  (void)pthread_mutex_lock(&seen->mutex);
  seen->errors++;
  seen->last = error->err;
  (void)pthread_mutex_unlock(&seen->mutex);
}

static struct kube_watch *watch(struct seen *seen, const struct kube_kind *kind,
                                bool is_streaming) {
  *seen = (struct seen){.synced = 0};
  (void)pthread_mutex_init(&seen->mutex, NULL);
  struct kube_sink sink = {seen, on_begin, on_object, on_deleted, on_synced, on_error};
  struct kube_watch_options options = {.kind = kind,
                                       .namespace =
                                           kind->is_namespaced ? namespace : (struct str){0},
                                       .no_streaming = !is_streaming,
                                       .page = 7,
                                       .seed = 1};
  struct kube_watch *started = kube_watch_start(client, &options, &sink, &err);
  demand(started != NULL, "watch");
  return started;
}

static void wait_for(struct seen *seen, const int *count, int least, const char *what) {
  for (int i = 0; i < 1000; i++) {
    (void)pthread_mutex_lock(&seen->mutex);
    bool is_there = *count >= least;
    if (seen->errors > 0)
      err = seen->last;
    (void)pthread_mutex_unlock(&seen->mutex);
    if (is_there)
      return;
    (void)usleep(10000);
  }
  demand(false, what);
}

/* ---- the story ---------------------------------------------------------------------------- */

enum { MAPS = 30 };

static const struct kube_kind config_maps = {"ConfigMap", "", "v1", "configmaps", true};

static void lists_and_watches(bool is_streaming) {
  struct seen seen;
  begin(is_streaming ? "streams a list, follows it" : "lists in pages, follows the list");
  struct kube_watch *watched = watch(&seen, &config_maps, is_streaming);
  wait_for(&seen, &seen.synced, 1, "never synced");
  demand(seen.present >= MAPS, "objects are missing");
  make(&config_maps, "{'metadata':{'name':'@'}}", "one-more");
  wait_for(&seen, &seen.objects, 1, "no event for a new object");
  demand(call(KUBE_DELETE, &config_maps, "one-more", "") == 200, "delete");
  wait_for(&seen, &seen.deleted, 1, "no event for a deletion");
  struct kube_watch_stats stats;
  kube_watch_stats(watched, &stats);
  /* Streaming is one request; a fall-back would be a list and a second one. */
  demand(stats.connections == 1 && stats.lists == 1 && stats.failures == 0,
         "more than one request");
  kube_watch_stop(watched);
  (void)pthread_mutex_destroy(&seen.mutex);
}

static void nominates(struct arena *arena) {
  begin("patches a status only if unchanged");
  CLEANUP_KUBE_RESPONSE struct kube_response first = {0}, second = {0};
  struct str version = field(arena, &kube_pods, "pod-1", "resourceVersion");
  struct str status = STR_LIT("{\"nominatedNodeName\":\"kube-live\"}");
  demand(kube_patch_status(client, &kube_pods, namespace, STR_LIT("pod-1"), version, status, NULL,
                           &first, &err),
         "patch");
  demand(str_is(field(arena, &kube_pods, "pod-1", "nominatedNodeName"), "kube-live"), "nominated");
  demand(!kube_patch_status(client, &kube_pods, namespace, STR_LIT("pod-1"), version, status, NULL,
                            &second, &err) &&
             second.status == 409,
         "the second is no conflict");
}

static void binds(struct arena *arena) {
  begin("binds a pod once, and only the one it means");
  CLEANUP_KUBE_RESPONSE struct kube_response wrong = {0}, first = {0}, second = {0};
  struct kube_pair annotation = {STR_LIT("slicegate.dev/devices"), STR_LIT("0:1g.10gb")};
  struct kube_binding binding = {.namespace = namespace,
                                 .name = STR_LIT("pod-1"),
                                 .uid = STR_LIT("another"),
                                 .node = STR_LIT("kube-live"),
                                 .annotations = &annotation,
                                 .annotation_count = 1};
  demand(!kube_bind(client, &binding, NULL, &wrong, &err) && wrong.status == 409, "another uid");
  binding.uid = field(arena, &kube_pods, "pod-1", "uid");
  demand(kube_bind(client, &binding, NULL, &first, &err), "bind");
  demand(str_is(field(arena, &kube_pods, "pod-1", "nodeName"), "kube-live"), "nodeName");
  demand(str_is(field(arena, &kube_pods, "pod-1", "slicegate.dev/devices"), "0:1g.10gb"), "note");
  demand(!kube_bind(client, &binding, NULL, &second, &err) && second.status == 409, "twice");
}

static void patches(void) {
  begin("patches a node in four ways");
  static const struct {
    enum kube_patch_type type;
    struct str body;
    unsigned status;
  } rows[] = {
      {KUBE_MERGE_PATCH, STR_LIT("{\"metadata\":{\"labels\":{\"a\":\"1\"}}}"), 200},
      {KUBE_STRATEGIC_PATCH, STR_LIT("{\"metadata\":{\"labels\":{\"b\":\"1\"}}}"), 200},
      {KUBE_JSON_PATCH,
       STR_LIT("[{\"op\":\"test\",\"path\":\"/metadata/labels/a\",\"value\":\"2\"}]"), 422},
      {KUBE_APPLY,
       STR_LIT("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"kube-live\","
               "\"labels\":{\"a\":\"3\"}}}"),
       409},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
    struct kube_patch patch = {.kind = &kube_nodes,
                               .name = STR_LIT("kube-live"),
                               .type = rows[i].type,
                               .body = rows[i].body,
                               .field_manager = rows[i].type == KUBE_APPLY ? "applier" : "live"};
    bool ok = kube_patch(client, &patch, NULL, &response, &err);
    demand(response.status == rows[i].status && ok == (rows[i].status == 200), "status");
    patch.force = true;
    if (rows[i].type == KUBE_APPLY) {
      CLEANUP_KUBE_RESPONSE struct kube_response forced = {0};
      demand(kube_patch(client, &patch, NULL, &forced, &err), "by force");
    }
  }
}

static void posts_an_event(void) {
  begin("posts an event");
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct kube_event event = {.regarding = &kube_pods,
                             .namespace = namespace,
                             .name = STR_LIT("pod-1"),
                             .is_warning = true,
                             .reason = STR_LIT("NoSliceLeft"),
                             .action = STR_LIT("Scheduling"),
                             .note = STR_LIT("a \"note\"\nof two lines"),
                             .reporting_component = STR_LIT("slicegate.dev/live"),
                             .reporting_instance = STR_LIT("live-0"),
                             .when_us = sys_wall_now().ns / 1000};
  demand(kube_post_event(client, &event, NULL, &response, &err), "event");
}

static void holds_a_lease(void) {
  begin("holds a lease");
  struct kube_lease lease = {.holder = "me",
                             .duration_seconds = 15,
                             .acquire_us = sys_wall_now().ns / 1000,
                             .renew_us = sys_wall_now().ns / 1000};
  struct kube_lease other = {.duration_seconds = 0};
  CLEANUP_KUBE_RESPONSE struct kube_response r0 = {0}, r1 = {0}, r2 = {0}, r3 = {0}, r4 = {0};
  struct str name = STR_LIT("live");
  demand(!kube_lease_get(client, namespace, name, NULL, 0, &other, &r0, &err) && r0.status == 404,
         "a lease already");
  demand(kube_lease_put(client, namespace, name, &lease, NULL, 0, &r1, &err), "create");
  demand(kube_lease_get(client, namespace, name, NULL, 0, &other, &r2, &err), "get");
  demand(strcmp(other.holder, "me") == 0 && other.renew_us == lease.renew_us, "another lease");
  lease.renew_us += 2000000;
  demand(kube_lease_put(client, namespace, name, &lease, NULL, 0, &r3, &err), "renew");
  demand(!kube_lease_put(client, namespace, name, &other, NULL, 0, &r4, &err) && r4.status == 409,
         "a stale one is no conflict");
}

int main(int argc, char **argv) {
  if (argc != 2) {
    (void)fprintf(stderr, "usage: kube_live NAMESPACE\n");
    return 2;
  }
  namespace = str_of(argv[1]);
  struct kube_config_request request = {.context = NULL};
  struct kube_client_options options = {.seed = 1};
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  CLEANUP_KUBE_CONFIG struct kube_config *config = kube_config_load(&request, &err);
  demand(config != NULL, "configuration");
  client = kube_client_new(config, &options, &err);
  demand(client != NULL, "client");

  begin("makes objects");
  make(&kube_namespaces, "{'metadata':{'name':'@'}}", argv[1]);
  make(&kube_nodes, "{'metadata':{'name':'@'}}", "kube-live");
  make(&kube_pods, pod_text, "pod-1");
  for (int i = 0; i < MAPS; i++) {
    char name[16];
    (void)snprintf(name, sizeof(name), "map-%d", i);
    make(&config_maps, "{'metadata':{'name':'@'}}", name);
  }
  lists_and_watches(false);
  lists_and_watches(true);
  nominates(arena);
  binds(arena);
  patches();
  begin("reads objects alike, watched in protobuf and got as JSON");
  demand(encodings_agree(client, namespace, &err), "encodings");
  posts_an_event();
  holds_a_lease();
  demand(call(KUBE_DELETE, &kube_nodes, "kube-live", "") == 200, "delete the node");
  kube_client_free(client);
  begin("all is well");
  return 0;
}

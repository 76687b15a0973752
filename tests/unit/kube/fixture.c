/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/fixture.h"

#include <time.h>

struct temp_dir fixture_dir;

void fixture_setup(void) {
  fixture_dir = temp_dir_make();
}

void fixture_teardown(void) {
  temp_dir_remove(&fixture_dir);
}

const char *fixture_file(const char *name, const char *text) {
  static struct temp_path paths[8];
  static unsigned next;
  struct temp_path *path = &paths[next++ % SG_ARRAY_LEN(paths)];
  *path = temp_path(&fixture_dir, name);
  temp_write(path->text, text);
  return path->text;
}

/* ---- a client ---------------------------------------------------------------------------- */

void rig_connect(struct rig *rig, const char *cluster_lines, const char *user_lines) {
  char text[8192];
  struct err err;
  (void)snprintf(text, sizeof(text),
                 "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                 "contexts:\n- name: c\n  context: {cluster: c, user: u}\n"
                 "clusters:\n- name: c\n  cluster:\n%s"
                 "users:\n- name: u\n  user:\n%s",
                 cluster_lines, user_lines);
  struct kube_config_request request = {.kubeconfig = fixture_file("config", text)};
  rig->config = kube_config_load(&request, &err);
  ck_assert_msg(rig->config != NULL, "%s", err.text);
  struct kube_client_options options = {.seed = 1};
  rig->client = kube_client_new(rig->config, &options, &err);
  ck_assert_msg(rig->client != NULL, "%s", err.text);
  recorder_init(&rig->recorder);
}

void rig_start(struct rig *rig, const struct api_step *steps, size_t count) {
  char cluster[256];
  struct str none = {0};
  rig->server = api_server_start(steps, count, none, none, none);
  (void)snprintf(cluster, sizeof(cluster), "    server: http://127.0.0.1:%u\n",
                 api_server_port(rig->server));
  rig_connect(rig, cluster, "    token: secret\n");
}

void rig_stop(struct rig *rig) {
  kube_client_free(rig->client);
  kube_config_free(rig->config);
  recorder_done(&rig->recorder);
  ck_assert_str_eq(api_server_complaint(rig->server), "");
  api_server_stop(rig->server);
}

/* ---- a sink ------------------------------------------------------------------------------ */

static void record(struct recorder *recorder, const char *what, struct str name) {
  (void)pthread_mutex_lock(&recorder->mutex);
  size_t more = strlen(what) + name.len + 3;
  recorder->text = mem_realloc(recorder->text, recorder->len + more);
  recorder->len += (size_t)snprintf(recorder->text + recorder->len, more, "%s%s%.*s\n", what,
                                    name.len > 0 ? " " : "", STR_FMT(name));
  (void)pthread_cond_broadcast(&recorder->changed);
  (void)pthread_mutex_unlock(&recorder->mutex);
}

static struct str name_of(struct str json) {
  static const char key[] = "\"name\":\"";
  const char *at = memmem(json.ptr, json.len, key, sizeof(key) - 1);
  if (!at || json.ptr[json.len - 1] != '}')
    return STR_LIT("?");
  struct str rest = str_skip(json, (size_t)(at - json.ptr) + sizeof(key) - 1);
  return (struct str){rest.ptr, str_find_char(rest, '"')};
}

static void on_begin(void *ctx) {
  record(ctx, "begin", (struct str){0});
}

static void on_object(void *ctx, const struct kube_object *object) {
  record(ctx, "object", name_of(object->json));
}

static void on_deleted(void *ctx, const struct kube_object *object) {
  record(ctx, "deleted", name_of(object->json));
}

static void on_synced(void *ctx) {
  record(ctx, "synced", (struct str){0});
}

static void on_error(void *ctx, const struct kube_watch_error *error) {
  struct recorder *recorder = ctx;
  char text[1024];
  (void)pthread_mutex_lock(&recorder->mutex);
  if (error->retry_in_ms > recorder->longest_retry_ms)
    recorder->longest_retry_ms = error->retry_in_ms;
  (void)pthread_mutex_unlock(&recorder->mutex);
  (void)snprintf(text, sizeof(text), "%s%s %u %s", error->name,
                 error->is_object_lost ? " lost" : "", error->status, error->err.text);
  record(ctx, "error", str_of(text));
}

struct kube_sink recorder_sink(struct recorder *recorder) {
  return (struct kube_sink){.ctx = recorder,
                            .begin = on_begin,
                            .object = on_object,
                            .deleted = on_deleted,
                            .synced = on_synced,
                            .error = on_error};
}

void recorder_init(struct recorder *recorder) {
  *recorder = (struct recorder){.text = mem_zalloc(1)};
  (void)pthread_mutex_init(&recorder->mutex, NULL);
  (void)pthread_cond_init(&recorder->changed, NULL);
}

void recorder_done(struct recorder *recorder) {
  free(recorder->text);
  (void)pthread_cond_destroy(&recorder->changed);
  (void)pthread_mutex_destroy(&recorder->mutex);
}

static int count_lines(const struct recorder *recorder, const char *line) {
  size_t length = strlen(line);
  int count = 0;
  for (const char *at = recorder->text; *at;) {
    const char *end = strchr(at, '\n');
    count += (size_t)(end - at) >= length && strncmp(at, line, length) == 0;
    at = end + 1;
  }
  return count;
}

bool recorder_wait(struct recorder *recorder, const char *line, int times) {
  struct timespec until;
  (void)clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 10;
  (void)pthread_mutex_lock(&recorder->mutex);
  int failed = 0;
  while (count_lines(recorder, line) < times && !failed)
    failed = pthread_cond_timedwait(&recorder->changed, &recorder->mutex, &until);
  bool ok = count_lines(recorder, line) >= times;
  if (!ok)
    (void)fprintf(stderr, "waited for %d of \"%s\" in:\n%s", times, line, recorder->text);
  (void)pthread_mutex_unlock(&recorder->mutex);
  return ok;
}

char *recorder_text(struct recorder *recorder) {
  (void)pthread_mutex_lock(&recorder->mutex);
  char *copy = mem_strndup(recorder->text, recorder->len);
  (void)pthread_mutex_unlock(&recorder->mutex);
  return copy;
}

/* ---- a watch ----------------------------------------------------------------------------- */

static void set_default(int64_t *value, int64_t otherwise) {
  if (*value == 0)
    *value = otherwise;
}

struct kube_watch *watch_begin_with(struct rig *rig, struct kube_watch_options options) {
  struct err err;
  struct kube_sink sink = recorder_sink(&rig->recorder);
  options.kind = options.kind ? options.kind : &kube_pods;
  set_default(&options.page, 2);
  set_default(&options.backoff_min_ms, 1);
  set_default(&options.backoff_max_ms, 4);
  options.seed = 7;
  struct kube_watch *watch = kube_watch_start(rig->client, &options, &sink, &err);
  ck_assert_msg(watch != NULL, "%s", err.text);
  return watch;
}

struct kube_watch *watch_begin(struct rig *rig, bool is_streaming) {
  return watch_begin_with(rig, (struct kube_watch_options){.no_streaming = !is_streaming});
}

void watch_end(struct rig *rig, struct kube_watch *watch, const char *wanted) {
  kube_watch_stop(watch);
  char *text = recorder_text(&rig->recorder);
  ck_assert_str_eq(text, wanted);
  free(text);
  rig_stop(rig);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a watch: list, follow, and what to do when that ends. */
#include "kube_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
  PAGE = 500,
  OBJECT_MAX_BYTES = 8 << 20,
  OBJECTS_MAX = 5000000,
  LIST_TIMEOUT_MS = 60000,
  IDLE_MS = 180000,
  WATCH_SECONDS = 300,
  BACKOFF_MIN_MS = 800,
  BACKOFF_MAX_MS = 30000,
  SHORT_MS = 1000, /* a stream that ends sooner is not begun anew at once */
};

/* ---- telling ----------------------------------------------------------------------------- */

static void tell_failure(struct kube_watch *watch, const struct err *err, int64_t retry_in_ms) {
  (void)atomic_fetch_add(&watch->failures, 1);
  struct kube_watch_error error = {
      .err = *err, .status = watch->failed_status, .retry_in_ms = retry_in_ms};
  watch->sink.error(watch->sink.ctx, &error);
}

void watch_lose(struct kube_watch *watch, struct str prefix, const struct err *why) {
  static const char *const name_keys[] = {"metadata", "name", NULL};
  static const char *const namespace_keys[] = {"metadata", "namespace", NULL};
  (void)atomic_fetch_add(&watch->lost, 1);
  struct kube_watch_error error = {.err = *why, .is_object_lost = true};
  struct str name = {0}, namespace = {0};
  (void)(scan_text_at(prefix, name_keys, &name) &&
         scan_text_at(prefix, namespace_keys, &namespace));
  CLEANUP_BUF struct buf text;
  buf_init(&text, sizeof(error.name) - 1);
  buf_append_str(&text, namespace);
  if (namespace.len > 0)
    buf_append_char(&text, '/');
  buf_append_str(&text, name);
  if (text.len > 0)
    memcpy(error.name, text.ptr, text.len);
  watch->sink.error(watch->sink.ctx, &error);
}

void watch_synced(struct kube_watch *watch) {
  (void)atomic_fetch_add(&watch->lists, 1);
  watch->sink.synced(watch->sink.ctx);
  atomic_store(&watch->is_synced, true);
  atomic_store(&watch->answered, watch->answers);
}

enum watch_end watch_judge(struct kube_watch *watch, const struct exchange *exchange) {
  watch->failed_status = exchange->status >= 300 ? exchange->status : 0;
  watch->failed_retry_after_ms = exchange->retry_after_ms;
  return exchange->status == 410 ? WATCH_EXPIRED : WATCH_FAILED;
}

bool watch_wait(struct kube_watch *watch, const struct err *err) {
  int64_t wait_ms = backoff_next(&watch->backoff);
  int64_t asked_ms = watch->failed_retry_after_ms;
  if (asked_ms > wait_ms)
    wait_ms = asked_ms < 2 * watch->backoff.max_ms ? asked_ms : 2 * watch->backoff.max_ms;
  if (err)
    tell_failure(watch, err, wait_ms);
  watch->failed_status = 0;
  watch->failed_retry_after_ms = -1;
  return stop_sleep(watch->stop, wait_ms);
}

bool watch_path(const struct kube_watch *watch, struct buf *out, struct err *reterr) {
  const struct kube_watch_options *options = &watch->options;
  if (!kube_path(options->kind, options->namespace, (struct str){0}, NULL, out, reterr))
    return false;
  if (options->field_selector.len > 0)
    kube_path_query(out, "fieldSelector", options->field_selector);
  if (options->label_selector.len > 0)
    kube_path_query(out, "labelSelector", options->label_selector);
  return true;
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void forget(struct kube_watch *watch) {
  watch->resource_version[0] = '\0';
}

/* Lowered before it is asked why: who asks in between raises it once more, which does no harm. */
static void look_whether_asked(struct kube_watch *watch) {
  stop_lower(watch->interrupt);
  int64_t asked = atomic_load(&watch->asked);
  if (asked != watch->answers)
    forget(watch);
  watch->answers = asked;
}

static enum watch_end step(struct kube_watch *watch, struct err *reterr) {
  if (watch->resource_version[0])
    return watch_stream(watch, false, reterr);
  return watch->can_stream ? watch_stream(watch, true, reterr) : watch_list(watch, reterr);
}

/* A list is followed at once; a stream that ended in no time is not. */
static void after_end(struct kube_watch *watch, bool was_list, int64_t lasted_ms) {
  if (was_list)
    return;
  watch->expired_in_a_row = 0;
  if (lasted_ms < SHORT_MS)
    (void)watch_wait(watch, NULL);
}

/* The first time is ordinary: the server keeps a few minutes of history only. */
static void after_expiry(struct kube_watch *watch, const struct err *err) {
  forget(watch);
  if (watch->expired_in_a_row++ > 0)
    (void)watch_wait(watch, err);
}

/*
 * A connection that broke after it had brought something was well, however short it stood: to go
 * on behind that costs the server little, and to wait longer each time would leave us blind for
 * longer each time. This is not so where all has to be listed again.
 */
static bool has_advanced(const struct kube_watch *watch, const char *version) {
  return version[0] && strcmp(version, watch->resource_version) != 0;
}

static void run_once(struct kube_watch *watch) {
  struct err err = {0};
  char version[sizeof(watch->resource_version)];
  struct sys_mono began = sys_mono_now();
  look_whether_asked(watch);
  bool was_list = !watch->resource_version[0] && !watch->can_stream;
  memcpy(version, watch->resource_version, sizeof(version));
  enum watch_end end = step(watch, &err);
  int64_t lasted_ms = sys_mono_us_between(began, sys_mono_now()) / 1000;
  if (kube_stop_is_raised(watch->stop))
    return;
  if (end == WATCH_FAILED && kube_stop_is_raised(watch->interrupt))
    return; /* by us */
  if (!was_list && lasted_ms > watch->backoff.max_ms) {
    backoff_reset(&watch->backoff);
    watch->expired_in_a_row = 0;
  } else if (end == WATCH_FAILED && has_advanced(watch, version)) {
    backoff_reset(&watch->backoff);
  }
  switch (end) {
  case WATCH_ENDED:
    after_end(watch, was_list, lasted_ms);
    break;
  case WATCH_UNSUPPORTED:
    watch->can_stream = false;
    break;
  case WATCH_EXPIRED:
    after_expiry(watch, &err);
    break;
  case WATCH_BROKEN:
    forget(watch);
    (void)watch_wait(watch, &err);
    break;
  case WATCH_FAILED:
    (void)watch_wait(watch, &err);
    break;
  }
}

static void *watch_main(void *arg) {
  struct kube_watch *watch = arg;
  while (!kube_stop_is_raised(watch->stop))
    run_once(watch);
  return NULL;
}

/* ---- life
 * ------------------------------------------------------------------------------------------------
 */

static void set_default(int64_t *value, int64_t otherwise) {
  if (*value == 0)
    *value = otherwise;
}

static void take_options(struct kube_watch *watch, const struct kube_watch_options *given) {
  struct kube_watch_options *options = &watch->options;
  *options = *given;
  options->namespace = str_copy(watch->arena, given->namespace);
  options->field_selector = str_copy(watch->arena, given->field_selector);
  options->label_selector = str_copy(watch->arena, given->label_selector);
  set_default(&options->page, PAGE);
  set_default(&options->max_objects, OBJECTS_MAX);
  set_default(&options->list_timeout_ms, LIST_TIMEOUT_MS);
  set_default(&options->idle_ms, IDLE_MS);
  set_default(&options->watch_seconds, WATCH_SECONDS);
  set_default(&options->backoff_min_ms, BACKOFF_MIN_MS);
  set_default(&options->backoff_max_ms, BACKOFF_MAX_MS);
  if (options->max_object_bytes == 0)
    options->max_object_bytes = OBJECT_MAX_BYTES;
  watch->can_stream = !options->no_streaming;
  watch->random = options->seed;
  watch->failed_retry_after_ms = -1;
  backoff_init(&watch->backoff, options->backoff_min_ms, options->backoff_max_ms,
               random_step(&watch->random));
}

static void watch_free(struct kube_watch *watch) {
  kube_stop_free(watch->stop);
  kube_stop_free(watch->interrupt);
  arena_free(watch->arena);
  free(watch);
}

static bool start(struct kube_watch *watch, struct err *reterr) {
  CLEANUP_BUF struct buf path; /* what is wrong with it is known now */
  buf_init(&path, 8 << 10);
  if (!watch_path(watch, &path, reterr))
    return false;
  if (path.truncated)
    return err_set(reterr, ERR_LIMIT, "the selectors are too long");
  watch->stop = kube_stop_new(reterr);
  watch->interrupt = watch->stop ? kube_stop_new(reterr) : NULL;
  if (!watch->interrupt)
    return false;
  int failed = pthread_create(&watch->thread, NULL, watch_main, watch);
  if (failed)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot start a watch's thread: %s", strerror(failed));
  (void)pthread_setname_np(watch->thread, "kube-watch");
  return true;
}

struct kube_watch *kube_watch_start(struct kube_client *client,
                                    const struct kube_watch_options *options,
                                    const struct kube_sink *sink, struct err *reterr) {
  struct kube_watch *watch = mem_zalloc(sizeof(*watch));
  watch->client = client;
  watch->sink = *sink;
  watch->arena = arena_new(1024);
  atomic_store(&watch->heard_ns, -1);
  take_options(watch, options);
  if (start(watch, reterr))
    return watch;
  watch_free(watch);
  return NULL;
}

void kube_watch_stop(struct kube_watch *watch) {
  if (!watch)
    return;
  kube_stop_raise(watch->stop);
  (void)pthread_join(watch->thread, NULL);
  watch_free(watch);
}

int64_t kube_watch_relist(struct kube_watch *watch) {
  int64_t ticket = atomic_fetch_add(&watch->asked, 1) + 1;
  kube_stop_raise(watch->interrupt);
  return ticket;
}

void kube_watch_stats(const struct kube_watch *watch, struct kube_watch_stats *ret) {
  int64_t heard_ns = atomic_load(&watch->heard_ns);
  *ret = (struct kube_watch_stats){
      .relisted = atomic_load(&watch->answered),
      .lists = atomic_load(&watch->lists),
      .connections = atomic_load(&watch->connections),
      .events = atomic_load(&watch->events),
      .lost = atomic_load(&watch->lost),
      .failures = atomic_load(&watch->failures),
      .unheard_ms = heard_ns < 0 ? -1 : (sys_mono_coarse().ns - heard_ns) / 1000000,
      .is_synced = atomic_load(&watch->is_synced),
  };
}

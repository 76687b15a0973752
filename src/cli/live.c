/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds of the kube API into the state. Every kind has its watch and its thread; what a watch
 * brings is decoded there and told to the state.
 */
#include "src/cli/live.h"

#include "src/cli/live_odd.h"

#include "slicegate/sys.h"
#include "slicegate/wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  HOUSE_MS = 200,      /* between looks at deadlines */
  VERIFY_SECONDS = 60, /* in which every node is verified once */
  /* Between tries of a feed, and up to as much again at random: once the API server is back, pods
   * are decided on an old picture until then. */
  RETRY_MAX_MS = 8000,
  SCRATCH_BYTES = 64 << 10,
};

/* One kind and its feed. */
struct feed {
  struct live *live;
  enum state_kind kind;
  const struct kube_kind *kube;
  struct kube_watch *watch;
  struct arena *arena; /* of the watch's thread; reset for each object */
  atomic_bool is_broken;
  pthread_mutex_t lock; /* of the text, and of `watch`, which pages ask about while it may end */
  char error[512];
  int64_t failed_ms; /* when; under the lock as well */
};

struct live {
  const char *recording;     /* NULL: the cluster is followed */
  pthread_mutex_t rereading; /* held while the recording is read again: one at a time */
  void (*tick)(void *ctx);
  void *tick_ctx;
  int64_t silence_ms;
  struct kube_config *config;
  struct kube_client *client;
  struct kube_stop *stop;
  struct state *state;
  struct feed feeds[STATE_KINDS];
  pthread_t house;
  bool has_house;
  struct sys_rest rest; /* of the house */
};

int64_t live_now_ms(void) {
  return sys_mono_now().ns / 1000000;
}

/* ---- what watches bring ---------------------------------------------------------------------- */

/* An object that cannot be read is left out, as if it were not there, and said. */
static void complain(const struct feed *feed, struct err *err) {
  sys_log(SYS_WARN, "object not read", sys_cstr("kind", feed->kube->kind), sys_err(err));
}

static bool is_dra(enum state_kind kind) {
  return kind == STATE_SLICES || kind == STATE_CLAIMS;
}

static bool put(struct feed *feed, struct str json, struct err *reterr) {
  struct state *state = feed->live->state;
  switch (feed->kind) {
  case STATE_NODES: {
    struct node node;
    if (!wire_node_read(feed->arena, json, &node, reterr))
      return false;
    state_put_node(state, &node);
    return true;
  }
  case STATE_PODS: {
    struct pod pod;
    if (!wire_pod_read(feed->arena, json, &pod, reterr))
      return false;
    state_put_pod(state, &pod);
    return true;
  }
  case STATE_NAMESPACES: {
    struct k8s_namespace ns;
    if (!wire_namespace_read(feed->arena, json, &ns, reterr))
      return false;
    state_put_namespace(state, &ns);
    return true;
  }
  default: {
    struct wire_dra dra;
    if (!wire_dra_read(feed->arena, json, &dra, reterr))
      return false;
    state_put_dra(state, feed->kind, dra.ns, dra.name, dra.node, dra.devices);
    return true;
  }
  }
}

static bool drop(struct feed *feed, struct str json, struct err *reterr) {
  struct state *state = feed->live->state;
  if (is_dra(feed->kind)) {
    struct wire_dra dra;
    if (!wire_dra_read(feed->arena, json, &dra, reterr))
      return false;
    state_drop_dra(state, feed->kind, dra.ns, dra.name);
    return true;
  }
  if (feed->kind == STATE_PODS) {
    struct pod pod;
    if (!wire_pod_read(feed->arena, json, &pod, reterr))
      return false;
    state_drop_pod(state, pod.ns, pod.name, pod.uid);
    return true;
  }
  struct k8s_namespace object; /* a node has a name and labels as well */
  if (!wire_namespace_read(feed->arena, json, &object, reterr))
    return false;
  if (feed->kind == STATE_NODES)
    state_drop_node(state, object.name);
  else
    state_drop_namespace(state, object.name);
  return true;
}

static void on_begin(void *ctx) {
  struct feed *feed = ctx;
  state_begin(feed->live->state, feed->kind);
}

static void on_object(void *ctx, const struct kube_object *object) {
  struct feed *feed = ctx;
  struct err err;
  if (!put(feed, object->json, &err))
    complain(feed, &err);
  arena_reset(feed->arena);
  atomic_store_explicit(&feed->is_broken, false, memory_order_relaxed);
}

static void on_deleted(void *ctx, const struct kube_object *object) {
  struct feed *feed = ctx;
  struct err err;
  if (!drop(feed, object->json, &err))
    complain(feed, &err);
  arena_reset(feed->arena);
}

static void on_synced(void *ctx) {
  struct feed *feed = ctx;
  state_synced(feed->live->state, feed->kind);
  atomic_store_explicit(&feed->is_broken, false, memory_order_relaxed);
  struct state_stats stats;
  state_get_stats(feed->live->state, &stats);
  sys_log(SYS_INFO, "synced", sys_cstr("kind", feed->kube->kind),
          sys_int("objects", (int64_t)stats.objects[feed->kind]));
}

static void on_error(void *ctx, const struct kube_watch_error *error) {
  struct feed *feed = ctx;
  if (error->is_object_lost) {
    sys_log(SYS_WARN, "object left out", sys_cstr("kind", feed->kube->kind),
            sys_cstr("name", error->name), sys_err(&error->err));
    return;
  }
  /* A cluster without DRA has nothing to count. */
  if (is_dra(feed->kind) && error->status == 404) {
    state_begin(feed->live->state, feed->kind);
    state_synced(feed->live->state, feed->kind);
    return;
  }
  pthread_mutex_lock(&feed->lock);
  (void)snprintf(feed->error, sizeof(feed->error), "%s", error->err.text);
  feed->failed_ms = live_now_ms();
  pthread_mutex_unlock(&feed->lock);
  atomic_store(&feed->is_broken, true);
  sys_log(SYS_WARN, "feed interrupted", sys_cstr("kind", feed->kube->kind), sys_err(&error->err),
          sys_int("retry_in_ms", error->retry_in_ms));
}

/* ---- keeping house --------------------------------------------------------------------------- */

/* Deadlines of the ledger, and a look at some nodes whether they are what they should be. */
static void *keep_house(void *ctx) {
  struct live *live = ctx;
  struct contradictions_told told = {0};
  for (int64_t round = 0; sys_rest(&live->rest, HOUSE_MS); round++) {
    size_t expired = state_expire(live->state, live_now_ms());
    if (expired)
      sys_log(SYS_INFO, "holds ended by their deadline", sys_int("count", (int64_t)expired));
    if (round % (1000 / HOUSE_MS) != 0)
      continue;
    if (live->tick && state_is_synced(live->state))
      live->tick(live->tick_ctx);
    struct state_stats stats;
    state_get_stats(live->state, &stats);
    if (state_is_synced(live->state))
      (void)live_tell_contradictions(live->state, live_now_ms(), &told, stats.contradictions);
    size_t drift = state_verify(live->state, stats.objects[STATE_NODES] / VERIFY_SECONDS + 1);
    if (drift)
      sys_log(SYS_ERROR, "nodes mended that were not what their pods make them",
              sys_int("count", (int64_t)drift));
  }
  return NULL;
}

/* ---- a recording ----------------------------------------------------------------------------- */

static bool read_recording(struct live *live, struct err *reterr) {
  enum { RECORDING_MAX_BYTES = 1 << 30 };
  CLEANUP_BUF struct buf text = {0};
  CLEANUP_ARENA struct arena *arena = arena_new(SCRATCH_BYTES);
  struct cluster cluster;
  if (!sys_file_read(live->recording, RECORDING_MAX_BYTES, &text, reterr))
    return false;
  if (!wire_cluster_decode_pods(arena, buf_str(&text), &cluster, reterr))
    return err_wrap(reterr, "%s:%u:%u", live->recording, reterr->line, reterr->column);
  for (size_t i = 0; i < STATE_KINDS; i++)
    state_begin(live->state, (enum state_kind)i);
  for (size_t i = 0; i < cluster.node_count; i++)
    state_put_node(live->state, &cluster.nodes[i]);
  for (size_t i = 0; i < cluster.pod_count; i++)
    state_put_pod(live->state, &cluster.pods[i]);
  for (size_t i = 0; i < cluster.namespace_count; i++)
    state_put_namespace(live->state, &cluster.namespaces[i]);
  for (size_t i = 0; i < STATE_KINDS; i++)
    state_synced(live->state, (enum state_kind)i);
  return true;
}

static void tell_recording(struct live *live, const char *error) {
  for (size_t i = 0; i < STATE_KINDS; i++) {
    struct feed *feed = &live->feeds[i];
    pthread_mutex_lock(&feed->lock);
    (void)snprintf(feed->error, sizeof(feed->error), "%s", error);
    pthread_mutex_unlock(&feed->lock);
    atomic_store(&feed->is_broken, error[0] != '\0');
  }
}

void live_reread(struct live *live) {
  struct err err;
  if (!live->recording)
    return;
  pthread_mutex_lock(&live->rereading);
  bool is_read = read_recording(live, &err);
  tell_recording(live, is_read ? "" : err.text);
  pthread_mutex_unlock(&live->rereading);
  if (is_read)
    sys_log(SYS_INFO, "recording read again", sys_cstr("file", live->recording));
  else
    sys_log(SYS_ERROR, "recording not read again, the old one stays", sys_err(&err));
}

/* ---- life ------------------------------------------------------------------------------------ */

struct live *live_new(const struct live_config *config, struct err *reterr) {
  static const struct kube_kind *const kinds[STATE_KINDS] = {
      [STATE_NODES] = &kube_nodes,
      [STATE_PODS] = &kube_pods,
      [STATE_NAMESPACES] = &kube_namespaces,
      [STATE_SLICES] = &kube_resource_slices,
      [STATE_CLAIMS] = &kube_resource_claims,
  };
  const struct kube_config_request request = {.kubeconfig = config->kubeconfig,
                                              .context = config->context};
  const struct kube_client_options options = {.seed = (uint64_t)sys_mono_now().ns};
  struct live *live = mem_zalloc(sizeof(*live));
  live->state = state_new(
      &(struct state_options){.products = products_builtin(), .gives_hami = config->gives_hami});
  for (size_t i = 0; i < STATE_KINDS; i++) {
    live->feeds[i] = (struct feed){.live = live, .kind = (enum state_kind)i, .kube = kinds[i]};
    live->feeds[i].arena = arena_new(SCRATCH_BYTES);
    pthread_mutex_init(&live->feeds[i].lock, NULL);
  }
  sys_rest_init(&live->rest);
  pthread_mutex_init(&live->rereading, NULL);
  live->recording = config->recording;
  live->tick = config->tick;
  live->tick_ctx = config->tick_ctx;
  live->silence_ms = config->silence_ms;
  live->stop = kube_stop_new(reterr);
  if (live->stop && live->recording && read_recording(live, reterr))
    return live;
  live->config = live->stop && !live->recording ? kube_config_load(&request, reterr) : NULL;
  live->client = live->config ? kube_client_new(live->config, &options, reterr) : NULL;
  if (live->client)
    return live;
  live_free(live);
  return NULL;
}

static bool start_feed(struct live *live, struct feed *feed, struct err *reterr) {
  const struct kube_sink sink = {.ctx = feed,
                                 .begin = on_begin,
                                 .object = on_object,
                                 .deleted = on_deleted,
                                 .synced = on_synced,
                                 .error = on_error};
  const struct kube_watch_options options = {.kind = feed->kube,
                                             .idle_ms = live->silence_ms,
                                             .backoff_max_ms = RETRY_MAX_MS,
                                             .seed = (uint64_t)sys_mono_now().ns +
                                                     (uint64_t)feed->kind};
  struct kube_watch *started = kube_watch_start(live->client, &options, &sink, reterr);
  pthread_mutex_lock(&feed->lock);
  feed->watch = started;
  pthread_mutex_unlock(&feed->lock);
  return started != NULL;
}

bool live_start(struct live *live, struct err *reterr) {
  for (size_t i = 0; i < STATE_KINDS && !live->recording; i++)
    if (!start_feed(live, &live->feeds[i], reterr))
      return false;
  int failed = pthread_create(&live->house, NULL, keep_house, live);
  if (failed)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
  live->has_house = true;
  return true;
}

void live_stop(struct live *live) {
  kube_stop_raise(live->stop);
  sys_rest_end(&live->rest);
  for (size_t i = 0; i < STATE_KINDS; i++) {
    struct feed *feed = &live->feeds[i];
    pthread_mutex_lock(&feed->lock);
    struct kube_watch *ended = feed->watch;
    feed->watch = NULL;
    pthread_mutex_unlock(&feed->lock);
    kube_watch_stop(ended);
  }
  if (live->has_house)
    (void)pthread_join(live->house, NULL);
  live->has_house = false;
}

void live_free(struct live *live) {
  if (!live)
    return;
  if (live->stop)
    live_stop(live);
  kube_client_free(live->client);
  kube_config_free(live->config);
  kube_stop_free(live->stop);
  state_free(live->state);
  sys_rest_done(&live->rest);
  pthread_mutex_destroy(&live->rereading);
  for (size_t i = 0; i < STATE_KINDS; i++) {
    arena_free(live->feeds[i].arena);
    pthread_mutex_destroy(&live->feeds[i].lock);
  }
  free(live);
}

/* ---- questions
 * ------------------------------------------------------------------------------------ */

struct state *live_state(struct live *live) {
  return live->state;
}

struct kube_client *live_client(struct live *live) {
  return live->client;
}

bool live_get(struct live *live, const struct kube_kind *kind, struct str ns, struct str name,
              int64_t until_ms, struct kube_response *ret, struct err *reterr) {
  int64_t left_ms = until_ms - live_now_ms();
  CLEANUP_BUF struct buf path;
  buf_init(&path, 4 << 10);
  if (left_ms <= 0)
    return err_set(reterr, ERR_UNAVAILABLE, "there is no time left to ask kube-apiserver");
  if (!kube_path(kind, ns, name, NULL, &path, reterr))
    return false;
  const struct kube_request request = {
      .path = buf_str(&path), .timeout_ms = left_ms, .stop = live->stop};
  return kube_call(live->client, &request, ret, reterr);
}

const struct kube_stop *live_stop_signal(const struct live *live) {
  return live->stop;
}

struct str live_server(const struct live *live) {
  return live->recording ? str_of(live->recording) : kube_config_server(live->config);
}

struct str live_namespace(const struct live *live) {
  return live->recording ? STR_LIT("default") : kube_config_namespace(live->config);
}

enum state_held live_hold(struct live *live, enum state_hold_kind kind, const struct pod *pod,
                          const struct pack_asked *asked, const struct state_snapshot *snapshot,
                          const struct pack_placement *placement) {
  const struct state_hold hold = {.kind = kind,
                                  .ns = pod->ns,
                                  .name = pod->name,
                                  .uid = pod->uid,
                                  .asked = asked,
                                  .node = state_snapshot_node(snapshot, placement->node)->node.name,
                                  .placement = placement,
                                  .card = state_snapshot_card(snapshot, placement),
                                  .until_ms = live_now_ms() + STATE_HOLD_MS};
  return state_hold(live->state, &hold);
}

int64_t live_relist_pods(struct live *live) {
  struct feed *feed = &live->feeds[STATE_PODS];
  pthread_mutex_lock(&feed->lock);
  int64_t ticket = feed->watch ? kube_watch_relist(feed->watch) : 0;
  pthread_mutex_unlock(&feed->lock);
  return ticket;
}

bool live_are_pods_listed(struct live *live, int64_t ticket) {
  struct feed *feed = &live->feeds[STATE_PODS];
  struct kube_watch_stats stats = {0};
  pthread_mutex_lock(&feed->lock);
  if (feed->watch)
    kube_watch_stats(feed->watch, &stats);
  pthread_mutex_unlock(&feed->lock);
  return stats.relisted >= ticket;
}

/* A watch that was begun again need not bring anything: that it is answered says that it works. */
static bool is_heard_again(const struct feed *feed, const struct kube_watch_stats *stats) {
  enum { CLOCKS_GRAIN_MS = 10 };
  return stats->unheard_ms >= 0 &&
         live_now_ms() - stats->unheard_ms > feed->failed_ms + CLOCKS_GRAIN_MS;
}

void live_get_feeds(struct live *live, struct live_feed ret[STATE_KINDS]) {
  for (size_t i = 0; i < STATE_KINDS; i++) {
    struct feed *feed = &live->feeds[i];
    ret[i] = (struct live_feed){.kind = feed->kube->kind, .stats.unheard_ms = -1};
    pthread_mutex_lock(&feed->lock);
    if (feed->watch)
      kube_watch_stats(feed->watch, &ret[i].stats);
    if (atomic_load(&feed->is_broken) && !is_heard_again(feed, &ret[i].stats))
      (void)snprintf(ret[i].error, sizeof(ret[i].error), "%s", feed->error);
    pthread_mutex_unlock(&feed->lock);
  }
}

int64_t live_age_seconds(struct live *live) {
  if (!state_is_synced(live->state))
    return -1;
  if (live->recording)
    return 0;
  struct live_feed feeds[STATE_KINDS];
  live_get_feeds(live, feeds);
  int64_t most = 0;
  for (size_t i = 0; i <= STATE_NAMESPACES; i++) {
    int64_t silence = feeds[i].stats.unheard_ms;
    if ((feeds[i].error[0] || silence > live->silence_ms / 2) && silence > most)
      most = silence;
  }
  return most / 1000;
}

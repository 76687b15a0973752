/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/serve_live.h"

#include "src/cli/cli_internal.h"
#include "src/cli/leader.h"
#include "src/cli/listen.h"
#include "src/cli/live_metrics.h"
#include "src/cli/reasons.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  API_ASKERS = 2,           /* who wait for the API server's word on a reader */
  API_ASK_MS = 3000,        /* for how long */
  EXTENDER_DRAIN_MS = 5000, /* for Bindings under way */
  /* The reader says what to do instead of sending more than it takes; that much is far more. */
  NODES_BODY_MAX = 16 << 20,
};

struct serve_live {
  const struct serve_live_flags *flags;
  struct live *live;
  struct placer *placer;
  struct nominator *nominator;
  struct leader *leader; /* NULL: a recording, which has one reader */
  struct fence *fence;   /* NULL: kube-scheduler is not answered, or of a recording */
  struct waker *waker;   /* NULL: as the fence */
  atomic_bool is_ending; /* decides nothing new */
  char identity[KUBE_LEASE_HOLDER_MAX + 1]; /* of this process, among replicas */
  struct extender_door door;
  struct http_server *extender;
  struct explain_live *explain;
  struct reasons *reasons;
  struct api_door api;
  struct live_metrics *metrics;
  struct serve_live_tick tick;
  atomic_bool has_ticked;
  pthread_mutex_t lock; /* of the parts that pages ask and that end before pages do */
};

/* ---- which replica decides ------------------------------------------------------------------- */

/* A recording has one reader. Whoever follows a cluster holds the Lease, or has none to hold. */
static bool is_holder(void *ctx) {
  struct serve_live *serve = ctx;
  if (serve->flags->recording)
    return true;
  (void)pthread_mutex_lock(&serve->lock);
  bool holds = !atomic_load(&serve->is_ending) && serve->leader && leader_is_holder(serve->leader);
  (void)pthread_mutex_unlock(&serve->lock);
  return holds;
}

/*
 * What a predecessor has begun is known, or cannot be any more. In this order: the fence is lowered
 * when the Lease has been lost, and up again only after it was gained, so that one that is up
 * behind a Lease that was held is of that time or of a later one.
 */
static bool may_write(void *ctx) {
  struct serve_live *serve = ctx;
  if (serve->flags->recording)
    return true;
  (void)pthread_mutex_lock(&serve->lock);
  bool may =
      serve->leader && leader_is_holder(serve->leader) && serve->fence && fence_is_up(serve->fence);
  (void)pthread_mutex_unlock(&serve->lock);
  return may;
}

static bool may_decide(void *ctx) {
  struct serve_live *serve = ctx;
  return !atomic_load(&serve->is_ending) && may_write(serve);
}

static void why_not(void *ctx, struct err *ret) {
  struct serve_live *serve = ctx;
  (void)err_set(ret, ERR_UNAVAILABLE, "this replica ends");
  (void)pthread_mutex_lock(&serve->lock);
  if (serve->leader && !atomic_load(&serve->is_ending))
    leader_say_why_not(serve->leader, ret);
  (void)pthread_mutex_unlock(&serve->lock);
}

static void gained(void *ctx) {
  struct serve_live *serve = ctx;
  if (serve->fence)
    fence_raise(serve->fence);
}

/* What it holds says nothing any more: the next holder decides without knowing of it. */
static void lost(void *ctx) {
  struct serve_live *serve = ctx;
  if (serve->fence)
    fence_lower(serve->fence);
  state_unhold_all(live_state(serve->live));
  if (serve->flags->extender_listen)
    sys_log(SYS_INFO, "this replica no longer answers kube-scheduler");
}

static void make_identity(struct serve_live *serve) {
  char host[128] = "slicegate";
  (void)gethostname(host, sizeof(host) - 1);
  const char *name = serve->flags->pod_name ? serve->flags->pod_name : host;
  (void)snprintf(serve->identity, sizeof(serve->identity), "%.200s_%d_%llx", name, (int)getpid(),
                 (unsigned long long)sys_wall_now().ns);
}

/* Without a Lease nobody else has decided since we listed. */
static bool start_fence(struct serve_live *serve, struct err *reterr) {
  const struct fence_config config = {.live = serve->live,
                                      .identity = str_of(serve->identity),
                                      .relists = str_of(serve->flags->lease_name).len > 0};
  struct fence *started = fence_start(&config, reterr);
  (void)pthread_mutex_lock(&serve->lock);
  serve->fence = started;
  (void)pthread_mutex_unlock(&serve->lock);
  serve->door.fence = started;
  return started != NULL;
}

static bool start_leader(struct serve_live *serve, struct err *reterr) {
  const struct serve_live_flags *flags = serve->flags;
  const struct leader_config config = {
      .client = live_client(serve->live),
      .ns = flags->lease_namespace ? str_of(flags->lease_namespace) : live_namespace(serve->live),
      .name = str_of(flags->lease_name),
      .identity = str_of(serve->identity),
      .pod_name = flags->pod_name,
      .pod_selector = str_of(flags->pod_selector ? flags->pod_selector : ""),
      .gained = gained,
      .lost = lost,
      .ctx = serve};
  struct leader *started = leader_start(&config, reterr);
  (void)pthread_mutex_lock(&serve->lock);
  serve->leader = started;
  (void)pthread_mutex_unlock(&serve->lock);
  return started != NULL;
}

static void on_tick(void *ctx) {
  struct serve_live *serve = ctx;
  serve->tick.fn(serve->tick.ctx, serve->live);
  atomic_store(&serve->has_ticked, true);
}

static void make_api(struct serve_live *serve) {
  const struct api_auth_config config = {.client = live_client(serve->live),
                                         .stop = live_stop_signal(serve->live),
                                         .timeout_ms = API_ASK_MS,
                                         .max_blocked = API_ASKERS};
  serve->explain = explain_live_new(serve->live);
  serve->api = (struct api_door){.explain = serve->explain,
                                 .auth = serve->flags->is_live ? api_auth_new(&config) : NULL};
}

struct serve_live *serve_live_new(const struct serve_live_flags *flags, struct sys_metrics *metrics,
                                  struct serve_live_tick tick, struct err *reterr) {
  struct serve_live *serve = mem_zalloc(sizeof(*serve));
  serve->flags = flags;
  serve->tick = tick;
  pthread_mutex_init(&serve->lock, NULL);
  const struct live_config config = {.kubeconfig = flags->kubeconfig,
                                     .context = flags->context,
                                     .recording = flags->recording,
                                     .tick = flags->recording ? NULL : on_tick,
                                     .tick_ctx = serve,
                                     .gives_hami = flags->hami,
                                     .silence_ms = flags->feed_silence_seconds * 1000};
  serve->live = live_new(&config, reterr);
  if (!serve->live) {
    serve_live_free(serve);
    return NULL;
  }
  serve->placer = placer_new(live_state(serve->live), (size_t)flags->best);
  serve->door = (struct extender_door){.live = serve->live,
                                       .placer = serve->placer,
                                       .may_answer = may_decide,
                                       .may_write = may_write,
                                       .why_not = why_not,
                                       .may_ctx = serve,
                                       .scheduler_name = str_of(serve->flags->scheduler_name)};
  extender_door_init(&serve->door, metrics);
  make_api(serve);
  serve->metrics = live_metrics_new(metrics);
  return serve;
}

/* ---- the doors ------------------------------------------------------------------------------- */

bool serve_client_ca_read(const char *path, struct buf *ret, struct err *reterr) {
  if (!sys_file_read(path, 1 << 20, ret, reterr))
    return err_wrap(reterr, "--extender-client-ca");
  bool is_good = ret->len ? http_check_client_ca(buf_str(ret), reterr)
                          /* to `http` it would mean that nobody is asked */
                          : err_set(reterr, ERR_INVALID, "empty");
  if (is_good)
    return true;
  buf_done(ret);
  return err_wrap(reterr, "--extender-client-ca: %s", path);
}

static bool start_extender(struct serve_live *serve, struct str cert_pem, struct str key_pem,
                           struct err *reterr) {
  const struct serve_live_flags *flags = serve->flags;
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  CLEANUP_BUF struct buf ca = {0};
  struct listen_address at;
  if (!listen_address_parse(arena, "extender-listen", flags->extender_listen, &at, reterr))
    return false;
  if (flags->extender_client_ca && !serve_client_ca_read(flags->extender_client_ca, &ca, reterr))
    return false;
  const struct http_route routes[] = {
      {HTTP_POST, "/scheduler/filter", serve_filter, &serve->door, NODES_BODY_MAX,
       "application/json", HTTP_MAY_WAIT},
      {HTTP_POST, "/scheduler/prioritize", serve_prioritize, &serve->door, NODES_BODY_MAX,
       "application/json", HTTP_NEVER_WAITS},
      {HTTP_POST, "/scheduler/bind", serve_bind, &serve->door, 0, "application/json",
       HTTP_MAY_WAIT_LONG},
      {HTTP_POST, "/scheduler/preempt", serve_preempt, &serve->door, NODES_BODY_MAX,
       "application/json", HTTP_NEVER_WAITS},
  };
  const struct http_config config = {
      .address = at.address,
      .port = at.port,
      .cert_pem = flags->extender_plain_http ? (struct str){NULL, 0} : cert_pem,
      .key_pem = flags->extender_plain_http ? (struct str){NULL, 0} : key_pem,
      .client_ca_pem = buf_str(&ca),
      .plain_http = flags->extender_plain_http,
      .waiting_threads = SERVE_BINDERS,
      .refused = extender_client_refused,
      .refused_ctx = &serve->door,
      .routes = routes,
      .route_count = SG_ARRAY_LEN(routes),
      .limits = {.connections_per_peer = -1}};
  serve->extender = http_server_start(&config, reterr);
  if (!serve->extender)
    return err_wrap(reterr, "--extender-listen %s", flags->extender_listen);
  sys_log(
      SYS_INFO, "extender serving",
      sys_str("address", listen_address_text(arena, at.address, http_server_port(serve->extender))),
      sys_bool("tls", !flags->extender_plain_http),
      sys_bool("client_certificates", flags->extender_client_ca != NULL));
  return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool start_nominator(struct serve_live *serve, struct err *reterr) {
  const struct nominator_config nominator = {.live = serve->live,
                                             .placer = serve->placer,
                                             .scheduler_name = str_of(serve->flags->scheduler_name),
                                             .asked_ms = &serve->door.asked_ms,
                                             .least_nodes = serve->flags->nominate_nodes,
                                             .may_decide = may_decide,
                                             .may_decide_ctx = serve};
  struct nominator *started = nominator_start(&nominator, reterr);
  (void)pthread_mutex_lock(&serve->lock);
  serve->nominator = started;
  (void)pthread_mutex_unlock(&serve->lock);
  serve->door.nominator = started;
  return started != NULL;
}

static bool start_waker(struct serve_live *serve, struct err *reterr) {
  const struct waker_config config = {.live = serve->live,
                                      .placer = serve->placer,
                                      .fence = serve->fence,
                                      .nominator = serve->nominator,
                                      .may_decide = may_decide,
                                      .may_decide_ctx = serve};
  struct waker *started = waker_start(&config, reterr);
  (void)pthread_mutex_lock(&serve->lock);
  serve->waker = started;
  (void)pthread_mutex_unlock(&serve->lock);
  serve->door.waker = started;
  return started != NULL;
}

static bool start_reasons(struct serve_live *serve, struct err *reterr) {
  char host[256] = "slicegate";
  (void)gethostname(host, sizeof(host) - 1);
  const struct reasons_config config = {
      .live = serve->live,
      .explain = serve->explain,
      .instance = str_of(serve->flags->pod_name ? serve->flags->pod_name : host),
      .may_speak = is_holder,
      .may_speak_ctx = serve};
  struct reasons *started = reasons_start(&config, reterr);
  (void)pthread_mutex_lock(&serve->lock);
  serve->reasons = started;
  (void)pthread_mutex_unlock(&serve->lock);
  return started != NULL;
}

bool serve_live_start(struct serve_live *serve, struct str cert_pem, struct str key_pem,
                      struct err *reterr) {
  const struct serve_live_flags *flags = serve->flags;
  bool writes = flags->is_live && flags->extender_listen;
  sys_log(SYS_INFO, "following the cluster", sys_str("server", live_server(serve->live)));
  if (!live_start(serve->live, reterr) || !placer_start(serve->placer, reterr))
    return false;
  make_identity(serve);
  if (writes && !start_fence(serve, reterr))
    return false;
  if (flags->is_live && !start_leader(serve, reterr))
    return false;
  if (writes && flags->nominate && !start_nominator(serve, reterr))
    return false;
  if (writes && !start_waker(serve, reterr))
    return false;
  if (flags->extender_listen && !start_extender(serve, cert_pem, key_pem, reterr))
    return false;
  return !flags->events || !flags->is_live || start_reasons(serve, reterr);
}

/*
 * Decides nothing new from now on and gives the Lease back, so that a successor need not wait. Not
 * while a Binding is under way: whoever comes next must find it written.
 */
static void end_leader(struct serve_live *serve) {
  const struct timespec pause = {.tv_nsec = 1000000};
  atomic_store(&serve->is_ending, true);
  for (int64_t until = live_now_ms() + EXTENDER_DRAIN_MS;
       atomic_load(&serve->door.bindings) > 0 && live_now_ms() < until;)
    (void)nanosleep(&pause, NULL);
  (void)pthread_mutex_lock(&serve->lock);
  struct leader *leader = serve->leader;
  serve->leader = NULL;
  (void)pthread_mutex_unlock(&serve->lock);
  leader_stop(leader);
}

/* The Lease first: without it nobody may advise. */
static void end_parts(struct serve_live *serve) {
  end_leader(serve);
  live_stop(serve->live);
  (void)pthread_mutex_lock(&serve->lock);
  struct nominator *nominator = serve->nominator;
  struct reasons *reasons = serve->reasons;
  struct fence *fence = serve->fence;
  struct waker *waker = serve->waker;
  serve->fence = NULL;
  serve->waker = NULL;
  serve->nominator = NULL;
  serve->reasons = NULL;
  (void)pthread_mutex_unlock(&serve->lock);
  waker_stop(waker);
  nominator_stop(nominator);
  reasons_stop(reasons);
  fence_stop(fence);
}

void serve_live_stop(struct serve_live *serve) {
  end_leader(serve); /* first of all: until a successor answers nobody does */
  if (serve->extender) {
    const struct http_drain drain = {.deadline_ms = EXTENDER_DRAIN_MS};
    (void)http_server_drain(serve->extender, &drain);
    http_server_stop(serve->extender);
    serve->extender = NULL;
  }
  end_parts(serve);
  placer_stop(serve->placer);
}

void serve_live_free(struct serve_live *serve) {
  if (!serve)
    return;
  if (serve->live) {
    http_server_stop(serve->extender);
    end_parts(serve);
  }
  api_auth_free(serve->api.auth);
  explain_live_free(serve->explain);
  placer_free(serve->placer);
  live_free(serve->live);
  live_metrics_free(serve->metrics);
  pthread_mutex_destroy(&serve->lock);
  free(serve);
}

struct http_server *serve_live_extender(struct serve_live *serve) {
  return serve->extender;
}

void serve_live_reread(struct serve_live *serve) {
  live_reread(serve->live);
}

struct api_door *serve_live_api(struct serve_live *serve) {
  return &serve->api;
}

void serve_live_refresh_metrics(struct serve_live *serve) {
  explain_live_tidy(serve->explain);
  (void)pthread_mutex_lock(&serve->lock);
  const struct live_metrics_of of = {serve->live,   serve->placer,  serve->nominator, serve->waker,
                                     serve->leader, serve->reasons, serve->api.auth};
  live_metrics_refresh(serve->metrics, &of);
  (void)pthread_mutex_unlock(&serve->lock);
}

/* A note, no condition: admission, which any ready replica is asked for, does not wait for it. */
static void put_fence(const struct fence_status *fence, struct buf *out) {
  if (!fence->is_wanted)
    return;
  if (fence->is_up)
    buf_append_cstr(out, "[+] fence: up, this replica answers kube-scheduler");
  else
    buf_printf(out, "[!] fence: not up, kube-scheduler is not answered; pods left: %zu",
               fence->left);
  buf_printf(out, "; Bindings in doubt: %zu%s%s\n", fence->doubts,
             fence->error[0] ? "; last failure: " : "", fence->error);
}

static void put_feed(const struct live_feed *feed, size_t objects, bool is_recorded,
                     struct buf *out) {
  buf_printf(out, "[%c] feed %s: %zu objects", feed->error[0] ? '!' : '+', feed->kind, objects);
  if (is_recorded)
    buf_append_cstr(out, ", recorded");
  else if (feed->stats.unheard_ms < 0)
    buf_append_cstr(out, ", never heard of");
  else
    buf_printf(out, ", last heard of %lld ms ago", (long long)feed->stats.unheard_ms);
  if (feed->error[0])
    buf_printf(out, "; %s: %s", is_recorded ? "not read again" : "interrupted", feed->error);
  buf_append_char(out, '\n');
}

bool serve_live_is_ready(struct serve_live *serve, struct buf *out) {
  struct live_feed feeds[STATE_KINDS];
  struct state_stats stats;
  live_get_feeds(serve->live, feeds);
  state_get_stats(live_state(serve->live), &stats);
  bool is_judged_by = serve->flags->recording || atomic_load(&serve->has_ticked);
  for (size_t i = 0; i < STATE_KINDS; i++)
    put_feed(&feeds[i], stats.objects[i], serve->flags->recording != NULL, out);
  struct leader_status leader = {0};
  struct fence_status fence = {0};
  (void)pthread_mutex_lock(&serve->lock);
  if (serve->leader)
    leader_get_status(serve->leader, &leader);
  if (serve->fence)
    fence_get_status(serve->fence, &fence);
  (void)pthread_mutex_unlock(&serve->lock);
  if (leader.is_elected)
    buf_printf(out, "[%c] lease: held by %s%s%s\n", leader.error[0] ? '!' : '+',
               leader.is_holder   ? "this replica"
               : leader.holder[0] ? leader.holder
                                  : "nobody",
               leader.error[0] ? "; last attempt: " : "", leader.error);
  put_fence(&fence, out);
  bool is_synced = state_is_synced(live_state(serve->live));
  bool is_taught = placer_is_ready(serve->placer);
  if (!is_synced)
    buf_append_cstr(out, "[-] cluster: some kind has not been listed yet\n");
  else if (!is_taught)
    buf_append_cstr(out, "[-] decisions: what they go by is still made of what was listed\n");
  return is_synced && is_taught && is_judged_by;
}

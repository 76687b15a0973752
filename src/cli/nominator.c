/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/nominator.h"

#include "src/cli/crew.h"
#include "src/cli/nominations.h"

#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
  IDLE_MS = 1000,       /* a look at the queue at least so often, when it is not empty */
  REST_MS = 10,         /* between two looks: what comes in between is packed together */
  SETTLE_MS = 250,      /* between two looks at what has become of the plans */
  QUEUE_MAX = 4096,     /* pods of one look; the rest has to wait for the next */
  CHUNK = 32,           /* decisions between which kube-scheduler's calls get their turn */
  STALE_MAX = 1024,     /* looked at again at once; others the next time */
  WRITERS = 16,         /* patches under way at once */
  LEAD = 64,            /* so many patches ahead it is safe from kube-scheduler for a while */
  STALE_MS = 3000,      /* after which a nomination that was not followed is looked at again */
  PAUSE_MS = 600000,    /* how long it keeps quiet when its advice is not taken */
  ASKS_MS = 600000,     /* since kube-scheduler last asked: it will ask about the next pod too */
  LOG_AGAIN_MS = 10000, /* of writes that fail: all do while the API server is cut off */
};

/* One patch to make. */
struct task {
  const struct pod *pod; /* of the round's arena */
  struct str node;       /* empty: take the nomination back */
};

struct nominator {
  struct nominator_config config;
  struct nominations *nominations; /* under way, and how they ended */
  struct arena *arena;             /* of one round */
  pthread_t thread;
  atomic_llong made, lost, failed, cleared, awaited;
  struct sys_due failure_logged;
  int64_t settled_ms;
  int64_t paused_until_ms;
  atomic_bool is_paused;
  bool has_unwritten;     /* plans, perhaps: they end without telling */
  bool has_left_some_out; /* of the queue, in this round */
  pthread_mutex_t lock;   /* of the next four */
  pthread_cond_t has_advised;
  bool is_stuck;    /* no patch has ended while somebody waited */
  int64_t ended;    /* patches, however */
  uint64_t advised; /* so many of the state's arrivals have their advice, or get none */
  struct task tasks[QUEUE_MAX + STALE_MAX]; /* of one round */
  size_t task_count;
};

static struct state *state_of(const struct nominator *n) {
  return live_state(n->config.live);
}

/* ---- who waits for it ------------------------------------------------------------------------ */

/* Whoever waits looks again. */
static void tell(struct nominator *n) {
  n->is_stuck = false;
  (void)pthread_cond_broadcast(&n->has_advised);
}

static void set_advised(struct nominator *n, uint64_t arrivals) {
  (void)pthread_mutex_lock(&n->lock);
  n->advised = arrivals;
  tell(n);
  (void)pthread_mutex_unlock(&n->lock);
}

bool nominator_advises(struct nominator *n, const struct pod *pod) {
  return !atomic_load(&n->is_paused) && !ext_not_nominated(pod, n->config.scheduler_name);
}

bool nominator_is_behind(struct nominator *n, const struct pod *pod) {
  if (pod->traits & POD_WAS_REJECTED || !nominator_advises(n, pod))
    return false;
  struct state_stats stats;
  state_get_stats(state_of(n), &stats);
  (void)pthread_mutex_lock(&n->lock);
  uint64_t advised = n->advised;
  bool is_stuck = n->is_stuck;
  (void)pthread_mutex_unlock(&n->lock);
  return !is_stuck && (int64_t)stats.objects[STATE_NODES] >= n->config.least_nodes &&
         state_is_in_company(state_of(n), pod->uid, advised);
}

void nominator_catch_up(struct nominator *n) {
  struct state_stats stats;
  state_get_stats(state_of(n), &stats);
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), NOMINATOR_CATCH_UP_MS);
  atomic_fetch_add(&n->awaited, 1);
  (void)pthread_mutex_lock(&n->lock);
  int64_t ended = n->ended;
  while (n->advised < stats.arrivals && n->ended - ended < LEAD &&
         sys_cond_wait(&n->has_advised, &n->lock, until))
    continue;
  if (n->advised < stats.arrivals && n->ended == ended)
    n->is_stuck = true;
  (void)pthread_mutex_unlock(&n->lock);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void complain(struct nominator *n, const struct pod *pod, const struct err *err) {
  if (!sys_is_due(&n->failure_logged, LOG_AGAIN_MS))
    return;
  sys_log(SYS_WARN, "nomination not written; of others that fail nothing is said for a while",
          sys_str("namespace", pod->ns), sys_str("pod", pod->name),
          sys_int("failed", atomic_load(&n->failed)), sys_err(err));
}

static void write_nomination(struct nominator *n, const struct task *task) {
  struct live *live = n->config.live;
  CLEANUP_BUF struct buf status;
  buf_init(&status, 1024);
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct err err;
  buf_append_cstr(&status, "{\"nominatedNodeName\":");
  if (task->node.len)
    kube_json_string(&status, task->node);
  else
    buf_append_cstr(&status, "null");
  buf_append_cstr(&status, "}");
  bool is_written = kube_patch_status(live_client(live), &kube_pods, task->pod->ns, task->pod->name,
                                      task->pod->resource_version, buf_str(&status),
                                      live_stop_signal(live), &response, &err);
  if (is_written) {
    atomic_fetch_add(task->node.len ? &n->made : &n->cleared, 1);
    return;
  }
  bool is_lost = response.status == 409 || response.status == 404;
  atomic_fetch_add(is_lost ? &n->lost : &n->failed, 1);
  if (task->node.len) {
    nominations_forget(n->nominations, task->pod->uid);
    (void)state_unplan(state_of(n), task->pod->uid);
  }
  if (!is_lost && !kube_stop_is_raised(live_stop_signal(live)))
    complain(n, task->pod, &err);
}

static void write_task(void *ctx, size_t index) {
  struct nominator *n = ctx;
  const struct task *task = &n->tasks[index];
  /* Overtaken: what it is advised now comes too late, and may be another node. */
  if (task->node.len && state_is_under_way(state_of(n), task->pod->uid))
    nominations_forget(n->nominations, task->pod->uid);
  else
    write_nomination(n, task);
  (void)pthread_mutex_lock(&n->lock);
  n->ended++;
  tell(n);
  (void)pthread_mutex_unlock(&n->lock);
}

/* As kube-scheduler will come to them (the candidates are copies in that order), those to be taken
 * back first: who is not advised by then looks at every node. */
static int compare_turn(const void *a, const void *b) {
  const struct task *x = a, *y = b;
  if ((x->node.len == 0) != (y->node.len == 0))
    return x->node.len == 0 ? -1 : 1;
  return x->pod < y->pod ? -1 : x->pod > y->pod;
}

static void write_all(struct nominator *n) {
  qsort(n->tasks, n->task_count, sizeof(*n->tasks), compare_turn);
  crew_run(WRITERS, n->task_count, write_task, n);
  n->task_count = 0;
}

/* ---- deciding -------------------------------------------------------------------------------- */

/* The pods of the queue that may be advised on. */
static struct ext_candidate *find_candidates(struct nominator *n, size_t *ret_count) {
  size_t waiting = 0, count = 0;
  const struct pod *pods = state_waiting_unplanned(state_of(n), n->arena, &waiting);
  struct ext_candidate *found =
      arena_array(n->arena, waiting < QUEUE_MAX ? waiting : QUEUE_MAX, sizeof(*found));
  n->has_left_some_out = waiting > QUEUE_MAX;
  for (size_t i = 0; i < waiting && count < QUEUE_MAX; i++) {
    struct err err;
    struct pack_asked *asked = arena_alloc(n->arena, sizeof(*asked));
    if (ext_not_nominated(&pods[i], n->config.scheduler_name) ||
        nominations_has(n->nominations, pods[i].uid) ||
        !state_ask(state_of(n), n->arena, &pods[i], asked, &err))
      continue;
    (void)state_unplan(state_of(n), pods[i].uid); /* rejected: the plan did not help it */
    found[count++] = (struct ext_candidate){&pods[i], asked};
  }
  *ret_count = count;
  return found;
}

static bool hold(struct nominator *n, const struct pod *pod, const struct pack_asked *asked,
                 const struct ext_view *view, const struct pack_placement *placement) {
  return live_hold(n->config.live, STATE_NOMINATED, pod, asked, view->snapshot, placement) ==
         STATE_HELD;
}

/* ---- what is written ------------------------------------------------------------------------- */

static bool is_worth_a_write(const struct nominator *n, size_t nodes) {
  int64_t asked_ms = atomic_load(n->config.asked_ms);
  bool asks = asked_ms != 0 && live_now_ms() - asked_ms < ASKS_MS;
  return !asks || (int64_t)nodes >= n->config.least_nodes;
}

/* Of the tasks from `first` on. Plans that are not written stay held. */
static void keep_what_is_written(struct nominator *n, size_t first, bool is_worth_it) {
  int64_t now = live_now_ms();
  size_t kept = first;
  for (size_t i = first; i < n->task_count; i++) {
    struct task task = n->tasks[i];
    if (!is_worth_it && !(task.pod->traits & POD_WAS_REJECTED)) {
      n->has_unwritten = true;
      continue;
    }
    nominations_add(n->nominations, task.pod, task.node, now);
    n->tasks[kept++] = task;
  }
  n->task_count = kept;
}

/* Gives up the plans that were not written. */
static void unplan(struct nominator *n) {
  size_t waiting = 0;
  const struct pod *pods = state_waiting(state_of(n), n->arena, &waiting);
  for (size_t i = 0; i < waiting; i++)
    if (!nominations_has(n->nominations, pods[i].uid))
      (void)state_unplan(state_of(n), pods[i].uid);
  n->has_unwritten = false;
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* Pods for which kube-scheduler is still to find out that there is no room. */
static size_t count_news(const struct ext_candidate *queue, size_t count) {
  size_t news = 0;
  for (size_t i = 0; i < count; i++)
    news += !(queue[i].pod->traits & POD_WAS_REJECTED);
  return news;
}

/*
 * Plans the queue, a task for each pod that has a place; the number of nodes there are, and of
 * news without a place. The queue is put in order once; each chunk is then decided on a state that
 * knows the last.
 */
static size_t plan(struct nominator *n, size_t *ret_news_left) {
  size_t count, nodes = 0;
  struct ext_candidate *queue = find_candidates(n, &count);
  struct ext_advice advice[CHUNK];
  struct ext_view view;
  size_t news_left = count_news(queue, count);
  ext_put_in_order(state_catalog(state_of(n)), queue, count, n->arena);
  for (size_t first = 0; first < count; first += CHUNK) {
    size_t here = count - first < CHUNK ? count - first : CHUNK;
    placer_enter(n->config.placer);
    placer_look(n->config.placer, &view);
    const struct pack_cluster *cluster = state_snapshot_cluster(view.snapshot);
    size_t made = ext_nominate(&view, queue + first, here, n->arena, advice);
    nodes = pack_cluster_count(cluster);
    for (size_t i = 0; i < made; i++) {
      const struct ext_candidate *candidate = &queue[first + advice[i].candidate];
      struct str node = pack_cluster_node(cluster, advice[i].node)->name;
      news_left -= !(candidate->pod->traits & POD_WAS_REJECTED);
      if (hold(n, candidate->pod, candidate->asked, &view, &advice[i].placement))
        n->tasks[n->task_count++] = (struct task){candidate->pod, str_copy(n->arena, node)};
    }
    placer_leave(n->config.placer, &view);
  }
  *ret_news_left = news_left;
  return nodes;
}

static void decide(struct nominator *n) {
  size_t first = n->task_count, news_left;
  bool is_worth_it = is_worth_a_write(n, plan(n, &news_left));
  if (!is_worth_it && news_left > 0) {
    /* Who comes first decides who gets in: with all that waits in one order. */
    is_worth_it = true;
    if (n->has_unwritten) {
      unplan(n);
      n->task_count = first;
      (void)plan(n, &news_left);
    }
  }
  keep_what_is_written(n, first, is_worth_it);
}

/* Nominations that nobody has followed and whose node has no room for them now are taken back. */
static void take_back(struct nominator *n) {
  struct nomination_due *due = arena_array(n->arena, STALE_MAX, sizeof(*due));
  size_t count =
      nominations_due(n->nominations, live_now_ms() - STALE_MS, n->arena, due, STALE_MAX);
  for (size_t i = 0; i < count; i++) {
    struct pod *pod = arena_alloc(n->arena, sizeof(*pod));
    struct pack_asked asked;
    struct ext_binding binding;
    struct ext_view view;
    struct str reason;
    struct err err;
    if (!state_find_pod(state_of(n), n->arena, due[i].ns, due[i].name, due[i].uid, pod) ||
        pod->constraints.node_name.len || state_is_under_way(state_of(n), due[i].uid) ||
        !state_ask(state_of(n), n->arena, pod, &asked, &err))
      continue;
    placer_enter(n->config.placer);
    (void)state_unplan(state_of(n), pod->uid);
    placer_look(n->config.placer, &view);
    /* Its room stays held as long as it is nominated, or others would be nominated there too. */
    bool stays = str_eq(pod->nominated_node, due[i].node) &&
                 ext_bind(&view, &asked, due[i].node, 0, n->arena, &binding, &reason) &&
                 hold(n, pod, &asked, &view, &binding.placement);
    placer_leave(n->config.placer, &view);
    if (stays)
      continue;
    nominations_forget(n->nominations, pod->uid);
    if (str_eq(pod->nominated_node, due[i].node))
      n->tasks[n->task_count++] = (struct task){.pod = pod};
  }
}

/* ---- keeping score --------------------------------------------------------------------------- */

static bool is_bound(void *ctx, const struct nomination_due *nomination, struct str *ret_node) {
  struct nominator *n = ctx;
  struct pod pod;
  if (!state_find_pod(state_of(n), n->arena, nomination->ns, nomination->name, nomination->uid,
                      &pod))
    return false;
  *ret_node = pod.constraints.node_name;
  return true;
}

static bool is_quiet(struct nominator *n) {
  int64_t now = live_now_ms();
  if (now < n->paused_until_ms)
    return true;
  if (atomic_exchange(&n->is_paused, false))
    sys_log(SYS_INFO, "nominating again");
  if (!nominations_are_ignored(n->nominations))
    return false;
  n->paused_until_ms = now + PAUSE_MS;
  atomic_store(&n->is_paused, true);
  sys_log(SYS_WARN,
          "nominations are mostly not followed: none are made for a while; kube-scheduler asks "
          "filter and prioritize as before",
          sys_int("seconds", PAUSE_MS / 1000));
  nominations_reset_score(n->nominations);
  return true;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* True: something was not written that should be tried again. */
static bool do_round(struct nominator *n, bool is_changed) {
  int64_t failed = atomic_load(&n->failed), now = live_now_ms();
  arena_reset(n->arena);
  bool settles = now - n->settled_ms >= SETTLE_MS;
  if (settles) {
    n->settled_ms = now;
    nominations_settle(n->nominations, is_bound, n);
  }
  if (is_quiet(n))
    return false;
  if (settles)
    take_back(n);
  if (is_changed) /* else the same pods fit nowhere for the same reasons */
    decide(n);
  if (n->task_count)
    write_all(n);
  return atomic_load(&n->failed) != failed;
}

static void *nominate_for_ever(void *ctx) {
  struct nominator *n = ctx;
  uint64_t seen = 0;
  bool is_due = true;
  const struct timespec rest = {.tv_nsec = REST_MS * 1000000L};
  while (!kube_stop_is_raised(live_stop_signal(n->config.live))) {
    struct state_stats stats;
    (void)state_wait(state_of(n), seen, IDLE_MS);
    state_get_stats(state_of(n), &stats);
    bool may_decide = state_is_synced(state_of(n)) && placer_is_ready(n->config.placer) &&
                      n->config.may_decide(n->config.may_decide_ctx);
    is_due = !may_decide || do_round(n, is_due || stats.generation != seen);
    if (may_decide && !n->has_left_some_out)
      set_advised(n, stats.arrivals);
    seen = stats.generation;
    (void)nanosleep(&rest, NULL);
  }
  return NULL;
}

static void free_all(struct nominator *n) {
  (void)pthread_cond_destroy(&n->has_advised);
  (void)pthread_mutex_destroy(&n->lock);
  nominations_free(n->nominations);
  arena_free(n->arena);
  free(n);
}

struct nominator *nominator_start(const struct nominator_config *config, struct err *reterr) {
  struct nominator *n = mem_zalloc(sizeof(*n));
  n->config = *config;
  n->arena = arena_new(256 << 10);
  n->nominations = nominations_new();
  (void)pthread_mutex_init(&n->lock, NULL);
  sys_cond_init(&n->has_advised);
  int failed = pthread_create(&n->thread, NULL, nominate_for_ever, n);
  if (!failed)
    return n;
  (void)err_set(reterr, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
  free_all(n);
  return NULL;
}

void nominator_stop(struct nominator *n) {
  if (!n)
    return;
  (void)pthread_join(n->thread, NULL);
  free_all(n);
}

void nominator_get_stats(struct nominator *n, struct nominator_stats *ret) {
  *ret = (struct nominator_stats){.made = atomic_load(&n->made),
                                  .lost = atomic_load(&n->lost),
                                  .failed = atomic_load(&n->failed),
                                  .cleared = atomic_load(&n->cleared),
                                  .awaited = atomic_load(&n->awaited),
                                  .is_paused = atomic_load(&n->is_paused)};
  nominations_get_score(n->nominations, &ret->hits, &ret->misses, &ret->hit_percent);
}

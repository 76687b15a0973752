/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/waker.h"

#include "src/cli/crew.h"

#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
  IDLE_MS = 1000, /* a look at least so often while somebody may have been overlooked */
  /* Between a change and the look at it: by then kube-scheduler has asked about whom it has woken
   * itself. And so many times as long as the last look took. */
  REST_MS = 100,
  REST_TIMES = 10,
  REST_MAX_MS = 5000,
  PAUSE_MS = 1000,      /* after a pod was woken in vain; doubled each time */
  PAUSE_MAX_MS = 64000, /* whom something keeps that only kube-scheduler knows */
  CHUNK = 32,           /* pods looked at together, and woken at once at most */
  WRITERS = 8,          /* patches under way at once */
  UNKNOWN_MS = 60000,   /* a pod that is not known: it is gone, or the watch has not brought it */
  LOG_AGAIN_MS = 10000, /* of writes that fail */
};

/* A pod that filter has refused, until it is bound or gone. */
struct sleeper {
  struct str uid; /* owned */
  uint64_t hash;
  bool is_refused; /* since it was last woken */
  int64_t noted_ms, not_before_ms, pause_ms;
};

struct task {
  const struct pod *pod; /* of the round's arena */
  enum { LEFT_ALONE, WOKEN, FAILED } end;
};

struct waker {
  struct waker_config config;
  struct arena *arena; /* of one round */
  pthread_t thread;
  atomic_llong woken, failed;
  struct sys_due failure_logged;
  struct sys_rest rest; /* between looks */
  /* Of the thread. */
  struct sleeper *sleepers;
  size_t count;
  bool looks_again;         /* though nothing may change */
  struct task tasks[CHUNK]; /* of one round */
  size_t task_count;

  pthread_mutex_t lock; /* guards what follows */
  struct str *notes;    /* uids that have been refused since the last round; owned */
  size_t note_count;
};

static struct state *state_of(const struct waker *w) {
  return live_state(w->config.live);
}

static bool may_decide(const struct waker *w) {
  return w->config.may_decide(w->config.may_decide_ctx);
}

/* ---- who sleeps ------------------------------------------------------------------------------ */

void waker_note(struct waker *w, struct str uid) {
  char *copy = mem_strndup(uid.ptr, uid.len);
  (void)pthread_mutex_lock(&w->lock);
  if (w->note_count < WAKER_PODS_MAX) {
    w->notes[w->note_count++] = (struct str){copy, uid.len};
    copy = NULL;
  }
  (void)pthread_mutex_unlock(&w->lock);
  free(copy);
}

static uint64_t hash_of(struct str uid) {
  return hash_bytes(HASH_START, uid.ptr, uid.len);
}

static struct sleeper *find(struct waker *w, struct str uid) {
  uint64_t hash = hash_of(uid);
  for (size_t i = 0; i < w->count; i++)
    if (w->sleepers[i].hash == hash && str_eq(w->sleepers[i].uid, uid))
      return &w->sleepers[i];
  return NULL;
}

/* The sleeper keeps the text. */
static void put_to_sleep(struct waker *w, struct str uid) {
  struct sleeper *known = find(w, uid);
  if (known) {
    known->is_refused = true;
    known->noted_ms = live_now_ms();
  }
  if (known || w->count == WAKER_PODS_MAX) {
    free((char *)uid.ptr);
    return;
  }
  w->sleepers[w->count++] = (struct sleeper){.uid = uid,
                                             .hash = hash_of(uid),
                                             .is_refused = true,
                                             .noted_ms = live_now_ms(),
                                             .pause_ms = PAUSE_MS};
}

static bool take_notes(struct waker *w) {
  (void)pthread_mutex_lock(&w->lock);
  size_t count = w->note_count;
  struct str *notes = arena_array(w->arena, count + 1, sizeof(*notes));
  for (size_t i = 0; i < count; i++)
    notes[i] = w->notes[i];
  w->note_count = 0;
  (void)pthread_mutex_unlock(&w->lock);
  for (size_t i = 0; i < count; i++)
    put_to_sleep(w, notes[i]);
  return count > 0;
}

/* ---- who has a place ------------------------------------------------------------------------- */

static bool is_ours(struct waker *w, const struct pod *pod) {
  return !(pod->traits & POD_IS_DELETING) && !state_is_under_way(state_of(w), pod->uid) &&
         !(w->config.nominator && nominator_advises(w->config.nominator, pod));
}

/* Forgets those that do not wait any more. */
static struct ext_candidate *find_candidates(struct waker *w, size_t *ret_count) {
  static const struct str any = {NULL, 0};
  struct ext_candidate *found = arena_array(w->arena, w->count + 1, sizeof(*found));
  size_t kept = 0, count = 0;
  int64_t now = live_now_ms();
  w->looks_again = false;
  for (size_t i = 0; i < w->count; i++) {
    struct sleeper sleeper = w->sleepers[i];
    struct pod *pod = arena_alloc(w->arena, sizeof(*pod));
    struct pack_asked *asked = arena_alloc(w->arena, sizeof(*asked));
    struct err err;
    bool is_known = state_find_pod(state_of(w), w->arena, any, any, sleeper.uid, pod);
    if (is_known ? pod->constraints.node_name.len > 0 : now - sleeper.noted_ms >= UNKNOWN_MS) {
      free((char *)sleeper.uid.ptr);
      continue;
    }
    w->sleepers[kept++] = sleeper;
    w->looks_again |= sleeper.is_refused && sleeper.not_before_ms > now;
    if (is_known && sleeper.is_refused && sleeper.not_before_ms <= now && is_ours(w, pod) &&
        state_ask(state_of(w), w->arena, pod, asked, &err))
      found[count++] = (struct ext_candidate){pod, asked};
  }
  w->count = kept;
  *ret_count = count;
  return found;
}

/* ---- waking ---------------------------------------------------------------------------------- */

static void wake(void *ctx, size_t index) {
  struct waker *w = ctx;
  struct task *task = &w->tasks[index];
  struct err err;
  task->end = LEFT_ALONE;
  if (state_is_under_way(state_of(w), task->pod->uid) || !may_decide(w))
    return;
  task->end = fence_touch(w->config.fence, task->pod, &err) ? WOKEN : FAILED;
  atomic_fetch_add(task->end == WOKEN ? &w->woken : &w->failed, 1);
  if (task->end == FAILED && !kube_stop_is_raised(live_stop_signal(w->config.live)) &&
      sys_is_due(&w->failure_logged, LOG_AGAIN_MS))
    sys_log(SYS_WARN, "a pod that has a place was not woken; of others nothing is said for a while",
            sys_str("namespace", task->pod->ns), sys_str("pod", task->pod->name), sys_err(&err));
}

/* Whether it is refused again is noted later. Until then others are looked at once more, though
 * nothing may change: kube-scheduler may not come to this one at all, which has had the place. */
static void count_attempt(struct waker *w, const struct task *task) {
  struct sleeper *sleeper = find(w, task->pod->uid);
  int64_t doubled = sleeper->pause_ms * 2;
  w->looks_again = true;
  if (task->end == LEFT_ALONE)
    return;
  sleeper->is_refused = task->end == FAILED;
  sleeper->not_before_ms = live_now_ms() + sleeper->pause_ms;
  sleeper->pause_ms = doubled < PAUSE_MAX_MS ? doubled : PAUSE_MAX_MS;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/*
 * Nothing is held for whom is woken: something that only kube-scheduler knows may keep it away, and
 * the room is then for others. Until it is asked about, which takes some milliseconds mostly,
 * others may be woken for the same room; so the first few that have a place end the round.
 */
static void decide(struct waker *w) {
  struct ext_advice advice[CHUNK];
  struct ext_view view;
  size_t count, made = 0;
  struct ext_candidate *queue = find_candidates(w, &count);
  ext_put_in_order(state_catalog(state_of(w)), queue, count, w->arena);
  for (size_t first = 0; first < count && !made; first += CHUNK) {
    size_t here = count - first < CHUNK ? count - first : CHUNK;
    placer_enter(w->config.placer);
    placer_look(w->config.placer, &view);
    made = ext_nominate(&view, queue + first, here, w->arena, advice);
    placer_leave(w->config.placer, &view);
    for (size_t i = 0; i < made; i++)
      w->tasks[i] = (struct task){.pod = queue[first + advice[i].candidate].pod};
    if (!made && !sys_rest(&w->rest, 1)) /* filter's turn */
      break;
  }
  w->task_count = made;
}

/* How long to rest. */
static int64_t do_round(struct waker *w) {
  int64_t began = live_now_ms();
  decide(w);
  int64_t rest = (live_now_ms() - began) * REST_TIMES;
  crew_run(WRITERS, w->task_count, wake, w);
  for (size_t i = 0; i < w->task_count; i++)
    count_attempt(w, &w->tasks[i]);
  return rest < REST_MS ? REST_MS : rest < REST_MAX_MS ? rest : REST_MAX_MS;
}

static void *wake_for_ever(void *ctx) {
  struct waker *w = ctx;
  uint64_t seen = 0;
  bool is_due = false;
  int64_t rest = REST_MS;
  for (;;) {
    struct state_stats stats;
    (void)state_wait(state_of(w), seen, IDLE_MS);
    if (!sys_rest(&w->rest, rest))
      return NULL;
    state_get_stats(state_of(w), &stats);
    arena_reset(w->arena);
    /* Nothing has changed: the same pods have no place for the same reasons. */
    is_due |= take_notes(w) || stats.generation != seen || w->looks_again;
    seen = stats.generation;
    rest = REST_MS;
    if (!is_due || !may_decide(w))
      continue;
    is_due = false;
    rest = do_round(w);
  }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_all(struct waker *w) {
  for (size_t i = 0; i < w->count; i++)
    free((char *)w->sleepers[i].uid.ptr);
  for (size_t i = 0; i < w->note_count; i++)
    free((char *)w->notes[i].ptr);
  free(w->sleepers);
  free(w->notes);
  (void)pthread_mutex_destroy(&w->lock);
  sys_rest_done(&w->rest);
  arena_free(w->arena);
  free(w);
}

struct waker *waker_start(const struct waker_config *config, struct err *reterr) {
  struct waker *w = mem_zalloc(sizeof(*w));
  w->config = *config;
  w->arena = arena_new(64 << 10);
  w->sleepers = mem_zalloc(WAKER_PODS_MAX * sizeof(*w->sleepers));
  w->notes = mem_zalloc(WAKER_PODS_MAX * sizeof(*w->notes));
  (void)pthread_mutex_init(&w->lock, NULL);
  sys_rest_init(&w->rest);
  int failed = pthread_create(&w->thread, NULL, wake_for_ever, w);
  if (!failed)
    return w;
  (void)err_set(reterr, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
  free_all(w);
  return NULL;
}

void waker_stop(struct waker *w) {
  if (!w)
    return;
  sys_rest_end(&w->rest);
  (void)pthread_join(w->thread, NULL);
  free_all(w);
}

void waker_get_stats(struct waker *w, struct waker_stats *ret) {
  *ret = (struct waker_stats){.woken = atomic_load(&w->woken), .failed = atomic_load(&w->failed)};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/reasons.h"

#include "src/cli/reason_book.h"

#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
  PATIENCE_MS = 10000,
  LOOK_MS = 5000,
  REST_FACTOR = 20,     /* rests so many times as long as it has looked: 5 % of a core at most */
  ASKED_MAX = 256,      /* pods of one look; the next one goes on with others */
  CHUNK = 8,            /* pods between which others may ask */
  TURN_US = 1000,       /* that others have then to take their turn */
  COMPLAIN_MS = 600000, /* between two lines in the log that Events are not taken */
};

/* A pod that is to be told something. */
struct saying {
  const struct pod *pod;
  struct str note;
};

struct reasons {
  struct reasons_config config;
  struct reason_book *book;
  struct arena *arena; /* of one look */
  char *instance;
  pthread_t thread;
  struct sys_rest rest;
  size_t first; /* of the waiting pods, where the next look begins */
  int64_t complained_ms;
  int64_t rested_ms; /* within this look, where limits wanted it */
  atomic_llong posted, failed, same, limited;
};

static struct state *state_of(const struct reasons *r) {
  return live_state(r->config.live);
}

/* ---- saying ---------------------------------------------------------------------------------- */

static void complain(struct reasons *r, const struct pod *pod, const struct err *err) {
  int64_t now = live_now_ms();
  if (kube_stop_is_raised(live_stop_signal(r->config.live)) ||
      (r->complained_ms && now - r->complained_ms < COMPLAIN_MS))
    return;
  r->complained_ms = now;
  sys_log(SYS_WARN, "events on waiting pods are not taken", sys_str("namespace", pod->ns),
          sys_str("pod", pod->name), sys_err(err));
}

static void say(struct reasons *r, const struct saying *saying) {
  const struct pod *pod = saying->pod;
  const struct kube_event event = {.regarding = &kube_pods,
                                   .namespace = pod->ns,
                                   .name = pod->name,
                                   .uid = pod->uid,
                                   .resource_version = pod->resource_version,
                                   .is_warning = true,
                                   .reason = STR_LIT("GPUUnavailable"),
                                   .action = STR_LIT("Explaining"),
                                   .note = saying->note,
                                   .reporting_component = STR_LIT("slicegate.dev/explain"),
                                   .reporting_instance = str_of(r->instance),
                                   .when_us = sys_wall_now().ns / 1000};
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct err err;
  if (kube_post_event(live_client(r->config.live), &event, live_stop_signal(r->config.live),
                      &response, &err)) {
    atomic_fetch_add(&r->posted, 1);
    return;
  }
  atomic_fetch_add(&r->failed, 1);
  reason_book_failed(r->book, pod->uid);
  if (response.status != 404) /* gone meanwhile, its namespace with it */
    complain(r, pod, &err);
}

/* ---- finding out ----------------------------------------------------------------------------- */

/* Why the pod waits, if that is new and may be said. False: it may not be said yet. */
static bool judge(struct reasons *r, const struct explain_view *view, const struct pod *pod,
                  struct saying *ret) {
  enum { NOTE_MAX_BYTES = 1024 };
  struct explain_question question = explain_live_question(pod);
  struct explain_answer answer;
  *ret = (struct saying){0};
  question.change_max = 1;
  explain_pod(view->scene, &question, r->arena, &answer);
  if (!answer.is_judged || answer.fit_count) {
    reason_book_fits(r->book, pod->uid, view->generation);
    return true;
  }
  switch (reason_book_judge(r->book, pod->uid, explain_reason_key(&answer), view->generation,
                            live_now_ms())) {
  case REASON_SAME:
    atomic_fetch_add(&r->same, 1);
    return true;
  case REASON_LIMITED:
    atomic_fetch_add(&r->limited, 1);
    return false;
  case REASON_DUE:
    break;
  }
  *ret = (struct saying){pod, explain_reason_line(&answer, r->arena, NOTE_MAX_BYTES)};
  return true;
}

/* False: some of it has to be done again later. */
static bool ask_chunk(struct reasons *r, const struct pod *const *pods, size_t count,
                      uint64_t generation) {
  struct saying sayings[CHUNK];
  struct explain_view view;
  struct err err;
  if (!explain_live_enter(r->config.explain, 0, &view, &err)) {
    sys_log(SYS_DEBUG, "not explained", sys_err(&err));
    return false;
  }
  bool is_done =
      view.generation >= generation; /* else it is a copy that somebody had made before */
  for (size_t i = 0; i < count; i++)
    is_done = judge(r, &view, pods[i], &sayings[i]) && is_done;
  explain_live_leave(r->config.explain);
  for (size_t i = 0; i < count; i++)
    if (sayings[i].pod)
      say(r, &sayings[i]);
  return is_done;
}

static bool ask_all(struct reasons *r, const struct pod *const *pods, size_t count,
                    uint64_t generation) {
  const struct timespec turn = {.tv_nsec = TURN_US * 1000L};
  for (size_t first = 0; first < count; first += CHUNK) {
    int64_t pause = reason_book_pause_ms(r->book, live_now_ms());
    if (pause > 1000 || (pause && !sys_rest(&r->rest, pause)))
      return false;
    r->rested_ms += pause;
    size_t here = count - first < CHUNK ? count - first : CHUNK;
    if (!ask_chunk(r, pods + first, here, generation))
      return false;
    (void)nanosleep(&turn, NULL);
  }
  return true;
}

/* ---- looking --------------------------------------------------------------------------------- */

/* Not told: who waits for something else than room, or has it. */
static bool is_told(const struct pod *pod) {
  return !(pod->traits & (POD_IS_GATED | POD_IS_DELETING)) && pod->nominated_node.len == 0 &&
         pod->uid.len > 0;
}

static bool has_waited(const struct reasons *r, const struct pod *pod) {
  return sys_wall_now().ns / 1000000 - i64_mul_sat(pod->created, 1000) >= r->config.patience_ms;
}

/* True: there is nothing more to do before the cluster changes. */
static bool look(struct reasons *r, uint64_t generation) {
  size_t waiting = 0, count = 0;
  bool is_done = true;
  arena_reset(r->arena);
  const struct pod *pods = state_waiting_unplanned(state_of(r), r->arena, &waiting);
  const struct pod **asked = arena_array(r->arena, ASKED_MAX, sizeof(*asked));
  size_t first = r->first < waiting ? r->first : 0;
  reason_book_begin(r->book);
  for (size_t i = 0; i < waiting; i++) {
    size_t at = (first + i) % waiting;
    if (!is_told(&pods[at]))
      continue;
    enum reason_wish wish = reason_book_wish(r->book, pods[at].uid, generation, live_now_ms());
    bool is_asked = wish == REASON_ASK && count < ASKED_MAX && has_waited(r, &pods[at]);
    if (is_asked) {
      asked[count++] = &pods[at];
      r->first = at + 1;
    }
    is_done = is_done && (is_asked || wish == REASON_KNOWN || wish == REASON_FULL);
  }
  reason_book_end(r->book);
  return ask_all(r, asked, count, generation) && is_done;
}

static bool nobody_waits(struct reasons *r) {
  struct state_stats stats;
  state_get_stats(state_of(r), &stats);
  if (stats.waiting_pods > 0)
    return false;
  reason_book_begin(r->book);
  reason_book_end(r->book);
  return true;
}

static void *speak_for_ever(void *ctx) {
  struct reasons *r = ctx;
  uint64_t seen = 0;
  bool is_due = true;
  int64_t pause = r->config.look_ms;
  while (sys_rest(&r->rest, pause)) {
    pause = r->config.look_ms;
    explain_live_tidy(r->config.explain);
    if (!state_is_synced(state_of(r)) || !r->config.may_speak(r->config.may_speak_ctx)) {
      is_due = true;
      continue;
    }
    uint64_t generation = state_wait(state_of(r), UINT64_MAX, 0);
    if ((!is_due && generation == seen) || nobody_waits(r))
      continue;
    int64_t began = live_now_ms();
    r->rested_ms = 0;
    is_due = !look(r, generation);
    seen = generation;
    int64_t tired = (live_now_ms() - began - r->rested_ms) * REST_FACTOR;
    pause = tired > pause ? tired : pause;
  }
  return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void release(struct reasons *r) {
  reason_book_free(r->book);
  arena_free(r->arena);
  sys_rest_done(&r->rest);
  free(r->instance);
  free(r);
}

struct reasons *reasons_start(const struct reasons_config *config, struct err *reterr) {
  struct reasons *r = mem_zalloc(sizeof(*r));
  r->config = *config;
  r->config.patience_ms = config->patience_ms ? config->patience_ms : PATIENCE_MS;
  r->config.look_ms = config->look_ms ? config->look_ms : LOOK_MS;
  r->instance = mem_strndup(config->instance.ptr, config->instance.len);
  r->book = reason_book_new();
  r->arena = arena_new(64 << 10);
  sys_rest_init(&r->rest);
  int failed = pthread_create(&r->thread, NULL, speak_for_ever, r);
  if (!failed)
    return r;
  (void)err_set(reterr, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
  release(r);
  return NULL;
}

void reasons_stop(struct reasons *r) {
  if (!r)
    return;
  sys_rest_end(&r->rest);
  (void)pthread_join(r->thread, NULL);
  release(r);
}

void reasons_get_stats(struct reasons *r, struct reasons_stats *ret) {
  *ret = (struct reasons_stats){.posted = atomic_load(&r->posted),
                                .failed = atomic_load(&r->failed),
                                .same = atomic_load(&r->same),
                                .limited = atomic_load(&r->limited)};
}

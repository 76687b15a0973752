/* SPDX-License-Identifier: Apache-2.0 */
/* When the fence is up; Bindings in doubt; its thread. */
#include "src/cli/fence_internal.h"

#include "src/cli/crew.h"

#include <stdlib.h>

enum {
  RETRY_MS = 500,
  WRITERS = 8,  /* patches under way at once */
  SEEN_MS = 20, /* between looks whether the state has seen what it must */
  LOG_AGAIN_MS = 60000,
};

static struct state *state_of(const struct fence *fence) {
  return live_state(fence->config.live);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static bool is_of_now(struct fence *fence, int64_t term) {
  (void)pthread_mutex_lock(&fence->lock);
  bool is_same = fence->is_wanted && fence->term == term;
  (void)pthread_mutex_unlock(&fence->lock);
  return is_same;
}

static void complain(struct fence *fence, size_t count) {
  if (!sys_is_due(&fence->failure_logged, LOG_AGAIN_MS))
    return;
  char error[sizeof(fence->error)];
  (void)pthread_mutex_lock(&fence->lock);
  memcpy(error, fence->error, sizeof(error));
  (void)pthread_mutex_unlock(&fence->lock);
  sys_log(SYS_WARN, "pods cannot be fenced yet; until they are, this replica decides nothing",
          sys_int("pods", (int64_t)count), sys_cstr("error", error));
}

/* Does what is left of the tasks. How long to wait before the next try; 0: all is done. */
static int64_t do_round(struct fence *fence) {
  size_t left = 0, failed = 0;
  (void)pthread_mutex_lock(&fence->lock);
  fence->error[0] = '\0';
  (void)pthread_mutex_unlock(&fence->lock);
  crew_run(WRITERS, fence->task_count, fence_do_task, fence);
  for (size_t i = 0; i < fence->task_count; i++) {
    struct task *task = fence->tasks[i];
    failed += task->progress == TO_PATCH;
    if (task->progress == TO_PATCH || task->progress == TO_SEE)
      fence->tasks[left++] = task;
  }
  fence->task_count = left;
  (void)pthread_mutex_lock(&fence->lock);
  fence->left = left;
  (void)pthread_mutex_unlock(&fence->lock);
  if (failed && !kube_stop_is_raised(live_stop_signal(fence->config.live)))
    complain(fence, failed);
  return failed ? fence->config.retry_ms : left ? SEEN_MS : 0;
}

static size_t list_tasks(struct fence *fence) {
  size_t count = 0;
  const struct pod *pods = state_waiting(state_of(fence), fence->arena, &count);
  struct task *tasks = arena_array(fence->arena, count + 1, sizeof(*tasks));
  fence->tasks = arena_array(fence->arena, count + 1, sizeof(struct task *));
  fence->task_count = count;
  for (size_t i = 0; i < count; i++) {
    tasks[i] = (struct task){pods[i].ns, pods[i].name, pods[i].uid, TO_PATCH};
    fence->tasks[i] = &tasks[i];
  }
  return count;
}

/* The list comes after the right to decide: what the predecessor has bound is in it. */
static bool learn(struct fence *fence, int64_t term) {
  int64_t ticket = fence->config.relists ? live_relist_pods(fence->config.live) : 0;
  while (!state_is_synced(state_of(fence)) || !live_are_pods_listed(fence->config.live, ticket))
    if (!sys_rest(&fence->rest, SEEN_MS) || !is_of_now(fence, term))
      return false;
  return true;
}

static void put_up(struct fence *fence, int64_t term) {
  int64_t began = live_now_ms(), pause;
  arena_reset(fence->arena);
  atomic_store(&fence->failure_logged.last_ns, 0);
  if (!learn(fence, term))
    return;
  size_t count = list_tasks(fence);
  while ((pause = do_round(fence)) > 0)
    if (!sys_rest(&fence->rest, pause) || !is_of_now(fence, term))
      return;
  (void)pthread_mutex_lock(&fence->lock);
  bool is_up = fence->is_wanted && fence->term == term;
  if (is_up)
    atomic_store(&fence->is_up, true);
  (void)pthread_mutex_unlock(&fence->lock);
  if (is_up)
    sys_log(SYS_INFO, "this replica answers kube-scheduler", sys_int("fenced", (int64_t)count),
            sys_int("ms", live_now_ms() - began));
}

/* ---- doubts ---------------------------------------------------------------------------------- */

void fence_doubt(struct fence *fence, struct str ns, struct str name, struct str uid) {
  struct doubt *doubt = mem_zalloc(sizeof(*doubt) + ns.len + name.len + uid.len);
  char *text = doubt->text;
  doubt->task =
      (struct task){str_put(&text, ns), str_put(&text, name), str_put(&text, uid), TO_PATCH};
  (void)state_prolong(state_of(fence), uid, INT64_MAX); /* ended by us */
  (void)pthread_mutex_lock(&fence->lock);
  doubt->next = fence->doubts;
  fence->doubts = doubt;
  fence->doubt_count++;
  (void)pthread_cond_broadcast(&fence->changed);
  (void)pthread_mutex_unlock(&fence->lock);
}

/* New ones come in front, and only this thread takes any out: the list from here on is ours. */
static struct doubt *first_doubt(struct fence *fence) {
  (void)pthread_mutex_lock(&fence->lock);
  struct doubt *first = fence->doubts;
  (void)pthread_mutex_unlock(&fence->lock);
  return first;
}

static void end_doubts(struct fence *fence) {
  (void)pthread_mutex_lock(&fence->lock);
  for (struct doubt **at = &fence->doubts; *at;) {
    struct doubt *doubt = *at;
    if (doubt->task.progress != FENCED && doubt->task.progress != OVER) {
      at = &doubt->next;
      continue;
    }
    *at = doubt->next;
    fence->doubt_count--;
    /* Bound or gone: then the state has dropped it by itself, and there is none. */
    (void)state_unhold(state_of(fence), doubt->task.uid, true);
    free(doubt);
  }
  (void)pthread_mutex_unlock(&fence->lock);
}

/* Only while we decide: another replica would take the patch for a rival's. It fences by itself. */
static void settle_doubts(struct fence *fence) {
  struct doubt *first = first_doubt(fence);
  if (!first || !atomic_load(&fence->is_up))
    return;
  arena_reset(fence->arena);
  fence->task_count = 0;
  for (struct doubt *at = first; at; at = at->next)
    fence->task_count++;
  fence->tasks = arena_array(fence->arena, fence->task_count, sizeof(struct task *));
  size_t i = 0;
  for (struct doubt *at = first; at; at = at->next)
    fence->tasks[i++] = &at->task;
  crew_run(WRITERS, fence->task_count, fence_do_task, fence);
  end_doubts(fence);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* False: it ends. Else whether the fence is to be put up, and in which term. */
static bool wait_for_work(struct fence *fence, bool *ret_is_due, int64_t *ret_term) {
  (void)pthread_mutex_lock(&fence->lock);
  while (!fence->is_ended && !(fence->is_wanted && (!atomic_load(&fence->is_up) || fence->doubts)))
    (void)pthread_cond_wait(&fence->changed, &fence->lock);
  bool goes_on = !fence->is_ended;
  *ret_is_due = !atomic_load(&fence->is_up);
  *ret_term = fence->term;
  (void)pthread_mutex_unlock(&fence->lock);
  return goes_on;
}

static void *stand(void *ctx) {
  struct fence *fence = ctx;
  bool is_due;
  int64_t term;
  while (wait_for_work(fence, &is_due, &term)) {
    if (is_due)
      put_up(fence, term);
    settle_doubts(fence);
    if (first_doubt(fence))
      (void)sys_rest(&fence->rest, fence->config.retry_ms);
  }
  return NULL;
}

static void change(struct fence *fence, bool is_wanted) {
  (void)pthread_mutex_lock(&fence->lock);
  fence->is_wanted = is_wanted;
  fence->term++;
  fence->left = 0;
  fence->error[0] = '\0';
  atomic_store(&fence->is_up, false);
  (void)pthread_cond_broadcast(&fence->changed);
  (void)pthread_mutex_unlock(&fence->lock);
}

void fence_raise(struct fence *fence) {
  change(fence, true);
}

void fence_lower(struct fence *fence) {
  change(fence, false);
}

bool fence_is_up(const struct fence *fence) {
  return atomic_load(&fence->is_up);
}

void fence_get_status(struct fence *fence, struct fence_status *ret) {
  (void)pthread_mutex_lock(&fence->lock);
  *ret = (struct fence_status){.is_wanted = fence->is_wanted,
                               .is_up = atomic_load(&fence->is_up),
                               .left = fence->left,
                               .doubts = fence->doubt_count};
  memcpy(ret->error, fence->error, sizeof(ret->error));
  (void)pthread_mutex_unlock(&fence->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void release(struct fence *fence) {
  for (struct doubt *at = fence->doubts, *next; at; at = next) {
    next = at->next;
    free(at);
  }
  free((char *)fence->config.identity.ptr);
  arena_free(fence->arena);
  sys_rest_done(&fence->rest);
  (void)pthread_cond_destroy(&fence->changed);
  (void)pthread_mutex_destroy(&fence->lock);
  free(fence);
}

struct fence *fence_start(const struct fence_config *config, struct err *reterr) {
  struct fence *fence = mem_zalloc(sizeof(*fence));
  fence->config = *config;
  fence->config.identity.ptr = mem_strndup(config->identity.ptr, config->identity.len);
  fence->config.retry_ms = config->retry_ms ? config->retry_ms : RETRY_MS;
  fence->arena = arena_new(64 << 10);
  sys_rest_init(&fence->rest);
  (void)pthread_mutex_init(&fence->lock, NULL);
  (void)pthread_cond_init(&fence->changed, NULL);
  int failed = pthread_create(&fence->thread, NULL, stand, fence);
  if (!failed)
    return fence;
  (void)err_set(reterr, ERR_UNAVAILABLE, "cannot start a thread: %s", strerror(failed));
  release(fence);
  return NULL;
}

void fence_stop(struct fence *fence) {
  if (!fence)
    return;
  (void)pthread_mutex_lock(&fence->lock);
  fence->is_ended = true;
  (void)pthread_cond_broadcast(&fence->changed);
  (void)pthread_mutex_unlock(&fence->lock);
  sys_rest_end(&fence->rest);
  (void)pthread_join(fence->thread, NULL);
  release(fence);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The policy and the cluster that requests are judged by, and their exchange while serving. */
#include "serve_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLUSTER_MAX_BYTES = 1 << 30, POLICY_MAX_BYTES = 1 << 20, FIRST_CHUNK = 64 << 10 };

struct judge_cluster {
  atomic_int references;
  bool is_live;
  struct arena *arena;
  struct buf text; /* of a recording: the cluster is made of views into it */
  struct cluster cluster;
};

struct judges {
  const char *policy_path, *cluster_path; /* NULL: built-in, none */
  pthread_mutex_t lock; /* of what stands below; held for a pointer, never a read */
  struct judge *current;
  struct judges_status status; /* its generation is filled in when it is asked for */
  pthread_mutex_t changing;    /* held while a successor is made: one at a time */
  _Atomic int64_t heard_ns;    /* monotonic; of a live cluster, 0: there is none */
  _Atomic int64_t stale_seconds;
};

static void cluster_unref(struct judge_cluster *known) {
  if (!known || atomic_fetch_sub_explicit(&known->references, 1, memory_order_acq_rel) != 1)
    return;
  arena_free(known->arena);
  buf_done(&known->text);
  free(known);
}

static void judge_free(struct judge *judge) {
  if (!judge)
    return;
  adm_cluster_free(judge->facts);
  policy_unref(judge->policy);
  cluster_unref(judge->known);
  free(judge);
}

void judge_release(struct judge *judge) {
  if (atomic_fetch_sub_explicit(&judge->references, 1, memory_order_acq_rel) == 1)
    judge_free(judge);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void log_policy_errors(const char *path, const struct policy_errors *errors) {
  for (size_t i = 0; i < errors->count; i++) {
    const struct policy_error *error = &errors->items[i];
    sys_log(SYS_ERROR, "policy error", sys_cstr("file", path), sys_int("line", error->line),
            sys_int("column", error->column), sys_str("field", error->field),
            sys_str("error", error->message));
  }
}

static bool read_policy(const char *path, struct policy **ret, struct err *reterr) {
  if (!path) {
    *ret = policy_builtin();
    return true;
  }
  CLEANUP_BUF struct buf text;
  if (!sys_file_read(path, POLICY_MAX_BYTES, &text, reterr))
    return err_wrap(reterr, "--policy"), false;
  CLEANUP_ARENA struct arena *arena = arena_new(FIRST_CHUNK);
  struct policy_errors errors = {0};
  *ret = policy_read(str_of(path), buf_str(&text), arena, &errors);
  if (*ret)
    return true;
  log_policy_errors(path, &errors);
  const struct policy_error *first = &errors.items[0];
  return err_set_at(reterr, ERR_INVALID, first->line, first->column, "%s:%u:%u: %.*s: %.*s%s", path,
                    first->line, first->column, STR_FMT(first->field), STR_FMT(first->message),
                    errors.count > 1 ? " (and more, see the log)" : "");
}

static struct judge_cluster *read_cluster(const char *path, struct err *reterr) {
  struct judge_cluster *known = mem_zalloc(sizeof(*known));
  atomic_init(&known->references, 1);
  known->arena = arena_new(FIRST_CHUNK);
  if (sys_file_read(path, CLUSTER_MAX_BYTES, &known->text, reterr)) {
    if (wire_cluster_decode(known->arena, buf_str(&known->text), &known->cluster, reterr))
      return known;
    err_wrap(reterr, "%s:%u:%u", path, reterr->line, reterr->column);
  }
  err_wrap(reterr, "--cluster");
  cluster_unref(known);
  return NULL;
}

/* Takes over a reference to the policy and one to the cluster. */
static struct judge *judge_new(struct policy *policy, struct judge_cluster *known) {
  struct judge *judge = mem_zalloc(sizeof(*judge));
  atomic_init(&judge->references, 1);
  judge->policy = policy;
  judge->view = policy_get(policy);
  judge->known = known;
  judge->cluster = known ? &known->cluster : NULL;
  judge->facts = known ? adm_cluster_new(&known->cluster, judge->view) : NULL;
  return judge;
}

/* `live`: instead of the file; NULL: there is none. */
static struct judge *judge_read(const struct judges *judges, struct judge_cluster *live,
                                bool *ret_is_of_cluster, struct err *reterr) {
  struct policy *policy;
  struct judge_cluster *known = live;
  *ret_is_of_cluster = false;
  if (!read_policy(judges->policy_path, &policy, reterr))
    return NULL;
  if (live) {
    atomic_fetch_add_explicit(&live->references, 1, memory_order_relaxed);
  } else if (judges->cluster_path && !(known = read_cluster(judges->cluster_path, reterr))) {
    *ret_is_of_cluster = true;
    policy_unref(policy);
    return NULL;
  }
  return judge_new(policy, known);
}

/* ---- the current one ------------------------------------------------------------------------- */

static void log_loaded(const struct judge *judge) {
  sys_log(SYS_INFO, "policy loaded", sys_str("policy", judge->view->name),
          sys_str("source", judge->view->source), sys_int("generation", judge->generation),
          sys_bool("cluster", judge->facts != NULL));
}

struct judges *judges_new(const char *policy_path, const char *cluster_path) {
  struct judges *judges = mem_zalloc(sizeof(*judges));
  struct err err;
  bool is_of_cluster;
  judges->policy_path = policy_path;
  judges->cluster_path = cluster_path;
  judges->current = judge_read(judges, NULL, &is_of_cluster, &err);
  if (!judges->current) {
    sys_log(SYS_ERROR, "cannot begin", sys_err(&err));
    free(judges);
    return NULL;
  }
  judges->current->generation = 1;
  atomic_init(&judges->heard_ns, 0);
  atomic_init(&judges->stale_seconds, JUDGES_STALE_SECONDS);
  pthread_mutex_init(&judges->lock, NULL);
  pthread_mutex_init(&judges->changing, NULL);
  log_loaded(judges->current);
  return judges;
}

void judges_free(struct judges *judges) {
  if (!judges)
    return;
  judge_release(judges->current);
  pthread_mutex_destroy(&judges->lock);
  pthread_mutex_destroy(&judges->changing);
  free(judges);
}

struct judge *judges_acquire(struct judges *judges) {
  pthread_mutex_lock(&judges->lock);
  struct judge *judge = judges->current;
  atomic_fetch_add_explicit(&judge->references, 1, memory_order_relaxed);
  pthread_mutex_unlock(&judges->lock);
  return judge;
}

static void keep_old(struct judges *judges, bool is_of_cluster, const struct err *err) {
  pthread_mutex_lock(&judges->lock);
  judges->status.failures++;
  judges->status.is_of_cluster = is_of_cluster;
  (void)snprintf(judges->status.error, sizeof(judges->status.error), "%s", err->text);
  int64_t generation = judges->current->generation;
  pthread_mutex_unlock(&judges->lock);
  sys_log(SYS_ERROR,
          is_of_cluster ? "cluster not reloaded, the old one keeps serving"
                        : "policy not reloaded, the old one keeps serving",
          sys_err(err), sys_int("generation", generation));
}

/* Only with `changing` held is `current` sure to stay what it is. */
static void succeed(struct judges *judges, struct judge *fresh) {
  pthread_mutex_lock(&judges->lock);
  struct judge *old = judges->current;
  judges->current = fresh;
  if (fresh->generation == old->generation)
    judges->status.clusters++;
  else
    judges->status.error[0] = '\0';
  pthread_mutex_unlock(&judges->lock);
  judge_release(old);
}

void judges_reload(struct judges *judges) {
  pthread_mutex_lock(&judges->changing);
  struct judge *current = judges->current;
  struct judge_cluster *live = current->known && current->known->is_live ? current->known : NULL;
  struct err err;
  bool is_of_cluster;
  struct judge *fresh = judge_read(judges, live, &is_of_cluster, &err);
  if (!fresh) {
    keep_old(judges, is_of_cluster, &err);
  } else {
    fresh->generation = current->generation + 1;
    log_loaded(fresh);
    succeed(judges, fresh);
  }
  pthread_mutex_unlock(&judges->changing);
}

/* ---- a live cluster ------------------------------------------------------------------------ */

void judges_set_cluster(struct judges *judges, struct arena *owned, const struct cluster *cluster) {
  struct judge_cluster *known = mem_zalloc(sizeof(*known));
  *known = (struct judge_cluster){.is_live = true, .arena = owned, .cluster = *cluster};
  atomic_init(&known->references, 1);
  pthread_mutex_lock(&judges->changing);
  struct judge *fresh = judge_new(policy_ref(judges->current->policy), known);
  fresh->generation = judges->current->generation;
  judges_cluster_heard(judges, 0);
  succeed(judges, fresh);
  pthread_mutex_unlock(&judges->changing);
}

void judges_cluster_heard(struct judges *judges, int64_t ago_ms) {
  atomic_store(&judges->heard_ns, sys_mono_add_ms(sys_mono_now(), -ago_ms).ns);
}

void judges_stale_after(struct judges *judges, int64_t seconds) {
  atomic_store(&judges->stale_seconds, seconds);
}

static int64_t unheard_ms(struct judges *judges) {
  int64_t heard_ns = atomic_load(&judges->heard_ns);
  return heard_ns ? (sys_mono_now().ns - heard_ns) / 1000000 : -1;
}

int64_t judges_stale_seconds(struct judges *judges) {
  int64_t seconds = unheard_ms(judges) / 1000;
  return seconds > atomic_load(&judges->stale_seconds) ? seconds : 0;
}

/* ---- what is told ------------------------------------------------------------------------- */

void judges_get_status(struct judges *judges, struct judges_status *ret) {
  pthread_mutex_lock(&judges->lock);
  *ret = judges->status;
  ret->generation = judges->current->generation;
  ret->is_live = judges->current->known && judges->current->known->is_live;
  pthread_mutex_unlock(&judges->lock);
  ret->unheard_ms = ret->is_live ? unheard_ms(judges) : -1;
}

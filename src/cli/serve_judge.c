/* SPDX-License-Identifier: Apache-2.0 */
/* The policy and the cluster that requests are judged by, and their exchange while serving. */
#include "serve_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLUSTER_MAX_BYTES = 1 << 30, POLICY_MAX_BYTES = 1 << 20, FIRST_CHUNK = 64 << 10 };

struct judges {
  const char *policy_path, *cluster_path; /* NULL: built-in, none */
  pthread_mutex_t lock; /* of what stands below; held for a pointer, never a read */
  struct judge *current;
  struct judges_status status; /* its generation is filled in when it is asked for */
  pthread_mutex_t reloading;   /* one reload at a time */
};

static void judge_free(struct judge *judge) {
  if (!judge)
    return;
  adm_cluster_free(judge->facts);
  policy_unref(judge->policy);
  arena_free(judge->arena);
  buf_done(&judge->cluster_text);
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
    return false;
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

static bool read_cluster(const char *path, struct judge *judge, struct err *reterr) {
  if (!path)
    return true;
  if (!sys_file_read(path, CLUSTER_MAX_BYTES, &judge->cluster_text, reterr))
    return false;
  judge->arena = arena_new(FIRST_CHUNK);
  if (!wire_cluster_decode(judge->arena, buf_str(&judge->cluster_text), &judge->cluster, reterr))
    return err_wrap(reterr, "%s:%u:%u", path, reterr->line, reterr->column);
  judge->facts = adm_cluster_new(&judge->cluster, judge->view);
  return true;
}

static struct judge *judge_read(const char *policy_path, const char *cluster_path,
                                bool *ret_is_of_cluster, struct err *reterr) {
  struct judge *judge = mem_zalloc(sizeof(*judge));
  atomic_init(&judge->references, 1);
  *ret_is_of_cluster = false;
  if (read_policy(policy_path, &judge->policy, reterr)) {
    judge->view = policy_get(judge->policy);
    if (read_cluster(cluster_path, judge, reterr))
      return judge;
    *ret_is_of_cluster = true;
  }
  judge_free(judge);
  return NULL;
}

/* ---- the current one ------------------------------------------------------------------------- */

struct judges *judges_new(const char *policy_path, const char *cluster_path) {
  struct err err;
  bool is_of_cluster;
  struct judge *first = judge_read(policy_path, cluster_path, &is_of_cluster, &err);
  if (!first) {
    sys_log(SYS_ERROR, "cannot begin", sys_err(&err));
    return NULL;
  }
  struct judges *judges = mem_zalloc(sizeof(*judges));
  first->generation = 1;
  judges->policy_path = policy_path;
  judges->cluster_path = cluster_path;
  judges->current = first;
  pthread_mutex_init(&judges->lock, NULL);
  pthread_mutex_init(&judges->reloading, NULL);
  sys_log(SYS_INFO, "policy loaded", sys_str("policy", first->view->name),
          sys_str("source", first->view->source), sys_int("generation", 1),
          sys_bool("cluster", first->facts != NULL));
  return judges;
}

void judges_free(struct judges *judges) {
  if (!judges)
    return;
  judge_release(judges->current);
  pthread_mutex_destroy(&judges->lock);
  pthread_mutex_destroy(&judges->reloading);
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

void judges_reload(struct judges *judges) {
  pthread_mutex_lock(&judges->reloading);
  struct err err;
  bool is_of_cluster;
  struct judge *fresh = judge_read(judges->policy_path, judges->cluster_path, &is_of_cluster, &err);
  if (!fresh) {
    keep_old(judges, is_of_cluster, &err);
  } else {
    pthread_mutex_lock(&judges->lock);
    struct judge *old = judges->current;
    fresh->generation = old->generation + 1;
    judges->current = fresh;
    judges->status.error[0] = '\0';
    pthread_mutex_unlock(&judges->lock);
    judge_release(old);
    sys_log(SYS_INFO, "policy loaded", sys_str("policy", fresh->view->name),
            sys_str("source", fresh->view->source), sys_int("generation", fresh->generation),
            sys_bool("cluster", fresh->facts != NULL));
  }
  pthread_mutex_unlock(&judges->reloading);
}

void judges_get_status(struct judges *judges, struct judges_status *ret) {
  pthread_mutex_lock(&judges->lock);
  *ret = judges->status;
  ret->generation = judges->current->generation;
  pthread_mutex_unlock(&judges->lock);
}

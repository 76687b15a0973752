/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching by looking. inotify would be quicker, but it watches inodes: a ConfigMap
 * mount replaces a symlink two levels up, network file systems say nothing, and
 * every rename needs the watch put up again. stat(2) follows all of it.
 */
#include "slicegate/sys.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What a file looked like. All zero: it is not there. */
struct stamp {
  uint64_t dev;
  uint64_t ino;
  int64_t mtime_ns;
  int64_t ctime_ns;
  int64_t size;
};

struct watched {
  char **paths;
  struct stamp *reported; /* as of the last callback */
  struct stamp *seen;     /* as of the last look */
  size_t count;
  sys_watch_fn *changed;
  void *ctx;
};

struct sys_watch {
  int64_t interval_ms;
  struct watched *sets;
  size_t count;
  pthread_t thread;
  bool is_running;
  struct sys_rest rest; /* between looks */
};

static struct stamp look(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0)
    return (struct stamp){0};
  return (struct stamp){
      .dev = st.st_dev,
      .ino = st.st_ino,
      .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
      .ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec,
      .size = st.st_size,
  };
}

static bool stamp_eq(struct stamp a, struct stamp b) {
  return a.dev == b.dev && a.ino == b.ino && a.mtime_ns == b.mtime_ns && a.ctime_ns == b.ctime_ns &&
         a.size == b.size;
}

struct sys_watch *sys_watch_new(int64_t interval_ms) {
  struct sys_watch *watch = mem_zalloc(sizeof(*watch));
  watch->interval_ms = interval_ms > 0 ? interval_ms : SYS_WATCH_INTERVAL_MS;
  sys_rest_init(&watch->rest);
  return watch;
}

void sys_watch_add(struct sys_watch *watch, const char *const *paths, size_t count,
                   sys_watch_fn *changed, void *ctx) {
  watch->sets = mem_realloc(watch->sets, (watch->count + 1) * sizeof(*watch->sets));
  struct watched *set = &watch->sets[watch->count++];
  *set = (struct watched){
      .paths = mem_zalloc(count * sizeof(*set->paths)),
      .reported = mem_zalloc(count * sizeof(*set->reported)),
      .seen = mem_zalloc(count * sizeof(*set->seen)),
      .count = count,
      .changed = changed,
      .ctx = ctx,
  };
  for (size_t i = 0; i < count; i++) {
    set->paths[i] = mem_strndup(paths[i], strlen(paths[i]));
    set->reported[i] = set->seen[i] = look(paths[i]);
  }
}

/* One look at every file of the set; true if it settled on something new. */
static bool set_has_changed(struct watched *set) {
  bool is_settled = true;
  bool is_new = false;
  for (size_t i = 0; i < set->count; i++) {
    struct stamp now = look(set->paths[i]);
    if (!stamp_eq(now, set->seen[i])) {
      set->seen[i] = now;
      is_settled = false;
    }
    if (!stamp_eq(now, set->reported[i]))
      is_new = true;
  }
  if (!is_settled || !is_new)
    return false;
  memcpy(set->reported, set->seen, set->count * sizeof(*set->seen));
  return true;
}

static void *watch_main(void *arg) {
  struct sys_watch *watch = arg;
  while (sys_rest(&watch->rest, watch->interval_ms)) {
    for (size_t i = 0; i < watch->count; i++) {
      if (set_has_changed(&watch->sets[i]))
        watch->sets[i].changed(watch->sets[i].ctx);
    }
  }
  return NULL;
}

bool sys_watch_start(struct sys_watch *watch, struct err *reterr) {
  int failed = pthread_create(&watch->thread, NULL, watch_main, watch);
  if (failed)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot start the file watching thread: %s",
                   strerror(failed));
  watch->is_running = true;
  return true;
}

void sys_watch_free(struct sys_watch *watch) {
  if (!watch)
    return;
  if (watch->is_running) {
    sys_rest_end(&watch->rest);
    (void)pthread_join(watch->thread, NULL);
  }
  for (size_t i = 0; i < watch->count; i++) {
    for (size_t k = 0; k < watch->sets[i].count; k++)
      free(watch->sets[i].paths[k]);
    free(watch->sets[i].paths);
    free(watch->sets[i].reported);
    free(watch->sets[i].seen);
  }
  free(watch->sets);
  sys_rest_done(&watch->rest);
  free(watch);
}

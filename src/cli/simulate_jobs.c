/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/simulate_jobs.h"

#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct simulate_jobs {
  size_t threads;
  FILE *terminal;       /* NULL: there is none */
  pthread_mutex_t lock; /* of the line of progress */
  bool has_line;
  /* The jobs that are being run. */
  size_t count;
  atomic_size_t next;
  void (*job)(void *arg, size_t index);
  void *arg;
};

struct simulate_jobs *simulate_jobs_new(size_t threads, FILE *err) {
  struct simulate_jobs *jobs = mem_zalloc(sizeof(*jobs));
  jobs->threads = threads;
  int fd = fileno(err);
  jobs->terminal = fd >= 0 && isatty(fd) == 1 ? err : NULL;
  (void)pthread_mutex_init(&jobs->lock, NULL);
  return jobs;
}

static void clear_line(const struct simulate_jobs *jobs) {
  (void)fputs("\r\033[K", jobs->terminal);
}

void simulate_jobs_free(struct simulate_jobs *jobs) {
  if (!jobs)
    return;
  if (jobs->has_line)
    clear_line(jobs);
  (void)pthread_mutex_destroy(&jobs->lock);
  free(jobs);
}

static int64_t clock_ns(void *ctx) {
  (void)ctx;
  return sys_mono_now().ns;
}

static void show_progress(void *ctx, size_t done, size_t total, const char *policy, uint64_t seed) {
  struct simulate_jobs *jobs = ctx;
  (void)pthread_mutex_lock(&jobs->lock);
  jobs->has_line = true;
  clear_line(jobs);
  (void)fprintf(jobs->terminal, "%zu of %zu runs (%s, seed %llu)", done, total, policy,
                (unsigned long long)seed);
  (void)fflush(jobs->terminal);
  (void)pthread_mutex_unlock(&jobs->lock);
}

static void *work(void *ctx) {
  struct simulate_jobs *jobs = ctx;
  for (size_t i; (i = atomic_fetch_add(&jobs->next, 1)) < jobs->count;)
    jobs->job(jobs->arg, i);
  return NULL;
}

static void run_jobs(void *ctx, size_t count, void (*job)(void *arg, size_t index), void *arg) {
  struct simulate_jobs *jobs = ctx;
  jobs->count = count;
  jobs->job = job;
  jobs->arg = arg;
  atomic_store(&jobs->next, 0);
  size_t helpers = jobs->threads - 1 < count ? jobs->threads - 1 : count, started = 0;
  pthread_t *threads = mem_zalloc(helpers * sizeof(*threads));
  /* Where no thread can be had, those that there are do the work. */
  while (started < helpers && pthread_create(&threads[started], NULL, work, jobs) == 0)
    started++;
  (void)work(jobs);
  for (size_t i = 0; i < started; i++)
    (void)pthread_join(threads[i], NULL);
  free(threads);
}

struct sim_env simulate_jobs_env(struct simulate_jobs *jobs) {
  return (struct sim_env){.ctx = jobs,
                          .now_ns = clock_ns,
                          .progress = jobs->terminal ? show_progress : NULL,
                          .run_jobs = jobs->threads > 1 ? run_jobs : NULL};
}

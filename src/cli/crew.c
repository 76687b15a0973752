/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/crew.h"

#include <pthread.h>
#include <stdatomic.h>

struct round {
  size_t count;
  crew_task_fn *task;
  void *ctx;
  atomic_size_t next;
};

static void *work(void *arg) {
  struct round *round = arg;
  for (;;) {
    size_t i = atomic_fetch_add(&round->next, 1);
    if (i >= round->count)
      return NULL;
    round->task(round->ctx, i);
  }
}

void crew_run(size_t threads, size_t count, crew_task_fn *task, void *ctx) {
  pthread_t others[CREW_THREADS_MAX];
  struct round round = {.count = count, .task = task, .ctx = ctx};
  size_t started = 0;
  while (started + 1 < threads && started < CREW_THREADS_MAX && started + 1 < count &&
         pthread_create(&others[started], NULL, work, &round) == 0)
    started++;
  (void)work(&round);
  for (size_t i = 0; i < started; i++)
    (void)pthread_join(others[i], NULL);
}

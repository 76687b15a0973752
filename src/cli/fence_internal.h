/* SPDX-License-Identifier: Apache-2.0 */
/* What fence.c (when it is up) and fence_pods.c (one pod at a time) share. */
#ifndef SLICEGATE_CLI_FENCE_INTERNAL_H
#define SLICEGATE_CLI_FENCE_INTERNAL_H

#include "src/cli/fence.h"

#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>

enum progress {
  TO_PATCH,
  TO_SEE, /* bound already, which the state has not seen yet */
  FENCED, /* no older Binding of it can be written any more */
  OVER,   /* the state has seen it bound, or it is gone */
};

/* A pod to be fenced. */
struct task {
  struct str ns, name, uid;
  enum progress progress;
};

struct doubt {
  struct doubt *next;
  struct task task;
  char text[]; /* of the task's strings */
};

struct fence {
  struct fence_config config;
  pthread_t thread;
  struct arena *arena;  /* of one round; the thread's */
  struct sys_rest rest; /* of the thread, between tries */
  atomic_llong number;  /* of the last patch */
  atomic_bool is_up;    /* written under the lock */

  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t changed;
  bool is_wanted, is_ended;
  int64_t term; /* counts fence_raise and fence_lower */
  struct doubt *doubts;
  size_t doubt_count, left;
  char error[512];

  /* The tasks of one round. */
  struct task **tasks;
  size_t task_count;
  struct sys_due failure_logged; /* since the fence was wanted */
};

/* A crew_task_fn on fence->tasks: fences one pod, or looks whether the state has seen its end. */
void fence_do_task(void *fence, size_t index);

#endif

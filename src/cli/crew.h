/* SPDX-License-Identifier: Apache-2.0 */
/* A few threads that share the tasks of one round, for writes that wait for the API server. */
#ifndef SLICEGATE_CLI_CREW_H
#define SLICEGATE_CLI_CREW_H

#include <stddef.h>

enum { CREW_THREADS_MAX = 16 };

/* One task, 0 to count - 1; from several threads at once, each task once. */
typedef void crew_task_fn(void *ctx, size_t task);
/*
 * Does all tasks, up to `threads` at once, the caller's thread among them, and returns when the
 * last has ended. Threads that cannot be started only make it slower.
 */
void crew_run(size_t threads, size_t count, crew_task_fn *task, void *ctx);

#endif

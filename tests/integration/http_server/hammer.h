/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that call without pause, as an API server does, and count what fails. */
#ifndef SLICEGATE_TESTS_HTTP_HAMMER_H
#define SLICEGATE_TESTS_HTTP_HAMMER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct client_options;

enum { HAMMER_THREADS_MAX = 16 };

struct hammer {
  pthread_t threads[HAMMER_THREADS_MAX];
  int count;
  uint16_t port;
  const struct client_options *options;
  /*
   * Kept connections are used until an answer says "Connection: close"; a call that
   * fails on one counts as failed, nothing is tried again.
   */
  bool keeps_connections;
  _Atomic bool stop;
  _Atomic int64_t calls;
  _Atomic int64_t failures;
  _Atomic int64_t connections;
  _Atomic(const char *) first_failure; /* what was being done */
};

void hammer_start(struct hammer *hammer, uint16_t port, int threads, bool keeps_connections);
void hammer_start_with(struct hammer *hammer, uint16_t port, int threads, bool keeps_connections,
                       const struct client_options *options);
void hammer_stop(struct hammer *hammer);

#endif

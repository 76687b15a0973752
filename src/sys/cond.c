/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that are waited for until a point on the monotonic clock. */
#include "slicegate/sys.h"

void sys_cond_init(pthread_cond_t *cond) {
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(cond, &attr);
  (void)pthread_condattr_destroy(&attr);
}

bool sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, struct sys_mono until) {
  const struct timespec at = {.tv_sec = (time_t)(until.ns / 1000000000),
                              .tv_nsec = (long)(until.ns % 1000000000)};
  return pthread_cond_timedwait(cond, mutex, &at) == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The pauses of a thread that works now and then, until it is asked to end. */
#include "slicegate/sys.h"

#include <stdatomic.h>

void sys_rest_init(struct sys_rest *rest) {
  rest->is_ended = false;
  (void)pthread_mutex_init(&rest->mutex, NULL);
  sys_cond_init(&rest->ended);
}

void sys_rest_done(struct sys_rest *rest) {
  (void)pthread_cond_destroy(&rest->ended);
  (void)pthread_mutex_destroy(&rest->mutex);
}

bool sys_rest(struct sys_rest *rest, int64_t ms) {
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), ms);
  (void)pthread_mutex_lock(&rest->mutex);
  while (!rest->is_ended && sys_cond_wait(&rest->ended, &rest->mutex, until))
    continue;
  bool goes_on = !rest->is_ended;
  (void)pthread_mutex_unlock(&rest->mutex);
  return goes_on;
}

void sys_rest_end(struct sys_rest *rest) {
  (void)pthread_mutex_lock(&rest->mutex);
  rest->is_ended = true;
  (void)pthread_cond_broadcast(&rest->ended);
  (void)pthread_mutex_unlock(&rest->mutex);
}

bool sys_is_due(struct sys_due *due, int64_t every_ms) {
  int64_t now = sys_mono_now().ns, last = atomic_load(&due->last_ns);
  bool is_due = last == 0 || now - last >= every_ms * 1000000;
  return is_due && atomic_compare_exchange_strong(&due->last_ns, &last, now); /* else another did */
}

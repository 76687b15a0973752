/* SPDX-License-Identifier: Apache-2.0 */
/* A flag that wakes whoever waits: its descriptor becomes readable and stays so. */
#include "kube_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct kube_stop *kube_stop_new(struct err *reterr) {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) {
    err_set(reterr, ERR_UNAVAILABLE, "cannot make an event descriptor: %s", strerror(errno));
    return NULL;
  }
  struct kube_stop *stop = mem_zalloc(sizeof(*stop));
  stop->event_fd = fd;
  return stop;
}

void kube_stop_free(struct kube_stop *stop) {
  if (!stop)
    return;
  (void)close(stop->event_fd);
  free(stop);
}

void kube_stop_raise(struct kube_stop *stop) {
  uint64_t one = 1;
  atomic_store(&stop->is_raised, true);
  while (write(stop->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
    ;
}

void stop_lower(struct kube_stop *stop) {
  uint64_t count;
  while (read(stop->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
    ;
  atomic_store(&stop->is_raised, false);
}

bool kube_stop_is_raised(const struct kube_stop *stop) {
  return stop && atomic_load(&stop->is_raised);
}

bool stop_sleep(const struct kube_stop *stop, int64_t ms) {
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), ms);
  struct pollfd fd = {.fd = stop ? stop->event_fd : -1, .events = POLLIN};
  while (!kube_stop_is_raised(stop)) {
    int64_t left_ns = until.ns - sys_mono_now().ns;
    if (left_ns <= 0)
      return true;
    int64_t left_ms = left_ns / 1000000 + 1;
    (void)poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
  }
  return false;
}

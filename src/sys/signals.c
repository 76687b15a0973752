/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/sys.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int signals_fd = -1;

bool sys_signals_setup(struct err *reterr) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGTERM);
  (void)sigaddset(&set, SIGINT);
  (void)sigaddset(&set, SIGHUP);
  int failed = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (failed)
    return err_set(reterr, ERR_INTERNAL, "cannot block signals: %s", strerror(failed));
  if (sigaction(SIGPIPE, &ignore, NULL) != 0)
    return err_set(reterr, ERR_INTERNAL, "cannot ignore SIGPIPE: %s", strerror(errno));
  /* Called again, the descriptor is kept and its set replaced. */
  int fd = signalfd(signals_fd, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0)
    return err_set(reterr, ERR_UNAVAILABLE, "cannot make a signal descriptor: %s", strerror(errno));
  signals_fd = fd;
  return true;
}

int sys_signals_wait(int64_t timeout_ms) {
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), timeout_ms);
  for (;;) {
    struct signalfd_siginfo info;
    if (read(signals_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
      return (int)info.ssi_signo;
    int64_t left_ms = -1;
    if (timeout_ms >= 0) {
      left_ms = (until.ns - sys_mono_now().ns + 999999) / 1000000;
      if (left_ms <= 0)
        return 0;
      if (left_ms > 3600000)
        left_ms = 3600000;
    }
    struct pollfd poller = {.fd = signals_fd, .events = POLLIN};
    (void)poll(&poller, 1, (int)left_ms);
  }
}

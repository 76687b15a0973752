/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/sys.h"

#include <stdio.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock) {
  struct timespec ts = {0};
  (void)clock_gettime(clock, &ts); /* cannot fail for these clocks */
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct sys_mono sys_mono_now(void) {
  return (struct sys_mono){clock_ns(CLOCK_MONOTONIC)};
}

struct sys_mono sys_mono_coarse(void) {
  return (struct sys_mono){clock_ns(CLOCK_MONOTONIC_COARSE)};
}

struct sys_wall sys_wall_now(void) {
  return (struct sys_wall){clock_ns(CLOCK_REALTIME)};
}

void sys_wall_format(struct sys_wall when, char ret[SYS_RFC3339_SIZE]) {
  int64_t seconds = when.ns / 1000000000;
  int64_t ns = when.ns % 1000000000;
  if (ns < 0) { /* before 1970: the fraction still counts forwards */
    ns += 1000000000;
    seconds--;
  }
  time_t t = (time_t)seconds;
  struct tm tm = {0};
  (void)gmtime_r(&t, &tm);
  /* The remainders change nothing; they show the compiler that the text always fits. */
  (void)snprintf(ret, SYS_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
                 (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                 (unsigned)tm.tm_sec % 100, (unsigned)(ns / 1000000) % 1000);
}

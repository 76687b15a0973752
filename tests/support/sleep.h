/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_TESTS_SLEEP_H
#define SLICEGATE_TESTS_SLEEP_H

#include <stdint.h>
#include <time.h>

static inline void sleep_for(int64_t ms) {
  struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  (void)nanosleep(&time, NULL);
}

#endif

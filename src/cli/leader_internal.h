/* SPDX-License-Identifier: Apache-2.0 */
/* What leader.c (from outside) and leader_election.c (its thread) share. */
#ifndef SLICEGATE_CLI_LEADER_INTERNAL_H
#define SLICEGATE_CLI_LEADER_INTERNAL_H

#include "leader.h"
#include "leader_labels.h"

#include <pthread.h>
#include <stdatomic.h>

struct leader {
  struct leader_config config; /* its texts are our own */
  struct kube_stop *stop;
  pthread_t thread;
  _Atomic int64_t holds_until_ns; /* of the monotonic clock; 0: does not hold */

  struct sys_rest rest; /* between attempts; until it is ended */

  pthread_mutex_t mutex;       /* guards what follows */
  struct leader_status status; /* what does not depend on the time of asking */
  struct sys_mono renewed_at;  /* 0: never */

  /* Of the thread alone. */
  bool is_leading; /* `gained` has been called, `lost` not yet */
  bool is_unsure;  /* a write got no answer: the Lease may be ours without our knowing */
  struct kube_lease seen;
  struct sys_mono seen_at; /* its resource version for the first time */
  struct leader_labels labels;
  uint64_t random;
  char logged[512]; /* the last failure that was logged */
  struct sys_mono logged_at;
};

/* The thread, until leader->rest is ended. */
void *leader_main(void *leader);

#endif

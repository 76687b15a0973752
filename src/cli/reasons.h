/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why GPU pods wait, said where their owners look: an Event on each that has waited for a while
 * and fits nowhere, once for each reason (reason_book.h). By the holder of the Lease alone, in a
 * thread that looks again only when the cluster has changed, and rests most of the time.
 */
#ifndef SLICEGATE_CLI_REASONS_H
#define SLICEGATE_CLI_REASONS_H

#include "src/cli/explain_live.h"

/* 0 means the value in brackets. */
struct reasons_config {
  struct live *live; /* of a cluster that is followed */
  struct explain_live *explain;
  struct str instance; /* who reports: the pod's name, or the host's; copied */
  bool (*may_speak)(void *ctx);
  void *may_speak_ctx;
  int64_t patience_ms; /* how long a pod has to wait [10,000] */
  int64_t look_ms;     /* between looks, at least [5,000] */
};

struct reasons;
struct reasons *reasons_start(const struct reasons_config *config,
                              struct err *reterr) SG_MUST_CHECK;
/* live_stop_signal must have been raised. NULL is accepted. */
void reasons_stop(struct reasons *reasons);

struct reasons_stats {
  int64_t posted;  /* Events written */
  int64_t failed;  /* not taken by the API server */
  int64_t same;    /* pods looked at with nothing new to say */
  int64_t limited; /* times that something new had to wait */
};
void reasons_get_stats(struct reasons *reasons, struct reasons_stats *ret);

#endif

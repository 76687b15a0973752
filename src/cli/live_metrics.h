/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of the live cluster, of decisions on it and of the nominator's advice. */
#ifndef SLICEGATE_CLI_LIVE_METRICS_H
#define SLICEGATE_CLI_LIVE_METRICS_H

#include "src/cli/api_auth.h"
#include "src/cli/leader.h"
#include "src/cli/live.h"
#include "src/cli/nominator.h"
#include "src/cli/reasons.h"
#include "src/cli/waker.h"

#include "slicegate/sys.h"

struct live_metrics;
struct live_metrics *live_metrics_new(struct sys_metrics *registry) SG_MUST_CHECK;
void live_metrics_free(struct live_metrics *metrics);

struct live_metrics_of {
  struct live *live;
  struct placer *placer;
  struct nominator *nominator; /* NULL: none runs */
  struct waker *waker;         /* NULL: none runs */
  struct leader *leader;       /* NULL: one reader */
  struct reasons *reasons;     /* NULL: no events */
  struct api_auth *api_auth;   /* NULL: nobody is asked */
};
/* Fills all in, for a page that is about to be written. */
void live_metrics_refresh(struct live_metrics *metrics, const struct live_metrics_of *of);

#endif

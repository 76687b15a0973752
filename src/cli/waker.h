/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wakes pods that filter has refused on every node. kube-scheduler tries such a pod again at the
 * next event that it sees, whichever it is. Where it has seen that event before us, the pod is
 * refused once more, and in a quiet cluster nothing follows for five minutes. So those pods are
 * looked at again when the cluster has changed, and who has a place by then is touched
 * (fence_touch): any change of a waiting pod wakes it. Pods that the nominator advises on are woken
 * by its advice.
 */
#ifndef SLICEGATE_CLI_WAKER_H
#define SLICEGATE_CLI_WAKER_H

#include "src/cli/fence.h"
#include "src/cli/nominator.h"

struct waker;
struct waker_config {
  struct live *live;
  struct placer *placer;
  struct fence *fence;
  struct nominator *nominator; /* NULL: nobody advises */
  bool (*may_decide)(void *ctx);
  void *may_decide_ctx;
};
/* Starts a thread. What the configuration names must outlive the waker. */
struct waker *waker_start(const struct waker_config *config, struct err *reterr) SG_MUST_CHECK;
/* live_stop_signal must have been raised, and nobody call waker_note any more. NULL is accepted. */
void waker_stop(struct waker *waker);

/*
 * filter has refused this pod on every node. Of more than WAKER_PODS_MAX at a time nothing is kept:
 * kube-scheduler tries those again by itself. From any thread.
 */
enum { WAKER_PODS_MAX = 4096 };
void waker_note(struct waker *waker, struct str uid);

struct waker_stats {
  int64_t woken, failed; /* writes */
};
void waker_get_stats(struct waker *waker, struct waker_stats *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nominator: watches waiting GPU pods, packs the queue as a whole and advises kube-scheduler
 * by status.nominatedNodeName, which it tries first and alone. A hint and no more: set by
 * compare-and-swap and only while unset, cleared when it no longer fits, and given up by itself
 * while too few pods are bound where they were nominated.
 */
#ifndef SLICEGATE_CLI_NOMINATOR_H
#define SLICEGATE_CLI_NOMINATOR_H

#include "src/cli/live.h"

#include <stdatomic.h>

enum { NOMINATOR_NODES_DEFAULT = 1000 };

struct nominator;
struct nominator_config {
  struct live *live;
  struct placer *placer;
  struct str scheduler_name; /* whose pods are advised on; borrowed */
  /*
   * A nomination costs kube-apiserver a write and spares kube-scheduler a look at all nodes. In a
   * cluster of fewer nodes than least_nodes it is only written where it decides something: for all
   * pods of a queue that turns out not to fit as a whole, and for those that kube-scheduler has
   * rejected, which it wakes. The room of the others is held, and filter decides around it; so all
   * are written when kube-scheduler has not asked for long. From least_nodes on filter waits where
   * it has to, see nominator_is_behind.
   */
  int64_t least_nodes;
  const atomic_llong *asked_ms; /* as live_now_ms says; 0: never */
  /* Only who answers kube-scheduler nominates: one ledger sees both. */
  bool (*may_decide)(void *ctx);
  void *may_decide_ctx;
};
struct nominator *nominator_start(const struct nominator_config *config,
                                  struct err *reterr) SG_MUST_CHECK;
/* live_stop_signal must have been raised. NULL is accepted. */
void nominator_stop(struct nominator *nominator);

/* It advises on pods like this one, and has not paused. From any thread. */
bool nominator_advises(struct nominator *nominator, const struct pod *pod);

/*
 * kube-scheduler takes up its queue in the order in which the nominator advises on it. Each pod
 * that it comes to first costs it a look at all nodes, in which the API server gets little done, so
 * that the next pod is not advised on in time either. It takes up no other pod before filter has
 * answered: that answer therefore waits for the advice on others.
 *
 * is_behind: filter is asked about a pod whose advice kube-scheduler has not seen yet, and others
 * wait for theirs, in a cluster of least_nodes. Never while nothing comes of waiting: it has
 * paused, or the API server takes no patches. catch_up: returns when all that wait now, or enough
 * of them, have been advised on, after NOMINATOR_CATCH_UP_MS at the latest. From any thread.
 */
enum { NOMINATOR_CATCH_UP_MS = 500 };
bool nominator_is_behind(struct nominator *nominator, const struct pod *pod);
void nominator_catch_up(struct nominator *nominator);

struct nominator_stats {
  int64_t made;         /* nominations written */
  int64_t lost;         /* not written: somebody changed the pod at the same time */
  int64_t failed;       /* not written for other reasons */
  int64_t cleared;      /* taken back, since the node no longer had room */
  int64_t awaited;      /* answers of filter that waited for it to catch up */
  int64_t hits, misses; /* pods bound where they were nominated, and elsewhere */
  int64_t hit_percent;  /* of the last ones; -1: too few to say */
  bool is_paused;       /* by itself, since too few hit */
};
void nominator_get_stats(struct nominator *nominator, struct nominator_stats *ret);

#endif

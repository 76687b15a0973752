/* SPDX-License-Identifier: Apache-2.0 */
/* The live cluster: feeds of the kube API into the state (live.c), decisions on it (placer.c). */
#ifndef SLICEGATE_CLI_LIVE_H
#define SLICEGATE_CLI_LIVE_H

#include "slicegate/extender.h"
#include "slicegate/kube.h"
#include "slicegate/state.h"

/* Milliseconds on the monotonic clock: what the state counts deadlines by. */
int64_t live_now_ms(void);

/* ---- feeds (live.c) -------------------------------------------------------------------------- */

struct live;
struct live_config {
  const char *kubeconfig; /* NULL: $KUBECONFIG, ~/.kube/config, the pod's service account */
  const char *context;    /* NULL: the current one */
  /* A recording (`kubectl get nodes,namespaces,pods -A -o json`) instead of an API server: what is
   * there changes by what is held and by live_reread, and nothing can be written. NULL: none. */
  const char *recording;
  /* About once a second from a thread of its own, once everything has been listed. NULL: none. */
  void (*tick)(void *ctx);
  void *tick_ctx;
  bool gives_hami;    /* see state_options */
  int64_t silence_ms; /* of a watch that counts as dead; half of it already makes a feed stale */
};
/* Reads the configuration, or the recording, and opens no connection yet. */
struct live *live_new(const struct live_config *config, struct err *reterr) SG_MUST_CHECK;
/* Begins to list and watch, and to keep house (deadlines, verification). */
bool live_start(struct live *live, struct err *reterr) SG_MUST_CHECK;
/* The recording as it is now in place of what was read of it; where it cannot be read, that stays,
 * and the feeds say so. Nothing when there is none. */
void live_reread(struct live *live);
/* Ends all threads; calls of the client that were given live_stop_signal return. */
void live_stop(struct live *live);
void live_free(struct live *live);

struct state *live_state(struct live *live);
/* NULL with a recording. */
struct kube_client *live_client(struct live *live);
/* One object, from the API server; not after until_ms, as live_now_ms says. */
bool live_get(struct live *live, const struct kube_kind *kind, struct str ns, struct str name,
              int64_t until_ms, struct kube_response *ret, struct err *reterr) SG_MUST_CHECK;
const struct kube_stop *live_stop_signal(const struct live *live);
/* "https://10.0.0.1:6443", or the recording's path. */
struct str live_server(const struct live *live);
/* Of the context, or the pod. */
struct str live_namespace(const struct live *live);

struct live_feed {
  const char *kind; /* "Pod" */
  struct kube_watch_stats stats;
  char error[512]; /* of the last failure; empty when the feed is well */
};
/* Puts a decision that was made on this snapshot into the ledger, for as long as holds stand. */
enum state_held live_hold(struct live *live, enum state_hold_kind kind, const struct pod *pod,
                          const struct pack_asked *asked, const struct state_snapshot *snapshot,
                          const struct pack_placement *placement) SG_MUST_CHECK;
/*
 * Asks for a list of all pods made from now on, and returns a ticket; live_are_pods_listed is true
 * once that list is in the state. 0: nothing is followed, what is known is all there is.
 */
int64_t live_relist_pods(struct live *live);
bool live_are_pods_listed(struct live *live, int64_t ticket);
void live_get_feeds(struct live *live, struct live_feed ret[STATE_KINDS]);
/* Seconds since the server was last heard of on the feed that has been silent longest, beyond the
 * silence that a quiet cluster keeps by itself; 0: all feeds are well; -1: not synced yet. */
int64_t live_age_seconds(struct live *live);

/* ---- decisions (placer.c) -------------------------------------------------------------------- */

/* The scorer, one decision at a time, and what it learns of the pods that come. */
struct placer;
struct placer *placer_new(struct state *state, size_t best) SG_MUST_CHECK;
bool placer_start(struct placer *placer, struct err *reterr) SG_MUST_CHECK;
void placer_stop(struct placer *placer);
void placer_free(struct placer *placer);
/* There are tables to decide by: soon after everything has been listed. Before that a decision
 * would be a valid one, and as good as any. */
bool placer_is_ready(struct placer *placer);
/*
 * From enter to leave the caller decides, alone: what it drops from the ledger in between (the
 * pod's own hold, those that give way) nobody else decides on before it has. Then a view as of now.
 */
void placer_enter(struct placer *placer);
void placer_look(struct placer *placer, struct ext_view *ret);
void placer_leave(struct placer *placer, struct ext_view *view);

struct placer_stats {
  uint64_t tables_version; /* of what was learnt; 0: nothing yet */
  int64_t decisions;
  int64_t scorers; /* made: one more whenever unknown products appear */
};
void placer_get_stats(struct placer *placer, struct placer_stats *ret);

#endif

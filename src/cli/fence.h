/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fence between a replica that decides and its predecessor, of which Bindings may still be
 * under way when it is killed or loses the Lease: such a Binding would land on a card that has been
 * given to another pod meanwhile.
 *
 * Every Binding of ours depends on the resourceVersion of the pod as it was when the decision was
 * made, and is sent only if this replica holds the Lease after it has read that. So who comes next
 * touches every GPU pod that waits: it writes the annotation slicegate.dev/decides, by a patch of
 * pods/status, after which no older Binding of that pod is taken. Where the Binding was faster the
 * answer shows the node; then it is waited until the state has seen it. Only then the fence is up,
 * and the replica decides. A pod that is made later the predecessor has never decided about.
 *
 * The annotation's value is "<identity>/<number>"; the number makes each patch a change.
 */
#ifndef SLICEGATE_CLI_FENCE_H
#define SLICEGATE_CLI_FENCE_H

#include "src/cli/live.h"

#define FENCE_ANNOTATION "slicegate.dev/decides"

struct fence;
struct fence_config {
  struct live *live;
  struct str identity; /* of this process alone, without a slash; copied */
  /* What is known may be older than the right to decide: pods are listed anew first. False: only
   * where nobody else decides from before the first list on. */
  bool relists;
  int64_t retry_ms; /* after what failed; 0: 500 */
};
/* Down at first. Starts a thread, which does nothing until it is wanted. */
struct fence *fence_start(const struct fence_config *config, struct err *reterr) SG_MUST_CHECK;
/* live_stop_signal must have been raised. NULL is accepted. */
void fence_stop(struct fence *fence);

/* This replica may decide from now on: the fence is put up, which may take a while, or for ever
 * while the API server does not take the patches. Returns at once. */
void fence_raise(struct fence *fence);
/* It may not any more. */
void fence_lower(struct fence *fence);
/* Lock-free. */
bool fence_is_up(const struct fence *fence);

/*
 * Nobody knows whether a Binding of this pod was written, or still will be. Its firm hold stays,
 * beyond its deadline, until the state has seen the pod bound or gone, or a patch has made sure
 * that the Binding cannot be written any more; then it is dropped. Texts are copied.
 */
void fence_doubt(struct fence *fence, struct str ns, struct str name, struct str uid);

/*
 * Writes the annotation into this pod, and nothing else: a change after which kube-scheduler tries
 * it again. True also when there is no such pod any more. Only while the fence is up. From any
 * thread.
 */
bool fence_touch(struct fence *fence, const struct pod *pod, struct err *reterr) SG_MUST_CHECK;

/* A pod as the API server has it. */
struct fence_pod {
  struct str uid, resource_version;
  struct str node;    /* empty: it is not bound */
  struct str decides; /* the annotation; empty: there is none */
};
/* Texts live in the arena. */
bool fence_pod_read(struct arena *arena, struct str json, struct fence_pod *ret,
                    struct err *reterr) SG_MUST_CHECK;
/* Nobody but this process has fenced the pod. */
bool fence_is_ours(const struct fence *fence, const struct fence_pod *pod);

struct fence_status {
  bool is_wanted, is_up;
  size_t left;     /* pods that it still lacks, as of the last round */
  size_t doubts;   /* Bindings of which nobody knows what became */
  char error[512]; /* of the last patch that failed; empty when the last round went well */
};
void fence_get_status(struct fence *fence, struct fence_status *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* bind on a node of HAMi's plugin: its lock, which it looks for the pod in that it starts next. */
#ifndef SLICEGATE_CLI_SERVE_HAMI_H
#define SLICEGATE_CLI_SERVE_HAMI_H

#include "src/cli/serve_door.h"

struct hami_turn {
  const struct door_call *call;
  struct str node, ns, name, uid;
  struct wire_hami_pod pod;
  struct str lock; /* what we have written there; empty: nothing */
};
/* The pod's containers, read from the API server. ERR_INVALID: a pod that we do not serve. */
bool hami_look(struct hami_turn *turn, struct err *reterr) SG_MUST_CHECK;
/*
 * Takes the lock for the pod: when nobody has it, when it is the pod's already, when it has stood
 * for longer than HAMi lets it, or its pod is gone. ERR_EXISTS, naming whose it is: somebody else
 * has it, and the plugin is about to start that pod. Whatever the error, it is not left behind
 * where that is known.
 */
bool hami_lock(struct hami_turn *turn, struct err *reterr) SG_MUST_CHECK;
/* Gives it back, when it is still ours: the pod is not bound there. */
void hami_unlock(struct hami_turn *turn);

#endif

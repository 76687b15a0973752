/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions about the cluster that a server follows: a copy of what is known of it, made ready for
 * `explain`. A copy of a large cluster is dear, so one serves all questions of about a second, and
 * it is given back when nobody has asked for a while.
 */
#ifndef SLICEGATE_CLI_EXPLAIN_LIVE_H
#define SLICEGATE_CLI_EXPLAIN_LIVE_H

#include "slicegate/explain.h"
#include "src/cli/live.h"

struct explain_live;
struct explain_live *explain_live_new(struct live *live) SG_MUST_CHECK;
/* When nobody is inside any more. NULL is accepted. */
void explain_live_free(struct explain_live *of);

struct explain_view {
  const struct cluster *cluster; /* of a live cluster without pods that are over */
  struct explain_scene *scene;
  uint64_t generation; /* of the state: what this shows, or a little less */
};
/*
 * Between these two the caller asks, alone. False: ERR_UNAVAILABLE when the cluster has not been
 * listed or `most` are inside already, this one included (0: no matter how many), else what
 * is wrong with the cluster.
 */
bool explain_live_enter(struct explain_live *of, int most, struct explain_view *ret,
                        struct err *reterr) SG_MUST_CHECK;
void explain_live_leave(struct explain_live *of);
/* Drops a copy that nobody has asked of for a while. */
void explain_live_tidy(struct explain_live *of);

/* The pod of this name, copied into the arena if need be, also one that is over. NULL: there is
 * none. */
const struct pod *explain_live_find(struct explain_live *of, const struct explain_view *view,
                                    struct arena *arena, struct str ns,
                                    struct str name) SG_MUST_CHECK;
/* What is not known of a cluster that is followed and would be needed to move its pods. */
struct explain_question explain_live_question(const struct pod *pod);

#endif

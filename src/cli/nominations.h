/* SPDX-License-Identifier: Apache-2.0 */
/* The nominations under way, and how often the last ones were followed. */
#ifndef SLICEGATE_CLI_NOMINATIONS_H
#define SLICEGATE_CLI_NOMINATIONS_H

#include "slicegate/model.h"

/* One thread adds and settles; forget, has and get_score may be called from any. */
struct nominations;
struct nominations *nominations_new(void) SG_MUST_CHECK;
void nominations_free(struct nominations *nominations);

/* Strings are copied. */
void nominations_add(struct nominations *nominations, const struct pod *pod, struct str node,
                     int64_t now_ms);
bool nominations_has(struct nominations *nominations, struct str uid);
/* As if it had not been made: it counts neither for nor against. */
void nominations_forget(struct nominations *nominations, struct str uid);

struct nomination_due {
  struct str ns, name, uid, node;
};
/* Those looked at before `before_ms`, copied into the arena; each comes again a second later. */
size_t nominations_due(struct nominations *nominations, int64_t before_ms, struct arena *arena,
                       struct nomination_due *ret, size_t max);

/* Where the pod is now: *ret_node is empty while it waits; false: it is gone. */
typedef bool nomination_fn(void *ctx, const struct nomination_due *nomination,
                           struct str *ret_node);
/* Ends those that were followed, or not, or whose pod is gone. */
void nominations_settle(struct nominations *nominations, nomination_fn *where, void *ctx);

/* Of the last NOMINATIONS_SCORED that ended more than half were bound elsewhere. */
enum { NOMINATIONS_SCORED = 128, NOMINATIONS_SCORED_LEAST = 32, NOMINATIONS_HITS_LEAST = 50 };
bool nominations_are_ignored(struct nominations *nominations);
void nominations_reset_score(struct nominations *nominations);
/* Totals, and per cent of the last ones (-1: fewer than NOMINATIONS_SCORED_LEAST). */
void nominations_get_score(struct nominations *nominations, int64_t *ret_hits, int64_t *ret_misses,
                           int64_t *ret_percent);

#endif

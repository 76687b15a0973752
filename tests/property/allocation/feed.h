/* SPDX-License-Identifier: Apache-2.0 */
/* The API server's objects as slicegate's feed tells them to the state. */
#ifndef SLICEGATE_TESTS_ALLOCATION_FEED_H
#define SLICEGATE_TESTS_ALLOCATION_FEED_H

#include "slicegate/state.h"
#include "tests/property/allocation/server.h"

struct str feed_node_name(struct arena *arena, int index);
struct str feed_uid(struct arena *arena, uint64_t uid);
/* In the arena. */
struct pod feed_pod(struct arena *arena, int index, const struct server_pod *from);
void feed_tell(struct state *state, struct arena *arena, const struct server_event *event);
/* Everything as it is now, as one list of each kind, and what was to be told before is not. */
void feed_list(struct state *state, struct arena *arena, struct server *server);

#endif

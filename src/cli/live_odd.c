/* SPDX-License-Identifier: Apache-2.0 */
/* What is odd about the cluster goes to the log, with names: a metric has only the count. */
#include "src/cli/live_odd.h"

#include "slicegate/sys.h"

enum { NODES_TOLD = 8, BETWEEN_MS = 60000 };

bool live_tell_contradictions(struct state *state, int64_t now_ms, struct contradictions_told *told,
                              size_t count) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  struct state_contradiction found[NODES_TOLD];
  uint64_t hash = HASH_START;
  if (told->at_ms && now_ms - told->at_ms < BETWEEN_MS)
    return false;
  size_t named = count ? state_contradictions(state, arena, found, NODES_TOLD) : 0;
  for (size_t i = 0; i < named; i++) {
    hash = hash_bytes(hash, found[i].node.ptr, found[i].node.len);
    hash = hash_bytes(hash, &found[i].what, sizeof(found[i].what));
  }
  if (hash == told->hash || (named == 0 && told->hash == 0))
    return false;
  *told = (struct contradictions_told){hash, named ? now_ms : 0};
  for (size_t i = 0; i < named; i++)
    sys_log(SYS_WARN,
            "labels and allocatable of a node contradict each other: what is made of it "
            "is a guess",
            sys_str("node", found[i].node), sys_cstr("what", found[i].what));
  if (count > named)
    sys_log(SYS_WARN, "and of more nodes", sys_int("count", (int64_t)(count - named)));
  return named > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_CLI_LIVE_ODD_H
#define SLICEGATE_CLI_LIVE_ODD_H

#include "slicegate/state.h"

struct contradictions_told { /* zero: nothing yet */
  uint64_t hash;
  int64_t at_ms;
};
/* Logs the first of the state's contradictions, of which there are `count`, when they are others
 * than those told last, at most once a minute. True: there was something to log. */
bool live_tell_contradictions(struct state *state, int64_t now_ms, struct contradictions_told *told,
                              size_t count);

#endif

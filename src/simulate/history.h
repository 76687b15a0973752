/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a trace's mix before the first pod: made once, for all runs of a suite. */
#ifndef SLICEGATE_SIMULATE_HISTORY_H
#define SLICEGATE_SIMULATE_HISTORY_H

#include "src/simulate/simulate_internal.h"

struct sim_history {
  struct pricing_learner *learner;
  struct pack_tables_ref *tables;
  struct sim_target target;
  int64_t ns; /* that learner and tables took */
};
struct sim_history *sim_history_new(const struct sim_trace *trace, const struct sim_env *env,
                                    struct err *reterr) SG_MUST_CHECK;
void sim_history_free(void *history); /* as sim_suite.release */

/* A world on the trace's nodes in the order that the run's seed draws, with that history and the
 * moves that the options allow. */
bool sim_history_start(const struct sim_history *history, struct sim_run *run,
                       struct sim_world *ret, struct err *reterr) SG_MUST_CHECK;

#endif

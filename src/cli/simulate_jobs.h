/* SPDX-License-Identifier: Apache-2.0 */
/* What `slicegate simulate` lends to its runs: a clock, threads, a line that tells how far it is.
 */
#ifndef SLICEGATE_CLI_SIMULATE_JOBS_H
#define SLICEGATE_CLI_SIMULATE_JOBS_H

#include "slicegate/simulate.h"
#include "src/cli/cli_internal.h"

struct simulate_jobs;
/* Progress is written to `err` when that is a terminal. */
struct simulate_jobs *simulate_jobs_new(size_t threads, FILE *err) SG_MUST_CHECK;
/* Ends the line of progress. */
void simulate_jobs_free(struct simulate_jobs *jobs);
struct sim_env simulate_jobs_env(struct simulate_jobs *jobs);

#endif

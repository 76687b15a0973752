/* SPDX-License-Identifier: Apache-2.0 */
/* What `slicegate simulate` reads: lists and the values of its flags. All print their errors. */
#ifndef SLICEGATE_CLI_SIMULATE_INPUTS_H
#define SLICEGATE_CLI_SIMULATE_INPUTS_H

#include "slicegate/simulate.h"
#include "src/cli/cli_internal.h"

/* NULL after printing why not. `nodes` may be NULL. Warns of pods that no node can ever take. */
struct sim_trace *simulate_load_trace(const char *nodes, const char *pods, FILE *err) SG_MUST_CHECK;

/* "42-51", "1,2,7-9": the number of seeds; 0 after printing what is wrong. */
size_t simulate_parse_seeds(const char *text, uint64_t ret[SIM_SEEDS_MAX], FILE *err);
/* "1.3" */
bool simulate_parse_ratio(const char *text, double *ret, FILE *err) SG_MUST_CHECK;
/* "fgd,bestfit": views into `text`; 0 after printing what is wrong. */
size_t simulate_parse_policies(const char *text, struct str ret[SIM_POLICIES_MAX], FILE *err);

#endif

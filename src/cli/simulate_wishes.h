/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of `slicegate simulate` that belong to single suites. */
#ifndef SLICEGATE_CLI_SIMULATE_WISHES_H
#define SLICEGATE_CLI_SIMULATE_WISHES_H

#include "slicegate/simulate.h"
#include "src/cli/cli_internal.h"

/* As the user wrote them. */
struct simulate_wishes {
  const char *product, *products, *gpus, *parts, *node_counts;
  struct flag_list mixes;
  int64_t random_mixes;
  int64_t mix_seed; /* -1: not given */
  bool is_flexible;
};

/* What they mean; views into the wishes and the arena. False after printing what is wrong: a
 * value, or a flag that the suite does not have. */
bool simulate_read_wishes(const struct simulate_wishes *wishes, const struct sim_suite *suite,
                          struct arena *arena, struct sim_options *options,
                          FILE *err) SG_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the flags of `slicegate serve` must be together, before anything is begun. */
#ifndef SLICEGATE_CLI_SERVE_CHECK_H
#define SLICEGATE_CLI_SERVE_CHECK_H

#include "src/cli/serve_flags.h"

/* live.best 0 and live.nominate_nodes -1: not given. Complains to `err`. */
bool serve_flags_check(const struct serve_flags *f, FILE *err) SG_MUST_CHECK;

#endif

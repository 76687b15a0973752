/* SPDX-License-Identifier: Apache-2.0 */
/* Files that results are written into beside standard output. */
#ifndef SLICEGATE_CLI_SIMULATE_OUTPUTS_H
#define SLICEGATE_CLI_SIMULATE_OUTPUTS_H

#include "slicegate/simulate.h"

#include <stdio.h>

typedef void simulate_write_fn(const struct sim_results *results, struct buf *out);

enum { SIMULATE_OUTPUT_MAX = 256 << 20, SIMULATE_OUTPUTS_MAX = 3 };

struct simulate_outputs {
  struct simulate_output {
    const char *path;
    simulate_write_fn *write;
    FILE *file;
    bool is_new; /* it was not there: it goes when nothing is written */
  } items[SIMULATE_OUTPUTS_MAX];
  size_t count;
};

/*
 * Opens the file, so that a path that cannot be written is told of before a long run; what is in
 * it stays until there is something to write. NULL paths are left out. False after printing why
 * not: it cannot be opened, or it is another output or one of `inputs`.
 */
bool simulate_outputs_add(struct simulate_outputs *outputs, const char *path,
                          simulate_write_fn *write, const char *const *inputs, size_t input_count,
                          FILE *err) SG_MUST_CHECK;
/* Writes them all, in place: links are followed, devices and pipes written to. */
bool simulate_outputs_write(struct simulate_outputs *outputs, const struct sim_results *results,
                            FILE *err) SG_MUST_CHECK;
void simulate_outputs_done(struct simulate_outputs *outputs);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate policy test`: one rules-plus-cases file, read, judged, reported. */
#ifndef SLICEGATE_CLI_POLICY_TEST_H
#define SLICEGATE_CLI_POLICY_TEST_H

#include "src/cli/cli_internal.h"

struct policy_test_result {
  size_t passed, failed;
};

/*
 * Prints a line for each case to `out` and counts into *result. False, after printing why
 * to `err`, when the file, or a file that it names, cannot be used.
 */
bool policy_test_run(const char *path, struct policy_test_result *result, FILE *out,
                     FILE *err) SG_MUST_CHECK;

#endif

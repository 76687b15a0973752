/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target defines. */
#ifndef SLICEGATE_TESTS_FUZZ_MAIN_H
#define SLICEGATE_TESTS_FUZZ_MAIN_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

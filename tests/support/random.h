/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers for property tests: the same on every machine for one seed. The seed
 * is printed by the first use and can be given: SEED=123 make test-suites ...
 */
#ifndef SLICEGATE_TESTS_RANDOM_H
#define SLICEGATE_TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
  uint64_t state;
};

/* From $SEED, or from the clock; prints "seed: N" to stdout. */
uint64_t random_seed(void);
void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* 0 <= result < below; below > 0. */
size_t random_below(struct random *random, size_t below);
/* True once in `n` times. */
int random_one_in(struct random *random, size_t n);

#endif

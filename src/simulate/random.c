/* SPDX-License-Identifier: Apache-2.0 */
/* splitmix64 and what suites draw with it. */
#include "src/simulate/simulate_internal.h"

#include <math.h>

uint64_t sim_random_next(struct sim_random *random) {
  uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

struct sim_random sim_random_of(uint64_t seed, enum sim_stream stream) {
  /* Seed and stream are mixed, so that near seeds do not begin near to each other. */
  struct sim_random random = {seed};
  struct sim_random mixed = {sim_random_next(&random) + (uint64_t)stream};
  uint64_t state = sim_random_next(&mixed);
  return (struct sim_random){state};
}

uint64_t sim_random_below(struct sim_random *random, uint64_t below) {
  /* The lowest 2^64 mod `below` values would make some results likelier: drawn again. */
  uint64_t excess = (UINT64_MAX - below + 1) % below;
  uint64_t value;
  do
    value = sim_random_next(random);
  while (value < excess);
  return value % below;
}

double sim_random_unit(struct sim_random *random) {
  return (double)(sim_random_next(random) >> 11) * 0x1p-53;
}

double sim_random_exponential(struct sim_random *random, double mean) {
  /* 1 - u is never 0; the least positive distance keeps two events in their order. */
  double value = -mean * log(1 - sim_random_unit(random));
  return value > 0 ? value : mean * 0x1p-53;
}

size_t sim_random_pick(struct sim_random *random, const double *weights, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += weights[i];
  double at = sim_random_unit(random) * sum;
  size_t last = 0; /* with a weight: for what rounding leaves over */
  for (size_t i = 0; i < count; i++) {
    if (!(weights[i] > 0))
      continue;
    last = i;
    if (at < weights[i])
      return i;
    at -= weights[i];
  }
  return last;
}

void sim_random_shuffle(struct sim_random *random, uint32_t *items, size_t count) {
  for (size_t left = count; left > 1; left--) {
    size_t at = (size_t)sim_random_below(random, left);
    uint32_t last = items[left - 1];
    items[left - 1] = items[at];
    items[at] = last;
  }
}

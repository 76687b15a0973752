/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before another try. Random, so that many clients of a server that comes back
 * do not come back together. */
#include "kube_internal.h"

uint64_t random_step(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void backoff_init(struct backoff *backoff, int64_t min_ms, int64_t max_ms, uint64_t seed) {
  *backoff =
      (struct backoff){.min_ms = min_ms, .max_ms = max_ms, .next_ms = min_ms, .random = seed};
}

void backoff_reset(struct backoff *backoff) {
  backoff->next_ms = backoff->min_ms;
}

int64_t backoff_next(struct backoff *backoff) {
  int64_t base = backoff->next_ms;
  backoff->next_ms = base > backoff->max_ms / 2 ? backoff->max_ms : base * 2;
  return base + (int64_t)(random_step(&backoff->random) % (uint64_t)(base + 1));
}

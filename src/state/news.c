/* SPDX-License-Identifier: Apache-2.0 */
/* News for learners: a ring that grows with what nobody has taken yet, up to its limit. */
#include "src/state/state_internal.h"

static void grow(struct news_ring *ring) {
  size_t cap = ring->cap ? ring->cap * 2 : 64;
  struct state_news *items = mem_zalloc(cap * sizeof(*items));
  for (size_t i = 0; i < ring->count; i++)
    items[i] = ring->items[(ring->first + i) % ring->cap];
  mem_free_ptr(&ring->items);
  *ring = (struct news_ring){.items = items, .count = ring->count, .cap = cap};
}

static void put(struct news_ring *ring, const struct state_news *news) {
  if (ring->count == STATE_NEWS_MAX) {
    ring->first = (ring->first + 1) % ring->cap;
    ring->count--;
  } else if (ring->count == ring->cap) {
    grow(ring);
  }
  ring->items[(ring->first + ring->count++) % ring->cap] = *news;
}

void news_add(struct state *state, enum state_story story, const struct record *record) {
  struct pod pod = record_asks(record);
  struct pack_asked asked;
  struct err err;
  if (!record_asks_gpu(record))
    return;
  /* What cannot be said in a request (claims, two names) nobody learns from. */
  if (pack_intake_read_pod(state->intake, state->scratch, &pod, &asked, &err))
    put(&state->news, &(struct state_news){.story = story, .request = asked.request});
  arena_reset(state->scratch);
}

size_t state_take_news(struct state *state, struct state_news *ret, size_t max) {
  state_lock(state);
  struct news_ring *ring = &state->news;
  size_t taken = ring->count < max ? ring->count : max;
  for (size_t i = 0; i < taken; i++)
    ret[i] = ring->items[(ring->first + i) % ring->cap];
  ring->count -= taken;
  ring->first = ring->cap ? (ring->first + taken) % ring->cap : 0;
  state_unlock(state);
  return taken;
}

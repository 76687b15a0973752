/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays streams of instances on a pool of GPUs. GPUs of one layout are alike, so the pool is
 * kept by layout, and the best bid is the first bit of a set of ranks: some 20 ns an event.
 */
#include "src/pricing/market.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX

enum { WORD_BITS = 64 };

/* ---- streams ------------------------------------------------------------------------------- */

static int32_t random_kind(const struct market *market, uint64_t *random) {
  double at = market_random_unit(random);
  int32_t kind = 0;
  while (kind + 1 < market->kind_count && at >= market->kinds[kind].share)
    at -= market->kinds[kind++].share;
  return kind;
}

struct market_stream market_stream_new(const struct market *market, double load, uint32_t gpus,
                                       uint32_t measured, uint64_t seed) {
  const double warm_up = 4; /* lifetimes; it begins with as many instances as there are later */
  double rate = market_arrivals(market, load, gpus);
  uint32_t first = (uint32_t)rate;
  struct market_stream stream = {.measured_from = first + (uint32_t)(warm_up * rate)};
  stream.instance_count = stream.measured_from + measured;
  stream.events = mem_zalloc((2 * (size_t)stream.instance_count + 1) * sizeof *stream.events);
  CLEANUP_FREE uint32_t *present =
      mem_zalloc(((size_t)stream.instance_count + 1) * sizeof *present);
  uint32_t present_count = 0, instance = 0;
  while (instance < stream.instance_count) {
    if (instance < first || market_random_unit(&seed) * (rate + present_count) < rate) {
      stream.events[stream.event_count++] = random_kind(market, &seed);
      present[present_count++] = instance++;
    } else {
      uint32_t at = market_random_below(&seed, present_count);
      stream.events[stream.event_count++] = ~(int32_t)present[at];
      present[at] = present[--present_count];
    }
  }
  return stream;
}

struct market_stream market_filling_new(const struct market *market, uint32_t gpus, double overload,
                                        uint64_t seed) {
  double slices = overload * market->mig->axis * gpus;
  struct market_stream stream = {0};
  stream.events = mem_zalloc(((size_t)slices + 1) * sizeof *stream.events);
  double offered = 0;
  for (;;) {
    int32_t kind = random_kind(market, &seed);
    offered += market->kinds[kind].size;
    if (offered > slices)
      break;
    stream.events[stream.event_count++] = kind;
  }
  stream.instance_count = (uint32_t)stream.event_count;
  return stream;
}

void market_stream_done(struct market_stream *stream) {
  free(stream->events);
  *stream = (struct market_stream){0};
}

/* ---- the pool ------------------------------------------------------------------------------ */

struct market_pool *market_pool_new(struct market *market, uint32_t gpus) {
  struct market_pool *pool = arena_alloc(market->arena, sizeof *pool);
  pool->gpu_count = gpus;
  pool->words = ((size_t)market->mig->layout_count + WORD_BITS - 1) / WORD_BITS;
  pool->layouts = arena_array(market->arena, gpus, sizeof *pool->layouts);
  pool->next = arena_array(market->arena, gpus, sizeof *pool->next);
  pool->before = arena_array(market->arena, gpus, sizeof *pool->before);
  pool->first = arena_array(market->arena, market->mig->layout_count, sizeof *pool->first);
  pool->open = arena_array(market->arena, pool->words * market->kind_count, sizeof *pool->open);
  return pool;
}

/* Opens or closes the layout to the kinds that fit it. */
static void flip(const struct market *market, struct market_pool *pool,
                 const struct market_policy *policy, uint16_t layout) {
  const uint16_t *ranks = policy->ranks + market_cell(market, layout, 0);
  for (uint16_t kind = 0; kind < market->kind_count; kind++)
    if (ranks[kind] != PACK_NONE)
      pool->open[kind * pool->words + ranks[kind] / WORD_BITS] ^= UINT64_C(1)
                                                                  << ranks[kind] % WORD_BITS;
}

static void add(const struct market *market, struct market_pool *pool,
                const struct market_policy *policy, uint32_t gpu, uint16_t layout) {
  uint32_t next = pool->first[layout];
  pool->layouts[gpu] = layout;
  pool->first[layout] = gpu;
  pool->next[gpu] = next;
  pool->before[gpu] = NOBODY;
  if (next != NOBODY)
    pool->before[next] = gpu;
  else
    flip(market, pool, policy, layout);
}

static void drop(const struct market *market, struct market_pool *pool,
                 const struct market_policy *policy, uint32_t gpu) {
  uint16_t layout = pool->layouts[gpu];
  uint32_t next = pool->next[gpu], before = pool->before[gpu];
  if (next != NOBODY)
    pool->before[next] = before;
  if (before != NOBODY)
    pool->next[before] = next;
  else
    pool->first[layout] = next;
  if (pool->first[layout] == NOBODY)
    flip(market, pool, policy, layout);
}

static void clear(const struct market *market, struct market_pool *pool,
                  const struct market_policy *policy, uint32_t instances) {
  memset(pool->open, 0, pool->words * market->kind_count * sizeof *pool->open);
  for (uint16_t layout = 0; layout < market->mig->layout_count; layout++)
    pool->first[layout] = NOBODY;
  for (uint32_t gpu = pool->gpu_count; gpu-- > 0;)
    add(market, pool, policy, gpu, 0);
  if (instances > pool->seat_cap) {
    pool->seats = arena_array(market->arena, instances, sizeof *pool->seats);
    pool->seat_cap = instances;
  }
}

/* The best rank at or behind `from` that some GPU has; the kind's fit_count: none. */
static uint16_t find_open(const struct market_pool *pool, const struct market_policy *policy,
                          uint16_t kind, uint16_t from) {
  const uint64_t *open = pool->open + kind * pool->words;
  uint16_t count = policy->fit_counts[kind];
  if (from >= count)
    return count;
  uint64_t word = open[from / WORD_BITS] & ~UINT64_C(0) << from % WORD_BITS;
  for (size_t i = from / WORD_BITS;;) {
    if (word)
      return (uint16_t)(i * WORD_BITS + (size_t)__builtin_ctzll(word));
    if (++i * WORD_BITS >= count)
      return count;
    word = open[i];
  }
}

/* ---- replaying ------------------------------------------------------------------------------- */

/*
 * Notes what a GPU sees of the others: the best bid, unless it was the GPU's own, which is so
 * once in gpu_count times; then the second best. `rank` is the best one's.
 */
static void note(const struct market *market, const struct market_pool *pool,
                 const struct market_policy *policy, struct market_record *record, uint16_t kind,
                 uint16_t rank) {
  const uint16_t *order = policy->order + (size_t)kind * market->mig->layout_count;
  record->arrived[kind]++;
  if (rank == policy->fit_counts[kind]) {
    record->refused[kind]++;
    return;
  }
  uint16_t layout = order[rank];
  bool is_alone = pool->next[pool->first[layout]] == NOBODY;
  double own = is_alone ? 1.0 / pool->gpu_count : 0;
  record->won[market_cell(market, layout, kind)] += 1 - own;
  if (!is_alone)
    return;
  uint16_t second = find_open(pool, policy, kind, (uint16_t)(rank + 1));
  if (second == policy->fit_counts[kind])
    record->refused[kind] += own;
  else
    record->won[market_cell(market, order[second], kind)] += own;
}

/* Seats an instance where the bid is best. False: it fits nowhere. */
static bool arrive(const struct market *market, struct market_pool *pool,
                   const struct market_policy *policy, uint16_t kind, uint16_t rank,
                   struct market_seat *seat) {
  if (rank == policy->fit_counts[kind]) {
    seat->gpu = NOBODY;
    return false;
  }
  size_t row = (size_t)kind * market->mig->layout_count;
  uint16_t layout = policy->order[row + rank];
  struct market_place move = policy->moves[row + layout];
  *seat = (struct market_seat){pool->first[layout], move.start};
  drop(market, pool, policy, seat->gpu);
  add(market, pool, policy, seat->gpu, move.layout);
  return true;
}

static void depart(const struct market *market, struct market_pool *pool,
                   const struct market_policy *policy, const struct market_seat *seat) {
  if (seat->gpu == NOBODY)
    return;
  const struct pack_mig *mig = market->mig;
  uint16_t rest = mig->without[(size_t)pool->layouts[seat->gpu] * mig->axis + seat->start];
  drop(market, pool, policy, seat->gpu);
  add(market, pool, policy, seat->gpu, rest);
}

struct market_score market_replay(struct market *market, struct market_pool *pool,
                                  const struct market_policy *policy,
                                  const struct market_stream *stream,
                                  struct market_record *record) {
  struct market_score score = {0};
  double slices = (double)market->mig->axis * pool->gpu_count;
  clear(market, pool, policy, stream->instance_count);
  uint32_t instance = 0;
  for (size_t i = 0; i < stream->event_count; i++) {
    int32_t event = stream->events[i];
    if (event < 0) {
      depart(market, pool, policy, &pool->seats[~event]);
      continue;
    }
    uint16_t kind = (uint16_t)event, rank = find_open(pool, policy, kind, 0);
    bool is_counted = instance >= stream->measured_from;
    if (is_counted && record)
      note(market, pool, policy, record, kind, rank);
    bool is_seated = arrive(market, pool, policy, kind, rank, &pool->seats[instance++]);
    if (!is_counted)
      continue;
    score.offered += market->kinds[kind].size;
    if (!is_seated)
      continue;
    score.accepted += market->kinds[kind].size;
    if (score.offered <= slices)
      score.accepted_early += market->kinds[kind].size;
  }
  return score;
}

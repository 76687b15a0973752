/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values from self-play: GPUs trade by the values so far, a GPU that has seen their bids solves
 * its own problem, and values move some way towards its solution. Where they rest, no GPU would
 * bid otherwise.
 */
#include "src/pricing/market.h"

enum {
  ROUNDS = 24,
  WATCHED = 2500,    /* instances a round */
  ROUNDS_COARSE = 8, /* the first ones, that move further */
  ROUNDS_KEPT = 12,  /* the last ones, whose mean is the result */
};

/* -FGD, and a little for free slices that are together on one GPU. */
static void guess(const struct market *market, double *values) {
  const double together = 0.02;
  market_fragmentation(market, values);
  double empty = -values[0] + together * market->mig->axis * market->mig->axis;
  for (uint16_t layout = 0; layout < market->mig->layout_count; layout++) {
    double left = market->mig->free[layout];
    values[layout] = -values[layout] + together * left * left - empty;
  }
}

/* How the GPUs of the pool are spread over layouts, as a first guess at how one GPU moves. */
static void count_layouts(const struct market *market, const struct market_pool *pool,
                          double *ret) {
  memset(ret, 0, market->mig->layout_count * sizeof *ret);
  for (uint32_t gpu = 0; gpu < pool->gpu_count; gpu++)
    ret[pool->layouts[gpu]]++;
}

void market_play(struct market *market, double load, uint32_t gpus, uint64_t seed, double *ret) {
  const double step_coarse = 0.2, step_fine = 0.1;
  uint16_t layout_count = market->mig->layout_count;
  size_t cells = (size_t)layout_count * market->kind_count;
  struct arena *arena = market->arena;
  struct market_policy *policy = market_policy_new(market);
  struct market_pool *pool = market_pool_new(market, gpus);
  struct market_rivals *rivals = market_rivals_new(market);
  struct market_record record = {arena_array(arena, cells, sizeof(double)),
                                 arena_array(arena, market->kind_count, sizeof(double)),
                                 arena_array(arena, market->kind_count, sizeof(double))};
  double *values = arena_array(arena, layout_count, sizeof *values);
  double *answer = arena_array(arena, layout_count, sizeof *answer);
  double *visits = arena_array(arena, layout_count, sizeof *visits);
  guess(market, values);
  memset(ret, 0, layout_count * sizeof *ret);
  for (unsigned round = 0; round < ROUNDS; round++) {
    memset(record.won, 0, cells * sizeof *record.won);
    memset(record.refused, 0, market->kind_count * sizeof *record.refused);
    memset(record.arrived, 0, market->kind_count * sizeof *record.arrived);
    struct market_stream stream = market_stream_new(market, load, gpus, WATCHED, seed++);
    market_policy_set(policy, market, values);
    market_replay(market, pool, policy, &stream, &record);
    market_stream_done(&stream);
    if (round == 0)
      count_layouts(market, pool, visits);
    market_rivals_set(rivals, market, policy, &record, load, gpus);
    memcpy(answer, values, layout_count * sizeof *answer);
    market_solve(market, rivals, answer, visits);
    double step = round < ROUNDS_COARSE ? step_coarse : step_fine;
    for (uint16_t layout = 0; layout < layout_count; layout++) {
      values[layout] += step * (answer[layout] - values[layout]);
      if (round >= ROUNDS - ROUNDS_KEPT)
        ret[layout] += values[layout] / ROUNDS_KEPT;
    }
  }
}

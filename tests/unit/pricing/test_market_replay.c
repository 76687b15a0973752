/* SPDX-License-Identifier: Apache-2.0 */
#include "src/pricing/market.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"
#include "tests/unit/pricing/products.h"

TCase *tcase_market_replay(void);

/* ---- streams --------------------------------------------------------------------------------- */

START_TEST(streams_are_of_their_seed) {
  struct pack_mig *mig = mig_of("h100-80gb");
  struct market *market = market_new(mig, (double[]){1, 0, 1, 1, 1, 1, 1});
  struct market_stream a = market_stream_new(market, 1, 10, 100, 7);
  struct market_stream b = market_stream_new(market, 1, 10, 100, 7);
  struct market_stream c = market_stream_new(market, 1, 10, 100, 8);
  ck_assert_uint_eq(a.event_count, b.event_count);
  ck_assert_mem_eq(a.events, b.events, a.event_count * sizeof *a.events);
  ck_assert(c.event_count != a.event_count ||
            memcmp(a.events, c.events, a.event_count * sizeof *a.events) != 0);
  market_stream_done(&a);
  market_stream_done(&b);
  market_stream_done(&c);
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

START_TEST(only_who_is_there_departs) {
  struct pack_mig *mig = mig_of("h100-80gb");
  struct market *market = market_new(mig, (double[]){1, 0, 0, 0, 0, 0, 3});
  struct market_stream stream = market_stream_new(market, 1.2, 50, 2000, 1);
  CLEANUP_FREE bool *is_there = mem_zalloc(stream.instance_count);
  uint32_t arrived = 0, small = 0;
  size_t there = 0, sum = 0;
  for (size_t i = 0; i < stream.event_count; i++) {
    int32_t event = stream.events[i];
    if (event >= 0) {
      ck_assert_int_lt(event, market->kind_count);
      small += event == 0;
      is_there[arrived++] = true;
      there++;
      sum += there;
      continue;
    }
    ck_assert_uint_lt((uint32_t)~event, arrived);
    ck_assert(is_there[~event]);
    is_there[~event] = false;
    there--;
  }
  ck_assert_uint_eq(arrived, stream.instance_count);
  ck_assert_uint_eq(stream.measured_from + 2000, arrived);
  /* As many are there in the mean as arrive in a lifetime; a quarter are small. */
  double mean = market_arrivals(market, 1.2, 50);
  ck_assert_double_eq_tol((double)sum / arrived, mean, 0.2 * mean);
  ck_assert_double_eq_tol((double)small / arrived, 0.25, 0.05);
  market_stream_done(&stream);
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

START_TEST(fillings_end_before_they_ask_too_much) {
  struct pack_mig *mig = mig_of("h100-80gb");
  struct market *market = market_new(mig, (double[]){0, 0, 0, 0, 1, 0, 1});
  for (uint64_t seed = 0; seed < 20; seed++) {
    struct market_stream stream = market_filling_new(market, 10, 1.2, seed);
    uint32_t slices = 0;
    for (size_t i = 0; i < stream.event_count; i++)
      slices += market->kinds[stream.events[i]].size;
    ck_assert_uint_le(slices, 96);
    ck_assert_uint_gt(slices, 96 - 8);
    market_stream_done(&stream);
  }
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

/* ---- against a twin that knows every GPU ---------------------------------------------------- */

struct twin_gpu {
  uint16_t layout;
  uint64_t since; /* when it took this layout: of GPUs that are alike the latest is taken */
};

struct choice {
  uint32_t gpu; /* UINT32_MAX: the kind fits nowhere */
  double bid;
  uint8_t start;
  uint16_t layout; /* after placing */
};

static bool is_better(const struct twin_gpu *gpus, struct choice a, struct choice b) {
  if (b.gpu == UINT32_MAX || a.bid != b.bid)
    return b.gpu == UINT32_MAX || a.bid > b.bid;
  if (gpus[a.gpu].layout != gpus[b.gpu].layout)
    return gpus[a.gpu].layout < gpus[b.gpu].layout;
  return gpus[a.gpu].since > gpus[b.gpu].since;
}

static struct choice choose(const struct market *market, const double *values,
                            const struct twin_gpu *gpus, uint32_t gpu_count, uint16_t kind) {
  uint16_t p = market->kinds[kind].profile;
  const struct pack_mig_profile *profile = &market->mig->profiles[p];
  struct choice best = {.gpu = UINT32_MAX};
  for (uint32_t gpu = 0; gpu < gpu_count; gpu++) {
    struct choice of_gpu = {.gpu = UINT32_MAX};
    for (uint8_t i = 0; i < profile->start_count; i++) {
      uint16_t next = pack_mig_next(market->mig, gpus[gpu].layout, p, i);
      if (next == PACK_NONE)
        continue;
      double bid = values[next] - values[gpus[gpu].layout];
      if (of_gpu.gpu == UINT32_MAX || bid > of_gpu.bid)
        of_gpu = (struct choice){gpu, bid, profile->starts[i], next};
    }
    if (of_gpu.gpu != UINT32_MAX && is_better(gpus, of_gpu, best))
      best = of_gpu;
  }
  return best;
}

static double replay_twin(const struct market *market, const double *values, uint32_t gpu_count,
                          const struct market_stream *stream) {
  const struct pack_mig *mig = market->mig;
  uint64_t now = gpu_count;
  CLEANUP_FREE struct twin_gpu *gpus = mem_zalloc(gpu_count * sizeof *gpus);
  CLEANUP_FREE struct choice *seats = mem_zalloc((stream->instance_count + 1) * sizeof *seats);
  for (uint32_t gpu = 0; gpu < gpu_count; gpu++)
    gpus[gpu].since = gpu_count - gpu;
  uint32_t instance = 0;
  double accepted = 0;
  for (size_t i = 0; i < stream->event_count; i++) {
    if (stream->events[i] < 0) {
      struct choice seat = seats[~stream->events[i]];
      if (seat.gpu == UINT32_MAX)
        continue;
      uint16_t layout = gpus[seat.gpu].layout;
      gpus[seat.gpu] = (struct twin_gpu){mig->without[layout * mig->axis + seat.start], ++now};
      continue;
    }
    uint16_t kind = (uint16_t)stream->events[i];
    struct choice seat = choose(market, values, gpus, gpu_count, kind);
    seats[instance] = seat;
    if (seat.gpu != UINT32_MAX) {
      gpus[seat.gpu] = (struct twin_gpu){seat.layout, ++now};
      accepted += instance >= stream->measured_from ? market->kinds[kind].size : 0;
    }
    instance++;
  }
  return accepted;
}

/* Few different values, so that ties are common. */
static void random_values(struct random *random, double *values, size_t count) {
  size_t grain = 1 + random_below(random, 1000);
  for (size_t i = 0; i < count; i++)
    values[i] = (double)random_below(random, grain) / (double)grain;
}

START_TEST(replay_equals_its_twin) {
  static const char *const ids[] = {"h100-80gb", "a30-24gb", "rtx-pro-6000-blackwell-96gb"};
  struct random random;
  random_init(&random, random_seed());
  for (size_t round = 0; round < 60; round++) {
    struct pack_mig *mig = mig_of(ids[round % SG_ARRAY_LEN(ids)]);
    double weights[PACK_PROFILES_MAX];
    for (uint16_t p = 0; p < mig->profile_count; p++)
      weights[p] = (double)random_below(&random, 4);
    struct market *market = market_new(mig, weights);
    uint32_t gpus = 1 + (uint32_t)random_below(&random, 12);
    double *values = arena_array(market->arena, mig->layout_count, sizeof *values);
    random_values(&random, values, mig->layout_count);
    struct market_policy *policy = market_policy_new(market);
    market_policy_set(policy, market, values);
    struct market_pool *pool = market_pool_new(market, gpus);
    struct market_stream stream = market_stream_new(market, 1.1, gpus, 300, random_next(&random));
    struct market_score score = market_replay(market, pool, policy, &stream, NULL);
    ck_assert_double_eq(score.accepted, replay_twin(market, values, gpus, &stream));
    market_stream_done(&stream);
    market_free(market);
    pack_mig_free(mig);
  }
}
END_TEST

/* ---- what is recorded -------------------------------------------------------------------------
 */

START_TEST(records_tell_what_the_others_bid) {
  struct pack_mig *mig = mig_of("a30-24gb");
  struct market *market = market_new(mig, (double[]){0, 0, 0, 0, 1}); /* 4g.24gb: a whole GPU */
  double *values = arena_array(market->arena, mig->layout_count, sizeof *values);
  struct market_policy *policy = market_policy_new(market);
  market_policy_set(policy, market, values);
  struct market_record record = {
      .won = arena_array(market->arena, mig->layout_count, sizeof *record.won),
      .refused = arena_array(market->arena, 1, sizeof *record.refused),
      .arrived = arena_array(market->arena, 1, sizeof *record.arrived)};
  struct market_pool *pool = market_pool_new(market, 4);
  /* Five arrive, none departs. The third one finds two free GPUs, the fourth one: to the GPU
   * that takes it, once in four times this one, nobody else can; the fifth finds none. */
  int32_t events[] = {0, 0, 0, 0, 0};
  struct market_stream stream = {events, 5, 5, 0};
  struct market_score score = market_replay(market, pool, policy, &stream, &record);
  ck_assert_double_eq(score.offered, 20);
  ck_assert_double_eq(score.accepted, 16);
  ck_assert_double_eq(score.accepted_early, 16);
  ck_assert_double_eq(record.arrived[0], 5);
  ck_assert_double_eq(record.won[0], 3.75);
  ck_assert_double_eq(record.refused[0], 1.25);
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

TCase *tcase_market_replay(void) {
  TCase *tcase = tcase_create("market_replay");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, streams_are_of_their_seed);
  tcase_add_test(tcase, only_who_is_there_departs);
  tcase_add_test(tcase, fillings_end_before_they_ask_too_much);
  tcase_add_test(tcase, replay_equals_its_twin);
  tcase_add_test(tcase, records_tell_what_the_others_bid);
  return tcase;
}

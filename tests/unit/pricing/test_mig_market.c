/* SPDX-License-Identifier: Apache-2.0 */
#include "src/pricing/market.h"
#include "tests/support/check_main.h"
#include "tests/unit/pricing/products.h"

#include <stdio.h>
#include <stdlib.h>

TCase *tcase_mig_market(void);

struct tables {
  int32_t *values[PACK_LOADS];
};

static struct tables tables_of(const struct pack_mig *mig, const double *weights, uint32_t gpus) {
  struct tables tables;
  for (size_t load = 0; load < PACK_LOADS; load++)
    tables.values[load] = mem_zalloc(mig->layout_count * sizeof *tables.values[load]);
  pricing_mig_values(mig, weights, gpus, tables.values);
  return tables;
}

static void tables_done(struct tables *tables) {
  for (size_t load = 0; load < PACK_LOADS; load++)
    mem_free_ptr(&tables->values[load]);
}

static uint64_t hash_of(const struct pack_mig *mig, const struct tables *tables) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t load = 0; load < PACK_LOADS; load++)
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      hash = (hash ^ (uint32_t)tables->values[load][layout]) * UINT64_C(0x100000001b3);
  return hash;
}

/* Percent of the slices of these values' own streams that are accepted. */
static double accepted_by(struct market *market, const double *values, uint32_t gpus, double load) {
  struct market_policy *policy = market_policy_new(market);
  struct market_pool *pool = market_pool_new(market, gpus);
  struct market_score sum = {0};
  market_policy_set(policy, market, values);
  for (uint64_t seed = 1000; seed < 1004; seed++) {
    struct market_stream stream = market_stream_new(market, load, gpus, 5000, seed);
    struct market_score score = market_replay(market, pool, policy, &stream, NULL);
    sum.offered += score.offered;
    sum.accepted += score.accepted;
    market_stream_done(&stream);
  }
  return 100 * sum.accepted / sum.offered;
}

/* ---- the tables ---------------------------------------------------------------------------------
 */

/* The same bits with every compiler and at every level: nothing in a table may depend on how
 * floating point was compiled. */
START_TEST(tables_are_the_same_everywhere) {
  static const struct {
    const char *id;
    uint32_t gpus;
    uint64_t hash;
  } golden[] = {
      {"a30-24gb", 20, UINT64_C(0x951f0b2ecd4490c5)},
      {"h100-80gb", 6, UINT64_C(0x8741686047f23021)},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(golden); i++) {
    struct pack_mig *mig = mig_of(golden[i].id);
    struct tables tables = tables_of(mig, (double[]){3, 0, 2, 1, 1, 1, 1}, golden[i].gpus);
    char hash[32];
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)hash_of(mig, &tables));
    ck_assert_msg(hash_of(mig, &tables) == golden[i].hash, "%s: %s", golden[i].id, hash);
    tables_done(&tables);
    pack_mig_free(mig);
  }
}
END_TEST

START_TEST(values_are_micro_gpus) {
  struct pack_mig *mig = mig_of("a30-24gb");
  struct tables tables = tables_of(mig, (double[]){1, 0, 1, 0, 1}, 10);
  for (size_t load = 0; load < PACK_LOADS; load++) {
    const int32_t *values = tables.values[load];
    ck_assert_int_eq(values[0], PACK_MICRO);
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      ck_assert_int_lt(abs(values[layout]), 10 * PACK_MICRO);
    /* Full ones are worth nothing in the mean, where nothing is taken off for waste. */
    int64_t sum = 0;
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      sum += mig->free[layout] == 0 ? values[layout] : 0;
    if (load != PACK_LOAD_FILL)
      ck_assert_int_lt(llabs(sum), 100);
  }
  tables_done(&tables);
  pack_mig_free(mig);
}
END_TEST

/* Order inside a GPU: 4g.40gb fits on the left only, so 3g.40gb belongs on the right, and a used
 * GPU is used further before an empty one is begun. */
START_TEST(tables_know_where_things_belong) {
  struct pack_mig *mig = mig_of("h100-80gb");
  struct tables tables = tables_of(mig, (double[]){1, 0, 1, 1, 1, 1, 1}, 50);
  uint16_t left = placed(mig, 0, 4, 0), right = placed(mig, 0, 4, 4);
  uint16_t four = placed(mig, 0, 5, 0), one = placed(mig, 0, 0, 6);
  for (size_t load = 0; load < PACK_LOADS; load++) {
    const int32_t *values = tables.values[load];
    ck_assert_int_gt(values[right], values[left]);
    ck_assert_int_gt(values[placed(mig, four, 4, 4)] - values[four], values[right] - values[0]);
    ck_assert_int_gt(values[placed(mig, one, 0, 5)] - values[one], values[one] - values[0]);
  }
  tables_done(&tables);
  pack_mig_free(mig);
}
END_TEST

/* ---- against plain rules --------------------------------------------------------------------- */

START_TEST(self_play_beats_fragmentation) {
  const uint32_t gpus = 50;
  const double margin = 2; /* percent; about 4 are measured */
  struct pack_mig *mig = mig_of("h100-80gb");
  double weights[] = {.30, 0, .25, .20, .10, .10, .05};
  struct market *market = market_new(mig, weights);
  double *values = arena_array(market->arena, mig->layout_count, sizeof *values);
  double *fgd = arena_array(market->arena, mig->layout_count, sizeof *fgd);
  market_play(market, 0.9, gpus, 1, values);
  market_fragmentation(market, fgd);
  for (uint16_t layout = 0; layout < mig->layout_count; layout++)
    fgd[layout] = -fgd[layout];
  double played = accepted_by(market, values, gpus, 1), plain = accepted_by(market, fgd, gpus, 1);
  ck_assert_msg(played > plain + margin, "%.2f against %.2f", played, plain);
  market_free(market);
  pack_mig_free(mig);
}
END_TEST

/* ---- mixes and products
 * --------------------------------------------------------------------------- */

START_TEST(any_product_and_mix_will_do) {
  static const struct {
    const char *id;
    uint32_t gpus;
    double weights[11];
  } cases[] = {
      {"a30-24gb", 2, {0}},                                      /* nothing known */
      {"h100-80gb", 3, {0, 0, 0, 0, 0, 0, 1}},                   /* whole GPUs */
      {"a30-24gb", 1, {0, 1}},                                   /* media extensions alone */
      {"a30-24gb", 0, {1}},                                      /* the smallest alone, on no GPU */
      {"a30-24gb", 100, {1e-9, 0, 1e9}},                         /* hardly any of one */
      {"rtx-pro-6000-blackwell-96gb", 5, {1, 0, 1, 0, 1, 1, 1}}, /* twelve slices */
      {"rtx-pro-6000-blackwell-96gb", 2, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(cases); i++) {
    struct pack_mig *mig = mig_of(cases[i].id);
    struct tables tables = tables_of(mig, cases[i].weights, cases[i].gpus);
    for (size_t load = 0; load < PACK_LOADS; load++) {
      ck_assert_int_eq(tables.values[load][0], PACK_MICRO);
      for (uint16_t layout = 0; layout < mig->layout_count; layout++)
        ck_assert_int_lt(abs(tables.values[load][layout]), 100 * PACK_MICRO);
    }
    tables_done(&tables);
    pack_mig_free(mig);
  }
}
END_TEST

TCase *tcase_mig_market(void) {
  TCase *tcase = tcase_create("mig_market");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, tables_are_the_same_everywhere);
  tcase_add_test(tcase, values_are_micro_gpus);
  tcase_add_test(tcase, tables_know_where_things_belong);
  tcase_add_test(tcase, self_play_beats_fragmentation);
  tcase_add_test(tcase, any_product_and_mix_will_do);
  return tcase;
}

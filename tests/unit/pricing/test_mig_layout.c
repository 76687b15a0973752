/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/pricing.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"
#include "tests/unit/pricing/products.h"

#include <stdlib.h>

TCase *tcase_mig_layout(void);

static uint8_t *propose(const struct pack_mig *mig, const double *weights, uint32_t gpus) {
  uint8_t *layout = mem_zalloc((size_t)gpus * mig->profile_count + 1);
  memset(layout, 0xee, (size_t)gpus * mig->profile_count);
  pricing_mig_layout(mig, weights, gpus, layout);
  return layout;
}

static void sum_up(const struct pack_mig *mig, const uint8_t *layout, uint32_t gpus,
                   uint32_t *ret) {
  memset(ret, 0, mig->profile_count * sizeof *ret);
  for (size_t i = 0; i < (size_t)gpus * mig->profile_count; i++)
    ret[i % mig->profile_count] += layout[i];
}

/* Every GPU can be cut so, nothing was added that was not asked for, and nothing fits any more. */
static void check_layout(const struct pack_mig *mig, const double *weights, const uint8_t *layout,
                         uint32_t gpus) {
  uint32_t counts[PACK_PROFILES_MAX];
  for (uint32_t gpu = 0; gpu < gpus; gpu++) {
    for (uint16_t p = 0; p < mig->profile_count; p++)
      counts[p] = layout[(size_t)gpu * mig->profile_count + p];
    ck_assert_msg(pack_mig_can_hold(mig, counts, 1), "GPU %u", gpu);
  }
  sum_up(mig, layout, gpus, counts);
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    ck_assert(weights[p] > 0 || counts[p] == 0);
    counts[p]++;
    ck_assert(weights[p] <= 0 || !pack_mig_can_hold(mig, counts, gpus));
    counts[p]--;
  }
}

START_TEST(demand_is_met_in_proportion) {
  struct pack_mig *mig = mig_of("h100-80gb");
  uint32_t counts[PACK_PROFILES_MAX];
  /* Eight GPUs of 2 x 2g.20gb beside 1 x 3g.40gb. */
  double weights[] = {0, 0, 0, 2, 1, 0, 0};
  uint8_t *layout = propose(mig, weights, 8);
  sum_up(mig, layout, 8, counts);
  ck_assert_uint_eq(counts[3], 16);
  ck_assert_uint_eq(counts[4], 8);
  check_layout(mig, weights, layout, 8);
  free(layout);
  /* All six alike, 16 GPUs of 8 slices: 6 of each take 126, two 1g.10gb go into the rest. */
  double even[] = {1, 0, 1, 1, 1, 1, 1};
  layout = propose(mig, even, 16);
  sum_up(mig, layout, 16, counts);
  for (uint16_t p = 2; p < mig->profile_count; p++)
    ck_assert_uint_eq(counts[p], 6);
  ck_assert_uint_eq(counts[0], 8);
  check_layout(mig, even, layout, 16);
  free(layout);
  pack_mig_free(mig);
}
END_TEST

START_TEST(gpus_are_cut_in_groups) {
  struct pack_mig *mig = mig_of("h100-80gb");
  uint8_t *layout = propose(mig, (double[]){0, 0, 0, 2, 1, 0, 1}, 20);
  /* Ten of 2 x 2g and 3g, ten whole: one change from GPU to GPU. */
  size_t changes = 0;
  for (size_t gpu = 1; gpu < 20; gpu++)
    changes += memcmp(layout + gpu * mig->profile_count, layout + (gpu - 1) * mig->profile_count,
                      mig->profile_count) != 0;
  ck_assert_uint_eq(changes, 1);
  free(layout);
  pack_mig_free(mig);
}
END_TEST

START_TEST(limits_of_profiles_hold) {
  struct pack_mig *mig = mig_of("a30-24gb");
  double weights[] = {1, 5, 0, 0, 0}; /* 1g.6gb+me: one a GPU */
  uint8_t *layout = propose(mig, weights, 5);
  for (size_t gpu = 0; gpu < 5; gpu++) {
    ck_assert_uint_eq(layout[gpu * mig->profile_count], 3);
    ck_assert_uint_eq(layout[gpu * mig->profile_count + 1], 1);
  }
  free(layout);
  pack_mig_free(mig);
}
END_TEST

START_TEST(nothing_comes_of_nothing) {
  struct pack_mig *mig = mig_of("h100-80gb");
  uint8_t *layout = propose(mig, (double[]){0, 0, 0, -1, 0, 0, 0}, 3);
  for (size_t i = 0; i < 3 * (size_t)mig->profile_count; i++)
    ck_assert_uint_eq(layout[i], 0);
  free(layout);
  layout = propose(mig, (double[]){1, 1, 1, 1, 1, 1, 1}, 0);
  free(layout);
  pack_mig_free(mig);
}
END_TEST

START_TEST(random_demands_fill_every_product) {
  struct random random;
  random_init(&random, random_seed());
  size_t product_count;
  const struct gpu_product *products = products_all(&product_count);
  for (size_t round = 0; round < 40; round++) {
    const struct gpu_product *product = &products[random_below(&random, product_count)];
    if (product->memory_slices == 0)
      continue;
    struct pack_mig *mig = mig_of(product->id.ptr);
    double weights[PACK_PROFILES_MAX];
    for (uint16_t p = 0; p < mig->profile_count; p++)
      weights[p] = (double)random_below(&random, 5);
    uint32_t gpus = (uint32_t)random_below(&random, 30);
    uint8_t *layout = propose(mig, weights, gpus);
    check_layout(mig, weights, layout, gpus);
    free(layout);
    pack_mig_free(mig);
  }
}
END_TEST

TCase *tcase_mig_layout(void) {
  TCase *tcase = tcase_create("mig_layout");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, demand_is_met_in_proportion);
  tcase_add_test(tcase, gpus_are_cut_in_groups);
  tcase_add_test(tcase, limits_of_profiles_hold);
  tcase_add_test(tcase, nothing_comes_of_nothing);
  tcase_add_test(tcase, random_demands_fill_every_product);
  return tcase;
}

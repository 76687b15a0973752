/* SPDX-License-Identifier: Apache-2.0 */
/* What tables say of a mix, figure by figure. */
#include "slicegate/pricing.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <math.h>
#include <stdlib.h>

TCase *tcase_build_tables(void);

static const int64_t gib = (int64_t)1 << 30;

struct mix {
  struct lab lab;
  struct pack_tables_ref *ref;
  const struct pack_tables *tables;
};

static void add_node(struct lab *lab, uint8_t product, enum pack_mode mode, uint16_t size) {
  struct lab_node node = {.name = "n0", .spec = {.cpu_milli = 64000, .device_count = 2}};
  node.name[1] = (char)('0' + pack_cluster_count(lab->cluster));
  for (size_t d = 0; d < node.spec.device_count; d++)
    node.devices[d] = (struct pack_device){(uint8_t)mode, product, size, 0, 0};
  lab_set_node(lab->cluster, &node);
}

static void mix_init(struct mix *mix) {
  lab_init(&mix->lab, 1);
  add_node(&mix->lab, LAB_T4, PACK_MODE_WHOLE, PACK_MILLI);
  mix->ref = NULL;
}

static void mix_learn(struct mix *mix, const struct pack_request *requests, const uint32_t *counts,
                      size_t count) {
  struct pricing_learner *learner = pricing_learner_new(mix->lab.catalog);
  pricing_learner_history(learner, requests, counts, count);
  mix->ref = pricing_learner_tables(learner, mix->lab.cluster);
  mix->tables = pack_tables_get(mix->ref);
  pricing_learner_free(learner);
}

static void mix_done(struct mix *mix) {
  pack_tables_unref(mix->ref);
  lab_done(&mix->lab);
}
#define CLEANUP_MIX SG_CLEANUP(mix_done)

static void check_near(double got, double expected) {
  ck_assert_double_le(fabs(got - expected), 1e-4 * (1 + fabs(expected)));
}

START_TEST(classes_are_the_most_common_up_to_their_cover) {
  CLEANUP_MIX struct mix mix;
  mix_init(&mix);
  struct pack_request requests[] = {
      pack_request_of(1000, gib, PACK_CPU, 0, 0), pack_request_of(1000, gib, PACK_FRACTION, 1, 500),
      pack_request_of(1000, gib, PACK_WHOLE, 1, 0), pack_request_of(1000, gib, PACK_WHOLE, 8, 0)};
  mix_learn(&mix, requests, (const uint32_t[]){20, 50, 26, 4}, 4);
  ck_assert_uint_eq(mix.tables->class_count, 3);
  static const size_t order[] = {1, 2, 0};
  static const double shares[] = {0.5, 0.26, 0.2};
  for (size_t i = 0; i < 3; i++) {
    ck_assert_mem_eq(&mix.tables->classes[i].request, &requests[order[i]], sizeof(*requests));
    check_near(mix.tables->classes[i].weight / 1048576.0, shares[i]);
  }
}
END_TEST

START_TEST(means_are_of_pods_with_gpus) {
  CLEANUP_MIX struct mix mix;
  mix_init(&mix);
  struct pack_request requests[] = {pack_request_of(64000, 64 * gib, PACK_CPU, 0, 0),
                                    pack_request_of(6000, 10 * gib, PACK_FRACTION, 1, 500),
                                    pack_request_of(9000, 20 * gib, PACK_WHOLE, 2, 0)};
  mix_learn(&mix, requests, (const uint32_t[]){1, 1, 2}, 3);
  check_near(mix.tables->milli_per_pod / 1024.0, (500 + 2 * 2000) / 4.0);
  check_near((double)mix.tables->cpu_per_gpu, (6000 + 2 * 9000) / 4.5);
  check_near((double)mix.tables->mem_per_gpu, (double)(10 + 2 * 20) * (double)gib / 4.5);
}
END_TEST

START_TEST(levels_count_larger_pods_by_their_size) {
  CLEANUP_MIX struct mix mix;
  mix_init(&mix);
  struct pack_request requests[] = {
      pack_request_of(1000, gib, PACK_WHOLE, 1, 0), pack_request_of(2000, gib, PACK_WHOLE, 2, 0),
      pack_request_of(4000, gib, PACK_WHOLE, 4, 0), pack_request_of(8000, gib, PACK_WHOLE, 8, 0)};
  requests[2].products = 1 << LAB_T4;
  requests[3].products = 1 << LAB_L4;
  mix_learn(&mix, requests, (const uint32_t[]){70, 15, 10, 5}, 4);
  ck_assert_uint_eq(mix.tables->level_count, 3);
  static const double expected[] = {0.15 + 0.10 * 2 + 0.05 * 4, 0.10, 0.05};
  for (size_t l = 0; l < 3; l++) {
    const struct pack_level *level = &mix.tables->levels[l];
    ck_assert_uint_eq(level->gpus, 2 << l);
    ck_assert_int_eq(level->cpu_milli, 2000 << l);
    ck_assert_uint_eq(level->products, requests[l + 1].products);
    check_near(level->demand / 1048576.0, expected[l]);
  }
}
END_TEST

START_TEST(bounds_sum_what_names_products) {
  CLEANUP_MIX struct mix mix;
  mix_init(&mix);
  struct pack_request requests[] = {pack_request_of(1000, gib, PACK_FRACTION, 1, 500),
                                    pack_request_of(1000, gib, PACK_FRACTION, 1, 500),
                                    pack_request_of(2000, gib, PACK_WHOLE, 2, 0),
                                    pack_request_of(2000, gib, PACK_CPU, 0, 0)};
  requests[1].products = requests[2].products = 1 << LAB_L4;
  requests[3].products = 1 << LAB_T4; /* asks for none of it */
  mix_learn(&mix, requests, (const uint32_t[]){1, 1, 1, 1}, 4);
  ck_assert_uint_eq(mix.tables->bound_count, 1);
  ck_assert_uint_eq(mix.tables->bounds[0].products, 1 << LAB_L4);
  check_near(mix.tables->bounds[0].milli_per_pod / 1024.0, (500 + 2000) / 4.0);
}
END_TEST

START_TEST(replicas_have_prices_of_their_own) {
  CLEANUP_MIX struct mix mix;
  mix_init(&mix);
  add_node(&mix.lab, LAB_L4, PACK_MODE_SHARED, 10);
  add_node(&mix.lab, LAB_L4, PACK_MODE_SHARED, 4);
  struct pack_request requests[] = {pack_request_of(1000, gib, PACK_REPLICAS, 1, 4),
                                    pack_request_of(1000, gib, PACK_REPLICAS, 1, 6)};
  mix_learn(&mix, requests, (const uint32_t[]){1, 1}, 2);
  ck_assert_uint_eq(mix.tables->shared_count, 2);
  ck_assert_uint_eq(mix.tables->shared[0].replicas, 10);
  const int32_t *prices = mix.tables->shared[0].prices;
  ck_assert_int_eq(prices[3], 0);
  ck_assert_int_eq(prices[4] + prices[6], PACK_MICRO);
  ck_assert_int_eq(prices[10], PACK_MICRO);
  ck_assert_uint_eq(mix.tables->shared[1].replicas, 4);
  ck_assert_int_eq(mix.tables->shared[1].prices[3], 0); /* six do not fit it, four do */
  ck_assert_int_eq(mix.tables->shared[1].prices[4], PACK_MICRO);
}
END_TEST

START_TEST(layouts_have_values_where_there_are_such_gpus) {
  CLEANUP_MIX struct mix mix;
  mix_init(&mix);
  add_node(&mix.lab, LAB_A30, PACK_MODE_MIG, 4);
  struct pack_request one = pack_request_of(
      1000, gib, PACK_SLICES, 1, pack_catalog_find_profile(mix.lab.catalog, STR_LIT("1g.6gb")));
  mix_learn(&mix, &one, (const uint32_t[]){1}, 1);
  ck_assert_uint_eq(mix.tables->mig_count, 1);
  ck_assert_uint_eq(mix.tables->migs[0].product, LAB_A30);
  for (size_t load = 0; load < PACK_LOADS; load++) {
    const int32_t *values = mix.tables->migs[0].values[load];
    const struct pack_mig *mig = pack_catalog_mig(mix.lab.catalog, LAB_A30);
    ck_assert_int_eq(values[0], PACK_MICRO);
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      ck_assert_int_lt(abs(values[layout]), 4 * PACK_MICRO);
  }
}
END_TEST

TCase *tcase_build_tables(void) {
  TCase *tc = tcase_create("build_tables");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, classes_are_the_most_common_up_to_their_cover);
  tcase_add_test(tc, means_are_of_pods_with_gpus);
  tcase_add_test(tc, levels_count_larger_pods_by_their_size);
  tcase_add_test(tc, bounds_sum_what_names_products);
  tcase_add_test(tc, replicas_have_prices_of_their_own);
  tcase_add_test(tc, layouts_have_values_where_there_are_such_gpus);
  return tc;
}

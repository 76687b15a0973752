/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger must find what it is there to find: the tests place pods rightly and then look at
 * them with a ledger that was told of other devices.
 */
#include "src/simulate/mixed.h"
#include "tests/support/check_main.h"
#include "tests/unit/simulate/simulate_suite.h"

#include <stdlib.h>

struct fixture {
  struct mixed_catalog catalog;
  struct pack_cluster *cluster;
  uint8_t *pools;
  uint32_t node_of[MIXED_POOLS]; /* one node a pool */
  struct mixed_ledger ledger;
};

static void setup(struct fixture *f) {
  struct mixed_shape shape = {
      .nodes = {1, 1, 1}, .gpus = {2, 2, 2}, .cpu_milli = {8000, 8000, 8000}};
  struct sim_random order = sim_random_of(1, SIM_STREAM_NODES);
  struct err err;
  mixed_catalog_init(&f->catalog);
  f->cluster = mixed_cluster(&f->catalog, &shape, &order, &f->pools, &err);
  ck_assert_ptr_nonnull(f->cluster);
  for (uint32_t n = 0; n < 3; n++)
    f->node_of[f->pools[n]] = n;
  mixed_ledger_init(&f->ledger, f->catalog.mig, f->cluster, f->pools, 4000);
}

static void teardown(struct fixture *f) {
  mixed_ledger_done(&f->ledger);
  pack_cluster_free(f->cluster);
  free(f->pools);
  mixed_catalog_done(&f->catalog);
}

/* Puts a pod there by the core's own rules. */
static void place(struct fixture *f, uint64_t uid, enum pack_kind kind, uint16_t count,
                  uint16_t amount, enum mixed_pool pool, int64_t cpu_milli) {
  struct pack_request request = pack_request_of(cpu_milli, INT64_C(1) << 30, kind, count, amount);
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("firstfit")), f->catalog.catalog, 0);
  struct pack_choice choice;
  ck_assert(pack_score(scorer, f->cluster, f->node_of[pool], &request, &choice));
  ck_assert(pack_commit(f->cluster, uid, &request, &choice.placement));
  pack_scorer_free(scorer);
  mixed_ledger_look(&f->ledger, f->node_of[pool]);
}

static uint16_t profile(const struct fixture *f, const char *name) {
  return pack_catalog_find_profile(f->catalog.catalog, str_of(name));
}

START_TEST(what_is_right_is_summed_up) {
  struct fixture f;
  setup(&f);
  place(&f, 1, PACK_WHOLE, 2, PACK_MILLI, MIXED_WHOLE, 1000);
  place(&f, 2, PACK_SLICES, 1, profile(&f, "3g.40gb"), MIXED_MIG, 1000);
  place(&f, 3, PACK_SLICES, 1, profile(&f, "1g.10gb"), MIXED_MIG, 1000);
  place(&f, 4, PACK_REPLICAS, 1, 7, MIXED_SHARED, 1000);
  ck_assert_int_eq(f.ledger.used_milli[MIXED_WHOLE], 2000);
  ck_assert_int_eq(f.ledger.used_milli[MIXED_MIG], 625);
  ck_assert_int_eq(f.ledger.used_milli[MIXED_SHARED], 700);
  ck_assert_int_eq(f.ledger.all_milli[MIXED_MIG], 2000);
  ck_assert_uint_eq(f.ledger.wrong_kind + f.ledger.split + f.ledger.overlap, 0);
  ck_assert(pack_release(f.cluster, f.node_of[MIXED_WHOLE], 1));
  mixed_ledger_look(&f.ledger, f.node_of[MIXED_WHOLE]);
  ck_assert_int_eq(f.ledger.used_milli[MIXED_WHOLE], 0);
  teardown(&f);
}
END_TEST

START_TEST(idle_gpus_without_cpu_are_stranded) {
  struct fixture f;
  setup(&f);
  place(&f, 1, PACK_WHOLE, 1, PACK_MILLI, MIXED_WHOLE, 4000);
  ck_assert_int_eq(f.ledger.stranded, 0); /* 4 cores are left: enough */
  place(&f, 2, PACK_CPU, 0, 0, MIXED_WHOLE, 1);
  ck_assert_int_eq(f.ledger.stranded, 1);
  place(&f, 3, PACK_CPU, 0, 0, MIXED_SHARED, 5000);
  ck_assert_int_eq(f.ledger.stranded, 3);
  teardown(&f);
}
END_TEST

START_TEST(a_pod_in_the_wrong_mode_is_found) {
  struct fixture f;
  setup(&f);
  f.ledger.modes[f.node_of[MIXED_SHARED] * PACK_DEVICES_MAX] = PACK_MODE_WHOLE;
  place(&f, 1, PACK_REPLICAS, 1, 3, MIXED_SHARED, 1000);
  ck_assert_uint_eq(f.ledger.wrong_kind, 1);
  teardown(&f);
}
END_TEST

/* The node of the cluster, changed behind the ledger's back. */
static struct pack_unit *units_of(struct fixture *f, enum mixed_pool pool) {
  const struct pack_node *node = pack_cluster_node(f->cluster, f->node_of[pool]);
  struct pack_unit *units = (struct pack_unit *)(uintptr_t)node->units;
  return units;
}

START_TEST(overlapping_instances_are_found) {
  struct fixture f;
  setup(&f);
  place(&f, 1, PACK_SLICES, 1, profile(&f, "2g.20gb"), MIXED_MIG, 1000);
  place(&f, 2, PACK_SLICES, 1, profile(&f, "1g.10gb"), MIXED_MIG, 1000);
  ck_assert_uint_eq(f.ledger.overlap, 0);
  units_of(&f, MIXED_MIG)[1].start = units_of(&f, MIXED_MIG)[0].start;
  units_of(&f, MIXED_MIG)[1].device = units_of(&f, MIXED_MIG)[0].device;
  mixed_ledger_look(&f.ledger, f.node_of[MIXED_MIG]);
  ck_assert_uint_eq(f.ledger.overlap, 1);
  teardown(&f);
}
END_TEST

START_TEST(an_illegal_start_is_found) {
  struct fixture f;
  setup(&f);
  place(&f, 1, PACK_SLICES, 1, profile(&f, "2g.20gb"), MIXED_MIG, 1000);
  units_of(&f, MIXED_MIG)[0].start = 1;
  mixed_ledger_look(&f.ledger, f.node_of[MIXED_MIG]);
  ck_assert_uint_eq(f.ledger.overlap, 1);
  teardown(&f);
}
END_TEST

START_TEST(a_split_of_replicas_is_found) {
  struct fixture f;
  setup(&f);
  place(&f, 1, PACK_REPLICAS, 1, 3, MIXED_SHARED, 1000);
  units_of(&f, MIXED_SHARED)[0].amount = 2;
  mixed_ledger_look(&f.ledger, f.node_of[MIXED_SHARED]);
  ck_assert_uint_eq(f.ledger.split, 1);
  teardown(&f);
}
END_TEST

START_TEST(more_than_a_gpu_has_is_found) {
  struct fixture f;
  setup(&f);
  place(&f, 1, PACK_REPLICAS, 1, 6, MIXED_SHARED, 1000);
  place(&f, 2, PACK_REPLICAS, 1, 6, MIXED_SHARED, 1000);
  ck_assert_uint_eq(f.ledger.overlap, 0);
  units_of(&f, MIXED_SHARED)[1].device = units_of(&f, MIXED_SHARED)[0].device;
  mixed_ledger_look(&f.ledger, f.node_of[MIXED_SHARED]);
  ck_assert_uint_eq(f.ledger.overlap, 1);
  teardown(&f);
}
END_TEST

TCase *tcase_mixed_ledger(void) {
  TCase *tc = tcase_create("mixed_ledger");
  tcase_add_test(tc, what_is_right_is_summed_up);
  tcase_add_test(tc, idle_gpus_without_cpu_are_stranded);
  tcase_add_test(tc, a_pod_in_the_wrong_mode_is_found);
  tcase_add_test(tc, overlapping_instances_are_found);
  tcase_add_test(tc, an_illegal_start_is_found);
  tcase_add_test(tc, a_split_of_replicas_is_found);
  tcase_add_test(tc, more_than_a_gpu_has_is_found);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Suite C's cluster and pods. */
#include "src/simulate/mixed.h"
#include "tests/support/check_main.h"
#include "tests/unit/simulate/simulate_suite.h"

#include <stdlib.h>

static const char *const pod_rows = "p0,4000,1024,0,0,\n"     /* no GPU */
                                    "p1,8000,1024,1,1000,\n"  /* one whole */
                                    "p2,64000,1024,8,1000,\n" /* eight */
                                    "p3,2000,1024,1,143,\n"   /* shares */
                                    "p4,2000,1024,1,144,\n"
                                    "p5,2000,1024,1,430,\n"
                                    "p6,2000,1024,1,572,\n"
                                    "p7,2000,1024,1,810,\n";

struct fixture {
  struct sim_trace *trace;
  struct mixed_catalog catalog;
  struct mixed_pods pods;
};

static struct fixture setup(void) {
  struct fixture f;
  struct err err;
  f.trace = must_read_pods(1, pod_rows);
  mixed_catalog_init(&f.catalog);
  ck_assert(mixed_pods_init(&f.pods, &f.catalog, f.trace, &err));
  return f;
}

static void teardown(struct fixture *f) {
  mixed_pods_done(&f->pods);
  mixed_catalog_done(&f->catalog);
  sim_trace_free(f->trace);
}

/* What pod number `pod` of the list becomes by the lot of this number. */
static const struct pack_request *variant(const struct fixture *f, size_t pod, size_t number) {
  return &f->pods.requests[f->trace->pods[pod] * 3 + number];
}

static const struct {
  size_t pod;
  const char *profile; /* NULL: stays what it is */
  uint16_t replicas;
} shares[] = {
    {0, NULL, 0},      {1, NULL, 0},      {2, NULL, 0},      {3, "1g.10gb", 2},
    {4, "1g.20gb", 2}, {5, "4g.40gb", 5}, {6, "7g.80gb", 6}, {7, "7g.80gb", 9},
};

START_TEST(shares_become_slices_replicas_or_either) {
  struct fixture f = setup();
  size_t pod = shares[_i].pod;
  const struct pack_request *slices = variant(&f, pod, 0);
  const struct pack_request *replicas = variant(&f, pod, 1);
  const struct pack_request *flexible = variant(&f, pod, 2);
  if (!shares[_i].profile) {
    ck_assert_mem_eq(slices, replicas, sizeof(*slices));
    ck_assert_mem_eq(slices, flexible, sizeof(*slices));
    ck_assert_uint_eq(slices->form_count, 1);
    ck_assert(mixed_kind_of(slices) == (pod == 0 ? MIXED_CPU : MIXED_GPUS));
  } else {
    ck_assert_uint_eq(slices->form_count, 1);
    ck_assert_uint_eq(slices->forms[0].kind, PACK_SLICES);
    ck_assert(str_is(pack_catalog_profile_name(f.catalog.catalog, slices->forms[0].amount),
                     shares[_i].profile));
    ck_assert_uint_eq(replicas->forms[0].kind, PACK_REPLICAS);
    ck_assert_uint_eq(replicas->forms[0].amount, shares[_i].replicas);
    ck_assert_uint_eq(flexible->form_count, 2);
    ck_assert_mem_eq(&flexible->forms[0], &slices->forms[0], sizeof(struct pack_form));
    ck_assert_mem_eq(&flexible->forms[1], &replicas->forms[0], sizeof(struct pack_form));
    ck_assert(mixed_kind_of(flexible) == MIXED_FLEXIBLE);
    ck_assert_int_eq(mixed_milli(&f.pods, replicas), shares[_i].replicas * 100);
  }
  teardown(&f);
}
END_TEST

START_TEST(lots_fall_as_stated) {
  struct fixture f = setup();
  enum { DRAWS = 20000 };
  size_t counts[MIXED_KINDS] = {0};
  struct sim_random list = sim_random_of(1, SIM_STREAM_PODS);
  struct sim_random forms = sim_random_of(1, SIM_STREAM_FORMS);
  double milli = 0;
  for (size_t i = 0; i < DRAWS; i++) {
    const struct pack_request *request = mixed_pods_draw(&f.pods, &list, &forms);
    counts[mixed_kind_of(request)]++;
    milli += (double)mixed_milli(&f.pods, request);
  }
  double shared = DRAWS * 5. / 8; /* five of eight pods ask for a share */
  ck_assert_double_eq_tol((double)counts[MIXED_CPU], DRAWS / 8., DRAWS * 0.02);
  ck_assert_double_eq_tol((double)counts[MIXED_GPUS], DRAWS / 4., DRAWS * 0.02);
  ck_assert_double_eq_tol((double)counts[MIXED_SLICES], shared * 0.45, DRAWS * 0.02);
  ck_assert_double_eq_tol((double)counts[MIXED_REPLICA], shared * 0.25, DRAWS * 0.02);
  ck_assert_double_eq_tol((double)counts[MIXED_FLEXIBLE], shared * 0.30, DRAWS * 0.02);
  ck_assert_double_eq_tol(milli / DRAWS, f.pods.mean_milli, f.pods.mean_milli * 0.05);
  ck_assert_int_eq(f.pods.median_cpu_milli, 2000);
  teardown(&f);
}
END_TEST

START_TEST(the_cluster_has_its_pools) {
  struct fixture f = setup();
  struct sim_random order = sim_random_of(3, SIM_STREAM_NODES);
  uint8_t *pools;
  struct err err;
  struct pack_cluster *cluster = mixed_cluster(&f.catalog, &mixed_shape_c, &order, &pools, &err);
  ck_assert_ptr_nonnull(cluster);
  ck_assert_uint_eq(pack_cluster_count(cluster), 200);
  ck_assert_int_eq(pack_cluster_totals(cluster)->milli, 1440 * PACK_MILLI);
  ck_assert_uint_eq(pack_cluster_totals(cluster)->modes[PACK_MODE_MIG].devices, 480);
  ck_assert_uint_eq(pack_cluster_totals(cluster)->modes[PACK_MODE_SHARED].devices, 160);
  size_t changes = 0;
  for (size_t n = 0; n < 200; n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    static const int64_t cores[] = {96, 128, 64};
    ck_assert_int_eq(node->cpu_milli, cores[pools[n]] * 1000);
    ck_assert_int_eq(node->mem_bytes, cores[pools[n]] * (INT64_C(8) << 30));
    ck_assert_uint_eq(node->devices[0].mode, pools[n]);
    changes += n > 0 && pools[n] != pools[n - 1];
  }
  ck_assert_uint_gt(changes, 50); /* shuffled */
  free(pools);
  pack_cluster_free(cluster);
  teardown(&f);
}
END_TEST

static size_t flex(struct pack_cluster *cluster, struct mixed_ledger *ledger, const uint8_t *pools,
                   const struct pack_request *request) {
  return mixed_flex(cluster, pools, ledger, request);
}

/* One node with whole GPUs and one with replicas, nothing in MIG mode. */
START_TEST(idle_gpus_are_switched_only_when_nothing_fits) {
  struct fixture f = setup();
  struct mixed_shape shape = {
      .nodes = {1, 0, 1}, .gpus = {2, 8, 1}, .cpu_milli = {64000, 64000, 64000}};
  struct sim_random order = sim_random_of(3, SIM_STREAM_NODES);
  uint8_t *pools;
  struct err err;
  struct pack_cluster *cluster = mixed_cluster(&f.catalog, &shape, &order, &pools, &err);
  struct mixed_ledger ledger;
  mixed_ledger_init(&ledger, f.catalog.mig, cluster, pools, 1000);
  /* Either form will do: replicas are there. */
  ck_assert_uint_eq(flex(cluster, &ledger, pools, variant(&f, 3, 2)), 0);
  ck_assert_uint_eq(flex(cluster, &ledger, pools, variant(&f, 0, 0)), 0);
  ck_assert_uint_eq(flex(cluster, &ledger, pools, variant(&f, 1, 0)), 0);
  ck_assert_uint_eq(pack_cluster_totals(cluster)->modes[PACK_MODE_MIG].devices, 0);
  /* Slices are not. */
  ck_assert_uint_eq(flex(cluster, &ledger, pools, variant(&f, 3, 0)), 1);
  ck_assert_uint_eq(pack_cluster_totals(cluster)->modes[PACK_MODE_MIG].devices, 1);
  ck_assert_uint_eq(flex(cluster, &ledger, pools, variant(&f, 3, 0)), 0);
  /* Two whole GPUs: the empty one is switched back. */
  struct pack_request two = *variant(&f, 1, 0);
  two.forms[0].count = 2;
  ck_assert_uint_eq(flex(cluster, &ledger, pools, &two), 1);
  ck_assert_uint_eq(pack_cluster_totals(cluster)->modes[PACK_MODE_MIG].devices, 0);
  two.forms[0].count = 3;
  ck_assert_uint_eq(flex(cluster, &ledger, pools, &two), 0);
  mixed_ledger_done(&ledger);
  free(pools);
  pack_cluster_free(cluster);
  teardown(&f);
}
END_TEST

START_TEST(a_list_without_gpus_is_an_error) {
  struct sim_trace *trace = must_read_pods(1, "p0,4000,1024,0,0,\n");
  struct mixed_catalog catalog;
  struct mixed_pods pods;
  struct err err;
  mixed_catalog_init(&catalog);
  ck_assert(!mixed_pods_init(&pods, &catalog, trace, &err));
  ck_assert_ptr_nonnull(strstr(err.text, "no pod"));
  mixed_pods_done(&pods);
  mixed_catalog_done(&catalog);
  sim_trace_free(trace);
}
END_TEST

TCase *tcase_mixed(void) {
  TCase *tc = tcase_create("mixed");
  tcase_add_loop_test(tc, shares_become_slices_replicas_or_either, 0, SG_ARRAY_LEN(shares));
  tcase_add_test(tc, lots_fall_as_stated);
  tcase_add_test(tc, the_cluster_has_its_pools);
  tcase_add_test(tc, idle_gpus_are_switched_only_when_nothing_fits);
  tcase_add_test(tc, a_list_without_gpus_is_an_error);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Suite D's cluster in the middle of its life. */
#include "src/simulate/scale.h"
#include "tests/support/check_main.h"
#include "tests/unit/simulate/simulate_suite.h"

enum { NODES = 40 };

struct fixture {
  struct sim_trace *trace;
  struct mixed_catalog catalog;
  struct mixed_pods pods;
  struct scale_state state;
};

static void setup(struct fixture *f) {
  struct err err;
  f->trace = must_read_pods(1, "p0,1000,1024,0,0,\np1,4000,1024,1,1000,\np2,2000,1024,1,200,\n"
                               "p3,2000,1024,1,500,\n");
  mixed_catalog_init(&f->catalog);
  ck_assert(mixed_pods_init(&f->pods, &f->catalog, f->trace, &err));
  ck_assert(scale_state_init(&f->state, &f->catalog, &f->pods, NODES, 9, &err));
}

static void teardown(struct fixture *f) {
  scale_state_done(&f->state);
  mixed_pods_done(&f->pods);
  mixed_catalog_done(&f->catalog);
  sim_trace_free(f->trace);
}

START_TEST(it_is_filled_as_stated) {
  struct fixture f;
  setup(&f);
  const struct pack_totals *totals = pack_cluster_totals(f.state.cluster);
  ck_assert_uint_eq(pack_cluster_count(f.state.cluster), NODES);
  ck_assert_int_eq(totals->milli, NODES * 8 * PACK_MILLI);
  double used = (double)(totals->milli - totals->milli_left) / (double)totals->milli;
  ck_assert_double_eq_tol(used, 0.7, 0.01);
  ck_assert_uint_ge(totals->pods, NODES * SCALE_PODS_PER_NODE);
  ck_assert_uint_eq(totals->modes[PACK_MODE_MIG].devices, 12 * 8);
  teardown(&f);
}
END_TEST

START_TEST(a_rebuilt_cluster_is_the_same) {
  struct fixture f;
  struct err err;
  setup(&f);
  struct pack_cluster *again = scale_rebuild(&f.state, &err);
  ck_assert_ptr_nonnull(again);
  ck_assert_mem_eq(pack_cluster_totals(again), pack_cluster_totals(f.state.cluster),
                   sizeof(struct pack_totals));
  for (size_t n = 0; n < NODES; n++) {
    const struct pack_node *a = pack_cluster_node(f.state.cluster, n);
    const struct pack_node *b = pack_cluster_node(again, n);
    ck_assert(str_eq(a->name, b->name));
    ck_assert_int_eq(a->cpu_left, b->cpu_left);
    ck_assert_int_eq(a->mem_left, b->mem_left);
    ck_assert_uint_eq(a->pod_count, b->pod_count);
    for (size_t d = 0; d < a->device_count; d++) {
      ck_assert_uint_eq(a->devices[d].left, b->devices[d].left);
      ck_assert_uint_eq(a->devices[d].layout, b->devices[d].layout);
    }
  }
  pack_cluster_free(again);
  teardown(&f);
}
END_TEST

START_TEST(the_load_is_held) {
  struct fixture f;
  setup(&f);
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("bestfit")), f.catalog.catalog, 0);
  for (int i = 0; i < 500; i++) {
    struct pack_choice choice;
    const struct pack_request *request = scale_draw(&f.state);
    if (pack_choose(scorer, f.state.cluster, request, &choice, 1))
      ck_assert(scale_place(&f.state, request, &choice.placement));
    scale_hold_load(&f.state);
    ck_assert_int_le(f.state.used_milli, f.state.target_milli);
  }
  const struct pack_totals *totals = pack_cluster_totals(f.state.cluster);
  double used = (double)(totals->milli - totals->milli_left) / (double)totals->milli;
  ck_assert_double_eq_tol(used, 0.7, 0.02);
  pack_scorer_free(scorer);
  teardown(&f);
}
END_TEST

START_TEST(no_answer_is_wrong) {
  struct fixture f;
  setup(&f);
  static const uint64_t seed = 3;
  static const uint32_t nodes = 60;
  struct sim_options options = {.trace = f.trace,
                                .seeds = &seed,
                                .seed_count = 1,
                                .scale_nodes = &nodes,
                                .scale_node_count = 1};
  struct str name = STR_LIT("bestfit");
  struct err err;
  struct sim_results *results = sim_run(&sim_suite_scale, &options, &name, 1, NULL, &err);
  ck_assert_msg(results != NULL, "%s", err.text);
  size_t wrong = sim_results_find_metric(results, "wrong_answers@60");
  size_t pods = sim_results_find_metric(results, "pods@60");
  ck_assert_double_eq(sim_results_values(results, 0, wrong)[0], 0);
  ck_assert_double_ge(sim_results_values(results, 0, pods)[0], 600);
  sim_results_free(results);
  teardown(&f);
}
END_TEST

TCase *tcase_scale(void) {
  TCase *tc = tcase_create("scale");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, it_is_filled_as_stated);
  tcase_add_test(tc, a_rebuilt_cluster_is_the_same);
  tcase_add_test(tc, the_load_is_held);
  tcase_add_test(tc, no_answer_is_wrong);
  return tc;
}

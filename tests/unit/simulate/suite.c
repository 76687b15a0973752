/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include "tests/support/check_main.h"

Suite *make_suite(void) {
  Suite *suite = suite_create("simulate");
  suite_add_tcase(suite, tcase_random());
  suite_add_tcase(suite, tcase_statistics());
  suite_add_tcase(suite, tcase_queue());
  suite_add_tcase(suite, tcase_trace());
  suite_add_tcase(suite, tcase_fragmentation());
  suite_add_tcase(suite, tcase_world());
  suite_add_tcase(suite, tcase_results());
  suite_add_tcase(suite, tcase_inflate());
  suite_add_tcase(suite, tcase_churn());
  suite_add_tcase(suite, tcase_reference());
  suite_add_tcase(suite, tcase_write());
  suite_add_tcase(suite, tcase_chart());
  suite_add_tcase(suite, tcase_mig_mix());
  suite_add_tcase(suite, tcase_mig_bound());
  suite_add_tcase(suite, tcase_mig_exact());
  suite_add_tcase(suite, tcase_mig_suite());
  suite_add_tcase(suite, tcase_mixed());
  suite_add_tcase(suite, tcase_mixed_ledger());
  suite_add_tcase(suite, tcase_scale());
  return suite;
}

bool read_list(struct sim_trace *trace, enum sim_list list, struct str text, size_t chunk,
               struct err *reterr) {
  struct sim_reader *reader = sim_reader_new(trace, list);
  bool is_good = true;
  while (text.len && is_good) {
    size_t len = text.len < chunk ? text.len : chunk;
    is_good = sim_reader_feed(reader, (struct str){text.ptr, len}, reterr);
    text = str_skip(text, len);
  }
  is_good = is_good && sim_reader_end(reader, reterr);
  sim_reader_free(reader);
  return is_good;
}

struct sim_trace *must_read(const char *nodes, const char *pods) {
  struct err err = {0};
  struct sim_trace *trace = sim_trace_new();
  ck_assert_msg(read_list(trace, SIM_NODES, str_of(nodes), SIZE_MAX, &err), "nodes:%u:%u: %s",
                err.line, err.column, err.text);
  ck_assert_msg(read_list(trace, SIM_PODS, str_of(pods), SIZE_MAX, &err), "pods:%u:%u: %s",
                err.line, err.column, err.text);
  return trace;
}

struct sim_trace *must_read_pods(size_t gpu_nodes, const char *pods) {
  CLEANUP_BUF struct buf nodes;
  CLEANUP_BUF struct buf list;
  buf_init(&nodes, 1 << 20);
  buf_init(&list, 1 << 20);
  buf_append_cstr(&nodes, NODES_HEADER);
  for (size_t i = 0; i < gpu_nodes; i++)
    buf_printf(&nodes, "node-%zu,64000,262144,1,T4\n", i);
  buf_printf(&list, "%s%s", PODS_HEADER, pods);
  return must_read(nodes.ptr, list.ptr);
}

void trace_free(struct sim_trace **trace) {
  sim_trace_free(*trace);
}

struct sim_results *must_run(const char *suite, const struct sim_trace *trace, size_t seeds,
                             const char *policy) {
  uint64_t numbers[100];
  struct err err = {0};
  struct str name = str_of(policy);
  for (size_t i = 0; i < seeds; i++)
    numbers[i] = i + 1;
  const struct sim_options options = {
      .trace = trace, .seeds = numbers, .seed_count = seeds, .ratio = 1.3};
  struct sim_results *results =
      sim_run(sim_suite_find(str_of(suite)), &options, &name, 1, NULL, &err);
  ck_assert_msg(results != NULL, "%s", err.text);
  return results;
}

void results_free(struct sim_results **results) {
  sim_results_free(*results);
}

double value_of(const struct sim_results *results, const char *metric) {
  size_t m = sim_results_find_metric(results, metric);
  ck_assert_msg(m != SIZE_MAX, "there is no metric %s", metric);
  return sim_results_values(results, 0, m)[0];
}

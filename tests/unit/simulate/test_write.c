/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <jansson.h>
#include <math.h>

/* A cluster of 8-GPU pods: some percentages have no value of their own, all figures are known. */
static struct sim_trace *make_trace(void) {
  return must_read_pods(20, "a,1000,1024,1,1000,\nb,1000,1024,1,600,\n");
}

static struct sim_results *run_two(const struct sim_trace *trace, size_t seeds) {
  static const uint64_t numbers[] = {3, 5};
  const struct sim_options options = {.trace = trace,
                                      .nodes_name = "nodes.csv",
                                      .pods_name = "p\xff.csv", /* no UTF-8 */
                                      .seeds = numbers,
                                      .seed_count = seeds,
                                      .ratio = 1.3};
  const struct str names[] = {STR_LIT("slicegate"), STR_LIT("bestfit")};
  struct err err = {0};
  struct sim_results *results = sim_run(&sim_suite_inflate, &options, names, 2, NULL, &err);
  ck_assert_msg(results != NULL, "%s", err.text);
  return results;
}

static json_t *get(json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  ck_assert_msg(value != NULL, "no \"%s\"", key);
  return value;
}

/* The keys are a contract: tools read them. */
START_TEST(json_keeps_its_contract) {
  CLEANUP_TRACE struct sim_trace *trace = make_trace();
  CLEANUP_RESULTS struct sim_results *results = run_two(trace, 2);
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  sim_write_json(results, &text);
  json_error_t error;
  json_t *root = json_loadb(text.ptr, text.len, 0, &error);
  ck_assert_msg(root != NULL, "%s", error.text);
  ck_assert_str_eq(json_string_value(get(root, "suite")), "inflate");
  json_t *inputs = get(root, "inputs");
  ck_assert_int_eq(json_integer_value(get(get(inputs, "nodes"), "gpus")), 20);
  ck_assert_str_eq(json_string_value(get(get(inputs, "nodes"), "file")), "nodes.csv");
  ck_assert_ptr_null(json_object_get(get(inputs, "pods"), "file"));
  ck_assert_double_eq(json_number_value(get(inputs, "ratio")), 1.3);
  ck_assert_uint_eq(json_array_size(get(root, "seeds")), 2);
  ck_assert_int_eq(json_integer_value(json_array_get(get(root, "seeds"), 1)), 5);
  json_t *policies = get(root, "policies");
  ck_assert_uint_eq(json_array_size(policies), 2);
  json_t *ours = json_array_get(policies, 0);
  ck_assert_str_eq(json_string_value(get(ours, "name")), "slicegate");
  ck_assert(json_is_number(get(ours, "seconds")));
  json_t *metric = get(get(ours, "metrics"), "allocated_pct@100");
  json_t *per_seed = get(metric, "per_seed");
  ck_assert_uint_eq(json_array_size(per_seed), 2);
  double a = json_number_value(json_array_get(per_seed, 0));
  double b = json_number_value(json_array_get(per_seed, 1));
  ck_assert_double_eq_tol(json_number_value(get(metric, "mean")), (a + b) / 2, 1e-6);
  ck_assert(json_is_number(get(metric, "ci95")));
  json_decref(root);
}
END_TEST

START_TEST(what_is_not_there_is_null) {
  CLEANUP_TRACE struct sim_trace *trace = make_trace();
  CLEANUP_RESULTS struct sim_results *results = run_two(trace, 1);
  size_t m = sim_results_find_metric(results, "frag_pct@50");
  results->values[m] = NAN;
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  sim_write_json(results, &text);
  json_t *root = json_loadb(text.ptr, text.len, 0, NULL);
  json_t *metrics = get(json_array_get(get(root, "policies"), 0), "metrics");
  json_t *metric = get(metrics, "frag_pct@50");
  ck_assert(json_is_null(get(metric, "mean")));
  ck_assert(json_is_null(json_array_get(get(metric, "per_seed"), 0)));
  ck_assert(json_is_null(get(get(metrics, "allocated_pct@100"), "ci95"))); /* one seed has none */
  json_decref(root);
  buf_clear(&text);
  sim_write_csv(results, &text);
  ck_assert_ptr_null(strstr(text.ptr, "inflate,slicegate,frag_pct@50,"));
  ck_assert_ptr_nonnull(strstr(text.ptr, "inflate,bestfit,frag_pct@50,3,"));
  ck_assert_ptr_null(strstr(text.ptr, "nan"));
}
END_TEST

START_TEST(csv_has_a_row_for_each_figure) {
  CLEANUP_TRACE struct sim_trace *trace = make_trace();
  CLEANUP_RESULTS struct sim_results *results = run_two(trace, 2);
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  sim_write_csv(results, &text);
  struct str rest = buf_str(&text);
  ck_assert(str_starts_with(rest, STR_LIT("suite,policy,metric,seed,value\n")));
  size_t lines = 0;
  for (size_t len; rest.len; rest = str_skip(rest, len + 1), lines++)
    len = str_find_char(rest, '\n');
  size_t there = 1 + 4; /* the heading, and seconds of two policies and two seeds */
  for (size_t i = 0; i < 4 * results->metric_count; i++)
    there += isnan(results->values[i]) ? 0 : 1;
  ck_assert_uint_eq(lines, there);
}
END_TEST

/* Two bytes of a sign are one column; every line of a block is as wide as its heading. */
static size_t width_of(struct str line) {
  size_t width = 0;
  for (size_t i = 0; i < line.len; i++)
    width += ((unsigned char)line.ptr[i] & 0xc0) != 0x80;
  return width;
}

START_TEST(tables_are_aligned_and_not_too_wide) {
  CLEANUP_TRACE struct sim_trace *trace = make_trace();
  CLEANUP_RESULTS struct sim_results *results = run_two(trace, 2);
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  sim_write_table(results, &text);
  struct str rest = buf_str(&text);
  size_t heading = 0, rows = 0;
  while (rest.len) {
    size_t len = str_find_char(rest, '\n');
    struct str line = {rest.ptr, len};
    if (str_starts_with(line, STR_LIT("    ")))
      heading = width_of(line);
    if (str_starts_with(line, STR_LIT("slicegate ")) ||
        str_starts_with(line, STR_LIT("bestfit "))) {
      ck_assert_uint_eq(width_of(line), heading);
      ck_assert_uint_le(width_of(line), 110);
      rows++;
    }
    rest = str_skip(rest, len < rest.len ? len + 1 : len);
  }
  ck_assert_uint_gt(rows, 10);
  ck_assert_ptr_nonnull(strstr(text.ptr, "20 nodes with 20 GPUs"));
  ck_assert_ptr_nonnull(strstr(text.ptr, "slicegate minus the policy on the same arrivals"));
  ck_assert_ptr_null(strstr(text.ptr, "nan"));
}
END_TEST

TCase *tcase_write(void) {
  TCase *tcase = tcase_create("write");
  tcase_add_test(tcase, json_keeps_its_contract);
  tcase_add_test(tcase, what_is_not_there_is_null);
  tcase_add_test(tcase, csv_has_a_row_for_each_figure);
  tcase_add_test(tcase, tables_are_aligned_and_not_too_wide);
  return tcase;
}

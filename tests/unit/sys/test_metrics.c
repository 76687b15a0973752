/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/sys.h"

#include <check.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

TCase *tcase_metrics(void);

static void expect_text(struct sys_metrics *metrics, const char *wanted) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  sys_metrics_write(metrics, &out);
  ck_assert_str_eq(out.ptr ? out.ptr : "", wanted);
}

START_TEST(metrics_by_name_series_by_values) {
  struct sys_metrics *metrics = sys_metrics_new("sg");
  struct sys_metric *reviews = sys_counter_new(
      metrics, &(struct sys_metric_desc){
                   .name = "reviews_total", .help = "Reviews.", .labels = {"rule", "verdict"}});
  struct sys_metric *generation =
      sys_gauge_new(metrics, &(struct sys_metric_desc){.name = "generation", .help = "Of policy."});
  sys_gauge_set(sys_series_get(generation, NULL), 7);
  sys_gauge_add(sys_series_get(generation, NULL), -2);
  const struct str b[] = {STR_LIT("mig-profile"), STR_LIT("deny")};
  const struct str a[] = {STR_LIT("gpu-limits"), STR_LIT("warn")};
  const struct str a2[] = {STR_LIT("gpu-limits"), STR_LIT("deny")};
  sys_counter_add(sys_series_get(reviews, b), 1);
  sys_counter_add(sys_series_get(reviews, a), 2);
  sys_counter_add(sys_series_get(reviews, a2), 3);
  sys_counter_add(sys_series_get(reviews, a2), 3);
  ck_assert_int_eq(sys_series_value(sys_series_get(reviews, a2)), 6);
  expect_text(metrics, "# HELP sg_generation Of policy.\n"
                       "# TYPE sg_generation gauge\n"
                       "sg_generation 5\n"
                       "# HELP sg_reviews_total Reviews.\n"
                       "# TYPE sg_reviews_total counter\n"
                       "sg_reviews_total{rule=\"gpu-limits\",verdict=\"deny\"} 6\n"
                       "sg_reviews_total{rule=\"gpu-limits\",verdict=\"warn\"} 2\n"
                       "sg_reviews_total{rule=\"mig-profile\",verdict=\"deny\"} 1\n");
  sys_metrics_free(metrics);
}
END_TEST

START_TEST(values_and_help_are_escaped) {
  struct sys_metrics *metrics = sys_metrics_new("sg");
  struct sys_metric *m = sys_counter_new(
      metrics, &(struct sys_metric_desc){.name = "m", .help = "A \"b\" \\ c\nd.", .labels = {"l"}});
  const struct str odd = STR_LIT("q\"b\\n\ne\xff\xc3\xa9");
  sys_counter_add(sys_series_get(m, &odd), 1);
  expect_text(metrics, "# HELP sg_m A \"b\" \\\\ c\\nd.\n"
                       "# TYPE sg_m counter\n"
                       "sg_m{l=\"q\\\"b\\\\n\\ne?\xc3\xa9\"} 1\n");
  sys_metrics_free(metrics);
}
END_TEST

START_TEST(long_values_are_cut_at_a_character) {
  struct sys_metrics *metrics = sys_metrics_new("sg");
  struct sys_metric *m = sys_counter_new(metrics, &(struct sys_metric_desc){"m", "M.", {"l"}, 4});
  char value[200];
  memset(value, 'a', sizeof(value));
  memcpy(value + 127, "\xc3\xa9", 2); /* would be cut in its middle */
  struct str text = {value, sizeof(value)};
  sys_counter_add(sys_series_get(m, &text), 1);
  struct str cut = {value, 127};
  ck_assert_int_eq(sys_series_value(sys_series_get(m, &cut)), 1);
  sys_metrics_free(metrics);
}
END_TEST

START_TEST(histograms_are_cumulative_and_in_seconds) {
  static const int64_t bounds[] = {50, 1000, 2500000};
  struct sys_metrics *metrics = sys_metrics_new("sg");
  struct sys_metric *h = sys_histogram_new(
      metrics, &(struct sys_metric_desc){"seconds", "Time.", {"path"}, 2}, bounds, 3);
  const struct str path = STR_LIT("/validate");
  struct sys_series *series = sys_series_get(h, &path);
  sys_histogram_observe(series, 0);
  sys_histogram_observe(series, 50); /* on the bound: inside */
  sys_histogram_observe(series, 51);
  sys_histogram_observe(series, 2500001);
  ck_assert_int_eq(sys_series_value(series), 4);
  expect_text(metrics, "# HELP sg_seconds Time.\n"
                       "# TYPE sg_seconds histogram\n"
                       "sg_seconds_bucket{path=\"/validate\",le=\"0.00005\"} 2\n"
                       "sg_seconds_bucket{path=\"/validate\",le=\"0.001\"} 3\n"
                       "sg_seconds_bucket{path=\"/validate\",le=\"2.5\"} 3\n"
                       "sg_seconds_bucket{path=\"/validate\",le=\"+Inf\"} 4\n"
                       "sg_seconds_sum{path=\"/validate\"} 2.500102\n"
                       "sg_seconds_count{path=\"/validate\"} 4\n");
  sys_metrics_free(metrics);
}
END_TEST

START_TEST(metrics_without_labels_show_from_the_start) {
  struct sys_metrics *metrics = sys_metrics_new("sg");
  (void)sys_counter_new(metrics, &(struct sys_metric_desc){.name = "c_total", .help = "C."});
  (void)sys_counter_new(metrics,
                        &(struct sys_metric_desc){.name = "a", .help = "A.", .labels = {"l"}});
  expect_text(metrics, "# HELP sg_a A.\n# TYPE sg_a counter\n"
                       "# HELP sg_c_total C.\n# TYPE sg_c_total counter\nsg_c_total 0\n");
  sys_metrics_free(metrics);
  sys_metrics_free(NULL);
}
END_TEST

static int64_t ask(void *ctx) {
  return *(int64_t *)ctx;
}

START_TEST(a_gauge_may_be_asked_for) {
  int64_t value = 41;
  struct sys_metrics *metrics = sys_metrics_new("sg");
  sys_gauge_new_fn(metrics, &(struct sys_metric_desc){.name = "g", .help = "G."}, ask, &value);
  value++;
  sys_counter_new_fn(metrics, &(struct sys_metric_desc){.name = "c", .help = "C."}, ask, &value);
  struct sys_metric *kept =
      sys_counter_new(metrics, &(struct sys_metric_desc){.name = "k", .help = "K."});
  sys_counter_set(sys_series_get(kept, NULL), 9);
  sys_counter_set(sys_series_get(kept, NULL), 11);
  expect_text(metrics, "# HELP sg_c C.\n# TYPE sg_c counter\nsg_c 42\n"
                       "# HELP sg_g G.\n# TYPE sg_g gauge\nsg_g 42\n"
                       "# HELP sg_k K.\n# TYPE sg_k counter\nsg_k 11\n");
  sys_metrics_free(metrics);
}
END_TEST

START_TEST(combinations_are_bounded) {
  struct sys_metrics *metrics = sys_metrics_new("sg");
  struct sys_metric *m =
      sys_counter_new(metrics, &(struct sys_metric_desc){"m", "M.", {"kind", "rule"}, 3});
  for (int i = 0; i < 100; i++) {
    char kind[16];
    (void)snprintf(kind, sizeof(kind), "Kind%02d", i);
    const struct str values[] = {str_of(kind), STR_LIT("r")};
    sys_counter_add(sys_series_get(m, values), 1);
  }
  /* A caller's own "other" is the same series, whenever it comes. */
  const struct str other[] = {STR_LIT("other"), STR_LIT("other")};
  sys_counter_add(sys_series_get(m, other), 1000);
  expect_text(metrics, "# HELP sg_m M.\n# TYPE sg_m counter\n"
                       "sg_m{kind=\"Kind00\",rule=\"r\"} 1\n"
                       "sg_m{kind=\"Kind01\",rule=\"r\"} 1\n"
                       "sg_m{kind=\"Kind02\",rule=\"r\"} 1\n"
                       "sg_m{kind=\"other\",rule=\"other\"} 1097\n");
  sys_metrics_free(metrics);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000, KINDS = 8 };

static void *count_many(void *metric) {
  for (int i = 0; i < ROUNDS; i++) {
    char kind[16];
    (void)snprintf(kind, sizeof(kind), "k%d", i % KINDS);
    const struct str value = str_of(kind);
    sys_counter_add(sys_series_get(metric, &value), 1);
  }
  return NULL;
}

START_TEST(nothing_is_lost_between_threads) {
  pthread_t threads[THREADS];
  struct sys_metrics *metrics = sys_metrics_new("sg");
  struct sys_metric *m =
      sys_counter_new(metrics, &(struct sys_metric_desc){"m", "M.", {"kind"}, KINDS});
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, count_many, m), 0);
  for (int i = 0; i < 50; i++) { /* read while they write */
    CLEANUP_BUF struct buf out;
    buf_init(&out, 1 << 20);
    sys_metrics_write(metrics, &out);
    ck_assert(!out.truncated);
  }
  for (int i = 0; i < THREADS; i++)
    (void)pthread_join(threads[i], NULL);
  for (int k = 0; k < KINDS; k++) {
    char kind[16];
    (void)snprintf(kind, sizeof(kind), "k%d", k);
    const struct str value = str_of(kind);
    ck_assert_int_eq(sys_series_value(sys_series_get(m, &value)), THREADS * ROUNDS / KINDS);
  }
  sys_metrics_free(metrics);
}
END_TEST

TCase *tcase_metrics(void) {
  TCase *tc = tcase_create("metrics");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, metrics_by_name_series_by_values);
  tcase_add_test(tc, values_and_help_are_escaped);
  tcase_add_test(tc, long_values_are_cut_at_a_character);
  tcase_add_test(tc, histograms_are_cumulative_and_in_seconds);
  tcase_add_test(tc, metrics_without_labels_show_from_the_start);
  tcase_add_test(tc, a_gauge_may_be_asked_for);
  tcase_add_test(tc, combinations_are_bounded);
  tcase_add_test(tc, nothing_is_lost_between_threads);
  return tc;
}

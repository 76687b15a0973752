/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <stdio.h>
#include <stdlib.h>

static struct buf draw(const struct sim_results *results) {
  struct buf out;
  buf_init(&out, 1 << 20);
  sim_write_chart(results, &out);
  return out;
}

static size_t count(const char *text, const char *part) {
  size_t found = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
    found++;
  return found;
}

START_TEST(every_policy_has_a_line_and_its_name) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read_pods(30, "a,4000,8192,1,1000,\nb,2000,4096,1,470,\nc,8000,4096,1,810,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 2, "all");
  CLEANUP_BUF struct buf out = draw(results);
  ck_assert_int_eq(strncmp(out.ptr, "<svg ", 5), 0);
  ck_assert_uint_eq(count(out.ptr, "<path class=\"line "), results->contender_count);
  ck_assert_uint_eq(count(out.ptr, "<svg "), count(out.ptr, "</svg>"));
  for (size_t c = 0; c < results->contender_count; c++) {
    char label[64];
    (void)snprintf(label, sizeof(label), ">%s ", results->contenders[c].name);
    ck_assert_uint_eq(count(out.ptr, label), 1);
  }
  ck_assert_uint_eq(count(out.ptr, "nan"), 0);
  ck_assert_uint_eq(count(out.ptr, "inf\""), 0);
  ck_assert_uint_eq(count(out.ptr, "http"), 1); /* the name space: nothing is fetched */
  ck_assert_uint_eq(count(out.ptr, "prefers-color-scheme:dark"), 1);
}
END_TEST

/* Names at the right do not lie upon each other. */
START_TEST(labels_keep_their_distance) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(30, "a,4000,8192,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "all");
  CLEANUP_BUF struct buf out = draw(results);
  double last = -1;
  size_t labels = 0;
  for (const char *at = out.ptr; (at = strstr(at, "x=\"664\" y=\"")) != NULL; at++) {
    double y = strtod(at + strlen("x=\"664\" y=\""), NULL);
    ck_assert(y >= last + 17.9);
    ck_assert(y <= 460);
    last = y;
    labels++;
  }
  ck_assert_uint_eq(labels, results->contender_count);
}
END_TEST

/* All lines flat at one height: an axis of no height would divide by 0. */
START_TEST(flat_lines_can_be_drawn) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(4, "a,70000,8192,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("inflate", trace, 1, "bestfit");
  CLEANUP_BUF struct buf out = draw(results);
  ck_assert_uint_eq(count(out.ptr, "<path class=\"line "), 1);
  ck_assert_uint_eq(count(out.ptr, "nan"), 0);
}
END_TEST

START_TEST(no_curve_no_chart) {
  CLEANUP_TRACE struct sim_trace *trace = must_read_pods(4, "a,1000,8192,1,1000,\n");
  CLEANUP_RESULTS struct sim_results *results = must_run("churn", trace, 1, "bestfit");
  CLEANUP_BUF struct buf out = draw(results);
  ck_assert_uint_eq(out.len, 0);
  ck_assert(!sim_suite_has_chart(&sim_suite_churn));
  ck_assert(sim_suite_has_chart(&sim_suite_inflate));
}
END_TEST

TCase *tcase_chart(void) {
  TCase *tcase = tcase_create("chart");
  tcase_add_test(tcase, every_policy_has_a_line_and_its_name);
  tcase_add_test(tcase, labels_keep_their_distance);
  tcase_add_test(tcase, flat_lines_can_be_drawn);
  tcase_add_test(tcase, no_curve_no_chart);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The registry as Prometheus text, version 0.0.4. */
#include "sys_internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* Help texts and label values: backslash and newline are escaped, in labels quotes too. */
static void put_escaped(struct buf *out, struct str text, bool is_label) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '\n')
      buf_append_cstr(out, "\\n");
    else if (c == '\\' || (c == '"' && is_label))
      buf_printf(out, "\\%c", c);
    else
      buf_append_char(out, c);
  }
}

/* Microseconds as seconds in decimal: 1500000 is "1.5", 50 is "0.00005". */
static void put_seconds(struct buf *out, int64_t us) {
  if (us < 0) {
    buf_append_char(out, '-');
    us = us == INT64_MIN ? INT64_MAX : -us;
  }
  buf_printf(out, "%" PRId64, us / 1000000);
  int64_t fraction = us % 1000000;
  if (fraction == 0)
    return;
  int digits = 6;
  while (fraction % 10 == 0) {
    fraction /= 10;
    digits--;
  }
  buf_printf(out, ".%0*" PRId64, digits, fraction);
}

/* name{a="b",le="0.5"}; bound_us < 0 means no `le`, INT64_MAX means +Inf. */
static void put_name(struct buf *out, const struct sys_series *series, const char *suffix,
                     int64_t bound_us) {
  const struct sys_metric *metric = series->metric;
  buf_append_cstr(out, metric->name);
  buf_append_cstr(out, suffix);
  char sep = '{';
  for (size_t i = 0; i < metric->label_count; i++, sep = ',') {
    buf_append_char(out, sep);
    buf_printf(out, "%s=\"", metric->labels[i]);
    put_escaped(out, series->values[i], true);
    buf_append_char(out, '"');
  }
  if (bound_us >= 0) {
    buf_append_char(out, sep);
    buf_append_cstr(out, "le=\"");
    if (bound_us == INT64_MAX)
      buf_append_cstr(out, "+Inf");
    else
      put_seconds(out, bound_us);
    buf_append_char(out, '"');
    sep = ',';
  }
  buf_append_cstr(out, sep == ',' ? "} " : " ");
}

static void put_histogram(struct buf *out, const struct sys_series *series) {
  const struct sys_metric *metric = series->metric;
  int64_t below = 0;
  for (size_t i = 0; i <= metric->bound_count; i++) {
    below += sys_series_cell(series, i);
    put_name(out, series, "_bucket", i < metric->bound_count ? metric->bounds_us[i] : INT64_MAX);
    buf_printf(out, "%" PRId64 "\n", below);
  }
  put_name(out, series, "_sum", -1);
  put_seconds(out, sys_series_cell(series, metric->bound_count + 1));
  buf_append_char(out, '\n');
  put_name(out, series, "_count", -1);
  buf_printf(out, "%" PRId64 "\n", below);
}

static void put_series(struct buf *out, const struct sys_series *series) {
  const struct sys_metric *metric = series->metric;
  if (metric->kind == SYS_HISTOGRAM) {
    put_histogram(out, series);
    return;
  }
  put_name(out, series, "", -1);
  int64_t value =
      metric->value_fn ? metric->value_fn(metric->value_ctx) : sys_series_cell(series, 0);
  buf_printf(out, "%" PRId64 "\n", value);
}

static int by_values(const void *a, const void *b) {
  const struct sys_series *x = *(const struct sys_series *const *)a;
  const struct sys_series *y = *(const struct sys_series *const *)b;
  for (size_t i = 0; i < x->metric->label_count; i++) {
    int order = str_cmp(x->values[i], y->values[i]);
    if (order)
      return order;
  }
  return 0;
}

static void put_metric(struct buf *out, struct sys_metric *metric) {
  static const char *const kinds[] = {
      [SYS_COUNTER] = "counter", [SYS_GAUGE] = "gauge", [SYS_HISTOGRAM] = "histogram"};
  buf_printf(out, "# HELP %s ", metric->name);
  put_escaped(out, str_of(metric->help), false);
  buf_printf(out, "\n# TYPE %s %s\n", metric->name, kinds[metric->kind]);
  CLEANUP_FREE struct sys_series **all =
      mem_zalloc((metric->series_count + 1) * sizeof(struct sys_series *));
  size_t count = 0;
  for (size_t i = 0; i <= metric->slot_mask; i++) {
    struct sys_series *series = atomic_load_explicit(&metric->slots[i], memory_order_acquire);
    if (series)
      all[count++] = series;
  }
  struct sys_series *overflow = atomic_load(&metric->overflow);
  if (overflow)
    all[count++] = overflow;
  qsort(all, count, sizeof(struct sys_series *), by_values);
  for (size_t i = 0; i < count; i++)
    put_series(out, all[i]);
}

void sys_metrics_write(struct sys_metrics *metrics, struct buf *out) {
  (void)pthread_mutex_lock(&metrics->mutex);
  for (size_t i = 0; i < metrics->count; i++)
    put_metric(out, metrics->metrics[i]);
  (void)pthread_mutex_unlock(&metrics->mutex);
}

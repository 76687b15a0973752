/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics registry: making metrics, finding series, adding. Finding is a hash
 * look-up without a lock in a table that never grows; adding is one atomic addition
 * to a cache line that few threads share.
 */
#include "sys_internal.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t default_bounds_us[] = {50,     100,     200,     500,     1000,    2000,
                                            5000,   10000,   20000,   50000,   100000,  200000,
                                            500000, 1000000, 2000000, 5000000, 10000000};

struct sys_metrics *sys_metrics_new(const char *prefix) {
  struct sys_metrics *metrics = mem_zalloc(sizeof(*metrics));
  metrics->prefix = mem_strndup(prefix, strlen(prefix));
  (void)pthread_mutex_init(&metrics->mutex, NULL);
  return metrics;
}

static void series_free(struct sys_series *series) {
  if (!series)
    return;
  for (size_t i = 0; i < series->metric->label_count; i++)
    free((char *)(uintptr_t)series->values[i].ptr);
  free(series->cells);
  free(series);
}

static void metric_free(struct sys_metric *metric) {
  for (size_t i = 0; metric->slots && i <= metric->slot_mask; i++)
    series_free(atomic_load(&metric->slots[i]));
  series_free(atomic_load(&metric->overflow));
  for (size_t i = 0; i < metric->label_count; i++)
    free(metric->labels[i]);
  free(metric->slots);
  free(metric->bounds_us);
  free(metric->name);
  free(metric->help);
  free(metric);
}

void sys_metrics_free(struct sys_metrics *metrics) {
  if (!metrics)
    return;
  for (size_t i = 0; i < metrics->count; i++)
    metric_free(metrics->metrics[i]);
  free(metrics->metrics);
  free(metrics->prefix);
  (void)pthread_mutex_destroy(&metrics->mutex);
  free(metrics);
}

/* ---- making metrics --------------------------------------------------------- */

_Noreturn static void misuse(const char *what, const char *name) {
  (void)fprintf(stderr, "slicegate: metric %s: %s\n", name, what);
  abort();
}

static bool is_name(const char *name) {
  for (const char *c = name; *c; c++) {
    bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
    if (!is_letter && (c == name || *c < '0' || *c > '9'))
      return false;
  }
  return name[0] != '\0';
}

/* Puts the metric in its place by name. */
static void registry_insert(struct sys_metrics *metrics, struct sys_metric *metric) {
  (void)pthread_mutex_lock(&metrics->mutex);
  metrics->metrics =
      mem_realloc(metrics->metrics, (metrics->count + 1) * sizeof(struct sys_metric *));
  size_t at = metrics->count;
  while (at > 0 && strcmp(metrics->metrics[at - 1]->name, metric->name) > 0) {
    metrics->metrics[at] = metrics->metrics[at - 1];
    at--;
  }
  if (at > 0 && strcmp(metrics->metrics[at - 1]->name, metric->name) == 0)
    misuse("made twice", metric->name);
  metrics->metrics[at] = metric;
  metrics->count++;
  (void)pthread_mutex_unlock(&metrics->mutex);
}

static struct sys_metric *metric_new(struct sys_metrics *metrics, enum sys_metric_kind kind,
                                     const struct sys_metric_desc *desc, size_t bound_count) {
  struct sys_metric *metric = mem_zalloc(sizeof(*metric));
  size_t name_size = strlen(metrics->prefix) + 1 + strlen(desc->name) + 1;
  metric->name = mem_zalloc(name_size);
  (void)snprintf(metric->name, name_size, "%s_%s", metrics->prefix, desc->name);
  if (!is_name(metric->name))
    misuse("not a name that Prometheus allows", metric->name);
  metric->kind = kind;
  metric->registry = metrics;
  metric->help = mem_strndup(desc->help, strlen(desc->help));
  while (metric->label_count < SYS_METRIC_LABELS_MAX && desc->labels[metric->label_count]) {
    const char *label = desc->labels[metric->label_count];
    if (!is_name(label) || (kind == SYS_HISTOGRAM && strcmp(label, "le") == 0))
      misuse("not a label name that Prometheus allows", metric->name);
    metric->labels[metric->label_count++] = mem_strndup(label, strlen(label));
  }
  metric->max_series = metric->label_count == 0 ? 1 : desc->max_series ? desc->max_series : 256;
  size_t slots = 2;
  while (slots < metric->max_series * 2)
    slots *= 2;
  metric->slots = mem_zalloc(slots * sizeof(*metric->slots));
  metric->slot_mask = slots - 1;
  size_t per_line = SYS_CACHE_LINE / sizeof(int64_t);
  metric->bound_count = bound_count;
  metric->width = kind == SYS_HISTOGRAM ? bound_count + 2 : 1;
  metric->shard_cells = (metric->width + per_line - 1) / per_line * per_line;
  return metric;
}

/* Enters the metric; one without labels is there, at 0, from the start. */
static struct sys_metric *metric_register(struct sys_metric *metric) {
  registry_insert(metric->registry, metric);
  if (metric->label_count == 0)
    (void)sys_series_get(metric, NULL);
  return metric;
}

struct sys_metric *sys_counter_new(struct sys_metrics *metrics,
                                   const struct sys_metric_desc *desc) {
  return metric_register(metric_new(metrics, SYS_COUNTER, desc, 0));
}

struct sys_metric *sys_gauge_new(struct sys_metrics *metrics, const struct sys_metric_desc *desc) {
  return metric_register(metric_new(metrics, SYS_GAUGE, desc, 0));
}

static void new_fn(struct sys_metric *metric, sys_metric_fn *value, void *ctx) {
  if (metric->label_count > 0)
    misuse("a metric with a function has no labels", metric->name);
  metric->value_fn = value;
  metric->value_ctx = ctx;
  (void)metric_register(metric);
}

void sys_gauge_new_fn(struct sys_metrics *metrics, const struct sys_metric_desc *desc,
                      sys_metric_fn *value, void *ctx) {
  new_fn(metric_new(metrics, SYS_GAUGE, desc, 0), value, ctx);
}

void sys_counter_new_fn(struct sys_metrics *metrics, const struct sys_metric_desc *desc,
                        sys_metric_fn *value, void *ctx) {
  new_fn(metric_new(metrics, SYS_COUNTER, desc, 0), value, ctx);
}

struct sys_metric *sys_histogram_new(struct sys_metrics *metrics,
                                     const struct sys_metric_desc *desc, const int64_t *bounds_us,
                                     size_t count) {
  if (!bounds_us) {
    bounds_us = default_bounds_us;
    count = SG_ARRAY_LEN(default_bounds_us);
  }
  struct sys_metric *metric = metric_new(metrics, SYS_HISTOGRAM, desc, count);
  if (count == 0 || count > SYS_BUCKETS_MAX)
    misuse("too few or too many buckets", metric->name);
  metric->bounds_us = mem_zalloc(count * sizeof(*bounds_us));
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && bounds_us[i] <= bounds_us[i - 1])
      misuse("buckets must ascend", metric->name);
    metric->bounds_us[i] = bounds_us[i];
  }
  return metric_register(metric);
}

/* ---- series ----------------------------------------------------------------- */

/* Over the values, each ended by a byte that no UTF-8 text contains. */
static uint64_t hash_values(const struct str *values, size_t count) {
  uint64_t hash = HASH_START;
  for (size_t i = 0; i < count; i++)
    hash = hash_bytes(hash_bytes(hash, values[i].ptr, values[i].len), "\xff", 1);
  return hash;
}

/* Prometheus refuses a whole scrape over one invalid byte. */
static bool is_clean(struct str value) {
  if (value.len > SYS_LABEL_VALUE_MAX)
    return false;
  while (value.len > 0) {
    size_t len = str_utf8_len(value);
    if (len == 0)
      return false;
    value = str_skip(value, len);
  }
  return true;
}

/* `value` as valid UTF-8 of at most SYS_LABEL_VALUE_MAX bytes, in `scratch` where it is not yet. */
static struct str clean_value(struct str value, char scratch[SYS_LABEL_VALUE_MAX]) {
  if (is_clean(value))
    return value;
  size_t used = 0;
  while (value.len > 0) {
    size_t len = str_utf8_len(value);
    size_t out = len ? len : 1;
    if (used + out > SYS_LABEL_VALUE_MAX)
      break;
    memcpy(scratch + used, len ? value.ptr : "?", out);
    used += out;
    value = str_skip(value, len ? len : 1);
  }
  return (struct str){scratch, used};
}

static bool series_is(const struct sys_series *series, uint64_t hash, const struct str *values) {
  if (series->hash != hash)
    return false;
  for (size_t i = 0; i < series->metric->label_count; i++) {
    if (!str_eq(series->values[i], values[i]))
      return false;
  }
  return true;
}

/* The series, or NULL and in *ret_slot where it would be put. */
static struct sys_series *series_find(struct sys_metric *metric, uint64_t hash,
                                      const struct str *values, size_t *ret_slot) {
  /* Ends: the table is at most half full. */
  for (size_t slot = hash & metric->slot_mask;; slot = (slot + 1) & metric->slot_mask) {
    struct sys_series *series = atomic_load_explicit(&metric->slots[slot], memory_order_acquire);
    *ret_slot = slot;
    if (!series || series_is(series, hash, values))
      return series;
  }
}

static struct sys_series *series_new(struct sys_metric *metric, uint64_t hash,
                                     const struct str *values) {
  struct sys_series *series = mem_zalloc(sizeof(*series));
  series->metric = metric;
  series->hash = hash;
  for (size_t i = 0; i < metric->label_count; i++)
    series->values[i] = (struct str){mem_strndup(values[i].ptr, values[i].len), values[i].len};
  size_t bytes = metric->shard_cells * SYS_SHARDS * sizeof(int64_t);
  series->cells = aligned_alloc(SYS_CACHE_LINE, bytes);
  if (!series->cells)
    misuse("out of memory", metric->name);
  memset((void *)series->cells, 0, bytes);
  return series;
}

static bool is_all_other(const struct sys_metric *metric, const struct str *values) {
  for (size_t i = 0; i < metric->label_count; i++) {
    if (!str_is(values[i], "other"))
      return false;
  }
  return metric->label_count > 0;
}

/* Under the registry's mutex. */
static struct sys_series *overflow_get(struct sys_metric *metric) {
  struct str others[SYS_METRIC_LABELS_MAX];
  struct sys_series *series = atomic_load(&metric->overflow);
  if (series)
    return series;
  for (size_t i = 0; i < metric->label_count; i++)
    others[i] = STR_LIT("other");
  series = series_new(metric, 0, others);
  atomic_store(&metric->overflow, series);
  return series;
}

static struct sys_series *series_add(struct sys_metric *metric, uint64_t hash,
                                     const struct str *values) {
  size_t slot;
  (void)pthread_mutex_lock(&metric->registry->mutex);
  struct sys_series *series = series_find(metric, hash, values, &slot);
  if (!series && is_all_other(metric, values)) {
    series = overflow_get(metric);
  } else if (!series && metric->series_count < metric->max_series) {
    series = series_new(metric, hash, values);
    metric->series_count++;
    atomic_store_explicit(&metric->slots[slot], series, memory_order_release);
  } else if (!series) {
    series = overflow_get(metric);
    atomic_store_explicit(&metric->is_full, true, memory_order_release);
  }
  (void)pthread_mutex_unlock(&metric->registry->mutex);
  return series;
}

struct sys_series *sys_series_get(struct sys_metric *metric, const struct str *values) {
  char scratch[SYS_METRIC_LABELS_MAX][SYS_LABEL_VALUE_MAX];
  struct str clean[SYS_METRIC_LABELS_MAX] = {{NULL, 0}};
  for (size_t i = 0; i < metric->label_count; i++)
    clean[i] = clean_value(values[i], scratch[i]);
  uint64_t hash = hash_values(clean, metric->label_count);
  size_t slot;
  struct sys_series *series = series_find(metric, hash, clean, &slot);
  if (series)
    return series;
  if (atomic_load_explicit(&metric->is_full, memory_order_acquire))
    return atomic_load(&metric->overflow);
  return series_add(metric, hash, clean);
}

/* ---- adding ----------------------------------------------------------------- */

/* Which shard this thread adds to: handed out in turn. */
static size_t my_shard(void) {
  static _Atomic size_t next;
  static _Thread_local size_t mine; /* shard + 1; 0 = none yet */
  if (mine == 0)
    mine = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % SYS_SHARDS + 1;
  return mine - 1;
}

static void cell_add(struct sys_series *series, size_t shard, size_t cell, int64_t n) {
  (void)atomic_fetch_add_explicit(&series->cells[shard * series->metric->shard_cells + cell], n,
                                  memory_order_relaxed);
}

int64_t sys_series_cell(const struct sys_series *series, size_t cell) {
  int64_t sum = 0;
  for (size_t shard = 0; shard < SYS_SHARDS; shard++)
    sum += atomic_load_explicit(&series->cells[shard * series->metric->shard_cells + cell],
                                memory_order_relaxed);
  return sum;
}

void sys_counter_add(struct sys_series *series, int64_t n) {
  cell_add(series, my_shard(), 0, n);
}

void sys_gauge_add(struct sys_series *series, int64_t n) {
  cell_add(series, 0, 0, n);
}

void sys_counter_set(struct sys_series *series, int64_t value) {
  sys_gauge_set(series, value);
}

void sys_gauge_set(struct sys_series *series, int64_t value) {
  atomic_store_explicit(&series->cells[0], value, memory_order_relaxed);
}

void sys_histogram_observe(struct sys_series *series, int64_t us) {
  const struct sys_metric *metric = series->metric;
  size_t bucket = 0;
  while (bucket < metric->bound_count && us > metric->bounds_us[bucket])
    bucket++;
  size_t shard = my_shard();
  cell_add(series, shard, bucket, 1);
  cell_add(series, shard, metric->bound_count + 1, us);
}

int64_t sys_series_value(const struct sys_series *series) {
  if (series->metric->kind != SYS_HISTOGRAM)
    return sys_series_cell(series, 0);
  int64_t count = 0;
  for (size_t i = 0; i <= series->metric->bound_count; i++)
    count += sys_series_cell(series, i);
  return count;
}

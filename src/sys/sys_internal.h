/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_SYS_INTERNAL_H
#define SLICEGATE_SYS_INTERNAL_H

#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SYS_SHARDS = 4, SYS_CACHE_LINE = 64, SYS_LABEL_VALUE_MAX = 128 };

enum sys_metric_kind { SYS_COUNTER, SYS_GAUGE, SYS_HISTOGRAM };

/*
 * The numbers of a series are `width` cells, SYS_SHARDS times, each shard on cache
 * lines of its own; a thread always adds to one shard. Gauges use the first shard
 * only: "set" has no meaning over several. A histogram's cells are one for each bound,
 * one for +Inf, and the sum.
 */
struct sys_series {
  struct sys_metric *metric;
  struct str values[SYS_METRIC_LABELS_MAX]; /* sanitized copies */
  uint64_t hash;
  _Atomic int64_t *cells;
};

struct sys_metric {
  enum sys_metric_kind kind;
  struct sys_metrics *registry;
  char *name; /* with the prefix */
  char *help;
  char *labels[SYS_METRIC_LABELS_MAX];
  size_t label_count;
  int64_t *bounds_us;
  size_t bound_count;
  size_t width;       /* cells used of a shard */
  size_t shard_cells; /* cells of a shard, rounded up to whole cache lines */
  sys_metric_fn *value_fn;
  void *value_ctx;
  /* Open addressing; entries appear and never go. Readers take no lock. */
  _Atomic(struct sys_series *) *slots;
  size_t slot_mask;
  size_t series_count; /* under the registry's mutex, without `overflow` */
  size_t max_series;
  /* Where everything beyond max_series goes, and what is "other" anyway: one series. */
  _Atomic(struct sys_series *) overflow;
  _Atomic bool is_full;
};

struct sys_metrics {
  char *prefix;
  pthread_mutex_t mutex;       /* making metrics and series, and writing */
  struct sys_metric **metrics; /* by name */
  size_t count;
};

/* The sum of one cell over the shards. */
int64_t sys_series_cell(const struct sys_series *series, size_t cell);

#endif

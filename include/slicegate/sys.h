/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys: the ambient effects that the edges need, in one place: clocks, the log,
 * reading files and watching them for change, signals, and the metrics registry.
 * Decision modules use none of it.
 *
 * Thread-safety: everything here may be called from any thread at any time unless
 * a declaration says otherwise. The log's settings and the signal mask belong to
 * the process; everything else is an object.
 */
#ifndef SLICEGATE_SYS_H
#define SLICEGATE_SYS_H

#include "slicegate/base.h"

#include <pthread.h>

/* ---- clocks ----------------------------------------------------------------- */

/* A point on the monotonic clock: for durations and deadlines, never for display. */
struct sys_mono {
  int64_t ns;
};
/* A point in civil time: nanoseconds since 1970-01-01T00:00:00Z. It may jump. */
struct sys_wall {
  int64_t ns;
};

struct sys_mono sys_mono_now(void);
/* The same clock, good to a few milliseconds, for a fraction of the price. */
struct sys_mono sys_mono_coarse(void);
struct sys_wall sys_wall_now(void);

static inline int64_t sys_mono_us_between(struct sys_mono from, struct sys_mono to) {
  return (to.ns - from.ns) / 1000;
}
static inline struct sys_mono sys_mono_add_ms(struct sys_mono from, int64_t ms) {
  return (struct sys_mono){i64_add_sat(from.ns, i64_mul_sat(ms, 1000000))};
}

#define SYS_RFC3339_SIZE sizeof("2026-01-01T00:00:00.000Z")
/* "2026-11-21T05:28:00.123Z", NUL-terminated; years 0 to 9999. */
void sys_wall_format(struct sys_wall when, char ret[SYS_RFC3339_SIZE]);

/* ---- log -------------------------------------------------------------------- */

/*
 * One event, one line, one write(2): lines of many threads never mix. A line is
 * at most SYS_LOG_LINE_MAX bytes; values that do not fit are cut and end in "...".
 * Values are escaped, so that nothing a client sends can start a line of its own.
 */
enum { SYS_LOG_LINE_MAX = 4096, SYS_LOG_VALUE_MAX = 1024 };

enum sys_level { SYS_DEBUG, SYS_INFO, SYS_WARN, SYS_ERROR };
enum sys_log_format {
  SYS_LOG_LOGFMT, /* time=... level=info msg="listening" port=8443 */
  SYS_LOG_JSON,   /* {"time":"...","level":"info","msg":"listening","port":8443} */
};

/* Settings of the process; before the first call: SYS_INFO, logfmt, descriptor 2. */
void sys_log_setup(enum sys_level least, enum sys_log_format format, int fd);
bool sys_log_enabled(enum sys_level level);
/* "debug", "info", "warn", "error"; false for anything else. */
bool sys_level_parse(struct str name, enum sys_level *ret) SG_MUST_CHECK;

/* A field of an event. Made by the functions below, on the caller's stack. */
struct sys_field {
  const char *key; /* a literal: [a-z_]+ */
  enum { SYS_FIELD_STR, SYS_FIELD_INT, SYS_FIELD_BOOL } kind;
  struct str text;
  int64_t number;
};
static inline struct sys_field sys_str(const char *key, struct str value) {
  return (struct sys_field){.key = key, .kind = SYS_FIELD_STR, .text = value};
}
static inline struct sys_field sys_cstr(const char *key, const char *value) {
  return (struct sys_field){.key = key, .kind = SYS_FIELD_STR, .text = str_of(value)};
}
static inline struct sys_field sys_int(const char *key, int64_t value) {
  return (struct sys_field){.key = key, .kind = SYS_FIELD_INT, .number = value};
}
static inline struct sys_field sys_bool(const char *key, bool value) {
  return (struct sys_field){.key = key, .kind = SYS_FIELD_BOOL, .number = value};
}
/* error="text of the error"; the position, if it matters, is for fields of its own. */
static inline struct sys_field sys_err(const struct err *err) {
  return (struct sys_field){.key = "error", .kind = SYS_FIELD_STR, .text = str_of(err->text)};
}

void sys_log_write(enum sys_level level, const char *msg, const struct sys_field *fields,
                   size_t count);
/*
 * sys_log(SYS_INFO, "listening", sys_cstr("address", addr), sys_int("port", port));
 * The fields are not evaluated when the level is off.
 */
#define sys_log(level, msg, ...)                                                                   \
  do {                                                                                             \
    if (sys_log_enabled(level)) {                                                                  \
      const struct sys_field sys_fields_[] = {{.key = NULL} __VA_OPT__(, ) __VA_ARGS__};           \
      sys_log_write((level), (msg), sys_fields_ + 1, SG_ARRAY_LEN(sys_fields_) - 1);               \
    }                                                                                              \
  } while (0)

/* ---- files ------------------------------------------------------------------ */

/*
 * Reads a whole file. Fills *retbuf (call buf_done on it; on failure it is empty and
 * needs none). Errors name the file: ERR_NOT_FOUND, ERR_LIMIT (larger than
 * max_bytes), ERR_INVALID (a directory), ERR_UNAVAILABLE (no permission, no
 * descriptors), ERR_INTERNAL.
 */
bool sys_file_read(const char *path, size_t max_bytes, struct buf *retbuf,
                   struct err *reterr) SG_MUST_CHECK;
/* The same from an open descriptor, such as standard input; `name` is for errors. */
bool sys_fd_read(int fd, const char *name, size_t max_bytes, struct buf *retbuf,
                 struct err *reterr) SG_MUST_CHECK;
/*
 * Hands a file over piece by piece, for what need not be in memory at once. `take` returns false
 * to stop, with the error filled. Errors of reading name the file.
 */
typedef bool sys_take_fn(void *ctx, struct str piece, struct err *reterr);
bool sys_file_stream(const char *path, sys_take_fn *take, void *ctx,
                     struct err *reterr) SG_MUST_CHECK;
/*
 * Replaces `path` by these bytes in one step (a temporary file beside it, fsync,
 * rename), with exactly this mode. A reader sees the old file or the new one.
 */
bool sys_file_write(const char *path, struct str bytes, unsigned mode,
                    struct err *reterr) SG_MUST_CHECK;

/*
 * Raises the process's limit of open descriptors as far as it may, and returns it. For
 * servers: the usual soft limit of 1,024 is for programs that use select(2).
 */
int64_t sys_fd_limit_raise(void);

/* ---- watching files --------------------------------------------------------- */

/*
 * Tells when files change, by looking at them twice a second from one thread: good for plain
 * rewrites, renames, and the symlink swap of a ConfigMap or Secret mount, on every
 * file system. A change is reported once the file has stopped changing (two equal
 * looks in a row), so that a writer in mid-file is not read. Files may be absent;
 * appearing and vanishing are changes.
 */
struct sys_watch;
typedef void sys_watch_fn(void *ctx);

enum { SYS_WATCH_INTERVAL_MS = 500 };
/* interval_ms 0 means SYS_WATCH_INTERVAL_MS. */
struct sys_watch *sys_watch_new(int64_t interval_ms) SG_MUST_CHECK;
/*
 * One callback for a set of files that belong together (a certificate and its key).
 * Paths are copied. What the files are now is the state that changes are counted
 * from. Call before sys_watch_start.
 */
void sys_watch_add(struct sys_watch *watch, const char *const *paths, size_t count,
                   sys_watch_fn *changed, void *ctx);
/* Starts the thread; callbacks run on it, one at a time. */
bool sys_watch_start(struct sys_watch *watch, struct err *reterr) SG_MUST_CHECK;
/* Waits for a running callback, stops the thread, frees. No callback runs after it. */
void sys_watch_free(struct sys_watch *watch);

/* ---- pauses ----------------------------------------------------------------- */

/* A condition for sys_cond_wait; ended by pthread_cond_destroy. */
void sys_cond_init(pthread_cond_t *cond);
/* With the mutex locked, as pthread_cond_timedwait: true when it has been woken, or for no reason;
 * false: that time has come. */
bool sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, struct sys_mono until);

/* What a thread that works now and then sleeps on, and is woken by when it is to end. */
struct sys_rest {
  pthread_mutex_t mutex;
  pthread_cond_t ended;
  bool is_ended;
};
void sys_rest_init(struct sys_rest *rest);
void sys_rest_done(struct sys_rest *rest);
/* Returns after that time: true; or as soon as it has been ended: false. */
bool sys_rest(struct sys_rest *rest, int64_t ms);
void sys_rest_end(struct sys_rest *rest);

/* Something that is done now and then only, such as a line in the log about what others can bring
 * about as often as they like. All zero: never yet. From any thread. */
struct sys_due {
  _Atomic int64_t last_ns;
};
/* Whether it is to be done now: at the first call, and then not again within every_ms. */
bool sys_is_due(struct sys_due *due, int64_t every_ms);

/* ---- signals ---------------------------------------------------------------- */

/*
 * SIGTERM, SIGINT and SIGHUP as events that a thread waits for. Call once in main
 * before any thread starts (threads inherit the blocked mask). SIGPIPE is ignored.
 */
bool sys_signals_setup(struct err *reterr) SG_MUST_CHECK;
/* The next signal's number, or 0 after timeout_ms; -1 waits for ever. */
int sys_signals_wait(int64_t timeout_ms);

/* ---- metrics ---------------------------------------------------------------- */

/*
 * A registry of counters, gauges and histograms, read as Prometheus text 0.0.4.
 * Metrics are made once, at start, and live as long as the registry; a series (one
 * combination of label values) appears when it is first used. Adding is wait-free
 * after that: look the series up once and keep it where the values are known before.
 *
 * A metric has room for max_series combinations; every further one is counted in a
 * series whose label values are all "other", so that nothing a client sends can
 * grow the registry.
 */
enum { SYS_METRIC_LABELS_MAX = 6 };

struct sys_metrics;
struct sys_metric; /* a family: name, help, label names */
struct sys_series; /* one combination of label values; borrowed from its metric */

/* `prefix` goes in front of every name, with an underscore between. */
struct sys_metrics *sys_metrics_new(const char *prefix) SG_MUST_CHECK;
void sys_metrics_free(struct sys_metrics *metrics);

struct sys_metric_desc {
  const char *name;                          /* without the prefix */
  const char *help;                          /* one sentence */
  const char *labels[SYS_METRIC_LABELS_MAX]; /* NULL after the last */
  size_t max_series;                         /* 0 = 1 without labels, 256 with */
};
/*
 * All strings are copied. Two metrics of one name, or a name that Prometheus does
 * not allow, are mistakes of the caller: the process aborts with one line.
 */
struct sys_metric *sys_counter_new(struct sys_metrics *metrics, const struct sys_metric_desc *desc);
struct sys_metric *sys_gauge_new(struct sys_metrics *metrics, const struct sys_metric_desc *desc);
/*
 * Observations are whole microseconds; the text gives seconds. `bounds_us` are the
 * buckets' upper bounds, ascending, without +Inf; at most SYS_BUCKETS_MAX. NULL means
 * 50 us .. 10 s in 1-2-5 steps.
 */
enum { SYS_BUCKETS_MAX = 24 };
struct sys_metric *sys_histogram_new(struct sys_metrics *metrics,
                                     const struct sys_metric_desc *desc, const int64_t *bounds_us,
                                     size_t count);
/* Ones whose value is asked for when the text is written. They have no labels. */
typedef int64_t sys_metric_fn(void *ctx);
void sys_gauge_new_fn(struct sys_metrics *metrics, const struct sys_metric_desc *desc,
                      sys_metric_fn *value, void *ctx);
void sys_counter_new_fn(struct sys_metrics *metrics, const struct sys_metric_desc *desc,
                        sys_metric_fn *value, void *ctx);

/*
 * The series with these label values, as many as the metric has labels: found or
 * made. Lock-free when it exists. Values longer than 128 bytes are cut.
 */
struct sys_series *sys_series_get(struct sys_metric *metric, const struct str *values);
void sys_counter_add(struct sys_series *series, int64_t n);
/* Of a count that somebody else keeps, and that never falls; such a series is not added to. */
void sys_counter_set(struct sys_series *series, int64_t value);
void sys_gauge_set(struct sys_series *series, int64_t value);
void sys_gauge_add(struct sys_series *series, int64_t n);
void sys_histogram_observe(struct sys_series *series, int64_t us);
/* Counter or gauge: the value now; histogram: the number of observations. */
int64_t sys_series_value(const struct sys_series *series);

/*
 * The whole registry as text: metrics by name, series by label values. The numbers
 * of one metric are read one after another, not at one instant.
 */
void sys_metrics_write(struct sys_metrics *metrics, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the server counts. Label values come from bounded sets only. */
#include "serve_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct serve_metrics {
  struct sys_metrics *registry;
  struct judges *judges;
  struct http_server *server;
  struct sys_metric *reviews, *findings, *duration, *requests, *certificate_reloads;
  atomic_llong certificate_end;
  pthread_mutex_t lock; /* of the text below */
  char certificate_error[512];
};

static struct judges_status judges_status_of(void *ctx) {
  struct judges_status status;
  judges_get_status(((struct serve_metrics *)ctx)->judges, &status);
  return status;
}

static int64_t policy_generation(void *ctx) {
  return judges_status_of(ctx).generation;
}

static int64_t policy_failures(void *ctx) {
  return judges_status_of(ctx).failures;
}

static int64_t policy_is_stale(void *ctx) {
  return judges_status_of(ctx).error[0] != '\0';
}

static int64_t certificate_end(void *ctx) {
  return serve_metrics_certificate_end(ctx);
}

static struct http_stats server_stats(void *ctx) {
  struct http_stats stats = {0};
  http_server_stats(((struct serve_metrics *)ctx)->server, &stats);
  return stats;
}

static int64_t in_flight(void *ctx) {
  return server_stats(ctx).in_flight;
}

static int64_t connections(void *ctx) {
  return server_stats(ctx).connections;
}

static int64_t buffered(void *ctx) {
  return server_stats(ctx).buffered_bytes;
}

static int64_t refused(void *ctx) {
  return server_stats(ctx).refused;
}

struct serve_metrics *serve_metrics_new(struct judges *judges) {
  struct serve_metrics *m = mem_zalloc(sizeof(*m));
  m->judges = judges;
  pthread_mutex_init(&m->lock, NULL);
  m->registry = sys_metrics_new("slicegate");
  m->reviews = sys_counter_new(
      m->registry,
      &(struct sys_metric_desc){.name = "reviews_total",
                                .help = "Admission reviews answered, by path, kind and verdict.",
                                .labels = {"path", "kind", "verdict"},
                                .max_series = 512});
  m->findings = sys_counter_new(
      m->registry, &(struct sys_metric_desc){.name = "findings_total",
                                             .help = "Findings in reviews, by rule, severity "
                                                     "(after overrides) and kind.",
                                             .labels = {"rule", "severity", "kind"},
                                             .max_series = 1024});
  m->duration = sys_histogram_new(
      m->registry,
      &(struct sys_metric_desc){.name = "review_duration_seconds",
                                .help = "From the end of a request's header to the last byte of "
                                        "its answer given to the socket.",
                                .labels = {"path"}},
      NULL, 0);
  m->requests = sys_counter_new(
      m->registry, &(struct sys_metric_desc){.name = "http_requests_total",
                                             .help = "HTTP requests, by route and status (0: the "
                                                     "peer went away before the answer).",
                                             .labels = {"route", "status"}});
  m->certificate_reloads = sys_counter_new(
      m->registry, &(struct sys_metric_desc){.name = "certificate_reloads_total",
                                             .help = "Changes of the serving certificate, by "
                                                     "result.",
                                             .labels = {"result"}});
  sys_gauge_new_fn(m->registry,
                   &(struct sys_metric_desc){.name = "policy_generation",
                                             .help = "Policies loaded since the start; 1 is the "
                                                     "first."},
                   policy_generation, m);
  sys_counter_new_fn(m->registry,
                     &(struct sys_metric_desc){.name = "policy_reload_failures_total",
                                               .help = "Reloads that left the old policy serving."},
                     policy_failures, m);
  sys_gauge_new_fn(m->registry,
                   &(struct sys_metric_desc){.name = "policy_stale",
                                             .help = "1 while the policy or the cluster file "
                                                     "cannot be read and an older one serves."},
                   policy_is_stale, m);
  sys_gauge_new_fn(m->registry,
                   &(struct sys_metric_desc){.name = "certificate_expiry_timestamp_seconds",
                                             .help = "Unix time at which the serving certificate "
                                                     "ends."},
                   certificate_end, m);
  return m;
}

struct sys_metrics *serve_metrics_registry(struct serve_metrics *m) {
  return m->registry;
}

void serve_metrics_watch_server(struct serve_metrics *m, struct http_server *server) {
  m->server = server;
  sys_gauge_new_fn(m->registry,
                   &(struct sys_metric_desc){.name = "requests_in_flight",
                                             .help = "Requests between header and last byte."},
                   in_flight, m);
  sys_gauge_new_fn(m->registry,
                   &(struct sys_metric_desc){.name = "connections", .help = "Open connections."},
                   connections, m);
  sys_gauge_new_fn(m->registry,
                   &(struct sys_metric_desc){.name = "buffered_bytes",
                                             .help = "Bytes of request bodies in memory."},
                   buffered, m);
  sys_counter_new_fn(m->registry,
                     &(struct sys_metric_desc){.name = "connections_refused_total",
                                               .help = "Connections closed at accept because of a "
                                                       "cap, since the start."},
                     refused, m);
}

void serve_metrics_free(struct serve_metrics *m) {
  if (!m)
    return;
  sys_metrics_free(m->registry);
  pthread_mutex_destroy(&m->lock);
  free(m);
}

static void count_reload(struct serve_metrics *m, const char *result) {
  struct str values[] = {str_of(result)};
  sys_counter_add(sys_series_get(m->certificate_reloads, values), 1);
}

static void keep_certificate_error(struct serve_metrics *m, const char *error) {
  pthread_mutex_lock(&m->lock);
  (void)snprintf(m->certificate_error, sizeof(m->certificate_error), "%s", error);
  pthread_mutex_unlock(&m->lock);
}

void serve_metrics_set_certificate(struct serve_metrics *m, int64_t not_after, bool is_reloaded) {
  atomic_store(&m->certificate_end, not_after);
  keep_certificate_error(m, "");
  if (is_reloaded)
    count_reload(m, "ok");
}

void serve_metrics_certificate_failed(struct serve_metrics *m, const char *error) {
  keep_certificate_error(m, error);
  count_reload(m, "failed");
}

void serve_metrics_certificate_error(struct serve_metrics *m, char *ret, size_t size) {
  pthread_mutex_lock(&m->lock);
  (void)snprintf(ret, size, "%s", m->certificate_error);
  pthread_mutex_unlock(&m->lock);
}

int64_t serve_metrics_certificate_end(const struct serve_metrics *m) {
  return atomic_load(&m->certificate_end);
}

void serve_metrics_review(struct serve_metrics *m, const char *path, struct str kind,
                          const char *verdict) {
  struct str values[] = {str_of(path), kind, str_of(verdict)};
  sys_counter_add(sys_series_get(m->reviews, values), 1);
}

void serve_metrics_findings(struct serve_metrics *m, struct str kind,
                            const struct finding *findings, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct str values[] = {str_of(rule_name(findings[i].rule)),
                           str_of(severity_name(findings[i].severity)), kind};
    sys_counter_add(sys_series_get(m->findings, values), 1);
  }
}

void serve_metrics_access(void *ctx, const struct http_access *access) {
  struct serve_metrics *m = ctx;
  char status[4] = {(char)('0' + access->status / 100 % 10), (char)('0' + access->status / 10 % 10),
                    (char)('0' + access->status % 10), '\0'};
  struct str values[] = {str_of(access->route ? access->route : "none"),
                         access->status ? str_of(status) : STR_LIT("0")};
  sys_counter_add(sys_series_get(m->requests, values), 1);
  if (access->route &&
      (strcmp(access->route, "/validate") == 0 || strcmp(access->route, "/mutate") == 0))
    sys_histogram_observe(sys_series_get(m->duration, values), access->duration_us);
}

void serve_metrics_write(struct serve_metrics *m, struct buf *out) {
  sys_metrics_write(m->registry, out);
}

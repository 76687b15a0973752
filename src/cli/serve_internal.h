/* SPDX-License-Identifier: Apache-2.0 */
/* The server's parts: what judges, what counts, what answers. Wired in serve.c. */
#ifndef SLICEGATE_CLI_SERVE_INTERNAL_H
#define SLICEGATE_CLI_SERVE_INTERNAL_H

#include "slicegate/admission.h"
#include "slicegate/http.h"
#include "slicegate/policy.h"
#include "slicegate/sys.h"
#include "slicegate/wire.h"

#include <stdatomic.h>

/* ---- what judges (serve_judge.c) ------------------------------------------------------------- */

/* A policy and a cluster that belong together. Immutable and counted. */
struct judge_cluster;
struct judge {
  atomic_int references;
  int64_t generation; /* of the policy; 1 is the first */
  struct policy *policy;
  const struct policy_view *view;
  struct judge_cluster *known;   /* shared with other judges; NULL: no cluster known */
  const struct cluster *cluster; /* in it, or NULL */
  struct adm_cluster *facts;     /* of both, or NULL */
};

/* The current generation; swapped whole, never changed in place. */
struct judges;
/* NULL paths: the built-in policy, no cluster. NULL after logging why it cannot begin. */
struct judges *judges_new(const char *policy_path, const char *cluster_path) SG_MUST_CHECK;
void judges_free(struct judges *judges);
/* Reads the files again; on failure the old generation stays, and the reason is kept. A live
 * cluster stays whatever becomes of the policy, and no file of a cluster is read any more. */
void judges_reload(struct judges *judges);

/*
 * The cluster as it is now, in place of the one before, be that live or recorded: judged by the
 * same policy. `owned` holds all that `cluster` points to, and is taken over.
 */
void judges_set_cluster(struct judges *judges, struct arena *owned, const struct cluster *cluster);
/* The live cluster still is as it was set, as far as anybody could tell so long ago. Lock-free. */
void judges_cluster_heard(struct judges *judges, int64_t ago_ms);
/* From when on a live cluster that was not heard of refuses nothing. */
enum { JUDGES_STALE_SECONDS = 120 };
void judges_stale_after(struct judges *judges, int64_t seconds);
/* For adm_request: seconds since a live cluster was heard of when that is too long, else 0. */
int64_t judges_stale_seconds(struct judges *judges);

/* The generation to judge one request by; give it back with judge_release. */
struct judge *judges_acquire(struct judges *judges);
void judge_release(struct judge *judge);
/* What readyz and metrics tell. */
struct judges_status {
  int64_t generation;
  int64_t failures;   /* reloads that left the old generation serving */
  bool is_of_cluster; /* the error is the cluster file's, not the policy's */
  char error[512];    /* the last reload's; empty when it went well */
  bool is_live;
  int64_t clusters;   /* that were set */
  int64_t unheard_ms; /* of a live cluster; -1: there is none */
};
void judges_get_status(struct judges *judges, struct judges_status *ret);

/* ---- what counts (serve_metrics.c) ----------------------------------------------------------- */

struct serve_metrics;
struct serve_metrics *serve_metrics_new(struct judges *judges) SG_MUST_CHECK;
void serve_metrics_free(struct serve_metrics *metrics);
struct sys_metrics *serve_metrics_registry(struct serve_metrics *metrics);
/* Before the first request: gauges that ask the server. */
void serve_metrics_watch_server(struct serve_metrics *metrics, struct http_server *server);
void serve_metrics_set_certificate(struct serve_metrics *metrics, int64_t not_after,
                                   bool is_reloaded);
/* What was wrong with the last certificate is kept until one is good again. */
void serve_metrics_certificate_failed(struct serve_metrics *metrics, const char *error);
void serve_metrics_certificate_error(struct serve_metrics *metrics, char *ret, size_t size);
int64_t serve_metrics_certificate_end(const struct serve_metrics *metrics);
/* `kind` must come from a bounded set: the kinds table, or "other". */
void serve_metrics_review(struct serve_metrics *metrics, const char *path, struct str kind,
                          const char *verdict);
void serve_metrics_findings(struct serve_metrics *metrics, struct str kind,
                            const struct finding *findings, size_t count);
void serve_metrics_access(void *ctx, const struct http_access *access);
void serve_metrics_write(struct serve_metrics *metrics, struct buf *out);

/* ---- what answers ---------------------------------------------------------------------------- */

struct serve_live;
struct serve {
  struct judges *judges;
  struct serve_metrics *metrics;
  struct serve_live *live; /* NULL: neither --live nor an extender */
  uint64_t surroundings;   /* of the live cluster, as judged by now; the live thread's own */
  atomic_bool is_draining;
};

/* serve_review.c; ctx is struct serve. */
void serve_validate(void *ctx, const struct http_request *request, struct http_response *response);
void serve_mutate(void *ctx, const struct http_request *request, struct http_response *response);
/* serve_health.c */
void serve_healthz(void *ctx, const struct http_request *request, struct http_response *response);
/* What /readyz?verbose tells of policy, cluster and certificate, a line each. */
void serve_list_checks(struct serve *serve, struct buf *out);
void serve_readyz(void *ctx, const struct http_request *request, struct http_response *response);
void serve_metrics_page(void *ctx, const struct http_request *request,
                        struct http_response *response);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What answers kube-scheduler: filter, prioritize, bind, preempt. */
#ifndef SLICEGATE_CLI_SERVE_EXTENDER_H
#define SLICEGATE_CLI_SERVE_EXTENDER_H

#include "src/cli/fence.h"
#include "src/cli/nominator.h"
#include "src/cli/waker.h"

#include "slicegate/http.h"
#include "slicegate/sys.h"

#include <stdatomic.h>

/* bind waits for the API server: so many at a time. */
enum { SERVE_BINDERS = 8 };

struct extender_door {
  struct live *live;
  struct placer *placer;
  /* Whether this replica is the one that answers; others would keep a ledger of their own. */
  bool (*may_answer)(void *ctx);
  /* Whether it is still the one that decides: also while it ends and finishes what it has begun. */
  bool (*may_write)(void *ctx);
  /* Why it may not answer; NULL: nobody can tell. */
  void (*why_not)(void *ctx, struct err *ret);
  void *may_ctx;               /* of these */
  struct fence *fence;         /* NULL: a recording, to which nothing is written */
  atomic_int bindings;         /* calls of bind under way */
  atomic_int unknown;          /* of these: waiting for a pod that is not known yet */
  struct nominator *nominator; /* NULL: nobody advises */
  struct waker *waker;         /* NULL: a recording, where nobody waits */
  struct str scheduler_name;   /* whose pods it advises on */
  atomic_llong asked_ms;       /* when filter was last called about one; 0: never */
  struct sys_metric *requests; /* by verb and result */
  struct sys_metric *duration; /* by verb: in the handler */
  struct sys_metric *clients_refused;
  struct sys_due refusal_logged;
};
/* How `http` tells of clients without a good certificate: counted, and logged now and then, since a
 * stranger can call as often as it likes. ctx is struct extender_door. */
void extender_client_refused(void *ctx, const char *peer, const char *reason);
/* Metrics are made in the registry. */
void extender_door_init(struct extender_door *door, struct sys_metrics *metrics);

/* ctx is struct extender_door. */
void serve_filter(void *ctx, const struct http_request *request, struct http_response *response);
void serve_prioritize(void *ctx, const struct http_request *request,
                      struct http_response *response);
void serve_bind(void *ctx, const struct http_request *request, struct http_response *response);
void serve_preempt(void *ctx, const struct http_request *request, struct http_response *response);

#endif

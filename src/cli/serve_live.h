/* SPDX-License-Identifier: Apache-2.0 */
/* The live half of `serve`: feeds, decisions, kube-scheduler's doors, the nominator. */
#ifndef SLICEGATE_CLI_SERVE_LIVE_H
#define SLICEGATE_CLI_SERVE_LIVE_H

#include "src/cli/nominator.h"
#include "src/cli/serve_api.h"
#include "src/cli/serve_extender.h"

struct serve_live_flags {
  bool is_live, nominate, events, extender_plain_http, hami;
  const char *recording; /* of a cluster that is not live */
  const char *kubeconfig, *context;
  const char *extender_listen, *extender_client_ca;
  const char *scheduler_name, *lease_namespace, *lease_name, *pod_name, *pod_selector;
  int64_t best, nominate_nodes, feed_silence_seconds;
};

/* The file of --extender-client-ca, which must have CAs in it. */
bool serve_client_ca_read(const char *path, struct buf *ret, struct err *reterr) SG_MUST_CHECK;

struct serve_live;
/* Called about once a second while the cluster is followed, from one thread; ready only after the
 * first time. */
struct serve_live_tick {
  void (*fn)(void *ctx, struct live *live);
  void *ctx;
};
/* Reads configuration; nothing runs yet. NULL with an error that says which flag is wrong. */
struct serve_live *serve_live_new(const struct serve_live_flags *flags, struct sys_metrics *metrics,
                                  struct serve_live_tick tick, struct err *reterr) SG_MUST_CHECK;
/* Feeds and decisions first, then the doors with this certificate. */
bool serve_live_start(struct serve_live *serve, struct str cert_pem, struct str key_pem,
                      struct err *reterr) SG_MUST_CHECK;
/* The extender's listener; NULL: there is none. */
struct http_server *serve_live_extender(struct serve_live *serve);
/* Of /api/v1, for routes of the main listener, which end before serve_live_free. */
struct api_door *serve_live_api(struct serve_live *serve);
/* Of a recording: see live_reread. */
void serve_live_reread(struct serve_live *serve);
/* Drains the doors, gives up what is held, ends all threads. */
void serve_live_stop(struct serve_live *serve);
void serve_live_free(struct serve_live *serve);
/* Before /metrics is written. */
void serve_live_refresh_metrics(struct serve_live *serve);
/* For /readyz: false while some kind has not been listed; a line for each part is appended. */
bool serve_live_is_ready(struct serve_live *serve, struct buf *out);

#endif

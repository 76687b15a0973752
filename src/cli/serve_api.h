/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /api/v1/explain: what `slicegate explain -o json` says of a pod, by a server that follows the
 * cluster. Who may ask is the cluster's to say (api_auth.h); a recording, of which there is nobody
 * to ask that, is open on loopback only.
 */
#ifndef SLICEGATE_CLI_SERVE_API_H
#define SLICEGATE_CLI_SERVE_API_H

#include "slicegate/http.h"
#include "src/cli/api_auth.h"
#include "src/cli/explain_live.h"

struct api_door {
  struct explain_live *explain;
  struct api_auth *auth; /* NULL: a recording */
  bool is_loopback;      /* the listener; set before it starts */
};

#define API_EXPLAIN "/api/v1/explain"
/* What readers need the right to get. Not the route's own path: the ClusterRole system:discovery
 * lets everybody who has any token of the cluster get all below /api. */
#define API_EXPLAIN_RIGHT "/slicegate/api/v1/explain"
/* ctx is struct api_door. Waits for the API server and for its turn: several seconds at worst. */
void serve_explain(void *ctx, const struct http_request *request, struct http_response *response);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that answer kube-scheduler. */
#ifndef SLICEGATE_CLI_SERVE_DOOR_H
#define SLICEGATE_CLI_SERVE_DOOR_H

#include "src/cli/serve_extender.h"

#include "slicegate/wire.h"

/* One call. */
struct door_call {
  struct extender_door *door;
  const struct http_request *request;
  struct http_response *response;
  const char *verb;
  struct sys_mono began;
};
/* False, answered with 503, when this replica must not decide. */
bool door_enter(struct door_call *call) SG_MUST_CHECK;
void door_count(const struct door_call *call, const char *result);
/* {"error": ...} with a status, counted as `result`. */
void door_fail(const struct door_call *call, unsigned status, const char *result,
               const struct err *err);
/* What the pod asks for; NULL: that cannot be said in terms of nodes, and is not ours to judge. */
const struct pack_asked *door_ask(const struct door_call *call, const struct pod *pod,
                                  struct pack_asked *asked);
/* A tentative hold, or none when there is no room any more. */
void door_hold(const struct door_call *call, const struct pod *pod, const struct pack_asked *asked,
               struct str node, const struct pack_placement *placement);

#endif

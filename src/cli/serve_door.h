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
/* Has what a pod is known by. False: answered with 400. */
bool door_check_pod(const struct door_call *call, const struct pod *pod) SG_MUST_CHECK;
/*
 * What the pod asks for, in `room`; *ret NULL: that cannot be said in terms of nodes, and is not
 * ours to judge. False: for an amount that nobody can have; *reterr has its field path and what to
 * write instead. It is neither answered nor counted, and nothing may be held for it.
 */
bool door_ask(const struct door_call *call, const struct pod *pod, struct pack_asked *room,
              const struct pack_asked **ret, struct err *reterr) SG_MUST_CHECK;
/* A tentative hold, or none when there is no room any more. */
void door_hold(const struct door_call *call, const struct pod *pod, const struct pack_asked *asked,
               const struct ext_view *view, const struct pack_placement *placement);

#endif

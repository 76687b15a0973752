/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may read /api/v1: whoever the cluster lets. A bearer token is shown to the API server
 * (TokenReview), and what it says of the user is asked about (SubjectAccessReview for the path).
 * Our own account needs the ClusterRole system:auth-delegator for that.
 *
 * Answers are kept for a minute (refusals for 10 s, so that a new role soon works) under a hash;
 * tokens are not kept. Calls block: of one token only one asks at a time while the others wait for
 * its answer, and of all together only so many block; further ones are told to come back.
 */
#ifndef SLICEGATE_CLI_API_AUTH_H
#define SLICEGATE_CLI_API_AUTH_H

#include "slicegate/kube.h"

/* 0 means the value in brackets. */
struct api_auth_config {
  struct kube_client *client;   /* borrowed */
  const struct kube_stop *stop; /* may be NULL */
  const char *audience;         /* that tokens must be for; NULL: the API server's own */
  int64_t keep_ms;              /* [60,000] */
  int64_t keep_refusal_ms;      /* [10,000] */
  int64_t timeout_ms;           /* of a call of api_auth_check [5,000] */
  size_t max_entries;           /* answers that are kept [1,024] */
  size_t max_blocked;           /* calls that ask or wait at a time [8] */
};

struct api_auth;
struct api_auth *api_auth_new(const struct api_auth_config *config) SG_MUST_CHECK;
/* When no call runs any more. */
void api_auth_free(struct api_auth *auth);

struct api_auth_answer {
  unsigned status; /* of HTTP: 200 allowed, 401 who is that, 403 may not, 503 cannot be asked now */
  char user[254];  /* empty when not known; cut */
  char why[512];   /* a sentence for who is refused; empty when allowed */
};
/*
 * From any thread. `authorization` is the header's value, empty when there was none. `path` comes
 * from a bounded set: each is asked about separately. It must not be below /api, /apis, /healthz or
 * the like, which the cluster's own roles let every user get. `verb`: "get".
 */
void api_auth_check(struct api_auth *auth, struct str authorization, struct str path,
                    const char *verb, struct api_auth_answer *ret);

struct api_auth_stats {
  int64_t reviews; /* calls to the API server, both kinds */
  int64_t hits;    /* answered from what is kept */
  int64_t busy;    /* told to come back because too many blocked */
  size_t entries;
};
void api_auth_get_stats(struct api_auth *auth, struct api_auth_stats *ret);

#endif

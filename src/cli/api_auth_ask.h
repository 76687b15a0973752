/* SPDX-License-Identifier: Apache-2.0 */
/* The two reviews behind an answer of api_auth. */
#ifndef SLICEGATE_CLI_API_AUTH_ASK_H
#define SLICEGATE_CLI_API_AUTH_ASK_H

#include "api_auth.h"

/* Asks the API server; at most two calls within timeout_ms. *ret_calls: how many. */
void api_auth_ask(const struct api_auth_config *config, struct str token, struct str path,
                  const char *verb, struct api_auth_answer *ret, int *ret_calls);

#endif

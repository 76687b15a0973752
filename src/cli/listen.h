/* SPDX-License-Identifier: Apache-2.0 */
/* ADDRESS:PORT of a flag. */
#ifndef SLICEGATE_CLI_LISTEN_H
#define SLICEGATE_CLI_LISTEN_H

#include "slicegate/base.h"

struct listen_address {
  const char *address; /* NULL: every one */
  uint16_t port;
  bool is_loopback;
};
/* "127.0.0.1:8443", "[::1]:8443", ":8443"; errors name the flag. */
bool listen_address_parse(struct arena *arena, const char *flag, const char *text,
                          struct listen_address *ret, struct err *reterr) SG_MUST_CHECK;
/* Whether some connection could be for either: one address, or a wildcard and what it covers. */
bool listen_address_meets(const struct listen_address *a, const struct listen_address *b);
struct str listen_address_text(struct arena *arena, const char *address, uint16_t port);

#endif

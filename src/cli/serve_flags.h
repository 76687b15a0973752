/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of `slicegate serve`. */
#ifndef SLICEGATE_CLI_SERVE_FLAGS_H
#define SLICEGATE_CLI_SERVE_FLAGS_H

#include "src/cli/cli_internal.h"
#include "src/cli/serve_live.h"

struct serve_flags {
  const char *listen, *cert, *key, *policy, *cluster, *log_format, *log_level;
  int64_t drain_seconds, grace_seconds, max_connections, stale_seconds;
  struct serve_live_flags live;
};

/* Errors go to `err`. */
enum flags_result serve_flags_read(int argc, char **argv, struct serve_flags *f, FILE *out,
                                   FILE *err);
bool serve_flags_set_up_log(const struct serve_flags *f, FILE *err);

#endif

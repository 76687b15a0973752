/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_CLI_BASE64_H
#define SLICEGATE_CLI_BASE64_H

#include "slicegate/base.h"

/* RFC 4648, with padding, on one line. */
void base64_append(struct buf *out, struct str bytes);

#endif

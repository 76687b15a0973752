/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON with jansson: the two things every writer of this module needs. */
#ifndef SLICEGATE_WIRE_JSON_WRITE_H
#define SLICEGATE_WIRE_JSON_WRITE_H

#include "slicegate/base.h"

#include <jansson.h>

/*
 * A string value. Bytes that are not UTF-8 (a message may quote a damaged manifest)
 * become '?', so that an answer is never lost over one byte.
 */
json_t *wire_json_text(struct str text);
/* Compact, in insertion order. */
void wire_json_write(const json_t *value, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of JSON by hand, for what is read and written thousands of times in one request. */
#ifndef SLICEGATE_WIRE_JSON_TEXT_H
#define SLICEGATE_WIRE_JSON_TEXT_H

#include "slicegate/base.h"

/* How many bytes at the start of `s` stand in a JSON string as they are, of ASCII alone. */
size_t wire_json_plain_len(struct str s);

/*
 * The text in quotes, escaped. Bytes that are not UTF-8 become '?' (see json_write.h: an answer is
 * never lost over one byte).
 */
void wire_json_append_text(struct buf *out, struct str text);
/* `"key":` of a key that needs no escaping. */
void wire_json_append_key(struct buf *out, const char *key);

#endif

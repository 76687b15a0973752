/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of JSON by hand, for what is read and written thousands of times in one request. */
#ifndef SLICEGATE_WIRE_JSON_TEXT_H
#define SLICEGATE_WIRE_JSON_TEXT_H

#include "slicegate/base.h"

/*
 * The high bit of the first byte that is no plain one: a control, '"', '\\' or not ASCII. Where a
 * byte wraps in a subtraction it borrows from those behind it, so of several bits only the lowest
 * is to be believed.
 */
static inline uint64_t wire_json_special_bytes(uint64_t word) {
  const uint64_t ones = 0x0101010101010101U;
  uint64_t controls = word - ones * 0x20;
  uint64_t quotes = (word ^ (ones * '"')) - ones, escapes = (word ^ (ones * '\\')) - ones;
  return (word | controls | quotes | escapes) & (ones * 0x80);
}

/*
 * How many bytes at the start of `s` stand in a JSON string as they are, of ASCII alone. Eight are
 * looked at in one step: a list of 5,000 node names is 100 KB of plain text, and filter may spend
 * far less than a millisecond on all it does.
 */
static inline size_t wire_json_plain_len(struct str s) {
  size_t len = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  for (uint64_t word; s.len - len >= sizeof(word); len += sizeof(word)) {
    memcpy(&word, s.ptr + len, sizeof(word));
    uint64_t special = wire_json_special_bytes(word);
    if (special)
      return len + (size_t)__builtin_ctzll(special) / 8;
  }
#endif
  for (; len < s.len; len++) {
    unsigned char c = (unsigned char)s.ptr[len];
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
      break;
  }
  return len;
}

/* buf_append, without a call where there is room already. */
static inline void wire_json_put(struct buf *out, struct str s) {
  if (out->truncated || out->cap - out->len <= s.len || out->max - out->len < s.len || !s.len) {
    buf_append(out, s.ptr, s.len);
    return;
  }
  memcpy(out->ptr + out->len, s.ptr, s.len);
  out->len += s.len;
  out->ptr[out->len] = '\0';
}

/*
 * The text in quotes, escaped. Bytes that are not UTF-8 become '?' (see json_write.h: an answer is
 * never lost over one byte).
 */
void wire_json_append_text(struct buf *out, struct str text);

#endif

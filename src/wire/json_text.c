/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight bytes are looked at in one step: a list of 5,000 node names is 100 KB of plain text, and
 * filter may spend far less than a millisecond on all it does.
 */
#include "json_text.h"

enum { WORD = 8 };
static const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;

/* The high bit of every byte that is below `limit` (at most 0x80). A borrow may mark a byte behind
 * such a one too, never one before it. */
static uint64_t below(uint64_t word, uint64_t limit) {
  return (word - ones * limit) & ~word & highs;
}

static uint64_t special_bytes(uint64_t word) {
  return below(word, 0x20) | below(word ^ (ones * '"'), 1) | below(word ^ (ones * '\\'), 1) |
         (word & highs);
}

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

size_t wire_json_plain_len(struct str s) {
  size_t len = 0;
  while (s.len - len >= WORD) {
    uint64_t word;
    memcpy(&word, s.ptr + len, WORD);
    uint64_t special = special_bytes(word);
    if (special) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      return len + (size_t)__builtin_ctzll(special) / 8;
#else
      break;
#endif
    }
    len += WORD;
  }
  while (len < s.len && is_plain((unsigned char)s.ptr[len]))
    len++;
  return len;
}

static void append_control(struct buf *out, unsigned char c) {
  static const char from[] = "\b\f\n\r\t", to[] = "bfnrt";
  const char *known = c ? strchr(from, c) : NULL;
  if (c == '"' || c == '\\')
    buf_printf(out, "\\%c", c);
  else if (known)
    buf_printf(out, "\\%c", to[known - from]);
  else
    buf_printf(out, "\\u%04x", c);
}

void wire_json_append_text(struct buf *out, struct str text) {
  buf_append_char(out, '"');
  while (text.len) {
    size_t plain = wire_json_plain_len(text);
    buf_append(out, text.ptr, plain);
    text = str_skip(text, plain);
    if (text.len == 0)
      break;
    unsigned char c = (unsigned char)text.ptr[0];
    size_t len = 1;
    if (c < 0x80) {
      append_control(out, c);
    } else if ((len = str_utf8_len(text)) > 0) {
      buf_append(out, text.ptr, len);
    } else {
      buf_append_char(out, '?');
      len = 1;
    }
    text = str_skip(text, len);
  }
  buf_append_char(out, '"');
}

void wire_json_append_key(struct buf *out, const char *key) {
  buf_append_char(out, '"');
  buf_append_cstr(out, key);
  buf_append_cstr(out, "\":");
}

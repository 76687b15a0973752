/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's text made safe to show: in a terminal, a log line, an HTTP header. */
#include "slicegate/base.h"

/* C0 controls and DEL break a line, or a Warning header; C1 controls (UTF-8 C2 80 .. C2 9F) and
 * the marks that change the direction of text (E2 80 AA .. AE, E2 81 A6 .. A9) let a name rewrite
 * what a terminal shows of the sentence around it. */
static bool is_harmful(const unsigned char *c, size_t len) {
  if (len == 1)
    return c[0] < 0x20 || c[0] == 0x7f;
  if (len == 2)
    return c[0] == 0xc2 && c[1] < 0xa0;
  return len == 3 && c[0] == 0xe2 &&
         ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
          (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

struct str str_printable(struct arena *arena, struct str text, size_t max) {
  const unsigned char *bytes = (const unsigned char *)text.ptr;
  size_t limit = text.len <= max ? text.len : max > 3 ? max - 3 : 0;
  size_t plain = 0;
  while (plain < text.len && bytes[plain] >= 0x20 && bytes[plain] < 0x7f)
    plain++;
  if (plain == text.len && text.len <= max)
    return text;
  char *out = arena_alloc(arena, limit + 4);
  size_t len = 0;
  for (size_t at = 0; at < text.len;) {
    size_t length = str_utf8_len(str_skip(text, at));
    bool is_bad = length == 0 || is_harmful(bytes + at, length);
    size_t width = is_bad ? 1 : length;
    if (len + width > limit)
      break;
    if (is_bad)
      out[len] = '?';
    else
      memcpy(out + len, bytes + at, length);
    len += width;
    at += length ? length : 1;
  }
  if (text.len > max) {
    size_t dots = max - len < 3 ? max - len : 3;
    memcpy(out + len, "...", dots);
    len += dots;
  }
  return (struct str){out, len};
}

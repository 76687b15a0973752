/* SPDX-License-Identifier: Apache-2.0 */
/* Strings in the bodies that are sent. */
#include "kube_internal.h"

/* Bytes of the well-formed UTF-8 character at the start of text; 0: there is none. */
static size_t utf8_length(struct str text) {
  const unsigned char *p = (const unsigned char *)text.ptr;
  if (p[0] < 0x80)
    return 1;
  size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
  if (p[0] < 0xc2 || p[0] > 0xf4 || text.len < length)
    return 0;
  for (size_t i = 1; i < length; i++) {
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  }
  bool is_long = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
  bool is_surrogate = p[0] == 0xed && p[1] >= 0xa0;
  bool is_beyond = p[0] == 0xf4 && p[1] >= 0x90;
  return is_long || is_surrogate || is_beyond ? 0 : length;
}

static void put_ascii(struct buf *out, char c) {
  if (c == '"' || c == '\\')
    buf_printf(out, "\\%c", c);
  else if (c == '\n')
    buf_append_cstr(out, "\\n");
  else if ((unsigned char)c < 0x20 || c == 0x7f)
    buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
  else
    buf_append_char(out, c);
}

void kube_json_string(struct buf *out, struct str text) {
  buf_append_char(out, '"');
  while (text.len > 0) {
    size_t length = utf8_length(text);
    if (length == 0)
      buf_append_cstr(out, "\xef\xbf\xbd");
    else if (length == 1)
      put_ascii(out, text.ptr[0]);
    else
      buf_append(out, text.ptr, length);
    text = str_skip(text, length ? length : 1);
  }
  buf_append_char(out, '"');
}

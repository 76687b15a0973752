/* SPDX-License-Identifier: Apache-2.0 */
#include "json_text.h"

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

/* From the first byte on that is not plain. */
static void append_escaped(struct buf *out, struct str text) {
  while (text.len) {
    unsigned char c = (unsigned char)text.ptr[0];
    size_t len = str_utf8_len(text);
    if (c == '"' || c == '\\' || c < 0x20)
      append_control(out, c);
    else if (len)
      buf_append(out, text.ptr, len);
    else
      buf_append_char(out, '?');
    text = str_skip(text, len ? len : 1);
    size_t plain = wire_json_plain_len(text);
    buf_append(out, text.ptr, plain);
    text = str_skip(text, plain);
  }
}

void wire_json_append_text(struct buf *out, struct str text) {
  size_t plain = wire_json_plain_len(text);
  wire_json_put(out, STR_LIT("\""));
  wire_json_put(out, (struct str){text.ptr, plain});
  if (plain < text.len)
    append_escaped(out, str_skip(text, plain));
  wire_json_put(out, STR_LIT("\""));
}

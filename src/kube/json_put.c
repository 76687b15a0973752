/* SPDX-License-Identifier: Apache-2.0 */
/* Strings in the bodies that are sent. */
#include "kube_internal.h"

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

/* Bytes at the start of text that are written as they are. */
static size_t plain_length(struct str text) {
  size_t length = 0;
  while (length < text.len && text.ptr[length] >= ' ' && text.ptr[length] < 0x7f &&
         text.ptr[length] != '"' && text.ptr[length] != '\\')
    length++;
  return length;
}

void kube_json_string(struct buf *out, struct str text) {
  buf_append_char(out, '"');
  while (text.len > 0) {
    size_t plain = plain_length(text);
    buf_append(out, text.ptr, plain);
    text = str_skip(text, plain);
    if (text.len == 0)
      break;
    size_t length = str_utf8_len(text);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Values of flags: what several commands check alike, and how they complain. */
#include "src/cli/cli_internal.h"

bool cli_complain(FILE *err, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  (void)fputs("slicegate: ", err);
  (void)vfprintf(err, fmt, args);
  (void)fputc('\n', err);
  va_end(args);
  return false;
}

bool cli_is_dns_label(struct str text) {
  for (size_t i = 0; text.ptr && i < text.len; i++) {
    char c = text.ptr[i];
    bool is_inner = i > 0 && i + 1 < text.len;
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (is_inner && c == '-')))
      return false;
  }
  return text.len > 0 && text.len <= 63;
}

bool cli_is_dns_name(struct str text) {
  if (text.len > 253)
    return false;
  for (;;) {
    size_t dot = str_find_char(text, '.');
    if (!cli_is_dns_label((struct str){text.ptr, dot}))
      return false;
    if (dot == text.len)
      return true;
    text = str_skip(text, dot + 1);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *buf, size_t max) {
  *buf = (struct buf){.max = max};
}

void buf_done(struct buf *buf) {
  if (!buf)
    return;
  free(buf->ptr);
  *buf = (struct buf){0};
}

/* Makes room for `extra` bytes and the NUL; false when the maximum forbids it. */
static bool reserve(struct buf *buf, size_t extra) {
  if (buf->truncated)
    return false;
  if (extra > buf->max - buf->len) {
    buf->truncated = true;
    return false;
  }
  size_t need = buf->len + extra + 1;
  if (need > buf->cap) {
    size_t grown = buf->cap ? buf->cap * 2 : 128;
    buf->cap = grown > need ? grown : need;
    buf->ptr = mem_realloc(buf->ptr, buf->cap);
  }
  return true;
}

void buf_append(struct buf *buf, const void *bytes, size_t len) {
  if (len == 0 || !reserve(buf, len))
    return;
  memcpy(buf->ptr + buf->len, bytes, len);
  buf->len += len;
  buf->ptr[buf->len] = '\0';
}

void buf_append_str(struct buf *buf, struct str s) {
  buf_append(buf, s.ptr, s.len);
}

void buf_append_cstr(struct buf *buf, const char *cstr) {
  buf_append(buf, cstr, strlen(cstr));
}

void buf_append_char(struct buf *buf, char c) {
  buf_append(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list args) {
  va_list again;
  va_copy(again, args);
  int need = vsnprintf(NULL, 0, fmt, args);
  if (need > 0 && reserve(buf, (size_t)need)) {
    (void)vsnprintf(buf->ptr + buf->len, (size_t)need + 1, fmt, again);
    buf->len += (size_t)need;
  }
  va_end(again);
}

void buf_printf(struct buf *buf, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  buf_vprintf(buf, fmt, args);
  va_end(args);
}

void buf_clear(struct buf *buf) {
  buf->len = 0;
  buf->truncated = false;
  if (buf->ptr)
    buf->ptr[0] = '\0';
}

void buf_append_base64(struct buf *buf, struct str bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.len; i += 3) {
    size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
    uint32_t bits = 0;
    for (size_t b = 0; b < 3; b++)
      bits = bits << 8 | (b < have ? (unsigned char)bytes.ptr[i + b] : 0U);
    for (size_t d = 0; d < 4; d++)
      buf_append_char(buf, d <= have ? digits[bits >> (18 - 6 * d) & 63] : '=');
  }
}

struct str buf_str(const struct buf *buf) {
  return (struct str){buf->ptr, buf->len};
}

char *buf_take(struct buf *buf) {
  char *ptr = buf->ptr ? buf->ptr : mem_zalloc(1);
  *buf = (struct buf){.max = buf->max};
  return ptr;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "doc_internal.h"

size_t utf8_encode(uint32_t code, char *out) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | code >> 18);
  out[1] = (char)(0x80 | (code >> 12 & 0x3f));
  out[2] = (char)(0x80 | (code >> 6 & 0x3f));
  out[3] = (char)(0x80 | (code & 0x3f));
  return 4;
}

size_t utf8_sequence(const char *at, size_t len) {
  const unsigned char *b = (const unsigned char *)at;
  if (len == 0)
    return 0;
  if (b[0] < 0x80)
    return 1;
  /* The second byte's range excludes overlong forms, surrogates and > U+10FFFF. */
  size_t need;
  unsigned char low = 0x80, high = 0xbf;
  if (b[0] >= 0xc2 && b[0] <= 0xdf) {
    need = 2;
  } else if (b[0] >= 0xe0 && b[0] <= 0xef) {
    need = 3;
    low = b[0] == 0xe0 ? 0xa0 : 0x80;
    high = b[0] == 0xed ? 0x9f : 0xbf;
  } else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
    need = 4;
    low = b[0] == 0xf0 ? 0x90 : 0x80;
    high = b[0] == 0xf4 ? 0x8f : 0xbf;
  } else {
    return 0;
  }
  if (len < need || b[1] < low || b[1] > high)
    return 0;
  for (size_t i = 2; i < need; i++) {
    if (b[i] < 0x80 || b[i] > 0xbf)
      return 0;
  }
  return need;
}

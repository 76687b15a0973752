/* SPDX-License-Identifier: Apache-2.0 */
#include "sys_internal.h"

size_t sys_utf8_len(struct str s) {
  unsigned char lead = (unsigned char)s.ptr[0];
  if (lead < 0x80)
    return 1;
  size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || s.len < len)
    return 0;
  for (size_t i = 1; i < len; i++) {
    if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
      return 0;
  }
  unsigned char second = (unsigned char)s.ptr[1];
  bool bad = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
             (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return bad ? 0 : len;
}

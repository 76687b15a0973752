/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/base64.h"

void base64_append(struct buf *out, struct str bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.len; i += 3) {
    size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
    uint32_t bits = 0;
    for (size_t b = 0; b < 3; b++)
      bits = bits << 8 | (b < have ? (unsigned char)bytes.ptr[i + b] : 0U);
    for (size_t d = 0; d < 4; d++)
      buf_append_char(out, d <= have ? digits[bits >> (18 - 6 * d) & 63] : '=');
  }
}

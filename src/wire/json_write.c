/* SPDX-License-Identifier: Apache-2.0 */
#include "json_write.h"

#include <stdlib.h>

json_t *wire_json_text(struct str text) {
  json_t *value = json_stringn(text.ptr ? text.ptr : "", text.len);
  if (value)
    return value;
  char *plain = mem_strndup(text.ptr, text.len);
  for (size_t i = 0; i < text.len; i++) {
    if ((unsigned char)plain[i] >= 0x80)
      plain[i] = '?';
  }
  value = json_stringn_nocheck(plain, text.len);
  free(plain);
  return value;
}

static int append(const char *bytes, size_t len, void *out) {
  buf_append(out, bytes, len);
  return 0;
}

void wire_json_write(const json_t *value, struct buf *out) {
  json_dump_callback(value, append, out, JSON_COMPACT);
}

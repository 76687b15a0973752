/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a message, as they stand one after the other. */
#include "src/kube/protobuf.h"

enum wire_type { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 };

static bool take_varint(struct str *rest, uint64_t *ret) {
  enum { BYTES_MAX = 10, LAST_SHIFT = 63 };
  uint64_t value = 0;
  for (size_t i = 0; i < rest->len && i < BYTES_MAX; i++) {
    uint64_t byte = (unsigned char)rest->ptr[i];
    if (i * 7 == LAST_SHIFT && byte > 1)
      return false;
    value |= (byte & 0x7f) << (i * 7);
    if (byte < 0x80) {
      *rest = str_skip(*rest, i + 1);
      *ret = value;
      return true;
    }
  }
  return false;
}

static bool take_bytes(struct str *rest, uint64_t length, bool is_cut, struct str *ret) {
  if (length > rest->len) {
    if (!is_cut)
      return false;
    length = rest->len;
  }
  *ret = (struct str){rest->ptr, (size_t)length};
  *rest = str_skip(*rest, (size_t)length);
  return true;
}

enum proto_step proto_next(struct str *rest, bool is_cut, struct proto_field *ret) {
  enum { NUMBER_MAX = (1 << 29) - 1 };
  uint64_t tag, length;
  struct str skipped;
  if (rest->len == 0)
    return PROTO_END;
  *ret = (struct proto_field){0};
  if (!take_varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
    return PROTO_BAD;
  ret->number = (uint32_t)(tag >> 3);
  switch (tag & 7) {
  case VARINT:
    ret->is_varint = true;
    return take_varint(rest, &ret->value) ? PROTO_FIELD : PROTO_BAD;
  case FIXED_64:
    return take_bytes(rest, 8, false, &skipped) ? PROTO_FIELD : PROTO_BAD;
  case FIXED_32:
    return take_bytes(rest, 4, false, &skipped) ? PROTO_FIELD : PROTO_BAD;
  case BYTES:
    ret->is_bytes = true;
    return take_varint(rest, &length) && take_bytes(rest, length, is_cut, &ret->bytes) ? PROTO_FIELD
                                                                                       : PROTO_BAD;
  default:
    return PROTO_BAD; /* groups: Kubernetes has none */
  }
}

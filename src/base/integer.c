/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

int64_t i64_add_sat(int64_t a, int64_t b) {
  int64_t sum;
  if (!__builtin_add_overflow(a, b, &sum))
    return sum;
  return a < 0 ? INT64_MIN : INT64_MAX;
}

int64_t i64_mul_sat(int64_t a, int64_t b) {
  int64_t product;
  if (!__builtin_mul_overflow(a, b, &product))
    return product;
  return (a < 0) != (b < 0) ? INT64_MIN : INT64_MAX;
}

bool i64_parse(struct str text, int64_t *ret) {
  bool is_negative = text.len > 0 && text.ptr[0] == '-';
  size_t i = is_negative ? 1 : 0;
  if (i == text.len)
    return false;
  int64_t value = 0;
  for (; i < text.len; i++) {
    unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
    if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
        __builtin_sub_overflow(value, (int64_t)digit, &value))
      return false;
  }
  /* Counted downwards, because INT64_MIN has no positive twin. */
  if (!is_negative && value == INT64_MIN)
    return false;
  *ret = is_negative ? value : -value;
  return true;
}

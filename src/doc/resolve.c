/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plain YAML scalar means: YAML 1.1 as Kubernetes' tools read it
 * (sigs.k8s.io/yaml), so that `nvidia.com/gpu: 1` is a number and `team: on` a boolean.
 */
#include "doc_internal.h"

#include <inttypes.h>
#include <limits.h>

static bool is_one_of(struct str text, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (str_is(text, words[i]))
      return true;
  }
  return false;
}

static bool all_digits(struct str text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9')
      return false;
  }
  return text.len > 0;
}

static unsigned digit_value(char c) {
  if (c >= '0' && c <= '9')
    return (unsigned)(c - '0');
  char lower = (char)(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : UINT_MAX;
}

/* The base that the digits are written in; moves *digits behind its prefix. */
static unsigned take_base(struct str *digits) {
  if (digits->len < 2 || digits->ptr[0] != '0')
    return 10;
  switch (digits->ptr[1] | 0x20) {
  case 'x':
    *digits = str_skip(*digits, 2);
    return 16;
  case 'o':
    *digits = str_skip(*digits, 2);
    return 8;
  case 'b':
    *digits = str_skip(*digits, 2);
    return 2;
  default:
    *digits = str_skip(*digits, 1);
    return 8;
  }
}

/* 64 bits, as strconv.ParseInt and ParseUint with base 0: what is larger is a float. */
static bool read_integer(struct str digits, bool is_negative, uint64_t *ret) {
  unsigned base = take_base(&digits);
  uint64_t value = 0;
  for (size_t i = 0; i < digits.len; i++) {
    unsigned digit = digit_value(digits.ptr[i]);
    if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
        __builtin_add_overflow(value, (uint64_t)digit, &value))
      return false;
  }
  *ret = value;
  return digits.len > 0 && (!is_negative || value <= (uint64_t)INT64_MAX + 1);
}

/* digits [. digits] [e [sign] digits], at least one digit before the exponent. */
static bool is_decimal(struct str text) {
  size_t exponent = str_find_char(text, 'e');
  if (exponent == text.len)
    exponent = str_find_char(text, 'E');
  struct str mantissa = {text.ptr, exponent};
  size_t dot = str_find_char(mantissa, '.');
  struct str whole = {mantissa.ptr, dot};
  struct str fraction = dot < mantissa.len ? str_skip(mantissa, dot + 1) : (struct str){NULL, 0};
  if ((whole.len && !all_digits(whole)) || (fraction.len && !all_digits(fraction)) ||
      whole.len + fraction.len == 0)
    return false;
  if (exponent == text.len)
    return true;
  struct str power = str_skip(text, exponent + 1);
  if (power.len && (power.ptr[0] == '+' || power.ptr[0] == '-'))
    power = str_skip(power, 1);
  return all_digits(power);
}

static struct str without_underscores(struct arena *arena, struct str text) {
  if (str_find_char(text, '_') == text.len)
    return text;
  char *out = arena_alloc(arena, text.len + 1);
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] != '_')
      out[len++] = text.ptr[i];
  }
  out[len] = '\0';
  return (struct str){out, len};
}

/*
 * Whether the text is a number, and how it reads in decimal: "0x10", "020" and "1_6" are the 16
 * that they become in the JSON that kubectl sends. Floats stay as they are written.
 */
static bool read_number(struct arena *arena, struct str text, struct str *ret) {
  static const char *const special[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
  if (text.len == 0 || text.ptr[0] == '\0' || !strchr("+-.0123456789", text.ptr[0]))
    return false;
  struct str plain = without_underscores(arena, text);
  bool is_negative = plain.ptr[0] == '-';
  struct str digits = is_negative || plain.ptr[0] == '+' ? str_skip(plain, 1) : plain;
  uint64_t value;
  if (read_integer(digits, is_negative, &value)) {
    *ret = str_printf(arena, "%s%" PRIu64, is_negative && value ? "-" : "", value);
    return true;
  }
  *ret = plain;
  return is_decimal(digits) || is_one_of(digits, special, SG_ARRAY_LEN(special));
}

void yaml_resolve_plain(struct arena *arena, struct doc_node *node) {
  struct str decimal;
  static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
  static const char *const yes[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                    "True", "TRUE", "on",  "On",  "ON"};
  static const char *const no[] = {"n",     "N",     "no",  "No",  "NO", "false",
                                   "False", "FALSE", "off", "Off", "OFF"};
  if (is_one_of(node->text, nulls, SG_ARRAY_LEN(nulls))) {
    *node = (struct doc_node){.kind = DOC_NULL};
  } else if (is_one_of(node->text, yes, SG_ARRAY_LEN(yes))) {
    node->kind = DOC_BOOL;
    node->truth = true;
  } else if (is_one_of(node->text, no, SG_ARRAY_LEN(no))) {
    node->kind = DOC_BOOL;
  } else if (read_number(arena, node->text, &decimal)) {
    node->kind = DOC_NUMBER;
    node->text = decimal;
  }
}

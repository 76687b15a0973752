/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plain YAML scalar means: YAML 1.1 as Kubernetes' tools read it
 * (sigs.k8s.io/yaml), so that `nvidia.com/gpu: 1` is a number and `team: on` a boolean.
 */
#include "doc_internal.h"

static bool is_one_of(struct str text, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (str_is(text, words[i]))
      return true;
  }
  return false;
}

static bool all_digits(struct str text, const char *digits, size_t *ret_count) {
  size_t count = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] == '_')
      continue;
    if (!strchr(digits, text.ptr[i]) || text.ptr[i] == '\0')
      return false;
    count++;
  }
  *ret_count = count;
  return count > 0;
}

static bool is_integer(struct str text) {
  size_t count;
  if (text.len > 2 && text.ptr[0] == '0') {
    switch (text.ptr[1]) {
    case 'x':
      return all_digits(str_skip(text, 2), "0123456789abcdefABCDEF", &count);
    case 'o':
      return all_digits(str_skip(text, 2), "01234567", &count);
    case 'b':
      return all_digits(str_skip(text, 2), "01", &count);
    default:
      break;
    }
  }
  return all_digits(text, "0123456789", &count);
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
  size_t count;
  if ((whole.len && !all_digits(whole, "0123456789", &count)) ||
      (fraction.len && !all_digits(fraction, "0123456789", &count)) ||
      whole.len + fraction.len == 0)
    return false;
  if (exponent == text.len)
    return true;
  struct str power = str_skip(text, exponent + 1);
  if (power.len && (power.ptr[0] == '+' || power.ptr[0] == '-'))
    power = str_skip(power, 1);
  return all_digits(power, "0123456789", &count);
}

static bool is_number(struct str text) {
  static const char *const special[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
  if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
    text = str_skip(text, 1);
  if (text.len == 0)
    return false;
  return is_one_of(text, special, SG_ARRAY_LEN(special)) || is_integer(text) || is_decimal(text);
}

void yaml_resolve_plain(struct doc_node *node) {
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
  } else if (is_number(node->text)) {
    node->kind = DOC_NUMBER;
  }
}

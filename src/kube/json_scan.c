/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks single members up in a JSON text without reading the rest: of an event only its type,
 * its object's resourceVersion and the extent of the object are needed here, and all events pass.
 */
#include "kube_internal.h"

static struct str skip_space(struct str text) {
  while (text.len > 0 && scan_is_space(text.ptr[0]))
    text = str_skip(text, 1);
  return text;
}

/* Bytes of the string at the start of text, quotes included; 0: it does not end. */
static size_t string_length(struct str text) {
  for (size_t i = 1; i < text.len; i++) {
    if (text.ptr[i] == '\\')
      i++;
    else if (text.ptr[i] == '"')
      return i + 1;
  }
  return 0;
}

static size_t brackets_length(struct str text) {
  size_t depth = 0, i = 0;
  while (i < text.len) {
    char c = text.ptr[i];
    size_t step = 1;
    if (c == '"') {
      step = string_length(str_skip(text, i));
      if (step == 0)
        return 0;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      depth--;
    }
    i += step;
    if (depth == 0)
      return i;
  }
  return 0;
}

/* Bytes of the value at the start of text; 0: it does not end, or is none. */
static size_t value_length(struct str text) {
  if (text.len == 0)
    return 0;
  if (text.ptr[0] == '"')
    return string_length(text);
  if (text.ptr[0] == '{' || text.ptr[0] == '[')
    return brackets_length(text);
  size_t i = 0;
  while (i < text.len && text.ptr[i] != ',' && text.ptr[i] != '}' && text.ptr[i] != ']' &&
         !scan_is_space(text.ptr[i]))
    i++;
  return i;
}

/* Takes `"key": value` off the front of *rest. */
static bool take_member(struct str *rest, struct str *ret_key, struct str *ret_value) {
  struct str text = skip_space(*rest);
  if (text.len == 0 || text.ptr[0] != '"')
    return false;
  size_t key_length = string_length(text);
  if (key_length == 0)
    return false;
  *ret_key = (struct str){text.ptr + 1, key_length - 2};
  text = skip_space(str_skip(text, key_length));
  if (text.len == 0 || text.ptr[0] != ':')
    return false;
  text = skip_space(str_skip(text, 1));
  size_t length = value_length(text);
  /* The value under way when a text was cut off can still be looked into. */
  *ret_value = (struct str){text.ptr, length ? length : text.len};
  *rest = str_skip(text, ret_value->len);
  return text.len > 0;
}

bool scan_member(struct str object, const char *key, struct str *ret) {
  struct str rest = skip_space(object), name, value;
  if (rest.len == 0 || rest.ptr[0] != '{')
    return false;
  rest = str_skip(rest, 1);
  while (take_member(&rest, &name, &value)) {
    if (str_is(name, key)) {
      *ret = value;
      return true;
    }
    rest = skip_space(rest);
    if (rest.len == 0 || rest.ptr[0] != ',')
      return false;
    rest = str_skip(rest, 1);
  }
  return false;
}

bool scan_text_at(struct str object, const char *const *keys, struct str *ret) {
  for (; *keys; keys++) {
    if (!scan_member(object, *keys, &object))
      return false;
  }
  if (object.len < 2 || object.ptr[0] != '"' || string_length(object) != object.len)
    return false;
  struct str text = {object.ptr + 1, object.len - 2};
  if (str_find_char(text, '\\') < text.len)
    return false;
  *ret = text;
  return true;
}

bool scan_is_closed(struct str value) {
  value = skip_space(value);
  size_t length = value_length(value);
  return length > 0 && skip_space(str_skip(value, length)).len == 0;
}

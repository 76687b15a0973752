/* SPDX-License-Identifier: Apache-2.0 */
#include "json_scan.h"

#include "slicegate/doc.h"

enum { DEPTH_MAX = 200 }; /* as doc_limits_review */

void json_scan_init(struct json_scan *s, struct arena *arena, struct str text, struct err *err) {
  const char *start = text.len ? text.ptr : "";
  *s = (struct json_scan){
      .start = start, .at = start, .end = start + text.len, .arena = arena, .err = err};
}

bool json_scan_fail(struct json_scan *s, const char *at, enum err_code code, const char *fmt, ...) {
  CLEANUP_BUF struct buf message;
  buf_init(&message, sizeof(s->err->text));
  va_list args;
  va_start(args, fmt);
  buf_vprintf(&message, fmt, args);
  va_end(args);
  unsigned line = 1;
  const char *line_start = s->start;
  for (const char *c = s->start; c < at; c++) {
    if (*c == '\n') {
      line++;
      line_start = c + 1;
    }
  }
  return err_set_at(s->err, code, line, (unsigned)(at - line_start) + 1, "%s",
                    message.ptr ? message.ptr : "");
}

static bool fail_unexpected(struct json_scan *s, const char *expected) {
  if (s->at == s->end)
    return json_scan_fail(s, s->at, ERR_INVALID, "the text ends where %s was expected", expected);
  unsigned char c = (unsigned char)*s->at;
  if (c < 0x20 || c >= 0x7f)
    return json_scan_fail(s, s->at, ERR_INVALID, "byte 0x%02x where %s was expected", c, expected);
  return json_scan_fail(s, s->at, ERR_INVALID, "'%c' where %s was expected", c, expected);
}

const char *json_scan_kind(struct json_scan *s) {
  switch (json_scan_peek(s)) {
  case '"':
    return "a string";
  case '{':
    return "a mapping";
  case '[':
    return "a list";
  case 't':
  case 'f':
    return "a boolean";
  case 'n':
    return "nothing";
  case '-':
  case '0' ... '9':
    return "a number";
  default:
    return NULL;
  }
}

/* ---- strings ----------------------------------------------------------------------------- */

static bool scan_hex4(struct json_scan *s, unsigned *ret) {
  unsigned value = 0;
  for (int i = 0; i < 4; i++, s->at++) {
    char c = s->at < s->end ? *s->at : '\0';
    unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                            : 16;
    if (digit == 16)
      return fail_unexpected(s, "four hexadecimal digits");
    value = value << 4 | digit;
  }
  *ret = value;
  return true;
}

/* Behind "\u": surrogates come in pairs, or it is no character at all. */
static bool scan_unicode_escape(struct json_scan *s, const char *escape) {
  unsigned code = 0, low = 0;
  if (!scan_hex4(s, &code))
    return false;
  if (code < 0xd800 || code > 0xdfff)
    return true;
  if (code >= 0xdc00)
    return json_scan_fail(s, escape, ERR_INVALID, "a low surrogate without a high one before it");
  if (s->end - s->at >= 2 && s->at[0] == '\\' && s->at[1] == 'u') {
    s->at += 2;
    if (!scan_hex4(s, &low))
      return false;
  }
  return (low >= 0xdc00 && low <= 0xdfff) ||
         json_scan_fail(s, escape, ERR_INVALID, "a high surrogate without a low one behind it");
}

static bool scan_escape(struct json_scan *s) {
  const char *escape = s->at++;
  if (s->at == s->end)
    return fail_unexpected(s, "an escape");
  char c = *s->at++;
  if (c == 'u')
    return scan_unicode_escape(s, escape);
  return (c && strchr("\"\\/bfnrt", c)) ||
         json_scan_fail(s, escape, ERR_INVALID, "an escape that JSON does not have");
}

static struct str rest(const struct json_scan *s) {
  return (struct str){s->at, (size_t)(s->end - s->at)};
}

/* From the opening quote to behind the closing one. */
static bool check_string(struct json_scan *s, bool *ret_escaped) {
  *ret_escaped = false;
  s->at++;
  for (;;) {
    s->at += wire_json_plain_len(rest(s));
    if (s->at == s->end)
      return fail_unexpected(s, "the closing '\"' of a string");
    unsigned char c = (unsigned char)*s->at;
    if (c == '"')
      break;
    if (c == '\\') {
      *ret_escaped = true;
      if (!scan_escape(s))
        return false;
    } else if (c < 0x20) {
      return json_scan_fail(s, s->at, ERR_INVALID,
                            "a control character in a string (it must be escaped)");
    } else {
      size_t len = str_utf8_len(rest(s));
      if (len == 0)
        return json_scan_fail(s, s->at, ERR_INVALID, "bytes that are not UTF-8");
      s->at += len;
    }
  }
  s->at++;
  return true;
}

bool json_scan_string_slow(struct json_scan *s, struct str *ret) {
  const char *quote = s->at;
  bool is_escaped;
  if (!check_string(s, &is_escaped))
    return false;
  if (!is_escaped) {
    *ret = (struct str){quote + 1, (size_t)(s->at - quote) - 2};
    return true;
  }
  /* Rare: the reader of `doc` has the one unescaper there is. */
  const struct doc_node *node;
  if (!doc_parse_json(s->arena, (struct str){quote, (size_t)(s->at - quote)}, &doc_limits_review,
                      &node, s->err))
    return false;
  *ret = doc_text(node);
  return true;
}

/* ---- numbers and words ------------------------------------------------------------------- */

static bool skip_digits(struct json_scan *s) {
  const char *start = s->at;
  while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
    s->at++;
  return s->at > start || fail_unexpected(s, "a digit");
}

static bool skip_number(struct json_scan *s) {
  if (*s->at == '-')
    s->at++;
  if (s->at < s->end && *s->at == '0')
    s->at++;
  else if (!skip_digits(s))
    return false;
  if (s->at < s->end && *s->at == '.') {
    s->at++;
    if (!skip_digits(s))
      return false;
  }
  if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
    s->at++;
    if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
      s->at++;
    return skip_digits(s);
  }
  return true;
}

static bool skip_word(struct json_scan *s, const char *word) {
  size_t len = strlen(word);
  if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
    return fail_unexpected(s, "a value");
  s->at += len;
  return true;
}

bool json_scan_null(struct json_scan *s) {
  return skip_word(s, "null");
}

/* ---- structure --------------------------------------------------------------------------- */

bool json_scan_open(struct json_scan *s, bool *ret_more) {
  if (++s->depth > DEPTH_MAX)
    return json_scan_fail(s, s->at, ERR_LIMIT, "nested deeper than %d levels", DEPTH_MAX);
  char close = *s->at == '{' ? '}' : ']';
  s->at++;
  *ret_more = json_scan_peek(s) != close;
  if (!*ret_more) {
    s->at++;
    s->depth--;
  }
  return true;
}

bool json_scan_next_slow(struct json_scan *s, char close, bool *ret_more) {
  json_scan_peek(s);
  if (s->at < s->end && (*s->at == ',' || *s->at == close)) {
    *ret_more = *s->at++ == ',';
    if (!*ret_more)
      s->depth--;
    return true;
  }
  return fail_unexpected(s, close == '}' ? "',' or '}'" : "',' or ']'");
}

bool json_scan_key(struct json_scan *s, struct str *ret) {
  if (json_scan_peek(s) != '"')
    return fail_unexpected(s, "a key in double quotes");
  if (!json_scan_string(s, ret))
    return false;
  if (json_scan_peek(s) != ':')
    return fail_unexpected(s, "':'");
  s->at++;
  return true;
}

bool json_scan_end(struct json_scan *s) {
  json_scan_peek(s);
  return s->at == s->end || fail_unexpected(s, "the end of the text");
}

static bool skip_value(struct json_scan *s);

/* Recursion is bounded by json_scan_open. */
static bool skip_nested(struct json_scan *s, char close) {
  bool more = false, is_escaped;
  if (!json_scan_open(s, &more))
    return false;
  while (more) {
    if (close == '}') {
      if (json_scan_peek(s) != '"')
        return fail_unexpected(s, "a key in double quotes");
      if (!check_string(s, &is_escaped))
        return false;
      if (json_scan_peek(s) != ':')
        return fail_unexpected(s, "':'");
      s->at++;
    }
    if (!skip_value(s) || !json_scan_next(s, close, &more))
      return false;
  }
  return true;
}

static bool skip_value(struct json_scan *s) {
  bool is_escaped;
  switch (json_scan_peek(s)) {
  case '"':
    return check_string(s, &is_escaped);
  case '{':
    return skip_nested(s, '}');
  case '[':
    return skip_nested(s, ']');
  case 't':
    return skip_word(s, "true");
  case 'f':
    return skip_word(s, "false");
  case 'n':
    return skip_word(s, "null");
  case '-':
  case '0' ... '9':
    return skip_number(s);
  default:
    return fail_unexpected(s, "a value");
  }
}

bool json_scan_skip(struct json_scan *s, struct str *ret_text) {
  json_scan_peek(s);
  const char *start = s->at;
  if (!skip_value(s))
    return false;
  *ret_text = (struct str){start, (size_t)(s->at - start)};
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An error as a person reads it: where, what, and the line with a caret below it. */
#include "slicegate/policy.h"

/* Columns of a line that are shown; longer ones are cut around the caret. */
enum { SHOWN = 100, BEFORE_CARET = 60 };

/* Line breaks as libyaml counts them: CR, LF, CR LF, NEL, LS, PS. The bytes of the one at
 * `at`, 0 when there is none. */
static size_t break_length(struct str text, size_t at) {
  const unsigned char *c = (const unsigned char *)text.ptr + at;
  size_t left = text.len - at;
  if (left >= 2 && c[0] == '\r' && c[1] == '\n')
    return 2;
  if (c[0] == '\r' || c[0] == '\n')
    return 1;
  if (left >= 2 && c[0] == 0xc2 && c[1] == 0x85)
    return 2;
  if (left >= 3 && c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9))
    return 3;
  return 0;
}

static struct str find_line(struct str text, uint32_t line) {
  size_t start = 0;
  uint32_t number = 1;
  for (size_t i = 0; i < text.len;) {
    size_t length = break_length(text, i);
    if (length && number == line)
      return (struct str){text.ptr + start, i - start};
    i += length ? length : 1;
    if (length) {
      start = i;
      number++;
    }
  }
  return number == line ? (struct str){text.ptr + start, text.len - start} : (struct str){"", 0};
}

/* Bytes of the character at the front: UTF-8, or 1 for anything else. */
static size_t char_length(struct str text) {
  unsigned char c = (unsigned char)text.ptr[0];
  size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
  return length <= text.len ? length : 1;
}

/* One character of the file: tabs stay (the caret's line has them too), other controls do not. */
static void append_char(struct buf *out, struct str text, size_t length) {
  unsigned char c = (unsigned char)text.ptr[0];
  bool is_c1 = length == 2 && c == 0xc2 && (unsigned char)text.ptr[1] < 0xa0;
  bool is_lone = length == 1 && c >= 0x80;
  if (is_c1 || is_lone || c == 0x7f || (c < 0x20 && c != '\t'))
    buf_append_char(out, '?');
  else
    buf_append(out, text.ptr, length);
}

static void print_line(struct buf *out, struct str line, uint32_t number, uint32_t column) {
  uint32_t first = column > SHOWN ? column - BEFORE_CARET : 1;
  CLEANUP_BUF struct buf below;
  buf_init(&below, 4 * SHOWN + 64);
  buf_printf(out, "%5u | %s", number, first > 1 ? "..." : "");
  buf_printf(&below, "      | %s", first > 1 ? "   " : "");
  for (uint32_t at = 1; line.len && at < first + SHOWN; at++) {
    size_t length = char_length(line);
    if (at >= first) {
      append_char(out, line, length);
      if (at < column)
        buf_append_char(&below, line.ptr[0] == '\t' ? '\t' : ' ');
    }
    line = str_skip(line, length);
  }
  buf_printf(out, "%s\n", line.len ? "..." : "");
  buf_append_str(out, buf_str(&below));
  buf_append_cstr(out, "^\n");
}

void policy_error_print(struct buf *out, struct str source, struct str text,
                        const struct policy_error *error) {
  buf_printf(out, "%.*s:%u:%u: ", STR_FMT(source), error->line, error->column);
  if (error->field.len)
    buf_printf(out, "%.*s: ", STR_FMT(error->field));
  buf_append_str(out, error->message);
  buf_append_char(out, '\n');
  if (text.len)
    print_line(out, find_line(text, error->line), error->line, error->column);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest pieces of CEL, and how an expression is laid out for its readers. */
#include "src/cli/webhook_config.h"

void cel_append_string(struct buf *out, struct str text) {
  buf_append_char(out, '\'');
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    if (c == '\'' || c == '\\')
      buf_printf(out, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      buf_printf(out, "\\x%02x", (unsigned)c);
    else
      buf_append_char(out, (char)c);
  }
  buf_append_char(out, '\'');
}

void cel_append_strings(struct buf *out, const struct strings *list) {
  buf_append_char(out, '[');
  for (size_t i = 0; i < list->count; i++) {
    buf_append_cstr(out, i ? ", " : "");
    cel_append_string(out, list->items[i]);
  }
  buf_append_char(out, ']');
}

void cel_append_guard(struct buf *out, const char *path, const char *type) {
  buf_printf(out, "has(%s) && type(%s) == %s &&\n", path, path, type);
}

void cel_open_some(struct buf *out, const char *list, const char *variable, int longest) {
  buf_printf(out, "(size(%s) > %d || %s.exists(%s,\n", list, longest, list, variable);
}

void cel_close_some(struct buf *out) {
  buf_append_cstr(out, "))");
}

struct buf *cel_next_part(struct cel_parts *parts) {
  buf_append_cstr(parts->out, parts->count++ ? " ||\n" : "");
  return parts->out;
}

/* Brackets that the line opens and does not close, or the other way round. */
static int open_brackets(struct str line) {
  int open = 0;
  bool is_quoted = false;
  for (size_t i = 0; i < line.len; i++) {
    char c = line.ptr[i];
    if (is_quoted && c == '\\')
      i++;
    else if (c == '\'')
      is_quoted = !is_quoted;
    else if (!is_quoted)
      open += (c == '(' || c == '[') - (c == ')' || c == ']');
  }
  return open;
}

struct str cel_layout(struct arena *arena, struct str text) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 2 * CEL_EXPRESSION_MAX);
  int depth = 0;
  while (text.len) {
    struct str line = {text.ptr, str_find_char(text, '\n')};
    text = str_skip(text, line.len < text.len ? line.len + 1 : line.len);
    int indent = depth - (line.len && line.ptr[0] == ')');
    buf_printf(&out, "%*s%.*s%s", indent > 0 ? 2 * indent : 0, "", STR_FMT(line),
               text.len ? "\n" : "");
    depth += open_brackets(line);
  }
  return str_copy(arena, buf_str(&out));
}

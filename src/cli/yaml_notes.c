/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comments for YAML that yaml_emit wrote, which knows none. A note goes above the next line that
 * begins with its words; that is enough, since who makes the tree makes the notes in the same
 * order.
 */
#include "src/cli/scheduler_config.h"

void notes_add(struct notes *notes, const char *line, struct str text) {
  enum { NOTES_MAX = 64 };
  if (!notes)
    return;
  if (!notes->items)
    notes->items = arena_array(notes->arena, NOTES_MAX, sizeof(*notes->items));
  if (notes->count < NOTES_MAX)
    notes->items[notes->count++] = (struct note){str_copy(notes->arena, str_of(line)), text};
}

void notes_put(json_t *object, const char *key, json_t *value, struct notes *notes,
               const char *why) {
  json_object_set_new(object, key, value);
  if (notes && why)
    notes_add(notes, str_printf(notes->arena, "%s:", key).ptr, str_of(why));
}

enum { COMMENT_WIDTH = 96, COMMENT_LEAST = 40 };

/* "# word word", wrapped, each line as far in as the one below. */
static void append_comment(struct buf *out, struct str text, size_t indent) {
  size_t width = indent + COMMENT_LEAST < COMMENT_WIDTH ? COMMENT_WIDTH - indent : COMMENT_LEAST;
  size_t column = 0; /* 0: no line is begun */
  while (text.len) {
    size_t len = str_find_char(text, ' ');
    if (column > 0 && column + 1 + len > width) {
      buf_append_char(out, '\n');
      column = 0;
    }
    if (column == 0) {
      buf_printf(out, "%*s#", (int)indent, "");
      column = 1;
    }
    buf_printf(out, " %.*s", (int)len, text.ptr);
    column += 1 + len;
    text = str_skip(text, len < text.len ? len + 1 : len);
  }
  buf_append_char(out, '\n');
}

void yaml_annotate(struct str yaml, const struct notes *notes, const char *from, struct buf *out) {
  size_t next = 0;
  while (yaml.len) {
    size_t len = str_find_char(yaml, '\n'), indent = 0;
    struct str line = {yaml.ptr, len};
    while (indent < len && line.ptr[indent] == ' ')
      indent++;
    struct str words = str_skip(line, indent);
    if (from && str_starts_with(words, str_of(from)))
      from = NULL;
    if (!from && next < notes->count && str_starts_with(words, notes->items[next].line))
      append_comment(out, notes->items[next++].text, indent);
    buf_append_str(out, line);
    buf_append_char(out, '\n');
    yaml = str_skip(yaml, len < yaml.len ? len + 1 : len);
  }
}

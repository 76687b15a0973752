/* SPDX-License-Identifier: Apache-2.0 */
/* Lines out of a stream that may be split anywhere. */
#include "kube_internal.h"

void lines_init(struct lines *lines, size_t max) {
  *lines = (struct lines){.is_cut = false};
  buf_init(&lines->line, max);
}

void lines_done(struct lines *lines) {
  buf_done(&lines->line);
}

void lines_reset(struct lines *lines) {
  buf_clear(&lines->line);
  lines->is_cut = false;
}

/* Appends as much as fits. */
static void keep(struct lines *lines, struct str part) {
  size_t room = lines->line.max - lines->line.len;
  if (part.len > room) {
    lines->is_cut = true;
    part.len = room;
  }
  buf_append_str(&lines->line, part);
}

static bool is_blank(struct str line) {
  for (size_t i = 0; i < line.len; i++) {
    if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
      return false;
  }
  return true;
}

bool lines_feed(struct lines *lines, struct str piece, lines_fn *each, void *ctx,
                struct err *reterr) {
  while (piece.len > 0) {
    size_t end = str_find_char(piece, '\n');
    bool is_whole = end < piece.len;
    struct str line = {piece.ptr, end};
    piece = str_skip(piece, is_whole ? end + 1 : end);
    /* A line that came in one piece is not copied. */
    bool is_direct = is_whole && lines->line.len == 0 && line.len <= lines->line.max;
    if (!is_direct)
      keep(lines, line);
    if (!is_whole)
      break;
    struct str text = is_direct ? line : buf_str(&lines->line);
    bool ok = is_blank(text) || each(ctx, text, lines->is_cut, reterr);
    lines_reset(lines);
    if (!ok)
      return false;
  }
  return true;
}

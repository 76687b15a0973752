/* SPDX-License-Identifier: Apache-2.0 */
/* From a field path, as findings name it, to the place in the text. */
#include "doc_internal.h"

/* Takes the next step off the path: ".name", "name", "[0]" or "[a.b/c]". */
static bool next_step(struct str *path, struct str *ret_step, bool *ret_bracket) {
  if (path->len == 0)
    return false;
  if (path->ptr[0] == '[') {
    /* Up to the bracket that closes it: keys may hold dots and slashes, never brackets. */
    size_t close = str_find_char(*path, ']');
    if (close == path->len)
      return false;
    *ret_step = (struct str){path->ptr + 1, close - 1};
    *ret_bracket = true;
    *path = str_skip(*path, close + 1);
    return true;
  }
  if (path->ptr[0] == '.')
    *path = str_skip(*path, 1);
  size_t len = 0;
  while (len < path->len && path->ptr[len] != '.' && path->ptr[len] != '[')
    len++;
  *ret_step = (struct str){path->ptr, len};
  *ret_bracket = false;
  *path = str_skip(*path, len);
  return len > 0;
}

void doc_locate(const struct doc_node *root, struct str field_path, uint32_t *ret_line,
                uint32_t *ret_column, bool *ret_found) {
  const struct doc_node *at = root;
  *ret_line = root->line;
  *ret_column = root->column;
  struct str step;
  bool is_bracket;
  while (field_path.len && next_step(&field_path, &step, &is_bracket)) {
    int64_t index;
    if (at->kind == DOC_SEQUENCE && is_bracket && i64_parse(step, &index) && index >= 0 &&
        (uint64_t)index < at->count) {
      at = &at->items[index];
      *ret_line = at->line;
      *ret_column = at->column;
      continue;
    }
    const struct doc_pair *pair = doc_get_pair(at, step);
    if (!pair) {
      *ret_found = false;
      return;
    }
    at = &pair->value;
    *ret_line = pair->line;
    *ret_column = pair->column;
  }
  *ret_found = field_path.len == 0;
}

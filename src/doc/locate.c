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

/* The child that a step leads to; *ret_key is its key when it has one. */
static const struct doc_node *take_step(const struct doc_node *at, struct str step, bool is_bracket,
                                        const struct doc_pair **ret_key) {
  int64_t index;
  *ret_key = NULL;
  if (at->kind == DOC_SEQUENCE && is_bracket && i64_parse(step, &index) && index >= 0 &&
      (uint64_t)index < at->count)
    return &at->items[index];
  *ret_key = doc_get_pair(at, step);
  return *ret_key ? &(*ret_key)->value : NULL;
}

void doc_locate(const struct doc_node *root, struct str field_path, uint32_t *ret_line,
                uint32_t *ret_column, bool *ret_found) {
  const struct doc_node *at = root;
  *ret_line = root->line;
  *ret_column = root->column;
  struct str step;
  bool is_bracket;
  while (field_path.len && next_step(&field_path, &step, &is_bracket)) {
    const struct doc_pair *pair;
    at = take_step(at, step, is_bracket, &pair);
    if (!at) {
      *ret_found = false;
      return;
    }
    *ret_line = pair ? pair->line : at->line;
    *ret_column = pair ? pair->column : at->column;
  }
  *ret_found = field_path.len == 0;
}

const struct doc_node *doc_follow(const struct doc_node *root, struct str field_path) {
  const struct doc_node *at = root;
  const struct doc_pair *pair;
  struct str step;
  bool is_bracket;
  while (at && field_path.len && next_step(&field_path, &step, &is_bracket))
    at = take_step(at, step, is_bracket, &pair);
  return field_path.len == 0 ? at : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's patterns ('*' any run, '?' one character) as tests in CEL. */
#include "src/cli/webhook_config.h"

#include <stdlib.h>

static bool is_wild(char c) {
  return c == '*' || c == '?';
}

static size_t wild_count(struct str glob) {
  size_t count = 0;
  for (size_t i = 0; i < glob.len; i++)
    count += is_wild(glob.ptr[i]);
  return count;
}

bool glob_is_literal(struct str glob) {
  return wild_count(glob) == 0;
}

/*
 * Do two patterns share a text? reach[j] says whether a[0..i) and b[0..j) do. Patterns of
 * a policy are short: the square of their length is nothing.
 */
bool globs_overlap(struct str a, struct str b) {
  CLEANUP_FREE bool *cells = mem_zalloc((a.len + 1) * (b.len + 1));
  size_t width = b.len + 1;
  for (size_t i = 0; i <= a.len; i++) {
    for (size_t j = 0; j <= b.len; j++) {
      bool a_star = i > 0 && a.ptr[i - 1] == '*', b_star = j > 0 && b.ptr[j - 1] == '*';
      bool ok = i == 0 && j == 0;
      /* A star stands for nothing, or takes what the other has at its end. */
      if (a_star)
        ok = ok || cells[(i - 1) * width + j] || (j > 0 && cells[i * width + j - 1]);
      if (b_star)
        ok = ok || cells[i * width + j - 1] || (i > 0 && cells[(i - 1) * width + j]);
      if (i > 0 && j > 0 && !a_star && !b_star &&
          (a.ptr[i - 1] == b.ptr[j - 1] || a.ptr[i - 1] == '?' || b.ptr[j - 1] == '?'))
        ok = ok || cells[(i - 1) * width + j - 1];
      cells[i * width + j] = ok;
    }
  }
  return cells[a.len * width + b.len];
}

static void append_call(struct buf *out, const char *var, const char *function, struct str text) {
  buf_printf(out, "%s.%s(", var, function);
  cel_append_string(out, text);
  buf_append_char(out, ')');
}

/* RE2, whole text. The string functions cannot say "in this order". */
static void append_regex(struct buf *out, const char *var, struct str glob) {
  CLEANUP_BUF struct buf regex;
  buf_init(&regex, 4096);
  buf_append_cstr(&regex, "(?s)^");
  for (size_t i = 0; i < glob.len; i++) {
    char c = glob.ptr[i];
    if (c == '*')
      buf_append_cstr(&regex, ".*");
    else if (c == '?')
      buf_append_char(&regex, '.');
    else if (strchr("\\.+()|[]{}^$", c))
      buf_printf(&regex, "\\%c", c);
    else
      buf_append_char(&regex, c);
  }
  buf_append_char(&regex, '$');
  append_call(out, var, "matches", buf_str(&regex));
}

/* "ab*bc" as startsWith && endsWith would match "abc" as well. */
static bool may_share(struct str head, struct str tail) {
  for (size_t len = 1; len <= head.len && len <= tail.len; len++) {
    if (memcmp(head.ptr + head.len - len, tail.ptr, len) == 0)
      return true;
  }
  return false;
}

static void append_wild(struct buf *out, const char *var, struct str glob,
                        enum glob_precision precision) {
  size_t head_len = 0, tail_len = 0;
  while (!is_wild(glob.ptr[head_len]))
    head_len++;
  while (!is_wild(glob.ptr[glob.len - 1 - tail_len]))
    tail_len++;
  struct str head = {glob.ptr, head_len}, tail = str_skip(glob, glob.len - tail_len);
  bool is_simple = wild_count(glob) == 1 && glob.ptr[head_len] == '*';
  if (precision == GLOB_EXACT && (!is_simple || may_share(head, tail))) {
    append_regex(out, var, glob);
    return;
  }
  size_t parts = 0;
  if (head.len) {
    append_call(out, var, "startsWith", head);
    parts++;
  }
  /* What stands between wildcards: somewhere in the text, in any order. */
  for (size_t i = head_len; i < glob.len - tail_len; i++) {
    size_t len = 0;
    while (i + len < glob.len - tail_len && !is_wild(glob.ptr[i + len]))
      len++;
    if (len == 0)
      continue;
    buf_append_cstr(out, parts++ ? " && " : "");
    append_call(out, var, "contains", (struct str){glob.ptr + i, len});
    i += len;
  }
  if (tail.len) {
    buf_append_cstr(out, parts++ ? " && " : "");
    append_call(out, var, "endsWith", tail);
  }
  if (parts == 0)
    buf_append_cstr(out, "true");
}

size_t cel_append_globs(struct buf *out, const char *var, const struct strings *globs,
                        enum glob_precision precision) {
  CLEANUP_FREE struct str *literals = mem_zalloc((globs->count + 1) * sizeof(*literals));
  size_t literal_count = 0, parts = 0;
  for (size_t i = 0; i < globs->count; i++) {
    if (glob_is_literal(globs->items[i]))
      literals[literal_count++] = globs->items[i];
  }
  if (literal_count == 1) {
    buf_printf(out, "%s == ", var);
    cel_append_string(out, literals[0]);
    parts++;
  } else if (literal_count) {
    buf_printf(out, "%s in ", var);
    cel_append_strings(out, &(struct strings){literals, literal_count});
    parts++;
  }
  for (size_t i = 0; i < globs->count; i++) {
    if (glob_is_literal(globs->items[i]))
      continue;
    buf_append_cstr(out, parts++ ? " || " : "");
    append_wild(out, var, globs->items[i], precision);
  }
  if (parts == 0)
    buf_append_cstr(out, "false");
  return parts;
}

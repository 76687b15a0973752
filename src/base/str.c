/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

#include <stdio.h>

bool str_starts_with(struct str s, struct str prefix) {
  return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_ends_with(struct str s, struct str suffix) {
  return s.len >= suffix.len &&
         (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

size_t str_find_char(struct str s, char c) {
  const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
  return at ? (size_t)(at - s.ptr) : s.len;
}

struct str str_skip(struct str s, size_t n) {
  return n ? (struct str){s.ptr + n, s.len - n} : s;
}

int str_cmp(struct str a, struct str b) {
  size_t shared = a.len < b.len ? a.len : b.len;
  int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
  if (order != 0)
    return order;
  return (a.len > b.len) - (a.len < b.len);
}

struct str str_copy(struct arena *arena, struct str s) {
  char *ptr = arena_alloc(arena, s.len + 1);
  if (s.len)
    memcpy(ptr, s.ptr, s.len);
  return (struct str){ptr, s.len};
}

struct str str_put(char **at, struct str s) {
  if (s.len == 0)
    return (struct str){NULL, 0};
  char *to = *at;
  memcpy(to, s.ptr, s.len);
  *at += s.len;
  return (struct str){to, s.len};
}

struct str str_printf(struct arena *arena, const char *fmt, ...) {
  char small[256];
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int need = vsnprintf(small, sizeof(small), fmt, args);
  va_end(args);
  struct str made = {"", 0};
  if (need >= 0 && (size_t)need < sizeof(small)) {
    made = str_copy(arena, (struct str){small, (size_t)need});
  } else if (need >= 0) {
    char *ptr = arena_alloc(arena, (size_t)need + 1);
    (void)vsnprintf(ptr, (size_t)need + 1, fmt, again);
    made = (struct str){ptr, (size_t)need};
  }
  va_end(again);
  return made;
}

bool str_glob(struct str pattern, struct str text) {
  /* On a mismatch only the newest '*' needs to be tried again, one byte further:
   * an earlier one cannot reach anything that this one does not. */
  size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
  while (t < text.len) {
    if (p < pattern.len && pattern.ptr[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
      p++;
      t++;
    } else if (star != SIZE_MAX) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.len && pattern.ptr[p] == '*')
    p++;
  return p == pattern.len;
}

enum { NEAREST_MAX_LEN = 64 };

static size_t min3(size_t a, size_t b, size_t c) {
  size_t ab = a < b ? a : b;
  return ab < c ? ab : c;
}

/* Damerau-Levenshtein, restricted form: insert, delete, replace, swap of neighbours. */
static size_t edit_distance(struct str a, struct str b) {
  size_t rows[3][NEAREST_MAX_LEN + 1];
  size_t *before = rows[0], *above = rows[1], *row = rows[2];
  for (size_t j = 0; j <= b.len; j++)
    above[j] = j;
  for (size_t i = 1; i <= a.len; i++) {
    row[0] = i;
    for (size_t j = 1; j <= b.len; j++) {
      size_t replace = above[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
      row[j] = min3(above[j] + 1, row[j - 1] + 1, replace);
      if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
          before[j - 2] + 1 < row[j])
        row[j] = before[j - 2] + 1;
    }
    size_t *spare = before;
    before = above;
    above = row;
    row = spare;
  }
  return above[b.len];
}

struct str str_nearest(struct str word, const struct str *names, size_t count) {
  struct str best = {NULL, 0};
  if (word.len == 0 || word.len > NEAREST_MAX_LEN)
    return best;
  size_t best_distance = (word.len + 2) / 3 + 1;
  for (size_t i = 0; i < count; i++) {
    if (names[i].len > NEAREST_MAX_LEN)
      continue;
    size_t distance = edit_distance(word, names[i]);
    if (distance < best_distance) {
      best_distance = distance;
      best = names[i];
    }
  }
  return best;
}

size_t str_utf8_len(struct str s) {
  if (s.len == 0)
    return 0;
  unsigned char lead = (unsigned char)s.ptr[0];
  if (lead < 0x80)
    return 1;
  size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || s.len < len)
    return 0;
  for (size_t i = 1; i < len; i++) {
    if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
      return 0;
  }
  unsigned char second = (unsigned char)s.ptr[1];
  bool bad = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
             (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return bad ? 0 : len;
}

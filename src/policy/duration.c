/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as people write them: "72h", "1h30m", "7d". Whole seconds, no fractions. */
#include "slicegate/policy.h"

static const struct {
  char letter;
  int64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

/* Reads "<digits><unit>" off the front; units must fall, so that "30m1h" is a mistake. */
static bool take_part(struct str *text, size_t *unit, int64_t *ret_seconds) {
  size_t digits = 0;
  while (digits < text->len && text->ptr[digits] >= '0' && text->ptr[digits] <= '9')
    digits++;
  int64_t number;
  if (digits == 0 || digits == text->len || !i64_parse((struct str){text->ptr, digits}, &number))
    return false;
  while (*unit < SG_ARRAY_LEN(units) && units[*unit].letter != text->ptr[digits])
    ++*unit;
  if (*unit == SG_ARRAY_LEN(units))
    return false;
  if (__builtin_mul_overflow(number, units[*unit].seconds, ret_seconds))
    return false;
  ++*unit;
  *text = str_skip(*text, digits + 1);
  return true;
}

bool duration_parse(struct str text, int64_t *ret_seconds) {
  if (str_is(text, "0")) {
    *ret_seconds = 0;
    return true;
  }
  int64_t total = 0;
  size_t unit = 0;
  if (text.len == 0)
    return false;
  while (text.len) {
    int64_t part;
    if (!take_part(&text, &unit, &part) || __builtin_add_overflow(total, part, &total))
      return false;
  }
  *ret_seconds = total;
  return true;
}

struct str duration_text(struct arena *arena, int64_t seconds) {
  if (seconds <= 0)
    return STR_LIT("0s");
  CLEANUP_BUF struct buf text;
  buf_init(&text, 64);
  /* Days only when nothing else is left over: "72h" reads better than "3d" to those who
   * wrote hours, "7d" better than "168h". */
  size_t first = seconds % units[0].seconds == 0 && seconds / units[0].seconds > 3 ? 0 : 1;
  for (size_t i = first; i < SG_ARRAY_LEN(units); i++) {
    if (seconds >= units[i].seconds)
      buf_printf(&text, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
    seconds %= units[i].seconds;
  }
  return str_copy(arena, buf_str(&text));
}

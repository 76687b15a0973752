/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities, digit by digit: whatever the number of digits, the result is exact down
 * to 1e-9 without big numbers. The grammar is what ParseQuantity of
 * k8s.io/apimachinery/pkg/api/resource takes, odd corners included, because a text that
 * we read otherwise than the API server is a way around the rules.
 */
#include "slicegate/model.h"

enum { NANO_PER_UNIT = 1000000000, NANO_DIGITS = 9 };

/* ---- the text, split -------------------------------------------------------------- */

/* (-1)^is_negative * whole.fraction * 10^exponent * 2^shift; one of the two is 0. */
struct parts {
  bool is_negative;
  struct str whole, fraction; /* digits before and after the point */
  int32_t exponent;           /* decimal */
  unsigned shift;             /* binary */
};

static size_t count_digits(struct str s) {
  size_t n = 0;
  while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
    n++;
  return n;
}

static struct str take(struct str *rest, size_t n) {
  struct str taken = {rest->ptr, n};
  *rest = str_skip(*rest, n);
  return taken;
}

/* "e3", "E-6": the API server reads 64 bits and keeps the lower 32. */
static bool parse_exponent(struct str suffix, int32_t *ret) {
  if (suffix.len < 2 || (suffix.ptr[0] != 'e' && suffix.ptr[0] != 'E'))
    return false;
  struct str number = str_skip(suffix, 1);
  if (number.ptr[0] == '+')
    number = str_skip(number, 1);
  int64_t value;
  if (number.len == 0 || (number.ptr[0] == '-' && number.len < suffix.len - 1) ||
      !i64_parse(number, &value))
    return false;
  *ret = (int32_t)(uint32_t)(uint64_t)value;
  return true;
}

static bool parse_suffix(struct str suffix, struct parts *ret) {
  static const struct {
    char letter;
    int16_t decimal;
    uint8_t binary; /* of the letter with an 'i'; 0: there is none */
  } rows[] = {{'n', -9, 0}, {'u', -6, 0}, {'m', -3, 0},  {'k', 3, 0},   {'K', 0, 10},
              {'M', 6, 20}, {'G', 9, 30}, {'T', 12, 40}, {'P', 15, 50}, {'E', 18, 60}};
  if (suffix.len == 0)
    return true;
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    if (suffix.ptr[0] != rows[i].letter)
      continue;
    if (suffix.len == 1 && rows[i].decimal) {
      ret->exponent = rows[i].decimal;
      return true;
    }
    if (suffix.len == 2 && suffix.ptr[1] == 'i' && rows[i].binary) {
      ret->shift = rows[i].binary;
      return true;
    }
  }
  return parse_exponent(suffix, &ret->exponent);
}

static bool split(struct str text, struct parts *ret) {
  *ret = (struct parts){0};
  if (text.len == 0)
    return false;
  if (text.ptr[0] == '+' || text.ptr[0] == '-') {
    ret->is_negative = text.ptr[0] == '-';
    text = str_skip(text, 1);
    if (text.len == 0)
      return true; /* a sign alone is 0 */
  }
  ret->whole = take(&text, count_digits(text));
  if (text.len && text.ptr[0] == '.') {
    text = str_skip(text, 1);
    ret->fraction = take(&text, count_digits(text));
  }
  if (!parse_suffix(text, ret))
    return false;
  /* Without any digit the number is 0, as in "." or "k", unless the API server leaves its
   * fast path: then it finds no number. */
  bool has_digits = ret->whole.len || ret->fraction.len;
  return has_digits || (ret->exponent >= -NANO_DIGITS && ret->shift < 50);
}

/* ---- the value -------------------------------------------------------------------- */

/* Digit `i` of whole and fraction together; 0 outside. */
static unsigned digit_at(const struct parts *parts, int64_t i) {
  if (i < 0)
    return 0;
  size_t at = (size_t)i;
  if (at < parts->whole.len)
    return (unsigned)(parts->whole.ptr[at] - '0');
  at -= parts->whole.len;
  return at < parts->fraction.len ? (unsigned)(parts->fraction.ptr[at] - '0') : 0;
}

/* Digits before `point` as a number, times 2^shift. */
static int64_t integer_part(const struct parts *parts, int64_t point) {
  int64_t value = 0;
  for (int64_t i = 0; i < point && value < INT64_MAX; i++)
    value = i64_add_sat(i64_mul_sat(value, 10), digit_at(parts, i));
  return i64_mul_sat(value, INT64_C(1) << parts->shift);
}

/*
 * Digits from `point` on, times 2^shift, by hand from the last digit to the first: what
 * leaves at the top is whole units, the first nine digits are nano, anything behind them
 * rounds up. No step exceeds 64 bits: with shift 60 a digit gives 9 * 2^60 and the carry
 * stays below 2^60.
 */
static void fraction_part(const struct parts *parts, int64_t point, int64_t *ret_units,
                          int64_t *ret_nano) {
  uint64_t carry = 0;
  int64_t nano = 0, weight = 1;
  bool rounds_up = false;
  int64_t count = (int64_t)(parts->whole.len + parts->fraction.len) - point;
  if (count < NANO_DIGITS)
    count = NANO_DIGITS;
  for (int64_t i = count; i-- > 0;) {
    uint64_t product = ((uint64_t)digit_at(parts, point + i) << parts->shift) + carry;
    int64_t digit = (int64_t)(product % 10);
    carry = product / 10;
    if (i >= NANO_DIGITS) {
      rounds_up = rounds_up || digit != 0;
    } else {
      nano += digit * weight;
      weight *= 10;
    }
  }
  nano += rounds_up;
  *ret_units = (int64_t)carry + nano / NANO_PER_UNIT;
  *ret_nano = nano % NANO_PER_UNIT;
}

bool qty_parse(struct str text, struct quantity *ret) {
  struct parts parts;
  if (!split(text, &parts))
    return false;
  /* Beyond these bounds every nonzero digit saturates, or only rounds up: same result. */
  int64_t digits = (int64_t)(parts.whole.len + parts.fraction.len);
  int64_t point = (int64_t)parts.whole.len + parts.exponent;
  if (point < -NANO_DIGITS)
    point = -NANO_DIGITS;
  if (point > digits + 20)
    point = digits + 20;
  int64_t units, nano;
  fraction_part(&parts, point, &units, &nano);
  units = i64_add_sat(units, integer_part(&parts, point));
  if (units == INT64_MAX)
    nano = 0;
  *ret = (struct quantity){parts.is_negative ? -units : units,
                           (int32_t)(parts.is_negative ? -nano : nano)};
  return true;
}

/* ---- arithmetic ------------------------------------------------------------------- */

int qty_cmp(struct quantity a, struct quantity b) {
  if (a.units != b.units)
    return a.units < b.units ? -1 : 1;
  return (a.nano > b.nano) - (a.nano < b.nano);
}

bool qty_is_whole(struct quantity q) {
  return q.nano == 0;
}

bool qty_is_zero(struct quantity q) {
  return q.units == 0 && q.nano == 0;
}

bool qty_is_negative(struct quantity q) {
  return q.units < 0 || q.nano < 0;
}

static struct quantity saturated(bool is_negative) {
  return (struct quantity){is_negative ? -INT64_MAX : INT64_MAX, 0};
}

struct quantity qty_add(struct quantity a, struct quantity b) {
  int32_t nano = a.nano + b.nano; /* below 2e9, fits */
  int64_t units = i64_add_sat(i64_add_sat(a.units, b.units), nano / NANO_PER_UNIT);
  nano %= NANO_PER_UNIT;
  if (units >= INT64_MAX || units <= -INT64_MAX)
    return saturated(units < 0);
  /* Both parts of one sign again: 2 - 0.5 is 1 + 0.5. */
  if (units > 0 && nano < 0)
    return (struct quantity){units - 1, nano + NANO_PER_UNIT};
  if (units < 0 && nano > 0)
    return (struct quantity){units + 1, nano - NANO_PER_UNIT};
  return (struct quantity){units, nano};
}

struct quantity qty_max(struct quantity a, struct quantity b) {
  return qty_cmp(a, b) >= 0 ? a : b;
}

int64_t qty_units_ceil(struct quantity q) {
  if (q.nano > 0)
    return i64_add_sat(q.units, 1);
  return q.units;
}

int64_t qty_milli_ceil(struct quantity q) {
  enum { NANO_PER_MILLI = 1000000 };
  int64_t milli = q.nano / NANO_PER_MILLI; /* toward zero: up for what is negative */
  if (q.nano > 0 && q.nano % NANO_PER_MILLI)
    milli++;
  return i64_add_sat(i64_mul_sat(q.units, 1000), milli);
}

struct str qty_text(struct arena *arena, struct quantity q) {
  if (q.nano == 0)
    return str_printf(arena, "%lld", (long long)q.units);
  long long nano = q.nano < 0 ? -(long long)q.nano : q.nano;
  long long units = q.units < 0 ? -(long long)q.units : q.units;
  int digits = NANO_DIGITS;
  for (; nano % 10 == 0; nano /= 10)
    digits--;
  return str_printf(arena, "%s%lld.%0*lld", qty_is_negative(q) ? "-" : "", units, digits, nano);
}

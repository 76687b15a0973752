/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities against a twin that does what one does on paper: write the digits down, shift
 * the point, double as often as the suffix says, then cut behind the ninth digit and add
 * one there if anything was cut off. Slow, and with nothing in common with the reader.
 */
#include "slicegate/model.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include <inttypes.h>

enum { ROUNDS = 60000, DIGITS = 160, POINT = 100, NANO_DIGITS = 9 };

/* digits[POINT - 1] is the ones, digits[POINT] the tenths. */
struct paper {
  unsigned digits[DIGITS];
};

struct suffix {
  const char *text;
  int decimal, doublings;
};

static const struct suffix suffixes[] = {
    {"", 0, 0},     {"n", -9, 0},   {"u", -6, 0},     {"m", -3, 0},   {"k", 3, 0},
    {"M", 6, 0},    {"G", 9, 0},    {"T", 12, 0},     {"P", 15, 0},   {"E", 18, 0},
    {"Ki", 0, 10},  {"Mi", 0, 20},  {"Gi", 0, 30},    {"Ti", 0, 40},  {"Pi", 0, 50},
    {"Ei", 0, 60},  {"e0", 0, 0},   {"e3", 3, 0},     {"E-3", -3, 0}, {"e+12", 12, 0},
    {"E30", 30, 0}, {"e-9", -9, 0}, {"e-25", -25, 0}, {"e1", 1, 0},
};

static void twice(struct paper *paper) {
  unsigned carry = 0;
  for (size_t i = DIGITS; i-- > 0;) {
    unsigned doubled = paper->digits[i] * 2 + carry;
    paper->digits[i] = doubled % 10;
    carry = doubled / 10;
  }
}

/* Adds one at the digit. */
static void increment(struct paper *paper, size_t at) {
  while (paper->digits[at] == 9)
    paper->digits[at--] = 0;
  paper->digits[at]++;
}

static void round_up(struct paper *paper) {
  bool is_cut = false;
  for (size_t i = POINT + NANO_DIGITS; i < DIGITS; i++) {
    is_cut = is_cut || paper->digits[i] != 0;
    paper->digits[i] = 0;
  }
  if (is_cut)
    increment(paper, POINT + NANO_DIGITS - 1);
}

static struct quantity value_of(const struct paper *paper, bool is_negative) {
  unsigned __int128 units = 0;
  for (size_t i = 0; i < POINT; i++) {
    units = units * 10 + paper->digits[i];
    if (units >= INT64_MAX)
      return (struct quantity){is_negative ? -INT64_MAX : INT64_MAX, 0};
  }
  int32_t nano = 0;
  for (size_t i = 0; i < NANO_DIGITS; i++)
    nano = nano * 10 + (int32_t)paper->digits[POINT + i];
  int64_t whole = (int64_t)units;
  return (struct quantity){is_negative ? -whole : whole, is_negative ? -nano : nano};
}

/* Mostly few digits, now and then many; zeros and nines more often than chance. */
static size_t random_digits(struct random *random, char *out, size_t max) {
  size_t count = random_one_in(random, 6) ? random_below(random, max) : random_below(random, 5);
  for (size_t i = 0; i < count; i++) {
    static const char often[] = "0099";
    out[i] = random_one_in(random, 2) ? often[random_below(random, 4)]
                                      : (char)('0' + random_below(random, 10));
  }
  return count;
}

struct number {
  struct str text;
  struct quantity expected;
};

static struct number random_number(struct random *random, struct buf *buf) {
  enum { WHOLE_MAX = 30, FRACTION_MAX = 24 };
  char whole[WHOLE_MAX + 1], fraction[FRACTION_MAX];
  size_t whole_len = random_digits(random, whole, WHOLE_MAX);
  if (whole_len == 0)
    whole[whole_len++] = (char)('0' + random_below(random, 10));
  size_t fraction_len =
      random_one_in(random, 2) ? random_digits(random, fraction, FRACTION_MAX) : 0;
  bool has_point = fraction_len || random_one_in(random, 10);
  const struct suffix *suffix = &suffixes[random_below(random, SG_ARRAY_LEN(suffixes))];
  size_t sign = random_below(random, 6);

  buf_clear(buf);
  buf_append_cstr(buf, sign == 0 ? "-" : sign == 1 ? "+" : "");
  buf_append(buf, whole, whole_len);
  buf_append_cstr(buf, has_point ? "." : "");
  buf_append(buf, fraction, fraction_len);
  buf_append_cstr(buf, suffix->text);

  struct paper paper = {{0}};
  size_t first = (size_t)((int)POINT - suffix->decimal) - whole_len;
  for (size_t i = 0; i < whole_len; i++)
    paper.digits[first + i] = (unsigned)(whole[i] - '0');
  for (size_t i = 0; i < fraction_len; i++)
    paper.digits[first + whole_len + i] = (unsigned)(fraction[i] - '0');
  for (int i = 0; i < suffix->doublings; i++)
    twice(&paper);
  round_up(&paper);
  return (struct number){buf_str(buf), value_of(&paper, sign == 0)};
}

START_TEST(reading_agrees_with_paper) {
  struct random random;
  random_init(&random, random_seed());
  CLEANUP_BUF struct buf text;
  buf_init(&text, 256);
  for (size_t i = 0; i < ROUNDS; i++) {
    struct number number = random_number(&random, &text);
    struct quantity q;
    ck_assert_msg(qty_parse(number.text, &q), "%.*s is refused", STR_FMT(number.text));
    ck_assert_msg(qty_cmp(q, number.expected) == 0,
                  "%.*s is %" PRId64 " + %d nano, on paper %" PRId64 " + %d nano",
                  STR_FMT(number.text), q.units, q.nano, number.expected.units,
                  number.expected.nano);
  }
}
END_TEST

static __int128 nano_of(struct quantity q) {
  return (__int128)q.units * 1000000000 + q.nano;
}

static bool is_saturated(struct quantity q) {
  return q.units >= INT64_MAX || q.units <= -INT64_MAX;
}

START_TEST(sums_agree_with_wide_integers) {
  struct random random;
  random_init(&random, random_seed());
  CLEANUP_BUF struct buf text;
  buf_init(&text, 256);
  for (size_t i = 0; i < ROUNDS; i++) {
    struct quantity a = random_number(&random, &text).expected;
    struct quantity b = random_number(&random, &text).expected;
    struct quantity sum = qty_add(a, b);
    __int128 expected = nano_of(a) + nano_of(b);
    const __int128 largest = (__int128)INT64_MAX * 1000000000;
    bool fits = !is_saturated(a) && !is_saturated(b) && expected < largest && expected > -largest;
    ck_assert_int_eq(qty_cmp(a, b), (nano_of(a) > nano_of(b)) - (nano_of(a) < nano_of(b)));
    ck_assert(!fits || nano_of(sum) == expected);
    ck_assert(sum.units == 0 || sum.nano == 0 || (sum.units > 0) == (sum.nano > 0));
    ck_assert(sum.nano > -1000000000 && sum.nano < 1000000000);
    ck_assert(fits || is_saturated(sum) || is_saturated(a) || is_saturated(b));
  }
}
END_TEST

START_TEST(plain_text_reads_back) {
  struct random random;
  random_init(&random, random_seed());
  CLEANUP_BUF struct buf text;
  buf_init(&text, 256);
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  for (size_t i = 0; i < ROUNDS; i++) {
    struct quantity q = random_number(&random, &text).expected, back;
    struct str plain = qty_text(arena, q);
    ck_assert_msg(qty_parse(plain, &back) && qty_cmp(q, back) == 0, "%.*s", STR_FMT(plain));
    arena_reset(arena);
  }
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("quantity against paper");
  TCase *tc = tcase_create("quantity");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, reading_agrees_with_paper);
  tcase_add_test(tc, sums_agree_with_wide_integers);
  tcase_add_test(tc, plain_text_reads_back);
  suite_add_tcase(suite, tc);
  return suite;
}

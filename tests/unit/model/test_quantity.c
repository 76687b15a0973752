/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/model.h"
#include "tests/unit/model/cases.h"

#define MAX "9223372036854775807"

static const struct {
  const char *name, *text;
  int64_t units;
  int32_t nano;
} valid[] = {
    {"zero", "0", 0, 0},
    {"one", "1", 1, 0},
    {"a plus sign", "+3", 3, 0},
    {"a minus sign", "-3", -3, 0},
    {"leading zeros", "007", 7, 0},
    {"a decimal fraction", "0.5", 0, 500000000},
    {"nothing before the point", ".5", 0, 500000000},
    {"nothing behind the point", "5.", 5, 0},
    {"both parts of a negative number are negative", "-1.5", -1, -500000000},
    {"1000m is one", "1000m", 1, 0},
    {"1500m is one and a half", "1500m", 1, 500000000},
    {"nano", "7n", 0, 7},
    {"micro", "7u", 0, 7000},
    {"kilo", "2k", 2000, 0},
    {"mega", "2M", 2000000, 0},
    {"giga", "2G", 2000000000, 0},
    {"tera", "2T", 2000000000000, 0},
    {"peta", "2P", 2000000000000000, 0},
    {"exa", "2E", 2000000000000000000, 0},
    {"kibi", "1Ki", 1024, 0},
    {"mebi", "1Mi", 1048576, 0},
    {"gibi", "64Gi", 68719476736, 0},
    {"tebi", "1Ti", 1099511627776, 0},
    {"pebi", "1Pi", 1125899906842624, 0},
    {"exbi", "1Ei", 1152921504606846976, 0},
    {"a binary fraction", "1.5Gi", 1610612736, 0},
    {"a binary fraction that is not whole", "0.3Ki", 307, 200000000},
    {"a binary fraction finer than nano goes up", "0.0000000001Ki", 0, 103},
    {"an exponent", "1e3", 1000, 0},
    {"a capital exponent", "1E3", 1000, 0},
    {"a signed exponent", "12e+2", 1200, 0},
    {"a negative exponent", "1500e-3", 1, 500000000},
    {"an exponent with a fraction", "1.25e1", 12, 500000000},
    {"a fraction finer than nano goes up", "0.0000000001", 0, 1},
    {"away from zero also below it", "-0.0000000001", 0, -1},
    {"rounding carries into the units", "0.9999999999", 1, 0},
    {"the smallest exponent", "1e-2147483648", 0, 1},
    {"the largest number", MAX, INT64_MAX, 0},
    {"one more saturates", "9223372036854775808", INT64_MAX, 0},
    {"less than the smallest saturates", "-1e30", -INT64_MAX, 0},
    {"8Ei saturates", "8Ei", INT64_MAX, 0},
    {"saturated has no fraction", MAX ".5", INT64_MAX, 0},
    {"forty digits and back", "1000000000000000000000000000000000000000e-39", 1, 0},
    {"zero with a giant exponent", "0e2147483647", 0, 0},
    {"an exponent keeps its lower 32 bits, as in the API server", "5e4294967297", 50, 0},
    {"a sign alone is zero, as in the API server", "-", 0, 0},
    {"a point alone is zero, as in the API server", ".", 0, 0},
    {"a suffix alone is zero, as in the API server", "k", 0, 0},
};

START_TEST(quantity_is_read) {
  struct quantity q = {77, 77};
  ck_assert_msg(qty_parse(str_of(valid[_i].text), &q), "%s: %s is refused", valid[_i].name,
                valid[_i].text);
  ck_assert_msg(q.units == valid[_i].units && q.nano == valid[_i].nano,
                "%s: %s gives %lld + %d nano", valid[_i].name, valid[_i].text, (long long)q.units,
                q.nano);
}
END_TEST

static const char *const invalid[] = {
    "",     " 1",   "1 ",      "one",   "1.1.1", "1+1",   "1i",       ".5i",
    "1K",   "1ki",  "1mi",     "0.1am", "1 Gi",  "1Gi ",  "1GiB",     "1GB",
    "1e",   "1e-",  "-3.01e-", "1e+-",  "1e1.5", "1e5m",  "1mm",      "1m5",
    "1eE5", "0x10", "1,5",     "--1",   "+-1",   "1-",    "1e+ 5",    "Pi",
    "Ei",   "e-10", "e",       "i",     "\n1",   "1_000", "\xc2\xbd", "1e99999999999999999999",
    "∞",
};

START_TEST(no_quantity_is_refused) {
  struct quantity q = {77, 77};
  ck_assert_msg(!qty_parse(str_of(invalid[_i]), &q), "\"%s\" is accepted", invalid[_i]);
  ck_assert_int_eq(q.units, 77);
}
END_TEST

START_TEST(a_view_ends_where_it_says) {
  struct quantity q;
  ck_assert(qty_parse((struct str){"1234Gi", 2}, &q));
  ck_assert_int_eq(q.units, 12);
}
END_TEST

static struct quantity of(const char *text) {
  struct quantity q = {0, 0};
  ck_assert_msg(qty_parse(str_of(text), &q), "%s", text);
  return q;
}

static const struct {
  const char *a, *b, *sum;
} sums[] = {
    {"1", "2", "3"},
    {"0.5", "0.5", "1"},
    {"2", "-0.5", "1.5"},
    {"-2", "0.5", "-1.5"},
    {"0.5", "-2", "-1.5"},
    {"-0.5", "-0.6", "-1.1"},
    {"1", "-1.5", "-0.5"},
    {"0.25", "-0.75", "-0.5"},
    {"1.5", "-1.5", "0"},
    {MAX, "1", MAX},
    {MAX, "-1", "9223372036854775806"},
    {"-" MAX, "-1", "-" MAX},
    {"9223372036854775806.9", "0.1", MAX},
};

START_TEST(sums_keep_both_parts_of_one_sign) {
  struct quantity sum = qty_add(of(sums[_i].a), of(sums[_i].b));
  struct quantity turned = qty_add(of(sums[_i].b), of(sums[_i].a));
  ck_assert_msg(qty_cmp(sum, of(sums[_i].sum)) == 0, "%s + %s = %lld + %d nano", sums[_i].a,
                sums[_i].b, (long long)sum.units, sum.nano);
  ck_assert_int_eq(qty_cmp(sum, turned), 0);
}
END_TEST

START_TEST(order_is_that_of_numbers) {
  static const char *const rising[] = {"-1e30", "-2",  "-1.5", "-1",  "-0.5", "-1n", "0",
                                       "1n",    "0.5", "1",    "1.5", "2",    "1e30"};
  for (size_t i = 0; i < SG_ARRAY_LEN(rising); i++)
    for (size_t k = 0; k < SG_ARRAY_LEN(rising); k++) {
      int expected = (i > k) - (i < k);
      ck_assert_msg(qty_cmp(of(rising[i]), of(rising[k])) == expected, "%s and %s", rising[i],
                    rising[k]);
      ck_assert_int_eq(qty_cmp(qty_max(of(rising[i]), of(rising[k])), of(rising[i > k ? i : k])),
                       0);
    }
}
END_TEST

static const struct {
  const char *text;
  int64_t units, milli;
  const char *plain;
} rounded[] = {
    {"0", 0, 0, "0"},
    {"2", 2, 2000, "2"},
    {"1500m", 2, 1500, "1.5"},
    {"-1500m", -1, -1500, "-1.5"},
    {"0.5", 1, 500, "0.5"},
    {"-0.5", 0, -500, "-0.5"},
    {"1n", 1, 1, "0.000000001"},
    {"-1n", 0, 0, "-0.000000001"},
    {"1.0000001", 2, 1001, "1.0000001"},
    {"64Gi", 68719476736, 68719476736000, "68719476736"},
    {MAX, INT64_MAX, INT64_MAX, MAX},
};

START_TEST(rounding_goes_up_and_saturates) {
  CLEANUP_ARENA struct arena *arena = arena_new(256);
  struct quantity q = of(rounded[_i].text);
  ck_assert_int_eq(qty_units_ceil(q), rounded[_i].units);
  ck_assert_int_eq(qty_milli_ceil(q), rounded[_i].milli);
  struct str plain = qty_text(arena, q);
  ck_assert_msg(str_is(plain, rounded[_i].plain), "%.*s", STR_FMT(plain));
}
END_TEST

START_TEST(kinds_of_numbers_are_told_apart) {
  ck_assert(qty_is_whole(of("1000m")));
  ck_assert(!qty_is_whole(of("0.5")));
  ck_assert(qty_is_zero(of("0m")));
  ck_assert(!qty_is_zero(of("1n")));
  ck_assert(qty_is_negative(of("-1n")));
  ck_assert(!qty_is_negative(of("-0")));
}
END_TEST

TCase *tcase_quantity(void) {
  TCase *tc = tcase_create("quantity");
  tcase_add_loop_test(tc, quantity_is_read, 0, SG_ARRAY_LEN(valid));
  tcase_add_loop_test(tc, no_quantity_is_refused, 0, SG_ARRAY_LEN(invalid));
  tcase_add_test(tc, a_view_ends_where_it_says);
  tcase_add_loop_test(tc, sums_keep_both_parts_of_one_sign, 0, SG_ARRAY_LEN(sums));
  tcase_add_test(tc, order_is_that_of_numbers);
  tcase_add_loop_test(tc, rounding_goes_up_and_saturates, 0, SG_ARRAY_LEN(rounded));
  tcase_add_test(tc, kinds_of_numbers_are_told_apart);
  return tc;
}

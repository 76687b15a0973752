/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/mig_fixture.h"

#include "tests/support/check_main.h"
#include "tests/unit/simulate/simulate_suite.h"

#include <math.h>

static double weight_of(const struct mig_fixture *f, const struct mig_mix *mix, const char *name) {
  uint16_t p = mig_fixture_profile(f, name);
  for (size_t w = 0; w < mix->wanted_count; w++)
    if (mix->wanted[w] == p)
      return mix->weights[w];
  return 0;
}

static double sum_of(const struct mig_mix *mix) {
  double sum = 0;
  for (size_t w = 0; w < mix->wanted_count; w++)
    sum += mix->weights[w];
  return sum;
}

/* packing.md 4.B */
static const struct {
  const char *name;
  double weights[6], mean_size;
} families[] = {
    {"uniform", {1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6., 1 / 6.}, 3.5},
    {"skew-small", {.30, .25, .20, .10, .10, .05}, 2.4},
    {"skew-big", {.05, .10, .10, .20, .25, .30}, 4.65},
    {"bimodal", {.30, .15, .05, .05, .15, .30}, 3.9},
};
static const char *const profiles[] = {"1g.10gb", "1g.20gb", "2g.20gb",
                                       "3g.40gb", "4g.40gb", "7g.80gb"};

START_TEST(the_four_mixes_are_those_of_the_suite) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_mix mix;
  struct err err;
  ck_assert(mig_mix_family(f.product, f.mig, (size_t)_i, &mix, &err));
  ck_assert_str_eq(mix.name, families[_i].name);
  ck_assert_str_eq(mig_family_name((size_t)_i), families[_i].name);
  ck_assert_uint_eq(mix.wanted_count, 6);
  for (size_t i = 0; i < 6; i++)
    ck_assert_double_eq_tol(weight_of(&f, &mix, profiles[i]), families[_i].weights[i], 1e-12);
  ck_assert_double_eq_tol(mix.mean_size, families[_i].mean_size, 1e-12);
  mig_fixture_done(&f);
}
END_TEST

START_TEST(other_products_have_mixes_too) {
  size_t count;
  size_t with_placements = 0;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++) {
    struct pack_catalog *catalog = pack_catalog_new();
    const struct pack_mig *mig = pack_catalog_mig(catalog, pack_catalog_add(catalog, &products[i]));
    for (size_t family = 0; mig && family < MIG_FAMILIES; family++) {
      struct mig_mix mix;
      struct err err;
      ck_assert(mig_mix_family(&products[i], mig, family, &mix, &err));
      ck_assert_uint_ge(mix.wanted_count, 2);
      ck_assert_double_eq_tol(sum_of(&mix), 1, 1e-9);
      for (size_t w = 1; w < mix.wanted_count; w++)
        ck_assert_uint_ge(mix.sizes[w], mix.sizes[w - 1]);
    }
    with_placements += mig != NULL;
    pack_catalog_free(catalog);
  }
  ck_assert_uint_gt(with_placements, 5);
}
END_TEST

START_TEST(a_written_mix_is_scaled) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_mix mix;
  struct err err;
  ck_assert(mig_mix_parse(f.product, f.mig, STR_LIT("mine"),
                          STR_LIT("# day shift\n1g.10gb=1.5, 7g.80gb = 0.5\n\n3g.40gb=2 # half\n"
                                  "2g.20gb=0"),
                          &mix, &err));
  ck_assert_str_eq(mix.name, "mine");
  ck_assert_uint_eq(mix.wanted_count, 3);
  ck_assert_double_eq_tol(weight_of(&f, &mix, "1g.10gb"), 0.375, 1e-12);
  ck_assert_double_eq_tol(weight_of(&f, &mix, "7g.80gb"), 0.125, 1e-12);
  ck_assert_double_eq_tol(weight_of(&f, &mix, "3g.40gb"), 0.5, 1e-12);
  ck_assert_double_eq_tol(mix.mean_size, 0.375 + 1 + 2, 1e-12);
  mig_fixture_done(&f);
}
END_TEST

static const struct {
  const char *text, *message;
  unsigned line, column;
} wrong[] = {
    {"", "asks for nothing", 0, 0},
    {"# only this", "asks for nothing", 0, 0},
    {"1g.10gb=0", "asks for nothing", 0, 0},
    {"1g.10gb", "<profile>=<weight>", 1, 1},
    {"1g.10gb=1, 9g.90gb=1", "no such MIG profile", 1, 12},
    {"1g.10gb=1\n 9g.90gb=1", "no such MIG profile", 2, 2},
    {"1g.10gb=-1", "a weight is", 1, 9},
    {"1g.10gb=", "a weight is", 1, 9},
    {"1g.10gb=.", "a weight is", 1, 9},
    {"1g.10gb=1e3", "a weight is", 1, 9},
    {"1g.10gb=nan", "a weight is", 1, 9},
    {"1g.10gb=1.2.3", "a weight is", 1, 9},
    {"1g.10gb=12345678901", "a weight is", 1, 9},
    {"1g.10gb=1,1g.10gb=2", "named twice", 1, 11},
};

START_TEST(what_is_wrong_with_a_mix_is_told_with_its_place) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct mig_mix mix;
  struct err err = {0};
  ck_assert(!mig_mix_parse(f.product, f.mig, STR_LIT("m"), str_of(wrong[_i].text), &mix, &err));
  ck_assert_msg(strstr(err.text, wrong[_i].message), "\"%s\": %s", wrong[_i].text, err.text);
  ck_assert_uint_eq(err.line, wrong[_i].line);
  ck_assert_uint_eq(err.column, wrong[_i].column);
  mig_fixture_done(&f);
}
END_TEST

START_TEST(a_mix_has_a_limit) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  while (text.len <= MIG_MIX_TEXT_MAX)
    buf_append_char(&text, '\n');
  struct mig_mix mix;
  struct err err;
  ck_assert(!mig_mix_parse(f.product, f.mig, STR_LIT("m"), buf_str(&text), &mix, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  mig_fixture_done(&f);
}
END_TEST

START_TEST(random_mixes_are_the_same_for_one_seed) {
  struct mig_fixture f = mig_fixture_of("h100-80gb");
  struct err err;
  struct mig_mix a, b, c;
  for (size_t number = 0; number < 50; number++) {
    ck_assert(mig_mix_random(f.product, f.mig, 5, number, &a, &err));
    ck_assert(mig_mix_random(f.product, f.mig, 5, number, &b, &err));
    ck_assert(mig_mix_random(f.product, f.mig, 6, number, &c, &err));
    ck_assert_mem_eq(&a, &b, sizeof(a));
    ck_assert_double_eq_tol(sum_of(&a), 1, 1e-9);
    ck_assert(fabs(a.weights[0] - c.weights[0]) > 0);
  }
  mig_fixture_done(&f);
}
END_TEST

TCase *tcase_mig_mix(void) {
  TCase *tc = tcase_create("mig_mix");
  tcase_add_loop_test(tc, the_four_mixes_are_those_of_the_suite, 0, MIG_FAMILIES);
  tcase_add_test(tc, other_products_have_mixes_too);
  tcase_add_test(tc, a_written_mix_is_scaled);
  tcase_add_loop_test(tc, what_is_wrong_with_a_mix_is_told_with_its_place, 0, SG_ARRAY_LEN(wrong));
  tcase_add_test(tc, a_mix_has_a_limit);
  tcase_add_test(tc, random_mixes_are_the_same_for_one_seed);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/base.h"

#include <check.h>

TCase *tcase_str(void);

static const struct {
  const char *name, *pattern, *text;
  bool matches;
} globs[] = {
    {"plain text is itself", "kube-system", "kube-system", true},
    {"plain text is nothing more", "kube", "kube-system", false},
    {"a star at the end", "gpu-*", "gpu-operator", true},
    {"a star takes nothing too", "gpu-*", "gpu-", true},
    {"a star in the middle", "a*z", "abcz", true},
    {"a star in the middle, no end", "a*z", "abcy", false},
    {"several stars", "*b*d*", "abcde", true},
    {"the star tries again further on", "*ab", "aab", true},
    {"a question mark is one byte", "a?c", "abc", true},
    {"a question mark is not none", "a?c", "ac", false},
    {"empty matches empty", "", "", true},
    {"empty does not match text", "", "a", false},
    {"only a star", "*", "", true},
    {"service accounts", "gpu-operator/*", "gpu-operator/nvidia-driver", true},
    {"brackets mean nothing", "[a]", "a", false},
};

START_TEST(glob_matches_as_documented) {
  ck_assert_msg(str_glob(str_of(globs[_i].pattern), str_of(globs[_i].text)) == globs[_i].matches,
                "%s: \"%s\" on \"%s\"", globs[_i].name, globs[_i].pattern, globs[_i].text);
}
END_TEST

START_TEST(glob_stays_quick_on_hostile_patterns) {
  char text[4001], pattern[401];
  memset(text, 'a', 4000);
  text[4000] = '\0';
  for (size_t i = 0; i < 400; i += 2) {
    pattern[i] = '*';
    pattern[i + 1] = 'a';
  }
  pattern[399] = 'b';
  pattern[400] = '\0';
  /* An exponential matcher would not come back. */
  ck_assert(!str_glob(str_of(pattern), str_of(text)));
}
END_TEST

static const struct {
  const char *name, *word, *nearest;
} typos[] = {
    {"a letter missing", "lifetme", "lifetime"},
    {"neighbours swapped", "gpu-limtis", "gpu-limits"},
    {"a letter too many", "sharingg", "sharing"},
    {"one replaced", "right-sizo", "right-size"},
    {"nothing near", "xyzzy", ""},
    {"empty", "", ""},
};

START_TEST(nearest_names_plausible_typos) {
  static const struct str names[] = {STR_LIT("gpu-limits"), STR_LIT("lifetime"), STR_LIT("sharing"),
                                     STR_LIT("right-size")};
  struct str found = str_nearest(str_of(typos[_i].word), names, SG_ARRAY_LEN(names));
  ck_assert_msg(str_is(found, typos[_i].nearest), "%s: \"%s\" gave \"%.*s\"", typos[_i].name,
                typos[_i].word, STR_FMT(found));
}
END_TEST

START_TEST(nearest_refuses_giant_words) {
  char word[200];
  memset(word, 'x', sizeof(word));
  struct str name = STR_LIT("x");
  ck_assert_uint_eq(str_nearest((struct str){word, sizeof(word)}, &name, 1).len, 0);
}
END_TEST

START_TEST(views_compare_and_cut) {
  struct str s = STR_LIT("nvidia.com/gpu");
  ck_assert(str_starts_with(s, STR_LIT("nvidia.com/")));
  ck_assert(!str_starts_with(STR_LIT("nv"), s));
  ck_assert(str_ends_with(s, STR_LIT("gpu")));
  ck_assert(!str_ends_with(STR_LIT("u"), STR_LIT("gpu")));
  ck_assert_uint_eq(str_find_char(s, '/'), 10);
  ck_assert_uint_eq(str_find_char(s, '!'), s.len);
  ck_assert(str_is(str_skip(s, 11), "gpu"));
  ck_assert_int_lt(str_cmp(STR_LIT("a"), STR_LIT("ab")), 0);
  ck_assert_int_gt(str_cmp(STR_LIT("b"), STR_LIT("ab")), 0);
  ck_assert_int_eq(str_cmp((struct str){NULL, 0}, STR_LIT("")), 0);
}
END_TEST

START_TEST(printf_makes_long_texts_too) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  char longer[1000];
  memset(longer, 'y', sizeof(longer) - 1);
  longer[sizeof(longer) - 1] = '\0';
  struct str made = str_printf(arena, "%s|%d", longer, 7);
  ck_assert_uint_eq(made.len, sizeof(longer) - 1 + 2);
  ck_assert(str_ends_with(made, STR_LIT("y|7")));
  ck_assert_int_eq(made.ptr[made.len], '\0');
}
END_TEST

/* At the edges of what RFC 3629 lists. */
START_TEST(utf8_characters_are_those_of_the_rfc) {
  static const struct {
    const char *text;
    size_t len;
  } cases[] = {
      {"", 0},
      {"a", 1},
      {"\x7f", 1},
      {"\x80", 0},
      {"\xc1\xbf", 0},
      {"\xc2\x80", 2},
      {"\xdf\xbf", 2},
      {"\xc2", 0},
      {"\xc2\x20", 0},
      {"\xe0\x9f\xbf", 0},
      {"\xe0\xa0\x80", 3},
      {"\xed\x9f\xbf", 3},
      {"\xed\xa0\x80", 0},
      {"\xef\xbf\xbf", 3},
      {"\xe2\x82", 0},
      {"\xf0\x8f\xbf\xbf", 0},
      {"\xf0\x90\x80\x80", 4},
      {"\xf4\x8f\xbf\xbf", 4},
      {"\xf4\x90\x80\x80", 0},
      {"\xf5\x80\x80\x80", 0},
      {"\xf0\x90\x80", 0},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(cases); i++)
    ck_assert_msg(str_utf8_len(str_of(cases[i].text)) == cases[i].len, "case %zu", i);
}
END_TEST

TCase *tcase_str(void) {
  TCase *tc = tcase_create("str");
  tcase_add_loop_test(tc, glob_matches_as_documented, 0, SG_ARRAY_LEN(globs));
  tcase_add_test(tc, glob_stays_quick_on_hostile_patterns);
  tcase_add_loop_test(tc, nearest_names_plausible_typos, 0, SG_ARRAY_LEN(typos));
  tcase_add_test(tc, nearest_refuses_giant_words);
  tcase_add_test(tc, views_compare_and_cut);
  tcase_add_test(tc, utf8_characters_are_those_of_the_rfc);
  tcase_add_test(tc, printf_makes_long_texts_too);
  return tc;
}

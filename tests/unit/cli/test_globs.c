/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/webhook_config.h"
#include "tests/support/random.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

static const struct {
  const char *name;
  const char *globs[5];
  enum glob_precision precision;
  const char *expected;
} tests[] = {
    {"none", {NULL}, GLOB_SUPERSET, "false"},
    {"one literal", {"a"}, GLOB_SUPERSET, "n == 'a'"},
    {"literals", {"a", "b"}, GLOB_SUPERSET, "n in ['a', 'b']"},
    {"literals come first", {"x*", "a", "b"}, GLOB_EXACT, "n in ['a', 'b'] || n.startsWith('x')"},
    {"prefix", {"nvidia.com/*"}, GLOB_EXACT, "n.startsWith('nvidia.com/')"},
    {"suffix", {"*.shared"}, GLOB_EXACT, "n.endsWith('.shared')"},
    {"both", {"a.b/*_c"}, GLOB_EXACT, "n.startsWith('a.b/') && n.endsWith('_c')"},
    {"ends that may overlap", {"ab*bc"}, GLOB_EXACT, "n.matches('(?s)^ab.*bc$')"},
    {"the same, roughly", {"ab*bc"}, GLOB_SUPERSET, "n.startsWith('ab') && n.endsWith('bc')"},
    {"middle", {"a*b*c"}, GLOB_SUPERSET, "n.startsWith('a') && n.contains('b') && n.endsWith('c')"},
    {"middle, exactly", {"a*b*c"}, GLOB_EXACT, "n.matches('(?s)^a.*b.*c$')"},
    {"one character", {"gpu?"}, GLOB_SUPERSET, "n.startsWith('gpu')"},
    {"one character, exactly", {"gpu?.x"}, GLOB_EXACT, "n.matches('(?s)^gpu.\\\\.x$')"},
    {"everything", {"*"}, GLOB_SUPERSET, "true"},
    {"quotes", {"it's\\"}, GLOB_SUPERSET, "n == 'it\\'s\\\\'"},
};

START_TEST(globs_become_tests) {
  struct str globs[5];
  size_t count = 0;
  while (count < 5 && tests[_i].globs[count]) {
    globs[count] = str_of(tests[_i].globs[count]);
    count++;
  }
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  cel_append_globs(&out, "n", &(struct strings){globs, count}, tests[_i].precision);
  ck_assert_msg(strcmp(out.ptr, tests[_i].expected) == 0, "%s: %s", tests[_i].name, out.ptr);
}
END_TEST

static const struct {
  const char *a, *b;
  bool overlap;
} pairs[] = {
    {"a", "a", true},
    {"a", "b", false},
    {"a*", "*b", true},
    {"a*", "b*", false},
    {"", "*", true},
    {"", "?", false},
    {"nvidia.com/*.shared", "nvidia.com/rdma*", true},
    {"nvidia.com/gpu", "nvidia.com/rdma*", false},
    {"?", "a", true},
    {"a?c", "?b?", true},
    {"a?c", "?b", false},
    {"*a*", "*b*", true},
    {"abc", "a*c", true},
    {"abd", "a*c", false},
};

START_TEST(overlaps_are_seen) {
  ck_assert_msg(globs_overlap(str_of(pairs[_i].a), str_of(pairs[_i].b)) == pairs[_i].overlap,
                "%s, %s", pairs[_i].a, pairs[_i].b);
  ck_assert_msg(globs_overlap(str_of(pairs[_i].b), str_of(pairs[_i].a)) == pairs[_i].overlap,
                "%s, %s", pairs[_i].b, pairs[_i].a);
}
END_TEST

/* ---- a slow twin: every text of up to six letters ------------------------------------------- */

static bool some_text_matches(struct str a, struct str b) {
  char text[6];
  for (size_t len = 0; len <= sizeof(text); len++) {
    for (size_t bits = 0; bits < (size_t)1 << len; bits++) {
      for (size_t i = 0; i < len; i++)
        text[i] = bits >> i & 1 ? 'b' : 'a';
      if (str_glob(a, (struct str){text, len}) && str_glob(b, (struct str){text, len}))
        return true;
    }
  }
  return false;
}

/* At most three signs: if two such patterns share a text, they share one of six letters. */
static struct str random_glob(struct random *random, char storage[3]) {
  size_t len = random_below(random, 4);
  for (size_t i = 0; i < len; i++)
    storage[i] = "ab*?"[random_below(random, 4)];
  return (struct str){storage, len};
}

START_TEST(overlaps_agree_with_trying) {
  struct random random;
  random_init(&random, random_seed());
  for (int round = 0; round < 2000; round++) {
    char storage_a[3], storage_b[3];
    struct str a = random_glob(&random, storage_a), b = random_glob(&random, storage_b);
    ck_assert_msg(globs_overlap(a, b) == some_text_matches(a, b), "%.*s, %.*s", STR_FMT(a),
                  STR_FMT(b));
  }
}
END_TEST

TCase *tcase_globs(void) {
  TCase *tcase = tcase_create("globs");
  tcase_add_loop_test(tcase, globs_become_tests, 0, SG_ARRAY_LEN(tests));
  tcase_add_loop_test(tcase, overlaps_are_seen, 0, SG_ARRAY_LEN(pairs));
  tcase_add_test(tcase, overlaps_agree_with_trying);
  return tcase;
}

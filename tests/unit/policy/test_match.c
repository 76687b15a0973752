/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exemptions and overrides as tables: tests/golden/policy/<case>/policy.yaml, and beside
 * it cases.tsv with one line a case: name, subject, expected; tabs between, '#' comments.
 *
 * Subject, words with spaces between: ns=NAME sa=NAME user=NAME groups=A,B nslabels=K=V,...
 * labels=K=V,... A requester or a namespace that is not given is not known.
 * Expected: exempt, or rule=severity words, unknown=NAME for each that was not applied
 * (exactly those), none=true for nothing else to say.
 */
#include "policy_suite.h"

#include <stdio.h>
#include <stdlib.h>

#define CASES "tests/golden/policy"
enum { MAX_ITEMS = 16 };

struct subject {
  struct match_subject subject;
  struct str groups[MAX_ITEMS];
  struct key_value namespace_labels[MAX_ITEMS], labels[MAX_ITEMS];
  struct k8s_namespace ns;
};

/* The text up to `separator`; *rest is what stands behind it. */
static struct str cut(struct str *rest, char separator) {
  size_t at = str_find_char(*rest, separator);
  struct str head = {rest->ptr, at};
  *rest = at < rest->len ? str_skip(*rest, at + 1) : (struct str){NULL, 0};
  return head;
}

static size_t parse_labels(struct str text, struct key_value *ret) {
  size_t count = 0;
  while (text.len) {
    struct str pair = cut(&text, ',');
    ck_assert_uint_lt(count, MAX_ITEMS);
    ret[count].key = cut(&pair, '=');
    ret[count++].value = pair;
  }
  return count;
}

static void parse_word(struct str word, struct subject *ret) {
  struct str key = cut(&word, '=');
  struct match_subject *subject = &ret->subject;
  if (str_is(key, "ns")) {
    subject->ns = word;
  } else if (str_is(key, "sa")) {
    subject->service_account = word;
  } else if (str_is(key, "user")) {
    subject->is_user_known = true;
    subject->user = word;
  } else if (str_is(key, "groups")) {
    size_t count = 0;
    while (word.len)
      ret->groups[count++] = cut(&word, ',');
    subject->is_user_known = true;
    subject->groups = (struct strings){ret->groups, count};
  } else if (str_is(key, "nslabels")) {
    ret->ns.labels = ret->namespace_labels;
    ret->ns.label_count = parse_labels(word, ret->namespace_labels);
    subject->ns_object = &ret->ns;
  } else if (str_is(key, "labels")) {
    subject->object_labels = ret->labels;
    subject->object_label_count = parse_labels(word, ret->labels);
  } else {
    ck_abort_msg("unknown word %.*s", STR_FMT(key));
  }
}

static bool expectation_holds(struct str expected, const struct effective *effective) {
  size_t unknown = 0;
  bool wants_exempt = false;
  while (expected.len) {
    struct str value = cut(&expected, ' ');
    struct str key = cut(&value, '=');
    enum rule_id rule;
    if (str_is(key, "exempt")) {
      wants_exempt = true;
    } else if (str_is(key, "none")) {
      continue;
    } else if (str_is(key, "unknown")) {
      if (unknown >= effective->unknown_count || !str_eq(effective->unknown[unknown], value))
        return false;
      unknown++;
    } else {
      ck_assert_msg(rule_parse(key, &rule), "unknown rule %.*s", STR_FMT(key));
      if (!str_is(value, severity_name(effective->severities[rule])))
        return false;
    }
  }
  return unknown == effective->unknown_count && wants_exempt == effective->is_exempt;
}

static void print_effective(const struct effective *effective) {
  fprintf(stderr, "  came:%s", effective->is_exempt ? " exempt" : "");
  for (int rule = 0; rule < RULE_COUNT; rule++)
    fprintf(stderr, " %s=%s", rule_name((enum rule_id)rule),
            severity_name(effective->severities[rule]));
  for (size_t i = 0; i < effective->unknown_count; i++)
    fprintf(stderr, " unknown=%.*s", STR_FMT(effective->unknown[i]));
  fputc('\n', stderr);
}

static size_t run_cases(const char *folder, const struct policy_view *view, struct str lines,
                        size_t *ret_count) {
  size_t wrong = 0;
  for (unsigned number = 1; lines.len; number++) {
    struct str line = cut(&lines, '\n');
    if (line.len == 0 || line.ptr[0] == '#')
      continue;
    struct str name = cut(&line, '\t');
    struct str words = cut(&line, '\t');
    struct subject subject = {.subject = {.ns = STR_LIT("default")}};
    while (words.len)
      parse_word(cut(&words, ' '), &subject);
    struct effective effective;
    policy_effective(view, &subject.subject, &effective);
    ++*ret_count;
    if (expectation_holds(line, &effective))
      continue;
    fprintf(stderr, CASES "/%s/cases.tsv:%u: %.*s: expected %.*s\n", folder, number, STR_FMT(name),
            STR_FMT(line));
    print_effective(&effective);
    wrong++;
  }
  return wrong;
}

START_TEST(cases_hold) {
  struct folders folders = folders_list(CASES);
  size_t wrong = 0, count = 0;
  for (size_t i = 0; i < folders.count; i++) {
    char path[512];
    snprintf(path, sizeof(path), CASES "/%s/policy.yaml", folders.names[i]);
    char *text = read_text(path);
    CLEANUP_POLICY struct policy *policy = must_read(text);
    free(text);
    snprintf(path, sizeof(path), CASES "/%s/cases.tsv", folders.names[i]);
    text = read_text(path);
    wrong += run_cases(folders.names[i], policy_get(policy), str_of(text), &count);
    free(text);
  }
  folders_done(&folders);
  ck_assert_msg(wrong == 0, "%zu of %zu cases differ", wrong, count);
  ck_assert_uint_ge(count, 50);
}
END_TEST

START_TEST(names_of_many_unknown_overrides_are_bounded) {
  CLEANUP_BUF struct buf spec;
  buf_init(&spec, 1 << 16);
  buf_append_cstr(&spec, "  overrides:\n");
  for (int i = 0; i < 20; i++)
    buf_printf(&spec, "  - {name: o%d, match: {users: [u]}, rules: {spot: deny}}\n", i);
  CLEANUP_POLICY struct policy *policy = must_read_spec(spec.ptr);
  struct match_subject subject = {.ns = STR_LIT("a")};
  struct effective effective;
  policy_effective(policy_get(policy), &subject, &effective);
  ck_assert_uint_eq(effective.unknown_count, SG_ARRAY_LEN(effective.unknown));
  ck_assert(effective.severities[RULE_SPOT] == SEVERITY_WARN);
}
END_TEST

START_TEST(parameters_of_overrides) {
  CLEANUP_POLICY struct policy *policy =
      must_read_spec("  rules: {lifetime: {severity: warn, maximum: {dev: 1h}, services: true}}\n"
                     "  overrides:\n"
                     "  - name: a\n"
                     "    match: {namespaces: [a, b]}\n"
                     "    rules: {lifetime: {maximum: {dev: 2h}}}\n"
                     "  - name: b\n"
                     "    match: {namespaces: [b, c]}\n"
                     "    rules: {lifetime: {severity: deny}}\n");
  static const struct {
    const char *ns;
    int64_t seconds;
    enum severity severity;
  } rows[] = {{"a", 7200, SEVERITY_WARN},
              {"b", 7200, SEVERITY_DENY},
              {"c", 3600, SEVERITY_DENY},
              {"d", 3600, SEVERITY_WARN}};
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    struct match_subject subject = {.ns = str_of(rows[i].ns)};
    struct effective effective;
    policy_effective(policy_get(policy), &subject, &effective);
    ck_assert_msg(effective.severities[RULE_LIFETIME] == rows[i].severity, "%s", rows[i].ns);
    ck_assert_int_eq(effective.params[P_LIFETIME_MAXIMUM]->environments.items[0].seconds,
                     rows[i].seconds);
    ck_assert(effective.params[P_LIFETIME_SERVICES]->truth);
    ck_assert(effective.params[P_TOLERATION_MUTATE]->truth);
  }
}
END_TEST

TCase *case_match(void) {
  TCase *tcase = tcase_create("match");
  tcase_add_test(tcase, cases_hold);
  tcase_add_test(tcase, names_of_many_unknown_overrides_are_bounded);
  tcase_add_test(tcase, parameters_of_overrides);
  return tcase;
}

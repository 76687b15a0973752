/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies and random objects, against a twin that is written as the documentation
 * says it: go through the overrides once for each rule and each parameter, and keep the
 * last that applies. Names come from alphabets so small that things often match.
 */
#include "policy_suite.h"
#include "tests/support/random.h"

#include <stdio.h>

enum { POLICIES = 150, SUBJECTS = 60, MAX_OVERRIDES = 7 };

static const char *const namespaces[] = {"a", "b", "ab", "abc", ""};
static const char *const globs[] = {"a", "b", "a*", "*b", "?b", "*"};
static const char *const values[] = {"x", "y", "xy"};
static const char *const value_globs[] = {"x", "y", "x*", "*"};
static const char *const words[] = {"off", "audit", "warn", "deny"};
#define PICK(random, list) ((list)[random_below((random), SG_ARRAY_LEN(list))])

struct twin_override {
  const char *ns_glob, *account_glob, *user_glob, *group_glob; /* NULL: not given */
  const char *namespace_label, *object_label;                  /* value of label "k" */
  int severity;                                                /* of right-size; -1: not said */
  int max_count; /* gpu-limits.maxPerContainer; -1: not said */
};

struct twin {
  struct twin_override overrides[MAX_OVERRIDES];
  size_t count;
  int severity;
};

static void make_override(struct random *random, struct twin_override *ret) {
  *ret = (struct twin_override){.severity = -1, .max_count = -1};
  while (!ret->ns_glob && !ret->account_glob && !ret->user_glob && !ret->group_glob &&
         !ret->namespace_label && !ret->object_label) {
    ret->ns_glob = random_one_in(random, 2) ? PICK(random, globs) : NULL;
    ret->account_glob = random_one_in(random, 4) ? PICK(random, globs) : NULL;
    ret->user_glob = random_one_in(random, 4) ? PICK(random, globs) : NULL;
    ret->group_glob = random_one_in(random, 6) ? PICK(random, globs) : NULL;
    ret->namespace_label = random_one_in(random, 3) ? PICK(random, value_globs) : NULL;
    ret->object_label = random_one_in(random, 3) ? PICK(random, value_globs) : NULL;
  }
  /* With labels of the object: a severity above off, and no parameter. */
  if (ret->object_label) {
    ret->severity = 1 + (int)random_below(random, 3);
    return;
  }
  while (ret->severity < 0 && ret->max_count < 0) {
    ret->severity = random_one_in(random, 2) ? (int)random_below(random, 4) : -1;
    ret->max_count = random_one_in(random, 2) ? (int)random_below(random, 9) : -1;
  }
}

static void write_override(struct buf *out, const struct twin_override *override, size_t index) {
  buf_printf(out, "  - name: o%zu\n    match:\n", index);
  if (override->ns_glob)
    buf_printf(out, "      namespaces: [nothing, \"%s\"]\n", override->ns_glob);
  if (override->account_glob)
    buf_printf(out, "      podServiceAccounts: [\"*/%s\"]\n", override->account_glob);
  if (override->user_glob)
    buf_printf(out, "      users: [\"%s\"]\n", override->user_glob);
  if (override->group_glob)
    buf_printf(out, "      groups: [\"%s\"]\n", override->group_glob);
  if (override->namespace_label)
    buf_printf(out, "      namespaceLabels: {k: \"%s\"}\n", override->namespace_label);
  if (override->object_label)
    buf_printf(out, "      objectLabels: {k: \"%s\"}\n", override->object_label);
  buf_append_cstr(out, "    rules:\n");
  if (override->severity >= 0)
    buf_printf(out, "      right-size: {severity: %s}\n", words[override->severity]);
  if (override->max_count >= 0)
    buf_printf(out, "      gpu-limits: {maxPerContainer: %d}\n", override->max_count);
}

static struct policy *make_policy(struct random *random, struct twin *ret) {
  CLEANUP_BUF struct buf spec;
  buf_init(&spec, 1 << 16);
  ret->count = 1 + random_below(random, MAX_OVERRIDES);
  ret->severity = (int)random_below(random, 4);
  buf_printf(&spec, "  exempt: {}\n  rules: {right-size: %s}\n  overrides:\n",
             words[ret->severity]);
  for (size_t i = 0; i < ret->count; i++) {
    make_override(random, &ret->overrides[i]);
    write_override(&spec, &ret->overrides[i], i);
  }
  return must_read_spec(spec.ptr);
}

struct made_subject {
  struct match_subject subject;
  struct str group;
  struct key_value ns_label, object_label;
  struct k8s_namespace ns;
};

static void make_subject(struct random *random, struct made_subject *ret) {
  *ret = (struct made_subject){0};
  struct match_subject *subject = &ret->subject;
  subject->ns = str_of(PICK(random, namespaces));
  subject->service_account = str_of(PICK(random, namespaces));
  subject->is_user_known = !random_one_in(random, 3);
  subject->user = str_of(PICK(random, namespaces));
  if (random_one_in(random, 2)) {
    ret->group = str_of(PICK(random, namespaces));
    subject->groups = (struct strings){&ret->group, 1};
  }
  if (!random_one_in(random, 3)) {
    ret->ns_label = (struct key_value){STR_LIT("k"), str_of(PICK(random, values))};
    ret->ns.labels = &ret->ns_label;
    ret->ns.label_count = !random_one_in(random, 4);
    subject->ns_object = &ret->ns;
  }
  if (random_one_in(random, 2)) {
    ret->object_label = (struct key_value){STR_LIT("k"), str_of(PICK(random, values))};
    subject->object_labels = &ret->object_label;
    subject->object_label_count = 1;
  }
}

static bool glob(const char *pattern, struct str text) {
  return str_glob(str_of(pattern), text);
}

/* 0 no, 1 yes, 2 not known. */
static int twin_match(const struct twin_override *o, const struct match_subject *s) {
  bool no = false, unknown = false;
  struct str account = s->service_account.len ? s->service_account : STR_LIT("default");
  no |= o->ns_glob && !glob(o->ns_glob, s->ns);
  no |= o->account_glob && !glob(o->account_glob, account);
  no |= o->object_label &&
        !(s->object_label_count && glob(o->object_label, s->object_labels[0].value));
  if (o->namespace_label && s->ns.len == 0)
    no = true;
  else if (o->namespace_label && !s->ns_object)
    unknown = true;
  else if (o->namespace_label)
    no |=
        s->ns_object->label_count == 0 || !glob(o->namespace_label, s->ns_object->labels[0].value);
  if ((o->user_glob || o->group_glob) && !s->is_user_known)
    unknown = true;
  if (s->is_user_known) {
    no |= o->user_glob && !glob(o->user_glob, s->user);
    no |= o->group_glob && !(s->groups.count && glob(o->group_glob, s->groups.items[0]));
  }
  return no ? 0 : unknown ? 2 : 1;
}

static void compare(const struct policy_view *view, const struct twin *twin,
                    const struct match_subject *subject) {
  struct effective effective;
  policy_effective(view, subject, &effective);
  int severity = twin->severity;
  int max_count = 0;
  size_t unknown = 0;
  for (size_t i = 0; i < twin->count; i++) {
    const struct twin_override *override = &twin->overrides[i];
    int matches = twin_match(override, subject);
    if (matches == 2) {
      char name[32];
      snprintf(name, sizeof(name), "o%zu", i);
      ck_assert_uint_lt(unknown, effective.unknown_count);
      ck_str_is(effective.unknown[unknown], name);
      unknown++;
    }
    if (matches != 1)
      continue;
    if (override->severity >= 0 && (!override->object_label || override->severity > severity))
      severity = override->severity;
    if (override->max_count >= 0)
      max_count = override->max_count;
  }
  ck_assert_int_eq((int)effective.severities[RULE_RIGHT_SIZE], severity);
  ck_assert_int_eq(effective.params[P_LIMITS_MAX_PER_CONTAINER]->number, max_count);
  ck_assert_uint_eq(effective.unknown_count, unknown);
}

START_TEST(overrides_agree_with_their_description) {
  struct random random;
  random_init(&random, random_seed());
  for (int i = 0; i < POLICIES; i++) {
    struct twin twin;
    CLEANUP_POLICY struct policy *policy = make_policy(&random, &twin);
    for (int k = 0; k < SUBJECTS; k++) {
      struct made_subject made;
      make_subject(&random, &made);
      compare(policy_get(policy), &twin, &made.subject);
    }
  }
}
END_TEST

/* Whatever labels an object carries: no rule is less strict than without them. */
START_TEST(labels_of_the_object_never_loosen) {
  struct random random;
  random_init(&random, random_seed());
  for (int i = 0; i < POLICIES; i++) {
    struct twin twin;
    CLEANUP_POLICY struct policy *policy = make_policy(&random, &twin);
    for (int k = 0; k < SUBJECTS; k++) {
      struct made_subject made;
      make_subject(&random, &made);
      struct match_subject bare = made.subject;
      bare.object_label_count = 0;
      struct effective with, without;
      policy_effective(policy_get(policy), &made.subject, &with);
      policy_effective(policy_get(policy), &bare, &without);
      ck_assert_int_ge((int)with.severities[RULE_RIGHT_SIZE],
                       (int)without.severities[RULE_RIGHT_SIZE]);
      ck_assert_mem_eq(with.params, without.params, sizeof(with.params));
      ck_assert(with.is_exempt == without.is_exempt);
    }
  }
}
END_TEST

TCase *case_overrides(void) {
  TCase *tcase = tcase_create("overrides");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, overrides_agree_with_their_description);
  tcase_add_test(tcase, labels_of_the_object_never_loosen);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does this exemption or override concern this object? Three answers: what is not known
 * (the requester in `slicegate check`, a namespace's labels without the namespace) is
 * neither yes nor no. One small function a condition.
 */
#include "slicegate/policy.h"

bool strings_match(const struct strings *globs, struct str text) {
  for (size_t i = 0; i < globs->count; i++) {
    if (str_glob(globs->items[i], text))
      return true;
  }
  return false;
}

static enum match_result yes_if(bool is_match) {
  return is_match ? MATCH_YES : MATCH_NO;
}

/* "namespace/name" without joining the two: the first slash of the pattern parts it. */
static bool account_match(struct str pattern, struct str ns, struct str name) {
  size_t slash = str_find_char(pattern, '/');
  if (slash == pattern.len)
    return false;
  return str_glob((struct str){pattern.ptr, slash}, ns) &&
         str_glob(str_skip(pattern, slash + 1), name);
}

static enum match_result match_accounts(const struct match *match,
                                        const struct match_subject *subject) {
  struct str name = subject->service_account.len ? subject->service_account : STR_LIT("default");
  for (size_t i = 0; i < match->pod_service_accounts.count; i++) {
    if (account_match(match->pod_service_accounts.items[i], subject->ns, name))
      return MATCH_YES;
  }
  return MATCH_NO;
}

static enum match_result match_users(const struct match *match,
                                     const struct match_subject *subject) {
  if (!subject->is_user_known)
    return MATCH_UNKNOWN;
  return yes_if(strings_match(&match->users, subject->user));
}

static enum match_result match_groups(const struct match *match,
                                      const struct match_subject *subject) {
  if (!subject->is_user_known)
    return MATCH_UNKNOWN;
  for (size_t i = 0; i < subject->groups.count; i++) {
    if (strings_match(&match->groups, subject->groups.items[i]))
      return MATCH_YES;
  }
  return MATCH_NO;
}

/* The API server gives every namespace its own name as a label: known even without it. */
static enum match_result match_namespace_label(const struct key_value *wanted,
                                               const struct match_subject *subject) {
  if (subject->ns.len == 0)
    return MATCH_NO; /* a cluster-scoped object has no namespace */
  if (str_is(wanted->key, "kubernetes.io/metadata.name"))
    return yes_if(str_glob(wanted->value, subject->ns));
  if (!subject->ns_object)
    return MATCH_UNKNOWN;
  const struct str *value =
      kv_find(subject->ns_object->labels, subject->ns_object->label_count, wanted->key);
  return yes_if(value && str_glob(wanted->value, *value));
}

static enum match_result match_namespace_labels(const struct match *match,
                                                const struct match_subject *subject) {
  enum match_result all = MATCH_YES;
  for (size_t i = 0; i < match->namespace_label_count; i++) {
    enum match_result one = match_namespace_label(&match->namespace_labels[i], subject);
    if (one == MATCH_NO)
      return MATCH_NO;
    if (one == MATCH_UNKNOWN)
      all = MATCH_UNKNOWN;
  }
  return all;
}

static enum match_result match_object_labels(const struct match *match,
                                             const struct match_subject *subject) {
  for (size_t i = 0; i < match->object_label_count; i++) {
    const struct key_value *wanted = &match->object_labels[i];
    const struct str *value =
        kv_find(subject->object_labels, subject->object_label_count, wanted->key);
    if (!value || !str_glob(wanted->value, *value))
      return MATCH_NO;
  }
  return MATCH_YES;
}

enum { CONDITION_COUNT = 6 };

/* The answers to what is given; the number of them. */
static size_t answer(const struct match *match, const struct match_subject *subject,
                     enum match_result ret[CONDITION_COUNT]) {
  size_t count = 0;
  if (match->namespaces.count)
    ret[count++] = yes_if(strings_match(&match->namespaces, subject->ns));
  if (match->pod_service_accounts.count)
    ret[count++] = match_accounts(match, subject);
  if (match->object_label_count)
    ret[count++] = match_object_labels(match, subject);
  if (match->namespace_label_count)
    ret[count++] = match_namespace_labels(match, subject);
  if (match->users.count)
    ret[count++] = match_users(match, subject);
  if (match->groups.count)
    ret[count++] = match_groups(match, subject);
  return count;
}

enum match_result match_evaluate(const struct match *match, const struct match_subject *subject) {
  enum match_result answers[CONDITION_COUNT];
  size_t count = answer(match, subject, answers);
  enum match_result all = MATCH_YES;
  for (size_t i = 0; i < count; i++) {
    if (answers[i] == MATCH_NO)
      return MATCH_NO;
    if (answers[i] == MATCH_UNKNOWN)
      all = MATCH_UNKNOWN;
  }
  return all;
}

enum match_result match_evaluate_any(const struct match *match,
                                     const struct match_subject *subject) {
  enum match_result answers[CONDITION_COUNT];
  size_t count = answer(match, subject, answers);
  enum match_result any = MATCH_NO;
  for (size_t i = 0; i < count; i++) {
    if (answers[i] == MATCH_YES)
      return MATCH_YES;
    if (answers[i] == MATCH_UNKNOWN)
      any = MATCH_UNKNOWN;
  }
  return any;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of spec.exempt and of overrides[].match. */
#include "policy_internal.h"

#include <stddef.h>

void read_label_globs(struct reader *r, const struct field_path *at, const struct doc_node *node,
                      const struct key_value **ret, size_t *ret_count) {
  *ret = NULL;
  *ret_count = 0;
  if (!reader_expect(r, at, node, DOC_MAPPING, "a mapping of labels such as {tier: free}"))
    return;
  struct key_value *pairs = arena_array(r->arena, node->count, sizeof(*pairs));
  size_t count = 0;
  for (size_t i = 0; i < node->count; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    struct field_path path = {.parent = at, .key = pair->key};
    if (is_shadowed(node, i))
      continue;
    if (!form_label_key.is_valid(pair->key))
      reader_error_key(r, &path, pair, "is no label key, expected %s", form_label_key.expected);
    else if (reader_text(r, &path, &pair->value, &form_label_value_glob, &pairs[count].value))
      pairs[count++].key = str_copy(r->arena, pair->key);
  }
  *ret = pairs;
  *ret_count = count;
}

static void read_namespace_labels(struct reader *r, const struct field_path *at,
                                  const struct doc_pair *pair, const struct key_row *row,
                                  void *target) {
  (void)row;
  struct match *match = target;
  read_label_globs(r, at, &pair->value, &match->namespace_labels, &match->namespace_label_count);
}

static void read_object_labels(struct reader *r, const struct field_path *at,
                               const struct doc_pair *pair, const struct key_row *row,
                               void *target) {
  (void)row;
  struct match *match = target;
  read_label_globs(r, at, &pair->value, &match->object_labels, &match->object_label_count);
}

static void refuse_object_labels(struct reader *r, const struct field_path *at,
                                 const struct doc_pair *pair, const struct key_row *row,
                                 void *target) {
  (void)row;
  (void)target;
  reader_error_key(r, at, pair,
                   "cannot exempt: whoever writes an object chooses its labels; use "
                   "namespaceLabels, or podServiceAccounts");
}

#define NAMESPACES                                                                                 \
  {                                                                                                \
    .key = "namespaces", .kind = DOC_SEQUENCE, .expected = "a list such as [\"research-*\"]",      \
    .read = read_texts_key, .offset = offsetof(struct match, namespaces),                          \
    .extra = &form_namespace_glob, .help = "Namespace of the object (patterns)."                   \
  }
#define NAMESPACE_LABELS                                                                           \
  {                                                                                                \
    .key = "namespaceLabels", .kind = DOC_MAPPING,                                                 \
    .expected = "a mapping of labels such as {tier: free}", .read = read_namespace_labels,         \
    .help = "Labels of the object's namespace; all of them must be there (values are patterns).",  \
    .offline = "Known with --cluster (namespaces recorded), and kubernetes.io/metadata.name "      \
               "always; without, the entry is not applied and is named."                           \
  }
#define POD_SERVICE_ACCOUNTS                                                                       \
  {                                                                                                \
    .key = "podServiceAccounts", .kind = DOC_SEQUENCE,                                             \
    .expected = "a list such as [\"gpu-operator/*\"]", .read = read_texts_key,                     \
    .offset = offsetof(struct match, pod_service_accounts), .extra = &form_account_glob,           \
    .help = "Service account that the pods run as, namespace/name (patterns). The namespace is "   \
            "the object's own, so nobody can borrow an account of another one."                    \
  }
#define USERS                                                                                      \
  {                                                                                                \
    .key = "users", .kind = DOC_SEQUENCE, .expected = "a list such as [alice]",                    \
    .read = read_texts_key, .offset = offsetof(struct match, users), .extra = &form_user_glob,     \
    .help = "Who sends the request (patterns). For the pods of a Deployment or Job that is a "     \
            "controller, not who applied it.",                                                     \
    .offline = "The requester is not known to `check`: the entry is not applied and is named."     \
  }
#define GROUPS                                                                                     \
  {                                                                                                \
    .key = "groups", .kind = DOC_SEQUENCE, .expected = "a list such as [platform-admins]",         \
    .read = read_texts_key, .offset = offsetof(struct match, groups), .extra = &form_user_glob,    \
    .help = "A group of who sends the request (patterns).",                                        \
    .offline = "The requester is not known to `check`: the entry is not applied and is named."     \
  }

static const struct key_row exempt_rows[] = {
    NAMESPACES,
    NAMESPACE_LABELS,
    POD_SERVICE_ACCOUNTS,
    USERS,
    GROUPS,
    {.key = "objectLabels", .kind = KIND_ANY, .read = refuse_object_labels},
};
const struct key_table exempt_keys = {exempt_rows, SG_ARRAY_LEN(exempt_rows)};

static const struct key_row match_rows[] = {
    NAMESPACES,
    NAMESPACE_LABELS,
    POD_SERVICE_ACCOUNTS,
    USERS,
    GROUPS,
    {.key = "objectLabels",
     .kind = DOC_MAPPING,
     .expected = "a mapping of labels such as {slicegate.dev/environment: production}",
     .read = read_object_labels,
     .help = "Labels of the object; all of them must be there (values are patterns). Whoever "
             "writes the object chooses them: such an override sets severities only, and each "
             "counts only where it is stricter than what held before. Not in exempt."},
};
const struct key_table match_keys = {match_rows, SG_ARRAY_LEN(match_rows)};

void read_exempt(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                 struct match *ret) {
  *ret = (struct match){0};
  reader_mapping(r, at, &pair->value, exempt_keys, ret);
}

void read_match(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                struct match *ret) {
  *ret = (struct match){0};
  if (reader_mapping(r, at, &pair->value, match_keys, ret) && pair->value.count == 0)
    reader_error_value(r, at, &pair->value,
                       "is empty, which would match everything; set spec.rules instead");
}

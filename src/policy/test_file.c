/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules-plus-cases files (kind: GPUPolicyTest), read by the same machinery as policies.
 * Only the reader: what the cases come to is told by the command, which can decode
 * objects and judge them.
 */
#include "policy_internal.h"

#include <stddef.h>

/* ---- expect ------------------------------------------------------------------------------- */

static void read_verdict(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                         const struct key_row *row, void *target) {
  (void)row;
  static const struct str words[] = {{"deny", 4}, {"warn", 4}, {"allow", 5}};
  static const enum severity verdicts[] = {SEVERITY_DENY, SEVERITY_WARN, SEVERITY_OFF};
  struct policy_case *test = target;
  size_t index;
  if (reader_word(r, at, &pair->value, words, SG_ARRAY_LEN(words), &index))
    test->verdict = verdicts[index];
}

static void read_expected_rules(struct reader *r, const struct field_path *at,
                                const struct doc_pair *pair, const struct key_row *row,
                                void *target) {
  (void)row;
  struct policy_case *test = target;
  struct str names[RULE_COUNT];
  bool is_listed[RULE_COUNT] = {false};
  for (int rule = 0; rule < RULE_COUNT; rule++)
    names[rule] = str_of(rule_name((enum rule_id)rule));
  test->has_rules = true;
  for (size_t i = 0; i < pair->value.count; i++) {
    struct field_path path = {.parent = at, .index = i};
    size_t index;
    if (reader_word(r, &path, &pair->value.items[i], names, RULE_COUNT, &index))
      is_listed[index] = true;
  }
  for (int rule = 0; rule < RULE_COUNT; rule++) {
    if (is_listed[rule])
      test->rules[test->rule_count++] = (enum rule_id)rule;
  }
}

static const struct key_row expect_rows[] = {
    {.key = "verdict",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "deny, warn or allow",
     .read = read_verdict},
    {.key = "rules",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list of rules such as [gpu-limits]",
     .read = read_expected_rules},
    {.key = "message",
     .kind = KIND_ANY,
     .expected = "a part of the message",
     .read = read_text_key,
     .offset = offsetof(struct policy_case, message),
     .extra = &form_any},
};

/* ---- cases --------------------------------------------------------------------------------- */

static void read_object(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                        const struct key_row *row, void *target) {
  (void)r;
  (void)at;
  *(const struct doc_node **)((char *)target + row->offset) = &pair->value;
}

static void read_user(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                      const struct key_row *row, void *target) {
  struct policy_case *test = target;
  test->is_user_known = true;
  read_text_key(r, at, pair, row, target);
}

static void read_groups(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                        const struct key_row *row, void *target) {
  struct policy_case *test = target;
  test->is_user_known = true;
  read_texts_key(r, at, pair, row, target);
}

/* The namespace's real labels: values are taken as they are, not as patterns. */
static void read_case_labels(struct reader *r, const struct field_path *at,
                             const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)row;
  struct policy_case *test = target;
  const struct doc_node *node = &pair->value;
  struct key_value *labels = arena_array(r->arena, node->count, sizeof(*labels));
  size_t count = 0;
  for (size_t i = 0; i < node->count; i++) {
    struct field_path path = {.parent = at, .key = node->pairs[i].key};
    const struct doc_node *value = &node->pairs[i].value;
    if (is_shadowed(node, i))
      continue;
    if (reader_expect(r, &path, value, DOC_STRING, "a label value"))
      labels[count++] = (struct key_value){str_copy(r->arena, node->pairs[i].key),
                                           str_copy(r->arena, value->text)};
  }
  test->has_namespace_labels = true;
  test->namespace_labels = labels;
  test->namespace_label_count = count;
}

static void read_expect(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                        const struct key_row *row, void *target) {
  (void)row;
  reader_mapping(r, at, &pair->value, KEY_TABLE(expect_rows), target);
}

static const struct key_row case_rows[] = {
    {.key = "name",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "what the case shows, such as \"a fractional GPU is refused\"",
     .read = read_text_key,
     .offset = offsetof(struct policy_case, name),
     .extra = &form_any},
    {.key = "object",
     .kind = DOC_MAPPING,
     .expected = "a manifest",
     .read = read_object,
     .offset = offsetof(struct policy_case, object)},
    {.key = "file",
     .kind = KIND_ANY,
     .expected = "a file with one manifest",
     .read = read_text_key,
     .offset = offsetof(struct policy_case, object_file),
     .extra = &form_file_name},
    {.key = "oldObject",
     .kind = DOC_MAPPING,
     .expected = "a manifest",
     .read = read_object,
     .offset = offsetof(struct policy_case, old_object)},
    {.key = "user",
     .kind = KIND_ANY,
     .expected = "a user name",
     .read = read_user,
     .offset = offsetof(struct policy_case, user),
     .extra = &form_any},
    {.key = "groups",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list of groups",
     .read = read_groups,
     .offset = offsetof(struct policy_case, groups),
     .extra = &form_any},
    {.key = "namespaceLabels",
     .kind = DOC_MAPPING,
     .may_be_empty = true,
     .expected = "a mapping of labels such as {tier: free}",
     .read = read_case_labels},
    {.key = "expect",
     .kind = DOC_MAPPING,
     .is_required = true,
     .expected = "a mapping such as {verdict: deny, rules: [gpu-limits]}",
     .read = read_expect},
};

static void read_cases(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                       const struct key_row *row, void *target) {
  (void)row;
  struct policy_test *test = target;
  struct policy_case *cases = arena_array(r->arena, pair->value.count, sizeof(*cases));
  size_t count = 0;
  for (size_t i = 0; i < pair->value.count; i++) {
    const struct doc_node *node = &pair->value.items[i];
    struct field_path path = {.parent = at, .index = i};
    cases[count] = (struct policy_case){.line = node->line, .column = node->column};
    if (!reader_mapping(r, &path, node, KEY_TABLE(case_rows), &cases[count]))
      continue;
    bool has_object = doc_get_lit(node, "object") != NULL;
    bool has_file = doc_get_lit(node, "file") != NULL;
    if (has_object == has_file && !has_unknown_key(node, KEY_TABLE(case_rows)))
      reader_error_value(r, &path, node, "has %s, expected exactly one of object and file",
                         has_object ? "both object and file" : "neither object nor file");
    count++;
  }
  test->cases = cases;
  test->case_count = count;
}

/* ---- the document ---------------------------------------------------------------------------- */

static void read_policy(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                        const struct key_row *row, void *target) {
  (void)row;
  struct policy_test *test = target;
  if (pair->value.kind == DOC_MAPPING)
    test->policy_inline = &pair->value;
  else
    (void)reader_text(
        r, at, &pair->value,
        &(struct text_form){"a file name, or a policy as a mapping", form_file_name.is_valid},
        &test->policy_file);
}

static void read_now(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                     const struct key_row *row, void *target) {
  struct policy_test *test = target;
  read_text_key(r, at, pair, row, target);
  test->now_line = pair->value.line;
  test->now_column = pair->value.column;
}

static void read_constant(struct reader *r, const struct field_path *at,
                          const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)target;
  if (!doc_is(&pair->value, DOC_STRING) || !str_is(pair->value.text, row->extra))
    reader_error_value(r, at, &pair->value, "expected %s", (const char *)row->extra);
}

static const struct key_row test_rows[] = {
    {.key = "apiVersion",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "slicegate.dev/v1alpha1",
     .read = read_constant,
     .extra = "slicegate.dev/v1alpha1"},
    {.key = "kind",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "GPUPolicyTest",
     .read = read_constant,
     .extra = "GPUPolicyTest"},
    {.key = "policy",
     .kind = KIND_ANY,
     .expected = "a file name, or a policy as a mapping",
     .read = read_policy},
    {.key = "cluster",
     .kind = KIND_ANY,
     .expected = "a file name",
     .read = read_text_key,
     .offset = offsetof(struct policy_test, cluster_file),
     .extra = &form_file_name},
    {.key = "now",
     .kind = KIND_ANY,
     .expected = "a time such as 2026-01-01T00:00:00Z",
     .read = read_now,
     .offset = offsetof(struct policy_test, now),
     .extra = &form_time},
    {.key = "cases",
     .kind = DOC_SEQUENCE,
     .is_required = true,
     .expected = "a list of cases",
     .read = read_cases},
};

bool policy_test_read(struct str text, struct arena *arena, struct policy_test *ret,
                      struct policy_errors *ret_errors) {
  struct reader r = {.arena = arena, .scratch = arena};
  struct doc_stream stream;
  struct err err;
  *ret = (struct policy_test){0};
  if (!doc_parse_yaml(arena, text, &doc_limits_review, &stream, &err)) {
    reader_error(&r, NULL, err.line ? err.line : 1, err.column ? err.column : 1, "%s", err.text);
  } else {
    reader_note_problems(&r, stream.count ? stream.documents[0] : NULL, &stream);
    if (stream.count == 0)
      reader_error(&r, NULL, 1, 1, "the file is empty, expected a GPUPolicyTest");
    for (size_t i = 1; i < stream.count; i++)
      reader_error_value(&r, NULL, stream.documents[i],
                         "is a further document, expected one GPUPolicyTest in a file");
    if (stream.count)
      reader_mapping(&r, NULL, stream.documents[0], KEY_TABLE(test_rows), ret);
  }
  reader_take_errors(&r, ret_errors);
  return ret_errors->count == 0;
}

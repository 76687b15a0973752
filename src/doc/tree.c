/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a tree: look-ups, conversions, equality. */
#include "doc_internal.h"

const struct doc_limits doc_limits_review = {10 << 20, 200, 2000000};
const struct doc_limits doc_limits_manifest = {256 << 20, 200, 16000000};
const struct doc_limits doc_limits_cluster = {(size_t)1 << 30, 200, 64000000};
const struct doc_limits doc_limits_policy = {1 << 20, 64, 20000};

bool doc_check_size(struct str text, const struct doc_limits *limits, struct err *reterr) {
  if (text.len <= limits->max_bytes)
    return true;
  return err_set_at(reterr, ERR_LIMIT, 1, 1, "%zu bytes are more than the limit of %zu", text.len,
                    limits->max_bytes);
}

const struct doc_pair *doc_get_pair(const struct doc_node *node, struct str key) {
  if (!node || node->kind != DOC_MAPPING)
    return NULL;
  for (size_t i = node->count; i-- > 0;) {
    if (str_eq(node->pairs[i].key, key))
      return &node->pairs[i];
  }
  return NULL;
}

const struct doc_node *doc_get(const struct doc_node *node, struct str key) {
  const struct doc_pair *pair = doc_get_pair(node, key);
  return pair ? &pair->value : NULL;
}

const struct doc_node *doc_get_lit(const struct doc_node *node, const char *key) {
  return doc_get(node, str_of(key));
}

bool doc_is(const struct doc_node *node, enum doc_kind kind) {
  return node && node->kind == kind;
}

struct str doc_text(const struct doc_node *node) {
  return doc_is(node, DOC_STRING) ? node->text : (struct str){NULL, 0};
}

struct str doc_text_at(const struct doc_node *mapping, const char *key) {
  return doc_text(doc_get_lit(mapping, key));
}

bool doc_int(const struct doc_node *node, int64_t *ret) {
  return doc_is(node, DOC_NUMBER) && i64_parse(node->text, ret);
}

bool doc_is_true(const struct doc_node *node) {
  return doc_is(node, DOC_BOOL) && node->truth;
}

const char *doc_kind_name(const struct doc_node *node) {
  static const char *const names[] = {"nothing",  "a boolean", "a number",
                                      "a string", "a list",    "a mapping"};
  return node ? names[node->kind] : "nothing";
}

static bool mapping_equal(const struct doc_node *a, const struct doc_node *b) {
  for (size_t i = 0; i < a->count; i++) {
    /* The usual case is the same order on both sides; look-up only where it differs. */
    const struct doc_node *other =
        str_eq(a->pairs[i].key, b->pairs[i].key) ? &b->pairs[i].value : doc_get(b, a->pairs[i].key);
    if (!other || !doc_equal(&a->pairs[i].value, other))
      return false;
  }
  return true;
}

bool doc_equal(const struct doc_node *a, const struct doc_node *b) {
  if (!a || !b)
    return a == b;
  if (a->kind != b->kind || a->count != b->count)
    return false;
  switch ((enum doc_kind)a->kind) {
  case DOC_NULL:
    return true;
  case DOC_BOOL:
    return a->truth == b->truth;
  case DOC_NUMBER:
  case DOC_STRING:
    return str_eq(a->text, b->text);
  case DOC_SEQUENCE:
    for (size_t i = 0; i < a->count; i++) {
      if (!doc_equal(&a->items[i], &b->items[i]))
        return false;
    }
    return true;
  case DOC_MAPPING:
    return mapping_equal(a, b);
  }
  return false;
}

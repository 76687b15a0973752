/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a mapping by its table of keys, and reading single values. */
#include "policy_internal.h"

static const char *const expected_kinds[] = {"nothing",  "true or false", "a number",
                                             "a string", "a list",        "a mapping"};

const struct key_row *key_table_find(struct key_table table, struct str key) {
  for (size_t i = 0; i < table.count; i++) {
    if (str_is(key, table.rows[i].key))
      return &table.rows[i];
  }
  return NULL;
}

/* Names that are compared for the nearest one; names that are listed beside it. */
enum { MAX_NAMES = 32, SHORT_LIST = 6 };

static bool is_too_long(struct reader *r, const struct field_path *at,
                        const struct doc_node *list) {
  if (list->count <= MAX_TEXTS)
    return false;
  reader_error_value(r, at, list, "has %u items, expected at most %d", list->count, MAX_TEXTS);
  return true;
}

static struct str nearest_key(struct key_table table, struct str key) {
  struct str names[MAX_NAMES];
  size_t count = table.count < MAX_NAMES ? table.count : MAX_NAMES;
  for (size_t i = 0; i < count; i++)
    names[i] = str_of(table.rows[i].key);
  return str_nearest(key, names, count);
}

static void unknown_key(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                        struct key_table table) {
  if (reader_is_full(r))
    return;
  struct str nearest = nearest_key(table, pair->key);
  if (nearest.len) {
    reader_error_key(r, at, pair, "unknown key, did you mean \"%.*s\"?", STR_FMT(nearest));
    return;
  }
  CLEANUP_BUF struct buf list;
  buf_init(&list, 1024);
  for (size_t i = 0; i < table.count; i++)
    buf_printf(&list, "%s%s", i ? ", " : "", table.rows[i].key);
  reader_error_key(r, at, pair, "unknown key, expected %s%.*s", table.count > 1 ? "one of " : "",
                   STR_FMT(buf_str(&list)));
}

bool has_unknown_key(const struct doc_node *mapping, struct key_table table) {
  for (size_t i = 0; i < mapping->count; i++) {
    if (!key_table_find(table, mapping->pairs[i].key))
      return true;
  }
  return false;
}

/* A key that is there but for a typing error is not missing as well. */
static bool is_misspelt(const struct doc_node *node, struct key_table table, const char *key) {
  size_t looked_at = node->count < MAX_NAMES ? node->count : MAX_NAMES;
  for (size_t i = 0; i < looked_at; i++) {
    struct str written = node->pairs[i].key;
    if (!key_table_find(table, written) && str_is(nearest_key(table, written), key))
      return true;
  }
  return false;
}

bool reader_expect(struct reader *r, const struct field_path *at, const struct doc_node *node,
                   enum doc_kind kind, const char *expected) {
  if (node->kind == kind)
    return true;
  if (!expected)
    expected = expected_kinds[kind];
  if (node->kind == DOC_NULL)
    reader_error_value(r, at, node, "has no value, expected %s", expected);
  else if (kind == DOC_STRING && (node->kind == DOC_NUMBER || node->kind == DOC_BOOL))
    reader_error_value(r, at, node, "is %s, expected %s: put it in quotes, \"%.*s\"",
                       doc_kind_name(node), expected, STR_FMT(node->text));
  else
    reader_error_value(r, at, node, "is %s, expected %s", doc_kind_name(node), expected);
  return false;
}

bool is_shadowed(const struct doc_node *mapping, size_t index) {
  for (size_t i = index + 1; i < mapping->count; i++) {
    if (str_eq(mapping->pairs[i].key, mapping->pairs[index].key))
      return true;
  }
  return false;
}

static bool is_value_usable(struct reader *r, const struct field_path *at,
                            const struct doc_node *value, const struct key_row *row) {
  if (row->kind == KIND_ANY)
    return true;
  if (!reader_expect(r, at, value, (enum doc_kind)row->kind, row->expected))
    return false;
  bool is_list = value->kind == DOC_SEQUENCE || value->kind == DOC_MAPPING;
  if (!is_list || value->count > 0 || row->may_be_empty)
    return true;
  reader_error_value(r, at, value, "is empty, expected %s%s",
                     row->expected ? row->expected : expected_kinds[row->kind],
                     row->is_required ? "" : "; or leave the key out");
  return false;
}

bool reader_mapping(struct reader *r, const struct field_path *at, const struct doc_node *node,
                    struct key_table table, void *target) {
  if (!reader_expect(r, at, node, DOC_MAPPING, NULL))
    return false;
  for (size_t i = 0; i < node->count; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    if (is_shadowed(node, i))
      continue;
    struct field_path path = {.parent = at, .key = pair->key};
    const struct key_row *row = key_table_find(table, pair->key);
    if (!row)
      unknown_key(r, &path, pair, table);
    else if (is_value_usable(r, &path, &pair->value, row))
      row->read(r, &path, pair, row, target);
  }
  for (size_t i = 0; i < table.count; i++) {
    const struct key_row *row = &table.rows[i];
    if (row->is_required && !doc_get_lit(node, row->key) && !is_misspelt(node, table, row->key))
      reader_error_value(r, at, node, "key \"%s\" is missing, expected %s", row->key,
                         row->expected ? row->expected : expected_kinds[row->kind]);
  }
  return true;
}

/* ---- values ------------------------------------------------------------------------------ */

bool reader_text(struct reader *r, const struct field_path *at, const struct doc_node *node,
                 const struct text_form *form, struct str *ret) {
  if (!reader_expect(r, at, node, DOC_STRING, form->expected))
    return false;
  if (!form->is_valid(node->text)) {
    reader_error_value(r, at, node, "is \"%.*s\", expected %s", STR_FMT(node->text),
                       form->expected);
    return false;
  }
  *ret = str_copy(r->arena, node->text);
  return true;
}

bool reader_texts(struct reader *r, const struct field_path *at, const struct doc_node *node,
                  const struct text_form *form, bool may_be_empty, struct strings *ret) {
  if (!reader_expect(r, at, node, DOC_SEQUENCE, NULL))
    return false;
  if (node->count == 0 && !may_be_empty) {
    reader_error_value(r, at, node, "is an empty list, which matches nothing; leave the key out");
    return false;
  }
  if (is_too_long(r, at, node))
    return false;
  struct str *items = arena_array(r->arena, node->count, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < node->count; i++) {
    struct field_path path = {.parent = at, .index = i};
    if (reader_text(r, &path, &node->items[i], form, &items[count]))
      count++;
  }
  *ret = (struct strings){items, count};
  return true;
}

static bool is_word_node(const struct doc_node *node) {
  return node->kind == DOC_STRING || node->kind == DOC_BOOL;
}

bool reader_word(struct reader *r, const struct field_path *at, const struct doc_node *node,
                 const struct str *words, size_t count, size_t *ret) {
  CLEANUP_BUF struct buf list;
  buf_init(&list, 512);
  for (size_t i = 0; i < count; i++) {
    if (is_word_node(node) && str_eq(node->text, words[i])) {
      *ret = i;
      return true;
    }
    buf_printf(&list, "%s%.*s", i == 0 ? "" : i + 1 < count ? ", " : " or ", STR_FMT(words[i]));
  }
  struct str expected = buf_str(&list);
  if (node->kind != DOC_STRING) {
    if (node->kind == DOC_NULL)
      reader_error_value(r, at, node, "has no value, expected %.*s", STR_FMT(expected));
    else
      reader_error_value(r, at, node, "is %s, expected %.*s", doc_kind_name(node),
                         STR_FMT(expected));
    return false;
  }
  struct str nearest = str_nearest(node->text, words, count);
  if (nearest.len && count > SHORT_LIST)
    reader_error_value(r, at, node, "is \"%.*s\", did you mean \"%.*s\"?", STR_FMT(node->text),
                       STR_FMT(nearest));
  else if (nearest.len)
    reader_error_value(r, at, node, "is \"%.*s\", did you mean \"%.*s\"? Expected %.*s",
                       STR_FMT(node->text), STR_FMT(nearest), STR_FMT(expected));
  else
    reader_error_value(r, at, node, "is \"%.*s\", expected %.*s", STR_FMT(node->text),
                       STR_FMT(expected));
  return false;
}

bool reader_severity(struct reader *r, const struct field_path *at, const struct doc_node *node,
                     enum severity *ret) {
  static const enum severity order[] = {SEVERITY_DENY, SEVERITY_WARN, SEVERITY_AUDIT, SEVERITY_OFF};
  struct str words[SG_ARRAY_LEN(order)];
  for (size_t i = 0; i < SG_ARRAY_LEN(order); i++)
    words[i] = str_of(severity_name(order[i]));
  size_t index;
  if (!reader_word(r, at, node, words, SG_ARRAY_LEN(order), &index))
    return false;
  *ret = order[index];
  return true;
}

/* ---- readers of rows that need nothing else -------------------------------------------- */

void read_text_key(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                   const struct key_row *row, void *target) {
  struct str *ret = (struct str *)((char *)target + row->offset);
  if (!reader_text(r, at, &pair->value, row->extra, ret))
    *ret = (struct str){NULL, 0};
}

void read_texts_key(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                    const struct key_row *row, void *target) {
  struct strings *ret = (struct strings *)((char *)target + row->offset);
  *ret = (struct strings){NULL, 0};
  (void)reader_texts(r, at, &pair->value, row->extra, row->may_be_empty, ret);
}

void read_bool_key(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                   const struct key_row *row, void *target) {
  bool *ret = (bool *)((char *)target + row->offset);
  if (reader_expect(r, at, &pair->value, DOC_BOOL, NULL))
    *ret = pair->value.truth;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings of files that people write: misspelt and missing fields are errors. */
#include "wire_internal.h"

#include <inttypes.h>

/* Fields in one mapping; names that a misspelt one is compared with. */
enum { FIELDS_MAX = 64, NAMES_MAX = 32 };

static const struct wire_field *find_field(const struct wire_field *fields, size_t count,
                                           struct str name) {
  for (size_t i = 0; i < count; i++) {
    if (str_is(name, fields[i].name))
      return &fields[i];
  }
  return NULL;
}

/* Not the nearest name alone decides: where the field itself is there, this is another one. */
static bool is_misspelt(const struct doc_node *node, const struct wire_field *fields, size_t count,
                        struct str name, struct str *ret_meant) {
  struct str names[NAMES_MAX];
  size_t name_count = count < NAMES_MAX ? count : NAMES_MAX;
  for (size_t i = 0; i < name_count; i++)
    names[i] = str_of(fields[i].name);
  *ret_meant = str_nearest(name, names, name_count);
  return ret_meant->len > 0 && find_field(fields, count, *ret_meant)->is_read &&
         !doc_get(node, *ret_meant);
}

static bool check_pair(const struct doc_node *node, const struct doc_pair *pair,
                       const struct wire_field *fields, size_t count, const struct trail *trail,
                       struct err *reterr) {
  const struct doc_node at_key = {.line = pair->line, .column = pair->column};
  const struct wire_field *field = find_field(fields, count, pair->key);
  if (!field) {
    struct str meant;
    return !is_misspelt(node, fields, count, pair->key, &meant) ||
           wire_invalid(trail, &at_key, reterr, "an unknown field, did you mean \"%.*s\"?",
                        STR_FMT(meant));
  }
  if (!field->is_read || pair->value.kind == field->kind || pair->value.kind == DOC_NULL)
    return true;
  struct trail here = {trail, pair->key, 0};
  const struct doc_node expected = {.kind = field->kind};
  return wire_wrong_type(&here, &pair->value, doc_kind_name(&expected), reterr);
}

bool wire_fields_check(const struct doc_node *node, const struct wire_field *fields, size_t count,
                       const struct trail *trail, struct err *reterr) {
  if (node->kind != DOC_MAPPING)
    return wire_wrong_type(trail, node, "a mapping", reterr);
  if (node->count > FIELDS_MAX)
    return wire_invalid(trail, node, reterr, "has %u fields, at most %d are expected", node->count,
                        FIELDS_MAX);
  for (uint32_t i = 0; i < node->count; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    bool is_overridden = doc_get_pair(node, pair->key) != pair; /* merged in by YAML's "<<" */
    if (!is_overridden && !check_pair(node, pair, fields, count, trail, reterr))
      return false;
  }
  for (size_t i = 0; i < count; i++) {
    const struct doc_node *child = doc_get_lit(node, fields[i].name);
    if (fields[i].is_required && (!child || child->kind == DOC_NULL))
      return wire_invalid(trail, child ? child : node, reterr, "\"%s\" is missing", fields[i].name);
  }
  return true;
}

bool wire_child_number(const struct doc_node *parent, const char *name, const struct trail *trail,
                       int64_t min, int64_t max, int64_t *ret, struct err *reterr) {
  const struct doc_node *child;
  if (!wire_child(parent, name, DOC_NUMBER, trail, &child, reterr))
    return false;
  if (!child)
    return true;
  int64_t value;
  if (!doc_int(child, &value) || value < min || value > max) {
    struct trail here = {trail, str_of(name), 0};
    return wire_invalid(&here, child, reterr,
                        "is %.*s, a whole number from %" PRId64 " to %" PRId64 " was expected",
                        STR_FMT(wire_shown(child)), min, max);
  }
  *ret = value;
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reading children of a mapping, with errors that say where. */
#include "wire_internal.h"

static void trail_print(const struct trail *trail, struct buf *out) {
  if (!trail)
    return;
  trail_print(trail->up, out);
  if (trail->name.len == 0) {
    buf_printf(out, "[%u]", trail->index);
    return;
  }
  if (str_find_char(trail->name, '.') < trail->name.len ||
      str_find_char(trail->name, '/') < trail->name.len) {
    /* A key with dots, or a whole path that a template stands at. */
    bool is_path = trail->up == NULL;
    buf_printf(out, is_path ? "%.*s" : "[%.*s]", STR_FMT(trail->name));
    return;
  }
  buf_printf(out, "%s%.*s", out->len ? "." : "", STR_FMT(trail->name));
}

bool wire_wrong_type(const struct trail *trail, const struct doc_node *node, const char *expected,
                     struct err *reterr) {
  CLEANUP_BUF struct buf path;
  buf_init(&path, 256);
  trail_print(trail, &path);
  return err_set_at(reterr, ERR_INVALID, node->line, node->column, "%s: %s was expected, found %s",
                    path.ptr ? path.ptr : "the object", expected, doc_kind_name(node));
}

struct str wire_shown(const struct doc_node *scalar) {
  enum { SHOWN_MAX = 40 };
  return (struct str){scalar->text.ptr,
                      scalar->text.len < SHOWN_MAX ? scalar->text.len : SHOWN_MAX};
}

bool wire_invalid(const struct trail *trail, const struct doc_node *node, struct err *reterr,
                  const char *fmt, ...) {
  CLEANUP_BUF struct buf message;
  buf_init(&message, sizeof(reterr->text));
  trail_print(trail, &message);
  if (message.len)
    buf_append_cstr(&message, ": ");
  va_list args;
  va_start(args, fmt);
  buf_vprintf(&message, fmt, args);
  va_end(args);
  return err_set_at(reterr, ERR_INVALID, node->line, node->column, "%s", message.ptr);
}

static const char *expected_text(enum doc_kind kind) {
  struct doc_node like = {.kind = (uint8_t)kind};
  return doc_kind_name(&like);
}

bool wire_child(const struct doc_node *parent, const char *name, enum doc_kind kind,
                const struct trail *trail, const struct doc_node **ret, struct err *reterr) {
  const struct doc_node *child = doc_get_lit(parent, name);
  *ret = NULL;
  if (!child || child->kind == DOC_NULL)
    return true;
  if (child->kind != kind) {
    struct trail here = {trail, str_of(name), 0};
    return wire_wrong_type(&here, child, expected_text(kind), reterr);
  }
  *ret = child;
  return true;
}

static bool is_scalar(const struct doc_node *node) {
  return node->kind == DOC_STRING || node->kind == DOC_NUMBER || node->kind == DOC_BOOL;
}

bool wire_child_text(const struct doc_node *parent, const char *name, const struct trail *trail,
                     struct str *ret, struct err *reterr) {
  const struct doc_node *child = doc_get_lit(parent, name);
  *ret = (struct str){NULL, 0};
  if (!child || child->kind == DOC_NULL)
    return true;
  if (!is_scalar(child)) {
    struct trail here = {trail, str_of(name), 0};
    return wire_wrong_type(&here, child, "a string", reterr);
  }
  *ret = child->text;
  return true;
}

bool wire_child_id(const struct doc_node *parent, const char *name, const struct trail *trail,
                   size_t max, struct str *ret, struct err *reterr) {
  const struct doc_node *child;
  struct trail here = {trail, str_of(name), 0};
  if (!wire_child(parent, name, DOC_STRING, trail, &child, reterr))
    return false;
  *ret = doc_text(child);
  if (ret->len > max)
    return wire_invalid(&here, child, reterr, "%zu bytes, at most %zu were expected", ret->len,
                        max);
  for (size_t i = 0; i < ret->len; i++)
    if ((unsigned char)ret->ptr[i] < 0x20 || ret->ptr[i] == 0x7f)
      return wire_invalid(&here, child, reterr, "a control character, which no name has");
  return true;
}

bool wire_child_pairs(struct arena *arena, const struct doc_node *parent, const char *name,
                      const struct trail *trail, const struct key_value **ret, size_t *ret_count,
                      struct err *reterr) {
  const struct doc_node *mapping;
  *ret = NULL;
  *ret_count = 0;
  if (!wire_child(parent, name, DOC_MAPPING, trail, &mapping, reterr))
    return false;
  if (!mapping || mapping->count == 0)
    return true;
  struct key_value *pairs = arena_array(arena, mapping->count, sizeof(*pairs));
  for (uint32_t i = 0; i < mapping->count; i++) {
    const struct doc_pair *pair = &mapping->pairs[i];
    if (pair->value.kind != DOC_NULL && !is_scalar(&pair->value)) {
      struct trail list = {trail, str_of(name), 0};
      struct trail here = {&list, pair->key, 0};
      return wire_wrong_type(&here, &pair->value, "a string", reterr);
    }
    pairs[i].key = pair->key;
    if (pair->value.kind != DOC_NULL)
      pairs[i].value = pair->value.text;
  }
  *ret = pairs;
  *ret_count = mapping->count;
  return true;
}

void wire_split_api_version(struct str api_version, struct str *ret_group,
                            struct str *ret_version) {
  size_t slash = str_find_char(api_version, '/');
  if (slash == api_version.len) {
    *ret_group = (struct str){"", 0};
    *ret_version = api_version;
  } else {
    *ret_group = (struct str){api_version.ptr, slash};
    *ret_version = str_skip(api_version, slash + 1);
  }
}

void wire_identify(const struct doc_node *object, struct wire_identity *ret) {
  *ret = (struct wire_identity){0};
  wire_split_api_version(doc_text_at(object, "apiVersion"), &ret->group, &ret->version);
  ret->kind = doc_text_at(object, "kind");
  const struct doc_node *metadata = doc_get_lit(object, "metadata");
  ret->ns = doc_text_at(metadata, "namespace");
  ret->name = doc_text_at(metadata, "name");
  ret->generate_name = doc_text_at(metadata, "generateName");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Single fields of a kubeconfig, with errors that say where they stand. */
#include "kube_internal.h"

bool kubeconfig_fail(const struct kubeconfig_file *file, const struct doc_node *at,
                     const char *field, struct err *reterr, const char *fmt, ...) {
  char text[384];
  CLEANUP_BUF struct buf message;
  buf_init(&message, sizeof(text) - 1);
  va_list args;
  va_start(args, fmt);
  buf_vprintf(&message, fmt, args);
  va_end(args);
  return err_set(reterr, ERR_INVALID, "%s:%u: %s: %.*s", file->path, at ? at->line : 1, field,
                 STR_FMT(buf_str(&message)));
}

static const struct doc_node *find(const struct doc_node *mapping, const char *key) {
  const struct doc_node *node = doc_get_lit(mapping, key);
  return doc_is(node, DOC_NULL) ? NULL : node;
}

bool kubeconfig_text(const struct kubeconfig_file *file, const struct doc_node *mapping,
                     const char *parent, const char *key, struct str *ret, struct err *reterr) {
  const struct doc_node *node = find(mapping, key);
  *ret = doc_text(node);
  if (!node || doc_is(node, DOC_STRING)) {
    if (str_find_char(*ret, '\0') == ret->len)
      return true;
  }
  CLEANUP_BUF struct buf field;
  buf_init(&field, 256);
  buf_printf(&field, "%s.%s", parent, key);
  return kubeconfig_fail(file, node, field.ptr, reterr, "must be a string, not %s",
                         doc_is(node, DOC_STRING) ? "one with a NUL byte" : doc_kind_name(node));
}

bool kubeconfig_bool(const struct kubeconfig_file *file, const struct doc_node *mapping,
                     const char *parent, const char *key, bool *ret, struct err *reterr) {
  const struct doc_node *node = find(mapping, key);
  *ret = doc_is_true(node);
  if (!node || doc_is(node, DOC_BOOL))
    return true;
  CLEANUP_BUF struct buf field;
  buf_init(&field, 256);
  buf_printf(&field, "%s.%s", parent, key);
  return kubeconfig_fail(file, node, field.ptr, reterr, "must be true or false, not %s",
                         doc_kind_name(node));
}

const char *kubeconfig_path(struct arena *arena, const struct kubeconfig_file *file,
                            struct str path) {
  const char *slash = strrchr(file->path, '/');
  if (path.ptr[0] == '/' || !slash)
    return str_copy(arena, path).ptr;
  return str_printf(arena, "%.*s/%.*s", (int)(slash - file->path), file->path, STR_FMT(path)).ptr;
}

/* ---- bytes, embedded or in a file -------------------------------------------------------- */

static int digit_of(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct arena *arena, struct str text, struct str *ret) {
  char *out = arena_alloc(arena, text.len / 4 * 3 + 4);
  size_t length = 0, digits = 0, padding = 0;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '\n' || c == '\r' || c == ' ')
      continue;
    int digit = c == '=' ? 0 : digit_of(c);
    padding += c == '=';
    if (digit < 0 || (c != '=' && padding > 0))
      return false;
    bits = bits << 6 | (uint32_t)digit;
    if (++digits % 4 == 0) {
      out[length++] = (char)(bits >> 16 & 0xff);
      out[length++] = (char)(bits >> 8 & 0xff);
      out[length++] = (char)(bits & 0xff);
    }
  }
  if (digits % 4 != 0 || padding > 2)
    return false;
  *ret = (struct str){out, length - padding};
  return true;
}

static struct str origin_of(struct kube_config *config, const struct kubeconfig_file *file,
                            const struct doc_node *mapping, const char *parent, const char *key) {
  const struct doc_node *node = find(mapping, key);
  return str_printf(config->arena, "%s:%u: %s.%s", file->path, node ? node->line : 1, parent, key);
}

bool kubeconfig_source(struct kube_config *config, const struct kubeconfig_file *file,
                       const struct doc_node *mapping, const char *parent, const char *key,
                       struct source *ret, struct err *reterr) {
  CLEANUP_BUF struct buf data_key;
  buf_init(&data_key, 64);
  buf_printf(&data_key, "%s-data", key);
  struct str data, path;
  if (!kubeconfig_text(file, mapping, parent, data_key.ptr, &data, reterr) ||
      !kubeconfig_text(file, mapping, parent, key, &path, reterr))
    return false;
  if (data.len > 0) {
    *ret = (struct source){.is_set = true};
    ret->origin = origin_of(config, file, mapping, parent, data_key.ptr);
    if (!base64_decode(config->arena, data, &ret->data))
      return err_set(reterr, ERR_INVALID, "%.*s: is no base64", STR_FMT(ret->origin));
    if (!str_starts_with(ret->data, STR_LIT("-----BEGIN ")))
      return err_set(reterr, ERR_INVALID, "%.*s: is no PEM text", STR_FMT(ret->origin));
  } else if (path.len > 0) {
    *ret = (struct source){.is_set = true};
    ret->path = kubeconfig_path(config->arena, file, path);
    ret->origin = origin_of(config, file, mapping, parent, key);
  }
  return true;
}

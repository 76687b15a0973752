/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What texts may look like. A pattern that holds a character which no namespace, label
 * or resource can hold would never match anything: that is a mistake worth saying, and
 * the reason why each kind of pattern has an alphabet of its own.
 *
 * Patterns know '*' (any run of characters) and '?' (one character). Brackets and
 * braces mean nothing in them and are refused by the alphabets.
 */
#include "policy_internal.h"

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253, TEXT_MAX = 1024 };

static bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
static bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
static bool is_alnum(char c) {
  return is_lower(c) || is_upper(c) || is_digit(c);
}

/* Only lower-case letters, digits and what `more` holds; between 1 and max bytes. */
static bool is_lower_text(struct str s, const char *more, size_t max) {
  for (size_t i = 0; i < s.len; i++) {
    if (!is_lower(s.ptr[i]) && !is_digit(s.ptr[i]) && (!s.ptr[i] || !strchr(more, s.ptr[i])))
      return false;
  }
  return s.len >= 1 && s.len <= max;
}

static bool is_mixed_text(struct str s, const char *more, size_t max) {
  for (size_t i = 0; i < s.len; i++) {
    if (!is_alnum(s.ptr[i]) && (!s.ptr[i] || !strchr(more, s.ptr[i])))
      return false;
  }
  return s.len >= 1 && s.len <= max;
}

/* RFC 1123 as Kubernetes checks it: labels of lower-case letters, digits, '-' inside. */
static bool is_subdomain(struct str s) {
  if (!is_lower_text(s, "-.", SUBDOMAIN_MAX))
    return false;
  char before = '.';
  for (size_t i = 0; i < s.len; i++) {
    if (s.ptr[i] == '.' && (before == '.' || before == '-'))
      return false;
    if (s.ptr[i] == '-' && before == '.')
      return false;
    before = s.ptr[i];
  }
  return before != '.' && before != '-';
}

/* The part of a label key behind the slash, and label values: alphanumeric at both ends. */
static bool is_label_name(struct str s) {
  return is_mixed_text(s, "-_.", LABEL_MAX) && is_alnum(s.ptr[0]) && is_alnum(s.ptr[s.len - 1]);
}

static bool is_any(struct str s) {
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    bool is_c1 = c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xa0;
    if (c < 0x20 || c == 0x7f || is_c1)
      return false;
  }
  return s.len >= 1 && s.len <= TEXT_MAX;
}

static bool is_namespace_glob(struct str s) {
  return is_lower_text(s, "-*?", LABEL_MAX);
}

static bool is_account_glob(struct str s) {
  size_t slash = str_find_char(s, '/');
  if (slash == s.len)
    return false;
  struct str ns = {s.ptr, slash};
  return is_namespace_glob(ns) && is_lower_text(str_skip(s, slash + 1), "-.*?", SUBDOMAIN_MAX);
}

static bool is_label_key(struct str s) {
  size_t slash = str_find_char(s, '/');
  if (slash == s.len)
    return is_label_name(s);
  return is_subdomain((struct str){s.ptr, slash}) && is_label_name(str_skip(s, slash + 1));
}

static bool is_label_key_glob(struct str s) {
  size_t slash = str_find_char(s, '/');
  struct str name = s;
  if (slash < s.len) {
    if (!is_lower_text((struct str){s.ptr, slash}, "-.*?", SUBDOMAIN_MAX))
      return false;
    name = str_skip(s, slash + 1);
  }
  return is_mixed_text(name, "-_.*?", LABEL_MAX);
}

static bool is_label_value(struct str s) {
  return is_label_name(s);
}

static bool is_label_value_glob(struct str s) {
  return is_mixed_text(s, "-_.*?", LABEL_MAX);
}

/* An extended resource always has a domain; without the slash "gpu" would be meant as a name. */
static bool is_resource_glob(struct str s) {
  return str_find_char(s, '/') < s.len && is_label_key_glob(s);
}

static bool is_vendor_prefix(struct str s) {
  return s.len > 1 && s.ptr[s.len - 1] == '/' && is_subdomain((struct str){s.ptr, s.len - 1});
}

static bool is_env_glob(struct str s) {
  return is_mixed_text(s, "_-.*?", SUBDOMAIN_MAX) && !is_digit(s.ptr[0]);
}

static bool is_path_glob(struct str s) {
  return is_any(s) && (s.ptr[0] == '/' || s.ptr[0] == '*');
}

static bool is_runtime_class(struct str s) {
  return is_lower_text(s, "-.*?", SUBDOMAIN_MAX);
}

static bool is_environment(struct str s) {
  return is_label_name(s) || str_is(s, "*");
}

static bool is_api_group(struct str s) {
  return s.len == 0 || is_subdomain(s);
}

static bool is_api_version(struct str s) {
  return str_is(s, "*") || (is_lower_text(s, "", LABEL_MAX) && s.ptr[0] == 'v' && s.len > 1);
}

static bool is_kind_name(struct str s) {
  return is_mixed_text(s, "", LABEL_MAX) && is_upper(s.ptr[0]);
}

static bool is_resource_name(struct str s) {
  return is_lower_text(s, "-", LABEL_MAX) && is_lower(s.ptr[0]);
}

/* Field names with dots between; "[]" behind a list, "*" for every value of a mapping. */
static bool is_dotted_path(struct str s, bool has_wildcards) {
  if (s.len == 0 || s.len > TEXT_MAX)
    return false;
  while (s.len) {
    size_t dot = str_find_char(s, '.');
    struct str segment = {s.ptr, dot};
    if (has_wildcards && str_ends_with(segment, STR_LIT("[]")))
      segment.len -= 2;
    bool is_star = has_wildcards && str_is(segment, "*") && segment.len == dot;
    if (!is_star && !is_mixed_text(segment, "_-", LABEL_MAX))
      return false;
    if (dot == s.len)
      return true;
    s = str_skip(s, dot + 1);
  }
  return false; /* ended in a dot */
}

static bool is_template_path(struct str s) {
  return s.len == 0 || is_dotted_path(s, true);
}

static bool is_field_path(struct str s) {
  return is_dotted_path(s, false);
}

const struct text_form form_any = {"a text without control characters", is_any};
const struct text_form form_name = {
    "a name of lower-case letters, digits, '-' and '.', such as \"team-policy\"", is_subdomain};
const struct text_form form_namespace_glob = {
    "a namespace or a pattern with '*' and '?', such as \"research-*\"", is_namespace_glob};
const struct text_form form_account_glob = {
    "\"namespace/name\", either part a pattern with '*' and '?', such as \"gpu-operator/*\"",
    is_account_glob};
const struct text_form form_user_glob = {
    "a user or group, or a pattern with '*' and '?', such as \"system:serviceaccount:argocd:*\"",
    is_any};
const struct text_form form_label_key = {"a label key such as \"slicegate.dev/team\"",
                                         is_label_key};
const struct text_form form_label_key_glob = {
    "a label key or a pattern with '*' and '?', such as \"nvidia.com/gpu.*\"", is_label_key_glob};
const struct text_form form_label_value = {"a label value such as \"production\"", is_label_value};
const struct text_form form_label_value_glob = {
    "a label value or a pattern with '*' and '?', such as \"prod-*\"", is_label_value_glob};
const struct text_form form_resource_glob = {
    "a resource name with its domain, or a pattern with '*' and '?', such as "
    "\"nvidia.com/mig-*\"",
    is_resource_glob};
const struct text_form form_vendor_prefix = {"a domain with a slash, such as \"nvidia.com/\"",
                                             is_vendor_prefix};
const struct text_form form_env_glob = {
    "an environment variable or a pattern with '*' and '?', such as \"NVIDIA_VISIBLE_DEVICES\"",
    is_env_glob};
const struct text_form form_path_glob = {
    "an absolute path or a pattern with '*' and '?', such as \"/dev/nvidia*\"", is_path_glob};
const struct text_form form_runtime_class = {
    "a runtime class or a pattern with '*' and '?', such as \"nvidia*\"", is_runtime_class};
const struct text_form form_environment = {
    "an environment (a value of slicegate.dev/environment) such as \"dev\", or \"*\" for every "
    "other",
    is_environment};
const struct text_form form_api_group = {
    "an API group such as \"kubeflow.org\", or \"\" for the core group", is_api_group};
const struct text_form form_api_version = {"an API version such as \"v1beta1\", or \"*\"",
                                           is_api_version};
const struct text_form form_kind_name = {"a kind such as \"PyTorchJob\"", is_kind_name};
const struct text_form form_resource_name = {"the plural in lower case, such as \"pytorchjobs\"",
                                             is_resource_name};
const struct text_form form_template_path = {
    "field names with dots, \"[]\" for every item of a list and \"*\" for every value of a "
    "mapping, such as \"spec.replicaSpecs.*.template\"",
    is_template_path};
const struct text_form form_field_path = {
    "field names with dots and without wildcards, such as \"spec.activeDeadlineSeconds\"",
    is_field_path};
const struct text_form form_time = {"a time such as 2026-01-01T00:00:00Z", is_any};
const struct text_form form_file_name = {"a file name", is_any};

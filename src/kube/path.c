/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds, and the paths of their objects. */
#include "kube_internal.h"

#include <stdio.h>

const struct kube_kind kube_pods = {"Pod", "", "v1", "pods", true};
const struct kube_kind kube_nodes = {"Node", "", "v1", "nodes", false};
const struct kube_kind kube_namespaces = {"Namespace", "", "v1", "namespaces", false};
const struct kube_kind kube_leases = {"Lease", "coordination.k8s.io", "v1", "leases", true};
const struct kube_kind kube_events = {"Event", "events.k8s.io", "v1", "events", true};
const struct kube_kind kube_resource_slices = {"ResourceSlice", "resource.k8s.io", "v1",
                                               "resourceslices", false};
const struct kube_kind kube_resource_claims = {"ResourceClaim", "resource.k8s.io", "v1",
                                               "resourceclaims", true};

enum { NAME_MAX_BYTES = 253 };

/* What kube-apiserver allows at least in a segment of a path; kinds allow less. */
static bool check_segment(const char *what, struct str name, struct err *reterr) {
  if (name.len == 0)
    return err_set(reterr, ERR_INVALID, "the %s is empty", what);
  if (name.len > NAME_MAX_BYTES)
    return err_set(reterr, ERR_INVALID, "the %s is longer than %d bytes", what, NAME_MAX_BYTES);
  if (str_is(name, ".") || str_is(name, ".."))
    return err_set(reterr, ERR_INVALID, "\"%.*s\" is no %s", STR_FMT(name), what);
  for (size_t i = 0; i < name.len; i++) {
    unsigned char c = (unsigned char)name.ptr[i];
    if (c == '/' || c == '%' || c < 0x20 || c == 0x7f)
      return err_set(reterr, ERR_INVALID, "the %s has a byte that no name has, 0x%02x at %zu", what,
                     c, i);
  }
  return true;
}

/* RFC 3986: all but unreserved characters. */
static void append_escaped(struct buf *out, struct str text) {
  static const char hex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_' || c == '~') {
      buf_append_char(out, (char)c);
    } else {
      buf_append_char(out, '%');
      buf_append_char(out, hex[c >> 4]);
      buf_append_char(out, hex[c & 15]);
    }
  }
}

static bool append_namespace(const struct kube_kind *kind, struct str namespace, struct str name,
                             struct buf *out, struct err *reterr) {
  if (!kind->is_namespaced) {
    if (namespace.len > 0)
      return err_set(reterr, ERR_INVALID, "%s are in no namespace", kind->plural);
    return true;
  }
  if (namespace.len == 0 && name.len == 0)
    return true;
  if (!check_segment("namespace", namespace, reterr))
    return false;
  buf_append_cstr(out, "/namespaces/");
  append_escaped(out, namespace);
  return true;
}

bool kube_path(const struct kube_kind *kind, struct str namespace, struct str name,
               const char *subresource, struct buf *out, struct err *reterr) {
  if (*kind->group)
    buf_printf(out, "/apis/%s/%s", kind->group, kind->version);
  else
    buf_printf(out, "/api/%s", kind->version);
  if (!append_namespace(kind, namespace, name, out, reterr))
    return false;
  buf_printf(out, "/%s", kind->plural);
  if (name.len > 0 || subresource) {
    if (!check_segment("name", name, reterr))
      return false;
    buf_append_char(out, '/');
    append_escaped(out, name);
  }
  if (subresource)
    buf_printf(out, "/%s", subresource);
  return true;
}

void kube_path_query(struct buf *out, const char *key, struct str value) {
  struct str path = buf_str(out);
  buf_append_char(out, str_find_char(path, '?') < path.len ? '&' : '?');
  buf_append_cstr(out, key);
  buf_append_char(out, '=');
  append_escaped(out, value);
}

void path_query_int(struct buf *out, const char *key, int64_t value) {
  char text[24];
  (void)snprintf(text, sizeof(text), "%lld", (long long)value);
  kube_path_query(out, key, str_of(text));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: read, and written only if nobody else has. */
#include "kube_internal.h"

static const struct doc_limits lease_limits = {1 << 20, 64, 20000};

/* ---- reading ----------------------------------------------------------------------------- */

static bool copy_text(struct str text, char *ret, size_t size, const char *field,
                      struct err *reterr) {
  if (text.len >= size)
    return err_set(reterr, ERR_LIMIT, "the lease's %s is longer than %zu bytes", field, size - 1);
  memcpy(ret, text.len > 0 ? text.ptr : "", text.len);
  ret[text.len] = '\0';
  return true;
}

/* The fraction of a MicroTime, and the time itself; 0 when there is none. */
static int64_t micro_time(struct str text) {
  int64_t seconds, us = 0, unit = 100000;
  if (!rfc3339_parse(text, &seconds))
    return 0;
  for (size_t i = str_find_char(text, '.') + 1; i < text.len && unit > 0; i++, unit /= 10) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9')
      break;
    us += unit * (text.ptr[i] - '0');
  }
  return i64_add_sat(i64_mul_sat(seconds, 1000000), us);
}

static bool read_lease(struct str text, struct kube_lease *lease, struct err *reterr) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  const struct doc_node *root;
  if (!doc_parse_json(arena, text, &lease_limits, &root, reterr))
    return err_wrap(reterr, "the lease is no JSON");
  const struct doc_node *spec = doc_get_lit(root, "spec");
  struct str version = doc_text_at(doc_get_lit(root, "metadata"), "resourceVersion");
  *lease = (struct kube_lease){.duration_seconds = 0};
  (void)doc_int(doc_get_lit(spec, "leaseDurationSeconds"), &lease->duration_seconds);
  (void)doc_int(doc_get_lit(spec, "leaseTransitions"), &lease->transitions);
  lease->acquire_us = micro_time(doc_text_at(spec, "acquireTime"));
  lease->renew_us = micro_time(doc_text_at(spec, "renewTime"));
  if (version.len == 0)
    return err_set(reterr, ERR_INVALID, "the lease has no metadata.resourceVersion");
  return copy_text(version, lease->resource_version, sizeof(lease->resource_version),
                   "metadata.resourceVersion", reterr) &&
         copy_text(doc_text_at(spec, "holderIdentity"), lease->holder, sizeof(lease->holder),
                   "spec.holderIdentity", reterr);
}

bool kube_lease_get(struct kube_client *client, struct str namespace, struct str name,
                    const struct kube_stop *stop, int64_t timeout_ms, struct kube_lease *lease,
                    struct kube_response *ret, struct err *reterr) {
  CLEANUP_BUF struct buf path, none;
  buf_init(&path, 4 << 10);
  buf_init(&none, 1);
  *ret = (struct kube_response){.retry_after_ms = -1};
  if (namespace.len == 0 || name.len == 0)
    return err_set(reterr, ERR_INVALID, "the lease has no %s",
                   name.len == 0 ? "name" : "namespace");
  const struct kube_request request = {.method = KUBE_GET, .stop = stop, .timeout_ms = timeout_ms};
  return kube_path(&kube_leases, namespace, name, NULL, &path, reterr) &&
         write_call(client, &request, &path, &none, ret, reterr) &&
         read_lease(buf_str(&ret->body), lease, reterr);
}

/* ---- writing ----------------------------------------------------------------------------- */

static void put_time(struct buf *body, const char *key, int64_t us) {
  buf_printf(body, ",\"%s\":", key);
  if (us > 0)
    put_micro_time(body, us);
  else
    buf_append_cstr(body, "null");
}

static void put_lease(struct buf *body, struct str namespace, struct str name,
                      const struct kube_lease *lease) {
  buf_append_cstr(body, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                        "\"metadata\":{\"name\":");
  kube_json_string(body, name);
  put_member(body, "namespace", namespace);
  if (lease->resource_version[0])
    put_member(body, "resourceVersion", str_of(lease->resource_version));
  buf_append_cstr(body, "},\"spec\":{\"holderIdentity\":");
  kube_json_string(body, str_of(lease->holder));
  buf_printf(body, ",\"leaseDurationSeconds\":%lld,\"leaseTransitions\":%lld",
             (long long)lease->duration_seconds, (long long)lease->transitions);
  put_time(body, "acquireTime", lease->acquire_us);
  put_time(body, "renewTime", lease->renew_us);
  buf_append_cstr(body, "}}");
}

bool kube_lease_put(struct kube_client *client, struct str namespace, struct str name,
                    struct kube_lease *lease, const struct kube_stop *stop, int64_t timeout_ms,
                    struct kube_response *ret, struct err *reterr) {
  CLEANUP_BUF struct buf path, body;
  buf_init(&path, 4 << 10);
  buf_init(&body, 16 << 10);
  *ret = (struct kube_response){.retry_after_ms = -1};
  bool is_new = lease->resource_version[0] == '\0';
  if (namespace.len == 0 || name.len == 0)
    return err_set(reterr, ERR_INVALID, "the lease has no %s",
                   name.len == 0 ? "name" : "namespace");
  if (!kube_path(&kube_leases, namespace, is_new ? (struct str){0} : name, NULL, &path, reterr))
    return false;
  put_lease(&body, namespace, name, lease);
  struct kube_lease written;
  const struct kube_request request = {.method = is_new ? KUBE_POST : KUBE_PATCH,
                                       .content_type =
                                           is_new ? NULL : "application/merge-patch+json",
                                       .stop = stop,
                                       .timeout_ms = timeout_ms};
  if (!write_call(client, &request, &path, &body, ret, reterr) ||
      !read_lease(buf_str(&ret->body), &written, reterr))
    return false;
  memcpy(lease->resource_version, written.resource_version, sizeof(lease->resource_version));
  return true;
}

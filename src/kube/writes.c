/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings and patches. */
#include "kube_internal.h"

enum { BODY_MAX_BYTES = 3 << 20 }; /* what kube-apiserver takes */

void put_member(struct buf *out, const char *key, struct str value) {
  buf_printf(out, ",\"%s\":", key);
  kube_json_string(out, value);
}

bool write_call(struct kube_client *client, const struct kube_request *request,
                const struct buf *path, const struct buf *body, struct kube_response *ret,
                struct err *reterr) {
  *ret = (struct kube_response){.retry_after_ms = -1};
  if (body->truncated || path->truncated)
    return err_set(reterr, ERR_LIMIT, "the request is longer than %zu bytes",
                   body->truncated ? body->max : path->max);
  struct kube_request whole = *request;
  whole.path = buf_str(path);
  whole.body = buf_str(body);
  return kube_call(client, &whole, ret, reterr);
}

/* ---- binding ----------------------------------------------------------------------------- */

static void put_annotations(struct buf *body, const struct kube_binding *binding) {
  if (binding->annotation_count == 0)
    return;
  buf_append_cstr(body, ",\"annotations\":{");
  for (size_t i = 0; i < binding->annotation_count; i++) {
    if (i > 0)
      buf_append_char(body, ',');
    kube_json_string(body, binding->annotations[i].key);
    buf_append_char(body, ':');
    kube_json_string(body, binding->annotations[i].value);
  }
  buf_append_char(body, '}');
}

bool kube_bind(struct kube_client *client, const struct kube_binding *binding,
               const struct kube_stop *stop, struct kube_response *ret, struct err *reterr) {
  CLEANUP_BUF struct buf path, body;
  buf_init(&path, 4 << 10);
  buf_init(&body, BODY_MAX_BYTES);
  *ret = (struct kube_response){.retry_after_ms = -1};
  if (binding->node.len == 0)
    return err_set(reterr, ERR_INVALID, "the binding names no node");
  if (!kube_path(&kube_pods, binding->namespace, binding->name, "binding", &path, reterr))
    return false;
  buf_append_cstr(&body, "{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":");
  kube_json_string(&body, binding->name);
  put_member(&body, "namespace", binding->namespace);
  if (binding->uid.len > 0)
    put_member(&body, "uid", binding->uid);
  if (binding->resource_version.len > 0)
    put_member(&body, "resourceVersion", binding->resource_version);
  put_annotations(&body, binding);
  buf_append_cstr(&body, "},\"target\":{\"apiVersion\":\"v1\",\"kind\":\"Node\"");
  put_member(&body, "name", binding->node);
  buf_append_cstr(&body, "}}");
  const struct kube_request request = {
      .method = KUBE_POST, .timeout_ms = binding->timeout_ms, .stop = stop};
  return write_call(client, &request, &path, &body, ret, reterr);
}

/* ---- patches ----------------------------------------------------------------------------- */

static bool add_manager(const struct kube_patch *patch, struct buf *path, struct err *reterr) {
  enum { MANAGER_MAX_BYTES = 128 };
  struct str manager = str_of(patch->field_manager);
  if (patch->type == KUBE_APPLY && manager.len == 0)
    return err_set(reterr, ERR_INVALID, "server-side apply needs a field manager");
  if (manager.len > MANAGER_MAX_BYTES)
    return err_set(reterr, ERR_INVALID, "the field manager is longer than %d bytes",
                   MANAGER_MAX_BYTES);
  if (manager.len > 0)
    kube_path_query(path, "fieldManager", manager);
  if (patch->type == KUBE_APPLY && patch->force)
    kube_path_query(path, "force", STR_LIT("true"));
  if (patch->dry_run)
    kube_path_query(path, "dryRun", STR_LIT("All"));
  return true;
}

bool kube_patch(struct kube_client *client, const struct kube_patch *patch,
                const struct kube_stop *stop, struct kube_response *ret, struct err *reterr) {
  static const char *const types[] = {
      [KUBE_MERGE_PATCH] = "application/merge-patch+json",
      [KUBE_STRATEGIC_PATCH] = "application/strategic-merge-patch+json",
      [KUBE_JSON_PATCH] = "application/json-patch+json",
      [KUBE_APPLY] = "application/apply-patch+yaml",
  };
  CLEANUP_BUF struct buf path, body;
  buf_init(&path, 4 << 10);
  buf_init(&body, BODY_MAX_BYTES);
  *ret = (struct kube_response){.retry_after_ms = -1};
  if (patch->name.len == 0)
    return err_set(reterr, ERR_INVALID, "the patch names no object");
  if (!kube_path(patch->kind, patch->namespace, patch->name, patch->subresource, &path, reterr) ||
      !add_manager(patch, &path, reterr))
    return false;
  buf_append_str(&body, patch->body);
  const struct kube_request request = {.method = KUBE_PATCH,
                                       .content_type = types[patch->type],
                                       .timeout_ms = patch->timeout_ms,
                                       .stop = stop};
  return write_call(client, &request, &path, &body, ret, reterr);
}

bool kube_patch_status(struct kube_client *client, const struct kube_kind *kind,
                       struct str namespace, struct str name, struct str resource_version,
                       struct str status_json, const struct kube_stop *stop,
                       struct kube_response *ret, struct err *reterr) {
  CLEANUP_BUF struct buf body;
  buf_init(&body, BODY_MAX_BYTES);
  buf_append_char(&body, '{');
  if (resource_version.len > 0) {
    buf_append_cstr(&body, "\"metadata\":{\"resourceVersion\":");
    kube_json_string(&body, resource_version);
    buf_append_cstr(&body, "},");
  }
  buf_append_cstr(&body, "\"status\":");
  buf_append_str(&body, status_json);
  buf_append_char(&body, '}');
  *ret = (struct kube_response){.retry_after_ms = -1};
  if (body.truncated || !scan_is_closed(status_json))
    return err_set(reterr, body.truncated ? ERR_LIMIT : ERR_INVALID, "the status is %s",
                   body.truncated ? "too long" : "no JSON value");
  const struct kube_patch patch = {.kind = kind,
                                   .namespace = namespace,
                                   .name = name,
                                   .subresource = "status",
                                   .type = KUBE_MERGE_PATCH,
                                   .body = buf_str(&body)};
  return kube_patch(client, &patch, stop, ret, reterr);
}

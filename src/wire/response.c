/* SPDX-License-Identifier: Apache-2.0 */
/* admission.k8s.io/v1 AdmissionReview: the answer. Built and written by jansson. */
#include "wire_internal.h"

#include "json_write.h"

static json_t *status_json(const struct wire_response *response) {
  json_t *status = json_object();
  json_object_set_new(status, "status", json_string("Failure"));
  json_object_set_new(status, "message", wire_json_text(response->message));
  json_object_set_new(status, "reason", wire_json_text(response->reason));
  json_object_set_new(status, "code", json_integer(response->code));
  return status;
}

static void add_warnings(json_t *answer, const struct wire_response *response) {
  if (response->warnings.count == 0)
    return;
  json_t *warnings = json_array();
  for (size_t i = 0; i < response->warnings.count; i++)
    json_array_append_new(warnings, wire_json_text(response->warnings.items[i]));
  json_object_set_new(answer, "warnings", warnings);
}

static void add_audit(json_t *answer, const struct wire_response *response) {
  if (response->audit_annotation_count == 0)
    return;
  json_t *audit = json_object();
  for (size_t i = 0; i < response->audit_annotation_count; i++) {
    const struct key_value *pair = &response->audit_annotations[i];
    json_object_setn_new(audit, pair->key.ptr, pair->key.len, wire_json_text(pair->value));
  }
  json_object_set_new(answer, "auditAnnotations", audit);
}

static void add_patch(json_t *answer, const struct wire_response *response) {
  if (response->patch.len == 0)
    return;
  CLEANUP_BUF struct buf encoded;
  buf_init(&encoded, SIZE_MAX / 2);
  buf_append_base64(&encoded, response->patch);
  json_object_set_new(answer, "patchType", json_string("JSONPatch"));
  json_object_set_new(answer, "patch", wire_json_text(buf_str(&encoded)));
}

void wire_response_encode(const struct wire_response *response, struct buf *out) {
  json_t *answer = json_object();
  json_object_set_new(answer, "uid", wire_json_text(response->uid));
  json_object_set_new(answer, "allowed", json_boolean(response->is_allowed));
  if (!response->is_allowed)
    json_object_set_new(answer, "status", status_json(response));
  add_patch(answer, response);
  add_warnings(answer, response);
  add_audit(answer, response);
  json_t *review = json_object();
  json_object_set_new(review, "apiVersion", json_string("admission.k8s.io/v1"));
  json_object_set_new(review, "kind", json_string("AdmissionReview"));
  json_object_set_new(review, "response", answer);
  wire_json_write(review, out);
  json_decref(review);
}

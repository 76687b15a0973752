/* SPDX-License-Identifier: Apache-2.0 */
/* From a review to what admission is asked. */
#include "wire_internal.h"

static enum adm_operation operation_of(struct str text) {
  if (str_is(text, "CREATE"))
    return ADM_CREATE;
  return str_is(text, "UPDATE") ? ADM_UPDATE : ADM_OTHER;
}

static bool decode_object(struct arena *arena, const struct doc_node *object,
                          const struct wire_review *review, const struct policy_view *view,
                          const char *name, const struct workload **ret,
                          const struct workload_kind **ret_row, struct err *reterr) {
  struct workload *workload = arena_alloc(arena, sizeof(*workload));
  if (!wire_workload_decode(arena, object, view, workload, ret_row, reterr))
    return err_wrap(reterr, "%s", name);
  /* The API server names the namespace in the request; the object may leave it out. */
  if (workload->ns.len == 0)
    workload->ns = review->ns;
  *ret = workload;
  return true;
}

bool wire_request(struct arena *arena, const struct wire_review *review,
                  const struct policy_view *view, const struct cluster *cluster,
                  struct adm_request *ret, const struct workload_kind **ret_row,
                  struct err *reterr) {
  struct adm_request request = {.operation = operation_of(review->operation),
                                .is_user_known = true,
                                .user = review->user,
                                .groups = review->groups};
  bool is_ours = review->subresource.len == 0 || str_is(review->subresource, "ephemeralcontainers");
  *ret_row = NULL;
  if (!is_ours || !review->object || request.operation == ADM_OTHER)
    return true;
  const struct workload_kind *row, *old_row;
  if (!decode_object(arena, review->object, review, view, "object", &request.object, &row, reterr))
    return false;
  if (!row)
    return true;
  if (request.operation == ADM_UPDATE && review->old_object) {
    if (!decode_object(arena, review->old_object, review, view, "oldObject", &request.old, &old_row,
                       reterr))
      return false;
    if (!old_row)
      request.old = NULL;
  }
  request.is_changed =
      !request.old || wire_is_changed(arena, review->object, review->old_object, row, view);
  if (cluster && cluster->has_namespaces)
    request.ns_object = cluster_find_namespace(cluster, request.object->ns);
  *ret = request;
  *ret_row = row;
  return true;
}

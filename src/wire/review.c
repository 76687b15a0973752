/* SPDX-License-Identifier: Apache-2.0 */
/* admission.k8s.io/v1 AdmissionReview: the question. */
#include "wire_internal.h"

static bool wrong_review(const struct doc_node *node, const char *what, struct err *reterr) {
  return err_set_at(reterr, ERR_INVALID, node->line, node->column, "%s", what);
}

static const struct doc_node *present(const struct doc_node *node) {
  return node && node->kind != DOC_NULL ? node : NULL;
}

static bool read_user(struct arena *arena, const struct doc_node *request, struct wire_review *ret,
                      struct err *reterr) {
  struct trail here = {NULL, STR_LIT("request.userInfo"), 0};
  const struct doc_node *user, *groups;
  if (!wire_child(request, "userInfo", DOC_MAPPING, NULL, &user, reterr) ||
      !wire_child_text(user, "username", &here, &ret->user, reterr) ||
      !wire_child(user, "groups", DOC_SEQUENCE, &here, &groups, reterr))
    return false;
  if (!groups || groups->count == 0)
    return true;
  struct str *names = arena_array(arena, groups->count, sizeof(*names));
  for (uint32_t i = 0; i < groups->count; i++)
    names[i] = doc_text(&groups->items[i]);
  ret->groups = (struct strings){names, groups->count};
  return true;
}

bool wire_review_decode(struct arena *arena, struct str body, struct wire_review *ret,
                        struct err *reterr) {
  const struct doc_node *root;
  if (!doc_parse_json(arena, body, &doc_limits_review, &root, reterr))
    return false;
  if (!str_is(doc_text_at(root, "kind"), "AdmissionReview") ||
      !str_is(doc_text_at(root, "apiVersion"), "admission.k8s.io/v1"))
    return wrong_review(root, "this is no AdmissionReview of admission.k8s.io/v1", reterr);
  const struct doc_node *request = doc_get_lit(root, "request");
  if (!doc_is(request, DOC_MAPPING))
    return wrong_review(root, "the AdmissionReview has no request", reterr);
  struct wire_review review = {.uid = doc_text_at(request, "uid"),
                               .operation = doc_text_at(request, "operation"),
                               .subresource = doc_text_at(request, "subResource"),
                               .ns = doc_text_at(request, "namespace"),
                               .name = doc_text_at(request, "name"),
                               .is_dry_run = doc_is_true(doc_get_lit(request, "dryRun")),
                               .object = present(doc_get_lit(request, "object")),
                               .old_object = present(doc_get_lit(request, "oldObject"))};
  if (review.uid.len == 0)
    return wrong_review(request, "the request has no uid", reterr);
  const struct doc_node *kind = doc_get_lit(request, "kind");
  review.group = doc_text_at(kind, "group");
  review.version = doc_text_at(kind, "version");
  review.kind = doc_text_at(kind, "kind");
  review.resource = doc_text_at(doc_get_lit(request, "resource"), "resource");
  if (!read_user(arena, request, &review, reterr))
    return false;
  *ret = review;
  return true;
}

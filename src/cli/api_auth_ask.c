/* SPDX-License-Identifier: Apache-2.0 */
#include "api_auth_ask.h"

#include "slicegate/doc.h"
#include "slicegate/sys.h"

#include <stdio.h>

/* A user of very many groups has a review of some hundred kilobytes. */
enum { REVIEW_MAX_BYTES = 1 << 20 };

static const struct doc_limits review_limits = {REVIEW_MAX_BYTES, 32, 50000};

struct review {
  const char *path;
  struct buf body;
  struct kube_response response;
  const struct doc_node *status; /* of the answer */
};

static bool post(const struct api_auth_config *config, struct review *review, int64_t timeout_ms,
                 struct arena *arena, struct err *reterr) {
  const struct doc_node *root;
  if (review->body.truncated)
    return err_set(reterr, ERR_LIMIT, "the review would be larger than %d bytes", REVIEW_MAX_BYTES);
  const struct kube_request request = {.method = KUBE_POST,
                                       .path = str_of(review->path),
                                       .body = buf_str(&review->body),
                                       .max_bytes = REVIEW_MAX_BYTES,
                                       .timeout_ms = timeout_ms > 0 ? timeout_ms : 1,
                                       .stop = config->stop};
  if (!kube_call(config->client, &request, &review->response, reterr) ||
      !doc_parse_json(arena, buf_str(&review->response.body), &review_limits, &root, reterr))
    return err_wrap(reterr, "%s", review->path);
  review->status = doc_get_lit(root, "status");
  return doc_is(review->status, DOC_MAPPING) ||
         err_set(reterr, ERR_INVALID, "%s: the answer has no status", review->path);
}

/* The bytes of a body may hold a token. */
static void review_done(struct review *review) {
  if (review->body.ptr)
    explicit_bzero(review->body.ptr, review->body.len);
  if (review->response.body.ptr)
    explicit_bzero(review->response.body.ptr, review->response.body.len);
  buf_done(&review->body);
  kube_response_done(&review->response);
}

/* ---- who is it ----------------------------------------------------------------------------- */

static void put_token_review(struct buf *body, struct str token, const char *audience) {
  buf_append_cstr(body, "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\","
                        "\"spec\":{\"token\":");
  kube_json_string(body, token);
  if (audience) {
    buf_append_cstr(body, ",\"audiences\":[");
    kube_json_string(body, str_of(audience));
    buf_append_char(body, ']');
  }
  buf_append_cstr(body, "}}");
}

/* A server that knows no audiences names none, and has not looked whom the token is for. */
static bool is_for(const struct doc_node *audiences, const char *wanted) {
  for (uint32_t i = 0; doc_is(audiences, DOC_SEQUENCE) && i < audiences->count; i++)
    if (wanted && str_is(doc_text(&audiences->items[i]), wanted))
      return true;
  return !wanted;
}

/* ---- may they ------------------------------------------------------------------------------ */

static void put_strings(struct buf *body, const struct doc_node *items) {
  buf_append_char(body, '[');
  for (uint32_t i = 0; doc_is(items, DOC_SEQUENCE) && i < items->count; i++) {
    if (i > 0)
      buf_append_char(body, ',');
    kube_json_string(body, doc_text(&items->items[i]));
  }
  buf_append_char(body, ']');
}

static void put_access_review(struct buf *body, const struct doc_node *user, struct str path,
                              const char *verb) {
  const struct doc_node *extra = doc_get_lit(user, "extra");
  buf_append_cstr(body, "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":"
                        "\"SubjectAccessReview\",\"spec\":{\"user\":");
  kube_json_string(body, doc_text_at(user, "username"));
  buf_append_cstr(body, ",\"uid\":");
  kube_json_string(body, doc_text_at(user, "uid"));
  buf_append_cstr(body, ",\"groups\":");
  put_strings(body, doc_get_lit(user, "groups"));
  buf_append_cstr(body, ",\"extra\":{");
  for (uint32_t i = 0; doc_is(extra, DOC_MAPPING) && i < extra->count; i++) {
    if (i > 0)
      buf_append_char(body, ',');
    kube_json_string(body, extra->pairs[i].key);
    buf_append_char(body, ':');
    put_strings(body, &extra->pairs[i].value);
  }
  buf_append_cstr(body, "},\"nonResourceAttributes\":{\"path\":");
  kube_json_string(body, path);
  buf_append_cstr(body, ",\"verb\":");
  kube_json_string(body, str_of(verb));
  buf_append_cstr(body, "}}}");
}

/* ---- together ------------------------------------------------------------------------------ */

static void answer_unavailable(struct api_auth_answer *ret, const struct err *err) {
  ret->status = 503;
  (void)snprintf(ret->why, sizeof(ret->why), "the API server cannot be asked who may read this");
  sys_log(SYS_WARN, "a reader of the API cannot be checked", sys_err(err));
}

void api_auth_ask(const struct api_auth_config *config, struct str token, struct str path,
                  const char *verb, struct api_auth_answer *ret, int *ret_calls) {
  CLEANUP_ARENA struct arena *arena = arena_new(16 << 10);
  SG_CLEANUP(review_done)
  struct review who = {.path = "/apis/authentication.k8s.io/v1/tokenreviews"};
  SG_CLEANUP(review_done)
  struct review may = {.path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"};
  struct sys_mono began = sys_mono_now();
  struct err err;
  buf_init(&who.body, REVIEW_MAX_BYTES);
  buf_init(&may.body, REVIEW_MAX_BYTES);
  *ret = (struct api_auth_answer){.status = 401};
  *ret_calls = 1;
  put_token_review(&who.body, token, config->audience);
  if (!post(config, &who, config->timeout_ms, arena, &err)) {
    answer_unavailable(ret, &err);
    return;
  }
  const struct doc_node *user = doc_get_lit(who.status, "user");
  struct str name = doc_text_at(user, "username");
  if (!doc_is_true(doc_get_lit(who.status, "authenticated")) || name.len == 0 ||
      !is_for(doc_get_lit(who.status, "audiences"), config->audience)) {
    (void)snprintf(ret->why, sizeof(ret->why), "the API server does not know this token");
    return;
  }
  (void)snprintf(ret->user, sizeof(ret->user), "%.*s", STR_FMT(name));
  *ret_calls = 2;
  put_access_review(&may.body, user, path, verb);
  int64_t spent_ms = (sys_mono_now().ns - began.ns) / 1000000;
  if (!post(config, &may, config->timeout_ms - spent_ms, arena, &err)) {
    answer_unavailable(ret, &err);
    return;
  }
  /* An explicit denial outweighs what another authorizer allows. */
  bool is_allowed = doc_is_true(doc_get_lit(may.status, "allowed")) &&
                    !doc_is_true(doc_get_lit(may.status, "denied"));
  ret->status = is_allowed ? 200 : 403;
  if (!is_allowed)
    (void)snprintf(ret->why, sizeof(ret->why),
                   "user \"%s\" may not %s the path %.*s: bind a ClusterRole with "
                   "nonResourceURLs: [\"%.*s\"], verbs: [\"%s\"]",
                   ret->user, verb, STR_FMT(path), STR_FMT(path), verb);
}

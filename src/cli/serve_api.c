/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/serve_api.h"

#include "src/cli/cli_internal.h"
#include "src/cli/explain_cmd.h"

enum {
  /* Asked at a time, one of them waiting. A handler that waits holds up its thread's connections,
   * and admission reviews come on the same threads. */
  QUESTIONS_MAX = 2,
  NAME_MAX_BYTES = 253,
};

/* ---- who asks, and what ---------------------------------------------------------------------- */

/* Text of an answer, which tells a program when to come back. */
static void refuse(struct http_response *response, unsigned status, const char *why) {
  http_response_error(response, status, "%s", why);
  if (status == 503)
    http_response_header(response, "Retry-After", "1");
  if (status == 401)
    http_response_header(response, "WWW-Authenticate", "Bearer");
}

static bool may_ask(const struct api_door *door, const struct http_request *request,
                    struct http_response *response) {
  struct str authorization = {NULL, 0};
  struct api_auth_answer answer = {.status = 200};
  if (!door->auth && !door->is_loopback) {
    refuse(response, 403,
           "a recorded cluster has nobody to ask who may read it, and this listener is not "
           "loopback: serve the recording with --listen 127.0.0.1:PORT, or follow the cluster "
           "itself with --live");
    return false;
  }
  if (!door->auth)
    return true;
  (void)http_request_header(request, "Authorization", &authorization);
  api_auth_check(door->auth, authorization, STR_LIT(API_EXPLAIN_RIGHT), "get", &answer);
  if (answer.status != 200)
    refuse(response, answer.status, answer.why);
  return answer.status == 200;
}

static bool read_name(const struct http_request *request, const char *key, struct str *ret,
                      struct http_response *response) {
  if (!http_request_query(request, key, ret) || ret->len == 0)
    http_response_error(response, 400, "%s is missing: GET %s?namespace=NAMESPACE&pod=NAME", key,
                        API_EXPLAIN);
  else if (ret->len > NAME_MAX_BYTES)
    http_response_error(response, 400, "%s has %zu characters: no name has more than %d", key,
                        ret->len, NAME_MAX_BYTES);
  else if (!cli_is_dns_name(*ret))
    http_response_error(response, 400, "%s is no name: lower case letters, digits, '-' and '.' are",
                        key);
  else
    return true;
  return false;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void answer_missing(const struct cluster *cluster, struct arena *arena, struct str ns,
                           struct str name, struct http_response *response) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  explain_say_missing(cluster, ns, name, &text);
  struct str line = str_printable(arena, buf_str(&text), 4096);
  http_response_error(response, 404, "%.*s", STR_FMT(line));
}

static void answer(const struct api_door *door, const struct explain_view *view,
                   struct arena *arena, struct str ns, struct str name,
                   struct http_response *response) {
  const struct pod *pod = explain_live_find(door->explain, view, arena, ns, name);
  struct explain_item item = {.kind = STR_LIT("Pod"), .replicas = 1};
  if (!pod) {
    answer_missing(view->cluster, arena, ns, name, response);
    return;
  }
  const struct explain_question question = explain_live_question(pod);
  explain_pod(view->scene, &question, arena, &item.answer);
  const struct explain_report report = {.cluster = view->cluster, .items = &item, .count = 1};
  explain_write_json(&report, &response->body);
}

void serve_explain(void *ctx, const struct http_request *request, struct http_response *response) {
  const struct api_door *door = ctx;
  struct str ns, name;
  struct explain_view view;
  struct err err = {0};
  http_response_header(response, "Cache-Control", "no-store");
  if (!may_ask(door, request, response) || !read_name(request, "namespace", &ns, response) ||
      !read_name(request, "pod", &name, response))
    return;
  if (!explain_live_enter(door->explain, QUESTIONS_MAX, &view, &err)) {
    refuse(response, err.code == ERR_UNAVAILABLE ? 503 : 500, err.text);
    return;
  }
  answer(door, &view, request->arena, ns, name, response);
  explain_live_leave(door->explain);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /validate and /mutate: decode, judge, encode. What cannot be decoded as a review
 * is a 400; a review that cannot be judged gets a verdict by the policy's failureStance.
 */
#include "serve_internal.h"

enum { MESSAGE_MAX = 16 << 10 };

struct review_call {
  struct serve *serve;
  const char *path;
  struct judge *judge;
  struct arena *arena;
  struct wire_review review;
  struct adm_request request;
  struct str kind; /* for metrics */
  struct wire_response answer;
};

static void count(struct review_call *call, const char *verdict) {
  serve_metrics_review(call->serve->metrics, call->path, call->kind, verdict);
}

static void log_refusal(struct review_call *call) {
  /* Names and the reason, never the object. */
  sys_log(SYS_INFO, "refused", sys_cstr("path", call->path), sys_str("uid", call->review.uid),
          sys_str("kind", call->review.kind), sys_str("namespace", call->review.ns),
          sys_str("name", call->review.name), sys_str("user", call->review.user),
          sys_bool("dry_run", call->review.is_dry_run), sys_str("reason", call->answer.message));
}

static void refuse(struct review_call *call, int code, const char *reason, struct str message) {
  call->answer.is_allowed = false;
  call->answer.code = code;
  call->answer.reason = str_of(reason);
  call->answer.message = message;
}

static struct str findings_message(struct review_call *call, const struct finding *findings,
                                   size_t finding_count) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, MESSAGE_MAX + 256);
  adm_refusal(call->request.object, findings, finding_count, MESSAGE_MAX, &text);
  return str_copy(call->arena, buf_str(&text));
}

/* A well-formed review of an object that we cannot read. */
static void answer_unjudged(struct review_call *call, const struct err *err) {
  count(call, "unjudged");
  sys_log(SYS_WARN, "cannot be judged", sys_cstr("path", call->path),
          sys_str("uid", call->review.uid), sys_str("kind", call->review.kind),
          sys_str("namespace", call->review.ns), sys_str("name", call->review.name), sys_err(err));
  if (call->judge->view->denies_on_failure) {
    refuse(call, 422, "Invalid",
           str_printf(call->arena, "slicegate cannot judge this object: %s", err->text));
    return;
  }
  struct str *warning = arena_alloc(call->arena, sizeof(*warning));
  *warning = str_printf(call->arena, "slicegate could not judge this object: %s", err->text);
  call->answer.warnings = (struct strings){warning, 1};
}

/* Audit findings go to the API server's audit log: one annotation a rule. */
static void add_audit(struct review_call *call, const struct adm_verdict *verdict) {
  struct key_value *pairs = arena_array(call->arena, RULE_COUNT, sizeof(*pairs));
  size_t pair_count = 0;
  for (size_t i = 0; i < verdict->finding_count; i++) {
    const struct finding *finding = &verdict->findings[i];
    if (finding->severity != SEVERITY_AUDIT)
      continue;
    struct str rule = str_of(rule_name(finding->rule));
    struct str line =
        str_printf(call->arena, "%.*s: %.*s", STR_FMT(finding->field), STR_FMT(finding->message));
    if (pair_count && str_eq(pairs[pair_count - 1].key, rule))
      pairs[pair_count - 1].value = str_printf(call->arena, "%.*s | %.*s",
                                               STR_FMT(pairs[pair_count - 1].value), STR_FMT(line));
    else if (pair_count < RULE_COUNT)
      pairs[pair_count++] = (struct key_value){rule, line};
  }
  call->answer.audit_annotations = pairs;
  call->answer.audit_annotation_count = pair_count;
}

static void judge_validate(struct review_call *call) {
  struct adm_verdict verdict;
  adm_validate(call->judge->view, call->judge->facts, &call->request, call->arena, &verdict);
  serve_metrics_findings(call->serve->metrics, call->kind, verdict.findings, verdict.finding_count);
  call->answer.warnings = adm_warnings(verdict.findings, verdict.finding_count, call->arena);
  add_audit(call, &verdict);
  if (!verdict.is_allowed) {
    refuse(call, 403, "Forbidden", findings_message(call, verdict.findings, verdict.finding_count));
    count(call, "denied");
    log_refusal(call);
    return;
  }
  const char *name = "allowed";
  if (verdict.is_exempt)
    name = "exempt";
  else if (verdict.is_skipped)
    name = "unchanged";
  else if (call->answer.warnings.count)
    name = "warned";
  count(call, name);
}

static void judge_mutate(struct review_call *call) {
  struct adm_mutation mutation;
  adm_mutate(call->judge->view, call->judge->facts, &call->request, call->arena, &mutation);
  if (mutation.refusal_count) {
    serve_metrics_findings(call->serve->metrics, call->kind, mutation.refusals,
                           mutation.refusal_count);
    refuse(call, 403, "Forbidden",
           findings_message(call, mutation.refusals, mutation.refusal_count));
    count(call, "denied");
    log_refusal(call);
    return;
  }
  call->answer.patch =
      wire_patch_encode(call->arena, call->review.object, mutation.patches, mutation.patch_count);
  count(call, mutation.patch_count ? "patched" : "allowed");
}

static void handle(struct serve *serve, const char *path, void (*judge)(struct review_call *),
                   bool is_validate, const struct http_request *request,
                   struct http_response *response) {
  struct review_call call = {
      .serve = serve, .path = path, .arena = request->arena, .kind = STR_LIT("other")};
  struct err err;
  if (!wire_review_decode(call.arena, request->body, &call.review, &err)) {
    sys_log(SYS_WARN, "not a review", sys_cstr("path", path), sys_cstr("peer", request->peer),
            sys_int("line", err.line), sys_int("column", err.column), sys_err(&err));
    http_response_error(response, err.code == ERR_LIMIT ? 413 : 400, "line %u, column %u: %s",
                        err.line, err.column, err.text);
    return;
  }
  call.answer = (struct wire_response){.uid = call.review.uid, .is_allowed = true};
  call.judge = judges_acquire(serve->judges);
  const struct workload_kind *row =
      policy_find_kind(call.judge->view, call.review.group, call.review.kind);
  if (row)
    call.kind = row->kind;
  if (!wire_request(call.arena, &call.review, call.judge->view, call.judge->cluster, &call.request,
                    &row, &err)) {
    /* /validate follows and speaks for both. */
    if (is_validate)
      answer_unjudged(&call, &err);
  } else if (row) {
    call.request.now_seconds = sys_wall_now().ns / 1000000000;
    call.request.cluster_stale_seconds = judges_stale_seconds(serve->judges);
    judge(&call);
  } else {
    count(&call, "allowed");
  }
  wire_response_encode(&call.answer, &response->body);
  judge_release(call.judge);
}

void serve_validate(void *ctx, const struct http_request *request, struct http_response *response) {
  handle(ctx, "/validate", judge_validate, true, request, response);
}

void serve_mutate(void *ctx, const struct http_request *request, struct http_response *response) {
  handle(ctx, "/mutate", judge_mutate, false, request, response);
}

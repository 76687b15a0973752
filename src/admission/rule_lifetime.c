/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifetime: every GPU workload says when it ends: by a deadline that its own controller
 * holds (which fields those are is a column of the kinds table) or by the time in
 * slicegate.dev/expires-at. Nothing here ends anything, and no message says so.
 *
 * The maximum counts from now, for an UPDATE too: when a workload began is not in every
 * object, and extending it anew is a decision that somebody takes each time.
 */
#include "src/admission/admission_internal.h"

static const struct str expires_key = {"slicegate.dev/expires-at", 24};

int64_t lifetime_maximum(const struct rule_context *ctx) {
  const struct param_value *maximum = ctx->effective->params[P_LIFETIME_MAXIMUM];
  int64_t otherwise = -1;
  for (size_t i = 0; i < maximum->environments.count; i++) {
    const struct env_duration *row = &maximum->environments.items[i];
    if (ctx->environment.len && str_eq(row->environment, ctx->environment))
      return row->seconds;
    if (str_is(row->environment, "*"))
      otherwise = row->seconds;
  }
  return otherwise;
}

/* The object's own word first, then that of its templates. */
const struct str *find_expiry(const struct rule_context *ctx, struct str *ret_field) {
  struct rule_context at = *ctx;
  at.tmpl = NULL;
  const struct str *found = find_declared(&at, expires_key);
  for (size_t i = 0; !found && i < ctx->workload->template_count; i++) {
    at.tmpl = &ctx->workload->templates[i];
    found = find_declared(&at, expires_key);
  }
  if (ret_field)
    *ret_field =
        found ? declared_field(&at, expires_key) : annotation_field(ctx, false, expires_key);
  return found;
}

/*
 * A deadline inside a list item ("spec.replicatedJobs[1].template.spec...") ends what is made
 * from that item; one outside of lists ends everything.
 */
static bool covers(const struct deadline *deadline, const struct pod_template *tmpl) {
  size_t end = deadline->path.len;
  while (end > 0 && deadline->path.ptr[end - 1] != ']')
    end--;
  return str_starts_with(tmpl->path, (struct str){deadline->path.ptr, end});
}

static const struct deadline *earliest_deadline(const struct workload *workload,
                                                const struct pod_template *tmpl) {
  const struct deadline *earliest = NULL;
  for (size_t i = 0; i < workload->deadline_count; i++) {
    const struct deadline *deadline = &workload->deadlines[i];
    if (deadline->seconds > 0 && covers(deadline, tmpl) &&
        (!earliest || deadline->seconds < earliest->seconds))
      earliest = deadline;
  }
  return earliest;
}

static bool asks_for_gpu(const struct rule_context *ctx, const struct pod_template *tmpl) {
  struct rule_context at = *ctx;
  at.tmpl = tmpl;
  collect_gpu_requests(&at);
  return at.gpu_count > 0;
}

/* The deadline of the template that runs longest, of those that ask for a GPU. *ret_endless
 * is the first of them without one. */
static const struct deadline *latest_end(const struct rule_context *ctx,
                                         const struct pod_template **ret_endless) {
  const struct workload *workload = ctx->workload;
  const struct deadline *latest = NULL;
  *ret_endless = NULL;
  for (size_t i = 0; i < workload->template_count; i++) {
    const struct pod_template *tmpl = &workload->templates[i];
    if (!asks_for_gpu(ctx, tmpl))
      continue;
    const struct deadline *deadline = earliest_deadline(workload, tmpl);
    if (!deadline) {
      *ret_endless = tmpl;
      return NULL;
    }
    if (!latest || deadline->seconds > latest->seconds)
      latest = deadline;
  }
  return latest;
}

/* The row's path with the template's list indices: "spec.replicatedJobs[].template.spec.x" and
 * "spec.replicatedJobs[1].template.spec.template" give "spec.replicatedJobs[1].template.spec.x". */
static struct str path_for(const struct rule_context *ctx, struct str pattern,
                           const struct pod_template *tmpl) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  struct str indices = tmpl->path;
  for (size_t i = 0; i < pattern.len; i++) {
    buf_append_char(&out, pattern.ptr[i]);
    if (pattern.ptr[i] != '[')
      continue;
    indices = str_skip(indices, str_find_char(indices, '['));
    size_t close = str_find_char(indices, ']');
    if (close < indices.len) {
      buf_append(&out, indices.ptr + 1, close - 1);
      indices = str_skip(indices, close);
    }
  }
  return str_copy(ctx->arena, buf_str(&out));
}

/* "environment dev allows", "the policy allows" */
static struct str who_allows(struct rule_context *ctx) {
  if (ctx->environment.len == 0)
    return STR_LIT("the policy allows");
  return str_printf(ctx->arena, "environment %.*s allows", STR_FMT(shown(ctx, ctx->environment)));
}

/* Only a time can be named: nothing in an object of this kind ends it. */
static void report_no_expiry(struct rule_context *ctx, int64_t maximum) {
  int64_t now = ctx->request->now_seconds, day = 86400;
  struct str example =
      rfc3339_text(ctx->arena, i64_add_sat(now, maximum >= 0 && maximum < day ? maximum : day));
  struct str latest = {NULL, 0};
  if (maximum >= 0)
    latest = str_printf(ctx->arena, " (%.*s at the latest)",
                        STR_FMT(rfc3339_text(ctx->arena, i64_add_sat(now, maximum))));
  rule_report(ctx, RULE_LIFETIME, SEVERITY_DENY, annotation_field(ctx, false, expires_key),
              str_printf(ctx->arena, "nothing says until when this %.*s needs its GPUs",
                         STR_FMT(shown(ctx, ctx->workload->kind))),
              str_printf(ctx->arena,
                         "annotate it with slicegate.dev/expires-at: %.*s or the like%.*s",
                         STR_FMT(example), STR_FMT(latest)));
}

static void report_no_end(struct rule_context *ctx, const struct pod_template *tmpl,
                          int64_t maximum) {
  struct str path = path_for(ctx, ctx->workload->row->deadline_paths[0], tmpl);
  struct str most = {NULL, 0};
  if (maximum >= 0)
    most = str_printf(ctx->arena, " to at most %lld (%.*s)", (long long)maximum,
                      STR_FMT(duration_text(ctx->arena, maximum)));
  rule_report(
      ctx, RULE_LIFETIME, SEVERITY_DENY, path,
      str_printf(ctx->arena, "nothing ends this %.*s: a hung process holds its GPUs for ever%s",
                 STR_FMT(shown(ctx, ctx->workload->kind)),
                 ctx->workload->ttl_path.len ? " (ttlSecondsAfterFinished counts from the end)"
                                             : ""),
      str_printf(ctx->arena, "set %.*s%.*s, or annotate it with slicegate.dev/expires-at",
                 STR_FMT(path), STR_FMT(most)));
}

static void report_too_long(struct rule_context *ctx, const struct deadline *deadline,
                            int64_t maximum) {
  rule_report(ctx, RULE_LIFETIME, SEVERITY_DENY, deadline->path,
              str_printf(ctx->arena, "may run for %.*s, longer than the %.*s that %.*s",
                         STR_FMT(duration_text(ctx->arena, deadline->seconds)),
                         STR_FMT(duration_text(ctx->arena, maximum)), STR_FMT(who_allows(ctx))),
              str_printf(ctx->arena, "set it to at most %lld", (long long)maximum));
}

static void report_too_late(struct rule_context *ctx, struct str field, struct str text,
                            int64_t maximum) {
  int64_t latest = i64_add_sat(ctx->request->now_seconds, maximum);
  rule_report(ctx, RULE_LIFETIME, SEVERITY_DENY, field,
              str_printf(ctx->arena, "expires at %.*s, more than the %.*s from now that %.*s",
                         STR_FMT(shown(ctx, text)), STR_FMT(duration_text(ctx->arena, maximum)),
                         STR_FMT(who_allows(ctx))),
              str_printf(ctx->arena, "set it to %.*s or earlier",
                         STR_FMT(rfc3339_text(ctx->arena, latest))));
}

/* False when the expiry is there but wrong, and said so. */
static bool read_expiry(struct rule_context *ctx, struct str text, struct str field,
                        int64_t *ret_seconds) {
  struct str example = rfc3339_text(ctx->arena, i64_add_sat(ctx->request->now_seconds, 86400));
  if (!rfc3339_parse(text, ret_seconds)) {
    rule_report(
        ctx, RULE_LIFETIME, SEVERITY_DENY, field,
        str_printf(ctx->arena, "\"%.*s\" is no time in RFC 3339", STR_FMT(shown(ctx, text))),
        str_printf(ctx->arena, "write it like %.*s", STR_FMT(example)));
    return false;
  }
  if (*ret_seconds <= ctx->request->now_seconds) {
    rule_report(ctx, RULE_LIFETIME, SEVERITY_DENY, field,
                str_printf(ctx->arena, "expired already, at %.*s", STR_FMT(shown(ctx, text))),
                STR_LIT("set it to the time until which it is needed, or delete the workload"));
    return false;
  }
  return true;
}

void rule_lifetime(struct rule_context *ctx) {
  /* What made it was judged when it was applied; its pods need no deadline of their own. */
  if (ctx->is_child)
    return;
  struct str field;
  int64_t expires = 0;
  const struct str *expiry = find_expiry(ctx, &field);
  if (expiry && !read_expiry(ctx, *expiry, field, &expires))
    return;
  const struct workload_kind *row = ctx->workload->row;
  if (row->is_service && !ctx->effective->params[P_LIFETIME_SERVICES]->truth)
    return;
  int64_t maximum = lifetime_maximum(ctx);
  const struct pod_template *endless;
  const struct deadline *deadline = latest_end(ctx, &endless);
  if (!expiry && !deadline) {
    if (row->deadline_path_count && endless)
      report_no_end(ctx, endless, maximum);
    else
      report_no_expiry(ctx, maximum);
    return;
  }
  if (maximum < 0 || (deadline && deadline->seconds <= maximum) ||
      (expiry && expires - ctx->request->now_seconds <= maximum))
    return;
  if (deadline)
    report_too_long(ctx, deadline, maximum);
  else
    report_too_late(ctx, field, *expiry, maximum);
}

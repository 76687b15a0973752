/* SPDX-License-Identifier: Apache-2.0 */
/* How rules report and how they read labels: everything a rule asks of its context. */
#include "src/admission/admission_internal.h"

/* ---- reporting ----------------------------------------------------------------- */

void rule_report(struct rule_context *ctx, enum rule_id rule, enum severity severity_cap,
                 struct str field, struct str message, struct str remedy) {
  enum severity severity = ctx->effective->severities[rule];
  if (severity > severity_cap)
    severity = severity_cap;
  if (severity == SEVERITY_OFF)
    return;
  struct found *found = &ctx->found;
  if (found->count == found->capacity) {
    size_t capacity = found->capacity ? found->capacity * 2 : 8;
    struct finding *findings = arena_array(ctx->arena, capacity, sizeof(*findings));
    const struct pod_template **origins = arena_array(ctx->arena, capacity, sizeof(*origins));
    if (found->count) {
      memcpy(findings, found->findings, found->count * sizeof(*findings));
      memcpy(origins, found->origins, found->count * sizeof(*origins));
    }
    found->findings = findings;
    found->origins = origins;
    found->capacity = capacity;
  }
  found->origins[found->count] = ctx->tmpl;
  found->findings[found->count++] = (struct finding){
      .rule = rule, .severity = severity, .field = field, .message = message, .remedy = remedy};
}

/* "40 seconds", "1 minute", "3 hours" */
static struct str age_text(const struct rule_context *ctx, int64_t seconds) {
  static const struct {
    int64_t seconds;
    const char *word;
  } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
  size_t i = 0;
  while (i + 1 < SG_ARRAY_LEN(units) && seconds < units[i].seconds)
    i++;
  int64_t count = seconds / units[i].seconds;
  return str_printf(ctx->arena, "%lld %s%s", (long long)count, units[i].word,
                    count == 1 ? "" : "s");
}

void rule_report_seen(struct rule_context *ctx, enum rule_id rule, enum severity severity_cap,
                      struct str field, struct str message, struct str remedy) {
  int64_t stale_seconds = ctx->request->cluster_stale_seconds;
  if (stale_seconds > 0) {
    enum severity severity = ctx->effective->severities[rule];
    bool is_refusal = severity >= SEVERITY_DENY && severity_cap >= SEVERITY_DENY;
    message = str_printf(ctx->arena, "%.*s (the cluster was last heard of %.*s ago%s)",
                         STR_FMT(message), STR_FMT(age_text(ctx, stale_seconds)),
                         is_refusal ? ": not refused for that" : "");
    severity_cap = is_refusal ? SEVERITY_WARN : severity_cap;
  }
  rule_report(ctx, rule, severity_cap, field, message, remedy);
}

void rule_report_if_seen(struct rule_context *ctx, bool is_seen, enum rule_id rule,
                         enum severity severity_cap, struct str field, struct str message,
                         struct str remedy) {
  (is_seen ? rule_report_seen : rule_report)(ctx, rule, severity_cap, field, message, remedy);
}

/* ---- user's text in our sentences ------------------------------------------------ */

/* Long enough for any resource name or label value in use, short enough for a sentence. */
enum { SHOWN_BYTES_MAX = 128 };

struct str shown(const struct rule_context *ctx, struct str text) {
  return str_printable(ctx->arena, text, SHOWN_BYTES_MAX);
}

struct str shown_list(const struct rule_context *ctx, const struct str *items, size_t count,
                      const char *last_word) {
  enum { LISTED_MAX = 8 };
  CLEANUP_BUF struct buf out;
  buf_init(&out, 8192);
  size_t listed = count < LISTED_MAX ? count : LISTED_MAX;
  for (size_t i = 0; i < listed; i++) {
    if (i > 0 && i + 1 == count)
      buf_printf(&out, " %s ", last_word);
    else if (i > 0)
      buf_append_cstr(&out, ", ");
    buf_append_str(&out, shown(ctx, items[i]));
  }
  if (listed < count)
    buf_printf(&out, " %s %zu more", last_word, count - listed);
  return str_copy(ctx->arena, buf_str(&out));
}

/* ---- field paths ----------------------------------------------------------------- */

/* "base.suffix", or just "suffix" when there is no base (a Pod's own metadata). */
static struct str join_path(struct arena *arena, struct str base, struct str suffix) {
  if (base.len == 0)
    return suffix;
  char *out = arena_alloc(arena, base.len + suffix.len + 2);
  memcpy(out, base.ptr, base.len);
  out[base.len] = '.';
  if (suffix.len)
    memcpy(out + base.len + 1, suffix.ptr, suffix.len);
  return (struct str){out, base.len + 1 + suffix.len};
}

struct str spec_field(const struct rule_context *ctx, const char *fmt, ...) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  struct str base = ctx->tmpl->spec_path.len ? ctx->tmpl->spec_path : ctx->tmpl->path;
  if (base.len) {
    buf_append_str(&out, base);
    buf_append_char(&out, '.');
  }
  va_list args;
  va_start(args, fmt);
  buf_vprintf(&out, fmt, args);
  va_end(args);
  return str_copy(ctx->arena, buf_str(&out));
}

struct str amount_field(const struct rule_context *ctx, const struct container *container,
                        const char *list, struct str resource) {
  const struct pod_template *tmpl = ctx->tmpl;
  if (tmpl->form == FORM_GPU_COUNT)
    return join_path(ctx->arena, tmpl->path, STR_LIT("quantity"));
  /* The template *is* the resources there: no container stands between. */
  struct str base = tmpl->form == FORM_RESOURCES
                        ? tmpl->path
                        : join_path(ctx->arena, container_path(ctx->arena, tmpl, container),
                                    STR_LIT("resources"));
  return str_printf(ctx->arena, "%.*s.%s[%.*s]", STR_FMT(base), list, STR_FMT(resource));
}

bool has_pod_spec(const struct pod_template *tmpl) {
  return (tmpl->form == FORM_TEMPLATE || tmpl->form == FORM_POD_SPEC) && !tmpl->is_partial;
}

/* A Pod's template is the object itself: its path is empty and so is the prefix. */
static struct str metadata_field(const struct rule_context *ctx, bool in_template, const char *map,
                                 struct str key) {
  bool is_own = in_template && ctx->tmpl && ctx->tmpl->form == FORM_TEMPLATE;
  struct str base = is_own ? ctx->tmpl->path : (struct str){NULL, 0};
  return str_printf(ctx->arena, "%.*s%smetadata.%s[%.*s]", STR_FMT(base), base.len ? "." : "", map,
                    STR_FMT(key));
}

struct str label_field(const struct rule_context *ctx, bool in_template, struct str key) {
  return metadata_field(ctx, in_template, "labels", key);
}

struct str annotation_field(const struct rule_context *ctx, bool in_template, struct str key) {
  return metadata_field(ctx, in_template, "annotations", key);
}

/* ---- labels and annotations -------------------------------------------------------- */

const struct str *find_label(const struct rule_context *ctx, struct str key) {
  const struct str *found =
      ctx->tmpl ? kv_find(ctx->tmpl->labels, ctx->tmpl->label_count, key) : NULL;
  return found ? found : kv_find(ctx->workload->labels, ctx->workload->label_count, key);
}

const struct str *find_annotation(const struct rule_context *ctx, struct str key) {
  const struct str *found =
      ctx->tmpl ? kv_find(ctx->tmpl->annotations, ctx->tmpl->annotation_count, key) : NULL;
  return found ? found : kv_find(ctx->workload->annotations, ctx->workload->annotation_count, key);
}

/* Where a user may declare something about a workload, the nearest to the pod first. */
struct declaration {
  const struct str *value;
  bool in_template, is_label;
};

static struct declaration declaration_of(const struct rule_context *ctx, struct str key) {
  const struct pod_template *tmpl = ctx->tmpl;
  const struct workload *workload = ctx->workload;
  const struct str *value = NULL;
  if (tmpl && (value = kv_find(tmpl->annotations, tmpl->annotation_count, key)))
    return (struct declaration){value, true, false};
  if (tmpl && (value = kv_find(tmpl->labels, tmpl->label_count, key)))
    return (struct declaration){value, true, true};
  if ((value = kv_find(workload->annotations, workload->annotation_count, key)))
    return (struct declaration){value, false, false};
  value = kv_find(workload->labels, workload->label_count, key);
  return (struct declaration){value, false, true};
}

const struct str *find_declared(const struct rule_context *ctx, struct str key) {
  return declaration_of(ctx, key).value;
}

struct str declared_field(const struct rule_context *ctx, struct str key) {
  struct declaration found = declaration_of(ctx, key);
  if (!found.value)
    return annotation_field(ctx, true, key);
  return found.is_label ? label_field(ctx, found.in_template, key)
                        : annotation_field(ctx, found.in_template, key);
}

/* The label as the cluster will count it: that of the namespace serves where budget-labels
 * says so, so that rules that ask for the environment agree with the rule that demands it. */
static struct str counted_label(const struct rule_context *ctx, struct str key) {
  const struct str *found = find_label(ctx, key);
  const struct k8s_namespace *ns = ctx->request->ns_object;
  const struct param_value *labels = ctx->effective->params[P_LABELS];
  for (size_t i = 0; !found && ns && i < labels->labels.count; i++) {
    const struct label_requirement *item = &labels->labels.items[i];
    if (item->is_from_namespace && str_eq(item->key, key))
      found = kv_find(ns->labels, ns->label_count, key);
  }
  return found ? *found : (struct str){NULL, 0};
}

void context_enter(struct rule_context *ctx, const struct effective *effective,
                   const struct pod_template *tmpl) {
  ctx->effective = effective;
  ctx->tmpl = tmpl;
  ctx->destinations = arena_alloc(ctx->arena, sizeof(*ctx->destinations));
  *ctx->destinations = (struct destinations){.is_known = false};
  collect_gpu_requests(ctx);
  ctx->environment = counted_label(ctx, STR_LIT("slicegate.dev/environment"));
  ctx->workload_type = counted_label(ctx, STR_LIT("slicegate.dev/workload-type"));
  ctx->team = counted_label(ctx, STR_LIT("slicegate.dev/team"));
}

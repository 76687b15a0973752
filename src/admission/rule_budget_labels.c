/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget-labels: cost is counted by labels of pods, so a pod template must carry them; a
 * label on the Deployment alone never reaches a pod. Where a template has no metadata of
 * its own (a Notebook's PodSpec, an InferenceService's resources), or is only laid over
 * another (Spark's), the object's labels are what can be asked for, once for all of them.
 */
#include "src/admission/admission_internal.h"

static const char *const kept_by = "which cost is counted by";

/* The nearest of the allowed values that are no patterns. */
static struct str nearest_value(struct rule_context *ctx, const struct strings *allowed,
                                struct str value) {
  struct str *plain = arena_array(ctx->arena, allowed->count, sizeof(*plain));
  size_t count = 0;
  for (size_t i = 0; i < allowed->count; i++) {
    struct str item = allowed->items[i];
    if (str_find_char(item, '*') == item.len && str_find_char(item, '?') == item.len)
      plain[count++] = item;
  }
  return str_nearest(value, plain, count);
}

/* "one of dev, staging or production", "a value like prod-*", "the owner". */
static struct str allowed_text(struct rule_context *ctx, const struct label_requirement *wanted) {
  if (wanted->values.count == 0)
    return STR_LIT("whom it is counted for");
  struct str list = shown_list(ctx, wanted->values.items, wanted->values.count, "or");
  return wanted->values.count == 1 ? list : str_printf(ctx->arena, "one of %.*s", STR_FMT(list));
}

bool budget_label_allows(const struct label_requirement *wanted, struct str value) {
  return value.len > 0 && (wanted->values.count == 0 || strings_match(&wanted->values, value));
}

/* Where the namespace would do, its labels are what was seen of it. */
static void report_missing(struct rule_context *ctx, const struct label_requirement *wanted,
                           bool in_template) {
  bool is_seen = wanted->is_from_namespace;
  struct str key = shown(ctx, wanted->key);
  const struct str *on_object =
      in_template ? kv_find(ctx->workload->labels, ctx->workload->label_count, wanted->key) : NULL;
  struct str field = label_field(ctx, in_template, wanted->key);
  if (on_object) {
    bool is_allowed = budget_label_allows(wanted, *on_object);
    struct str value = is_allowed ? *on_object : nearest_value(ctx, &wanted->values, *on_object);
    rule_report_if_seen(
        ctx, is_seen, RULE_BUDGET_LABELS, SEVERITY_DENY, field,
        str_printf(ctx->arena, "label %.*s stands on the %.*s but not on its pods, %s",
                   STR_FMT(key), STR_FMT(shown(ctx, ctx->workload->kind)), kept_by),
        value.len
            ? str_printf(ctx->arena, "%s %.*s: %.*s in the labels of the pod template",
                         is_allowed ? "repeat" : "write", STR_FMT(key), STR_FMT(shown(ctx, value)))
            : str_printf(ctx->arena, "set it to %.*s in the labels of the pod template",
                         STR_FMT(allowed_text(ctx, wanted))));
    return;
  }
  rule_report_if_seen(ctx, is_seen, RULE_BUDGET_LABELS, SEVERITY_DENY, field,
                      str_printf(ctx->arena, "label %.*s, %s, is missing", STR_FMT(key), kept_by),
                      str_printf(ctx->arena, "set it to %.*s%s", STR_FMT(allowed_text(ctx, wanted)),
                                 wanted->is_from_namespace ? ", or set it on the namespace" : ""));
}

static void report_value(struct rule_context *ctx, const struct label_requirement *wanted,
                         struct str value, struct str field, bool is_of_namespace) {
  const char *whose = is_of_namespace ? "the namespace's " : "";
  struct str key = shown(ctx, wanted->key);
  struct str nearest = nearest_value(ctx, &wanted->values, value);
  struct str message =
      value.len ? str_printf(ctx->arena, "%slabel %.*s is \"%.*s\", which is not allowed", whose,
                             STR_FMT(key), STR_FMT(shown(ctx, value)))
                : str_printf(ctx->arena, "%slabel %.*s is empty", whose, STR_FMT(key));
  struct str remedy;
  if (nearest.len)
    remedy =
        str_printf(ctx->arena, "write %.*s (allowed: %.*s)", STR_FMT(shown(ctx, nearest)),
                   STR_FMT(shown_list(ctx, wanted->values.items, wanted->values.count, "and")));
  else
    remedy = str_printf(ctx->arena, "set it to %.*s", STR_FMT(allowed_text(ctx, wanted)));
  rule_report_if_seen(ctx, is_of_namespace, RULE_BUDGET_LABELS, SEVERITY_DENY, field, message,
                      remedy);
}

/* Neither the pods nor, where they count, the object have the label. */
static void judge_absent(struct rule_context *ctx, const struct label_requirement *wanted,
                         bool in_template) {
  const struct k8s_namespace *ns = ctx->request->ns_object;
  if (wanted->is_from_namespace && !ns)
    return; /* the namespace may well have it: not known here, so not missed */
  const struct str *of_namespace =
      wanted->is_from_namespace ? kv_find(ns->labels, ns->label_count, wanted->key) : NULL;
  if (of_namespace && !budget_label_allows(wanted, *of_namespace))
    report_value(ctx, wanted, *of_namespace, label_field(ctx, in_template, wanted->key), true);
  else if (!of_namespace && wanted->is_required)
    report_missing(ctx, wanted, in_template);
}

static void judge_label(struct rule_context *ctx, const struct label_requirement *wanted,
                        bool object_counts) {
  const struct pod_template *tmpl = ctx->tmpl;
  const struct str *own =
      tmpl->form == FORM_TEMPLATE ? kv_find(tmpl->labels, tmpl->label_count, wanted->key) : NULL;
  bool in_template = own != NULL || !object_counts;
  if (!own && object_counts) {
    if (ctx->has_judged_object_labels)
      return;
    own = kv_find(ctx->workload->labels, ctx->workload->label_count, wanted->key);
  }
  if (!own)
    judge_absent(ctx, wanted, in_template);
  else if (!budget_label_allows(wanted, *own))
    report_value(ctx, wanted, *own, label_field(ctx, in_template, wanted->key), false);
}

void rule_budget_labels(struct rule_context *ctx) {
  const struct param_value *labels = ctx->effective->params[P_LABELS];
  bool object_counts = ctx->tmpl->form != FORM_TEMPLATE || ctx->tmpl->is_partial;
  for (size_t i = 0; i < labels->labels.count; i++)
    judge_label(ctx, &labels->labels.items[i], object_counts);
  ctx->has_judged_object_labels = ctx->has_judged_object_labels || object_counts;
}

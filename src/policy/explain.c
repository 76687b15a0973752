/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `slicegate policy explain`: the tables as text, 80 columns wide. Nothing is said here
 * that is not in a table: docs/policy.md holds the output of this file.
 */
#include "policy_internal.h"

enum { WIDTH = 80, MAX_WORDS = 4096, FIRST_CHUNK = 16 * 1024 };

/* ---- wrapped text ------------------------------------------------------------------------ */

/* `label` at `indent`, the words of `text` behind it, further lines below the first word. */
static void put_wrapped(struct buf *out, size_t indent, const char *label, struct str text) {
  size_t hang = indent + strlen(label);
  buf_printf(out, "%*s%s", (int)indent, "", label);
  size_t column = hang;
  bool is_first = true;
  while (text.len) {
    size_t space = str_find_char(text, ' ');
    struct str word = {text.ptr, space};
    if (!is_first && column + 1 + word.len > WIDTH) {
      buf_printf(out, "\n%*s", (int)hang, "");
      column = hang;
    } else if (!is_first) {
      buf_append_char(out, ' ');
      column++;
    }
    buf_append_str(out, word);
    column += word.len;
    is_first = false;
    text = str_skip(text, space < text.len ? space + 1 : space);
  }
  buf_append_char(out, '\n');
}

static void put_heading(struct buf *out, const char *title) {
  buf_printf(out, "%s%s\n", out->len ? "\n" : "", title);
}

/* Text on the left, text on the right edge. */
static void put_pair(struct buf *out, size_t indent, const char *left, const char *right) {
  size_t used = indent + strlen(left) + strlen(right);
  int gap = used + 2 < WIDTH ? (int)(WIDTH - used) : 2;
  buf_printf(out, "%*s%s%*s%s\n", (int)indent, "", left, gap, "", right);
}

static void put_offline(struct buf *out, size_t indent, const char *offline) {
  if (offline)
    put_wrapped(out, indent, "check: ", str_of(offline));
}

/* ---- rules ---------------------------------------------------------------------------------- */

struct explainer {
  struct buf *out;
  struct arena *arena;
  const struct policy_view *view; /* NULL: only defaults */
  const struct param_value *defaults;
};

static void explain_param(struct explainer *e, const struct param_info *info) {
  put_pair(e->out, 4, info->key, param_type_name(info->type));
  put_wrapped(e->out, 6, "", str_of(info->help));
  put_wrapped(e->out, 6, "default: ", param_value_text(e->arena, info, &e->defaults[info->id]));
  if (e->view && e->view->params[info->id].is_set)
    put_wrapped(e->out, 6, "here: ", param_value_text(e->arena, info, &e->view->params[info->id]));
  put_offline(e->out, 6, info->offline);
}

static void explain_overrides(struct explainer *e, enum rule_id rule) {
  for (size_t i = 0; e->view && i < e->view->override_count; i++) {
    const struct override *override = &e->view->overrides[i];
    CLEANUP_BUF struct buf line;
    buf_init(&line, MAX_WORDS);
    if (override->rules[rule].is_set)
      buf_printf(&line, " severity %s", severity_name(override->rules[rule].severity));
    for (int id = 0; override->params && id < PARAM_COUNT; id++) {
      const struct param_info *info = policy_param_info((enum param_id)id);
      if (info->rule == rule && override->params[id].is_set)
        buf_printf(&line, "%s %s %.*s", line.len ? "," : "", info->key,
                   STR_FMT(param_value_text(e->arena, info, &override->params[id])));
    }
    if (line.len)
      put_wrapped(e->out, 2, "",
                  str_printf(e->arena, "override %.*s:%.*s", STR_FMT(override->name),
                             STR_FMT(buf_str(&line))));
  }
}

static void explain_rule(struct explainer *e, enum rule_id rule) {
  const struct rule_info *info = policy_rule_info(rule);
  struct str severity = str_printf(e->arena, "default: %s", severity_name(info->built_in));
  if (e->view && e->view->severities[rule] != info->built_in)
    severity = str_printf(e->arena, "here: %s, default: %s",
                          severity_name(e->view->severities[rule]), severity_name(info->built_in));
  if (e->out->len)
    buf_append_char(e->out, '\n');
  put_pair(e->out, 0, rule_name(rule), severity.ptr);
  put_wrapped(e->out, 2, "", str_of(info->holds));
  put_wrapped(e->out, 2, "why: ", str_of(info->reason));
  put_offline(e->out, 2, info->offline ? info->offline : "Evaluated fully.");
  explain_overrides(e, rule);
  for (int id = 0; id < PARAM_COUNT; id++) {
    const struct param_info *param = policy_param_info((enum param_id)id);
    if (param->rule == rule)
      explain_param(e, param);
  }
}

/* ---- other keys ------------------------------------------------------------------------------ */

static void explain_keys(struct explainer *e, struct key_table table, size_t indent) {
  for (size_t i = 0; i < table.count; i++) {
    const struct key_row *row = &table.rows[i];
    if (!row->help)
      continue;
    put_wrapped(e->out, indent, "", str_of(row->key));
    put_wrapped(e->out, indent + 2, "", str_of(row->help));
    put_offline(e->out, indent + 2, row->offline);
    if (row->below)
      explain_keys(e, *row->below, indent + 4);
  }
}

static void explain_match(struct explainer *e) {
  put_heading(e->out, "match: the keys of spec.exempt and spec.overrides[].match");
  put_wrapped(e->out, 2, "",
              STR_LIT("A list matches when one of its items does, a mapping of labels when all "
                      "of them do. An override applies when everything in its match matches; "
                      "one thing that matches is enough to exempt."));
  explain_keys(e, match_keys, 2);
}

static void explain_spec(struct explainer *e) {
  put_heading(e->out, "spec: the other keys of a GPUPolicy");
  put_wrapped(e->out, 2, "",
              STR_LIT("What is left out is as in the built-in policy, which `slicegate policy "
                      "explain --builtin` prints."));
  explain_keys(e, spec_keys, 2);
}

/* ---- the door ----------------------------------------------------------------------------------
 */

static bool unknown_topic(struct str topic, struct err *reterr) {
  struct str names[RULE_COUNT + 2];
  for (int rule = 0; rule < RULE_COUNT; rule++)
    names[rule] = str_of(rule_name((enum rule_id)rule));
  names[RULE_COUNT] = STR_LIT("match");
  names[RULE_COUNT + 1] = STR_LIT("spec");
  struct str nearest = str_nearest(topic, names, SG_ARRAY_LEN(names));
  if (nearest.len)
    return err_set(reterr, ERR_NOT_FOUND, "there is no rule \"%.*s\", did you mean \"%.*s\"?",
                   STR_FMT(topic), STR_FMT(nearest));
  CLEANUP_BUF struct buf list;
  buf_init(&list, 400);
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++)
    buf_printf(&list, "%s%.*s", i ? ", " : "", STR_FMT(names[i]));
  return err_set(reterr, ERR_NOT_FOUND, "there is no rule \"%.*s\"; there are %.*s", STR_FMT(topic),
                 STR_FMT(buf_str(&list)));
}

bool policy_explain(struct str topic, const struct policy_view *view, struct buf *out,
                    struct err *reterr) {
  CLEANUP_ARENA struct arena *arena = arena_new(FIRST_CHUNK);
  struct reader r = {.arena = arena, .scratch = arena};
  struct explainer e = {
      .out = out, .arena = arena, .view = view, .defaults = params_read_defaults(&r)};
  enum rule_id rule;
  if (topic.len == 0) {
    for (int id = 0; id < RULE_COUNT; id++)
      explain_rule(&e, (enum rule_id)id);
    explain_match(&e);
    explain_spec(&e);
  } else if (str_is(topic, "match")) {
    explain_match(&e);
  } else if (str_is(topic, "spec")) {
    explain_spec(&e);
  } else if (rule_parse(topic, &rule)) {
    explain_rule(&e, rule);
  } else {
    return unknown_topic(topic, reterr);
  }
  return true;
}

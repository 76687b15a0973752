/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A `rules:` mapping: rule ids, each with a severity and the rule's own parameters. What
 * keys a rule has follows from the table of parameters; there is no table here.
 */
#include "policy_internal.h"

/* "severity", and the keys of the rule's parameters. */
enum { MAX_RULE_KEYS = 16 };

static size_t rule_keys(enum rule_id rule, struct str ret[MAX_RULE_KEYS]) {
  size_t count = 0;
  ret[count++] = STR_LIT("severity");
  for (int id = 0; id < PARAM_COUNT; id++) {
    if (policy_param_info((enum param_id)id)->rule == rule)
      ret[count++] = str_of(policy_param_info((enum param_id)id)->key);
  }
  return count;
}

static const struct param_info *find_param(enum rule_id rule, struct str key) {
  for (int id = 0; id < PARAM_COUNT; id++) {
    const struct param_info *info = policy_param_info((enum param_id)id);
    if (info->rule == rule && str_is(key, info->key))
      return info;
  }
  return NULL;
}

/* A key of another rule is no typing error but a misunderstanding: say whose it is. */
static const struct param_info *find_param_elsewhere(struct str key) {
  for (int id = 0; id < PARAM_COUNT; id++) {
    if (str_is(key, policy_param_info((enum param_id)id)->key))
      return policy_param_info((enum param_id)id);
  }
  return NULL;
}

static void unknown_rule_key(struct reader *r, const struct field_path *at,
                             const struct doc_pair *pair, enum rule_id rule) {
  struct str keys[MAX_RULE_KEYS];
  size_t count = rule_keys(rule, keys);
  struct str nearest = str_nearest(pair->key, keys, count);
  const struct param_info *elsewhere = find_param_elsewhere(pair->key);
  CLEANUP_BUF struct buf list;
  buf_init(&list, 512);
  for (size_t i = 0; i < count; i++)
    buf_printf(&list, "%s%.*s", i ? ", " : "", STR_FMT(keys[i]));
  struct str expected = buf_str(&list);
  if (elsewhere)
    reader_error_key(r, at, pair, "unknown key, a parameter of %s; %s has %.*s",
                     rule_name(elsewhere->rule), rule_name(rule), STR_FMT(expected));
  else if (nearest.len)
    reader_error_key(r, at, pair, "unknown key, did you mean \"%.*s\"?", STR_FMT(nearest));
  else
    reader_error_key(r, at, pair, "unknown key, %s has %.*s", rule_name(rule), STR_FMT(expected));
}

static void read_rule_mapping(struct reader *r, const struct field_path *at,
                              const struct doc_node *node, enum rule_id rule,
                              struct rule_block *ret) {
  for (size_t i = 0; i < node->count; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    struct field_path path = {.parent = at, .key = pair->key};
    if (is_shadowed(node, i))
      continue;
    const struct param_info *info = find_param(rule, pair->key);
    if (str_is(pair->key, "severity")) {
      ret->rules[rule].is_set = reader_severity(r, &path, &pair->value, &ret->rules[rule].severity);
    } else if (!info) {
      unknown_rule_key(r, &path, pair, rule);
    } else if (read_param(r, &path, &pair->value, info, &ret->params[info->id])) {
      ret->params[info->id].is_set = true;
      ret->param_count++;
    }
  }
}

/* Whoever configures a rule means it to act: `off` must then be said, not inherited. */
static void check_severity_said(struct reader *r, const struct field_path *at,
                                const struct doc_pair *pair, enum rule_id rule,
                                const enum severity *base) {
  if (base && base[rule] == SEVERITY_OFF && doc_is(&pair->value, DOC_MAPPING) &&
      !doc_get_lit(&pair->value, "severity"))
    reader_error_key(r, at, pair,
                     "key \"severity\" is missing: this rule is off unless it is given, expected "
                     "deny, warn, audit or off");
}

static void check_budget(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                         const struct rule_block *block) {
  const struct rule_setting *budget = &block->rules[RULE_BUDGET];
  if (budget->is_set && budget->severity != SEVERITY_OFF)
    reader_error_key(r, at, pair,
                     "cannot be switched on: this version counts no money yet, expected off");
}

static void read_rule(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                      enum rule_id rule, const enum severity *base, struct rule_block *ret) {
  const struct doc_node *value = &pair->value;
  ret->pairs[rule] = pair;
  if (value->kind == DOC_STRING || value->kind == DOC_BOOL) {
    ret->rules[rule].is_set = reader_severity(r, at, value, &ret->rules[rule].severity);
  } else if (reader_expect(r, at, value, DOC_MAPPING,
                           "a severity or a mapping such as {severity: warn}")) {
    if (value->count == 0)
      reader_error_value(r, at, value,
                         "is empty, expected a severity or a mapping such as {severity: warn}");
    read_rule_mapping(r, at, value, rule, ret);
  }
  check_severity_said(r, at, pair, rule, base);
  if (rule == RULE_BUDGET)
    check_budget(r, at, pair, ret);
}

static void unknown_rule(struct reader *r, const struct field_path *at,
                         const struct doc_pair *pair) {
  struct str names[RULE_COUNT];
  if (reader_is_full(r))
    return;
  for (int rule = 0; rule < RULE_COUNT; rule++)
    names[rule] = str_of(rule_name((enum rule_id)rule));
  struct str nearest = str_nearest(pair->key, names, RULE_COUNT);
  if (nearest.len) {
    reader_error_key(r, at, pair, "unknown rule, did you mean \"%.*s\"?", STR_FMT(nearest));
    return;
  }
  CLEANUP_BUF struct buf list;
  buf_init(&list, 1024);
  for (int rule = 0; rule < RULE_COUNT; rule++)
    buf_printf(&list, "%s%s", rule ? ", " : "", rule_name((enum rule_id)rule));
  reader_error_key(r, at, pair, "unknown rule, expected one of %.*s", STR_FMT(buf_str(&list)));
}

void read_rules(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                const enum severity *base, struct rule_block *ret) {
  *ret = (struct rule_block){0};
  const struct doc_node *node = &pair->value;
  if (!reader_expect(r, at, node, DOC_MAPPING,
                     "a mapping of rules such as {gpu-limits: {severity: deny}}"))
    return;
  for (size_t i = 0; i < node->count; i++) {
    struct field_path path = {.parent = at, .key = node->pairs[i].key};
    enum rule_id rule;
    if (is_shadowed(node, i))
      continue;
    if (!rule_parse(node->pairs[i].key, &rule))
      unknown_rule(r, &path, &node->pairs[i]);
    else
      read_rule(r, &path, &node->pairs[i], rule, base, ret);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for one subject, after all overrides. Hot path: nothing is allocated. */
#include "slicegate/policy.h"

static void note_unknown(struct effective *effective, struct str name) {
  if (effective->unknown_count < SG_ARRAY_LEN(effective->unknown))
    effective->unknown[effective->unknown_count++] = name;
}

/*
 * Labels of the object are written by whom the rules are for: an override that looks at
 * them counts only where it is stricter than what held before it.
 */
static void apply_severities(struct effective *effective, const struct override *override) {
  bool may_only_raise = override->match.object_label_count > 0;
  for (size_t rule = 0; rule < RULE_COUNT; rule++) {
    const struct rule_setting *setting = &override->rules[rule];
    if (!setting->is_set || (may_only_raise && setting->severity <= effective->severities[rule]))
      continue;
    effective->severities[rule] = setting->severity;
  }
}

static void apply_params(struct effective *effective, const struct override *override) {
  for (size_t id = 0; override->params && id < PARAM_COUNT; id++) {
    if (override->params[id].is_set)
      effective->params[id] = &override->params[id];
  }
}

void policy_effective(const struct policy_view *view, const struct match_subject *subject,
                      struct effective *ret) {
  ret->view = view;
  ret->unknown_count = 0;
  memcpy(ret->severities, view->severities, sizeof(ret->severities));
  for (size_t id = 0; id < PARAM_COUNT; id++)
    ret->params[id] = &view->params[id];
  enum match_result exempt = match_evaluate_any(&view->exempt, subject);
  ret->is_exempt = exempt == MATCH_YES;
  if (ret->is_exempt)
    return;
  if (exempt == MATCH_UNKNOWN)
    note_unknown(ret, STR_LIT("exempt"));
  for (size_t i = 0; i < view->override_count; i++) {
    const struct override *override = &view->overrides[i];
    switch (match_evaluate(&override->match, subject)) {
    case MATCH_NO:
      break;
    case MATCH_UNKNOWN:
      note_unknown(ret, override->name);
      break;
    case MATCH_YES:
      apply_severities(ret, override);
      apply_params(ret, override);
      break;
    }
  }
}

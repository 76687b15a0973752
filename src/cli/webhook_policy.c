/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy and its overrides say together: a webhook is registered for all of them. */
#include "src/cli/webhook_config.h"

bool rule_is_on(const struct policy_view *view, enum rule_id rule) {
  if (view->severities[rule] != SEVERITY_OFF)
    return true;
  for (size_t i = 0; i < view->override_count; i++) {
    const struct rule_setting *setting = &view->overrides[i].rules[rule];
    if (setting->is_set && setting->severity != SEVERITY_OFF)
      return true;
  }
  return false;
}

const struct param_value *override_param(const struct override *override, enum param_id id) {
  return override->params && override->params[id].is_set ? &override->params[id] : NULL;
}

bool param_is_on(const struct policy_view *view, enum param_id id) {
  if (view->params[id].truth)
    return true;
  for (size_t i = 0; i < view->override_count; i++) {
    const struct param_value *value = override_param(&view->overrides[i], id);
    if (value && value->truth)
      return true;
  }
  return false;
}

void names_add(struct strings *list, struct str *items, struct str item) {
  for (size_t i = 0; i < list->count; i++) {
    if (str_eq(items[i], item))
      return;
  }
  items[list->count++] = item;
}

struct strings param_union(const struct policy_view *view, enum param_id id, struct arena *arena) {
  size_t room = view->params[id].strings.count;
  for (size_t i = 0; i < view->override_count; i++) {
    const struct param_value *value = override_param(&view->overrides[i], id);
    room += value ? value->strings.count : 0;
  }
  struct str *items = arena_array(arena, room + 1, sizeof(*items));
  struct strings list = {items, 0};
  for (size_t i = 0; i < view->params[id].strings.count; i++)
    names_add(&list, items, view->params[id].strings.items[i]);
  for (size_t o = 0; o < view->override_count; o++) {
    const struct param_value *value = override_param(&view->overrides[o], id);
    for (size_t i = 0; value && i < value->strings.count; i++)
      names_add(&list, items, value->strings.items[i]);
  }
  return list;
}

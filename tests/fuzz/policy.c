/* SPDX-License-Identifier: Apache-2.0 */
/* A policy file: read or refused with places; what was read answers and is explained. */
#include "slicegate/policy.h"
#include "tests/support/fuzz_main.h"

static void require(bool condition) {
  if (!condition)
    __builtin_trap();
}

static void print_errors(struct str text, const struct policy_errors *errors) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  for (size_t i = 0; i < errors->count; i++) {
    const struct policy_error *error = &errors->items[i];
    require(error->line >= 1 && error->column >= 1 && error->message.len > 0);
    require(i == 0 || error->line >= errors->items[i - 1].line);
    policy_error_print(&out, STR_LIT("policy.yaml"), text, error);
  }
}

static void ask(const struct policy_view *view) {
  static const struct str namespaces[] = {{"", 0}, {"default", 7}, {"research-nlp", 12}};
  static const struct key_value labels[] = {{{"slicegate.dev/environment", 25}, {"production", 10}},
                                            {{"tier", 4}, {"free", 4}}};
  struct k8s_namespace ns = {.labels = labels, .label_count = SG_ARRAY_LEN(labels)};
  for (size_t i = 0; i < SG_ARRAY_LEN(namespaces); i++) {
    struct match_subject subject = {.ns = namespaces[i],
                                    .is_user_known = i == 1,
                                    .user = STR_LIT("alice"),
                                    .ns_object = i == 2 ? &ns : NULL};
    struct effective without, with;
    policy_effective(view, &subject, &without);
    subject.object_labels = labels;
    subject.object_label_count = SG_ARRAY_LEN(labels);
    policy_effective(view, &subject, &with);
    require(with.is_exempt == without.is_exempt);
    for (int rule = 0; rule < RULE_COUNT; rule++)
      require(with.severities[rule] >= without.severities[rule]);
  }
  for (size_t i = 0; i < view->kind_count; i++)
    require(policy_find_kind(view, view->kinds[i].group, view->kinds[i].kind) == &view->kinds[i]);
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  struct err err;
  require(policy_explain((struct str){NULL, 0}, view, &out, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = {(const char *)data, size};
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct policy_errors errors = {NULL, 0};
  CLEANUP_POLICY struct policy *policy = policy_read(STR_LIT("policy.yaml"), text, arena, &errors);
  require((policy == NULL) == (errors.count > 0));
  print_errors(text, &errors);
  if (policy)
    ask(policy_get(policy));
  struct policy_test test;
  bool is_read = policy_test_read(text, arena, &test, &errors);
  require(is_read == (errors.count == 0));
  print_errors(text, &errors);
  return 0;
}

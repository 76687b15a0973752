/* SPDX-License-Identifier: Apache-2.0 */
/* The document as a whole, spec, and overrides. */
#include "policy_internal.h"

#include <stddef.h>

/* ---- rules of spec ------------------------------------------------------------------------ */

static void read_failure_stance(struct reader *r, const struct field_path *at,
                                const struct doc_pair *pair, const struct key_row *row,
                                void *target) {
  (void)row;
  static const struct str words[] = {{"allow", 5}, {"deny", 4}};
  struct policy_view *view = target;
  size_t index;
  if (reader_word(r, at, &pair->value, words, SG_ARRAY_LEN(words), &index))
    view->denies_on_failure = index == 1;
}

static void read_spec_exempt(struct reader *r, const struct field_path *at,
                             const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)row;
  struct policy_view *view = target;
  read_exempt(r, at, pair, &view->exempt);
}

static void read_spec_rules(struct reader *r, const struct field_path *at,
                            const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)row;
  struct policy_view *view = target;
  enum severity base[RULE_COUNT];
  for (int rule = 0; rule < RULE_COUNT; rule++)
    base[rule] = policy_rule_info((enum rule_id)rule)->built_in;
  struct rule_block block;
  read_rules(r, at, pair, base, &block);
  for (int rule = 0; rule < RULE_COUNT; rule++) {
    if (block.rules[rule].is_set)
      view->severities[rule] = block.rules[rule].severity;
  }
  struct param_value *params = arena_array(r->arena, PARAM_COUNT, sizeof(*params));
  memcpy(params, view->params, PARAM_COUNT * sizeof(*params));
  for (int id = 0; id < PARAM_COUNT; id++) {
    if (block.params[id].is_set)
      params[id] = block.params[id];
  }
  view->params = params;
}

/* ---- overrides ------------------------------------------------------------------------------ */

struct override_draft {
  struct str name;
  const struct doc_pair *match_pair, *rules_pair;
  struct match match;
  struct rule_block block;
};

static void read_override_match(struct reader *r, const struct field_path *at,
                                const struct doc_pair *pair, const struct key_row *row,
                                void *target) {
  (void)row;
  struct override_draft *draft = target;
  draft->match_pair = pair;
  read_match(r, at, pair, &draft->match);
}

static void read_override_rules(struct reader *r, const struct field_path *at,
                                const struct doc_pair *pair, const struct key_row *row,
                                void *target) {
  (void)row;
  struct override_draft *draft = target;
  draft->rules_pair = pair;
  read_rules(r, at, pair, NULL, &draft->block);
}

static const struct key_row override_rows[] = {
    {.key = "name",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "a word for messages, such as research",
     .read = read_text_key,
     .offset = offsetof(struct override_draft, name),
     .extra = &form_any},
    {.key = "match",
     .kind = DOC_MAPPING,
     .is_required = true,
     .may_be_empty = true, /* read_match says it better */
     .expected = "a mapping such as {namespaces: [\"research-*\"]}",
     .read = read_override_match},
    {.key = "rules",
     .kind = DOC_MAPPING,
     .is_required = true,
     .expected = "a mapping of rules such as {right-size: {severity: deny}}",
     .read = read_override_rules},
};
static const struct key_table override_keys = {override_rows, SG_ARRAY_LEN(override_rows)};

/*
 * An override that looks at the object's labels is in the hands of whoever writes the
 * object: it may make rules stricter and nothing else, so that leaving a label out, or
 * putting one on, never buys anything.
 */
static void check_only_tightens(struct reader *r, const struct field_path *at,
                                const struct override_draft *draft) {
  struct field_path rules = {.parent = at, .key = STR_LIT("rules")};
  for (int rule = 0; rule < RULE_COUNT; rule++) {
    const struct doc_pair *pair = draft->block.pairs[rule];
    if (!pair)
      continue;
    struct field_path path = {.parent = &rules, .key = pair->key};
    const struct rule_setting *setting = &draft->block.rules[rule];
    if (setting->is_set && setting->severity == SEVERITY_OFF)
      reader_error_key(r, &path, pair,
                       "cannot be off where match has objectLabels: what the writer of an object "
                       "chooses may only make rules stricter, expected audit, warn or deny");
    for (size_t i = 0; doc_is(&pair->value, DOC_MAPPING) && i < pair->value.count; i++) {
      const struct doc_pair *param = &pair->value.pairs[i];
      struct field_path key = {.parent = &path, .key = param->key};
      if (!str_is(param->key, "severity"))
        reader_error_key(r, &key, param,
                         "parameters cannot be set where match has objectLabels: what the writer "
                         "of an object chooses may only make rules stricter, expected severity");
    }
  }
}

static void finish_override(struct reader *r, const struct override_draft *draft,
                            struct override *ret) {
  ret->name = draft->name;
  ret->match = draft->match;
  memcpy(ret->rules, draft->block.rules, sizeof(ret->rules));
  if (draft->block.param_count) {
    struct param_value *params = arena_array(r->arena, PARAM_COUNT, sizeof(*params));
    memcpy(params, draft->block.params, PARAM_COUNT * sizeof(*params));
    ret->params = params;
  }
}

static void read_overrides(struct reader *r, const struct field_path *at,
                           const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)row;
  struct policy_view *view = target;
  struct override *items = arena_array(r->arena, pair->value.count, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < pair->value.count; i++) {
    const struct doc_node *node = &pair->value.items[i];
    struct field_path path = {.parent = at, .index = i};
    struct override_draft draft = {0};
    if (!reader_mapping(r, &path, node, override_keys, &draft))
      continue;
    for (size_t k = 0; k < count; k++) {
      if (draft.name.len && str_eq(items[k].name, draft.name))
        reader_error_value(r, &path, node, "is the second override of the name \"%.*s\"",
                           STR_FMT(draft.name));
    }
    if (draft.match_pair && doc_get_lit(&draft.match_pair->value, "objectLabels"))
      check_only_tightens(r, &path, &draft);
    finish_override(r, &draft, &items[count++]);
  }
  view->overrides = items;
  view->override_count = count;
}

/* ---- spec ----------------------------------------------------------------------------------- */

static const struct key_row spec_rows[] = {
    {.key = "failureStance",
     .kind = KIND_ANY,
     .expected = "allow or deny",
     .read = read_failure_stance,
     .help = "What is answered to a well-formed review that cannot be judged (an object whose "
             "fields have types that its kind does not allow). What happens when the webhook does "
             "not answer at all is the failurePolicy of the webhook configuration."},
    {.key = "exempt",
     .kind = DOC_MAPPING,
     .may_be_empty = true,
     .expected = "a mapping such as {namespaces: [kube-system]}",
     .read = read_spec_exempt,
     .help = "What is not judged at all. One entry that matches is enough: {namespaces: "
             "[kube-system], podServiceAccounts: [\"gpu-operator/*\"]} exempts either. Replaces "
             "the built-in exemptions; {} exempts nothing."},
    {.key = "nodePools",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list such as [{name: h100, products: [NVIDIA-H100-80GB-HBM3]}]",
     .read = read_node_pools,
     .below = &node_pool_keys,
     .help = "What may appear by autoscaling: products that are on no node now."},
    {.key = "gpuResources",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list such as [{name: example.com/npu, form: whole}]",
     .read = read_gpu_resources,
     .below = &gpu_resource_keys,
     .help = "Extended resources that are GPUs. The rows stand before the built-in ones; the "
             "first match counts."},
    {.key = "vendorPrefixes",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list such as [nvidia.com/]",
     .read = read_texts_key,
     .offset = offsetof(struct policy_view, vendor_prefixes),
     .extra = &form_vendor_prefix,
     .help =
         "Prefixes of GPU vendors: a name below one that is nearly a known resource is taken for a "
         "typing error, any other unknown one warns. The list replaces the built-in one."},
    {.key = "gpuNodes",
     .kind = DOC_MAPPING,
     .expected = "a mapping such as {taints: [nvidia.com/gpu]}",
     .read = read_gpu_nodes,
     .below = &gpu_nodes_keys,
     .help = "How GPU nodes are recognised."},
    {.key = "controllers",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list such as [\"system:serviceaccount:kubeflow:training-operator\"]",
     .read = read_texts_key,
     .offset = offsetof(struct policy_view, controllers),
     .extra = &form_user_glob,
     .help = "Users (patterns) that make pods on behalf of workloads. A pod that one of them makes "
             "for an owner of a known kind is warned about, not refused: its owner was judged. "
             "The list replaces the built-in one, so repeat kube-system's.",
     .offline = "The requester is not known to `check`: objects are judged as if people sent "
                "them."},
    {.key = "extraKinds",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list such as [{group: example.com, kind: Train, ...}]",
     .read = read_extra_kinds,
     .below = &extra_kind_keys,
     .help = "Further kinds that make pods. A row with the group and kind of a built-in one "
             "replaces it."},
    {.key = "rules",
     .kind = DOC_MAPPING,
     .may_be_empty = true,
     .expected = "a mapping of rules such as {gpu-limits: {severity: deny}}",
     .read = read_spec_rules,
     .help = "Severity and parameters of each rule. A rule that is not named keeps its built-in "
             "severity; `right-size: deny` is short for `right-size: {severity: deny}`."},
    {.key = "overrides",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list such as [{name: research, match: {...}, rules: {...}}]",
     .read = read_overrides,
     .help = "Other rules for some: name, match, rules. Everything that match names must match. "
             "All overrides that match apply, one after the other: for each severity and each "
             "parameter the last one that sets it counts."},
};
const struct key_table spec_keys = {spec_rows, SG_ARRAY_LEN(spec_rows)};

/* A rule that is on but has nothing to check would look like a rule that is kept. */
static bool is_rule_on(const struct policy_view *view, enum rule_id rule) {
  bool is_on = view->severities[rule] != SEVERITY_OFF;
  for (size_t i = 0; i < view->override_count; i++) {
    const struct rule_setting *setting = &view->overrides[i].rules[rule];
    is_on = is_on || (setting->is_set && setting->severity != SEVERITY_OFF);
  }
  return is_on;
}

static bool has_labels(const struct policy_view *view) {
  bool has = view->params[P_LABELS].labels.count > 0;
  for (size_t i = 0; i < view->override_count; i++) {
    const struct param_value *params = view->overrides[i].params;
    has = has || (params && params[P_LABELS].labels.count > 0);
  }
  return has;
}

static void check_rules_do_something(struct reader *r, const struct field_path *at,
                                     const struct doc_node *spec, const struct policy_view *view) {
  const struct doc_pair *rules = doc_get_pair(spec, STR_LIT("rules"));
  const struct doc_pair *rule =
      rules ? doc_get_pair(&rules->value, STR_LIT("budget-labels")) : NULL;
  const struct doc_pair *place = rule ? rule : doc_get_pair(spec, STR_LIT("overrides"));
  if (!place || !is_rule_on(view, RULE_BUDGET_LABELS) || has_labels(view))
    return;
  struct field_path rules_path = {.parent = at, .key = STR_LIT("rules")};
  struct field_path path = {.parent = rule ? &rules_path : at, .key = place->key};
  const struct doc_node *labels = rule ? doc_get_lit(&rule->value, "labels") : NULL;
  if (!labels || labels->count == 0) /* otherwise there were errors in it, which were said */
    reader_error_key(r, &path, place,
                     "budget-labels is on but names no label, expected labels such as "
                     "{slicegate.dev/team: {required: true}}");
}

static void read_spec(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                      const struct key_row *row, void *target) {
  (void)row;
  if (reader_mapping(r, at, &pair->value, spec_keys, target))
    check_rules_do_something(r, at, &pair->value, target);
}

/* ---- the document --------------------------------------------------------------------------- */

static void read_constant(struct reader *r, const struct field_path *at,
                          const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)target;
  const struct doc_node *value = &pair->value;
  const char *expected = row->extra;
  if (value->kind != DOC_STRING)
    reader_error_value(r, at, value, "is %s, expected %s", doc_kind_name(value), expected);
  else if (!str_is(value->text, expected))
    reader_error_value(r, at, value, "is \"%.*s\", expected %s", STR_FMT(value->text), expected);
}

static void read_nothing(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                         const struct key_row *row, void *target) {
  (void)r;
  (void)at;
  (void)pair;
  (void)row;
  (void)target;
}

static const struct key_row metadata_rows[] = {
    {.key = "name",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "a name such as team-policy",
     .read = read_text_key,
     .offset = offsetof(struct policy_view, name),
     .extra = &form_name},
    {.key = "namespace", .kind = DOC_STRING, .read = read_nothing},
    {.key = "labels", .kind = DOC_MAPPING, .may_be_empty = true, .read = read_nothing},
    {.key = "annotations", .kind = DOC_MAPPING, .may_be_empty = true, .read = read_nothing},
};

static void read_metadata(struct reader *r, const struct field_path *at,
                          const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)row;
  reader_mapping(r, at, &pair->value, KEY_TABLE(metadata_rows), target);
}

static const struct key_row document_rows[] = {
    {.key = "apiVersion",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "slicegate.dev/v1alpha1",
     .read = read_constant,
     .extra = "slicegate.dev/v1alpha1"},
    {.key = "kind",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "GPUPolicy",
     .read = read_constant,
     .extra = "GPUPolicy"},
    {.key = "metadata",
     .kind = DOC_MAPPING,
     .is_required = true,
     .may_be_empty = true,
     .expected = "a mapping such as {name: team-policy}",
     .read = read_metadata},
    {.key = "spec",
     .kind = DOC_MAPPING,
     .is_required = true,
     .may_be_empty = true,
     .expected = "a mapping such as {rules: {...}}",
     .read = read_spec},
};

void read_document(struct reader *r, const struct doc_node *root, struct policy_view *view) {
  reader_mapping(r, NULL, root, KEY_TABLE(document_rows), view);
}

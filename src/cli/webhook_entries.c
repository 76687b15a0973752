/* SPDX-License-Identifier: Apache-2.0 */
/* The two configurations as trees: entries, rules, selectors, in Kubernetes' own words. */
#include "src/cli/webhook_config.h"

#include "src/cli/output_json.h"

/* ---- rules: which resources ---------------------------------------------------------------- */

static bool is_pods(const struct workload_kind *row) {
  return row->group.len == 0 && str_is(row->resource, "pods");
}

/* Groups that every API server has; their kinds all live in namespaces. Of others it is not
 * known, and "*" serves both. */
static bool is_native(struct str group) {
  return group.len == 0 || str_is(group, "apps") || str_is(group, "batch");
}

static json_t *strings_json(const char *const *items, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, json_string(items[i]));
  return list;
}

static json_t *rule_json(struct str group, json_t *resources, bool with_create, bool with_update) {
  json_t *rule = json_object();
  json_t *groups = json_array();
  json_t *operations = json_array();
  json_array_append_new(groups, output_json_text(group));
  if (with_create)
    json_array_append_new(operations, json_string("CREATE"));
  if (with_update)
    json_array_append_new(operations, json_string("UPDATE"));
  json_object_set_new(rule, "apiGroups", groups);
  json_object_set_new(rule, "apiVersions", strings_json((const char *const[]){"*"}, 1));
  json_object_set_new(rule, "resources", resources);
  json_object_set_new(rule, "operations", operations);
  json_object_set_new(rule, "scope", json_string(is_native(group) ? "Namespaced" : "*"));
  return rule;
}

static bool has_text(const json_t *list, struct str text) {
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (str_is(text, json_string_value(json_array_get(list, i))))
      return true;
  }
  return false;
}

/* The resources of one group, without pods, in the order of the table; NULL: none. */
static json_t *resources_of(const struct policy_view *view, struct str group) {
  json_t *list = json_array();
  for (size_t i = 0; i < view->kind_count; i++) {
    const struct workload_kind *row = &view->kinds[i];
    if (str_eq(row->group, group) && !is_pods(row) && !has_text(list, row->resource))
      json_array_append_new(list, output_json_text(row->resource));
  }
  if (json_array_size(list))
    return list;
  json_decref(list);
  return NULL;
}

static bool is_first_of_group(const struct policy_view *view, size_t index) {
  for (size_t i = 0; i < index; i++) {
    if (str_eq(view->kinds[i].group, view->kinds[index].group))
      return false;
  }
  return true;
}

/*
 * Most of a pod cannot change, but its labels, its deadline and its tolerations can, and
 * ephemeral containers, which have an environment, can be added. Patches are for new pods only.
 */
static json_t *rules_json(const struct policy_view *view, bool with_pod_updates) {
  json_t *rules = json_array();
  const struct str core = {NULL, 0};
  for (size_t i = 0; i < view->kind_count; i++) {
    if (!is_pods(&view->kinds[i]))
      continue;
    json_array_append_new(rules, rule_json(core, strings_json((const char *const[]){"pods"}, 1),
                                           true, with_pod_updates));
    if (with_pod_updates)
      json_array_append_new(
          rules, rule_json(core, strings_json((const char *const[]){"pods/ephemeralcontainers"}, 1),
                           false, true));
    break;
  }
  for (size_t i = 0; i < view->kind_count; i++) {
    json_t *resources =
        is_first_of_group(view, i) ? resources_of(view, view->kinds[i].group) : NULL;
    if (resources)
      json_array_append_new(rules, rule_json(view->kinds[i].group, resources, true, true));
  }
  return rules;
}

/* ---- selectors: which namespaces ---------------------------------------------------------------
 */

static void add_namespace(json_t *values, struct str ns) {
  if (ns.len && glob_is_literal(ns) && !has_text(values, ns))
    json_array_append_new(values, output_json_text(ns));
}

static json_t *not_in_json(const char *key, json_t *values) {
  json_t *expression = json_object();
  json_object_set_new(expression, "key", json_string(key));
  json_object_set_new(expression, "operator", json_string("NotIn"));
  json_object_set_new(expression, "values", values);
  return expression;
}

/*
 * A selector is evaluated before anything else, and holds when nothing of ours runs: what
 * must never wait for the webhook belongs here. Our own namespace, or it could not restart.
 */
static json_t *selector_json(const struct policy_view *view,
                             const struct webhook_options *options) {
  const struct match *exempt = &view->exempt;
  json_t *values = json_array();
  add_namespace(values, STR_LIT("kube-system"));
  add_namespace(values, options->ns);
  for (size_t i = 0; i < options->excluded->count; i++)
    add_namespace(values, options->excluded->items[i]);
  for (size_t i = 0; i < exempt->namespaces.count; i++)
    add_namespace(values, exempt->namespaces.items[i]);
  for (size_t i = 0; i < exempt->pod_service_accounts.count; i++) {
    struct str account = exempt->pod_service_accounts.items[i];
    size_t slash = str_find_char(account, '/');
    if (slash < account.len && str_is(str_skip(account, slash + 1), "*"))
      add_namespace(values, (struct str){account.ptr, slash});
  }
  json_t *expressions = json_array();
  json_array_append_new(expressions, not_in_json("kubernetes.io/metadata.name", values));
  /* All labels of a mapping must match: of one label that is a NotIn, of two it is not. */
  if (exempt->namespace_label_count == 1 && glob_is_literal(exempt->namespace_labels[0].value)) {
    json_t *value = json_array();
    json_array_append_new(value, output_json_text(exempt->namespace_labels[0].value));
    json_t *expression = not_in_json("", value);
    json_object_set_new(expression, "key", output_json_text(exempt->namespace_labels[0].key));
    json_array_append_new(expressions, expression);
  }
  json_t *selector = json_object();
  json_object_set_new(selector, "matchExpressions", expressions);
  return selector;
}

/* ---- entries --------------------------------------------------------------------------------- */

static json_t *client_json(const struct webhook_options *options, const char *path) {
  json_t *client = json_object();
  if (options->url) {
    CLEANUP_BUF struct buf url;
    buf_init(&url, 8192);
    buf_printf(&url, "%s%s", options->url, path);
    json_object_set_new(client, "url", output_json_text(buf_str(&url)));
  } else {
    json_t *service = json_object();
    json_object_set_new(service, "namespace", output_json_text(options->ns));
    json_object_set_new(service, "name", output_json_text(options->service));
    json_object_set_new(service, "path", json_string(path));
    json_object_set_new(service, "port", json_integer(options->port));
    json_object_set_new(client, "service", service);
  }
  CLEANUP_BUF struct buf bundle;
  buf_init(&bundle, SIZE_MAX / 2);
  buf_append_base64(&bundle, options->ca_bundle);
  json_object_set_new(client, "caBundle", output_json_text(buf_str(&bundle)));
  return client;
}

static void add_condition(json_t *list, const char *name, struct str expression) {
  if (expression.len == 0)
    return;
  json_t *condition = json_object();
  json_object_set_new(condition, "name", json_string(name));
  json_object_set_new(condition, "expression", output_json_text(expression));
  json_array_append_new(list, condition);
}

/* What the entries of both paths have in common, in the order of the API's reference. */
static json_t *entry_json(const struct policy_view *view, const struct webhook_options *options,
                          const char *name, const char *path, json_t *rules, json_t *conditions,
                          const char *failure_policy) {
  json_t *entry = json_object();
  json_object_set_new(entry, "name", json_string(name));
  json_object_set_new(entry, "clientConfig", client_json(options, path));
  json_object_set_new(entry, "rules", rules);
  json_object_set_new(entry, "namespaceSelector", selector_json(view, options));
  json_object_set_new(entry, "matchConditions", conditions);
  json_object_set_new(entry, "failurePolicy", json_string(failure_policy));
  json_object_set_new(entry, "matchPolicy", json_string("Equivalent"));
  json_object_set_new(entry, "sideEffects", json_string("None"));
  json_object_set_new(entry, "timeoutSeconds", json_integer(options->timeout_seconds));
  json_object_set_new(entry, "admissionReviewVersions",
                      strings_json((const char *const[]){"v1"}, 1));
  return entry;
}

static json_t *gpu_entry(const struct policy_view *view, const struct webhook_options *options,
                         const char *path, bool with_pod_updates, struct arena *arena) {
  json_t *conditions = json_array();
  add_condition(conditions, "not-exempt", condition_is_not_exempt(view, arena));
  add_condition(conditions, "changed", condition_is_changed(view, arena));
  add_condition(conditions, "asks-for-gpu", condition_asks_for_gpu(view, arena));
  return entry_json(view, options, "gpu.slicegate.dev", path, rules_json(view, with_pod_updates),
                    conditions, options->failure_policy);
}

static json_t *suspect_entry(const struct policy_view *view, const struct webhook_options *options,
                             const char *path, struct str suspect, struct arena *arena) {
  json_t *conditions = json_array();
  add_condition(conditions, "not-exempt", condition_is_not_exempt(view, arena));
  add_condition(conditions, "changed", condition_is_changed(view, arena));
  add_condition(conditions, "asks-for-no-gpu", condition_asks_for_no_gpu(view, arena));
  add_condition(conditions, "has-to-do-with-gpus", suspect);
  return entry_json(view, options, "suspect.slicegate.dev", path, rules_json(view, true),
                    conditions, "Ignore");
}

/* ---- configurations ----------------------------------------------------------------------------
 */

static json_t *configuration_json(const char *kind, const struct webhook_options *options,
                                  json_t *webhooks) {
  json_t *labels = json_object();
  json_object_set_new(labels, "app.kubernetes.io/name", json_string("slicegate"));
  json_t *metadata = json_object();
  json_object_set_new(metadata, "name", json_string(options->name));
  json_object_set_new(metadata, "labels", labels);
  json_t *root = json_object();
  json_object_set_new(root, "apiVersion", json_string("admissionregistration.k8s.io/v1"));
  json_object_set_new(root, "kind", json_string(kind));
  json_object_set_new(root, "metadata", metadata);
  json_object_set_new(root, "webhooks", webhooks);
  return root;
}

json_t *webhook_validating(const struct policy_view *view, const struct webhook_options *options) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  json_t *webhooks = json_array();
  bool is_any_on = false;
  for (int rule = 0; rule < RULE_COUNT; rule++)
    is_any_on = is_any_on || rule_is_on(view, (enum rule_id)rule);
  if (is_any_on)
    json_array_append_new(webhooks, gpu_entry(view, options, "/validate", true, arena));
  struct str suspect = condition_is_suspect(view, arena);
  if (suspect.len)
    json_array_append_new(webhooks, suspect_entry(view, options, "/validate", suspect, arena));
  return configuration_json("ValidatingWebhookConfiguration", options, webhooks);
}

/* ---- /mutate --------------------------------------------------------------------------------- */

static bool gives_lifetime(const struct policy_view *view) {
  if (view->params[P_LIFETIME_DEFAULT].number > 0)
    return true;
  for (size_t i = 0; i < view->override_count; i++) {
    const struct param_value *params = view->overrides[i].params;
    if (params && params[P_LIFETIME_DEFAULT].is_set && params[P_LIFETIME_DEFAULT].number > 0)
      return true;
  }
  return false;
}

static bool changes_pods(const struct policy_view *view) {
  return (rule_is_on(view, RULE_GPU_TOLERATION) && param_is_on(view, P_TOLERATION_MUTATE)) ||
         (rule_is_on(view, RULE_RIGHT_SIZE) && param_is_on(view, P_RIGHT_SIZE_MUTATE)) ||
         (rule_is_on(view, RULE_LIFETIME) && gives_lifetime(view)) ||
         rule_is_on(view, RULE_BUDGET_LABELS);
}

/*
 * The kinds that /mutate does anything for: it changes Pods, and refuses, in better words,
 * what built-in validation would refuse. In custom resources /validate says it all.
 */
static size_t mutated_kinds(const struct policy_view *view, struct workload_kind *ret) {
  bool refuses = rule_is_on(view, RULE_GPU_LIMITS), changes = changes_pods(view);
  size_t count = 0;
  for (size_t i = 0; i < view->kind_count; i++) {
    const struct workload_kind *row = &view->kinds[i];
    if ((refuses && row->is_builtin_validated) || (changes && is_pods(row)))
      ret[count++] = *row;
  }
  return count;
}

/*
 * There is no entry `suspect`: /mutate does nothing with a pod that asks for no GPU, and
 * mutating webhooks are called one after another. A call that can change nothing would
 * only cost time.
 */
json_t *webhook_mutating(const struct policy_view *view, const struct webhook_options *options) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  json_t *webhooks = json_array();
  struct policy_view narrowed = *view;
  struct workload_kind *kinds = arena_array(arena, view->kind_count + 1, sizeof(*kinds));
  narrowed.kinds = kinds;
  narrowed.kind_count = mutated_kinds(view, kinds);
  if (narrowed.kind_count) {
    json_t *entry = gpu_entry(&narrowed, options, "/mutate", false, arena);
    json_object_set_new(entry, "reinvocationPolicy", json_string("IfNeeded"));
    json_array_append_new(webhooks, entry);
  }
  return configuration_json("MutatingWebhookConfiguration", options, webhooks);
}

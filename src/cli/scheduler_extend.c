/* SPDX-License-Identifier: Apache-2.0 */
/* An existing KubeSchedulerConfiguration, with our extenders put last. */
#include "src/cli/scheduler_config.h"

#include "slicegate/sys.h"
#include "src/cli/cli_internal.h"
#include "src/cli/output_json.h"

/* ---- the user's file as a tree that can be changed ----------------------------------------- */

static json_t *json_of(const struct doc_node *node, const struct doc_node **ret_bad);

static json_t *object_of(const struct doc_node *node, const struct doc_node **ret_bad) {
  json_t *object = json_object();
  for (uint32_t i = 0; i < node->count && !*ret_bad; i++) {
    json_t *key = output_json_text(node->pairs[i].key);
    json_t *value = json_of(&node->pairs[i].value, ret_bad);
    json_object_set_new(object, key ? json_string_value(key) : "", value);
    json_decref(key);
  }
  return object;
}

/* All numbers of this kind of file are whole; the first that is not is *ret_bad. */
static json_t *json_of(const struct doc_node *node, const struct doc_node **ret_bad) {
  int64_t number;
  json_t *list;
  switch ((enum doc_kind)node->kind) {
  case DOC_NULL:
    return json_null();
  case DOC_BOOL:
    return json_boolean(node->truth);
  case DOC_STRING:
    return output_json_text(node->text);
  case DOC_NUMBER:
    if (i64_parse(node->text, &number))
      return json_integer(number);
    *ret_bad = node;
    return json_null();
  case DOC_SEQUENCE:
    list = json_array();
    for (uint32_t i = 0; i < node->count && !*ret_bad; i++)
      json_array_append_new(list, json_of(&node->items[i], ret_bad));
    return list;
  case DOC_MAPPING:
    return object_of(node, ret_bad);
  }
  return json_null();
}

static bool is_text(const json_t *object, const char *key, const char *text) {
  const char *have = json_string_value(json_object_get(object, key));
  return have && strcmp(have, text) == 0;
}

static json_t *read_document(const char *path, struct str text, FILE *err) {
  CLEANUP_ARENA struct arena *arena = arena_new(1 << 16);
  struct doc_stream stream;
  struct err why = {0};
  const struct doc_node *bad = NULL;
  if (!doc_parse_yaml(arena, text, &doc_limits_policy, &stream, &why)) {
    (void)cli_complain(err, "%s:%u:%u: %s", path, why.line, why.column, why.text);
    return NULL;
  }
  if (stream.problem_count) {
    const struct doc_problem *problem = &stream.problems[0];
    (void)cli_complain(err, "%s:%u:%u: %.*s", path, problem->line, problem->column,
                       STR_FMT(problem->message));
    return NULL;
  }
  if (stream.count != 1) {
    (void)cli_complain(err, "%s: one KubeSchedulerConfiguration is expected, not %zu documents",
                       path, stream.count);
    return NULL;
  }
  json_t *root = json_of(stream.documents[0], &bad);
  bool is_ours = is_text(root, "kind", "KubeSchedulerConfiguration") &&
                 is_text(root, "apiVersion", "kubescheduler.config.k8s.io/v1");
  if (bad)
    (void)cli_complain(err, "%s:%u:%u: \"%.*s\" is no whole number", path, bad->line, bad->column,
                       STR_FMT(bad->text));
  else if (!is_ours)
    (void)cli_complain(err, "%s: no KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1",
                       path);
  else if (scheduler_types_check(path, stream.documents[0], err))
    return root;
  json_decref(root);
  return NULL;
}

/* ---- what two extenders cannot share ------------------------------------------------------- */

static bool has_managed(const json_t *extender, const char *name) {
  const json_t *list = json_object_get(extender, "managedResources");
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (is_text(json_array_get(list, i), "name", name))
      return true;
  }
  return false;
}

/* kube-scheduler refuses a name that two extenders manage, and a second one that binds. */
static bool check_other(const char *path, const json_t *other, const json_t *ours, FILE *err) {
  const char *url = json_string_value(json_object_get(other, "urlPrefix"));
  const json_t *list = json_object_get(ours, "managedResources");
  if (json_object_get(ours, "bindVerb") && json_object_get(other, "bindVerb"))
    return cli_complain(err,
                        "%s: the extender %s binds already, and only one may: leave out --bind, or "
                        "take its bindVerb away",
                        path, url ? url : "(no urlPrefix)");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
    if (has_managed(other, name))
      return cli_complain(err,
                          "%s: the extender %s manages %s already, and a resource belongs to one "
                          "extender: take it out there, or call it no GPU in the policy (form: "
                          "none)",
                          path, url ? url : "(no urlPrefix)", name);
  }
  return true;
}

static bool check_others(const char *path, const json_t *others, const json_t *ours, FILE *err) {
  for (size_t i = 0; i < json_array_size(others); i++) {
    for (size_t k = 0; k < json_array_size(ours); k++) {
      if (!check_other(path, json_array_get(others, i), json_array_get(ours, k), err))
        return false;
    }
  }
  return true;
}

static bool put_last(const char *path, json_t *root, json_t *ours, FILE *err) {
  json_t *list = json_object_get(root, "extenders");
  if (!list || json_is_null(list)) {
    list = json_array();
    json_object_set_new(root, "extenders", list);
  }
  const char *url = json_string_value(json_object_get(json_array_get(ours, 0), "urlPrefix"));
  for (size_t i = json_array_size(list); i-- > 0;) {
    if (is_text(json_array_get(list, i), "urlPrefix", url))
      (void)json_array_remove(list, i);
  }
  if (!check_others(path, list, ours, err))
    return false;
  json_array_extend(list, ours);
  return true;
}

/* ---- what it needs around it --------------------------------------------------------------- */

/* Sets a number; one that was there and differs is said. */
static void set_number(json_t *root, const char *key, int64_t value, const char *path, FILE *err) {
  const json_t *old = json_object_get(root, key);
  if (json_is_integer(old) && json_integer_value(old) == value)
    return;
  if (json_is_integer(old))
    (void)fprintf(err, "slicegate: %s: %s was %lld and is %lld now\n", path, key,
                  (long long)json_integer_value(old), (long long)value);
  json_object_set_new(root, key, json_integer(value));
}

/* A profile's own percentage would win over the one for all. */
static void clear_profiles(json_t *root, const char *path, FILE *err) {
  json_t *profiles = json_object_get(root, "profiles");
  for (size_t i = 0; i < json_array_size(profiles); i++) {
    json_t *profile = json_array_get(profiles, i);
    if (json_object_get(profile, "percentageOfNodesToScore"))
      set_number(profile, "percentageOfNodesToScore", 100, path, err);
  }
}

json_t *scheduler_extend(const char *path, json_t *extenders,
                         const struct scheduler_options *options, FILE *err) {
  CLEANUP_BUF struct buf text = {0};
  struct err why = {0};
  if (!sys_file_read(path, doc_limits_policy.max_bytes, &text, &why)) {
    (void)cli_complain(err, "%s", why.text);
    return NULL;
  }
  json_t *root = read_document(path, buf_str(&text), err);
  if (!root)
    return NULL;
  if (!put_last(path, root, extenders, err)) {
    json_decref(root);
    return NULL;
  }
  set_number(root, "percentageOfNodesToScore", 100, path, err);
  set_number(root, "podInitialBackoffSeconds", 1, path, err);
  set_number(root, "podMaxBackoffSeconds", options->max_backoff_seconds, path, err);
  clear_profiles(root, path, err);
  return root;
}

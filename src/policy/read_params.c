/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters by their type: one function each. */
#include "policy_internal.h"

#include <assert.h>
#include <stddef.h>

/* What the strings of a PARAM_STRINGS look like. */
static const struct text_form *const string_forms[PARAM_COUNT] = {
    [P_LIMITS_KNOWN_NAMES] = &form_resource_glob,
    [P_BYPASS_ENV] = &form_env_glob,
    [P_BYPASS_HOST_PATHS] = &form_path_glob,
    [P_BYPASS_RUNTIME_CLASSES] = &form_runtime_class,
    [P_AFFINITY_LABELS] = &form_label_key_glob,
    [P_SHARING_ENVIRONMENTS] = &form_label_value_glob,
    [P_SHARING_TRAINING] = &form_label_value_glob,
    [P_SPOT_ENVIRONMENTS] = &form_label_value_glob,
};

/* ---- numbers --------------------------------------------------------------------------- */

static bool read_int(struct reader *r, const struct field_path *at, const struct doc_node *node,
                     const struct param_info *info, int64_t *ret) {
  int64_t number;
  if (!doc_int(node, &number)) {
    struct str what = node->kind == DOC_NUMBER
                          ? node->text
                          : str_of(node->kind == DOC_NULL ? "nothing" : doc_kind_name(node));
    reader_error_value(r, at, node, "is %.*s, expected a whole number from %lld to %lld",
                       STR_FMT(what), (long long)info->minimum, (long long)info->maximum);
    return false;
  }
  if (number < info->minimum || number > info->maximum) {
    reader_error_value(r, at, node, "is %lld, expected a whole number from %lld to %lld",
                       (long long)number, (long long)info->minimum, (long long)info->maximum);
    return false;
  }
  *ret = number;
  return true;
}

static bool read_duration(struct reader *r, const struct field_path *at,
                          const struct doc_node *node, const struct param_info *info,
                          int64_t *ret) {
  static const char expected[] = "a duration such as \"72h\", \"90m\", \"7d\" or \"1h30m\"";
  int64_t seconds;
  bool is_text = node->kind == DOC_STRING || node->kind == DOC_NUMBER;
  if (!is_text)
    return reader_expect(r, at, node, DOC_STRING, expected);
  if (!duration_parse(node->text, &seconds)) {
    const char *why = node->kind == DOC_NUMBER ? ", which has no unit" : "";
    reader_error_value(r, at, node, "is \"%.*s\"%s, expected %s", STR_FMT(node->text), why,
                       expected);
    return false;
  }
  if (seconds < info->minimum || seconds > info->maximum) {
    reader_error_value(r, at, node, "is \"%.*s\", expected a duration from %.*s to %.*s",
                       STR_FMT(node->text), STR_FMT(duration_text(r->scratch, info->minimum)),
                       STR_FMT(duration_text(r->scratch, info->maximum)));
    return false;
  }
  *ret = seconds;
  return true;
}

/* A Kubernetes quantity; `scale` turns it into what the parameter counts. */
static bool read_quantity(struct reader *r, const struct field_path *at,
                          const struct doc_node *node, const struct param_info *info,
                          int64_t *ret) {
  bool is_cpu = info->type == PARAM_CPU;
  const char *expected = is_cpu ? "a CPU quantity such as \"4\" or \"500m\""
                                : "a memory quantity such as \"16Gi\" or \"512Mi\"";
  if (node->kind != DOC_STRING && node->kind != DOC_NUMBER)
    return reader_expect(r, at, node, DOC_STRING, expected);
  struct quantity quantity;
  if (!qty_parse(node->text, &quantity) || qty_is_negative(quantity)) {
    reader_error_value(r, at, node, "is \"%.*s\", expected %s", STR_FMT(node->text), expected);
    return false;
  }
  int64_t bytes = qty_units_ceil(quantity);
  int64_t number = is_cpu ? qty_milli_ceil(quantity) : bytes / (1 << 20) + (bytes % (1 << 20) != 0);
  if (number < info->minimum || number > info->maximum) {
    reader_error_value(r, at, node, "is \"%.*s\", expected at most %s", STR_FMT(node->text),
                       is_cpu ? "1024 CPUs" : "64Ti");
    return false;
  }
  *ret = number;
  return true;
}

/* ---- mappings and lists of their own ---------------------------------------------------- */

static bool read_environments(struct reader *r, const struct field_path *at,
                              const struct doc_node *node, const struct param_info *info,
                              struct param_value *ret) {
  if (!reader_expect(r, at, node, DOC_MAPPING, "a mapping such as {dev: 72h, \"*\": 30d}"))
    return false;
  struct env_duration *items = arena_array(r->arena, node->count, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < node->count; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    struct field_path path = {.parent = at, .key = pair->key};
    if (is_shadowed(node, i))
      continue;
    if (!form_environment.is_valid(pair->key))
      reader_error_key(r, &path, pair, "expected %s", form_environment.expected);
    else if (read_duration(r, &path, &pair->value, info, &items[count].seconds))
      items[count++].environment = str_copy(r->arena, pair->key);
  }
  ret->environments.items = items;
  ret->environments.count = count;
  return true;
}

static const struct key_row label_requirement_rows[] = {
    {.key = "required",
     .kind = KIND_ANY,
     .expected = "true or false",
     .read = read_bool_key,
     .offset = offsetof(struct label_requirement, is_required)},
    {.key = "values",
     .kind = DOC_SEQUENCE,
     .expected = "a list such as [dev, \"prod-*\"]",
     .read = read_texts_key,
     .offset = offsetof(struct label_requirement, values),
     .extra = &form_label_value_glob},
    {.key = "fromNamespace",
     .kind = KIND_ANY,
     .expected = "true or false",
     .read = read_bool_key,
     .offset = offsetof(struct label_requirement, is_from_namespace)},
};
const struct key_table label_requirement_keys = {label_requirement_rows,
                                                 SG_ARRAY_LEN(label_requirement_rows)};

/* "required: false" alone, or {}: an entry that says nothing is an oversight. */
static bool asks_for_nothing(const struct doc_node *node, const struct label_requirement *item) {
  return !item->is_required && !doc_get_lit(node, "values") &&
         !has_unknown_key(node, label_requirement_keys);
}

static bool read_labels(struct reader *r, const struct field_path *at, const struct doc_node *node,
                        struct param_value *ret) {
  if (!reader_expect(r, at, node, DOC_MAPPING,
                     "a mapping such as {slicegate.dev/team: {required: true}}"))
    return false;
  struct label_requirement *items = arena_array(r->arena, node->count, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < node->count; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    struct field_path path = {.parent = at, .key = pair->key};
    struct label_requirement item = {.key = str_copy(r->arena, pair->key)};
    if (is_shadowed(node, i))
      continue;
    if (!form_label_key.is_valid(pair->key))
      reader_error_key(r, &path, pair, "is no label key, expected %s", form_label_key.expected);
    else if (reader_mapping(r, &path, &pair->value, label_requirement_keys, &item)) {
      if (asks_for_nothing(&pair->value, &item))
        reader_error_key(r, &path, pair,
                         "asks for nothing, expected \"required: true\", \"values\", or both");
      items[count++] = item;
    }
  }
  ret->labels.items = items;
  ret->labels.count = count;
  return true;
}

static bool read_products(struct reader *r, const struct field_path *at,
                          const struct doc_node *node, struct param_value *ret) {
  if (!reader_expect(r, at, node, DOC_MAPPING,
                     "a mapping such as {\"research-*\": [\"NVIDIA-A100-*\"]}"))
    return false;
  struct team_products *items = arena_array(r->arena, node->count, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < node->count; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    struct field_path path = {.parent = at, .key = pair->key};
    if (is_shadowed(node, i))
      continue;
    if (!form_label_value_glob.is_valid(pair->key))
      reader_error_key(r, &path, pair, "is no team, expected %s", form_label_value_glob.expected);
    else if (reader_texts(r, &path, &pair->value, &form_label_value_glob, false,
                          &items[count].products))
      items[count++].team = str_copy(r->arena, pair->key);
  }
  ret->products.items = items;
  ret->products.count = count;
  return true;
}

struct capacity_draft {
  struct str provider, label, taint;
  struct strings values;
};

static const struct key_row capacity_mark_rows[] = {
    {.key = "provider",
     .kind = KIND_ANY,
     .expected = "a word for messages",
     .read = read_text_key,
     .offset = offsetof(struct capacity_draft, provider),
     .extra = &form_any},
    {.key = "label",
     .kind = KIND_ANY,
     .expected = "a node label",
     .read = read_text_key,
     .offset = offsetof(struct capacity_draft, label),
     .extra = &form_label_key},
    {.key = "values",
     .kind = DOC_SEQUENCE,
     .expected = "a list such as [spot]",
     .read = read_texts_key,
     .offset = offsetof(struct capacity_draft, values),
     .extra = &form_label_value_glob},
    {.key = "taint",
     .kind = KIND_ANY,
     .expected = "the key of a taint",
     .read = read_text_key,
     .offset = offsetof(struct capacity_draft, taint),
     .extra = &form_label_key},
};
const struct key_table capacity_mark_keys = {capacity_mark_rows, SG_ARRAY_LEN(capacity_mark_rows)};

static bool read_mark(struct reader *r, const struct field_path *at, const struct doc_node *node,
                      struct capacity_mark *ret) {
  struct capacity_draft draft = {0};
  if (!reader_mapping(r, at, node, capacity_mark_keys, &draft))
    return false;
  const struct doc_node *label = doc_get_lit(node, "label");
  const struct doc_node *taint = doc_get_lit(node, "taint");
  if (!label == !taint) {
    reader_error_value(r, at, node, "has %s, expected exactly one of label and taint",
                       label ? "both label and taint" : "neither label nor taint");
    return false;
  }
  if (label && !doc_get_lit(node, "values")) {
    reader_error_value(r, at, node,
                       "key \"values\" is missing, expected the values of the label that mean "
                       "spot, such as [spot]");
    return false;
  }
  *ret = (struct capacity_mark){
      .provider = draft.provider.len ? draft.provider : STR_LIT("policy"),
      .key = label ? draft.label : draft.taint,
      .spot_values = draft.values,
      .is_taint = taint != NULL,
  };
  return ret->key.len > 0;
}

static bool read_capacity(struct reader *r, const struct field_path *at,
                          const struct doc_node *node, struct param_value *ret) {
  if (!reader_expect(r, at, node, DOC_SEQUENCE,
                     "a list such as [{label: example.com/capacity, values: [spot]}]"))
    return false;
  struct capacity_mark *items = arena_array(r->arena, node->count, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < node->count; i++) {
    struct field_path path = {.parent = at, .index = i};
    if (read_mark(r, &path, &node->items[i], &items[count]))
      count++;
  }
  ret->capacity.items = items;
  ret->capacity.count = count;
  return true;
}

/* ---- by type ------------------------------------------------------------------------------ */

bool read_param(struct reader *r, const struct field_path *at, const struct doc_node *node,
                const struct param_info *info, struct param_value *ret) {
  *ret = (struct param_value){0};
  switch (info->type) {
  case PARAM_BOOL:
    ret->truth = doc_is_true(node);
    return reader_expect(r, at, node, DOC_BOOL, NULL);
  case PARAM_INT:
    return read_int(r, at, node, info, &ret->number);
  case PARAM_DURATION:
    return read_duration(r, at, node, info, &ret->number);
  case PARAM_CPU:
  case PARAM_MEMORY:
    return read_quantity(r, at, node, info, &ret->number);
  case PARAM_STRINGS:
    return reader_texts(r, at, node, string_forms[info->id], true, &ret->strings);
  case PARAM_ENVIRONMENTS:
    return read_environments(r, at, node, info, ret);
  case PARAM_LABELS:
    return read_labels(r, at, node, ret);
  case PARAM_PRODUCTS:
    return read_products(r, at, node, ret);
  case PARAM_CAPACITY:
    return read_capacity(r, at, node, ret);
  }
  return false;
}

struct param_value *params_read_defaults(struct reader *r) {
  struct param_value *values = arena_array(r->arena, PARAM_COUNT, sizeof(*values));
  for (int id = 0; id < PARAM_COUNT; id++) {
    const struct param_info *info = policy_param_info((enum param_id)id);
    CLEANUP_ARENA struct arena *arena = arena_new(1024);
    struct doc_stream stream;
    struct err err;
    /* Our own table: an error in it is ours, and the first test run finds it. */
    bool is_read =
        doc_parse_yaml(arena, str_of(info->default_text), &doc_limits_policy, &stream, &err) &&
        stream.count == 1 && read_param(r, NULL, stream.documents[0], info, &values[id]);
    assert(is_read && "a default of the table of parameters is wrong");
    (void)is_read;
  }
  return values;
}

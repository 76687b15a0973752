/* SPDX-License-Identifier: Apache-2.0 */
/* spec.extraKinds: rows of the kinds table that the policy brings along. */
#include "policy_internal.h"

#include <stddef.h>

/* ---- templates ------------------------------------------------------------------------- */

static const struct {
  const char *name;
  enum template_form form;
} forms[] = {
    {"template", FORM_TEMPLATE},  {"podSpec", FORM_POD_SPEC}, {"resources", FORM_RESOURCES},
    {"gpuCount", FORM_GPU_COUNT}, {"object", FORM_OBJECT},
};

static void read_template_form(struct reader *r, const struct field_path *at,
                               const struct doc_pair *pair, const struct key_row *row,
                               void *target) {
  (void)row;
  struct kind_template *tmpl = target;
  struct str words[SG_ARRAY_LEN(forms)];
  for (size_t i = 0; i < SG_ARRAY_LEN(forms); i++)
    words[i] = str_of(forms[i].name);
  size_t index;
  if (reader_word(r, at, &pair->value, words, SG_ARRAY_LEN(forms), &index))
    tmpl->form = forms[index].form;
}

enum { MAX_COUNTS = SG_ARRAY_LEN(((struct kind_template *)0)->counts) };

static void read_counts(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                        const struct key_row *row, void *target) {
  struct str *counts = (struct str *)((char *)target + row->offset);
  struct strings read = {NULL, 0};
  if (!reader_texts(r, at, &pair->value, row->extra, false, &read))
    return;
  if (read.count > MAX_COUNTS) {
    reader_error_value(r, at, &pair->value, "has %zu paths, expected at most %d", read.count,
                       (int)MAX_COUNTS);
    return;
  }
  for (size_t i = 0; i < read.count; i++)
    counts[i] = read.items[i];
}

static const struct key_row kind_template_rows[] = {
    {.key = "path",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "a path such as spec.template",
     .read = read_text_key,
     .offset = offsetof(struct kind_template, path),
     .extra = &form_template_path,
     .help = "Where it stands: names with dots, \"[]\" for every item of a list, \"*\" for every "
             "value of a mapping; \"\" is the object itself."},
    {.key = "form",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "template, podSpec, resources, gpuCount or object",
     .read = read_template_form,
     .help = "template: metadata and spec; podSpec: a PodSpec; resources: only limits and "
             "requests; gpuCount: {name, quantity}; object: an object of another kind, judged by "
             "that kind's row."},
    {.key = "count",
     .kind = DOC_SEQUENCE,
     .expected = "a list of paths such as [spec.replicas]",
     .read = read_counts,
     .offset = offsetof(struct kind_template, counts),
     .extra = &form_template_path,
     .help = "Fields whose product is the number of pods (up to 3); an absent field counts as 1. "
             "A wildcard takes the item that the template's path took."},
    {.key = "countMax",
     .kind = DOC_SEQUENCE,
     .expected = "a list of paths such as [spec.maxReplicas]",
     .read = read_counts,
     .offset = offsetof(struct kind_template, counts_max),
     .extra = &form_template_path,
     .help = "The same for the upper end, where the kind scales by itself."},
};
const struct key_table kind_template_keys = {kind_template_rows, SG_ARRAY_LEN(kind_template_rows)};

/* A path up to and with its last wildcard; empty when it has none. */
static struct str wildcard_part(struct str path) {
  for (size_t i = path.len; i-- > 0;) {
    if (path.ptr[i] == '*' || path.ptr[i] == ']')
      return (struct str){path.ptr, i + 1};
  }
  return (struct str){path.ptr, 0};
}

/* "workers[].replicas" beside "workers[].template": the same item, or it means nothing. */
static void check_counts(struct reader *r, const struct field_path *at, const struct doc_node *node,
                         const char *key, const struct kind_template *tmpl,
                         const struct str *counts) {
  const struct doc_node *list = doc_get_lit(node, key);
  struct field_path path = {.parent = at, .key = str_of(key)};
  for (size_t i = 0; i < MAX_COUNTS && i < list_count(list); i++) {
    struct field_path item = {.parent = &path, .index = i};
    struct str part = wildcard_part(counts[i]);
    struct str rest = str_starts_with(tmpl->path, part) ? str_skip(tmpl->path, part.len) : part;
    if (part.len && rest.len && rest.ptr[0] != '.')
      reader_error_value(r, &item, &list->items[i],
                         "is \"%.*s\", but its wildcards take no item that \"%.*s\" took, "
                         "expected both paths to begin alike",
                         STR_FMT(counts[i]), STR_FMT(tmpl->path));
  }
}

static void read_templates(struct reader *r, const struct field_path *at,
                           const struct doc_pair *pair, const struct key_row *row, void *target) {
  (void)row;
  struct workload_kind *kind = target;
  struct kind_template *items = arena_array(r->arena, pair->value.count, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < pair->value.count; i++) {
    const struct doc_node *node = &pair->value.items[i];
    struct field_path path = {.parent = at, .index = i};
    if (!reader_mapping(r, &path, node, kind_template_keys, &items[count]))
      continue;
    check_counts(r, &path, node, "count", &items[count], items[count].counts);
    check_counts(r, &path, node, "countMax", &items[count], items[count].counts_max);
    count++;
  }
  kind->templates = items;
  kind->template_count = count;
}

/* ---- the row ------------------------------------------------------------------------------ */

static void read_versions(struct reader *r, const struct field_path *at,
                          const struct doc_pair *pair, const struct key_row *row, void *target) {
  struct workload_kind *kind = target;
  struct strings read = {NULL, 0};
  (void)reader_texts(r, at, &pair->value, row->extra, false, &read);
  kind->versions = read.items;
  kind->version_count = read.count;
}

static void read_deadlines(struct reader *r, const struct field_path *at,
                           const struct doc_pair *pair, const struct key_row *row, void *target) {
  struct workload_kind *kind = target;
  struct strings read = {NULL, 0};
  (void)reader_texts(r, at, &pair->value, row->extra, true, &read);
  kind->deadline_paths = read.items;
  kind->deadline_path_count = read.count;
}

static const struct key_row extra_kind_rows[] = {
    {.key = "group",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "an API group such as kubeflow.org",
     .read = read_text_key,
     .offset = offsetof(struct workload_kind, group),
     .extra = &form_api_group,
     .help = "API group, \"\" for the core group."},
    {.key = "kind",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "a kind such as PyTorchJob",
     .read = read_text_key,
     .offset = offsetof(struct workload_kind, kind),
     .extra = &form_kind_name,
     .help = "Kind, as in manifests."},
    {.key = "resource",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "the plural in lower case, such as pytorchjobs",
     .read = read_text_key,
     .offset = offsetof(struct workload_kind, resource),
     .extra = &form_resource_name,
     .help = "Its plural, for the webhook's rules."},
    {.key = "versions",
     .kind = DOC_SEQUENCE,
     .expected = "a list such as [v1, v1beta1]",
     .read = read_versions,
     .extra = &form_api_version,
     .help = "Versions for the webhook's rules; every one without it."},
    {.key = "templates",
     .kind = DOC_SEQUENCE,
     .is_required = true,
     .expected = "a list such as [{path: spec.template, form: template}]",
     .read = read_templates,
     .below = &kind_template_keys,
     .help = "Where pods are described in it."},
    {.key = "deadlines",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list of paths such as [spec.activeDeadlineSeconds]",
     .read = read_deadlines,
     .extra = &form_field_path,
     .help = "Fields whose seconds end a running workload."},
    {.key = "service",
     .kind = KIND_ANY,
     .expected = "true or false",
     .read = read_bool_key,
     .offset = offsetof(struct workload_kind, is_service),
     .help = "Whether it runs until it is deleted, as a Deployment does."},
};
const struct key_table extra_kind_keys = {extra_kind_rows, SG_ARRAY_LEN(extra_kind_rows)};

static const struct str any_version[] = {{"*", 1}};

/* The place of a row with that group and kind among the first `count`, or `count`. */
static size_t find_row(const struct workload_kind *rows, size_t count,
                       const struct workload_kind *like) {
  size_t i = 0;
  while (i < count && !(str_eq(rows[i].kind, like->kind) && str_eq(rows[i].group, like->group)))
    i++;
  return i;
}

void read_extra_kinds(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                      const struct key_row *row, void *target) {
  (void)row;
  struct policy_view *view = target;
  size_t room = view->kind_count + pair->value.count;
  struct workload_kind *kinds = arena_array(r->arena, room, sizeof(*kinds));
  if (view->kind_count)
    memcpy(kinds, view->kinds, view->kind_count * sizeof(*kinds));
  size_t count = view->kind_count;
  struct workload_kind *own = arena_array(r->arena, pair->value.count, sizeof(*own));
  size_t own_count = 0;
  for (size_t i = 0; i < pair->value.count; i++) {
    const struct doc_node *node = &pair->value.items[i];
    struct field_path path = {.parent = at, .index = i};
    struct workload_kind kind = {.versions = any_version, .version_count = 1};
    if (!reader_mapping(r, &path, node, extra_kind_keys, &kind))
      continue;
    if (kind.kind.len && find_row(own, own_count, &kind) < own_count)
      reader_error_value(r, &path, node, "is the second row for kind \"%.*s\" of group \"%.*s\"",
                         STR_FMT(kind.kind), STR_FMT(kind.group));
    own[own_count++] = kind;
    size_t place = find_row(kinds, count, &kind);
    /* Who validates the built-in kinds does not depend on where we look for templates. */
    kind.is_builtin_validated = place < count && kinds[place].is_builtin_validated;
    kinds[place] = kind;
    count += place == count;
  }
  view->kinds = kinds;
  view->kind_count = count;
}

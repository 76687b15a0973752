/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an UPDATE touched anything that rules read. */
#include "wire_internal.h"

/* Only the keys that the policy reads: a controller's own bookkeeping is not a change. */
static bool has_other_value(const struct doc_node *a, const struct doc_node *b,
                            const struct policy_view *view) {
  if (!doc_is(a, DOC_MAPPING))
    return false;
  for (uint32_t i = 0; i < a->count; i++) {
    if (policy_reads_key(view, a->pairs[i].key) &&
        !doc_equal(&a->pairs[i].value, doc_get(b, a->pairs[i].key)))
      return true;
  }
  return false;
}

static bool metadata_changed(const struct doc_node *object, const struct doc_node *old,
                             const struct policy_view *view) {
  static const char *const lists[] = {"labels", "annotations"};
  const struct doc_node *metadata = doc_get_lit(object, "metadata");
  const struct doc_node *old_metadata = doc_get_lit(old, "metadata");
  for (size_t i = 0; i < SG_ARRAY_LEN(lists); i++) {
    const struct doc_node *now = doc_get_lit(metadata, lists[i]);
    const struct doc_node *before = doc_get_lit(old_metadata, lists[i]);
    if (has_other_value(now, before, view) || has_other_value(before, now, view))
      return true;
  }
  return false;
}

static bool path_changed(struct arena *arena, const struct doc_node *object,
                         const struct doc_node *old, struct str pattern) {
  struct path_hit *now, *before;
  size_t now_count, before_count;
  struct err ignored;
  struct str none = {NULL, 0};
  if (!wire_path_find(arena, object, pattern, none, &now, &now_count, &ignored) ||
      !wire_path_find(arena, old, pattern, none, &before, &before_count, &ignored))
    return true;
  if (now_count != before_count)
    return true;
  for (size_t i = 0; i < now_count; i++) {
    if (!str_eq(now[i].path, before[i].path) || !doc_equal(now[i].node, before[i].node))
      return true;
  }
  return false;
}

bool wire_is_changed(struct arena *arena, const struct doc_node *object,
                     const struct doc_node *old_object, const struct workload_kind *row,
                     const struct policy_view *view) {
  if (metadata_changed(object, old_object, view))
    return true;
  for (size_t i = 0; i < row->template_count; i++) {
    /* A Pod is its own template: its metadata was compared above, its status is no input. */
    struct str path = row->templates[i].path.len ? row->templates[i].path : STR_LIT("spec");
    if (path_changed(arena, object, old_object, path))
      return true;
  }
  for (size_t i = 0; i < row->deadline_path_count; i++) {
    if (path_changed(arena, object, old_object, row->deadline_paths[i]))
      return true;
  }
  return false;
}

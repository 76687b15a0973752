/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups on the request path. Kinds go through a hash table (every review asks), keys
 * that rules read through a sorted list. GPU resources and node marks are a dozen
 * patterns whose first bytes differ: trying them in turn costs less than hashing would.
 */
#include "policy_internal.h"

#include <stdlib.h>

struct policy_index {
  uint16_t *slots; /* 1 + index into view->kinds; 0: free. Open addressing. */
  uint32_t mask;
  struct strings keys; /* sorted */
};

/* Over group, NUL, kind. */
static uint32_t hash_kind(struct str group, struct str kind) {
  uint64_t hash = hash_bytes(hash_bytes(HASH_START, group.ptr, group.len), "", 1);
  return (uint32_t)hash_bytes(hash, kind.ptr, kind.len);
}

static void index_kinds(struct policy_index *index, struct arena *arena,
                        const struct policy_view *view) {
  uint32_t size = 64;
  while (size < view->kind_count * 2)
    size *= 2;
  index->mask = size - 1;
  index->slots = arena_array(arena, size, sizeof(*index->slots));
  for (size_t i = 0; i < view->kind_count; i++) {
    uint32_t at = hash_kind(view->kinds[i].group, view->kinds[i].kind) & index->mask;
    while (index->slots[at])
      at = (at + 1) & index->mask;
    index->slots[at] = (uint16_t)(i + 1);
  }
}

static int compare_keys(const void *a, const void *b) {
  return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static size_t count_labels(const struct param_value *params) {
  return params && params[P_LABELS].is_set ? params[P_LABELS].labels.count : 0;
}

static struct str *add_labels(struct str *to, const struct param_value *params) {
  for (size_t i = 0; i < count_labels(params); i++)
    *to++ = params[P_LABELS].labels.items[i].key;
  return to;
}

/* Labels that the policy names: required ones, and those that overrides look at. */
static void index_keys(struct policy_index *index, struct arena *arena,
                       const struct policy_view *view) {
  size_t count = count_labels(view->params);
  for (size_t i = 0; i < view->override_count; i++)
    count += count_labels(view->overrides[i].params) + view->overrides[i].match.object_label_count;
  struct str *keys = arena_array(arena, count, sizeof(*keys));
  struct str *to = add_labels(keys, view->params);
  for (size_t i = 0; i < view->override_count; i++) {
    const struct override *override = &view->overrides[i];
    to = add_labels(to, override->params);
    for (size_t k = 0; k < override->match.object_label_count; k++)
      *to++ = override->match.object_labels[k].key;
  }
  if (count)
    qsort(keys, count, sizeof(*keys), compare_keys);
  index->keys = (struct strings){keys, count};
}

const struct policy_index *policy_index_new(struct arena *arena, const struct policy_view *view) {
  struct policy_index *index = arena_alloc(arena, sizeof(*index));
  index_kinds(index, arena, view);
  index_keys(index, arena, view);
  return index;
}

const struct workload_kind *policy_find_kind(const struct policy_view *view, struct str group,
                                             struct str kind) {
  const struct policy_index *index = view->index;
  if (!index) {
    for (size_t i = 0; i < view->kind_count; i++) {
      if (str_eq(view->kinds[i].kind, kind) && str_eq(view->kinds[i].group, group))
        return &view->kinds[i];
    }
    return NULL;
  }
  for (uint32_t at = hash_kind(group, kind) & index->mask; index->slots[at];
       at = (at + 1) & index->mask) {
    const struct workload_kind *row = &view->kinds[index->slots[at] - 1];
    if (str_eq(row->kind, kind) && str_eq(row->group, group))
      return row;
  }
  return NULL;
}

bool policy_reads_key(const struct policy_view *view, struct str key) {
  if (str_starts_with(key, STR_LIT("slicegate.dev/")))
    return true;
  const struct policy_index *index = view->index;
  return index && index->keys.count &&
         bsearch(&key, index->keys.items, index->keys.count, sizeof(key), compare_keys) != NULL;
}

/* ---- patterns -------------------------------------------------------------------------- */

static const struct gpu_resource *find_resource(const struct policy_view *view, struct str name) {
  if (str_find_char(name, '/') == name.len)
    return NULL; /* cpu, memory: the usual case, and never an extended resource */
  for (size_t i = 0; i < view->gpu_resource_count; i++) {
    if (str_glob(view->gpu_resources[i].pattern, name))
      return &view->gpu_resources[i];
  }
  return NULL;
}

bool policy_gpu_resource(const struct policy_view *view, struct str name,
                         enum gpu_resource_form *ret) {
  const struct gpu_resource *row = find_resource(view, name);
  if (!row || row->is_excluded)
    return false;
  *ret = row->form;
  return true;
}

bool policy_knows_resource(const struct policy_view *view, struct str name) {
  return find_resource(view, name) != NULL;
}

bool policy_is_gpu_taint(const struct policy_view *view, struct str key) {
  return strings_match(&view->gpu_nodes.taint_keys, key);
}

bool policy_is_gpu_label(const struct policy_view *view, struct str key) {
  return strings_match(&view->gpu_nodes.labels, key);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of the kinds table: dotted fields, "[]" behind a field for every item of a
 * list, "*" for every value of a mapping.
 */
#include "wire_internal.h"

struct path_search {
  struct arena *arena;
  struct path_hit *hits;
  size_t count, cap;
  struct err *err;
};

/* The first segment without its "[]"; *rest is what follows. */
static struct str take_segment(struct str *rest, bool *ret_items) {
  size_t dot = str_find_char(*rest, '.');
  struct str segment = {rest->ptr, dot};
  *rest = dot < rest->len ? str_skip(*rest, dot + 1) : (struct str){NULL, 0};
  *ret_items = str_ends_with(segment, STR_LIT("[]"));
  if (*ret_items)
    segment.len -= 2;
  return segment;
}

static struct str join(struct arena *arena, struct str path, struct str field) {
  bool needs_brackets =
      str_find_char(field, '.') < field.len || str_find_char(field, '/') < field.len;
  if (needs_brackets)
    return str_printf(arena, "%.*s[%.*s]", STR_FMT(path), STR_FMT(field));
  return str_printf(arena, "%.*s%s%.*s", STR_FMT(path), path.len ? "." : "", STR_FMT(field));
}

static bool wrong(struct path_search *search, struct str path, const struct doc_node *node,
                  const char *expected) {
  struct trail here = {NULL, path, 0};
  return wire_wrong_type(&here, node, expected, search->err);
}

static void add_hit(struct path_search *search, const struct path_hit *hit) {
  if (search->count == search->cap) {
    size_t cap = search->cap ? search->cap * 2 : 4;
    struct path_hit *moved = arena_array(search->arena, cap, sizeof(*moved));
    if (search->count)
      memcpy(moved, search->hits, search->count * sizeof(*moved));
    search->hits = moved;
    search->cap = cap;
  }
  search->hits[search->count++] = *hit;
}

static bool walk(struct path_search *search, struct path_hit at, struct str rest);

static bool walk_items(struct path_search *search, const struct path_hit *list, struct str rest) {
  if (list->node->kind != DOC_SEQUENCE)
    return wrong(search, list->path, list->node, "a list");
  for (uint32_t i = 0; i < list->node->count; i++) {
    struct path_hit item = *list;
    item.node = &list->node->items[i];
    item.path = str_printf(search->arena, "%.*s[%u]", STR_FMT(list->path), i);
    item.captures[item.capture_count++] = (struct path_capture){.is_index = true, .index = i};
    if (!walk(search, item, rest))
      return false;
  }
  return true;
}

static bool walk_values(struct path_search *search, const struct path_hit *map, struct str rest) {
  if (map->node->kind != DOC_MAPPING)
    return wrong(search, map->path, map->node, "a mapping");
  for (uint32_t i = 0; i < map->node->count; i++) {
    const struct doc_pair *pair = &map->node->pairs[i];
    struct path_hit value = *map;
    value.node = &pair->value;
    value.path = join(search->arena, map->path, pair->key);
    value.captures[value.capture_count++] = (struct path_capture){.key = pair->key};
    if (!walk(search, value, rest))
      return false;
  }
  return true;
}

static bool walk(struct path_search *search, struct path_hit at, struct str rest) {
  if (at.node->kind == DOC_NULL)
    return true;
  if (rest.len == 0) {
    add_hit(search, &at);
    return true;
  }
  bool is_items;
  struct str segment = take_segment(&rest, &is_items);
  if (at.capture_count == PATH_WILDCARDS_MAX)
    return true; /* the table's own test forbids such a row */
  if (str_is(segment, "*"))
    return walk_values(search, &at, rest);
  if (at.node->kind != DOC_MAPPING)
    return wrong(search, at.path, at.node, "a mapping");
  const struct doc_node *child = doc_get(at.node, segment);
  if (!child || child->kind == DOC_NULL)
    return true;
  struct path_hit below = at;
  below.node = child;
  below.path = join(search->arena, at.path, segment);
  return is_items ? walk_items(search, &below, rest) : walk(search, below, rest);
}

bool wire_path_find(struct arena *arena, const struct doc_node *root, struct str pattern,
                    struct str prefix, struct path_hit **ret, size_t *ret_count,
                    struct err *reterr) {
  struct path_search search = {.arena = arena, .err = reterr};
  if (!walk(&search, (struct path_hit){.node = root, .path = prefix}, pattern))
    return false;
  *ret = search.hits;
  *ret_count = search.count;
  return true;
}

const struct doc_node *wire_path_follow(const struct doc_node *root, struct str pattern,
                                        const struct path_hit *hit) {
  const struct doc_node *at = root;
  size_t used = 0;
  while (at && pattern.len) {
    bool is_items;
    struct str segment = take_segment(&pattern, &is_items);
    bool is_any = str_is(segment, "*");
    if ((is_any || is_items) && used == hit->capture_count)
      return NULL;
    const struct path_capture *capture = is_any || is_items ? &hit->captures[used++] : NULL;
    at = is_any ? doc_get(at, capture->key) : doc_get(at, segment);
    if (is_items)
      at = doc_is(at, DOC_SEQUENCE) && capture->is_index && capture->index < at->count
               ? &at->items[capture->index]
               : NULL;
  }
  return at;
}

struct str wire_path_text(struct arena *arena, struct str pattern, struct str prefix,
                          const struct path_hit *hit) {
  struct str path = prefix;
  size_t used = 0;
  while (pattern.len) {
    bool is_items;
    struct str segment = take_segment(&pattern, &is_items);
    bool is_any = str_is(segment, "*");
    const struct path_capture *capture =
        (is_any || is_items) && used < hit->capture_count ? &hit->captures[used++] : NULL;
    path = join(arena, path, is_any && capture ? capture->key : segment);
    if (is_items && capture)
      path = str_printf(arena, "%.*s[%u]", STR_FMT(path), capture->index);
  }
  return path;
}

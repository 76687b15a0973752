/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of a manifest, one at a time. A recording of a large cluster is one JSON value of
 * hundreds of megabytes; its tree would be several times that. So lists are walked as they are
 * read, and only one item is a tree at any time.
 */
#include "json.h"

struct objects {
  struct json_parser json;
  struct arena *arena; /* of one object; reset behind it */
  struct arena *kept;
  doc_object_fn *each;
  void *context;
  bool is_silent;
  bool is_told; /* `each` was called: there is no way back to another reader */
  struct err *err;
};

#define NO_ITEM SIZE_MAX /* an index: a document, or a list itself */

static bool tell(struct objects *o, const struct doc_node *node, struct str list_kind,
                 size_t index) {
  struct doc_object object = {.node = node,
                              .is_item = index != NO_ITEM,
                              .list_kind = list_kind,
                              .index = index == NO_ITEM ? 0 : index};
  o->is_told = true;
  return o->each(o->context, &object, o->err);
}

static bool is_mapping_without_kind(const struct doc_node *node) {
  return doc_is(node, DOC_MAPPING) && !doc_get_lit(node, "kind");
}

/* ---- JSON -------------------------------------------------------------------------------- */

struct header { /* what is known of a document so far */
  struct str kind;
  bool has_items;
};

static bool read_member(struct objects *o, const struct doc_pair *pair, struct header *header) {
  struct doc_node value = {0};
  if (!json_read_value(&o->json, &value))
    return false;
  if (str_is(pair->key, "kind"))
    header->kind = str_copy(o->kept, doc_text(&value));
  arena_reset(o->arena);
  return true;
}

static bool walk_items(struct objects *o, struct header *header);

/*
 * The kind of a list that says it behind its items, read ahead. Only lists of one kind that
 * somebody sorted are such: kubectl prints kind List so, and there every item names its own.
 */
static bool find_kind_behind(const struct objects *o, const struct json_parser *items,
                             struct header *header) {
  struct objects ahead = *o;
  ahead.is_silent = true;
  ahead.arena = arena_new(64 * 1024);
  ahead.json = *items;
  ahead.json.arena = ahead.arena;
  ahead.json.stack = NULL;
  ahead.json.stack_len = ahead.json.stack_cap = 0;
  bool more = true;
  bool ok = walk_items(&ahead, header) && json_read_separator(&ahead.json, '}', &more);
  while (ok && more) {
    struct doc_pair pair = {0};
    ok = json_read_key(&ahead.json, &pair) && read_member(&ahead, &pair, header) &&
         json_read_separator(&ahead.json, '}', &more);
  }
  json_parser_done(&ahead.json);
  arena_free(ahead.arena);
  return ok;
}

/* From the opening bracket on. */
static bool walk_items(struct objects *o, struct header *header) {
  struct json_parser start = o->json;
  o->json.at++;
  bool more = !json_is_next(&o->json, ']');
  if (!more)
    o->json.at++;
  for (size_t index = 0; more; index++) {
    struct doc_node item = {0};
    if (!json_read_value(&o->json, &item))
      return false;
    bool is_unknown = index == 0 && header->kind.len == 0 && is_mapping_without_kind(&item);
    if (!o->is_silent && ((is_unknown && !find_kind_behind(o, &start, header)) ||
                          !tell(o, &item, header->kind, index)))
      return false;
    arena_reset(o->arena);
    if (!json_read_separator(&o->json, ']', &more))
      return false;
  }
  return true;
}

/* The members of a mapping. What turns out to have no items is an object of its own, and read
 * again as one. */
static bool walk_mapping(struct objects *o, struct header *header) {
  o->json.at++;
  bool more = !json_is_next(&o->json, '}');
  if (!more)
    o->json.at++;
  while (more) {
    struct doc_pair pair = {0};
    if (!json_read_key(&o->json, &pair))
      return false;
    bool is_items = str_is(pair.key, "items") && json_is_next(&o->json, '[');
    if (is_items && header->has_items)
      return err_set_at(o->err, ERR_INVALID, pair.line, pair.column,
                        "a second list of items in one list");
    header->has_items |= is_items;
    if (!(is_items ? walk_items(o, header) : read_member(o, &pair, header)) ||
        !json_read_separator(&o->json, '}', &more))
      return false;
  }
  return true;
}

static bool walk_document(struct objects *o) {
  struct json_parser start = o->json;
  struct header header = {0};
  if (json_is_next(&o->json, '{')) {
    if (!walk_mapping(o, &header))
      return false;
    if (header.has_items)
      return tell(o, NULL, header.kind, NO_ITEM);
    start.stack = o->json.stack;
    start.stack_cap = o->json.stack_cap;
    o->json = start;
  }
  struct doc_node document = {0};
  bool ok =
      json_read_value(&o->json, &document) && tell(o, &document, (struct str){NULL, 0}, NO_ITEM);
  arena_reset(o->arena);
  return ok;
}

/* ---- whole trees: YAML, and whatever else ------------------------------------------------ */

static bool walk_tree(struct objects *o, struct str text, const struct doc_limits *limits) {
  struct doc_stream stream;
  if (!doc_parse_manifest(o->arena, text, limits, &stream, o->err))
    return false;
  for (size_t i = 0; i < stream.count; i++) {
    const struct doc_node *document = stream.documents[i];
    const struct doc_node *items = doc_get_lit(document, "items");
    struct str kind = doc_text_at(document, "kind");
    if (!doc_is(items, DOC_SEQUENCE)) {
      if (!tell(o, document, (struct str){NULL, 0}, NO_ITEM))
        return false;
      continue;
    }
    for (uint32_t k = 0; k < items->count; k++)
      if (!tell(o, &items->items[k], kind, k))
        return false;
    if (!tell(o, NULL, kind, NO_ITEM))
      return false;
  }
  return true;
}

static bool walk_json(struct objects *o) {
  while (!json_is_at_end(&o->json))
    if (!walk_document(o))
      return false;
  return true;
}

bool doc_each_object(struct str text, const struct doc_limits *limits, doc_object_fn *each,
                     void *context, struct err *reterr) {
  if (!doc_check_size(text, limits, reterr))
    return false;
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  CLEANUP_ARENA struct arena *kept = arena_new(512);
  struct objects o = {
      .arena = arena, .kept = kept, .each = each, .context = context, .err = reterr};
  struct str body = doc_without_bom(text);
  if (doc_looks_like_json(body)) {
    json_parser_init(&o.json, arena, body, limits, reterr);
    bool ok = walk_json(&o);
    json_parser_done(&o.json);
    if (ok || o.is_told || reterr->code == ERR_LIMIT)
      return ok;
    arena_reset(arena);
  }
  return walk_tree(&o, text, limits);
}

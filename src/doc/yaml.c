/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML reader: libyaml's events become the same tree that JSON becomes. An
 * alias is replaced by a copy of what it names; every copied node counts against
 * doc_limits.max_nodes, so a "billion laughs" file ends in ERR_LIMIT, not in memory.
 */
#include "doc_internal.h"

#include <stdlib.h>
#include <yaml.h>

struct anchor {
  struct str name;
  struct doc_node node;
  bool is_open; /* still being read: an alias to it would contain itself */
};

struct yaml_reader {
  yaml_parser_t parser;
  struct arena *arena;
  const struct doc_limits *limits;
  struct err *err;
  size_t nodes;
  unsigned depth;
  struct anchor *anchors;
  size_t anchor_count, anchor_cap;
  struct doc_problems problems;
  struct doc_pair *stack; /* open children, as in the JSON reader */
  size_t stack_len, stack_cap;
};

static struct str event_text(const yaml_char_t *ptr, size_t len) {
  return (struct str){(const char *)ptr, len};
}

static bool fail_mark(struct yaml_reader *r, const yaml_mark_t *mark, enum err_code code,
                      const char *what) {
  return err_set_at(r->err, code, (unsigned)mark->line + 1, (unsigned)mark->column + 1, "%s", what);
}

static bool next_event(struct yaml_reader *r, yaml_event_t *ret) {
  if (yaml_parser_parse(&r->parser, ret))
    return true;
  const yaml_mark_t *mark = &r->parser.problem_mark;
  const char *problem = r->parser.problem ? r->parser.problem : "this is not YAML";
  if (r->parser.error == YAML_READER_ERROR)
    return err_set_at(r->err, ERR_INVALID, (unsigned)r->parser.mark.line + 1,
                      (unsigned)r->parser.mark.column + 1, "%s", problem);
  if (r->parser.context)
    return err_set_at(r->err, ERR_INVALID, (unsigned)mark->line + 1, (unsigned)mark->column + 1,
                      "%s, %s", problem, r->parser.context);
  return fail_mark(r, mark, ERR_INVALID, problem);
}

static bool count_node(struct yaml_reader *r, const yaml_mark_t *mark) {
  if (++r->nodes <= r->limits->max_nodes)
    return true;
  return err_set_at(r->err, ERR_LIMIT, (unsigned)mark->line + 1, (unsigned)mark->column + 1,
                    "more than %zu values (aliases count as often as they are used)",
                    r->limits->max_nodes);
}

static void *grow(void *list, size_t *cap, size_t count, size_t size) {
  if (count < *cap)
    return list;
  *cap = *cap ? *cap * 2 : 16;
  return mem_realloc(list, *cap * size);
}

/* ---- anchors --------------------------------------------------------------------- */

/* The index of the new anchor, or SIZE_MAX when the node has none. */
static size_t open_anchor(struct yaml_reader *r, const yaml_char_t *name) {
  if (!name)
    return SIZE_MAX;
  r->anchors = grow(r->anchors, &r->anchor_cap, r->anchor_count, sizeof(*r->anchors));
  r->anchors[r->anchor_count] =
      (struct anchor){.name = str_copy(r->arena, str_of((const char *)name)), .is_open = true};
  return r->anchor_count++;
}

static void close_anchor(struct yaml_reader *r, size_t index, const struct doc_node *node) {
  if (index == SIZE_MAX)
    return;
  r->anchors[index].node = *node;
  r->anchors[index].is_open = false;
}

/* Counts what an alias repeats. The nodes themselves are immutable and can be shared. */
static bool count_tree(struct yaml_reader *r, const struct doc_node *node,
                       const yaml_mark_t *mark) {
  if (!count_node(r, mark))
    return false;
  for (uint32_t i = 0; i < node->count; i++) {
    const struct doc_node *child =
        node->kind == DOC_MAPPING ? &node->pairs[i].value : &node->items[i];
    if (!count_tree(r, child, mark))
      return false;
  }
  return true;
}

static unsigned tree_depth(const struct doc_node *node) {
  unsigned deepest = 0;
  for (uint32_t i = 0; i < node->count; i++) {
    unsigned below =
        tree_depth(node->kind == DOC_MAPPING ? &node->pairs[i].value : &node->items[i]);
    deepest = below > deepest ? below : deepest;
  }
  return node->kind == DOC_MAPPING || node->kind == DOC_SEQUENCE ? deepest + 1 : 0;
}

static bool read_alias(struct yaml_reader *r, const yaml_event_t *event, struct doc_node *ret) {
  struct str name = str_of((const char *)event->data.alias.anchor);
  for (size_t i = r->anchor_count; i-- > 0;) {
    if (!str_eq(r->anchors[i].name, name))
      continue;
    if (r->anchors[i].is_open)
      return fail_mark(r, &event->start_mark, ERR_INVALID, "an alias inside what it names");
    *ret = r->anchors[i].node;
    if (r->depth + tree_depth(ret) > r->limits->max_depth)
      return fail_mark(r, &event->start_mark, ERR_LIMIT, "nested too deeply through aliases");
    return count_tree(r, ret, &event->start_mark);
  }
  return err_set_at(r->err, ERR_INVALID, (unsigned)event->start_mark.line + 1,
                    (unsigned)event->start_mark.column + 1, "alias \"*%.*s\" names no anchor",
                    STR_FMT(name));
}

/* ---- nodes ----------------------------------------------------------------------- */

static bool read_node(struct yaml_reader *r, yaml_event_t *event, struct doc_node *ret);

static void place(struct doc_node *node, const yaml_mark_t *mark) {
  node->line = (uint32_t)mark->line + 1;
  node->column = (uint32_t)mark->column + 1;
}

static bool read_scalar(struct yaml_reader *r, const yaml_event_t *event, struct doc_node *ret) {
  struct str text = event_text(event->data.scalar.value, event->data.scalar.length);
  size_t anchor = open_anchor(r, event->data.scalar.anchor);
  ret->text = str_copy(r->arena, text);
  ret->kind = DOC_STRING;
  const char *tag = (const char *)event->data.scalar.tag;
  if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag)
    yaml_resolve_plain(r->arena, ret);
  place(ret, &event->start_mark);
  close_anchor(r, anchor, ret);
  return true;
}

static struct doc_pair *push(struct yaml_reader *r) {
  r->stack = grow(r->stack, &r->stack_cap, r->stack_len, sizeof(*r->stack));
  return &r->stack[r->stack_len++];
}

static bool read_sequence(struct yaml_reader *r, const yaml_event_t *start, struct doc_node *ret) {
  size_t base = r->stack_len;
  size_t anchor = open_anchor(r, start->data.sequence_start.anchor);
  for (;;) {
    yaml_event_t event;
    if (!next_event(r, &event))
      return false;
    if (event.type == YAML_SEQUENCE_END_EVENT) {
      yaml_event_delete(&event);
      break;
    }
    struct doc_node item = {0};
    if (!read_node(r, &event, &item))
      return false;
    push(r)->value = item;
  }
  size_t count = r->stack_len - base;
  struct doc_node *items = arena_array(r->arena, count, sizeof(*items));
  for (size_t i = 0; i < count; i++)
    items[i] = r->stack[base + i].value;
  r->stack_len = base;
  ret->kind = DOC_SEQUENCE;
  ret->count = (uint32_t)count;
  ret->items = items;
  place(ret, &start->start_mark);
  close_anchor(r, anchor, ret);
  return true;
}

/* "<<": the merged mapping's pairs come first, so that the mapping's own ones win look-ups. */
static bool is_merge(const struct doc_pair *pair, bool is_plain) {
  return is_plain && str_is(pair->key, "<<");
}

static bool push_merged(struct yaml_reader *r, struct doc_pair **merged, size_t *count, size_t *cap,
                        const struct doc_node *node, const yaml_mark_t *mark) {
  if (node->kind == DOC_SEQUENCE) {
    /* Earlier mappings win over later ones, look-ups take the last: walk backwards. */
    for (uint32_t i = node->count; i-- > 0;) {
      if (node->items[i].kind != DOC_MAPPING)
        return fail_mark(r, mark, ERR_INVALID, "\"<<\" takes a mapping or a list of mappings");
      if (!push_merged(r, merged, count, cap, &node->items[i], mark))
        return false;
    }
    return true;
  }
  if (node->kind != DOC_MAPPING)
    return fail_mark(r, mark, ERR_INVALID, "\"<<\" takes a mapping or a list of mappings");
  for (uint32_t i = 0; i < node->count; i++) {
    *merged = grow(*merged, cap, *count, sizeof(**merged));
    (*merged)[(*count)++] = node->pairs[i];
  }
  return true;
}

static bool read_key(struct yaml_reader *r, yaml_event_t *event, struct doc_pair *pair,
                     bool *ret_plain) {
  *ret_plain = false;
  if (event->type == YAML_ALIAS_EVENT) {
    struct doc_node node = {0};
    bool ok = read_alias(r, event, &node);
    if (ok && (node.kind == DOC_MAPPING || node.kind == DOC_SEQUENCE))
      ok = fail_mark(r, &event->start_mark, ERR_INVALID, "a key must be a scalar");
    pair->key = node.text;
    pair->line = (uint32_t)event->start_mark.line + 1;
    pair->column = (uint32_t)event->start_mark.column + 1;
    return ok;
  }
  if (event->type != YAML_SCALAR_EVENT)
    return fail_mark(r, &event->start_mark, ERR_INVALID, "a key must be a scalar");
  struct doc_node node = {0};
  *ret_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  if (!count_node(r, &event->start_mark) || !read_scalar(r, event, &node))
    return false;
  pair->key =
      node.kind == DOC_NULL
          ? str_copy(r->arena, event_text(event->data.scalar.value, event->data.scalar.length))
          : node.text;
  pair->line = node.line;
  pair->column = node.column;
  return true;
}

struct merge_list {
  struct doc_pair *pairs;
  size_t count, cap;
};

static void merge_list_done(struct merge_list *list) {
  free(list->pairs);
}

static bool read_pairs(struct yaml_reader *r, struct merge_list *merged) {
  for (;;) {
    yaml_event_t event;
    if (!next_event(r, &event))
      return false;
    bool is_end = event.type == YAML_MAPPING_END_EVENT;
    struct doc_pair pair = {0};
    bool is_plain = false;
    bool ok = is_end || read_key(r, &event, &pair, &is_plain);
    yaml_mark_t mark = event.start_mark;
    yaml_event_delete(&event);
    if (!ok || is_end)
      return ok;
    if (!next_event(r, &event) || !read_node(r, &event, &pair.value))
      return false;
    if (is_merge(&pair, is_plain)) {
      if (!push_merged(r, &merged->pairs, &merged->count, &merged->cap, &pair.value, &mark))
        return false;
    } else {
      *push(r) = pair;
    }
  }
}

static bool read_mapping(struct yaml_reader *r, const yaml_event_t *start, struct doc_node *ret) {
  SG_CLEANUP(merge_list_done) struct merge_list merged = {0};
  size_t base = r->stack_len;
  size_t anchor = open_anchor(r, start->data.mapping_start.anchor);
  if (!read_pairs(r, &merged))
    return false;
  size_t own = r->stack_len - base;
  size_t count = own + merged.count;
  struct doc_pair *pairs = arena_array(r->arena, count, sizeof(*pairs));
  if (merged.count)
    memcpy(pairs, merged.pairs, merged.count * sizeof(*pairs));
  if (own)
    memcpy(pairs + merged.count, r->stack + base, own * sizeof(*pairs));
  doc_note_duplicates(&r->problems, r->arena, pairs + merged.count, own);
  r->stack_len = base;
  ret->kind = DOC_MAPPING;
  ret->count = (uint32_t)count;
  ret->pairs = pairs;
  place(ret, &start->start_mark);
  close_anchor(r, anchor, ret);
  return true;
}

/* Takes the event: it is deleted in every case. */
static bool read_node(struct yaml_reader *r, yaml_event_t *event, struct doc_node *ret) {
  bool ok = false;
  bool is_nested =
      event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
  if (is_nested && ++r->depth > r->limits->max_depth) {
    ok = err_set_at(r->err, ERR_LIMIT, (unsigned)event->start_mark.line + 1,
                    (unsigned)event->start_mark.column + 1, "nested deeper than %u levels",
                    r->limits->max_depth);
  } else if (event->type == YAML_ALIAS_EVENT) {
    ok = read_alias(r, event, ret);
  } else if (!count_node(r, &event->start_mark)) {
    ok = false;
  } else if (event->type == YAML_SCALAR_EVENT) {
    ok = read_scalar(r, event, ret);
  } else if (event->type == YAML_SEQUENCE_START_EVENT) {
    ok = read_sequence(r, event, ret);
  } else if (event->type == YAML_MAPPING_START_EVENT) {
    ok = read_mapping(r, event, ret);
  } else {
    ok = fail_mark(r, &event->start_mark, ERR_INVALID, "a value was expected");
  }
  if (is_nested)
    r->depth--;
  yaml_event_delete(event);
  return ok;
}

/* ---- documents -------------------------------------------------------------------- */

struct document_list {
  const struct doc_node **items;
  size_t count, cap;
  /* Of them, those that another document or the end of the text follows: in "[a] b" the value
   * is complete, its document is not. */
  size_t ended;
};

static void document_list_done(struct document_list *list) {
  free(list->items);
}

static bool read_documents(struct yaml_reader *r, struct document_list *list) {
  for (;;) {
    yaml_event_t event;
    if (!next_event(r, &event))
      return false;
    yaml_event_type_t type = event.type;
    if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
        type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT) {
      yaml_event_delete(&event);
      if (type == YAML_DOCUMENT_START_EVENT || type == YAML_STREAM_END_EVENT)
        list->ended = list->count;
      if (type == YAML_STREAM_END_EVENT)
        return true;
      if (type == YAML_DOCUMENT_START_EVENT)
        r->anchor_count = 0; /* anchors do not outlive their document */
      continue;
    }
    struct doc_node *root = arena_alloc(r->arena, sizeof(*root));
    if (!read_node(r, &event, root))
      return false;
    if (root->kind == DOC_NULL)
      continue;
    list->items = grow(list->items, &list->cap, list->count, sizeof(*list->items));
    list->items[list->count++] = root;
  }
}

static void yaml_reader_done(struct yaml_reader *r) {
  yaml_parser_delete(&r->parser);
  free(r->anchors);
  doc_problems_done(&r->problems);
  free(r->stack);
}

bool doc_parse_yaml(struct arena *arena, struct str text, const struct doc_limits *limits,
                    struct doc_stream *ret, struct err *reterr) {
  *ret = (struct doc_stream){0};
  if (!doc_check_size(text, limits, reterr))
    return false;
  SG_CLEANUP(document_list_done) struct document_list list = {0};
  SG_CLEANUP(yaml_reader_done)
  struct yaml_reader r = {.arena = arena, .limits = limits, .err = reterr};
  if (!yaml_parser_initialize(&r.parser))
    return err_set(reterr, ERR_INTERNAL, "libyaml cannot be initialized");
  yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.ptr ? text.ptr : ""),
                               text.len);
  bool ok = read_documents(&r, &list);
  ret->count = list.ended;
  ret->documents = arena_array(arena, list.ended, sizeof(*ret->documents));
  if (list.ended)
    memcpy(ret->documents, list.items, list.ended * sizeof(*ret->documents));
  doc_problems_take(&r.problems, arena, ret);
  return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of a manifest, one at a time. A recording of a large cluster is one JSON value of
 * hundreds of megabytes; its tree would be several times that. So the text is skimmed for where
 * each item of a list begins and ends, and only one item is a tree at any time.
 *
 * The skim knows strings and brackets and nothing else: what it hands over is read, and judged,
 * by the JSON reader.
 */
#include "doc_internal.h"

struct skim {
  const char *at, *end;
  const char *line_start;
  uint32_t line; /* 1-based */
};

struct objects {
  struct arena *arena; /* of one object; reset behind it */
  const struct doc_limits *limits;
  doc_object_fn *each;
  void *context;
  bool is_told; /* `each` was called: there is no way back to another reader */
  struct err *err;
};

/* A value's place in the text. */
struct extent {
  struct str text;
  uint32_t line, column;
};

static void skip_space(struct skim *s) {
  for (; s->at < s->end; s->at++) {
    if (*s->at == '\n') {
      s->line++;
      s->line_start = s->at + 1;
    } else if (*s->at != ' ' && *s->at != '\t' && *s->at != '\r') {
      return;
    }
  }
}

/* From the opening quote to behind the closing one, or to the end of the text. */
static void skip_string(struct skim *s) {
  for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
    if (*s->at == '\\' && s->at + 1 < s->end)
      s->at++;
    if (*s->at == '\n') { /* not allowed there, but then the line is to be right */
      s->line++;
      s->line_start = s->at + 1;
    }
  }
  if (s->at < s->end)
    s->at++;
}

static bool is_scalar_end(char c) {
  return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Everything up to where as many brackets were closed as opened. */
static void skip_nested(struct skim *s) {
  size_t depth = 0;
  while (s->at < s->end) {
    switch (*s->at) {
    case '"':
      skip_string(s);
      continue;
    case '{':
    case '[':
      depth++;
      break;
    case '}':
    case ']':
      depth--;
      break;
    case '\n':
      s->line++;
      s->line_start = s->at + 1;
      break;
    default:
      break;
    }
    s->at++;
    if (depth == 0)
      return;
  }
}

static struct extent skip_value(struct skim *s) {
  struct extent made = {.line = s->line, .column = (uint32_t)(s->at - s->line_start) + 1};
  const char *start = s->at;
  if (s->at < s->end && *s->at == '"')
    skip_string(s);
  else if (s->at < s->end && (*s->at == '{' || *s->at == '['))
    skip_nested(s);
  else
    while (s->at < s->end && !is_scalar_end(*s->at))
      s->at++;
  made.text = (struct str){start, (size_t)(s->at - start)};
  return made;
}

static bool take(struct skim *s, char c) {
  skip_space(s);
  if (s->at == s->end || *s->at != c)
    return false;
  s->at++;
  return true;
}

/* ---- reading what was found ------------------------------------------------------------------ */

/* A position inside the extent, in terms of the whole text. */
static void move_position(const struct extent *extent, uint32_t *line, uint32_t *column) {
  if (*line == 1)
    *column += extent->column - 1;
  *line += extent->line - 1;
}

static bool read_extent(struct objects *o, const struct extent *extent,
                        const struct doc_node **ret) {
  if (doc_parse_json(o->arena, extent->text, o->limits, ret, o->err))
    return true;
  move_position(extent, &o->err->line, &o->err->column);
  return false;
}

static bool tell(struct objects *o, const struct extent *extent, const struct doc_node *node,
                 struct str list_kind, size_t index) {
  struct doc_object object = {.node = node, .list_kind = list_kind, .index = index};
  o->is_told = true;
  if (o->each(o->context, &object, o->err))
    return true;
  if (extent && o->err->line)
    move_position(extent, &o->err->line, &o->err->column);
  return false;
}

/* ---- one document ------------------------------------------------------------------------------
 */

/* What is there beside the items. */
struct header {
  struct extent items; /* text empty: none */
  struct str kind;     /* still escaped: a kind needs none */
};

/*
 * The members of the document that begins at `s`, which is behind it afterwards. False: it is
 * no object with one list of items; the reader finds out what it is.
 */
static bool find_items(struct objects *o, struct skim *s, struct header *ret) {
  *ret = (struct header){0};
  if (!take(s, '{'))
    return false;
  do {
    skip_space(s);
    struct str key = skip_value(s).text;
    const struct doc_node *ignored;
    if (!take(s, ':'))
      return false;
    skip_space(s);
    struct extent value = skip_value(s);
    bool is_list = value.text.len && value.text.ptr[0] == '[';
    if (str_is(key, "\"items\"") && is_list) {
      if (ret->items.text.len)
        return false;
      ret->items = value;
      continue;
    }
    if (key.len < 2 || key.ptr[0] != '"' || !read_extent(o, &value, &ignored))
      return false;
    if (str_is(key, "\"kind\"") && value.text.len > 2 && value.text.ptr[0] == '"')
      ret->kind = (struct str){value.text.ptr + 1, value.text.len - 2};
  } while (take(s, ','));
  return ret->items.text.len && take(s, '}');
}

static bool walk_items(struct objects *o, const struct header *header) {
  const struct extent *items = &header->items;
  struct skim s = {.at = items->text.ptr,
                   .end = items->text.ptr + items->text.len,
                   .line_start = items->text.ptr - (items->column - 1),
                   .line = items->line};
  if (!tell(o, NULL, NULL, header->kind, 0))
    return false;
  s.at++;
  if (take(&s, ']'))
    return true;
  for (size_t index = 0;; index++) {
    skip_space(&s);
    struct extent item = skip_value(&s);
    const struct doc_node *node;
    if (!read_extent(o, &item, &node) || !tell(o, &item, node, header->kind, index))
      return false;
    arena_reset(o->arena);
    if (take(&s, ']'))
      return true;
    if (!take(&s, ','))
      return err_set_at(o->err, ERR_INVALID, s.line, (uint32_t)(s.at - s.line_start) + 1,
                        "',' or ']' was expected behind an item");
  }
}

static bool walk_json(struct objects *o, struct str text) {
  struct skim s = {.at = text.ptr, .end = text.ptr + text.len, .line_start = text.ptr, .line = 1};
  for (skip_space(&s); s.at < s.end; skip_space(&s)) {
    struct skim start = s;
    struct header header;
    bool is_list = find_items(o, &s, &header);
    if (is_list && !walk_items(o, &header))
      return false;
    if (!is_list) {
      s = start;
      struct extent whole = skip_value(&s);
      const struct doc_node *node;
      if (whole.text.len == 0) /* a stray bracket or comma: the reader has the words for it */
        whole.text = (struct str){start.at, (size_t)(start.end - start.at)};
      if (!read_extent(o, &whole, &node) || !tell(o, &whole, node, (struct str){NULL, 0}, 0))
        return false;
    }
    arena_reset(o->arena);
  }
  return true;
}

/* ---- whole trees: YAML, and whatever else ------------------------------------------------------
 */

static bool walk_tree(struct objects *o, struct str text) {
  struct doc_stream stream;
  if (!doc_parse_manifest(o->arena, text, o->limits, &stream, o->err))
    return false;
  for (size_t i = 0; i < stream.count; i++) {
    const struct doc_node *document = stream.documents[i];
    const struct doc_node *items = doc_get_lit(document, "items");
    struct str kind = doc_text_at(document, "kind");
    if (!doc_is(items, DOC_SEQUENCE)) {
      if (!tell(o, NULL, document, (struct str){NULL, 0}, 0))
        return false;
      continue;
    }
    if (!tell(o, NULL, NULL, kind, 0))
      return false;
    for (uint32_t k = 0; k < items->count; k++)
      if (!tell(o, NULL, &items->items[k], kind, k))
        return false;
  }
  return true;
}

bool doc_each_object(struct str text, const struct doc_limits *limits, doc_object_fn *each,
                     void *context, struct err *reterr) {
  if (!doc_check_size(text, limits, reterr))
    return false;
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  struct objects o = {
      .arena = arena, .limits = limits, .each = each, .context = context, .err = reterr};
  struct str body = doc_without_bom(text);
  if (doc_looks_like_json(body)) {
    bool ok = walk_json(&o, body);
    if (ok || o.is_told || reterr->code == ERR_LIMIT)
      return ok;
    arena_reset(arena);
  }
  return walk_tree(&o, text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the paths of the kinds table to CEL that finds pods in an object.
 *
 * Every path becomes a list of the PodSpecs that stand there, empty when the object has no
 * such field; the lists are added up and the test is written once, behind them:
 *
 *   [object].exists(o, (
 *     (has(o.spec) && type(o.spec) == map ? [o.spec] : []) + ...
 *   ).exists(p, TEST))
 *
 * Bare resources (of an InferenceService, of a TrainJob) are wrapped so that they look
 * like a pod of one container. Objects inside objects (AppWrapper) are further roots
 * beside `object` itself. In place of a list that is too long stands `true`, which passes
 * every test.
 */
#include "src/cli/webhook_config.h"

struct place {
  struct str path;
  enum template_form form;
};

struct places {
  struct place items[1024];
  size_t count;
};

/* The distinct places of all kinds. A path with the same form serves every kind that has it. */
static void collect(const struct policy_view *view, struct places *ret) {
  ret->count = 0;
  for (size_t k = 0; k < view->kind_count; k++) {
    for (size_t t = 0; t < view->kinds[k].template_count; t++) {
      const struct kind_template *row = &view->kinds[k].templates[t];
      bool is_known = false;
      for (size_t i = 0; i < ret->count && !is_known; i++)
        is_known = ret->items[i].form == row->form && str_eq(ret->items[i].path, row->path);
      if (!is_known && ret->count < SG_ARRAY_LEN(ret->items))
        ret->items[ret->count++] = (struct place){row->path, row->form};
    }
  }
}

/* ---- one step into an object ----------------------------------------------------------------- */

/* May stand behind a dot: an identifier, and none of the four words that the grammar keeps. */
static bool is_identifier(struct str name) {
  static const char *const words[] = {"in", "true", "false", "null"};
  for (size_t i = 0; i < SG_ARRAY_LEN(words); i++) {
    if (str_is(name, words[i]))
      return false;
  }
  for (size_t i = 0; i < name.len; i++) {
    char c = name.ptr[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && (i == 0 || c < '0' || c > '9'))
      return false;
  }
  return name.len > 0;
}

static void append_field(struct buf *expr, struct str name) {
  if (is_identifier(name)) {
    buf_append_char(expr, '.');
    buf_append_str(expr, name);
    return;
  }
  buf_append_char(expr, '[');
  cel_append_string(expr, name);
  buf_append_char(expr, ']');
}

/* "has(base.name) && type(base.name) == map"; `expr` becomes "base.name". */
static void append_guard(struct buf *guards, struct buf *expr, struct str name, const char *type) {
  size_t base_len = expr->len;
  append_field(expr, name);
  buf_append_cstr(guards, guards->len ? " && " : "");
  if (is_identifier(name)) {
    buf_printf(guards, "has(%s)", expr->ptr);
  } else {
    cel_append_string(guards, name);
    buf_printf(guards, " in %.*s", (int)base_len, expr->ptr);
  }
  buf_printf(guards, " && type(%s) == %s", expr->ptr, type);
}

/* The first segment of a path without its "[]". */
static struct str take_segment(struct str *rest, bool *ret_items) {
  size_t dot = str_find_char(*rest, '.');
  struct str segment = {rest->ptr, dot};
  *rest = str_skip(*rest, dot < rest->len ? dot + 1 : dot);
  *ret_items = str_ends_with(segment, STR_LIT("[]"));
  if (*ret_items)
    segment.len -= 2;
  return segment;
}

static size_t count_wildcards(struct str path) {
  size_t count = 0;
  while (path.len) {
    bool is_items;
    struct str segment = take_segment(&path, &is_items);
    count += is_items || str_is(segment, "*");
  }
  return count;
}

/* ---- a path -------------------------------------------------------------------------------- */

struct writer {
  struct buf *out;
  const struct pod_test *test;
  unsigned variables; /* v0, v1, ...: names that no other loop has */
};

static void new_variable(struct writer *w, char ret[8]) {
  (void)snprintf(ret, 8, "v%u", w->variables++);
}

/* What the list holds for one hit: `expr` itself, or wrapped as a pod. */
static void append_hit(struct buf *out, const char *expr, enum template_form form) {
  if (form == FORM_RESOURCES)
    buf_printf(out, "dyn({'containers': [{'resources': %s}]})", expr);
  else if (form == FORM_GPU_COUNT)
    buf_printf(out, "dyn({'containers': [{'resources': {'limits': {%s: 1}}}]})", expr);
  else
    buf_append_cstr(out, expr);
}

/* The field below the path that is the hit, with its guard. */
static void finish(struct buf *guards, struct buf *expr, enum template_form form) {
  if (form == FORM_TEMPLATE)
    append_guard(guards, expr, STR_LIT("spec"), "map");
  else if (form == FORM_GPU_COUNT)
    append_guard(guards, expr, STR_LIT("name"), "string");
}

/* A path with at most one wildcard, below `base`, as a list of hits. */
static void append_list(struct writer *w, const char *base, struct str rest,
                        enum template_form form) {
  CLEANUP_BUF struct buf guards;
  CLEANUP_BUF struct buf expr;
  buf_init(&guards, 16384);
  buf_init(&expr, 4096);
  buf_append_cstr(&expr, base);
  char variable[8];
  while (rest.len) {
    bool is_items;
    struct str segment = take_segment(&rest, &is_items);
    bool is_values = str_is(segment, "*");
    if (!is_values)
      append_guard(&guards, &expr, segment, is_items ? "list" : "map");
    if (!is_values && !is_items)
      continue;
    /* The rest of the path, for every item: cond ? list.map(v, guards, hit) : [] */
    new_variable(w, variable);
    CLEANUP_BUF struct buf inner_guards;
    CLEANUP_BUF struct buf inner;
    buf_init(&inner_guards, 16384);
    buf_init(&inner, 4096);
    if (is_values)
      buf_printf(&inner, "%s[%s]", expr.ptr, variable);
    else
      buf_append_cstr(&inner, variable);
    buf_printf(&inner_guards, "type(%s) == map", inner.ptr);
    while (rest.len)
      append_guard(&inner_guards, &inner, take_segment(&rest, &is_items), "map");
    finish(&inner_guards, &inner, form);
    buf_printf(w->out, "(%s ? (size(%s) > %d ? %s : %s.map(%s, %s, ",
               guards.len ? guards.ptr : "true", expr.ptr, CEL_LIST_MAX,
               form == FORM_OBJECT ? "[]" : "[dyn(true)]", expr.ptr, variable, inner_guards.ptr);
    append_hit(w->out, inner.ptr, form);
    buf_append_cstr(w->out, ")) : [])");
    return;
  }
  finish(&guards, &expr, form);
  buf_printf(w->out, "(%s ? [", guards.len ? guards.ptr : "true");
  append_hit(w->out, expr.ptr, form);
  buf_append_cstr(w->out, "] : [])");
}

/* Behind a list of hits. */
static void append_test(struct writer *w) {
  buf_printf(w->out, ".exists(p, p == true ||\n%.*s)", STR_FMT(w->test->text));
}

/* The part of a path up to its first wildcard leads to items of which each has a path of
 * its own: lists of lists cannot be added up, so these paths carry the test themselves. */
static void append_nested(struct writer *w, const char *base, struct str rest,
                          enum template_form form) {
  struct str after = rest;
  CLEANUP_BUF struct buf guards;
  CLEANUP_BUF struct buf expr;
  buf_init(&guards, 16384);
  buf_init(&expr, 4096);
  buf_append_cstr(&expr, base);
  bool is_items = false, is_values = false;
  while (!is_items && !is_values) {
    struct str segment = take_segment(&after, &is_items);
    is_values = str_is(segment, "*");
    if (!is_values)
      append_guard(&guards, &expr, segment, is_items ? "list" : "map");
  }
  char variable[8];
  new_variable(w, variable);
  CLEANUP_BUF struct buf item;
  buf_init(&item, 4096);
  if (is_values)
    buf_printf(&item, "%s[%s]", expr.ptr, variable);
  else
    buf_append_cstr(&item, variable);
  buf_printf(w->out, "%s%s(size(%s) > %d || %s.exists(%s, type(%s) == map && ",
             guards.len ? guards.ptr : "", guards.len ? " && " : "", expr.ptr, CEL_LIST_MAX,
             expr.ptr, variable, item.ptr);
  if (count_wildcards(after) > 1) {
    append_nested(w, item.ptr, after, form);
  } else {
    append_list(w, item.ptr, after, form);
    append_test(w);
  }
  buf_append_cstr(w->out, "))");
}

/* ---- all of them ---------------------------------------------------------------------------- */

static bool is_read(const struct place *place, const struct pod_test *test) {
  switch (place->form) {
  case FORM_TEMPLATE:
  case FORM_POD_SPEC:
    return true;
  case FORM_RESOURCES:
  case FORM_GPU_COUNT:
    return !test->needs_pod_spec;
  case FORM_OBJECT:
    break;
  }
  return false;
}

/* `object`, and what it wraps. An object inside an object inside an object is not looked
 * for: nobody writes that, and every level would double the expression. */
static bool is_root(const struct place *place) {
  return place->form == FORM_OBJECT && count_wildcards(place->path) <= 1;
}

static void append_roots(struct writer *w, const struct places *places) {
  size_t count = 0;
  for (size_t i = 0; i < places->count; i++)
    count += is_root(&places->items[i]);
  buf_append_cstr(w->out, count ? "([object]" : "[object]");
  for (size_t i = 0; i < places->count; i++) {
    if (!is_root(&places->items[i]))
      continue;
    buf_append_cstr(w->out, " +\n");
    append_list(w, "object", places->items[i].path, FORM_OBJECT);
  }
  buf_append_cstr(w->out, count ? ")" : "");
}

/* Lists of wrapped objects that are too long to be roots count as a hit. */
static void append_long_roots(struct writer *w, const struct places *places, size_t *count) {
  for (size_t i = 0; i < places->count; i++) {
    if (!is_root(&places->items[i]) || count_wildcards(places->items[i].path) == 0)
      continue;
    struct str rest = places->items[i].path;
    bool is_items = false, is_values = false;
    CLEANUP_BUF struct buf guards;
    CLEANUP_BUF struct buf expr;
    buf_init(&guards, 16384);
    buf_init(&expr, 4096);
    buf_append_cstr(&expr, "object");
    while (!is_items && !is_values) {
      struct str segment = take_segment(&rest, &is_items);
      is_values = str_is(segment, "*");
      if (!is_values)
        append_guard(&guards, &expr, segment, is_items ? "list" : "map");
    }
    buf_printf(w->out, "%s(%s%ssize(%s) > %d ? [dyn(true)] : [])", (*count)++ ? " +\n" : "\n",
               guards.len ? guards.ptr : "", guards.len ? " && " : "", expr.ptr, CEL_LIST_MAX);
  }
}

void cel_append_any_pod(struct buf *out, const struct policy_view *view,
                        const struct pod_test *test) {
  CLEANUP_FREE struct places *places = mem_zalloc(sizeof(*places));
  collect(view, places);
  struct writer w = {.out = out, .test = test};
  append_roots(&w, places);
  buf_append_cstr(out, ".exists(o,\n(");
  size_t count = 0;
  for (size_t i = 0; i < places->count; i++) {
    const struct place *place = &places->items[i];
    if (!is_read(place, test) || count_wildcards(place->path) > 1)
      continue;
    buf_append_cstr(out, count++ ? " +\n" : "\n");
    append_list(&w, "o", place->path, place->form);
  }
  append_long_roots(&w, places, &count);
  buf_printf(out, "%s\n)", count ? "" : "[]");
  append_test(&w);
  for (size_t i = 0; i < places->count; i++) {
    const struct place *place = &places->items[i];
    if (!is_read(place, test) || count_wildcards(place->path) <= 1)
      continue;
    buf_append_cstr(out, " ||\n");
    append_nested(&w, "o", place->path, place->form);
  }
  buf_append_char(out, ')');
}

struct strings cel_root_fields(const struct policy_view *view, struct arena *arena) {
  CLEANUP_FREE struct places *places = mem_zalloc(sizeof(*places));
  collect(view, places);
  struct str *names = arena_array(arena, places->count + 1, sizeof(*names));
  size_t count = 0;
  for (size_t i = 0; i < places->count; i++) {
    struct str rest = places->items[i].path;
    bool is_items;
    struct str name = rest.len ? take_segment(&rest, &is_items) : STR_LIT("spec");
    bool is_known = !is_identifier(name);
    for (size_t n = 0; n < count && !is_known; n++)
      is_known = str_eq(names[n], name);
    if (!is_known)
      names[count++] = name;
  }
  return (struct strings){names, count};
}

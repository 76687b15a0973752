/* SPDX-License-Identifier: Apache-2.0 */
/* From the paths below one root to CEL: conditional lists inside conditional lists. */
#include "src/cli/webhook_tree.h"

/* ---- paths --------------------------------------------------------------------------------- */

struct str path_take_segment(struct str *rest, bool *ret_items) {
  size_t dot = str_find_char(*rest, '.');
  struct str segment = {rest->ptr, dot};
  *rest = str_skip(*rest, dot < rest->len ? dot + 1 : dot);
  *ret_items = str_ends_with(segment, STR_LIT("[]"));
  if (*ret_items)
    segment.len -= 2;
  return segment;
}

size_t path_count_wildcards(struct str path) {
  size_t count = 0;
  while (path.len) {
    bool is_items;
    struct str segment = path_take_segment(&path, &is_items);
    count += is_items || str_is(segment, "*");
  }
  return count;
}

/* ---- one step into an object ---------------------------------------------------------------- */

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

struct str cel_field_of(struct writer *w, struct str base, struct str name) {
  if (is_identifier(name))
    return str_printf(w->arena, "%.*s.%.*s", STR_FMT(base), STR_FMT(name));
  CLEANUP_BUF struct buf quoted;
  buf_init(&quoted, 4096);
  cel_append_string(&quoted, name);
  return str_printf(w->arena, "%.*s[%s]", STR_FMT(base), quoted.ptr);
}

static void append_has(struct writer *w, struct str base, struct str name) {
  if (is_identifier(name)) {
    buf_printf(w->out, "has(%.*s)", STR_FMT(cel_field_of(w, base, name)));
    return;
  }
  cel_append_string(w->out, name);
  buf_printf(w->out, " in %.*s", STR_FMT(base));
}

void cel_append_step(struct writer *w, struct str base, struct str name, const char *type) {
  append_has(w, base, name);
  buf_printf(w->out, " && type(%.*s) == %s", STR_FMT(cel_field_of(w, base, name)), type);
}

struct str cel_new_variable(struct writer *w) {
  return str_printf(w->arena, "v%u", w->variables++);
}

/* What a list holds for a hit at `expr`, a mapping: itself, wrapped as a pod, or a field. */
static void append_hit(struct writer *w, struct str expr, const struct place *place) {
  if (place->value.len)
    buf_printf(w->out, "dyn(%.*s)", STR_FMT(cel_field_of(w, expr, place->value)));
  else if (place->form == FORM_RESOURCES)
    buf_printf(w->out, "dyn({'containers': [{'resources': %.*s}]})", STR_FMT(expr));
  else if (place->form == FORM_GPU_COUNT)
    buf_printf(w->out, "dyn({'containers': [{'resources': {'limits': {%.*s.name: 1}}}]})",
               STR_FMT(expr));
  else
    buf_append_str(w->out, expr);
}

/* What must hold of `expr`, a mapping, to be a hit. */
static bool has_condition(const struct place *place) {
  return place->value.len || place->form == FORM_GPU_COUNT;
}

static void append_condition(struct writer *w, struct str expr, const struct place *place) {
  if (place->value.len)
    append_has(w, expr, place->value);
  else if (place->form == FORM_GPU_COUNT) /* of Spark's {name, quantity} the name counts */
    cel_append_step(w, expr, STR_LIT("name"), "string");
}

/* " && has(at.a) && ... && has(at.a.b)" down to the place; returns "at.a.b". */
static struct str append_chain(struct writer *w, struct str at, struct str rest) {
  while (rest.len) {
    bool is_items;
    struct str name = path_take_segment(&rest, &is_items);
    buf_append_cstr(w->out, " && ");
    cel_append_step(w, at, name, "map");
    at = cel_field_of(w, at, name);
  }
  return at;
}

/* ---- lists of hits -----------------------------------------------------------------------------
 */

/*
 * For every item of `list` the hit at `rest` below it, without a wildcard. Items of a mapping
 * are reached by their keys. Of a list that is too long: `true`, or the list as it is where
 * it is compared; a root is left out (webhook_paths.c minds it).
 */
static void append_items(struct writer *w, struct str list, bool is_values, struct str rest,
                         const struct place *place) {
  struct str variable = cel_new_variable(w);
  struct str item =
      is_values ? str_printf(w->arena, "%.*s[%.*s]", STR_FMT(list), STR_FMT(variable)) : variable;
  buf_printf(w->out, "(size(%.*s) > %d ? ", STR_FMT(list), CEL_LIST_MAX);
  if (w->is_comparing)
    buf_printf(w->out, "[dyn(%.*s)]", STR_FMT(list));
  else
    buf_append_cstr(w->out, place->form == FORM_OBJECT ? "[]" : "[dyn(true)]");
  buf_printf(w->out, " :\n%.*s.map(%.*s, type(%.*s) == map", STR_FMT(list), STR_FMT(variable),
             STR_FMT(item));
  item = append_chain(w, item, rest);
  if (has_condition(place)) {
    buf_append_cstr(w->out, " && ");
    append_condition(w, item, place);
  }
  buf_append_cstr(w->out, ",\n");
  append_hit(w, item, place);
  buf_append_cstr(w->out, "))");
}

static void begin_part(struct writer *w, size_t *parts) {
  buf_append_cstr(w->out, (*parts)++ ? " +\n" : "");
}

/* One place that begins with a wildcard, or ends here. */
static void append_leaf(struct writer *w, struct str base, const struct place *place) {
  bool is_items;
  struct str rest = place->path;
  if (rest.len == 0) {
    bool is_conditional = has_condition(place);
    buf_append_cstr(w->out, is_conditional ? "(" : "");
    append_condition(w, base, place);
    buf_append_cstr(w->out, is_conditional ? " ? [" : "[");
    append_hit(w, base, place);
    buf_append_cstr(w->out, is_conditional ? "] : [])" : "]");
    return;
  }
  struct str name = path_take_segment(&rest, &is_items);
  if (str_is(name, "*")) {
    append_items(w, base, true, rest, place);
    return;
  }
  buf_append_char(w->out, '(');
  cel_append_step(w, base, name, "list");
  buf_append_cstr(w->out, " ?\n");
  append_items(w, cel_field_of(w, base, name), false, rest, place);
  buf_append_cstr(w->out, " : [])");
}

/* The field that the path begins with; empty when it ends here or begins with a wildcard. */
static struct str first_field(struct str path) {
  bool is_items;
  struct str name = path_take_segment(&path, &is_items);
  return is_items || str_is(name, "*") ? (struct str){NULL, 0} : name;
}

/* The places behind `name`, each with its path from there on. */
static struct places places_behind(struct writer *w, const struct places *places, struct str name) {
  struct places below = {arena_array(w->arena, places->count, sizeof(*below.items)), 0};
  for (size_t i = 0; i < places->count; i++) {
    bool is_items;
    struct place place = places->items[i];
    if (!str_eq(first_field(place.path), name))
      continue;
    (void)path_take_segment(&place.path, &is_items);
    below.items[below.count++] = place;
  }
  return below;
}

/* The one place behind a field, when it is one and can be written as a chain of fields. */
static bool has_chain(struct writer *w, const struct places *places, struct str name,
                      struct place *ret) {
  struct places below = places_behind(w, places, name);
  if (below.count != 1 || path_count_wildcards(below.items[0].path) ||
      has_condition(&below.items[0]))
    return false;
  *ret = below.items[0];
  return true;
}

/*
 * Fields of `base` that lead to the same chain (an InferenceService has one for each model
 * server) share one text. They are removed from `places`, which keeps the rest.
 */
static bool append_alike(struct writer *w, struct str base, struct places *places,
                         const struct place *chain) {
  enum { WORTH_IT = 3 };
  struct str *names = arena_array(w->arena, places->count, sizeof(*names));
  size_t count = 0;
  for (size_t i = 0; i < places->count; i++) {
    struct place other;
    struct str name = first_field(places->items[i].path);
    if (name.len && has_chain(w, places, name, &other) && other.form == chain->form &&
        str_eq(other.path, chain->path))
      names[count++] = name;
  }
  if (count < WORTH_IT || chain->path.len == 0)
    return false;
  struct str variable = cel_new_variable(w);
  struct str field = str_printf(w->arena, "%.*s[%.*s]", STR_FMT(base), STR_FMT(variable));
  cel_append_strings(w->out, &(struct strings){names, count});
  buf_printf(w->out, ".map(%.*s, %.*s in %.*s && type(%.*s) == map", STR_FMT(variable),
             STR_FMT(variable), STR_FMT(base), STR_FMT(field));
  struct str hit = append_chain(w, field, chain->path);
  buf_append_cstr(w->out, ",\n");
  append_hit(w, hit, chain);
  buf_append_char(w->out, ')');
  size_t kept = 0;
  for (size_t i = 0; i < places->count; i++) {
    struct str name = first_field(places->items[i].path);
    bool is_written = false;
    for (size_t n = 0; n < count; n++)
      is_written = is_written || str_eq(name, names[n]);
    if (!is_written)
      places->items[kept++] = places->items[i];
  }
  places->count = kept;
  return true;
}

/* Everything behind one field of `base`. */
static void append_field(struct writer *w, struct str base, struct str name,
                         const struct places *places) {
  struct place chain;
  struct str field = cel_field_of(w, base, name);
  buf_append_char(w->out, '(');
  cel_append_step(w, base, name, "map");
  if (has_chain(w, places, name, &chain)) {
    struct str hit = append_chain(w, field, chain.path);
    buf_append_cstr(w->out, " ?\n[");
    append_hit(w, hit, &chain);
    buf_append_cstr(w->out, "] : [])");
    return;
  }
  struct places below = places_behind(w, places, name);
  buf_append_cstr(w->out, " ?\n");
  cel_append_tree(w, field, &below);
  buf_append_cstr(w->out, " : [])");
}

void cel_append_tree(struct writer *w, struct str base, const struct places *places) {
  struct places left = {arena_array(w->arena, places->count + 1, sizeof(*left.items)),
                        places->count};
  if (places->count)
    memcpy(left.items, places->items, places->count * sizeof(*left.items));
  size_t parts = 0;
  while (left.count) {
    struct place place = left.items[0], chain;
    struct str name = first_field(place.path);
    begin_part(w, &parts);
    if (name.len == 0) {
      append_leaf(w, base, &place);
      left.items++;
      left.count--;
      continue;
    }
    if (has_chain(w, &left, name, &chain) && append_alike(w, base, &left, &chain))
      continue;
    append_field(w, base, name, &left);
    size_t kept = 0;
    for (size_t i = 0; i < left.count; i++) {
      if (!str_eq(first_field(left.items[i].path), name))
        left.items[kept++] = left.items[i];
    }
    left.count = kept;
  }
  if (parts == 0)
    buf_append_cstr(w->out, "[]");
}

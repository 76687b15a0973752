/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the paths of the kinds table to CEL that finds pods in an object.
 *
 * The paths become one tree of conditional lists of PodSpecs, in which a step that an
 * object does not have ends the search below it, and the test is written once, behind it:
 *
 *   [object].exists(o,
 *     (has(o.spec) && type(o.spec) == map ? [o.spec] +
 *       (has(o.spec.template) && ... ? ... : []) : []).exists(p, TEST))
 *
 * Bare resources (of an InferenceService, of a TrainJob) are wrapped so that they look
 * like a pod of one container. Objects inside objects (AppWrapper) are further roots
 * beside `object` itself. In place of a list that is too long stands `true`, which passes
 * every test.
 */
#include "src/cli/webhook_tree.h"

/* ---- places -------------------------------------------------------------------------------- */

static void add_place(struct places *places, struct place place) {
  for (size_t i = 0; i < places->count; i++) {
    if (places->items[i].form == place.form && str_eq(places->items[i].path, place.path))
      return; /* serves every kind that has it */
  }
  places->items[places->count++] = place;
}

static struct places collect(const struct policy_view *view, struct arena *arena) {
  size_t room = 1;
  for (size_t k = 0; k < view->kind_count; k++)
    room += view->kinds[k].template_count;
  struct places places = {arena_array(arena, room, sizeof(*places.items)), 0};
  for (size_t k = 0; k < view->kind_count; k++) {
    for (size_t t = 0; t < view->kinds[k].template_count; t++) {
      const struct kind_template *row = &view->kinds[k].templates[t];
      struct place place = {.path = row->path, .form = row->form};
      if (row->form == FORM_TEMPLATE) {
        place.form = FORM_POD_SPEC;
        place.path =
            row->path.len ? str_printf(arena, "%.*s.spec", STR_FMT(row->path)) : STR_LIT("spec");
      }
      add_place(&places, place);
    }
  }
  return places;
}

/* Behind a list of hits. */
static void append_test(struct writer *w) {
  buf_printf(w->out, ".exists(p, p == true ||\n%.*s)", STR_FMT(w->test->text));
}

/* ---- paths with several wildcards --------------------------------------------------------------
 */

/*
 * Their lists would be lists of lists, which CEL cannot add up: loops inside loops carry
 * the test themselves, one copy for each path. The table has one such path.
 */
static void append_nested(struct writer *w, struct str base, struct str rest,
                          enum template_form form) {
  bool is_items = false, is_values = false;
  struct str list = base;
  while (!is_items && !is_values) {
    struct str name = path_take_segment(&rest, &is_items);
    is_values = str_is(name, "*");
    if (is_values)
      break;
    cel_append_step(w, list, name, is_items ? "list" : "map");
    buf_append_cstr(w->out, " &&\n");
    list = cel_field_of(w, list, name);
  }
  struct str variable = cel_new_variable(w);
  struct str item =
      is_values ? str_printf(w->arena, "%.*s[%.*s]", STR_FMT(list), STR_FMT(variable)) : variable;
  cel_open_some(w->out, list.ptr, variable.ptr, CEL_LIST_MAX);
  buf_printf(w->out, "type(%.*s) == map &&\n", STR_FMT(item));
  if (path_count_wildcards(rest) > 1) {
    append_nested(w, item, rest, form);
  } else {
    struct place place = {.path = rest, .form = form};
    buf_append_char(w->out, '(');
    cel_append_tree(w, item, &(struct places){&place, 1});
    buf_append_char(w->out, ')');
    append_test(w);
  }
  cel_close_some(w->out);
}

/* ---- all of them
 * --------------------------------------------------------------------------------- */

static bool is_read(enum template_form form, const struct pod_test *test) {
  if (form == FORM_RESOURCES || form == FORM_GPU_COUNT)
    return !test->needs_pod_spec;
  return form == FORM_POD_SPEC;
}

/*
 * `object`, and what it wraps; FORM_OBJECT. An object inside an object inside an object is
 * not looked for: nobody writes that, and every level would double the expression.
 */
static void append_roots(struct writer *w, const struct places *wrapped) {
  if (wrapped->count == 0) {
    buf_append_cstr(w->out, "[object]");
    return;
  }
  buf_append_cstr(w->out, "([object] +\n");
  cel_append_tree(w, STR_LIT("object"), wrapped);
  buf_append_char(w->out, ')');
}

/* Wrapped objects that are too many to be roots: a hit. */
static void append_long_roots(struct writer *w, const struct places *wrapped) {
  for (size_t i = 0; i < wrapped->count; i++) {
    struct str rest = wrapped->items[i].path, list = STR_LIT("object");
    if (path_count_wildcards(rest) == 0)
      continue;
    buf_append_cstr(w->out, " +\n(");
    for (bool is_items = false; !is_items;) {
      struct str name = path_take_segment(&rest, &is_items);
      if (str_is(name, "*"))
        break;
      cel_append_step(w, list, name, is_items ? "list" : "map");
      buf_append_cstr(w->out, " && ");
      list = cel_field_of(w, list, name);
    }
    buf_printf(w->out, "size(%.*s) > %d ? [dyn(true)] : [])", STR_FMT(list), CEL_LIST_MAX);
  }
}

void cel_append_any_pod(struct buf *out, const struct policy_view *view,
                        const struct pod_test *test) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  struct writer w = {.arena = arena, .out = out, .test = test};
  struct places all = collect(view, arena);
  struct places simple = {arena_array(arena, all.count + 1, sizeof(*all.items)), 0};
  struct places wrapped = {arena_array(arena, all.count + 1, sizeof(*all.items)), 0};
  for (size_t i = 0; i < all.count; i++) {
    if (path_count_wildcards(all.items[i].path) > 1)
      continue;
    if (all.items[i].form == FORM_OBJECT)
      wrapped.items[wrapped.count++] = all.items[i];
    else if (is_read(all.items[i].form, test))
      simple.items[simple.count++] = all.items[i];
  }
  const struct str root = STR_LIT("o");
  append_roots(&w, &wrapped);
  buf_append_cstr(out, ".exists(o, type(o) == map && (\n(");
  cel_append_tree(&w, root, &simple);
  append_long_roots(&w, &wrapped);
  buf_append_char(out, ')');
  append_test(&w);
  for (size_t i = 0; i < all.count; i++) {
    if (path_count_wildcards(all.items[i].path) <= 1 || !is_read(all.items[i].form, test))
      continue;
    buf_append_cstr(out, " ||\n");
    append_nested(&w, root, all.items[i].path, all.items[i].form);
  }
  buf_append_cstr(out, "))");
}

/* ---- what an update may have changed ------------------------------------------------------------
 */

/* The path up to its first wildcard's list or mapping, without "[]". */
static struct str before_wildcard(struct str path) {
  struct str rest = path;
  while (rest.len) {
    struct str at = rest;
    bool is_items;
    struct str name = path_take_segment(&rest, &is_items);
    if (is_items)
      return (struct str){path.ptr, (size_t)(name.ptr - path.ptr) + name.len};
    if (str_is(name, "*"))
      return (struct str){path.ptr, at.ptr > path.ptr ? (size_t)(at.ptr - path.ptr) - 1 : 0};
  }
  return path;
}

/* The last field is what counts; the path leads to the mapping that has it. */
static struct place place_of_value(struct str path) {
  size_t len = path.len;
  while (len > 0 && path.ptr[len - 1] != '.')
    len--;
  return (struct place){
      .path = {path.ptr, len ? len - 1 : 0}, .form = FORM_POD_SPEC, .value = str_skip(path, len)};
}

static void add_compared(struct places *places, struct place place) {
  for (size_t i = 0; i < places->count; i++) {
    if (str_eq(places->items[i].path, place.path) && str_eq(places->items[i].value, place.value))
      return;
  }
  places->items[places->count++] = place;
}

/* False when something may stand anywhere: the path begins with a wildcard. */
static bool add_read(struct places *places, struct str path, bool is_value) {
  struct place place = {.path = path, .form = FORM_POD_SPEC};
  if (path_count_wildcards(path) > 1)
    path = before_wildcard(path);
  if (path_count_wildcards(path) != path_count_wildcards(place.path) || is_value)
    place = place_of_value(path);
  if (path.len == 0 || path.ptr[0] == '*')
    return false;
  add_compared(places, place);
  return true;
}

/* Whether `place` stands inside what is compared whole: a deadline in a template. */
static bool is_inside(struct arena *arena, const struct place *place, const struct place *outer) {
  if (outer->value.len || outer == place)
    return false;
  struct str path =
      place->value.len ? str_printf(arena, "%.*s.%.*s", STR_FMT(place->path), STR_FMT(place->value))
                       : place->path;
  return str_starts_with(path, outer->path) && path.len > outer->path.len &&
         path.ptr[outer->path.len] == '.';
}

static void drop_inner(struct arena *arena, struct places *places) {
  struct places all = {arena_array(arena, places->count + 1, sizeof(*all.items)), places->count};
  if (places->count)
    memcpy(all.items, places->items, places->count * sizeof(*all.items));
  places->count = 0;
  for (size_t i = 0; i < all.count; i++) {
    bool is_needed = true;
    for (size_t o = 0; o < all.count && is_needed; o++)
      is_needed = !is_inside(arena, &all.items[i], &all.items[o]);
    if (is_needed)
      places->items[places->count++] = all.items[i];
  }
}

/* Of what rules read, what a stored pod can still change: the selectors while it is gated. */
static const struct str mutable_pod_fields[] = {
    STR_LIT("spec.ephemeralContainers"), STR_LIT("spec.tolerations"), STR_LIT("spec.nodeSelector"),
    STR_LIT("spec.affinity")};

static void add_mutable_pod_fields(struct places *places) {
  for (size_t i = 0; i < SG_ARRAY_LEN(mutable_pod_fields); i++)
    add_compared(places, place_of_value(mutable_pod_fields[i]));
}

bool cel_append_read_fields(struct buf *out, const struct policy_view *view) {
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  size_t room = 1;
  for (size_t k = 0; k < view->kind_count; k++)
    room += view->kinds[k].template_count * SG_ARRAY_LEN(mutable_pod_fields) +
            view->kinds[k].deadline_path_count;
  struct places places = {arena_array(arena, room, sizeof(*places.items)), 0};
  for (size_t k = 0; k < view->kind_count; k++) {
    const struct workload_kind *row = &view->kinds[k];
    for (size_t t = 0; t < row->template_count; t++) {
      struct str path = row->templates[t].path;
      if (path.len == 0 && row->group.len == 0 && str_is(row->kind, "Pod"))
        add_mutable_pod_fields(&places);
      else if (!add_read(&places, path.len ? path : STR_LIT("spec"), false))
        return false;
    }
    for (size_t d = 0; d < row->deadline_path_count; d++) {
      if (!add_read(&places, row->deadline_paths[d], true))
        return false;
    }
  }
  drop_inner(arena, &places);
  struct writer w = {.arena = arena, .out = out, .is_comparing = true};
  cel_append_tree(&w, STR_LIT("o"), &places);
  return true;
}

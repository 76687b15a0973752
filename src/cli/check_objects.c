/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of an input to its objects: several documents, lists of objects. */
#include "slicegate/sys.h"
#include "src/cli/check.h"

#include <unistd.h>

struct object_walk {
  const struct check_judge *judge;
  struct str file;
  struct arena *arena;
  struct check_report *report;
  bool is_named;  /* the input, on the command line itself */
  size_t objects; /* found in this input */
};

static void problem_at(struct object_walk *w, const struct doc_node *node, const char *fmt, ...)
    SG_PRINTF(3, 4);

static void problem_at(struct object_walk *w, const struct doc_node *node, const char *fmt, ...) {
  CLEANUP_BUF struct buf text;
  va_list args;
  buf_init(&text, 1024);
  va_start(args, fmt);
  buf_vprintf(&text, fmt, args);
  va_end(args);
  check_report_problem(w->report, w->file, node->line, node->column, buf_str(&text));
}

/* Whether it is there as Kubernetes needs it: a text that is not empty. */
static bool has_text(const struct doc_node *object, const char *key) {
  return doc_text_at(object, key).len > 0;
}

static void say_what_is_missing(struct object_walk *w, const struct doc_node *object) {
  static const char *const keys[] = {"apiVersion", "kind"};
  for (size_t i = 0; i < SG_ARRAY_LEN(keys); i++) {
    const struct doc_node *value = doc_get_lit(object, keys[i]);
    if (value && value->kind != DOC_STRING && value->kind != DOC_NULL) {
      problem_at(w, value, "%s: expected a string, not %s", keys[i], doc_kind_name(value));
      return;
    }
  }
  bool has_version = has_text(object, "apiVersion"), has_kind = has_text(object, "kind");
  problem_at(w, object, "not a Kubernetes object: it has no %s",
             has_version ? "kind"
             : has_kind  ? "apiVersion"
                         : "apiVersion and no kind");
}

/*
 * Items of a typed list (PodList) come without apiVersion and kind of their own when they
 * come from the API: they are the list's. The copy is as deep as it must be: one level.
 */
static const struct doc_node *with_type(struct object_walk *w, const struct doc_node *item,
                                        const struct doc_node *list) {
  struct str kind = doc_text_at(list, "kind");
  if (!doc_is(item, DOC_MAPPING) || kind.len <= strlen("List") || doc_get_lit(item, "apiVersion") ||
      doc_get_lit(item, "kind"))
    return item;
  struct doc_pair *pairs = arena_array(w->arena, item->count + 2, sizeof(*pairs));
  struct doc_node *copy = arena_alloc(w->arena, sizeof(*copy));
  if (item->count)
    memcpy(pairs, item->pairs, item->count * sizeof(*pairs));
  kind.len -= strlen("List");
  const struct doc_pair added[] = {{.key = STR_LIT("apiVersion")}, {.key = STR_LIT("kind")}};
  const struct str values[] = {doc_text_at(list, "apiVersion"), kind};
  for (size_t i = 0; i < SG_ARRAY_LEN(added); i++) {
    struct doc_pair *pair = &pairs[item->count + i];
    pair->key = added[i].key;
    pair->line = item->line;
    pair->column = item->column;
    pair->value = (struct doc_node){
        .kind = DOC_STRING, .line = item->line, .column = item->column, .text = values[i]};
  }
  *copy = *item;
  copy->pairs = pairs;
  copy->count += 2;
  return copy;
}

static void walk_node(struct object_walk *w, const struct doc_node *node);

static void walk_list(struct object_walk *w, const struct doc_node *list,
                      const struct doc_node *items) {
  for (uint32_t i = 0; i < items->count; i++)
    walk_node(w, with_type(w, &items->items[i], list));
}

static bool has_room(struct object_walk *w, const struct doc_node *node) {
  if (w->report->object_count < CHECK_OBJECTS_MAX)
    return true;
  if (!w->report->is_full)
    problem_at(w, node, "more than %d objects: this and the rest are not judged",
               CHECK_OBJECTS_MAX);
  w->report->is_full = true;
  return false;
}

/* A document, or an item of a list. Depth is bounded by that of the tree. */
static void walk_node(struct object_walk *w, const struct doc_node *node) {
  w->objects++;
  if (node->kind != DOC_MAPPING) {
    problem_at(w, node, "not a Kubernetes object but %s", doc_kind_name(node));
    return;
  }
  if (!has_text(node, "apiVersion") || !has_text(node, "kind")) {
    say_what_is_missing(w, node);
    return;
  }
  const struct doc_node *items = doc_get_lit(node, "items");
  if (str_ends_with(doc_text_at(node, "kind"), STR_LIT("List")) && doc_is(items, DOC_SEQUENCE)) {
    walk_list(w, node, items);
    return;
  }
  if (has_room(w, node))
    check_judge_object(w->judge, node, w->file, w->arena, w->report);
}

/* A kustomization needs neither apiVersion nor kind; its file name says what it is. */
static bool is_kustomization(struct str file) {
  static const char *const names[] = {"kustomization.yaml", "kustomization.yml"};
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++) {
    struct str name = str_of(names[i]);
    if (str_ends_with(file, name) &&
        (file.len == name.len || file.ptr[file.len - name.len - 1] == '/'))
      return true;
  }
  return false;
}

static bool is_untyped(const struct doc_node *document) {
  return doc_is(document, DOC_MAPPING) && !doc_get_lit(document, "apiVersion") &&
         !doc_get_lit(document, "kind");
}

/* Folders hold more than manifests: Chart.yaml has an apiVersion, values of charts a kind. */
static bool is_foreign(const struct doc_node *document) {
  return !doc_is(document, DOC_MAPPING) || !doc_get_lit(document, "apiVersion") ||
         !doc_get_lit(document, "kind");
}

static bool is_skipped(const struct object_walk *w, const struct doc_node *document) {
  return (is_untyped(document) && is_kustomization(w->file)) ||
         (!w->is_named && is_foreign(document));
}

static void skip_document(struct object_walk *w, const struct doc_node *document) {
  w->objects++;
  if (!has_room(w, document))
    return;
  bool is_kustomized = is_untyped(document) && is_kustomization(w->file);
  struct check_object *object = check_report_add(w->report, w->file);
  object->state = is_kustomized ? CHECK_SKIPPED : CHECK_FOREIGN;
  object->line = document->line;
  object->column = document->column;
  object->kind = is_kustomized ? STR_LIT("Kustomization") : STR_LIT("File");
  if (!is_kustomized)
    object->name = w->file;
  w->report->skipped++;
}

static bool read_input(const struct check_input *input, struct buf *ret, struct err *reterr) {
  if (!input->path)
    return sys_fd_read(STDIN_FILENO, "<stdin>", doc_limits_manifest.max_bytes, ret, reterr);
  return sys_file_read(input->path, doc_limits_manifest.max_bytes, ret, reterr);
}

/* The error's text names the file already; the report says it in front of every line. */
static struct str without_name(const struct err *err, const struct check_input *input) {
  struct str text = str_of(err->text), name = input->path ? str_of(input->path) : input->shown;
  if (str_starts_with(text, name) && str_starts_with(str_skip(text, name.len), STR_LIT(": ")))
    return str_skip(text, name.len + 2);
  return text;
}

/* The document that holds a line: the last one that begins there or before. */
static const struct doc_node *document_at(const struct doc_stream *stream, uint32_t line) {
  const struct doc_node *found = NULL;
  for (size_t i = 0; i < stream->count && stream->documents[i]->line <= line; i++)
    found = stream->documents[i];
  return found;
}

static void walk_stream(struct object_walk *w, const struct doc_stream *stream) {
  for (size_t i = 0; i < stream->problem_count; i++) {
    const struct doc_problem *problem = &stream->problems[i];
    const struct doc_node *document = document_at(stream, problem->line);
    if (!document || !is_skipped(w, document))
      check_report_problem(w->report, w->file, problem->line, problem->column, problem->message);
  }
  for (size_t i = 0; i < stream->count; i++) {
    if (is_skipped(w, stream->documents[i]))
      skip_document(w, stream->documents[i]);
    else
      walk_node(w, stream->documents[i]);
  }
}

static bool is_template(struct str text) {
  for (size_t i = 0; i + 1 < text.len; i++) {
    if (text.ptr[i] == '{' && text.ptr[i + 1] == '{')
      return true;
  }
  return false;
}

void check_judge_input(const struct check_judge *judge, const struct check_input *input,
                       struct arena *arena, struct check_report *report) {
  CLEANUP_BUF struct buf text = {0};
  struct err err = {0};
  struct doc_stream stream = {0};
  if (!read_input(input, &text, &err)) {
    check_report_problem(report, input->shown, err.line, err.column, without_name(&err, input));
    return;
  }
  struct object_walk w = {.judge = judge,
                          .file = input->shown,
                          .arena = arena,
                          .report = report,
                          .is_named = input->is_named};
  bool is_read = doc_parse_manifest(arena, buf_str(&text), &doc_limits_manifest, &stream, &err);
  if (!is_read && !input->is_named && err.code == ERR_INVALID && is_template(buf_str(&text))) {
    check_report_template(report, input->shown, err.line, err.column, str_of(err.text));
    return;
  }
  walk_stream(&w, &stream);
  if (!is_read)
    check_report_problem(report, input->shown, err.line, err.column, str_of(err.text));
  /* Nothing to judge where something was expected: `helm template` may have failed in front
   * of the pipe, and silence would read as "all is well". */
  else if (w.objects == 0 && input->is_named)
    check_report_problem(report, input->shown, 0, 0, STR_LIT("no object in it"));
}

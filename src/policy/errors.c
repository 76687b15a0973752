/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of a file are data: gathered with their place and field, put in order at the end. */
#include "policy_internal.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_plain_key(struct str key) {
  for (size_t i = 0; i < key.len; i++) {
    if (strchr(".[]/ ", key.ptr[i]))
      return false;
  }
  return key.len > 0;
}

/* Keys that hold dots themselves stand in brackets: labels[slicegate.dev/team]. */
static void append_path(struct buf *out, const struct field_path *at) {
  if (!at)
    return;
  append_path(out, at->parent);
  if (!at->key.ptr)
    buf_printf(out, "[%zu]", at->index);
  else if (!is_plain_key(at->key))
    buf_printf(out, "[%.*s]", STR_FMT(at->key));
  else
    buf_printf(out, "%s%.*s", out->len ? "." : "", STR_FMT(at->key));
}

/*
 * Messages quote what stands in the file, and end on a terminal: control characters
 * become '?', and what is not UTF-8 cannot be here, libyaml refuses it.
 */
static struct str copy_printable(struct arena *arena, struct str text) {
  struct str copy = str_copy(arena, text);
  char *ptr = (char *)copy.ptr;
  for (size_t i = 0; i < copy.len; i++) {
    unsigned char c = (unsigned char)ptr[i];
    bool is_c1 = c == 0xc2 && i + 1 < copy.len && (unsigned char)ptr[i + 1] < 0xa0;
    if (c < 0x20 || c == 0x7f)
      ptr[i] = '?';
    else if (is_c1)
      ptr[i] = ptr[i + 1] = '?';
  }
  return copy;
}

enum { MAX_FIELD = 1024, MAX_MESSAGE = 2048 };

bool reader_is_full(const struct reader *r) {
  return r->count >= NOTED_ERRORS;
}

static void note(struct reader *r, const struct field_path *at, uint32_t line, uint32_t column,
                 struct str message) {
  if (reader_is_full(r))
    return;
  if (r->count == r->capacity) {
    size_t capacity = r->capacity ? r->capacity * 2 : 16;
    struct policy_error *grown = arena_array(r->scratch, capacity, sizeof(*grown));
    if (r->count)
      memcpy(grown, r->errors, r->count * sizeof(*grown));
    r->errors = grown;
    r->capacity = capacity;
  }
  CLEANUP_BUF struct buf path;
  buf_init(&path, MAX_FIELD);
  append_path(&path, at);
  r->errors[r->count++] = (struct policy_error){.line = line,
                                                .column = column,
                                                .field = copy_printable(r->scratch, buf_str(&path)),
                                                .message = copy_printable(r->scratch, message)};
}

static void note_formatted(struct reader *r, const struct field_path *at, uint32_t line,
                           uint32_t column, const char *fmt, va_list args) SG_PRINTF(5, 0);
static void note_formatted(struct reader *r, const struct field_path *at, uint32_t line,
                           uint32_t column, const char *fmt, va_list args) {
  char text[MAX_MESSAGE];
  (void)vsnprintf(text, sizeof(text), fmt, args);
  note(r, at, line, column, str_of(text));
}

void reader_error(struct reader *r, const struct field_path *at, uint32_t line, uint32_t column,
                  const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  note_formatted(r, at, line, column, fmt, args);
  va_end(args);
}

void reader_error_value(struct reader *r, const struct field_path *at, const struct doc_node *node,
                        const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  note_formatted(r, at, node->line, node->column, fmt, args);
  va_end(args);
}

void reader_error_key(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                      const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  note_formatted(r, at, pair->line, pair->column, fmt, args);
  va_end(args);
}

/* ---- what the YAML reader noted ------------------------------------------------------ */

/* Looks for the key that stands at the problem's place, to name its path. */
static bool note_at_key(struct reader *r, const struct field_path *at, const struct doc_node *node,
                        const struct doc_problem *problem) {
  for (uint32_t i = 0; i < node->count && node->kind == DOC_SEQUENCE; i++) {
    struct field_path item = {.parent = at, .index = i};
    if (note_at_key(r, &item, &node->items[i], problem))
      return true;
  }
  for (uint32_t i = 0; i < node->count && node->kind == DOC_MAPPING; i++) {
    const struct doc_pair *pair = &node->pairs[i];
    struct field_path key = {.parent = at, .key = pair->key};
    if (pair->line == problem->line && pair->column == problem->column) {
      note(r, &key, problem->line, problem->column, problem->message);
      return true;
    }
    if (note_at_key(r, &key, &pair->value, problem))
      return true;
  }
  return false;
}

void reader_note_problems(struct reader *r, const struct doc_node *root,
                          const struct doc_stream *stream) {
  for (size_t i = 0; i < stream->problem_count; i++) {
    const struct doc_problem *problem = &stream->problems[i];
    if (!root || !note_at_key(r, NULL, root, problem))
      note(r, NULL, problem->line, problem->column, problem->message);
  }
}

/* ---- order ----------------------------------------------------------------------------- */

struct ordered {
  struct policy_error error;
  size_t position; /* keeps errors of one place in the order in which they were found */
};

static int compare_errors(const void *a, const void *b) {
  const struct ordered *x = a, *y = b;
  if (x->error.line != y->error.line)
    return x->error.line < y->error.line ? -1 : 1;
  if (x->error.column != y->error.column)
    return x->error.column < y->error.column ? -1 : 1;
  return (x->position > y->position) - (x->position < y->position);
}

static bool is_same_error(const struct policy_error *a, const struct policy_error *b) {
  return a->line == b->line && a->column == b->column && str_eq(a->field, b->field) &&
         str_eq(a->message, b->message);
}

void reader_take_errors(struct reader *r, struct policy_errors *ret) {
  struct ordered *ordered = arena_array(r->scratch, r->count, sizeof(*ordered));
  for (size_t i = 0; i < r->count; i++)
    ordered[i] = (struct ordered){r->errors[i], i};
  if (r->count)
    qsort(ordered, r->count, sizeof(*ordered), compare_errors);
  /* An alias is read once for each use: the same words at the same place are said once. */
  size_t kept = 0;
  for (size_t i = 0; i < r->count; i++) {
    if (kept == 0 || !is_same_error(&r->errors[kept - 1], &ordered[i].error))
      r->errors[kept++] = ordered[i].error;
  }
  if (kept > MAX_ERRORS) {
    struct policy_error *last = &r->errors[MAX_ERRORS];
    last->field = (struct str){NULL, 0};
    last->message = STR_LIT("further errors are not shown");
    kept = MAX_ERRORS + 1;
  }
  *ret = (struct policy_errors){r->errors, kept};
  r->errors = NULL;
  r->count = r->capacity = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are there twice: noted by both readers, not fatal to either. */
#include "doc_internal.h"

#include <stdlib.h>

enum { PROBLEMS_MAX = 100 };

static void note(struct doc_problems *problems, struct arena *arena, const struct doc_pair *pair,
                 const struct doc_pair *first) {
  if (problems->count == PROBLEMS_MAX)
    return;
  if (problems->count == problems->cap) {
    problems->cap = problems->cap ? problems->cap * 2 : 16;
    problems->items = mem_realloc(problems->items, problems->cap * sizeof(*problems->items));
  }
  problems->items[problems->count++] = (struct doc_problem){
      .line = pair->line,
      .column = pair->column,
      .message = str_printf(arena, "key \"%.*s\" is there twice (first on line %u)",
                            STR_FMT(pair->key), first->line)};
}

static int compare_pairs(const void *a, const void *b) {
  const struct doc_pair *x = *(const struct doc_pair *const *)a;
  const struct doc_pair *y = *(const struct doc_pair *const *)b;
  int order = str_cmp(x->key, y->key);
  return order ? order : (x > y) - (x < y);
}

void doc_note_duplicates(struct doc_problems *problems, struct arena *arena,
                         const struct doc_pair *pairs, size_t count) {
  if (count < 2)
    return;
  const struct doc_pair **sorted = mem_zalloc(count * sizeof(const struct doc_pair *));
  for (size_t i = 0; i < count; i++)
    sorted[i] = &pairs[i];
  qsort(sorted, count, sizeof(const struct doc_pair *), compare_pairs);
  for (size_t i = 1; i < count; i++) {
    if (str_eq(sorted[i - 1]->key, sorted[i]->key))
      note(problems, arena, sorted[i], sorted[i - 1]);
  }
  free(sorted);
}

static int compare_problems(const void *a, const void *b) {
  const struct doc_problem *x = a, *y = b;
  if (x->line != y->line)
    return x->line < y->line ? -1 : 1;
  return (x->column > y->column) - (x->column < y->column);
}

void doc_problems_take(struct doc_problems *problems, struct arena *arena, struct doc_stream *ret) {
  ret->problem_count = problems->count;
  ret->problems = arena_array(arena, problems->count, sizeof(*ret->problems));
  if (problems->count) {
    memcpy(ret->problems, problems->items, problems->count * sizeof(*ret->problems));
    qsort(ret->problems, ret->problem_count, sizeof(*ret->problems), compare_problems);
  }
}

void doc_problems_done(struct doc_problems *problems) {
  free(problems->items);
  *problems = (struct doc_problems){0};
}

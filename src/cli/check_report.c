/* SPDX-License-Identifier: Apache-2.0 */
/* The report of `slicegate check`: lists that grow, and texts made safe to print. */
#include "src/cli/check.h"

#include <stdlib.h>

void check_report_init(struct check_report *report) {
  *report = (struct check_report){.arena = arena_new(64 * 1024)};
}

void check_report_done(struct check_report *report) {
  if (!report)
    return;
  free(report->objects);
  free(report->problems);
  free(report->templates);
  free(report->notes);
  arena_free(report->arena);
  *report = (struct check_report){0};
}

static void *grow(void *list, size_t *cap, size_t count, size_t size) {
  if (count < *cap)
    return list;
  *cap = *cap ? *cap * 2 : 16;
  return mem_realloc(list, *cap * size);
}

struct check_object *check_report_add(struct check_report *report, struct str file) {
  report->objects =
      grow(report->objects, &report->object_cap, report->object_count, sizeof(*report->objects));
  struct check_object *object = &report->objects[report->object_count++];
  *object = (struct check_object){.file = file};
  return object;
}

void check_report_problem(struct check_report *report, struct str file, uint32_t line,
                          uint32_t column, struct str message) {
  if (report->problem_count == CHECK_PROBLEMS_MAX)
    return;
  if (report->problem_count == CHECK_PROBLEMS_MAX - 1)
    message = STR_LIT("too many errors: this and further ones are not named");
  report->problems = grow(report->problems, &report->problem_cap, report->problem_count,
                          sizeof(*report->problems));
  report->problems[report->problem_count++] =
      (struct check_problem){.file = check_report_text(report, file),
                             .line = line,
                             .column = column,
                             .message = check_report_text(report, message)};
}

void check_report_template(struct check_report *report, struct str file, uint32_t line,
                           uint32_t column, struct str message) {
  struct check_object *object = check_report_add(report, file);
  object->state = CHECK_FOREIGN;
  object->line = line;
  object->column = column;
  object->kind = STR_LIT("Template");
  object->name = file;
  report->skipped++;
  report->templates = grow(report->templates, &report->template_cap, report->template_count,
                           sizeof(*report->templates));
  report->templates[report->template_count++] = (struct check_problem){
      .file = file, .line = line, .column = column, .message = check_report_text(report, message)};
}

void check_report_note(struct check_report *report, struct str note) {
  struct str text = check_report_text(report, note);
  for (size_t i = 0; i < report->note_count; i++) {
    if (str_eq(report->notes[i], text))
      return;
  }
  report->notes =
      grow(report->notes, &report->note_cap, report->note_count, sizeof(*report->notes));
  report->notes[report->note_count++] = text;
}

/* ---- texts ------------------------------------------------------------------------------ */

/* Reports outlive what they name. */
struct str check_report_text(struct check_report *report, struct str text) {
  return str_copy(report->arena, str_printable(report->arena, text, SIZE_MAX));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Workflow commands of GitHub Actions: annotations beside the lines of a pull request. */
#include "src/cli/check.h"

/* As actions/toolkit's core does it: three characters in a message, two more in a property. */
static void print_escaped(struct str text, bool is_property, FILE *out) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ',')))
      (void)fprintf(out, "%%%02X", (unsigned)(unsigned char)c);
    else
      (void)fputc(c, out);
  }
}

static void print_command(const char *level, struct str file, uint32_t line, uint32_t column,
                          struct str title, FILE *out) {
  (void)fprintf(out, "::%s file=", level);
  print_escaped(file, true, out);
  if (line)
    (void)fprintf(out, ",line=%u,col=%u", line, column);
  (void)fputs(",title=", out);
  print_escaped(title, true, out);
  (void)fputs("::", out);
}

static const char *level_of(enum severity severity) {
  if (severity == SEVERITY_DENY)
    return "error";
  return severity == SEVERITY_WARN ? "warning" : "notice";
}

static void print_finding(struct arena *arena, const struct check_object *object,
                          const struct check_finding *found, FILE *out) {
  const struct finding *finding = &found->finding;
  struct str name = output_object_name(arena, object);
  struct str title = str_printf(arena, "%s: %.*s", rule_name(finding->rule), STR_FMT(name));
  print_command(level_of(finding->severity), object->file, found->line, found->column, title, out);
  if (finding->field.len) {
    print_escaped(finding->field, false, out);
    (void)fputs(": ", out);
  }
  print_escaped(finding->message, false, out);
  if (finding->remedy.len) {
    print_escaped(STR_LIT("\n"), false, out);
    print_escaped(finding->remedy, false, out);
  }
  (void)fputc('\n', out);
}

void output_github(const struct check_report *report, const struct output_options *options,
                   FILE *out) {
  (void)options;
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  for (size_t i = 0; i < report->problem_count; i++) {
    const struct check_problem *problem = &report->problems[i];
    print_command("error", problem->file, problem->line, problem->column, STR_LIT("unusable input"),
                  out);
    print_escaped(problem->message, false, out);
    (void)fputc('\n', out);
  }
  for (size_t i = 0; i < report->object_count; i++) {
    const struct check_object *object = &report->objects[i];
    for (size_t f = 0; f < object->finding_count; f++)
      print_finding(arena, object, &object->findings[f], out);
    arena_reset(arena);
  }
  output_summary(report, out);
}

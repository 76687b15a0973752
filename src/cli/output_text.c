/* SPDX-License-Identifier: Apache-2.0 */
/* For people, and for editors that jump to "file:line:column:" at the start of a line. */
#include "src/cli/check.h"

struct str output_object_name(struct arena *arena, const struct check_object *object) {
  struct str name = object->name.len ? object->name : STR_LIT("(no name)");
  if (object->ns.len == 0)
    return str_printf(arena, "%.*s %.*s", STR_FMT(object->kind), STR_FMT(name));
  return str_printf(arena, "%.*s %.*s/%.*s", STR_FMT(object->kind), STR_FMT(object->ns),
                    STR_FMT(name));
}

static const char *plural(size_t count) {
  return count == 1 ? "" : "s";
}

void output_summary(const struct check_report *report, FILE *out) {
  (void)fprintf(out, "%zu object%s: %zu denied, %zu with warnings, %zu skipped",
                report->object_count, plural(report->object_count), report->denied, report->warned,
                report->skipped);
  if (report->problem_count)
    (void)fprintf(out, "; %zu error%s in the input", report->problem_count,
                  plural(report->problem_count));
  (void)fputc('\n', out);
}

struct palette {
  const char *deny, *warn, *audit, *bold, *reset;
};

static const struct palette plain = {"", "", "", "", ""};
static const struct palette coloured = {"\033[1;31m", "\033[1;33m", "\033[36m", "\033[1m",
                                        "\033[0m"};

static const char *colour_of(const struct palette *palette, enum severity severity) {
  if (severity == SEVERITY_DENY)
    return palette->deny;
  return severity == SEVERITY_WARN ? palette->warn : palette->audit;
}

static void print_finding(const struct check_object *object, const struct check_finding *found,
                          const struct palette *palette, FILE *out) {
  const struct finding *finding = &found->finding;
  (void)fprintf(out, "%.*s:%u:%u: %s%s%s [%s] %.*s%s%.*s\n", STR_FMT(object->file), found->line,
                found->column, colour_of(palette, finding->severity),
                severity_name(finding->severity), palette->reset, rule_name(finding->rule),
                STR_FMT(finding->field), finding->field.len ? ": " : "", STR_FMT(finding->message));
  if (finding->remedy.len)
    (void)fprintf(out, "    fix: %.*s\n", STR_FMT(finding->remedy));
}

static const char *state_text(const struct check_object *object) {
  switch (object->state) {
  case CHECK_SKIPPED:
    return "skipped: a kind that makes no pods";
  case CHECK_FOREIGN:
    return "skipped: no Kubernetes object";
  case CHECK_EXEMPT:
    return "exempt by the policy";
  case CHECK_JUDGED:
    break;
  }
  switch (object->worst) {
  case SEVERITY_DENY:
    return "denied";
  case SEVERITY_WARN:
    return "admitted with warnings";
  case SEVERITY_AUDIT:
  case SEVERITY_OFF:
    break;
  }
  return "admitted";
}

void output_text(const struct check_report *report, const struct output_options *options,
                 FILE *out) {
  const struct palette *palette = options->has_colour ? &coloured : &plain;
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  for (size_t i = 0; i < report->object_count; i++) {
    const struct check_object *object = &report->objects[i];
    if (object->finding_count == 0 && !options->is_verbose)
      continue;
    struct str name = output_object_name(arena, object);
    (void)fprintf(out, "%s%.*s%s: %s%s%s\n", palette->bold, STR_FMT(name), palette->reset,
                  object->worst ? colour_of(palette, object->worst) : "", state_text(object),
                  object->worst ? palette->reset : "");
    for (size_t f = 0; f < object->finding_count; f++)
      print_finding(object, &object->findings[f], palette, out);
    if (object->finding_count)
      (void)fputc('\n', out);
    arena_reset(arena);
  }
  output_summary(report, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit XML for CI systems: a suite for each file, a case for each object. The format has no
 * place for warnings: they stand in <system-out> of a case that passes, or fail it with
 * --strict.
 */
#include "src/cli/check.h"

/* Report texts hold no control characters and are UTF-8. What XML 1.0 forbids besides are
 * U+FFFE and U+FFFF (EF BF BE, EF BF BF). */
static void print_escaped(struct str text, FILE *out) {
  for (size_t i = 0; i < text.len; i++) {
    const char *at = text.ptr + i;
    if (text.len - i >= 3 && memcmp(at, "\xef\xbf", 2) == 0 && (unsigned char)at[2] >= 0xbe) {
      (void)fputc('?', out);
      i += 2;
      continue;
    }
    switch (*at) {
    case '&':
      (void)fputs("&amp;", out);
      break;
    case '<':
      (void)fputs("&lt;", out);
      break;
    case '>':
      (void)fputs("&gt;", out);
      break;
    case '"':
      (void)fputs("&quot;", out);
      break;
    default:
      (void)fputc(*at, out);
    }
  }
}

static void print_attribute(const char *name, struct str value, FILE *out) {
  (void)fprintf(out, " %s=\"", name);
  print_escaped(value, out);
  (void)fputc('"', out);
}

static bool fails(const struct check_object *object, const struct output_options *options) {
  return object->worst == SEVERITY_DENY || (options->is_strict && object->worst == SEVERITY_WARN);
}

static void print_findings(const struct check_object *object, FILE *out) {
  for (size_t i = 0; i < object->finding_count; i++) {
    const struct check_finding *found = &object->findings[i];
    const struct finding *finding = &found->finding;
    print_escaped(object->file, out);
    (void)fprintf(out, ":%u:%u: %s [%s] ", found->line, found->column,
                  severity_name(finding->severity), rule_name(finding->rule));
    print_escaped(finding->field, out);
    (void)fputs(finding->field.len ? ": " : "", out);
    print_escaped(finding->message, out);
    (void)fputs(finding->remedy.len ? "; " : "", out);
    print_escaped(finding->remedy, out);
    (void)fputc('\n', out);
  }
}

static void open_case(struct str name, struct str file, uint32_t line, FILE *out) {
  (void)fputs("    <testcase", out);
  print_attribute("classname", file, out);
  print_attribute("name", name, out);
  print_attribute("file", file, out);
  if (line)
    (void)fprintf(out, " line=\"%u\"", line);
  (void)fputs(" time=\"0\">\n", out);
}

static const char *skip_reason(enum check_state state) {
  if (state == CHECK_EXEMPT)
    return "exempt by the policy";
  return state == CHECK_FOREIGN ? "no Kubernetes object" : "a kind that makes no pods";
}

static void print_object(struct arena *arena, const struct check_object *object,
                         const struct output_options *options, FILE *out) {
  open_case(output_object_name(arena, object), object->file, object->line, out);
  if (object->state != CHECK_JUDGED) {
    (void)fprintf(out, "      <skipped message=\"%s\"/>\n", skip_reason(object->state));
  } else if (fails(object, options)) {
    const struct finding *first = &object->findings[0].finding;
    (void)fputs("      <failure", out);
    print_attribute("type", str_of(rule_name(first->rule)), out);
    print_attribute("message", first->message, out);
    (void)fputc('>', out);
    print_findings(object, out);
    (void)fputs("</failure>\n", out);
  } else if (object->finding_count) {
    (void)fputs("      <system-out>", out);
    print_findings(object, out);
    (void)fputs("</system-out>\n", out);
  }
  (void)fputs("    </testcase>\n", out);
}

static void print_problem(const struct check_problem *problem, FILE *out) {
  open_case(STR_LIT("unusable input"), problem->file, problem->line, out);
  (void)fputs("      <error type=\"unusable-input\"", out);
  print_attribute("message", problem->message, out);
  (void)fputs("/>\n    </testcase>\n", out);
}

struct totals {
  size_t tests, failures, errors, skipped;
};

static void count_object(const struct check_object *object, const struct output_options *options,
                         struct totals *totals) {
  totals->tests++;
  totals->failures += fails(object, options);
  totals->skipped += object->state != CHECK_JUDGED;
}

static void print_totals(const struct totals *totals, FILE *out) {
  (void)fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"0\">\n",
                totals->tests, totals->failures, totals->errors, totals->skipped);
}

/* Objects of one file stand together in the report; its problems are counted where the file
 * first appears. Files without objects come last. */
static void print_suite(const struct check_report *report, size_t first, size_t end,
                        struct str file, const struct output_options *options, FILE *out) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct totals totals = {0};
  for (size_t i = first; i < end; i++)
    count_object(&report->objects[i], options, &totals);
  for (size_t i = 0; i < report->problem_count; i++) {
    if (str_eq(report->problems[i].file, file)) {
      totals.tests++;
      totals.errors++;
    }
  }
  (void)fputs("  <testsuite", out);
  print_attribute("name", file, out);
  print_totals(&totals, out);
  for (size_t i = 0; i < report->problem_count; i++) {
    if (str_eq(report->problems[i].file, file))
      print_problem(&report->problems[i], out);
  }
  for (size_t i = first; i < end; i++)
    print_object(arena, &report->objects[i], options, out);
  (void)fputs("  </testsuite>\n", out);
}

static bool has_objects(const struct check_report *report, struct str file) {
  for (size_t i = 0; i < report->object_count; i++) {
    if (str_eq(report->objects[i].file, file))
      return true;
  }
  return false;
}

static bool is_first_problem(const struct check_report *report, size_t index) {
  for (size_t i = 0; i < index; i++) {
    if (str_eq(report->problems[i].file, report->problems[index].file))
      return false;
  }
  return true;
}

void output_junit(const struct check_report *report, const struct output_options *options,
                  FILE *out) {
  struct totals totals = {.tests = report->problem_count, .errors = report->problem_count};
  for (size_t i = 0; i < report->object_count; i++)
    count_object(&report->objects[i], options, &totals);
  (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"slicegate\"", out);
  print_totals(&totals, out);
  for (size_t first = 0, end; first < report->object_count; first = end) {
    struct str file = report->objects[first].file;
    for (end = first + 1; end < report->object_count; end++) {
      if (!str_eq(report->objects[end].file, file))
        break;
    }
    print_suite(report, first, end, file, options, out);
  }
  for (size_t i = 0; i < report->problem_count; i++) {
    struct str file = report->problems[i].file;
    if (!has_objects(report, file) && is_first_problem(report, i))
      print_suite(report, 0, 0, file, options, out);
  }
  (void)fputs("</testsuites>\n", out);
}

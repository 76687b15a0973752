/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings as people read them. kubectl prints a refusal as one paragraph and keeps its
 * line breaks, so each finding is one line that stands on its own.
 */
#include "src/admission/admission_internal.h"

enum {
  FIELD_SHOWN_MAX = 256,
  LINE_MAX_BYTES = 4096,
  WARNINGS_MAX_BYTES = 4096, /* beyond that the API server cuts each to 256 */
  MORE_ROOM = 32,            /* "and 4294967295 more" */
};

/* "[rule] field: message; remedy" */
static struct str line_of(struct arena *arena, const struct finding *finding) {
  return str_printf(arena, "[%s] %.*s: %.*s; %.*s", rule_name(finding->rule),
                    STR_FMT(str_printable(arena, finding->field, FIELD_SHOWN_MAX)),
                    STR_FMT(str_printable(arena, finding->message, LINE_MAX_BYTES)),
                    STR_FMT(str_printable(arena, finding->remedy, LINE_MAX_BYTES)));
}

void adm_message(const struct finding *findings, size_t count, enum severity least, size_t max,
                 struct buf *out) {
  struct arena *arena CLEANUP_ARENA = arena_new(4096);
  size_t used = 0, total = 0, said = 0;
  bool is_full = false;
  for (size_t i = 0; i < count; i++)
    total += findings[i].severity >= least;
  for (size_t i = 0; i < count && !is_full; i++) {
    if (findings[i].severity < least)
      continue;
    arena_reset(arena);
    struct str line = line_of(arena, &findings[i]);
    size_t room = said + 1 < total ? MORE_ROOM : 0;
    if (used + line.len + 1 + room > max) {
      is_full = true;
      continue;
    }
    if (said)
      buf_append_char(out, '\n');
    buf_append_str(out, line);
    used += line.len + 1;
    said++;
  }
  if (said < total)
    buf_printf(out, said ? "\nand %zu more" : "%zu findings, too long to show", total - said);
}

static struct str name_of(struct arena *arena, const struct workload *object) {
  struct str name = object->name;
  if (name.len == 0 && object->generate_name.len)
    name = str_printf(arena, "%.*s*", STR_FMT(object->generate_name));
  if (name.len == 0)
    name = STR_LIT("(no name)");
  if (object->ns.len)
    name = str_printf(arena, "%.*s/%.*s", STR_FMT(object->ns), STR_FMT(name));
  return str_printable(arena, name, FIELD_SHOWN_MAX);
}

void adm_refusal(const struct workload *object, const struct finding *findings, size_t count,
                 size_t max, struct buf *out) {
  struct arena *arena CLEANUP_ARENA = arena_new(1024);
  size_t denied = 0, before = out->len;
  for (size_t i = 0; i < count; i++)
    denied += findings[i].severity == SEVERITY_DENY;
  buf_printf(out, "%zu finding%s for %.*s %.*s:\n", denied, denied == 1 ? "" : "s",
             STR_FMT(str_printable(arena, object->kind, 64)), STR_FMT(name_of(arena, object)));
  size_t used = out->len - before;
  adm_message(findings, count, SEVERITY_DENY, max > used ? max - used : 0, out);
}

struct strings adm_warnings(const struct finding *findings, size_t count, struct arena *arena) {
  size_t total = 0, said = 0, used = 0;
  for (size_t i = 0; i < count; i++)
    total += findings[i].severity == SEVERITY_WARN;
  if (total == 0)
    return (struct strings){NULL, 0};
  /* No more can fit, however many there are. */
  size_t most = total < WARNINGS_MAX_BYTES / 16 ? total : WARNINGS_MAX_BYTES / 16;
  struct str *items = arena_array(arena, most + 1, sizeof(*items));
  for (size_t i = 0; i < count && said < most; i++) {
    if (findings[i].severity != SEVERITY_WARN)
      continue;
    struct str line = line_of(arena, &findings[i]);
    size_t room = said + 1 < total ? MORE_ROOM : 0;
    if (used + line.len + room > WARNINGS_MAX_BYTES)
      break; /* those that follow are less grave: none of them takes its place */
    used += line.len;
    items[said++] = line;
  }
  if (said < total) {
    items[said] =
        str_printf(arena, said ? "and %zu more" : "%zu warnings, too long to show", total - said);
    return (struct strings){items, said + 1};
  }
  return (struct strings){items, said};
}

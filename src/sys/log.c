/* SPDX-License-Identifier: Apache-2.0 */
/* The log: an event is put together on the stack and leaves in one write(2). */
#include "sys_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int log_least = SYS_INFO;
static _Atomic int log_format = SYS_LOG_LOGFMT;
static _Atomic int log_fd = STDERR_FILENO;

static const char *const level_names[] = {
    [SYS_DEBUG] = "debug", [SYS_INFO] = "info", [SYS_WARN] = "warn", [SYS_ERROR] = "error"};

void sys_log_setup(enum sys_level least, enum sys_log_format format, int fd) {
  atomic_store(&log_least, (int)least);
  atomic_store(&log_format, (int)format);
  atomic_store(&log_fd, fd);
}

bool sys_log_enabled(enum sys_level level) {
  return (int)level >= atomic_load_explicit(&log_least, memory_order_relaxed);
}

bool sys_level_parse(struct str name, enum sys_level *ret) {
  for (size_t i = 0; i < SG_ARRAY_LEN(level_names); i++) {
    if (str_is(name, level_names[i])) {
      *ret = (enum sys_level)i;
      return true;
    }
  }
  return false;
}

/*
 * A line being built. Room for the closing quote, brace and newline is kept back,
 * so that a cut line is still well formed.
 */
enum { LINE_TAIL = 8 };
struct line {
  char text[SYS_LOG_LINE_MAX];
  size_t len;
};

static size_t line_room(const struct line *line) {
  return sizeof(line->text) - LINE_TAIL - line->len;
}

static bool line_put(struct line *line, const char *bytes, size_t len) {
  if (len > line_room(line))
    return false;
  memcpy(line->text + line->len, bytes, len);
  line->len += len;
  return true;
}

static bool line_puts(struct line *line, const char *cstr) {
  return line_put(line, cstr, strlen(cstr));
}

/* For what LINE_TAIL keeps room for. */
static void line_close(struct line *line, const char *cstr) {
  size_t len = strlen(cstr);
  memcpy(line->text + line->len, cstr, len);
  line->len += len;
}

/*
 * The inside of a quoted string, escaped as JSON escapes; logfmt readers take the
 * same form. Bytes that are no UTF-8 become U+FFFD. Stops, with "...", at the limit.
 */
static void line_escape(struct line *line, struct str s) {
  static const char cut[] = "...";
  size_t limit = line->len + SYS_LOG_VALUE_MAX;
  while (s.len > 0) {
    unsigned char c = (unsigned char)s.ptr[0];
    char escape[8];
    const char *out = s.ptr;
    size_t len = str_utf8_len(s);
    size_t used = len ? len : 1;
    if (len == 0) {
      out = "\xef\xbf\xbd";
      len = 3;
    } else if (c == '"' || c == '\\') {
      (void)snprintf(escape, sizeof(escape), "\\%c", c);
      out = escape;
      len = 2;
    } else if (c < 0x20 || c == 0x7f) {
      const char *named = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
      if (named)
        (void)snprintf(escape, sizeof(escape), "%s", named);
      else
        (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
      out = escape;
      len = strlen(escape);
    }
    bool last = used == s.len;
    size_t keep = last ? 0 : sizeof(cut) - 1;
    if (line->len + len + keep > limit || len + keep > line_room(line)) {
      (void)line_puts(line, cut);
      return;
    }
    (void)line_put(line, out, len);
    s = str_skip(s, used);
  }
}

/* logfmt leaves plain words bare. */
static bool is_bare(struct str s) {
  if (s.len == 0)
    return false;
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.ptr[i];
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
      return false;
  }
  return true;
}

static void put_text(struct line *line, bool json, struct str s) {
  if (!json && is_bare(s)) {
    line_escape(line, s);
    return;
  }
  if (line_puts(line, "\"")) {
    line_escape(line, s);
    line_close(line, "\"");
  }
}

static void put_field(struct line *line, bool json, const struct sys_field *field) {
  /* Key, punctuation, quotes and a little value must fit, or the field is left out. */
  if (line_room(line) < strlen(field->key) + 32)
    return;
  if (line->len > (json ? 1 : 0))
    (void)line_puts(line, json ? "," : " ");
  if (json)
    (void)line_puts(line, "\"");
  (void)line_puts(line, field->key);
  (void)line_puts(line, json ? "\":" : "=");
  char digits[24];
  switch (field->kind) {
  case SYS_FIELD_STR:
    put_text(line, json, field->text);
    break;
  case SYS_FIELD_INT:
    (void)snprintf(digits, sizeof(digits), "%" PRId64, field->number);
    (void)line_puts(line, digits);
    break;
  case SYS_FIELD_BOOL:
    (void)line_puts(line, field->number ? "true" : "false");
    break;
  }
}

void sys_log_write(enum sys_level level, const char *msg, const struct sys_field *fields,
                   size_t count) {
  if (!sys_log_enabled(level))
    return;
  bool json = atomic_load_explicit(&log_format, memory_order_relaxed) == SYS_LOG_JSON;
  int saved_errno = errno; /* logging is never why a caller's errno changes */
  char when[SYS_RFC3339_SIZE];
  sys_wall_format(sys_wall_now(), when);
  struct line line;
  line.len = 0;
  if (json)
    (void)line_puts(&line, "{");
  const struct sys_field head[] = {sys_cstr("time", when), sys_cstr("level", level_names[level]),
                                   sys_cstr("msg", msg)};
  for (size_t i = 0; i < SG_ARRAY_LEN(head); i++)
    put_field(&line, json, &head[i]);
  for (size_t i = 0; i < count; i++)
    put_field(&line, json, &fields[i]);
  line_close(&line, json ? "}\n" : "\n");
  ssize_t written;
  do {
    written = write(atomic_load_explicit(&log_fd, memory_order_relaxed), line.text, line.len);
  } while (written < 0 && errno == EINTR);
  /* A log that cannot be written has nowhere to say so. */
  errno = saved_errno;
}

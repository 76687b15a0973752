/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/help.h"

static void spaces(size_t count, FILE *out) {
  (void)fprintf(out, "%*s", (int)count, "");
}

void help_wrap(struct str text, size_t column, size_t indent, FILE *out) {
  bool at_start = true; /* of a line: no space in front of the word */
  while (text.len) {
    if (text.ptr[0] == '\n') {
      (void)fputc('\n', out);
      text = str_skip(text, 1);
      /* An empty line stays empty: no blanks behind which nothing stands. */
      if (text.len && text.ptr[0] != '\n')
        spaces(indent, out);
      column = indent;
      at_start = true;
      continue;
    }
    if (text.ptr[0] == ' ') {
      text = str_skip(text, 1);
      continue;
    }
    size_t len = 0;
    while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '\n')
      len++;
    if (!at_start && column + 1 + len > HELP_WIDTH) {
      (void)fputc('\n', out);
      spaces(indent, out);
      column = indent;
      at_start = true;
    }
    if (!at_start) {
      (void)fputc(' ', out);
      column++;
    }
    (void)fwrite(text.ptr, 1, len, out);
    column += len;
    at_start = false;
    text = str_skip(text, len);
  }
  (void)fputc('\n', out);
}

/* "  -f, --file FILE" */
static size_t flag_head(const struct flag *flag, char *ret, size_t size) {
  char letter[8] = "    ";
  if (flag->letter)
    (void)snprintf(letter, sizeof(letter), "-%c, ", flag->letter);
  int len = snprintf(ret, size, "  %s--%s%s%s", letter, flag->name, flag->argument ? " " : "",
                     flag->argument ? flag->argument : "");
  return len > 0 ? (size_t)len : 0;
}

static void print_flags(const struct flag *flags, size_t flag_count, FILE *out) {
  static const struct flag help_flag = {
      .name = "help", .letter = 'h', .type = FLAG_BOOL, .help = "Print this text."};
  /* Heads longer than this get a line of their own, so that one of them does not push the
   * help of all the others to the right. */
  enum { HEAD_MAX = 30 };
  char head[160];
  size_t width = 0;
  for (size_t i = 0; i < flag_count; i++) {
    size_t len = flag_head(&flags[i], head, sizeof(head));
    if (len <= HEAD_MAX && len > width)
      width = len;
  }
  width += 2;
  for (size_t i = 0; i <= flag_count; i++) {
    const struct flag *flag = i < flag_count ? &flags[i] : &help_flag;
    size_t len = flag_head(flag, head, sizeof(head));
    (void)fputs(head, out);
    if (len + 2 > width) {
      (void)fputc('\n', out);
      len = 0;
    }
    spaces(width - len, out);
    help_wrap(str_of(flag->help), width, width, out);
  }
}

void help_print_command(const struct command_help *help, const struct flag *flags,
                        size_t flag_count, FILE *out) {
  (void)fprintf(out, "Usage: ");
  help_wrap(str_of(help->usage), strlen("Usage: "), strlen("Usage: "), out);
  (void)fputc('\n', out);
  help_wrap(str_of(help->summary), 0, 0, out);
  (void)fputs("\nFlags:\n", out);
  print_flags(flags, flag_count, out);
  if (!help->examples)
    return;
  (void)fputs("\nExamples:\n", out);
  struct str rest = str_of(help->examples);
  while (rest.len) {
    size_t len = str_find_char(rest, '\n');
    (void)fprintf(out, "%s%.*s\n", len ? "  " : "", (int)len, rest.ptr);
    rest = str_skip(rest, len < rest.len ? len + 1 : len);
  }
}

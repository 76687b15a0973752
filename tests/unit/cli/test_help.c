/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/help.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <stdlib.h>

static const struct {
  const char *name;
  command_fn *run;
} commands[] = {{"check", cli_check},
                {"webhook-config", cli_webhook_config},
                {"serve", cli_serve},
                {"simulate", cli_simulate}};

START_TEST(help_has_its_parts) {
  struct run run = RUN(commands[_i].run, "--help");
  assert_code(&run, 0);
  ck_assert_str_eq(run.err, "");
  assert_contains(run.out, "Usage: slicegate ");
  assert_contains(run.out, commands[_i].name);
  assert_contains(run.out, "\nFlags:\n");
  assert_contains(run.out, "-h, --help");
  assert_contains(run.out, "\nExamples:\n");
  run_done(&run);
}
END_TEST

static int run_certs_issue(int argc, char **argv, FILE *out, FILE *err) {
  (void)argc;
  char *help[] = {argv[0], "issue", "--help", NULL};
  return cli_certs(3, help, out, err);
}

static const struct {
  command_fn *run;
  const char *flag, *value;
} defaults[] = {{cli_serve, "--listen ", ":8443"},       {cli_serve, "--max-connections ", "1024"},
                {cli_serve, "--drain-seconds ", "20"},   {cli_serve, "--log-format ", "text"},
                {cli_serve, "--log-level ", "info"},     {run_certs_issue, "--days ", "365"},
                {run_certs_issue, "--ca-days ", "3650"}, {cli_check, "--namespace ", "default"},
                {cli_check, "--output ", "text"},        {cli_check, "--now ", "now"}};

/* Between the flag and the next one. */
START_TEST(help_tells_defaults) {
  struct run run = RUN(defaults[_i].run, "--help");
  char *flags = strstr(run.out, "\nFlags:\n");
  char *flag = flags ? strstr(flags, defaults[_i].flag) : NULL;
  ck_assert_msg(flag != NULL, "no %s", defaults[_i].flag);
  char *next = strstr(flag + 2, " --");
  if (next)
    *next = '\0';
  for (char *at = flag; *at; at++) { /* wherever the lines were broken */
    if (*at == '\n')
      *at = ' ';
  }
  char *told = strstr(flag, "Default:");
  ck_assert_msg(told != NULL, "no default: %s", flag);
  told += strlen("Default:");
  told += strspn(told, " ");
  ck_assert_msg(strncmp(told, defaults[_i].value, strlen(defaults[_i].value)) == 0, "%s", flag);
  run_done(&run);
}
END_TEST

/* Examples are there to be copied: they are not wrapped. */
static void check_lines(const char *text) {
  bool in_examples = false;
  while (*text) {
    size_t len = strcspn(text, "\n");
    in_examples = in_examples || strncmp(text, "Examples:", strlen("Examples:")) == 0;
    ck_assert_msg(in_examples || len <= HELP_WIDTH, "%zu columns: %.*s", len, (int)len, text);
    ck_assert_msg(len == 0 || text[len - 1] != ' ', "blanks at the end: %.*s", (int)len, text);
    text += len + (text[len] == '\n');
  }
}

START_TEST(help_is_wrapped) {
  struct run run = RUN(commands[_i].run, "--help");
  check_lines(run.out);
  run_done(&run);
}
END_TEST

START_TEST(short_flag_shows_help_too) {
  struct run run = RUN(cli_check, "-h");
  assert_code(&run, 0);
  assert_contains(run.out, "Usage: slicegate check");
  run_done(&run);
}
END_TEST

static char *wrapped(const char *text, size_t column, size_t indent) {
  char *out = NULL;
  size_t size;
  FILE *file = open_memstream(&out, &size);
  help_wrap(str_of(text), column, indent, file);
  ck_assert_int_eq(fclose(file), 0);
  return out;
}

START_TEST(wrapping_keeps_words_and_paragraphs) {
  char *out = wrapped("a  b\n\nc d", 0, 2);
  ck_assert_str_eq(out, "a b\n\n  c d\n");
  free(out);
}
END_TEST

START_TEST(a_word_longer_than_the_line_stays_whole) {
  char word[2 * HELP_WIDTH + 1];
  memset(word, 'x', sizeof(word) - 1);
  word[sizeof(word) - 1] = '\0';
  char *out = wrapped(word, 0, 4);
  ck_assert_uint_eq(strlen(out), sizeof(word));
  free(out);
}
END_TEST

TCase *tcase_help(void) {
  TCase *tcase = tcase_create("help");
  tcase_add_loop_test(tcase, help_has_its_parts, 0, SG_ARRAY_LEN(commands));
  tcase_add_loop_test(tcase, help_is_wrapped, 0, SG_ARRAY_LEN(commands));
  tcase_add_test(tcase, short_flag_shows_help_too);
  tcase_add_test(tcase, wrapping_keeps_words_and_paragraphs);
  tcase_add_test(tcase, a_word_longer_than_the_line_stays_whole);
  tcase_add_loop_test(tcase, help_tells_defaults, 0, SG_ARRAY_LEN(defaults));
  return tcase;
}

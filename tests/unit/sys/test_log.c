/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/sys.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TCase *tcase_log(void);

/* What was logged since log_begin, as one string; the caller frees. */
static int log_file = -1;

static void log_begin(enum sys_level least, enum sys_log_format format) {
  FILE *file = tmpfile();
  ck_assert_ptr_nonnull(file);
  log_file = dup(fileno(file));
  ck_assert_int_ge(log_file, 0);
  ck_assert_int_eq(fcntl(log_file, F_SETFL, O_APPEND), 0);
  (void)fclose(file);
  sys_log_setup(least, format, log_file);
}

static char *log_end(void) {
  struct err err;
  struct buf text;
  sys_log_setup(SYS_INFO, SYS_LOG_LOGFMT, STDERR_FILENO);
  ck_assert_int_eq(lseek(log_file, 0, SEEK_SET), 0);
  ck_assert(sys_fd_read(log_file, "log", 64 << 20, &text, &err));
  (void)close(log_file);
  return buf_take(&text);
}

/* From after the time, which differs. */
static const char *after_time(const char *line, enum sys_log_format format) {
  const char *from = strstr(line, format == SYS_LOG_JSON ? "\",\"level" : " level");
  ck_assert_msg(from != NULL, "no level in: %s", line);
  return from;
}

static const struct {
  const char *name;
  struct sys_field field;
  const char *logfmt;
  const char *json;
} fields[] = {
    {"a word stays bare",
     {.key = "k", .text = {"abc-1.2/x:y", 11}},
     "k=abc-1.2/x:y",
     "\"k\":\"abc-1.2/x:y\""},
    {"empty is quoted", {.key = "k", .text = {"", 0}}, "k=\"\"", "\"k\":\"\""},
    {"no pointer is empty", {.key = "k", .text = {NULL, 0}}, "k=\"\"", "\"k\":\"\""},
    {"a blank is quoted", {.key = "k", .text = {"a b", 3}}, "k=\"a b\"", "\"k\":\"a b\""},
    {"an equals sign is quoted", {.key = "k", .text = {"a=b", 3}}, "k=\"a=b\"", "\"k\":\"a=b\""},
    {"quotes and backslashes are escaped",
     {.key = "k", .text = {"\"\\", 2}},
     "k=\"\\\"\\\\\"",
     "\"k\":\"\\\"\\\\\""},
    {"a newline cannot start a line",
     {.key = "k", .text = {"a\nlevel=error", 13}},
     "k=\"a\\nlevel=error\"",
     "\"k\":\"a\\nlevel=error\""},
    {"control bytes are escaped",
     {.key = "k", .text = {"\x1b[0m\x7f\0", 6}},
     "k=\"\\u001b[0m\\u007f\\u0000\"",
     "\"k\":\"\\u001b[0m\\u007f\\u0000\""},
    {"UTF-8 is let through",
     {.key = "k", .text = {"\xc3\xa9\xf0\x9f\x98\x80", 6}},
     "k=\"\xc3\xa9\xf0\x9f\x98\x80\"",
     "\"k\":\"\xc3\xa9\xf0\x9f\x98\x80\""},
    {"broken UTF-8 is replaced",
     {.key = "k", .text = {"\xc3(\xff", 3}},
     "k=\"\xef\xbf\xbd(\xef\xbf\xbd\"",
     "\"k\":\"\xef\xbf\xbd(\xef\xbf\xbd\""},
    {"overlong forms and surrogates are broken",
     {.key = "k", .text = {"\xc0\xaf\xed\xa0\x80", 5}},
     "k=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
     "\"k\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"a number",
     {.key = "k", .kind = SYS_FIELD_INT, .number = INT64_MIN},
     "k=-9223372036854775808",
     "\"k\":-9223372036854775808"},
    {"a boolean", {.key = "k", .kind = SYS_FIELD_BOOL, .number = 1}, "k=true", "\"k\":true"},
};

START_TEST(fields_in_both_formats) {
  for (int json = 0; json <= 1; json++) {
    char wanted[512];
    enum sys_log_format format = json ? SYS_LOG_JSON : SYS_LOG_LOGFMT;
    log_begin(SYS_INFO, format);
    sys_log_write(SYS_WARN, "it is", &fields[_i].field, 1);
    char *line = log_end();
    (void)snprintf(wanted, sizeof(wanted),
                   json ? "\",\"level\":\"warn\",\"msg\":\"it is\",%s}\n"
                        : " level=warn msg=\"it is\" %s\n",
                   json ? fields[_i].json : fields[_i].logfmt);
    ck_assert_msg(strcmp(after_time(line, format), wanted) == 0, "%s: got %s, wanted %s",
                  fields[_i].name, line, wanted);
    ck_assert_msg(strncmp(line, json ? "{\"time\":\"20" : "time=20", json ? 11 : 7) == 0, "%s",
                  line);
    free(line);
  }
}
END_TEST

static int evaluated;
static int64_t evaluate(void) {
  return ++evaluated;
}

START_TEST(levels_below_are_not_even_evaluated) {
  log_begin(SYS_WARN, SYS_LOG_LOGFMT);
  evaluated = 0;
  sys_log(SYS_INFO, "no", sys_int("n", evaluate()));
  sys_log(SYS_DEBUG, "no");
  sys_log(SYS_WARN, "yes", sys_int("n", evaluate()), sys_bool("b", false));
  sys_log(SYS_ERROR, "bare");
  char *text = log_end();
  ck_assert_int_eq(evaluated, 1);
  ck_assert_ptr_null(strstr(text, "msg=no"));
  ck_assert_ptr_nonnull(strstr(text, "level=warn msg=yes n=1 b=false\n"));
  ck_assert_ptr_nonnull(strstr(text, "level=error msg=bare\n"));
  free(text);
}
END_TEST

START_TEST(level_names_are_parsed) {
  enum sys_level level = SYS_INFO;
  ck_assert(sys_level_parse(STR_LIT("debug"), &level));
  ck_assert_int_eq(level, SYS_DEBUG);
  ck_assert(sys_level_parse(STR_LIT("error"), &level));
  ck_assert_int_eq(level, SYS_ERROR);
  ck_assert(!sys_level_parse(STR_LIT("ERROR"), &level));
  ck_assert(!sys_level_parse(STR_LIT(""), &level));
}
END_TEST

START_TEST(long_values_are_cut_and_lines_stay_whole) {
  static char large[3 * SYS_LOG_LINE_MAX];
  for (int json = 0; json <= 1; json++) {
    /* Every escape doubles or more, so that cuts fall into the middle of escapes too. */
    memset(large, json ? '\n' : '"', sizeof(large));
    log_begin(SYS_INFO, json ? SYS_LOG_JSON : SYS_LOG_LOGFMT);
    struct str value = {large, sizeof(large)};
    sys_log(SYS_INFO, "long", sys_str("a", value), sys_str("b", value), sys_str("c", value),
            sys_str("d", value), sys_str("e", value), sys_int("f", 1));
    char *line = log_end();
    size_t len = strlen(line);
    ck_assert_uint_le(len, SYS_LOG_LINE_MAX);
    ck_assert_uint_gt(len, SYS_LOG_LINE_MAX / 2);
    ck_assert_msg(strchr(line, '\n') == line + len - 1, "one newline, at the end");
    ck_assert_ptr_nonnull(strstr(line, "...\""));
    ck_assert_msg(strcmp(line + len - (json ? 3 : 2), json ? "\"}\n" : "\"\n") == 0, "ends in %s",
                  line + len - 5);
    free(line);
  }
}
END_TEST

enum { LOG_THREADS = 4, LOG_LINES = 500 };

static void *log_many(void *arg) {
  for (int i = 0; i < LOG_LINES; i++)
    sys_log(SYS_INFO, "many", sys_int("thread", (intptr_t)arg), sys_int("i", i));
  return NULL;
}

START_TEST(lines_of_threads_do_not_mix) {
  pthread_t threads[LOG_THREADS];
  int next[LOG_THREADS] = {0};
  log_begin(SYS_INFO, SYS_LOG_LOGFMT);
  for (intptr_t i = 0; i < LOG_THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, log_many, (void *)i), 0);
  for (int i = 0; i < LOG_THREADS; i++)
    (void)pthread_join(threads[i], NULL);
  char *text = log_end();
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    int thread = -1;
    int i = -1;
    ck_assert_msg(sscanf(after_time(line, SYS_LOG_LOGFMT), " level=info msg=many thread=%d i=%d",
                         &thread, &i) == 2,
                  "%s", line);
    ck_assert_int_lt(thread, LOG_THREADS);
    ck_assert_int_eq(i, next[thread]++);
  }
  for (int i = 0; i < LOG_THREADS; i++)
    ck_assert_int_eq(next[i], LOG_LINES);
  free(text);
}
END_TEST

TCase *tcase_log(void) {
  TCase *tc = tcase_create("log");
  tcase_add_loop_test(tc, fields_in_both_formats, 0, (int)SG_ARRAY_LEN(fields));
  tcase_add_test(tc, levels_below_are_not_even_evaluated);
  tcase_add_test(tc, level_names_are_parsed);
  tcase_add_test(tc, long_values_are_cut_and_lines_stay_whole);
  tcase_add_test(tc, lines_of_threads_do_not_mix);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/golden/what-if/<case>/: cluster.json, pod.yaml, further arguments in `args` (one a line),
 * and what `slicegate simulate what-if` must print: expected.text, expected.json, and the error
 * stream with the exit code in expected.stderr. UPDATE=1 (make golden) rewrites them.
 */
#include "slicegate/sys.h"
#include "src/cli/cli_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { CASES_MAX = 128, ARGUMENTS_MAX = 16, TEXT_MAX = 4 << 20 };

static const char golden_folder[] = "tests/golden/what-if";
static char case_names[CASES_MAX][64];
static int case_count;

static int by_name(const void *a, const void *b) {
  return strcmp(a, b);
}

static void list_cases(void) {
  DIR *folder = opendir(golden_folder);
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    if (strchr(entry->d_name, '.') || case_count == CASES_MAX)
      continue;
    (void)snprintf(case_names[case_count++], sizeof(case_names[0]), "%.63s", entry->d_name);
  }
  if (folder)
    (void)closedir(folder);
  qsort(case_names, (size_t)case_count, sizeof(case_names[0]), by_name);
}

static void compare(const char *name, const char *kind, const char *text) {
  char path[64];
  struct err err = {0};
  const char *update = getenv("UPDATE");
  (void)snprintf(path, sizeof(path), "expected.%s", kind);
  if (update && strcmp(update, "1") == 0) {
    ck_assert_msg(sys_file_write(path, str_of(text), 0644, &err), "%s", err.text);
    return;
  }
  CLEANUP_BUF struct buf expected = {0};
  ck_assert_msg(sys_file_read(path, TEXT_MAX, &expected, &err), "%s: %s; UPDATE=1 makes it", name,
                err.text);
  ck_assert_msg(str_eq(buf_str(&expected), str_of(text)),
                "%s/%s differs; UPDATE=1 rewrites it\n--- expected\n%s\n--- found\n%s", name, path,
                expected.ptr ? expected.ptr : "", text);
}

/* Lines of `args`, where there is such a file. */
static size_t read_arguments(struct buf *text, const char **ret) {
  struct err err = {0};
  size_t count = 0;
  if (access("args", R_OK) != 0)
    return 0;
  ck_assert_msg(sys_file_read("args", TEXT_MAX, text, &err), "%s", err.text);
  for (char *line = text->ptr; line && *line;) {
    char *end = strchr(line, '\n');
    if (end)
      *end = '\0';
    ck_assert_uint_lt(count, ARGUMENTS_MAX);
    if (*line)
      ret[count++] = line;
    line = end ? end + 1 : NULL;
  }
  return count;
}

START_TEST(golden_case) {
  static const char *const outputs[] = {"text", "json"};
  const char *name = case_names[_i];
  char folder[128];
  int home = open(".", O_RDONLY | O_DIRECTORY);
  (void)snprintf(folder, sizeof(folder), "%s/%s", golden_folder, name);
  ck_assert_int_ge(home, 0);
  ck_assert_msg(chdir(folder) == 0, "%s", folder);
  CLEANUP_BUF struct buf text = {0};
  const char *arguments[ARGUMENTS_MAX + 7] = {"--cluster", "cluster.json", "-f", "pod.yaml"};
  size_t count = 4 + read_arguments(&text, arguments + 4);
  for (size_t i = 0; i < SG_ARRAY_LEN(outputs); i++) {
    arguments[count] = "-o";
    arguments[count + 1] = i ? "json" : "table";
    struct run run = run_command(cli_what_if, arguments);
    compare(name, outputs[i], run.out);
    CLEANUP_BUF struct buf err;
    buf_init(&err, TEXT_MAX);
    buf_printf(&err, "%sexit code %d\n", run.err, run.code);
    compare(name, "stderr", err.ptr);
    run_done(&run);
  }
  ck_assert_int_eq(fchdir(home), 0);
  (void)close(home);
}
END_TEST

START_TEST(there_are_cases) {
  ck_assert_int_gt(case_count, 0);
}
END_TEST

static const struct {
  const char *arguments[6];
  const char *says;
} wrong[] = {
    {{"-f", "x.yaml"}, "--cluster FILE is missing"},
    {{"--cluster", "x.json"}, "needs the manifest of a pod"},
    {{"--cluster", "x.json", "y.yaml", "-o", "csv"}, "unknown output \"csv\""},
    {{"--cluster", "x.json", "y.yaml", "--count", "0"}, "--count is a whole number from 1"},
    {{"--cluster", "x.json", "/nonexistent.yaml"}, "/nonexistent.yaml: cannot open"},
};

START_TEST(wrong_command_lines_are_said) {
  struct run run = run_command(cli_what_if, wrong[_i].arguments);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, wrong[_i].says);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

START_TEST(simulate_has_it) {
  struct run run = RUN(cli_simulate, "what-if", "--help");
  assert_code(&run, EXIT_OK);
  assert_contains(run.out, "Usage: slicegate simulate what-if --cluster FILE");
  run_done(&run);
}
END_TEST

TCase *tcase_what_if(void) {
  TCase *tcase = tcase_create("what_if");
  list_cases();
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, there_are_cases);
  tcase_add_loop_test(tcase, golden_case, 0, case_count);
  tcase_add_loop_test(tcase, wrong_command_lines_are_said, 0, SG_ARRAY_LEN(wrong));
  tcase_add_test(tcase, simulate_has_it);
  return tcase;
}

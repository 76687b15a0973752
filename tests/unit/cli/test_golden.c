/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/golden/check/<case>/: manifests, `args` (one argument a line), and what `slicegate
 * check` must print for each output: expected.text, .json, .junit, .sarif, .github, with the
 * exit code and the error stream in expected.stderr. UPDATE=1 (make golden) rewrites them;
 * the diff is for review. The command runs in the case's folder, so that names in the
 * outputs are the same everywhere.
 */
#include "slicegate/sys.h"
#include "src/cli/cli_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASES_MAX = 256, ARGUMENTS_MAX = 32, TEXT_MAX = 4 << 20 };

static const char golden_folder[] = "tests/golden/check";
static const char *const outputs[] = {"text", "json", "junit", "sarif", "github"};

static char case_names[CASES_MAX][64];
static int case_count;

static int by_name(const void *a, const void *b) {
  return strcmp(a, b);
}

/* Loop tests need their number when the suite is made. */
static void list_cases(void) {
  DIR *folder = opendir(golden_folder);
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    if (entry->d_name[0] == '.' || strchr(entry->d_name, '.') || case_count == CASES_MAX)
      continue;
    (void)snprintf(case_names[case_count++], sizeof(case_names[0]), "%.63s", entry->d_name);
  }
  if (folder)
    (void)closedir(folder);
  qsort(case_names, (size_t)case_count, sizeof(case_names[0]), by_name);
}

/* ---- one case ------------------------------------------------------------------------- */

struct arguments {
  struct buf text;
  const char *items[ARGUMENTS_MAX];
  size_t count;
};

static void read_arguments(struct arguments *ret) {
  struct err err = {0};
  *ret = (struct arguments){0};
  ck_assert_msg(sys_file_read("args", TEXT_MAX, &ret->text, &err), "%s", err.text);
  for (char *line = ret->text.ptr; line && *line;) {
    char *end = strchr(line, '\n');
    if (end)
      *end = '\0';
    ck_assert_uint_lt(ret->count, ARGUMENTS_MAX - 3);
    if (*line)
      ret->items[ret->count++] = line;
    line = end ? end + 1 : NULL;
  }
}

static bool is_updating(void) {
  const char *update = getenv("UPDATE");
  return update && strcmp(update, "1") == 0;
}

static void compare(const char *name, const char *kind, const char *text) {
  char path[64];
  struct err err = {0};
  (void)snprintf(path, sizeof(path), "expected.%s", kind);
  if (is_updating()) {
    ck_assert_msg(sys_file_write(path, str_of(text), 0644, &err), "%s", err.text);
    return;
  }
  CLEANUP_BUF struct buf expected = {0};
  ck_assert_msg(sys_file_read(path, TEXT_MAX, &expected, &err), "%s: %s; UPDATE=1 makes it", name,
                err.text);
  const char *wanted = expected.ptr ? expected.ptr : "";
  ck_assert_msg(strcmp(wanted, text) == 0,
                "%s/%s differs; UPDATE=1 rewrites it\n--- expected\n%s\n--- found\n%s", name, path,
                wanted, text);
}

/* xmllint knows XML better than we do, where it is there. */
static void check_xml(const char *name, const char *text) {
  if (access("/usr/bin/xmllint", X_OK) != 0)
    return;
  struct scratch scratch = scratch_new();
  char *path = scratch_write(&scratch, "out.xml", text);
  char *const argv[] = {(char[]){"xmllint"}, (char[]){"--noout"}, path, NULL};
  pid_t child = fork();
  if (child == 0) {
    execv("/usr/bin/xmllint", argv);
    _exit(127);
  }
  int status = 0;
  ck_assert_int_gt(child, 0);
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(status == 0, "%s: xmllint refuses\n%s", name, text);
  free(path);
  scratch_done(&scratch);
}

static json_t *parse(const char *name, const char *text) {
  json_error_t error;
  json_t *root = json_loads(text, 0, &error);
  ck_assert_msg(root != NULL, "%s: %s\n%s", name, error.text, text);
  return root;
}

/* The words about the rules are the same in every case, and the policy's own business. */
static void compare_sarif(const char *name, const char *text) {
  json_t *root = parse(name, text);
  json_t *run = json_array_get(json_object_get(root, "runs"), 0);
  json_t *driver = json_object_get(json_object_get(run, "tool"), "driver");
  ck_assert_uint_gt(json_array_size(json_object_get(driver, "rules")), 0);
  ck_assert_int_eq(json_object_del(driver, "rules"), 0);
  ck_assert_int_eq(json_object_set_new(driver, "version", json_string("VERSION")), 0);
  ck_assert_int_eq(json_object_set_new(driver, "semanticVersion", json_string("VERSION")), 0);
  char *rest = json_dumps(root, JSON_INDENT(2));
  compare(name, "sarif", rest);
  free(rest);
  json_decref(root);
}

static void check_output(const char *name, const char *output, const char *text) {
  if (strcmp(output, "sarif") == 0) {
    compare_sarif(name, text);
    return;
  }
  compare(name, output, text);
  if (strcmp(output, "junit") == 0)
    check_xml(name, text);
  if (strcmp(output, "json") == 0)
    json_decref(parse(name, text));
}

START_TEST(golden_case) {
  const char *name = case_names[_i];
  char folder[128];
  int home = open(".", O_RDONLY | O_DIRECTORY);
  (void)snprintf(folder, sizeof(folder), "%s/%s", golden_folder, name);
  ck_assert_int_ge(home, 0);
  ck_assert_msg(chdir(folder) == 0, "%s", folder);
  struct arguments arguments;
  read_arguments(&arguments);
  for (size_t i = 0; i < SG_ARRAY_LEN(outputs); i++) {
    arguments.items[arguments.count] = "-o";
    arguments.items[arguments.count + 1] = outputs[i];
    arguments.items[arguments.count + 2] = NULL;
    struct run run = run_command(cli_check, arguments.items);
    check_output(name, outputs[i], run.out);
    if (i == 0) {
      CLEANUP_BUF struct buf err;
      buf_init(&err, TEXT_MAX);
      buf_printf(&err, "%sexit code %d\n", run.err, run.code);
      compare(name, "stderr", err.ptr);
    }
    run_done(&run);
  }
  buf_done(&arguments.text);
  ck_assert_int_eq(fchdir(home), 0);
  (void)close(home);
}
END_TEST

START_TEST(there_are_cases) {
  ck_assert_int_gt(case_count, 0);
}
END_TEST

TCase *tcase_golden(void) {
  TCase *tcase = tcase_create("golden");
  list_cases();
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, there_are_cases);
  tcase_add_loop_test(tcase, golden_case, 0, case_count);
  return tcase;
}

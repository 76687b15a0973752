/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/golden/check/<case>/: manifests, `args` (one argument a line), and what `slicegate
 * check` must print for each output: expected.text, .json, .junit, .sarif, .github, with the
 * exit code and the error stream in expected.stderr. UPDATE=1 (make golden) rewrites them;
 * the diff is for review. The command runs in the case's folder, so that names in the
 * outputs are the same everywhere.
 */
#include "src/cli/cli_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/golden.h"
#include "tests/unit/cli/run.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const outputs[] = {"text", "json", "junit", "sarif", "github"};

static struct golden golden;

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
  golden_compare(name, "sarif", rest);
  free(rest);
  json_decref(root);
}

static void check_output(const char *name, const char *output, const char *text) {
  if (strcmp(output, "sarif") == 0) {
    compare_sarif(name, text);
    return;
  }
  golden_compare(name, output, text);
  if (strcmp(output, "junit") == 0)
    check_xml(name, text);
  if (strcmp(output, "json") == 0)
    json_decref(parse(name, text));
}

START_TEST(golden_case) {
  const char *name = golden.names[_i];
  struct golden_arguments arguments;
  int home = golden_enter(&golden, _i, &arguments);
  for (size_t i = 0; i < SG_ARRAY_LEN(outputs); i++) {
    arguments.items[arguments.count] = "-o";
    arguments.items[arguments.count + 1] = outputs[i];
    arguments.items[arguments.count + 2] = NULL;
    struct run run = run_command(cli_check, arguments.items);
    check_output(name, outputs[i], run.out);
    if (i == 0) {
      CLEANUP_BUF struct buf err;
      buf_init(&err, GOLDEN_TEXT_MAX);
      buf_printf(&err, "%sexit code %d\n", run.err, run.code);
      golden_compare(name, "stderr", err.ptr);
    }
    run_done(&run);
  }
  golden_leave(home, &arguments);
}
END_TEST

START_TEST(there_are_cases) {
  ck_assert_int_gt(golden.count, 0);
}
END_TEST

TCase *tcase_golden(void) {
  TCase *tcase = tcase_create("golden");
  golden_list(&golden, "tests/golden/check");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, there_are_cases);
  tcase_add_loop_test(tcase, golden_case, 0, golden.count);
  return tcase;
}

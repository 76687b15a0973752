/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/check.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct scratch folder;
static struct check_report report;
static struct check_inputs inputs;

static void setup(void) {
  folder = scratch_new();
  check_report_init(&report);
}

static void teardown(void) {
  check_inputs_done(&inputs);
  check_report_done(&report);
  scratch_done(&folder);
}

static void write_file(const char *name) {
  free(scratch_write(&folder, name, "a: b\n"));
}

static void find(const char *name) {
  const char *names[] = {name};
  check_inputs_find(names, 1, &report, &inputs);
}

/* The names that were found, below the folder, one a line. */
static void assert_found(const char *expected) {
  CLEANUP_BUF struct buf found;
  buf_init(&found, 65536);
  for (size_t i = 0; i < inputs.count; i++) {
    struct str shown = inputs.items[i].shown;
    ck_assert(str_starts_with(shown, str_of(folder.path)));
    buf_append_str(&found, str_skip(shown, strlen(folder.path) + 1));
    buf_append_char(&found, '\n');
  }
  ck_assert_str_eq(found.ptr ? found.ptr : "", expected);
}

START_TEST(folders_are_walked_in_order) {
  write_file("b.yaml");
  write_file("a.yml");
  write_file("c.json");
  write_file("deep/er/x.yaml");
  write_file("B.yaml");
  find(folder.path);
  assert_found("B.yaml\na.yml\nb.yaml\nc.json\ndeep/er/x.yaml\n");
  ck_assert_uint_eq(report.problem_count, 0);
  ck_assert(!inputs.items[0].is_named);
}
END_TEST

START_TEST(only_manifests_and_nothing_hidden) {
  write_file("a.yaml");
  write_file("README.md");
  write_file("values.yaml.gotmpl");
  write_file(".hidden.yaml");
  write_file(".git/config.yaml");
  find(folder.path);
  assert_found("a.yaml\n");
}
END_TEST

START_TEST(a_named_file_needs_no_ending) {
  char *path = scratch_write(&folder, "manifest", "a: b\n");
  find(path);
  assert_found("manifest\n");
  ck_assert(inputs.items[0].is_named);
  free(path);
}
END_TEST

START_TEST(a_slash_at_the_end_changes_nothing) {
  char path[128];
  write_file("a.yaml");
  (void)snprintf(path, sizeof(path), "%s//", folder.path);
  find(path);
  assert_found("a.yaml\n");
}
END_TEST

START_TEST(loops_of_links_end) {
  char from[128], to[128];
  write_file("sub/a.yaml");
  (void)snprintf(from, sizeof(from), "%s/sub/again", folder.path);
  ck_assert_int_eq(symlink("..", from), 0);
  (void)snprintf(to, sizeof(to), "%s/z-link", folder.path);
  ck_assert_int_eq(symlink("sub", to), 0);
  find(folder.path);
  assert_found("sub/a.yaml\n"); /* once, though three ways lead there */
  ck_assert_uint_eq(report.problem_count, 0);
}
END_TEST

/* A ConfigMap mount: the files are links into a hidden folder. */
START_TEST(links_to_files_are_followed) {
  char link[128];
  write_file("..data/policy.yaml");
  (void)snprintf(link, sizeof(link), "%s/policy.yaml", folder.path);
  ck_assert_int_eq(symlink("..data/policy.yaml", link), 0);
  find(folder.path);
  assert_found("policy.yaml\n");
}
END_TEST

START_TEST(a_broken_link_to_a_manifest_is_a_problem) {
  char link[128];
  write_file("a.yaml");
  (void)snprintf(link, sizeof(link), "%s/gone.yaml", folder.path);
  ck_assert_int_eq(symlink("nowhere", link), 0);
  (void)snprintf(link, sizeof(link), "%s/gone.txt", folder.path);
  ck_assert_int_eq(symlink("nowhere", link), 0);
  find(folder.path);
  assert_found("a.yaml\n");
  ck_assert_uint_eq(report.problem_count, 1);
  ck_assert(str_ends_with(report.problems[0].file, STR_LIT("gone.yaml")));
}
END_TEST

/* Reading one would wait for ever. */
START_TEST(pipes_in_folders_are_not_read) {
  char pipe_path[128];
  write_file("a.yaml");
  (void)snprintf(pipe_path, sizeof(pipe_path), "%s/pipe.yaml", folder.path);
  ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
  find(folder.path);
  assert_found("a.yaml\n");
}
END_TEST

START_TEST(a_folder_without_manifests_is_a_problem) {
  write_file("README.md");
  find(folder.path);
  ck_assert_uint_eq(inputs.count, 0);
  ck_assert_uint_eq(report.problem_count, 1);
  ck_assert(str_starts_with(report.problems[0].message, STR_LIT("no manifest")));
}
END_TEST

START_TEST(what_is_not_there_is_a_problem) {
  find("/nonexistent/a.yaml");
  ck_assert_uint_eq(report.problem_count, 1);
  ck_assert(str_is(report.problems[0].message, "No such file or directory"));
}
END_TEST

START_TEST(standard_input_is_read_once) {
  const char *names[] = {"-", "-"};
  check_inputs_find(names, 2, &report, &inputs);
  ck_assert_uint_eq(inputs.count, 1);
  ck_assert_ptr_null(inputs.items[0].path);
  ck_assert(str_is(inputs.items[0].shown, "<stdin>"));
}
END_TEST

START_TEST(names_are_made_fit_to_print) {
  char *path = scratch_write(&folder, "a\033[31m\xff.yaml", "a: b\n");
  find(path);
  assert_found("a?[31m?.yaml\n");
  ck_assert_str_eq(inputs.items[0].path, path); /* opened by its own name */
  free(path);
}
END_TEST

TCase *tcase_inputs(void) {
  TCase *tcase = tcase_create("inputs");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, folders_are_walked_in_order);
  tcase_add_test(tcase, only_manifests_and_nothing_hidden);
  tcase_add_test(tcase, a_named_file_needs_no_ending);
  tcase_add_test(tcase, a_slash_at_the_end_changes_nothing);
  tcase_add_test(tcase, loops_of_links_end);
  tcase_add_test(tcase, links_to_files_are_followed);
  tcase_add_test(tcase, a_broken_link_to_a_manifest_is_a_problem);
  tcase_add_test(tcase, pipes_in_folders_are_not_read);
  tcase_add_test(tcase, a_folder_without_manifests_is_a_problem);
  tcase_add_test(tcase, what_is_not_there_is_a_problem);
  tcase_add_test(tcase, standard_input_is_read_once);
  tcase_add_test(tcase, names_are_made_fit_to_print);
  return tcase;
}

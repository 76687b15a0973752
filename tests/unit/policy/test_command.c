/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `slicegate policy` as a user sees it. Every folder of tests/golden/policy-test holds
 * cases.yaml and what the command says of it: output, errors, exit code.
 */
#include "policy_suite.h"
#include "src/cli/cli_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define CASES "tests/golden/policy-test"

struct run {
  char *out, *err;
  int code;
};

/* Runs `slicegate policy ARGUMENTS...`; NULL ends them. */
static struct run run(char **arguments) {
  struct run ran = {NULL, NULL, -1};
  size_t out_size, err_size;
  FILE *out = open_memstream(&ran.out, &out_size);
  FILE *err = open_memstream(&ran.err, &err_size);
  ck_assert(out && err);
  char *argv[8] = {"policy"};
  int argc = 1;
  for (; arguments[argc - 1]; argc++)
    argv[argc] = arguments[argc - 1];
  ran.code = cli_policy(argc, argv, out, err);
  fclose(out);
  fclose(err);
  return ran;
}

static void run_done(struct run *ran) {
  free(ran->out);
  free(ran->err);
}

START_TEST(cases_print_what_they_should) {
  struct folders folders = folders_list(CASES);
  size_t wrong = 0;
  for (size_t i = 0; i < folders.count; i++) {
    char path[512], output[512];
    snprintf(path, sizeof(path), CASES "/%s/cases.yaml", folders.names[i]);
    snprintf(output, sizeof(output), CASES "/%s/output", folders.names[i]);
    struct run ran = run((char *[]){"test", path, NULL});
    CLEANUP_BUF struct buf text;
    buf_init(&text, 1 << 20);
    buf_printf(&text, "%s--- errors\n%s--- exit code %d\n", ran.out, ran.err, ran.code);
    wrong += !golden_equal(output, text.ptr);
    run_done(&ran);
  }
  folders_done(&folders);
  ck_assert_msg(wrong == 0, "%zu cases differ", wrong);
}
END_TEST

START_TEST(the_example_policy_passes_its_cases) {
  struct run ran = run((char *[]){"test", "deploy/examples/policy-cases.yaml", NULL});
  ck_assert_msg(ran.code == EXIT_OK, "%s%s", ran.out, ran.err);
  ck_assert_ptr_nonnull(strstr(ran.out, " 0 failed\n"));
  run_done(&ran);
}
END_TEST

static const struct {
  const char *arguments[4];
  int code;
  const char *out, *err; /* parts */
} rows[] = {
    {{"explain", "lifetime"}, 0, "lifetime", ""},
    {{"explain", "match"}, 0, "podServiceAccounts", ""},
    {{"explain"}, 0, "host-balance", ""},
    {{"explain", "--builtin"}, 0, "kind: GPUPolicy", ""},
    {{"explain", "--policy", "deploy/examples/policy.yaml"}, 0, "here: deny, default: off", ""},
    {{"explain", "lifetme"}, 2, "", "did you mean \"lifetime\"?"},
    {{"explain", "a", "b"}, 2, "", "one rule at a time"},
    {{"explain", "--polcy", "x"}, 2, "", "policy"},
    {{"explain", "--policy", "/nonexistent.yaml"}, 2, "", "/nonexistent.yaml"},
    {{"explain", "--help"}, 0, "slicegate policy explain [RULE|match|spec]", ""},
    {{"test"}, 2, "", "no file to test"},
    {{"test", "/nonexistent.yaml"}, 2, "0 cases", "/nonexistent.yaml"},
    {{"test", "--help"}, 0, "GPUPolicyTest", ""},
    {{"tset"}, 2, "", "did you mean \"test\"?"},
    {{"--help"}, 0, "slicegate policy test FILE...", ""},
    {{NULL}, 2, "", "Usage: slicegate policy"},
};

START_TEST(command_lines) {
  char *arguments[5] = {NULL};
  for (size_t i = 0; i < 4 && rows[_i].arguments[i]; i++)
    arguments[i] = (char *)rows[_i].arguments[i];
  struct run ran = run(arguments);
  ck_assert_msg(ran.code == rows[_i].code, "exit code %d\n%s%s", ran.code, ran.out, ran.err);
  ck_assert_msg(strstr(ran.out, rows[_i].out) != NULL, "output:\n%s", ran.out);
  ck_assert_msg(strstr(ran.err, rows[_i].err) != NULL, "errors:\n%s", ran.err);
  if (rows[_i].code == 0)
    ck_assert_str_eq(ran.err, "");
  run_done(&ran);
}
END_TEST

TCase *case_command(void) {
  TCase *tcase = tcase_create("command");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, cases_print_what_they_should);
  tcase_add_test(tcase, the_example_policy_passes_its_cases);
  tcase_add_loop_test(tcase, command_lines, 0, SG_ARRAY_LEN(rows));
  return tcase;
}

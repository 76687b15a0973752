/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cli_internal.h"
#include "src/cli/help.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include "slicegate/base.h"

static const struct {
  const char *arguments[4];
  int code;
  const char *out, *err; /* parts of what is written */
} calls[] = {
    {{NULL}, 2, "", "Commands:"},
    {{"--help"}, 0, "Commands:", ""},
    {{"-h"}, 0, "Commands:", ""},
    {{"help"}, 0, "webhook-config", ""},
    {{"help", "check"}, 0, "Usage: slicegate check", ""},
    {{"help", "policy", "explain"}, 0, "Usage: slicegate policy explain", ""},
    {{"help", "help"}, 0, "Commands:", ""},
    {{"help", "chekc"}, 2, "", "unknown command \"chekc\", did you mean \"check\"?"},
    {{"chekc"}, 2, "", "unknown command \"chekc\", did you mean \"check\"?"},
    {{"zzz"}, 2, "", "unknown command \"zzz\"\n"},
    {{"--policy"}, 2, "", "unknown command \"--policy\""},
    {{"version"}, 0, "slicegate " SLICEGATE_VERSION "\n", ""},
    {{"--version"}, 0, "slicegate " SLICEGATE_VERSION "\n", ""},
    {{"version", "--help"}, 0, "Usage: slicegate version", ""},
    {{"version", "please"}, 2, "", "unexpected argument \"please\""},
    {{"check", "--help"}, 0, "Usage: slicegate check", ""},
    {{"webhook-config", "--help"}, 0, "Usage: slicegate webhook-config", ""},
    {{"serve", "--help"}, 0, "Usage: slicegate serve", ""},
    {{"certs", "issue", "--help"}, 0, "Usage: slicegate certs issue", ""},
};

START_TEST(commands_are_found) {
  struct run run = run_command(cli_run, calls[_i].arguments);
  assert_code(&run, calls[_i].code);
  assert_contains(run.out, calls[_i].out);
  assert_contains(run.err, calls[_i].err);
  /* Help that was asked for is output; complaints are not. */
  if (calls[_i].code == 0)
    ck_assert_str_eq(run.err, "");
  else
    ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

START_TEST(the_overview_fits_a_terminal) {
  struct run run = RUN(cli_run, "help");
  for (const char *line = run.out; *line;) {
    size_t len = strcspn(line, "\n");
    ck_assert_msg(len <= HELP_WIDTH, "%.*s", (int)len, line);
    line += len + (line[len] == '\n');
  }
  run_done(&run);
}
END_TEST

TCase *tcase_commands(void) {
  TCase *tcase = tcase_create("commands");
  tcase_add_loop_test(tcase, commands_are_found, 0, SG_ARRAY_LEN(calls));
  tcase_add_test(tcase, the_overview_fits_a_terminal);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cli_internal.h"
#include "src/cli/help.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include "slicegate/base.h"

#include <unistd.h>

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
    {{"simulate", "--help"}, 0, "Usage: slicegate simulate SUITE", ""},
    {{"serve", "--help"}, 0, "Usage: slicegate serve", ""},
    {{"serve", "--kubeconfig=x"}, 2, "", "are for a live cluster: add --live"},
    {{"serve", "--extender-listen=:1"}, 2, "", "the extender needs a cluster"},
    {{"serve", "--live", "--cluster=x"}, 2, "", "give one of them"},
    {{"serve", "--extender-plain-http"}, 2, "", "need --extender-listen"},
    {{"serve", "--live", "--pod-name=x"}, 2, "", "add --lease-name"},
    {{"serve", "--live", "--scheduler-name="}, 2, "", "--scheduler-name is empty"},
    {{"serve", "--live", "--hami"}, 2, "", "needs --extender-listen"},
    {{"serve", "--live", "--extender-best=3"}, 2, "", "needs --extender-listen"},
    {{"serve", "--live", "--nominate-nodes=5"}, 2, "", "needs --live and --extender-listen"},
    {{"certs", "issue", "--help"}, 0, "Usage: slicegate certs issue", ""},
    {{"certs", "issue"}, 2, "", "or --client NAME"},
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

/* ---- certs issue ------------------------------------------------------------------------ */

static const struct {
  const char *name, *days, *ca_days, *ip;
  const char *error; /* NULL: issued */
} issues[] = {
    {"up to the CA's end", "100", "100", "127.0.0.1", NULL},
    {"beyond the CA's end", "400", "100", "127.0.0.1",
     "slicegate: a certificate of 400 days would outlive its CA, which is valid for 100 more days"},
    {"beyond the end of a CA by default", "5000", "3650", "127.0.0.1", "3650 more days"},
    {"no address", "10", "100", "nowhere", "'nowhere' is no IP address"},
};

START_TEST(a_failed_issue_leaves_nothing) {
  struct scratch folder = scratch_new();
  char dir[128];
  (void)snprintf(dir, sizeof(dir), "%s/certs", folder.path);
  struct run run = RUN(cli_certs, "issue", "--dir", dir, "--ip", issues[_i].ip, "--days",
                       issues[_i].days, "--ca-days", issues[_i].ca_days);
  assert_code(&run, issues[_i].error ? 2 : 0);
  assert_contains(run.err, issues[_i].error ? issues[_i].error : "");
  ck_assert_msg((access(dir, F_OK) == 0) == !issues[_i].error, "%s: the directory",
                issues[_i].name);
  run_done(&run);
  scratch_done(&folder);
}
END_TEST

/* A directory that was there stays, empty as it is. */
START_TEST(a_failed_issue_removes_nothing_else) {
  struct scratch folder = scratch_new();
  struct run run = RUN(cli_certs, "issue", "--dir", folder.path, "--ip", "nowhere");
  assert_code(&run, 2);
  ck_assert_int_eq(access(folder.path, F_OK), 0);
  run_done(&run);
  scratch_done(&folder);
}
END_TEST

START_TEST(a_client_and_a_server_are_not_one) {
  struct scratch folder = scratch_new();
  struct run run = RUN(cli_certs, "issue", "--dir", folder.path, "--ip", "::1", "--client", "me");
  assert_code(&run, 2);
  assert_contains(run.err, "either at least one --dns NAME or --ip ADDRESS, or --client NAME");
  run_done(&run);
  scratch_done(&folder);
}
END_TEST

/* The second command of the two that kube-scheduler needs, and what it is taken for at first. */
START_TEST(a_client_of_the_same_ca) {
  struct scratch folder = scratch_new();
  struct run server = RUN(cli_certs, "issue", "--dir", folder.path, "--ip", "::1");
  assert_code(&server, 0);
  struct run hasty = RUN(cli_certs, "issue", "--dir", folder.path, "--client", "kube-scheduler");
  assert_code(&hasty, 2);
  assert_contains(hasty.err, "--reuse-ca signs with the CA that is there");
  struct run client =
      RUN(cli_certs, "issue", "--dir", folder.path, "--client", "kube-scheduler", "--reuse-ca");
  assert_code(&client, 0);
  assert_contains(client.out, "wrote client.crt and client.key to ");
  run_done(&server);
  run_done(&hasty);
  run_done(&client);
  scratch_done(&folder);
}
END_TEST

TCase *tcase_commands(void) {
  TCase *tcase = tcase_create("commands");
  tcase_add_loop_test(tcase, commands_are_found, 0, SG_ARRAY_LEN(calls));
  tcase_add_test(tcase, the_overview_fits_a_terminal);
  tcase_add_loop_test(tcase, a_failed_issue_leaves_nothing, 0, SG_ARRAY_LEN(issues));
  tcase_add_test(tcase, a_failed_issue_removes_nothing_else);
  tcase_add_test(tcase, a_client_and_a_server_are_not_one);
  tcase_add_test(tcase, a_client_of_the_same_ca);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cli_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/run.h"

#include <stdlib.h>

/* A command whose flags show what was read. */
static int show(int argc, char **argv, FILE *out, FILE *err) {
  CLEANUP_FLAG_LIST struct flag_list files = {0};
  CLEANUP_FLAG_LIST struct flag_list rest = {0};
  const char *policy = "-";
  bool strict = false, verbose = false;
  int64_t timeout = 3;
  const struct flag flags[] = {
      {.name = "file",
       .letter = 'f',
       .type = FLAG_LIST,
       .argument = "FILE",
       .help = "a",
       .value = &files},
      {.name = "policy", .type = FLAG_STRING, .argument = "FILE", .help = "b", .value = &policy},
      {.name = "strict", .type = FLAG_BOOL, .help = "c", .value = &strict},
      {.name = "verbose", .letter = 'v', .type = FLAG_BOOL, .help = "d", .value = &verbose},
      {.name = "timeout",
       .type = FLAG_INT,
       .argument = "SECONDS",
       .help = "e",
       .value = &timeout,
       .minimum = 1,
       .maximum = 30},
  };
  static const struct command_help help = {
      .usage = "show [flags]", .summary = "Shows.", .examples = "show -f a"};
  enum flags_result result =
      flags_parse(argc, argv, flags, SG_ARRAY_LEN(flags), &help, &rest, out, err);
  if (result != FLAGS_OK)
    return result == FLAGS_HELP_SHOWN ? 0 : 2;
  (void)fprintf(out, "policy=%s strict=%d verbose=%d timeout=%d files=", policy, strict, verbose,
                (int)timeout);
  for (size_t i = 0; i < files.count; i++)
    (void)fprintf(out, "%s,", files.items[i]);
  (void)fputs(" rest=", out);
  for (size_t i = 0; i < rest.count; i++)
    (void)fprintf(out, "%s,", rest.items[i]);
  return 0;
}

static const struct {
  const char *name;
  const char *arguments[8];
  const char *expected;
} accepted[] = {
    {"nothing", {NULL}, "policy=- strict=0 verbose=0 timeout=3 files= rest="},
    {"a value of its own", {"--policy", "p"}, "policy=p strict=0 verbose=0 timeout=3 files= rest="},
    {"a value behind =", {"--policy=p=q"}, "policy=p=q strict=0 verbose=0 timeout=3 files= rest="},
    {"an empty value", {"--policy="}, "policy= strict=0 verbose=0 timeout=3 files= rest="},
    {"the last one counts",
     {"--policy", "a", "--policy", "b"},
     "policy=b strict=0 verbose=0 timeout=3 files= rest="},
    {"a list",
     {"-f", "a", "--file", "b", "-fc"},
     "policy=- strict=0 verbose=0 timeout=3 files=a,b,c, rest="},
    {"letters together", {"-vf", "a"}, "policy=- strict=0 verbose=1 timeout=3 files=a, rest="},
    {"a letter and =", {"-f=a"}, "policy=- strict=0 verbose=0 timeout=3 files=a, rest="},
    {"a boolean that is said",
     {"--strict=false", "--verbose=true"},
     "policy=- strict=0 verbose=1 timeout=3 files= rest="},
    {"standard input is no flag",
     {"-", "a"},
     "policy=- strict=0 verbose=0 timeout=3 files= rest=-,a,"},
    {"flags end",
     {"--strict", "--", "--policy", "-f"},
     "policy=- strict=1 verbose=0 timeout=3 files= rest=--policy,-f,"},
    {"a value that looks like a flag",
     {"-f", "-"},
     "policy=- strict=0 verbose=0 timeout=3 files=-, rest="},
    {"a number", {"--timeout", "30"}, "policy=- strict=0 verbose=0 timeout=30 files= rest="},
};

START_TEST(reads_flags) {
  struct run run = run_command(show, accepted[_i].arguments);
  assert_code(&run, 0);
  ck_assert_msg(strcmp(run.out, accepted[_i].expected) == 0, "%s: %s", accepted[_i].name, run.out);
  run_done(&run);
}
END_TEST

static const struct {
  const char *arguments[4];
  const char *message;
} refused[] = {
    {{"--polcy", "p"}, "unknown flag --polcy, did you mean --policy?"},
    {{"--polcy=p"}, "unknown flag --polcy, did you mean --policy?"},
    {{"--zzzzzzzz"}, "unknown flag --zzzzzzzz\n"},
    {{"--hepl"}, "did you mean --help?"},
    {{"-x"}, "unknown flag -x\n"},
    {{"--policy"}, "--policy needs a value: --policy FILE"},
    {{"-f"}, "-f needs a value: -f FILE"},
    {{"--strict=maybe"}, "--strict is true or false, not \"maybe\""},
    {{"--timeout", "0"}, "--timeout is a whole number from 1 to 30, not \"0\""},
    {{"--timeout", "31"}, "not \"31\""},
    {{"--timeout", "3s"}, "not \"3s\""},
    {{"--timeout", "99999999999999999999"}, "whole number"},
};

START_TEST(refuses_what_it_does_not_know) {
  struct run run = run_command(show, refused[_i].arguments);
  assert_code(&run, 2);
  assert_contains(run.err, refused[_i].message);
  assert_contains(run.err, "usage: show [flags]");
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

static int no_rest(int argc, char **argv, FILE *out, FILE *err) {
  static const struct command_help help = {.usage = "no_rest", .summary = "No."};
  return flags_parse(argc, argv, NULL, 0, &help, NULL, out, err) == FLAGS_OK ? 0 : 2;
}

START_TEST(names_an_argument_that_nobody_wants) {
  struct run run = RUN(no_rest, "file.yaml");
  assert_code(&run, 2);
  assert_contains(run.err, "unexpected argument \"file.yaml\"");
  run_done(&run);
}
END_TEST

TCase *tcase_flags(void) {
  TCase *tcase = tcase_create("flags");
  tcase_add_loop_test(tcase, reads_flags, 0, SG_ARRAY_LEN(accepted));
  tcase_add_loop_test(tcase, refuses_what_it_does_not_know, 0, SG_ARRAY_LEN(refused));
  tcase_add_test(tcase, names_an_argument_that_nobody_wants);
  return tcase;
}

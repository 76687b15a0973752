/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command in this process and keeps what it wrote. */
#ifndef SLICEGATE_TESTS_CLI_RUN_H
#define SLICEGATE_TESTS_CLI_RUN_H

#include <stddef.h>
#include <stdio.h>

typedef int command_fn(int argc, char **argv, FILE *out, FILE *err);

struct run {
  int code;
  char *out, *err; /* NUL-terminated; run_done frees */
};

/* `arguments` are those behind the command's name, NULL at the end. */
struct run run_command(command_fn *command, const char *const *arguments);
#define RUN(command, ...) run_command((command), (const char *const[]){__VA_ARGS__, NULL})
void run_done(struct run *run);

/* The exit code, with everything that was written in the message when it differs. */
void assert_code(const struct run *run, int code);
void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

/* A folder of this test's own, with files in it; removed by scratch_done. */
struct scratch {
  char path[64];
};
struct scratch scratch_new(void);
void scratch_done(struct scratch *scratch);
/* Folders on the way are made. Returns the file's path; free() it. */
char *scratch_write(const struct scratch *scratch, const char *name, const char *text);
char *scratch_write_bytes(const struct scratch *scratch, const char *name, const void *bytes,
                          size_t len);

#endif

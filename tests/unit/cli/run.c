/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cli/run.h"

#include "slicegate/base.h"

#include <check.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct run run_command(command_fn *command, const char *const *arguments) {
  struct run run = {0};
  size_t out_size, err_size;
  int argc = 1;
  while (arguments[argc - 1])
    argc++;
  char **argv = mem_zalloc(((size_t)argc + 1) * sizeof(*argv));
  argv[0] = mem_strndup("command", strlen("command"));
  for (int i = 1; i < argc; i++)
    argv[i] = mem_strndup(arguments[i - 1], strlen(arguments[i - 1]));
  FILE *out = open_memstream(&run.out, &out_size);
  FILE *err = open_memstream(&run.err, &err_size);
  ck_assert_ptr_nonnull(out);
  ck_assert_ptr_nonnull(err);
  run.code = command(argc, argv, out, err);
  ck_assert_int_eq(fclose(out), 0);
  ck_assert_int_eq(fclose(err), 0);
  for (int i = 0; i < argc; i++)
    free(argv[i]);
  free(argv);
  return run;
}

void run_done(struct run *run) {
  free(run->out);
  free(run->err);
  *run = (struct run){0};
}

void assert_code(const struct run *run, int code) {
  ck_assert_msg(run->code == code, "exit code %d, not %d\n--- out\n%s\n--- err\n%s", run->code,
                code, run->out, run->err);
}

void assert_contains(const char *text, const char *part) {
  ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in:\n%.3000s", part, text);
}

void assert_lacks(const char *text, const char *part) {
  ck_assert_msg(strstr(text, part) == NULL, "\"%s\" is in:\n%.3000s", part, text);
}

/* ---- files --------------------------------------------------------------------------- */

struct scratch scratch_new(void) {
  struct scratch scratch = {"/tmp/slicegate-cli-XXXXXX"};
  ck_assert_ptr_nonnull(mkdtemp(scratch.path));
  return scratch;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st;
  (void)type;
  (void)at;
  return remove(path);
}

void scratch_done(struct scratch *scratch) {
  ck_assert_int_eq(nftw(scratch->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

char *scratch_write_bytes(const struct scratch *scratch, const char *name, const void *bytes,
                          size_t len) {
  char path[512];
  (void)snprintf(path, sizeof(path), "%s/%s", scratch->path, name);
  for (char *slash = path + strlen(scratch->path) + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = '\0';
    (void)mkdir(path, 0700);
    *slash = '/';
  }
  FILE *file = fopen(path, "wb");
  ck_assert_msg(file != NULL, "cannot write %s", path);
  ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
  ck_assert_int_eq(fclose(file), 0);
  return mem_strndup(path, strlen(path));
}

char *scratch_write(const struct scratch *scratch, const char *name, const char *text) {
  return scratch_write_bytes(scratch, name, text, strlen(text));
}

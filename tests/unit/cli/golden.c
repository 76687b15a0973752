/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cli/golden.h"

#include "slicegate/sys.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_name(const void *a, const void *b) {
  return strcmp(a, b);
}

void golden_list(struct golden *golden, const char *folder) {
  DIR *dir = opendir(folder);
  struct dirent *entry;
  *golden = (struct golden){.folder = folder};
  while (dir && (entry = readdir(dir))) {
    if (strchr(entry->d_name, '.') || golden->count == GOLDEN_CASES_MAX)
      continue;
    (void)snprintf(golden->names[golden->count++], sizeof(golden->names[0]), "%.63s",
                   entry->d_name);
  }
  if (dir)
    (void)closedir(dir);
  qsort(golden->names, (size_t)golden->count, sizeof(golden->names[0]), by_name);
}

static void read_arguments(struct golden_arguments *ret) {
  struct err err = {0};
  *ret = (struct golden_arguments){0};
  ck_assert_msg(sys_file_read("args", GOLDEN_TEXT_MAX, &ret->text, &err), "%s", err.text);
  for (char *line = ret->text.ptr; line && *line;) {
    char *end = strchr(line, '\n');
    if (end)
      *end = '\0';
    ck_assert_uint_lt(ret->count, GOLDEN_ARGUMENTS_MAX - 3);
    if (*line)
      ret->items[ret->count++] = line;
    line = end ? end + 1 : NULL;
  }
}

int golden_enter(const struct golden *golden, int index, struct golden_arguments *ret) {
  char path[160];
  int home = open(".", O_RDONLY | O_DIRECTORY);
  (void)snprintf(path, sizeof(path), "%s/%s", golden->folder, golden->names[index]);
  ck_assert_int_ge(home, 0);
  ck_assert_msg(chdir(path) == 0, "%s", path);
  read_arguments(ret);
  return home;
}

void golden_leave(int home, struct golden_arguments *arguments) {
  buf_done(&arguments->text);
  ck_assert_int_eq(fchdir(home), 0);
  (void)close(home);
}

static bool is_updating(void) {
  const char *update = getenv("UPDATE");
  return update && strcmp(update, "1") == 0;
}

void golden_compare(const char *name, const char *kind, const char *text) {
  char path[64];
  struct err err = {0};
  (void)snprintf(path, sizeof(path), "expected.%s", kind);
  if (is_updating()) {
    ck_assert_msg(sys_file_write(path, str_of(text), 0644, &err), "%s", err.text);
    return;
  }
  CLEANUP_BUF struct buf expected = {0};
  ck_assert_msg(sys_file_read(path, GOLDEN_TEXT_MAX, &expected, &err), "%s: %s; UPDATE=1 makes it",
                name, err.text);
  const char *wanted = expected.ptr ? expected.ptr : "";
  ck_assert_msg(strcmp(wanted, text) == 0,
                "%s/%s differs; UPDATE=1 rewrites it\n--- expected\n%s\n--- found\n%s", name, path,
                wanted, text);
}

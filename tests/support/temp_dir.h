/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for one test, removed with what is in it (one level). */
#ifndef SLICEGATE_TESTS_TEMP_DIR_H
#define SLICEGATE_TESTS_TEMP_DIR_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct temp_dir {
  char path[256];
};

static inline struct temp_dir temp_dir_make(void) {
  struct temp_dir dir;
  const char *base = getenv("TMPDIR");
  (void)snprintf(dir.path, sizeof(dir.path), "%s/slicegate-test-XXXXXX", base ? base : "/tmp");
  ck_assert_ptr_nonnull(mkdtemp(dir.path));
  return dir;
}

struct temp_path {
  char text[512];
};

static inline struct temp_path temp_path(const struct temp_dir *dir, const char *name) {
  struct temp_path path;
  (void)snprintf(path.text, sizeof(path.text), "%s/%s", dir->path, name);
  return path;
}

static inline void temp_dir_remove(struct temp_dir *dir) {
  DIR *stream = opendir(dir->path);
  struct dirent *entry;
  while (stream && (entry = readdir(stream))) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    struct temp_path path = temp_path(dir, entry->d_name);
    if (unlink(path.text) != 0)
      (void)rmdir(path.text);
  }
  if (stream)
    (void)closedir(stream);
  (void)rmdir(dir->path);
}

static inline void temp_write(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_ge(fputs(text, file), 0);
  ck_assert_int_eq(fclose(file), 0);
}

#endif

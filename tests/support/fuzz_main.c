/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target on every file of the folders and files that it is given: the corpus
 * as an ordinary test, with no fuzzing engine present.
 */
#include "tests/support/fuzz_main.h"

#include "slicegate/base.h"
#include "slicegate/sys.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_MAX = 16 << 20 };

static bool run_file(const char *path) {
  struct buf bytes;
  struct err err;
  if (!sys_file_read(path, INPUT_MAX, &bytes, &err)) {
    fprintf(stderr, "%s\n", err.text);
    return false;
  }
  LLVMFuzzerTestOneInput((const uint8_t *)(bytes.ptr ? bytes.ptr : ""), bytes.len);
  buf_done(&bytes);
  return true;
}

static size_t run_folder(const char *path) {
  size_t count = 0;
  DIR *dir = opendir(path);
  if (!dir) {
    perror(path);
    return 0;
  }
  for (struct dirent *entry; (entry = readdir(dir));) {
    char file[4096];
    if (entry->d_name[0] == '.')
      continue;
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    count += run_file(file);
  }
  closedir(dir);
  return count;
}

int main(int argc, char **argv) {
  size_t count = 0;
  for (int i = 1; i < argc; i++) {
    struct stat status;
    bool is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
    count += is_folder ? run_folder(argv[i]) : run_file(argv[i]);
  }
  printf("%zu inputs\n", count);
  return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The program. What it does is in commands.c. */
#include "src/cli/cli_internal.h"

#include <jansson.h>

int main(int argc, char **argv) {
  /* Before any thread: jansson would otherwise seed its tables at their first use. */
  json_object_seed(0);
  int code = cli_run(argc, argv, stdout, stderr);
  /* A verdict that was not written whole must not look like one. */
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("slicegate: cannot write to standard output");
    return EXIT_UNUSABLE;
  }
  return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of golden cases: `args`, one argument a line, and expectations that UPDATE=1 rewrites. */
#ifndef SLICEGATE_TESTS_CLI_GOLDEN_H
#define SLICEGATE_TESTS_CLI_GOLDEN_H

#include "slicegate/base.h"

#include <stddef.h>

enum { GOLDEN_CASES_MAX = 256, GOLDEN_ARGUMENTS_MAX = 32, GOLDEN_TEXT_MAX = 4 << 20 };

struct golden {
  const char *folder;
  char names[GOLDEN_CASES_MAX][64]; /* sorted */
  int count;
};
/* Loop tests need their number when the suite is made. */
void golden_list(struct golden *golden, const char *folder);

struct golden_arguments {
  struct buf text;
  const char *items[GOLDEN_ARGUMENTS_MAX]; /* NULL behind the last; there is room for two more */
  size_t count;
};
/* Goes into the case's folder, so that names in outputs are the same everywhere, and reads its
 * arguments. Returns what golden_leave needs to go back. */
int golden_enter(const struct golden *golden, int index, struct golden_arguments *ret);
void golden_leave(int home, struct golden_arguments *arguments);

/* The text against the file expected.<kind>. */
void golden_compare(const char *name, const char *kind, const char *text);

#endif

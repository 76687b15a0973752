/* SPDX-License-Identifier: Apache-2.0 */
/* Output for people, in which names from files and clusters stand. */
#include "src/cli/cli_internal.h"

void cli_print_lines(struct str text, FILE *out) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  while (text.len) {
    struct str line = {text.ptr, str_find_char(text, '\n')};
    bool has_end = line.len < text.len;
    text = str_skip(text, line.len + (has_end ? 1 : 0));
    line = str_printable(arena, line, SIZE_MAX);
    (void)fwrite(line.ptr ? line.ptr : "", 1, line.len, out);
    if (has_end)
      (void)fputc('\n', out);
    arena_reset(arena);
  }
}

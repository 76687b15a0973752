/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of help texts. */
#ifndef SLICEGATE_CLI_HELP_H
#define SLICEGATE_CLI_HELP_H

#include "src/cli/cli_internal.h"

/* Columns that help texts are wrapped at. */
enum { HELP_WIDTH = 92 };

/* Usage, summary, flags, examples of one command. */
void help_print_command(const struct command_help *help, const struct flag *flags,
                        size_t flag_count, FILE *out);

/*
 * Words of `text` wrapped at HELP_WIDTH, every line but the first indented by `indent`;
 * `column` is where the first line already stands. A newline in the text starts a line.
 */
void help_wrap(struct str text, size_t column, size_t indent, FILE *out);

#endif

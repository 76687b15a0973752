/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON with jansson: shared by the outputs of this folder. */
#ifndef SLICEGATE_CLI_OUTPUT_JSON_H
#define SLICEGATE_CLI_OUTPUT_JSON_H

#include "slicegate/base.h"
#include "slicegate/explain.h"

#include <jansson.h>
#include <stdio.h>

/* A string value. The text is UTF-8: everything in a report has been made so. */
json_t *output_json_text(struct str text);
void output_json_set_count(json_t *object, const char *key, uint64_t count);
/* Nodes by the reason for which they are closed. */
json_t *output_json_groups(const struct explain_group *groups, size_t count);
/* Keys in the order they were set, two blanks a level, a newline at the end. */
void output_json_write(const json_t *value, FILE *out);
void output_json_append(const json_t *value, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader in steps, for who does not want all of a text as one tree. */
#ifndef SLICEGATE_DOC_JSON_H
#define SLICEGATE_DOC_JSON_H

#include "doc_internal.h"

struct json_parser {
  const char *at, *end;
  const char *line_start;
  uint32_t line;
  struct arena *arena;
  const struct doc_limits *limits;
  size_t nodes;
  unsigned depth;
  struct doc_pair *stack; /* open children; items of sequences use only .value */
  size_t stack_len, stack_cap;
  struct doc_problems *problems; /* NULL: duplicate keys are not looked for */
  struct err *err;
};

void json_parser_init(struct json_parser *p, struct arena *arena, struct str text,
                      const struct doc_limits *limits, struct err *err);
void json_parser_done(struct json_parser *p);

/* These skip white space first. */
bool json_is_next(struct json_parser *p, char c);
bool json_is_at_end(struct json_parser *p);
/* A whole value, of at most limits->max_nodes. */
bool json_read_value(struct json_parser *p, struct doc_node *ret);
/* A key and the colon behind it. */
bool json_read_key(struct json_parser *p, struct doc_pair *ret);
/* Behind a value in a list (']') or mapping ('}'): whether another one follows. */
bool json_read_separator(struct json_parser *p, char close, bool *ret_more);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the readers of this module only. */
#ifndef SLICEGATE_DOC_INTERNAL_H
#define SLICEGATE_DOC_INTERNAL_H

#include "slicegate/doc.h"

/* ERR_LIMIT when the text is larger than the limits allow. */
bool doc_check_size(struct str text, const struct doc_limits *limits,
                    struct err *reterr) SG_MUST_CHECK;

/* Without a byte order mark in front. */
struct str doc_without_bom(struct str text);
bool doc_looks_like_json(struct str text);

/* Writes one code point (<= 0x10ffff, no surrogate) to out[0..3]; the number of bytes. */
size_t utf8_encode(uint32_t code, char *out);

/* Duplicate keys, gathered while reading; at most 100 are kept. */
struct doc_problems {
  struct doc_problem *items;
  size_t count, cap;
};
void doc_note_duplicates(struct doc_problems *problems, struct arena *arena,
                         const struct doc_pair *pairs, size_t count);
/* Copies them to the stream, in the order of the text. */
void doc_problems_take(struct doc_problems *problems, struct arena *arena, struct doc_stream *ret);
void doc_problems_done(struct doc_problems *problems);

/* JSON values one behind the other, as kubectl takes them; on failure *ret holds those before. */
bool doc_parse_json_stream(struct arena *arena, struct str text, const struct doc_limits *limits,
                           struct doc_stream *ret, struct err *reterr) SG_MUST_CHECK;

/* Gives a plain YAML scalar (kind DOC_STRING, text set) the kind it resolves to, and an integer
 * its decimal text. */
void yaml_resolve_plain(struct arena *arena, struct doc_node *node);

#endif

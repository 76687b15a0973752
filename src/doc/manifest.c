/* SPDX-License-Identifier: Apache-2.0 */
#include "doc_internal.h"

static bool looks_like_json(struct str text) {
  size_t i = 0;
  while (i < text.len && strchr(" \t\r\n", text.ptr[i]) && text.ptr[i])
    i++;
  return i < text.len && (text.ptr[i] == '{' || text.ptr[i] == '[');
}

bool doc_parse_manifest(struct arena *arena, struct str text, const struct doc_limits *limits,
                        struct doc_stream *ret, struct err *reterr) {
  static const char bom[] = "\xef\xbb\xbf";
  if (str_starts_with(text, str_of(bom)))
    text = str_skip(text, sizeof(bom) - 1);
  if (!looks_like_json(text))
    return doc_parse_yaml(arena, text, limits, ret, reterr);
  struct err json_err;
  if (doc_parse_json_stream(arena, text, limits, ret, &json_err))
    return true;
  struct err yaml_err;
  if (json_err.code != ERR_LIMIT && doc_parse_yaml(arena, text, limits, ret, &yaml_err))
    return true;
  *reterr = json_err.code == ERR_LIMIT || yaml_err.line <= json_err.line ? json_err : yaml_err;
  return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "doc_internal.h"

static size_t skip_space(struct str text, size_t at) {
  while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' || text.ptr[at] == '\r' ||
                           text.ptr[at] == '\n'))
    at++;
  return at;
}

struct str doc_without_bom(struct str text) {
  static const char bom[] = "\xef\xbb\xbf";
  return str_starts_with(text, str_of(bom)) ? str_skip(text, sizeof(bom) - 1) : text;
}

/* '{' and a quoted key: nearly always JSON, now and then flow YAML. */
bool doc_looks_like_json(struct str text) {
  size_t at = skip_space(text, 0);
  if (at == text.len || text.ptr[at] != '{')
    return false;
  at = skip_space(text, at + 1);
  return at < text.len && (text.ptr[at] == '"' || text.ptr[at] == '}');
}

bool doc_parse_manifest(struct arena *arena, struct str text, const struct doc_limits *limits,
                        struct doc_stream *ret, struct err *reterr) {
  text = doc_without_bom(text);
  if (!doc_looks_like_json(text))
    return doc_parse_yaml(arena, text, limits, ret, reterr);
  if (doc_parse_json_stream(arena, text, limits, ret, reterr))
    return true;
  if (reterr->code == ERR_LIMIT)
    return false;
  struct err ignored;
  struct doc_stream stream;
  bool is_yaml = doc_parse_yaml(arena, text, limits, &stream, &ignored);
  if (is_yaml || stream.count > ret->count)
    *ret = stream;
  return is_yaml;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON read in one pass and without a tree, for bodies that are one long list. As strict as the
 * reader of `doc`: the property suite compares the two.
 */
#ifndef SLICEGATE_WIRE_JSON_SCAN_H
#define SLICEGATE_WIRE_JSON_SCAN_H

#include "json_text.h"

struct json_scan {
  const char *start, *at, *end;
  struct arena *arena; /* for strings that have to be unescaped */
  unsigned depth;
  struct err *err;
};

void json_scan_init(struct json_scan *s, struct arena *arena, struct str text, struct err *err);
/* Fails with the line and column of `at`; the text is counted through only then. */
bool json_scan_fail(struct json_scan *s, const char *at, enum err_code code, const char *fmt, ...)
    SG_PRINTF(4, 5);

/* The first byte of the next value, behind white space; 0 at the end of the text. */
static inline char json_scan_peek(struct json_scan *s) {
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
    s->at++;
  return s->at < s->end ? *s->at : '\0';
}
/* What begins there: "a string", "a list", ... for messages; NULL: nothing that JSON has. */
const char *json_scan_kind(struct json_scan *s);

/* A value of any kind, checked and left behind; its text. */
bool json_scan_skip(struct json_scan *s, struct str *ret_text) SG_MUST_CHECK;
bool json_scan_string_slow(struct json_scan *s, struct str *ret) SG_MUST_CHECK;
/* The caller has peeked '"'. A view where nothing had to be unescaped. */
SG_MUST_CHECK static inline bool json_scan_string(struct json_scan *s, struct str *ret) {
  struct str rest = {s->at + 1, (size_t)(s->end - s->at) - 1};
  size_t plain = wire_json_plain_len(rest);
  if (plain == rest.len || rest.ptr[plain] != '"')
    return json_scan_string_slow(s, ret);
  *ret = (struct str){rest.ptr, plain};
  s->at = rest.ptr + plain + 1;
  return true;
}
/* `null` is taken when it is there. The caller has peeked 'n'. */
bool json_scan_null(struct json_scan *s) SG_MUST_CHECK;

/*
 * The caller has peeked '[' or '{':
 *   for (ok = open(s, &more); ok && more; ok = next(s, ']', &more)) ...
 */
bool json_scan_open(struct json_scan *s, bool *ret_more) SG_MUST_CHECK;
bool json_scan_next_slow(struct json_scan *s, char close, bool *ret_more) SG_MUST_CHECK;
SG_MUST_CHECK static inline bool json_scan_next(struct json_scan *s, char close, bool *ret_more) {
  if (s->at == s->end || *s->at != ',')
    return json_scan_next_slow(s, close, ret_more);
  s->at++;
  *ret_more = true;
  return true;
}
/* A key and the colon behind it. */
bool json_scan_key(struct json_scan *s, struct str *ret) SG_MUST_CHECK;
/* Nothing but white space is left. */
bool json_scan_end(struct json_scan *s) SG_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Status objects: why the server says no. */
#include "kube_internal.h"
#include "src/kube/protobuf.h"

static const struct doc_limits status_limits = {FAILURE_MAX_BYTES, 32, 5000};

static enum err_code code_of(unsigned status) {
  if (status == 404)
    return ERR_NOT_FOUND;
  if (status == 409)
    return ERR_EXISTS;
  if (status == 429 || status >= 500 || status < 400)
    return ERR_UNAVAILABLE;
  return ERR_INVALID;
}

/* Text of an answer that is no Status (a proxy's page), on one line. */
static struct str plain_text(struct arena *arena, struct str body) {
  enum { SHOWN_MAX = 200 };
  struct str text =
      str_copy(arena, body.len > SHOWN_MAX ? (struct str){body.ptr, SHOWN_MAX} : body);
  char *bytes = (char *)text.ptr;
  for (size_t i = 0; i < text.len; i++) {
    if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
      bytes[i] = ' ';
  }
  while (text.len > 0 && text.ptr[text.len - 1] == ' ')
    text.len--;
  return text;
}

bool status_error(unsigned status, struct str body, char reason[64], struct err *reterr) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  CLEANUP_BUF struct buf json;
  buf_init(&json, FAILURE_MAX_BYTES);
  const struct doc_node *root = NULL;
  struct err ignored;
  struct str why = {0}, message = {0};
  if (proto_is_object(body))
    body = proto_object_json(body, &json, &ignored) ? buf_str(&json) : (struct str){0};
  if (doc_parse_json(arena, body, &status_limits, &root, &ignored) &&
      str_is(doc_text_at(root, "kind"), "Status")) {
    why = doc_text_at(root, "reason");
    message = plain_text(arena, doc_text_at(root, "message"));
  }
  if (message.len == 0)
    message = plain_text(arena, body);
  if (reason) {
    size_t length = why.len < 63 ? why.len : 63;
    memcpy(reason, why.len > 0 ? why.ptr : "", length);
    reason[length] = '\0';
  }
  return err_set(reterr, code_of(status), "%u%s%.*s%s%.*s", status, why.len > 0 ? " " : "",
                 STR_FMT(why), message.len > 0 ? ": " : "", STR_FMT(message));
}

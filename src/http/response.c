/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers fill, and its way into libmicrohttpd. */
#include "http_internal.h"

#include <assert.h>
#include <stdlib.h>

void http_response_static(struct http_response *response, unsigned status, const char *content_type,
                          struct str body) {
  buf_clear(&response->body);
  response->status = status;
  response->content_type = content_type;
  response->static_body = body;
}

void http_response_header(struct http_response *response, const char *name, const char *value) {
  size_t i = 0;
  while (i < HTTP_RESPONSE_HEADERS_MAX && response->headers[i].name)
    i++;
  assert(i < HTTP_RESPONSE_HEADERS_MAX);
  response->headers[i].name = name;
  response->headers[i].value = value;
}

void http_response_aside(struct http_response *response) {
  response->is_for_aside = true;
}

/* The inside of a JSON string. Bytes from 0x80 are let through: our own texts are UTF-8. */
static void append_json(struct buf *out, const char *text) {
  for (const char *c = text; *c; c++) {
    if (*c == '"' || *c == '\\')
      buf_printf(out, "\\%c", *c);
    else if ((unsigned char)*c < 0x20)
      buf_printf(out, "\\u%04x", (unsigned)*c);
    else
      buf_append_char(out, *c);
  }
}

void http_response_error(struct http_response *response, unsigned status, const char *fmt, ...) {
  struct err err;
  va_list args;
  struct buf text;
  buf_init(&text, sizeof(err.text));
  va_start(args, fmt);
  buf_vprintf(&text, fmt, args);
  va_end(args);
  buf_clear(&response->body);
  response->status = status;
  response->content_type = "application/json";
  response->static_body = (struct str){0};
  buf_append_cstr(&response->body, "{\"error\":\"");
  append_json(&response->body, text.ptr ? text.ptr : "");
  buf_append_cstr(&response->body, "\"}\n");
  buf_done(&text);
}

void response_allow(unsigned methods, struct buf *out) {
  static const struct {
    unsigned method;
    const char *name;
  } names[] = {{HTTP_GET, "GET, HEAD"},
               {HTTP_POST, "POST"},
               {HTTP_PUT, "PUT"},
               {HTTP_PATCH, "PATCH"},
               {HTTP_DELETE, "DELETE"}};
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++) {
    if (methods & names[i].method)
      buf_printf(out, "%s%s", out->len ? ", " : "", names[i].name);
  }
}

static struct MHD_Response *make_response(struct http_response *response) {
  if (response->static_body.ptr)
    return MHD_create_response_from_buffer(response->static_body.len,
                                           (void *)(uintptr_t)response->static_body.ptr,
                                           MHD_RESPMEM_PERSISTENT);
  size_t len = response->body.len;
  if (len == 0)
    return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
  char *owned = buf_take(&response->body);
  struct MHD_Response *made = MHD_create_response_from_buffer(len, owned, MHD_RESPMEM_MUST_FREE);
  if (!made)
    free(owned);
  return made;
}

enum MHD_Result response_queue(struct MHD_Connection *mhd, struct http_response *response,
                               unsigned allow, bool must_close) {
  struct MHD_Response *made = make_response(response);
  buf_done(&response->body);
  if (!made)
    return MHD_NO;
  (void)MHD_add_response_header(made, "Content-Type", response->content_type);
  for (size_t i = 0; i < HTTP_RESPONSE_HEADERS_MAX && response->headers[i].name; i++)
    (void)MHD_add_response_header(made, response->headers[i].name, response->headers[i].value);
  if (allow) {
    struct buf text;
    buf_init(&text, 64);
    response_allow(allow, &text);
    (void)MHD_add_response_header(made, "Allow", text.ptr);
    buf_done(&text);
  }
  if (must_close)
    (void)MHD_add_response_header(made, "Connection", "close");
  enum MHD_Result result = MHD_queue_response(mhd, response->status, made);
  MHD_destroy_response(made); /* libmicrohttpd keeps its own reference */
  return result;
}

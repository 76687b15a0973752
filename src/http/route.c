/* SPDX-License-Identifier: Apache-2.0 */
/* What a request's header alone decides. */
#include "http_internal.h"

#include <stdlib.h>
#include <strings.h>

void routes_init(struct http_server *server, const struct http_config *config) {
  server->route_count = config->route_count;
  server->routes = mem_zalloc(config->route_count * sizeof(*server->routes));
  for (size_t i = 0; i < config->route_count; i++) {
    struct route *route = &server->routes[i];
    route->def = config->routes[i];
    struct str path = str_of(route->def.path);
    if (route->def.max_body_bytes == 0)
      route->def.max_body_bytes = HTTP_BODY_MAX_BYTES;
    if (str_ends_with(path, STR_LIT("/*")))
      route->prefix_len = path.len - 1;
  }
}

static bool route_matches(const struct route *route, struct str path) {
  if (route->prefix_len == 0)
    return str_is(path, route->def.path);
  return str_starts_with(path, (struct str){route->def.path, route->prefix_len});
}

static unsigned method_of(const char *name) {
  static const struct {
    const char *name;
    unsigned method;
  } methods[] = {{"POST", HTTP_POST}, {"GET", HTTP_GET},     {"HEAD", HTTP_GET},
                 {"PUT", HTTP_PUT},   {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}};
  for (size_t i = 0; i < SG_ARRAY_LEN(methods); i++) {
    if (strcmp(name, methods[i].name) == 0)
      return methods[i].method;
  }
  return 0;
}

/* More specific: exact before prefix, long prefix before short. */
static size_t specificity(const struct route *route) {
  return route->prefix_len == 0 ? SIZE_MAX : route->prefix_len;
}

/* The route, or NULL: then *ret_allow has the methods that the path does take. */
static const struct route *route_find(const struct http_server *server, const char *method,
                                      const char *path, unsigned *ret_allow) {
  unsigned wanted = method_of(method);
  const struct route *best = NULL;
  *ret_allow = 0;
  for (size_t i = 0; i < server->route_count; i++) {
    const struct route *route = &server->routes[i];
    if (!route_matches(route, str_of(path)))
      continue;
    *ret_allow |= route->def.methods;
    if ((route->def.methods & wanted) && (!best || specificity(route) > specificity(best)))
      best = route;
  }
  return best;
}

/* What the header says about the body. */
struct framing {
  size_t length_count;
  struct str length;
  size_t coding_count;
  struct str coding;
  struct str content_type;
  bool expects_continue;
};

static bool is_header(const char *key, size_t key_len, const char *name) {
  return strlen(name) == key_len && strncasecmp(key, name, key_len) == 0;
}

static enum MHD_Result scan_header(void *ctx, enum MHD_ValueKind kind, const char *key,
                                   size_t key_len, const char *value, size_t value_len) {
  (void)kind;
  struct framing *framing = ctx;
  struct str text = {value, value ? value_len : 0};
  if (is_header(key, key_len, "Content-Length")) {
    framing->length_count++;
    framing->length = text;
  } else if (is_header(key, key_len, "Transfer-Encoding")) {
    framing->coding_count++;
    framing->coding = text;
  } else if (is_header(key, key_len, "Content-Type")) {
    framing->content_type = text;
  } else if (is_header(key, key_len, "Expect")) {
    framing->expects_continue = text.len == 12 && strncasecmp(text.ptr, "100-continue", 12) == 0;
  }
  return MHD_YES;
}

static bool is_type(struct str value, const char *wanted) {
  size_t end = str_find_char(value, ';');
  while (end > 0 && (value.ptr[end - 1] == ' ' || value.ptr[end - 1] == '\t'))
    end--;
  return end == strlen(wanted) && strncasecmp(value.ptr, wanted, end) == 0;
}

static void refuse(struct exchange *exchange, unsigned status, const char *text) {
  exchange->refusal = status;
  exchange->refusal_text = text;
}

/*
 * Two readings of where a request ends are how requests are smuggled past a proxy:
 * anything but one length or one "chunked" is refused, and the connection ended.
 */
static bool judge_framing(const struct framing *framing, struct exchange *exchange) {
  int64_t length = 0;
  bool is_chunked = framing->coding_count == 1 && framing->coding.len == 7 &&
                    strncasecmp(framing->coding.ptr, "chunked", 7) == 0;
  bool is_clear = framing->length_count + framing->coding_count <= 1 &&
                  (framing->coding_count == 0 || is_chunked) &&
                  (framing->length_count == 0 ||
                   (i64_parse(framing->length, &length) && framing->length.ptr[0] != '-'));
  exchange->body_expected = is_chunked ? SIZE_MAX : (size_t)length;
  if (!is_clear) {
    exchange->must_close = true;
    refuse(exchange, 400, "ambiguous or malformed Content-Length or Transfer-Encoding");
  }
  return is_clear;
}

static void judge_route(const struct http_server *server, const struct framing *framing,
                        struct exchange *exchange) {
  unsigned allow;
  const struct route *route = route_find(server, exchange->method, exchange->path, &allow);
  bool takes_body = strcmp(exchange->method, "POST") == 0 || strcmp(exchange->method, "PUT") == 0 ||
                    strcmp(exchange->method, "PATCH") == 0;
  bool has_length = framing->length_count > 0 || framing->coding_count > 0;
  if (!route && allow) {
    exchange->allow = allow;
    refuse(exchange, 405, "method not allowed here");
  } else if (!route) {
    refuse(exchange, 404, "no such path");
  } else if (takes_body && !has_length) {
    refuse(exchange, 411, "Content-Length is missing");
  } else if ((takes_body || exchange->body_expected > 0) && route->def.content_type &&
             !is_type(framing->content_type, route->def.content_type)) {
    refuse(exchange, 415, "Content-Type not accepted here");
  } else if (exchange->body_expected != SIZE_MAX &&
             exchange->body_expected > route->def.max_body_bytes) {
    refuse(exchange, 413, "body larger than the limit");
  }
  exchange->route = route;
}

bool route_judge(const struct http_server *server, struct MHD_Connection *mhd,
                 struct exchange *exchange) {
  struct framing framing = {0};
  (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, scan_header, &framing);
  if (!judge_framing(&framing, exchange))
    return true;
  judge_route(server, &framing, exchange);
  if (!exchange->refusal)
    return false;
  /*
   * Else the body is read and thrown away, as long as its deadline lets it: answering while
   * the peer is sending, and closing, would reset the connection and the answer with it.
   */
  return exchange->body_expected > 0 && framing.expects_continue;
}

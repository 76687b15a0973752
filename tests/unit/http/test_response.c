/* SPDX-License-Identifier: Apache-2.0 */
#include "src/http/http_internal.h"

#include <check.h>

TCase *tcase_response(void);

static struct http_response fresh(void) {
  struct http_response response = {.status = 200, .content_type = "application/json"};
  buf_init(&response.body, HTTP_RESPONSE_MAX_BYTES);
  return response;
}

static const struct {
  const char *name;
  const char *text;
  const char *body;
} errors[] = {
    {"plain", "no such path", "{\"error\":\"no such path\"}\n"},
    {"quotes and backslashes", "a \"b\" \\", "{\"error\":\"a \\\"b\\\" \\\\\"}\n"},
    {"control characters", "a\nb\x01", "{\"error\":\"a\\u000ab\\u0001\"}\n"},
    {"empty", "", "{\"error\":\"\"}\n"},
    {"UTF-8", "\xc3\xa9", "{\"error\":\"\xc3\xa9\"}\n"},
};

START_TEST(errors_are_json) {
  struct http_response response = fresh();
  buf_append_cstr(&response.body, "what the handler had begun");
  http_response_error(&response, 400, "%s", errors[_i].text);
  ck_assert_uint_eq(response.status, 400);
  ck_assert_str_eq(response.content_type, "application/json");
  ck_assert_msg(strcmp(response.body.ptr, errors[_i].body) == 0, "%s: %s", errors[_i].name,
                response.body.ptr);
  buf_done(&response.body);
}
END_TEST

START_TEST(an_error_replaces_a_static_body_and_back) {
  struct http_response response = fresh();
  http_response_static(&response, 200, "text/html", STR_LIT("<p>"));
  http_response_error(&response, 503, "later");
  ck_assert_ptr_null(response.static_body.ptr);
  http_response_static(&response, 201, "text/html", STR_LIT("<p>"));
  ck_assert_uint_eq(response.status, 201);
  ck_assert_uint_eq(response.body.len, 0);
  ck_assert(str_is(response.static_body, "<p>"));
  buf_done(&response.body);
}
END_TEST

START_TEST(headers_fill_their_places_in_order) {
  struct http_response response = fresh();
  static const char *const names[] = {"A", "B", "C", "D"};
  for (size_t i = 0; i < HTTP_RESPONSE_HEADERS_MAX; i++)
    http_response_header(&response, names[i], "x");
  for (size_t i = 0; i < HTTP_RESPONSE_HEADERS_MAX; i++)
    ck_assert_str_eq(response.headers[i].name, names[i]);
}
END_TEST

static const struct {
  unsigned methods;
  const char *text;
} allows[] = {
    {HTTP_GET, "GET, HEAD"},
    {HTTP_POST, "POST"},
    {HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE,
     "GET, HEAD, POST, PUT, PATCH, DELETE"},
};

START_TEST(methods_are_listed) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 100);
  response_allow(allows[_i].methods, &out);
  ck_assert_str_eq(out.ptr, allows[_i].text);
}
END_TEST

TCase *tcase_response(void) {
  TCase *tc = tcase_create("response");
  tcase_add_loop_test(tc, errors_are_json, 0, (int)SG_ARRAY_LEN(errors));
  tcase_add_test(tc, an_error_replaces_a_static_body_and_back);
  tcase_add_test(tc, headers_fill_their_places_in_order);
  tcase_add_loop_test(tc, methods_are_listed, 0, (int)SG_ARRAY_LEN(allows));
  return tc;
}

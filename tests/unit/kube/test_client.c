/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, and what becomes of them. */
#include "slicegate/sys.h"
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/texts.h"

TCase *tcase_client(void);

static bool call(struct rig *rig, struct kube_request request, struct kube_response *response,
                 struct err *reterr) {
  if (request.path.len == 0)
    request.path = STR_LIT("/api/v1/nodes/n");
  return kube_call(rig->client, &request, response, reterr);
}

START_TEST(sends_and_receives) {
  static const struct {
    enum kube_method method;
    const char *body, *want;
  } rows[] = {
      {KUBE_GET, "", "GET /api/v1/nodes/n HTTP/1.1\r\n"},
      {KUBE_POST, "{\"a\":1}", "POST /api/v1/nodes/n HTTP/1.1\r\n"},
      {KUBE_POST, "", "Content-Length: 0"},
      {KUBE_PUT, "{\"a\":1}", "PUT /api/v1/nodes/n HTTP/1.1\r\n"},
      {KUBE_PATCH, "{\"a\":1}", "PATCH /api/v1/nodes/n HTTP/1.1\r\n"},
      {KUBE_DELETE, "", "DELETE /api/v1/nodes/n HTTP/1.1\r\n"},
      {KUBE_DELETE, "{\"a\":1}", "DELETE /api/v1/nodes/n HTTP/1.1\r\n"},
  };
  const struct api_step steps[] = {
      {.want = rows[_i].want, .status = 201, .body = "{\"b\":2}", .how = API_GZIP | API_CHUNKED}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  struct kube_request request = {.method = rows[_i].method, .body = str_of(rows[_i].body)};
  ck_assert_msg(call(&rig, request, &response, &err), "%s", err.text);
  ck_assert_uint_eq(response.status, 201);
  ck_assert_str_eq(response.body.ptr, "{\"b\":2}");
  const struct api_request *seen = api_server_request(rig.server, 0);
  ck_assert_str_eq(seen->body, rows[_i].body);
  ck_assert_int_eq(strstr(seen->head, "Content-Type: application/json") != NULL, *seen->body != 0);
  ck_assert_ptr_null(strstr(seen->head, "Expect"));
  rig_stop(&rig);
}
END_TEST

START_TEST(keeps_connections) {
  static const struct api_step steps[] = {
      {.body = "{}"}, {.status = 404, .body = "{}"}, {.body = ""}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  for (size_t i = 0; i < SG_ARRAY_LEN(steps); i++) {
    CLEANUP_KUBE_RESPONSE struct kube_response response;
    ck_assert_int_eq(call(&rig, (struct kube_request){.timeout_ms = 5000}, &response, &err),
                     i != 1);
  }
  ck_assert_uint_eq(api_server_connections(rig.server), 1);
  rig_stop(&rig);
}
END_TEST

/* Servers close idle connections, and that may cross a request. */
START_TEST(a_kept_connection_that_is_closed_is_no_failure) {
  static const unsigned how[] = {API_NO_ANSWER | API_CUT, API_NO_ANSWER | API_RESET};
  const struct api_step steps[] = {{.body = "{}"}, {.how = how[_i]}, {.body = "{}"}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  for (int i = 0; i < 2; i++) {
    CLEANUP_KUBE_RESPONSE struct kube_response response;
    ck_assert_msg(call(&rig, (struct kube_request){.timeout_ms = 5000}, &response, &err), "%s",
                  err.text);
  }
  ck_assert_uint_eq(api_server_count(rig.server), 3);
  rig_stop(&rig);
}
END_TEST

static const struct {
  unsigned status;
  const char *body;
  enum err_code code;
  const char *reason, *text;
} refusals[] = {
    {404, STATUS(404, "NotFound", "nodes n not found"), ERR_NOT_FOUND, "NotFound",
     "404 NotFound: nodes n not found"},
    {409, STATUS(409, "Conflict", "try again"), ERR_EXISTS, "Conflict", "409 Conflict: try again"},
    {410, STATUS(410, "Gone", "too old"), ERR_INVALID, "Gone", "410 Gone: too old"},
    {403, STATUS(403, "Forbidden", "no\\nway"), ERR_INVALID, "Forbidden", "403 Forbidden: no way"},
    {422, STATUS(422, "Invalid", "x"), ERR_INVALID, "Invalid", "422 Invalid: x"},
    {500, STATUS(500, "InternalError", "x"), ERR_UNAVAILABLE, "InternalError",
     "500 InternalError: x"},
    {502, "<html>\r\nbad gateway</html>\n", ERR_UNAVAILABLE, "", "502: <html>  bad gateway</html>"},
    {503, "", ERR_UNAVAILABLE, "", "503"},
    {429, "{}", ERR_UNAVAILABLE, "", "429: {}"},
    {301, "", ERR_UNAVAILABLE, "", "301"}, /* not followed: the token is for this server */
};

START_TEST(statuses_are_errors) {
  const struct api_step steps[] = {{.status = refusals[_i].status,
                                    .header = "Location: http://127.0.0.1:1/\r\n",
                                    .body = refusals[_i].body}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  ck_assert(!call(&rig, (struct kube_request){.timeout_ms = 5000}, &response, &err));
  ck_assert_uint_eq(response.status, refusals[_i].status);
  ck_assert_str_eq(response.reason, refusals[_i].reason);
  ck_assert_int_eq(err.code, refusals[_i].code);
  ck_assert_str_eq(err.text, refusals[_i].text);
  ck_assert_uint_eq(api_server_count(rig.server), 1);
  rig_stop(&rig);
}
END_TEST

START_TEST(comes_back_when_asked_to) {
  static const struct api_step steps[] = {
      {.status = 429, .header = "Retry-After: 1\r\n", .body = STATUS(429, "TooManyRequests", "x")},
      {.status = 503, .header = "retry-after: 0\r\n", .body = "{}"},
      {.body = "{\"a\":1}"}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  struct sys_mono began = sys_mono_now();
  struct kube_request request = {.method = KUBE_POST, .body = STR_LIT("{}")};
  ck_assert_msg(call(&rig, request, &response, &err), "%s", err.text);
  ck_assert_str_eq(response.body.ptr, "{\"a\":1}");
  ck_assert_int_ge(sys_mono_us_between(began, sys_mono_now()), 1000000);
  rig_stop(&rig);
}
END_TEST

START_TEST(does_not_come_back_too_late) {
  static const struct api_step steps[] = {
      {.status = 429, .header = "Retry-After: 3600\r\n", .body = "{}"}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  ck_assert(!call(&rig, (struct kube_request){.timeout_ms = 5000}, &response, &err));
  ck_assert_int_eq(response.retry_after_ms, 3600000);
  ck_assert_uint_eq(response.status, 429);
  rig_stop(&rig);
}
END_TEST

START_TEST(answers_have_a_largest_size) {
  static const struct api_step rows[] = {{.body = "{\"a\":1}", .how = API_CHUNKED | API_REPEAT},
                                         {.body = "{\"a\":\"0123456789\"}", .how = API_GZIP}};
  struct rig rig;
  struct err err;
  rig_start(&rig, &rows[_i], 1);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  ck_assert(!call(&rig, (struct kube_request){.max_bytes = 16}, &response, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  ck_assert_str_eq(err.text, "the answer is longer than 16 bytes");
  rig_stop(&rig);
}
END_TEST

/* The body of a refusal has no end either; only its start is kept. */
START_TEST(refusals_without_end_are_cut_off_by_time) {
  static const struct api_step steps[] = {
      {.status = 500, .body = "0123456789", .how = API_CHUNKED | API_REPEAT}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  ck_assert(!call(&rig, (struct kube_request){.timeout_ms = 300}, &response, &err));
  ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
  rig_stop(&rig);
}
END_TEST

static const unsigned silent[] = {API_NO_ANSWER | API_HANG,
                                  API_NO_ANSWER | API_RESET,
                                  API_NO_ANSWER | API_CUT,
                                  API_HANG,
                                  API_RESET,
                                  API_CUT,
                                  API_CHUNKED | API_HANG,
                                  API_CHUNKED | API_CUT};

START_TEST(no_answer_is_an_error_in_time) {
  const struct api_step steps[] = {{.body = "{\"a\":1}", .how = silent[_i]}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  struct kube_request request = {.method = KUBE_POST, .body = STR_LIT("{}"), .timeout_ms = 300};
  ck_assert(!call(&rig, request, &response, &err));
  ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
  ck_assert_uint_eq(api_server_count(rig.server), 1); /* nobody knows whether it was done */
  rig_stop(&rig);
}
END_TEST

static void *raise_soon(void *stop) {
  (void)usleep(50000);
  kube_stop_raise(stop);
  return NULL;
}

START_TEST(calls_are_stopped) {
  static const struct api_step rows[] = {
      {.how = API_NO_ANSWER | API_HANG},
      {.status = 429, .header = "Retry-After: 20\r\n", .body = "{}"},
  };
  struct rig rig;
  struct err err;
  pthread_t thread;
  rig_start(&rig, &rows[_i], 1);
  struct kube_stop *stop = kube_stop_new(&err);
  CLEANUP_KUBE_RESPONSE struct kube_response response;
  ck_assert(!kube_stop_is_raised(stop));
  ck_assert_int_eq(pthread_create(&thread, NULL, raise_soon, stop), 0);
  struct sys_mono began = sys_mono_now();
  ck_assert(!call(&rig, (struct kube_request){.stop = stop}, &response, &err));
  ck_assert_int_lt(sys_mono_us_between(began, sys_mono_now()), 5000000);
  (void)pthread_join(thread, NULL);
  kube_stop_free(stop);
  rig_stop(&rig);
}
END_TEST

START_TEST(paths_must_be_absolute) {
  static const char *const paths[] = {"api/v1", "@evil.example.com/", ":80/"};
  struct rig rig;
  struct err err;
  rig_start(&rig, NULL, 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(paths); i++) {
    CLEANUP_KUBE_RESPONSE struct kube_response response;
    ck_assert(!call(&rig, (struct kube_request){.path = str_of(paths[i])}, &response, &err));
    ck_assert_int_eq(err.code, ERR_INVALID);
  }
  rig_stop(&rig);
}
END_TEST

/* ---- many threads ------------------------------------------------------------------------ */

enum { THREADS = 8, CALLS = 20 };

static void *call_often(void *arg) {
  struct rig *rig = arg;
  intptr_t answered = 0;
  for (int i = 0; i < CALLS; i++) {
    struct err err;
    CLEANUP_KUBE_RESPONSE struct kube_response response;
    answered += call(rig, (struct kube_request){.timeout_ms = 10000}, &response, &err);
  }
  return (void *)answered;
}

START_TEST(many_threads_call_at_once) {
  static struct api_step steps[THREADS * CALLS];
  for (size_t i = 0; i < SG_ARRAY_LEN(steps); i++)
    steps[i].body = "{}";
  struct rig rig;
  pthread_t threads[THREADS];
  RIG(rig, steps);
  for (int i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, &rig), 0);
  for (int i = 0; i < THREADS; i++) {
    void *answered;
    (void)pthread_join(threads[i], &answered);
    ck_assert_int_eq((intptr_t)answered, CALLS);
  }
  ck_assert_uint_le(api_server_connections(rig.server), THREADS);
  rig_stop(&rig);
}
END_TEST

TCase *tcase_client(void) {
  TCase *tc = tcase_create("client");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_set_timeout(tc, 60);
  tcase_add_loop_test(tc, sends_and_receives, 0, 7);
  tcase_add_test(tc, keeps_connections);
  tcase_add_loop_test(tc, a_kept_connection_that_is_closed_is_no_failure, 0, 2);
  tcase_add_loop_test(tc, statuses_are_errors, 0, (int)SG_ARRAY_LEN(refusals));
  tcase_add_test(tc, comes_back_when_asked_to);
  tcase_add_test(tc, does_not_come_back_too_late);
  tcase_add_loop_test(tc, answers_have_a_largest_size, 0, 2);
  tcase_add_test(tc, refusals_without_end_are_cut_off_by_time);
  tcase_add_loop_test(tc, no_answer_is_an_error_in_time, 0, (int)SG_ARRAY_LEN(silent));
  tcase_add_loop_test(tc, calls_are_stopped, 0, 2);
  tcase_add_test(tc, paths_must_be_absolute);
  tcase_add_test(tc, many_threads_call_at_once);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/explain over HTTP: who may ask, what is answered, and when it is not. */
#include "src/cli/serve_api.h"

#include "slicegate/sys.h"
#include "src/cli/cli_internal.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/live_lab.h"
#include "tests/unit/cli/run.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>

enum { ANSWER_MAX = 64 << 10 };

static struct live_lab lab;
static struct api_door door;
static struct http_server *server;
static char answer[ANSWER_MAX];

/* Knows the tokens "reader" and "guest"; the first may read what it should. */
static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  (void)ctx;
  const char *body = request->body;
  *ret = (struct api_step){.status = 201, .body = "{\"status\":{\"authenticated\":false}}"};
  if (strstr(body, "\"kind\":\"SubjectAccessReview\"")) {
    bool is_right = strstr(body, "\"path\":\"/slicegate/api/v1/explain\"") != NULL;
    bool is_reader = strstr(body, "\"user\":\"reader\"") != NULL;
    ret->body = is_right && is_reader ? "{\"status\":{\"allowed\":true}}"
                                      : "{\"status\":{\"allowed\":false}}";
  } else if (strstr(body, "\"token\":\"reader\"")) {
    ret->body = "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"reader\"}}}";
  } else if (strstr(body, "\"token\":\"guest\"")) {
    ret->body = "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"guest\"}}}";
  } else if (strstr(body, "\"token\":\"down\"")) {
    *ret = (struct api_step){.status = 500, .body = "{\"kind\":\"Status\"}"};
  }
  return true;
}

static void begin(void) {
  const struct http_route routes[] = {
      {HTTP_GET, API_EXPLAIN, serve_explain, &door, 0, NULL, HTTP_NEVER_WAITS}};
  const struct http_config config = {.address = "127.0.0.1",
                                     .plain_http = true,
                                     .threads = 1,
                                     .routes = routes,
                                     .route_count = SG_ARRAY_LEN(routes)};
  struct err err = {0};
  server = http_server_start(&config, &err);
  ck_assert_msg(server != NULL, "%s", err.text);
}

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  live_lab_init(&lab, decide, NULL);
  live_lab_put_pod(&lab, "has", "a", "1");
  live_lab_put_pod(&lab, "wants", NULL, "1");
  door = (struct api_door){.explain = explain_live_new(lab.live)};
  door.auth = api_auth_new(&(struct api_auth_config){.client = live_client(lab.live)});
  begin();
}

static void teardown(void) {
  http_server_stop(server);
  api_auth_free(door.auth);
  explain_live_free(door.explain);
  live_lab_done(&lab);
}

/* The status; the whole answer is in `answer`. */
static int get(const char *query, const char *token) {
  char request[1024];
  size_t len = 0;
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons(http_server_port(server)),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
  (void)snprintf(request, sizeof(request),
                 "GET /api/v1/explain%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s%s%s\r\n",
                 query, token ? "Authorization: Bearer " : "", token ? token : "",
                 token ? "\r\n" : "");
  ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
  for (ssize_t got; (got = recv(fd, answer + len, ANSWER_MAX - 1 - len, 0)) > 0;)
    len += (size_t)got;
  answer[len] = '\0';
  (void)close(fd);
  ck_assert_uint_gt(len, 12);
  return (int)strtol(answer + 9, NULL, 10);
}

static const struct {
  const char *query, *token;
  int status;
  const char *says;
} rows[] = {
    {"?namespace=ml&pod=wants", "reader", 200, "\"state\": \"waits\""},
    {"?namespace=ml&pod=has", "reader", 200, "\"state\": \"placed\""},
    {"?namespace=ml&pod=wants", NULL, 401, "WWW-Authenticate: Bearer"},
    {"?namespace=ml&pod=wants", "nobody", 401, "does not know this token"},
    {"?namespace=ml&pod=wants", "guest", 403, "nonResourceURLs: [\\\"/slicegate/api/v1/explain"},
    {"?namespace=ml&pod=wants", "down", 503, "Retry-After: 1"},
    {"", NULL, 401, "Authorization: Bearer TOKEN"}, /* before anything is said of the question */
    {"", "reader", 400, "namespace is missing: GET /api/v1/explain?namespace=NAMESPACE&pod=NAME"},
    {"?namespace=ml", "reader", 400, "pod is missing"},
    {"?namespace=ml&pod=", "reader", 400, "pod is missing"},
    {"?namespace=ml&pod=want", "reader", 404, "no pod ml/want, did you mean ml/wants?"},
    {"?namespace=mm&pod=wants", "reader", 404, "no pod mm/wants, did you mean ml/wants?"},
    {"?namespace=mm&pod=x", "reader", 404, "no pod mm/x; there are no pods in namespace"},
    {"?namespace=mm&pod=x%0a%1b", "reader", 400, "pod is no name: lower case"},
    {"?namespace=D!&pod=p", "reader", 400, "namespace is no name: lower case"},
};

START_TEST(answers_whom_the_cluster_lets) {
  live_lab_sync(&lab);
  int status = get(rows[_i].query, rows[_i].token);
  ck_assert_msg(status == rows[_i].status && strstr(answer, rows[_i].says), "%d: %s", status,
                answer);
  ck_assert_ptr_nonnull(strstr(answer, "Cache-Control: no-store"));
}
END_TEST

START_TEST(names_that_no_object_has_are_refused) {
  CLEANUP_BUF struct buf query;
  buf_init(&query, 1000);
  live_lab_sync(&lab);
  buf_append_cstr(&query, "?namespace=ml&pod=");
  while (query.len < 300)
    buf_append_char(&query, 'x');
  ck_assert_int_eq(get(query.ptr, "reader"), 400);
  ck_assert_ptr_nonnull(strstr(answer, "no name has more than 253"));
}
END_TEST

START_TEST(a_cluster_that_is_not_listed_is_not_answered_for) {
  ck_assert_int_eq(get("?namespace=ml&pod=wants", "reader"), 503);
  ck_assert_ptr_nonnull(strstr(answer, "the cluster has not been listed yet"));
  ck_assert_ptr_nonnull(strstr(answer, "Retry-After: 1"));
  live_lab_sync(&lab);
  ck_assert_int_eq(get("?namespace=ml&pod=wants", "reader"), 200);
}
END_TEST

START_TEST(what_changes_is_seen) {
  live_lab_sync(&lab);
  ck_assert_int_eq(get("?namespace=ml&pod=wants", "reader"), 200);
  ck_assert_ptr_nonnull(strstr(answer, "\"fit\": 0"));
  live_lab_put_node(&lab, "b", "1", NULL);
  const struct timespec age = {.tv_sec = 1, .tv_nsec = 100000000};
  (void)nanosleep(&age, NULL);
  explain_live_tidy(door.explain); /* too early for it */
  ck_assert_int_eq(get("?namespace=ml&pod=wants", "reader"), 200);
  ck_assert_ptr_nonnull(strstr(answer, "\"fit\": 1"));
}
END_TEST

START_TEST(only_so_many_ask_at_a_time) {
  struct explain_view view;
  struct err err = {0};
  live_lab_sync(&lab);
  ck_assert(explain_live_enter(door.explain, 2, &view, &err));
  ck_assert(!explain_live_enter(door.explain, 1, &view, &err));
  ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
  explain_live_leave(door.explain);
  ck_assert(explain_live_enter(door.explain, 1, &view, &err));
  explain_live_leave(door.explain);
}
END_TEST

/* ---- a recording ------------------------------------------------------------------------- */

static const char recording[] = "deploy/examples/what-if/cluster.json";

static void setup_recording(void) {
  struct err err = {0};
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  lab = (struct live_lab){.live = live_new(&(struct live_config){.recording = recording}, &err)};
  ck_assert_msg(lab.live != NULL, "%s", err.text);
  door = (struct api_door){.explain = explain_live_new(lab.live), .is_loopback = true};
  begin();
}

static void teardown_recording(void) {
  http_server_stop(server);
  explain_live_free(door.explain);
  live_free(lab.live);
}

START_TEST(a_recording_is_open_on_loopback) {
  struct run run =
      RUN(cli_explain, "--cluster", recording, "-n", "research", "notebook", "-o", "json");
  ck_assert_int_eq(get("?namespace=research&pod=notebook", NULL), 200);
  const char *body = strstr(answer, "\r\n\r\n");
  ck_assert_ptr_nonnull(body);
  ck_assert_str_eq(body + 4, run.out);
  run_done(&run);
}
END_TEST

START_TEST(a_recording_is_closed_elsewhere) {
  door.is_loopback = false;
  ck_assert_int_eq(get("?namespace=research&pod=notebook", NULL), 403);
  ck_assert_ptr_nonnull(strstr(answer, "--listen 127.0.0.1:PORT"));
}
END_TEST

#define NODE(name) "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":" name "}}"
#define NODES(items) "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" items "]}"

/* What has gone from it is gone; a file that cannot be read leaves what there was. */
START_TEST(a_recording_is_read_again) {
  struct temp_dir dir = temp_dir_make();
  struct temp_path path = temp_path(&dir, "cluster.json");
  struct live_feed feeds[STATE_KINDS];
  struct state_stats stats;
  struct err err = {0};
  temp_write(path.text, NODES(NODE("\"a\"") "," NODE("\"b\"")));
  struct live *live = live_new(&(struct live_config){.recording = path.text}, &err);
  ck_assert_msg(live != NULL, "%s", err.text);
  temp_write(path.text, NODES(NODE("\"b\"")));
  live_reread(live);
  state_get_stats(live_state(live), &stats);
  ck_assert_uint_eq(stats.objects[STATE_NODES], 1);
  ck_assert(state_is_synced(live_state(live)));
  temp_write(path.text, "{");
  live_reread(live);
  live_get_feeds(live, feeds);
  ck_assert_ptr_nonnull(strstr(feeds[STATE_NODES].error, "cluster.json:2:1: "));
  state_get_stats(live_state(live), &stats);
  ck_assert_uint_eq(stats.objects[STATE_NODES], 1);
  temp_write(path.text, NODES(NODE("\"c\"") "," NODE("\"d\"")));
  live_reread(live);
  live_get_feeds(live, feeds);
  ck_assert_str_eq(feeds[STATE_NODES].error, "");
  state_get_stats(live_state(live), &stats);
  ck_assert_uint_eq(stats.objects[STATE_NODES], 2);
  live_free(live);
  temp_dir_remove(&dir);
}
END_TEST

TCase *tcase_serve_api(void) {
  TCase *tcase = tcase_create("serve_api");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, answers_whom_the_cluster_lets, 0, SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, names_that_no_object_has_are_refused);
  tcase_add_test(tcase, a_cluster_that_is_not_listed_is_not_answered_for);
  tcase_add_test(tcase, what_changes_is_seen);
  tcase_add_test(tcase, only_so_many_ask_at_a_time);
  return tcase;
}

TCase *tcase_serve_api_recording(void) {
  TCase *tcase = tcase_create("serve_api_recording");
  tcase_add_checked_fixture(tcase, setup_recording, teardown_recording);
  tcase_add_test(tcase, a_recording_is_open_on_loopback);
  tcase_add_test(tcase, a_recording_is_closed_elsewhere);
  tcase_add_test(tcase, a_recording_is_read_again);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that are shown to an API server: what it says, how long that counts, and crowds. */
#include "src/cli/api_auth.h"

#include "slicegate/sys.h"
#include "tests/support/api_server.h"
#include "tests/support/sleep.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cli/cases.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* A server that knows the tokens "reader" and "guest" and lets user reader read below /api/v1. */
struct world {
  struct api_server *server;
  struct temp_dir dir;
  struct kube_config *config;
  struct kube_client *client;
  struct api_auth *auth;
  atomic_int tokens, accesses; /* reviews */
  atomic_int delay_ms;
  atomic_bool is_down, is_wrong;
};

static struct world w;

static const char *review_token(const char *body) {
  atomic_fetch_add(&w.tokens, 1);
  ck_assert_ptr_nonnull(strstr(body, "\"kind\":\"TokenReview\""));
  if (strstr(body, "\"token\":\"reader\""))
    return "{\"status\":{\"authenticated\":true,\"audiences\":[\"kube\"],\"user\":{\"username\":"
           "\"reader\",\"uid\":\"7\",\"groups\":[\"g\\\"1\",\"g2\"],\"extra\":{\"a/b\":[\"x\"]}}}}";
  if (strstr(body, "\"token\":\"guest\""))
    return "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"guest\"}}}";
  return "{\"status\":{\"authenticated\":false,\"error\":\"no\"}}";
}

static const char *review_access(const char *body) {
  atomic_fetch_add(&w.accesses, 1);
  ck_assert_ptr_nonnull(strstr(body, "\"kind\":\"SubjectAccessReview\""));
  ck_assert_ptr_nonnull(strstr(body, "\"verb\":\"get\"}"));
  if (strstr(body, "\"nonResourceAttributes\":{\"path\":\"/api/v1/explain\"") &&
      strstr(body, "{\"user\":\"reader\",\"uid\":\"7\",\"groups\":[\"g\\\"1\",\"g2\"],\"extra\":{"
                   "\"a/b\":[\"x\"]},"))
    return "{\"status\":{\"allowed\":true}}";
  if (strstr(body, "\"path\":\"/api/v1/denied\""))
    return "{\"status\":{\"allowed\":true,\"denied\":true}}";
  return "{\"status\":{\"allowed\":false}}";
}

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  (void)ctx;
  bool is_token =
      strstr(request->head, "POST /apis/authentication.k8s.io/v1/tokenreviews ") != NULL;
  ck_assert(is_token ||
            strstr(request->head, "POST /apis/authorization.k8s.io/v1/subjectaccessreviews "));
  const char *body = is_token ? review_token(request->body) : review_access(request->body);
  *ret = (struct api_step){.status = 201, .body = body};
  if (atomic_load(&w.is_down))
    *ret = (struct api_step){.status = 500, .body = "{\"kind\":\"Status\"}"};
  if (atomic_load(&w.is_wrong))
    *ret = (struct api_step){.status = 201, .body = "{\"kind\":\"TokenReview\"}"};
  if (atomic_load(&w.delay_ms))
    sleep_for(atomic_load(&w.delay_ms));
  return true;
}

static void setup(void) {
  char text[1024];
  struct err err;
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  memset(&w, 0, sizeof(w));
  w.server = api_server_start_deciding(decide, NULL);
  w.dir = temp_dir_make();
  struct temp_path path = temp_path(&w.dir, "config");
  (void)snprintf(text, sizeof(text),
                 "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                 "contexts:\n- name: c\n  context: {cluster: c, user: u}\n"
                 "clusters:\n- name: c\n  cluster: {server: \"http://127.0.0.1:%u\"}\n"
                 "users:\n- name: u\n  user: {token: our-own}\n",
                 api_server_port(w.server));
  temp_write(path.text, text);
  struct kube_config_request request = {.kubeconfig = path.text};
  struct kube_client_options options = {.seed = 1};
  w.config = kube_config_load(&request, &err);
  ck_assert_msg(w.config != NULL, "%s", err.text);
  w.client = kube_client_new(w.config, &options, &err);
  ck_assert_msg(w.client != NULL, "%s", err.text);
}

static void begin(struct api_auth_config config) {
  config.client = w.client;
  w.auth = api_auth_new(&config);
}

static void teardown(void) {
  api_auth_free(w.auth);
  kube_client_free(w.client);
  kube_config_free(w.config);
  api_server_stop(w.server);
  temp_dir_remove(&w.dir);
}

static struct api_auth_answer check(const char *authorization, const char *path) {
  struct api_auth_answer answer;
  api_auth_check(w.auth, str_of(authorization), str_of(path), "get", &answer);
  return answer;
}

static unsigned status_of(const char *authorization, const char *path) {
  return check(authorization, path).status;
}

static const char explain[] = "/api/v1/explain";

/* ---- who may ----------------------------------------------------------------------------- */

static const struct {
  const char *authorization, *path;
  unsigned status;
  const char *user, *why;
  int reviews;
} rows[] = {
    {"Bearer reader", "/api/v1/explain", 200, "reader", "", 2},
    {"bearer   reader", "/api/v1/explain", 200, "reader", "", 2},
    {"Bearer reader", "/api/v1/other", 403, "reader",
     "user \"reader\" may not get the path /api/v1/other: bind a ClusterRole with "
     "nonResourceURLs: [\"/api/v1/other\"], verbs: [\"get\"]",
     2},
    {"Bearer reader", "/api/v1/denied", 403, "reader", "may not get the path", 2},
    {"Bearer guest", "/api/v1/explain", 403, "guest", "user \"guest\" may not", 2},
    {"Bearer nobody", "/api/v1/explain", 401, "", "does not know this token", 1},
    {"", "/api/v1/explain", 401, "", "send a token of the cluster", 0},
    {"Bearer ", "/api/v1/explain", 401, "", "send a token of the cluster", 0},
    {"Bearer", "/api/v1/explain", 401, "", "send a token of the cluster", 0},
    {"Basic reader", "/api/v1/explain", 401, "", "send a token of the cluster", 0},
    {"Bearer rea der", "/api/v1/explain", 401, "", "send a token of the cluster", 0},
    {"Bearer reader\x01", "/api/v1/explain", 401, "", "send a token of the cluster", 0},
};

START_TEST(asks_the_api_server) {
  begin((struct api_auth_config){0});
  struct api_auth_answer answer = check(rows[_i].authorization, rows[_i].path);
  ck_assert_uint_eq(answer.status, rows[_i].status);
  ck_assert_str_eq(answer.user, rows[_i].user);
  ck_assert_msg(rows[_i].why[0] ? strstr(answer.why, rows[_i].why) != NULL : !answer.why[0], "%s",
                answer.why);
  ck_assert_uint_eq(api_server_count(w.server), (unsigned)rows[_i].reviews);
}
END_TEST

START_TEST(tokens_must_be_for_us) {
  begin((struct api_auth_config){.audience = "kube"});
  ck_assert_uint_eq(status_of("Bearer reader", explain), 200);
  ck_assert_ptr_nonnull(strstr(api_server_request(w.server, 0)->body, "\"audiences\":[\"kube\"]"));
  /* Its review names no audience. */
  ck_assert_uint_eq(status_of("Bearer guest", explain), 401);
  api_auth_free(w.auth);
  begin((struct api_auth_config){.audience = "slicegate"});
  ck_assert_uint_eq(status_of("Bearer reader", explain), 401);
}
END_TEST

START_TEST(what_cannot_be_asked_is_not_allowed) {
  begin((struct api_auth_config){0});
  atomic_store(&w.is_down, true);
  struct api_auth_answer answer = check("Bearer reader", explain);
  ck_assert_uint_eq(answer.status, 503);
  ck_assert_str_eq(answer.why, "the API server cannot be asked who may read this");
  atomic_store(&w.is_down, false);
  atomic_store(&w.is_wrong, true);
  ck_assert_uint_eq(status_of("Bearer reader", explain), 503);
  atomic_store(&w.is_wrong, false);
  ck_assert_uint_eq(status_of("Bearer reader", explain), 200); /* failures are not kept */
}
END_TEST

START_TEST(a_server_that_hangs_takes_the_timeout) {
  begin((struct api_auth_config){.timeout_ms = 200});
  atomic_store(&w.delay_ms, 1000);
  struct sys_mono began = sys_mono_now();
  ck_assert_uint_eq(status_of("Bearer reader", explain), 503);
  int64_t took_ms = sys_mono_us_between(began, sys_mono_now()) / 1000;
  ck_assert_msg(took_ms >= 190 && took_ms < 800, "after %lld ms", (long long)took_ms);
}
END_TEST

/* ---- what is kept ------------------------------------------------------------------------ */

START_TEST(answers_are_kept_for_a_while) {
  begin((struct api_auth_config){.keep_ms = 700, .keep_refusal_ms = 100});
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(status_of("Bearer reader", explain), 200);
    ck_assert_uint_eq(status_of("Bearer nobody", explain), 401);
  }
  ck_assert_int_eq(atomic_load(&w.tokens), 2);
  /* Each path is a question of its own. */
  ck_assert_uint_eq(status_of("Bearer reader", "/api/v1/other"), 403);
  ck_assert_int_eq(atomic_load(&w.tokens), 3);
  sleep_for(150);
  ck_assert_uint_eq(status_of("Bearer nobody", explain), 401);
  ck_assert_int_eq(atomic_load(&w.tokens), 4);
  ck_assert_uint_eq(status_of("Bearer reader", explain), 200);
  ck_assert_int_eq(atomic_load(&w.tokens), 4);
  sleep_for(700);
  ck_assert_uint_eq(status_of("Bearer reader", explain), 200);
  ck_assert_int_eq(atomic_load(&w.tokens), 5);
  struct api_auth_stats stats;
  api_auth_get_stats(w.auth, &stats);
  ck_assert_uint_eq(stats.entries, 3);
  ck_assert_int_eq(stats.reviews, atomic_load(&w.tokens) + atomic_load(&w.accesses));
  ck_assert_int_eq(stats.hits, 5);
}
END_TEST

/* Nobody pushes out those that are known by making up tokens. */
START_TEST(there_is_room_for_so_many) {
  begin((struct api_auth_config){.max_entries = 4, .keep_refusal_ms = 60000});
  ck_assert_uint_eq(status_of("Bearer reader", explain), 200);
  for (int i = 0; i < 20; i++) {
    char authorization[32];
    (void)snprintf(authorization, sizeof(authorization), "Bearer made-up-%d", i);
    ck_assert_uint_eq(status_of(authorization, explain), 401);
  }
  ck_assert_int_eq(atomic_load(&w.accesses), 1);
  ck_assert_uint_eq(status_of("Bearer reader", explain), 200);
  ck_assert_int_eq(atomic_load(&w.accesses), 1);
  struct api_auth_stats stats;
  api_auth_get_stats(w.auth, &stats);
  ck_assert_uint_eq(stats.entries, 4);
}
END_TEST

/* ---- crowds ------------------------------------------------------------------------------ */

enum { CROWD = 12 };

struct caller {
  pthread_t thread;
  char authorization[32];
  unsigned status;
};

static void *call(void *ctx) {
  struct caller *caller = ctx;
  caller->status = status_of(caller->authorization, explain);
  return NULL;
}

/* All with one token, or each with one of its own (NULL); how many of them had this status. */
static int crowd(const char *authorization, unsigned status) {
  struct caller callers[CROWD];
  int count = 0;
  for (int i = 0; i < CROWD; i++) {
    if (authorization)
      (void)snprintf(callers[i].authorization, sizeof(callers[i].authorization), "%s",
                     authorization);
    else
      (void)snprintf(callers[i].authorization, sizeof(callers[i].authorization), "Bearer t-%d", i);
    ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
  }
  for (int i = 0; i < CROWD; i++) {
    (void)pthread_join(callers[i].thread, NULL);
    count += callers[i].status == status;
  }
  return count;
}

START_TEST(of_one_token_one_asks) {
  begin((struct api_auth_config){.max_blocked = CROWD});
  atomic_store(&w.delay_ms, 100);
  ck_assert_int_eq(crowd("Bearer reader", 200), CROWD);
  ck_assert_int_eq(atomic_load(&w.tokens), 1);
  ck_assert_int_eq(atomic_load(&w.accesses), 1);
}
END_TEST

/* The rest is told at once to come back. */
START_TEST(only_so_many_block) {
  begin((struct api_auth_config){.max_blocked = 3});
  atomic_store(&w.delay_ms, 300);
  ck_assert_int_eq(crowd(NULL, 503), CROWD - 3);
  ck_assert_int_eq(atomic_load(&w.tokens), 3);
  struct api_auth_stats stats;
  api_auth_get_stats(w.auth, &stats);
  ck_assert_int_eq(stats.busy, CROWD - 3);
  /* Nothing stays blocked. */
  atomic_store(&w.delay_ms, 0);
  ck_assert_uint_eq(status_of("Bearer reader", explain), 200);
}
END_TEST

START_TEST(who_waits_does_not_wait_for_ever) {
  begin((struct api_auth_config){.max_blocked = CROWD, .timeout_ms = 150});
  atomic_store(&w.delay_ms, 2000);
  struct sys_mono began = sys_mono_now();
  ck_assert_int_eq(crowd("Bearer reader", 503), CROWD);
  ck_assert_int_lt(sys_mono_us_between(began, sys_mono_now()) / 1000, 1500);
}
END_TEST

TCase *tcase_api_auth(void) {
  TCase *tcase = tcase_create("api_auth");
  tcase_set_timeout(tcase, 60);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, asks_the_api_server, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, tokens_must_be_for_us);
  tcase_add_test(tcase, what_cannot_be_asked_is_not_allowed);
  tcase_add_test(tcase, a_server_that_hangs_takes_the_timeout);
  tcase_add_test(tcase, answers_are_kept_for_a_while);
  tcase_add_test(tcase, there_is_room_for_so_many);
  tcase_add_test(tcase, of_one_token_one_asks);
  tcase_add_test(tcase, only_so_many_block);
  tcase_add_test(tcase, who_waits_does_not_wait_for_ever);
  return tcase;
}

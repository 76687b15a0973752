/* SPDX-License-Identifier: Apache-2.0 */
/* What bind sends, and what it makes of the answers: conflicts, refusals, silence. */
#include "src/cli/serve_extender.h"

#include "slicegate/sys.h"
#include "tests/support/sleep.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/live_lab.h"

#include <stdatomic.h>
#include <time.h>

static struct live_lab lab;
static struct extender_door door;
static struct sys_metrics *metrics;
static char answer[512];
static atomic_bool may_write_now;

/* Of the API server: how Bindings are answered, and the pod as it is then. */
static struct {
  int refusals; /* by 409, before one is taken; -1: a 500 each time */
  const char *uid, *node, *decides;
  unsigned get_status; /* 0: the pod */
  int bindings, patches;
  char versions[8][16]; /* that Bindings named */
} script;

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  static char pod[512];
  (void)ctx;
  (void)snprintf(pod, sizeof(pod),
                 "{\"metadata\":{\"name\":\"wants\",\"uid\":\"%s\",\"resourceVersion\":\"%d\","
                 "\"annotations\":{\"slicegate.dev/decides\":\"%s\"}},\"spec\":{\"nodeName\":"
                 "\"%s\"}}",
                 script.uid, 10 + script.bindings, script.decides, script.node);
  *ret = (struct api_step){.body = pod};
  if (strncmp(request->head, "PATCH ", 6) == 0) {
    script.patches++;
  } else if (strncmp(request->head, "GET ", 4) == 0) {
    if (script.get_status)
      *ret = (struct api_step){.status = script.get_status, .body = "{\"kind\":\"Status\"}"};
  } else {
    const char *version = strstr(request->body, "\"resourceVersion\":\"");
    ck_assert_ptr_nonnull(version);
    ck_assert_int_lt(script.bindings, 8);
    (void)snprintf(script.versions[script.bindings++], 16, "%.*s", (int)strcspn(version + 19, "\""),
                   version + 19);
    if (script.refusals < 0)
      *ret = (struct api_step){.status = 500, .body = "{\"kind\":\"Status\"}"};
    else if (script.bindings <= script.refusals)
      *ret = (struct api_step){.status = 409, .body = "{\"kind\":\"Status\"}"};
    else
      *ret = (struct api_step){.status = 201, .body = "{}"};
  }
  return true;
}

static bool may(void *ctx) {
  (void)ctx;
  return true;
}

static bool may_write(void *ctx) {
  (void)ctx;
  return atomic_load(&may_write_now);
}

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  memset(&script, 0, sizeof(script));
  script.uid = "wants-uid";
  script.node = script.decides = "";
  atomic_store(&may_write_now, true);
  live_lab_init(&lab, decide, NULL);
  live_lab_put_pod(&lab, "wants", NULL, "1");
  live_lab_sync(&lab);
  metrics = sys_metrics_new("slicegate_");
  door = (struct extender_door){.live = lab.live, .may_answer = may, .may_write = may_write};
  door.placer = live_lab_start_placer(&lab, 3);
  door.fence = live_lab_start_fence(&lab);
  extender_door_init(&door, metrics);
}

static void teardown(void) {
  live_stop(lab.live);
  fence_stop(door.fence);
  placer_stop(door.placer);
  placer_free(door.placer);
  live_lab_done(&lab);
  sys_metrics_free(metrics);
}

/* What kube-scheduler is told; its body in `answer`. */
static struct http_response call(const char *body, bool is_aside) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct http_response response = {.status = 200};
  buf_init(&response.body, 4096);
  const struct http_request request = {
      .method = "POST", .arena = arena, .is_aside = is_aside, .body = str_of(body)};
  serve_bind(&door, &request, &response);
  (void)snprintf(answer, sizeof(answer), "%.*s", STR_FMT(buf_str(&response.body)));
  buf_done(&response.body);
  return response;
}

#define BODY(pod)                                                                                  \
  "{\"PodName\":\"" pod "\",\"PodNamespace\":\"ml\",\"PodUID\":\"" pod "-uid\",\"Node\":\"a\"}"

static bool bind(void) {
  ck_assert_uint_eq(call(BODY("wants"), true).status, 200);
  return strcmp(answer, "{\"Error\":\"\"}") == 0;
}

static size_t firm_holds(void) {
  struct state_stats stats;
  state_get_stats(live_state(lab.live), &stats);
  return stats.holds[STATE_FIRM];
}

START_TEST(a_binding_names_the_version_decided_by) {
  ck_assert_msg(bind(), "%s", answer);
  ck_assert_str_eq(script.versions[0], "3");
  ck_assert_int_eq(script.bindings, 1);
  ck_assert_uint_eq(firm_holds(), 1);
}
END_TEST

/* The watch may be behind for longer than any hold of a decision stands. */
START_TEST(what_is_bound_is_held_until_the_watch_tells) {
  static const struct {
    int refusals;
    const char *node; /* where it is found to be bound */
    bool is_bound, stays;
  } rows[] = {{0, "", true, true}, {1, "a", false, true}, {1, "b", false, false}};
  script.refusals = rows[_i].refusals;
  script.node = rows[_i].node;
  ck_assert_msg(bind() == rows[_i].is_bound, "%s", answer);
  ck_assert_uint_eq(firm_holds(), 1);
  (void)state_expire(live_state(lab.live), live_now_ms() + 10LL * STATE_HOLD_MS);
  ck_assert_uint_eq(firm_holds(), rows[_i].stays);
  live_lab_put_pod(&lab, "wants", "a", "9");
  ck_assert_uint_eq(firm_holds(), 0);
}
END_TEST

START_TEST(a_pod_that_changed_is_bound_by_its_new_version) {
  script.refusals = 2;
  script.decides = "me/7";
  ck_assert_msg(bind(), "%s", answer);
  ck_assert_int_eq(script.bindings, 3);
  ck_assert_str_eq(script.versions[1], "11");
  ck_assert_str_eq(script.versions[2], "12");
}
END_TEST

START_TEST(a_conflict_is_given_up) {
  static const struct {
    const char *uid, *node, *decides;
    int bindings;
    size_t holds; /* where it is bound the watch has to tell */
  } rows[] = {{"wants-uid", "", "you/1", 1, 0},
              {"other-uid", "", "", 1, 0},
              {"wants-uid", "b", "", 1, 1},
              {"wants-uid", "", "", 4, 0}};
  script.refusals = 8;
  script.uid = rows[_i].uid;
  script.node = rows[_i].node;
  script.decides = rows[_i].decides;
  ck_assert(!bind());
  ck_assert_int_eq(script.bindings, rows[_i].bindings);
  ck_assert_uint_eq(firm_holds(), rows[_i].holds);
}
END_TEST

/* For want of a right, say: that is told, and what is held stays until the watch tells. */
START_TEST(a_pod_that_cannot_be_read_anew_is_said) {
  script.refusals = 8;
  script.get_status = 403;
  ck_assert(!bind());
  ck_assert_msg(strstr(answer, "the pod has changed, and cannot be read anew: ") != NULL, "%s",
                answer);
  ck_assert_int_eq(script.bindings, 1);
  ck_assert_uint_eq(firm_holds(), 1);
}
END_TEST

START_TEST(who_no_longer_decides_sends_nothing) {
  atomic_store(&may_write_now, false);
  ck_assert(!bind());
  ck_assert_ptr_nonnull(strstr(answer, "no longer decides"));
  ck_assert_int_eq(script.bindings, 0);
  ck_assert_uint_eq(firm_holds(), 0);
}
END_TEST

START_TEST(what_is_not_known_stays_held_until_it_cannot_land) {
  script.refusals = -1;
  ck_assert(!bind());
  struct fence_status now;
  fence_get_status(door.fence, &now);
  ck_assert_uint_eq(now.doubts, 1);
  ck_assert_uint_eq(state_expire(live_state(lab.live), live_now_ms() + 10LL * STATE_HOLD_MS), 0);
  ck_assert_uint_eq(firm_holds(), 1);
  ck_assert(!bind()); /* and is not decided anew meanwhile */
  ck_assert_int_eq(script.bindings, 1);
  fence_raise(door.fence);
  for (int i = 0; i < 1000 && firm_holds(); i++)
    sleep_for(10);
  ck_assert_uint_eq(firm_holds(), 0);
  ck_assert_int_ge(script.patches, 1);
}
END_TEST

/* What is malformed waits behind nobody. */
START_TEST(a_body_is_read_before_it_waits_aside) {
  struct http_response malformed = call("{", false);
  ck_assert(!malformed.is_for_aside);
  ck_assert_uint_eq(malformed.status, 400);
  ck_assert(call(BODY("wants"), false).is_for_aside);
  ck_assert_int_eq(script.bindings, 0);
  ck_assert_int_eq(atomic_load(&door.bindings), 0);
}
END_TEST

START_TEST(pods_that_nobody_knows_leave_threads_for_others) {
  atomic_store(&door.unknown, SERVE_BINDERS / 2);
  ck_assert_uint_eq(call(BODY("late"), true).status, 200);
  ck_assert_ptr_nonnull(strstr(answer, "too many wait"));
  ck_assert_msg(bind(), "%s", answer);
  atomic_store(&door.unknown, SERVE_BINDERS / 2 - 1);
  (void)call(BODY("late"), true);
  ck_assert_ptr_nonnull(strstr(answer, "the pod is not known: it was deleted"));
  ck_assert_int_eq(atomic_load(&door.unknown), SERVE_BINDERS / 2 - 1);
}
END_TEST

TCase *tcase_serve_bind(void) {
  TCase *tcase = tcase_create("serve_bind");
  tcase_set_timeout(tcase, 30);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, a_binding_names_the_version_decided_by);
  tcase_add_loop_test(tcase, what_is_bound_is_held_until_the_watch_tells, 0, 3);
  tcase_add_test(tcase, a_pod_that_changed_is_bound_by_its_new_version);
  tcase_add_loop_test(tcase, a_conflict_is_given_up, 0, 4);
  tcase_add_test(tcase, a_pod_that_cannot_be_read_anew_is_said);
  tcase_add_test(tcase, who_no_longer_decides_sends_nothing);
  tcase_add_test(tcase, a_body_is_read_before_it_waits_aside);
  tcase_add_test(tcase, pods_that_nobody_knows_leave_threads_for_others);
  tcase_add_test(tcase, what_is_not_known_stays_held_until_it_cannot_land);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* When a fence is up, what it writes before, and what becomes of Bindings in doubt. */
#include "src/cli/crew.h"
#include "src/cli/fence.h"

#include "slicegate/sys.h"
#include "tests/support/sleep.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/live_lab.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static struct live_lab lab;
static struct fence *fence;
static atomic_int status;      /* of answers to patches; 0: the pod of the path */
static atomic_bool is_bound;   /* the pod that is answered */
static atomic_bool is_another; /* by name the same, by uid not */

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  static char bodies[16][256];
  static size_t next;
  char name[64] = "";
  (void)ctx;
  ck_assert_int_eq(sscanf(request->head, "PATCH /api/v1/namespaces/ml/pods/%60[^/]/status ", name),
                   1);
  ck_assert_ptr_nonnull(
      strstr(request->body, "{\"metadata\":{\"annotations\":{\"slicegate.dev/decides\":\"me/"));
  char *body = bodies[next++ % SG_ARRAY_LEN(bodies)];
  (void)snprintf(body, sizeof(bodies[0]),
                 "{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s%s-uid\"},\"spec\":{%s}}", name,
                 atomic_load(&is_another) ? "new-" : "", name,
                 atomic_load(&is_bound) ? "\"nodeName\":\"a\"" : "");
  int answer = atomic_load(&status);
  *ret = (struct api_step){.body = body};
  if (answer)
    *ret = (struct api_step){.status = (unsigned)answer, .body = "{\"kind\":\"Status\"}"};
  return true;
}

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  atomic_store(&status, 0);
  atomic_store(&is_bound, false);
  atomic_store(&is_another, false);
  live_lab_init(&lab, decide, NULL);
  fence = live_lab_start_fence(&lab);
}

static void teardown(void) {
  live_stop(lab.live);
  fence_stop(fence);
  live_lab_done(&lab);
}

static bool waits_until_up(void) {
  for (int i = 0; i < 1000 && !fence_is_up(fence); i++)
    sleep_for(10);
  return fence_is_up(fence);
}

enum { A_WHILE_MS = 200 };

START_TEST(waits_for_the_list_and_touches_who_waits) {
  live_lab_put_pod(&lab, "has", "a", "1");
  live_lab_put_pod(&lab, "wants", NULL, "1");
  live_lab_put_pod(&lab, "wants-too", NULL, "1");
  sleep_for(A_WHILE_MS);
  ck_assert(!fence_is_up(fence)); /* nobody wants it */
  fence_raise(fence);
  sleep_for(A_WHILE_MS);
  ck_assert(!fence_is_up(fence));
  ck_assert_uint_eq(api_server_count(lab.server), 0);
  live_lab_sync(&lab);
  ck_assert(waits_until_up());
  ck_assert_uint_eq(api_server_count(lab.server), 2);
  fence_lower(fence);
  ck_assert(!fence_is_up(fence));
  fence_raise(fence); /* each time anew, and by another value */
  ck_assert(waits_until_up());
  ck_assert_uint_eq(api_server_count(lab.server), 4);
  ck_assert_str_ne(api_server_request(lab.server, 0)->body,
                   api_server_request(lab.server, 2)->body);
}
END_TEST

START_TEST(what_failed_is_tried_again) {
  static const int failures[] = {409, 403, 500};
  struct fence_status now;
  live_lab_put_pod(&lab, "wants", NULL, "1");
  live_lab_sync(&lab);
  atomic_store(&status, failures[_i]);
  fence_raise(fence);
  ck_assert(api_server_wait(lab.server, 3));
  ck_assert(!fence_is_up(fence));
  atomic_store(&status, 0);
  ck_assert(waits_until_up());
  fence_get_status(fence, &now);
  ck_assert(now.is_wanted && now.is_up);
  ck_assert_uint_eq(now.left, 0);
  ck_assert_str_eq(now.error, "");
}
END_TEST

START_TEST(who_is_gone_needs_none) {
  live_lab_put_pod(&lab, "wants", NULL, "1");
  live_lab_sync(&lab);
  if (_i == 0)
    atomic_store(&status, 404);
  else
    atomic_store(&is_another, true);
  fence_raise(fence);
  ck_assert(waits_until_up());
  ck_assert_uint_eq(api_server_count(lab.server), 1);
}
END_TEST

START_TEST(a_faster_binding_is_waited_for) {
  live_lab_put_pod(&lab, "wants", NULL, "1");
  live_lab_sync(&lab);
  atomic_store(&is_bound, true);
  fence_raise(fence);
  ck_assert(api_server_wait(lab.server, 1));
  sleep_for(A_WHILE_MS);
  ck_assert(!fence_is_up(fence));
  ck_assert_uint_eq(api_server_count(lab.server), 1);
  live_lab_put_pod(&lab, "wants", "a", "1");
  ck_assert(waits_until_up());
}
END_TEST

static size_t firm_holds(void) {
  struct state_stats stats;
  state_get_stats(live_state(lab.live), &stats);
  return stats.holds[STATE_FIRM];
}

static struct pod hold_firmly(const char *name) {
  struct pod pod;
  struct pack_asked asked;
  struct err err = {0};
  const struct pack_placement placement = {.node = 0};
  ck_assert(state_find_pod(live_state(lab.live), lab.arena, STR_LIT("ml"), str_of(name),
                           (struct str){NULL, 0}, &pod));
  ck_assert_msg(state_ask(live_state(lab.live), lab.arena, &pod, &asked, &err), "%s", err.text);
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(live_state(lab.live));
  ck_assert_int_eq(live_hold(lab.live, STATE_FIRM, &pod, &asked, snapshot, &placement), STATE_HELD);
  return pod;
}

START_TEST(a_doubt_keeps_its_hold_until_it_is_settled) {
  live_lab_put_pod(&lab, "wants", NULL, "1");
  live_lab_sync(&lab);
  fence_raise(fence);
  ck_assert(waits_until_up());
  struct pod pod = hold_firmly("wants");
  atomic_store(&status, 500);
  fence_doubt(fence, pod.ns, pod.name, pod.uid);
  ck_assert(api_server_wait(lab.server, 3));
  ck_assert_uint_eq(state_expire(live_state(lab.live), live_now_ms() + 10LL * STATE_HOLD_MS), 0);
  ck_assert_uint_eq(firm_holds(), 1);
  ck_assert(fence_is_up(fence));
  atomic_store(&is_bound, _i == 1);
  atomic_store(&status, 0);
  if (_i == 1) { /* it had been written */
    sleep_for(A_WHILE_MS);
    ck_assert_uint_eq(firm_holds(), 1);
    live_lab_put_pod(&lab, "wants", "a", "1");
  }
  struct fence_status now = {.doubts = 1};
  for (int i = 0; i < 1000 && now.doubts; i++) {
    sleep_for(10);
    fence_get_status(fence, &now);
  }
  ck_assert_uint_eq(now.doubts, 0);
  ck_assert_uint_eq(firm_holds(), 0);
}
END_TEST

START_TEST(tells_whose_a_pod_is) {
  static const struct {
    const char *decides;
    bool is_ours;
  } cases[] = {{"", true}, {"me/1", true}, {"me", false}, {"men/1", false}, {"you/1", false}};
  for (size_t i = 0; i < SG_ARRAY_LEN(cases); i++) {
    struct fence_pod pod;
    struct err err;
    struct str json =
        str_printf(lab.arena,
                   "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"7\",\"annotations\":{"
                   "\"slicegate.dev/decides\":\"%s\"}},\"spec\":{\"nodeName\":\"n\"}}",
                   cases[i].decides);
    ck_assert(fence_pod_read(lab.arena, json, &pod, &err));
    ck_assert(str_is(pod.uid, "u") && str_is(pod.resource_version, "7") && str_is(pod.node, "n"));
    ck_assert_int_eq(fence_is_ours(fence, &pod), cases[i].is_ours);
  }
  struct fence_pod pod;
  struct err err;
  ck_assert(!fence_pod_read(lab.arena, STR_LIT("{\"kind\":\"Status\"}"), &pod, &err));
}
END_TEST

static atomic_int done[100];

static void count_task(void *ctx, size_t task) {
  (void)ctx;
  atomic_fetch_add(&done[task], 1);
}

START_TEST(a_crew_does_each_task_once) {
  for (size_t threads = 0; threads < 30; threads += 3) {
    for (size_t i = 0; i < SG_ARRAY_LEN(done); i++)
      atomic_store(&done[i], 0);
    size_t count = threads * 3;
    crew_run(threads, count, count_task, NULL);
    for (size_t i = 0; i < SG_ARRAY_LEN(done); i++)
      ck_assert_int_eq(atomic_load(&done[i]), i < count);
  }
}
END_TEST

TCase *tcase_fence(void) {
  TCase *tcase = tcase_create("fence");
  tcase_set_timeout(tcase, 30);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, waits_for_the_list_and_touches_who_waits);
  tcase_add_loop_test(tcase, what_failed_is_tried_again, 0, 3);
  tcase_add_loop_test(tcase, who_is_gone_needs_none, 0, 2);
  tcase_add_test(tcase, a_faster_binding_is_waited_for);
  tcase_add_loop_test(tcase, a_doubt_keeps_its_hold_until_it_is_settled, 0, 2);
  tcase_add_test(tcase, tells_whose_a_pod_is);
  tcase_add_test(tcase, a_crew_does_each_task_once);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The waker: who is touched, when, how often, and who is left alone. */
#include "src/cli/waker.h"

#include "src/cli/live_metrics.h"

#include "slicegate/sys.h"
#include "tests/support/sleep.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/live_lab.h"

#include <stdatomic.h>

static struct live_lab lab;
static struct placer *placer;
static struct fence *fence;
static struct waker *waker;
static atomic_bool is_holder;
static atomic_int failures; /* patches that are refused from now on */

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  (void)ctx;
  bool fails = atomic_load(&failures) > 0;
  atomic_fetch_sub(&failures, fails);
  ck_assert_ptr_nonnull(strstr(request->head, "PATCH /api/v1/namespaces/ml/pods/"));
  *ret = (struct api_step){.status = fails ? 403 : 200, .body = "{}"};
  return true;
}

static bool may_decide(void *ctx) {
  (void)ctx;
  return atomic_load(&is_holder);
}

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  atomic_store(&is_holder, true);
  atomic_store(&failures, 0);
  live_lab_init(&lab, decide, NULL);
  live_lab_put_node(&lab, "a", "0", NULL); /* full, until a test says otherwise */
  live_lab_sync(&lab);
  placer = live_lab_start_placer(&lab, 16);
  fence = live_lab_start_fence(&lab);
}

static void start(struct nominator *nominator) {
  struct err err = {0};
  const struct waker_config config = {.live = lab.live,
                                      .placer = placer,
                                      .fence = fence,
                                      .nominator = nominator,
                                      .may_decide = may_decide};
  waker = waker_start(&config, &err);
  ck_assert_msg(waker != NULL, "%s", err.text);
}

static void teardown(void) {
  live_stop(lab.live);
  waker_stop(waker);
  fence_stop(fence);
  placer_stop(placer);
  placer_free(placer);
  live_lab_done(&lab);
}

static struct waker_stats stats(void) {
  struct waker_stats got;
  waker_get_stats(waker, &got);
  return got;
}

/* As it is counted, once the API server has answered. */
static void wait_for_woken(int64_t count) {
  for (int i = 0; i < 500 && stats().woken != count; i++)
    sleep_for(10);
  ck_assert_int_eq(stats().woken, count);
}

enum { A_WHILE_MS = 400, PAUSE_MS = 1000 };

/* Nobody is touched for so long. */
static void assert_quiet(int ms) {
  size_t before = api_server_count(lab.server);
  sleep_for(ms);
  ck_assert_uint_eq(api_server_count(lab.server), before);
}

static void refuse(const char *name) {
  waker_note(waker, str_printf(lab.arena, "%s-uid", name));
}

static void make_room(const char *gpus) {
  live_lab_put_node(&lab, "a", gpus, NULL);
}

START_TEST(is_touched_when_it_has_a_place) {
  start(NULL);
  live_lab_put_rejected(&lab, "waits", "1");
  live_lab_put_rejected(&lab, "not-asked-about", "1");
  refuse("waits");
  assert_quiet(A_WHILE_MS);
  make_room("2");
  ck_assert(api_server_wait(lab.server, 1));
  const struct api_request *request = api_server_request(lab.server, 0);
  ck_assert_ptr_nonnull(strstr(request->head, "/pods/waits/status "));
  ck_assert_str_eq(request->body,
                   "{\"metadata\":{\"annotations\":{\"slicegate.dev/decides\":\"me/1\"}}}");
  make_room("3"); /* it has not been refused again */
  assert_quiet(PAUSE_MS + A_WHILE_MS);
  ck_assert_int_eq(stats().woken, 1);
  ck_assert_int_eq(stats().failed, 0);
}
END_TEST

/* The room was there before the refusal was noted: a decision on an older state. */
START_TEST(no_change_comes_after_the_refusal) {
  live_lab_put_rejected(&lab, "waits", "1");
  start(NULL);
  make_room("1");
  sleep_for(A_WHILE_MS);
  refuse("waits");
  ck_assert(api_server_wait(lab.server, 1));
}
END_TEST

/* The first is never asked about, whatever keeps it: others are looked at in the end. */
START_TEST(as_many_as_have_a_place_the_large_ones_first) {
  start(NULL);
  live_lab_put_rejected(&lab, "one", "1");
  live_lab_put_rejected(&lab, "large", "2");
  refuse("one");
  refuse("large");
  make_room("2");
  ck_assert(api_server_wait(lab.server, 2));
  ck_assert_ptr_nonnull(strstr(api_server_request(lab.server, 0)->head, "/pods/large/status "));
  ck_assert_ptr_nonnull(strstr(api_server_request(lab.server, 1)->head, "/pods/one/status "));
  assert_quiet(PAUSE_MS + A_WHILE_MS);
}
END_TEST

/* Something that only kube-scheduler knows keeps it away. */
START_TEST(in_vain_is_tried_less_and_less) {
  start(NULL);
  live_lab_put_rejected(&lab, "waits", "1");
  make_room("1");
  int64_t began = live_now_ms();
  for (int times = 1; times <= 3; times++) {
    refuse("waits");
    wait_for_woken(times);
  }
  ck_assert_int_ge(live_now_ms() - began, 1000 + 2000);
}
END_TEST

/* As filter does with whom it passes. */
static void hold(const char *name) {
  struct str uid = str_printf(lab.arena, "%s-uid", name);
  struct pod *pod = arena_alloc(lab.arena, sizeof(*pod));
  struct pack_asked asked;
  struct ext_binding binding;
  struct ext_view view;
  struct str reason;
  struct err err;
  ck_assert(state_find_pod(live_state(lab.live), lab.arena, STR_LIT("ml"), str_of(name), uid, pod));
  ck_assert(state_ask(live_state(lab.live), lab.arena, pod, &asked, &err));
  placer_enter(placer);
  placer_look(placer, &view);
  ck_assert(ext_bind(&view, &asked, STR_LIT("a"), 0, lab.arena, &binding, &reason));
  ck_assert_int_eq(
      live_hold(lab.live, STATE_TENTATIVE, pod, &asked, view.snapshot, &binding.placement),
      STATE_HELD);
  placer_leave(placer, &view);
}

START_TEST(who_is_bound_or_on_its_way_is_left_alone) {
  start(NULL);
  live_lab_put_pod(&lab, "bound", "a", "1");
  live_lab_put_rejected(&lab, "asked-about", "1");
  make_room("4");
  hold("asked-about");
  refuse("bound");
  refuse("asked-about");
  assert_quiet(A_WHILE_MS);
  live_lab_put_rejected(&lab, "waits", "1");
  refuse("waits");
  ck_assert(api_server_wait(lab.server, 1));
  ck_assert_ptr_nonnull(strstr(api_server_request(lab.server, 0)->head, "/pods/waits/status "));
}
END_TEST

/* The watch brings a pod later than kube-scheduler asks about it. */
START_TEST(a_pod_that_is_not_known_yet) {
  start(NULL);
  refuse("later");
  make_room("1");
  assert_quiet(A_WHILE_MS);
  live_lab_put_rejected(&lab, "later", "1");
  ck_assert(api_server_wait(lab.server, 1));
}
END_TEST

START_TEST(whom_the_nominator_advises_on_it_wakes) {
  struct err err = {0};
  static atomic_llong asked_ms;
  const struct nominator_config config = {.live = lab.live,
                                          .placer = placer,
                                          .scheduler_name = STR_LIT("default-scheduler"),
                                          .least_nodes = 1,
                                          .asked_ms = &asked_ms,
                                          .may_decide = may_decide};
  struct nominator *nominator = nominator_start(&config, &err);
  ck_assert_msg(nominator != NULL, "%s", err.text);
  start(nominator);
  live_lab_put_rejected(&lab, "waits", "1");
  refuse("waits");
  make_room("2");
  ck_assert(api_server_wait(lab.server, 1));
  ck_assert_ptr_nonnull(
      strstr(api_server_request(lab.server, 0)->body, "\"nominatedNodeName\":\"a\""));
  assert_quiet(A_WHILE_MS);
  ck_assert_int_eq(stats().woken, 0);
  live_stop(lab.live);
  waker_stop(waker);
  waker = NULL;
  nominator_stop(nominator);
}
END_TEST

START_TEST(who_may_not_decide_wakes_nobody) {
  atomic_store(&is_holder, false);
  start(NULL);
  live_lab_put_rejected(&lab, "waits", "1");
  refuse("waits");
  make_room("1");
  assert_quiet(A_WHILE_MS);
  atomic_store(&is_holder, true);
  ck_assert(api_server_wait(lab.server, 1));
}
END_TEST

START_TEST(what_fails_is_tried_again_and_counted) {
  atomic_store(&failures, 1);
  start(NULL);
  live_lab_put_rejected(&lab, "waits", "1");
  refuse("waits");
  make_room("1");
  wait_for_woken(1);
  ck_assert_uint_eq(api_server_count(lab.server), 2);
  ck_assert_int_eq(stats().failed, 1);
  const struct live_metrics_of of = {.live = lab.live, .placer = placer, .waker = waker};
  live_lab_assert_metric(&of, "\nslicegate_pods_woken_total{result=\"failed\"} 1\n");
}
END_TEST

TCase *tcase_waker(void) {
  TCase *tcase = tcase_create("waker");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, is_touched_when_it_has_a_place);
  tcase_add_test(tcase, no_change_comes_after_the_refusal);
  tcase_add_test(tcase, as_many_as_have_a_place_the_large_ones_first);
  tcase_add_test(tcase, in_vain_is_tried_less_and_less);
  tcase_add_test(tcase, who_is_bound_or_on_its_way_is_left_alone);
  tcase_add_test(tcase, a_pod_that_is_not_known_yet);
  tcase_add_test(tcase, whom_the_nominator_advises_on_it_wakes);
  tcase_add_test(tcase, who_may_not_decide_wakes_nobody);
  tcase_add_test(tcase, what_fails_is_tried_again_and_counted);
  return tcase;
}

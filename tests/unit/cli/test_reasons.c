/* SPDX-License-Identifier: Apache-2.0 */
/* Events on pods that wait, by the thread itself: what is posted, and what is not. */
#include "src/cli/reasons.h"

#include "slicegate/sys.h"
#include "tests/support/sleep.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/live_lab.h"

#include <stdatomic.h>
#include <time.h>

static struct live_lab lab;
static struct explain_live *explain;
static struct reasons *reasons;
static atomic_bool is_holder, is_down;

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  (void)ctx;
  ck_assert_ptr_nonnull(strstr(request->head, "POST /apis/events.k8s.io/v1/namespaces/ml/events "));
  *ret = (struct api_step){.status = 201, .body = "{}"};
  if (atomic_load(&is_down))
    *ret = (struct api_step){.status = 403, .body = "{\"kind\":\"Status\",\"message\":\"no\"}"};
  return true;
}

static bool may_speak(void *ctx) {
  (void)ctx;
  return atomic_load(&is_holder);
}

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  atomic_store(&is_holder, true);
  atomic_store(&is_down, false);
  live_lab_init(&lab, decide, NULL);
  live_lab_put_pod(&lab, "has", "a", "1");
  explain = explain_live_new(lab.live);
}

static void begin(int64_t patience_ms) {
  struct err err = {0};
  const struct reasons_config config = {.live = lab.live,
                                        .explain = explain,
                                        .instance = STR_LIT("slicegate-0"),
                                        .may_speak = may_speak,
                                        .patience_ms = patience_ms,
                                        .look_ms = 10};
  live_lab_sync(&lab);
  reasons = reasons_start(&config, &err);
  ck_assert_msg(reasons != NULL, "%s", err.text);
}

static void teardown(void) {
  live_stop(lab.live);
  reasons_stop(reasons);
  explain_live_free(explain);
  live_lab_done(&lab);
}

static struct reasons_stats stats(void) {
  struct reasons_stats got;
  reasons_get_stats(reasons, &got);
  return got;
}

/* What the thread does in the time that it takes for many looks. */
enum { MANY_LOOKS_MS = 500 };

START_TEST(a_waiting_pod_is_told_why_once) {
  live_lab_put_pod(&lab, "wants", NULL, "1");
  begin(1000);
  ck_assert(api_server_wait(lab.server, 1));
  const char *body = api_server_request(lab.server, 0)->body;
  static const char *const parts[] = {
      "\"type\":\"Warning\"",
      "\"reason\":\"GPUUnavailable\"",
      "\"action\":\"Explaining\"",
      "\"reportingController\":\"slicegate.dev/explain\"",
      "\"reportingInstance\":\"slicegate-0\"",
      "\"uid\":\"wants-uid\"",
      "\"note\":\"0/1 nodes fit: 1 Insufficient nvidia.com/gpu; smallest change: stop"};
  for (size_t i = 0; i < SG_ARRAY_LEN(parts); i++)
    ck_assert_msg(strstr(body, parts[i]) != NULL, "no %s in %s", parts[i], body);
  /* Neither looks at the same nor at other news within the minute tell it again. */
  live_lab_put_node(&lab, "b", "0", NULL);
  sleep_for(MANY_LOOKS_MS);
  live_lab_put_node(&lab, "a", "1", "maintenance");
  sleep_for(MANY_LOOKS_MS);
  ck_assert_uint_eq(api_server_count(lab.server), 1);
  ck_assert_int_eq(stats().posted, 1);
  ck_assert_int_eq(stats().failed, 0);
}
END_TEST

START_TEST(who_has_room_is_told_nothing) {
  live_lab_put_node(&lab, "b", "1", NULL);
  live_lab_put_pod(&lab, "wants", NULL, "1");
  begin(1000);
  sleep_for(MANY_LOOKS_MS);
  ck_assert_uint_eq(api_server_count(lab.server), 0);
  live_lab_put_node(&lab, "b", "0", NULL); /* and when that is gone, it is */
  ck_assert(api_server_wait(lab.server, 1));
}
END_TEST

START_TEST(patience_comes_first) {
  live_lab_put_pod(&lab, "wants", NULL, "1");
  begin(INT64_MAX / 2);
  sleep_for(MANY_LOOKS_MS);
  ck_assert_uint_eq(api_server_count(lab.server), 0);
}
END_TEST

START_TEST(only_the_holder_speaks) {
  atomic_store(&is_holder, false);
  live_lab_put_pod(&lab, "wants", NULL, "1");
  begin(1000);
  sleep_for(MANY_LOOKS_MS);
  ck_assert_uint_eq(api_server_count(lab.server), 0);
  atomic_store(&is_holder, true);
  ck_assert(api_server_wait(lab.server, 1));
}
END_TEST

START_TEST(a_crowd_is_told_at_the_allowed_pace) {
  enum { PODS = 25 };
  char name[32];
  for (int i = 0; i < PODS; i++) {
    (void)snprintf(name, sizeof(name), "wants-%d", i);
    live_lab_put_pod(&lab, name, NULL, "1");
  }
  int64_t began = live_now_ms();
  begin(1000);
  ck_assert(api_server_wait(lab.server, PODS)); /* without any news that would wake it */
  ck_assert_int_ge(live_now_ms() - began, 2000);
  sleep_for(MANY_LOOKS_MS);
  ck_assert_uint_eq(api_server_count(lab.server), PODS);
}
END_TEST

START_TEST(what_is_not_taken_is_not_tried_again_at_once) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  atomic_store(&is_down, true);
  live_lab_put_pod(&lab, "wants", NULL, "1");
  begin(1000);
  ck_assert(api_server_wait(lab.server, 1));
  sleep_for(MANY_LOOKS_MS);
  ck_assert_uint_eq(api_server_count(lab.server), 1);
  ck_assert_int_eq(stats().failed, 1);
  ck_assert_int_eq(stats().posted, 0);
}
END_TEST

TCase *tcase_reasons(void) {
  TCase *tcase = tcase_create("reasons");
  tcase_set_timeout(tcase, 30);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, a_waiting_pod_is_told_why_once);
  tcase_add_test(tcase, who_has_room_is_told_nothing);
  tcase_add_test(tcase, patience_comes_first);
  tcase_add_test(tcase, only_the_holder_speaks);
  tcase_add_test(tcase, a_crowd_is_told_at_the_allowed_pace);
  tcase_add_test(tcase, what_is_not_taken_is_not_tried_again_at_once);
  return tcase;
}

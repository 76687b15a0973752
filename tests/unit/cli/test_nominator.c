/* SPDX-License-Identifier: Apache-2.0 */
/* The nominator: what is patched, when it keeps quiet and then rests, and who waits for it. */
#include "src/cli/nominator.h"

#include "src/cli/nominations.h"
#include "src/cli/serve_extender.h"

#include "slicegate/sys.h"
#include "tests/support/sleep.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/live_lab.h"

#include <pthread.h>
#include <stdatomic.h>

static struct live_lab lab;
static struct placer *placer;
static struct nominator *nominator;
static atomic_bool is_holder;
static atomic_int looks; /* at whether it may decide */
static atomic_llong asked_ms;

static atomic_bool is_stuck;    /* the API server */
static atomic_bool has_stopped; /* at a patch */

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  (void)ctx;
  while (atomic_load(&is_stuck)) {
    atomic_store(&has_stopped, true);
    sleep_for(1);
  }
  ck_assert_ptr_nonnull(strstr(request->head, "PATCH /api/v1/namespaces/ml/pods/"));
  *ret = (struct api_step){.status = 200, .body = "{}"};
  return true;
}

static bool may_decide(void *ctx) {
  (void)ctx;
  atomic_fetch_add(&looks, 1);
  return atomic_load(&is_holder);
}

static void setup(void) {
  struct err err = {0};
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  atomic_store(&looks, 0);
  atomic_store(&asked_ms, 0);
  atomic_store(&is_stuck, false);
  atomic_store(&has_stopped, false);
  live_lab_init(&lab, decide, NULL);
  live_lab_sync(&lab);
  placer = placer_new(live_state(lab.live), 16);
  ck_assert_msg(placer_start(placer, &err), "%s", err.text);
  for (int i = 0; i < 1000 && !placer_is_ready(placer); i++)
    sleep_for(10);
}

static void start(bool holds_the_lease) {
  struct err err = {0};
  const struct nominator_config config = {.live = lab.live,
                                          .placer = placer,
                                          .scheduler_name = STR_LIT("default-scheduler"),
                                          .least_nodes = 3,
                                          .asked_ms = &asked_ms,
                                          .may_decide = may_decide};
  atomic_store(&is_holder, holds_the_lease);
  nominator = nominator_start(&config, &err);
  ck_assert_msg(nominator != NULL, "%s", err.text);
}

static void teardown(void) {
  atomic_store(&is_stuck, false);
  live_stop(lab.live);
  nominator_stop(nominator);
  placer_stop(placer);
  placer_free(placer);
  live_lab_done(&lab);
}

static struct nominator_stats stats(void) {
  struct nominator_stats got;
  nominator_get_stats(nominator, &got);
  return got;
}

START_TEST(who_may_not_decide_rests) {
  live_lab_put_pod(&lab, "wants", NULL, "1");
  start(false);
  sleep_for(500);
  ck_assert_uint_eq(api_server_count(lab.server), 0);
  ck_assert_int_gt(atomic_load(&looks), 0);
  ck_assert_msg(atomic_load(&looks) < 60, "%d looks in half a second", atomic_load(&looks));
  atomic_store(&is_holder, true); /* and when it may, it does */
  ck_assert(api_server_wait(lab.server, 1));
  ck_assert_ptr_nonnull(
      strstr(api_server_request(lab.server, 0)->body, "\"nominatedNodeName\":\"a\""));
}
END_TEST

/* As many pods, each nominated for a node of its own, are bound to others. */
static void ignore_nominations(int count) {
  char name[32];
  for (int i = 0; i < count; i++) {
    (void)snprintf(name, sizeof(name), "node-%d", i);
    live_lab_put_node(&lab, name, "1", NULL);
    (void)snprintf(name, sizeof(name), "pod-%d", i);
    live_lab_put_pod(&lab, name, NULL, "1");
  }
  ck_assert(api_server_wait(lab.server, (size_t)count));
  live_lab_put_node(&lab, "elsewhere", "0", NULL);
  for (int i = 0; i < count; i++) {
    (void)snprintf(name, sizeof(name), "pod-%d", i);
    live_lab_put_pod(&lab, name, "elsewhere", "1");
  }
}

START_TEST(it_stops_when_nobody_follows) {
  start(true);
  ignore_nominations(NOMINATIONS_SCORED_LEAST);
  for (int i = 0; i < 500 && !stats().is_paused; i++)
    sleep_for(10);
  ck_assert(stats().is_paused);
  ck_assert_int_eq(stats().misses, NOMINATIONS_SCORED_LEAST);
  live_lab_put_pod(&lab, "next", NULL, "1");
  sleep_for(300);
  ck_assert_uint_eq(api_server_count(lab.server), NOMINATIONS_SCORED_LEAST);
}
END_TEST

static size_t held(void) {
  struct state_stats got;
  state_get_stats(live_state(lab.live), &got);
  return got.holds[STATE_NOMINATED];
}

static void wait_for_held(size_t count) {
  for (int i = 0; i < 500 && held() != count; i++)
    sleep_for(10);
  ck_assert_uint_eq(held(), count);
}

START_TEST(in_a_small_cluster_only_what_decides_is_written) {
  atomic_store(&asked_ms, live_now_ms());
  live_lab_put_node(&lab, "b", "1", NULL);
  start(true);
  live_lab_put_pod(&lab, "fits", NULL, "1");
  wait_for_held(1); /* thought of, and no more */
  sleep_for(200);
  ck_assert_uint_eq(api_server_count(lab.server), 0);
  live_lab_put_rejected(&lab, "fits", "1"); /* it is to be woken */
  ck_assert(api_server_wait(lab.server, 1));
  ck_assert_ptr_nonnull(strstr(api_server_request(lab.server, 0)->head, "/pods/fits/status"));
  wait_for_held(1);
}
END_TEST

START_TEST(a_queue_that_does_not_fit_is_written) {
  atomic_store(&asked_ms, live_now_ms());
  live_lab_put_pod(&lab, "one", NULL, "1");
  live_lab_put_pod(&lab, "two", NULL, "1");
  start(true);
  ck_assert(api_server_wait(lab.server, 1));
  wait_for_held(1);
}
END_TEST

/* Also those that were planned for before it was short. */
START_TEST(a_queue_that_becomes_too_long_is_written) {
  atomic_store(&asked_ms, live_now_ms());
  start(true);
  live_lab_put_pod(&lab, "one", NULL, "1");
  wait_for_held(1);
  ck_assert_uint_eq(api_server_count(lab.server), 0);
  live_lab_put_pod(&lab, "two", NULL, "1");
  ck_assert(api_server_wait(lab.server, 1));
  wait_for_held(1);
}
END_TEST

START_TEST(in_a_large_cluster_all_is_written) {
  atomic_store(&asked_ms, live_now_ms());
  live_lab_put_node(&lab, "b", "1", NULL);
  live_lab_put_node(&lab, "c", "0", NULL);
  start(true);
  live_lab_put_pod(&lab, "fits", NULL, "1");
  ck_assert(api_server_wait(lab.server, 1));
}
END_TEST

/* ---- kube-scheduler is faster ---------------------------------------------------------------- */

static const struct pod overtaken = {.ns = {"ml", 2}, .name = {"one", 3}, .uid = {"one-uid", 7}};

/* Three nodes; as many pods wait as are named, and the API server takes no patch. */
static void get_stuck(size_t count, const char *const *names) {
  live_lab_put_node(&lab, "b", "1", NULL);
  live_lab_put_node(&lab, "c", "1", NULL);
  atomic_store(&is_stuck, true);
  for (size_t i = 0; i < count; i++)
    live_lab_put_pod(&lab, names[i], NULL, "1");
  start(true);
  for (int i = 0; i < 1000 && !atomic_load(&has_stopped); i++)
    sleep_for(5);
  ck_assert(atomic_load(&has_stopped));
}

START_TEST(who_overtakes_it_waits_for_it) {
  static const char *const names[] = {"one", "two"};
  get_stuck(2, names);
  ck_assert(nominator_is_behind(nominator, &overtaken));
  int64_t began = live_now_ms();
  nominator_catch_up(nominator); /* not for ever */
  ck_assert_int_ge(live_now_ms() - began, NOMINATOR_CATCH_UP_MS - 1);
  ck_assert_int_lt(live_now_ms() - began, 30 * NOMINATOR_CATCH_UP_MS);
  ck_assert(!nominator_is_behind(nominator, &overtaken)); /* nothing has come of it */
  atomic_store(&is_stuck, false);
  ck_assert(api_server_wait(lab.server, 2));
  ck_assert_int_eq(stats().awaited, 1);
}
END_TEST

static void *release(void *ctx) {
  (void)ctx;
  sleep_for(NOMINATOR_CATCH_UP_MS / 8);
  atomic_store(&is_stuck, false);
  return NULL;
}

/* Of five, since the machine may be busy. */
START_TEST(it_goes_on_as_soon_as_the_others_are_advised) {
  int64_t quickest = INT64_MAX;
  live_lab_put_node(&lab, "big", "20", NULL);
  live_lab_put_node(&lab, "c", "0", NULL);
  start(true);
  for (int i = 0; i < 5; i++) {
    pthread_t thread;
    struct pod pod;
    struct str name = str_printf(lab.arena, "pod-%d", i);
    atomic_store(&has_stopped, false);
    atomic_store(&is_stuck, true);
    live_lab_put_pod(&lab, name.ptr, NULL, "1");
    live_lab_put_pod(&lab, str_printf(lab.arena, "other-%d", i).ptr, NULL, "1");
    for (int k = 0; k < 1000 && !atomic_load(&has_stopped); k++)
      sleep_for(5);
    pod =
        (struct pod){.ns = {"ml", 2}, .name = name, .uid = str_printf(lab.arena, "pod-%d-uid", i)};
    ck_assert(nominator_is_behind(nominator, &pod));
    ck_assert_int_eq(pthread_create(&thread, NULL, release, NULL), 0);
    int64_t began = live_now_ms();
    nominator_catch_up(nominator);
    int64_t took = live_now_ms() - began;
    quickest = took < quickest ? took : quickest;
    (void)pthread_join(thread, NULL);
    ck_assert(api_server_wait(lab.server, 2 * (size_t)i + 2));
  }
  ck_assert_int_lt(quickest, NOMINATOR_CATCH_UP_MS - 20);
}
END_TEST

START_TEST(nobody_waits_for_advice_on_the_pod_itself) {
  static const char *const names[] = {"one"};
  get_stuck(1, names);
  ck_assert(!nominator_is_behind(nominator, &overtaken));
  atomic_store(&is_stuck, false);
}
END_TEST

START_TEST(nobody_waits_who_has_overtaken_nothing) {
  static const char *const names[] = {"one", "two", "three"};
  struct pod others = overtaken, volume = overtaken, rejected = overtaken, cpu = overtaken;
  others.scheduler_name = STR_LIT("another");
  rejected.traits = POD_WAS_REJECTED;
  cpu.uid = STR_LIT("unknown");
  volume.traits = POD_HAS_VOLUME_CLAIMS;
  get_stuck(3, names);
  ck_assert(nominator_is_behind(nominator, &overtaken));
  ck_assert(!nominator_is_behind(nominator, &others));
  ck_assert(!nominator_is_behind(nominator, &volume));
  ck_assert(!nominator_is_behind(nominator, &rejected));
  ck_assert(!nominator_is_behind(nominator, &cpu));
  state_drop_node(live_state(lab.live), STR_LIT("c")); /* a look at two nodes costs little */
  ck_assert(!nominator_is_behind(nominator, &overtaken));
  atomic_store(&is_stuck, false);
}
END_TEST

/* ---- what filter makes of it ----------------------------------------------------------------- */

static bool may(void *ctx) {
  (void)ctx;
  return true;
}

/* Called on a worker, or aside; true: it wants to be called aside. */
static bool filter(struct extender_door *door, const char *pod, bool is_aside, struct buf *answer) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct http_response response = {.status = 200};
  struct str body = str_printf(
      arena,
      "{\"Pod\":{\"metadata\":{\"namespace\":\"ml\",\"name\":\"%s\",\"uid\":\"%s-uid\"},\"spec\":{"
      "\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}}]}},"
      "\"Nodes\":null,\"NodeNames\":[\"a\",\"b\",\"c\"]}",
      pod, pod);
  const struct http_request request = {
      .method = "POST", .arena = arena, .body = body, .is_aside = is_aside};
  buf_init(&response.body, 4096);
  serve_filter(door, &request, &response);
  ck_assert_uint_eq(response.status, 200);
  buf_append(answer, response.body.ptr, response.body.len);
  buf_done(&response.body);
  return response.is_for_aside;
}

static size_t tentative(void) {
  struct state_stats got;
  state_get_stats(live_state(lab.live), &got);
  return got.holds[STATE_TENTATIVE];
}

START_TEST(filter_waits_aside) {
  static const char *const names[] = {"one", "two", "three"};
  CLEANUP_BUF struct buf answer;
  struct sys_metrics *metrics = sys_metrics_new("slicegate_");
  buf_init(&answer, 4096);
  get_stuck(3, names);
  struct extender_door door = {.live = lab.live,
                               .placer = placer,
                               .nominator = nominator,
                               .may_answer = may,
                               .scheduler_name = STR_LIT("default-scheduler")};
  extender_door_init(&door, metrics);
  ck_assert(filter(&door, "one", false, &answer));
  ck_assert_uint_eq(answer.len, 0);
  ck_assert_uint_eq(tentative(), 0);
  ck_assert(!filter(&door, "one", true, &answer));
  ck_assert_ptr_nonnull(memmem(answer.ptr, answer.len, "\"NodeNames\":[\"", 14));
  ck_assert_uint_eq(tentative(), 1);
  ck_assert_int_eq(stats().awaited, 1);
  ck_assert(!filter(&door, "two", false, &answer)); /* nothing came of it */
  ck_assert_uint_eq(tentative(), 2);
  atomic_store(&is_stuck, false);
  sys_metrics_free(metrics);
}
END_TEST

TCase *tcase_nominator(void) {
  TCase *tcase = tcase_create("nominator");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, who_may_not_decide_rests);
  tcase_add_test(tcase, it_stops_when_nobody_follows);
  tcase_add_test(tcase, in_a_small_cluster_only_what_decides_is_written);
  tcase_add_test(tcase, a_queue_that_does_not_fit_is_written);
  tcase_add_test(tcase, a_queue_that_becomes_too_long_is_written);
  tcase_add_test(tcase, in_a_large_cluster_all_is_written);
  tcase_add_test(tcase, who_overtakes_it_waits_for_it);
  tcase_add_test(tcase, it_goes_on_as_soon_as_the_others_are_advised);
  tcase_add_test(tcase, nobody_waits_for_advice_on_the_pod_itself);
  tcase_add_test(tcase, nobody_waits_who_has_overtaken_nothing);
  tcase_add_test(tcase, filter_waits_aside);
  return tcase;
}

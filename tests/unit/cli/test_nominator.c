/* SPDX-License-Identifier: Apache-2.0 */
/* The nominator: what is patched, when it keeps quiet and then rests, and who waits for it. */
#include "src/cli/nominator.h"

#include "src/cli/live_metrics.h"
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
static atomic_int conflicts;    /* patches that come too late from now on */
static atomic_bool has_stopped; /* at a patch */

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  (void)ctx;
  while (atomic_load(&is_stuck)) {
    atomic_store(&has_stopped, true);
    sleep_for(1);
  }
  ck_assert_ptr_nonnull(strstr(request->head, "PATCH /api/v1/namespaces/ml/pods/"));
  bool is_late = atomic_load(&conflicts) > 0;
  atomic_fetch_sub(&conflicts, is_late);
  *ret = (struct api_step){.status = is_late ? 409 : 200, .body = "{}"};
  return true;
}

static bool may_decide(void *ctx) {
  (void)ctx;
  atomic_fetch_add(&looks, 1);
  return atomic_load(&is_holder);
}

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  atomic_store(&looks, 0);
  atomic_store(&asked_ms, 0);
  atomic_store(&is_stuck, false);
  atomic_store(&has_stopped, false);
  atomic_store(&conflicts, 0);
  live_lab_init(&lab, decide, NULL);
  live_lab_sync(&lab);
  placer = live_lab_start_placer(&lab, 16);
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
  nominator = NULL; /* not every test starts one */
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

/* ---- what becomes of it ---------------------------------------------------------------------- */

static struct str pod_name(int i) {
  return str_printf(lab.arena, "pod-%d", i);
}

/* As the last patch of this pod's status says. */
static struct str nominated_node(struct str pod) {
  static const char key[] = "\"nominatedNodeName\":\"";
  const char *path = str_printf(lab.arena, "/pods/%.*s/status", STR_FMT(pod)).ptr;
  for (size_t i = api_server_count(lab.server); i-- > 0;) {
    const struct api_request *request = api_server_request(lab.server, i);
    const char *node = strstr(request->body, key);
    if (!strstr(request->head, path) || !node)
      continue;
    node += sizeof(key) - 1;
    return str_copy(lab.arena, (struct str){node, strcspn(node, "\"")});
  }
  ck_abort_msg("no node for %.*s", STR_FMT(pod));
}

static void nominate_all(int count) {
  for (int i = 0; i < count; i++) {
    live_lab_put_node(&lab, str_printf(lab.arena, "node-%d", i).ptr, "1", NULL);
    live_lab_put_pod(&lab, pod_name(i).ptr, NULL, "1");
  }
  ck_assert(api_server_wait(lab.server, (size_t)count));
  live_lab_put_node(&lab, "elsewhere", "0", NULL);
}

static void follow(int from, int to) {
  for (int i = from; i < to; i++)
    live_lab_put_pod(&lab, pod_name(i).ptr, nominated_node(pod_name(i)).ptr, "1");
}

static void ignore(int from, int to) {
  for (int i = from; i < to; i++)
    live_lab_put_pod(&lab, pod_name(i).ptr, "elsewhere", "1");
}

static void wait_for_ends(int64_t count) {
  for (int i = 0; i < 500 && stats().hits + stats().misses != count; i++)
    sleep_for(10);
  ck_assert_int_eq(stats().hits + stats().misses, count);
}

static void assert_metric(const char *line) {
  const struct live_metrics_of of = {.live = lab.live, .placer = placer, .nominator = nominator};
  live_lab_assert_metric(&of, line);
}

START_TEST(it_stops_when_nobody_follows) {
  char line[4096] = "";
  FILE *log = tmpfile();
  ck_assert_ptr_nonnull(log);
  sys_log_setup(SYS_WARN, SYS_LOG_LOGFMT, fileno(log));
  start(true);
  nominate_all(NOMINATIONS_SCORED_LEAST);
  ignore(0, NOMINATIONS_SCORED_LEAST);
  for (int i = 0; i < 500 && !stats().is_paused; i++)
    sleep_for(10);
  ck_assert(stats().is_paused);
  ck_assert_int_eq(stats().misses, NOMINATIONS_SCORED_LEAST);
  assert_metric("\nslicegate_nominator_paused 1\n");
  live_lab_put_pod(&lab, "next", NULL, "1");
  sleep_for(300);
  ck_assert_uint_eq(api_server_count(lab.server), NOMINATIONS_SCORED_LEAST);
  for (int i = 0; i < 500 && !fgets(line, sizeof(line), log); i++) {
    sleep_for(10);
    rewind(log);
  }
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  ck_assert_ptr_nonnull(strstr(
      line, "level=warn msg=\"nominations are mostly not followed: none are made for a while"));
  ck_assert_ptr_null(fgets(line, sizeof(line), log)); /* once */
  (void)fclose(log);
}
END_TEST

START_TEST(the_share_of_hits_is_told) {
  enum { HITS = NOMINATIONS_SCORED_LEAST / 2 + 2 };
  start(true);
  nominate_all(NOMINATIONS_SCORED_LEAST);
  follow(0, HITS);
  ignore(HITS, NOMINATIONS_SCORED_LEAST - 1);
  wait_for_ends(NOMINATIONS_SCORED_LEAST - 1);
  ck_assert_int_eq(stats().hit_percent, -1); /* one more is to end */
  assert_metric("\nslicegate_nominations_hit_percent -1\n");
  ignore(NOMINATIONS_SCORED_LEAST - 1, NOMINATIONS_SCORED_LEAST);
  wait_for_ends(NOMINATIONS_SCORED_LEAST);
  ck_assert_int_eq(stats().hits, HITS);
  ck_assert_int_eq(stats().hit_percent, HITS * 100 / NOMINATIONS_SCORED_LEAST);
  assert_metric("\nslicegate_nominations_hit_percent 56\n");
  assert_metric("\nslicegate_nominated_pods_bound_total{result=\"hit\"} 18\n");
  assert_metric("\nslicegate_nominated_pods_bound_total{result=\"miss\"} 14\n");
  live_lab_put_node(&lab, "more", "1", NULL); /* it goes on */
  live_lab_put_pod(&lab, "next", NULL, "1");
  ck_assert(api_server_wait(lab.server, NOMINATIONS_SCORED_LEAST + 1));
  ck_assert(!stats().is_paused);
}
END_TEST

/* A patch says which version of the pod it is about: the API server refuses it when somebody has
 * written the pod since. */
START_TEST(a_pod_that_has_changed_is_looked_at_again) {
  atomic_store(&conflicts, 1);
  start(true);
  live_lab_put_pod(&lab, "wants", NULL, "1");
  ck_assert(api_server_wait(lab.server, 1));
  const struct api_request *late = api_server_request(lab.server, 0);
  ck_assert_ptr_nonnull(strstr(late->head, "PATCH /api/v1/namespaces/ml/pods/wants/status"));
  ck_assert_ptr_nonnull(strstr(late->head, "application/merge-patch+json"));
  ck_assert_str_eq(late->body, "{\"metadata\":{\"resourceVersion\":\"3\"},"
                               "\"status\":{\"nominatedNodeName\":\"a\"}}");
  for (int i = 0; i < 500 && stats().lost != 1; i++)
    sleep_for(10);
  ck_assert_int_eq(stats().lost, 1);
  ck_assert_int_eq(stats().made, 0);
  live_lab_put_nominated(&lab, "wants", "", "8"); /* as somebody has written it */
  for (int i = 0; i < 500 && stats().made != 1; i++)
    sleep_for(10);
  ck_assert_int_eq(stats().made, 1);
  const struct api_request *last = api_server_request(lab.server, api_server_count(lab.server) - 1);
  ck_assert_ptr_nonnull(strstr(last->body, "{\"metadata\":{\"resourceVersion\":\"8\"},"));
}
END_TEST

/* Two have a node each; somebody else takes one of the nodes. */
START_TEST(advice_that_has_become_wrong_is_taken_back) {
  live_lab_put_node(&lab, "b", "1", NULL);
  start(true);
  live_lab_put_pod(&lab, "pod-0", NULL, "1");
  live_lab_put_pod(&lab, "pod-1", NULL, "1");
  ck_assert(api_server_wait(lab.server, 2));
  struct str wrong = nominated_node(pod_name(0)), right = nominated_node(pod_name(1));
  ck_assert(!str_eq(wrong, right));
  live_lab_put_nominated(&lab, "pod-0", wrong.ptr, "11");
  live_lab_put_nominated(&lab, "pod-1", right.ptr, "12");
  live_lab_put_pod(&lab, "intruder", wrong.ptr, "1");
  ck_assert(api_server_wait(lab.server, 3));
  const struct api_request *back = api_server_request(lab.server, 2);
  ck_assert_ptr_nonnull(strstr(back->head, "PATCH /api/v1/namespaces/ml/pods/pod-0/status"));
  ck_assert_str_eq(back->body, "{\"metadata\":{\"resourceVersion\":\"11\"},"
                               "\"status\":{\"nominatedNodeName\":null}}");
  for (int i = 0; i < 500 && stats().cleared != 1; i++)
    sleep_for(10);
  ck_assert_int_eq(stats().cleared, 1);
  assert_metric("\nslicegate_nominations_total{result=\"cleared\"} 1\n");
  assert_metric("\nslicegate_nominations_total{result=\"made\"} 2\n");
  wait_for_held(1); /* of the other, which has been looked at as well */
  live_lab_put_nominated(&lab, "pod-0", "", "13");
  live_lab_put_node(&lab, "c", "1", NULL); /* it is advised on anew */
  ck_assert(api_server_wait(lab.server, 4));
  ck_assert_str_eq(nominated_node(pod_name(0)).ptr, "c");
  ck_assert_int_eq(stats().cleared, 1);
  ck_assert_int_eq(stats().hits + stats().misses, 0); /* nobody was bound */
}
END_TEST

/* ---- the score ------------------------------------------------------------------------------- */

static bool find_bound(void *ctx, const struct nomination_due *nomination, struct str *ret_node) {
  (void)nomination;
  *ret_node = *(const struct str *)ctx;
  return ret_node->ptr != NULL;
}

/* So many pods, nominated for "n", are bound there. */
static void end(struct nominations *nominations, int count, const char *node) {
  struct str where = node ? str_of(node) : (struct str){NULL, 0};
  for (int i = 0; i < count; i++) {
    struct pod pod = {.ns = {"ml", 2}, .name = pod_name(i), .uid = pod_name(i)};
    nominations_add(nominations, &pod, STR_LIT("n"), 0);
  }
  nominations_settle(nominations, find_bound, &where);
}

static int64_t percent(struct nominations *nominations) {
  int64_t hits, misses, now;
  nominations_get_score(nominations, &hits, &misses, &now);
  return now;
}

START_TEST(only_the_last_ones_are_scored) {
  struct nominations *n = nominations_new();
  int64_t hits, misses, now;
  end(n, NOMINATIONS_SCORED_LEAST - 1, "n");
  ck_assert_int_eq(percent(n), -1);
  end(n, 1, NULL); /* gone, not bound */
  end(n, 1, "");   /* waits still */
  ck_assert_int_eq(percent(n), -1);
  nominations_forget(n, pod_name(0)); /* as if it had not been made */
  end(n, 1, "n");
  ck_assert_int_eq(percent(n), 100);
  end(n, NOMINATIONS_SCORED_LEAST, "other");
  ck_assert_int_eq(percent(n), 50);
  ck_assert(!nominations_are_ignored(n)); /* half of them is enough */
  end(n, 1, "other");
  ck_assert_int_eq(percent(n), 49);
  ck_assert(nominations_are_ignored(n));
  end(n, NOMINATIONS_SCORED, "n"); /* those before are forgotten */
  ck_assert_int_eq(percent(n), 100);
  end(n, NOMINATIONS_SCORED / 4, "other");
  ck_assert_int_eq(percent(n), 75);
  nominations_reset_score(n);
  nominations_get_score(n, &hits, &misses, &now);
  ck_assert_int_eq(now, -1);
  ck_assert_int_eq(hits, NOMINATIONS_SCORED_LEAST + NOMINATIONS_SCORED);
  ck_assert_int_eq(misses, NOMINATIONS_SCORED_LEAST + 1 + NOMINATIONS_SCORED / 4);
  nominations_free(n);
}
END_TEST

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
  struct sys_metrics *metrics = sys_metrics_new("slicegate");
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
  tcase_add_test(tcase, the_share_of_hits_is_told);
  tcase_add_test(tcase, a_pod_that_has_changed_is_looked_at_again);
  tcase_add_test(tcase, advice_that_has_become_wrong_is_taken_back);
  tcase_add_test(tcase, only_the_last_ones_are_scored);
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

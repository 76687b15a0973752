/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and watches of a server that behaves. */
#include "tests/support/sleep.h"
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/texts.h"

#include <time.h>

TCase *tcase_watch(void);

START_TEST(lists_and_follows) {
  static const struct api_step steps[] = {
      {.want = "GET /api/v1/pods?limit=2 HTTP", .body = LIST("10", "", OBJECT("a", "3"))},
      {.want = "&resourceVersion=10 HTTP",
       .body = EVENT("ADDED", "b", "11") EVENT("MODIFIED", "a", "12") EVENT("DELETED", "b", "13"),
       .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "deleted b", 1));
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  ck_assert(stats.is_synced);
  ck_assert_int_eq(stats.lists, 1);
  ck_assert_int_eq(stats.events, 3);
  ck_assert_int_ge(stats.unheard_ms, 0);
  const struct api_request *request = api_server_request(rig.server, 1);
  ck_assert_ptr_nonnull(
      strstr(request->head, "GET /api/v1/pods?watch=1&allowWatchBookmarks=true&"));
  ck_assert_ptr_nonnull(strstr(request->head, "Authorization: Bearer secret"));
  ck_assert_ptr_nonnull(strstr(request->head, "User-Agent: slicegate/"));
  watch_end(&rig, watch, "begin\nobject a\nsynced\nobject b\nobject a\ndeleted b\n");
}
END_TEST

START_TEST(lists_in_pages) {
  static const struct api_step steps[] = {
      {.want = "?limit=2 HTTP",
       .body = LIST("10", ",\"continue\":\"p/2\"", OBJECT("a", "3") "," OBJECT("b", "4"))},
      {.want = "?limit=2&continue=p%2F2 HTTP",
       .body = LIST("10", ",\"continue\":\"\"", OBJECT("c", "5"))},
      {.want = "&resourceVersion=10 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(api_server_wait(rig.server, 3));
  watch_end(&rig, watch, "begin\nobject a\nobject b\nobject c\nsynced\n");
}
END_TEST

START_TEST(resumes_where_a_bookmark_was) {
  static const struct api_step steps[] = {{.body = LIST("10", "", "")},
                                          {.want = "&resourceVersion=10 HTTP",
                                           .body = EVENT("ADDED", "a", "11") BOOKMARK("40"),
                                           .how = API_CHUNKED},
                                          {.want = "&resourceVersion=40 HTTP",
                                           .body = EVENT("ADDED", "b", "41"),
                                           .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "object b", 1));
  watch_end(&rig, watch, "begin\nsynced\nobject a\nobject b\n");
}
END_TEST

START_TEST(streams_lists) {
  static const struct api_step steps[] = {
      {.want = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan HTTP",
       .body = EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "4") INITIAL_END("10")
           EVENT("MODIFIED", "a", "11"),
       .how = API_CHUNKED},
      {.want = "&resourceVersion=11 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(api_server_wait(rig.server, 2));
  watch_end(&rig, watch, "begin\nobject a\nobject b\nsynced\nobject a\n");
}
END_TEST

/* What a watch that hangs has not told is in the list that is asked for. */
START_TEST(lists_anew_when_asked) {
  static const struct api_step paged[] = {
      {.want = "GET /api/v1/pods?limit=2 HTTP", .body = LIST("10", "", OBJECT("a", "3"))},
      {.want = "&resourceVersion=10 HTTP", .how = API_CHUNKED | API_HANG},
      {.want = "GET /api/v1/pods?limit=2 HTTP", .body = LIST("20", "", OBJECT("b", "15"))},
      {.want = "&resourceVersion=20 HTTP", .how = API_CHUNKED | API_HANG}};
  static const struct api_step streamed[] = {
      {.want = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan HTTP",
       .body = EVENT("ADDED", "a", "3") INITIAL_END("10"),
       .how = API_CHUNKED | API_HANG},
      {.want = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan HTTP",
       .body = EVENT("ADDED", "b", "15") INITIAL_END("20"),
       .how = API_CHUNKED | API_HANG}};
  bool is_streaming = _i == 1;
  struct rig rig;
  rig_start(&rig, is_streaming ? streamed : paged, is_streaming ? 2 : 4);
  struct kube_watch *watch = watch_begin(&rig, is_streaming);
  ck_assert(api_server_wait(rig.server, is_streaming ? 1 : 2));
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  ck_assert_int_eq(stats.relisted, 0);
  int64_t ticket = kube_watch_relist(watch);
  ck_assert_int_gt(ticket, 0);
  ck_assert(recorder_wait(&rig.recorder, "synced", 2));
  do {
    sleep_for(1); /* it is counted right behind what the sink was told */
    kube_watch_stats(watch, &stats);
  } while (stats.relisted < ticket);
  ck_assert_int_eq(stats.lists, 2);
  ck_assert_int_eq(stats.failures, 0); /* that we ended the stream is none */
  watch_end(&rig, watch, "begin\nobject a\nsynced\nbegin\nobject b\nsynced\n");
}
END_TEST

START_TEST(asks_for_what_is_selected) {
  static const struct api_step steps[] = {
      {.want =
           "GET /apis/resource.k8s.io/v1/namespaces/team-a/resourceclaims"
           "?fieldSelector=status.phase%21%3DFailed&labelSelector=a%20in%20%28b%2Cc%29&limit=500"}};
  struct rig rig;
  struct err err;
  RIG(rig, steps);
  struct kube_sink sink = recorder_sink(&rig.recorder);
  struct kube_watch_options options = {.kind = &kube_resource_claims,
                                       .namespace = STR_LIT("team-a"),
                                       .field_selector = STR_LIT("status.phase!=Failed"),
                                       .label_selector = STR_LIT("a in (b,c)"),
                                       .no_streaming = true};
  struct kube_watch *watch = kube_watch_start(rig.client, &options, &sink, &err);
  ck_assert(api_server_wait(rig.server, 1));
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

/* Nothing of a stream may hang on where it is cut: chunk and packet after every byte. */
START_TEST(takes_streams_split_anywhere) {
  static const char list[] = LIST("10", "", OBJECT("a", "3") ", " OBJECT("b", "4"));
  static const char events[] = EVENT("ADDED", "c", "11") BOOKMARK("12") EVENT("DELETED", "a", "13");
  struct api_step steps[] = {{.body = list, .how = API_SPLIT, .split = (size_t)_i},
                             {.want = "resourceVersion=10 ",
                              .body = events,
                              .how = API_SPLIT | API_HANG,
                              .split = (size_t)_i}};
  struct rig rig;
  rig_start(&rig, steps, 2);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "deleted a", 1));
  watch_end(&rig, watch, "begin\nobject a\nobject b\nsynced\nobject c\ndeleted a\n");
}
END_TEST

START_TEST(takes_streams_byte_by_byte) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", OBJECT("a", "3")), .how = API_BYTEWISE},
      {.body = EVENT("ADDED", "b", "11"), .how = API_BYTEWISE | API_HANG, .pause_ms = 2}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "object b", 1));
  watch_end(&rig, watch, "begin\nobject a\nsynced\nobject b\n");
}
END_TEST

START_TEST(takes_packed_lists) {
  static const struct api_step steps[] = {
      {.want = "Accept-Encoding: gzip", .body = LIST("10", "", OBJECT("a", "3")), .how = API_GZIP}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch, "begin\nobject a\nsynced\n");
}
END_TEST

TCase *tcase_watch(void) {
  TCase *tc = tcase_create("watch");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, lists_and_follows);
  tcase_add_test(tc, lists_in_pages);
  tcase_add_test(tc, resumes_where_a_bookmark_was);
  tcase_add_test(tc, streams_lists);
  tcase_add_loop_test(tc, lists_anew_when_asked, 0, 2);
  tcase_add_test(tc, asks_for_what_is_selected);
  tcase_add_loop_test(tc, takes_streams_split_anywhere, 1, 130);
  tcase_add_test(tc, takes_streams_byte_by_byte);
  tcase_add_test(tc, takes_packed_lists);
  return tc;
}

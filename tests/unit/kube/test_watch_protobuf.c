/* SPDX-License-Identifier: Apache-2.0 */
/* Watches whose events come in protobuf. */
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/proto_build.h"
#include "tests/unit/kube/texts.h"

TCase *tcase_watch_protobuf(void);

#define ACCEPT_PROTOBUF "Accept: application/vnd.kubernetes.protobuf,application/json\r\n"

static void setup(void) {
  fixture_setup();
  pb_setup();
}

static void teardown(void) {
  pb_teardown();
  fixture_teardown();
}

/* A step that answers with frames. */
static struct api_step stream_of(struct str frames, unsigned how, const char *want) {
  return (struct api_step){.want = want,
                           .header = PROTOBUF_WATCH,
                           .body = frames.ptr,
                           .body_len = frames.len,
                           .how = how};
}

enum { SOME_EVENTS_BYTES = 310 };

static struct str some_events(void) {
  return PB(pb_pod_event("ADDED", "a", "3"), pb_pod_event("ADDED", "b", "4"), pb_initial_end("10"),
            pb_pod_event("MODIFIED", "a", "11"), pb_bookmark("12"),
            pb_pod_event("DELETED", "b", "13"));
}
static const char some_told[] = "begin\nobject a\nobject b\nsynced\nobject a\ndeleted b\n";

START_TEST(streams_lists_and_follows) {
  const struct api_step steps[] = {stream_of(some_events(), API_CHUNKED, "&sendInitialEvents=true"),
                                   stream_of(pb_pod_event("ADDED", "c", "14"),
                                             API_CHUNKED | API_HANG, "&resourceVersion=13 HTTP")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "object c", 1));
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  ck_assert(stats.is_synced);
  ck_assert_int_eq(stats.lists, 1);
  ck_assert_int_eq(stats.events, 7);
  ck_assert_int_eq(stats.failures, 0);
  ck_assert_ptr_nonnull(strstr(api_server_request(rig.server, 0)->head, ACCEPT_PROTOBUF));
  watch_end(&rig, watch, "begin\nobject a\nobject b\nsynced\nobject a\ndeleted b\nobject c\n");
}
END_TEST

START_TEST(resumes_behind_bookmarks) {
  const struct api_step steps[] = {
      stream_of(PB(pb_initial_end("10"), pb_bookmark("40")), API_CHUNKED, NULL),
      stream_of(pb_pod_event("ADDED", "b", "41"), API_CHUNKED | API_HANG,
                "&resourceVersion=40 HTTP")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "object b", 1));
  watch_end(&rig, watch, "begin\nsynced\nobject b\n");
}
END_TEST

START_TEST(takes_frames_split_anywhere) {
  struct str frames = some_events();
  struct rig rig;
  ck_assert_uint_eq(frames.len, SOME_EVENTS_BYTES);
  struct api_step step = stream_of(frames, API_SPLIT | API_HANG, NULL);
  step.split = (size_t)_i;
  rig_start(&rig, &step, 1);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "deleted b", 1));
  watch_end(&rig, watch, some_told);
}
END_TEST

START_TEST(takes_frames_byte_by_byte) {
  const struct api_step steps[] = {stream_of(some_events(), API_BYTEWISE | API_HANG, NULL)};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "deleted b", 1));
  watch_end(&rig, watch, some_told);
}
END_TEST

/* As they are asked for in one header, the server chooses. */
START_TEST(takes_json_from_servers_that_prefer_it) {
  static const struct api_step steps[] = {
      {.want = ACCEPT_PROTOBUF,
       .body = EVENT("ADDED", "a", "3") INITIAL_END("10") EVENT("DELETED", "a", "11"),
       .how = API_CHUNKED},
      {.want = "&resourceVersion=11 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(api_server_wait(rig.server, 2));
  watch_end(&rig, watch, "begin\nobject a\nsynced\ndeleted a\n");
}
END_TEST

/* What is not known by its fields, and lists, come in JSON. */
START_TEST(asks_for_json_otherwise) {
  static const struct api_step steps[] = {
      {.want = "Accept: application/json\r\n", .body = INITIAL_END("10"), .how = API_CHUNKED},
      {.want = "Accept: application/json\r\n", .how = API_CHUNKED | API_HANG}};
  static const struct api_step paged[] = {
      {.want = "Accept: application/json\r\n", .body = LIST("10", "", "")},
      {.want = ACCEPT_PROTOBUF, .how = API_CHUNKED | API_HANG}};
  bool is_paged = _i == 1;
  struct rig rig;
  rig_start(&rig, is_paged ? paged : steps, 2);
  struct kube_watch *watch = watch_begin_with(
      &rig, (struct kube_watch_options){.kind = is_paged ? &kube_pods : &kube_resource_slices,
                                        .no_streaming = is_paged});
  ck_assert(api_server_wait(rig.server, 2));
  watch_end(&rig, watch, "begin\nsynced\n");
}
END_TEST

/* ---- failures ---------------------------------------------------------------------------- */

START_TEST(lists_again_after_410_as_event) {
  struct str expired = pb_frame(pb_event("ERROR", pb_status(410, "Expired", "too old")));
  const struct api_step steps[] = {
      stream_of(PB(pb_pod_event("ADDED", "a", "3"), pb_initial_end("10"), expired),
                API_CHUNKED | API_HANG, NULL),
      stream_of(PB(pb_pod_event("ADDED", "b", "4"), pb_initial_end("90")), API_CHUNKED | API_HANG,
                "&sendInitialEvents=true")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "synced", 2));
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  ck_assert_int_eq(stats.failures, 0);
  watch_end(&rig, watch, "begin\nobject a\nsynced\nbegin\nobject b\nsynced\n");
}
END_TEST

START_TEST(tells_errors_of_events) {
  struct str failed = pb_frame(pb_event("ERROR", pb_status(500, "InternalError", "etcd is away")));
  const struct api_step steps[] = {
      stream_of(PB(pb_initial_end("10"), failed), API_CHUNKED | API_HANG, NULL),
      stream_of(pb_pod_event("ADDED", "a", "11"), API_CHUNKED | API_HANG,
                "&resourceVersion=10 HTTP")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "object a", 1));
  watch_end(&rig, watch, "begin\nsynced\nerror  500 500 InternalError: etcd is away\nobject a\n");
}
END_TEST

START_TEST(tells_errors_of_answers) {
  struct str status = pb_status(403, "Forbidden", "pods is forbidden: \"x\"");
  const struct api_step steps[] = {
      {.status = 403, .header = PROTOBUF, .body = status.ptr, .body_len = status.len},
      stream_of(pb_initial_end("10"), API_CHUNKED | API_HANG, NULL)};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch,
            "begin\nerror  403 403 Forbidden: pods is forbidden: \"x\"\nbegin\nsynced\n");
}
END_TEST

/* What cannot be read of an answer is not shown. */
START_TEST(tells_errors_that_cannot_be_read) {
  struct str other = pb_object("Other", pb_text(1, "x"));
  const struct api_step steps[] = {
      {.status = 500, .header = PROTOBUF, .body = other.ptr, .body_len = other.len},
      stream_of(pb_initial_end("10"), API_CHUNKED | API_HANG, NULL)};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch, "begin\nerror  500 500\nbegin\nsynced\n");
}
END_TEST

/* ---- objects that are too long ----------------------------------------------------------- */

static struct str long_pod(const char *filler) {
  return pb_object("Pod", PB_MESSAGE(1, pb_text(1, "big"), pb_text(3, "team"), pb_text(6, "11"),
                                     pb_pair(12, "a", filler)));
}

START_TEST(loses_objects_that_are_too_long) {
  /* As they come, or only as JSON: control bytes are six there. */
  char filler[600];
  memset(filler, _i == 0 ? 'x' : '\x01', sizeof(filler));
  filler[_i == 0 ? sizeof(filler) - 1 : 90] = '\0';
  struct str frame = pb_frame(pb_event("MODIFIED", long_pod(filler)));
  const struct api_step steps[] = {
      stream_of(PB(pb_initial_end("10"), frame, pb_pod_event("ADDED", "a", "12")), API_CHUNKED,
                NULL),
      stream_of((struct str){"", 0}, API_CHUNKED | API_HANG, "&resourceVersion=12 HTTP")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch =
      watch_begin_with(&rig, (struct kube_watch_options){.max_object_bytes = 400});
  ck_assert(api_server_wait(rig.server, 2));
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  ck_assert_int_eq(stats.lost, 1);
  watch_end(&rig, watch,
            "begin\nsynced\nerror team/big lost 0 an object is longer than 400 bytes\nobject a\n");
}
END_TEST

/* A deletion must not be missed: what is there now is listed. */
START_TEST(lists_again_when_a_deletion_is_too_long) {
  char filler[600];
  memset(filler, 'x', sizeof(filler));
  filler[sizeof(filler) - 1] = '\0';
  struct str frame = pb_frame(pb_event("DELETED", long_pod(filler)));
  const struct api_step steps[] = {
      stream_of(PB(pb_initial_end("10"), frame), API_CHUNKED | API_HANG, NULL),
      stream_of(pb_initial_end("20"), API_CHUNKED | API_HANG, "&sendInitialEvents=true")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch =
      watch_begin_with(&rig, (struct kube_watch_options){.max_object_bytes = 400});
  ck_assert(recorder_wait(&rig.recorder, "synced", 2));
  watch_end(&rig, watch,
            "begin\nsynced\nerror  0 an object is longer than 400 bytes\nbegin\nsynced\n");
}
END_TEST

/* ---- messages that cannot be read -------------------------------------------------------- */

static struct str unreadable(int which) {
  switch (which) {
  case 0:
    return pb_text(1, "ADDED");
  case 1:
    return (struct str){"", 0};
  case 2:
    return (struct str){"{\"type\":\"ADDED\"}", 16};
  case 3:
    return pb_event("OTHER", pb_pod("a", "11"));
  default:
    return pb_event("ADDED", (struct str){OBJECT("a", "11"), sizeof(OBJECT("a", "11")) - 1});
  }
}

/* As with one in JSON that is of no use: the others go on. */
START_TEST(leaves_out_an_object_that_it_cannot_read) {
  struct str twice = PB_MESSAGE(1, pb_text(1, "a"), pb_text(6, "11"), pb_text(6, "12"));
  const struct api_step steps[] = {
      stream_of(PB(pb_initial_end("10"), pb_frame(pb_event("ADDED", pb_object("Pod", twice))),
                   pb_frame(pb_event("MODIFIED", pb_object("Secret", pb_text(1, "")))),
                   pb_pod_event("ADDED", "b", "14")),
                API_CHUNKED | API_HANG, NULL)};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "object b", 1));
  watch_end(&rig, watch,
            "begin\nsynced\n"
            "error a lost 0 the fields of a Pod are not as Kubernetes encodes them\n"
            "error  lost 0 an object of the kind \"Secret\" is not expected\nobject b\n");
}
END_TEST

START_TEST(lists_again_after_what_it_cannot_read) {
  const struct api_step steps[] = {
      stream_of(PB(pb_initial_end("10"), pb_frame(unreadable(_i))), API_CHUNKED | API_HANG, NULL),
      stream_of(PB(pb_pod_event("ADDED", "b", "4"), pb_initial_end("20")), API_CHUNKED | API_HANG,
                "&sendInitialEvents=true")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "synced", 2));
  watch_end(&rig, watch,
            "begin\nsynced\nerror  0 a message of the watch is no event\n"
            "begin\nobject b\nsynced\n");
}
END_TEST

/* Nothing of a message whose end does not come is told. */
START_TEST(resumes_after_a_message_that_is_cut_off) {
  struct str cut = pb_pod_event("ADDED", "b", "12");
  cut.len -= (size_t)_i + 1;
  const struct api_step steps[] = {
      stream_of(PB(pb_initial_end("10"), pb_pod_event("ADDED", "a", "11"), cut),
                API_CHUNKED | (_i % 2 ? API_CUT : 0), NULL),
      stream_of(pb_pod_event("ADDED", "b", "12"), API_CHUNKED | API_HANG,
                "&resourceVersion=11 HTTP")};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "object b", 1));
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  ck_assert_int_eq(stats.lists, 1);
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

TCase *tcase_watch_protobuf(void) {
  TCase *tc = tcase_create("watch_protobuf");
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, streams_lists_and_follows);
  tcase_add_test(tc, resumes_behind_bookmarks);
  tcase_add_loop_test(tc, takes_frames_split_anywhere, 1, SOME_EVENTS_BYTES);
  tcase_add_test(tc, takes_frames_byte_by_byte);
  tcase_add_test(tc, takes_json_from_servers_that_prefer_it);
  tcase_add_loop_test(tc, asks_for_json_otherwise, 0, 2);
  tcase_add_test(tc, lists_again_after_410_as_event);
  tcase_add_test(tc, tells_errors_of_events);
  tcase_add_test(tc, tells_errors_of_answers);
  tcase_add_test(tc, tells_errors_that_cannot_be_read);
  tcase_add_loop_test(tc, loses_objects_that_are_too_long, 0, 2);
  tcase_add_test(tc, lists_again_when_a_deletion_is_too_long);
  tcase_add_loop_test(tc, lists_again_after_what_it_cannot_read, 0, 5);
  tcase_add_test(tc, leaves_out_an_object_that_it_cannot_read);
  tcase_add_loop_test(tc, resumes_after_a_message_that_is_cut_off, 0, 6);
  return tc;
}

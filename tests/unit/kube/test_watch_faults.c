/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and watches of servers and networks that do not behave. */
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/texts.h"

TCase *tcase_watch_faults(void);

static struct kube_watch_stats stats_of(const struct kube_watch *watch) {
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  return stats;
}

/* ---- expired ----------------------------------------------------------------------------- */

START_TEST(lists_again_after_410_as_status) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", OBJECT("a", "3") "," OBJECT("b", "4"))},
      {.want = "&resourceVersion=10 HTTP",
       .status = 410,
       .body = STATUS(410, "Expired", "too old resource version")},
      {.want = "?limit=2 HTTP", .body = LIST("90", "", OBJECT("b", "4"))},
      {.want = "&resourceVersion=90 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(api_server_wait(rig.server, 4));
  ck_assert_int_eq(stats_of(watch).failures, 0); /* it is ordinary */
  watch_end(&rig, watch, "begin\nobject a\nobject b\nsynced\nbegin\nobject b\nsynced\n");
}
END_TEST

START_TEST(lists_again_after_410_as_event) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", OBJECT("a", "3"))},
      {.body = EVENT("ADDED", "b", "11") ERROR_EVENT(410, "Expired", "too old"),
       .how = API_CHUNKED | API_HANG},
      {.want = "?limit=2 HTTP", .body = LIST("90", "", OBJECT("b", "11"))},
      {.want = "&resourceVersion=90 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(api_server_wait(rig.server, 4));
  watch_end(&rig, watch, "begin\nobject a\nsynced\nobject b\nbegin\nobject b\nsynced\n");
}
END_TEST

START_TEST(tells_when_lists_expire_again_and_again) {
  static const struct api_step steps[] = {{.body = LIST("10", "", "")},
                                          {.status = 410, .body = STATUS(410, "Expired", "old")},
                                          {.body = LIST("11", "", "")},
                                          {.status = 410, .body = STATUS(410, "Expired", "old")},
                                          {.body = LIST("12", "", "")}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "synced", 3));
  watch_end(&rig, watch,
            "begin\nsynced\nbegin\nsynced\nerror  410 410 Expired: old\nbegin\nsynced\n");
}
END_TEST

START_TEST(lists_without_pages_when_a_page_has_expired) {
  static const struct api_step steps[] = {
      {.body = LIST("10", ",\"continue\":\"t\"", OBJECT("a", "3") "," OBJECT("b", "4"))},
      {.want = "continue=t", .status = 410, .body = STATUS(410, "Expired", "token is too old")},
      {.want = "GET /api/v1/pods HTTP", .body = LIST("20", "", OBJECT("b", "4"))},
      {.want = "&resourceVersion=20 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(api_server_wait(rig.server, 4));
  watch_end(&rig, watch, "begin\nobject a\nobject b\nbegin\nobject b\nsynced\n");
}
END_TEST

/* ---- streamed lists ---------------------------------------------------------------------- */

START_TEST(lists_in_pages_when_streaming_is_refused) {
  static const struct api_step steps[] = {
      {.want = "sendInitialEvents=true",
       .status = 422,
       .body = STATUS(422, "Invalid", "sendInitialEvents is forbidden")},
      {.want = "?limit=2 HTTP", .body = LIST("10", "", OBJECT("a", "3"))},
      {.want = "&resourceVersion=10 HTTP",
       .status = 410,
       .body = STATUS(410, "Expired", "too old")},
      {.want = "?limit=2 HTTP", .body = LIST("11", "", "")}}; /* not tried again */
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "synced", 2));
  watch_end(&rig, watch, "begin\nbegin\nobject a\nsynced\nbegin\nsynced\n");
}
END_TEST

/* Servers before 1.27 do not know the argument: they watch, and never end the list. */
START_TEST(lists_in_pages_when_streaming_is_not_known) {
  static const struct api_step rows[][2] = {
      {{.body = EVENT("ADDED", "a", "3") BOOKMARK("9"), .how = API_CHUNKED | API_HANG},
       {.body = LIST("10", "", OBJECT("a", "3"))}},
      {{.body = EVENT("ADDED", "a", "3"), .how = API_CHUNKED | API_HANG}, /* silence */
       {.body = LIST("10", "", OBJECT("a", "3"))}}};
  struct rig rig;
  RIG(rig, rows[_i]);
  struct kube_watch *watch = watch_begin_with(&rig, (struct kube_watch_options){.idle_ms = 200});
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch, "begin\nobject a\nbegin\nobject a\nsynced\n");
}
END_TEST

START_TEST(a_streamed_list_that_is_cut_off_starts_over) {
  static const struct api_step steps[] = {{.body = EVENT("ADDED", "a", "3"), .how = API_CHUNKED},
                                          {.want = "sendInitialEvents=true",
                                           .body = EVENT("ADDED", "b", "4") INITIAL_END("10"),
                                           .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, true);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch,
            "begin\nobject a\nerror  0 the streamed list ended in its middle\n"
            "begin\nobject b\nsynced\n");
}
END_TEST

/* ---- connections ------------------------------------------------------------------------- */

START_TEST(resumes_after_a_broken_connection) {
  static const unsigned how[] = {API_RESET, API_CUT, API_HANG, API_BYTEWISE | API_CUT};
  const struct api_step steps[] = {
      {.body = LIST("10", "", "")},
      {.body = EVENT("ADDED", "a", "11") "{\"type\":\"ADD", .how = API_CHUNKED | how[_i]},
      {.want = "&resourceVersion=11 HTTP",
       .body = EVENT("ADDED", "b", "12"),
       .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch =
      watch_begin_with(&rig, (struct kube_watch_options){.no_streaming = true, .idle_ms = 300});
  ck_assert(recorder_wait(&rig.recorder, "object b", 1));
  char *text = recorder_text(&rig.recorder);
  ck_assert_msg(strstr(text, "begin\nsynced\nobject a\nerror ") == text, "%s", text);
  ck_assert_ptr_null(strstr(text, "lost"));
  free(text);
  ck_assert_int_ge(stats_of(watch).failures, 1);
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

/* Connections that break now and then, each after it has brought something, are not waited for
 * longer and longer; a server that brings nothing is. */
START_TEST(waits_longer_only_where_nothing_comes) {
  enum { MIN_MS = 20 };
  static const char *const brought[][4] = {
      {EVENT("ADDED", "a", "11"), EVENT("ADDED", "b", "12"), EVENT("ADDED", "c", "13"),
       EVENT("ADDED", "d", "14")},
      {"", "", "", ""},
  };
  struct api_step steps[6] = {
      {.body = LIST("10", "", "")},
      [5] = {.body = EVENT("ADDED", "end", "15"), .how = API_CHUNKED | API_HANG}};
  for (int i = 0; i < 4; i++)
    steps[i + 1] = (struct api_step){.body = brought[_i][i], .how = API_CHUNKED | API_CUT};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin_with(
      &rig, (struct kube_watch_options){
                .no_streaming = true, .backoff_min_ms = MIN_MS, .backoff_max_ms = 60000});
  ck_assert(recorder_wait(&rig.recorder, "object end", 1));
  ck_assert_int_eq(stats_of(watch).failures, 4);
  if (_i == 0)
    ck_assert_int_le(rig.recorder.longest_retry_ms, 2 * MIN_MS);
  else
    ck_assert_int_ge(rig.recorder.longest_retry_ms, 8 * MIN_MS);
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

START_TEST(a_slow_stream_is_no_dead_one) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", "")},
      {.body = EVENT("ADDED", "a", "11"), .how = API_BYTEWISE | API_HANG, .pause_ms = 12}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch =
      watch_begin_with(&rig, (struct kube_watch_options){.no_streaming = true, .idle_ms = 400});
  ck_assert(recorder_wait(&rig.recorder, "object a", 1));
  watch_end(&rig, watch, "begin\nsynced\nobject a\n");
}
END_TEST

START_TEST(asks_for_a_page_again) {
  static const struct api_step failing[] = {
      {.body = LIST("10", "", OBJECT("c", "5")), .how = API_RESET},
      {.status = 503, .header = "Retry-After: 1\r\n", .body = STATUS(503, "", "not yet")},
      {.how = API_NO_ANSWER | API_CUT},
      {.how = API_NO_ANSWER | API_HANG}};
  const struct api_step steps[] = {
      {.body = LIST("10", ",\"continue\":\"t\"", OBJECT("a", "3") "," OBJECT("b", "4"))},
      failing[_i],
      {.want = "continue=t", .body = LIST("10", "", OBJECT("c", "5"))}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin_with(
      &rig, (struct kube_watch_options){.no_streaming = true, .list_timeout_ms = 500});
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  char *text = recorder_text(&rig.recorder);
  ck_assert_msg(strstr(text, "begin\nobject a\nobject b\n") == text, "%s", text);
  ck_assert_ptr_null(strstr(text + 1, "begin"));
  ck_assert_ptr_nonnull(strstr(text, "object c\nsynced\n"));
  free(text);
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

/* The second try is a list of another moment: what has gone between must not stay. */
START_TEST(begins_anew_when_a_first_page_fails) {
  static const struct api_step steps[] = {
      {.body = "{\"items\":[" OBJECT("a", "3") ",", .how = API_CUT},
      {.body = LIST("11", "", OBJECT("b", "4"))}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  char *text = recorder_text(&rig.recorder);
  ck_assert_msg(strstr(text, "begin\nobject a\nerror ") == text, "%s", text);
  ck_assert_msg(strstr(text, "\nbegin\nobject b\nsynced\n") != NULL, "%s", text);
  free(text);
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

START_TEST(tells_what_is_forbidden_and_goes_on_trying) {
  static const struct api_step steps[] = {
      {.status = 403, .body = STATUS(403, "Forbidden", "pods is forbidden")},
      {.body = LIST("10", "", "")}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch, "begin\nerror  403 403 Forbidden: pods is forbidden\nbegin\nsynced\n");
}
END_TEST

START_TEST(resumes_after_other_errors_of_the_server) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", "")},
      {.body = EVENT("ADDED", "a", "11") ERROR_EVENT(500, "InternalError", "etcd is away"),
       .how = API_CHUNKED},
      {.want = "&resourceVersion=11 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(api_server_wait(rig.server, 3));
  watch_end(&rig, watch, "begin\nsynced\nobject a\nerror  500 500 InternalError: etcd is away\n");
}
END_TEST

/* ---- what is too large, or no JSON ------------------------------------------------------- */

#define FILLER_40 "0123456789012345678901234567890123456789"
#define GIANT(name, version)                                                                       \
  "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"resourceVersion\":\"" version       \
  "\"},\"x\":\"" FILLER_40 FILLER_40 FILLER_40 FILLER_40 FILLER_40 "\"}"

START_TEST(leaves_giants_out_and_says_so) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", OBJECT("a", "3") "," GIANT("g", "4") "," OBJECT("b", "5"))},
      {.body =
           "{\"type\":\"MODIFIED\",\"object\":" GIANT("h", "11") "}\n" EVENT("ADDED", "c", "12"),
       .how = API_BYTEWISE},
      {.want = "&resourceVersion=12 HTTP", .how = API_CHUNKED | API_HANG}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin_with(
      &rig, (struct kube_watch_options){.no_streaming = true, .max_object_bytes = 200});
  ck_assert(api_server_wait(rig.server, 3));
  ck_assert_int_eq(stats_of(watch).lost, 2);
  ck_assert_int_eq(stats_of(watch).failures, 0);
  watch_end(&rig, watch,
            "begin\nobject a\n"
            "error ns/g lost 0 an object of the list is longer than 200 bytes\n"
            "object b\nsynced\n"
            "error ns/h lost 0 an object is longer than 200 bytes\nobject c\n");
}
END_TEST

START_TEST(misses_no_deletion_of_a_giant) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", OBJECT("a", "3"))},
      {.body = "{\"type\":\"DELETED\",\"object\":" GIANT("a", "11") "}\n",
       .how = API_CHUNKED | API_HANG},
      {.want = "?limit=2 HTTP", .body = LIST("12", "", "")}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin_with(
      &rig, (struct kube_watch_options){.no_streaming = true, .max_object_bytes = 200});
  ck_assert(recorder_wait(&rig.recorder, "synced", 2));
  watch_end(
      &rig, watch,
      "begin\nobject a\nsynced\nerror  0 an object is longer than 200 bytes\nbegin\nsynced\n");
}
END_TEST

/* A line without an end takes no more memory than a line may have. */
START_TEST(survives_a_line_without_end) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", "")},
      {.body = FILLER_40 FILLER_40 FILLER_40 FILLER_40, .how = API_REPEAT}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin_with(
      &rig, (struct kube_watch_options){
                .no_streaming = true, .max_object_bytes = 1000, .watch_seconds = 1});
  ck_assert(api_server_wait(rig.server, 2));
  for (int i = 0; i < 20; i++)
    (void)usleep(10000);
  watch_end(&rig, watch, "begin\nsynced\n");
}
END_TEST

static const char *const no_events[] = {
    "no json\n",
    "{\"type\":\"ADDED\"}\n",
    "{\"type\":\"ADDED\",\"object\":null}\n",
    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"b\"\n",
    "{\"type\":\"NEVER\",\"object\":{\"metadata\":{\"resourceVersion\":\"11\"}}}\n",
    "{\"type\":7,\"object\":{\"metadata\":{\"resourceVersion\":\"11\"}}}\n",
    "[]\n",
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{}}}\n",
};

START_TEST(lists_again_when_a_line_is_no_event) {
  const struct api_step steps[] = {{.body = LIST("10", "", "")},
                                   {.body = no_events[_i], .how = API_CHUNKED | API_HANG},
                                   {.want = "?limit=2 HTTP", .body = LIST("11", "", "")},
                                   {.want = "&resourceVersion=11 HTTP"}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(api_server_wait(rig.server, 4));
  char *text = recorder_text(&rig.recorder);
  ck_assert_ptr_nonnull(strstr(text, "begin\nsynced\nerror "));
  free(text);
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

static const char *const no_lists[] = {
    "no json",
    "{\"items\":{}}",
    "{\"items\":[7]}",
    "{\"items\":[{}}",
    "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]} more",
    "{\"items\":[]}",
    "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\"",
    "{\"metadata\":{\"resourceVersion\":17},\"items\":[]}",
    "",
};

START_TEST(a_list_that_is_none_is_no_empty_list) {
  const struct api_step steps[] = {{.body = no_lists[_i]}, {.body = LIST("11", "", "")}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  char *text = recorder_text(&rig.recorder);
  ck_assert_msg(strstr(text, "error  0 ") != NULL, "%s", text);
  ck_assert(strstr(text, "error ") < strstr(text, "synced"));
  free(text);
  kube_watch_stop(watch);
  rig_stop(&rig);
}
END_TEST

START_TEST(lists_have_a_largest_number_of_objects) {
  static const struct api_step steps[] = {
      {.body = LIST("10", "", OBJECT("a", "3") "," OBJECT("b", "4") "," OBJECT("c", "5"))},
      {.body = LIST("10", "", "")}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch =
      watch_begin_with(&rig, (struct kube_watch_options){.no_streaming = true, .max_objects = 2});
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch,
            "begin\nobject a\nobject b\nerror  0 the list has more than 2 objects\n"
            "begin\nsynced\n");
}
END_TEST

START_TEST(headers_without_end_are_refused) {
  static const struct api_step steps[] = {{.how = API_ENDLESS_HEADERS},
                                          {.body = LIST("10", "", "")}};
  struct rig rig;
  RIG(rig, steps);
  struct kube_watch *watch = watch_begin(&rig, false);
  ck_assert(recorder_wait(&rig.recorder, "synced", 1));
  watch_end(&rig, watch,
            "begin\nerror  0 the answer's headers are longer than 65536 bytes\nbegin\nsynced\n");
}
END_TEST

TCase *tcase_watch_faults(void) {
  TCase *tc = tcase_create("watch_faults");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, lists_again_after_410_as_status);
  tcase_add_test(tc, lists_again_after_410_as_event);
  tcase_add_test(tc, tells_when_lists_expire_again_and_again);
  tcase_add_test(tc, lists_without_pages_when_a_page_has_expired);
  tcase_add_test(tc, lists_in_pages_when_streaming_is_refused);
  tcase_add_loop_test(tc, lists_in_pages_when_streaming_is_not_known, 0, 2);
  tcase_add_test(tc, a_streamed_list_that_is_cut_off_starts_over);
  tcase_add_loop_test(tc, resumes_after_a_broken_connection, 0, 4);
  tcase_add_loop_test(tc, waits_longer_only_where_nothing_comes, 0, 2);
  tcase_add_test(tc, a_slow_stream_is_no_dead_one);
  tcase_add_loop_test(tc, asks_for_a_page_again, 0, 4);
  tcase_add_test(tc, begins_anew_when_a_first_page_fails);
  tcase_add_test(tc, tells_what_is_forbidden_and_goes_on_trying);
  tcase_add_test(tc, resumes_after_other_errors_of_the_server);
  tcase_add_test(tc, leaves_giants_out_and_says_so);
  tcase_add_test(tc, misses_no_deletion_of_a_giant);
  tcase_add_test(tc, survives_a_line_without_end);
  tcase_add_loop_test(tc, lists_again_when_a_line_is_no_event, 0, (int)SG_ARRAY_LEN(no_events));
  tcase_add_loop_test(tc, a_list_that_is_none_is_no_empty_list, 0, (int)SG_ARRAY_LEN(no_lists));
  tcase_add_test(tc, lists_have_a_largest_number_of_objects);
  tcase_add_test(tc, headers_without_end_are_refused);
  return tc;
}

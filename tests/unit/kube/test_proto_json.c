/* SPDX-License-Identifier: Apache-2.0 */
/* Objects in protobuf, as JSON. */
#include "src/kube/kube_internal.h"
#include "src/kube/protobuf.h"
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/proto_build.h"

TCase *tcase_proto_json(void);

#define BYTES(text) ((struct str){"" text, sizeof(text) - 1})
#define POD_START "{\"kind\":\"Pod\",\"apiVersion\":\"v1\""

static void check_object(struct str object, const char *wanted) {
  CLEANUP_BUF struct buf out;
  struct err err = {0};
  buf_init(&out, 1 << 20);
  ck_assert_msg(proto_object_json(object, &out, &err), "%s", err.text);
  ck_assert_str_eq(out.ptr, wanted);
  ck_assert(scan_is_closed(buf_str(&out)));
}

/* `wanted` is what stands behind kind and apiVersion. */
static void check_pod(struct str fields, const char *wanted) {
  char text[4096];
  (void)snprintf(text, sizeof(text), POD_START "%s}", wanted);
  check_object(pb_object("Pod", fields), text);
}
static void check_metadata(struct str fields, const char *wanted) {
  char text[4096];
  (void)snprintf(text, sizeof(text), ",\"metadata\":{%s}", wanted);
  check_pod(pb_bytes(1, fields), text);
}
static void check_spec(struct str fields, const char *wanted) {
  char text[4096];
  (void)snprintf(text, sizeof(text), ",\"spec\":{%s}", wanted);
  check_pod(pb_bytes(2, fields), text);
}
static void check_status(struct str fields, const char *wanted) {
  char text[4096];
  (void)snprintf(text, sizeof(text), ",\"status\":{%s}", wanted);
  check_pod(pb_bytes(3, fields), text);
}

static void check_refused(struct str object, const char *why) {
  CLEANUP_BUF struct buf out;
  struct err err = {0};
  buf_init(&out, 1 << 20);
  ck_assert_msg(!proto_object_json(object, &out, &err), "%s", out.ptr);
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_str_eq(err.text, why);
}

static void check_bad_pod(struct str fields) {
  check_refused(pb_object("Pod", fields), "the fields of a Pod are not as Kubernetes encodes them");
}

/* ---- values ------------------------------------------------------------------------------ */

START_TEST(tells_metadata) {
  check_pod(PB(pb_text(1, "")), ",\"metadata\":{}");
  check_pod(BYTES(""), "");
  check_metadata(PB(pb_text(1, "a"), pb_text(2, "generated-"), pb_text(3, "team"), pb_text(4, ""),
                    pb_text(5, "u-1"), pb_text(6, "77"), pb_number(7, 0),
                    PB_MESSAGE(8, pb_number(1, 1767225600), pb_number(2, 0)),
                    PB_MESSAGE(13, pb_text(1, "Job"), pb_text(3, "j"), pb_text(4, "u-2"),
                               pb_text(5, "batch/v1"), pb_number(6, 1), pb_number(7, 1)),
                    PB_MESSAGE(13, pb_text(1, "X"), pb_text(3, ""), pb_number(6, 0))),
                 "\"name\":\"a\",\"namespace\":\"team\",\"uid\":\"u-1\",\"resourceVersion\":\"77\","
                 "\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"ownerReferences\":["
                 "{\"kind\":\"Job\",\"name\":\"j\",\"controller\":true},"
                 "{\"kind\":\"X\",\"controller\":false}]");
}
END_TEST

START_TEST(tells_maps) {
  check_metadata(PB(pb_pair(11, "a", "1"), pb_pair(11, "b", ""), PB_MESSAGE(11, pb_text(1, "c")),
                    pb_bytes(11, BYTES("")), pb_pair(12, "d/e", "f")),
                 "\"labels\":{\"a\":\"1\",\"b\":\"\",\"c\":\"\",\"\":\"\"},"
                 "\"annotations\":{\"d/e\":\"f\"}");
  check_spec(
      PB(PB_MESSAGE(2, pb_text(1, "c"),
                    PB_MESSAGE(8, pb_quantity(1, "cpu", "1500m"),
                               pb_quantity(1, "nvidia.com/gpu", "2"),
                               pb_quantity(2, "memory", "64Gi"), pb_quantity(2, "cpu", "0")))),
      "\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":\"1500m\","
      "\"nvidia.com/gpu\":\"2\"},\"requests\":{\"memory\":\"64Gi\",\"cpu\":\"0\"}}}]");
}
END_TEST

START_TEST(tells_lists_of_strings) {
  struct str expression = PB_MESSAGE(1, pb_text(1, "zone"), pb_text(2, "In"), pb_text(3, ""),
                                     pb_text(3, "b"), pb_text(3, ""));
  struct str field = PB_MESSAGE(2, pb_text(1, "metadata.name"), pb_text(2, "Exists"));
  struct str term = PB_MESSAGE(1, expression, field);
  check_spec(PB_MESSAGE(18, PB_MESSAGE(1, PB_MESSAGE(1, term))),
             "\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
             "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"In\","
             "\"values\":[\"\",\"b\",\"\"]}],\"matchFields\":[{\"key\":\"metadata.name\","
             "\"operator\":\"Exists\"}]}]}}}");
}
END_TEST

START_TEST(tells_times) {
  static const struct {
    int64_t seconds;
    const char *text;
  } rows[] = {
      {1, "1970-01-01T00:00:01Z"},
      {0, "1970-01-01T00:00:00Z"},
      {253402300799, "9999-12-31T23:59:59Z"},
      /* What is said must be a time: the nearest that there is. */
      {-1, "1970-01-01T00:00:00Z"},
      {INT64_MIN, "1970-01-01T00:00:00Z"},
      {INT64_MAX, "9999-12-31T23:59:59Z"},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    char wanted[128];
    (void)snprintf(wanted, sizeof(wanted), "\"deletionTimestamp\":\"%s\"", rows[i].text);
    check_metadata(PB_MESSAGE(9, pb_number(1, rows[i].seconds)), wanted);
  }
  check_metadata(pb_bytes(9, BYTES("")), ""); /* 0001-01-01, which JSON leaves out, too */
  check_metadata(PB_MESSAGE(9, pb_number(2, 5)), "\"deletionTimestamp\":\"1970-01-01T00:00:00Z\"");
}
END_TEST

START_TEST(tells_numbers) {
  check_spec(PB(pb_number(11, 1), pb_number(25, -2000001000)),
             "\"hostNetwork\":true,\"priority\":-2000001000");
  check_spec(PB(pb_number(11, 0), pb_number(25, 0)), "\"hostNetwork\":false,\"priority\":0");
  check_spec(pb_number(25, INT64_MIN), "\"priority\":-9223372036854775808");
}
END_TEST

START_TEST(tells_that_something_is_there) {
  struct str claim = PB_MESSAGE(1, pb_text(1, "a"), PB_MESSAGE(2, PB_MESSAGE(10, pb_text(1, "x"))));
  struct str ephemeral = PB_MESSAGE(1, pb_text(1, "b"), PB_MESSAGE(2, pb_bytes(29, BYTES(""))));
  struct str other = PB_MESSAGE(1, pb_text(1, "c"), PB_MESSAGE(2, pb_bytes(2, BYTES(""))));
  check_spec(PB(claim, ephemeral, other),
             "\"volumes\":[{\"persistentVolumeClaim\":{}},{\"ephemeral\":{}},{}]");
  check_spec(PB_MESSAGE(18, PB_MESSAGE(1, PB_MESSAGE(2, pb_number(1, 5))),
                        PB_MESSAGE(2, pb_bytes(1, BYTES("")), pb_bytes(1, BYTES(""))),
                        pb_bytes(3, BYTES(""))),
             "\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":"
             "[{}]},\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{},{}]},"
             "\"podAntiAffinity\":{}}");
  check_spec(PB(PB_MESSAGE(38, pb_text(1, "g")), PB_MESSAGE(39, pb_text(1, "claim")),
                PB_MESSAGE(2, PB_MESSAGE(6, pb_number(2, 80), pb_number(3, 80)),
                           PB_MESSAGE(6, pb_number(3, 81)))),
             "\"schedulingGates\":[{\"name\":\"g\"}],\"resourceClaims\":[{\"name\":\"claim\"}],"
             "\"containers\":[{\"ports\":[{\"hostPort\":80},{}]}]");
}
END_TEST

START_TEST(tells_states) {
  struct str health = PB_MESSAGE(2, pb_text(1, "GPU-1"), pb_text(2, "Healthy"));
  check_status(
      PB(pb_text(1, "Running"),
         PB_MESSAGE(2, pb_text(1, "PodScheduled"), pb_text(2, "False"), pb_text(5, "Unschedulable"),
                    pb_text(6, "0/1 nodes")),
         PB_MESSAGE(8, pb_text(1, "c"), pb_quantity(10, "cpu", "1"),
                    PB_MESSAGE(14, pb_text(1, "nvidia.com/gpu"), health)),
         pb_text(11, "node-1")),
      "\"phase\":\"Running\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\","
      "\"reason\":\"Unschedulable\"}],\"containerStatuses\":[{\"name\":\"c\","
      "\"allocatedResources\":{\"cpu\":\"1\"},\"allocatedResourcesStatus\":[{\"name\":"
      "\"nvidia.com/gpu\",\"resources\":[{\"resourceID\":\"GPU-1\"}]}]}],"
      "\"nominatedNodeName\":\"node-1\"");
}
END_TEST

START_TEST(tells_nodes_and_namespaces) {
  struct str metadata = PB_MESSAGE(1, pb_text(1, "n"), pb_text(6, "5"), pb_pair(11, "a", "b"),
                                   pb_pair(12, "hami.io/node-handshake", "Reported"));
  struct str spec = PB_MESSAGE(2, pb_text(1, "10.0.0.0/24"), pb_number(4, 1),
                               PB_MESSAGE(5, pb_text(1, "k"), pb_text(2, ""),
                                          pb_text(3, "NoSchedule"), pb_bytes(4, BYTES(""))));
  struct str image = PB_MESSAGE(8, pb_text(1, "registry/image"), pb_number(2, 1 << 30));
  struct str status = PB_MESSAGE(3, pb_quantity(1, "cpu", "9"), pb_quantity(2, "cpu", "8"),
                                 pb_quantity(2, "nvidia.com/gpu", "4"), image, image);
  check_object(pb_object("Node", PB(metadata, spec, status)),
               "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\","
               "\"resourceVersion\":\"5\",\"labels\":{\"a\":\"b\"},\"annotations\":{"
               "\"hami.io/node-handshake\":\"Reported\"}},\"spec\":{\"unschedulable\":true,"
               "\"taints\":[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]},\"status\":{"
               "\"allocatable\":{\"cpu\":\"8\",\"nvidia.com/gpu\":\"4\"}}}");
  check_object(pb_object("Namespace", PB(PB_MESSAGE(1, pb_text(1, "team")),
                                         PB_MESSAGE(2, pb_text(1, "kubernetes")))),
               "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
               "\"team\"}}");
}
END_TEST

START_TEST(tells_failures) {
  check_object(pb_status(410, "Expired", "too old: 3 (9)"),
               "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":"
               "\"too old: 3 (9)\",\"reason\":\"Expired\",\"code\":410}");
}
END_TEST

START_TEST(writes_strings_as_json_has_them) {
  static const struct {
    const char *text, *json;
  } rows[] = {
      {"say \"a\\b\"", "say \\\"a\\\\b\\\""},
      {"\n\t\x01\x7f", "\\n\\u0009\\u0001\\u007f"},
      {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"a\xff\xfe", "a\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xc3", "\xef\xbf\xbd"},                                 /* cut off */
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* half of a pair */
      {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* longer than need be */
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    char wanted[256];
    (void)snprintf(wanted, sizeof(wanted), "\"name\":\"%s\",\"labels\":{\"%s\":\"%s\"}",
                   rows[i].json, rows[i].json, rows[i].json);
    check_metadata(PB(pb_text(1, rows[i].text), pb_pair(11, rows[i].text, rows[i].text)), wanted);
  }
  check_metadata(pb_bytes(1, BYTES("a\0b")), "\"name\":\"a\\u0000b\"");
}
END_TEST

/* ---- what it does not take --------------------------------------------------------------- */

START_TEST(passes_over_what_is_not_known) {
  struct str unknown = PB(pb_number(900, 5), pb_text(901, "x"),
                          BYTES("\xa9\x38"
                                "12345678"),
                          BYTES("\xad\x38"
                                "1234"));
  check_metadata(PB(unknown, pb_text(1, "a"), unknown, pb_text(6, "7"), unknown),
                 "\"name\":\"a\",\"resourceVersion\":\"7\"");
  check_spec(PB(unknown, PB_MESSAGE(22, unknown, pb_text(1, "k"), unknown), unknown),
             "\"tolerations\":[{\"key\":\"k\"}]");
  check_pod(PB(unknown, pb_text(1, ""), unknown), ",\"metadata\":{}");
}
END_TEST

START_TEST(refuses_two_readings) {
  check_bad_pod(PB_MESSAGE(1, pb_text(1, "a"), pb_text(1, "b")));
  check_bad_pod(PB_MESSAGE(1, pb_text(1, ""), pb_text(1, "b")));
  check_bad_pod(PB_MESSAGE(2, pb_number(25, 1), pb_number(25, 1)));
  check_bad_pod(PB(pb_text(1, ""), pb_text(1, "")));
  /* Lists and maps in two places. */
  check_bad_pod(PB_MESSAGE(1, pb_pair(11, "a", "1"), pb_text(1, "n"), pb_pair(11, "b", "2")));
  check_bad_pod(PB_MESSAGE(2, pb_bytes(22, BYTES("")), pb_number(900, 1), pb_bytes(22, BYTES(""))));
  /* Two sources of one volume. */
  check_bad_pod(PB_MESSAGE(2, PB_MESSAGE(1, pb_bytes(2, BYTES("")), pb_bytes(2, BYTES("")))));
}
END_TEST

START_TEST(refuses_values_of_other_types) {
  check_bad_pod(pb_number(1, 1));
  check_bad_pod(PB_MESSAGE(1, pb_number(1, 1)));
  check_bad_pod(PB_MESSAGE(1, BYTES("\x0d"
                                    "1234")));
  check_bad_pod(PB_MESSAGE(1, pb_number(8, 1)));
  check_bad_pod(PB_MESSAGE(1, pb_number(11, 1)));
  check_bad_pod(PB_MESSAGE(1, pb_pair(11, "a", "1"), pb_number(11, 1)));
  check_bad_pod(PB_MESSAGE(1, PB_MESSAGE(11, pb_number(1, 1))));
  check_bad_pod(PB_MESSAGE(2, pb_text(25, "1")));
  check_bad_pod(PB_MESSAGE(2, BYTES("\xcd\x01"
                                    "1234"))); /* priority, in four bytes */
  check_bad_pod(PB_MESSAGE(2, BYTES("\xc9\x01"
                                    "12345678"))); /* in eight */
  check_bad_pod(PB_MESSAGE(2, BYTES("\x5d"
                                    "1234"))); /* hostNetwork */
  check_bad_pod(PB_MESSAGE(2, pb_number(22, 1)));
  check_bad_pod(PB_MESSAGE(2, PB_MESSAGE(1, pb_number(2, 1))));
}
END_TEST

START_TEST(refuses_what_does_not_end) {
  struct str whole = PB(PB_MESSAGE(1, pb_text(1, "a"), PB_MESSAGE(8, pb_number(1, 1767225600)),
                                   pb_pair(11, "k", "v")),
                        PB_MESSAGE(2, PB_MESSAGE(2, PB_MESSAGE(8, pb_quantity(1, "cpu", "1")))));
  size_t first =
      PB_MESSAGE(1, pb_text(1, "a"), PB_MESSAGE(8, pb_number(1, 1767225600)), pb_pair(11, "k", "v"))
          .len;
  for (size_t length = 1; length < whole.len; length++) {
    struct buf out;
    struct err err;
    buf_init(&out, 1 << 20);
    bool ok = proto_object_json(pb_object("Pod", (struct str){whole.ptr, length}), &out, &err);
    ck_assert_msg(ok == (length == first), "%zu", length);
    buf_done(&out);
  }
  check_bad_pod(PB_MESSAGE(1, pb_bytes(8, BYTES("\x08\x80"))));
  check_bad_pod(PB_MESSAGE(1, pb_bytes(11, BYTES("\x0a\x05"))));
  check_bad_pod(PB_MESSAGE(2, PB_MESSAGE(32, pb_text(1, "cpu"), pb_bytes(2, BYTES("\x0a\x05")))));
}
END_TEST

START_TEST(refuses_other_envelopes) {
  static const char none[] = "an object is not in Kubernetes' protobuf encoding";
  struct str magic = {"k8s\0", 4};
  struct str type = PB_MESSAGE(1, pb_text(1, "v1"), pb_text(2, "Pod"));
  check_refused(BYTES(""), none);
  check_refused(BYTES("k8s"), none);
  check_refused(BYTES("{\"kind\":\"Pod\"}"), none);
  check_refused(PB(magic, BYTES("\x0a\x05")), none);
  check_refused(PB(magic, pb_bytes(1, BYTES("\x0a\x05"))), none);
  check_refused(PB(magic, type, pb_text(2, ""), pb_text(3, "gzip")), none); /* packed */
  check_refused(magic, "an object of the kind \"\" is not expected");
  check_refused(pb_object("Secret", BYTES("")), "an object of the kind \"Secret\" is not expected");
  check_refused(pb_object("Po", BYTES("")), "an object of the kind \"Po\" is not expected");
  check_object(PB(magic, type), POD_START "}");
  check_object(PB(magic, type, pb_text(3, ""), pb_text(4, "application/x")), POD_START "}");
}
END_TEST

START_TEST(says_when_there_is_no_room) {
  struct str pod = pb_pod("a", "7");
  static const char whole[] = POD_START ",\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}";
  for (size_t max = 1; max <= sizeof(whole); max++) {
    struct buf out;
    struct err err;
    buf_init(&out, max);
    bool ok = proto_object_json(pod, &out, &err);
    ck_assert_msg(ok == (max >= sizeof(whole) - 1), "%zu", max);
    ck_assert(ok || err.code == ERR_LIMIT);
    buf_done(&out);
  }
}
END_TEST

/* ---- events ------------------------------------------------------------------------------ */

START_TEST(takes_events_apart) {
  struct str type, object, pod = pb_pod("a", "7");
  ck_assert(proto_event(pb_event("ADDED", pod), false, &type, &object));
  ck_assert(str_is(type, "ADDED") && str_eq(object, pod));
  /* The object is told without its event's order or what stands beside it. */
  ck_assert(proto_event(PB(pb_number(9, 1), PB_MESSAGE(2, pb_bytes(1, pod)), pb_text(1, "X")),
                        false, &type, &object));
  ck_assert(str_is(type, "X") && str_eq(object, pod));
  const struct str wrong[] = {
      BYTES(""),
      pb_text(1, "ADDED"),
      PB_MESSAGE(2, pb_bytes(1, pod)),                          /* no type */
      PB(pb_text(1, ""), PB_MESSAGE(2, pb_bytes(1, pod))),      /* an empty one */
      PB(pb_number(1, 1), PB_MESSAGE(2, pb_bytes(1, pod))),     /* a number */
      PB(pb_text(1, "ADDED"), PB_MESSAGE(2, pb_bytes(2, pod))), /* no object */
      PB(pb_text(1, "ADDED"), pb_bytes(2, pod)),
      PB(pb_text(1, "ADDED"), PB_MESSAGE(2, pb_text(1, "{}"))), /* JSON */
      PB(pb_text(1, "ADDED"), PB_MESSAGE(2, pb_bytes(1, pod)), BYTES("\x80")),
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(wrong); i++)
    ck_assert_msg(!proto_event(wrong[i], false, &type, &object), "row %zu", i);
}
END_TEST

START_TEST(takes_cut_events_apart) {
  struct str type, object, pod = pb_pod("a", "7"), event = pb_event("MODIFIED", pod);
  for (size_t length = 0; length <= event.len; length++) {
    struct str cut = {event.ptr, length};
    size_t head = event.len - pod.len;
    ck_assert_int_eq(proto_event(cut, true, &type, &object), length >= head + 4);
    if (length >= head + 4)
      ck_assert(str_is(type, "MODIFIED") && object.len == length - head);
    ck_assert_int_eq(proto_event(cut, false, &type, &object), length == event.len);
  }
}
END_TEST

START_TEST(tells_metadata_of_what_is_cut) {
  static const char *const keys[] = {"metadata", "resourceVersion", NULL}, *const name_keys[] = {
                                                                               "metadata", "name",
                                                                               NULL};
  struct str pod = pb_object(
      "Pod", PB(PB_MESSAGE(1, pb_text(1, "train-1"), pb_text(2, ""), pb_text(3, "team-a"),
                           pb_text(5, "uid"), pb_text(6, "123456"), pb_pair(11, "a", "b")),
                PB_MESSAGE(2, pb_text(10, "node-1"))));
  bool was_there = false;
  for (size_t length = 0; length <= pod.len; length++) {
    CLEANUP_BUF struct buf out;
    struct str version, name;
    buf_init(&out, 4096);
    proto_cut_metadata_json((struct str){pod.ptr, length}, &out);
    ck_assert_msg(scan_is_closed(buf_str(&out)), "%s", out.ptr);
    bool is_there = scan_text_at(buf_str(&out), keys, &version);
    ck_assert_msg(!is_there || str_is(version, "123456"), "%zu: %s", length, out.ptr);
    ck_assert_msg(!was_there || is_there, "%zu: %s", length, out.ptr);
    if (scan_text_at(buf_str(&out), name_keys, &name))
      ck_assert(str_is(name, "train-1"));
    was_there = is_there;
    if (length == pod.len)
      ck_assert_str_eq(out.ptr, "{\"metadata\":{\"name\":\"train-1\",\"namespace\":\"team-a\","
                                "\"resourceVersion\":\"123456\"}}");
  }
  ck_assert(was_there);
}
END_TEST

TCase *tcase_proto_json(void) {
  TCase *tc = tcase_create("proto_json");
  tcase_add_checked_fixture(tc, pb_setup, pb_teardown);
  tcase_add_test(tc, tells_metadata);
  tcase_add_test(tc, tells_maps);
  tcase_add_test(tc, tells_lists_of_strings);
  tcase_add_test(tc, tells_times);
  tcase_add_test(tc, tells_numbers);
  tcase_add_test(tc, tells_that_something_is_there);
  tcase_add_test(tc, tells_states);
  tcase_add_test(tc, tells_nodes_and_namespaces);
  tcase_add_test(tc, tells_failures);
  tcase_add_test(tc, writes_strings_as_json_has_them);
  tcase_add_test(tc, passes_over_what_is_not_known);
  tcase_add_test(tc, refuses_two_readings);
  tcase_add_test(tc, refuses_values_of_other_types);
  tcase_add_test(tc, refuses_what_does_not_end);
  tcase_add_test(tc, refuses_other_envelopes);
  tcase_add_test(tc, says_when_there_is_no_room);
  tcase_add_test(tc, takes_events_apart);
  tcase_add_test(tc, takes_cut_events_apart);
  tcase_add_test(tc, tells_metadata_of_what_is_cut);
  return tc;
}

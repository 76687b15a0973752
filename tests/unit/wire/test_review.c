/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/wire.h"

#include <check.h>
#include <jansson.h>

TCase *tcase_review(void);

static struct arena *arena;
static struct policy *policy;

static void set_up(void) {
  arena = arena_new(0);
  policy = policy_builtin();
}

static void tear_down(void) {
  policy_unref(policy);
  arena_free(arena);
}

static const char head[] = "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\","
                           "\"request\":{\"uid\":\"u-1\",";

static const struct {
  const char *name, *body, *says;
} wrong[] = {
    {"not JSON", "{\"a\":", "the text ends where a value was expected"},
    {"another kind", "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"Pod\"}",
     "this is no AdmissionReview of admission.k8s.io/v1"},
    {"v1beta1", "{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\"}",
     "this is no AdmissionReview of admission.k8s.io/v1"},
    {"no request", "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}",
     "the AdmissionReview has no request"},
    {"no uid",
     "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{}}",
     "the request has no uid"},
    {"a list", "[]", "this is no AdmissionReview of admission.k8s.io/v1"},
};

START_TEST(what_is_no_review_is_refused) {
  struct wire_review review;
  struct err err;
  ck_assert_msg(!wire_review_decode(arena, str_of(wrong[_i].body), &review, &err), "%s",
                wrong[_i].name);
  ck_assert_str_eq(err.text, wrong[_i].says);
  ck_assert_uint_gt(err.line, 0);
}
END_TEST

START_TEST(a_review_becomes_a_request) {
  struct str body = str_printf(
      arena,
      "%s\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"},\"namespace\":\"ns\","
      "\"operation\":\"UPDATE\",\"dryRun\":true,\"userInfo\":{\"username\":\"alice\",\"groups\":"
      "[\"g\"]},\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"nodeName\":\"n\"}},"
      "\"oldObject\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{}}}}",
      head);
  struct wire_review review;
  struct adm_request request;
  const struct workload_kind *row;
  struct err err;
  ck_assert_msg(wire_review_decode(arena, body, &review, &err), "%s", err.text);
  ck_assert(review.is_dry_run);
  ck_assert(wire_request(arena, &review, policy_get(policy), NULL, &request, &row, &err));
  ck_assert_ptr_nonnull(row);
  ck_assert_int_eq(request.operation, ADM_UPDATE);
  ck_assert(request.is_changed);
  ck_assert_ptr_nonnull(request.old);
  ck_assert_msg(str_is(request.object->ns, "ns"), "the request names the namespace");
  ck_assert(str_is(request.user, "alice"));
  ck_assert_uint_eq(request.groups.count, 1);
}
END_TEST

static const struct {
  const char *name, *rest;
} not_ours[] = {
    {"DELETE", "\"operation\":\"DELETE\",\"object\":null,\"oldObject\":{\"kind\":\"Pod\"}}}"},
    {"CONNECT", "\"operation\":\"CONNECT\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}}}"},
    {"a status update",
     "\"operation\":\"UPDATE\",\"subResource\":\"status\",\"object\":{\"apiVersion\":\"v1\","
     "\"kind\":\"Pod\"}}}"},
    {"an unknown kind",
     "\"operation\":\"CREATE\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}}}"},
};

START_TEST(what_is_not_ours_passes) {
  struct wire_review review;
  struct adm_request request;
  const struct workload_kind *row;
  struct err err;
  struct str body = str_printf(arena, "%s%s", head, not_ours[_i].rest);
  ck_assert_msg(wire_review_decode(arena, body, &review, &err), "%s", err.text);
  ck_assert(wire_request(arena, &review, policy_get(policy), NULL, &request, &row, &err));
  ck_assert_msg(row == NULL, "%s", not_ours[_i].name);
}
END_TEST

static json_t *encode(const struct wire_response *response) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  wire_response_encode(response, &out);
  json_error_t error;
  json_t *answer = json_loadb(out.ptr, out.len, 0, &error);
  ck_assert_msg(answer != NULL, "%s: %s", error.text, out.ptr);
  ck_assert_str_eq(json_string_value(json_object_get(answer, "kind")), "AdmissionReview");
  ck_assert_str_eq(json_string_value(json_object_get(answer, "apiVersion")), "admission.k8s.io/v1");
  return answer;
}

START_TEST(an_acceptance_says_no_more_than_it_must) {
  json_t *answer = encode(&(struct wire_response){.uid = STR_LIT("u"), .is_allowed = true});
  json_t *response = json_object_get(answer, "response");
  ck_assert_uint_eq(json_object_size(response), 2);
  ck_assert(json_is_true(json_object_get(response, "allowed")));
  json_decref(answer);
}
END_TEST

START_TEST(a_refusal_carries_everything) {
  struct str warnings[] = {STR_LIT("w1"), STR_LIT("w2")};
  struct key_value audit[] = {{STR_LIT("lifetime"), STR_LIT("v")}};
  json_t *answer = encode(&(struct wire_response){.uid = STR_LIT("u"),
                                                  .code = 403,
                                                  .reason = STR_LIT("Forbidden"),
                                                  .message = STR_LIT("a\n\"b\" \xff"),
                                                  .warnings = {warnings, 2},
                                                  .audit_annotations = audit,
                                                  .audit_annotation_count = 1});
  json_t *response = json_object_get(answer, "response");
  json_t *status = json_object_get(response, "status");
  ck_assert(json_is_false(json_object_get(response, "allowed")));
  ck_assert_int_eq(json_integer_value(json_object_get(status, "code")), 403);
  ck_assert_str_eq(json_string_value(json_object_get(status, "reason")), "Forbidden");
  ck_assert_msg(strcmp(json_string_value(json_object_get(status, "message")), "a\n\"b\" ?") == 0,
                "a byte that is no UTF-8 must not cost the answer");
  ck_assert_uint_eq(json_array_size(json_object_get(response, "warnings")), 2);
  ck_assert_ptr_null(json_object_get(response, "patch"));
  json_decref(answer);
}
END_TEST

static const struct {
  const char *name, *pod, *patch;
} patches[] = {
    {"parents are made", "{\"spec\":{}}",
     "[{\"op\":\"add\",\"path\":\"/spec/tolerations\",\"value\":[{\"key\":\"nvidia.com/gpu\","
     "\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}]},"
     "{\"op\":\"add\",\"path\":\"/metadata\",\"value\":{}},"
     "{\"op\":\"add\",\"path\":\"/metadata/labels\",\"value\":{}},"
     "{\"op\":\"add\",\"path\":\"/metadata/labels/a.b~1c~0d\",\"value\":\"v\"},"
     "{\"op\":\"add\",\"path\":\"/spec/activeDeadlineSeconds\",\"value\":60}]"},
    {"parents are there", "{\"metadata\":{\"labels\":{}},\"spec\":{\"tolerations\":[]}}",
     "[{\"op\":\"add\",\"path\":\"/spec/tolerations/-\",\"value\":{\"key\":\"nvidia.com/gpu\","
     "\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}},"
     "{\"op\":\"add\",\"path\":\"/metadata/labels/a.b~1c~0d\",\"value\":\"v\"},"
     "{\"op\":\"add\",\"path\":\"/spec/activeDeadlineSeconds\",\"value\":60}]"},
};

START_TEST(patches_become_json_patch) {
  const struct doc_node *pod;
  struct err err;
  ck_assert(doc_parse_json(arena, str_of(patches[_i].pod), &doc_limits_review, &pod, &err));
  const struct patch list[] = {
      {.kind = PATCH_ADD_TOLERATION,
       .toleration = {.key = STR_LIT("nvidia.com/gpu"),
                      .is_exists = true,
                      .effect = EFFECT_NO_SCHEDULE}},
      {.kind = PATCH_ADD_LABEL, .label = {STR_LIT("a.b/c~d"), STR_LIT("v")}},
      {.kind = PATCH_SET_DEADLINE, .deadline_seconds = 60}};
  struct str text = wire_patch_encode(arena, pod, list, SG_ARRAY_LEN(list));
  ck_assert_msg(str_is(text, patches[_i].patch), "%s: %.*s", patches[_i].name, STR_FMT(text));
  ck_assert_uint_eq(wire_patch_encode(arena, pod, list, 0).len, 0);
}
END_TEST

START_TEST(a_resource_is_replaced_where_it_stands) {
  const struct doc_node *pod;
  struct err err;
  ck_assert(doc_parse_json(arena, STR_LIT("{}"), &doc_limits_review, &pod, &err));
  struct resource_amount gpu = {.name = STR_LIT("nvidia.com/gpu")};
  struct container container = {
      .role = CONTAINER_SIDECAR, .index = 2, .limits = &gpu, .limit_count = 1};
  struct patch patch = {.kind = PATCH_RESOURCE,
                        .container = &container,
                        .from = gpu.name,
                        .to = STR_LIT("nvidia.com/mig-1g.10gb"),
                        .count = 1};
  struct str text = wire_patch_encode(arena, pod, &patch, 1);
  ck_assert_msg(
      str_is(text, "[{\"op\":\"remove\",\"path\":\"/spec/initContainers/2/resources/limits/"
                   "nvidia.com~1gpu\"},{\"op\":\"add\",\"path\":\"/spec/initContainers/2/resources/"
                   "limits/nvidia.com~1mig-1g.10gb\",\"value\":\"1\"}]"),
      "%.*s", STR_FMT(text));
}
END_TEST

START_TEST(patches_travel_in_base64) {
  static const struct {
    const char *text, *coded;
  } rows[] = {{"a", "YQ=="}, {"ab", "YWI="}, {"abc", "YWJj"}, {"\xff\xfe\xfd\xfc", "//79/A=="}};
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    json_t *answer = encode(&(struct wire_response){
        .uid = STR_LIT("u"), .is_allowed = true, .patch = str_of(rows[i].text)});
    json_t *response = json_object_get(answer, "response");
    ck_assert_str_eq(json_string_value(json_object_get(response, "patch")), rows[i].coded);
    ck_assert_str_eq(json_string_value(json_object_get(response, "patchType")), "JSONPatch");
    json_decref(answer);
  }
}
END_TEST

TCase *tcase_review(void) {
  TCase *tc = tcase_create("review");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_loop_test(tc, what_is_no_review_is_refused, 0, SG_ARRAY_LEN(wrong));
  tcase_add_test(tc, a_review_becomes_a_request);
  tcase_add_loop_test(tc, what_is_not_ours_passes, 0, SG_ARRAY_LEN(not_ours));
  tcase_add_test(tc, an_acceptance_says_no_more_than_it_must);
  tcase_add_test(tc, a_refusal_carries_everything);
  tcase_add_loop_test(tc, patches_become_json_patch, 0, SG_ARRAY_LEN(patches));
  tcase_add_test(tc, a_resource_is_replaced_where_it_stands);
  tcase_add_test(tc, patches_travel_in_base64);
  return tc;
}

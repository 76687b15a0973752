/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies and paths of writes, and what they say of conflicts. */
#include "slicegate/doc.h"
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/texts.h"

TCase *tcase_writes(void);

static struct rig rig;
static struct err err;
static struct kube_response response;

static void begin(const struct api_step *steps, size_t count) {
  rig_start(&rig, steps, count);
}

static void end(void) {
  kube_response_done(&response);
  rig_stop(&rig);
}

/* The body of the first request. */
static void demand_body(const char *wanted) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  const struct doc_node *root;
  const char *body = api_server_request(rig.server, 0)->body;
  ck_assert_str_eq(body, wanted);
  ck_assert(doc_parse_json(arena, str_of(body), &doc_limits_policy, &root, &err));
}

/* ---- bindings ---------------------------------------------------------------------------- */

START_TEST(binds) {
  static const struct api_step steps[] = {
      {.want = "POST /api/v1/namespaces/ns/pods/p/binding HTTP", .status = 201, .body = "{}"}};
  static const struct kube_pair annotations[] = {
      {STR_LIT("slicegate.dev/devices"), STR_LIT("{\"gpu\":\"0\"}")}, {STR_LIT("a"), STR_LIT("b")}};
  struct kube_binding binding = {.namespace = STR_LIT("ns"),
                                 .name = STR_LIT("p"),
                                 .uid = STR_LIT("u-1"),
                                 .resource_version = STR_LIT("7"),
                                 .node = STR_LIT("n1"),
                                 .annotations = annotations,
                                 .annotation_count = 2};
  begin(steps, 1);
  ck_assert_msg(kube_bind(rig.client, &binding, NULL, &response, &err), "%s", err.text);
  ck_assert_uint_eq(response.status, 201);
  demand_body(
      "{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\"p\",\"namespace\":"
      "\"ns\",\"uid\":\"u-1\",\"resourceVersion\":\"7\",\"annotations\":{\"slicegate.dev/"
      "devices\":\"{\\\"gpu\\\":\\\"0\\\""
      "}\",\"a\":\"b\"}},\"target\":{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":\"n1\"}}");
  end();
}
END_TEST

START_TEST(tells_a_conflict) {
  static const struct api_step steps[] = {
      {.status = 409, .body = STATUS(409, "Conflict", "pod p is already assigned to node n2")}};
  struct kube_binding binding = {
      .namespace = STR_LIT("ns"), .name = STR_LIT("p"), .node = STR_LIT("n1")};
  begin(steps, 1);
  ck_assert(!kube_bind(rig.client, &binding, NULL, &response, &err));
  ck_assert_uint_eq(response.status, 409);
  ck_assert_str_eq(response.reason, "Conflict");
  ck_assert_int_eq(err.code, ERR_EXISTS);
  end();
}
END_TEST

START_TEST(sends_nothing_that_cannot_be_right) {
  struct kube_binding nowhere = {.namespace = STR_LIT("ns"), .name = STR_LIT("p")};
  struct kube_binding escape = {
      .namespace = STR_LIT("ns"), .name = STR_LIT("../x"), .node = STR_LIT("n")};
  struct kube_patch nothing = {.kind = &kube_pods, .namespace = STR_LIT("ns")};
  struct kube_patch nobody = {
      .kind = &kube_nodes, .name = STR_LIT("n"), .type = KUBE_APPLY, .body = STR_LIT("{}")};
  struct kube_lease lease = {.holder = "me"};
  struct kube_event event = {.regarding = &kube_pods, .name = STR_LIT("p")};
  begin(NULL, 0);
  ck_assert(!kube_bind(rig.client, &nowhere, NULL, &response, &err));
  ck_assert(!kube_bind(rig.client, &escape, NULL, &response, &err));
  ck_assert(!kube_patch(rig.client, &nothing, NULL, &response, &err));
  ck_assert(!kube_patch(rig.client, &nobody, NULL, &response, &err));
  ck_assert(!kube_patch_status(rig.client, &kube_pods, STR_LIT("ns"), STR_LIT("p"), STR_LIT(""),
                               STR_LIT("{\"a\":"), NULL, &response, &err));
  ck_assert(
      !kube_lease_put(rig.client, STR_LIT(""), STR_LIT("l"), &lease, NULL, 0, &response, &err));
  ck_assert(
      !kube_lease_get(rig.client, STR_LIT("ns"), STR_LIT(""), NULL, 0, &lease, &response, &err));
  ck_assert(!kube_post_event(rig.client, &event, NULL, &response, &err));
  ck_assert_uint_eq(response.status, 0);
  ck_assert_uint_eq(api_server_count(rig.server), 0);
  end();
}
END_TEST

/* ---- patches
 * ------------------------------------------------------------------------------------------------
 */

static const struct {
  struct kube_patch patch;
  const char *line, *type;
} patches[] = {
    {{.kind = &kube_nodes, .name = STR_LIT("n"), .type = KUBE_MERGE_PATCH},
     "PATCH /api/v1/nodes/n HTTP",
     "Content-Type: application/merge-patch+json"},
    {{.kind = &kube_pods,
      .namespace = STR_LIT("ns"),
      .name = STR_LIT("p"),
      .subresource = "status",
      .type = KUBE_STRATEGIC_PATCH},
     "PATCH /api/v1/namespaces/ns/pods/p/status HTTP",
     "Content-Type: application/strategic-merge-patch+json"},
    {{.kind = &kube_nodes, .name = STR_LIT("n"), .type = KUBE_JSON_PATCH, .dry_run = true},
     "PATCH /api/v1/nodes/n?dryRun=All HTTP",
     "Content-Type: application/json-patch+json"},
    {{.kind = &kube_nodes,
      .name = STR_LIT("n"),
      .type = KUBE_APPLY,
      .field_manager = "slicegate plan",
      .force = true},
     "PATCH /api/v1/nodes/n?fieldManager=slicegate%20plan&force=true HTTP",
     "Content-Type: application/apply-patch+yaml"},
};

START_TEST(patches_in_four_ways) {
  const struct api_step steps[] = {{.want = patches[_i].line, .body = "{}"}};
  struct kube_patch patch = patches[_i].patch;
  patch.body = STR_LIT("{\"a\":1}");
  begin(steps, 1);
  ck_assert_msg(kube_patch(rig.client, &patch, NULL, &response, &err), "%s", err.text);
  ck_assert_ptr_nonnull(strstr(api_server_request(rig.server, 0)->head, patches[_i].type));
  demand_body("{\"a\":1}");
  end();
}
END_TEST

START_TEST(patches_a_status_only_if_unchanged) {
  static const struct api_step steps[] = {
      {.want = "PATCH /api/v1/namespaces/ns/pods/p/status HTTP", .body = "{}"}};
  begin(steps, 1);
  ck_assert_msg(kube_patch_status(rig.client, &kube_pods, STR_LIT("ns"), STR_LIT("p"),
                                  STR_LIT("42"), STR_LIT("{\"nominatedNodeName\":\"n\"}"), NULL,
                                  &response, &err),
                "%s", err.text);
  demand_body(
      "{\"metadata\":{\"resourceVersion\":\"42\"},\"status\":{\"nominatedNodeName\":\"n\"}}");
  end();
}
END_TEST

START_TEST(bodies_have_a_largest_size) {
  struct kube_patch patch = {.kind = &kube_nodes, .name = STR_LIT("n")};
  char *large = mem_zalloc(4 << 20);
  memset(large, 'a', 4 << 20);
  patch.body = (struct str){large, 4 << 20};
  begin(NULL, 0);
  ck_assert(!kube_patch(rig.client, &patch, NULL, &response, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  free(large);
  end();
}
END_TEST

/* ---- events
 * ---------------------------------------------------------------------------------------------------
 */

START_TEST(posts_events) {
  static const struct api_step steps[] = {
      {.want = "POST /apis/events.k8s.io/v1/namespaces/ns/events HTTP",
       .status = 201,
       .body = "{}"}};
  struct kube_event event = {.regarding = &kube_pods,
                             .namespace = STR_LIT("ns"),
                             .name = STR_LIT("p"),
                             .uid = STR_LIT("u"),
                             .is_warning = true,
                             .reason = STR_LIT("NoSliceLeft"),
                             .action = STR_LIT("Scheduling"),
                             .note = STR_LIT("no 1g.10gb"),
                             .reporting_component = STR_LIT("slicegate.dev/extender"),
                             .reporting_instance = STR_LIT("slicegate-0"),
                             .when_us = 1767225600000001};
  begin(steps, 1);
  ck_assert_msg(kube_post_event(rig.client, &event, NULL, &response, &err), "%s", err.text);
  demand_body(
      "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{\"name\":"
      "\"p.6474846204001\",\"namespace\":\"ns\"},\"eventTime\":\"2026-01-01T00:00:00.000001Z\","
      "\"reportingController\":\"slicegate.dev/extender\",\"reportingInstance\":"
      "\"slicegate-0\",\"action\":\"Scheduling\",\"reason\":\"NoSliceLeft\",\"note\":"
      "\"no 1g.10gb\",\"type\":\"Warning\",\"regarding\":{\"kind\":\"Pod\",\"apiVersion\":"
      "\"v1\",\"namespace\":\"ns\",\"name\":\"p\",\"uid\":\"u\"}}");
  end();
}
END_TEST

START_TEST(cuts_long_notes_between_characters) {
  static const struct api_step steps[] = {
      {.want = "/namespaces/default/events", .status = 201, .body = "{}"}};
  char note[1100];
  memset(note, 'x', sizeof(note));
  memcpy(note + 1022, "\xe2\x82\xac", 3); /* bytes 1022 to 1024: it does not fit */
  struct kube_event event = {.regarding = &kube_nodes,
                             .name = STR_LIT("n"),
                             .reason = STR_LIT("R"),
                             .action = STR_LIT("A"),
                             .note = {note, sizeof(note)},
                             .reporting_component = STR_LIT("c"),
                             .reporting_instance = STR_LIT("i")};
  begin(steps, 1);
  ck_assert_msg(kube_post_event(rig.client, &event, NULL, &response, &err), "%s", err.text);
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  const struct doc_node *root;
  const char *body = api_server_request(rig.server, 0)->body;
  ck_assert(doc_parse_json(arena, str_of(body), &doc_limits_policy, &root, &err));
  ck_assert_uint_eq(doc_text_at(root, "note").len, 1022);
  end();
}
END_TEST

/* ---- leases
 * ----------------------------------------------------------------------------------------------------
 */

#define LEASE(version, spec)                                                                       \
  "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"spec\":{" spec "}}"

START_TEST(reads_leases) {
  static const struct api_step steps[] = {
      {.want = "GET /apis/coordination.k8s.io/v1/namespaces/ns/leases/l HTTP",
       .body =
           LEASE("7", "\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,\"acquireTime\":"
                      "\"2026-01-01T00:00:00.000001Z\",\"renewTime\":\"2026-01-01T00:00:01.5Z\","
                      "\"leaseTransitions\":3")},
      {.body = LEASE("8", "")}};
  struct kube_lease lease;
  begin(steps, 2);
  ck_assert_msg(
      kube_lease_get(rig.client, STR_LIT("ns"), STR_LIT("l"), NULL, 0, &lease, &response, &err),
      "%s", err.text);
  ck_assert_str_eq(lease.holder, "me");
  ck_assert_str_eq(lease.resource_version, "7");
  ck_assert_int_eq(lease.duration_seconds, 15);
  ck_assert_int_eq(lease.transitions, 3);
  ck_assert_int_eq(lease.acquire_us, 1767225600000001);
  ck_assert_int_eq(lease.renew_us, 1767225601500000);
  kube_response_done(&response);
  ck_assert(
      kube_lease_get(rig.client, STR_LIT("ns"), STR_LIT("l"), NULL, 0, &lease, &response, &err));
  ck_assert_str_eq(lease.holder, "");
  ck_assert_int_eq(lease.renew_us, 0);
  end();
}
END_TEST

START_TEST(creates_then_changes_leases) {
  static const struct api_step steps[] = {
      {.want = "POST /apis/coordination.k8s.io/v1/namespaces/ns/leases HTTP",
       .status = 201,
       .body = LEASE("1", "")},
      {.want = "PATCH /apis/coordination.k8s.io/v1/namespaces/ns/leases/l HTTP",
       .body = LEASE("2", "")},
      {.status = 409, .body = STATUS(409, "Conflict", "modified")}};
  struct kube_lease lease = {
      .holder = "me", .duration_seconds = 15, .acquire_us = 1767225600000000, .renew_us = 0};
  begin(steps, 3);
  ck_assert_msg(
      kube_lease_put(rig.client, STR_LIT("ns"), STR_LIT("l"), &lease, NULL, 0, &response, &err),
      "%s", err.text);
  demand_body(
      "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":"
      "\"l\",\"namespace\":\"ns\"},\"spec\":{\"holderIdentity\":\"me\","
      "\"leaseDurationSeconds\":15,\"leaseTransitions\":0,\"acquireTime\":"
      "\"2026-01-01T00:00:00.000000Z\",\"renewTime\":null}}");
  ck_assert_str_eq(lease.resource_version, "1");
  kube_response_done(&response);
  ck_assert(
      kube_lease_put(rig.client, STR_LIT("ns"), STR_LIT("l"), &lease, NULL, 0, &response, &err));
  ck_assert_str_eq(lease.resource_version, "2");
  ck_assert_ptr_nonnull(
      strstr(api_server_request(rig.server, 1)->body, "\"resourceVersion\":\"1\""));
  kube_response_done(&response);
  ck_assert(
      !kube_lease_put(rig.client, STR_LIT("ns"), STR_LIT("l"), &lease, NULL, 0, &response, &err));
  ck_assert_uint_eq(response.status, 409);
  ck_assert_str_eq(lease.resource_version, "2");
  end();
}
END_TEST

TCase *tcase_writes(void) {
  TCase *tc = tcase_create("writes");
  tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
  tcase_add_test(tc, binds);
  tcase_add_test(tc, tells_a_conflict);
  tcase_add_test(tc, sends_nothing_that_cannot_be_right);
  tcase_add_loop_test(tc, patches_in_four_ways, 0, (int)SG_ARRAY_LEN(patches));
  tcase_add_test(tc, patches_a_status_only_if_unchanged);
  tcase_add_test(tc, bodies_have_a_largest_size);
  tcase_add_test(tc, posts_events);
  tcase_add_test(tc, cuts_long_notes_between_characters);
  tcase_add_test(tc, reads_leases);
  tcase_add_test(tc, creates_then_changes_leases);
  return tc;
}

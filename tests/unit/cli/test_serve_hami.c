/* SPDX-License-Identifier: Apache-2.0 */
/* bind on a node of HAMi's plugin: the lock is taken, kept and given back as the answers say. */
#include "src/cli/serve_extender.h"

#include "slicegate/sys.h"
#include "slicegate/wire.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/live_lab.h"

#include <stdatomic.h>
#include <stdio.h>

static struct live_lab lab;
static struct extender_door door;
static struct sys_metrics *metrics;
static char answer[1024];
static atomic_bool may_write_now;

/* The API server: one node with its lock, one pod. */
static struct {
  char lock[128]; /* empty: nobody has it */
  int version;
  int conflicts;           /* patches to refuse by 409 yet; the node has changed each time */
  bool loses_patch;        /* it is written, and the answer is a 500 */
  unsigned bindings;       /* how they are answered; 0: 201 */
  const char *pod, *other; /* annotations of the pod; the status of another pod's GET */
  int patched, bound;
  char binding[4096];
} api;

static void patch_node(const struct api_request *request, struct api_step *ret) {
  char version[32];
  (void)snprintf(version, sizeof(version), "\"resourceVersion\":\"%d\"", api.version);
  ck_assert_ptr_nonnull(strstr(request->head, "application/merge-patch+json"));
  api.version += api.conflicts > 0;
  if (api.conflicts-- > 0 || !strstr(request->body, version)) {
    *ret = (struct api_step){.status = 409, .body = "{\"kind\":\"Status\"}"};
    return;
  }
  const char *value = strstr(request->body, "\"hami.io/mutex.lock\":");
  ck_assert_ptr_nonnull(value);
  value += strlen("\"hami.io/mutex.lock\":");
  api.lock[0] = '\0';
  if (*value == '"')
    (void)snprintf(api.lock, sizeof(api.lock), "%.*s", (int)strcspn(value + 1, "\""), value + 1);
  api.version++;
  api.patched++;
  *ret = (struct api_step){.body = "{}"};
  if (api.loses_patch)
    *ret = (struct api_step){.status = 500, .body = "{\"kind\":\"Status\"}"};
  api.loses_patch = false;
}

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  static char body[2048];
  (void)ctx;
  if (strncmp(request->head, "PATCH /api/v1/nodes/h", 21) == 0) {
    patch_node(request, ret);
    return true;
  }
  if (strncmp(request->head, "POST ", 5) == 0) {
    (void)snprintf(api.binding, sizeof(api.binding), "%s", request->body);
    api.bound++;
    *ret = (struct api_step){.status = api.bindings ? api.bindings : 201,
                             .body = "{\"kind\":\"Status\"}"};
    return true;
  }
  if (strncmp(request->head, "GET /api/v1/nodes/h", 19) == 0)
    (void)snprintf(body, sizeof(body),
                   "{\"metadata\":{\"name\":\"h\",\"resourceVersion\":\"%d\",\"annotations\":{"
                   "\"a\":\"b\"%s%s%s}}}",
                   api.version, api.lock[0] ? ",\"hami.io/mutex.lock\":\"" : "", api.lock,
                   api.lock[0] ? "\"" : "");
  else if (strstr(request->head, "/pods/shares"))
    (void)snprintf(body, sizeof(body),
                   "{\"metadata\":{\"name\":\"shares\",\"uid\":\"shares-uid\",\"resourceVersion\":"
                   "\"3\",\"annotations\":{%s}},\"spec\":{\"initContainers\":[{}],\"containers\":[{"
                   "\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\",\"nvidia.com/gpumem\":"
                   "\"3k\"}}}]}}",
                   api.pod);
  else
    (void)snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"o\",\"uid\":\"o\"}}");
  *ret = (struct api_step){.body = body};
  if (api.other && strstr(request->head, "/pods/other"))
    *ret = (struct api_step){.status = 404, .body = "{\"kind\":\"Status\"}"};
  return true;
}

static bool may(void *ctx) {
  (void)ctx;
  return true;
}

static bool may_write(void *ctx) {
  (void)ctx;
  return atomic_load(&may_write_now);
}

static void put_objects(void) {
  struct node node;
  struct pod pod;
  struct err err = {0};
  ck_assert_msg(
      wire_node_read(lab.arena,
                     STR_LIT("{\"metadata\":{\"name\":\"h\",\"annotations\":{"
                             "\"hami.io/node-nvidia-register\":\"GPU-0,10,15360,100,T4,0,true:\"}},"
                             "\"status\":{\"allocatable\":{\"cpu\":\"8\",\"memory\":\"8Gi\","
                             "\"pods\":\"9\",\"nvidia.com/gpu\":\"10\"}}}"),
                     &node, &err),
      "%s", err.text);
  state_put_node(live_state(lab.live), &node);
  ck_assert_msg(
      wire_pod_read(lab.arena,
                    STR_LIT("{\"metadata\":{\"namespace\":\"ml\",\"name\":\"shares\",\"uid\":"
                            "\"shares-uid\",\"resourceVersion\":\"3\"},\"spec\":{\"containers\":[{"
                            "\"name\":\"m\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\","
                            "\"nvidia.com/gpumem\":\"3k\"}}}]}}"),
                    &pod, &err),
      "%s", err.text);
  state_put_pod(live_state(lab.live), &pod);
}

static void setup(void) {
  sys_log_setup(SYS_ERROR, SYS_LOG_LOGFMT, 2);
  memset(&api, 0, sizeof(api));
  api.version = 10;
  api.pod = "";
  atomic_store(&may_write_now, true);
  live_lab_init(&lab, decide, NULL);
  put_objects();
  live_lab_sync(&lab);
  metrics = sys_metrics_new("slicegate_");
  door = (struct extender_door){.live = lab.live, .may_answer = may, .may_write = may_write};
  door.placer = live_lab_start_placer(&lab, 3);
  extender_door_init(&door, metrics);
}

static void teardown(void) {
  live_stop(lab.live);
  placer_stop(door.placer);
  placer_free(door.placer);
  live_lab_done(&lab);
  sys_metrics_free(metrics);
}

/* What kube-scheduler is told; in `answer`. */
static bool bind(void) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct http_response response = {.status = 200};
  buf_init(&response.body, 4096);
  const struct http_request request = {
      .method = "POST",
      .arena = arena,
      .is_aside = true,
      .body = STR_LIT("{\"PodName\":\"shares\",\"PodNamespace\":\"ml\",\"PodUID\":\"shares-uid\","
                      "\"Node\":\"h\"}")};
  serve_bind(&door, &request, &response);
  ck_assert_uint_eq(response.status, 200);
  (void)snprintf(answer, sizeof(answer), "%.*s", STR_FMT(buf_str(&response.body)));
  buf_done(&response.body);
  return strcmp(answer, "{\"Error\":\"\"}") == 0;
}

static size_t firm_holds(void) {
  struct state_stats stats;
  state_get_stats(live_state(lab.live), &stats);
  return stats.holds[STATE_FIRM];
}

static void ck_assert_lock_ours(void) {
  ck_assert_msg(str_ends_with(str_of(api.lock), STR_LIT("Z,ml,shares")), "%s", api.lock);
}

START_TEST(the_lock_then_the_binding) {
  ck_assert_msg(bind(), "%s", answer);
  ck_assert_lock_ours();
  ck_assert_int_eq(api.patched, 1);
  static const char *const said[] = {
      "\"hami.io/vgpu-node\":\"h\"",
      "\"hami.io/vgpu-devices-to-allocate\":\";GPU-0,NVIDIA,3000,0:;\"",
      "\"hami.io/vgpu-devices-allocated\":\";GPU-0,NVIDIA,3000,0:;\"",
      "\"hami.io/bind-phase\":\"allocating\""};
  for (size_t i = 0; i < SG_ARRAY_LEN(said); i++)
    ck_assert_msg(strstr(api.binding, said[i]) != NULL, "%s", api.binding);
  ck_assert_uint_eq(firm_holds(), 1);
}
END_TEST

START_TEST(a_refused_binding_gives_it_back) {
  api.bindings = 403;
  ck_assert(!bind());
  ck_assert_str_eq(api.lock, "");
  ck_assert_int_eq(api.patched, 2);
  ck_assert_uint_eq(firm_holds(), 0);
}
END_TEST

START_TEST(a_binding_without_an_answer_keeps_it) {
  api.bindings = 500;
  ck_assert(!bind());
  ck_assert_lock_ours();
  ck_assert_uint_eq(firm_holds(), 1);
}
END_TEST

START_TEST(a_node_that_changes_is_read_again) {
  api.conflicts = 2;
  ck_assert_msg(bind(), "%s", answer);
  ck_assert_lock_ours();
  ck_assert_int_eq(api.patched, 1);
}
END_TEST

START_TEST(a_lock_that_cannot_be_had_leaves_nothing) {
  api.conflicts = 100;
  ck_assert(!bind());
  ck_assert_int_eq(api.bound, 0);
  ck_assert_uint_eq(firm_holds(), 0);
  api.conflicts = 0;
  api.loses_patch = true; /* it was taken, as is found then */
  ck_assert(!bind());
  ck_assert_str_eq(api.lock, "");
  ck_assert_int_eq(api.bound, 0);
  ck_assert_uint_eq(firm_holds(), 0);
  atomic_store(&may_write_now, false);
  ck_assert(!bind());
  ck_assert_ptr_nonnull(strstr(answer, "no longer decides"));
  ck_assert_str_eq(api.lock, "");
  ck_assert_uint_eq(firm_holds(), 0);
}
END_TEST

static void lock_for(const char *pod, int64_t age) {
  CLEANUP_ARENA struct arena *arena = arena_new(256);
  struct str when = rfc3339_text(arena, sys_wall_now().ns / 1000000000 - age);
  (void)snprintf(api.lock, sizeof(api.lock), "%.*s,ml,%s", STR_FMT(when), pod);
}

START_TEST(anothers_is_left_to_it) {
  lock_for("other", 0);
  ck_assert(!bind());
  ck_assert_ptr_nonnull(strstr(answer, "is locked (hami.io/mutex.lock) for ml/other"));
  ck_assert_int_eq(api.patched, 0);
  ck_assert_int_eq(api.bound, 0);
  ck_assert_uint_eq(firm_holds(), 0);
  (void)snprintf(api.lock, sizeof(api.lock), "who knows");
  ck_assert(!bind());
  ck_assert_ptr_nonnull(strstr(answer, "who knows"));
  ck_assert_int_eq(api.patched, 0);
}
END_TEST

START_TEST(what_is_nobodys_any_more_is_taken) {
  static const struct {
    const char *pod;
    int64_t age;
    bool is_gone;
  } rows[] = {{"shares", 10, false}, {"other", 301, false}, {"other", 10, true}};
  lock_for(rows[_i].pod, rows[_i].age);
  api.other = rows[_i].is_gone ? "gone" : NULL;
  ck_assert_msg(bind(), "%s", answer);
  ck_assert_lock_ours();
}
END_TEST

START_TEST(who_wants_a_particular_card_is_not_served) {
  api.pod = "\"nvidia.com/use-gpuuuid\":\"GPU-0\"";
  ck_assert(!bind());
  ck_assert_ptr_nonnull(strstr(answer, "does not serve the annotation nvidia.com/use-gpuuuid"));
  ck_assert_int_eq(api.patched + api.bound, 0);
}
END_TEST

TCase *tcase_serve_hami(void) {
  TCase *tcase = tcase_create("serve_hami");
  tcase_set_timeout(tcase, 30);
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, the_lock_then_the_binding);
  tcase_add_test(tcase, a_refused_binding_gives_it_back);
  tcase_add_test(tcase, a_binding_without_an_answer_keeps_it);
  tcase_add_test(tcase, a_node_that_changes_is_read_again);
  tcase_add_test(tcase, a_lock_that_cannot_be_had_leaves_nothing);
  tcase_add_test(tcase, anothers_is_left_to_it);
  tcase_add_loop_test(tcase, what_is_nobodys_any_more_is_taken, 0, 3);
  tcase_add_test(tcase, who_wants_a_particular_card_is_not_served);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Lists to their end. */
#include "tests/unit/kube/fixture.h"

#include <check.h>
#include <stdio.h>

TCase *tcase_list(void);

#define PAGE(token, ...)                                                                           \
  "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"" token            \
  "\"},\"items\":[" #__VA_ARGS__ "]}"

struct seen {
  char text[512];
  size_t most; /* objects that are taken; 0: all */
  size_t count;
};

static void on_begin(void *ctx) {
  struct seen *seen = ctx;
  size_t len = strlen(seen->text);
  (void)snprintf(seen->text + len, sizeof(seen->text) - len, "begin;");
}

static bool on_object(void *ctx, struct str json, struct err *reterr) {
  struct seen *seen = ctx;
  if (seen->most && seen->count == seen->most)
    return err_set(reterr, ERR_LIMIT, "enough");
  seen->count++;
  size_t len = strlen(seen->text);
  (void)snprintf(seen->text + len, sizeof(seen->text) - len, "%.*s;", STR_FMT(json));
  return true;
}

static bool list(struct rig *rig, struct seen *seen, struct kube_list_request request,
                 struct err *reterr) {
  request.kind = &kube_pods;
  request.ctx = seen;
  request.begin = on_begin;
  request.object = on_object;
  return kube_list(rig->client, &request, reterr);
}

START_TEST(pages_are_asked_for_until_the_last) {
  static const struct api_step steps[] = {
      {.want = "GET /api/v1/pods?fieldSelector=a%21%3Db&limit=2 HTTP",
       .body = PAGE("t/1", {"a" : 1}, {"a" : 2})},
      {.want = "limit=2&continue=t%2F1 HTTP", .body = PAGE("t2")},
      {.want = "limit=2&continue=t2 HTTP", .body = PAGE("", {"x" : ["]"]}), .how = API_BYTEWISE},
  };
  struct rig rig;
  struct err err = {0};
  struct seen seen = {0};
  RIG(rig, steps);
  const struct kube_list_request request = {.page = 2, .field_selector = STR_LIT("a!=b")};
  ck_assert_msg(list(&rig, &seen, request, &err), "%s", err.text);
  ck_assert_str_eq(seen.text, "begin;{\"a\" : 1};{\"a\" : 2};{\"x\" : [\"]\"]};");
  ck_assert_str_eq(api_server_complaint(rig.server), "");
  rig_stop(&rig);
}
END_TEST

START_TEST(an_expired_rest_starts_the_list_over) {
  static const struct api_step steps[] = {
      {.body = PAGE("old", {"a" : 1})},
      {.want = "continue=old", .status = 410, .body = "{\"kind\":\"Status\",\"code\":410}"},
      {.body = PAGE("new", {"a" : 1})},
      {.want = "continue=new", .body = PAGE("", {"a" : 2})},
  };
  struct rig rig;
  struct err err = {0};
  struct seen seen = {0};
  RIG(rig, steps);
  ck_assert_msg(list(&rig, &seen, (struct kube_list_request){0}, &err), "%s", err.text);
  ck_assert_str_eq(seen.text, "begin;{\"a\" : 1};begin;{\"a\" : 1};{\"a\" : 2};");
  ck_assert_str_eq(api_server_complaint(rig.server), "");
  rig_stop(&rig);
}
END_TEST

static const struct {
  struct api_step step;
  int repeat; /* times that the server answers so */
  struct kube_list_request request;
  size_t most;
  const char *says;
  enum err_code code;
} failures[] = {
    {{.status = 403, .body = "{\"kind\":\"Status\",\"message\":\"pods is forbidden\"}"},
     1,
     {0},
     0,
     "list of pods: ",
     ERR_INVALID},
    {{.status = 410, .body = "{}"}, 3, {0}, 0, "list of pods: ", ERR_INVALID},
    {{.body = "{\"items\":[1,"}, 1, {0}, 0, "the list", ERR_INVALID},
    {{.body = "<html>"}, 1, {0}, 0, "the list is no JSON", ERR_INVALID},
    {{.body = PAGE("", {}, {}, {})}, 1, {.max_objects = 2}, 0, "more than 2 pods", ERR_LIMIT},
    {{.body = PAGE("", {}, {}, {})}, 1, {0}, 2, "enough", ERR_LIMIT},
    {{.body = PAGE("", {}, {}, {})}, 1, {.max_page_bytes = 20}, 0, "list of pods: ", ERR_LIMIT},
    {{.body = PAGE("t")}, 5, {0}, 0, "the list of pods goes on without objects", ERR_INVALID},
};

START_TEST(what_goes_wrong_is_said) {
  struct api_step steps[8];
  struct rig rig;
  struct err err = {0};
  struct seen seen = {.most = failures[_i].most};
  for (int i = 0; i < failures[_i].repeat; i++)
    steps[i] = failures[_i].step;
  rig_start(&rig, steps, (size_t)failures[_i].repeat);
  ck_assert(!list(&rig, &seen, failures[_i].request, &err));
  ck_assert_msg(strstr(err.text, failures[_i].says) != NULL, "%s", err.text);
  ck_assert_int_eq(err.code, failures[_i].code);
  ck_assert_uint_eq(api_server_count(rig.server), (size_t)failures[_i].repeat);
  rig_stop(&rig);
}
END_TEST

TCase *tcase_list(void) {
  TCase *tcase = tcase_create("list");
  tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, pages_are_asked_for_until_the_last);
  tcase_add_test(tcase, an_expired_rest_starts_the_list_over);
  tcase_add_loop_test(tcase, what_goes_wrong_is_said, 0, (int)SG_ARRAY_LEN(failures));
  return tcase;
}

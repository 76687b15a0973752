/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/model.h"
#include "tests/unit/model/cases.h"

/* ---- tolerations ------------------------------------------------------------------- */

static const struct {
  const char *name;
  struct toleration toleration;
  struct taint taint;
  bool tolerates;
} tolerations[] = {
    {"key, value and effect equal",
     {STR_LIT("a"), STR_LIT("x"), false, EFFECT_NO_SCHEDULE},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_SCHEDULE},
     true},
    {"another value",
     {STR_LIT("a"), STR_LIT("y"), false, EFFECT_NO_SCHEDULE},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_SCHEDULE},
     false},
    {"another key",
     {STR_LIT("b"), STR_LIT("x"), false, EFFECT_NO_SCHEDULE},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_SCHEDULE},
     false},
    {"Exists takes any value",
     {STR_LIT("a"), {NULL, 0}, true, EFFECT_NO_SCHEDULE},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_SCHEDULE},
     true},
    {"Equal without a value takes only a taint without one",
     {STR_LIT("a"), {NULL, 0}, false, EFFECT_NO_SCHEDULE},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_SCHEDULE},
     false},
    {"no effect takes every effect",
     {STR_LIT("a"), {NULL, 0}, true, EFFECT_ANY},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_EXECUTE},
     true},
    {"another effect",
     {STR_LIT("a"), {NULL, 0}, true, EFFECT_NO_SCHEDULE},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_EXECUTE},
     false},
    {"Exists without a key takes every key",
     {{NULL, 0}, {NULL, 0}, true, EFFECT_ANY},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_SCHEDULE},
     true},
    {"Exists without a key still minds its effect",
     {{NULL, 0}, {NULL, 0}, true, EFFECT_NO_EXECUTE},
     {STR_LIT("a"), STR_LIT("x"), EFFECT_NO_SCHEDULE},
     false},
};

START_TEST(toleration_is_that_of_the_scheduler) {
  ck_assert_msg(toleration_tolerates(&tolerations[_i].toleration, &tolerations[_i].taint) ==
                    tolerations[_i].tolerates,
                "%s", tolerations[_i].name);
}
END_TEST

/* ---- effective requests ------------------------------------------------------------- */

static const struct str gpu = {"nvidia.com/gpu", 14};

/* One container in a word: its role and its GPUs, "i4" "s1" "a1"; overhead "o1". */
static struct quantity effective(const char *containers) {
  static struct container list[8];
  static struct resource_amount amounts[8];
  struct pod_spec spec = {.containers = list};
  for (const char *at = containers; *at; at += at[2] ? 3 : 2) {
    size_t n = spec.container_count + spec.overhead_count;
    amounts[n] = (struct resource_amount){gpu, {at + 1, 1}, {at[1] - '0', 0}, true};
    if (at[0] == 'o') {
      spec.overhead = &amounts[n];
      spec.overhead_count = 1;
      continue;
    }
    list[spec.container_count++] = (struct container){.role = at[0] == 'i'   ? CONTAINER_INIT
                                                              : at[0] == 's' ? CONTAINER_SIDECAR
                                                              : at[0] == 'e' ? CONTAINER_EPHEMERAL
                                                                             : CONTAINER_APP,
                                                      .limits = &amounts[n],
                                                      .limit_count = 1};
  }
  return pod_effective_request(&spec, gpu);
}

static const struct {
  const char *name, *containers;
  int64_t units;
} requests[] = {
    {"nothing asks", "", 0},
    {"app containers add up", "a1 a2", 3},
    {"the larger of init and app", "i4 a1 a1", 4},
    {"init containers do not add up", "i2 i3 a1", 3},
    {"a sidecar runs beside the app", "s1 a2", 3},
    {"an init container runs beside sidecars started before it", "s1 i4 a1", 5},
    {"not beside those started after it", "i4 s1 a1", 4},
    {"the header's example", "i4 a1 a1 s1", 4},
    {"ephemeral containers count nothing", "a1 e5", 1},
    {"overhead comes on top", "a1 o1", 2},
};

START_TEST(effective_request_is_that_of_the_scheduler) {
  struct quantity q = effective(requests[_i].containers);
  ck_assert_msg(q.units == requests[_i].units && q.nano == 0, "%s: %lld", requests[_i].name,
                (long long)q.units);
}
END_TEST

START_TEST(request_comes_before_limit) {
  struct resource_amount limit = {gpu, STR_LIT("2"), {2, 0}, true};
  struct resource_amount request = {gpu, STR_LIT("1"), {1, 0}, true};
  struct container both = {
      .limits = &limit, .limit_count = 1, .requests = &request, .request_count = 1};
  struct container only_limit = {.limits = &limit, .limit_count = 1};
  struct container neither = {0};
  ck_assert_ptr_eq(container_request(&both, gpu), &request);
  ck_assert_ptr_eq(container_request(&only_limit, gpu), &limit);
  ck_assert_ptr_null(container_request(&neither, gpu));
}
END_TEST

START_TEST(what_is_no_quantity_counts_nothing) {
  struct resource_amount limit = {gpu, STR_LIT("one"), {0, 0}, false};
  struct container container = {.limits = &limit, .limit_count = 1};
  struct pod_spec spec = {.containers = &container, .container_count = 1};
  ck_assert(qty_is_zero(pod_effective_request(&spec, gpu)));
}
END_TEST

/* ---- paths and look-ups --------------------------------------------------------------- */

static const struct {
  const char *name;
  enum template_form form;
  const char *path, *spec_path;
  enum container_role role;
  uint32_t index;
  const char *expected;
} paths[] = {
    {"a Pod's container", FORM_TEMPLATE, "", "spec", CONTAINER_APP, 1, "spec.containers[1]"},
    {"a Deployment's init container", FORM_TEMPLATE, "spec.template", "spec.template.spec",
     CONTAINER_INIT, 0, "spec.template.spec.initContainers[0]"},
    {"a sidecar stands among the init containers", FORM_TEMPLATE, "", "spec", CONTAINER_SIDECAR, 2,
     "spec.initContainers[2]"},
    {"an ephemeral container", FORM_TEMPLATE, "", "spec", CONTAINER_EPHEMERAL, 0,
     "spec.ephemeralContainers[0]"},
    {"a PodSpec inline", FORM_POD_SPEC, "spec.predictor", "spec.predictor", CONTAINER_APP, 0,
     "spec.predictor.containers[0]"},
    {"resources without a pod", FORM_RESOURCES, "spec.trainer.resourcesPerNode",
     "spec.trainer.resourcesPerNode", CONTAINER_APP, 0, "spec.trainer.resourcesPerNode"},
    {"Spark's gpu", FORM_GPU_COUNT, "spec.executor.gpu", "spec.executor.gpu", CONTAINER_APP, 0,
     "spec.executor.gpu"},
};

START_TEST(container_path_is_the_field) {
  CLEANUP_ARENA struct arena *arena = arena_new(256);
  struct pod_template tmpl = {.form = paths[_i].form,
                              .path = str_of(paths[_i].path),
                              .spec_path = str_of(paths[_i].spec_path)};
  struct container container = {.role = paths[_i].role, .index = paths[_i].index};
  struct str path = container_path(arena, &tmpl, &container);
  ck_assert_msg(str_is(path, paths[_i].expected), "%s: %.*s", paths[_i].name, STR_FMT(path));
}
END_TEST

START_TEST(look_ups_find_or_give_null) {
  struct key_value pairs[] = {{STR_LIT("a"), STR_LIT("1")}, {STR_LIT("b"), STR_LIT("2")}};
  ck_assert(str_is(*kv_find(pairs, 2, STR_LIT("b")), "2"));
  ck_assert_ptr_null(kv_find(pairs, 2, STR_LIT("c")));
  ck_assert_ptr_null(kv_find(NULL, 0, STR_LIT("a")));
  struct resource_amount amounts[] = {{.name = STR_LIT("cpu")}, {.name = gpu}};
  ck_assert_ptr_eq(amount_find(amounts, 2, gpu), &amounts[1]);
  ck_assert_ptr_null(amount_find(amounts, 2, STR_LIT("memory")));
}
END_TEST

START_TEST(namespaces_are_found_by_name) {
  struct k8s_namespace list[] = {
      {.name = STR_LIT("a")}, {.name = STR_LIT("ab")}, {.name = STR_LIT("b")}};
  struct cluster cluster = {.namespaces = list, .namespace_count = 3};
  for (size_t i = 0; i < 3; i++)
    ck_assert_ptr_eq(cluster_find_namespace(&cluster, list[i].name), &list[i]);
  ck_assert_ptr_null(cluster_find_namespace(&cluster, STR_LIT("aa")));
  ck_assert_ptr_null(cluster_find_namespace(&cluster, STR_LIT("c")));
  ck_assert_ptr_null(cluster_find_namespace(&(struct cluster){0}, STR_LIT("a")));
}
END_TEST

TCase *tcase_pods(void) {
  TCase *tc = tcase_create("pods");
  tcase_add_loop_test(tc, toleration_is_that_of_the_scheduler, 0, SG_ARRAY_LEN(tolerations));
  tcase_add_loop_test(tc, effective_request_is_that_of_the_scheduler, 0, SG_ARRAY_LEN(requests));
  tcase_add_test(tc, request_comes_before_limit);
  tcase_add_test(tc, what_is_no_quantity_counts_nothing);
  tcase_add_loop_test(tc, container_path_is_the_field, 0, SG_ARRAY_LEN(paths));
  tcase_add_test(tc, look_ups_find_or_give_null);
  tcase_add_test(tc, namespaces_are_found_by_name);
  return tc;
}

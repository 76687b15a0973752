/* SPDX-License-Identifier: Apache-2.0 */
/* Where pods may go and what they take, as kube-scheduler has it. */
#include "slicegate/model.h"
#include "tests/unit/model/cases.h"

/* ---- selectors --------------------------------------------------------------------------- */

static const struct key_value labels[] = {{STR_LIT("zone"), STR_LIT("a")},
                                          {STR_LIT("gpus"), STR_LIT("8")}};
static const struct node plain = {
    .name = STR_LIT("n1"), .labels = labels, .label_count = SG_ARRAY_LEN(labels)};

static const struct str value_a = STR_LIT("a"), value_b = STR_LIT("b"), value_7 = STR_LIT("7"),
                        value_8 = STR_LIT("8"), value_n1 = STR_LIT("n1");

static const struct {
  const char *name;
  struct node_requirement requirement;
  bool is_met;
} requirements[] = {
    {"In", {STR_LIT("zone"), SELECT_IN, &value_a, 1}, true},
    {"In, another value", {STR_LIT("zone"), SELECT_IN, &value_b, 1}, false},
    {"In, no such label", {STR_LIT("x"), SELECT_IN, &value_a, 1}, false},
    {"NotIn", {STR_LIT("zone"), SELECT_NOT_IN, &value_b, 1}, true},
    {"NotIn, no such label", {STR_LIT("x"), SELECT_NOT_IN, &value_a, 1}, true},
    {"Exists", {STR_LIT("zone"), SELECT_EXISTS, NULL, 0}, true},
    {"DoesNotExist", {STR_LIT("zone"), SELECT_NOT_EXISTS, NULL, 0}, false},
    {"Gt", {STR_LIT("gpus"), SELECT_GT, &value_7, 1}, true},
    {"Gt is not ge", {STR_LIT("gpus"), SELECT_GT, &value_8, 1}, false},
    {"Lt", {STR_LIT("gpus"), SELECT_LT, &value_7, 1}, false},
    {"Gt of a word", {STR_LIT("zone"), SELECT_GT, &value_7, 1}, false},
};

START_TEST(requirements_are_met_as_kubernetes_says) {
  ck_assert_msg(node_meets(&plain, &requirements[_i].requirement) == requirements[_i].is_met, "%s",
                requirements[_i].name);
}
END_TEST

START_TEST(one_term_of_several_is_enough) {
  const struct node_requirement met = {STR_LIT("zone"), SELECT_IN, &value_a, 1};
  const struct node_requirement unmet = {STR_LIT("zone"), SELECT_IN, &value_b, 1};
  const struct node_requirement named = {STR_LIT("metadata.name"), SELECT_IN, &value_n1, 1};
  const struct node_requirement both[] = {met, unmet};
  const struct node_selector_term good = {.requirements = &met, .requirement_count = 1};
  const struct node_selector_term half = {.requirements = both, .requirement_count = 2};
  const struct node_selector_term by_name = {.fields = &named, .field_count = 1};
  const struct node_selector_term empty = {.requirement_count = 0};
  const struct node_selector_term half_or_good[] = {half, good};
  struct pod_constraints c = {.affinity_terms = half_or_good, .affinity_term_count = 2};
  ck_assert(pod_selects_node(&c, &plain));
  c.affinity_term_count = 1;
  ck_assert(!pod_selects_node(&c, &plain));
  c.affinity_terms = &by_name;
  ck_assert(pod_selects_node(&c, &plain));
  c.affinity_terms = &empty;
  ck_assert_msg(!pod_selects_node(&c, &plain), "an empty term selects nothing");
  c.affinity_term_count = 0;
  ck_assert(pod_selects_node(&c, &plain));
}
END_TEST

START_TEST(selector_and_name_must_both_hold) {
  const struct key_value a = {STR_LIT("zone"), STR_LIT("a")}, b = {STR_LIT("zone"), STR_LIT("b")};
  struct pod_constraints c = {.node_selector = &a, .node_selector_count = 1};
  ck_assert(pod_selects_node(&c, &plain));
  c.node_name = STR_LIT("n2");
  ck_assert(!pod_selects_node(&c, &plain));
  c.node_name = STR_LIT("n1");
  c.node_selector = &b;
  ck_assert(!pod_selects_node(&c, &plain));
}
END_TEST

/* ---- taints ------------------------------------------------------------------------------ */

START_TEST(hard_taints_and_cordons_keep_out) {
  const struct taint taints[] = {{STR_LIT("soft"), STR_LIT(""), EFFECT_PREFER_NO_SCHEDULE},
                                 {STR_LIT("gpu"), STR_LIT("yes"), EFFECT_NO_SCHEDULE},
                                 {STR_LIT("bad"), STR_LIT(""), EFFECT_NO_EXECUTE}};
  struct node node = {.taints = taints, .taint_count = SG_ARRAY_LEN(taints)};
  struct toleration list[] = {{.key = STR_LIT("gpu"), .value = STR_LIT("yes")},
                              {.key = STR_LIT("bad"), .is_exists = true},
                              {.is_exists = true}};
  struct pod_constraints c = {.tolerations = list};
  ck_assert_ptr_eq(pod_find_barrier(&c, &node), &taints[1]);
  c.toleration_count = 1;
  ck_assert_ptr_eq(pod_find_barrier(&c, &node), &taints[2]);
  c.toleration_count = 2;
  ck_assert_ptr_null(pod_find_barrier(&c, &node));
  node.is_unschedulable = true;
  const struct taint *cordon = pod_find_barrier(&c, &node);
  ck_assert_ptr_nonnull(cordon);
  ck_assert(str_is(cordon->key, "node.kubernetes.io/unschedulable"));
  c.toleration_count = 3;
  ck_assert_ptr_null(pod_find_barrier(&c, &node));
}
END_TEST

/* ---- resources --------------------------------------------------------------------------- */

static struct resource_amount amount(const char *name, const char *text) {
  struct resource_amount made = {.name = str_of(name), .text = str_of(text)};
  made.is_valid = qty_parse(made.text, &made.amount);
  return made;
}

static struct str text_of(struct arena *arena, const struct resource_request *list, size_t count,
                          const char *name) {
  for (size_t i = 0; i < count; i++)
    if (str_is(list[i].name, name))
      return qty_text(arena, list[i].amount);
  return STR_LIT("-");
}

START_TEST(resources_are_what_the_scheduler_counts) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  const struct resource_amount app[] = {amount("cpu", "2"), amount("memory", "1Gi")};
  const struct resource_amount app_limits[] = {amount("nvidia.com/gpu", "1"),
                                               amount("ephemeral-storage", "0")};
  const struct resource_amount init[] = {amount("cpu", "3"), amount("odd", "much")};
  const struct resource_amount overhead[] = {amount("cpu", "250m"), amount("x.io/y", "1")};
  const struct container containers[] = {
      {.role = CONTAINER_INIT, .requests = init, .request_count = SG_ARRAY_LEN(init)},
      {.role = CONTAINER_APP,
       .requests = app,
       .request_count = SG_ARRAY_LEN(app),
       .limits = app_limits,
       .limit_count = SG_ARRAY_LEN(app_limits)}};
  struct pod_spec spec = {.containers = containers,
                          .container_count = SG_ARRAY_LEN(containers),
                          .overhead = overhead,
                          .overhead_count = SG_ARRAY_LEN(overhead)};
  size_t count;
  const struct resource_request *list = pod_resources(arena, &spec, &count);
  ck_assert_uint_eq(count, 4);
  ck_assert(str_is(text_of(arena, list, count, "cpu"), "3.25"));
  ck_assert(str_is(text_of(arena, list, count, "memory"), "1073741824"));
  ck_assert(str_is(text_of(arena, list, count, "nvidia.com/gpu"), "1"));
  ck_assert(str_is(text_of(arena, list, count, "x.io/y"), "1"));

  /* The pod's own request replaces its containers'; its limit only where they request nothing. */
  const struct resource_amount own[] = {amount("cpu", "1"), amount("nvidia.com/gpu", "7")};
  const struct resource_amount limits[] = {amount("memory", "8Gi"), amount("hugepages-2Mi", "4Mi")};
  spec.pod_requests = own;
  spec.pod_request_count = SG_ARRAY_LEN(own);
  spec.pod_limits = limits;
  spec.pod_limit_count = SG_ARRAY_LEN(limits);
  list = pod_resources(arena, &spec, &count);
  ck_assert(str_is(text_of(arena, list, count, "cpu"), "1.25"));
  ck_assert(str_is(text_of(arena, list, count, "memory"), "1073741824"));
  ck_assert(str_is(text_of(arena, list, count, "hugepages-2Mi"), "4194304"));
  ck_assert_msg(str_is(text_of(arena, list, count, "nvidia.com/gpu"), "1"),
                "no device is asked for by a pod itself");
}
END_TEST

TCase *tcase_placement(void) {
  TCase *tc = tcase_create("placement");
  tcase_add_loop_test(tc, requirements_are_met_as_kubernetes_says, 0, SG_ARRAY_LEN(requirements));
  tcase_add_test(tc, one_term_of_several_is_enough);
  tcase_add_test(tc, selector_and_name_must_both_hold);
  tcase_add_test(tc, hard_taints_and_cordons_keep_out);
  tcase_add_test(tc, resources_are_what_the_scheduler_counts);
  return tc;
}

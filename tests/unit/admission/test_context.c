/* SPDX-License-Identifier: Apache-2.0 */
/* What rules ask of their context: GPU requests, where a pod goes, fields, quoted text. */
#include "src/admission/admission_internal.h"
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

static struct builder b;
static struct rule_context ctx;
static struct effective effective;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_SHARING, "severity: deny");
  given_pod(&b);
}

static void teardown(void) {
  builder_done(&b);
}

/* The context as the engine makes it, with the newest template in hand. */
static void enter(void) {
  b.request.object = &b.object;
  context_init(&ctx, builder_view(&b), NULL, &b.request, &b.object, b.arena);
  const struct match_subject subject = {.ns = b.object.ns};
  policy_effective(builder_view(&b), &subject, &effective);
  context_enter(&ctx, &effective, b.tmpl);
}

/* ---- GPU requests -------------------------------------------------------------------- */

static const struct gpu_row {
  const char *name;
  const char *limit, *request; /* of resource; NULL: not given */
  const char *resource;
  size_t count; /* GPU requests that are found */
  const char *list;
  enum gpu_resource_form form;
  bool is_mig;
  int64_t asked;
} gpu_rows[] = {
    {"a limit alone counts", "2", NULL, "nvidia.com/gpu", 1, "limits", GPU_WHOLE, false, 2},
    {"a request alone counts", NULL, "2", "nvidia.com/gpu", 1, "requests", GPU_WHOLE, false, 2},
    {"of both the limit counts", "2", "1", "nvidia.com/gpu", 1, "limits", GPU_WHOLE, false, 2},
    {"zero asks for nothing", "0", "0", "nvidia.com/gpu", 0, NULL, GPU_WHOLE, false, 0},
    {"1000m is one", "1000m", NULL, "nvidia.com/gpu", 1, "limits", GPU_WHOLE, false, 1},
    {"half a GPU is asked for but counts none", "500m", NULL, "nvidia.com/gpu", 1, "limits",
     GPU_WHOLE, false, 0},
    {"no quantity is asked for but counts none", "one", NULL, "nvidia.com/gpu", 1, "limits",
     GPU_WHOLE, false, 0},
    {"less than nothing counts none", "-1", NULL, "nvidia.com/gpu", 1, "limits", GPU_WHOLE, false,
     0},
    {"a slice", "1", NULL, "nvidia.com/mig-1g.5gb", 1, "limits", GPU_MIG, true, 1},
    {"a share of a GPU", "1", NULL, "nvidia.com/gpu.shared", 1, "limits", GPU_SHARED, false, 1},
    {"a share of a slice", "1", NULL, "nvidia.com/mig-1g.5gb.shared", 1, "limits", GPU_SHARED, true,
     1},
    {"memory is no GPU", "1Gi", NULL, "memory", 0, NULL, GPU_WHOLE, false, 0},
    {"another vendor's network card is no GPU", "1", NULL, "example.com/nic", 0, NULL, GPU_WHOLE,
     false, 0},
};

START_TEST(gpu_request_of_one_container) {
  const struct gpu_row *row = &gpu_rows[_i];
  with_container(&b, "main");
  if (row->limit)
    with_limit(&b, row->resource, row->limit);
  if (row->request)
    with_request(&b, row->resource, row->request);
  enter();
  ck_assert_msg(ctx.gpu_count == row->count, "%s: %zu requests, expected %zu", row->name,
                ctx.gpu_count, row->count);
  if (row->count == 0)
    return;
  ck_assert_msg(strcmp(ctx.gpus[0].list, row->list) == 0, "%s: list %s", row->name,
                ctx.gpus[0].list);
  ck_assert_msg(ctx.gpus[0].form == row->form, "%s: form %d", row->name, (int)ctx.gpus[0].form);
  ck_assert_msg(ctx.gpus[0].is_mig == row->is_mig, "%s: is_mig", row->name);
  ck_assert_msg(gpu_count_asked(&ctx.gpus[0]) == row->asked, "%s: asks for %lld", row->name,
                (long long)gpu_count_asked(&ctx.gpus[0]));
}
END_TEST

START_TEST(gpu_requests_come_in_container_order) {
  with_init_container(&b, "warm");
  with_limit(&b, "nvidia.com/gpu", "1");
  with_container(&b, "a");
  with_limit(&b, "nvidia.com/mig-1g.5gb", "1");
  with_container(&b, "none");
  with_container(&b, "b");
  with_request(&b, "nvidia.com/gpu", "1");
  with_limit(&b, "nvidia.com/mig-2g.10gb", "1");
  with_ephemeral_container(&b, "debug");
  with_limit(&b, "nvidia.com/gpu", "1"); /* cannot get one: gpu-limits says so */
  enter();
  const char *const expected[][2] = {{"warm", "nvidia.com/gpu"},
                                     {"a", "nvidia.com/mig-1g.5gb"},
                                     {"b", "nvidia.com/mig-2g.10gb"},
                                     {"b", "nvidia.com/gpu"}};
  ck_assert_uint_eq(ctx.gpu_count, SG_ARRAY_LEN(expected));
  for (size_t i = 0; i < SG_ARRAY_LEN(expected); i++) {
    ck_assert(str_is(ctx.gpus[i].container->name, expected[i][0]));
    ck_assert(str_is(ctx.gpus[i].amount->name, expected[i][1]));
  }
}
END_TEST

START_TEST(a_container_of_thousands_of_gpu_names_is_bounded) {
  with_container(&b, "main");
  for (int i = 0; i < 300; i++) {
    with_limit(&b, str_printf(b.arena, "nvidia.com/mig-%dg.5gb", i).ptr, "1");
  }
  enter();
  ck_assert_uint_eq(ctx.gpu_count, 64);
}
END_TEST

/* ---- labels -------------------------------------------------------------------------- */

START_TEST(labels_of_the_template_come_before_those_of_the_object) {
  given_object(&b, "apps", "Deployment");
  with_object_label(&b, "slicegate.dev/environment", "production");
  with_object_label(&b, "slicegate.dev/team", "vision");
  with_label(&b, "slicegate.dev/environment", "dev");
  enter();
  ck_assert(str_is(ctx.environment, "dev"));
  ck_assert(str_is(ctx.team, "vision"));
  ck_assert_uint_eq(ctx.workload_type.len, 0);
}
END_TEST

START_TEST(the_namespace_gives_a_label_where_the_policy_says_so) {
  given_rule(
      &b, RULE_BUDGET_LABELS,
      "severity: deny, labels: {slicegate.dev/environment: {required: true, fromNamespace: true}}");
  given_pod(&b);
  with_namespace_label(&b, "slicegate.dev/environment", "staging");
  with_namespace_label(&b, "slicegate.dev/team", "vision");
  enter();
  ck_assert(str_is(ctx.environment, "staging"));
  ck_assert_uint_eq(ctx.team.len, 0);
  with_label(&b, "slicegate.dev/environment", "dev");
  enter();
  ck_assert(str_is(ctx.environment, "dev"));
}
END_TEST

START_TEST(a_declaration_is_found_nearest_to_the_pod) {
  const struct str key = STR_LIT("slicegate.dev/gpu-memory");
  given_object(&b, "apps", "Deployment");
  enter();
  ck_assert_ptr_null(find_declared(&ctx, key));
  ck_assert(str_is(declared_field(&ctx, key),
                   "spec.template.metadata.annotations[slicegate.dev/gpu-memory]"));
  with_object_label(&b, "slicegate.dev/gpu-memory", "1Gi");
  enter();
  ck_assert(str_is(declared_field(&ctx, key), "metadata.labels[slicegate.dev/gpu-memory]"));
  with_object_annotation(&b, "slicegate.dev/gpu-memory", "2Gi");
  enter();
  ck_assert(str_is(declared_field(&ctx, key), "metadata.annotations[slicegate.dev/gpu-memory]"));
  with_label(&b, "slicegate.dev/gpu-memory", "3Gi");
  enter();
  ck_assert(str_is(*find_declared(&ctx, key), "3Gi"));
  ck_assert(
      str_is(declared_field(&ctx, key), "spec.template.metadata.labels[slicegate.dev/gpu-memory]"));
}
END_TEST

/* ---- where a pod goes ------------------------------------------------------------------ */

START_TEST(a_toleration_by_name_is_not_a_wildcard) {
  const struct toleration *found = NULL;
  with_toleration(&b, "", NULL, EFFECT_ANY);
  enter();
  ck_assert(!tolerates_gpu_taint_by_name(&ctx, &found));
  with_toleration(&b, "example.com/dedicated", NULL, EFFECT_ANY);
  with_toleration(&b, "nvidia.com/gpu", "present", EFFECT_NO_SCHEDULE);
  enter();
  ck_assert(tolerates_gpu_taint_by_name(&ctx, &found));
  ck_assert(str_is(found->value, "present"));
}
END_TEST

static const char terms_path[] =
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";

START_TEST(a_node_selector_on_a_gpu_label_selects_gpu_nodes) {
  struct str field;
  with_node_selector(&b, "zone", "a");
  enter();
  ck_assert(!selects_gpu_nodes(&ctx, &field));
  with_node_selector(&b, "nvidia.com/gpu.present", "false");
  enter();
  ck_assert_msg(!selects_gpu_nodes(&ctx, &field), "nodes without a GPU are no GPU nodes");
  with_node_selector(&b, "nvidia.com/gpu.product", "NVIDIA-A30");
  enter();
  ck_assert(selects_gpu_nodes(&ctx, &field));
  ck_assert(str_is(field, "spec.nodeSelector[nvidia.com/gpu.product]"));
}
END_TEST

static const struct affinity_row {
  const char *name;
  struct {
    const char *key;
    enum selector_operator op;
    const char *values;
  } terms[3]; /* one requirement each; key NULL: an empty term; op -1 ends */
  size_t term_count;
  bool selects;
} affinity_rows[] = {
    {"In", {{"nvidia.com/gpu.product", SELECT_IN, "NVIDIA-A30"}}, 1, true},
    {"In with a value that means none",
     {{"nvidia.com/gpu.present", SELECT_IN, "true,false"}},
     1,
     false},
    {"Exists", {{"nvidia.com/gpu.count", SELECT_EXISTS, ""}}, 1, true},
    {"Gt", {{"nvidia.com/gpu.memory", SELECT_GT, "40000"}}, 1, true},
    {"Lt", {{"nvidia.com/gpu.memory", SELECT_LT, "40000"}}, 1, true},
    {"NotIn", {{"nvidia.com/gpu.product", SELECT_NOT_IN, "NVIDIA-A30"}}, 1, false},
    {"DoesNotExist", {{"nvidia.com/gpu.present", SELECT_NOT_EXISTS, ""}}, 1, false},
    {"another label", {{"topology.kubernetes.io/zone", SELECT_IN, "a"}}, 1, false},
    {"every term",
     {{"nvidia.com/gpu.product", SELECT_IN, "NVIDIA-A30"},
      {"nvidia.com/gpu.count", SELECT_EXISTS, ""}},
     2,
     true},
    {"one term of two leads elsewhere",
     {{"nvidia.com/gpu.product", SELECT_IN, "NVIDIA-A30"},
      {"topology.kubernetes.io/zone", SELECT_IN, "a"}},
     2,
     false},
    {"an empty term matches no node that we know of",
     {{"nvidia.com/gpu.product", SELECT_IN, "NVIDIA-A30"}, {NULL, SELECT_IN, ""}},
     2,
     false},
};

START_TEST(required_affinity_selects_gpu_nodes_only_if_every_term_does) {
  const struct affinity_row *row = &affinity_rows[_i];
  struct str field = {NULL, 0};
  for (size_t i = 0; i < row->term_count; i++) {
    with_affinity_term(&b);
    if (row->terms[i].key)
      with_requirement(&b, row->terms[i].key, row->terms[i].op, row->terms[i].values);
  }
  enter();
  ck_assert_msg(selects_gpu_nodes(&ctx, &field) == row->selects, "%s", row->name);
  ck_assert_msg(!row->selects || str_is(field, terms_path), "%s: field %.*s", row->name,
                STR_FMT(field));
}
END_TEST

START_TEST(alternatives_are_the_values_of_every_term) {
  const struct str keys[] = {STR_LIT("nvidia.com/gpu.*")};
  const struct strings globs = {keys, 1};
  const struct alternative *list = NULL;
  enter();
  ck_assert_uint_eq(affinity_alternatives(&ctx, &globs, &list), 0);
  with_affinity_term(&b);
  with_requirement(&b, "zone", SELECT_IN, "a");
  with_requirement(&b, "nvidia.com/gpu.product", SELECT_IN, "A,B");
  with_affinity_term(&b);
  with_requirement(&b, "nvidia.com/gpu.family", SELECT_IN, "hopper");
  enter();
  ck_assert_uint_eq(affinity_alternatives(&ctx, &globs, &list), 3);
  ck_assert(str_is(list[1].value, "B"));
  ck_assert(str_is(list[2].key, "nvidia.com/gpu.family"));
  ck_assert(str_ends_with(list[1].field, STR_LIT("nodeSelectorTerms[0].matchExpressions[1]")));
  with_affinity_term(&b);
  with_requirement(&b, "zone", SELECT_IN, "b");
  enter();
  ck_assert_uint_eq(affinity_alternatives(&ctx, &globs, &list), 0);
}
END_TEST

/* ---- fields and texts ------------------------------------------------------------------- */

START_TEST(fields_follow_the_form_of_the_template) {
  with_container(&b, "main");
  with_limit(&b, "nvidia.com/gpu", "1");
  enter();
  const struct str gpu = STR_LIT("nvidia.com/gpu"), team = STR_LIT("slicegate.dev/team");
  ck_assert(str_is(amount_field(&ctx, b.container, "limits", gpu),
                   "spec.containers[0].resources.limits[nvidia.com/gpu]"));
  ck_assert(str_is(label_field(&ctx, true, team), "metadata.labels[slicegate.dev/team]"));
  ck_assert(str_is(spec_field(&ctx, "tolerations[%d]", 2), "spec.tolerations[2]"));

  given_object(&b, "apps", "Deployment");
  with_init_container(&b, "warm");
  enter();
  ck_assert(str_is(amount_field(&ctx, b.container, "requests", gpu),
                   "spec.template.spec.initContainers[0].resources.requests[nvidia.com/gpu]"));
  ck_assert(
      str_is(label_field(&ctx, true, team), "spec.template.metadata.labels[slicegate.dev/team]"));
  ck_assert(str_is(label_field(&ctx, false, team), "metadata.labels[slicegate.dev/team]"));

  with_template(&b, FORM_RESOURCES, "spec.predictor.model.resources", "");
  with_container(&b, "");
  enter();
  ck_assert(!has_pod_spec(b.tmpl));
  ck_assert(str_is(amount_field(&ctx, b.container, "limits", gpu),
                   "spec.predictor.model.resources.limits[nvidia.com/gpu]"));
  ck_assert(str_is(label_field(&ctx, true, team), "metadata.labels[slicegate.dev/team]"));

  with_template(&b, FORM_GPU_COUNT, "spec.driver.gpu", "");
  with_container(&b, "");
  enter();
  ck_assert(str_is(amount_field(&ctx, b.container, "limits", gpu), "spec.driver.gpu.quantity"));
}
END_TEST

static const struct text_row {
  const char *name, *text, *clean;
} text_rows[] = {
    {"plain text stays", "NVIDIA-A30", "NVIDIA-A30"},
    {"letters of any language stay", "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
    {"a line break would break the warning header", "a\nb", "a?b"},
    {"an escape sequence would move the cursor", "a\x1b[2Jb", "a?[2Jb"},
    {"so would its one-character form",
     "a\xc2\x9b"
     "2Jb",
     "a?2Jb"},
    {"a mark that turns text around",
     "a\xe2\x80\xae"
     "b",
     "a?b"},
    {"an isolate of the same kind",
     "a\xe2\x81\xa6"
     "b",
     "a?b"},
    {"no UTF-8",
     "a\xff"
     "b",
     "a?b"},
    {"the first character of three bytes stays", "\xe0\xa0\x80", "\xe0\xa0\x80"},
    {"the last character of all stays", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
    {"what is beyond it does not", "\xf4\x90\x80\x80", "????"},
    {"half of a surrogate pair", "\xed\xa0\x80", "???"},
    {"an overlong form of three bytes", "\xe0\x9f\xbf", "???"},
    {"an overlong form of four bytes", "\xf0\x8f\xbf\xbf", "????"},
    {"neighbours of the marks stay", "\xe2\x80\xaf\xe2\x81\xaa\xe2\x82\xa7",
     "\xe2\x80\xaf\xe2\x81\xaa\xe2\x82\xa7"},
    {"DEL",
     "a\x7f"
     "b",
     "a?b"},
    {"half a character", "a\xe2\x82", "a??"},
    {"an overlong form of a slash", "a\xc0\xaf", "a??"},
};

START_TEST(quoted_text_cannot_disturb_our_sentence) {
  const struct text_row *row = &text_rows[_i];
  enter();
  struct str clean = shown(&ctx, str_of(row->text));
  ck_assert_msg(str_is(clean, row->clean), "%s: \"%.*s\"", row->name, STR_FMT(clean));
}
END_TEST

START_TEST(long_text_is_cut_between_characters) {
  char longer[301];
  memset(longer, 'x', sizeof(longer) - 1);
  longer[300] = '\0';
  struct str clean = str_printable(b.arena, str_of(longer), 128);
  ck_assert_uint_eq(clean.len, 128);
  ck_assert(str_ends_with(clean, STR_LIT("x...")));
  for (size_t i = 0; i < 300; i += 2)
    memcpy(longer + i, "\xc3\xa9", 2);
  clean = str_printable(b.arena, str_of(longer), 128);
  ck_assert_uint_eq(clean.len, 127);
  ck_assert(str_ends_with(clean, STR_LIT("\xc3\xa9...")));
  ck_assert_uint_eq(str_printable(b.arena, str_of("abcdef"), 2).len, 2);
  /* What fits is not marked as cut, whatever else had to be done to it. */
  ck_assert(str_is(str_printable(b.arena, str_of("abc\xc2\x80"), 5), "abc?"));
}
END_TEST

START_TEST(lists_read_like_sentences) {
  struct str items[12];
  for (size_t i = 0; i < SG_ARRAY_LEN(items); i++)
    items[i] = str_printf(b.arena, "%c", (char)('a' + i));
  enter();
  ck_assert_uint_eq(shown_list(&ctx, items, 0, "and").len, 0);
  ck_assert(str_is(shown_list(&ctx, items, 1, "and"), "a"));
  ck_assert(str_is(shown_list(&ctx, items, 2, "or"), "a or b"));
  ck_assert(str_is(shown_list(&ctx, items, 3, "and"), "a, b and c"));
  ck_assert(str_is(shown_list(&ctx, items, 8, "and"), "a, b, c, d, e, f, g and h"));
  ck_assert(str_is(shown_list(&ctx, items, 12, "and"), "a, b, c, d, e, f, g, h and 4 more"));
}
END_TEST

TCase *tcase_context(void) {
  TCase *tcase = tcase_create("context");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, gpu_request_of_one_container, 0, (int)SG_ARRAY_LEN(gpu_rows));
  tcase_add_test(tcase, gpu_requests_come_in_container_order);
  tcase_add_test(tcase, a_container_of_thousands_of_gpu_names_is_bounded);
  tcase_add_test(tcase, labels_of_the_template_come_before_those_of_the_object);
  tcase_add_test(tcase, the_namespace_gives_a_label_where_the_policy_says_so);
  tcase_add_test(tcase, a_declaration_is_found_nearest_to_the_pod);
  tcase_add_test(tcase, a_toleration_by_name_is_not_a_wildcard);
  tcase_add_test(tcase, a_node_selector_on_a_gpu_label_selects_gpu_nodes);
  tcase_add_loop_test(tcase, required_affinity_selects_gpu_nodes_only_if_every_term_does, 0,
                      (int)SG_ARRAY_LEN(affinity_rows));
  tcase_add_test(tcase, alternatives_are_the_values_of_every_term);
  tcase_add_test(tcase, fields_follow_the_form_of_the_template);
  tcase_add_loop_test(tcase, quoted_text_cannot_disturb_our_sentence, 0,
                      (int)SG_ARRAY_LEN(text_rows));
  tcase_add_test(tcase, long_text_is_cut_between_characters);
  tcase_add_test(tcase, lists_read_like_sentences);
  return tcase;
}

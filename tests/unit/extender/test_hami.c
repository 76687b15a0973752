/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of HAMi's cards, where they are ours to give. */
#include "slicegate/sys.h"
#include "tests/unit/extender/doors.h"

TCase *tcase_hami(void);

enum { NOW = 1700000000 };

static void add(struct doors *lab, const char *name, const char *cards) {
  struct node node = lab_hami_node(&lab->s, name, cards);
  state_put_node(lab->s.state, &node);
}

static bool bind_on(struct doors *lab, const struct pod *pod, const char *node,
                    struct ext_binding *ret, struct str *ret_reason) {
  doors_ask(lab, pod, node);
  ck_assert_ptr_nonnull(lab->question.asked);
  return ext_bind(&lab->view, &lab->asked, str_of(node), NOW, lab->s.arena, ret, ret_reason);
}

START_TEST(the_card_with_the_least_that_will_do) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  add(&lab, "n", "GPU-a:15360:10:100:well GPU-b:15360:10:100:well");
  doors_add(&lab, "stock", "nvidia.com/gpu", "8");
  struct pod there = lab_hami_pod(&lab.s, "there", "n", "9000", "GPU-b:9000:0");
  state_put_pod(lab.s.state, &there);
  struct pod pod = lab_hami_pod(&lab.s, "p", NULL, "6000", "");
  doors_filter(&lab, &pod, "n stock");
  ck_assert_str_eq(doors_passed(&lab), "n");
  ck_assert_str_eq(doors_refused(&lab), "stock! no nvidia.com/gpumem on the node");
  ck_assert(bind_on(&lab, &pod, "n", &made, &reason));
  ck_assert_msg(str_is(made.hami_card, "GPU-b"), "%.*s", STR_FMT(made.hami_card));
  ck_assert_int_eq(made.hami_mib, 6000);
  ck_assert_uint_eq(made.annotation_count, 0);
  struct pod large = lab_hami_pod(&lab.s, "l", NULL, "15361", "");
  doors_filter(&lab, &large, "n");
  ck_assert_str_eq(doors_refused(&lab), "n! fewer nvidia.com/gpumem in all than asked for");
  ck_assert(!bind_on(&lab, &pod, "stock", &made, &reason));
  ck_assert(str_is(reason, "no nvidia.com/gpumem on the node"));
}
END_TEST

/* 81,559 is not a whole number of steps: what the core takes for enough is looked at once more. */
START_TEST(no_more_than_a_card_has) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  add(&lab, "n", "GPU-a:81559:10:100:well");
  struct pod all = lab_hami_pod(&lab.s, "a", NULL, "81559", "");
  struct pod more = lab_hami_pod(&lab.s, "m", NULL, "81560", "");
  ck_assert(bind_on(&lab, &all, "n", &made, &reason));
  ck_assert(!bind_on(&lab, &more, "n", &made, &reason));
  ck_assert(str_is(reason, "fewer nvidia.com/gpumem in all than asked for"));
  struct pod huge = lab_hami_pod(&lab.s, "h", NULL, "2000000", "");
  struct err err;
  ck_assert(!state_ask(lab.s.state, lab.s.arena, &huge, &lab.asked, &err));
  ck_assert(lab.asked.is_absurd);
  ck_assert_str_eq(err.text, "nvidia.com/gpumem: 2000000 is more than any node has, write at most "
                             "1048560");
}
END_TEST

static bool preempts(struct doors *lab, const struct pod *pod, const char *node) {
  size_t count, at = state_snapshot_find(lab->view.snapshot, str_of(node), SIZE_MAX);
  const struct state_resident *there =
      state_residents(lab->s.state, lab->s.arena, str_of(node), &count);
  struct ext_victim *victims = arena_array(lab->s.arena, count + 1, sizeof(*victims));
  bool *is_out = arena_array(lab->s.arena, count + 1, sizeof(*is_out));
  for (size_t i = 0; i < count; i++)
    victims[i] = (struct ext_victim){.uid = there[i].pod.uid, .number = there[i].number};
  doors_ask(lab, pod, node);
  return ext_preempt_node(&lab->view, &lab->asked, 1, at, victims, count, is_out);
}

static size_t nominate(struct doors *lab, const struct pod *pod, const char *node) {
  struct ext_advice advice;
  doors_ask(lab, pod, node);
  struct ext_candidate candidate = {pod, &lab->asked};
  return ext_nominate(&lab->view, &candidate, 1, lab->s.arena, &advice);
}

/* 23,034 MiB are 1,440 steps, and so are 23,040. */
START_TEST(what_only_seems_to_be_enough) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  add(&lab, "n", "GPU-a:23034:10:100:well GPU-b:46068:10:100:ill");
  struct pod pod = lab_hami_pod(&lab.s, "p", NULL, "23040", "");
  struct pod all = lab_hami_pod(&lab.s, "a", NULL, "23034", "");
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_refused(&lab), "n! fewer nvidia.com/gpumem in all than asked for");
  ck_assert(!bind_on(&lab, &pod, "n", &made, &reason));
  ck_assert(str_is(reason, "fewer nvidia.com/gpumem in all than asked for"));
  ck_assert(!preempts(&lab, &pod, "n"));
  ck_assert_uint_eq(nominate(&lab, &pod, "n"), 0);
  ck_assert_uint_eq(nominate(&lab, &all, "n"), 1);
  doors_filter(&lab, &all, "n");
  ck_assert_str_eq(doors_passed(&lab), "n");
}
END_TEST

START_TEST(a_larger_card_has_it) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  add(&lab, "n", "GPU-a:23034:10:100:well GPU-b:46068:10:100:well");
  struct pod pod = lab_hami_pod(&lab.s, "p", NULL, "23040", "");
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_passed(&lab), "n");
  ck_assert(bind_on(&lab, &pod, "n", &made, &reason));
  ck_assert(str_is(made.hami_card, "GPU-b"));
  ck_assert_uint_eq(made.placement.units[0].device, 1);
  struct pod there = lab_hami_pod(&lab.s, "there", "n", "30000", "GPU-b:30000:0");
  state_put_pod(lab.s.state, &there);
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_passed(&lab), "");
  ck_assert_msg(strncmp(doors_refused(&lab), "n: ", 3) == 0, "%s", doors_refused(&lab));
  ck_assert(!bind_on(&lab, &pod, "n", &made, &reason));
  ck_assert(preempts(&lab, &pod, "n"));
}
END_TEST

START_TEST(the_plugin_is_told) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  static const char *const keys[] = {"hami.io/vgpu-node",
                                     "hami.io/vgpu-time",
                                     "hami.io/vgpu-devices-to-allocate",
                                     "hami.io/vgpu-devices-allocated",
                                     "hami.io/bind-phase",
                                     "hami.io/bind-time"};
  static const char *const values[] = {
      "n",          "1700000000", ";;GPU-a,NVIDIA,3000,0:;;", ";;GPU-a,NVIDIA,3000,0:;;",
      "allocating", "1700000000"};
  struct ext_binding made = {.hami_card = STR_LIT("GPU-a"), .hami_mib = 3000};
  ext_hami_annotate(&made, STR_LIT("n"), 2, 4, NOW, lab.s.arena);
  ck_assert_uint_eq(made.annotation_count, SG_ARRAY_LEN(keys));
  for (size_t i = 0; i < SG_ARRAY_LEN(keys); i++) {
    ck_assert_msg(str_is(made.annotations[i].key, keys[i]), "%s", keys[i]);
    ck_assert_msg(str_is(made.annotations[i].value, values[i]), "%s", values[i]);
  }
}
END_TEST

/* The same texts as HAMi's own code makes: tests/golden/hami. */
START_TEST(in_the_words_of_its_scheduler) {
  CLEANUP_DOORS struct doors lab;
  CLEANUP_BUF struct buf text = {0};
  struct err err;
  doors_init(&lab);
  static const struct {
    const char *key;
    uint32_t part, parts;
  } golden[] = {{"one_container", 0, 1}, {"third_of_four", 2, 4}};
  ck_assert_msg(sys_file_read("tests/golden/hami/v2.10.0.json", 1 << 20, &text, &err), "%s",
                err.text);
  for (size_t i = 0; i < SG_ARRAY_LEN(golden); i++) {
    struct ext_binding made = {.hami_card = STR_LIT("GPU-b0000000-0000-0000-0000-000000000001"),
                               .hami_mib = 3000};
    ext_hami_annotate(&made, STR_LIT("n"), golden[i].part, golden[i].parts, NOW, lab.s.arena);
    struct str want = str_printf(lab.s.arena, "\"%s\": \"%.*s\"", golden[i].key,
                                 STR_FMT(made.annotations[2].value));
    ck_assert_msg(strstr(text.ptr, want.ptr) != NULL, "%s", want.ptr);
  }
}
END_TEST

/* What we do not give is named, and by whom else it is given is not our business. */
static const struct {
  const char *gpus, *name, *amount, *why; /* why: NULL: it is bound */
} wishes[] = {
    {"1", "nvidia.com/gpumem", "3000", NULL},
    {"1", "nvidia.com/gpucores", "0", "ask for so many MiB"},
    {"1", "cpu", "1", "ask for so many MiB"},
    {"2", "nvidia.com/gpumem", "3000", "ask for nvidia.com/gpu: 1"},
    {"0", "nvidia.com/gpumem", "3000", "ask for nvidia.com/gpu: 1"},
    {"1", "nvidia.com/gpumem-percentage", "50", "not nvidia.com/gpumem-percentage"},
    {"1", "nvidia.com/gpucores", "30", "not nvidia.com/gpucores above 0"},
};

START_TEST(what_is_not_given) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  add(&lab, "n", "GPU-a:15360:10:100:well");
  doors_add(&lab, "stock", "nvidia.com/gpu", "8");
  struct pod pod = lab_pod(&lab.s, "p", NULL, "nvidia.com/gpu", wishes[_i].gpus, wishes[_i].name,
                           wishes[_i].amount, NULL);
  doors_look(&lab);
  const char *why = ext_not_bound(lab.view.snapshot, &pod, STR_LIT("n"));
  ck_assert_int_eq(why != NULL, wishes[_i].why != NULL);
  ck_assert_msg(!why || strstr(why, wishes[_i].why), "%s", why);
  ck_assert_int_eq(ext_is_hami_part(lab.view.snapshot, &pod, STR_LIT("n")), why == NULL);
  ck_assert(!ext_is_hami_part(lab.view.snapshot, &pod, STR_LIT("stock")));
}
END_TEST

START_TEST(other_pods_and_other_nodes) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  add(&lab, "n", "GPU-a:15360:10:100:well");
  doors_add(&lab, "stock", "nvidia.com/gpu", "8");
  struct pod cpu = lab_pod(&lab.s, "c", NULL, "cpu", "1", NULL);
  struct pod whole = lab_pod(&lab.s, "w", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod zero = lab_pod(&lab.s, "z", NULL, "nvidia.com/gpu", "1", "nvidia.com/gpumem", "3000",
                            "nvidia.com/gpucores", "0", NULL);
  doors_filter(&lab, &whole, "n stock");
  ck_assert_str_eq(doors_passed(&lab), "stock");
  ck_assert_str_eq(doors_refused(&lab), "n! its cards are HAMi's and given by nvidia.com/gpumem");
  doors_filter(&lab, &zero, "n stock");
  ck_assert_str_eq(doors_passed(&lab), "n");
  ck_assert_ptr_null(ext_not_bound(lab.view.snapshot, &cpu, STR_LIT("n")));
  ck_assert_ptr_null(ext_not_bound(lab.view.snapshot, &whole, STR_LIT("stock")));
  ck_assert_ptr_null(ext_not_bound(lab.view.snapshot, &whole, STR_LIT("nowhere")));
  ck_assert_ptr_null(ext_not_bound(lab.view.snapshot, &zero, STR_LIT("n")));
  ck_assert_ptr_nonnull(ext_not_bound(lab.view.snapshot, &zero, STR_LIT("stock")));
}
END_TEST

/* By what a node lists, whoever made it do that, nothing of HAMi's becomes ours. */
START_TEST(the_name_alone_is_no_card) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  struct node node =
      lab_node(&lab.s, "n", "nvidia.com/gpu", "10", "nvidia.com/gpumem", "15360", NULL);
  node.has_hami = true;
  state_put_node(lab.s.state, &node);
  struct pod pod = lab_hami_pod(&lab.s, "p", NULL, "3000", "");
  doors_filter(&lab, &pod, "n");
  ck_assert_ptr_null(lab.question.asked);
  ck_assert_str_eq(doors_passed(&lab), "n");
  ck_assert_ptr_nonnull(ext_not_bound(lab.view.snapshot, &pod, STR_LIT("n")));
}
END_TEST

TCase *tcase_hami(void) {
  TCase *tcase = tcase_create("hami");
  tcase_add_test(tcase, the_card_with_the_least_that_will_do);
  tcase_add_test(tcase, no_more_than_a_card_has);
  tcase_add_test(tcase, what_only_seems_to_be_enough);
  tcase_add_test(tcase, a_larger_card_has_it);
  tcase_add_test(tcase, the_plugin_is_told);
  tcase_add_test(tcase, in_the_words_of_its_scheduler);
  tcase_add_loop_test(tcase, what_is_not_given, 0, SG_ARRAY_LEN(wishes));
  tcase_add_test(tcase, other_pods_and_other_nodes);
  tcase_add_test(tcase, the_name_alone_is_no_card);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* filter and prioritize. */
#include "tests/unit/extender/doors.h"

TCase *tcase_filter(void);

static struct pod gpu_pod(struct doors *lab, const char *name, const char *gpus) {
  return lab_pod(&lab->s, name, NULL, "nvidia.com/gpu", gpus, NULL);
}

static void run_on(struct doors *lab, const char *name, const char *node, const char *gpus) {
  struct pod pod = lab_pod(&lab->s, name, node, "nvidia.com/gpu", gpus, "cpu", gpus, NULL);
  state_put_pod(lab->s.state, &pod);
}

START_TEST(best_first_and_no_more_than_asked_for) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "a", "nvidia.com/gpu", "8");
  doors_add(&lab, "b", "nvidia.com/gpu", "8");
  doors_add(&lab, "c", "nvidia.com/gpu", "8");
  run_on(&lab, "p1", "b", "5");
  run_on(&lab, "p2", "c", "2");
  struct pod pod = gpu_pod(&lab, "new", "2");
  doors_filter(&lab, &pod, "a b c");
  ck_assert_str_eq(doors_passed(&lab), "b c a");
  ck_assert_str_eq(doors_refused(&lab), "");
  ck_assert(lab.found.has_choice);
  /* Those left out for rank are in neither list; what is not offered is never named. */
  lab.view.best = 1;
  doors_filter(&lab, &pod, "c a");
  ck_assert_str_eq(doors_passed(&lab), "c");
  ck_assert_str_eq(doors_refused(&lab), "");
}
END_TEST

/* The layout is cut already: no room for larger instances is to be kept, so the fullest is first.
 */
START_TEST(slices_that_are_counted_fill_node_by_node) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  static const char slice[] = "nvidia.com/mig-1g.10gb";
  doors_add(&lab, "a", slice, "7");
  doors_add(&lab, "b", slice, "7");
  doors_add(&lab, "c", slice, "7");
  struct pod few = lab_pod(&lab.s, "few", "b", slice, "2", NULL);
  struct pod many = lab_pod(&lab.s, "many", "c", slice, "5", NULL);
  state_put_pod(lab.s.state, &few);
  state_put_pod(lab.s.state, &many);
  struct pod pod = lab_pod(&lab.s, "new", NULL, slice, "1", NULL);
  doors_filter(&lab, &pod, "a b c");
  ck_assert_str_eq(doors_passed(&lab), "c b a");
}
END_TEST

START_TEST(why_not) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "busy", "nvidia.com/gpu", "4");
  doors_add(&lab, "small", "nvidia.com/gpu", "2");
  doors_add(&lab, "other", "nvidia.com/mig-1g.10gb", "7");
  doors_add(&lab, "none", "example.com/nic", "2");
  run_on(&lab, "p1", "busy", "2");
  struct pod pod = gpu_pod(&lab, "new", "3");
  doors_filter(&lab, &pod, "busy small other none");
  ck_assert_str_eq(doors_passed(&lab), "");
  ck_assert_str_eq(doors_refused(&lab), "busy: Insufficient nvidia.com/gpu; "
                                        "small! fewer nvidia.com/gpu in all than asked for; "
                                        "other! no nvidia.com/gpu on the node; "
                                        "none! no nvidia.com/gpu on the node");
  /* kube-scheduler counts GPUs too, and offered "busy". */
  ck_assert(lab.found.is_behind);
  struct pod slice = lab_pod(&lab.s, "slice", NULL, "nvidia.com/mig-1g.10gb", "8", NULL);
  doors_filter(&lab, &slice, "other");
  ck_assert_str_eq(doors_refused(&lab),
                   "other! fewer nvidia.com/mig-1g.10gb in all than asked for");
  ck_assert(!lab.found.is_behind);
}
END_TEST

START_TEST(cpu_memory_and_pods_count_too) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  struct node node =
      lab_node(&lab.s, "n", "nvidia.com/gpu", "8", "cpu", "4", "memory", "8Gi", "pods", "2", NULL);
  state_put_node(lab.s.state, &node);
  struct pod pod = lab_pod(&lab.s, "p", NULL, "nvidia.com/gpu", "1", "cpu", "5", NULL);
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_refused(&lab), "n: Insufficient cpu");
  pod = lab_pod(&lab.s, "p", NULL, "nvidia.com/gpu", "1", "memory", "9Gi", NULL);
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_refused(&lab), "n: Insufficient memory");
  run_on(&lab, "p1", "n", "1");
  run_on(&lab, "p2", "n", "1");
  pod = gpu_pod(&lab, "p", "1");
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_refused(&lab), "n: Too many pods");
}
END_TEST

/* Twenty are listed where there are two: no count, so nothing is refused, ranked or held by it. */
START_TEST(shares_of_hami_are_no_gpus) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  struct node node = lab_node(&lab.s, "hami", "nvidia.com/gpu", "20", NULL);
  node.has_hami = true;
  state_put_node(lab.s.state, &node);
  doors_add(&lab, "stock", "nvidia.com/gpu", "2");
  struct pod pod = gpu_pod(&lab, "new", "2");
  doors_filter(&lab, &pod, "hami stock");
  ck_assert_str_eq(doors_passed(&lab), "stock hami");
  pod = gpu_pod(&lab, "large", "4");
  doors_filter(&lab, &pod, "hami stock");
  ck_assert_str_eq(doors_passed(&lab), "hami");
  ck_assert(!lab.found.has_choice);
  node.has_hami = false; /* NVIDIA's plugin instead: the same list is a count now */
  state_put_node(lab.s.state, &node);
  doors_filter(&lab, &pod, "hami stock");
  ck_assert_str_eq(doors_passed(&lab), "hami");
  ck_assert(lab.found.has_choice);
  node.has_hami = true;
  state_put_node(lab.s.state, &node);
  doors_filter(&lab, &pod, "hami stock");
  ck_assert(!lab.found.has_choice);
}
END_TEST

START_TEST(what_cannot_be_known_passes) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "full", "nvidia.com/gpu", "1");
  run_on(&lab, "p1", "full", "1");
  doors_add_dra(&lab, "dra");
  struct pod pod = gpu_pod(&lab, "new", "1");
  doors_filter(&lab, &pod, "full dra stranger");
  ck_assert_str_eq(doors_passed(&lab), "dra stranger");
  ck_assert(!lab.found.has_choice);
  /* Devices by DRA: nothing here is ours to judge. */
  pod.has_claims = true;
  doors_filter(&lab, &pod, "full dra stranger");
  ck_assert_str_eq(doors_passed(&lab), "full dra stranger");
  int64_t scores[3];
  struct pack_placement choice;
  ck_assert(!ext_prioritize(&lab.view, &lab.question, lab.s.arena, scores, &choice));
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq(scores[i], EXT_SCORE_NEUTRAL);
}
END_TEST

/* Its names stay on the node, with 0 of each; kube-scheduler asks the driver then. */
START_TEST(a_driver_may_follow_a_plugin) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "n", "nvidia.com/gpu", "0");
  struct pod pod = gpu_pod(&lab, "new", "1");
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_passed(&lab), "");
  state_put_dra(lab.s.state, STATE_SLICES, (struct str){0}, STR_LIT("s"), STR_LIT("n"), 8);
  doors_filter(&lab, &pod, "n");
  ck_assert_str_eq(doors_passed(&lab), "n");
  doors_add(&lab, "n", "nvidia.com/gpu", "1"); /* and back: the plugin's count is the count */
  doors_filter(&lab, &pod, "n");
  ck_assert(lab.found.has_choice);
}
END_TEST

START_TEST(tentative_holds_rank_where_kube_scheduler_counts) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "a", "nvidia.com/gpu", "1");
  doors_add(&lab, "b", "nvidia.com/gpu", "1");
  struct pod first = gpu_pod(&lab, "first", "1"), second = gpu_pod(&lab, "second", "1");
  ck_assert_int_eq(lab_hold(&lab.s, STATE_TENTATIVE, &first, "a", 100), STATE_HELD);
  doors_filter(&lab, &second, "a b");
  ck_assert_str_eq(doors_passed(&lab), "b a");
  doors_filter(&lab, &second, "a");
  ck_assert_str_eq(doors_passed(&lab), "a");
  ck_assert(!lab.found.has_choice);
  int64_t scores[2];
  struct pack_placement choice;
  doors_ask(&lab, &second, "a b");
  ck_assert(ext_prioritize(&lab.view, &lab.question, lab.s.arena, scores, &choice));
  ck_assert_int_eq(scores[0], 9);
  ck_assert_int_eq(scores[1], 10);
  /* A firm one is as good as bound. */
  ck_assert_int_eq(lab_hold(&lab.s, STATE_FIRM, &first, "a", 100), STATE_HELD);
  doors_filter(&lab, &second, "a");
  ck_assert_str_eq(doors_refused(&lab), "a: Insufficient nvidia.com/gpu");
}
END_TEST

START_TEST(tentative_holds_refuse_where_only_we_count) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "a", "slicegate.dev/gpu-milli", "1000");
  struct pod first = lab_pod(&lab.s, "first", NULL, "slicegate.dev/gpu-milli", "600", NULL);
  struct pod second = lab_pod(&lab.s, "second", NULL, "slicegate.dev/gpu-milli", "500", NULL);
  doors_hold(&lab, &first, "a");
  doors_filter(&lab, &second, "a");
  ck_assert_str_eq(doors_refused(&lab), "a: Insufficient slicegate.dev/gpu-milli");
  ck_assert(!lab.found.is_behind);
  ck_assert(state_unhold(lab.s.state, first.uid, false));
  doors_filter(&lab, &second, "a");
  ck_assert_str_eq(doors_passed(&lab), "a");
}
END_TEST

START_TEST(parts_of_cards_may_be_left_in_pieces) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "a", "slicegate.dev/gpu-milli", "2000");
  struct pod part = lab_pod(&lab.s, "p", "a", "slicegate.dev/gpu-milli", "600", NULL);
  state_put_pod(lab.s.state, &part);
  part = lab_pod(&lab.s, "q", "a", "slicegate.dev/gpu-milli", "600", NULL);
  state_put_pod(lab.s.state, &part);
  struct pod pod = lab_pod(&lab.s, "new", NULL, "slicegate.dev/gpu-milli", "700", NULL);
  doors_filter(&lab, &pod, "a"); /* 400 + 400 */
  ck_assert_str_eq(doors_refused(&lab),
                   "a: slicegate.dev/gpu-milli left only in pieces on several GPUs");
}
END_TEST

START_TEST(ranks_are_ten_nine_eight) {
  CLEANUP_DOORS struct doors lab;
  CLEANUP_BUF struct buf names;
  buf_init(&names, 1024);
  doors_init(&lab);
  for (int i = 0; i < 12; i++) {
    char name[8] = {(char)('a' + i), '\0'};
    doors_add(&lab, name, "nvidia.com/gpu", "8");
    buf_printf(&names, "%s%s", i ? " " : "", name);
  }
  run_on(&lab, "p", "l", "6");
  struct pod pod = gpu_pod(&lab, "new", "1");
  int64_t scores[12];
  struct pack_placement choice;
  doors_ask(&lab, &pod, buf_str(&names).ptr);
  ck_assert(ext_prioritize(&lab.view, &lab.question, lab.s.arena, scores, &choice));
  ck_assert_int_eq(scores[11], 10);
  ck_assert_uint_eq(choice.node, state_snapshot_find(lab.view.snapshot, STR_LIT("l"), SIZE_MAX));
  int64_t seen[EXT_SCORE_MAX + 1] = {0};
  for (int i = 0; i < 12; i++)
    seen[scores[i]]++;
  ck_assert_int_eq(seen[0], 2);
  for (int rank = 1; rank <= EXT_SCORE_MAX; rank++)
    ck_assert_int_eq(seen[rank], 1);
}
END_TEST

START_TEST(a_name_that_is_offered_twice_is_one) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  doors_add(&lab, "a", "nvidia.com/gpu", "8");
  struct pod pod = gpu_pod(&lab, "new", "1");
  doors_filter(&lab, &pod, "a a a");
  ck_assert_str_eq(doors_passed(&lab), "a");
  doors_filter(&lab, &pod, "");
  ck_assert_str_eq(doors_passed(&lab), "");
  ck_assert(!lab.found.is_behind);
}
END_TEST

TCase *tcase_filter(void) {
  TCase *tcase = tcase_create("filter");
  tcase_add_test(tcase, best_first_and_no_more_than_asked_for);
  tcase_add_test(tcase, slices_that_are_counted_fill_node_by_node);
  tcase_add_test(tcase, why_not);
  tcase_add_test(tcase, cpu_memory_and_pods_count_too);
  tcase_add_test(tcase, shares_of_hami_are_no_gpus);
  tcase_add_test(tcase, what_cannot_be_known_passes);
  tcase_add_test(tcase, a_driver_may_follow_a_plugin);
  tcase_add_test(tcase, tentative_holds_rank_where_kube_scheduler_counts);
  tcase_add_test(tcase, tentative_holds_refuse_where_only_we_count);
  tcase_add_test(tcase, parts_of_cards_may_be_left_in_pieces);
  tcase_add_test(tcase, ranks_are_ten_nine_eight);
  tcase_add_test(tcase, a_name_that_is_offered_twice_is_one);
  return tcase;
}

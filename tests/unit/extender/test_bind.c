/* SPDX-License-Identifier: Apache-2.0 */
/* What a Binding tells the device plugin. */
#include "tests/unit/extender/doors.h"

TCase *tcase_bind(void);

enum { NOW = 1234567 };

static const char *annotation(const struct ext_binding *binding, const char *key) {
  for (size_t i = 0; i < binding->annotation_count; i++)
    if (str_is(binding->annotations[i].key, key))
      return binding->annotations[i].value.ptr;
  return "(none)";
}

static bool bind_on(struct doors *lab, const struct pod *pod, const char *node,
                    struct ext_binding *ret, struct str *ret_reason) {
  doors_ask(lab, pod, node);
  ck_assert_ptr_nonnull(lab->question.asked);
  return ext_bind(&lab->view, &lab->asked, str_of(node), NOW, lab->s.arena, ret, ret_reason);
}

START_TEST(stock_plugins_are_told_nothing) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  doors_add(&lab, "n", "nvidia.com/gpu", "2");
  struct pod pod = lab_pod(&lab.s, "p", NULL, "nvidia.com/gpu", "2", NULL);
  ck_assert(bind_on(&lab, &pod, "n", &made, &reason));
  ck_assert_uint_eq(made.annotation_count, 0);
  state_put_pod(lab.s.state, &(struct pod){0});
  ck_assert_int_eq(lab_hold(&lab.s, STATE_FIRM, &pod, "n", 100), STATE_HELD);
  struct pod other = lab_pod(&lab.s, "q", NULL, "nvidia.com/gpu", "1", NULL);
  ck_assert(!bind_on(&lab, &other, "n", &made, &reason));
  ck_assert(str_is(reason, "Insufficient nvidia.com/gpu"));
  ck_assert(!bind_on(&lab, &other, "nowhere", &made, &reason));
  ck_assert(str_is(reason, "the node is not known"));
}
END_TEST

START_TEST(gpushare_is_told_its_card) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  struct node node =
      lab_node(&lab.s, "n", "aliyun.com/gpu-mem", "32", "aliyun.com/gpu-count", "2", NULL);
  state_put_node(lab.s.state, &node);
  struct pod there = lab_pod(&lab.s, "there", "n", "aliyun.com/gpu-mem", "10", NULL);
  struct pod_device card = {.resource = STR_LIT("aliyun.com/gpu-mem"), .index = 0, .amount = 10};
  there.devices = &card;
  there.device_count = 1;
  state_put_pod(lab.s.state, &there);
  struct pod pod = lab_pod(&lab.s, "p", NULL, "aliyun.com/gpu-mem", "8", NULL);
  ck_assert(bind_on(&lab, &pod, "n", &made, &reason)); /* 6 are left of card 0 */
  ck_assert_str_eq(annotation(&made, "ALIYUN_COM_GPU_MEM_IDX"), "1");
  ck_assert_str_eq(annotation(&made, "ALIYUN_COM_GPU_MEM_POD"), "8");
  ck_assert_str_eq(annotation(&made, "ALIYUN_COM_GPU_MEM_DEV"), "16");
  ck_assert_str_eq(annotation(&made, "ALIYUN_COM_GPU_MEM_ASSIGNED"), "false");
  ck_assert_str_eq(annotation(&made, "ALIYUN_COM_GPU_MEM_ASSUME_TIME"), "1234567");
  struct pod large = lab_pod(&lab.s, "large", NULL, "aliyun.com/gpu-mem", "17", NULL);
  ck_assert(!bind_on(&lab, &large, "n", &made, &reason));
}
END_TEST

START_TEST(our_own_protocol_names_cards) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  doors_add(&lab, "n", "slicegate.dev/gpu-milli", "3000");
  struct pod whole = lab_pod(&lab.s, "w", NULL, "slicegate.dev/gpu-milli", "2000", NULL);
  ck_assert(bind_on(&lab, &whole, "n", &made, &reason));
  ck_assert_str_eq(annotation(&made, "slicegate.dev/devices"), "0,1");
  struct pod part = lab_pod(&lab.s, "p", NULL, "slicegate.dev/gpu-milli", "250", NULL);
  ck_assert(bind_on(&lab, &part, "n", &made, &reason));
  ck_assert_str_eq(annotation(&made, "slicegate.dev/devices"), "0");
  struct pod odd = lab_pod(&lab.s, "o", NULL, "slicegate.dev/gpu-milli", "1500", NULL);
  doors_ask(&lab, &odd, "n");
  ck_assert_ptr_null(lab.question.asked); /* neither a part of one card nor whole ones */
  struct pod other = lab_pod(&lab.s, "g", NULL, "nvidia.com/gpu", "1", NULL);
  ck_assert(!bind_on(&lab, &other, "n", &made, &reason)); /* whole cards by another name */
  ck_assert(str_is(reason, "no nvidia.com/gpu on the node"));
}
END_TEST

/* Filter passes a node whose GPUs others count; so does bind, and what can be counted there is
 * held. */
START_TEST(what_others_count_is_bound) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  doors_add(&lab, "counted", "nvidia.com/gpu", "1");
  doors_add_dra(&lab, "dra");
  struct pod pod = lab_pod(&lab.s, "p", NULL, "nvidia.com/gpu", "1", NULL);
  ck_assert(bind_on(&lab, &pod, "dra", &made, &reason));
  ck_assert_uint_eq(made.annotation_count, 0);
  ck_assert_int_eq(state_hold(lab.s.state, &(struct state_hold){.kind = STATE_FIRM,
                                                                .ns = pod.ns,
                                                                .name = pod.name,
                                                                .uid = pod.uid,
                                                                .asked = &lab.asked,
                                                                .node = STR_LIT("dra"),
                                                                .placement = &made.placement,
                                                                .until_ms = 100}),
                   STATE_HELD);
}
END_TEST

/* The kubelet would refuse the pod, or be given one too many as the plugin comes back. */
START_TEST(nothing_is_bound_where_no_plugin_runs) {
  CLEANUP_DOORS struct doors lab;
  struct ext_binding made;
  struct str reason;
  doors_init(&lab);
  struct node node = lab_node(&lab.s, "down", "cpu", "8", "aliyun.com/gpu-mem", "0",
                              "aliyun.com/gpu-count", "0", NULL);
  lab_label(&lab.s, &node, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3", NULL);
  state_put_node(lab.s.state, &node);
  struct pod pod = lab_pod(&lab.s, "p", NULL, "nvidia.com/mig-1g.10gb", "1", NULL);
  doors_filter(&lab, &pod, "down");
  ck_assert_str_eq(doors_passed(&lab), "");
  ck_assert(!bind_on(&lab, &pod, "down", &made, &reason));
  ck_assert_msg(str_is(reason, "no nvidia.com/mig-1g.10gb on the node"), "%.*s", STR_FMT(reason));
}
END_TEST

/* HAMi lists each card ten times, and gives out what its own scheduler has written down. */
START_TEST(hami_binds_its_own) {
  CLEANUP_DOORS struct doors lab;
  doors_init(&lab);
  struct node node = lab_node(&lab.s, "hami", "nvidia.com/gpu", "20", NULL);
  node.has_hami = true;
  state_put_node(lab.s.state, &node);
  doors_add(&lab, "stock", "nvidia.com/gpu", "2");
  struct pod plain = lab_pod(&lab.s, "p", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod share =
      lab_pod(&lab.s, "s", NULL, "nvidia.com/gpu", "1", "nvidia.com/gpumem", "3000", NULL);
  struct pod cpu = lab_pod(&lab.s, "c", NULL, "cpu", "1", NULL);
  doors_look(&lab);
  const struct state_snapshot *snapshot = lab.view.snapshot;
  ck_assert_ptr_null(ext_not_bound(snapshot, &plain, STR_LIT("stock")));
  ck_assert_ptr_null(ext_not_bound(snapshot, &plain, STR_LIT("nowhere")));
  ck_assert_ptr_null(ext_not_bound(snapshot, &cpu, STR_LIT("hami")));
  ck_assert_ptr_nonnull(
      strstr(ext_not_bound(snapshot, &plain, STR_LIT("hami")), "the node's GPUs are handed out"));
  static const char *const nodes[] = {"hami", "stock", "nowhere"};
  for (size_t i = 0; i < SG_ARRAY_LEN(nodes); i++)
    ck_assert_ptr_nonnull(
        strstr(ext_not_bound(snapshot, &share, str_of(nodes[i])), "asks for a share of a card"));
}
END_TEST

TCase *tcase_bind(void) {
  TCase *tcase = tcase_create("bind");
  tcase_add_test(tcase, stock_plugins_are_told_nothing);
  tcase_add_test(tcase, what_others_count_is_bound);
  tcase_add_test(tcase, gpushare_is_told_its_card);
  tcase_add_test(tcase, our_own_protocol_names_cards);
  tcase_add_test(tcase, nothing_is_bound_where_no_plugin_runs);
  tcase_add_test(tcase, hami_binds_its_own);
  return tcase;
}

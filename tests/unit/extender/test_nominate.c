/* SPDX-License-Identifier: Apache-2.0 */
/* A queue placed as a whole. */
#include "tests/unit/extender/doors.h"

TCase *tcase_nominate(void);

enum { QUEUE_MAX = 16 };

struct queue {
  struct doors lab;
  struct pod pods[QUEUE_MAX];
  struct pack_asked asked[QUEUE_MAX];
  struct ext_candidate candidates[QUEUE_MAX];
  size_t count;
};

static struct pod *wait_for(struct queue *queue, const char *name, const char *gpus) {
  struct pod *pod = &queue->pods[queue->count++];
  *pod = lab_pod(&queue->lab.s, name, NULL, "nvidia.com/gpu", gpus, NULL);
  return pod;
}

/* "pod=node ..." in the order in which they were placed. */
static const char *nominate(struct queue *queue) {
  struct ext_advice advice[QUEUE_MAX];
  struct doors *lab = &queue->lab;
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  for (size_t i = 0; i < queue->count; i++) {
    struct err err;
    ck_assert(state_ask(lab->s.state, lab->s.arena, &queue->pods[i], &queue->asked[i], &err));
    queue->candidates[i] = (struct ext_candidate){&queue->pods[i], &queue->asked[i]};
  }
  doors_look(lab);
  ext_put_in_order(state_catalog(lab->s.state), queue->candidates, queue->count, lab->s.arena);
  size_t made = ext_nominate(&lab->view, queue->candidates, queue->count, lab->s.arena, advice);
  for (size_t i = 0; i < made; i++) {
    const struct pack_cluster *cluster = state_snapshot_cluster(lab->view.snapshot);
    buf_printf(&text, "%s%.*s=%.*s", i ? " " : "",
               STR_FMT(queue->candidates[advice[i].candidate].pod->name),
               STR_FMT(pack_cluster_node(cluster, advice[i].node)->name));
  }
  return str_copy(lab->s.arena, buf_str(&text)).ptr;
}

START_TEST(large_first_within_a_priority) {
  struct queue queue = {0};
  doors_init(&queue.lab);
  doors_add(&queue.lab, "a", "nvidia.com/gpu", "4");
  doors_add(&queue.lab, "b", "nvidia.com/gpu", "4");
  (void)wait_for(&queue, "small-1", "1");
  (void)wait_for(&queue, "large", "4");
  (void)wait_for(&queue, "small-2", "1");
  wait_for(&queue, "urgent", "1")->priority = 5;
  ck_assert_str_eq(nominate(&queue), "urgent=a large=b small-1=a small-2=a");
  doors_done(&queue.lab);
}
END_TEST

START_TEST(selectors_taints_and_room_are_looked_at) {
  struct queue queue = {0};
  struct key_value selector = {STR_LIT("zone"), STR_LIT("west")};
  struct taint taint = {STR_LIT("nvidia.com/gpu"), STR_LIT("present"), EFFECT_NO_SCHEDULE};
  struct toleration toleration = {.key = STR_LIT("nvidia.com/gpu"), .is_exists = true};
  doors_init(&queue.lab);
  doors_add(&queue.lab, "east", "nvidia.com/gpu", "8");
  struct node west = lab_node(&queue.lab.s, "west", "nvidia.com/gpu", "2", NULL);
  lab_label(&queue.lab.s, &west, "zone", "west", NULL);
  west.taints = &taint;
  west.taint_count = 1;
  state_put_node(queue.lab.s.state, &west);
  struct pod *selects = wait_for(&queue, "selects", "1");
  selects->constraints.node_selector = &selector;
  selects->constraints.node_selector_count = 1;
  ck_assert_str_eq(nominate(&queue), ""); /* the taint */
  selects->constraints.tolerations = &toleration;
  selects->constraints.toleration_count = 1;
  (void)wait_for(&queue, "anywhere", "2");
  ck_assert_str_eq(nominate(&queue), "anywhere=east selects=west");
  (void)wait_for(&queue, "too-large", "9");
  ck_assert_str_eq(nominate(&queue), "anywhere=east selects=west");
  doors_done(&queue.lab);
}
END_TEST

START_TEST(who_is_left_alone) {
  struct pod pod = {.name = STR_LIT("p")};
  ck_assert_ptr_null(ext_not_nominated(&pod, STR_LIT("default-scheduler")));
  ck_assert_ptr_nonnull(ext_not_nominated(&pod, STR_LIT("gpu-scheduler")));
  pod.scheduler_name = STR_LIT("gpu-scheduler");
  ck_assert_ptr_null(ext_not_nominated(&pod, STR_LIT("gpu-scheduler")));
  static const uint32_t traits[] = {
      POD_IS_DELETING,       POD_IS_GATED,       POD_HAS_POD_AFFINITY, POD_HAS_HARD_SPREAD,
      POD_HAS_VOLUME_CLAIMS, POD_HAS_HOST_PORTS, POD_HAS_PREFERENCES};
  for (size_t i = 0; i < SG_ARRAY_LEN(traits); i++) {
    pod.traits = traits[i];
    ck_assert_ptr_nonnull(ext_not_nominated(&pod, STR_LIT("gpu-scheduler")));
  }
  pod.traits = 0;
  pod.has_claims = true;
  ck_assert_ptr_nonnull(ext_not_nominated(&pod, STR_LIT("gpu-scheduler")));
  pod.has_claims = false;
  pod.nominated_node = STR_LIT("n");
  ck_assert_ptr_nonnull(ext_not_nominated(&pod, STR_LIT("gpu-scheduler")));
}
END_TEST

TCase *tcase_nominate(void) {
  TCase *tcase = tcase_create("nominate");
  tcase_add_test(tcase, large_first_within_a_priority);
  tcase_add_test(tcase, selectors_taints_and_room_are_looked_at);
  tcase_add_test(tcase, who_is_left_alone);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots, news, recordings, waiting for a change. */
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

#include <pthread.h>

TCase *tcase_snapshot(void);

START_TEST(the_same_while_nothing_changes) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  CLEANUP_SNAPSHOT const struct state_snapshot *empty = state_snapshot(lab.state);
  ck_assert_uint_eq(pack_cluster_count(state_snapshot_cluster(empty)), 0);
  ck_assert_uint_eq(state_snapshot_find(empty, STR_LIT("n1"), SIZE_MAX), SIZE_MAX);
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "8", NULL);
  state_put_node(lab.state, &node);
  CLEANUP_SNAPSHOT const struct state_snapshot *first = state_snapshot(lab.state);
  CLEANUP_SNAPSHOT const struct state_snapshot *second = state_snapshot(lab.state);
  ck_assert_ptr_eq(first, second);
  struct pod pod = lab_pod(&lab, "p", "n1", "nvidia.com/gpu", "8", NULL);
  state_put_pod(lab.state, &pod);
  state_drop_node(lab.state, STR_LIT("n1"));
  /* What was taken before stays as it was. */
  ck_assert_int_eq(pack_cluster_node(state_snapshot_cluster(first), 0)->counters[0].left, 8);
  ck_assert(str_is(state_snapshot_node(first, 0)->node.name, "n1"));
  ck_assert_uint_eq(state_snapshot_find(first, STR_LIT("n1"), SIZE_MAX), 0);
  CLEANUP_SNAPSHOT const struct state_snapshot *third = state_snapshot(lab.state);
  ck_assert_ptr_ne(first, third);
  ck_assert_uint_eq(pack_cluster_count(state_snapshot_cluster(third)), 0);
}
END_TEST

START_TEST(nodes_by_name_and_by_resource) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  enum { NODES = 200 };
  for (size_t i = 0; i < NODES; i++) {
    const char *name = str_printf(lab.arena, "node-%zu", i).ptr;
    struct node node = i % 3 ? lab_node(&lab, name, NULL)
                             : lab_node(&lab, name, "nvidia.com/gpu", i % 2 ? "0" : "4", NULL);
    state_put_node(lab.state, &node);
  }
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(lab.state);
  const uint64_t *gpus = state_snapshot_listing(snapshot, STR_LIT("nvidia.com/gpu"));
  ck_assert_ptr_null(state_snapshot_listing(snapshot, STR_LIT("amd.com/gpu")));
  for (size_t i = 0; i < NODES; i++) {
    size_t n = state_snapshot_find(snapshot, str_printf(lab.arena, "node-%zu", i), SIZE_MAX);
    ck_assert_uint_lt(n, NODES);
    ck_assert_int_eq(gpus[n / 64] >> n % 64 & 1, i % 3 == 0);
  }
  ck_assert_uint_eq(state_snapshot_find(snapshot, STR_LIT("node-200"), SIZE_MAX), SIZE_MAX);
  ck_assert_uint_eq(gpus[NODES / 64] >> NODES % 64, 0);
}
END_TEST

START_TEST(asked_in_terms_of_the_nodes) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "1", "example.com/nic", "2", NULL);
  struct pod two = lab_pod(&lab, "q", NULL, "nvidia.com/gpu", "1", "amd.com/gpu", "1", NULL);
  struct pack_asked before, after;
  struct err err;
  ck_assert(state_ask(lab.state, lab.arena, &pod, &before, &err));
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "8", NULL);
  state_put_node(lab.state, &node);
  CLEANUP_PEEK struct state_peek peek = lab_peek(&lab, "n1");
  /* What was asked when no node listed the name fits nowhere; asked again it does. */
  const struct pack_catalog *catalog = state_catalog(lab.state);
  ck_assert_int_ne(pack_fit(catalog, peek.node, &before.request), PACK_FITS);
  ck_assert(state_ask(lab.state, lab.arena, &pod, &after, &err));
  ck_assert_int_eq(pack_fit(catalog, peek.node, &after.request), PACK_FITS);
  ck_assert_uint_eq(after.other_count, 1);
  ck_assert(str_is(after.others[0].name, "example.com/nic"));
  ck_assert(!state_ask(lab.state, lab.arena, &two, &after, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(names_that_only_pods_have_heard_of) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct pack_asked asked;
  struct err err;
  for (int i = 1; i < 400; i++) { /* more than there are numbers for names */
    const char *device = str_printf(lab.arena, "nvidia.com/mig-1g.%dgb", i).ptr;
    struct pod pod = lab_pod(&lab, "p", NULL, device, "1", NULL);
    ck_assert(state_ask(lab.state, lab.arena, &pod, &asked, &err));
    state_put_pod(lab.state, &pod);
  }
  struct node node = lab_node(&lab, "n1", "nvidia.com/mig-7g.900gb", "3", NULL);
  state_put_node(lab.state, &node);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/mig-7g.900gb"), 3);
}
END_TEST

static size_t take(struct state_lab *lab, enum state_story *ret) {
  struct state_news news[8];
  size_t count = state_take_news(lab->state, news, SG_ARRAY_LEN(news));
  for (size_t i = 0; i < count; i++)
    ret[i] = news[i].story;
  return count;
}

START_TEST(news_for_those_who_learn) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  enum state_story stories[8];
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "8", NULL);
  state_put_node(lab.state, &node);
  struct pod found = lab_pod(&lab, "a", "n1", "nvidia.com/gpu", "1", NULL);
  struct pod pod = lab_pod(&lab, "b", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod cpu = lab_pod(&lab, "c", "n1", "cpu", "1", NULL);
  state_put_pod(lab.state, &found);
  state_put_pod(lab.state, &found);
  state_put_pod(lab.state, &pod);
  state_put_pod(lab.state, &cpu);
  ck_assert_uint_eq(take(&lab, stories), 2);
  ck_assert_int_eq(stories[0], STATE_FOUND);
  ck_assert_int_eq(stories[1], STATE_ARRIVED);
  pod.constraints.node_name = STR_LIT("n1");
  state_put_pod(lab.state, &pod);
  state_put_pod(lab.state, &pod);
  state_drop_pod(lab.state, found.ns, found.name, found.uid);
  pod.phase = PHASE_SUCCEEDED;
  state_put_pod(lab.state, &pod);
  state_drop_pod(lab.state, pod.ns, pod.name, pod.uid);
  ck_assert_uint_eq(take(&lab, stories), 3);
  ck_assert_int_eq(stories[0], STATE_PLACED);
  ck_assert_int_eq(stories[1], STATE_DEPARTED);
  ck_assert_int_eq(stories[2], STATE_DEPARTED);
  ck_assert_uint_eq(take(&lab, stories), 0);
}
END_TEST

START_TEST(old_news_is_dropped) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "8", NULL);
  state_put_node(lab.state, &node);
  struct pod pod = lab_pod(&lab, "b", NULL, "nvidia.com/gpu", "1", NULL);
  for (int i = 0; i < STATE_NEWS_MAX + 10; i++) {
    state_put_pod(lab.state, &pod);
    state_drop_pod(lab.state, pod.ns, pod.name, pod.uid);
  }
  struct pod last = lab_pod(&lab, "c", "n1", "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &last);
  struct state_news *news = arena_array(lab.arena, STATE_NEWS_MAX + 1, sizeof(*news));
  ck_assert_uint_eq(state_take_news(lab.state, news, STATE_NEWS_MAX + 1), STATE_NEWS_MAX);
  ck_assert_int_eq(news[0].story, STATE_ARRIVED);
  ck_assert_int_eq(news[STATE_NEWS_MAX - 1].story, STATE_FOUND);
}
END_TEST

START_TEST(recorded_in_order) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct key_value label = {STR_LIT("team"), STR_LIT("ml")};
  struct k8s_namespace b = {.name = STR_LIT("b"), .labels = &label, .label_count = 1}, got;
  struct k8s_namespace a = {.name = STR_LIT("a")};
  state_put_namespace(lab.state, &b);
  state_put_namespace(lab.state, &a);
  ck_assert(state_find_namespace(lab.state, lab.arena, STR_LIT("b"), &got));
  ck_assert(str_is(got.labels[0].value, "ml"));
  state_drop_namespace(lab.state, STR_LIT("a"));
  ck_assert(!state_find_namespace(lab.state, lab.arena, STR_LIT("a"), &got));
  struct taint taint = {STR_LIT("gpu"), STR_LIT("yes"), EFFECT_NO_SCHEDULE};
  struct node n2 = lab_node(&lab, "n2", "nvidia.com/gpu", "8", NULL);
  struct node n1 = lab_node(&lab, "n1", NULL);
  n2.taints = &taint;
  n2.taint_count = 1;
  n2.is_unschedulable = true;
  lab_label(&lab, &n2, "zone", "a", NULL);
  state_put_node(lab.state, &n2);
  state_put_node(lab.state, &n1);
  struct pod p = lab_pod(&lab, "p", "n2", "cpu", "1", NULL);
  struct pod q = lab_pod(&lab, "q", "n1", "cpu", "1", NULL);
  struct pod w = lab_pod(&lab, "w", NULL, "cpu", "1", NULL);
  state_put_pod(lab.state, &p);
  state_put_pod(lab.state, &q);
  state_put_pod(lab.state, &w);
  struct cluster cluster;
  state_record(lab.state, lab.arena, &cluster);
  ck_assert(cluster.has_nodes && cluster.has_pods && cluster.has_namespaces);
  ck_assert_uint_eq(cluster.node_count, 2);
  ck_assert_uint_eq(cluster.pod_count, 3);
  ck_assert_uint_eq(cluster.namespace_count, 1);
  ck_assert(str_is(cluster.nodes[1].name, "n2") && cluster.nodes[1].is_unschedulable);
  ck_assert(str_is(cluster.nodes[1].taints[0].value, "yes"));
  ck_assert(str_is(cluster.nodes[1].labels[0].key, "zone"));
  ck_assert(str_is(cluster.nodes[1].allocatable[0].text, "8"));
  ck_assert(str_is(cluster.pods[0].name, "w") && str_is(cluster.pods[1].name, "q") &&
            str_is(cluster.pods[2].name, "p"));
  ck_assert(cluster_find_namespace(&cluster, STR_LIT("b")) != NULL);
}
END_TEST

struct waiter {
  struct state_lab *lab;
  uint64_t before, after;
};

static void *wait_for_change(void *argument) {
  struct waiter *waiter = argument;
  waiter->after = state_wait(waiter->lab->state, waiter->before, 20000);
  return NULL;
}

START_TEST(waits_for_a_change) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct state_stats stats;
  state_get_stats(lab.state, &stats);
  ck_assert_uint_eq(state_wait(lab.state, stats.generation, 1), stats.generation);
  ck_assert_uint_eq(state_wait(lab.state, stats.generation, -5), stats.generation);
  ck_assert_uint_eq(state_wait(lab.state, stats.generation + 1, INT64_MAX), stats.generation);
  struct waiter waiter = {&lab, stats.generation, 0};
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_change, &waiter), 0);
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &pod); /* that one waits is a change, too */
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  ck_assert_uint_gt(waiter.after, waiter.before);
}
END_TEST

TCase *tcase_snapshot(void) {
  TCase *tc = tcase_create("snapshot");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, the_same_while_nothing_changes);
  tcase_add_test(tc, nodes_by_name_and_by_resource);
  tcase_add_test(tc, asked_in_terms_of_the_nodes);
  tcase_add_test(tc, names_that_only_pods_have_heard_of);
  tcase_add_test(tc, news_for_those_who_learn);
  tcase_add_test(tc, old_news_is_dropped);
  tcase_add_test(tc, recorded_in_order);
  tcase_add_test(tc, waits_for_a_change);
  return tc;
}

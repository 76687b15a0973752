/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that come, change and go; listings; what is no node of ours to read. */
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

#include <inttypes.h>

TCase *tcase_nodes(void);

static struct state_stats stats(struct state_lab *lab) {
  struct state_stats made;
  state_get_stats(lab->state, &made);
  return made;
}

START_TEST(keep_their_order_and_their_pods) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  static const char *const names[] = {"m", "c", "x", "a", "p"};
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++) {
    struct node node = lab_node(&lab, names[i], "nvidia.com/gpu", "8", NULL);
    struct pod pod = lab_pod(&lab, str_printf(lab.arena, "pod-%s", names[i]).ptr, names[i],
                             "nvidia.com/gpu", str_printf(lab.arena, "%zu", i + 1).ptr, NULL);
    state_put_pod(lab.state, &pod);
    state_put_node(lab.state, &node);
  }
  state_drop_node(lab.state, STR_LIT("c"));
  ck_assert_int_eq(lab_left(&lab, "a", "nvidia.com/gpu"), 4);
  ck_assert_int_eq(lab_left(&lab, "m", "nvidia.com/gpu"), 7);
  ck_assert_int_eq(lab_left(&lab, "p", "nvidia.com/gpu"), 3);
  ck_assert_int_eq(lab_left(&lab, "x", "nvidia.com/gpu"), 5);
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++)
    state_drop_pod(lab.state, STR_LIT("default"), str_printf(lab.arena, "pod-%s", names[i]),
                   (struct str){NULL, 0});
  ck_assert_int_eq(lab_left(&lab, "p", "nvidia.com/gpu"), 8);
  ck_assert_uint_eq(state_verify(lab.state, 100), 0);
}
END_TEST

START_TEST(a_resource_that_goes_and_returns) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node with = lab_node(&lab, "n1", "nvidia.com/gpu", "8", NULL);
  struct node without = lab_node(&lab, "n1", NULL);
  struct pod pod = lab_pod(&lab, "p", "n1", "nvidia.com/gpu", "3", NULL);
  state_put_node(lab.state, &without);
  state_put_pod(lab.state, &pod);
  state_put_node(lab.state, &with);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 5);
  state_put_node(lab.state, &without);
  state_put_node(lab.state, &with);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 5);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
}
END_TEST

START_TEST(labels_that_mean_nothing_leave_the_value) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "8", NULL);
  state_put_node(lab.state, &node);
  CLEANUP_PEEK struct state_peek before = lab_peek(&lab, "n1");
  lab_label(&lab, &node, "zone", "a", NULL);
  state_put_node(lab.state, &node);
  CLEANUP_PEEK struct state_peek after = lab_peek(&lab, "n1");
  ck_assert_uint_eq(before.node->id, after.node->id);
  ck_assert_uint_lt(state_snapshot_generation(before.snapshot),
                    state_snapshot_generation(after.snapshot));
  ck_assert_uint_eq(before.labelled->node.label_count, 0);
  ck_assert_uint_eq(after.labelled->node.label_count, 1);
  lab_label(&lab, &node, "nvidia.com/gpu.replicas", "4", NULL);
  state_put_node(lab.state, &node); /* replicas now */
  CLEANUP_PEEK struct state_peek shared = lab_peek(&lab, "n1");
  ck_assert_uint_ne(shared.node->id, after.node->id);
  ck_assert_int_eq(shared.node->counters[0].kind, PACK_REPLICAS);
}
END_TEST

START_TEST(listings_drop_what_they_do_not_tell) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node a = lab_node(&lab, "a", NULL), b = lab_node(&lab, "b", NULL);
  struct pod p = lab_pod(&lab, "p", "a", "cpu", "1", NULL);
  struct pod q = lab_pod(&lab, "q", "b", "cpu", "1", NULL);
  struct k8s_namespace ns = {.name = STR_LIT("team")}, other = {.name = STR_LIT("other")};
  ck_assert(!state_is_synced(lab.state));
  for (enum state_kind kind = 0; kind < STATE_KINDS; kind++)
    state_begin(lab.state, kind);
  state_put_node(lab.state, &a);
  state_put_node(lab.state, &b);
  state_put_pod(lab.state, &p);
  state_put_pod(lab.state, &q);
  state_put_namespace(lab.state, &ns);
  state_put_namespace(lab.state, &other);
  state_put_dra(lab.state, STATE_SLICES, (struct str){0}, STR_LIT("s"), STR_LIT("a"), 4);
  state_put_dra(lab.state, STATE_CLAIMS, STR_LIT("team"), STR_LIT("s"), (struct str){0}, 0);
  for (enum state_kind kind = 0; kind < STATE_KINDS; kind++) {
    ck_assert(!state_is_synced(lab.state));
    state_synced(lab.state, kind);
  }
  ck_assert(state_is_synced(lab.state));
  /* Starting over costs nothing; what comes in between counts as told. */
  state_begin(lab.state, STATE_NODES);
  state_begin(lab.state, STATE_NODES);
  ck_assert_uint_eq(stats(&lab).objects[STATE_NODES], 2);
  state_put_node(lab.state, &b);
  state_synced(lab.state, STATE_NODES);
  ck_assert_uint_eq(stats(&lab).objects[STATE_NODES], 1);
  ck_assert_uint_eq(stats(&lab).homeless_pods, 1);
  for (enum state_kind kind = STATE_PODS; kind < STATE_KINDS; kind++)
    state_begin(lab.state, kind);
  state_put_pod(lab.state, &q);
  state_put_namespace(lab.state, &ns);
  state_put_dra(lab.state, STATE_CLAIMS, STR_LIT("team"), STR_LIT("s"), (struct str){0}, 0);
  for (enum state_kind kind = STATE_PODS; kind < STATE_KINDS; kind++)
    state_synced(lab.state, kind);
  struct state_stats now = stats(&lab);
  ck_assert_uint_eq(now.objects[STATE_PODS], 1);
  ck_assert_uint_eq(now.objects[STATE_NAMESPACES], 1);
  ck_assert_uint_eq(now.objects[STATE_SLICES], 0);
  ck_assert_uint_eq(now.objects[STATE_CLAIMS], 1);
  ck_assert_int_eq(lab_left(&lab, "b", "cpu"), 63000);
  state_synced(lab.state, STATE_PODS); /* without a beginning it drops nothing */
  ck_assert_uint_eq(stats(&lab).objects[STATE_PODS], 1);
}
END_TEST

/* Of the only node: who judges a copy of the cluster is told as well. */
static bool is_recorded_with_dra(struct state_lab *lab) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct cluster cluster;
  state_record(lab->state, arena, &cluster);
  ck_assert_uint_eq(cluster.node_count, 1);
  return cluster.nodes[0].has_dra;
}

START_TEST(slices_make_a_node_unreadable) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct str none = {NULL, 0};
  state_put_dra(lab.state, STATE_SLICES, none, STR_LIT("s1"), STR_LIT("n1"), 8);
  struct node node = lab_node(&lab, "n1", NULL);
  state_put_node(lab.state, &node);
  ck_assert_uint_eq(stats(&lab).unreadable_nodes, 1);
  ck_assert(is_recorded_with_dra(&lab));
  state_put_node(lab.state, &node); /* told again: the slices are still there */
  ck_assert(is_recorded_with_dra(&lab));
  state_put_dra(lab.state, STATE_SLICES, none, STR_LIT("s1"), STR_LIT("n2"), 8);
  ck_assert(!is_recorded_with_dra(&lab));
  ck_assert_uint_eq(stats(&lab).unreadable_nodes, 0);
  state_put_dra(lab.state, STATE_SLICES, none, STR_LIT("s2"), STR_LIT("n1"), 1);
  ck_assert_uint_eq(stats(&lab).unreadable_nodes, 1);
  state_drop_dra(lab.state, STATE_SLICES, none, STR_LIT("s2"));
  ck_assert_uint_eq(stats(&lab).unreadable_nodes, 0);
  /* A plugin that lists GPUs beside the driver can be counted. */
  struct node listed = lab_node(&lab, "n2", "nvidia.com/gpu", "8", NULL);
  state_put_node(lab.state, &listed);
  ck_assert_uint_eq(stats(&lab).unreadable_nodes, 0);
  state_put_dra(lab.state, STATE_PODS, none, STR_LIT("s3"), STR_LIT("n2"), 1); /* no such kind */
  state_drop_dra(lab.state, STATE_CLAIMS, none, STR_LIT("s1"));
  ck_assert_uint_eq(stats(&lab).objects[STATE_SLICES], 1);
}
END_TEST

static bool contradicts(struct state_lab *lab, struct node *node) {
  struct state_contradiction told[2];
  state_put_node(lab->state, node);
  bool made = stats(lab).contradictions == 1;
  ck_assert_uint_eq(state_contradictions(lab->state, lab->arena, told, 2), made);
  ck_assert(!made || (str_eq(told[0].node, node->name) && told[0].what));
  state_drop_node(lab->state, node->name);
  return made;
}

START_TEST(contradictions_are_counted) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n", "nvidia.com/gpu", "8", NULL);
  lab_label(&lab, &node, "nvidia.com/gpu.count", "4", NULL);
  ck_assert(contradicts(&lab, &node));
  lab_label(&lab, &node, "nvidia.com/gpu.replicas", "2", NULL);
  ck_assert(!contradicts(&lab, &node));
  node = lab_node(&lab, "n", "nvidia.com/gpu", "8", NULL);
  lab_label(&lab, &node, "nvidia.com/mig.strategy", "single", "nvidia.com/gpu.product",
            "NVIDIA-A100-SXM4-40GB-MIG-INVALID", NULL);
  ck_assert(contradicts(&lab, &node));
  node = lab_node(&lab, "n", "nvidia.com/gpu", "4", "nvidia.com/gpu.shared", "8", NULL);
  ck_assert(contradicts(&lab, &node));
  node = lab_node(&lab, "n", "nvidia.com/gpu", "0", "nvidia.com/gpu.shared", "8", NULL);
  ck_assert(!contradicts(&lab, &node));
  node = lab_node(&lab, "n", "nvidia.com/mig-1g.10gb", "7", NULL);
  lab_label(&lab, &node, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3", NULL);
  ck_assert(!contradicts(&lab, &node));
  node = lab_node(&lab, "n", "nvidia.com/mig-1g.18gb", "7", NULL);
  lab_label(&lab, &node, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3", NULL);
  ck_assert(contradicts(&lab, &node));
}
END_TEST

/* ---- several products on one node: GPU Feature Discovery labels one of them ---------------- */

static const char h100[] = "NVIDIA-H100-80GB-HBM3", a100[] = "NVIDIA-A100-SXM4-40GB";

static struct node two_products(struct state_lab *lab, const char *labelled, const char *gpus) {
  struct node node = lab_node(lab, "n", "nvidia.com/gpu", "6", "nvidia.com/mig-1g.10gb", "7",
                              "nvidia.com/mig-1g.5gb", "7", "nvidia.com/gpu.shared", "0", NULL);
  lab_label(lab, &node, "nvidia.com/gpu.product", labelled, "nvidia.com/gpu.count", gpus,
            "nvidia.com/mig.strategy", "mixed", NULL);
  return node;
}

/* Binds one after the other as long as there is room for it. */
static int fill(struct state_lab *lab, const char *resource) {
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), state_catalog(lab->state), 0);
  for (int bound = 0;; bound++) {
    const char *name = str_printf(lab->arena, "p%" PRIu64, stats(lab).generation).ptr;
    struct pod pod = lab_pod(lab, name, NULL, resource, "1", NULL);
    struct pack_asked asked;
    struct pack_choice choice;
    struct err err;
    CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(lab->state);
    ck_assert(state_ask(lab->state, lab->arena, &pod, &asked, &err));
    if (!pack_choose(scorer, state_snapshot_cluster(snapshot), &asked.request, &choice, 1)) {
      pack_scorer_free(scorer);
      return bound;
    }
    ck_assert_int_eq(lab_hold(lab, STATE_FIRM, &pod, "n", 100), STATE_HELD);
    pod = lab_pod(lab, name, "n", resource, "1", NULL);
    state_put_pod(lab->state, &pod);
  }
}

static void fill_all(struct state_lab *lab) {
  ck_assert_int_eq(fill(lab, "nvidia.com/gpu"), 6);
  ck_assert_int_eq(fill(lab, "nvidia.com/mig-1g.5gb"), 7);
  ck_assert_int_eq(fill(lab, "nvidia.com/mig-1g.10gb"), 7);
  ck_assert_uint_eq(stats(lab).excess_nodes, 0);
  ck_assert_uint_eq(stats(lab).unreadable_nodes, 0);
  ck_assert_uint_eq(state_verify(lab->state, 10), 0);
}

static const struct {
  const char *labelled, *gpus;
  size_t contradictions;
} several[] = {
    {h100, "6", 1}, /* it has no 1g.5gb */
    {a100, "4", 1}, /* six GPUs are listed */
    {a100, "8", 0}, /* an A100 of 40 GB makes both profiles: nothing tells */
    {"NVIDIA-Unheard-Of", "8", 0},
    {"NVIDIA-Unheard-Of", "5", 1},
};

START_TEST(of_several_products_all_is_given_that_is_listed) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = two_products(&lab, several[_i].labelled, several[_i].gpus);
  state_put_node(lab.state, &node);
  ck_assert_uint_eq(stats(&lab).contradictions, several[_i].contradictions);
  fill_all(&lab);
  /* The label may name another one of them after a restart. */
  node = two_products(&lab, several[_i].labelled == h100 ? a100 : h100, several[_i].gpus);
  state_put_node(lab.state, &node);
  ck_assert_int_eq(lab_left(&lab, "n", "nvidia.com/gpu"), 0);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
  state_drop_node(lab.state, STR_LIT("n"));
  ck_assert_uint_eq(stats(&lab).contradictions, 0);
}
END_TEST

/* What 1g.5gb is becomes known when another node is labelled with a product that has it. */
START_TEST(a_name_that_gets_its_meaning_later_is_given_all_the_same) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = two_products(&lab, h100, "6"), other = lab_node(&lab, "other", NULL);
  lab_label(&lab, &other, "nvidia.com/gpu.product", a100, NULL);
  state_put_node(lab.state, &node);
  struct pod before = lab_pod(&lab, "before", "n", "nvidia.com/mig-1g.5gb", "2", NULL);
  state_put_pod(lab.state, &before);
  state_put_node(lab.state, &other);
  ck_assert_int_eq(fill(&lab, "nvidia.com/mig-1g.5gb"), 5);
  node = two_products(&lab, h100, "7"); /* read again */
  state_put_node(lab.state, &node);
  ck_assert_int_eq(fill(&lab, "nvidia.com/mig-1g.5gb"), 0);
  state_drop_pod(lab.state, STR_LIT("default"), STR_LIT("before"), lab_uid(&lab, "before"));
  ck_assert_int_eq(fill(&lab, "nvidia.com/mig-1g.5gb"), 2);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
}
END_TEST

START_TEST(absurd_ones_do_no_harm) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  enum { MANY = 4200, LONG = 100000 };
  char *name = arena_alloc(lab.arena, LONG + 1);
  memset(name, 'x', LONG);
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "99999999999", "cpu", "9E", NULL);
  struct node nameless = lab_node(&lab, "", NULL), endless = lab_node(&lab, name, NULL);
  state_put_node(lab.state, &node);
  state_put_node(lab.state, &nameless);
  state_put_node(lab.state, &endless);
  ck_assert_uint_eq(stats(&lab).objects[STATE_NODES], 2);
  struct pod long_name = lab_pod(&lab, name, "n1", "cpu", "1", NULL);
  state_put_pod(lab.state, &long_name);
  ck_assert_uint_eq(stats(&lab).objects[STATE_PODS], 0);
  for (int i = 0; i < MANY; i++) {
    struct pod pod = lab_pod(&lab, str_printf(lab.arena, "p%d", i).ptr, "n1", "memory", "8E", "cpu",
                             "9E", "nvidia.com/gpu", "70000", NULL);
    state_put_pod(lab.state, &pod);
  }
  ck_assert_uint_eq(stats(&lab).objects[STATE_PODS], MANY);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 1);
  ck_assert_int_eq(lab_left(&lab, "n1", "pods"), 4096);
  for (int i = 0; i < MANY; i++)
    state_drop_pod(lab.state, STR_LIT("default"), str_printf(lab.arena, "p%d", i),
                   (struct str){NULL, 0});
  ck_assert_int_eq(lab_left(&lab, "n1", "pods"), 0);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), INT32_MAX);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
}
END_TEST

TCase *tcase_nodes(void) {
  TCase *tc = tcase_create("nodes");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, keep_their_order_and_their_pods);
  tcase_add_test(tc, a_resource_that_goes_and_returns);
  tcase_add_test(tc, labels_that_mean_nothing_leave_the_value);
  tcase_add_test(tc, listings_drop_what_they_do_not_tell);
  tcase_add_test(tc, slices_make_a_node_unreadable);
  tcase_add_test(tc, contradictions_are_counted);
  tcase_add_loop_test(tc, of_several_products_all_is_given_that_is_listed, 0,
                      SG_ARRAY_LEN(several));
  tcase_add_test(tc, a_name_that_gets_its_meaning_later_is_given_all_the_same);
  tcase_add_test(tc, absurd_ones_do_no_harm);
  return tc;
}

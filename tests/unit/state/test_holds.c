/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger. */
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

TCase *tcase_holds(void);

static void put_node(struct state_lab *lab, const char *name, const char *gpus) {
  struct node node = lab_node(lab, name, "nvidia.com/gpu", gpus, NULL);
  state_put_node(lab->state, &node);
}

static struct state_stats stats(struct state_lab *lab) {
  struct state_stats made;
  state_get_stats(lab->state, &made);
  return made;
}

static int64_t left(struct state_lab *lab, const char *node) {
  return lab_left(lab, node, "nvidia.com/gpu");
}

static size_t make_way(struct state_lab *lab, const struct pod *pod, const char *node) {
  struct pack_asked asked;
  struct err err;
  ck_assert_msg(state_ask(lab->state, lab->arena, pod, &asked, &err), "%s", err.text);
  return state_make_way(lab->state, str_of(node), &asked, pod->uid);
}

START_TEST(those_planned_for_are_told_apart) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  struct pod planned = lab_pod(&lab, "planned", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod asked = lab_pod(&lab, "asked", NULL, "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &planned);
  state_put_pod(lab.state, &asked);
  ck_assert_int_eq(lab_hold(&lab, STATE_NOMINATED, &planned, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &asked, "n1", 100), STATE_HELD);
  size_t count;
  const struct pod *waiting = state_waiting_unplanned(lab.state, lab.arena, &count);
  ck_assert_uint_eq(count, 0);
  planned.traits |= POD_WAS_REJECTED; /* the plan was of no use */
  asked.traits |= POD_WAS_REJECTED;   /* before: now it may be bound */
  state_put_pod(lab.state, &planned);
  state_put_pod(lab.state, &asked);
  waiting = state_waiting_unplanned(lab.state, lab.arena, &count);
  ck_assert_uint_eq(count, 1);
  ck_assert(str_is(waiting[0].name, "planned"));
  ck_assert(state_is_under_way(lab.state, asked.uid));
  ck_assert(!state_is_in_company(lab.state, planned.uid, 0)); /* of one that is under way */
  ck_assert(state_is_in_company(lab.state, asked.uid, 0));
  ck_assert(!state_is_under_way(lab.state, planned.uid));
  ck_assert(!state_unplan(lab.state, asked.uid));
  ck_assert(state_unplan(lab.state, planned.uid));
  ck_assert(!state_unplan(lab.state, planned.uid));
}
END_TEST

START_TEST(the_more_important_come_first) {
  static const char *const turn[] = {"high", "old", "new"};
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct pod pods[] = {lab_pod(&lab, "new", NULL, "nvidia.com/gpu", "1", NULL),
                       lab_pod(&lab, "high", NULL, "nvidia.com/gpu", "1", NULL),
                       lab_pod(&lab, "old", NULL, "nvidia.com/gpu", "1", NULL)};
  pods[0].created = pods[1].created = 9;
  pods[1].priority = 1;
  pods[2].created = 3;
  for (size_t i = 0; i < SG_ARRAY_LEN(pods); i++)
    state_put_pod(lab.state, &pods[i]);
  size_t count;
  const struct pod *waiting = state_waiting_unplanned(lab.state, lab.arena, &count);
  ck_assert_uint_eq(count, SG_ARRAY_LEN(turn));
  for (size_t i = 0; i < count; i++)
    ck_assert(str_is(waiting[i].name, turn[i]));
  ck_assert(str_is(state_waiting(lab.state, lab.arena, &count)[0].name, "old"));
}
END_TEST

/* What kube-scheduler was answered stands; and who has gone is planned for no more. */
START_TEST(plans_are_for_who_waits) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  put_node(&lab, "n2", "4");
  struct pod asked = lab_pod(&lab, "asked", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod gone = lab_pod(&lab, "gone", NULL, "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &asked);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &asked, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_NOMINATED, &asked, "n2", 100), STATE_IS_BINDING);
  ck_assert_int_eq(lab_hold(&lab, STATE_NOMINATED, &gone, "n2", 100), STATE_IS_BOUND);
  ck_assert_int_eq(left(&lab, "n1"), 3);
  ck_assert_int_eq(left(&lab, "n2"), 4);
}
END_TEST

START_TEST(takes_and_gives_back) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  put_node(&lab, "n2", "4");
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "3", NULL);
  struct pod other = lab_pod(&lab, "q", NULL, "nvidia.com/gpu", "2", NULL);
  /* The pod itself need not be known yet. */
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &pod, "n1", 100), STATE_HELD);
  ck_assert_int_eq(left(&lab, "n1"), 1);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &other, "n1", 100), STATE_NO_ROOM);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &other, "n3", 100), STATE_NO_NODE);
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(left(&lab, "n1"), 1);
  /* Another replaces it, wherever. */
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &pod, "n2", 100), STATE_HELD);
  ck_assert_int_eq(left(&lab, "n1"), 4);
  ck_assert_int_eq(left(&lab, "n2"), 1);
  ck_assert_uint_eq(stats(&lab).holds[STATE_TENTATIVE], 1);
  /* Also when it fails. */
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n9", 100), STATE_NO_NODE);
  ck_assert_int_eq(left(&lab, "n2"), 4);
  ck_assert(!state_unhold(lab.state, pod.uid, true));
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n2", 100), STATE_HELD);
  ck_assert(!state_unhold(lab.state, pod.uid, false));
  ck_assert(state_unhold(lab.state, pod.uid, true));
  ck_assert_int_eq(left(&lab, "n2"), 4);
  struct pod nameless = pod;
  nameless.uid = (struct str){NULL, 0};
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &nameless, "n2", 100), STATE_NO_ROOM);
}
END_TEST

/* kube-scheduler counts GPUs itself and has found one: what was only thought of gives way. */
START_TEST(gives_way_to_a_binding) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  struct pod one = lab_pod(&lab, "one", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod two = lab_pod(&lab, "two", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod firm = lab_pod(&lab, "firm", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod binds = lab_pod(&lab, "binds", NULL, "nvidia.com/gpu", "2", NULL);
  struct pod large = lab_pod(&lab, "large", NULL, "nvidia.com/gpu", "4", NULL);
  state_put_pod(lab.state, &one);
  ck_assert_int_eq(lab_hold(&lab, STATE_NOMINATED, &one, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &two, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &firm, "n1", 100), STATE_HELD);
  ck_assert_uint_eq(make_way(&lab, &large, "n1"), 0); /* would not help */
  ck_assert_uint_eq(make_way(&lab, &one, "n1"), 0);   /* there is room */
  ck_assert_uint_eq(make_way(&lab, &binds, "n2"), 0);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &binds, "n1", 100), STATE_NO_ROOM);
  ck_assert_uint_eq(make_way(&lab, &binds, "n1"), 1);
  ck_assert_uint_eq(stats(&lab).holds[STATE_NOMINATED], 1);
  ck_assert_uint_eq(stats(&lab).holds[STATE_TENTATIVE], 0);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &binds, "n1", 100), STATE_HELD);
}
END_TEST

START_TEST(of_cards_does_not_give_way) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", "slicegate.dev/gpu-milli", "1000", NULL);
  state_put_node(lab.state, &node);
  struct pod one = lab_pod(&lab, "one", NULL, "slicegate.dev/gpu-milli", "600", NULL);
  struct pod two = lab_pod(&lab, "two", NULL, "slicegate.dev/gpu-milli", "600", NULL);
  struct pack_asked asked;
  struct err err;
  ck_assert(state_ask(lab.state, lab.arena, &one, &asked, &err));
  struct pack_placement placement = {.unit_count = 1, .units = {{.amount = 600}}};
  ck_assert_int_eq(state_hold(lab.state, &(struct state_hold){.kind = STATE_TENTATIVE,
                                                              .uid = one.uid,
                                                              .asked = &asked,
                                                              .node = STR_LIT("n1"),
                                                              .placement = &placement,
                                                              .until_ms = 100}),
                   STATE_HELD);
  ck_assert_uint_eq(make_way(&lab, &two, "n1"), 0);
  ck_assert_uint_eq(stats(&lab).holds[STATE_TENTATIVE], 1);
}
END_TEST

/* The nominator, or a filter of later, must not free what a Binding that is under way takes. */
START_TEST(of_a_binding_under_way) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  put_node(&lab, "n2", "4");
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "3", NULL);
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(lab_hold(&lab, STATE_NOMINATED, &pod, "n2", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_NOMINATED, &pod, "n2", 100), STATE_IS_BINDING);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &pod, "n2", 100), STATE_IS_BINDING);
  ck_assert_int_eq(left(&lab, "n1"), 1);
  ck_assert_int_eq(left(&lab, "n2"), 4);
  /* Nor another Binding, until it is known what became of the first. */
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n2", 100), STATE_IS_BINDING);
  ck_assert(state_unhold(lab.state, pod.uid, true));
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n2", 100), STATE_HELD);
  ck_assert_int_eq(left(&lab, "n1"), 4);
}
END_TEST

START_TEST(ends_when_the_watch_tells) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  put_node(&lab, "n2", "4");
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "3", NULL);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n1", 100), STATE_HELD);
  pod.constraints.node_name = STR_LIT("n2"); /* somebody else has decided otherwise */
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(left(&lab, "n1"), 4);
  ck_assert_int_eq(left(&lab, "n2"), 1);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n1", 100), STATE_IS_BOUND);
  pod.phase = PHASE_FAILED;
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n1", 100), STATE_IS_BOUND);
  struct pod gone = lab_pod(&lab, "q", NULL, "nvidia.com/gpu", "3", NULL);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &gone, "n1", 100), STATE_HELD);
  state_drop_pod(lab.state, gone.ns, gone.name, gone.uid); /* never seen, and gone */
  ck_assert_int_eq(left(&lab, "n1"), 4);
  ck_assert_uint_eq(stats(&lab).holds[STATE_FIRM], 0);
}
END_TEST

START_TEST(keeps_its_devices_when_bound) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "1", NULL);
  struct pack_asked asked;
  struct err err;
  ck_assert(state_ask(lab.state, lab.arena, &pod, &asked, &err));
  struct pack_placement third = {.unit_count = 1, .units = {{.device = 2, .amount = PACK_MILLI}}};
  struct state_hold hold = {.kind = STATE_FIRM,
                            .uid = pod.uid,
                            .asked = &asked,
                            .node = STR_LIT("n1"),
                            .placement = &third,
                            .until_ms = 5};
  ck_assert_int_eq(state_hold(lab.state, &hold), STATE_HELD);
  pod.constraints.node_name = STR_LIT("n1");
  state_put_pod(lab.state, &pod);
  CLEANUP_PEEK struct state_peek peek = lab_peek(&lab, "n1");
  ck_assert_uint_eq(peek.node->devices[2].left, 0);
  ck_assert_uint_eq(peek.node->devices[0].left, PACK_MILLI);
}
END_TEST

START_TEST(expires_in_order_of_deadlines) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  enum { PODS = 200 };
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "250", "pods", "250", NULL);
  state_put_node(lab.state, &node);
  for (int i = 0; i < PODS; i++) {
    struct pod pod =
        lab_pod(&lab, str_printf(lab.arena, "p%d", i).ptr, NULL, "nvidia.com/gpu", "1", NULL);
    ck_assert_int_eq(
        lab_hold(&lab, i % 2 ? STATE_TENTATIVE : STATE_FIRM, &pod, "n1", i * 37 % PODS),
        STATE_HELD);
  }
  ck_assert_uint_eq(state_expire(lab.state, -1), 0);
  for (int now = 0; now < PODS / 2; now++) {
    ck_assert_uint_eq(state_expire(lab.state, now), 1);
    ck_assert_int_eq(left(&lab, "n1"), 250 - PODS + now + 1);
  }
  size_t firm = stats(&lab).holds[STATE_FIRM];
  state_unhold_all(lab.state);
  ck_assert_uint_eq(stats(&lab).holds[STATE_TENTATIVE], 0);
  ck_assert_uint_eq(stats(&lab).holds[STATE_FIRM], firm);
  ck_assert_uint_eq(state_expire(lab.state, PODS), firm);
  ck_assert_uint_eq(stats(&lab).expired_holds, PODS / 2 + firm);
  ck_assert_int_eq(left(&lab, "n1"), 250);
}
END_TEST

START_TEST(stands_longer_when_told) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "3");
  struct pod firm = lab_pod(&lab, "firm", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod other = lab_pod(&lab, "other", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod weak = lab_pod(&lab, "weak", NULL, "nvidia.com/gpu", "1", NULL);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &firm, "n1", 10), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &other, "n1", 20), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &weak, "n1", 15), STATE_HELD);
  ck_assert(state_prolong(lab.state, firm.uid, 30));
  ck_assert(state_prolong(lab.state, firm.uid, 5)); /* never shorter */
  ck_assert(!state_prolong(lab.state, weak.uid, 30));
  ck_assert(!state_prolong(lab.state, STR_LIT("nobody"), 30));
  ck_assert_uint_eq(state_expire(lab.state, 29), 2);
  ck_assert_int_eq(left(&lab, "n1"), 2);
  ck_assert_uint_eq(state_expire(lab.state, 30), 1);
  ck_assert_int_eq(left(&lab, "n1"), 3);
}
END_TEST

START_TEST(gives_way_to_what_is_observed) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  struct pod firm = lab_pod(&lab, "firm", NULL, "nvidia.com/gpu", "2", NULL);
  struct pod early = lab_pod(&lab, "early", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod late = lab_pod(&lab, "late", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod cpu = lab_pod(&lab, "cpu", NULL, "cpu", "1", NULL);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &early, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &firm, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &late, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &cpu, "n1", 100), STATE_HELD);
  struct pod stranger = lab_pod(&lab, "stranger", "n1", "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &stranger);
  ck_assert_int_eq(left(&lab, "n1"), 0);
  ck_assert(!state_unhold(lab.state, late.uid, true)); /* the weakest had to go */
  put_node(&lab, "n1", "0");                           /* the plugin restarts */
  /* The Binding that a firm hold stands for may be written all the same. */
  ck_assert_int_eq(left(&lab, "n1"), -3);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 1);
  ck_assert(!state_unhold(lab.state, early.uid, true));
  ck_assert(state_unhold(lab.state, cpu.uid, true)); /* takes nothing that is missing */
  put_node(&lab, "n1", "4");
  ck_assert_int_eq(left(&lab, "n1"), 1);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
  state_drop_node(lab.state, STR_LIT("n1"));
  put_node(&lab, "n1", "4");
  ck_assert_int_eq(left(&lab, "n1"), 1);
  put_node(&lab, "n1", "0");
  ck_assert(state_unhold(lab.state, firm.uid, true));
  ck_assert_int_eq(left(&lab, "n1"), -1);
  put_node(&lab, "n1", "4");
  ck_assert_int_eq(left(&lab, "n1"), 3);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
}
END_TEST

START_TEST(listed_by_node) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1", "4");
  put_node(&lab, "n2", "4");
  put_node(&lab, "n3", "4");
  struct pod a = lab_pod(&lab, "a", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod b = lab_pod(&lab, "b", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod c = lab_pod(&lab, "c", NULL, "nvidia.com/gpu", "1", NULL);
  ck_assert_int_eq(lab_hold(&lab, STATE_TENTATIVE, &a, "n3", 100), STATE_HELD);
  state_put_pod(lab.state, &b);
  ck_assert_int_eq(lab_hold(&lab, STATE_NOMINATED, &b, "n3", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &c, "n1", 100), STATE_HELD);
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(lab.state);
  const uint64_t *pods;
  ck_assert_uint_eq(state_snapshot_holds(snapshot, 0, &pods), 0);
  ck_assert_uint_eq(state_snapshot_holds(snapshot, 1, &pods), 0);
  ck_assert_uint_eq(state_snapshot_holds(snapshot, 2, &pods), 2);
  /* Without them the node is as if nobody had been there. */
  const struct pack_node *without = pack_node_without(state_snapshot_cluster(snapshot), 2, pods, 2);
  ck_assert_uint_eq(without->pod_count, 0);
  ck_assert_int_eq(without->counters[0].left, 4);
  pack_node_unref(without);
}
END_TEST

START_TEST(on_nodes_that_nobody_can_count) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", NULL);
  lab_label(&lab, &node, "nvidia.com/gpu.present", "true", NULL);
  state_put_node(lab.state, &node);
  struct node closed = lab_node(&lab, "n2", "nvidia.com/gpu", "4", "pods", "0", NULL);
  state_put_node(lab.state, &closed);
  struct pod pod = lab_pod(&lab, "p", NULL, "cpu", "4", "nvidia.com/gpu", "1", NULL);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n1", 100), STATE_NO_ROOM);
  ck_assert_uint_eq(stats(&lab).unreadable_nodes, 1);
  state_put_dra(lab.state, STATE_SLICES, (struct str){0}, STR_LIT("s"), STR_LIT("n1"), 8);
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n1", 100), STATE_HELD);
  ck_assert_int_eq(lab_left(&lab, "n1", "cpu"), 60000);
  ck_assert(state_unhold(lab.state, pod.uid, true));
  ck_assert_int_eq(lab_hold(&lab, STATE_FIRM, &pod, "n2", 100), STATE_NO_ROOM);
  ck_assert_uint_eq(stats(&lab).unreadable_nodes, 1);
}
END_TEST

START_TEST(of_a_card_that_somebody_has_taken) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", "slicegate.dev/gpu-milli", "1000", NULL);
  state_put_node(lab.state, &node);
  struct pod pod = lab_pod(&lab, "p", NULL, "slicegate.dev/gpu-milli", "600", NULL);
  struct pack_asked asked;
  struct err err;
  ck_assert(state_ask(lab.state, lab.arena, &pod, &asked, &err));
  struct pack_placement placement = {.unit_count = 1, .units = {{.amount = 600}}};
  struct state_hold hold = {.kind = STATE_FIRM,
                            .uid = pod.uid,
                            .asked = &asked,
                            .node = STR_LIT("n1"),
                            .placement = &placement,
                            .until_ms = 5};
  ck_assert_int_eq(state_hold(lab.state, &hold), STATE_HELD);
  hold.uid = STR_LIT("other");
  ck_assert_int_eq(state_hold(lab.state, &hold), STATE_NO_ROOM);
  struct pod stranger = lab_pod(&lab, "q", "n1", "slicegate.dev/gpu-milli", "500", NULL);
  state_put_pod(lab.state, &stranger); /* it says not where, but there is one card only */
  ck_assert_uint_eq(stats(&lab).holds[STATE_FIRM], 1);
  CLEANUP_PEEK struct state_peek full = lab_peek(&lab, "n1");
  ck_assert_uint_eq(full.node->devices[0].left, 0);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 1);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
  ck_assert(state_unhold(lab.state, pod.uid, true));
  CLEANUP_PEEK struct state_peek peek = lab_peek(&lab, "n1");
  ck_assert_uint_eq(peek.node->devices[0].left, 500);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
}
END_TEST

TCase *tcase_holds(void) {
  TCase *tc = tcase_create("holds");
  tcase_add_test(tc, takes_and_gives_back);
  tcase_add_test(tc, those_planned_for_are_told_apart);
  tcase_add_test(tc, the_more_important_come_first);
  tcase_add_test(tc, plans_are_for_who_waits);
  tcase_add_test(tc, gives_way_to_a_binding);
  tcase_add_test(tc, of_cards_does_not_give_way);
  tcase_add_test(tc, of_a_binding_under_way);
  tcase_add_test(tc, ends_when_the_watch_tells);
  tcase_add_test(tc, keeps_its_devices_when_bound);
  tcase_add_test(tc, expires_in_order_of_deadlines);
  tcase_add_test(tc, stands_longer_when_told);
  tcase_add_test(tc, gives_way_to_what_is_observed);
  tcase_add_test(tc, listed_by_node);
  tcase_add_test(tc, on_nodes_that_nobody_can_count);
  tcase_add_test(tc, of_a_card_that_somebody_has_taken);
  return tc;
}

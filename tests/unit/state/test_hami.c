/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of HAMi's cards: what pods and holds leave of them, by the plugin's own rules. */
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

TCase *tcase_hami(void);

/* The largest part of some card of the node that a pod may have yet, in MiB. */
static int64_t room(struct state_lab *lab, const char *node) {
  CLEANUP_PEEK struct state_peek peek = lab_peek(lab, node);
  int64_t most = 0;
  for (uint16_t d = 0; d < peek.node->device_count; d++)
    if (peek.node->devices[d].left > most)
      most = peek.node->devices[d].left;
  return most * PACK_HAMI_STEP_MIB;
}

static void put(struct state_lab *lab, const char *name, const char *node, const char *mib,
                const char *cards) {
  struct pod pod = lab_hami_pod(lab, name, node, mib, cards);
  state_put_pod(lab->state, &pod);
  ck_assert_uint_eq(state_verify(lab->state, 10), 0);
}

static void drop(struct state_lab *lab, const char *name) {
  ck_assert(str_of(name).len);
  state_drop_pod(lab->state, STR_LIT("default"), str_of(name), (struct str){NULL, 0});
  ck_assert_uint_eq(state_verify(lab->state, 10), 0);
}

static enum state_held hold(struct state_lab *lab, const char *name, const char *mib) {
  struct pod pod = lab_hami_pod(lab, name, NULL, mib, "");
  struct pack_asked asked;
  struct err err;
  struct pack_placement placement = {.unit_count = 1};
  ck_assert_msg(state_ask(lab->state, lab->arena, &pod, &asked, &err), "%s", err.text);
  CLEANUP_PEEK struct state_peek peek = lab_peek(lab, "n");
  placement.units[0].amount = asked.request.forms[0].amount;
  for (uint8_t d = 0; d < peek.node->device_count; d++)
    if (peek.node->devices[d].left > peek.node->devices[placement.units[0].device].left)
      placement.units[0].device = d;
  enum state_held held = state_hold(lab->state, &(struct state_hold){.kind = STATE_FIRM,
                                                                     .ns = pod.ns,
                                                                     .name = pod.name,
                                                                     .uid = pod.uid,
                                                                     .asked = &asked,
                                                                     .node = STR_LIT("n"),
                                                                     .placement = &placement,
                                                                     .until_ms = 100});
  ck_assert_uint_eq(state_verify(lab->state, 10), 0);
  return held;
}

/* Of the card with this id, whichever number `device` it is said to have. */
static enum state_held hold_on(struct state_lab *lab, enum state_hold_kind kind, const char *name,
                               uint8_t device, const char *card) {
  struct pod pod = lab_pod(lab, name, NULL, "nvidia.com/gpu", "1", "nvidia.com/gpumem", "16000",
                           "cpu", "1", NULL);
  struct pack_asked asked;
  struct err err;
  ck_assert_msg(state_ask(lab->state, lab->arena, &pod, &asked, &err), "%s", err.text);
  struct pack_placement placement = {.unit_count = 1, .units = {{device, 0, 1000}}};
  enum state_held held = state_hold(lab->state, &(struct state_hold){.kind = kind,
                                                                     .ns = pod.ns,
                                                                     .name = pod.name,
                                                                     .uid = pod.uid,
                                                                     .asked = &asked,
                                                                     .node = STR_LIT("n"),
                                                                     .placement = &placement,
                                                                     .card = str_of(card),
                                                                     .until_ms = 100});
  ck_assert_uint_eq(state_verify(lab->state, 10), 0);
  return held;
}

static void register_cards(struct state_lab *lab, const char *cards) {
  struct node node = lab_hami_node(lab, "n", cards);
  state_put_node(lab->state, &node);
  ck_assert_uint_eq(state_verify(lab->state, 10), 0);
}

/* MiB that are left, card by card. */
static const char *left(struct state_lab *lab) {
  CLEANUP_PEEK struct state_peek peek = lab_peek(lab, "n");
  struct str text = {NULL, 0};
  for (uint16_t d = 0; d < peek.node->device_count; d++)
    text = str_printf(lab->arena, "%.*s%s%d", STR_FMT(text), d ? " " : "",
                      peek.node->devices[d].left * PACK_HAMI_STEP_MIB);
  return text.ptr;
}

#define CARD_A "GPU-a:16000:10:100:well "
#define CARD_B "GPU-b:16000:10:100:well "
#define CARD_C "GPU-c:16000:10:100:well "

/* Numbers of cards change with each registration, and what is held stays on the card that it is
 * on. */
START_TEST(holds_are_of_cards_and_not_of_numbers) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  register_cards(&lab, CARD_A CARD_B CARD_C);
  ck_assert_int_eq(hold_on(&lab, STATE_FIRM, "firm", 1, ""), STATE_HELD);
  ck_assert_str_eq(left(&lab), "16000 0 16000");
  register_cards(&lab, CARD_B CARD_C);
  ck_assert_str_eq(left(&lab), "0 16000");
  ck_assert_int_eq(hold_on(&lab, STATE_TENTATIVE, "soft", 0, "GPU-c"), STATE_HELD);
  ck_assert_str_eq(left(&lab), "0 0");
  register_cards(&lab, CARD_A CARD_B CARD_C);
  ck_assert_str_eq(left(&lab), "16000 0 0");
}
END_TEST

/* Whoever may change a pod may change what it says that it has. */
START_TEST(pods_have_what_they_ask_for) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  register_cards(&lab, CARD_A CARD_B);
  put(&lab, "p", "n", "8000", "GPU-b:8000:0");
  ck_assert_str_eq(left(&lab), "16000 8000");
  put(&lab, "p", "n", "8000", "GPU-b:1:0");
  ck_assert_str_eq(left(&lab), "16000 8000");
  put(&lab, "p", "n", "8000", "GPU-a:1:0 GPU-b:2:0");
  ck_assert_str_eq(left(&lab), "15984 8000");
  put(&lab, "p", "n", "8000", "GPU-x:8000:0");
  ck_assert_str_eq(left(&lab), "8000 16000");
  put(&lab, "p", "n", "8000", "GPU-x:0:0");
  ck_assert_str_eq(left(&lab), "8000 16000");
  put(&lab, "q", "n", "16000", "GPU-a:16000:0"); /* who says where it is comes first */
  ck_assert_str_eq(left(&lab), "0 8000");
}
END_TEST

START_TEST(many_entries_of_one_pod_are_one) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  register_cards(&lab, "GPU-a:16000:3:100:well");
  put(&lab, "p", "n", "160",
      "GPU-a:0:0 GPU-a:0:0 GPU-a:0:0 GPU-a:0:0 GPU-a:0:0 GPU-a:0:0 GPU-a:0:0 GPU-a:0:0");
  ck_assert_str_eq(left(&lab), "15840");
  put(&lab, "p", "n", "10", "GPU-a:1:0 GPU-a:2:0 GPU-a:3:0"); /* rounded once */
  ck_assert_str_eq(left(&lab), "15984");
  /* Two containers on one card are two that share it. */
  struct pod twice =
      lab_pod(&lab, "twice", "n", "nvidia.com/gpu", "2", "nvidia.com/gpumem", "16", NULL);
  struct pod says = lab_hami_pod(&lab, "says", "n", "16", "GPU-a:8:0 GPU-a:8:0 GPU-a:0:0");
  twice.devices = says.devices;
  twice.device_count = says.device_count;
  state_put_pod(lab.state, &twice);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
  ck_assert_str_eq(left(&lab), "0");
  drop(&lab, "p");
  ck_assert_str_eq(left(&lab), "15984");
}
END_TEST

START_TEST(holds_on_cards_that_are_gone) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  register_cards(&lab, CARD_A CARD_B);
  ck_assert_int_eq(hold_on(&lab, STATE_FIRM, "firm", 0, "GPU-a"), STATE_HELD);
  ck_assert_int_eq(hold_on(&lab, STATE_TENTATIVE, "soft", 1, "GPU-b"), STATE_HELD);
  ck_assert_int_eq(hold_on(&lab, STATE_FIRM, "late", 2, "GPU-x"), STATE_NO_ROOM);
  register_cards(&lab, CARD_C);
  ck_assert_str_eq(left(&lab), "16000");
  ck_assert_int_eq(lab_left(&lab, "n", "cpu"), 63000); /* of the firm one alone */
  ck_assert(!state_unhold(lab.state, lab_uid(&lab, "soft"), true));
  struct state_stats stats;
  state_get_stats(lab.state, &stats);
  ck_assert_uint_eq(stats.excess_nodes, 0);
  ck_assert_int_eq(hold_on(&lab, STATE_FIRM, "late", 0, "GPU-b"), STATE_NO_ROOM);
  register_cards(&lab, CARD_A CARD_C);
  ck_assert_str_eq(left(&lab), "0 16000");
  struct node plain = lab_node(&lab, "n", "nvidia.com/gpu", "80", NULL);
  plain.has_hami = true; /* and what it has registered cannot be read */
  state_put_node(lab.state, &plain);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
  ck_assert_int_eq(hold_on(&lab, STATE_FIRM, "late", 0, "GPU-c"), STATE_NO_ROOM);
  register_cards(&lab, CARD_A CARD_C);
  ck_assert_str_eq(left(&lab), "0 16000");
  ck_assert(state_unhold(lab.state, lab_uid(&lab, "firm"), true));
  ck_assert_str_eq(left(&lab), "16000 16000");
}
END_TEST

START_TEST(memory_is_of_the_card_that_is_named) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_hami_node(&lab, "n", "GPU-a:15360:10:100:well GPU-b:8192:10:100:well");
  put(&lab, "p", "n", "10000", "GPU-a:10000:0"); /* before its node */
  state_put_node(lab.state, &node);
  ck_assert_int_eq(room(&lab, "n"), 8192);
  put(&lab, "q", "n", "8000", "GPU-b:8000:0");
  ck_assert_int_eq(room(&lab, "n"), 5360);
  put(&lab, "r", "n", "5000", "GPU-x:5000:0"); /* a card that the node has no more */
  ck_assert_int_eq(room(&lab, "n"), 352);
  drop(&lab, "r");
  put(&lab, "s", "n", "5353", "GPU-a:5353:0");
  ck_assert_int_eq(room(&lab, "n"), 192);
  drop(&lab, "p");
  ck_assert_int_eq(room(&lab, "n"), 10000); /* 10,007 are left, in whole steps */
  ck_assert_int_eq(hold(&lab, "h", "10000"), STATE_HELD);
  ck_assert_int_eq(hold(&lab, "i", "193"), STATE_NO_ROOM);
}
END_TEST

/* What is asked for is rounded up, but a pod that is alone on it has all of a card. */
START_TEST(odd_amounts_are_never_given_twice) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_hami_node(&lab, "n", "GPU-a:81559:10:100:well");
  state_put_node(lab.state, &node);
  ck_assert_int_eq(hold(&lab, "whole", "81559"), STATE_HELD);
  ck_assert(state_unhold(lab.state, lab_uid(&lab, "whole"), true));
  put(&lab, "p", "n", "40784", "GPU-a:40784:0");
  ck_assert_int_eq(room(&lab, "n"), 40768); /* of 40,775 */
  ck_assert_int_eq(hold(&lab, "half", "40784"), STATE_NO_ROOM);
  ck_assert_int_eq(hold(&lab, "less", "40768"), STATE_HELD);
  ck_assert_int_eq(room(&lab, "n"), 0);
}
END_TEST

START_TEST(as_many_share_a_card_as_it_takes) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_hami_node(&lab, "n", "GPU-a:16000:3:100:well");
  state_put_node(lab.state, &node);
  put(&lab, "p", "n", "1000", "GPU-a:1000:0");
  ck_assert_int_eq(hold(&lab, "q", "1008"), STATE_HELD);
  ck_assert_int_eq(room(&lab, "n"), 13984); /* of 13,992 */
  ck_assert_int_eq(hold(&lab, "r", "16"), STATE_HELD);
  ck_assert_int_eq(room(&lab, "n"), 0);
  ck_assert_int_eq(hold(&lab, "s", "16"), STATE_NO_ROOM);
  put(&lab, "r", "n", "16", "GPU-a:16:0"); /* bound: of the same three */
  ck_assert_int_eq(room(&lab, "n"), 0);
  drop(&lab, "p");
  ck_assert_int_eq(room(&lab, "n"), 16000 - 1008 - 16);
  ck_assert(state_unhold(lab.state, lab_uid(&lab, "q"), true));
  ck_assert_int_eq(room(&lab, "n"), 16000 - 16);
}
END_TEST

START_TEST(cores_that_are_gone_close_a_card) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_hami_node(&lab, "n", "GPU-a:16000:10:100:well GPU-b:8000:10:0:well");
  state_put_node(lab.state, &node);
  put(&lab, "p", "n", "1000", "GPU-a:1000:60");
  ck_assert_int_eq(room(&lab, "n"), 14992);
  put(&lab, "q", "n", "1000", "GPU-a:1000:40");
  ck_assert_int_eq(room(&lab, "n"), 8000);
  put(&lab, "r", "n", "1000", "GPU-b:1000:100"); /* of which none are counted */
  ck_assert_int_eq(room(&lab, "n"), 6992);
  drop(&lab, "q");
  ck_assert_int_eq(room(&lab, "n"), 14992);
}
END_TEST

/* By HAMi's scheduler; for the core a part is of one card. */
START_TEST(pods_on_several_cards_hold_them_all) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_hami_node(&lab, "n", "GPU-a:16000:10:100:well GPU-b:16000:10:100:well");
  state_put_node(lab.state, &node);
  put(&lab, "p", "n", "8000", "GPU-a:8000:0 GPU-b:12000:0");
  ck_assert_int_eq(room(&lab, "n"), 8000);
  put(&lab, "q", "n", "8000", "GPU-a:8000:0 GPU-b:4000:0");
  ck_assert_int_eq(room(&lab, "n"), 0);
  drop(&lab, "p");
  ck_assert_int_eq(room(&lab, "n"), 12000);
  put(&lab, "r", "n", "8000", "GPU-a:9000:0 GPU-b:1:0"); /* more than there is */
  ck_assert_int_eq(room(&lab, "n"), 16000 - 4000 - 16);
  struct state_stats stats;
  state_get_stats(lab.state, &stats);
  ck_assert_uint_eq(stats.excess_nodes, 1);
  drop(&lab, "r");
  drop(&lab, "q");
  ck_assert_int_eq(room(&lab, "n"), 16000);
  state_get_stats(lab.state, &stats);
  ck_assert_uint_eq(stats.excess_nodes, 0);
}
END_TEST

START_TEST(cards_that_are_ill_are_not_given) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_hami_node(&lab, "n", "GPU-a:16000:10:100:ill GPU-b:8000:10:100:well");
  state_put_node(lab.state, &node);
  ck_assert_int_eq(room(&lab, "n"), 8000);
  put(&lab, "p", "n", "1000", "GPU-a:1000:0");
  ck_assert_int_eq(room(&lab, "n"), 8000);
  node = lab_hami_node(&lab, "n", "GPU-a:16000:10:100:well GPU-b:8000:10:100:well");
  state_put_node(lab.state, &node);
  ck_assert_int_eq(room(&lab, "n"), 14992);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
  node = lab_hami_node(&lab, "n", "GPU-b:8000:10:100:well");
  state_put_node(lab.state, &node); /* its pod may be on any */
  ck_assert_int_eq(room(&lab, "n"), 6992);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
}
END_TEST

/* Half by one name and half by another it is for HAMi to count. */
START_TEST(nodes_that_list_other_gpus_too_are_not_ours) {
  static const char *const others[] = {"nvidia.com/mig-1g.10gb", "nvidia.com/gpu.shared",
                                       "amd.com/gpu", "aliyun.com/gpu-mem",
                                       "slicegate.dev/gpu-milli"};
  for (size_t i = 0; i < SG_ARRAY_LEN(others); i++) {
    CLEANUP_STATE_LAB struct state_lab lab;
    state_lab_init(&lab);
    register_cards(&lab, CARD_A);
    ck_assert_int_eq(hold_on(&lab, STATE_FIRM, "firm", 0, "GPU-a"), STATE_HELD);
    struct node cards = lab_hami_node(&lab, "n", CARD_A);
    struct node node = lab_node(&lab, "n", "nvidia.com/gpu", "10", others[i], "0", NULL);
    node.has_hami = true;
    node.cards = cards.cards;
    node.card_count = cards.card_count;
    state_put_node(lab.state, &node);
    ck_assert_uint_eq(state_verify(lab.state, 10), 0);
    CLEANUP_PEEK struct state_peek peek = lab_peek(&lab, "n");
    ck_assert_msg(peek.labelled->is_counted_elsewhere, "%s", others[i]);
    ck_assert_uint_eq(peek.labelled->node.card_count, 0);
    ck_assert_ptr_null(state_snapshot_listing(peek.snapshot, STR_LIT("nvidia.com/gpumem")));
    ck_assert_int_eq(hold_on(&lab, STATE_FIRM, "late", 0, "GPU-a"), STATE_NO_ROOM);
    register_cards(&lab, CARD_A);
    ck_assert_str_eq(left(&lab), "0");
  }
}
END_TEST

/* Without being told that they are ours they are HAMi's. */
START_TEST(they_are_not_ours_by_themselves) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct state_options options = {.products = products_builtin()};
  struct state *state = state_new(&options);
  struct node node = lab_hami_node(&lab, "n", "GPU-a:16000:10:100:well");
  state_put_node(state, &node);
  const struct state_snapshot *snapshot = state_snapshot(state);
  ck_assert_ptr_null(state_snapshot_listing(snapshot, STR_LIT("nvidia.com/gpumem")));
  ck_assert(state_snapshot_node(snapshot, 0)->is_counted_elsewhere);
  ck_assert_uint_eq(pack_cluster_node(state_snapshot_cluster(snapshot), 0)->device_count, 0);
  state_snapshot_unref(snapshot);
  state_free(state);
  state_put_node(lab.state, &node);
  CLEANUP_PEEK struct state_peek peek = lab_peek(&lab, "n");
  ck_assert(!peek.labelled->is_counted_elsewhere);
  ck_assert_ptr_nonnull(state_snapshot_listing(peek.snapshot, STR_LIT("nvidia.com/gpumem")));
  ck_assert_ptr_null(state_snapshot_listing(peek.snapshot, STR_LIT("nvidia.com/gpu")));
}
END_TEST

TCase *tcase_hami(void) {
  TCase *tcase = tcase_create("hami");
  tcase_add_test(tcase, memory_is_of_the_card_that_is_named);
  tcase_add_test(tcase, odd_amounts_are_never_given_twice);
  tcase_add_test(tcase, as_many_share_a_card_as_it_takes);
  tcase_add_test(tcase, cores_that_are_gone_close_a_card);
  tcase_add_test(tcase, pods_on_several_cards_hold_them_all);
  tcase_add_test(tcase, cards_that_are_ill_are_not_given);
  tcase_add_test(tcase, nodes_that_list_other_gpus_too_are_not_ours);
  tcase_add_test(tcase, they_are_not_ours_by_themselves);
  tcase_add_test(tcase, holds_are_of_cards_and_not_of_numbers);
  tcase_add_test(tcase, holds_on_cards_that_are_gone);
  tcase_add_test(tcase, pods_have_what_they_ask_for);
  tcase_add_test(tcase, many_entries_of_one_pod_are_one);
  return tcase;
}

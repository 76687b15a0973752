/* SPDX-License-Identifier: Apache-2.0 */
/* A state that is made wrong on purpose, from within, finds it, says so and is right again. */
#include "src/state/state_internal.h"
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

TCase *tcase_drift(void);

static const char *const nodes[] = {"cards", "counted", "hami", "idle"};
enum { NODES = SG_ARRAY_LEN(nodes), AT_COUNTED = 1 };

static void put_bound(struct state_lab *lab, const char *name, const char *node,
                      const char *resource, const char *amount) {
  struct pod pod = lab_pod(lab, name, node, resource, amount, "cpu", "2", NULL);
  state_put_pod(lab->state, &pod);
}

/* Bound pods, one that waits and is held for, and one that is held for and not known yet. */
static void fill(struct state_lab *lab) {
  state_lab_init(lab);
  struct node counted = lab_node(lab, "counted", "nvidia.com/gpu", "8", NULL);
  struct node cards = lab_node(lab, "cards", "slicegate.dev/gpu-milli", "3000", NULL);
  struct node idle = lab_node(lab, "idle", "nvidia.com/gpu", "2", NULL);
  struct node hami = lab_hami_node(lab, "hami", "GPU-a:15360:10:100:well GPU-b:15360:10:100:well");
  state_put_node(lab->state, &counted);
  state_put_node(lab->state, &cards);
  state_put_node(lab->state, &idle);
  state_put_node(lab->state, &hami);
  put_bound(lab, "a", "counted", "nvidia.com/gpu", "2");
  put_bound(lab, "b", "counted", "nvidia.com/gpu", "1");
  put_bound(lab, "c", "cards", "slicegate.dev/gpu-milli", "700");
  put_bound(lab, "d", "cards", "slicegate.dev/gpu-milli", "1000");
  struct pod shared = lab_hami_pod(lab, "e", "hami", "4000", "GPU-b:4000:0");
  state_put_pod(lab->state, &shared);
  struct pod waits = lab_pod(lab, "waits", NULL, "nvidia.com/gpu", "3", NULL);
  struct pod unknown = lab_pod(lab, "unknown", NULL, "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab->state, &waits);
  ck_assert_int_eq(lab_hold(lab, STATE_TENTATIVE, &waits, "counted", 100), STATE_HELD);
  ck_assert_int_eq(lab_hold(lab, STATE_FIRM, &unknown, "counted", 100), STATE_HELD);
}

static struct state_stats stats(struct state_lab *lab) {
  struct state_stats made;
  state_get_stats(lab->state, &made);
  return made;
}

static struct slot *slot_of(struct state_lab *lab, const char *name) {
  struct slot *slot = slot_find(lab->state, str_of(name));
  ck_assert_ptr_nonnull(slot);
  return slot;
}

static struct record *pod_of(struct state_lab *lab, const char *name) {
  struct record *record = record_find(lab->state, STR_LIT("default"), str_of(name));
  ck_assert_ptr_nonnull(record);
  return record;
}

static struct hold *hold_of(struct state_lab *lab, const char *name) {
  struct hold *hold = hold_find(lab->state, lab_uid(lab, name));
  ck_assert_ptr_nonnull(hold);
  return hold;
}

/* ---- what goes wrong --------------------------------------------------------------------- */

static void lose(struct state_lab *lab, const char *node, const char *pod) {
  ck_assert(pack_release(lab->state->cluster, slot_of(lab, node)->index, pod_of(lab, pod)->number));
}

static void lose_counted(struct state_lab *lab) {
  lose(lab, "counted", "a");
}

static void lose_card(struct state_lab *lab) {
  lose(lab, "cards", "c");
}

static void lose_share(struct state_lab *lab) {
  lose(lab, "hami", "e");
}

static void invent(struct state_lab *lab) {
  struct pack_request request = pack_request_of(1000, 0, PACK_CPU, 0, 0);
  ck_assert(pack_observe(lab->state->cluster, slot_of(lab, "idle")->index, 9999, &request, NULL));
}

/* The pods are right, what this one holds is not. */
static void shrink(struct state_lab *lab, int64_t cpu_milli, bool keeps_gpu) {
  size_t index = slot_of(lab, "counted")->index;
  uint64_t number = pod_of(lab, "b")->number;
  const struct pack_node *node = pack_cluster_node(lab->state->cluster, index);
  struct pack_request request = pack_request_of(cpu_milli, 0, PACK_CPU, 0, 0);
  for (size_t i = 0; keeps_gpu && i < node->pod_count; i++)
    if (node->pods[i].uid == number)
      request.forms[0] = node->pods[i].form;
  lose(lab, "counted", "b");
  ck_assert(pack_observe(lab->state->cluster, index, number, &request, NULL));
}

static void shrink_gpu(struct state_lab *lab) {
  shrink(lab, 2000, false);
}

static void shrink_cpu(struct state_lab *lab) {
  shrink(lab, 1, true);
}

static void lose_hold(struct state_lab *lab) {
  ck_assert(pack_release(lab->state->cluster, slot_of(lab, "counted")->index,
                         hold_of(lab, "waits")->number));
}

static void flag_excess(struct state_lab *lab) {
  flag_set(&slot_of(lab, "idle")->is_excess, &lab->state->excess_nodes, true);
}

/* In advance, although it is bound. */
static void hold_for_bound(struct state_lab *lab) {
  struct pod pod = lab_pod(lab, "stray", NULL, "nvidia.com/gpu", "1", NULL);
  ck_assert_int_eq(lab_hold(lab, STATE_TENTATIVE, &pod, "counted", 100), STATE_HELD);
  struct hold *hold = hold_of(lab, "stray");
  hold->record = pod_of(lab, "b");
  hold->record->hold = hold;
}

static const struct {
  const char *name;
  void (*corrupt)(struct state_lab *lab);
  size_t nodes; /* that are found wrong */
} cases[] = {
    {"nothing", NULL, 0},
    {"a pod is lost where devices are counted", lose_counted, 1},
    {"a pod is lost where cards are chosen", lose_card, 1},
    {"a pod is lost on HAMi's cards", lose_share, 1},
    {"a pod that nobody knows", invent, 1},
    {"a pod holds no GPU", shrink_gpu, 1},
    {"a pod holds less CPU", shrink_cpu, 1},
    {"a hold holds nothing", lose_hold, 1},
    {"too much, without anything there", flag_excess, 1},
    {"a hold for a pod that is bound", hold_for_bound, 1},
};

/* ---- the same as a state made anew ------------------------------------------------------- */

static void compare_nodes(struct state_lab *lab, struct state_lab *anew, const char *name) {
  static const char *const sums[] = {"cpu", "memory", "pods"};
  CLEANUP_PEEK struct state_peek a = lab_peek(lab, name), b = lab_peek(anew, name);
  for (size_t i = 0; i < SG_ARRAY_LEN(sums); i++)
    ck_assert_msg(lab_left(lab, name, sums[i]) == lab_left(anew, name, sums[i]), "%s: %s", name,
                  sums[i]);
  ck_assert_uint_eq(a.node->counter_count, b.node->counter_count);
  for (size_t c = 0; c < a.node->counter_count; c++)
    ck_assert_msg(a.node->counters[c].left == b.node->counters[c].left, "%s: GPUs", name);
  ck_assert_uint_eq(a.node->device_count, b.node->device_count);
  for (size_t d = 0; d < a.node->device_count; d++)
    ck_assert_msg(a.node->devices[d].left == b.node->devices[d].left, "%s: card %zu", name, d);
}

/* Where the pod would go, and on which card. */
static struct pack_choice choose(struct state_lab *lab, const char *resource, int64_t amount) {
  struct pack_asked asked;
  struct err err;
  struct pack_choice choice = {.score = INT64_MIN};
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), state_catalog(lab->state), 0);
  struct pod pod = lab_pod(lab, "probe", NULL, resource,
                           str_printf(lab->arena, "%lld", (long long)amount).ptr, NULL);
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(lab->state);
  ck_assert(state_ask(lab->state, lab->arena, &pod, &asked, &err));
  (void)pack_choose(scorer, state_snapshot_cluster(snapshot), &asked.request, &choice, 1);
  pack_scorer_free(scorer);
  return choice;
}

static void compare_decisions(struct state_lab *lab, struct state_lab *anew) {
  static const struct {
    const char *resource;
    int64_t unit, most;
  } probes[] = {{"nvidia.com/gpu", 1, 9}, {"slicegate.dev/gpu-milli", 100, 10}, {"cpu", 8, 9}};
  for (size_t i = 0; i < SG_ARRAY_LEN(probes); i++)
    for (int64_t n = 1; n <= probes[i].most; n++) {
      struct pack_choice a = choose(lab, probes[i].resource, n * probes[i].unit);
      struct pack_choice b = choose(anew, probes[i].resource, n * probes[i].unit);
      ck_assert_msg(a.score == b.score && a.placement.node == b.placement.node &&
                        a.placement.unit_count == b.placement.unit_count &&
                        memcmp(a.placement.units, b.placement.units,
                               a.placement.unit_count * sizeof(*a.placement.units)) == 0,
                    "%s: %lld", probes[i].resource, (long long)(n * probes[i].unit));
    }
}

static void compare(struct state_lab *lab) {
  CLEANUP_STATE_LAB struct state_lab anew;
  fill(&anew);
  struct state_stats a = stats(lab), b = stats(&anew);
  ck_assert_uint_eq(a.excess_nodes, b.excess_nodes);
  ck_assert_mem_eq(a.holds, b.holds, sizeof(a.holds));
  ck_assert_int_eq(a.totals.milli_left, b.totals.milli_left);
  ck_assert_uint_eq(a.totals.pods, b.totals.pods);
  for (size_t i = 0; i < NODES; i++)
    compare_nodes(lab, &anew, nodes[i]);
  compare_decisions(lab, &anew);
}

START_TEST(what_is_wrong_is_mended_and_counted) {
  CLEANUP_STATE_LAB struct state_lab lab;
  fill(&lab);
  if (cases[_i].corrupt)
    cases[_i].corrupt(&lab);
  uint64_t before = stats(&lab).generation;
  ck_assert_msg(state_verify(lab.state, NODES) == cases[_i].nodes, "%s", cases[_i].name);
  ck_assert_uint_eq(stats(&lab).drift, cases[_i].nodes);
  ck_assert((stats(&lab).generation > before) == (cases[_i].nodes > 0)); /* readers look again */
  compare(&lab);
  ck_assert_uint_eq(state_verify(lab.state, NODES), 0);
  ck_assert_uint_eq(stats(&lab).drift, cases[_i].nodes);
}
END_TEST

/* A few nodes at a time, one after the other, and from the start again. */
START_TEST(each_node_has_its_turn) {
  CLEANUP_STATE_LAB struct state_lab lab;
  fill(&lab);
  lose_counted(&lab);
  for (size_t i = 0; i < NODES; i++)
    ck_assert_uint_eq(state_verify(lab.state, 1), i == AT_COUNTED); /* in order of names */
  lose_card(&lab);
  lose_share(&lab);
  ck_assert_uint_eq(state_verify(lab.state, NODES * 3), 2);
  ck_assert_uint_eq(stats(&lab).drift, 3);
  compare(&lab);
}
END_TEST

/* What happens afterwards meets a state that is right. */
START_TEST(life_goes_on) {
  CLEANUP_STATE_LAB struct state_lab lab;
  fill(&lab);
  hold_for_bound(&lab);
  lose_card(&lab);
  ck_assert_uint_eq(state_verify(lab.state, NODES), 2);
  struct pod waits = lab_pod(&lab, "waits", "counted", "nvidia.com/gpu", "3", NULL);
  state_put_pod(lab.state, &waits); /* as it was held for */
  for (const char *const *name = (const char *const[]){"a", "b", "c", NULL}; *name; name++)
    state_drop_pod(lab.state, STR_LIT("default"), str_of(*name), lab_uid(&lab, *name));
  ck_assert_int_eq(lab_left(&lab, "counted", "nvidia.com/gpu"), 8 - 3 - 1);
  ck_assert_uint_eq(stats(&lab).holds[STATE_TENTATIVE], 0);
  CLEANUP_PEEK struct state_peek cards = lab_peek(&lab, "cards");
  ck_assert_uint_eq(cards.node->idle, 2);
  ck_assert_uint_eq(state_verify(lab.state, NODES), 0);
}
END_TEST

TCase *tcase_drift(void) {
  TCase *tcase = tcase_create("drift");
  tcase_add_loop_test(tcase, what_is_wrong_is_mended_and_counted, 0, SG_ARRAY_LEN(cases));
  tcase_add_test(tcase, each_node_has_its_turn);
  tcase_add_test(tcase, life_goes_on);
  return tcase;
}

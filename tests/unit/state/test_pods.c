/* SPDX-License-Identifier: Apache-2.0 */
/* What pods hold, from when until when. */
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

TCase *tcase_pods(void);

static void put_node(struct state_lab *lab, const char *name) {
  struct node node = lab_node(lab, name, "nvidia.com/gpu", "8", NULL);
  lab_label(lab, &node, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.count",
            "8", NULL);
  state_put_node(lab->state, &node);
}

static struct state_stats stats(struct state_lab *lab) {
  struct state_stats made;
  state_get_stats(lab->state, &made);
  return made;
}

/* What changes of a waiting pod are said in terms of. */
START_TEST(the_overhead_of_a_waiting_pod_is_kept) {
  CLEANUP_STATE_LAB struct state_lab lab;
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  state_lab_init(&lab);
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "1", NULL), found;
  pod.overhead = (struct pod_overhead){250, INT64_C(1) << 40};
  state_put_pod(lab.state, &pod);
  ck_assert(state_find_pod(lab.state, arena, pod.ns, pod.name, (struct str){0}, &found));
  ck_assert_int_eq(found.overhead.cpu_milli, 250);
  ck_assert_int_eq(found.overhead.mem_bytes, INT64_C(1) << 40);
}
END_TEST

START_TEST(arrives_when_its_gates_are_gone) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "2", NULL);
  struct pod other = lab_pod(&lab, "other", NULL, "cpu", "2", NULL);
  pod.traits = POD_IS_GATED;
  state_put_pod(lab.state, &other);
  state_put_pod(lab.state, &pod);
  ck_assert_uint_eq(stats(&lab).waiting_pods, 1);
  ck_assert_uint_eq(stats(&lab).arrivals, 0);
  pod.traits = 0;
  state_put_pod(lab.state, &pod);
  ck_assert_uint_eq(stats(&lab).arrivals, 1);
  pod.traits = POD_WAS_REJECTED;
  state_put_pod(lab.state, &pod);
  ck_assert_uint_eq(stats(&lab).arrivals, 1);
}
END_TEST

START_TEST(is_in_company_of_those_that_came_lately) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1");
  struct pod a = lab_pod(&lab, "a", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod b = lab_pod(&lab, "b", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod c = lab_pod(&lab, "c", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod cpu = lab_pod(&lab, "cpu", NULL, "cpu", "2", NULL);
  c.traits = POD_IS_GATED;
  state_put_pod(lab.state, &c); /* before the others, and arrives behind them */
  state_put_pod(lab.state, &cpu);
  state_put_pod(lab.state, &a);
  ck_assert(!state_is_in_company(lab.state, a.uid, 0)); /* alone */
  state_put_pod(lab.state, &b);
  ck_assert(state_is_in_company(lab.state, a.uid, 0));
  ck_assert(state_is_in_company(lab.state, b.uid, 0));
  ck_assert(state_is_in_company(lab.state, a.uid, 1));
  ck_assert(!state_is_in_company(lab.state, a.uid, 2));
  ck_assert(!state_is_in_company(lab.state, b.uid, 1)); /* a came before */
  ck_assert(!state_is_in_company(lab.state, c.uid, 0));
  ck_assert(!state_is_in_company(lab.state, cpu.uid, 0));
  ck_assert(!state_is_in_company(lab.state, STR_LIT("nobody"), 0));
  c.traits = 0;
  state_put_pod(lab.state, &c);
  ck_assert(state_is_in_company(lab.state, b.uid, 1));
  ck_assert(state_is_in_company(lab.state, c.uid, 1));
  b.constraints.node_name = STR_LIT("n1"); /* has a node, and waits no more */
  state_put_pod(lab.state, &b);
  ck_assert(!state_is_in_company(lab.state, c.uid, 1));
}
END_TEST

START_TEST(holds_from_binding_to_its_end) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1");
  struct pod pod =
      lab_pod(&lab, "p", NULL, "cpu", "2", "memory", "1Gi", "nvidia.com/gpu", "2", NULL);
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 8);
  ck_assert_uint_eq(stats(&lab).waiting_pods, 1);
  state_put_pod(lab.state, &pod);
  ck_assert_uint_eq(stats(&lab).arrivals, 1);
  pod.constraints.node_name = STR_LIT("n1");
  state_put_pod(lab.state, &pod); /* Pending, and bound: it holds */
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 6);
  ck_assert_int_eq(lab_left(&lab, "n1", "cpu"), 62000);
  ck_assert_int_eq(lab_left(&lab, "n1", "memory"), INT64_C(255) << 30);
  ck_assert_int_eq(lab_left(&lab, "n1", "pods"), 1);
  ck_assert_uint_eq(stats(&lab).waiting_pods, 0);
  ck_assert_uint_eq(stats(&lab).arrivals, 1);
  pod.traits = POD_IS_DELETING;
  pod.phase = PHASE_RUNNING;
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 6);
  pod.phase = PHASE_SUCCEEDED;
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 8);
  ck_assert_int_eq(lab_left(&lab, "n1", "pods"), 0);
  ck_assert_uint_eq(stats(&lab).objects[STATE_PODS], 1);
  state_drop_pod(lab.state, pod.ns, pod.name, pod.uid);
  ck_assert_uint_eq(stats(&lab).objects[STATE_PODS], 0);
  ck_assert_uint_eq(state_verify(lab.state, 10), 0);
}
END_TEST

START_TEST(waits_for_its_node_to_be_known) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct pod pod = lab_pod(&lab, "p", "n1", "nvidia.com/gpu", "3", NULL);
  state_put_pod(lab.state, &pod);
  ck_assert_uint_eq(stats(&lab).homeless_pods, 1);
  put_node(&lab, "n1");
  ck_assert_uint_eq(stats(&lab).homeless_pods, 0);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 5);
  state_drop_node(lab.state, STR_LIT("n1"));
  ck_assert_uint_eq(stats(&lab).homeless_pods, 1);
  ck_assert_uint_eq(stats(&lab).objects[STATE_NODES], 0);
  put_node(&lab, "n1");
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 5);
}
END_TEST

START_TEST(another_uid_is_another_pod) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1");
  put_node(&lab, "n2");
  struct pod pod = lab_pod(&lab, "p", "n1", "nvidia.com/gpu", "3", NULL), again = pod;
  state_put_pod(lab.state, &pod);
  again.uid = STR_LIT("other");
  again.constraints.node_name = STR_LIT("n2");
  state_put_pod(lab.state, &again);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 8);
  ck_assert_int_eq(lab_left(&lab, "n2", "nvidia.com/gpu"), 5);
  state_drop_pod(lab.state, pod.ns, pod.name, pod.uid); /* late news of the first */
  ck_assert_int_eq(lab_left(&lab, "n2", "nvidia.com/gpu"), 5);
  state_drop_pod(lab.state, pod.ns, pod.name, (struct str){NULL, 0});
  ck_assert_int_eq(lab_left(&lab, "n2", "nvidia.com/gpu"), 8);
}
END_TEST

START_TEST(never_unbound_by_an_older_list) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1");
  struct pod pod = lab_pod(&lab, "p", "n1", "nvidia.com/gpu", "3", NULL), old = pod;
  state_put_pod(lab.state, &pod);
  old.constraints.node_name = (struct str){NULL, 0};
  old.phase = PHASE_PENDING;
  state_put_pod(lab.state, &old);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 5);
  ck_assert_uint_eq(stats(&lab).waiting_pods, 0);
}
END_TEST

START_TEST(resized_in_place) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1");
  struct pod small = lab_pod(&lab, "p", "n1", "cpu", "1", "nvidia.com/gpu", "1", NULL);
  struct pod large = lab_pod(&lab, "p", "n1", "cpu", "3", "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &small);
  ck_assert_int_eq(lab_left(&lab, "n1", "cpu"), 63000);
  state_put_pod(lab.state, &large);
  ck_assert_int_eq(lab_left(&lab, "n1", "cpu"), 61000);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 7);
}
END_TEST

START_TEST(nothing_new_is_no_change) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1");
  struct pod bound = lab_pod(&lab, "p", "n1", "nvidia.com/gpu", "1", NULL);
  struct pod waiting = lab_pod(&lab, "w", NULL, "nvidia.com/gpu", "1", NULL);
  bound.phase = PHASE_PENDING;
  state_put_pod(lab.state, &bound);
  state_put_pod(lab.state, &waiting);
  uint64_t before = stats(&lab).generation;
  bound.phase = PHASE_RUNNING;
  bound.resource_version = STR_LIT("17");
  waiting.resource_version = STR_LIT("18");
  state_put_pod(lab.state, &bound);
  state_put_pod(lab.state, &waiting);
  put_node(&lab, "n1");
  ck_assert_uint_eq(stats(&lab).generation, before);
  waiting.nominated_node = STR_LIT("n1");
  state_put_pod(lab.state, &waiting);
  ck_assert_uint_ne(stats(&lab).generation, before);
}
END_TEST

START_TEST(devices_that_are_named) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  put_node(&lab, "n1");
  struct pod guessed = lab_pod(&lab, "a", "n1", "nvidia.com/gpu", "1", NULL);
  struct pod named = lab_pod(&lab, "b", "n1", "nvidia.com/gpu", "2", NULL);
  struct pod_device devices[] = {
      {.resource = STR_LIT("nvidia.com/gpu"), .index = 0, .id = STR_LIT("GPU-0")},
      {.resource = STR_LIT("nvidia.com/gpu"), .index = 5}};
  named.devices = devices;
  named.device_count = 2;
  state_put_pod(lab.state, &guessed); /* the lowest: 0, until somebody says that he has it */
  state_put_pod(lab.state, &named);
  CLEANUP_PEEK struct state_peek peek = lab_peek(&lab, "n1");
  for (uint8_t d = 0; d < 8; d++)
    ck_assert_int_eq(peek.node->devices[d].left == 0, d == 0 || d == 1 || d == 5);
  struct pod copy;
  ck_assert(
      state_find_pod(lab.state, lab.arena, named.ns, named.name, (struct str){NULL, 0}, &copy));
  ck_assert_uint_eq(copy.device_count, 2);
  ck_assert(str_is(copy.devices[0].id, "GPU-0"));
  ck_assert_int_eq(copy.devices[1].index, 5);
}
END_TEST

static struct pod replica_pod(struct state_lab *lab, const char *name, struct pod_device *device,
                              const char *id) {
  struct pod pod = lab_pod(lab, name, "n1", "nvidia.com/gpu", "1", NULL);
  *device = (struct pod_device){
      .resource = STR_LIT("nvidia.com/gpu"), .id = str_of(id), .index = -1, .amount = 1};
  pod.devices = device;
  pod.device_count = 1;
  return pod;
}

static void check_replicas(struct state_lab *lab, const char *left) {
  CLEANUP_PEEK struct state_peek peek = lab_peek(lab, "n1");
  for (uint8_t d = 0; d < peek.node->device_count; d++)
    ck_assert_msg(peek.node->devices[d].left == left[d] - '0', "GPU %u has %u left, not %c", d,
                  peek.node->devices[d].left, left[d]);
  ck_assert_uint_eq(peek.node->device_count, strlen(left));
  ck_assert_uint_eq(state_verify(lab->state, 1), 0);
}

/* status.containerStatuses[].allocatedResourcesStatus of a time-sliced GPU. */
START_TEST(replicas_of_one_gpu) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", "nvidia.com/gpu", "12", NULL);
  struct pod_device devices[5];
  lab_label(&lab, &node, "nvidia.com/gpu.product", "Tesla-T4-SHARED", "nvidia.com/gpu.count", "3",
            "nvidia.com/gpu.replicas", "4", NULL);
  state_put_node(lab.state, &node);
  struct pod silent = lab_pod(&lab, "s", "n1", "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &silent);
  check_replicas(&lab, "344"); /* nobody says: spread, from the lowest on */
  struct pod a = lab_pod(&lab, "a", "n1", "nvidia.com/gpu", "1", NULL);
  state_put_pod(lab.state, &a);
  check_replicas(&lab, "334");
  a = replica_pod(&lab, "a", &devices[0], "GPU-x::0");
  struct pod b = replica_pod(&lab, "b", &devices[1], "GPU-x::3");
  struct pod c = replica_pod(&lab, "c", &devices[2], "GPU-y::1");
  struct pod d = replica_pod(&lab, "d", &devices[3], "GPU-x::1");
  state_put_pod(lab.state, &a);
  state_put_pod(lab.state, &b);
  check_replicas(&lab, "234"); /* both on one, whichever: the silent one is elsewhere */
  state_put_pod(lab.state, &c);
  check_replicas(&lab, "233");
  state_put_pod(lab.state, &d);
  check_replicas(&lab, "133");
  /* More GPUs than the labels tell of: counted, and of no GPU. */
  struct pod z = replica_pod(&lab, "z", &devices[4], "GPU-z::0");
  struct pod e = z;
  struct pod_device fourth = devices[4];
  e.name = STR_LIT("e");
  e.uid = lab_uid(&lab, "e");
  fourth.id = STR_LIT("GPU-w::0");
  e.devices = &fourth;
  state_put_pod(lab.state, &z);
  state_put_pod(lab.state, &e);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 5);
  state_drop_pod(lab.state, b.ns, b.name, b.uid);
  state_drop_pod(lab.state, e.ns, e.name, e.uid);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 7);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
  /* A slice of MIG says nothing of its GPU, and an id alone of no replica. */
  c = replica_pod(&lab, "c", &devices[2], "GPU-x");
  state_put_pod(lab.state, &c);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 7);
}
END_TEST

START_TEST(devices_by_two_names_are_withheld) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node =
      lab_node(&lab, "n1", "nvidia.com/gpu", "4", "nvidia.com/mig-1g.10gb", "7", NULL);
  lab_label(&lab, &node, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3", NULL);
  state_put_node(lab.state, &node);
  struct pod pod =
      lab_pod(&lab, "p", "n1", "nvidia.com/gpu", "1", "nvidia.com/mig-1g.10gb", "3", NULL);
  state_put_pod(lab.state, &pod);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/gpu"), 3);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/mig-1g.10gb"), 4);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
  state_drop_pod(lab.state, pod.ns, pod.name, pod.uid);
  ck_assert_int_eq(lab_left(&lab, "n1", "nvidia.com/mig-1g.10gb"), 7);
}
END_TEST

START_TEST(found_again_as_it_was_put) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct str zones[] = {STR_LIT("a"), STR_LIT("b")};
  struct key_value selector = {STR_LIT("pool"), STR_LIT("gpu")};
  struct node_requirement requirement = {
      .key = STR_LIT("zone"), .op = SELECT_NOT_IN, .values = zones, .value_count = 2};
  struct node_requirement field = {
      .key = STR_LIT("metadata.name"), .op = SELECT_IN, .values = zones, .value_count = 1};
  struct node_selector_term term = {&requirement, 1, &field, 1};
  struct toleration toleration = {
      .key = STR_LIT("gpu"), .is_exists = true, .effect = EFFECT_NO_EXECUTE};
  struct pod pod = lab_pod(&lab, "p", NULL, "nvidia.com/gpu", "1", "example.com/nic", "2", NULL);
  pod.constraints = (struct pod_constraints){.node_selector = &selector,
                                             .node_selector_count = 1,
                                             .affinity_terms = &term,
                                             .affinity_term_count = 1,
                                             .tolerations = &toleration,
                                             .toleration_count = 1};
  pod.resource_version = STR_LIT("1234");
  pod.scheduler_name = STR_LIT("default-scheduler");
  pod.nominated_node = STR_LIT("n7");
  pod.controller = STR_LIT("Job");
  pod.created = 99;
  pod.priority = -7;
  pod.traits = POD_IS_GATED;
  state_put_pod(lab.state, &pod);
  struct pod copy;
  ck_assert(!state_find_pod(lab.state, lab.arena, pod.ns, STR_LIT("q"), (struct str){0}, &copy));
  ck_assert(!state_find_pod(lab.state, lab.arena, pod.ns, pod.name, STR_LIT("no"), &copy));
  ck_assert(state_find_pod(lab.state, lab.arena, (struct str){0}, (struct str){0}, pod.uid, &copy));
  ck_assert(str_eq(copy.resource_version, pod.resource_version));
  ck_assert(str_eq(copy.scheduler_name, pod.scheduler_name));
  ck_assert(str_eq(copy.nominated_node, pod.nominated_node));
  ck_assert(str_eq(copy.controller, pod.controller));
  ck_assert_int_eq(copy.created, 99);
  ck_assert_int_eq(copy.priority, -7);
  ck_assert_uint_eq(copy.traits, POD_IS_GATED);
  ck_assert_uint_eq(copy.request_count, 2);
  ck_assert(str_is(copy.requests[1].name, "example.com/nic"));
  ck_assert_int_eq(copy.requests[1].amount.units, 2);
  ck_assert(str_is(copy.constraints.node_selector[0].value, "gpu"));
  const struct node_selector_term *got = &copy.constraints.affinity_terms[0];
  ck_assert_int_eq(got->requirements[0].op, SELECT_NOT_IN);
  ck_assert(str_is(got->requirements[0].values[1], "b"));
  ck_assert(str_is(got->fields[0].key, "metadata.name"));
  ck_assert_uint_eq(got->fields[0].value_count, 1);
  ck_assert(copy.constraints.tolerations[0].is_exists);
  ck_assert_int_eq(copy.constraints.tolerations[0].effect, EFFECT_NO_EXECUTE);
}
END_TEST

START_TEST(waiting_oldest_first) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct pod young = lab_pod(&lab, "a", NULL, "nvidia.com/gpu", "1", NULL);
  struct pod old = lab_pod(&lab, "c", NULL, "nvidia.com/mig-1g.10gb", "1", NULL);
  struct pod same = lab_pod(&lab, "b", NULL, "amd.com/gpu", "1", NULL);
  struct pod cpu = lab_pod(&lab, "d", NULL, "cpu", "1", NULL);
  young.created = 20;
  old.created = same.created = 10;
  state_put_pod(lab.state, &young);
  state_put_pod(lab.state, &old);
  state_put_pod(lab.state, &same);
  state_put_pod(lab.state, &cpu);
  size_t count;
  const struct pod *waiting = state_waiting(lab.state, lab.arena, &count);
  ck_assert_uint_eq(count, 3);
  ck_assert(str_is(waiting[0].name, "c") && str_is(waiting[1].name, "b") &&
            str_is(waiting[2].name, "a"));
  old.phase = PHASE_FAILED;
  state_put_pod(lab.state, &old);
  (void)state_waiting(lab.state, lab.arena, &count);
  ck_assert_uint_eq(count, 2);
}
END_TEST

static struct pod card_pod(struct state_lab *lab, const char *name, const char *milli,
                           struct pod_device *card, int32_t index) {
  struct pod pod = lab_pod(lab, name, "n1", "slicegate.dev/gpu-milli", milli, NULL);
  *card = (struct pod_device){.resource = STR_LIT("slicegate.dev/gpu-milli"), .index = index};
  pod.devices = card;
  pod.device_count = index >= 0;
  return pod;
}

static void check_cards(struct state_lab *lab, unsigned first, unsigned second) {
  CLEANUP_PEEK struct state_peek peek = lab_peek(lab, "n1");
  ck_assert_uint_eq(peek.node->devices[0].left, first);
  ck_assert_uint_eq(peek.node->devices[1].left, second);
}

START_TEST(cards_that_are_named) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", "slicegate.dev/gpu-milli", "2000", NULL);
  struct pod_device cards[4];
  state_put_node(lab.state, &node);
  struct pod a = card_pod(&lab, "a", "600", &cards[0], 1);
  struct pod b = card_pod(&lab, "b", "300", &cards[1], -1); /* the fullest that has room */
  struct pod c = card_pod(&lab, "c", "700", &cards[2], 1);
  struct pod d = card_pod(&lab, "d", "1000", &cards[3], 0);
  state_put_pod(lab.state, &a);
  state_put_pod(lab.state, &b);
  check_cards(&lab, 1000, 100);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  /* More than the card has: the rest of it is given to nobody, and what was guessed moves on. */
  state_put_pod(lab.state, &c);
  check_cards(&lab, 700, 0);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 1);
  state_drop_pod(lab.state, a.ns, a.name, a.uid);
  check_cards(&lab, 1000, 0);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  state_put_pod(lab.state, &d);
  check_cards(&lab, 0, 0);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
  struct pod waiting = lab_pod(&lab, "w", NULL, "slicegate.dev/gpu-milli", "500", NULL);
  state_put_pod(lab.state, &waiting);
  ck_assert_uint_eq(stats(&lab).waiting_pods, 1);
}
END_TEST

/* Bound while nobody kept the cards: where they are is not known, how much is gone is. */
START_TEST(cards_that_nobody_named) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  struct node node = lab_node(&lab, "n1", "slicegate.dev/gpu-milli", "2000", NULL);
  struct pod_device cards[5];
  state_put_node(lab.state, &node);
  struct pod a = card_pod(&lab, "a", "600", &cards[0], -1);
  struct pod b = card_pod(&lab, "b", "600", &cards[1], -1);
  struct pod c = card_pod(&lab, "c", "600", &cards[2], -1);
  state_put_pod(lab.state, &a);
  state_put_pod(lab.state, &b);
  check_cards(&lab, 400, 400);
  state_put_pod(lab.state, &c);
  check_cards(&lab, 0, 200);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 1);
  struct pod named = card_pod(&lab, "d", "200", &cards[3], 1);
  state_put_pod(lab.state, &named);
  check_cards(&lab, 0, 0);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
  state_drop_pod(lab.state, a.ns, a.name, a.uid);
  state_drop_pod(lab.state, named.ns, named.name, named.uid);
  check_cards(&lab, 400, 400);
  ck_assert_uint_eq(stats(&lab).excess_nodes, 0);
  struct pod two = card_pod(&lab, "e", "2000", &cards[4], -1);
  state_drop_pod(lab.state, b.ns, b.name, b.uid);
  state_put_pod(lab.state, &two); /* two whole cards, and one is in use */
  check_cards(&lab, 0, 0);
  state_drop_pod(lab.state, two.ns, two.name, two.uid);
  check_cards(&lab, 400, 1000);
  ck_assert_uint_eq(state_verify(lab.state, 1), 0);
}
END_TEST

START_TEST(residents_of_a_node) {
  CLEANUP_STATE_LAB struct state_lab lab;
  state_lab_init(&lab);
  size_t count = 7;
  (void)state_residents(lab.state, lab.arena, STR_LIT("n1"), &count);
  ck_assert_uint_eq(count, 0);
  put_node(&lab, "n1");
  struct pod a = lab_pod(&lab, "a", "n1", "nvidia.com/gpu", "1", NULL);
  struct pod b = lab_pod(&lab, "b", "n1", "nvidia.com/gpu", "2", NULL);
  struct pod over = lab_pod(&lab, "c", "n1", "nvidia.com/gpu", "1", NULL);
  over.phase = PHASE_FAILED;
  state_put_pod(lab.state, &a);
  state_put_pod(lab.state, &b);
  state_put_pod(lab.state, &over);
  const struct state_resident *there = state_residents(lab.state, lab.arena, STR_LIT("n1"), &count);
  ck_assert_uint_eq(count, 2);
  ck_assert(str_is(there[1].pod.name, "b") && str_is(there[1].pod.constraints.node_name, "n1"));
  CLEANUP_PEEK struct state_peek peek = lab_peek(&lab, "n1");
  const struct pack_node *without =
      pack_node_without(state_snapshot_cluster(peek.snapshot), peek.index, &there[1].number, 1);
  ck_assert_int_eq(without->counters[0].left, 7);
  pack_node_unref(without);
}
END_TEST

TCase *tcase_pods(void) {
  TCase *tc = tcase_create("pods");
  tcase_add_test(tc, the_overhead_of_a_waiting_pod_is_kept);
  tcase_add_test(tc, arrives_when_its_gates_are_gone);
  tcase_add_test(tc, is_in_company_of_those_that_came_lately);
  tcase_add_test(tc, holds_from_binding_to_its_end);
  tcase_add_test(tc, waits_for_its_node_to_be_known);
  tcase_add_test(tc, another_uid_is_another_pod);
  tcase_add_test(tc, never_unbound_by_an_older_list);
  tcase_add_test(tc, resized_in_place);
  tcase_add_test(tc, nothing_new_is_no_change);
  tcase_add_test(tc, devices_that_are_named);
  tcase_add_test(tc, replicas_of_one_gpu);
  tcase_add_test(tc, devices_by_two_names_are_withheld);
  tcase_add_test(tc, found_again_as_it_was_put);
  tcase_add_test(tc, waiting_oldest_first);
  tcase_add_test(tc, cards_that_are_named);
  tcase_add_test(tc, cards_that_nobody_named);
  tcase_add_test(tc, residents_of_a_node);
  return tc;
}

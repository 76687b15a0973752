/* SPDX-License-Identifier: Apache-2.0 */
/* States, changes and what is asked of the module; texts as a whole are golden cases of the CLI. */
#include "tests/unit/explain/asked.h"

#include <check.h>
#include <stdlib.h>

TCase *tcase_answer(void);

#define GPU_TAINT "{key: nvidia.com/gpu, value: present, effect: NoSchedule}"
#define TWO_TAINTS GPU_TAINT ", {key: team, effect: NoExecute}"

#define OVERHEAD_POD(name, adds, asks)                                                             \
  "kind: Pod\nmetadata: {name: " name                                                              \
  ", namespace: ml}\nspec: {runtimeClassName: kata, overhead: "                                    \
  "{" adds "}, containers: [{name: m, resources: {limits: {" asks "}}}]}\n---\n"
#define CARD_POD(name, node, cards, milli)                                                         \
  "kind: Pod\nmetadata: {name: " name                                                              \
  ", namespace: ml, annotations: {slicegate.dev/devices: '" cards "'}}\nspec: {nodeName: " node    \
  ", containers: [{resources: {limits: {slicegate.dev/gpu-milli: " milli "}}}]}\n---\n"

static const struct {
  const char *name, *cluster;
  enum explain_state state;
  const char *changes[EXPLAIN_CHANGES]; /* texts */
  const char *missing;
} rows[] = {
    {"bound and running", NODE("a", "cpu: 4") POD("p", ON("a"), "cpu: 1"), EXPLAIN_PLACED, {0}, ""},
    {"fits", NODE("a", "cpu: 4") POD("p", "", "cpu: 1"), EXPLAIN_WAITS, {0}, ""},
    {"two taints of one node need two tolerations",
     TAINTED("a", TWO_TAINTS, "cpu: 4") POD("p", "", "cpu: 1"),
     EXPLAIN_WAITS,
     {"add the tolerations nvidia.com/gpu=present:NoSchedule, team:NoExecute"},
     ""},
    {"one toleration is less than two",
     TAINTED("a", TWO_TAINTS, "cpu: 4") TAINTED("b", GPU_TAINT, "cpu: 4") POD("p", "", "cpu: 1"),
     EXPLAIN_WAITS,
     {"add the toleration nvidia.com/gpu=present:NoSchedule"},
     ""},
    {"nobody is told to go to a node that is not ready",
     TAINTED("a", "{key: node.kubernetes.io/not-ready, effect: NoSchedule}", "cpu: 4")
         POD("p", "", "cpu: 1"),
     EXPLAIN_WAITS,
     {0},
     "no node has all of it at once and is open to the pod"},
    {"nor to one that an autoscaler takes away",
     TAINTED("a", "{key: ToBeDeletedByClusterAutoscaler, value: \"17\", effect: NoSchedule}",
             "cpu: 4") TAINTED("b", "{key: karpenter.sh/disrupted, effect: NoSchedule}", "cpu: 4")
         TAINTED("c", "{key: node.cilium.io/agent-not-ready, effect: NoSchedule}", "cpu: 4")
             POD("p", "", "cpu: 1"),
     EXPLAIN_WAITS,
     {0},
     "no node has all of it at once and is open to the pod"},
    {"less than half is no advice",
     NODE("a", "cpu: 4") POD("p", "", "cpu: 9"),
     EXPLAIN_WAITS,
     {0},
     "asks for cpu 9, and no node has more than 4"},
    {"both at once",
     NODE("a", "cpu: 4, memory: 4Gi") POD("p", "", "cpu: 5, memory: 6Gi"),
     EXPLAIN_WAITS,
     {"ask for cpu 4 instead of 5 and memory 4Gi instead of 6Gi"},
     "asks for cpu 5, and no node has more than 4"},
    {"what a RuntimeClass adds is not the containers' to lower",
     NODE("a", "cpu: 64") OVERHEAD_POD("p", "cpu: 10", "cpu: 60"),
     EXPLAIN_WAITS,
     {"ask for cpu 54 instead of 60 (beside 10 of overhead)"},
     "asks for cpu 70, and no node has more than 64"},
    {"nor when next to nothing would be left to them",
     NODE("a", "cpu: 64") OVERHEAD_POD("p", "cpu: 60", "cpu: 10"),
     EXPLAIN_WAITS,
     {0},
     "asks for cpu 70, and no node has more than 64"},
    {"a resource that nobody lists",
     NODE("a", "cpu: 4") POD("p", "", "example.com/nic: 1"),
     EXPLAIN_WAITS,
     {0},
     "no node has all of it at once and is open to the pod"},
    {"a GPU that nobody lists",
     NODE("a", "cpu: 4") POD("p", "", "amd.com/gpu: 1"),
     EXPLAIN_WAITS,
     {0},
     "no node lists amd.com/gpu"},
    {"a GPU that its plugin does not list now",
     NODE("a", "cpu: 4") NODE("b", "amd.com/gpu: 0") POD("p", "", "amd.com/gpu: 1"),
     EXPLAIN_WAITS,
     {0},
     "nodes that list amd.com/gpu list 0 of it now (a device plugin that starts, or GPUs that are "
     "not healthy), such as b"},
    {"a slice that is there under another name",
     "metadata: {name: s, labels: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3-MIG-1g.10gb}}\n"
     "kind: Node\nstatus: {allocatable: {cpu: 4, nvidia.com/gpu: 7}}\n---\n" POD(
         "p", "", "nvidia.com/mig-1g.10gb: 1"),
     EXPLAIN_WAITS,
     {0},
     "no node lists nvidia.com/mig-1g.10gb; s has such slices as nvidia.com/gpu (MIG strategy "
     "single)"},
    {"three pods have to go",
     NODE("a", "nvidia.com/gpu: 4") POD("x", ON("a"), "nvidia.com/gpu: 1")
         POD("y", ON("a"), "nvidia.com/gpu: 1") POD("z", ON("a"), "nvidia.com/gpu: 2")
             POD("p", "", "nvidia.com/gpu: 4"),
     EXPLAIN_WAITS,
     {"stop ml/z, ml/x and ml/y on a, or wait for them to end"},
     ""},
    {"a larger slice before a smaller one",
     NODE("a", "nvidia.com/mig-1g.10gb: 1, nvidia.com/mig-3g.40gb: 1, nvidia.com/mig-2g.20gb: 0")
         POD("p", "", "nvidia.com/mig-2g.20gb: 1"),
     EXPLAIN_WAITS,
     {"ask for nvidia.com/mig-3g.40gb instead of nvidia.com/mig-2g.20gb",
      "ask for nvidia.com/mig-1g.10gb instead of nvidia.com/mig-2g.20gb, if its memory and "
      "compute are enough"},
     "no GPU here has the MIG profile 2g.20gb"},
    {"pieces of several cards",
     NODE("a", "slicegate.dev/gpu-milli: 2000") CARD_POD("x", "a", "0", "600")
         CARD_POD("y", "a", "1", "500") POD("p", "", "slicegate.dev/gpu-milli: 700"),
     EXPLAIN_WAITS,
     {"ask for slicegate.dev/gpu-milli: 500 instead of 700",
      "stop ml/y on a, or wait for it to end"},
     ""},
    {"whole cards by the thousand",
     NODE("a", "slicegate.dev/gpu-milli: 3000") CARD_POD("x", "a", "0", "600")
         POD("p", "", "slicegate.dev/gpu-milli: 3000"),
     EXPLAIN_WAITS,
     {"ask for slicegate.dev/gpu-milli: 2000 instead of 3000",
      "stop ml/x on a, or wait for it to end"},
     ""},
    {"more than a card has",
     NODE("a", "aliyun.com/gpu-mem: 32, aliyun.com/gpu-count: 2")
         POD("p", "", "aliyun.com/gpu-mem: 24"),
     EXPLAIN_WAITS,
     {"ask for aliyun.com/gpu-mem: 16 instead of 24"},
     "asks for 24 aliyun.com/gpu-mem of one GPU, and none has more than 16"},
    {"a card's host is short of something that can move",
     NODE("a", "cpu: 4, slicegate.dev/gpu-milli: 1000") NODE("b", "cpu: 4")
         POD("x", ON("a"), "cpu: 3") POD("p", "", "slicegate.dev/gpu-milli: 500, cpu: 4"),
     EXPLAIN_WAITS,
     {"move ml/x from a to b", "stop ml/x on a, or wait for it to end"},
     ""},
    {"no nodes",
     NODE("a", "cpu: 0") POD("p", "", "cpu: 1"),
     EXPLAIN_WAITS,
     {0},
     "asks for cpu 1, and no node has more than 0"},
};

START_TEST(answers_are_as_they_should) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, rows[_i].cluster);
  const struct explain_answer *answer = asked_about(&asked, "p");
  size_t wanted = 0;
  ck_assert_msg(answer->state == rows[_i].state, "%s", rows[_i].name);
  for (; wanted < EXPLAIN_CHANGES && rows[_i].changes[wanted]; wanted++)
    ck_assert_msg(wanted < answer->change_count &&
                      str_is(answer->changes[wanted].text, rows[_i].changes[wanted]),
                  "%s: %.*s", rows[_i].name, STR_FMT(answer->changes[wanted].text));
  ck_assert_msg(answer->change_count == wanted, "%s: %.*s", rows[_i].name,
                STR_FMT(answer->changes[wanted].text));
  if (*rows[_i].missing)
    ck_assert_msg(str_starts_with(answer->missing, str_of(rows[_i].missing)), "%s: %.*s",
                  rows[_i].name, STR_FMT(answer->missing));
  else
    ck_assert_msg(answer->missing.len == 0, "%s: %.*s", rows[_i].name, STR_FMT(answer->missing));
}
END_TEST

START_TEST(changes_can_be_limited) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, NODE("a", "nvidia.com/gpu: 4") POD("x", ON("a"), "nvidia.com/gpu: 2")
                         POD("p", "", "nvidia.com/gpu: 3"));
  ck_assert_uint_eq(asked_about(&asked, "p")->change_count, 2);
  const struct explain_question question = {.pod = asked_pod(&asked, "p"), .change_max = 1};
  const struct explain_answer *answer = asked_question(&asked, &question);
  ck_assert_uint_eq(answer->change_count, 1);
  ck_assert_int_eq(answer->changes[0].kind, EXPLAIN_FEWER);
}
END_TEST

START_TEST(a_verdict_that_denies_is_a_refusal) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, NODE("a", "cpu: 4") POD("p", "", "cpu: 1"));
  const struct finding findings[] = {{.severity = SEVERITY_DENY}, {.severity = SEVERITY_AUDIT}};
  const struct adm_verdict verdict = {.findings = findings, .finding_count = 2};
  const struct explain_question question = {
      .pod = asked_pod(&asked, "p"), .is_new = true, .verdict = &verdict};
  const struct explain_answer *answer = asked_question(&asked, &question);
  ck_assert_int_eq(answer->state, EXPLAIN_REFUSED);
  ck_assert_uint_eq(answer->finding_count, 1);
  ck_assert(str_is(answer->why, "apart from that, it would fit on a"));
}
END_TEST

START_TEST(what_cannot_be_counted_is_no_guess) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, NODE("a", "nvidia.com/gpu: 4")
                         POD("p", "", "nvidia.com/gpu: 1, nvidia.com/mig-1g.10gb: 1"));
  const struct explain_answer *answer = asked_about(&asked, "p");
  ck_assert_int_eq(answer->state, EXPLAIN_UNKNOWN);
  ck_assert(!answer->is_judged);
  ck_assert_uint_eq(answer->change_count, 0);
}
END_TEST

static const struct explain_group *find_unknown(const struct explain_answer *answer) {
  for (size_t i = 0; i < answer->group_count; i++)
    if (answer->groups[i].rank == EXPLAIN_UNREADABLE)
      return &answer->groups[i];
  ck_abort_msg("everything is known");
  return NULL;
}

/* What a driver lists (ResourceSlices) goes by names that allocatable does not have. */
START_TEST(devices_of_a_driver_are_not_known) {
  static const char *const names[] = {"gpu", "slice", "amd"};
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked,
             NODE("a", "cpu: 4") NODE("b", "cpu: 4") NODE("c", "nvidia.com/gpu: 0")
                 POD("gpu", "", "nvidia.com/gpu: 1") POD("slice", "", "nvidia.com/mig-1g.10gb: 1")
                     POD("amd", "", "amd.com/gpu: 1"));
  explain_scene_free(asked.scene);
  struct node nodes[3];
  struct err err = {0};
  memcpy(nodes, asked.cluster.nodes, sizeof(nodes));
  nodes[0].has_dra = true;
  asked.cluster.nodes = nodes;
  asked.scene = explain_scene_new(&asked.cluster, products_builtin(), &err);
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++) {
    const struct explain_answer *answer = asked_about(&asked, names[i]);
    ck_assert_uint_eq(answer->fit_count, 0);
    ck_assert_uint_eq(answer->unreadable_count, 1);
    ck_assert_msg(!answer->is_never, "%s", names[i]);
    const struct explain_group *group = find_unknown(answer);
    ck_assert(str_is(group->reason, "not known: devices that a DRA driver lists (ResourceSlices)"));
  }
}
END_TEST

START_TEST(hamis_cards_are_said_to_be_its_own) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, "kind: Node\nmetadata: {name: a, annotations: {hami.io/node-nvidia-register: "
                     "'GPU-1,10,32768,100,NVIDIA-T4,0,true:'}}\n"
                     "status: {allocatable: {nvidia.com/gpu: 80}}\n---\n" POD("p", "",
                                                                              "nvidia.com/gpu: 1"));
  const struct explain_group *group = find_unknown(asked_about(&asked, "p"));
  ck_assert(str_is(group->reason, "not known: GPUs that HAMi's scheduler hands out"));
}
END_TEST

START_TEST(cards_are_closed_with_the_extenders_reasons) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, NODE("a", "slicegate.dev/gpu-milli: 2000") CARD_POD("x", "a", "0", "600")
                         CARD_POD("y", "a", "1", "600") NODE("b", "slicegate.dev/gpu-milli: 1000")
                             CARD_POD("z", "b", "0", "600") NODE("c", "nvidia.com/gpu: 4")
                                 POD("p", "", "slicegate.dev/gpu-milli: 700")
                                     POD("q", "", "slicegate.dev/gpu-milli: 300"));
  const struct explain_answer *answer = asked_about(&asked, "p");
  ck_assert_uint_eq(answer->group_count, 3);
  ck_assert(str_is(answer->groups[0].reason, "Insufficient slicegate.dev/gpu-milli"));
  ck_assert(str_is(answer->groups[1].reason,
                   "slicegate.dev/gpu-milli left only in pieces on several GPUs"));
  ck_assert_int_eq(answer->groups[1].devices_left, 800);
  ck_assert(str_is(answer->groups[2].reason, "no slicegate.dev/gpu-milli"));
  ck_assert_uint_eq(asked_about(&asked, "q")->fit_count, 2);
}
END_TEST

/* By its plugin's annotation, by the kubelet, by nobody. */
START_TEST(devices_that_a_placed_pod_has) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, NODE("a", "slicegate.dev/gpu-milli: 2000") CARD_POD("card", "a", "1", "600")
                         NODE("b", "nvidia.com/gpu: 5") POD("first", ON("b"), "nvidia.com/gpu: 1")
                             POD("two", ON("b"), "nvidia.com/gpu: 2") POD("none", ON("b"), "cpu: 1")
                                 POD("wide", ON("b"), "nvidia.com/gpu: 2") //
             "kind: Pod\nmetadata: {name: said, namespace: ml}\nspec: {nodeName: b, containers: "
             "[{name: m, resources: {limits: {nvidia.com/gpu: 1}}}]}\n"
             "status: {containerStatuses: [{name: m, allocatedResourcesStatus: [{name: "
             "nvidia.com/gpu, resources: [{resourceID: GPU-7}]}]}]}\n");
  const struct explain_answer *answer = asked_about(&asked, "card");
  ck_assert(answer->device_count == 1 && !answer->are_devices_predicted);
  ck_assert_int_eq(answer->devices[0].index, 1);
  answer = asked_about(&asked, "said");
  ck_assert(answer->device_count == 1 && !answer->are_devices_predicted);
  ck_assert(str_is(answer->devices[0].id, "GPU-7") && answer->devices[0].index == -1);
  answer = asked_about(&asked, "two");
  ck_assert(answer->device_count == 2 && answer->are_devices_predicted);
  ck_assert(answer->devices[0].index >= 0 && answer->devices[0].id.len == 0);
  ck_assert_int_ne(answer->devices[0].index, answer->devices[1].index);
  ck_assert_uint_eq(asked_about(&asked, "wide")->device_count, 0); /* more than there are */
  ck_assert_uint_eq(asked_about(&asked, "none")->device_count, 0);
}
END_TEST

/* A question leaves no trace in the scene. */
START_TEST(questions_do_not_depend_on_each_other) {
  CLEANUP_ASKED struct asked asked;
  asked_init(&asked, NODE("a", "cpu: 4, nvidia.com/gpu: 1") POD("p", "", "example.com/x: 1")
                         POD("q", "", "amd.com/gpu: 1") POD("r", "", "nvidia.com/gpu: 1"));
  for (int i = 0; i < 3; i++) {
    ck_assert_uint_eq(asked_about(&asked, "p")->fit_count, 0);
    ck_assert_uint_eq(asked_about(&asked, "q")->fit_count, 0);
    ck_assert_uint_eq(asked_about(&asked, "r")->fit_count, 1);
  }
}
END_TEST

TCase *tcase_answer(void) {
  TCase *tcase = tcase_create("answer");
  tcase_add_loop_test(tcase, answers_are_as_they_should, 0, (int)SG_ARRAY_LEN(rows));
  tcase_add_test(tcase, changes_can_be_limited);
  tcase_add_test(tcase, a_verdict_that_denies_is_a_refusal);
  tcase_add_test(tcase, what_cannot_be_counted_is_no_guess);
  tcase_add_test(tcase, devices_of_a_driver_are_not_known);
  tcase_add_test(tcase, hamis_cards_are_said_to_be_its_own);
  tcase_add_test(tcase, cards_are_closed_with_the_extenders_reasons);
  tcase_add_test(tcase, devices_that_a_placed_pod_has);
  tcase_add_test(tcase, questions_do_not_depend_on_each_other);
  return tcase;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/packing.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <stdlib.h>

TCase *tcase_commit(void);

#define GIB ((int64_t)1 << 30)

/* Node 0: devices 0, 1 T4, 2 H100 in MIG mode, 3 L4 in 10 replicas, 4 an L4 as a whole, 5 a
 * second H100 in MIG mode. Node 1: nothing. */
enum { T4_FIRST, T4_SECOND, MIG_FIRST, SHARED, L4_WHOLE, MIG_SECOND, DEVICES };

static void bed_init(struct lab *lab) {
  lab_init(lab, 1);
  struct lab_node node = {.name = "a",
                          .spec = {.cpu_milli = 16000,
                                   .mem_bytes = 64 * GIB,
                                   .pods_max = 8,
                                   .traits = 1,
                                   .device_count = DEVICES},
                          .devices = {[T4_FIRST] = {PACK_MODE_WHOLE, LAB_T4, PACK_MILLI, 0, 0},
                                      [T4_SECOND] = {PACK_MODE_WHOLE, LAB_T4, PACK_MILLI, 0, 0},
                                      [MIG_FIRST] = {PACK_MODE_MIG, LAB_H100, 8, 0, 0},
                                      [SHARED] = {PACK_MODE_SHARED, LAB_L4, 10, 0, 0},
                                      [L4_WHOLE] = {PACK_MODE_WHOLE, LAB_L4, PACK_MILLI, 0, 0},
                                      [MIG_SECOND] = {PACK_MODE_MIG, LAB_H100, 8, 0, 0}}};
  lab_set_node(lab->cluster, &node);
  struct lab_node bare = {.name = "b", .spec = {.cpu_milli = 16000, .mem_bytes = 64 * GIB}};
  lab_set_node(lab->cluster, &bare);
}

static uint16_t profile_of(const struct lab *lab, const char *name) {
  return pack_catalog_find_profile(lab->catalog, str_of(name));
}

static struct pack_request slices(const struct lab *lab, uint16_t count, const char *profile) {
  return pack_request_of(1000, GIB, PACK_SLICES, count, profile_of(lab, profile));
}

/* Of as many units as are given: {device, start}. */
static struct pack_placement place(const struct pack_request *request, size_t count,
                                   const uint8_t (*units)[2]) {
  const struct pack_form *form = &request->forms[0];
  struct pack_placement placement = {.unit_count = (uint8_t)count};
  for (size_t i = 0; i < count; i++)
    placement.units[i] = (struct pack_unit){
        units[i][0], units[i][1], form->kind == PACK_WHOLE ? (uint16_t)PACK_MILLI : form->amount};
  return placement;
}
#define AT(...)                                                                                    \
  SG_ARRAY_LEN(((const uint8_t[][2]){__VA_ARGS__})), (const uint8_t[][2]) {                        \
    __VA_ARGS__                                                                                    \
  }

static bool commit(struct lab *lab, const struct pack_request *request, size_t count,
                   const uint8_t (*units)[2]) {
  struct pack_placement placement = place(request, count, units);
  return pack_commit(lab->cluster, ++lab->uid, request, &placement);
}

static const struct pack_node *first(const struct lab *lab) {
  return pack_cluster_node(lab->cluster, 0);
}

static void check_pod(const struct lab *lab, size_t index, const struct pack_request *request,
                      size_t units) {
  const struct pack_pod *pod = &first(lab)->pods[index];
  ck_assert_int_eq(pod->cpu_milli, request->cpu_milli);
  ck_assert_int_eq(pod->mem_bytes, request->mem_bytes);
  ck_assert_mem_eq(&pod->form, &request->forms[0], sizeof(pod->form));
  ck_assert_uint_eq(pod->unit_count, units);
}

/* ---- every kind ------------------------------------------------------------------------------ */

START_TEST(cpu_takes_no_device) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request request = pack_request_of(3000, 5 * GIB, PACK_CPU, 0, 0);
  request.needs = 1;
  struct pack_placement placement = {0};
  ck_assert(pack_commit(lab.cluster, 77, &request, &placement));
  ck_assert_int_eq(first(&lab)->cpu_left, 13000);
  ck_assert_int_eq(first(&lab)->mem_left, 59 * GIB);
  check_pod(&lab, 0, &request, 0);
  ck_assert_uint_eq(first(&lab)->pods[0].uid, 77);
  ck_assert_uint_eq(first(&lab)->pods[0].needs, 1);
  ck_assert_uint_eq(pack_cluster_totals(lab.cluster)->pods, 1);
}
END_TEST

START_TEST(whole_gpus_are_taken_as_a_whole) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request request = pack_request_of(1000, GIB, PACK_WHOLE, 2, 0);
  ck_assert(commit(&lab, &request, AT({L4_WHOLE, 0}, {T4_FIRST, 0})));
  ck_assert_uint_eq(first(&lab)->devices[L4_WHOLE].left, 0);
  ck_assert_uint_eq(first(&lab)->devices[T4_FIRST].left, 0);
  ck_assert_uint_eq(first(&lab)->devices[T4_SECOND].left, PACK_MILLI);
  ck_assert_uint_eq(first(&lab)->idle, 1);
  check_pod(&lab, 0, &request, 2);
  ck_assert_int_eq(pack_cluster_totals(lab.cluster)->modes[PACK_MODE_WHOLE].milli_left, 1000);
}
END_TEST

START_TEST(fractions_share_a_gpu) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request large = pack_request_of(0, 0, PACK_FRACTION, 1, 700);
  struct pack_request small = pack_request_of(0, 0, PACK_FRACTION, 1, 300);
  ck_assert(commit(&lab, &large, AT({T4_SECOND, 0})));
  ck_assert(commit(&lab, &small, AT({T4_SECOND, 0})));
  ck_assert_uint_eq(first(&lab)->devices[T4_SECOND].left, 0);
  ck_assert(!commit(&lab, &small, AT({T4_SECOND, 0})));
  ck_assert(pack_release(lab.cluster, 0, 1));
  ck_assert_uint_eq(first(&lab)->devices[T4_SECOND].left, 700);
  ck_assert(commit(&lab, &small, AT({T4_SECOND, 0})));
}
END_TEST

START_TEST(instances_take_windows) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  const struct pack_mig *mig = pack_catalog_mig(lab.catalog, LAB_H100);
  struct pack_request two = slices(&lab, 2, "2g.20gb"), half = slices(&lab, 1, "3g.40gb");
  ck_assert(commit(&lab, &two, AT({MIG_FIRST, 2}, {MIG_SECOND, 4})));
  ck_assert(commit(&lab, &half, AT({MIG_FIRST, 4})));
  const struct pack_device *devices = first(&lab)->devices;
  ck_assert_uint_eq(mig->occupied[devices[MIG_FIRST].layout], 0xfc);
  ck_assert_uint_eq(mig->occupied[devices[MIG_SECOND].layout], 0x30);
  ck_assert_uint_eq(devices[MIG_FIRST].left, 2);
  ck_assert_uint_eq(devices[MIG_SECOND].left, 6);
  ck_assert_int_eq(pack_cluster_totals(lab.cluster)->modes[PACK_MODE_MIG].milli_left, 250 + 750);
  ck_assert(pack_release(lab.cluster, 0, 1));
  ck_assert_uint_eq(mig->occupied[first(&lab)->devices[MIG_FIRST].layout], 0xf0);
  ck_assert_uint_eq(first(&lab)->devices[MIG_SECOND].layout, 0);
}
END_TEST

START_TEST(replicas_are_of_one_gpu) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request share = pack_request_of(0, 0, PACK_REPLICAS, 1, 4);
  ck_assert(commit(&lab, &share, AT({SHARED, 0})));
  ck_assert_uint_eq(first(&lab)->devices[SHARED].left, 6);
  /* Not by two halves either. */
  struct pack_placement halves = {.unit_count = 2, .units = {{SHARED, 0, 2}, {SHARED, 0, 2}}};
  ck_assert(!pack_commit(lab.cluster, 50, &share, &halves));
}
END_TEST

/* ---- what is refused changes nothing --------------------------------------------------------- */

static void check_refused(struct lab *lab, uint64_t uid, const struct pack_request *request,
                          const struct pack_placement *placement) {
  const struct pack_node *before[] = {pack_cluster_node(lab->cluster, 0),
                                      pack_cluster_node(lab->cluster, 1)};
  int64_t left = pack_cluster_totals(lab->cluster)->milli_left;
  struct pack_undo undo;
  ck_assert(!pack_try(lab->cluster, uid, request, placement, &undo));
  ck_assert(!pack_commit(lab->cluster, uid, request, placement));
  ck_assert_ptr_eq(pack_cluster_node(lab->cluster, 0), before[0]);
  ck_assert_ptr_eq(pack_cluster_node(lab->cluster, 1), before[1]);
  ck_assert_int_eq(pack_cluster_totals(lab->cluster)->milli_left, left);
}

static void check_units_refused(struct lab *lab, const struct pack_request *request, size_t count,
                                const uint8_t (*units)[2]) {
  struct pack_placement placement = place(request, count, units);
  check_refused(lab, 1000, request, &placement);
}

START_TEST(hosts_refuse) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request request = pack_request_of(16000, 64 * GIB, PACK_WHOLE, 1, 0);
  struct pack_placement placement = place(&request, AT({T4_FIRST, 0}));
  struct pack_placement nowhere = placement, of_no_form = placement, elsewhere = placement;
  nowhere.node = 2;
  of_no_form.form = 1;
  elsewhere.node = 1;
  check_refused(&lab, 1, &request, &nowhere);
  check_refused(&lab, 1, &request, &of_no_form);
  check_refused(&lab, 1, &request, &elsewhere);
  struct pack_request wrong = request;
  wrong.cpu_milli++;
  check_refused(&lab, 1, &wrong, &placement);
  wrong = request;
  wrong.mem_bytes++;
  check_refused(&lab, 1, &wrong, &placement);
  wrong = request;
  wrong.needs = 2;
  check_refused(&lab, 1, &wrong, &placement);
  wrong = request;
  wrong.shuns = 1;
  check_refused(&lab, 1, &wrong, &placement);
  ck_assert(pack_commit(lab.cluster, 1, &request, &placement));
  struct pack_request nothing = pack_request_of(0, 0, PACK_CPU, 0, 0);
  struct pack_placement bare = {0};
  check_refused(&lab, 1, &nothing, &bare); /* the uid is there */
  for (uint64_t uid = 2; uid <= 8; uid++)
    ck_assert(pack_commit(lab.cluster, uid, &nothing, &bare));
  check_refused(&lab, 9, &nothing, &bare); /* the limit of pods */
}
END_TEST

START_TEST(devices_refuse) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request whole = pack_request_of(0, 0, PACK_WHOLE, 2, 0);
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}));                /* too few */
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}, {T4_FIRST, 0})); /* one twice */
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}, {T4_SECOND, 0}, {L4_WHOLE, 0}));
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}, {SHARED, 0}));
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}, {MIG_FIRST, 0}));
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}, {DEVICES, 0}));
  whole.products = 1 << LAB_T4;
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}, {L4_WHOLE, 0}));
  struct pack_request part = pack_request_of(0, 0, PACK_FRACTION, 1, 600);
  ck_assert(commit(&lab, &part, AT({T4_FIRST, 0})));
  check_units_refused(&lab, &part, AT({T4_FIRST, 0}));
  check_units_refused(&lab, &whole, AT({T4_FIRST, 0}, {T4_SECOND, 0}));
  struct pack_placement cheap = {.unit_count = 1, .units = {{T4_SECOND, 0, 1}}};
  check_refused(&lab, 1000, &part, &cheap); /* less than it asks for */
  struct pack_request share = pack_request_of(0, 0, PACK_REPLICAS, 1, 11);
  check_units_refused(&lab, &share, AT({SHARED, 0}));
  share.forms[0].amount = 1;
  check_units_refused(&lab, &share, AT({T4_SECOND, 0}));
  struct pack_request cpu = pack_request_of(0, 0, PACK_CPU, 0, 0);
  check_units_refused(&lab, &cpu, AT({T4_SECOND, 0}));
}
END_TEST

START_TEST(layouts_refuse) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request one = slices(&lab, 1, "1g.10gb"), two = slices(&lab, 1, "2g.20gb");
  struct pack_request several = slices(&lab, 2, "2g.20gb");
  check_units_refused(&lab, &one, AT({MIG_FIRST, 7})); /* no compute slice goes with it */
  check_units_refused(&lab, &two, AT({MIG_FIRST, 1}));
  check_units_refused(&lab, &two, AT({MIG_FIRST, 6}));
  check_units_refused(&lab, &two, AT({MIG_FIRST, 200}));
  check_units_refused(&lab, &several, AT({MIG_FIRST, 2}, {MIG_FIRST, 2}));
  ck_assert(commit(&lab, &one, AT({MIG_FIRST, 3})));
  check_units_refused(&lab, &two, AT({MIG_FIRST, 2}));
  struct pack_request foreign = slices(&lab, 1, "1g.6gb");
  check_units_refused(&lab, &foreign, AT({MIG_FIRST, 0}));
  struct pack_placement other = {.unit_count = 1, .units = {{MIG_FIRST, 0, two.forms[0].amount}}};
  check_refused(&lab, 1000, &one, &other); /* another profile than it asks for */
}
END_TEST

START_TEST(an_engine_is_given_once) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request engine = slices(&lab, 1, "1g.10gb+me"), both = slices(&lab, 2, "1g.10gb+me");
  check_units_refused(&lab, &both, AT({MIG_FIRST, 0}, {MIG_FIRST, 1}));
  ck_assert(commit(&lab, &engine, AT({MIG_FIRST, 0})));
  check_units_refused(&lab, &engine, AT({MIG_FIRST, 1}));
  ck_assert(commit(&lab, &engine, AT({MIG_SECOND, 6})));
  ck_assert(pack_release(lab.cluster, 0, 1));
  ck_assert(commit(&lab, &engine, AT({MIG_FIRST, 5})));
}
END_TEST

START_TEST(sixty_four_units_are_the_most) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = {.name = "n", .spec = {.device_count = 10}};
  for (size_t d = 0; d < node.spec.device_count; d++)
    node.devices[d] = (struct pack_device){PACK_MODE_MIG, LAB_H100, 8, 0, 0};
  lab_set_node(lab.cluster, &node);
  struct pack_request most = slices(&lab, PACK_UNITS_MAX, "1g.10gb");
  struct pack_request more = slices(&lab, PACK_UNITS_MAX + 1, "1g.10gb");
  most.cpu_milli = more.cpu_milli = most.mem_bytes = more.mem_bytes = 0;
  ck_assert_int_ne(pack_fit(lab.catalog, first(&lab), &more), PACK_FITS);
  size_t count;
  const struct pack_policy *const *policies = pack_policies(&count);
  for (size_t i = 0; i < count; i++) {
    struct pack_scorer *scorer = pack_scorer_new(policies[i], lab.catalog, 1);
    ck_assert(!lab_place(&lab, scorer, &more));
    ck_assert(lab_place(&lab, scorer, &most));
    ck_assert_uint_eq(first(&lab)->unit_count, PACK_UNITS_MAX);
    ck_assert(pack_release(lab.cluster, 0, lab.uid));
    pack_scorer_free(scorer);
  }
  struct pack_placement beyond = {.unit_count = PACK_UNITS_MAX + 1};
  struct pack_undo undo;
  ck_assert(!pack_try(lab.cluster, 1, &more, &beyond, &undo));
  ck_assert(pack_observe(lab.cluster, 0, 1, &more, &beyond));
  ck_assert_uint_le(first(&lab)->unit_count, PACK_UNITS_MAX);
}
END_TEST

/* ---- release --------------------------------------------------------------------------------- */

START_TEST(release_takes_one_pod_from_among_others) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_device empty[DEVICES];
  memcpy(empty, first(&lab)->devices, sizeof(empty));
  struct pack_request two = slices(&lab, 2, "1g.10gb"), cpu = pack_request_of(1, 1, PACK_CPU, 0, 0);
  struct pack_request part = pack_request_of(0, 0, PACK_FRACTION, 1, 600);
  ck_assert(commit(&lab, &two, AT({MIG_FIRST, 0}, {MIG_SECOND, 1})));
  ck_assert(commit(&lab, &cpu, 0, NULL));
  ck_assert(commit(&lab, &two, AT({MIG_FIRST, 1}, {MIG_SECOND, 2})));
  ck_assert(commit(&lab, &part, AT({T4_FIRST, 0})));
  ck_assert(pack_release(lab.cluster, 0, 1));
  const struct pack_node *node = first(&lab);
  ck_assert_uint_eq(node->pod_count, 3);
  ck_assert_uint_eq(node->unit_count, 3);
  ck_assert_uint_eq(node->pods[0].uid, 2);
  ck_assert_uint_eq(node->pods[1].uid, 3);
  const struct pack_unit *units = node->units + node->pods[1].unit_first;
  ck_assert_uint_eq(units[0].start, 1);
  ck_assert_uint_eq(units[1].device, MIG_SECOND);
  ck_assert_uint_eq(node->units[node->pods[2].unit_first].amount, 600);
  ck_assert(!pack_release(lab.cluster, 0, 1));
  ck_assert(!pack_release(lab.cluster, 1, 2));
  ck_assert(!pack_release(lab.cluster, 2, 2));
  ck_assert(pack_release(lab.cluster, 0, 4));
  ck_assert(pack_release(lab.cluster, 0, 3));
  ck_assert(pack_release(lab.cluster, 0, 2));
  ck_assert_mem_eq(first(&lab)->devices, empty, sizeof(empty));
  ck_assert_int_eq(first(&lab)->cpu_left, 16000);
  ck_assert_int_eq(first(&lab)->mem_left, 64 * GIB);
}
END_TEST

/* ---- on trial -------------------------------------------------------------------------------- */

START_TEST(undo_restores_the_very_same_value) {
  enum { DEEP = 12, ROUNDS = 60 };
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  lab_add_nodes(&lab, LAB_ANY, 4);
  struct pack_scorer *scorer = pack_scorer_new(pack_policy_find(STR_LIT("random")), lab.catalog, 1);
  for (int round = 0; round < ROUNDS; round++) {
    struct pack_undo undos[DEEP];
    struct {
      const struct pack_node *nodes[4];
      struct pack_totals totals;
      uint64_t bytes[4]; /* what a change would show in */
    } before[DEEP];
    size_t depth = 0;
    for (int i = 0; i < 2 * DEEP && depth < DEEP; i++) {
      for (size_t n = 0; n < 4; n++) {
        before[depth].nodes[n] = pack_cluster_node(lab.cluster, n);
        before[depth].bytes[n] = before[depth].nodes[n]->likeness;
      }
      before[depth].totals = *pack_cluster_totals(lab.cluster);
      struct pack_request request = lab_request(&lab);
      struct pack_choice choice;
      size_t index = random_below(&lab.random, 4);
      const struct pack_node *node = pack_cluster_node(lab.cluster, index);
      if (random_one_in(&lab.random, 4) && node->pod_count)
        depth += pack_try_release(lab.cluster, index, node->pods[0].uid, &undos[depth]);
      else if (pack_choose(scorer, lab.cluster, &request, &choice, 1))
        depth += pack_try(lab.cluster, ++lab.uid, &request, &choice.placement, &undos[depth]);
    }
    while (depth > 0) {
      pack_undo(lab.cluster, &undos[--depth]);
      for (size_t n = 0; n < 4; n++) {
        ck_assert_ptr_eq(pack_cluster_node(lab.cluster, n), before[depth].nodes[n]);
        ck_assert_uint_eq(pack_cluster_node(lab.cluster, n)->likeness, before[depth].bytes[n]);
      }
      const struct pack_totals *totals = pack_cluster_totals(lab.cluster);
      ck_assert_int_eq(totals->milli_left, before[depth].totals.milli_left);
      ck_assert_int_eq(totals->modes[PACK_MODE_WHOLE].milli_left,
                       before[depth].totals.modes[PACK_MODE_WHOLE].milli_left);
      ck_assert_int_eq(totals->modes[PACK_MODE_MIG].milli_left,
                       before[depth].totals.modes[PACK_MODE_MIG].milli_left);
      ck_assert_uint_eq(totals->pods, before[depth].totals.pods);
    }
    struct pack_request request = lab_request(&lab);
    (void)lab_place(&lab, scorer, &request);
  }
  pack_scorer_free(scorer);
}
END_TEST

START_TEST(what_is_kept_stays) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request cpu = pack_request_of(1000, GIB, PACK_CPU, 0, 0);
  struct pack_placement placement = {0};
  struct pack_undo undo;
  ck_assert(pack_try(lab.cluster, 1, &cpu, &placement, &undo));
  ck_assert_int_eq(undo.before->cpu_left, 16000);
  pack_keep(&undo);
  ck_assert_int_eq(first(&lab)->cpu_left, 15000);
  ck_assert(!pack_try_release(lab.cluster, 0, 2, &undo));
  ck_assert(!pack_try_release(lab.cluster, 9, 1, &undo));
  ck_assert(pack_try_release(lab.cluster, 0, 1, &undo));
  ck_assert_uint_eq(first(&lab)->pod_count, 0);
  pack_undo(lab.cluster, &undo);
  ck_assert_uint_eq(first(&lab)->pod_count, 1);
}
END_TEST

/* ---- what was seen running ------------------------------------------------------------------- */

START_TEST(excess_is_recorded) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request large = pack_request_of(20000, 100 * GIB, PACK_WHOLE, 1, 0);
  large.needs = 64; /* not even that is asked */
  struct pack_placement placement = place(&large, AT({T4_FIRST, 0}));
  ck_assert(pack_observe(lab.cluster, 0, 1, &large, &placement));
  ck_assert(!pack_observe(lab.cluster, 0, 1, &large, &placement)); /* it is there */
  ck_assert(!pack_observe(lab.cluster, 2, 2, &large, &placement));
  ck_assert_int_eq(first(&lab)->cpu_left, -4000);
  ck_assert_int_eq(first(&lab)->mem_left, -36 * GIB);
  ck_assert_uint_eq(first(&lab)->devices[T4_FIRST].left, 0);
  /* The same GPU once more: the pod is recorded, its unit is not. */
  ck_assert(pack_observe(lab.cluster, 0, 2, &large, &placement));
  ck_assert_uint_eq(first(&lab)->pods[1].unit_count, 0);
  ck_assert_uint_eq(first(&lab)->devices[T4_FIRST].left, 0);
  ck_assert(pack_release(lab.cluster, 0, 2));
  ck_assert_uint_eq(first(&lab)->devices[T4_FIRST].left, 0);
  ck_assert(pack_release(lab.cluster, 0, 1));
  ck_assert_uint_eq(first(&lab)->devices[T4_FIRST].left, PACK_MILLI);
  ck_assert_int_eq(first(&lab)->cpu_left, 16000);
}
END_TEST

START_TEST(what_was_seen_without_a_place_is_placed_plainly) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request one = slices(&lab, 1, "1g.10gb");
  ck_assert(pack_observe(lab.cluster, 0, 1, &one, NULL));
  ck_assert(pack_observe(lab.cluster, 0, 2, &one, NULL));
  const struct pack_node *node = first(&lab);
  ck_assert_uint_eq(node->units[0].device, MIG_FIRST);
  ck_assert_uint_eq(node->units[0].start, 0);
  ck_assert_uint_eq(node->units[1].start, 1);
  struct pack_request whole = pack_request_of(0, 0, PACK_WHOLE, 4, 0); /* there are three */
  ck_assert(pack_observe(lab.cluster, 0, 3, &whole, NULL));
  ck_assert_uint_eq(first(&lab)->pods[2].unit_count, 0);
  /* The second form fits. */
  struct pack_request either = whole;
  either.form_count = 2;
  either.forms[1] = (struct pack_form){.kind = PACK_REPLICAS, .count = 1, .amount = 3};
  ck_assert(pack_observe(lab.cluster, 0, 4, &either, NULL));
  ck_assert_int_eq(first(&lab)->pods[3].form.kind, PACK_REPLICAS);
  ck_assert_uint_eq(first(&lab)->devices[SHARED].left, 7);
}
END_TEST

/* ---- counting nodes -------------------------------------------------------------------------- */

START_TEST(counts_decide_and_units_are_guesses) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = {.name = "n",
                          .spec = {.cpu_milli = 16000, .device_count = 2, .counter_count = 2},
                          .devices = {{PACK_MODE_WHOLE, LAB_T4, PACK_MILLI, 0, 0},
                                      {PACK_MODE_WHOLE, LAB_T4, PACK_MILLI, 0, 0}},
                          .counters = {{.kind = PACK_WHOLE, .name = 3, .total = 3},
                                       {.kind = PACK_REPLICAS, .total = 10}}};
  lab_set_node(lab.cluster, &node);
  struct pack_request whole = pack_request_of(0, 0, PACK_WHOLE, 2, 0);
  struct pack_placement placement = place(&whole, AT({0, 0}, {0, 0}));
  ck_assert(!pack_commit(lab.cluster, 1, &whole, &placement)); /* of no such name */
  whole.forms[0].name = 3;
  ck_assert(pack_commit(lab.cluster, 1, &whole, &placement));
  ck_assert_int_eq(first(&lab)->counters[0].left, 1);
  ck_assert_uint_eq(first(&lab)->pods[0].unit_count, 1); /* the second one contradicted */
  ck_assert(!pack_commit(lab.cluster, 2, &whole, &placement));
  whole.forms[0].count = 1;
  placement.unit_count = 1;
  ck_assert(pack_commit(lab.cluster, 2, &whole, &placement));
  ck_assert_uint_eq(first(&lab)->pods[1].unit_count, 0);
  ck_assert_int_eq(first(&lab)->counters[0].left, 0);
  ck_assert(pack_observe(lab.cluster, 0, 3, &whole, NULL));
  ck_assert_int_eq(first(&lab)->counters[0].left, -1);
  ck_assert(pack_release(lab.cluster, 0, 1));
  ck_assert_int_eq(first(&lab)->counters[0].left, 1);
  ck_assert(pack_release(lab.cluster, 0, 2));
  ck_assert(pack_release(lab.cluster, 0, 3));
  ck_assert_int_eq(first(&lab)->counters[0].left, 3);
  ck_assert_uint_eq(first(&lab)->idle, 2);
  struct pack_request share = pack_request_of(0, 0, PACK_REPLICAS, 1, 11);
  placement = place(&share, AT({0, 0}));
  ck_assert(!pack_commit(lab.cluster, 4, &share, &placement));
  share.forms[0].amount = 10;
  placement = place(&share, AT({0, 0})); /* a guess that cannot be */
  ck_assert(pack_commit(lab.cluster, 4, &share, &placement));
  ck_assert_int_eq(first(&lab)->counters[1].left, 0);
  ck_assert_uint_eq(first(&lab)->devices[0].left, PACK_MILLI);
}
END_TEST

/* NVIDIA's plugin spreads replicas over the GPUs of a node, whatever anybody would like better. */
START_TEST(replicas_that_a_plugin_counts_are_spread) {
  static const uint8_t spread[] = {0, 1, 0, 1};
  size_t count;
  const struct pack_policy *const *policies = pack_policies(&count);
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = {
      .name = "n",
      .spec = {.cpu_milli = 16000, .device_count = 2, .counter_count = 1},
      .devices = {{PACK_MODE_SHARED, LAB_L4, 4, 0, 0}, {PACK_MODE_SHARED, LAB_L4, 4, 0, 0}},
      .counters = {{.kind = PACK_REPLICAS, .total = 8}}};
  lab_set_node(lab.cluster, &node);
  struct pack_request share = pack_request_of(0, 0, PACK_REPLICAS, 1, 1);
  for (size_t i = 0; i < SG_ARRAY_LEN(spread); i++) {
    for (size_t p = 0; p < count; p++) {
      struct pack_scorer *scorer = pack_scorer_new(policies[p], lab.catalog, 1);
      struct pack_choice choice;
      ck_assert_uint_eq(pack_choose(scorer, lab.cluster, &share, &choice, 1), 1);
      ck_assert_uint_eq(choice.placement.unit_count, 1);
      ck_assert_msg(choice.placement.units[0].device == spread[i], "%s, pod %zu",
                    pack_policy_name(policies[p]), i);
      pack_scorer_free(scorer);
    }
    ck_assert(pack_observe(lab.cluster, 0, i + 1, &share, NULL));
    ck_assert_uint_eq(first(&lab)->units[i].device, spread[i]);
  }
}
END_TEST

/* What fit, score and commit read of a fraction is its amount: a count is no second GPU. */
START_TEST(parts_are_of_one_gpu_whatever_is_counted) {
  CLEANUP_LAB struct lab lab;
  bed_init(&lab);
  struct pack_request part = pack_request_of(0, 0, PACK_FRACTION, 2, 300);
  struct pack_request share = pack_request_of(0, 0, PACK_REPLICAS, 2, 3);
  check_units_refused(&lab, &part, AT({T4_FIRST, 0}, {T4_SECOND, 0}));
  check_units_refused(&lab, &share, AT({SHARED, 0}, {SHARED, 0}));
  ck_assert_int_eq(pack_fit(lab.catalog, first(&lab), &part), PACK_FITS);
  ck_assert(commit(&lab, &part, AT({T4_FIRST, 0})));
  ck_assert(commit(&lab, &share, AT({SHARED, 0})));
}
END_TEST

TCase *tcase_commit(void) {
  TCase *tc = tcase_create("commit");
  tcase_add_test(tc, cpu_takes_no_device);
  tcase_add_test(tc, whole_gpus_are_taken_as_a_whole);
  tcase_add_test(tc, fractions_share_a_gpu);
  tcase_add_test(tc, instances_take_windows);
  tcase_add_test(tc, replicas_are_of_one_gpu);
  tcase_add_test(tc, hosts_refuse);
  tcase_add_test(tc, devices_refuse);
  tcase_add_test(tc, layouts_refuse);
  tcase_add_test(tc, an_engine_is_given_once);
  tcase_add_test(tc, sixty_four_units_are_the_most);
  tcase_add_test(tc, release_takes_one_pod_from_among_others);
  tcase_add_test(tc, undo_restores_the_very_same_value);
  tcase_add_test(tc, what_is_kept_stays);
  tcase_add_test(tc, excess_is_recorded);
  tcase_add_test(tc, what_was_seen_without_a_place_is_placed_plainly);
  tcase_add_test(tc, counts_decide_and_units_are_guesses);
  tcase_add_test(tc, replicas_that_a_plugin_counts_are_spread);
  tcase_add_test(tc, parts_are_of_one_gpu_whatever_is_counted);
  return tc;
}

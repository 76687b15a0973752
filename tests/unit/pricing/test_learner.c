/* SPDX-License-Identifier: Apache-2.0 */
/* What the learner counts, when it says that tables are due, and what fades. */
#include "slicegate/pricing.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <math.h>

TCase *tcase_learner(void);

struct school {
  struct lab lab;
  struct pricing_learner *learner;
};

static void school_init(struct school *school) {
  /* Without MIG, whose tables take a while. */
  struct lab_node node = {.name = "n", .spec = {.cpu_milli = 64000, .device_count = 2}};
  for (size_t d = 0; d < node.spec.device_count; d++)
    node.devices[d] = (struct pack_device){PACK_MODE_WHOLE, LAB_T4, PACK_MILLI, 0, 0};
  lab_init(&school->lab, 1);
  lab_set_node(school->lab.cluster, &node);
  school->learner = pricing_learner_new(school->lab.catalog);
}

static void school_done(struct school *school) {
  pricing_learner_free(school->learner);
  lab_done(&school->lab);
}
#define CLEANUP_SCHOOL SG_CLEANUP(school_done)

static struct pack_tables_ref *tables_of(struct school *school) {
  return pricing_learner_tables(school->learner, school->lab.cluster);
}

static void unref(struct pack_tables_ref **tables) {
  pack_tables_unref(*tables);
}
#define CLEANUP_TABLES SG_CLEANUP(unref)

static void arrive(struct school *school, const struct pack_request *request, size_t times) {
  for (size_t i = 0; i < times; i++)
    pricing_learner_arrived(school->learner, request);
}

/* The share of a class in the mix; 0: it is not in it. */
static double share_of(const struct pack_tables_ref *ref, const struct pack_request *request) {
  const struct pack_tables *tables = pack_tables_get(ref);
  for (size_t i = 0; i < tables->class_count; i++)
    if (memcmp(&tables->classes[i].request, request, sizeof(*request)) == 0)
      return (double)tables->classes[i].weight / (1 << 20);
  return 0;
}

static void make_tables(struct school *school) {
  pack_tables_unref(tables_of(school));
}

static const int64_t gib = (int64_t)1 << 30;

static struct pack_request part(uint16_t milli) {
  return pack_request_of(4000, 8 * gib, PACK_FRACTION, 1, milli);
}

/* ---- counting -------------------------------------------------------------------------------- */

START_TEST(an_empty_history_works) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  pricing_learner_history(school.learner, NULL, NULL, 0);
  ck_assert(pricing_learner_is_due(school.learner));
  CLEANUP_TABLES struct pack_tables_ref *ref = tables_of(&school);
  const struct pack_tables *tables = pack_tables_get(ref);
  ck_assert_uint_eq(tables->class_count, 0);
  ck_assert_uint_eq(tables->level_count, 0);
  ck_assert_uint_eq(tables->milli_per_pod, 0);
  ck_assert_int_eq(tables->cpu_per_gpu, 0);
  for (int r = 0; r <= PACK_MILLI; r++)
    ck_assert_int_eq(tables->prices[r], r * 1000);
  ck_assert(!pricing_learner_is_due(school.learner));
  struct pack_request request = part(500);
  arrive(&school, &request, 1);
  ck_assert(!pricing_learner_is_due(school.learner));
  arrive(&school, &request, 99);
  ck_assert(pricing_learner_is_due(school.learner));
}
END_TEST

START_TEST(a_history_of_nothing_works) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct pack_request requests[] = {part(100), part(200)};
  pricing_learner_history(school.learner, requests, (const uint32_t[]){0, 0}, 2);
  CLEANUP_TABLES struct pack_tables_ref *ref = tables_of(&school);
  ck_assert_int_eq(pack_tables_get(ref)->prices[PACK_MILLI], PACK_MICRO);
  ck_assert_uint_eq(pack_tables_get(ref)->milli_per_pod, 0);
  arrive(&school, &requests[0], 100);
  CLEANUP_TABLES struct pack_tables_ref *then = tables_of(&school);
  ck_assert_double_le(fabs(share_of(then, &requests[0]) - 1), 1e-5);
}
END_TEST

START_TEST(history_counts_as_a_thousand_pods) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct pack_request requests[] = {part(100), part(200), part(300)};
  pricing_learner_history(school.learner, requests, (const uint32_t[]){300000, 100000}, 2);
  CLEANUP_TABLES struct pack_tables_ref *first = tables_of(&school);
  ck_assert_double_le(fabs(share_of(first, &requests[0]) - 0.75), 1e-5);
  ck_assert_double_le(fabs(share_of(first, &requests[1]) - 0.25), 1e-5);
  arrive(&school, &requests[2], 3000);
  CLEANUP_TABLES struct pack_tables_ref *then = tables_of(&school);
  ck_assert_double_le(fabs(share_of(then, &requests[2]) - 0.75), 1e-5);
  ck_assert_double_le(fabs(share_of(then, &requests[0]) - 0.75 / 4), 1e-5);
}
END_TEST

START_TEST(long_ago_fades) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct pack_request old = part(100), recent = part(200);
  arrive(&school, &old, 200000);
  arrive(&school, &recent, 30000);
  CLEANUP_TABLES struct pack_tables_ref *ref = tables_of(&school);
  /* In plain counts 0.13. */
  ck_assert_double_gt(share_of(ref, &recent), 0.6);
  arrive(&school, &recent, 60000);
  CLEANUP_TABLES struct pack_tables_ref *then = tables_of(&school);
  ck_assert_double_gt(share_of(then, &recent), 0.95);
}
END_TEST

/* Every request another one, forever: who comes late is learnt as well. */
START_TEST(more_kinds_than_are_told_apart) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  for (int i = 0; i < 20000; i++) {
    struct pack_request request = pack_request_of(i, gib, PACK_FRACTION, 1, 100);
    arrive(&school, &request, 1);
  }
  struct pack_request late = part(900);
  arrive(&school, &late, 120000);
  CLEANUP_TABLES struct pack_tables_ref *ref = tables_of(&school);
  ck_assert_double_gt(share_of(ref, &late), 0.9);
}
END_TEST

START_TEST(the_same_arrivals_give_the_same_tables) {
  CLEANUP_SCHOOL struct school one, other;
  school_init(&one);
  school_init(&other);
  struct random random;
  random_init(&random, random_seed());
  struct pack_request requests[40];
  for (size_t i = 0; i < SG_ARRAY_LEN(requests); i++)
    requests[i] = lab_request(&one.lab);
  for (int i = 0; i < 2000; i++) {
    const struct pack_request *request = &requests[random_below(&random, SG_ARRAY_LEN(requests))];
    arrive(&one, request, 1);
    arrive(&other, request, 1);
  }
  CLEANUP_TABLES struct pack_tables_ref *a = tables_of(&one), *b = tables_of(&other);
  const struct pack_tables *x = pack_tables_get(a), *y = pack_tables_get(b);
  ck_assert_uint_eq(x->class_count, y->class_count);
  ck_assert_mem_eq(x->classes, y->classes, x->class_count * sizeof(*x->classes));
  ck_assert_mem_eq(x->prices, y->prices, sizeof(x->prices));
  ck_assert_uint_eq(x->level_count, y->level_count);
  for (size_t l = 0; l < x->level_count; l++) {
    ck_assert_uint_eq(x->levels[l].gpus, y->levels[l].gpus);
    ck_assert_uint_eq(x->levels[l].demand, y->levels[l].demand);
    ck_assert_int_eq(x->levels[l].cpu_milli, y->levels[l].cpu_milli);
  }
  ck_assert_int_eq(x->cpu_per_gpu, y->cpu_per_gpu);
  ck_assert_int_eq(x->mem_per_gpu, y->mem_per_gpu);
  ck_assert_uint_eq(x->milli_per_pod, y->milli_per_pod);
  ck_assert_uint_eq(x->waste_ppm, y->waste_ppm);
}
END_TEST

START_TEST(copies_learn_apart) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct pack_request a = part(100), b = part(200);
  arrive(&school, &a, 100);
  struct pricing_learner *copy = pricing_learner_copy(school.learner);
  arrive(&school, &b, 100);
  struct pack_tables_ref *of_copy = pricing_learner_tables(copy, school.lab.cluster);
  CLEANUP_TABLES struct pack_tables_ref *own = tables_of(&school);
  ck_assert_double_le(fabs(share_of(of_copy, &a) - 1), 1e-5);
  ck_assert_double_le(fabs(share_of(own, &a) - 0.5), 1e-5);
  pack_tables_unref(of_copy);
  for (int i = 0; i < 300; i++)
    pricing_learner_arrived(copy, &b);
  of_copy = pricing_learner_tables(copy, school.lab.cluster);
  ck_assert_double_le(fabs(share_of(of_copy, &b) - 0.75), 1e-5);
  pack_tables_unref(of_copy);
  pricing_learner_free(copy);
}
END_TEST

/* ---- when tables are due --------------------------------------------------------------------- */

START_TEST(due_at_stated_counts_when_the_mix_has_drifted) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct pack_request old = part(100), new = part(200);
  const uint32_t once = 1;
  pricing_learner_history(school.learner, &old, &once, 1);
  ck_assert(pricing_learner_is_due(school.learner)); /* there are none yet */
  make_tables(&school);
  for (size_t i = 1; i <= 7000; i++) {
    arrive(&school, &new, 1);
    bool is_due = pricing_learner_is_due(school.learner);
    /* 100 of 1100 are less than a tenth. */
    bool is_stated = i == 300 || i == 1000 || i == 3000 || i == 6000;
    ck_assert_msg(is_due == is_stated, "after %zu arrivals", i);
    if (is_due)
      make_tables(&school);
  }
}
END_TEST

START_TEST(not_due_while_the_mix_stays) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct pack_request requests[] = {part(100), part(200)};
  pricing_learner_history(school.learner, requests, (const uint32_t[]){1, 1}, 2);
  make_tables(&school);
  for (size_t i = 0; i < 7000; i++) {
    arrive(&school, &requests[i % 2], 1);
    ck_assert(!pricing_learner_is_due(school.learner));
  }
}
END_TEST

START_TEST(due_at_once_for_a_new_level) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct pack_request old = part(100), several = pack_request_of(8000, gib, PACK_WHOLE, 4, 0);
  const uint32_t once = 1;
  pricing_learner_history(school.learner, &old, &once, 1);
  make_tables(&school);
  struct pack_request one = pack_request_of(8000, gib, PACK_WHOLE, 1, 0);
  arrive(&school, &one, 1);
  ck_assert(!pricing_learner_is_due(school.learner));
  arrive(&school, &several, 1);
  ck_assert(pricing_learner_is_due(school.learner));
  CLEANUP_TABLES struct pack_tables_ref *ref = tables_of(&school);
  ck_assert_uint_eq(pack_tables_get(ref)->level_count, 1);
  ck_assert_uint_eq(pack_tables_get(ref)->levels[0].gpus, 4);
  ck_assert_int_eq(pack_tables_get(ref)->levels[0].cpu_milli, 8000);
  arrive(&school, &several, 1);
  ck_assert(!pricing_learner_is_due(school.learner));
  several.cpu_milli++;
  arrive(&school, &several, 1);
  ck_assert(pricing_learner_is_due(school.learner));
}
END_TEST

START_TEST(versions_count_up) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  for (uint32_t version = 1; version < 4; version++) {
    CLEANUP_TABLES struct pack_tables_ref *ref = tables_of(&school);
    ck_assert_uint_eq(pack_tables_get(ref)->version, version);
  }
}
END_TEST

/* ---- traffic --------------------------------------------------------------------------------- */

START_TEST(traffic_of_slices) {
  CLEANUP_SCHOOL struct school school;
  school_init(&school);
  struct lab_node node = {.name = "mig", .spec = {.device_count = 16}};
  for (size_t d = 0; d < node.spec.device_count; d++)
    node.devices[d] = (struct pack_device){PACK_MODE_MIG, LAB_H100, 8, 0, 0};
  lab_set_node(school.lab.cluster, &node);
  struct pack_request slice = pack_request_of(
      0, 0, PACK_SLICES, 1, pack_catalog_find_profile(school.lab.catalog, STR_LIT("1g.10gb")));
  struct pack_request other = part(500);
  struct pack_traffic traffic = pricing_learner_traffic(school.learner, school.lab.cluster);
  ck_assert_uint_eq(traffic.departures_ppm, 0);
  ck_assert_uint_eq(traffic.mig_load_ppm, 0);
  for (int i = 0; i < 5000; i++) {
    arrive(&school, &slice, 1);
    arrive(&school, &other, 1);
    pricing_learner_departed(school.learner, &other);
    pricing_learner_judged(school.learner, &other, false);
    if (i % 2)
      pricing_learner_departed(school.learner, &slice);
    arrive(&school, &slice, 0);
    pricing_learner_judged(school.learner, &slice, i % 4 != 0);
  }
  traffic = pricing_learner_traffic(school.learner, school.lab.cluster);
  /* Half as many depart as arrive; of four slices one is refused, and none is used. */
  ck_assert_uint_ge(traffic.departures_ppm, 480000);
  ck_assert_uint_le(traffic.departures_ppm, 520000);
  ck_assert_uint_eq(traffic.mig_load_ppm, 0);
}
END_TEST

TCase *tcase_learner(void) {
  TCase *tc = tcase_create("learner");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, an_empty_history_works);
  tcase_add_test(tc, a_history_of_nothing_works);
  tcase_add_test(tc, history_counts_as_a_thousand_pods);
  tcase_add_test(tc, long_ago_fades);
  tcase_add_test(tc, more_kinds_than_are_told_apart);
  tcase_add_test(tc, the_same_arrivals_give_the_same_tables);
  tcase_add_test(tc, copies_learn_apart);
  tcase_add_test(tc, due_at_stated_counts_when_the_mix_has_drifted);
  tcase_add_test(tc, not_due_while_the_mix_stays);
  tcase_add_test(tc, due_at_once_for_a_new_level);
  tcase_add_test(tc, versions_count_up);
  tcase_add_test(tc, traffic_of_slices);
  return tc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason why a request does not fit, and which of several is told. */
#include "slicegate/packing.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

TCase *tcase_fit(void);

#define GIB ((int64_t)1 << 30)

/* A node of 16 cores and 64 GiB, and what a test changes of it. */
static struct lab_node plain_node(void) {
  struct lab_node node = {.name = "n",
                          .spec = {.cpu_milli = 16000, .mem_bytes = 64 * GIB, .traits = 1}};
  return node;
}

static void add_devices(struct lab_node *node, struct lab *lab, uint8_t product,
                        enum pack_mode mode, size_t count) {
  const struct pack_mig *mig = pack_catalog_mig(lab->catalog, product);
  for (size_t i = 0; i < count; i++)
    node->devices[node->spec.device_count++] =
        (struct pack_device){.mode = (uint8_t)mode,
                             .product = product,
                             .size = mode == PACK_MODE_WHOLE    ? PACK_MILLI
                                     : mode == PACK_MODE_SHARED ? 10
                                                                : mig->axis};
}

static uint16_t profile_of(struct lab *lab, const char *name) {
  uint16_t profile = pack_catalog_find_profile(lab->catalog, str_of(name));
  ck_assert_uint_ne(profile, PACK_NONE);
  return profile;
}

static struct pack_request slices(struct lab *lab, uint16_t count, const char *profile) {
  return pack_request_of(0, 0, PACK_SLICES, count, profile_of(lab, profile));
}

static struct pack_request with_form(struct pack_request request, struct pack_request other) {
  request.forms[request.form_count++] = other.forms[0];
  return request;
}

static void put(struct lab *lab, const struct pack_request *request, uint8_t device,
                uint8_t start) {
  const struct pack_form *form = &request->forms[0];
  struct pack_placement placement = {.unit_count = 1};
  placement.units[0] = (struct pack_unit){
      device, start, form->kind == PACK_WHOLE ? (uint16_t)PACK_MILLI : form->amount};
  ck_assert(pack_commit(lab->cluster, ++lab->uid, request, &placement));
}

static enum pack_reason fit(struct lab *lab, struct pack_request request) {
  return pack_fit(lab->catalog, pack_cluster_node(lab->cluster, 0), &request);
}

START_TEST(what_has_room_fits) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_T4, PACK_MODE_WHOLE, 2);
  add_devices(&node, &lab, LAB_H100, PACK_MODE_MIG, 1);
  add_devices(&node, &lab, LAB_L4, PACK_MODE_SHARED, 1);
  lab_set_node(lab.cluster, &node);
  ck_assert_int_eq(fit(&lab, pack_request_of(16000, 64 * GIB, PACK_CPU, 0, 0)), PACK_FITS);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_WHOLE, 2, 0)), PACK_FITS);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_FRACTION, 1, 1000)), PACK_FITS);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_REPLICAS, 1, 10)), PACK_FITS);
  ck_assert_int_eq(fit(&lab, slices(&lab, 7, "1g.10gb")), PACK_FITS);
  ck_assert_int_eq(fit(&lab, slices(&lab, 4, "1g.20gb")), PACK_FITS);
}
END_TEST

START_TEST(hosts_come_first_and_in_order) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  node.spec.pods_max = 1;
  lab_set_node(lab.cluster, &node);
  struct pack_request cpu = pack_request_of(4000, 4 * GIB, PACK_CPU, 0, 0);
  struct pack_placement placement = {0};
  ck_assert(pack_commit(lab.cluster, 1, &cpu, &placement));
  struct pack_request all_wrong = pack_request_of(12001, 60 * GIB + 1, PACK_WHOLE, 1, 0);
  all_wrong.needs = 2;
  ck_assert_int_eq(fit(&lab, all_wrong), PACK_NO_TRAIT);
  all_wrong.needs = 1;
  all_wrong.shuns = 1;
  ck_assert_int_eq(fit(&lab, all_wrong), PACK_NO_TRAIT);
  all_wrong.shuns = 2;
  ck_assert_int_eq(fit(&lab, all_wrong), PACK_NO_PODS);
  node.spec.pods_max = 2;
  lab_set_node(lab.cluster, &node);
  ck_assert_int_eq(fit(&lab, all_wrong), PACK_NO_CPU);
  all_wrong.cpu_milli = 12000;
  ck_assert_int_eq(fit(&lab, all_wrong), PACK_NO_MEMORY);
  all_wrong.mem_bytes = 60 * GIB;
  ck_assert_int_eq(fit(&lab, all_wrong), PACK_NO_GPU);
  all_wrong.forms[0] = cpu.forms[0];
  ck_assert_int_eq(fit(&lab, all_wrong), PACK_FITS);
}
END_TEST

START_TEST(who_asks_for_nothing_fits_where_nothing_is_left) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  lab_set_node(lab.cluster, &node);
  struct pack_request large = pack_request_of(20000, 100 * GIB, PACK_CPU, 0, 0);
  ck_assert(pack_observe(lab.cluster, 0, 1, &large, NULL));
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_CPU, 0, 0)), PACK_FITS);
  ck_assert_int_eq(fit(&lab, pack_request_of(1, 0, PACK_CPU, 0, 0)), PACK_NO_CPU);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 1, PACK_CPU, 0, 0)), PACK_NO_MEMORY);
}
END_TEST

START_TEST(products_and_modes) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_T4, PACK_MODE_WHOLE, 2);
  lab_set_node(lab.cluster, &node);
  struct pack_request whole = pack_request_of(0, 0, PACK_WHOLE, 1, 0);
  whole.products = 1 << LAB_L4;
  ck_assert_int_eq(fit(&lab, whole), PACK_WRONG_PRODUCT);
  whole.products |= 1 << LAB_T4;
  ck_assert_int_eq(fit(&lab, whole), PACK_FITS);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_REPLICAS, 1, 1)), PACK_WRONG_MODE);
  ck_assert_int_eq(fit(&lab, slices(&lab, 1, "1g.10gb")), PACK_WRONG_MODE);
  add_devices(&node, &lab, LAB_A30, PACK_MODE_MIG, 1);
  lab_set_node(lab.cluster, &node);
  ck_assert_int_eq(fit(&lab, slices(&lab, 1, "1g.10gb")), PACK_NO_PROFILE);
  ck_assert_int_eq(fit(&lab, slices(&lab, 1, "1g.6gb")), PACK_FITS);
  whole.products = 1 << LAB_A30;
  ck_assert_int_eq(fit(&lab, whole), PACK_WRONG_MODE);
}
END_TEST

START_TEST(more_than_there_ever_is) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_T4, PACK_MODE_WHOLE, 2);
  add_devices(&node, &lab, LAB_H100, PACK_MODE_MIG, 2);
  add_devices(&node, &lab, LAB_L4, PACK_MODE_SHARED, 2);
  lab_set_node(lab.cluster, &node);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_WHOLE, 3, 0)), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_FRACTION, 1, 1001)), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_REPLICAS, 1, 11)), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, slices(&lab, 15, "1g.10gb")), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, slices(&lab, 3, "7g.80gb")), PACK_TOO_MANY);
  /* One engine a GPU, whatever slices are left. */
  ck_assert_int_eq(fit(&lab, slices(&lab, 2, "1g.10gb+me")), PACK_FITS);
  ck_assert_int_eq(fit(&lab, slices(&lab, 3, "1g.10gb+me")), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_WHOLE, UINT16_MAX, 0)), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, slices(&lab, UINT16_MAX, "1g.10gb")), PACK_TOO_MANY);
}
END_TEST

START_TEST(busy_or_in_pieces) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_T4, PACK_MODE_WHOLE, 2);
  add_devices(&node, &lab, LAB_H100, PACK_MODE_MIG, 1);
  add_devices(&node, &lab, LAB_L4, PACK_MODE_SHARED, 2);
  lab_set_node(lab.cluster, &node);
  struct pack_request part = pack_request_of(0, 0, PACK_FRACTION, 1, 600);
  put(&lab, &part, 0, 0);
  put(&lab, &part, 1, 0);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_FRACTION, 1, 401)), PACK_FRAGMENTED);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_FRACTION, 1, 800)), PACK_FRAGMENTED);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_FRACTION, 1, 801)), PACK_DEVICES_BUSY);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_WHOLE, 1, 0)), PACK_DEVICES_BUSY);
  struct pack_request share = pack_request_of(0, 0, PACK_REPLICAS, 1, 7);
  put(&lab, &share, 3, 0);
  put(&lab, &share, 4, 0);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_REPLICAS, 1, 4)), PACK_FRAGMENTED);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_REPLICAS, 1, 7)), PACK_DEVICES_BUSY);
  struct pack_request one = slices(&lab, 1, "1g.10gb");
  put(&lab, &one, 2, 1);
  put(&lab, &one, 2, 4);
  ck_assert_int_eq(fit(&lab, slices(&lab, 1, "3g.40gb")), PACK_FRAGMENTED);
  ck_assert_int_eq(fit(&lab, slices(&lab, 1, "7g.80gb")), PACK_DEVICES_BUSY);
  /* Two whole pairs and a tail that 2g cannot begin at. */
  ck_assert_int_eq(fit(&lab, slices(&lab, 2, "2g.20gb")), PACK_FRAGMENTED);
  ck_assert_int_eq(fit(&lab, slices(&lab, 2, "1g.20gb")), PACK_FITS);
}
END_TEST

/* The engine is taken: slices do not matter, and deleting its pod would help. */
START_TEST(a_limited_profile_is_busy) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_H100, PACK_MODE_MIG, 1);
  lab_set_node(lab.cluster, &node);
  struct pack_request engine = slices(&lab, 1, "1g.10gb+me");
  put(&lab, &engine, 0, 0);
  ck_assert_int_eq(fit(&lab, engine), PACK_FRAGMENTED);
  ck_assert(!pack_reason_is_final(fit(&lab, engine)));
  ck_assert_int_eq(fit(&lab, slices(&lab, 1, "1g.10gb")), PACK_FITS);
}
END_TEST

/* A name may stand for other sizes on other products: what is asked of those that may serve. */
START_TEST(sizes_are_those_of_the_devices_that_may_serve) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_A100_40, PACK_MODE_MIG, 1); /* 1g.10gb: two slices */
  add_devices(&node, &lab, LAB_H100, PACK_MODE_MIG, 1);    /* one */
  lab_set_node(lab.cluster, &node);
  struct pack_request one = slices(&lab, 1, "1g.10gb");
  one.products = 1 << LAB_H100;
  for (uint8_t start = 0; start < 7; start++)
    put(&lab, &one, 1, start);
  /* The eighth slice is free, and no compute slice goes with it. */
  ck_assert_int_eq(fit(&lab, one), PACK_FRAGMENTED);
}
END_TEST

START_TEST(of_several_forms_the_nearest) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_T4, PACK_MODE_WHOLE, 2);
  lab_set_node(lab.cluster, &node);
  struct pack_request part = pack_request_of(0, 0, PACK_FRACTION, 1, 600);
  put(&lab, &part, 0, 0);
  put(&lab, &part, 1, 0);
  struct pack_request too_many = pack_request_of(0, 0, PACK_WHOLE, 3, 0);
  struct pack_request wrong_mode = pack_request_of(0, 0, PACK_REPLICAS, 1, 1);
  struct pack_request fragmented = pack_request_of(0, 0, PACK_FRACTION, 1, 500);
  struct pack_request fits = pack_request_of(0, 0, PACK_FRACTION, 1, 100);
  ck_assert_int_eq(fit(&lab, with_form(too_many, wrong_mode)), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, with_form(wrong_mode, too_many)), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, with_form(fragmented, wrong_mode)), PACK_FRAGMENTED);
  ck_assert_int_eq(fit(&lab, with_form(with_form(wrong_mode, fragmented), too_many)),
                   PACK_FRAGMENTED);
  ck_assert_int_eq(fit(&lab, with_form(with_form(wrong_mode, fragmented), fits)), PACK_FITS);
}
END_TEST

START_TEST(counters_decide) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, 1);
  struct lab_node node = plain_node();
  add_devices(&node, &lab, LAB_T4, PACK_MODE_WHOLE, 1);
  node.counters[0] = (struct pack_counter){.kind = PACK_WHOLE, .name = 1, .total = 4};
  node.counters[1] = (struct pack_counter){
      .kind = PACK_SLICES, .profile = profile_of(&lab, "1g.10gb"), .total = 2};
  node.counters[2] = (struct pack_counter){.kind = PACK_REPLICAS, .total = 10};
  node.spec.counter_count = 3;
  lab_set_node(lab.cluster, &node);
  struct pack_request whole = pack_request_of(0, 0, PACK_WHOLE, 4, 0);
  ck_assert_int_eq(fit(&lab, whole), PACK_WRONG_MODE); /* nothing of that name */
  whole.forms[0].name = 1;
  ck_assert_int_eq(fit(&lab, whole), PACK_FITS); /* the one device contradicts: it is a guess */
  whole.forms[0].count = 5;
  ck_assert_int_eq(fit(&lab, whole), PACK_TOO_MANY);
  ck_assert_int_eq(fit(&lab, slices(&lab, 2, "1g.10gb")), PACK_FITS);
  ck_assert_int_eq(fit(&lab, slices(&lab, 1, "1g.20gb")), PACK_NO_PROFILE);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_REPLICAS, 1, 10)), PACK_FITS);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_FRACTION, 1, 100)), PACK_WRONG_MODE);
  ck_assert_int_eq(fit(&lab, pack_request_of(0, 0, PACK_CPU, 0, 0)), PACK_FITS);
  whole.forms[0].count = 3;
  struct pack_placement placement = {0};
  ck_assert(pack_commit(lab.cluster, 1, &whole, &placement));
  ck_assert_int_eq(fit(&lab, whole), PACK_DEVICES_BUSY);
  whole.forms[0].count = 1;
  ck_assert_int_eq(fit(&lab, whole), PACK_FITS);
  whole.products = 1 << LAB_L4;
  ck_assert_int_eq(fit(&lab, whole), PACK_WRONG_PRODUCT);
}
END_TEST

START_TEST(reasons_have_words_and_an_order) {
  for (int a = 0; a < PACK_REASON_COUNT; a++) {
    ck_assert_uint_gt(strlen(pack_reason_text((enum pack_reason)a)), 0);
    for (int b = 0; b < a; b++)
      ck_assert_str_ne(pack_reason_text((enum pack_reason)a),
                       pack_reason_text((enum pack_reason)b));
  }
  static const bool is_final[PACK_REASON_COUNT] = {
      [PACK_NO_TRAIT] = true,   [PACK_NO_GPU] = true,     [PACK_WRONG_PRODUCT] = true,
      [PACK_WRONG_MODE] = true, [PACK_NO_PROFILE] = true, [PACK_TOO_MANY] = true,
  };
  for (int reason = 0; reason < PACK_REASON_COUNT; reason++)
    ck_assert_int_eq(pack_reason_is_final((enum pack_reason)reason), is_final[reason]);
}
END_TEST

/* What is final stays so on the same node without pods; what is not fits there. */
START_TEST(final_means_that_deleting_pods_cannot_help) {
  enum { ROUNDS = 200, TRIES = 60 };
  uint64_t seed = random_seed();
  unsigned seen = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    CLEANUP_LAB struct lab lab;
    lab_init(&lab, seed + round);
    lab_add_nodes(&lab, LAB_ANY, 1);
    struct pack_cluster *empty = pack_cluster_copy(lab.cluster);
    struct pack_scorer *scorer =
        pack_scorer_new(pack_policy_find(STR_LIT("random")), lab.catalog, round);
    for (int try = 0; try < TRIES; try++) {
      struct pack_request request = lab_request(&lab);
      enum pack_reason reason = fit(&lab, request);
      enum pack_reason then = pack_fit(lab.catalog, pack_cluster_node(empty, 0), &request);
      if (pack_reason_is_final(reason)) {
        ck_assert_int_ne(then, PACK_FITS);
        seen |= 1u << reason;
      } else if (reason > PACK_TOO_MANY) {
        ck_assert_int_eq(then, PACK_FITS);
        seen |= 1u << reason;
      }
      (void)lab_place(&lab, scorer, &request);
    }
    pack_scorer_free(scorer);
    pack_cluster_free(empty);
  }
  ck_assert_uint_ne(seen & 1u << PACK_FRAGMENTED, 0);
  ck_assert_uint_ne(seen & 1u << PACK_DEVICES_BUSY, 0);
}
END_TEST

TCase *tcase_fit(void) {
  TCase *tc = tcase_create("fit");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, what_has_room_fits);
  tcase_add_test(tc, hosts_come_first_and_in_order);
  tcase_add_test(tc, who_asks_for_nothing_fits_where_nothing_is_left);
  tcase_add_test(tc, products_and_modes);
  tcase_add_test(tc, more_than_there_ever_is);
  tcase_add_test(tc, busy_or_in_pieces);
  tcase_add_test(tc, a_limited_profile_is_busy);
  tcase_add_test(tc, sizes_are_those_of_the_devices_that_may_serve);
  tcase_add_test(tc, of_several_forms_the_nearest);
  tcase_add_test(tc, counters_decide);
  tcase_add_test(tc, reasons_have_words_and_an_order);
  tcase_add_test(tc, final_means_that_deleting_pods_cannot_help);
  return tc;
}

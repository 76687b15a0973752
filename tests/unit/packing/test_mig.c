/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/packing.h"
#include "tests/support/check_main.h"

#include <stdio.h>
#include <stdlib.h>

TCase *tcase_mig(void);

/* ---- products ------------------------------------------------------------------------------ */

static const struct gpu_product *product_of(const char *id) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++)
    if (str_is(products[i].id, id))
      return &products[i];
  ck_abort_msg("no product %s", id);
}

/* The product's profiles whose names have none of the characters in `without`. */
static struct pack_mig *mig_without(const char *id, const char *without) {
  static struct mig_profile profiles[PACK_PROFILES_MAX];
  uint16_t ids[PACK_PROFILES_MAX];
  struct gpu_product product = *product_of(id);
  size_t count = 0;
  for (size_t i = 0; i < product.profile_count; i++) {
    if (strpbrk(product.profiles[i].name.ptr, without))
      continue;
    ids[count] = (uint16_t)(100 + count);
    profiles[count++] = product.profiles[i];
  }
  product.profiles = profiles;
  product.profile_count = count;
  struct pack_mig *mig = pack_mig_new(&product, ids);
  ck_assert_ptr_nonnull(mig);
  return mig;
}

static struct pack_mig *mig_of(const char *id) {
  return mig_without(id, " ");
}

/* ---- a twin: all bags by plain enumeration --------------------------------------------------- */

/* Bags of instances, [bag * width + profile], sorted, each once. */
struct bags {
  size_t width, count, cap;
  uint8_t *counts;
};

static size_t compared_width;

static int compare_bags(const void *a, const void *b) {
  return memcmp(a, b, compared_width);
}

static void add_bag(struct bags *bags, const uint8_t *counts) {
  if (bags->count == bags->cap) {
    bags->cap = bags->cap ? 2 * bags->cap : 1024;
    bags->counts = mem_realloc(bags->counts, bags->cap * bags->width);
  }
  memcpy(bags->counts + bags->count++ * bags->width, counts, bags->width);
}

static void sort_unique(struct bags *bags) {
  compared_width = bags->width;
  qsort(bags->counts, bags->count, bags->width, compare_bags);
  size_t kept = 0;
  for (size_t i = 0; i < bags->count; i++) {
    const uint8_t *bag = bags->counts + i * bags->width;
    if (kept == 0 || memcmp(bags->counts + (kept - 1) * bags->width, bag, bags->width) != 0)
      memmove(bags->counts + kept++ * bags->width, bag, bags->width);
  }
  bags->count = kept;
}

static bool has_bag(const struct bags *bags, const uint8_t *counts) {
  compared_width = bags->width;
  return bsearch(counts, bags->counts, bags->count, bags->width, compare_bags) != NULL;
}

/* Every way to occupy slices, profile by profile and start by start, on the masks alone. */
static void enumerate(const struct pack_mig *mig, size_t profile, size_t start_index, uint32_t mask,
                      uint8_t *counts, struct bags *bags) {
  if (profile == mig->profile_count) {
    add_bag(bags, counts);
    return;
  }
  const struct pack_mig_profile *of = &mig->profiles[profile];
  for (size_t i = start_index; i < of->start_count; i++) {
    uint32_t window = ((UINT32_C(1) << of->size) - 1) << of->starts[i];
    if ((mask & window) || (of->limit && counts[profile] == of->limit))
      continue;
    counts[profile]++;
    enumerate(mig, profile, i + 1, mask | window, counts, bags);
    counts[profile]--;
  }
  enumerate(mig, profile + 1, 0, mask, counts, bags);
}

static struct bags bags_of_one(const struct pack_mig *mig) {
  struct bags bags = {.width = mig->profile_count};
  uint8_t counts[PACK_PROFILES_MAX] = {0};
  enumerate(mig, 0, 0, 0, counts, &bags);
  sort_unique(&bags);
  return bags;
}

static struct bags sum_of(const struct bags *a, const struct bags *b) {
  struct bags sum = {.width = a->width};
  uint8_t counts[PACK_PROFILES_MAX];
  for (size_t i = 0; i < a->count; i++) {
    for (size_t k = 0; k < b->count; k++) {
      for (size_t p = 0; p < a->width; p++)
        counts[p] = (uint8_t)(a->counts[i * a->width + p] + b->counts[k * b->width + p]);
      add_bag(&sum, counts);
    }
    if (sum.count > 1 << 20)
      sort_unique(&sum);
  }
  sort_unique(&sum);
  return sum;
}

static size_t count_maximal(const struct bags *bags) {
  size_t maximal = 0;
  for (size_t i = 0; i < bags->count; i++) {
    bool is_part = false;
    for (size_t k = 0; k < bags->count && !is_part; k++) {
      is_part = k != i;
      for (size_t p = 0; p < bags->width && is_part; p++)
        is_part = bags->counts[i * bags->width + p] <= bags->counts[k * bags->width + p];
    }
    maximal += !is_part;
  }
  return maximal;
}

/* ---- geometry -------------------------------------------------------------------------------- */

START_TEST(h100_has_the_known_numbers) {
  struct pack_mig *mig = mig_without("h100-80gb", "+");
  ck_assert_uint_eq(mig->axis, 8);
  ck_assert_uint_eq(mig->profile_count, 6);
  ck_assert_uint_eq(mig->layout_count, 417);
  size_t masks = 0;
  for (uint32_t mask = 0; mask < 256; mask++) {
    bool is_reached = false;
    for (uint16_t layout = 0; layout < mig->layout_count; layout++)
      is_reached = is_reached || mig->occupied[layout] == mask;
    masks += is_reached;
  }
  ck_assert_uint_eq(masks, 192);
  struct bags bags = bags_of_one(mig);
  ck_assert_uint_eq(bags.count, 78);
  ck_assert_uint_eq(count_maximal(&bags), 28);
  free(bags.counts);
  pack_mig_free(mig);
}
END_TEST

START_TEST(media_extensions_change_no_layout) {
  struct pack_mig *mig = mig_of("h100-80gb"), *plain = mig_without("h100-80gb", "+");
  ck_assert_uint_eq(mig->profile_count, 7);
  ck_assert_uint_eq(mig->layout_count, plain->layout_count);
  ck_assert_mem_eq(mig->occupied, plain->occupied, mig->layout_count * sizeof *mig->occupied);
  ck_assert_mem_eq(mig->begins, plain->begins, mig->layout_count * sizeof *mig->begins);
  unsigned limited = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++)
    limited += mig->profiles[p].limit;
  ck_assert_uint_eq(limited, 1);
  pack_mig_free(mig);
  pack_mig_free(plain);
}
END_TEST

START_TEST(numbers_come_breadth_first) {
  struct pack_mig *mig = mig_without("h100-80gb", "+");
  ck_assert_uint_eq(mig->occupied[0], 0);
  ck_assert_uint_eq(mig->free[0], mig->axis);
  /* One window each, in the order of profiles and starts; 2g.20gb has no window of its own. */
  static const uint32_t first[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40,
                                   0x03, 0x0c, 0x30, 0xc0, 0x0f, 0xf0, 0xff};
  for (size_t i = 0; i < SG_ARRAY_LEN(first); i++) {
    ck_assert_uint_eq(mig->occupied[1 + i], first[i]);
    ck_assert_uint_eq(mig->begins[1 + i], first[i] & ~(first[i] << 1));
  }
  for (uint16_t layout = 1; layout < mig->layout_count; layout++)
    ck_assert_int_ge(__builtin_popcount(mig->begins[layout]),
                     __builtin_popcount(mig->begins[layout - 1]));
  pack_mig_free(mig);
}
END_TEST

/* Placing profile p at starts[i] takes that window and no more, and removing it leads back. */
static bool is_transition_exact(const struct pack_mig *mig, uint16_t layout, uint16_t p,
                                uint8_t i) {
  const struct pack_mig_profile *profile = &mig->profiles[p];
  uint16_t next = pack_mig_next(mig, layout, p, i);
  if (i >= profile->start_count)
    return next == PACK_NONE;
  uint8_t start = profile->starts[i];
  uint32_t window = ((UINT32_C(1) << profile->size) - 1) << start;
  if (mig->occupied[layout] & window)
    return next == PACK_NONE;
  return next < mig->layout_count && mig->occupied[next] == (mig->occupied[layout] | window) &&
         mig->begins[next] == (mig->begins[layout] | UINT32_C(1) << start) &&
         mig->without[next * mig->axis + start] == layout;
}

static void check_layout(const struct pack_mig *mig, uint16_t layout) {
  bool is_exact = mig->free[layout] == mig->axis - __builtin_popcount(mig->occupied[layout]);
  for (uint8_t start = 0; start < mig->axis; start++)
    is_exact = is_exact && (mig->begins[layout] >> start & 1) ==
                               (mig->without[layout * mig->axis + start] != PACK_NONE);
  for (uint16_t p = 0; p < mig->profile_count; p++)
    for (uint8_t i = 0; i < PACK_STARTS_MAX - 1; i++)
      is_exact = is_exact && is_transition_exact(mig, layout, p, i);
  ck_assert_msg(is_exact, "layout %u", layout);
}

START_TEST(transitions_of_every_product_are_exact) {
  size_t product_count;
  const struct gpu_product *products = products_all(&product_count);
  for (size_t product = 0; product < product_count; product++) {
    uint16_t ids[PACK_PROFILES_MAX];
    for (size_t p = 0; p < products[product].profile_count; p++)
      ids[p] = (uint16_t)p;
    struct pack_mig *mig = pack_mig_new(&products[product], ids);
    ck_assert_int_eq(mig != NULL, products[product].memory_slices > 0);
    for (uint16_t layout = 0; mig && layout < mig->layout_count; layout++)
      check_layout(mig, layout);
    pack_mig_free(mig);
  }
}
END_TEST

START_TEST(profiles_are_found_by_number) {
  struct pack_mig *mig = mig_of("a30-24gb");
  ck_assert_uint_eq(pack_mig_find(mig, 100), 0);
  ck_assert_uint_eq(pack_mig_find(mig, 104), 4);
  ck_assert_uint_eq(pack_mig_find(mig, 105), PACK_NONE);
  pack_mig_free(mig);
}
END_TEST

/* ---- what no tables are made of ----------------------------------------------------------------
 */

static const uint8_t all_starts[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct pack_mig *mig_of_one(uint8_t axis, uint8_t size, const uint8_t *starts,
                                   uint8_t start_count) {
  struct mig_profile profile = {
      .memory_slices = size, .starts = starts, .start_count = start_count};
  struct gpu_product product = {.profiles = &profile, .profile_count = 1, .memory_slices = axis};
  return pack_mig_new(&product, (uint16_t[]){0});
}

START_TEST(unusable_geometry_is_refused) {
  static const uint8_t unordered[] = {2, 0};
  ck_assert_ptr_null(mig_of_one(0, 1, all_starts, 4));                 /* no axis */
  ck_assert_ptr_null(mig_of_one(PACK_AXIS_MAX + 1, 1, all_starts, 4)); /* too long */
  ck_assert_ptr_null(mig_of_one(4, 1, NULL, 0));                       /* no placements */
  ck_assert_ptr_null(mig_of_one(4, 0, all_starts, 4));                 /* no size */
  ck_assert_ptr_null(mig_of_one(4, 2, all_starts, 4));                 /* beyond the axis */
  ck_assert_ptr_null(mig_of_one(4, 1, unordered, 2));
  ck_assert_ptr_null(mig_of_one(16, 1, all_starts, 16)); /* 65,536 layouts */
  struct pack_mig *mig = mig_of_one(12, 1, all_starts, 12);
  ck_assert_uint_eq(mig->layout_count, PACK_LAYOUTS_MAX);
  ck_assert(pack_mig_can_hold(mig, (uint32_t[]){1200}, 100));
  ck_assert(!pack_mig_can_hold(mig, (uint32_t[]){1201}, 100));
  pack_mig_free(mig);
  mig = mig_of_one(32, 32, all_starts, 1);
  ck_assert_uint_eq(mig->occupied[1], UINT32_MAX);
  pack_mig_free(mig);
}
END_TEST

/* ---- holding -----------------------------------------------------------------------------------
 */

/* Every vector up to one more than `gpus` GPUs hold of each profile, against the enumeration. */
static void compare_holding(const struct pack_mig *mig, const struct bags *held, uint32_t gpus) {
  uint8_t most[PACK_PROFILES_MAX] = {0}, bag[PACK_PROFILES_MAX] = {0};
  for (size_t i = 0; i < held->count; i++)
    for (size_t p = 0; p < held->width; p++)
      if (held->counts[i * held->width + p] > most[p])
        most[p] = held->counts[i * held->width + p];
  for (;;) {
    uint32_t counts[PACK_PROFILES_MAX];
    for (size_t p = 0; p < held->width; p++)
      counts[p] = bag[p];
    if (pack_mig_can_hold(mig, counts, gpus) != has_bag(held, bag)) {
      char text[200] = "";
      for (size_t p = 0; p < held->width; p++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), " %u", bag[p]);
      ck_abort_msg("%u GPUs and%s: %d is wrong", gpus, text, !has_bag(held, bag));
    }
    size_t p = 0;
    while (p < held->width && bag[p] == most[p] + 1)
      bag[p++] = 0;
    if (p == held->width)
      return;
    bag[p]++;
  }
}

/* The number of vectors that 1..gpus GPUs hold. */
static size_t check_holding(struct pack_mig *mig, uint32_t gpus) {
  struct bags one = bags_of_one(mig), held = {.width = one.width};
  size_t vectors = 0;
  add_bag(&held, (uint8_t[PACK_PROFILES_MAX]){0});
  for (uint32_t n = 1; n <= gpus; n++) {
    struct bags sum = sum_of(&held, &one);
    free(held.counts);
    held = sum;
    vectors += held.count;
    compare_holding(mig, &held, n);
  }
  free(held.counts);
  free(one.counts);
  pack_mig_free(mig);
  return vectors;
}

START_TEST(holding_is_exact_on_h100) {
  ck_assert_uint_eq(check_holding(mig_without("h100-80gb", "+"), 3), 78 + 778 + 3964);
}
END_TEST

START_TEST(holding_is_exact_with_media_extensions) {
  check_holding(mig_of("h100-80gb"), 2);
}
END_TEST

START_TEST(holding_is_exact_on_other_axes) {
  check_holding(mig_of("a30-24gb"), 3);
  check_holding(mig_without("rtx-pro-6000-blackwell-96gb", "-"), 1);
  check_holding(mig_without("rtx-pro-6000-blackwell-96gb", "+"), 3);
}
END_TEST

START_TEST(holding_nothing_needs_no_gpu) {
  static const char *const ids[] = {"h100-80gb", "a30-24gb"};
  for (size_t i = 0; i < SG_ARRAY_LEN(ids); i++) {
    struct pack_mig *mig = mig_of(ids[i]);
    uint32_t counts[PACK_PROFILES_MAX] = {0};
    ck_assert(pack_mig_can_hold(mig, counts, 0));
    counts[0] = 1;
    ck_assert(!pack_mig_can_hold(mig, counts, 0));
    ck_assert(pack_mig_can_hold(mig, counts, UINT32_MAX / 16));
    counts[0] = UINT32_MAX;
    ck_assert(!pack_mig_can_hold(mig, counts, 1000));
    pack_mig_free(mig);
  }
}
END_TEST

TCase *tcase_mig(void) {
  TCase *tcase = tcase_create("mig");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, h100_has_the_known_numbers);
  tcase_add_test(tcase, media_extensions_change_no_layout);
  tcase_add_test(tcase, numbers_come_breadth_first);
  tcase_add_test(tcase, transitions_of_every_product_are_exact);
  tcase_add_test(tcase, profiles_are_found_by_number);
  tcase_add_test(tcase, unusable_geometry_is_refused);
  tcase_add_test(tcase, holding_is_exact_on_h100);
  tcase_add_test(tcase, holding_is_exact_with_media_extensions);
  tcase_add_test(tcase, holding_is_exact_on_other_axes);
  tcase_add_test(tcase, holding_nothing_needs_no_gpu);
  return tcase;
}

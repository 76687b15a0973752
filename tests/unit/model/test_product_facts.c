/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of every product that is compiled in, whoever adds it. Where a figure of
 * mig-profiles.json follows from others, a slip of the pen shows here.
 */
#include "slicegate/model.h"
#include "tests/unit/model/cases.h"

static const struct gpu_product *products;
static size_t product_count;

static void set_up(void) {
  products = products_all(&product_count);
}

#define NAMED(product) STR_FMT((product)->id)

/* ---- names --------------------------------------------------------------------------- */

START_TEST(ids_and_labels_name_one_product) {
  for (size_t i = 0; i < product_count; i++) {
    ck_assert_ptr_eq(products_find_id(products, product_count, products[i].id), &products[i]);
    for (size_t k = 0; k < products[i].label_count; k++)
      ck_assert_ptr_eq(product_by_label(products[i].labels[k]), &products[i]);
  }
}
END_TEST

START_TEST(profiles_of_a_product_have_names_of_their_own) {
  for (size_t i = 0; i < product_count; i++)
    for (size_t k = 0; k < products[i].profile_count; k++) {
      const struct mig_profile *profile = &products[i].profiles[k];
      ck_assert_ptr_eq(product_find_profile(&products[i], profile->name), profile);
      if (profile->alternate.len)
        ck_assert_ptr_eq(product_find_profile(&products[i], profile->alternate), profile);
    }
}
END_TEST

/* ---- placements ---------------------------------------------------------------------- */

/* Of all profiles or of none; nothing can be verified that is not known. */
START_TEST(placements_are_known_or_not) {
  for (size_t i = 0; i < product_count; i++) {
    const struct gpu_product *product = &products[i];
    bool is_known = product->memory_slices > 0;
    ck_assert_msg(is_known || !product->is_placement_verified, "%.*s", NAMED(product));
    for (size_t k = 0; k < product->profile_count; k++) {
      const struct mig_profile *profile = &product->profiles[k];
      ck_assert_msg((profile->memory_slices > 0) == is_known, "%.*s", NAMED(product));
      ck_assert_msg((profile->start_count > 0) == is_known, "%.*s", NAMED(product));
      ck_assert_msg((profile->starts != NULL) == is_known, "%.*s", NAMED(product));
    }
  }
}
END_TEST

START_TEST(windows_lie_inside_the_axis) {
  size_t windows = 0;
  for (size_t i = 0; i < product_count; i++) {
    const struct gpu_product *product = &products[i];
    ck_assert_uint_le(product->memory_slices, MIG_AXIS_MAX);
    unsigned longest = 0;
    for (size_t k = 0; k < product->profile_count; k++) {
      const struct mig_profile *profile = &product->profiles[k];
      ck_assert_uint_le(profile->start_count, MIG_STARTS_MAX);
      for (size_t s = 0; s < profile->start_count; s++, windows++) {
        ck_assert_msg(profile->starts[s] + profile->memory_slices <= product->memory_slices,
                      "%.*s %.*s", NAMED(product), STR_FMT(profile->name));
        ck_assert_msg(s == 0 || profile->starts[s] > profile->starts[s - 1], "%.*s %.*s",
                      NAMED(product), STR_FMT(profile->name));
      }
      longest = profile->memory_slices > longest ? profile->memory_slices : longest;
    }
    ck_assert_msg(longest == product->memory_slices, "%.*s: the axis is the largest profile",
                  NAMED(product));
  }
  ck_assert_uint_gt(windows, 300);
}
END_TEST

/* A media engine, or all of them, goes to one instance at a time. */
static bool has_limit_of_its_own(const struct mig_profile *profile) {
  return str_ends_with(profile->name, STR_LIT("+me")) ||
         str_ends_with(profile->name, STR_LIT("+me.all"));
}

START_TEST(instances_follow_from_placements) {
  size_t limited = 0;
  for (size_t i = 0; i < product_count; i++)
    for (size_t k = 0; k < products[i].profile_count; k++) {
      const struct mig_profile *profile = &products[i].profiles[k];
      unsigned places = mig_profile_places(profile);
      if (places == 0)
        continue;
      limited += has_limit_of_its_own(profile);
      unsigned expected = has_limit_of_its_own(profile) ? 1 : places;
      ck_assert_msg(profile->max_instances == expected, "%.*s %.*s: %u, expected %u",
                    NAMED(&products[i]), STR_FMT(profile->name), profile->max_instances, expected);
    }
  ck_assert_uint_gt(limited, 0);
}
END_TEST

/* The name says a profile's share of the memory, rounded half up. */
START_TEST(memory_follows_from_slices) {
  for (size_t i = 0; i < product_count; i++) {
    unsigned axis = products[i].memory_slices;
    for (size_t k = 0; axis && k < products[i].profile_count; k++) {
      const struct mig_profile *profile = &products[i].profiles[k];
      unsigned twice = 2U * profile->memory_slices * products[i].memory_gib;
      ck_assert_msg(profile->memory_gib == (twice + axis) / (2 * axis), "%.*s %.*s",
                    NAMED(&products[i]), STR_FMT(profile->name));
    }
  }
}
END_TEST

/* Most compute slices that windows beside each other can hold together. */
static unsigned most_compute(const struct gpu_product *product) {
  unsigned best[MIG_AXIS_MAX + 1] = {0}; /* from this slice on */
  for (unsigned at = product->memory_slices; at-- > 0;) {
    best[at] = best[at + 1];
    for (size_t k = 0; k < product->profile_count; k++) {
      const struct mig_profile *profile = &product->profiles[k];
      for (size_t s = 0; s < profile->start_count; s++) {
        if (profile->starts[s] != at || at + profile->memory_slices > product->memory_slices)
          continue;
        unsigned held = profile->compute_slices + best[at + profile->memory_slices];
        best[at] = held > best[at] ? held : best[at];
      }
    }
  }
  return best[0];
}

/* So that packing need not count compute: windows that do not overlap never ask too much. */
START_TEST(windows_never_ask_for_too_much_compute) {
  for (size_t i = 0; i < product_count; i++) {
    if (products[i].memory_slices)
      ck_assert_msg(most_compute(&products[i]) == products[i].compute_slices, "%.*s",
                    NAMED(&products[i]));
  }
}
END_TEST

START_TEST(no_profile_is_larger_than_its_product) {
  for (size_t i = 0; i < product_count; i++) {
    ck_assert_uint_gt(products[i].compute_slices, 0);
    for (size_t k = 0; k < products[i].profile_count; k++) {
      const struct mig_profile *profile = &products[i].profiles[k];
      ck_assert_uint_gt(profile->compute_slices, 0);
      ck_assert_uint_gt(profile->max_instances, 0);
      ck_assert_uint_le(profile->compute_slices, products[i].compute_slices);
      ck_assert_uint_le(profile->compute_slices * profile->max_instances,
                        products[i].compute_slices);
      ck_assert_uint_le(profile->memory_gib, products[i].memory_gib);
    }
  }
}
END_TEST

TCase *tcase_product_facts(void) {
  TCase *tc = tcase_create("product facts");
  tcase_add_checked_fixture(tc, set_up, NULL);
  tcase_add_test(tc, ids_and_labels_name_one_product);
  tcase_add_test(tc, profiles_of_a_product_have_names_of_their_own);
  tcase_add_test(tc, placements_are_known_or_not);
  tcase_add_test(tc, windows_lie_inside_the_axis);
  tcase_add_test(tc, instances_follow_from_placements);
  tcase_add_test(tc, memory_follows_from_slices);
  tcase_add_test(tc, windows_never_ask_for_too_much_compute);
  tcase_add_test(tc, no_profile_is_larger_than_its_product);
  return tc;
}

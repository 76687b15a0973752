/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/packing.h"

#include <check.h>
#include <stdio.h>

TCase *tcase_catalog(void);

static const struct gpu_product *product_of(const char *id) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++) {
    if (str_is(products[i].id, id))
      return &products[i];
  }
  ck_abort_msg("no product %s", id);
  return NULL;
}

static void free_catalog(struct pack_catalog **catalog) {
  pack_catalog_free(*catalog);
}
#define CLEANUP_CATALOG SG_CLEANUP(free_catalog)

static void add_all(struct pack_catalog *catalog) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++)
    ck_assert_uint_eq(pack_catalog_add(catalog, &products[i]), i);
}

/* ---- products -------------------------------------------------------------------------- */

START_TEST(every_product_has_room) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  size_t count;
  const struct gpu_product *products = products_all(&count);
  ck_assert_uint_eq(pack_catalog_count(catalog), 0);
  add_all(catalog);
  ck_assert_uint_eq(pack_catalog_count(catalog), count);
  for (size_t i = 0; i < count; i++) {
    ck_assert_uint_eq(pack_catalog_find(catalog, products[i].id), i);
    ck_assert(str_eq(pack_catalog_name(catalog, (uint16_t)i), products[i].id));
  }
  ck_assert_uint_eq(pack_catalog_find(catalog, STR_LIT("h100")), PACK_NONE);
}
END_TEST

START_TEST(product_is_added_once) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  ck_assert_uint_eq(pack_catalog_add_plain(catalog, STR_LIT("T4")), 0);
  ck_assert_uint_eq(pack_catalog_add(catalog, product_of("a30-24gb")), 1);
  size_t profiles = pack_catalog_profile_count(catalog);
  ck_assert_uint_eq(pack_catalog_add(catalog, product_of("a30-24gb")), 1);
  ck_assert_uint_eq(pack_catalog_add_plain(catalog, STR_LIT("a30-24gb")), 1);
  ck_assert_uint_eq(pack_catalog_add_plain(catalog, STR_LIT("T4")), 0);
  ck_assert_uint_eq(pack_catalog_count(catalog), 2);
  ck_assert_uint_eq(pack_catalog_profile_count(catalog), profiles);
}
END_TEST

START_TEST(plain_product_owns_its_name) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  char name[] = "V100M16";
  uint16_t number = pack_catalog_add_plain(catalog, str_of(name));
  memset(name, 'x', sizeof(name) - 1);
  ck_assert(str_is(pack_catalog_name(catalog, number), "V100M16"));
  ck_assert_uint_eq(pack_catalog_find(catalog, STR_LIT("V100M16")), number);
  ck_assert_ptr_null(pack_catalog_mig(catalog, number));
  ck_assert_uint_eq(pack_catalog_profile_count(catalog), 0);
}
END_TEST

START_TEST(products_are_bits_of_a_mask) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  for (unsigned i = 0; i < PACK_PRODUCTS_MAX; i++) {
    char name[16];
    int len = snprintf(name, sizeof(name), "gpu-%u", i);
    ck_assert_uint_eq(pack_catalog_add_plain(catalog, (struct str){name, (size_t)len}), i);
  }
  ck_assert_uint_eq(pack_catalog_add_plain(catalog, STR_LIT("one-more")), PACK_NONE);
  ck_assert_uint_eq(pack_catalog_add(catalog, product_of("a30-24gb")), PACK_NONE);
  ck_assert_msg(pack_catalog_profile_count(catalog) == 0, "what is refused leaves nothing");
  ck_assert_uint_eq(pack_catalog_add_plain(catalog, STR_LIT("gpu-63")), 63);
}
END_TEST

START_TEST(last_product_has_the_last_bit) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  for (unsigned i = 1; i < PACK_PRODUCTS_MAX; i++) {
    char name[16];
    int len = snprintf(name, sizeof(name), "gpu-%u", i);
    (void)pack_catalog_add_plain(catalog, (struct str){name, (size_t)len});
  }
  ck_assert_uint_eq(pack_catalog_add(catalog, product_of("a30-24gb")), PACK_PRODUCTS_MAX - 1);
  uint16_t profile = pack_catalog_find_profile(catalog, STR_LIT("4g.24gb"));
  ck_assert_uint_eq(pack_catalog_products_with(catalog, profile), UINT64_C(1)
                                                                      << (PACK_PRODUCTS_MAX - 1));
}
END_TEST

START_TEST(unknown_numbers_name_nothing) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  add_all(catalog);
  ck_assert_uint_eq(pack_catalog_name(catalog, PACK_NONE).len, 0);
  ck_assert_ptr_null(pack_catalog_mig(catalog, PACK_NONE));
  ck_assert_uint_eq(pack_catalog_profile_name(catalog, PACK_NONE).len, 0);
  ck_assert_uint_eq(pack_catalog_products_with(catalog, PACK_NONE), 0);
  pack_catalog_free(NULL);
}
END_TEST

/* ---- geometry -------------------------------------------------------------------------- */

/* Tables are there exactly where placements are known, and speak of the catalog's profiles. */
START_TEST(tables_are_there_where_placements_are_known) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  size_t count;
  const struct gpu_product *products = products_all(&count);
  add_all(catalog);
  for (uint16_t i = 0; i < count; i++) {
    const struct pack_mig *mig = pack_catalog_mig(catalog, i);
    ck_assert_msg((mig != NULL) == (products[i].memory_slices > 0), "%s", products[i].id.ptr);
    for (uint16_t p = 0; mig && p < mig->profile_count; p++) {
      struct str name = pack_catalog_profile_name(catalog, mig->profiles[p].profile);
      const struct mig_profile *profile = product_find_profile(&products[i], name);
      ck_assert_msg(profile != NULL, "%s, %.*s", products[i].id.ptr, STR_FMT(name));
      ck_assert_uint_eq(mig->profiles[p].size, profile->memory_slices);
    }
  }
}
END_TEST

/* ---- profiles -------------------------------------------------------------------------- */

/* One number a name, whatever products have it and however many slices it takes there. */
START_TEST(profiles_are_shared_by_name) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  uint16_t a100_40 = pack_catalog_add(catalog, product_of("a100-40gb"));
  uint16_t h100 = pack_catalog_add(catalog, product_of("h100-80gb"));
  uint16_t shared = pack_catalog_find_profile(catalog, STR_LIT("1g.10gb"));
  uint16_t own = pack_catalog_find_profile(catalog, STR_LIT("7g.80gb"));
  ck_assert(str_is(pack_catalog_profile_name(catalog, shared), "1g.10gb"));
  ck_assert_uint_eq(pack_catalog_products_with(catalog, shared),
                    (UINT64_C(1) << a100_40) | (UINT64_C(1) << h100));
  ck_assert_uint_eq(pack_catalog_products_with(catalog, own), UINT64_C(1) << h100);
  size_t own_count =
      product_of("a100-40gb")->profile_count + product_of("h100-80gb")->profile_count;
  ck_assert_uint_eq(pack_catalog_profile_count(catalog), own_count - 1);
}
END_TEST

START_TEST(each_profile_is_found_by_name_and_resource) {
  static const size_t prefix_len = sizeof("nvidia.com/mig-") - 1;
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  size_t count;
  const struct gpu_product *products = products_all(&count);
  add_all(catalog);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < products[i].profile_count; k++) {
      const struct mig_profile *profile = &products[i].profiles[k];
      uint16_t number = pack_catalog_find_profile(catalog, profile->name);
      ck_assert_uint_ne(number, PACK_NONE);
      ck_assert_uint_eq(pack_catalog_find_profile(catalog, str_skip(profile->resource, prefix_len)),
                        number);
      ck_assert(str_eq(pack_catalog_profile_name(catalog, number), profile->name));
      ck_assert_uint_eq(pack_catalog_products_with(catalog, number) >> i & 1, 1);
    }
}
END_TEST

static const struct {
  const char *name, *profile; /* NULL: none */
} rtx_names[] = {
    {"1g.24gb", "1g.24gb"},
    {"1g.24gb+me", "1g.24gb+me"},
    {"1g.24gb.me", "1g.24gb+me"},
    {"1g.24gb-me", "1g.24gb-me"},
    {"1g.24gb.me.all", "1g.24gb+me.all"},
    {"1g.24gb+me,all", "1g.24gb+me.all"},
    {"1g.24gb.gfx", "1g.24gb+gfx"},
    {"1g.24gb.m", NULL},
    {"1g.24g", NULL},
    {"1G.24GB", NULL},
    {"nvidia.com/mig-1g.24gb", NULL},
    {"", NULL},
};

START_TEST(attributes_are_read_as_in_resources) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  (void)pack_catalog_add(catalog, product_of("rtx-pro-6000-blackwell-96gb"));
  uint16_t number = pack_catalog_find_profile(catalog, str_of(rtx_names[_i].name));
  if (!rtx_names[_i].profile)
    ck_assert_msg(number == PACK_NONE, "%s", rtx_names[_i].name);
  else
    ck_assert_msg(str_is(pack_catalog_profile_name(catalog, number), rtx_names[_i].profile), "%s",
                  rtx_names[_i].name);
}
END_TEST

/* Drivers may call GB200's 1g.23gb 1g.24gb; on other products 1g.24gb is a profile of its own. */
START_TEST(alternate_names_come_after_own_ones) {
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  uint16_t gb200 = pack_catalog_add(catalog, product_of("gb200-186gb"));
  uint16_t number = pack_catalog_find_profile(catalog, STR_LIT("1g.24gb.me"));
  ck_assert(str_is(pack_catalog_profile_name(catalog, number), "1g.23gb+me"));
  number = pack_catalog_find_profile(catalog, STR_LIT("1g.24gb"));
  ck_assert(str_is(pack_catalog_profile_name(catalog, number), "1g.23gb"));
  ck_assert_uint_eq(pack_catalog_products_with(catalog, number), UINT64_C(1) << gb200);
  uint16_t h100 = pack_catalog_add(catalog, product_of("h100-94gb"));
  number = pack_catalog_find_profile(catalog, STR_LIT("1g.24gb"));
  ck_assert(str_is(pack_catalog_profile_name(catalog, number), "1g.24gb"));
  ck_assert_uint_eq(pack_catalog_products_with(catalog, number), UINT64_C(1) << h100);
}
END_TEST

/* A product that would need one profile name too many is refused whole. */
START_TEST(full_of_profiles_changes_nothing) {
  enum { OWN = PACK_PROFILES_MAX - 1 };
  CLEANUP_CATALOG struct pack_catalog *catalog = pack_catalog_new();
  static char texts[OWN][16];
  static struct mig_profile profiles[OWN];
  for (unsigned i = 0; i < OWN; i++) {
    int len = snprintf(texts[i], sizeof(texts[i]), "1g.%ugb", 1000 + i);
    profiles[i] = (struct mig_profile){.name = {texts[i], (size_t)len}, .max_instances = 1};
  }
  struct gpu_product wide = {.id = STR_LIT("wide"), .profiles = profiles, .profile_count = OWN};
  ck_assert_uint_eq(pack_catalog_add(catalog, &wide), 0);
  ck_assert_uint_eq(pack_catalog_add(catalog, product_of("a30-24gb")), PACK_NONE);
  ck_assert_uint_eq(pack_catalog_count(catalog), 1);
  ck_assert_uint_eq(pack_catalog_profile_count(catalog), OWN);
  ck_assert_uint_eq(pack_catalog_find_profile(catalog, STR_LIT("1g.6gb")), PACK_NONE);
  struct mig_profile last = {.name = STR_LIT("1g.6gb"), .max_instances = 1};
  struct gpu_product narrow = {.id = STR_LIT("narrow"), .profiles = &last, .profile_count = 1};
  ck_assert_uint_eq(pack_catalog_add(catalog, &narrow), 1);
  ck_assert_uint_eq(pack_catalog_find_profile(catalog, STR_LIT("1g.6gb")), OWN);
}
END_TEST

TCase *tcase_catalog(void) {
  TCase *tc = tcase_create("catalog");
  tcase_add_test(tc, every_product_has_room);
  tcase_add_test(tc, product_is_added_once);
  tcase_add_test(tc, plain_product_owns_its_name);
  tcase_add_test(tc, products_are_bits_of_a_mask);
  tcase_add_test(tc, last_product_has_the_last_bit);
  tcase_add_test(tc, unknown_numbers_name_nothing);
  tcase_add_test(tc, tables_are_there_where_placements_are_known);
  tcase_add_test(tc, profiles_are_shared_by_name);
  tcase_add_test(tc, each_profile_is_found_by_name_and_resource);
  tcase_add_loop_test(tc, attributes_are_read_as_in_resources, 0, SG_ARRAY_LEN(rtx_names));
  tcase_add_test(tc, alternate_names_come_after_own_ones);
  tcase_add_test(tc, full_of_profiles_changes_nothing);
  return tc;
}

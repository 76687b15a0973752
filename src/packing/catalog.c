/* SPDX-License-Identifier: Apache-2.0 */
/* Products and profile names as small numbers: what nodes and requests are compared by. */
#include "packing_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

_Static_assert((int)PACK_AXIS_MAX == MIG_AXIS_MAX && (int)PACK_STARTS_MAX == MIG_STARTS_MAX,
               "what a product may be is what the tables have room for");

struct catalog_product {
  struct str name;
  char *owned_name;               /* of a plain product */
  const struct gpu_product *from; /* NULL: plain */
  struct pack_mig *mig;           /* NULL: placements are not known */
};

struct catalog_profile {
  struct str name;
  _Atomic uint64_t products;
};

/* A row is written before the count that lets others see it. */
struct pack_catalog {
  _Atomic size_t product_count, profile_count;
  struct catalog_product products[PACK_PRODUCTS_MAX];
  struct catalog_profile profiles[PACK_PROFILES_MAX];
};

struct pack_catalog *pack_catalog_new(void) {
  return mem_zalloc(sizeof(struct pack_catalog));
}

void pack_catalog_free(struct pack_catalog *catalog) {
  if (!catalog)
    return;
  for (size_t i = 0; i < catalog->product_count; i++) {
    free(catalog->products[i].owned_name);
    pack_mig_free(catalog->products[i].mig);
  }
  free(catalog);
}

/* ---- profiles ----------------------------------------------------------------------- */

/* Resource names have a '.' where profile names have a '+' or, between attributes, a ','. */
static char as_in_resource(char c) {
  return c == '+' || c == ',' ? '.' : c;
}

static bool is_same_profile(struct str a, struct str b) {
  if (a.len != b.len)
    return false;
  for (size_t i = 0; i < a.len; i++) {
    if (as_in_resource(a.ptr[i]) != as_in_resource(b.ptr[i]))
      return false;
  }
  return true;
}

static uint16_t find_by_name(const struct pack_catalog *catalog, struct str name) {
  for (size_t i = 0; i < catalog->profile_count; i++) {
    if (is_same_profile(catalog->profiles[i].name, name))
      return (uint16_t)i;
  }
  return PACK_NONE;
}

/* The name that some product's driver may give to a profile of another name. */
static uint16_t find_by_alternate(const struct pack_catalog *catalog, struct str name) {
  for (size_t i = 0; i < catalog->product_count; i++) {
    const struct gpu_product *product = catalog->products[i].from;
    for (size_t k = 0; product && k < product->profile_count; k++) {
      if (is_same_profile(product->profiles[k].alternate, name))
        return find_by_name(catalog, product->profiles[k].name);
    }
  }
  return PACK_NONE;
}

uint16_t pack_catalog_find_profile(const struct pack_catalog *catalog, struct str name) {
  if (name.len == 0)
    return PACK_NONE;
  uint16_t profile = find_by_name(catalog, name);
  return profile != PACK_NONE ? profile : find_by_alternate(catalog, name);
}

struct str pack_catalog_profile_name(const struct pack_catalog *catalog, uint16_t profile) {
  return profile < catalog->profile_count ? catalog->profiles[profile].name : (struct str){NULL, 0};
}

size_t pack_catalog_profile_count(const struct pack_catalog *catalog) {
  return catalog->profile_count;
}

uint64_t pack_catalog_products_with(const struct pack_catalog *catalog, uint16_t profile) {
  return profile < catalog->profile_count ? catalog->profiles[profile].products : 0;
}

/* Numbers for all profiles of a product, new ones at the end; none when there is no room. */
static bool number_profiles(struct pack_catalog *catalog, const struct gpu_product *product,
                            uint16_t *ret_ids) {
  size_t fresh = 0;
  for (size_t i = 0; i < product->profile_count; i++) {
    ret_ids[i] = find_by_name(catalog, product->profiles[i].name);
    fresh += ret_ids[i] == PACK_NONE;
  }
  if (fresh > PACK_PROFILES_MAX - catalog->profile_count)
    return false;
  for (size_t i = 0; i < product->profile_count; i++) {
    if (ret_ids[i] != PACK_NONE)
      continue;
    ret_ids[i] = (uint16_t)catalog->profile_count;
    catalog->profiles[ret_ids[i]].name = product->profiles[i].name;
    catalog->profile_count++;
  }
  return true;
}

/* ---- products ----------------------------------------------------------------------- */

size_t pack_catalog_count(const struct pack_catalog *catalog) {
  return catalog->product_count;
}

uint16_t pack_catalog_find(const struct pack_catalog *catalog, struct str id) {
  for (size_t i = 0; i < catalog->product_count; i++) {
    if (str_eq(catalog->products[i].name, id))
      return (uint16_t)i;
  }
  return PACK_NONE;
}

struct str pack_catalog_name(const struct pack_catalog *catalog, uint16_t product) {
  return product < catalog->product_count ? catalog->products[product].name : (struct str){NULL, 0};
}

const struct pack_mig *pack_catalog_mig(const struct pack_catalog *catalog, uint16_t product) {
  return product < catalog->product_count ? catalog->products[product].mig : NULL;
}

uint16_t pack_catalog_add(struct pack_catalog *catalog, const struct gpu_product *product) {
  uint16_t number = pack_catalog_find(catalog, product->id);
  if (number != PACK_NONE)
    return number;
  uint16_t ids[PACK_PROFILES_MAX];
  if (catalog->product_count == PACK_PRODUCTS_MAX || product->profile_count > PACK_PROFILES_MAX ||
      !number_profiles(catalog, product, ids))
    return PACK_NONE;
  number = (uint16_t)catalog->product_count;
  catalog->products[number] = (struct catalog_product){
      .name = product->id, .from = product, .mig = pack_mig_new(product, ids)};
  catalog->product_count++;
  for (size_t i = 0; i < product->profile_count; i++)
    catalog->profiles[ids[i]].products |= UINT64_C(1) << number;
  return number;
}

uint16_t pack_catalog_add_plain(struct pack_catalog *catalog, struct str name) {
  uint16_t number = pack_catalog_find(catalog, name);
  if (number != PACK_NONE || catalog->product_count == PACK_PRODUCTS_MAX)
    return number;
  number = (uint16_t)catalog->product_count;
  struct catalog_product *made = &catalog->products[number];
  made->owned_name = mem_strndup(name.len ? name.ptr : "", name.len);
  made->name = (struct str){made->owned_name, name.len};
  catalog->product_count++;
  return number;
}

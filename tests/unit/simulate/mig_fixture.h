/* SPDX-License-Identifier: Apache-2.0 */
/* A product's tables for tests of suite B. */
#ifndef SLICEGATE_TESTS_MIG_FIXTURE_H
#define SLICEGATE_TESTS_MIG_FIXTURE_H

#include "src/simulate/mig.h"

#include <check.h>

struct mig_fixture {
  struct pack_catalog *catalog;
  const struct gpu_product *product;
  const struct pack_mig *mig;
};

static inline struct mig_fixture mig_fixture_of(const char *id) {
  struct mig_fixture f = {.catalog = pack_catalog_new()};
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++)
    if (str_is(products[i].id, id))
      f.product = &products[i];
  ck_assert_ptr_nonnull(f.product);
  f.mig = pack_catalog_mig(f.catalog, pack_catalog_add(f.catalog, f.product));
  ck_assert_ptr_nonnull(f.mig);
  return f;
}

static inline void mig_fixture_done(struct mig_fixture *f) {
  pack_catalog_free(f->catalog);
}

/* The index in pack_mig.profiles. */
static inline uint16_t mig_fixture_profile(const struct mig_fixture *f, const char *name) {
  const struct mig_profile *profile = product_find_profile(f->product, str_of(name));
  ck_assert_ptr_nonnull(profile);
  return (uint16_t)(profile - f->product->profiles);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A products file: refused with a place, or what is read of it keeps every promise of model.h. */
#include "slicegate/wire.h"
#include "tests/support/fuzz_main.h"

static void require(bool condition) {
  if (!condition)
    __builtin_trap();
}

static void look_at_profile(const struct gpu_product *product, const struct mig_profile *profile) {
  struct mig_name name;
  require(mig_name_parse(profile->name, &name) && name.compute == profile->compute_slices);
  require(profile->compute_slices <= product->compute_slices && profile->max_instances >= 1);
  require(product_find_profile(product, profile->name) == profile);
  require(product_find_profile(product, str_skip(profile->resource, 15)) == profile);
  require(profile->alternate.len == 0 || product_find_profile(product, profile->alternate));
  require((profile->starts != NULL) == (profile->start_count > 0));
  require((profile->memory_slices > 0) == (profile->start_count > 0));
  require(profile->start_count <= MIG_STARTS_MAX);
  for (size_t i = 0; i < profile->start_count; i++) {
    require(i == 0 || profile->starts[i] > profile->starts[i - 1]);
    require(profile->starts[i] + profile->memory_slices <= product->memory_slices);
  }
  require(profile->start_count == 0 || profile->max_instances <= mig_profile_places(profile));
}

static void look_at_product(const struct gpu_product *products, size_t count, size_t i) {
  const struct gpu_product *product = &products[i];
  require(product->id.len > 0 && products_find_id(products, count, product->id) == product);
  require(product->compute_slices >= 1 && product->compute_slices <= MIG_AXIS_MAX);
  require(product->memory_slices <= MIG_AXIS_MAX);
  for (size_t k = 0; k < product->label_count; k++)
    require(products_find_label(products, count, product->labels[k]) == product);
  for (size_t k = 0; k < product->profile_count; k++)
    look_at_profile(product, &product->profiles[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  const struct gpu_product *products;
  size_t count, base_count, merged_count;
  struct err err = {0};
  if (!wire_products_decode(arena, (struct str){(const char *)data, size}, &products, &count,
                            &err)) {
    require((err.code == ERR_INVALID || err.code == ERR_LIMIT) && err.text[0]);
    require(err.line >= 1 && err.column >= 1);
    for (const char *c = err.text; *c; c++)
      require((unsigned char)*c >= ' ');
    return 0;
  }
  require(count > 0);
  for (size_t i = 0; i < count; i++)
    look_at_product(products, count, i);
  const struct gpu_product *base = products_all(&base_count);
  const struct gpu_product *merged =
      products_merge(arena, products, count, base, base_count, &merged_count);
  require(merged_count >= base_count && merged_count <= base_count + count);
  require(products_find_id(merged, merged_count, products[0].id) == &merged[0]);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/pricing/products.h"
#include "tests/support/check_main.h"

struct pack_mig *mig_of(const char *id) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  uint16_t ids[PACK_PROFILES_MAX];
  for (size_t i = 0; i < PACK_PROFILES_MAX; i++)
    ids[i] = (uint16_t)i;
  for (size_t i = 0; i < count; i++)
    if (str_is(products[i].id, id))
      return pack_mig_new(&products[i], ids);
  ck_abort_msg("no product %s", id);
}

uint16_t placed(const struct pack_mig *mig, uint16_t layout, uint16_t p, uint8_t start) {
  for (uint8_t i = 0; i < mig->profiles[p].start_count; i++)
    if (mig->profiles[p].starts[i] == start)
      return pack_mig_next(mig, layout, p, i);
  ck_abort_msg("profile %u does not start at %u", p, start);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Placement spaces of built-in products, for the tests of this folder. */
#ifndef SLICEGATE_TESTS_PRICING_PRODUCTS_H
#define SLICEGATE_TESTS_PRICING_PRODUCTS_H

#include "slicegate/packing.h"

/* Own it: pack_mig_free. Profiles are in the product's order: "h100-80gb" has 1g.10gb,
 * 1g.10gb+me, 1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb. */
struct pack_mig *mig_of(const char *id);
/* The layout after placing profiles[p] at slice `start`. */
uint16_t placed(const struct pack_mig *mig, uint16_t layout, uint16_t p, uint8_t start);

#endif

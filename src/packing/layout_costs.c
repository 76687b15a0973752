/* SPDX-License-Identifier: Apache-2.0 */
/* Costs of MIG layouts: the fragmentation scores of MFI and of FGD, tabulated. */
#include "src/packing/baseline.h"

#include <stdlib.h>

struct product_costs {
  const struct pack_mig *mig; /* NULL: a product without placements */
  int64_t *costs;             /* [layout], in `scale` to a GPU */
  int64_t scale;
};

struct pack_layout_costs {
  const struct pack_catalog *catalog;
  uint16_t product_count;
  struct product_costs products[PACK_PRODUCTS_MAX];
};

struct pack_layout_costs *pack_layout_costs_new(const struct pack_catalog *catalog) {
  struct pack_layout_costs *costs = mem_zalloc(sizeof(*costs));
  costs->catalog = catalog;
  costs->product_count = (uint16_t)pack_catalog_count(catalog);
  for (uint16_t i = 0; i < costs->product_count; i++) {
    const struct pack_mig *mig = pack_catalog_mig(catalog, i);
    if (mig == NULL)
      continue;
    costs->products[i] = (struct product_costs){
        .mig = mig, .costs = mem_zalloc(mig->layout_count * sizeof(int64_t)), .scale = 1};
  }
  return costs;
}

void pack_layout_costs_free(struct pack_layout_costs *costs) {
  if (costs == NULL)
    return;
  for (size_t i = 0; i < costs->product_count; i++)
    free(costs->products[i].costs);
  free(costs);
}

static uint32_t window_mask(const struct pack_mig_profile *profile, uint8_t start_index) {
  return (uint32_t)((((uint64_t)1 << profile->size) - 1) << profile->starts[start_index]);
}

/* Media extensions and graphics make other profiles of the same windows. As far as room on the
 * axis goes they are one: whether an earlier profile of the product has these windows. */
static bool is_variant(const struct pack_mig *mig, uint16_t p) {
  const struct pack_mig_profile *profile = &mig->profiles[p];
  for (uint16_t i = 0; i < p; i++) {
    const struct pack_mig_profile *other = &mig->profiles[i];
    if (other->size == profile->size && other->start_count == profile->start_count &&
        memcmp(other->starts, profile->starts, profile->start_count) == 0)
      return true;
  }
  return false;
}

/* ---- MFI ----------------------------------------------------------------------------------------
 */

/* Sum, over profiles no larger than the free slices and over their legal starts, of the
 * profile's size when an occupied slice touches the window. */
static int64_t cost_mfi(const struct pack_mig *mig, uint16_t layout) {
  int64_t sum = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    const struct pack_mig_profile *profile = &mig->profiles[p];
    if (profile->size > mig->free[layout] || is_variant(mig, p))
      continue;
    for (uint8_t i = 0; i < profile->start_count; i++) {
      if ((mig->occupied[layout] & window_mask(profile, i)) != 0)
        sum += profile->size;
    }
  }
  return sum;
}

void pack_layout_costs_set_mfi(struct pack_layout_costs *costs) {
  for (size_t i = 0; i < costs->product_count; i++) {
    struct product_costs *product = &costs->products[i];
    if (product->mig == NULL)
      continue;
    product->scale = product->mig->axis;
    for (uint16_t layout = 0; layout < product->mig->layout_count; layout++)
      product->costs[layout] = cost_mfi(product->mig, layout);
  }
}

/* ---- FGD ----------------------------------------------------------------------------------------
 */

/* How many more instances of the profile the layout takes, counted from the lowest start up:
 * windows of one size, so no other order finds more. */
static int64_t count_fitting(const struct pack_mig *mig, uint16_t layout,
                             const struct pack_mig_profile *profile) {
  uint32_t occupied = mig->occupied[layout];
  int64_t count = 0;
  for (uint8_t i = 0; i < profile->start_count; i++) {
    uint32_t window = window_mask(profile, i);
    if ((occupied & window) != 0)
      continue;
    occupied |= window;
    count++;
  }
  return profile->limit != 0 && count > profile->limit ? profile->limit : count;
}

/* Popularity of the product's profiles, ret[p]; the sum. */
static int64_t weigh_profiles(const struct pack_mig *mig, uint16_t product,
                              const struct pack_tables *tables, int64_t *ret) {
  int64_t sum = 0;
  for (size_t i = 0; i < tables->class_count; i++) {
    const struct pack_class *class = &tables->classes[i];
    uint64_t allowed = class->request.products;
    if (allowed != 0 && (allowed >> product & 1) == 0)
      continue;
    for (uint32_t f = 0; f < class->request.form_count; f++) {
      const struct pack_form *form = &class->request.forms[f];
      uint16_t p =
          form->kind == PACK_SLICES ? pack_mig_find(mig, form->amount) : (uint16_t)PACK_NONE;
      if (p == PACK_NONE)
        continue;
      ret[p] += class->weight;
      sum += class->weight;
      break; /* one form is what the pod will take */
    }
  }
  return sum;
}

static int64_t weigh_alike(const struct pack_mig *mig, int64_t *ret) {
  int64_t sum = 0;
  for (uint16_t p = 0; p < mig->profile_count; p++) {
    ret[p] = !is_variant(mig, p);
    sum += ret[p];
  }
  return sum;
}

void pack_layout_costs_set_fgd(struct pack_layout_costs *costs, const struct pack_tables *tables) {
  for (uint16_t i = 0; i < costs->product_count; i++) {
    struct product_costs *product = &costs->products[i];
    const struct pack_mig *mig = product->mig;
    if (mig == NULL)
      continue;
    int64_t weights[PACK_PROFILES_MAX] = {0};
    int64_t sum = weigh_profiles(mig, i, tables, weights);
    if (sum == 0)
      sum = weigh_alike(mig, weights);
    product->scale = sum * mig->axis;
    for (uint16_t layout = 0; layout < mig->layout_count; layout++) {
      /* sum of p_m * (free - size_m * how many m still fit), p_m being weights[p] / sum */
      int64_t cost = sum * mig->free[layout];
      for (uint16_t p = 0; p < mig->profile_count; p++) {
        if (weights[p] != 0)
          cost -=
              weights[p] * mig->profiles[p].size * count_fitting(mig, layout, &mig->profiles[p]);
      }
      product->costs[layout] = cost;
    }
  }
}

/* ---- growth -------------------------------------------------------------------------------------
 */

/* To the nearest, so that equal popularities that differ by their rounding still tie. */
int64_t pack_layout_growth(const struct pack_layout_costs *costs, uint16_t product, uint16_t layout,
                           uint16_t next) {
  const struct product_costs *of = &costs->products[product];
  int64_t growth = of->costs[next] - of->costs[layout];
  return pack_floor_div(2 * growth * PACK_MICRO + of->scale, 2 * of->scale);
}

static int64_t rank_growth(void *context, const struct pack_device *device, uint16_t next) {
  return pack_layout_growth(context, device->product, device->layout, next);
}

bool pack_place_least_growth(const struct pack_layout_costs *costs, const struct pack_node *node,
                             const struct pack_request *request, uint8_t form, int64_t *ret_growth,
                             struct pack_placement *placement) {
  struct pack_placement unused;
  /* Ranks take a context that they may change; ours does not. */
  return pack_place_ranked(costs->catalog, node, request, form, rank_growth, (void *)costs,
                           ret_growth, placement != NULL ? placement : &unused);
}

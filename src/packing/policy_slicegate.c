/* SPDX-License-Identifier: Apache-2.0 */
/* Our policy: the idea is in slicegate.h, the method with its formulas in docs/packing.md. */
#include "src/packing/slicegate.h"

#include <stdlib.h>

enum { KNOWN_NODES = 8192 }; /* node values whose potential is kept; a power of two */

/* A node before anything is placed on it. */
struct known {
  uint32_t id;
  int32_t potential; /* Phi, micro-GPU */
  uint8_t hosts[LEVELS_MAX];
};

struct slicegate {
  struct smooth smooth;
  struct fragment *fragment;
  struct charges *charges;
  struct reserve *reserve;
  struct price_list list;
  int32_t prices[PACK_MILLI + 1]; /* [milli left] of a whole GPU, micro-GPU, in this mode */
  int32_t plain[PACK_MILLI + 1];  /* prices before there are tables: what is left */
  const int32_t *mig_values[PACK_PRODUCTS_MAX]; /* [layout] at the load that is seen, or NULL */
  uint8_t load;
  bool is_nearly_full;
  int64_t cpu_per_gpu, mem_per_gpu; /* milli-cores; MiB */
  struct known *known;
};

/* ---- what a device is worth ------------------------------------------------------------------ */

static int32_t shared_price(const struct pack_tables *tables, uint16_t size, uint16_t left) {
  for (size_t i = 0; i < tables->shared_count; i++)
    if (tables->shared[i].replicas == size)
      return tables->shared[i].prices[left];
  return (int32_t)((int64_t)left * PACK_MICRO / size);
}

static int32_t layout_value(const struct slicegate *ours, const struct pack_mig *mig,
                            uint8_t product, uint16_t layout) {
  const int32_t *values = ours->mig_values[product];
  return values ? values[layout] : mig->free[layout] * (PACK_MICRO / mig->axis);
}

static int32_t device_worth(const struct slicegate *ours, const struct pack_view *view,
                            const struct pack_device *device) {
  switch ((enum pack_mode)device->mode) {
  case PACK_MODE_WHOLE:
    return ours->prices[device->left];
  case PACK_MODE_SHARED:
    return shared_price(view->tables, device->size, device->left);
  case PACK_MODE_MIG:
    return layout_value(ours, pack_catalog_mig(view->catalog, device->product), device->product,
                        device->layout);
  }
  return 0;
}

/* ---- the potential of a node --------------------------------------------------------------------
 */

/* A node with some amount of CPU and memory left: sums over its devices, which a candidate then
 * changes in one place. */
struct sums {
  int64_t cpu_left, mem_left;
  struct fragment_rank rank;
  const struct fragment_row *rows[PACK_DEVICES_MAX]; /* [device] */
  int64_t worth;                                     /* micro-GPU */
  int64_t fragments;                                 /* milli * FRAGMENT_ONE, one-GPU classes */
  unsigned idle;
};

static int64_t device_fragments(const struct slicegate *ours, const struct fragment_row *row,
                                const struct pack_device *device) {
  switch ((enum pack_mode)device->mode) {
  case PACK_MODE_WHOLE:
    return fragment_whole(ours->fragment, row, device->left);
  case PACK_MODE_SHARED:
    return fragment_shared(ours->fragment, row, device->left, device->size);
  case PACK_MODE_MIG:
    return 0; /* a layout's value counts what can still use it */
  }
  return 0;
}

static void sum_up(const struct slicegate *ours, const struct pack_view *view,
                   const struct pack_node *node, int64_t cpu_left, int64_t mem_left,
                   struct sums *ret) {
  ret->cpu_left = cpu_left;
  ret->mem_left = mem_left;
  ret->rank = fragment_rank(ours->fragment, cpu_left, mem_left);
  ret->worth = 0;
  ret->fragments = 0;
  ret->idle = 0;
  for (uint16_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    ret->rows[d] = d && device->product == node->devices[d - 1].product
                       ? ret->rows[d - 1]
                       : fragment_row(ours->fragment, ret->rank, device->product);
    ret->worth += device_worth(ours, view, device);
    ret->fragments += device_fragments(ours, ret->rows[d], device);
    ret->idle += pack_device_is_idle(device);
  }
}

/* Phi = b * F_n - V, micro-GPU. `row` is one of the node's, for classes of several GPUs. */
static int32_t potential(const struct slicegate *ours, const struct sums *sums,
                         const struct fragment_row *row, int64_t worth, int64_t fragments,
                         unsigned idle) {
  int64_t cpu = INT64_MAX, memory = INT64_MAX;
  if (ours->cpu_per_gpu)
    cpu = i64_mul_sat(sums->cpu_left, PACK_MICRO) / ours->cpu_per_gpu;
  if (ours->mem_per_gpu)
    memory = i64_mul_sat(sums->mem_left >> 20, PACK_MICRO) / ours->mem_per_gpu;
  int64_t value = smooth_min(&ours->smooth, worth, cpu, memory);
  if (row)
    fragments -= fragment_several(row, idle);
  int64_t weight = ours->is_nearly_full ? WEIGHT_ONE : WEIGHT_USUAL;
  /* milli * 2^20 * weight / 2^10 -> micro */
  int64_t fragmented = fragments * weight / WEIGHT_ONE * (PACK_MICRO / PACK_MILLI) / FRAGMENT_ONE;
  return (int32_t)(fragmented - value);
}

static const struct known *know(struct slicegate *ours, const struct pack_view *view,
                                const struct pack_node *node) {
  struct known *known = &ours->known[node->id % KNOWN_NODES];
  if (known->id == node->id)
    return known;
  struct sums sums;
  sum_up(ours, view, node, node->cpu_left, node->mem_left, &sums);
  memset(known, 0, sizeof(*known));
  known->id = node->id;
  known->potential = potential(ours, &sums, node->device_count ? sums.rows[0] : NULL, sums.worth,
                               sums.fragments, sums.idle);
  reserve_hosts(view->tables, sums.idle, node->cpu_left, node->mem_left, node->products,
                known->hosts);
  return known;
}

/* ---- candidates
 * ------------------------------------------------------------------------------------- */

/* The best way found so far. */
struct best {
  bool is_found;
  int32_t gain;
  uint8_t form;
  uint8_t product;
  unsigned idle;
  struct pack_placement *placement; /* NULL: only the score is wanted */
};

static bool improves(struct best *best, int32_t gain, uint8_t form, uint8_t product,
                     unsigned idle) {
  if (best->is_found && gain <= best->gain)
    return false;
  *best = (struct best){true, gain, form, product, idle, best->placement};
  if (best->placement)
    best->placement->form = form;
  return true;
}

static void set_unit(struct best *best, struct pack_unit unit) {
  if (!best->placement)
    return;
  best->placement->unit_count = 1;
  best->placement->units[0] = unit;
}

/* A fraction of a GPU, or replicas of a shared one: every remainder once. */
static void try_part(const struct slicegate *ours, const struct pack_view *view,
                     const struct pack_node *node, const struct pack_request *request, uint8_t f,
                     const struct sums *sums, int32_t before, struct best *best) {
  const struct pack_form *form = &request->forms[f];
  for (uint8_t d = 0; d < node->device_count; d++) {
    struct pack_device device = node->devices[d];
    if (device.left < form->amount ||
        !pack_device_suits(view->catalog, &node->devices[d], request, form))
      continue;
    /* Equal to the device in front of it: the same answer. */
    if (d && memcmp(&device, &node->devices[d - 1], sizeof(device)) == 0)
      continue;
    int64_t worth = sums->worth - device_worth(ours, view, &device);
    int64_t fragments = sums->fragments - device_fragments(ours, sums->rows[d], &device);
    unsigned idle = sums->idle - pack_device_is_idle(&device);
    device.left = (uint16_t)(device.left - form->amount);
    worth += device_worth(ours, view, &device);
    fragments += device_fragments(ours, sums->rows[d], &device);
    int32_t gain = before - potential(ours, sums, sums->rows[0], worth, fragments, idle);
    if (improves(best, gain, f, device.product, idle))
      set_unit(best, (struct pack_unit){d, 0, form->amount});
  }
}

/* Whole GPUs are alike when they are idle: the lowest ones. */
static void try_whole(const struct slicegate *ours, const struct pack_view *view,
                      const struct pack_node *node, const struct pack_request *request, uint8_t f,
                      const struct sums *sums, int32_t before, struct best *best) {
  const struct pack_form *form = &request->forms[f];
  int64_t worth = sums->worth, fragments = sums->fragments;
  struct pack_unit units[PACK_UNITS_MAX];
  uint8_t placed = 0, product = 0;
  if (sums->idle < form->count)
    return;
  for (uint8_t d = 0; d < node->device_count && placed < form->count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (!pack_device_is_idle(device) || !pack_device_suits(view->catalog, device, request, form))
      continue;
    worth -= device_worth(ours, view, device);
    fragments -= device_fragments(ours, sums->rows[d], device);
    product = device->product;
    units[placed++] = (struct pack_unit){d, 0, PACK_MILLI};
  }
  if (placed < form->count)
    return;
  unsigned idle = sums->idle - placed;
  int32_t gain = before - potential(ours, sums, sums->rows[0], worth, fragments, idle);
  if (improves(best, gain, f, product, idle) && best->placement) {
    best->placement->unit_count = placed;
    memcpy(best->placement->units, units, placed * sizeof(*units));
  }
}

/* The start in this device after which its layout is worth most. */
static bool best_start(const struct slicegate *ours, const struct pack_mig *mig,
                       const struct pack_device *device, uint16_t p, int32_t *ret_worth,
                       uint8_t *ret_start, uint16_t *ret_layout) {
  bool is_found = false;
  const struct pack_mig_profile *profile = &mig->profiles[p];
  for (uint8_t i = 0; i < profile->start_count; i++) {
    uint16_t next = pack_mig_next(mig, device->layout, p, i);
    if (next == PACK_NONE)
      continue;
    int32_t worth = layout_value(ours, mig, device->product, next);
    if (is_found && worth <= *ret_worth)
      continue;
    is_found = true;
    *ret_worth = worth;
    *ret_start = profile->starts[i];
    *ret_layout = next;
  }
  return is_found;
}

/* Instances one after another, each where it costs least. */
static void try_slices(const struct slicegate *ours, const struct pack_view *view,
                       const struct pack_node *node, const struct pack_request *request, uint8_t f,
                       const struct sums *sums, int32_t before, struct best *best) {
  const struct pack_form *form = &request->forms[f];
  struct pack_device devices[PACK_DEVICES_MAX];
  struct pack_unit units[PACK_UNITS_MAX];
  uint8_t placed = 0, product = 0, taken[PACK_DEVICES_MAX] = {0};
  int64_t worth = sums->worth;
  memcpy(devices, node->devices, node->device_count * sizeof(*devices));
  for (; placed < form->count; placed++) {
    int64_t least = INT64_MAX;
    uint8_t device = 0, start = 0;
    uint16_t layout = 0;
    for (uint8_t d = 0; d < node->device_count; d++) {
      if (!pack_device_suits(view->catalog, &devices[d], request, form) ||
          (d && memcmp(&devices[d], &devices[d - 1], sizeof(*devices)) == 0))
        continue;
      const struct pack_mig *mig = pack_catalog_mig(view->catalog, devices[d].product);
      uint16_t p = pack_mig_find(mig, form->amount);
      if (mig->profiles[p].limit &&
          pack_count_instances(node, d, form->amount) + taken[d] >= mig->profiles[p].limit)
        continue;
      int32_t after;
      uint8_t at;
      uint16_t next;
      if (!best_start(ours, mig, &devices[d], p, &after, &at, &next))
        continue;
      int64_t loss = device_worth(ours, view, &devices[d]) - after;
      if (loss >= least)
        continue;
      least = loss;
      device = d;
      start = at;
      layout = next;
    }
    if (least == INT64_MAX)
      return;
    const struct pack_mig *mig = pack_catalog_mig(view->catalog, devices[device].product);
    devices[device].layout = layout;
    devices[device].left = mig->free[layout];
    taken[device]++;
    product = devices[device].product;
    worth -= least;
    units[placed] = (struct pack_unit){device, start, form->amount};
  }
  int32_t gain = before - potential(ours, sums, sums->rows[0], worth, sums->fragments, sums->idle);
  if (improves(best, gain, f, product, sums->idle) && best->placement) {
    best->placement->unit_count = placed;
    memcpy(best->placement->units, units, placed * sizeof(*units));
  }
}

static void try_form(const struct slicegate *ours, const struct pack_view *view,
                     const struct pack_node *node, const struct pack_request *request, uint8_t f,
                     const struct sums *sums, int32_t before, struct best *best) {
  const struct pack_form *form = &request->forms[f];
  if (node->counter_count && form->kind != PACK_CPU &&
      !pack_place_plain(view->catalog, node, request, f, NULL))
    return;
  bool was_found = best->is_found;
  int32_t was = best->gain;
  switch ((enum pack_kind)form->kind) {
  case PACK_CPU: {
    int32_t gain = before - potential(ours, sums, node->device_count ? sums->rows[0] : NULL,
                                      sums->worth, sums->fragments, sums->idle);
    if (improves(best, gain, f, 0, sums->idle) && best->placement)
      best->placement->unit_count = 0;
    return;
  }
  case PACK_WHOLE:
    try_whole(ours, view, node, request, f, sums, before, best);
    break;
  case PACK_FRACTION:
  case PACK_REPLICAS:
    try_part(ours, view, node, request, f, sums, before, best);
    break;
  case PACK_SLICES:
    try_slices(ours, view, node, request, f, sums, before, best);
    break;
  }
  /* The count says that it fits; where, we could not guess: rank it by nothing, do not refuse. */
  bool is_placed = best->is_found && (!was_found || best->gain != was || best->form == f);
  if (node->counter_count && !is_placed && improves(best, 0, f, 0, sums->idle) && best->placement)
    best->placement->unit_count = 0;
}

/* ---- scores
 * ---------------------------------------------------------------------------------------------- */

static uint16_t charge_of(struct slicegate *ours, const struct pack_view *view,
                          const struct pack_node *node, const struct pack_request *request,
                          const struct known *known, const struct best *best) {
  const struct pack_tables *tables = view->tables;
  if (tables->level_count == 0 && tables->bound_count == 0)
    return 0;
  struct charge charge = {0};
  uint8_t hosts[LEVELS_MAX] = {0};
  reserve_hosts(tables, best->idle, node->cpu_left - request->cpu_milli,
                node->mem_left - request->mem_bytes, node->products, hosts);
  for (size_t l = 0; l < tables->level_count; l++)
    charge.losses[l] = (uint8_t)(known->hosts[l] - hosts[l]);
  const struct pack_form *form = &request->forms[best->form];
  if (tables->bound_count && (form->kind == PACK_WHOLE || form->kind == PACK_FRACTION)) {
    charge.product = best->product;
    charge.milli = form->kind == PACK_WHOLE ? (uint32_t)form->count * PACK_MILLI : form->amount;
  }
  return charges_number(ours->charges, &charge, &ours->list);
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  struct slicegate *ours = view->state;
  /* Most nodes of a full cluster end here: nothing is free in any form that is asked for. */
  bool is_possible = false;
  for (uint8_t f = 0; f < request->form_count && !is_possible; f++)
    is_possible = request->forms[f].kind == PACK_CPU ||
                  pack_place_plain(view->catalog, node, request, f, NULL);
  if (!is_possible)
    return false;
  fragment_trim(ours->fragment);
  const struct known *known = know(ours, view, node);
  struct sums sums;
  sum_up(ours, view, node, node->cpu_left - request->cpu_milli, node->mem_left - request->mem_bytes,
         &sums);
  struct best best = {.placement = placement};
  for (uint8_t f = 0; f < request->form_count; f++)
    try_form(ours, view, node, request, f, &sums, known->potential, &best);
  if (!best.is_found)
    return false;
  *ret = (struct pack_cell){best.gain, charge_of(ours, view, node, request, known, &best)};
  return true;
}

/* ---- tables and conditions
 * ----------------------------------------------------------------------------------- */

static void forget(struct slicegate *ours) {
  memset(ours->known, 0, KNOWN_NODES * sizeof(*ours->known));
}

/* Nearly full, remainders are worth less than whole GPUs are: fill them up. */
static void set_mode(struct slicegate *ours, const struct pack_view *view, bool is_nearly_full) {
  enum { DISCOUNT_PERCENT = 70 };
  bool is_learnt = view->tables->prices[PACK_MILLI] != 0;
  const int32_t *prices = is_learnt ? view->tables->prices : ours->plain;
  ours->is_nearly_full = is_nearly_full;
  for (int r = 0; r <= PACK_MILLI; r++)
    ours->prices[r] =
        is_nearly_full && r < PACK_MILLI ? prices[r] * DISCOUNT_PERCENT / 100 : prices[r];
}

static void set_load(struct slicegate *ours, const struct pack_view *view, uint8_t load) {
  ours->load = load;
  memset(ours->mig_values, 0, sizeof(ours->mig_values));
  for (size_t i = 0; i < view->tables->mig_count; i++)
    ours->mig_values[view->tables->migs[i].product] = view->tables->migs[i].values[load];
}

static void *state_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)catalog;
  (void)seed;
  struct slicegate *ours = mem_zalloc(sizeof(*ours));
  smooth_init(&ours->smooth);
  ours->fragment = fragment_new();
  ours->charges = charges_new();
  ours->reserve = reserve_new();
  ours->known = mem_zalloc(KNOWN_NODES * sizeof(*ours->known));
  for (int r = 0; r <= PACK_MILLI; r++)
    ours->plain[r] = r * (PACK_MICRO / PACK_MILLI);
  return ours;
}

static void state_free(void *state) {
  struct slicegate *ours = state;
  fragment_free(ours->fragment);
  charges_free(ours->charges);
  reserve_free(ours->reserve);
  free(ours->known);
  free(ours);
}

static void set_tables(void *state, const struct pack_view *view) {
  struct slicegate *ours = state;
  const struct pack_tables *tables = view->tables;
  fragment_set_mix(ours->fragment, tables->classes, tables->class_count);
  charges_clear(ours->charges);
  reserve_clear(ours->reserve);
  ours->cpu_per_gpu = tables->cpu_per_gpu;
  ours->mem_per_gpu = tables->mem_per_gpu >> 20;
  set_mode(ours, view, ours->is_nearly_full);
  set_load(ours, view, ours->load);
  forget(ours);
}

/* Free GPU, in ppm of capacity, below which the cluster is nearly full: what cannot be filled
 * anyway and a little; it is left again a little higher, so that it does not flutter. */
enum { ENTER_PPM = 25000, LEAVE_PPM = 35000, PPM = 1000000 };

static bool is_nearly_full(const struct slicegate *ours, const struct pack_tables *tables,
                           const struct pack_totals *totals) {
  if (totals->whole_milli == 0)
    return false;
  int64_t limit = tables->waste_ppm + (ours->is_nearly_full ? LEAVE_PPM : ENTER_PPM);
  return totals->whole_milli_left * PPM < totals->whole_milli * limit;
}

static uint8_t load_of(const struct pack_traffic *traffic) {
  enum { FEW_DEPARTURES = 100000, LOW = 900000, EVEN = 1100000 };
  if (traffic->departures_ppm < FEW_DEPARTURES)
    return PACK_LOAD_FILL;
  return traffic->mig_load_ppm < LOW    ? PACK_LOAD_LOW
         : traffic->mig_load_ppm < EVEN ? PACK_LOAD_EVEN
                                        : PACK_LOAD_HIGH;
}

static bool set_conditions(void *state, const struct pack_view *view,
                           const struct pack_cluster *cluster, const struct pack_traffic *traffic) {
  struct slicegate *ours = state;
  reserve_prices(ours->reserve, view->tables, cluster, &ours->list);
  charges_set_prices(ours->charges, &ours->list);
  bool is_full = is_nearly_full(ours, view->tables, pack_cluster_totals(cluster));
  uint8_t load = load_of(traffic);
  bool is_void = false;
  if (is_full != ours->is_nearly_full) {
    set_mode(ours, view, is_full);
    is_void = true;
  }
  if (load != ours->load) {
    set_load(ours, view, load);
    is_void |= view->tables->mig_count > 0;
  }
  if (is_void)
    forget(ours);
  return is_void;
}

static const int32_t *charge_prices(void *state, bool *ret_is_full) {
  struct slicegate *ours = state;
  *ret_is_full = charges_is_full(ours->charges);
  return charges_prices(ours->charges);
}

static void drop_charges(void *state) {
  charges_clear(((struct slicegate *)state)->charges);
}

const struct pack_policy pack_policy_slicegate = {
    .name = "slicegate",
    .summary = "every remainder of a device has a price, set by what could still use it",
    .score = score,
    .state_new = state_new,
    .state_free = state_free,
    .set_tables = set_tables,
    .set_conditions = set_conditions,
    .charge_prices = charge_prices,
    .drop_charges = drop_charges,
};

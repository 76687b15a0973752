/* SPDX-License-Identifier: Apache-2.0 */
/* Our policy: the idea is in slicegate.h, the method with its formulas in docs/packing.md. */
#include "src/packing/slicegate.h"

#include <stdlib.h>

/* One node and one request: what the candidates are compared by. */
struct contest {
  const struct slicegate *ours;
  const struct pack_node *node;
  const struct pack_request *request;
  const struct sums *sums;          /* CPU and memory taken, devices not */
  int32_t before;                   /* the node's potential */
  struct pack_placement *placement; /* of the best so far; NULL: only the score is wanted */
  bool is_found;
  int32_t gain;
  uint8_t form;
  uint8_t product;
  uint32_t milli; /* taken of devices by the best so far */
  unsigned idle;  /* left by it */
};

/* Enters a candidate; true: it is the best so far, and the placement is to be filled in. */
static bool enter(struct contest *contest, uint8_t form, uint8_t product, uint32_t milli,
                  int64_t worth, int64_t fragments, unsigned idle) {
  int32_t gain =
      contest->before - potential_of(contest->ours, contest->sums, worth, fragments, idle);
  if (contest->is_found && gain <= contest->gain)
    return false;
  contest->is_found = true;
  contest->gain = gain;
  contest->form = form;
  contest->product = product;
  contest->milli = milli;
  contest->idle = idle;
  if (contest->placement)
    contest->placement->form = form;
  return contest->placement != NULL;
}

static void fill_units(struct contest *contest, const struct pack_unit *units, uint8_t count) {
  contest->placement->unit_count = count;
  memcpy(contest->placement->units, units, count * sizeof(*units));
}

/* A fraction of a GPU, or replicas of a shared one: every remainder once. */
static void try_part(struct contest *contest, uint8_t f) {
  const struct pack_node *node = contest->node;
  const struct pack_form *form = &contest->request->forms[f];
  const struct sums *sums = contest->sums;
  struct pack_placement theirs = {.unit_count = 0};
  if (form->kind == PACK_FRACTION && form->amount > node->most_left)
    return;
  if (pack_plugin_chooses(node, form) &&
      !pack_place_plain(contest->ours->catalog, node, contest->request, f, &theirs))
    return;
  for (uint8_t d = 0; d < node->device_count; d++) {
    struct pack_device device = node->devices[d];
    if (theirs.unit_count && d != theirs.units[0].device)
      continue;
    if (device.left < form->amount ||
        !pack_device_suits(contest->ours->catalog, &device, contest->request, form))
      continue;
    if (d && pack_device_is_same(&device, &node->devices[d - 1]))
      continue;
    int64_t worth = sums->worth - device_worth(contest->ours, &device);
    int64_t fragments = sums->fragments - device_fragments(contest->ours, sums, &device);
    unsigned idle = sums->idle - pack_device_is_idle(&device);
    device.left = (uint16_t)(device.left - form->amount);
    worth += device_worth(contest->ours, &device);
    fragments += device_fragments(contest->ours, sums, &device);
    uint32_t milli = (uint32_t)form->amount * PACK_MILLI / device.size;
    if (enter(contest, f, device.product, milli, worth, fragments, idle))
      fill_units(contest, &(struct pack_unit){d, 0, form->amount}, 1);
  }
}

/* Whole GPUs are alike when they are idle: the lowest ones. */
static void try_whole(struct contest *contest, uint8_t f) {
  const struct pack_node *node = contest->node;
  const struct pack_form *form = &contest->request->forms[f];
  struct pack_unit units[PACK_UNITS_MAX];
  int64_t worth = contest->sums->worth, fragments = contest->sums->fragments;
  uint8_t placed = 0, product = 0;
  if (node->idle < form->count)
    return;
  for (uint8_t d = 0; d < node->device_count && placed < form->count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (!pack_device_is_idle(device) ||
        !pack_device_suits(contest->ours->catalog, device, contest->request, form))
      continue;
    worth -= device_worth(contest->ours, device);
    fragments -= device_fragments(contest->ours, contest->sums, device);
    product = device->product;
    units[placed++] = (struct pack_unit){d, 0, PACK_MILLI};
  }
  if (placed == form->count && enter(contest, f, product, (uint32_t)placed * PACK_MILLI, worth,
                                     fragments, contest->sums->idle - placed))
    fill_units(contest, units, placed);
}

/* Where one more instance costs least. */
struct slot {
  int64_t loss;
  uint8_t device, start;
  uint16_t layout;
};

static void look_for_start(const struct slicegate *ours, const struct pack_device *device,
                           uint8_t index, uint16_t p, struct slot *best) {
  const struct pack_mig *mig = pack_catalog_mig(ours->catalog, device->product);
  const struct pack_mig_profile *profile = &mig->profiles[p];
  int64_t worth = layout_worth(ours, mig, device->product, device->layout);
  for (uint8_t i = 0; i < profile->start_count; i++) {
    uint16_t next = pack_mig_next(mig, device->layout, p, i);
    if (next == PACK_NONE)
      continue;
    int64_t loss = worth - layout_worth(ours, mig, device->product, next);
    if (loss < best->loss)
      *best = (struct slot){loss, index, profile->starts[i], next};
  }
}

/* Instances as they are put on a node's devices. */
struct instances {
  struct pack_device devices[PACK_DEVICES_MAX];
  struct pack_unit units[PACK_UNITS_MAX];
  uint8_t taken[PACK_DEVICES_MAX];
  uint8_t count, product;
  unsigned idle;
  uint32_t milli;
  int64_t loss;
};

/* An empty GPU that could have been switched is one idle GPU less. */
static bool takes_idle(const struct contest *contest, const struct pack_device *device) {
  return contest->ours->is_switching && pack_device_may_switch(device);
}

static void put_instance(const struct contest *contest, const struct slot *slot, uint16_t profile,
                         struct instances *on) {
  struct pack_device *device = &on->devices[slot->device];
  uint8_t left = pack_catalog_mig(contest->ours->catalog, device->product)->free[slot->layout];
  on->idle -= takes_idle(contest, device);
  on->milli += (uint32_t)(device->left - left) * PACK_MILLI / device->size;
  device->layout = slot->layout;
  device->left = left;
  on->taken[slot->device]++;
  on->product = device->product;
  on->loss += slot->loss;
  on->units[on->count++] = (struct pack_unit){slot->device, slot->start, profile};
}

static void start_instances(const struct contest *contest, struct instances *on) {
  const struct pack_node *node = contest->node;
  on->idle = contest->sums->idle;
  memcpy(on->devices, node->devices, node->device_count * sizeof(*on->devices));
  memset(on->taken, 0, sizeof(on->taken));
  on->count = on->product = 0;
  on->milli = 0;
  on->loss = 0;
}

static int32_t potential_with(const struct contest *contest, const struct instances *on,
                              const struct slot *slot) {
  const struct sums *sums = contest->sums;
  return potential_of(contest->ours, sums, sums->worth - on->loss - slot->loss, sums->fragments,
                      on->idle - takes_idle(contest, &on->devices[slot->device]));
}

/* Losses compare slots that leave equally many GPUs idle. What an idle GPU is to pods with several
 * is in no layout's value: between one that takes it and one that does not, the potential says. */
static bool is_cheaper(const struct contest *contest, const struct instances *on,
                       const struct slot *slot, const struct slot *than) {
  if (slot->loss == INT64_MAX || than->loss == INT64_MAX)
    return slot->loss < than->loss;
  int32_t potential = potential_with(contest, on, slot), other = potential_with(contest, on, than);
  if (potential != other)
    return potential < other;
  return slot->loss < than->loss || (slot->loss == than->loss && slot->device < than->device);
}

/* One after another, each where it costs least. */
static bool put_each_cheaply(const struct contest *contest, const struct pack_form *form,
                             struct instances *on) {
  const struct pack_node *node = contest->node;
  const struct pack_catalog *catalog = contest->ours->catalog;
  start_instances(contest, on);
  while (on->count < form->count) {
    struct slot best = {.loss = INT64_MAX}, idle = best; /* idle: of those that take an idle GPU */
    for (uint8_t d = 0; d < node->device_count; d++) {
      if (!pack_device_suits(catalog, &on->devices[d], contest->request, form))
        continue;
      const struct pack_mig *mig = pack_catalog_mig(catalog, on->devices[d].product);
      uint16_t p = pack_mig_find(mig, form->amount);
      uint8_t limit = mig->profiles[p].limit;
      if (limit && pack_count_instances(node, d, form->amount) + on->taken[d] >= limit)
        continue;
      if (d && !limit && pack_device_is_same(&on->devices[d], &on->devices[d - 1]))
        continue;
      look_for_start(contest->ours, &on->devices[d], d, p,
                     takes_idle(contest, &on->devices[d]) ? &idle : &best);
    }
    if (is_cheaper(contest, on, &idle, &best))
      best = idle;
    if (best.loss == INT64_MAX)
      return false;
    put_instance(contest, &best, form->amount, on);
  }
  return true;
}

/* By the plain rule, which finds a way if there is one: where windows of one profile overlap,
 * the cheapest may stand in the way of the next. */
static bool put_all_plainly(const struct contest *contest, uint8_t f, struct instances *on) {
  const struct pack_catalog *catalog = contest->ours->catalog;
  struct pack_placement plain;
  if (contest->request->forms[f].count < 2 ||
      !pack_place_plain(catalog, contest->node, contest->request, f, &plain))
    return false;
  start_instances(contest, on);
  for (uint8_t u = 0; u < plain.unit_count; u++) {
    const struct pack_unit *unit = &plain.units[u];
    const struct pack_device *device = &on->devices[unit->device];
    const struct pack_mig *mig = pack_catalog_mig(catalog, device->product);
    uint16_t p = pack_mig_find(mig, unit->amount);
    uint8_t i = 0;
    while (mig->profiles[p].starts[i] != unit->start)
      i++;
    struct slot slot = {.device = unit->device,
                        .start = unit->start,
                        .layout = pack_mig_next(mig, device->layout, p, i)};
    slot.loss = layout_worth(contest->ours, mig, device->product, device->layout) -
                layout_worth(contest->ours, mig, device->product, slot.layout);
    put_instance(contest, &slot, unit->amount, on);
  }
  return on->count == contest->request->forms[f].count;
}

/*
 * Where a plugin counts its slices the layout has been cut by whoever runs the cluster, and a free
 * slice is for its own profile whatever goes where: a layout's market value would keep room for
 * instances that cannot come. What is left to win is to leave whole nodes empty.
 */
static int64_t loss_of_counted(const struct contest *contest, const struct instances *on) {
  enum { WORTH_OF_EMPTY = PACK_MICRO / 16 };
  int64_t left = 0, size = 0;
  for (uint8_t d = 0; d < contest->node->device_count; d++) {
    left += contest->node->devices[d].left;
    size += contest->node->devices[d].size;
  }
  return (int64_t)on->milli * (PACK_MICRO / PACK_MILLI) + left * WORTH_OF_EMPTY / (size ? size : 1);
}

static void try_slices(struct contest *contest, uint8_t f) {
  const struct sums *sums = contest->sums;
  struct instances on;
  if (!put_each_cheaply(contest, &contest->request->forms[f], &on) &&
      !put_all_plainly(contest, f, &on))
    return;
  if (contest->node->counter_count)
    on.loss = loss_of_counted(contest, &on);
  if (enter(contest, f, on.product, on.milli, sums->worth - on.loss, sums->fragments, on.idle))
    fill_units(contest, on.units, on.count);
}

/*
 * On a node with counters the count has said that the form fits. Where the plugin will put it
 * we may fail to guess: then it ranks as if no device changed, and is not refused.
 */
static void try_unguessed(struct contest *contest, uint8_t f) {
  if (enter(contest, f, contest->sums->product, 0, contest->sums->worth, contest->sums->fragments,
            contest->sums->idle))
    contest->placement->unit_count = 0;
}

static void try_devices(struct contest *contest, uint8_t f) {
  switch ((enum pack_kind)contest->request->forms[f].kind) {
  case PACK_CPU:
    try_unguessed(contest, f);
    break;
  case PACK_WHOLE:
    try_whole(contest, f);
    break;
  case PACK_FRACTION:
  case PACK_REPLICAS:
    try_part(contest, f);
    break;
  case PACK_SLICES:
    try_slices(contest, f);
    break;
  }
}

static void try_form(struct contest *contest, uint8_t f) {
  const struct pack_form *form = &contest->request->forms[f];
  bool is_counted = contest->node->counter_count && form->kind != PACK_CPU;
  if (is_counted &&
      !pack_place_plain(contest->ours->catalog, contest->node, contest->request, f, NULL))
    return;
  if (form->count <= PACK_UNITS_MAX) /* a count may be larger than what can be guessed */
    try_devices(contest, f);
  if (is_counted && !contest->is_found)
    try_unguessed(contest, f);
}

/* ---- scores --------------------------------------------------------------------------------- */

/* Whether the request could go to devices in another mode. */
static bool has_choice(const struct pack_request *request) {
  for (uint32_t f = 1; f < request->form_count; f++)
    if (pack_mode_of(&request->forms[f]) != pack_mode_of(&request->forms[0]))
      return true;
  return false;
}

static uint16_t charge_of(const struct contest *contest, const struct known *known) {
  const struct slicegate *ours = contest->ours;
  const struct pack_request *request = contest->request;
  const struct pack_node *node = contest->node;
  struct charge charge = {0};
  uint16_t after =
      known->hosts ? hosts_number(ours->hosts, contest->idle, node->cpu_left - request->cpu_milli,
                                  node->mem_left - request->mem_bytes, node->products)
                   : 0;
  if (after != known->hosts || after == NUMBER_UNKNOWN) {
    charge.before = known->hosts;
    charge.after = after;
  }
  enum pack_mode mode = pack_mode_of(&request->forms[contest->form]);
  if (ours->tables->bound_count && mode == PACK_MODE_WHOLE && contest->milli) {
    charge.product = contest->product;
    charge.milli = contest->milli;
  }
  if (has_choice(request)) {
    charge.mode = (uint8_t)mode;
    charge.pool_milli = contest->milli;
  }
  return charges_number(ours->charges, &charge, &ours->list, ours->hosts);
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  struct slicegate *ours = view->state;
  if (fragment_trim(ours->fragment))
    potential_forget(ours); /* it holds rows */
  const struct known *known = potential_know(ours, node);
  struct sums sums;
  potential_after(ours, known, node, request, &sums);
  struct contest contest = {.ours = ours,
                            .node = node,
                            .request = request,
                            .sums = &sums,
                            .before = known->potential,
                            .placement = placement};
  for (uint8_t f = 0; f < request->form_count; f++)
    try_form(&contest, f);
  if (!contest.is_found)
    return false;
  *ret = (struct pack_cell){contest.gain, charge_of(&contest, known)};
  return true;
}

static int32_t potential(const struct pack_view *view, const struct pack_node *node) {
  return potential_know(view->state, node)->potential;
}

/* ---- tables and conditions ------------------------------------------------------------------- */

/* Nearly full, remainders are worth less than whole GPUs are: fill them up. */
static void set_mode(struct slicegate *ours, bool is_nearly_full) {
  enum { DISCOUNTED_PERCENT = 50 };
  bool is_learnt = ours->tables->prices[PACK_MILLI] != 0;
  ours->is_nearly_full = is_nearly_full;
  for (int r = 0; r <= PACK_MILLI; r++) {
    int32_t price = is_learnt ? ours->tables->prices[r] : r * (PACK_MICRO / PACK_MILLI);
    ours->prices[r] = is_nearly_full && r < PACK_MILLI ? price * DISCOUNTED_PERCENT / 100 : price;
  }
}

static void set_load(struct slicegate *ours, uint8_t load) {
  ours->load = load;
  memset(ours->mig_values, 0, sizeof(ours->mig_values));
  for (size_t i = 0; i < ours->tables->mig_count; i++)
    ours->mig_values[ours->tables->migs[i].product] = ours->tables->migs[i].values[load];
}

static void *state_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)seed;
  struct slicegate *ours = mem_zalloc(sizeof(*ours));
  ours->catalog = catalog;
  smooth_init(&ours->smooth);
  ours->fragment = fragment_new();
  ours->hosts = hosts_new();
  ours->charges = charges_new();
  ours->reserve = reserve_new();
  ours->known = mem_zalloc(KNOWN_NODES * sizeof(*ours->known));
  return ours;
}

static void state_free(void *state) {
  struct slicegate *ours = state;
  fragment_free(ours->fragment);
  hosts_free(ours->hosts);
  charges_free(ours->charges);
  reserve_free(ours->reserve);
  free(ours->known);
  free(ours);
}

static void set_tables(void *state, const struct pack_view *view) {
  struct slicegate *ours = state;
  ours->tables = view->tables;
  fragment_set_mix(ours->fragment, ours->tables->classes, ours->tables->class_count);
  hosts_set_levels(ours->hosts, ours->tables);
  charges_clear(ours->charges);
  reserve_clear(ours->reserve);
  ours->list = (struct price_list){0};
  ours->cpu_per_gpu = ours->tables->cpu_per_gpu;
  ours->mem_per_gpu = ours->tables->mem_per_gpu >> 20;
  set_mode(ours, ours->is_nearly_full);
  set_load(ours, ours->load);
  potential_forget(ours);
}

/*
 * Free GPU, in ppm of capacity, below which the cluster is nearly full: what cannot be filled
 * anyway and a little more. It is left again a little higher, so that it does not flutter.
 */
enum { ENTER_PPM = 25000, LEAVE_PPM = 35000, PPM = 1000000 };

static bool is_nearly_full(const struct slicegate *ours, const struct pack_totals *totals) {
  const struct pack_mode_totals *whole = &totals->modes[PACK_MODE_WHOLE];
  int64_t limit = ours->tables->waste_ppm + (ours->is_nearly_full ? LEAVE_PPM : ENTER_PPM);
  return whole->milli_left * PPM < whole->milli * limit;
}

static uint8_t load_of(const struct pack_traffic *traffic) {
  enum { FEW_DEPARTURES = 100000, LOW = 900000, EVEN = 1100000 };
  if (traffic->departures_ppm < FEW_DEPARTURES)
    return PACK_LOAD_FILL;
  return traffic->mig_load_ppm < LOW    ? PACK_LOAD_LOW
         : traffic->mig_load_ppm < EVEN ? PACK_LOAD_EVEN
                                        : PACK_LOAD_HIGH;
}

static enum pack_change set_conditions(void *state, const struct pack_view *view,
                                       const struct pack_cluster *cluster,
                                       const struct pack_traffic *traffic) {
  (void)view;
  struct slicegate *ours = state;
  struct price_list list;
  enum pack_change change = PACK_UNCHANGED;
  if (traffic->is_switching != ours->is_switching) {
    ours->is_switching = traffic->is_switching;
    reserve_clear(ours->reserve);
    change = PACK_SCORES_VOID;
  }
  reserve_prices(ours->reserve, ours->tables, cluster, ours->is_switching, &list);
  if (memcmp(&list, &ours->list, sizeof(list)) != 0) {
    ours->list = list;
    hosts_set_prices(ours->hosts, list.levels);
    charges_set_prices(ours->charges, &list, ours->hosts);
    change = change == PACK_SCORES_VOID ? change : PACK_PRICES_MOVED;
  }
  bool is_full = is_nearly_full(ours, pack_cluster_totals(cluster));
  uint8_t load = load_of(traffic);
  if (is_full != ours->is_nearly_full) {
    set_mode(ours, is_full);
    change = PACK_SCORES_VOID;
  }
  if (load != ours->load) {
    set_load(ours, load);
    change = ours->tables->mig_count ? PACK_SCORES_VOID : change;
  }
  if (change == PACK_SCORES_VOID)
    potential_forget(ours);
  return change;
}

static const int32_t *charge_prices(void *state, enum pack_room *ret_room) {
  struct slicegate *ours = state;
  enum pack_room charges = charges_room(ours->charges), hosts = hosts_room(ours->hosts);
  *ret_room = charges > hosts ? charges : hosts;
  return charges_prices(ours->charges);
}

static void drop_charges(void *state) {
  struct slicegate *ours = state;
  charges_clear(ours->charges);
  hosts_clear(ours->hosts);
  potential_forget(ours); /* it holds numbers of hosts */
}

const struct pack_policy pack_policy_slicegate = {
    .name = "slicegate",
    .summary = "every remainder of a device has a price, set by what could still use it",
    .score = score,
    .potential = potential,
    .state_new = state_new,
    .state_free = state_free,
    .set_tables = set_tables,
    .set_conditions = set_conditions,
    .charge_prices = charge_prices,
    .drop_charges = drop_charges,
};

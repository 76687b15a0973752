/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as operations on a cluster: nodes come, change and go, pods are placed, observed, moved
 * and released, whether that makes sense or not. After each one the books are checked.
 */
#include "slicegate/packing.h"
#include "tests/support/fuzz_main.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES_MAX = 10, OPERATIONS_MAX = 400, TRIALS_MAX = 4, PRODUCTS = 4, UIDS = 24 };

struct input {
  const uint8_t *data;
  size_t left;
};

struct play {
  struct input in;
  const struct pack_catalog *catalog;
  struct pack_cluster *cluster, *branch;
  struct pack_scorer *scorer;
  const struct pack_policy *policy;
};

static void demand(bool holds) {
  if (!holds)
    __builtin_trap();
}

static uint8_t byte(struct input *in) {
  if (in->left == 0)
    return 0;
  in->left--;
  return *in->data++;
}

static uint16_t word(struct input *in) {
  uint16_t high = byte(in);
  return (uint16_t)(high << 8 | byte(in));
}

/* ---- the world ------------------------------------------------------------------------------- */

static const struct pack_catalog *the_catalog(void) {
  static struct pack_catalog *catalog;
  if (catalog)
    return catalog;
  static const char *const ids[] = {"h100-80gb", "a30-24gb", "rtx-pro-6000-blackwell-96gb"};
  size_t count;
  const struct gpu_product *all = products_all(&count);
  catalog = pack_catalog_new();
  demand(pack_catalog_add_plain(catalog, STR_LIT("T4")) == 0);
  for (size_t i = 0; i < SG_ARRAY_LEN(ids); i++)
    demand(pack_catalog_add(catalog, products_find_id(all, count, str_of(ids[i]))) == i + 1);
  return catalog;
}

static struct pack_request read_request(struct play *play) {
  struct input *in = &play->in;
  uint8_t shape = byte(in);
  struct pack_request request = {.cpu_milli = word(in), .mem_bytes = word(in)};
  request.form_count = 1 + shape % 3;
  request.products = shape & 0x40 ? byte(in) & 15 : 0;
  request.needs = shape & 0x80 ? byte(in) & 3 : 0;
  request.shuns = shape & 0x20 ? byte(in) & 3 : 0;
  for (uint32_t f = 0; f < request.form_count; f++) {
    struct pack_form *form = &request.forms[f];
    uint8_t kind = byte(in);
    form->kind = kind % 5;
    form->name = kind & 0x40 ? 1 : 0;
    bool is_part = form->kind == PACK_FRACTION || form->kind == PACK_REPLICAS;
    form->count = form->kind == PACK_CPU ? 0 : is_part ? 1 : (uint16_t)(1 + byte(in));
    uint16_t profiles = (uint16_t)pack_catalog_profile_count(play->catalog);
    if (form->kind == PACK_FRACTION)
      form->amount = word(in) % 1200;
    else if (form->kind == PACK_REPLICAS)
      form->amount = byte(in);
    else if (form->kind == PACK_SLICES)
      form->amount = (uint16_t)(byte(in) % (profiles + 1u));
  }
  return request;
}

static struct pack_placement read_placement(struct play *play, const struct pack_request *request) {
  struct input *in = &play->in;
  struct pack_placement placement = {.node = byte(in) % (NODES_MAX + 1),
                                     .form = byte(in) % 4,
                                     .unit_count = byte(in) % (PACK_UNITS_MAX + 2)};
  uint8_t form = placement.form < request->form_count ? placement.form : 0;
  for (size_t u = 0; u < placement.unit_count && u < PACK_UNITS_MAX; u++) {
    uint8_t where = byte(in);
    placement.units[u] =
        (struct pack_unit){where & 15, where >> 4,
                           request->forms[form].kind == PACK_WHOLE ? (uint16_t)PACK_MILLI
                                                                   : request->forms[form].amount};
  }
  return placement;
}

static void set_node(struct play *play) {
  struct input *in = &play->in;
  struct pack_device devices[PACK_DEVICES_MAX + 1] = {{0}};
  struct pack_counter counters[4];
  char name[2] = {(char)('a' + byte(in) % NODES_MAX), 0};
  struct pack_node_spec spec = {.name = str_of(name),
                                .cpu_milli = word(in),
                                .mem_bytes = word(in),
                                .pods_max = byte(in) % 8,
                                .traits = byte(in) & 3,
                                .devices = devices,
                                .device_count = byte(in) % (PACK_DEVICES_MAX + 2),
                                .counters = counters,
                                .counter_count = 0};
  /* Most of them alike, and some that cannot be. */
  struct pack_device device = {.mode = byte(in) % 4, .product = byte(in) % (PRODUCTS + 1)};
  const struct pack_mig *mig = pack_catalog_mig(play->catalog, device.product);
  device.size = device.mode == PACK_MODE_WHOLE ? PACK_MILLI
                : device.mode == PACK_MODE_MIG ? (mig ? mig->axis : 8)
                                               : byte(in) % 16;
  for (size_t d = 0; d < spec.device_count; d++)
    devices[d] = device;
  if (spec.device_count && byte(in) % 4 == 0)
    devices[byte(in) % spec.device_count] =
        (struct pack_device){byte(in) % 4, byte(in) % (PRODUCTS + 1), word(in) % 1100, 0, 0};
  if (byte(in) % 4 == 0)
    for (; spec.counter_count < SG_ARRAY_LEN(counters); spec.counter_count++)
      counters[spec.counter_count] = (struct pack_counter){
          .kind = byte(in) % 5, .name = byte(in) % 2, .profile = byte(in) % 16, .total = byte(in)};
  struct err err;
  size_t before = pack_cluster_count(play->cluster);
  if (!pack_cluster_set_node(play->cluster, &spec, &err))
    demand(err.code == ERR_INVALID && pack_cluster_count(play->cluster) == before);
}

/* ---- the books ------------------------------------------------------------------------------- */

static void check_device(const struct pack_catalog *catalog, const struct pack_node *node,
                         uint16_t index) {
  const struct pack_device *device = &node->devices[index];
  const struct pack_mig *mig = pack_catalog_mig(catalog, device->product);
  uint32_t used = 0, occupied = 0;
  for (size_t p = 0; p < node->pod_count; p++) {
    const struct pack_pod *pod = &node->pods[p];
    for (size_t u = pod->unit_first; u < (size_t)pod->unit_first + pod->unit_count; u++) {
      const struct pack_unit *unit = &node->units[u];
      if (unit->device != index)
        continue;
      if (device->mode != PACK_MODE_MIG) {
        used += unit->amount;
        continue;
      }
      uint16_t profile = pack_mig_find(mig, unit->amount);
      demand(profile != PACK_NONE);
      uint8_t size = mig->profiles[profile].size;
      uint32_t window = (uint32_t)(((UINT64_C(1) << size) - 1) << unit->start);
      demand(!(occupied & window));
      occupied |= window;
      used += size;
    }
  }
  demand(used <= device->size && device->left == device->size - used);
  demand(device->mode != PACK_MODE_MIG || mig->occupied[device->layout] == occupied);
}

static void check_node(const struct pack_catalog *catalog, const struct pack_node *node) {
  int64_t cpu = node->cpu_milli, memory = node->mem_bytes;
  size_t units = 0;
  for (size_t p = 0; p < node->pod_count; p++) {
    const struct pack_pod *pod = &node->pods[p];
    cpu -= pod->cpu_milli;
    memory -= pod->mem_bytes;
    demand(pod->unit_first == units);
    units += pod->unit_count;
    for (size_t q = 0; q < p; q++)
      demand(node->pods[q].uid != pod->uid);
  }
  demand(node->unit_count == units && node->cpu_left == cpu && node->mem_left == memory);
  for (size_t u = 0; u < units; u++)
    demand(node->units[u].device < node->device_count);
  for (uint16_t d = 0; d < node->device_count; d++)
    check_device(catalog, node, d);
}

static void check(const struct pack_cluster *cluster) {
  const struct pack_catalog *catalog = pack_cluster_catalog(cluster);
  struct pack_totals sum = {0};
  for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
    const struct pack_node *node = pack_cluster_node(cluster, i);
    demand(i == 0 || str_cmp(pack_cluster_node(cluster, i - 1)->name, node->name) < 0);
    check_node(catalog, node);
    sum.pods += node->pod_count;
    for (uint16_t d = 0; d < node->device_count; d++) {
      const struct pack_device *device = &node->devices[d];
      sum.milli_left += (int64_t)device->left * PACK_MILLI / device->size;
      sum.modes[device->mode].devices++;
    }
  }
  const struct pack_totals *totals = pack_cluster_totals(cluster);
  demand(totals->pods == sum.pods && totals->milli_left == sum.milli_left);
  for (size_t mode = 0; mode < PACK_MODES; mode++)
    demand(totals->modes[mode].devices == sum.modes[mode].devices);
}

/* ---- operations ------------------------------------------------------------------------------ */

static void place(struct play *play) {
  struct pack_request request = read_request(play);
  uint64_t uid = byte(&play->in) % UIDS;
  struct pack_choice choices[3];
  bool fits = false;
  for (size_t i = 0; i < pack_cluster_count(play->cluster); i++)
    fits |= pack_fit(play->catalog, pack_cluster_node(play->cluster, i), &request) == PACK_FITS;
  size_t count = pack_choose(play->scorer, play->cluster, &request, choices, 3);
  demand(fits == (count > 0));
  for (size_t i = 0; i < count; i++) {
    struct pack_undo undo;
    demand(pack_try(play->cluster, UINT64_MAX - 1, &request, &choices[i].placement, &undo));
    pack_undo(play->cluster, &undo);
  }
  if (count)
    (void)!pack_commit(play->cluster, uid, &request, &choices[0].placement);
}

static void place_anyhow(struct play *play, bool is_seen) {
  struct pack_request request = read_request(play);
  struct pack_placement placement = read_placement(play, &request);
  uint64_t uid = byte(&play->in) % UIDS;
  if (is_seen)
    (void)pack_observe(play->cluster, placement.node, uid, &request,
                       byte(&play->in) % 4 ? &placement : NULL);
  else
    (void)!pack_commit(play->cluster, uid, &request, &placement);
}

/* Changes on trial, taken back. */
static void rehearse(struct play *play) {
  struct pack_undo undos[TRIALS_MAX];
  const struct pack_node *before[NODES_MAX];
  size_t depth = 0, count = pack_cluster_count(play->cluster);
  for (size_t i = 0; i < count; i++)
    before[i] = pack_cluster_node(play->cluster, i);
  while (depth < TRIALS_MAX && play->in.left) {
    uint8_t what = byte(&play->in);
    bool is_done;
    if (what % 4 == 0)
      break;
    if (what % 4 == 1) {
      is_done = pack_try_release(play->cluster, byte(&play->in) % NODES_MAX, byte(&play->in) % UIDS,
                                 &undos[depth]);
    } else {
      struct pack_request request = read_request(play);
      struct pack_placement placement = read_placement(play, &request);
      is_done = pack_try(play->cluster, what / 4, &request, &placement, &undos[depth]);
    }
    check(play->cluster);
    depth += is_done;
  }
  while (depth)
    pack_undo(play->cluster, &undos[--depth]);
  for (size_t i = 0; i < count; i++)
    demand(pack_cluster_node(play->cluster, i) == before[i]);
}

static void suggest(struct play *play) {
  struct pack_request request = read_request(play);
  struct pack_choice choice;
  struct pack_suggestion suggestion;
  if (pack_choose(play->scorer, play->cluster, &request, &choice, 1) ||
      !pack_suggest(play->scorer, play->cluster, &request, PACK_MOVES_MAX, &suggestion))
    return;
  demand(suggestion.move_count > 0 && suggestion.move_count <= PACK_MOVES_MAX);
  check(play->cluster);
  for (size_t i = 0; i < suggestion.move_count; i++) {
    const struct pack_move *move = &suggestion.moves[i];
    const struct pack_node *node = pack_cluster_node(play->cluster, move->from);
    size_t p = 0;
    while (p < node->pod_count && node->pods[p].uid != move->uid)
      p++;
    demand(p < node->pod_count);
    struct pack_request moved = {.cpu_milli = node->pods[p].cpu_milli,
                                 .mem_bytes = node->pods[p].mem_bytes,
                                 .products = node->pods[p].products,
                                 .needs = node->pods[p].needs,
                                 .shuns = node->pods[p].shuns,
                                 .form_count = 1,
                                 .forms = {node->pods[p].form}};
    demand(pack_release(play->cluster, move->from, move->uid));
    demand(pack_commit(play->cluster, move->uid, &moved, &move->to));
  }
  struct pack_undo undo;
  demand(pack_try(play->cluster, UINT64_MAX - 1, &request, &suggestion.placement, &undo));
  pack_undo(play->cluster, &undo);
}

static void go_apart(struct play *play) {
  struct pack_cluster *other = play->branch ? play->branch : pack_cluster_copy(play->cluster);
  play->branch = play->cluster;
  play->cluster = other;
}

static void another_scorer(struct play *play) {
  size_t count;
  const struct pack_policy *const *policies = pack_policies(&count);
  pack_scorer_free(play->scorer);
  play->scorer = pack_scorer_new(policies[byte(&play->in) % count], play->catalog, 1);
}

static void set_tables(struct play *play) {
  struct input *in = &play->in;
  struct arena *arena = arena_new(4096);
  struct pack_tables tables = {.class_count = byte(in) % 4,
                               .cpu_per_gpu = word(in),
                               .mem_per_gpu = (int64_t)word(in) << 12,
                               .milli_per_pod = word(in) + 1u,
                               .waste_ppm = word(in),
                               .level_count = byte(in) % 4,
                               .bound_count = byte(in) % 3};
  struct pack_class *classes = arena_array(arena, tables.class_count, sizeof(*classes));
  struct pack_level *levels = arena_array(arena, tables.level_count, sizeof(*levels));
  struct pack_bound *bounds = arena_array(arena, tables.bound_count, sizeof(*bounds));
  for (size_t i = 0; i < tables.class_count; i++)
    classes[i] = (struct pack_class){read_request(play), word(in)};
  for (size_t i = 0; i < tables.level_count; i++)
    levels[i] = (struct pack_level){
        .gpus = 2 + byte(in) % 8, .cpu_milli = word(in), .mem_bytes = word(in), .demand = word(in)};
  for (size_t i = 0; i < tables.bound_count; i++)
    bounds[i] = (struct pack_bound){1 + byte(in) % 15, word(in)};
  for (size_t mode = 0; mode < PACK_MODES; mode++)
    tables.pools[mode] = word(in);
  for (int r = 1, step = word(in) % 1000; r <= PACK_MILLI; r++)
    tables.prices[r] = tables.prices[r - 1] + (r % 50 ? step : 1000);
  tables.classes = classes;
  tables.levels = levels;
  tables.bounds = bounds;
  struct pack_tables_ref *ref = pack_tables_new(arena, &tables);
  pack_scorer_set_tables(play->scorer, ref);
  pack_tables_unref(ref);
}

static void one_operation(struct play *play) {
  struct input *in = &play->in;
  struct err err;
  char name[2] = {0};
  size_t count = pack_cluster_count(play->cluster);
  switch (byte(in) % 15) {
  case 0:
  case 1:
    set_node(play);
    break;
  case 2:
    name[0] = (char)('a' + byte(in) % NODES_MAX);
    (void)pack_cluster_remove_node(play->cluster, str_of(name));
    break;
  case 3:
  case 4:
    place(play);
    break;
  case 5:
    place_anyhow(play, false);
    break;
  case 6:
    place_anyhow(play, true);
    break;
  case 7:
    (void)pack_release(play->cluster, byte(in) % NODES_MAX, byte(in) % UIDS);
    break;
  case 8:
    rehearse(play);
    break;
  case 9:
    (void)!pack_cluster_set_mode(play->cluster, byte(in) % NODES_MAX, byte(in) % 8,
                                 (enum pack_mode)(byte(in) % PACK_MODES), byte(in), &err);
    break;
  case 10:
    suggest(play);
    break;
  case 11:
    go_apart(play);
    break;
  case 12:
    if (count)
      pack_cluster_set_traits(play->cluster, byte(in) % count, byte(in) & 3);
    pack_scorer_set_conditions(
        play->scorer, play->cluster,
        &(struct pack_traffic){word(in) * 10u, word(in) * 20u, byte(in) & 1});
    break;
  case 13:
    set_tables(play);
    break;
  default:
    another_scorer(play);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct play play = {.in = {data, size}, .catalog = the_catalog()};
  play.cluster = pack_cluster_new(play.catalog);
  another_scorer(&play);
  for (int i = 0; i < OPERATIONS_MAX && play.in.left; i++) {
    one_operation(&play);
    check(play.cluster);
  }
  if (play.branch)
    check(play.branch);
  pack_cluster_free(play.branch);
  pack_cluster_free(play.cluster);
  pack_scorer_free(play.scorer);
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragmentation gradient descent (Weng et al., USENIX ATC 2023): the placement that makes the
 * node's fragmentation grow least. The published score is floor(100 * sigmoid(d / 1000)) with d
 * in milli-GPU; its rounding matters (equal scores keep filling the first node), so it is kept.
 */
#include "src/packing/fragment.h"

#include <stdlib.h>

/* d, in millionths of a GPU, from which on the score is 1, 2, ... 99: 10^6 * ln(s / (100 - s)). */
static const int32_t steps[] = {
    -4595119, -3891820, -3476098, -3178053, -2944438, -2751535, -2586689, -2442347, -2313634,
    -2197224, -2090741, -1992430, -1900958, -1815289, -1734601, -1658228, -1585627, -1516347,
    -1450010, -1386294, -1324925, -1265666, -1208311, -1152679, -1098612, -1045968, -994622,
    -944461,  -895384,  -847297,  -800119,  -753771,  -708185,  -663294,  -619039,  -575364,
    -532216,  -489548,  -447312,  -405465,  -363965,  -322773,  -281851,  -241162,  -200670,
    -160342,  -120144,  -80042,   -40005,   0,        40006,    80043,    120145,   160343,
    200671,   241163,   281852,   322774,   363966,   405466,   447313,   489549,   532217,
    575365,   619040,   663295,   708186,   753772,   800120,   847298,   895385,   944462,
    994623,   1045969,  1098613,  1152680,  1208312,  1265667,  1324926,  1386295,  1450011,
    1516348,  1585628,  1658229,  1734602,  1815290,  1900959,  1992431,  2090742,  2197225,
    2313635,  2442348,  2586690,  2751536,  2944439,  3178054,  3476099,  3891821,  4595120,
};

/* `growth` in micro-GPU. */
static int32_t score_of(int64_t growth) {
  size_t low = 0, high = SG_ARRAY_LEN(steps);
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (steps[middle] <= -growth)
      low = middle + 1;
    else
      high = middle;
  }
  return (int32_t)low;
}

struct fgd {
  struct fragment *fragment;
  struct pack_layout_costs *costs; /* the same measure on MIG layouts */
};

/* What F_n grows by, in micro-GPU, once the form's units are taken from these devices. */
static int64_t growth_of(struct fragment *fragment, const struct pack_node *node,
                         const struct pack_request *request, const struct pack_unit *units,
                         size_t unit_count) {
  struct pack_device devices[PACK_DEVICES_MAX];
  memcpy(devices, node->devices, node->device_count * sizeof(*devices));
  for (size_t u = 0; u < unit_count; u++) {
    struct pack_device *device = &devices[units[u].device];
    device->left = (uint16_t)(device->left - units[u].amount);
  }
  struct pack_node then = *node;
  then.devices = devices;
  then.cpu_left -= request->cpu_milli;
  then.mem_left -= request->mem_bytes;
  int64_t growth = fragment_node(fragment, &then) - fragment_node(fragment, node);
  return pack_floor_div(growth * (PACK_MICRO / PACK_MILLI), FRAGMENT_ONE);
}

static void consider(struct pack_cell *best, struct pack_placement *placement, bool *found,
                     int32_t score, uint8_t form, const struct pack_placement *candidate) {
  if (*found && score <= best->score)
    return;
  *found = true;
  *best = (struct pack_cell){.score = score};
  if (placement) {
    uint32_t node = placement->node;
    *placement = *candidate;
    placement->form = form;
    placement->node = node;
  }
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  const struct fgd *fgd = view->state;
  (void)fragment_trim(fgd->fragment);
  bool found = false;
  for (uint8_t f = 0; f < request->form_count; f++) {
    const struct pack_form *form = &request->forms[f];
    struct pack_placement candidate = {0};
    int64_t growth;
    if (form->kind == PACK_SLICES) {
      if (pack_place_least_growth(fgd->costs, node, request, f, &growth, &candidate))
        consider(ret, placement, &found, score_of(growth), f, &candidate);
      continue;
    }
    if (!pack_place_plain(view->catalog, node, request, f, &candidate))
      continue;
    bool is_part = form->kind == PACK_FRACTION || form->kind == PACK_REPLICAS;
    if (!is_part || candidate.unit_count == 0 || pack_plugin_chooses(node, form)) {
      growth = growth_of(fgd->fragment, node, request, candidate.units, candidate.unit_count);
      consider(ret, placement, &found, score_of(growth), f, &candidate);
      continue;
    }
    for (uint8_t d = 0; d < node->device_count; d++) {
      if (node->devices[d].left < form->amount ||
          !pack_device_suits(view->catalog, &node->devices[d], request, form))
        continue;
      candidate.units[0] = (struct pack_unit){d, 0, form->amount};
      growth = growth_of(fgd->fragment, node, request, candidate.units, 1);
      consider(ret, placement, &found, score_of(growth), f, &candidate);
    }
  }
  return found;
}

static void *state_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)seed;
  struct fgd *fgd = mem_zalloc(sizeof(*fgd));
  fgd->fragment = fragment_new();
  fgd->costs = pack_layout_costs_new(catalog);
  return fgd;
}

static void state_free(void *state) {
  struct fgd *fgd = state;
  fragment_free(fgd->fragment);
  pack_layout_costs_free(fgd->costs);
  free(fgd);
}

static void set_tables(void *state, const struct pack_view *view) {
  struct fgd *fgd = state;
  fragment_set_mix(fgd->fragment, view->tables->classes, view->tables->class_count);
  pack_layout_costs_set_fgd(fgd->costs, view->tables);
}

const struct pack_policy pack_policy_fgd = {
    .name = "fgd",
    .summary = "least growth of fragmentation against the mix (Weng et al., ATC 2023)",
    .score = score,
    .state_new = state_new,
    .state_free = state_free,
    .set_tables = set_tables,
};

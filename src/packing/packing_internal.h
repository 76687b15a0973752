/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this module only. */
#ifndef SLICEGATE_PACKING_INTERNAL_H
#define SLICEGATE_PACKING_INTERNAL_H

#include "slicegate/packing.h"

/* ---- policies ---------------------------------------------------------------------------------
 */

/* What a score may look at, beside node and request. */
struct pack_view {
  const struct pack_catalog *catalog;
  const struct pack_tables *tables; /* never NULL; without a mix an empty one */
  void *state;                      /* the policy's own, from state_new; or NULL */
};

/* A score as it is cached: what holds as long as the node value and the tables do, and which
 * of the policy's charges, whose prices move with the conditions, is to be subtracted (0: none).
 * |score| and prices stay below 2^30. */
struct pack_cell {
  int32_t score;
  uint16_t charge;
};

/*
 * The best placement on one node. Called only for nodes where CPU, memory, pods and traits
 * suffice. False: no form fits. `placement` may be NULL (only the score is wanted); otherwise
 * form, unit_count and units are filled. Larger scores win; equal ones go to the first node.
 */
typedef bool pack_score_fn(const struct pack_view *view, const struct pack_node *node,
                           const struct pack_request *request, struct pack_cell *ret,
                           struct pack_placement *placement);

/* Whether more charges can be made: less than one request may need, or some have gone without. */
enum pack_room { PACK_ROOM_ENOUGH, PACK_ROOM_LITTLE, PACK_ROOM_EXCEEDED };

/* What new conditions mean for cached scores. */
enum pack_change { PACK_UNCHANGED, PACK_PRICES_MOVED, PACK_SCORES_VOID };

struct pack_policy {
  const char *name;
  const char *summary;
  pack_score_fn *score;
  /* All optional: */
  bool looks_at_pods; /* scores nodes that are alike differently, by the pods on them */
  /* What a node value is worth less than nothing, as scores measure it: a score is its fall from
   * before to after. Without it moves are judged by scores alone. */
  int32_t (*potential)(const struct pack_view *view, const struct pack_node *node);
  void *(*state_new)(const struct pack_catalog *catalog, uint64_t seed);
  void (*state_free)(void *state);
  void (*set_tables)(void *state, const struct pack_view *view); /* tables were swapped */
  /* How full the cluster is was looked at. */
  enum pack_change (*set_conditions)(void *state, const struct pack_view *view,
                                     const struct pack_cluster *cluster,
                                     const struct pack_traffic *traffic);
  /* Prices by charge, [0] == 0, none below 0. Charges are made while scoring; before there is no
   * room for more they are all dropped (with the cached scores) by drop_charges. One that is made
   * without room is dear, never free: its node is taken last. */
  const int32_t *(*charge_prices)(void *state, enum pack_room *ret_room);
  void (*drop_charges)(void *state);
  /* Policies whose choice is no maximum of scores (random, roundrobin): picks one of the
   * `count` nodes that fit, given as indices in ascending order. */
  size_t (*pick)(void *state, const uint32_t *nodes, size_t count, size_t cluster_count);
};

extern const struct pack_policy pack_policy_slicegate, pack_policy_fgd, pack_policy_random,
    pack_policy_firstfit, pack_policy_dotprod, pack_policy_clustering, pack_policy_packing,
    pack_policy_bestfit, pack_policy_leastallocated, pack_policy_mostallocated,
    pack_policy_requestedtocapacityratio, pack_policy_mfi, pack_policy_fgd_masks,
    pack_policy_worstfit, pack_policy_roundrobin;

/* ---- fit (fit.c) --------------------------------------------------------------------------------
 */

/* Traits, pods, CPU and memory: everything but devices. */
enum pack_reason pack_fit_host(const struct pack_node *node, const struct pack_request *request);
/* What a form asks of its counter or device, in the unit of its kind. */
static inline int32_t pack_form_asks(const struct pack_form *form) {
  return form->kind == PACK_FRACTION || form->kind == PACK_REPLICAS ? form->amount : form->count;
}

/* ---- devices (fit.c)
 * ----------------------------------------------------------------------------- */

/* The mode of the devices that a form is met by. */
static inline enum pack_mode pack_mode_of(const struct pack_form *form) {
  return form->kind == PACK_SLICES     ? PACK_MODE_MIG
         : form->kind == PACK_REPLICAS ? PACK_MODE_SHARED
                                       : PACK_MODE_WHOLE;
}
static inline bool pack_device_is_allowed(const struct pack_device *device,
                                          const struct pack_request *request) {
  return request->products == 0 || (request->products >> device->product & 1);
}
bool pack_device_has_profile(const struct pack_catalog *catalog, const struct pack_device *device,
                             uint16_t profile);
/* Whether the device may serve the request at all: an allowed product, in the form's mode, and
 * (slices) of a product with the profile. Says nothing of what is free. */
static inline bool pack_device_suits(const struct pack_catalog *catalog,
                                     const struct pack_device *device,
                                     const struct pack_request *request,
                                     const struct pack_form *form) {
  return device->mode == pack_mode_of(form) && pack_device_is_allowed(device, request) &&
         (form->kind != PACK_SLICES || pack_device_has_profile(catalog, device, form->amount));
}
/* A whole GPU nobody uses. */
static inline bool pack_device_is_idle(const struct pack_device *device) {
  return device->mode == PACK_MODE_WHOLE && device->left == device->size;
}
/* To whole mode, where somebody does that. */
static inline bool pack_device_may_switch(const struct pack_device *device) {
  return device->mode == PACK_MODE_MIG && device->left == device->size;
}
/* In every respect: what is true of one is true of the other. */
static inline bool pack_device_is_same(const struct pack_device *a, const struct pack_device *b) {
  return a->mode == b->mode && a->product == b->product && a->size == b->size &&
         a->left == b->left && a->layout == b->layout;
}
/* Instances of profiles[p] on the device, for profiles with a limit of their own. */
unsigned pack_count_instances(const struct pack_node *node, uint8_t device, uint16_t profile);
/*
 * Places one form by the plainest rule: tightest sufficient remainder for fractions and
 * replicas, lowest idle GPUs for whole ones, lowest device and lowest start for instances.
 * False: the devices do not fit it. Nodes with counters: by count, the prediction as far as it
 * goes, as NVIDIA's plugin places when it is told nothing: replicas on the GPU with the most left.
 * `placement` may be NULL.
 */
bool pack_place_plain(const struct pack_catalog *catalog, const struct pack_node *node,
                      const struct pack_request *request, uint8_t form,
                      struct pack_placement *placement);
/* Replicas that a plugin counts: it chooses the GPU, by the plain rule. */
static inline bool pack_plugin_chooses(const struct pack_node *node, const struct pack_form *form) {
  return node->counter_count > 0 && form->kind == PACK_REPLICAS;
}
/* The counter that a form draws on, or NULL. */
const struct pack_counter *pack_find_counter(const struct pack_node *node,
                                             const struct pack_form *form);

/* ---- costs of MIG layouts (layout_costs.c)
 * ---------------------------------------------------------------------- */

/*
 * A number for each layout of each product of a catalog; policies place where it grows least.
 * Growth is told in micro-GPU, so that products compare.
 */
struct pack_layout_costs;
/* All of them 0. */
struct pack_layout_costs *pack_layout_costs_new(const struct pack_catalog *catalog) SG_MUST_CHECK;
void pack_layout_costs_free(struct pack_layout_costs *costs);
/* MFI's fragmentation score, which knows no mix. */
void pack_layout_costs_set_mfi(struct pack_layout_costs *costs);
/* FGD's measure on masks, for the classes of the mix that ask for slices; for a product that
 * none of them asks for, as if all its profiles were asked for alike. */
void pack_layout_costs_set_fgd(struct pack_layout_costs *costs, const struct pack_tables *tables);
int64_t pack_layout_growth(const struct pack_layout_costs *costs, uint16_t product, uint16_t layout,
                           uint16_t next);
/*
 * Places instances (form->kind PACK_SLICES) where the costs grow least, one after another; ties
 * go to the lowest device, the lowest start. False: they do not fit. `placement` may be NULL.
 */
bool pack_place_least_growth(const struct pack_layout_costs *costs, const struct pack_node *node,
                             const struct pack_request *request, uint8_t form, int64_t *ret_growth,
                             struct pack_placement *placement);

/* ---- scorers, for searches (scorer.c) -----------------------------------------------------------
 */

/* The score of a value that need not be in a cluster, and its placement unless NULL; false: the
 * request does not fit it. */
bool pack_scorer_score_node(struct pack_scorer *scorer, const struct pack_node *node,
                            const struct pack_request *request, int64_t *ret_score,
                            struct pack_placement *placement);
/* 0 for policies without potentials. */
int64_t pack_scorer_potential(struct pack_scorer *scorer, const struct pack_node *node);

/* ---- integers -----------------------------------------------------------------------------------
 */

/* Towards minus infinity; b > 0. */
static inline int64_t pack_floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && a < 0);
}

#endif

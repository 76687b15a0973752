/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random: one of the nodes that fit, each as likely, and on it one of the GPUs (MIG: one of the
 * windows) that fit. The lot is drawn once a choice, in `pick`; a placement is a function of the
 * lot, so that it may be asked for again.
 */
#include "src/packing/baseline.h"

#include <stdlib.h>

struct state {
  uint64_t generator;
  uint64_t lot; /* of the last choice */
};

/* splitmix64. */
static uint64_t draw(uint64_t *generator) {
  uint64_t z = *generator += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

static void *state_new(const struct pack_catalog *catalog, uint64_t seed) {
  (void)catalog;
  struct state *state = mem_zalloc(sizeof(*state));
  state->generator = seed;
  return state;
}

static size_t pick(void *state, const uint32_t *nodes, size_t count, size_t cluster_count) {
  (void)cluster_count;
  struct state *random = state;
  random->lot = draw(&random->generator);
  return nodes[(random->lot >> 32) * count >> 32];
}

/* The places of a node draw lots, and the lowest wins. (56 bits: ranks are added up.) */
static int64_t rank_lot(void *context, const struct pack_device *device, uint16_t next) {
  (void)device;
  (void)next;
  return (int64_t)(draw(context) >> 8);
}

static bool score_form(const struct pack_view *view, const struct pack_node *node,
                       const struct pack_request *request, uint8_t form, int32_t *ret_score,
                       struct pack_placement *placement) {
  const struct state *state = view->state;
  uint64_t generator = state->lot;
  int64_t unused;
  *ret_score = 0;
  return pack_place_ranked(view->catalog, node, request, form, rank_lot, &generator, &unused,
                           placement);
}

static bool score(const struct pack_view *view, const struct pack_node *node,
                  const struct pack_request *request, struct pack_cell *ret,
                  struct pack_placement *placement) {
  return pack_best_form(score_form, view, node, request, ret, placement);
}

const struct pack_policy pack_policy_random = {
    .name = "random",
    .summary = "a node by lot, and on it a GPU by lot",
    .score = score,
    .state_new = state_new,
    .state_free = free,
    .pick = pick,
};

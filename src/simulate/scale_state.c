/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster of any size in the shares of suite C, each node with eight GPUs. It is filled with
 * pods of suite C, each on the first node that takes it behind a drawn one, so that all nodes
 * are in use and hardly two are alike; then with small pods without GPU.
 */
#include "src/simulate/scale.h"

#include <malloc.h>
#include <stdlib.h>

enum { GPUS = 8, CORE = 1000 };

size_t scale_memory_in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/* Half of the nodes with whole GPUs, three tenths in MIG mode, as in suite C. */
static struct mixed_shape shape_of(uint32_t nodes) {
  const struct mixed_shape *c = &mixed_shape_c;
  uint32_t all = c->nodes[MIXED_WHOLE] + c->nodes[MIXED_MIG] + c->nodes[MIXED_SHARED];
  struct mixed_shape shape = {0};
  uint64_t whole = (uint64_t)nodes * c->nodes[MIXED_WHOLE] / all;
  uint64_t mig = (uint64_t)nodes * c->nodes[MIXED_MIG] / all;
  shape.nodes[MIXED_WHOLE] = (uint32_t)whole;
  shape.nodes[MIXED_MIG] = (uint32_t)mig;
  shape.nodes[MIXED_SHARED] = nodes - shape.nodes[MIXED_WHOLE] - shape.nodes[MIXED_MIG];
  for (size_t pool = 0; pool < MIXED_POOLS; pool++) {
    shape.gpus[pool] = GPUS;
    shape.cpu_milli[pool] = c->cpu_milli[pool] / c->gpus[pool] * GPUS;
  }
  return shape;
}

/* ---- pods -------------------------------------------------------------------------------------
 */

const struct pack_request *scale_draw(struct scale_state *state) {
  return mixed_pods_draw(state->pods, &state->list, &state->forms);
}

bool scale_place(struct scale_state *state, const struct pack_request *request,
                 const struct pack_placement *placement) {
  if (!pack_commit(state->cluster, state->next_uid, request, placement))
    return false;
  uint64_t uid = state->next_uid++;
  int64_t milli = mixed_milli(state->pods, request);
  if (milli == 0)
    return true;
  if (state->live_count == state->live_cap) {
    state->live_cap = state->live_cap ? state->live_cap * 2 : 1024;
    state->live = mem_realloc(state->live, state->live_cap * sizeof(*state->live));
  }
  state->live[state->live_count++] = (struct scale_pod){uid, placement->node, milli};
  state->used_milli += milli;
  return true;
}

void scale_hold_load(struct scale_state *state) {
  while (state->used_milli > state->target_milli && state->live_count) {
    size_t i = sim_random_below(&state->lots, state->live_count);
    struct scale_pod gone = state->live[i];
    state->live[i] = state->live[--state->live_count];
    (void)pack_release(state->cluster, gone.node, gone.uid);
    state->used_milli -= gone.milli;
  }
}

/* Behind a drawn node, and around; false: nowhere. */
static bool place_somewhere(struct scale_state *state, struct pack_scorer *scorer,
                            const struct pack_request *request) {
  size_t count = pack_cluster_count(state->cluster);
  size_t from = sim_random_below(&state->lots, count);
  for (size_t i = 0; i < count; i++) {
    size_t node = (from + i) % count;
    struct pack_choice choice;
    if (pack_score(scorer, state->cluster, node, request, &choice))
      return scale_place(state, request, &choice.placement);
  }
  return false;
}

/* Small pods, one for each node in turn, as far as their CPU goes. */
static void top_up(struct scale_state *state, struct pack_scorer *scorer) {
  const struct pack_request small = pack_request_of(CORE / 10, INT64_C(128) << 20, PACK_CPU, 0, 0);
  size_t count = pack_cluster_count(state->cluster);
  size_t refused = 0; /* in a row */
  for (size_t i = 0; refused < count; i = (i + 1) % count) {
    if (pack_cluster_totals(state->cluster)->pods >= (uint64_t)count * SCALE_PODS_PER_NODE)
      return;
    struct pack_choice choice;
    bool is_placed = pack_score(scorer, state->cluster, i, &small, &choice) &&
                     scale_place(state, &small, &choice.placement);
    refused = is_placed ? 0 : refused + 1;
  }
}

static void fill(struct scale_state *state) {
  enum { MISSES_MAX = 1000 }; /* in a row: what fits is in */
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("firstfit")), state->pods->catalog, 0);
  for (size_t misses = 0; state->used_milli < state->target_milli && misses < MISSES_MAX;)
    misses = place_somewhere(state, scorer, scale_draw(state)) ? 0 : misses + 1;
  top_up(state, scorer);
  pack_scorer_free(scorer);
}

/* ---- the state ----------------------------------------------------------------------------------
 */

bool scale_state_init(struct scale_state *state, const struct mixed_catalog *catalog,
                      const struct mixed_pods *pods, uint32_t nodes, uint64_t seed,
                      struct err *reterr) {
  *state = (struct scale_state){.pods = pods,
                                .list = sim_random_of(seed, SIM_STREAM_PODS),
                                .forms = sim_random_of(seed, SIM_STREAM_FORMS),
                                .lots = sim_random_of(seed, SIM_STREAM_POLICY)};
  struct sim_random order = sim_random_of(seed, SIM_STREAM_NODES);
  struct mixed_shape shape = shape_of(nodes);
  size_t before = scale_memory_in_use();
  state->cluster = mixed_cluster(catalog, &shape, &order, &state->pools, reterr);
  if (!state->cluster)
    return false;
  state->node_bytes = scale_memory_in_use() - before;
  state->target_milli = pack_cluster_totals(state->cluster)->milli / 100 * SCALE_FILLED_PERCENT;
  fill(state);
  size_t list_bytes = state->live_cap * sizeof(*state->live);
  state->pod_bytes = scale_memory_in_use() - before - state->node_bytes - list_bytes;
  return true;
}

void scale_state_done(struct scale_state *state) {
  pack_cluster_free(state->cluster);
  free(state->pools);
  free(state->live);
}

/* ---- a cold start -------------------------------------------------------------------------------
 */

static bool add_empty(struct pack_cluster *cluster, const struct pack_node *node,
                      struct err *reterr) {
  struct pack_device devices[PACK_DEVICES_MAX];
  for (size_t d = 0; d < node->device_count; d++) {
    devices[d] = node->devices[d];
    devices[d].left = devices[d].size;
    devices[d].layout = 0;
  }
  struct pack_node_spec spec = {.name = node->name,
                                .cpu_milli = node->cpu_milli,
                                .mem_bytes = node->mem_bytes,
                                .pods_max = node->pods_max,
                                .traits = node->traits,
                                .devices = devices,
                                .device_count = node->device_count};
  return pack_cluster_set_node(cluster, &spec, reterr);
}

static bool add_pods(struct pack_cluster *cluster, const struct pack_node *node, uint32_t index,
                     struct err *reterr) {
  for (uint32_t p = 0; p < node->pod_count; p++) {
    const struct pack_pod *pod = &node->pods[p];
    struct pack_request request;
    memset(&request, 0, sizeof(request));
    request.cpu_milli = pod->cpu_milli;
    request.mem_bytes = pod->mem_bytes;
    request.form_count = 1;
    request.forms[0] = pod->form;
    struct pack_placement placement = {.node = index, .unit_count = (uint8_t)pod->unit_count};
    memcpy(placement.units, &node->units[pod->unit_first],
           pod->unit_count * sizeof(placement.units[0]));
    if (!pack_commit(cluster, pod->uid, &request, &placement))
      return err_set(reterr, ERR_INTERNAL, "a pod that is there does not fit there");
  }
  return true;
}

struct pack_cluster *scale_rebuild(const struct scale_state *state, struct err *reterr) {
  struct pack_cluster *cluster = pack_cluster_new(state->pods->catalog);
  size_t count = pack_cluster_count(state->cluster);
  bool is_good = true;
  for (size_t n = 0; n < count && is_good; n++)
    is_good = add_empty(cluster, pack_cluster_node(state->cluster, n), reterr);
  for (size_t n = 0; n < count && is_good; n++)
    is_good = add_pods(cluster, pack_cluster_node(state->cluster, n), (uint32_t)n, reterr);
  if (is_good)
    return cluster;
  pack_cluster_free(cluster);
  return NULL;
}

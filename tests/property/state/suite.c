/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random legal histories of a cluster against the twin. An API server that changes its objects and
 * tells of each kind in order, but of no kind in step with another; duplicates, late deletions,
 * lists in the middle that begin twice; holds that come, are replaced, expire, are confirmed or
 * contradicted. After every step all sums are those of the twin, the invariants hold, and nothing
 * has drifted; at the end a state that was told only what there is now is the same.
 */
#include "tests/property/state/twin.h"

#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include <inttypes.h>

enum { ROUNDS = 100, STEPS = 300, QUEUE_MAX = 64 };

struct event {
  bool is_gone;
  int index;
  union {
    struct twin_node node;
    struct twin_pod pod;
  };
};
struct queue {
  struct event events[QUEUE_MAX];
  size_t count;
};

struct round {
  struct random random;
  uint64_t seed;
  size_t step;
  struct arena *arena; /* of one call */
  struct state *state;
  struct twin truth, told; /* what the API server has; what it has told */
  struct queue nodes, pods;
  uint64_t last_uid;
  int64_t now, learnt; /* GPU pods that news say are running */
  enum { LISTS_NOTHING, LISTS_NODES, LISTS_PODS } listing;
  int list_next;
  bool is_listed[TWIN_PODS];
  uint64_t last_number_seen;
};

#define CHECK(r, condition, ...)                                                                   \
  ck_assert_msg(condition, "seed %" PRIu64 " step %zu: %s", (r)->seed, (r)->step,                  \
                str_printf((r)->arena, __VA_ARGS__).ptr)

static size_t below(struct round *r, size_t n) {
  return random_below(&r->random, n);
}

static bool one_in(struct round *r, size_t n) {
  return random_one_in(&r->random, n);
}

/* ---- the twin's objects as the API server would write them --------------------------------- */

static struct str node_name(struct round *r, int index) {
  return str_printf(r->arena, "n%d", index);
}

static struct quantity quantity(size_t resource, int64_t amount) {
  if (resource == TWIN_CPU) /* halves */
    return (struct quantity){amount / 2, (int32_t)(amount % 2 * 500000000)};
  if (resource == TWIN_CARD)
    return (struct quantity){amount * (PACK_MILLI / TWIN_ONE_CARD), 0};
  return (struct quantity){amount, 0};
}

static void add_label(struct node *node, struct key_value *labels, const char *key,
                      const char *value) {
  labels[node->label_count++] = (struct key_value){str_of(key), str_of(value)};
}

static void put_node(struct round *r, struct state *state, int index,
                     const struct twin_node *from) {
  struct resource_amount *list = arena_array(r->arena, TWIN_RESOURCES + 1, sizeof(*list));
  struct key_value *labels = arena_array(r->arena, 4, sizeof(*labels));
  struct node node = {.name = node_name(r, index), .labels = labels, .allocatable = list};
  for (size_t i = 0; i <= TWIN_RESOURCES; i++) {
    int64_t amount = i < TWIN_RESOURCES ? from->amounts[i] : from->pods;
    if (amount < 0)
      continue;
    list[node.allocatable_count++] =
        (struct resource_amount){.name = str_of(i < TWIN_RESOURCES ? twin_names[i] : "pods"),
                                 .text = str_printf(r->arena, "%" PRId64 "/%zu", amount, i),
                                 .amount = quantity(i, amount),
                                 .is_valid = true};
  }
  bool is_single = from->meaning == TWIN_SINGLE;
  add_label(&node, labels, "nvidia.com/gpu.product",
            is_single ? "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb" : "NVIDIA-H100-80GB-HBM3");
  if (is_single)
    add_label(&node, labels, "nvidia.com/mig.strategy", "single");
  if (from->meaning == TWIN_REPLICAS)
    add_label(&node, labels, "nvidia.com/gpu.replicas", "3");
  add_label(&node, labels, "zone", from->zone ? "a" : "b");
  state_put_node(state, &node);
}

static struct str uid_text(struct round *r, uint64_t uid) {
  return str_printf(r->arena, "uid-%" PRIu64, uid);
}

static struct pod make_pod(struct round *r, int index, const struct twin_pod *from) {
  static const size_t orders[2][TWIN_RESOURCES] = {
      {TWIN_CPU, TWIN_MEMORY, TWIN_GPU, TWIN_MIG, TWIN_SHARED, TWIN_CARD},
      {TWIN_CARD, TWIN_MIG, TWIN_GPU, TWIN_SHARED, TWIN_MEMORY, TWIN_CPU}};
  struct resource_request *list = arena_array(r->arena, TWIN_RESOURCES, sizeof(*list));
  struct pod_device *device = arena_alloc(r->arena, sizeof(*device));
  struct pod made = {.ns = STR_LIT("team"),
                     .name = str_printf(r->arena, "p%d", index),
                     .uid = uid_text(r, from->uid),
                     .resource_version = str_printf(r->arena, "%zu", r->step),
                     .phase = from->is_over      ? PHASE_FAILED
                              : from->is_running ? PHASE_RUNNING
                                                 : PHASE_PENDING,
                     .requests = list};
  for (size_t i = 0; i < TWIN_RESOURCES; i++) {
    size_t resource = orders[from->is_mig_first][i];
    if (from->amounts[resource])
      list[made.request_count++] = (struct resource_request){
          str_of(twin_names[resource]), quantity(resource, from->amounts[resource])};
  }
  if (from->device >= 0) {
    *device = (struct pod_device){
        .resource = str_of(twin_names[from->amounts[TWIN_CARD] ? TWIN_CARD : TWIN_GPU]),
        .index = from->device};
    made.devices = device;
    made.device_count = 1;
  }
  if (from->nominated >= 0)
    made.nominated_node = node_name(r, from->nominated);
  if (from->node >= 0)
    made.constraints.node_name = node_name(r, from->node);
  return made;
}

static void put_pod(struct round *r, struct state *state, int index, const struct twin_pod *from) {
  struct pod pod = make_pod(r, index, from);
  state_put_pod(state, &pod);
}

/* ---- the API server changes something ---------------------------------------------------- */

static void emit(struct queue *queue, const struct event *event) {
  ck_assert_uint_lt(queue->count, QUEUE_MAX);
  queue->events[queue->count++] = *event;
}

static void change_node(struct round *r) {
  int index = (int)below(r, TWIN_NODES);
  struct twin_node *node = &r->truth.nodes[index];
  if (node->is_there && one_in(r, 6)) {
    node->is_there = false;
    emit(&r->nodes, &(struct event){.is_gone = true, .index = index});
    return;
  }
  if (!node->is_there || one_in(r, 2)) {
    bool is_here = node->is_there;
    *node = (struct twin_node){.is_there = true,
                               .pods = one_in(r, 12) ? 0 : 2 + (int64_t)below(r, 5),
                               .meaning = is_here && !one_in(r, 3)
                                              ? node->meaning
                                              : (enum twin_meaning)below(r, TWIN_MEANINGS)};
    node->amounts[TWIN_CPU] = (int64_t)below(r, 10);
    node->amounts[TWIN_MEMORY] = (int64_t)below(r, 10);
    bool has_cards = one_in(r, 4);
    for (size_t d = TWIN_DEVICES; d < TWIN_DEVICES_END; d++)
      node->amounts[d] = has_cards || one_in(r, 3) ? -1 : (int64_t)below(r, 6);
    node->amounts[TWIN_CARD] = has_cards || one_in(r, 6) ? TWIN_ONE_CARD : -1;
  } else if (one_in(r, 2)) { /* a plugin restarts */
    for (size_t d = TWIN_DEVICES; d < TWIN_DEVICES_END; d++)
      node->amounts[d] = node->amounts[d] > 0 ? 0 : node->amounts[d] == 0 ? 4 : -1;
    if (node->amounts[TWIN_CARD] >= 0)
      node->amounts[TWIN_CARD] = TWIN_ONE_CARD - node->amounts[TWIN_CARD];
  } else {
    node->zone = !node->zone;
  }
  emit(&r->nodes, &(struct event){.index = index, .node = *node});
}

/* Told at once: slices are a kind of their own, in step with no other. */
static void put_slices(struct round *r, struct state *state, int index, bool has_slices) {
  struct str name = node_name(r, index);
  if (has_slices)
    state_put_dra(state, STATE_SLICES, (struct str){0}, name, name, 4);
  else
    state_drop_dra(state, STATE_SLICES, (struct str){0}, name);
}

static void change_slices(struct round *r) {
  size_t index = below(r, TWIN_NODES);
  r->told.has_slices[index] = !r->told.has_slices[index];
  put_slices(r, r->state, (int)index, r->told.has_slices[index]);
}

static void create_pod(struct round *r, struct twin_pod *pod) {
  *pod = (struct twin_pod){.is_there = true,
                           .uid = ++r->last_uid,
                           .node = -1,
                           .nominated = -1,
                           .device = one_in(r, 6) ? (int)below(r, 6) : -1,
                           .is_mig_first = one_in(r, 2)};
  pod->amounts[TWIN_CPU] = (int64_t)below(r, 4);
  pod->amounts[TWIN_MEMORY] = (int64_t)below(r, 3);
  if (one_in(r, 4))
    pod->amounts[TWIN_CARD] = 1 + (int64_t)below(r, TWIN_ONE_CARD);
  else if (!one_in(r, 5))
    pod->amounts[TWIN_DEVICES + below(r, 3)] = 1 + (int64_t)below(r, 3);
  if (one_in(r, 6))
    pod->amounts[TWIN_DEVICES + below(r, 2)] = 1 + (int64_t)below(r, 2);
  if (one_in(r, 5)) /* made with a node: never waits */
    pod->node = (int)below(r, TWIN_NODES);
}

static void change_pod(struct round *r) {
  int index = (int)below(r, TWIN_PODS);
  struct twin_pod *pod = &r->truth.pods[index];
  if (pod->is_there && one_in(r, pod->is_over ? 2 : 8)) {
    pod->is_there = false;
    emit(&r->pods, &(struct event){.is_gone = true, .index = index, .pod = *pod});
    return;
  }
  if (!pod->is_there)
    create_pod(r, pod);
  else if (pod->node < 0 && one_in(r, 2))
    pod->node = (int)below(r, TWIN_NODES);
  else if (pod->node < 0)
    pod->nominated = one_in(r, 3) ? -1 : (int)below(r, TWIN_NODES);
  else if (!pod->is_running)
    pod->is_running = true;
  else if (one_in(r, 3))
    pod->is_over = true;
  else if (one_in(r, 2))
    pod->device = (int)below(r, 7) - 1;
  else /* resized in place */
    pod->amounts[TWIN_CPU] = (int64_t)below(r, 4);
  emit(&r->pods, &(struct event){.index = index, .pod = *pod});
}

/* ---- and tells --------------------------------------------------------------------------- */

static void tell_node(struct round *r, const struct event *event) {
  if (event->is_gone) {
    state_drop_node(r->state, node_name(r, event->index));
    twin_drop_node(&r->told, event->index);
    return;
  }
  put_node(r, r->state, event->index, &event->node);
  twin_put_node(&r->told, event->index, &event->node);
}

static void tell_pod(struct round *r, const struct event *event) {
  if (event->is_gone) {
    state_drop_pod(r->state, STR_LIT("team"), str_printf(r->arena, "p%d", event->index),
                   uid_text(r, event->pod.uid));
    twin_drop_pod(&r->told, event->index, event->pod.uid);
    return;
  }
  put_pod(r, r->state, event->index, &event->pod);
  twin_put_pod(&r->told, event->index, &event->pod);
}

static bool next(struct queue *queue, struct event *ret) {
  if (queue->count == 0)
    return false;
  *ret = queue->events[0];
  queue->count--;
  memmove(queue->events, queue->events + 1, queue->count * sizeof(*ret));
  return true;
}

static void tell(struct round *r) {
  struct event event;
  bool is_pod = one_in(r, 2);
  /* Between begin and synced a watch tells of nothing but the list. */
  if (is_pod && r->listing != LISTS_PODS && next(&r->pods, &event))
    tell_pod(r, &event);
  if (!is_pod && r->listing != LISTS_NODES && next(&r->nodes, &event))
    tell_node(r, &event);
}

/* The same once more; or the end of somebody who has been replaced. */
static void repeat(struct round *r) {
  int node = (int)below(r, TWIN_NODES), pod = (int)below(r, TWIN_PODS);
  if (r->told.nodes[node].is_there && r->listing != LISTS_NODES)
    put_node(r, r->state, node, &r->told.nodes[node]);
  if (!r->told.pods[pod].is_there || r->listing == LISTS_PODS)
    return;
  put_pod(r, r->state, pod, &r->told.pods[pod]);
  if (r->told.pods[pod].uid > 1)
    state_drop_pod(r->state, STR_LIT("team"), str_printf(r->arena, "p%d", pod),
                   uid_text(r, r->last_uid + 100));
}

/* ---- lists ------------------------------------------------------------------------------- */

static void begin_list(struct round *r) {
  r->listing = one_in(r, 2) ? LISTS_NODES : LISTS_PODS;
  r->list_next = 0;
  memset(r->is_listed, 0, sizeof(r->is_listed));
  state_begin(r->state, r->listing == LISTS_NODES ? STATE_NODES : STATE_PODS);
  if (one_in(r, 5))
    state_begin(r->state, r->listing == LISTS_NODES ? STATE_NODES : STATE_PODS);
}

static void end_list(struct round *r) {
  bool is_nodes = r->listing == LISTS_NODES;
  state_synced(r->state, is_nodes ? STATE_NODES : STATE_PODS);
  for (int i = 0; is_nodes && i < TWIN_NODES; i++)
    if (r->told.nodes[i].is_there && !r->is_listed[i])
      twin_drop_node(&r->told, i);
  for (int i = 0; !is_nodes && i < TWIN_PODS; i++)
    if (r->told.pods[i].is_there && !r->is_listed[i])
      twin_drop_pod(&r->told, i, r->told.pods[i].uid);
  r->listing = LISTS_NOTHING;
}

/* A list is of one moment: what changes behind it is told after it. */
static void list_on(struct round *r) {
  if (r->listing == LISTS_NOTHING) {
    begin_list(r);
    return;
  }
  bool is_nodes = r->listing == LISTS_NODES;
  struct queue *queue = is_nodes ? &r->nodes : &r->pods;
  if (r->list_next == 0)
    queue->count = 0;
  /* The rest at once, so that the moment is one. */
  for (int i = 0; i < (is_nodes ? TWIN_NODES : TWIN_PODS); i++) {
    if (is_nodes ? !r->truth.nodes[i].is_there : !r->truth.pods[i].is_there)
      continue;
    r->is_listed[i] = true;
    if (is_nodes)
      tell_node(r, &(struct event){.index = i, .node = r->truth.nodes[i]});
    else
      tell_pod(r, &(struct event){.index = i, .pod = r->truth.pods[i]});
  }
  end_list(r);
}

/* ---- holds ------------------------------------------------------------------------------- */

static bool ask(struct round *r, const struct pod *pod, int node, struct pack_asked *ret_asked,
                struct pack_placement *ret) {
  struct err err;
  if (!state_ask(r->state, r->arena, pod, ret_asked, &err))
    return false;
  *ret = (struct pack_placement){0};
  const struct pack_form *first = &ret_asked->request.forms[0];
  if (pack_is_card_name(ret_asked->device)) {
    ret->unit_count = 1;
    ret->units[0].amount = first->kind == PACK_WHOLE ? PACK_MILLI : first->amount;
    return true;
  }
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(r->state);
  size_t at = state_snapshot_find(snapshot, node_name(r, node), SIZE_MAX);
  /* The form that the node has, be there room for it or not: what the pod itself holds so far is
   * given back first. */
  for (uint8_t f = 0; at != SIZE_MAX && f < ret_asked->request.form_count; f++) {
    const struct pack_node *there = pack_cluster_node(state_snapshot_cluster(snapshot), at);
    const struct pack_form *form = &ret_asked->request.forms[f];
    for (uint16_t c = 0; c < there->counter_count; c++)
      if (there->counters[c].name == form->name && there->counters[c].kind == form->kind)
        ret->form = f;
  }
  return true;
}

static void hold(struct round *r) {
  int index = (int)below(r, TWIN_PODS), node = (int)below(r, TWIN_NODES);
  /* kube-scheduler has a watch of its own: it may know more than we were told, or less. */
  const struct twin_pod *from = one_in(r, 2) ? &r->truth.pods[index] : &r->told.pods[index];
  if (from->uid == 0)
    return;
  struct twin_pod waiting = *from;
  waiting.node = -1;
  struct pod pod = make_pod(r, index, &waiting);
  struct pack_asked asked;
  struct pack_placement placement;
  if (!ask(r, &pod, node, &asked, &placement))
    return;
  struct twin_hold twin = {.uid = from->uid,
                           .pod = index,
                           .node = node,
                           .kind = (enum state_hold_kind)below(r, STATE_FIRM + 1),
                           .until = r->now + (int64_t)below(r, 40)};
  memcpy(twin.amounts, from->amounts, sizeof(twin.amounts));
  enum state_held held = state_hold(r->state, &(struct state_hold){.kind = twin.kind,
                                                                   .ns = pod.ns,
                                                                   .name = pod.name,
                                                                   .uid = pod.uid,
                                                                   .asked = &asked,
                                                                   .node = node_name(r, node),
                                                                   .placement = &placement,
                                                                   .until_ms = twin.until});
  enum state_held expected = twin_hold(&r->told, &twin);
  CHECK(r, held == expected, "pod %d on node %d: held %d, the twin says %d", index, node, (int)held,
        (int)expected);
}

static void unhold(struct round *r) {
  if (one_in(r, 12)) {
    state_unhold_all(r->state);
    twin_unhold_all(&r->told);
    return;
  }
  uint64_t uid = r->told.pods[below(r, TWIN_PODS)].uid;
  bool is_firm_too = one_in(r, 2);
  if (one_in(r, 3)) {
    CHECK(r, state_unplan(r->state, uid_text(r, uid)) == twin_unplan(&r->told, uid), "uid %" PRIu64,
          uid);
    return;
  }
  CHECK(r,
        state_unhold(r->state, uid_text(r, uid), is_firm_too) ==
            twin_unhold(&r->told, uid, is_firm_too),
        "uid %" PRIu64, uid);
}

static void pass_time(struct round *r) {
  r->now += (int64_t)below(r, 10);
  CHECK(r, state_expire(r->state, r->now) == twin_expire(&r->told, r->now), "expired");
}

/* ---- what must hold ---------------------------------------------------------------------- */

/* What is left by the name, as a pod that asks for it is told. */
static int64_t counted(struct round *r, struct state *state, const struct pack_node *node,
                       size_t resource) {
  struct resource_request request = {str_of(twin_names[resource]), {1, 0}};
  struct pod pod = {.name = STR_LIT("probe"), .requests = &request, .request_count = 1};
  struct pack_asked asked;
  struct err err;
  CHECK(r, state_ask(state, r->arena, &pod, &asked, &err), "%s", err.text);
  for (uint16_t c = 0; c < node->counter_count; c++)
    if (node->counters[c].name == asked.request.forms[0].name)
      return node->counters[c].left;
  return INT64_MIN;
}

static size_t soft_holds(const struct twin *twin, int node) {
  size_t count = 0;
  for (size_t h = 0; h < twin->hold_count; h++)
    count += twin->holds[h].node == node && twin->holds[h].kind != STATE_FIRM;
  return count;
}

static void check_node(struct round *r, struct state *state, const struct state_snapshot *snapshot,
                       const struct twin *twin, int index) {
  size_t at = state_snapshot_find(snapshot, node_name(r, index), SIZE_MAX);
  const struct twin_node *expected = &twin->nodes[index];
  CHECK(r, (at != SIZE_MAX) == expected->is_there, "node %d", index);
  if (!expected->is_there)
    return;
  const struct pack_node *node = pack_cluster_node(state_snapshot_cluster(snapshot), at);
  struct twin_sums sums = twin_sum(twin, index, true);
  CHECK(r, node->cpu_left == sums.left[TWIN_CPU] * 500, "node %d: cpu %" PRId64 ", not %" PRId64,
        index, node->cpu_left, sums.left[TWIN_CPU] * 500);
  CHECK(r, node->mem_left == sums.left[TWIN_MEMORY], "node %d: memory", index);
  CHECK(r, node->pod_count == sums.pods, "node %d: %u pods, not %" PRId64, index, node->pod_count,
        sums.pods);
  if (twin_has_card(expected)) {
    int64_t left = sums.left[TWIN_CARD] > 0 ? sums.left[TWIN_CARD] : 0;
    CHECK(r, node->devices[0].left == left * (PACK_MILLI / TWIN_ONE_CARD),
          "node %d: %u left of its card, not %" PRId64, index, node->devices[0].left, left);
  }
  for (size_t d = TWIN_DEVICES; d < TWIN_DEVICES_END; d++) {
    int64_t left = counted(r, state, node, d);
    int64_t is = expected->amounts[d] < 0 ? INT64_MIN : sums.left[d];
    CHECK(r, left == is, "node %d: %" PRId64 " of %s, not %" PRId64, index, left, twin_names[d],
          is);
    const uint64_t *listing = state_snapshot_listing(snapshot, str_of(twin_names[d]));
    /* 0 of it says nothing where a driver lists devices; of a card it does. */
    bool is_listed =
        expected->amounts[d] > 0 ||
        (expected->amounts[d] == 0 && (d == TWIN_CARD || !twin_is_counted_elsewhere(twin, index)));
    CHECK(r, (listing && listing[at / 64] >> at % 64 & 1) == is_listed, "node %d: listing of %s",
          index, twin_names[d]);
  }
  const struct state_node *labelled = state_snapshot_node(snapshot, at);
  CHECK(r, str_eq(labelled->node.name, node->name), "node %d: another's labels", index);
  CHECK(r, labelled->takes_no_pods == (expected->pods == 0), "node %d: takes pods", index);
  CHECK(r, labelled->is_unreadable == twin_is_unreadable(twin, index), "node %d: readable", index);
  CHECK(r, labelled->is_counted_elsewhere == twin_is_counted_elsewhere(twin, index),
        "node %d: counted elsewhere", index);
  const uint64_t *pods;
  size_t held = state_snapshot_holds(snapshot, at, &pods);
  CHECK(r, held == soft_holds(twin, index), "node %d: %zu holds", index, held);
  const struct pack_node *without =
      pack_node_without(state_snapshot_cluster(snapshot), at, pods, held);
  CHECK(r, without->pod_count + held == node->pod_count, "node %d: holds of others", index);
  pack_node_unref(without);
}

static void check_all(struct round *r, struct state *state, const struct twin *twin) {
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(state);
  struct state_stats stats;
  size_t pods = 0, waiting = 0, homeless = 0, excess = 0, holds[STATE_FIRM + 1] = {0};
  for (int i = 0; i < TWIN_NODES; i++) {
    check_node(r, state, snapshot, twin, i);
    excess += twin->nodes[i].is_there && twin_sum(twin, i, true).is_excess;
  }
  for (size_t p = 0; p < TWIN_PODS; p++) {
    const struct twin_pod *pod = &twin->pods[p];
    pods += pod->is_there;
    waiting += twin_waits(pod) && twin_asks_gpu(pod);
    homeless += twin_is_placed(pod) && !twin->nodes[pod->node].is_there;
  }
  for (size_t h = 0; h < twin->hold_count; h++)
    holds[twin->holds[h].kind]++;
  state_get_stats(state, &stats);
  CHECK(r, stats.objects[STATE_PODS] == pods, "%zu pods", stats.objects[STATE_PODS]);
  CHECK(r, stats.waiting_pods == waiting, "%zu wait, not %zu", stats.waiting_pods, waiting);
  CHECK(r, stats.homeless_pods == homeless, "%zu homeless", stats.homeless_pods);
  CHECK(r, stats.excess_nodes == excess, "%zu nodes in excess", stats.excess_nodes);
  for (size_t kind = 0; kind <= STATE_FIRM; kind++)
    CHECK(r, stats.holds[kind] == holds[kind], "%zu holds of kind %zu, not %zu", stats.holds[kind],
          kind, holds[kind]);
  CHECK(r, stats.drift == 0, "drift");
}

/* What news have added up to is what runs. */
static void check_news(struct round *r) {
  struct state_news news[64];
  size_t count;
  while ((count = state_take_news(r->state, news, SG_ARRAY_LEN(news))) > 0)
    for (size_t i = 0; i < count; i++)
      r->learnt += news[i].story == STATE_FOUND || news[i].story == STATE_PLACED ? 1
                   : news[i].story == STATE_DEPARTED                             ? -1
                                                                                 : 0;
  int64_t running = 0;
  for (size_t p = 0; p < TWIN_PODS; p++) {
    const struct twin_pod *pod = &r->told.pods[p];
    running += twin_is_placed(pod) && twin_asks_gpu(pod) == 1;
  }
  CHECK(r, r->learnt == running, "news of %" PRId64 " pods, %" PRId64 " run", r->learnt, running);
}

/* ---- copies ------------------------------------------------------------------------------ */

/* Whether the extender lets the pod through to the node, and whether it has judged that. */
static bool is_let_through(const struct state_snapshot *snapshot, size_t at,
                           const struct pack_asked *asked, bool *ret_is_judged) {
  const struct pack_cluster *cluster = state_snapshot_cluster(snapshot);
  const uint64_t *listing = state_snapshot_listing(snapshot, asked->device);
  *ret_is_judged = asked->device.len == 0 || (listing && listing[at / 64] >> at % 64 & 1);
  if (!*ret_is_judged)
    return state_snapshot_node(snapshot, at)->is_counted_elsewhere;
  return pack_fit(pack_cluster_catalog(cluster), pack_cluster_node(cluster, at), &asked->request) ==
         PACK_FITS;
}

static void check_judged(struct round *r, const struct state_snapshot *snapshot,
                         const struct pack_scene *scene, const struct pack_asked *live,
                         const struct pack_asked *copied) {
  const struct pack_cluster *cluster = pack_scene_cluster(scene);
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    struct str name = pack_cluster_node(cluster, n)->name;
    size_t at = state_snapshot_find(snapshot, name, n);
    bool is_judged, passes = is_let_through(snapshot, at, live, &is_judged);
    uint32_t blocks = pack_scene_judge(scene, n, copied).blocks;
    if (state_snapshot_node(snapshot, at)->takes_no_pods)
      continue;
    if (is_judged || !passes)
      CHECK(r, passes == (blocks == 0), "%.*s, %.*s %" PRId64 ": %x", STR_FMT(name),
            STR_FMT(live->device), live->device_count, blocks);
    else
      CHECK(r, blocks & PACK_BLOCK_UNREADABLE, "%.*s, %.*s: %x", STR_FMT(name),
            STR_FMT(live->device), blocks);
  }
}

/* Who judges a copy of the cluster, as explain does, says what the extender says. */
static void check_copy(struct round *r, struct state *state) {
  CLEANUP_SNAPSHOT const struct state_snapshot *snapshot = state_snapshot(state);
  struct cluster cluster;
  struct err err = {0};
  state_record(state, r->arena, &cluster);
  struct pack_catalog *catalog = pack_catalog_new();
  struct pack_intake *intake = pack_intake_new(catalog, products_builtin(), &cluster, &err);
  struct pack_scene *scene = pack_scene_new(intake, &err);
  for (int p = 0; p < TWIN_PODS; p++) {
    struct twin_pod waiting = r->told.pods[p];
    waiting.node = -1;
    struct pod pod = make_pod(r, p, &waiting);
    struct pack_asked live, copied;
    bool is_read = state_ask(state, r->arena, &pod, &live, &err);
    CHECK(r, is_read == pack_scene_ask(scene, r->arena, &pod, &copied, &err), "p%d: %s", p,
          err.text);
    if (is_read)
      check_judged(r, snapshot, scene, &live, &copied);
  }
  pack_scene_free(scene);
  pack_intake_free(intake);
  pack_catalog_free(catalog);
}

/* Told of everything once, in an order of its own. */
static struct state *make_fresh(struct round *r, const struct twin *plain) {
  struct state_options options = {.products = products_builtin()};
  struct state *fresh = state_new(&options);
  int first = (int)below(r, TWIN_PODS), node = (int)below(r, TWIN_NODES);
  for (int i = 0; i < TWIN_PODS; i++) {
    int p = (first + i) % TWIN_PODS, n = (node + i) % TWIN_NODES;
    if (i < TWIN_NODES && plain->nodes[n].is_there)
      put_node(r, fresh, n, &plain->nodes[n]);
    if (i < TWIN_NODES)
      put_slices(r, fresh, n, plain->has_slices[n]);
    if (plain->pods[p].is_there)
      put_pod(r, fresh, p, &plain->pods[p]);
  }
  return fresh;
}

static void check_fresh(struct round *r) {
  struct twin plain = r->told;
  plain.hold_count = 0;
  struct state *fresh = make_fresh(r, &plain);
  check_all(r, fresh, &plain);
  check_copy(r, fresh);
  state_free(fresh);
}

static void check_without_holds(struct round *r) {
  struct twin plain = r->told;
  plain.hold_count = 0;
  for (int p = 0; p < TWIN_PODS; p++)
    (void)state_unhold(r->state, uid_text(r, plain.pods[p].uid), true);
  state_unhold_all(r->state);
  (void)state_expire(r->state, INT64_MAX);
  check_all(r, r->state, &plain);
  check_copy(r, r->state);
}

static void one_step(struct round *r) {
  switch (below(r, 12)) {
  case 0:
  case 1:
    if (r->nodes.count < QUEUE_MAX)
      change_node(r);
    if (one_in(r, 6))
      change_slices(r);
    break;
  case 2:
  case 3:
  case 4:
    if (r->pods.count < QUEUE_MAX)
      change_pod(r);
    break;
  case 5:
    repeat(r);
    break;
  case 6:
    if (one_in(r, 4) || r->listing != LISTS_NOTHING)
      list_on(r);
    break;
  case 7:
  case 8:
    hold(r);
    break;
  case 9:
    if (one_in(r, 2))
      unhold(r);
    else
      pass_time(r);
    break;
  default:
    tell(r);
    break;
  }
  tell(r);
}

static void play(uint64_t seed) {
  struct state_options options = {.products = products_builtin()};
  static struct round round;
  struct round *r = &round;
  *r = (struct round){.seed = seed, .arena = arena_new(64 * 1024), .state = state_new(&options)};
  random_init(&r->random, seed);
  for (r->step = 0; r->step < STEPS; r->step++) {
    one_step(r);
    check_all(r, r->state, &r->told);
    check_news(r);
    if (one_in(r, 4))
      CHECK(r, state_verify(r->state, TWIN_NODES) == 0, "differs from what is known");
    if (one_in(r, 128))
      check_fresh(r);
    arena_reset(r->arena);
  }
  check_fresh(r);
  check_without_holds(r);
  state_free(r->state);
  arena_free(r->arena);
}

START_TEST(histories_end_where_the_twin_does) {
  uint64_t seed = random_seed();
  for (uint64_t i = 0; i < ROUNDS; i++)
    play(seed + i);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("property: state");
  TCase *tcase = tcase_create("twin");
  tcase_set_timeout(tcase, 240);
  tcase_add_test(tcase, histories_end_where_the_twin_does);
  suite_add_tcase(suite, tcase);
  return suite;
}

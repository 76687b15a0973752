/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everybody at once: watches that write, deciders that ask and hold, readers of snapshots, somebody
 * who verifies. Observed pods never exceed a node here, so in no snapshot anything may be below
 * zero. For ThreadSanitizer.
 */
#include "tests/support/check_main.h"
#include "tests/support/state_lab.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

TCase *tcase_threads(void);

enum { NODES = 6, GPUS = 4, PODS = NODES * GPUS, ROUNDS = 60, HOLDERS = 2, READERS = 2, TEXT = 32 };

struct stress {
  struct state *state;
  atomic_bool is_over;
  atomic_size_t held, below_zero, out_of_order, differed;
};
struct worker {
  pthread_t thread;
  struct stress *stress;
  size_t number;
};

static struct str text(char *into, char kind, size_t a, size_t b) {
  size_t len = 0;
  into[len++] = kind;
  for (size_t part = 0; part < 2; part++) {
    size_t value = part ? b : a;
    into[len++] = '-';
    for (size_t digit = 1000; digit; digit /= 10)
      into[len++] = (char)('0' + value / digit % 10);
  }
  return (struct str){into, len};
}

static struct resource_request one_gpu(void) {
  return (struct resource_request){STR_LIT("nvidia.com/gpu"), {1, 0}};
}

/* ---- the watches ------------------------------------------------------------------------- */

static void put_node(struct stress *stress, size_t n, size_t round) {
  char name[TEXT], zone[TEXT];
  struct key_value labels[] = {
      {STR_LIT("nvidia.com/gpu.product"), STR_LIT("NVIDIA-H100-80GB-HBM3")},
      {STR_LIT("round"), text(zone, 'r', round / 3, 0)}};
  struct resource_amount allocatable[] = {
      {STR_LIT("cpu"), STR_LIT("8"), {8, 0}, true},
      {STR_LIT("memory"), STR_LIT("1Gi"), {1 << 30, 0}, true},
      {STR_LIT("nvidia.com/gpu"), STR_LIT("4"), {GPUS, 0}, true}};
  state_put_node(stress->state, &(struct node){.name = text(name, 'n', n, 0),
                                               .labels = labels,
                                               .label_count = SG_ARRAY_LEN(labels),
                                               .allocatable = allocatable,
                                               .allocatable_count = SG_ARRAY_LEN(allocatable)});
}

static void *watch_nodes(void *argument) {
  struct worker *worker = argument;
  struct stress *stress = worker->stress;
  char name[TEXT];
  for (size_t round = 0; round < ROUNDS; round++) {
    state_begin(stress->state, STATE_NODES);
    for (size_t n = 0; n < NODES; n++)
      put_node(stress, n, round);
    state_synced(stress->state, STATE_NODES);
    if (round + 1 < ROUNDS) {
      state_drop_node(stress->state, text(name, 'n', round % NODES, 0));
      put_node(stress, round % NODES, round);
    }
  }
  return NULL;
}

static void put_pod(struct stress *stress, size_t p, size_t round, bool is_bound,
                    enum pod_phase phase) {
  char name[TEXT], uid[TEXT], node[TEXT];
  struct resource_request request = one_gpu();
  struct pod pod = {.ns = STR_LIT("team"),
                    .name = text(name, 'p', p, 0),
                    .uid = text(uid, 'u', p, round),
                    .phase = phase,
                    .requests = &request,
                    .request_count = 1};
  if (is_bound)
    pod.constraints.node_name = text(node, 'n', p % NODES, 0);
  state_put_pod(stress->state, &pod);
}

static void *watch_pods(void *argument) {
  struct worker *worker = argument;
  struct stress *stress = worker->stress;
  while (atomic_load(&stress->held) == 0) /* else a busy machine lets the others start too late */
    (void)sched_yield();
  for (size_t round = 0; round < ROUNDS; round++) {
    state_begin(stress->state, STATE_PODS);
    for (size_t p = 0; p < PODS; p++)
      put_pod(stress, p, round, false, PHASE_PENDING); /* another uid: the last one is gone */
    state_synced(stress->state, STATE_PODS);
    for (size_t p = 0; p < PODS; p++)
      put_pod(stress, p, round, true, PHASE_RUNNING);
    for (size_t p = round % 3; p < PODS && round + 1 < ROUNDS; p += 3)
      put_pod(stress, p, round, true, PHASE_SUCCEEDED);
  }
  return NULL;
}

/* ---- those who decide -------------------------------------------------------------------- */

static void hold_one(struct stress *stress, struct arena *arena, size_t p, size_t round) {
  char name[TEXT], uid[TEXT], node[TEXT];
  struct resource_request request = one_gpu();
  struct pod pod = {.ns = STR_LIT("team"),
                    .name = text(name, 'p', p % PODS, 0),
                    .uid = text(uid, 'u', p % PODS, round % ROUNDS),
                    .requests = &request,
                    .request_count = 1};
  struct pack_asked asked;
  struct err err;
  struct pack_placement placement = {0};
  if (!state_ask(stress->state, arena, &pod, &asked, &err))
    return;
  struct state_hold hold = {.kind = (enum state_hold_kind)(p % (STATE_FIRM + 1)),
                            .ns = pod.ns,
                            .name = pod.name,
                            .uid = pod.uid,
                            .asked = &asked,
                            .node = text(node, 'n', (p * 7 + round) % NODES, 0),
                            .placement = &placement,
                            .until_ms = (int64_t)(p % 100)};
  if (hold.kind == STATE_FIRM)
    (void)state_make_way(stress->state, hold.node, &asked, hold.uid);
  atomic_fetch_add(&stress->held, state_hold(stress->state, &hold) == STATE_HELD);
}

static void *decide(void *argument) {
  struct worker *worker = argument;
  struct stress *stress = worker->stress;
  struct arena *arena = arena_new(4096);
  char uid[TEXT];
  for (size_t i = worker->number; !atomic_load(&stress->is_over); i += HOLDERS) {
    hold_one(stress, arena, i, i / 11);
    if (i % 5 == 0)
      (void)state_unhold(stress->state, text(uid, 'u', i % PODS, i / 11 % ROUNDS), true);
    if (i % 50 == 0)
      (void)state_expire(stress->state, (int64_t)(i % 100));
    if (i % 500 == 0)
      state_unhold_all(stress->state);
    arena_reset(arena);
  }
  arena_free(arena);
  return NULL;
}

/* ---- those who look ---------------------------------------------------------------------- */

static size_t count_below_zero(const struct state_snapshot *snapshot) {
  const struct pack_cluster *cluster = state_snapshot_cluster(snapshot);
  size_t count = 0;
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    const uint64_t *pods;
    size_t held = state_snapshot_holds(snapshot, n, &pods);
    /* Firm holds stay beside what is observed; others do not. */
    count += (node->counters[0].left < 0 && held) || held > node->pod_count;
    count += (size_t)node->counters[0].left + node->pod_count != GPUS;
    count += !str_eq(state_snapshot_node(snapshot, n)->node.name, node->name);
    count += state_snapshot_find(snapshot, node->name, SIZE_MAX) != n;
  }
  return count;
}

static void *look(void *argument) {
  struct worker *worker = argument;
  struct stress *stress = worker->stress;
  struct arena *arena = arena_new(4096);
  uint64_t last = 0;
  size_t count;
  while (!atomic_load(&stress->is_over)) {
    const struct state_snapshot *snapshot = state_snapshot(stress->state);
    atomic_fetch_add(&stress->below_zero, count_below_zero(snapshot));
    atomic_fetch_add(&stress->out_of_order, state_snapshot_generation(snapshot) < last);
    last = state_snapshot_generation(snapshot);
    state_snapshot_unref(snapshot);
    (void)state_waiting(stress->state, arena, &count);
    arena_reset(arena);
  }
  arena_free(arena);
  return NULL;
}

static void *check(void *argument) {
  struct worker *worker = argument;
  struct stress *stress = worker->stress;
  struct arena *arena = arena_new(4096);
  struct state_news news[16];
  struct state_stats stats;
  struct cluster cluster;
  while (!atomic_load(&stress->is_over)) {
    atomic_fetch_add(&stress->differed, state_verify(stress->state, 3));
    state_get_stats(stress->state, &stats);
    state_record(stress->state, arena, &cluster);
    (void)state_take_news(stress->state, news, SG_ARRAY_LEN(news));
    (void)state_wait(stress->state, stats.generation, 1);
    (void)state_is_synced(stress->state);
    arena_reset(arena);
  }
  arena_free(arena);
  return NULL;
}

START_TEST(everybody_at_once) {
  struct state_options options = {.products = products_builtin()};
  struct stress stress = {.state = state_new(&options)};
  struct worker workers[2 + HOLDERS + READERS + 1];
  size_t count = 0;
  void *(*const writers[])(void *) = {watch_nodes, watch_pods};
  for (size_t i = 0; i < SG_ARRAY_LEN(workers); i++)
    workers[i] = (struct worker){.stress = &stress, .number = i};
  for (size_t i = 0; i < SG_ARRAY_LEN(workers); i++, count++) {
    void *(*work)(void *) = i < 2                       ? writers[i]
                            : i < 2 + HOLDERS           ? decide
                            : i < 2 + HOLDERS + READERS ? look
                                                        : check;
    ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (size_t i = 0; i < count; i++) {
    if (i == 2)
      atomic_store(&stress.is_over, true);
    ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
  }
  state_unhold_all(stress.state);
  (void)state_expire(stress.state, INT64_MAX);
  struct state_stats stats;
  state_get_stats(stress.state, &stats);
  ck_assert_uint_gt(atomic_load(&stress.held), 0);
  ck_assert_uint_eq(atomic_load(&stress.below_zero), 0);
  ck_assert_uint_eq(atomic_load(&stress.out_of_order), 0);
  ck_assert_uint_eq(atomic_load(&stress.differed) + state_verify(stress.state, NODES), 0);
  ck_assert_uint_eq(stats.objects[STATE_NODES], NODES);
  ck_assert_uint_eq(stats.objects[STATE_PODS], PODS);
  ck_assert_uint_eq(stats.totals.pods, PODS);
  ck_assert_uint_eq(stats.excess_nodes + stats.waiting_pods + stats.homeless_pods, 0);
  for (size_t kind = 0; kind <= STATE_FIRM; kind++)
    ck_assert_uint_eq(stats.holds[kind], 0);
  state_free(stress.state);
}
END_TEST

TCase *tcase_threads(void) {
  TCase *tc = tcase_create("threads");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, everybody_at_once);
  return tc;
}

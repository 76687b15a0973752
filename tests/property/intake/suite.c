/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded clusters against a twin that keeps one number for each name on each node, as
 * kube-scheduler does, and nothing of devices, forms, counters or traits. Whatever the policy:
 * a pod goes only where the twin has room, the filling stops only when the twin has none left,
 * every block that is named is one, and moves are the fewest that there are.
 */
#include "slicegate/packing.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include <inttypes.h>
#include <stdio.h>

enum { ROUNDS = 2000, NODES_MAX = 4, PODS_MAX = 20, ASKED_MAX = 3, NAMES = 8, FILL_MAX = 400 };

static const char *const names[NAMES] = {
    "cpu",
    "memory",
    "pods",
    "rdma/hca",
    "nvidia.com/gpu",
    "nvidia.com/mig-1g.10gb",
    "nvidia.com/gpu.shared",
    "amd.com/gpu",
};
enum { CPU, MEMORY, PODS, RDMA, GPU, SLICE, SHARED, AMD };
static const char *const zones[] = {"a", "b"};
static const char *const policies[] = {"slicegate", "firstfit", "random", "bestfit", "worstfit"};

/* What "nvidia.com/gpu" counts on a node. */
enum node_type { TYPE_PLAIN, TYPE_REPLICAS, TYPE_SINGLE, TYPE_COUNT };

struct twin {
  enum node_type types[NODES_MAX];
  int zone[NODES_MAX];
  bool is_tainted[NODES_MAX];
  int64_t room[NODES_MAX][NAMES];
};

struct wish { /* a pod in the twin's terms */
  int64_t amounts[NAMES];
  int zone; /* -1: any */
  bool tolerates, is_fixed, is_over;
  int node; /* -1: waits */
};

struct round {
  struct random random;
  bool is_open; /* nobody is kept out by labels and taints, so that moves are found more often */
  struct arena *arena;
  struct twin twin;
  struct node nodes[NODES_MAX];
  size_t node_count;
  struct wish running[PODS_MAX], asked[ASKED_MAX];
  struct pod pods[PODS_MAX], wanted[ASKED_MAX];
  size_t pod_count, asked_count;
};

/* ---- the twin ---------------------------------------------------------------------------- */

static bool twin_admits(const struct twin *twin, size_t n, const struct wish *wish) {
  return (wish->zone < 0 || wish->zone == twin->zone[n]) &&
         (wish->tolerates || !twin->is_tainted[n]);
}

static bool twin_has_room(const struct twin *twin, size_t n, const struct wish *wish) {
  for (size_t i = 0; i < NAMES; i++)
    if (wish->amounts[i] > 0 && wish->amounts[i] > twin->room[n][i])
      return false;
  return true;
}

static bool twin_fits(const struct twin *twin, size_t n, const struct wish *wish) {
  return twin_admits(twin, n, wish) && twin_has_room(twin, n, wish);
}

static void twin_take(struct twin *twin, size_t n, const struct wish *wish, int64_t sign) {
  for (size_t i = 0; i < NAMES; i++)
    twin->room[n][i] -= sign * wish->amounts[i];
}

static bool is_same_device(const struct twin *twin, size_t a, size_t b, const struct wish *wish) {
  return wish->amounts[GPU] == 0 || twin->types[a] == twin->types[b];
}

static bool may_move(const struct twin *twin, const struct wish *wish, size_t to) {
  return (size_t)wish->node != to && is_same_device(twin, (size_t)wish->node, to, wish) &&
         twin_fits(twin, to, wish);
}

/* By trying everything: 1, 2, or 3 for "more than two, if at all". */
static size_t twin_moves(const struct round *r, const struct twin *start,
                         const struct wish *asked) {
  size_t least = 3;
  for (size_t a = 0; a < r->pod_count; a++) {
    const struct wish *first = &r->running[a];
    for (size_t to = 0; to < r->node_count && !first->is_fixed; to++) {
      if (!may_move(start, first, to))
        continue;
      struct twin one = *start;
      twin_take(&one, (size_t)first->node, first, -1);
      twin_take(&one, to, first, 1);
      if (twin_fits(&one, (size_t)first->node, asked))
        return 1;
      for (size_t b = 0; b < r->pod_count; b++) {
        const struct wish *second = &r->running[b];
        if (b == a || second->is_fixed || second->node != first->node)
          continue;
        for (size_t there = 0; there < r->node_count; there++) {
          if (!may_move(&one, second, there))
            continue;
          struct twin two = one;
          twin_take(&two, (size_t)second->node, second, -1);
          twin_take(&two, there, second, 1);
          if (twin_fits(&two, (size_t)first->node, asked))
            least = 2;
        }
      }
    }
  }
  return least;
}

/* ---- making one up ----------------------------------------------------------------------- */

static struct resource_amount amount(struct arena *arena, size_t name, int64_t value) {
  struct resource_amount made = {.name = str_of(names[name]), .amount = {value, 0}};
  made.text = str_printf(arena, "%" PRId64, value);
  made.is_valid = true;
  return made;
}

static void make_node(struct round *r, size_t n) {
  struct node *node = &r->nodes[n];
  struct twin *twin = &r->twin;
  struct key_value *labels = arena_array(r->arena, 5, sizeof(*labels));
  struct resource_amount *list = arena_array(r->arena, NAMES, sizeof(*list));
  twin->types[n] = r->is_open ? TYPE_PLAIN : (enum node_type)random_below(&r->random, TYPE_COUNT);
  twin->zone[n] = (int)random_below(&r->random, SG_ARRAY_LEN(zones));
  twin->is_tainted[n] = !r->is_open && random_one_in(&r->random, 3);
  *node = (struct node){.name = str_printf(r->arena, "n%zu", n), .labels = labels};
  labels[node->label_count++] = (struct key_value){STR_LIT("zone"), str_of(zones[twin->zone[n]])};
  bool is_single = twin->types[n] == TYPE_SINGLE;
  labels[node->label_count++] = (struct key_value){
      STR_LIT("nvidia.com/gpu.product"),
      is_single ? STR_LIT("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb") : STR_LIT("NVIDIA-H100-80GB-HBM3")};
  if (is_single)
    labels[node->label_count++] =
        (struct key_value){STR_LIT("nvidia.com/mig.strategy"), STR_LIT("single")};
  if (twin->types[n] == TYPE_REPLICAS)
    labels[node->label_count++] =
        (struct key_value){STR_LIT("nvidia.com/gpu.replicas"), STR_LIT("3")};
  /* Something of NVIDIA is always listed: what is not cannot be judged. */
  static const size_t most[NAMES] = {12, 12, 12, 6, 8, 8, 6, 4};
  for (size_t i = 0; i < NAMES; i++) {
    if (i > PODS && i != GPU && random_one_in(&r->random, 3))
      continue;
    int64_t value = (int64_t)random_below(&r->random, most[i] + 1);
    list[node->allocatable_count++] = amount(r->arena, i, value);
    twin->room[n][i] = value * (i == CPU ? 1000 : 1);
  }
  node->allocatable = list;
  if (twin->is_tainted[n]) {
    struct taint *taint = arena_alloc(r->arena, sizeof(*taint));
    *taint = (struct taint){.key = STR_LIT("gpu"), .effect = EFFECT_NO_SCHEDULE};
    node->taints = taint;
    node->taint_count = 1;
  }
}

/* Big ones are what others have to make room for. */
static void make_wish(struct round *r, bool is_big, struct wish *ret) {
  static const size_t devices[] = {GPU, GPU, GPU, SLICE, SHARED, AMD};
  *ret = (struct wish){.amounts = {[PODS] = 1}, .zone = -1, .node = -1};
  ret->amounts[CPU] = random_one_in(&r->random, 4) ? 0 : (int64_t)random_below(&r->random, 8) * 500;
  ret->amounts[MEMORY] = (int64_t)random_below(&r->random, 4);
  if (random_one_in(&r->random, 3))
    ret->amounts[RDMA] = 1 + (int64_t)random_below(&r->random, 2);
  if (!random_one_in(&r->random, 5))
    ret->amounts[devices[random_below(&r->random, SG_ARRAY_LEN(devices))]] =
        1 + (int64_t)random_below(&r->random, is_big ? 5 : 2);
  if (!r->is_open && random_one_in(&r->random, 3))
    ret->zone = (int)random_below(&r->random, SG_ARRAY_LEN(zones));
  ret->tolerates = !random_one_in(&r->random, 3);
}

/* Everything of one name that a node would have if one or two of its pods were gone. */
static void make_tight_wish(struct round *r, struct wish *ret) {
  static const size_t scarce[] = {CPU, MEMORY, RDMA, GPU, SLICE, SHARED};
  size_t name = scarce[random_below(&r->random, SG_ARRAY_LEN(scarce))];
  size_t n = random_below(&r->random, r->node_count), gone = 0;
  size_t most = 1 + random_below(&r->random, PACK_MOVES_MAX);
  int64_t amount = r->twin.room[n][name];
  *ret = (struct wish){.amounts = {[PODS] = 1}, .zone = -1, .tolerates = true, .node = -1};
  for (size_t p = 0; p < r->pod_count && gone < most; p++) {
    const struct wish *wish = &r->running[p];
    if (wish->node != (int)n || wish->is_fixed || wish->amounts[name] == 0)
      continue;
    amount += wish->amounts[name];
    gone++;
  }
  ret->amounts[name] = amount > 0 ? amount : 1;
}

static void make_pod(struct round *r, const struct wish *wish, struct pod *ret) {
  struct resource_request *list = arena_array(r->arena, NAMES, sizeof(*list));
  *ret = (struct pod){.name = STR_LIT("p"), .requests = list};
  for (size_t i = 0; i < NAMES; i++) {
    if (wish->amounts[i] == 0 || i == PODS)
      continue;
    struct quantity value = {wish->amounts[i], 0};
    if (i == CPU)
      value =
          (struct quantity){wish->amounts[i] / 1000, (int32_t)(wish->amounts[i] % 1000 * 1000000)};
    list[ret->request_count++] = (struct resource_request){str_of(names[i]), value};
  }
  if (wish->zone >= 0) {
    struct key_value *selector = arena_alloc(r->arena, sizeof(*selector));
    *selector = (struct key_value){STR_LIT("zone"), str_of(zones[wish->zone])};
    ret->constraints.node_selector = selector;
    ret->constraints.node_selector_count = 1;
  }
  if (wish->tolerates) {
    struct toleration *toleration = arena_alloc(r->arena, sizeof(*toleration));
    *toleration = (struct toleration){.key = STR_LIT("gpu"), .is_exists = true};
    ret->constraints.tolerations = toleration;
    ret->constraints.toleration_count = 1;
  }
  if (wish->node >= 0)
    ret->constraints.node_name = r->nodes[wish->node].name;
  ret->phase = wish->is_over ? PHASE_FAILED : PHASE_RUNNING;
  if (wish->is_fixed)
    ret->controller = STR_LIT("DaemonSet");
}

static void make_round(struct round *r, uint64_t seed) {
  *r = (struct round){.arena = arena_new(16 * 1024)};
  random_init(&r->random, seed);
  r->is_open = random_one_in(&r->random, 2);
  r->node_count = 1 + random_below(&r->random, NODES_MAX);
  for (size_t n = 0; n < r->node_count; n++)
    make_node(r, n);
  /* Sorted by node, as the reader would have them. Now and then more than there is. */
  size_t each = random_below(&r->random, PODS_MAX / NODES_MAX + 1);
  for (size_t n = 0; n < r->node_count; n++) {
    for (size_t k = 0; k < each; k++) {
      struct wish *wish = &r->running[r->pod_count];
      make_wish(r, false, wish);
      wish->node = (int)n;
      wish->is_fixed = random_one_in(&r->random, 5);
      wish->is_over = random_one_in(&r->random, 8);
      if (!twin_has_room(&r->twin, n, wish) && !random_one_in(&r->random, 6))
        continue;
      make_pod(r, wish, &r->pods[r->pod_count++]);
      if (!wish->is_over)
        twin_take(&r->twin, n, wish, 1);
      wish->is_fixed = wish->is_fixed || wish->is_over;
    }
  }
  r->asked_count = 1 + random_below(&r->random, ASKED_MAX);
  for (size_t i = 0; i < r->asked_count; i++) {
    if (random_one_in(&r->random, 2))
      make_tight_wish(r, &r->asked[i]);
    else
      make_wish(r, true, &r->asked[i]);
    make_pod(r, &r->asked[i], &r->wanted[i]);
  }
}

/* ---- what must hold ---------------------------------------------------------------------- */

/* Bits of `blocks` that must be there, by the twin. */
static uint32_t twin_blocks(const struct twin *twin, size_t n, const struct wish *wish) {
  static const uint32_t bits[NAMES] = {PACK_BLOCK_CPU,     PACK_BLOCK_MEMORY,  PACK_BLOCK_PODS,
                                       PACK_BLOCK_OTHER,   PACK_BLOCK_DEVICES, PACK_BLOCK_DEVICES,
                                       PACK_BLOCK_DEVICES, PACK_BLOCK_DEVICES};
  uint32_t blocks = 0;
  for (size_t i = 0; i < NAMES; i++)
    if (wish->amounts[i] > 0 && wish->amounts[i] > twin->room[n][i])
      blocks |= bits[i];
  if (wish->zone >= 0 && wish->zone != twin->zone[n])
    blocks |= PACK_BLOCK_SELECTOR;
  if (twin->is_tainted[n] && !wish->tolerates)
    blocks |= PACK_BLOCK_TAINT;
  return blocks;
}

static void check_moves(struct round *r, uint64_t seed, const struct pack_scene *scene,
                        struct pack_scorer *scorer, const struct twin *twin,
                        const struct pack_asked *asked, const struct wish *wish) {
  struct pack_scene_moves moves = {0};
  for (size_t n = 0; n < r->node_count; n++)
    if (twin_fits(twin, n, wish))
      return; /* nobody has to move */
  size_t least = twin_moves(r, twin, wish);
  bool is_found = pack_scene_suggest(scene, scorer, asked, &moves);
  ck_assert_msg(is_found == (least < 3) && (!is_found || moves.move_count == least),
                "seed %" PRIu64 ": %zu moves, the twin says %zu", seed,
                is_found ? moves.move_count : 0, least);
  struct twin after = *twin;
  for (size_t m = 0; is_found && m < moves.move_count; m++) {
    const struct wish *moved = &r->running[moves.moves[m].pod];
    ck_assert_msg(!moved->is_fixed && may_move(&after, moved, moves.moves[m].to),
                  "seed %" PRIu64 ": move %zu", seed, m);
    twin_take(&after, (size_t)moved->node, moved, -1);
    twin_take(&after, moves.moves[m].to, moved, 1);
  }
  ck_assert_msg(!is_found || twin_fits(&after, moves.node, wish), "seed %" PRIu64, seed);
}

static void fill(struct round *r, uint64_t seed, struct pack_scene *scene,
                 struct pack_scorer *scorer, struct twin *twin, const struct pack_asked *asked,
                 const struct wish *wish, uint64_t *uid) {
  struct pack_choice choice;
  size_t placed = 0;
  while (placed < FILL_MAX &&
         pack_choose(scorer, pack_scene_cluster(scene), &asked->request, &choice, 1)) {
    ck_assert_msg(twin_fits(twin, choice.placement.node, wish), "seed %" PRIu64 ": node %u", seed,
                  choice.placement.node);
    ck_assert(pack_scene_place(scene, ++*uid, asked, &choice.placement));
    twin_take(twin, choice.placement.node, wish, 1);
    placed++;
  }
  for (size_t n = 0; n < r->node_count; n++) {
    ck_assert_msg(placed == FILL_MAX || !twin_fits(twin, n, wish),
                  "seed %" PRIu64 ": node %zu has room", seed, n);
    struct pack_verdict verdict = pack_scene_judge(scene, n, asked);
    ck_assert_msg(verdict.blocks == twin_blocks(twin, n, wish),
                  "seed %" PRIu64 ": node %zu: blocks %x, the twin says %x", seed, n,
                  verdict.blocks, twin_blocks(twin, n, wish));
  }
}

static void check_round(uint64_t seed) {
  struct round r;
  struct err err = {0};
  make_round(&r, seed);
  struct cluster recorded = {
      .nodes = r.nodes, .node_count = r.node_count, .pods = r.pods, .pod_count = r.pod_count};
  struct pack_catalog *catalog = pack_catalog_new();
  struct pack_intake *intake = pack_intake_new(catalog, products_builtin(), &recorded, &err);
  ck_assert_msg(intake != NULL, "%s", err.text);
  const struct pack_asked *asked[ASKED_MAX];
  for (size_t i = 0; i < r.asked_count; i++) {
    asked[i] = pack_intake_ask(intake, &r.wanted[i], &err);
    ck_assert_msg(asked[i] != NULL, "%s", err.text);
  }
  struct pack_scene *scene = pack_scene_new(intake, &err);
  ck_assert_msg(scene != NULL, "%s", err.text);
  const char *policy = policies[random_below(&r.random, SG_ARRAY_LEN(policies))];
  struct pack_scorer *scorer = pack_scorer_new(pack_policy_find(str_of(policy)), catalog, seed);
  struct twin twin = r.twin;
  uint64_t uid = r.pod_count;
  for (size_t i = 0; i < r.asked_count; i++) {
    check_moves(&r, seed, scene, scorer, &twin, asked[i], &r.asked[i]);
    fill(&r, seed, scene, scorer, &twin, asked[i], &r.asked[i], &uid);
    check_moves(&r, seed, scene, scorer, &twin, asked[i], &r.asked[i]);
  }
  pack_scorer_free(scorer);
  pack_scene_free(scene);
  pack_intake_free(intake);
  pack_catalog_free(catalog);
  arena_free(r.arena);
}

START_TEST(recorded_clusters_are_counted_as_kube_scheduler_counts) {
  uint64_t seed = random_seed();
  for (uint64_t i = 0; i < ROUNDS; i++)
    check_round(seed + i);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("property: intake");
  TCase *tcase = tcase_create("twin");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, recorded_clusters_are_counted_as_kube_scheduler_counts);
  suite_add_tcase(suite, tcase);
  return suite;
}

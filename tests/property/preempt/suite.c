/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has to go, against a twin that looks at every subset: on small nodes of all kinds (whole
 * GPUs, MIG instances, replicas, cards in thousandths, in GiB and HAMi's), with random pods,
 * priorities and names that kube-scheduler gives, the answer is the very one, or nobody can. On
 * large nodes it is enough, and no larger than what the plain rule takes.
 */
#include "slicegate/extender.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"
#include "tests/support/state_lab.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 250, FEW = 10, MANY_ROUNDS = 60, MANY = 70, NEWCOMERS = 6 };

struct round {
  struct random random;
  uint64_t seed;
  size_t number;
  struct state_lab lab;
  struct ext_view view;
  struct pack_asked asked;
  int32_t priority; /* of the newcomer */
  struct ext_victim victims[MANY];
  bool is_out[MANY];
  size_t count;
};

static int64_t below(struct round *r, int64_t n) {
  return (int64_t)random_below(&r->random, (size_t)n);
}

/* ---- nodes and pods ---------------------------------------------------------------------- */

struct kind {
  const char *resource;
  int64_t unit, most; /* a pod asks for 1..most units */
};
enum { WHOLE, MIG, REPLICAS, CARDS, GIB, HAMI, KINDS };
static const struct kind kinds[KINDS] = {
    [WHOLE] = {"nvidia.com/gpu", 1, 4},           [MIG] = {"nvidia.com/mig-1g.10gb", 1, 3},
    [REPLICAS] = {"nvidia.com/gpu.shared", 1, 1}, [CARDS] = {"slicegate.dev/gpu-milli", 100, 12},
    [GIB] = {"aliyun.com/gpu-mem", 1, 16},        [HAMI] = {"nvidia.com/gpumem", 1000, 15},
};

static const char *text(struct round *r, int64_t number) {
  return str_printf(r->lab.arena, "%" PRId64, number).ptr;
}

static void put_node(struct round *r, int kind, int64_t gpus, int64_t pods, int64_t cpus) {
  struct node node;
  if (kind == HAMI) {
    node =
        lab_hami_node(&r->lab, "n",
                      gpus > 2 ? "GPU-a:15360:40:0:well GPU-b:15360:40:0:well GPU-c:8000:40:0:well"
                               : "GPU-a:15360:40:0:well GPU-b:7999:40:0:well");
    struct resource_amount *list = arena_array(r->lab.arena, 4, sizeof(*list));
    const char *usual[][2] = {{"cpu", text(r, cpus)}, {"pods", text(r, pods)}, {"memory", "64Gi"}};
    for (size_t i = 0; i < SG_ARRAY_LEN(usual); i++) {
      list[i] = (struct resource_amount){.name = str_of(usual[i][0]), .text = str_of(usual[i][1])};
      list[i].is_valid = qty_parse(list[i].text, &list[i].amount);
    }
    list[3] = node.allocatable[0];
    node.allocatable = list;
    node.allocatable_count = 4;
  } else {
    int64_t amount = kind == MIG        ? 7 * gpus
                     : kind == REPLICAS ? 4 * gpus
                     : kind == CARDS    ? PACK_MILLI * gpus
                     : kind == GIB      ? 16 * gpus
                                        : gpus;
    const char *also = kind == GIB   ? "aliyun.com/gpu-count"
                       : kind == MIG ? "nvidia.com/mig-3g.40gb"
                                     : "example.com/other";
    node = lab_node(&r->lab, "n", kinds[kind].resource, text(r, amount), also, text(r, gpus), "cpu",
                    text(r, cpus), "pods", text(r, pods), "memory", "64Gi", NULL);
    lab_label(&r->lab, &node, "nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3", NULL);
  }
  state_put_node(r->lab.state, &node);
}

/* Asks for something of the kind; of whole cards too. */
static struct pod make_pod(struct round *r, int kind, const char *name, const char *node,
                           int64_t most) {
  const struct kind *of = &kinds[kind];
  int64_t amount = of->unit * (1 + below(r, most));
  if (kind == CARDS && amount > PACK_MILLI)
    amount = PACK_MILLI * (1 + below(r, 3));
  const char *resource = of->resource;
  if (kind == MIG && below(r, 4) == 0)
    resource = "nvidia.com/mig-3g.40gb";
  if (below(r, 8) == 0) /* no GPU at all */
    resource = "example.com/nothing", amount = 0;
  const char *cpu = text(r, below(r, 3) ? 1 + below(r, 3) : below(r, 9));
  const char *memory =
      below(r, 2) ? "1Gi" : str_printf(r->lab.arena, "%dGi", (int)below(r, 20)).ptr;
  if (kind == HAMI && amount)
    return lab_pod(&r->lab, name, node, resource, text(r, amount), "nvidia.com/gpu", "1", "cpu",
                   cpu, "memory", memory, NULL);
  return lab_pod(&r->lab, name, node, "cpu", cpu, "memory", memory, amount ? resource : NULL,
                 text(r, amount), NULL);
}

/* Pods come as they fit, on cards that they name at random; a few are more than there is room for.
 */
static void put_pod(struct round *r, int kind, size_t index, int64_t gpus) {
  struct pod_device *device = arena_alloc(r->lab.arena, sizeof(*device));
  struct pod pod =
      make_pod(r, kind, str_printf(r->lab.arena, "p%zu", index).ptr, "n", kinds[kind].most);
  pod.priority = (int32_t)below(r, 4);
  if (kind == CARDS || kind == GIB) {
    *device = (struct pod_device){.index = (int32_t)below(r, gpus)};
    pod.devices = device;
    pod.device_count = below(r, 4) > 0;
  }
  state_put_pod(r->lab.state, &pod);
}

static void look(struct round *r) {
  const struct state_resident *there =
      state_residents(r->lab.state, r->lab.arena, STR_LIT("n"), &r->count);
  for (size_t i = 0; i < r->count; i++)
    r->victims[i] = (struct ext_victim){.uid = there[i].pod.uid,
                                        .number = there[i].number,
                                        .priority = there[i].pod.priority,
                                        .is_named = below(r, 12) == 0,
                                        .cost_milli = below(r, 3)};
  r->view.snapshot = state_snapshot(r->lab.state);
}

/* ---- the twin ---------------------------------------------------------------------------- */

static bool has_card(const struct round *r, const struct pack_node *value) {
  const struct node *node = &state_snapshot_node(r->view.snapshot, 0)->node;
  if (!str_is(r->asked.device, "nvidia.com/gpumem"))
    return true;
  for (size_t c = 0; c < node->card_count; c++)
    if (value->devices[c].left * INT64_C(16) >= r->asked.device_count &&
        node->cards[c].memory_mib >= r->asked.device_count)
      return true;
  return false;
}

static bool is_enough(const struct round *r, const bool *is_out) {
  const struct pack_cluster *cluster = state_snapshot_cluster(r->view.snapshot);
  uint64_t gone[MANY];
  size_t count = 0;
  for (size_t i = 0; i < r->count; i++)
    if (is_out[i])
      gone[count++] = r->victims[i].number;
  const struct pack_node *bare = pack_node_without(cluster, 0, gone, count);
  bool is = pack_fit(pack_cluster_catalog(cluster), bare, &r->asked.request) == PACK_FITS &&
            has_card(r, bare);
  pack_node_unref(bare);
  return is;
}

static bool may_go(const struct round *r, size_t i) {
  return !r->victims[i].is_named && r->victims[i].priority < r->priority;
}

static bool is_less(const struct ext_victim *a, const struct ext_victim *b) {
  return a->priority != b->priority       ? a->priority < b->priority
         : a->cost_milli != b->cost_milli ? a->cost_milli < b->cost_milli
                                          : str_cmp(a->uid, b->uid) < 0;
}

static size_t size_of(const struct round *r, const bool *is_out) {
  size_t size = 0;
  for (size_t i = 0; i < r->count; i++)
    size += is_out[i];
  return size;
}

/* The one of most harm among those that are in one set and not in the other: whose it is loses. */
static bool is_better(const struct round *r, const bool *a, const bool *b) {
  size_t a_size = size_of(r, a), b_size = size_of(r, b), worst = SIZE_MAX;
  for (size_t i = 0; i < r->count; i++)
    if (a[i] != b[i] && (worst == SIZE_MAX || is_less(&r->victims[worst], &r->victims[i])))
      worst = i;
  return a_size != b_size ? a_size < b_size : worst != SIZE_MAX && b[worst];
}

/* Every subset. */
static bool find_best(const struct round *r, bool *best) {
  bool is_found = false;
  for (unsigned set = 0; set < 1u << r->count; set++) {
    bool is_out[MANY], is_legal = true;
    for (size_t i = 0; i < r->count; i++) {
      is_out[i] = r->victims[i].is_named || set >> i & 1;
      is_legal &= !(set >> i & 1) || may_go(r, i);
    }
    if (!is_legal || (is_found && !is_better(r, is_out, best)) || !is_enough(r, is_out))
      continue;
    memcpy(best, is_out, r->count * sizeof(*best));
    is_found = true;
  }
  return is_found;
}

/* From the least harm on until it fits; then spare from the most harm on. */
static bool take_and_spare(const struct round *r, bool *is_out) {
  size_t order[MANY], count = 0;
  for (size_t i = 0; i < r->count; i++) {
    is_out[i] = r->victims[i].is_named;
    if (!may_go(r, i))
      continue;
    size_t at = count++;
    for (; at > 0 && is_less(&r->victims[i], &r->victims[order[at - 1]]); at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
  for (size_t i = 0; i < count && !is_enough(r, is_out); i++)
    is_out[order[i]] = true;
  if (!is_enough(r, is_out))
    return false;
  for (size_t i = count; i-- > 0;) {
    bool was_out = is_out[order[i]];
    is_out[order[i]] = false;
    is_out[order[i]] = was_out && !is_enough(r, is_out);
  }
  return true;
}

/* ---- rounds ------------------------------------------------------------------------------ */

static const char *names(const struct round *r, const bool *is_out) {
  CLEANUP_BUF struct buf made;
  buf_init(&made, 4096);
  for (size_t i = 0; i < r->count; i++)
    if (is_out[i])
      buf_printf(&made, " %.*s", STR_FMT(r->victims[i].uid));
  return str_copy(r->lab.arena, buf_str(&made)).ptr;
}

static void begin(struct round *r, uint64_t seed, size_t number) {
  *r = (struct round){.seed = seed, .number = number, .view = {.best = EXT_BEST_DEFAULT}};
  random_init(&r->random, seed + number * 7919);
  state_lab_init(&r->lab);
}

static void done(struct round *r) {
  state_snapshot_unref(r->view.snapshot);
  state_lab_done(&r->lab);
}

static bool ask(struct round *r, int kind, int64_t most) {
  struct err err;
  struct pod pod = make_pod(r, kind, "new", NULL, most);
  r->priority = (int32_t)below(r, 6);
  return state_ask(r->lab.state, r->lab.arena, &pod, &r->asked, &err);
}

static size_t check_few(struct round *r, int kind) {
  bool best[MANY];
  if (!ask(r, kind, kinds[kind].most * 3))
    return 0;
  bool can = ext_preempt_node(&r->view, &r->asked, r->priority, 0, r->victims, r->count, r->is_out);
  ck_assert_msg(can == find_best(r, best), "seed %" PRIu64 " round %zu: %s", r->seed, r->number,
                can ? "nobody helps" : "somebody would help");
  if (!can)
    return 0;
  ck_assert_msg(memcmp(best, r->is_out, r->count * sizeof(*best)) == 0,
                "seed %" PRIu64 " round %zu, %s:%s had to go, not%s", r->seed, r->number,
                kinds[kind].resource, names(r, best), names(r, r->is_out));
  return size_of(r, best);
}

START_TEST(small_nodes_have_the_best_of_all_subsets) {
  uint64_t seed = random_seed();
  size_t sizes[FEW + 1] = {0};
  for (size_t i = 0; i < ROUNDS; i++) {
    struct round r;
    begin(&r, seed, i);
    int kind = (int)below(&r, KINDS);
    int64_t gpus = 2 + below(&r, 3), pods = 1 + below(&r, FEW);
    put_node(&r, kind, gpus, below(&r, 3) ? 110 : pods, 6 + below(&r, 30));
    for (int64_t p = 0; p < pods; p++)
      put_pod(&r, kind, (size_t)p, gpus);
    look(&r);
    for (int64_t n = 0; n < NEWCOMERS; n++)
      sizes[check_few(&r, kind)]++;
    done(&r);
  }
  for (size_t size = 0; size <= 4; size++) /* there was something to find */
    ck_assert_msg(sizes[size] > 0, "seed %" PRIu64 ": never %zu", seed, size);
}
END_TEST

START_TEST(large_nodes_never_lose_more_than_by_the_plain_rule) {
  uint64_t seed = random_seed();
  for (size_t i = 0; i < MANY_ROUNDS; i++) {
    struct round r;
    bool plain[MANY];
    begin(&r, seed, i);
    int kind = (int)below(&r, KINDS);
    int64_t gpus = kind == HAMI ? 3 : 16;
    put_node(&r, kind, gpus, MANY, MANY * 2);
    for (size_t p = 0; p < MANY; p++)
      put_pod(&r, kind, p, gpus);
    look(&r);
    for (int64_t n = 0; n < NEWCOMERS; n++) {
      if (!ask(&r, kind, kinds[kind].most * 8))
        continue;
      bool can = ext_preempt_node(&r.view, &r.asked, r.priority, 0, r.victims, r.count, r.is_out);
      ck_assert_int_eq(can, take_and_spare(&r, plain));
      if (!can)
        continue;
      ck_assert_msg(is_enough(&r, r.is_out) && !is_better(&r, plain, r.is_out),
                    "seed %" PRIu64 " round %zu, %s:%s had to go, by the plain rule%s", r.seed,
                    r.number, kinds[kind].resource, names(&r, r.is_out), names(&r, plain));
    }
    done(&r);
  }
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("preempt");
  TCase *tcase = tcase_create("preempt");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, small_nodes_have_the_best_of_all_subsets);
  tcase_add_test(tcase, large_nodes_never_lose_more_than_by_the_plain_rule);
  suite_add_tcase(suite, tcase);
  return suite;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts, their prices and the scarcity of products: kept up to date against made anew, and
 * against the formulas. */
#include "src/packing/slicegate.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <math.h>

TCase *tcase_reserve(void);

#define GIB ((int64_t)1 << 30)

/* ---- hosts ----------------------------------------------------------------------------------- */

static unsigned hosts_by_division(const struct pack_level *level, unsigned idle, int64_t cpu,
                                  int64_t memory, uint64_t products) {
  if (level->products && !(level->products & products))
    return 0;
  int64_t hosts = idle / level->gpus;
  if (level->cpu_milli && cpu / level->cpu_milli < hosts)
    hosts = cpu / level->cpu_milli;
  if (level->mem_bytes && memory / level->mem_bytes < hosts)
    hosts = memory / level->mem_bytes;
  /* Nothing fits a node that is over its capacity, even what asks for nothing of it. */
  return cpu < 0 || memory < 0 || hosts < 0 ? 0 : (unsigned)hosts;
}

START_TEST(hosts_are_the_least_quotient) {
  enum { ROUNDS = 20000 };
  struct random random;
  random_init(&random, random_seed());
  for (int i = 0; i < ROUNDS; i++) {
    struct pack_level levels[LEVELS_MAX];
    struct pack_tables tables = {.levels = levels, .level_count = random_below(&random, 6)};
    for (size_t l = 0; l < tables.level_count; l++)
      levels[l] = (struct pack_level){.gpus = (uint16_t)(2 + random_below(&random, 7)),
                                      .cpu_milli = (int64_t)random_below(&random, 9) * 1000,
                                      .mem_bytes = (int64_t)random_below(&random, 9) * GIB,
                                      .products = random_below(&random, 4)};
    unsigned idle = (unsigned)random_below(&random, PACK_DEVICES_MAX + 1);
    int64_t cpu = (int64_t)random_below(&random, 64) * 500 - 500;
    int64_t memory = ((int64_t)random_below(&random, 64) - 1) * (GIB / 2);
    uint8_t hosts[LEVELS_MAX] = {0};
    reserve_hosts(&tables, idle, cpu, memory, 1, hosts);
    for (size_t l = 0; l < LEVELS_MAX; l++)
      ck_assert_uint_eq(hosts[l], l < tables.level_count
                                      ? hosts_by_division(&levels[l], idle, cpu, memory, 1)
                                      : 0);
  }
}
END_TEST

/* ---- prices ---------------------------------------------------------------------------------- */

static unsigned free_gpus(const struct pack_node *node, bool is_switching) {
  unsigned count = 0;
  for (size_t d = 0; d < node->device_count; d++)
    count += node->devices[d].left == node->devices[d].size &&
             (node->devices[d].mode == PACK_MODE_WHOLE ||
              (is_switching && node->devices[d].mode == PACK_MODE_MIG));
  return count;
}

/* Levels whose supply is so near the threshold that rounding decides are left out. */
static void check_levels(const struct pack_tables *tables, const struct pack_cluster *cluster,
                         bool is_switching, const struct price_list *list, unsigned *seen) {
  const struct pack_totals *totals = pack_cluster_totals(cluster);
  unsigned most = 1;
  for (size_t l = 0; l < tables->level_count; l++)
    most = tables->levels[l].gpus > most ? tables->levels[l].gpus : most;
  for (size_t l = 0; l < tables->level_count; l++) {
    const struct pack_level *level = &tables->levels[l];
    double supply = 0, running = 0;
    for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
      const struct pack_node *node = pack_cluster_node(cluster, i);
      supply += hosts_by_division(level, free_gpus(node, is_switching), node->cpu_left,
                                  node->mem_left, node->products);
      for (size_t p = 0; p < node->pod_count; p++) {
        const struct pack_form *form = &node->pods[p].form;
        if (form->kind == PACK_WHOLE && form->count >= 2 && form->count >= level->gpus)
          running += (double)form->count / level->gpus;
      }
    }
    double milli = 0, milli_left = 0, per_pod = 0, share = (double)level->demand / (1 << 20);
    for (size_t mode = 0; mode < PACK_MODES; mode++)
      if (mode == PACK_MODE_WHOLE || (is_switching && mode == PACK_MODE_MIG)) {
        milli += (double)totals->modes[mode].milli;
        milli_left += (double)totals->modes[mode].milli_left;
        per_pod += (double)tables->pools[mode] / 1024;
      }
    double coming = milli_left / per_pod * share;
    double held = milli / per_pod * share - running;
    double demand = coming > held ? coming : held;
    demand = demand > 0 ? demand : 0;
    double margin = demand + 8 * sqrt(demand) - supply;
    if (fabs(margin) < 0.1 + demand * 0.01 || (demand > 0 && demand < 0.01))
      continue;
    int32_t expected =
        margin > 0 && demand > 0 ? (int32_t)((int64_t)PACK_MICRO * level->gpus / most) : 0;
    ck_assert_int_eq(list->levels[l], expected);
    *seen |= expected ? 1 : 2;
  }
}

static void check_products(const struct pack_tables *tables, const struct pack_cluster *cluster,
                           const struct price_list *list) {
  double expected[PACK_PRODUCTS_MAX] = {0}, rounding[PACK_PRODUCTS_MAX] = {0};
  for (size_t b = 0; b < tables->bound_count; b++) {
    const struct pack_bound *bound = &tables->bounds[b];
    double worth = 0;
    for (size_t i = 0; i < pack_cluster_count(cluster); i++) {
      const struct pack_node *node = pack_cluster_node(cluster, i);
      for (size_t d = 0; d < node->device_count; d++)
        if (node->devices[d].mode == PACK_MODE_WHOLE &&
            (bound->products >> node->devices[d].product & 1))
          worth += (double)tables->prices[node->devices[d].left] / 1000; /* milli */
    }
    const struct pack_mode_totals *whole = &pack_cluster_totals(cluster)->modes[PACK_MODE_WHOLE];
    double asked =
        (double)whole->milli_left * bound->milli_per_pod / tables->pools[PACK_MODE_WHOLE];
    double ratio = worth > 0 ? asked / worth : asked > 0;
    for (size_t product = 0; product < LAB_PRODUCTS; product++)
      if (bound->products >> product & 1) {
        expected[product] += ratio < 1 ? ratio : 1;
        /* Whole milli, then 2^-10; nothing is left, and less than a milli is asked: either. */
        rounding[product] += worth > 0 ? 1 / worth + 0.001 : asked < 1;
      }
  }
  for (size_t product = 0; product < PACK_PRODUCTS_MAX; product++) {
    double least = expected[product] < 1 ? expected[product] : 1;
    /* Rounded down to 64 steps. */
    double short_by = least - (double)list->scarcity[product] / (1 << 20);
    ck_assert_double_gt(short_by, -0.005 - rounding[product]);
    ck_assert_double_lt(short_by, 1.0 / 64 + 0.005 + rounding[product]);
  }
}

static void check_fresh(const struct pack_tables *tables, const struct pack_cluster *cluster,
                        bool is_switching, const struct price_list *list) {
  struct reserve *fresh = reserve_new();
  struct price_list other;
  reserve_prices(fresh, tables, cluster, is_switching, &other);
  ck_assert_mem_eq(list, &other, sizeof(other));
  reserve_free(fresh);
}

START_TEST(prices_follow_the_cluster) {
  enum { ROUNDS = 30, EVENTS = 120 };
  uint64_t seed = random_seed();
  unsigned seen = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    CLEANUP_LAB struct lab lab;
    lab_init(&lab, seed + round);
    lab_add_nodes(&lab, LAB_ANY, 10);
    bool is_switching = round % 3 == 0;
    struct pack_tables_ref *ref = lab_tables(&lab);
    const struct pack_tables *tables = pack_tables_get(ref);
    struct reserve *reserve = reserve_new();
    struct pack_scorer *scorer =
        pack_scorer_new(pack_policy_find(STR_LIT("random")), lab.catalog, seed);
    for (int event = 0; event < EVENTS; event++) {
      size_t count = pack_cluster_count(lab.cluster);
      size_t index = random_below(&lab.random, count);
      struct pack_request request = lab_request(&lab);
      if (random_one_in(&lab.random, 12))
        lab_add_nodes(&lab, LAB_ANY, 1);
      else if (count > 1 && random_one_in(&lab.random, 12))
        ck_assert(
            pack_cluster_remove_node(lab.cluster, pack_cluster_node(lab.cluster, index)->name));
      else if (random_one_in(&lab.random, 3))
        lab_release(&lab);
      else
        (void)lab_place(&lab, scorer, &request);
      if (event % 5)
        continue; /* several changes at once */
      struct price_list list;
      reserve_prices(reserve, tables, lab.cluster, is_switching, &list);
      check_fresh(tables, lab.cluster, is_switching, &list);
      check_levels(tables, lab.cluster, is_switching, &list, &seen);
      check_products(tables, lab.cluster, &list);
    }
    pack_scorer_free(scorer);
    reserve_free(reserve);
    pack_tables_unref(ref);
  }
  ck_assert_uint_eq(seen, 3); /* both with and without a price */
}
END_TEST

TCase *tcase_reserve(void) {
  TCase *tc = tcase_create("reserve");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, hosts_are_the_least_quotient);
  tcase_add_test(tc, prices_follow_the_cluster);
  return tc;
}

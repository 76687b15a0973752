/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for pods that need several whole GPUs of one node, and for pods bound to scarce
 * products. A *level* is one such kind of pod; a node *hosts* it as often as it has idle GPUs,
 * CPU and memory for it. As long as fewer hosts are left than the demand that is to be expected
 * and a margin of eight standard deviations, taking a host costs its share of a whole node.
 */
#include "src/packing/cluster.h"
#include "src/packing/slicegate.h"

#include <stdlib.h>

unsigned reserve_idle(const struct pack_node *node, bool is_switching) {
  unsigned idle = node->idle;
  for (uint16_t d = 0; d < node->device_count && is_switching; d++)
    idle += pack_device_may_switch(&node->devices[d]);
  return idle;
}

bool reserve_hosts(const struct pack_tables *tables, unsigned idle, int64_t cpu_left,
                   int64_t mem_left, uint64_t products, uint8_t hosts[LEVELS_MAX]) {
  bool has_hosts = false;
  if (idle < 2) /* the least that a level asks for */
    return false;
  for (size_t l = 0; l < tables->level_count; l++) {
    const struct pack_level *level = &tables->levels[l];
    if (idle < level->gpus || (level->products && !(level->products & products)))
      continue;
    /* Counted up, for it is seldom more than a few, and a division costs more. */
    unsigned gpus = level->gpus;
    int64_t cpu = level->cpu_milli, memory = level->mem_bytes;
    for (; gpus <= idle && cpu <= cpu_left && memory <= mem_left; hosts[l]++) {
      gpus += level->gpus;
      cpu += level->cpu_milli;
      memory += level->mem_bytes;
    }
    has_hosts |= hosts[l] != 0;
  }
  return has_hosts;
}

/* What one node adds to the sums. */
struct share {
  uint8_t hosts[LEVELS_MAX];
  uint16_t running[PACK_DEVICES_MAX + 1]; /* [gpus]: pods that hold so many whole GPUs, >= 2 */
  int32_t worth[PACK_PRODUCTS_MAX];       /* of its remainders by the price table, micro-GPU */
};

struct reserve {
  uint32_t *ids;        /* [node]: the value that its share is of; 0: nothing is known */
  struct share *shares; /* [node] */
  size_t cap;
  size_t count;
  int64_t supply[LEVELS_MAX];
  int64_t running[PACK_DEVICES_MAX + 1];
  int64_t worth[PACK_PRODUCTS_MAX];
};

struct reserve *reserve_new(void) {
  return mem_zalloc(sizeof(struct reserve));
}

void reserve_free(struct reserve *reserve) {
  if (!reserve)
    return;
  free(reserve->ids);
  free(reserve->shares);
  free(reserve);
}

void reserve_clear(struct reserve *reserve) {
  struct reserve empty = {.ids = reserve->ids, .shares = reserve->shares, .cap = reserve->cap};
  if (empty.cap)
    memset(empty.ids, 0, empty.cap * sizeof(*empty.ids));
  *reserve = empty;
}

static void add(struct reserve *reserve, const struct share *share, int sign) {
  for (size_t l = 0; l < LEVELS_MAX; l++)
    reserve->supply[l] += sign * share->hosts[l];
  for (size_t k = 0; k <= PACK_DEVICES_MAX; k++)
    reserve->running[k] += sign * share->running[k];
  for (size_t product = 0; product < PACK_PRODUCTS_MAX; product++)
    reserve->worth[product] += sign * share->worth[product];
}

static void look_at(const struct pack_tables *tables, const struct pack_node *node,
                    bool is_switching, struct share *ret) {
  *ret = (struct share){0};
  for (uint16_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (device->mode == PACK_MODE_WHOLE)
      ret->worth[device->product] += tables->prices[device->left];
  }
  unsigned idle = reserve_idle(node, is_switching);
  (void)reserve_hosts(tables, idle, node->cpu_left, node->mem_left, node->products, ret->hosts);
  for (size_t i = 0; i < node->pod_count; i++) {
    const struct pack_form *form = &node->pods[i].form;
    if (form->kind == PACK_WHOLE && form->count >= 2 && form->count <= PACK_DEVICES_MAX)
      ret->running[form->count]++;
  }
}

static void update(struct reserve *reserve, const struct pack_tables *tables,
                   const struct pack_cluster *cluster, bool is_switching) {
  size_t count = pack_cluster_count(cluster);
  if (reserve->cap < count) {
    reserve->shares = mem_realloc(reserve->shares, count * sizeof(*reserve->shares));
    reserve->ids = mem_realloc(reserve->ids, count * sizeof(*reserve->ids));
    memset(reserve->ids + reserve->cap, 0, (count - reserve->cap) * sizeof(*reserve->ids));
    reserve->cap = count;
  }
  const struct cluster_head *heads = cluster_heads(cluster);
  for (size_t i = 0; i < count; i++) {
    struct share *share = &reserve->shares[i];
    if (reserve->ids[i] == heads[i].id)
      continue;
    if (reserve->ids[i])
      add(reserve, share, -1);
    reserve->ids[i] = heads[i].id;
    look_at(tables, pack_cluster_node(cluster, i), is_switching, share);
    add(reserve, share, 1);
  }
  for (size_t i = count; i < reserve->count; i++) {
    if (reserve->ids[i])
      add(reserve, &reserve->shares[i], -1);
    reserve->ids[i] = 0;
  }
  reserve->count = count;
}

static int64_t square_root(int64_t x) {
  int64_t root = 0;
  for (int64_t bit = INT64_C(1) << 30; bit; bit >>= 1)
    if ((root + bit) * (root + bit) <= x)
      root += bit;
  return root;
}

/* GPUs of one mode, and what an arriving pod asks of them; modes that are switched are one. */
struct pool {
  int64_t milli, milli_left, asked;
};

static void add_to_pool(struct pool *pool, const struct pack_tables *tables,
                        const struct pack_totals *totals, enum pack_mode mode) {
  pool->milli += totals->modes[mode].milli;
  pool->milli_left += totals->modes[mode].milli_left;
  pool->asked += tables->pools[mode];
}

static struct pool pool_of(const struct pack_tables *tables, const struct pack_totals *totals,
                           enum pack_mode mode, bool is_switching) {
  struct pool pool = {0};
  add_to_pool(&pool, tables, totals, mode);
  if (is_switching && mode != PACK_MODE_SHARED)
    add_to_pool(&pool, tables, totals, mode == PACK_MODE_MIG ? PACK_MODE_WHOLE : PACK_MODE_MIG);
  return pool;
}

/*
 * Expected demand in hosts, in 2^-10: from the pods that will have arrived when the free GPUs
 * are gone, and from those that hold it in the mean and do not now, whichever is more.
 */
static int64_t demand_of(const struct reserve *reserve, const struct pool *whole,
                         const struct pack_level *level) {
  if (whole->asked == 0)
    return 0;
  /* pods in 2^-10: milli / (asked / 2^10), times 2^10; hosts: times demand / 2^20 */
  int64_t pods_left = whole->milli_left * (1 << 20) / whole->asked;
  int64_t pods_held = whole->milli * (1 << 20) / whole->asked;
  int64_t coming = (pods_left * level->demand) >> 20;
  int64_t held = (pods_held * level->demand) >> 20;
  for (size_t k = level->gpus; k <= PACK_DEVICES_MAX; k++)
    held -= reserve->running[k] * (int64_t)k * (1 << 10) / level->gpus;
  return coming > held ? coming : held;
}

enum { DEVIATIONS = 8 };

static void price_levels(const struct reserve *reserve, const struct pack_tables *tables,
                         const struct pool *whole, struct price_list *ret) {
  uint16_t most = 1;
  for (size_t l = 0; l < tables->level_count; l++)
    most = tables->levels[l].gpus > most ? tables->levels[l].gpus : most;
  for (size_t l = 0; l < tables->level_count; l++) {
    const struct pack_level *level = &tables->levels[l];
    int64_t demand = demand_of(reserve, whole, level);
    if (demand <= 0)
      continue;
    /* sqrt(D) in 2^-10 is the root of D in 2^-20 */
    int64_t margin = DEVIATIONS * square_root(demand << 10);
    if (reserve->supply[l] << 10 < demand + margin)
      ret->levels[l] = (int32_t)((int64_t)PACK_MICRO * level->gpus / most);
  }
}

/* Prices that follow every arrival would void every cached total: they move in 64 steps. */
static uint32_t in_steps(int64_t price) {
  enum { STEP = 1 << 14 };
  return (uint32_t)(price / STEP * STEP);
}

/* sigma: what bound pods will ask of a product's remainders, over what those are worth. */
static void price_products(const struct reserve *reserve, const struct pack_tables *tables,
                           const struct pack_totals *totals, struct price_list *ret) {
  uint32_t milli_per_pod = tables->pools[PACK_MODE_WHOLE];
  if (milli_per_pod == 0)
    return;
  for (size_t i = 0; i < tables->bound_count; i++) {
    const struct pack_bound *bound = &tables->bounds[i];
    int64_t worth = 0;
    for (size_t product = 0; product < PACK_PRODUCTS_MAX; product++)
      if (bound->products >> product & 1)
        worth += reserve->worth[product];
    /* free / e * milli per pod (both in 2^-10), in micro-GPU */
    int64_t asked = totals->modes[PACK_MODE_WHOLE].milli_left * bound->milli_per_pod /
                    milli_per_pod * (PACK_MICRO / PACK_MILLI);
    int64_t ratio = worth > 0 ? (asked << 10) / worth << 10 : asked > 0 ? 1 << 20 : 0;
    for (size_t product = 0; product < PACK_PRODUCTS_MAX; product++)
      if (bound->products >> product & 1) {
        int64_t sum = ret->scarcity[product] + (ratio > 1 << 20 ? 1 << 20 : ratio);
        ret->scarcity[product] = in_steps(sum > 1 << 20 ? 1 << 20 : sum);
      }
  }
}

/*
 * What a milli of a mode costs a pod that has a choice of modes: nothing while that pool has room
 * for all that may come to it, a whole GPU's value once it has not. `needed` is what is still to
 * come of the pods that the whole cluster can hold, or what they hold in the mean and do not now,
 * whichever is more: as for levels.
 */
static void price_pools(const struct pack_tables *tables, const struct pack_totals *totals,
                        bool is_switching, struct price_list *ret) {
  enum { FREE_PERCENT = 80, FULL_PERCENT = 120 };
  for (size_t mode = 0; mode < PACK_MODES && tables->milli_per_pod; mode++) {
    struct pool pool = pool_of(tables, totals, (enum pack_mode)mode, is_switching);
    int64_t coming = totals->milli_left * pool.asked / tables->milli_per_pod;
    int64_t held =
        totals->milli * pool.asked / tables->milli_per_pod - (pool.milli - pool.milli_left);
    int64_t needed = coming > held ? coming : held;
    int64_t percent = pool.milli_left > 0 ? needed * 100 / pool.milli_left
                      : needed > 0        ? FULL_PERCENT
                                          : 0;
    percent = percent < FREE_PERCENT ? FREE_PERCENT : percent;
    percent = percent > FULL_PERCENT ? FULL_PERCENT : percent;
    ret->pools[mode] =
        in_steps((percent - FREE_PERCENT) * (1 << 20) / (FULL_PERCENT - FREE_PERCENT));
  }
}

void reserve_prices(struct reserve *reserve, const struct pack_tables *tables,
                    const struct pack_cluster *cluster, bool is_switching, struct price_list *ret) {
  const struct pack_totals *totals = pack_cluster_totals(cluster);
  *ret = (struct price_list){0};
  price_pools(tables, totals, is_switching, ret);
  if (tables->level_count == 0 && tables->bound_count == 0)
    return;
  update(reserve, tables, cluster, is_switching);
  struct pool whole = pool_of(tables, totals, PACK_MODE_WHOLE, is_switching);
  price_levels(reserve, tables, &whole, ret);
  price_products(reserve, tables, totals, ret);
}
